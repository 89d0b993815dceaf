/**
 * @file mi_fifo.h  The control FIFO: requests in the framing of mi_fifo_frame.h, answers into the clients' own FIFOs (mi_fifo_reply.h).
 *
 *     200 OK                                     or  404 RTP proxy not found
 *     udp:192.0.2.1:22222::  set=0
 *     	index:: 0
 *                                                an empty line ends the answer
 *
 * Control thread. Mode 0600, so that we and root alone can write into it. We hold it open for writing as well: without clients there is no end
 * of file that would be reported for ever. At most MI_FIFO_CALLS commands are under way; more wait unread in the FIFO, and their clients with
 * them. A request that has no end after mi.fifo_timeout is refused. A FIFO that was removed while we run is made anew.
 */
#pragma once

#include "plugins/mi/mi.h"

#define MI_FIFO_CALLS 32

struct mi_fifo;

/**
 * Make the FIFO at path, its folder too when that is missing. One of ours is used again, unless another process has it; any other file is
 * refused. 0 or negative errno, logged.
 */
int mi_fifo_new(struct mi_fifo **out, const struct mi_ctx *ctx, const char *path);
/** Commands under way are answered with 503, as far as their clients read at once; the FIFO is removed. */
void mi_fifo_destroy(struct mi_fifo **fp);
