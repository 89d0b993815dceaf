#include "plugins/rtpp/rtpp_reload.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "plugins/rtpp/rtpp_service.h"
#include "plugins/rtpp/rtpp_share.h"

#define AGAIN_MS    5000
#define ARENA_MAX   (4u << 20)
#define MAX_WAITING 16

struct rtpp_reload {
	struct rtpp_service *service; /* NULL: the service is gone, its read is not */
	struct timer again;           /* the start's read, once more */
	bool running, starting;
	bool complained; /* of the start's read */
	struct slice columns[2];
	struct arena *arena;
	struct store_rows rows;
	struct bus_request *now[MAX_WAITING],
		*next[MAX_WAITING]; /* answered by this read, by the next one */
	unsigned now_count, next_count;
};

static void on_rows(void *arg, int err);

static void answer_all(struct rtpp_reload *r, int code, const char *why)
{
	unsigned i;

	for (i = 0; i < r->now_count; i++) {
		if (code == 0)
			bus_reply(r->now[i], tree_new());
		else
			bus_fail(r->now[i], code, "%s", why);
	}
	r->now_count = 0;
}

/** The records come into force. by_command: in place of the parameter's sets. */
static int put_up(struct rtpp_reload *r, struct rtpp_sets *records, bool by_command)
{
	struct rtpp_service *s = r->service;
	struct rtpp_sets old = s->records;
	bool held = s->parameter_holds;
	int err;

	s->records = *records;
	if (by_command)
		s->parameter_holds = false;
	err = rtpp_service_apply(s);
	if (err != 0) {
		s->records = old;
		s->parameter_holds = held;
		rtpp_sets_free(records);
		return err;
	}
	rtpp_sets_free(&old);
	return 0;
}

static void failed(struct rtpp_reload *r, int err, const char *why)
{
	struct rtpp_service *s = r->service;
	char text[400];

	(void)snprintf(text, sizeof(text), "nothing was changed: %s", why);
	if (r->now_count > 0) {
		rtpp_service_count(s, RTPP_C_RELOAD_FAILURES);
		LOG(s->log, LOG_L_ERR, "nh_reload_rtpp: %s", text);
		answer_all(r, 500, text);
		return;
	}
	if (!r->complained)
		LOG(s->log, LOG_L_WARN, "db_url: %s: %s; going on without its records%s",
			s->conf->db_table, why,
			err == -ENOENT ? "" : ", and trying again");
	r->complained = true;
	if (err != -ENOENT) /* an empty table has been read */
		timer_start(s->thread->loop, &r->again, AGAIN_MS);
}

static void take(struct rtpp_reload *r)
{
	struct rtpp_service *s = r->service;
	bool by_command = r->now_count > 0;
	struct rtpp_sets records = {0};
	char why[256];
	int err = rtpp_records_read(&records, &r->rows, rtpp_service_find_host, s, why);

	if (err == -ENOMEM)
		(void)snprintf(why, sizeof(why), "no memory");
	if (err == 0) {
		err = put_up(r, &records, by_command);
		if (err != 0)
			(void)snprintf(why, sizeof(why), "%s", strerror(-err));
	}
	if (err != 0) {
		failed(r, err, why);
		return;
	}
	timer_stop(&r->again);
	LOG(s->log, LOG_L_NOTICE, "%u records of RTP proxies read from %s", r->rows.count,
		s->conf->db_table);
	if (by_command)
		rtpp_service_count(s, RTPP_C_RELOADS);
	answer_all(r, 0, NULL);
	if (by_command)
		rtpp_share_sync(s->share, NULL);
}

static void read_over(struct rtpp_reload *r, int err);

static void begin_read(struct rtpp_reload *r)
{
	const struct rtpp_conf *conf = r->service->conf;
	int err = -ENOMEM;

	memcpy(r->now, r->next, sizeof(r->now));
	r->now_count = r->next_count;
	r->next_count = 0;
	r->running = true;
	r->arena = arena_new(4096, ARENA_MAX);
	r->rows = (struct store_rows){.arena = r->arena};
	if (r->arena)
		err = store_rows_get(r->service->thread->store, conf->db_url,
			slice_str(conf->db_table), r->columns, 2, &r->rows, on_rows, r);
	if (err != -EINPROGRESS)
		read_over(r, err);
}

static const char *why_not(int err, char room[128])
{
	if (err == -E2BIG)
		(void)snprintf(room, 128, "more than %u records", STORE_MAX_ROWS);
	else
		(void)snprintf(
			room, 128, "the database does not answer: %s", strerror(-err));
	return room;
}

static void read_over(struct rtpp_reload *r, int err)
{
	char room[128];

	r->running = false;
	r->starting = false;
	if (err == 0)
		take(r);
	else
		failed(r, err, why_not(err, room));
	arena_put(r->arena);
	r->arena = NULL;
	if (r->next_count > 0)
		begin_read(r);
}

static void on_rows(void *arg, int err)
{
	struct rtpp_reload *r = arg;

	if (r->service) {
		read_over(r, err);
		return;
	}
	r->running = false;
	rtpp_reload_destroy(&r);
}

static void on_again(void *arg)
{
	struct rtpp_reload *r = arg;

	if (!r->running)
		begin_read(r);
}

void rtpp_reload_run(struct rtpp_reload *r, struct bus_request *req)
{
	if (!r->service->conf->db_url) {
		bus_fail(req, 400, "db_url is not set: there is no database to read");
		return;
	}
	if (r->next_count == MAX_WAITING) {
		bus_fail(req, 503, "too many at once: try again");
		return;
	}
	r->next[r->next_count++] = req;
	if (!r->running)
		begin_read(r);
}

int rtpp_reload_new(struct rtpp_reload **out, struct rtpp_service *s)
{
	struct rtpp_reload *r = calloc(1, sizeof(*r));

	if (!r)
		return -ENOMEM;
	r->service = s;
	r->columns[0] = slice_str(s->conf->rtpp_socket_col);
	r->columns[1] = slice_str(s->conf->set_id_col);
	timer_init(&r->again, on_again, r);
	*out = r;
	return 0;
}

void rtpp_reload_begin(struct rtpp_reload *r)
{
	if (!r->service->conf->db_url)
		return;
	r->starting = true;
	begin_read(r);
}

bool rtpp_reload_is_starting(const struct rtpp_reload *r)
{
	return r->starting;
}

void rtpp_reload_destroy(struct rtpp_reload **rp)
{
	struct rtpp_reload *r = *rp;
	unsigned i;

	if (!r)
		return;
	*rp = NULL;
	timer_stop(&r->again);
	answer_all(r, 503, "shutdown");
	for (i = 0; i < r->next_count; i++)
		bus_fail(r->next[i], 503, "shutdown");
	r->next_count = 0;
	r->service = NULL;
	if (r->running)
		return; /* on_rows() will come by here */
	arena_put(r->arena);
	free(r);
}
