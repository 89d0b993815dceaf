/* Via lists: what is cut from a value lies in it, and each value alone is the same value. */
#include "core/sip/sip_header.h"
#include "tests/fuzz/fuzz.h"

static void check_alone(struct arena *arena, const struct sip_via *v)
{
	struct sip_via *again;

	FUZZ_CHECK(sip_via_parse(arena, v->text, &again) == 0 && again->next == NULL);
	FUZZ_CHECK(slice_eq(again->text, v->text) && slice_eq(again->host, v->host) &&
		slice_eq(again->branch, v->branch) &&
		slice_eq(again->params, v->params) && again->port == v->port &&
		again->transport == v->transport && again->has_rport == v->has_rport);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice text = fuzz_slice(data, size);
	struct arena *arena = arena_new(4096, (size_t)1 << 24);
	const char *behind = text.p;
	struct sip_via *v;

	FUZZ_CHECK(arena != NULL);
	if (sip_via_parse(arena, text, &v) != 0)
		v = NULL;
	for (; v; v = v->next) {
		FUZZ_CHECK(v->host.len > 0 && v->transport != SIP_TR_NONE &&
			v->text.p >= behind);
		fuzz_inside(text, v->text);
		fuzz_inside(v->text, v->host);
		fuzz_inside(v->text, v->params);
		fuzz_inside(v->params, v->branch);
		fuzz_inside(v->params, v->received);
		fuzz_inside(v->params, v->rport);
		behind = v->text.p + v->text.len;
		check_alone(arena, v);
	}
	arena_put(arena);
	return 0;
}
