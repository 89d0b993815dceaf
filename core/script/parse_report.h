/**
 * @file parse_report.h  What the grammar needs besides the tree: its complaints and small constructors.
 */
#pragma once

#include "core/script/parse.h"

#define PARSE_WANTED 8
/** What could have stood where the fault is. */
struct parse_wanted {
	const char *names[PARSE_WANTED];
	unsigned count;
	bool any_statement, any_value, any_block, semicolon, open, close, assign;
};
/** Complain about p->last and go into recovery. */
void parse_report(struct parse *p, const struct parse_wanted *w, bool end);

struct node *parse_pv(struct parse *p, const struct token *t);
struct node *parse_call(struct parse *p, enum node_kind kind, const struct token *name,
	struct node_list args);
/** `myself == uri`: the same as `uri == myself`. */
struct node *parse_myself(struct parse *p, struct script_loc loc, enum node_op op,
	const struct token *keyword);
