/* A dialog's sides read off any message, and the BYEs that come of them: what is sent must be readable again. */
#include "plugins/dialog/bye.h"
#include "tests/fuzz/fuzz.h"

static bool is_myself(void *arg, struct slice host, uint16_t port)
{
	(void)arg, (void)port;
	return host.len > 0 && host.p[0] == '1';
}

/** With a Via put in, as tm does. */
static void read_back(struct arena *arena, const struct bye *bye)
{
	const ptrdiff_t line = slice_find(bye->text, SLICE("\r\n"));
	struct sip_error why = {0};
	struct sip_msg msg = {0};
	struct sip_uri uri;
	struct slice text;

	FUZZ_CHECK(line > 0);
	text = arena_printf(arena,
		"%.*s\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1%.*s",
		SLICE_ARG(slice_sub(bye->text, 0, (size_t)line)),
		SLICE_ARG(slice_from(bye->text, (size_t)line)));
	FUZZ_CHECK(text.p != NULL);
	if (sip_parse(&msg, arena, text, NULL, &why) != 0)
		return; /* what cannot be parsed is not sent (tm_local_new()) */
	FUZZ_CHECK(msg.method == SIP_BYE && sip_hdr_first(&msg, SIP_H_ROUTE) == NULL
			? true
			: sip_nameaddrs(&msg, SIP_H_ROUTE, NULL) != NULL);
	FUZZ_CHECK(slice_empty(bye->du) || sip_uri_parse(&uri, bye->du) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct leg_ours ours = {.is_myself = is_myself};
	struct arena *arena = arena_new(16384, (size_t)1 << 24);
	struct store_dialog d = {.state = STORE_DIALOG_CONFIRMED};
	struct sip_error why = {0};
	struct sip_msg msg = {0};
	struct bye bye;

	FUZZ_CHECK(arena != NULL);
	if (sip_parse(&msg, arena, arena_dup(arena, fuzz_slice(data, size)), NULL,
		    &why) == 0 &&
		leg_of_invite(&d.caller, arena, &msg, &ours) == 0 &&
		leg_of_answer(&d.callee, arena, &msg, &ours, 1) == 0) {
		d.call_id = msg.call_id;
		d.caller.socket = SLICE("udp:198.51.100.7:5060");
		d.callee.flow = SLICE("tcp:203.0.113.9:40001");
		if (bye_make(&bye, arena, &d, BYE_TO_CALLER, SLICE("a \"reason\""),
			    &ours) == 0)
			read_back(arena, &bye);
		if (bye_make(&bye, arena, &d, BYE_TO_CALLEE, SLICE("x"), &ours) == 0)
			read_back(arena, &bye);
	}
	arena_put(arena);
	return 0;
}
