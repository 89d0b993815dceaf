#include "core/sip/sip_header.h"
#include "tests/unit/sip_test.h"

static void last_writer_wins_and_later_readers_see_it(void **state)
{
	struct sip_test t;
	struct sip_hdr *h;

	(void)state;
	sip_test_good(&t,
		SIP_TEST_HEAD "Contact: <sip:a@10.0.0.1>\r\nContent-Length: 0\r\n\r\n");
	h = sip_hdr_first(&t.msg, SIP_H_CONTACT);
	assert_int_equal(sip_hdr_set(&t.msg, h, SLICE("<sip:a@192.0.2.1>")), 0);
	assert_int_equal(sip_hdr_set(&t.msg, h, SLICE("<sip:a@192.0.2.2>")), 0);
	assert_slice_equal(
		sip_nameaddrs(&t.msg, SIP_H_CONTACT, NULL)->uri.host, "192.0.2.2");
	assert_slice_equal(h->received, "<sip:a@10.0.0.1>");
	assert_has(sip_test_plain(&t), "\r\nContact: <sip:a@192.0.2.2>\r\n");
	sip_test_free(&t);
}

static void removed_headers_are_skipped_everywhere(void **state)
{
	struct sip_test t;

	(void)state;
	sip_test_good(&t,
		SIP_TEST_HEAD
		"Route: <sip:1;lr>\r\nX-A: 1\r\nRoute: <sip:2;lr>\r\nX-A: 2\r\n"
		"Content-Length: 0\r\n\r\n");
	assert_int_equal(sip_hdr_remove(&t.msg, sip_hdr_first(&t.msg, SIP_H_ROUTE)), 0);
	assert_int_equal(sip_hdr_remove(&t.msg, sip_hdr_find(&t.msg, SLICE("X-A"))), 0);
	assert_slice_equal(sip_hdr_value(&t.msg, SIP_H_ROUTE), "<sip:2;lr>");
	assert_slice_equal(sip_hdr_find(&t.msg, SLICE("X-A"))->value, "2");
	assert_has_not(sip_test_plain(&t), "<sip:1;lr>");
	assert_has_not(sip_test_plain(&t), "X-A: 1");
	sip_test_free(&t);
}

static void removing_twice_is_one_edit(void **state)
{
	struct sip_test t;
	struct sip_hdr *h;

	(void)state;
	sip_test_good(&t, SIP_TEST_INVITE);
	h = sip_hdr_first(&t.msg, SIP_H_MAX_FORWARDS);
	assert_int_equal(sip_hdr_remove(&t.msg, h), 0);
	assert_int_equal(sip_hdr_remove(&t.msg, h), 0);
	assert_int_equal(t.msg.edits, 1);
	sip_rollback(&t.msg, NULL);
	assert_slice_equal(sip_hdr_value(&t.msg, SIP_H_MAX_FORWARDS), "70");
	sip_test_free(&t);
}

static void new_headers_go_where_they_are_told(void **state)
{
	struct sip_test t;
	struct sip_hdr *to, *h;

	(void)state;
	sip_test_good(&t, SIP_TEST_INVITE);
	to = sip_hdr_first(&t.msg, SIP_H_TO);
	assert_int_equal(
		sip_hdr_add(&t.msg, SIP_BEFORE, NULL, SLICE("First"), SLICE("1"), NULL),
		0);
	assert_int_equal(
		sip_hdr_add(&t.msg, SIP_AFTER, NULL, SLICE("Last"), SLICE("4"), NULL), 0);
	assert_int_equal(
		sip_hdr_add(&t.msg, SIP_BEFORE, to, SLICE("P-B"), SLICE("2"), NULL), 0);
	assert_int_equal(
		sip_hdr_add(&t.msg, SIP_AFTER, to, SLICE("P-A"), SLICE(" 3 "), &h), 0);
	assert_slice_equal(h->value, "3");
	assert_slice_equal(sip_test_plain(&t),
		"INVITE sip:bob@example.com SIP/2.0\r\n"
		"First: 1\r\n"
		"Via: SIP/2.0/UDP 192.168.1.20:5060;branch=z9hG4bK776asdhds;rport\r\n"
		"Max-Forwards: 70\r\n"
		"P-B: 2\r\n"
		"To: Bob <sip:bob@example.com>\r\n"
		"P-A: 3\r\n"
		"From: \"Alice\" <sip:alice@example.com>;tag=1928301774\r\n"
		"Call-ID: a84b4c76e66710@pc33.example.com\r\n"
		"CSeq: 314159 INVITE\r\n"
		"Content-Length: 0\r\n"
		"Last: 4\r\n\r\n");
	sip_test_free(&t);
}

static void first_of_a_kind_follows_the_order_of_writing(void **state)
{
	struct sip_test t;
	struct sip_hdr *r1;
	sip_mark mark;

	(void)state;
	sip_test_good(&t,
		SIP_TEST_HEAD "Record-Route: <sip:1;lr>\r\nContent-Length: 0\r\n\r\n");
	mark = sip_edit_mark(&t.msg);
	r1 = sip_hdr_first(&t.msg, SIP_H_RECORD_ROUTE);
	assert_int_equal(sip_hdr_add(&t.msg, SIP_AFTER, r1, SLICE("Record-Route"),
				 SLICE("<sip:2;lr>"), NULL),
		0);
	assert_ptr_equal(sip_hdr_first(&t.msg, SIP_H_RECORD_ROUTE), r1);
	assert_int_equal(sip_hdr_add(&t.msg, SIP_BEFORE, r1, SLICE("Record-Route"),
				 SLICE("<sip:0;lr>"), NULL),
		0);
	assert_slice_equal(sip_hdr_value(&t.msg, SIP_H_RECORD_ROUTE), "<sip:0;lr>");
	assert_int_equal(sip_hdr_add(&t.msg, SIP_AFTER, NULL, SLICE("Path"),
				 SLICE("<sip:p>"), NULL),
		0);
	assert_slice_equal(sip_hdr_value(&t.msg, SIP_H_PATH), "<sip:p>");
	sip_rollback(&t.msg, mark);
	assert_ptr_equal(sip_hdr_first(&t.msg, SIP_H_RECORD_ROUTE), r1);
	assert_null(sip_hdr_next(r1));
	assert_null(sip_hdr_first(&t.msg, SIP_H_PATH));
	sip_test_free(&t);
}

static void rollback_gives_the_received_message_back(void **state)
{
	struct sip_test t;
	struct sip_hdr *h;
	sip_mark mark, half;

	(void)state;
	sip_test_good(
		&t, SIP_TEST_HEAD "Contact: <sip:a@b>\r\nContent-Length: 4\r\n\r\nbody");
	mark = sip_edit_mark(&t.msg);
	h = sip_hdr_first(&t.msg, SIP_H_CONTACT);
	assert_int_equal(sip_set_ruri(&t.msg, SLICE("sip:new@example.org")), 0);
	assert_int_equal(sip_set_body(&t.msg, SLICE("longer body")), 0);
	half = sip_edit_mark(&t.msg);
	assert_int_equal(sip_hdr_set(&t.msg, h, SLICE("<sip:c@d>")), 0);
	assert_int_equal(sip_hdr_remove(&t.msg, h), 0);
	assert_int_equal(
		sip_hdr_add_text(&t.msg, SIP_AFTER, NULL, SLICE("A: 1\r\nB: 2\r\n")), 0);
	sip_rollback(&t.msg, half);
	assert_int_equal(t.msg.edits, 2);
	assert_slice_equal(h->value, "<sip:a@b>");
	assert_slice_equal(t.msg.ruri, "sip:new@example.org");
	assert_has(sip_test_plain(&t), "Content-Length: 11\r\n\r\nlonger body");
	sip_rollback(&t.msg, mark);
	assert_int_equal(t.msg.edits, 0);
	assert_true(slice_eq(sip_test_plain(&t), t.msg.raw));
	sip_test_free(&t);
}

static void lines_of_a_script_are_added_in_order(void **state)
{
	struct sip_test t;

	(void)state;
	sip_test_good(&t, SIP_TEST_INVITE);
	assert_int_equal(sip_hdr_add_text(&t.msg, SIP_AFTER, NULL,
				 SLICE("P-One: 1\r\nP-Two:2\nP-Three : a\r\n b")),
		0);
	assert_has(sip_test_plain(&t),
		"\r\nContent-Length: 0\r\nP-One: 1\r\nP-Two: 2\r\nP-Three: a\r\n "
		"b\r\n\r\n");
	sip_test_free(&t);
}

static void lines_of_another_form_are_refused_whole(void **state)
{
	static const char *const bad[] = {"", "no colon", "A: 1\r\n\r\nbody",
		"A: 1\r\nb c: 2\r\n", ": x", "A: x\ry\r\n", " A: 1\r\n"};
	struct sip_test t;
	unsigned i;

	(void)state;
	sip_test_good(&t, SIP_TEST_INVITE);
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(
			sip_hdr_add_text(&t.msg, SIP_AFTER, NULL, slice_str(bad[i])),
			-EINVAL);
		assert_int_equal(t.msg.edits, 0);
	}
	assert_true(slice_eq(sip_test_plain(&t), t.msg.raw));
	sip_test_free(&t);
}

static void text_that_would_break_the_message_is_refused(void **state)
{
	struct sip_test t;
	struct sip_hdr *h;

	(void)state;
	sip_test_good(&t, SIP_TEST_INVITE);
	h = sip_hdr_first(&t.msg, SIP_H_MAX_FORWARDS);
	assert_int_equal(sip_hdr_set(&t.msg, h, SLICE("1\r\nInjected: yes")), -EINVAL);
	assert_int_equal(sip_hdr_set(&t.msg, h, SLICE("a\0b")), -EINVAL);
	assert_int_equal(
		sip_hdr_add(&t.msg, SIP_AFTER, NULL, SLICE("X Y"), SLICE("1"), NULL),
		-EINVAL);
	assert_int_equal(
		sip_hdr_add(&t.msg, SIP_AFTER, NULL, SLICE(""), SLICE("1"), NULL),
		-EINVAL);
	assert_int_equal(sip_set_ruri(&t.msg, SLICE("")), -EINVAL);
	assert_int_equal(sip_set_ruri(&t.msg, SLICE("sip:a@b SIP/2.0\r\nX: y")), -EINVAL);
	assert_int_equal(t.msg.edits, 0);
	sip_test_free(&t);
}

static void what_was_received_fits_into_an_edited_value(void **state)
{
	static const char text[] =
		"OPTIONS sip:b SIP/2.0\r\n"
		"Via: SIP/2.0/UDP h;x=\"\\\0\"\r\n\t;y\r\nFrom: <sip:a@b>;tag=1\r\n"
		"To: <sip:b@b>\r\nCall-ID: 1\r\nCSeq: 1 OPTIONS\r\n\r\n";
	struct addr source = ph_test_addr("192.0.2.1", 5060);
	struct sip_test t;

	(void)state;
	sip_test_parse(&t, SLICE(text));
	assert_int_equal(t.err, 0);
	assert_int_equal(sip_via_fix(&t.msg, &source, false), 0);
	assert_true(slice_eq(sip_hdr_value(&t.msg, SIP_H_VIA),
		SLICE("SIP/2.0/UDP h;x=\"\\\0\";y;received=192.0.2.1")));
	sip_test_free(&t);
}

static void without_memory_an_edit_changes_nothing(void **state)
{
	struct sip_test t;
	struct sip_hdr *h;
	unsigned edits;
	int err = 0;

	(void)state;
	sip_test_good(&t, SIP_TEST_INVITE);
	h = sip_hdr_first(&t.msg, SIP_H_MAX_FORWARDS);
	while (err == 0) {
		edits = t.msg.edits;
		err = sip_hdr_add_text(
			&t.msg, SIP_AFTER, NULL, SLICE("A: 1\r\nB: 2\r\nC: 3"));
	}
	assert_int_equal(err, -ENOMEM);
	assert_int_equal(t.msg.edits, edits);
	while (sip_set_body(&t.msg, SLICE("x")) == 0)
		continue;
	edits = t.msg.edits;
	assert_int_equal(sip_hdr_set(&t.msg, h, SLICE("9")), -ENOMEM);
	assert_int_equal(sip_hdr_remove(&t.msg, h), -ENOMEM);
	assert_int_equal(sip_set_ruri(&t.msg, SLICE("sip:x")), -ENOMEM);
	assert_slice_equal(h->value, "70");
	assert_int_equal(t.msg.edits, edits);
	sip_rollback(&t.msg, NULL);
	assert_int_equal(t.msg.hdr_count, 7);
	sip_test_free(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(last_writer_wins_and_later_readers_see_it),
		cmocka_unit_test(removed_headers_are_skipped_everywhere),
		cmocka_unit_test(removing_twice_is_one_edit),
		cmocka_unit_test(new_headers_go_where_they_are_told),
		cmocka_unit_test(first_of_a_kind_follows_the_order_of_writing),
		cmocka_unit_test(rollback_gives_the_received_message_back),
		cmocka_unit_test(lines_of_a_script_are_added_in_order),
		cmocka_unit_test(lines_of_another_form_are_refused_whole),
		cmocka_unit_test(text_that_would_break_the_message_is_refused),
		cmocka_unit_test(what_was_received_fits_into_an_edited_value),
		cmocka_unit_test(without_memory_an_edit_changes_nothing),
	};
	return cmocka_run_group_tests_name("sip_edit", tests, NULL, NULL);
}
