/* The control interface: commands come in over a UNIX socket or a FIFO and go to their owners as requests on the bus. */
#include "plugins/mi/mi.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "plugins/mi/mi_events.h"
#include "plugins/mi/mi_fifo.h"
#include "plugins/mi/mi_path.h"
#include "plugins/mi/mi_socket.h"

/** The service, on the control thread. */
struct mi {
	struct mi_ctx ctx;
	struct mi_socket *socket;
	struct mi_fifo *fifo;
	struct mi_events *events;
};

static bool is_topic(const char *name)
{
	for (int topic = 1; topic < BUS_TOPICS; topic++)
		if (strcmp(bus_topic_name((enum bus_topic)topic), name) == 0)
			return true;
	return false;
}

static void cmd_events(void *self, struct bus_request *req, const json_t *params)
{
	const struct mi *mi = self;
	const json_t *v = bus_param(params, "topic", 0);
	const char *topic = json_string_value(v);
	struct tree *root;

	if (v && !json_is_null(v) && (!topic || !is_topic(topic))) {
		bus_fail(req, 400, "Bad parameter: a topic is %s, %s, %s, ...; without one: all", bus_topic_name(BUS_CONTACT_SAVED),
			bus_topic_name(BUS_CONTACT_REMOVED), bus_topic_name(BUS_RELAY_DOWN));
		return;
	}
	root = tree_new();
	mi_events_show(mi->events, topic, root);
	bus_reply(req, root);
}

static int mi_load(void *conf_, struct conf_errors *e)
{
	const struct mi_conf *conf = conf_;

	if (*conf->fifo && strcmp(conf->fifo, conf->socket) == 0)
		conf_error(e, "mi", 0, "fifo and socket are one path (%s): give each its own", conf->fifo);
	return 0;
}

static void mi_service_stop(void *self)
{
	struct mi *mi = self;

	mi_fifo_destroy(&mi->fifo);
	mi_socket_destroy(&mi->socket);
	mi_events_destroy(&mi->events);
	free(mi);
}

static int mi_service_start(struct ph_thread *thread, const struct ph_plugin_ctx *ctx, void **selfp)
{
	const struct mi_conf *conf = ctx->conf;
	struct mi *mi = calloc(1, sizeof(*mi));
	int err;

	if (!mi)
		return -ENOMEM;
	mi->ctx = (struct mi_ctx){.thread = thread, .log = ctx->log, .conf = conf, .first_counter = ctx->first_counter};
	err = mi_events_new(&mi->events, thread, ctx->log);
	if (err == 0 && *conf->socket)
		err = mi_socket_new(&mi->socket, &mi->ctx, conf->socket);
	if (err == 0 && *conf->fifo)
		err = mi_fifo_new(&mi->fifo, &mi->ctx, conf->fifo);
	if (err != 0) {
		mi_service_stop(mi);
		return err;
	}
	*selfp = mi;
	return 0;
}

#define AT(member) offsetof(struct mi_conf, member)

/* clang-format off */
static const struct conf_param mi_params[] = {
	{.name = "socket", .type = CONF_STR, .dflt = "/run/pinhole/mi.sock", .offset = AT(socket), .check = mi_check_socket,
	 .help = "UNIX socket for pinholectl and JSON-RPC 2.0; empty: none."},
	{.name = "max_clients", .type = CONF_INT, .dflt = "32", .min = 1, .max = 1024, .offset = AT(max_clients),
	 .help = "Clients of the socket at one time; one more is told so and closed."},
	{.name = "idle_timeout", .type = CONF_MS, .dflt = "60000", .min = 1000, .max = 86400000, .offset = AT(idle_timeout),
	 .help = "How long a client of the socket may send nothing, or not read its answer."},
	{.name = "fifo", .type = CONF_STR, .dflt = "", .offset = AT(fifo), .check = mi_check_fifo,
	 .help = "FIFO for requests `:command:reply_fifo`; empty: none."},
	{.name = "fifo_reply_dir", .type = CONF_STR, .dflt = "/tmp", .offset = AT(fifo_reply_dir), .check = mi_check_folder,
	 .help = "Folder of the FIFOs that clients make for their answers."},
	{.name = "fifo_timeout", .type = CONF_MS, .dflt = "2000", .min = 100, .max = 60000, .offset = AT(fifo_timeout),
	 .help = "How long a request may have no end, and an answer no reader."},
	{0},
};

static const struct counter_desc mi_counters[] = {
	[MI_C_COMMANDS] = {"mi_commands", "Commands taken up, by socket and FIFO.", COUNTER_TOTAL},
	[MI_C_ERRORS] = {"mi_errors", "Commands and requests that were answered with an error.", COUNTER_TOTAL},
	[MI_C_CLIENTS_REFUSED] = {"mi_clients_refused", "Clients of the socket that were one too many.", COUNTER_TOTAL},
	[MI_C_FIFO_REQUESTS] = {"mi_fifo_requests", "Requests in the FIFO, those that were refused included.", COUNTER_TOTAL},
	[MI_C_FIFO_REFUSED] = {"mi_fifo_refused", "Requests in the FIFO that were malformed or had no end.", COUNTER_TOTAL},
	[MI_C_FIFO_SKIPPED] = {"mi_fifo_skipped", "Bytes in the FIFO that belonged to no request.", COUNTER_TOTAL},
	[MI_C_FIFO_REPLIES_LOST] = {"mi_fifo_replies_lost", "Answers that no FIFO took.", COUNTER_TOTAL},
	{0},
};

static const struct ph_mi_cmd mi_commands[] = {
	{.name = "events", .params = "[topic]", .help = "The last events of this node: contacts, relays, dialogs, nodes.",
	 .call = cmd_events},
	{0},
};
/* clang-format on */

const struct ph_plugin ph_plugin = {
	.abi = PH_PLUGIN_ABI,
	.name = "mi",
	.version = PACKAGE_VERSION,
	.help = "Control interface: a UNIX socket for pinholectl and JSON-RPC, a FIFO.",
	.conf_size = sizeof(struct mi_conf),
	.params = mi_params,
	.counters = mi_counters,
	.commands = mi_commands,
	.load = mi_load,
	.service_start = mi_service_start,
	.service_stop = mi_service_stop,
};
