/**
 * @file ruri.h  Parts of the request URI and other URIs, read and replaced. Private to core/script.
 *
 * Replacing records one edit of the message; a text that would make no URI is refused and nothing changes.
 */
#pragma once

#include "core/script/pv.h"

enum uri_part {
	URI_ALL,
	URI_USER,
	URI_USERPASS, /**< "user:password" */
	URI_HOST,
	URI_HOSTPORT, /**< replacing: the old port goes even when the new text has none */
	URI_PORT,
	URI_SCHEME,
	URI_TRANSPORT, /**< upper case, "UDP" when none is said */
};

/** The part of text. 0 (out may stay null: the URI has none); -ENOENT: text is no URI. */
int uri_part_get(struct slice text, enum uri_part part, struct script_value *out);
/** Replace a part of msg's request URI; empty removes user and port. 0, -EINVAL, -ENOMEM. value is copied. */
int ruri_set_part(struct ph_msg *msg, enum uri_part part, struct slice value);
/** A next hop URI for msg->du, copied; empty clears. 0, -EINVAL: no SIP URI, -ENOMEM. */
int du_set(struct ph_msg *msg, struct slice uri);
