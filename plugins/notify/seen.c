#include "plugins/notify/seen.h"

bool seen_lately(struct seen *s, struct slice id, uint64_t now_ms, uint64_t ms)
{
	const uint32_t at = hash_fnv(id) % SEEN_PLACES;

	if (s->places[at].until > now_ms &&
		memcmp(s->places[at].id, id.p, DIALOG_ID_LEN) == 0)
		return true;
	memcpy(s->places[at].id, id.p, DIALOG_ID_LEN);
	s->places[at].until = now_ms + ms;
	return false;
}
