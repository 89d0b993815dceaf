#include "core/sip/sdp.h"

#include <errno.h>

#include "core/sip/sip_scan.h"

/** What sdp_parse() carries from line to line. */
struct sdp_reader {
	struct sdp *sdp;
	struct sdp_media *media; /**< the one that lines belong to; NULL: session level */
	struct sdp_addr *conn;   /**< the last c= of this level; NULL: none yet */
	unsigned max_media;
	unsigned room; /**< of sdp->media */
	bool version;  /**< v= was seen */
};

/** Cut the next word; blanks between words may be several. False: none left. */
static bool next_word(struct slice *rest, struct slice *word)
{
	const char *p, *end, *stop;

	if (slice_empty(*rest))
		return false;
	p = rest->p;
	end = p + rest->len;
	while (p < end && (*p == ' ' || *p == '\t'))
		p++;
	for (stop = p; stop < end && *stop != ' ' && *stop != '\t';)
		stop++;
	*rest = sip_between(stop, end);
	*word = sip_between(p, stop);
	return stop > p;
}

/** "IN IP4 192.0.2.1[/ttl[/n]]". 0; -ENOENT: another kind of network; -EINVAL. */
static int read_addr(struct slice line, struct slice text, struct sdp_addr *out)
{
	struct sdp_addr a = {.line = line};
	struct slice net, extra;

	if (!next_word(&text, &net) || !next_word(&text, &a.family) ||
		!next_word(&text, &a.where) || next_word(&text, &extra))
		return -EINVAL;
	if (!slice_ieq(net, SLICE("IN")))
		return -ENOENT;
	(void)slice_cut(a.where, '/', &a.where, &extra);
	a.ip6 = slice_ieq(a.family, SLICE("IP6"));
	if ((!a.ip6 && !slice_ieq(a.family, SLICE("IP4"))) || slice_empty(a.where))
		return -EINVAL;
	a.addr = a.where;
	*out = a;
	return 0;
}

/**
 * The user name of o= may hold blanks in the wild: what counts is the last three words.
 */
static int read_origin(struct sdp *s, struct slice line)
{
	struct slice rest = slice_from(line, 2), word;
	const char *starts[3] = {NULL, NULL, NULL};
	unsigned words = 0;
	int err;

	while (next_word(&rest, &word)) {
		starts[words % 3] = word.p;
		words++;
	}
	if (words < 6 || !slice_empty(s->origin.line))
		return -EINVAL;
	err = read_addr(
		line, sip_between(starts[words % 3], line.p + line.len), &s->origin);
	return err == -ENOENT ? 0 : err;
}

static int read_connection(struct sdp_reader *r, struct slice line)
{
	struct sdp_addr *at = r->media ? &r->media->conn : &r->sdp->conn;
	struct sdp_addr a;
	int err = read_addr(line, slice_from(line, 2), &a);

	if (err != 0)
		return err == -ENOENT ? 0 : err;
	if (r->conn) {
		at = r->conn->more = arena_zalloc(r->sdp->arena, sizeof(*at));
		if (!at)
			return -ENOMEM;
	}
	*at = a;
	r->conn = at;
	return 0;
}

static int media_room(struct sdp_reader *r)
{
	struct sdp *s = r->sdp;
	struct sdp_media *more;
	unsigned room = r->room == 0 ? 4 : r->room * 2;

	if (s->media_count >= r->max_media)
		return -E2BIG;
	if (s->media_count < r->room)
		return 0;
	more = arena_zalloc(s->arena, room * sizeof(*more));
	if (!more)
		return -ENOMEM;
	if (s->media_count > 0)
		memcpy(more, s->media, s->media_count * sizeof(*more));
	s->media = more;
	r->room = room;
	return 0;
}

/** "m=audio 49170/2 RTP/AVP 0 8" */
static int read_media(struct sdp_reader *r, struct slice line)
{
	struct slice rest = slice_from(line, 2), count;
	struct sdp_media m = {.line = line};
	uint64_t port;
	int err;

	if (!next_word(&rest, &m.type) || !next_word(&rest, &m.port_where) ||
		!next_word(&rest, &m.proto))
		return -EINVAL;
	(void)slice_cut(m.port_where, '/', &m.port_where, &count);
	if (slice_u64(m.port_where, UINT16_MAX, &port) != 0)
		return -EINVAL;
	m.port = (uint16_t)port;
	m.formats = slice_trim(rest);
	err = media_room(r);
	if (err != 0)
		return err;
	r->media = &r->sdp->media[r->sdp->media_count++];
	*r->media = m;
	r->conn = NULL;
	return 0;
}

/**
 * "a=rtcp:53020 [IN IP4 126.16.64.4]" (RFC 3605). What is not of that form is left alone.
 */
static void read_rtcp(struct sdp_media *m, struct slice line)
{
	struct slice rest = slice_from(line, 7), port;
	struct sdp_addr a = {.line = line};
	uint64_t n;

	if (!next_word(&rest, &port) || slice_u64(port, UINT16_MAX, &n) != 0 ||
		!slice_empty(m->rtcp.line))
		return;
	if (slice_empty(slice_trim(rest)))
		a.where = a.family = a.addr =
			sip_between(port.p + port.len, port.p + port.len);
	else if (read_addr(line, rest, &a) != 0)
		return;
	m->rtcp = a;
	m->rtcp_port_where = port;
	m->rtcp_port = (uint16_t)n;
}

static void read_attribute(struct sdp_reader *r, struct slice line)
{
	struct slice value = slice_trim(slice_from(line, 2));

	if (r->media && slice_starts(value, SLICE("rtcp:"))) {
		read_rtcp(r->media, line);
	} else if (slice_eq(value, SLICE("sendrecv")) ||
		slice_eq(value, SLICE("sendonly")) ||
		slice_eq(value, SLICE("recvonly")) ||
		slice_eq(value, SLICE("inactive"))) {
		if (r->media)
			r->media->direction = value;
		else
			r->sdp->direction = value;
	}
}

static int read_line(struct sdp_reader *r, struct slice line)
{
	if (slice_empty(line))
		return 0;
	if (!r->version) {
		r->version = slice_starts(line, SLICE("v="));
		return r->version ? 0 : -EINVAL;
	}
	if (line.len < 2 || line.p[1] != '=')
		return 0; /* unknown lines stay as they are */
	if (line.p[0] != 'a' && slice_chr(line, '\r') >= 0)
		return -EINVAL; /* others may take a lone CR for a line end */
	switch (line.p[0]) {
	case 'v':
		return -EINVAL; /* a second description: whose streams would be whose? */
	case 'o':
		return r->media ? -EINVAL : read_origin(r->sdp, line);
	case 'c':
		return read_connection(r, line);
	case 'm':
		return read_media(r, line);
	case 'a':
		read_attribute(r, line);
		return 0;
	default:
		return 0;
	}
}

int sdp_parse(struct sdp *out, struct arena *arena, struct slice text, unsigned max_media)
{
	struct sdp s = {.arena = arena, .text = text};
	struct sdp_reader r = {.sdp = &s, .max_media = max_media};
	const char *p, *end;
	bool first = true;

	if (slice_empty(text))
		return -EINVAL;
	for (p = text.p, end = p + text.len; p < end;) {
		const char *nl = memchr(p, '\n', (size_t)(end - p));
		const char *stop = nl ? nl : end;
		int err;

		if (nl && first)
			s.lf_only = nl == p || nl[-1] != '\r';
		first = false;
		while (stop > p && stop[-1] == '\r')
			stop--;
		err = read_line(&r, sip_between(p, stop));
		if (err != 0)
			return err;
		p = nl ? nl + 1 : end;
	}
	if (!r.version)
		return -EINVAL;
	*out = s;
	return 0;
}

void sdp_set_addr(struct sdp_addr *a, struct slice addr, bool ip6)
{
	for (; a; a = a->more) {
		if (slice_empty(a->line))
			continue;
		a->addr = addr;
		a->ip6 = ip6;
	}
}

void sdp_set_port(struct sdp_media *m, uint16_t port)
{
	m->new_port = port;
	m->port_set = true;
}

int sdp_append_line(struct sdp *s, struct slice line)
{
	unsigned count = s->append_count;

	/* Room for 8, 16, 32...: full at each of these. */
	if (count == 0 || (count >= 8 && (count & (count - 1)) == 0)) {
		struct slice *more =
			arena_alloc(s->arena, (count ? 2 * count : 8) * sizeof(*more));

		if (!more)
			return -ENOMEM;
		if (count > 0)
			memcpy(more, s->append, count * sizeof(*more));
		s->append = more;
	}
	s->append[s->append_count++] = line;
	return 0;
}

bool sdp_has_line(const struct sdp *s, struct slice line)
{
	struct slice rest = s->text, head;
	unsigned i;

	for (i = 0; i < s->append_count; i++)
		if (slice_eq(s->append[i], line))
			return true;
	while (slice_cut(rest, '\n', &head, &rest))
		if (slice_eq(slice_trim(head), line))
			return true;
	return slice_eq(slice_trim(rest), line);
}

struct sdp_addr *sdp_media_addr(struct sdp *s, struct sdp_media *m)
{
	if (!slice_empty(m->conn.line))
		return &m->conn;
	return slice_empty(s->conn.line) ? NULL : &s->conn;
}
