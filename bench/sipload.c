/* sipload: loads a SIP server with registrations, requests and calls, and measures it. docs/bench.md tells more. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "bench/clock.h"
#include "bench/load.h"
#include "bench/report.h"
#include "bench/server.h"
#include "bench/watch.h"

enum { EXIT_CLEAN = 0, EXIT_FAULTS = 1, EXIT_UNUSABLE = 2 };

#define SETUP_WINDOW  64
#define SETUP_SECONDS 120

static void dispatch(void *context, struct link *link, const struct message *message)
{
	struct load *load = context;

	load->now = clock_now();
	if (message->status != 0)
		uac_reply(load, link, message);
	else
		uas_request(load, link, message);
}

static uint64_t after(double seconds)
{
	return clock_now() + (uint64_t)(seconds * 1e9);
}

static uint64_t own_cpu_us(void)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	return (uint64_t)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000000 +
		(uint64_t)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
}

static void say(const struct load *load, const char *text, uint64_t number)
{
	if (!load->options.quiet)
		fprintf(stderr, "sipload: %s %llu\n", text, (unsigned long long)number);
}

/* Units of one kind until all have ended; false when one failed. */
static bool complete(struct load *load, enum work work, uint64_t count)
{
	struct pace pace = {.work = work, .window = SETUP_WINDOW, .count = count, .until = after(SETUP_SECONDS), .drain = true};

	if (count == 0)
		return true;
	pace_run(load, &pace);
	if (load->stats.failed == 0 && load->in_flight == 0 && load->links.lost == 0)
		return true;
	fprintf(stderr, "sipload: %s failed: %llu of %llu were refused or not answered (%llu timeouts)\n",
		work == WORK_REGISTER ? "registering" : "opening or ending dialogs", (unsigned long long)load->stats.failed,
		(unsigned long long)count, (unsigned long long)load->stats.timeouts);
	return false;
}

/* The first tenth warms the server up; what the others take is measured. */
static bool fill(struct load *load, enum work work, uint64_t count, const struct watch *watch, struct report *report)
{
	uint64_t first = count / 10, before, after_all;

	if (!complete(load, work, first))
		return false;
	before = watch_memory(watch);
	if (!complete(load, work, count - first))
		return false;
	report->memory_units = count - first;
	after_all = watch_memory(watch);
	report->memory_kb = after_all > before ? after_all - before : 0;
	return true;
}

static bool set_up(struct load *load, const struct watch *watch, struct report *report)
{
	const struct options *o = &load->options;
	bool phones = o->callee == CALLEE_REGISTERED && o->mode != MODE_OPTIONS;

	if (phones) {
		if (!fill(load, WORK_REGISTER, o->phones, watch, report))
			return false;
		say(load, "registered", o->phones);
	}
	if (o->mode == MODE_DIALOG) {
		if (!fill(load, WORK_OPEN, o->dialogs, watch, report))
			return false;
		say(load, "dialogs", o->dialogs);
	}
	return true;
}

static enum work work_of(const struct options *o)
{
	switch (o->mode) {
	case MODE_REGISTER:
		return WORK_REGISTER;
	case MODE_OPTIONS:
		return WORK_OPTIONS;
	case MODE_CALL:
		return WORK_CALL;
	case MODE_DIALOG:
		return WORK_REQUEST;
	case MODE_ECHO:
	case MODE_RELAY:
		break;
	}
	return WORK_NONE;
}

static void drain(struct load *load)
{
	struct pace pace = {.work = WORK_NONE, .until = after(load->options.timeout / 1000.0 * 2 + load->options.hold / 1000.0),
		.drain = true};

	pace_run(load, &pace);
}

static void measure(struct load *load, const struct watch *watch, struct report *report)
{
	const struct options *o = &load->options;
	struct pace pace = {.work = work_of(o), .window = o->window, .rate = o->rate, .until = after(o->warmup)};
	struct watch_cpu before, now;
	uint64_t begin, self;

	pace_run(load, &pace);
	/* A number of units is exact; a time has at its end as many under way as at its beginning. */
	if (o->count > 0)
		drain(load);
	load->measuring = true;
	memset(&load->stats, 0, sizeof(load->stats));
	before = watch_cpu(watch);
	self = own_cpu_us();
	report->sent = load->links.sent;
	report->received = load->links.received;
	begin = clock_now();
	pace.until = after(o->duration);
	pace.count = o->count;
	pace.drain = o->count > 0;
	pace_run(load, &pace);
	report->seconds = (double)(clock_now() - begin) / 1e9;
	report->done = load->stats.done;
	report->sent = load->links.sent - report->sent;
	report->received = load->links.received - report->received;
	now = watch_cpu(watch);
	report->server.total_us = now.total_us - before.total_us;
	report->server.user_us = now.user_us - before.user_us;
	report->server.system_us = now.system_us - before.system_us;
	report->self_us = own_cpu_us() - self;
	load->measuring = false;
	drain(load);
}

/*
 * One step of the search: true when the server keeps up. Over UDP what does not fit its buffers is lost and sent again;
 * over TCP nothing is, so a queue that grows is a fault as well, and so is a reply later than T1.
 */
static bool holds(struct load *load, double rate)
{
	struct pace pace = {.work = work_of(&load->options), .rate = rate, .until = after(load->options.search_seconds)};
	const struct stats *stats = &load->stats;
	uint64_t behind;
	bool good;

	memset(&load->stats, 0, sizeof(load->stats));
	load->links.dropped = 0;
	load->measuring = true;
	pace_run(load, &pace);
	behind = load->in_flight;
	load->measuring = false;
	drain(load);
	good = stats->retransmitted == 0 && stats->repeated == 0 && stats->failed == 0 && stats->late == 0 &&
		behind <= 10 + stats->started * 3 / 100 && stats->latency.max < load->options.t1 * CLOCK_MS;
	if (!load->options.quiet)
		fprintf(stderr, "sipload: %.0f/s %s (%llu sent again, %llu failed, %llu behind at the end, longest %.1f ms)\n", rate,
			good ? "holds" : "does not hold", (unsigned long long)(stats->retransmitted + stats->repeated),
			(unsigned long long)stats->failed, (unsigned long long)behind, (double)stats->latency.max / 1e6);
	return good;
}

/* A fault may be an accident of the machine: a step fails when it does so twice. */
static bool sustains(struct load *load, double rate)
{
	return holds(load, rate) || (load->links.lost == 0 && holds(load, rate));
}

/* Up by a quarter until it fails, then half-way between until 3 % are left. A low end that is too high is halved. */
static double search(struct load *load)
{
	double good = 0, bad, rate = load->options.search_low;

	while (rate > load->options.search_low / 16 && load->links.lost == 0 && !sustains(load, rate))
		rate /= 2;
	while (rate <= load->options.search_high && sustains(load, rate)) {
		good = rate;
		rate *= 1.25;
	}
	for (bad = rate; good > 0 && bad <= load->options.search_high && bad - good > 0.03 * good;) {
		rate = (good + bad) / 2;
		if (sustains(load, rate))
			good = rate;
		else
			bad = rate;
	}
	return good;
}

static int run(struct load *load)
{
	struct report report = {0};
	struct watch watch = {.count = 0};
	const struct stats *stats = &load->stats;
	bool clean;

	if (load->options.watch != 0 && watch_find(&watch, load->options.watch) != 0) {
		fprintf(stderr, "sipload: there is no process %d\n", (int)load->options.watch);
		return EXIT_UNUSABLE;
	}
	report.processes = watch.count;
	if (!set_up(load, &watch, &report))
		return EXIT_UNUSABLE;
	if (load->options.search_low > 0)
		report.sustained = search(load);
	else
		measure(load, &watch, &report);
	clean = stats->failed == 0 && stats->retransmitted == 0 && load->links.lost == 0;
	report_print(load, &report);
	fflush(stdout);
	complete(load, WORK_HANGUP, load->idle_count);
	return clean || load->options.search_low > 0 ? EXIT_CLEAN : EXIT_FAULTS;
}

static int load_run(struct load *load)
{
	const struct options *o = &load->options;
	struct links_options links = {.tcp = o->tcp, .target = o->target, .target_len = o->target_len, .local = o->local,
		.count = o->sockets, .static_port = o->static_port};
	int status = EXIT_UNUSABLE;

	snprintf(load->run, sizeof(load->run), "%x", (unsigned)(clock_now() / 1000) ^ (unsigned)getpid() << 16);
	alarms_init(&load->alarms, clock_now());
	load->phones = calloc(o->phones, sizeof(*load->phones));
	if (load->phones != NULL && units_make(load, o->max_units) == 0) {
		if (links_open(&load->links, &links, dispatch, load) == 0)
			status = run(load);
		links_close(&load->links);
	}
	units_free(load);
	free(load->phones);
	return status;
}

int main(int argc, char **argv)
{
	struct load *load = calloc(1, sizeof(*load));
	int status = EXIT_UNUSABLE;

	if (load != NULL && options_read(&load->options, argc, argv)) {
		if (load->options.mode == MODE_ECHO || load->options.mode == MODE_RELAY)
			status = server_run(&load->options) == 0 ? EXIT_CLEAN : EXIT_UNUSABLE;
		else
			status = load_run(load);
	}
	free(load);
	return status;
}
