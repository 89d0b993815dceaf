#include "core/base/hash.h"

#include <endian.h>
#include <errno.h>
#include <openssl/evp.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/random.h>

static uint64_t rotl(uint64_t x, unsigned n)
{
	return (x << n) | (x >> (64 - n));
}

/* Up to 8 bytes as a little-endian number, whatever this machine is. */
static uint64_t load_le(const unsigned char *p, size_t len)
{
	uint64_t n = 0;

	while (len > 0)
		n = n << 8 | p[--len];
	return n;
}

static uint64_t load_word(const unsigned char *p)
{
	uint64_t n;

	memcpy(&n, p, sizeof(n));
	return le64toh(n);
}

static inline __attribute__((always_inline)) void sip_rounds(uint64_t v[4], int rounds)
{
	while (rounds-- > 0) {
		v[0] += v[1];
		v[2] += v[3];
		v[1] = rotl(v[1], 13) ^ v[0];
		v[3] = rotl(v[3], 16) ^ v[2];
		v[0] = rotl(v[0], 32);
		v[2] += v[1];
		v[0] += v[3];
		v[1] = rotl(v[1], 17) ^ v[2];
		v[3] = rotl(v[3], 21) ^ v[0];
		v[2] = rotl(v[2], 32);
	}
}

static inline __attribute__((always_inline)) void sip_word(uint64_t v[4], uint64_t word)
{
	v[3] ^= word;
	sip_rounds(v, 2);
	v[0] ^= word;
}

uint64_t hash_sip(const struct hash_key *key, struct slice data)
{
	/* "somepseudorandomlygeneratedbytes", as the paper has it */
	uint64_t v[4] = {key->k0 ^ 0x736f6d6570736575U, key->k1 ^ 0x646f72616e646f6dU,
		key->k0 ^ 0x6c7967656e657261U, key->k1 ^ 0x7465646279746573U};
	const unsigned char *p = (const unsigned char *)data.p;
	size_t left = data.len;

	for (; left >= 8; left -= 8, p += 8)
		sip_word(v, load_word(p));
	sip_word(v, (uint64_t)(data.len & 0xff) << 56 | load_le(p, left));
	v[2] ^= 0xff;
	sip_rounds(v, 4);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}

int hash_key_from(struct hash_key *out, struct slice secret)
{
	unsigned char digest[EVP_MAX_MD_SIZE];
	const void *text = secret.len > 0 ? secret.p : "";

	if (EVP_Digest(text, secret.len, digest, NULL, EVP_sha256(), NULL) != 1)
		return -EIO;
	out->k0 = load_le(digest, 8);
	out->k1 = load_le(digest + 8, 8);
	return 0;
}

uint32_t hash_call_id(const struct hash_key *key, struct slice call_id)
{
	uint64_t h = hash_sip(key, call_id);

	return (uint32_t)(h ^ h >> 32);
}

uint32_t hash_fnv(struct slice data)
{
	uint32_t h = 0x811c9dc5;

	for (size_t i = 0; i < data.len; i++)
		h = (h ^ (unsigned char)data.p[i]) * 0x01000193;
	return h;
}

void random_bytes(void *out, size_t len)
{
	unsigned char *p = out;

	while (len > 0) {
		ssize_t got = getrandom(p, len, 0);

		if (got > 0) {
			p += got;
			len -= (size_t)got;
		} else if (got == 0 || errno != EINTR) {
			/* Without randomness keys and tags could be guessed: better to stop. */
			abort();
		}
	}
}

/* xoshiro256** by Blackman and Vigna (public domain); state of one thread. */
uint64_t random_fast(void)
{
	static _Thread_local uint64_t s[4];
	static _Thread_local bool seeded;
	uint64_t result, t;

	if (!seeded) {
		random_bytes(s, sizeof(s));
		s[0] |= 1; /* the one bad state is all zeros */
		seeded = true;
	}
	result = rotl(s[1] * 5, 7) * 9;
	t = s[1] << 17;
	s[2] ^= s[0];
	s[3] ^= s[1];
	s[1] ^= s[2];
	s[0] ^= s[3];
	s[2] ^= t;
	s[3] = rotl(s[3], 45);
	return result;
}

void hex_text(char *out, const void *data, size_t len)
{
	static const char digits[] = "0123456789abcdef";
	const unsigned char *p = data;

	for (size_t i = 0; i < len; i++) {
		*out++ = digits[p[i] >> 4];
		*out++ = digits[p[i] & 15];
	}
	*out = '\0';
}
