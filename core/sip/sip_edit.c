#include "core/sip/sip_msg.h"

#include <errno.h>

#include "core/sip/sip_scan.h"

/** How to take one edit back. Newest first in msg->undo. */
struct sip_undo {
	struct sip_undo *older;
	enum { UNDO_RURI, UNDO_BODY, UNDO_VALUE, UNDO_FLAGS, UNDO_ADD } kind;
	struct sip_hdr *hdr;
	struct slice text; /* before the edit */
	unsigned flags;    /* before the edit */
	void *parsed;      /* before the edit */
};

static struct sip_undo *undo_new(struct sip_msg *msg, int kind, struct sip_hdr *h)
{
	struct sip_undo *u = arena_zalloc(msg->arena, sizeof(*u));

	if (!u)
		return NULL;
	u->kind = kind;
	u->hdr = h;
	if (h) {
		u->text = h->value;
		u->flags = h->flags;
		u->parsed = h->parsed;
	}
	return u;
}

static void undo_push(struct sip_msg *msg, struct sip_undo *u)
{
	u->older = msg->undo;
	msg->undo = u;
	msg->edits++;
}

/**
 * A value must not end its line: each LF is followed by a blank, each CR by LF. NUL as the
 * parser takes it: behind a backslash only, for what was received must fit into an edited
 * value.
 */
static bool value_ok(struct slice v)
{
	const char *p = v.p, *end = p + v.len;

	/* Nearly always there is none of the three. */
	if (slice_chr(v, '\n') < 0 && slice_chr(v, '\r') < 0 && slice_chr(v, '\0') < 0)
		return true;
	for (; p < end; p++) {
		if (*p == '\0' && (p == v.p || p[-1] != '\\'))
			return false;
		if (*p == '\r' && (p + 1 == end || p[1] != '\n'))
			return false;
		if (*p == '\n' && (p + 1 == end || (p[1] != ' ' && p[1] != '\t')))
			return false;
	}
	return true;
}

static bool name_ok(struct slice name)
{
	return !slice_empty(name) &&
		sip_skip(name.p, name.p + name.len, SC_TOKEN) == name.p + name.len;
}

int sip_set_ruri(struct sip_msg *msg, struct slice uri)
{
	struct sip_undo *u;
	size_t i;

	if (slice_empty(uri))
		return -EINVAL;
	for (i = 0; i < uri.len; i++)
		if (sip_is(uri.p[i], SC_NOT_URI))
			return -EINVAL;
	u = undo_new(msg, UNDO_RURI, NULL);
	if (!u)
		return -ENOMEM;
	u->text = msg->ruri;
	msg->ruri = uri;
	undo_push(msg, u);
	return 0;
}

int sip_set_body(struct sip_msg *msg, struct slice body)
{
	struct sip_undo *u = undo_new(msg, UNDO_BODY, NULL);

	if (!u)
		return -ENOMEM;
	u->text = msg->body;
	msg->body = body;
	undo_push(msg, u);
	return 0;
}

int sip_hdr_set(struct sip_msg *msg, struct sip_hdr *h, struct slice value)
{
	struct sip_undo *u;

	value = slice_trim(value);
	if (!value_ok(value))
		return -EINVAL;
	u = undo_new(msg, UNDO_VALUE, h);
	if (!u)
		return -ENOMEM;
	h->value = value;
	h->flags |= SIP_HDR_EDITED;
	h->parsed = NULL;
	undo_push(msg, u);
	return 0;
}

int sip_hdr_remove(struct sip_msg *msg, struct sip_hdr *h)
{
	struct sip_undo *u;

	if (h->flags & SIP_HDR_REMOVED)
		return 0;
	u = undo_new(msg, UNDO_FLAGS, h);
	if (!u)
		return -ENOMEM;
	h->flags |= SIP_HDR_REMOVED;
	undo_push(msg, u);
	return 0;
}

/** The first header of h's kind at or behind from, removed ones included. */
/** What points to h among those with its id: the one before it, or by_id. */
static struct sip_hdr **same_link(struct sip_msg *msg, const struct sip_hdr *h)
{
	struct sip_hdr *p = h->prev;

	while (p && p->id != h->id)
		p = p->prev;
	return p ? &p->same : &msg->by_id[h->id];
}

static void hdr_link(
	struct sip_msg *msg, enum sip_place place, struct sip_hdr *at, struct sip_hdr *h)
{
	struct sip_hdr **link;

	if (place == SIP_BEFORE) {
		h->next = at ? at : msg->first;
		h->prev = h->next ? h->next->prev : msg->last;
	} else {
		h->prev = at ? at : msg->last;
		h->next = h->prev ? h->prev->next : msg->first;
	}
	if (h->prev)
		h->prev->next = h;
	else
		msg->first = h;
	if (h->next)
		h->next->prev = h;
	else
		msg->last = h;
	msg->hdr_count++;
	link = same_link(msg, h);
	h->same = *link;
	*link = h;
}

static void hdr_unlink(struct sip_msg *msg, struct sip_hdr *h)
{
	*same_link(msg, h) = h->same;
	if (h->prev)
		h->prev->next = h->next;
	else
		msg->first = h->next;
	if (h->next)
		h->next->prev = h->prev;
	else
		msg->last = h->prev;
	msg->hdr_count--;
}

int sip_hdr_add(struct sip_msg *msg, enum sip_place place, struct sip_hdr *at,
	struct slice name, struct slice value, struct sip_hdr **out)
{
	struct sip_hdr *h;
	struct sip_undo *u;

	value = slice_trim(value);
	if (!name_ok(name) || !value_ok(value))
		return -EINVAL;
	h = arena_zalloc(msg->arena, sizeof(*h));
	u = h ? undo_new(msg, UNDO_ADD, h) : NULL;
	if (!u)
		return -ENOMEM;
	h->id = sip_hdr_id_of(name);
	h->flags = SIP_HDR_ADDED;
	h->name = name;
	h->value = value;
	hdr_link(msg, place, at, h);
	undo_push(msg, u);
	if (out)
		*out = h;
	return 0;
}

int sip_hdr_add_text(
	struct sip_msg *msg, enum sip_place place, struct sip_hdr *h, struct slice lines)
{
	const char *p = lines.p, *end = p + lines.len;
	sip_mark mark = sip_edit_mark(msg);

	if (slice_empty(lines))
		return -EINVAL;
	while (p < end) {
		struct slice name, value;
		unsigned odd = 0;
		const char *next = sip_field_end(p, end, &odd);
		int err = -EINVAL;

		if (!next)
			next = end; /* the last line end may be missing */
		if (sip_field_cut(p, next, &name, &value) == 0)
			err = sip_hdr_add(msg, place, h, name, value, &h);
		if (err != 0) {
			sip_rollback(msg, mark);
			return err;
		}
		place = SIP_AFTER; /* the lines stay in their order */
		p = next;
	}
	return 0;
}

void sip_rollback(struct sip_msg *msg, sip_mark mark)
{
	while (msg->undo && msg->undo != mark) {
		struct sip_undo *u = msg->undo;
		struct sip_hdr *h = u->hdr;

		switch (u->kind) {
		case UNDO_RURI:
			msg->ruri = u->text;
			break;
		case UNDO_BODY:
			msg->body = u->text;
			break;
		case UNDO_VALUE:
		case UNDO_FLAGS:
			h->value = u->text;
			h->flags = u->flags;
			h->parsed = u->parsed;
			break;
		case UNDO_ADD:
			hdr_unlink(msg, h);
			break;
		}
		msg->undo = u->older;
		msg->edits--;
	}
}
