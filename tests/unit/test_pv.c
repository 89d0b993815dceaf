#include "tests/unit/fn_world.h"

static void request_line_and_parties(void **state)
{
	struct ph_msg *msg = world_invite();

	(void)state;
	assert_string_equal(
		world_pv(msg, "$rm $ru"), "INVITE sip:bob@example.org;user=phone");
	assert_string_equal(
		world_pv(msg, "$rU|$rd|$rp|$rz|$rP"), "bob|example.org|5060|sip|UDP");
	assert_string_equal(world_pv(msg, "$fu|$fU|$fd|$fn|$ft"),
		"sip:alice@home.example|alice|home.example|\"Alice A.\"|a1");
	assert_string_equal(world_pv(msg, "$tu|$tU|$td|$tn|$tt"),
		"sip:bob@example.org|bob|example.org|<null>|<null>");
	assert_string_equal(world_pv(msg, "$ci $cs $cl $cT $ua"),
		"c1@192.168.1.20 7 5 text/plain Test Phone");
	assert_string_equal(world_pv(msg, "$rb|$(rb{s.len})"), "hello|5");
	assert_string_equal(world_pv(msg, "$ct"), "<sip:alice@192.168.1.20:5062>;q=0.5");
	assert_string_equal(
		world_pv(msg, "$ct.fields(uri) $ct.fields(q) $ct.fields(expires)"),
		"sip:alice@192.168.1.20:5062 0.5 <null>");
	assert_string_equal(world_pv(msg, "$rs $rr"), "<null> <null>");
}

static void replies_have_code_reason_and_the_method_of_cseq(void **state)
{
	struct ph_msg *msg = world_msg(
		"SIP/2.0 486 Busy Here\n"
		"Via: SIP/2.0/UDP 198.51.100.7;branch=z9hG4bK1\n"
		"f: <sip:a@x>;tag=1\nt: <sip:b@y>;tag=2\ni: c\nCSeq: 1 BYE\nl: 0\n\n");

	(void)state;
	assert_string_equal(world_pv(msg, "$rs $rr $rm $tt"), "486 Busy Here BYE 2");
	assert_string_equal(
		world_pv(msg, "$T_reply_code $T_branch_idx $ru"), "486 <null> <null>");
}

static void the_way_a_message_came(void **state)
{
	struct ph_msg *msg = world_invite();

	(void)state;
	assert_string_equal(world_pv(msg, "$si:$sp"), "192.0.2.10:40000");
	assert_string_equal(world_pv(msg, "$Ri:$Rp $pr $proto $af"),
		"198.51.100.7:5060 udp udp INET");
	assert_string_equal(
		world_pv(msg,
			"$socket_in $socket_in(ip) $socket_in(port) $socket_in(proto)"),
		"udp:198.51.100.7:5060 198.51.100.7 5060 udp");
	assert_string_equal(world_pv(msg, "$su $sut"),
		"sip:192.0.2.10:40000 sip:192.0.2.10:40000;transport=udp");
	msg->rx.src = ph_test_addr("2001:db8::1", 5060);
	assert_string_equal(
		world_pv(msg, "$si $af $su"), "2001:db8::1 INET6 sip:[2001:db8::1]:5060");
}

static void parts_of_the_request_uri_can_be_written(void **state)
{
	struct ph_msg *msg = world_invite();

	(void)state;
	assert_int_equal(world_set(msg, "$rU", "carol"), 0);
	assert_int_equal(world_set(msg, "$rd", "192.0.2.9"), 0);
	assert_int_equal(world_set_int(msg, "$rp", 5062), 0);
	assert_string_equal(world_pv(msg, "$ru"), "sip:carol@192.0.2.9:5062;user=phone");
	assert_int_equal(world_set(msg, "$rp", "5063"), 0);
	assert_string_equal(
		world_pv(msg, "$ru $rp"), "sip:carol@192.0.2.9:5063;user=phone 5063");
	assert_int_equal(world_set(msg, "$rU", NULL), 0);
	assert_int_equal(world_set(msg, "$rp", NULL), 0);
	assert_string_equal(
		world_pv(msg, "$ru $rU $rp"), "sip:192.0.2.9;user=phone <null> 5060");
	assert_string_equal(world_pv(msg, "$ou $oU $od"),
		"sip:bob@example.org;user=phone bob example.org");
	assert_int_equal(world_set(msg, "$ru", "sip:dave@a.example"), 0);
	assert_non_null(strstr(world_text(msg), "INVITE sip:dave@a.example SIP/2.0\r\n"));
}

static void a_text_that_makes_no_uri_changes_nothing(void **state)
{
	struct ph_msg *msg = world_invite();
	static const struct {
		const char *pv, *value;
	} bad[] = {{"$ru", "no uri"}, {"$ru", ""}, {"$rd", "a b"}, {"$rd", ""},
		{"$rp", "70000"}, {"$rp", "x"}, {"$rU", "a b"}, {"$du", "tel:1"},
		{"$du", "sip:"}, {"$fs", "udp:1.1.1.1:5060"}};

	(void)state;
	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(world_set(msg, bad[i].pv, bad[i].value), -EINVAL);
	assert_string_equal(world_pv(msg, "$ru $du $fs"),
		"sip:bob@example.org;user=phone <null> <null>");
	assert_int_equal(msg->sip.edits, 0);
}

static void next_hop_and_send_socket(void **state)
{
	struct ph_msg *msg = world_invite();

	(void)state;
	assert_string_equal(world_pv(msg, "$du $dd $dP"), "<null> <null> <null>");
	assert_int_equal(world_set(msg, "$du", "sip:gw.example:5080;transport=tcp"), 0);
	assert_string_equal(world_pv(msg, "$du|$dd|$dp|$dP"),
		"sip:gw.example:5080;transport=tcp|gw.example|5080|TCP");
	assert_int_equal(world_set(msg, "$du", NULL), 0);
	assert_string_equal(world_pv(msg, "$du"), "<null>");
	assert_int_equal(world_set(msg, "$fs", "udp:10.0.0.5:5070"), 0);
	assert_ptr_equal(msg->send_sock, &world->socks[3]);
	assert_string_equal(
		world_pv(msg, "$socket_out(port) $fs"), "5070 udp:10.0.0.5:5070");
	assert_int_equal(world_set(msg, "$socket_out", NULL), 0);
	assert_null(msg->send_sock);
}

/* A phone of another node's is reached through that node, unless the script says where to go or from where. */
static void a_choice_of_the_script_s_own_needs_no_other_node(void **state)
{
	static const struct {
		const char *pv, *value, *du;
		bool stays;
	} sets[] = {
		{"$du", "sip:gw.example", "sip:203.0.113.7:40312", false},
		{"$du", NULL, "sip:203.0.113.7:40312", false},
		{"$fs", "udp:10.0.0.5:5070", "sip:203.0.113.7:40312", false},
		{"$ru", "sip:carol@example.org", NULL, false},
		{"$rd", "elsewhere.example", NULL, false},
		/* the next hop is still the phone */
		{"$rU", "bobby", "sip:203.0.113.7:40312", true},
	};

	(void)state;
	for (unsigned i = 0; i < sizeof(sets) / sizeof(sets[0]); i++) {
		struct ph_msg *msg = world_invite();

		msg->du = slice_str(sets[i].du);
		msg->foreign = SLICE("udp:198.51.100.8:5060");
		assert_int_equal(world_set(msg, sets[i].pv, sets[i].value), 0);
		assert_int_equal(!slice_empty(msg->foreign), sets[i].stays);
	}
}

static void headers_by_name_and_index(void **state)
{
	struct ph_msg *msg = world_invite();

	(void)state;
	assert_string_equal(
		world_pv(msg, "$hdr(X-Tag) $(hdr(x-tag)[0]) $(hdr(X-Tag)[1])"),
		"one one two");
	assert_string_equal(
		world_pv(msg, "$(hdr(X-Tag)[-1]) $(hdr(X-Tag)[-2]) $(hdr(X-Tag)[-3])"),
		"two one <null>");
	assert_string_equal(
		world_pv(msg, "$(hdr(X-Tag)[2]) $(hdr(X-Tag)[*])"), "<null> one, two");
	assert_string_equal(world_pv(msg, "$hdr(i) $hdr(m)"),
		"c1@192.168.1.20 <sip:alice@192.168.1.20:5062>;q=0.5");
	assert_string_equal(world_pv(msg, "$hdrcnt(X-Tag) $hdrc(Route)"), "2 0");
	assert_int_equal(world_set(msg, "$var(h)", "Max-Forwards"), 0);
	assert_int_equal(world_set_int(msg, "$var(i)", 1), 0);
	assert_string_equal(
		world_pv(msg, "$hdr($var(h)) $(hdr(X-Tag)[$var(i)])"), "70 two");
}

static void headers_show_the_message_as_received(void **state)
{
	struct ph_msg *msg = world_invite();

	(void)state;
	assert_int_equal(world_call(msg, "remove_hf", "X-Tag", NULL), 1);
	assert_int_equal(world_call(msg, "append_hf", "X-New: yes\r\n", NULL), 1);
	assert_int_equal(sip_hdr_set(&msg->sip, sip_hdr_first(&msg->sip, SIP_H_CONTACT),
				 SLICE("<sip:x@y>")),
		0);
	assert_string_equal(
		world_pv(msg, "$hdr(X-Tag) $hdr(X-New) $hdrcnt(X-Tag)"), "one <null> 2");
	assert_string_equal(world_pv(msg, "$ct $ct.fields(uri)"),
		"<sip:alice@192.168.1.20:5062>;q=0.5 sip:alice@192.168.1.20:5062");
	assert_int_equal(world_call(msg, "msg_apply_changes", NULL), 1);
	assert_string_equal(
		world_pv(msg, "$hdr(X-Tag) $hdr(X-New) $ct"), "<null> yes <sip:x@y>");
}

static void the_dialogs_timeout_takes_seconds_within_its_range(void **state)
{
	struct ph_msg *msg = world_invite();

	(void)state;
	assert_string_equal(world_pv(msg, "$DLG_timeout"), "<null>");
	assert_int_equal(world_set_int(msg, "$DLG_timeout", 90), 0);
	assert_string_equal(world_pv(msg, "$DLG_timeout"), "90");
	assert_int_equal(world_set(msg, "$DLG_timeout", "120"), 0);
	assert_int_not_equal(world_set_int(msg, "$DLG_timeout", 0), 0);
	assert_int_not_equal(world_set_int(msg, "$DLG_timeout", 864001), 0);
	assert_int_not_equal(world_set(msg, "$DLG_timeout", "soon"), 0);
	assert_string_equal(world_pv(msg, "$DLG_timeout"), "120");
	assert_int_equal(world_set(msg, "$DLG_timeout", NULL), 0);
	assert_string_equal(world_pv(msg, "$DLG_timeout"), "<null>");
}

static void credentials(void **state)
{
	struct ph_msg *msg =
		world_msg("REGISTER sip:h SIP/2.0\nv: SIP/2.0/UDP h;branch=z9hG4bK1\n"
			  "f: <sip:a@x>;tag=1\nt: <sip:a@x>\ni: c\nCSeq: 1 REGISTER\n"
			  "Authorization: Digest username=\"al,ice@x\", "
			  "realm=\"r\\\"q\",nonce=\"n=1\", uri=\"sip:h\"\n\n");

	(void)state;
	assert_string_equal(world_pv(msg, "$au|$aU|$ad|$ar|$an|$adu"),
		"al,ice|al,ice@x|x|r\\\"q|n=1|sip:h");
}

static void avps_are_stacks(void **state)
{
	struct ph_msg *msg = world_invite();
	struct script_value v = {.type = SCRIPT_TEXT, .s = SLICE("only")};
	struct script_pv *pv;
	char why[128];

	(void)state;
	assert_string_equal(world_pv(msg, "$avp(x)"), "<null>");
	assert_int_equal(world_set(msg, "$avp(x)", "old"), 0);
	assert_int_equal(world_set(msg, "$avp(s:x)", "new"), 0);
	assert_string_equal(
		world_pv(msg, "$avp(x) $(avp(x)[1]) $(avp(x)[-1]) $(avp(x)[*])"),
		"new old old new, old");
	assert_int_equal(world_set(msg, "$(avp(x)[1])", "changed"), 0);
	assert_string_equal(world_pv(msg, "$(avp(x)[*])"), "new, changed");
	assert_int_equal(world_set(msg, "$avp(x)", NULL), 0);
	assert_string_equal(world_pv(msg, "$(avp(x)[*])"), "changed");
	assert_int_equal(world_set_int(msg, "$avp(x)", 5), 0);
	pv = script_pv_new("$avp(x)", why);
	assert_true(script_pv_is_avp(pv));
	assert_int_equal(script_pv_set(pv, &world->env, msg, &v), 0);
	script_pv_free(&pv);
	assert_string_equal(world_pv(msg, "$(avp(x)[*])"), "only, 5, changed");
	assert_int_equal(world_set(msg, "$(avp(x)[*])", "one"), 0);
	assert_string_equal(world_pv(msg, "$(avp(x)[*])"), "one");
	assert_int_equal(world_set(msg, "$(avp(x)[*])", NULL), 0);
	assert_string_equal(world_pv(msg, "$avp(x)"), "<null>");
	/* a number and a text are different names */
	assert_int_equal(world_set(msg, "$avp(i:42)", "number"), 0);
	assert_int_equal(world_set(msg, "$avp(s:42)", "text"), 0);
	assert_string_equal(world_pv(msg, "$avp(42) $avp(s:42)"), "number text");
}

static void a_reply_sees_the_requests_avps_and_flags(void **state)
{
	struct ph_msg *request = world_invite();
	struct ph_msg *reply = world_msg(
		"SIP/2.0 200 OK\nv: SIP/2.0/UDP h;branch=z9hG4bK1\nf: <sip:a@x>;tag=1\n"
		"t: <sip:b@y>;tag=2\ni: c\nCSeq: 7 INVITE\n\n");
	struct tm_trans trans = {.request = request};
	struct tm_branch branch = {.index = 3};

	(void)state;
	assert_int_equal(world_set(request, "$avp(x)", "kept"), 0);
	assert_int_equal(world_call(request, "setflag", "5", NULL), 1);
	reply->trans = &trans;
	reply->branch = &branch;
	assert_string_equal(world_pv(reply, "$avp(x) $mf $T_branch_idx $T_req($ru)"),
		"kept 32 3 sip:bob@example.org;user=phone");
	assert_int_equal(world_call(reply, "isflagset", "5", NULL), 1);
}

static void variables_of_the_run(void **state)
{
	struct ph_msg *msg = world_invite();

	(void)state;
	world->last_code = -3;
	world->failure_code = 486;
	assert_string_equal(world_pv(msg, "$rc $retcode $null $param(1) $param(2)"),
		"-3 -3 <null> first <null>");
	assert_string_equal(
		world_pv(msg, "$T_reply_code $T_reply_reason"), "486 Busy Here");
	assert_string_equal(world_pv(msg, "$DLG_end_reason"), "<null>");
	world->end_reason = "Lifetime Timeout";
	assert_string_equal(world_pv(msg, "$DLG_end_reason"), "Lifetime Timeout");
	assert_string_equal(world_pv(msg, "$_s(to $rU)"), "to bob");
	assert_string_equal(world_pv(msg, "$time(%%) $(time(%Y){s.len})"), "% 4");
}

static size_t fault_at(const char *text, const char *complaint)
{
	struct script_pv *pv = NULL;
	char why[160] = "";
	size_t used, at = 999;

	assert_int_equal(pv_parse(&pv, slice_str(text), false, &used, why, &at), -EINVAL);
	assert_null(pv);
	if (!strstr(why, complaint))
		fail_msg("%s: '%s' lacks '%s'", text, why, complaint);
	return at;
}

static void faults_are_told_with_their_place(void **state)
{
	char deep[5100];

	(void)state;
	assert_int_equal(fault_at("$foo", "unknown variable '$foo'"), 0);
	assert_int_equal(fault_at("$(foo)", "unknown variable '$foo'"), 1);
	assert_int_equal(fault_at("$xavp(a=>b)", "unknown variable '$xavp'"), 0);
	assert_int_equal(fault_at("$avp", "needs a name in parentheses"), 0);
	assert_int_equal(fault_at("$avp()", "needs a name inside"), 4);
	assert_int_equal(fault_at("$avp(i:x)", "number is expected"), 5);
	assert_int_equal(fault_at("$hdr(X", "no ')'"), 4);
	assert_int_equal(fault_at("$(hdr(X)[z])", "is no index"), 9);
	assert_int_equal(fault_at("$(ru[0])", "has no index"), 4);
	assert_int_equal(fault_at("$(ru{s.nix})", "unknown transformation 's.nix'"), 4);
	assert_int_equal(fault_at("$(ru{s.len}", "no ')' closes"), 0);
	assert_int_equal(fault_at("$(ru{s.len", "no '}' closes"), 4);
	assert_int_equal(fault_at("$(ru x)", "unexpected ' '"), 4);
	assert_int_equal(fault_at("$hdr($foo)", "unknown variable '$foo'"), 5);
	assert_int_equal(fault_at("$socket_in(nix)", "a socket has"), 11);
	assert_int_equal(fault_at("$", "expected the name"), 1);
	assert_int_equal(fault_at("$T_req(ru)", "expected '$'"), 7);
	for (unsigned i = 0; i < 1000; i++)
		snprintf(deep + 4 * i, sizeof(deep) - 4 * i, "$_s(");
	snprintf(deep + 4000, sizeof(deep) - 4000, "$ru%01000d", 0);
	memset(deep + 4003, ')', 1000);
	assert_int_equal(fault_at(deep, "nested too deeply"), 64);
}

static size_t length_of(const char *text)
{
	struct script_pv *pv = NULL;
	char why[160] = "";
	size_t used = 0, at;

	if (pv_parse(&pv, slice_str(text), false, &used, why, &at) != 0)
		fail_msg("%s: %s", text, why);
	script_pv_free(&pv);
	return used;
}

static void a_variable_ends_where_its_syntax_says(void **state)
{
	(void)state;
	assert_int_equal(length_of("$fU."), 3);
	assert_int_equal(length_of("$ct.fields(uri)x"), 15);
	assert_int_equal(length_of("$ru[0]"), 3);
	assert_int_equal(length_of("$rb=~\"x\""), 3);
	assert_int_equal(length_of("$(hdr(Via)[0]{s.len}) "), 21);
	assert_int_equal(length_of("$rU(x)"), 3);
	assert_int_equal(length_of("$(var(a){s.select,1,,})"), 23);
	assert_int_equal(length_of("$var(a){s.len}"), 7);
}

static void names_of_script_variables_are_told(void **state)
{
	struct script_pv *pv;
	char why[128];

	(void)state;
	pv = script_pv_new("$var(counter)", why);
	assert_slice_equal(pv_var_name(pv), "counter");
	assert_true(script_pv_writable(pv));
	assert_false(pv_is_null(pv));
	script_pv_free(&pv);
	pv = script_pv_new("$(var(counter){s.len})", why);
	assert_slice_equal(pv_var_name(pv), "");
	assert_false(script_pv_writable(pv));
	script_pv_free(&pv);
	pv = script_pv_new("$null", why);
	assert_true(pv_is_null(pv));
	script_pv_free(&pv);
	assert_null(pv);
	assert_null(script_pv_new("$ru and more", why));
	assert_int_equal(world_set(world_invite(), "$si", "1.2.3.4"), -EROFS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			request_line_and_parties, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(
			replies_have_code_reason_and_the_method_of_cseq, world_setup,
			world_teardown),
		cmocka_unit_test_setup_teardown(
			the_way_a_message_came, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(parts_of_the_request_uri_can_be_written,
			world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(a_text_that_makes_no_uri_changes_nothing,
			world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(
			next_hop_and_send_socket, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(
			a_choice_of_the_script_s_own_needs_no_other_node, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(
			headers_by_name_and_index, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(headers_show_the_message_as_received,
			world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(the_dialogs_timeout_takes_seconds_within_its_range, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(credentials, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(
			avps_are_stacks, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(a_reply_sees_the_requests_avps_and_flags,
			world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(
			variables_of_the_run, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(
			faults_are_told_with_their_place, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(a_variable_ends_where_its_syntax_says,
			world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(
			names_of_script_variables_are_told, world_setup, world_teardown),
	};

	return cmocka_run_group_tests_name("pv", tests, NULL, NULL);
}
