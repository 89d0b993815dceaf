/**
 * @file sip_test.h  Messages for the tests of core/sip and of the plugins that edit
 * messages.
 */
#pragma once

#include "core/base/arena.h"
#include "core/base/buf.h"
#include "core/sip/sip_msg.h"
#include "core/sip/sip_write.h"
#include "tests/unit/ph_test.h"

/** A parsed message and what it lives in. */
struct sip_test {
	struct arena *arena;
	char *bytes; /**< exactly as long as the message: a sanitizer sees a read behind it */
	struct sip_msg msg;
	struct sip_error why;
	int err; /**< of sip_parse() */
};

static inline void sip_test_parse(struct sip_test *t, struct slice bytes)
{
	memset(t, 0, sizeof(*t));
	t->arena = arena_new(16384, 1 << 20);
	t->bytes = malloc(bytes.len ? bytes.len : 1);
	assert_non_null(t->arena);
	assert_non_null(t->bytes);
	if (bytes.len)
		memcpy(t->bytes, bytes.p, bytes.len);
	t->err = sip_parse(
		&t->msg, t->arena, slice_make(t->bytes, bytes.len), NULL, &t->why);
}

static inline void sip_test_text(struct sip_test *t, const char *text)
{
	sip_test_parse(t, slice_str(text));
}

/** The same, and it must be a good message. */
static inline void sip_test_good(struct sip_test *t, const char *text)
{
	sip_test_text(t, text);
	if (t->err != 0)
		fail_msg("refused: %s", t->why.text);
}

static inline void sip_test_free(struct sip_test *t)
{
	arena_put(t->arena);
	free(t->bytes);
}

/** The message as it stands, in the arena. */
static inline struct slice sip_test_plain(struct sip_test *t)
{
	struct buf b;

	buf_arena(&b, t->arena, 2048, 1 << 18);
	sip_write_plain(&b, &t->msg);
	assert_int_equal(b.err, 0);
	return buf_slice(&b);
}

static inline void sip_test_has(
	struct slice text, const char *part, bool want, const char *file, int line)
{
	if ((slice_find(text, slice_str(part)) >= 0) == want)
		return;
	print_error("%s \"%s\" in:\n%.*s\n", want ? "no" : "unexpected", part,
		SLICE_ARG(text));
	_fail(file, line);
}
#define assert_has(text, part)     sip_test_has((text), (part), true, __FILE__, __LINE__)
#define assert_has_not(text, part) sip_test_has((text), (part), false, __FILE__, __LINE__)

#define SIP_TEST_HEAD                                                                    \
	"INVITE sip:bob@example.com SIP/2.0\r\n"                                         \
	"Via: SIP/2.0/UDP 192.168.1.20:5060;branch=z9hG4bK776asdhds;rport\r\n"           \
	"Max-Forwards: 70\r\n"                                                           \
	"To: Bob <sip:bob@example.com>\r\n"                                              \
	"From: \"Alice\" <sip:alice@example.com>;tag=1928301774\r\n"                     \
	"Call-ID: a84b4c76e66710@pc33.example.com\r\n"                                   \
	"CSeq: 314159 INVITE\r\n"
/** An INVITE without Contact and body, complete. */
#define SIP_TEST_INVITE SIP_TEST_HEAD "Content-Length: 0\r\n\r\n"
