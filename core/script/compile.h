/**
 * @file compile.h  Tree to program. Load time only; private to core/script.
 *
 * One struct compile per load. Blocks are numbered first (so that names can be resolved), then each resolved block is
 * written; calls are checked on the way, the blocks they may stand in afterwards (reach.c).
 */
#pragma once

#include "core/script/ast.h"
#include "core/script/functions.h"
#include "core/script/program.h"
#include "core/script/source.h"

/** A call whose place matters: reach.c follows blocks and looks at these. */
struct call_use {
	const struct node *node;
	const struct ph_script_fn *fn; /**< NULL: route(X) */
	unsigned block;                /**< it stands in */
	unsigned kinds;                /**< set of enum ph_route that can come there */
	int target;                    /**< route(X): block called */
	bool reported;
	struct call_use *next;
};

struct compile {
	struct script_program *prog;
	struct diags *diags;
	struct arena *arena; /**< of the load */
	const struct fn_index *fns;
	bool kamailio;
	struct block *blocks;

	/* The block at hand */
	struct block *block;
	unsigned depth, max_depth; /**< of the value stack */
	struct script_loc loc; /**< of the statement: what instructions are tagged with */
	int *breaks; /**< jumps to patch of the innermost loop or switch; NULL: outside */
	unsigned break_count, break_cap;
	unsigned break_depth; /**< value stack where breaks lead to */
	bool can_break;

	unsigned kinds; /**< set of enum ph_route that the conditions around leave */

	struct call_use *uses, **uses_end;
	bool dynamic_routes;   /**< route($var(x)) somewhere */
	unsigned dynamic_arms; /**< set of kinds armed with names known at run time */
	uint32_t flag_numbers; /**< flags that the script names by number */
	struct late_flag *late_flags;
};

/** A literal flag whose number is found after all numbers are known. */
struct late_flag {
	struct script_flag *flag;
	struct ph_arg *arg;
	struct script_loc loc;
	struct late_flag *next;
};

/** 0 or -ENOMEM; faults go to diags. */
int compile_blocks(struct compile *c);

/* compile.c: writing */
int emit(struct compile *c, enum script_op op, int a, int b, int pops, int pushes);
void patch_here(struct compile *c, int at);
unsigned here(const struct compile *c);
int add_const(struct compile *c, const struct script_value *v);
void compile_nomem(struct compile *c);

/* compile_expr.c */
void compile_value(struct compile *c, const struct node *n);
/** A value whose truth by the dialect is that of the condition. */
void compile_condition(struct compile *c, const struct node *n);
void compile_assign(struct compile *c, const struct node *n);
/* compile_cond.c */
void compile_keyword(struct compile *c, const struct node *n);
void compile_compare(struct compile *c, const struct node *n);
/* compile_call.c */
void compile_call(struct compile *c, const struct node *n);
void compile_route(struct compile *c, const struct node *n);
/* compile_arg.c: one argument of a call; what it leaves on the stack is counted in site->values */
void compile_arg(struct compile *c, const struct node *call, struct script_site *site,
	unsigned i, const struct node *arg);
/* guard.c: kinds of blocks for which a condition can be true (or false): is_reply() and its like */
unsigned guard_kinds(const struct node *n, bool truth);
/* reach.c */
void check_reach(struct compile *c);
void bind_flags(struct compile *c);
/** "route[NAT]", "request_route" in out, which is returned. */
const char *block_label(const struct block *b, char out[LOC_TEXT]);
struct block *block_find(
	const struct compile *c, enum script_block_kind kind, struct slice name);
/** A name of a block as text: bare word, string or number. Empty p: known at run time only. */
struct slice literal_text(struct compile *c, const struct node *n);
/** Does a plain text look as if it held variables? */
bool looks_variable(struct slice text);
void pv_fault(struct compile *c, const struct node *n);
