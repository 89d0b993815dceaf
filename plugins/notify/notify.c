/* The plugin's descriptor, its parameters, and the thread. */
#include "plugins/notify/notify.h"

#include <errno.h>
#include <grp.h>
#include <stdlib.h>

static const char *check_socket(const char *text)
{
	return addr_stream_parse(NULL, text);
}

static const char *check_mode(const char *text)
{
	return notify_mode_parse(NULL, text);
}

/* The guide's default is none: the plugin is then there and listens to nobody. */
static bool is_set(const struct notify_conf *c)
{
	return c->rtpp_notify_socket && c->rtpp_notify_socket[0];
}

static int notify_load(void *values, struct conf_errors *e)
{
	struct notify_conf *c = values;

	(void)e;
	c->fd = -1;
	if (!is_set(c))
		return 0;
	/* The rows' checks have complained about others. */
	(void)addr_stream_parse(&c->addr, c->rtpp_notify_socket);
	(void)notify_mode_parse(&c->mode_bits, c->mode);
	return 0;
}

static int notify_prepare(void *values, struct log_source *log)
{
	if (is_set(values))
		return notify_listen(values, log);
	LOG(log, LOG_L_WARN,
		"rtpp_notify_socket is not set (tcp:IP:PORT or a path): RTP proxies can "
		"tell nobody of calls whose media has died");
	return 0;
}

static void notify_unload(void *values)
{
	notify_unlisten(values);
}

static unsigned notify_threads(const void *values)
{
	return is_set(values) ? 1 : 0;
}

static void notify_thread_stop(void *self)
{
	struct notify *n = self;

	notify_conns_stop(n);
	notify_told_stop(n);
	free(n);
}

static int notify_thread_start(struct ph_thread *thread, unsigned index,
	const struct ph_plugin_ctx *ctx, void **selfp)
{
	struct notify *n = calloc(1, sizeof(*n));
	int err;

	(void)index;
	if (!n)
		return -ENOMEM;
	n->thread = thread;
	n->conf = ctx->conf;
	n->log = ctx->log;
	n->first_counter = ctx->first_counter;
	notify_told_start(n);
	err = notify_conns_start(n);
	if (err != 0) {
		free(n);
		return err;
	}
	*selfp = n;
	return 0;
}

static const char *check_group(const char *text)
{
	return *text == '\0' || getgrnam(text) != NULL ? NULL : "a group of this machine";
}

/* clang-format off */
static const struct conf_param notify_params[] = {
	{.name = "rtpp_notify_socket", .type = CONF_STR, .offset = offsetof(struct notify_conf, rtpp_notify_socket), .shared = true,
	 .check = check_socket,
	 .help = "Where RTP proxies tell of calls whose media are silent: \"tcp:IP:PORT\", \"unix:/PATH\", or a path."},
	{.name = "mode", .type = CONF_STR, .dflt = "0660", .offset = offsetof(struct notify_conf, mode), .check = check_mode,
	 .help = "Mode of a UNIX socket: the RTP proxy's user must be able to write."},
	{.name = "group", .type = CONF_STR, .offset = offsetof(struct notify_conf, group), .check = check_group, .absent = "the daemon's",
	 .help = "Group of a UNIX socket."},
	{.name = "max_connections", .type = CONF_INT, .dflt = "64", .min = 1, .max = 10000,
	 .offset = offsetof(struct notify_conf, max_connections),
	 .help = "Most connections at a time, from whatever address."},
	{.name = "max_line", .type = CONF_INT, .dflt = "512", .min = 64, .max = 65536, .offset = offsetof(struct notify_conf, max_line),
	 .help = "Bytes that a line may have; a longer one is dropped, the connection goes on."},
	{.name = NULL},
};
static const struct counter_desc notify_counters[] = {
	[NOTIFY_C_CONNECTIONS] = {"notify_connections", "Connections of RTP proxies now.", COUNTER_GAUGE},
	[NOTIFY_C_ACCEPTED] = {"notify_accepted", "Connections in all.", COUNTER_TOTAL},
	[NOTIFY_C_REFUSED] = {"notify_refused", "Connections closed because there were too many.", COUNTER_TOTAL},
	[NOTIFY_C_LINES] = {"notify_lines", "Lines read.", COUNTER_TOTAL},
	[NOTIFY_C_ENDED] = {"notify_timeouts", "Calls that are ended because of a line.", COUNTER_TOTAL},
	[NOTIFY_C_REPEATED] = {"notify_repeated", "Lines about a call that was told of shortly before.", COUNTER_TOTAL},
	[NOTIFY_C_UNKNOWN] = {"notify_unknown", "Lines about a call that nobody knows: long over, or forged.", COUNTER_TOTAL},
	[NOTIFY_C_ALREADY] = {"notify_already", "Lines about a call that was ending already.", COUNTER_TOTAL},
	[NOTIFY_C_GARBAGE] = {"notify_garbage", "Lines that are no id of a call.", COUNTER_TOTAL},
	[NOTIFY_C_TOO_LONG] = {"notify_too_long", "Lines over max_line.", COUNTER_TOTAL},
	[NOTIFY_C_STORE_AWAY] = {"notify_store_away", "Times that a call could not be told to the store; asked again for two minutes.", COUNTER_TOTAL},
	[NOTIFY_C_LOST] = {"notify_lost", "Lines given up: the store did not come back.", COUNTER_TOTAL},
	{.name = NULL},
};
const struct ph_plugin ph_plugin = {
	.abi = PH_PLUGIN_ABI,
	.name = "notify",
	.version = PACKAGE_VERSION,
	.needs = "dialog",
	.help = "Listens for RTP proxies that tell of calls whose media are silent; those calls are ended.",
	.conf_size = sizeof(struct notify_conf),
	.params = notify_params,
	.counters = notify_counters,
	.load = notify_load,
	.unload = notify_unload,
	.prepare = notify_prepare,
	.threads = notify_threads,
	.thread_start = notify_thread_start,
	.thread_stop = notify_thread_stop,
};
