/* Loading: text to program, with everything that is wrong in one list. */
#include "core/script/script.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/script/compile.h"
#include "core/script/dialect.h"
#include "core/script/parse.h"

#define LOAD_BLOCK ((size_t)64 << 10)
#define LOAD_LIMIT ((size_t)256 << 20)
#define MAX_BLOCKS 4096

/** What a load needs while it lasts. */
struct load {
	const struct script_options *opt;
	struct sources sources;
	struct diags diags;
	struct arena *arena;
	struct script_program *prog;
	struct fn_index fns;
	struct parse parse;
};

static void choose_dialect(struct load *l)
{
	const struct source *src = &l->sources.list[0];
	struct script_program *p = l->prog;

	p->dialect = l->opt->dialect;
	snprintf(p->reason, sizeof(p->reason), "script_dialect says so");
	if (p->dialect == SCRIPT_AUTO)
		p->dialect = dialect_detect(slice_make(src->text, src->len), p->reason);
}

static int keep_files(struct load *l)
{
	for (unsigned i = 0; i < l->sources.count; i++) {
		const char *name = l->sources.list[i].name, *slash = strrchr(name, '/');
		const char **slot = program_table_add(&l->prog->files, sizeof(*slot));
		struct slice copy =
			arena_dup(l->prog->arena, slice_str(slash ? slash + 1 : name));

		if (slot == NULL || copy.p == NULL)
			return -ENOMEM;
		*slot = copy.p;
	}
	return 0;
}

static bool same_block(const struct block *a, const struct block *b)
{
	return a->resolved && b->resolved && a->kind == b->kind &&
		slice_eq(a->name, b->name);
}

static void check_double(struct load *l, const struct block *b)
{
	char label[LOC_TEXT], place[LOC_TEXT];

	for (const struct block *o = l->parse.blocks; o != b; o = o->next)
		if (same_block(o, b)) {
			diag_error(&l->diags, b->loc, "%s is defined already at %s",
				block_label(b, label),
				loc_text(&l->diags, b->loc, o->loc, place));
			return;
		}
}

/* Blocks get their numbers before anything refers to them. */
static int number_blocks(struct load *l)
{
	for (struct block *b = l->parse.blocks; b != NULL; b = b->next) {
		struct script_block *out;
		char label[LOC_TEXT];

		if (!b->resolved)
			continue;
		if (l->prog->blocks.count == MAX_BLOCKS) {
			diag_error(&l->diags, b->loc, "too many blocks (at most %d)",
				MAX_BLOCKS);
			return -EINVAL;
		}
		check_double(l, b);
		b->index = l->prog->blocks.count;
		out = program_table_add(&l->prog->blocks, sizeof(*out));
		if (out == NULL)
			return -ENOMEM;
		out->kind = b->kind;
		out->name = arena_dup(l->prog->arena, b->name);
		out->label =
			arena_dup(l->prog->arena, slice_str(block_label(b, label))).p;
		if (out->name.p == NULL || out->label == NULL)
			return -ENOMEM;
	}
	return 0;
}

static int read_text(struct load *l)
{
	struct parse *p = &l->parse;
	int err;

	p->arena = l->arena;
	p->diags = &l->diags;
	p->sources = &l->sources;
	p->kamailio = l->prog->dialect == SCRIPT_KAMAILIO;
	p->skip_globals = l->opt->skip_globals;
	p->prog = l->prog;
	pp_init(&p->pp, l->arena, &l->diags);
	pp_predefine(&p->pp, l->opt->defines);
	err = parse_open(p, 0);
	if (err == 0)
		parse_run(p);
	parse_close(p);
	pp_free(&p->pp);
	return l->diags.nomem ? -ENOMEM : p->too_deep ? -EINVAL : err;
}

static int compile(struct load *l)
{
	struct compile c = {
		.prog = l->prog,
		.diags = &l->diags,
		.arena = l->arena,
		.fns = &l->fns,
		.kamailio = l->prog->dialect == SCRIPT_KAMAILIO,
		.blocks = l->parse.blocks,
	};

	return compile_blocks(&c);
}

static int load_first(struct load *l)
{
	int err;

	l->arena = arena_new(LOAD_BLOCK, LOAD_LIMIT);
	l->prog = program_new();
	if (l->arena == NULL || l->prog == NULL)
		return -ENOMEM;
	choose_dialect(l);
	err = fn_index_build(&l->fns, l->opt);
	if (err == 0)
		err = read_text(l);
	if (err == 0)
		err = number_blocks(l);
	if (err == 0)
		err = compile(l);
	if (err == 0)
		err = keep_files(l);
	return err;
}

/* Sources hold the text as first of all. */
static int run_load(
	struct load *l, struct script_program **out, struct script_errors *errors)
{
	int err = load_first(l);

	if (err != -ENOMEM && (l->diags.errors > 0 || err != 0))
		err = -EINVAL;
	diags_publish(&l->diags, errors);
	if (l->diags.nomem)
		err = -ENOMEM;
	fn_index_free(&l->fns);
	arena_put(l->arena);
	if (err == 0) {
		*out = l->prog;
		l->prog = NULL;
	}
	script_unref(&l->prog);
	return err;
}

static struct load *load_new(const struct script_options *opt)
{
	struct load *l = calloc(1, sizeof(*l));

	if (l != NULL) {
		l->opt = opt;
		l->diags.sources = &l->sources;
	}
	return l;
}

static void load_free(struct load *l)
{
	diags_free(&l->diags);
	sources_free(&l->sources);
	free(l);
}

/* The one complaint of a script that cannot be read. */
static int unreadable(
	struct load *l, const char *name, int err, struct script_errors *errors)
{
	if (err == -ENOMEM)
		return err;
	l->sources.list[0].name = strdup(name);
	l->sources.count = 1;
	diag_error(
		&l->diags, (struct script_loc){0}, "cannot read it: %s", strerror(-err));
	diags_publish(&l->diags, errors);
	return err == -ENOENT ? -ENOENT : -EINVAL;
}

int script_load(struct script_program **out, const struct script_options *opt,
	struct script_errors *errors)
{
	struct load *l = load_new(opt);
	int err;

	memset(errors, 0, sizeof(*errors));
	if (l == NULL)
		return -ENOMEM;
	err = sources_read(&l->sources, opt->file);
	if (err < 0)
		err = unreadable(l, opt->file, err, errors);
	else
		err = run_load(l, out, errors);
	load_free(l);
	return err;
}

int script_load_text(struct script_program **out, const struct script_options *opt,
	const char *name, struct slice text, struct script_errors *errors)
{
	struct load *l = load_new(opt);
	int err;

	memset(errors, 0, sizeof(*errors));
	if (l == NULL)
		return -ENOMEM;
	err = sources_add(&l->sources, name, text);
	if (err < 0)
		err = unreadable(l, name, err, errors);
	else
		err = run_load(l, out, errors);
	load_free(l);
	return err;
}
