/* save(domain [, flags [, aor]]): RFC 3261 section 10.3. */
#include <errno.h>

#include "plugins/registrar/register_reply.h"
#include "plugins/registrar/wait.h"

enum {
	SAVE_REFUSED = -1,
	SAVE_TOO_MANY = -2,
	/* What Kamailio's save() tells apart; all of them are true. */
	SAVE_ADDED = 1,
	SAVE_UPDATED = 2,
	SAVE_REMOVED = 3,
	SAVE_FETCHED = 4,
	REPLY_MAX = 60000, /* bytes of header lines */
};

struct saving {
	struct registrar_wait wait; /* first */
	struct register_order order;
	struct store_contacts bindings;
	bool no_reply;
};

/* Without a transaction (nothing has waited) none is made: a repeated REGISTER changes
 * nothing and is answered again. */
static int answer(struct registrar *r, struct ph_msg *msg, unsigned code,
	const char *reason, struct slice lines)
{
	if (msg->trans != NULL)
		return tm_reply(r->worker->tm, msg, code, slice_str(reason), lines);
	return tm_reply_stateless(r->worker->tm, msg, code, slice_str(reason), lines);
}

static int refuse(struct registrar *r, struct ph_msg *msg,
	const struct register_refusal *why, bool no_reply)
{
	struct buf lines;
	unsigned more = 0;
	enum log_level level = log_gate_open(&r->refusals, clock_us(), &more) ? LOG_L_INFO : LOG_L_DBG;

	registrar_count(r, REGISTRAR_C_REJECTED);
	/* Anybody can cause these without end: a line a second, at level debug all. */
	PH_LOG_MSG(r->log, level, msg, "REGISTER refused: %u %s (%u more since the last such line)", why->code,
		why->reason, more);
	msg->last_error = (int)why->code;
	if (no_reply)
		return SAVE_REFUSED;
	buf_arena(&lines, msg->arena, 64, 512);
	register_reply_refusal(&lines, why, r->conf->retry_after);
	(void)answer(r, msg, why->code, why->reason,
		buf_slice(&lines)); /* tm counts what it cannot send */
	return SAVE_REFUSED;
}

/* At most a line a second: a store that is away fails every REGISTER of every phone. */
static void complain(struct registrar *r, struct ph_msg *msg, struct slice aor, int err)
{
	unsigned more;

	if (log_gate_open(&r->complaints, clock_us(), &more))
		PH_LOG_MSG(r->log, LOG_L_ERR, msg,
			"REGISTER of %.*s not stored: %s (%u more since the last such line)",
			SLICE_ARG(aor), strerror(-err), more);
}

/* The store could not do it: the phone is to come again, and to know that it is not
 * registered. */
static int store_failed(struct saving *s, int err)
{
	struct registrar *r = s->wait.self;
	struct register_refusal why = {.code = 500, .reason = "Server Internal Error"};
	struct ph_msg *msg = s->wait.msg;
	struct buf lines;

	if (err == -ENOTCONN || err == -ETIMEDOUT || err == -EBUSY || err == -ECANCELED) {
		why.code = 503;
		why.reason = "Location Service Unavailable";
	}
	registrar_count(r, REGISTRAR_C_STORE_FAILED);
	complain(r, msg, s->order.update.aor, err);
	msg->last_error = (int)why.code;
	if (s->no_reply)
		return SAVE_REFUSED;
	buf_arena(&lines, msg->arena, 64, 256);
	register_reply_refusal(&lines, &why, r->conf->retry_after);
	(void)answer(r, msg, why.code, why.reason, buf_slice(&lines));
	return SAVE_REFUSED;
}

static void copy_text(char *to, size_t size, struct slice from)
{
	size_t n = from.len < size - 1 ? from.len : size - 1;

	if (n > 0)
		memcpy(to, from.p, n);
	to[n] = '\0';
}

/* An empty id: all bindings of the AOR. */
static void publish(
	struct registrar *r, struct slice aor, const struct store_contact *c, bool saved)
{
	struct bus_event ev = {.topic = saved ? BUS_CONTACT_SAVED : BUS_CONTACT_REMOVED};
	struct bus_ev_contact *to = &ev.contact;

	copy_text(to->aor, sizeof(to->aor), aor);
	if (c != NULL) {
		copy_text(to->id, sizeof(to->id), c->id);
		copy_text(to->uri, sizeof(to->uri), c->uri);
		copy_text(to->received, sizeof(to->received), c->received);
		copy_text(to->path, sizeof(to->path), c->path);
		copy_text(to->socket, sizeof(to->socket), c->socket);
		to->expires = saved ? c->expires : 0;
		to->bflags = c->bflags;
		to->nated = c->nated;
	}
	bus_publish(r->worker->t.bus, &ev);
}

static void tell_all(struct registrar *r, const struct store_update *upd)
{
	unsigned i;

	if (upd->remove_all || (upd->replace && upd->count > 0))
		publish(r, upd->aor, NULL, false);
	for (i = 0; i < upd->count && !upd->remove_all; i++)
		publish(r, upd->aor, &upd->contacts[i],
			upd->contacts[i].expires > upd->now);
}

static int outcome(const struct saving *s)
{
	const struct store_update *upd = &s->order.update;
	bool added = false;
	unsigned i;

	if (!script_is_kamailio(s->wait.msg))
		return PH_TRUE;
	if (s->order.query)
		return SAVE_FETCHED;
	if (s->bindings.unchanged)
		return SAVE_UPDATED;
	for (i = 0; i < upd->count && !upd->remove_all; i++)
		if (upd->contacts[i].expires > upd->now)
			added = true;
	return added ? SAVE_ADDED : SAVE_REMOVED;
}

static int finish(struct registrar_wait *w, int err)
{
	struct saving *s = (struct saving *)w;
	struct registrar *r = w->self;
	struct buf lines;

	if (err == -ENOSPC) {
		/* The field's answer: OpenSIPS and Kamailio say 503 here as well. */
		const struct register_refusal why = {
			.code = 503, .reason = "Too Many Registered Contacts"};

		(void)refuse(r, w->msg, &why, s->no_reply);
		return SAVE_TOO_MANY;
	}
	if (err != 0)
		return store_failed(s, err);
	if (s->order.query)
		registrar_count(r, REGISTRAR_C_QUERIES);
	else if (s->bindings.unchanged)
		registrar_count(r, REGISTRAR_C_UNCHANGED);
	else
		registrar_count(r, REGISTRAR_C_ACCEPTED);
	if (!s->order.query && !s->bindings.unchanged)
		tell_all(r, &s->order.update);
	if (s->no_reply)
		return outcome(s);
	buf_arena(&lines, w->msg->arena, 256, REPLY_MAX);
	/* As of the request: the phone reads the time that it was granted. */
	register_reply_ok(&lines, &s->bindings, s->order.path, s->order.update.now);
	if (lines.err != 0)
		return store_failed(s, lines.err);
	return answer(r, w->msg, 200, "OK", buf_slice(&lines)) > 0 ? outcome(s)
								   : SAVE_REFUSED;
}

static int read_received(struct registrar *r, struct ph_msg *msg, struct slice *out)
{
	struct script_value v;
	int err = script_pv_get(r->received, r->worker->env, msg, &v);

	if (err == 0 && v.type == SCRIPT_TEXT)
		*out = v.s;
	return err == -ENOMEM ? err : 0;
}

static int collect(struct registrar *r, struct ph_msg *msg, const struct ph_arg *args,
	struct register_from *from, char why[128])
{
	*from = (struct register_from){
		.domain = args[0].given ? args[0].s : (struct slice){0},
		.aor_uri = args[2].given ? args[2].s : (struct slice){0},
		.socket = msg->sock != NULL ? slice_str(msg->sock->adv_text)
					    : (struct slice){0},
		.node = slice_str(r->worker->t.node),
		.bflags = msg->bflags,
		.nat_bflag = (int)r->conf->nat_bflag,
		.now = clock_wall(),
	};
	if (save_flags_parse(&from->flags, args[1].given ? args[1].s : (struct slice){0},
		    why) != 0)
		return -EINVAL;
	return read_received(r, msg, &from->received);
}

int registrar_save(void *self, struct ph_msg *msg, const struct ph_arg *args)
{
	struct registrar *r = self;
	struct register_refusal refusal = {0};
	struct register_from from;
	struct saving *s;
	char why[128] = "no memory";
	int err;

	if (msg->sip.kind != SIP_REQUEST || msg->sip.method != SIP_REGISTER) {
		PH_LOG_MSG(r->log, LOG_L_ERR, msg, "save() is for REGISTER requests");
		return SAVE_REFUSED;
	}
	s = arena_zalloc(msg->arena, sizeof(*s));
	err = s == NULL ? -ENOMEM : collect(r, msg, args, &from, why);
	if (err != 0) {
		const struct register_refusal internal = {
			.code = 500, .reason = "Server Internal Error"};

		PH_LOG_MSG(r->log, LOG_L_ERR, msg, "save(): %s", why);
		return refuse(r, msg, &internal, false);
	}
	registrar_wait_init(&s->wait, r, msg, finish);
	s->no_reply = from.flags.no_reply;
	s->bindings.arena = msg->arena;
	err = register_parse(&s->order, &msg->sip, &r->rules, &from, &refusal);
	if (err == -EINVAL)
		return refuse(r, msg, &refusal, s->no_reply);
	if (err != 0)
		return store_failed(s, err);
	if (s->order.query)
		err = store_contacts_get(r->worker->t.store, s->order.update.aor,
			from.now, &s->bindings, registrar_wait_done, &s->wait);
	else
		err = store_contacts_update(r->worker->t.store, &s->order.update,
			&s->bindings, registrar_wait_done, &s->wait);
	return registrar_wait_for(&s->wait, err);
}
