#include "storage/store_contact.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>

#include "core/base/hash.h"

void store_contact_id(
	char out[17], struct slice uri, struct slice instance, struct slice reg_id)
{
	/* The same on every node and in every release: a fixed key. Nobody gains by a
	 * collision, it can only join two bindings of one AOR. */
	static const struct hash_key key = {
		.k0 = 0x70696e686f6c6531, .k1 = 0x636f6e7461637431};
	uint64_t h;
	unsigned i;

	if (slice_empty(instance) || slice_empty(reg_id)) {
		h = hash_sip(&key, uri);
	} else {
		/* RFC 5626 section 6: instance and reg-id name the flow, whatever its URI
		 * is. */
		const uint64_t parts[2] = {
			hash_sip(&key, instance), hash_sip(&key, reg_id)};

		h = hash_sip(&key, slice_make((const char *)parts, sizeof(parts)));
	}
	for (i = 0; i < 16; i++)
		out[i] = "0123456789abcdef"[(h >> (60 - 4 * i)) & 15];
	out[16] = '\0';
}

static int compare(const void *a, const void *b)
{
	const struct store_contact *x = a;
	const struct store_contact *y = b;

	if (x->q != y->q)
		return x->q > y->q ? -1 : 1;
	if (x->registered != y->registered)
		return x->registered > y->registered ? -1 : 1;
	return slice_cmp(x->id, y->id);
}

void store_contacts_sort(struct store_contact *list, unsigned count)
{
	if (count > 1)
		qsort(list, count, sizeof(*list), compare);
}

#define AT(member) offsetof(struct store_contact, member)
const unsigned short store_contact_texts[STORE_CONTACT_TEXTS] = {AT(id), AT(uri),
	AT(received), AT(path), AT(socket), AT(call_id), AT(methods), AT(user_agent),
	AT(instance), AT(reg_id), AT(node)};
#undef AT

size_t store_contact_size(const struct store_contact *c)
{
	struct store_contact copy = *c;
	size_t size = 0;
	unsigned i;

	for (i = 0; i < STORE_CONTACT_TEXTS; i++)
		size += store_contact_text(&copy, i)->len;
	return size;
}

void store_contact_move(struct store_contact *c, char *room)
{
	unsigned i;

	for (i = 0; i < STORE_CONTACT_TEXTS; i++) {
		struct slice *text = store_contact_text(c, i);

		if (!slice_empty(*text))
			memcpy(room, text->p, text->len);
		text->p = room;
		room += text->len;
	}
}

int store_contact_copy(
	struct store_contact *out, const struct store_contact *c, struct arena *arena)
{
	char *room = arena_alloc(arena, store_contact_size(c));

	if (room == NULL)
		return -ENOMEM;
	*out = *c;
	store_contact_move(out, room);
	return 0;
}

bool store_update_repeated(const struct store_update *upd, unsigned index)
{
	unsigned i;

	for (i = index + 1; i < upd->count; i++)
		if (slice_eq(upd->contacts[i].id, upd->contacts[index].id))
			return true;
	return false;
}
