/* A thread that pings: its contacts' turns, what it hears of them, and whose listeners are ours. */
#include <errno.h>
#include <stdlib.h>

#include "plugins/natping/natping.h"
#include "plugins/natping/ping_branch.h"
#include "plugins/natping/ping_left.h"
#include "plugins/natping/ping_out.h"
#include "plugins/natping/ping_read.h"
#include "plugins/natping/ping_request.h"
#include "plugins/natping/ping_scan.h"

enum {
	WATCH_MS = 1000,
	LATE_TICKS = 5, /* a turn that comes later than this is counted */
};

struct pinger {
	struct ph_thread *thread;
	const struct natping_conf *conf;
	const struct net_sock *force;
	struct natping_tally tally;
	struct ping_clock clock;
	struct ping_book *book;
	struct ping_scan *scan;
	struct ping_reads *reads;
	struct ping_left *left;
	struct ping_out *out;
	struct ping_asker asker;
	struct timer turn, watch;
	uint64_t planned; /* tick of the next turn */
	int64_t wall;     /* s since 1970, read once a turn */
	bool on;          /* the switch, read once a turn */
	bool store_was_ready;
	uint64_t read_at; /* ms of loop_now(): all listeners are read again then */
	bool mine[];      /* by listener: we speak for it */
};

/* Sending */

/* By an address that is known now: no ping waits for DNS, the next one has it. */
static bool resolve(
	struct pinger *p, const struct ping_contact *c, struct addr *to, unsigned *sock)
{
	static const int families[] = {AF_INET, AF_INET6};
	const struct net_socks *socks = p->thread->socks;
	const struct net_sock *home =
		c->home != PING_NO_SOCK ? &socks->list[c->home] : NULL;

	for (unsigned i = 0; i < 2; i++) {
		const struct net_sock *s = ping_target_sock(socks, home, p->force,
			(enum sip_transport)c->transport, families[i]);
		struct addr found;

		if (s == NULL || ph_addresses(p->thread, ping_contact_host(c),
					 families[i], &found, 1) == 0)
			continue;
		addr_set_port(&found, addr_port(to));
		*to = found;
		*sock = s->index;
		return true;
	}
	return false;
}

static void send_request(struct pinger *p, const struct ping_contact *c, unsigned sock,
	const struct addr *to)
{
	struct buf *b = ping_out_begin(p->out, sock);

	if (b == NULL)
		return;
	ping_request_write(b, &p->asker, &p->thread->socks->list[sock],
		ping_contact_ruri(c), ping_contact_route(c));
	ping_out_end(p->out, to);
}

/* Over the connection that the phone has opened: nobody can be connected to behind a NAT. */
static void send_stream(struct pinger *p, const struct ping_contact *c, unsigned sock,
	const struct addr *to)
{
	const struct net_dest dest = {.sock = &p->thread->socks->list[sock],
		.transport = (enum sip_transport)c->transport,
		.addr = *to,
		.no_connect = true};
	struct slice data = SLICE("\r\n\r\n"); /* RFC 5626 section 3.5.1 */
	char text[PING_REQUEST_MAX];
	struct buf b;

	buf_fixed(&b, text, sizeof(text));
	if (c->sip) {
		ping_request_write(&b, &p->asker, dest.sock, ping_contact_ruri(c),
			ping_contact_route(c));
		data = buf_slice(&b);
	}
	if (b.err != 0 || ph_post(p->thread, &dest, data) != 0)
		natping_count(&p->tally, NATPING_C_SEND_ERRORS, 1);
	else
		natping_count(
			&p->tally, c->sip ? NATPING_C_SENT_SIP : NATPING_C_SENT_TCP, 1);
}

static void ping(struct pinger *p, const struct ping_contact *c)
{
	struct addr to = c->to;
	unsigned sock = c->sock;

	if (c->host_len > 0 && !resolve(p, c, &to, &sock)) {
		natping_count(&p->tally, NATPING_C_UNRESOLVED, 1);
		return;
	}
	if (p->conf->raw_fd >= 0 && !c->sip && c->transport == SIP_TR_UDP &&
		addr_family(&to) == AF_INET)
		ping_out_raw(p->out, &to);
	else if (sock == PING_NO_SOCK)
		natping_count(&p->tally, NATPING_C_NO_SOCKET, 1);
	else if (c->transport != SIP_TR_UDP)
		send_stream(p, c, sock, &to);
	else if (c->sip)
		send_request(p, c, sock, &to);
	else
		ping_out_zeros(p->out, sock, &to);
}

static void on_due(void *arg, struct ping_place *place)
{
	struct pinger *p = arg;
	struct ping_contact *c = (struct ping_contact *)place;

	if (c->expires <= p->wall || ping_book_is_gone(p->book, c))
		ping_book_drop(p->book, c);
	else if (!p->on)
		return; /* its phase goes on */
	else if (c->home != PING_NO_SOCK && !p->mine[c->home])
		natping_count(&p->tally, NATPING_C_NOT_MINE, 1);
	else
		ping(p, c);
}

/* Turns */

/* A listener that has become ours brings its contacts along. */
static void look_whose(struct pinger *p)
{
	const struct net_socks *socks = p->thread->socks;

	for (unsigned i = 0; i < socks->count; i++) {
		bool was = p->mine[i];

		p->mine[i] =
			ph_socket_mine(p->thread, slice_str(socks->list[i].adv_text));
		if (p->mine[i] && !was)
			ping_scan_want(p->scan, i);
	}
}

/* The next turn, unless an earlier one is planned. */
static void plan(struct pinger *p, unsigned ticks)
{
	struct loop *loop = p->thread->loop;
	/* The loop rounds up to its own ticks. */
	uint64_t ms = (uint64_t)(ticks - 1) * PING_TICK_MS;

	if (timer_pending(&p->turn) && p->turn.due <= loop_now(loop) + ms)
		return;
	p->planned = ping_clock_tick(&p->clock) + ticks;
	timer_start(loop, &p->turn, ms);
}

static void plan_next(void *arg)
{
	struct pinger *p = arg;
	unsigned ticks =
		ping_wheel_next(ping_book_wheel(p->book), ping_clock_tick(&p->clock));

	if (ticks > 0)
		plan(p, ticks);
}

static void on_turn(void *arg)
{
	struct pinger *p = arg;
	uint64_t now = ping_clock_tick(&p->clock), behind;

	if (now > p->planned + LATE_TICKS)
		natping_count(&p->tally, NATPING_C_LATE, 1);
	p->wall = clock_wall();
	p->on = atomic_load_explicit(&p->conf->ping_switch->on, memory_order_relaxed);
	look_whose(p);
	behind = ping_wheel_turn(ping_book_wheel(p->book), now, on_due, p);
	if (ping_out_flush(p->out) || behind > 0)
		plan(p, 1);
	else
		plan_next(p);
}

/* What is heard */

static void read_all(struct pinger *p)
{
	p->read_at = loop_now(p->thread->loop) + (uint64_t)p->conf->natping_resync * 1000;
	for (unsigned i = 0; i < p->thread->socks->count; i++)
		if (p->mine[i])
			ping_scan_want(p->scan, i);
}

static void on_lost(void *arg)
{
	read_all(arg);
}

static void on_saved(void *arg, const struct bus_event *ev)
{
	struct pinger *p = arg;
	const struct ping_binding b = ping_binding_of_event(&ev->contact);
	struct ping_key key;

	if (ping_event_is_nameless(&ev->contact)) {
		read_all(p);
		return;
	}
	if (!ping_book_owns(p->book, b.aor, b.id, &key))
		return;
	ping_scan_touch(p->scan, key, false);
	if (ping_reads_again(p->reads, key, false))
		return;
	if (ping_event_is_cut(&ev->contact)) {
		ping_reads_ask(p->reads, key, b.aor, b.id);
		return;
	}
	(void)ping_book_save(
		p->book, key, &b, ping_clock_tick(&p->clock)); /* counted there */
	plan_next(p);
}

static void on_removed(void *arg, const struct bus_event *ev)
{
	struct pinger *p = arg;
	struct slice id = slice_str(ev->contact.id);
	struct ping_key key;

	if (ping_event_is_nameless(&ev->contact)) {
		read_all(p);
		return;
	}
	if (!ping_book_owns(p->book, slice_str(ev->contact.aor), id, &key))
		return;
	ping_scan_touch(p->scan, key, slice_empty(id));
	ping_reads_again(p->reads, key, slice_empty(id));
	ping_book_remove(p->book, key, slice_empty(id));
}

static void on_gap(void *arg, enum bus_topic topic, uint64_t lost)
{
	(void)topic;
	(void)lost;
	read_all(arg);
}

static void on_watch(void *arg)
{
	struct pinger *p = arg;
	bool ready = store_ready(p->thread->store);

	timer_start(p->thread->loop, &p->watch, WATCH_MS);
	look_whose(p);
	if ((ready && !p->store_was_ready) || loop_now(p->thread->loop) >= p->read_at)
		read_all(p);
	p->store_was_ready = ready;
}

/* Start and stop */

static int make_book(struct pinger *p, unsigned index, struct log_source *log)
{
	const struct natping_conf *conf = p->conf;
	const struct ping_rules rules = {.socks = p->thread->socks,
		.force = p->force,
		.key = p->thread->key,
		.threads = (unsigned)conf->natping_processes,
		.index = index,
		.interval = (unsigned)conf->natping_interval,
		.wanted_bflags = conf->ping_nated_only ? 1u << conf->nat_bflag : 0,
		.sip_bflags = conf->from != NULL ? 1u << conf->sipping_bflag : 0,
		.tcp = conf->natping_tcp,
		.max = (unsigned)conf->natping_max_contacts};

	return ping_book_new(
		&p->book, &rules, &p->tally, log, ping_clock_tick(&p->clock));
}

static int make_readers(struct pinger *p)
{
	const struct ping_scan_setup scan = {.loop = p->thread->loop,
		.store = p->thread->store,
		.socks = p->thread->socks,
		.book = p->book,
		.clock = &p->clock,
		.tally = p->tally,
		.changed = plan_next,
		.arg = p};
	const struct ping_reads_setup reads = {.store = p->thread->store,
		.book = p->book,
		.clock = &p->clock,
		.socks = p->thread->socks,
		.node = slice_str(p->thread->node),
		.changed = plan_next,
		.lost = on_lost,
		.arg = p};
	struct ping_left_setup left = {.loop = p->thread->loop,
		.store = p->thread->store,
		.socks = p->thread->socks,
		.mine = p->mine,
		.book = p->book};
	int err = ping_scan_new(&p->scan, &scan);

	if (err == 0)
		err = ping_reads_new(&p->reads, &reads);
	if (err != 0)
		return err;
	left.reads = p->reads;
	return ping_left_new(&p->left, &left);
}

static int make_out(struct pinger *p)
{
	const struct net_socks *socks = p->thread->socks;
	struct ping_out_setup setup = {.fd_count = socks->count,
		.raw = p->conf->raw_fd,
		.raw_from = p->conf->raw_from,
		.tally = p->tally};
	int *fds = calloc(socks->count + 1, sizeof(*fds));
	int err;

	if (fds == NULL)
		return -ENOMEM;
	for (unsigned i = 0; i < socks->count; i++)
		fds[i] = ph_udp_fd(p->thread, &socks->list[i]);
	setup.fds = fds;
	err = ping_out_new(&p->out, &setup);
	free(fds);
	return err;
}

static void make_asker(struct pinger *p)
{
	const struct natping_conf *conf = p->conf;

	p->asker = (struct ping_asker){.method = slice_str(conf->sipping_method),
		.from = slice_str(conf->from),
		.key = p->thread->key,
		.node = ping_branch_node(p->thread->key, slice_str(p->thread->node))};
	random_bytes(&p->asker.salt, sizeof(p->asker.salt));
	random_bytes(&p->asker.number, sizeof(p->asker.number));
}

void natping_thread_stop(void *self)
{
	struct pinger *p = self;

	bus_unsubscribe(p->thread->bus, p);
	timer_stop(&p->turn);
	timer_stop(&p->watch);
	ping_left_destroy(&p->left);
	ping_reads_destroy(&p->reads);
	ping_scan_destroy(&p->scan);
	ping_book_destroy(&p->book);
	ping_out_destroy(&p->out);
	free(p);
}

int natping_thread_start(struct ph_thread *thread, unsigned index,
	const struct ph_plugin_ctx *ctx, void **selfp)
{
	struct pinger *p =
		calloc(1, sizeof(*p) + thread->socks->count * sizeof(p->mine[0]));
	bool wrong;
	int err;

	if (p == NULL)
		return -ENOMEM;
	p->thread = thread;
	p->conf = ctx->conf;
	p->force = natping_force_sock(
		p->conf, thread->socks, &wrong); /* the service has looked */
	p->tally = (struct natping_tally){thread->counters, ctx->first_counter};
	ping_clock_start(&p->clock);
	timer_init(&p->turn, on_turn, p);
	timer_init(&p->watch, on_watch, p);
	make_asker(p);
	err = make_book(p, index, ctx->log);
	if (err == 0)
		err = make_readers(p);
	if (err == 0)
		err = make_out(p);
	if (err == 0)
		err = bus_subscribe(thread->bus, BUS_CONTACT_SAVED, on_saved, on_gap, p);
	if (err == 0)
		err = bus_subscribe(
			thread->bus, BUS_CONTACT_REMOVED, on_removed, on_gap, p);
	if (err != 0) {
		natping_thread_stop(p);
		return err;
	}
	on_watch(p);
	*selfp = p;
	return 0;
}
