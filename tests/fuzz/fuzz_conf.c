/*
 * The configuration file: libconfig's syntax, the host's tables, and a table with each type of parameter. What is taken lies in its
 * range; what is not taken is complained about with a place.
 */
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "core/host/host_conf.h"
#include "tests/fuzz/fuzz.h"

/* libconfig forgets a string that is not closed; at start that costs some bytes once. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
	return "leak:strbuf_append\nleak:libconfig\n";
}

struct values {
	int64_t number, time, free_number;
	bool yes, given;
	char *text;
	struct conf_list list;
};

static const char *check_short(const char *text)
{
	return strlen(text) <= 8 ? NULL : "at most 8 characters";
}

#define AT(member) offsetof(struct values, member)
static const struct conf_param table[] = {
	{.name = "number", .type = CONF_INT, .dflt = "5", .min = 1, .max = 70000, .offset = AT(number)},
	{.name = "time", .type = CONF_MS, .dflt = "250", .min = -1, .max = 3600000, .offset = AT(time)},
	{.name = "free_number", .type = CONF_INT, .offset = AT(free_number)},
	{.name = "yes", .type = CONF_BOOL, .dflt = "1", .offset = AT(yes)},
	{.name = "text", .type = CONF_STR, .dflt = "a", .offset = AT(text), .given = AT(given), .check = check_short},
	{.name = "list", .type = CONF_LIST, .offset = AT(list), .check = check_short},
	{0},
};

static void check_ranges(const struct conf_param *rows, const void *values)
{
	for (; rows->name; rows++) {
		const int64_t *n = (const void *)((const char *)values + rows->offset);

		if ((rows->type == CONF_INT || rows->type == CONF_MS) && (rows->min != 0 || rows->max != 0))
			FUZZ_CHECK(*n >= rows->min && *n <= rows->max);
	}
}

/** Each complaint has a place, "FILE:" or "FILE:LINE:", and a text. */
static void check_complaints(const struct conf_errors *e, const char *path)
{
	for (unsigned i = 0; i < e->count; i++)
		FUZZ_CHECK(strncmp(e->lines[i], path, strlen(path)) == 0 && e->lines[i][strlen(path)] == ':' &&
			strlen(e->lines[i]) > strlen(path) + 4);
	FUZZ_CHECK(e->warnings <= e->count);
}

static void read_group(const config_t *tree)
{
	struct conf_errors e = {0};
	struct values v = {0};

	FUZZ_CHECK(conf_defaults(table, &v) == 0);
	conf_read(table, config_lookup(tree, "fuzz"), "fuzz", &v, &e);
	check_ranges(table, &v);
	FUZZ_CHECK(v.text == NULL || check_short(v.text) == NULL);
	for (unsigned i = 0; i < v.list.count; i++)
		FUZZ_CHECK(check_short(v.list.items[i]) == NULL);
	conf_values_free(table, &v);
	conf_errors_free(&e);
}

static void read_file(const char *path)
{
	struct conf_errors e = {0};
	struct host_conf c;
	int err = host_conf_read(&c, path, NULL, &e);

	check_complaints(&e, path);
	FUZZ_CHECK(err == 0 || conf_error_count(&e) > 0);
	if (err == 0) {
		check_ranges(host_conf_tables[0].rows, &c);
		check_ranges(tm_params, &c.tm);
		check_ranges(net_tcp_params, &c.net);
		check_ranges(store_params, &c.store);
		read_group(&c.tree);
		if (conf_error_count(&e) == 0)
			FUZZ_CHECK(c.socks.count > 0 && c.script != NULL && c.node != NULL);
	}
	host_conf_free(&c);
	conf_errors_free(&e);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char path[64];
	int fd;

	/* Files that are included are this machine's, terminals and pipes among them, not the fuzzer's. */
	if (memmem(data, size, "@include", 8))
		return 0;
	fd = memfd_create("fuzz", 0);
	FUZZ_CHECK(fd >= 0 && write(fd, data, size) == (ssize_t)size);
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	read_file(path);
	(void)close(fd);
	return 0;
}
