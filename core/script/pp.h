/**
 * @file pp.h  The preprocessor: `#!define`, `#!ifdef`, `#!substdef` and their kin, line by line.
 *
 * Load time only; memory from the loader's arena, compiled patterns until pp_free().
 */
#pragma once

#include <regex.h>
#include <stdbool.h>

#include "core/base/arena.h"
#include "core/base/conf.h"
#include "core/script/source.h"

struct pp_define {
	struct slice name, text;
	struct script_loc loc;
	bool busy; /**< being expanded: its own name inside is a plain word */
	struct pp_define *next;
};

/** `#!subst`: replaces in later strings and names. */
struct pp_subst {
	regex_t re;
	struct slice repl;
	bool all;
	struct pp_subst *next;
};

#define PP_MAX_CONDS 64
struct pp_cond {
	struct script_loc loc;
	bool taken; /**< this part is read */
	bool had_else;
	bool outer_skip; /**< lies in skipped text */
};

struct pp {
	struct arena *arena;
	struct diags *diags;
	struct pp_define *defines;
	struct pp_subst *substs, **substs_end;
	struct pp_cond conds[PP_MAX_CONDS];
	unsigned cond_count;
	bool skipping;
};

void pp_init(struct pp *pp, struct arena *arena, struct diags *diags);
void pp_free(struct pp *pp);
/** "NAME" or "NAME=text" from the configuration. */
void pp_predefine(struct pp *pp, const struct conf_list *defines);
struct pp_define *pp_find(const struct pp *pp, struct slice name);

enum pp_result { PP_DONE, PP_INCLUDE, PP_IMPORT };
/** A directive line from its "#!" on, without the line end. For includes *path is what stands in quotes. */
enum pp_result pp_directive(
	struct pp *pp, struct slice line, struct script_loc loc, struct slice *path);
/** All substitutions on a string or a name; the same slice when none applies. */
struct slice pp_subst_apply(struct pp *pp, struct slice text);
/** "/re/repl/flags" compiled and kept. False after a complaint. Also "!ID!text!g". */
bool pp_subst_add(struct pp *pp, struct slice spec, struct script_loc loc,
	struct slice *id, struct slice *repl);
/** Complain about conditionals still open above level. */
void pp_close(struct pp *pp, unsigned level);
