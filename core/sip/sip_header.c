#include "core/sip/sip_header.h"

#include <errno.h>

#include "core/sip/sip_scan.h"
#include "core/sip/sip_write_int.h"

/** What hdr->parsed of a Via points to. */
struct via_field {
	struct sip_via *first, *last;
};

static void read_via_params(struct sip_via *v)
{
	struct slice rest = v->params, name, value;

	while (sip_param_next(&rest, &name, &value)) {
		if (name.len == 6 && slice_ieq(name, SLICE("branch"))) {
			v->branch = value;
		} else if (name.len == 5 && slice_ieq(name, SLICE("rport"))) {
			v->has_rport = true;
			v->rport = value;
		} else if (name.len == 8 && slice_ieq(name, SLICE("received"))) {
			v->received = value;
		} else if (name.len == 5 && slice_ieq(name, SLICE("maddr"))) {
			v->maddr = value;
		} else if (name.len == 3 && slice_ieq(name, SLICE("ttl"))) {
			v->ttl = value;
		} else {
			v->others = true;
		}
	}
}

/** A token, with the blanks behind it skipped; NULL when there is none. */
static const char *token(const char *p, const char *end, struct slice *out)
{
	const char *stop = sip_skip(p, end, SC_TOKEN);

	if (stop == p)
		return NULL;
	*out = sip_between(p, stop);
	return sip_skip(stop, end, SC_LWS);
}

/**
 * "SIP/2.0/UDP", blanks allowed round the slashes, with the blanks behind it. NULL:
 * malformed.
 */
static const char *read_protocol(struct sip_via *v, const char *p, const char *end)
{
	struct slice name, version;

	p = token(p, end, &name);
	if (!p || p == end || *p != '/' || !slice_ieq(name, SLICE("SIP")))
		return NULL;
	p = token(sip_skip(p + 1, end, SC_LWS), end, &version);
	if (!p || p == end || *p != '/')
		return NULL;
	p = token(sip_skip(p + 1, end, SC_LWS), end, &v->transport_text);
	if (!p || !sip_is(p[-1], SC_LWS))
		return NULL;
	v->transport = sip_transport_of(v->transport_text);
	return p;
}

/** host [":" port] with the blanks behind it. NULL: malformed. */
static const char *read_sent_by(struct sip_via *v, const char *p, const char *end)
{
	const char *stop = sip_host_end(p, end);

	if (!stop)
		return NULL;
	v->host = sip_between(p, stop);
	p = sip_skip(stop, end, SC_LWS);
	if (p < end && *p == ':') {
		p = sip_skip(p + 1, end, SC_LWS);
		stop = sip_skip(p, end, SC_DIGIT);
		if (sip_port_parse(sip_between(p, stop), &v->port) != 0)
			return NULL;
		p = sip_skip(stop, end, SC_LWS);
	}
	return p;
}

/**
 * One value from *pp on; *pp moves to the ',' behind it or to end. 0, -EBADMSG, -ENOMEM.
 */
static int read_via(
	struct arena *arena, const char **pp, const char *end, struct sip_via **out)
{
	struct sip_via *v = arena_zalloc(arena, sizeof(*v));
	const char *start = sip_skip(*pp, end, SC_LWS), *p;

	if (!v)
		return -ENOMEM;
	p = read_protocol(v, start, end);
	p = p ? read_sent_by(v, p, end) : NULL;
	if (!p || (p < end && *p != ';' && *p != ','))
		return -EBADMSG;
	if (p < end && *p == ';') {
		const char *params = p + 1;

		p = sip_params_end(p, end);
		if (!p)
			return -EBADMSG;
		v->params = sip_trim(params, p);
		read_via_params(v);
	}
	v->text = sip_trim(start, p);
	*pp = p;
	*out = v;
	return 0;
}

/** All values of one field. */
static int read_via_field(
	struct arena *arena, struct slice value, struct sip_hdr *h, struct via_field *out)
{
	const char *p = value.p, *end = p + value.len;
	struct via_field f = {0};

	if (slice_empty(value))
		return -EBADMSG;
	for (;;) {
		struct sip_via *v;
		int err = read_via(arena, &p, end, &v);

		if (err != 0)
			return err;
		v->hdr = h;
		if (f.last)
			f.last->next = v;
		else
			f.first = v;
		f.last = v;
		if (p == end)
			break;
		p++; /* the comma */
	}
	*out = f;
	return 0;
}

struct sip_via *sip_via_list(struct sip_msg *msg, int *err)
{
	struct sip_via *first = NULL, *last = NULL;
	struct sip_hdr *h;
	int e = 0;

	for (h = sip_hdr_first(msg, SIP_H_VIA); h && e == 0; h = sip_hdr_next(h)) {
		struct via_field *f = h->parsed;

		if (!f) {
			f = arena_alloc(msg->arena, sizeof(*f));
			e = f ? read_via_field(msg->arena, h->value, h, f) : -ENOMEM;
			if (e != 0)
				break;
			h->parsed = f;
		}
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

struct sip_via *sip_via_room(struct arena *arena, struct sip_hdr *h)
{
	struct via_field *f = arena_alloc(arena, sizeof(*f));
	struct sip_via *v = f ? arena_alloc(arena, sizeof(*v)) : NULL;

	if (!v)
		return NULL;
	f->first = f->last = v;
	h->parsed = f;
	return v;
}

int sip_via_parse(struct arena *arena, struct slice value, struct sip_via **out)
{
	struct via_field f;
	int err = read_via_field(arena, value, NULL, &f);

	if (err == 0)
		*out = f.first;
	return err;
}

struct sip_via *sip_via_top(struct sip_msg *msg)
{
	struct sip_via *top = sip_via_list(msg, NULL);
	struct sip_hdr *h = sip_hdr_first(msg, SIP_H_VIA);
	const char *p;

	if (top || !h || slice_empty(h->value))
		return top;
	p = h->value.p;
	if (read_via(msg->arena, &p, p + h->value.len, &top) != 0)
		return NULL;
	top->hdr = h;
	return top;
}

int sip_number(const struct sip_msg *msg, enum sip_hdr_id id, uint32_t *out)
{
	const struct sip_hdr *h = sip_hdr_first(msg, id);
	struct slice digits;
	uint64_t n;
	int err;

	if (!h)
		return -ENOENT;
	digits = h->value;
	if (id == SIP_H_RETRY_AFTER &&
		!slice_empty(digits)) /* "18 (I am busy);duration=3600" */
		digits.len =
			(size_t)(sip_skip(digits.p, digits.p + digits.len, SC_DIGIT) -
				digits.p);
	err = slice_u64(digits, UINT32_MAX, &n);
	if (err == -ERANGE &&
		(id == SIP_H_EXPIRES || id == SIP_H_MIN_EXPIRES ||
			id == SIP_H_RETRY_AFTER))
		n = UINT32_MAX;
	else if (err != 0)
		return -EBADMSG;
	*out = (uint32_t)n;
	return 0;
}

bool sip_hdr_has_token(const struct sip_msg *msg, enum sip_hdr_id id, struct slice want)
{
	const struct sip_hdr *h;

	for (h = sip_hdr_first(msg, id); h; h = sip_hdr_next(h)) {
		struct slice rest = h->value, item;

		while (slice_cut(rest, ',', &item, &rest))
			if (slice_ieq(slice_trim(item), want))
				return true;
		if (slice_ieq(slice_trim(rest), want))
			return true;
	}
	return false;
}

struct slice sip_content_type(const struct sip_msg *msg, struct slice *params)
{
	struct slice type = sip_hdr_value(msg, SIP_H_CONTENT_TYPE), rest = {0};

	(void)slice_cut(type, ';', &type, &rest);
	if (params)
		*params = slice_trim(rest);
	return slice_trim(type);
}
