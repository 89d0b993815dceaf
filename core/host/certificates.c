#include "core/host/certificates.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "core/host/host.h"

#define DAY_S       86400
#define DAY_MS      86400000u
#define SOON_DAYS   14 /* a warning a day from then on */
#define STAMP_BYTES 32

struct certificates {
	struct host *host;
	struct log_source *log;
	struct timer daily;
	int64_t days; /* as the gauge has it */
};

/* Whole days; an hour too late is minus one. */
static int64_t days_left(const struct net_tls_certificate *x)
{
	int64_t left = x->not_after - clock_wall();

	return left >= 0 ? left / DAY_S : -((-left + DAY_S - 1) / DAY_S);
}

static const char *stamp(int64_t at, char out[STAMP_BYTES])
{
	time_t t = (time_t)at;
	struct tm tm;

	gmtime_r(&t, &tm);
	strftime(out, STAMP_BYTES, "%Y-%m-%dT%H:%M:%SZ", &tm);
	return out;
}

static void judge_one(void *arg, const struct net_tls_certificate *x)
{
	struct certificates *c = arg;
	int64_t left = days_left(x);
	char at[STAMP_BYTES];

	if (left < c->days)
		c->days = left;
	if (left < 0)
		LOG(c->log, LOG_L_ERR, "certificate %s (%s) has expired at %s: phones will refuse it", x->file, x->names, stamp(x->not_after, at));
	else if (left < SOON_DAYS)
		LOG(c->log, LOG_L_WARN, "certificate %s (%s) expires in %lld days, at %s", x->file, x->names, (long long)left,
			stamp(x->not_after, at));
	if (x->not_before > clock_wall())
		LOG(c->log, LOG_L_WARN, "certificate %s (%s) is not valid before %s", x->file, x->names, stamp(x->not_before, at));
}

/* What expires soon, to the log; the gauge follows. */
static void judge(struct certificates *c)
{
	int64_t was = c->days;

	c->days = INT64_MAX;
	net_tls_certificates(c->host->tls, judge_one, c);
	counter_add(c->host->control.counters, c->host->first_host + HOST_C_TLS_DAYS, c->days - was);
}

static void on_day(void *arg)
{
	struct certificates *c = arg;

	judge(c);
	timer_start(c->host->control.loop, &c->daily, DAY_MS);
}

/* As root the files could be read; after user and group were dropped it may be another matter. */
static void check_readable(const struct certificates *c)
{
	const struct net_tls_conf *conf = &c->host->conf.tls;
	const char *files[] = {conf->certificate, conf->private_key, conf->ca};

	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
		if (files[i] && access(files[i], R_OK) != 0)
			LOG(c->log, LOG_L_WARN, "%s cannot be read by uid %ld: tls_reload will fail", files[i], (long)geteuid());
	for (unsigned i = 0; i < conf->domain_count; i++) {
		const struct net_tls_domain *d = &conf->domains[i];

		if (access(d->certificate, R_OK) != 0 || (d->private_key && access(d->private_key, R_OK) != 0))
			LOG(c->log, LOG_L_WARN, "certificate and key of %s cannot be read by uid %ld: tls_reload will fail", d->name, (long)geteuid());
	}
}

int certificates_new(struct certificates **out, struct host *h)
{
	struct certificates *c;

	*out = NULL;
	if (!h->tls)
		return 0;
	c = calloc(1, sizeof(*c));
	if (!c)
		return -ENOMEM;
	c->host = h;
	c->log = log_source_get("net");
	timer_init(&c->daily, on_day, c);
	check_readable(c);
	on_day(c);
	*out = c;
	return 0;
}

void certificates_destroy(struct certificates **cp)
{
	struct certificates *c = *cp;

	*cp = NULL;
	if (!c)
		return;
	timer_stop(&c->daily);
	free(c);
}

/* 0, or -errno with a line in why. */
static int reload(struct certificates *c, struct net_tls_error *why)
{
	struct host *h = c->host;
	int err = net_tls_reload(h->tls, why);

	counter_inc(h->control.counters, h->first_host + (err == 0 ? HOST_C_TLS_RELOADS : HOST_C_TLS_RELOAD_FAILURES));
	if (err == 0) {
		LOG(c->log, LOG_L_NOTICE, "certificates read again: they hold for new connections");
		judge(c);
	} else {
		LOG(c->log, LOG_L_ERR, "certificates not read again, the former ones stay in force: tls.%s%s: %s",
			why->domain >= 0 ? "domains." : "", why->param, why->text);
	}
	return err;
}

void certificates_hangup(struct certificates *c)
{
	struct net_tls_error why;

	if (c)
		(void)reload(c, &why);
}

static void list_one(void *arg, const struct net_tls_certificate *x)
{
	struct tree *node = tree_add(arg, x->domain ? x->domain : "default", NULL);
	char text[STAMP_BYTES];

	tree_attr(node, "file", x->file);
	tree_attr(node, "names", x->names);
	tree_attr(node, "subject", x->subject);
	tree_attr(node, "issuer", x->issuer);
	tree_attr(node, "from", stamp(x->not_before, text));
	tree_attr(node, "until", stamp(x->not_after, text));
	tree_attr_int(node, "days", days_left(x));
}

static bool has_tls(const struct certificates *c, struct bus_request *req)
{
	if (!c)
		bus_fail(req, 404, "there is no TLS: no listener of the configuration is one (listen = \"tls:ADDRESS:PORT\")");
	return c != NULL;
}

void certificates_list(struct certificates *c, struct bus_request *req)
{
	struct tree *root;

	if (!has_tls(c, req))
		return;
	root = tree_new();
	tree_set_list(root);
	net_tls_certificates(c->host->tls, list_one, root);
	bus_reply(req, root);
}

void certificates_reload(struct certificates *c, struct bus_request *req)
{
	struct net_tls_error why;

	if (!has_tls(c, req))
		return;
	if (reload(c, &why) == 0)
		certificates_list(c, req);
	else
		bus_fail(req, 500, "the former certificates stay in force: tls.%s%s: %s", why.domain >= 0 ? "domains." : "", why.param, why.text);
}
