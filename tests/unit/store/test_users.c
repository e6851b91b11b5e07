#include "core_fixture.h"

#include "store/users_check_priv.h"

struct ask {
	struct users_job job;
	struct fix *fix;
	enum rc (*fn)(struct users *users, struct ask *ask);
	struct arena *arena;
	struct user_record record;
	struct strv name;
	struct strv value;
	int64_t id;
	unsigned runs;
	bool done;
	char names[256];
};

static enum rc ask_run(struct users *users, struct users_job *job)
{
	struct ask *ask = CONTAINER_OF(job, struct ask, job);
	ask->runs++;
	return ask->fn(users, ask);
}

static void ask_done(struct users_job *job)
{
	CONTAINER_OF(job, struct ask, job)->done = true;
}

static struct ask ask_make(
	struct fix *fix, bool write, enum rc (*fn)(struct users *, struct ask *), const char *name)
{
	return (struct ask){
		.job = { .write = write, .run = ask_run, .done = ask_done, .home = fix->reactor },
		.fix = fix,
		.fn = fn,
		.arena = arena_new(0),
		.name = strv_cstr(name),
	};
}

static enum rc ask_now(struct ask *ask)
{
	assert_int_equal(users_submit(ask->fix->store, &ask->job), RC_OK);
	while (!ask->done)
		reactor_run_once(ask->fix->reactor, true);
	return ask->job.rc;
}

static void ask_end(struct ask *ask)
{
	arena_free(&ask->arena);
}

static enum rc add(struct users *users, struct ask *ask)
{
	struct user_record record = { .name = ask->name,
		.password = STRV("$y$hash"),
		.scram = STRV("SCRAM-SHA-256$x"),
		.enabled = true,
		.quota_storage = UINT64_MAX,
		.quota_messages = 5,
		.created = 1000 };
	return users_add(users, &record, &ask->id);
}

static enum rc find(struct users *users, struct ask *ask)
{
	return users_find(users, ask->name, ask->arena, &ask->record);
}

static enum rc find_id(struct users *users, struct ask *ask)
{
	return users_find_id(users, ask->id, ask->arena, &ask->record);
}

static enum rc remove_user(struct users *users, struct ask *ask)
{
	return users_remove(users, ask->name, &ask->id);
}

static enum rc change_all(struct users *users, struct ask *ask)
{
	enum rc rc = users_set_password(users, ask->name, STRV("new"), STRV(""));
	if (rc == RC_OK)
		rc = users_set_quota(users, ask->name, 1000, 10);
	if (rc == RC_OK)
		rc = users_set_enabled(users, ask->name, false);
	return rc;
}

static enum rc touch(struct users *users, struct ask *ask)
{
	return users_touch_login(users, 1, ask->id);
}

static bool note_name(void *arg, const struct user_record *user)
{
	struct ask *ask = arg;
	size_t n = strlen(ask->names);
	snprintf(ask->names + n, sizeof(ask->names) - n, "%.*s ", STRV_ARG(user->name));
	return ask->id == 0 || --ask->id > 0;
}

static enum rc list(struct users *users, struct ask *ask)
{
	return users_list(users, ask->name, note_name, ask);
}

static enum rc set_setting(struct users *users, struct ask *ask)
{
	return users_setting_set(users, "key", ask->value);
}

static enum rc get_setting(struct users *users, struct ask *ask)
{
	return users_setting_get(users, "key", ask->arena, &ask->value);
}

static enum rc add_and_fail(struct users *users, struct ask *ask)
{
	enum rc rc = add(users, ask);
	return rc == RC_OK ? RC_LIMIT : rc;
}

static enum rc one(struct fix *fix, bool write, enum rc (*fn)(struct users *, struct ask *), const char *name)
{
	struct ask ask = ask_make(fix, write, fn, name);
	enum rc rc = ask_now(&ask);
	ask_end(&ask);
	return rc;
}

static void a_user_is_added_and_found(void **state)
{
	struct fix *fix = *state;
	struct ask ask = ask_make(fix, true, add, "a@example.org");
	assert_int_equal(ask_now(&ask), RC_OK);
	int64_t id = ask.id;
	assert_true(id > 0);
	ask_end(&ask);
	assert_int_equal(one(fix, true, add, "a@example.org"), RC_EXISTS);
	assert_int_equal(one(fix, false, find, "b@example.org"), RC_NOT_FOUND);
	ask = ask_make(fix, false, find, "a@example.org");
	assert_int_equal(ask_now(&ask), RC_OK);
	assert_int_equal(ask.record.id, id);
	assert_true(strv_eq(ask.record.name, STRV("a@example.org")));
	assert_true(strv_eq(ask.record.password, STRV("$y$hash")));
	assert_true(strv_eq(ask.record.scram, STRV("SCRAM-SHA-256$x")));
	assert_true(ask.record.enabled);
	assert_true(ask.record.quota_storage == UINT64_MAX);
	assert_int_equal(ask.record.quota_messages, 5);
	assert_int_equal(ask.record.created, 1000);
	assert_int_equal(ask.record.last_login, 0);
	ask_end(&ask);
	ask = ask_make(fix, false, find_id, "");
	ask.id = id;
	assert_int_equal(ask_now(&ask), RC_OK);
	assert_true(strv_eq(ask.record.name, STRV("a@example.org")));
	ask_end(&ask);
}

static void a_user_is_changed(void **state)
{
	struct fix *fix = *state;
	assert_int_equal(one(fix, true, add, "a@example.org"), RC_OK);
	assert_int_equal(one(fix, true, change_all, "a@example.org"), RC_OK);
	assert_int_equal(one(fix, true, change_all, "b@example.org"), RC_NOT_FOUND);
	struct ask ask = ask_make(fix, false, find, "a@example.org");
	assert_int_equal(ask_now(&ask), RC_OK);
	assert_true(strv_eq(ask.record.password, STRV("new")));
	assert_int_equal(ask.record.scram.n, 0);
	assert_false(ask.record.enabled);
	assert_int_equal(ask.record.quota_storage, 1000);
	ask_end(&ask);
}

static int64_t login_at(struct fix *fix, int64_t now)
{
	struct ask ask = ask_make(fix, true, touch, "");
	ask.id = now;
	assert_int_equal(ask_now(&ask), RC_OK);
	ask_end(&ask);
	ask = ask_make(fix, false, find, "a@example.org");
	assert_int_equal(ask_now(&ask), RC_OK);
	ask_end(&ask);
	return ask.record.last_login;
}

static void the_last_login_is_written_once_a_day(void **state)
{
	struct fix *fix = *state;
	assert_int_equal(one(fix, true, add, "a@example.org"), RC_OK);
	assert_int_equal(login_at(fix, 1000000), 1000000);
	assert_int_equal(login_at(fix, 1000500), 1000000);
	assert_int_equal(login_at(fix, 1086400), 1086400);
}

static void a_removed_user_is_gone_and_his_id_is_not_used_again(void **state)
{
	struct fix *fix = *state;
	struct ask ask = ask_make(fix, true, add, "a@example.org");
	assert_int_equal(ask_now(&ask), RC_OK);
	int64_t first = ask.id;
	ask_end(&ask);
	assert_int_equal(one(fix, true, remove_user, "a@example.org"), RC_OK);
	assert_int_equal(one(fix, true, remove_user, "a@example.org"), RC_NOT_FOUND);
	ask = ask_make(fix, true, add, "a@example.org");
	assert_int_equal(ask_now(&ask), RC_OK);
	assert_true(ask.id > first);
	ask_end(&ask);
}

/* The process ended between the removal of the row and that of the folder. */
static void a_removal_that_was_not_finished_is_finished_after_the_next_start(void **state)
{
	struct fix *fix = *state;
	struct ask ask = ask_make(fix, true, add, "a@example.org");
	assert_int_equal(ask_now(&ask), RC_OK);
	struct account *account = account_get(fix->store, ask.id);
	assert_int_equal(call_now(fix, account, JOB_WRITE, create_mailbox), RC_OK);
	char path[PATH_ROOM];
	snprintf(path, sizeof(path), "%s", account_path(account));
	account_unref(&account);
	assert_int_equal(one(fix, true, remove_user, "a@example.org"), RC_OK);
	fix_restart(fix);
	assert_int_equal(access(path, F_OK), 0);
	store_tick(fix->store);
	while (access(path, F_OK) == 0)
		reactor_run_once(fix->reactor, false);
	account = account_get(fix->store, ask.id);
	assert_int_equal(call_now(fix, account, JOB_READ, NULL), RC_GONE);
	account_unref(&account);
	ask_end(&ask);
}

static enum rc removed_fill(struct users *users, struct ask *ask)
{
	return db_run(users->db,
		"INSERT INTO removed (id) WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n"
		" WHERE i < ?1) SELECT 1000 + i FROM n",
		"i", ask->id);
}

static enum rc removed_count(struct users *users, struct ask *ask)
{
	sqlite3_stmt *stmt;
	enum rc rc = db_one(users->db, &stmt, "SELECT count(*) FROM removed", "");
	if (rc != RC_OK)
		return rc;
	ask->id = db_i64(stmt, 0);
	db_reset(stmt);
	return RC_OK;
}

static int64_t removed_now(struct fix *fix)
{
	struct ask ask = ask_make(fix, false, removed_count, "");
	assert_int_equal(ask_now(&ask), RC_OK);
	ask_end(&ask);
	return ask.id;
}

static void assert_removals_left(struct fix *fix, int64_t expected)
{
	fix_restart(fix);
	store_tick(fix->store);
	for (int i = 0; i < 20000 && removed_now(fix) > expected; i++)
		usleep(1000);
	/* No removal goes on behind the test's back. */
	fix_restart(fix);
	assert_int_equal(removed_now(fix), expected);
}

static void removed_add(struct fix *fix, int64_t count)
{
	struct ask ask = ask_make(fix, true, removed_fill, "");
	ask.id = count;
	assert_int_equal(ask_now(&ask), RC_OK);
	ask_end(&ask);
}

static void a_start_finishes_so_many_removals_and_the_next_one_the_rest(void **state)
{
	struct fix *fix = *state;
	removed_add(fix, USERS_REMOVED_MAX - 1);
	assert_removals_left(fix, 0);
	removed_add(fix, USERS_REMOVED_MAX);
	assert_removals_left(fix, 0);
	removed_add(fix, USERS_REMOVED_MAX + 1);
	assert_removals_left(fix, 1);
	assert_removals_left(fix, 0);
}

/*
 * Replaces server.db by a copy of itself, with so many old WALs beside it. *ret_last: the last name for an
 * old WAL is in use. Returns the outcome of a job.
 */
static enum rc replaced_with_wals(struct fix *fix, unsigned count, bool *ret_last)
{
	char path[128], copy[128], name[160], command[300];
	struct stat st;
	snprintf(path, sizeof(path), "%s/server.db", fix->root);
	snprintf(copy, sizeof(copy), "%s/other", fix->root);
	snprintf(command, sizeof(command), "cp '%s' '%s'", path, copy);
	assert_int_equal(one(fix, true, set_setting, ""), RC_OK);
	fix_restart(fix);
	assert_int_equal(one(fix, false, find, "a@example.org"), RC_OK);
	assert_int_equal(system(command), 0);
	for (unsigned n = 1; n <= count; n++) {
		snprintf(name, sizeof(name), "%s-wal.left-%u", path, n);
		close(open(name, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
	}
	assert_int_equal(rename(copy, path), 0);
	enum rc rc = one(fix, false, find, "a@example.org");
	snprintf(name, sizeof(name), "%s-wal.left-%u", path, USERS_WAL_ASIDE_MAX);
	*ret_last = stat(name, &st) == 0;
	return rc;
}

static void so_many_wals_of_replaced_files_are_kept(void **state)
{
	struct fix *fix = *state;
	bool last = false;
	assert_int_equal(one(fix, true, add, "a@example.org"), RC_OK);
	assert_int_equal(replaced_with_wals(fix, USERS_WAL_ASIDE_MAX - 2, &last), RC_OK);
	assert_false(last);
	assert_int_equal(replaced_with_wals(fix, USERS_WAL_ASIDE_MAX - 1, &last), RC_OK);
	assert_true(last);
	assert_int_equal(replaced_with_wals(fix, USERS_WAL_ASIDE_MAX, &last), RC_UNAVAILABLE);
}

/* Repairs a damaged server.db with kept ones of the numbers up to `count` beside it. */
static void assert_kept_as(struct fix *fix, unsigned count, unsigned number)
{
	char path[128], name[160];
	struct users_check_result result;
	struct buf report;
	snprintf(path, sizeof(path), "%s/server.db", fix->root);
	snprintf(name, sizeof(name), "%s-wal", path);
	(void)unlink(name);
	assert_int_equal(truncate(path, 5000), 0);
	for (unsigned n = 1; n <= count; n++) {
		snprintf(name, sizeof(name), "%s.lost-%u", path, n);
		assert_int_equal(close(open(name, O_WRONLY | O_CREAT | O_CLOEXEC, 0600)), 0);
	}
	buf_init(&report, 64 * 1024);
	assert_int_equal(users_check(fix->root, true, fix->log, &report, &result), RC_OK);
	buf_addc(&report, '\0');
	snprintf(name, sizeof(name), "is kept as %s.lost-%u\n", path, number);
	if (!strstr(report.p, name))
		fail_msg("\"%s\" is not in: %s", name, report.p);
	buf_fini(&report);
}

static void so_many_damaged_server_databases_are_kept(void **state)
{
	struct fix *fix = *state;
	assert_int_equal(one(fix, true, add, "a@example.org"), RC_OK);
	fix_stop(fix);
	assert_kept_as(fix, USERS_ASIDE_MAX - 3, USERS_ASIDE_MAX - 2);
	assert_kept_as(fix, USERS_ASIDE_MAX - 2, USERS_ASIDE_MAX - 1);
	/* The last one makes room. */
	assert_kept_as(fix, USERS_ASIDE_MAX - 1, USERS_ASIDE_MAX - 1);
}

static void users_are_listed_by_name(void **state)
{
	struct fix *fix = *state;
	assert_int_equal(one(fix, true, add, "c@example.org"), RC_OK);
	assert_int_equal(one(fix, true, add, "a@example.org"), RC_OK);
	assert_int_equal(one(fix, true, add, "b@example.org"), RC_OK);
	struct ask ask = ask_make(fix, false, list, "");
	assert_int_equal(ask_now(&ask), RC_OK);
	assert_string_equal(ask.names, "a@example.org b@example.org c@example.org ");
	ask_end(&ask);
	ask = ask_make(fix, false, list, "a@example.org");
	ask.id = 1;
	assert_int_equal(ask_now(&ask), RC_OK);
	assert_string_equal(ask.names, "b@example.org ");
	ask_end(&ask);
}

static void settings_are_kept_and_removed_by_an_empty_value(void **state)
{
	struct fix *fix = *state;
	assert_int_equal(one(fix, false, get_setting, ""), RC_NOT_FOUND);
	struct ask ask = ask_make(fix, true, set_setting, "");
	ask.value = strv_make("a\0b", 3);
	assert_int_equal(ask_now(&ask), RC_OK);
	ask_end(&ask);
	fix_restart(fix);
	ask = ask_make(fix, false, get_setting, "");
	assert_int_equal(ask_now(&ask), RC_OK);
	assert_true(strv_eq(ask.value, strv_make("a\0b", 3)));
	ask_end(&ask);
	assert_int_equal(one(fix, true, set_setting, ""), RC_OK);
	assert_int_equal(one(fix, false, get_setting, ""), RC_NOT_FOUND);
}

/* Waits on the strand until the test has submitted the rest. */
struct hold {
	struct ask ask;
	sem_t inside;
	sem_t go;
};

static enum rc hold_run(struct users *users, struct ask *ask)
{
	struct hold *hold = CONTAINER_OF(ask, struct hold, ask);
	(void)users;
	sem_post(&hold->inside);
	while (sem_wait(&hold->go) != 0)
		;
	return RC_OK;
}

static void together(struct fix *fix, struct ask *asks, size_t n, void (*before)(struct fix *fix))
{
	struct hold hold;
	sem_init(&hold.inside, 0, 0);
	sem_init(&hold.go, 0, 0);
	hold.ask = ask_make(fix, false, hold_run, "");
	assert_int_equal(users_submit(fix->store, &hold.ask.job), RC_OK);
	while (sem_wait(&hold.inside) != 0)
		;
	for (size_t i = 0; i < n; i++)
		assert_int_equal(users_submit(fix->store, &asks[i].job), RC_OK);
	if (before)
		before(fix);
	sem_post(&hold.go);
	for (size_t i = 0; i < n; i++)
		while (!asks[i].done)
			reactor_run_once(fix->reactor, true);
	while (!hold.ask.done)
		reactor_run_once(fix->reactor, true);
	ask_end(&hold.ask);
	sem_destroy(&hold.inside);
	sem_destroy(&hold.go);
}

static void waiting_writes_share_one_sync_and_one_that_fails_is_undone_alone(void **state)
{
	struct fix *fix = *state;
	struct ask asks[4] = { ask_make(fix, true, add, "a@example.org"),
		ask_make(fix, true, add_and_fail, "b@example.org"),
		ask_make(fix, false, find, "a@example.org"), ask_make(fix, true, add, "c@example.org") };
	size_t point = rec_point(fix->rec);
	together(fix, asks, 4, NULL);
	assert_int_equal(wal_syncs(fix, point), 1);
	assert_int_equal(asks[0].job.rc, RC_OK);
	assert_int_equal(asks[1].job.rc, RC_LIMIT);
	assert_int_equal(asks[2].job.rc, RC_OK);
	assert_int_equal(asks[3].job.rc, RC_OK);
	assert_int_equal(one(fix, false, find, "b@example.org"), RC_NOT_FOUND);
	assert_int_equal(one(fix, false, find, "c@example.org"), RC_OK);
	for (int i = 0; i < 4; i++)
		ask_end(&asks[i]);
}

/* Adds so many users in one transaction, and counts the syncs of whole file systems for their folders. */
static unsigned whole_syncs(struct fix *fix, char first, size_t n)
{
	struct ask asks[USERS_SYNC_EACH_MAX + 1];
	char names[USERS_SYNC_EACH_MAX + 1][8];
	unsigned counts[REC_SYNC_KINDS];
	for (size_t i = 0; i < n; i++) {
		snprintf(names[i], sizeof(names[i]), "%c%u@x.y", first, (unsigned)i % 10);
		asks[i] = ask_make(fix, true, add, names[i]);
	}
	size_t point = rec_point(fix->rec);
	together(fix, asks, n, NULL);
	for (size_t i = 0; i < n; i++) {
		assert_int_equal(asks[i].job.rc, RC_OK);
		ask_end(&asks[i]);
	}
	rec_count(fix->rec, point, rec_point(fix->rec), counts);
	return counts[REC_SYNC_FS];
}

static void owner_files_of_many_changes_share_one_sync(void **state)
{
	assert_int_equal(whole_syncs(*state, 'a', USERS_SYNC_EACH_MAX - 1), 0);
	assert_int_equal(whole_syncs(*state, 'b', USERS_SYNC_EACH_MAX), 0);
	assert_int_equal(whole_syncs(*state, 'c', USERS_SYNC_EACH_MAX + 1), 1);
}

static void no_room(struct fix *fix)
{
	rec_fail(fix->rec, REC_OP_WRITE, "server.db-wal", ENOSPC, 1, true);
}

static void a_full_disk_fails_every_write_alone(void **state)
{
	struct fix *fix = *state;
	struct ask asks[2] = { ask_make(fix, true, add, "a@example.org"),
		ask_make(fix, true, add, "b@example.org") };
	together(fix, asks, 2, no_room);
	rec_fail(fix->rec, REC_OP_WRITE, "", 0, 0, false);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(asks[i].job.rc, RC_NOSPACE);
		assert_int_equal(asks[i].runs, 2);
		ask_end(&asks[i]);
	}
	assert_int_equal(one(fix, true, add, "a@example.org"), RC_OK);
}

static void what_a_failed_sync_leaves_is_not_there(void **state)
{
	struct fix *fix = *state;
	rec_fail(fix->rec, REC_OP_SYNC, "server.db-wal", EIO, 1, false);
	assert_int_equal(one(fix, true, add, "a@example.org"), RC_IO);
	assert_int_equal(one(fix, false, find, "a@example.org"), RC_NOT_FOUND);
	assert_int_equal(one(fix, true, add, "a@example.org"), RC_OK);
}

static void a_server_database_in_doubt_can_be_read_and_is_written_again_later(void **state)
{
	struct fix *fix = *state;
	clock_fake_set(1000000, 1700000000);
	assert_int_equal(one(fix, true, add, "b@example.org"), RC_OK);
	rec_fail(fix->rec, REC_OP_SYNC, "server.db", EIO, 1, true);
	assert_int_equal(one(fix, true, add, "a@example.org"), RC_UNAVAILABLE);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(one(fix, false, find, "b@example.org"), RC_OK);
		assert_int_equal(one(fix, false, find, "a@example.org"), RC_NOT_FOUND);
		assert_int_equal(one(fix, true, add, "a@example.org"), RC_UNAVAILABLE);
		clock_fake_advance(2000);
	}
	rec_fail(fix->rec, REC_OP_SYNC, "", 0, 0, false);
	assert_int_equal(one(fix, true, add, "a@example.org"), RC_OK);
	fix_restart(fix);
	assert_int_equal(one(fix, false, find, "a@example.org"), RC_OK);
	assert_int_equal(one(fix, false, find, "b@example.org"), RC_OK);
}

/* A note of a login, and whatever else waits with it. */
static void a_write_that_fails_keeps_nobody_from_reading(void **state)
{
	static const int errors[] = { EIO, EROFS, ENOSPC };
	struct fix *fix = *state;
	assert_int_equal(one(fix, true, add, "b@example.org"), RC_OK);
	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
		rec_fail(fix->rec, REC_OP_WRITE, "server.db", errors[i], 1, true);
		assert_true(one(fix, true, add, "a@example.org") != RC_OK);
		assert_int_equal(one(fix, false, find, "b@example.org"), RC_OK);
		rec_fail(fix->rec, REC_OP_WRITE, "", 0, 0, false);
	}
	assert_int_equal(one(fix, true, add, "a@example.org"), RC_OK);
}

static enum rc nothing(struct users *users, struct ask *ask)
{
	(void)users;
	(void)ask;
	return RC_OK;
}

static void only_so_many_jobs_wait(void **state)
{
	struct fix *fix = *state;
	const size_t max = 4096;
	struct ask *asks = mem_zalloc((max + 1) * sizeof(*asks));
	struct hold hold;
	sem_init(&hold.inside, 0, 0);
	sem_init(&hold.go, 0, 0);
	hold.ask = ask_make(fix, false, hold_run, "");
	assert_int_equal(users_submit(fix->store, &hold.ask.job), RC_OK);
	while (sem_wait(&hold.inside) != 0)
		;
	for (size_t i = 0; i <= max; i++) {
		asks[i].job = (struct users_job){ .run = ask_run, .done = ask_done, .home = fix->reactor };
		asks[i].fn = nothing;
		assert_int_equal(users_submit(fix->store, &asks[i].job), i < max ? RC_OK : RC_BUSY);
	}
	sem_post(&hold.go);
	for (size_t i = 0; i < max; i++)
		while (!asks[i].done)
			reactor_run_once(fix->reactor, true);
	ask_end(&hold.ask);
	sem_destroy(&hold.inside);
	sem_destroy(&hold.go);
	free(asks);
}

static void checked(const char *name, enum rc rc, const char *result)
{
	struct arena *arena = arena_new(0);
	struct strv out;
	assert_int_equal(user_name_check(strv_cstr(name), arena, &out), rc);
	if (rc == RC_OK)
		assert_true(strv_eq(out, strv_cstr(result)));
	arena_free(&arena);
}

static void checked_new(const char *name, enum rc rc, const char *result)
{
	struct arena *arena = arena_new(0);
	struct strv out;
	assert_int_equal(user_name_check_new(strv_cstr(name), arena, &out), rc);
	if (rc == RC_OK)
		assert_true(strv_eq(out, strv_cstr(result)));
	arena_free(&arena);
}

static void names_of_new_accounts_have_one_form_and_hide_nothing(void **state)
{
	static const char *const refused[] = { "../x@y.org", "a/b@y.org", "*@y.org", "%@y.org", "\"a\"@y.org",
		"a b@y.org", "a\\b@y.org", ".a@y.org", "a.@y.org", "a..b@y.org", "a@y..org", "a@.org",
		"a@y.org.", "a@[1.2.3.4]", "a\u200b@y.org", "a\u200d@y.org", "a\u00ad@y.org", "a\u202e@y.org",
		"a\u2066@y.org", "a\ufeff@y.org", "a\ufe0f@y.org", "a\u034f@y.org", "a\u00a0@y.org",
		"a\u3000@y.org", "a\xc2\x85@y.org", "a\u0378@y.org", "a\ue000@y.org", "a\ufb01@y.org",
		"a\u2160@y.org", "a\u00b2@y.org", "\u0301a@y.org", "a.\u0301@y.org", "a\u05d0@y.org",
		"a\u2603@y.org", "a\u3164@y.org", "a(b)@y.org", "a,b@y.org", "a@y/z", "a@*.org" };
	(void)state;
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++)
		checked_new(refused[i], RC_INVALID, NULL);
	checked_new("Ann.O'Brien+tag@Example.ORG", RC_OK, "ann.o'brien+tag@example.org");
	checked_new("J\u00d6RG@example.org", RC_OK, "j\u00f6rg@example.org");
	checked_new("jo\u0308rg@example.org", RC_OK, "j\u00f6rg@example.org");
	checked_new("\uff21\uff22@example.org", RC_OK, "ab@example.org");
	checked_new("\u05d0\u05d1@example.org", RC_OK, "\u05d0\u05d1@example.org");
	checked_new("\ud55c\uae00@example.org", RC_OK, "\ud55c\uae00@example.org");
	checked_new("user@b\u00fccher.example", RC_OK, "user@b\u00fccher.example");
	/* Those of earlier days can still be looked up. */
	checked("../x@y.org", RC_OK, "../x@y.org");
	checked("a\u200b@y.org", RC_OK, "a\u200b@y.org");
	checked("jo\u0308rg@example.org", RC_OK, "j\u00f6rg@example.org");
	checked("a\uff20b@y.org", RC_INVALID, NULL);
}

static void names_are_checked_and_made_lower_case(void **state)
{
	(void)state;
	checked("Local@Example.ORG", RC_OK, "local@example.org");
	checked("a+b.c@x", RC_OK, "a+b.c@x");
	checked("j\xc3\xb6rg@example.org", RC_OK, "j\xc3\xb6rg@example.org");
	checked("", RC_INVALID, NULL);
	checked("local", RC_INVALID, NULL);
	checked("@example.org", RC_INVALID, NULL);
	checked("local@", RC_INVALID, NULL);
	checked("a@b@c", RC_INVALID, NULL);
	checked("a b@c", RC_INVALID, NULL);
	checked("a@b\n", RC_INVALID, NULL);
	checked("a\x7f@b", RC_INVALID, NULL);
	checked("a\xff@b", RC_INVALID, NULL);
	char name[USER_NAME_MAX + 2];
	memset(name, 'a', sizeof(name));
	name[10] = '@';
	name[USER_NAME_MAX + 1] = '\0';
	checked(name, RC_INVALID, NULL);
	name[USER_NAME_MAX] = '\0';
	checked(name, RC_OK, name);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_user_is_added_and_found),
		T(a_user_is_changed),
		T(the_last_login_is_written_once_a_day),
		T(a_removed_user_is_gone_and_his_id_is_not_used_again),
		T(a_removal_that_was_not_finished_is_finished_after_the_next_start),
		T(a_start_finishes_so_many_removals_and_the_next_one_the_rest),
		T(so_many_wals_of_replaced_files_are_kept),
		T(so_many_damaged_server_databases_are_kept),
		T(users_are_listed_by_name),
		T(settings_are_kept_and_removed_by_an_empty_value),
		T(waiting_writes_share_one_sync_and_one_that_fails_is_undone_alone),
		T(owner_files_of_many_changes_share_one_sync),
		T(only_so_many_jobs_wait),
		T(a_full_disk_fails_every_write_alone),
		T(what_a_failed_sync_leaves_is_not_there),
		T(a_server_database_in_doubt_can_be_read_and_is_written_again_later),
		T(a_write_that_fails_keeps_nobody_from_reading),
		cmocka_unit_test(names_are_checked_and_made_lower_case),
		cmocka_unit_test(names_of_new_accounts_have_one_form_and_hide_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
