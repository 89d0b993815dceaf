#include "core/tm/dialog_id.h"

#include <errno.h>
#include <stdio.h>

static uint64_t mix(const struct hash_key *key, struct slice call_id, struct slice tag)
{
	/* Two hashes under keys of their own, so that "a" + "bc" and "ab" + "c" differ. */
	const struct hash_key inner = {key->k0 ^ 0x6469616c6f672e31u, key->k1};
	const struct hash_key outer = {key->k0 ^ 0x6469616c6f672e32u, key->k1};
	const uint64_t both[2] = {hash_sip(&inner, call_id), hash_sip(&inner, tag)};

	return hash_sip(&outer, slice_make((const char *)both, sizeof(both)));
}

void dialog_id(char out[DIALOG_ID_LEN + 1], const struct hash_key *key, struct slice call_id, struct slice caller_tag)
{
	(void)snprintf(out, DIALOG_ID_LEN + 1, "%08x%016llx", hash_call_id(key, call_id),
		(unsigned long long)mix(key, call_id, caller_tag));
}

static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

int dialog_id_parse(struct slice id, uint32_t *hash)
{
	uint32_t n = 0;

	if (id.len != DIALOG_ID_LEN)
		return -EINVAL;
	for (size_t i = 0; i < id.len; i++) {
		int digit = hex_value(id.p[i]);

		if (digit < 0)
			return -EINVAL;
		if (i < 8)
			n = n << 4 | (uint32_t)digit;
	}
	*hash = n;
	return 0;
}
