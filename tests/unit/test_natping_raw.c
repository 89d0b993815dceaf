/* The forged packet, byte for byte. */
#include "plugins/natping/ping_raw.h"
#include "tests/unit/ph_test.h"

static void the_packet_is_the_original_s(void **state)
{
	/* clang-format off */
	static const unsigned char want[PING_RAW_SIZE] = {
		0x45, 0x00, 0x00, 0x20, /* version 4, 5 words, TOS 0, 32 bytes */
		0x00, 0x17, 0x00, 0x00, /* id 23, no fragmentation bits */
		0x45, 0x11, 0x00, 0x00, /* TTL 69, UDP, checksum: the kernel's */
		203, 0, 113, 9,
		198, 51, 100, 7,
		0x13, 0xc4, 0x9d, 0x78, /* 5060 to 40312 */
		0x00, 0x0c, 0x00, 0x00, /* 12 bytes, no checksum */
		0, 0, 0, 0,
	};
	/* clang-format on */
	const struct addr from = ph_test_ipv4("203.0.113.9", 5060);
	const struct addr to = ph_test_ipv4("198.51.100.7", 40312);
	unsigned char got[PING_RAW_SIZE];

	(void)state;
	memset(got, 0xff, sizeof(got));
	ping_raw_write(got, &from, &to);
	assert_memory_equal(got, want, sizeof(want));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_packet_is_the_original_s),
	};
	return cmocka_run_group_tests_name("natping_raw", tests, NULL, NULL);
}
