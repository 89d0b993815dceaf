/* Group `tls`: its parameters. */
#include <stddef.h>

#include "core/net/tls_set.h"

static const char *check_verify_client(const char *text)
{
	return tls_verify_client_of(text) >= 0 ? NULL : "\"no\", \"optional\" or \"require\"";
}

static const char *check_version(const char *text)
{
	return tls_version_of(text) != 0 ? NULL : "\"1.0\", \"1.1\", \"1.2\" or \"1.3\"";
}

static const char *check_ciphers(const char *text)
{
	return tls_ciphers_known(text) ? NULL : "a list of ciphers that OpenSSL knows, see ciphers(1)";
}

/* What a client may ask for: a host name, or one whose first label is a star. */
static const char *check_name(const char *text)
{
	static const char want[] = "a host name such as \"example.org\" or \"*.example.org\"";
	static const char legal[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
	size_t len;

	if (strncmp(text, "*.", 2) == 0)
		text += 2;
	len = strlen(text);
	if (len == 0 || len > 253 || text[0] == '.' || strstr(text, "..") != NULL || strspn(text, legal) != len)
		return want;
	return NULL;
}

/* clang-format off */
#define AT(member) offsetof(struct net_tls_conf, member)
const struct conf_param net_tls_params[] = {
	{.name = "certificate", .type = CONF_STR, .offset = AT(certificate), .absent = "none: listeners of TLS need one",
	 .help = "PEM file with the certificate that the node shows, followed by those that lead to its CA."},
	{.name = "private_key", .type = CONF_STR, .offset = AT(private_key), .absent = "the certificate's file",
	 .help = "PEM file with the certificate's private key, not encrypted."},
	{.name = "ca", .type = CONF_STR, .offset = AT(ca), .absent = "the system's",
	 .help = "Whom to believe about others: a PEM file with certificates of CAs, or a folder made by openssl rehash."},
	{.name = "verify_client", .type = CONF_STR, .dflt = "no", .offset = AT(verify_client), .check = check_verify_client,
	 .help = "Are those who connect to us asked for a certificate: no, optional (a wrong one is refused), require."},
	{.name = "verify_server", .type = CONF_BOOL, .dflt = "1", .offset = AT(verify_server),
	 .help = "Must those whom we connect to prove their name (RFC 5922)?"},
	{.name = "min_version", .type = CONF_STR, .dflt = "1.2", .offset = AT(min_version), .check = check_version,
	 .help = "Oldest version of TLS: 1.0, 1.1 (these two need a cipher list with @SECLEVEL=0), 1.2, 1.3."},
	{.name = "ciphers", .type = CONF_STR, .dflt = "HIGH:!aNULL", .offset = AT(ciphers), .check = check_ciphers,
	 .help = "Ciphers up to TLS 1.2, as OpenSSL writes them; those of TLS 1.3 are OpenSSL's own."},
	{.name = "handshake_timeout", .type = CONF_MS, .dflt = "10000", .min = 100, .max = 120000, .offset = AT(handshake_timeout),
	 .help = "How long a handshake may take, in ms."},
	{.name = "domains", .type = CONF_GROUPS, .absent = "none",
	 .help = "Certificates for those who ask for a name (SNI): groups with name, certificate and private_key; others get the default one."},
	{0},
};
#undef AT
#define AT(member) offsetof(struct net_tls_domain, member)
const struct conf_param net_tls_domain_params[] = {
	{.name = "name", .type = CONF_STR, .offset = AT(name), .check = check_name,
	 .help = "The name, in full, or \"*.example.org\" for all with one label more."},
	{.name = "certificate", .type = CONF_STR, .offset = AT(certificate), .help = "As tls.certificate."},
	{.name = "private_key", .type = CONF_STR, .offset = AT(private_key), .absent = "the certificate's file", .help = "As tls.private_key."},
	{0},
};
/* clang-format on */
