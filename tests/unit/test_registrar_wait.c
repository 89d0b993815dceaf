/*
 * save() and lookup() on a message, with a store that answers at once, later, or never.
 * The store and the host are small fakes here: what is tested is what the functions do
 * with their answers.
 */
#include "tests/unit/sip_test.h"

#include "core/script/pv.h"
#include "plugins/registrar/registrar.h"

#define REGISTER                                                                         \
	"REGISTER sip:example.org SIP/2.0\r\n"                                           \
	"Via: SIP/2.0/UDP 192.168.1.20:5060;branch=z9hG4bK1\r\n"                         \
	"From: <sip:alice@example.org>;tag=1\r\nTo: <sip:alice@example.org>\r\n"         \
	"Call-ID: reg-1\r\nCSeq: 7 REGISTER\r\n"                                         \
	"Contact: <sip:alice@192.168.1.20:5060>;expires=600\r\nContent-Length: "         \
	"0\r\n\r\n"
#define QUERY                                                                            \
	"REGISTER sip:example.org SIP/2.0\r\n"                                           \
	"Via: SIP/2.0/UDP 192.168.1.20:5060;branch=z9hG4bK1\r\n"                         \
	"From: <sip:alice@example.org>;tag=1\r\nTo: <sip:alice@example.org>\r\n"         \
	"Call-ID: reg-1\r\nCSeq: 7 REGISTER\r\nContent-Length: 0\r\n\r\n"

/* The world around one message. */
struct world {
	struct sip_test sip;
	struct ph_worker worker;
	struct net_socks socks;
	struct net_sock sock[2];
	struct registrar registrar;
	struct registrar_conf conf;
	struct ph_msg *msg;
	struct ph_arg args[3];
	bool freed; /* the last reference is gone */
	bool not_mine; /* another node holds the leases of our sockets */
	bool kamailio;
	struct slice received;

	/* store */
	int store_err; /* what an operation returns */
	struct store_contact bindings[3];
	unsigned count;
	bool unchanged;
	bool was_get;
	struct slice aor;
	struct store_contacts *out;
	store_done done;
	void *done_arg;

	/* parking */
	int park_err;
	ph_resume resume;
	void *self, *state;
	ph_token woken;
	int result;

	/* what went out */
	unsigned replies, code;
	bool stateful;
	char lines[1024];
	unsigned saved, removed;
	struct bus_ev_contact event;
};
static struct world w;

/* The host */

void msg_ref(struct ph_msg *msg)
{
	msg->refs++;
}

void msg_unref(struct ph_msg **msgp)
{
	if (--(*msgp)->refs == 0)
		w.freed = true;
	*msgp = NULL;
}

bool ph_socket_mine(const struct ph_thread *t, struct slice socket)
{
	return !w.not_mine && net_sock_find(t->socks, socket) != NULL;
}

int ph_park(struct ph_msg *msg, ph_resume resume, void *self, void *state,
	unsigned deadline_ms, ph_token *token)
{
	assert_in_range(deadline_ms, 1, PH_PARK_MAX_MS);
	if (w.park_err != 0)
		return w.park_err;
	msg_ref(msg);
	w.resume = resume;
	w.self = self;
	w.state = state;
	*token = 77;
	return 0;
}

void ph_wake(struct ph_thread *from, ph_token token, int result)
{
	assert_ptr_equal(from, &w.worker.t);
	w.woken = token;
	w.result = result;
}

static void reply(unsigned code, struct slice extra, bool stateful)
{
	w.replies++;
	w.code = code;
	w.stateful = stateful;
	(void)snprintf(w.lines, sizeof(w.lines), "%.*s", SLICE_ARG(extra));
}

int tm_reply(struct tm *tm, struct ph_msg *msg, unsigned code, struct slice reason,
	struct slice extra)
{
	(void)tm, (void)msg, (void)reason;
	reply(code, extra, true);
	return 1;
}

int tm_reply_stateless(struct tm *tm, struct ph_msg *msg, unsigned code,
	struct slice reason, struct slice extra)
{
	(void)tm, (void)msg, (void)reason;
	reply(code, extra, false);
	return 1;
}

int msg_set_target(struct ph_msg *msg, const struct tm_target *t)
{
	msg->du = t->du;
	msg->path = t->path;
	msg->send_sock = t->sock;
	msg->foreign = t->foreign;
	msg->flow = t->flow;
	msg->q = t->q;
	msg->bflags = t->bflags;
	return sip_set_ruri(&msg->sip, t->ruri);
}

int msg_add_branch(struct ph_msg *msg, const struct tm_target *t)
{
	struct tm_target *copy = arena_alloc(msg->arena, sizeof(*copy));

	*copy = *t;
	copy->next = msg->branches;
	msg->branches = copy;
	msg->branch_count++;
	return 0;
}

const struct net_sock *net_sock_find(const struct net_socks *socks, struct slice text)
{
	for (unsigned i = 0; i < socks->count; i++)
		if (slice_eq(slice_str(socks->list[i].adv_text), text))
			return &socks->list[i];
	return NULL;
}

int script_pv_get(const struct script_pv *pv, const struct script_env *env,
	struct ph_msg *msg, struct script_value *out)
{
	(void)pv, (void)env, (void)msg;
	*out = (struct script_value){
		.type = slice_empty(w.received) ? SCRIPT_NULL : SCRIPT_TEXT,
		.s = w.received};
	return slice_empty(w.received) ? -ENOENT : 0;
}

const char *script_where(const struct ph_msg *msg)
{
	(void)msg;
	return "test.route:1";
}

bool script_is_kamailio(const struct ph_msg *msg)
{
	(void)msg;
	return w.kamailio;
}

void bus_publish(struct bus_endpoint *e, struct bus_event *ev)
{
	(void)e;
	if (ev->topic == BUS_CONTACT_SAVED)
		w.saved++;
	else
		w.removed++;
	w.event = ev->contact;
}

/* The store */

static void fill(void)
{
	w.out->list = w.bindings;
	w.out->count = w.count;
	w.out->unchanged = w.unchanged;
}

static int operation(struct store_contacts *out, store_done done, void *arg)
{
	w.out = out;
	w.done = done;
	w.done_arg = arg;
	if (w.store_err == 0)
		fill();
	return w.store_err;
}

int store_contacts_update(struct store_handle *h, const struct store_update *upd,
	struct store_contacts *out, store_done done, void *arg)
{
	(void)h;
	w.aor = upd->aor;
	if (upd->count > 0) {
		w.bindings[0] = upd->contacts[0];
		w.count = 1;
	}
	return operation(out, done, arg);
}

int store_contacts_get(struct store_handle *h, struct slice aor, int64_t now,
	struct store_contacts *out, store_done done, void *arg)
{
	(void)h, (void)now;
	w.was_get = true;
	w.aor = aor;
	return operation(out, done, arg);
}

/* As many as the plugin's table has. */
static const struct counter_desc counters[] = {{.name = "c0"}, {.name = "c1"},
	{.name = "c2"}, {.name = "c3"}, {.name = "c4"}, {.name = "c5"}, {.name = "c6"},
	{.name = "c7"}, {0}};

/* A message comes in */
static void receive(const char *text)
{
	memset(&w, 0, sizeof(w));
	sip_test_good(&w.sip, text);
	w.msg = arena_zalloc(w.sip.arena, sizeof(*w.msg));
	assert_non_null(w.msg);
	w.msg->sip = w.sip.msg;
	w.msg->arena = w.sip.arena;
	w.msg->refs = 1;
	w.msg->worker = &w.worker;
	(void)snprintf(
		w.sock[0].adv_text, sizeof(w.sock[0].adv_text), "udp:198.51.100.7:5060");
	(void)snprintf(
		w.sock[1].adv_text, sizeof(w.sock[1].adv_text), "tcp:198.51.100.7:5060");
	w.socks = (struct net_socks){w.sock, 2};
	w.worker.t.socks = &w.socks;
	w.worker.t.node = "edge1";
	counter_reset_all();
	assert_int_equal(counter_register(counters, &w.registrar.first_counter), 0);
	assert_int_equal(counter_array_new(&w.worker.t.counters), 0);
	w.msg->sock = &w.sock[0];
	w.conf = (struct registrar_conf){.nat_bflag = 6, .retry_after = 5};
	w.registrar = (struct registrar){.worker = &w.worker,
		.conf = &w.conf,
		.log = log_source_get("registrar"),
		.first_counter = 0,
		.rules = {.aor = {.case_sensitive = true},
			.default_expires = 3600,
			.min_expires = 60}};
	w.args[0] = (struct ph_arg){.given = true, .s = SLICE("location")};
}

static void finish(void)
{
	assert_int_equal(w.msg->refs, 1);
	counter_array_destroy(&w.worker.t.counters);
	sip_test_free(&w.sip);
}

static int save(void)
{
	return registrar_save(&w.registrar, w.msg, w.args);
}

static int lookup(void)
{
	return registrar_lookup(&w.registrar, w.msg, w.args);
}

/* What the host does when the message's turn comes. */
static int go_on(int result)
{
	int code = w.resume(w.self, w.msg, w.state, result);

	msg_unref(&(struct ph_msg *){w.msg});
	return code;
}

static void a_store_that_answers_at_once_needs_no_transaction(void **state)
{
	(void)state;
	receive(REGISTER);
	w.received = SLICE("sip:203.0.113.7:40312");
	assert_int_equal(save(), 1);
	assert_null(w.resume);
	assert_int_equal(w.replies, 1);
	assert_int_equal(w.code, 200);
	assert_false(w.stateful);
	assert_non_null(
		strstr(w.lines, "Contact: <sip:alice@192.168.1.20:5060>;expires=600"));
	assert_non_null(strstr(w.lines, ";received=\"sip:203.0.113.7:40312\""));
	assert_slice_equal(w.aor, "alice");
	assert_int_equal(w.saved, 1);
	assert_string_equal(w.event.aor, "alice");
	assert_string_equal(w.event.socket, "udp:198.51.100.7:5060");
	finish();
}

static void the_200_waits_for_the_store(void **state)
{
	(void)state;
	receive(REGISTER);
	w.store_err = -EINPROGRESS;
	assert_int_equal(save(), PH_PARK);
	assert_int_equal(w.replies, 0);
	assert_int_equal(w.saved, 0);
	fill();
	w.done(w.done_arg, 0);
	assert_int_equal(w.woken, 77);
	assert_int_equal(w.replies, 0);                  /* not yet its turn */
	w.msg->trans = (struct tm_trans *)(uintptr_t)&w; /* parking has made one */
	assert_int_equal(go_on(w.result), 1);
	assert_int_equal(w.code, 200);
	assert_true(w.stateful);
	assert_int_equal(w.saved, 1);
	finish();
}

static void a_store_that_fails_means_503_with_retry_after(void **state)
{
	static const int errors[] = {-ENOTCONN, -ETIMEDOUT, -EBUSY, -ECANCELED};

	(void)state;
	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
		receive(REGISTER);
		w.store_err = -EINPROGRESS;
		assert_int_equal(save(), PH_PARK);
		w.done(w.done_arg, errors[i]);
		assert_int_equal(go_on(w.result), -1);
		assert_int_equal(w.code, 503);
		assert_string_equal(w.lines, "Retry-After: 5\r\n");
		assert_int_equal(w.saved, 0);
		finish();
	}
	receive(REGISTER);
	w.store_err = -EIO;
	assert_int_equal(save(), -1);
	assert_int_equal(w.code, 500);
	assert_int_equal(w.replies, 1);
	finish();
}

static void the_message_lives_until_the_store_is_done_with_it(void **state)
{
	(void)state;
	receive(REGISTER);
	w.store_err = -EINPROGRESS;
	assert_int_equal(save(), PH_PARK);
	/* The deadline of the host: answered, and the script ends; the store still has the
	 * arena. */
	assert_int_equal(go_on(-ETIMEDOUT), -1);
	assert_int_equal(w.code, 503);
	assert_int_equal(w.msg->refs, 2);
	fill();
	w.done(w.done_arg, 0);
	assert_int_equal(w.woken, 0); /* nobody waits any more */
	assert_int_equal(w.replies, 1);
	finish();
}

static void no_room_to_park_ends_the_script(void **state)
{
	(void)state;
	receive(REGISTER);
	w.store_err = -EINPROGRESS;
	w.park_err = -EBUSY; /* the host has sent 503 */
	assert_int_equal(save(), PH_STOP);
	assert_int_equal(w.replies, 0);
	w.done(w.done_arg, 0);
	assert_int_equal(w.woken, 0);
	finish();
	receive(REGISTER);
	w.store_err = -EINPROGRESS;
	w.park_err = -ENOMEM;
	assert_int_equal(save(), -1);
	assert_int_equal(w.code, 500);
	w.done(w.done_arg, 0);
	finish();
}

static void too_many_contacts_have_a_code_of_their_own(void **state)
{
	(void)state;
	receive(REGISTER);
	w.store_err = -ENOSPC;
	assert_int_equal(save(), -2);
	assert_int_equal(w.code, 503);
	finish();
}

static void a_repeated_register_is_answered_but_not_published(void **state)
{
	(void)state;
	receive(REGISTER);
	w.unchanged = true;
	assert_int_equal(save(), 1);
	assert_int_equal(w.code, 200);
	assert_int_equal(w.saved + w.removed, 0);
	finish();
}

static void a_query_reads_and_lists(void **state)
{
	(void)state;
	receive(QUERY);
	w.bindings[0] = (struct store_contact){
		.uri = SLICE("sip:a@b"), .q = 1000, .expires = clock_wall() + 60};
	w.count = 1;
	assert_int_equal(save(), 1);
	assert_true(w.was_get);
	assert_non_null(strstr(w.lines, "Contact: <sip:a@b>"));
	assert_int_equal(w.saved, 0);
	finish();
}

static void no_reply_sends_nothing(void **state)
{
	(void)state;
	receive(REGISTER);
	w.args[1] = (struct ph_arg){.given = true, .s = SLICE("r")};
	assert_int_equal(save(), 1);
	assert_int_equal(w.replies, 0);
	assert_int_equal(w.saved, 1);
	finish();
	receive(REGISTER);
	w.args[1] = (struct ph_arg){.given = true, .s = SLICE("0x02")};
	w.store_err = -EIO;
	assert_int_equal(save(), -1);
	assert_int_equal(w.replies, 0);
	assert_int_equal(w.msg->last_error, 500);
	finish();
}

static void kamailio_scripts_learn_what_was_done(void **state)
{
	(void)state;
	receive(REGISTER);
	w.kamailio = true;
	assert_int_equal(save(), 1);
	finish();
	receive(QUERY);
	w.kamailio = true;
	assert_int_equal(save(), 4);
	finish();
}

static void save_is_for_register_only(void **state)
{
	(void)state;
	receive(SIP_TEST_INVITE);
	assert_int_equal(save(), -1);
	assert_int_equal(w.replies, 0);
	assert_null(w.out);
	finish();
}

static void bind_two(void)
{
	w.bindings[0] = (struct store_contact){.uri = SLICE("sip:bob@10.0.0.1"),
		.q = 1000,
		.received = SLICE("sip:203.0.113.7:40312"),
		.socket = SLICE("udp:198.51.100.7:5060"),
		.bflags = 1u << 3,
		.nated = true,
		.methods = SLICE("INVITE, ACK")};
	w.bindings[1] = (struct store_contact){.uri = SLICE("sip:bob@10.0.0.2"),
		.q = 500,
		.path = SLICE("<sip:edge2;lr>, <sip:edge3;lr>"),
		.received = SLICE("sip:192.0.2.1:1"),
		.socket = SLICE("udp:192.0.2.99:5060")};
	w.count = 2;
}

static void a_lookup_sets_the_target_and_branches(void **state)
{
	(void)state;
	receive(SIP_TEST_INVITE);
	w.msg->du = SLICE("sip:elsewhere");
	bind_two();
	assert_int_equal(lookup(), 1);
	assert_slice_equal(w.aor, "bob");
	assert_slice_equal(w.msg->sip.ruri, "sip:bob@10.0.0.1");
	assert_slice_equal(w.msg->du, "sip:203.0.113.7:40312");
	assert_true(slice_empty(w.msg->path));
	assert_ptr_equal(w.msg->send_sock, &w.sock[0]);
	assert_int_equal(w.msg->q, 1000);
	assert_int_equal(w.msg->bflags, 1u << 3 | 1u << 6);
	assert_int_equal(w.msg->branch_count, 1);
	assert_slice_equal(w.msg->branches->ruri, "sip:bob@10.0.0.2");
	assert_slice_equal(w.msg->branches->du, "sip:edge2;lr");
	assert_slice_equal(w.msg->branches->path, "<sip:edge2;lr>, <sip:edge3;lr>");
	assert_int_equal(w.msg->branches->q, 500);
	/* Behind a Path it is not the phone's pinhole. */
	assert_null(w.msg->branches->sock);
	assert_true(slice_empty(w.msg->branches->foreign));
	finish();
}

static void a_contact_of_another_node_names_its_socket(void **state)
{
	(void)state;
	receive(SIP_TEST_INVITE);
	bind_two();
	w.bindings[0].socket = SLICE("udp:192.0.2.98:5060");
	w.bindings[1].path = (struct slice){0};
	assert_int_equal(lookup(), 1);
	assert_null(w.msg->send_sock);
	assert_slice_equal(w.msg->foreign, "udp:192.0.2.98:5060");
	assert_null(w.msg->branches->sock);
	assert_slice_equal(w.msg->branches->foreign, "udp:192.0.2.99:5060");
	finish();
}

static void a_socket_that_another_node_has_taken_over_is_foreign(void **state)
{
	(void)state;
	receive(SIP_TEST_INVITE);
	bind_two();
	w.not_mine = true;
	assert_int_equal(lookup(), 1);
	assert_null(w.msg->send_sock);
	assert_slice_equal(w.msg->foreign, "udp:198.51.100.7:5060");
	finish();
}

static void a_lookup_waits_for_the_store(void **state)
{
	(void)state;
	receive(SIP_TEST_INVITE);
	bind_two();
	w.store_err = -EINPROGRESS;
	assert_int_equal(lookup(), PH_PARK);
	assert_slice_equal(w.msg->sip.ruri, "sip:bob@example.com");
	fill();
	w.done(w.done_arg, 0);
	assert_int_equal(go_on(w.result), 1);
	assert_slice_equal(w.msg->sip.ruri, "sip:bob@10.0.0.1");
	finish();
}

static void codes_of_lookup_tell_none_from_error(void **state)
{
	(void)state;
	receive(SIP_TEST_INVITE);
	assert_int_equal(lookup(), -1);
	assert_slice_equal(w.msg->sip.ruri, "sip:bob@example.com");
	finish();
	receive(SIP_TEST_INVITE);
	w.store_err = -ENOTCONN;
	assert_int_equal(lookup(), -3);
	finish();
	receive(SIP_TEST_INVITE);
	bind_two();
	w.count = 1;
	w.bindings[0].methods = SLICE("MESSAGE");
	w.args[1] = (struct ph_arg){.given = true, .s = SLICE("m")};
	assert_int_equal(lookup(), -2);
	assert_slice_equal(w.msg->sip.ruri, "sip:bob@example.com");
	assert_int_equal(w.replies, 0);
	finish();
}

static void flags_of_lookup_limit_the_branches(void **state)
{
	(void)state;
	receive(SIP_TEST_INVITE);
	bind_two();
	w.args[1] = (struct ph_arg){.given = true, .s = SLICE("no-branches")};
	assert_int_equal(lookup(), 1);
	assert_int_equal(w.msg->branch_count, 0);
	finish();
}

static void a_uri_in_second_place_is_looked_up(void **state)
{
	(void)state;
	receive(SIP_TEST_INVITE);
	bind_two();
	w.args[1] = (struct ph_arg){.given = true, .s = SLICE("sip:carol@example.org")};
	assert_int_equal(lookup(), 1);
	assert_slice_equal(w.aor, "carol");
	finish();
}

static void a_contact_with_a_broken_path_is_skipped(void **state)
{
	(void)state;
	receive(SIP_TEST_INVITE);
	bind_two();
	w.bindings[0].path = SLICE("<sip:broken");
	assert_int_equal(lookup(), 1);
	assert_slice_equal(w.msg->sip.ruri, "sip:bob@10.0.0.2");
	assert_int_equal(w.msg->branch_count, 0);
	finish();
}

static int quiet(void **state)
{
	(void)state;
	log_set_default_level(LOG_L_CRIT);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_store_that_answers_at_once_needs_no_transaction),
		cmocka_unit_test(the_200_waits_for_the_store),
		cmocka_unit_test(a_store_that_fails_means_503_with_retry_after),
		cmocka_unit_test(the_message_lives_until_the_store_is_done_with_it),
		cmocka_unit_test(no_room_to_park_ends_the_script),
		cmocka_unit_test(too_many_contacts_have_a_code_of_their_own),
		cmocka_unit_test(a_repeated_register_is_answered_but_not_published),
		cmocka_unit_test(a_query_reads_and_lists),
		cmocka_unit_test(no_reply_sends_nothing),
		cmocka_unit_test(kamailio_scripts_learn_what_was_done),
		cmocka_unit_test(save_is_for_register_only),
		cmocka_unit_test(a_lookup_sets_the_target_and_branches),
		cmocka_unit_test(a_contact_of_another_node_names_its_socket),
		cmocka_unit_test(a_socket_that_another_node_has_taken_over_is_foreign),
		cmocka_unit_test(a_lookup_waits_for_the_store),
		cmocka_unit_test(codes_of_lookup_tell_none_from_error),
		cmocka_unit_test(flags_of_lookup_limit_the_branches),
		cmocka_unit_test(a_uri_in_second_place_is_looked_up),
		cmocka_unit_test(a_contact_with_a_broken_path_is_skipped),
	};
	return cmocka_run_group_tests_name("registrar_wait", tests, quiet, NULL);
}
