/* The plugin's table, and what its parameters say together. */
#include "plugins/natping/natping.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "plugins/natping/natping_conf.h"
#include "plugins/natping/ping_raw.h"

const struct net_sock *natping_force_sock(
	const struct natping_conf *conf, const struct net_socks *socks, bool *wrong)
{
	const struct net_sock *s = conf->force_socket != NULL
		? natping_find_force(socks, conf->force_socket)
		: NULL;

	*wrong = conf->force_socket != NULL && s == NULL;
	return s;
}

static void load_sip(struct natping_conf *conf, struct conf_errors *e)
{
	if (conf->sipping_bflag >= 0 && conf->sipping_from == NULL)
		conf_warning(e, "natping", 0,
			"sipping_bflag without sipping_from: no SIP pings are sent, all "
			"contacts get 4 zero bytes");
	if (conf->sipping_bflag < 0 && conf->sipping_from != NULL)
		conf_warning(e, "natping", 0,
			"sipping_from without sipping_bflag: no SIP pings are sent, all "
			"contacts get 4 zero bytes");
	/* A text that is no URI has been complained of already: there is nothing to send. */
	if (conf->sipping_bflag >= 0 && conf->sipping_from != NULL)
		conf->from = natping_from_text(conf->sipping_from);
}

static int natping_load(void *values, struct conf_errors *e)
{
	struct natping_conf *conf = values;

	conf->raw_fd = -1;
	if (conf->ping_nated_only && conf->nat_bflag < 0)
		conf_error(e, "natping", 0,
			"ping_nated_only: needs nat_bflag (0..31, in group registrar or "
			"natping), which says who is behind NAT");
	if (conf->natping_socket != NULL)
		(void)natping_read_socket(&conf->raw_from,
			conf->natping_socket); /* its row has complained */
	load_sip(conf, e);
	conf->ping_switch = calloc(1, sizeof(*conf->ping_switch));
	if (conf->ping_switch == NULL)
		return -ENOMEM;
	atomic_init(&conf->ping_switch->on, true);
	return 0;
}

static void natping_unload(void *values)
{
	struct natping_conf *conf = values;

	if (conf->raw_fd >= 0)
		close(conf->raw_fd);
	free(conf->from);
	free(conf->ping_switch);
}

/* While we are root, if ever. */
static int natping_prepare(void *values, struct log_source *log)
{
	struct natping_conf *conf = values;

	if (conf->natping_socket == NULL || conf->natping_interval == 0)
		return 0;
	conf->raw_fd = ping_raw_open();
	if (conf->raw_fd >= 0)
		return 0;
	LOG(log, LOG_L_CRIT, "natping_socket: no raw socket: %s%s",
		strerror(-conf->raw_fd),
		conf->raw_fd == -EPERM ? "; it needs the capability CAP_NET_RAW: start "
					 "as root (and set user), or give it "
					 "(systemd: AmbientCapabilities=CAP_NET_RAW)"
				       : "");
	return conf->raw_fd;
}

static unsigned natping_threads(const void *values)
{
	const struct natping_conf *conf = values;

	return conf->natping_interval > 0 ? (unsigned)conf->natping_processes : 0;
}

/* clang-format off */
static const struct conf_param natping_params[] = {
	{.name = "natping_interval", .type = CONF_INT, .dflt = "0", .min = 0, .max = 86400,
	 .offset = offsetof(struct natping_conf, natping_interval),
	 .help = "Each contact is pinged once in this many seconds; 0: nobody is."},
	{.name = "ping_nated_only", .type = CONF_BOOL, .dflt = "0",
	 .offset = offsetof(struct natping_conf, ping_nated_only),
	 .help = "1: only contacts whose branch flags have nat_bflag."},
	{.name = "natping_processes", .type = CONF_INT, .dflt = "1", .min = 1, .max = 64,
	 .offset = offsetof(struct natping_conf, natping_processes),
	 .help = "Threads that ping; each has its share of the contacts."},
	{.name = "natping_socket", .type = CONF_STR, .offset = offsetof(struct natping_conf, natping_socket), .check = natping_check_socket,
	 .help = "Forged IPv4 source of 4-byte pings, \"ADDRESS[:PORT]\" (5060); needs CAP_NET_RAW."},
	{.name = "natping_tcp", .type = CONF_BOOL, .dflt = "0",
	 .offset = offsetof(struct natping_conf, natping_tcp),
	 .help = "1: contacts on TCP and TLS are pinged too, over the connection that they have open."},
	{.name = "nat_bflag", .type = CONF_INT, .dflt = "-1", .min = -1, .max = 31, .shared = true,
	 .offset = offsetof(struct natping_conf, nat_bflag),
	 .help = "The branch flag that means \"behind NAT\"; -1: none."},
	{.name = "sipping_bflag", .type = CONF_INT, .dflt = "-1", .min = -1, .max = 31,
	 .offset = offsetof(struct natping_conf, sipping_bflag),
	 .help = "Contacts with this branch flag are pinged by a SIP request; -1: none are."},
	{.name = "sipping_from", .type = CONF_STR, .offset = offsetof(struct natping_conf, sipping_from), .check = natping_check_from,
	 .help = "From of these requests: a SIP URI or name-addr; without it none are sent."},
	{.name = "sipping_method", .type = CONF_STR, .dflt = "OPTIONS", .check = natping_check_method,
	 .offset = offsetof(struct natping_conf, sipping_method),
	 .help = "Their method."},
	{.name = "force_socket", .type = CONF_STR, .offset = offsetof(struct natping_conf, force_socket), .check = natping_check_force,
	 .help = "The listener that pings contacts whose own is unknown: \"udp:ADDRESS:PORT\" or \"ADDRESS:PORT\"."},
	{.name = "natping_resync", .type = CONF_INT, .dflt = "300", .min = 10, .max = 86400,
	 .offset = offsetof(struct natping_conf, natping_resync),
	 .help = "Seconds after which the contacts are read from the store again."},
	{.name = "natping_max_contacts", .type = CONF_INT, .dflt = "1000000", .min = 1, .max = 10000000,
	 .offset = offsetof(struct natping_conf, natping_max_contacts),
	 .help = "Contacts that one thread keeps; more are not pinged, and counted."},
	{.name = NULL},
};
static const struct ph_mi_cmd natping_commands[] = {
	{.name = "nh_enable_ping", .params = "[value]", .call = natping_enable_ping,
	 .help = "Switches the pings of this node off (0) or on (1); without value: shows the switch."},
	{.name = NULL},
};
const struct ph_plugin ph_plugin = {
	.abi = PH_PLUGIN_ABI,
	.name = "natping",
	.version = PACKAGE_VERSION,
	.help = "Keeps NAT pinholes open: pings the registered contacts.",
	.conf_size = sizeof(struct natping_conf),
	.params = natping_params,
	.counters = natping_counters,
	.commands = natping_commands,
	.load = natping_load,
	.unload = natping_unload,
	.prepare = natping_prepare,
	.service_start = natping_service_start,
	.service_stop = natping_service_stop,
	.worker_start = natping_worker_start,
	.worker_stop = natping_worker_stop,
	.threads = natping_threads,
	.thread_start = natping_thread_start,
	.thread_stop = natping_thread_stop,
	.reply_stray = natping_reply_stray,
};
/* clang-format on */
