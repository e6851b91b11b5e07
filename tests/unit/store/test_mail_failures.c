/*
 * A disk that fills up or fails at any write or read of an operation: what is in memory afterwards is what is
 * in the database, and an operation that was refused has changed nothing.
 */
#include "mail_fixture.h"

#include <errno.h>

#include "support/rec_io.h"

#define STRIKES_MAX 400 /* calls of one operation that are made to fail in turn */

struct disk {
	struct fixture *f;
	struct rec *rec;
	int64_t a;
	int64_t b;
};

static struct disk disk_new(void)
{
	struct disk disk = { .f = fixture_make(NULL) };
	struct fixture *f = disk.f;

	disk.rec = rec_new(f->root);
	f->io = rec_io(disk.rec);
	/* Each failure is logged: that is right, but not for hundreds of them. */
	log_free(&f->log);
	f->log = log_new(-1, LOG_LEVEL_ERROR);
	fixture_start(f);
	f->inbox = t_id(f, "INBOX");
	disk.a = t_new(f, "a");
	disk.b = t_new(f, "a/b");
	t_append(f, f->inbox, 0, 6);
	t_append(f, disk.a, MSG_SEEN, 3);
	t_flags(f, f->inbox, "2,5", FLAGS_ADD, MSG_DELETED);
	return disk;
}

static void disk_free(struct disk *disk)
{
	fixture_free(&disk->f);
	rec_free(&disk->rec);
}

/* Everything that memory knows of an account, as text. */
struct dump_call {
	struct account *account;
	struct buf text;
	enum rc rc;
};

static bool dump_box(void *arg, const struct mbox_info *info)
{
	struct dump_call *call = arg;
	const struct msg_row *rows;
	size_t count;

	buf_printf(&call->text, "%.*s %d %x %d uv%u un%u m%u r%u u%u d%u s%llu h%llu\n", STRV_ARG(info->name),
		(int)info->id, info->attrs, info->subscribed, info->uidvalidity, info->uidnext,
		info->messages, info->recent, info->unseen, info->deleted, (unsigned long long)info->size,
		(unsigned long long)info->highestmodseq);
	if (info->attrs & MBOX_NOSELECT)
		return true;
	call->rc = msg_index(call->account, info->id, &rows, &count);
	for (size_t i = 0; call->rc == RC_OK && i < count; i++)
		buf_printf(&call->text, " %u %x %llx %llu %u %d\n", rows[i].uid, rows[i].flags,
			(unsigned long long)rows[i].keywords, (unsigned long long)rows[i].modseq,
			rows[i].size, (int)rows[i].blob);
	return call->rc == RC_OK;
}

static enum rc dump_run(struct account *account, void *arg)
{
	struct dump_call *call = arg;
	struct quota quota;

	buf_reset(&call->text);
	call->account = account;
	call->rc = RC_OK;
	enum rc rc = mbox_list(account, true, true, dump_box, call);
	if (rc == RC_OK)
		rc = account_quota(account, &quota);
	if (rc != RC_OK)
		return rc;
	buf_printf(&call->text, "quota %llu %llu\n", (unsigned long long)quota.messages_used,
		(unsigned long long)quota.storage_used);
	return call->rc;
}

/* The caller's. */
static char *dump(struct fixture *f)
{
	struct dump_call call;
	buf_init(&call.text, 1024 * 1024);
	enum rc rc = run(f, JOB_READ, dump_run, &call);
	/* An account that had to be closed comes back after its back-off. */
	for (int i = 0; i < 100 && rc != RC_OK; i++) {
		usleep(100000);
		rc = run(f, JOB_READ, dump_run, &call);
	}
	assert_int_equal(rc, RC_OK);
	char *text = mem_strndup(call.text.p, call.text.len);
	buf_fini(&call.text);
	return text;
}

static enum rc reload_run(struct account *account, void *arg)
{
	(void)arg;
	account->mail->tree_touched = true;
	return mail_reload(account);
}

typedef enum rc op_fn(struct disk *disk);

/* One op that fails at its first, second, ... call of this kind, until it comes through. */
static void strike(op_fn *op, enum rec_op kind, int error)
{
	struct disk disk = disk_new();
	enum rc rc = RC_MAX;
	unsigned nth = 1;
	unsigned refused = 0;

	for (; nth < STRIKES_MAX; nth++) {
		char *before = dump(disk.f);
		rec_fail(disk.rec, kind, "account.db", error, nth, true);
		rc = op(&disk);
		unsigned failures = rec_failures(disk.rec);
		rec_fail(disk.rec, kind, "account.db", 0, 0, false);
		char *memory = dump(disk.f);
		assert_int_equal(run(disk.f, JOB_READ, reload_run, NULL), RC_OK);
		char *stored = dump(disk.f);
		assert_string_equal(memory, stored);
		if (rc != RC_OK) {
			assert_string_equal(before, stored);
			refused++;
		}
		free(before);
		free(memory);
		free(stored);
		if (failures == 0)
			break;
	}
	assert_int_equal(rc, RC_OK);
	assert_true(refused > 0);
	assert_true(nth < STRIKES_MAX);
	disk_free(&disk);
}

static void fill_up(op_fn *op)
{
	strike(op, REC_OP_WRITE, ENOSPC);
}

static enum rc op_append(struct disk *disk)
{
	struct append_call call = {
		.mailbox = disk->f->inbox, .times = 3, .keywords = { STRV("k") }, .keyword_count = 1
	};
	return t_append_call(disk->f, &call, TEST_MESSAGE);
}

static enum rc op_flags(struct disk *disk)
{
	struct flags_call call = { .mailbox = disk->f->inbox,
		.op = FLAGS_ADD,
		.flags = MSG_SEEN | MSG_DELETED,
		.unchanged_since = UINT64_MAX };
	set_of(&call.uids, "1:4");
	enum rc rc = run(disk->f, JOB_WRITE_RELAXED, flags_run, &call);
	seqset_fini(&call.uids);
	seqset_fini(&call.gone);
	return rc;
}

static enum rc op_copy(struct disk *disk)
{
	return t_copy(disk->f, disk->f->inbox, "1:4", disk->a, false, NULL);
}

static enum rc op_move(struct disk *disk)
{
	return t_copy(disk->f, disk->f->inbox, "2:5", disk->b, true, NULL);
}

static enum rc op_expunge(struct disk *disk)
{
	struct expunge_call call = { .mailbox = disk->f->inbox };
	enum rc rc = run(disk->f, JOB_WRITE, expunge_run, &call);
	seqset_fini(&call.removed);
	return rc;
}

static enum rc op_create(struct disk *disk)
{
	return t_create(disk->f, "x/y/z");
}

static enum rc op_delete(struct disk *disk)
{
	return t_delete(disk->f, "a");
}

static enum rc op_rename(struct disk *disk)
{
	return t_rename(disk->f, "a", "x/y");
}

static enum rc op_rename_inbox(struct disk *disk)
{
	return t_rename(disk->f, "INBOX", "old");
}

static enum rc op_subscribe(struct disk *disk)
{
	return t_subscribe(disk->f, "s", true);
}

static enum rc op_unsubscribe(struct disk *disk)
{
	return t_subscribe(disk->f, "INBOX", false);
}

static enum rc use_run(struct account *account, void *arg)
{
	return mbox_set_special_use(account, *(int64_t *)arg, MBOX_JUNK);
}

static enum rc op_use(struct disk *disk)
{
	return run(disk->f, JOB_WRITE, use_run, &disk->a);
}

static enum rc op_select(struct disk *disk)
{
	struct select_call call = { .f = disk->f, .mailbox = disk->f->inbox, .read_write = true };
	enum rc rc = run(disk->f, JOB_WRITE_RELAXED, select_run, &call);
	if (rc == RC_OK)
		change_unwatch(disk->f->account, &disk->f->view);
	seqset_fini(&call.snapshot.uids);
	return rc;
}

/* The operations and the tables that they change. */
static const char *const statements[] = { "UPDATE ON account", "INSERT ON mailbox", "UPDATE ON mailbox",
	"DELETE ON mailbox", "INSERT ON subscription", "DELETE ON subscription", "INSERT ON keyword",
	"INSERT ON msg", "UPDATE ON msg", "DELETE ON msg", "INSERT ON expunged", "INSERT ON mailbox_gone",
	"DELETE ON mailbox_gone", "INSERT ON cache", "INSERT ON blob", "UPDATE ON blob",
	"INSERT ON blob_inline" };

/* The op with each statement that changes a table failing in turn. */
static void sabotage(op_fn *op)
{
	struct disk disk = disk_new();
	unsigned refused = 0;
	char sql[200];

	for (size_t i = 0; i < sizeof(statements) / sizeof(*statements); i++) {
		char *before = dump(disk.f);
		snprintf(sql, sizeof(sql),
			"CREATE TRIGGER sabotage BEFORE %s BEGIN SELECT RAISE(ABORT, 'x'); END",
			statements[i]);
		t_script(disk.f, sql);
		enum rc rc = op(&disk);
		t_script(disk.f, (char[]){ "DROP TRIGGER IF EXISTS sabotage" });
		char *memory = dump(disk.f);
		assert_int_equal(run(disk.f, JOB_READ, reload_run, NULL), RC_OK);
		char *stored = dump(disk.f);
		assert_string_equal(memory, stored);
		if (rc != RC_OK) {
			assert_string_equal(before, stored);
			refused++;
		} else {
			/* It does not change that table this way: once more from the start. */
			disk_free(&disk);
			disk = disk_new();
		}
		free(before);
		free(memory);
		free(stored);
	}
	assert_true(refused > 0);
	assert_int_equal(op(&disk), RC_OK);
	disk_free(&disk);
}

static void a_statement_that_fails_undoes_what_came_before_it(void **state)
{
	(void)state;
	op_fn *const ops[] = { op_append, op_copy, op_move, op_flags, op_expunge, op_select, op_create,
		op_delete, op_rename, op_rename_inbox, op_subscribe, op_unsubscribe, op_use };
	for (size_t i = 0; i < sizeof(ops) / sizeof(*ops); i++)
		sabotage(ops[i]);
}

static void a_full_disk_refuses_messages_as_a_whole(void **state)
{
	(void)state;
	fill_up(op_append);
	fill_up(op_copy);
	fill_up(op_move);
}

static void a_full_disk_refuses_flags_and_expunges(void **state)
{
	(void)state;
	fill_up(op_flags);
	fill_up(op_expunge);
	fill_up(op_select);
}

static void a_full_disk_refuses_changes_of_names(void **state)
{
	(void)state;
	fill_up(op_create);
	fill_up(op_delete);
	fill_up(op_rename);
	fill_up(op_rename_inbox);
	fill_up(op_subscribe);
}

static void an_index_that_cannot_be_read_is_read_when_the_disk_works_again(void **state)
{
	(void)state;
	struct disk disk = disk_new();
	struct rows_call call = { .mailbox = disk.f->inbox };
	unsigned failed = 0;

	for (unsigned nth = 1; nth < STRIKES_MAX; nth++) {
		fixture_reopen(disk.f);
		assert_int_equal(t_info(disk.f, "INBOX").messages, 6);
		rec_fail(disk.rec, REC_OP_READ, "account.db", EIO, nth, true);
		enum rc rc = run(disk.f, JOB_READ, rows_run, &call);
		unsigned failures = rec_failures(disk.rec);
		rec_fail(disk.rec, REC_OP_READ, "account.db", 0, 0, false);
		if (failures == 0) {
			assert_int_equal(rc, RC_OK);
			break;
		}
		assert_int_not_equal(rc, RC_OK);
		failed++;
		char *text = dump(disk.f);
		free(text);
		assert_uids(disk.f, disk.f->inbox, "1:6");
	}
	assert_true(failed > 0);
	assert_int_equal(call.count, 6);
	free(call.rows);
	disk_free(&disk);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_full_disk_refuses_messages_as_a_whole),
		cmocka_unit_test(a_full_disk_refuses_flags_and_expunges),
		cmocka_unit_test(a_full_disk_refuses_changes_of_names),
		cmocka_unit_test(a_statement_that_fails_undoes_what_came_before_it),
		cmocka_unit_test(an_index_that_cannot_be_read_is_read_when_the_disk_works_again),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
