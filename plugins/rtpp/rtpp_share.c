/* Rounds: when they begin, who waits for their end. */
#include <errno.h>
#include <stdlib.h>

#include "plugins/rtpp/rtpp_share_priv.h"

#define SHARE_MS 2000

static void go_on(struct rtpp_share *sh);

void rtpp_share_members(const struct rtpp_share *sh,
	const struct store_relay_weight **list, unsigned *count)
{
	*list = sh ? sh->sets.list : NULL;
	*count = sh ? sh->sets.count : 0;
}

static void answer(struct share_asker *a, int err)
{
	if (err == 0 || a->told) {
		struct tree *root = tree_new();

		if (err != 0)
			tree_addf(root, "Note",
				"holds on this node; the store is away (%s), the "
				"others learn of it when it is back",
				strerror(-err));
		bus_reply(a->req, root);
	} else {
		bus_fail(a->req, 500, "the store does not answer: %s", strerror(-err));
	}
}

static void begin_round(struct rtpp_share *sh)
{
	sh->again = false;
	memcpy(sh->now, sh->next, sizeof(sh->now));
	sh->now_count = sh->next_count;
	sh->next_count = 0;
	timer_stop(&sh->tick);
	sh->running = true;
	sh->step = SWITCHES;
	sh->arena = arena_new(4096, SHARE_ARENA_MAX);
	go_on(sh);
}

static void round_over(struct rtpp_share *sh, int err)
{
	struct rtpp_service *s = sh->service;
	unsigned i;

	arena_put(sh->found.arena);
	sh->found.arena = NULL;
	arena_put(sh->arena);
	sh->arena = NULL;
	sh->running = false;
	sh->started = true;
	if (err != 0)
		rtpp_service_count(s, RTPP_C_STORE_FAILURES);
	if (err != 0 && !sh->away)
		LOG(s->log, LOG_L_WARN,
			"shared sets and switches of RTP proxies: the store does not "
			"answer (%s); what is known stays",
			strerror(-err));
	else if (err == 0 && sh->away)
		LOG(s->log, LOG_L_NOTICE,
			"shared sets and switches of RTP proxies: the store is back");
	sh->away = err != 0;
	for (i = 0; i < sh->now_count; i++)
		answer(&sh->now[i], err);
	sh->now_count = 0;
	timer_start(s->thread->loop, &sh->tick, sh->again ? 0 : SHARE_MS);
}

static void go_on(struct rtpp_share *sh)
{
	int err = sh->arena ? 0 : -ENOMEM;

	while (err == 0 && sh->step != DONE) {
		err = rtpp_share_step(sh);
		if (err == -EINPROGRESS)
			return;
		if (err == 0)
			rtpp_share_step_done(sh);
		else if (err == -EAGAIN)
			err = 0;
	}
	round_over(sh, err);
}

void rtpp_share_on_done(void *arg, int err)
{
	struct rtpp_share *sh = arg;

	if (!sh->service) { /* the service is gone */
		sh->running = false;
		rtpp_share_destroy(&sh);
		return;
	}
	if (err != 0) {
		round_over(sh, err);
		return;
	}
	rtpp_share_step_done(sh);
	go_on(sh);
}

static void on_tick(void *arg)
{
	struct rtpp_share *sh = arg;

	if (!sh->running)
		begin_round(sh);
}

static void kick(struct rtpp_share *sh, struct bus_request *req, bool told)
{
	if (req && sh->next_count == MAX_WAITING) {
		bus_fail(req, 503, "too many at once: try again");
		return;
	}
	if (req)
		sh->next[sh->next_count++] =
			(struct share_asker){.req = req, .told = told};
	sh->again = true;
	if (!sh->running)
		begin_round(sh);
}

void rtpp_share_tell(struct rtpp_share *sh, struct bus_request *req)
{
	kick(sh, req, true);
}

void rtpp_share_sync(struct rtpp_share *sh, struct bus_request *req)
{
	kick(sh, req, false);
}

/** The parameter's members, with texts of their own. */
static int list_own(struct rtpp_share *sh, const struct rtpp_sets *sets)
{
	unsigned s, n;

	sh->own = arena_zalloc(sh->own_arena, (sets->node_count + 1) * sizeof(*sh->own));
	if (!sh->own)
		return -ENOMEM;
	for (s = 0; s < sets->set_count; s++) {
		for (n = 0; n < sets->sets[s].count; n++) {
			const struct rtpp_node *node = &sets->sets[s].nodes[n];
			struct buf b;

			buf_arena(&b, sh->own_arena, RTPP_URL_MAX, 512);
			rtpp_node_text(&b, sets, node);
			if (b.err != 0)
				return b.err;
			sh->own[sh->own_count++] =
				(struct store_relay_weight){.set = sets->sets[s].id,
					.url = buf_slice(&b),
					.weight = node->weight};
		}
	}
	return 0;
}

int rtpp_share_new(struct rtpp_share **out, struct rtpp_service *s)
{
	struct rtpp_share *sh = calloc(1, sizeof(*sh));
	int err;

	if (!sh)
		return -ENOMEM;
	sh->service = s;
	sh->store = s->thread->store;
	timer_init(&sh->tick, on_tick, sh);
	sh->own_arena = arena_new(4096, SHARE_ARENA_MAX);
	err = sh->own_arena ? list_own(sh, &s->conf->sets) : -ENOMEM;
	if (err != 0) {
		rtpp_share_destroy(&sh);
		return err;
	}
	*out = sh;
	return 0;
}

void rtpp_share_begin(struct rtpp_share *sh)
{
	begin_round(sh);
}

bool rtpp_share_is_starting(const struct rtpp_share *sh)
{
	return !sh->started;
}

void rtpp_share_destroy(struct rtpp_share **sp)
{
	struct rtpp_share *sh = *sp;
	unsigned i;

	if (!sh)
		return;
	*sp = NULL;
	timer_stop(&sh->tick);
	for (i = 0; i < sh->now_count; i++)
		bus_fail(sh->now[i].req, 503, "shutdown");
	for (i = 0; i < sh->next_count; i++)
		bus_fail(sh->next[i].req, 503, "shutdown");
	sh->now_count = sh->next_count = 0;
	sh->service = NULL;
	if (sh->running)
		return; /* on_done() will come by here */
	arena_put(sh->sets.arena);
	arena_put(sh->found.arena);
	arena_put(sh->arena);
	arena_put(sh->own_arena);
	free(sh);
}
