/**
 * @file tree_node.h  The inside of a tree, shared by tree.c and tree_json.c alone.
 *
 *   root ─ children: node ─ node ─ node
 *                     ├ attrs: node ─ node      (name and value only)
 *                     └ children: ...
 */
#pragma once

#include <errno.h>
#include <stdbool.h>

#include "core/bus/tree.h"

enum tree_kind { TREE_NONE, TREE_TEXT, TREE_INT };

struct tree {
	char *name; /**< owned; NULL for the root */
	enum tree_kind kind;
	bool list;
	bool failed; /**< root: an allocation failed somewhere */
	char *text;  /**< owned */
	int64_t number;
	struct tree *attrs, *last_attr;
	struct tree *children, *last_child;
	struct tree *next;
	struct tree *root;
};
