#include "coid/health.h"

#include "base/clock.h"
#include "server_rig.h"

#define LOOK_MS 5000

/* The text after the next look; the caller frees it. *ret_good: health_print's answer. */
static char *health_of(struct house *house, const char *until, bool *ret_good)
{
	struct buf out;
	bool found = false;

	buf_init(&out, 65536);
	health_tick(house->server->health);
	for (unsigned i = 0; i < 100000 && !found; i++) {
		reactor_run_once(house->server->reactor_array[0], false);
		usleep(100);
		buf_reset(&out);
		*ret_good = health_print(house->server->health, &out);
		found = memmem(out.p, out.len, until, strlen(until)) != NULL;
	}
	buf_addc(&out, '\0');
	if (!found)
		fail_msg("no '%s' in '%s'", until, out.p);
	return out.p;
}

/* Time enough for a look. */
static void turn_some(struct house *house)
{
	for (unsigned i = 0; i < 100; i++) {
		reactor_run_once(house->server->reactor_array[0], false);
		usleep(100);
	}
}

static int real_clock(void **state)
{
	clock_fake_set(0, 0);
	return house_teardown(state);
}

static void a_fresh_server_is_healthy(void **state)
{
	bool good = false;
	char *text = health_of(*state, "disk: ", &good);

	assert_true(good);
	assert_non_null(strstr(text, "\nstore: ok\n"));
	assert_non_null(strstr(text, "\npush: 0 waiting\n"));
	assert_null(strstr(text, "certificate"));
	free(text);
}

static void a_store_that_cannot_be_written_is_failing(void **state)
{
	struct house *house = *state;
	char path[640];
	bool good = true;

	clock_fake_set(1000000, 1795491369);
	free(health_of(house, "disk: ", &good));
	assert_true(good);
	/* The file that it writes is a folder. */
	snprintf(path, sizeof(path), "%s/root/health", house->folder);
	assert_int_equal(mkdir(path, 0700), 0);
	/* The last look holds for its time. */
	clock_fake_advance(LOOK_MS - 1);
	health_tick(house->server->health);
	turn_some(house);
	free(health_of(house, "\nstore: ok\n", &good));
	assert_true(good);
	clock_fake_advance(1);
	char *text = health_of(house, "\nstore: can't be written: Is a directory\n", &good);
	assert_false(good);
	assert_int_equal(strncmp(text, "failing\n", 8), 0);
	free(text);
	assert_int_equal(rmdir(path), 0);
	clock_fake_advance(LOOK_MS);
	free(health_of(house, "\nstore: ok\n", &good));
	assert_true(good);
}

static void little_room_is_a_warning(void **state)
{
	struct house *house = *state;
	bool good = false;

	free(health_of(house, "disk: ", &good));
	/* Less than the largest message. */
	house->server->conf->store.message_max = UINT64_MAX;
	char *text = health_of(house, "disk: ", &good);
	assert_true(good);
	assert_int_equal(strncmp(text, "warning\n", 8), 0);
	free(text);
}

static void a_stopping_server_is_not_looked_at(void **state)
{
	struct house *house = *state;
	struct buf out;

	buf_init(&out, 65536);
	house->server->state = SERVER_STOPPING;
	health_tick(house->server->health);
	turn_some(house);
	health_print(house->server->health, &out);
	assert_null(memmem(out.p, out.len, "disk: ", 6));
	buf_fini(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, house_setup_started, real_clock)
		TEST(a_fresh_server_is_healthy),
		TEST(a_store_that_cannot_be_written_is_failing),
		TEST(little_room_is_a_warning),
		TEST(a_stopping_server_is_not_looked_at),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
