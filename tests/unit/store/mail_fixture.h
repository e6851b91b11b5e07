/*
 * An account on a real disk with the real job machinery, and its operations as one-line calls that wait for
 * their job. Results are copied out of the job; assertions are made by the test's own thread.
 */
#ifndef COID_TESTS_MAIL_FIXTURE_H
#define COID_TESTS_MAIL_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <ftw.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "store/mail_priv.h"

#define UNUSED __attribute__((unused))
#define TEST_MESSAGE                                                                                         \
	"From: a@example.org\r\nSubject: Hello\r\nDate: Mon, 2 Nov 2026 10:00:00 +0100\r\n\r\nText\r\n"

struct fixture {
	char root[64];
	struct pool *pool;
	struct store *store;
	struct account *account;
	struct store_settings settings;
	struct io *io; /* NULL: the real one */
	struct log *log;
	struct change_sink sink; /* on the worker: everything is in `changes` when a job is done */
	struct change_sink view; /* for mbox_select */
	pthread_mutex_t lock;
	struct buf changes; /* what the lists said, as text */
	int64_t inbox;
};

struct waiting_job {
	struct job job; /* first */
	enum rc (*fn)(struct account *account, void *arg);
	void *arg;
	pthread_mutex_t lock;
	pthread_cond_t cond;
	bool done;
};

static inline enum rc waiting_run(struct account *account, struct job *job)
{
	struct waiting_job *waiting = (struct waiting_job *)job;
	return waiting->fn(account, waiting->arg);
}

static inline void waiting_done(struct job *job)
{
	struct waiting_job *waiting = (struct waiting_job *)job;
	pthread_mutex_lock(&waiting->lock);
	waiting->done = true;
	pthread_cond_signal(&waiting->cond);
	pthread_mutex_unlock(&waiting->lock);
}

static inline void waiting_submit(struct account *account, struct waiting_job *waiting, enum job_kind kind,
	enum rc (*fn)(struct account *account, void *arg), void *arg)
{
	*waiting = (struct waiting_job){ .fn = fn, .arg = arg };
	pthread_mutex_init(&waiting->lock, NULL);
	pthread_cond_init(&waiting->cond, NULL);
	waiting->job.kind = kind;
	waiting->job.run = waiting_run;
	waiting->job.done = waiting_done;
	waiting->job.origin = 7;
	job_submit_always(account, &waiting->job);
}

static inline enum rc waiting_wait(struct waiting_job *waiting)
{
	pthread_mutex_lock(&waiting->lock);
	while (!waiting->done)
		pthread_cond_wait(&waiting->cond, &waiting->lock);
	pthread_mutex_unlock(&waiting->lock);
	pthread_mutex_destroy(&waiting->lock);
	pthread_cond_destroy(&waiting->cond);
	return waiting->job.rc;
}

static inline enum rc run_on(struct account *account, enum job_kind kind,
	enum rc (*fn)(struct account *account, void *arg), void *arg)
{
	struct waiting_job waiting;
	waiting_submit(account, &waiting, kind, fn, arg);
	return waiting_wait(&waiting);
}

static inline enum rc run(
	struct fixture *f, enum job_kind kind, enum rc (*fn)(struct account *account, void *arg), void *arg)
{
	return run_on(f->account, kind, fn, arg);
}

/* "APPEND 1: 1 2; " and so on: kind, mailbox, UIDs or names. */
static inline void sink_note(void *ctx, struct change_list *list)
{
	static const char *const kinds[] = { "APPEND", "FLAGS", "EXPUNGE", "KEYWORDS", "CREATED", "DELETED",
		"RENAMED", "SUBSCRIBED", "UNSUBSCRIBED", "ANNOTATION", "RESET", "GONE" };
	struct fixture *f = ctx;

	pthread_mutex_lock(&f->lock);
	for (size_t i = 0; i < list->count; i++) {
		const struct change *change = &list->changes[i];
		buf_adds(&f->changes, kinds[change->kind]);
		for (size_t m = 0; m < change->msg_count; m++)
			buf_printf(&f->changes, " %u", change->msgs[m].uid);
		if (change->name.n)
			buf_printf(&f->changes, " %.*s", STRV_ARG(change->name));
		if (change->old_name.n)
			buf_printf(&f->changes, " from %.*s", STRV_ARG(change->old_name));
		for (size_t k = 0; k < change->keyword_count; k++)
			buf_printf(&f->changes, " %.*s", STRV_ARG(change->keywords[k]));
		buf_adds(&f->changes, ";");
	}
	pthread_mutex_unlock(&f->lock);
}

static inline void view_note(void *ctx, struct change_list *list)
{
	(void)ctx;
	(void)list;
}

struct find_call {
	const char *name;
	struct mbox_info info;
};

static inline enum rc find_run(struct account *account, void *arg)
{
	struct find_call *call = arg;
	enum rc rc = mbox_find(account, strv_cstr(call->name), &call->info);
	call->info.name = STRV_NULL;
	return rc;
}

/* The name is left out. */
static UNUSED enum rc t_find(struct fixture *f, const char *name, struct mbox_info *ret_info)
{
	struct find_call call = { .name = name };
	enum rc rc = run(f, JOB_READ, find_run, &call);
	*ret_info = call.info;
	return rc;
}

static UNUSED struct mbox_info t_info(struct fixture *f, const char *name)
{
	struct mbox_info info;
	assert_int_equal(t_find(f, name, &info), RC_OK);
	return info;
}

/* All but the name. Field by field: what lies between them is anything. */
static UNUSED void assert_same_info(const struct mbox_info *a, const struct mbox_info *b)
{
	assert_int_equal(a->id, b->id);
	assert_int_equal(a->attrs, b->attrs);
	assert_int_equal(a->subscribed, b->subscribed);
	assert_int_equal(a->has_children, b->has_children);
	assert_int_equal(a->uidvalidity, b->uidvalidity);
	assert_int_equal(a->uidnext, b->uidnext);
	assert_int_equal(a->messages, b->messages);
	assert_int_equal(a->recent, b->recent);
	assert_int_equal(a->unseen, b->unseen);
	assert_int_equal(a->deleted, b->deleted);
	assert_int_equal(a->size, b->size);
	assert_int_equal(a->highestmodseq, b->highestmodseq);
}

static UNUSED int64_t t_id(struct fixture *f, const char *name)
{
	return t_info(f, name).id;
}

static inline void fixture_start(struct fixture *f)
{
	f->pool = pool_new(2, "test", f->log);
	assert_int_equal(store_new(&f->settings, f->pool, f->io, f->log, &f->store), RC_OK);
	f->sink = (struct change_sink){ NULL, sink_note, f };
	f->view = (struct change_sink){ NULL, view_note, f };
	store_watch_all(f->store, &f->sink);
	f->account = account_get(f->store, 1);
}

static inline void fixture_stop(struct fixture *f)
{
	account_unref(&f->account);
	pool_drain(f->pool);
	store_free(&f->store);
	pool_free(&f->pool);
}

static UNUSED void fixture_reopen(struct fixture *f)
{
	fixture_stop(f);
	fixture_start(f);
}

/* With its folder, but not started. */
static UNUSED struct fixture *fixture_make(const struct store_settings *settings)
{
	struct fixture *f = mem_zalloc(sizeof(*f));

	/*
	 * The folder is in memory if possible: closing an account syncs, and these tests do not depend on the
	 * disk.
	 */
	const char *top = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
	snprintf(f->root, sizeof(f->root), "%s/coid-mail-XXXXXX", top);
	assert_non_null(mkdtemp(f->root));
	if (settings)
		f->settings = *settings;
	else
		store_settings_init(&f->settings);
	f->settings.root = f->root;
	pthread_mutex_init(&f->lock, NULL);
	buf_init(&f->changes, 1024 * 1024);
	f->log = log_new(2, LOG_LEVEL_ERROR);
	return f;
}

static UNUSED struct fixture *fixture_new(const struct store_settings *settings)
{
	struct fixture *f = fixture_make(settings);
	fixture_start(f);
	f->inbox = t_id(f, "INBOX");
	return f;
}

static inline int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

static UNUSED void fixture_free(struct fixture **f)
{
	fixture_stop(*f);
	nftw((*f)->root, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	buf_fini(&(*f)->changes);
	pthread_mutex_destroy(&(*f)->lock);
	log_free(&(*f)->log);
	free(*f);
	*f = NULL;
}

/* Checks the changes since the last call. */
static UNUSED void assert_changes(struct fixture *f, const char *expected)
{
	pthread_mutex_lock(&f->lock);
	char *got = mem_strndup(f->changes.p ? f->changes.p : "", f->changes.len);
	buf_reset(&f->changes);
	pthread_mutex_unlock(&f->lock);
	assert_string_equal(got, expected);
	free(got);
}

static UNUSED void forget_changes(struct fixture *f)
{
	pthread_mutex_lock(&f->lock);
	buf_reset(&f->changes);
	pthread_mutex_unlock(&f->lock);
}

struct append_call {
	int64_t mailbox;
	struct content *content;
	struct strv prefix;
	uint32_t flags;
	struct strv keywords[MBOX_KEYWORDS_MAX + 1];
	size_t keyword_count;
	unsigned times;
	uint32_t uid;
};

static inline enum rc append_run(struct account *account, void *arg)
{
	struct append_call *call = arg;
	struct msg_new msg = { .content = call->content,
		.prefix = call->prefix,
		.flags = call->flags,
		.keywords = call->keywords,
		.keyword_count = call->keyword_count,
		.internaldate = 1793000000,
		.zone = -90 };
	enum rc rc = RC_OK;

	for (unsigned i = 0; rc == RC_OK && i < call->times; i++)
		rc = msg_append(account, call->mailbox, &msg, &call->uid);
	return rc;
}

static UNUSED enum rc t_append_call(struct fixture *f, struct append_call *call, const char *text)
{
	call->content = content_from_bytes(f->store, strv_cstr(text));
	enum rc rc = run(f, JOB_WRITE, append_run, call);
	content_unref(&call->content);
	return rc;
}

/* The UID of the last one. */
static UNUSED uint32_t t_append(struct fixture *f, int64_t mailbox, uint32_t flags, unsigned times)
{
	struct append_call call = { .mailbox = mailbox, .flags = flags, .times = times };
	assert_int_equal(t_append_call(f, &call, TEST_MESSAGE), RC_OK);
	return call.uid;
}

static inline void set_of(struct seqset *set, const char *text)
{
	seqset_init(set);
	if (*text == '\0')
		return;
	assert_int_equal(seqset_parse(set, strv_cstr(text), 1000), RC_OK);
}

static inline char *set_text(const struct seqset *set)
{
	struct buf buf;
	buf_init(&buf, 1024 * 1024);
	seqset_print(&buf, set);
	char *text = mem_strndup(buf.p ? buf.p : "", buf.len);
	buf_fini(&buf);
	return text;
}

static UNUSED void assert_set(struct seqset *set, const char *expected)
{
	char *text = set_text(set);
	assert_string_equal(text, expected);
	free(text);
}

struct flags_call {
	int64_t mailbox;
	struct seqset uids;
	enum flag_op op;
	uint32_t flags;
	uint64_t keywords;
	uint64_t unchanged_since;
	struct seqset modified;
	struct seqset gone;
};

static inline enum rc flags_run(struct account *account, void *arg)
{
	struct flags_call *call = arg;
	seqset_fini(&call->modified);
	seqset_fini(&call->gone);
	struct keyword_set keywords = { .first = call->keywords };
	return msg_store_flags(account, call->mailbox, &call->uids, call->op, call->flags, &keywords,
		call->unchanged_since, &call->modified, &call->gone);
}

static UNUSED void t_flags(
	struct fixture *f, int64_t mailbox, const char *uids, enum flag_op op, uint32_t flags)
{
	struct flags_call call = {
		.mailbox = mailbox, .op = op, .flags = flags, .unchanged_since = UINT64_MAX
	};
	set_of(&call.uids, uids);
	assert_int_equal(run(f, JOB_WRITE_RELAXED, flags_run, &call), RC_OK);
	assert_true(seqset_empty(&call.modified));
	seqset_fini(&call.uids);
	seqset_fini(&call.gone);
}

struct copy_call {
	int64_t from;
	struct seqset uids;
	int64_t to;
	bool move;
	struct copy_result result;
};

static inline enum rc copy_run(struct account *account, void *arg)
{
	struct copy_call *call = arg;
	seqset_fini(&call->result.src);
	seqset_fini(&call->result.dst);
	return msg_copy(account, call->from, &call->uids, call->to, call->move, &call->result);
}

/* *ret_pairs: "src>dst"; the caller's. */
static UNUSED enum rc t_copy(
	struct fixture *f, int64_t from, const char *uids, int64_t to, bool move, char **ret_pairs)
{
	struct copy_call call = { .from = from, .to = to, .move = move };
	set_of(&call.uids, uids);
	enum rc rc = run(f, JOB_WRITE, copy_run, &call);
	if (rc == RC_OK && ret_pairs) {
		char *src = set_text(&call.result.src);
		char *dst = set_text(&call.result.dst);
		size_t room = strlen(src) + strlen(dst) + 2;
		*ret_pairs = mem_alloc(room);
		snprintf(*ret_pairs, room, "%s>%s", src, dst);
		free(src);
		free(dst);
	}
	seqset_fini(&call.uids);
	seqset_fini(&call.result.src);
	seqset_fini(&call.result.dst);
	return rc;
}

static UNUSED void assert_copy(
	struct fixture *f, int64_t from, const char *uids, int64_t to, bool move, const char *expected)
{
	char *pairs = NULL;
	assert_int_equal(t_copy(f, from, uids, to, move, &pairs), RC_OK);
	assert_string_equal(pairs, expected);
	free(pairs);
}

struct expunge_call {
	int64_t mailbox;
	const struct seqset *uids;
	bool any_flags;
	struct seqset removed;
};

static inline enum rc expunge_run(struct account *account, void *arg)
{
	struct expunge_call *call = arg;
	seqset_fini(&call->removed);
	return msg_expunge(account, call->mailbox, call->uids, call->any_flags, &call->removed);
}

/* uids NULL: all. expected NULL: whatever. */
static UNUSED void assert_expunge(
	struct fixture *f, int64_t mailbox, const char *uids, bool any_flags, const char *expected)
{
	struct expunge_call call = { .mailbox = mailbox, .any_flags = any_flags };
	struct seqset set = SEQSET_EMPTY;
	if (uids) {
		set_of(&set, uids);
		call.uids = &set;
	}
	assert_int_equal(run(f, JOB_WRITE, expunge_run, &call), RC_OK);
	if (expected)
		assert_set(&call.removed, expected);
	seqset_fini(&set);
	seqset_fini(&call.removed);
}

struct since_call {
	int64_t mailbox;
	uint64_t since;
	struct seqset uids;
	bool complete;
};

static inline enum rc since_run(struct account *account, void *arg)
{
	struct since_call *call = arg;
	seqset_fini(&call->uids);
	return msg_expunged_since(account, call->mailbox, call->since, &call->uids, &call->complete);
}

static UNUSED void assert_expunged_since(
	struct fixture *f, int64_t mailbox, uint64_t since, const char *expected, bool complete)
{
	struct since_call call = { .mailbox = mailbox, .since = since };
	assert_int_equal(run(f, JOB_READ, since_run, &call), RC_OK);
	assert_set(&call.uids, expected);
	assert_int_equal(call.complete, complete);
	seqset_fini(&call.uids);
}

/* A copy of the index. */
struct rows_call {
	int64_t mailbox;
	struct msg_row *rows; /* own */
	size_t count;
};

static inline enum rc rows_run(struct account *account, void *arg)
{
	struct rows_call *call = arg;
	const struct msg_row *rows;
	enum rc rc = msg_index(account, call->mailbox, &rows, &call->count);
	if (rc != RC_OK)
		return rc;
	call->rows = mem_realloc(call->rows, call->count, sizeof(*rows));
	if (call->count)
		memcpy(call->rows, rows, call->count * sizeof(*rows));
	return RC_OK;
}

static UNUSED struct rows_call t_rows(struct fixture *f, int64_t mailbox)
{
	struct rows_call call = { .mailbox = mailbox };
	assert_int_equal(run(f, JOB_READ, rows_run, &call), RC_OK);
	return call;
}

static inline enum rc drop_run(struct account *account, void *arg)
{
	index_drop(account, mail_mbox_by_id(account, *(int64_t *)arg));
	return RC_OK;
}

/* The next use loads it again. */
static UNUSED void fixture_drop_index(struct fixture *f, int64_t mailbox)
{
	assert_int_equal(run(f, JOB_READ, drop_run, &mailbox), RC_OK);
}

static UNUSED struct msg_row t_row(struct fixture *f, int64_t mailbox, uint32_t uid)
{
	struct rows_call call = t_rows(f, mailbox);
	size_t i = msg_lower_bound(call.rows, call.count, uid);
	assert_true(i < call.count && call.rows[i].uid == uid);
	struct msg_row row = call.rows[i];
	free(call.rows);
	return row;
}

static UNUSED void assert_uids(struct fixture *f, int64_t mailbox, const char *expected)
{
	struct rows_call call = t_rows(f, mailbox);
	struct seqset set = SEQSET_EMPTY;
	for (size_t i = 0; i < call.count; i++)
		seqset_add(&set, call.rows[i].uid);
	assert_set(&set, expected);
	seqset_fini(&set);
	free(call.rows);
}

struct name_call {
	enum { NAME_CREATE, NAME_DELETE, NAME_RENAME, NAME_SUBSCRIBE, NAME_UNSUBSCRIBE } what;
	const char *name;
	const char *to;
	uint32_t special_use;
	int64_t id;
};

static inline enum rc name_run(struct account *account, void *arg)
{
	struct name_call *call = arg;
	struct strv name = strv_cstr(call->name);
	switch (call->what) {
	case NAME_CREATE:
		return mbox_create(account, name, call->special_use, &call->id);
	case NAME_DELETE:
		return mbox_delete(account, name);
	case NAME_RENAME:
		return mbox_rename(account, name, strv_cstr(call->to));
	case NAME_SUBSCRIBE:
		return mbox_subscribe(account, name, true);
	case NAME_UNSUBSCRIBE:
		return mbox_subscribe(account, name, false);
	}
	return RC_INVALID;
}

static UNUSED enum rc t_create(struct fixture *f, const char *name)
{
	struct name_call call = { .what = NAME_CREATE, .name = name };
	return run(f, JOB_WRITE, name_run, &call);
}

static UNUSED int64_t t_new(struct fixture *f, const char *name)
{
	struct name_call call = { .what = NAME_CREATE, .name = name };
	assert_int_equal(run(f, JOB_WRITE, name_run, &call), RC_OK);
	return call.id;
}

static UNUSED enum rc t_delete(struct fixture *f, const char *name)
{
	struct name_call call = { .what = NAME_DELETE, .name = name };
	return run(f, JOB_WRITE, name_run, &call);
}

static UNUSED enum rc t_rename(struct fixture *f, const char *from, const char *to)
{
	struct name_call call = { .what = NAME_RENAME, .name = from, .to = to };
	return run(f, JOB_WRITE, name_run, &call);
}

static UNUSED enum rc t_subscribe(struct fixture *f, const char *name, bool on)
{
	struct name_call call = { .what = on ? NAME_SUBSCRIBE : NAME_UNSUBSCRIBE, .name = name };
	return run(f, JOB_WRITE, name_run, &call);
}

struct list_call {
	bool subscriptions;
	struct buf text;
};

static inline bool list_note(void *arg, const struct mbox_info *info)
{
	struct list_call *call = arg;
	buf_printf(&call->text, "%.*s%s%s%s%s;", STRV_ARG(info->name),
		info->attrs & MBOX_NOSELECT ? " -" : "", info->has_children ? " +" : "",
		info->subscribed ? " s" : "", info->id ? "" : " none");
	return true;
}

static inline enum rc list_run(struct account *account, void *arg)
{
	struct list_call *call = arg;
	buf_reset(&call->text);
	return mbox_list(account, call->subscriptions, true, list_note, call);
}

/* "name - + s none;": \Noselect, has children, subscribed, no mailbox. */
static UNUSED void assert_list(struct fixture *f, bool subscriptions, const char *expected)
{
	struct list_call call = { .subscriptions = subscriptions };
	buf_init(&call.text, 1024 * 1024);
	assert_int_equal(run(f, JOB_READ, list_run, &call), RC_OK);
	buf_addc(&call.text, '\0');
	assert_string_equal(call.text.p, expected);
	buf_fini(&call.text);
}

struct select_call {
	struct fixture *f;
	int64_t mailbox;
	bool read_write;
	struct mbox_snapshot snapshot;
};

static inline enum rc select_run(struct account *account, void *arg)
{
	struct select_call *call = arg;
	seqset_fini(&call->snapshot.uids);
	enum rc rc = mbox_select(account, call->mailbox, call->read_write, &call->f->view, &call->snapshot);
	call->snapshot.info.name = STRV_NULL;
	return rc;
}

/* The caller frees uids. */
static UNUSED struct mbox_snapshot t_select(struct fixture *f, int64_t mailbox, bool read_write)
{
	struct select_call call = { .f = f, .mailbox = mailbox, .read_write = read_write };
	assert_int_equal(run(f, read_write ? JOB_WRITE_RELAXED : JOB_READ, select_run, &call), RC_OK);
	change_unwatch(f->account, &f->view);
	return call.snapshot;
}

struct carried_call {
	int64_t mailbox;
	uint32_t uid;
	struct buf text;
};

static inline enum rc carried_run(struct account *account, void *arg)
{
	struct carried_call *call = arg;
	const struct strv *names;
	const struct msg_row *rows;
	size_t count;
	size_t row_count;
	buf_reset(&call->text);
	enum rc rc = msg_index(account, call->mailbox, &rows, &row_count);
	if (rc == RC_OK)
		rc = mbox_keywords(account, call->mailbox, &names, &count);
	if (rc != RC_OK)
		return rc;
	const struct msg_row *row = &rows[msg_lower_bound(rows, row_count, call->uid)];
	const uint64_t *more = msg_keywords_more(account, call->mailbox, row);
	for (size_t i = 0; i < count; i++) {
		if (keyword_in(row->keywords, more, i))
			buf_printf(&call->text, "%.*s ", STRV_ARG(names[i]));
	}
	return RC_OK;
}

/* The keywords of a message that is there, in their order, a space behind each. */
static UNUSED void assert_keywords(struct fixture *f, int64_t mailbox, uint32_t uid, const char *expected)
{
	struct carried_call call = { .mailbox = mailbox, .uid = uid };
	buf_init(&call.text, 64 * 1024);
	assert_int_equal(run(f, JOB_READ, carried_run, &call), RC_OK);
	buf_addc(&call.text, '\0');
	assert_string_equal(call.text.p, expected);
	buf_fini(&call.text);
}

struct keyword_call {
	int64_t mailbox;
	const struct strv *names;
	size_t count;
	bool create;
	uint64_t mask; /* the first of the set */
	struct keyword_set set;
};

static inline enum rc keyword_run(struct account *account, void *arg)
{
	struct keyword_call *call = arg;
	enum rc rc =
		mbox_keyword_set(account, call->mailbox, call->names, call->count, call->create, &call->set);
	if (rc == RC_OK)
		call->mask = call->set.first;
	return rc;
}

static UNUSED enum rc t_keywords(struct fixture *f, int64_t mailbox, const struct strv *names, size_t count,
	bool create, uint64_t *ret_mask)
{
	struct keyword_call call = { .mailbox = mailbox, .names = names, .count = count, .create = create };
	enum rc rc = run(f, create ? JOB_WRITE_RELAXED : JOB_READ, keyword_run, &call);
	*ret_mask = call.mask;
	return rc;
}

struct quota_call {
	struct quota quota;
};

static inline enum rc quota_run(struct account *account, void *arg)
{
	return account_quota(account, &((struct quota_call *)arg)->quota);
}

static UNUSED struct quota t_quota(struct fixture *f)
{
	struct quota_call call = { { 0 } };
	assert_int_equal(run(f, JOB_READ, quota_run, &call), RC_OK);
	return call.quota;
}

/* One number from the database. */
struct sql_call {
	const char *sql;
	int64_t value;
};

static inline enum rc sql_run(struct account *account, void *arg)
{
	struct sql_call *call = arg;
	sqlite3_stmt *stmt;
	enum rc rc = db_one(account->db, &stmt, call->sql, "");
	if (rc != RC_OK)
		return rc;
	call->value = db_i64(stmt, 0);
	db_reset(stmt);
	return RC_OK;
}

static UNUSED int64_t t_sql(struct fixture *f, const char *sql)
{
	struct sql_call call = { .sql = sql };
	assert_int_equal(run(f, JOB_READ, sql_run, &call), RC_OK);
	return call.value;
}

static inline enum rc script_run(struct account *account, void *arg)
{
	return db_script(account->db, arg);
}

/* Damages the database behind the memory's back; reopen afterwards. */
static UNUSED void t_script(struct fixture *f, char *sql)
{
	assert_int_equal(run(f, JOB_WRITE, script_run, sql), RC_OK);
}

#endif
