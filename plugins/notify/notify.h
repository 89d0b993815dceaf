/**
 * @file notify.h  The plugin's parts on one screen: parameters, and the thread that reads what RTP proxies tell.
 *
 *     notify_mode.c   mode of a UNIX socket        listen.c   the listening socket, made while we still are root
 *     lines.c         bytes to lines               conn.c     connections: any number from one address, bounded in all
 *     seen.c          who was told of already      told.c     an id: the store is told, then the workers
 *
 * A line is the id of a dialog (core/tm/dialog_id.h), which nobody can guess; all else is counted and has no effect.
 */
#pragma once

#include "core/base/addr_stream.h"
#include "core/host/plugin.h"
#include "plugins/notify/lines.h"
#include "plugins/notify/notify_mode.h"
#include "plugins/notify/seen.h"

struct notify_conf {
	/* as configured */
	char *rtpp_notify_socket;
	char *mode;
	char *group;
	int64_t max_connections;
	int64_t max_line;
	/* prepared by load() and prepare() */
	struct addr_stream addr;
	unsigned mode_bits;
	bool bound; /**< fd listens; for UNIX, path is ours */
	int fd;
};

enum notify_counter {
	NOTIFY_C_CONNECTIONS,
	NOTIFY_C_ACCEPTED,
	NOTIFY_C_REFUSED,
	NOTIFY_C_LINES,
	NOTIFY_C_ENDED,
	NOTIFY_C_REPEATED,
	NOTIFY_C_UNKNOWN,
	NOTIFY_C_ALREADY,
	NOTIFY_C_GARBAGE,
	NOTIFY_C_TOO_LONG,
	NOTIFY_C_STORE_AWAY,
	NOTIFY_C_LOST,
};

struct notify_conn;
struct notify_told;

/** The thread's instance. */
struct notify {
	struct ph_thread *thread;
	const struct notify_conf *conf;
	struct log_source *log;
	unsigned first_counter;
	struct loop_io *listening;
	struct timer listen_again;     /**< out of descriptors: a pause */
	struct notify_conn *conns;     /**< the newest first */
	unsigned conn_count;
	struct seen seen;
	struct notify_told *asking;    /**< ids that the store is asked about */
	unsigned asking_count;
	struct notify_told *waiting;   /**< ids that the store was not there for */
	unsigned waiting_count;
	struct timer retry;
	bool paused;                   /**< too many are asked about: nobody is read */
	struct log_gate complaints;
};

static inline void notify_count(const struct notify *n, enum notify_counter which, int64_t by)
{
	counter_add(n->thread->counters, n->first_counter + which, by);
}
/** A line about what strangers do, at most one in a second. */
void notify_complain(struct notify *n, const char *peer, const char *what, struct slice text);

/* listen.c */

/** Bind and listen: conf->fd. Complains by itself. */
int notify_listen(struct notify_conf *conf, struct log_source *log);
void notify_unlisten(struct notify_conf *conf);

/* conn.c */
int notify_conns_start(struct notify *n);
void notify_conns_stop(struct notify *n);
/** Read on, or do not, on all connections. */
void notify_conns_pause(struct notify *n, bool pause);

/* told.c */

/** A line from peer. True: it was an id by its form. */
bool notify_told(struct notify *n, const char *peer, struct slice line);
void notify_told_start(struct notify *n);
void notify_told_stop(struct notify *n);
