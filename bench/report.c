/* Prints the result. */
#include <stdio.h>

#include "bench/report.h"

static const char *const modes[] = {"register", "options", "call", "dialog", "echo", "relay"};

struct printer {
	bool json, begun;
};

static void key(struct printer *p, const char *name)
{
	if (p->json)
		printf("%s\"%s\": ", p->begun ? ", " : "{", name);
	else
		printf("%s=", name);
	p->begun = true;
}

static void word(struct printer *p, const char *name, const char *value)
{
	key(p, name);
	printf(p->json ? "\"%s\"" : "%s\n", value);
}

static void whole(struct printer *p, const char *name, uint64_t value)
{
	key(p, name);
	printf(p->json ? "%llu" : "%llu\n", (unsigned long long)value);
}

static void real(struct printer *p, const char *name, double value)
{
	key(p, name);
	printf(p->json ? "%.3f" : "%.3f\n", value);
}

static void print_latency(struct printer *p, const char *prefix, const struct histogram *h)
{
	static const struct {
		const char *name;
		double percent;
	} wanted[] = {{"p50", 50}, {"p90", 90}, {"p99", 99}, {"p999", 99.9}};
	char name[64];
	size_t i;

	for (i = 0; i < sizeof(wanted) / sizeof(*wanted); i++) {
		snprintf(name, sizeof(name), "%s_%s_us", prefix, wanted[i].name);
		real(p, name, (double)histogram_percentile(h, wanted[i].percent) / 1e3);
	}
	snprintf(name, sizeof(name), "%s_max_us", prefix);
	real(p, name, (double)h->max / 1e3);
}

static void print_codes(struct printer *p, const struct stats *stats)
{
	char name[32];
	unsigned code;

	for (code = 200; code < 700; code++) {
		if (stats->codes[code] == 0)
			continue;
		snprintf(name, sizeof(name), "code_%u", code);
		whole(p, name, stats->codes[code]);
	}
}

static void print_costs(struct printer *p, const struct report *r)
{
	real(p, "self_cpu_us_per_unit", r->done > 0 ? (double)r->self_us / (double)r->done : 0);
	if (r->processes == 0)
		return;
	whole(p, "server_processes", r->processes);
	whole(p, "server_cpu_us", r->server.total_us);
	whole(p, "server_user_us", r->server.user_us);
	whole(p, "server_system_us", r->server.system_us);
	real(p, "server_cpu_us_per_unit", r->done > 0 ? (double)r->server.total_us / (double)r->done : 0);
	if (r->memory_units > 0) {
		whole(p, "memory_units", r->memory_units);
		real(p, "memory_bytes_per_unit", (double)r->memory_kb * 1024 / (double)r->memory_units);
	}
}

static void print_counters(struct printer *p, const struct load *load, const struct report *r)
{
	const struct stats *stats = &load->stats;

	whole(p, "started", stats->started);
	whole(p, "done", r->done);
	whole(p, "failed", stats->failed);
	whole(p, "timeouts", stats->timeouts);
	whole(p, "retransmitted", stats->retransmitted);
	whole(p, "repeated", stats->repeated);
	whole(p, "stray", stats->stray);
	whole(p, "late", stats->late);
	print_codes(p, stats);
	whole(p, "sent", r->sent);
	whole(p, "received", r->received);
	whole(p, "dropped", load->links.dropped);
	whole(p, "garbage", load->links.garbage);
	whole(p, "lost_connections", load->links.lost);
	whole(p, "checked_contact", stats->contacts);
	whole(p, "checked_received", stats->received);
	whole(p, "checked_invites", stats->invites);
	whole(p, "checked_provisionals", stats->provisionals);
	whole(p, "checked_repaired", stats->repaired);
	whole(p, "checked_relayed", stats->relayed);
}

void report_print(const struct load *load, const struct report *r)
{
	struct printer p = {.json = load->options.json};

	word(&p, "mode", modes[load->options.mode]);
	word(&p, "transport", load->options.tcp ? "tcp" : "udp");
	if (load->options.search_low > 0) {
		real(&p, "sustained_per_second", r->sustained);
	} else {
		if (load->options.window > 0)
			whole(&p, "window", load->options.window);
		else
			real(&p, "rate", load->options.rate);
		real(&p, "seconds", r->seconds);
		real(&p, "per_second", r->seconds > 0 ? (double)r->done / r->seconds : 0);
		print_latency(&p, "latency", &load->stats.latency);
		if (load->options.mode == MODE_CALL)
			print_latency(&p, "bye", &load->stats.bye);
		print_counters(&p, load, r);
		print_costs(&p, r);
	}
	if (p.json)
		printf("}\n");
}
