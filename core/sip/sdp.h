/**
 * @file sdp.h  Session descriptions as slices. RFC 4566 / 8866, RFC 3264.
 *
 * Parse the current body, change fields of the parsed form, write it into a new body: line ends of the
 * original stay (LF or CRLF), unknown lines stay, order stays. Pure; results in the arena.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "core/base/arena.h"
#include "core/base/buf.h"
#include "core/base/slice.h"
#include "core/sip/sip_msg.h"

#define SDP_MAX_MEDIA 64 /**< most m= lines of a description that callers take */

/** An address line: "IN IP4 192.0.2.1". Set addr/ip6 to change it. */
struct sdp_addr {
	struct slice line;    /**< whole received line without line end; empty: no such line */
	struct slice family;  /**< "IP4"/"IP6" where it stands */
	struct slice where;   /**< the address where it stands (without /ttl) */
	struct slice addr;    /**< current */
	bool ip6;             /**< current family */
	struct sdp_addr *more; /**< further c= lines of the same level; sdp_set_addr() changes them alike */
};

struct sdp_media {
	struct slice line;    /**< "m=audio 49170 RTP/AVP 0" */
	struct slice type, proto, formats;
	struct slice port_where; /**< digits of the port where they stand, without "/n" */
	uint16_t port;        /**< as received; 0 declined */
	uint16_t new_port;    /**< set by sdp_set_port(); 0 with port_set: written as 0 */
	bool port_set;
	struct sdp_addr conn; /**< media level c=; line empty: none of its own */
	struct sdp_addr rtcp; /**< a=rtcp:PORT [IN IP4 addr]; line empty: none; addr empty: no address in it */
	struct slice rtcp_port_where;
	uint16_t rtcp_port;
	bool rtcp_port_set;
	struct slice direction; /**< "sendrecv" ...; empty: not said at this level */
};

/** One v= block (a body part of type application/sdp may hold one). */
struct sdp {
	struct arena *arena;
	struct slice text;    /**< what was parsed */
	bool lf_only;         /**< line ends are bare LF */
	struct sdp_addr origin; /**< o= */
	struct sdp_addr conn;   /**< session level c= */
	struct slice direction;
	unsigned media_count;
	struct sdp_media *media;
	struct slice *append; /**< lines (without line end) to add at the end, in order */
	unsigned append_count;
};

/** 0; -EINVAL: not SDP (no v=, malformed m=/c=/o=); -E2BIG: more than max_media; -ENOMEM. */
int sdp_parse(struct sdp *out, struct arena *arena, struct slice text, unsigned max_media);
/**
 * Change an address; the text lives in the arena. Ignored when the line is empty. A /ttl behind the old one goes with it.
 * An a=rtcp line without an address gets one.
 */
void sdp_set_addr(struct sdp_addr *a, struct slice addr, bool ip6);
void sdp_set_port(struct sdp_media *m, uint16_t port);
/** A whole line at the end ("a=nortpproxy:yes"). -ENOMEM. */
int sdp_append_line(struct sdp *s, struct slice line);
/**
 * For parameters that hold an attribute line (nortpproxy_str): NULL when text is one, with or without its line end, or empty (off); else what
 * would be right.
 */
const char *sdp_check_attribute(const char *text);
/** Is there a line that equals line (without line end)? */
bool sdp_has_line(const struct sdp *s, struct slice line);
/** The address that holds for a stream: its own c=, else the session's; NULL: none. */
struct sdp_addr *sdp_media_addr(struct sdp *s, struct sdp_media *m);
void sdp_write(struct buf *b, const struct sdp *s);

/* SDP in a message: the whole body, or parts of one multipart level (RFC 2046). */

/** A part of type application/sdp in the current body. */
struct sip_sdp_part {
	struct slice text;          /**< inside the current body */
	struct slice length_where;  /**< value of the part's own Content-Length, empty: none */
	struct sdp sdp;             /**< filled by sip_sdp_parse() */
};
#define SIP_MAX_SDP_PARTS 8
/**
 * Find the SDP parts. Missing Content-Type counts as SDP; base64/quoted-printable parts and nested multiparts do not.
 * Returns their number, 0: none.
 */
unsigned sip_sdp_parts(const struct sip_msg *msg, struct sip_sdp_part parts[SIP_MAX_SDP_PARTS]);
/**
 * Is there a body of type "type/subtype": the whole of it, or a part of a multipart level? Type without case, parameters do not
 * matter; a body without Content-Type counts as application/sdp. An empty type: any body.
 */
bool sip_body_is(const struct sip_msg *msg, struct slice type);
/** Find and parse all. >0 their number; 0 none; -EINVAL, -E2BIG, -ENOMEM. */
int sip_sdp_parse(struct sip_msg *msg, struct sip_sdp_part parts[SIP_MAX_SDP_PARTS], unsigned max_media);
/** Write the parts' changes into a new body and record it as an edit; no edit when nothing changed. 0, -ENOMEM. */
int sip_sdp_apply(struct sip_msg *msg, struct sip_sdp_part *parts, unsigned count);
