/**
 * @file store_contact.h  Bindings as values: order, copies. Pure; any thread.
 */
#pragma once

#include "storage/store.h"

/** Sort as struct store_contacts promises: highest q, then newest, then by id. */
void store_contacts_sort(struct store_contact *list, unsigned count);
/** The slices of c one after another, for code that treats them alike. */
#define STORE_CONTACT_TEXTS 11
extern const unsigned short store_contact_texts[STORE_CONTACT_TEXTS]; /**< their offsets */
static inline struct slice *store_contact_text(struct store_contact *c, unsigned index)
{
	return (struct slice *)((char *)c + store_contact_texts[index]);
}
/** Bytes of all its texts. */
size_t store_contact_size(const struct store_contact *c);
/** Copy the texts into room of that size; the slices of c point there then. */
void store_contact_move(struct store_contact *c, char *room);
/** A copy whose slices live in arena. 0 or -ENOMEM. */
int store_contact_copy(
	struct store_contact *out, const struct store_contact *c, struct arena *arena);
/** Does a later one in the update name the same binding? (The last wins.) */
bool store_update_repeated(const struct store_update *upd, unsigned index);
