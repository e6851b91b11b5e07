/* The indexes in memory: loading, budget, and agreement with the database. */
#include "mail_fixture.h"

struct loaded_call {
	int64_t mailbox;
	bool loaded;
};

static enum rc loaded_run(struct account *account, void *arg)
{
	struct loaded_call *call = arg;
	call->loaded = msg_index_loaded(account, call->mailbox);
	return RC_OK;
}

static bool is_loaded(struct fixture *f, struct account *account, int64_t mailbox)
{
	struct loaded_call call = { .mailbox = mailbox };
	assert_int_equal(run_on(account, JOB_READ, loaded_run, &call), RC_OK);
	(void)f;
	return call.loaded;
}

static void an_index_is_loaded_when_it_is_first_used(void **state)
{
	(void)state;
	struct fixture *f = fixture_new(NULL);

	t_append(f, f->inbox, 0, 3);
	assert_false(is_loaded(f, f->account, f->inbox));
	assert_int_equal(index_lru_used(f->store->indexes), 0);
	assert_int_equal(t_info(f, "INBOX").messages, 3);
	assert_false(is_loaded(f, f->account, f->inbox));
	assert_uids(f, f->inbox, "1:3");
	assert_true(is_loaded(f, f->account, f->inbox));
	assert_true(index_lru_used(f->store->indexes) > 0);
	assert_false(is_loaded(f, f->account, 99));
	fixture_free(&f);
}

static void a_loaded_index_follows_every_change(void **state)
{
	(void)state;
	struct fixture *f = fixture_new(NULL);

	assert_uids(f, f->inbox, "");
	t_append(f, f->inbox, 0, 100);
	assert_expunge(f, f->inbox, "1,3:10,50,99:100", true, "1,3:10,50,99:100");
	assert_uids(f, f->inbox, "2,11:49,51:98");
	assert_expunge(f, f->inbox, "2:97", true, "2,11:49,51:97");
	assert_uids(f, f->inbox, "98");
	t_append(f, f->inbox, 0, 2);
	assert_uids(f, f->inbox, "98,101:102");
	assert_expunge(f, f->inbox, NULL, true, "98,101:102");
	assert_uids(f, f->inbox, "");
	fixture_free(&f);
}

static void a_deleted_mailbox_takes_its_index_along(void **state)
{
	(void)state;
	struct fixture *f = fixture_new(NULL);
	int64_t a = t_new(f, "a");

	assert_uids(f, a, "");
	assert_int_equal(t_delete(f, "a"), RC_OK);
	assert_int_equal(index_lru_used(f->store->indexes), 0);
	fixture_free(&f);
}

static void indexes_over_the_budget_are_dropped_least_recently_used_first(void **state)
{
	(void)state;
	struct store_settings settings;
	store_settings_init(&settings);
	settings.index_memory = 3 * 100 * sizeof(struct msg_row);
	struct fixture *f = fixture_new(&settings);
	int64_t ids[4];

	for (int i = 0; i < 4; i++) {
		char name[32];
		snprintf(name, sizeof(name), "m%d", i);
		ids[i] = t_new(f, name);
		t_append(f, ids[i], 0, 60);
	}
	for (int i = 0; i < 4; i++) {
		assert_uids(f, ids[i], "1:60");
		assert_true(index_lru_used(f->store->indexes) <= settings.index_memory);
	}
	assert_false(is_loaded(f, f->account, ids[0]));
	assert_true(is_loaded(f, f->account, ids[2]));
	assert_true(is_loaded(f, f->account, ids[3]));
	assert_uids(f, ids[0], "1:60");
	assert_false(is_loaded(f, f->account, ids[1]));
	fixture_free(&f);
}

static void an_idle_account_gives_its_indexes_to_another(void **state)
{
	(void)state;
	struct store_settings settings;
	store_settings_init(&settings);
	settings.index_memory = 150 * sizeof(struct msg_row);
	struct fixture *f = fixture_new(&settings);
	struct account *first = f->account;

	t_append(f, f->inbox, 0, 100);
	assert_uids(f, f->inbox, "1:100");
	f->account = account_get(f->store, 2);
	int64_t other = t_id(f, "INBOX");
	t_append(f, other, 0, 100);
	/* The first account's worker may not have let go of its strand yet. */
	for (int i = 0; i < 1000 && is_loaded(f, first, f->inbox); i++) {
		t_append(f, t_id(f, "INBOX"), 0, 1);
		fixture_drop_index(f, other);
		struct rows_call rows = t_rows(f, other);
		free(rows.rows);
	}
	assert_false(is_loaded(f, first, f->inbox));
	assert_true(is_loaded(f, f->account, other));
	account_unref(&first);
	fixture_free(&f);
}

#define ACCOUNTS 6

static enum rc whole_inbox(struct account *account, void *arg)
{
	const int64_t *inbox = arg;
	const struct msg_row *rows;
	size_t count;
	uint32_t sum = 0;

	enum rc rc = msg_index(account, *inbox, &rows, &count);
	for (size_t i = 0; rc == RC_OK && i < count; i++)
		sum += rows[i].uid;
	return rc == RC_OK && sum != 200 * 201 / 2 ? RC_CORRUPT : rc;
}

static void busy_accounts_take_the_budget_from_each_other_without_harm(void **state)
{
	(void)state;
	struct store_settings settings;
	store_settings_init(&settings);
	settings.index_memory = 2 * 250 * sizeof(struct msg_row);
	struct fixture *f = fixture_new(&settings);
	struct account *first = f->account;
	struct account *accounts[ACCOUNTS];
	int64_t inboxes[ACCOUNTS];
	struct waiting_job jobs[ACCOUNTS][8];

	for (int i = 0; i < ACCOUNTS; i++) {
		accounts[i] = f->account = account_get(f->store, 10 + i);
		inboxes[i] = t_id(f, "INBOX");
		t_append(f, inboxes[i], 0, 200);
	}
	for (int round = 0; round < 20; round++) {
		for (int k = 0; k < 8; k++) {
			for (int i = 0; i < ACCOUNTS; i++)
				waiting_submit(accounts[i], &jobs[i][k], JOB_READ, whole_inbox, &inboxes[i]);
		}
		for (int i = 0; i < ACCOUNTS; i++) {
			for (int k = 0; k < 8; k++)
				assert_int_equal(waiting_wait(&jobs[i][k]), RC_OK);
		}
	}
	/* While everybody is busy the budget may be passed; then a tick of the store finds the idle ones. */
	for (int i = 0; i < 1000 && index_lru_used(f->store->indexes) > settings.index_memory; i++) {
		store_tick(f->store);
		usleep(1000);
	}
	assert_true(index_lru_used(f->store->indexes) <= settings.index_memory);
	f->account = first;
	for (int i = 0; i < ACCOUNTS; i++)
		account_unref(&accounts[i]);
	fixture_free(&f);
}

static enum rc two_indexes(struct account *account, void *arg)
{
	const int64_t *ids = arg;
	const struct msg_row *a;
	const struct msg_row *b;
	size_t a_count;
	size_t b_count;

	enum rc rc = msg_index(account, ids[0], &a, &a_count);
	if (rc == RC_OK)
		rc = msg_index(account, ids[1], &b, &b_count);
	if (rc != RC_OK)
		return rc;
	/* Under the address sanitizer a row that was freed would be noticed. */
	return a_count == 100 && a[99].uid == 100 && b_count == 100 && b[99].uid == 100 ? RC_OK : RC_CORRUPT;
}

static void what_the_running_job_looks_at_is_not_dropped(void **state)
{
	(void)state;
	struct store_settings settings;
	store_settings_init(&settings);
	settings.index_memory = 1;
	struct fixture *f = fixture_new(&settings);
	int64_t ids[2] = { f->inbox, t_new(f, "a") };

	t_append(f, ids[0], 0, 100);
	t_append(f, ids[1], 0, 100);
	for (int i = 0; i < 3; i++)
		assert_int_equal(run(f, JOB_READ, two_indexes, ids), RC_OK);
	assert_copy(f, ids[0], "1:100", ids[1], true, "1:100>101:200");
	assert_uids(f, ids[0], "");
	assert_uids(f, ids[1], "1:200");
	fixture_free(&f);
}

static void wrong_counters_are_set_right_by_the_rows(void **state)
{
	(void)state;
	struct fixture *f = fixture_new(NULL);

	t_append(f, f->inbox, 0, 3);
	t_flags(f, f->inbox, "1:2", FLAGS_ADD, MSG_SEEN | MSG_DELETED);
	struct mbox_info right = t_info(f, "INBOX");
	t_script(f,
		(char[]){ "UPDATE mailbox SET messages = 9, unseen = 0, deleted = 1, size = 1, uidnext = 2,"
			  " recent = 8" });
	log_set_level(f->log, LOG_LEVEL_ERROR);
	fixture_reopen(f);
	assert_int_equal(t_quota(f).messages_used, 9);
	assert_uids(f, f->inbox, "1:3");
	struct mbox_info now = t_info(f, "INBOX");
	assert_same_info(&right, &now);
	assert_int_equal(t_quota(f).messages_used, 3);
	assert_int_equal(t_quota(f).storage_used, right.size);
	t_append(f, f->inbox, 0, 1);
	fixture_reopen(f);
	assert_int_equal(t_info(f, "INBOX").messages, 4);
	assert_int_equal(t_info(f, "INBOX").uidnext, 5);
	fixture_free(&f);
}

static enum rc raise_run(struct account *account, void *arg)
{
	return mail_raise_modseq(account, *(uint64_t *)arg);
}

static void raising_the_modseq_makes_every_message_look_changed(void **state)
{
	(void)state;
	struct fixture *f = fixture_new(NULL);
	int64_t a = t_new(f, "a");
	uint64_t ceiling = 100123;

	t_append(f, f->inbox, 0, 3);
	assert_expunge(f, f->inbox, "3", true, "3");
	uint64_t before = t_info(f, "INBOX").highestmodseq;
	assert_int_equal(run(f, JOB_WRITE, raise_run, &ceiling), RC_OK);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(t_row(f, f->inbox, 1).modseq, ceiling);
		assert_int_equal(t_row(f, f->inbox, 2).modseq, ceiling);
		assert_int_equal(t_info(f, "INBOX").highestmodseq, ceiling);
		assert_int_equal(t_info(f, "a").highestmodseq, ceiling);
		assert_expunged_since(f, f->inbox, before - 1, "3", true);
		fixture_reopen(f);
	}
	t_append(f, a, 0, 1);
	t_flags(f, f->inbox, "2", FLAGS_ADD, MSG_SEEN);
	assert_true(t_row(f, a, 1).modseq > ceiling);
	assert_true(t_row(f, f->inbox, 2).modseq > t_row(f, a, 1).modseq);
	assert_int_equal(t_row(f, f->inbox, 1).modseq, ceiling);
	fixture_free(&f);
}

static void positions_are_found_in_sparse_and_dense_mailboxes(void **state)
{
	(void)state;
	struct msg_row rows[6] = { { .uid = 2 }, { .uid = 3 }, { .uid = 7 }, { .uid = 8 }, { .uid = 9 },
		{ .uid = 4294967294 } };

	assert_int_equal(msg_lower_bound(rows, 0, 5), 0);
	assert_int_equal(msg_lower_bound(rows, 6, 0), 0);
	assert_int_equal(msg_lower_bound(rows, 6, 2), 0);
	assert_int_equal(msg_lower_bound(rows, 6, 3), 1);
	assert_int_equal(msg_lower_bound(rows, 6, 4), 2);
	assert_int_equal(msg_lower_bound(rows, 6, 9), 4);
	assert_int_equal(msg_lower_bound(rows, 6, 10), 5);
	assert_int_equal(msg_lower_bound(rows, 6, 4294967294), 5);
	assert_int_equal(msg_lower_bound(rows, 6, 4294967295), 6);
}

static void opening_and_closing_again_and_again_keeps_the_budget_right(void **state)
{
	(void)state;
	struct fixture *f = fixture_new(NULL);

	t_append(f, f->inbox, 0, 5);
	for (int i = 0; i < 3; i++) {
		assert_uids(f, f->inbox, "1:5");
		uint64_t used = index_lru_used(f->store->indexes);
		t_append(f, f->inbox, 0, 200);
		assert_true(index_lru_used(f->store->indexes) > used);
		assert_expunge(f, f->inbox, "6:9999", true, i ? NULL : "6:205");
		fixture_reopen(f);
		assert_int_equal(index_lru_used(f->store->indexes), 0);
	}
	fixture_free(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_index_is_loaded_when_it_is_first_used),
		cmocka_unit_test(a_loaded_index_follows_every_change),
		cmocka_unit_test(a_deleted_mailbox_takes_its_index_along),
		cmocka_unit_test(indexes_over_the_budget_are_dropped_least_recently_used_first),
		cmocka_unit_test(an_idle_account_gives_its_indexes_to_another),
		cmocka_unit_test(busy_accounts_take_the_budget_from_each_other_without_harm),
		cmocka_unit_test(what_the_running_job_looks_at_is_not_dropped),
		cmocka_unit_test(wrong_counters_are_set_right_by_the_rows),
		cmocka_unit_test(raising_the_modseq_makes_every_message_look_changed),
		cmocka_unit_test(positions_are_found_in_sparse_and_dense_mailboxes),
		cmocka_unit_test(opening_and_closing_again_and_again_keeps_the_budget_right),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
