#include "plugins/registrar/register_parse.h"

#include <errno.h>

#include "plugins/registrar/uri_received.h"

#define EXPIRES_BAD                                                                      \
	3600 /* s; what a malformed value means: RFC 3261 sections 10.2.1.1, 20.19 */
#define RFC_HOUR                                                                         \
	3600 /* s; asked for less than this may be answered with 423: section 10.3 step 7 */
#define SHORT_TEXT 255 /* bytes of User-Agent and Allow that are kept */

/* What all contacts of one request share. */
struct common {
	struct sip_msg *msg;
	const struct register_rules *rules;
	const struct register_from *from;
	struct register_refusal *why;
	int64_t header_expires; /* -1: no Expires header */
	int64_t min_expires, max_expires;
	struct slice path, path_received;
	struct slice methods, user_agent;
};

static int refuse(struct register_refusal *why, unsigned code, const char *reason)
{
	*why = (struct register_refusal){.code = code, .reason = reason};
	return -EINVAL;
}

/* Text of a header in one line: a fold (RFC 3261 section 7.3.1) becomes blanks. */
static void add_unfolded(struct buf *b, struct slice s)
{
	char *to = s.len > 0 ? buf_room(b, s.len) : NULL;
	size_t i;

	for (i = 0; to != NULL && i < s.len; i++)
		to[i] = s.p[i] == '\r' || s.p[i] == '\n' ? ' ' : s.p[i];
}

/*
 * All fields of a kind as one list. A long one is left out: it would be cut in the middle
 * of something, and without Allow a phone is taken to understand everything.
 */
static int short_value(struct slice *out, struct sip_msg *msg, enum sip_hdr_id id)
{
	const struct sip_hdr *h = sip_hdr_first(msg, id);
	struct buf b;

	if (h == NULL || sip_hdr_next(h) == NULL) {
		struct slice value = h != NULL ? h->value : (struct slice){0};

		/* As it came, nearly always. */
		if (slice_chr(value, '\n') < 0) {
			*out = value.len <= SHORT_TEXT ? value : (struct slice){0};
			return 0;
		}
	}
	buf_arena(&b, msg->arena, 64, SHORT_TEXT);
	for (h = sip_hdr_first(msg, id); h != NULL; h = sip_hdr_next(h)) {
		if (b.len > 0)
			buf_str(&b, ", ");
		add_unfolded(&b, h->value);
	}
	if (b.err == -ENOMEM)
		return -ENOMEM;
	*out = b.err == 0 ? buf_slice(&b) : (struct slice){0};
	return 0;
}

/* ;received= as a URI: quotes and escapes taken away, and it must be one. */
static int received_value(struct slice *out, struct arena *arena, struct slice value)
{
	struct sip_uri uri;
	struct buf b;

	*out = (struct slice){0};
	if (value.len >= 2 && value.p[0] == '"' && value.p[value.len - 1] == '"')
		value = slice_sub(value, 1, value.len - 2);
	if (slice_empty(value))
		return 0;
	buf_arena(&b, arena, 128, REGISTER_RECEIVED_MAX);
	sip_unescape(&b, value);
	if (b.err == -ENOMEM)
		return -ENOMEM;
	if (b.err != 0 || sip_uri_parse(&uri, buf_slice(&b)) != 0)
		return -EINVAL;
	*out = buf_slice(&b);
	return 0;
}

/* The Path values joined, and the received parameter of the topmost (RFC 3327 section
 * 5.3). */
static int collect_path(struct common *c)
{
	struct sip_nameaddr *first, *p;
	struct slice value;
	struct buf b;
	int err = 0;

	first = sip_nameaddrs(c->msg, SIP_H_PATH, &err);
	if (first == NULL)
		return err == 0          ? 0
			: err == -ENOMEM ? err
					 : refuse(c->why, 400, "Bad Path");
	buf_arena(&b, c->msg->arena, 256, REGISTER_TEXT_MAX);
	for (p = first; p != NULL; p = p->next) {
		if (p->uri_err != 0)
			return refuse(c->why, 400, "Bad Path");
		if (p != first)
			buf_str(&b, ", ");
		buf_chr(&b, '<');
		buf_add(&b, p->uri_text);
		buf_chr(&b, '>');
		if (!slice_empty(p->params)) {
			buf_chr(&b, ';');
			add_unfolded(&b, p->params);
		}
	}
	if (b.err != 0)
		return b.err == -ENOMEM ? b.err : refuse(c->why, 400, "Path Too Long");
	c->path = buf_slice(&b);
	if (c->rules->path_use_received || c->from->flags.path_received)
		if (sip_param_get(first->uri.params, SLICE("received"), &value)) {
			err = received_value(&c->path_received, c->msg->arena, value);
			if (err == -EINVAL)
				return refuse(c->why, 400, "Bad received Parameter");
		}
	return err;
}

/* Seconds; -1 absent. RFC 3261 section 20.19: a malformed one is 3600. */
static int64_t parse_expires(struct slice text)
{
	uint64_t n;
	int err = slice_u64(text, INT32_MAX, &n);

	if (err == -ERANGE)
		return INT32_MAX;
	return err == 0 ? (int64_t)n : EXPIRES_BAD;
}

static void header_expires(struct common *c)
{
	uint32_t n;
	int err = sip_number(c->msg, SIP_H_EXPIRES, &n);

	c->header_expires = -1;
	if (err == -EBADMSG)
		c->header_expires = EXPIRES_BAD;
	else if (err == 0)
		c->header_expires = n > INT32_MAX ? INT32_MAX : (int64_t)n;
}

/* Seconds that this contact gets; 0: it goes. */
static int contact_expires(struct common *c, const struct sip_nameaddr *a, int64_t *out)
{
	struct slice value;
	int64_t n = c->header_expires;

	if (sip_param_get(a->params, SLICE("expires"), &value))
		n = parse_expires(slice_trim(value));
	if (n < 0) {
		/* Nothing was asked: the registrar chooses, within its own bounds. */
		n = c->rules->default_expires > c->min_expires ? c->rules->default_expires
							       : c->min_expires;
	} else if (n > 0 && n < c->min_expires) {
		if (n < RFC_HOUR) {
			(void)refuse(c->why, 423, "Interval Too Brief");
			c->why->min_expires = c->min_expires;
			return -EINVAL;
		}
		n = c->min_expires;
	}
	if (c->max_expires > 0 && n > c->max_expires)
		n = c->max_expires;
	*out = n;
	return 0;
}

/* Path, then the contact's own word if it is trusted (a parameter of its header, or of its
 * URI), then where the request came from. */
static int contact_received(struct common *c, const struct sip_nameaddr *a,
	struct slice of_uri, struct store_contact *out)
{
	struct slice value = of_uri;
	int err = 0;

	out->received = c->from->received;
	if (c->rules->trust_received) {
		(void)sip_param_get(a->params, SLICE("received"), &value);
		if (!slice_empty(value))
			err = received_value(&out->received, c->msg->arena, value);
		if (err == -EINVAL)
			return refuse(c->why, 400, "Bad received Parameter");
		if (err != 0)
			return err;
	}
	if (!slice_empty(c->path_received)) {
		out->received = c->path_received;
		out->nated = true;
	}
	if (out->received.len > REGISTER_RECEIVED_MAX)
		return refuse(c->why, 400, "Bad received Parameter");
	return 0;
}

static struct slice unquoted(struct slice s)
{
	if (s.len >= 2 && s.p[0] == '"' && s.p[s.len - 1] == '"')
		return slice_sub(s, 1, s.len - 2);
	return s;
}

/* The URI as the phone wrote it. An edge's received in it is taken out when it is trusted
 * (*received, else empty): with it the phone would not know its contact again, and each
 * new port would be a new binding. */
static int contact_uri(struct common *c, const struct sip_nameaddr *a,
	struct sip_uri *uri, struct slice *received)
{
	int err = -ENOENT;

	*received = (struct slice){0};
	if (c->rules->trust_received)
		err = uri_received_cut(c->msg->arena, a->uri_text, uri, received);
	if (err == -ENOENT) {
		*uri = a->uri;
		err = a->uri_err;
	}
	if (err == -ENOMEM)
		return err;
	if (err != 0 || (uri->scheme != SIP_SCHEME_SIP && uri->scheme != SIP_SCHEME_SIPS))
		return refuse(c->why, 400, "Bad Contact URI");
	if (uri->text.len > REGISTER_TEXT_MAX)
		return refuse(c->why, 400, "Contact Too Long");
	return 0;
}

/* instance and reg-id, and the id that follows from them or from the URI. */
static int contact_identity(struct common *c, const struct sip_nameaddr *a,
	const struct sip_uri *uri, struct store_contact *out)
{
	struct slice value, key;
	uint64_t n;
	char *id;

	if (sip_param_get(a->params, SLICE("+sip.instance"), &value)) {
		value = unquoted(value);
		if (value.len <= SHORT_TEXT)
			out->instance = value;
	}
	/* RFC 5626 section 4.2: 1 to 2^31 - 1. */
	if (sip_param_get(a->params, SLICE("reg-id"), &value) &&
		slice_u64(value, INT32_MAX, &n) == 0 && n > 0)
		out->reg_id = value;
	key = aor_contact_key(c->msg->arena, uri);
	id = arena_alloc(c->msg->arena, 17);
	if (key.p == NULL || id == NULL)
		return -ENOMEM;
	store_contact_id(id, key, out->instance, out->reg_id);
	out->id = slice_make(id, 16);
	return 0;
}

static int parse_contact(
	struct common *c, const struct sip_nameaddr *a, struct store_contact *out)
{
	const struct register_from *from = c->from;
	struct slice received;
	struct sip_uri uri;
	int64_t seconds;
	int err;

	*out = (struct store_contact){
		.path = c->path,
		.socket = from->socket,
		.call_id = c->msg->call_id,
		.cseq = c->msg->cseq,
		.bflags = from->bflags,
		.nated = from->nat_bflag >= 0 &&
			(from->bflags >> from->nat_bflag & 1) != 0,
		.methods = c->methods,
		.user_agent = c->user_agent,
		.registered = from->now,
		.node = from->node,
	};
	err = contact_uri(c, a, &uri, &received);
	if (err != 0)
		return err;
	out->uri = uri.text;
	if (sip_contact_q(a, &out->q) != 0)
		return refuse(c->why, 400, "Bad q Parameter");
	err = contact_expires(c, a, &seconds);
	if (err == 0)
		err = contact_received(c, a, received, out);
	if (err == 0)
		err = contact_identity(c, a, &uri, out);
	if (err != 0)
		return err;
	out->expires = from->now + seconds;
	if (out->nated && from->nat_bflag >= 0)
		out->bflags |= 1u << from->nat_bflag;
	return 0;
}

static int parse_contacts(struct common *c, struct register_order *out)
{
	struct sip_nameaddr *first, *a;
	struct store_contact *list;
	unsigned count = 0;
	int err = 0;

	first = sip_nameaddrs(c->msg, SIP_H_CONTACT, &err);
	if (first == NULL && err == -ENOMEM)
		return err;
	if (first == NULL && err != 0)
		return refuse(c->why, 400, "Bad Contact");
	for (a = first; a != NULL; a = a->next)
		count++;
	if (count > STORE_MAX_CONTACTS)
		return refuse(c->why, 503, "Too Many Registered Contacts");
	out->query = count == 0;
	if (count == 0)
		return 0;
	list = arena_alloc(c->msg->arena, count * sizeof(*list));
	if (list == NULL)
		return -ENOMEM;
	out->update.contacts = list;
	out->update.count = count;
	for (a = first; a != NULL && err == 0; a = a->next)
		err = parse_contact(c, a, list++);
	return err;
}

/* "Contact: *" stands alone, and means removal (RFC 3261 section 10.2.2). */
static int parse_star(struct common *c, struct register_order *out)
{
	const struct sip_hdr *h = sip_hdr_first(c->msg, SIP_H_CONTACT);

	if (h == NULL || sip_hdr_next(h) != NULL ||
		!slice_eq(slice_trim(h->value), SLICE("*")))
		return refuse(c->why, 400, "Contact * Must Be Alone");
	if (c->header_expires != 0)
		return refuse(c->why, 400, "Contact * Needs Expires 0");
	out->update.remove_all = true;
	return 0;
}

static int parse_aor(struct common *c, struct register_order *out)
{
	const struct sip_nameaddr *to;
	struct sip_uri uri;
	int err = 0;

	if (!slice_empty(c->from->aor_uri)) {
		if (sip_uri_parse(&uri, c->from->aor_uri) != 0)
			return refuse(c->why, 400, "Bad Address of Record");
	} else {
		to = sip_to(c->msg, &err);
		if (to == NULL && err == -ENOMEM)
			return err;
		if (to == NULL || to->uri_err != 0)
			return refuse(c->why, 400, "Bad To");
		uri = to->uri;
	}
	/* RFC 3261 section 10.2: an AOR is a SIP or SIPS URI; a tel URI names a user as well. */
	if (uri.scheme != SIP_SCHEME_SIP && uri.scheme != SIP_SCHEME_SIPS && uri.scheme != SIP_SCHEME_TEL)
		return refuse(c->why, 400, "To Is No SIP URI");
	err = aor_of_uri(
		&out->update.aor, c->msg->arena, &c->rules->aor, c->from->domain, &uri);
	if (err == -EMSGSIZE)
		return refuse(c->why, 400, "Address of Record Too Long");
	/* RFC 3261 section 10.3 step 5: an AOR that is not one of ours. */
	return err == -EINVAL ? refuse(c->why, 404, "No User in Address of Record") : err;
}

/* Which Path the 200 shows, or that the phone must not come through one (RFC 3327 section
 * 5.3). */
static int answer_path(struct common *c, struct register_order *out)
{
	enum path_mode mode =
		c->from->flags.path_set ? c->from->flags.path : c->rules->path_mode;
	bool supported = sip_hdr_has_token(c->msg, SIP_H_SUPPORTED, SLICE("path"));

	if (slice_empty(c->path))
		return 0;
	if (mode == PATH_STRICT && !supported) {
		(void)refuse(c->why, 420, "Bad Extension");
		c->why->path_unsupported = true;
		return -EINVAL;
	}
	if (mode != PATH_OFF && supported)
		out->path = c->path;
	return 0;
}

static void set_limits(struct common *c, struct register_order *out)
{
	const struct save_flags *f = &c->from->flags;
	int64_t max = f->max_contacts >= 0 ? f->max_contacts : c->rules->max_contacts;

	c->min_expires = f->min_expires >= 0 ? f->min_expires : c->rules->min_expires;
	c->max_expires = f->max_expires >= 0 ? f->max_expires : c->rules->max_expires;
	out->update.call_id = c->msg->call_id;
	out->update.cseq = c->msg->cseq;
	out->update.now = c->from->now;
	out->update.max_contacts = (unsigned)max;
	out->update.replace = f->one_contact;
}

int register_parse(struct register_order *out, struct sip_msg *msg,
	const struct register_rules *rules, const struct register_from *from,
	struct register_refusal *why)
{
	struct common c = {.msg = msg, .rules = rules, .from = from, .why = why};
	struct register_order order = {0};
	int err;

	set_limits(&c, &order);
	if (msg->call_id.len > REGISTER_TEXT_MAX)
		return refuse(why, 400, "Call-ID Too Long");
	err = parse_aor(&c, &order);
	header_expires(&c);
	if (err == 0 && rules->use_path)
		err = collect_path(&c);
	if (err == 0)
		err = answer_path(&c, &order);
	if (err == 0)
		err = short_value(&c.user_agent, msg, SIP_H_USER_AGENT);
	if (err == 0)
		err = short_value(&c.methods, msg, SIP_H_ALLOW);
	if (err == 0)
		err = sip_contact_star(msg) ? parse_star(&c, &order)
					    : parse_contacts(&c, &order);
	if (err == 0)
		*out = order;
	return err;
}
