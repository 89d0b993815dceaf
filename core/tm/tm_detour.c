/*
 * The way through another node: a phone lets in only what comes from the socket that it registered through, and another node
 * holds that socket. So the request goes to that node, with a Route which tells it the rest. When that node stays silent
 * or refuses, the request goes directly, as if there were no pinhole.
 *
 * Both forms are written when the branch begins; the one that is not in use waits in `other`. They have the same
 * branch value, so replies of either way find the branch. Once both have left, a node that was only slow may have delivered
 * its copy too: the phone then answers one of the two with 482 (RFC 3261 section 8.2.2.2, merged requests), which says
 * that the other is the one it works on.
 */
#include <errno.h>
#include <stdlib.h>

#include "core/tm/tm_priv.h"

struct tm_way {
	struct net_dest dest;
	char *sent; /* NULL: there is none */
	size_t sent_len;
};

struct tm_detoured {
	struct timer silence;
	struct tm_branch *br;
	struct tm_way other; /* not in use now */
	struct addr node;
	struct net_hop phone;
	bool both;      /* the direct copy has left as well */
	bool direct;    /* it is the one in use */
	bool settled;   /* the phone has said by which way it got the request */
	bool cancelled; /* the way not in use was told to stop */
	size_t socket_len;
	char socket[]; /* the other node's listener */
};

/* The flow's Route, when nothing but it decides where the request goes next. */
static bool decides(const struct tm_target *target, const struct sip_nameaddr *route,
	const struct tm_flow *flow)
{
	struct sip_uri uri;
	struct addr addr;

	if (target->path.len > 0)
		return false;
	if (target->du.len == 0 || slice_eq(target->du, route->uri_text) ||
		slice_eq(target->foreign, flow->socket))
		return true;
	if (sip_uri_parse(&uri, target->du) != 0 || addr_parse_ip(&addr, uri.host) != 0)
		return false;
	addr_set_port(&addr, uri.port);
	return addr_eq(&addr, &flow->phone.addr);
}

void detour_unwrap(struct tm *tm, struct ph_msg *request, struct tm_target *target)
{
	struct sip_nameaddr *top;
	struct tm_flow flow;
	struct buf du;

	if (tm->s.hooks->on_flow_route == NULL ||
		sip_hdr_first(&request->sip, SIP_H_ROUTE) == NULL)
		return;
	top = sip_nameaddrs(&request->sip, SIP_H_ROUTE, NULL);
	if (top == NULL || top->uri_err != 0 || top->uri.user.len == 0 ||
		tm->s.hooks->on_flow_route(tm->s.self, request, &top->uri, &flow) != 0 ||
		!decides(target, top, &flow))
		return;
	buf_arena(&du, request->arena, ADDR_TEXT + 24, 256);
	sip_uri_of_addr(&du, &flow.phone.addr, flow.phone.transport);
	if (du.err != 0 || sip_nameaddr_remove(&request->sip, top, top) != 0)
		return;
	target->du = buf_slice(&du);
	target->sock = flow.sock;
	target->foreign = flow.sock != NULL ? (struct slice){0} : flow.socket;
}

/* Ask for the way, and write the request for it. */
static int write_detour(struct tm *tm, struct ph_msg *msg, const struct tm_target *target,
	const struct net_hop *phone, const char *branch, struct net_dest *out)
{
	struct tm_target via_node = *target;
	struct tm_detour detour;
	int err;

	if (tm->s.hooks->on_foreign == NULL ||
		tm->s.hooks->on_foreign(
			tm->s.self, msg, target->foreign, phone, &detour) != 0)
		return -ENOENT;
	via_node.sock = NULL;
	via_node.du = (struct slice){0}; /* the phone's; the way to the node is the Route */
	via_node.flow = false;
	via_node.path = detour.route;
	if (target->path.len > 0) {
		via_node.path = arena_printf(msg->arena, "%.*s, %.*s",
			SLICE_ARG(detour.route), SLICE_ARG(target->path));
		if (via_node.path.p == NULL)
			return -ENOENT;
	}
	err = send_write_to(tm, msg, &via_node, &detour.hop, branch, out);
	if (err == 0)
		return 0;
	LOG_CALL(tm->log, LOG_L_INFO, msg->sip.call_id, "no way to the node of %.*s: %s",
		SLICE_ARG(target->foreign), strerror(-err));
	return -ENOENT;
}

int detour_write(struct tm *tm, struct ph_msg *msg, const struct tm_target *target,
	const struct net_hop *phone, const char *branch, struct net_dest *out)
{
	int err = write_detour(tm, msg, target, phone, branch, out);

	if (err == 0)
		tm_count(tm, TM_C_DETOURS);
	return err;
}

static void way_forget(struct tm_way *way)
{
	free(way->sent);
	way->sent = NULL;
	way->sent_len = 0;
}

/* What is in tm->out is kept. Without memory there is no other way. */
static void way_keep(struct tm_way *way, const struct tm *tm)
{
	way->sent = malloc(tm->out.len);
	if (way->sent == NULL)
		return;
	memcpy(way->sent, tm->out.p, tm->out.len);
	way->sent_len = tm->out.len;
}

static struct slice socket_of(const struct tm_detoured *d)
{
	return slice_make(d->socket, d->socket_len);
}

static void tell_silent(const struct tm_branch *br)
{
	struct tm *tm = br->trans->tm;

	tm_count(tm, TM_C_DETOURS_FAILED);
	if (tm->s.hooks->on_foreign_silent != NULL)
		tm->s.hooks->on_foreign_silent(tm->s.self, socket_of(br->detour));
}

/* The other way is the one in use from now on. */
static void ways_swap(struct tm_branch *br)
{
	struct tm_detoured *d = br->detour;
	struct tm_way was = {
		.dest = br->dest, .sent = br->sent, .sent_len = br->sent_len};

	br->dest = d->other.dest;
	br->dest.cookie = was.dest.cookie;
	br->sent = d->other.sent;
	br->sent_len = d->other.sent_len;
	br->reliable = br->dest.transport != SIP_TR_UDP;
	d->other = was;
	d->direct = !d->direct;
}

/* Nothing has been heard of the node. */
static bool is_waiting(const struct tm_branch *br)
{
	return br->state == TC_CALLING && !br->detour->both;
}

static bool may_go_direct(const struct tm_branch *br)
{
	return is_waiting(br) && br->detour->other.sent != NULL;
}

static void go_direct(struct tm_branch *br)
{
	struct tm_detoured *d = br->detour;
	struct tm *tm = br->trans->tm;
	int err;

	timer_stop(&d->silence);
	tell_silent(br);
	if (br->cancel_wanted) {
		/* Nobody wants to be called any more. A node that was only slow is told when it speaks. */
		timer_stop(&br->resend);
		if (br->code == 0)
			reply_local(br, 487);
		return;
	}
	ways_swap(br);
	d->both = true;
	br->send_failed = false;
	branch_calling(br);
	err = net_send(tm->s.net, &br->dest, slice_make(br->sent, br->sent_len));
	if (err != 0)
		tm_send_error(tm, br->dest.cookie, err);
}

static void silence_due(void *arg)
{
	struct tm_detoured *d = arg;
	struct tm_trans *t = d->br->trans;

	trans_enter(t);
	if (may_go_direct(d->br))
		go_direct(d->br);
	else if (is_waiting(d->br))
		tell_silent(d->br);
	trans_leave(t);
}

static struct tm_detoured *detoured_new(struct tm_branch *br, const struct net_hop *phone)
{
	struct slice socket = br->target.foreign;
	struct tm_detoured *d = calloc(1, sizeof(*d) + socket.len);

	if (d == NULL)
		return NULL;
	d->br = br;
	d->phone = *phone;
	d->socket_len = socket.len;
	memcpy(d->socket, socket.p, socket.len);
	timer_init(&d->silence, silence_due, d);
	return d;
}

int detour_start(struct tm_branch *br, struct ph_msg *request, const struct net_hop *phone)
{
	struct tm *tm = br->trans->tm;
	uint64_t patience = branch_patience(br) / 2;
	uint64_t silence = (uint64_t)tm->s.conf->detour_timer;
	struct tm_detoured *d;
	char branch[TM_BRANCH_LEN + 1];

	key_branch(br, branch);
	d = detoured_new(br, phone);
	if (d == NULL)
		return -ENOENT;
	br->detour = d;
	if (send_write_to(tm, request, &br->target, phone, branch, &d->other.dest) == 0)
		way_keep(&d->other, tm);
	if (write_detour(tm, request, &br->target, phone, branch, &br->dest) != 0) {
		detour_free(br);
		return -ENOENT;
	}
	d->node = br->dest.addr;
	tm_count(tm, TM_C_DETOURS);
	if (branch_start(br) != 0) {
		tell_silent(br);
		detour_free(br);
		return -ENOENT;
	}
	timer_start(tm->s.loop, &d->silence, silence < patience ? silence : patience);
	return 0;
}

struct net_dest detour_phone(const struct tm_branch *br)
{
	const struct tm_detoured *d = br->detour;

	if (d == NULL)
		return br->dest;
	return (struct net_dest){.transport = d->phone.transport, .addr = d->phone.addr};
}

bool detour_send_error(struct tm_branch *br)
{
	struct tm_detoured *d = br->detour;

	if (d == NULL || !may_go_direct(br))
		return false;
	/* net may be in the middle of sending for us: act when it is through. */
	timer_stop(&br->resend);
	timer_start(br->trans->tm->s.loop, &d->silence, 0);
	return true;
}

static void acknowledge(struct tm_branch *br, const char *sent, size_t sent_len,
	const struct net_dest *dest, struct ph_msg *reply)
{
	struct tm *tm = br->trans->tm;
	struct net_dest to = *dest;

	if (!tm_is_invite(br->trans) || sent == NULL ||
		branch_write_ack(tm, slice_make(sent, sent_len), reply) != 0)
		return;
	to.cookie = 0;
	net_send(tm->s.net, &to, buf_slice(&tm->out));
}

/* The phone has the request by the other way. */
static void settle_on_other(struct tm_branch *br)
{
	br->detour->settled = true;
	timer_stop(&br->resend);
	ways_swap(br);
	if (br->cancel_sent)
		cancel_send(br);
}

/* Before the direct copy has left. */
static bool reply_of_node(struct tm_branch *br, struct ph_msg *reply)
{
	struct tm_detoured *d = br->detour;

	/* A node never passes a 503 on (section 16.7 step 6): it is its own, it takes no new work. */
	if (reply->sip.status == 503 && may_go_direct(br)) {
		acknowledge(br, br->sent, br->sent_len, &br->dest, reply);
		go_direct(br);
		return true;
	}
	timer_stop(&d->silence);
	way_forget(&d->other);
	return false;
}

static bool reply_of_way_in_use(struct tm_branch *br, struct ph_msg *reply)
{
	struct tm_detoured *d = br->detour;

	if (reply->sip.status == 482 && !d->settled) {
		acknowledge(br, br->sent, br->sent_len, &br->dest, reply);
		settle_on_other(br);
		return true;
	}
	if (reply->sip.status > 100)
		d->settled = true;
	return false;
}

static bool reply_of_other_way(struct tm_branch *br, struct ph_msg *reply)
{
	struct tm_detoured *d = br->detour;
	unsigned status = reply->sip.status;
	bool invite = tm_is_invite(br->trans);

	if (status >= 300 && (d->settled || status == 482 || status == 503)) {
		acknowledge(br, d->other.sent, d->other.sent_len, &d->other.dest, reply);
		return true;
	}
	if (!d->settled) {
		/* 100 says only that the node has woken up. */
		if (status > 100)
			settle_on_other(br);
		return false;
	}
	/* The phone works on the other copy: this one must not ring as well. */
	if (invite && status < 200 && !d->cancelled && d->other.sent != NULL) {
		d->cancelled = true;
		cancel_write_send(br->trans,
			slice_make(d->other.sent, d->other.sent_len), &d->other.dest);
	}
	return !invite || status < 200;
}

bool detour_reply(struct tm_branch *br, struct ph_msg *reply)
{
	struct tm_detoured *d = br->detour;
	bool by_node = !d->both || addr_eq(&reply->rx.src, &d->node);
	bool dealt_with;

	if (!d->both)
		dealt_with = reply_of_node(br, reply);
	else if (by_node != d->direct)
		dealt_with = reply_of_way_in_use(br, reply);
	else
		dealt_with = reply_of_other_way(br, reply);
	if (by_node) {
		reply->rx.src = d->phone.addr;
		reply->rx.transport = d->phone.transport;
		reply->rx.conn = 0;
	}
	return dealt_with;
}

void detour_end(struct tm_branch *br)
{
	if (br->detour == NULL)
		return;
	timer_stop(&br->detour->silence);
	way_forget(&br->detour->other);
}

void detour_free(struct tm_branch *br)
{
	detour_end(br);
	free(br->detour);
	br->detour = NULL;
}
