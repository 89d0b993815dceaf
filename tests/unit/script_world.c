#include "tests/unit/script_world.h"

#include "core/sip/sip_msg.h"

struct world world;

static int fn_mark(void *self, struct ph_msg *msg, const struct ph_arg *args)
{
	size_t len = strlen(world.trace);

	(void)self;
	(void)msg;
	snprintf(world.trace + len, sizeof(world.trace) - len, "%.*s",
		SLICE_ARG(args[0].s));
	return PH_TRUE;
}

static int fn_code(void *self, struct ph_msg *msg, const struct ph_arg *args)
{
	(void)self;
	(void)msg;
	return args[0].given ? (int)args[0].n : PH_TRUE;
}

static int fn_wait(void *self, struct ph_msg *msg, const struct ph_arg *args)
{
	(void)self;
	(void)msg;
	(void)args;
	return PH_PARK;
}

static int fn_early(void *self, struct ph_msg *msg, const struct ph_arg *args)
{
	(void)self;
	script_resume(msg, (int)args[0].n);
	return PH_PARK;
}

static void nest_done(void *arg, struct ph_msg *msg, const struct script_result *result)
{
	(void)arg;
	(void)result;
	world.done++;
	script_resume(msg, world.outer_code);
}

/* Like t_relay() that runs a branch block: the caller waits when the block does. */
static int fn_nest(void *self, struct ph_msg *msg, const struct ph_arg *args)
{
	struct script_result result;

	(void)self;
	world.nested = script_start(&world.env, world.prog, (int)args[0].n,
		PH_ROUTE_BRANCH, msg, &result, nest_done, NULL);
	return world.nested == SCRIPT_SUSPENDED ? PH_PARK : result.code;
}

/* Leaves the block suspended and goes on itself. */
static int fn_spawn(void *self, struct ph_msg *msg, const struct ph_arg *args)
{
	struct script_result result;

	(void)self;
	world.nested = script_start(&world.env, world.prog, (int)args[0].n,
		PH_ROUTE_BRANCH, msg, &result, NULL, NULL);
	return PH_TRUE;
}

static int fn_abort(void *self, struct ph_msg *msg, const struct ph_arg *args)
{
	(void)self;
	(void)args;
	script_abort(msg);
	return PH_TRUE;
}

static int fn_show(void *self, struct ph_msg *msg, const struct ph_arg *args)
{
	char text[64];

	snprintf(text, sizeof(text), "%lld;", (long long)args[0].n);
	return fn_mark(self, msg, &(struct ph_arg){.s = slice_str(text)});
}

static int fn_where(void *self, struct ph_msg *msg, const struct ph_arg *args)
{
	(void)args;
	return fn_mark(self, msg, &(struct ph_arg){.s = slice_str(script_where(msg))});
}

static int fn_matches(void *self, struct ph_msg *msg, const struct ph_arg *args)
{
	(void)self;
	(void)msg;
	return regexec(args[0].re, "one\ntwo", 0, NULL, 0) == 0 ? PH_TRUE : PH_FALSE;
}

static int fn_put(void *self, struct ph_msg *msg, const struct ph_arg *args)
{
	struct script_value v = {.type = SCRIPT_TEXT, .s = args[1].s};

	(void)self;
	return script_pv_set(args[0].pv, &world.env, msg, &v) == 0 ? PH_TRUE : PH_FALSE;
}

static const char *check_letters(const char *text, char why[128])
{
	size_t good = strspn(text, "abc");

	if (text[good] == '\0')
		return NULL;
	snprintf(why, 128, "unknown flag letter '%c'", text[good]);
	return why;
}

static const struct ph_flag_name names[] = {{"private-contact", 1},
	{"diff-ip-src-via", 2}, {"diff-port-src-via", 16}, {NULL, 0}};

#define ALL .routes = PH_ROUTES_ALL
/* clang-format off */
static const struct ph_script_fn fns[] = {
	{"mark", {{.kind = PH_ARG_FMT, .name = "text"}}, 1, 1, ALL, fn_mark, "Adds to the trace."},
	{"code", {{.kind = PH_ARG_INT, .name = "n"}}, 0, 1, ALL, fn_code, "Answers n."},
	{"wait", {{0}}, 0, 0, ALL, fn_wait, "Suspends."},
	{"early", {{.kind = PH_ARG_INT, .name = "n"}}, 1, 1, ALL, fn_early, "Has its answer before it waits."},
	{"nest", {{.kind = PH_ARG_ROUTE, .name = "block", .route_kw = "branch_route"}}, 1, 1, ALL, fn_nest, "Runs a block."},
	{"spawn", {{.kind = PH_ARG_ROUTE, .name = "block", .route_kw = "branch_route"}}, 1, 1, ALL, fn_spawn, "Leaves it."},
	{"abort_run", {{0}}, 0, 0, ALL, fn_abort, "Ends it all."},
	{"request_only", {{0}}, 0, 0, PH_ROUTE_REQUEST | PH_ROUTE_BRANCH, fn_code, "For requests."},
	{"arm", {{.kind = PH_ARG_ROUTE, .name = "block", .route_kw = "failure_route"}}, 1, 1, ALL, fn_show, "Arms."},
	{"flag", {{.kind = PH_ARG_BITFLAG, .name = "flag"}}, 1, 1, ALL, fn_show, "Shows a flag's number."},
	{"names", {{.kind = PH_ARG_FLAGS, .name = "flags", .flag_names = names}}, 1, 1, ALL, fn_show, "Shows flags."},
	{"number", {{.kind = PH_ARG_INT, .name = "n"}}, 1, 1, ALL, fn_show, "Shows a number."},
	{"matches", {{.kind = PH_ARG_RE, .name = "pattern"}}, 1, 1, ALL, fn_matches, "Matches two lines."},
	{"put", {{.kind = PH_ARG_PV, .name = "variable"}, {.kind = PH_ARG_FMT, .name = "text"}}, 2, 2, ALL, fn_put, "Assigns."},
	{"letters", {{.kind = PH_ARG_STR, .name = "flags", .check = check_letters}}, 1, 1, ALL, fn_code, "Takes letters."},
	{"plain", {{.kind = PH_ARG_NAME, .name = "word"}}, 1, 1, ALL, fn_mark, "Adds a word."},
	{"where", {{0}}, 0, 0, ALL, fn_where, "Adds the place."},
	{.name = NULL},
};
/* clang-format on */
static const struct ph_fn_alias aliases[] = {{"note", "mark"}, {NULL, NULL}};
static const struct script_provider provider = {"test", 0, fns, aliases, NULL};
static void *const instances[] = {NULL};

static bool is_myself(void *arg, struct slice host, uint16_t port)
{
	(void)arg;
	return (slice_ieq(host, SLICE("198.51.100.1")) ||
		       slice_ieq(host, SLICE("example.org"))) &&
		(port == 0 || port == 5060);
}

void world_request(const char *text)
{
	struct arena *arena = arena_new(4096, 1 << 22);
	struct slice copy, part;
	struct sip_error why;
	struct buf b;

	assert_non_null(arena);
	buf_arena(&b, arena, 256, 65536);
	for (copy = slice_str(text); copy.len > 0;) {
		if (!slice_cut(copy, '\n', &part, &copy))
			break;
		buf_add(&b, part);
		buf_str(&b, "\r\n");
	}
	if (world.msg != NULL)
		msg_unref(&world.msg);
	world.msg = msg_new(arena);
	assert_non_null(world.msg);
	if (sip_parse(&world.msg->sip, arena, buf_slice(&b), NULL, &why) != 0)
		fail_msg("bad test message: %s", why.text);
	world.msg->rx.transport = SIP_TR_UDP;
	world.msg->rx.src = ph_test_addr("192.0.2.7", 5070);
	world.msg->rx.dst = ph_test_addr("198.51.100.1", 5060);
}

void world_begin(void)
{
	memset(&world, 0, sizeof(world));
	world.env.instances = instances;
	world.env.is_myself = is_myself;
	world_request(WORLD_INVITE);
}

void world_end(void)
{
	if (world.msg != NULL)
		msg_unref(&world.msg);
	script_unref(&world.prog);
	script_errors_free(&world.errors);
}

static int load(const char *text, enum script_dialect dialect)
{
	struct script_options opt = {
		.dialect = dialect,
		.providers = &provider,
		.provider_count = 1,
		.skip_globals = world.skip_globals,
		.defines = &world.defines,
		.absent = world.absent,
	};

	script_unref(&world.prog);
	script_errors_free(&world.errors);
	return script_load_text(
		&world.prog, &opt, "edge.route", slice_str(text), &world.errors);
}

const char *world_complaints(void)
{
	static char text[32768];
	size_t len = 0;

	text[0] = '\0';
	for (unsigned i = 0; i < world.errors.count && len < sizeof(text); i++)
		len += (size_t)snprintf(text + len, sizeof(text) - len, "%s\n",
			world.errors.list[i].text);
	return text;
}

void world_load(const char *text, enum script_dialect dialect)
{
	int err = load(text, dialect);

	if (err != 0)
		fail_msg("load: %s\n%s\n%s", strerror(-err), world_complaints(), text);
}

void world_refuse(const char *text, enum script_dialect dialect)
{
	assert_int_equal(load(text, dialect), -EINVAL);
	assert_null(world.prog);
	assert_true(world.errors.errors > 0);
}

void world_complains(const char *line)
{
	for (unsigned i = 0; i < world.errors.count; i++)
		if (strcmp(world.errors.list[i].text, line) == 0)
			return;
	fail_msg("not said: %s\nbut:\n%s", line, world_complaints());
}

static void run_done(void *arg, struct ph_msg *msg, const struct script_result *result)
{
	(void)arg;
	(void)msg;
	world.result = *result;
	world.done++;
}

int world_run_block(enum script_block_kind kind, const char *name, enum ph_route route)
{
	int block = name != NULL ? script_block_named(world.prog, kind, slice_str(name))
				 : script_block(world.prog, kind);

	assert_true(block >= 0);
	memset(&world.result, 0, sizeof(world.result));
	world.done = 0;
	world.trace[0] = '\0';
	return script_start(&world.env, world.prog, block, route, world.msg,
		&world.result, run_done, NULL);
}

void world_traces(const char *text, enum script_dialect dialect, const char *trace)
{
	world_load(text, dialect);
	assert_int_equal(
		world_run_block(SCRIPT_REQUEST, NULL, PH_ROUTE_REQUEST), SCRIPT_FINISHED);
	assert_string_equal(world.trace, trace);
	assert_null(world.msg->run);
}

bool world_truth(const char *condition, enum script_dialect dialect)
{
	char text[2048];

	snprintf(text, sizeof(text), "route { if (%s) mark(\"T\"); else mark(\"F\"); }",
		condition);
	world_load(text, dialect);
	assert_int_equal(
		world_run_block(SCRIPT_REQUEST, NULL, PH_ROUTE_REQUEST), SCRIPT_FINISHED);
	return strcmp(world.trace, "T") == 0;
}

void world_wake(int code)
{
	assert_non_null(world.msg->run);
	script_resume(world.msg, code);
}
