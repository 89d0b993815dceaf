/**
 * @file rtpp_notify.h  rtpp_notify_socket: where RTP proxies report calls without media, and how a command names it.
 *
 * The plugin `notify` listens there. A relay knows its targets (its option -n) by their text and takes a name that it does not know without a word, so
 * the text must be the one that its version keeps: "ip:port" up to 2.0, "tcp:ip:port" since (feature 20150420); of a UNIX socket the path.
 * "tcp:0.0.0.0:PORT" is named "tcp:%%CC_SELF%%:PORT" (feature 20150617): whoever sent the command. Pure; any thread.
 */
#pragma once

#include "core/base/addr_stream.h"
#include "core/base/buf.h"

/** As addr_stream_parse(); a path without blanks, as it is a word of a command. */
const char *rtpp_notify_read(struct addr_stream *out, const char *text);
/** The name for a relay with these features; nothing is written when it has no name for it. */
void rtpp_notify_name(struct buf *b, const struct addr_stream *n, unsigned features);
