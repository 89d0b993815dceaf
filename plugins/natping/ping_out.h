/**
 * @file ping_out.h  Pings on their way out: gathered over a turn, a system call for many (sendmmsg()).
 *
 * One thread's. Nothing waits: what the kernel does not take now stays for the next ping_out_flush(); a full batch that it does not take is a
 * counted error for those that come after. What has left is counted by its kind.
 */
#pragma once

#include <stdbool.h>

#include "core/base/addr.h"
#include "core/base/buf.h"
#include "plugins/natping/natping_count.h"

struct ping_out;

/** UDP descriptors by the listener's index, -1: not UDP; copied, the descriptors are borrowed. raw: another, or -1, with its forged source. */
struct ping_out_setup {
	const int *fds;
	unsigned fd_count;
	int raw;
	struct addr raw_from;
	struct natping_tally tally;
};
/** 0, -ENOMEM. */
int ping_out_new(struct ping_out **out, const struct ping_out_setup *setup);
void ping_out_destroy(struct ping_out **op);

/** 4 zero bytes from that listener. */
void ping_out_zeros(struct ping_out *o, unsigned sock, const struct addr *to);
/** The same with the forged source. */
void ping_out_raw(struct ping_out *o, const struct addr *to);
/** Room for one request; NULL: none (counted). Then exactly one ping_out_end(), which sends it unless the buffer has an error. */
struct buf *ping_out_begin(struct ping_out *o, unsigned sock);
void ping_out_end(struct ping_out *o, const struct addr *to);
/** To the kernel. True: some wait for a next time. */
bool ping_out_flush(struct ping_out *o);
