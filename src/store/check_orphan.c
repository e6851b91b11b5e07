/*
 * Files that no row names. A repair puts those that are messages into "Recovered", without copying: the file
 * is never without a name, and an interrupted repair that is run again does not add the message twice.
 */
#include "store/check_priv.h"

#include "base/mem.h"
#include "store/mailbox.h"
#include "store/message.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <time.h>

#define PIECE (64 * 1024)

struct orphan {
	struct lost_file lost;
	bool aside; /* the file was in folder lost */
	struct content *content; /* own */
	int64_t date;
};

struct orphans {
	struct orphan v[CHECK_BATCH];
	size_t n;
	uint64_t recovered;
};

static enum rc aside_found(struct account *account, const struct lost_file *lost, void *arg)
{
	struct check *check = arg;
	struct check_problem problem = { .kind = CHECK_ASIDE, .file = lost->file, .id = lost->since };
	char date[32] = "?";
	struct tm tm;
	time_t since = (time_t)lost->since;
	if (gmtime_r(&since, &tm))
		strftime(date, sizeof(date), "%Y-%m-%d", &tm);
	check_found(check, &problem,
		"file %016" PRIx64 ": belongs to no blob, %" PRIu64 " octets set aside in folder lost on %s",
		(uint64_t)lost->file, lost_size(account, lost), date);
	return RC_OK;
}

enum rc check_aside(struct check *check)
{
	return lost_walk(check->account, aside_found, check);
}

struct content *check_content(struct account *account, const char *path, int64_t *ret_date)
{
	struct store *store = account->store;
	const struct io *io = store->io;
	struct stat st;
	int fd = io->open(io->ctx, path, O_RDONLY | O_NOFOLLOW, 0);
	if (fd < 0)
		return NULL;
	char *spool = spool_path_new(store);
	if (fstat(fd, &st) != 0 || io->link(io->ctx, path, spool) != 0) {
		(void)io->close(io->ctx, fd);
		free(spool);
		return NULL;
	}
	struct mime_scan *scan = mime_scan_new(NULL);
	char *piece = mem_alloc(PIECE);
	uint64_t size = 0;
	uint32_t sum = SUM_NONE;
	ssize_t got = io_read_all(io, fd, piece, PIECE, size);
	while (got > 0) {
		mime_scan_feed(scan, piece, (size_t)got);
		size += (uint64_t)got;
		sum = sum_add(sum, piece, (size_t)got);
		got = io_read_all(io, fd, piece, PIECE, size);
	}
	free(piece);
	(void)io->close(io->ctx, fd);
	*ret_date = st.st_mtime;
	struct content *content = content_new(store, NULL, spool, size, sum, scan);
	mime_scan_free(&scan);
	if (got < 0)
		content_unref(&content);
	return content;
}

/*
 * Tells whether the content begins like a message: with a header field, or with the empty line before a body.
 */
static bool orphan_is_message(const struct content *content)
{
	struct buf head;
	buf_init(&head, CHECK_HEAD_MAX);
	uint64_t size = content_size(content);
	size_t n = size < CHECK_HEAD_MAX ? (size_t)size : CHECK_HEAD_MAX, i = 0;
	bool is = content_read(content, 0, n, &head) == RC_OK;
	while (is && i < head.len && head.p[i] > 32 && head.p[i] < 127 && head.p[i] != ':')
		i++;
	is = is && i > 0 && i < head.len && head.p[i] == ':';
	buf_fini(&head);
	return is;
}

static enum rc orphan_append(struct account *account, const struct orphan *orphan)
{
	struct msg_new msg = { .content = orphan->content, .internaldate = orphan->date };
	int64_t mailbox;
	uint32_t uid;
	enum rc rc = check_mailbox(account, STRV(CHECK_MAILBOX), &mailbox);
	if (rc != RC_OK)
		return rc;
	account->blobs.adopts = true;
	account->blobs.adopted = orphan->lost.file;
	rc = msg_append(account, mailbox, &msg, &uid);
	account->blobs.adopts = false;
	return rc;
}

static enum rc orphans_append(struct account *account, void *arg)
{
	const struct orphans *orphans = arg;
	enum rc rc = RC_OK;
	for (size_t i = 0; rc == RC_OK && i < orphans->n; i++)
		rc = orphan_append(account, &orphans->v[i]);
	return rc;
}

/*
 * Stores the batch. Files that have become messages leave folder lost; if the transaction failed, they also
 * lie in msg/ and are set aside later.
 */
static enum rc orphans_flush(struct check *check, struct orphans *orphans)
{
	struct account *account = check->account;
	if (orphans->n == 0)
		return RC_OK;
	enum rc rc = job_transaction(account, orphans_append, orphans);
	for (size_t i = 0; i < orphans->n; i++) {
		struct orphan *orphan = &orphans->v[i];
		content_unref(&orphan->content);
		if (rc == RC_OK && orphan->aside)
			rc = lost_drop(account, &orphan->lost);
	}
	if (rc == RC_OK)
		orphans->recovered += orphans->n;
	orphans->n = 0;
	return account->db ? rc : RC_UNAVAILABLE;
}

static bool orphan_has_row(struct account *account, int64_t file, enum rc *ret_rc)
{
	sqlite3_stmt *stmt;
	enum rc rc = db_one(account->db, &stmt, "SELECT 1 FROM blob WHERE file = ?1", "i", file);
	if (rc == RC_OK)
		db_reset(stmt);
	*ret_rc = rc == RC_NOT_FOUND ? RC_OK : rc;
	return rc == RC_OK;
}

/* Tells whether the file is empty, so that nothing is lost with it. */
static bool orphan_is_empty(struct account *account, int64_t file)
{
	struct stat st;
	char *path = file_path(account, file);
	bool empty = lstat(path, &st) == 0 && S_ISREG(st.st_mode) && st.st_size == 0;
	free(path);
	return empty;
}

/* Handles one file that has no row after rows and messages were repaired. */
static enum rc orphan_fix(struct check *check, struct orphans *orphans, const struct check_problem *problem)
{
	struct account *account = check->account;
	struct orphan orphan = { .lost = { problem->file, problem->id },
		.aside = problem->kind == CHECK_ASIDE };
	enum rc rc;
	if (problem->kind == CHECK_DROP && problem->length == 0 && !orphan_is_empty(account, problem->file))
		return lost_add(account, problem->file);
	if (problem->kind == CHECK_DROP)
		return file_remove(account, problem->file) ? RC_OK : RC_IO;
	bool has_row = orphan_has_row(account, problem->file, &rc);
	if (rc == RC_OK && has_row && orphan.aside)
		return lost_drop(account, &orphan.lost);
	if (rc != RC_OK || has_row)
		return rc;
	if (orphan.aside)
		rc = lost_back(account, &orphan.lost);
	/* RC_EXISTS: an interrupted repair has put the name there already. */
	if (rc != RC_OK && rc != RC_EXISTS)
		return rc;
	char *path = file_path(account, problem->file);
	orphan.content = check_content(account, path, &orphan.date);
	free(path);
	if (orphan.content && orphan_is_message(orphan.content)) {
		orphans->v[orphans->n++] = orphan;
		return orphans->n == CHECK_BATCH ? orphans_flush(check, orphans) : RC_OK;
	}
	bool empty = orphan.content && content_size(orphan.content) == 0;
	content_unref(&orphan.content);
	if (!orphan.aside && !empty)
		return lost_add(account, problem->file);
	rc = file_remove(account, problem->file) ? RC_OK : RC_IO;
	return rc == RC_OK && orphan.aside && empty ? lost_drop(account, &orphan.lost) : rc;
}

enum rc check_orphans(struct check *check)
{
	struct orphans *orphans = mem_zalloc(sizeof(*orphans));
	enum rc rc = RC_OK;
	for (size_t i = 0; rc == RC_OK && i < check->count; i++) {
		enum check_kind kind = check->problems[i].kind;
		if (kind == CHECK_FILE || kind == CHECK_DROP || kind == CHECK_ASIDE)
			rc = orphan_fix(check, orphans, &check->problems[i]);
	}
	if (rc == RC_OK)
		rc = orphans_flush(check, orphans);
	for (size_t i = 0; i < orphans->n; i++)
		content_unref(&orphans->v[i].content);
	if (rc == RC_OK)
		rc = file_removed_sync(check->account);
	if (orphans->recovered > 0)
		check_note(check, "%" PRIu64 " files without a row are messages in " CHECK_MAILBOX " now",
			orphans->recovered);
	free(orphans);
	return rc;
}
