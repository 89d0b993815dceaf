#include "plugins/natping/natping_conf.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/sip/sip_header.h"

#define SIP_PORT 5060

enum { FROM_MAX = 1024 };

int natping_read_socket(struct addr *out, const char *text)
{
	struct addr a;

	if (addr_parse(&a, slice_str(text), SIP_PORT) != 0 ||
		addr_family(&a) != AF_INET || addr_port(&a) == 0 || addr_is_any(&a))
		return -EINVAL;
	*out = a;
	return 0;
}

const char *natping_check_socket(const char *text)
{
	struct addr a;

	return natping_read_socket(&a, text) == 0
		? NULL
		: "an IPv4 address with a port or without, such as \"203.0.113.9:5060\"";
}

/* What is behind "udp:", "tcp:" or "tls:", if one of them is there. */
static struct slice behind_transport(struct slice text, enum sip_transport *tr)
{
	struct slice name, rest;
	enum sip_transport named;

	*tr = SIP_TR_UDP;
	if (!slice_cut(text, ':', &name, &rest))
		return text;
	named = sip_transport_of(name);
	if (named != SIP_TR_UDP && named != SIP_TR_TCP && named != SIP_TR_TLS)
		return text;
	*tr = named;
	return rest;
}

const char *natping_check_force(const char *text)
{
	enum sip_transport tr;
	struct addr a;

	/* Whether it is a listener is seen when there are some. */
	if (addr_parse(&a, behind_transport(slice_str(text), &tr), SIP_PORT) == 0)
		return NULL;
	return "one of our listeners as \"udp:ADDRESS:PORT\" or \"ADDRESS:PORT\"";
}

const struct net_sock *natping_find_force(const struct net_socks *socks, const char *text)
{
	char full[ADDR_TEXT + 8];
	enum sip_transport tr;
	struct slice rest = behind_transport(slice_str(text), &tr);

	(void)snprintf(
		full, sizeof(full), "%s:%.*s", sip_transport_name(tr), SLICE_ARG(rest));
	return net_sock_find(socks, slice_str(full));
}

static bool has_control_bytes(struct slice s)
{
	for (size_t i = 0; i < s.len; i++)
		if ((unsigned char)s.p[i] < ' ' || s.p[i] == 0x7f)
			return true;
	return false;
}

/* Exactly one value; *brackets: it is a name-addr. */
static bool is_from(const char *text, bool *brackets)
{
	struct slice s = slice_str(text);
	struct arena *arena = arena_new(1024, 65536);
	const struct sip_nameaddr *a = NULL;
	bool good = false;

	if (arena != NULL && s.len <= FROM_MAX && !has_control_bytes(s))
		a = sip_nameaddr_parse(arena, s, NULL);
	if (a != NULL && a->next == NULL && a->uri_err == 0 && slice_empty(a->tag) &&
		(a->uri.scheme == SIP_SCHEME_SIP || a->uri.scheme == SIP_SCHEME_SIPS)) {
		*brackets = a->brackets;
		/* Without brackets, parameters would be the header's: as a URI it is meant to have them. */
		good = a->brackets || sip_uri_parse(&(struct sip_uri){0}, s) == 0;
	}
	arena_put(arena);
	return good;
}

const char *natping_check_from(const char *text)
{
	bool brackets;

	return is_from(text, &brackets)
		? NULL
		: "a SIP URI or a name with one in brackets, without tag, such as "
		  "\"sip:pinger@example.org\"";
}

char *natping_from_text(const char *text)
{
	bool brackets = false;
	char *out = NULL;

	if (!is_from(text, &brackets) ||
		asprintf(&out, brackets ? "%s" : "<%s>", text) < 0)
		return NULL;
	return out;
}

static bool is_token(struct slice s)
{
	if (slice_empty(s) || s.len > 64)
		return false;
	for (size_t i = 0; i < s.len; i++) {
		char c = s.p[i];
		bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
			(c >= '0' && c <= '9');

		if (!letter && (c == '\0' || strchr("-.!%*_+`'~", c) == NULL))
			return false;
	}
	return true;
}

const char *natping_check_method(const char *text)
{
	/* These three would need more than a request: they ring, or belong to one that does. */
	static const char *const others[] = {"INVITE", "ACK", "CANCEL", NULL};

	for (const char *const *m = others; *m != NULL; m++)
		if (slice_ieq(slice_str(text), slice_str(*m)))
			return "a method that stands for itself, such as \"OPTIONS\"";
	return is_token(slice_str(text))
		? NULL
		: "the name of a SIP method, such as \"OPTIONS\"";
}
