#include "core/net/sources.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/base/hash.h"
#include "core/base/loop.h"

#define SHARDS        16u
#define BUCKETS       64u /* of each shard */
#define TELL_EVERY_US 60000000u

struct source {
	struct source *next;
	struct addr net; /* without port; of IPv6 the first 64 bits */
	int64_t count;
	uint64_t told_us; /* 0: never */
};

struct shard {
	pthread_mutex_t lock;
	struct source *buckets[BUCKETS];
};

struct sources {
	struct hash_key key; /* strangers choose their addresses */
	struct shard shards[SHARDS];
};

int sources_new(struct sources **out)
{
	struct sources *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return -ENOMEM;
	random_bytes(&s->key, sizeof(s->key));
	for (unsigned i = 0; i < SHARDS; i++)
		pthread_mutex_init(&s->shards[i].lock, NULL);
	*out = s;
	return 0;
}

void sources_destroy(struct sources **sp)
{
	struct sources *s = *sp;

	*sp = NULL;
	if (s == NULL)
		return;
	for (unsigned i = 0; i < SHARDS; i++) {
		for (unsigned b = 0; b < BUCKETS; b++) {
			while (s->shards[i].buckets[b] != NULL) {
				struct source *gone = s->shards[i].buckets[b];

				s->shards[i].buckets[b] = gone->next;
				free(gone);
			}
		}
		pthread_mutex_destroy(&s->shards[i].lock);
	}
	free(s);
}

static struct addr net_of(const struct addr *from)
{
	struct addr net = *from;

	addr_set_port(&net, 0);
	if (addr_family(&net) == AF_INET6)
		memset(net.in6.sin6_addr.s6_addr + 8, 0, 8);
	return net;
}

struct slice source_text(const struct addr *from, char *out)
{
	const struct addr net = net_of(from);
	struct slice text = addr_ip_text(&net, out);

	if (addr_family(&net) == AF_INET6)
		text.len += (size_t)snprintf(out + text.len, ADDR_TEXT - text.len, "/64");
	return text;
}

static uint64_t hash_of(const struct sources *s, const struct addr *net)
{
	const void *bytes = &net->in.sin_addr;
	size_t len = sizeof(net->in.sin_addr);

	if (addr_family(net) == AF_INET6) {
		bytes = &net->in6.sin6_addr;
		len = 8;
	}
	return hash_sip(&s->key, slice_make(bytes, len));
}

/* Where its entry hangs, or would hang. Under the shard's lock. */
static struct source **place_of(struct shard *sh, uint64_t hash, const struct addr *net)
{
	struct source **at = &sh->buckets[hash / SHARDS % BUCKETS];

	while (*at != NULL && !addr_eq_ip(&(*at)->net, net))
		at = &(*at)->next;
	return at;
}

/* One more, or not. Under the lock. */
static int take(struct source **at, const struct addr *net, int64_t max, bool *tell)
{
	struct source *src = *at;
	uint64_t now;

	if (src == NULL) {
		src = calloc(1, sizeof(*src));
		if (src == NULL)
			return -ENOMEM;
		src->net = *net;
		*at = src;
	}
	if (max == 0 || src->count < max) {
		src->count++;
		return 0;
	}
	now = clock_us();
	*tell = src->told_us == 0 || now - src->told_us >= TELL_EVERY_US;
	if (*tell)
		src->told_us = now;
	return -EDQUOT;
}

int sources_take(struct sources *s, const struct addr *from, int64_t max, bool *tell)
{
	const struct addr net = net_of(from);
	const uint64_t hash = hash_of(s, &net);
	struct shard *sh = &s->shards[hash % SHARDS];
	int err;

	pthread_mutex_lock(&sh->lock);
	err = take(place_of(sh, hash, &net), &net, max, tell);
	pthread_mutex_unlock(&sh->lock);
	return err;
}

void sources_release(struct sources *s, const struct addr *from)
{
	const struct addr net = net_of(from);
	const uint64_t hash = hash_of(s, &net);
	struct shard *sh = &s->shards[hash % SHARDS];
	struct source **at, *src;

	pthread_mutex_lock(&sh->lock);
	at = place_of(sh, hash, &net);
	src = *at;
	if (src != NULL && --src->count == 0) {
		*at = src->next;
		free(src);
	}
	pthread_mutex_unlock(&sh->lock);
}
