#include "core/net/dns_ask.h"

#include <ares.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "core/base/hash.h"
#include "core/base/log.h"

#define BUCKETS  256u /* of questions in flight */
#define CLASS_IN 1
#define TICK_MS  50 /* how exactly c-ares keeps its timeouts */
#define STALE_MS                                                                         \
	1000 /* RFC 8767 section 5: how long the caller waits for a better answer */
#define LOOK_MS    2000 /* how often resolv.conf is looked at */
#define LOG_MS     10000
#define EDNS_BYTES 1232 /* fits every path; the DNS flag day of 2020 */

/* clang-format off */
const struct counter_desc dns_counters[] = {
	[DNS_C_LOOKUPS] = {.name = "dns_lookups", .help = "Next hops that were given as a name."},
	[DNS_C_WAITED] = {.name = "dns_lookups_waited", .help = "Of these, not answered from the cache at once."},
	[DNS_C_REFUSED] = {.name = "dns_lookups_refused", .help = "Lookups and questions given up because dns.max_lookups was reached."},
	[DNS_C_UNRESOLVED] = {.name = "dns_lookups_failed", .help = "Lookups that led to no next hop."},
	[DNS_C_QUERIES] = {.name = "dns_queries", .help = "Questions sent to DNS servers; repeats of one are not counted."},
	[DNS_C_HITS] = {.name = "dns_cache_hits", .help = "Records taken from the cache."},
	[DNS_C_NEGATIVE_HITS] = {.name = "dns_negative_hits", .help = "Absences and failures taken from the cache."},
	[DNS_C_STALE_USED] = {.name = "dns_stale_used", .help = "Records used behind their TTL because no server answered."},
	[DNS_C_JOINED] = {.name = "dns_joined", .help = "Waits for a question that was in flight already."},
	[DNS_C_TIMEOUTS] = {.name = "dns_timeouts", .help = "Questions that no server answered in time."},
	[DNS_C_FAILURES] = {.name = "dns_failures", .help = "Questions that ended without a usable answer for another reason."},
	[DNS_C_EVICTED] = {.name = "dns_cache_evicted", .help = "Answers that had to leave the cache for others: dns.cache_size."},
	[DNS_C_IN_FLIGHT] = {.name = "dns_in_flight", .help = "Questions in flight now.", .kind = COUNTER_GAUGE},
	[DNS_C_BAD_HOPS] = {.name = "dns_bad_hops", .help = "Times that a next hop was marked as failed."},
	{0},
};
/* clang-format on */

/** One socket of c-ares'. */
struct dns_io {
	struct dns_io *next;
	struct dns_channel *channel;
	int fd;
	struct loop_io *io;
};

/** A c-ares channel. With other servers comes another; the old one stays until its questions are over. */
struct dns_channel {
	struct dns_channel *next;
	struct dns_asker *asker;
	ares_channel ares;
	struct dns_io *ios;
	unsigned pending;
};

struct dns_question {
	struct dns_question *next, **prev; /* of the bucket */
	struct dns_question *next_done;
	struct dns_asker *asker;
	struct dns_channel *channel;
	enum dns_type type;
	struct dns_answer *stale; /* counted */
	struct timer stale_timer;
	struct dns_wait *waits;
	unsigned aliases;
	uint32_t alias_ttl;
	struct dns_parsed *parsed; /* the answer; NULL while it is awaited */
	struct slice name;         /* in text */
	char ask[DNS_NAME_MAX +
		1]; /* what is asked for: name, or what it is an alias of */
	char text[];
};

struct dns_asker {
	struct dns_asker_setup s;
	struct log_source *log;
	struct dns_channel *channel; /* for new questions */
	struct dns_channel *retired;
	struct dns_question *buckets[BUCKETS];
	struct dns_question *done, **done_end;
	unsigned in_flight;
	struct timer tick; /* while any is in flight */
	struct timer soon; /* some were over before they left */
	bool closing;
	unsigned servers;
	unsigned first;    /* server that is asked first */
	bool first_silent; /* it kept somebody waiting, and another one answered */
	uint64_t logged_ms;
	unsigned unlogged;
	/* resolv.conf as it was */
	uint64_t looked_ms;
	struct timespec changed;
	ino_t inode;
};

static void count(struct dns_asker *a, unsigned which, int64_t by)
{
	counter_add(a->s.counters, a->s.first_counter + which, by);
}

/* Sockets */

static void io_drop(struct dns_io **at)
{
	struct dns_io *io = *at;

	*at = io->next;
	loop_io_del(&io->io);
	free(io);
}

static void channels_reap(struct dns_asker *a)
{
	struct dns_channel **at = &a->retired;

	while (*at != NULL) {
		struct dns_channel *ch = *at;

		if (ch->pending > 0) {
			at = &ch->next;
			continue;
		}
		*at = ch->next;
		ares_destroy(ch->ares);
		while (ch->ios != NULL)
			io_drop(&ch->ios);
		free(ch);
	}
}

static void questions_finish(struct dns_asker *a);

static void socket_ready(void *arg, int fd, int what)
{
	struct dns_channel *ch = ((struct dns_io *)arg)->channel;
	struct dns_asker *a = ch->asker;

	ares_process_fd(ch->ares, what & LOOP_READ ? fd : ARES_SOCKET_BAD,
		what & LOOP_WRITE ? fd : ARES_SOCKET_BAD);
	questions_finish(a);
}

/* c-ares says what it wants to know of a socket; nothing: it is about to close it. */
static void socket_state(void *arg, ares_socket_t fd, int readable, int writable)
{
	struct dns_channel *ch = arg;
	struct dns_io **at = &ch->ios;
	const int what = (readable ? LOOP_READ : 0) | (writable ? LOOP_WRITE : 0);
	struct dns_io *io;

	while (*at != NULL && (*at)->fd != fd)
		at = &(*at)->next;
	if (*at != NULL && what == 0) {
		io_drop(at);
	} else if (*at != NULL) {
		(void)loop_io_set((*at)->io, what);
	} else if (what != 0) {
		io = calloc(1, sizeof(*io));
		if (io == NULL)
			return; /* nothing is read from it: its questions time out */
		io->channel = ch;
		io->fd = fd;
		if (loop_io_add(ch->asker->s.loop, fd, what, socket_ready, io, &io->io) !=
			0) {
			free(io);
			return;
		}
		io->next = ch->ios;
		ch->ios = io;
	}
}

/* Channels */

static int servers_set(struct dns_channel *ch)
{
	struct ares_addr_port_node nodes[DNS_MAX_SERVERS] = {0};
	struct addr addrs[DNS_MAX_SERVERS];
	unsigned n = dns_servers(ch->asker->s.conf, addrs);

	ch->asker->servers = n;
	for (unsigned i = 0; i < n; i++) {
		const struct addr *a = &addrs[(ch->asker->first + i) % n];

		nodes[i].next = i + 1 < n ? &nodes[i + 1] : NULL;
		nodes[i].family = addr_family(a);
		nodes[i].udp_port = nodes[i].tcp_port = addr_port(a);
		if (nodes[i].family == AF_INET)
			nodes[i].addr.addr4 = a->in.sin_addr;
		else
			memcpy(&nodes[i].addr.addr6, &a->in6.sin6_addr, 16);
	}
	return ares_set_servers_ports(ch->ares, nodes) == ARES_SUCCESS ? 0 : -ENOMEM;
}

/*
 * Everything is said here, so that c-ares looks for nothing in files or the environment. ares_destroy() of a channel needs the loop's sockets.
 */
static int channel_new(struct dns_channel **out, struct dns_asker *a)
{
	struct dns_channel *ch = calloc(1, sizeof(*ch));
	struct in_addr nowhere = {.s_addr = htonl(INADDR_LOOPBACK)};
	char lookups[] = "b";
	struct ares_options o = {
		.flags = ARES_FLAG_EDNS | ARES_FLAG_NOSEARCH | ARES_FLAG_NOALIASES,
		.timeout = (int)a->s.conf->timeout,
		.tries = (int)a->s.conf->tries,
		.ndots = 0,
		.servers = &nowhere,
		.nservers = 1,
		.lookups = lookups,
		.sock_state_cb = socket_state,
		.sock_state_cb_data = ch,
		.ednspsz = EDNS_BYTES,
	};
	const int given = ARES_OPT_FLAGS | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES |
		ARES_OPT_NDOTS | ARES_OPT_SERVERS | ARES_OPT_DOMAINS | ARES_OPT_LOOKUPS |
		ARES_OPT_SORTLIST | ARES_OPT_SOCK_STATE_CB | ARES_OPT_EDNSPSZ |
		ARES_OPT_NOROTATE;
	int err;

	if (ch == NULL)
		return -ENOMEM;
	ch->asker = a;
	if (ares_init_options(&ch->ares, &o, given) != ARES_SUCCESS) {
		free(ch);
		return -ENOMEM;
	}
	err = servers_set(ch);
	if (err != 0) {
		ares_destroy(ch->ares);
		free(ch);
		return err;
	}
	*out = ch;
	return 0;
}

/* Has resolv.conf another text than when it was looked at last? */
static bool file_changed(struct dns_asker *a)
{
	struct stat st = {0};

	if (a->s.conf->servers.count > 0)
		return false;
	(void)stat(a->s.conf->resolv_conf, &st); /* none: zeros */
	if (st.st_mtim.tv_sec == a->changed.tv_sec &&
		st.st_mtim.tv_nsec == a->changed.tv_nsec && st.st_ino == a->inode)
		return false;
	a->changed = st.st_mtim;
	a->inode = st.st_ino;
	return true;
}

/* c-ares 1.18 asks the servers in their order, always: a silent first one would keep every new question waiting. */
static void servers_follow(struct dns_asker *a)
{
	const uint64_t now = loop_now(a->s.loop);
	struct dns_channel *ch;
	bool changed;

	if (now - a->looked_ms < LOOK_MS)
		return;
	a->looked_ms = now;
	changed = file_changed(a);
	if (!changed && !a->first_silent)
		return;
	a->first = changed ? 0 : a->first + 1;
	a->first_silent = false;
	if (channel_new(&ch, a) != 0)
		return;
	LOG(a->log, LOG_L_INFO, "DNS: %s: %s",
		a->s.conf->servers.count > 0 ? "dns.servers" : a->s.conf->resolv_conf,
		changed ? "has changed"
			: "the server asked first is silent, the next one comes first "
			  "now");
	a->channel->next = a->retired;
	a->retired = a->channel;
	a->channel = ch;
	channels_reap(a);
}

/* Questions */

static struct dns_question **bucket_of(
	struct dns_asker *a, struct slice name, enum dns_type type)
{
	return &a->buckets[(hash_fnv(name) ^ (unsigned)type) % BUCKETS];
}

static struct dns_question *question_find(
	struct dns_asker *a, struct slice name, enum dns_type type)
{
	struct dns_question *q = *bucket_of(a, name, type);

	while (q != NULL && (q->type != type || !slice_eq(q->name, name)))
		q = q->next;
	return q;
}

static void question_done(struct dns_question *q)
{
	struct dns_asker *a = q->asker;

	q->channel->pending--;
	q->next_done = NULL;
	*a->done_end = q;
	a->done_end = &q->next_done;
	if (!timer_pending(&a->soon))
		timer_start(a->s.loop, &a->soon, 0);
}

static const char *status_text(int status)
{
	switch (status) {
	case ARES_ETIMEOUT:
		return "no server answered";
	case ARES_ECONNREFUSED:
		return "no server answered usefully";
	case ARES_EBADNAME:
		return "not a name for DNS";
	default:
		return ares_strerror(status);
	}
}

/* From inside c-ares: only take down what it says. */
static void answer_in(void *arg, int status, int timeouts, unsigned char *packet, int len)
{
	struct dns_question *q = arg;
	struct dns_asker *a = q->asker;

	/* It was answered, after waiting for others in vain. */
	if (timeouts > 0 && a->servers > 1 && status != ARES_ETIMEOUT &&
		q->channel == a->channel)
		a->first_silent = true;
	if (packet != NULL && len > 0 &&
		(status == ARES_SUCCESS || status == ARES_ENODATA ||
			status == ARES_ENOTFOUND)) {
		dns_parse(q->parsed, packet, (size_t)len, slice_str(q->ask), q->type);
	} else {
		q->parsed->outcome = DNS_FAILED;
		q->parsed->why = status_text(status);
		q->parsed->count = 0;
		if (status == ARES_ETIMEOUT)
			count(a, DNS_C_TIMEOUTS, 1);
	}
	if (q->parsed->outcome == DNS_FAILED && status != ARES_ETIMEOUT)
		count(a, DNS_C_FAILURES, 1);
	question_done(q);
}

static void question_send(struct dns_question *q)
{
	struct dns_asker *a = q->asker;

	q->channel = a->channel;
	q->channel->pending++;
	count(a, DNS_C_QUERIES, 1);
	if (!timer_pending(&a->tick))
		timer_start(a->s.loop, &a->tick, TICK_MS);
	ares_query(q->channel->ares, q->ask, CLASS_IN, (int)q->type, answer_in, q);
}

static void waits_tell(struct dns_question *q, struct dns_answer *answer)
{
	while (q->waits != NULL) {
		struct dns_wait *w = q->waits;

		dns_wait_forget(w);
		w->done(w, answer);
	}
}

static void question_free(struct dns_question *q)
{
	timer_stop(&q->stale_timer);
	*q->prev = q->next;
	if (q->next != NULL)
		q->next->prev = q->prev;
	q->asker->in_flight--;
	count(q->asker, DNS_C_IN_FLIGHT, -1);
	dns_answer_unref(&q->stale);
	free(q->parsed);
	free(q);
}

/* One line in a while: when all servers are silent every message asks. */
static void failure_log(struct dns_asker *a, const struct dns_question *q, bool stale)
{
	const uint64_t now = loop_now(a->s.loop);

	if (a->logged_ms != 0 && now - a->logged_ms < LOG_MS) {
		a->unlogged++;
		return;
	}
	if (a->unlogged > 0)
		LOG(a->log, LOG_L_WARN, "DNS: %u questions more had no good answer",
			a->unlogged);
	LOG(a->log, LOG_L_WARN, "DNS: %s %s: %s%s", dns_type_name(q->type), q->ask,
		q->parsed->why, stale ? "; the last answer is used" : "");
	a->logged_ms = now;
	a->unlogged = 0;
}

static void question_answer(struct dns_question *q)
{
	struct dns_asker *a = q->asker;
	const uint64_t now = loop_now(a->s.loop);
	struct dns_answer *answer;
	bool stale = false;
	unsigned evicted = 0;

	if (q->alias_ttl < q->parsed->ttl)
		q->parsed->ttl = q->alias_ttl;
	answer = dns_answer_new(q->name, q->type, q->parsed, a->s.ttl, now);
	if (answer != NULL)
		answer = dns_cache_put(a->s.cache, answer, now, &stale, &evicted);
	if (q->parsed->outcome == DNS_FAILED)
		failure_log(a, q, stale);
	if (stale && q->waits != NULL)
		count(a, DNS_C_STALE_USED, 1);
	count(a, DNS_C_EVICTED, evicted);
	waits_tell(q, answer);
	dns_answer_unref(&answer);
	question_free(q);
}

/* The server gave a CNAME and no more: go after it. */
static bool alias_follow(struct dns_question *q)
{
	if (q->parsed->outcome != DNS_ALIAS)
		return false;
	if (++q->aliases > DNS_MAX_ALIASES) {
		q->parsed->outcome = DNS_FAILED;
		q->parsed->why = "CNAMEs in a circle, or too many";
		count(q->asker, DNS_C_FAILURES, 1);
		return false;
	}
	if (q->parsed->ttl < q->alias_ttl)
		q->alias_ttl = q->parsed->ttl;
	memcpy(q->ask, q->parsed->alias, sizeof(q->ask));
	question_send(q);
	return true;
}

/* Those who hear of an answer may ask for more. */
static void questions_finish(struct dns_asker *a)
{
	while (a->done != NULL && !a->closing) {
		struct dns_question *q = a->done;

		a->done = q->next_done;
		if (a->done == NULL)
			a->done_end = &a->done;
		if (!alias_follow(q))
			question_answer(q);
	}
	channels_reap(a);
}

static void soon_due(void *arg)
{
	questions_finish(arg);
}

static void tick_due(void *arg)
{
	struct dns_asker *a = arg;

	ares_process_fd(a->channel->ares, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
	for (struct dns_channel *ch = a->retired; ch != NULL; ch = ch->next)
		ares_process_fd(ch->ares, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
	questions_finish(a);
	if (a->in_flight > 0)
		timer_start(a->s.loop, &a->tick, TICK_MS);
}

static void stale_due(void *arg)
{
	struct dns_question *q = arg;
	struct dns_asker *a = q->asker;

	dns_cache_hold(a->s.cache, q->name, q->type, loop_now(a->s.loop));
	if (q->waits != NULL)
		count(a, DNS_C_STALE_USED, 1);
	waits_tell(q, q->stale);
}

static struct dns_question *question_new(
	struct dns_asker *a, struct slice name, enum dns_type type)
{
	struct dns_question *q = calloc(1, sizeof(*q) + name.len + 1);
	struct dns_question **at = bucket_of(a, name, type);

	if (q != NULL)
		q->parsed = malloc(sizeof(*q->parsed));
	if (q == NULL || q->parsed == NULL) {
		free(q);
		return NULL;
	}
	q->asker = a;
	q->type = type;
	q->alias_ttl = UINT32_MAX;
	timer_init(&q->stale_timer, stale_due, q);
	memcpy(q->text, name.p, name.len);
	memcpy(q->ask, q->text, name.len + 1);
	q->name = slice_make(q->text, name.len);
	q->next = *at;
	q->prev = at;
	if (q->next != NULL)
		q->next->prev = &q->next;
	*at = q;
	a->in_flight++;
	count(a, DNS_C_IN_FLIGHT, 1);
	return q;
}

static void wait_add(struct dns_wait *w, struct dns_question *q)
{
	w->question = q;
	w->next = q->waits;
	w->prev = &q->waits;
	if (w->next != NULL)
		w->next->prev = &w->next;
	q->waits = w;
}

int dns_ask(struct dns_asker *a, struct slice name, enum dns_type type,
	struct dns_answer *stale, struct dns_wait *w)
{
	struct dns_question *q = question_find(a, name, type);

	if (q != NULL) {
		count(a, DNS_C_JOINED, 1);
		wait_add(w, q);
		return 0;
	}
	if (name.len > DNS_NAME_MAX)
		return -EINVAL;
	if (a->in_flight >= (unsigned)a->s.conf->max_lookups) {
		count(a, DNS_C_REFUSED, 1);
		return -EBUSY;
	}
	servers_follow(a);
	q = question_new(a, name, type);
	if (q == NULL)
		return -ENOMEM;
	if (stale != NULL) {
		q->stale = stale;
		dns_answer_ref(stale);
		timer_start(a->s.loop, &q->stale_timer, STALE_MS);
	}
	wait_add(w, q);
	question_send(q);
	return 0;
}

void dns_wait_forget(struct dns_wait *w)
{
	if (w->question == NULL)
		return;
	*w->prev = w->next;
	if (w->next != NULL)
		w->next->prev = w->prev;
	w->question = NULL;
}

bool dns_wait_is_for(const struct dns_wait *w, struct slice name, enum dns_type type)
{
	return w->question != NULL && w->question->type == type &&
		slice_eq(w->question->name, name);
}

/* c-ares has a table of its own, to be made before any thread uses it. */
static void library_init(void)
{
	(void)ares_library_init(ARES_LIB_INIT_ALL);
}

int dns_asker_new(struct dns_asker **out, const struct dns_asker_setup *setup)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	struct dns_asker *a = calloc(1, sizeof(*a));
	int err;

	if (a == NULL)
		return -ENOMEM;
	(void)pthread_once(&once, library_init);
	a->s = *setup;
	a->log = log_source_get("net");
	a->done_end = &a->done;
	timer_init(&a->tick, tick_due, a);
	timer_init(&a->soon, soon_due, a);
	a->looked_ms = loop_now(setup->loop) - LOOK_MS;
	(void)file_changed(a);
	err = channel_new(&a->channel, a);
	if (err != 0) {
		free(a);
		return err;
	}
	*out = a;
	return 0;
}

static void channel_close(struct dns_channel *ch)
{
	ares_destroy(ch->ares); /* answer_in() of all that is in flight */
	while (ch->ios != NULL)
		io_drop(&ch->ios);
	free(ch);
}

void dns_asker_destroy(struct dns_asker **ap)
{
	struct dns_asker *a = *ap;

	*ap = NULL;
	if (a == NULL)
		return;
	a->closing = true;
	channel_close(a->channel);
	while (a->retired != NULL) {
		struct dns_channel *ch = a->retired;

		a->retired = ch->next;
		channel_close(ch);
	}
	timer_stop(&a->tick);
	timer_stop(&a->soon);
	for (unsigned i = 0; i < BUCKETS; i++) {
		while (a->buckets[i] != NULL)
			question_free(a->buckets[i]);
	}
	free(a);
}
