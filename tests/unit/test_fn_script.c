/*
 * Scripts as operators write them, loaded and run by the machine: do variables, transformations and functions fit into it?
 * Only the transaction layer is small here.
 */
#include "tests/unit/fn_world.h"

static struct script_program *program;

static struct script_program *load(const char *text, const char *want_error)
{
	const struct script_options opt = {.file = "edge.route"};
	struct script_errors errors = {0};
	struct script_program *p = NULL;
	int err = script_load_text(&p, &opt, "edge.route", slice_str(text), &errors);
	bool found = false;

	for (unsigned i = 0; i < errors.count; i++) {
		if (want_error && strstr(errors.list[i].text, want_error))
			found = true;
		else if (!errors.list[i].warning)
			print_error("%s\n", errors.list[i].text);
	}
	if (want_error && (err == 0 || !found))
		fail_msg("not told: %s", want_error);
	if (!want_error && err != 0)
		fail_msg("the script does not load");
	script_errors_free(&errors);
	return p;
}

static int script_teardown(void **state)
{
	script_unref(&program);
	return world_teardown(state);
}

/** Run the request block on msg; the code of its end. */
static int run(struct ph_msg *msg, const char *text)
{
	struct script_result result = {0};

	program = load(text, NULL);
	assert_int_equal(
		script_start(&world->env, program, script_block(program, SCRIPT_REQUEST),
			PH_ROUTE_REQUEST, msg, &result, NULL, NULL),
		SCRIPT_FINISHED);
	return result.code;
}

/** A script whose every fault is `return(-line)`: what run() gives for statements. */
static void holds(const char *statements)
{
	struct ph_msg *msg = world_invite();
	char text[2048];
	int code;

	snprintf(text, sizeof(text), "route { %s\n return(7); }", statements);
	code = run(msg, text);
	script_unref(&program);
	if (code != 7)
		fail_msg("%d: %s", code, statements);
}

static void a_call_goes_its_way(void **state)
{
	struct ph_msg *msg = world_invite();
	struct ph_test_log log;

	(void)state;
	ph_test_log_start(&log);
	(void)run(msg,
		"#!KAMAILIO\n"
		"#!define FLB_NATB 6\n"
		"request_route {\n"
		"  if (!mf_process_maxfwd_header(\"10\")) { sl_send_reply(\"483\", \"Too "
		"Many Hops\"); exit; }\n"
		"  force_rport();\n"
		"  if (has_totag()) { if (loose_route()) { t_relay(); } exit; }\n"
		"  if (is_method(\"INVITE|SUBSCRIBE\")) record_route();\n"
		"  if ($rU == $null) { sl_send_reply(\"484\", \"Address Incomplete\"); "
		"exit; }\n"
		"  setflag(5);\n  setbflag(FLB_NATB);\n"
		"  xlog(L_WARN, \"call to $rU from $si:$sp at "
		"$(ct{nameaddr.uri}{uri.host})\\n\");\n"
		"  $du = \"sip:\" + $si + \":\" + $sp;\n"
		"  append_hf(\"P-Hint: $rm $$\\r\\n\");\n"
		"  t_on_reply(\"NAT\");\n  t_on_failure(\"CALL\");\n  t_on_branch(B);\n"
		"  if (!t_relay(0x02)) { sl_reply_error(); }\n"
		"}\n"
		"onreply_route[NAT] { if (t_check_status(\"2..\")) xdbg(\"$rs $rr\"); }\n"
		"failure_route[CALL] { if (t_is_canceled()) exit; }\n"
		"branch_route[B] { add_rr_param(\";b=$T_branch_idx\"); }\n");
	ph_test_log_stop();
	assert_int_equal(world->relays, 1);
	assert_int_equal(world->flags, TM_F_NO_ERROR_REPLY);
	assert_slice_equal(world->to.du, "sip:192.0.2.10:40000");
	assert_int_equal(msg->flags, 32);
	assert_int_equal(msg->bflags, 64);
	assert_int_equal(msg->armed.on_reply,
		script_block_named(program, SCRIPT_REPLY, SLICE("NAT")));
	assert_int_equal(msg->armed.on_failure,
		script_block_named(program, SCRIPT_FAILURE, SLICE("CALL")));
	assert_int_equal(msg->armed.on_branch,
		script_block_named(program, SCRIPT_BRANCH, SLICE("B")));
	assert_true(ph_test_log_has(
		&log, "call to bob from 192.0.2.10:40000 at 192.168.1.20\n"));
	assert_true(ph_test_log_has(&log, "edge.route:11"));
	assert_non_null(strstr(world_text(msg), "P-Hint: INVITE $\r\n"));
	assert_non_null(strstr(
		world_text(msg), "Record-Route: <sip:198.51.100.7;lr;ftag=a1>\r\n"));
}

/** As Kamailio's default script has it: one block for requests, branches, failures and replies. */
static const char nat_manage[] =
	"#!KAMAILIO\n"
	"request_route { record_route(); setbflag(6); t_on_branch(\"B\"); "
	"t_on_reply(\"R\");\n"
	"  t_on_failure(\"F\"); route(NATMANAGE); t_relay(); }\n"
	"route[NATMANAGE] {\n"
	"  if (is_request()) { if(has_totag()) { if(check_route_param(\"nat=yes\")) { "
	"setbflag(6); } } }\n"
	"  if (!(isflagset(5) || isbflagset(6))) return;\n"
	"  if (is_request()) { if (!has_totag()) { if(t_is_branch_route()) { "
	"add_rr_param(\";nat=yes\"); } } }\n"
	"  if (is_reply()) { if(isbflagset(6)) { if(is_first_hop()) setflag(9); } }\n"
	"}\n"
	"branch_route[B] { xdbg(\"new branch [$T_branch_idx] to $ru\\n\"); "
	"route(NATMANAGE); }\n"
	"onreply_route[R] { if(status=~\"[12][0-9][0-9]\") { route(NATMANAGE); } }\n"
	"failure_route[F] { route(NATMANAGE); if (t_is_canceled()) { exit; } }\n";

static void run_block(struct ph_msg *msg, enum script_block_kind kind, const char *name,
	enum ph_route route)
{
	struct script_result result;

	assert_int_equal(script_start(&world->env, program,
				 script_block_named(program, kind, slice_str(name)),
				 route, msg, &result, NULL, NULL),
		SCRIPT_FINISHED);
}

static void one_block_may_serve_requests_and_replies(void **state)
{
	struct ph_msg *msg = world_invite(), *reply;
	struct tm_branch branch = {.index = 0, .target = {.bflags = 64}};
	struct tm_trans trans = {.request = msg};
	sip_mark mark;

	(void)state;
	(void)run(msg, nat_manage);
	assert_null(strstr(world_text(msg), "nat=yes"));
	mark = sip_edit_mark(&msg->sip);
	msg->branch = &branch;
	run_block(msg, SCRIPT_BRANCH, "B", PH_ROUTE_BRANCH);
	assert_non_null(strstr(world_text(msg),
		"Record-Route: <sip:198.51.100.7;lr;ftag=a1;nat=yes>\r\n"));
	sip_rollback(&msg->sip, mark);
	msg->branch = NULL;
	run_block(msg, SCRIPT_FAILURE, "F", PH_ROUTE_FAILURE);
	reply = world_msg(
		"SIP/2.0 200 OK\nv: SIP/2.0/UDP h;branch=z9hG4bK1\nf: <sip:a@x>;tag=1\n"
		"t: <sip:b@y>;tag=2\ni: c\nCSeq: 7 INVITE\nRecord-Route: "
		"<sip:198.51.100.7;lr>\n\n");
	reply->trans = &trans;
	reply->branch = &branch;
	run_block(reply, SCRIPT_REPLY, "R", PH_ROUTE_REPLY);
	assert_int_equal(msg->flags, 1 << 9);
	reply->trans = NULL;
}

static void a_failed_relay_is_answered_once(void **state)
{
	struct ph_msg *msg = world_invite();

	(void)state;
	world->relay_code = TM_E_SEND;
	(void)run(msg, "route { if (!t_relay()) { sl_reply_error(); } }");
	assert_int_equal(world->relays, 1);
	assert_int_equal(world->replies + world->stateless, 0);
}

static void variables_in_conditions(void **state)
{
	(void)state;
	holds("if ($rs != NULL) return(-1); if ($rm != \"INVITE\") return(-2);");
	holds("if (!($cs == 7)) return(-1); if ($cs > 7 || $ml < 10) return(-2);");
	holds("if ($(hdr(X-Tag)[1]) != \"two\") return(-1); if ($hdrcnt(X-Tag) != 2) "
	      "return(-2);");
	holds("if (!($ct =~ \"192\\.168\")) return(-1); if ($ua =~ \"Cisco\") "
	      "return(-2);");
	holds("if (!($si == 192.0.2.0/24)) return(-1); if ($si == 10.0.0.0/8) "
	      "return(-2);");
	holds("if (!(uri==myself)) return(-1); if (from_uri==myself) return(-2); if "
	      "(!(dst_ip==myself)) return(-3);");
	holds("if ($(ru{uri.param,user}) != \"phone\") return(-1); if ($(rb{s.len}) != "
	      "5) return(-2);");
	holds("if (!is_myself(\"$rd\")) return(-1); if (is_myself(\"$fd\")) return(-2);");
}

static void variables_are_assigned(void **state)
{
	(void)state;
	holds("$avp(s:x) = \"a\"; $avp(x) = \"b\"; if ($(avp(x)[1]) != \"a\") "
	      "return(-1); $avp(x) := \"c\";"
	      "if ($(avp(x)[*]) != \"c\") return(-2); $avp(x) = null; if ($avp(x)) "
	      "return(-3);");
	holds("$var(i) = 1; $var(i) += 2; if ($var(i) != 3) return(-1);"
	      "if ($(var(i){s.len}) != 1) return(-2); if ($(hdr(X-Tag)[$var(none)]) != "
	      "NULL) return(-3);");
	holds("$ru = \"sip:carol@\" + $rd + \":5062\"; if ($rp != 5062 || $rU != "
	      "\"carol\") return(-1);"
	      "$rp = \"5063\"; if ($ru != \"sip:carol@example.org:5063\") return(-2);");
	holds("$var(n) = 0; $avp(l) = 1; $avp(l) = 2; $avp(l) = 3;"
	      "for ($var(v) in $(avp(l)[*])) { $var(n) = $var(n) + $var(v); } if "
	      "($var(n) != 6) return(-1);");
	holds("$var(t) = \"\"; for ($var(v) in $(hdr(X-Tag)[*])) { $var(t) = $var(t) + "
	      "$var(v); }"
	      "if ($var(t) != \"onetwo\") return(-1);");
	holds("if (pv_printf(\"$var(p)\", \"<$fU>\") < 0) return(-1); if ($var(p) != "
	      "\"<alice>\") return(-2);");
	holds("append_branch(); if (!isdsturiset()) setdsturi(\"sip:gw\"); if ($du != "
	      "\"sip:gw\") return(-1); $du = null;"
	      "if (isdsturiset()) return(-2);");
}

static void arguments_come_in_any_form(void **state)
{
	(void)state;
	holds("setflag(7); setflag(\"8\"); setbflag(NATTED); if (!isflagset(8) || "
	      "!isbflagset(\"NATTED\")) return(-1);");
	holds("$var(c) = 404; sl_send_reply(\"$var(c)\", \"no $rU\"); return(7);");
	assert_int_equal(world->code, 404);
	assert_string_equal(world->reason, "no bob");
	holds("if (!search(\"^x-tag: TWO\")) return(-1); $var(p) = \"^x-tag: t\"; if "
	      "(!search($var(p))) return(-2);");
	holds("remove_hf(\"X-Tag\"); if (is_present_hf(\"X-Tag\")) return(-1); if "
	      "($hdr(X-Tag) != \"one\") return(-2);"
	      "msg_apply_changes(); if ($hdr(X-Tag) != NULL) return(-3);");
	holds("if (!subst_uri('/bob@(.*)/carol@\\1/')) return(-1); if ($rU != \"carol\") "
	      "return(-2);");
	holds("route(SUB, \"x\", 5); if ($rc != 12) return(-1); return(7);"
	      "} route[SUB] { if ($param(1) != \"x\" || $param(2) != 5) return(11); "
	      "return(12); } route[END] {");
	holds("$fs = \"udp:10.0.0.5:5070\"; force_send_socket(udp:10.0.0.5:5070); if "
	      "($socket_out(port) != 5070) return(-1);");
}

static void faults_are_found_at_load(void **state)
{
	static const struct {
		const char *script, *fault;
	} bad[] = {
		{"route {\n  $foo = 1;\n}", "edge.route:2:3: unknown variable '$foo'"},
		{"route {\n  xlog(\"a $foo\");\n}",
			"edge.route:2:11: unknown variable '$foo'"},
		{"route {\n  $si = \"1.2.3.4\";\n}", "edge.route:2:3: "},
		{"route {\n  search(\"(\");\n}", "edge.route:2:10: "},
		{"route {\n  if (t_rely()) exit;\n}", "did you mean 't_relay'?"},
		{"route {\n  sl_send_reply(\"404\");\n}",
			"'sl_send_reply' takes 2 arguments, got 1"},
		{"route { t_on_failure(\"F\"); }\nfailure_route[F] {\n  "
		 "force_rport();\n}",
			"'force_rport' cannot be used in failure_route[F]"},
		{"route {\n  t_on_failure(\"2\");\n}",
			"'failure_route[2]' is armed here but not defined"},
		{"route {\n  t_is_set(\"nothing\");\n}", "expected branch_route"},
		{"route {\n  subst_user(\"nothing\");\n}", "has the form"},
		{"route {\n  setflag(32);\n}", "32"},
		{"route {\n  if ($(ru{s.nix}) == 1) exit;\n}",
			"unknown transformation 's.nix'"},
		{"route {\n  $avp(x) = $DLG_statuz;\n}",
			"unknown variable '$DLG_statuz'"},
	};

	(void)state;
	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_null(load(bad[i].script, bad[i].fault));
}

static void dialects_differ_in_order_and_null(void **state)
{
	struct ph_msg *msg = world_invite();

	(void)state;
	(void)run(msg,
		"#!KAMAILIO\nrequest_route { append_branch(\"sip:c@h\"); setbflag(6, 1); "
		"if ($var(x) == 0) setflag(1); }");
	assert_int_equal(msg->branches->bflags, 64);
	assert_int_equal(msg->flags, 2);
	script_unref(&program);
	msg = world_invite();
	(void)run(msg,
		"route { append_branch(\"sip:c@h\"); setbflag(1, 6); setbflag(NAT, 1); "
		"if ($var(x) == 0) setflag(1); }");
	assert_int_equal(msg->branches->bflags & 64, 64);
	assert_int_not_equal(msg->branches->bflags, 64);
	assert_int_equal(msg->flags, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			a_call_goes_its_way, world_setup, script_teardown),
		cmocka_unit_test_setup_teardown(
			a_failed_relay_is_answered_once, world_setup, script_teardown),
		cmocka_unit_test_setup_teardown(one_block_may_serve_requests_and_replies,
			world_setup, script_teardown),
		cmocka_unit_test_setup_teardown(
			variables_in_conditions, world_setup, script_teardown),
		cmocka_unit_test_setup_teardown(
			variables_are_assigned, world_setup, script_teardown),
		cmocka_unit_test_setup_teardown(
			arguments_come_in_any_form, world_setup, script_teardown),
		cmocka_unit_test_setup_teardown(
			faults_are_found_at_load, world_setup, script_teardown),
		cmocka_unit_test_setup_teardown(
			dialects_differ_in_order_and_null, world_setup, script_teardown),
	};

	return cmocka_run_group_tests_name("fn_script", tests, NULL, NULL);
}
