#include "core/net/tls_names.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdio.h>

#include "core/base/slice.h"

static struct slice text_of(const ASN1_STRING *s)
{
	return slice_make((const char *)ASN1_STRING_get0_data(s), (size_t)ASN1_STRING_length(s));
}

static GENERAL_NAMES *names_of(X509 *x)
{
	return X509_get_ext_d2i(x, NID_subject_alt_name, NULL, NULL);
}

/* "sip:example.org" is the domain example.org; with a user part it names a person, who is no server (section 7.1). */
static struct slice domain_of_uri(struct slice uri)
{
	if (!slice_istarts(uri, SLICE("sip:")) || slice_chr(uri, '@') >= 0)
		return (struct slice){0};
	return slice_from(uri, 4);
}

/* Is there a SIP URI among them, and is one of them name's? */
static bool uri_proves(X509 *x, struct slice name, bool *any)
{
	GENERAL_NAMES *list = names_of(x);
	bool found = false;

	*any = false;
	for (int i = 0; i < sk_GENERAL_NAME_num(list); i++) {
		const GENERAL_NAME *g = sk_GENERAL_NAME_value(list, i);
		struct slice domain;

		if (g->type != GEN_URI)
			continue;
		domain = domain_of_uri(text_of(g->d.uniformResourceIdentifier));
		if (domain.len == 0)
			continue;
		*any = true;
		found = found || slice_ieq(domain, name);
	}
	GENERAL_NAMES_free(list);
	return found;
}

bool tls_names_prove(X509 *x, const char *name)
{
	unsigned flags = X509_CHECK_FLAG_NO_WILDCARDS;
	bool any;

	if (uri_proves(x, slice_str(name), &any))
		return true;
	if (any)
		flags |= X509_CHECK_FLAG_NEVER_CHECK_SUBJECT;
	return X509_check_host(x, name, 0, flags, NULL) == 1;
}

bool tls_names_prove_addr(X509 *x, const struct addr *addr)
{
	const unsigned char *bytes = (const unsigned char *)&addr->in.sin_addr;
	size_t len = sizeof(addr->in.sin_addr);

	if (addr_family(addr) == AF_INET6) {
		bytes = (const unsigned char *)&addr->in6.sin6_addr;
		len = sizeof(addr->in6.sin6_addr);
	}
	return X509_check_ip(x, bytes, len, 0) == 1;
}

/* What comes from a stranger's certificate stands in log lines and answers: printable, and no end of a line. */
static size_t add(char *out, size_t size, size_t at, struct slice text)
{
	if (at > 0 && at + 1 < size)
		out[at++] = ' ';
	for (size_t i = 0; i < text.len && at + 1 < size; i++)
		out[at++] = text.p[i] > ' ' && text.p[i] < 0x7f ? text.p[i] : '?';
	out[at] = '\0';
	return at;
}

static struct slice ip_text(const ASN1_STRING *s, char out[ADDR_TEXT])
{
	struct slice raw = text_of(s);
	struct addr a = {0};

	if (raw.len == 4) {
		a.in.sin_family = AF_INET;
		memcpy(&a.in.sin_addr, raw.p, 4);
	} else if (raw.len == 16) {
		a.in6.sin6_family = AF_INET6;
		memcpy(&a.in6.sin6_addr, raw.p, 16);
	}
	return addr_ip_text(&a, out);
}

void tls_names_text(X509 *x, char *out, size_t size)
{
	GENERAL_NAMES *list = names_of(x);
	char ip[ADDR_TEXT], cn[256];
	size_t at = 0;
	int len;

	out[0] = '\0';
	for (int i = 0; i < sk_GENERAL_NAME_num(list); i++) {
		const GENERAL_NAME *g = sk_GENERAL_NAME_value(list, i);

		if (g->type == GEN_DNS)
			at = add(out, size, at, text_of(g->d.dNSName));
		else if (g->type == GEN_URI)
			at = add(out, size, at, text_of(g->d.uniformResourceIdentifier));
		else if (g->type == GEN_IPADD)
			at = add(out, size, at, ip_text(g->d.iPAddress, ip));
	}
	GENERAL_NAMES_free(list);
	if (at == 0) {
		len = X509_NAME_get_text_by_NID(X509_get_subject_name(x), NID_commonName, cn, sizeof(cn));
		(void)add(out, size, at, len > 0 ? slice_make(cn, (size_t)len) : SLICE("none"));
	}
}
