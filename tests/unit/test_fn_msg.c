#include "tests/unit/fn_world.h"

static struct ph_msg *reply_with(const char *headers)
{
	char text[1024];

	snprintf(text, sizeof(text),
		"SIP/2.0 200 OK\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\n%sf: "
		"<sip:a@x>;tag=1\nt: <sip:b@y>;tag=2\n"
		"i: c\nCSeq: 7 INVITE\n\n",
		headers);
	return world_msg(text);
}

static struct ph_msg *request_with(const char *uri, const char *headers)
{
	char text[1024];

	snprintf(text, sizeof(text),
		"INFO %s SIP/2.0\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\n%sf: "
		"<sip:a@x>;tag=1\nt: <sip:b@y>;tag=2\n"
		"i: c\nCSeq: 7 INFO\n\n",
		uri, headers);
	return world_msg(text);
}

static void methods_and_kinds(void **state)
{
	struct ph_msg *msg = world_invite(), *reply = reply_with("");

	(void)state;
	assert_int_equal(world_call(msg, "is_method", "INVITE", NULL), 1);
	assert_int_equal(world_call(msg, "is_method", "BYE|INVITE|ACK", NULL), 1);
	assert_int_equal(world_call(msg, "is_method", "BYE | invite", NULL), 1);
	assert_int_equal(world_call(msg, "is_method", "BYE|FOO", NULL), -1);
	assert_int_equal(world_call(msg, "is_method", "INVITED", NULL), -1);
	assert_int_equal(world_call(msg, "is_method", "", NULL), -1);
	assert_int_equal(world_call(reply, "is_method", "INVITE", NULL), 1);
	assert_int_equal(world_call(msg, "is_request", NULL), 1);
	assert_int_equal(world_call(msg, "is_reply", NULL), -1);
	assert_int_equal(world_call(reply, "is_request", NULL), -1);
	assert_int_equal(world_call(reply, "is_reply", NULL), 1);
	assert_int_equal(world_call(msg, "has_totag", NULL), -1);
	assert_int_equal(world_call(reply, "has_totag", NULL), 1);
}

static void max_forwards_counts_down(void **state)
{
	struct ph_msg *msg = world_invite();

	(void)state;
	assert_int_equal(world_call(msg, "mf_process_maxfwd_header", "10", NULL), 1);
	assert_non_null(strstr(world_text(msg), "Max-Forwards: 69\r\n"));
	msg = request_with("sip:b@h", "");
	assert_int_equal(world_call(msg, "mf_process_maxfwd_header", "0x0a", NULL), 1);
	assert_non_null(strstr(world_text(msg), "Max-Forwards: 10\r\n"));
	msg = request_with("sip:b@h", "Max-Forwards: 0\n");
	assert_int_equal(world_call(msg, "mf_process_maxfwd_header", "10", NULL), -1);
	msg = request_with("sip:b@h", "Max-Forwards: many\n");
	assert_int_equal(world_call(msg, "mf_process_maxfwd_header", "10", NULL), -2);
	assert_int_equal(msg->sip.edits, 0);
	msg = request_with("sip:b@h", "Max-Forwards: 4000\n");
	assert_int_equal(world_call(msg, "mf_process_maxfwd_header", "10", NULL), 1);
	assert_non_null(strstr(world_text(msg), "Max-Forwards: 255\r\n"));
}

static void first_hops(void **state)
{
	(void)state;
	assert_int_equal(world_call(world_invite(), "is_first_hop", NULL), 1);
	assert_int_equal(world_call(request_with("sip:b@h",
					    "Via: SIP/2.0/UDP h2;branch=z9hG4bK2\n"),
				 "is_first_hop", NULL),
		-1);
	assert_int_equal(world_call(reply_with("Record-Route: <sip:198.51.100.7;lr>\n"),
				 "is_first_hop", NULL),
		1);
	assert_int_equal(
		world_call(
			reply_with(
				"Record-Route: <sip:other;lr>,<sip:198.51.100.7;lr>\n"),
			"is_first_hop", NULL),
		-1);
	assert_int_equal(world_call(reply_with(""), "is_first_hop", "0", NULL), -1);
	assert_int_equal(world_call(reply_with(""), "is_first_hop", "1", NULL), -1);
	assert_int_equal(world_call(reply_with("Via: SIP/2.0/UDP h2;branch=z9hG4bK2\n"),
				 "is_first_hop", "1", NULL),
		1);
}

static void insane(struct ph_msg *msg, unsigned code)
{
	struct ph_test_log log;

	world->code = 0;
	ph_test_log_start(&log);
	assert_int_equal(world_call(msg, "sanity_check", NULL), -1);
	ph_test_log_stop();
	assert_int_equal(world->code, code);
}

static void insane_messages_are_answered(void **state)
{
	(void)state;
	assert_int_equal(world_call(world_invite(), "sanity_check", NULL), 1);
	assert_int_equal(
		world_call(world_invite(), "sanity_check", "1511", "7", NULL), 1);
	assert_int_equal(world->stateless, 0);
	insane(request_with("sip:b@h", "Expires: soon\n"), 400);
	insane(request_with("sip:b@h", "Proxy-Require: foo, bar\n"), 420);
	assert_string_equal(world->extra, "Unsupported: foo, bar\r\n");
	insane(request_with("mailto:b@h", ""), 416);
	/* a check that is not asked for is not made */
	assert_int_equal(world_call(request_with("sip:b@h", "Expires: soon\n"),
				 "sanity_check", "1024", NULL),
		1);
	/* nothing answers a reply */
	world->stateless = 0;
	insane(reply_with("Expires: soon\n"), 0);
	assert_int_equal(world->stateless, 0);
}

static void flags_of_the_transaction_and_of_the_branch(void **state)
{
	struct ph_msg *msg = world_invite();
	struct tm_branch branch = {0};

	(void)state;
	assert_int_equal(world_call(msg, "isflagset", "31", NULL), -1);
	assert_int_equal(world_call(msg, "setflag", "31", NULL), 1);
	assert_int_equal(world_call(msg, "isflagset", "31", NULL), 1);
	assert_int_equal(world_call(msg, "resetflag", "31", NULL), 1);
	assert_int_equal(world_call(msg, "isflagset", "31", NULL), -1);
	assert_int_equal(world_call(msg, "setbflag", "6", NULL), 1);
	assert_int_equal(msg->bflags, 64);
	assert_int_equal(world_call(msg, "isbranchflagset", "6", NULL), 1);
	msg->branch = &branch;
	assert_int_equal(world_call(msg, "isbflagset", "6", NULL), -1);
	assert_int_equal(world_call(msg, "setbflag", "5", NULL), 1);
	assert_int_equal(branch.target.bflags, 32);
	assert_int_equal(world_call(msg, "resetbflag", "5", NULL), 1);
	assert_int_equal(branch.target.bflags, 0);
	assert_int_equal(msg->bflags, 64);
}

static void flags_of_another_target_in_either_order(void **state)
{
	struct ph_msg *msg = world_invite();
	struct ph_test_log log;

	(void)state;
	assert_int_equal(world_call(msg, "append_branch", "sip:c@h", NULL), 1);
	assert_int_equal(
		world_call(msg, "setbflag", "1", "6", NULL), 1); /* (branch, flag) */
	assert_int_equal(msg->branches->bflags, 64);
	world->kamailio = true;
	assert_int_equal(
		world_call(msg, "isbflagset", "6", "1", NULL), 1); /* (flag, branch) */
	assert_int_equal(world_call(msg, "setbflag", "2", "0", NULL), 1);
	assert_int_equal(msg->bflags, 4);
	ph_test_log_start(&log);
	assert_int_equal(world_call(msg, "setbflag", "2", "2", NULL), -1);
	ph_test_log_stop();
	assert_true(ph_test_log_has(&log, "no branch 2"));
}

static void lines_have_level_call_and_place(void **state)
{
	struct ph_msg *msg = world_invite();
	struct ph_test_log log;

	(void)state;
	log_set_level("script", LOG_L_DBG);
	ph_test_log_start(&log);
	assert_int_equal(world_call(msg, "xlog", "L_INFO", "call to $rU\n", NULL), 1);
	assert_int_equal(world_call(msg, "xlog", "-2", "critical", NULL), 1);
	assert_int_equal(world_call(msg, "xlog", "no level", NULL), 1);
	assert_int_equal(world_call(msg, "log", "1", "plain $ru", NULL), 1);
	assert_int_equal(world_call(msg, "xdbg", "deep", NULL), 1);
	ph_test_log_stop();
	log_set_level("script", LOG_L_INFO);
	assert_int_equal(log.count, 5);
	assert_true(ph_test_log_has(
		&log, "[c1@192.168.1.20] edge.route:7 request_route: call to bob\n"));
	assert_true(ph_test_log_has(&log, "plain $ru\n"));
	ph_test_log_start(&log);
	assert_int_equal(world_call(msg, "xdbg", "deep", NULL), 1);
	ph_test_log_stop();
	assert_int_equal(log.count, 0);
}

static void searching_knows_lines(void **state)
{
	struct ph_msg *msg = world_invite();

	(void)state;
	assert_int_equal(world_call(msg, "search", "^user-agent: test", NULL), 1);
	assert_int_equal(world_call(msg, "search", "^agent", NULL), -1);
	assert_int_equal(world_call(msg, "search", "hel+o", NULL), 1);
	assert_int_equal(world_call(msg, "search_body", "^HELLO$", NULL), 1);
	assert_int_equal(world_call(msg, "search_body", "INVITE", NULL), -1);
}

static void small_text_functions(void **state)
{
	struct ph_msg *msg = world_invite();

	(void)state;
	assert_int_equal(world_call(msg, "starts_with", "$rU", "bo", NULL), 1);
	assert_int_equal(world_call(msg, "starts_with", "$rU", "ob", NULL), -1);
	assert_int_equal(world_call(msg, "pv_printf", "$avp(x)", "to $rU", NULL), 1);
	assert_int_equal(world_call(msg, "avp_printf", "$rU", "carol", NULL), 1);
	assert_string_equal(world_pv(msg, "$avp(x) $rU"), "to bob carol");
}

static void headers_and_body_are_rewritten_by_pattern(void **state)
{
	struct ph_msg *msg = world_invite();
	struct ph_test_log log;

	(void)state;
	assert_int_equal(
		world_call(msg, "subst_hf", "X-Tag", "/t?(.)o?/<\\1>/", NULL), 1);
	assert_non_null(strstr(world_text(msg), "X-Tag: <o>ne\r\nx-tag: <w>\r\n"));
	assert_int_equal(world_call(msg, "subst_hf", "X-Tag", "/zzz/y/", NULL), -1);
	assert_int_equal(world_call(msg, "subst_body", "/l/$rU/g", NULL), 1);
	assert_non_null(strstr(world_text(msg), "Content-Length: 9\r\n\r\nhebobbobo"));
	assert_int_equal(world_call(msg, "replace_body", "^H.", "$fU-", NULL), 1);
	assert_non_null(strstr(world_text(msg), "\r\n\r\nalice-bobbobo"));
	assert_int_equal(world_call(msg, "replace_body", "nothing", "x", NULL), -1);
	/* a value that would end its line is refused, in all headers or in none */
	msg = world_invite();
	ph_test_log_start(&log);
	assert_int_equal(
		world_call(msg, "subst_hf", "X-Tag", "/two/a\r\nX: y/", NULL), -1);
	ph_test_log_stop();
	assert_int_equal(msg->sip.edits, 0);
}

/** What the loader relies on. */
static void tables_are_whole(void **state)
{
	(void)state;
	for (unsigned t = 0; script_core_fns[t]; t++) {
		for (const struct ph_script_fn *fn = script_core_fns[t]; fn->name; fn++) {
			if (!fn->call || !fn->help || fn->routes == 0 ||
				fn->min_args > fn->max_args || fn->max_args > PH_MAX_ARGS)
				fail_msg("row of %s", fn->name);
			for (unsigned i = 0; i < PH_MAX_ARGS; i++)
				if ((fn->args[i].kind != 0) != (i < fn->max_args) ||
					(fn->args[i].kind == PH_ARG_ROUTE &&
						!fn->args[i].route_kw))
					fail_msg("argument %u of %s", i, fn->name);
		}
	}
	for (unsigned i = 0; script_core_aliases[i].alias; i++) {
		unsigned found = 0;

		for (unsigned t = 0; script_core_fns[t]; t++)
			for (const struct ph_script_fn *fn = script_core_fns[t]; fn->name;
				fn++) {
				found += strcmp(fn->name, script_core_aliases[i].name) ==
					0;
				assert_string_not_equal(
					fn->name, script_core_aliases[i].alias);
			}
		assert_int_equal(found, 1);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			methods_and_kinds, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(
			max_forwards_counts_down, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(first_hops, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(
			insane_messages_are_answered, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(
			flags_of_the_transaction_and_of_the_branch, world_setup,
			world_teardown),
		cmocka_unit_test_setup_teardown(flags_of_another_target_in_either_order,
			world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(
			lines_have_level_call_and_place, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(
			searching_knows_lines, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(
			small_text_functions, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(headers_and_body_are_rewritten_by_pattern,
			world_setup, world_teardown),
		cmocka_unit_test(tables_are_whole),
	};

	return cmocka_run_group_tests_name("fn_msg", tests, NULL, NULL);
}
