/*
 * What a proxy looks at before it forwards, whatever the script says: RFC 3261 section 16.3 steps 3 to 5, RFC 5393. These
 * hold here and not in functions of the script, because they keep others from harm: a script that forgets them would make
 * this server part of a loop.
 */
#include <errno.h>

#include "core/tm/tm_priv.h"

#define HOPS_MAX     255u
#define HOPS_DEFAULT 70u

/* The script has not written it: then it is ours to count down. */
static bool hops_as_received(const struct ph_msg *msg)
{
	const struct sip_hdr *h = sip_hdr_first(&msg->sip, SIP_H_MAX_FORWARDS), *came;

	if (h == NULL)
		return true;
	if ((h->flags & (SIP_HDR_EDITED | SIP_HDR_ADDED)) != 0)
		return false;
	if (msg->came == NULL)
		return true;
	came = msg->came->by_id[SIP_H_MAX_FORWARDS];
	return came != NULL && slice_eq(came->received, h->value);
}

struct slice rules_hops(const struct ph_msg *msg, char out[RULES_HOPS_TEXT])
{
	uint32_t n = 0;
	int err = sip_number(&msg->sip, SIP_H_MAX_FORWARDS, &n);
	struct buf text;

	if (!hops_as_received(msg))
		return (struct slice){0};
	if (err == -ENOENT)
		n = HOPS_DEFAULT;
	else if (err != 0 || n > HOPS_MAX)
		n = HOPS_MAX;
	else if (n > 0)
		n--;
	buf_fixed(&text, out, RULES_HOPS_TEXT);
	buf_u64(&text, n);
	return buf_slice(&text);
}

static int check_hops(const struct ph_msg *msg)
{
	uint32_t n;
	int err = sip_number(&msg->sip, SIP_H_MAX_FORWARDS, &n);

	if (err == -EBADMSG)
		return TM_E_BAD_MESSAGE;
	return err == 0 && n == 0 && hops_as_received(msg) ? TM_E_HOPS : 0;
}

/* We know no extension that a proxy must know. A script that does takes the header off. */
static int check_extensions(struct ph_msg *msg, struct slice *extra)
{
	const struct sip_hdr *h = sip_hdr_first(&msg->sip, SIP_H_PROXY_REQUIRE);
	struct buf b;

	if (h == NULL || msg->sip.method == SIP_ACK || msg->sip.method == SIP_CANCEL)
		return 0;
	buf_arena(&b, msg->arena, 128, TM_MAX_OUT);
	for (; h != NULL; h = sip_hdr_next(h)) {
		buf_str(&b, "Unsupported: ");
		buf_add(&b, h->value);
		buf_str(&b, "\r\n");
	}
	if (b.err == 0)
		*extra = buf_slice(&b);
	return TM_E_EXTENSION;
}

int rules_check(struct ph_msg *msg, struct slice *extra)
{
	int err;

	if (msg->is_local)
		return 0;
	err = check_hops(msg);
	return err != 0 ? err : check_extensions(msg, extra);
}

void rules_tell_later(struct ph_msg *msg, struct slice extra)
{
	struct slice all = extra;

	if (msg->reply_extra.len > 0 && extra.len > 0)
		all = arena_join(msg->arena, msg->reply_extra, extra);
	if (extra.len > 0 && all.p != NULL)
		msg->reply_extra = all;
}

/* Section 16.3 step 4: a Via of ours, and nothing that we may have decided by has changed since. */
bool rules_looped(struct tm *tm, struct ph_msg *msg)
{
	const struct sip_via *via = sip_via_list(&msg->sip, NULL);
	uint32_t loop, now = 0;
	bool known = false;

	for (; via != NULL; via = via->next) {
		if (key_branch_loop(via->branch, &loop) != 0)
			continue;
		if (!known)
			now = key_loop(tm, msg);
		known = true;
		if (loop == now)
			return true;
	}
	return false;
}
