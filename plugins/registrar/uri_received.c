#include "plugins/registrar/uri_received.h"

#include <errno.h>

#include "core/base/buf.h"

/** Where the URI's headers begin: a '?' that no quotes enclose, or the end. */
static size_t headers_at(struct slice text, size_t from)
{
	bool quoted = false;
	size_t i;

	for (i = from; i < text.len && (quoted || text.p[i] != '?'); i++)
		if (text.p[i] == '"')
			quoted = !quoted;
	return i;
}

/** The parameters of a SIP URI, without the leading ';'. A user part may hold ';' too. */
static struct slice params_of(struct slice text)
{
	ptrdiff_t at = slice_chr(text, '@'), semi;
	size_t from = at < 0 ? 0 : (size_t)at, end;

	semi = slice_chr(slice_from(text, from), ';');
	if (semi < 0)
		return (struct slice){0};
	from += (size_t)semi + 1;
	end = headers_at(text, from);
	return slice_sub(text, from, end - from);
}

int uri_received_cut(struct arena *arena, struct slice text, struct sip_uri *uri,
	struct slice *received)
{
	struct slice params = params_of(text), rest = params, name, value, found;
	struct sip_uri left;
	struct buf b;

	if (slice_empty(params) || !sip_param_get(params, SLICE("received"), &found))
		return -ENOENT;
	buf_arena(&b, arena, text.len + 1, text.len + 1);
	buf_add(&b, slice_make(text.p, (size_t)(params.p - text.p) - 1));
	while (sip_param_next(&rest, &name, &value)) {
		if (slice_ieq(name, SLICE("received")))
			continue;
		buf_chr(&b, ';');
		buf_add(&b, slice_make(name.p, (size_t)(rest.p - name.p)));
	}
	buf_add(&b, slice_from(text, (size_t)(params.p + params.len - text.p)));
	if (b.err != 0)
		return -ENOMEM;
	if (sip_uri_parse(&left, buf_slice(&b)) != 0)
		return -EINVAL;
	*uri = left;
	*received = found;
	return 0;
}
