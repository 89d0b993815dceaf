#include "core/sip/sip_scan.h"

#include <errno.h>

#include "core/base/addr.h"

#define LETTER (SC_TOKEN | SC_ALPHA | SC_HOST | SC_SCHEME)

const unsigned char sip_class[256] = {
	[0 ... 8] = SC_NOT_URI,
	['\t'] = SC_LWS | SC_NOT_URI,
	['\n'] = SC_LWS | SC_NOT_URI,
	[11 ... 12] = SC_NOT_URI,
	['\r'] = SC_LWS | SC_NOT_URI,
	[14 ... 31] = SC_NOT_URI,
	[' '] = SC_LWS | SC_NOT_URI,
	['!'] = SC_TOKEN,
	['"'] = SC_NOT_URI,
	['%'] = SC_TOKEN,
	['\''] = SC_TOKEN,
	['*'] = SC_TOKEN,
	['+'] = SC_TOKEN | SC_SCHEME,
	['-'] = SC_TOKEN | SC_HOST | SC_SCHEME,
	['.'] = SC_TOKEN | SC_HOST | SC_SCHEME,
	['0' ... '9'] = SC_TOKEN | SC_DIGIT | SC_HOST | SC_SCHEME | SC_HEX,
	['<'] = SC_NOT_URI,
	['>'] = SC_NOT_URI,
	['A' ... 'F'] = LETTER | SC_HEX,
	['G' ... 'Z'] = LETTER,
	['_'] = SC_TOKEN | SC_HOST,
	['`'] = SC_TOKEN,
	['a' ... 'f'] = LETTER | SC_HEX,
	['g' ... 'z'] = LETTER,
	['~'] = SC_TOKEN,
	[127] = SC_NOT_URI,
};

const char *sip_quoted_end(const char *p, const char *end)
{
	for (p++; p < end; p++) {
		if (*p == '"')
			return p + 1;
		if (*p == '\\')
			p++;
	}
	return NULL;
}

const char *sip_params_end(const char *p, const char *end)
{
	while (p < end && *p != ',') {
		if (*p != '"') {
			p++;
			continue;
		}
		p = sip_quoted_end(p, end);
		if (!p)
			return NULL;
	}
	return p;
}

int sip_port_parse(struct slice text, uint16_t *out)
{
	uint64_t n;

	if (slice_u64(text, UINT16_MAX, &n) != 0 || n == 0)
		return -EINVAL;
	*out = (uint16_t)n;
	return 0;
}

const char *sip_host_end(const char *p, const char *end)
{
	const char *close;
	struct addr a;

	if (p == end)
		return NULL;
	if (*p != '[') {
		const char *stop = sip_skip(p, end, SC_HOST);

		return stop > p ? stop : NULL;
	}
	close = memchr(p, ']', (size_t)(end - p));
	if (!close || addr_parse_ip(&a, sip_between(p, close + 1)) != 0)
		return NULL;
	return close + 1;
}

const char *sip_field_end(const char *p, const char *end, unsigned *odd)
{
	for (;;) {
		const char *nl = memchr(p, '\n', (size_t)(end - p));
		const char *cr;

		if (!nl)
			return NULL;
		cr = memchr(p, '\r', (size_t)(nl - p));
		if (!cr)
			*odd |= SIP_FIELD_BARE_LF;
		else if (cr != nl - 1)
			*odd |= SIP_FIELD_STRAY_CR;
		p = nl + 1;
		if (p == end || (*p != ' ' && *p != '\t'))
			return p;
	}
}

int sip_field_cut(const char *p, const char *end, struct slice *name, struct slice *value)
{
	const char *q = sip_skip(p, end, SC_TOKEN);
	const char *colon = q;

	while (colon < end && (*colon == ' ' || *colon == '\t'))
		colon++;
	if (q == p || colon == end || *colon != ':')
		return -EBADMSG;
	*name = sip_between(p, q);
	*value = sip_trim(colon + 1, end);
	return 0;
}
