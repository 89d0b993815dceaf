/* sdp_parse(), changes, sdp_write(): what is written must read as what was set. */
#include "core/sip/sdp.h"
#include "tests/fuzz/fuzz.h"

static void change_all(struct sdp *s)
{
	struct slice addr = SLICE("2001:db8::1");
	unsigned i;

	sdp_set_addr(&s->origin, addr, true);
	sdp_set_addr(&s->conn, addr, true);
	for (i = 0; i < s->media_count; i++) {
		struct sdp_media *m = &s->media[i];

		sdp_set_port(m, (uint16_t)(1000 + i));
		sdp_set_addr(&m->conn, addr, true);
		sdp_set_addr(&m->rtcp, addr, true);
		m->rtcp_port = 77;
		m->rtcp_port_set = true;
	}
	FUZZ_CHECK(sdp_append_line(s, SLICE("a=new")) == 0);
}

static void check_addr(const struct sdp_addr *a)
{
	for (; a && a->line.len; a = a->more)
		FUZZ_CHECK(a->ip6 && slice_eq(a->addr, SLICE("2001:db8::1")));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *arena = arena_new(8192, (size_t)1 << 24);
	struct slice text = fuzz_slice(data, size);
	struct sdp s, again;
	struct buf b;
	unsigned i;

	FUZZ_CHECK(arena != NULL);
	buf_arena(&b, arena, 1024, (size_t)1 << 22);
	if (sdp_parse(&s, arena, text, SDP_MAX_MEDIA) == 0) {
		sdp_write(&b, &s);
		FUZZ_CHECK(b.err == 0 && slice_eq(buf_slice(&b), text));
		buf_reset(&b);
		change_all(&s);
		sdp_write(&b, &s);
		FUZZ_CHECK(b.err == 0 &&
			sdp_parse(&again, arena, buf_slice(&b), SDP_MAX_MEDIA) == 0);
		FUZZ_CHECK(again.media_count == s.media_count &&
			sdp_has_line(&again, SLICE("a=new")));
		check_addr(&again.origin);
		check_addr(&again.conn);
		for (i = 0; i < again.media_count; i++) {
			FUZZ_CHECK(again.media[i].port == 1000 + i);
			check_addr(&again.media[i].conn);
			check_addr(&again.media[i].rtcp);
		}
	}
	arena_put(arena);
	return 0;
}
