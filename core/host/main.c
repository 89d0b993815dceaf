#include <errno.h>
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/host/host.h"
#include "core/host/os.h"
#include "core/host/reference.h"

static void usage(FILE *to)
{
	fprintf(to, "usage: pinholed [-c] [-p DIR[:DIR...]] [-o KEY=VALUE]... -f FILE\n"
		    "  -f FILE       the configuration (libconfig)\n"
		    "  -c            check the configuration and the script, then exit: 0 clean, 1 errors\n"
		    "  -p DIR        where plugins are; overrides plugin_dir\n"
		    "  -o KEY=VALUE  override a value of the configuration: -o workers=2 -o mi.socket=/tmp/mi.sock\n"
		    "  -V            version and build options\n"
		    "  -R            the reference: all parameters, functions, counters and commands, as Markdown\n"
		    "  -h            this text\n"
		    "Runs in the foreground and logs to stderr. SIGTERM and SIGINT drain, a second one stops at once.\n");
}

static void version(void)
{
	printf("pinholed %s\n", PACKAGE_VERSION);
	printf("plugin ABI %u, plugins in %s\n", PH_PLUGIN_ABI, PH_PLUGIN_DIR);
	printf("compiler %s\n", __VERSION__);
#ifdef PH_SANITIZED
	printf("built with sanitizers\n");
#endif
#ifdef HAVE_SYSTEMD
	printf("systemd notification: yes\n");
#else
	printf("systemd notification: no\n");
#endif
}

static int add_override(struct host_override **list, const char *text)
{
	struct host_override *o = calloc(1, sizeof(*o)), **at = list;

	if (!o)
		return -ENOMEM;
	o->text = text;
	while (*at)
		at = &(*at)->next;
	*at = o;
	return 0;
}

static void free_overrides(struct host_override *o)
{
	while (o) {
		struct host_override *next = o->next;

		free(o);
		o = next;
	}
}

static int run(const struct host_options *opt)
{
	struct host host = {0};
	int err;

	os_block_signals();
	err = host_load(&host, opt);
	if (err == 0 && opt->check_only)
		printf("%s: ok\n", opt->conf_path);
	if (err == 0 && !opt->check_only) {
		err = host_start(&host);
		if (err == 0)
			host_run(&host);
	} else if (err != 0) {
		fprintf(stderr, "pinholed: %s: not %s\n", opt->conf_path, opt->check_only ? "ok" : "started");
	}
	host_stop(&host);
	return err == 0 ? 0 : 1;
}

int main(int argc, char **argv)
{
	struct host_options opt = {0};
	struct host_override *overrides = NULL;
	const char *plugin_dirs = PH_PLUGIN_DIR;
	bool reference = false;
	char dirs[4096];
	int c, status;

	log_open_stderr();
	while ((c = getopt(argc, argv, "f:cp:o:RVh")) != -1) {
		switch (c) {
		case 'f':
			opt.conf_path = optarg;
			break;
		case 'c':
			opt.check_only = true;
			break;
		case 'p':
			if ((size_t)snprintf(dirs, sizeof(dirs), "plugin_dir=%s", optarg) >= sizeof(dirs) ||
				add_override(&overrides, dirs) != 0)
				return 2;
			plugin_dirs = optarg;
			break;
		case 'R':
			reference = true;
			break;
		case 'o':
			if (add_override(&overrides, optarg) != 0)
				return 2;
			break;
		case 'V':
			version();
			return 0;
		case 'h':
			usage(stdout);
			return 0;
		default:
			usage(stderr);
			return 2;
		}
	}
	if (reference) {
		free_overrides(overrides);
		return reference_print(stdout, plugin_dirs) == 0 ? 0 : 1;
	}
	if (!opt.conf_path || optind != argc) {
		usage(stderr);
		return 2;
	}
	opt.overrides = overrides;
	status = run(&opt);
	free_overrides(overrides);
	return status;
}
