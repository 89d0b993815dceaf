#include "plugins/rtpp/rtpp_conf.h"

#include <errno.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/host/plugin.h"

int rtpp_seconds(struct slice text, unsigned *ms)
{
	struct slice whole = text, fraction = {0};
	uint64_t s, f = 0, scale = 1000;
	size_t i;

	if (slice_cut(text, '.', &whole, &fraction) && slice_empty(fraction))
		return -EINVAL;
	if (slice_u64(whole, 60, &s) != 0)
		return -EINVAL;
	for (i = 0; i < fraction.len; i++) {
		if (fraction.p[i] < '0' || fraction.p[i] > '9')
			return -EINVAL;
		scale /= 10;
		f += (uint64_t)(fraction.p[i] - '0') * scale;
	}
	if (s * 1000 + f == 0 || s * 1000 + f > 60000)
		return -EINVAL;
	*ms = (unsigned)(s * 1000 + f);
	return 0;
}

/** "name[:port]" */
static int resolve_source(struct addr *out, struct slice text)
{
	const struct addrinfo hints = {.ai_socktype = SOCK_DGRAM};
	struct addrinfo *list;
	struct slice name = text, digits;
	uint64_t port = 0;
	char host[256];
	int err;

	if (slice_cut(text, ':', &name, &digits) &&
		(slice_u64(digits, UINT16_MAX, &port) != 0 || port == 0))
		return -EINVAL;
	if (name.len == 0 || name.len >= sizeof(host))
		return -EINVAL;
	memcpy(host, name.p, name.len);
	host[name.len] = '\0';
	if (getaddrinfo(host, NULL, &hints, &list) != 0)
		return -ENOENT;
	err = addr_from_sa(out, list->ai_addr, list->ai_addrlen);
	freeaddrinfo(list);
	if (err == 0)
		addr_set_port(out, (uint16_t)port);
	return err;
}

static bool is_ours(const struct addr *a)
{
	struct addr any_port = *a;
	int fd = socket(addr_family(a), SOCK_DGRAM | SOCK_CLOEXEC, 0), err;

	if (fd < 0)
		return false;
	addr_set_port(&any_port, 0);
	err = bind(fd, &any_port.sa, addr_len(&any_port));
	close(fd);
	return err == 0;
}

const char *rtpp_source_read(struct addr *out, struct slice text)
{
	struct addr a = {0};
	ptrdiff_t end = slice_chr(text, ']');
	bool with_port = addr_parse_ip(&a, text) != 0 &&
		slice_chr(slice_from(text, end > 0 ? (size_t)end : 0), ':') >= 0;

	if (addr_parse(&a, text, 0) != 0 && resolve_source(&a, text) != 0)
		return "ADDRESS[:PORT] with an address of this machine, such as "
		       "\"10.0.0.5\" or \"10.0.0.5:33333\"";
	if (with_port && addr_port(&a) == 0)
		return "a port from 1 to 65535 behind the ':', or none: each thread then "
		       "has a port of its own";
	if (!is_ours(&a))
		return "an address of this machine: RTP proxies answer to where a "
		       "command came from";
	*out = a;
	return NULL;
}

static const char *check_sock(const char *text)
{
	struct rtpp_sets scratch = {0};
	const char *fault = rtpp_sets_add(&scratch, text);

	rtpp_sets_free(&scratch);
	return fault;
}

static const char *check_seconds(const char *text)
{
	unsigned ms;

	return rtpp_seconds(slice_str(text), &ms) == 0
		? NULL
		: "seconds, more than 0 and at most 60, such as \"1\" or \"0.2\"";
}

static const char *check_source(const char *text)
{
	struct addr a;

	return rtpp_source_read(&a, slice_str(text));
}

static const char *check_notify(const char *text)
{
	struct addr_stream a;

	return rtpp_notify_read(&a, text);
}

/** Of tables and columns: what can be a part of a key, and is no pattern. */
static const char *check_name(const char *text)
{
	size_t n = strlen(text);

	if (n == 0 || n > 64)
		return "a name of 1 to 64 characters";
	for (; *text; text++)
		if (!((*text >= 'a' && *text <= 'z') || (*text >= 'A' && *text <= 'Z') ||
			    (*text >= '0' && *text <= '9') || strchr("_-.:", *text)))
			return "a name of letters, digits and the characters _ - . :";
	return NULL;
}

static void load_timeout(struct rtpp_conf *conf, struct conf_errors *e)
{
	const char *text = conf->rtpproxy_timeout;

	if (conf->rtpproxy_tout && conf->timeout_given)
		conf_error(e, "rtpp", 0,
			"rtpproxy_tout and rtpproxy_timeout are both given: keep "
			"rtpproxy_timeout alone");
	else if (conf->rtpproxy_tout)
		conf_warning(e, "rtpp", 0,
			"rtpproxy_tout is obsolete: write rtpproxy_timeout = \"%s\"",
			conf->rtpproxy_tout);
	if (conf->rtpproxy_tout && !conf->timeout_given)
		text = conf->rtpproxy_tout;
	if (rtpp_seconds(slice_str(text), &conf->timeout_ms) != 0)
		conf->timeout_ms = 1000; /* the row's check has complained */
	if ((uint64_t)conf->timeout_ms * (uint64_t)conf->rtpproxy_retr > PH_PARK_MAX_MS)
		conf_warning(e, "rtpp", 0,
			"rtpproxy_timeout times rtpproxy_retr is more than %u s: no "
			"message waits longer than that",
			PH_PARK_MAX_MS / 1000);
}

static int load_sets(struct rtpp_conf *conf, struct conf_errors *e)
{
	const struct rtpp_relay *which;
	unsigned i;

	for (i = 0; i < conf->rtpproxy_sock.count; i++) {
		const char *fault =
			rtpp_sets_add(&conf->sets, conf->rtpproxy_sock.items[i]);

		if (!fault)
			continue;
		if (!check_sock(conf->rtpproxy_sock
					.items[i])) /* together with the others only */
			conf_error(e, "rtpp", 0, "rtpproxy_sock: found \"%s\", want %s",
				conf->rtpproxy_sock.items[i], fault);
		return -EINVAL;
	}
	if (rtpp_sets_resolve(&conf->sets, &which) != 0) {
		conf_error(e, "rtpp", 0,
			"rtpproxy_sock: %s: the host '%s' has no IPv%c address: correct "
			"the name, or write the address",
			which->url, which->host, which->family == AF_INET6 ? '6' : '4');
		return -ENOENT;
	}
	return 0;
}

int rtpp_conf_load(void *values, struct conf_errors *e)
{
	struct rtpp_conf *conf = values;

	load_timeout(conf, e);
	/* What is wrong with them, the rows' checks have said. */
	if (conf->force_socket)
		(void)rtpp_source_read(&conf->source, slice_str(conf->force_socket));
	if (conf->rtpp_notify_socket)
		(void)rtpp_notify_read(&conf->notify, conf->rtpp_notify_socket);
	conf->shared = calloc(1, sizeof(*conf->shared));
	if (!conf->shared || rtpp_board_new(&conf->shared->board) != 0)
		return -ENOMEM;
	return load_sets(conf, e);
}

void rtpp_conf_unload(void *values)
{
	struct rtpp_conf *conf = values;

	if (conf->shared)
		rtpp_board_destroy(&conf->shared->board);
	free(conf->shared);
	conf->shared = NULL;
	rtpp_sets_free(&conf->sets);
}

/* clang-format off */
#define AT(member) .offset = offsetof(struct rtpp_conf, member)
const struct conf_param rtpp_params[] = {
	{.name = "rtpproxy_sock", .type = CONF_LIST, AT(rtpproxy_sock), .check = check_sock,
	 .help = "Sets of RTP proxies: \"[SETID == ] URL[=WEIGHT] ...\", URL being udp:HOST[:PORT], udp6:, unix:/PATH, cunix:/PATH, tcp:HOST[:PORT] or tcp6:; "
		"port 22222, set 0, weight 1 when left out."},
	{.name = "rtpproxy_timeout", .type = CONF_STR, .dflt = "1", AT(rtpproxy_timeout), .check = check_seconds,
	 .given = offsetof(struct rtpp_conf, timeout_given),
	 .help = "Seconds to wait for a reply before a command is sent again; may have a decimal fraction."},
	{.name = "rtpproxy_tout", .type = CONF_STR, AT(rtpproxy_tout), .check = check_seconds,
	 .help = "Obsolete name of rtpproxy_timeout."},
	{.name = "rtpproxy_retr", .type = CONF_INT, .dflt = "5", .min = 1, .max = 100, AT(rtpproxy_retr),
	 .help = "How often a command is sent, in all, before its RTP proxy counts as down."},
	{.name = "rtpproxy_disable_tout", .type = CONF_INT, .dflt = "60", .min = -1, .max = 86400, AT(rtpproxy_disable_tout),
	 .help = "Seconds for which an RTP proxy that is down is not probed; 0: probed each second; -1: until it is enabled by command."},
	{.name = "force_socket", .type = CONF_STR, AT(force_socket), .check = check_source,
	 .help = "\"ADDRESS[:PORT]\" that commands to RTP proxies are sent from over UDP; the system chooses when left out."},
	{.name = "nortpproxy_str", .type = CONF_STR, .dflt = "a=nortpproxy:yes\r\n", AT(nortpproxy_str), .shared = true, .check = sdp_check_attribute,
	 .help = "The SDP line that says: media of this call goes through a relay already."},
	{.name = "db_url", .type = CONF_STR, AT(db_url), .check = store_rows_check_url,
	 .help = "Database with more sets of RTP proxies, read at the start and by nh_reload_rtpp: \"redis://HOST[:PORT][/DB]\"."},
	{.name = "db_table", .type = CONF_STR, .dflt = "nh_sockets", AT(db_table), .check = check_name,
	 .help = "Its table: each key \"TABLE:...\" is a record."},
	{.name = "rtpp_socket_col", .type = CONF_STR, .dflt = "rtpproxy_sock", AT(rtpp_socket_col), .check = check_name,
	 .help = "The column (field) with RTP proxies: \"URL[=WEIGHT] ...\"."},
	{.name = "set_id_col", .type = CONF_STR, .dflt = "set_id", AT(set_id_col), .check = check_name,
	 .help = "The column (field) with the set's id."},
	{.name = "rtpp_notify_socket", .type = CONF_STR, AT(rtpp_notify_socket), .shared = true, .check = check_notify,
	 .help = "Where RTP proxies tell of calls without media: \"tcp:ADDRESS:PORT\", \"unix:/PATH\" or \"/PATH\"; needed by flag n."},
	{.name = NULL},
};
