#include <errno.h>

#include "core/script/fn_core.h"
#include "core/script/ruri.h"

bool fn_uri_is_ours(const struct script_env *env, const struct sip_uri *uri)
{
	uint16_t port = uri->port;

	if (!env->is_myself || slice_empty(uri->host) ||
		(uri->scheme != SIP_SCHEME_SIP && uri->scheme != SIP_SCHEME_SIPS))
		return false;
	if (port == 0)
		port = sip_default_port(uri->scheme, uri->transport);
	return env->is_myself(env->arg, uri->host, port);
}

/** "host", "host:port", "[v6]:port", a bare IPv6 address. port 0: any. */
static bool host_is_ours(const struct script_env *env, struct slice text, uint16_t port)
{
	struct slice head, tail;
	uint64_t n;

	if (!env->is_myself || slice_empty(text))
		return false;
	if (text.p[0] == '[') {
		ptrdiff_t end = slice_chr(text, ']');

		tail = end < 0 ? (struct slice){0} : slice_from(text, (size_t)end + 1);
		if (tail.len > 1 && tail.p[0] == ':' &&
			slice_u64(slice_from(tail, 1), UINT16_MAX, &n) == 0) {
			port = (uint16_t)n;
			text.len = (size_t)end + 1;
		}
	} else if (slice_cut(text, ':', &head, &tail) && slice_chr(tail, ':') < 0) {
		if (slice_u64(tail, UINT16_MAX, &n) != 0)
			return false;
		port = (uint16_t)n;
		text = head;
	}
	return env->is_myself(env->arg, text, port);
}

bool script_is_myself(const struct script_env *env, struct slice text)
{
	struct sip_uri uri;

	text = slice_trim(text);
	if (slice_istarts(text, SLICE("sip:")) || slice_istarts(text, SLICE("sips:")))
		return sip_uri_parse(&uri, text) == 0 && fn_uri_is_ours(env, &uri);
	return host_is_ours(env, text, 0);
}

static int is_myself(void *self, struct ph_msg *msg, const struct ph_arg *args)
{
	const struct script_env *env = self;

	(void)msg;
	if (args[1].given) {
		struct sip_uri uri;

		if (args[1].n < 0 || args[1].n > UINT16_MAX)
			return PH_FALSE;
		if (sip_uri_parse(&uri, args[0].s) == 0 && uri.scheme != SIP_SCHEME_OTHER)
			return host_is_ours(env, uri.host, (uint16_t)args[1].n)
				? PH_TRUE
				: PH_FALSE;
		return host_is_ours(env, slice_trim(args[0].s), (uint16_t)args[1].n)
			? PH_TRUE
			: PH_FALSE;
	}
	return script_is_myself(env, args[0].s) ? PH_TRUE : PH_FALSE;
}

/* The request URI */

static int set_part(
	struct ph_msg *msg, const char *fn, enum uri_part part, struct slice value)
{
	return fn_verdict(msg, fn, ruri_set_part(msg, part, value));
}

#define PART_FN(fn, text, part)                                                          \
	static int fn(void *self, struct ph_msg *msg, const struct ph_arg *args)         \
	{                                                                                \
		(void)self;                                                              \
		return set_part(msg, (text), (part), args[0].s);                         \
	}
PART_FN(seturi, "seturi", URI_ALL)
PART_FN(sethost, "sethost", URI_HOST)
PART_FN(setuser, "setuser", URI_USER)
PART_FN(setuserpass, "setuserpass", URI_USERPASS)
PART_FN(setport, "setport", URI_PORT)

/** "host", "host:port" */
static int sethostport(void *self, struct ph_msg *msg, const struct ph_arg *args)
{
	sip_mark mark = sip_edit_mark(&msg->sip);
	struct slice host = slice_trim(args[0].s), port = {0};
	size_t end = host.len;
	int err;

	(void)self;
	while (end > 0 && host.p[end - 1] >= '0' && host.p[end - 1] <= '9')
		end--;
	if (end > 1 && end < host.len && host.p[end - 1] == ':') {
		port = slice_from(host, end);
		host.len = end - 1;
	}
	err = ruri_set_part(msg, URI_HOSTPORT, host);
	if (err == 0 && !slice_empty(port))
		err = ruri_set_part(msg, URI_PORT, port);
	if (err != 0)
		sip_rollback(&msg->sip, mark);
	return fn_verdict(msg, "sethostport", err);
}

static struct slice current_user(const struct ph_msg *msg)
{
	struct script_value v = {.type = SCRIPT_NULL};

	if (uri_part_get(msg->sip.ruri, URI_USER, &v) != 0 || v.type == SCRIPT_NULL)
		return SLICE("");
	return v.s;
}

static int prefix(void *self, struct ph_msg *msg, const struct ph_arg *args)
{
	struct slice user = arena_join(msg->arena, args[0].s, current_user(msg));

	(void)self;
	if (!user.p)
		return fn_verdict(msg, "prefix", -ENOMEM);
	return set_part(msg, "prefix", URI_USER, user);
}

static size_t cut_of(const struct ph_arg *arg, struct slice user)
{
	return arg->n <= 0 ? 0 : (uint64_t)arg->n > user.len ? user.len : (size_t)arg->n;
}

static int strip(void *self, struct ph_msg *msg, const struct ph_arg *args)
{
	struct slice user = current_user(msg);

	(void)self;
	return set_part(msg, "strip", URI_USER, slice_from(user, cut_of(&args[0], user)));
}

static int strip_tail(void *self, struct ph_msg *msg, const struct ph_arg *args)
{
	struct slice user = current_user(msg);

	(void)self;
	user.len -= cut_of(&args[0], user);
	return set_part(msg, "strip_tail", URI_USER, user);
}

static int revert_uri(void *self, struct ph_msg *msg, const struct ph_arg *args)
{
	(void)self;
	(void)args;
	return set_part(msg, "revert_uri", URI_ALL, msg->sip.ruri_received);
}

/* The next hop */

static int setdsturi(void *self, struct ph_msg *msg, const struct ph_arg *args)
{
	(void)self;
	return fn_verdict(msg, "setdsturi",
		slice_empty(args[0].s) ? -EINVAL : du_set(msg, args[0].s));
}

static int resetdsturi(void *self, struct ph_msg *msg, const struct ph_arg *args)
{
	(void)self;
	(void)args;
	return fn_verdict(msg, "resetdsturi", du_set(msg, (struct slice){0}));
}

static int isdsturiset(void *self, struct ph_msg *msg, const struct ph_arg *args)
{
	(void)self;
	(void)args;
	return slice_empty(msg->du) ? PH_FALSE : PH_TRUE;
}

static int force_send_socket(void *self, struct ph_msg *msg, const struct ph_arg *args)
{
	const struct script_env *env = self;
	const struct net_sock *s =
		env->socks ? net_sock_find(env->socks, slice_trim(args[0].s)) : NULL;

	if (!s) {
		fn_log(msg, LOG_L_ERR, "force_send_socket: '%.*s' is none of our sockets",
			SLICE_ARG(args[0].s));
		return PH_FALSE;
	}
	msg->send_sock = s;
	msg->foreign = (struct slice){0};
	return PH_TRUE;
}

/** "1", "0.5", "0.75": thousandths, or -1. */
static int read_q(struct slice text)
{
	int q = 0, unit = 1000;
	size_t i;

	text = slice_trim(text);
	for (i = 0; i < text.len; i++) {
		if (text.p[i] == '.' && i == 1)
			continue;
		if (text.p[i] < '0' || text.p[i] > '9' || (i == 1) || i > 4)
			return -1;
		q += unit * (text.p[i] - '0');
		unit /= 10;
	}
	return text.len > 0 && q <= 1000 ? q : -1;
}

/** append_branch(): where the message goes now, as one more target. append_branch(uri [, q]): another one. */
static int append_branch(void *self, struct ph_msg *msg, const struct ph_arg *args)
{
	struct tm_target t = {.ruri = msg->sip.ruri,
		.du = msg->du,
		.path = msg->path,
		.sock = msg->send_sock,
		.foreign = msg->foreign,
		.flow = msg->flow && !slice_empty(msg->du),
		.q = msg->q,
		.bflags = msg->bflags};
	struct sip_uri check;

	(void)self;
	if (args[0].given && !slice_empty(args[0].s)) {
		if (sip_uri_parse(&check, args[0].s) != 0)
			return fn_verdict(msg, "append_branch", -EINVAL);
		t = (struct tm_target){
			.ruri = args[0].s, .q = 1000, .bflags = msg->bflags};
	}
	if (args[1].given) {
		int q = read_q(args[1].s);

		if (q < 0) {
			fn_log(msg, LOG_L_ERR, "append_branch: '%.*s' is no q value",
				SLICE_ARG(args[1].s));
			return PH_FALSE;
		}
		t.q = (unsigned)q;
	}
	return fn_verdict(msg, "append_branch", msg_add_branch(msg, &t));
}

/* clang-format off */
#define FMT(n) {.kind = PH_ARG_FMT, .name = (n)}
#define INT(n) {.kind = PH_ARG_INT, .name = (n)}
#define EDIT_ROW(n, arg, fn, text) \
	{.name = (n), .args = {arg}, .min_args = 1, .max_args = 1, .routes = FN_R | FN_F | FN_B | FN_L, \
	 .call = (fn), .help = (text)}
const struct ph_script_fn fn_uri_table[] = {
	{.name = "is_myself", .args = {FMT("uri"), INT("port")}, .min_args = 1, .max_args = 2,
	 .routes = PH_ROUTES_ALL, .call = is_myself, .help = "Is this URI or host this server?"},
	EDIT_ROW("seturi", FMT("uri"), seturi, "Sets the request URI."),
	EDIT_ROW("sethost", FMT("host"), sethost, "Sets the host of the request URI."),
	EDIT_ROW("sethostport", FMT("hostport"), sethostport, "Sets host and port of the request URI."),
	EDIT_ROW("setuser", FMT("user"), setuser, "Sets the user of the request URI."),
	EDIT_ROW("setuserpass", FMT("userpass"), setuserpass, "Sets user and password of the request URI."),
	EDIT_ROW("setport", FMT("port"), setport, "Sets the port of the request URI."),
	{.name = "prefix", .args = {FMT("text")}, .min_args = 1, .max_args = 1, .routes = FN_R | FN_F | FN_B,
	 .call = prefix, .help = "Puts a text before the user of the request URI."},
	{.name = "strip", .args = {INT("count")}, .min_args = 1, .max_args = 1, .routes = FN_R | FN_F | FN_B,
	 .call = strip, .help = "Takes characters from the start of the user."},
	{.name = "strip_tail", .args = {INT("count")}, .min_args = 1, .max_args = 1, .routes = FN_R | FN_F | FN_B,
	 .call = strip_tail, .help = "Takes characters from the end of the user."},
	{.name = "revert_uri", .routes = FN_R | FN_F | FN_B, .call = revert_uri,
	 .help = "Makes the request URI what it was when it came."},
	{.name = "setdsturi", .args = {FMT("uri")}, .min_args = 1, .max_args = 1, .routes = FN_R | FN_F | FN_B,
	 .call = setdsturi, .help = "Sets the next hop."},
	{.name = "resetdsturi", .routes = FN_R | FN_F | FN_B, .call = resetdsturi, .help = "Forgets the next hop."},
	{.name = "isdsturiset", .routes = FN_R | FN_F | FN_B, .call = isdsturiset, .help = "Is a next hop set?"},
	{.name = "append_branch", .args = {FMT("uri"), FMT("q")}, .max_args = 2, .routes = FN_R | FN_F,
	 .call = append_branch, .help = "Adds a target for t_relay()."},
	{.name = "force_send_socket", .args = {{.kind = PH_ARG_NAME, .name = "socket"}}, .min_args = 1, .max_args = 1,
	 .routes = FN_R | FN_F | FN_B | FN_L, .call = force_send_socket, .help = "Chooses the socket to send from."},
	{0},
};
/* clang-format on */
