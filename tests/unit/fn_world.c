#include "tests/unit/fn_world.h"

struct world *world;

/* What tm gives */

void trans_bind(struct tm_trans **at, struct tm_trans *t)
{
	*at = t;
}

static void note_reply(unsigned code, struct slice reason, struct slice extra)
{
	world->code = code;
	snprintf(world->reason, sizeof(world->reason), "%.*s", SLICE_ARG(reason));
	snprintf(world->extra, sizeof(world->extra), "%.*s", SLICE_ARG(extra));
}

int tm_reply(struct tm *tm, struct ph_msg *msg, unsigned code, struct slice reason,
	struct slice extra)
{
	(void)tm;
	(void)msg;
	world->replies++;
	note_reply(code, reason, extra);
	return world->reply_code;
}

int tm_reply_stateless(struct tm *tm, struct ph_msg *msg, unsigned code,
	struct slice reason, struct slice extra)
{
	(void)tm;
	(void)msg;
	world->stateless++;
	note_reply(code, reason, extra);
	return world->reply_code;
}

static void note_target(struct ph_msg *msg, const struct tm_target *to)
{
	world->to = to ? *to : (struct tm_target){.du = msg->du, .sock = msg->send_sock};
}

int tm_relay(
	struct tm *tm, struct ph_msg *msg, const struct tm_target *to, unsigned flags)
{
	(void)tm;
	world->relays++;
	world->flags = flags;
	note_target(msg, to);
	return world->relay_code;
}

int tm_forward(struct tm *tm, struct ph_msg *msg, const struct tm_target *to)
{
	(void)tm;
	world->forwards++;
	note_target(msg, to);
	return world->relay_code;
}

int tm_newtran(struct tm *tm, struct ph_msg *msg)
{
	(void)tm;
	world->newtrans++;
	if (world->newtran_code == 0)
		msg->trans = world->free_trans;
	return world->newtran_code;
}

int tm_check(struct tm *tm, struct ph_msg *msg)
{
	(void)tm;
	(void)msg;
	return world->check_code;
}

bool tm_is_canceled(const struct ph_msg *msg)
{
	(void)msg;
	return world->canceled;
}

unsigned tm_branch_index(const struct tm_branch *br)
{
	return br->index;
}

const struct tm_target *tm_branch_target(const struct tm_branch *br)
{
	return &br->target;
}

uint32_t *tm_branch_flags(struct tm_branch *br)
{
	return &br->target.bflags;
}

int *tm_branch_on_reply(struct tm_branch *br)
{
	return &br->on_reply;
}

struct ph_msg *tm_request_of(const struct ph_msg *msg)
{
	return msg->trans ? msg->trans->request : NULL;
}

unsigned tm_reply_code(const struct ph_msg *msg)
{
	(void)msg;
	return world->failure_code;
}

struct slice tm_reply_reason(const struct ph_msg *msg)
{
	(void)msg;
	return SLICE("Busy Here");
}

/* One call record serves all calls. */

struct calls *tm_calls(struct tm *tm)
{
	(void)tm;
	return (struct calls *)world;
}

struct call *call_of(struct calls *c, struct slice call_id, bool make)
{
	(void)call_id;
	(void)make;
	return (struct call *)c;
}

struct slice call_prop(const struct call *call, enum bus_prop p)
{
	(void)call;
	if (p == BUS_PROP_DIALOG_TIMEOUT)
		return slice_str(world->dialog_timeout);
	return p == BUS_PROP_DIALOG_END ? slice_str(world->end_reason) : (struct slice){0};
}

int call_prop_set(struct call *call, enum bus_prop p, struct slice value)
{
	(void)call;
	assert_int_equal(p, BUS_PROP_DIALOG_TIMEOUT);
	(void)snprintf(world->dialog_timeout, sizeof(world->dialog_timeout), "%.*s", SLICE_ARG(value));
	return 0;
}

/* The world */

static void make_sock(unsigned i, enum sip_transport tr, const char *ip, const char *host,
	uint16_t port)
{
	struct net_sock *s = &world->socks[i];

	*s = (struct net_sock){.index = i,
		.transport = tr,
		.addr = ph_test_addr(ip, port),
		.adv_port = port};
	snprintf(s->adv_host, sizeof(s->adv_host), "%s", host);
	snprintf(s->text, sizeof(s->text), "%s:%.40s:%u", sip_transport_name(tr), host,
		port);
}

/** Our addresses on their ports, and the alias example.org. */
static bool world_is_myself(void *arg, struct slice host, uint16_t port)
{
	(void)arg;
	return slice_ieq(host, SLICE("example.org")) ||
		net_is_local(&world->list, host, port);
}

int world_setup(void **state)
{
	world = calloc(1, sizeof(*world));
	if (!world)
		return -1;
	world->arena = arena_new(16384, 1 << 20);
	make_sock(0, SIP_TR_UDP, "198.51.100.7", "198.51.100.7", 5060);
	make_sock(1, SIP_TR_TCP, "198.51.100.7", "198.51.100.7", 5060);
	make_sock(2, SIP_TR_UDP, "2001:db8::7", "[2001:db8::7]", 5060);
	make_sock(3, SIP_TR_UDP, "10.0.0.5", "10.0.0.5", 5070);
	world->list = (struct net_socks){.list = world->socks, .count = 4};
	world->env =
		(struct script_env){.tm = (struct tm *)world, .socks = &world->list, .is_myself = world_is_myself};
	world->relay_code = world->check_code = world->reply_code = 1;
	*state = world;
	return world->arena ? 0 : -1;
}

int world_teardown(void **state)
{
	(void)state;
	arena_put(world->arena);
	free(world);
	world = NULL;
	return 0;
}

struct ph_msg *world_msg(const char *text)
{
	struct ph_msg *msg = msg_new(world->arena);
	struct sip_error why = {0};
	struct buf b;

	assert_non_null(msg);
	buf_arena(&b, world->arena, 2 * strlen(text), 65536);
	for (; *text; text++) {
		if (*text == '\n')
			buf_chr(&b, '\r');
		buf_chr(&b, *text);
	}
	assert_int_equal(b.err, 0);
	if (sip_parse(&msg->sip, world->arena, buf_slice(&b), NULL, &why) != 0)
		fail_msg("the message does not parse: %s", why.text);
	msg->route = msg->sip.kind == SIP_REQUEST ? PH_ROUTE_REQUEST : PH_ROUTE_REPLY;
	msg->sock = &world->socks[0];
	msg->rx = (struct net_rx){.transport = SIP_TR_UDP,
		.src = ph_test_addr("192.0.2.10", 40000),
		.dst = world->socks[0].addr};
	return msg;
}

struct ph_msg *world_invite(void)
{
	return world_msg("INVITE sip:bob@example.org;user=phone SIP/2.0\n"
			 "Via: SIP/2.0/UDP 192.168.1.20:5062;branch=z9hG4bK1\n"
			 "From: \"Alice A.\" <sip:alice@home.example>;tag=a1\n"
			 "To: <sip:bob@example.org>\n"
			 "Call-ID: c1@192.168.1.20\n"
			 "CSeq: 7 INVITE\n"
			 "Contact: <sip:alice@192.168.1.20:5062>;q=0.5\n"
			 "Max-Forwards: 70\n"
			 "X-Tag: one\n"
			 "x-tag: two\n"
			 "User-Agent: Test Phone\n"
			 "Content-Type: text/plain\n"
			 "Content-Length: 5\n"
			 "\n"
			 "hello");
}

const char *world_text(struct ph_msg *msg)
{
	struct buf b;

	buf_arena(&b, world->arena, 2048, 65536);
	sip_write_plain(&b, &msg->sip);
	buf_chr(&b, '\0');
	assert_int_equal(b.err, 0);
	return b.p;
}

static const struct ph_script_fn *find_fn(const char *name)
{
	for (unsigned i = 0; script_core_aliases[i].alias; i++)
		if (strcmp(script_core_aliases[i].alias, name) == 0)
			name = script_core_aliases[i].name;
	for (unsigned t = 0; script_core_fns[t]; t++)
		for (const struct ph_script_fn *fn = script_core_fns[t]; fn->name; fn++)
			if (strcmp(fn->name, name) == 0)
				return fn;
	fail_msg("no function %s", name);
	return NULL;
}

static struct slice expand(struct ph_msg *msg, const char *text)
{
	struct pv_format *f = NULL;
	struct slice out = {0};
	char why[160];
	size_t at;

	if (pv_format_parse(&f, slice_str(text), world->kamailio, why, &at) != 0)
		fail_msg("'%s': %s", text, why);
	assert_int_equal(pv_format_eval(f, &world->env, msg, &out), 0);
	pv_format_free(&f);
	return out;
}

/** One argument; what must be freed after the call goes to re and pv. */
static void make_arg(struct ph_msg *msg, const struct ph_arg_row *row, const char *text,
	struct ph_arg *arg, regex_t *re, struct script_pv **pv)
{
	char why[160];

	*arg = (struct ph_arg){.given = true, .s = slice_str(text)};
	if (row->check)
		assert_null(row->check(text, why));
	switch (row->kind) {
	case PH_ARG_INT:
	case PH_ARG_BITFLAG:
		arg->s = expand(msg, text);
		assert_int_equal(slice_i64(arg->s, &arg->n), 0);
		break;
	case PH_ARG_ROUTE:
		assert_int_equal(slice_i64(arg->s, &arg->n), 0);
		break;
	case PH_ARG_FMT:
		arg->s = expand(msg, text);
		break;
	case PH_ARG_RE:
		assert_int_equal(
			regcomp(re, text, REG_EXTENDED | REG_ICASE | REG_NEWLINE), 0);
		arg->re = re;
		break;
	case PH_ARG_PV:
		*pv = script_pv_new(text, why);
		assert_non_null(*pv);
		arg->pv = *pv;
		break;
	case PH_ARG_STR:
	case PH_ARG_NAME:
	case PH_ARG_FLAGS:
		break;
	}
}

int world_call(struct ph_msg *msg, const char *name, ...)
{
	const struct ph_script_fn *fn = find_fn(name);
	struct ph_arg args[PH_MAX_ARGS] = {0};
	struct script_pv *pv = NULL;
	regex_t re;
	unsigned count = 0;
	const char *text;
	bool has_re = false;
	va_list ap;
	int code;

	va_start(ap, name);
	while ((text = va_arg(ap, const char *))) {
		assert_true(count < fn->max_args);
		make_arg(msg, &fn->args[count], text, &args[count], &re, &pv);
		has_re |= fn->args[count].kind == PH_ARG_RE;
		count++;
	}
	va_end(ap);
	assert_true(count >= fn->min_args);
	code = fn->call(&world->env, msg, args);
	if (has_re)
		regfree(&re);
	script_pv_free(&pv);
	return code;
}

const char *world_pv(struct ph_msg *msg, const char *text)
{
	struct slice s = expand(msg, text), out = arena_dup(world->arena, s);

	assert_non_null(out.p);
	return out.p;
}

static int set_value(struct ph_msg *msg, const char *text, const struct script_value *v)
{
	char why[128];
	struct script_pv *pv = script_pv_new(text, why);
	int err;

	if (!pv)
		fail_msg("%s: %s", text, why);
	err = script_pv_set(pv, &world->env, msg, v);
	script_pv_free(&pv);
	return err;
}

int world_set(struct ph_msg *msg, const char *pv, const char *value)
{
	struct script_value v = {
		.type = value ? SCRIPT_TEXT : SCRIPT_NULL, .s = slice_str(value)};

	return set_value(msg, pv, &v);
}

int world_set_int(struct ph_msg *msg, const char *pv, int64_t value)
{
	struct script_value v = {.type = SCRIPT_INT, .n = value};

	return set_value(msg, pv, &v);
}
