/*
 * Many calls at once, with losses, repeats, cancels, waits and shutdown in every order that a generator comes up with.
 * Nothing is expected of single calls; in the end nothing may be left over. Sanitizers watch.
 */
#include "tests/unit/tm_test.h"

#define STORM_STEPS 4000
#define STORM_CALLS 12 /* that are young enough to get repeats, CANCELs and ACKs */

struct wait {
	struct ph_msg *msg;
	struct tm_branch *br; /* a branch block waits; NULL: the request's own */
};

static struct {
	uint64_t rng;
	unsigned step;
	struct wait waits[64];
	unsigned wait_count;
} storm;

static unsigned dice(unsigned sides)
{
	storm.rng ^= storm.rng << 13;
	storm.rng ^= storm.rng >> 7;
	storm.rng ^= storm.rng << 17;
	return (unsigned)(storm.rng >> 33) % sides;
}

static void wait_add(struct ph_msg *msg, struct tm_branch *br)
{
	msg_ref(msg);
	storm.waits[storm.wait_count++] = (struct wait){msg, br};
}

static void act(struct tm_world *w, struct ph_msg *msg)
{
	struct slice none = {0};

	switch (dice(8)) {
	case 0:
		tm_reply(w->tm, msg, 403, none, none);
		break;
	case 1:
		tm_reply(w->tm, msg, 200, none, none);
		break;
	case 2:
		tm_newtran(w->tm, msg); /* and no more */
		break;
	default:
		msg->armed.on_failure = dice(2) ? 1 : -1;
		msg->armed.on_branch = dice(3) == 0 ? 1 : -1;
		relay_to_phones(w, msg, 1 + dice(2));
	}
}

static void script(struct tm_world *w, struct ph_msg *msg)
{
	if (msg->sip.method == SIP_ACK || msg->sip.method == SIP_CANCEL) {
		msg->du = phone_uri(msg, &w->phones[1]);
		tm_relay(w->tm, msg, NULL, 0);
	} else if (dice(3) == 0 && storm.wait_count < 60 && tm_newtran(w->tm, msg) == 0) {
		tm_script_parked(w->tm, msg, true);
		wait_add(msg, NULL);
	} else {
		act(w, msg);
	}
}

static void branch_block(struct tm_world *w, struct ph_msg *request, struct tm_branch *br)
{
	if (dice(10) == 0)
		tm_reply(w->tm, request, 480, (struct slice){0}, (struct slice){0});
	w->park_branches = dice(2) == 0 && storm.wait_count < 60;
	if (w->park_branches)
		wait_add(request, br);
}

static void failure_block(struct tm_world *w, struct ph_msg *msg)
{
	if (dice(2))
		act(w, msg);
}

/* One of those who wait goes on. */
static void wake(struct tm_world *w)
{
	struct wait wait;
	unsigned i;

	if (storm.wait_count == 0)
		return;
	i = dice(storm.wait_count);
	wait = storm.waits[i];
	storm.waits[i] = storm.waits[--storm.wait_count];
	if (wait.br != NULL) {
		tm_branch_continue(w->tm, wait.br, dice(4) ? TM_GO : TM_DROP);
	} else {
		tm_script_parked(w->tm, wait.msg, false);
		act(w, wait.msg);
	}
	msg_unref(&wait.msg);
}

/* A reply, or a request in its failure block. */
static void wake_held(struct tm_world *w)
{
	struct ph_msg *msg;

	if (w->held_count == 0)
		return;
	msg = world_take(w);
	if (msg->sip.kind == SIP_REPLY) {
		tm_reply_continue(w->tm, msg, dice(4) ? TM_GO : TM_DROP);
	} else {
		failure_block(w, msg);
		tm_failure_continue(w->tm, msg);
	}
	msg_unref(&msg);
}

static void caller(struct tm_world *w)
{
	static const char *const methods[] = {
		"INVITE", "INVITE", "MESSAGE", "CANCEL", "ACK", "INVITE"};
	char call[32], branch[32];
	unsigned n = storm.step++ / 4 + dice(STORM_CALLS);

	snprintf(call, sizeof(call), "call-%u@storm", n);
	snprintf(branch, sizeof(branch), "z9hG4bK%u", n);
	phone_send(w, &w->phones[0],
		REQ(&w->phones[0], .method = methods[dice(6)], .branch = branch,
			.call = call));
}

static void callee(struct tm_world *w, struct phone *p)
{
	static const char *const statuses[] = {"100 Trying", "180 Ringing",
		"183 Progress", "200 OK", "200 OK", "302 Moved", "404 Not Found",
		"486 Busy Here", "487 Terminated", "503 No", "603 Decline"};
	static char last[2][8192];
	unsigned which = p == &w->phones[1] ? 0 : 1;

	while (phone_take(p)) {
		if (strncmp(p->got, "ACK", 3) == 0 || dice(5) == 0)
			continue;
		if (strncmp(p->got, "CANCEL", 6) == 0)
			phone_send(w, p, reply_text(p->got, "200 OK", "x", NULL));
		else
			snprintf(last[which], sizeof(last[which]), "%s", p->got);
		if (dice(3))
			phone_send(w, p,
				reply_text(last[which], statuses[dice(11)],
					dice(4) ? "t" : "u", NULL));
	}
	/* late, repeated, contradicting */
	if (last[which][0] != '\0' && dice(3) == 0)
		phone_send(w, p, reply_text(last[which], statuses[dice(11)], "t", NULL));
}

static void step(struct tm_world *w)
{
	w->park_replies = dice(3) == 0 && w->held_count < 8;
	w->park_failures = dice(3) == 0 && w->held_count < 8;
	w->drop_replies = dice(8) == 0;
	caller(w);
	callee(w, &w->phones[1]);
	callee(w, &w->phones[2]);
	if (dice(2))
		wake(w);
	if (dice(2))
		wake_held(w);
	loop_turn(w->loop, dice(8) == 0 ? 3 : 0);
	while (phone_take(&w->phones[0]))
		;
}

static struct tm_world *storm_new(uint64_t seed)
{
	struct tm_world *w = world_new();

	memset(&storm, 0, sizeof(storm));
	storm.rng = seed;
	for (unsigned i = 0; i < 3; i++)
		phone_new(w);
	w->conf.t1 = 2;
	w->conf.t2 = 10;
	w->conf.t4 = 10;
	w->conf.fr_timer = 60;
	w->conf.fr_inv_timer = 50;
	w->conf.max_transactions = 600;
	w->script = script;
	w->failure = failure_block;
	w->edit_branch = branch_block;
	return w;
}

static void nothing_is_left_when_the_storm_is_over(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 3; seed++) {
		struct tm_world *w = storm_new(seed * 0x9e3779b97f4a7c15);

		for (unsigned i = 0; i < STORM_STEPS; i++)
			step(w);
		w->park_replies = w->park_failures = false;
		while (storm.wait_count > 0 || w->held_count > 0) {
			wake(w);
			wake_held(w);
		}
		/* blocks may park again until the last timer has fired */
		WORLD_UNTIL(
			w, (wake(w), wake_held(w), world_counter(w, TM_C_ACTIVE) == 0));
		assert_int_equal(tm_busy(w->tm), 0);
		world_free(w);
	}
}

static void shutdown_in_the_middle_of_the_storm_gives_everything_back(void **state)
{
	(void)state;
	for (uint64_t seed = 11; seed <= 14; seed++) {
		struct tm_world *w = storm_new(seed * 0x9e3779b97f4a7c15);

		for (unsigned i = 0; i < 300 + 50 * seed; i++)
			step(w);
		tm_drain(w->tm);
		tm_destroy(&w->tm);
		while (storm.wait_count > 0)
			msg_unref(&storm.waits[--storm.wait_count].msg);
		world_free(w);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_is_left_when_the_storm_is_over),
		cmocka_unit_test(
			shutdown_in_the_middle_of_the_storm_gives_everything_back),
	};
	return cmocka_run_group_tests_name("tm_storm", tests, NULL, NULL);
}
