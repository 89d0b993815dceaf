/**
 * @file nat_uac_test.h  Did this message come from behind a NAT?
 *
 * Pure: no I/O, no allocation, no shared state; any thread. The values are the ones that
 * scripts pass to nat_uac_test(). Addresses are compared as numbers, so that "1.2.3.4" is
 * not taken for "1.2.3.45". A host name is never private, and never the source of a
 * packet. RFC 1918, RFC 6598, RFC 3927, RFC 4193, RFC 4291, RFC 3261 section 18.2.1.
 *
 * OpenSIPS and Kamailio number the tests from 32 up differently: nat_tests_of() tells which
 * are meant.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "core/base/addr.h"
#include "core/base/slice.h"
#include "core/sip/sip_header.h"

/** The tests. The first eight have the numbers that OpenSIPS's scripts use. */
enum nat_test {
	NAT_PRIVATE_CONTACT = 1, /**< host of some Contact is a private address */
	NAT_DIFF_IP_SRC_VIA =
		2, /**< top Via (its maddr, if there is one) is not the packet's source */
	NAT_PRIVATE_VIA = 4,        /**< top Via host is a private address */
	NAT_PRIVATE_SDP = 8,        /**< some c= line of the SDP has a private address */
	NAT_DIFF_PORT_SRC_VIA = 16, /**< top Via port is not the source port */
	NAT_DIFF_IP_SRC_CONTACT = 32,   /**< first Contact host is not the source */
	NAT_DIFF_PORT_SRC_CONTACT = 64, /**< first Contact port is not the source port */
	NAT_CARRIER_GRADE = 128, /**< Contact or top Via in 192.0.0.0/29 (RFC 7335) */
	NAT_PRIVATE_SRC = 256,   /**< the source is a private address */
	NAT_WEBSOCKET = 512,     /**< came over a WebSocket */
	NAT_DIFF_IP_SRC_SDP = 1024, /**< some c= line's address is not the source */
};
#define NAT_TESTS 2047u

/** A test given by name has this place in flags: its meaning is the same everywhere. */
#define NAT_NAMED(test) ((int64_t)(test) << 16)

/**
 * The tests (a set of enum nat_test) that a script's number means: the sum that
 * nat_uac_test() was given, in the dialect of the script, and NAT_NAMED() ones.
 * 0: none, or a number that is no such sum.
 */
unsigned nat_tests_of(int64_t flags, bool kamailio);

/** What is looked at; everything borrows from the message. */
struct nat_view {
	const struct sip_via *via;           /**< the topmost one */
	const struct sip_nameaddr *contacts; /**< all; NULL: none, or "*" */
	const struct slice *media;           /**< addresses of the c= lines */
	unsigned media_count;
	const struct addr *source; /**< sender of the packet */
	enum sip_transport transport;
	bool kamailio; /**< its private networks: 192.0.0.0/24 is one too */
};

/**
 * Run the tests in tests (a set of enum nat_test). Writes *hits, the subset that is true,
 * only on success. What is not there (no Contact, no SDP) hits nothing.
 * 0, or -EAFNOSUPPORT when the source is neither IPv4 nor IPv6.
 */
int nat_uac_test(const struct nat_view *view, unsigned tests, unsigned *hits);
