/**
 * @file sip_scan.h  Character classes and small steps that the parsers of this folder
 * share.
 *
 * Private to core/sip. Pure; any thread. RFC 3261 section 25.1.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "core/base/slice.h"

enum {
	SC_TOKEN = 1,    /**< token */
	SC_DIGIT = 2,    /**< 0-9 */
	SC_LWS = 4,      /**< SP, HTAB, CR, LF: blanks and folds inside a header value */
	SC_HOST = 8,     /**< host names; '_' is not legal there but common */
	SC_NOT_URI = 16, /**< control bytes, SP, '<', '>', '"': never stand in a URI */
	SC_ALPHA = 32,
	SC_SCHEME = 64, /**< scheme of a URI after its first letter */
	SC_HEX = 128,
};

extern const unsigned char sip_class[256];

static inline bool sip_is(char c, unsigned what)
{
	return (sip_class[(unsigned char)c] & what) != 0;
}

static inline const char *sip_skip(const char *p, const char *end, unsigned what)
{
	while (p < end && sip_is(*p, what))
		p++;
	return p;
}

/** [from, to) without blanks and folds at both ends. */
static inline struct slice sip_trim(const char *from, const char *to)
{
	from = sip_skip(from, to, SC_LWS);
	while (to > from && sip_is(to[-1], SC_LWS))
		to--;
	return slice_make(from, (size_t)(to - from));
}

static inline struct slice sip_between(const char *from, const char *to)
{
	return slice_make(from, (size_t)(to - from));
}

/** p is at a '"': behind the closing one, or NULL when there is none. */
const char *sip_quoted_end(const char *p, const char *end);

/**
 * End of header parameters that start at p: the ',' of a list, or end. NULL: quotes do
 * not close.
 */
const char *sip_params_end(const char *p, const char *end);

/** "1" to "65535". 0 or -EINVAL. */
int sip_port_parse(struct slice text, uint16_t *out);

/**
 * End of the host that starts at p ("name", "192.0.2.1", "[2001:db8::1]"), NULL when it
 * is none.
 */
const char *sip_host_end(const char *p, const char *end);

enum {
	SIP_FIELD_BARE_LF = 1,  /**< a line end without CR */
	SIP_FIELD_STRAY_CR = 2, /**< a CR that is no part of a line end */
};

/**
 * End of the line that starts at p together with its continuation lines (section 7.3.1),
 * line end included; NULL when none comes before end. *odd gets SIP_FIELD_* bits added.
 */
const char *sip_field_end(const char *p, const char *end, unsigned *odd);

/**
 * Cut a field that sip_field_end() found into name and value. 0; -EBADMSG: no token
 * followed by a colon.
 */
int sip_field_cut(
	const char *p, const char *end, struct slice *name, struct slice *value);
