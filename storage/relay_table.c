#include "storage/relay_table.h"

#include <pthread.h>
#include <stdlib.h>

#include "storage/store_priv.h"
#include "storage/store_relay.h"

/* The slices point into text, one allocation each. */
struct weight {
	struct store_relay_weight w;
	char text[];
};

struct relay {
	struct store_relay r;
	char text[];
};

struct relay_table {
	pthread_mutex_t lock;
	struct weight *weights[STORE_MAX_RELAYS];
	unsigned weight_count;
	struct relay *relays[STORE_MAX_RELAYS];
	unsigned relay_count;
};

int relay_table_new(struct relay_table **out)
{
	struct relay_table *t = calloc(1, sizeof(*t));

	if (t == NULL)
		return -ENOMEM;
	(void)pthread_mutex_init(&t->lock, NULL); /* default attributes: cannot fail */
	*out = t;
	return 0;
}

void relay_table_destroy(struct relay_table **tp)
{
	struct relay_table *t = *tp;
	unsigned i;

	*tp = NULL;
	if (t == NULL)
		return;
	for (i = 0; i < t->weight_count; i++)
		free(t->weights[i]);
	for (i = 0; i < t->relay_count; i++)
		free(t->relays[i]);
	pthread_mutex_destroy(&t->lock);
	free(t);
}

static int seed_one(struct relay_table *t, const struct store_relay_weight *w)
{
	struct weight *new;
	char *to;
	unsigned i;

	for (i = 0; i < t->weight_count; i++)
		if (t->weights[i]->w.set == w->set &&
			slice_eq(t->weights[i]->w.url, w->url))
			return 0;
	if (t->weight_count == STORE_MAX_RELAYS)
		return -ENOSPC;
	new = malloc(sizeof(*new) + w->url.len);
	if (new == NULL)
		return -ENOMEM;
	to = new->text;
	new->w = *w;
	new->w.url = store_pack(&to, w->url);
	t->weights[t->weight_count++] = new;
	return 0;
}

int relay_table_seed(
	struct relay_table *t, const struct store_relay_weight *list, unsigned count)
{
	unsigned i;
	int err = 0;

	pthread_mutex_lock(&t->lock);
	for (i = 0; i < count && err == 0; i++)
		err = seed_one(t, &list[i]);
	pthread_mutex_unlock(&t->lock);
	return err;
}

int relay_table_sets(struct relay_table *t, struct store_sets *out)
{
	struct store_sets found = {.arena = out->arena};
	unsigned i;
	int err = 0;

	pthread_mutex_lock(&t->lock);
	found.list = arena_alloc(out->arena, t->weight_count * sizeof(*found.list));
	if (found.list == NULL)
		err = -ENOMEM;
	for (i = 0; i < t->weight_count && err == 0; i++) {
		struct store_relay_weight *w = &found.list[found.count++];

		*w = t->weights[i]->w;
		w->url = arena_dup(out->arena, w->url);
		if (w->url.p == NULL)
			err = -ENOMEM;
	}
	pthread_mutex_unlock(&t->lock);
	if (err != 0)
		return err;
	store_weights_sort(found.list, found.count);
	*out = found;
	return 0;
}

static int compare_ids(const void *a, const void *b)
{
	const int64_t *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

unsigned relay_table_ids(struct relay_table *t, int64_t *out, unsigned max)
{
	unsigned n = 0, i, k;

	pthread_mutex_lock(&t->lock);
	for (i = 0; i < t->weight_count && n < max; i++) {
		for (k = 0; k < n && out[k] != t->weights[i]->w.set; k++)
			;
		if (k == n)
			out[n++] = t->weights[i]->w.set;
	}
	pthread_mutex_unlock(&t->lock);
	qsort(out, n, sizeof(*out), compare_ids);
	return n;
}

/* Its place, or where it would be. */
static unsigned find(const struct relay_table *t, struct slice url)
{
	unsigned i;

	for (i = 0; i < t->relay_count && !slice_eq(t->relays[i]->r.url, url); i++)
		;
	return i;
}

int relay_table_get(struct relay_table *t, struct slice url, struct arena *arena,
	struct store_relay *out)
{
	struct store_relay r = {.url = url, .enabled = true};
	unsigned i;

	pthread_mutex_lock(&t->lock);
	i = find(t, url);
	if (i < t->relay_count)
		r = t->relays[i]->r;
	r.url = arena_dup(arena, url);
	r.state = arena_dup(arena, r.state);
	r.last_error = arena_dup(arena, r.last_error);
	r.reported_by = arena_dup(arena, r.reported_by);
	pthread_mutex_unlock(&t->lock);
	if (r.url.p == NULL || r.state.p == NULL || r.last_error.p == NULL ||
		r.reported_by.p == NULL)
		return -ENOMEM;
	*out = r;
	return 0;
}

/* In the place of what is known of that relay. */
static int put(struct relay_table *t, unsigned at, const struct store_relay *r)
{
	struct relay *new;
	char *to;

	if (at == STORE_MAX_RELAYS)
		return -ENOSPC;
	new = malloc(sizeof(*new) + r->url.len + r->state.len + r->last_error.len +
		r->reported_by.len);
	if (new == NULL)
		return -ENOMEM;
	to = new->text;
	new->r = *r;
	new->r.url = store_pack(&to, r->url);
	new->r.state = store_pack(&to, r->state);
	new->r.last_error = store_pack(&to, r->last_error);
	new->r.reported_by = store_pack(&to, r->reported_by);
	if (at == t->relay_count)
		t->relay_count++;
	else
		free(t->relays[at]);
	t->relays[at] = new;
	return 0;
}

int relay_table_enable(struct relay_table *t, struct slice url, bool on)
{
	struct store_relay r = {.url = url};
	unsigned i;
	int err = 0;

	pthread_mutex_lock(&t->lock);
	i = find(t, url);
	if (i < t->relay_count) {
		t->relays[i]->r.enabled = on;
	} else {
		r.enabled = on;
		err = put(t, i, &r);
	}
	pthread_mutex_unlock(&t->lock);
	return err;
}

int relay_table_report(struct relay_table *t, const struct store_relay *r)
{
	struct store_relay copy = *r;
	unsigned i;
	int err;

	pthread_mutex_lock(&t->lock);
	i = find(t, r->url);
	copy.enabled = i == t->relay_count || t->relays[i]->r.enabled;
	err = put(t, i, &copy);
	pthread_mutex_unlock(&t->lock);
	return err;
}
