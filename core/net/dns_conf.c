#include "core/net/dns_conf.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/net/hosts.h"

#define RESOLV_BYTES 65536

static const char *check_server(const char *text)
{
	struct addr a;

	if (addr_parse(&a, slice_str(text), DNS_PORT) != 0 || addr_port(&a) == 0)
		return "ADDRESS, ADDRESS:PORT or [IPV6]:PORT";
	return NULL;
}

static const char *check_host(const char *text)
{
	return hosts_line_ok(slice_str(text))
		? NULL
		: "ADDRESS NAME [NAME...], as in /etc/hosts";
}

static const char *check_path(const char *text)
{
	return *text == '/' ? NULL : "an absolute path";
}

static const char *check_hosts_file(const char *text)
{
	return *text == '\0' || *text == '/' ? NULL
					     : "an absolute path, or empty for none";
}

static const char *check_prefer(const char *text)
{
	if (strcmp(text, "auto") == 0 || strcmp(text, "ipv4") == 0 ||
		strcmp(text, "ipv6") == 0)
		return NULL;
	return "\"auto\", \"ipv4\" or \"ipv6\"";
}

/* clang-format off */
#define AT(member) offsetof(struct dns_conf, member)
const struct conf_param dns_params[] = {
	{.name = "servers", .type = CONF_LIST, .offset = AT(servers), .check = check_server, .absent = "those of resolv_conf",
	 .help = "DNS servers, as ADDRESS[:PORT]; at most eight are used."},
	{.name = "hosts", .type = CONF_LIST, .offset = AT(hosts), .check = check_host,
	 .help = "Names with addresses that are not looked up, as \"ADDRESS NAME [NAME...]\"; they come before hosts_file."},
	{.name = "resolv_conf", .type = CONF_STR, .dflt = "/etc/resolv.conf", .offset = AT(resolv_conf), .check = check_path,
	 .help = "File with the nameservers when servers is absent; read again when it has changed."},
	{.name = "hosts_file", .type = CONF_STR, .dflt = HOSTS_PATH, .offset = AT(hosts_file), .check = check_hosts_file,
	 .help = "File of names that are not looked up; read again when it has changed; empty: none."},
	{.name = "timeout", .type = CONF_MS, .dflt = "1000", .min = 50, .max = 60000, .offset = AT(timeout),
	 .help = "How long a DNS server may take at the first try, in ms; each further round doubles it."},
	{.name = "tries", .type = CONF_INT, .dflt = "3", .min = 1, .max = 10, .offset = AT(tries),
	 .help = "How often each DNS server is asked."},
	{.name = "deadline", .type = CONF_MS, .dflt = "5000", .min = 100, .max = 60000, .offset = AT(deadline),
	 .help = "How long all lookups for one message may take, in ms."},
	{.name = "max_lookups", .type = CONF_INT, .dflt = "1000", .min = 1, .max = 1000000, .offset = AT(max_lookups),
	 .help = "Messages of one worker that may wait for DNS, and its questions in flight."},
	{.name = "cache_size", .type = CONF_INT, .dflt = "10000", .min = 16, .max = 10000000, .offset = AT(cache_size),
	 .help = "DNS answers that are kept."},
	{.name = "min_ttl", .type = CONF_INT, .dflt = "1", .min = 0, .max = 3600, .offset = AT(min_ttl),
	 .help = "Least time that an answer is kept, in s."},
	{.name = "max_ttl", .type = CONF_INT, .dflt = "86400", .min = 1, .max = 604800, .offset = AT(max_ttl),
	 .help = "Longest time that an answer is kept, in s."},
	{.name = "negative_ttl", .type = CONF_INT, .dflt = "300", .min = 0, .max = 86400, .offset = AT(negative_ttl),
	 .help = "Longest time that the absence of a name or record is kept, in s."},
	{.name = "failure_ttl", .type = CONF_INT, .dflt = "5", .min = 0, .max = 300, .offset = AT(failure_ttl),
	 .help = "Time after which a question that no server could answer is asked again, in s."},
	{.name = "stale_ttl", .type = CONF_INT, .dflt = "86400", .min = 0, .max = 604800, .offset = AT(stale_ttl),
	 .help = "How long behind its TTL an answer is still used when no server answers, in s; 0: not at all."},
	{.name = "bad_hop_time", .type = CONF_MS, .dflt = "30000", .min = 0, .max = 3600000, .offset = AT(bad_hop_time),
	 .help = "How long a next hop that failed comes after its alternatives, in ms."},
	{.name = "naptr", .type = CONF_BOOL, .dflt = "1", .offset = AT(naptr), .help = "Look for NAPTR records."},
	{.name = "srv", .type = CONF_BOOL, .dflt = "1", .offset = AT(srv), .help = "Look for SRV records."},
	{.name = "prefer", .type = CONF_STR, .dflt = "auto", .offset = AT(prefer), .check = check_prefer,
	 .help = "Which addresses of a name come first: ipv4, ipv6, or auto: those of the first listener's family."},
	{0},
};
#undef AT
/* clang-format on */

void dns_families(const struct dns_conf *conf, int first, int out[2])
{
	if (strcmp(conf->prefer, "ipv4") == 0)
		first = AF_INET;
	else if (strcmp(conf->prefer, "ipv6") == 0)
		first = AF_INET6;
	out[0] = first;
	out[1] = first == AF_INET ? AF_INET6 : AF_INET;
}

/* resolv.conf(5): the keyword begins the line. An IPv6 address with a zone is not for us. */
unsigned dns_servers_read(struct slice text, struct addr *out, unsigned max)
{
	const struct slice keyword = SLICE("nameserver");
	unsigned count = 0;
	struct slice line;
	bool more = true;

	while (more && count < max) {
		more = slice_cut(text, '\n', &line, &text);
		if (!more)
			line = text;
		if (!slice_starts(line, keyword) || line.len == keyword.len ||
			(line.p[keyword.len] != ' ' && line.p[keyword.len] != '\t'))
			continue;
		if (addr_parse_ip(
			    &out[count], slice_trim(slice_from(line, keyword.len))) != 0)
			continue;
		addr_set_port(&out[count++], DNS_PORT);
	}
	return count;
}

static unsigned file_read(const char *path, struct addr *out, unsigned max)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct stat st;
	char *text = NULL;
	ssize_t got = 0;
	unsigned count = 0;

	if (fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode))
		text = malloc(RESOLV_BYTES);
	if (text != NULL)
		got = read(fd, text, RESOLV_BYTES);
	if (got > 0)
		count = dns_servers_read(slice_make(text, (size_t)got), out, max);
	free(text);
	if (fd >= 0)
		close(fd);
	return count;
}

unsigned dns_servers(const struct dns_conf *conf, struct addr out[DNS_MAX_SERVERS])
{
	unsigned count = 0;

	for (unsigned i = 0; i < conf->servers.count && count < DNS_MAX_SERVERS; i++) {
		if (addr_parse(&out[count], slice_str(conf->servers.items[i]),
			    DNS_PORT) == 0)
			count++;
	}
	if (conf->servers.count == 0)
		count = file_read(conf->resolv_conf, out, DNS_MAX_SERVERS);
	if (count > 0)
		return count;
	(void)addr_parse(&out[0], SLICE("127.0.0.1"), DNS_PORT);
	return 1;
}
