/* sip_parse(), all that reads values, edits, and the writers; framing and the Call-ID
 * peek must agree with the parser. */
#include <errno.h>

#include "core/sip/sdp.h"
#include "core/sip/sip_header.h"
#include "core/sip/sip_write.h"
#include "tests/fuzz/fuzz.h"

#define OUT_MAX ((size_t)1 << 19)

static struct slice written(struct arena *arena, struct sip_msg *msg,
	void (*write)(struct buf *b, struct sip_msg *msg))
{
	struct buf b;

	buf_arena(&b, arena, 4096, OUT_MAX);
	write(&b, msg);
	FUZZ_CHECK(b.err == 0);
	return buf_slice(&b);
}

static void write_forwarded(struct buf *b, struct sip_msg *msg)
{
	const struct sip_forward f = {
		.via = SLICE("SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKf"),
		.route = SLICE("<sip:192.0.2.2;lr>"),
		.extra = SLICE("X-Extra: 1\r\n")};

	sip_write_request(b, msg, &f);
}

static void write_answer(struct buf *b, struct sip_msg *msg)
{
	const struct sip_answer a = {.code = 404,
		.to_tag = SLICE("t"),
		.via_received = SLICE(";received=192.0.2.9;rport=1"),
		.record_route = true};

	sip_write_answer(b, msg, &a);
}

/** What we write must be a message that we would take. */
static void check_good(struct arena *arena, struct slice text)
{
	struct sip_msg again;
	struct sip_error why;
	struct sip_limits limits = {.max_headers = 2048, .max_size = OUT_MAX};
	int err = sip_parse(&again, arena, text, &limits, &why);

	if (err != 0)
		(void)fprintf(stderr, "%s:\n%.*s\n", why.text, SLICE_ARG(text));
	FUZZ_CHECK(err == 0);
}

static void read_values(struct sip_msg *msg)
{
	static const enum sip_hdr_id lists[] = {
		SIP_H_CONTACT, SIP_H_ROUTE, SIP_H_RECORD_ROUTE, SIP_H_PATH};
	const struct sip_nameaddr *n;
	struct slice params;
	uint32_t number;
	unsigned i, q;

	(void)sip_from(msg, NULL);
	(void)sip_to(msg, NULL);
	for (i = 0; i < sizeof(lists) / sizeof(lists[0]); i++)
		for (n = sip_nameaddrs(msg, lists[i], NULL); n; n = n->next)
			FUZZ_CHECK(slice_contains(n->hdr->value, n->text.p) &&
				(sip_contact_q(n, &q) != 0 || q <= 1000));
	for (i = SIP_H_OTHER + 1; i < SIP_H_COUNT; i++)
		(void)sip_number(msg, i, &number);
	(void)sip_contact_star(msg);
	(void)sip_hdr_has_token(msg, SIP_H_SUPPORTED, SLICE("path"));
	(void)sip_content_type(msg, &params);
	(void)sip_body_is(msg, SLICE("application/sdp"));
}

/** Received with CRLF and "SIP" in capitals: such lines leave as they came. */
static bool is_as_we_write(const struct sip_msg *msg)
{
	const char *p = msg->raw.p, *end = msg->body_received.p;
	struct slice line = msg->start_line;

	if (!slice_starts(line, SLICE("SIP/2.0")) &&
		!slice_starts(slice_from(line, line.len - 9), SLICE("SIP/2.0\r\n")))
		return false;
	for (; p < end; p++)
		if (*p == '\n' && (p == msg->raw.p || p[-1] != '\r'))
			return false;
	return true;
}

static void edit_and_undo(struct sip_msg *msg)
{
	struct sip_sdp_part parts[SIP_MAX_SDP_PARTS];
	struct slice before = written(msg->arena, msg, sip_write_plain);
	struct addr source = {.in = {.sin_family = AF_INET, .sin_port = 4242}};
	struct sip_hdr *h;
	int n, i, err;

	FUZZ_CHECK(sip_via_fix(msg, &source, true) == 0);
	for (h = msg->first; h; h = h->next) {
		if (h->id == SIP_H_ROUTE)
			(void)sip_hdr_remove(msg, h);
		else if (h->id == SIP_H_SUBJECT)
			(void)sip_hdr_set(msg, h, SLICE("new"));
	}
	(void)sip_hdr_add_text(
		msg, SIP_BEFORE, msg->last, SLICE("Path: <sip:p;lr>\r\nSubject: 2"));
	n = sip_sdp_parse(msg, parts, SDP_MAX_MEDIA);
	for (i = 0; i < n; i++) {
		sdp_set_addr(&parts[i].sdp.conn, SLICE("192.0.2.3"), false);
		(void)sdp_append_line(&parts[i].sdp, SLICE("a=x"));
	}
	if (n > 0) {
		err = sip_sdp_apply(msg, parts, (unsigned)n);
		FUZZ_CHECK(err == 0 && sip_sdp_parse(msg, parts, SDP_MAX_MEDIA) == n);
	}
	read_values(msg);
	check_good(msg->arena, written(msg->arena, msg, sip_write_plain));
	if (msg->kind == SIP_REQUEST) {
		FUZZ_CHECK(sip_set_ruri(msg, SLICE("sip:other@example.org")) == 0);
		check_good(msg->arena, written(msg->arena, msg, write_forwarded));
	}
	sip_rollback(msg, NULL);
	FUZZ_CHECK(msg->edits == 0);
	FUZZ_CHECK(slice_eq(before, written(msg->arena, msg, sip_write_plain)));
}

static void good_message(struct sip_msg *msg)
{
	struct sip_hdr *length = sip_hdr_first(msg, SIP_H_CONTENT_LENGTH);
	size_t skip, state = 0;
	struct buf b;

	FUZZ_CHECK(slice_eq(sip_peek_call_id(msg->raw), msg->call_id));
	if (length)
		FUZZ_CHECK(sip_frame(msg->raw, OUT_MAX, &skip, &state) ==
				(ptrdiff_t)msg->raw.len &&
			skip == 0);
	read_values(msg);
	/* A Content-Length that is written twice leaves once. */
	if (is_as_we_write(msg) && (!length || !sip_hdr_next(length)))
		FUZZ_CHECK(slice_eq(written(msg->arena, msg, sip_write_plain), msg->raw));
	if (msg->kind == SIP_REQUEST) {
		check_good(msg->arena, written(msg->arena, msg, write_forwarded));
		check_good(msg->arena, written(msg->arena, msg, write_answer));
		buf_arena(&b, msg->arena, 4096, OUT_MAX);
		sip_write_cancel(&b, msg, (struct slice){0});
		check_good(msg->arena, buf_slice(&b));
		buf_reset(&b);
		sip_write_ack(&b, msg, msg);
		check_good(msg->arena, buf_slice(&b));
	} else {
		(void)written(msg->arena, msg, sip_write_reply);
	}
	edit_and_undo(msg);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *arena = arena_new(32768, (size_t)1 << 25);
	struct slice text = fuzz_slice(data, size);
	struct sip_error why = {0};
	struct sip_msg msg;
	size_t skip, state = 0;
	int err;

	FUZZ_CHECK(arena != NULL);
	(void)sip_frame(text, 65535, &skip, &state);
	(void)sip_peek_call_id(text);
	err = sip_parse(&msg, arena, text, NULL, &why);
	/* the look that floods get refuses nothing that is good */
	FUZZ_CHECK(err != 0 || sip_is_likely(text));
	FUZZ_CHECK(err == 0 || why.text != NULL);
	if (err == 0) {
		good_message(&msg);
	} else {
		read_values(&msg);
		if (sip_can_reply(&msg))
			(void)written(arena, &msg, write_answer);
	}
	arena_put(arena);
	return 0;
}
