/* sip_uri_parse(), comparison, escapes. */
#include "core/sip/sip_uri.h"
#include "tests/fuzz/fuzz.h"

static void check_escapes(struct arena *arena, struct slice text)
{
	struct buf escaped, plain;

	buf_arena(&escaped, arena, 256, (size_t)1 << 22);
	buf_arena(&plain, arena, 256, (size_t)1 << 22);
	sip_escape_user(&escaped, text);
	sip_unescape(&plain, buf_slice(&escaped));
	FUZZ_CHECK(escaped.err == 0 && slice_eq(buf_slice(&plain), text));
}

/** mark and text, when the text is one of the URI, even an empty one. */
static void put_part(struct buf *b, char mark, struct slice text)
{
	if (!text.p)
		return;
	buf_chr(b, mark);
	buf_add(b, text);
}

/** The parts of a SIP URI, put together again, are the URI. */
static void check_parts(struct arena *arena, const struct sip_uri *u)
{
	struct buf b;

	FUZZ_CHECK(u->host.len > 0 && u->hostport.p == u->host.p && u->hostport.len >= u->host.len);
	buf_arena(&b, arena, 256, (size_t)1 << 22);
	buf_add(&b, u->scheme_text);
	buf_chr(&b, ':');
	if (u->user.p) {
		buf_add(&b, u->user);
		put_part(&b, ':', u->password);
		buf_chr(&b, '@');
	}
	buf_add(&b, u->hostport);
	put_part(&b, ';', u->params);
	put_part(&b, '?', u->headers);
	FUZZ_CHECK(b.err == 0 && slice_eq(buf_slice(&b), u->text));
}

static void check_params(struct slice params)
{
	struct slice rest = params, name, value, first;

	while (sip_param_next(&rest, &name, &value)) {
		fuzz_inside(params, name);
		fuzz_inside(params, value);
		FUZZ_CHECK(name.len == 0 || sip_param_get(params, name, &first));
	}
	fuzz_inside(params, rest);
}

static void check_uri(struct arena *arena, const struct sip_uri *u)
{
	FUZZ_CHECK(sip_uri_equal(u, u));
	fuzz_inside(u->text, u->scheme_text);
	fuzz_inside(u->text, u->user);
	fuzz_inside(u->params, u->maddr);
	check_params(u->params);
	if (u->scheme == SIP_SCHEME_SIP || u->scheme == SIP_SCHEME_SIPS)
		check_parts(arena, u);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice text = fuzz_slice(data, size), a = text, b = {0};
	struct arena *arena = arena_new(4096, (size_t)1 << 24);
	struct sip_uri x, y;

	FUZZ_CHECK(arena != NULL);
	(void)slice_cut(text, '\n', &a, &b);
	if (sip_uri_parse(&x, a) == 0) {
		FUZZ_CHECK(slice_eq(x.text, a));
		check_uri(arena, &x);
		if (sip_uri_parse(&y, b) == 0)
			FUZZ_CHECK(sip_uri_equal(&x, &y) == sip_uri_equal(&y, &x));
	}
	check_params(text);
	check_escapes(arena, text);
	arena_put(arena);
	return 0;
}
