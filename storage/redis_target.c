#include "storage/redis_target.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

enum { REDIS_PORT = 6379, REDIS_DB_MAX = 65535 };

/* The first address that the hosts file has for name. */
static int hosts_find(const char *path, struct slice name, struct addr *out)
{
	char line[1024];
	FILE *f = fopen(path, "re");
	int err = -ENOENT;

	if (f == NULL)
		return -errno;
	while (err != 0 && fgets(line, sizeof(line), f) != NULL) {
		char *save = NULL;
		char *word;
		struct addr addr;

		line[strcspn(line, "#\r\n")] = '\0';
		word = strtok_r(line, " \t", &save);
		if (word == NULL || addr_parse_ip(&addr, slice_str(word)) != 0)
			continue;
		while (err != 0 && (word = strtok_r(NULL, " \t", &save)) != NULL)
			if (slice_ieq(slice_str(word), name)) {
				*out = addr;
				err = 0;
			}
	}
	fclose(f);
	return err;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* A heap copy without %XX escapes. -EINVAL for a bad escape or %00. */
static int unescape(char **out, struct slice s)
{
	char *p = malloc(s.len + 1);
	size_t i, n = 0;

	if (p == NULL)
		return -ENOMEM;
	for (i = 0; i < s.len; i++) {
		if (s.p[i] == '%') {
			int hi = i + 2 < s.len ? hex_digit(s.p[i + 1]) : -1;
			int lo = i + 2 < s.len ? hex_digit(s.p[i + 2]) : -1;

			if (hi < 0 || lo < 0 || hi + lo == 0) {
				free(p);
				return -EINVAL;
			}
			p[n++] = (char)(hi * 16 + lo);
			i += 2;
		} else {
			p[n++] = s.p[i];
		}
	}
	p[n] = '\0';
	free(*out);
	*out = p;
	return 0;
}

static int bad(char why[256], const char *what, struct slice found, const char *right)
{
	(void)snprintf(why, 256, "url: %s: found \"%.*s\", want %s", what,
		found.len > 80 ? 80 : (int)found.len, found.len > 0 ? found.p : "",
		right);
	return -EINVAL;
}

static int set_db(struct redis_target *t, struct slice text, char why[256])
{
	uint64_t db;

	if (slice_u64(text, REDIS_DB_MAX, &db) != 0)
		return bad(why, "database", text, "a number, such as 0");
	t->db = (unsigned)db;
	return 0;
}

static int set_login(struct redis_target *t, struct slice login, char why[256])
{
	struct slice user, password;
	int err;

	/* The text may hold a password: it is not shown. */
	if (!slice_cut(login, ':', &user, &password)) {
		(void)snprintf(why, 256,
			"url: found no password before '@', want "
			"user:password@host or "
			":password@host");
		return -EINVAL;
	}
	err = slice_empty(user) ? 0 : unescape(&t->user, user);
	if (err == 0)
		err = unescape(&t->password, password);
	if (err == -EINVAL)
		(void)snprintf(why, 256,
			"url: found a '%%' in user or password that is not "
			"followed by two hex digits, want %%25 for a percent sign");
	return err;
}

static int set_host(
	struct redis_target *t, struct slice host, const char *hosts, char why[256])
{
	struct addr addr;

	if (slice_empty(host))
		return bad(why, "host", host, "an address, such as 127.0.0.1");
	if (addr_parse_ip(&addr, host) != 0 && hosts_find(hosts, host, &addr) != 0) {
		(void)snprintf(why, 256,
			"url: host: found \"%.*s\", want an address or a name in %s: "
			"DNS is not asked here",
			host.len > 80 ? 80 : (int)host.len, host.p, hosts);
		return -EINVAL;
	}
	(void)addr_ip_text(&addr, t->host);
	return 0;
}

static int parse_tcp(
	struct redis_target *t, struct slice rest, const char *hosts, char why[256])
{
	struct slice host, port, db = {0};
	ptrdiff_t at = -1;
	uint64_t n = REDIS_PORT;
	size_t i;
	int err;

	/* The last '@' ends the login: a password may hold one. */
	for (i = 0; i < rest.len; i++)
		if (rest.p[i] == '@')
			at = (ptrdiff_t)i;
	if (at >= 0) {
		err = set_login(t, slice_sub(rest, 0, (size_t)at), why);
		if (err != 0)
			return err;
		rest = slice_from(rest, (size_t)at + 1);
	}
	if (slice_cut(rest, '/', &host, &db))
		rest = host;
	if (!slice_empty(db)) {
		err = set_db(t, db, why);
		if (err != 0)
			return err;
	}
	host = rest;
	if (slice_starts(rest, SLICE("["))) {
		ptrdiff_t end = slice_chr(rest, ']');

		if (end < 0)
			return bad(why, "host", rest, "an IPv6 address in [ ]");
		host = slice_sub(rest, 0, (size_t)end + 1);
		rest = slice_from(rest, (size_t)end + 1);
	}
	if (slice_cut(rest, ':', &rest, &port)) {
		if (host.p == rest.p)
			host = rest;
		if (slice_u64(port, 65535, &n) != 0 || n == 0)
			return bad(why, "port", port, "1 to 65535");
	}
	t->port = (uint16_t)n;
	return set_host(t, host, hosts, why);
}

static int parse_unix(struct redis_target *t, struct slice rest, char why[256])
{
	struct slice path, query, pair, name, value;
	int err = 0;

	if (!slice_cut(rest, '?', &path, &query)) {
		path = rest;
		query = (struct slice){0};
	}
	if (!slice_starts(path, SLICE("/")))
		return bad(why, "path", path,
			"an absolute path, unix:///run/redis/redis.sock");
	if (path.len > 107) /* sizeof(sun_path) - 1 */
		return bad(why, "path", path, "at most 107 bytes long");
	err = unescape(&t->path, path);
	if (err == -EINVAL)
		return bad(why, "path", path, "one with each '%' written as %25");
	while (err == 0 && !slice_empty(query)) {
		if (!slice_cut(query, '&', &pair, &query)) {
			pair = query;
			query = (struct slice){0};
		}
		if (!slice_cut(pair, '=', &name, &value))
			return bad(why, "option", pair, "db=n, user=u or password=p");
		if (slice_eq(name, SLICE("db")))
			err = set_db(t, value, why);
		else if (slice_eq(name, SLICE("user")))
			err = unescape(&t->user, value);
		else if (slice_eq(name, SLICE("password")))
			err = unescape(&t->password, value);
		else
			return bad(why, "option", name, "db, user or password");
		if (err == -EINVAL && !slice_eq(name, SLICE("db")))
			return bad(why, "option", name,
				"a value with each '%' written as %25");
	}
	if (err == 0 && t->user != NULL && t->password == NULL)
		return bad(why, "option", SLICE("user"), "user together with password");
	return err;
}

static int parse(
	struct redis_target *t, struct slice url, const char *hosts, char why[256])
{
	if (slice_istarts(url, SLICE("redis://")))
		return parse_tcp(t, slice_from(url, sizeof("redis://") - 1), hosts, why);
	if (slice_istarts(url, SLICE("unix://")))
		return parse_unix(t, slice_from(url, sizeof("unix://") - 1), why);
	if (slice_istarts(url, SLICE("rediss://"))) {
		(void)snprintf(why, 256,
			"url: found rediss://, which is TLS and not supported, "
			"want redis:// or unix://");
		return -EINVAL;
	}
	(void)snprintf(why, 256,
		"url: found neither redis:// nor unix:// at its beginning, want "
		"redis://[user:password@]host[:port][/db] or "
		"unix:///path[?db=n&user=u&password=p]");
	return -EINVAL;
}

int redis_target_new(
	struct redis_target **out, const char *url, const char *hosts, char why[256])
{
	struct redis_target *t = calloc(1, sizeof(*t));
	int err;

	if (t == NULL)
		return -ENOMEM;
	err = parse(t, slice_str(url), hosts, why);
	if (err != 0) {
		redis_target_destroy(&t);
		return err;
	}
	*out = t;
	return 0;
}

static void wipe(char *secret)
{
	if (secret != NULL)
		explicit_bzero(secret, strlen(secret));
	free(secret);
}

void redis_target_destroy(struct redis_target **tp)
{
	struct redis_target *t = *tp;

	*tp = NULL;
	if (t == NULL)
		return;
	free(t->path);
	free(t->user);
	wipe(t->password);
	free(t);
}

char *redis_target_describe(const struct redis_target *t)
{
	const char *user = t->user != NULL ? t->user : "";
	const char *at = t->user != NULL ? "@" : "";
	bool v6 = strchr(t->host, ':') != NULL;
	char *text = NULL;
	int n;

	if (t->path != NULL)
		n = asprintf(&text, "unix://%s?db=%u%s%s", t->path, t->db,
			t->user != NULL ? "&user=" : "", user);
	else
		n = asprintf(&text, "redis://%s%s%s%s%s:%u/%u", user, at, v6 ? "[" : "",
			t->host, v6 ? "]" : "", (unsigned)t->port, t->db);
	return n < 0 ? NULL : text;
}
