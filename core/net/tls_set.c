#include "core/net/tls_set.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/x509.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/slice.h"
#include "core/net/tls_names.h"

/*
 *   net_tls ──► tls_set (counted) ──► server ─ SNI ─► domains[i]
 *      ▲                          └─► client
 *   one for the process; reload puts another set in
 */
struct tls_set {
	atomic_uint refs;
	bool verifies_servers;
	SSL_CTX *server, *client;
	unsigned domain_count;
	struct tls_domain {
		const struct net_tls_domain *conf;
		SSL_CTX *ctx;
	} domains[];
};

struct net_tls {
	const struct net_tls_conf *conf;
	pthread_mutex_t lock; /* for the pointer and the count of whom it points to */
	struct tls_set *set;
};

/* Words */

int tls_verify_client_of(const char *text)
{
	if (strcmp(text, "no") == 0)
		return SSL_VERIFY_NONE;
	if (strcmp(text, "optional") == 0)
		return SSL_VERIFY_PEER;
	return strcmp(text, "require") == 0 ? SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT : -1;
}

int tls_version_of(const char *text)
{
	static const struct {
		const char *name;
		int version;
	} versions[] = {{"1", TLS1_VERSION}, {"1.0", TLS1_VERSION}, {"1.1", TLS1_1_VERSION}, {"1.2", TLS1_2_VERSION},
		{"1.3", TLS1_3_VERSION}};

	if (strncasecmp(text, "TLSv", 4) == 0)
		text += 4;
	for (size_t i = 0; i < sizeof(versions) / sizeof(versions[0]); i++)
		if (strcmp(text, versions[i].name) == 0)
			return versions[i].version;
	return 0;
}

bool tls_ciphers_known(const char *text)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_method());
	bool known = ctx != NULL && *text != '\0' && SSL_CTX_set_cipher_list(ctx, text) == 1;

	SSL_CTX_free(ctx);
	ERR_clear_error();
	return known;
}

const char *tls_reason(char out[256])
{
	unsigned long code = ERR_get_error();
	const char *reason = code != 0 ? ERR_reason_error_string(code) : NULL;

	if (reason != NULL)
		snprintf(out, 256, "%s", reason);
	else if (code != 0 && ERR_SYSTEM_ERROR(code))
		snprintf(out, 256, "%s", strerror(ERR_GET_REASON(code)));
	else
		snprintf(out, 256, "no reason given");
	ERR_clear_error();
	return out;
}

/* Making a set */

struct making {
	const struct net_tls_conf *conf;
	struct net_tls_error *why;
	int domain; /* whose certificate is being read */
};

static int blame(const struct making *m, const char *param, const char *file, const char *text)
{
	m->why->param = param;
	m->why->domain = m->domain;
	snprintf(m->why->text, sizeof(m->why->text), "found \"%s\", %s", file, text);
	ERR_clear_error();
	return -EINVAL;
}

/* OpenSSL's own words for files that are not there are no help. */
static int may_read(const struct making *m, const char *param, const char *file)
{
	char text[128];

	if (access(file, R_OK) == 0)
		return 0;
	snprintf(text, sizeof(text), "which cannot be read: %s", strerror(errno));
	return blame(m, param, file, text);
}

/* Nobody is there to be asked. */
static int no_passphrase(char *out, int size, int writing, void *arg)
{
	(void)size;
	(void)writing;
	*(bool *)arg = true;
	out[0] = '\0';
	return -1;
}

static int use_key(const struct making *m, SSL_CTX *ctx, const char *file)
{
	bool encrypted = false;
	char reason[256], text[320];
	unsigned long code;

	SSL_CTX_set_default_passwd_cb(ctx, no_passphrase);
	SSL_CTX_set_default_passwd_cb_userdata(ctx, &encrypted);
	if (SSL_CTX_use_PrivateKey_file(ctx, file, SSL_FILETYPE_PEM) == 1) {
		SSL_CTX_set_default_passwd_cb_userdata(ctx, NULL);
		return 0;
	}
	code = ERR_peek_last_error();
	if (encrypted)
		return blame(m, "private_key", file, "which is encrypted: want a key without passphrase, as openssl pkey writes it");
	if (ERR_GET_LIB(code) == ERR_LIB_X509 &&
		(ERR_GET_REASON(code) == X509_R_KEY_VALUES_MISMATCH || ERR_GET_REASON(code) == X509_R_KEY_TYPE_MISMATCH))
		return blame(m, "private_key", file, "whose key does not fit the certificate");
	snprintf(text, sizeof(text), "which holds no private key in PEM form: %s", tls_reason(reason));
	return blame(m, "private_key", file, text);
}

static int use_certificate(const struct making *m, SSL_CTX *ctx, const char *certificate, const char *key)
{
	char reason[256], text[320];
	int err = may_read(m, "certificate", certificate);

	if (err == 0 && key != NULL)
		err = may_read(m, "private_key", key);
	if (err != 0)
		return err;
	if (SSL_CTX_use_certificate_chain_file(ctx, certificate) != 1) {
		snprintf(text, sizeof(text), "which holds no certificate in PEM form that can be used: %s", tls_reason(reason));
		return blame(m, "certificate", certificate, text);
	}
	return use_key(m, ctx, key != NULL ? key : certificate);
}

/* Whom we believe. */
static int use_ca(const struct making *m, SSL_CTX *ctx)
{
	const char *ca = m->conf->ca;
	char reason[256], text[320];
	struct stat st;
	int ok;

	if (ca == NULL)
		return SSL_CTX_set_default_verify_paths(ctx) == 1 ? 0 : -ENOMEM;
	if (may_read(m, "ca", ca) != 0)
		return -EINVAL;
	ok = stat(ca, &st) == 0 && S_ISDIR(st.st_mode) ? SSL_CTX_load_verify_dir(ctx, ca) : SSL_CTX_load_verify_file(ctx, ca);
	if (ok == 1)
		return 0;
	snprintf(text, sizeof(text), "which holds no certificates in PEM form: %s", tls_reason(reason));
	return blame(m, "ca", ca, text);
}

/* What both sides have in common. */
static int ctx_new(const struct making *m, const SSL_METHOD *method, SSL_CTX **out)
{
	SSL_CTX *ctx = SSL_CTX_new(method);

	if (ctx == NULL)
		return -ENOMEM;
	*out = ctx;
	SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_IGNORE_UNEXPECTED_EOF);
	/* A queue is written in pieces, from wherever it lies by then; idle connections keep no buffers. */
	SSL_CTX_set_mode(ctx, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS);
	SSL_CTX_set_read_ahead(ctx, 1); /* several records with one system call */
	/* Tickets resume sessions (RFC 5077); nothing is kept here, where all workers would meet. */
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	if (SSL_CTX_set_min_proto_version(ctx, tls_version_of(m->conf->min_version)) != 1 ||
		SSL_CTX_set_cipher_list(ctx, m->conf->ciphers) != 1)
		return blame(m, "ciphers", m->conf->ciphers, "with which OpenSSL cannot work");
	return 0;
}

static bool is_file(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISREG(st.st_mode);
}

static int server_new(const struct making *m, const char *certificate, const char *key, SSL_CTX **out)
{
	static const unsigned char id[] = "pinhole";
	int verify = tls_verify_client_of(m->conf->verify_client);
	int err = ctx_new(m, TLS_server_method(), out);

	if (err == 0)
		err = use_certificate(m, *out, certificate, key);
	if (err != 0)
		return err;
	SSL_CTX_set_options(*out, SSL_OP_CIPHER_SERVER_PREFERENCE);
	SSL_CTX_set_dh_auto(*out, 1);
	SSL_CTX_set_verify(*out, verify, NULL);
	/* Without it a session with a client's certificate cannot be resumed. */
	if (SSL_CTX_set_session_id_context(*out, id, sizeof(id) - 1) != 1)
		return -ENOMEM;
	if (verify == SSL_VERIFY_NONE)
		return 0;
	err = use_ca(m, *out);
	/* Clients with several certificates choose by the names of CAs that we send. */
	if (err == 0 && m->conf->ca != NULL && is_file(m->conf->ca))
		SSL_CTX_set_client_CA_list(*out, SSL_load_client_CA_file(m->conf->ca));
	return err;
}

static int client_new(const struct making *m, SSL_CTX **out)
{
	const struct net_tls_conf *conf = m->conf;
	int err = ctx_new(m, TLS_client_method(), out);

	if (err == 0)
		err = use_certificate(m, *out, conf->certificate, conf->private_key);
	if (err == 0 && conf->verify_server)
		err = use_ca(m, *out);
	if (err == 0)
		SSL_CTX_set_verify(*out, conf->verify_server ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, NULL);
	return err;
}

/* The domain that is called so: by its whole name first, then by a star. */
static SSL_CTX *domain_of(const struct tls_set *s, struct slice name)
{
	ptrdiff_t dot;

	if (name.len > 1 && name.p[name.len - 1] == '.')
		name.len--;
	for (unsigned i = 0; i < s->domain_count; i++)
		if (slice_ieq(slice_str(s->domains[i].conf->name), name))
			return s->domains[i].ctx;
	dot = slice_chr(name, '.');
	for (unsigned i = 0; dot > 0 && i < s->domain_count; i++) {
		struct slice want = slice_str(s->domains[i].conf->name);

		if (slice_starts(want, SLICE("*.")) && slice_ieq(slice_from(want, 1), slice_from(name, (size_t)dot)))
			return s->domains[i].ctx;
	}
	return NULL;
}

/* RFC 6066 section 3: who asks for a name that we do not know gets the default certificate. */
static int on_server_name(SSL *ssl, int *alert, void *arg)
{
	const char *name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
	SSL_CTX *ctx = name != NULL ? domain_of(arg, slice_str(name)) : NULL;

	(void)alert;
	if (ctx == NULL)
		return SSL_TLSEXT_ERR_NOACK;
	return SSL_set_SSL_CTX(ssl, ctx) != NULL ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_ALERT_FATAL;
}

static void set_free(struct tls_set *s)
{
	SSL_CTX_free(s->server);
	SSL_CTX_free(s->client);
	for (unsigned i = 0; i < s->domain_count; i++)
		SSL_CTX_free(s->domains[i].ctx);
	free(s);
}

static int set_fill(struct tls_set *s, struct making *m)
{
	const struct net_tls_conf *conf = m->conf;
	int err = server_new(m, conf->certificate, conf->private_key, &s->server);

	if (err == 0)
		err = client_new(m, &s->client);
	for (unsigned i = 0; err == 0 && i < conf->domain_count; i++) {
		const struct net_tls_domain *d = &conf->domains[i];

		m->domain = (int)i;
		s->domains[i].conf = d;
		s->domain_count = i + 1;
		err = server_new(m, d->certificate, d->private_key, &s->domains[i].ctx);
	}
	if (err != 0)
		return err;
	SSL_CTX_set_tlsext_servername_callback(s->server, on_server_name);
	SSL_CTX_set_tlsext_servername_arg(s->server, s);
	s->verifies_servers = conf->verify_server;
	return 0;
}

static int set_new(struct tls_set **out, const struct net_tls_conf *conf, struct net_tls_error *why)
{
	struct making m = {.conf = conf, .why = why, .domain = -1};
	struct tls_set *s = calloc(1, sizeof(*s) + conf->domain_count * sizeof(s->domains[0]));
	int err = s != NULL ? set_fill(s, &m) : -ENOMEM;

	if (err == 0) {
		atomic_init(&s->refs, 1);
		*out = s;
		return 0;
	}
	if (s != NULL)
		set_free(s);
	if (err == -ENOMEM) {
		why->param = "certificate";
		why->domain = m.domain;
		snprintf(why->text, sizeof(why->text), "out of memory");
	}
	ERR_clear_error();
	return err;
}

/* The set in force */

struct tls_set *tls_set_get(struct net_tls *t)
{
	struct tls_set *s;

	pthread_mutex_lock(&t->lock);
	s = t->set;
	atomic_fetch_add(&s->refs, 1);
	pthread_mutex_unlock(&t->lock);
	return s;
}

void tls_set_put(struct tls_set **sp)
{
	struct tls_set *s = *sp;

	*sp = NULL;
	if (s != NULL && atomic_fetch_sub(&s->refs, 1) == 1)
		set_free(s);
}

SSL_CTX *tls_set_server(struct tls_set *s)
{
	return s->server;
}

SSL_CTX *tls_set_client(struct tls_set *s)
{
	return s->client;
}

bool tls_set_verifies_servers(const struct tls_set *s)
{
	return s->verifies_servers;
}

int net_tls_new(struct net_tls **out, const struct net_tls_conf *conf, struct net_tls_error *why)
{
	struct net_tls *t = calloc(1, sizeof(*t));
	int err;

	*why = (struct net_tls_error){.param = "certificate", .domain = -1, .text = "out of memory"};
	if (t == NULL)
		return -ENOMEM;
	err = set_new(&t->set, conf, why);
	if (err != 0) {
		free(t);
		return err;
	}
	t->conf = conf;
	pthread_mutex_init(&t->lock, NULL);
	*out = t;
	return 0;
}

int net_tls_reload(struct net_tls *t, struct net_tls_error *why)
{
	struct tls_set *set = NULL, *old;
	int err = set_new(&set, t->conf, why);

	if (err != 0)
		return err;
	pthread_mutex_lock(&t->lock);
	old = t->set;
	t->set = set;
	pthread_mutex_unlock(&t->lock);
	tls_set_put(&old);
	return 0;
}

void net_tls_destroy(struct net_tls **tp)
{
	struct net_tls *t = *tp;

	*tp = NULL;
	if (t == NULL)
		return;
	tls_set_put(&t->set);
	pthread_mutex_destroy(&t->lock);
	free(t);
}

/* For people */

static int64_t seconds_of(const ASN1_TIME *at)
{
	struct tm tm;

	return ASN1_TIME_to_tm(at, &tm) == 1 ? (int64_t)timegm(&tm) : 0;
}

static void name_text(X509_NAME *name, char *out, int size)
{
	BIO *bio = BIO_new(BIO_s_mem());
	int len = 0;

	if (bio != NULL && X509_NAME_print_ex(bio, name, 0, XN_FLAG_RFC2253 & ~ASN1_STRFLGS_ESC_MSB) >= 0)
		len = BIO_read(bio, out, size - 1);
	out[len > 0 ? len : 0] = '\0';
	BIO_free(bio);
}

static void describe(SSL_CTX *ctx, const char *domain, const char *file,
	void (*fn)(void *arg, const struct net_tls_certificate *c), void *arg)
{
	X509 *x = SSL_CTX_get0_certificate(ctx);
	char subject[512], issuer[512], names[1024];

	name_text(X509_get_subject_name(x), subject, sizeof(subject));
	name_text(X509_get_issuer_name(x), issuer, sizeof(issuer));
	tls_names_text(x, names, sizeof(names));
	fn(arg, &(const struct net_tls_certificate){.domain = domain,
			.file = file,
			.subject = subject,
			.issuer = issuer,
			.names = names,
			.not_before = seconds_of(X509_get0_notBefore(x)),
			.not_after = seconds_of(X509_get0_notAfter(x))});
}

void net_tls_certificates(struct net_tls *t, void (*fn)(void *arg, const struct net_tls_certificate *c), void *arg)
{
	struct tls_set *s = tls_set_get(t);

	describe(s->server, NULL, t->conf->certificate, fn, arg);
	for (unsigned i = 0; i < s->domain_count; i++)
		describe(s->domains[i].ctx, s->domains[i].conf->name, s->domains[i].conf->certificate, fn, arg);
	tls_set_put(&s);
	ERR_clear_error();
}
