#include "core/base/counter.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define COUNTER_MAX  2048 /* names in all */
#define COUNTER_LINE 64   /* bytes of a cache line: threads must not share one */

struct counter_array {
	struct counter_array *next;
	unsigned count;
	_Atomic int64_t values[];
};

static struct {
	pthread_mutex_t lock;
	struct counter_desc
		desc[COUNTER_MAX]; /* texts are copies: a plugin may be unloaded */
	unsigned count;
	bool sealed; /* an array was made: no more names */
	struct counter_array *arrays;
	int64_t gone[COUNTER_MAX]; /* what destroyed arrays had counted */
} registry = {.lock = PTHREAD_MUTEX_INITIALIZER};

/* Of the first count names. Under the lock. */
static int find_name(const char *name, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		if (strcmp(registry.desc[i].name, name) == 0)
			return (int)i;
	}
	return -ENOENT;
}

/* The texts are freed from outside through const pointers that were made by strdup(). */
static void free_text(const char *text)
{
	union {
		const char *c;
		char *p;
	} u = {.c = text};

	free(u.p);
}

static void drop_from(unsigned first)
{
	for (unsigned i = first; i < registry.count; i++) {
		free_text(registry.desc[i].name);
		free_text(registry.desc[i].help);
		registry.desc[i] = (struct counter_desc){0};
	}
	registry.count = first;
}

static int add_row(const struct counter_desc *row)
{
	struct counter_desc *to = &registry.desc[registry.count];

	if (find_name(row->name, registry.count) >= 0)
		return -EEXIST;
	if (registry.count == COUNTER_MAX)
		return -ENOSPC;
	to->kind = row->kind;
	to->name = strdup(row->name);
	to->help = strdup(row->help != NULL ? row->help : "");
	registry.count++;
	if (to->name == NULL || to->help == NULL) {
		drop_from(registry.count - 1);
		return -ENOSPC;
	}
	return 0;
}

int counter_register(const struct counter_desc *table, unsigned *first)
{
	unsigned before;
	int err = 0;

	pthread_mutex_lock(&registry.lock);
	before = registry.count;
	if (registry.sealed)
		err = -EBUSY;
	for (; err == 0 && table->name != NULL; table++)
		err = add_row(table);
	if (err == 0)
		*first = before;
	else
		drop_from(before);
	pthread_mutex_unlock(&registry.lock);
	return err;
}

void counter_reset_all(void)
{
	pthread_mutex_lock(&registry.lock);
	while (registry.arrays != NULL) {
		struct counter_array *a = registry.arrays;

		registry.arrays = a->next;
		free(a);
	}
	drop_from(0);
	memset(registry.gone, 0, sizeof(registry.gone));
	registry.sealed = false;
	pthread_mutex_unlock(&registry.lock);
}

int counter_array_new(struct counter_array **out)
{
	struct counter_array *a;
	size_t size;

	pthread_mutex_lock(&registry.lock);
	size = sizeof(*a) + registry.count * sizeof(a->values[0]);
	size = (size + COUNTER_LINE - 1) & ~(size_t)(COUNTER_LINE - 1);
	a = aligned_alloc(COUNTER_LINE, size);
	if (a != NULL) {
		memset(a, 0, size);
		a->count = registry.count;
		a->next = registry.arrays;
		registry.arrays = a;
		registry.sealed = true;
		*out = a;
	}
	pthread_mutex_unlock(&registry.lock);
	return a != NULL ? 0 : -ENOMEM;
}

void counter_array_destroy(struct counter_array **ap)
{
	struct counter_array *a = *ap, **at;

	*ap = NULL;
	if (a == NULL)
		return;
	pthread_mutex_lock(&registry.lock);
	for (at = &registry.arrays; *at != NULL && *at != a;)
		at = &(*at)->next;
	assert(*at == a);
	*at = a->next;
	for (unsigned i = 0; i < a->count; i++)
		registry.gone[i] +=
			atomic_load_explicit(&a->values[i], memory_order_relaxed);
	pthread_mutex_unlock(&registry.lock);
	free(a);
}

void counter_add(struct counter_array *a, unsigned index, int64_t n)
{
	_Atomic int64_t *value;

	assert(index < a->count);
	/* One writer: a load and a store, no locked instruction. */
	value = &a->values[index];
	atomic_store_explicit(value,
		atomic_load_explicit(value, memory_order_relaxed) + n,
		memory_order_relaxed);
}

void counter_add_shared(struct counter_array *a, unsigned index, int64_t n)
{
	assert(index < a->count);
	atomic_fetch_add_explicit(&a->values[index], n, memory_order_relaxed);
}

int64_t counter_read(unsigned index)
{
	int64_t sum;

	pthread_mutex_lock(&registry.lock);
	assert(index < registry.count);
	sum = registry.gone[index];
	for (struct counter_array *a = registry.arrays; a != NULL; a = a->next)
		sum += atomic_load_explicit(&a->values[index], memory_order_relaxed);
	pthread_mutex_unlock(&registry.lock);
	return sum;
}

int counter_find(const char *name)
{
	int index;

	pthread_mutex_lock(&registry.lock);
	index = find_name(name, registry.count);
	pthread_mutex_unlock(&registry.lock);
	return index;
}

unsigned counter_count(void)
{
	unsigned count;

	pthread_mutex_lock(&registry.lock);
	count = registry.count;
	pthread_mutex_unlock(&registry.lock);
	return count;
}

const struct counter_desc *counter_describe(unsigned index)
{
	assert(index < counter_count());
	return &registry.desc[index];
}
