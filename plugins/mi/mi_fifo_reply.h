/**
 * @file mi_fifo_reply.h  Answers on their way into the FIFOs of the clients that wait for them.
 *
 *     request ":nh_show_rtpp:reply_4711"  ->  "200 OK\n...\n\n" into <fifo_reply_dir>/reply_4711
 *
 * Control thread. Never waits: a FIFO that nobody reads yet is tried again until mi.fifo_timeout, what a reader does not take at once is kept
 * as long. The folder may be everybody's (/tmp), so a reply goes into nothing but a FIFO, not through a symbolic link, and of no other owner
 * than us or root, who alone can write into our own FIFO. Bounded: MI_REPLIES_MAX replies of MI_REPLIES_BYTES together; when there are more,
 * the oldest are lost. Losses are counted, and logged (mi_may_log()). Answers to one name go one after the other.
 */
#pragma once

#include "plugins/mi/mi.h"

#define MI_REPLIES_MAX 64
#define MI_REPLIES_BYTES ((size_t)32 << 20)

struct mi_replies;

int mi_replies_new(struct mi_replies **out, const struct mi_ctx *ctx);
/** What is on its way is lost. */
void mi_replies_destroy(struct mi_replies **rp);
/** Send text (heap; taken) to the FIFO called name (mi_fifo_frame.h has looked at it). */
void mi_replies_send(struct mi_replies *r, struct slice name, struct buf *text);
