/* Whole scripts as operators have them: an edge in each family's style, loaded as pasted and run. */
#include "tests/unit/script_world.h"

#include <unistd.h>

static int begin(void **state)
{
	(void)state;
	world_begin();
	return 0;
}

static int end(void **state)
{
	(void)state;
	world_end();
	return 0;
}

/* Stand-ins for what plugins give; each writes its name to the trace and answers 1. */
static int say(void *self, struct ph_msg *msg, const struct ph_arg *args)
{
	size_t len = strlen(world.trace);

	(void)self;
	(void)msg;
	(void)args;
	snprintf(world.trace + len, sizeof(world.trace) - len, ".");
	return PH_TRUE;
}

#define PLUGIN_FN(n, least, most)                                                        \
	{                                                                                \
		.name = (n), .args = {{.kind = PH_ARG_STR}, {.kind = PH_ARG_STR}},       \
		.min_args = (least), .max_args = (most), .routes = PH_ROUTES_ALL,        \
		.call = say, .help = "x"                                                 \
	}
static const struct ph_script_fn plugin_fns[] = {
	PLUGIN_FN("nat_uac_test", 1, 1),
	PLUGIN_FN("fix_nated_contact", 0, 2),
	PLUGIN_FN("fix_nated_register", 0, 0),
	PLUGIN_FN("save", 1, 2),
	PLUGIN_FN("lookup", 1, 2),
	PLUGIN_FN("has_sdp", 0, 0),
	PLUGIN_FN("fix_nated_sdp", 1, 2),
	PLUGIN_FN("rtpproxy_offer", 0, 2),
	PLUGIN_FN("rtpproxy_answer", 0, 2),
	PLUGIN_FN("rtpproxy_manage", 0, 2),
	PLUGIN_FN("force_rtp_proxy", 0, 2),
	PLUGIN_FN("unforce_rtp_proxy", 0, 0),
	PLUGIN_FN("set_contact_alias", 0, 1),
	PLUGIN_FN("handle_ruri_alias", 0, 1),
	PLUGIN_FN("add_contact_alias", 0, 2),
	{.name = NULL},
};
static const struct script_provider plugins = {"plugins", 0, plugin_fns, NULL, NULL};

static const char opensips_edge[] =
	"####### Global Parameters #########\n"
	"log_level=3\n"
	"log_facility=LOG_LOCAL0\n"
	"udp_workers=4\n"
	"/* uncomment the next line to enable debugging */\n"
	"#debug_mode=yes\n"
	"listen=udp:127.0.0.1:5060   # CUSTOMIZE ME\n"
	"mpath=\"/usr/lib/opensips/modules/\"\n"
	"loadmodule \"signaling.so\"\n"
	"loadmodule \"tm.so\"\n"
	"modparam(\"tm\", \"fr_timeout\", 5)\n"
	"modparam(\"nathelper\", \"received_avp\", \"$avp(rcv)\")\n"
	"\n"
	"route{\n"
	"\tif (!mf_process_maxfwd_header(\"10\")) {\n"
	"\t\tsl_send_reply(\"483\",\"Too Many Hops\");\n"
	"\t\texit;\n"
	"\t};\n"
	"\tif (msg:len >= 2048 ) {\n"
	"\t\tsl_send_reply(\"513\", \"Message too big\");\n"
	"\t\texit;\n"
	"\t};\n"
	"\tforce_rport();\n"
	"\tif (nat_uac_test(\"19\")) {\n"
	"\t\tif (is_method(\"REGISTER\")) {\n"
	"\t\t\tfix_nated_register();\n"
	"\t\t\tsetbflag(NAT);\n"
	"\t\t} else {\n"
	"\t\t\tfix_nated_contact();\n"
	"\t\t\tsetflag(NAT);\n"
	"\t\t}\n"
	"\t}\n"
	"\tif (has_totag()) {\n"
	"\t\tif (loose_route()) {\n"
	"\t\t\tif (is_method(\"BYE\")) {\n"
	"\t\t\t\tunforce_rtp_proxy();\n"
	"\t\t\t} else if (is_method(\"INVITE\")) {\n"
	"\t\t\t\trecord_route();\n"
	"\t\t\t}\n"
	"\t\t\troute(relay);\n"
	"\t\t} else {\n"
	"\t\t\tif ( is_method(\"ACK\") ) {\n"
	"\t\t\t\tif ( t_check_trans() ) { t_relay(); exit; } else { exit; }\n"
	"\t\t\t}\n"
	"\t\t\tsl_send_reply(\"404\",\"Not here\");\n"
	"\t\t}\n"
	"\t\texit;\n"
	"\t}\n"
	"\tif (is_method(\"CANCEL\")) {\n"
	"\t\tif (t_check_trans())\n"
	"\t\t\tt_relay();\n"
	"\t\texit;\n"
	"\t}\n"
	"\tt_check_trans();\n"
	"\tif ( !(is_method(\"REGISTER\")  ) ) {\n"
	"\t\tif (from_uri==myself || src_ip==10.0.0.0/8) {\n"
	"\t\t} else {\n"
	"\t\t\tif (!uri==myself) {\n"
	"\t\t\t\tsend_reply(\"403\",\"Rely forbidden\");\n"
	"\t\t\t\texit;\n"
	"\t\t\t}\n"
	"\t\t}\n"
	"\t}\n"
	"\tif (!is_method(\"REGISTER|MESSAGE\"))\n"
	"\t\trecord_route();\n"
	"\tif ($rU==NULL) {\n"
	"\t\tsl_send_reply(\"484\",\"Address Incomplete\");\n"
	"\t\texit;\n"
	"\t}\n"
	"\tif (!lookup(\"location\",\"m\")) {\n"
	"\t\tswitch ($retcode) {\n"
	"\t\t\tcase -1:\n"
	"\t\t\tcase -3:\n"
	"\t\t\t\tt_newtran();\n"
	"\t\t\t\tt_reply(\"404\", \"Not Found\");\n"
	"\t\t\t\texit;\n"
	"\t\t\tcase -2:\n"
	"\t\t\t\tsl_send_reply(\"405\", \"Method Not Allowed\");\n"
	"\t\t\t\texit;\n"
	"\t\t}\n"
	"\t}\n"
	"\txlog(\"L_INFO\", \"$ci to $ru from $si:$sp, \" \"flag $rc\\n\");\n"
	"\t$var(done) = \"yes\";\n"
	"\texit;\n"
	"}\n"
	"\n"
	"route[relay] {\n"
	"\tif (is_method(\"INVITE\")) {\n"
	"\t\tt_on_branch(\"per_branch_ops\");\n"
	"\t\tt_on_reply(\"handle_nat\");\n"
	"\t\tt_on_failure(\"missed_call\");\n"
	"\t}\n"
	"\tif (!t_relay()) {\n"
	"\t\tsend_reply(\"500\",\"Internal Error\");\n"
	"\t};\n"
	"\texit;\n"
	"}\n"
	"branch_route[per_branch_ops] {\n"
	"\txlog(\"new branch at $ru\\n\");\n"
	"}\n"
	"onreply_route[handle_nat] {\n"
	"\tif ((isflagset(NAT) || isbflagset(NAT)) && status=~\"(183)|(2[0-9][0-9])\") "
	"{\n"
	"\t\tforce_rtp_proxy();\n"
	"\t};\n"
	"\tif (search(\"User-Agent: Cisco ATA.*\") {fix_nated_sdp(\"3\");};\n"
	"\txlog(\"incoming reply\\n\");\n"
	"}\n"
	"failure_route[missed_call] {\n"
	"\tif (t_was_cancelled()) {\n"
	"\t\texit;\n"
	"\t}\n"
	"}\n";

static const char kamailio_edge[] =
	"#!KAMAILIO\n"
	"#!define WITH_NAT\n"
	"#!define FLT_NATS 5\n"
	"#!define FLB_NATB 6\n"
	"#!define FLB_NATSIPPING 7\n"
	"#!ifdef ACCDB_COMMENT\n"
	"  ALTER TABLE acc ADD COLUMN src_user VARCHAR(64) NOT NULL DEFAULT '';\n"
	"#!endif\n"
	"#!ifdef WITH_MYSQL\n"
	"#!ifndef DBURL\n"
	"#!define DBURL \"mysql://kamailio:kamailiorw@localhost/kamailio\"\n"
	"#!endif\n"
	"#!endif\n"
	"#!substdef \"!MY_DOMAIN!example.org!g\"\n"
	"/* ----- logging ----- */\n"
	"#!ifdef WITH_DEBUG\n"
	"debug=4\n"
	"#!else\n"
	"debug=2\n"
	"#!endif\n"
	"log_prefix=\"{$mt $hdr(CSeq) $ci} \"\n"
	"listen=udp:10.0.0.10:5060 advertise 203.0.113.5:5060\n"
	"tcp_connection_lifetime=3605\n"
	"loadmodule \"jsonrpcs.so\"\n"
	"modparam(\"jsonrpcs\", \"pretty_format\", 1)\n"
	"modparam(\"rr\", \"enable_full_lr\", 0) // no\n"
	"\n"
	"request_route {\n"
	"\troute(REQINIT);\n"
	"#!ifdef WITH_NAT\n"
	"\troute(NATDETECT);\n"
	"#!endif\n"
	"\tif (is_method(\"CANCEL\")) {\n"
	"\t\tif (t_check_trans()) {\n"
	"\t\t\troute(RELAY);\n"
	"\t\t}\n"
	"\t\texit;\n"
	"\t}\n"
	"\tif (!is_method(\"ACK\")) {\n"
	"\t\tif(t_precheck_trans()) {\n"
	"\t\t\tt_check_trans();\n"
	"\t\t\texit;\n"
	"\t\t}\n"
	"\t\tt_check_trans();\n"
	"\t}\n"
	"\troute(WITHINDLG);\n"
	"\tremove_hf(\"Route\");\n"
	"\tif (is_method(\"INVITE|SUBSCRIBE\")) {\n"
	"\t\trecord_route();\n"
	"\t}\n"
	"\tif ($rd != \"MY_DOMAIN\" and uri != myself) exit;\n"
	"\tif($sel(contact.uri) == $null) { exit; }\n"
	"\texit;\n"
	"}\n"
	"route[REQINIT] {\n"
	"#!ifdef WITH_ANTIFLOOD\n"
	"\tif(src_ip!=myself) { if($sht(ipban=>$si)!=$null) { exit; } }\n"
	"#!endif\n"
	"\tif($ua =~ \"friendly-scanner|sipcli|VaxSIPUserAgent\") {\n"
	"\t\texit;\n"
	"\t}\n"
	"\tif (!mf_process_maxfwd_header(\"10\")) {\n"
	"\t\tsl_send_reply(\"483\", \"Too Many Hops\");\n"
	"\t\texit;\n"
	"\t}\n"
	"\tif(!sanity_check(\"17895\", \"7\")) {\n"
	"\t\txlog(\"Malformed SIP request from $si:$sp\\n\");\n"
	"\t\texit;\n"
	"\t}\n"
	"}\n"
	"route[WITHINDLG] {\n"
	"\tif (!has_totag()) return;\n"
	"\tif (loose_route()) {\n"
	"\t\troute(DLGURI);\n"
	"\t\tif ( is_method(\"NOTIFY\") ) {\n"
	"\t\t\trecord_route();\n"
	"\t\t}\n"
	"\t\troute(RELAY);\n"
	"\t\texit;\n"
	"\t}\n"
	"\tsl_send_reply(\"404\",\"Not here\");\n"
	"\texit;\n"
	"}\n"
	"route[RELAY] {\n"
	"\tif (is_method(\"INVITE|BYE|SUBSCRIBE|UPDATE\")) {\n"
	"\t\tif(!t_is_set(\"branch_route\")) t_on_branch(\"MANAGE_BRANCH\");\n"
	"\t}\n"
	"\tif (is_method(\"INVITE\")) {\n"
	"\t\tif(!t_is_set(\"failure_route\")) t_on_failure(\"MANAGE_FAILURE\");\n"
	"\t}\n"
	"\tif (!t_relay()) {\n"
	"\t\tsl_reply_error();\n"
	"\t}\n"
	"\texit;\n"
	"}\n"
	"route[NATDETECT] {\n"
	"\tforce_rport();\n"
	"\tif (nat_uac_test(\"19\")) {\n"
	"\t\tif (is_method(\"REGISTER\")) {\n"
	"\t\t\tfix_nated_register();\n"
	"\t\t} else {\n"
	"\t\t\tif(is_first_hop()) {\n"
	"\t\t\t\tset_contact_alias();\n"
	"\t\t\t}\n"
	"\t\t}\n"
	"\t\tsetflag(FLT_NATS);\n"
	"\t}\n"
	"\treturn;\n"
	"}\n"
	"route[NATMANAGE] {\n"
	"\tif (is_request()) {\n"
	"\t\tif(has_totag()) {\n"
	"\t\t\tif(check_route_param(\"nat=yes\")) {\n"
	"\t\t\t\tsetbflag(FLB_NATB);\n"
	"\t\t\t}\n"
	"\t\t}\n"
	"\t}\n"
	"\tif (!(isflagset(FLT_NATS) || isbflagset(FLB_NATB)))\n"
	"\t\treturn;\n"
	"\tif(nat_uac_test(\"8\")) {\n"
	"\t\trtpproxy_manage(\"co\");\n"
	"\t} else {\n"
	"\t\trtpproxy_manage(\"cor\");\n"
	"\t}\n"
	"\tif (is_request()) {\n"
	"\t\tif (!has_totag()) {\n"
	"\t\t\tif(t_is_branch_route()) {\n"
	"\t\t\t\tadd_rr_param(\";nat=yes\");\n"
	"\t\t\t}\n"
	"\t\t}\n"
	"\t}\n"
	"\tif (is_reply()) {\n"
	"\t\tif(isbflagset(FLB_NATB)) {\n"
	"\t\t\tif(is_first_hop())\n"
	"\t\t\t\tset_contact_alias();\n"
	"\t\t}\n"
	"\t}\n"
	"\treturn;\n"
	"}\n"
	"route[DLGURI] {\n"
	"\tif(!isdsturiset()) {\n"
	"\t\thandle_ruri_alias();\n"
	"\t}\n"
	"\treturn;\n"
	"}\n"
	"branch_route[MANAGE_BRANCH] {\n"
	"\txdbg(\"new branch [$T_branch_idx] to $ru\\n\");\n"
	"\troute(NATMANAGE);\n"
	"}\n"
	"onreply_route {\n"
	"\txdbg(\"incoming reply $rs\\n\");\n"
	"\tif(status=~\"[12][0-9][0-9]\") {\n"
	"\t\troute(NATMANAGE);\n"
	"\t}\n"
	"}\n"
	"failure_route[MANAGE_FAILURE] {\n"
	"\troute(NATMANAGE);\n"
	"\tif (t_is_canceled()) exit;\n"
	"\tif (t_check_status(\"3[0-9][0-9]\")) {\n"
	"\t\tt_reply(\"404\",\"Not found\");\n"
	"\t\texit;\n"
	"\t}\n"
	"}\n"
	"event_route[xhttp:request] {\n"
	"\tset_reply_close();\n"
	"\tif ($hu =~ \"^/RPC2\") { jsonrpc_dispatch(); }\n"
	"}\n";

static int load(const char *text, bool skip)
{
	struct script_options opt = {
		.providers = &plugins, .provider_count = 1, .skip_globals = skip};

	script_unref(&world.prog);
	script_errors_free(&world.errors);
	return script_load_text(
		&world.prog, &opt, "edge.route", slice_str(text), &world.errors);
}

static void loads(const char *text, enum script_dialect dialect)
{
	if (load(text, true) != 0)
		fail_msg("%s", world_complaints());
	assert_int_equal(script_dialect_of(world.prog), dialect);
}

static void opensips_script_loads_as_pasted(void **state)
{
	(void)state;
	loads(opensips_edge, SCRIPT_OPENSIPS);
	world_complains("edge.route:105:40: warning: ')' missing before '{': put in to "
			"close the condition opened at 105:5");
	assert_true(
		script_block_named(world.prog, SCRIPT_REPLY, SLICE("handle_nat")) >= 0);
	assert_true(script_block_named(
			    world.prog, SCRIPT_BRANCH, SLICE("per_branch_ops")) >= 0);
	assert_true(script_block_named(
			    world.prog, SCRIPT_FAILURE, SLICE("missed_call")) >= 0);
	assert_true(script_block_named(world.prog, SCRIPT_REQUEST, SLICE("relay")) >= 0);
	assert_int_equal(script_block(world.prog, SCRIPT_REPLY_MAIN), -1);
}

static void settings_of_a_pasted_script_are_named_one_by_one(void **state)
{
	(void)state;
	assert_int_equal(load(opensips_edge, false), -EINVAL);
	assert_int_equal(world.errors.errors, 9);
	world_complains("edge.route:2:1: 'log_level' belongs in the configuration file");
	world_complains("edge.route:12:1: 'modparam' belongs in the configuration file");
}

static void kamailio_script_loads_as_pasted(void **state)
{
	(void)state;
	/* The select is the one thing of it that is refused by name; $hu stands in a block that never runs. */
	assert_int_equal(load(kamailio_edge, true), -EINVAL);
	assert_int_equal(world.errors.errors, 1);
	world_complains("edge.route:52:5: unknown variable '$sel'");
}

static void kamailio_script_runs_without_its_select(void **state)
{
	char text[sizeof(kamailio_edge)];
	char *sel;

	(void)state;
	memcpy(text, kamailio_edge, sizeof(text));
	sel = strstr(text, "$sel(contact.uri)");
	assert_non_null(sel);
	memcpy(sel, "$hdr(User-Agentx)", 17);
	loads(text, SCRIPT_KAMAILIO);
	assert_true(script_block(world.prog, SCRIPT_REPLY_MAIN) >= 0);
}

static void the_shipped_script_loads_without_a_word(void **state)
{
	const char *src = getenv("srcdir");
	struct script_options opt = {.providers = &plugins, .provider_count = 1};
	char path[512];

	(void)state;
	snprintf(path, sizeof(path), "%s/examples/quickstart.route", src ? src : ".");
	if (access(path, R_OK) != 0)
		skip();
	opt.file = path;
	if (script_load(&world.prog, &opt, &world.errors) != 0 || world.errors.count != 0)
		fail_msg("%s", world_complaints());
}

#define ROW(name) cmocka_unit_test_setup_teardown(name, begin, end)
int main(void)
{
	const struct CMUnitTest tests[] = {
		ROW(opensips_script_loads_as_pasted),
		ROW(settings_of_a_pasted_script_are_named_one_by_one),
		ROW(kamailio_script_loads_as_pasted),
		ROW(kamailio_script_runs_without_its_select),
		ROW(the_shipped_script_loads_without_a_word),
	};

	return cmocka_run_group_tests_name("script_sample", tests, NULL, NULL);
}
