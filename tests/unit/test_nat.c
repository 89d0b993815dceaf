/* The functions of the plugin nat as scripts call them. */
#include "tests/unit/plugin_test.h"

#define PHONE                                                                            \
	"REGISTER sip:example.com SIP/2.0\r\n"                                           \
	"Via: SIP/2.0/UDP 192.168.1.20:5060;branch=z9hG4bK1;rport\r\n"                   \
	"From: <sip:a@example.com>;tag=1\r\nTo: <sip:a@example.com>\r\n"                 \
	"Call-ID: 1\r\nCSeq: 1 REGISTER\r\n"
#define CONTACT "Contact: <sip:a@192.168.1.20:5060>\r\n"

/* Fakes of the script machine: one AVP, and its value. */
struct script_pv {
	char name[64];
};
static char avp_name[64], avp_value[256];
static int set_err;
static bool is_kamailio;

struct script_pv *script_pv_new(const char *text, char why[128])
{
	struct script_pv *pv;

	if (text[0] != '$') {
		(void)snprintf(why, 128, "no variable");
		return NULL;
	}
	pv = calloc(1, sizeof(*pv));
	assert_non_null(pv);
	(void)snprintf(pv->name, sizeof(pv->name), "%s", text);
	return pv;
}

void script_pv_free(struct script_pv **pvp)
{
	free(*pvp);
	*pvp = NULL;
}

bool script_pv_is_avp(const struct script_pv *pv)
{
	return strncmp(pv->name, "$avp(", 5) == 0;
}

int script_pv_set(const struct script_pv *pv, const struct script_env *env,
	struct ph_msg *msg, const struct script_value *value)
{
	(void)env;
	(void)msg;
	(void)snprintf(avp_name, sizeof(avp_name), "%s", pv->name);
	(void)snprintf(avp_value, sizeof(avp_value), "%.*s", SLICE_ARG(value->s));
	return set_err;
}

bool script_is_kamailio(const struct ph_msg *msg)
{
	(void)msg;
	return is_kamailio;
}

const char *script_where(const struct ph_msg *msg)
{
	(void)msg;
	return "test";
}

struct slice ph_source_uri(struct ph_msg *msg)
{
	struct buf b;

	buf_arena(&b, msg->arena, 96, 256);
	sip_uri_of_addr(&b, &msg->rx.src, msg->rx.transport);
	return buf_slice(&b);
}

static struct plugin_test t;

static int setup(void **state)
{
	(void)state;
	set_err = 0;
	is_kamailio = false;
	avp_name[0] = avp_value[0] = '\0';
	plugin_test_start(&t, &ph_plugin);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	plugin_test_stop(&t, &ph_plugin);
	return 0;
}

static int call(const char *name, int64_t n, const char *s)
{
	struct ph_arg args[PH_MAX_ARGS] = {
		{.given = n != 0 || s, .n = n, .s = slice_str(s)}};

	return plugin_test_call(&t, &ph_plugin, name, args);
}

static void any_test_that_hits_is_true_and_counted(void **state)
{
	(void)state;
	plugin_test_message(&t, PHONE CONTACT "\r\n", "203.0.113.7", 40312);
	assert_int_equal(call("nat_uac_test", 19, NULL), PH_TRUE);
	assert_int_equal(call("nat_uac_test", 8, NULL), PH_FALSE);
	assert_int_equal(plugin_test_counter("nat_tested"), 2);
	assert_int_equal(plugin_test_counter("nat_hit"), 1);
}

static void private_sdp_is_found_in_every_connection_line(void **state)
{
	(void)state;
	plugin_test_message(&t,
		PHONE "\r\nv=0\r\nc=IN IP4 203.0.113.9\r\nm=audio 4000 RTP/AVP 0\r\n"
		      "m=video 4002 RTP/AVP 31\r\nc=IN IP4 10.0.0.1\r\n",
		"203.0.113.7", 40312);
	assert_int_equal(call("nat_uac_test", 8, NULL), PH_TRUE);
	plugin_test_message(
		&t, PHONE "\r\nv=0\r\nc=IN IP4 0.0.0.0\r\n", "203.0.113.7", 40312);
	assert_int_equal(call("nat_uac_test", 8, NULL), PH_FALSE);
	plugin_test_message(&t, PHONE "\r\nv=0\r\nc=IN\r\n", "203.0.113.7", 40312);
	assert_int_equal(call("nat_uac_test", 8, NULL), PH_FALSE);
}

static void unreadable_contact_is_no_evidence_but_others_count(void **state)
{
	struct ph_test_log log;

	(void)state;
	plugin_test_message(
		&t, PHONE "Contact: <sip:a@10.0.0.1\r\n\r\n", "203.0.113.7", 40312);
	ph_test_log_start(&log);
	assert_int_equal(call("nat_uac_test", 1 + 32 + 64 + 128, NULL), PH_FALSE);
	assert_true(ph_test_log_has(&log, "nat_uac_test: Contact"));
	assert_int_equal(call("nat_uac_test", 19, NULL), PH_TRUE);
	ph_test_log_stop();
	ph_test_log_start(&log);
	assert_int_equal(call("nat_uac_test", 2, NULL), PH_TRUE);
	ph_test_log_stop();
	assert_int_equal(log.count, 0); /* nobody asked for Contact */
}

static void dialect_decides_what_a_number_means(void **state)
{
	(void)state;
	plugin_test_message(&t, PHONE CONTACT "\r\n", "203.0.113.7", 40312);
	assert_int_equal(call("nat_uac_test", 32, NULL), PH_TRUE);
	is_kamailio = true;
	assert_int_equal(call("nat_uac_test", 32, NULL), PH_FALSE);
	assert_int_equal(call("nat_uac_test", 128, NULL), PH_TRUE);
}

static void a_variable_that_is_no_sum_of_tests_is_false_and_told(void **state)
{
	struct ph_test_log log;

	(void)state;
	plugin_test_message(&t, PHONE CONTACT "\r\n", "203.0.113.7", 40312);
	ph_test_log_start(&log);
	assert_int_equal(call("nat_uac_test", 1024, NULL), PH_FALSE);
	assert_int_equal(call("nat_uac_test", -1, NULL), PH_FALSE);
	ph_test_log_stop();
	assert_int_equal(log.count, 2);
	assert_true(ph_test_log_has(&log, "1024 is no sum of tests"));
	assert_int_equal(plugin_test_counter("nat_tested"), 0);
}

static void public_address_is_seen_by_later_functions(void **state)
{
	(void)state;
	plugin_test_message(&t, PHONE CONTACT "\r\n", "203.0.113.7", 40312);
	assert_int_equal(call("nat_uac_test", 1, NULL), PH_TRUE);
	assert_int_equal(call("fix_nated_contact", 0, ";nat=yes"), PH_TRUE);
	assert_int_equal(call("nat_uac_test", 1, NULL), PH_FALSE);
	assert_slice_equal(sip_hdr_value(&t.msg.sip, SIP_H_CONTACT),
		"<sip:a@203.0.113.7:40312;nat=yes>");
	assert_int_equal(plugin_test_counter("nat_contacts_fixed"), 1);
}

static void nothing_to_fix_is_false_and_silent(void **state)
{
	struct ph_test_log log;

	(void)state;
	plugin_test_message(&t, PHONE "\r\n", "203.0.113.7", 40312);
	ph_test_log_start(&log);
	assert_int_equal(call("fix_nated_contact", 0, NULL), PH_FALSE);
	ph_test_log_stop();
	assert_int_equal(log.count, 0);
	assert_int_equal(plugin_test_counter("nat_contacts_fixed"), 0);
}

static void source_uri_is_left_for_the_registrar(void **state)
{
	(void)state;
	plugin_test_message(&t, PHONE CONTACT "\r\n", "2001:db8::7", 5062);
	t.msg.rx.transport = SIP_TR_TCP;
	assert_int_equal(call("fix_nated_register", 0, NULL), PH_TRUE);
	assert_string_equal(avp_name, "$avp(received)");
	assert_string_equal(avp_value, "sip:[2001:db8::7]:5062;transport=tcp");
	assert_int_equal(t.msg.sip.edits, 0);
	set_err = -ENOMEM;
	assert_int_equal(call("fix_nated_register", 0, NULL), PH_FALSE);
}

static void received_goes_into_the_contact_header(void **state)
{
	(void)state;
	plugin_test_message(&t, PHONE CONTACT "\r\n", "203.0.113.7", 40312);
	assert_int_equal(call("add_rcv_param", 0, NULL), PH_TRUE);
	assert_slice_equal(sip_hdr_value(&t.msg.sip, SIP_H_CONTACT),
		"<sip:a@192.168.1.20:5060>;received=\"sip:203.0.113.7:40312\"");
	plugin_test_message(&t, PHONE CONTACT "\r\n", "203.0.113.7", 40312);
	assert_int_equal(call("add_rcv_param", 1, NULL), PH_TRUE);
	assert_slice_equal(sip_hdr_value(&t.msg.sip, SIP_H_CONTACT),
		"<sip:a@192.168.1.20:5060;received=sip:203.0.113.7:40312>");
}

static void wrong_literals_are_told_at_load(void **state)
{
	const struct ph_arg_row *flags =
		&plugin_test_fn(&ph_plugin, "nat_uac_test")->args[0];
	const struct ph_arg_row *params =
		&plugin_test_fn(&ph_plugin, "fix_nated_contact")->args[0];
	char why[128];

	(void)state;
	assert_null(flags->check_dialect("19", false, why));
	assert_non_null(flags->check_dialect("256", false, why));
	assert_null(flags->check_dialect("256", true, why));
	assert_non_null(flags->check_dialect("512", true, why));
	assert_non_null(flags->check_dialect("0", false, why));
	assert_non_null(flags->check_dialect("-1", false, why));
	assert_null(params->check(";x=y", why));
	assert_null(params->check("", why));
	assert_non_null(params->check("x=y", why));
	assert_non_null(params->check("; x=y", why));
	assert_non_null(params->check(";x@y", why));
	assert_null(ph_plugin.params[0].check("$avp(x)"));
	assert_non_null(ph_plugin.params[0].check("$ru"));
	assert_non_null(ph_plugin.params[0].check("received"));
}

#define nat_test(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		nat_test(any_test_that_hits_is_true_and_counted),
		nat_test(private_sdp_is_found_in_every_connection_line),
		nat_test(unreadable_contact_is_no_evidence_but_others_count),
		nat_test(dialect_decides_what_a_number_means),
		nat_test(a_variable_that_is_no_sum_of_tests_is_false_and_told),
		nat_test(public_address_is_seen_by_later_functions),
		nat_test(nothing_to_fix_is_false_and_silent),
		nat_test(source_uri_is_left_for_the_registrar),
		nat_test(received_goes_into_the_contact_header),
		cmocka_unit_test(wrong_literals_are_told_at_load),
	};
	return cmocka_run_group_tests_name("nat", tests, NULL, NULL);
}
