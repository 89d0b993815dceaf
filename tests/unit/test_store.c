/* The store's contract: every test runs against each backend. */
#include "tests/unit/store_both.h"

static void nobody_is_registered_at_first(void **state)
{
	struct store_test *t = store_both_test(state);
	struct store_contacts got = {.count = 99};

	assert_int_equal(store_test_get(t, "alice@example.org", &got), 0);
	assert_int_equal(got.count, 0);
}

static void a_saved_binding_is_found_whole(void **state)
{
	struct store_test *t = store_both_test(state);
	char id[17];
	struct store_contact c =
		store_test_contact(t, id, "sip:alice@10.0.0.2:5062;x=\"%41 b\"", 60);
	struct store_update upd = store_test_register(t, "call-1", 1, &c, 1);
	struct store_contacts saved = {0}, got = {0};

	c.q = 700;
	c.instance = SLICE("<urn:uuid:00000000-0000-1000-8000-AABBCCDDEEFF>");
	c.reg_id = SLICE("1");
	assert_int_equal(store_test_update(t, &upd, &saved), 0);
	assert_int_equal(saved.count, 1);
	assert_false(saved.unchanged);
	assert_slice_equal(saved.list[0].uri, "sip:alice@10.0.0.2:5062;x=\"%41 b\"");
	assert_int_equal(store_test_get(t, "alice@example.org", &got), 0);
	assert_int_equal(got.count, 1);
	assert_slice_equal(got.list[0].id, id);
	assert_slice_equal(got.list[0].uri, "sip:alice@10.0.0.2:5062;x=\"%41 b\"");
	assert_slice_equal(got.list[0].received, "sip:203.0.113.7:40312");
	assert_slice_equal(got.list[0].path, "<sip:edge.example.org;lr>");
	assert_slice_equal(got.list[0].socket, "udp:198.51.100.7:5060");
	assert_slice_equal(got.list[0].call_id, "call-1");
	assert_int_equal(got.list[0].cseq, 1);
	assert_int_equal(got.list[0].q, 700);
	assert_int_equal(got.list[0].bflags, 64);
	assert_true(got.list[0].nated);
	assert_slice_equal(got.list[0].methods, "INVITE, ACK, BYE");
	assert_slice_equal(got.list[0].user_agent, "phone/1.0");
	assert_slice_equal(
		got.list[0].instance, "<urn:uuid:00000000-0000-1000-8000-AABBCCDDEEFF>");
	assert_slice_equal(got.list[0].reg_id, "1");
	assert_int_equal(got.list[0].expires, t->now + 60);
	assert_int_equal(got.list[0].registered, t->now);
	assert_slice_equal(got.list[0].node, "edge1");
}

static void bindings_come_by_q_and_then_the_newest(void **state)
{
	struct store_test *t = store_both_test(state);
	char ids[4][17];
	struct store_contact c[4] = {
		store_test_contact(t, ids[0], "sip:low@10.0.0.1", 60),
		store_test_contact(t, ids[1], "sip:old@10.0.0.1", 60),
		store_test_contact(t, ids[2], "sip:high@10.0.0.1", 60),
		store_test_contact(t, ids[3], "sip:new@10.0.0.1", 60),
	};
	struct store_update upd = store_test_register(t, "call-1", 1, c, 4);
	struct store_contacts got = {0};

	c[0].q = 100;
	c[1].q = 500;
	c[1].registered = t->now - 30;
	c[2].q = 1000;
	c[3].q = 500;
	assert_int_equal(store_test_update(t, &upd, &got), 0);
	assert_int_equal(store_test_get(t, "alice@example.org", &got), 0);
	assert_int_equal(got.count, 4);
	assert_slice_equal(got.list[0].uri, "sip:high@10.0.0.1");
	assert_slice_equal(got.list[1].uri, "sip:new@10.0.0.1");
	assert_slice_equal(got.list[2].uri, "sip:old@10.0.0.1");
	assert_slice_equal(got.list[3].uri, "sip:low@10.0.0.1");
}

static void a_refresh_replaces_the_binding_of_that_uri(void **state)
{
	struct store_test *t = store_both_test(state);
	char id[17];
	struct store_contact c = store_test_contact(t, id, "sip:alice@10.0.0.2", 60);
	struct store_update upd = store_test_register(t, "call-1", 1, &c, 1);
	struct store_contacts got = {0};

	assert_int_equal(store_test_update(t, &upd, &got), 0);
	c.received = SLICE("sip:203.0.113.7:50000");
	c.cseq = upd.cseq = 2;
	c.expires = t->now + 120;
	assert_int_equal(store_test_update(t, &upd, &got), 0);
	assert_int_equal(got.count, 1);
	assert_slice_equal(got.list[0].received, "sip:203.0.113.7:50000");
	assert_int_equal(got.list[0].expires, t->now + 120);
}

static void another_contact_is_added(void **state)
{
	struct store_test *t = store_both_test(state);
	char ids[2][17];
	struct store_contact c[2] = {
		store_test_contact(t, ids[0], "sip:alice@10.0.0.2", 60),
		store_test_contact(t, ids[1], "sip:alice@10.0.0.3", 60)};
	struct store_update first = store_test_register(t, "call-1", 1, &c[0], 1);
	struct store_update second = store_test_register(t, "call-2", 1, &c[1], 1);
	struct store_contacts got = {0};

	assert_int_equal(store_test_update(t, &first, &got), 0);
	assert_int_equal(store_test_update(t, &second, &got), 0);
	assert_int_equal(got.count, 2);
}

static void a_repeated_or_older_cseq_changes_nothing(void **state)
{
	struct store_test *t = store_both_test(state);
	char ids[2][17];
	struct store_contact c[2] = {
		store_test_contact(t, ids[0], "sip:alice@10.0.0.2", 60),
		store_test_contact(t, ids[1], "sip:other@10.0.0.2", 60)};
	struct store_update upd = store_test_register(t, "call-1", 7, c, 1);
	struct store_contacts got = {0};

	c[0].cseq = 7;
	assert_int_equal(store_test_update(t, &upd, &got), 0);
	/* All or nothing: the other contact of the late REGISTER is not added either. */
	c[0].received = SLICE("sip:192.0.2.9:1");
	upd.count = 2;
	assert_int_equal(store_test_update(t, &upd, &got), 0);
	assert_true(got.unchanged);
	assert_int_equal(got.count, 1);
	assert_slice_equal(got.list[0].received, "sip:203.0.113.7:40312");
	upd.cseq = 6;
	assert_int_equal(store_test_update(t, &upd, &got), 0);
	assert_true(got.unchanged);
	assert_int_equal(store_test_get(t, "alice@example.org", &got), 0);
	assert_int_equal(got.count, 1);
}

static void a_new_call_id_overrides_any_cseq(void **state)
{
	struct store_test *t = store_both_test(state);
	char id[17];
	struct store_contact c = store_test_contact(t, id, "sip:alice@10.0.0.2", 60);
	struct store_update upd = store_test_register(t, "call-1", 1, &c, 1);
	struct store_contacts got = {0};

	c.cseq = upd.cseq = 900;
	assert_int_equal(store_test_update(t, &upd, &got), 0);
	c.cseq = upd.cseq = 1;
	c.call_id = upd.call_id = SLICE("call-after-reboot");
	assert_int_equal(store_test_update(t, &upd, &got), 0);
	assert_false(got.unchanged);
	assert_slice_equal(got.list[0].call_id, "call-after-reboot");
}

static void an_expiry_of_now_removes_the_binding(void **state)
{
	struct store_test *t = store_both_test(state);
	char ids[2][17];
	struct store_contact c[2] = {
		store_test_contact(t, ids[0], "sip:alice@10.0.0.2", 60),
		store_test_contact(t, ids[1], "sip:alice@10.0.0.3", 60)};
	struct store_update upd = store_test_register(t, "call-1", 1, c, 2);
	struct store_contacts got = {0};

	assert_int_equal(store_test_update(t, &upd, &got), 0);
	assert_int_equal(got.count, 2);
	c[0].expires = t->now;
	upd.count = 1;
	upd.cseq = 2;
	assert_int_equal(store_test_update(t, &upd, &got), 0);
	assert_int_equal(got.count, 1);
	assert_slice_equal(got.list[0].uri, "sip:alice@10.0.0.3");
	assert_int_equal(store_test_get(t, "alice@example.org", &got), 0);
	assert_int_equal(got.count, 1);
}

static void removing_what_is_not_there_is_fine(void **state)
{
	struct store_test *t = store_both_test(state);
	char id[17];
	struct store_contact c = store_test_contact(t, id, "sip:alice@10.0.0.2", 0);
	struct store_update upd = store_test_register(t, "call-1", 1, &c, 1);
	struct store_contacts got = {0};

	assert_int_equal(store_test_update(t, &upd, &got), 0);
	assert_int_equal(got.count, 0);
	upd.remove_all = true;
	upd.count = 0;
	assert_int_equal(store_test_update(t, &upd, &got), 0);
	assert_int_equal(got.count, 0);
}

static void a_star_removes_all(void **state)
{
	struct store_test *t = store_both_test(state);
	char ids[2][17];
	struct store_contact c[2] = {
		store_test_contact(t, ids[0], "sip:alice@10.0.0.2", 60),
		store_test_contact(t, ids[1], "sip:alice@10.0.0.3", 60)};
	struct store_update upd = store_test_register(t, "call-1", 5, c, 2);
	struct store_contacts got = {0};

	c[0].cseq = c[1].cseq = 5;
	assert_int_equal(store_test_update(t, &upd, &got), 0);
	upd.remove_all = true;
	upd.count = 0;
	/* RFC 3261 section 10.3 step 6: not with an old CSeq of the same Call-ID. */
	assert_int_equal(store_test_update(t, &upd, &got), 0);
	assert_true(got.unchanged);
	assert_int_equal(got.count, 2);
	upd.cseq = 6;
	assert_int_equal(store_test_update(t, &upd, &got), 0);
	assert_int_equal(got.count, 0);
	assert_int_equal(store_test_get(t, "alice@example.org", &got), 0);
	assert_int_equal(got.count, 0);
}

static void a_replacing_register_leaves_only_its_own(void **state)
{
	struct store_test *t = store_both_test(state);
	char ids[3][17];
	struct store_contact c[3] = {
		store_test_contact(t, ids[0], "sip:alice@10.0.0.2", 60),
		store_test_contact(t, ids[1], "sip:alice@10.0.0.3", 60),
		store_test_contact(t, ids[2], "sip:alice@10.0.0.4", 60)};
	struct store_update upd = store_test_register(t, "call-1", 1, c, 2);
	struct store_contacts got = {0};

	assert_int_equal(store_test_update(t, &upd, &got), 0);
	upd.call_id = SLICE("call-2");
	upd.contacts = &c[2];
	upd.count = 1;
	upd.replace = true;
	upd.max_contacts = 1;
	assert_int_equal(store_test_update(t, &upd, &got), 0);
	assert_int_equal(got.count, 1);
	assert_slice_equal(got.list[0].uri, "sip:alice@10.0.0.4");
}

static void one_contact_too_many_writes_nothing(void **state)
{
	struct store_test *t = store_both_test(state);
	char ids[3][17];
	struct store_contact c[3] = {
		store_test_contact(t, ids[0], "sip:alice@10.0.0.2", 60),
		store_test_contact(t, ids[1], "sip:alice@10.0.0.3", 60),
		store_test_contact(t, ids[2], "sip:alice@10.0.0.4", 60)};
	struct store_update upd = store_test_register(t, "call-1", 1, c, 2);
	struct store_contacts got = {0};

	upd.max_contacts = 2;
	assert_int_equal(store_test_update(t, &upd, &got), 0);
	upd.cseq = 2;
	upd.contacts = &c[1];
	got.count = 99;
	assert_int_equal(store_test_update(t, &upd, &got), -ENOSPC);
	assert_int_equal(got.count, 99);
	assert_int_equal(store_test_get(t, "alice@example.org", &got), 0);
	assert_int_equal(got.count, 2);
	assert_int_equal(got.list[0].cseq, 1);
	assert_int_equal(got.list[1].cseq, 1);
}

static void a_swap_at_the_limit_is_allowed(void **state)
{
	struct store_test *t = store_both_test(state);
	char ids[2][17];
	struct store_contact c[2] = {
		store_test_contact(t, ids[0], "sip:alice@10.0.0.2", 60),
		store_test_contact(t, ids[1], "sip:alice@10.0.0.3", 60)};
	struct store_update upd = store_test_register(t, "call-1", 1, c, 1);
	struct store_contacts got = {0};

	upd.max_contacts = 1;
	assert_int_equal(store_test_update(t, &upd, &got), 0);
	c[0].expires = t->now;
	upd.count = 2;
	upd.cseq = 2;
	assert_int_equal(store_test_update(t, &upd, &got), 0);
	assert_int_equal(got.count, 1);
	assert_slice_equal(got.list[0].uri, "sip:alice@10.0.0.3");
}

static void a_lowered_limit_lets_phones_refresh(void **state)
{
	struct store_test *t = store_both_test(state);
	char ids[2][17];
	struct store_contact c[2] = {
		store_test_contact(t, ids[0], "sip:alice@10.0.0.2", 60),
		store_test_contact(t, ids[1], "sip:alice@10.0.0.3", 60)};
	struct store_update upd = store_test_register(t, "call-1", 1, c, 2);
	struct store_contacts got = {0};

	assert_int_equal(store_test_update(t, &upd, &got), 0);
	upd.max_contacts = 1;
	upd.cseq = c[0].cseq = 2;
	upd.count = 1;
	assert_int_equal(store_test_update(t, &upd, &got), 0);
	assert_int_equal(got.count, 2);
}

static void a_contact_named_twice_counts_once_and_the_last_wins(void **state)
{
	struct store_test *t = store_both_test(state);
	char id[17];
	struct store_contact c[2] = {store_test_contact(t, id, "sip:alice@10.0.0.2", 60),
		store_test_contact(t, id, "sip:alice@10.0.0.2", 90)};
	struct store_update upd = store_test_register(t, "call-1", 1, c, 2);
	struct store_contacts got = {0};

	upd.max_contacts = 1;
	assert_int_equal(store_test_update(t, &upd, &got), 0);
	assert_int_equal(got.count, 1);
	assert_int_equal(got.list[0].expires, t->now + 90);
}

static void a_query_changes_nothing(void **state)
{
	struct store_test *t = store_both_test(state);
	char id[17];
	struct store_contact c = store_test_contact(t, id, "sip:alice@10.0.0.2", 60);
	struct store_update upd = store_test_register(t, "call-1", 9, &c, 1);
	struct store_contacts got = {0};

	assert_int_equal(store_test_update(t, &upd, &got), 0);
	upd.count = 0;
	upd.cseq = 1;
	assert_int_equal(store_test_update(t, &upd, &got), 0);
	assert_int_equal(got.count, 1);
}

static void expired_bindings_are_not_seen(void **state)
{
	struct store_test *t = store_both_test(state);
	char ids[2][17];
	struct store_contact c[2] = {
		store_test_contact(t, ids[0], "sip:alice@10.0.0.2", 1000),
		store_test_contact(t, ids[1], "sip:alice@10.0.0.3", 2000)};
	struct store_update upd = store_test_register(t, "call-1", 50, c, 2);
	struct store_contacts got = {0};

	c[0].cseq = 50;
	assert_int_equal(store_test_update(t, &upd, &got), 0);
	t->now += 1500;
	assert_int_equal(store_test_get(t, "alice@example.org", &got), 0);
	assert_int_equal(got.count, 1);
	assert_slice_equal(got.list[0].uri, "sip:alice@10.0.0.3");
	/* Nor does its CSeq bind the phone any more. */
	c[0].cseq = upd.cseq = 1;
	c[0].expires = t->now + 60;
	upd.now = t->now;
	upd.count = 1;
	assert_int_equal(store_test_update(t, &upd, &got), 0);
	assert_false(got.unchanged);
	assert_int_equal(got.count, 2);
}

static void aors_are_kept_apart(void **state)
{
	struct store_test *t = store_both_test(state);
	/* Some of these would meet if keys were made by joining text. */
	static const char *const aors[] = {"alice", "alice@example.org",
		"ALICE@example.org", "a}:b", "a", "{a}", "a%7D:b", "a b", "a*",
		"\303\251"};
	const unsigned count = sizeof(aors) / sizeof(aors[0]);
	char ids[16][17], uris[16][32];
	struct store_contacts got = {0};

	for (unsigned i = 0; i < count; i++) {
		struct store_contact c;
		struct store_update upd;

		(void)snprintf(uris[i], sizeof(uris[i]), "sip:u%u@10.0.0.2", i);
		c = store_test_contact(t, ids[i], uris[i], 60);
		upd = store_test_register(t, "call-1", 1, &c, 1);
		upd.aor = slice_str(aors[i]);
		assert_int_equal(store_test_update(t, &upd, &got), 0);
	}
	for (unsigned i = 0; i < count; i++) {
		assert_int_equal(store_test_get(t, aors[i], &got), 0);
		assert_int_equal(got.count, 1);
		assert_slice_equal(got.list[0].uri, uris[i]);
	}
}

static void any_byte_in_a_field_comes_back(void **state)
{
	struct store_test *t = store_both_test(state);
	static const char bytes[] = "%s %b \r\n*3\r\n$\0\xff\"'\\ {x}";
	char id[17];
	struct store_contact c = store_test_contact(t, id, "sip:alice@10.0.0.2", 60);
	struct store_update upd = store_test_register(t, "call-1", 1, &c, 1);
	struct store_contacts got = {0};

	c.user_agent = slice_make(bytes, sizeof(bytes) - 1);
	assert_int_equal(store_test_update(t, &upd, &got), 0);
	assert_int_equal(store_test_get(t, "alice@example.org", &got), 0);
	assert_int_equal(got.count, 1);
	assert_true(slice_eq(got.list[0].user_agent, c.user_agent));
}

static void bad_arguments_are_refused_at_once(void **state)
{
	struct store_test *t = store_both_test(state);
	static char long_aor[600];
	struct store_contact c = {.uri = SLICE("sip:a@b")};
	struct store_update upd = store_test_register(t, "call-1", 1, &c, 1);
	struct store_contacts got = {.arena = t->arena};
	struct store_answer a = {0};

	memset(long_aor, 'a', sizeof(long_aor) - 1);
	assert_int_equal(
		store_contacts_get(t->h, SLICE(""), t->now, &got, store_test_done, &a),
		-EINVAL);
	assert_int_equal(store_contacts_get(t->h, slice_str(long_aor), t->now, &got,
				 store_test_done, &a),
		-ENAMETOOLONG);
	assert_int_equal(
		store_contacts_update(t->h, &upd, &got, store_test_done, &a), -EINVAL);
	upd.count = STORE_MAX_CONTACTS + 1;
	assert_int_equal(
		store_contacts_update(t->h, &upd, &got, store_test_done, &a), -ENOSPC);
	loop_turn(t->loop, 0);
	assert_int_equal(a.times, 0);
}

static void one_binding_or_all_can_be_removed(void **state)
{
	struct store_test *t = store_both_test(state);
	char ids[3][17];
	struct store_contact c[3] = {
		store_test_contact(t, ids[0], "sip:alice@10.0.0.2", 60),
		store_test_contact(t, ids[1], "sip:alice@10.0.0.3", 60),
		store_test_contact(t, ids[2], "sip:alice@10.0.0.4", 60)};
	struct store_update upd = store_test_register(t, "call-1", 1, c, 3);
	struct store_contacts got = {0};
	struct store_answer a[3] = {0};
	struct slice aor = upd.aor;
	unsigned removed = 99;

	assert_int_equal(store_test_update(t, &upd, &got), 0);
	assert_int_equal(store_test_wait(t, &a[0],
				 store_contacts_remove(t->h, aor, slice_str(ids[1]),
					 &removed, store_test_done, &a[0])),
		0);
	assert_int_equal(removed, 1);
	assert_int_equal(store_test_wait(t, &a[1],
				 store_contacts_remove(t->h, aor, SLICE("nobody"),
					 &removed, store_test_done, &a[1])),
		0);
	assert_int_equal(removed, 0);
	assert_int_equal(store_test_get(t, "alice@example.org", &got), 0);
	assert_int_equal(got.count, 2);
	assert_int_equal(store_test_wait(t, &a[2],
				 store_contacts_remove(t->h, aor, SLICE(""), &removed,
					 store_test_done, &a[2])),
		0);
	assert_int_equal(removed, 2);
	assert_int_equal(store_test_get(t, "alice@example.org", &got), 0);
	assert_int_equal(got.count, 0);
}

/* Pages through the store; how often each of n users was seen. */
static void scan_all(struct store_test *t, unsigned *seen, unsigned n)
{
	struct store_page page = {.arena = t->arena};
	unsigned pages = 0;

	do {
		struct store_answer a = {0};
		int err = store_contacts_scan(t->h, t->now, &page, store_test_done, &a);

		assert_int_equal(store_test_wait(t, &a, err), 0);
		for (unsigned i = 0; i < page.count; i++) {
			unsigned user = 0;
			char aor[32];

			(void)snprintf(aor, sizeof(aor), "%.*s", SLICE_ARG(page.aors[i]));
			assert_int_equal(sscanf(aor, "user%u", &user), 1);
			assert_true(user < n);
			assert_slice_equal(
				page.contacts[i].socket, "udp:198.51.100.7:5060");
			seen[user]++;
		}
		assert_true(++pages < 1000);
	} while (page.cursor != 0);
}

static void pages_show_every_binding(void **state)
{
	struct store_test *t = store_both_test(state);
	enum { USERS = 500 };
	unsigned seen[USERS] = {0};
	struct store_contacts got = {0};

	for (unsigned i = 0; i < USERS; i++) {
		char id[17], aor[32];
		struct store_contact c = store_test_contact(t, id, "sip:x@10.0.0.2", 60);
		struct store_update upd = store_test_register(t, "call-1", 1, &c, 1);

		(void)snprintf(aor, sizeof(aor), "user%u", i);
		upd.aor = slice_str(aor);
		assert_int_equal(store_test_update(t, &upd, &got), 0);
	}
	scan_all(t, seen, USERS);
	for (unsigned i = 0; i < USERS; i++)
		assert_true(seen[i] >= 1);
}

static void the_first_secret_stays(void **state)
{
	struct store_test *t = store_both_test(state);
	struct slice first = {0}, second = {0};
	struct store_answer a[2] = {0};

	assert_int_equal(store_test_wait(t, &a[0],
				 store_secret(t->h, t->arena, SLICE("from edge1"), &first,
					 store_test_done, &a[0])),
		0);
	assert_slice_equal(first, "from edge1");
	assert_int_equal(store_test_wait(t, &a[1],
				 store_secret(t->h, t->arena, SLICE("from edge2"),
					 &second, store_test_done, &a[1])),
		0);
	assert_slice_equal(second, "from edge1");
}

static void a_heartbeat_is_taken(void **state)
{
	struct store_test *t = store_both_test(state);
	const struct store_node n = {.name = SLICE("edge1"),
		.version = SLICE("0.1.0"),
		.sockets = SLICE("udp:198.51.100.7:5060"),
		.started = t->now,
		.load = 3};
	struct store_answer a = {0};

	assert_int_equal(store_test_wait(t, &a,
				 store_node_beat(t->h, &n, 3000, store_test_done, &a)),
		0);
}

static void many_operations_may_be_under_way(void **state)
{
	struct store_test *t = store_both_test(state);
	enum { MANY = 300 };
	static struct store_answer answers[MANY];
	static struct store_contacts results[MANY];
	static struct store_contact contacts[MANY];
	static struct store_update updates[MANY];
	static char ids[MANY][17], aors[MANY][16];
	struct store_contacts got = {0};

	memset(answers, 0, sizeof(answers));
	for (unsigned i = 0; i < MANY; i++) {
		int err;

		(void)snprintf(aors[i], sizeof(aors[i]), "user%u", i);
		contacts[i] = store_test_contact(t, ids[i], "sip:x@10.0.0.2", 60);
		updates[i] = store_test_register(t, "call-1", 1, &contacts[i], 1);
		updates[i].aor = slice_str(aors[i]);
		results[i].arena = t->arena;
		err = store_contacts_update(
			t->h, &updates[i], &results[i], store_test_done, &answers[i]);
		assert_true(err == 0 || err == -EINPROGRESS);
	}
	for (unsigned i = 0; i < MANY; i++) {
		uint64_t end = clock_us() + 5000000;

		while (results[i].count == 0 && clock_us() < end)
			loop_turn(t->loop, 20);
		assert_int_equal(results[i].count, 1);
		assert_int_equal(answers[i].err, 0);
		assert_true(answers[i].times <= 1);
		assert_int_equal(store_test_get(t, aors[i], &got), 0);
		assert_int_equal(got.count, 1);
	}
	assert_int_equal(store_test_count("store_pending"), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		BOTH(nobody_is_registered_at_first),
		BOTH(a_saved_binding_is_found_whole),
		BOTH(bindings_come_by_q_and_then_the_newest),
		BOTH(a_refresh_replaces_the_binding_of_that_uri),
		BOTH(another_contact_is_added),
		BOTH(a_repeated_or_older_cseq_changes_nothing),
		BOTH(a_new_call_id_overrides_any_cseq),
		BOTH(an_expiry_of_now_removes_the_binding),
		BOTH(removing_what_is_not_there_is_fine),
		BOTH(a_star_removes_all),
		BOTH(a_replacing_register_leaves_only_its_own),
		BOTH(one_contact_too_many_writes_nothing),
		BOTH(a_swap_at_the_limit_is_allowed),
		BOTH(a_lowered_limit_lets_phones_refresh),
		BOTH(a_contact_named_twice_counts_once_and_the_last_wins),
		BOTH(a_query_changes_nothing),
		BOTH(expired_bindings_are_not_seen),
		BOTH(aors_are_kept_apart),
		BOTH(any_byte_in_a_field_comes_back),
		BOTH(bad_arguments_are_refused_at_once),
		BOTH(one_binding_or_all_can_be_removed),
		BOTH(pages_show_every_binding),
		BOTH(the_first_secret_stays),
		BOTH(a_heartbeat_is_taken),
		BOTH(many_operations_may_be_under_way),
	};
	return cmocka_run_group_tests_name(
		"store", tests, store_both_start, store_both_stop);
}
