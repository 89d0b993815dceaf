/**
 * @file sip_header.h  Values of header fields, parsed when first asked for.
 *
 * Results live in the message's arena and are kept in the header until it is edited. All
 * slices point into the header's current value. One thread. Section numbers: RFC 3261.
 */
#pragma once

#include "core/sip/sip_msg.h"
#include "core/sip/sip_uri.h"

/** One Via value (section 20.42, RFC 3581). Several in one field are a list. */
struct sip_via {
	struct slice text;      /**< this value alone, without the comma */
	enum sip_transport transport;
	struct slice transport_text;
	struct slice host;      /**< sent-by host, brackets kept */
	uint16_t port;          /**< 0: none written */
	struct slice params;
	struct slice branch, received, maddr, ttl;
	bool has_rport;
	bool others;            /**< has parameters beside these */
	struct slice rport;     /**< empty when without value */
	struct sip_hdr *hdr;
	struct sip_via *next;   /**< within the same field, then the next field's */
};

/** "display" <uri>;params (Contact, From, To, Route, Record-Route, Path). */
struct sip_nameaddr {
	struct slice text;      /**< this value alone */
	struct slice display;   /**< as written, quotes kept */
	struct slice uri_text;  /**< between < and >, or the bare URI */
	bool brackets;
	struct slice params;    /**< header parameters, without leading ';' */
	int uri_err;            /**< 0, or why uri does not hold */
	struct sip_uri uri;
	struct slice tag;       /**< From and To */
	struct sip_hdr *hdr;
	struct sip_nameaddr *next; /**< same field, then the next field of the kind */
};

/**
 * All Via values, top first. NULL (with *err) when malformed; err may be NULL. err: 0 none there, -EBADMSG, -ENOMEM.
 */
struct sip_via *sip_via_list(struct sip_msg *msg, int *err);
/** From and To: exactly one. */
struct sip_nameaddr *sip_from(struct sip_msg *msg, int *err);
struct sip_nameaddr *sip_to(struct sip_msg *msg, int *err);
/** Contact, Route, Record-Route, Path: values of all fields of that kind in order. "*" of Contact: see sip_contact_star(). */
struct sip_nameaddr *sip_nameaddrs(struct sip_msg *msg, enum sip_hdr_id id, int *err);
/** Take one value out of the field it stands in, as an edit; all is the list that it is of. 0 or -ENOMEM. */
int sip_nameaddr_remove(struct sip_msg *msg, const struct sip_nameaddr *all, const struct sip_nameaddr *n);
/** Some Contact field is "*". */
bool sip_contact_star(const struct sip_msg *msg);
/** Parse a lone value (not from a header), e.g. a stored route set. Same list form, in arena. NULL and *err. */
struct sip_nameaddr *sip_nameaddr_parse(struct arena *arena, struct slice text, int *err);
/** Top Via of any text value list; used on raw bytes. 0 or -EBADMSG. */
int sip_via_parse(struct arena *arena, struct slice value, struct sip_via **out);
/**
 * The topmost value, also when those behind it in its field are malformed (its next is NULL then): enough to send a 400 to. NULL:
 * none, or not readable itself.
 */
struct sip_via *sip_via_top(struct sip_msg *msg);

/** Expires or Max-Forwards style number. -ENOENT absent, -EBADMSG malformed; RFC: over 2^32-1 is clamped for Expires. */
int sip_number(const struct sip_msg *msg, enum sip_hdr_id id, uint32_t *out);
/** q of a Contact, in thousandths 0..1000; 1000 when absent. -EBADMSG. */
int sip_contact_q(const struct sip_nameaddr *c, unsigned *out);
/** A token in a comma-separated list of all fields of a kind ("Supported: path, outbound"), case-insensitive. */
bool sip_hdr_has_token(const struct sip_msg *msg, enum sip_hdr_id id, struct slice token);
/** "application/sdp" without parameters; trimmed; empty when there is no Content-Type. */
struct slice sip_content_type(const struct sip_msg *msg, struct slice *params);
