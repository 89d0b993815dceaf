/**
 * @file ast.h  The script as a tree: what the grammar builds and the compiler reads.
 *
 * Load time only. Nodes live in the loader's arena. Lists are chained by next.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "core/script/source.h"

enum node_kind {
	/* Values */
	N_INT, /**< n; text as written when it was a word (yes, off) */
	N_STR, /**< text */
	N_NULL,
	N_PV, /**< pv and its index n in the program, or NULL, why, and the fault's offset n; text as written */
	N_IP, /**< text: address or network */
	N_HOST,   /**< text: host name, or transport:host:port */
	N_SELECT, /**< text: @select */
	N_CALL,   /**< text(a...); bare: without parentheses */
	N_ROUTE,  /**< route(a...) */
	N_NONE,   /**< an argument left out */
	N_MYSELF,
	N_COND, /**< keyword text, op, operand a */
	N_BIN,  /**< a op b */
	N_AND,
	N_OR,
	N_UN, /**< op a */
	N_ASSIGN, /**< a op b; op is a token: '=', ':' for :=, or the operator of a compound */
	/* Statements */
	S_EMPTY,
	S_EXPR,   /**< a: a call or an assignment */
	S_BLOCK,  /**< a... */
	S_IF,     /**< a, then b, else c */
	S_WHILE,  /**< a, b */
	S_FOR,    /**< a in b, c */
	S_SWITCH, /**< a, cases b... */
	S_CASE,   /**< constant a (NULL: default), b... */
	S_RETURN, /**< a or NULL */
	S_EXIT,
	S_DROP,
	S_BREAK,
};

/** Operators of N_BIN, N_UN, N_COND and N_ASSIGN. */
enum node_op {
	O_ADD,
	O_SUB,
	O_MUL,
	O_DIV,
	O_MOD,
	O_BAND,
	O_BOR,
	O_BXOR,
	O_SHL,
	O_SHR,
	O_EQ,
	O_NE,
	O_LT,
	O_GT,
	O_LE,
	O_GE,
	O_MATCH,
	O_NMATCH,
	O_TEQ,
	O_TNE,
	O_IEQ,
	O_INE,
	O_NOT,
	O_NEG,
	O_BNOT,
	O_DEFINED,
	O_INT,
	O_TEXT,
	O_SET,
	O_REPLACE,
};

struct node {
	enum node_kind kind;
	enum node_op op;
	struct script_loc loc;
	unsigned depth; /**< of the tree below, to keep walks from running away */
	bool paren;     /**< stood in parentheses */
	bool bare;
	struct slice text;
	int64_t n;
	struct script_pv *pv;
	const char *why; /**< why pv could not be read */
	struct node *a, *b, *c;
	struct node *next;
};

struct node_list {
	struct node *first, *last;
};

/** A route block. */
struct block {
	struct slice keyword; /**< as written: "route", "reply_route" */
	struct slice name;    /**< empty: unnamed */
	struct script_loc loc, name_loc;
	struct node *body; /**< S_BLOCK */
	bool resolved;     /**< false: only its syntax counts (events nobody raises) */
	enum script_block_kind kind;
	unsigned
		routes; /**< set of enum ph_route it begins with; 0: route[X], by its callers */
	bool used;
	unsigned index; /**< its number in the program */
	struct block *next;
};

#define NODE_MAX_DEPTH 1000

struct parse;
struct node *node_new(struct parse *p, enum node_kind kind, struct script_loc loc);
struct node *node_text(
	struct parse *p, enum node_kind kind, struct script_loc loc, struct slice text);
struct node *node_int(struct parse *p, struct script_loc loc, int64_t n);
struct node *node_tree(struct parse *p, enum node_kind kind, enum node_op op,
	struct script_loc loc, struct node *a, struct node *b, struct node *c);
/** Comparisons and arithmetic, with the warnings of both dialects' precedence. */
struct node *node_binary(struct parse *p, enum node_op op, struct script_loc loc,
	struct node *a, struct node *b);
struct node *node_unary(
	struct parse *p, enum node_op op, struct script_loc loc, struct node *a);
struct node *node_logic(struct parse *p, enum node_kind kind, struct script_loc loc,
	struct node *a, struct node *b);
/** Adjacent strings. */
struct node *node_join(struct parse *p, struct node *a, struct slice text);
void list_add(struct node_list *l, struct node *n);
