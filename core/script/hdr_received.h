/**
 * @file hdr_received.h  Header fields as they came, whatever was edited since. Private to core/script.
 */
#pragma once

#include "core/tm/msg.h"

/** Is h a field of that name? id is sip_hdr_id_of(name): compact forms count. */
bool hdr_is(const struct sip_hdr *h, enum sip_hdr_id id, struct slice name);
/** The first received field of a kind, removed ones included; NULL. */
struct sip_hdr *received_hdr(const struct sip_msg *msg, enum sip_hdr_id id);
/** The next received field of that name behind h (NULL: the first one). */
struct sip_hdr *received_next(const struct sip_msg *msg, const struct sip_hdr *h,
	enum sip_hdr_id id, struct slice name);
/** Its first address as received. 0; -ENOENT: none, or unreadable; -ENOMEM. */
int received_nameaddr(
	struct ph_msg *msg, enum sip_hdr_id id, const struct sip_nameaddr **out);
/** The same for any field. */
int hdr_nameaddr(
	struct ph_msg *msg, const struct sip_hdr *h, const struct sip_nameaddr **out);
