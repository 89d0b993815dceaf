/**
 * @file dialog_fake.h  One worker's instance of plugin dialog, with a store and a host around it that do what the test says.
 *
 * The store keeps records as the real ones do, answers at once, or holds its answers back, or fails. BYEs, events and parked messages are kept to be looked at.
 */
#pragma once

#include "tests/unit/sip_test.h"

#include "core/host/plugin.h"
#include "plugins/dialog/dialog.h"
#include "plugins/dialog/end.h"
#include "storage/store_dialog.h"

extern const struct ph_plugin ph_plugin;

#define FAKE_RECORDS 8
#define FAKE_HELD    32

/** An answer that the store holds back. */
struct fake_held {
	store_done done;
	void *arg;
	int err;
};

struct fake_sent {
	char text[4096];
	char du[256], foreign[256];
	const struct net_sock *sock;
	tm_local_done done; /* NULL: answered */
	void *arg;
};

struct fake {
	struct ph_worker worker;
	struct ph_plugin_ctx ctx;
	struct dlg_conf conf;
	void *self;
	struct hash_key key;
	struct net_sock sock[2];
	struct net_socks socks;
	struct script_env env;
	bool other_is_alive;

	/* store */
	struct arena *arena;
	struct store_dialog records[FAKE_RECORDS];
	unsigned record_count;
	int err;            /* what every operation comes to; 0: what it should */
	bool hold;          /* answers come with fake_release() */
	struct fake_held held[FAKE_HELD];
	unsigned held_count;
	unsigned puts, ends, gets, claims;

	/* host */
	struct fake_sent sent[8];
	unsigned sent_count;
	struct bus_event events[32];
	unsigned event_count;
	void (*on_event)(void *arg, const struct bus_event *ev);
	int park_err;
	struct ph_msg *parked;
	ph_resume resume;
	void *parked_self, *parked_state;
	ph_token woken;
	int woken_with;
	unsigned aborted;   /* tm_abort()'s code */
	char abort_reason[128];
};
extern struct fake fake;

void fake_start(void);
void fake_stop(void);
/** Let n of the held answers go, the oldest first. */
void fake_release(unsigned n);
/** The parked message goes on: the verdict. */
int fake_wake(int result);
/** The final reply to a BYE that was sent; status 0, 408, 503: none. */
void fake_answer(unsigned sent, unsigned status);
/** The record; NULL: none. */
const struct store_dialog *fake_record(unsigned n);
/** A message in the worker's hands; it came from ip:port over UDP to our first listener. Dropped with fake_drop(). */
struct ph_msg *fake_message(const char *text, const char *ip, uint16_t port);
/** A branch that went to ip:port from our first listener; foreign: through that of another node. */
struct tm_branch *fake_branch(const char *foreign, const char *du, const char *ip, uint16_t port);
void fake_drop(struct ph_msg *msg);
/** As the bus would bring it. */
void fake_event(enum bus_topic topic, const char *id, const char *reason, bool by_us);
/** Turns of the loop, until ms have passed. */
void fake_turn(unsigned ms);
int64_t fake_count(const char *counter);
/** The last event of a topic; NULL. */
const struct bus_ev_dialog *fake_last_event(enum bus_topic topic);
