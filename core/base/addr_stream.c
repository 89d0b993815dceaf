#include "core/base/addr_stream.h"

#include <string.h>

static const char *parse_path(struct addr_stream *a, struct slice path)
{
	if (slice_empty(path) || path.p[0] != '/')
		return "tcp:IP:PORT, unix:/PATH, or an absolute path";
	if (path.len >= sizeof(a->path))
		return "a path of at most 107 bytes";
	a->is_unix = true;
	memcpy(a->path, path.p, path.len);
	a->path[path.len] = '\0';
	return NULL;
}

static const char *parse_tcp(struct addr_stream *a, struct slice text)
{
	if (addr_parse(&a->tcp, text, 0) != 0)
		return "tcp:IP:PORT with an IP address (IPv6 in []) and a port from 1 to "
		       "65535";
	if (addr_port(&a->tcp) == 0)
		return "a port from 1 to 65535 behind the address: tcp:IP:PORT";
	return NULL;
}

const char *addr_stream_parse(struct addr_stream *out, const char *text)
{
	struct addr_stream a = {0};
	struct slice s = slice_str(text);
	const char *fault;

	if (slice_istarts(s, SLICE("tcp:")))
		fault = parse_tcp(&a, slice_from(s, 4));
	else if (slice_istarts(s, SLICE("unix:")))
		fault = parse_path(&a, slice_from(s, 5));
	else
		fault = parse_path(&a, s);
	if (!fault && out)
		*out = a;
	return fault;
}
