#include "plugins/nat/contact_edit.h"

#include <errno.h>

#define CONTACT_ROOM 512 /* what a rewritten header may at first be longer */
#define CONTACT_MAX  ((size_t)1 << 16)

void contact_put_params(struct buf *b, struct slice params, struct slice without)
{
	struct slice rest = params, name, value;

	while (sip_param_next(&rest, &name, &value)) {
		if (slice_ieq(name, without))
			continue;
		buf_chr(b, ';');
		buf_add(b, slice_trim(slice_make(name.p, (size_t)(rest.p - name.p))));
	}
}

/** Is all of it a SIP URI with a host? */
static bool all_sip(const struct sip_nameaddr *c)
{
	for (; c; c = c->next)
		if (c->uri_err != 0 || slice_empty(c->uri.host))
			return false;
	return true;
}

/** The new value of one header. 0, -EINVAL, -ENOMEM. */
static int rewrite(struct sip_msg *msg, struct sip_hdr *h, const struct sip_nameaddr *c,
	contact_put put, const void *arg)
{
	struct slice old = h->value;
	const struct sip_nameaddr *n;
	struct buf b;
	int err;

	buf_arena(&b, msg->arena, old.len + CONTACT_ROOM, CONTACT_MAX);
	for (; c && c->hdr == h; c = c->next) {
		if (b.len > 0)
			buf_add(&b, SLICE(", "));
		put(&b, c, arg);
	}
	if (b.err != 0)
		return -ENOMEM;
	n = sip_nameaddr_parse(msg->arena, buf_slice(&b), &err);
	if (!n)
		return err == -ENOMEM ? -ENOMEM : -EINVAL;
	if (!all_sip(n))
		return -EINVAL;
	return slice_eq(old, buf_slice(&b)) ? 0 : sip_hdr_set(msg, h, buf_slice(&b));
}

int contact_edit(struct sip_msg *msg, contact_put put, const void *arg)
{
	sip_mark mark = sip_edit_mark(msg);
	int err = 0;
	const struct sip_nameaddr *c = sip_nameaddrs(msg, SIP_H_CONTACT, &err);

	if (!c || sip_contact_star(msg))
		return err != 0 ? err : -ENOENT;
	if (!all_sip(c))
		return -EBADMSG;
	while (c && err == 0) {
		struct sip_hdr *h = c->hdr;

		err = rewrite(msg, h, c, put, arg);
		while (c && c->hdr == h)
			c = c->next;
	}
	if (err != 0)
		sip_rollback(msg, mark);
	return err;
}
