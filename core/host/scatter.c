#include "core/host/scatter.h"

#include <errno.h>
#include <stdlib.h>

#include "core/host/host.h"

struct scatter;

/* One worker's part; it travels to the worker and back, owned by whoever has it in hand. */
struct part {
	struct scatter *of;
	unsigned worker;
	struct tree *tree;
};

struct scatter {
	struct scatters *all;
	struct bus_request *req; /**< NULL once answered */
	const struct ph_mi_cmd *row;
	unsigned plugin;
	json_t *params;          /**< a copy of our own, read-only while workers have it */
	struct timer deadline;
	unsigned out;            /**< parts on their way; freed when none is */
	struct part *parts;
	struct scatter *next, **prev;
};

struct scatters {
	struct host *host;
	struct scatter *first;
};

static void scatter_free(struct scatter *s)
{
	timer_stop(&s->deadline);
	if (s->next)
		s->next->prev = s->prev;
	*s->prev = s->next;
	for (unsigned i = 0; i < s->all->host->worker_count; i++)
		tree_destroy(&s->parts[i].tree);
	json_decref(s->params);
	free(s->parts);
	free(s);
}

static void answer(struct scatter *s)
{
	struct tree *root;

	if (!s->req)
		return;
	root = tree_new();
	for (unsigned i = 0; i < s->all->host->worker_count; i++) {
		struct tree *node = tree_add_int(root, "worker", (int64_t)i);

		if (s->parts[i].tree)
			tree_merge(node, s->parts[i].tree);
		else
			tree_attr(node, "missed", "deadline");
	}
	tree_set_list(root);
	bus_reply(s->req, root);
	s->req = NULL;
}

/* Back on the control thread. */
static void part_back(void *host, void *arg)
{
	struct part *part = arg;
	struct scatter *s = part->of;

	(void)host;
	if (--s->out > 0)
		return;
	answer(s);
	scatter_free(s);
}

/* On the worker. */
static void part_there(void *worker, void *arg)
{
	struct worker *w = worker;
	struct part *part = arg;
	struct scatter *s = part->of;
	const struct inbox_call back = {.fn = part_back, .arg = part};
	struct tree *tree = tree_new();

	if (s->plugin < w->started)
		s->row->worker(w->instances[s->plugin], s->params, tree);
	part->tree = tree;
	/* when the control thread's inbox is full the deadline answers, and the end of the process frees the rest */
	(void)inbox_send(w->w.t.senders, w->w.count, INBOX_CALL, &back, sizeof(back), NULL, 0);
}

static void on_deadline(void *arg)
{
	struct scatter *s = arg;

	/* parts still out may be written by their worker just now: only what is back is shown */
	if (!s->req)
		return;
	bus_fail(s->req, 408, "%u of %u workers did not answer in %u ms", s->out, s->all->host->worker_count, SCATTER_MS);
	s->req = NULL;
}

int scatters_new(struct scatters **out, struct host *h)
{
	struct scatters *s = calloc(1, sizeof(*s));

	if (!s)
		return -ENOMEM;
	s->host = h;
	*out = s;
	return 0;
}

void scatters_destroy(struct scatters **sp)
{
	struct scatters *s = *sp;

	if (!s)
		return;
	while (s->first) {
		if (s->first->req)
			bus_fail(s->first->req, 503, "shutting down");
		scatter_free(s->first);
	}
	free(s);
	*sp = NULL;
}

void scatter_start(struct scatters *all, unsigned plugin, const struct ph_mi_cmd *row, struct bus_request *req, const json_t *params)
{
	unsigned n = all->host->worker_count;
	struct scatter *s = calloc(1, sizeof(*s));

	if (s)
		s->parts = calloc(n, sizeof(*s->parts));
	if (!s || !s->parts) {
		free(s);
		bus_fail(req, 500, "no memory");
		return;
	}
	s->all = all;
	s->req = req;
	s->row = row;
	s->plugin = plugin;
	s->params = params ? json_deep_copy(params) : NULL;
	s->next = all->first;
	s->prev = &all->first;
	if (all->first)
		all->first->prev = &s->next;
	all->first = s;
	timer_init(&s->deadline, on_deadline, s);
	timer_start(all->host->control.loop, &s->deadline, SCATTER_MS);
	for (unsigned i = 0; i < n; i++) {
		const struct inbox_call call = {.fn = part_there, .arg = &s->parts[i]};

		s->parts[i].of = s;
		s->parts[i].worker = i;
		if (inbox_send(all->host->control.senders, i, INBOX_CALL, &call, sizeof(call), NULL, 0) == 0)
			s->out++;
	}
	if (s->out == 0) {
		answer(s);
		scatter_free(s);
	}
}
