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

static int node_from(
	struct tree *parent, const char *name, const json_t *j, unsigned depth);

static int scalar_from(struct tree *parent, const char *name, const json_t *j)
{
	struct tree *t;

	if (json_is_integer(j))
		t = tree_add_int(parent, name, json_integer_value(j));
	else if (json_is_string(j))
		t = tree_add(parent, name, json_string_value(j));
	else if (json_is_real(j))
		t = tree_addf(parent, name, "%.17g", json_real_value(j));
	else if (json_is_boolean(j))
		t = tree_add_int(parent, name, json_is_true(j));
	else
		t = tree_add(parent, name, NULL);
	return t != NULL ? 0 : -ENOMEM;
}

static void attrs_from(struct tree *node, const json_t *j)
{
	const char *name;
	json_t *value;

	/* The iterators of jansson take no const; nothing is changed. */
	json_object_foreach((json_t *)(uintptr_t)j, name, value)
	{
		if (json_is_integer(value))
			tree_attr_int(node, name, json_integer_value(value));
		else
			tree_attr(node, name, json_string_value(value));
	}
}

/* The members of an object become t's value, attributes and children. */
static int members_from(struct tree *t, const json_t *j, unsigned depth)
{
	const char *name;
	json_t *value;
	int err = 0;

	json_object_foreach((json_t *)(uintptr_t)j, name, value)
	{
		if (strcmp(name, "name") == 0 || strcmp(name, "value") == 0)
			continue; /* read when the node was made */
		if (strcmp(name, "attributes") == 0)
			attrs_from(t, value);
		else
			err = node_from(t, name, value, depth);
		if (err != 0)
			break;
	}
	return err;
}

static int object_from(
	struct tree *parent, const char *name, const json_t *j, unsigned depth)
{
	const json_t *value = json_object_get(j, "value");
	int err;

	if (json_is_object(value) || json_is_array(value))
		return -EINVAL;
	err = scalar_from(parent, name, value);
	if (err != 0)
		return err;
	return members_from(parent->last_child, j, depth + 1);
}

static bool is_list(const json_t *array)
{
	return json_array_size(array) == 0 ||
		json_object_get(json_array_get(array, 0), "name") != NULL;
}

static int list_from(struct tree *t, const json_t *j, unsigned depth)
{
	int err = 0;

	tree_set_list(t);
	for (size_t i = 0; i < json_array_size(j) && err == 0; i++) {
		const json_t *item = json_array_get(j, i);
		const char *name = json_string_value(json_object_get(item, "name"));

		err = name != NULL ? object_from(t, name, item, depth) : -EINVAL;
	}
	return err;
}

static int node_from(
	struct tree *parent, const char *name, const json_t *j, unsigned depth)
{
	int err = 0;

	if (depth > TREE_DEPTH)
		return -EINVAL;
	if (json_is_object(j))
		return object_from(parent, name, j, depth);
	if (!json_is_array(j))
		return scalar_from(parent, name, j);
	if (is_list(j)) {
		struct tree *t = tree_add(parent, name, NULL);

		return t != NULL ? list_from(t, j, depth + 1) : -ENOMEM;
	}
	for (size_t i = 0; i < json_array_size(j) && err == 0; i++)
		err = node_from(parent, name, json_array_get(j, i), depth + 1);
	return err;
}

struct tree *tree_from_json(const json_t *j)
{
	struct tree *root = tree_new();
	int err;

	if (root == NULL)
		return NULL;
	if (json_is_object(j))
		err = members_from(root, j, 0);
	else if (json_is_array(j))
		err = list_from(root, j, 0);
	else
		err = -EINVAL;
	if (err != 0 || root->failed)
		tree_destroy(&root);
	return root;
}
