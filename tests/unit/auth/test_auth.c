#include "auth/auth.h"

#include "base/clock.h"
#include "base/mem.h"
#include "store/users.h"
#include "support/store_rig.h"
#include "work/pool.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <cmocka.h>

#define ALICE "alice@example.org"
#define PASSWORD "correct horse"
#define HERE "192.0.2.1"
#define THERE "198.51.100.1"
#define WAIT_MS 20000

struct fixture {
	struct rig rig;
	char root[512];
	struct auth_settings settings;
	struct auth *auth;
	char watched[256];
};

struct check {
	struct auth_request request;
	bool done;
};

static void turn_until(struct fixture *f, const bool *done)
{
	for (int i = 0; i < WAIT_MS * 10 && !*done; i++) {
		reactor_run_once(f->rig.reactor, false);
		usleep(100);
	}
	assert_true(*done);
}

static void check_done(struct auth_request *request)
{
	((struct check *)request->ctx)->done = true;
}

static void check_begin(
	struct fixture *f, struct check *check, const char *user, const char *password, const char *peer)
{
	*check = (struct check){ .request = { .user = strv_cstr(user),
					 .password = strv_cstr(password),
					 .peer = peer,
					 .mechanism = "LOGIN",
					 .home = f->rig.reactor,
					 .done = check_done } };
	check->request.ctx = check;
	auth_check(f->auth, &check->request);
}

static enum rc login(struct fixture *f, const char *user, const char *password, const char *peer)
{
	struct check check;
	check_begin(f, &check, user, password, peer);
	turn_until(f, &check.done);
	return check.request.rc;
}

/* One job on the users strand. */
struct row {
	struct users_job job;
	const char *name;
	const char *scheme; /* of the hash to be made */
	struct arena *arena;
	struct user_record record;
	bool done;
	atomic_bool done_there; /* on the worker */
};

static enum rc add_run(struct users *users, struct users_job *job)
{
	struct row *row = (struct row *)job;
	struct buf hash;
	int64_t id;

	buf_init(&hash, 4096);
	enum rc rc = auth_make_hash(row->scheme, STRV(PASSWORD), &hash);
	assert_int_equal(rc, RC_OK);
	struct user_record record = { .name = strv_cstr(row->name),
		.password = buf_strv(&hash),
		.enabled = true,
		.quota_storage = UINT64_MAX,
		.quota_messages = UINT64_MAX };
	rc = users_add(users, &record, &id);
	buf_fini(&hash);
	return rc;
}

static enum rc find_run(struct users *users, struct users_job *job)
{
	struct row *row = (struct row *)job;
	return users_find(users, strv_cstr(row->name), row->arena, &row->record);
}

static enum rc change_run(struct users *users, struct users_job *job)
{
	struct row *row = (struct row *)job;
	return users_set_password(users, strv_cstr(row->name), STRV("$6$other$hash"), STRV(""));
}

static void row_done(struct users_job *job)
{
	((struct row *)job)->done = true;
}

static void row_done_there(struct users_job *job)
{
	atomic_store(&((struct row *)job)->done_there, true);
}

static void users_do(
	struct fixture *f, struct row *row, bool write, enum rc (*run)(struct users *, struct users_job *))
{
	row->job = (struct users_job){ .write = write, .run = run, .done = row_done, .home = f->rig.reactor };
	assert_int_equal(users_submit(f->rig.store, &row->job), RC_OK);
	turn_until(f, &row->done);
	assert_int_equal(row->job.rc, RC_OK);
}

static void add_user(struct fixture *f, const char *name, const char *scheme)
{
	struct row row = { .name = name, .scheme = scheme };
	users_do(f, &row, true, add_run);
}

static int setup(void **state)
{
	struct fixture *f = mem_zalloc(sizeof(*f));
	rig_folder_make(f->root);
	rig_init(&f->rig, f->root, NULL);
	assert_int_equal(rig_open(&f->rig), RC_OK);
	f->settings = (struct auth_settings){
		.workers = 1,
		.password_scheme = "SHA512-CRYPT",
		.cache_ttl_ms = 60000,
		.scram_iterations = 4096,
		.queue_max = 4,
		.known_age_ms = 3600000,
		.guard = { .guesses = { [GUARD_ADDRESS] = 3, [GUARD_ACCOUNT] = 5, [GUARD_PAIR] = 3 },
			.window_ms = 600000,
			.ban_ms = 600000 },
	};
	assert_int_equal(auth_new(&f->settings, f->rig.store, f->rig.log, &f->auth), RC_OK);
	add_user(f, ALICE, "SHA512-CRYPT");
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	for (int i = 0; i < WAIT_MS * 10 && auth_waiting(f->auth) > 0; i++) {
		reactor_run_once(f->rig.reactor, false);
		usleep(100);
	}
	assert_int_equal(auth_waiting(f->auth), 0);
	pool_drain(f->rig.pool);
	auth_free(&f->auth);
	rig_close(&f->rig);
	rig_folder_remove(f->root);
	free(f);
	return 0;
}

/* AU-30 */
static void au_30_an_address_without_guesses_is_refused_also_the_right_password(void **state)
{
	struct fixture *f = *state;

	for (int i = 0; i < 3; i++)
		assert_int_equal(login(f, "bob@example.org", "wrong", HERE), RC_AUTH);
	assert_int_equal(login(f, ALICE, PASSWORD, HERE), RC_AUTH);
	assert_int_equal(login(f, ALICE, PASSWORD, THERE), RC_OK);
}

static void au_30_an_account_is_served_where_it_is_known_whatever_strangers_do(void **state)
{
	struct fixture *f = *state;
	char peer[32];

	assert_int_equal(login(f, ALICE, PASSWORD, HERE), RC_OK);
	assert_true(auth_knows(f->auth, HERE));
	assert_false(auth_knows(f->auth, THERE));
	/* Neighbours use up the guesses of her address, strangers those of her account. */
	for (int i = 0; i < 5; i++)
		assert_int_equal(login(f, "bob@example.org", "wrong", HERE), RC_AUTH);
	for (int i = 0; i < 7; i++) {
		snprintf(peer, sizeof(peer), "203.0.113.%d", i);
		assert_int_equal(login(f, ALICE, "wrong", peer), RC_AUTH);
	}
	assert_int_equal(login(f, ALICE, PASSWORD, "203.0.113.100"), RC_AUTH);
	assert_int_equal(login(f, ALICE, PASSWORD, HERE), RC_OK);
	/* The number of guesses from that address is limited, too. */
	for (int i = 0; i < 3; i++)
		assert_int_equal(login(f, ALICE, "wrong", HERE), RC_AUTH);
	assert_int_equal(login(f, ALICE, PASSWORD, HERE), RC_AUTH);
}

static void a_login_of_ones_own_clears_no_guesses_of_the_address(void **state)
{
	struct fixture *f = *state;

	add_user(f, "mallory@example.org", "SHA512-CRYPT");
	for (int i = 0; i < 3; i++) {
		assert_int_equal(login(f, "mallory@example.org", PASSWORD, HERE), RC_OK);
		assert_int_equal(login(f, ALICE, "wrong", HERE), RC_AUTH);
	}
	assert_int_equal(login(f, ALICE, PASSWORD, HERE), RC_AUTH);
}

static void guesses_at_the_same_time_are_counted_like_others(void **state)
{
	struct fixture *f = *state;
	struct check checks[20];

	f->settings.queue_max = 100;
	struct buf errors;
	buf_init(&errors, 4096);
	assert_int_equal(auth_reload(f->auth, &f->settings, &errors), RC_OK);
	buf_fini(&errors);
	for (int i = 0; i < 19; i++)
		check_begin(f, &checks[i], "bob@example.org", "wrong", HERE);
	check_begin(f, &checks[19], ALICE, PASSWORD, HERE);
	for (int i = 0; i < 20; i++) {
		turn_until(f, &checks[i].done);
		assert_int_equal(checks[i].request.rc, RC_AUTH);
	}
}

static void a_full_queue_is_busy_for_strangers_only(void **state)
{
	struct fixture *f = *state;
	struct check checks[12], own;
	unsigned busy = 0;
	char peer[32];

	assert_int_equal(login(f, ALICE, PASSWORD, HERE), RC_OK);
	for (int i = 0; i < 12; i++) {
		char user[32];
		snprintf(peer, sizeof(peer), "203.0.113.%d", i);
		snprintf(user, sizeof(user), "u%d@example.org", i);
		check_begin(f, &checks[i], user, "wrong", peer);
	}
	check_begin(f, &own, ALICE, "wrong here", HERE);
	turn_until(f, &own.done);
	assert_int_equal(own.request.rc, RC_AUTH);
	for (int i = 0; i < 12; i++) {
		turn_until(f, &checks[i].done);
		busy += checks[i].request.rc == RC_BUSY;
	}
	assert_true(busy > 0);
	assert_true(busy < 12);
}

static void an_answer_whose_asker_has_gone_is_not_held_back(void **state)
{
	struct fixture *f = *state;
	struct check check;
	struct buf errors;

	f->settings.grid_ms = 3600000;
	f->settings.delay_max_ms = 3600000;
	buf_init(&errors, 4096);
	assert_int_equal(auth_reload(f->auth, &f->settings, &errors), RC_OK);
	buf_fini(&errors);
	check_begin(f, &check, ALICE, "wrong", HERE);
	for (int i = 0; i < 3000; i++) {
		reactor_run_once(f->rig.reactor, false);
		usleep(100);
	}
	assert_false(check.done);
	auth_cancel(f->auth, &check.request);
	turn_until(f, &check.done);
	assert_int_equal(auth_waiting(f->auth), 0);
}

static void settings_that_are_of_no_use_change_nothing(void **state)
{
	struct fixture *f = *state;
	struct auth *other = NULL;
	struct buf errors;
	char path[600];

	snprintf(path, sizeof(path), "%s/no-such-file", f->root);
	f->settings.users_file = path;
	buf_init(&errors, 4096);
	assert_int_equal(auth_reload(f->auth, &f->settings, &errors), RC_INVALID);
	buf_addc(&errors, '\0');
	assert_non_null(strstr(errors.p, "no-such-file"));
	buf_fini(&errors);
	assert_int_equal(auth_new(&f->settings, f->rig.store, f->rig.log, &other), RC_INVALID);
	assert_null(other);
	assert_int_equal(login(f, ALICE, PASSWORD, HERE), RC_OK);
}

static void a_stop_drops_what_waits_to_be_hashed(void **state)
{
	struct fixture *f = *state;
	struct check checks[4];
	unsigned cancelled = 0;

	for (int i = 0; i < 4; i++)
		check_begin(f, &checks[i], "bob@example.org", "wrong", i % 2 ? HERE : THERE);
	rig_settle(&f->rig);
	auth_hurry(f->auth, f->rig.reactor);
	for (int i = 0; i < 4; i++) {
		turn_until(f, &checks[i].done);
		cancelled += checks[i].request.rc == RC_CANCELLED;
	}
	assert_true(cancelled >= 1);
}

/* The stored hash has another scheme and no SCRAM keys: both are made at the next login, and the password
 * stays the same. */
static void au_31_an_old_hash_is_made_anew_at_login(void **state)
{
	struct fixture *f = *state;
	struct row row = { .name = "old@example.org", .arena = arena_new(0) };

	add_user(f, "old@example.org", "BCRYPT");
	assert_int_equal(login(f, "old@example.org", "wrong", THERE), RC_AUTH);
	users_do(f, &row, false, find_run);
	assert_true(strv_starts(row.record.password, STRV("$2b$")));
	assert_int_equal(login(f, "old@example.org", PASSWORD, HERE), RC_OK);
	row.done = false;
	users_do(f, &row, false, find_run);
	assert_true(strv_starts(row.record.password, STRV("$6$")));
	assert_true(strv_starts(row.record.scram, STRV("SCRAM-SHA-256$4096:")));
	assert_int_equal(login(f, "old@example.org", PASSWORD, HERE), RC_OK);
	assert_int_equal(login(f, "old@example.org", PASSWORD, THERE), RC_OK);
	assert_int_equal(login(f, "old@example.org", "wrong", HERE), RC_AUTH);
	arena_free(&row.arena);
}

static void watch(void *ctx, const struct strv *names, size_t count, enum auth_change change)
{
	struct fixture *f = ctx;
	size_t used = strlen(f->watched);
	for (size_t i = 0; i < count; i++)
		used += (size_t)snprintf(f->watched + used, sizeof(f->watched) - used, "%.*s:%d ",
			STRV_ARG(names[i]), (int)change);
}

static void changes_are_told_to_the_watcher(void **state)
{
	struct fixture *f = *state;

	auth_watch(f->auth, watch, f);
	auth_forget(f->auth, STRV(ALICE), AUTH_CHANGE_NONE);
	assert_string_equal(f->watched, "");
	auth_forget(f->auth, STRV(ALICE), AUTH_CHANGE_DISABLED);
	assert_string_equal(f->watched, ALICE ":2 ");
	auth_watch(f->auth, NULL, NULL);
}

/* The old password was looked at, and found right, before the new one was written. */
static void a_check_that_began_before_a_change_does_not_end_in_a_login(void **state)
{
	struct fixture *f = *state;
	struct row row = { .name = ALICE };
	struct check check;

	check_begin(f, &check, ALICE, PASSWORD, HERE);
	/* Everything but the last step, which is the reactor's. */
	usleep(300000);
	row.job = (struct users_job){ .write = true, .run = change_run, .done = row_done_there };
	assert_int_equal(users_submit(f->rig.store, &row.job), RC_OK);
	while (!atomic_load(&row.done_there))
		usleep(100);
	assert_int_equal(row.job.rc, RC_OK);
	assert_false(check.done);
	auth_forget(f->auth, STRV(ALICE), AUTH_CHANGE_PASSWORD);
	turn_until(f, &check.done);
	assert_int_equal(check.request.rc, RC_AUTH);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(au_30_an_address_without_guesses_is_refused_also_the_right_password),
		TEST(au_30_an_account_is_served_where_it_is_known_whatever_strangers_do),
		TEST(a_login_of_ones_own_clears_no_guesses_of_the_address),
		TEST(guesses_at_the_same_time_are_counted_like_others),
		TEST(a_full_queue_is_busy_for_strangers_only),
		TEST(an_answer_whose_asker_has_gone_is_not_held_back),
		TEST(settings_that_are_of_no_use_change_nothing),
		TEST(a_stop_drops_what_waits_to_be_hashed),
		TEST(au_31_an_old_hash_is_made_anew_at_login),
		TEST(changes_are_told_to_the_watcher),
		TEST(a_check_that_began_before_a_change_does_not_end_in_a_login),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
