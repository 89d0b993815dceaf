/* The repairs of the plugins nat and sdp on whole messages: what they leave is a good
 * message with the new addresses. */
#include <errno.h>

#include "core/sip/sip_write.h"
#include "plugins/nat/add_rcv_param.h"
#include "plugins/nat/fix_nated_contact.h"
#include "plugins/nat/nat_uac_test.h"
#include "plugins/sdp/fix_nated_sdp.h"
#include "tests/fuzz/fuzz.h"

#define OUT_MAX ((size_t)1 << 19)

/** Written out and read again. */
static void reread(struct sip_msg *msg, struct sip_msg *again)
{
	const struct sip_limits limits = {.max_headers = 2048, .max_size = OUT_MAX};
	struct sip_error why;
	struct buf b;

	buf_arena(&b, msg->arena, 4096, OUT_MAX);
	sip_write_plain(&b, msg);
	FUZZ_CHECK(b.err == 0 &&
		sip_parse(again, msg->arena, buf_slice(&b), &limits, &why) == 0);
}

static void check_contacts(struct sip_msg *msg, const struct addr *source)
{
	const struct sip_nameaddr *c;
	struct addr a;
	int err;

	for (c = sip_nameaddrs(msg, SIP_H_CONTACT, &err); c; c = c->next)
		FUZZ_CHECK(c->uri_err == 0 && slice_empty(c->uri.maddr) &&
			addr_parse(&a, c->uri.hostport, 0) == 0 && addr_eq(&a, source));
	FUZZ_CHECK(err == 0);
}

static void look(struct sip_msg *msg, const struct addr *source)
{
	struct nat_view view = {.source = source};
	unsigned hits;

	view.via = sip_via_list(msg, NULL);
	view.contacts = sip_nameaddrs(msg, SIP_H_CONTACT, NULL);
	FUZZ_CHECK(
		nat_uac_test(&view, NAT_TESTS, &hits) == 0 && (hits & ~NAT_TESTS) == 0);
}

static void repair(struct sip_msg *msg)
{
	struct addr source = {.in = {.sin_family = AF_INET}};
	const struct sdp_fix_with with = {.flags = SDP_FIXES,
		.ip = &source,
		.marker = SLICE("a=nortpproxy:yes"),
		.lines = SLICE("a=x:1\r\na=y"),
		.max_media = SDP_MAX_MEDIA};
	struct sip_msg again;
	unsigned edits = msg->edits;

	FUZZ_CHECK(addr_parse(&source, SLICE("203.0.113.7:40312"), 0) == 0);
	look(msg, &source);
	if (fix_nated_contact(msg, &source, SLICE(";nat=yes")) == 0) {
		reread(msg, &again);
		check_contacts(&again, &source);
		edits = msg->edits;
		FUZZ_CHECK(fix_nated_contact(msg, &source, SLICE(";nat=yes")) == 0);
	}
	FUZZ_CHECK(msg->edits == edits);
	if (add_rcv_param(msg, SLICE("sip:203.0.113.7:40312;transport=tcp"), edits % 2) ==
		0) {
		reread(msg, &again);
		FUZZ_CHECK(again.hdr_count == msg->hdr_count);
	}
	if (fix_nated_sdp(msg, &with) == 0) {
		reread(msg, &again);
		edits = msg->edits;
		FUZZ_CHECK(fix_nated_sdp(msg, &with) == 0);
		FUZZ_CHECK(msg->edits == edits);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *arena = arena_new(32768, (size_t)1 << 25);
	struct sip_error why;
	struct sip_msg msg;

	FUZZ_CHECK(arena != NULL);
	/* Content-Length twice leaves once: the count of headers below would differ. */
	if (sip_parse(&msg, arena, fuzz_slice(data, size), NULL, &why) == 0 &&
		(!msg.by_id[SIP_H_CONTENT_LENGTH] ||
			!sip_hdr_next(msg.by_id[SIP_H_CONTENT_LENGTH])))
		repair(&msg);
	arena_put(arena);
	return 0;
}
