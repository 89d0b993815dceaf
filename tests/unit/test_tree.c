#include "tests/unit/ph_test.h"

#include "core/bus/tree.h"

static void assert_text(const struct tree *t, const char *want)
{
	struct buf b;

	buf_heap(&b, 0, 65536);
	tree_text(&b, t);
	assert_int_equal(b.err, 0);
	assert_slice_equal(buf_slice(&b), want);
	buf_free(&b);
}

static void assert_json(const struct tree *t, const char *want)
{
	json_t *j = tree_json(t);
	char *text;

	assert_non_null(j);
	text = json_dumps(j, JSON_COMPACT);
	assert_non_null(text);
	assert_string_equal(text, want);
	free(text);
	json_decref(j);
}

/* The answer of nh_show_rtpp, as the guide prints it. */
static struct tree *relays(void)
{
	struct tree *t = tree_new();
	struct tree *r;

	tree_set_list(t);
	for (unsigned i = 0; i < 2; i++) {
		r = tree_add(
			t, i == 0 ? "udp:192.0.2.1:22222" : "udp:192.0.2.2:22222", NULL);
		tree_attr_int(r, "set", 0);
		tree_add_int(r, "index", i);
		tree_add_int(r, "disabled", 0);
		tree_addf(r, "weight", "%d", 1);
	}
	return t;
}

static const char relays_text[] = "udp:192.0.2.1:22222::  set=0\n"
				  "\tindex:: 0\n"
				  "\tdisabled:: 0\n"
				  "\tweight:: 1\n"
				  "udp:192.0.2.2:22222::  set=0\n"
				  "\tindex:: 1\n"
				  "\tdisabled:: 0\n"
				  "\tweight:: 1\n";

static const char relays_json[] =
	"[{\"name\":\"udp:192.0.2.1:22222\",\"attributes\":{\"set\":0},"
	"\"index\":0,\"disabled\":0,\"weight\":\"1\"},"
	"{\"name\":\"udp:192.0.2.2:22222\",\"attributes\":{\"set\":0},"
	"\"index\":1,\"disabled\":0,\"weight\":\"1\"}]";

static void a_tree_prints_as_the_guide_shows_it(void **state)
{
	struct tree *t = relays();

	(void)state;
	assert_int_equal(tree_error(t), 0);
	assert_text(t, relays_text);
	tree_destroy(&t);
	assert_null(t);
}

static void a_list_is_an_array_of_named_objects_in_json(void **state)
{
	struct tree *t = relays();

	(void)state;
	assert_json(t, relays_json);
	tree_destroy(&t);
}

static void values_attributes_and_repeated_names_have_their_form_in_json(void **state)
{
	static const char text[] = "Status:: 1\n"
				   "Call:: abc x=1 y= z=two\n"
				   "\tleg:: a\n"
				   "\tleg:: b\n"
				   "\tleg:: 3\n"
				   "empty:: \n"
				   "list:: \n";
	struct tree *t = tree_new();
	struct tree *call;

	(void)state;
	tree_add_int(t, "Status", 1);
	call = tree_add(t, "Call", "abc");
	tree_attr_int(call, "x", 1);
	tree_attr(call, "y", NULL);
	tree_attr(call, "z", "two");
	tree_add(call, "leg", "a");
	tree_add(call, "leg", "b");
	tree_add_int(call, "leg", 3);
	tree_add(t, "empty", NULL);
	tree_set_list(tree_add(t, "list", NULL));
	assert_text(t, text);
	assert_json(t,
		"{\"Status\":1,\"Call\":{\"value\":\"abc\",\"attributes\":{\"x\":1,\"y\":"
		"null,"
		"\"z\":\"two\"},\"leg\":[\"a\",\"b\",3]},\"empty\":null,\"list\":[]}");
	tree_destroy(&t);
}

static void an_empty_tree_is_no_text_and_an_empty_object(void **state)
{
	struct tree *t = tree_new();

	(void)state;
	assert_text(t, "");
	assert_json(t, "{}");
	tree_destroy(&t);
}

static void line_ends_in_a_value_cannot_forge_a_node(void **state)
{
	struct tree *t = tree_new();

	(void)state;
	tree_add(t, "a", "x\r\nb:: y\tz");
	assert_text(t, "a:: x  b:: y z\n");
	tree_destroy(&t);
}

static void bytes_that_are_no_utf8_do_not_spoil_the_json(void **state)
{
	struct tree *t = tree_new();

	(void)state;
	tree_add(t, "ua", "Snom\xff\xc3");
	assert_json(t, "{\"ua\":\"Snom??\"}");
	tree_destroy(&t);
}

static void no_tree_is_accepted_everywhere(void **state)
{
	struct tree *t = NULL;
	struct buf b;

	(void)state;
	assert_null(tree_add(NULL, "a", "b"));
	assert_null(tree_add_int(NULL, "a", 1));
	assert_null(tree_addf(NULL, "a", "%d", 1));
	tree_attr(NULL, "a", "b");
	tree_attr_int(NULL, "a", 1);
	tree_set_list(NULL);
	assert_int_equal(tree_error(NULL), -ENOMEM);
	assert_null(tree_json(NULL));
	buf_heap(&b, 0, 100);
	tree_text(&b, NULL);
	assert_int_equal(b.len, 0);
	buf_free(&b);
	tree_destroy(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_tree_prints_as_the_guide_shows_it),
		cmocka_unit_test(a_list_is_an_array_of_named_objects_in_json),
		cmocka_unit_test(
			values_attributes_and_repeated_names_have_their_form_in_json),
		cmocka_unit_test(an_empty_tree_is_no_text_and_an_empty_object),
		cmocka_unit_test(line_ends_in_a_value_cannot_forge_a_node),
		cmocka_unit_test(bytes_that_are_no_utf8_do_not_spoil_the_json),
		cmocka_unit_test(no_tree_is_accepted_everywhere),
	};
	return cmocka_run_group_tests_name("tree", tests, NULL, NULL);
}
