#include "plugins/natping/ping_table.h"

#include <errno.h>
#include <stdlib.h>

#define FIRST_SIZE 256

int ping_table_init(struct ping_table *t)
{
	*t = (struct ping_table){.size = FIRST_SIZE};
	t->buckets = calloc(FIRST_SIZE, sizeof(struct ping_contact *));
	return t->buckets != NULL ? 0 : -ENOMEM;
}

void ping_table_free(struct ping_table *t)
{
	for (size_t i = 0; t->buckets != NULL && i < t->size; i++) {
		while (t->buckets[i] != NULL) {
			struct ping_contact *c = t->buckets[i];

			t->buckets[i] = c->next;
			free(c);
		}
	}
	free(t->buckets);
	*t = (struct ping_table){0};
}

static struct ping_contact **bucket_of(const struct ping_table *t, uint64_t aor)
{
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
	struct ping_table bigger = {.size = t->size * 2, .count = t->count};

	bigger.buckets = calloc(bigger.size, sizeof(struct ping_contact *));
	if (bigger.buckets == NULL)
		return;
	for (size_t i = 0; i < t->size; i++) {
		while (t->buckets[i] != NULL) {
			struct ping_contact *c = t->buckets[i];
			struct ping_contact **to = bucket_of(&bigger, c->key.aor);

			t->buckets[i] = c->next;
			c->next = *to;
			*to = c;
		}
	}
	free(t->buckets);
	*t = bigger;
}

void ping_table_add(struct ping_table *t, struct ping_contact *c)
{
	struct ping_contact **to;

	if (t->count >= t->size)
		grow(t);
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
