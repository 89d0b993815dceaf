/*
 * A tree as JSON and back.
 *
 *   a node without attributes and children   its value: text, number, null
 *   any other node                           {"value": .., "attributes": {..}, child: .., child: ..}
 *   a list                                   [{"name": .., the rest as above}, ..]
 *   a name that repeats in no list           "name": [.., ..]
 */
#include <stdlib.h>

#include "core/bus/tree_node.h"

#define TREE_DEPTH 32 /* of what is read back: ours are 4 deep */

/* JSON wants UTF-8 and the wire does not promise it. */
static json_t *json_text(const char *text)
{
	json_t *j = json_string(text);
	char *copy;

	if (j != NULL)
		return j;
	copy = strdup(text);
	if (copy == NULL)
		return NULL;
	for (char *p = copy; *p != '\0'; p++) {
		if ((unsigned char)*p >= 0x80)
			*p = '?';
	}
	j = json_string(copy);
	free(copy);
	return j;
}

static json_t *value_json(const struct tree *t)
{
	switch (t->kind) {
	case TREE_TEXT:
		return json_text(t->text);
	case TREE_INT:
		return json_integer(t->number);
	case TREE_NONE:
		break;
	}
	return json_null();
}

static json_t *node_json(const struct tree *t);

/* A second value of one name makes an array of both. Takes value. 0 or -1. */
static int member_add(json_t *obj, const struct tree *t, json_t *value)
{
	json_t *old = json_object_get(obj, t->name);
	json_t *both;

	if (old == NULL)
		return json_object_set_new(obj, t->name, value);
	if (json_is_array(old) && !t->list)
		return json_array_append_new(old, value);
	both = json_array();
	if (both == NULL || json_array_append(both, old) != 0 ||
		json_array_append_new(both, value) != 0) {
		json_decref(both);
		return -1;
	}
	return json_object_set_new(obj, t->name, both);
}

static int attrs_json(json_t *obj, const struct tree *t)
{
	json_t *attrs;

	if (t->attrs == NULL)
		return 0;
	attrs = json_object();
	if (json_object_set_new(obj, "attributes", attrs) != 0)
		return -1;
	for (const struct tree *a = t->attrs; a != NULL; a = a->next) {
		if (json_object_set_new(attrs, a->name, value_json(a)) != 0)
			return -1;
	}
	return 0;
}

/* What belongs to t goes into obj: value, attributes and children. 0 or -1. */
static int members_json(json_t *obj, const struct tree *t)
{
	if (t->kind != TREE_NONE && json_object_set_new(obj, "value", value_json(t)) != 0)
		return -1;
	if (attrs_json(obj, t) != 0)
		return -1;
	for (const struct tree *c = t->children; c != NULL; c = c->next) {
		if (member_add(obj, c, node_json(c)) != 0)
			return -1;
	}
	return 0;
}

static json_t *list_json(const struct tree *t)
{
	json_t *list = json_array();

	for (const struct tree *c = t->children; c != NULL && list != NULL; c = c->next) {
		json_t *item = json_object();

		if (json_object_set_new(item, "name", json_text(c->name)) != 0 ||
			members_json(item, c) != 0 ||
			json_array_append(list, item) != 0) {
			json_decref(list);
			list = NULL;
		}
		json_decref(item);
	}
	return list;
}

static json_t *node_json(const struct tree *t)
{
	json_t *obj;

	if (t->list)
		return list_json(t);
	if (t->attrs == NULL && t->children == NULL && t->name != NULL)
		return value_json(t);
	obj = json_object();
	if (obj != NULL && members_json(obj, t) != 0) {
		json_decref(obj);
		return NULL;
	}
	return obj;
}

json_t *tree_json(const struct tree *root)
{
	if (root == NULL || root->failed)
		return NULL;
	return node_json(root);
}
