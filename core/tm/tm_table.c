#include <errno.h>
#include <stdlib.h>

#include "core/tm/tm_priv.h"

#define SLOTS_FIRST 256u

struct tm_trans *table_find(
	struct tm *tm, uint64_t key, uint32_t cseq, enum sip_method method)
{
	struct tm_trans *t = tm->table[key & tm->mask];

	while (t != NULL && (t->key != key || t->cseq != cseq || t->method != method))
		t = t->next;
	return t;
}

void table_add(struct tm *tm, struct tm_trans *t)
{
	struct tm_trans **at = &tm->table[t->key & tm->mask];

	t->next = *at;
	if (*at != NULL)
		(*at)->prev = &t->next;
	t->prev = at;
	*at = t;
	tm->count++;
	tm_count(tm, TM_C_SERVER);
	tm_count(tm, TM_C_ACTIVE);
}

void table_remove(struct tm *tm, struct tm_trans *t)
{
	*t->prev = t->next;
	if (t->next != NULL)
		t->next->prev = t->prev;
	t->next = NULL;
	t->prev = NULL;
	tm->count--;
	counter_add(tm->s.counters, tm->s.first_counter + TM_C_ACTIVE, -1);
}

void accepted_add(struct tm *tm, struct tm_trans *t)
{
	struct tm_trans **at = &tm->accepted[t->call % TM_ACCEPTED_BUCKETS];

	if (t->acc_prev != NULL)
		return;
	t->acc_next = *at;
	if (*at != NULL)
		(*at)->acc_prev = &t->acc_next;
	t->acc_prev = at;
	*at = t;
}

void accepted_remove(struct tm_trans *t)
{
	if (t->acc_prev == NULL)
		return;
	*t->acc_prev = t->acc_next;
	if (t->acc_next != NULL)
		t->acc_next->acc_prev = t->acc_prev;
	t->acc_next = NULL;
	t->acc_prev = NULL;
}

struct tm_trans *accepted_find(struct tm *tm, uint64_t call, uint32_t cseq)
{
	struct tm_trans *t = tm->accepted[call % TM_ACCEPTED_BUCKETS];

	while (t != NULL && (t->call != call || t->cseq != cseq))
		t = t->acc_next;
	return t;
}

static int slots_grow(struct tm *tm)
{
	uint32_t count = tm->slot_count > 0 ? tm->slot_count * 2 : SLOTS_FIRST;
	struct tm_slot *slots;

	if (count > TM_SLOTS_MAX)
		return -ENOSPC;
	slots = realloc(tm->slots, count * sizeof(*slots));
	if (slots == NULL)
		return -ENOMEM;
	for (uint32_t i = tm->slot_count; i < count; i++)
		slots[i] = (struct tm_slot){.gen = 1, .next_free = i + 1};
	tm->slots = slots;
	tm->slot_free = tm->slot_count;
	tm->slot_count = count;
	return 0;
}

int slot_take(struct tm *tm, struct tm_branch *br)
{
	struct tm_slot *slot;
	int err;

	if (tm->slot_free == tm->slot_count) {
		err = slots_grow(tm);
		if (err != 0)
			return err;
	}
	br->slot = tm->slot_free;
	slot = &tm->slots[br->slot];
	tm->slot_free = slot->next_free;
	slot->branch = br;
	br->gen = slot->gen;
	return 0;
}

void slot_give(struct tm *tm, struct tm_branch *br)
{
	struct tm_slot *slot = &tm->slots[br->slot];

	if (br->gen == 0)
		return;
	slot->branch = NULL;
	/* 0 stands for "no slot" in a branch. */
	if (++slot->gen == 0)
		slot->gen = 1;
	slot->next_free = tm->slot_free;
	tm->slot_free = br->slot;
	br->gen = 0;
}

struct tm_branch *slot_find(struct tm *tm, uint32_t slot, uint32_t gen)
{
	if (slot >= tm->slot_count || tm->slots[slot].gen != gen)
		return NULL;
	return tm->slots[slot].branch;
}

bool held_add(struct tm_held **list, struct ph_msg *msg)
{
	struct tm_held *held = malloc(sizeof(*held));

	if (held == NULL)
		return false;
	msg_ref(msg);
	*held = (struct tm_held){.next = *list, .msg = msg};
	*list = held;
	return true;
}

bool held_remove(struct tm_held **list, const struct ph_msg *msg)
{
	struct tm_held *held;

	while (*list != NULL && (*list)->msg != msg)
		list = &(*list)->next;
	held = *list;
	if (held == NULL)
		return false;
	*list = held->next;
	msg_unref(&held->msg);
	free(held);
	return true;
}

void held_clear(struct tm_held **list)
{
	while (*list != NULL)
		held_remove(list, (*list)->msg);
}
