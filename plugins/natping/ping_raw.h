/**
 * @file ping_raw.h  A 4-byte ping with a forged source (natping_socket), as it stands on the wire. IPv4 only.
 *
 * Pure, but for ping_raw_open(). RFC 791, RFC 768. The header is the original's: no options, TOS 0, id 23, no fragmentation bits, TTL 69, UDP
 * checksum 0 (none). The IP checksum is the kernel's work (IP_HDRINCL).
 */
#pragma once

#include "core/base/addr.h"

#define PING_RAW_SIZE 32 /**< 20 IP, 8 UDP, 4 zero bytes */

/** from and to are IPv4. */
void ping_raw_write(
	unsigned char out[PING_RAW_SIZE], const struct addr *from, const struct addr *to);
/** A raw socket to send such packets with: a descriptor, or -errno (-EPERM: CAP_NET_RAW is missing). */
int ping_raw_open(void);
