#include "core/net/names.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

#include "core/base/hash.h"

#define SETS  512u
#define WAYS  4u /* names that share a set */
#define SLOTS (SETS * WAYS)

/* number: generation << 16 | slot; a slot that gets another name gets another generation. */
struct name {
	uint64_t generation; /* 0: free */
	uint64_t used;       /* when, in turns of the table's own clock */
	size_t len;
	char text[NAME_MAX_LEN + 1];
};

struct names {
	pthread_mutex_t lock;
	struct hash_key key; /* strangers choose the names */
	uint64_t clock, generation;
	struct name slots[SLOTS];
};

int names_new(struct names **out)
{
	struct names *n = calloc(1, sizeof(*n));

	if (n == NULL)
		return -ENOMEM;
	pthread_mutex_init(&n->lock, NULL);
	random_bytes(&n->key, sizeof(n->key));
	*out = n;
	return 0;
}

void names_destroy(struct names **np)
{
	struct names *n = *np;

	*np = NULL;
	if (n == NULL)
		return;
	pthread_mutex_destroy(&n->lock);
	free(n);
}

/* Its slot, or the one that is to be its. */
static struct name *slot_of(struct names *n, struct slice text)
{
	struct name *set = &n->slots[hash_sip(&n->key, text) % SETS * WAYS], *oldest = set;

	for (unsigned i = 0; i < WAYS; i++) {
		if (set[i].generation != 0 && slice_eq(slice_make(set[i].text, set[i].len), text))
			return &set[i];
		if (set[i].used < oldest->used)
			oldest = &set[i];
	}
	memcpy(oldest->text, text.p, text.len);
	oldest->text[text.len] = '\0';
	oldest->len = text.len;
	oldest->generation = ++n->generation;
	return oldest;
}

uint64_t names_number(struct names *n, struct slice name)
{
	char lower[NAME_MAX_LEN];
	uint64_t number;
	struct name *slot;

	if (name.len > 1 && name.p[name.len - 1] == '.')
		name.len--;
	if (name.len == 0 || name.len > NAME_MAX_LEN)
		return 0;
	for (size_t i = 0; i < name.len; i++)
		lower[i] = name.p[i] >= 'A' && name.p[i] <= 'Z' ? (char)(name.p[i] + 32)
								: name.p[i];
	pthread_mutex_lock(&n->lock);
	slot = slot_of(n, slice_make(lower, name.len));
	slot->used = ++n->clock;
	number = slot->generation << 16 | (uint64_t)(slot - n->slots);
	pthread_mutex_unlock(&n->lock);
	return number;
}

struct slice names_text(struct names *n, uint64_t number, char out[NAME_MAX_LEN + 1])
{
	const struct name *slot = &n->slots[(number & 0xffff) % SLOTS];
	struct slice text = {0};

	out[0] = '\0';
	pthread_mutex_lock(&n->lock);
	if (number != 0 && slot->generation == number >> 16) {
		memcpy(out, slot->text, slot->len + 1);
		text = slice_make(out, slot->len);
	}
	pthread_mutex_unlock(&n->lock);
	return text;
}
