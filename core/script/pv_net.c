#include <errno.h>
#include <time.h>

#include "core/base/hash.h"
#include "core/base/loop.h"
#include "core/script/pv_row.h"

/* Source, receiving and sending socket */

static int pv_printed(
	const struct pv_call *c, struct slice text, struct script_value *out)
{
	return pv_made(out, arena_dup(c->msg->arena, text));
}

enum { A_SRC_IP, A_SRC_PORT, A_DST_IP, A_DST_PORT, A_FAMILY, A_PROTO };

static int get_addr(const struct pv_call *c, struct script_value *out)
{
	const struct net_rx *rx = &c->msg->rx;
	char text[ADDR_TEXT];

	if (c->what == A_PROTO) {
		const char *name = sip_transport_name(rx->transport);

		return name[0] ? pv_static(out, name) : -ENOENT;
	}
	if (!addr_is_set(
		    c->what == A_DST_IP || c->what == A_DST_PORT ? &rx->dst : &rx->src))
		return -ENOENT;
	switch (c->what) {
	case A_SRC_IP:
		return pv_printed(c, addr_ip_text(&rx->src, text), out);
	case A_SRC_PORT:
		return pv_int(out, addr_port(&rx->src));
	case A_DST_IP:
		return pv_printed(c, addr_ip_text(&rx->dst, text), out);
	case A_DST_PORT:
		return pv_int(out, addr_port(&rx->dst));
	default:
		return pv_static(
			out, addr_family(&rx->src) == AF_INET6 ? "INET6" : "INET");
	}
}

enum { SU_SHORT, SU_FULL };

/** $su, $sut: the source as a URI; the second names UDP too. */
static int get_source_uri(const struct pv_call *c, struct script_value *out)
{
	const struct net_rx *rx = &c->msg->rx;
	struct buf b;

	if (!addr_is_set(&rx->src))
		return -ENOENT;
	buf_arena(&b, c->msg->arena, ADDR_TEXT + 24, 256);
	sip_uri_of_addr(&b, &rx->src, rx->transport);
	if (c->what == SU_FULL && rx->transport == SIP_TR_UDP)
		buf_str(&b, ";transport=udp");
	return b.err ? -ENOMEM : pv_text(out, buf_slice(&b));
}

enum { S_IN, S_OUT };

static const struct {
	const char *name;
	enum { F_IP, F_PORT, F_PROTO, F_FAMILY, F_ADV_IP, F_ADV_PORT } field;
} socket_fields[] = {
	{"ip", F_IP},
	{"port", F_PORT},
	{"proto", F_PROTO},
	{"af", F_FAMILY},
	{"advertised_ip", F_ADV_IP},
	{"advertised_port", F_ADV_PORT},
	{NULL, F_IP},
};

static const char *check_socket_field(struct slice in)
{
	unsigned i;

	for (i = 0; socket_fields[i].name; i++)
		if (slice_eq(in, slice_str(socket_fields[i].name)))
			return NULL;
	return "a socket has ip, port, proto, af, advertised_ip, advertised_port";
}

static int socket_field(
	const struct pv_call *c, const struct net_sock *s, struct script_value *out)
{
	char text[ADDR_TEXT];
	unsigned i;

	for (i = 0; socket_fields[i].name; i++)
		if (slice_eq(c->inner, slice_str(socket_fields[i].name)))
			break;
	if (!socket_fields[i].name)
		return -ENOENT;
	switch (socket_fields[i].field) {
	case F_IP:
		return pv_printed(c, addr_ip_text(&s->addr, text), out);
	case F_PORT:
		return pv_int(out, addr_port(&s->addr));
	case F_PROTO:
		return pv_static(out, sip_transport_name(s->transport));
	case F_FAMILY:
		return pv_static(
			out, addr_family(&s->addr) == AF_INET6 ? "INET6" : "INET");
	case F_ADV_IP:
		return pv_static(out, s->adv_host);
	case F_ADV_PORT:
		return pv_int(out, s->adv_port);
	}
	return -ENOENT;
}

static int get_socket(const struct pv_call *c, struct script_value *out)
{
	const struct net_sock *s = c->what == S_IN ? c->msg->sock : c->msg->send_sock;

	if (!s)
		return -ENOENT;
	return slice_empty(c->inner) ? pv_static(out, s->text) : socket_field(c, s, out);
}

/** $fs: the socket to send from; null takes the choice back. */
static int set_send_socket(const struct pv_call *c, const struct script_value *v)
{
	const struct net_sock *s;
	struct slice text;

	if (!slice_empty(c->inner))
		return -EINVAL;
	if (v->type == SCRIPT_NULL) {
		c->msg->send_sock = NULL;
		return 0;
	}
	text = value_text(c->msg->arena, v);
	s = c->env->socks ? net_sock_find(c->env->socks, text) : NULL;
	if (!s)
		return -EINVAL;
	c->msg->send_sock = s;
	c->msg->foreign = (struct slice){0};
	return 0;
}

/* Time */

struct slice time_text(struct arena *a, int64_t at, const char *fmt)
{
	time_t when = (time_t)at;
	struct tm tm;
	char text[256];
	size_t len = 0;

/* The format is the operator's; strftime() never writes beyond the room it is given. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
	if (localtime_r(&when, &tm))
		len = strftime(text, sizeof(text), fmt, &tm);
#pragma GCC diagnostic pop
	return arena_dup(a, slice_make(text, len));
}

enum { T_NOW, T_UNIX, T_TEXT };

static int get_clock(const struct pv_call *c, struct script_value *out)
{
	if (c->what == T_TEXT)
		return pv_made(out,
			time_text(c->msg->arena, clock_wall(), "%a %b %e %H:%M:%S %Y"));
	/* OpenSIPS's $TS is the time of the start */
	if (c->what == T_NOW && !c->pv->kamailio)
		return pv_int(out, c->pv->compiled_at);
	return pv_int(out, clock_wall());
}

/** Members that Kamailio's $time() has by name. */
static int time_member(struct slice name, const struct tm *tm, int64_t *out)
{
	const struct {
		const char *name;
		int value;
	} members[] = {
		{"sec", tm->tm_sec},
		{"min", tm->tm_min},
		{"hour", tm->tm_hour},
		{"mday", tm->tm_mday},
		{"mon", tm->tm_mon + 1},
		{"year", tm->tm_year + 1900},
		{"wday", tm->tm_wday + 1},
		{"yday", tm->tm_yday + 1},
	};
	unsigned i;

	for (i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
		if (slice_eq(name, slice_str(members[i].name))) {
			*out = members[i].value;
			return 0;
		}
	}
	return -ENOENT;
}

static int get_time(const struct pv_call *c, struct script_value *out)
{
	time_t now = (time_t)clock_wall();
	struct tm tm;
	struct slice fmt;
	int64_t n;

	if (!localtime_r(&now, &tm))
		return -ENOENT;
	if (time_member(c->inner, &tm, &n) == 0)
		return pv_int(out, n);
	fmt = arena_dup(c->msg->arena, c->inner); /* ends with NUL */
	return fmt.p ? pv_made(out, time_text(c->msg->arena, now, fmt.p)) : -ENOMEM;
}

static int get_random(const struct pv_call *c, struct script_value *out)
{
	(void)c;
	return pv_int(out, (int64_t)(random_fast() & 0x7fffffff));
}

/* clang-format off */
const struct pv_row pv_net_rows[] = {
	{.name = "si", .get = get_addr, .what = A_SRC_IP},
	{.name = "sp", .get = get_addr, .what = A_SRC_PORT},
	{.name = "Ri", .get = get_addr, .what = A_DST_IP},
	{.name = "Rp", .get = get_addr, .what = A_DST_PORT},
	{.name = "af", .get = get_addr, .what = A_FAMILY},
	{.name = "pr", .get = get_addr, .what = A_PROTO},
	{.name = "proto", .get = get_addr, .what = A_PROTO},
	{.name = "su", .get = get_source_uri, .what = SU_SHORT},
	{.name = "sut", .get = get_source_uri, .what = SU_FULL},
	{.name = "socket_in", .get = get_socket, .what = S_IN, .takes = PV_INNER_MAY,
	 .check = check_socket_field},
	{.name = "socket_out", .get = get_socket, .set = set_send_socket, .what = S_OUT,
	 .takes = PV_INNER_MAY, .check = check_socket_field},
	{.name = "fs", .get = get_socket, .set = set_send_socket, .what = S_OUT},
	{.name = "TS", .get = get_clock, .what = T_NOW},
	{.name = "Ts", .get = get_clock, .what = T_UNIX},
	{.name = "Tf", .get = get_clock, .what = T_TEXT},
	{.name = "time", .get = get_time, .takes = PV_INNER},
	{.name = "RANDOM", .get = get_random},
	{0},
};
/* clang-format on */
