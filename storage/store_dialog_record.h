/**
 * @file store_dialog_record.h  Dialogs as values: their texts, sizes, states, order. Pure; any
 * thread.
 */
#pragma once

#include "storage/store_dialog.h"

#define STORE_CALL_ID_MAX 1024 /**< bytes of a Call-ID; longer ones are refused with -ENAMETOOLONG */
#define STORE_DIALOG_ID_MAX 128
#define STORE_DIALOG_TEXT_MAX 65535 /**< bytes of all texts of a dialog; more: -EMSGSIZE */
/** Highest time in ms, and highest fence: what a double (a ZSET's score, Lua) holds exactly. */
#define STORE_DIALOG_NUMBER_MAX (INT64_C(1) << 53)

/** The slices of d one after another, for code that treats them alike; both legs included. */
#define STORE_DIALOG_TEXTS 19
struct slice *store_dialog_text(struct store_dialog *d, unsigned index);
/** Bytes of all of them. */
size_t store_dialog_size(const struct store_dialog *d);
/** Copies all texts to `to`, which has store_dialog_size() bytes; the slices of d point there
 * afterwards. */
void store_dialog_pack(struct store_dialog *d, char *to);
/** 0; -EINVAL: no such name. */
int store_dialog_state_parse(struct slice text, enum store_dialog_state *out);
/** Sort by deadline, the oldest first. */
void store_dialogs_sort(struct store_dialog *list, unsigned count);

/**
 * What a put leaves of an older record `was`. A record does not go back: while it is further
 * than the put its state, deadline and reason stay (early after confirmed: two messages have
 * overtaken each other). A deadline that store_dialog_expire() brought forward stays as well,
 * with its reason: who puts has not heard of it. Writes into *d. False: neither applied.
 */
bool store_dialog_keep(struct store_dialog *d, const struct store_dialog *was);
/** May d be put over `was`? 0 or -EALREADY. */
int store_dialog_may_put(const struct store_dialog *d, const struct store_dialog *was);

/** ms that a record is kept when its deadline is that, and it is now_ms. */
int64_t store_dialog_keep_ms(int64_t deadline_ms, int64_t now_ms);
