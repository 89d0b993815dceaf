#include <errno.h>
#include <stdlib.h>

#include "core/base/hash.h"
#include "core/base/log.h"
#include "core/net/hosts.h"
#include "core/net/resolver.h"

#define ITEMS  64   /* answers that one lookup may look at */
#define LOG_MS 1000 /* between two lines about lookups that failed */

/** An answer that a lookup has, or waits for. */
struct item {
	struct dns_wait wait; /* first: done() finds the item by it */
	struct lookup *lookup;
	struct dns_answer *answer; /* counted; NULL: not there */
};

struct lookup {
	struct resolver *r;
	struct lookup *next, **prev; /* of those suspended */
	struct next_hops hops;
	struct net_query query;
	net_resolved fn;
	resolver_shown shown;
	void *arg;
	bool at_once; /* nobody waits: what is known must do */
	struct timer deadline;
	unsigned used;
	struct item items[ITEMS];
	char host[DNS_NAME_MAX + 2]; /* query.host, once the caller's text may be gone */
};

struct resolver {
	struct resolver_setup s;
	struct log_source *log;
	struct hosts *hosts;
	struct dns_asker *asker; /* NULL: no DNS */
	struct lookup *waiting;
	struct lookup *spare; /* for the next: most are over at once */
	unsigned count;
	bool stopped;
	uint64_t logged_ms;
	unsigned unlogged;
};

/* There was no place to ask. */
static const struct dns_answer busy = {
	.outcome = DNS_FAILED, .why = "too many lookups: dns.max_lookups"};
static const struct dns_answer no_dns = {.outcome = DNS_NO_NAME};

static void count(struct resolver *r, unsigned which, int64_t by)
{
	if (r->asker != NULL)
		counter_add(r->s.counters, r->s.first_counter + which, by);
}

/* What all threads share */

int dns_shared_new(struct dns_shared **out, const struct dns_conf *conf)
{
	struct dns_shared *s = calloc(1, sizeof(*s));
	int err;

	if (s == NULL)
		return -ENOMEM;
	s->conf = conf;
	s->ttl = (struct dns_ttl){.min = conf->min_ttl,
		.max = conf->max_ttl,
		.negative = conf->negative_ttl,
		.failure = conf->failure_ttl,
		.stale = conf->stale_ttl};
	err = dns_cache_new(&s->cache, (unsigned)conf->cache_size, &s->ttl);
	if (err == 0)
		err = bad_hops_new(&s->bad);
	if (err != 0) {
		dns_shared_destroy(&s);
		return err;
	}
	*out = s;
	return 0;
}

void dns_shared_destroy(struct dns_shared **sp)
{
	struct dns_shared *s = *sp;

	*sp = NULL;
	if (s == NULL)
		return;
	dns_cache_destroy(&s->cache);
	bad_hops_destroy(&s->bad);
	free(s);
}

/* What next_hops.c asks for */

static bool listens(void *arg, enum sip_transport tr, int family)
{
	const struct net_socks *socks = ((struct lookup *)arg)->r->s.socks;

	if (family != 0)
		return net_sock_first(socks, tr, family) != NULL;
	return net_sock_first(socks, tr, AF_INET) != NULL ||
		net_sock_first(socks, tr, AF_INET6) != NULL;
}

static unsigned hosts_look(void *arg, struct slice name, struct addr *out, unsigned max)
{
	struct resolver *r = ((struct lookup *)arg)->r;

	return hosts_find(r->hosts, name, loop_now(r->s.loop), out, max);
}

static struct item *item_find(struct lookup *l, struct slice name, enum dns_type type)
{
	for (unsigned i = 0; i < l->used; i++) {
		struct item *it = &l->items[i];

		if (it->answer != NULL ? it->answer->type == type &&
					slice_eq(it->answer->name, name)
				       : dns_wait_is_for(&it->wait, name, type))
			return it;
	}
	return NULL;
}

static void item_done(struct dns_wait *w, struct dns_answer *a);

static const struct dns_answer *hit(
	struct resolver *r, const struct dns_answer *a, bool stale)
{
	if (stale)
		count(r, DNS_C_STALE_USED, 1);
	else
		count(r, a->outcome == DNS_FOUND ? DNS_C_HITS : DNS_C_NEGATIVE_HITS, 1);
	return a;
}

static const struct dns_answer *answer_of(
	void *arg, struct slice name, enum dns_type type)
{
	struct lookup *l = arg;
	struct resolver *r = l->r;
	struct item *it = item_find(l, name, type);
	struct dns_answer *a;
	enum dns_fresh how;
	int err;

	if (it != NULL)
		return it->answer;
	if (r->asker == NULL)
		return &no_dns;
	if (l->used == ITEMS || l->hops.final)
		return l->hops.final ? NULL : &busy;
	it = &l->items[l->used];
	it->wait = (struct dns_wait){.done = item_done};
	it->lookup = l;
	a = dns_cache_get(r->s.shared->cache, name, type, loop_now(r->s.loop), &how);
	if (how == DNS_FRESH || how == DNS_STALE_HELD) {
		it->answer = a;
		l->used++;
		return hit(r, a, how == DNS_STALE_HELD);
	}
	it->answer = NULL;
	err = r->stopped ? -ECANCELED : dns_ask(r->asker, name, type, a, &it->wait);
	if (err == 0) {
		l->used++;
	} else if (a != NULL) {
		it->answer = a;
		l->used++;
		return hit(r, a, true);
	}
	if (err == 0 && a != NULL && l->at_once) {
		it->answer = a; /* a better one is on its way, for the next who asks */
		return hit(r, a, true);
	}
	dns_answer_unref(&a);
	return err == 0 ? NULL : &busy;
}

/* The life of a lookup */

static struct lookup *lookup_take(struct resolver *r)
{
	struct lookup *l = r->spare;

	r->spare = NULL;
	if (l == NULL)
		l = malloc(sizeof(*l));
	if (l == NULL)
		return NULL;
	l->r = r;
	l->prev = NULL;
	l->used = 0;
	timer_init(&l->deadline, NULL, l);
	l->deadline.prev = NULL;
	return l;
}

/* Questions that nobody waits for any more go on, for the cache. */
static void lookup_give(struct lookup *l)
{
	struct resolver *r = l->r;

	for (unsigned i = 0; i < l->used; i++) {
		dns_wait_forget(&l->items[i].wait);
		dns_answer_unref(&l->items[i].answer);
	}
	timer_stop(&l->deadline);
	if (l->prev != NULL) {
		*l->prev = l->next;
		if (l->next != NULL)
			l->next->prev = l->prev;
		r->count--;
	}
	if (r->spare == NULL)
		r->spare = l;
	else
		free(l);
}

/* Those that have just failed stand behind the others; their order stays. */
static unsigned hops_copy(
	struct resolver *r, const struct next_hops *n, struct net_hop out[NET_MAX_HOPS])
{
	const bool choice = r->s.shared != NULL && n->count > 1;
	struct net_hop bad[NET_MAX_HOPS];
	unsigned good_count = 0, bad_count = 0;

	for (unsigned i = 0; i < n->count; i++) {
		const struct net_hop *hop = &n->found[i].hop;

		if (choice &&
			bad_hops_is(r->s.shared->bad, hop->transport, &hop->addr,
				loop_now(r->s.loop)))
			bad[bad_count++] = *hop;
		else
			out[good_count++] = *hop;
	}
	for (unsigned i = 0; i < bad_count; i++)
		out[good_count + i] = bad[i];
	return n->count;
}

static void failure_log(
	struct resolver *r, const struct net_query *q, const struct next_hops *n)
{
	const uint64_t now = loop_now(r->s.loop);
	const char *why = n->failed_why != NULL ? n->failed_why : "no address";

	count(r, DNS_C_UNRESOLVED, 1);
	if (r->logged_ms != 0 && now - r->logged_ms < LOG_MS) {
		r->unlogged++;
		return;
	}
	if (r->unlogged > 0)
		LOG(r->log, LOG_L_NOTICE, "%u names more had no next hop", r->unlogged);
	LOG(r->log, LOG_L_NOTICE, "no next hop for %.*s: %s %s: %s", SLICE_ARG(q->host),
		dns_type_name(n->failed_type), n->failed_name, why);
	r->logged_ms = now;
	r->unlogged = 0;
}

/* Tell, after the lookup has been given back: fn may ask for the next. */
static void lookup_tell(struct lookup *l, int err)
{
	struct resolver *r = l->r;
	net_resolved fn = l->fn;
	resolver_shown shown = l->shown;
	void *arg = l->arg;
	struct net_hop hops[NET_MAX_HOPS];
	struct next_hops n;
	unsigned n_hops = 0;

	if (err != 0 && err != -ECANCELED && shown == NULL)
		failure_log(r, &l->query, &l->hops);
	if (shown != NULL) {
		n = l->hops;
		lookup_give(l);
		shown(arg, err, &n);
		return;
	}
	if (err == 0)
		n_hops = hops_copy(r, &l->hops, hops);
	lookup_give(l);
	fn(arg, err, hops, n_hops);
}

static void lookup_go_on(struct lookup *l)
{
	int err = next_hops_find(&l->hops);

	if (err != -EAGAIN)
		lookup_tell(l, err);
}

static void item_done(struct dns_wait *w, struct dns_answer *a)
{
	struct item *it = (struct item *)w;
	struct lookup *l = it->lookup;

	/* NULL: no memory. The item is then one that is not there, until the deadline. */
	it->answer = a;
	if (a != NULL)
		dns_answer_ref(a);
	lookup_go_on(l);
}

/* Whatever is there must do. */
static void deadline_due(void *arg)
{
	struct lookup *l = arg;

	l->hops.final = true;
	lookup_tell(l, next_hops_find(&l->hops));
}

/* The caller's text goes; what was found stays. */
static int lookup_suspend(struct lookup *l)
{
	struct resolver *r = l->r;

	if (r->count >= (unsigned)r->s.shared->conf->max_lookups) {
		count(r, DNS_C_REFUSED, 1);
		l->hops.failed_why = busy.why;
		return -EBUSY;
	}
	count(r, DNS_C_WAITED, 1);
	r->count++;
	memcpy(l->host, l->query.host.p, l->query.host.len);
	l->query.host.p = l->host;
	l->next = r->waiting;
	l->prev = &r->waiting;
	if (l->next != NULL)
		l->next->prev = &l->next;
	r->waiting = l;
	timer_init(&l->deadline, deadline_due, l);
	timer_start(r->s.loop, &l->deadline, (uint64_t)r->s.shared->conf->deadline);
	return -EINPROGRESS;
}

static struct lookup *lookup_new(struct resolver *r, const struct net_query *q)
{
	const struct dns_conf *conf = r->s.shared != NULL ? r->s.shared->conf : NULL;
	struct lookup *l = lookup_take(r);
	int first =
		r->s.socks->count > 0 ? addr_family(&r->s.socks->list[0].addr) : AF_INET;

	if (l == NULL)
		return NULL;
	l->query = *q;
	l->fn = NULL;
	l->shown = NULL;
	l->at_once = false;
	l->hops.query = &l->query;
	l->hops.srv = conf != NULL && conf->srv;
	l->hops.naptr = conf != NULL && conf->srv && conf->naptr;
	l->hops.seed = random_fast() | 1;
	l->hops.final = false;
	l->hops.listens = listens;
	l->hops.hosts = hosts_look;
	l->hops.answer = answer_of;
	l->hops.arg = l;
	for (unsigned i = 0; i < r->s.socks->count; i++) {
		if (r->s.socks->list[i].transport == q->transport) {
			first = addr_family(&r->s.socks->list[i].addr);
			break;
		}
	}
	if (conf != NULL) {
		dns_families(conf, first, l->hops.families);
	} else {
		l->hops.families[0] = first;
		l->hops.families[1] = first == AF_INET ? AF_INET6 : AF_INET;
	}
	return l;
}

int resolver_find(struct resolver *r, const struct net_query *q,
	struct net_hop hops[NET_MAX_HOPS], unsigned *n, net_resolved fn, void *arg)
{
	struct lookup *l;
	int err;

	if (next_hops_literal(q, &hops[0])) {
		*n = 1;
		return 0;
	}
	l = lookup_new(r, q);
	if (l == NULL)
		return -ENOMEM;
	count(r, DNS_C_LOOKUPS, 1);
	l->at_once = fn == NULL;
	err = next_hops_find(&l->hops);
	if (err == -EAGAIN && r->stopped)
		err = -ECANCELED;
	if (err == -EAGAIN && fn != NULL) {
		l->fn = fn;
		l->arg = arg;
		err = lookup_suspend(l);
		if (err == -EINPROGRESS)
			return err;
	}
	if (err == 0)
		*n = hops_copy(r, &l->hops, hops);
	else if (err != -EAGAIN && err != -ECANCELED)
		failure_log(r, q, &l->hops);
	lookup_give(l);
	return err;
}

unsigned resolver_addresses(
	struct resolver *r, struct slice name, int family, struct addr *out, unsigned max)
{
	const struct net_query q = {.host = name};
	char text[DNS_NAME_MAX + 1];
	const struct dns_answer *a;
	struct lookup *l = lookup_new(r, &q);
	unsigned found, n = 0;

	if (l == NULL)
		return 0;
	l->at_once = true;
	name = next_hops_name(name, text);
	found = name.len > 0 ? hosts_look(l, name, out, max) : 0;
	for (unsigned i = 0; i < found; i++) {
		if (addr_family(&out[i]) == family)
			out[n++] = out[i];
	}
	if (found == 0 && name.len > 0) {
		a = answer_of(l, name, family == AF_INET6 ? DNS_AAAA : DNS_A);
		for (unsigned i = 0; a != NULL && i < a->count && n < max; i++)
			out[n++] = a->records[i].addr;
	}
	lookup_give(l);
	return n;
}

static void show_due(void *arg)
{
	struct lookup *l = arg;
	int err = next_hops_find(&l->hops);

	if (err != -EAGAIN) {
		lookup_tell(l, err);
		return;
	}
	timer_init(&l->deadline, deadline_due, l);
	timer_start(l->r->s.loop, &l->deadline, (uint64_t)l->r->s.shared->conf->deadline);
}

int resolver_show(
	struct resolver *r, const struct net_query *q, resolver_shown fn, void *arg)
{
	struct lookup *l;
	int err;

	if (q->host.len > DNS_NAME_MAX + 1 || r->asker == NULL || r->stopped)
		return -EINVAL;
	l = lookup_new(r, q);
	if (l == NULL)
		return -ENOMEM;
	l->shown = fn;
	l->arg = arg;
	err = lookup_suspend(l);
	if (err != -EINPROGRESS) {
		lookup_give(l);
		return err;
	}
	/* From a timer, so that fn does not run in here. */
	timer_stop(&l->deadline);
	timer_init(&l->deadline, show_due, l);
	timer_start(r->s.loop, &l->deadline, 0);
	return -EINPROGRESS;
}

/* Hops */

void resolver_hop_failed(struct resolver *r, const struct net_hop *hop, uint64_t ms)
{
	struct dns_shared *s = r->s.shared;
	char text[ADDR_TEXT];

	if (s == NULL || s->conf->bad_hop_time == 0)
		return;
	if (ms == 0)
		ms = (uint64_t)s->conf->bad_hop_time;
	if (!bad_hops_peek(s->bad, hop->transport, &hop->addr, loop_now(r->s.loop)))
		LOG(r->log, LOG_L_NOTICE,
			"next hop %s:%.*s fails: others come first for %llu s",
			sip_transport_name(hop->transport),
			SLICE_ARG(addr_text(&hop->addr, text)),
			(unsigned long long)ms / 1000);
	count(r, DNS_C_BAD_HOPS, 1);
	bad_hops_set(s->bad, hop->transport, &hop->addr, loop_now(r->s.loop), ms);
}

void resolver_hop_answered(struct resolver *r, const struct net_hop *hop)
{
	struct dns_shared *s = r->s.shared;
	char text[ADDR_TEXT];

	if (s != NULL && bad_hops_clear(s->bad, hop->transport, &hop->addr))
		LOG(r->log, LOG_L_NOTICE, "next hop %s:%.*s answers again",
			sip_transport_name(hop->transport),
			SLICE_ARG(addr_text(&hop->addr, text)));
}

/* The whole */

static int hosts_fill(struct resolver *r)
{
	const struct dns_conf *conf = r->s.shared != NULL ? r->s.shared->conf : NULL;
	const char *path = HOSTS_PATH;
	int err;

	if (conf != NULL)
		path = conf->hosts_file != NULL && *conf->hosts_file != '\0'
			? conf->hosts_file
			: NULL;
	err = hosts_new(&r->hosts, path);
	for (unsigned i = 0; err == 0 && conf != NULL && i < conf->hosts.count; i++)
		hosts_fix(r->hosts, slice_str(conf->hosts.items[i]));
	return err;
}

int resolver_new(struct resolver **out, const struct resolver_setup *setup)
{
	struct resolver *r = calloc(1, sizeof(*r));
	struct dns_asker_setup asker = {.loop = setup->loop,
		.counters = setup->counters,
		.first_counter = setup->first_counter};
	int err;

	if (r == NULL)
		return -ENOMEM;
	r->s = *setup;
	r->log = log_source_get("net");
	err = hosts_fill(r);
	if (err == 0 && setup->shared != NULL) {
		asker.conf = setup->shared->conf;
		asker.ttl = &setup->shared->ttl;
		asker.cache = setup->shared->cache;
		err = dns_asker_new(&r->asker, &asker);
	}
	if (err != 0) {
		resolver_destroy(&r);
		return err;
	}
	*out = r;
	return 0;
}

void resolver_stop(struct resolver *r)
{
	r->stopped = true;
	while (r->waiting != NULL)
		lookup_tell(r->waiting, -ECANCELED);
}

void resolver_destroy(struct resolver **rp)
{
	struct resolver *r = *rp;

	*rp = NULL;
	if (r == NULL)
		return;
	resolver_stop(r);
	free(r->spare);
	dns_asker_destroy(&r->asker);
	hosts_destroy(&r->hosts);
	free(r);
}
