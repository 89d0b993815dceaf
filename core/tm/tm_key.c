/*
 * Keys are 64 bit keyed hashes: nobody outside can make two requests collide, and what is kept of a transaction
 * that only absorbs retransmissions stays small.
 */
#include <errno.h>
#include <limits.h>

#include "core/tm/tm_priv.h"

#define MAGIC_COOKIE "z9hG4bK"

static void add_number(struct buf *b, struct slice before, uint32_t n)
{
	buf_add(b, before);
	buf_u64(b, n);
}

static void add_part(struct buf *b, struct slice s)
{
	buf_add(b, s);
	buf_chr(b, '\n');
}

/* Section 17.2.3: branch and sent-by of the topmost Via. */
static void add_rfc3261(struct buf *b, const struct sip_via *via)
{
	uint16_t port = via->port;

	if (port == 0)
		port = sip_default_port(SIP_SCHEME_SIP, via->transport);
	add_part(b, via->branch);
	buf_lower(b, via->host);
	buf_chr(b, ':');
	buf_u64(b, port);
	buf_chr(b, '\n');
}

/*
 * The same for clients of RFC 2543, whose branch says nothing. The To tag is left out: an ACK has the tag of the reply,
 * not that of the INVITE.
 */
static void add_rfc2543(struct buf *b, struct sip_msg *sip, const struct sip_via *via)
{
	const struct sip_nameaddr *from = sip_from(sip, NULL);

	buf_str(b, "2543\n");
	add_rfc3261(b, via);
	add_part(b, sip->ruri_received);
	if (from != NULL)
		add_part(b, from->tag);
}

int key_of_request(
	struct tm *tm, struct ph_msg *msg, enum sip_method method, uint64_t *out)
{
	const struct sip_via *via = sip_via_list(&msg->sip, NULL);
	struct buf *b = &tm->out;

	if (via == NULL)
		return -EBADMSG;
	buf_reset(b);
	add_number(b, SLICE(""), (unsigned)method);
	add_number(b, SLICE(" "), msg->sip.cseq);
	buf_chr(b, '\n');
	if (method == SIP_OTHER)
		add_part(b, msg->sip.method_text);
	add_part(b, msg->sip.call_id);
	if (slice_istarts(via->branch, SLICE(MAGIC_COOKIE)))
		add_rfc3261(b, via);
	else
		add_rfc2543(b, &msg->sip, via);
	if (b->err != 0)
		return b->err;
	*out = hash_sip(tm->s.key, buf_slice(b));
	return 0;
}

uint64_t key_of_call(const struct tm *tm, struct slice call_id)
{
	return hash_sip(tm->s.key, call_id);
}

static uint64_t key_of_tag(struct tm *tm, struct sip_msg *request)
{
	const struct sip_via *via = sip_via_list(request, NULL);
	struct buf *b = &tm->out;

	buf_reset(b);
	add_number(b, SLICE("tag "), request->cseq);
	buf_chr(b, '\n');
	add_part(b, request->call_id);
	if (via != NULL)
		add_part(b, via->branch);
	return hash_sip(tm->s.key, buf_slice(b));
}

void key_tag(struct tm *tm, struct sip_msg *request, char out[TM_TAG_LEN + 1])
{
	struct buf b;

	buf_fixed(&b, out, TM_TAG_LEN);
	buf_add(&b, SLICE("ph"));
	buf_hex(&b, key_of_tag(tm, request), 16);
	out[TM_TAG_LEN] = '\0';
}

bool key_is_our_tag(struct tm *tm, struct sip_msg *ack)
{
	const struct sip_nameaddr *to = sip_to(ack, NULL);
	char tag[TM_TAG_LEN + 1];

	if (to == NULL || to->tag.len != TM_TAG_LEN)
		return false;
	key_tag(tm, ack, tag);
	return slice_eq(to->tag, slice_make(tag, TM_TAG_LEN));
}

static uint64_t key_of_slot(const struct tm *tm, uint32_t slot, uint32_t gen)
{
	const uint64_t what[] = {tm->nonce, tm->s.worker, slot, gen};

	return hash_sip(tm->s.key, slice_make((const char *)what, sizeof(what)));
}

#define NAME_LEN (TM_BRANCH_LEN - 8) /* of the part that names a client transaction */

static void branch_name(
	const struct tm *tm, uint32_t slot, uint32_t gen, char out[NAME_LEN + 1])
{
	struct buf b;

	buf_fixed(&b, out, NAME_LEN);
	buf_add(&b, SLICE(MAGIC_COOKIE "ph"));
	buf_hex(&b, tm->s.worker, 2);
	buf_hex(&b, slot, 6);
	buf_hex(&b, gen, 8);
	buf_hex(&b, key_of_slot(tm, slot, gen), 16);
	out[NAME_LEN] = '\0';
}

void key_branch(const struct tm_branch *br, char out[TM_BRANCH_LEN + 1])
{
	struct buf b;

	branch_name(br->trans->tm, br->slot, br->gen, out);
	buf_fixed(&b, out + NAME_LEN, 8);
	buf_hex(&b, br->trans->loop, 8);
	out[TM_BRANCH_LEN] = '\0';
}

static bool hex_u32(const char *p, uint32_t *out)
{
	uint32_t n = 0;

	for (unsigned i = 0; i < 8; i++) {
		char c = p[i];

		if (c >= '0' && c <= '9')
			n = n << 4 | (uint32_t)(c - '0');
		else if (c >= 'a' && c <= 'f')
			n = n << 4 | (uint32_t)(c - 'a' + 10);
		else
			return false;
	}
	*out = n;
	return true;
}

int key_branch_parse(
	const struct tm *tm, struct slice text, uint32_t *slot, uint32_t *gen)
{
	const struct slice cookie = SLICE(MAGIC_COOKIE "ph");
	char name[NAME_LEN + 1];
	uint32_t s, g;

	if (text.len != TM_BRANCH_LEN || !slice_starts(text, cookie))
		return -ENOENT;
	if (!hex_u32(text.p + cookie.len, &s) || !hex_u32(text.p + cookie.len + 8, &g))
		return -ENOENT;
	s &= TM_SLOTS_MAX - 1; /* the worker stands above it */
	branch_name(tm, s, g, name);
	if (!slice_eq(slice_sub(text, 0, NAME_LEN), slice_make(name, NAME_LEN)))
		return -ENOENT;
	*slot = s;
	*gen = g;
	return 0;
}

int tm_peek_worker(struct slice data)
{
	const struct slice cookie = SLICE(";branch=" MAGIC_COOKIE "ph");
	struct slice via = sip_peek_via(data);
	ptrdiff_t at = slice_find(via, cookie);
	uint32_t name;

	if (at < 0 || via.len - (size_t)at < cookie.len + 8 || !hex_u32(via.p + at + cookie.len, &name))
		return -1;
	return (int)(name / TM_SLOTS_MAX);
}

int key_branch_loop(struct slice text, uint32_t *out)
{
	if (text.len != TM_BRANCH_LEN || !slice_starts(text, SLICE(MAGIC_COOKIE "ph")))
		return -ENOENT;
	return hex_u32(text.p + NAME_LEN, out) ? 0 : -ENOENT;
}

static void add_all_received(struct buf *b, const struct sip_msg *sip, enum sip_hdr_id id)
{
	for (const struct sip_hdr *h = sip->by_id[id]; h != NULL; h = h->next) {
		if (h->id == id && (h->flags & SIP_HDR_ADDED) == 0)
			add_part(b, h->received);
	}
}

/*
 * The sender's address and the listener are among it: a request that came back through a PBX is judged by where it comes
 * from. A loop is seen one turn later for that, never mistaken. The nonce: what another worker or node has sent never matches.
 */
uint32_t key_loop(struct tm *tm, struct ph_msg *msg)
{
	const struct sip_msg *sip = msg->came != NULL ? msg->came : &msg->sip;
	const struct sip_nameaddr *from = sip_from(&msg->sip, NULL);
	const struct sip_nameaddr *to = sip_to(&msg->sip, NULL);
	char source[ADDR_TEXT];
	struct buf *b = &tm->out;

	buf_reset(b);
	buf_hex(b, tm->nonce, 16);
	buf_hex(b, sip->cseq, 8);
	buf_hex(b, msg->sock != NULL ? msg->sock->index : UINT_MAX, 8);
	if (!msg->is_local)
		add_part(b, addr_text(&msg->rx.src, source));
	add_part(b, sip->call_id);
	add_part(b, sip->ruri_received);
	add_part(b, from != NULL ? from->tag : (struct slice){0});
	add_part(b, to != NULL ? to->tag : (struct slice){0});
	add_all_received(b, sip, SIP_H_ROUTE);
	add_all_received(b, sip, SIP_H_PROXY_REQUIRE);
	add_all_received(b, sip, SIP_H_PROXY_AUTHORIZATION);
	return (uint32_t)hash_sip(tm->s.key, buf_slice(b));
}

/* Section 16.11: the same for retransmissions, and for the CANCEL and ACK of a request. */
int key_stateless(struct tm *tm, struct sip_msg *msg, const struct sip_via *client,
	char out[TM_BRANCH_LEN + 1])
{
	const struct sip_nameaddr *from = sip_from(msg, NULL);
	struct buf *b = &tm->out;
	struct buf text;

	buf_reset(b);
	add_number(b, SLICE("stateless "), msg->cseq);
	buf_chr(b, '\n');
	add_part(b, msg->call_id);
	add_part(b, from != NULL ? from->tag : (struct slice){0});
	add_rfc3261(b, client);
	if (b->err != 0)
		return b->err;
	buf_fixed(&text, out, TM_BRANCH_LEN);
	buf_add(&text, SLICE(MAGIC_COOKIE "ps"));
	buf_hex(&text, hash_sip(tm->s.key, buf_slice(b)), 16);
	out[text.len] = '\0';
	return 0;
}
