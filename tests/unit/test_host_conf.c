#include <stdlib.h>
#include <unistd.h>

#include "core/host/host_conf.h"
#include "tests/unit/ph_test.h"

#define GOOD "listen = ( \"udp:127.0.0.1:5060\" );\nscript = \"a.route\";\n"

struct reading {
	struct host_conf conf;
	struct conf_errors errors;
	char path[64];
	int err;
};

static void read_text_with(struct reading *r, const char *text, const struct host_override *overrides)
{
	int fd;

	memset(r, 0, sizeof(*r));
	strcpy(r->path, "/tmp/ph-conf-XXXXXX");
	fd = mkstemp(r->path);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	close(fd);
	r->err = host_conf_read(&r->conf, r->path, overrides, &r->errors);
}

static void read_text(struct reading *r, const char *text)
{
	read_text_with(r, text, NULL);
}

static void drop(struct reading *r)
{
	unlink(r->path);
	conf_errors_free(&r->errors);
	host_conf_free(&r->conf);
}

/* Some complaint names this line and holds this text. */
static void assert_complaint(const struct reading *r, unsigned line, const char *text)
{
	char place[96];

	snprintf(place, sizeof(place), "%s:%u:", r->path, line);
	for (unsigned i = 0; i < r->errors.count; i++)
		if (strstr(r->errors.lines[i], place) && strstr(r->errors.lines[i], text))
			return;
	for (unsigned i = 0; i < r->errors.count; i++)
		print_message("  %s\n", r->errors.lines[i]);
	fail_msg("no complaint about line %u with '%s'", line, text);
}

static void the_least_configuration_gets_the_defaults(void **state)
{
	struct reading r;

	(void)state;
	read_text(&r, GOOD);
	assert_int_equal(r.err, 0);
	assert_int_equal(r.errors.count, 0);
	assert_int_equal(r.conf.workers, 0);
	assert_int_equal(r.conf.shutdown_timeout, 10);
	assert_int_equal(r.conf.tm.t1, 500);
	assert_string_equal(r.conf.store.backend, "memory");
	assert_string_equal(r.conf.script, "/tmp/a.route");
	assert_true(strlen(r.conf.node) > 0);
	assert_int_equal(r.conf.socks.count, 1);
	drop(&r);
}

static void a_syntax_error_names_file_and_line(void **state)
{
	struct reading r;

	(void)state;
	read_text(&r, "node = \"a\";\nlisten = ( \"udp\" ;\n");
	assert_int_equal(r.err, -EINVAL);
	assert_complaint(&r, 2, "syntax error");
	drop(&r);
}

static void every_wrong_value_is_reported_with_its_line(void **state)
{
	struct reading r;

	(void)state;
	read_text(&r, "workers = 1000;\n"
		      "shutdown_timeout = \"soon\";\n"
		      "listen = ( \"udp:127.0.0.1:5060\", \"sctp:127.0.0.1\", { adress = \"udp:127.0.0.1\"; } );\n"
		      "log = { level = \"loud\"; to = \"printer\"; };\n"
		      "tm = { t1 = -5; t9 = 1; };\n"
		      "limits = { parked = 0; };\n"
		      "script = \"a.route\";\n"
		      "script_dialect = \"perl\";\n");
	assert_complaint(&r, 1, "workers");
	assert_complaint(&r, 2, "shutdown_timeout");
	assert_complaint(&r, 3, "sctp:127.0.0.1");
	assert_complaint(&r, 3, "adress");
	assert_complaint(&r, 4, "log.level");
	assert_complaint(&r, 4, "log.to");
	assert_complaint(&r, 5, "t1");
	assert_complaint(&r, 5, "t9");
	assert_complaint(&r, 6, "parked");
	assert_complaint(&r, 8, "script_dialect");
	drop(&r);
}

static void a_log_level_that_is_no_text_is_not_overlooked(void **state)
{
	struct reading r;

	(void)state;
	read_text(&r, GOOD "log = { level = 4; to = true; };\n");
	assert_complaint(&r, 3, "log.level");
	assert_complaint(&r, 3, "log.to");
	drop(&r);
}

static void missing_listen_and_script_are_told(void **state)
{
	struct reading r;

	(void)state;
	read_text(&r, "node = \"a\";\n");
	assert_int_equal(conf_error_count(&r.errors), 2);
	drop(&r);
}

static void the_command_line_overrides_values_and_members_of_groups(void **state)
{
	struct host_override third = {.text = "script_skip_globals=true"}, second = {.text = "tm.t1=250", .next = &third},
		first = {.text = "node=other", .next = &second};
	struct reading r;

	(void)state;
	read_text_with(&r, "node = \"a\";\n" GOOD, &first);
	assert_int_equal(r.errors.count, 0);
	assert_string_equal(r.conf.node, "other");
	assert_int_equal(r.conf.tm.t1, 250);
	assert_true(r.conf.script_skip_globals);
	drop(&r);
}

static void an_override_without_a_value_is_refused(void **state)
{
	struct host_override one = {.text = "node"};
	struct reading r;

	(void)state;
	read_text_with(&r, GOOD, &one);
	assert_int_equal(conf_error_count(&r.errors), 1);
	assert_non_null(strstr(r.errors.lines[0], "expected key=value"));
	drop(&r);
}

static void an_advertised_address_is_what_phones_see(void **state)
{
	struct reading r;

	(void)state;
	read_text(&r, "script = \"a\"; listen = ( { address = \"udp:127.0.0.1:5070\"; advertise = \"203.0.113.9\"; } );\n");
	assert_int_equal(r.errors.count, 0);
	assert_string_equal(r.conf.socks.list[0].adv_text, "udp:203.0.113.9:5070");
	assert_string_equal(r.conf.socks.list[0].via, "SIP/2.0/UDP 203.0.113.9:5070");
	drop(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_least_configuration_gets_the_defaults),
		cmocka_unit_test(a_syntax_error_names_file_and_line),
		cmocka_unit_test(every_wrong_value_is_reported_with_its_line),
		cmocka_unit_test(a_log_level_that_is_no_text_is_not_overlooked),
		cmocka_unit_test(missing_listen_and_script_are_told),
		cmocka_unit_test(the_command_line_overrides_values_and_members_of_groups),
		cmocka_unit_test(an_override_without_a_value_is_refused),
		cmocka_unit_test(an_advertised_address_is_what_phones_see),
	};

	return cmocka_run_group_tests_name("host_conf", tests, NULL, NULL);
}
