#include "core/net/tls_conn.h"

#include <errno.h>
#include <openssl/err.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/base/loop.h"
#include "core/net/names.h"
#include "core/net/tls_names.h"
#include "core/net/tls_set.h"

struct tls_conn {
	SSL *ssl;
	struct tls_set *set;
	bool server, open;
	bool failed; /* nothing more may be said */
	struct addr peer;
	char why[512];
	char name[NAME_MAX_LEN + 1]; /* empty: none is known */
};

int tls_conn_new(struct tls_conn **out, struct net_tls *tls, int fd, bool server, const char *name, const struct addr *peer)
{
	struct tls_conn *t = calloc(1, sizeof(*t));

	if (t == NULL)
		return -ENOMEM;
	t->server = server;
	t->peer = *peer;
	snprintf(t->name, sizeof(t->name), "%s", name);
	t->set = tls_set_get(tls);
	t->ssl = SSL_new(server ? tls_set_server(t->set) : tls_set_client(t->set));
	if (t->ssl == NULL || SSL_set_fd(t->ssl, fd) != 1 ||
		(!server && t->name[0] != '\0' && SSL_set_tlsext_host_name(t->ssl, t->name) != 1)) {
		t->failed = true;
		tls_conn_destroy(&t);
		ERR_clear_error();
		return -ENOMEM;
	}
	if (server)
		SSL_set_accept_state(t->ssl);
	else
		SSL_set_connect_state(t->ssl);
	*out = t;
	return 0;
}

void tls_conn_destroy(struct tls_conn **tp)
{
	struct tls_conn *t = *tp;

	*tp = NULL;
	if (t == NULL)
		return;
	/* What the peer says to it is not waited for: RFC 8446 section 6.1 lets us close at once. */
	if (t->open && !t->failed)
		(void)SSL_shutdown(t->ssl);
	SSL_free(t->ssl);
	tls_set_put(&t->set);
	ERR_clear_error();
	free(t);
}

const char *tls_conn_why(const struct tls_conn *t)
{
	return t->why;
}

/* Why the certificate of the peer is not believed, and what would help. */
static int certificate_refused(struct tls_conn *t, long result)
{
	bool unknown = result == X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY || result == X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN ||
		result == X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT || result == X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE;

	snprintf(t->why, sizeof(t->why), "its certificate is refused: %s%s", X509_verify_cert_error_string(result),
		unknown ? " (tls.ca says whom to believe)" : "");
	return -EKEYREJECTED;
}

/* The call that returned ret has failed for good. */
static int failed(struct tls_conn *t, int ret, int saved_errno)
{
	int code = SSL_get_error(t->ssl, ret);
	long result = SSL_get_verify_result(t->ssl);
	char reason[256];

	t->failed = true;
	if (code == SSL_ERROR_SYSCALL && saved_errno != 0) {
		snprintf(t->why, sizeof(t->why), "%s", strerror(saved_errno));
		ERR_clear_error();
		return -saved_errno;
	}
	if (code == SSL_ERROR_ZERO_RETURN || code == SSL_ERROR_SYSCALL) {
		snprintf(t->why, sizeof(t->why), "the other side has closed the connection");
		ERR_clear_error();
		return -ECONNRESET;
	}
	if (result != X509_V_OK) {
		ERR_clear_error();
		return certificate_refused(t, result);
	}
	snprintf(t->why, sizeof(t->why), "%s", tls_reason(reason));
	return -EPROTO;
}

/* RFC 5922 section 7.3: the certificate is genuine, but is it that of whom we wanted? */
static int check_name(struct tls_conn *t)
{
	X509 *x = SSL_get0_peer_certificate(t->ssl);
	char names[256], ip[ADDR_TEXT];
	struct slice wanted = t->name[0] != '\0' ? slice_str(t->name) : addr_ip_text(&t->peer, ip);

	if (x != NULL && (t->name[0] != '\0' ? tls_names_prove(x, t->name) : tls_names_prove_addr(x, &t->peer)))
		return 0;
	names[0] = '\0';
	if (x != NULL)
		tls_names_text(x, names, sizeof(names));
	snprintf(t->why, sizeof(t->why), "its certificate is refused: it is for %s, not for %.*s%s", names, SLICE_ARG(wanted),
		strchr(names, '*') != NULL ? " (a wildcard does not count: RFC 5922 section 7.2)" : "");
	t->failed = true;
	return -EKEYREJECTED;
}

int tls_conn_handshake(struct tls_conn *t)
{
	int ret, saved;

	ERR_clear_error();
	errno = 0;
	ret = SSL_do_handshake(t->ssl);
	saved = errno;
	if (ret == 1) {
		if (!t->server && tls_set_verifies_servers(t->set) && check_name(t) != 0)
			return -EKEYREJECTED;
		t->open = true;
		return 0;
	}
	switch (SSL_get_error(t->ssl, ret)) {
	case SSL_ERROR_WANT_READ:
		return LOOP_READ;
	case SSL_ERROR_WANT_WRITE:
		return LOOP_WRITE;
	default:
		return failed(t, ret, saved);
	}
}

ssize_t tls_conn_recv(struct tls_conn *t, void *p, size_t len)
{
	size_t got = 0;
	int ret, saved;

	ERR_clear_error();
	errno = 0;
	ret = SSL_read_ex(t->ssl, p, len, &got);
	saved = errno;
	if (ret == 1)
		return (ssize_t)got;
	switch (SSL_get_error(t->ssl, ret)) {
	case SSL_ERROR_ZERO_RETURN:
		return 0;
	case SSL_ERROR_WANT_READ:
	case SSL_ERROR_WANT_WRITE: /* an answer of TLS itself waits for room; it goes out with what is sent next */
		return -EAGAIN;
	default:
		return failed(t, ret, saved);
	}
}

ssize_t tls_conn_send(struct tls_conn *t, const void *p, size_t len)
{
	size_t sent = 0;
	int ret, saved;

	ERR_clear_error();
	errno = 0;
	ret = SSL_write_ex(t->ssl, p, len, &sent);
	saved = errno;
	if (ret == 1)
		return (ssize_t)sent;
	/* Without renegotiation writing never waits for the other side's bytes: WANT_READ is an error here. */
	if (SSL_get_error(t->ssl, ret) == SSL_ERROR_WANT_WRITE)
		return -EAGAIN;
	return failed(t, ret, saved);
}

bool tls_conn_pending(const struct tls_conn *t)
{
	return SSL_has_pending(t->ssl) == 1;
}

bool tls_conn_proves(const struct tls_conn *t, const char *name)
{
	X509 *x = SSL_get0_peer_certificate(t->ssl);

	return !tls_set_verifies_servers(t->set) || (!t->server && x != NULL && tls_names_prove(x, name));
}

void tls_conn_describe(const struct tls_conn *t, char *out, size_t size)
{
	snprintf(out, size, "%s %s", SSL_get_version(t->ssl), SSL_get_cipher_name(t->ssl));
}
