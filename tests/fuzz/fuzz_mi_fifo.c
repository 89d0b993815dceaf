/* The framing of the control FIFO: what it gives does not depend on how the bytes come in. */
#include "plugins/mi/mi_fifo_frame.h"
#include "tests/fuzz/fuzz.h"

/* A sum over all events, and how many there were. */
struct seen {
	uint64_t sum;
	unsigned events;
};

static void add(struct seen *seen, struct slice s)
{
	for (size_t i = 0; i < s.len; i++)
		seen->sum = seen->sum * 31 + (unsigned char)s.p[i] + 1;
	seen->sum = seen->sum * 37 + 5;
}

static void check_event(struct seen *seen, const struct mi_fifo_frame *f, enum mi_fifo_event ev)
{
	FUZZ_CHECK(f->reply.len <= MI_FIFO_REPLY_MAX && slice_chr(f->reply, '/') < 0 && slice_chr(f->reply, '\0') < 0);
	FUZZ_CHECK(!slice_eq(f->reply, SLICE("..")) && !slice_eq(f->reply, SLICE(".")));
	if (ev == MI_FIFO_REQUEST) {
		FUZZ_CHECK(f->command.len > 0 && f->command.len <= MI_FIFO_COMMAND_MAX && f->arg_count <= MI_FIFO_ARGS_MAX);
		add(seen, f->command);
		for (unsigned i = 0; i < f->arg_count; i++) {
			FUZZ_CHECK(slice_chr(f->args[i], '\n') < 0 && slice_chr(f->args[i], '\0') < 0);
			add(seen, f->args[i]);
		}
	} else {
		FUZZ_CHECK(f->why != NULL);
		add(seen, slice_str(f->why));
	}
	add(seen, f->reply);
	seen->events++;
}

static struct seen run(struct slice input, size_t chunk, bool expire)
{
	struct mi_fifo_frame *f = calloc(1, sizeof(*f));
	struct seen seen = {0};
	const size_t all = input.len;

	FUZZ_CHECK(f != NULL);
	while (input.len > 0) {
		struct slice part = slice_sub(input, 0, chunk);
		enum mi_fifo_event ev;

		input = slice_from(input, part.len);
		while ((ev = mi_fifo_parse(f, &part)) != MI_FIFO_MORE)
			check_event(&seen, f, ev);
		FUZZ_CHECK(part.len == 0 && f->len <= sizeof(f->text) && f->line <= f->len);
	}
	FUZZ_CHECK(f->skipped <= all);
	if (expire) {
		bool busy = mi_fifo_busy(f);
		struct slice good = SLICE(":help:r\n\n");

		if (mi_fifo_expire(f) != MI_FIFO_MORE)
			FUZZ_CHECK(busy);
		/* whatever came before, now a request is taken as it is */
		FUZZ_CHECK(mi_fifo_parse(f, &good) == MI_FIFO_REQUEST && slice_eq(f->command, SLICE("help")) && f->arg_count == 0);
	} else {
		add(&seen, slice_make((const char *)&f->skipped, sizeof(f->skipped)));
	}
	free(f);
	return seen;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice input = fuzz_slice(data, size);
	struct seen whole = run(input, size > 0 ? size : 1, false);
	static const size_t chunks[] = {1, 3, 700};

	for (size_t i = 0; i < sizeof(chunks) / sizeof(chunks[0]); i++) {
		struct seen pieces = run(input, chunks[i], false);

		FUZZ_CHECK(pieces.events == whole.events && pieces.sum == whole.sum);
	}
	(void)run(input, size > 0 ? size : 1, true);
	return 0;
}
