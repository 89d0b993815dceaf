/**
 * @file ping_table.h  Contacts by AOR and id. Single thread; owns nothing: what is taken out is the caller's.
 *
 * Buckets go by AOR alone, so that all contacts of one AOR are found together. Growing is done in small steps, with each contact that is added: nobody's
 * ping waits for half a million others to be moved.
 */
#pragma once

#include "plugins/natping/ping_contact.h"

struct ping_table {
	struct ping_contact **buckets;
	size_t size; /**< a power of two */
	size_t count;
	struct ping_contact *
		*old; /**< half the size, while its buckets are moved; NULL: they are */
	size_t moved; /**< that many of them */
};

/** 0, -ENOMEM. */
int ping_table_init(struct ping_table *t);
/** Frees the buckets and every contact that is left. */
void ping_table_free(struct ping_table *t);
/** NULL: not there. */
struct ping_contact *ping_table_find(const struct ping_table *t, struct ping_key key);
/** Not there yet. */
void ping_table_add(struct ping_table *t, struct ping_contact *c);
void ping_table_remove(struct ping_table *t, const struct ping_contact *c);
/** Takes out some contact of the AOR, NULL when there is none (left). */
struct ping_contact *ping_table_take(struct ping_table *t, uint64_t aor);
