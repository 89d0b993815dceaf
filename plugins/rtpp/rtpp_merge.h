/**
 * @file rtpp_merge.h  Which sets are in force: the parameter's, the database's, and those that the nodes share.
 *
 *     start:            rtpproxy_sock + records          + shared sets
 *     nh_reload_rtpp:   records alone (as the guide has it) + shared sets, without what this node's rtpproxy_sock had put there
 *
 * A member that several of them name has the weight of the last one in this row (but what the parameter itself has put into the shared sets does not go
 * before a record); the shared weight -1 takes it out. Pure: where a host's name has to be
 * found, the caller says how.
 */
#pragma once

#include "plugins/rtpp/rtpp_sets.h"
#include "storage/store.h"

struct rtpp_sources {
	const struct rtpp_sets *parameter;
	bool parameter_holds; /**< false since the first reload */
	const struct rtpp_sets *records;
	const struct store_relay_weight *shared;
	unsigned shared_count;
	/** The address of a host that is a name, into its addr. Must not block. 0 or -ENOENT. */
	int (*find)(void *arg, struct rtpp_relay *r);
	/** A shared member that cannot be used: it is left out. */
	void (*bad)(void *arg, const struct store_relay_weight *which, const char *why);
	void *arg;
};

/** 0; -ENOMEM. */
int rtpp_merge(struct rtpp_sets *out, const struct rtpp_sources *from);
/**
 * Read all records, two columns each: RTP proxies, set id. 0; -EINVAL with the first one that is wrong and what would be right in why; -ENOENT: there are none
 * (why says so); -ENOMEM. out is written on success only.
 */
int rtpp_records_read(struct rtpp_sets *out, const struct store_rows *rows,
	int (*find)(void *arg, struct rtpp_relay *r), void *arg, char why[256]);
