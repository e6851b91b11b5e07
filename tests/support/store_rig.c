#include "support/store_rig.h"

#include "base/clock.h"
#include "base/mem.h"
#include "store/annot.h"
#include "store/blob.h"
#include "store/store_priv.h"
#include "store/owner.h"
#include "store/users.h"

#include <dirent.h>
#include <errno.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define MESSAGE_MAX (8u * 1024 * 1024)

void rig_folder_make(char path[512])
{
	snprintf(path, 512, "%s/coid-test-XXXXXX", access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
	if (!mkdtemp(path))
		abort();
}

/* Removes a folder; folders of tests are a few levels deep. */
static void folder_remove(const char *path, unsigned depth)
{
	char below[4096];
	DIR *entries = opendir(path);
	if (!entries)
		return;
	for (struct dirent *entry = readdir(entries); entry; entry = readdir(entries)) {
		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		snprintf(below, sizeof(below), "%s/%s", path, entry->d_name);
		if (unlink(below) != 0 && depth > 0)
			folder_remove(below, depth - 1);
	}
	closedir(entries);
	rmdir(path);
}

void rig_folder_remove(const char *path)
{
	folder_remove(path, 8);
}

static int quiet_sync(void *ctx, int fd)
{
	(void)ctx;
	(void)fd;
	return 0;
}

void rig_init(struct rig *rig, const char *root, struct io *io)
{
	memset(rig, 0, sizeof(*rig));
	snprintf(rig->root, sizeof(rig->root), "%s", root);
	rig->quiet = io_real;
	rig->quiet.fdatasync = quiet_sync;
	rig->quiet.fsync = quiet_sync;
	rig->quiet.syncfs = quiet_sync;
	rig->io = io;
	rig->threads = 1;
	store_settings_init(&rig->settings);
	rig->settings.inline_max = 4096;
}

enum rc rig_open(struct rig *rig)
{
	rig->settings.root = rig->root;
	rig->log = getenv("COID_TEST_LOG") ? log_new(2, LOG_LEVEL_DEBUG) : NULL;
	rig->pool = pool_new(rig->threads, "rig", rig->log);
	rig->reactor = reactor_new(0, rig->log);
	enum rc rc =
		store_new(&rig->settings, rig->pool, rig->io ? rig->io : &rig->quiet, rig->log, &rig->store);
	if (rc != RC_OK)
		rig_close(rig);
	return rc;
}

void rig_close(struct rig *rig)
{
	if (rig->pool)
		pool_drain(rig->pool);
	if (rig->reactor)
		reactor_run_once(rig->reactor, false);
	store_free(&rig->store);
	reactor_free(&rig->reactor);
	pool_free(&rig->pool);
	log_free(&rig->log);
}

static enum rc job_run(struct account *account, struct job *job)
{
	struct rig_job *rig_job = CONTAINER_OF(job, struct rig_job, job);
	return rig_job->fn(account, rig_job->arg);
}

static void job_done(struct job *job)
{
	struct rig_job *rig_job = CONTAINER_OF(job, struct rig_job, job);
	rig_job->rc = job->rc;
	rig_job->done = true;
}

static void rig_job_submit(struct rig *rig, struct account *account, struct rig_job *job)
{
	memset(&job->job, 0, sizeof(job->job));
	job->job.kind = job->kind;
	job->job.run = job_run;
	job->job.done = job_done;
	job->job.home = rig->reactor;
	job->rig = rig;
	job->done = false;
	job_submit_always(account, &job->job);
}

static void job_wait(struct rig *rig, const struct rig_job *job)
{
	while (!job->done)
		reactor_run_once(rig->reactor, true);
}

enum rc rig_run(struct rig *rig, int64_t account_id, enum job_kind kind, rig_fn *fn, void *arg)
{
	struct rig_job job = { .kind = kind, .fn = fn, .arg = arg };
	struct account *account = account_get(rig->store, account_id);
	rig_job_submit(rig, account, &job);
	job_wait(rig, &job);
	account_unref(&account);
	return job.rc;
}

static enum rc hold_run(struct account *account, void *arg)
{
	(void)account;
	while (sem_wait(arg) != 0)
		;
	return RC_OK;
}

void rig_run_batch(struct rig *rig, int64_t account_id, struct rig_job *jobs, size_t count)
{
	sem_t gate;
	sem_init(&gate, 0, 0);
	struct rig_job hold = { .kind = JOB_READ, .fn = hold_run, .arg = &gate };
	struct account *account = account_get(rig->store, account_id);
	rig_job_submit(rig, account, &hold);
	for (size_t i = 0; i < count; i++)
		rig_job_submit(rig, account, &jobs[i]);
	sem_post(&gate);
	job_wait(rig, &hold);
	for (size_t i = 0; i < count; i++)
		job_wait(rig, &jobs[i]);
	account_unref(&account);
	sem_destroy(&gate);
}

enum rc rig_background(struct rig *rig, int64_t account_id, rig_fn *fn, void *arg)
{
	return rig_run(rig, account_id, JOB_ALONE, fn, arg);
}

struct receive {
	struct content *content;
	enum rc rc;
	bool done;
};

static void received(void *arg, enum rc rc, struct content *content)
{
	struct receive *receive = arg;
	receive->rc = rc;
	receive->content = content;
	receive->done = true;
}

enum rc rig_receive(struct rig *rig, struct strv bytes, struct content **ret_content)
{
	struct receive receive = { .done = false };
	struct spool *spool;
	enum rc rc = spool_new(rig->store, rig->reactor, NULL, NULL, &spool);
	if (rc != RC_OK)
		return rc;
	for (size_t i = 0; i < bytes.n; i += 10000) {
		struct strv piece = strv_sub(bytes, i, 10000);
		spool_add(spool, piece.p, piece.n);
		while (spool_full(spool))
			reactor_run_once(rig->reactor, true);
	}
	spool_finish(spool, received, &receive);
	while (!receive.done)
		reactor_run_once(rig->reactor, true);
	if (receive.rc == RC_OK)
		*ret_content = receive.content;
	return receive.rc;
}

static enum rc nothing_run(struct account *account, void *arg)
{
	(void)account;
	(void)arg;
	return RC_OK;
}

void rig_settle(struct rig *rig)
{
	/*
	 * These are two turns of the only worker: work that the first one has queued is done when the second
	 * ends.
	 */
	for (unsigned i = 0; i < 3; i++)
		(void)rig_run(rig, 1, JOB_READ, nothing_run, NULL);
}

/* Jobs. */

struct request {
	const char *mailbox;
	const char *other;
	int64_t id; /* result */
	uint32_t uid;
	uint32_t flags;
	bool flag;
	struct msg_new msg;
	struct buf *out;
	uint64_t modseq;
};

static enum rc find(struct account *account, const char *name, int64_t *ret_id)
{
	struct mbox_info info;
	enum rc rc = mbox_find(account, strv_cstr(name), &info);
	if (rc == RC_OK)
		*ret_id = info.id;
	return rc;
}

static enum rc append_run(struct account *account, void *arg)
{
	struct request *request = arg;
	int64_t id;
	enum rc rc = find(account, request->mailbox, &id);
	return rc == RC_OK ? msg_append(account, id, &request->msg, &request->uid) : rc;
}

enum rc rig_append(struct rig *rig, int64_t account_id, const char *mailbox, struct strv bytes,
	struct strv prefix, uint32_t *ret_uid)
{
	struct request request = { .mailbox = mailbox,
		.msg = { .prefix = prefix, .internaldate = 1700000000 } };
	enum rc rc = rig_receive(rig, bytes, &request.msg.content);
	if (rc != RC_OK)
		return rc;
	rc = rig_run(rig, account_id, JOB_WRITE, append_run, &request);
	content_unref(&request.msg.content);
	if (rc == RC_OK && ret_uid)
		*ret_uid = request.uid;
	return rc;
}

static void one_uid(struct seqset *set, uint32_t uid)
{
	seqset_init(set);
	seqset_add(set, uid);
}

static enum rc flags_run(struct account *account, void *arg)
{
	struct request *request = arg;
	struct seqset uids, modified;
	int64_t id;
	enum rc rc = find(account, request->mailbox, &id);
	if (rc != RC_OK)
		return rc;
	one_uid(&uids, request->uid);
	seqset_init(&modified);
	rc = msg_store_flags(account, id, &uids, FLAGS_SET, request->flags, 0, UINT64_MAX, &modified, NULL);
	seqset_fini(&uids);
	seqset_fini(&modified);
	return rc;
}

enum rc rig_flags(struct rig *rig, int64_t account_id, const char *mailbox, uint32_t uid, uint32_t flags)
{
	struct request request = { .mailbox = mailbox, .uid = uid, .flags = flags };
	return rig_run(rig, account_id, JOB_WRITE_RELAXED, flags_run, &request);
}

static enum rc copy_run(struct account *account, void *arg)
{
	struct request *request = arg;
	struct copy_result result;
	struct seqset uids;
	int64_t from, to;
	enum rc rc = find(account, request->mailbox, &from);
	if (rc == RC_OK)
		rc = find(account, request->other, &to);
	if (rc != RC_OK)
		return rc;
	one_uid(&uids, request->uid);
	rc = msg_copy(account, from, &uids, to, request->flag, &result);
	seqset_fini(&uids);
	if (rc == RC_OK) {
		seqset_fini(&result.src);
		seqset_fini(&result.dst);
	}
	return rc;
}

enum rc rig_copy(
	struct rig *rig, int64_t account_id, const char *from, uint32_t uid, const char *to, bool move)
{
	struct request request = { .mailbox = from, .other = to, .uid = uid, .flag = move };
	return rig_run(rig, account_id, JOB_WRITE, copy_run, &request);
}

static enum rc expunge_run(struct account *account, void *arg)
{
	struct request *request = arg;
	struct seqset uids, removed;
	int64_t id;
	enum rc rc = find(account, request->mailbox, &id);
	if (rc != RC_OK)
		return rc;
	one_uid(&uids, request->uid);
	seqset_init(&removed);
	rc = msg_expunge(account, id, &uids, true, &removed);
	seqset_fini(&uids);
	seqset_fini(&removed);
	return rc;
}

enum rc rig_expunge(struct rig *rig, int64_t account_id, const char *mailbox, uint32_t uid)
{
	struct request request = { .mailbox = mailbox, .uid = uid };
	return rig_run(rig, account_id, JOB_WRITE, expunge_run, &request);
}

/* Replaces a message as REPLACE does. */
static enum rc replace_run(struct account *account, void *arg)
{
	struct request *request = arg;
	uint32_t uid = request->uid;
	enum rc rc = expunge_run(account, arg);
	if (rc == RC_OK)
		rc = append_run(account, request);
	request->uid = uid;
	return rc;
}

enum rc rig_replace(struct rig *rig, int64_t account_id, const char *mailbox, uint32_t uid, struct strv bytes)
{
	struct request request = { .mailbox = mailbox, .uid = uid, .msg = { .internaldate = 1700000000 } };
	enum rc rc = rig_receive(rig, bytes, &request.msg.content);
	if (rc != RC_OK)
		return rc;
	rc = rig_run(rig, account_id, JOB_WRITE, replace_run, &request);
	content_unref(&request.msg.content);
	return rc;
}

static enum rc find_run(struct account *account, void *arg)
{
	struct request *request = arg;
	return find(account, request->mailbox, &request->id);
}

enum rc rig_find(struct rig *rig, int64_t account_id, const char *name, int64_t *ret_mailbox)
{
	struct request request = { .mailbox = name };
	enum rc rc = rig_run(rig, account_id, JOB_READ, find_run, &request);
	if (rc == RC_OK)
		*ret_mailbox = request.id;
	return rc;
}

static enum rc create_run(struct account *account, void *arg)
{
	struct request *request = arg;
	int64_t id;
	return mbox_create(account, strv_cstr(request->mailbox), 0, &id);
}

enum rc rig_create(struct rig *rig, int64_t account_id, const char *name)
{
	struct request request = { .mailbox = name };
	return rig_run(rig, account_id, JOB_WRITE, create_run, &request);
}

static enum rc delete_run(struct account *account, void *arg)
{
	struct request *request = arg;
	return mbox_delete(account, strv_cstr(request->mailbox));
}

enum rc rig_delete(struct rig *rig, int64_t account_id, const char *name)
{
	struct request request = { .mailbox = name };
	return rig_run(rig, account_id, JOB_WRITE, delete_run, &request);
}

static enum rc rename_run(struct account *account, void *arg)
{
	struct request *request = arg;
	return mbox_rename(account, strv_cstr(request->mailbox), strv_cstr(request->other));
}

enum rc rig_rename(struct rig *rig, int64_t account_id, const char *from, const char *to)
{
	struct request request = { .mailbox = from, .other = to };
	return rig_run(rig, account_id, JOB_WRITE, rename_run, &request);
}

static enum rc subscribe_run(struct account *account, void *arg)
{
	struct request *request = arg;
	return mbox_subscribe(account, strv_cstr(request->mailbox), request->flag);
}

enum rc rig_subscribe(struct rig *rig, int64_t account_id, const char *name, bool on)
{
	struct request request = { .mailbox = name, .flag = on };
	return rig_run(rig, account_id, JOB_WRITE, subscribe_run, &request);
}

static enum rc row_read(struct account *account, const struct msg_row *row, struct buf *out)
{
	struct reader *reader;
	enum rc rc = msg_open(account, row, &reader);
	if (rc != RC_OK)
		return rc;
	rc = reader_size(reader) == row->size ? reader_read(reader, 0, (size_t)reader_size(reader), out)
					      : RC_CORRUPT;
	reader_close(&reader);
	return rc;
}

static enum rc read_run(struct account *account, void *arg)
{
	struct request *request = arg;
	const struct msg_row *rows;
	size_t count;
	int64_t id;
	enum rc rc = find(account, request->mailbox, &id);
	if (rc == RC_OK)
		rc = msg_index(account, id, &rows, &count);
	if (rc != RC_OK)
		return rc;
	size_t at = msg_lower_bound(rows, count, request->uid);
	if (at == count || rows[at].uid != request->uid)
		return RC_NOT_FOUND;
	struct msg_row row = rows[at];
	return row_read(account, &row, request->out);
}

enum rc rig_read(struct rig *rig, int64_t account_id, const char *mailbox, uint32_t uid, struct buf *out)
{
	struct request request = { .mailbox = mailbox, .uid = uid, .out = out };
	return rig_run(rig, account_id, JOB_READ, read_run, &request);
}

static enum rc move_out_run(struct account *account, void *arg)
{
	enum rc rc = RC_AGAIN;
	(void)arg;
	while (rc == RC_AGAIN)
		rc = blob_moveout(account);
	return rc;
}

enum rc rig_move_out(struct rig *rig, int64_t account_id)
{
	return rig_background(rig, account_id, move_out_run, NULL);
}

static enum rc sweep_run(struct account *account, void *arg)
{
	enum rc rc = RC_AGAIN;
	(void)arg;
	while (rc == RC_AGAIN)
		rc = blob_sweep(account);
	return rc;
}

enum rc rig_sweep(struct rig *rig, int64_t account_id)
{
	return rig_background(rig, account_id, sweep_run, NULL);
}

static enum rc checkpoint_run(struct account *account, void *arg)
{
	return settle_checkpoint(account, *(const bool *)arg);
}

enum rc rig_checkpoint(struct rig *rig, int64_t account_id, bool truncate)
{
	return rig_background(rig, account_id, checkpoint_run, &truncate);
}

static enum rc sync_run(struct account *account, void *arg)
{
	uint64_t number = atomic_load(&account->dirty_number);
	(void)arg;
	enum rc rc = db_sync_wal(account->db);
	if (rc == RC_OK)
		account_synced(account, number);
	return rc;
}

enum rc rig_sync(struct rig *rig, int64_t account_id)
{
	return rig_background(rig, account_id, sync_run, NULL);
}

struct check_call {
	bool repair;
	struct buf *report;
	struct check_result result;
};

static enum rc check_run(struct account *account, void *arg)
{
	struct check_call *call = arg;
	return check_account(account, call->repair, call->report, &call->result);
}

enum rc rig_check(
	struct rig *rig, int64_t account_id, bool repair, struct buf *report, struct check_result *ret_result)
{
	struct check_call call = { .repair = repair, .report = report };
	enum rc rc = rig_run(rig, account_id, JOB_ALONE, check_run, &call);
	if (rc == RC_OK)
		*ret_result = call.result;
	return rc;
}

static enum rc near_ceiling_run(struct account *account, void *arg)
{
	(void)arg;
	account->modseq = account->ceiling - 3;
	return RC_OK;
}

enum rc rig_near_ceiling(struct rig *rig, int64_t account_id)
{
	return rig_run(rig, account_id, JOB_READ, near_ceiling_run, NULL);
}

struct user_request {
	struct rig *rig;
	struct users_job job;
	const char *name;
	const char *password;
	struct buf *out;
	int64_t id; /* result */
	bool done;
};

static enum rc user_add_run(struct users *users, struct users_job *job)
{
	struct user_request *request = CONTAINER_OF(job, struct user_request, job);
	struct user_record record = { .name = strv_cstr(request->name), .enabled = true };
	int64_t id;
	return users_add(users, &record, &id);
}

/* Tells whether the folder has the user's owner file. */
static bool user_owns(struct rig *rig, const struct user_record *user)
{
	char folder[PATH_ROOM];
	struct user_record owner;
	struct arena *arena = arena_new(0);
	enum rc rc = owner_folder(folder, sizeof(folder), rig->store->root, user->id);
	if (rc == RC_OK)
		rc = owner_read(rig->store->io, NULL, folder, OWNER_FILE, arena, &owner);
	if (rc == RC_NOT_FOUND)
		rc = owner_read(rig->store->io, NULL, folder, OWNER_FILE_NEW, arena, &owner);
	bool owns = rc == RC_OK && owner_tag(&owner) == owner_tag(user);
	arena_free(&arena);
	return owns;
}

static bool user_dump(void *arg, const struct user_record *user)
{
	struct user_request *request = arg;
	buf_printf(request->out, "user %.*s id %lld password %.*s%s\n", STRV_ARG(user->name),
		(long long)user->id, STRV_ARG(user->password),
		user_owns(request->rig, user) ? "" : " without a folder of his");
	return true;
}

static enum rc users_dump_run(struct users *users, struct users_job *job)
{
	struct user_request *request = CONTAINER_OF(job, struct user_request, job);
	return users_list(users, STRV_NULL, user_dump, request);
}

static void user_done(struct users_job *job)
{
	CONTAINER_OF(job, struct user_request, job)->done = true;
}

static enum rc users_run(struct rig *rig, struct user_request *request)
{
	request->job.done = user_done;
	request->job.home = rig->reactor;
	enum rc rc = users_submit(rig->store, &request->job);
	while (rc == RC_OK && !request->done)
		reactor_run_once(rig->reactor, true);
	return rc == RC_OK ? request->job.rc : rc;
}

enum rc rig_user_add(struct rig *rig, const char *name)
{
	struct user_request request = { .job = { .write = true, .run = user_add_run }, .name = name };
	return users_run(rig, &request);
}

static enum rc user_password_run(struct users *users, struct users_job *job)
{
	const struct user_request *request = CONTAINER_OF(job, struct user_request, job);
	return users_set_password(users, strv_cstr(request->name), strv_cstr(request->password), STRV_NULL);
}

enum rc rig_user_password(struct rig *rig, const char *name, const char *password)
{
	struct user_request request = {
		.job = { .write = true, .run = user_password_run }, .name = name, .password = password
	};
	return users_run(rig, &request);
}

static enum rc user_remove_run(struct users *users, struct users_job *job)
{
	struct user_request *request = CONTAINER_OF(job, struct user_request, job);
	return users_remove(users, strv_cstr(request->name), &request->id);
}

enum rc rig_user_remove(struct rig *rig, const char *name)
{
	struct user_request request = { .job = { .write = true, .run = user_remove_run }, .name = name };
	enum rc rc = users_run(rig, &request);
	if (rc == RC_OK) {
		struct account *account = account_get(rig->store, request.id);
		account_destroy(account);
		account_unref(&account);
	}
	return rc;
}

/* Dumps. */

struct dump {
	struct buf *out;
	int64_t ids[64];
	size_t count;
	uint64_t modseq;
};

static bool dump_mailbox(void *arg, const struct mbox_info *info)
{
	struct dump *dump = arg;
	if (info->id != 0 && dump->count < 64)
		dump->ids[dump->count++] = info->id;
	buf_printf(dump->out, "mailbox %.*s id %lld attrs %x subscribed %d\n", STRV_ARG(info->name),
		(long long)info->id, info->attrs, info->subscribed);
	return true;
}

static enum rc dump_messages(struct account *account, int64_t id, struct dump *dump)
{
	const struct msg_row *rows;
	struct mbox_info info;
	size_t count;
	enum rc rc = mbox_get(account, id, &info);
	if (rc != RC_OK || (info.attrs & MBOX_NOSELECT))
		return rc;
	buf_printf(dump->out, "%lld: uidvalidity %u uidnext %u messages %u unseen %u deleted %u size %llu\n",
		(long long)id, info.uidvalidity, info.uidnext, info.messages, info.unseen, info.deleted,
		(unsigned long long)info.size);
	if (info.highestmodseq > dump->modseq)
		dump->modseq = info.highestmodseq;
	rc = msg_index(account, id, &rows, &count);
	for (size_t i = 0; rc == RC_OK && i < count; i++) {
		struct buf bytes;
		struct msg_row row = rows[i];
		buf_init(&bytes, MESSAGE_MAX);
		rc = row_read(account, &row, &bytes);
		const uint64_t key[2] = { 1, 2 };
		buf_printf(dump->out, "  %u flags %x keywords %llx date %lld size %u bytes %016llx%s\n",
			row.uid, row.flags, (unsigned long long)row.keywords, (long long)row.internaldate,
			row.size, (unsigned long long)hash_bytes_seeded(bytes.p, bytes.len, key),
			rc == RC_OK ? "" : " unreadable");
		buf_fini(&bytes);
	}
	return rc;
}

static bool dump_annotation(void *arg, struct strv name, struct strv value)
{
	buf_printf(arg, "  %.*s = %.*s\n", STRV_ARG(name), STRV_ARG(value));
	return true;
}

/* Dumps the annotations of the account (mailbox 0) or of a mailbox. */
static enum rc dump_annotations(struct account *account, int64_t mailbox, struct buf *out)
{
	enum rc rc = annot_list(account, mailbox, STRV("/private"), true, dump_annotation, out);
	return rc == RC_OK ? annot_list(account, mailbox, STRV("/shared"), true, dump_annotation, out) : rc;
}

static enum rc dump_run(struct account *account, void *arg)
{
	struct dump *dump = arg;
	dump->count = 0;
	dump->modseq = 0;
	enum rc rc = mbox_list(account, true, false, dump_mailbox, dump);
	if (rc == RC_OK)
		rc = dump_annotations(account, 0, dump->out);
	for (size_t i = 0; rc == RC_OK && i < dump->count; i++) {
		rc = dump_messages(account, dump->ids[i], dump);
		if (rc == RC_OK)
			rc = dump_annotations(account, dump->ids[i], dump->out);
	}
	return rc;
}

enum rc rig_dump(struct rig *rig, int64_t account_id, struct buf *out, uint64_t *ret_modseq)
{
	struct dump dump = { .out = out };
	struct user_request users = { .job = { .run = users_dump_run }, .rig = rig, .out = out };
	buf_reset(out);
	enum rc rc = users_run(rig, &users);
	if (rc == RC_OK)
		rc = rig_run(rig, account_id, JOB_READ, dump_run, &dump);
	if (rc == RC_OK)
		*ret_modseq = dump.modseq;
	return rc;
}

void rig_message(struct buf *out, unsigned number, size_t size)
{
	buf_printf(out, "From: a@example.org\r\nSubject: message %u\r\n\r\n", number);
	for (unsigned line = 0; out->len + 2 < size; line++)
		buf_printf(out, "line %u of message %u\r\n", line, number);
}
