/*
 * What strangers repeat in a message costs its length and not the square of it: the same work on four times as much takes about four
 * times as long. Measured in processor time of this thread, the best of several runs.
 */
#include <time.h>

#include "core/sip/sdp.h"
#include "core/sip/sip_header.h"
#include "core/base/addr.h"
#include "tests/unit/sip_test.h"

#define N      3000 /* pieces of the shorter message */
#define TIMES  4    /* as many in the longer one */
#define RUNS   5
#define FACTOR 9 /* linear is 4 and a little, the square 16 */
#define BLOCK  ((size_t)1 << 26)
#define MEMORY ((size_t)1 << 28)

/** A message: head, n times the piece with its number, tail. */
struct shape {
	const char *name, *head, *piece, *tail;
};

#define LINE   "INVITE sip:bob@example.com SIP/2.0\r\n"
#define VIA    "Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1\r\n"
#define OTHERS "From: <sip:a@b>;tag=1\r\nTo: <sip:c@d>\r\nCall-ID: 1\r\nCSeq: 1 INVITE\r\nMax-Forwards: 70\r\n"
#define REST   VIA OTHERS
#define END    "\r\n\r\n"
#define SDP    "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\n"

static const struct shape shapes[] = {
	/* header fields */
	{"Via fields", LINE OTHERS, VIA, "\r\n"},
	{"Route fields", LINE REST, "Route: <sip:p;lr>\r\n", "\r\n"},
	{"Record-Route fields", LINE REST, "Record-Route: <sip:p;lr>\r\n", "\r\n"},
	{"Contact fields", LINE REST, "Contact: <sip:a@b>\r\n", "\r\n"},
	{"unknown fields", LINE REST, "X: y\r\n", "\r\n"},
	{"unknown fields of many names", LINE REST, "X-%u: y\r\n", "\r\n"},
	{"empty fields", LINE REST, "X:\r\n", "\r\n"},
	{"folds", LINE REST "Subject: a", "\r\n b", END},
	{"Supported fields", LINE REST, "Supported: a\r\n", "\r\n"},
	/* values in one field */
	{"Via values", LINE OTHERS "Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1", ",SIP/2.0/UDP a", END},
	{"Contact values", LINE REST "Contact: <sip:a@b>", ",<sip:a@b>;q=0.5", END},
	{"bare Contact values", LINE REST "Contact: sip:a", ",a:b", END},
	{"Route values", LINE REST "Route: <sip:p;lr>", ",<sip:p;lr>", END},
	{"tokens", LINE REST "Supported: a", ",b", END},
	{"commas", LINE REST "Contact: <sip:a@b>", ",", END},
	/* parameters */
	{"Request-URI parameters", "INVITE sip:b@c", ";a=b", " SIP/2.0\r\n" REST "\r\n"},
	{"Request-URI parameters of many names", "INVITE sip:b@c", ";a%u=b", " SIP/2.0\r\n" REST "\r\n"},
	{"Contact URI parameters", LINE REST "Contact: <sip:a@b", ";a=b", ">" END},
	{"Contact parameters", LINE REST "Contact: <sip:a@b>", ";a=b", END},
	{"semicolons", LINE REST "Contact: <sip:a@b>", ";", END},
	{"Via parameters", LINE OTHERS "Via: SIP/2.0/UDP 192.0.2.1", ";a=b", END},
	{"To parameters", LINE VIA "From: <sip:a@b>;tag=1\r\nCall-ID: 1\r\nCSeq: 1 INVITE\r\nTo: <sip:c@d>", ";a=b", END},
	/* quotes */
	{"quoted strings", LINE REST "Contact: <sip:a@b>;a=", "\"\"", END},
	{"quoted parameters", LINE REST "Contact: <sip:a@b>", ";a=\"b\"", END},
	{"quoted parameters and a comma", LINE REST "Contact: <sip:a@b>", ";a=\"b\"", ", <sip:b@c>" END},
	{"quoted Via parameters", LINE OTHERS "Via: SIP/2.0/UDP 192.0.2.1", ";a=\"b\"", ",SIP/2.0/UDP a" END},
	{"escaped quotes", LINE REST "Contact: \"", "\\\"", "\" <sip:a@b>" END},
	{"quotes that do not close", LINE REST "Contact: <sip:a@b>;a=", "\"\"", "\"" END},
	{"brackets", LINE REST "Contact: ", "<", END},
	/* bodies */
	{"c= lines", LINE REST "\r\n" SDP, "c=IN IP4 192.0.2.1\r\n", "t=0 0\r\n"},
	{"c= lines of a stream", LINE REST "\r\n" SDP "m=audio 1 RTP/AVP 0\r\n", "c=IN IP4 192.0.2.1\r\n", "a=rtcp:5\r\n"},
	{"c= lines before o=", LINE REST "\r\nv=0\r\n", "c=IN IP4 192.0.2.1\r\n", "o=- 1 1 IN IP4 192.0.2.1\r\n"},
	{"a= lines", LINE REST "\r\n" SDP "c=IN IP4 192.0.2.1\r\nm=audio 1 RTP/AVP 0\r\n", "a=rtcp:5\r\na=x\r\n", ""},
	{"m= lines", LINE REST "\r\n" SDP "c=IN IP4 192.0.2.1\r\n", "m=audio 1 RTP/AVP 0\r\n", ""},
	{"body parts", LINE REST "Content-Type: multipart/mixed;boundary=x" END, "--x\r\n\r\na\r\n", "--x--\r\n"},
	{"nearly boundaries", LINE REST "Content-Type: multipart/mixed;boundary=x" END, "--x-\r\n", "--x--\r\n"},
	{"headers of a body part", LINE REST "Content-Type: multipart/mixed;boundary=x" END "--x\r\n", "A: b\r\n", "\r\na\r\n--x--\r\n"},
	/* other bytes */
	{"NULs behind backslashes", LINE REST "Subject: \"", "\\%c", "\"" END},
	{"line ends before it", "", "\r\n", LINE REST "\r\n"},
	{"a long line", LINE REST "Subject: ", "abcdefgh", END},
	{"a long Call-ID", LINE VIA "From: <sip:a@b>;tag=1\r\nTo: <sip:c@d>\r\nCSeq: 1 INVITE\r\nCall-ID: ", "abcdefgh", END},
};

static struct slice build(struct arena *arena, const struct shape *shape, unsigned n)
{
	struct buf b;
	unsigned i;

	buf_arena(&b, arena, 1 << 16, MEMORY);
	buf_str(&b, shape->head);
	for (i = 0; i < n; i++) {
		const char *percent = strchr(shape->piece, '%');

		if (!percent) {
			buf_str(&b, shape->piece);
			continue;
		}
		buf_add(&b, slice_make(shape->piece, (size_t)(percent - shape->piece)));
		if (percent[1] == 'u')
			buf_u64(&b, i);
		else
			buf_chr(&b, '\0');
		buf_str(&b, percent + 2);
	}
	buf_str(&b, shape->tail);
	assert_int_equal(b.err, 0);
	return buf_slice(&b);
}

static void read_all(struct sip_msg *msg)
{
	static const enum sip_hdr_id lists[] = {SIP_H_CONTACT, SIP_H_ROUTE, SIP_H_RECORD_ROUTE, SIP_H_PATH};
	struct slice value;
	struct sip_uri uri;
	unsigned i, q;

	for (i = 0; i < sizeof(lists) / sizeof(lists[0]); i++)
		for (const struct sip_nameaddr *n = sip_nameaddrs(msg, lists[i], NULL); n; n = n->next) {
			(void)sip_contact_q(n, &q);
			(void)sip_param_get(n->uri.params, SLICE("received"), &value);
		}
	(void)sip_contact_star(msg);
	(void)sip_hdr_has_token(msg, SIP_H_SUPPORTED, SLICE("path"));
	(void)sip_hdr_find(msg, SLICE("X-Absent"));
	(void)sip_body_is(msg, SLICE("application/x"));
	for (struct sip_hdr *h = sip_hdr_find(msg, SLICE("X")); h; h = sip_hdr_next(h))
		q++;
	if (sip_uri_parse(&uri, msg->ruri) == 0)
		(void)sip_uri_equal(&uri, &uri);
}

static void edit_all(struct sip_msg *msg)
{
	struct sip_sdp_part parts[SIP_MAX_SDP_PARTS];
	struct addr source;
	int i, n;

	assert_int_equal(addr_parse(&source, SLICE("203.0.113.7:1234"), 0), 0);
	(void)sip_via_fix(msg, &source, true);
	n = sip_sdp_parse(msg, parts, 1u << 30);
	for (i = 0; i < n; i++) {
		struct sdp *s = &parts[i].sdp;

		for (struct sdp_addr *a = &s->conn; a; a = a->more)
			(void)sdp_append_line(s, SLICE("a=oldmediaip:192.0.2.1"));
		sdp_set_addr(&s->conn, SLICE("2001:db8::1"), true);
		sdp_set_addr(&s->origin, SLICE("2001:db8::1"), true);
		for (unsigned m = 0; m < s->media_count; m++) {
			sdp_set_addr(&s->media[m].conn, SLICE("2001:db8::1"), true);
			sdp_set_port(&s->media[m], 4000);
		}
	}
	if (n > 0)
		(void)sip_sdp_apply(msg, parts, (unsigned)n);
	(void)sip_hdr_add_text(msg, SIP_BEFORE, msg->first, SLICE("X: 1\r\nX: 2\r\n"));
}

static void write_all(struct sip_msg *msg)
{
	const struct sip_forward f = {.via = SLICE("SIP/2.0/UDP 192.0.2.9;branch=z9hG4bK9")};
	const struct sip_answer a = {.code = 400, .to_tag = SLICE("t"), .record_route = true};
	struct buf b;

	buf_arena(&b, msg->arena, 1 << 16, MEMORY);
	sip_write_request(&b, msg, &f);
	buf_reset(&b);
	sip_write_reply(&b, msg);
	buf_reset(&b);
	sip_write_answer(&b, msg, &a);
}

static void work(struct arena *arena, struct slice text)
{
	const struct sip_limits limits = {.max_headers = 1u << 30, .max_size = MEMORY};
	size_t skip, state = 0;
	struct sip_error why;
	struct sip_msg msg;

	(void)sip_frame(text, MEMORY, &skip, &state);
	(void)sip_is_likely(text);
	(void)sip_peek_call_id(text);
	(void)sip_parse(&msg, arena, text, &limits, &why);
	read_all(&msg);
	(void)sip_can_reply(&msg);
	edit_all(&msg);
	write_all(&msg);
	sip_rollback(&msg, NULL);
}

static double seconds(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static double cost(struct arena *arena, const struct shape *shape, unsigned n)
{
	double best = 1e9, start;

	for (unsigned run = 0; run < RUNS; run++) {
		struct slice text;

		arena_reset(arena);
		text = build(arena, shape, n);
		start = seconds();
		work(arena, text);
		start = seconds() - start;
		best = start < best ? start : best;
	}
	return best;
}

static void four_times_the_pieces_cost_four_times_the_work(void **state)
{
	/* one block, touched before: the memory that the kernel gives is not what is measured */
	struct arena *arena = arena_new(BLOCK, MEMORY);
	unsigned wrong = 0;

	(void)state;
	assert_non_null(arena);
	memset(arena_alloc(arena, BLOCK / 2), 0, BLOCK / 2);
	for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++) {
		double less = cost(arena, &shapes[i], N), more = cost(arena, &shapes[i], N * TIMES);

		/* what is over at once tells nothing */
		if (more > 0.0005 && more > FACTOR * less) {
			print_error("%s: %u take %.2f ms, %u %.2f ms\n", shapes[i].name, N, less * 1e3, N * TIMES, more * 1e3);
			wrong++;
		}
	}
	arena_put(arena);
	assert_int_equal(wrong, 0);
}

/** Two URIs with the same n parameters, in opposite order. */
static double equal_cost(unsigned n)
{
	struct arena *arena = arena_new(1 << 20, MEMORY);
	struct sip_uri a, b;
	struct buf x, y;
	double start;

	buf_arena(&x, arena, 1 << 16, MEMORY);
	buf_arena(&y, arena, 1 << 16, MEMORY);
	buf_str(&x, "sip:a@b");
	buf_str(&y, "sip:a@b");
	for (unsigned i = 0; i < n; i++) {
		buf_printf(&x, ";p%u=1", i);
		buf_printf(&y, ";p%u=1", n - 1 - i);
	}
	assert_int_equal(sip_uri_parse(&a, buf_slice(&x)), 0);
	assert_int_equal(sip_uri_parse(&b, buf_slice(&y)), 0);
	start = seconds();
	assert_int_equal(sip_uri_equal(&a, &b), n < 100);
	start = seconds() - start;
	arena_put(arena);
	return start;
}

static void comparing_uris_with_many_parameters_is_bounded(void **state)
{
	(void)state;
	(void)equal_cost(60);
	assert_true(equal_cost(8000) < 0.02);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(four_times_the_pieces_cost_four_times_the_work),
		cmocka_unit_test(comparing_uris_with_many_parameters_is_bounded),
	};
	return cmocka_run_group_tests_name("sip_work", tests, NULL, NULL);
}
