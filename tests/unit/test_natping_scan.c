/* Contacts read from the store, page by page and one by one. The store is a fake that answers at once or when it is told. */
#include "plugins/natping/ping_left.h"
#include "plugins/natping/ping_read.h"
#include "plugins/natping/ping_scan.h"
#include "tests/unit/natping_test.h"

enum { STORED_MAX = 64, PAGE = 4 };

#define A "udp:203.0.113.9:5070"
#define B "udp:192.0.2.2:5062"

/* The fake */

static struct {
	const char *aor, *id, *received, *socket;
} stored[STORED_MAX];
static unsigned stored_count;
static struct net_socks socks;
static bool ready, later;
static bool stale;  /* the index still shows what has moved away */
static int failing; /* the next operation's error */
static unsigned scans, gets;
static struct {
	struct store_page *page;
	struct store_contacts *contacts;
	struct slice aor, socket;
	store_done done;
	void *arg;
} waiting;

static void store_has(
	const char *aor, const char *id, const char *received, const char *socket)
{
	stored[stored_count].aor = aor;
	stored[stored_count].id = id;
	stored[stored_count].received = received;
	stored[stored_count++].socket = socket;
}

static struct store_contact contact(unsigned i)
{
	return (struct store_contact){.id = slice_str(stored[i].id),
		.uri = SLICE("sip:x@192.168.1.20"),
		.received = slice_str(stored[i].received),
		.socket = slice_str(stored[i].socket),
		.expires = 4000000000};
}

bool store_ready(const struct store_handle *h)
{
	(void)h;
	return ready;
}

static int fill_page(struct store_page *page, struct slice socket)
{
	unsigned i = (unsigned)page->cursor;

	page->count = 0;
	page->aors = arena_alloc(page->arena, PAGE * sizeof(*page->aors));
	page->contacts = arena_alloc(page->arena, PAGE * sizeof(*page->contacts));
	assert_non_null(page->aors);
	assert_non_null(page->contacts);
	for (; i < stored_count && page->count < PAGE; i++) {
		if (!stale && !slice_eq(slice_str(stored[i].socket), socket))
			continue;
		page->aors[page->count] = slice_str(stored[i].aor);
		page->contacts[page->count++] = contact(i);
	}
	page->cursor = i < stored_count ? i : 0;
	return 0;
}

static int fill_contacts(struct store_contacts *out, struct slice aor)
{
	out->count = 0;
	out->list = arena_alloc(out->arena, STORED_MAX * sizeof(*out->list));
	assert_non_null(out->list);
	for (unsigned i = 0; i < stored_count; i++)
		if (slice_eq(slice_str(stored[i].aor), aor))
			out->list[out->count++] = contact(i);
	return 0;
}

int store_bindings_scan(struct store_handle *h, struct slice socket, int64_t now,
	struct store_page *page, store_done done, void *arg)
{
	int err = failing;

	(void)h, (void)now;
	if (page->cursor == 0)
		scans++;
	failing = 0;
	if (err != 0)
		return err;
	if (!later)
		return fill_page(page, socket);
	assert_null(waiting.done);
	waiting.page = page;
	waiting.socket = socket;
	waiting.done = done;
	waiting.arg = arg;
	return -EINPROGRESS;
}

int store_contacts_get(struct store_handle *h, struct slice aor, int64_t now,
	struct store_contacts *out, store_done done, void *arg)
{
	(void)h, (void)now;
	gets++;
	if (!later)
		return fill_contacts(out, aor);
	assert_null(waiting.done);
	waiting.contacts = out;
	waiting.aor = aor;
	waiting.done = done;
	waiting.arg = arg;
	return -EINPROGRESS;
}

/* Who has left: each listener's list is gone through once. The cursor is a number. */
static struct store_left_one left_list[4 * STORE_MAX_LEFT];
static unsigned left_count, left_asked[4];
static int left_failing;

int store_left_get(struct store_handle *h, struct slice socket, struct store_left *out,
	store_done done, void *arg)
{
	unsigned at = out->cursor[0] == '\0' ? 0 : (unsigned)atoi(out->cursor);
	int err = left_failing;

	(void)h, (void)done, (void)arg;
	for (unsigned i = 0; i < socks.count; i++)
		if (slice_eq(socket, slice_str(socks.list[i].adv_text)))
			left_asked[i]++;
	left_failing = 0;
	if (err != 0)
		return err;
	out->list = &left_list[at];
	out->count = 0;
	if (slice_eq(socket, SLICE(A)))
		out->count = left_count - at < STORE_MAX_LEFT ? left_count - at
							      : STORE_MAX_LEFT;
	out->more = out->count == STORE_MAX_LEFT;
	if (out->count > 0)
		(void)snprintf(out->cursor, sizeof(out->cursor), "%u", at + out->count);
	return 0;
}

/* The content is what the store had when it was asked: fill first, answer later. */
static void store_looks(void)
{
	assert_non_null(waiting.done);
	if (waiting.page != NULL)
		fill_page(waiting.page, waiting.socket);
	else
		fill_contacts(waiting.contacts, waiting.aor);
}

static void store_answers(int err)
{
	store_done done = waiting.done;
	void *arg = waiting.arg;

	memset(&waiting, 0, sizeof(waiting));
	done(arg, err);
}

/* The parts under test */

static const struct hash_key key = {.k0 = 1, .k1 = 2};
static struct natping_tally tally;
static struct loop *loop;
static struct ping_clock clock_of;
static struct ping_book *book;
static struct ping_scan *scan;
static struct ping_reads *reads;
static unsigned changes, losses;
static uint64_t ahead; /* tick */

static void on_changed(void *arg)
{
	(void)arg;
	changes++;
}

static void on_lost(void *arg)
{
	(void)arg;
	losses++;
}

static int setup(void **state)
{
	struct ping_rules rules = {
		.socks = &socks, .key = &key, .threads = 1, .interval = 1, .max = 1000};
	struct ping_scan_setup s = {
		.socks = &socks, .clock = &clock_of, .changed = on_changed};
	struct ping_reads_setup r = {.socks = &socks,
		.node = SLICE("edge1"),
		.clock = &clock_of,
		.changed = on_changed,
		.lost = on_lost};

	(void)state;
	counter_reset_all();
	assert_int_equal(counter_register(natping_counters, &tally.first), 0);
	assert_int_equal(counter_array_new(&tally.counters), 0);
	natping_test_socks(&socks);
	assert_int_equal(loop_new(&loop), 0);
	ping_clock_start(&clock_of);
	assert_int_equal(ping_book_new(&book, &rules, &tally, log_source_get("natping"),
				 ping_clock_tick(&clock_of)),
		0);
	s.loop = loop;
	s.book = r.book = book;
	s.tally = tally;
	assert_int_equal(ping_scan_new(&scan, &s), 0);
	assert_int_equal(ping_reads_new(&reads, &r), 0);
	ahead = ping_clock_tick(&clock_of) + 1000;
	stored_count = scans = gets = changes = losses = 0;
	ready = true;
	later = stale = false;
	failing = 0;
	memset(&waiting, 0, sizeof(waiting));
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	if (waiting.done != NULL)
		store_answers(-ECANCELED); /* as store_close() does */
	ping_reads_destroy(&reads);
	ping_scan_destroy(&scan);
	ping_book_destroy(&book);
	net_socks_free(&socks);
	loop_destroy(&loop);
	counter_array_destroy(&tally.counters);
	counter_reset_all();
	return 0;
}

static int64_t count(enum natping_counter which)
{
	return counter_read(tally.first + (unsigned)which);
}

static bool turn_until(bool (*condition)(void), unsigned ms)
{
	uint64_t end = clock_us() + ms * 1000ull;

	while (!condition() && clock_us() < end)
		loop_turn(loop, 5);
	return condition();
}

static unsigned wanted_reads;
static bool has_read(void)
{
	return count(NATPING_C_READS) >= wanted_reads;
}
static bool is_asked(void)
{
	return waiting.done != NULL;
}

static void read_now(unsigned sock)
{
	wanted_reads = (unsigned)count(NATPING_C_READS) + 1;
	ping_scan_want(scan, sock);
	assert_true(turn_until(has_read, 3000));
}

struct found {
	unsigned count;
	uint16_t port; /* of the last one */
	bool drop;
};

static void on_place(void *arg, struct ping_place *p)
{
	struct ping_contact *c = (struct ping_contact *)p;
	struct found *f = arg;

	if (ping_book_is_gone(book, c)) {
		ping_book_drop(book, c);
		return;
	}
	f->count++;
	f->port = addr_port(&c->to);
}

static void on_nothing(void *arg, struct ping_place *p)
{
	(void)arg;
	(void)p;
}

/* Everybody's turn: those who are left. An interval is 100 ticks; the wheel has gone ahead of the clock. */
static struct found whose_turn(void)
{
	struct found f = {0};
	uint64_t end;

	while (ping_wheel_turn(ping_book_wheel(book), ++ahead, on_nothing, NULL) > 0)
		;
	for (end = ahead + 100; ahead < end;)
		(void)ping_wheel_turn(ping_book_wheel(book), ++ahead, on_place, &f);
	return f;
}

static void hear(const char *aor, const char *id, const char *received)
{
	const struct ping_binding b = {.aor = slice_str(aor),
		.id = slice_str(id),
		.uri = SLICE("sip:x@192.168.1.20"),
		.received = slice_str(received),
		.socket = SLICE(A),
		.expires = 4000000000};
	struct ping_key k;

	assert_true(ping_book_owns(book, b.aor, b.id, &k));
	ping_scan_touch(scan, k, false);
	if (!ping_reads_again(reads, k, false))
		assert_int_equal(
			ping_book_save(book, k, &b, ping_clock_tick(&clock_of)), 0);
}

static void hear_removed(const char *aor, const char *id)
{
	struct ping_key k;

	(void)ping_book_owns(book, slice_str(aor), slice_str(id), &k);
	ping_scan_touch(scan, k, id[0] == '\0');
	(void)ping_reads_again(reads, k, id[0] == '\0');
	ping_book_remove(book, k, id[0] == '\0');
}

static void all_pages_of_a_listener_are_read(void **state)
{
	static char names[STORED_MAX][8];

	(void)state;
	for (unsigned i = 0; i < 30; i++) {
		(void)snprintf(names[i], sizeof(names[i]), "u%u", i);
		store_has(names[i], "1", "sip:198.51.100.7:4000", i % 3 == 2 ? B : A);
	}
	read_now(0);
	assert_int_equal(count(NATPING_C_CONTACTS), 20);
	assert_true(changes > 0);
	read_now(3);
	assert_int_equal(count(NATPING_C_CONTACTS), 30);
	assert_int_equal(whose_turn().count, 30);
}

static void what_the_store_has_no_more_is_dropped_of_that_listener_alone(void **state)
{
	(void)state;
	store_has("alice", "1", "sip:198.51.100.7:4000", A);
	store_has("bob", "1", "sip:198.51.100.7:4001", A);
	store_has("carol", "1", "sip:198.51.100.7:4002", B);
	read_now(0);
	read_now(3);
	stored_count = 1;
	read_now(0);
	assert_int_equal(whose_turn().count, 2);
	assert_int_equal(count(NATPING_C_CONTACTS), 2);
}

static void a_page_is_older_than_what_was_heard_since_it_was_asked_for(void **state)
{
	struct found f;

	(void)state;
	store_has("alice", "1", "sip:198.51.100.7:4000", A);
	store_has("bob", "1", "sip:198.51.100.7:4001", A);
	store_has("carol", "1", "sip:198.51.100.7:4002", A);
	later = true;
	ping_scan_want(scan, 0);
	assert_true(turn_until(is_asked, 3000));
	store_looks();
	hear("alice", "1", "sip:198.51.100.7:5555"); /* from a new port */
	hear_removed("bob", "1");
	hear_removed("carol", "");
	store_answers(0);
	wanted_reads = 1;
	assert_true(turn_until(has_read, 3000));
	f = whose_turn();
	assert_int_equal(f.count, 1);
	assert_int_equal(f.port, 5555);
}

static void who_registers_during_the_reading_is_not_gone_at_its_end(void **state)
{
	(void)state;
	later = true;
	ping_scan_want(scan, 0);
	assert_true(turn_until(is_asked, 3000));
	store_looks();
	hear("alice", "1", "sip:198.51.100.7:5555");
	store_answers(0);
	wanted_reads = 1;
	assert_true(turn_until(has_read, 3000));
	assert_int_equal(whose_turn().count, 1);
}

static void a_reading_that_fails_drops_nobody_and_is_begun_again(void **state)
{
	(void)state;
	hear("alice", "1", "sip:198.51.100.7:5555");
	failing = -ETIMEDOUT;
	ping_scan_want(scan, 0);
	while (scans == 0)
		loop_turn(loop, 5);
	assert_int_equal(whose_turn().count, 1);
	assert_int_equal(count(NATPING_C_READS), 0);
	wanted_reads = 1;
	assert_true(turn_until(has_read, 4000));
	assert_int_equal(scans, 2);
	assert_int_equal(
		whose_turn().count, 0); /* now it is known that the store has none */
}

static void what_a_store_says_that_is_away_drops_nobody(void **state)
{
	(void)state;
	hear("alice", "1", "sip:198.51.100.7:5555");
	ready = false; /* it answers from what this node saved itself */
	store_has("bob", "1", "sip:198.51.100.7:4001", A);
	ping_scan_want(scan, 0);
	while (scans == 0)
		loop_turn(loop, 5);
	assert_int_equal(whose_turn().count, 2);
	assert_int_equal(count(NATPING_C_READS), 0);
	ready = true;
	wanted_reads = 1;
	assert_true(turn_until(has_read, 4000));
	assert_int_equal(whose_turn().count, 1);
}

static void wishes_for_one_listener_are_served_once_a_second(void **state)
{
	uint64_t end;

	(void)state;
	read_now(0);
	end = clock_us() + 500000;
	while (clock_us() < end) {
		ping_scan_want(scan, 0);
		loop_turn(loop, 5);
	}
	assert_int_equal(scans, 1);
	wanted_reads = 2;
	assert_true(turn_until(has_read, 3000));
	assert_int_equal(scans, 2);
}

static struct ping_key key_of(const char *aor, const char *id)
{
	struct ping_key k;

	(void)ping_book_owns(book, slice_str(aor), slice_str(id), &k);
	return k;
}

static void one_whose_event_was_cut_is_read(void **state)
{
	(void)state;
	store_has("alice", "0", "sip:198.51.100.7:4000", A);
	store_has("alice", "1", "sip:198.51.100.7:4001", A);
	ping_reads_ask(reads, key_of("alice", "1"), SLICE("alice"), SLICE("1"));
	assert_int_equal(count(NATPING_C_CONTACTS), 1);
	assert_int_equal(whose_turn().port, 4001);
	/* The store has it no more. */
	stored_count = 1;
	ping_reads_ask(reads, key_of("alice", "1"), SLICE("alice"), SLICE("1"));
	assert_int_equal(count(NATPING_C_CONTACTS), 0);
	assert_int_equal(losses, 0);
}

static void one_that_has_gone_to_another_node_is_dropped(void **state)
{
	(void)state;
	store_has("alice", "1", "sip:198.51.100.7:4001", A);
	ping_reads_ask(reads, key_of("alice", "1"), SLICE("alice"), SLICE("1"));
	assert_int_equal(count(NATPING_C_CONTACTS), 1);
	stored[0].socket = "udp:198.51.100.99:5060";
	ping_reads_ask(reads, key_of("alice", "1"), SLICE("alice"), SLICE("1"));
	assert_int_equal(count(NATPING_C_CONTACTS), 0);
	stored[0].socket = B;
	stale = true;
	read_now(0);
	assert_int_equal(count(NATPING_C_CONTACTS), 0);
}

static void what_is_heard_while_it_is_read_makes_it_read_once_more(void **state)
{
	(void)state;
	later = true;
	store_has("alice", "1", "sip:198.51.100.7:4001", A);
	ping_reads_ask(reads, key_of("alice", "1"), SLICE("alice"), SLICE("1"));
	store_looks();
	stored[0].received = "sip:198.51.100.7:5555";
	hear("alice", "1", "sip:198.51.100.7:5555");
	store_answers(0);
	assert_int_equal(gets, 2);
	store_looks();
	stored_count = 0;
	hear_removed("alice", "");
	store_answers(0);
	assert_int_equal(gets, 3);
	store_looks();
	store_answers(0);
	assert_int_equal(count(NATPING_C_CONTACTS), 0);
}

static void one_that_cannot_be_read_is_told(void **state)
{
	(void)state;
	later = true;
	ping_reads_ask(reads, key_of("alice", "1"), SLICE("alice"), SLICE("1"));
	store_answers(-ETIMEDOUT);
	assert_int_equal(losses, 1);
	assert_false(ping_reads_again(reads, key_of("alice", "1"), false));
}

/* Who has left */

static struct ping_left *left;
static bool mine[4];

static void start_left(void)
{
	const struct ping_left_setup s = {.loop = loop,
		.socks = &socks,
		.mine = mine,
		.book = book,
		.reads = reads};

	left_count = 0;
	left_failing = 0;
	memset(left_asked, 0, sizeof(left_asked));
	memset(mine, 0, sizeof(mine));
	mine[0] = true;
	assert_int_equal(ping_left_new(&left, &s), 0);
}

static void store_tells(const char *aor, const char *id)
{
	left_list[left_count].aor = slice_str(aor);
	left_list[left_count++].id = slice_str(id);
}

static unsigned wanted_asked;
static bool has_asked(void)
{
	return left_asked[0] >= wanted_asked;
}

static void ask_left(void)
{
	wanted_asked = left_asked[0] + 1;
	assert_true(turn_until(has_asked, 3000));
}

static int stop_left(void **state)
{
	ping_left_destroy(&left);
	return teardown(state);
}

static void who_has_left_is_dropped_unless_the_store_shows_it_here(void **state)
{
	(void)state;
	start_left();
	store_has("alice", "1", "sip:198.51.100.7:4001", "udp:198.51.100.99:5060");
	store_has("bob", "1", "sip:198.51.100.7:4002", A); /* he is back */
	store_has("dan", "1", "sip:198.51.100.7:4004", B); /* another one of ours */
	hear("alice", "1", "sip:198.51.100.7:4001");
	hear("alice", "2", "sip:198.51.100.7:4001");
	hear("bob", "1", "sip:198.51.100.7:3000");
	hear("carol", "1", "sip:198.51.100.7:4003"); /* removed */
	hear("dan", "1", "sip:198.51.100.7:4004");
	hear("erin", "1", "sip:198.51.100.7:4005"); /* nobody says anything of her */
	store_tells("alice", "1");
	store_tells("bob", "1");
	store_tells("carol", "1");
	store_tells("dan", "1");
	ask_left();
	assert_int_equal(gets, 4);
	assert_false(ping_book_has(book, key_of("alice", "1")));
	assert_true(ping_book_has(book, key_of("alice", "2")));
	assert_true(ping_book_has(book, key_of("bob", "1")));
	assert_false(ping_book_has(book, key_of("carol", "1")));
	assert_true(ping_book_has(book, key_of("dan", "1")));
	assert_true(ping_book_has(book, key_of("erin", "1")));
	/* What was told is not told again. */
	ask_left();
	assert_int_equal(gets, 4);
	assert_int_equal(losses, 0);
}

static void who_is_not_in_the_book_is_not_read(void **state)
{
	(void)state;
	start_left();
	store_tells("alice", "1");
	ask_left();
	assert_int_equal(gets, 0);
}

static void who_comes_back_while_it_is_read_stays(void **state)
{
	(void)state;
	start_left();
	later = true;
	hear("alice", "1", "sip:198.51.100.7:4001");
	store_tells("alice", "1");
	store_tells("alice", "1"); /* is under way already */
	ask_left();
	assert_int_equal(gets, 1);
	store_looks(); /* she is nowhere */
	store_has("alice", "1", "sip:198.51.100.7:5555", A);
	hear("alice", "1", "sip:198.51.100.7:5555");
	store_answers(0);
	store_looks();
	store_answers(0);
	assert_int_equal(whose_turn().port, 5555);
}

static void only_listeners_of_ours_are_asked_about_once_a_second(void **state)
{
	uint64_t end = clock_us() + 2500000;

	(void)state;
	start_left();
	mine[3] = true;
	while (clock_us() < end)
		loop_turn(loop, 5);
	assert_in_range(left_asked[0], 1, 2);
	assert_int_equal(left_asked[0], left_asked[3]);
	assert_int_equal(left_asked[1] + left_asked[2], 0);
}

static void all_pages_are_read_at_once_and_after_an_error_from_the_oldest(void **state)
{
	(void)state;
	start_left();
	for (unsigned i = 0; i < 3 * STORE_MAX_LEFT; i++)
		store_tells("nobody", "1");
	store_tells("alice", "1");
	hear("alice", "1", "sip:198.51.100.7:4001");
	ask_left();
	assert_int_equal(left_asked[0], 4);
	assert_int_equal(gets, 1);
	hear("alice", "1", "sip:198.51.100.7:4001");
	left_failing = -ETIMEDOUT;
	ask_left();
	assert_int_equal(left_asked[0], 5);
	assert_int_equal(gets, 1);
	assert_true(ping_book_has(book, key_of("alice", "1")));
	ask_left();
	assert_int_equal(gets, 2);
	assert_false(ping_book_has(book, key_of("alice", "1")));
}

#define LEFT_TEST(name) cmocka_unit_test_setup_teardown(name, setup, stop_left)
#define TEST(name)      cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(all_pages_of_a_listener_are_read),
		TEST(what_the_store_has_no_more_is_dropped_of_that_listener_alone),
		TEST(a_page_is_older_than_what_was_heard_since_it_was_asked_for),
		TEST(who_registers_during_the_reading_is_not_gone_at_its_end),
		TEST(a_reading_that_fails_drops_nobody_and_is_begun_again),
		TEST(what_a_store_says_that_is_away_drops_nobody),
		TEST(wishes_for_one_listener_are_served_once_a_second),
		TEST(one_whose_event_was_cut_is_read),
		TEST(one_that_has_gone_to_another_node_is_dropped),
		TEST(what_is_heard_while_it_is_read_makes_it_read_once_more),
		TEST(one_that_cannot_be_read_is_told),
		LEFT_TEST(who_has_left_is_dropped_unless_the_store_shows_it_here),
		LEFT_TEST(who_is_not_in_the_book_is_not_read),
		LEFT_TEST(who_comes_back_while_it_is_read_stays),
		LEFT_TEST(only_listeners_of_ours_are_asked_about_once_a_second),
		LEFT_TEST(all_pages_are_read_at_once_and_after_an_error_from_the_oldest),
	};
	return cmocka_run_group_tests_name("natping_scan", tests, NULL, NULL);
}
