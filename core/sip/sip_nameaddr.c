#include "core/sip/sip_header.h"

#include <errno.h>

#include "core/sip/sip_scan.h"

/** What hdr->parsed of an address field points to. */
struct nameaddr_field {
	struct sip_nameaddr *first, *last;
};

/** "<uri>" at p, after the display name. Returns what is behind it, NULL: malformed. */
static const char *read_bracketed(struct sip_nameaddr *n, const char *p, const char *end)
{
	const char *close = memchr(p, '>', (size_t)(end - p));

	if (!close)
		return NULL;
	n->brackets = true;
	n->uri_text = sip_between(p + 1, close);
	n->uri_err = sip_uri_parse(&n->uri, n->uri_text);
	return close + 1;
}

/**
 * A URI without brackets: what follows ';' belongs to the header field. One that holds
 * '?' or ',' must stand in brackets (section 20.10), and no scheme means that it is no
 * URI at all.
 */
static const char *read_bare(struct sip_nameaddr *n, const char *p, const char *end)
{
	const char *stop = p;

	while (stop < end && *stop != ';' && *stop != ',' && !sip_is(*stop, SC_NOT_URI))
		stop++;
	n->uri_text = sip_between(p, stop);
	n->uri_err = sip_uri_parse(&n->uri, n->uri_text);
	return n->uri_err == 0 && slice_empty(n->uri.headers) ? stop : NULL;
}

/** Display name and URI. Returns what is behind them, NULL: malformed. */
static const char *read_address(struct sip_nameaddr *n, const char *p, const char *end)
{
	const char *q = p;

	if (p == end)
		return NULL;
	if (*p == '"') {
		q = sip_quoted_end(p, end);
		if (!q)
			return NULL;
		n->display = sip_between(p, q);
		q = sip_skip(q, end, SC_LWS);
		return q < end && *q == '<' ? read_bracketed(n, q, end) : NULL;
	}
	while (q < end && *q != '<' && *q != '>' && *q != '"' && *q != ',' && *q != ';')
		q++;
	if (q < end && *q == '<') {
		n->display = sip_trim(p, q);
		return read_bracketed(n, q, end);
	}
	return read_bare(n, p, end);
}

/**
 * One value from *pp on; *pp moves to the ',' behind it or to end. 0, -EBADMSG, -ENOMEM.
 */
static int read_nameaddr(
	struct arena *arena, const char **pp, const char *end, struct sip_nameaddr **out)
{
	struct sip_nameaddr *n = arena_zalloc(arena, sizeof(*n));
	const char *start = sip_skip(*pp, end, SC_LWS), *p;

	if (!n)
		return -ENOMEM;
	p = read_address(n, start, end);
	if (!p)
		return -EBADMSG;
	p = sip_skip(p, end, SC_LWS);
	if (p < end && *p == ';') {
		const char *params = p + 1;

		p = sip_params_end(p, end);
		if (!p)
			return -EBADMSG;
		n->params = sip_trim(params, p);
		(void)sip_param_get(n->params, SLICE("tag"), &n->tag);
	}
	if (p < end && *p != ',')
		return -EBADMSG;
	n->text = sip_trim(start, p);
	*pp = p;
	*out = n;
	return 0;
}

static int read_field(struct arena *arena, struct slice value, struct sip_hdr *h,
	struct nameaddr_field *out)
{
	const char *p = value.p, *end = p + value.len;
	struct nameaddr_field f = {0};

	if (slice_empty(value))
		return -EBADMSG;
	for (;;) {
		struct sip_nameaddr *n;
		int err = read_nameaddr(arena, &p, end, &n);

		if (err != 0)
			return err;
		n->hdr = h;
		if (f.last)
			f.last->next = n;
		else
			f.first = n;
		f.last = n;
		if (p == end)
			break;
		p++; /* the comma */
	}
	*out = f;
	return 0;
}

/** The values of one header, from what is kept or read now. */
static int field_of(struct sip_msg *msg, struct sip_hdr *h, struct nameaddr_field **out)
{
	struct nameaddr_field *f = h->parsed;
	int err;

	if (!f) {
		f = arena_alloc(msg->arena, sizeof(*f));
		err = f ? read_field(msg->arena, h->value, h, f) : -ENOMEM;
		if (err != 0)
			return err;
		h->parsed = f;
	}
	*out = f;
	return 0;
}

static bool is_star(const struct sip_hdr *h)
{
	return slice_eq(h->value, SLICE("*"));
}

struct sip_nameaddr *sip_nameaddrs(struct sip_msg *msg, enum sip_hdr_id id, int *err)
{
	struct sip_nameaddr *first = NULL, *last = NULL;
	struct nameaddr_field *f;
	struct sip_hdr *h;
	int e = 0;

	for (h = sip_hdr_first(msg, id); h; h = sip_hdr_next(h)) {
		if (id == SIP_H_CONTACT && is_star(h))
			continue;
		e = field_of(msg, h, &f);
		if (e != 0)
			break;
		/* Fields come and go with edits: the links between them are made anew. */
		f->last->next = NULL;
		if (last)
			last->next = f->first;
		else
			first = f->first;
		last = f->last;
	}
	if (err)
		*err = e;
	return e == 0 ? first : NULL;
}

static struct sip_nameaddr *only_one(struct sip_msg *msg, enum sip_hdr_id id, int *err)
{
	struct sip_nameaddr *n;
	int e;

	n = sip_nameaddrs(msg, id, &e);
	if (n && n->next) {
		n = NULL;
		e = -EBADMSG;
	}
	if (err)
		*err = e;
	return n;
}

struct sip_nameaddr *sip_from(struct sip_msg *msg, int *err)
{
	return only_one(msg, SIP_H_FROM, err);
}

struct sip_nameaddr *sip_to(struct sip_msg *msg, int *err)
{
	return only_one(msg, SIP_H_TO, err);
}

bool sip_contact_star(const struct sip_msg *msg)
{
	const struct sip_hdr *h;

	for (h = sip_hdr_first(msg, SIP_H_CONTACT); h; h = sip_hdr_next(h))
		if (is_star(h))
			return true;
	return false;
}

struct sip_nameaddr *sip_nameaddr_parse(struct arena *arena, struct slice text, int *err)
{
	struct nameaddr_field f = {0};
	int e = read_field(arena, text, NULL, &f);

	if (err)
		*err = e;
	return e == 0 ? f.first : NULL;
}

int sip_nameaddr_remove(struct sip_msg *msg, const struct sip_nameaddr *all,
	const struct sip_nameaddr *n)
{
	const struct sip_nameaddr *prev = NULL, *next = n->next;
	const char *start = n->hdr->value.p, *end = start + n->hdr->value.len;
	struct slice rest;

	for (; all != n; all = all->next)
		if (all->hdr == n->hdr)
			prev = all;
	if (next && next->hdr != n->hdr)
		next = NULL;
	if (!prev && !next)
		return sip_hdr_remove(msg, n->hdr);
	if (!prev) {
		rest = slice_make(next->text.p, (size_t)(end - next->text.p));
	} else if (!next) {
		rest = slice_make(start, (size_t)(prev->text.p + prev->text.len - start));
	} else {
		rest = arena_join(msg->arena,
			slice_make(start, (size_t)(n->text.p - start)),
			slice_make(next->text.p, (size_t)(end - next->text.p)));
		if (!rest.p)
			return -ENOMEM;
	}
	return sip_hdr_set(msg, n->hdr, rest);
}

int sip_contact_q(const struct sip_nameaddr *c, unsigned *out)
{
	struct slice q;
	unsigned value, unit = 100;
	size_t i;

	if (!sip_param_get(c->params, SLICE("q"), &q)) {
		*out = 1000;
		return 0;
	}
	/* "0", "1", each with up to three digits behind a point; not above 1 (section
	 * 25.1, qvalue). */
	if (slice_empty(q) || q.len > 5 || (q.p[0] != '0' && q.p[0] != '1') ||
		(q.len > 1 && q.p[1] != '.'))
		return -EBADMSG;
	value = q.p[0] == '1' ? 1000 : 0;
	for (i = 2; i < q.len; i++, unit /= 10) {
		if (!sip_is(q.p[i], SC_DIGIT))
			return -EBADMSG;
		value += unit * (unsigned)(q.p[i] - '0');
	}
	if (value > 1000)
		return -EBADMSG;
	*out = value;
	return 0;
}
