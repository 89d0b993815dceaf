#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/script/source.h"

#define DIAGS_MAX                                                                        \
	1000 /* collected before sorting; a script with more faults is no script */

struct diag {
	struct script_loc loc;
	bool warning;
	char *text;
};

static bool make_room(struct diags *d)
{
	unsigned cap = d->cap ? d->cap * 2 : 16;
	struct diag *list;

	if (d->count < d->cap)
		return true;
	list = realloc(d->list, cap * sizeof(*list));
	if (list == NULL) {
		d->nomem = true;
		return false;
	}
	d->list = list;
	d->cap = cap;
	return true;
}

static void __attribute__((format(printf, 4, 0)))
add(struct diags *d, struct script_loc loc, bool warning, const char *fmt, va_list ap)
{
	char *text = NULL;

	if (warning)
		d->warnings++;
	else
		d->errors++;
	if (d->count >= DIAGS_MAX || !make_room(d))
		return;
	if (vasprintf(&text, fmt, ap) < 0) {
		d->nomem = true;
		return;
	}
	d->list[d->count++] = (struct diag){.loc = loc, .warning = warning, .text = text};
}

void diag_error(struct diags *d, struct script_loc loc, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	add(d, loc, false, fmt, ap);
	va_end(ap);
}

void diag_warning(struct diags *d, struct script_loc loc, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	add(d, loc, true, fmt, ap);
	va_end(ap);
}

static int by_place(const void *pa, const void *pb)
{
	const struct diag *a = pa, *b = pb;

	if (a->loc.file != b->loc.file)
		return a->loc.file < b->loc.file ? -1 : 1;
	if (a->loc.line != b->loc.line)
		return a->loc.line < b->loc.line ? -1 : 1;
	if (a->loc.column != b->loc.column)
		return a->loc.column < b->loc.column ? -1 : 1;
	if (a->warning != b->warning)
		return a->warning ? 1 : -1;
	return strcmp(a->text, b->text);
}

static char *line_of(const struct diags *d, const struct diag *g)
{
	const char *name = g->loc.file < d->sources->count
		? d->sources->list[g->loc.file].name
		: "script";
	const char *mark = g->warning ? "warning: " : "";
	char *text = NULL;
	int n;

	if (g->loc.line == 0)
		n = asprintf(&text, "%s: %s%s", name, mark, g->text);
	else
		n = asprintf(&text, "%s:%u:%u: %s%s", name, g->loc.line, g->loc.column,
			mark, g->text);
	return n < 0 ? NULL : text;
}

static void publish_one(
	const struct diags *d, const struct diag *g, struct script_errors *out)
{
	struct script_error *e = &out->list[out->count];

	e->text = line_of(d, g);
	if (e->text == NULL)
		return;
	e->warning = g->warning;
	e->line = g->loc.line;
	e->column = g->loc.column;
	out->count++;
	if (!g->warning)
		out->errors++;
}

void diags_publish(struct diags *d, struct script_errors *out)
{
	unsigned kept[2] = {0, 0};

	memset(out, 0, sizeof(*out));
	if (d->count == 0)
		return;
	out->list = calloc(d->count, sizeof(*out->list));
	if (out->list == NULL) {
		d->nomem = true;
		return;
	}
	out->cap = d->count;
	qsort(d->list, d->count, sizeof(*d->list), by_place);
	for (unsigned i = 0; i < d->count; i++) {
		const struct diag *g = &d->list[i];

		if (i > 0 && by_place(g, &d->list[i - 1]) == 0)
			continue;
		if (kept[g->warning]++ < SCRIPT_MAX_ERRORS)
			publish_one(d, g, out);
	}
}

void diags_free(struct diags *d)
{
	for (unsigned i = 0; i < d->count; i++)
		free(d->list[i].text);
	free(d->list);
	d->list = NULL;
	d->count = d->cap = 0;
}

const char *loc_text(const struct diags *d, struct script_loc from, struct script_loc loc,
	char out[LOC_TEXT])
{
	if (loc.file == from.file || loc.file >= d->sources->count)
		snprintf(out, LOC_TEXT, "%u:%u", loc.line, loc.column);
	else
		snprintf(out, LOC_TEXT, "%s:%u:%u", d->sources->list[loc.file].name,
			loc.line, loc.column);
	return out;
}

void script_errors_free(struct script_errors *e)
{
	for (unsigned i = 0; i < e->count; i++)
		free(e->list[i].text);
	free(e->list);
	memset(e, 0, sizeof(*e));
}
