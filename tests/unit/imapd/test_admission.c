#include "imapd/admission.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#define MANY 64

struct fixture {
	struct admission *admission;
	struct admission_limits limits;
	struct admission_ticket tickets[MANY];
	unsigned count;
	struct admission_victim victim; /* of the last one */
};

static int setup(void **state)
{
	static struct fixture f;
	f = (struct fixture){ .admission = admission_new() };
	*state = &f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	for (unsigned i = 0; i < f->count; i++)
		admission_leave(f->admission, &f->tickets[i]);
	admission_free(&f->admission);
	return 0;
}

static struct admission_ticket *ticket_new(struct fixture *f, bool known, bool trusted)
{
	struct admission_ticket *ticket = &f->tickets[f->count++];
	*ticket = (struct admission_ticket){ .session = f->count, .known = known, .trusted = trusted };
	return ticket;
}

static enum admission_verdict enter(struct fixture *f, const char *peer)
{
	return admission_enter(f->admission, &f->limits, peer, ticket_new(f, false, false), &f->victim);
}

static enum admission_verdict enter_known(struct fixture *f, const char *peer)
{
	return admission_enter(f->admission, &f->limits, peer, ticket_new(f, true, false), &f->victim);
}

/* AU-30: ten thousand addresses of one host are one. */
static void au_30_addresses_of_an_ipv6_64_have_one_limit_and_those_of_a_48_a_wider_one(void **state)
{
	struct fixture *f = *state;
	char peer[64];

	f->limits.per_address = 3;
	f->limits.per_network = 7;
	for (int i = 0; i < 5; i++) {
		snprintf(peer, sizeof(peer), "2001:db8:1:1::%x", i + 1);
		assert_int_equal(enter(f, peer), i < 3 ? ADMISSION_OK : ADMISSION_ADDRESS);
	}
	for (int i = 0; i < 6; i++) {
		snprintf(peer, sizeof(peer), "2001:db8:1:%x::1", i + 2);
		assert_int_equal(enter(f, peer), i < 4 ? ADMISSION_OK : ADMISSION_ADDRESS);
	}
	assert_int_equal(enter(f, "2001:db8:2:1::1"), ADMISSION_OK);
	assert_int_equal(enter(f, "192.0.2.1"), ADMISSION_OK);
	/* Places come back. */
	admission_leave(f->admission, &f->tickets[0]);
	assert_int_equal(enter(f, "2001:db8:1:1::9"), ADMISSION_OK);
}

static void for_one_more_of_an_address_its_oldest_leaves(void **state)
{
	struct fixture *f = *state;

	f->limits.waiting_per_address = 2;
	assert_int_equal(enter(f, "192.0.2.1"), ADMISSION_OK);
	assert_int_equal(enter(f, "192.0.2.2"), ADMISSION_OK);
	assert_int_equal(enter(f, "192.0.2.1"), ADMISSION_OK);
	assert_int_equal(f->victim.session, 0);
	assert_int_equal(enter(f, "192.0.2.1"), ADMISSION_OK);
	assert_int_equal(f->victim.session, 1);
	assert_int_equal(enter(f, "192.0.2.1"), ADMISSION_OK);
	assert_int_equal(f->victim.session, 3);
	/* Logged in, it counts no more. */
	assert_true(admission_login(f->admission, &f->limits, "a", &f->tickets[3]));
	assert_int_equal(enter(f, "192.0.2.1"), ADMISSION_OK);
	assert_int_equal(f->victim.session, 0);
	admission_logout(f->admission, "a", &f->tickets[3]);
	assert_int_equal(enter(f, "192.0.2.1"), ADMISSION_OK);
	assert_int_equal(f->victim.session, 5);
}

static void when_all_places_are_taken_the_greediest_address_gives_one_up(void **state)
{
	struct fixture *f = *state;

	f->limits.waiting = 5;
	assert_int_equal(enter(f, "192.0.2.9"), ADMISSION_OK);
	for (int i = 0; i < 3; i++)
		assert_int_equal(enter(f, "192.0.2.1"), ADMISSION_OK);
	assert_int_equal(enter(f, "192.0.2.2"), ADMISSION_OK);
	assert_int_equal(f->victim.session, 0);
	/* The one that is oldest of all stays: its address has it alone. */
	assert_int_equal(enter(f, "192.0.2.3"), ADMISSION_OK);
	assert_int_equal(f->victim.session, 2);
	assert_int_equal(enter(f, "192.0.2.4"), ADMISSION_OK);
	assert_int_equal(f->victim.session, 3);
}

static void known_addresses_leave_last(void **state)
{
	struct fixture *f = *state;

	f->limits.waiting = 4;
	for (int i = 0; i < 3; i++)
		assert_int_equal(enter_known(f, "192.0.2.1"), ADMISSION_OK);
	assert_int_equal(enter(f, "192.0.2.2"), ADMISSION_OK);
	assert_int_equal(enter(f, "192.0.2.3"), ADMISSION_OK);
	assert_int_equal(f->victim.session, 4);
	assert_int_equal(enter_known(f, "192.0.2.4"), ADMISSION_OK);
	assert_int_equal(f->victim.session, 5);
	assert_int_equal(enter_known(f, "192.0.2.5"), ADMISSION_OK);
	assert_int_equal(f->victim.session, 1);
}

static void known_addresses_have_a_reserve(void **state)
{
	struct fixture *f = *state;
	char peer[32];

	f->limits.total = 8;
	f->limits.reserve = 2;
	for (int i = 0; i < 9; i++) {
		snprintf(peer, sizeof(peer), "192.0.2.%d", i);
		assert_int_equal(enter(f, peer), i < 6 ? ADMISSION_OK : ADMISSION_FULL);
	}
	assert_int_equal(enter_known(f, "198.51.100.1"), ADMISSION_OK);
	assert_int_equal(enter_known(f, "198.51.100.1"), ADMISSION_OK);
	assert_int_equal(enter_known(f, "198.51.100.1"), ADMISSION_FULL);
}

static void trusted_networks_have_no_limit_by_address(void **state)
{
	struct fixture *f = *state;

	f->limits.per_address = 2;
	f->limits.waiting_per_address = 2;
	for (int i = 0; i < 9; i++) {
		struct admission_ticket *ticket = ticket_new(f, false, true);
		assert_int_equal(admission_enter(f->admission, &f->limits, "192.0.2.1", ticket, &f->victim),
			ADMISSION_OK);
		assert_int_equal(f->victim.session, 0);
	}
}

static void a_user_has_a_limit_from_all_addresses(void **state)
{
	struct fixture *f = *state;

	f->limits.per_user = 1;
	assert_int_equal(enter(f, "192.0.2.1"), ADMISSION_OK);
	assert_int_equal(enter(f, "192.0.2.2"), ADMISSION_OK);
	assert_true(admission_login(f->admission, &f->limits, "a", &f->tickets[0]));
	assert_false(admission_login(f->admission, &f->limits, "a", &f->tickets[1]));
	assert_true(admission_login(f->admission, &f->limits, "b", &f->tickets[1]));
	admission_logout(f->admission, "a", &f->tickets[0]);
	admission_logout(f->admission, "b", &f->tickets[1]);
	assert_true(admission_login(f->admission, &f->limits, "a", &f->tickets[1]));
	admission_logout(f->admission, "a", &f->tickets[1]);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(au_30_addresses_of_an_ipv6_64_have_one_limit_and_those_of_a_48_a_wider_one),
		TEST(for_one_more_of_an_address_its_oldest_leaves),
		TEST(when_all_places_are_taken_the_greediest_address_gives_one_up),
		TEST(known_addresses_leave_last),
		TEST(known_addresses_have_a_reserve),
		TEST(trusted_networks_have_no_limit_by_address),
		TEST(a_user_has_a_limit_from_all_addresses),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
