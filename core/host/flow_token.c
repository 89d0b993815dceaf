#include "core/host/flow_token.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define PREFIX "flow"
#define REVISION '1'
#define HEAD_LEN 6 /* prefix, version, kind */
#define MAC_LEN 8
#define IS_V6 0x10
#define BODY_MAX (1 + 16 + 2 + 4)
#define BYTES_MAX (BODY_MAX + MAC_LEN)
#define SOCKET_MAX 320

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/* base64url without padding (RFC 4648 section 5) */
static size_t encode(char *out, const unsigned char *p, size_t len)
{
	size_t n = 0;

	for (size_t i = 0; i < len; i += 3) {
		uint32_t v = (uint32_t)p[i] << 16;
		size_t left = len - i;

		v |= left > 1 ? (uint32_t)p[i + 1] << 8 : 0;
		v |= left > 2 ? p[i + 2] : 0;
		out[n++] = digits[v >> 18 & 63];
		out[n++] = digits[v >> 12 & 63];
		if (left > 1)
			out[n++] = digits[v >> 6 & 63];
		if (left > 2)
			out[n++] = digits[v & 63];
	}
	return n;
}

/* Strict: one text for one value. Bytes, or -EBADMSG. */
static int decode(unsigned char *out, size_t max, struct slice text)
{
	uint32_t v = 0;
	unsigned bits = 0;
	size_t n = 0;

	for (size_t i = 0; i < text.len; i++) {
		const char *at = text.p[i] != '\0' ? strchr(digits, text.p[i]) : NULL;

		if (!at)
			return -EBADMSG;
		v = v << 6 | (uint32_t)(at - digits);
		bits += 6;
		if (bits < 8)
			continue;
		bits -= 8;
		if (n == max)
			return -EBADMSG;
		out[n++] = (unsigned char)(v >> bits);
		v &= (1u << bits) - 1;
	}
	return bits < 6 && v == 0 ? (int)n : -EBADMSG;
}

/* Everything that the token is good for and bound to, each part of a length that is known or said. */
static int sign(unsigned char mac[MAC_LEN], const struct hash_key *key, enum flow_kind kind, struct slice body, const struct flow_bond *bond)
{
	unsigned char text[64 + BODY_MAX + SOCKET_MAX];
	uint64_t call = hash_sip(key, bond->call_id), sum;
	int head;

	if (bond->socket.len > SOCKET_MAX)
		return -EINVAL;
	head = snprintf((char *)text, 64, "pinhole flow %c%c %u %u %016llx ", REVISION, (char)kind, (unsigned)bond->cseq,
		(unsigned)body.len, (unsigned long long)call);
	memcpy(text + head, body.p, body.len);
	if (bond->socket.len > 0)
		memcpy(text + head + body.len, bond->socket.p, bond->socket.len);
	sum = hash_sip(key, slice_make((const char *)text, (size_t)head + body.len + bond->socket.len));
	for (unsigned i = 0; i < MAC_LEN; i++)
		mac[i] = (unsigned char)(sum >> (8 * i));
	return 0;
}

static bool is_transport(enum sip_transport tr)
{
	return tr == SIP_TR_UDP || tr == SIP_TR_TCP || tr == SIP_TR_TLS;
}

static bool is_kind(char c)
{
	return c == FLOW_NODE || c == FLOW_DIALOG || c == FLOW_HEARD;
}

static void put_be(unsigned char *p, uint32_t v, unsigned bytes)
{
	for (unsigned i = 0; i < bytes; i++)
		p[i] = (unsigned char)(v >> (8 * (bytes - 1 - i)));
}

static uint32_t get_be(const unsigned char *p, unsigned bytes)
{
	uint32_t v = 0;

	for (unsigned i = 0; i < bytes; i++)
		v = v << 8 | p[i];
	return v;
}

/* The bytes before the hash; their length. */
static size_t put_body(unsigned char out[BODY_MAX], const struct flow *flow)
{
	bool v6 = addr_family(&flow->remote) == AF_INET6;
	size_t n = v6 ? 16 : 4;

	out[0] = (unsigned char)(flow->transport | (v6 ? IS_V6 : 0));
	memcpy(out + 1, v6 ? (const void *)&flow->remote.in6.sin6_addr : (const void *)&flow->remote.in.sin_addr, n);
	n++;
	put_be(out + n, addr_port(&flow->remote), 2);
	n += 2;
	if (flow->kind == FLOW_DIALOG) {
		put_be(out + n, flow->caller, 4);
		n += 4;
	}
	return n;
}

static int get_body(struct flow *out, const unsigned char *p, size_t len)
{
	bool v6 = (p[0] & IS_V6) != 0;
	size_t ip = v6 ? 16 : 4;

	if (len != 1 + ip + 2 + (out->kind == FLOW_DIALOG ? 4 : 0))
		return -EBADMSG;
	out->transport = (enum sip_transport)(p[0] & ~IS_V6);
	if (!is_transport(out->transport))
		return -EBADMSG;
	memset(&out->remote, 0, sizeof(out->remote));
	if (v6) {
		out->remote.in6.sin6_family = AF_INET6;
		memcpy(&out->remote.in6.sin6_addr, p + 1, ip);
	} else {
		out->remote.in.sin_family = AF_INET;
		memcpy(&out->remote.in.sin_addr, p + 1, ip);
	}
	addr_set_port(&out->remote, (uint16_t)get_be(p + 1 + ip, 2));
	out->caller = out->kind == FLOW_DIALOG ? get_be(p + 1 + ip + 2, 4) : 0;
	return addr_port(&out->remote) != 0 ? 0 : -EBADMSG;
}

int flow_token_write(char out[FLOW_TOKEN_MAX], const struct hash_key *key, const struct flow *flow, const struct flow_bond *bond)
{
	unsigned char bytes[BYTES_MAX];
	int family = addr_family(&flow->remote), err;
	size_t len;

	if ((family != AF_INET && family != AF_INET6) || addr_port(&flow->remote) == 0 || !is_transport(flow->transport) ||
		!is_kind((char)flow->kind))
		return -EINVAL;
	len = put_body(bytes, flow);
	err = sign(bytes + len, key, flow->kind, slice_make((const char *)bytes, len), bond);
	if (err != 0)
		return err;
	memcpy(out, PREFIX, sizeof(PREFIX) - 1);
	out[HEAD_LEN - 2] = REVISION;
	out[HEAD_LEN - 1] = (char)flow->kind;
	len = encode(out + HEAD_LEN, bytes, len + MAC_LEN);
	out[HEAD_LEN + len] = '\0';
	return 0;
}

bool flow_token_is(struct slice user)
{
	return user.len >= HEAD_LEN && slice_starts(user, SLICE(PREFIX)) && user.p[HEAD_LEN - 2] >= '0' &&
		user.p[HEAD_LEN - 2] <= '9';
}

/* Takes as long for a first wrong byte as for a last one. */
static bool same(const unsigned char *a, const unsigned char *b, size_t len)
{
	unsigned differ = 0;

	for (size_t i = 0; i < len; i++)
		differ |= (unsigned)(a[i] ^ b[i]);
	return differ == 0;
}

int flow_token_read(struct flow *out, const struct hash_key *key, struct slice text, const struct flow_bond *bond)
{
	unsigned char bytes[BYTES_MAX], mac[MAC_LEN];
	struct flow flow = {0};
	int len;

	if (!flow_token_is(text) || text.len >= FLOW_TOKEN_MAX || text.p[HEAD_LEN - 2] != REVISION || !is_kind(text.p[HEAD_LEN - 1]))
		return -EBADMSG;
	flow.kind = (enum flow_kind)text.p[HEAD_LEN - 1];
	len = decode(bytes, sizeof(bytes), slice_from(text, HEAD_LEN));
	if (len <= MAC_LEN)
		return -EBADMSG;
	len -= MAC_LEN;
	if (sign(mac, key, flow.kind, slice_make((const char *)bytes, (size_t)len), bond) != 0 || !same(mac, bytes + len, MAC_LEN))
		return -EBADMSG;
	if (get_body(&flow, bytes, (size_t)len) != 0)
		return -EBADMSG;
	*out = flow;
	return 0;
}

uint32_t flow_tag(const struct hash_key *key, struct slice tag)
{
	char text[40];
	/* Twice: what stands in a token tells nothing of the hashes that the key is for otherwise. */
	int len = snprintf(text, sizeof(text), "flow tag %016llx", (unsigned long long)hash_sip(key, tag));

	return (uint32_t)hash_sip(key, slice_make(text, (size_t)len));
}
