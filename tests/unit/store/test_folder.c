/* Folders of accounts: making, syncing, removing. */
#include "core_fixture.h"

static void put_file(const char *folder, const char *name)
{
	char path[PATH_ROOM];
	int n = snprintf(path, sizeof(path), "%s/%s", folder, name);
	assert_in_range(n, 1, PATH_ROOM - 1);
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	close(fd);
}

static void make_below(const char *folder, const char *name, char path[PATH_ROOM])
{
	int n = snprintf(path, PATH_ROOM, "%s/%s", folder, name);
	assert_in_range(n, 1, PATH_ROOM - 1);
	assert_int_equal(mkdir(path, 0700), 0);
}

static void a_folder_that_is_there_counts_as_made_and_one_without_a_parent_fails(void **state)
{
	struct fix *fix = *state;
	char path[PATH_ROOM];

	snprintf(path, sizeof(path), "%s/new", fix->root);
	assert_int_equal(folder_make(fix->store, path), RC_OK);
	assert_int_equal(folder_make(fix->store, path), RC_OK);
	assert_int_equal(folder_sync(fix->store, path), RC_OK);
	snprintf(path, sizeof(path), "%s/none/new", fix->root);
	assert_int_not_equal(folder_make(fix->store, path), RC_OK);
	assert_int_not_equal(folder_sync(fix->store, path), RC_OK);
}

static void the_template_is_a_database_in_wal_mode(void **state)
{
	struct fix *fix = *state;

	assert_true(fix->store->template_size >= 4096);
	assert_memory_equal(fix->store->template, "SQLite format 3", 16);
	assert_int_equal(fix->store->template[18], 2);
	assert_int_equal(fix->store->template[19], 2);
}

static enum rc nothing(struct account *account, struct call *call)
{
	(void)account;
	(void)call;
	return RC_OK;
}

static void a_folder_is_removed_with_all_that_lies_in_it(void **state)
{
	struct fix *fix = *state;
	char msg[PATH_ROOM], xx[PATH_ROOM];
	struct account *account = account_get(fix->store, 1);

	assert_int_equal(call_now(fix, account, JOB_READ, nothing), RC_OK);
	strand_settle(fix, account);
	make_below(account->path, "msg", msg);
	make_below(msg, "0a", xx);
	put_file(xx, "message");
	put_file(account->path, "somebody's");
	assert_int_equal(folder_account_remove(account), RC_OK);
	assert_int_equal(access(account->path, F_OK), -1);
	/* It is gone already. */
	assert_int_equal(folder_account_remove(account), RC_OK);
	account_unref(&account);
}

static void folders_as_deep_as_the_limit_are_removed(void **state)
{
	struct fix *fix = *state;
	char a[PATH_ROOM], b[PATH_ROOM], c[PATH_ROOM];
	struct account *account = account_get(fix->store, 1);

	assert_int_equal(call_now(fix, account, JOB_READ, nothing), RC_OK);
	strand_settle(fix, account);
	make_below(account->path, "a", a);
	make_below(a, "b", b);
	put_file(b, "file");
	make_below(b, "c", c);
	put_file(c, "file");
	assert_int_equal(folder_account_remove(account), RC_OK);
	assert_int_equal(access(account->path, F_OK), -1);
	account_unref(&account);
}

static void folders_deeper_than_the_store_makes_any_are_not_removed(void **state)
{
	struct fix *fix = *state;
	char a[PATH_ROOM], b[PATH_ROOM], c[PATH_ROOM], d[PATH_ROOM];
	struct account *account = account_get(fix->store, 1);

	assert_int_equal(call_now(fix, account, JOB_READ, nothing), RC_OK);
	strand_settle(fix, account);
	make_below(account->path, "a", a);
	make_below(a, "b", b);
	make_below(b, "c", c);
	make_below(c, "d", d);
	put_file(d, "e");
	assert_int_not_equal(folder_account_remove(account), RC_OK);
	assert_int_equal(access(d, F_OK), 0);
	account_unref(&account);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			a_folder_that_is_there_counts_as_made_and_one_without_a_parent_fails, setup,
			teardown),
		cmocka_unit_test_setup_teardown(the_template_is_a_database_in_wal_mode, setup, teardown),
		cmocka_unit_test_setup_teardown(
			a_folder_is_removed_with_all_that_lies_in_it, setup, teardown),
		cmocka_unit_test_setup_teardown(folders_as_deep_as_the_limit_are_removed, setup, teardown),
		cmocka_unit_test_setup_teardown(
			folders_deeper_than_the_store_makes_any_are_not_removed, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
