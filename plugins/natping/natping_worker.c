/* A worker's instance: replies to SIP pings end here, before the script. */
#include <errno.h>
#include <stdlib.h>

#include "plugins/natping/natping.h"
#include "plugins/natping/ping_branch.h"

struct absorber {
	const struct hash_key *key;
	uint32_t node;
	struct natping_tally tally;
};

int natping_worker_start(
	struct ph_worker *worker, const struct ph_plugin_ctx *ctx, void **selfp)
{
	struct absorber *a = calloc(1, sizeof(*a));

	if (a == NULL)
		return -ENOMEM;
	a->key = worker->t.key;
	a->node = ping_branch_node(a->key, slice_str(worker->t.node));
	a->tally = (struct natping_tally){worker->t.counters, ctx->first_counter};
	*selfp = a;
	return 0;
}

void natping_worker_stop(void *self)
{
	free(self);
}

bool natping_reply_stray(void *self, struct ph_msg *reply)
{
	const struct absorber *a = self;
	const struct sip_via *via = sip_via_list(&reply->sip, NULL);
	uint32_t node;

	if (via == NULL || via->next != NULL ||
		!ping_branch_match(a->key, via->branch, &node))
		return false;
	natping_count(&a->tally,
		node == a->node ? NATPING_C_REPLIES : NATPING_C_REPLIES_OTHER, 1);
	return true;
}
