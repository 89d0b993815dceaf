#include "plugins/rtpp/rtpp_proto.h"

#include <errno.h>

#define MAX_CODECS 32

static const struct {
	const char *date;
	unsigned bit;
} feature_rows[RTPP_FEATURES] = {
	{"20050322", RTPP_F_STREAMS},
	{"20060704", RTPP_F_VERSION_ARG},
	{"20071116", RTPP_F_REPACKETISE},
	{"20081102", RTPP_F_CODECS},
	{"20081224", RTPP_F_NOTIFY},
	{"20140323", RTPP_F_CODES2},
	{"20150420", RTPP_F_TCP_NAME},
	{"20150617", RTPP_F_CC_SELF},
};

const char *rtpp_feature_date(unsigned i)
{
	return feature_rows[i].date;
}

unsigned rtpp_feature_bit(unsigned i)
{
	return feature_rows[i].bit;
}

/** Blanks and control bytes would shift or end the words, ';' in a tag would name a stream. */
static bool is_word(struct slice s, bool tag)
{
	size_t i;

	for (i = 0; i < s.len; i++)
		if ((unsigned char)s.p[i] <= ' ' || s.p[i] == 0x7f ||
			(tag && s.p[i] == ';'))
			return false;
	return s.len > 0;
}

static void add_tag(struct buf *b, struct slice tag, unsigned stream)
{
	buf_chr(b, ' ');
	buf_add(b, tag);
	if (stream > 0) {
		buf_chr(b, ';');
		buf_u64(b, stream);
	}
}

/** What of the words a command has beside Call-ID and tags. */
static bool has_address(const struct rtpp_command *c)
{
	return c->letter == 'U' || c->letter == 'L';
}

static bool has_stream(const struct rtpp_command *c)
{
	return has_address(c) || c->letter == 'P' || c->letter == 'S';
}

static bool has_notify(const struct rtpp_command *c)
{
	return c->letter == 'U' && c->notify_socket.len > 0 && c->notify_tag.len > 0;
}

static bool is_sound(const struct rtpp_command *c)
{
	if (!is_word(c->call_id, false) || !is_word(c->tag_a, true) ||
		(c->tag_b.len > 0 && !is_word(c->tag_b, true)))
		return false;
	if (has_address(c) && !is_word(c->ip, false))
		return false;
	if (c->letter == 'P' && !is_word(c->prompt, false))
		return false;
	if (has_notify(c) &&
		(!is_word(c->notify_socket, false) || !is_word(c->notify_tag, false)))
		return false;
	return !has_stream(c) || c->stream > 0;
}

static void add_word(struct buf *b, struct slice word)
{
	buf_chr(b, ' ');
	buf_add(b, word);
}

int rtpp_command_write(struct buf *b, const struct rtpp_command *c)
{
	unsigned stream = has_stream(c) ? c->stream : 0;
	size_t before = b->len;

	if (!is_sound(c))
		return -EINVAL;
	buf_chr(b, c->letter);
	buf_add(b, c->modifiers);
	add_word(b, c->call_id);
	if (has_address(c)) {
		add_word(b, c->ip);
		buf_chr(b, ' ');
		buf_u64(b, c->port);
	}
	if (c->letter == 'P') {
		add_word(b, c->prompt);
		add_word(b, SLICE("session"));
	}
	add_tag(b, c->tag_a, stream);
	if (c->tag_b.len > 0)
		add_tag(b, c->tag_b, stream);
	if (has_notify(c)) {
		add_word(b, c->notify_socket);
		add_word(b, c->notify_tag);
	}
	if (b->err == 0 && b->len - before > RTPP_COMMAND_MAX)
		return -EMSGSIZE;
	return b->err;
}

/** "0 8 101" as "C0,8,101"; nothing when a format is no payload type (T.38). */
static void add_codecs(struct buf *b, struct slice formats)
{
	struct slice rest = slice_trim(formats), all = rest, one;
	unsigned n = 0;
	uint64_t pt;

	while (rest.len > 0) {
		if (!slice_cut(rest, ' ', &one, &rest)) {
			one = rest;
			rest.len = 0;
		}
		rest = slice_trim(rest);
		if (slice_u64(one, 127, &pt) != 0)
			return;
	}
	for (rest = all; rest.len > 0 && n < MAX_CODECS; n++) {
		if (!slice_cut(rest, ' ', &one, &rest)) {
			one = rest;
			rest.len = 0;
		}
		rest = slice_trim(rest);
		buf_chr(b, n == 0 ? 'C' : ',');
		buf_add(b, one);
	}
}

void rtpp_modifiers_write(struct buf *b, const struct rtpp_flags *f, bool ip6,
	unsigned known, struct slice formats, bool *dropped)
{
	if (f->asymmetric)
		buf_chr(b, 'A');
	if (f->symmetric)
		buf_chr(b, 'S');
	buf_str(b, f->sides);
	if (ip6)
		buf_chr(b, '6');
	if (f->repacketise > 0 && (known & RTPP_F_REPACKETISE)) {
		buf_chr(b, 'Z');
		buf_u64(b, f->repacketise);
	} else if (f->repacketise > 0) {
		*dropped = true;
	}
	if (known & RTPP_F_CODECS)
		add_codecs(b, formats);
}

static bool next_word(struct slice *rest, struct slice *word)
{
	*rest = slice_trim(*rest);
	if (!slice_cut(*rest, ' ', word, rest)) {
		*word = *rest;
		rest->len = 0;
	}
	return word->len > 0;
}

int rtpp_reply_parse(struct slice text, struct rtpp_reply *out)
{
	struct rtpp_reply r = {.kind = RTPP_REPLY_NUMBER};
	struct slice first, second, third, more;
	uint64_t n;

	if (text.len > RTPP_REPLY_MAX || !next_word(&text, &first))
		return -EBADMSG;
	if (first.p[0] == 'E' || first.p[0] == 'e') {
		r.kind = RTPP_REPLY_ERROR;
		first = slice_from(first, 1);
	}
	if (slice_u64(first, UINT32_MAX, &n) != 0)
		return -EBADMSG;
	r.number = (uint32_t)n;
	if (r.kind == RTPP_REPLY_NUMBER && next_word(&text, &second)) {
		/* The third word says the family once more ("4" also from rtpengine): the address tells it itself. */
		if (addr_parse_ip(&r.addr, second) != 0 ||
			(next_word(&text, &third) &&
				(third.len != 1 || !strchr("46", third.p[0]))) ||
			next_word(&text, &more))
			return -EBADMSG;
		r.kind = RTPP_REPLY_ADDR;
		if (addr_is_any(&r.addr))
			r.addr = (struct addr){0};
	}
	*out = r;
	return 0;
}

/**
 * Codes that say "not here": no address of that family, no ports, memory, overload, shutdown; of rtpproxy 1.2 no ports, which in later ones
 * are faults of the command.
 */
static bool is_elsewhere(uint32_t code, unsigned features)
{
	if (code == 7 || code == 10)
		return !(features & RTPP_F_CODES2);
	return code == 36 || code == 71 || code == 72 || (code >= 81 && code <= 89) ||
		code == 98 || code == 99;
}

static bool is_no_session(uint32_t code, unsigned features)
{
	return code == 50 || (code == 8 && !(features & RTPP_F_CODES2));
}

static enum rtpp_outcome error_outcome(
	const struct rtpp_command *sent, uint32_t code, unsigned features)
{
	if (code == 75 && has_notify(sent))
		return RTPP_NO_NOTIFY;
	if (code == 50 || (sent->letter != 'U' && is_no_session(code, features)))
		return RTPP_NO_SESSION;
	return is_elsewhere(code, features) ? RTPP_ELSEWHERE : RTPP_REFUSED;
}

enum rtpp_outcome rtpp_outcome_of(const struct rtpp_command *sent,
	const struct rtpp_reply *reply, unsigned features)
{
	struct addr told;

	if (reply->kind == RTPP_REPLY_ERROR)
		return error_outcome(sent, reply->number, features);
	if (reply->number == 0)
		return RTPP_NO_SESSION;
	/* The port behind it is RTCP's. */
	if (reply->number >= UINT16_MAX)
		return RTPP_BAD_REPLY;
	if (reply->kind == RTPP_REPLY_ADDR && reply->number == sent->port &&
		addr_parse_ip(&told, sent->ip) == 0 &&
		(addr_is_set(&reply->addr) ? addr_eq_ip(&told, &reply->addr)
					   : addr_is_any(&told)))
		return RTPP_ECHO;
	return RTPP_GOOD;
}

const char *rtpp_outcome_text(enum rtpp_outcome o)
{
	switch (o) {
	case RTPP_GOOD:
		return "done";
	case RTPP_NO_SESSION:
		return "the relay has no such session: was it restarted, or is the offer "
		       "with another relay?";
	case RTPP_ECHO:
		return "the relay sent the phone's own address back, so it did not "
		       "understand the command: check its version";
	case RTPP_BAD_REPLY:
		return "a reply without a usable port: is that an RTP proxy?";
	case RTPP_REFUSED:
		return "the relay refused the command";
	case RTPP_ELSEWHERE:
		return "the relay has no room for this call: check its port range and "
		       "load";
	case RTPP_NO_NOTIFY:
		return "the relay takes no notifications: it was started without -n";
	default:
		return "";
	}
}

const char *rtpp_refusal_text(const struct rtpp_reply *reply, unsigned features)
{
	bool v2 = features & RTPP_F_CODES2;

	if (reply->kind != RTPP_REPLY_ERROR)
		return "that is no answer to it";
	if (is_no_session(reply->number, features))
		return "the relay has no such session or stream";
	if (reply->number == 60 || (reply->number == 6 && !v2))
		return "the relay cannot play that prompt: is there a file of that name "
		       "for a codec of this call?";
	if (reply->number == 35)
		return "the relay knows no codecs of this call: were they in the SDP?";
	if (reply->number == 0)
		return "the relay does not know this command";
	return "the relay refused the command";
}
