/* The functions of the plugin sdp as scripts call them. */
#include "tests/unit/plugin_test.h"

#define HEAD                                                                             \
	"INVITE sip:b@example.com SIP/2.0\r\nVia: SIP/2.0/UDP 192.168.1.20\r\n"          \
	"From: <sip:a@example.com>;tag=1\r\nTo: <sip:b@example.com>\r\n"                 \
	"Call-ID: 1\r\nCSeq: 1 INVITE\r\n"
#define SDP "v=0\r\nc=IN IP4 192.168.1.20\r\nm=audio 4000 RTP/AVP 0\r\n"

const char *script_where(const struct ph_msg *msg)
{
	(void)msg;
	return "test";
}

static struct plugin_test t;

static int setup(void **state)
{
	(void)state;
	plugin_test_start(&t, &ph_plugin);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	plugin_test_stop(&t, &ph_plugin);
	return 0;
}

static int fix(int64_t flags, const char *ip)
{
	struct ph_arg args[PH_MAX_ARGS] = {
		{.given = true, .n = flags}, {.given = ip != NULL, .s = slice_str(ip)}};

	return plugin_test_call(&t, &ph_plugin, "fix_nated_sdp", args);
}

static int has_body(const char *type)
{
	struct ph_arg args[PH_MAX_ARGS] = {{.given = type != NULL, .s = slice_str(type)}};

	return plugin_test_call(&t, &ph_plugin, "has_body", args);
}

static void source_address_goes_into_the_sdp(void **state)
{
	(void)state;
	plugin_test_message(&t, HEAD "\r\n" SDP, "203.0.113.7", 40312);
	assert_int_equal(fix(6, NULL), PH_TRUE);
	assert_slice_equal(t.msg.sip.body,
		"v=0\r\nc=IN IP4 203.0.113.7\r\nm=audio 4000 RTP/AVP 0\r\n"
		"a=oldmediaip:192.168.1.20\r\na=nortpproxy:yes\r\n");
	assert_int_equal(plugin_test_counter("sdp_fixed"), 1);
}

static void address_of_the_script_wins_over_the_source(void **state)
{
	(void)state;
	plugin_test_message(&t, HEAD "\r\n" SDP, "203.0.113.7", 40312);
	assert_int_equal(fix(2, "2001:db8::9"), PH_TRUE);
	assert_has(t.msg.sip.body, "c=IN IP6 2001:db8::9\r\n");
}

static void no_sdp_or_no_address_is_false_and_changes_nothing(void **state)
{
	struct ph_test_log log;

	(void)state;
	ph_test_log_start(&log);
	plugin_test_message(&t, HEAD "\r\n", "203.0.113.7", 40312);
	assert_int_equal(fix(2, NULL), PH_FALSE);
	assert_int_equal(log.count, 0);
	plugin_test_message(&t, HEAD "\r\n" SDP, "203.0.113.7", 40312);
	assert_int_equal(fix(2, "not an address"), PH_FALSE);
	assert_int_equal(fix(2, ""), PH_FALSE);
	assert_int_equal(fix(32, NULL), PH_FALSE);
	assert_int_equal(t.msg.sip.edits, 0);
	ph_test_log_stop();
	assert_int_equal(log.count, 3);
	assert_int_equal(plugin_test_counter("sdp_fixed"), 0);
}

static void bodies_are_told_apart(void **state)
{
	const struct ph_arg none[PH_MAX_ARGS] = {{0}};

	(void)state;
	plugin_test_message(
		&t, HEAD "c: application/sdp\r\n\r\n" SDP, "203.0.113.7", 5060);
	assert_int_equal(plugin_test_call(&t, &ph_plugin, "has_sdp", none), PH_TRUE);
	assert_int_equal(has_body(NULL), PH_TRUE);
	assert_int_equal(has_body("application/sdp"), PH_TRUE);
	assert_int_equal(has_body("text/plain"), PH_FALSE);
	plugin_test_message(&t, HEAD "c: text/plain\r\n\r\nhello", "203.0.113.7", 5060);
	assert_int_equal(plugin_test_call(&t, &ph_plugin, "has_sdp", none), PH_FALSE);
	assert_int_equal(has_body("text/plain"), PH_TRUE);
	plugin_test_message(&t, HEAD "c: application/sdp\r\n\r\n", "203.0.113.7", 5060);
	assert_int_equal(plugin_test_call(&t, &ph_plugin, "has_sdp", none), PH_FALSE);
	assert_int_equal(has_body(NULL), PH_FALSE);
	assert_string_equal(ph_plugin.aliases[0].alias, "has_body_part");
	assert_string_equal(ph_plugin.aliases[0].name, "has_body");
}

static void wrong_literals_are_told_at_load(void **state)
{
	const struct ph_arg_row *flags =
		&plugin_test_fn(&ph_plugin, "fix_nated_sdp")->args[0];
	char why[128];

	(void)state;
	assert_null(flags->check("31", why));
	assert_non_null(flags->check("32", why));
	assert_non_null(flags->check("-1", why));
	assert_null(flags->check("0", why)); /* for lines alone */
	assert_null(flags[1].check("192.0.2.1", why));
	assert_null(flags[1].check("2001:db8::1", why));
	assert_non_null(flags[1].check("", why));
	assert_non_null(flags[1].check("example.org", why));
	assert_null(flags[2].check("a=x:1", why));
	assert_non_null(flags[2].check("c=IN IP4 192.0.2.1", why));
	assert_null(ph_plugin.params[0].check("a=nortpproxy:yes\r\n"));
	assert_null(ph_plugin.params[0].check("")); /* off */
	assert_non_null(ph_plugin.params[0].check("nortpproxy"));
	assert_non_null(ph_plugin.params[0].check("a=x\r\na=y\r\n"));
}

#define sdp_test(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		sdp_test(source_address_goes_into_the_sdp),
		sdp_test(address_of_the_script_wins_over_the_source),
		sdp_test(no_sdp_or_no_address_is_false_and_changes_nothing),
		sdp_test(bodies_are_told_apart),
		cmocka_unit_test(wrong_literals_are_told_at_load),
	};
	return cmocka_run_group_tests_name("sdp_plugin", tests, NULL, NULL);
}
