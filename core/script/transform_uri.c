#include <errno.h>

#include "core/script/pv_row.h"
#include "core/script/transform.h"

/** What the text has not is empty text: `$(ru{uri.param,x}) == ""` asks for it. A text of another kind is null. */
static int part(struct script_value *out, struct slice s)
{
	return pv_text(out, s.p ? s : SLICE(""));
}

enum { U_USER, U_HOST, U_PORT, U_PARAMS, U_PARAM, U_TRANSPORT, U_SCHEME, U_PASSWD };

static int uri_part(
	const struct tr_call *c, const struct sip_uri *u, struct script_value *out)
{
	struct slice value = {0};

	switch (c->what) {
	case U_USER:
		return part(out, u->user);
	case U_HOST:
		return part(out, u->host);
	case U_PORT:
		return u->port ? pv_int(out, u->port) : part(out, (struct slice){0});
	case U_PARAMS:
		return part(out, u->params);
	case U_PARAM:
		(void)sip_param_get(u->params, slice_trim(tr_text(c, 0)), &value);
		return part(out, value);
	case U_TRANSPORT:
		(void)sip_param_get(u->params, SLICE("transport"), &value);
		return part(out, value);
	case U_SCHEME:
		return part(out, u->scheme_text);
	default:
		return part(out, u->password);
	}
}

static int run_uri(const struct tr_call *c, struct slice in, struct script_value *out)
{
	struct sip_uri u;

	return sip_uri_parse(&u, slice_trim(in)) == 0 ? uri_part(c, &u, out) : -ENOENT;
}

/* Parameter lists "a=b;c;d=e" */

/** ';' lists, or those of another separator turned into them. */
static int param_list(
	const struct tr_call *c, struct slice in, unsigned sep_at, struct slice *out)
{
	struct slice sep = slice_trim(tr_text(c, sep_at));
	char *text;
	size_t i;

	*out = in;
	if (slice_empty(sep) || sep.p[0] == ';' || slice_empty(in))
		return 0;
	text = arena_alloc(c->arena, in.len);
	if (!text)
		return -ENOMEM;
	for (i = 0; i < in.len; i++)
		text[i] = (char)(in.p[i] == sep.p[0] ? ';' : in.p[i]);
	*out = slice_make(text, in.len);
	return 0;
}

static int run_param_value(
	const struct tr_call *c, struct slice in, struct script_value *out)
{
	struct slice list, value = {0};
	int err = param_list(c, in, 1, &list);

	if (err == 0 && sip_param_get(list, slice_trim(tr_text(c, 0)), &value) &&
		value.len >= 2 && value.p[0] == '"')
		value = slice_sub(value, 1, value.len - 2);
	return err ? err : part(out, value);
}

static int run_param_exist(
	const struct tr_call *c, struct slice in, struct script_value *out)
{
	struct slice list, value;
	int err = param_list(c, in, 1, &list);

	return err ? err
		   : pv_int(out, sip_param_get(list, slice_trim(tr_text(c, 0)), &value));
}

static int run_param_count(
	const struct tr_call *c, struct slice in, struct script_value *out)
{
	struct slice list, name, value;
	int64_t n = 0;
	int err = param_list(c, in, 0, &list);

	if (err != 0)
		return err;
	while (sip_param_next(&list, &name, &value))
		n++;
	return pv_int(out, n);
}

enum { AT_NAME, AT_VALUE };

static int run_param_at(
	const struct tr_call *c, struct slice in, struct script_value *out)
{
	struct slice list, name, value;
	int64_t i = tr_int(c, 0, 0);
	int err = param_list(c, in, 1, &list);

	if (err != 0)
		return err;
	if (i < 0) {
		struct slice rest = list;

		while (sip_param_next(&rest, &name, &value))
			i++;
	}
	while (i >= 0 && sip_param_next(&list, &name, &value))
		if (i-- == 0)
			return part(out, c->what == AT_NAME ? name : value);
	return part(out, (struct slice){0});
}

/* "Display" <uri>;params */

enum { N_URI, N_NAME, N_PARAM, N_LEN, N_USER, N_HOST, N_PARAMS, N_TAG };

static int run_nameaddr(
	const struct tr_call *c, struct slice in, struct script_value *out)
{
	struct slice value = {0};
	int err;
	const struct sip_nameaddr *n = sip_nameaddr_parse(c->arena, in, &err);

	if (!n)
		return err == -ENOMEM ? err : -ENOENT;
	switch (c->what) {
	case N_URI:
		return part(out, n->uri_text);
	case N_NAME:
		return part(out, n->display);
	case N_PARAM:
		(void)sip_param_get(n->params, slice_trim(tr_text(c, 0)), &value);
		return part(out, value);
	case N_LEN:
		return pv_int(out, (int64_t)n->text.len);
	case N_USER:
		return n->uri_err ? -ENOENT : part(out, n->uri.user);
	case N_HOST:
		return n->uri_err ? -ENOENT : part(out, n->uri.host);
	case N_PARAMS:
		return part(out, n->params);
	default:
		return part(out, n->tag);
	}
}

/* Addresses */

enum { IP_PRIVATE, IP_IS, IP_FAMILY };

static int run_ip(const struct tr_call *c, struct slice in, struct script_value *out)
{
	struct addr a;
	bool ok = addr_parse_ip(&a, slice_trim(in)) == 0;

	if (c->what == IP_PRIVATE)
		return pv_int(out, ok && addr_is_private(&a));
	if (c->what == IP_IS)
		return pv_int(out, ok);
	if (!ok)
		return -ENOENT;
	return pv_static(out, addr_family(&a) == AF_INET6 ? "INET6" : "INET");
}

/* clang-format off */
const struct tr_row tr_uri_rows[] = {
	{.name = "uri.user", .run = run_uri, .what = U_USER},
	{.name = "uri.host", .run = run_uri, .what = U_HOST},
	{.name = "uri.domain", .run = run_uri, .what = U_HOST},
	{.name = "uri.port", .run = run_uri, .what = U_PORT},
	{.name = "uri.params", .run = run_uri, .what = U_PARAMS},
	{.name = "uri.param", .min = 1, .max = 1, .run = run_uri, .what = U_PARAM},
	{.name = "uri.transport", .run = run_uri, .what = U_TRANSPORT},
	{.name = "uri.scheme", .run = run_uri, .what = U_SCHEME},
	{.name = "uri.passwd", .run = run_uri, .what = U_PASSWD},
	{.name = "param.value", .min = 1, .max = 2, .run = run_param_value},
	{.name = "param.exist", .min = 1, .max = 2, .run = run_param_exist},
	{.name = "param.count", .max = 1, .run = run_param_count},
	{.name = "param.name", .min = 1, .max = 2, .run = run_param_at, .what = AT_NAME},
	{.name = "param.valueat", .min = 1, .max = 2, .run = run_param_at, .what = AT_VALUE},
	{.name = "nameaddr.uri", .run = run_nameaddr, .what = N_URI},
	{.name = "nameaddr.name", .run = run_nameaddr, .what = N_NAME},
	{.name = "nameaddr.param", .min = 1, .max = 1, .run = run_nameaddr, .what = N_PARAM},
	{.name = "nameaddr.len", .run = run_nameaddr, .what = N_LEN},
	{.name = "tobody.uri", .run = run_nameaddr, .what = N_URI},
	{.name = "tobody.user", .run = run_nameaddr, .what = N_USER},
	{.name = "tobody.host", .run = run_nameaddr, .what = N_HOST},
	{.name = "tobody.display", .run = run_nameaddr, .what = N_NAME},
	{.name = "tobody.params", .run = run_nameaddr, .what = N_PARAMS},
	{.name = "tobody.tag", .run = run_nameaddr, .what = N_TAG},
	{.name = "ip.isprivate", .run = run_ip, .what = IP_PRIVATE},
	{.name = "ip.isip", .run = run_ip, .what = IP_IS},
	{.name = "ip.family", .run = run_ip, .what = IP_FAMILY},
	{0},
};
/* clang-format on */
