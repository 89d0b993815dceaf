/**
 * @file sip_write_int.h  Pieces of messages that several writers of this folder need.
 * Private to core/sip.
 */
#pragma once

#include "core/base/buf.h"
#include "core/sip/sip_header.h"
#include "core/sip/sip_msg.h"

/** A value; a bare LF in its folds becomes CRLF. */
void sip_put_value(struct buf *b, struct slice value);
/** "Name: value CRLF". */
void sip_put_field(struct buf *b, struct slice name, struct slice value);
/** One header as it stands now; the received bytes when nothing has changed. */
void sip_put_header(struct buf *b, const struct sip_hdr *h);
/** As it was received, whatever was edited since; nothing for an added one. */
void sip_put_received(struct buf *b, const struct sip_hdr *h);
/** "Content-Length: n CRLF". */
void sip_put_length(struct buf *b, size_t n);
/** Complete header lines; a missing last line end is added. */
void sip_put_lines(struct buf *b, struct slice lines);
/**
 * Room for what a Via field with one value comes to, for who knows it without reading: to be
 * filled in at once. NULL without memory; the field is then read when somebody asks.
 */
struct sip_via *sip_via_room(struct arena *arena, struct sip_hdr *h);
/**
 * What follows the first value and its comma in a Via field: empty when it was the only
 * one.
 */
struct slice sip_via_rest(const struct sip_via *first);
