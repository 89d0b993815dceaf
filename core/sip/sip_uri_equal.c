/* Escapes in URIs, and when two URIs are the same (RFC 3261 section 19.1.4). */
#include "core/sip/sip_uri.h"

#include "core/sip/sip_scan.h"

#define COMPARED_MAX 2048 /* bytes of parameters, and of headers */

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return (c | 0x20) - 'a' + 10;
}

/** The byte at *i, unescaped; *i moves behind it. */
static unsigned char next_byte(struct slice s, size_t *i)
{
	const char *p = s.p + *i;

	if (*p == '%' && s.len - *i >= 3 && sip_is(p[1], SC_HEX) &&
		sip_is(p[2], SC_HEX)) {
		*i += 3;
		return (unsigned char)(hex_digit(p[1]) * 16 + hex_digit(p[2]));
	}
	*i += 1;
	return (unsigned char)*p;
}

void sip_unescape(struct buf *b, struct slice text)
{
	size_t i = 0;

	while (i < text.len)
		buf_chr(b, (char)next_byte(text, &i));
}

void sip_escape_user(struct buf *b, struct slice text)
{
	static const char free_bytes[] = "-_.!~*'()&=+$,;?/";
	static const char hex[] = "0123456789ABCDEF";
	size_t i;

	for (i = 0; i < text.len; i++) {
		unsigned char c = (unsigned char)text.p[i];

		if (sip_is((char)c, SC_ALPHA | SC_DIGIT) ||
			memchr(free_bytes, c, sizeof(free_bytes) - 1)) {
			buf_chr(b, (char)c);
		} else {
			buf_chr(b, '%');
			buf_chr(b, hex[c >> 4]);
			buf_chr(b, hex[c & 15]);
		}
	}
}

static unsigned char lower(unsigned char c)
{
	return c >= 'A' && c <= 'Z' ? (unsigned char)(c | 0x20) : c;
}

/** Equal after unescaping; icase: without regard to case. */
static bool same_text(struct slice a, struct slice b, bool icase)
{
	size_t i = 0, j = 0;

	while (i < a.len && j < b.len) {
		unsigned char x = next_byte(a, &i), y = next_byte(b, &j);

		if (x != y && (!icase || lower(x) != lower(y)))
			return false;
	}
	return i == a.len && j == b.len;
}

static bool same_host(struct slice a, struct slice b)
{
	struct addr x, y;

	if (slice_ieq(a, b))
		return true;
	return addr_parse_ip(&x, a) == 0 && addr_parse_ip(&y, b) == 0 &&
		addr_eq_ip(&x, &y);
}

/** These must be in both or in none. */
static bool must_match(struct slice name)
{
	return slice_ieq(name, SLICE("user")) || slice_ieq(name, SLICE("ttl")) ||
		slice_ieq(name, SLICE("method")) || slice_ieq(name, SLICE("maddr")) ||
		slice_ieq(name, SLICE("transport"));
}

/** Looking for each of one side's in the other's takes the square of their number. */
static bool too_many(const struct sip_uri *u)
{
	return u->params.len > COMPARED_MAX || u->headers.len > COMPARED_MAX;
}

/** Parameters of a agree with those of b. */
static bool params_agree(struct slice a, struct slice b)
{
	struct slice name, value, other;

	while (sip_param_next(&a, &name, &value)) {
		if (!sip_param_get(b, name, &other)) {
			if (must_match(name))
				return false;
		} else if (!same_text(value, other, true)) {
			return false;
		}
	}
	return true;
}

/** Next "name=value" of "a=b&c=d". */
static bool header_next(struct slice *rest, struct slice *name, struct slice *value)
{
	struct slice item = *rest;

	if (slice_empty(*rest))
		return false;
	if (!slice_cut(*rest, '&', &item, rest))
		*rest = (struct slice){0};
	*name = item;
	*value = (struct slice){0};
	(void)slice_cut(item, '=', name, value);
	return true;
}

/** Each header of a is in b, with the same value. */
static bool headers_in(struct slice a, struct slice b)
{
	struct slice name, value;

	while (header_next(&a, &name, &value)) {
		struct slice rest = b, n, v;
		bool found = false;

		while (!found && header_next(&rest, &n, &v))
			found = same_text(n, name, true) && same_text(v, value, false);
		if (!found)
			return false;
	}
	return true;
}

/** tel: the visual separators mean nothing (RFC 3966 section 4). */
static bool same_number(struct slice a, struct slice b)
{
	size_t i = 0, j = 0;

	for (;; i++, j++) {
		while (i < a.len && memchr("-.()", a.p[i], 4))
			i++;
		while (j < b.len && memchr("-.()", b.p[j], 4))
			j++;
		if (i >= a.len || j >= b.len)
			return i >= a.len && j >= b.len;
		if (lower((unsigned char)a.p[i]) != lower((unsigned char)b.p[j]))
			return false;
	}
}

bool sip_uri_equal(const struct sip_uri *a, const struct sip_uri *b)
{
	if (slice_eq(a->text, b->text))
		return true;
	if (a->scheme != b->scheme || too_many(a) || too_many(b))
		return false;
	switch (a->scheme) {
	case SIP_SCHEME_SIP:
	case SIP_SCHEME_SIPS:
		/* An absent port is not the default port: "sip:a" and "sip:a:5060" may
		 * resolve differently. */
		return a->port == b->port && same_text(a->user, b->user, false) &&
			same_text(a->password, b->password, false) &&
			same_host(a->host, b->host) &&
			params_agree(a->params, b->params) &&
			params_agree(b->params, a->params) &&
			headers_in(a->headers, b->headers) &&
			headers_in(b->headers, a->headers);
	case SIP_SCHEME_TEL:
		return same_number(a->user, b->user) &&
			params_agree(a->params, b->params) &&
			params_agree(b->params, a->params);
	case SIP_SCHEME_URN:
	case SIP_SCHEME_OTHER:
		break;
	}
	return slice_ieq(a->scheme_text, b->scheme_text) &&
		slice_eq(slice_from(a->text, a->scheme_text.len),
			slice_from(b->text, b->scheme_text.len));
}
