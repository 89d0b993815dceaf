#include "core/sip/sdp.h"

#include <errno.h>

/** One place of the text that is written differently. */
struct change {
	struct slice old; /* inside the text; empty: insert there */
	enum { CHANGE_FAMILY, CHANGE_ADDR, CHANGE_BOTH, CHANGE_PORT } kind;
	struct slice addr;
	bool ip6;
	uint16_t port;
};

struct changes {
	struct change *list;
	unsigned count;
};

static void change_add(struct changes *c, struct change new_one)
{
	unsigned i = c->count++;

	/* In order of place; they nearly come so. */
	for (; i > 0 && c->list[i - 1].old.p > new_one.old.p; i--)
		c->list[i] = c->list[i - 1];
	c->list[i] = new_one;
}

/** The old address with a /ttl that follows it. */
static struct slice with_ttl(const struct sdp_addr *a)
{
	const char *end = a->line.p + a->line.len;
	struct slice s = a->where;

	while (s.p + s.len < end && s.p[s.len] != ' ' && s.p[s.len] != '\t')
		s.len++;
	return s;
}

static void addr_changes(struct changes *c, const struct sdp_addr *a)
{
	for (; a; a = a->more) {
		if (slice_empty(a->line) || a->addr.p == a->where.p)
			continue;
		if (slice_empty(a->where)) {
			change_add(c,
				(struct change){.old = a->where,
					.kind = CHANGE_BOTH,
					.addr = a->addr,
					.ip6 = a->ip6});
			continue;
		}
		change_add(c,
			(struct change){
				.old = a->family, .kind = CHANGE_FAMILY, .ip6 = a->ip6});
		change_add(c,
			(struct change){.old = with_ttl(a),
				.kind = CHANGE_ADDR,
				.addr = a->addr});
	}
}

static void port_change(struct changes *c, struct slice where, uint16_t port)
{
	change_add(c, (struct change){.old = where, .kind = CHANGE_PORT, .port = port});
}

/** Most changes that there can be. */
static unsigned change_room(const struct sdp *s)
{
	const struct sdp_addr *a;
	unsigned n = 4 + s->media_count * 6, i;

	for (a = s->conn.more; a; a = a->more)
		n += 2;
	for (i = 0; i < s->media_count; i++)
		for (a = s->media[i].conn.more; a; a = a->more)
			n += 2;
	return n;
}

static int collect(const struct sdp *s, struct changes *c)
{
	unsigned i;

	c->list = arena_alloc(s->arena, change_room(s) * sizeof(*c->list));
	if (!c->list)
		return -ENOMEM;
	addr_changes(c, &s->origin);
	addr_changes(c, &s->conn);
	for (i = 0; i < s->media_count; i++) {
		const struct sdp_media *m = &s->media[i];

		if (m->port_set)
			port_change(c, m->port_where, m->new_port);
		addr_changes(c, &m->conn);
		if (slice_empty(m->rtcp.line))
			continue;
		if (m->rtcp_port_set)
			port_change(c, m->rtcp_port_where, m->rtcp_port);
		addr_changes(c, &m->rtcp);
	}
	return 0;
}

static void put_change(struct buf *b, const struct change *c)
{
	switch (c->kind) {
	case CHANGE_FAMILY:
		buf_add(b, c->ip6 ? SLICE("IP6") : SLICE("IP4"));
		break;
	case CHANGE_ADDR:
		buf_add(b, c->addr);
		break;
	case CHANGE_BOTH:
		buf_add(b, c->ip6 ? SLICE(" IN IP6 ") : SLICE(" IN IP4 "));
		buf_add(b, c->addr);
		break;
	case CHANGE_PORT:
		buf_u64(b, c->port);
		break;
	}
}

void sdp_write(struct buf *b, const struct sdp *s)
{
	struct changes c = {0};
	struct slice eol = s->lf_only ? SLICE("\n") : SLICE("\r\n");
	const char *p = s->text.p, *end = p + s->text.len, *last = end;
	unsigned i;

	if (collect(s, &c) != 0) {
		if (b->err == 0)
			b->err = -ENOMEM;
		return;
	}
	for (i = 0; i < c.count; i++) {
		buf_add(b, slice_make(p, (size_t)(c.list[i].old.p - p)));
		put_change(b, &c.list[i]);
		p = c.list[i].old.p + c.list[i].old.len;
	}
	/* New lines follow the last one; blank lines that a body may end with stay behind
	 * them. */
	while (last > p && (last[-1] == '\r' || last[-1] == '\n'))
		last--;
	buf_add(b, slice_make(p, (size_t)(last - p)));
	for (i = 0; i < s->append_count; i++) {
		buf_add(b, eol);
		buf_add(b, s->append[i]);
	}
	if (last == end && s->append_count > 0)
		buf_add(b, eol);
	buf_add(b, slice_make(last, (size_t)(end - last)));
}

const char *sdp_check_attribute(const char *text)
{
	struct slice line = slice_trim(slice_str(text));

	if (slice_empty(line))
		return NULL;
	if (line.len < 3 || !slice_starts(line, SLICE("a=")) || slice_chr(line, '\n') >= 0 || slice_chr(line, '\r') >= 0)
		return "one attribute line such as \"a=nortpproxy:yes\\r\\n\", or an empty text";
	return NULL;
}
