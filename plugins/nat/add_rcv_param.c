#include "plugins/nat/add_rcv_param.h"

#include <errno.h>

#include "plugins/nat/contact_edit.h"

struct rcv {
	struct slice received;
	bool in_uri;
};

static void put_escaped(struct buf *b, struct slice uri)
{
	size_t i;

	for (i = 0; i < uri.len; i++) {
		if (uri.p[i] == ';')
			buf_add(b, SLICE("%3B"));
		else if (uri.p[i] == '=')
			buf_add(b, SLICE("%3D"));
		else
			buf_chr(b, uri.p[i]);
	}
}

/** What is not to stay of the header's parameters: a received that is not ours. */
static struct slice header_without(const struct sip_nameaddr *c, const struct rcv *rcv)
{
	struct slice value;

	if (rcv->in_uri && sip_param_get(c->params, SLICE("received"), &value) &&
		value.len == rcv->received.len + 2 && value.p[0] == '"' &&
		slice_eq(slice_sub(value, 1, rcv->received.len), rcv->received))
		return (struct slice){0};
	return SLICE("received");
}

static void put_with_received(
	struct buf *b, const struct sip_nameaddr *c, const void *arg)
{
	const struct rcv *rcv = arg;
	const struct sip_uri *u = &c->uri;

	if (!slice_empty(c->display)) {
		buf_add(b, c->display);
		buf_chr(b, ' ');
	}
	buf_chr(b, '<');
	buf_add(b,
		slice_make(u->text.p,
			(size_t)(u->hostport.p + u->hostport.len - u->text.p)));
	contact_put_params(
		b, u->params, rcv->in_uri ? SLICE("received") : (struct slice){0});
	if (rcv->in_uri) {
		buf_add(b, SLICE(";received="));
		put_escaped(b, rcv->received);
	}
	if (!slice_empty(u->headers)) {
		buf_chr(b, '?');
		buf_add(b, u->headers);
	}
	buf_chr(b, '>');
	contact_put_params(b, c->params, header_without(c, rcv));
	if (!rcv->in_uri) {
		buf_add(b, SLICE(";received=\""));
		buf_add(b, rcv->received);
		buf_chr(b, '"');
	}
}

int add_rcv_param(struct sip_msg *msg, struct slice received, bool in_uri)
{
	const struct rcv rcv = {.received = received, .in_uri = in_uri};
	int err = contact_edit(msg, put_with_received, &rcv);

	return err == -ENOENT ? 0 : err;
}
