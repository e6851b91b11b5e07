/* The server's key: made once, read again, replaced. */
#include "push_rig.h"

static int setup(void **state)
{
	static struct push_rig rig;

	push_rig_begin(&rig);
	*state = &rig;
	return 0;
}

static int teardown(void **state)
{
	push_rig_end(*state);
	return 0;
}

static void name(struct push_rig *r, char text[VAPID_ID + 1])
{
	struct vapid_key *key = key_current(&r->key);

	snprintf(text, VAPID_ID + 1, "%.*s", STRV_ARG(vapid_key_id(key)));
	vapid_key_unref(&key);
}

static void a_key_is_made_only_if_it_is_asked_for_and_is_the_same_after_a_restart(void **state)
{
	struct push_rig *r = *state;
	char fake[VAPID_ID + 1];
	char first[VAPID_ID + 1];
	char second[VAPID_ID + 1];

	name(r, fake);
	assert_int_equal(key_read(&r->key, false), RC_NOT_FOUND);
	name(r, first);
	assert_string_equal(first, fake);
	assert_int_equal(key_read(&r->key, true), RC_OK);
	name(r, first);
	assert_string_not_equal(first, fake);
	push_rig_close(r);
	push_rig_open(r);
	assert_int_equal(key_read(&r->key, false), RC_OK);
	name(r, second);
	assert_string_equal(first, second);
	assert_int_equal(key_read(&r->key, true), RC_OK);
	name(r, second);
	assert_string_equal(first, second);
}

static void rotated(struct webpush_rotation *rotation)
{
	*(bool *)rotation->ctx = true;
}

static void a_new_key_voids_what_waits_and_stays_after_a_restart(void **state)
{
	struct push_rig *r = *state;
	char old[VAPID_ID + 1];
	char now[VAPID_ID + 1];
	char later[VAPID_ID + 1];
	bool done = false;
	struct webpush_rotation rotation = { .home = r->rig.reactor, .done = rotated, .ctx = &done };

	assert_int_equal(key_read(&r->key, true), RC_OK);
	name(r, old);
	r->queue.http = NULL;
	struct push *push = push_rig_push(r, PUSH_MESSAGE, RIG_SUB, RIG_HOST "/1");
	memcpy(push->vapid, old, sizeof(old));
	push_rig_add(r, push, NULL);
	assert_int_equal(origins_waiting(r->queue.origins), 1);
	key_rotate(&r->key, &rotation);
	while (!done)
		reactor_run_once(r->rig.reactor, true);
	assert_int_equal(rotation.rc, RC_OK);
	push_rig_settle(r);
	assert_int_equal(r->replaced, 1);
	assert_int_equal(origins_waiting(r->queue.origins), 0);
	assert_int_equal(atomic_load(&r->core.pending), 0);
	name(r, now);
	assert_string_not_equal(old, now);
	push_rig_close(r);
	push_rig_open(r);
	assert_int_equal(key_read(&r->key, false), RC_OK);
	name(r, later);
	assert_string_equal(now, later);
}

static void whoever_holds_the_old_key_keeps_it(void **state)
{
	struct push_rig *r = *state;
	struct vapid_key *held = key_current(&r->key);
	char old[VAPID_ID + 1];

	name(r, old);
	assert_int_equal(key_fake(&r->key), RC_OK);
	assert_true(strv_eq(vapid_key_id(held), strv_cstr(old)));
	vapid_key_unref(&held);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_key_is_made_only_if_it_is_asked_for_and_is_the_same_after_a_restart),
		TEST(a_new_key_voids_what_waits_and_stays_after_a_restart),
		TEST(whoever_holds_the_old_key_keeps_it),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
