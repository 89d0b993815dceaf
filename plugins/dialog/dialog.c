/* The plugin's descriptor, its parameters, and a worker's instance. */
#include "plugins/dialog/dialog.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include "plugins/dialog/end.h"
#include "plugins/dialog/life.h"
#include "plugins/dialog/sweep.h"
#include "plugins/dialog/write.h"

int64_t dlg_wall_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/** Media are silent (notify), or the time has come (service, command). */
static void on_event(void *arg, const struct bus_event *ev)
{
	struct dlg_worker *w = arg;
	const struct slice id = slice_str(ev->dialog.id);
	const char *reason = ev->dialog.reason[0] ? ev->dialog.reason : NULL;
	uint32_t hash;
	struct dlg *d;

	if (dialog_id_parse(id, &hash) != 0 ||
		hash % w->worker->count != w->worker->index)
		return;
	if (ev->topic == BUS_DIALOG_DUE && ev->dialog.by_us) {
		/* What it refuses is under way, or due again at the service's next look. */
		(void)dlg_end_id(w, slice_str(ev->dialog.call_id), id, reason);
		return;
	}
	d = dlg_find_id(w->table, hash, id);
	if (d && d->mine)
		(void)dlg_end(d, reason ? reason : DLG_MEDIA);
}

static bool is_myself(void *arg, struct slice host, uint16_t port)
{
	const struct script_env *env = ((const struct dlg_worker *)arg)->worker->env;

	return env->is_myself(env->arg, host, port);
}

int dlg_worker_start(
	struct ph_worker *worker, const struct ph_plugin_ctx *ctx, void **selfp)
{
	struct dlg_worker *w = calloc(1, sizeof(*w));
	int err;

	if (!w)
		return -ENOMEM;
	w->worker = worker;
	w->conf = ctx->conf;
	w->log = ctx->log;
	w->first_counter = ctx->first_counter;
	w->ours = (struct leg_ours){.is_myself = is_myself, .arg = w};
	dlg_write_init(w);
	err = dlg_table_new(&w->table, (unsigned)w->conf->max_dialogs);
	if (err == 0)
		err = bus_subscribe(worker->t.bus, BUS_MEDIA_TIMEOUT, on_event, NULL, w);
	if (err == 0)
		err = bus_subscribe(worker->t.bus, BUS_DIALOG_DUE, on_event, NULL, w);
	if (err != 0) {
		dlg_worker_stop(w);
		return err;
	}
	dlg_sweep_start(w);
	*selfp = w;
	return 0;
}

void dlg_worker_stop(void *self)
{
	struct dlg_worker *w = self;
	struct dlg *d;

	bus_unsubscribe(w->worker->t.bus, w);
	dlg_end_stop(w);
	while (w->table && (d = dlg_table_any(w->table)) != NULL) {
		dlg_end_abandon(d);
		dlg_remove(w->table, d);
	}
	timer_stop(&w->retry);
	timer_stop(&w->sweep);
	dlg_table_destroy(&w->table);
	free(w);
}

/* clang-format off */
static const struct conf_param dlg_params[] = {
	{.name = "default_timeout", .type = CONF_INT, .dflt = "43200", .min = 1, .max = DIALOG_TIMEOUT_MAX,
	 .offset = offsetof(struct dlg_conf, default_timeout),
	 .help = "Seconds that a call may last from its answer, unless $DLG_timeout says otherwise."},
	{.name = "early_timeout", .type = CONF_INT, .dflt = "600", .min = 1, .max = 86400,
	 .offset = offsetof(struct dlg_conf, early_timeout),
	 .help = "Seconds that a call may ring; then it is cancelled."},
	{.name = "max_dialogs", .type = CONF_INT, .dflt = "100000", .min = 1, .max = 10000000,
	 .offset = offsetof(struct dlg_conf, max_dialogs),
	 .help = "Most dialogs that a worker keeps in memory; calls beyond it have none."},
	{.name = NULL},
};

#define DLG_ROUTES (PH_ROUTE_REQUEST | PH_ROUTE_REPLY | PH_ROUTE_FAILURE | PH_ROUTE_BRANCH)
static const struct ph_script_fn dlg_functions[] = {
	{.name = "create_dialog", .args = {{.kind = PH_ARG_STR, .name = "flags", .check = dlg_check_flags}},
	 .min_args = 0, .max_args = 1, .routes = PH_ROUTE_REQUEST, .call = dlg_fn_create,
	 .help = "The call that this INVITE begins is followed: its duration is bounded, and it can be ended at both ends."},
	{.name = "match_dialog", .min_args = 0, .max_args = 0, .routes = DLG_ROUTES, .call = dlg_fn_match,
	 .help = "Does this message belong to a dialog that is followed?"},
	{.name = NULL},
};
static const struct ph_fn_alias dlg_aliases[] = {
	{"dlg_manage", "create_dialog"},
	{"is_known_dlg", "match_dialog"},
	{NULL, NULL},
};
static const struct counter_desc dlg_counters[] = {
	[DLG_C_ACTIVE] = {"dialog_active", "Dialogs that this node looks after now, ringing or answered.", COUNTER_GAUGE},
	[DLG_C_CREATED] = {"dialog_created", "Dialogs begun.", COUNTER_TOTAL},
	[DLG_C_CONFIRMED] = {"dialog_confirmed", "Of these, answered.", COUNTER_TOTAL},
	[DLG_C_REFUSED] = {"dialog_refused", "Calls without a dialog because of a bound, or because they could not be read.", COUNTER_TOTAL},
	[DLG_C_ENDED_BYE] = {"dialog_ended_bye", "Ended by a phone's BYE.", COUNTER_TOTAL},
	[DLG_C_ENDED_CANCELLED] = {"dialog_ended_cancelled", "Cancelled by the caller.", COUNTER_TOTAL},
	[DLG_C_ENDED_FAILED] = {"dialog_ended_failed", "Refused by the called side, or failed otherwise.", COUNTER_TOTAL},
	[DLG_C_ENDED_MEDIA] = {"dialog_ended_media_timeout", "Ended by us: their media died.", COUNTER_TOTAL},
	[DLG_C_ENDED_DURATION] = {"dialog_ended_max_duration", "Ended by us: maximum duration.", COUNTER_TOTAL},
	[DLG_C_ENDED_EARLY] = {"dialog_ended_not_answered", "Ended by us: early_timeout.", COUNTER_TOTAL},
	[DLG_C_ENDED_OPERATOR] = {"dialog_ended_operator", "Ended by us: dlg_end_dlg.", COUNTER_TOTAL},
	[DLG_C_ENDED_ELSEWHERE] = {"dialog_ended_elsewhere", "Dialogs of this node that another node has ended.", COUNTER_TOTAL},
	[DLG_C_FETCHED] = {"dialog_fetched", "Dialogs read from the store for a message of a call set up elsewhere.", COUNTER_TOTAL},
	[DLG_C_FETCH_MISSES] = {"dialog_fetch_misses", "Messages inside a call of which the store knows nothing.", COUNTER_TOTAL},
	[DLG_C_FETCH_FAILED] = {"dialog_fetch_failures", "Messages that went on without their dialog because the store did not answer.", COUNTER_TOTAL},
	[DLG_C_CLAIMS_WON] = {"dialog_claims_won", "Dialogs that this node took to end them.", COUNTER_TOTAL},
	[DLG_C_CLAIMS_LOST] = {"dialog_claims_lost", "Dialogs that another node was ending already.", COUNTER_TOTAL},
	[DLG_C_CLAIMS_UNASKED] = {"dialog_claims_unasked", "Own dialogs ended without the store's word, which was away.", COUNTER_TOTAL},
	[DLG_C_BYES_SENT] = {"dialog_byes_sent", "BYEs sent.", COUNTER_TOTAL},
	[DLG_C_BYES_ANSWERED] = {"dialog_byes_answered", "Of these, answered, whatever the answer.", COUNTER_TOTAL},
	[DLG_C_BYES_FAILED] = {"dialog_byes_failed", "BYEs without an answer, or that could not be sent.", COUNTER_TOTAL},
	[DLG_C_WRITES] = {"dialog_writes", "Records written to the store.", COUNTER_TOTAL},
	[DLG_C_WRITE_FAILURES] = {"dialog_write_failures", "Writes that the store did not take; they are repeated.", COUNTER_TOTAL},
	[DLG_C_DIRTY] = {"dialog_dirty", "Dialogs with changes that wait for the store.", COUNTER_GAUGE},
	[DLG_C_RESTORED] = {"dialog_restored", "Records that the store had lost, written again.", COUNTER_TOTAL},
	{.name = NULL},
};
static const struct ph_mi_cmd dlg_commands[] = {
	{.name = "dialogs", .params = "[cursor]", .help = "The dialogs of all nodes, a page at a time.", .call = dlg_cmd_dialogs},
	{.name = "dlg_end_dlg", .params = "id", .help = "Ends a call at both ends, whichever node looks after it.", .call = dlg_cmd_end},
	{.name = NULL},
};
const struct ph_plugin ph_plugin = {
	.abi = PH_PLUGIN_ABI,
	.name = "dialog",
	.version = PACKAGE_VERSION,
	.help = "Follows calls: maximum duration, and BYE to both ends when their media dies or an operator wants it.",
	.conf_size = sizeof(struct dlg_conf),
	.params = dlg_params,
	.functions = dlg_functions,
	.aliases = dlg_aliases,
	.counters = dlg_counters,
	.commands = dlg_commands,
	.service_start = dlg_service_start,
	.service_stop = dlg_service_stop,
	.worker_start = dlg_worker_start,
	.worker_stop = dlg_worker_stop,
	.request_in = dlg_request_in,
	.request_out = dlg_request_out,
	.reply_out = dlg_reply_out,
	.reply_local = dlg_reply_local,
};
