/* Flows in the user part of a URI: RFC 5626 section 5.2. */
#include "core/host/flow_token.h"
#include "core/sip/sip_uri.h"
#include "tests/unit/ph_test.h"

static const struct hash_key key = {0x0123456789abcdef, 0xfedcba9876543210};

static struct flow_bond bond(void)
{
	return (struct flow_bond){
		.socket = SLICE("udp:198.51.100.7:5060"), .call_id = SLICE("call-1@phone")};
}

static struct flow flow_of(const char *ip, enum flow_kind kind)
{
	return (struct flow){.kind = kind, .transport = SIP_TR_UDP, .remote = ph_test_addr(ip, 40312),
		.caller = kind == FLOW_DIALOG ? 0xdeadbeef : 0};
}

static const char *write(const struct flow *flow, const struct flow_bond *b)
{
	static char text[FLOW_TOKEN_MAX];

	assert_int_equal(flow_token_write(text, &key, flow, b), 0);
	return text;
}

static int read(struct flow *out, const char *text, const struct flow_bond *b)
{
	return flow_token_read(out, &key, slice_str(text), b);
}

static void what_was_written_is_read(void **state)
{
	static const char *const ips[] = {"203.0.113.4", "0.0.0.1", "2001:db8::4", "fe80:1:2:3:4:5:6:7"};
	static const enum flow_kind kinds[] = {FLOW_NODE, FLOW_DIALOG, FLOW_HEARD};
	static const enum sip_transport transports[] = {SIP_TR_UDP, SIP_TR_TCP, SIP_TR_TLS};
	struct flow_bond b = bond();

	(void)state;
	for (unsigned i = 0; i < 4; i++) {
		for (unsigned k = 0; k < 3; k++) {
			struct flow f = flow_of(ips[i], kinds[k]), got;

			f.transport = transports[k];
			assert_int_equal(read(&got, write(&f, &b), &b), 0);
			assert_int_equal(got.kind, f.kind);
			assert_int_equal(got.transport, f.transport);
			assert_true(addr_eq(&got.remote, &f.remote));
			assert_int_equal(got.caller, f.caller);
		}
	}
}

static void a_token_is_the_user_of_a_uri(void **state)
{
	struct flow f = flow_of("2001:db8::4", FLOW_DIALOG);
	struct flow_bond b = bond();
	struct sip_uri uri;
	char text[128];

	(void)state;
	snprintf(text, sizeof(text), "sip:%s@198.51.100.7:5060;lr", write(&f, &b));
	assert_int_equal(sip_uri_parse(&uri, slice_str(text)), 0);
	assert_slice_equal(uri.user, write(&f, &b));
	assert_true(flow_token_is(uri.user));
	assert_in_range(uri.user.len, 20, FLOW_TOKEN_MAX - 1);
}

static void the_same_flow_has_the_same_token(void **state)
{
	struct flow f = flow_of("203.0.113.4", FLOW_NODE);
	struct flow_bond b = bond();
	char first[FLOW_TOKEN_MAX];

	(void)state;
	snprintf(first, sizeof(first), "%s", write(&f, &b));
	assert_string_equal(write(&f, &b), first);
}

static void every_changed_byte_is_noticed(void **state)
{
	static const char *const ips[] = {"203.0.113.4", "2001:db8::4"};
	static const enum flow_kind kinds[] = {FLOW_NODE, FLOW_DIALOG, FLOW_HEARD};
	struct flow_bond b = bond();

	(void)state;
	for (unsigned n = 0; n < 6; n++) {
		struct flow f = flow_of(ips[n % 2], kinds[n / 2]), got;
		char text[FLOW_TOKEN_MAX];
		size_t len = strlen(write(&f, &b));

		memcpy(text, write(&f, &b), len + 1);
		for (size_t i = 0; i < len; i++) {
			for (int c = 1; c < 256; c++) {
				char was = text[i];

				if ((char)c == was)
					continue;
				text[i] = (char)c;
				if (read(&got, text, &b) != -EBADMSG)
					fail_msg("%s was accepted: byte %zu", text, i);
				text[i] = was;
			}
		}
		assert_int_equal(read(&got, text, &b), 0);
	}
}

static void cut_and_longer_ones_are_refused(void **state)
{
	struct flow f = flow_of("203.0.113.4", FLOW_DIALOG), got = {.caller = 7};
	struct flow_bond b = bond();
	char text[4 * FLOW_TOKEN_MAX];
	size_t len = strlen(write(&f, &b));

	(void)state;
	memcpy(text, write(&f, &b), len + 1);
	for (size_t i = 0; i < len; i++)
		assert_int_equal(flow_token_read(&got, &key, slice_make(text, i), &b), -EBADMSG);
	for (size_t i = len; i < sizeof(text); i++) {
		text[i] = 'A';
		assert_int_equal(flow_token_read(&got, &key, slice_make(text, i + 1), &b), -EBADMSG);
	}
	assert_int_equal(flow_token_read(&got, &key, (struct slice){0}, &b), -EBADMSG);
	assert_int_equal(got.caller, 7); /* nothing was written */
}

static void another_secret_call_socket_or_cseq_is_refused(void **state)
{
	const struct hash_key other = {key.k0, key.k1 ^ 1};
	struct flow f = flow_of("203.0.113.4", FLOW_NODE), got;
	struct flow_bond b = bond(), wrong;
	const char *text = write(&f, &b);

	(void)state;
	assert_int_equal(flow_token_read(&got, &other, slice_str(text), &b), -EBADMSG);
	wrong = b;
	wrong.call_id = SLICE("call-2@phone");
	assert_int_equal(read(&got, text, &wrong), -EBADMSG);
	wrong = b;
	wrong.socket = SLICE("tcp:198.51.100.7:5060");
	assert_int_equal(read(&got, text, &wrong), -EBADMSG);
	wrong.socket = SLICE("udp:198.51.100.7:506");
	assert_int_equal(read(&got, text, &wrong), -EBADMSG);
	wrong = b;
	wrong.cseq = 1;
	assert_int_equal(read(&got, text, &wrong), -EBADMSG);
	assert_int_equal(read(&got, text, &b), 0);
}

static void a_token_is_not_good_for_another_purpose(void **state)
{
	struct flow f = flow_of("203.0.113.4", FLOW_HEARD), got;
	struct flow_bond b = bond();
	char text[FLOW_TOKEN_MAX];

	(void)state;
	snprintf(text, sizeof(text), "%s", write(&f, &b));
	text[5] = FLOW_NODE;
	assert_int_equal(read(&got, text, &b), -EBADMSG);
	text[5] = FLOW_DIALOG;
	assert_int_equal(read(&got, text, &b), -EBADMSG);
}

static void long_hosts_and_call_ids_are_bound_too(void **state)
{
	char host[310], call[5000];
	struct flow f = flow_of("203.0.113.4", FLOW_DIALOG), got;
	struct flow_bond b = bond(), wrong;
	const char *text;

	(void)state;
	memset(host, 'h', sizeof(host));
	memcpy(host, "udp:", 4);
	memset(call, 'c', sizeof(call));
	b.socket = slice_make(host, sizeof(host));
	b.call_id = slice_make(call, sizeof(call));
	text = write(&f, &b);
	assert_int_equal(read(&got, text, &b), 0);
	wrong = b;
	wrong.socket.len--;
	assert_int_equal(read(&got, text, &wrong), -EBADMSG);
	wrong = b;
	wrong.call_id.len--;
	assert_int_equal(read(&got, text, &wrong), -EBADMSG);
}

static void what_is_no_flow_is_not_written(void **state)
{
	struct flow f = flow_of("203.0.113.4", FLOW_NODE);
	struct flow_bond b = bond();
	char text[FLOW_TOKEN_MAX], host[1000];

	(void)state;
	f.transport = SIP_TR_UNKNOWN;
	assert_int_equal(flow_token_write(text, &key, &f, &b), -EINVAL);
	f = flow_of("203.0.113.4", FLOW_NODE);
	addr_set_port(&f.remote, 0);
	assert_int_equal(flow_token_write(text, &key, &f, &b), -EINVAL);
	f = (struct flow){.kind = FLOW_NODE, .transport = SIP_TR_UDP};
	assert_int_equal(flow_token_write(text, &key, &f, &b), -EINVAL);
	f = flow_of("203.0.113.4", 'x');
	assert_int_equal(flow_token_write(text, &key, &f, &b), -EINVAL);
	f = flow_of("203.0.113.4", FLOW_NODE);
	memset(host, 'h', sizeof(host));
	b.socket = slice_make(host, sizeof(host));
	assert_int_equal(flow_token_write(text, &key, &f, &b), -EINVAL);
}

static void users_of_people_are_no_tokens(void **state)
{
	(void)state;
	assert_false(flow_token_is(SLICE("")));
	assert_false(flow_token_is(SLICE("flow1")));
	assert_false(flow_token_is(SLICE("florian")));
	assert_false(flow_token_is(SLICE("flowers4you")));
	assert_true(flow_token_is(SLICE("flow1n")));
	assert_true(flow_token_is(SLICE("flow9whatever comes later")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_written_is_read),
		cmocka_unit_test(a_token_is_the_user_of_a_uri),
		cmocka_unit_test(the_same_flow_has_the_same_token),
		cmocka_unit_test(every_changed_byte_is_noticed),
		cmocka_unit_test(cut_and_longer_ones_are_refused),
		cmocka_unit_test(another_secret_call_socket_or_cseq_is_refused),
		cmocka_unit_test(a_token_is_not_good_for_another_purpose),
		cmocka_unit_test(long_hosts_and_call_ids_are_bound_too),
		cmocka_unit_test(what_is_no_flow_is_not_written),
		cmocka_unit_test(users_of_people_are_no_tokens),
	};
	return cmocka_run_group_tests_name("flow_token", tests, NULL, NULL);
}
