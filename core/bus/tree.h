/**
 * @file tree.h  Results of commands: one tree, printed as text or as JSON.
 *
 * Pure; any thread, one at a time. A node has a name, a value, attributes and children.
 */
#pragma once

#include <jansson.h>
#include <stdint.h>

#include "core/base/buf.h"

struct tree;

/** The nameless root. NULL without memory; the functions below accept NULL and do nothing then. */
struct tree *tree_new(void);
void tree_destroy(struct tree **tp);
/** A child with a text value (copied; NULL: none). Returns it. */
struct tree *tree_add(struct tree *parent, const char *name, const char *value);
struct tree *tree_add_int(struct tree *parent, const char *name, int64_t value);
struct tree *tree_addf(struct tree *parent, const char *name, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/** Names of children repeat: JSON makes an array of objects with the key "name" of them. */
void tree_set_list(struct tree *node);
void tree_attr(struct tree *node, const char *name, const char *value);
void tree_attr_int(struct tree *node, const char *name, int64_t value);
/** Move from's children to the end of to's; from is then empty. */
void tree_merge(struct tree *to, struct tree *from); /* tree_merge.c */
/** Did an allocation fail somewhere? */
int tree_error(const struct tree *root);

/** The original guide's text: "name:: value attr=val", a TAB more for each level (facts section 12). */
void tree_text(struct buf *b, const struct tree *root);
/**
 * A new reference. NULL without memory. Numbers stay numbers. A node with a value, attributes and children is an object
 * with "value", "attributes" and a member a child: no child may be called "value", "attributes" or "name".
 */
json_t *tree_json(const struct tree *root);
