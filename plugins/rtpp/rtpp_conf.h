/**
 * @file rtpp_conf.h  The plugin's parameters, and what is made of them at the start.
 */
#pragma once

#include "core/base/conf.h"
#include "plugins/rtpp/rtpp_board.h"
#include "plugins/rtpp/rtpp_notify.h"
#include "plugins/rtpp/rtpp_port.h"

/** What the plugin's threads have in common and change. */
struct rtpp_shared {
	struct rtpp_board *board;
	struct rtpp_port *
		port; /**< by the service, before the workers start; NULL: each thread has its own ports */
};

struct rtpp_conf {
	/* as configured */
	struct conf_list rtpproxy_sock;
	bool timeout_given;
	char *rtpproxy_timeout;
	char *rtpproxy_tout; /**< its old name */
	int64_t rtpproxy_retr;
	int64_t rtpproxy_disable_tout; /**< s; -1: until an operator enables it */
	char *force_socket;
	char *nortpproxy_str;
	char *db_url;
	char *db_table;
	char *rtpp_socket_col;
	char *set_id_col;
	char *rtpp_notify_socket;
	/* made by rtpp_conf_load() */
	struct rtpp_sets sets; /**< of rtpproxy_sock, addresses found */
	unsigned timeout_ms;
	struct addr source;        /**< of force_socket; unset: none. Port 0: any */
	struct addr_stream notify; /**< when rtpp_notify_socket is given */
	struct rtpp_shared *shared;
};

extern const struct conf_param rtpp_params[];
int rtpp_conf_load(void *values, struct conf_errors *e);
void rtpp_conf_unload(void *values);

/** "1", "0.2": seconds, more than 0 and at most 60. 0 and *ms (at least 1), or -EINVAL. */
int rtpp_seconds(struct slice text, unsigned *ms);
/**
 * "address[:port]", a name instead of the address when the system's resolver knows it. May block. NULL and *out (port 0 when left out), or what would be
 * right: also for an address that this machine does not have.
 */
const char *rtpp_source_read(struct addr *out, struct slice text);
