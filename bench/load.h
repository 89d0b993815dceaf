/**
 * @file load.h  The load generator: its phones, and the transactions and calls that are under way.
 *
 * A *unit* is what is counted and timed: one REGISTER, one OPTIONS, one call from INVITE to the 200 of its BYE, one
 * request inside a dialog. Both ends of a call are played here, so one struct unit holds the caller (uac.c) and the
 * callee (uas.c). Its index and generation stand in the Call-ID, so nothing is searched for.
 *
 * One thread, no locks. Requests and 2xx are retransmitted as RFC 3261 says, and counted.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bench/histogram.h"
#include "bench/link.h"
#include "bench/options.h"
#include "bench/text.h"
#include "bench/alarms.h"

#define LOAD_DIALOG 1024 /* octets of remote target, To and Routes of a call */

enum step {
	STEP_FREE,
	STEP_REGISTER,
	STEP_OPTIONS,
	STEP_INVITE,     /**< no reply yet: timer A */
	STEP_PROCEEDING, /**< a provisional reply has come */
	STEP_TALK,       /**< answered; ends after the hold time */
	STEP_IDLE,       /**< a dialog that waits for its next request */
	STEP_REQUEST,    /**< request inside the dialog */
	STEP_BYE,
};

/** What is begun next. */
enum work { WORK_NONE, WORK_REGISTER, WORK_OPTIONS, WORK_CALL, WORK_OPEN, WORK_REQUEST, WORK_HANGUP };

struct unit {
	/* caller */
	struct alarm alarm; /**< retransmission, or the end of the hold time */
	uint32_t index, generation;
	enum step step;
	bool counted;      /**< began in the measured phase */
	uint64_t intended; /**< when it should have begun */
	uint64_t sent_at;  /**< when its last new request left */
	uint64_t give_up;  /**< when that one has failed */
	uint32_t wait;     /**< ms to the next retransmission */
	uint32_t phone;    /**< who calls, registers or asks */
	uint32_t callee;
	struct link *link;
	uint32_t cseq, invite_cseq;
	char *request; /**< for retransmission; LINK_MESSAGE octets */
	size_t request_len;
	char *dialog; /**< the three below point here */
	struct slice target, to, routes;
	/* callee */
	struct alarm uas_alarm;
	struct link *uas_link;
	uint64_t uas_give_up;
	uint32_t uas_wait;
	uint32_t uas_cseq; /**< of the INVITE that was answered; 0: none */
	char *reply;       /**< the 2xx, for retransmission; LINK_MESSAGE octets */
	size_t reply_len;
	struct unit *next; /**< free list */
};

struct phone {
	uint32_t cseq;
	struct unit *unit; /**< its REGISTER under way */
};

/** Counted anew in each phase. */
struct stats {
	uint64_t started, done, failed, timeouts;
	uint64_t retransmitted;          /**< requests and 2xx that we sent again */
	uint64_t repeated;               /**< requests and 2xx that came again */
	uint64_t stray;                  /**< replies that belong to nothing any more */
	uint64_t codes[700];             /**< final replies by status */
	uint64_t late;                   /**< how often a unit had to wait until a phone was free */
	uint64_t contacts, received;     /**< 200 to REGISTER: with our Contact; with its received address */
	uint64_t invites, provisionals;  /**< INVITEs that reached the callee; replies 1xx that reached the caller */
	uint64_t repaired;               /**< of those INVITEs: their Contact is not the private one any more */
	uint64_t relayed;                /**< SDP that came with another address than its phone's */
	struct histogram latency;        /**< to the final reply; of a call: to the 200 of its INVITE */
	struct histogram bye;            /**< BYE to its 200 */
};

struct load {
	struct options options;
	struct links links;
	struct alarms alarms;
	uint64_t now;
	char run[16]; /**< in Call-IDs and tags: tells runs apart */
	struct phone *phones;
	uint32_t next_phone;
	struct unit *units;
	uint32_t unit_count;
	struct unit *free;
	struct unit **idle; /**< ring of dialogs without a request under way */
	uint32_t idle_first, idle_count;
	uint32_t in_flight;
	bool measuring;
	struct stats stats;
};

/* units.c */
int units_make(struct load *load, uint32_t count);
void units_free(struct load *load);
struct unit *unit_take(struct load *load);
void unit_give(struct load *load, struct unit *unit);
/** The unit that a Call-ID of ours names; NULL: not ours, or long over. */
struct unit *unit_find(struct load *load, struct slice call_id);
void unit_idle(struct load *load, struct unit *unit);
struct unit *unit_next_idle(struct load *load);

/* uac.c */
/** Begin one unit; false: there is no phone, unit or dialog that is free. */
bool uac_start(struct load *load, enum work work, uint64_t intended);
void uac_reply(struct load *load, struct link *link, const struct message *message);
void uac_alarm(void *context, struct alarm *alarm);

/* uac_write.c: requests, written into unit->request; false: too long */
bool uac_write_register(struct load *load, struct unit *unit);
bool uac_write_options(struct load *load, struct unit *unit);
bool uac_write_invite(struct load *load, struct unit *unit);
bool uac_write_in_dialog(struct load *load, struct unit *unit, const char *method);
/** ACK for a 2xx: a message of its own, to buffer; its length, 0 when it is too long. */
size_t uac_write_ack(struct load *load, struct unit *unit, char *buffer, size_t size);
/** ACK for another final reply: same branch and Request-URI as the INVITE. */
size_t uac_write_reject_ack(struct load *load, struct unit *unit, const struct message *reply, char *buffer, size_t size);

/* uas.c */
void uas_request(struct load *load, struct link *link, const struct message *message);
void uas_alarm(void *context, struct alarm *alarm);

/* words.c: pieces that both sides write */
void words_private(const struct load *load, struct text *t, uint32_t phone);
void words_user(struct text *t, uint32_t phone);
void words_sdp(const struct load *load, struct text *t, uint32_t phone);
struct link *words_link(struct load *load, uint32_t phone);

/* pace.c */
struct pace {
	enum work work;
	uint32_t window; /**< so many under way; 0: by rate */
	double rate;     /**< a second */
	uint64_t count;  /**< begin no more than these; 0: no limit */
	uint64_t until;  /**< when to stop */
	bool drain;      /**< stop when none is under way (any more) */
};
/** Returns how many were begun. */
uint64_t pace_run(struct load *load, const struct pace *pace);
