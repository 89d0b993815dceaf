/**
 * @file contact_edit.h  Rewriting every Contact of a message, for the functions of this
 * plugin that do so.
 *
 * Edits of the message as core/sip/sip_msg.h has them: later functions see the new
 * values. One thread.
 */
#pragma once

#include "core/base/buf.h"
#include "core/sip/sip_header.h"

/** Writes what one Contact value shall be. arg: the caller's. */
typedef void (*contact_put)(struct buf *b, const struct sip_nameaddr *c, const void *arg);

/**
 * Call put for every value of every Contact header and set the headers to what it wrote;
 * nothing is recorded for a header that stays the same. All or nothing.
 * 0; -ENOENT: no Contact, or "*"; -EBADMSG: unreadable, or a Contact that is not a SIP
 * URI; -EINVAL: put wrote no legal Contact; -ENOMEM.
 */
int contact_edit(struct sip_msg *msg, contact_put put, const void *arg);

/**
 * params ("a=b;c") with a ';' before each one, those called name left out; bytes stay as
 * they are.
 */
void contact_put_params(struct buf *b, struct slice params, struct slice without);
