#include "tests/unit/dialog_fake.h"

#include "core/sip/sip_header.h"

struct fake fake;

/* The store */

const char *store_dialog_state_name(enum store_dialog_state s)
{
	static const char *const names[] = {"", "early", "confirmed", "ending", "ended"};

	return names[s];
}

int store_dialog_copy(
	struct store_dialog *out, const struct store_dialog *d, struct arena *arena)
{
	const struct slice *from[] = {&d->call_id, &d->id, &d->caller.tag, &d->caller.uri,
		&d->caller.target, &d->caller.routes, &d->caller.socket, &d->caller.flow,
		&d->callee.tag, &d->callee.uri, &d->callee.target, &d->callee.routes,
		&d->callee.socket, &d->callee.flow, &d->node, &d->set, &d->relay,
		&d->notify, &d->reason};
	struct slice *to[] = {&out->call_id, &out->id, &out->caller.tag, &out->caller.uri,
		&out->caller.target, &out->caller.routes, &out->caller.socket,
		&out->caller.flow, &out->callee.tag, &out->callee.uri,
		&out->callee.target, &out->callee.routes, &out->callee.socket,
		&out->callee.flow, &out->node, &out->set, &out->relay, &out->notify,
		&out->reason};

	*out = *d;
	for (size_t i = 0; i < sizeof(from) / sizeof(from[0]); i++)
		*to[i] = arena_dup(arena, *from[i]);
	return 0;
}

static struct store_dialog *find(struct slice id)
{
	for (unsigned i = 0; i < fake.record_count; i++)
		if (slice_eq(fake.records[i].id, id))
			return &fake.records[i];
	return NULL;
}

/** Now, or later when answers are held back. */
static int answer(int err, store_done done, void *arg)
{
	if (!fake.hold)
		return err;
	assert_true(fake.held_count < FAKE_HELD);
	fake.held[fake.held_count++] =
		(struct fake_held){.done = done, .arg = arg, .err = err};
	return -EINPROGRESS;
}

void fake_release(unsigned n)
{
	while (n-- > 0 && fake.held_count > 0) {
		const struct fake_held h = fake.held[0];

		memmove(&fake.held[0], &fake.held[1],
			--fake.held_count * sizeof(fake.held[0]));
		h.done(h.arg, h.err);
	}
}

bool store_ready(const struct store_handle *h)
{
	(void)h;
	return fake.err == 0;
}

int store_dialog_put(
	struct store_handle *h, const struct store_dialog *d, store_done done, void *arg)
{
	struct store_dialog *was = find(d->id);
	uint64_t fence = was ? was->fence : d->fence;

	(void)h;
	fake.puts++;
	assert_true(d->state >= STORE_DIALOG_EARLY && d->state <= STORE_DIALOG_ENDING);
	if (fake.err != 0)
		return answer(fake.err, done, arg);
	if (was && was->state >= STORE_DIALOG_ENDING)
		return answer(-EALREADY, done, arg);
	if (!was) {
		assert_true(fake.record_count < FAKE_RECORDS);
		was = &fake.records[fake.record_count++];
	}
	store_dialog_copy(was, d, fake.arena);
	was->fence = fence;
	return answer(0, done, arg);
}

int store_dialogs_get(struct store_handle *h, struct slice call_id,
	const struct slice *ids, unsigned count, struct store_dialogs *out,
	store_done done, void *arg)
{
	(void)h;
	fake.gets++;
	if (fake.err != 0)
		return answer(fake.err, done, arg);
	out->list = arena_alloc(out->arena, count * sizeof(*out->list));
	out->count = 0;
	for (unsigned i = 0; i < count; i++) {
		const struct store_dialog *d = find(ids[i]);

		if (d && slice_eq(d->call_id, call_id))
			store_dialog_copy(&out->list[out->count++], d, out->arena);
	}
	return answer(0, done, arg);
}

int store_dialog_claim(struct store_handle *h, struct slice call_id, struct slice id,
	uint64_t fence, struct slice me, int64_t retry_ms, store_done done, void *arg)
{
	struct store_dialog *d = find(id);

	(void)h, (void)call_id;
	fake.claims++;
	if (fake.err != 0)
		return answer(fake.err, done, arg);
	if (!d)
		return answer(-ENOENT, done, arg);
	if (d->fence != fence || d->state == STORE_DIALOG_ENDED)
		return answer(-EALREADY, done, arg);
	d->fence++;
	d->node = arena_dup(fake.arena, me);
	d->state = STORE_DIALOG_ENDING;
	d->deadline_ms = retry_ms;
	return answer(0, done, arg);
}

int store_dialog_end(struct store_handle *h, struct slice call_id, struct slice id,
	struct slice reason, store_done done, void *arg)
{
	struct store_dialog *d = find(id);

	(void)h, (void)call_id;
	fake.ends++;
	if (fake.err == 0 && d && slice_empty(reason)) { /* forgotten */
		*d = fake.records[--fake.record_count];
	} else if (fake.err == 0 && d) {
		d->state = STORE_DIALOG_ENDED;
		d->reason = arena_dup(fake.arena, reason);
	}
	return answer(fake.err, done, arg);
}

int store_dialog_expire(struct store_handle *h, struct slice id, int64_t at_ms,
	struct slice reason, store_done done, void *arg)
{
	(void)h, (void)id, (void)at_ms, (void)reason, (void)done, (void)arg;
	return -ENOENT;
}

int store_dialogs_due(struct store_handle *h, int64_t until_ms, struct store_dialogs *out,
	store_done done, void *arg)
{
	(void)h, (void)until_ms, (void)out, (void)done, (void)arg;
	return 0;
}

int store_dialogs_scan(
	struct store_handle *h, struct store_dialogs *page, store_done done, void *arg)
{
	(void)h, (void)page, (void)done, (void)arg;
	return 0;
}

const struct store_dialog *fake_record(unsigned n)
{
	return n < fake.record_count ? &fake.records[n] : NULL;
}

/* The host */

int ph_prop_set(struct ph_msg *msg, enum bus_prop p, struct slice value)
{
	struct call *call;

	if (bus_prop_scope(p) == BUS_SCOPE_MESSAGE) {
		msg->props[p] = arena_dup(msg->arena, value).p;
		return 0;
	}
	call = call_of(msg->worker->calls, msg->sip.call_id, true);
	return call_prop_set(call, p, value);
}

struct slice ph_prop(struct ph_msg *msg, enum bus_prop p)
{
	const struct call *call = call_of(msg->worker->calls, msg->sip.call_id, false);

	if (bus_prop_scope(p) == BUS_SCOPE_MESSAGE)
		return slice_str(msg->props[p]);
	return call ? call_prop(call, p) : (struct slice){0};
}

int ph_park(struct ph_msg *msg, ph_resume resume, void *self, void *state,
	unsigned deadline_ms, ph_token *token)
{
	assert_in_range(deadline_ms, 1, PH_PARK_MAX_MS);
	assert_null(fake.parked);
	if (fake.park_err != 0)
		return fake.park_err;
	msg_ref(msg);
	fake.parked = msg;
	fake.resume = resume;
	fake.parked_self = self;
	fake.parked_state = state;
	*token = 77;
	return 0;
}

void ph_wake(struct ph_thread *from, ph_token token, int result)
{
	assert_ptr_equal(from, &fake.worker.t);
	fake.woken = token;
	fake.woken_with = result;
}

int fake_wake(int result)
{
	struct ph_msg *msg = fake.parked;
	int code;

	assert_non_null(msg);
	fake.parked = NULL;
	code = fake.resume(fake.parked_self, msg, fake.parked_state, result);
	msg_unref(&msg);
	return code;
}

int ph_send_request(struct ph_worker *w, struct slice text,
	const struct tm_target *target, tm_local_done done, void *arg)
{
	struct fake_sent *s = &fake.sent[fake.sent_count++];

	assert_ptr_equal(w, &fake.worker);
	assert_true(fake.sent_count <= sizeof(fake.sent) / sizeof(fake.sent[0]));
	(void)snprintf(s->text, sizeof(s->text), "%.*s", SLICE_ARG(text));
	(void)snprintf(s->du, sizeof(s->du), "%.*s", SLICE_ARG(target->du));
	(void)snprintf(
		s->foreign, sizeof(s->foreign), "%.*s", SLICE_ARG(target->foreign));
	s->sock = target->sock;
	s->done = done;
	s->arg = arg;
	return 0;
}

void fake_answer(unsigned n, unsigned status)
{
	struct fake_sent *s = &fake.sent[n];
	tm_local_done done = s->done;
	static struct ph_msg reply;

	assert_true(n < fake.sent_count);
	assert_non_null(done);
	s->done = NULL;
	done(s->arg, status,
		status == 0 || status == 408 || status == 503 ? NULL : &reply);
}

bool ph_socket_mine(const struct ph_thread *t, struct slice socket)
{
	(void)t;
	return slice_eq(socket, SLICE("udp:198.51.100.7:5060"));
}

bool ph_node_alive(const struct ph_thread *t, struct slice node)
{
	(void)t, (void)node;
	return fake.other_is_alive;
}

/* tm: of it only the call records are real */

struct tm_branch {
	struct tm_target target;
	struct net_dest dest;
};

void msg_ref(struct ph_msg *msg)
{
	msg->refs++;
}

void msg_unref(struct ph_msg **msgp)
{
	struct ph_msg *msg = *msgp;

	*msgp = NULL;
	if (msg && --msg->refs == 0)
		arena_put(msg->arena);
}

const struct tm_target *tm_branch_target(const struct tm_branch *br)
{
	return &br->target;
}

const struct net_dest *tm_branch_dest(const struct tm_branch *br)
{
	return &br->dest;
}

struct ph_msg *tm_request_of(const struct ph_msg *msg)
{
	(void)msg;
	return NULL;
}

bool tm_is_canceled(const struct ph_msg *msg)
{
	(void)msg;
	return false;
}

/* As tm: the reply that this sends is told to the plugin from within. */
int tm_abort(struct tm *tm, struct ph_msg *request, unsigned code, struct slice reason)
{
	(void)tm;
	fake.aborted = code;
	(void)snprintf(
		fake.abort_reason, sizeof(fake.abort_reason), "%.*s", SLICE_ARG(reason));
	ph_plugin.reply_local(fake.self, request, code);
	return 0;
}

const struct net_sock *net_sock_find(const struct net_socks *socks, struct slice text)
{
	for (unsigned i = 0; i < socks->count; i++)
		if (slice_eq(slice_str(socks->list[i].adv_text), text))
			return &socks->list[i];
	return NULL;
}

struct tm_branch *fake_branch(
	const char *foreign, const char *du, const char *ip, uint16_t port)
{
	static struct tm_branch br;

	br.target = (struct tm_target){.foreign = slice_str(foreign),
		.du = slice_str(du),
		.ruri = SLICE("sip:bob@192.168.1.3")};
	br.dest = (struct net_dest){.sock = &fake.sock[0],
		.transport = SIP_TR_UDP,
		.addr = ph_test_addr(ip, port)};
	return &br;
}

const char *script_where(const struct ph_msg *msg)
{
	(void)msg;
	return "test";
}

void bus_publish(struct bus_endpoint *e, struct bus_event *ev)
{
	(void)e;
	assert_true(fake.event_count < sizeof(fake.events) / sizeof(fake.events[0]));
	fake.events[fake.event_count++] = *ev;
}

int bus_subscribe(struct bus_endpoint *e, enum bus_topic topic,
	void (*fn)(void *arg, const struct bus_event *ev),
	void (*on_gap)(void *arg, enum bus_topic topic, uint64_t lost), void *arg)
{
	(void)e, (void)topic, (void)on_gap, (void)arg;
	fake.on_event = fn;
	return 0;
}

void bus_unsubscribe(struct bus_endpoint *e, void *arg)
{
	(void)e, (void)arg;
}

void bus_reply(struct bus_request *req, struct tree *result)
{
	(void)req;
	tree_destroy(&result);
}

void bus_fail(struct bus_request *req, int code, const char *fmt, ...)
{
	(void)req, (void)code, (void)fmt;
}

const struct bus_ev_dialog *fake_last_event(enum bus_topic topic)
{
	for (unsigned i = fake.event_count; i-- > 0;)
		if (fake.events[i].topic == (uint32_t)topic)
			return &fake.events[i].dialog;
	return NULL;
}

void fake_event(enum bus_topic topic, const char *id, const char *reason, bool by_us)
{
	struct bus_event ev = {.topic = topic};

	(void)snprintf(ev.dialog.call_id, sizeof(ev.dialog.call_id), "c1");
	(void)snprintf(ev.dialog.id, sizeof(ev.dialog.id), "%s", id);
	(void)snprintf(ev.dialog.reason, sizeof(ev.dialog.reason), "%s", reason);
	ev.dialog.by_us = by_us;
	fake.on_event(fake.self, &ev);
}

/* Start, end, messages */

static bool is_myself(void *arg, struct slice host, uint16_t port)
{
	(void)arg;
	return slice_eq(host, SLICE("198.51.100.7")) && (port == 0 || port == 5060);
}

static void make_sockets(void)
{
	static const char *const names[] = {
		"udp:198.51.100.7:5060", "tcp:198.51.100.7:5060"};

	for (unsigned i = 0; i < 2; i++) {
		struct net_sock *s = &fake.sock[i];

		s->index = i;
		s->transport = i == 0 ? SIP_TR_UDP : SIP_TR_TCP;
		s->addr = ph_test_addr("198.51.100.7", 5060);
		(void)snprintf(s->text, sizeof(s->text), "%s", names[i]);
		(void)snprintf(s->adv_text, sizeof(s->adv_text), "%s", names[i]);
		(void)snprintf(s->adv_host, sizeof(s->adv_host), "198.51.100.7");
		s->adv_port = 5060;
	}
	fake.socks = (struct net_socks){.list = fake.sock, .count = 2};
}

void fake_start(void)
{
	memset(&fake, 0, sizeof(fake));
	counter_reset_all();
	assert_int_equal(
		counter_register(ph_plugin.counters, &fake.ctx.first_counter), 0);
	assert_int_equal(counter_array_new(&fake.worker.t.counters), 0);
	assert_int_equal(conf_defaults(ph_plugin.params, &fake.conf), 0);
	assert_int_equal(loop_new(&fake.worker.t.loop), 0);
	assert_int_equal(
		calls_new(&fake.worker.calls, fake.worker.t.loop, 1000000, 1000), 0);
	assert_int_equal(arena_pool_new(&fake.worker.arenas, 8192, 4, 1 << 20), 0);
	assert_int_equal(hash_key_from(&fake.key, SLICE("a secret of sixteen bytes")), 0);
	fake.arena = arena_new(65536, 8 << 20);
	make_sockets();
	fake.env.is_myself = is_myself;
	fake.worker.env = &fake.env;
	fake.worker.count = 1;
	fake.worker.t.node = "edge1";
	fake.worker.t.key = &fake.key;
	fake.worker.t.socks = &fake.socks;
	fake.other_is_alive = true;
	fake.ctx.conf = &fake.conf;
	fake.ctx.log = log_source_get("dialog");
	assert_int_equal(ph_plugin.worker_start(&fake.worker, &fake.ctx, &fake.self), 0);
}

void fake_stop(void)
{
	/* As the host: first the store's completions, then the plugin, then tm. */
	while (fake.held_count > 0) {
		fake.held[0].err = -ECANCELED;
		fake.err = -ECANCELED;
		fake_release(1);
	}
	if (fake.parked)
		fake_wake(-ECANCELED);
	ph_plugin.worker_stop(fake.self);
	for (unsigned i = 0; i < fake.sent_count; i++)
		if (fake.sent[i].done)
			fake_answer(i, 0);
	calls_destroy(&fake.worker.calls);
	arena_pool_destroy(&fake.worker.arenas);
	loop_destroy(&fake.worker.t.loop);
	counter_array_destroy(&fake.worker.t.counters);
	counter_reset_all();
	arena_put(fake.arena);
}

struct ph_msg *fake_message(const char *text, const char *ip, uint16_t port)
{
	struct arena *arena = arena_get(fake.worker.arenas);
	struct ph_msg *msg = arena_zalloc(arena, sizeof(*msg));
	struct sip_error why = {0};

	msg->arena = arena;
	msg->refs = 1;

	if (sip_parse(&msg->sip, arena, arena_dup(arena, slice_str(text)), NULL, &why) !=
		0)
		fail_msg("refused: %s in %s", why.text, text);
	msg->worker = &fake.worker;
	msg->sock = &fake.sock[0];
	msg->rx.src = ph_test_addr(ip, port);
	msg->rx.transport = SIP_TR_UDP;
	msg->call_hash = hash_call_id(&fake.key, msg->sip.call_id);
	return msg;
}

void fake_drop(struct ph_msg *msg)
{
	msg_unref(&msg);
}

void fake_turn(unsigned ms)
{
	const uint64_t until = clock_us() + (uint64_t)ms * 1000;

	do {
		loop_turn(fake.worker.t.loop, 10);
	} while (clock_us() < until);
}

int64_t fake_count(const char *counter)
{
	const int index = counter_find(counter);

	assert_true(index >= 0);
	return counter_read((unsigned)index);
}
