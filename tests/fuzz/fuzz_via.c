/* Lone header values: Via lists, and address lists as a stored route set has them. */
#include "core/sip/sip_header.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice text = fuzz_slice(data, size);
	struct arena *arena = arena_new(4096, (size_t)1 << 24);
	const struct sip_nameaddr *n;
	struct sip_via *v;
	unsigned q;
	int err;

	FUZZ_CHECK(arena != NULL);
	if (sip_via_parse(arena, text, &v) == 0)
		for (; v; v = v->next)
			FUZZ_CHECK(v->host.len > 0 && v->transport != SIP_TR_NONE &&
				slice_contains(text, v->text.p));
	n = sip_nameaddr_parse(arena, text, &err);
	FUZZ_CHECK((n != NULL) == (err == 0));
	for (; n; n = n->next) {
		FUZZ_CHECK(n->uri_err != 0 || slice_eq(n->uri.text, n->uri_text));
		(void)sip_contact_q(n, &q);
	}
	arena_put(arena);
	return 0;
}
