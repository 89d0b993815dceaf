/* The script functions. */
#include "plugins/dialog/life.h"
#include "plugins/dialog/watch.h"

/* OpenSIPS's letters: B: BYE at the deadline, which is always sent here; P, p: OPTIONS pings; R, r: re-INVITE pings. */
#define FLAGS "BPpRr"

const char *dlg_check_flags(const char *text, char why[128])
{
	for (const char *p = text; *p; p++) {
		if (*p != ' ' && *p != ',' && !strchr(FLAGS, *p)) {
			(void)snprintf(why, 128,
				"unknown flag letter '%c', expected some of " FLAGS, *p);
			return why;
		}
	}
	return NULL;
}

int dlg_fn_create(void *self, struct ph_msg *msg, const struct ph_arg *args)
{
	struct dlg_worker *w = self;
	char id[DIALOG_ID_LEN + 1], why[128];
	struct slice from, to, flags = {0};
	int err;

	if (args[0].given)
		flags = arena_dup(msg->arena, args[0].s);
	if (flags.p && dlg_check_flags(flags.p, why)) {
		PH_LOG_MSG(w->log, LOG_L_ERR, msg, "create_dialog: %s", why);
		return PH_FALSE;
	}
	if (msg->sip.method != SIP_INVITE || !watch_tags(msg, &from, &to) ||
		!slice_empty(to))
		return PH_FALSE;
	if (msg->sip.call_id.len > DLG_CALL_ID_MAX || !life_has_room(w)) {
		dlg_count(w, DLG_C_REFUSED, 1);
		PH_LOG_MSG(w->log, LOG_L_WARN, msg, "create_dialog: %s",
			dlg_table_full(w->table) ? "dialog.max_dialogs is reached"
						 : "the Call-ID is too long");
		return PH_FALSE;
	}
	/* The dialog itself is made when the INVITE leaves: then its Contact is what the phones will use. */
	dialog_id(id, w->worker->t.key, msg->sip.call_id, from);
	err = ph_prop_set(msg, BUS_PROP_DIALOG_WANTED, SLICE("1"));
	if (err == 0)
		err = ph_prop_set(msg, BUS_PROP_DIALOG_ID, slice_str(id));
	if (err == 0)
		err = ph_prop_set(msg, BUS_PROP_DIALOG_STATUS, SLICE("early"));
	if (err == 0)
		err = ph_prop_set(msg, BUS_PROP_DIALOG_DIR, SLICE("downstream"));
	return err == 0 ? PH_TRUE : PH_FALSE;
}

int dlg_fn_match(void *self, struct ph_msg *msg, const struct ph_arg *args)
{
	enum dlg_side sender;

	(void)args;
	return watch_find(self, msg, &sender) ? PH_TRUE : PH_FALSE;
}
