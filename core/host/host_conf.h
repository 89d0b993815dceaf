/**
 * @file host_conf.h  The configuration file: what the host itself reads of it.
 *
 * Start-up thread only; immutable afterwards. Plugin groups are read by plugin_table.c from the same tree.
 */
#pragma once

#include <libconfig.h>

#include "core/base/conf.h"
#include "core/base/log.h"
#include "core/net/dns_conf.h"
#include "core/net/net.h"
#include "core/tm/tm.h"
#include "storage/store.h"

struct host_limits {
	int64_t parked;           /**< messages suspended, per worker */
	int64_t transactions;     /**< per worker */
	int64_t calls;            /**< call records, per worker */
	int64_t call_idle;        /**< seconds */
	int64_t message;          /**< bytes */
	int64_t headers;          /**< per message */
	int64_t arena;            /**< bytes of memory one message may take */
	int64_t bad_answers;      /**< a second, per worker */
	int64_t script_loops;
	int64_t script_steps;
	int64_t shutdown_timeout; /**< seconds */
};

struct host_conf {
	config_t tree;
	char *path;
	char *dir; /**< of the file, for relative names in it */

	char *node;
	int64_t workers; /**< as written; 0: one per core */
	char *script;    /**< resolved */
	char *plugin_dir;
	char *user, *group;
	int64_t shutdown_timeout; /**< seconds */
	char *secret, *secret_file;
	char *script_dialect;
	struct conf_list script_defines;
	bool script_skip_globals;
	struct conf_list plugins;
	struct conf_list aliases;
	char *server_header;

	enum log_level log_level;
	bool log_syslog;
	int64_t log_buffer; /**< bytes of lines that wait for the log's reader */

	struct host_limits limits;
	struct tm_conf tm;
	struct net_conf net;
	struct net_tls_conf tls; /**< names of files are whole paths, resolved */
	bool tls_refused;        /**< something in the group was wrong: it is no use to look at the files */
	struct dns_conf dns;
	struct store_conf store;
	struct net_socks socks;
};

/** The tables behind the host's own keys and groups, for the reference; ends with name NULL, "" is the top level. */
struct host_conf_table {
	const char *name;
	const struct conf_param *rows;
};
extern const struct host_conf_table host_conf_tables[];

/** One "-o key=value" of the command line. */
struct host_override {
	const char *text;
	struct host_override *next;
};

/**
 * Read path; everything wrong goes to e. Returns 0 when the file could be parsed (look at conf_error_count()), else a negative errno with
 * the one syntax error in e. The result is freed by host_conf_free() in both cases.
 */
int host_conf_read(struct host_conf *c, const char *path, const struct host_override *overrides, struct conf_errors *e);
void host_conf_free(struct host_conf *c);
/**
 * Set the levels that group `log` names; sources is NULL-terminated: names that may stand there beside level and to. For those in
 * absent (likewise), plugins that are not enabled, there is a warning.
 */
void host_conf_log_levels(const struct host_conf *c, const char *const *sources, const char *const *absent, struct conf_errors *e);
/** The member of tls.domains that net_tls_domain i was read from. */
config_setting_t *host_conf_tls_domain(const struct host_conf *c, unsigned i);
/** Is it one of the groups and keys of the host (not a plugin's name)? */
bool host_conf_is_own(const char *name);
