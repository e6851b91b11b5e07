/* The files `unclean` and `doubt` of an account. */
#include "core_fixture.h"

#include "store/bytes.h"

/* This is for jobs, which run on a worker: cmocka's own asserts are for the thread of the test. */
#define EXPECT(what)                                                                                         \
	do {                                                                                                 \
		if (!(what)) {                                                                               \
			print_error("%s:%d: %s\n", __FILE__, __LINE__, #what);                               \
			return RC_CANNOT;                                                                    \
		}                                                                                            \
	} while (0)

static bool is_there(const struct account *account, const char *name)
{
	char path[PATH_ROOM];
	snprintf(path, sizeof(path), "%s/%s", account->path, name);
	return access(path, F_OK) == 0;
}

static unsigned directory_syncs(struct fix *fix, size_t from)
{
	unsigned counts[REC_SYNC_KINDS];
	rec_count(fix->rec, from, rec_point(fix->rec), counts);
	return counts[REC_SYNC_DIR_HOME];
}

static enum rc unclean_once(struct account *account, struct call *call)
{
	account->blobs.marker = false;
	size_t from = rec_point(call->fix->rec);
	EXPECT(marker_set(account, true) == RC_OK);
	EXPECT(is_there(account, "unclean"));
	EXPECT(marker_exists(account));
	EXPECT(directory_syncs(call->fix, from) == 1);
	/* It is there already. */
	EXPECT(marker_set(account, true) == RC_OK);
	EXPECT(directory_syncs(call->fix, from) == 1);
	marker_remove(account);
	EXPECT(!is_there(account, "unclean"));
	EXPECT(!marker_exists(account));
	EXPECT(!account->blobs.marker);
	marker_remove(account);
	/* Nobody has to find it after a power cut. */
	EXPECT(marker_set(account, false) == RC_OK);
	EXPECT(is_there(account, "unclean"));
	EXPECT(directory_syncs(call->fix, from) == 1);
	marker_remove(account);
	return RC_OK;
}

static void the_name_of_unclean_is_synced_once_if_that_is_wanted(void **state)
{
	struct fix *fix = *state;
	struct account *account = account_get(fix->store, 1);

	assert_int_equal(call_now(fix, account, JOB_ALONE, unclean_once), RC_OK);
	account_unref(&account);
}

static enum rc unclean_removed_by_somebody(struct account *account, struct call *call)
{
	char path[PATH_ROOM];
	(void)call;
	account->blobs.marker = false;
	EXPECT(marker_set(account, false) == RC_OK);
	snprintf(path, sizeof(path), "%s/unclean", account->path);
	EXPECT(unlink(path) == 0);
	marker_remove(account);
	EXPECT(!account->blobs.marker);
	return RC_OK;
}

static void a_marker_that_is_gone_counts_as_removed(void **state)
{
	struct fix *fix = *state;
	struct account *account = account_get(fix->store, 1);

	assert_int_equal(call_now(fix, account, JOB_ALONE, unclean_removed_by_somebody), RC_OK);
	account_unref(&account);
}

static enum rc doubt(struct account *account, struct call *call)
{
	(void)call;
	account->suspect = false;
	EXPECT(!marker_doubt_exists(account));
	marker_doubt_set(account);
	EXPECT(account->suspect);
	EXPECT(is_there(account, "doubt"));
	EXPECT(marker_doubt_exists(account));
	marker_doubt_remove(account);
	EXPECT(!account->suspect);
	EXPECT(!is_there(account, "doubt"));
	marker_doubt_remove(account);
	return RC_OK;
}

static void doubt_stands_in_the_folder_and_in_memory(void **state)
{
	struct fix *fix = *state;
	struct account *account = account_get(fix->store, 1);

	assert_int_equal(call_now(fix, account, JOB_ALONE, doubt), RC_OK);
	account_unref(&account);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			the_name_of_unclean_is_synced_once_if_that_is_wanted, setup, teardown),
		cmocka_unit_test_setup_teardown(a_marker_that_is_gone_counts_as_removed, setup, teardown),
		cmocka_unit_test_setup_teardown(doubt_stands_in_the_folder_and_in_memory, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
