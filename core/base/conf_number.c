#include "core/base/conf_number.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int64_t value_of(const config_setting_t *s)
{
	return config_setting_type(s) == CONFIG_TYPE_INT64 ? config_setting_get_int64(s)
							   : config_setting_get_int(s);
}

/* Does libconfig make that value of the literal? It keeps the low 32 bits when there is no L. */
static bool makes(const char *literal, int64_t value)
{
	bool hex = literal[0] == '0' && (literal[1] == 'x' || literal[1] == 'X');
	char *end;
	int64_t n =
		hex ? (int64_t)strtoull(literal, &end, 16) : strtoll(literal, &end, 10);

	return (*end == 'L' || *end == 'l') ? n == value
					    : (int32_t)(uint32_t)(uint64_t)n == value;
}

static bool is_word(char c)
{
	return isalnum((unsigned char)c) || strchr("_-*", c) != NULL;
}

/* Where the value of "name = value" begins in line, searched from `from`; NULL: no more. */
static const char *value_at(const char *line, const char *from, const char *name)
{
	size_t len = strlen(name);
	const char *p = from;

	while ((p = strstr(p, name)) != NULL) {
		const char *after = p + len;

		after += strspn(after, " \t");
		if ((p == line || !is_word(p[-1])) && (*after == '=' || *after == ':'))
			return after + 1 + strspn(after + 1, " \t");
		p += len;
	}
	return NULL;
}

/* A hexadecimal literal in decimal digits; too large for 64 bits: as it is. */
static void copy_literal(const char *from, char *out, size_t size)
{
	bool hex = from[0] == '0' && (from[1] == 'x' || from[1] == 'X');
	size_t len = hex ? 2 + strspn(from + 2, "0123456789abcdefABCDEF")
			 : strspn(from, "+-0123456789");
	unsigned long long n;

	errno = 0;
	n = hex ? strtoull(from, NULL, 16) : 0;
	if (hex && errno == 0)
		snprintf(out, size, "%llu", n);
	else
		snprintf(out, size, "%.*s", (int)(len < size ? len : size - 1), from);
}

/* The literal of s in its line of the file. */
static bool find_literal(
	const char *line, const config_setting_t *s, char *out, size_t size)
{
	const char *p = line;

	while ((p = value_at(line, p, config_setting_name(s))) != NULL) {
		if ((isdigit((unsigned char)*p) || strchr("+-", *p) != NULL) &&
			makes(p, value_of(s))) {
			copy_literal(p, out, size);
			return true;
		}
	}
	return false;
}

/* Line number n of an open file, in *line; false: it has fewer. */
static bool read_line(FILE *f, unsigned n, char **line, size_t *room)
{
	for (unsigned i = 0; i < n; i++)
		if (getline(line, room, f) < 0)
			return false;
	return true;
}

/* The file that s stands in; an included one is named as in the @include. */
static FILE *open_source(const config_setting_t *s)
{
	const char *name = config_setting_source_file(s),
		   *dir = config_get_include_dir(s->config);
	char path[4096];
	FILE *f;

	if (name == NULL)
		return NULL;
	f = fopen(name, "re");
	if (f != NULL || name[0] == '/' || dir == NULL)
		return f;
	return (size_t)snprintf(path, sizeof(path), "%s/%s", dir, name) < sizeof(path)
		? fopen(path, "re")
		: NULL;
}

static bool as_written(const config_setting_t *s, char *out, size_t size)
{
	FILE *f = config_setting_name(s) != NULL ? open_source(s) : NULL;
	char *line = NULL;
	size_t room = 0;
	bool found;

	if (f == NULL)
		return false;
	found = read_line(f, (unsigned)config_setting_source_line(s), &line, &room) &&
		find_literal(line, s, out, size);
	free(line);
	fclose(f);
	return found;
}

const char *conf_number_text(const config_setting_t *s, char *out, size_t size)
{
	if (!as_written(s, out, size))
		snprintf(out, size, "%" PRId64, value_of(s));
	return out;
}
