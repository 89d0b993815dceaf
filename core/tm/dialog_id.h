/**
 * @file dialog_id.h  The name of a dialog in the cluster, made from what every node can see of it.
 *
 *     8 hex digits: hash_call_id() of its Call-ID (any node finds the worker)
 *     16 hex digits: keyed hash of Call-ID and caller's tag (nobody without the secret can guess one)
 *
 * So an in-dialog request leads to the dialog's key without an index, and the initial INVITE's retransmission to the
 * same dialog. It is what an RTP proxy is given as notification tag: no blanks, nothing to be escaped. Pure; any thread.
 */
#pragma once

#include <stdint.h>

#include "core/base/hash.h"
#include "core/base/slice.h"

#define DIALOG_ID_LEN 24
#define DIALOG_TIMEOUT_MAX 864000 /**< seconds: the longest that a call may be given */

/** NUL-terminated into out. caller_tag: From tag of the initial INVITE. */
void dialog_id(char out[DIALOG_ID_LEN + 1], const struct hash_key *key, struct slice call_id, struct slice caller_tag);
/** The hash_call_id() in an id's text. 0 and *hash; -EINVAL: not of that form. */
int dialog_id_parse(struct slice id, uint32_t *hash);
