/**
 * @file events.h  The vocabulary of the system: every event, request and property, who publishes it and who listens.
 *
 * Events are flat structs without pointers, copied through the bus. Text fields are NUL-terminated and cut to
 * their size. An event is a hint: whoever needs the truth reads it from the store.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum bus_topic {
	BUS_CONTACT_SAVED = 1,   /**< by registrar; to natping, mi */
	BUS_CONTACT_REMOVED,     /**< by registrar; to natping, mi */
	BUS_CONTACT_UNREACHABLE, /**< by natping; to registrar */
	BUS_RELAY_UP,            /**< by rtpp (service); to mi */
	BUS_RELAY_DOWN,          /**< by rtpp (the worker that found it, the service); to rtpp (service), mi */
	BUS_MEDIA_TIMEOUT,       /**< by notify; to dialog */
	BUS_DIALOG_DUE,          /**< by dialog (service); to dialog (workers): is to be ended now */
	BUS_DIALOG_STARTED,      /**< by dialog, once confirmed; to mi */
	BUS_DIALOG_ENDED,        /**< by dialog; to mi, rtpp */
	BUS_NODE_UP,             /**< by the host; to mi */
	BUS_NODE_DOWN,           /**< by the host; to mi */
	BUS_CONFIG_RELOADED,     /**< by the host; to all */
	BUS_TOPICS,
};

/** "contact.saved", ...; NULL for unknown. */
const char *bus_topic_name(enum bus_topic topic);

struct bus_ev_contact { /* BUS_CONTACT_* */
	char aor[320];
	char id[24]; /**< empty: all of the AOR */
	char uri[256];
	char received[256];
	char path[256];
	char socket[320];
	int64_t expires; /**< seconds since 1970; 0 when removed */
	uint32_t bflags;
	uint8_t nated;
};
struct bus_ev_relay { /* BUS_RELAY_* */
	char url[128];
	char reason[96];
	int64_t until; /**< down: wall clock seconds when it is tried again */
};
struct bus_ev_dialog { /* BUS_DIALOG_*, BUS_MEDIA_TIMEOUT */
	char call_id[256]; /**< empty: the publisher does not know it; id leads to the worker */
	char id[48];       /**< core/tm/dialog_id.h */
	char reason[64];   /**< "BYE", "media timeout", "maximum duration", ... */
	/** DIALOG_*: of the caller and the callee, empty in MEDIA_TIMEOUT and DIALOG_DUE. */
	char from_tag[128], to_tag[128];
	/**
	 * DIALOG_ENDED: this node ended it, so nobody runs the script for a BYE. DIALOG_DUE: by the store's record it is this node's turn; 0: only if it
	 * looks after the call.
	 */
	uint8_t by_us;
};
struct bus_ev_node { /* BUS_NODE_*, BUS_CONFIG_RELOADED */
	char name[64];
};

/** Any event; what travels is its header and the member that topic names. */
struct bus_event {
	uint32_t topic;
	uint32_t publisher; /**< number of the endpoint in this process */
	uint64_t seq;       /**< counted per publisher and topic, from 1: a gap was lost */
	int64_t at_us;      /**< wall clock, microseconds */
	union {
		struct bus_ev_contact contact;
		struct bus_ev_relay relay;
		struct bus_ev_dialog dialog;
		struct bus_ev_node node;
	};
};
/** May wait for some milliseconds so that many leave together: nobody acts at once on it. */
bool bus_event_can_wait(enum bus_topic topic);
#define BUS_PACKED_MAX 2048 /**< bytes that a packed event takes at most */
/** For the bus: without the unused bytes behind each text. out has BUS_PACKED_MAX. Bytes written; 0: no such topic. */
uint32_t bus_event_pack(char *out, const struct bus_event *ev);
/** Bytes read of the len there are; 0: they are no packed event. */
uint32_t bus_event_unpack(struct bus_event *ev, const char *in, size_t len);

/**
 * Properties: named values that one plugin leaves and another reads later on the same thread, with a message or with its
 * call (core/tm/call.h). Text, or a number. Those marked stored (bus_prop_stored()) are kept with the dialog in the
 * store, so that another node finds them.
 */
enum bus_prop {
	BUS_PROP_DIALOG_ID = 1, /**< call; dialog sets, rtpp reads */
	BUS_PROP_RELAY_URL,     /**< call; rtpp sets and reads: the relay that the first offer chose */
	BUS_PROP_RTPP_SET,      /**< call; rtpp */
	BUS_PROP_NAT_SIGNS,     /**< message; nat sets: which tests hit */
	BUS_PROP_DIALOG_END,    /**< call; dialog sets: why it ended, $DLG_end_reason */
	BUS_PROP_RTPP_CHOICE,   /**< message; rtpp: the set that set_rtp_proxy_set() chose */
	BUS_PROP_DIALOG_WANTED, /**< call; rtpp sets it for flag n: dialog makes one although the script did not */
	BUS_PROP_DIALOG_TIMEOUT, /**< call; $DLG_timeout sets it, dialog reads: seconds the call may last */
	BUS_PROP_DIALOG_STATUS, /**< call; dialog: "early", "confirmed", "ended"; $DLG_status */
	BUS_PROP_DIALOG_START,  /**< call; dialog: seconds since 1970 when it was answered; $DLG_lifetime */
	BUS_PROP_DIALOG_DIR,    /**< message; dialog: "downstream" or "upstream"; $DLG_dir */
	BUS_PROP_RTPP_NOTIFY,   /**< call; rtpp: the relay is asked to tell of silence, by this name: the dialog's id */
	BUS_PROP_RTPP_AUDIO,    /**< call; rtpp: number of its first audio stream, when that is not 1 */
	BUS_PROPS,
};
enum bus_prop_scope { BUS_SCOPE_MESSAGE = 1, BUS_SCOPE_CALL };
enum bus_prop_scope bus_prop_scope(enum bus_prop p);
const char *bus_prop_name(enum bus_prop p);
/** Kept with the dialog in the store: relay.url, rtpp.set, rtpp.notify, dialog.timeout. */
bool bus_prop_stored(enum bus_prop p);
