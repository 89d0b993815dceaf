#include "plugins/natping/ping_table.h"

#include <errno.h>
#include <stdlib.h>

enum { FIRST_SIZE = 256, STEP = 4 };

int ping_table_init(struct ping_table *t)
{
	*t = (struct ping_table){.size = FIRST_SIZE};
	t->buckets = calloc(FIRST_SIZE, sizeof(struct ping_contact *));
	return t->buckets != NULL ? 0 : -ENOMEM;
}

static void free_all(struct ping_contact **buckets, size_t size)
{
	for (size_t i = 0; buckets != NULL && i < size; i++) {
		while (buckets[i] != NULL) {
			struct ping_contact *c = buckets[i];

			buckets[i] = c->next;
			free(c);
		}
	}
	free(buckets);
}

void ping_table_free(struct ping_table *t)
{
	free_all(t->old, t->size / 2);
	free_all(t->buckets, t->size);
	*t = (struct ping_table){0};
}

static struct ping_contact **bucket_of(const struct ping_table *t, uint64_t aor)
{
	size_t before = aor & (t->size / 2 - 1);

	if (t->old != NULL && before >= t->moved)
		return &t->old[before];
	return &t->buckets[aor & (t->size - 1)];
}

struct ping_contact *ping_table_find(const struct ping_table *t, struct ping_key key)
{
	struct ping_contact *c = *bucket_of(t, key.aor);

	while (c != NULL && (c->key.aor != key.aor || c->key.id != key.id))
		c = c->next;
	return c;
}

/* Without memory for more buckets the lists get longer, that is all. */
static void grow(struct ping_table *t)
{
	struct ping_contact **bigger = calloc(t->size * 2, sizeof(struct ping_contact *));

	if (bigger == NULL)
		return;
	t->old = t->buckets;
	t->moved = 0;
	t->buckets = bigger;
	t->size *= 2;
}

static void move_one(struct ping_table *t)
{
	struct ping_contact *c = t->old[t->moved], *next;

	t->old[t->moved++] = NULL;
	for (; c != NULL; c = next) {
		struct ping_contact **to = bucket_of(t, c->key.aor);

		next = c->next;
		c->next = *to;
		*to = c;
	}
	if (t->moved < t->size / 2)
		return;
	free(t->old);
	t->old = NULL;
}

void ping_table_add(struct ping_table *t, struct ping_contact *c)
{
	struct ping_contact **to;

	if (t->count >= t->size && t->old == NULL)
		grow(t);
	for (unsigned i = 0; i < STEP && t->old != NULL; i++)
		move_one(t);
	to = bucket_of(t, c->key.aor);
	c->next = *to;
	*to = c;
	t->count++;
}

void ping_table_remove(struct ping_table *t, const struct ping_contact *c)
{
	struct ping_contact **at = bucket_of(t, c->key.aor);

	while (*at != c)
		at = &(*at)->next;
	*at = c->next;
	t->count--;
}

struct ping_contact *ping_table_take(struct ping_table *t, uint64_t aor)
{
	struct ping_contact *c = *bucket_of(t, aor);

	while (c != NULL && c->key.aor != aor)
		c = c->next;
	if (c != NULL)
		ping_table_remove(t, c);
	return c;
}
