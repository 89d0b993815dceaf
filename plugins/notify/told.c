/*
 * An RTP proxy has told of a call. The record's deadline becomes now, so that whichever node lives ends it; and this node's workers hear of it at once. While
 * the store is away the id is kept and asked about again.
 */
#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include "plugins/notify/notify.h"
#include "storage/store_dialog.h"

#define REASON      "media timeout"
#define SEEN_MS     10000
#define ASKING_MAX  64 /* ids that the store is asked about at a time; more are not read */
#define WAITING_MAX 1024
#define WAIT_MS     120000 /* for the store */
#define RETRY_MS    1000

struct notify_told {
	struct notify *n;
	struct notify_told *next, **prev;
	char id[DIALOG_ID_LEN + 1];
	uint64_t until; /* ms of loop_now(): then the wait for the store is over */
};

void notify_complain(
	struct notify *n, const char *peer, const char *what, struct slice text)
{
	unsigned more;

	if (log_gate_open(&n->complaints, clock_us(), &more))
		LOG(n->log, LOG_L_WARN, "%s: %s%s%.*s (%u more since the last such line)", peer,
			what, slice_empty(text) ? "" : ": ", SLICE_ARG(slice_sub(text, 0, 80)), more);
}

static int64_t wall_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static void link_to(struct notify_told **list, struct notify_told *t)
{
	t->next = *list;
	t->prev = list;
	if (t->next)
		t->next->prev = &t->next;
	*list = t;
}

static void take_out(struct notify_told *t)
{
	*t->prev = t->next;
	if (t->next)
		t->next->prev = t->prev;
}

static void publish(struct notify *n, const char *id)
{
	struct bus_event ev = {.topic = BUS_MEDIA_TIMEOUT};

	(void)snprintf(ev.dialog.id, sizeof(ev.dialog.id), "%s", id);
	(void)snprintf(ev.dialog.reason, sizeof(ev.dialog.reason), REASON);
	bus_publish(n->thread->bus, &ev);
}

/** The store is not there: its workers may be, and it may come back. */
static void wait_for_store(struct notify_told *t, int err)
{
	struct notify *n = t->n;

	notify_count(n, NOTIFY_C_STORE_AWAY, 1);
	notify_complain(n, t->id, strerror(-err), (struct slice){0});
	if (loop_now(n->thread->loop) >= t->until || n->waiting_count >= WAITING_MAX) {
		notify_count(n, NOTIFY_C_LOST, 1);
		free(t);
		return;
	}
	link_to(&n->waiting, t);
	n->waiting_count++;
	if (!timer_pending(&n->retry))
		timer_start(n->thread->loop, &n->retry, RETRY_MS);
}

static void on_expired(void *arg, int err)
{
	struct notify_told *t = arg;
	struct notify *n = t->n;

	take_out(t);
	n->asking_count--;
	if (n->asking_count < ASKING_MAX)
		notify_conns_pause(n, false);
	switch (err) {
	case 0:
		notify_count(n, NOTIFY_C_ENDED, 1);
		publish(n, t->id);
		break;
	case -ENOENT:
		notify_count(n, NOTIFY_C_UNKNOWN, 1);
		notify_complain(n, t->id, "no such call", (struct slice){0});
		break;
	case -EALREADY:
		notify_count(n, NOTIFY_C_ALREADY, 1);
		break;
	case -ECANCELED: /* we stop */
		break;
	default:
		publish(n, t->id);
		wait_for_store(t, err);
		return;
	}
	free(t);
}

static void ask(struct notify_told *t)
{
	struct notify *n = t->n;
	int err;

	link_to(&n->asking, t);
	n->asking_count++;
	if (n->asking_count >= ASKING_MAX)
		notify_conns_pause(n, true);
	err = store_dialog_expire(n->thread->store, slice_str(t->id), wall_ms(),
		SLICE(REASON), on_expired, t);
	if (err != -EINPROGRESS)
		on_expired(t, err);
}

bool notify_told(struct notify *n, const char *peer, struct slice line)
{
	const uint64_t now = loop_now(n->thread->loop);
	struct notify_told *t;
	uint32_t hash;

	notify_count(n, NOTIFY_C_LINES, 1);
	if (dialog_id_parse(line, &hash) != 0) {
		notify_count(n, NOTIFY_C_GARBAGE, 1);
		notify_complain(n, peer, "not the id of a call", line);
		return false;
	}
	if (seen_lately(&n->seen, line, now, SEEN_MS)) {
		notify_count(n, NOTIFY_C_REPEATED, 1);
		return true;
	}
	t = calloc(1, sizeof(*t));
	if (!t) {
		notify_count(n, NOTIFY_C_LOST, 1);
		return true;
	}
	t->n = n;
	t->until = now + WAIT_MS;
	memcpy(t->id, line.p, DIALOG_ID_LEN);
	ask(t);
	return true;
}

static void retry(void *arg)
{
	struct notify *n = arg;

	/* Those that fail once more go back to the list: each is asked about once a turn. */
	for (unsigned left = n->waiting_count; left > 0 && n->waiting &&
		n->asking_count < ASKING_MAX && store_ready(n->thread->store);
		left--) {
		struct notify_told *t = n->waiting;

		take_out(t);
		n->waiting_count--;
		ask(t);
	}
	if (n->waiting)
		timer_start(n->thread->loop, &n->retry, RETRY_MS);
}

void notify_told_start(struct notify *n)
{
	timer_init(&n->retry, retry, n);
}

/* The store's handle is closed by then: nothing is asked about any more. */
void notify_told_stop(struct notify *n)
{
	timer_stop(&n->retry);
	while (n->waiting) {
		struct notify_told *t = n->waiting;

		take_out(t);
		free(t);
	}
}
