/**
 * @file program.h  A loaded script: instructions and the tables they point into. Private to core/script.
 *
 * Made by the compiler, then immutable and counted; shared by all workers. One array of instructions holds all blocks.
 */
#pragma once

#include <regex.h>
#include <stdatomic.h>

#include "core/base/addr.h"
#include "core/base/arena.h"
#include "core/base/log.h"
#include "core/script/pv.h"
#include "core/script/source.h"

/** What instructions do; the value stack is written as "before -> after". */
enum script_op {
	/* Values */
	OP_CONST,   /**< -> constants[a] */
	OP_NULL,    /**< -> null */
	OP_PV,      /**< -> value of pvs[a] */
	OP_FORMAT,  /**< -> text of formats[a], expanded */
	OP_VAR,     /**< -> script variable a */
	OP_SET,     /**< v -> : pvs[a] = v; b: enum script_set */
	OP_SET_VAR, /**< v -> : script variable a = v */
	OP_POP,     /**< v -> */
	/* Operators */
	OP_BIN, /**< x y -> x op y; a: enum node_op; b: enum script_cmp for comparisons */
	OP_RE,  /**< x -> 0/1: matches regexes[a]; b: 1 for !~ */
	OP_RE_VALUE, /**< x y -> 0/1: matches the text y; b: 1 for !~ */
	OP_NET,      /**< x -> 0/1: x is an address in nets[a]; b: 1 negated */
	OP_MYSELF,   /**< x -> 0/1: a URI or host of ours; b: 1 negated */
	OP_UN,       /**< x -> op x; a: enum node_op */
	OP_TRUTH,    /**< x -> 0/1 by the dialect */
	OP_OK,       /**< code -> 0/1: above 0 */
	OP_STRLEN,   /**< x -> length */
	OP_STREMPTY, /**< x -> 0/1 */
	/* Ways */
	OP_JUMP,  /**< to a */
	OP_FALSE, /**< x -> : to a when false */
	OP_AND,   /**< x -> 0 and to a when false, else x -> */
	OP_OR,    /**< x -> 1 and to a when true, else x -> */
	OP_CASE,  /**< x -> x, or x -> and to a when x equals constants[b] */
	OP_LOOP,  /**< -> count 0 */
	OP_TURN,  /**< n -> n+1, or to a when the loop limit is passed */
	OP_EACH, /**< n -> n+1 v: value n of all that pvs[b] has; to a when there is none, or the loop limit is passed */
	/* Calls and ends */
	OP_CALL,     /**< args -> code: sites[a] */
	OP_ROUTE,    /**< args -> code: block a, b arguments */
	OP_ROUTE_BY, /**< name args -> code: the block of that name, b arguments */
	OP_CODE,     /**< the block's code is a */
	OP_RESULT,   /**< x -> : the block's code is x */
	OP_RETURN,   /**< x -> : leave the block */
	OP_END,      /**< leave the block with its code */
	OP_EXIT,     /**< x -> */
	OP_DROP,     /**< x -> */
};

enum script_set { SET_PLAIN, SET_REPLACE /* := */, SET_NEWEST /* += and its like */ };
enum script_cmp { CMP_DIALECT, CMP_NOCASE };

struct script_instr {
	uint16_t op;
	uint16_t b;
	int32_t a;
};

/** How one argument of a call is made. */
struct script_arg {
	enum {
		ARG_NONE,   /**< left out */
		ARG_READY,  /**< a literal: ready */
		ARG_FORMAT, /**< format to be expanded, then read as its kind says */
		ARG_VALUE,  /**< on the stack */
	} how;
	struct ph_arg ready;
	struct pv_format *format;
};

/** A call in the text. */
struct script_site {
	const struct ph_script_fn *fn;
	bool core;         /**< self is the env */
	unsigned instance; /**< else of this plugin */
	const void *conf;  /**< its parameters; at load only */
	unsigned values;   /**< arguments on the stack */
	struct script_arg args[PH_MAX_ARGS];
};

struct script_block {
	enum script_block_kind kind;
	struct slice name; /**< empty: unnamed */
	const char *label; /**< "route[NAT]" */
	int32_t entry;
	unsigned stack; /**< values it needs at most */
};

struct script_flag {
	struct slice name;
	int bit; /**< -1: none yet */
	struct script_flag *next;
};

/** A growing table of anything. */
struct script_table {
	void *list;
	unsigned count, cap;
};

struct script_program {
	atomic_uint refs;
	enum script_dialect dialect;
	char reason[160];
	struct log_source *log;
	struct arena *arena; /**< constants, names, sites */

	struct script_table code;    /**< struct script_instr */
	struct script_table places;  /**< struct script_loc of each instruction */
	struct script_table blocks;  /**< struct script_block */
	struct script_table consts;  /**< struct script_value */
	struct script_table pvs;     /**< struct script_pv *, owned */
	struct script_table regexes; /**< regex_t * */
	struct script_table nets;    /**< struct addr_net */
	struct script_table sites;   /**< struct script_site * */
	struct script_table formats; /**< struct pv_format *, owned */
	struct script_table vars;    /**< struct slice: names of script variables */
	struct script_table files;   /**< char *: base names of the sources */
	struct script_flag *flags;
};

#define PROGRAM_AT(table, type, i) (&((type *)(table).list)[i])

/** One new zeroed element of size bytes; NULL without memory. */
void *program_table_add(struct script_table *t, size_t size);
/** An empty program with one reference; NULL without memory. */
struct script_program *program_new(void);
/** Takes pv on success. Its index; -1 without memory. */
int program_own_pv(struct script_program *p, struct script_pv *pv);
/** Declare a flag's name (bit -1: any free one). False without memory. */
bool program_flag(struct script_program *p, struct slice name, int bit);
struct script_flag *program_flag_find(const struct script_program *p, struct slice name);
/** The slot of a script variable's name; -1. */
int program_var(const struct script_program *p, struct slice name);
/** Takes f on success. Its index; -1 without memory. */
int program_own_format(struct script_program *p, struct pv_format *f);
/** An extended regex, kept; flags beside REG_EXTENDED | REG_ICASE. Index, or negative errno with why. */
int program_regex(
	struct script_program *p, struct slice pattern, int flags, char why[160]);
