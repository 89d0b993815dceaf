/**
 * @file natping_test.h  Listeners for natping's tests. Needs libnet.
 */
#pragma once

#include "core/net/net.h"
#include "tests/unit/ph_test.h"

/** 0 udp 192.0.2.1:5060 (as 203.0.113.9:5070), 1 tcp 192.0.2.1:5060, 2 udp [2001:db8::1]:5060, 3 udp 192.0.2.2:5062. */
static inline void natping_test_socks(struct net_socks *socks)
{
	static const char *const specs[][2] = {{"udp:192.0.2.1:5060", "203.0.113.9:5070"},
		{"tcp:192.0.2.1:5060", NULL}, {"udp:[2001:db8::1]:5060", NULL},
		{"udp:192.0.2.2:5062", NULL}};
	struct net_socks_builder *b = NULL;
	char why[256];

	for (size_t i = 0; i < sizeof(specs) / sizeof(specs[0]); i++)
		if (net_socks_add(&b, specs[i][0], specs[i][1], why) != 0)
			fail_msg("%s", why);
	assert_int_equal(net_socks_finish(&b, socks), 0);
	assert_int_equal(socks->count, 4);
}
