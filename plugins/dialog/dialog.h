/**
 * @file dialog.h  The plugin's parts on one screen: parameters, the service on the control thread, an instance per worker.
 *
 *     watch.c     what passes by becomes, changes and ends dialogs
 *     leg.c       what is kept of each side                      bye.c     the BYE to one of them
 *     dlg.c       the worker's table                             write.c   the record in the store, behind what happens
 *     fetch.c     a request of a call that another node set up   end.c     claim, BYE to both ends, record ended
 *     sweep.c     own dialogs compared with their records
 *     service.c   deadlines of all nodes' dialogs                commands.c
 *
 * The worker that owns a call (its Call-ID's hash) has its dialog in memory and acts on the deadline by its own timer. The service looks twice a second
 * which records of the store are due, whoever's, and publishes BUS_DIALOG_DUE for those that this node has to end (due.h); the worker of the id then
 * ends them, also when it has never seen the call.
 */
#pragma once

#include "core/host/plugin.h"
#include "core/tm/dialog_id.h"
#include "plugins/dialog/dlg.h"
#include "plugins/dialog/leg.h"

struct dlg_conf {
	int64_t max_dialogs;     /**< per worker */
	int64_t default_timeout; /**< s from the answer */
	int64_t early_timeout;   /**< s from the INVITE */
};

enum dlg_counter {
	DLG_C_ACTIVE,
	DLG_C_CREATED,
	DLG_C_CONFIRMED,
	DLG_C_REFUSED,
	DLG_C_ENDED_BYE,
	DLG_C_ENDED_CANCELLED,
	DLG_C_ENDED_FAILED,
	DLG_C_ENDED_MEDIA,
	DLG_C_ENDED_DURATION,
	DLG_C_ENDED_EARLY,
	DLG_C_ENDED_OPERATOR,
	DLG_C_ENDED_ELSEWHERE,
	DLG_C_FETCHED,
	DLG_C_FETCH_MISSES,
	DLG_C_FETCH_FAILED,
	DLG_C_CLAIMS_WON,
	DLG_C_CLAIMS_LOST,
	DLG_C_CLAIMS_UNASKED,
	DLG_C_BYES_SENT,
	DLG_C_BYES_ANSWERED,
	DLG_C_BYES_FAILED,
	DLG_C_WRITES,
	DLG_C_WRITE_FAILURES,
	DLG_C_DIRTY,
	DLG_C_RESTORED,
};

/* Why a dialog ends; the record's reason, $DLG_end_reason. Others are told as they come. */
#define DLG_BYE       "BYE"
#define DLG_CANCELLED "cancelled"
#define DLG_MEDIA     "media timeout"
#define DLG_DURATION  "maximum duration"
#define DLG_UNANSWERED "not answered"
#define DLG_OPERATOR  "ended by an operator"
#define DLG_ELSEWHERE "ended by another node"

#define DLG_MISSES 1024u

/** One per worker. */
struct dlg_worker {
	struct ph_worker *worker;
	const struct dlg_conf *conf;
	struct log_source *log;
	unsigned first_counter;
	struct dlg_table *table;
	struct leg_ours ours;
	struct dlg *dirty;           /**< changes that the store has not taken */
	struct timer retry;
	struct timer sweep;
	unsigned sweep_part;         /**< which share of the table has its turn next */
	struct dlg_bye *byes;        /**< on their way */
	struct {
		uint64_t key;        /**< of a call that the store does not know */
		uint64_t until;      /**< ms of loop_now() */
	} misses[DLG_MISSES];
	struct log_gate complaints;  /**< lines about the store */
};

static inline void dlg_count(const struct dlg_worker *w, enum dlg_counter which, int64_t n)
{
	counter_add(w->worker->t.counters, w->first_counter + which, n);
}

/* dialog.c */

/** ms since 1970. */
int64_t dlg_wall_ms(void);
int dlg_worker_start(
	struct ph_worker *worker, const struct ph_plugin_ctx *ctx, void **selfp);
void dlg_worker_stop(void *self);

/* script.c; self: struct dlg_worker */
int dlg_fn_create(void *self, struct ph_msg *msg, const struct ph_arg *args);
int dlg_fn_match(void *self, struct ph_msg *msg, const struct ph_arg *args);
const char *dlg_check_flags(const char *text, char why[128]);

/* watch.c */
int dlg_request_in(void *self, struct ph_msg *msg);
void dlg_request_out(void *self, struct ph_msg *msg, const struct tm_branch *br,
	const struct net_dest *dest);
void dlg_reply_out(void *self, struct ph_msg *reply);
void dlg_reply_local(void *self, struct ph_msg *request, unsigned code);

/* service.c */
int dlg_service_start(
	struct ph_thread *thread, const struct ph_plugin_ctx *ctx, void **selfp);
void dlg_service_stop(void *self);

/* commands.c; self: the service */
void dlg_cmd_dialogs(void *self, struct bus_request *req, const json_t *params);
void dlg_cmd_end(void *self, struct bus_request *req, const json_t *params);
