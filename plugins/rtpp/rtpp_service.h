/**
 * @file rtpp_service.h  The service's parts, to each other: rtpp_service.c, rtpp_share.c, rtpp_reload.c, rtpp_commands.c.
 */
#pragma once

#include "plugins/rtpp/rtpp.h"
#include "plugins/rtpp/rtpp_health.h"
#include "plugins/rtpp/rtpp_merge.h"

struct rtpp_share;
struct rtpp_reload;

struct rtpp_service {
	struct ph_thread *thread;
	const struct rtpp_conf *conf;
	struct log_source *log;
	unsigned first_counter;
	struct rtpp_client *client;
	struct rtpp_healths *healths;
	struct rtpp_generation *generation; /**< in force */
	bool parameter_holds;     /**< no reload yet */
	struct rtpp_sets records; /**< of the database */
	struct timer begun;
	struct rtpp_share *share;
	struct rtpp_reload *reload;
};

/** The sources have changed: put the sets together anew, and up. 0 or -ENOMEM (the old ones stay). */
int rtpp_service_apply(struct rtpp_service *s);
void rtpp_service_count(struct rtpp_service *s, enum rtpp_counter which);
/** For rtpp_merge(): addresses of the hosts files and of DNS, as far as they are known now. arg: the service. */
int rtpp_service_find_host(void *arg, struct rtpp_relay *r);
