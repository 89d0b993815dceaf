/* The control interface: commands come in over a UNIX socket and go to their owners as requests on the bus. */
#include "plugins/mi/mi.h"

#include <errno.h>
#include <stdlib.h>

#include "core/host/plugin.h"
#include "plugins/mi/mi_events.h"
#include "plugins/mi/mi_socket.h"

/** The service, on the control thread. */
struct mi {
	struct mi_socket *socket;
	struct mi_events *events;
};

static void cmd_events(void *self, struct bus_request *req, const json_t *params)
{
	const struct mi *mi = self;
	const json_t *topic = json_is_array(params) ? json_array_get(params, 0) : json_object_get(params, "topic");
	struct tree *root = tree_new();

	mi_events_show(mi->events, json_string_value(topic), root);
	bus_reply(req, root);
}

static void mi_service_stop(void *self)
{
	struct mi *mi = self;

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
	err = mi_events_new(&mi->events, thread, ctx->log);
	if (err == 0 && *conf->socket)
		err = mi_socket_new(&mi->socket, thread, ctx->log, conf->socket);
	if (err != 0) {
		mi_service_stop(mi);
		return err;
	}
	*selfp = mi;
	return 0;
}

static const struct conf_param mi_params[] = {
	{.name = "socket", .type = CONF_STR, .dflt = "/run/pinhole/mi.sock", .offset = offsetof(struct mi_conf, socket),
		.help = "UNIX socket for pinholectl, JSON-RPC 2.0, one request a line; empty: none."},
	{0},
};

static const struct ph_mi_cmd mi_commands[] = {
	{.name = "events", .params = "[topic]", .help = "The last events of this node: contacts, relays, dialogs, nodes.",
		.call = cmd_events},
	{0},
};

const struct ph_plugin ph_plugin = {
	.abi = PH_PLUGIN_ABI,
	.name = "mi",
	.version = PACKAGE_VERSION,
	.help = "Control interface for pinholectl.",
	.conf_size = sizeof(struct mi_conf),
	.params = mi_params,
	.commands = mi_commands,
	.service_start = mi_service_start,
	.service_stop = mi_service_stop,
};
