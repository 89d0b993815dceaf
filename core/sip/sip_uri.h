/**
 * @file sip_uri.h  SIP, SIPS and TEL URIs as slices. RFC 3261 section 19.1, 25.1. Pure; any thread.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "core/base/addr.h"
#include "core/base/buf.h"
#include "core/base/slice.h"

enum sip_scheme { SIP_SCHEME_SIP = 1, SIP_SCHEME_SIPS, SIP_SCHEME_TEL, SIP_SCHEME_URN, SIP_SCHEME_OTHER };

enum sip_transport {
	SIP_TR_NONE = 0, /**< not said */
	SIP_TR_UDP,
	SIP_TR_TCP,
	SIP_TR_TLS,
	SIP_TR_SCTP,
	SIP_TR_WS,
	SIP_TR_WSS,
	SIP_TR_UNKNOWN,
};

struct sip_uri {
	struct slice text;     /**< all of it */
	enum sip_scheme scheme;
	struct slice scheme_text;
	struct slice user;     /**< as written (escapes stay); tel: the number */
	struct slice password;
	struct slice host;     /**< as written; IPv6 with its brackets */
	struct slice hostport; /**< host and port as written: what NAT repairs replace */
	uint16_t port;         /**< 0: none written */
	struct slice params;   /**< without the leading ';' */
	struct slice headers;  /**< without the '?' */
	enum sip_transport transport; /**< of ;transport= */
	bool lr;
	struct slice maddr;
};

/** 0 and *out; -EINVAL: not a URI (control bytes, bad host, port out of range...). */
int sip_uri_parse(struct sip_uri *out, struct slice text);
/** A parameter's value (empty when it has none) in "a=b;c;d=e" text; false when it is absent. Name without case. */
bool sip_param_get(struct slice params, struct slice name, struct slice *value);
/** Iterate: *rest is consumed; false at the end. Quoted values keep their quotes. */
bool sip_param_next(struct slice *rest, struct slice *name, struct slice *value);
/**
 * The transport that the URI asks for, without DNS: sips is TLS whatever transport= says (RFC 3261 section 26.2.2, RFC 5630 section 3.1.4), WSS for ws; a sip URI
 * that names none is UDP.
 */
enum sip_transport sip_uri_transport(const struct sip_uri *uri);
/** Default port of scheme and transport: 5061 for sips/TLS, else 5060. */
uint16_t sip_default_port(enum sip_scheme scheme, enum sip_transport tr);
enum sip_transport sip_transport_of(struct slice text);
/** Lower case, "udp"; "" for none/unknown. */
const char *sip_transport_name(enum sip_transport tr);
/** RFC 3261 section 19.1.4. With more than 2048 bytes of parameters or headers only the same text is equal. */
bool sip_uri_equal(const struct sip_uri *a, const struct sip_uri *b);
/** user unescaped ("%61lice" -> "alice") appended to b; bad escapes stay as they are. */
void sip_unescape(struct buf *b, struct slice text);
/** Append user with what RFC 3261 does not allow there escaped. */
void sip_escape_user(struct buf *b, struct slice text);
/** "sip:192.0.2.1:5060;transport=tcp" of an address (no transport parameter for UDP): the "received" form. */
void sip_uri_of_addr(struct buf *b, const struct addr *a, enum sip_transport tr);
