#include "core/sip/sip_msg.h"

#include <errno.h>

#include "core/sip/sip_scan.h"

/* *state: how far the end of the header was searched for, or, with this bit, the length
 * of the whole message. */
#define KNOWN_LENGTH ((size_t)1 << (sizeof(size_t) * 8 - 1))

/** Offset behind the empty line, 0: not there yet; *state then says where to go on. */
static size_t head_end(struct slice msg, size_t *state)
{
	size_t at = *state;

	for (;;) {
		const char *nl =
			at < msg.len ? memchr(msg.p + at, '\n', msg.len - at) : NULL;

		if (!nl) {
			*state = msg.len;
			return 0;
		}
		at = (size_t)(nl - msg.p);
		*state = at; /* look at this line end again when more is there */
		if (at + 1 >= msg.len)
			return 0;
		if (msg.p[at + 1] == '\n')
			return at + 2;
		if (msg.p[at + 1] == '\r') {
			if (at + 2 >= msg.len)
				return 0;
			if (msg.p[at + 2] == '\n')
				return at + 3;
		}
		at++;
	}
}

/** "SIP/2.0 ..." or "... SIP/2.0", whatever the version. */
static bool is_sip_line(struct slice line)
{
	const char *end = line.p + line.len, *p;

	if (slice_istarts(line, SLICE("SIP/")))
		return true;
	for (p = end; p > line.p && p[-1] != ' ';)
		p--;
	return p > line.p && slice_istarts(sip_between(p, end), SLICE("SIP/"));
}

bool sip_is_likely(struct slice data)
{
	const char *p = data.p, *end = data.p + data.len, *nl;

	while (p < end && (*p == '\r' || *p == '\n'))
		p++;
	if (p == end || !sip_is(*p, SC_TOKEN))
		return false;
	nl = memchr(p, '\n', (size_t)(end - p));
	return nl && is_sip_line(sip_trim(p, nl));
}

/** The length in a complete header. 0, or -EBADMSG. */
static int content_length(struct slice head, uint64_t *out)
{
	const char *p = head.p, *end = head.p + head.len, *next;
	struct slice name, value, seen = {0};
	unsigned odd = 0;

	next = sip_field_end(p, end, &odd);
	if (!next || !is_sip_line(sip_trim(p, next)))
		return -EBADMSG;
	/* Line by line: one that goes on another begins with a blank. */
	for (p = next; (next = memchr(p, '\n', (size_t)(end - p))) != NULL; p = next + 1) {
		if ((*p | 0x20) != 'c' && (*p | 0x20) != 'l')
			continue;
		if (sip_field_cut(p, sip_field_end(p, end, &odd), &name, &value) != 0 ||
			sip_hdr_id_of(name) != SIP_H_CONTENT_LENGTH)
			continue;
		if (seen.p && !slice_eq(seen, value))
			return -EBADMSG;
		seen = value;
	}
	/* A stream without it, or with a broken one, has no next message. */
	return slice_u64(seen, SIZE_MAX / 4, out) == 0 ? 0 : -EBADMSG;
}

ptrdiff_t sip_frame(struct slice data, size_t max, size_t *skip, size_t *state)
{
	struct slice msg;
	uint64_t body;
	size_t head, total, n = 0;

	while (n < data.len && (data.p[n] == '\r' || data.p[n] == '\n'))
		n++;
	*skip = n;
	msg = slice_from(data, n);
	if (slice_empty(msg))
		return 0;
	if (*state & KNOWN_LENGTH) {
		total = *state & ~KNOWN_LENGTH;
	} else {
		if (!sip_is(msg.p[0], SC_TOKEN))
			return -EBADMSG;
		head = head_end(msg, state);
		if (head == 0)
			return msg.len > max ? -EMSGSIZE : 0;
		if (content_length(slice_sub(msg, 0, head), &body) != 0)
			return -EBADMSG;
		if (head > max || body > max - head)
			return -EMSGSIZE;
		total = head + body;
	}
	*state = msg.len >= total ? 0 : total | KNOWN_LENGTH;
	return msg.len >= total ? (ptrdiff_t)total : 0;
}

/** Value of the first field of a kind, whose names begin with letter or other (small ones). */
static struct slice peek(struct slice data, enum sip_hdr_id id, char letter, char other)
{
	const char *p = data.p, *end = data.p + data.len, *next;
	struct slice name, value;
	unsigned odd = 0;
	bool first = true;

	if (slice_empty(data))
		return (struct slice){0};
	while (p < end && (*p == '\r' || *p == '\n'))
		p++;
	for (; p < end && *p != '\r' && *p != '\n'; p = next + 1, first = false) {
		const char *stop;

		next = memchr(p, '\n', (size_t)(end - p));
		if (!next)
			break;
		if (first || ((*p | 0x20) != letter && (*p | 0x20) != other))
			continue;
		stop = sip_field_end(p, end, &odd);
		if (stop && sip_field_cut(p, stop, &name, &value) == 0 &&
			sip_hdr_id_of(name) == id)
			return value;
	}
	return (struct slice){0};
}

struct slice sip_peek_call_id(struct slice data)
{
	return peek(data, SIP_H_CALL_ID, 'c', 'i');
}

struct slice sip_peek_to(struct slice data)
{
	return peek(data, SIP_H_TO, 't', 't');
}

struct slice sip_peek_via(struct slice data)
{
	return peek(data, SIP_H_VIA, 'v', 'v');
}
