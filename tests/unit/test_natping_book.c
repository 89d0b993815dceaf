/* The contacts of one thread: whose they are, which are kept, what is dropped. */
#include "core/base/arena.h"
#include "plugins/natping/ping_book.h"
#include "tests/unit/natping_test.h"

enum { INTERVAL = 10, PERIOD = 1000 };

static const struct hash_key key = {.k0 = 1, .k1 = 2};
static struct net_socks socks;
static struct natping_tally tally;
static struct ping_rules rules;
static struct ping_book *book;
static struct log_source *log_of;
static uint64_t now = 1000000;
static struct ping_contact *seen[512];
static unsigned seen_count;

static void open_book(void)
{
	assert_int_equal(ping_book_new(&book, &rules, &tally, log_of, now), 0);
}

static int setup(void **state)
{
	(void)state;
	counter_reset_all();
	assert_int_equal(counter_register(natping_counters, &tally.first), 0);
	assert_int_equal(counter_array_new(&tally.counters), 0);
	natping_test_socks(&socks);
	log_of = log_source_get("natping");
	rules = (struct ping_rules){.socks = &socks,
		.key = &key,
		.threads = 1,
		.interval = INTERVAL,
		.max = 400};
	return 0;
}

static int64_t count(enum natping_counter which)
{
	return counter_read(tally.first + (unsigned)which);
}

static int teardown(void **state)
{
	(void)state;
	ping_book_destroy(&book);
	assert_int_equal(count(NATPING_C_CONTACTS), 0);
	net_socks_free(&socks);
	counter_array_destroy(&tally.counters);
	counter_reset_all();
	return 0;
}

static struct ping_binding binding(const char *aor, const char *id)
{
	return (struct ping_binding){.aor = slice_str(aor),
		.id = slice_str(id),
		.uri = SLICE("sip:alice@192.168.1.20:5060"),
		.received = SLICE("sip:198.51.100.7:40312"),
		.socket = SLICE("udp:203.0.113.9:5070"),
		.expires = 5000};
}

static int save(const struct ping_binding *b)
{
	struct ping_key k;

	return ping_book_owns(book, b->aor, b->id, &k) ? ping_book_save(book, k, b, now)
						       : 1;
}

static void drop(const char *aor, const char *id)
{
	struct ping_key k;

	(void)ping_book_owns(book, slice_str(aor), slice_str(id), &k);
	ping_book_remove(book, k, id[0] == '\0');
}

static void on_turn(void *arg, struct ping_place *p)
{
	(void)arg;
	assert_true(seen_count < 512);
	seen[seen_count++] = (struct ping_contact *)p;
}

/* Everybody's turn: an interval goes by. */
static unsigned whose_turn(void)
{
	seen_count = 0;
	for (unsigned i = 0; i < PERIOD; i++) {
		now++;
		(void)ping_wheel_turn(ping_book_wheel(book), now, on_turn, NULL);
	}
	return seen_count;
}

static void a_contact_has_what_a_ping_needs(void **state)
{
	struct ping_binding b = binding("alice", "1");
	char text[ADDR_TEXT];

	(void)state;
	open_book();
	assert_int_equal(save(&b), 0);
	assert_int_equal(whose_turn(), 1);
	assert_slice_equal(addr_text(&seen[0]->to, text), "198.51.100.7:40312");
	assert_int_equal(seen[0]->home, 0);
	assert_int_equal(seen[0]->sock, 0);
	assert_int_equal(seen[0]->transport, SIP_TR_UDP);
	assert_int_equal(seen[0]->expires, 5000);
	assert_false(seen[0]->sip);
	assert_int_equal(seen[0]->host_len + seen[0]->ruri_len + seen[0]->route_len, 0);
	assert_int_equal(count(NATPING_C_CONTACTS), 1);
}

static void one_that_is_asked_by_sip_has_its_texts(void **state)
{
	struct ping_binding b = binding("alice", "1");

	(void)state;
	rules.sip_bflags = 1u << 8;
	open_book();
	b.bflags = 1u << 8 | 1;
	b.path = SLICE("<sip:edge.example.org;lr>");
	assert_int_equal(save(&b), 0);
	assert_int_equal(whose_turn(), 1);
	assert_true(seen[0]->sip);
	assert_slice_equal(ping_contact_host(seen[0]), "edge.example.org");
	assert_int_equal(addr_port(&seen[0]->to), 5060);
	assert_int_equal(
		seen[0]->sock, PING_NO_SOCK); /* chosen when the name is looked up */
	assert_slice_equal(ping_contact_ruri(seen[0]), "sip:alice@192.168.1.20:5060");
	assert_slice_equal(ping_contact_route(seen[0]), "<sip:edge.example.org;lr>");
}

static void a_refresh_changes_what_is_known_but_not_the_turn(void **state)
{
	struct ping_binding b = binding("alice", "1");
	uint64_t first;
	char text[ADDR_TEXT];

	(void)state;
	open_book();
	assert_int_equal(save(&b), 0);
	(void)whose_turn();
	first = seen[0]->place.phase;
	now += 321;
	b.received = SLICE("sip:198.51.100.7:50000");
	b.expires = 9000;
	assert_int_equal(save(&b), 0);
	assert_int_equal(count(NATPING_C_CONTACTS), 1);
	assert_int_equal(whose_turn(), 1);
	assert_int_equal(seen[0]->place.phase, first);
	assert_slice_equal(addr_text(&seen[0]->to, text), "198.51.100.7:50000");
	assert_int_equal(seen[0]->expires, 9000);
}

static void every_contact_is_exactly_one_thread_s(void **state)
{
	unsigned share[3] = {0, 0, 0};

	(void)state;
	rules.threads = 3;
	for (rules.index = 0; rules.index < 3; rules.index++) {
		open_book();
		for (unsigned i = 0; i < 300; i++) {
			char id[16];
			struct ping_binding b;

			(void)snprintf(id, sizeof(id), "%u", i);
			b = binding("alice", id);
			if (save(&b) == 0)
				share[rules.index]++;
		}
		ping_book_destroy(&book);
	}
	assert_int_equal(share[0] + share[1] + share[2], 300);
	for (unsigned i = 0; i < 3; i++)
		assert_in_range(share[i], 70, 130);
}

static void what_is_removed_is_pinged_no_more(void **state)
{
	struct ping_binding b[] = {binding("alice", "1"), binding("alice", "2"),
		binding("alice", "3"), binding("bob", "1")};

	(void)state;
	open_book();
	for (unsigned i = 0; i < 4; i++)
		assert_int_equal(save(&b[i]), 0);
	drop("alice", "2");
	drop("alice", "unknown");
	drop("carol", "");
	assert_int_equal(whose_turn(), 3);
	drop("alice", ""); /* all of hers */
	assert_int_equal(whose_turn(), 1);
	assert_int_equal(count(NATPING_C_CONTACTS), 1);
}

static void only_those_behind_nat_when_that_is_asked(void **state)
{
	struct ping_binding b = binding("alice", "1");

	(void)state;
	rules.wanted_bflags = 1u << 6;
	open_book();
	b.bflags = 1u << 5;
	assert_int_equal(save(&b), 0);
	assert_int_equal(count(NATPING_C_CONTACTS), 0);
	b.bflags = 1u << 6;
	assert_int_equal(save(&b), 0);
	assert_int_equal(count(NATPING_C_CONTACTS), 1);
	/* It has moved out of its NAT. */
	b.bflags = 0;
	assert_int_equal(save(&b), 0);
	assert_int_equal(count(NATPING_C_CONTACTS), 0);
	assert_int_equal(whose_turn(), 0);
}

static void contacts_on_tcp_only_when_that_is_asked(void **state)
{
	struct ping_binding b = binding("alice", "1");

	(void)state;
	b.received = SLICE("sip:198.51.100.7:40312;transport=tcp");
	b.socket = SLICE("tcp:192.0.2.1:5060");
	open_book();
	assert_int_equal(save(&b), 0);
	assert_int_equal(whose_turn(), 0);
	ping_book_destroy(&book);
	rules.tcp = true;
	open_book();
	assert_int_equal(save(&b), 0);
	assert_int_equal(whose_turn(), 1);
	assert_int_equal(seen[0]->sock, 1);
	assert_int_equal(seen[0]->home, 1);
}

static void one_of_an_unknown_listener_takes_force_socket(void **state)
{
	struct ping_binding b = binding("alice", "1");

	(void)state;
	rules.force = &socks.list[3];
	open_book();
	b.socket = SLICE("udp:198.51.100.99:5060");
	assert_int_equal(save(&b), 0);
	assert_int_equal(whose_turn(), 1);
	assert_int_equal(seen[0]->home, PING_NO_SOCK);
	assert_int_equal(seen[0]->sock, 3);
}

static void what_cannot_be_pinged_is_counted_and_forgets_what_was_known(void **state)
{
	struct ping_binding b = binding("alice", "1");

	(void)state;
	open_book();
	assert_int_equal(save(&b), 0);
	b.received = SLICE("nonsense");
	assert_int_equal(save(&b), -EBADMSG);
	assert_int_equal(count(NATPING_C_UNUSABLE), 1);
	assert_int_equal(count(NATPING_C_CONTACTS), 0);
}

static void a_full_book_takes_no_more_says_so_once_and_keeps_those_it_has(void **state)
{
	struct ping_binding b[] = {binding("a", "1"), binding("b", "1"),
		binding("c", "1"), binding("d", "1")};
	struct ph_test_log log;

	(void)state;
	rules.max = 2;
	open_book();
	ph_test_log_start(&log);
	assert_int_equal(save(&b[0]), 0);
	assert_int_equal(save(&b[1]), 0);
	assert_int_equal(save(&b[2]), -ENOSPC);
	assert_int_equal(save(&b[3]), -ENOSPC);
	assert_int_equal(save(&b[0]), 0); /* a refresh needs no room */
	ph_test_log_stop();
	assert_int_equal(log.count, 1);
	assert_true(ph_test_log_has(&log, "natping_max_contacts"));
	assert_int_equal(count(NATPING_C_FULL), 2);
	drop("b", "1");
	assert_int_equal(save(&b[2]), 0);
	assert_int_equal(whose_turn(), 2);
}

static void what_the_store_did_not_show_is_gone(void **state)
{
	struct ping_binding b[] = {binding("alice", "1"), binding("bob", "1"),
		binding("carol", "1"), binding("dan", "1")};
	uint32_t mark;
	unsigned gone = 0;

	(void)state;
	open_book();
	b[2].socket = SLICE("udp:192.0.2.2:5062");     /* another listener's */
	b[3].socket = SLICE("udp:198.51.100.99:5060"); /* nobody reads that one */
	for (unsigned i = 0; i < 4; i++)
		assert_int_equal(save(&b[i]), 0);
	mark = ping_book_scan_begin(book);
	assert_int_equal(save(&b[1]), 0); /* shown, or heard of meanwhile */
	assert_int_equal(whose_turn(), 4);
	for (unsigned i = 0; i < 4; i++)
		assert_false(ping_book_is_gone(book, seen[i]));
	ping_book_scan_end(book, 0, mark);
	assert_int_equal(whose_turn(), 4);
	for (unsigned i = 0; i < 4; i++)
		if (ping_book_is_gone(book, seen[i])) {
			ping_book_drop(book, seen[i]);
			gone++;
		}
	assert_int_equal(gone, 1);
	drop("alice", "1"); /* that was her */
	assert_int_equal(count(NATPING_C_CONTACTS), 3);
}

static void keep(unsigned number)
{
	char aor[32];
	struct ping_binding b;

	(void)snprintf(aor, sizeof(aor), "user%u", number);
	b = binding(aor, "1");
	assert_int_equal(save(&b), 0);
}

static void thousands_are_found_again_also_while_the_table_grows(void **state)
{
	(void)state;
	rules.max = 20000;
	open_book();
	for (unsigned i = 0; i < 5000; i++) {
		keep(i);
		keep(i / 2);
		keep(i * 7 / 10);
		assert_int_equal(count(NATPING_C_CONTACTS), i + 1);
	}
	for (unsigned i = 0; i < 5000; i++) {
		char aor[32];

		(void)snprintf(aor, sizeof(aor), "user%u", i);
		drop(aor, i % 2 ? "" : "1");
		if (i == 2500)
			for (unsigned k = 0; k < 8; k++)
				keep(5000 + k);
	}
	assert_int_equal(count(NATPING_C_CONTACTS), 8);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_contact_has_what_a_ping_needs),
		TEST(one_that_is_asked_by_sip_has_its_texts),
		TEST(a_refresh_changes_what_is_known_but_not_the_turn),
		TEST(every_contact_is_exactly_one_thread_s),
		TEST(what_is_removed_is_pinged_no_more),
		TEST(only_those_behind_nat_when_that_is_asked),
		TEST(contacts_on_tcp_only_when_that_is_asked),
		TEST(one_of_an_unknown_listener_takes_force_socket),
		TEST(what_cannot_be_pinged_is_counted_and_forgets_what_was_known),
		TEST(a_full_book_takes_no_more_says_so_once_and_keeps_those_it_has),
		TEST(what_the_store_did_not_show_is_gone),
		TEST(thousands_are_found_again_also_while_the_table_grows),
	};
	return cmocka_run_group_tests_name("natping_book", tests, NULL, NULL);
}
