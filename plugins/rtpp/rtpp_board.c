#include "plugins/rtpp/rtpp_board.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

struct rtpp_board {
	pthread_mutex_t lock; /* of up */
	struct rtpp_snapshot *up;
	atomic_uint_fast64_t number;
};

int rtpp_board_new(struct rtpp_board **out)
{
	struct rtpp_board *b = calloc(1, sizeof(*b));

	if (!b)
		return -ENOMEM;
	if (pthread_mutex_init(&b->lock, NULL) != 0) {
		free(b);
		return -ENOMEM;
	}
	*out = b;
	return 0;
}

void rtpp_board_destroy(struct rtpp_board **bp)
{
	struct rtpp_board *b = *bp;

	if (!b)
		return;
	*bp = NULL;
	rtpp_snapshot_drop(&b->up);
	(void)pthread_mutex_destroy(&b->lock);
	free(b);
}

struct rtpp_generation *rtpp_generation_new(struct rtpp_sets *sets)
{
	struct rtpp_generation *g = calloc(1, sizeof(*g));

	if (!g)
		return NULL;
	atomic_init(&g->refs, 1);
	g->sets = *sets;
	*sets = (struct rtpp_sets){0};
	return g;
}

/** True when it was the last reference: what others did with the thing has happened by then. */
static bool is_last(atomic_uint *refs)
{
	return atomic_fetch_sub_explicit(refs, 1, memory_order_acq_rel) == 1;
}

void rtpp_generation_drop(struct rtpp_generation **gp)
{
	struct rtpp_generation *g = *gp;

	*gp = NULL;
	if (!g || !is_last(&g->refs))
		return;
	rtpp_sets_free(&g->sets);
	free(g);
}

void rtpp_snapshot_drop(struct rtpp_snapshot **sp)
{
	struct rtpp_snapshot *s = *sp;

	*sp = NULL;
	if (!s || !is_last(&s->refs))
		return;
	rtpp_generation_drop(&s->generation);
	free(s);
}

int rtpp_board_post(struct rtpp_board *b, struct rtpp_generation *generation,
	const struct rtpp_state *states)
{
	size_t size = generation->sets.relay_count * sizeof(*states);
	struct rtpp_snapshot *s = calloc(1, sizeof(*s) + size), *old;

	if (!s)
		return -ENOMEM;
	atomic_init(&s->refs, 1);
	atomic_fetch_add_explicit(&generation->refs, 1, memory_order_relaxed);
	s->generation = generation;
	if (size > 0)
		memcpy(s->states, states, size);
	(void)pthread_mutex_lock(&b->lock);
	old = b->up;
	s->number = old ? old->number + 1 : 1;
	b->up = s;
	atomic_store_explicit(&b->number, s->number, memory_order_release);
	(void)pthread_mutex_unlock(&b->lock);
	rtpp_snapshot_drop(&old);
	return 0;
}

uint64_t rtpp_board_number(struct rtpp_board *b)
{
	return atomic_load_explicit(&b->number, memory_order_acquire);
}

struct rtpp_snapshot *rtpp_board_take(struct rtpp_board *b)
{
	struct rtpp_snapshot *s;

	(void)pthread_mutex_lock(&b->lock);
	s = b->up;
	if (s)
		atomic_fetch_add_explicit(&s->refs, 1, memory_order_relaxed);
	(void)pthread_mutex_unlock(&b->lock);
	return s;
}
