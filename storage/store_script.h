/**
 * @file store_script.h  The Lua scripts that Redis runs for us: where a condition is
 * tested, and only there.
 *
 * Every script touches the keys of one AOR (one Cluster slot), or one key alone.
 */
#pragma once

/** Fields of a contact's HASH, in the order that scripts and parsers use. */
#define STORE_FIELDS 16
extern const char *const store_fields[STORE_FIELDS];
enum store_field {
	STORE_F_URI,
	STORE_F_RECEIVED,
	STORE_F_PATH,
	STORE_F_SOCKET,
	STORE_F_CALLID,
	STORE_F_CSEQ,
	STORE_F_Q,
	STORE_F_FLAGS,
	STORE_F_NATED,
	STORE_F_METHODS,
	STORE_F_USER_AGENT,
	STORE_F_INSTANCE,
	STORE_F_REG_ID,
	STORE_F_EXPIRES,
	STORE_F_REGISTERED,
	STORE_F_NODE,
};

struct store_script {
	const char *name;
	const char *text;
};

enum store_script_id {
	STORE_S_UPDATE,
	STORE_S_REMOVE,
	STORE_S_MEND,
	STORE_S_UNBIND,
	STORE_S_LEFT,
	STORE_S_DIALOG_PUT,
	STORE_S_DIALOG_EXPIRE,
	STORE_S_DIALOG_CLAIM,
	STORE_S_DIALOG_END,
	STORE_S_LEASE_TAKE,
	STORE_S_LEASE_DROP,
	STORE_S_COUNT,
};
/** store_script_dialog.c */
extern const char store_script_dialog_put[], store_script_dialog_expire[],
	store_script_dialog_claim[], store_script_dialog_end[];

extern const struct store_script store_scripts[STORE_S_COUNT];

/** 40 hex digits and NUL: how EVALSHA names a script. 0 or -EIO. */
int store_script_sha(enum store_script_id id, char out[41]);
