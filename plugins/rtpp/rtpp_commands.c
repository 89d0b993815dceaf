/* The commands of the service. The host has compared number and names of their parameters with the table. */
#include "plugins/rtpp/rtpp_reload.h"
#include "plugins/rtpp/rtpp_service.h"
#include "plugins/rtpp/rtpp_share.h"

void rtpp_service_show(void *self, struct bus_request *req, const json_t *params)
{
	const struct rtpp_service *s = self;
	const struct rtpp_sets *sets = &s->generation->sets;
	struct tree *root = tree_new();
	unsigned i, k;

	(void)params;
	tree_set_list(root); /* one URL may be in several sets */
	for (i = 0; i < sets->set_count; i++) {
		const struct rtpp_set *set = &sets->sets[i];

		for (k = 0; k < set->count; k++) {
			const struct rtpp_health *h =
				rtpp_health_at(s->healths, set->nodes[k].relay);
			struct tree *node = tree_add(root, rtpp_health_url(h), NULL);
			struct rtpp_health_view v;

			rtpp_health_look(h, &v);
			tree_attr_int(node, "set", set->id);
			tree_add_int(node, "index", set->nodes[k].index);
			tree_add_int(node, "disabled", v.down || v.disabled);
			tree_add_int(node, "weight", set->nodes[k].weight);
			tree_add_int(node, "recheck_ticks", v.recheck_ticks);
		}
	}
	bus_reply(req, root);
}

/** "1", 1, true. 0 and *on; -EINVAL. */
static int read_switch(const json_t *value, bool *on)
{
	int64_t n;

	if (json_is_boolean(value)) {
		*on = json_is_true(value);
		return 0;
	}
	if (json_is_integer(value))
		n = json_integer_value(value);
	else if (slice_i64(slice_str(json_string_value(value)), &n) != 0)
		return -1;
	if (n < 0)
		return -1;
	*on = n > 0;
	return 0;
}

void rtpp_service_enable(void *self, struct bus_request *req, const json_t *params)
{
	struct rtpp_service *s = self;
	const json_t *url = bus_param(params, "url", 0);
	const json_t *value = bus_param(params, "enable", 1);
	struct rtpp_health *h;
	bool on;

	if (read_switch(value, &on) != 0) {
		bus_fail(req, 400, "Bad parameter: expected 1 or 0");
		return;
	}
	h = rtpp_health_find(s->healths, slice_str(json_string_value(url)));
	if (!h) {
		bus_fail(req, 404, "RTP proxy not found");
		return;
	}
	rtpp_health_switch(h, on, true);
	rtpp_share_tell(s->share, req);
}

void rtpp_service_reload(void *self, struct bus_request *req, const json_t *params)
{
	struct rtpp_service *s = self;

	(void)params;
	rtpp_reload_run(s->reload, req);
}

void rtpp_service_sync(void *self, struct bus_request *req, const json_t *params)
{
	struct rtpp_service *s = self;

	(void)params;
	rtpp_share_sync(s->share, req);
}
