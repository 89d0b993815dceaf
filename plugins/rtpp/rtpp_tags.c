#include "plugins/rtpp/rtpp_tags.h"

#include <errno.h>

#include "core/sip/sip_header.h"

int rtpp_tags_plain(struct sip_msg *msg, struct slice *from, struct slice *to)
{
	const struct sip_nameaddr *f = sip_from(msg, NULL), *t = sip_to(msg, NULL);

	if (!f || !t || slice_empty(f->tag))
		return -EBADMSG;
	*from = f->tag;
	*to = t->tag;
	return 0;
}

int rtpp_tags_of(struct sip_msg *msg, bool answer, bool lookup, struct rtpp_tags *out)
{
	struct slice from, to, sender, other;
	bool request = msg->kind == SIP_REQUEST;
	int err = rtpp_tags_plain(msg, &from, &to);

	if (err != 0)
		return err;
	/* Only an offer in a request may come before the other party has a tag. */
	if (slice_empty(to) && (!request || answer || lookup))
		return -EBADMSG;
	sender = request ? from : to;
	other = request ? to : from;
	*out = (struct rtpp_tags){.letter = answer || lookup ? 'L' : 'U'};
	out->a = out->letter == 'U' ? sender : other;
	out->b = out->letter == 'U' ? other : sender;
	/* A late offer comes in a reply: its tags are complete, and yet nothing is set up so far. */
	out->initial = out->letter == 'U' && (!request || slice_empty(to));
	return 0;
}
