/**
 * @file redis_target.h  Where Redis is and who we are there: storage.url, parsed.
 * Start-up thread; read-only afterwards.
 *
 *     redis://[user:password@]host[:port][/db]            password alone:
 *     redis://:password@host
 *     unix:///path[?db=n&user=u&password=p]
 *
 * User and password may hold %XX escapes. A host is an address or a name found in the
 * hosts file: nothing here asks DNS, as that would block.
 */
#pragma once

#include <stdint.h>

#include "core/base/addr.h"

struct redis_target {
	char *path;           /**< UNIX socket; NULL: TCP */
	char host[ADDR_TEXT]; /**< literal */
	uint16_t port;
	unsigned db;
	char *user;     /**< NULL: none (AUTH with the password alone) */
	char *password; /**< NULL: none */
};

/** 0; -ENOMEM; -EINVAL with a line for the operator in why. hosts is the file's path
 * ("/etc/hosts"). */
int redis_target_new(
	struct redis_target **out, const char *url, const char *hosts, char why[256]);
void redis_target_destroy(struct redis_target **tp);
/** For logs, without the password; the caller frees it. NULL without memory. */
char *redis_target_describe(const struct redis_target *t);
