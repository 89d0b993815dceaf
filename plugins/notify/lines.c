#include "plugins/notify/lines.h"

void lines_init(struct lines *l, char *room, size_t max)
{
	*l = (struct lines){.room = room, .max = max};
}

static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/** In place; what is no escape stays as it is. */
static struct slice decode(char *text, size_t len)
{
	size_t n = 0;

	for (size_t i = 0; i < len; i++, n++) {
		const int high =
			i + 2 < len && text[i] == '%' ? hex_value(text[i + 1]) : -1;
		const int low = high >= 0 ? hex_value(text[i + 2]) : -1;

		text[n] = text[i];
		if (low >= 0) {
			text[n] = (char)(high * 16 + low);
			i += 2;
		}
	}
	return slice_make(text, n);
}

static void line_end(struct lines *l, lines_fn fn, void *arg)
{
	struct slice text = slice_trim(decode(l->room, l->len));
	const bool skipped = l->skipping;

	l->len = 0;
	l->skipping = false;
	if (!skipped && !slice_empty(text))
		fn(arg, LINES_ONE, text);
}

void lines_feed(struct lines *l, struct slice bytes, lines_fn fn, void *arg)
{
	for (size_t i = 0; i < bytes.len; i++) {
		const char c = bytes.p[i];

		if (c == '\n' || c == '\0') {
			line_end(l, fn, arg);
		} else if (l->skipping || (l->len == 0 && (c == ' ' || c == '\t'))) {
			continue;
		} else if (l->len == l->max) {
			l->skipping = true;
			fn(arg, LINES_TOO_LONG, (struct slice){0});
		} else {
			l->room[l->len++] = c;
		}
	}
}

void lines_end(struct lines *l, lines_fn fn, void *arg)
{
	line_end(l, fn, arg);
}
