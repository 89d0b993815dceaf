#include <errno.h>
#include <stdio.h>

#include "core/script/fn_core.h"

/** Flags of t_relay() by name; numbers are those of enum TM_F_*. */
static const struct {
	const char *name;
	unsigned flag;
} relay_flags[] = {
	{"no-auto-100", TM_F_NO_100},
	{"no-auto-477", TM_F_NO_ERROR_REPLY},
	{"no-reply", TM_F_NO_ERROR_REPLY},
	{"no-dns-failover", TM_F_NO_DNS_FAILOVER},
	{"keep-udp", TM_F_KEEP_UDP},
	{NULL, 0},
};

/** "0x02", "2", "no-auto-477,no-dns-failover". False: these are no flags. */
static bool read_flags(struct slice text, unsigned *out)
{
	struct slice rest = slice_trim(text), item;
	unsigned flags = 0, i;
	bool more = true;
	int64_t n;

	if (slice_i64(rest, &n) == 0) {
		*out = (unsigned)n &
			(TM_F_NO_100 | TM_F_NO_ERROR_REPLY | TM_F_NO_DNS_FAILOVER);
		return n >= 0;
	}
	while (more) {
		more = slice_cut(rest, ',', &item, &rest);
		if (!more)
			item = rest;
		for (i = 0; relay_flags[i].name; i++)
			if (slice_ieq(slice_trim(item), slice_str(relay_flags[i].name)))
				break;
		if (!relay_flags[i].name)
			return false;
		flags |= relay_flags[i].flag;
	}
	*out = flags;
	return true;
}

/** Two targets that are one would make the request meet itself (482): RFC 3261 section 16.5 has them once. How many went. */
static unsigned drop_doubles(struct ph_msg *msg)
{
	struct tm_target **at = &msg->branches;
	unsigned count = 0;

	while (*at) {
		struct tm_target *t = *at;

		if (slice_eq(t->ruri, msg->sip.ruri) && slice_eq(t->du, msg->du)) {
			*at = t->next;
			msg->branch_count--;
			count++;
		} else {
			at = &t->next;
		}
	}
	return count;
}

/** The first added target takes the place of the message's own. */
static int promote_branch(struct ph_msg *msg)
{
	struct tm_target *t = msg->branches;
	int err = msg_set_target(msg, t);

	if (err != 0)
		return err;
	msg->branches = t->next;
	msg->branch_count--;
	return 0;
}

/**
 * A failure block that only added targets means these alone: the message's own has just failed. One that added its own
 * again, with append_branch(), wants it again.
 */
static int choose_targets(struct ph_msg *msg)
{
	bool again = drop_doubles(msg) > 0;

	if (msg->route != PH_ROUTE_FAILURE || !msg->branches || again ||
		!slice_eq(msg->sip.ruri, msg->relayed_ruri) ||
		!slice_eq(msg->du, msg->relayed_du))
		return 0;
	return promote_branch(msg);
}

static int relay(
	const struct script_env *env, struct ph_msg *msg, struct slice du, unsigned flags)
{
	struct tm_target to = {.du = du, .q = 1000};
	bool given;
	int code;

	if (choose_targets(msg) != 0)
		return TM_E_INTERNAL;
	msg->relayed_ruri = msg->sip.ruri;
	msg->relayed_du = msg->du;
	to.ruri = msg->sip.ruri;
	to.sock = msg->send_sock;
	to.bflags = msg->bflags;
	given = !slice_empty(du) && slice_empty(msg->du); /* $du wins over the argument */
	code = tm_relay(env->tm, msg, given ? &to : NULL, flags);
	if (code == TM_RELAY_PARKED)
		return PH_PARK;
	if (code < 0 && !(flags & TM_F_NO_ERROR_REPLY))
		msg->replied = true; /* sl_reply_error() must not be a second one */
	return code;
}

/** "udp:10.0.0.1:5060", "10.0.0.1:5060", "sip:...": the argument behind it is the flags. A lone host: it is the port. */
static bool says_port(struct slice dest)
{
	struct slice head, tail;
	enum sip_transport tr;

	if (dest.p[0] == '[')
		return dest.p[dest.len - 1] != ']';
	if (!slice_cut(dest, ':', &head, &tail))
		return false;
	tr = sip_transport_of(head);
	return (tr != SIP_TR_NONE && tr != SIP_TR_UNKNOWN) ||
		slice_ieq(head, SLICE("sip")) || slice_ieq(head, SLICE("sips")) ||
		slice_chr(tail, ':') < 0;
}

/** What the arguments of t_relay() and forward() mean: (flags), (dest [, flags]), (host, port). 0 or -errno. */
static int read_dest(
	struct ph_msg *msg, const struct ph_arg *args, struct slice *du, unsigned *flags)
{
	struct slice dest = slice_trim(args[0].s);
	int64_t port;

	if (!args[0].given || slice_empty(dest) || read_flags(dest, flags))
		return 0;
	if (!args[1].given)
		return fn_dest_uri(msg, dest, du);
	if (!says_port(dest) && slice_i64(slice_trim(args[1].s), &port) == 0)
		return fn_hostport_uri(msg, dest, port, NULL, du);
	if (!read_flags(args[1].s, flags))
		return -EINVAL;
	return fn_dest_uri(msg, dest, du);
}

static int t_relay(void *self, struct ph_msg *msg, const struct ph_arg *args)
{
	struct slice du = {0};
	unsigned flags = 0;
	int err = read_dest(msg, args, &du, &flags);

	if (err != 0) {
		fn_log(msg, LOG_L_ERR, "t_relay: '%.*s' is no destination",
			SLICE_ARG(args[0].s));
		msg->last_error = 500;
		return TM_E_INTERNAL;
	}
	return relay(self, msg, du, flags);
}

/** t_relay_to_udp([host, port]): over that transport, to the URI when nothing else is said. */
static int relay_by(const struct script_env *env, struct ph_msg *msg,
	const struct ph_arg *args, const char *transport)
{
	struct slice host, du = {0};
	struct sip_uri uri;
	int64_t port;

	if (args[0].given) {
		host = slice_trim(args[0].s);
		port = args[1].given ? args[1].n : 0;
	} else {
		if (sip_uri_parse(&uri, slice_empty(msg->du) ? msg->sip.ruri : msg->du) !=
			0)
			return TM_E_BAD_MESSAGE;
		host = uri.host;
		port = uri.port;
		msg->du = (struct slice){0};
		msg->foreign = (struct slice){0};
		msg->flow = false;
	}
	if (fn_hostport_uri(msg, host, port, transport, &du) != 0) {
		msg->last_error = 500;
		return TM_E_INTERNAL;
	}
	return relay(env, msg, du, 0);
}

static int t_relay_to_udp(void *self, struct ph_msg *msg, const struct ph_arg *args)
{
	return relay_by(self, msg, args, "udp");
}

static int t_relay_to_tcp(void *self, struct ph_msg *msg, const struct ph_arg *args)
{
	return relay_by(self, msg, args, "tcp");
}

static int t_relay_to_tls(void *self, struct ph_msg *msg, const struct ph_arg *args)
{
	return relay_by(self, msg, args, "tls");
}

static int forwarded(int code)
{
	if (code == TM_RELAY_PARKED)
		return PH_PARK; /* its next hop is being looked up */
	return code > 0 ? PH_TRUE : PH_FALSE;
}

/** Without state: RFC 3261 section 16.11. */
static int forward(void *self, struct ph_msg *msg, const struct ph_arg *args)
{
	const struct script_env *env = self;
	struct tm_target to = {.ruri = msg->sip.ruri,
		.sock = msg->send_sock,
		.q = 1000,
		.bflags = msg->bflags};
	unsigned flags = 0;

	if (!args[0].given)
		return forwarded(tm_forward(env->tm, msg, NULL));
	if (read_dest(msg, args, &to.du, &flags) != 0 || slice_empty(to.du)) {
		fn_log(msg, LOG_L_ERR, "forward: '%.*s' is no destination",
			SLICE_ARG(args[0].s));
		return PH_FALSE;
	}
	return forwarded(tm_forward(env->tm, msg, &to));
}

/** 1 also when parking has made the transaction before; 0 when there was no room: 503 is sent, nothing is left to do. */
static int t_newtran(void *self, struct ph_msg *msg, const struct ph_arg *args)
{
	const struct script_env *env = self;
	int err = tm_newtran(env->tm, msg);

	(void)args;
	if (err == -EBUSY)
		return PH_STOP;
	return err == 0 || err == -EALREADY ? PH_TRUE : PH_FALSE;
}

static int t_check_trans(void *self, struct ph_msg *msg, const struct ph_arg *args)
{
	const struct script_env *env = self;

	(void)args;
	return tm_check(env->tm, msg) > 0 ? PH_TRUE : PH_FALSE;
}

/** A request that another flow is busy with never gets as far as the script: it is absorbed before. */
static int t_precheck_trans(void *self, struct ph_msg *msg, const struct ph_arg *args)
{
	(void)self;
	(void)msg;
	(void)args;
	return PH_FALSE;
}

static int t_lookup_request(void *self, struct ph_msg *msg, const struct ph_arg *args)
{
	(void)self;
	(void)args;
	return msg->trans ? PH_TRUE : PH_FALSE;
}

static int t_lookup_cancel(void *self, struct ph_msg *msg, const struct ph_arg *args)
{
	(void)self;
	(void)args;
	return msg->cancels ? PH_TRUE : PH_FALSE;
}

/** A transaction is let go when nothing needs it any more; a script need not, and cannot, do it sooner. */
static int t_release(void *self, struct ph_msg *msg, const struct ph_arg *args)
{
	(void)self;
	(void)msg;
	(void)args;
	return PH_TRUE;
}

/* Arming */

/** In a branch block for that branch alone, elsewhere for the transaction. */
static int t_on_reply(void *self, struct ph_msg *msg, const struct ph_arg *args)
{
	int *armed = &msg_root(msg)->armed.on_reply;

	(void)self;
	if (!args[0].given)
		return PH_FALSE;
	if (msg->route == PH_ROUTE_BRANCH && msg->branch)
		armed = tm_branch_on_reply(msg->branch);
	*armed = (int)args[0].n;
	return PH_TRUE;
}

static int t_on_failure(void *self, struct ph_msg *msg, const struct ph_arg *args)
{
	(void)self;
	if (!args[0].given)
		return PH_FALSE;
	msg_root(msg)->armed.on_failure = (int)args[0].n;
	return PH_TRUE;
}

static int t_on_branch(void *self, struct ph_msg *msg, const struct ph_arg *args)
{
	(void)self;
	if (!args[0].given)
		return PH_FALSE;
	msg_root(msg)->armed.on_branch = (int)args[0].n;
	return PH_TRUE;
}

static const char *check_armed(const char *text, char why[128])
{
	if (strcmp(text, "branch_route") == 0 || strcmp(text, "failure_route") == 0 ||
		strcmp(text, "onreply_route") == 0)
		return NULL;
	(void)snprintf(why, 128, "expected branch_route, failure_route or onreply_route");
	return why;
}

static int t_is_set(void *self, struct ph_msg *msg, const struct ph_arg *args)
{
	const struct msg_armed *armed = &msg_root(msg)->armed;
	int block = -1;

	(void)self;
	if (slice_eq(args[0].s, SLICE("branch_route")))
		block = armed->on_branch;
	else if (slice_eq(args[0].s, SLICE("failure_route")))
		block = armed->on_failure;
	else if (slice_eq(args[0].s, SLICE("onreply_route")))
		block = armed->on_reply;
	return block >= 0 ? PH_TRUE : PH_FALSE;
}

/* Asking */

static int t_is_canceled(void *self, struct ph_msg *msg, const struct ph_arg *args)
{
	(void)self;
	(void)args;
	return tm_is_canceled(msg) ? PH_TRUE : PH_FALSE;
}

/** On the code that the block has in hand. */
static int t_check_status(void *self, struct ph_msg *msg, const struct ph_arg *args)
{
	unsigned code = msg->sip.kind == SIP_REPLY ? msg->sip.status : tm_reply_code(msg);
	char text[16];

	(void)self;
	if (code == 0)
		return PH_FALSE;
	(void)snprintf(text, sizeof(text), "%u", code);
	return fn_match(msg, &args[0], slice_str(text));
}

#define ROUTE_FN(fn, kinds)                                                              \
	static int fn(void *self, struct ph_msg *msg, const struct ph_arg *args)         \
	{                                                                                \
		(void)self;                                                              \
		(void)args;                                                              \
		return msg->route & (unsigned)(kinds) ? PH_TRUE : PH_FALSE;              \
	}
ROUTE_FN(t_is_request_route, PH_ROUTE_REQUEST)
ROUTE_FN(t_is_branch_route, PH_ROUTE_BRANCH)
ROUTE_FN(t_is_failure_route, PH_ROUTE_FAILURE)
ROUTE_FN(t_is_reply_route, PH_ROUTE_REPLY)

/* clang-format off */
#define FMT(n) {.kind = PH_ARG_FMT, .name = (n)}
#define BLOCK(kw) {.kind = PH_ARG_ROUTE, .name = "block", .route_kw = (kw)}
#define PLAIN(n, r, fn, text) {.name = (n), .routes = (r), .call = (fn), .help = (text)}
const struct ph_script_fn fn_tm_table[] = {
	{.name = "t_relay", .args = {FMT("destination"), FMT("flags")}, .max_args = 2, .routes = FN_R | FN_F,
	 .call = t_relay, .help = "Sends the request on, with a transaction."},
	{.name = "t_relay_to_udp", .args = {FMT("host"), {.kind = PH_ARG_INT, .name = "port"}}, .max_args = 2,
	 .routes = FN_R | FN_F, .call = t_relay_to_udp, .help = "Sends the request on over UDP."},
	{.name = "t_relay_to_tcp", .args = {FMT("host"), {.kind = PH_ARG_INT, .name = "port"}}, .max_args = 2,
	 .routes = FN_R | FN_F, .call = t_relay_to_tcp, .help = "Sends the request on over TCP."},
	{.name = "t_relay_to_tls", .args = {FMT("host"), {.kind = PH_ARG_INT, .name = "port"}}, .max_args = 2,
	 .routes = FN_R | FN_F, .call = t_relay_to_tls, .help = "Sends the request on over TLS."},
	{.name = "forward", .args = {FMT("destination"), FMT("port")}, .max_args = 2, .routes = FN_R,
	 .call = forward, .help = "Sends the request on without a transaction."},
	PLAIN("t_newtran", FN_R, t_newtran, "Makes the transaction."),
	PLAIN("t_check_trans", FN_R | FN_O, t_check_trans, "Does the message belong to a transaction?"),
	PLAIN("t_precheck_trans", FN_R, t_precheck_trans, "Is the request being handled already?"),
	PLAIN("t_lookup_request", FN_R, t_lookup_request, "Has the request a transaction?"),
	PLAIN("t_lookup_cancel", FN_R, t_lookup_cancel, "Is the INVITE of this CANCEL known?"),
	PLAIN("t_release", FN_R, t_release, "Lets the transaction go when it is over, as is done anyway."),
	{.name = "t_on_reply", .args = {BLOCK("onreply_route")}, .min_args = 1, .max_args = 1,
	 .routes = FN_R | FN_F | FN_B | FN_O, .call = t_on_reply, .help = "Arms a block for replies."},
	{.name = "t_on_failure", .args = {BLOCK("failure_route")}, .min_args = 1, .max_args = 1,
	 .routes = FN_R | FN_F | FN_B | FN_O, .call = t_on_failure, .help = "Arms a block for the failure of all branches."},
	{.name = "t_on_branch", .args = {BLOCK("branch_route")}, .min_args = 1, .max_args = 1,
	 .routes = FN_R | FN_F | FN_B | FN_O, .call = t_on_branch, .help = "Arms a block that runs for each branch."},
	{.name = "t_is_set", .args = {{.kind = PH_ARG_STR, .name = "kind", .check = check_armed}}, .min_args = 1,
	 .max_args = 1, .routes = FN_R | FN_F | FN_B, .call = t_is_set, .help = "Is a block of that kind armed?"},
	PLAIN("t_is_canceled", FN_F | FN_R | FN_O, t_is_canceled, "Was the transaction cancelled?"),
	{.name = "t_check_status", .args = {{.kind = PH_ARG_RE, .name = "regex"}}, .min_args = 1, .max_args = 1,
	 .routes = FN_F | FN_O | FN_B | FN_R, .call = t_check_status, .help = "Does the reply code match?"},
	PLAIN("t_is_request_route", PH_ROUTES_ALL, t_is_request_route, "Does a request block run?"),
	PLAIN("t_is_branch_route", PH_ROUTES_ALL, t_is_branch_route, "Does a branch block run?"),
	PLAIN("t_is_failure_route", PH_ROUTES_ALL, t_is_failure_route, "Does a failure block run?"),
	PLAIN("t_is_reply_route", PH_ROUTES_ALL, t_is_reply_route, "Does a reply block run?"),
	{0},
};
/* clang-format on */
