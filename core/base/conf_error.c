#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/base/conf.h"

/* Stands in when a complaint cannot be stored: none may be lost without a trace. */
static char no_memory[] = "out of memory while collecting errors";
static char *no_memory_lines[] = {no_memory};

static void free_line(char *line)
{
	if (line != no_memory)
		free(line);
}

static int grow(struct conf_errors *e)
{
	unsigned cap = e->cap > 0 && e->lines != no_memory_lines ? e->cap * 2 : 8;
	char **lines = calloc(cap, sizeof(*lines));

	if (lines == NULL)
		return -1;
	for (unsigned i = 0; i < e->count; i++)
		lines[i] = e->lines[i];
	if (e->lines != no_memory_lines)
		free(e->lines);
	e->lines = lines;
	e->cap = cap;
	return 0;
}

static void count_no_memory(struct conf_errors *e)
{
	if (e->count == 0) {
		e->lines = no_memory_lines;
		e->count = e->cap = 1;
		return;
	}
	/* The last line gives way; every line is then an error, so that the start is refused. */
	free_line(e->lines[e->count - 1]);
	e->lines[e->count - 1] = no_memory;
	e->warnings = 0;
}

__attribute__((format(printf, 5, 0))) static void add_line(struct conf_errors *e,
	const char *file, unsigned line, bool warning, const char *fmt, va_list ap)
{
	char place[32] = "";
	char *text, *whole;

	if (vasprintf(&text, fmt, ap) < 0) {
		count_no_memory(e);
		return;
	}
	if (line > 0)
		snprintf(place, sizeof(place), ":%u", line);
	if (asprintf(&whole, "%s%s%s%s%s", file != NULL ? file : "",
		    file != NULL ? place : "", file != NULL ? ": " : "",
		    warning ? "warning: " : "", text) < 0)
		whole = NULL;
	free(text);
	if (whole == NULL || (e->count == e->cap && grow(e) != 0)) {
		free(whole);
		count_no_memory(e);
		return;
	}
	e->lines[e->count++] = whole;
	if (warning)
		e->warnings++;
}

void conf_error(
	struct conf_errors *e, const char *file, unsigned line, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	add_line(e, file, line, false, fmt, ap);
	va_end(ap);
}

void conf_warning(
	struct conf_errors *e, const char *file, unsigned line, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	add_line(e, file, line, true, fmt, ap);
	va_end(ap);
}

void conf_error_at(struct conf_errors *e, const config_setting_t *s, const char *fmt, ...)
{
	const char *file = s != NULL ? config_setting_source_file(s) : NULL;
	unsigned line = s != NULL ? (unsigned)config_setting_source_line(s) : 0;
	va_list ap;

	/* What was read from a string has a line but no file. */
	if (file == NULL && line > 0)
		file = "(configuration)";
	va_start(ap, fmt);
	add_line(e, file, line, false, fmt, ap);
	va_end(ap);
}

void conf_errors_free(struct conf_errors *e)
{
	for (unsigned i = 0; i < e->count; i++)
		free_line(e->lines[i]);
	if (e->lines != no_memory_lines)
		free(e->lines);
	*e = (struct conf_errors){0};
}
