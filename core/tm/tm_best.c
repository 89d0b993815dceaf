/* Which of the negative replies goes upstream: RFC 3261 section 16.7 steps 6 and 7. */
#include "core/tm/tm_priv.h"

/*
 * Smaller is better. 6xx first. Then the lowest class; inside 4xx those that tell the caller what to do about it, and what a
 * phone said before the silence of another. 503 last of its class: it speaks of one server only.
 */
static unsigned rank(const struct tm_branch *br)
{
	const unsigned code = br->code;

	if (code >= 600)
		return code - 600;
	/* Not to be said at all: RFC 4320 section 4.2. */
	if (code == 408 && !tm_is_invite(br->trans))
		return 999999;
	if (code == 408 && br->reply == NULL)
		return 499999;
	if (code == 401 || code == 407 || code == 415 || code == 420 || code == 484)
		return 400000 + code;
	if (code == 503)
		return 599999;
	return (code / 100) * 100000 + 1000 + code;
}

struct tm_branch *best_branch(const struct tm_trans *t)
{
	struct tm_branch *best = NULL;

	for (struct tm_branch *br = t->branches; br != NULL; br = br->next) {
		if (br->code >= 300 && !br->moved &&
			(best == NULL || rank(br) < rank(best)))
			best = br;
	}
	return best;
}

static void add_challenges(struct ph_msg *to, struct ph_msg *from, enum sip_hdr_id id)
{
	for (const struct sip_hdr *h = sip_hdr_first(&from->sip, id); h != NULL;
		h = sip_hdr_next(h)) {
		struct slice value = arena_dup(to->arena, h->value);

		/* Without memory the caller sees fewer challenges, not wrong ones. */
		if (value.p != NULL)
			sip_hdr_add(&to->sip, SIP_AFTER, NULL,
				slice_str(sip_hdr_name(id)), value, NULL);
	}
}

void best_challenges(const struct tm_trans *t, struct tm_branch *best)
{
	if (best->reply == NULL || (best->code != 401 && best->code != 407))
		return;
	for (struct tm_branch *br = t->branches; br != NULL; br = br->next) {
		if (br == best || br->reply == NULL ||
			(br->code != 401 && br->code != 407))
			continue;
		add_challenges(best->reply, br->reply, SIP_H_WWW_AUTHENTICATE);
		add_challenges(best->reply, br->reply, SIP_H_PROXY_AUTHENTICATE);
	}
}
