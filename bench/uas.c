/* Callees: they ring, answer at once, repeat their 2xx until the ACK is there, and answer all else with 200. */
#include <stddef.h>
#include <string.h>

#include "bench/clock.h"
#include "bench/load.h"

#define UNIT_OF(alarm) ((struct unit *)((char *)(alarm)-offsetof(struct unit, uas_alarm)))

static bool has_tag(struct slice address)
{
	return message_has(address, ";tag=");
}

/* Who is called stands in To: u000123. */
static uint32_t callee_of(const struct load *load, const struct message *request)
{
	struct slice uri = message_uri(request->to);
	uint32_t value = 0;
	size_t i;

	for (i = 5; i < uri.len && uri.p[i] >= '0' && uri.p[i] <= '9'; i++)
		value = value * 10 + (uint32_t)(uri.p[i] - '0');
	return load->options.phones > 0 ? value % load->options.phones : 0;
}

static void put_headers(struct text *t, const struct message *request)
{
	unsigned i;

	for (i = 0; i < request->via_count; i++)
		text_slice(t, request->vias[i]);
	for (i = 0; i < request->route_count; i++)
		text_slice(t, request->routes[i]);
	TEXT_LITERAL(t, "From: ");
	text_slice(t, request->from);
	TEXT_LITERAL(t, "\r\nTo: ");
	text_slice(t, request->to);
	if (!has_tag(request->to)) {
		TEXT_LITERAL(t, ";tag=s");
		text_slice(t, request->call_id);
	}
	TEXT_LITERAL(t, "\r\nCall-ID: ");
	text_slice(t, request->call_id);
	TEXT_LITERAL(t, "\r\nCSeq: ");
	text_slice(t, request->cseq);
	TEXT_LITERAL(t, "\r\n");
}

static size_t write_reply(const struct load *load, const struct message *request, const char *line, bool sdp, char *buffer,
	size_t size)
{
	uint32_t callee = callee_of(load, request);
	struct text t = {buffer, buffer + size, false};
	char body[LINK_MESSAGE / 2];
	struct text b = {body, body + sizeof(body), false};

	text_string(&t, line);
	put_headers(&t, request);
	if (slice_eq(request->method, SLICE("INVITE"))) {
		TEXT_LITERAL(&t, "Contact: <sip:");
		words_user(&t, callee);
		TEXT_LITERAL(&t, "@");
		words_private(load, &t, callee);
		text_string(&t, load->options.tcp ? ":5060;transport=tcp>\r\n" : ":5060>\r\n");
	}
	if (sdp) {
		words_sdp(load, &b, callee);
		TEXT_LITERAL(&t, "Content-Type: application/sdp\r\n");
	}
	TEXT_LITERAL(&t, "Content-Length: ");
	text_number(&t, (uint32_t)(b.p - body), 1);
	TEXT_LITERAL(&t, "\r\n\r\n");
	text_put(&t, body, (size_t)(b.p - body));
	return t.full ? 0 : (size_t)(t.p - buffer);
}

static void answer(struct load *load, struct link *link, const struct message *request, const char *line)
{
	char reply[LINK_MESSAGE];
	size_t len = write_reply(load, request, line, false, reply, sizeof(reply));

	if (len > 0)
		link_send(&load->links, link, reply, len);
}

static void invited(struct load *load, struct link *link, const struct message *request)
{
	struct unit *unit = unit_find(load, request->call_id);

	if (unit == NULL || unit->step == STEP_REGISTER) {
		/* Of a call that is over: the server repeats what it has answered already. */
		load->stats.repeated++;
		return;
	}
	if (unit->uas_cseq == request->cseq_number) {
		load->stats.repeated++;
		link_send(&load->links, link, unit->reply, unit->reply_len);
		return;
	}
	load->stats.invites++;
	if (!message_has(request->contact, "@10.") && !message_has(request->contact, "@[fd00:"))
		load->stats.repaired++;
	if (request->body.len > 0 && !message_has(request->body, "c=IN IP4 10.") && !message_has(request->body, "c=IN IP6 fd00:"))
		load->stats.relayed++;
	unit->uas_cseq = request->cseq_number;
	unit->uas_link = link;
	if (!has_tag(request->to))
		answer(load, link, request, "SIP/2.0 180 Ringing\r\n");
	unit->reply_len = write_reply(load, request, "SIP/2.0 200 OK\r\n", request->body.len > 0, unit->reply, LINK_MESSAGE);
	if (unit->reply_len == 0)
		return;
	link_send(&load->links, link, unit->reply, unit->reply_len);
	unit->uas_wait = load->options.t1;
	unit->uas_give_up = load->now + load->options.timeout * CLOCK_MS;
	alarms_start(&load->alarms, &unit->uas_alarm, load->now + unit->uas_wait * CLOCK_MS);
}

void uas_request(struct load *load, struct link *link, const struct message *request)
{
	struct unit *unit;

	if (slice_eq(request->method, SLICE("INVITE"))) {
		invited(load, link, request);
		return;
	}
	unit = unit_find(load, request->call_id);
	if (slice_eq(request->method, SLICE("ACK"))) {
		if (unit != NULL && unit->uas_cseq == request->cseq_number)
			alarms_stop(&unit->uas_alarm);
		return;
	}
	if (slice_eq(request->method, SLICE("BYE")) && unit != NULL)
		alarms_stop(&unit->uas_alarm);
	answer(load, link, request, "SIP/2.0 200 OK\r\n");
}

/* The 2xx again, also over TCP (RFC 3261 section 13.3.1.4). */
void uas_alarm(void *context, struct alarm *alarm)
{
	struct load *load = context;
	struct unit *unit = UNIT_OF(alarm);

	if (load->now >= unit->uas_give_up)
		return;
	load->stats.retransmitted++;
	link_send(&load->links, unit->uas_link, unit->reply, unit->reply_len);
	unit->uas_wait *= 2;
	if (unit->uas_wait > load->options.t2)
		unit->uas_wait = load->options.t2;
	alarms_start(&load->alarms, alarm, load->now + unit->uas_wait * CLOCK_MS);
}
