/* Pieces of messages that caller and callee write alike. */
#include "bench/load.h"

/* Each phone has a private address of its own, so that the server has something to repair. */
void words_private(const struct load *load, struct text *t, uint32_t phone)
{
	if (load->options.target.ss_family == AF_INET6) {
		TEXT_LITERAL(t, "[fd00::");
		text_hex(t, phone >> 16);
		TEXT_LITERAL(t, ":");
		text_hex(t, phone & 0xffff);
		TEXT_LITERAL(t, "]");
		return;
	}
	TEXT_LITERAL(t, "10.");
	text_number(t, phone >> 16 & 255, 1);
	TEXT_LITERAL(t, ".");
	text_number(t, phone >> 8 & 255, 1);
	TEXT_LITERAL(t, ".");
	text_number(t, phone & 255, 1);
}

void words_user(struct text *t, uint32_t phone)
{
	TEXT_LITERAL(t, "u");
	text_number(t, phone, 6);
}

void words_sdp(const struct load *load, struct text *t, uint32_t phone)
{
	bool six = load->options.target.ss_family == AF_INET6;
	struct text bare = *t;
	char address[64];

	bare.p = address;
	bare.end = address + sizeof(address);
	words_private(load, &bare, phone);
	TEXT_LITERAL(t, "v=0\r\no=- 3724394400 3724394405 IN ");
	text_string(t, six ? "IP6 " : "IP4 ");
	if (six)
		text_put(t, address + 1, (size_t)(bare.p - address) - 2);
	else
		text_put(t, address, (size_t)(bare.p - address));
	TEXT_LITERAL(t, "\r\ns=call\r\nc=IN ");
	text_string(t, six ? "IP6 " : "IP4 ");
	if (six)
		text_put(t, address + 1, (size_t)(bare.p - address) - 2);
	else
		text_put(t, address, (size_t)(bare.p - address));
	TEXT_LITERAL(t, "\r\nt=0 0\r\nm=audio ");
	text_number(t, 16384 + phone % 8192 * 2, 1);
	TEXT_LITERAL(t, " RTP/AVP 0 8 101\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:8 PCMA/8000\r\n"
			"a=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\na=ptime:20\r\na=sendrecv\r\n");
}

/* A callee that is not registered has one socket, the last one, and no caller uses it. */
struct link *words_link(struct load *load, uint32_t phone)
{
	uint32_t count = load->options.sockets;

	if (load->options.callee == CALLEE_STATIC && count > 1)
		count--;
	return &load->links.link[phone % count];
}
