#include "plugins/natping/ping_book.h"

#include <errno.h>
#include <stdlib.h>

enum { SCRATCH = 4096, SCRATCH_MAX = 65536, COMPLAIN_S = 60 };

struct ping_book {
	struct ping_rules rules;
	struct natping_tally tally;
	struct log_source *log;
	struct ping_table table;
	struct ping_wheel *wheel;
	struct arena *scratch;
	uint32_t mark;          /* see ping_book_scan_begin() */
	uint64_t complained;    /* tick of the last line about a full book; 0: none */
	uint32_t gone_before[]; /* by listener: what was seen before this mark is gone */
};

int ping_book_new(struct ping_book **out, const struct ping_rules *rules,
	const struct natping_tally *tally, struct log_source *log, uint64_t now)
{
	struct ping_book *b =
		calloc(1, sizeof(*b) + rules->socks->count * sizeof(b->gone_before[0]));
	int err = b != NULL ? ping_table_init(&b->table) : -ENOMEM;

	if (err == 0)
		err = ping_wheel_new(&b->wheel, rules->interval, now);
	if (err == 0) {
		b->scratch = arena_new(SCRATCH, SCRATCH_MAX);
		err = b->scratch != NULL ? 0 : -ENOMEM;
	}
	if (err != 0) {
		ping_book_destroy(&b);
		return err;
	}
	b->rules = *rules;
	b->tally = *tally;
	b->log = log;
	*out = b;
	return 0;
}

void ping_book_destroy(struct ping_book **bp)
{
	struct ping_book *b = *bp;

	*bp = NULL;
	if (b == NULL)
		return;
	if (b->table.count > 0)
		natping_count(&b->tally, NATPING_C_CONTACTS, -(int64_t)b->table.count);
	ping_table_free(&b->table);
	ping_wheel_destroy(&b->wheel);
	arena_put(b->scratch);
	free(b);
}

struct ping_wheel *ping_book_wheel(struct ping_book *b)
{
	return b->wheel;
}

static uint64_t mix(const struct ping_book *b, struct ping_key key)
{
	return hash_sip(b->rules.key, slice_make((const char *)&key, sizeof(key)));
}

bool ping_book_owns(const struct ping_book *b, struct slice aor, struct slice id,
	struct ping_key *key)
{
	key->aor = hash_sip(b->rules.key, aor);
	key->id = hash_sip(b->rules.key, id);
	return slice_empty(id) ||
		(mix(b, *key) >> 32) % b->rules.threads == b->rules.index;
}

bool ping_book_has(const struct ping_book *b, struct ping_key key)
{
	return ping_table_find(&b->table, key) != NULL;
}

static void forget(struct ping_book *b, struct ping_contact *c)
{
	ping_wheel_remove(b->wheel, &c->place);
	natping_count(&b->tally, NATPING_C_CONTACTS, -1);
	free(c);
}

void ping_book_drop(struct ping_book *b, struct ping_contact *c)
{
	ping_table_remove(&b->table, c);
	forget(b, c);
}

void ping_book_remove(struct ping_book *b, struct ping_key key, bool whole_aor)
{
	struct ping_contact *c;

	if (!whole_aor) {
		c = ping_table_find(&b->table, key);
		if (c != NULL)
			ping_book_drop(b, c);
		return;
	}
	while ((c = ping_table_take(&b->table, key.aor)) != NULL)
		forget(b, c);
}

/* Not by far all contacts are behind NAT, or can be pinged at all. */
static bool is_wanted(const struct ping_rules *r, const struct ping_binding *binding,
	enum sip_transport transport)
{
	if (r->wanted_bflags != 0 && (binding->bflags & r->wanted_bflags) == 0)
		return false;
	return transport == SIP_TR_UDP || r->tcp;
}

static uint16_t sock_index(const struct net_sock *s)
{
	return s != NULL && s->index < PING_NO_SOCK ? (uint16_t)s->index : PING_NO_SOCK;
}

static int make(struct ping_contact **out, const struct ping_rules *r,
	const struct ping_binding *binding, const struct ping_target *t)
{
	const struct net_sock *home = net_sock_find(r->socks, binding->socket);
	bool sip = (binding->bflags & r->sip_bflags) != 0;
	struct addr literal = {0};
	bool named = addr_parse_ip(&literal, t->host) != 0;
	size_t host = named ? t->host.len : 0, ruri = sip ? t->ruri.len : 0,
	       route = sip ? t->route.len : 0;
	struct ping_contact *c;

	if (host > UINT16_MAX || ruri > UINT16_MAX || route > UINT16_MAX)
		return -EBADMSG;
	c = calloc(1, sizeof(*c) + host + ruri + route);
	if (c == NULL)
		return -ENOMEM;
	c->expires =
		binding->expires < UINT32_MAX ? (uint32_t)binding->expires : UINT32_MAX;
	c->home = sock_index(home);
	c->transport = (uint8_t)t->transport;
	c->sip = sip;
	c->to = literal;
	c->sock = PING_NO_SOCK;
	if (!named)
		c->sock = sock_index(ping_target_sock(
			r->socks, home, r->force, t->transport, addr_family(&literal)));
	else
		c->to.in.sin_family = AF_INET; /* for the port alone */
	addr_set_port(&c->to, t->port);
	c->host_len = (uint16_t)host;
	c->ruri_len = (uint16_t)ruri;
	c->route_len = (uint16_t)route;
	memcpy(c->text, t->host.p, host);
	memcpy(c->text + host, t->ruri.p, ruri);
	if (route > 0)
		memcpy(c->text + host + ruri, t->route.p, route);
	*out = c;
	return 0;
}

static void put(struct ping_book *b, struct ping_contact *c, struct ping_contact *old,
	uint64_t now)
{
	if (old != NULL) {
		ping_wheel_replace(b->wheel, &old->place, &c->place);
		ping_table_remove(&b->table, old);
		free(old);
	} else {
		ping_wheel_add(b->wheel, &c->place, (uint32_t)mix(b, c->key), now);
		natping_count(&b->tally, NATPING_C_CONTACTS, 1);
	}
	ping_table_add(&b->table, c);
}

static int full(struct ping_book *b, uint64_t now)
{
	natping_count(&b->tally, NATPING_C_FULL, 1);
	if (b->complained == 0 ||
		now - b->complained > COMPLAIN_S * 1000 / PING_TICK_MS) {
		LOG(b->log, LOG_L_WARN,
			"a thread knows %u contacts (natping_max_contacts): others are "
			"not pinged; see natping_full",
			b->rules.max);
		b->complained = now;
	}
	return -ENOSPC;
}

int ping_book_save(struct ping_book *b, struct ping_key key,
	const struct ping_binding *binding, uint64_t now)
{
	struct ping_contact *old = ping_table_find(&b->table, key), *c = NULL;
	struct ping_target target;
	int err;

	arena_reset(b->scratch);
	err = ping_target_of(&target, binding, b->rules.socks, b->scratch);
	if (err == 0 && is_wanted(&b->rules, binding, target.transport))
		err = old == NULL && b->table.count >= b->rules.max
			? full(b, now)
			: make(&c, &b->rules, binding, &target);
	if (err == -EBADMSG)
		natping_count(&b->tally, NATPING_C_UNUSABLE, 1);
	if (c == NULL) {
		/* What we knew of it holds no more, whatever the reason. */
		if (old != NULL)
			ping_book_drop(b, old);
		return err;
	}
	c->key = key;
	c->seen = b->mark;
	put(b, c, old, now);
	return 0;
}

uint32_t ping_book_scan_begin(struct ping_book *b)
{
	return ++b->mark;
}

void ping_book_scan_end(struct ping_book *b, unsigned sock, uint32_t mark)
{
	b->gone_before[sock] = mark;
}

bool ping_book_is_gone(const struct ping_book *b, const struct ping_contact *c)
{
	return c->home != PING_NO_SOCK && c->seen < b->gone_before[c->home];
}
