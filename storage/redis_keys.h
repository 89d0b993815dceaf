/**
 * @file redis_keys.h  The names of all keys in Redis, made here and nowhere else. Pure.
 *
 *     <prefix>contact:{<aor>}:<id>    HASH      <prefix>aor:{<aor>}        SET of ids
 *     <prefix>binding:<socket>        ZSET      <prefix>secret             STRING
 *     <prefix>node:<name>             HASH      <prefix>nodes              ZSET of names
 *     <prefix>lease:<thing>           STRING
 *     <prefix>rtpp:set:<id>           HASH      <prefix>rtpp:sets          SET of ids
 *     <prefix>rtpp:relay:<url>        HASH
 *     <prefix>dialog:{<call-id>}:<id> HASH      <prefix>dialog:id:<id>     STRING call-id
 *     <prefix>dialog:timers           ZSET of ids
 *
 * {} keeps an AOR's or a call's keys in one slot of a Redis Cluster. What would break a key, or a
 * person's view of it - braces, '%', blanks, control bytes - is written as %XX; ids, which
 * we make ourselves, stand as they are.
 */
#pragma once

#include "core/base/arena.h"
#include "core/base/slice.h"

/* All return {NULL,0} without memory; prefix is NUL-terminated. */
struct slice redis_key_aor(struct arena *a, const char *prefix, struct slice aor);
/** Start of the keys of an AOR's contacts: the id follows. */
struct slice redis_key_contacts(struct arena *a, const char *prefix, struct slice aor);
struct slice redis_key_contact(
	struct arena *a, const char *prefix, struct slice aor, struct slice id);
struct slice redis_key_binding(struct arena *a, const char *prefix, struct slice socket);
/** Member of a binding set: "{aor}:id". */
struct slice redis_key_member(struct arena *a, struct slice aor, struct slice id);
/** Take such a member apart; aor unescaped in a, id within member. 0; -EINVAL; -ENOMEM. */
int redis_key_parse_member(
	struct arena *a, struct slice member, struct slice *aor, struct slice *id);
struct slice redis_key_secret(struct arena *a, const char *prefix);
struct slice redis_key_node(struct arena *a, const char *prefix, struct slice name);
struct slice redis_key_nodes(struct arena *a, const char *prefix);
struct slice redis_key_lease(struct arena *a, const char *prefix, struct slice thing);
struct slice redis_key_set(struct arena *a, const char *prefix, int64_t set);
struct slice redis_key_sets(struct arena *a, const char *prefix);
struct slice redis_key_relay(struct arena *a, const char *prefix, struct slice url);
struct slice redis_key_dialog(
	struct arena *a, const char *prefix, struct slice call_id, struct slice id);
struct slice redis_key_dialog_id(struct arena *a, const char *prefix, struct slice id);
struct slice redis_key_timers(struct arena *a, const char *prefix);
/** Pattern for SCAN: what begins with head, taken literally, and then tail. */
struct slice redis_key_pattern(struct arena *a, struct slice head, const char *tail);
/** The number of a set, exactly as redis_key_set() writes it. 0 or -EINVAL. */
int redis_key_set_id(struct slice text, int64_t *set);
/** The id in the key of an RTP-proxy set. 0; -EINVAL: not such a key. */
int redis_key_parse_set(const char *prefix, struct slice key, int64_t *set);
/** Pattern for SCAN that matches all contacts. */
struct slice redis_key_contacts_pattern(struct arena *a, const char *prefix);
/** Take a contact's key apart; aor unescaped, in a. 0; -EINVAL: not such a key; -ENOMEM. */
int redis_key_parse_contact(struct arena *a, const char *prefix, struct slice key,
	struct slice *aor, struct slice *id);
