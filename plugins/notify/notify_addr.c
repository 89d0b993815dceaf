#include "plugins/notify/notify_addr.h"

#include <string.h>

static const char *parse_path(struct notify_addr *a, struct slice path)
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

static const char *parse_tcp(struct notify_addr *a, struct slice text)
{
	if (addr_parse(&a->tcp, text, 0) != 0)
		return "tcp:IP:PORT with an IP address (IPv6 in []) and a port from 1 to "
		       "65535";
	if (addr_port(&a->tcp) == 0)
		return "a port from 1 to 65535 behind the address: tcp:IP:PORT";
	return NULL;
}

const char *notify_addr_parse(struct notify_addr *out, const char *text)
{
	struct notify_addr a = {0};
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

const char *notify_mode_parse(unsigned *out, const char *text)
{
	unsigned mode = 0;
	const char *p = text;

	for (; *p >= '0' && *p <= '7' && p - text < 5; p++)
		mode = mode * 8 + (unsigned)(*p - '0');
	if (p == text || *p || mode > 0777)
		return "an octal mode from \"0600\" to \"0777\"";
	if (out)
		*out = mode;
	return NULL;
}
