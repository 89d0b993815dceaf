/**
 * @file fix_nated_contact.h  The public address of a phone into its Contact.
 *
 * Edits the message only; one thread. RFC 3261 section 8.1.1.8.
 */
#pragma once

#include <stdbool.h>

#include "core/base/addr.h"
#include "core/sip/sip_msg.h"

/**
 * In every Contact URI host and port become source's; user, URI and header parameters
 * stay, `maddr` goes (it would win over the host). uri_params, empty or ";name=value...",
 * goes directly behind the port; a URI without brackets gets them then.
 * Called again it changes nothing and adds no parameters twice.
 * 0; -ENOENT: no Contact or "*"; -EBADMSG: unreadable Contact; -EINVAL: uri_params are
 * none; -ENOMEM. On failure the message is as it was.
 */
int fix_nated_contact(
	struct sip_msg *msg, const struct addr *source, struct slice uri_params);
/** Is s ";name=value..." with nothing in it that could end the URI it goes into? */
bool fix_nated_contact_params(struct slice s);
