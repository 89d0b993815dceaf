#include "core/script/program.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define PROGRAM_BLOCK ((size_t)16 << 10)
#define PROGRAM_LIMIT ((size_t)64 << 20)

void *program_table_add(struct script_table *t, size_t size)
{
	if (t->count == t->cap) {
		unsigned cap = t->cap ? t->cap * 2 : 16;
		void *list = realloc(t->list, cap * size);

		if (list == NULL)
			return NULL;
		t->list = list;
		t->cap = cap;
	}
	return memset((char *)t->list + size * t->count++, 0, size);
}

struct script_program *program_new(void)
{
	struct script_program *p = calloc(1, sizeof(*p));

	if (p == NULL)
		return NULL;
	p->arena = arena_new(PROGRAM_BLOCK, PROGRAM_LIMIT);
	if (p->arena == NULL) {
		free(p);
		return NULL;
	}
	p->log = log_source_get("script");
	atomic_init(&p->refs, 1);
	return p;
}

static void destroy(struct script_program *p)
{
	for (unsigned i = 0; i < p->pvs.count; i++)
		script_pv_free(PROGRAM_AT(p->pvs, struct script_pv *, i));
	for (unsigned i = 0; i < p->formats.count; i++)
		pv_format_free(PROGRAM_AT(p->formats, struct pv_format *, i));
	for (unsigned i = 0; i < p->regexes.count; i++)
		regfree(*PROGRAM_AT(p->regexes, regex_t *, i));
	free(p->code.list);
	free(p->places.list);
	free(p->blocks.list);
	free(p->consts.list);
	free(p->pvs.list);
	free(p->regexes.list);
	free(p->nets.list);
	free(p->sites.list);
	free(p->formats.list);
	free(p->vars.list);
	free(p->files.list);
	arena_put(p->arena);
	free(p);
}

struct script_program *script_ref(struct script_program *p)
{
	atomic_fetch_add_explicit(&p->refs, 1, memory_order_relaxed);
	return p;
}

void script_unref(struct script_program **pp)
{
	struct script_program *p = *pp;

	*pp = NULL;
	if (p != NULL &&
		atomic_fetch_sub_explicit(&p->refs, 1, memory_order_acq_rel) == 1)
		destroy(p);
}

enum script_dialect script_dialect_of(const struct script_program *p)
{
	return p->dialect;
}

const char *script_dialect_reason(const struct script_program *p)
{
	return p->reason;
}

int program_own_pv(struct script_program *p, struct script_pv *pv)
{
	struct script_pv **slot = program_table_add(&p->pvs, sizeof(struct script_pv *));

	if (slot == NULL)
		return -1;
	*slot = pv;
	return (int)p->pvs.count - 1;
}

int program_own_format(struct script_program *p, struct pv_format *f)
{
	struct pv_format **slot =
		program_table_add(&p->formats, sizeof(struct pv_format *));

	if (slot == NULL)
		return -1;
	*slot = f;
	return (int)p->formats.count - 1;
}

struct script_flag *program_flag_find(const struct script_program *p, struct slice name)
{
	for (struct script_flag *f = p->flags; f != NULL; f = f->next)
		if (slice_eq(f->name, name))
			return f;
	return NULL;
}

bool program_flag(struct script_program *p, struct slice name, int bit)
{
	struct script_flag *f = program_flag_find(p, name);

	if (slice_empty(name))
		return true;
	if (f == NULL) {
		f = arena_zalloc(p->arena, sizeof(*f));
		if (f == NULL)
			return false;
		f->name = arena_dup(p->arena, name);
		f->bit = -1;
		if (f->name.p == NULL)
			return false;
		f->next = p->flags;
		p->flags = f;
	}
	if (bit >= 0)
		f->bit = bit;
	return true;
}

int program_var(const struct script_program *p, struct slice name)
{
	for (unsigned i = 0; i < p->vars.count; i++)
		if (slice_eq(*PROGRAM_AT(p->vars, struct slice, i), name))
			return (int)i;
	return -1;
}

int program_regex(
	struct script_program *p, struct slice pattern, int flags, char why[160])
{
	struct slice text = arena_dup(p->arena, pattern);
	regex_t *re = arena_zalloc(p->arena, sizeof(*re)), **slot;
	int err;

	snprintf(why, 160, "out of memory");
	if (re == NULL || text.p == NULL)
		return -ENOMEM;
	if (memchr(text.p, '\0', text.len) != NULL) {
		snprintf(why, 160, "zero byte in the pattern");
		return -EINVAL;
	}
	err = regcomp(re, text.p, REG_EXTENDED | REG_ICASE | flags);
	if (err != 0) {
		regerror(err, re, why, 160);
		return -EINVAL;
	}
	slot = program_table_add(&p->regexes, sizeof(*slot));
	if (slot == NULL) {
		regfree(re);
		return -ENOMEM;
	}
	*slot = re;
	return (int)p->regexes.count - 1;
}

int script_block_named(
	const struct script_program *p, enum script_block_kind kind, struct slice name)
{
	for (unsigned i = 0; i < p->blocks.count; i++) {
		const struct script_block *b =
			PROGRAM_AT(p->blocks, struct script_block, i);

		if (b->kind == kind && !slice_empty(b->name) && slice_eq(b->name, name))
			return (int)i;
	}
	return -1;
}

int script_block(const struct script_program *p, enum script_block_kind kind)
{
	for (unsigned i = 0; i < p->blocks.count; i++) {
		const struct script_block *b =
			PROGRAM_AT(p->blocks, struct script_block, i);

		if (b->kind == kind && slice_empty(b->name))
			return (int)i;
	}
	return -1;
}
