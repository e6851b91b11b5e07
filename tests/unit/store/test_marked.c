/* Marks for the mover, and what modules remember. */
#include "mail_fixture.h"

#include "store/annot.h"
#include "store/marked.h"

struct seen_moves {
	pthread_mutex_t lock;
	bool wanted;
	unsigned calls;
	bool all; /* of the last call */
	struct seqset uids;
};

static enum rc hook_wanted(void *ctx, struct account *account, bool *ret_wanted)
{
	(void)account;
	*ret_wanted = ((struct seen_moves *)ctx)->wanted;
	return RC_OK;
}

static void hook_hand_over(void *ctx, struct account *account, int64_t mailbox, const struct seqset *uids)
{
	struct seen_moves *moves = ctx;
	(void)account;
	(void)mailbox;
	pthread_mutex_lock(&moves->lock);
	moves->calls++;
	moves->all = !uids;
	if (uids)
		seqset_add_set(&moves->uids, uids);
	pthread_mutex_unlock(&moves->lock);
}

static void hooked(struct fixture *f, struct seen_moves *moves)
{
	struct marked_hooks hooks = { .ctx = moves, .wanted = hook_wanted, .hand_over = hook_hand_over };
	marked_set_hooks(f->store, &hooks);
}

static struct fixture *start(struct seen_moves *moves)
{
	struct fixture *f = fixture_new(NULL);

	*moves = (struct seen_moves){ .wanted = true };
	pthread_mutex_init(&moves->lock, NULL);
	hooked(f, moves);
	t_append(f, f->inbox, MSG_CHAT, 4);
	t_append(f, f->inbox, 0, 1);
	return f;
}

static void stop(struct fixture *f, struct seen_moves *moves)
{
	fixture_free(&f);
	seqset_fini(&moves->uids);
	pthread_mutex_destroy(&moves->lock);
}

static void assert_moves(struct seen_moves *moves, unsigned calls, const char *uids)
{
	pthread_mutex_lock(&moves->lock);
	assert_int_equal(moves->calls, calls);
	assert_set(&moves->uids, uids);
	moves->calls = 0;
	seqset_clear(&moves->uids);
	pthread_mutex_unlock(&moves->lock);
}

static bool is_marked(struct fixture *f, int64_t mailbox, uint32_t uid)
{
	return t_row(f, mailbox, uid).flags & MSG_MARKED;
}

static void chat_messages_of_inbox_that_turn_seen_are_marked_and_told_once(void **state)
{
	struct seen_moves moves;
	struct fixture *f = start(&moves);
	(void)state;

	t_flags(f, f->inbox, "1:2,5", FLAGS_ADD, MSG_SEEN);
	assert_moves(&moves, 1, "1:2");
	assert_true(is_marked(f, f->inbox, 1));
	assert_false(is_marked(f, f->inbox, 5));
	t_flags(f, f->inbox, "1:2", FLAGS_ADD, MSG_SEEN | MSG_FLAGGED);
	assert_moves(&moves, 0, "");
	t_flags(f, f->inbox, "3", FLAGS_SET, MSG_SEEN);
	assert_moves(&moves, 1, "3");
	stop(f, &moves);
}

static void deleted_messages_other_flags_and_other_mailboxes_are_not_marked(void **state)
{
	struct seen_moves moves;
	struct fixture *f = start(&moves);
	int64_t a = t_new(f, "a");
	(void)state;

	t_append(f, a, MSG_CHAT, 1);
	t_flags(f, a, "1", FLAGS_ADD, MSG_SEEN);
	t_flags(f, f->inbox, "1", FLAGS_ADD, MSG_SEEN | MSG_DELETED);
	t_flags(f, f->inbox, "2", FLAGS_ADD, MSG_DELETED);
	t_flags(f, f->inbox, "2", FLAGS_ADD, MSG_SEEN);
	t_flags(f, f->inbox, "3", FLAGS_ADD, MSG_FLAGGED);
	t_flags(f, f->inbox, "4", FLAGS_REMOVE, MSG_SEEN);
	moves.wanted = false;
	t_flags(f, f->inbox, "4", FLAGS_ADD, MSG_SEEN);
	assert_moves(&moves, 0, "");
	assert_int_equal(t_sql(f, "SELECT count(*) FROM msg WHERE flags & 512"), 0);
	stop(f, &moves);
}

static enum rc seen_and_fail(struct account *account, void *arg)
{
	struct seqset uids = SEQSET_EMPTY;
	struct seqset modified = SEQSET_EMPTY;

	seqset_add(&uids, 1);
	enum rc rc = msg_store_flags(
		account, *(int64_t *)arg, &uids, FLAGS_ADD, MSG_SEEN, NULL, UINT64_MAX, &modified, NULL);
	seqset_fini(&uids);
	seqset_fini(&modified);
	return rc == RC_OK ? RC_CANNOT : rc;
}

static void a_job_that_fails_moves_nothing(void **state)
{
	struct seen_moves moves;
	struct fixture *f = start(&moves);
	(void)state;

	assert_int_equal(run(f, JOB_WRITE, seen_and_fail, &f->inbox), RC_CANNOT);
	assert_moves(&moves, 0, "");
	assert_false(is_marked(f, f->inbox, 1));
	stop(f, &moves);
}

static void marks_that_were_left_are_found_at_the_next_opening(void **state)
{
	struct seen_moves moves;
	struct fixture *f = start(&moves);
	(void)state;

	t_flags(f, f->inbox, "2", FLAGS_ADD, MSG_SEEN);
	assert_moves(&moves, 1, "2");
	fixture_stop(f);
	fixture_start(f);
	hooked(f, &moves);
	assert_true(is_marked(f, f->inbox, 2));
	assert_true(moves.all);
	assert_moves(&moves, 1, "");
	t_flags(f, f->inbox, "2", FLAGS_REMOVE, MSG_MARKED);
	fixture_stop(f);
	fixture_start(f);
	hooked(f, &moves);
	assert_false(is_marked(f, f->inbox, 2));
	assert_moves(&moves, 0, "");
	stop(f, &moves);
}

static enum rc list_marked(struct account *account, void *arg)
{
	struct rows_call *call = arg;
	struct seqset uids;

	enum rc rc = marked_uids(account, call->mailbox, &uids);
	if (rc == RC_OK) {
		call->count = (size_t)seqset_count(&uids);
		seqset_fini(&uids);
	}
	return rc;
}

static void marks_are_listed_and_gone_after_a_move(void **state)
{
	struct seen_moves moves;
	struct fixture *f = start(&moves);
	struct rows_call call = { .mailbox = f->inbox };
	int64_t a = t_new(f, "a");
	(void)state;

	t_flags(f, f->inbox, "1:3", FLAGS_ADD, MSG_SEEN);
	assert_int_equal(run(f, JOB_READ, list_marked, &call), RC_OK);
	assert_int_equal(call.count, 3);
	assert_copy(f, f->inbox, "1:2", a, true, "1:2>1:2");
	assert_int_equal(run(f, JOB_READ, list_marked, &call), RC_OK);
	assert_int_equal(call.count, 1);
	assert_int_equal(t_row(f, a, 1).flags, MSG_SEEN);
	assert_moves(&moves, 1, "1:3");
	stop(f, &moves);
}

static enum rc remember(struct account *account, void *arg)
{
	(void)arg;
	if (notes_get(account, ACCOUNT_NOTE_COI))
		return RC_EXISTS;
	notes_set(account, ACCOUNT_NOTE_COI, mem_strdup("note"));
	return RC_OK;
}

static enum rc annotate(struct account *account, void *arg)
{
	(void)arg;
	return annot_set(account, 0, STRV("/x"), STRV("y"), true);
}

static enum rc annotate_and_fail(struct account *account, void *arg)
{
	enum rc rc = annotate(account, arg);
	if (rc == RC_OK)
		rc = remember(account, arg);
	return rc == RC_OK ? RC_CANNOT : rc;
}

static void notes_last_until_annotations_change_or_are_undone(void **state)
{
	struct seen_moves moves;
	struct fixture *f = start(&moves);
	(void)state;

	assert_int_equal(run(f, JOB_READ, remember, NULL), RC_OK);
	t_flags(f, f->inbox, "1", FLAGS_ADD, MSG_FLAGGED);
	assert_int_equal(run(f, JOB_READ, remember, NULL), RC_EXISTS);
	assert_int_equal(run(f, JOB_WRITE, annotate, NULL), RC_OK);
	assert_int_equal(run(f, JOB_READ, remember, NULL), RC_OK);
	assert_int_equal(run(f, JOB_WRITE, annotate_and_fail, NULL), RC_CANNOT);
	assert_int_equal(run(f, JOB_READ, remember, NULL), RC_OK);
	stop(f, &moves);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(chat_messages_of_inbox_that_turn_seen_are_marked_and_told_once),
		cmocka_unit_test(deleted_messages_other_flags_and_other_mailboxes_are_not_marked),
		cmocka_unit_test(a_job_that_fails_moves_nothing),
		cmocka_unit_test(marks_that_were_left_are_found_at_the_next_opening),
		cmocka_unit_test(marks_are_listed_and_gone_after_a_move),
		cmocka_unit_test(notes_last_until_annotations_change_or_are_undone),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
