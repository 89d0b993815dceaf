/**
 * @file add_rcv_param.h  The source of a REGISTER told to the registrar behind us, as a
 * parameter of Contact.
 *
 * Edits the message only; one thread.
 */
#pragma once

#include <stdbool.h>

#include "core/sip/sip_msg.h"

/**
 * Every Contact gets `received`, the URI of the packet's source: as header parameter
 * (quoted), or with in_uri as URI parameter (with ';' and '=' escaped; RFC 3261 section
 * 25.1 has no quotes there). One that the sender wrote itself goes; that of an earlier
 * call, at the other place, stays.
 * 0, also without Contact or with "*" (nothing to do); -EBADMSG; -EINVAL; -ENOMEM. On
 * failure the message is as it was.
 */
int add_rcv_param(struct sip_msg *msg, struct slice received, bool in_uri);
