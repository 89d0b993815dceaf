#include "core/host/nodes.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/host/heartbeat.h"
#include "core/host/host.h"
#include "core/host/nodes_table.h"

#define LIST_BLOCK 4096
#define LIST_LIMIT (1u << 20)

/* One of our listeners; several that phones see as one share the lease. */
struct lease {
	struct host_nodes *nodes;
	struct slice thing;   /* "udp:198.51.100.7:5060" */
	struct slice holder;  /* answer */
	bool under_way;
	bool elsewhere;       /* told: another node has it */
};

/* Who holds another node's listener? In the round's arena. */
struct lookup {
	struct host_nodes *nodes;
	struct nodes_entry *entry;
	struct slice holder;
};

struct host_nodes {
	struct nodes_table table; /* any thread */
	_Atomic(bool) *mine;      /* by the listener's index; any thread */

	/* The control thread's */
	struct host *host;
	struct log_source *log;
	struct timer timer;
	struct lease *leases;
	unsigned lease_count;
	unsigned under_way;   /* answers of this round that are still to come */
	struct arena *round;  /* holders */
	struct store_nodes list, fresh; /* what was read last; what is being read. Each with an arena */
	uint64_t believe_ms;  /* loop_now() from which on absence means death */
	bool started, left;
};

static uint64_t now_ms(const struct host_nodes *n)
{
	return loop_now(n->host->control.loop);
}

static void publish(struct host_nodes *n, enum bus_topic topic, struct slice name)
{
	struct bus_event ev = {.topic = topic};

	snprintf(ev.node.name, sizeof(ev.node.name), "%.*s", SLICE_ARG(name));
	LOG(n->log, LOG_L_NOTICE, "node %.*s is %s", SLICE_ARG(name), topic == BUS_NODE_UP ? "up" : "down");
	bus_publish(n->host->control.bus, &ev);
}

/* The store does not answer: others must find their way back too before their absence means anything. */
static void store_away(struct host_nodes *n)
{
	n->believe_ms = now_ms(n) + HEARTBEAT_LIFE_MS + (uint64_t)n->host->conf.store.reconnect_max;
}

static void set_mine(struct host_nodes *n, struct slice thing, bool mine)
{
	const struct net_socks *socks = &n->host->conf.socks;

	for (unsigned i = 0; i < socks->count; i++)
		if (slice_eq(slice_str(socks->list[i].adv_text), thing))
			atomic_store(&n->mine[i], mine);
}

/* Leases of our own listeners */

static void lease_judge(struct lease *l)
{
	struct host_nodes *n = l->nodes;
	bool elsewhere = !slice_empty(l->holder) && !slice_eq(l->holder, slice_str(n->host->conf.node));

	if (n->left)
		return;
	set_mine(n, l->thing, !elsewhere);
	if (elsewhere == l->elsewhere)
		return;
	l->elsewhere = elsewhere;
	if (elsewhere)
		LOG(n->log, LOG_L_WARN, "node %.*s holds %.*s: it looks after the phones there, this node does not", SLICE_ARG(l->holder),
			SLICE_ARG(l->thing));
	else
		LOG(n->log, LOG_L_NOTICE, "%.*s is ours", SLICE_ARG(l->thing));
}

static void lease_done(void *arg, int err)
{
	struct lease *l = arg;

	l->under_way = false;
	l->nodes->under_way--;
	if (err == 0)
		lease_judge(l);
}

static void lease_take(struct lease *l)
{
	struct host_nodes *n = l->nodes;
	int err;

	l->holder = (struct slice){0};
	l->under_way = true;
	n->under_way++;
	err = store_lease_take(n->host->control.store, l->thing, slice_str(n->host->conf.node), HEARTBEAT_LIFE_MS, n->round, &l->holder,
		lease_done, l);
	if (err != -EINPROGRESS)
		lease_done(l, err);
}

/* Listeners of others */

static void lookup_done(void *arg, int err)
{
	struct lookup *l = arg;
	struct host_nodes *n = l->nodes;

	n->under_way--;
	if (err != 0) {
		store_away(n);
		nodes_entry_doubt(l->entry);
	} else if (!slice_empty(l->holder)) {
		nodes_entry_set(l->entry, NODES_ALIVE);
	} else if (now_ms(n) >= n->believe_ms) {
		nodes_entry_set(l->entry, NODES_DEAD);
	}
}

static void lookup_start(struct host_nodes *n, struct nodes_entry *e)
{
	struct lookup *l = arena_zalloc(n->round, sizeof(*l));
	int err;

	if (!l)
		return;
	l->nodes = n;
	l->entry = e;
	n->under_way++;
	err = store_lease_get(n->host->control.store, nodes_entry_name(e), n->round, &l->holder, lookup_done, l);
	if (err != -EINPROGRESS)
		lookup_done(l, err);
}

/* Who has a heartbeat */

static bool list_has(const struct store_nodes *list, struct slice name)
{
	for (unsigned i = 0; i < list->count; i++)
		if (slice_eq(list->list[i].name, name))
			return true;
	return false;
}

static bool is_self(const struct host_nodes *n, struct slice name)
{
	return slice_eq(name, slice_str(n->host->conf.node));
}

static void list_alive(struct host_nodes *n)
{
	for (unsigned i = 0; i < n->list.count; i++) {
		struct slice name = n->list.list[i].name;
		struct nodes_entry *e = is_self(n, name) ? NULL : nodes_table_find(&n->table, NODES_NODE, name);

		if (e && nodes_entry_set(e, NODES_ALIVE) != NODES_ALIVE)
			publish(n, BUS_NODE_UP, name);
	}
}

static void list_dead(struct host_nodes *n)
{
	for (struct nodes_entry *e = NULL; (e = nodes_table_next(&n->table, e));)
		if (e->kind == NODES_NODE && !list_has(&n->list, nodes_entry_name(e)) && nodes_entry_set(e, NODES_DEAD) == NODES_ALIVE)
			publish(n, BUS_NODE_DOWN, nodes_entry_name(e));
}

static void list_done(void *arg, int err)
{
	struct host_nodes *n = arg;
	struct store_nodes was = n->list;

	n->under_way--;
	if (err != 0) {
		store_away(n);
		return;
	}
	n->list = n->fresh;
	n->fresh = was;
	list_alive(n);
	if (now_ms(n) >= n->believe_ms)
		list_dead(n);
}

static void list_start(struct host_nodes *n)
{
	struct arena *arena = n->fresh.arena;
	int err;

	arena_reset(arena);
	n->fresh = (struct store_nodes){.arena = arena};
	n->under_way++;
	err = store_nodes_get(n->host->control.store, &n->fresh, list_done, n);
	if (err != -EINPROGRESS)
		list_done(n, err);
}

static void round_start(void *arg)
{
	struct host_nodes *n = arg;
	uint64_t now_us = clock_us();

	timer_start(n->host->control.loop, &n->timer, HEARTBEAT_MS);
	/* The store's own deadline ends what is still under way. */
	if (n->under_way > 0)
		return;
	arena_reset(n->round);
	for (unsigned i = 0; i < n->lease_count; i++)
		lease_take(&n->leases[i]);
	for (struct nodes_entry *e = NULL; (e = nodes_table_next(&n->table, e));)
		if (e->kind == NODES_SOCKET && nodes_entry_wanted(e, now_us))
			lookup_start(n, e);
	list_start(n);
}

/* Life */

static bool has_lease(const struct host_nodes *n, struct slice thing)
{
	for (unsigned i = 0; i < n->lease_count; i++)
		if (slice_eq(n->leases[i].thing, thing))
			return true;
	return false;
}

static void make_leases(struct host_nodes *n)
{
	const struct net_socks *socks = &n->host->conf.socks;

	for (unsigned i = 0; i < socks->count; i++) {
		struct slice thing = slice_str(socks->list[i].adv_text);

		atomic_init(&n->mine[i], true);
		if (!has_lease(n, thing))
			n->leases[n->lease_count++] = (struct lease){.nodes = n, .thing = thing};
	}
}

int nodes_new(struct host_nodes **out, struct host *h)
{
	struct host_nodes *n = calloc(1, sizeof(*n));

	if (!n)
		return -ENOMEM;
	n->host = h;
	n->log = h->log;
	n->mine = calloc(h->conf.socks.count + 1, sizeof(*n->mine));
	n->leases = calloc(h->conf.socks.count + 1, sizeof(*n->leases));
	n->round = arena_new(LIST_BLOCK, LIST_LIMIT);
	n->list.arena = arena_new(LIST_BLOCK, LIST_LIMIT);
	n->fresh.arena = arena_new(LIST_BLOCK, LIST_LIMIT);
	timer_init(&n->timer, round_start, n);
	if (!n->mine || !n->leases || !n->round || !n->list.arena || !n->fresh.arena) {
		nodes_destroy(&n);
		return -ENOMEM;
	}
	make_leases(n);
	*out = n;
	return 0;
}

void nodes_start(struct host_nodes *n)
{
	n->started = true;
	n->believe_ms = now_ms(n) + HEARTBEAT_LIFE_MS; /* others may be starting too */
	timer_start(n->host->control.loop, &n->timer, 0);
}

static void dropped(void *arg, int err)
{
	(void)arg;
	(void)err; /* it runs out by itself */
}

void nodes_leave(struct host_nodes *n)
{
	if (!n || !n->started || n->left)
		return;
	n->left = true;
	timer_stop(&n->timer);
	for (unsigned i = 0; i < n->lease_count; i++) {
		set_mine(n, n->leases[i].thing, false);
		(void)store_lease_drop(
			n->host->control.store, n->leases[i].thing, slice_str(n->host->conf.node), dropped, n);
	}
}

void nodes_destroy(struct host_nodes **np)
{
	struct host_nodes *n = *np;

	if (!n)
		return;
	timer_stop(&n->timer);
	arena_put(n->round);
	arena_put(n->list.arena);
	arena_put(n->fresh.arena);
	free(n->leases);
	free(n->mine);
	free(n);
	*np = NULL;
}

/* Asking: any thread */

bool nodes_socket_alive(struct host_nodes *n, struct slice socket)
{
	return n && nodes_entry_alive(nodes_table_find(&n->table, NODES_SOCKET, socket), clock_us());
}

bool nodes_socket_silent(struct host_nodes *n, struct slice socket)
{
	uint64_t now_us = clock_us();

	return n && nodes_entry_silent(nodes_table_find(&n->table, NODES_SOCKET, socket), now_us, now_us + NODES_SILENCE_MS * 1000);
}

bool ph_socket_mine(const struct ph_thread *t, struct slice socket)
{
	const struct net_sock *sock = net_sock_find(t->socks, socket);

	return sock && (!t->nodes || atomic_load(&t->nodes->mine[sock->index]));
}

bool ph_node_alive(const struct ph_thread *t, struct slice node)
{
	if (slice_eq(node, slice_str(t->node)) || !t->nodes)
		return true;
	return nodes_entry_alive(nodes_table_find(&t->nodes->table, NODES_NODE, node), clock_us());
}

static void show_one(struct tree *root, const struct store_node *node, bool self)
{
	struct tree *one = tree_addf(root, "Node", "%.*s", SLICE_ARG(node->name));
	struct slice rest = node->sockets, socket;
	struct tree *sockets;
	time_t started = (time_t)node->started;
	char text[64];
	struct tm tm;

	gmtime_r(&started, &tm);
	strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm);
	if (self)
		tree_attr(one, "self", "yes");
	tree_addf(one, "Version", "%.*s", SLICE_ARG(node->version));
	tree_add(one, "Started", text);
	tree_add_int(one, "Load", node->load);
	sockets = tree_add(one, "Sockets", NULL);
	tree_set_list(sockets);
	while (!slice_empty(rest)) {
		if (!slice_cut(rest, ' ', &socket, &rest)) {
			socket = rest;
			rest = (struct slice){0};
		}
		tree_addf(sockets, "Socket", "%.*s", SLICE_ARG(socket));
	}
}

static void show(const struct host_nodes *n, const struct store_nodes *list, struct bus_request *req)
{
	struct tree *root = tree_new();
	struct store_node self;

	tree_set_list(root);
	if (!list_has(list, slice_str(n->host->conf.node))) {
		self = heartbeat_node(n->host->heartbeat);
		show_one(root, &self, true);
	}
	for (unsigned i = 0; i < list->count; i++)
		show_one(root, &list->list[i], is_self(n, list->list[i].name));
	bus_reply(req, root);
}

/* One command: the store is asked anew, and while it is away what it said last is shown. */
struct asking {
	struct host_nodes *nodes;
	struct bus_request *req;
	struct store_nodes list;
};

static void asked(void *arg, int err)
{
	struct asking *a = arg;

	if (err == -ECANCELED)
		bus_fail(a->req, 503, "Shutting down");
	else
		show(a->nodes, err == 0 ? &a->list : &a->nodes->list, a->req);
	arena_put(a->list.arena);
	free(a);
}

void nodes_command(struct host_nodes *n, struct bus_request *req)
{
	struct asking *a = calloc(1, sizeof(*a));
	struct arena *arena = arena_new(LIST_BLOCK, LIST_LIMIT);
	int err;

	if (!a || !arena) {
		bus_fail(req, 500, "Out of memory");
		arena_put(arena);
		free(a);
		return;
	}
	*a = (struct asking){.nodes = n, .req = req, .list = {.arena = arena}};
	err = store_nodes_get(n->host->control.store, &a->list, asked, a);
	if (err != -EINPROGRESS)
		asked(a, err);
}
