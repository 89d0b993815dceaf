#include "core/script/fn_core.h"

/* Message flags: they belong to the transaction. Branch flags: the branch's in branch and reply blocks, else those of
 * the target that the message is going to; another target by its number. */

static uint32_t bit_of(const struct ph_arg *arg)
{
	return (uint32_t)1 << (arg->n & 31);
}

static int set_flag(void *self, struct ph_msg *msg, const struct ph_arg *args)
{
	(void)self;
	msg_root(msg)->flags |= bit_of(&args[0]);
	return PH_TRUE;
}

static int reset_flag(void *self, struct ph_msg *msg, const struct ph_arg *args)
{
	(void)self;
	msg_root(msg)->flags &= ~bit_of(&args[0]);
	return PH_TRUE;
}

static int is_flag_set(void *self, struct ph_msg *msg, const struct ph_arg *args)
{
	(void)self;
	return msg_root(msg)->flags & bit_of(&args[0]) ? PH_TRUE : PH_FALSE;
}

/** The flags of a target by number; NULL: there is no such target. */
static uint32_t *flags_of_target(struct ph_msg *msg, int64_t number)
{
	struct tm_target *t = msg->branches;

	if (number == 0)
		return msg->branch ? tm_branch_flags(msg->branch) : &msg->bflags;
	for (; t && number > 1; number--)
		t = t->next;
	return t ? &t->bflags : NULL;
}

/**
 * One argument: the flag. Two: (flag, branch) in Kamailio; in OpenSIPS too when the flag has a name, as it has since its version 3, and (branch, flag)
 * with numbers, as its scripts of before wrote it.
 */
static uint32_t *branch_flags(
	struct ph_msg *msg, const struct ph_arg *args, uint32_t *bit)
{
	const struct ph_arg *flag = &args[0], *number = &args[1];
	uint32_t *flags;
	int64_t n;

	if (!args[1].given) {
		*bit = bit_of(flag);
		return flags_of_target(msg, 0);
	}
	if (!run_is_kamailio(msg) &&
		(slice_empty(args[0].s) || slice_i64(args[0].s, &n) == 0)) {
		flag = &args[1];
		number = &args[0];
	}
	*bit = bit_of(flag);
	flags = flags_of_target(msg, number->n);
	if (!flags)
		fn_log(msg, LOG_L_ERR, "there is no branch %lld", (long long)number->n);
	return flags;
}

static int set_bflag(void *self, struct ph_msg *msg, const struct ph_arg *args)
{
	uint32_t bit, *flags = branch_flags(msg, args, &bit);

	(void)self;
	if (!flags)
		return PH_FALSE;
	*flags |= bit;
	return PH_TRUE;
}

static int reset_bflag(void *self, struct ph_msg *msg, const struct ph_arg *args)
{
	uint32_t bit, *flags = branch_flags(msg, args, &bit);

	(void)self;
	if (!flags)
		return PH_FALSE;
	*flags &= ~bit;
	return PH_TRUE;
}

static int is_bflag_set(void *self, struct ph_msg *msg, const struct ph_arg *args)
{
	uint32_t bit, *flags = branch_flags(msg, args, &bit);

	(void)self;
	return flags && (*flags & bit) ? PH_TRUE : PH_FALSE;
}

/* clang-format off */
#define FLAG {.kind = PH_ARG_BITFLAG, .name = "flag"}
#define BRANCH {.kind = PH_ARG_BITFLAG, .name = "branch"}
const struct ph_script_fn fn_flag_table[] = {
	{.name = "setflag", .args = {FLAG}, .min_args = 1, .max_args = 1, .routes = PH_ROUTES_ALL,
	 .call = set_flag, .help = "Sets a flag of the transaction."},
	{.name = "resetflag", .args = {FLAG}, .min_args = 1, .max_args = 1, .routes = PH_ROUTES_ALL,
	 .call = reset_flag, .help = "Clears a flag of the transaction."},
	{.name = "isflagset", .args = {FLAG}, .min_args = 1, .max_args = 1, .routes = PH_ROUTES_ALL,
	 .call = is_flag_set, .help = "Is this flag of the transaction set?"},
	{.name = "setbflag", .args = {FLAG, BRANCH}, .min_args = 1, .max_args = 2, .routes = PH_ROUTES_ALL,
	 .call = set_bflag, .help = "Sets a flag of the branch."},
	{.name = "resetbflag", .args = {FLAG, BRANCH}, .min_args = 1, .max_args = 2, .routes = PH_ROUTES_ALL,
	 .call = reset_bflag, .help = "Clears a flag of the branch."},
	{.name = "isbflagset", .args = {FLAG, BRANCH}, .min_args = 1, .max_args = 2, .routes = PH_ROUTES_ALL,
	 .call = is_bflag_set, .help = "Is this flag of the branch set?"},
	{0},
};
/* clang-format on */
