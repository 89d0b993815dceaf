#include "tests/unit/fn_world.h"

/** What chain makes of text. */
static void is(const char *text, const char *chain, const char *want)
{
	struct ph_msg *msg = world_invite();
	char pv[256];

	assert_int_equal(world_set(msg, "$var(x)", text), 0);
	snprintf(pv, sizeof(pv), "$(var(x)%s)", chain);
	if (strcmp(world_pv(msg, pv), want) != 0)
		fail_msg("%s of '%s': '%s', want '%s'", chain, text, world_pv(msg, pv),
			want);
}

static void lengths_and_numbers(void **state)
{
	(void)state;
	is("hello", "{s.len}", "5");
	is("", "{s.len}", "0");
	is(" 42 ", "{s.int}", "42");
	is("x42", "{s.int}", "<null>");
	is("+49 (30) 12", "{s.numeric}", "493012");
}

static void items_of_a_list(void **state)
{
	(void)state;
	is("a,b,c", "{s.select,0,,}", "a");
	is("a,b,c", "{s.select,2,,}", "c");
	is("a,b,c", "{s.select,-1,,}", "c");
	is("a,b,c", "{s.select,-3,,}", "a");
	is("a,b,c", "{s.select,3,,}", "");
	is("a,b,c", "{s.select,-4,,}", "");
	is("a:b", "{s.select,1,:}", "b");
	is("a,b", "{s.select,1}", "b");
}

static void parts_of_a_text(void **state)
{
	(void)state;
	is("abcdef", "{s.substr,2,3}", "cde");
	is("abcdef", "{s.substr,-3,2}", "de");
	is("abcdef", "{s.substr,2,0}", "cdef");
	is("abcdef", "{s.substr,9,1}", "");
	is("abcdef", "{s.substr,-9,2}", "ab");
	is("abcdef", "{s.substr,0,-2}", "abcd");
	is("abcdef", "{s.substr,4,99}", "ef");
	is("abcdef", "{s.strip,2}", "cdef");
	is("abcdef", "{s.strip,9}", "");
	is("abcdef", "{s.striptail,2}", "abcd");
	is("abcdef", "{s.striptail,-1}", "abcdef");
	is("  a b\t\r\n", "{s.trim}", "a b");
	is(" a ", "{s.ltrim}", "a ");
	is(" a ", "{s.rtrim}", " a");
	is("a@b@c", "{s.before,@}", "a");
	is("a@b@c", "{s.after,@}", "b@c");
	is("abc", "{s.before,@}", "abc");
	is("abc", "{s.after,@}", "");
	is("abcabc", "{s.index,ca}", "2");
	is("abcabc", "{s.index,x}", "-1");
	is("abc", "{s.prefixes}", "a,ab,abc");
	is("abc", "{s.prefixes,2}", "a,ab");
}

static void changed_texts(void **state)
{
	(void)state;
	is("AbC1", "{s.tolower}", "abc1");
	is("AbC1", "{s.toupper}", "ABC1");
	is("a-b-c", "{s.replace,-,--}", "a--b--c");
	is("a-b-c", "{s.rm,-}", "abc");
	is("aaa", "{s.replace,a,}", "");
	is("say \"x\" \\", "{s.escape.common}", "say \\\"x\\\" \\\\");
	is("say \\\"x\\\" \\\\", "{s.unescape.common}", "say \"x\" \\");
	is("a b@c", "{s.escape.param}", "a%20b%40c");
	is("a%20b%40c", "{s.unescape.param}", "a b@c");
	is("a b", "{s.escape.user}", "a%20b");
	is("%61lice", "{s.unescape.user}", "alice");
	is("abc", "{s.md5}", "900150983cd24fb0d6963f7d28e17f72");
	is("abc", "{s.encode.hexa}", "616263");
	is("616263", "{s.decode.hexa}", "abc");
	is("61626", "{s.decode.hexa}", "<null>");
	is("abcd", "{s.b64encode}", "YWJjZA==");
	is("YWJjZA==", "{s.b64decode}", "abcd");
	is("YWJjZA", "{s.b64decode}", "<null>");
	is("0", "{s.ftime,%Y}", "1970");
}

static void uris(void **state)
{
	static const char uri[] = "sip:alice:pw@192.0.2.1:5070;transport=tcp;x=1;lr";

	(void)state;
	is(uri, "{uri.user}", "alice");
	is(uri, "{uri.host}", "192.0.2.1");
	is(uri, "{uri.domain}", "192.0.2.1");
	is(uri, "{uri.port}", "5070");
	is(uri, "{uri.param,x}", "1");
	is(uri, "{uri.param,y}", "");
	is(uri, "{uri.transport}", "tcp");
	is(uri, "{uri.params}", "transport=tcp;x=1;lr");
	is(uri, "{uri.scheme}", "sip");
	is("sip:h", "{uri.user}", "");
	is("sip:h", "{uri.port}", "");
	is("not a uri", "{uri.user}", "<null>");
}

static void parameters(void **state)
{
	(void)state;
	is("a=1;b=\"two\";c", "{param.value,a}", "1");
	is("a=1;b=\"two\";c", "{param.value,b}", "two");
	is("a=1;b=2", "{param.value,z}", "");
	is("a=1,b=2", "{param.value,b,,}", "2");
	is("a=1;b=2;c", "{param.count}", "3");
	is("a=1;b=2;c", "{param.exist,c}", "1");
	is("a=1;b=2;c", "{param.exist,d}", "0");
	is("a=1;b=2;c", "{param.name,1}", "b");
	is("a=1;b=2;c=3", "{param.valueat,-1}", "3");
}

static void addresses(void **state)
{
	static const char na[] = "\"Bob\" <sip:bob@h:5062;x=1>;tag=t1;q=0.2";

	(void)state;
	is(na, "{nameaddr.uri}", "sip:bob@h:5062;x=1");
	is(na, "{nameaddr.name}", "\"Bob\"");
	is(na, "{nameaddr.param,q}", "0.2");
	is(na, "{nameaddr.uri}{uri.user}", "bob");
	is(na, "{tobody.user}", "bob");
	is(na, "{tobody.host}", "h");
	is(na, "{tobody.tag}", "t1");
	is(na, "{tobody.uri}{uri.port}", "5062");
	is("<<", "{nameaddr.uri}", "<null>");
	is("10.1.2.3", "{ip.isprivate}", "1");
	is("192.0.2.1", "{ip.isprivate}", "0");
	is("name", "{ip.isprivate}", "0");
	is("::1", "{ip.family}", "INET6");
}

static void substitutions(void **state)
{
	(void)state;
	is("a.b.c", "{re.subst,/\\./-/}", "a-b.c");
	is("a.b.c", "{re.subst,/\\./-/g}", "a-b-c");
	is("Hello", "{re.subst,/h(.)l/\\1J/i}", "eJlo");
	is("abc", "{re.subst,/x/y/}", "abc");
	is("a1b22", "{re.subst,/([0-9]+)/<\\1>/g}", "a<1>b<22>");
	is("12345", "{re.subst,/^[0-9]{2}/0/}", "0345");
	is("a/b", "{re.subst,/\\//|/}", "a|b");
	is("user", "{re.subst,/user/\\0@$rd/}", "user@example.org");
	is("ab", "{re.subst,/X*/-/g}", "-a-b-");
}

static void chains_and_null(void **state)
{
	struct ph_msg *msg = world_invite();

	(void)state;
	assert_string_equal(world_pv(msg, "$(ct{nameaddr.uri}{uri.host}{s.len})"), "12");
	assert_string_equal(world_pv(msg, "$(du{uri.host}{s.len})"), "<null>");
	assert_string_equal(world_pv(msg, "$(cs{s.len})"), "1");
	assert_int_equal(world_set_int(msg, "$var(i)", 1), 0);
	assert_string_equal(world_pv(msg, "$(fd{s.select,$var(i),.})"), "example");
	assert_string_equal(world_pv(msg, "$(fd{s.substr,0,$(rU{s.len})})"), "hom");
}

static void faults_are_found_at_load(void **state)
{
	static const struct {
		const char *pv, *why;
		size_t at;
	} bad[] = {
		{"$(ru{s.select})", "too few parameters for 's.select'", 4},
		{"$(ru{s.len,1})", "too many parameters for 's.len'", 10},
		{"$(ru{re.subst,/(/x/})", "bad regular expression", 4},
		{"$(ru{re.subst,/a/b/q})", "unknown flag 'q'", 4},
		{"$(ru{re.subst,/((a{99}){99}){99}/x/})", "repeats too much", 4},
		{"$(ru{re.subst,/a++++++++++++++++++++++/x/})", "repeats too much", 4},
		{"$(ru{re.subst,abc})", "has the form", 4},
		{"$(ru{s.strip,$foo})", "unknown variable '$foo'", 13},
	};

	(void)state;
	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct script_pv *pv = NULL;
		char why[160] = "";
		size_t used, at = 999;

		assert_int_equal(
			pv_parse(&pv, slice_str(bad[i].pv), false, &used, why, &at),
			-EINVAL);
		assert_non_null(strstr(why, bad[i].why));
		assert_int_equal(at, bad[i].at);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			lengths_and_numbers, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(
			items_of_a_list, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(
			parts_of_a_text, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(
			changed_texts, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(uris, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(parameters, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(addresses, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(
			substitutions, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(
			chains_and_null, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(
			faults_are_found_at_load, world_setup, world_teardown),
	};

	return cmocka_run_group_tests_name("transform", tests, NULL, NULL);
}
