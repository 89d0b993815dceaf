/**
 * @file tls_test.h  Certificates made when a test needs them, in files of a folder of its own.
 */
#pragma once

#include "tests/unit/ph_test.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <unistd.h>

#define TLS_TEST_PATH 128

/** A CA, and the folder of what it signs. */
struct tls_test {
	char dir[TLS_TEST_PATH];
	char ca[TLS_TEST_PATH + 16]; /**< its certificate, a file */
	X509 *ca_cert;
	EVP_PKEY *ca_key;
	long serial;
};

static inline void tls_test_extend(X509 *x, X509 *issuer, int nid, const char *value)
{
	X509V3_CTX ctx;
	X509_EXTENSION *ext;

	X509V3_set_ctx(&ctx, issuer, x, NULL, NULL, 0);
	ext = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
	assert_non_null(ext);
	assert_int_equal(X509_add_ext(x, ext, -1), 1);
	X509_EXTENSION_free(ext);
}

/** names: "DNS:a,IP:192.0.2.1,URI:sip:b", or NULL. issuer NULL: by itself. days from now; negative: it has expired. */
static inline X509 *tls_test_cert(struct tls_test *t, EVP_PKEY *key, const char *cn, const char *names, int days, X509 *issuer)
{
	X509 *x = X509_new();
	X509_NAME *subject = X509_get_subject_name(x);

	assert_non_null(x);
	X509_set_version(x, 2);
	ASN1_INTEGER_set(X509_get_serialNumber(x), ++t->serial);
	X509_gmtime_adj(X509_getm_notBefore(x), -10 * 86400);
	X509_gmtime_adj(X509_getm_notAfter(x), days * 86400L);
	X509_set_pubkey(x, key);
	X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8, (const unsigned char *)cn, -1, -1, 0);
	X509_set_issuer_name(x, issuer != NULL ? X509_get_subject_name(issuer) : subject);
	if (issuer == NULL)
		tls_test_extend(x, x, NID_basic_constraints, "critical,CA:TRUE");
	if (names != NULL)
		tls_test_extend(x, issuer != NULL ? issuer : x, NID_subject_alt_name, names);
	assert_true(X509_sign(x, issuer != NULL ? t->ca_key : key, EVP_sha256()) > 0);
	return x;
}

static inline void tls_test_write(const char *path, X509 *x, EVP_PKEY *key)
{
	FILE *f = fopen(path, "we");

	assert_non_null(f);
	if (x != NULL)
		assert_int_equal(PEM_write_X509(f, x), 1);
	if (key != NULL)
		assert_int_equal(PEM_write_PrivateKey(f, key, NULL, NULL, 0, NULL, NULL), 1);
	fclose(f);
}

static inline void tls_test_open(struct tls_test *t)
{
	*t = (struct tls_test){.dir = "/tmp/pinhole-tls-test-XXXXXX"};
	assert_non_null(mkdtemp(t->dir));
	t->ca_key = EVP_EC_gen("P-256");
	t->ca_cert = tls_test_cert(t, t->ca_key, "CA of the test", NULL, 10, NULL);
	snprintf(t->ca, sizeof(t->ca), "%s/ca.pem", t->dir);
	tls_test_write(t->ca, t->ca_cert, NULL);
}

static inline void tls_test_close(struct tls_test *t)
{
	char command[TLS_TEST_PATH + 16];

	X509_free(t->ca_cert);
	EVP_PKEY_free(t->ca_key);
	snprintf(command, sizeof(command), "rm -r '%s'", t->dir);
	assert_int_equal(system(command), 0);
}

/** Certificate and key of the CA's making in one file, whose name is left in path. */
static inline void tls_test_make(struct tls_test *t, char path[TLS_TEST_PATH + 64], const char *file, const char *cn, const char *names, int days)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *x = tls_test_cert(t, key, cn, names, days, t->ca_cert);

	snprintf(path, TLS_TEST_PATH + 64, "%s/%s", t->dir, file);
	tls_test_write(path, x, key);
	X509_free(x);
	EVP_PKEY_free(key);
}
