#include "core/bus/tree.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/bus/tree_node.h"

struct tree *tree_new(void)
{
	struct tree *t = calloc(1, sizeof(*t));

	if (t != NULL)
		t->root = t;
	return t;
}

/* Children and attributes are lists; only the depth of the tree makes it recurse. */
static void node_free(struct tree *t)
{
	while (t->children != NULL) {
		struct tree *child = t->children;

		t->children = child->next;
		node_free(child);
	}
	while (t->attrs != NULL) {
		struct tree *attr = t->attrs;

		t->attrs = attr->next;
		node_free(attr);
	}
	free(t->name);
	free(t->text);
	free(t);
}

void tree_destroy(struct tree **tp)
{
	struct tree *t = *tp;

	*tp = NULL;
	if (t != NULL)
		node_free(t);
}

/* Takes text. NULL, with the failure noted at the root, without memory. */
static struct tree *node_new(
	struct tree *parent, const char *name, enum tree_kind kind, char *text)
{
	struct tree *t = calloc(1, sizeof(*t));
	char *copy = strdup(name);

	if (t == NULL || copy == NULL || (kind == TREE_TEXT && text == NULL)) {
		free(t);
		free(copy);
		free(text);
		parent->root->failed = true;
		return NULL;
	}
	*t = (struct tree){
		.name = copy, .kind = kind, .text = text, .root = parent->root};
	return t;
}

static struct tree *child_link(struct tree *parent, struct tree *t)
{
	if (t == NULL)
		return NULL;
	if (parent->last_child != NULL)
		parent->last_child->next = t;
	else
		parent->children = t;
	parent->last_child = t;
	return t;
}

static void attr_link(struct tree *node, struct tree *t)
{
	if (t == NULL)
		return;
	if (node->last_attr != NULL)
		node->last_attr->next = t;
	else
		node->attrs = t;
	node->last_attr = t;
}

struct tree *tree_add(struct tree *parent, const char *name, const char *value)
{
	if (parent == NULL)
		return NULL;
	return child_link(parent,
		value != NULL ? node_new(parent, name, TREE_TEXT, strdup(value))
			      : node_new(parent, name, TREE_NONE, NULL));
}

struct tree *tree_add_int(struct tree *parent, const char *name, int64_t value)
{
	struct tree *t;

	if (parent == NULL)
		return NULL;
	t = child_link(parent, node_new(parent, name, TREE_INT, NULL));
	if (t != NULL)
		t->number = value;
	return t;
}

struct tree *tree_addf(struct tree *parent, const char *name, const char *fmt, ...)
{
	char *text = NULL;
	va_list ap;

	if (parent == NULL)
		return NULL;
	va_start(ap, fmt);
	if (vasprintf(&text, fmt, ap) < 0)
		text = NULL;
	va_end(ap);
	return child_link(parent, node_new(parent, name, TREE_TEXT, text));
}

void tree_set_list(struct tree *node)
{
	if (node != NULL)
		node->list = true;
}

void tree_attr(struct tree *node, const char *name, const char *value)
{
	if (node == NULL)
		return;
	attr_link(node,
		value != NULL ? node_new(node, name, TREE_TEXT, strdup(value))
			      : node_new(node, name, TREE_NONE, NULL));
}

void tree_attr_int(struct tree *node, const char *name, int64_t value)
{
	struct tree *t;

	if (node == NULL)
		return;
	t = node_new(node, name, TREE_INT, NULL);
	if (t != NULL)
		t->number = value;
	attr_link(node, t);
}

int tree_error(const struct tree *root)
{
	return root == NULL || root->failed ? -ENOMEM : 0;
}

/* A value may come from the wire: it must not end the line and begin another node. */
static void text_add(struct buf *b, const char *text)
{
	for (; *text != '\0'; text++) {
		unsigned char c = (unsigned char)*text;

		buf_chr(b, c < 0x20 || c == 0x7f ? ' ' : (char)c);
	}
}

static void value_add(struct buf *b, const struct tree *t)
{
	switch (t->kind) {
	case TREE_TEXT:
		text_add(b, t->text);
		break;
	case TREE_INT:
		buf_printf(b, "%" PRId64, t->number);
		break;
	case TREE_NONE:
		break;
	}
}

static void node_text(struct buf *b, const struct tree *t, unsigned depth)
{
	for (unsigned i = 0; i < depth; i++)
		buf_chr(b, '\t');
	text_add(b, t->name);
	buf_str(b, ":: ");
	value_add(b, t);
	for (const struct tree *a = t->attrs; a != NULL; a = a->next) {
		buf_chr(b, ' ');
		text_add(b, a->name);
		buf_chr(b, '=');
		value_add(b, a);
	}
	buf_chr(b, '\n');
	for (const struct tree *c = t->children; c != NULL; c = c->next)
		node_text(b, c, depth + 1);
}

void tree_text(struct buf *b, const struct tree *root)
{
	if (root == NULL)
		return;
	for (const struct tree *c = root->children; c != NULL; c = c->next)
		node_text(b, c, 0);
}
