/* Callers, and phones that register: client transactions of RFC 3261 section 17.1, and the caller's half of a dialog. */
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "bench/clock.h"
#include "bench/load.h"

#define UNIT_OF(alarm) ((struct unit *)((char *)(alarm)-offsetof(struct unit, alarm)))

static void finish(struct load *load, struct unit *unit, bool good)
{
	if (unit->step == STEP_REGISTER)
		load->phones[unit->phone].unit = NULL;
	load->in_flight--;
	if (good)
		load->stats.done++;
	else
		load->stats.failed++;
	unit_give(load, unit);
}

/* What unit->request holds leaves, and its timers A, B or E, F run. */
static void send_new(struct load *load, struct unit *unit)
{
	link_send(&load->links, unit->link, unit->request, unit->request_len);
	unit->sent_at = load->now;
	unit->give_up = load->now + load->options.timeout * CLOCK_MS;
	unit->wait = load->options.tcp ? load->options.timeout : load->options.t1;
	alarms_start(&load->alarms, &unit->alarm, load->now + unit->wait * CLOCK_MS);
}

static void begin(struct load *load, struct unit *unit, uint64_t intended)
{
	unit->intended = intended;
	load->in_flight++;
	load->stats.started++;
	send_new(load, unit);
}

/* The next phone whose last REGISTER is over. */
static bool start_register(struct load *load, uint64_t intended)
{
	uint32_t tries, phone = 0, count = load->options.phones;
	struct unit *unit;

	for (tries = 0; tries < count; tries++) {
		phone = load->next_phone;
		load->next_phone = (phone + 1) % count;
		if (load->phones[phone].unit == NULL)
			break;
	}
	unit = tries < count ? unit_take(load) : NULL;
	if (unit == NULL)
		return false;
	unit->step = STEP_REGISTER;
	unit->phone = phone;
	unit->link = words_link(load, phone);
	unit->cseq = ++load->phones[phone].cseq;
	if (!uac_write_register(load, unit)) {
		unit_give(load, unit);
		return false;
	}
	load->phones[phone].unit = unit;
	begin(load, unit, intended);
	return true;
}

/* Caller and callee are far apart, and each phone is both in its turn. */
static bool start_outside(struct load *load, enum work work, uint64_t intended)
{
	uint32_t count = load->options.phones;
	struct unit *unit = unit_take(load);

	if (unit == NULL)
		return false;
	unit->phone = load->next_phone;
	load->next_phone = (load->next_phone + 1) % count;
	unit->callee = (unit->phone + count / 2) % count;
	unit->link = words_link(load, unit->phone);
	unit->cseq = unit->invite_cseq = 1;
	unit->step = work == WORK_OPTIONS ? STEP_OPTIONS : STEP_INVITE;
	if (work == WORK_OPTIONS ? !uac_write_options(load, unit) : !uac_write_invite(load, unit)) {
		unit_give(load, unit);
		return false;
	}
	begin(load, unit, intended);
	return true;
}

static bool start_in_dialog(struct load *load, enum work work, uint64_t intended)
{
	struct unit *unit = unit_next_idle(load);
	const char *method = work == WORK_HANGUP ? "BYE" : load->options.method;

	if (unit == NULL)
		return false;
	unit->counted = load->measuring;
	unit->cseq++;
	if (strcmp(method, "INVITE") == 0)
		unit->invite_cseq = unit->cseq;
	unit->step = work == WORK_HANGUP ? STEP_BYE : STEP_REQUEST;
	if (!uac_write_in_dialog(load, unit, method)) {
		unit_give(load, unit);
		return false;
	}
	begin(load, unit, intended);
	return true;
}

bool uac_start(struct load *load, enum work work, uint64_t intended)
{
	switch (work) {
	case WORK_NONE:
		break;
	case WORK_REGISTER:
		return start_register(load, intended);
	case WORK_OPTIONS:
	case WORK_CALL:
	case WORK_OPEN:
		return start_outside(load, work, intended);
	case WORK_REQUEST:
	case WORK_HANGUP:
		return start_in_dialog(load, work, intended);
	}
	return false;
}

static void send_ack(struct load *load, struct unit *unit)
{
	char ack[LINK_MESSAGE];
	size_t len = uac_write_ack(load, unit, ack, sizeof(ack));

	if (len > 0)
		link_send(&load->links, unit->link, ack, len);
}

static void send_bye(struct load *load, struct unit *unit)
{
	unit->step = STEP_BYE;
	unit->cseq++;
	if (uac_write_in_dialog(load, unit, "BYE"))
		send_new(load, unit);
	else
		finish(load, unit, false);
}

/* The route set is the Record-Routes of the reply, the last one first (RFC 3261 section 12.1.2). */
static void put_routes(struct text *t, const struct message *reply)
{
	unsigned i, n = 0;
	struct slice routes[MESSAGE_ROUTES * 2];

	for (i = 0; i < reply->route_count; i++) {
		const char *p = reply->routes[i].p, *end = p + reply->routes[i].len;

		while (n < MESSAGE_ROUTES * 2 && (p = memchr(p, '<', (size_t)(end - p))) != NULL) {
			const char *close = memchr(p, '>', (size_t)(end - p));

			if (close == NULL)
				break;
			routes[n++] = (struct slice){p, (size_t)(close + 1 - p)};
			p = close;
		}
	}
	while (n-- > 0) {
		TEXT_LITERAL(t, "Route: ");
		text_slice(t, routes[n]);
		TEXT_LITERAL(t, "\r\n");
	}
}

static bool keep_dialog(struct unit *unit, const struct message *reply)
{
	struct text t = {unit->dialog, unit->dialog + LOAD_DIALOG, false};

	unit->target.p = t.p;
	text_slice(&t, message_uri(reply->contact));
	unit->target.len = (size_t)(t.p - unit->target.p);
	unit->to.p = t.p;
	text_slice(&t, reply->to);
	unit->to.len = (size_t)(t.p - unit->to.p);
	unit->routes.p = t.p;
	put_routes(&t, reply);
	unit->routes.len = (size_t)(t.p - unit->routes.p);
	return !t.full && unit->target.len > 0;
}

static void record(struct load *load, const struct unit *unit)
{
	if (unit->counted)
		histogram_add(&load->stats.latency, load->now > unit->intended ? load->now - unit->intended : 0);
}

static void count_relayed(struct load *load, const struct message *message)
{
	if (message->body.len > 0 && !message_has(message->body, "c=IN IP4 10.") && !message_has(message->body, "c=IN IP6 fd00:"))
		load->stats.relayed++;
}

static void answered(struct load *load, struct unit *unit, const struct message *reply)
{
	record(load, unit);
	if (!keep_dialog(unit, reply)) {
		finish(load, unit, false);
		return;
	}
	count_relayed(load, reply);
	send_ack(load, unit);
	if (load->options.mode == MODE_DIALOG) {
		load->in_flight--;
		load->stats.done++;
		unit_idle(load, unit);
	} else if (load->options.hold == 0) {
		send_bye(load, unit);
	} else {
		unit->step = STEP_TALK;
		alarms_start(&load->alarms, &unit->alarm, load->now + load->options.hold * CLOCK_MS);
	}
}

static void rejected(struct load *load, struct unit *unit, const struct message *reply)
{
	char ack[LINK_MESSAGE];
	size_t len = uac_write_reject_ack(load, unit, reply, ack, sizeof(ack));

	if (len > 0)
		link_send(&load->links, unit->link, ack, len);
}

static void request_done(struct load *load, struct unit *unit, const struct message *reply)
{
	record(load, unit);
	if (slice_eq(reply->method, SLICE("INVITE"))) {
		if (reply->status < 300)
			send_ack(load, unit);
		else
			rejected(load, unit, reply);
	}
	load->in_flight--;
	if (reply->status < 300)
		load->stats.done++;
	else
		load->stats.failed++;
	unit_idle(load, unit);
}

static void registered(struct load *load, struct unit *unit, const struct message *reply)
{
	if (reply->status == 200 && reply->contact.len > 0) {
		load->stats.contacts++;
		if (message_has(reply->contact, "received="))
			load->stats.received++;
	}
	record(load, unit);
	finish(load, unit, reply->status < 300);
}

static void final(struct load *load, struct unit *unit, const struct message *reply)
{
	alarms_stop(&unit->alarm);
	load->stats.codes[reply->status]++;
	switch (unit->step) {
	case STEP_REGISTER:
		registered(load, unit, reply);
		break;
	case STEP_INVITE:
	case STEP_PROCEEDING:
		if (reply->status < 300) {
			answered(load, unit, reply);
			break;
		}
		rejected(load, unit, reply);
		record(load, unit);
		finish(load, unit, false);
		break;
	case STEP_REQUEST:
		request_done(load, unit, reply);
		break;
	case STEP_BYE:
		if (unit->counted)
			histogram_add(&load->stats.bye, load->now - unit->sent_at);
		finish(load, unit, reply->status < 300);
		break;
	case STEP_OPTIONS:
		record(load, unit);
		finish(load, unit, reply->status < 300);
		break;
	case STEP_FREE:
	case STEP_TALK:
	case STEP_IDLE:
		break;
	}
}

/* A 2xx that comes again when the call goes on already wants its ACK again (RFC 3261 section 13.2.2.4). */
static void repeated(struct load *load, struct unit *unit, const struct message *reply)
{
	if (slice_eq(reply->method, SLICE("INVITE")) && reply->cseq_number == unit->invite_cseq && reply->status >= 200 &&
		reply->status < 300) {
		load->stats.repeated++;
		send_ack(load, unit);
	} else if (reply->status >= 200) {
		load->stats.stray++;
	}
}

void uac_reply(struct load *load, struct link *link, const struct message *reply)
{
	struct unit *unit = unit_find(load, reply->call_id);

	(void)link;
	if (unit == NULL) {
		load->stats.stray++;
		return;
	}
	if (reply->cseq_number != unit->cseq || unit->step == STEP_TALK || unit->step == STEP_IDLE) {
		repeated(load, unit, reply);
		return;
	}
	if (reply->status >= 200) {
		final(load, unit, reply);
		return;
	}
	load->stats.provisionals++;
	if (slice_eq(reply->method, SLICE("INVITE"))) {
		/* No more retransmissions; only the end of patience remains. */
		if (unit->step == STEP_INVITE)
			unit->step = STEP_PROCEEDING;
		unit->wait = load->options.timeout;
		alarms_start(&load->alarms, &unit->alarm, unit->give_up);
	}
}

static void time_out(struct load *load, struct unit *unit)
{
	load->stats.timeouts++;
	record(load, unit);
	if (unit->step == STEP_REQUEST) {
		load->in_flight--;
		load->stats.failed++;
		unit_idle(load, unit);
	} else {
		finish(load, unit, false);
	}
}

/* Timers A and E double; E stops at T2, A does not (RFC 3261 sections 17.1.1.2, 17.1.2.2). */
void uac_alarm(void *context, struct alarm *alarm)
{
	struct load *load = context;
	struct unit *unit = UNIT_OF(alarm);
	bool invite = unit->step == STEP_INVITE;

	if (unit->step == STEP_TALK) {
		send_bye(load, unit);
		return;
	}
	if (load->now >= unit->give_up) {
		time_out(load, unit);
		return;
	}
	load->stats.retransmitted++;
	link_send(&load->links, unit->link, unit->request, unit->request_len);
	unit->wait *= 2;
	if (!invite && unit->wait > load->options.t2)
		unit->wait = load->options.t2;
	if (load->now + unit->wait * CLOCK_MS > unit->give_up)
		alarms_start(&load->alarms, alarm, unit->give_up);
	else
		alarms_start(&load->alarms, alarm, load->now + unit->wait * CLOCK_MS);
}
