#include "storage/redis_args.h"

#include <errno.h>
#include <inttypes.h>

void redis_args_init(struct redis_args *a, struct arena *arena, unsigned cap)
{
	*a = (struct redis_args){.arena = arena, .cap = cap};
	a->words = arena_alloc(arena, cap * sizeof(*a->words));
	a->lens = arena_alloc(arena, cap * sizeof(*a->lens));
	if (a->words == NULL || a->lens == NULL)
		a->err = -ENOMEM;
}

void redis_args_add(struct redis_args *a, struct slice word)
{
	if (a->err == 0 && a->count == a->cap)
		a->err = -ENOMEM;
	if (a->err != 0)
		return;
	a->words[a->count] = word.p != NULL ? word.p : "";
	a->lens[a->count] = word.len;
	a->count++;
}

void redis_args_key(struct redis_args *a, struct slice key)
{
	if (key.p == NULL)
		a->err = -ENOMEM;
	redis_args_add(a, key);
}

void redis_args_str(struct redis_args *a, const char *word)
{
	redis_args_add(a, slice_str(word));
}

static void add_number(struct redis_args *a, struct slice text)
{
	if (text.p == NULL)
		a->err = -ENOMEM;
	redis_args_add(a, text);
}

void redis_args_int(struct redis_args *a, int64_t n)
{
	add_number(a, arena_printf(a->arena, "%" PRId64, n));
}

void redis_args_u64(struct redis_args *a, uint64_t n)
{
	add_number(a, arena_printf(a->arena, "%" PRIu64, n));
}
