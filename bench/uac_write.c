/* The requests that phones send. */
#include "bench/load.h"

/* What differs between them; the rest comes from the unit. */
struct request {
	const char *method;
	struct slice target;
	uint32_t cseq;
	uint32_t branch; /**< a reject's ACK has that of its INVITE, any other message one of its own */
	struct slice to; /**< empty: from to_phone */
	uint32_t to_phone;
	bool dialog; /**< with the Routes of the dialog */
	bool contact;
	bool expires;
	bool sdp;
};

static void put_call_id(const struct load *load, struct text *t, const struct unit *unit)
{
	if (unit->step == STEP_REGISTER) {
		TEXT_LITERAL(t, "r");
		text_hex(t, unit->phone);
	} else {
		TEXT_LITERAL(t, "c");
		text_hex(t, unit->index);
		TEXT_LITERAL(t, ".");
		text_hex(t, unit->generation);
	}
	TEXT_LITERAL(t, "-");
	text_string(t, load->run);
}

static void put_via(const struct load *load, struct text *t, const struct unit *unit, uint32_t branch)
{
	text_string(t, load->options.tcp ? "Via: SIP/2.0/TCP " : "Via: SIP/2.0/UDP ");
	words_private(load, t, unit->phone);
	TEXT_LITERAL(t, ":5060;branch=z9hG4bK");
	put_call_id(load, t, unit);
	TEXT_LITERAL(t, "-");
	text_hex(t, branch);
	TEXT_LITERAL(t, ";rport\r\nMax-Forwards: 70\r\n");
}

static void put_address(const struct load *load, struct text *t, uint32_t phone)
{
	TEXT_LITERAL(t, "<sip:");
	words_user(t, phone);
	TEXT_LITERAL(t, "@");
	text_string(t, load->options.domain);
	TEXT_LITERAL(t, ">");
}

static void put_contact(const struct load *load, struct text *t, uint32_t phone)
{
	TEXT_LITERAL(t, "Contact: <sip:");
	words_user(t, phone);
	TEXT_LITERAL(t, "@");
	words_private(load, t, phone);
	text_string(t, load->options.tcp ? ":5060;transport=tcp>\r\n" : ":5060>\r\n");
}

static void put_body(const struct load *load, struct text *t, uint32_t phone, bool sdp)
{
	char body[LINK_MESSAGE / 2];
	struct text b = {body, body + sizeof(body), false};

	if (!sdp) {
		TEXT_LITERAL(t, "Content-Length: 0\r\n\r\n");
		return;
	}
	words_sdp(load, &b, phone);
	TEXT_LITERAL(t, "Content-Type: application/sdp\r\nContent-Length: ");
	text_number(t, (uint32_t)(b.p - body), 1);
	TEXT_LITERAL(t, "\r\n\r\n");
	text_put(t, body, (size_t)(b.p - body));
}

static void put_from(const struct load *load, struct text *t, const struct unit *unit)
{
	TEXT_LITERAL(t, "From: ");
	put_address(load, t, unit->phone);
	TEXT_LITERAL(t, ";tag=");
	put_call_id(load, t, unit);
	TEXT_LITERAL(t, "\r\nTo: ");
}

static size_t write_request(const struct load *load, const struct unit *unit, const struct request *r, char *buffer, size_t size)
{
	struct text t = {buffer, buffer + size, false};

	text_string(&t, r->method);
	TEXT_LITERAL(&t, " ");
	text_slice(&t, r->target);
	TEXT_LITERAL(&t, " SIP/2.0\r\n");
	put_via(load, &t, unit, r->branch);
	if (r->dialog)
		text_slice(&t, unit->routes);
	put_from(load, &t, unit);
	if (r->to.len > 0)
		text_slice(&t, r->to);
	else
		put_address(load, &t, r->to_phone);
	TEXT_LITERAL(&t, "\r\nCall-ID: ");
	put_call_id(load, &t, unit);
	TEXT_LITERAL(&t, "\r\nCSeq: ");
	text_number(&t, r->cseq, 1);
	TEXT_LITERAL(&t, " ");
	text_string(&t, r->method);
	TEXT_LITERAL(&t, "\r\n");
	if (r->contact) {
		put_contact(load, &t, unit->phone);
		TEXT_LITERAL(&t, "Allow: INVITE, ACK, CANCEL, BYE, OPTIONS, INFO, UPDATE\r\n");
	}
	if (r->expires) {
		TEXT_LITERAL(&t, "Expires: ");
		text_number(&t, load->options.expires, 1);
		TEXT_LITERAL(&t, "\r\n");
	}
	TEXT_LITERAL(&t, "User-Agent: sipload\r\n");
	put_body(load, &t, unit->phone, r->sdp);
	return t.full ? 0 : (size_t)(t.p - buffer);
}

static bool write_kept(struct load *load, struct unit *unit, const struct request *r)
{
	unit->request_len = write_request(load, unit, r, unit->request, LINK_MESSAGE);
	return unit->request_len > 0;
}

/* sip:[USER@]HOST of a request outside a dialog. */
static struct slice target_of(struct text *t, const char *user, uint32_t phone, const char *host)
{
	const char *begin = t->p;

	TEXT_LITERAL(t, "sip:");
	if (user != NULL) {
		words_user(t, phone);
		TEXT_LITERAL(t, "@");
	}
	text_string(t, host);
	return (struct slice){begin, (size_t)(t->p - begin)};
}

bool uac_write_register(struct load *load, struct unit *unit)
{
	char place[300];
	struct text t = {place, place + sizeof(place), false};
	struct request r = {.method = "REGISTER", .cseq = unit->cseq, .branch = unit->cseq, .to_phone = unit->phone,
		.contact = true, .expires = true};

	r.target = target_of(&t, NULL, 0, load->options.domain);
	return write_kept(load, unit, &r);
}

bool uac_write_options(struct load *load, struct unit *unit)
{
	char place[300];
	struct text t = {place, place + sizeof(place), false};
	struct request r = {.method = "OPTIONS", .cseq = unit->cseq, .branch = unit->cseq, .to_phone = unit->phone};

	r.target = target_of(&t, NULL, 0, load->options.target_text);
	return write_kept(load, unit, &r);
}

bool uac_write_invite(struct load *load, struct unit *unit)
{
	struct text t = {unit->dialog, unit->dialog + LOAD_DIALOG, false};
	struct request r = {.method = "INVITE", .cseq = unit->cseq, .branch = unit->cseq, .to_phone = unit->callee,
		.contact = true, .sdp = load->options.sdp};

	unit->target = target_of(&t, "u", unit->callee, load->options.domain);
	r.target = unit->target;
	return write_kept(load, unit, &r);
}

bool uac_write_in_dialog(struct load *load, struct unit *unit, const char *method)
{
	bool invite = strcmp(method, "INVITE") == 0;
	struct request r = {.method = method, .target = unit->target, .cseq = unit->cseq, .branch = unit->cseq,
		.to = unit->to, .dialog = true, .contact = invite, .sdp = invite && load->options.sdp};

	return write_kept(load, unit, &r);
}

size_t uac_write_ack(struct load *load, struct unit *unit, char *buffer, size_t size)
{
	struct request r = {.method = "ACK", .target = unit->target, .cseq = unit->invite_cseq,
		.branch = unit->invite_cseq | 0x80000000U, .to = unit->to, .dialog = true};

	return write_request(load, unit, &r, buffer, size);
}

size_t uac_write_reject_ack(struct load *load, struct unit *unit, const struct message *reply, char *buffer, size_t size)
{
	struct request r = {.method = "ACK", .target = unit->target, .cseq = unit->invite_cseq,
		.branch = unit->invite_cseq, .to = reply->to, .dialog = unit->routes.len > 0};

	return write_request(load, unit, &r, buffer, size);
}
