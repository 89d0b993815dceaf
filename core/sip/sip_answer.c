/* Messages that we make ourselves from others: replies, CANCEL, ACK; and received/rport
 * on the top Via. */
#include "core/sip/sip_write.h"

#include <errno.h>

#include "core/base/addr.h"
#include "core/sip/sip_scan.h"
#include "core/sip/sip_write_int.h"

#define VIA_ROOM 1024 /* first size of a rewritten Via */

/** The parameters but received and rport, each with its ';'. */
static void put_via_params(struct buf *b, const struct sip_via *v)
{
	struct slice rest = v->params, name, value;

	while (sip_param_next(&rest, &name, &value)) {
		if (slice_ieq(name, SLICE("received")) || slice_ieq(name, SLICE("rport")))
			continue;
		buf_chr(b, ';');
		buf_add(b, name);
		if (!slice_empty(value)) {
			buf_chr(b, '=');
			sip_put_value(b, value);
		}
	}
}

/** A Via value up to its parameters, then these without received and rport, then add. Where in b the parameters begin. */
static size_t put_via_with(struct buf *b, const struct sip_via *v, struct slice add)
{
	const char *head_end =
		slice_empty(v->params) ? v->text.p + v->text.len : v->params.p;
	struct slice head = slice_trim(sip_between(v->text.p, head_end));

	while (head.len > 0 &&
		(head.p[head.len - 1] == ';' || sip_is(head.p[head.len - 1], SC_LWS)))
		head.len--;
	sip_put_value(b, head);
	head.len = b->len;
	put_via_params(b, v);
	buf_add(b, add);
	return head.len;
}

/** What is put on a Via, and how long its two values are. */
struct via_add {
	char room[ADDR_TEXT + 32];
	struct buf text;
	size_t ip_len, port_len; /* 0: not put there */
};

static void via_add_make(struct via_add *a, const struct addr *source, bool received, bool rport)
{
	char ip[ADDR_TEXT];

	buf_fixed(&a->text, a->room, sizeof(a->room));
	a->ip_len = a->port_len = 0;
	if (received) {
		buf_add(&a->text, SLICE(";received="));
		a->ip_len = a->text.len;
		buf_add(&a->text, addr_ip_text(source, ip));
		a->ip_len = a->text.len - a->ip_len;
	}
	if (rport) {
		buf_add(&a->text, SLICE(";rport="));
		a->port_len = a->text.len;
		buf_u64(&a->text, addr_port(source));
		a->port_len = a->text.len - a->port_len;
	}
}

/**
 * What the field's new value comes to is known without reading it again, when it is this
 * Via alone: old, with its parameters from head on and those of a at the end.
 */
static void via_known(
	struct sip_msg *msg, const struct sip_via *old, size_t head, const struct via_add *a)
{
	struct slice value = old->hdr->value;
	struct sip_via *v;
	size_t end = value.len;

	if (!slice_empty(sip_via_rest(old)))
		return;
	v = sip_via_room(msg->arena, old->hdr);
	if (!v)
		return; /* it is read when somebody asks */
	*v = *old;
	v->next = NULL;
	v->text = value;
	v->params = slice_from(value, head + 1);
	v->has_rport = a->port_len > 0;
	v->rport = slice_sub(value, end - a->port_len, a->port_len);
	if (a->port_len > 0)
		end -= a->port_len + SLICE(";rport=").len;
	v->received = slice_sub(value, end - a->ip_len, a->ip_len);
}

/** The new value of the top Via's field; *head: where in it the first Via's parameters begin. Empty without memory. */
static struct slice via_value(
	struct sip_msg *msg, const struct sip_via *top, const struct via_add *a, size_t *head)
{
	struct buf b;

	buf_arena(&b, msg->arena, top->hdr->value.len + sizeof(a->room),
		top->hdr->value.len + VIA_ROOM);
	*head = put_via_with(&b, top, buf_slice(&a->text));
	if (!slice_empty(sip_via_rest(top))) {
		buf_add(&b, SLICE(", "));
		buf_add(&b, sip_via_rest(top));
	}
	return b.err == 0 ? buf_slice(&b) : (struct slice){0};
}

int sip_via_fix(struct sip_msg *msg, const struct addr *source, bool force_rport)
{
	int err;
	struct sip_via *top = sip_via_list(msg, &err);
	struct via_add add;
	struct addr sent_by;
	struct slice value;
	bool rport, received;
	size_t head;

	if (!top)
		return err != 0 ? err : -EBADMSG;
	rport = force_rport || top->has_rport;
	received = rport || addr_parse_ip(&sent_by, top->host) != 0 ||
		!addr_eq_ip(&sent_by, source);
	if (!received && slice_empty(top->received))
		return 0;
	via_add_make(&add, source, received, rport);
	/* Nothing but what the last call has left: scripts ask for rport after the host has. */
	if (top->hdr->value.p == msg->via_fixed && add.text.len > 0 &&
		slice_ends(top->params, slice_from(buf_slice(&add.text), 1)))
		return 0;
	value = via_value(msg, top, &add, &head);
	if (slice_empty(value) || add.text.err != 0)
		return -ENOMEM;
	err = sip_hdr_set(msg, top->hdr, value);
	if (err != 0)
		return err;
	msg->via_fixed = value.p;
	via_known(msg, top, head, &add);
	return 0;
}

/** All Via fields of the request; received and rport of the top one as told. */
static void put_vias(struct buf *b, struct sip_msg *req, struct slice top_params)
{
	const struct sip_hdr *h = sip_hdr_first(req, SIP_H_VIA);
	struct sip_via *top = NULL;

	if (h && !slice_empty(top_params) &&
		sip_via_parse(req->arena, h->value, &top) == 0) {
		buf_add(b, SLICE("Via: "));
		put_via_with(b, top, top_params);
		if (top->next) {
			buf_add(b, SLICE(", "));
			buf_add(b,
				slice_from(h->value,
					(size_t)(top->next->text.p - h->value.p)));
		}
		buf_add(b, SLICE("\r\n"));
		h = sip_hdr_next(h);
	}
	for (; h; h = sip_hdr_next(h))
		sip_put_header(b, h);
}

/** To of the request, with our tag when it has none. */
static void put_to(struct buf *b, struct sip_msg *req, const struct sip_answer *ans)
{
	const struct sip_hdr *h = req->by_id[SIP_H_TO];
	const struct sip_nameaddr *to;
	int err;

	if (!h)
		return;
	to = sip_nameaddr_parse(req->arena, h->received, &err);
	if (ans->code <= 100 || slice_empty(ans->to_tag) ||
		(to && !slice_empty(to->tag))) {
		sip_put_received(b, h);
		return;
	}
	buf_add(b, SLICE("To: "));
	sip_put_value(b, h->received);
	buf_add(b, SLICE(";tag="));
	buf_add(b, ans->to_tag);
	buf_add(b, SLICE("\r\n"));
}

/** All fields of a kind as received. */
static void put_all_received(struct buf *b, const struct sip_msg *req, enum sip_hdr_id id)
{
	const struct sip_hdr *h;

	for (h = req->by_id[id]; h; h = h->same)
		sip_put_received(b, h);
}

/**
 * The phrase may come from a script that put anything into it: what would end the line
 * becomes a blank.
 */
static void put_reason(struct buf *b, const struct sip_answer *ans)
{
	struct slice text = ans->reason;
	size_t i;

	if (slice_empty(text))
		text = slice_str(sip_reason(ans->code));
	for (i = 0; i < text.len; i++) {
		bool control = (unsigned char)text.p[i] < ' ' || text.p[i] == 127;

		buf_chr(b, control ? ' ' : text.p[i]);
	}
}

void sip_write_answer(
	struct buf *b, struct sip_msg *request, const struct sip_answer *ans)
{
	static const enum sip_hdr_id mirrored[] = {SIP_H_CALL_ID, SIP_H_CSEQ};
	const struct sip_hdr *h;
	unsigned i;

	buf_add(b, SLICE("SIP/2.0 "));
	buf_u64(b, ans->code);
	buf_chr(b, ' ');
	put_reason(b, ans);
	buf_add(b, SLICE("\r\n"));
	put_vias(b, request, ans->via_received);
	if (request->by_id[SIP_H_FROM])
		sip_put_received(b, request->by_id[SIP_H_FROM]);
	put_to(b, request, ans);
	/* What the sender wrote, whatever the script has made of it since (section
	 * 8.2.6.2). */
	for (i = 0; i < sizeof(mirrored) / sizeof(mirrored[0]); i++)
		if (request->by_id[mirrored[i]])
			sip_put_received(b, request->by_id[mirrored[i]]);
	if (ans->record_route)
		put_all_received(b, request, SIP_H_RECORD_ROUTE);
	h = ans->code == 100 ? sip_hdr_find(request, SLICE("Timestamp")) : NULL;
	if (h)
		sip_put_received(b, h);
	sip_put_lines(b, ans->extra);
	if (!slice_empty(ans->server))
		sip_put_field(b, SLICE("Server"), ans->server);
	sip_put_length(b, ans->body.len);
	buf_add(b, SLICE("\r\n"));
	buf_add(b, ans->body);
}

/**
 * Request line, top Via, From and the rest that CANCEL and ACK take from the request; to:
 * whose To.
 */
static void put_hop_request(struct buf *b, struct sip_msg *sent, struct slice method,
	struct sip_msg *to, struct slice extra)
{
	const struct sip_via *via = sip_via_list(sent, NULL);
	const struct sip_hdr *h;

	buf_add(b, method);
	buf_chr(b, ' ');
	buf_add(b, sent->ruri);
	buf_add(b, SLICE(" SIP/2.0\r\n"));
	if (via)
		sip_put_field(b, SLICE("Via"), via->text);
	h = sip_hdr_first(sent, SIP_H_FROM);
	if (h)
		sip_put_header(b, h);
	h = sip_hdr_first(to, SIP_H_TO);
	if (h)
		sip_put_header(b, h);
	h = sip_hdr_first(sent, SIP_H_CALL_ID);
	if (h)
		sip_put_header(b, h);
	buf_add(b, SLICE("CSeq: "));
	buf_u64(b, sent->cseq);
	buf_chr(b, ' ');
	buf_add(b, method);
	buf_add(b, SLICE("\r\n"));
	for (h = sip_hdr_first(sent, SIP_H_ROUTE); h; h = sip_hdr_next(h))
		sip_put_header(b, h);
	buf_add(b, SLICE("Max-Forwards: 70\r\n"));
	sip_put_lines(b, extra);
	sip_put_length(b, 0);
	buf_add(b, SLICE("\r\n"));
}

void sip_write_cancel(struct buf *b, struct sip_msg *sent, struct slice extra)
{
	put_hop_request(b, sent, SLICE("CANCEL"), sent, extra);
}

void sip_write_ack(struct buf *b, struct sip_msg *sent, struct sip_msg *reply)
{
	put_hop_request(b, sent, SLICE("ACK"), reply, (struct slice){0});
}
