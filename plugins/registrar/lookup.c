/* lookup(domain [, flags [, aor]]): RFC 3261 section 16.5, the location service. */
#include <errno.h>

#include "plugins/registrar/lookup_pick.h"
#include "plugins/registrar/wait.h"

enum { LOOKUP_FOUND = 1, LOOKUP_NONE = -1, LOOKUP_METHOD = -2, LOOKUP_ERROR = -3, LOOKUP_INSECURE = -4 };

struct looking {
	struct registrar_wait wait; /* first */
	struct store_contacts found;
	struct lookup_flags flags;
	bool sips;     /* a sips URI is looked for */
	bool filtered; /* somebody does not take the method */
	bool insecure; /* somebody has not registered with sips */
};

/* Phones let in only what comes from the socket that they registered through. Behind a Path it is the first proxy there whose socket counts. */
static void set_socket(
	const struct registrar *r, const struct store_contact *c, struct tm_target *t)
{
	if (slice_empty(c->socket))
		return;
	if (ph_socket_mine(&r->worker->t, c->socket))
		t->sock = net_sock_find(r->worker->t.socks, c->socket);
	else if (slice_empty(c->path))
		t->foreign = c->socket;
}

/* Where this contact is reached. */
static int target_of(struct registrar *r, struct ph_msg *msg,
	const struct store_contact *c, bool sips, struct tm_target *out)
{
	struct tm_target t = {
		.ruri = c->uri, .path = c->path, .q = c->q, .bflags = c->bflags};
	int err = lookup_next_hop(&t.du, msg->arena, c);

	set_socket(r, c, &t);
	if (err == 0)
		err = lookup_scheme(&t, msg->arena, sips);
	if (err != 0)
		return err;
	t.flow = slice_empty(c->path) && lookup_is_flow(c->received);
	if (c->nated && r->conf->nat_bflag >= 0)
		t.bflags |= 1u << r->conf->nat_bflag;
	*out = t;
	return 0;
}

/* The best is the request's own target, the others become branches. */
static int use_all(struct looking *l, unsigned *used)
{
	struct registrar *r = l->wait.self;
	struct ph_msg *msg = l->wait.msg;
	struct tm_target t;
	unsigned i;
	int err = 0;

	for (i = 0; i < l->found.count && err == 0; i++) {
		const struct store_contact *c = &l->found.list[i];

		if (l->flags.method_filtering &&
			!lookup_allows(c, msg->sip.method_text)) {
			l->filtered = true;
			continue;
		}
		if (l->sips && !slice_istarts(c->uri, SLICE("sips:"))) {
			l->insecure = true;
			continue;
		}
		if (*used > 0 && l->flags.no_branches)
			break;
		err = target_of(r, msg, c, l->sips, &t);
		if (err == -EBADMSG) {
			PH_LOG_MSG(r->log, LOG_L_WARN, msg,
				"lookup(): stored Path is malformed: %.*s",
				SLICE_ARG(c->path));
			err = 0;
			continue;
		}
		if (err == 0)
			err = *used == 0 ? msg_set_target(msg, &t) : msg_add_branch(msg, &t);
		if (err == -ENOSPC) {
			PH_LOG_MSG(r->log, LOG_L_WARN, msg,
				"lookup(): more than %d branches", MSG_MAX_BRANCHES);
			return 0;
		}
		if (err == 0)
			(*used)++;
	}
	return err;
}

static int finish(struct registrar_wait *w, int err)
{
	struct looking *l = (struct looking *)w;
	struct registrar *r = w->self;
	unsigned used = 0;

	if (err == 0)
		err = use_all(l, &used);
	if (err != 0) {
		registrar_count(r, REGISTRAR_C_LOOKUP_FAILED);
		PH_LOG_MSG(r->log, LOG_L_ERR, w->msg, "lookup(): %s", strerror(-err));
		w->msg->last_error = 500;
		return LOOKUP_ERROR;
	}
	registrar_count(r, used > 0 ? REGISTRAR_C_FOUND : REGISTRAR_C_NOT_FOUND);
	if (used > 0)
		return LOOKUP_FOUND;
	if (l->filtered)
		return LOOKUP_METHOD;
	return l->insecure ? LOOKUP_INSECURE : LOOKUP_NONE;
}

static bool is_uri(struct slice text)
{
	return slice_istarts(text, SLICE("sip:")) ||
		slice_istarts(text, SLICE("sips:")) || slice_istarts(text, SLICE("tel:"));
}

/* 0; -ENOENT: what is looked for can have no bindings; others: errors. */
static int aor_wanted(struct looking *l, const struct ph_arg *args, struct slice *aor)
{
	struct slice domain = args[0].given ? args[0].s : (struct slice){0};
	struct slice second = args[1].given ? args[1].s : (struct slice){0};
	struct registrar *r = l->wait.self;
	struct ph_msg *msg = l->wait.msg;
	struct slice text = msg->sip.ruri;
	struct sip_uri uri;
	char why[128];
	int err;

	/* Kamailio has the URI in second place. */
	if (is_uri(second))
		text = second;
	else if (lookup_flags_parse(&l->flags, second, why) != 0) {
		PH_LOG_MSG(r->log, LOG_L_ERR, msg, "lookup(): %s", why);
		return -EINVAL;
	}
	if (args[2].given && !slice_empty(args[2].s))
		text = args[2].s;
	if (sip_uri_parse(&uri, text) != 0)
		return -EINVAL;
	l->sips = uri.scheme == SIP_SCHEME_SIPS;
	err = aor_of_uri(aor, msg->arena, &r->rules.aor, domain, &uri);
	return err == -EINVAL || err == -EMSGSIZE ? -ENOENT : err;
}

int registrar_lookup(void *self, struct ph_msg *msg, const struct ph_arg *args)
{
	struct registrar *r = self;
	struct looking *l = arena_zalloc(msg->arena, sizeof(*l));
	struct slice aor = {0};
	int err;

	if (l == NULL)
		return LOOKUP_ERROR;
	registrar_wait_init(&l->wait, r, msg, finish);
	l->found.arena = msg->arena;
	err = aor_wanted(l, args, &aor);
	if (err == -ENOENT)
		return finish(&l->wait, 0);
	if (err == 0)
		err = store_contacts_get(r->worker->t.store, aor, clock_wall(), &l->found,
			registrar_wait_done, &l->wait);
	return registrar_wait_for(&l->wait, err);
}
