#include "storage/store.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "storage/dialog_table.h"
#include "storage/node_table.h"
#include "storage/redis_rows.h"
#include "storage/redis_target.h"
#include "storage/relay_table.h"
#include "storage/store_priv.h"

static const char *check_backend(const char *text)
{
	if (strcmp(text, "memory") == 0 || strcmp(text, "redis") == 0)
		return NULL;
	return "\"memory\" or \"redis\"";
}

/* The prefix stands before "{aor}"; a brace in it would move the hash tag. */
static const char *check_prefix(const char *text)
{
	const char *p;

	for (p = text; *p != '\0'; p++)
		if ((unsigned char)*p <= ' ' || *p == 0x7f || *p == '{' || *p == '}')
			return "text without blanks and braces, such as \"pinhole:\"";
	return NULL;
}

/* clang-format off */
const struct conf_param store_params[] = {
	{.name = "backend", .type = CONF_STR, .dflt = "memory",
	 .offset = offsetof(struct store_conf, backend), .check = check_backend,
	 .help = "Where contacts live: \"memory\" (of this node, lost at its end) or \"redis\" (shared by nodes)."},
	{.name = "url", .type = CONF_STR, .dflt = "redis://127.0.0.1:6379/0",
	 .offset = offsetof(struct store_conf, url),
	 .help = "redis://[user:password@]host[:port][/db] or unix:///path[?db=n&user=u&password=p]; "
		 "the host is an address or a name of /etc/hosts."},
	{.name = "prefix", .type = CONF_STR, .dflt = "pinhole:",
	 .offset = offsetof(struct store_conf, prefix), .check = check_prefix,
	 .help = "The first bytes of every key in Redis."},
	{.name = "connect_timeout", .type = CONF_MS, .dflt = "2000", .min = 10, .max = 60000,
	 .offset = offsetof(struct store_conf, connect_timeout),
	 .help = "How long the start, and each attempt to connect, waits for Redis, in ms."},
	{.name = "command_timeout", .type = CONF_MS, .dflt = "1000", .min = 10, .max = 60000,
	 .offset = offsetof(struct store_conf, command_timeout),
	 .help = "The deadline of one operation, in ms."},
	{.name = "reconnect_max", .type = CONF_MS, .dflt = "2000", .min = 100, .max = 60000,
	 .offset = offsetof(struct store_conf, reconnect_max),
	 .help = "The longest pause between two attempts to connect, in ms; the first is 100."},
	{.name = "max_pending", .type = CONF_INT, .dflt = "10000", .min = 1, .max = 1000000,
	 .offset = offsetof(struct store_conf, max_pending),
	 .help = "Operations under way per thread; more are refused."},
	{.name = "max_dialogs", .type = CONF_INT, .dflt = "100000", .min = 1, .max = 10000000,
	 .offset = offsetof(struct store_conf, max_dialogs),
	 .help = "memory: dialogs held at most; of more no record is kept."},
	{0},
};
const struct counter_desc store_counters[] = {
	[STORE_C_OPS] = {.name = "store_operations", .help = "Operations asked of the store."},
	[STORE_C_FAILED] = {.name = "store_failed", .help = "Operations that the store answered with an error."},
	[STORE_C_TIMEOUTS] = {.name = "store_timeouts", .help = "Operations that met their deadline."},
	[STORE_C_LATE] = {.name = "store_late", .help = "Answers that came after the deadline and were ignored."},
	[STORE_C_REFUSED] = {.name = "store_refused", .help = "Operations refused at once: no connection, or too many under way."},
	[STORE_C_PENDING] = {.name = "store_pending", .help = "Operations under way.", .kind = COUNTER_GAUGE},
	[STORE_C_CONNECTS] = {.name = "store_connects", .help = "Connections to Redis that became usable."},
	[STORE_C_LOST] = {.name = "store_connections_lost", .help = "Connections to Redis that failed or were refused."},
	[STORE_C_OWN_READS] = {.name = "store_own_reads", .help = "Lookups answered from this node's own table while Redis was away."},
	[STORE_C_MENDED] = {.name = "store_mended", .help = "Index entries found to name nothing, and repaired."},
	{0},
};
/* clang-format on */

static int make(
	struct store *st, const struct store_conf *conf, const char *node, char why[256])
{
	const bool memory = st->backend == &store_memory;
	int err;

	st->conf = *conf;
	st->conf.backend = NULL;
	st->conf.url = NULL;
	st->conf.prefix = strdup(conf->prefix != NULL ? conf->prefix : "pinhole:");
	st->node = strdup(node != NULL ? node : "");
	st->log = log_source_get("store");
	if (st->conf.prefix == NULL || st->node == NULL ||
		store_table_new(&st->table) != 0 || relay_table_new(&st->relays) != 0) {
		(void)snprintf(why, 256, "no memory");
		return -ENOMEM;
	}
	/* Also the URL that the memory does not need must be one, when it is given. */
	err = memory && conf->url == NULL
		? 0
		: redis_target_new(&st->target, conf->url, "/etc/hosts", why);
	if (err == 0)
		st->describe = memory ? strdup("memory") : redis_target_describe(st->target);
	if (err == 0 && st->describe == NULL)
		err = -ENOMEM;
	if (err == 0 && memory)
		err = node_table_new(&st->nodes);
	if (err == 0 && memory)
		err = dialog_table_new(&st->dialogs, (size_t)conf->max_dialogs);
	if (err == -ENOMEM)
		(void)snprintf(why, 256, "no memory");
	return err;
}

int store_new(struct store **out, const struct store_conf *conf, const char *node,
	char why[256])
{
	const char *name = conf->backend != NULL ? conf->backend : "memory";
	struct store *st;
	int err;

	if (check_backend(name) != NULL) {
		(void)snprintf(why, 256, "backend: found \"%.100s\", want %s", name,
			check_backend(name));
		return -EINVAL;
	}
	st = calloc(1, sizeof(*st));
	if (st == NULL) {
		(void)snprintf(why, 256, "no memory");
		return -ENOMEM;
	}
	st->backend = strcmp(name, "redis") == 0 ? &store_redis : &store_memory;
	err = make(st, conf, node, why);
	if (err != 0) {
		store_destroy(&st);
		return err;
	}
	*out = st;
	return 0;
}

void store_destroy(struct store **sp)
{
	struct store *st = *sp;

	*sp = NULL;
	if (st == NULL)
		return;
	redis_target_destroy(&st->target);
	store_table_destroy(&st->table);
	node_table_destroy(&st->nodes);
	relay_table_destroy(&st->relays);
	dialog_table_destroy(&st->dialogs);
	free(st->conf.prefix);
	free(st->node);
	free(st->describe);
	free(st);
}

int store_open(struct store_handle **out, struct store *st, struct loop *loop,
	struct counter_array *counters, unsigned first)
{
	struct store_handle *h = calloc(1, sizeof(*h));
	int err;

	if (h == NULL)
		return -ENOMEM;
	h->st = st;
	h->loop = loop;
	h->counters = counters;
	h->first = first;
	err = st->backend->open != NULL ? st->backend->open(h) : 0;
	if (err != 0) {
		free(h);
		return err;
	}
	*out = h;
	return 0;
}

void store_close(struct store_handle **hp)
{
	struct store_handle *h = *hp;

	*hp = NULL;
	if (h == NULL)
		return;
	redis_rows_cancel(h);
	if (h->st->backend->close != NULL)
		h->st->backend->close(h);
	free(h);
}

bool store_ready(const struct store_handle *h)
{
	return h->st->backend->ready(h);
}

const char *store_describe(const struct store *st)
{
	return st->describe;
}

int store_answered(struct store_handle *h, int err)
{
	store_count(h, STORE_C_OPS, 1);
	if (err == -EBUSY || err == -ENOTCONN)
		store_count(h, STORE_C_REFUSED, 1);
	else if (store_is_failure(err))
		store_count(h, STORE_C_FAILED, 1);
	return err;
}

static int check_aor(struct slice aor)
{
	if (slice_empty(aor))
		return -EINVAL;
	return aor.len > STORE_AOR_MAX ? -ENAMETOOLONG : 0;
}

static int check_update(const struct store_update *upd)
{
	unsigned i;

	if (upd->count > STORE_MAX_CONTACTS)
		return -ENOSPC;
	for (i = 0; i < upd->count; i++)
		if (slice_empty(upd->contacts[i].id) || slice_empty(upd->contacts[i].uri))
			return -EINVAL;
	return check_aor(upd->aor);
}

int store_contacts_update(struct store_handle *h, const struct store_update *upd,
	struct store_contacts *out, store_done done, void *arg)
{
	int err = check_update(upd);

	return store_answered(h,
		err != 0 ? err
			 : h->st->backend->contacts->update(h, upd, out, done, arg));
}

int store_contacts_get(struct store_handle *h, struct slice aor, int64_t now,
	struct store_contacts *out, store_done done, void *arg)
{
	int err = check_aor(aor);

	return store_answered(h,
		err != 0 ? err
			 : h->st->backend->contacts->get(h, aor, now, out, done, arg));
}

int store_contacts_remove(struct store_handle *h, struct slice aor, struct slice id,
	unsigned *removed, store_done done, void *arg)
{
	int err = check_aor(aor);

	return store_answered(h,
		err != 0 ? err
			 : h->st->backend->contacts->remove(
				   h, aor, id, removed, done, arg));
}

int store_contacts_scan(struct store_handle *h, int64_t now, struct store_page *page,
	store_done done, void *arg)
{
	return store_answered(h, h->st->backend->contacts->scan(h, now, page, done, arg));
}

static int check_socket(struct slice socket)
{
	if (slice_empty(socket))
		return -EINVAL;
	return socket.len > STORE_NAME_MAX ? -ENAMETOOLONG : 0;
}

int store_bindings_scan(struct store_handle *h, struct slice socket, int64_t now,
	struct store_page *page, store_done done, void *arg)
{
	int err = check_socket(socket);

	return store_answered(h,
		err != 0 ? err
			 : h->st->backend->contacts->bindings(
				   h, socket, now, page, done, arg));
}

int store_left_get(struct store_handle *h, struct slice socket, struct store_left *out,
	store_done done, void *arg)
{
	int err = check_socket(socket);

	return store_answered(h,
		err != 0 ? err
			 : h->st->backend->contacts->left(h, socket, out, done, arg));
}
