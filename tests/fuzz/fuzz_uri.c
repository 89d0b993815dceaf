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

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice text = fuzz_slice(data, size), a = text, b = {0}, name, value;
	struct arena *arena = arena_new(4096, (size_t)1 << 24);
	struct sip_uri x, y;

	FUZZ_CHECK(arena != NULL);
	(void)slice_cut(text, '\n', &a, &b);
	if (sip_uri_parse(&x, a) == 0) {
		FUZZ_CHECK(slice_eq(x.text, a) && sip_uri_equal(&x, &x));
		if (x.scheme == SIP_SCHEME_SIP || x.scheme == SIP_SCHEME_SIPS)
			FUZZ_CHECK(x.host.len > 0 && x.hostport.p == x.host.p &&
				x.hostport.len >= x.host.len);
		if (sip_uri_parse(&y, b) == 0)
			FUZZ_CHECK(sip_uri_equal(&x, &y) == sip_uri_equal(&y, &x));
	}
	while (sip_param_next(&b, &name, &value))
		continue;
	check_escapes(arena, text);
	arena_put(arena);
	return 0;
}
