#include "plugins/rtpp/rtpp_notify.h"

#include <string.h>

#include "plugins/rtpp/rtpp_proto.h"

const char *rtpp_notify_read(struct rtpp_notify *out, struct slice text)
{
	static const char want[] =
		"tcp:ADDRESS:PORT with an IP address, unix:/PATH or /PATH";
	struct rtpp_notify n = {0};
	struct slice path = text;

	if (slice_istarts(text, SLICE("tcp:"))) {
		if (addr_parse(&n.addr, slice_from(text, 4), 0) != 0 ||
			addr_port(&n.addr) == 0)
			return want;
	} else {
		if (slice_istarts(text, SLICE("unix:")))
			path = slice_from(text, 5);
		if (path.len < 2 || path.p[0] != '/')
			return want;
		if (path.len > RTPP_PATH_MAX)
			return "a shorter path: the kernel takes 107 characters for a "
			       "UNIX socket";
		for (size_t i = 0; i < path.len; i++)
			if ((unsigned char)path.p[i] <= ' ')
				return "a path without blanks: it is a word of a command "
				       "to the RTP proxies";
		memcpy(n.path, path.p, path.len);
	}
	*out = n;
	return NULL;
}

void rtpp_notify_name(struct buf *b, const struct rtpp_notify *n, unsigned features)
{
	char text[ADDR_TEXT];

	if (!addr_is_set(&n->addr)) {
		buf_str(b, n->path);
		return;
	}
	if (addr_is_any(&n->addr)) {
		if (features & RTPP_F_CC_SELF)
			buf_printf(b, "tcp:%%%%CC_SELF%%%%:%u",
				(unsigned)addr_port(&n->addr));
		return;
	}
	if (features & (RTPP_F_TCP_NAME | RTPP_F_CC_SELF))
		buf_str(b, "tcp:");
	buf_add(b, addr_text(&n->addr, text));
}
