/* Address lists: alone, as a stored route set is one, and as the Contact of a message, of which values are taken out. */
#include "core/sip/sip_header.h"
#include "core/sip/sip_write.h"
#include "tests/fuzz/fuzz.h"

#define MOST 40 /* values that are taken out one by one */

static const char before[] = "REGISTER sip:example.org SIP/2.0\r\n"
			     "Via: SIP/2.0/UDP 10.0.0.5;branch=z9hG4bK1\r\n"
			     "From: <sip:a@example.com>;tag=1\r\n"
			     "To: <sip:a@example.com>\r\n"
			     "Call-ID: 1\r\n"
			     "CSeq: 1 REGISTER\r\n"
			     "Contact: ";
static const char behind[] = "\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n";

static void check_value(struct arena *arena, struct slice list, const struct sip_nameaddr *n)
{
	const struct sip_nameaddr *again;
	unsigned q;

	fuzz_inside(list, n->text);
	fuzz_inside(n->text, n->display);
	fuzz_inside(n->text, n->uri_text);
	fuzz_inside(n->text, n->params);
	fuzz_inside(n->params, n->tag);
	FUZZ_CHECK(n->uri_err != 0 || slice_eq(n->uri.text, n->uri_text));
	FUZZ_CHECK(sip_contact_q(n, &q) != 0 || q <= 1000);
	again = sip_nameaddr_parse(arena, n->text, NULL);
	FUZZ_CHECK(again && !again->next && slice_eq(again->uri_text, n->uri_text) &&
		slice_eq(again->params, n->params) && slice_eq(again->display, n->display) &&
		again->brackets == n->brackets);
}

static void check_list(struct arena *arena, struct slice list, const struct sip_nameaddr *n)
{
	const char *end = list.p;

	for (; n; n = n->next) {
		FUZZ_CHECK(n->text.p >= end);
		end = n->text.p + n->text.len;
		check_value(arena, list, n);
	}
}

/** The k-th value of the message's Contacts; NULL: not so many. */
static const struct sip_nameaddr *nth(const struct sip_nameaddr *n, unsigned k)
{
	for (; n && k > 0; k--)
		n = n->next;
	return n;
}

/** Without the k-th value the others are there, in their order, and nothing else. */
static void take_out(struct sip_msg *msg, const struct sip_nameaddr *all, unsigned k)
{
	const struct sip_nameaddr *rest, *n;
	unsigned i = 0;
	int err;

	FUZZ_CHECK(sip_nameaddr_remove(msg, all, nth(all, k)) == 0);
	rest = sip_nameaddrs(msg, SIP_H_CONTACT, &err);
	FUZZ_CHECK(err == 0);
	for (n = all; n; n = n->next, i++) {
		if (i == k)
			continue;
		FUZZ_CHECK(rest && slice_eq(rest->text, n->text));
		rest = rest->next;
	}
	FUZZ_CHECK(!rest);
	sip_rollback(msg, NULL);
}

static void in_a_message(struct arena *arena, struct slice list)
{
	struct slice text = arena_join(arena, SLICE(before), list);
	const struct sip_nameaddr *all, *n;
	struct sip_error why;
	struct sip_msg msg;
	unsigned k;

	text = arena_join(arena, text, SLICE(behind));
	FUZZ_CHECK(text.p != NULL);
	if (sip_parse(&msg, arena, text, NULL, &why) != 0)
		return;
	all = sip_nameaddrs(&msg, SIP_H_CONTACT, NULL);
	for (n = all; n; n = n->next)
		if (n->hdr != all->hdr)
			return; /* the input brought fields of its own; the links between fields are made anew by each reader */
	for (n = all, k = 0; n && k < MOST; n = n->next, k++)
		take_out(&msg, all, k);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice text = fuzz_slice(data, size);
	struct arena *arena = arena_new(4096, (size_t)1 << 25);
	const struct sip_nameaddr *n;
	int err;

	FUZZ_CHECK(arena != NULL);
	if (size > 8192)
		text.len = 8192;
	n = sip_nameaddr_parse(arena, text, &err);
	FUZZ_CHECK((n != NULL) == (err == 0));
	check_list(arena, text, n);
	if (n)
		in_a_message(arena, text);
	arena_put(arena);
	return 0;
}
