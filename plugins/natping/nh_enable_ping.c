/* nh_enable_ping [value]: the switch of this node, on the control thread. */
#include <errno.h>
#include <stdlib.h>

#include "plugins/natping/natping.h"

struct service {
	const struct natping_conf *conf;
	struct log_source *log;
};

int natping_service_start(
	struct ph_thread *thread, const struct ph_plugin_ctx *ctx, void **selfp)
{
	const struct natping_conf *conf = ctx->conf;
	struct service *s;
	bool wrong = false;

	(void)natping_force_sock(conf, thread->socks, &wrong);
	if (wrong) {
		LOG(ctx->log, LOG_L_CRIT,
			"natping.force_socket: found \"%s\", want one of our listeners "
			"(listen), such as \"%s\"",
			conf->force_socket,
			thread->socks->count > 0 ? thread->socks->list[0].text
						 : "udp:192.0.2.1:5060");
		return -EINVAL;
	}
	s = calloc(1, sizeof(*s));
	if (s == NULL)
		return -ENOMEM;
	s->conf = conf;
	s->log = ctx->log;
	*selfp = s;
	return 0;
}

void natping_service_stop(void *self)
{
	free(self);
}

/* Decimal or 0x; what is not zero is 1. */
static int read_value(const json_t *value, bool *on)
{
	int64_t n;

	if (json_is_integer(value))
		n = json_integer_value(value);
	else if (!json_is_string(value) ||
		slice_i64(slice_trim(slice_str(json_string_value(value))), &n) != 0)
		return -EINVAL;
	if (n < 0)
		return -EINVAL;
	*on = n != 0;
	return 0;
}

void natping_enable_ping(void *self, struct bus_request *req, const json_t *params)
{
	const struct service *s = self;
	const json_t *value = bus_param(params, "value", 0);
	atomic_bool *on = &s->conf->ping_switch->on;
	struct tree *root;
	bool wanted;

	if (s->conf->natping_interval == 0) {
		bus_fail(req, 400, "NATping disabled from script");
		return;
	}
	if (json_is_array(params) && json_array_size(params) > 1) {
		bus_fail(req, 400, "Too few or too many arguments");
		return;
	}
	if (value != NULL && read_value(value, &wanted) != 0) {
		bus_fail(req, 400, "Bad parameter");
		return;
	}
	root = tree_new();
	if (value == NULL) {
		tree_add_int(
			root, "Status", atomic_load_explicit(on, memory_order_relaxed));
	} else if (atomic_exchange(on, wanted) != wanted) {
		LOG(s->log, LOG_L_NOTICE, "pings are switched %s by an operator",
			wanted ? "on" : "off");
	}
	bus_reply(req, root);
}
