#include "plugins/natping/ping_branch.h"

#include <inttypes.h>
#include <stdio.h>

#define COOKIE SLICE("z9hG4bKnp")

enum { NODE_DIGITS = 8, NUMBER_DIGITS = 16, HASH_DIGITS = 16 };

uint32_t ping_branch_node(const struct hash_key *key, struct slice node)
{
	char text[512];
	struct buf b;

	buf_fixed(&b, text, sizeof(text));
	buf_str(&b, "natping node ");
	buf_add(&b, slice_sub(node, 0, 256));
	return (uint32_t)hash_sip(key, buf_slice(&b));
}

static uint64_t seal(const struct hash_key *key, struct slice node_and_number)
{
	char text[64];
	struct buf b;

	buf_fixed(&b, text, sizeof(text));
	buf_str(&b, "natping branch ");
	buf_add(&b, node_and_number);
	return hash_sip(key, buf_slice(&b));
}

void ping_branch_write(
	struct buf *b, const struct hash_key *key, uint32_t node, uint64_t number)
{
	char text[NODE_DIGITS + NUMBER_DIGITS + 1];

	(void)snprintf(text, sizeof(text), "%08" PRIx32 "%016" PRIx64, node, number);
	buf_add(b, COOKIE);
	buf_str(b, text);
	buf_printf(b, "%016" PRIx64, seal(key, slice_str(text)));
}

static bool read_hex(struct slice s, uint64_t *out)
{
	uint64_t n = 0;

	for (size_t i = 0; i < s.len; i++) {
		char c = s.p[i];

		if (c >= '0' && c <= '9')
			n = n << 4 | (uint64_t)(c - '0');
		else if (c >= 'a' && c <= 'f')
			n = n << 4 | (uint64_t)(c - 'a' + 10);
		else
			return false;
	}
	*out = n;
	return true;
}

bool ping_branch_match(const struct hash_key *key, struct slice branch, uint32_t *node)
{
	const struct slice head =
		slice_sub(branch, COOKIE.len, NODE_DIGITS + NUMBER_DIGITS);
	const struct slice tail =
		slice_from(branch, COOKIE.len + NODE_DIGITS + NUMBER_DIGITS);
	uint64_t who, hash;

	if (!slice_starts(branch, COOKIE) || tail.len != HASH_DIGITS ||
		!read_hex(slice_sub(head, 0, NODE_DIGITS), &who) ||
		!read_hex(tail, &hash) || hash != seal(key, head))
		return false;
	*node = (uint32_t)who;
	return true;
}
