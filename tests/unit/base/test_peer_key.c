#include "base/peer_key.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

static void assert_keys(const char *peer, const char *key, const char *network)
{
	char got[PEER_KEY_SIZE];

	peer_key(peer, got);
	assert_string_equal(got, key);
	peer_key_network(peer, got);
	assert_string_equal(got, network);
}

static void an_ipv4_address_counts_for_itself(void **state)
{
	(void)state;
	assert_keys("192.0.2.1", "192.0.2.1", "");
	assert_keys("127.0.1.100", "127.0.1.100", "");
}

/* AU-30 */
static void au_30_all_of_an_ipv6_64_is_one_peer_and_of_a_48_one_network(void **state)
{
	(void)state;
	assert_keys("2001:db8:1:2::1", "2001:db8:1:2::/64", "2001:db8:1::/48");
	assert_keys("2001:db8:1:2:ffff:ffff:ffff:ffff", "2001:db8:1:2::/64", "2001:db8:1::/48");
	assert_keys("2001:db8:1:3::1", "2001:db8:1:3::/64", "2001:db8:1::/48");
	assert_keys("2001:db8:2:3::1", "2001:db8:2:3::/64", "2001:db8:2::/48");
	assert_keys("::1", "::/64", "::/48");
}

static void an_ipv4_address_that_wears_ipv6_is_ipv4(void **state)
{
	(void)state;
	assert_keys("::ffff:192.0.2.1", "192.0.2.1", "");
	assert_keys("64:ff9b::192.0.2.1", "192.0.2.1", "");
	/* An address that only begins like a translator's prefix is not mapped. */
	assert_keys("64:ff9b:1::192.0.2.1", "64:ff9b:1::/64", "64:ff9b:1::/48");
}

static void what_is_no_address_stands_for_itself(void **state)
{
	char text[200];

	(void)state;
	assert_keys("unix", "unix", "");
	assert_keys("", "", "");
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	char key[PEER_KEY_SIZE];
	peer_key(text, key);
	assert_int_equal(strlen(key), PEER_KEY_SIZE - 1);
}

static void ranges_hold_their_addresses_alone(void **state)
{
	struct peer_range range;

	(void)state;
	assert_true(peer_range_parse(STRV("192.0.2.0/25"), &range));
	assert_true(peer_range_has(&range, "192.0.2.127"));
	assert_true(peer_range_has(&range, "::ffff:192.0.2.1"));
	assert_false(peer_range_has(&range, "192.0.2.128"));
	assert_false(peer_range_has(&range, "2001:db8::1"));
	assert_false(peer_range_has(&range, "unix"));
	assert_true(peer_range_parse(STRV("2001:db8::/33"), &range));
	assert_true(peer_range_has(&range, "2001:db8:7fff::1"));
	assert_false(peer_range_has(&range, "2001:db8:8000::1"));
	assert_true(peer_range_parse(STRV("192.0.2.7"), &range));
	assert_true(peer_range_has(&range, "192.0.2.7"));
	assert_false(peer_range_has(&range, "192.0.2.6"));
	assert_true(peer_range_parse(STRV("0.0.0.0/0"), &range));
	assert_true(peer_range_has(&range, "203.0.113.9"));
	assert_false(peer_range_has(&range, "2001:db8::1"));
	assert_true(peer_range_parse(STRV("::/0"), &range));
	assert_true(peer_range_has(&range, "203.0.113.9"));
}

static void what_is_no_range_is_refused(void **state)
{
	static const char *const wrong[] = { "", "/", "192.0.2.0/33", "192.0.2.0/", "192.0.2/24",
		"2001:db8::/129", "example.org", "192.0.2.0/-1",
		"1111111111111111111111111111111111111111111111111111" };
	struct peer_range range;

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		assert_false(peer_range_parse(strv_cstr(wrong[i]), &range));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_ipv4_address_counts_for_itself),
		cmocka_unit_test(au_30_all_of_an_ipv6_64_is_one_peer_and_of_a_48_one_network),
		cmocka_unit_test(an_ipv4_address_that_wears_ipv6_is_ipv4),
		cmocka_unit_test(what_is_no_address_stands_for_itself),
		cmocka_unit_test(ranges_hold_their_addresses_alone),
		cmocka_unit_test(what_is_no_range_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
