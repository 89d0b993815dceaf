/**
 * @file rtpp_reload.h  Sets of RTP proxies from a database (db_url), at the start and by nh_reload_rtpp.
 *
 * In one step: all records are read, all are checked, then they come into force together; a database that is away or a record that is wrong changes
 * nothing. At the start they come beside those of rtpproxy_sock; a database that is away then is asked again in the background until it was read
 * once. nh_reload_rtpp replaces both by the records, as the guide has it. On the service's thread.
 */
#pragma once

#include <stdbool.h>

#include "core/bus/bus.h"

struct rtpp_reload;
struct rtpp_service;

int rtpp_reload_new(struct rtpp_reload **out, struct rtpp_service *s);
/** A read under way at the store ends without us. */
void rtpp_reload_destroy(struct rtpp_reload **rp);
/** The start's read; nothing without db_url. */
void rtpp_reload_begin(struct rtpp_reload *r);
/** Is the start's first read still under way? */
bool rtpp_reload_is_starting(const struct rtpp_reload *r);
/** nh_reload_rtpp. 400: no db_url; 500: nothing was changed, and why. */
void rtpp_reload_run(struct rtpp_reload *r, struct bus_request *req);
