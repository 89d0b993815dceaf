#include "core/script/fn_core.h"

#include <errno.h>
#include <stdio.h>

static struct log_source *source(void)
{
	static struct log_source *_Atomic cached;
	struct log_source *src = cached;

	if (!src)
		cached = src = log_source_get("script");
	return src;
}

void fn_log(const struct ph_msg *msg, enum log_level level, const char *fmt, ...)
{
	struct log_source *src = source();
	char text[LOG_LINE_MAX];
	va_list ap;

	if (!log_wants(src, level))
		return;
	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	log_write(src, level, msg->sip.call_id, "%s: %s", script_where(msg), text);
}

/** On a copy that ends with NUL: with REG_STARTEND regexec() needs none, but sanitizers look for it. */
static int match(const struct ph_msg *msg, const regex_t *re, struct slice text)
{
	regmatch_t m = {.rm_so = 0, .rm_eo = (regoff_t)text.len};
	char small[128];
	const char *p = small;

	if (text.len < sizeof(small)) {
		if (text.len > 0)
			memcpy(small, text.p, text.len);
		small[text.len] = '\0';
	} else {
		p = arena_dup(msg->arena, text).p;
	}
	if (!p)
		return fn_verdict(msg, "matching", -ENOMEM);
	return regexec(re, p, 1, &m, REG_STARTEND) == 0 ? PH_TRUE : PH_FALSE;
}

int fn_match(const struct ph_msg *msg, const struct ph_arg *arg, struct slice text)
{
	return arg->re ? match(msg, arg->re, text) : PH_FALSE;
}

int fn_verdict(const struct ph_msg *msg, const char *fn, int err)
{
	if (err == 0)
		return PH_TRUE;
	fn_log(msg, LOG_L_ERR, "%s: %s", fn, strerror(-err));
	return PH_FALSE;
}

int fn_keep(struct ph_msg *msg, struct slice text, struct slice *out)
{
	struct slice kept = SLICE("");

	if (!slice_empty(text))
		kept = arena_dup(msg->arena, text);
	if (!kept.p)
		return -ENOMEM;
	*out = kept;
	return 0;
}

int fn_hostport_uri(struct ph_msg *msg, struct slice host, int64_t port,
	const char *transport, struct slice *out)
{
	bool v6 = slice_chr(host, ':') >= 0 && host.p[0] != '[';
	struct sip_uri check;
	struct slice uri;
	char digits[16] = "";

	if (slice_empty(host) || port < 0 || port > UINT16_MAX)
		return -EINVAL;
	if (port > 0)
		(void)snprintf(digits, sizeof(digits), ":%d", (int)port);
	uri = arena_printf(msg->arena, "sip:%s%.*s%s%s%s%s", v6 ? "[" : "",
		SLICE_ARG(host), v6 ? "]" : "", digits, transport ? ";transport=" : "",
		transport ? transport : "");
	if (!uri.p)
		return -ENOMEM;
	if (sip_uri_parse(&check, uri) != 0)
		return -EINVAL;
	*out = uri;
	return 0;
}

int fn_dest_uri(struct ph_msg *msg, struct slice dest, struct slice *out)
{
	const char *transport = NULL;
	struct slice head, tail, host = slice_trim(dest);
	struct sip_uri uri;
	uint64_t port = 0;
	ptrdiff_t colon;

	if (slice_istarts(host, SLICE("sip:")) || slice_istarts(host, SLICE("sips:")))
		return sip_uri_parse(&uri, host) == 0 ? fn_keep(msg, host, out) : -EINVAL;
	if (slice_cut(host, ':', &head, &tail)) {
		enum sip_transport tr = sip_transport_of(head);

		if (tr != SIP_TR_NONE && tr != SIP_TR_UNKNOWN) {
			transport = sip_transport_name(tr);
			host = tail;
		}
	}
	/* The port stands behind the last colon, unless that is one of a bare IPv6 address. */
	for (colon = (ptrdiff_t)host.len - 1; colon >= 0 && host.p[colon] != ':';)
		colon--;
	if (colon > 0 &&
		(host.p[0] == '[' ? host.p[colon - 1] == ']'
				  : slice_chr(host, ':') == colon)) {
		if (slice_u64(slice_from(host, (size_t)colon + 1), UINT16_MAX, &port) !=
			0)
			return -EINVAL;
		host.len = (size_t)colon;
	}
	return fn_hostport_uri(msg, host, (int64_t)port, transport, out);
}

int fn_lines(struct ph_msg *msg, struct slice text, struct slice *out, bool *missing)
{
	struct buf b;
	size_t i;

	*missing = slice_empty(text) || text.p[text.len - 1] != '\n';
	while (text.len > 0 && strchr("\r\n", text.p[text.len - 1]))
		text.len--;
	buf_arena(&b, msg->arena, text.len + 8, 65536);
	for (i = 0; i < text.len; i++) {
		if (text.p[i] == '\n' && (i == 0 || text.p[i - 1] != '\r'))
			buf_chr(&b, '\r');
		buf_chr(&b, text.p[i]);
	}
	buf_str(&b, "\r\n");
	if (b.err != 0)
		return b.err == -ENOMEM ? -ENOMEM : -EINVAL;
	*out = buf_slice(&b);
	return 0;
}
