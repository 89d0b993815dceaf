#include "core/sip/sip_write.h"

#include <errno.h>

#include "core/sip/sip_write_int.h"

/**
 * A stretch of received bytes that is still to be copied: unedited lines that follow each
 * other are one.
 */
struct stretch {
	struct buf *b;
	const char *from, *to;
};

static void flush(struct stretch *s)
{
	if (s->from)
		buf_add(s->b, slice_make(s->from, (size_t)(s->to - s->from)));
	s->from = s->to = NULL;
}

static void keep(struct stretch *s, struct slice bytes)
{
	if (s->to != bytes.p) {
		flush(s);
		s->from = bytes.p;
	}
	s->to = bytes.p + bytes.len;
}

static bool as_received(const struct sip_hdr *h)
{
	return (h->flags & (SIP_HDR_EDITED | SIP_HDR_ADDED | SIP_HDR_BARE_LF)) == 0;
}

void sip_put_value(struct buf *b, struct slice value)
{
	const char *nl;

	while (value.len > 0 && (nl = memchr(value.p, '\n', value.len)) != NULL) {
		size_t n = (size_t)(nl - value.p);
		size_t text = n > 0 && nl[-1] == '\r' ? n - 1 : n;

		buf_add(b, slice_sub(value, 0, text));
		buf_add(b, SLICE("\r\n"));
		value = slice_from(value, n + 1);
	}
	buf_add(b, value);
}

void sip_put_field(struct buf *b, struct slice name, struct slice value)
{
	buf_add(b, name);
	buf_add(b, SLICE(": "));
	sip_put_value(b, value);
	buf_add(b, SLICE("\r\n"));
}

void sip_put_header(struct buf *b, const struct sip_hdr *h)
{
	if (as_received(h))
		buf_add(b, h->line);
	else
		sip_put_field(b, h->name, h->value);
}

void sip_put_received(struct buf *b, const struct sip_hdr *h)
{
	if (h->flags & SIP_HDR_ADDED)
		return;
	if (h->flags & SIP_HDR_BARE_LF)
		sip_put_field(b, h->name, h->received);
	else
		buf_add(b, h->line);
}

void sip_put_length(struct buf *b, size_t n)
{
	buf_add(b, SLICE("Content-Length: "));
	buf_u64(b, n);
	buf_add(b, SLICE("\r\n"));
}

void sip_put_lines(struct buf *b, struct slice lines)
{
	if (slice_empty(lines))
		return;
	buf_add(b, lines);
	if (lines.p[lines.len - 1] != '\n')
		buf_add(b, SLICE("\r\n"));
}

struct slice sip_via_rest(const struct sip_via *first)
{
	struct slice field = first->hdr->value;
	const struct sip_via *second = first->next;

	if (!second || second->hdr != first->hdr)
		return (struct slice){0};
	return slice_from(field, (size_t)(second->text.p - field.p));
}

/**
 * Can the received start line leave as it came? "sip/2.0" may be received, not sent
 * (section 7.1).
 */
static bool start_line_stays(const struct sip_msg *msg, struct slice ruri)
{
	struct slice line = msg->start_line;

	if (line.len < 9 || line.p[line.len - 2] != '\r')
		return false;
	if (msg->kind == SIP_REPLY)
		return slice_starts(line, SLICE("SIP/2.0"));
	return ruri.p == msg->ruri_received.p && ruri.len == msg->ruri_received.len &&
		slice_starts(slice_from(line, line.len - 9), SLICE("SIP/2.0"));
}

/**
 * Request line or status line. ruri: to be written instead of the message's, or empty.
 */
static void put_start_line(
	struct stretch *s, const struct sip_msg *msg, struct slice ruri)
{
	if (slice_empty(ruri))
		ruri = msg->ruri;
	if (start_line_stays(msg, ruri)) {
		keep(s, msg->start_line);
		return;
	}
	if (msg->kind == SIP_REPLY) {
		buf_add(s->b, SLICE("SIP/2.0 "));
		buf_u64(s->b, msg->status);
		buf_chr(s->b, ' ');
		buf_add(s->b, msg->reason);
	} else {
		buf_add(s->b, msg->method_text);
		buf_chr(s->b, ' ');
		buf_add(s->b, ruri);
		buf_add(s->b, SLICE(" SIP/2.0"));
	}
	buf_add(s->b, SLICE("\r\n"));
}

static bool body_edited(const struct sip_msg *msg)
{
	return msg->body.p != msg->body_received.p ||
		msg->body.len != msg->body_received.len;
}

/** What put_headers() is to change on the way. */
struct changes {
	const struct sip_hdr *skip_via; /**< its first value is left out; NULL: none */
	struct slice via_rest;          /**< what stays of it */
	bool need_length;               /**< write Content-Length when there is none */
	struct slice hops;              /**< Max-Forwards as it is to be; empty: as it stands */
};

static void put_headers(struct stretch *s, struct sip_msg *msg, const struct changes *c)
{
	const struct sip_hdr *h;
	bool have_length = false, edited = body_edited(msg);
	struct slice hops = c->hops;

	for (h = msg->first; h; h = h->next) {
		if (h->flags & SIP_HDR_REMOVED)
			continue;
		if (h->id == SIP_H_CONTENT_LENGTH &&
			(edited || have_length || !as_received(h))) {
			/* Whatever was written into it, the length on the wire is the
			 * true one. */
			flush(s);
			if (!have_length)
				sip_put_length(s->b, msg->body.len);
			have_length = true;
			continue;
		}
		if (h->id == SIP_H_CONTENT_LENGTH)
			have_length = true;
		if (h == c->skip_via) {
			flush(s);
			if (!slice_empty(c->via_rest))
				sip_put_field(s->b, h->name, c->via_rest);
		} else if (h->id == SIP_H_MAX_FORWARDS && !slice_empty(hops)) {
			flush(s);
			sip_put_field(s->b, h->name, hops);
			hops = (struct slice){0};
		} else if (as_received(h)) {
			keep(s, h->line);
		} else {
			flush(s);
			sip_put_field(s->b, h->name, h->value);
		}
	}
	flush(s);
	if (!slice_empty(hops))
		sip_put_field(s->b, SLICE("Max-Forwards"), hops);
	if (!have_length && (edited || c->need_length))
		sip_put_length(s->b, msg->body.len);
}

void sip_write_request(struct buf *b, struct sip_msg *msg, const struct sip_forward *fwd)
{
	struct stretch s = {.b = b};
	const struct changes c = {.need_length = true, .hops = fwd->hops};

	put_start_line(&s, msg, fwd->ruri);
	flush(&s);
	if (!slice_empty(fwd->via))
		sip_put_field(b, SLICE("Via"), fwd->via);
	if (!slice_empty(fwd->route))
		sip_put_field(b, SLICE("Route"), fwd->route);
	put_headers(&s, msg, &c);
	sip_put_lines(b, fwd->extra);
	buf_add(b, SLICE("\r\n"));
	buf_add(b, msg->body);
}

void sip_write_reply(struct buf *b, struct sip_msg *msg)
{
	struct stretch s = {.b = b};
	struct changes c = {.need_length = true};
	int err = 0;
	const struct sip_via *top = sip_via_list(msg, &err);

	if (err != 0) {
		if (b->err == 0)
			b->err = err;
		return;
	}
	if (top) {
		c.skip_via = top->hdr;
		c.via_rest = sip_via_rest(top);
	}
	put_start_line(&s, msg, (struct slice){0});
	put_headers(&s, msg, &c);
	buf_add(b, SLICE("\r\n"));
	buf_add(b, msg->body);
}

void sip_write_plain(struct buf *b, struct sip_msg *msg)
{
	struct stretch s = {.b = b};
	const struct changes c = {0};

	put_start_line(&s, msg, (struct slice){0});
	put_headers(&s, msg, &c);
	buf_add(b, SLICE("\r\n"));
	buf_add(b, msg->body);
}
