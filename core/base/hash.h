/**
 * @file hash.h  Hashes, random bytes and their text.
 *
 * Any thread.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "core/base/slice.h"

/** 16 bytes, both halves of a SipHash key. */
struct hash_key {
	uint64_t k0, k1;
};

/** SipHash-2-4 (Aumasson, Bernstein 2012). */
uint64_t hash_sip(const struct hash_key *key, struct slice data);
/** A key made of any secret text (SHA-256 of it, first 16 bytes). 0 or -EIO. */
int hash_key_from(struct hash_key *out, struct slice secret);
/** The hash that decides a call's worker: the same on every node with the same secret. */
uint32_t hash_call_id(const struct hash_key *key, struct slice call_id);
/** Unkeyed, for tables whose keys no stranger chooses (FNV-1a). */
uint32_t hash_fnv(struct slice data);
/** Cryptographically strong; aborts when the kernel gives none. */
void random_bytes(void *out, size_t len);
/** Fast per-thread generator, seeded from the kernel: jitter, tags that need no secrecy. */
uint64_t random_fast(void);
/** 2*len lower-case hex digits and a NUL into out. */
void hex_text(char *out, const void *data, size_t len);
