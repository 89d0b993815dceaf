/* What RTP proxies answer, and what operators and other nodes write about them: replies, sets, flags; and that no word breaks a command. */
#include <stdlib.h>
#include <string.h>

#include "plugins/rtpp/rtpp_proto.h"
#include "plugins/rtpp/rtpp_sets.h"
#include "tests/fuzz/fuzz.h"

static void reply(struct slice text)
{
	static const char letters[] = "ULPD";
	struct rtpp_reply r;

	if (rtpp_reply_parse(text, &r) != 0)
		return;
	FUZZ_CHECK(text.len <= RTPP_REPLY_MAX);
	for (const char *l = letters; *l; l++) {
		const struct rtpp_command sent = {.letter = *l,
			.ip = SLICE("10.0.0.5"),
			.port = 4000,
			.notify_socket = SLICE("n"),
			.notify_tag = SLICE("t")};

		for (unsigned features = 0; features < 2; features++) {
			enum rtpp_outcome o =
				rtpp_outcome_of(&sent, &r, features ? RTPP_F_CODES2 : 0);

			FUZZ_CHECK(o != RTPP_GOOD ||
				(r.kind != RTPP_REPLY_ERROR && r.number > 0 &&
					r.number < UINT16_MAX));
			FUZZ_CHECK(rtpp_outcome_text(o) != NULL);
			FUZZ_CHECK(rtpp_refusal_text(&r, features) != NULL);
		}
	}
}

/** What was taken is taken again as it is written. */
static void again(const struct rtpp_sets *sets)
{
	struct rtpp_sets copy = {0};

	for (unsigned s = 0; s < sets->set_count; s++) {
		for (unsigned n = 0; n < sets->sets[s].count; n++) {
			const struct rtpp_node *node = &sets->sets[s].nodes[n];
			char text[256];
			struct buf b;

			buf_fixed(&b, text, sizeof(text));
			rtpp_node_text(&b, sets, node);
			FUZZ_CHECK(b.err == 0);
			FUZZ_CHECK(rtpp_sets_put(&copy, sets->sets[s].id, buf_slice(&b),
					   node->weight) == NULL);
		}
	}
	FUZZ_CHECK(copy.node_count == sets->node_count);
	rtpp_sets_free(&copy);
}

static void sets(struct slice bytes)
{
	struct rtpp_sets s = {0};
	char *text = strndup(bytes.p ? bytes.p : "", bytes.len);

	FUZZ_CHECK(text != NULL);
	if (!rtpp_sets_add(&s, text))
		again(&s);
	rtpp_sets_free(&s);
	if (!rtpp_sets_add_record(&s, SLICE("7"), bytes))
		again(&s);
	(void)rtpp_sets_put(&s, 7, bytes, 1);
	(void)rtpp_sets_put(&s, 7, bytes, RTPP_TAKEN_OUT);
	rtpp_sets_tidy(&s);
	rtpp_sets_free(&s);
	free(text);
}

static unsigned count(struct slice s, char c)
{
	unsigned n = 0;

	for (size_t i = 0; i < s.len; i++)
		n += s.p[i] == c;
	return n;
}

/** Call-ID, tags and prompt as the input has them, one a line: the words of the command are still as many as they should be. */
static void command(struct slice bytes)
{
	static char room[RTPP_COMMAND_MAX + 1];
	struct slice parts[4] = {{0}};
	struct rtpp_command c = {.ip = SLICE("10.0.0.5"), .port = 1, .stream = 1};
	struct buf b;

	for (unsigned i = 0; i < 4; i++) {
		if (!slice_cut(bytes, '\n', &parts[i], &bytes)) {
			parts[i] = bytes;
			break;
		}
	}
	c.call_id = parts[0];
	c.tag_a = parts[1];
	c.tag_b = parts[2];
	c.prompt = parts[3];
	for (const char *l = "ULDPSR"; *l; l++) {
		unsigned words = *l == 'U' || *l == 'L' ? 5 : *l == 'P' ? 5 : 3;

		c.letter = *l;
		buf_fixed(&b, room, sizeof(room));
		if (rtpp_command_write(&b, &c) != 0)
			continue;
		FUZZ_CHECK(count(buf_slice(&b), ' ') == words - 1 + (c.tag_b.len > 0));
		FUZZ_CHECK(count(buf_slice(&b), '\n') == 0);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct slice bytes = fuzz_slice(data, size);
	struct rtpp_flags f;
	char why[128];

	reply(bytes);
	sets(bytes);
	command(bytes);
	if (!rtpp_flags_parse(bytes, &f, why))
		FUZZ_CHECK(strlen(f.sides) <= 2 && f.repacketise <= 999);
	return 0;
}
