/**
 * @file rtpp_port.h  One UDP port for the commands of all threads (force_socket with a port).
 *
 * Everybody sends from it; the service reads it, and hands each reply to the thread whose number stands in the cookie
 * ("<random>_<worker>_<number>"), through a socket pair. A reply more on its way costs a few microseconds; that is the price of a port that a
 * firewall can name.
 */
#pragma once

#include "core/base/addr.h"
#include "core/base/log.h"
#include "core/base/loop.h"

struct rtpp_port;

/** Bind it: while we still are root. 0 or the kernel's reason. */
int rtpp_port_open(struct rtpp_port **out, const struct addr *at);
/** Read it from now on, on the service's loop; until rtpp_port_unwatch(). */
int rtpp_port_watch(struct rtpp_port *p, struct loop *loop);
void rtpp_port_unwatch(struct rtpp_port *p);
/** After all have left, and nobody watches. */
void rtpp_port_close(struct rtpp_port **pp);
/** To send from. Any thread. */
int rtpp_port_fd(const struct rtpp_port *p);
/** *fd: where the replies to this worker's (-1: the service's) commands come as datagrams; the port's. 0, -ENOSPC, or the kernel's reason. Any thread. */
int rtpp_port_join(struct rtpp_port *p, int worker, int *fd);
void rtpp_port_leave(struct rtpp_port *p, int worker);
