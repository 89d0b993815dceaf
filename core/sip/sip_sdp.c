/* SDP in the body of a message: all of it, or parts of one multipart level (RFC 2046). */
#include "core/sip/sdp.h"

#include <errno.h>

#include "core/sip/sip_header.h"
#include "core/sip/sip_scan.h"

#define BODY_MAX     ((size_t)1 << 20) /* a body of ours is never longer */
#define BOUNDARY_MAX 70                /* RFC 2046 section 5.1.1 */

/**
 * "application/sdp" with or without blanks round the slash, parameters behind it do not
 * matter.
 */
static bool is_type(struct slice value, struct slice type, struct slice subtype)
{
	struct slice head = value, rest, a, b;

	(void)slice_cut(value, ';', &head, &rest);
	if (!slice_cut(head, '/', &a, &b))
		return false;
	return slice_ieq(slice_trim(a), type) &&
		(slice_empty(subtype) || slice_ieq(slice_trim(b), subtype));
}

/** Is the text written as it is, not in base64 or compressed? */
static bool is_plain(struct slice encoding)
{
	encoding = slice_trim(encoding);
	return slice_empty(encoding) || slice_ieq(encoding, SLICE("identity")) ||
		slice_ieq(encoding, SLICE("7bit")) ||
		slice_ieq(encoding, SLICE("8bit")) ||
		slice_ieq(encoding, SLICE("binary"));
}

/** The boundary of a multipart type without its quotes; empty: none. */
static struct slice boundary_of(struct slice content_type)
{
	struct slice head, params, value = {0};

	if (!slice_cut(content_type, ';', &head, &params) ||
		!sip_param_get(params, SLICE("boundary"), &value))
		return (struct slice){0};
	if (value.len >= 2 && value.p[0] == '"' && value.p[value.len - 1] == '"')
		value = slice_sub(value, 1, value.len - 2);
	return value.len <= BOUNDARY_MAX ? value : (struct slice){0};
}

/** A line "--boundary": where it begins and ends (line end included). */
struct delimiter {
	const char *from, *to;
	bool last; /* "--boundary--" */
};

static bool next_delimiter(
	const char *p, const char *end, struct slice boundary, struct delimiter *d)
{
	while (p < end) {
		const char *nl = memchr(p, '\n', (size_t)(end - p));
		const char *stop = nl ? nl + 1 : end;
		struct slice line = sip_between(p, stop);

		if (slice_starts(line, SLICE("--")) &&
			slice_starts(slice_from(line, 2), boundary)) {
			struct slice tail =
				slice_trim(slice_from(line, 2 + boundary.len));

			if (slice_empty(tail) || slice_eq(tail, SLICE("--"))) {
				*d = (struct delimiter){p, stop, !slice_empty(tail)};
				return true;
			}
		}
		p = stop;
	}
	return false;
}

/** What a part's own header says. */
struct part_head {
	struct slice text;   /* the part itself */
	struct slice type;   /* its Content-Type; empty: text/plain */
	struct slice length; /* its Content-Length, empty: none */
	bool plain;
};

/** Read the header of the part that stands in [p, end). False: malformed. */
static bool read_part(const char *p, const char *end, struct part_head *out)
{
	*out = (struct part_head){.plain = true};
	while (p < end) {
		struct slice name, value;
		unsigned odd = 0;
		const char *next;

		if (*p == '\n' || (*p == '\r' && p + 1 < end && p[1] == '\n')) {
			out->text = sip_between(p + (*p == '\n' ? 1 : 2), end);
			return true;
		}
		next = sip_field_end(p, end, &odd);
		if (!next || sip_field_cut(p, next, &name, &value) != 0)
			return false;
		if (sip_hdr_id_of(name) == SIP_H_CONTENT_TYPE)
			out->type = value;
		else if (sip_hdr_id_of(name) == SIP_H_CONTENT_LENGTH)
			out->length = value;
		else if (sip_hdr_id_of(name) == SIP_H_CONTENT_ENCODING ||
			slice_ieq(name, SLICE("Content-Transfer-Encoding")))
			out->plain = out->plain && is_plain(value);
		p = next;
	}
	return false;
}

/** Goes through the parts of a multipart body. */
struct part_walk {
	const char *end;
	struct slice boundary;
	struct delimiter at;
};

static bool walk_begin(struct part_walk *w, const struct sip_msg *msg, struct slice type)
{
	w->end = msg->body.p + msg->body.len;
	w->boundary = boundary_of(type);
	return is_type(type, SLICE("multipart"), (struct slice){0}) &&
		!slice_empty(w->boundary) &&
		next_delimiter(msg->body.p, w->end, w->boundary, &w->at);
}

/**
 * The next part with a readable header. False: no more. A part that nothing closes is
 * none.
 */
static bool walk_next(struct part_walk *w, struct part_head *out)
{
	struct delimiter next;

	while (!w->at.last && next_delimiter(w->at.to, w->end, w->boundary, &next)) {
		const char *from = w->at.to, *stop = next.from;

		/* The line end before a delimiter belongs to it. */
		if (stop > from && stop[-1] == '\n')
			stop--;
		if (stop > from && stop[-1] == '\r')
			stop--;
		w->at = next;
		if (read_part(from, stop, out))
			return true;
	}
	return false;
}

unsigned sip_sdp_parts(
	const struct sip_msg *msg, struct sip_sdp_part parts[SIP_MAX_SDP_PARTS])
{
	const struct sip_hdr *type = sip_hdr_first(msg, SIP_H_CONTENT_TYPE);
	const struct sip_hdr *coding =
		sip_hdr_find(msg, SLICE("Content-Transfer-Encoding"));
	struct part_walk walk;
	struct part_head part;
	unsigned n = 0;

	if (slice_empty(msg->body) ||
		!is_plain(sip_hdr_value(msg, SIP_H_CONTENT_ENCODING)) ||
		(coding && !is_plain(coding->value)))
		return 0;
	if (!type || is_type(type->value, SLICE("application"), SLICE("sdp"))) {
		parts[0] = (struct sip_sdp_part){.text = msg->body};
		return 1;
	}
	if (!walk_begin(&walk, msg, type->value))
		return 0;
	while (n < SIP_MAX_SDP_PARTS && walk_next(&walk, &part)) {
		if (part.plain && !slice_empty(part.text) &&
			is_type(part.type, SLICE("application"), SLICE("sdp")))
			parts[n++] = (struct sip_sdp_part){
				.text = part.text, .length_where = part.length};
	}
	return n;
}

bool sip_body_is(const struct sip_msg *msg, struct slice wanted)
{
	const struct sip_hdr *h = sip_hdr_first(msg, SIP_H_CONTENT_TYPE);
	struct slice have = h ? h->value : SLICE("application/sdp");
	struct slice type, subtype;
	struct part_walk walk;
	struct part_head part;

	if (slice_empty(msg->body) || slice_empty(wanted))
		return !slice_empty(msg->body);
	if (!slice_cut(wanted, '/', &type, &subtype))
		return false;
	type = slice_trim(type);
	subtype = slice_trim(subtype);
	if (is_type(have, type, subtype))
		return true;
	if (!walk_begin(&walk, msg, have))
		return false;
	while (walk_next(&walk, &part))
		if (is_type(part.type, type, subtype))
			return true;
	return false;
}

int sip_sdp_parse(struct sip_msg *msg, struct sip_sdp_part parts[SIP_MAX_SDP_PARTS],
	unsigned max_media)
{
	unsigned n = sip_sdp_parts(msg, parts), i;

	for (i = 0; i < n; i++) {
		int err = sdp_parse(&parts[i].sdp, msg->arena, parts[i].text, max_media);

		if (err != 0)
			return err;
	}
	return (int)n;
}

int sip_sdp_apply(struct sip_msg *msg, struct sip_sdp_part *parts, unsigned count)
{
	struct slice body = msg->body;
	const char *p = body.p, *end = p + body.len;
	struct buf b;
	unsigned i;

	buf_arena(&b, msg->arena, body.len + 512, BODY_MAX);
	for (i = 0; i < count; i++) {
		const struct sip_sdp_part *part = &parts[i];
		struct slice where = part->length_where;
		struct buf text;

		buf_arena(&text, msg->arena, part->text.len + 256, BODY_MAX);
		sdp_write(&text, &part->sdp);
		if (text.err != 0)
			return -ENOMEM;
		if (!slice_empty(where)) {
			buf_add(&b, sip_between(p, where.p));
			buf_u64(&b, text.len);
			p = where.p + where.len;
		}
		buf_add(&b, sip_between(p, part->text.p));
		buf_add(&b, buf_slice(&text));
		p = part->text.p + part->text.len;
	}
	buf_add(&b, sip_between(p, end));
	if (b.err != 0)
		return -ENOMEM;
	return slice_eq(buf_slice(&b), body) ? 0 : sip_set_body(msg, buf_slice(&b));
}
