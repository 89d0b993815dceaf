#include "plugins/rtpp/rtpp_sdp.h"

#include <errno.h>

/** Does the protocol of an m= line run over UDP, so that a relay can forward it as it is? */
static bool is_relayed(struct slice proto)
{
	return slice_istarts(proto, SLICE("RTP/")) || slice_ieq(proto, SLICE("udp")) ||
		slice_ieq(proto, SLICE("udptl")) || slice_istarts(proto, SLICE("UDP/")) ||
		slice_istarts(proto, SLICE("DTLS/"));
}

static int read_stream(
	struct rtpp_stream *s, struct sip_msg *msg, const struct rtpp_body_options *opt)
{
	char text[ADDR_TEXT];
	struct addr told;
	int err;

	s->conn = sdp_media_addr(s->sdp, s->media);
	s->port = s->media->port;
	if (!s->conn)
		return -EDESTADDRREQ;
	err = addr_parse_ip(&told, s->conn->addr);
	s->held = err == 0 && addr_is_any(&told);
	if (!s->held && !opt->flags->trust_sdp)
		told = *opt->source;
	else if (err != 0)
		return -EADDRNOTAVAIL; /* the relay would have to ask DNS, and wait for it */
	s->told_ip6 = addr_family(&told) == AF_INET6;
	s->told_ip = arena_dup(msg->arena, addr_ip_text(&told, text));
	return s->told_ip.p ? 0 : -ENOMEM;
}

static int read_streams(
	struct rtpp_body *b, struct sip_msg *msg, const struct rtpp_body_options *opt)
{
	unsigned p, m, number = 0;

	for (p = 0; p < b->part_count; p++) {
		struct sdp *sdp = &b->parts[p].sdp;

		for (m = 0; m < sdp->media_count; m++) {
			struct rtpp_stream *s = &b->streams[b->count];
			int err;

			number++;
			if (sdp->media[m].port == 0 || !is_relayed(sdp->media[m].proto))
				continue;
			*s = (struct rtpp_stream){
				.sdp = sdp, .media = &sdp->media[m], .number = number};
			err = read_stream(s, msg, opt);
			if (err != 0)
				return err;
			b->count++;
		}
	}
	return 0;
}

int rtpp_body_read(
	struct rtpp_body *out, struct sip_msg *msg, const struct rtpp_body_options *opt)
{
	unsigned total = 0, p;
	int n;

	*out = (struct rtpp_body){0};
	n = sip_sdp_parse(msg, out->parts, opt->max_media);
	if (n <= 0)
		return n == 0 ? -ENOENT : n;
	out->part_count = (unsigned)n;
	for (p = 0; p < out->part_count; p++) {
		const struct sdp *sdp = &out->parts[p].sdp;

		if (opt->marker.len > 0 && !opt->flags->ignore_marker &&
			sdp_has_line(sdp, opt->marker))
			return -EALREADY;
		total += sdp->media_count;
	}
	if (total > opt->max_media)
		return -E2BIG;
	out->streams =
		arena_zalloc(msg->arena, (total ? total : 1) * sizeof(*out->streams));
	if (!out->streams)
		return -ENOMEM;
	return read_streams(out, msg, opt);
}

/** What apply works with: one address at a time, and its text. */
struct writer {
	struct arena *arena;
	const struct rtpp_flags *flags;
	struct addr addr;
	struct slice text; /* in the arena */
};

static int use_addr(struct writer *w, const struct addr *a)
{
	char text[ADDR_TEXT];

	if (addr_is_set(&w->addr) && addr_eq_ip(&w->addr, a))
		return 0;
	w->addr = *a;
	w->text = arena_dup(w->arena, addr_ip_text(a, text));
	return w->text.p ? 0 : -ENOMEM;
}

/** The new address, or for a held stream the null address of the new family. */
static void write_addr(const struct writer *w, struct sdp_addr *a, bool held)
{
	bool ip6 = addr_family(&w->addr) == AF_INET6;

	if (!held)
		sdp_set_addr(a, w->text, ip6);
	else if (a->ip6 != ip6)
		sdp_set_addr(a, ip6 ? SLICE("::") : SLICE("0.0.0.0"), ip6);
}

static bool first_of_session(const struct rtpp_body *b, unsigned i)
{
	unsigned k;

	for (k = 0; k < i; k++)
		if (b->streams[k].sdp == b->streams[i].sdp &&
			b->streams[k].conn == b->streams[i].conn)
			return false;
	return true;
}

static void write_stream(
	const struct writer *w, struct rtpp_body *b, unsigned i, bool first_in_part)
{
	struct rtpp_stream *s = &b->streams[i];
	struct sdp_media *m = s->media;

	sdp_set_port(m, s->relay_port);
	if (!slice_empty(m->rtcp.line)) {
		m->rtcp_port = (uint16_t)(s->relay_port + 1);
		m->rtcp_port_set = true;
		sdp_set_addr(&m->rtcp, w->text, addr_family(&w->addr) == AF_INET6);
	}
	if (s->conn != &s->sdp->conn || first_of_session(b, i))
		write_addr(w, s->conn, s->held);
	if (!first_in_part)
		return;
	if (w->flags->session && s->conn != &s->sdp->conn &&
		!slice_empty(s->sdp->conn.line)) {
		struct addr old;

		write_addr(w, &s->sdp->conn,
			addr_parse_ip(&old, s->sdp->conn.addr) == 0 && addr_is_any(&old));
	}
	if (w->flags->origin)
		sdp_set_addr(&s->sdp->origin, w->text, addr_family(&w->addr) == AF_INET6);
}

int rtpp_body_apply(struct rtpp_body *body, struct sip_msg *msg,
	const struct rtpp_body_options *opt, const struct addr *forced,
	const struct addr *fallback)
{
	struct writer w = {.arena = msg->arena, .flags = opt->flags};
	const struct addr *use = NULL;
	const struct sdp *last = NULL;
	unsigned i;
	int err;

	/* Streams for which rtpengine names no address have that of the first one. */
	for (i = 0; i < body->count && !use; i++)
		if (addr_is_set(&body->streams[i].relay))
			use = &body->streams[i].relay;
	for (i = 0; i < body->count; i++) {
		struct rtpp_stream *s = &body->streams[i];

		if (addr_is_set(&s->relay))
			use = &s->relay;
		err = use_addr(&w, addr_is_set(forced) ? forced : use ? use : fallback);
		if (err != 0)
			return err;
		write_stream(&w, body, i, s->sdp != last);
		if (s->sdp != last && opt->marker.len > 0 &&
			!sdp_has_line(s->sdp, opt->marker)) {
			err = sdp_append_line(s->sdp, opt->marker);
			if (err != 0)
				return err;
		}
		last = s->sdp;
	}
	return sip_sdp_apply(msg, body->parts, body->part_count);
}
