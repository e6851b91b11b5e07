/* Messages that were moved away a moment ago. */
#include "mail_fixture.h"

static void the_oldest_are_forgotten_first(void **state)
{
	(void)state;
	struct index index = { 0 };
	uint64_t words[KEYWORDS_MORE_WORDS] = { 2 };

	for (uint32_t uid = 1; uid <= MOVED_MAX; uid++) {
		struct msg_row row = { .uid = uid };
		if (uid <= 2)
			keywords_more_set(&index, &row, words);
		moved_add(&index, &row);
	}
	/* A copy: they outlive the message's own. */
	keywords_more_remove(&index, NULL);
	uint64_t full = moved_bytes(&index);
	assert_int_equal(moved_keywords(&index, 1)[0], 2);
	assert_null(moved_keywords(&index, 3));
	struct msg_row last = { .uid = MOVED_MAX + 1 };
	moved_add(&index, &last);
	assert_int_equal(moved_bytes(&index), full);
	assert_null(moved_keywords(&index, 1));
	assert_non_null(moved_keywords(&index, 2));
	moved_forget(&index);
	assert_int_equal(moved_bytes(&index), 0);
	assert_null(moved_keywords(&index, 2));
}

struct moved_call {
	int64_t mailbox;
	uint32_t uid;
	struct msg_row row;
	bool found;
};

static enum rc moved_run(struct account *account, void *arg)
{
	struct moved_call *call = arg;
	const struct msg_row *row = msg_moved(account, call->mailbox, call->uid);

	call->found = row != NULL;
	if (row)
		call->row = *row;
	return RC_OK;
}

static struct moved_call t_moved(struct fixture *f, int64_t mailbox, uint32_t uid)
{
	struct moved_call call = { .mailbox = mailbox, .uid = uid };
	assert_int_equal(run(f, JOB_READ, moved_run, &call), RC_OK);
	return call;
}

static void a_moved_message_is_known_until_the_index_goes(void **state)
{
	(void)state;
	struct fixture *f = fixture_new(NULL);
	int64_t a = t_new(f, "a");

	t_append(f, f->inbox, MSG_FLAGGED, 3);
	assert_copy(f, f->inbox, "2", a, true, "2>1");
	assert_uids(f, f->inbox, "1,3");
	struct moved_call call = t_moved(f, f->inbox, 2);
	assert_true(call.found && (call.row.flags & MSG_FLAGGED));
	assert_int_equal(call.row.uid, 2);
	/* Those that are there, those that were never there, and those that were removed are not. */
	assert_false(t_moved(f, f->inbox, 1).found);
	assert_false(t_moved(f, f->inbox, 9).found);
	assert_false(t_moved(f, a, 1).found);
	assert_false(t_moved(f, 99, 2).found);
	assert_expunge(f, f->inbox, "3", true, "3");
	assert_false(t_moved(f, f->inbox, 3).found);
	fixture_drop_index(f, f->inbox);
	assert_false(t_moved(f, f->inbox, 2).found);
	fixture_free(&f);
}

static void a_copied_message_has_not_moved(void **state)
{
	(void)state;
	struct fixture *f = fixture_new(NULL);
	int64_t a = t_new(f, "a");

	t_append(f, f->inbox, 0, 1);
	assert_copy(f, f->inbox, "1", a, false, "1>1");
	assert_false(t_moved(f, f->inbox, 1).found);
	fixture_free(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_oldest_are_forgotten_first),
		cmocka_unit_test(a_moved_message_is_known_until_the_index_goes),
		cmocka_unit_test(a_copied_message_has_not_moved),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
