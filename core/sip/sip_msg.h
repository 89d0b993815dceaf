/**
 * @file sip_msg.h  A SIP message as slices into the received bytes, and the edits recorded on it.
 *
 * Pure: no sockets, no clock. One thread at a time. RFC 3261 sections 7 and 25.
 *
 * Parsing indexes the header fields once; values are parsed when first asked for (sip_header.h) and kept in the
 * header. Everything parsed or edited lives in the message's arena.
 *
 * Edits change fields, never bytes: a header's value, its removal, a new header, the Request-URI, the body.
 * Whoever asks afterwards sees the new value; the last writer wins. Each edit leaves an undo record, so that a
 * function that fails half-way, or a branch that had its turn, goes back to a mark. The message is written
 * out once, at send time, with the edits applied (sip_write.h); unedited stretches are copied as they came.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "core/base/arena.h"
#include "core/base/slice.h"

enum sip_method {
	SIP_OTHER = 0, /**< compare the text */
	SIP_INVITE,
	SIP_ACK,
	SIP_CANCEL,
	SIP_BYE,
	SIP_REGISTER,
	SIP_OPTIONS,
	SIP_PRACK,
	SIP_UPDATE,
	SIP_INFO,
	SIP_SUBSCRIBE,
	SIP_NOTIFY,
	SIP_REFER,
	SIP_MESSAGE,
	SIP_PUBLISH,
	SIP_METHODS,
};

/** Header fields known by number; everything else is SIP_H_OTHER. Compact forms are recognised. */
enum sip_hdr_id {
	SIP_H_OTHER = 0,
	SIP_H_VIA,
	SIP_H_FROM,
	SIP_H_TO,
	SIP_H_CALL_ID,
	SIP_H_CSEQ,
	SIP_H_CONTACT,
	SIP_H_MAX_FORWARDS,
	SIP_H_ROUTE,
	SIP_H_RECORD_ROUTE,
	SIP_H_PATH,
	SIP_H_CONTENT_TYPE,
	SIP_H_CONTENT_LENGTH,
	SIP_H_CONTENT_ENCODING,
	SIP_H_EXPIRES,
	SIP_H_MIN_EXPIRES,
	SIP_H_USER_AGENT,
	SIP_H_SUPPORTED,
	SIP_H_REQUIRE,
	SIP_H_PROXY_REQUIRE,
	SIP_H_AUTHORIZATION,
	SIP_H_PROXY_AUTHORIZATION,
	SIP_H_WWW_AUTHENTICATE,
	SIP_H_PROXY_AUTHENTICATE,
	SIP_H_ALLOW,
	SIP_H_RETRY_AFTER,
	SIP_H_DATE,
	SIP_H_SUBJECT,
	SIP_H_EVENT,
	SIP_H_COUNT,
};

enum {
	SIP_HDR_EDITED = 1,  /**< value is not what was received */
	SIP_HDR_REMOVED = 2, /**< not written; iteration skips it */
	SIP_HDR_ADDED = 4,   /**< was not received */
	SIP_HDR_BARE_LF = 8, /**< received with a line end without CR: written anew, with CRLF */
};

/** One header field line. Read-only outside core/sip. */
struct sip_hdr {
	enum sip_hdr_id id;
	unsigned flags;
	struct slice name;     /**< as written */
	struct slice value;    /**< current; without outer blanks; may hold folds (CRLF + blank) */
	struct slice received; /**< value as received; empty when added */
	struct slice line;     /**< received bytes of the field, CRLF included; empty when added */
	void *parsed;          /**< value parsed by sip_header.c; NULL: not yet (or edited since) */
	struct sip_hdr *next, *prev; /**< in order of writing, removed ones included */
	struct sip_hdr *same;  /**< the next with this id, removed ones included */
};

enum sip_kind { SIP_REQUEST = 1, SIP_REPLY };

struct sip_undo;

struct sip_limits {
	unsigned max_headers; /**< default 256 */
	size_t max_size;      /**< of the whole message, default 65535 */
};

struct sip_msg {
	struct arena *arena;
	struct slice raw; /**< the whole message as received: start line to end of body */
	enum sip_kind kind;

	/* Request line; version is always SIP/2.0 */
	enum sip_method method; /**< of the request; of a reply: of its CSeq */
	struct slice method_text;
	struct slice ruri_received;
	struct slice ruri; /**< current, see sip_set_ruri() */

	/* Status line */
	unsigned status;
	struct slice reason;

	struct slice start_line; /**< with its CRLF */
	struct sip_hdr *first, *last;
	struct sip_hdr *by_id[SIP_H_COUNT]; /**< first of each in order of writing, NULL: none. Removed ones included: use sip_hdr_first() */
	unsigned hdr_count;

	struct slice body_received; /**< what Content-Length (or the datagram) says; empty: none */
	struct slice body;          /**< current */

	/* the mandatory ones, parsed with the message and never NULL/empty after sip_parse() == 0 */
	struct slice call_id;
	uint32_t cseq;
	struct slice cseq_method_text;

	const char *via_fixed; /**< the top Via's value that sip_via_fix() has written; NULL: none yet */
	struct sip_undo *undo; /**< newest first */
	unsigned edits;        /**< how many are in force; 0: the message is as received */
};

/** Why a message was refused; text is a static phrase fit for a 400's reason ("Missing CSeq"). */
struct sip_error {
	unsigned code; /**< 400, 505, 513...; 0: cannot be answered */
	const char *text;
};

/**
 * Parse data, which must live in arena (or outlive it). On a datagram the body is Content-Length bytes, or the
 * rest when the header is absent (RFC 3261 section 18.3); more bytes behind it are ignored; fewer: 400.
 * Mandatory: Via, From, To, Call-ID, CSeq, each once (Via many), CSeq method equal to the request's method.
 * 0; -EBADMSG with *why, msg then holds what could be read (for an error reply: sip_can_reply()); -ENOMEM;
 * -EMSGSIZE over a limit, with *why. limits NULL: the defaults.
 */
int sip_parse(struct sip_msg *msg, struct arena *arena, struct slice data,
	const struct sip_limits *limits, struct sip_error *why);
/**
 * After a failed parse: is it a request whose topmost Via says where a reply goes? What else a reply repeats may be missing (RFC 4475
 * section 3.3.1: an error even then).
 */
bool sip_can_reply(struct sip_msg *msg);
/**
 * Does data begin like a SIP message: a first line that begins or ends with a SIP version? A look at one line, for what floods in.
 * Leading line ends are skipped as sip_parse() does.
 */
bool sip_is_likely(struct slice data);

/**
 * The Call-ID value of raw bytes without a full parse (to choose the worker). Empty when there is none.
 */
struct slice sip_peek_call_id(struct slice data);
/** The same of To, and of the first Via field. */
struct slice sip_peek_to(struct slice data);
struct slice sip_peek_via(struct slice data);

/**
 * Framing on a stream (RFC 3261 section 18.3): what does data, the unread bytes, begin with?
 * 0: more bytes are needed; >0: length of the first complete message; -EBADMSG: no Content-Length or not SIP;
 * -EMSGSIZE: would be longer than max. *skip is the count of leading CR/LF bytes before it (keepalives: RFC 5626
 * section 3.5.1; a caller answers CRLF to each CRLFCRLF); the message begins at data + *skip, and the length does not
 * count them. They may be consumed at once. *state remembers how far it looked, from the message's first byte: start with
 * 0, keep it while the same message grows, so that one byte a time costs O(1) each; it is 0 again after an answer.
 */
ptrdiff_t sip_frame(struct slice data, size_t max, size_t *skip, size_t *state);

/* Looking; removed headers are skipped */

struct sip_hdr *sip_hdr_first(const struct sip_msg *msg, enum sip_hdr_id id);
/** The next of the same kind (id; for SIP_H_OTHER the same name). */
struct sip_hdr *sip_hdr_next(const struct sip_hdr *h);
/** By name, case-insensitive, compact or long form meaning the same. */
struct sip_hdr *sip_hdr_find(const struct sip_msg *msg, struct slice name);
enum sip_hdr_id sip_hdr_id_of(struct slice name);
const char *sip_hdr_name(enum sip_hdr_id id);
/** Value of the first one, or empty. */
struct slice sip_hdr_value(const struct sip_msg *msg, enum sip_hdr_id id);
enum sip_method sip_method_of(struct slice text);
const char *sip_method_name(enum sip_method m);

/* Editing; all return 0 or -ENOMEM and leave the message as it was on failure; -EINVAL: the text would break the
 * message (a line end that is no fold, NUL; blanks in a URI). text must live in the arena or be static. */

int sip_set_ruri(struct sip_msg *msg, struct slice uri);
int sip_set_body(struct sip_msg *msg, struct slice body); /**< Content-Length follows when written */
int sip_hdr_set(struct sip_msg *msg, struct sip_hdr *h, struct slice value);
int sip_hdr_remove(struct sip_msg *msg, struct sip_hdr *h);
/** Where a new header goes. */
enum sip_place {
	SIP_BEFORE, /**< before h (h NULL: first of all) */
	SIP_AFTER,  /**< after h (h NULL: last of all) */
};
/** New header "name: value". *out (may be NULL) is it. */
int sip_hdr_add(struct sip_msg *msg, enum sip_place place, struct sip_hdr *h, struct slice name,
	struct slice value, struct sip_hdr **out);
/** One or more complete lines "Name: value CRLF ..." as scripts give them. -EINVAL when not of that form. */
int sip_hdr_add_text(struct sip_msg *msg, enum sip_place place, struct sip_hdr *h, struct slice lines);

/** Edits made after the mark are undone by sip_rollback(). */
typedef struct sip_undo *sip_mark;
static inline sip_mark sip_edit_mark(const struct sip_msg *msg)
{
	return msg->undo;
}
void sip_rollback(struct sip_msg *msg, sip_mark mark);
