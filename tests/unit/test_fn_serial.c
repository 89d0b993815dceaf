/* Targets one after the other, by q: RFC 3261 section 16.6; names and answers of both families. */
#include "tests/unit/fn_world.h"

/* An INVITE to sip:a with q, and more targets: "name=q" in thousandths, end with NULL. */
static struct ph_msg *invite_to(unsigned q, const char *const *more)
{
	struct ph_msg *msg = world_invite();

	assert_int_equal(world_set(msg, "$ru", "sip:a@h"), 0);
	msg->q = q;
	msg->bflags = 1;
	for (; *more; more++) {
		char uri[32];
		const char *eq = strchr(*more, '=');
		struct tm_target t = {.q = (unsigned)atoi(eq + 1), .bflags = 2};

		snprintf(uri, sizeof(uri), "sip:%.*s@h", (int)(eq - *more), *more);
		t.ruri = slice_str(uri);
		assert_int_equal(msg_add_branch(msg, &t), 0);
	}
	return msg;
}

/* "a b c": users of all targets, msg's own first. */
static const char *targets(struct ph_msg *msg)
{
	static char text[256];

	snprintf(text, sizeof(text), "%s", world_pv(msg, "$rU"));
	for (const struct tm_target *t = msg->branches; t; t = t->next)
		snprintf(text + strlen(text), sizeof(text) - strlen(text), " %.*s",
			(int)t->ruri.len - 6, t->ruri.p + 4);
	return text;
}

static void the_best_come_first_and_equals_together(void **state)
{
	static const char *const more[] = {
		"b=1000", "c=200", "d=500", "e=1000", "f=500", NULL};
	struct ph_msg *msg = invite_to(500, more);

	(void)state;
	assert_int_equal(world_call(msg, "t_load_contacts", NULL), 1);
	assert_int_equal(world_call(msg, "t_next_contacts", NULL), 1);
	assert_string_equal(targets(msg), "b e");
	assert_int_equal(msg->branch_count, 1);
	assert_int_equal(msg->bflags, 2);
	assert_int_equal(world_call(msg, "t_relay", NULL), 1);
	msg->route = PH_ROUTE_FAILURE;
	assert_int_equal(world_call(msg, "t_next_contacts", NULL), 1);
	assert_string_equal(targets(msg), "a d f");
	assert_int_equal(msg->bflags, 1);
	assert_int_equal(world_call(msg, "t_relay", NULL), 1);
	assert_string_equal(targets(msg), "a d f");
	assert_int_equal(world_call(msg, "t_next_contacts", NULL), 1);
	assert_string_equal(targets(msg), "c");
	assert_int_equal(world_call(msg, "t_relay", NULL), 1);
	assert_int_equal(world_call(msg, "t_next_contacts", NULL), -2);
	assert_int_equal(world->relays, 3);
}

static void one_target_or_equal_ones_stay_where_they_are(void **state)
{
	static const char *const none[] = {NULL},
				 *const equal[] = {"b=1000", "c=1000", NULL};
	struct ph_msg *msg = invite_to(1000, none);

	(void)state;
	assert_int_equal(world_call(msg, "t_load_contacts", NULL), 1);
	assert_int_equal(world_call(msg, "t_next_contacts", NULL), -2);
	assert_string_equal(targets(msg), "a");
	msg = invite_to(1000, equal);
	assert_int_equal(world_call(msg, "t_load_contacts", NULL), 1);
	assert_string_equal(targets(msg), "a b c");
	assert_int_equal(world_call(msg, "t_next_contacts", NULL), -2);
	assert_string_equal(targets(msg), "a b c");
}

static void opensips_tells_when_the_last_are_taken(void **state)
{
	static const char *const more[] = {"b=100", "c=1000", NULL};
	struct ph_msg *msg = invite_to(1000, more);

	(void)state;
	assert_int_equal(world_call(msg, "serialize_branches", "1", NULL), 1);
	assert_string_equal(targets(msg), "a");
	assert_int_equal(world_call(msg, "next_branches", NULL), 1);
	assert_string_equal(targets(msg), "a c");
	msg->route = PH_ROUTE_FAILURE;
	assert_int_equal(world_call(msg, "next_branches", NULL), 2);
	assert_string_equal(targets(msg), "b");
	assert_int_equal(world_call(msg, "next_branches", NULL), -1);
}

static void earlier_ones_are_kept_or_forgotten(void **state)
{
	static const char *const more[] = {"b=100", NULL};
	struct ph_msg *msg = invite_to(1000, more);

	(void)state;
	assert_int_equal(world_call(msg, "serialize_branches", "1", NULL), 1);
	assert_int_equal(world_call(msg, "next_branches", NULL), 1);
	assert_int_equal(world_call(msg, "append_branch", "sip:x@h", "0.5", NULL), 1);
	assert_int_equal(world_call(msg, "serialize_branches", "0", NULL), 1);
	assert_int_equal(world_call(msg, "next_branches", NULL), 1);
	assert_string_equal(targets(msg), "a");
	assert_int_equal(world_call(msg, "next_branches", NULL), 1);
	assert_string_equal(targets(msg), "x");
	assert_int_equal(world_call(msg, "next_branches", NULL), 2);
	assert_string_equal(targets(msg), "b");
	msg = invite_to(1000, more);
	assert_int_equal(world_call(msg, "serialize_branches", "1", NULL), 1);
	assert_int_equal(world_call(msg, "next_branches", NULL), 1);
	assert_int_equal(world_call(msg, "serialize_branches", "1", NULL), 1);
	assert_int_equal(world_call(msg, "next_branches", NULL), -1);
}

static void the_next_hop_and_socket_go_with_each(void **state)
{
	struct ph_msg *msg = world_invite();
	struct tm_target t = {.ruri = SLICE("sip:b@h"),
		.du = SLICE("sip:192.0.2.2:5070"),
		.sock = &world->socks[3],
		.path = SLICE("<sip:p;lr>"),
		.q = 1000};

	(void)state;
	msg->q = 100;
	msg->send_sock = &world->socks[2];
	assert_int_equal(msg_add_branch(msg, &t), 0);
	assert_int_equal(world_call(msg, "t_load_contacts", NULL), 1);
	assert_int_equal(world_call(msg, "t_next_contacts", NULL), 1);
	assert_string_equal(world_pv(msg, "$ru $du"), "sip:b@h sip:192.0.2.2:5070");
	assert_ptr_equal(msg->send_sock, &world->socks[3]);
	assert_slice_equal(msg->path, "<sip:p;lr>");
	assert_int_equal(world_call(msg, "t_next_contacts", NULL), 1);
	assert_string_equal(world_pv(msg, "$du"), "<null>");
	assert_ptr_equal(msg->send_sock, &world->socks[2]);
	assert_int_equal(msg->path.len, 0);
}

static void times_of_the_next_branches(void **state)
{
	struct ph_msg *msg = world_invite();
	struct ph_test_log log;

	(void)state;
	assert_int_equal(world_call(msg, "t_set_fr", "10000", "3000", NULL), 1);
	assert_int_equal(msg->fr_inv_timer, 10000);
	assert_int_equal(msg->fr_timer, 3000);
	assert_int_equal(world_call(msg, "t_set_fr", "0", "2000", NULL), 1);
	assert_int_equal(msg->fr_inv_timer, 10000);
	assert_int_equal(msg->fr_timer, 2000);
	ph_test_log_start(&log);
	assert_int_equal(world_call(msg, "t_set_fr", "-5", NULL), -1);
	ph_test_log_stop();
	assert_int_equal(log.count, 1);
	assert_int_equal(world_call(msg, "t_reset_fr", NULL), 1);
	assert_int_equal(msg->fr_inv_timer + msg->fr_timer, 0);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, world_setup, world_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_best_come_first_and_equals_together),
		TEST(one_target_or_equal_ones_stay_where_they_are),
		TEST(opensips_tells_when_the_last_are_taken),
		TEST(earlier_ones_are_kept_or_forgotten),
		TEST(the_next_hop_and_socket_go_with_each),
		TEST(times_of_the_next_branches),
	};
	return cmocka_run_group_tests_name("fn_serial", tests, NULL, NULL);
}
