#include "core/bus/tree_node.h"

static void set_root(struct tree *t, struct tree *root)
{
	t->root = root;
	for (struct tree *a = t->attrs; a != NULL; a = a->next)
		a->root = root;
	for (struct tree *c = t->children; c != NULL; c = c->next)
		set_root(c, root);
}

void tree_merge(struct tree *to, struct tree *from)
{
	if (to == NULL || from == NULL || from->children == NULL)
		return;
	for (struct tree *c = from->children; c != NULL; c = c->next)
		set_root(c, to->root);
	if (to->last_child != NULL)
		to->last_child->next = from->children;
	else
		to->children = from->children;
	to->last_child = from->last_child;
	if (from->root->failed)
		to->root->failed = true;
	from->children = NULL;
	from->last_child = NULL;
}
