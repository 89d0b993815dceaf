#include "storage/redis_parse.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "storage/store_contact.h"
#include "storage/store_script.h"

int redis_parse_text(const redisReply *r, struct slice *out)
{
	if (r->type == REDIS_REPLY_NIL) {
		*out = (struct slice){0};
		return 0;
	}
	if (r->type != REDIS_REPLY_STRING && r->type != REDIS_REPLY_STATUS)
		return -EBADMSG;
	*out = slice_make(r->str, r->len);
	return 0;
}

int redis_parse_int(const redisReply *r, int64_t *out)
{
	if (r->type == REDIS_REPLY_INTEGER) {
		*out = r->integer;
		return 0;
	}
	if (r->type != REDIS_REPLY_STRING)
		return -EBADMSG;
	return slice_i64(slice_make(r->str, r->len), out) == 0 ? 0 : -EBADMSG;
}

int redis_parse_number(const redisReply *r, int64_t max, int64_t *out)
{
	int64_t n;

	if (r->type == REDIS_REPLY_NIL) {
		*out = 0;
		return 0;
	}
	if (redis_parse_int(r, &n) != 0 || n < 0 || n > max)
		return -EBADMSG;
	*out = n;
	return 0;
}

int redis_parse_scan(const redisReply *r, uint64_t *cursor, const redisReply **list)
{
	struct slice text;

	if (r->type != REDIS_REPLY_ARRAY || r->elements != 2 ||
		r->element[1]->type != REDIS_REPLY_ARRAY ||
		redis_parse_text(r->element[0], &text) != 0 ||
		slice_u64(text, UINT64_MAX, cursor) != 0)
		return -EBADMSG;
	*list = r->element[1];
	return 0;
}

int redis_parse_score(const redisReply *r, int64_t *out)
{
	char text[64], *end;
	double n;

	if (r->type == REDIS_REPLY_INTEGER)
		n = (double)r->integer;
	else if (r->type != REDIS_REPLY_STRING || r->len == 0 || r->len >= sizeof(text))
		return -EBADMSG;
	else {
		memcpy(text, r->str, r->len);
		text[r->len] = '\0';
		n = strtod(text, &end);
		if (end != text + r->len || isnan(n))
			return -EBADMSG;
	}
	if (n <= 0)
		*out = 0;
	else
		*out = n >= (double)INT64_MAX ? INT64_MAX : (int64_t)n;
	return 0;
}

static int parse_texts(struct store_contact *c, redisReply *const *v)
{
	static const enum store_field fields[] = {STORE_F_URI, STORE_F_RECEIVED,
		STORE_F_PATH, STORE_F_SOCKET, STORE_F_CALLID, STORE_F_METHODS,
		STORE_F_USER_AGENT, STORE_F_INSTANCE, STORE_F_REG_ID, STORE_F_NODE};
	struct slice *const texts[] = {&c->uri, &c->received, &c->path, &c->socket,
		&c->call_id, &c->methods, &c->user_agent, &c->instance, &c->reg_id,
		&c->node};
	size_t i;

	for (i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
		if (redis_parse_text(v[fields[i]], texts[i]) != 0)
			return -EBADMSG;
	return 0;
}

static int parse_numbers(struct store_contact *c, redisReply *const *v)
{
	int64_t cseq, q, flags, nated;

	if (redis_parse_number(v[STORE_F_CSEQ], UINT32_MAX, &cseq) != 0 ||
		redis_parse_number(v[STORE_F_Q], 1000, &q) != 0 ||
		redis_parse_number(v[STORE_F_FLAGS], UINT32_MAX, &flags) != 0 ||
		redis_parse_number(v[STORE_F_NATED], 1, &nated) != 0 ||
		redis_parse_number(v[STORE_F_EXPIRES], INT64_MAX, &c->expires) != 0 ||
		redis_parse_number(v[STORE_F_REGISTERED], INT64_MAX, &c->registered) != 0)
		return -EBADMSG;
	c->cseq = (uint32_t)cseq;
	c->q = (unsigned)q;
	c->bflags = (uint32_t)flags;
	c->nated = nated != 0;
	return 0;
}

int redis_parse_contact(struct store_contact *out, struct arena *arena, struct slice id,
	redisReply *const *values, size_t count)
{
	struct store_contact c = {.id = id};

	if (count != STORE_FIELDS)
		return -EBADMSG;
	if (values[STORE_F_URI]->type == REDIS_REPLY_NIL)
		return -ENOENT;
	if (parse_texts(&c, values) != 0 || slice_empty(c.uri) ||
		parse_numbers(&c, values) != 0)
		return -EBADMSG;
	return store_contact_copy(out, &c, arena);
}

unsigned redis_parse_gone(const redisReply *r, struct redis_gone *out, unsigned max)
{
	unsigned count = 0;
	size_t i;

	if (r->type != REDIS_REPLY_ARRAY)
		return 0;
	for (i = 0; i < r->elements && count < max; i++) {
		const redisReply *e = r->element[i];
		struct redis_gone *g = &out[count];

		if (e->type != REDIS_REPLY_ARRAY || e->elements != 3)
			continue;
		if (redis_parse_text(e->element[0], &g->id) == 0 &&
			redis_parse_text(e->element[1], &g->socket) == 0 &&
			redis_parse_int(e->element[2], &g->expires) == 0 &&
			!slice_empty(g->id) && !slice_empty(g->socket))
			count++;
	}
	return count;
}

/* Bindings that were there before, with all their fields. */
static int parse_kept(const redisReply *r, struct store_contacts *out)
{
	size_t i;

	for (i = 0; i < r->elements && out->count < STORE_MAX_CONTACTS; i++) {
		const redisReply *e = r->element[i];
		struct slice id;
		int err;

		if (e->type != REDIS_REPLY_ARRAY || e->elements < 1 ||
			redis_parse_text(e->element[0], &id) != 0)
			return -EBADMSG;
		err = redis_parse_contact(&out->list[out->count], out->arena, id,
			e->element + 1, e->elements - 1);
		if (err == -ENOMEM)
			return err;
		/* One that somebody spoilt is as good as none; the next refresh rewrites it. */
		if (err == 0)
			out->count++;
	}
	return 0;
}

/* Those of the update that are in force; of several with one id the last. */
static int parse_added(
	const redisReply *r, const struct store_update *upd, struct store_contacts *out)
{
	size_t i;
	int err;

	for (i = 0; i < r->elements && out->count < STORE_MAX_CONTACTS; i++) {
		unsigned k = upd->count;
		struct slice id;

		if (redis_parse_text(r->element[i], &id) != 0)
			return -EBADMSG;
		while (k > 0 && !slice_eq(upd->contacts[k - 1].id, id))
			k--;
		if (k == 0)
			return -EBADMSG;
		err = store_contact_copy(
			&out->list[out->count], &upd->contacts[k - 1], out->arena);
		if (err != 0)
			return err;
		out->count++;
	}
	return 0;
}

int redis_parse_update(const redisReply *r, const struct store_update *upd,
	struct store_contacts *out, const redisReply **gone)
{
	struct store_contacts result = {.arena = out->arena};
	const redisReply *kept, *added;
	int64_t code;
	size_t n;
	int err;

	if (r->type != REDIS_REPLY_ARRAY || r->elements != 4 ||
		r->element[2]->type != REDIS_REPLY_ARRAY ||
		r->element[3]->type != REDIS_REPLY_ARRAY ||
		redis_parse_int(r->element[0], &code) != 0 || code < 0 || code > 2)
		return -EBADMSG;
	if (code == 2)
		return -ENOSPC;
	kept = r->element[2];
	added = r->element[3];
	n = kept->elements + added->elements;
	n = n < STORE_MAX_CONTACTS ? n : STORE_MAX_CONTACTS;
	result.list = arena_alloc(out->arena, n * sizeof(*result.list));
	if (result.list == NULL)
		return -ENOMEM;
	err = parse_kept(kept, &result);
	if (err == 0)
		err = parse_added(added, upd, &result);
	if (err != 0)
		return err;
	store_contacts_sort(result.list, result.count);
	result.unchanged = code == 1;
	*gone = r->element[1];
	*out = result;
	return 0;
}

bool redis_parse_in_force(const redisReply *r, struct slice id)
{
	unsigned list;
	size_t i;

	for (list = 2; list < 4 && list < r->elements; list++)
		for (i = 0; i < r->element[list]->elements; i++) {
			const redisReply *e = r->element[list]->element[i];
			struct slice text;

			if (e->type == REDIS_REPLY_ARRAY && e->elements > 0)
				e = e->element[0];
			if (redis_parse_text(e, &text) == 0 && slice_eq(text, id))
				return true;
		}
	return false;
}
