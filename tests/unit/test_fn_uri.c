#include "tests/unit/fn_world.h"

static void parts_of_the_request_uri(void **state)
{
	struct ph_msg *msg = world_invite();

	(void)state;
	assert_int_equal(world_call(msg, "sethost", "192.0.2.9", NULL), 1);
	assert_int_equal(world_call(msg, "setport", "5070", NULL), 1);
	assert_string_equal(world_pv(msg, "$ru"), "sip:bob@192.0.2.9:5070;user=phone");
	assert_int_equal(world_call(msg, "rewritehostport", "gw.example:5090", NULL), 1);
	assert_string_equal(world_pv(msg, "$ru"), "sip:bob@gw.example:5090;user=phone");
	assert_int_equal(world_call(msg, "sethp", "gw2.example", NULL), 1);
	assert_string_equal(world_pv(msg, "$ru"), "sip:bob@gw2.example;user=phone");
	assert_int_equal(world_call(msg, "setuser", "$fU", NULL), 1);
	assert_string_equal(world_pv(msg, "$ru"), "sip:alice@gw2.example;user=phone");
	assert_int_equal(world_call(msg, "setuserpass", "a:b", NULL), 1);
	assert_string_equal(world_pv(msg, "$ru"), "sip:a:b@gw2.example;user=phone");
	assert_int_equal(world_call(msg, "seturi", "sip:x@[2001:db8::9]:5061", NULL), 1);
	assert_int_equal(world_call(msg, "sethostport", "[2001:db8::8]:5062", NULL), 1);
	assert_string_equal(world_pv(msg, "$ru"), "sip:x@[2001:db8::8]:5062");
	assert_int_equal(world_call(msg, "revert_uri", NULL), 1);
	assert_string_equal(world_pv(msg, "$ru"), "sip:bob@example.org;user=phone");
}

static void the_user_grows_and_shrinks(void **state)
{
	struct ph_msg *msg = world_invite();

	(void)state;
	assert_int_equal(world_call(msg, "prefix", "00", NULL), 1);
	assert_string_equal(world_pv(msg, "$rU"), "00bob");
	assert_int_equal(world_call(msg, "strip", "3", NULL), 1);
	assert_string_equal(world_pv(msg, "$rU"), "ob");
	assert_int_equal(world_call(msg, "strip_tail", "1", NULL), 1);
	assert_string_equal(world_pv(msg, "$rU"), "o");
	assert_int_equal(world_call(msg, "strip", "9", NULL), 1);
	assert_string_equal(world_pv(msg, "$ru"), "sip:example.org;user=phone");
	assert_int_equal(world_call(msg, "prefix", "9", NULL), 1);
	assert_string_equal(world_pv(msg, "$ru"), "sip:9@example.org;user=phone");
}

static void a_refused_part_leaves_the_uri(void **state)
{
	struct ph_msg *msg = world_invite();
	struct ph_test_log log;

	(void)state;
	ph_test_log_start(&log);
	assert_int_equal(world_call(msg, "seturi", "nonsense", NULL), -1);
	assert_int_equal(world_call(msg, "sethostport", "a:99999", NULL), -1);
	assert_int_equal(world_call(msg, "setport", "x", NULL), -1);
	assert_int_equal(world_call(msg, "setdsturi", "$null", NULL), -1);
	ph_test_log_stop();
	assert_string_equal(
		world_pv(msg, "$ru $du"), "sip:bob@example.org;user=phone <null>");
	assert_int_equal(msg->sip.edits, 0);
}

static void the_next_hop(void **state)
{
	struct ph_msg *msg = world_invite();

	(void)state;
	assert_int_equal(world_call(msg, "isdsturiset", NULL), -1);
	assert_int_equal(world_call(msg, "setdsturi", "sip:$si:$sp", NULL), 1);
	assert_int_equal(world_call(msg, "isdsturiset", NULL), 1);
	assert_string_equal(world_pv(msg, "$du"), "sip:192.0.2.10:40000");
	assert_int_equal(world_call(msg, "resetdsturi", NULL), 1);
	assert_int_equal(world_call(msg, "isdsturiset", NULL), -1);
}

static void our_names_and_addresses(void **state)
{
	struct ph_msg *msg = world_invite();
	static const char *const ours[] = {"sip:bob@example.org", "example.org",
		"sip:198.51.100.7", "198.51.100.7", "198.51.100.7:5060",
		"sip:[2001:db8::7]:5060", "[2001:db8::7]", "2001:db8::7",
		"sip:10.0.0.5:5070", "10.0.0.5", "[2001:db8::7]:5060"};
	static const char *const others[] = {"sip:bob@home.example",
		"sip:198.51.100.7:5062", "sip:10.0.0.5", "198.51.100.7:5062", "<null>",
		"", "sip:", "tel:+49", "example.org:x"};

	(void)state;
	for (unsigned i = 0; i < sizeof(ours) / sizeof(ours[0]); i++)
		if (world_call(msg, "is_myself", ours[i], NULL) != 1)
			fail_msg("%s is ours", ours[i]);
	for (unsigned i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		if (world_call(msg, "is_myself", others[i], NULL) != -1)
			fail_msg("%s is not ours", others[i]);
	assert_int_equal(world_call(msg, "is_myself", "$ru", NULL), 1);
	assert_int_equal(world_call(msg, "is_myself", "198.51.100.7", "5060", NULL), 1);
	assert_int_equal(world_call(msg, "is_myself", "198.51.100.7", "5061", NULL), -1);
}

static void branches_are_added_with_their_q(void **state)
{
	struct ph_msg *msg = world_invite();
	struct ph_test_log log;

	(void)state;
	assert_int_equal(
		world_call(msg, "append_branch", "sip:carol@h", "0.25", NULL), 1);
	assert_int_equal(msg->branch_count, 1);
	assert_slice_equal(msg->branches->ruri, "sip:carol@h");
	assert_slice_equal(msg->branches->du, "");
	assert_int_equal(msg->branches->q, 250);
	assert_int_equal(world_set(msg, "$du", "sip:gw"), 0);
	msg->bflags = 64;
	assert_int_equal(world_call(msg, "append_branch", NULL), 1);
	assert_slice_equal(msg->branches->next->ruri, "sip:bob@example.org;user=phone");
	assert_slice_equal(msg->branches->next->du, "sip:gw");
	assert_int_equal(msg->branches->next->bflags, 64);
	ph_test_log_start(&log);
	assert_int_equal(world_call(msg, "append_branch", "sip:x@h", "1.5", NULL), -1);
	assert_int_equal(world_call(msg, "append_branch", "sip:x@h", "high", NULL), -1);
	assert_int_equal(world_call(msg, "append_branch", "no uri", NULL), -1);
	ph_test_log_stop();
	assert_int_equal(msg->branch_count, 2);
}

static void a_send_socket_must_be_ours(void **state)
{
	struct ph_msg *msg = world_invite();
	struct ph_test_log log;

	(void)state;
	assert_int_equal(
		world_call(msg, "force_send_socket", "udp:10.0.0.5:5070", NULL), 1);
	assert_ptr_equal(msg->send_sock, &world->socks[3]);
	ph_test_log_start(&log);
	assert_int_equal(
		world_call(msg, "force_send_socket", "udp:10.9.9.9:5070", NULL), -1);
	ph_test_log_stop();
	assert_true(ph_test_log_has(&log, "none of our sockets"));
	assert_ptr_equal(msg->send_sock, &world->socks[3]);
}

static void the_request_uri_is_rewritten_by_pattern(void **state)
{
	struct ph_msg *msg = world_invite();

	(void)state;
	assert_int_equal(world_call(msg, "subst_uri",
				 "/^sip:(.*)@example.org/sip:\\1-x@$si/i", NULL),
		1);
	assert_string_equal(world_pv(msg, "$ru"), "sip:bob-x@192.0.2.10;user=phone");
	assert_int_equal(world_call(msg, "subst_user", "/-x$/y/", NULL), 1);
	assert_string_equal(world_pv(msg, "$rU"), "boby");
	assert_int_equal(world_call(msg, "subst_user", "/nobody/x/", NULL), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			parts_of_the_request_uri, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(
			the_user_grows_and_shrinks, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(
			a_refused_part_leaves_the_uri, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(
			the_next_hop, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(
			our_names_and_addresses, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(
			branches_are_added_with_their_q, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(
			a_send_socket_must_be_ours, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(the_request_uri_is_rewritten_by_pattern,
			world_setup, world_teardown),
	};

	return cmocka_run_group_tests_name("fn_uri", tests, NULL, NULL);
}
