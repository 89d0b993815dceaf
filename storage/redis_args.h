/**
 * @file redis_args.h  The words of one Redis command: pointer and length each, so that
 * any byte may be in them.
 *
 * Words live in the arena given (numbers) or with the caller (slices) until the command
 * is sent.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "core/base/arena.h"
#include "core/base/slice.h"

struct redis_args {
	struct arena *arena;
	const char **words;
	size_t *lens;
	unsigned count, cap;
	int err; /**< -ENOMEM: a word is missing; the command is not sent */
};

/** cap: how many words there will be at most. */
void redis_args_init(struct redis_args *a, struct arena *arena, unsigned cap);
void redis_args_add(struct redis_args *a, struct slice word);
/** A key; one that could not be made ({NULL,0}) is an error. */
void redis_args_key(struct redis_args *a, struct slice key);
void redis_args_str(struct redis_args *a, const char *word);
void redis_args_int(struct redis_args *a, int64_t n);
void redis_args_u64(struct redis_args *a, uint64_t n);
