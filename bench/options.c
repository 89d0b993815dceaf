/* The command line. */
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/options.h"

static const char usage_text[] =
	"usage: sipload [OPTION...] MODE udp:HOST:PORT | tcp:HOST:PORT\n"
	"\n"
	"MODE  register   REGISTER of -a phones; those of the measured phase are refreshes\n"
	"      options    OPTIONS to the server itself\n"
	"      call       INVITE 100 180 200 ACK BYE 200 between registered phones; both ends are played here\n"
	"      dialog     requests (--method) inside -D dialogs\n"
	"      echo       be a server: each request comes back as its own 200; what a datagram costs at least (UDP)\n"
	"      relay      be an RTP proxy that answers at once and relays nothing (rtpproxy's protocol, UDP)\n"
	"\n"
	"How much      -w N       N units under way, the next begins when one ends (default 32)\n"
	"              -r RATE    so many a second, whatever the server does; latency counts from the intended time\n"
	"              --search LOW:HIGH[:SECONDS]   by steps, the highest rate without retransmission or error\n"
	"How long      -d S       measured phase (default 5)     -W S  before it, not measured (default 1)\n"
	"              -n N       no more than N units in the measured phase\n"
	"Phones        -a N       users (default 1000)           -s N  sockets or connections that they share (default 32)\n"
	"              --domain D host part of the users (default: HOST)   --local ADDRESS  to send from\n"
	"              --expires S (3600)\n"
	"Calls         --sdp      offers and answers             --hold MS  from ACK to BYE (default 0)\n"
	"              --callee registered | PORT | remote       PORT: not registered, a socket of ours at that port;\n"
	"                                                        remote: the server answers itself\n"
	"              -D N       dialogs (default: -w)          --method INFO | OPTIONS | INVITE (default INFO)\n"
	"Timers        --t1 MS (500)  --t2 MS (4000)  --timeout MS (32000)\n"
	"Server        --watch PID   CPU time and memory of it and of its children\n"
	"Output        key=value lines, or --json; -q: no word on stderr about the phases\n"
	"\n"
	"Exit status: 0 all done; 1 something failed or was sent again; 2 wrong usage, or no server.\n";

enum { OPT_SDP = 256, OPT_METHOD, OPT_HOLD, OPT_CALLEE, OPT_DOMAIN, OPT_LOCAL, OPT_T1, OPT_T2, OPT_TIMEOUT, OPT_SEARCH,
	OPT_WATCH, OPT_JSON, OPT_EXPIRES, OPT_HELP };

static const struct option long_options[] = {
	{"sdp", no_argument, NULL, OPT_SDP}, {"method", required_argument, NULL, OPT_METHOD},
	{"hold", required_argument, NULL, OPT_HOLD}, {"callee", required_argument, NULL, OPT_CALLEE},
	{"domain", required_argument, NULL, OPT_DOMAIN}, {"local", required_argument, NULL, OPT_LOCAL},
	{"t1", required_argument, NULL, OPT_T1}, {"t2", required_argument, NULL, OPT_T2},
	{"timeout", required_argument, NULL, OPT_TIMEOUT}, {"search", required_argument, NULL, OPT_SEARCH},
	{"watch", required_argument, NULL, OPT_WATCH}, {"json", no_argument, NULL, OPT_JSON},
	{"expires", required_argument, NULL, OPT_EXPIRES}, {"help", no_argument, NULL, OPT_HELP}, {0},
};

static bool refuse(const char *what, const char *value)
{
	fprintf(stderr, "sipload: %s: '%s' (see sipload --help)\n", what, value);
	return false;
}

static bool number(const char *text, const char *what, uint32_t low, uint32_t high, uint32_t *out)
{
	char *end;
	unsigned long value = strtoul(text, &end, 10);

	if (*text == '\0' || *end != '\0' || value < low || value > high)
		return refuse(what, text);
	*out = (uint32_t)value;
	return true;
}

static bool decimal(const char *text, const char *what, double low, double high, double *out)
{
	char *end;
	double value = strtod(text, &end);

	if (*text == '\0' || *end != '\0' || !(value >= low && value <= high))
		return refuse(what, text);
	*out = value;
	return true;
}

static bool search(struct options *o, const char *text)
{
	o->search_seconds = 2;
	if (sscanf(text, "%lf:%lf:%lf", &o->search_low, &o->search_high, &o->search_seconds) < 2 || o->search_low <= 0 ||
		o->search_high < o->search_low || o->search_seconds <= 0)
		return refuse("--search takes LOW:HIGH[:SECONDS]", text);
	return true;
}

static bool callee(struct options *o, const char *text)
{
	uint32_t port;

	if (strcmp(text, "registered") == 0) {
		o->callee = CALLEE_REGISTERED;
	} else if (strcmp(text, "remote") == 0) {
		o->callee = CALLEE_REMOTE;
	} else {
		if (!number(text, "--callee takes registered, remote or a port", 1, 65535, &port))
			return false;
		o->callee = CALLEE_STATIC;
		o->static_port = (uint16_t)port;
	}
	return true;
}

static bool method(struct options *o, const char *text)
{
	if (strcmp(text, "INFO") != 0 && strcmp(text, "OPTIONS") != 0 && strcmp(text, "INVITE") != 0)
		return refuse("--method takes INFO, OPTIONS or INVITE", text);
	o->method = text;
	return true;
}

static bool one(struct options *o, int letter, const char *value)
{
	uint32_t n = 0;

	switch (letter) {
	case 'w': return number(value, "-w takes 1 to 100000", 1, 100000, &o->window);
	case 'r': o->window = 0; return decimal(value, "-r takes a rate", 0.1, 1e6, &o->rate);
	case 'd': return decimal(value, "-d takes seconds", 0.01, 86400, &o->duration);
	case 'W': return decimal(value, "-W takes seconds", 0, 3600, &o->warmup);
	case 'n': if (!number(value, "-n takes a number", 1, UINT32_MAX, &n)) return false; o->count = n; return true;
	case 'a': return number(value, "-a takes 1 to 1000000", 1, 1000000, &o->phones);
	case 's': return number(value, "-s takes 1 to 20000", 1, 20000, &o->sockets);
	case 'D': return number(value, "-D takes 1 to 100000", 1, 100000, &o->dialogs);
	case 'q': o->quiet = true; return true;
	case OPT_SDP: o->sdp = true; return true;
	case OPT_METHOD: return method(o, value);
	case OPT_HOLD: return number(value, "--hold takes ms", 0, 3600000, &o->hold);
	case OPT_CALLEE: return callee(o, value);
	case OPT_DOMAIN: o->domain = value; return true;
	case OPT_LOCAL: o->local = value; return true;
	case OPT_T1: return number(value, "--t1 takes ms", 10, 60000, &o->t1);
	case OPT_T2: return number(value, "--t2 takes ms", 10, 60000, &o->t2);
	case OPT_TIMEOUT: return number(value, "--timeout takes ms", 100, 600000, &o->timeout);
	case OPT_SEARCH: return search(o, value);
	case OPT_WATCH: if (!number(value, "--watch takes a process id", 1, 1 << 22, &n)) return false; o->watch = (pid_t)n; return true;
	case OPT_JSON: o->json = true; return true;
	case OPT_EXPIRES: return number(value, "--expires takes s", 1, 100000, &o->expires);
	case OPT_HELP: fputs(usage_text, stdout); exit(0);
	default: fputs("sipload: see sipload --help\n", stderr); return false;
	}
}

static bool mode(struct options *o, const char *text)
{
	static const char *const names[] = {"register", "options", "call", "dialog", "echo", "relay"};
	unsigned i;

	for (i = 0; i < sizeof(names) / sizeof(*names); i++) {
		if (strcmp(text, names[i]) == 0) {
			o->mode = (enum mode)i;
			return true;
		}
	}
	return refuse("no such mode", text);
}

/* udp:HOST:PORT, HOST also [v6]. */
static bool target(struct options *o, const char *text)
{
	struct addrinfo hints = {.ai_socktype = SOCK_DGRAM}, *found;
	static char host[256], bare[256], place[300];
	const char *colon = strrchr(text, ':');
	int err;

	if ((strncmp(text, "udp:", 4) != 0 && strncmp(text, "tcp:", 4) != 0) || colon < text + 4 ||
		(size_t)(colon - text) - 4 >= sizeof(host))
		return refuse("the target is udp:HOST:PORT or tcp:HOST:PORT", text);
	o->tcp = text[0] == 't';
	snprintf(host, sizeof(host), "%.*s", (int)(colon - text - 4), text + 4);
	snprintf(bare, sizeof(bare), "%s", host[0] == '[' ? host + 1 : host);
	if (host[0] == '[')
		bare[strcspn(bare, "]")] = '\0';
	snprintf(place, sizeof(place), "%s:%s", host, colon + 1);
	err = getaddrinfo(bare, colon + 1, &hints, &found);
	if (err != 0) {
		fprintf(stderr, "sipload: %s: %s\n", text, gai_strerror(err));
		return false;
	}
	memcpy(&o->target, found->ai_addr, found->ai_addrlen);
	o->target_len = found->ai_addrlen;
	freeaddrinfo(found);
	o->target_text = place;
	if (o->domain == NULL)
		o->domain = host;
	return true;
}

/* What was not said, and what does not go together. */
static bool complete(struct options *o)
{
	uint32_t needed = o->window;

	if (o->dialogs == 0)
		o->dialogs = o->window > 0 ? o->window : 100;
	if (o->mode == MODE_DIALOG && o->window > o->dialogs)
		o->window = o->dialogs;
	if (o->mode == MODE_REGISTER && o->window > o->phones)
		o->window = o->phones;
	if (needed < o->dialogs && o->mode == MODE_DIALOG)
		needed = o->dialogs;
	o->max_units = needed + 1000;
	if (o->window == 0 || o->search_low > 0)
		o->max_units += 50000;
	if (o->callee == CALLEE_STATIC && (o->tcp || o->sockets < 2))
		return refuse("--callee PORT is for UDP, with two sockets at least", "-s");
	return true;
}

bool options_read(struct options *o, int argc, char **argv)
{
	int letter;

	*o = (struct options){.sockets = 32, .phones = 1000, .window = 32, .warmup = 1, .duration = 5, .method = "INFO",
		.expires = 3600, .t1 = 500, .t2 = 4000, .timeout = 32000};
	while ((letter = getopt_long(argc, argv, "w:r:d:W:n:a:s:D:q", long_options, NULL)) != -1) {
		if (!one(o, letter, optarg))
			return false;
	}
	if (argc - optind != 2) {
		fputs(usage_text, stderr);
		return false;
	}
	return mode(o, argv[optind]) && target(o, argv[optind + 1]) && complete(o);
}
