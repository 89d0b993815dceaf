#include "plugins/natping/ping_raw.h"

#include <errno.h>
#include <netinet/ip.h>
#include <netinet/udp.h>
#include <unistd.h>

enum { IP_ID = 23, IP_HOPS = 69, PING_SIZE = 4 };

void ping_raw_write(
	unsigned char out[PING_RAW_SIZE], const struct addr *from, const struct addr *to)
{
	const struct iphdr ip = {
		.version = 4,
		.ihl = sizeof(ip) / 4,
		.tot_len = htons(PING_RAW_SIZE),
		.id = htons(IP_ID),
		.ttl = IP_HOPS,
		.protocol = IPPROTO_UDP,
		.saddr = from->in.sin_addr.s_addr,
		.daddr = to->in.sin_addr.s_addr,
	};
	const struct udphdr udp = {
		.source = from->in.sin_port,
		.dest = to->in.sin_port,
		.len = htons(sizeof(udp) + PING_SIZE),
	};

	memset(out, 0, PING_RAW_SIZE);
	memcpy(out, &ip, sizeof(ip));
	memcpy(out + sizeof(ip), &udp, sizeof(udp));
}

int ping_raw_open(void)
{
	const int on = 1;
	int fd = socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_RAW);
	int err;

	if (fd < 0)
		return -errno;
	if (setsockopt(fd, IPPROTO_IP, IP_HDRINCL, &on, sizeof(on)) == 0)
		return fd;
	err = -errno;
	close(fd);
	return err;
}
