#include "plugins/rtpp/rtpp_notify.h"

#include "plugins/rtpp/rtpp_proto.h"

const char *rtpp_notify_read(struct addr_stream *out, const char *text)
{
	struct addr_stream a;
	const char *fault = addr_stream_parse(&a, text);

	if (fault)
		return fault;
	for (size_t i = 0; a.is_unix && a.path[i] != '\0'; i++)
		if ((unsigned char)a.path[i] <= ' ')
			return "a path without blanks: it is a word of a command to the "
			       "RTP "
			       "proxies";
	*out = a;
	return NULL;
}

void rtpp_notify_name(struct buf *b, const struct addr_stream *n, unsigned features)
{
	char text[ADDR_TEXT];

	if (n->is_unix) {
		buf_str(b, n->path);
		return;
	}
	if (addr_is_any(&n->tcp)) {
		if (features & RTPP_F_CC_SELF)
			buf_printf(b, "tcp:%%%%CC_SELF%%%%:%u",
				(unsigned)addr_port(&n->tcp));
		return;
	}
	if (features & (RTPP_F_TCP_NAME | RTPP_F_CC_SELF))
		buf_str(b, "tcp:");
	buf_add(b, addr_text(&n->tcp, text));
}
