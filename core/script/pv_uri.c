#include <errno.h>

#include "core/script/pv_row.h"
#include "core/script/ruri.h"

/** Where a URI variable looks. In the row's `what`: place * 16 + part. */
enum { AT_RURI, AT_RECEIVED, AT_DU };
#define URI_WHAT(place, part) ((place)*16 + (part))

static int get_uri(const struct pv_call *c, struct script_value *out)
{
	enum uri_part part = c->what % 16;
	struct slice text = c->msg->sip.ruri;

	if (c->what / 16 == AT_RECEIVED)
		text = c->msg->sip.ruri_received;
	else if (c->what / 16 == AT_DU)
		text = c->msg->du;
	return uri_part_get(text, part, out);
}

static int set_uri(const struct pv_call *c, const struct script_value *v)
{
	enum uri_part part = c->what % 16;
	struct slice text = {0};

	if (v->type != SCRIPT_NULL) {
		text = value_text(c->msg->arena, v);
		if (!text.p && text.len > 0)
			return -ENOMEM;
	}
	if (c->what / 16 == AT_DU)
		return du_set(c->msg, text);
	return ruri_set_part(c->msg, part, text);
}

/* clang-format off */
const struct pv_row pv_uri_rows[] = {
	{.name = "ru", .get = get_uri, .set = set_uri, .what = URI_WHAT(AT_RURI, URI_ALL)},
	{.name = "rU", .get = get_uri, .set = set_uri, .what = URI_WHAT(AT_RURI, URI_USER)},
	{.name = "rd", .get = get_uri, .set = set_uri, .what = URI_WHAT(AT_RURI, URI_HOST)},
	{.name = "rp", .get = get_uri, .set = set_uri, .what = URI_WHAT(AT_RURI, URI_PORT)},
	{.name = "rz", .get = get_uri, .what = URI_WHAT(AT_RURI, URI_SCHEME)},
	{.name = "rP", .get = get_uri, .what = URI_WHAT(AT_RURI, URI_TRANSPORT)},
	{.name = "ou", .get = get_uri, .what = URI_WHAT(AT_RECEIVED, URI_ALL)},
	{.name = "oU", .get = get_uri, .what = URI_WHAT(AT_RECEIVED, URI_USER)},
	{.name = "od", .get = get_uri, .what = URI_WHAT(AT_RECEIVED, URI_HOST)},
	{.name = "du", .get = get_uri, .set = set_uri, .what = URI_WHAT(AT_DU, URI_ALL)},
	{.name = "duri", .get = get_uri, .set = set_uri, .what = URI_WHAT(AT_DU, URI_ALL)},
	{.name = "dd", .get = get_uri, .what = URI_WHAT(AT_DU, URI_HOST)},
	{.name = "dp", .get = get_uri, .what = URI_WHAT(AT_DU, URI_PORT)},
	{.name = "dP", .get = get_uri, .what = URI_WHAT(AT_DU, URI_TRANSPORT)},
	{0},
};
/* clang-format on */
