/*
 * One target after the other, by q: RFC 3261 section 16.6. Targets of the same q are tried at once.
 *
 *   lookup() ─> targets of the message ─ t_load_contacts() ─> msg->serial, best q first
 *                         ^                                        │
 *                         └───────────── t_next_contacts() ────────┘  all of the best q that is left; then t_relay()
 *
 * Kamailio's and OpenSIPS's names for the same; they differ in what they answer.
 */
#include <errno.h>

#include "core/script/fn_core.h"

/** Behind those of the same q: what the script put first stays first. */
static void insert(struct tm_target **list, struct tm_target *t)
{
	while (*list && (*list)->q >= t->q)
		list = &(*list)->next;
	t->next = *list;
	*list = t;
}

/** All of msg's targets, its own first, by q. NULL without memory. */
static struct tm_target *by_q(struct ph_msg *msg)
{
	struct tm_target *list = arena_alloc(msg->arena, sizeof(*list)), *t, *next;

	if (!list)
		return NULL;
	*list = msg_own_target(msg);
	for (t = msg->branches; t; t = next) {
		next = t->next;
		insert(&list, t);
	}
	msg->branches = NULL;
	msg->branch_count = 0;
	return list;
}

static bool all_equal(const struct ph_msg *msg)
{
	for (const struct tm_target *t = msg->branches; t; t = t->next)
		if (t->q != msg->q)
			return false;
	return true;
}

/** The new ones stand before what is left of earlier ones. */
static int keep(struct ph_msg *msg)
{
	struct tm_target *list = by_q(msg), **end = &list;

	if (!list)
		return -ENOMEM;
	while (*end)
		end = &(*end)->next;
	*end = msg->serial;
	msg->serial = list;
	return 0;
}

/** The best that are left become msg's targets. How many, or -errno. */
static int take(struct ph_msg *msg)
{
	struct tm_target *first = msg->serial, *last = first;
	int count = 1, err;

	if (!first)
		return 0;
	err = msg_set_target(msg, first);
	if (err != 0)
		return err;
	while (last->next && last->next->q == first->q) {
		last = last->next;
		count++;
	}
	msg->serial = last->next;
	last->next = NULL;
	msg->branches = first->next;
	msg->branch_count = (unsigned)count - 1;
	/* A failure block that tries the same address again means it. */
	msg->relayed_ruri = msg->relayed_du = (struct slice){0};
	return count;
}

/** With a single target, or when all are equal, there is nothing to do: they stay where they are. */
static int t_load_contacts(void *self, struct ph_msg *msg, const struct ph_arg *args)
{
	(void)self;
	(void)args;
	if (all_equal(msg))
		return PH_TRUE;
	msg->serial = NULL;
	return fn_verdict(msg, "t_load_contacts", keep(msg));
}

/** -2: nothing is left. */
static int t_next_contacts(void *self, struct ph_msg *msg, const struct ph_arg *args)
{
	int count = take(msg);

	(void)self;
	(void)args;
	if (count == 0)
		return -2;
	return count > 0 ? PH_TRUE : fn_verdict(msg, "t_next_contacts", count);
}

static int serialize_branches(void *self, struct ph_msg *msg, const struct ph_arg *args)
{
	(void)self;
	if (args[0].n != 0)
		msg->serial = NULL;
	if (!msg->branches)
		return PH_TRUE;
	return fn_verdict(msg, "serialize_branches", keep(msg));
}

/** 1: more are left; 2: these were the last. */
static int next_branches(void *self, struct ph_msg *msg, const struct ph_arg *args)
{
	int count = take(msg);

	(void)self;
	(void)args;
	if (count == 0)
		return PH_FALSE;
	if (count < 0)
		return fn_verdict(msg, "next_branches", count);
	return msg->serial ? PH_TRUE : 2;
}

/** How long branches that are sent from now on may ring, and may say nothing at all. 0: as before. */
static int t_set_fr(void *self, struct ph_msg *msg, const struct ph_arg *args)
{
	(void)self;
	for (unsigned i = 0; i < 2; i++)
		if (args[i].given && (args[i].n < 0 || args[i].n > INT32_MAX)) {
			fn_log(msg, LOG_L_ERR, "t_set_fr: %lld is no time in ms",
				(long long)args[i].n);
			return PH_FALSE;
		}
	if (args[0].given && args[0].n > 0)
		msg->fr_inv_timer = (unsigned)args[0].n;
	if (args[1].given && args[1].n > 0)
		msg->fr_timer = (unsigned)args[1].n;
	return PH_TRUE;
}

static int t_reset_fr(void *self, struct ph_msg *msg, const struct ph_arg *args)
{
	(void)self;
	(void)args;
	msg->fr_inv_timer = msg->fr_timer = 0;
	return PH_TRUE;
}

/* clang-format off */
#define INT(n) {.kind = PH_ARG_INT, .name = (n)}
const struct ph_script_fn fn_serial_table[] = {
	{.name = "t_load_contacts", .routes = FN_R | FN_F, .call = t_load_contacts,
	 .help = "Puts the targets in order of q, for t_next_contacts()."},
	{.name = "t_next_contacts", .routes = FN_R | FN_F, .call = t_next_contacts,
	 .help = "Makes those of the highest q that is left the targets; -2 when none is left."},
	{.name = "serialize_branches", .args = {INT("clear")}, .min_args = 1, .max_args = 1, .routes = FN_R | FN_F,
	 .call = serialize_branches, .help = "Puts the targets in order of q, for next_branches(); clear: those left from before go."},
	{.name = "next_branches", .routes = FN_R | FN_F, .call = next_branches,
	 .help = "Makes those of the highest q that is left the targets: 1 more are left, 2 these were the last; false when none was left."},
	{.name = "t_set_fr", .args = {INT("ringing"), INT("silence")}, .min_args = 1, .max_args = 2, .routes = FN_R | FN_F | FN_B,
	 .call = t_set_fr, .help = "How long (ms) the branches sent from now on may ring, and be silent; 0: as before."},
	{.name = "t_reset_fr", .routes = FN_R | FN_F | FN_B, .call = t_reset_fr,
	 .help = "Undoes t_set_fr() for the branches sent from now on."},
	{0},
};
/* clang-format on */
