/**
 * @file redis_keys.h  The names of all keys in Redis, made here and nowhere else. Pure.
 *
 *     <prefix>contact:{<aor>}:<id>    HASH      <prefix>aor:{<aor>}        SET of ids
 *     <prefix>binding:<socket>        ZSET      <prefix>secret             STRING
 *     <prefix>node:<name>             HASH
 *
 * {} keeps an AOR's keys in one slot of a Redis Cluster. What would break a key, or a
 * person's view of it - braces, '%', blanks, control bytes - is written as %XX.
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
struct slice redis_key_secret(struct arena *a, const char *prefix);
struct slice redis_key_node(struct arena *a, const char *prefix, struct slice name);
/** Pattern for SCAN that matches all contacts. */
struct slice redis_key_contacts_pattern(struct arena *a, const char *prefix);
/** Take a contact's key apart; aor unescaped, in a. 0; -EINVAL: not such a key; -ENOMEM. */
int redis_key_parse_contact(struct arena *a, const char *prefix, struct slice key,
	struct slice *aor, struct slice *id);
