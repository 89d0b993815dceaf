#include "core/tm/call.h"

#include <errno.h>
#include <stdlib.h>

#include "core/base/hash.h"

#define CALLS_BUCKETS_MIN 256u
#define CALLS_BUCKETS_MAX (1u << 18)

/* Records of one waiting time; the one that is due first stands first. */
struct call_line {
	struct call *first, *last;
	struct timer timer;
	uint64_t wait;
	struct calls *calls;
};

struct call {
	struct call *hash_next;
	struct call *next, *prev; /* in its line */
	struct call_line *line;
	struct calls *calls;
	uint64_t due; /* ms of loop_now() */
	uint64_t hash;
	char *props[BUS_PROPS];
	size_t id_len;
	char id[];
};

struct calls {
	struct loop *loop;
	struct hash_key key; /* Call-IDs are chosen by strangers */
	struct call **buckets;
	uint64_t mask;
	unsigned count, max;
	struct call_line active, ended;
};

static void line_remove(struct call *call)
{
	struct call_line *line = call->line;

	*(call->prev != NULL ? &call->prev->next : &line->first) = call->next;
	*(call->next != NULL ? &call->next->prev : &line->last) = call->prev;
	call->next = NULL;
	call->prev = NULL;
	call->line = NULL;
}

static void line_add(struct call_line *line, struct call *call)
{
	struct calls *c = line->calls;

	call->line = line;
	call->due = loop_now(c->loop) + line->wait;
	call->prev = line->last;
	*(line->last != NULL ? &line->last->next : &line->first) = call;
	line->last = call;
	if (!timer_pending(&line->timer))
		timer_start(c->loop, &line->timer, line->wait);
}

static void call_free(struct call *call)
{
	struct calls *c = call->calls;
	struct call **at = &c->buckets[call->hash & c->mask];

	while (*at != call)
		at = &(*at)->hash_next;
	*at = call->hash_next;
	line_remove(call);
	for (unsigned i = 0; i < BUS_PROPS; i++)
		free(call->props[i]);
	free(call);
	c->count--;
}

static void line_due(void *arg)
{
	struct call_line *line = arg;
	uint64_t now = loop_now(line->calls->loop);

	while (line->first != NULL && line->first->due <= now)
		call_free(line->first);
	if (line->first != NULL)
		timer_start(line->calls->loop, &line->timer, line->first->due - now);
}

static void line_init(struct call_line *line, struct calls *c, uint64_t wait)
{
	line->calls = c;
	line->wait = wait;
	timer_init(&line->timer, line_due, line);
}

int calls_new(struct calls **out, struct loop *loop, uint64_t idle_ms, unsigned max)
{
	struct calls *c = calloc(1, sizeof(*c));
	uint64_t buckets = CALLS_BUCKETS_MIN;

	if (c == NULL)
		return -ENOMEM;
	while (buckets < max && buckets < CALLS_BUCKETS_MAX)
		buckets *= 2;
	c->buckets = calloc(buckets, sizeof(*c->buckets));
	if (c->buckets == NULL) {
		free(c);
		return -ENOMEM;
	}
	c->loop = loop;
	c->mask = buckets - 1;
	c->max = max;
	random_bytes(&c->key, sizeof(c->key));
	line_init(&c->active, c, idle_ms);
	line_init(&c->ended, c, CALL_LINGER_MS);
	*out = c;
	return 0;
}

void calls_destroy(struct calls **cp)
{
	struct calls *c = *cp;

	*cp = NULL;
	if (c == NULL)
		return;
	timer_stop(&c->active.timer);
	timer_stop(&c->ended.timer);
	while (c->active.first != NULL)
		call_free(c->active.first);
	while (c->ended.first != NULL)
		call_free(c->ended.first);
	free(c->buckets);
	free(c);
}

static struct call *call_make(struct calls *c, struct slice call_id, uint64_t hash)
{
	struct call *call;

	if (c->count >= c->max || call_id.len == 0 || call_id.len > UINT16_MAX)
		return NULL;
	call = calloc(1, sizeof(*call) + call_id.len);
	if (call == NULL)
		return NULL;
	call->calls = c;
	call->hash = hash;
	call->id_len = call_id.len;
	memcpy(call->id, call_id.p, call_id.len);
	call->hash_next = c->buckets[hash & c->mask];
	c->buckets[hash & c->mask] = call;
	line_add(&c->active, call);
	c->count++;
	return call;
}

struct call *call_of(struct calls *c, struct slice call_id, bool make)
{
	uint64_t hash = hash_sip(&c->key, call_id);
	struct call *call;

	for (call = c->buckets[hash & c->mask]; call != NULL; call = call->hash_next) {
		if (call->hash == hash &&
			slice_eq(slice_make(call->id, call->id_len), call_id))
			break;
	}
	if (call == NULL)
		return make ? call_make(c, call_id, hash) : NULL;
	/* A caller that was asked for its password comes again with the same Call-ID. */
	if (call->line == &c->active || make) {
		line_remove(call);
		line_add(&c->active, call);
	}
	return call;
}

int call_prop_set(struct call *call, enum bus_prop p, struct slice value)
{
	char *copy = NULL;

	if ((unsigned)p >= BUS_PROPS)
		return -EINVAL;
	if (value.len > 0) {
		copy = strndup(value.p, value.len);
		if (copy == NULL)
			return -ENOMEM;
	}
	free(call->props[p]);
	call->props[p] = copy;
	return 0;
}

struct slice call_prop(const struct call *call, enum bus_prop p)
{
	return (unsigned)p < BUS_PROPS ? slice_str(call->props[p]) : (struct slice){0};
}

void call_end(struct call *call)
{
	struct calls *c = call->calls;

	if (call->line == &c->ended)
		return;
	line_remove(call);
	line_add(&c->ended, call);
}

unsigned calls_count(const struct calls *c)
{
	return c->count;
}
