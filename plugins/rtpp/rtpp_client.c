/* What is common to all ways to a relay; and commands that nobody waits for. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/hash.h"
#include "plugins/rtpp/rtpp_client_priv.h"

/** A command that nobody waits for; owns its text and its idea of the relay. */
struct rtpp_posted {
	struct rtpp_pending pending;
	struct rtpp_posted *next, **prev;
	struct rtpp_relay to;
	void (*done)(void *arg, void *tag, int err, struct slice reply);
	void *arg;
	void *tag;
	char text[];
};

void rtpp_client_count(struct rtpp_client *c, enum rtpp_counter which)
{
	counter_inc(c->set.counters, c->set.first_counter + which);
}

unsigned rtpp_client_patience(const struct rtpp_client *c)
{
	return c->set.timeout_ms * c->set.sends;
}

static void take_out(struct rtpp_pending *p)
{
	if (p->conn)
		rtpp_conn_take_out(p);
	else
		rtpp_udp_take_out(p);
	rtpp_pending_clear(p);
}

void rtpp_client_cancel(struct rtpp_pending *p)
{
	if (p->client)
		take_out(p);
}

void rtpp_pending_over(struct rtpp_pending *p, int err, struct slice reply)
{
	if (err == 0)
		rtpp_client_count(p->client, RTPP_C_REPLIES);
	else if (err == -ETIMEDOUT)
		rtpp_client_count(p->client, RTPP_C_TIMEOUTS);
	rtpp_pending_clear(p);
	p->fn(p->arg, err, reply);
}

int rtpp_client_send(struct rtpp_client *c, struct rtpp_pending *p,
	const struct rtpp_relay *to, struct slice command, unsigned sends,
	void (*fn)(void *arg, int err, struct slice reply), void *arg)
{
	int err;

	*p = (struct rtpp_pending){.client = c,
		.number = ++c->number,
		.to = to,
		.command = command,
		.sends_left = (sends > 0 ? sends : c->set.sends) - 1,
		.fn = fn,
		.arg = arg};
	rtpp_client_count(c, RTPP_C_COMMANDS);
	err = to->way == RTPP_WAY_UDP ? rtpp_udp_send(p) : rtpp_conn_send(p);
	if (err != 0)
		p->client = NULL;
	return err;
}

static void posted_free(struct rtpp_posted *o)
{
	rtpp_client_cancel(&o->pending);
	*o->prev = o->next;
	if (o->next)
		o->next->prev = o->prev;
	free(o);
}

static void on_posted(void *arg, int err, struct slice reply)
{
	struct rtpp_posted *o = arg;

	if (o->done)
		o->done(o->arg, o->tag, err, reply);
	posted_free(o);
}

int rtpp_client_post(struct rtpp_client *c, const struct rtpp_relay *to,
	struct slice command,
	void (*done)(void *arg, void *tag, int err, struct slice reply), void *arg,
	void *tag)
{
	struct rtpp_posted *o = calloc(1, sizeof(*o) + command.len + 1);
	int err;

	if (!o)
		return -ENOMEM;
	memcpy(o->text, command.p, command.len);
	o->to = *to;
	o->done = done;
	o->arg = arg;
	o->tag = tag;
	o->prev = &c->posted;
	o->next = c->posted;
	if (o->next)
		o->next->prev = &o->next;
	c->posted = o;
	err = rtpp_client_send(c, &o->pending, &o->to, slice_make(o->text, command.len),
		0, on_posted, o);
	if (err != 0)
		posted_free(o);
	return err;
}

int rtpp_client_new(struct rtpp_client **out, const struct rtpp_client_setup *setup)
{
	struct rtpp_client *c = calloc(1, sizeof(*c));
	uint64_t id;
	int len, err;

	if (!c)
		return -ENOMEM;
	c->set = *setup;
	random_bytes(&id, sizeof(id));
	/* Letters, digits and underscores: what every relay takes as a cookie. */
	len = setup->worker < 0
		? snprintf(c->prefix, sizeof(c->prefix), "%016" PRIx64 "_s_", id)
		: snprintf(c->prefix, sizeof(c->prefix), "%016" PRIx64 "_%d_", id,
			  setup->worker);
	c->prefix_len = (size_t)len;
	err = rtpp_udp_start(c);
	if (err != 0) {
		free(c);
		return err;
	}
	*out = c;
	return 0;
}

void rtpp_client_destroy(struct rtpp_client **cp)
{
	struct rtpp_client *c = *cp;

	if (!c)
		return;
	*cp = NULL;
	while (c->posted)
		posted_free(c->posted);
	rtpp_conn_close_all(c);
	rtpp_udp_stop(c);
	free(c);
}
