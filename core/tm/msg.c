#include "core/tm/msg.h"

#include <assert.h>
#include <errno.h>

#include "core/tm/tm_priv.h"

struct ph_msg *msg_root(struct ph_msg *msg)
{
	if (msg->sip.kind == SIP_REPLY && msg->trans != NULL &&
		msg->trans->request != NULL)
		return msg->trans->request;
	return msg;
}

void msg_ref(struct ph_msg *msg)
{
	msg->refs++;
}

void msg_unref(struct ph_msg **msgp)
{
	struct ph_msg *msg = *msgp;
	struct arena *arena;

	*msgp = NULL;
	if (msg == NULL)
		return;
	assert(msg->refs > 0);
	if (--msg->refs > 0)
		return;
	/* The message lives in its arena: take the pointers out first. */
	arena = msg->arena;
	trans_bind(&msg->trans, NULL);
	trans_bind(&msg->cancels, NULL);
	arena_put(arena);
}

struct ph_msg *msg_new(struct arena *arena)
{
	struct ph_msg *msg = arena_zalloc(arena, sizeof(*msg));

	if (msg == NULL)
		return NULL;
	msg->arena = arena;
	msg->refs = 1;
	msg->q = 1000;
	msg->armed = (struct msg_armed){-1, -1, -1};
	return msg;
}

static bool avp_is(const struct msg_avp *avp, struct slice name, bool numeric)
{
	return avp->numeric_name == numeric && slice_eq(avp->name, name);
}

struct msg_avp *msg_avp_find(
	struct ph_msg *msg, struct slice name, bool numeric, unsigned index)
{
	for (struct msg_avp *avp = msg_root(msg)->avps; avp != NULL; avp = avp->next) {
		if (avp_is(avp, name, numeric) && index-- == 0)
			return avp;
	}
	return NULL;
}

int msg_avp_push(
	struct ph_msg *msg, struct slice name, bool numeric, const struct msg_avp *value)
{
	struct ph_msg *root = msg_root(msg);
	struct msg_avp *avp = arena_zalloc(root->arena, sizeof(*avp));

	if (avp == NULL)
		return -ENOMEM;
	avp->numeric_name = numeric;
	avp->is_int = value->is_int;
	avp->n = value->n;
	avp->name = arena_dup(root->arena, name);
	avp->s = arena_dup(root->arena, value->s);
	if (avp->name.p == NULL || avp->s.p == NULL)
		return -ENOMEM;
	avp->next = root->avps;
	root->avps = avp;
	return 0;
}

void msg_avp_remove(struct ph_msg *msg, struct slice name, bool numeric, bool all)
{
	struct msg_avp **at = &msg_root(msg)->avps;

	while (*at != NULL) {
		if (!avp_is(*at, name, numeric)) {
			at = &(*at)->next;
			continue;
		}
		*at = (*at)->next;
		if (!all)
			return;
	}
}

struct tm_target msg_own_target(const struct ph_msg *msg)
{
	return (struct tm_target){.ruri = msg->sip.ruri,
		.du = msg->du,
		.path = msg->path,
		.sock = msg->send_sock,
		.foreign = msg->foreign,
		.flow = msg->flow && msg->du.len > 0,
		.q = msg->q,
		.bflags = msg->bflags};
}

int msg_set_target(struct ph_msg *msg, const struct tm_target *t)
{
	int err = sip_set_ruri(&msg->sip, t->ruri);

	if (err != 0)
		return err;
	msg->du = t->du;
	msg->path = t->path;
	msg->send_sock = t->sock;
	msg->foreign = t->foreign;
	msg->flow = t->flow;
	msg->q = t->q;
	msg->bflags = t->bflags;
	return 0;
}

int msg_add_branch(struct ph_msg *msg, const struct tm_target *t)
{
	struct tm_target *copy, **at;

	/* The message's own target is one of them. */
	if (msg->branch_count + 1 >= MSG_MAX_BRANCHES)
		return -ENOSPC;
	copy = arena_alloc(msg->arena, sizeof(*copy));
	if (copy == NULL)
		return -ENOMEM;
	*copy = *t;
	copy->next = NULL;
	copy->ruri = arena_dup(msg->arena, t->ruri);
	copy->du = arena_dup(msg->arena, t->du);
	copy->path = arena_dup(msg->arena, t->path);
	copy->foreign = arena_dup(msg->arena, t->foreign);
	copy->via_params = arena_dup(msg->arena, t->via_params);
	if (copy->ruri.p == NULL || copy->du.p == NULL || copy->path.p == NULL ||
		copy->foreign.p == NULL || copy->via_params.p == NULL)
		return -ENOMEM;
	for (at = &msg->branches; *at != NULL;)
		at = &(*at)->next;
	*at = copy;
	msg->branch_count++;
	return 0;
}
