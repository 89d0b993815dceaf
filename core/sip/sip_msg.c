#include "core/sip/sip_msg.h"

#include <errno.h>

#include "core/sip/sip_header.h"
#include "core/sip/sip_scan.h"
#include "core/sip/sip_uri.h"

#define MAX_HEADERS 256
#define MAX_SIZE    65535
#define HDR_CHUNK                                                                        \
	16 /* headers allocated at a time: most messages need one or two chunks */

struct parser {
	struct sip_msg *msg;
	const char *p, *end; /* unread bytes */
	unsigned max_headers;
	struct sip_hdr *last_of[SIP_H_COUNT]; /* the last of each id so far */
	struct sip_hdr *room; /* headers allocated and not yet used */
	unsigned room_left;
	unsigned odd; /* SIP_FIELD_* seen so far */
	int err; /* the first that happened; reading goes on, so that a 400 can be sent */
	struct sip_error why;
};

/** The first complaint stays. Replies are never answered. */
static void refuse(struct parser *ps, int err, unsigned code, const char *text)
{
	if (ps->err != 0)
		return;
	ps->err = err;
	ps->why.code = ps->msg->kind == SIP_REQUEST ? code : 0;
	ps->why.text = text;
}

static bool ends_as_version(struct slice s)
{
	return s.len >= 7 && slice_istarts(s, SLICE("SIP/")) && sip_is(s.p[4], SC_DIGIT);
}

static bool is_version(struct slice s)
{
	return slice_ieq(s, SLICE("SIP/2.0"));
}

static void parse_request_line(struct parser *ps, struct slice line)
{
	struct sip_msg *msg = ps->msg;
	struct slice rest, version;
	struct sip_uri uri;

	msg->kind = SIP_REQUEST;
	if (!slice_cut(line, ' ', &msg->method_text, &rest) ||
		slice_empty(msg->method_text) ||
		sip_skip(msg->method_text.p, rest.p - 1, SC_TOKEN) != rest.p - 1) {
		/* Not even a method: nobody who speaks SIP sent this. */
		msg->kind = 0;
		msg->method_text = (struct slice){0};
		refuse(ps, -EBADMSG, 0, "Not SIP");
		return;
	}
	msg->method = sip_method_of(msg->method_text);
	/* Exactly one SP between the parts (section 7.1): anything else is read
	 * differently by different hops. */
	if (!slice_cut(rest, ' ', &msg->ruri_received, &version)) {
		msg->ruri_received = (struct slice){0};
		refuse(ps, -EBADMSG, 400, "Bad Request Line");
		return;
	}
	if (!is_version(version)) {
		if (ends_as_version(version) && slice_chr(version, ' ') < 0)
			refuse(ps, -EBADMSG, 505, "Version Not Supported");
		else
			refuse(ps, -EBADMSG, 400, "Bad Request Line");
	} else if (sip_uri_parse(&uri, msg->ruri_received) != 0 ||
		!slice_empty(uri.headers)) {
		/* Header fields in a Request-URI are not allowed (section 19.1.1, table
		 * 1). */
		refuse(ps, -EBADMSG, 400, "Bad Request-URI");
	}
	msg->ruri = msg->ruri_received;
}

static void parse_status_line(struct parser *ps, struct slice line)
{
	struct sip_msg *msg = ps->msg;
	struct slice version = line, rest = {0};
	uint64_t code = 0;

	msg->kind = SIP_REPLY;
	(void)slice_cut(line, ' ', &version, &rest);
	if (!is_version(version)) {
		refuse(ps, -EBADMSG, 0, "Version Not Supported");
		return;
	}
	if (slice_u64(slice_sub(rest, 0, 3), 699, &code) != 0 || code < 100 ||
		(rest.len > 3 && rest.p[3] != ' ')) {
		refuse(ps, -EBADMSG, 0, "Bad Status Line");
		return;
	}
	msg->status = (unsigned)code;
	msg->reason = slice_from(rest, 4);
}

/** False: there is not even a first line. */
static bool parse_start_line(struct parser *ps)
{
	unsigned odd = 0;
	const char *end = sip_field_end(ps->p, ps->end, &odd);
	struct slice line;

	if (!end) {
		refuse(ps, -EBADMSG, 0, "Not SIP");
		return false;
	}
	line = sip_between(ps->p, end);
	ps->msg->start_line = line;
	line.len -= odd & SIP_FIELD_BARE_LF ? 1 : 2;
	ps->p = end;
	if (slice_istarts(line, SLICE("SIP/")))
		parse_status_line(ps, line);
	else
		parse_request_line(ps, line);
	if (odd & SIP_FIELD_STRAY_CR || memchr(line.p, '\n', line.len))
		refuse(ps, -EBADMSG, 400, "Bad Start Line");
	return ps->msg->kind != 0;
}

static struct sip_hdr *hdr_room(struct parser *ps)
{
	if (ps->room_left == 0) {
		ps->room = arena_alloc(ps->msg->arena, HDR_CHUNK * sizeof(*ps->room));
		if (!ps->room)
			return NULL;
		ps->room_left = HDR_CHUNK;
	}
	ps->room_left--;
	return ps->room++;
}

/** May stand once only; two of them are read differently by different hops. */
static const char *single(enum sip_hdr_id id)
{
	switch ((int)id) {
	case SIP_H_FROM:
		return "Multiple From";
	case SIP_H_TO:
		return "Multiple To";
	case SIP_H_CALL_ID:
		return "Multiple Call-ID";
	case SIP_H_CSEQ:
		return "Multiple CSeq";
	case SIP_H_MAX_FORWARDS:
		return "Multiple Max-Forwards";
	default:
		return NULL;
	}
}

static void link_header(struct parser *ps, struct sip_hdr *h)
{
	struct sip_msg *msg = ps->msg;
	const struct sip_hdr *first = msg->by_id[h->id];

	if (!first)
		msg->by_id[h->id] = h;
	else if (single(h->id))
		refuse(ps, -EBADMSG, 400, single(h->id));
	else if (h->id == SIP_H_CONTENT_LENGTH && !slice_eq(first->value, h->value))
		refuse(ps, -EBADMSG, 400, "Multiple Content-Length");
	if (ps->last_of[h->id])
		ps->last_of[h->id]->same = h;
	ps->last_of[h->id] = h;
	h->same = NULL;
	h->next = NULL;
	h->prev = msg->last;
	if (msg->last)
		msg->last->next = h;
	else
		msg->first = h;
	msg->last = h;
	msg->hdr_count++;
}

/** A known name right before its colon need not be looked at letter by letter: cut. Else SIP_H_OTHER. */
static enum sip_hdr_id known_field(
	const char *p, const char *end, struct slice *name, struct slice *value)
{
	const char *colon = memchr(p, ':', (size_t)(end - p));
	enum sip_hdr_id id = colon ? sip_hdr_id_of(sip_between(p, colon)) : SIP_H_OTHER;

	if (id == SIP_H_OTHER)
		return id;
	*name = sip_between(p, colon);
	*value = sip_trim(colon + 1, end);
	return id;
}

/** One field that ends at end. 0 or -ENOMEM. */
static int parse_field(struct parser *ps, const char *end, unsigned odd)
{
	struct sip_hdr *h;
	struct slice name, value;
	enum sip_hdr_id id;

	if (odd & SIP_FIELD_STRAY_CR)
		refuse(ps, -EBADMSG, 400, "Stray CR in Header");
	/* Bit 5 makes a '-' of a CR: with a stray one the slow way. */
	id = odd & SIP_FIELD_STRAY_CR ? SIP_H_OTHER : known_field(ps->p, end, &name, &value);
	if (id == SIP_H_OTHER && sip_field_cut(ps->p, end, &name, &value) != 0) {
		refuse(ps, -EBADMSG, 400, "Malformed Header");
		return 0;
	}
	h = hdr_room(ps);
	if (!h)
		return -ENOMEM;
	h->id = id != SIP_H_OTHER ? id : sip_hdr_id_of(name);
	h->flags = odd & SIP_FIELD_BARE_LF ? SIP_HDR_BARE_LF : 0;
	h->name = name;
	h->value = h->received = value;
	h->line = sip_between(ps->p, end);
	h->parsed = NULL;
	link_header(ps, h);
	return 0;
}

/** All fields up to and with the empty line. 0 or -ENOMEM. */
static int parse_fields(struct parser *ps)
{
	while (ps->p < ps->end) {
		unsigned odd = 0;
		const char *end;

		if (*ps->p == '\n' ||
			(*ps->p == '\r' && ps->p + 1 < ps->end && ps->p[1] == '\n')) {
			ps->p += *ps->p == '\n' ? 1 : 2;
			return 0;
		}
		end = sip_field_end(ps->p, ps->end, &odd);
		if (!end)
			break;
		if (ps->msg->hdr_count >= ps->max_headers) {
			refuse(ps, -EMSGSIZE, 513, "Too Many Headers");
			return 0;
		}
		if (parse_field(ps, end, odd) != 0)
			return -ENOMEM;
		ps->p = end;
	}
	refuse(ps, -EBADMSG, 400, "Truncated Message");
	return 0;
}

/** NUL is legal behind a backslash in quoted strings and comments only. */
static bool stray_nul(const char *p, const char *end)
{
	const char *nul = p;

	while ((nul = memchr(nul, 0, (size_t)(end - nul))) != NULL) {
		if (nul == p || nul[-1] != '\\')
			return true;
		nul++;
	}
	return false;
}

static void check_cseq(struct parser *ps)
{
	struct sip_msg *msg = ps->msg;
	struct slice value = msg->by_id[SIP_H_CSEQ]->value;
	const char *end = value.p + value.len;
	const char *digits_end = sip_skip(value.p, end, SC_DIGIT);
	struct slice method = sip_trim(digits_end, end);
	uint64_t n;

	if (slice_u64(sip_between(value.p, digits_end), UINT32_MAX, &n) != 0 ||
		digits_end == method.p || slice_empty(method) ||
		sip_skip(method.p, method.p + method.len, SC_TOKEN) !=
			method.p + method.len) {
		refuse(ps, -EBADMSG, 400, "Bad CSeq");
		return;
	}
	msg->cseq = (uint32_t)n;
	msg->cseq_method_text = method;
	if (msg->kind == SIP_REPLY)
		msg->method = sip_method_of(method);
	else if (!slice_eq(method, msg->method_text))
		refuse(ps, -EBADMSG, 400, "CSeq Method Does Not Match");
}

static void check_call_id(struct parser *ps)
{
	struct slice value = ps->msg->by_id[SIP_H_CALL_ID]->value;
	size_t i;

	ps->msg->call_id = value;
	for (i = 0; i < value.len; i++)
		if ((unsigned char)value.p[i] <= ' ' || value.p[i] == 127)
			break;
	if (i < value.len || value.len == 0)
		refuse(ps, -EBADMSG, 400, "Bad Call-ID");
}

/** The mandatory ones (section 8.1.1) are there and make sense. 0 or -ENOMEM. */
static int check_mandatory(struct parser *ps)
{
	static const struct {
		enum sip_hdr_id id;
		const char *missing;
	} need[] = {
		{SIP_H_VIA, "Missing Via"},
		{SIP_H_FROM, "Missing From"},
		{SIP_H_TO, "Missing To"},
		{SIP_H_CALL_ID, "Missing Call-ID"},
		{SIP_H_CSEQ, "Missing CSeq"},
	};
	struct sip_msg *msg = ps->msg;
	const struct sip_nameaddr *from, *to;
	int err, from_err, to_err;
	unsigned i;

	for (i = 0; i < sizeof(need) / sizeof(need[0]); i++)
		if (!msg->by_id[need[i].id])
			refuse(ps, -EBADMSG, 400, need[i].missing);
	if (msg->by_id[SIP_H_CALL_ID])
		check_call_id(ps);
	if (msg->by_id[SIP_H_CSEQ])
		check_cseq(ps);
	if (ps->err != 0)
		return 0;
	/* Everybody needs these three: parsed now, they are known to be good for the rest
	 * of the way. */
	if (!sip_via_list(msg, &err))
		refuse(ps, -EBADMSG, 400, "Bad Via");
	from = sip_from(msg, &from_err);
	if (!from || from->uri_err != 0)
		refuse(ps, -EBADMSG, 400, "Bad From");
	to = sip_to(msg, &to_err);
	if (!to || to->uri_err != 0)
		refuse(ps, -EBADMSG, 400, "Bad To");
	return err == -ENOMEM || from_err == -ENOMEM || to_err == -ENOMEM ? -ENOMEM : 0;
}

/** The body: Content-Length bytes, or all that is left (section 18.3). */
static void parse_body(struct parser *ps)
{
	struct sip_msg *msg = ps->msg;
	struct slice body = sip_between(ps->p, ps->end);
	uint64_t len;

	if (msg->by_id[SIP_H_CONTENT_LENGTH]) {
		int err = slice_u64(
			msg->by_id[SIP_H_CONTENT_LENGTH]->value, SIZE_MAX / 2, &len);

		if (err == -EINVAL)
			refuse(ps, -EBADMSG, 400, "Bad Content-Length");
		else if (err != 0 || len > body.len)
			refuse(ps, -EBADMSG, 400, "Content-Length Beyond End of Message");
		else
			body.len = len;
	}
	msg->body_received = msg->body = body;
	msg->raw = sip_between(msg->raw.p, body.p + body.len);
}

int sip_parse(struct sip_msg *msg, struct arena *arena, struct slice data,
	const struct sip_limits *limits, struct sip_error *why)
{
	struct parser ps = {.msg = msg, .max_headers = MAX_HEADERS};
	size_t max_size = MAX_SIZE;

	if (limits) {
		ps.max_headers = limits->max_headers;
		max_size = limits->max_size;
	}
	memset(msg, 0, sizeof(*msg));
	msg->arena = arena;
	if (slice_empty(data)) {
		*why = (struct sip_error){0, "Empty"};
		return -EBADMSG;
	}
	ps.end = data.p + data.len;
	for (ps.p = data.p; ps.p < ps.end && (*ps.p == '\r' || *ps.p == '\n');)
		ps.p++; /* keepalives before a message are skipped (section 7.5) */
	msg->raw = sip_between(ps.p, ps.end);
	if (parse_start_line(&ps)) {
		if (data.len > max_size)
			refuse(&ps, -EMSGSIZE, 513, "Message Too Large");
		if (parse_fields(&ps) != 0)
			return -ENOMEM;
		if (stray_nul(msg->raw.p, ps.p))
			refuse(&ps, -EBADMSG, 400, "NUL in Header");
		parse_body(&ps);
		if (check_mandatory(&ps) != 0)
			return -ENOMEM;
	}
	if (ps.err != 0)
		*why = ps.why;
	return ps.err;
}

bool sip_can_reply(struct sip_msg *msg)
{
	return msg->kind == SIP_REQUEST && msg->method != SIP_ACK && sip_via_top(msg);
}
