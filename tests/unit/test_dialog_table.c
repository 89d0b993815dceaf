/* The worker's dialogs, and which of them a message belongs to. */
#include "tests/unit/ph_test.h"

#include "plugins/dialog/dlg.h"

static void text(struct slice *at, const char *value)
{
	int err = 0;

	dlg_text(at, slice_str(value), &err);
	assert_int_equal(err, 0);
}

static struct dlg *add(struct dlg_table *t, uint32_t hash, const char *call_id,
	const char *id, const char *caller, const char *callee)
{
	struct dlg *d;

	assert_int_equal(dlg_add(t, hash, slice_str(call_id), slice_str(id), &d), 0);
	text(&d->rec.caller.tag, caller);
	text(&d->rec.callee.tag, callee);
	return d;
}

static void empty(struct dlg_table **t)
{
	struct dlg *d;

	while ((d = dlg_table_any(*t)) != NULL)
		dlg_remove(*t, d);
	assert_int_equal(dlg_table_count(*t), 0);
	dlg_table_destroy(t);
	assert_null(*t);
}

#define ID1 "000000070123456789abcdef"
#define ID2 "00000007fedcba9876543210"

static struct dlg *find(
	struct dlg_table *t, const char *from, const char *to, enum dlg_side *side)
{
	*side = DLG_NOBODY;
	return dlg_find(t, 7, SLICE("c1"), slice_str(from), slice_str(to), side);
}

static void messages_find_their_dialog_in_both_directions(void **state)
{
	struct dlg_table *t;
	enum dlg_side side;
	struct dlg *d;

	(void)state;
	assert_int_equal(dlg_table_new(&t, 10), 0);
	d = add(t, 7, "c1", ID1, "a1", "b1");
	assert_ptr_equal(find(t, "a1", "b1", &side), d);
	assert_int_equal(side, DLG_CALLER);
	assert_ptr_equal(find(t, "b1", "a1", &side), d);
	assert_int_equal(side, DLG_CALLEE);
	assert_null(find(t, "a1", "b2", &side)); /* another phone of a forked INVITE */
	assert_null(find(t, "b2", "a1", &side));
	assert_null(find(t, "x", "y", &side));
	assert_null(find(t, "A1", "b1", &side)); /* tags are compared as they are */
	assert_ptr_equal(dlg_find_id(t, 7, SLICE(ID1)), d);
	assert_null(dlg_find_id(t, 7, SLICE(ID2)));
	assert_null(dlg_find_id(t, 8, SLICE(ID1)));
	empty(&t);
}

static void while_it_rings_any_phone_belongs_to_it(void **state)
{
	struct dlg_table *t;
	enum dlg_side side;
	struct dlg *d;

	(void)state;
	assert_int_equal(dlg_table_new(&t, 10), 0);
	d = add(t, 7, "c1", ID1, "a1", "");
	assert_ptr_equal(find(t, "a1", "", &side), d);
	assert_ptr_equal(find(t, "a1", "b1", &side), d);
	assert_int_equal(side, DLG_CALLER);
	assert_ptr_equal(find(t, "b2", "a1", &side), d);
	assert_int_equal(side, DLG_CALLEE);
	assert_null(find(t, "", "a1", &side));
	empty(&t);
}

static void two_calls_of_one_call_id_are_two_dialogs(void **state)
{
	struct dlg_table *t;
	enum dlg_side side;
	struct dlg *one, *two;

	(void)state;
	assert_int_equal(dlg_table_new(&t, 10), 0);
	one = add(t, 7, "c1", ID1, "a1", "b1");
	two = add(t, 7, "c1", ID2, "a2", "b1");
	assert_ptr_equal(find(t, "a1", "b1", &side), one);
	assert_ptr_equal(find(t, "b1", "a2", &side), two);
	dlg_remove(t, one);
	assert_null(find(t, "a1", "b1", &side));
	assert_ptr_equal(find(t, "a2", "b1", &side), two);
	empty(&t);
}

static void what_is_over_or_only_a_name_is_not_found_by_tags(void **state)
{
	struct dlg_table *t;
	enum dlg_side side;
	struct dlg *d;

	(void)state;
	assert_int_equal(dlg_table_new(&t, 10), 0);
	d = add(t, 7, "c1", ID1, "", "");
	assert_null(find(t, "a1", "b1", &side));
	text(&d->rec.caller.tag, "a1");
	assert_non_null(find(t, "a1", "b1", &side));
	d->over = true;
	assert_null(find(t, "a1", "b1", &side));
	assert_ptr_equal(dlg_find_id(t, 7, SLICE(ID1)), d);
	empty(&t);
}

static void the_table_is_bounded(void **state)
{
	struct dlg_table *t;
	struct dlg *d;

	(void)state;
	assert_int_equal(dlg_table_new(&t, 2), 0);
	add(t, 7, "c1", ID1, "a1", "");
	assert_false(dlg_table_full(t));
	add(t, 7, "c1", ID2, "a2", "");
	assert_true(dlg_table_full(t));
	assert_int_equal(dlg_add(t, 1, SLICE("c2"), SLICE(ID1), &d), -ENOSPC);
	assert_int_equal(dlg_table_count(t), 2);
	empty(&t);
	assert_int_equal(dlg_table_new(&t, 2), 0);
	assert_int_equal(dlg_add(t, 1, SLICE("c2"), SLICE("short"), &d), -EINVAL);
	empty(&t);
}

static void a_record_is_taken_as_a_whole_and_texts_tell_of_changes(void **state)
{
	const struct store_dialog rec = {.state = STORE_DIALOG_CONFIRMED,
		.caller = {.tag = SLICE("a1"), .target = SLICE("sip:a"), .cseq = 4},
		.callee = {.tag = SLICE("b1"),
			.flow = SLICE("udp:192.0.2.1:1"),
			.cseq = 5},
		.node = SLICE("edge1"),
		.relay = SLICE("udp:127.0.0.1:22222"),
		.set = SLICE("0"),
		.started = 11,
		.deadline_ms = 12,
		.fence = 13};
	struct dlg_table *t;
	struct dlg *d;
	int err = 0;

	(void)state;
	assert_int_equal(dlg_table_new(&t, 2), 0);
	d = add(t, 7, "c1", ID1, "old", "old");
	text(&d->rec.caller.routes, "<sip:old;lr>");
	assert_int_equal(dlg_take(d, &rec), 0);
	assert_slice_equal(d->rec.call_id, "c1");
	assert_slice_equal(d->rec.id, ID1);
	assert_slice_equal(d->rec.caller.tag, "a1");
	assert_slice_equal(d->rec.caller.routes, "");
	assert_slice_equal(d->rec.callee.flow, "udp:192.0.2.1:1");
	assert_slice_equal(d->rec.relay, "udp:127.0.0.1:22222");
	assert_int_equal(d->rec.callee.cseq, 5);
	assert_int_equal(d->rec.deadline_ms, 12);
	assert_int_equal(d->rec.fence, 13);
	assert_ptr_equal(dlg_leg(d, DLG_CALLER), &d->rec.caller);
	assert_ptr_equal(dlg_leg(d, DLG_CALLEE), &d->rec.callee);
	assert_false(dlg_text(&d->rec.node, SLICE("edge1"), &err));
	assert_true(dlg_text(&d->rec.node, SLICE("edge2"), &err));
	assert_true(dlg_text(&d->rec.node, SLICE(""), &err));
	assert_false(dlg_text(&d->rec.node, (struct slice){0}, &err));
	empty(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(messages_find_their_dialog_in_both_directions),
		cmocka_unit_test(while_it_rings_any_phone_belongs_to_it),
		cmocka_unit_test(two_calls_of_one_call_id_are_two_dialogs),
		cmocka_unit_test(what_is_over_or_only_a_name_is_not_found_by_tags),
		cmocka_unit_test(the_table_is_bounded),
		cmocka_unit_test(a_record_is_taken_as_a_whole_and_texts_tell_of_changes),
	};

	return cmocka_run_group_tests_name("dialog_table", tests, NULL, NULL);
}
