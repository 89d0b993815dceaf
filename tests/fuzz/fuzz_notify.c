/* What comes to rtpp_notify_socket: the same lines however the bytes are cut. */
#include <stdlib.h>
#include <string.h>

#include "plugins/notify/lines.h"
#include "tests/fuzz/fuzz.h"

#define MAX_LINE 64

/** All that was heard: the lines, each with what it was. */
struct heard {
	char room[MAX_LINE];
	struct lines lines;
	char *text;
	size_t len, cap;
};

static void on_line(void *arg, enum lines_event what, struct slice text)
{
	struct heard *h = arg;

	FUZZ_CHECK(text.len <= MAX_LINE);
	FUZZ_CHECK(what == LINES_TOO_LONG || !slice_empty(text));
	FUZZ_CHECK(h->len + text.len + 1 <= h->cap);
	h->text[h->len++] = what == LINES_TOO_LONG ? 'L' : 'l';
	memcpy(h->text + h->len, text.p ? text.p : "", text.len);
	h->len += text.len;
}

static void hear(struct heard *h, struct slice bytes, size_t step)
{
	h->len = 0;
	h->cap = 2 * bytes.len + 2;
	h->text = malloc(h->cap);
	FUZZ_CHECK(h->text != NULL);
	lines_init(&h->lines, h->room, MAX_LINE);
	for (size_t i = 0; i < bytes.len; i += step)
		lines_feed(&h->lines, slice_sub(bytes, i, step), on_line, h);
	lines_end(&h->lines, on_line, h);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct slice bytes = fuzz_slice(data, size);
	static struct heard whole, pieces;

	hear(&whole, bytes, size > 0 ? size : 1);
	hear(&pieces, bytes, 1);
	FUZZ_CHECK(whole.len == pieces.len &&
		memcmp(whole.text, pieces.text, whole.len) == 0);
	free(whole.text);
	free(pieces.text);
	return 0;
}
