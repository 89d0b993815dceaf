#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/script/pv.h"

#define FORMAT_MAX 131072 /* bytes of an expanded text: twice the largest message */

/** A stretch of text, or a variable. */
struct piece {
	struct slice text; /* into the format's copy */
	struct script_pv *pv;
};

struct pv_format {
	char *text; /* owned: literal stretches point into it */
	struct piece *list;
	unsigned count, cap;
};

static int add_piece(struct pv_format *f, struct slice text, struct script_pv *pv)
{
	if (f->count == f->cap) {
		unsigned cap = f->cap ? 2 * f->cap : 4;
		struct piece *list = realloc(f->list, cap * sizeof(*list));

		if (!list)
			return -ENOMEM;
		f->list = list;
		f->cap = cap;
	}
	f->list[f->count++] = (struct piece){.text = text, .pv = pv};
	return 0;
}

/** The variable or "$$" at pos; *pos moves behind it. */
static int parse_dollar(struct pv_format *f, struct slice all, bool kamailio, size_t *pos,
	char why[160], size_t *at)
{
	struct script_pv *pv;
	size_t used;
	int err;

	if (*pos + 1 < all.len && all.p[*pos + 1] == '$') {
		err = add_piece(f, slice_sub(all, *pos, 1), NULL);
		*pos += 2;
		return err;
	}
	if (*pos + 1 == all.len || strchr(" \t\r\n", all.p[*pos + 1])) {
		*at = *pos;
		(void)snprintf(why, 160,
			"a '$' that begins no variable: write '$$' for a plain one");
		return -EINVAL;
	}
	err = pv_parse(&pv, slice_from(all, *pos), kamailio, &used, why, at);
	if (err != 0) {
		*at += *pos;
		return err;
	}
	err = add_piece(f, (struct slice){0}, pv);
	if (err != 0)
		script_pv_free(&pv);
	*pos += used;
	return err;
}

int pv_format_parse(struct pv_format **out, struct slice text, bool kamailio,
	char why[160], size_t *at)
{
	struct pv_format *f = calloc(1, sizeof(*f));
	struct slice all;
	size_t pos = 0;
	int err = 0;

	*at = 0;
	why[0] = '\0';
	if (!f)
		return -ENOMEM;
	f->text = malloc(text.len + 1);
	if (!f->text) {
		pv_format_free(&f);
		return -ENOMEM;
	}
	if (text.len > 0)
		memcpy(f->text, text.p, text.len);
	f->text[text.len] = '\0';
	all = slice_make(f->text, text.len);
	while (pos < all.len && err == 0) {
		ptrdiff_t next = slice_chr(slice_from(all, pos), '$');
		size_t len = next < 0 ? all.len - pos : (size_t)next;

		if (len > 0)
			err = add_piece(f, slice_sub(all, pos, len), NULL);
		pos += len;
		if (err == 0 && pos < all.len)
			err = parse_dollar(f, all, kamailio, &pos, why, at);
	}
	if (err != 0) {
		pv_format_free(&f);
		return err;
	}
	*out = f;
	return 0;
}

void pv_format_free(struct pv_format **fp)
{
	struct pv_format *f = *fp;
	unsigned i;

	if (!f)
		return;
	*fp = NULL;
	for (i = 0; i < f->count; i++)
		script_pv_free(&f->list[i].pv);
	free(f->list);
	free(f->text);
	free(f);
}

static int piece_text(const struct piece *p, const struct script_env *env,
	struct ph_msg *msg, struct slice *out)
{
	struct script_value v;
	int err;

	if (!p->pv) {
		*out = p->text;
		return 0;
	}
	err = script_pv_get(p->pv, env, msg, &v);
	if (err == -ENOMEM)
		return err;
	if (err != 0 || v.type == SCRIPT_NULL) {
		*out = SLICE("<null>");
		return 0;
	}
	*out = value_text(msg->arena, &v);
	return out->p || out->len == 0 ? 0 : -ENOMEM;
}

int pv_format_eval(const struct pv_format *f, const struct script_env *env,
	struct ph_msg *msg, struct slice *out)
{
	struct buf b;
	unsigned i;

	if (f->count == 0) {
		*out = SLICE("");
		return 0;
	}
	if (f->count == 1) {
		int err = piece_text(&f->list[0], env, msg, out);

		/* The program may be replaced while the message lives on. */
		if (err == 0 && !f->list[0].pv) {
			*out = arena_dup(msg->arena, *out);
			err = out->p ? 0 : -ENOMEM;
		}
		return err;
	}
	buf_arena(&b, msg->arena, 128, FORMAT_MAX);
	for (i = 0; i < f->count; i++) {
		struct slice s;
		int err = piece_text(&f->list[i], env, msg, &s);

		if (err != 0)
			return err;
		buf_add(&b, s);
	}
	if (b.err != 0)
		return -ENOMEM;
	*out = buf_slice(&b);
	return 0;
}
