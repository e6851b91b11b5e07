#include "auth/file_rows.h"

#include "base/clock.h"
#include "base/mem.h"

#include <stdlib.h>

/* Adds the rows in one transaction: jobs after it see either no row of the file or all of them. */
struct file_rows {
	struct users_job job; /* first */
	struct rules *rules; /* counted */
	struct log *log;
	struct users *users; /* while it runs */
	struct arena *arena; /* of one user */
	unsigned added;
	enum rc rc;
};

static bool file_row_make(void *ctx, struct strv name)
{
	struct file_rows *rows = ctx;
	struct user_record record;
	int64_t id;

	arena_reset(rows->arena);
	enum rc rc = users_find(rows->users, name, rows->arena, &record);
	if (rc == RC_NOT_FOUND) {
		record = (struct user_record){ .name = name,
			.enabled = true,
			.quota_storage = UINT64_MAX,
			.quota_messages = UINT64_MAX,
			.created = clock_wall() };
		rc = users_add(rows->users, &record, &id);
		rows->added += rc == RC_OK;
	}
	/* A damaged row of one user does not stop the others. */
	if (rc != RC_OK && rc != RC_CORRUPT && rc != RC_UNAVAILABLE)
		rows->rc = rc;
	return rows->rc == RC_OK;
}

/* [users] */
static enum rc file_rows_run(struct users *users, struct users_job *job)
{
	struct file_rows *rows = (struct file_rows *)(void *)job;

	rows->users = users;
	rows->added = 0;
	rows->rc = RC_OK;
	users_file_each(rows->rules->file, file_row_make, rows);
	return rows->rc;
}

static void file_rows_done(struct users_job *job)
{
	struct file_rows *rows = (struct file_rows *)(void *)job;

	if (job->rc != RC_OK)
		log_error(rows->log,
			"users of the users file have no accounts yet: each gets his at his first login "
			"rc=%s",
			rc_name(job->rc));
	else if (rows->added > 0)
		log_info(rows->log, "accounts made for users of the users file count=%u", rows->added);
	rules_unref(&rows->rules);
	arena_free(&rows->arena);
	free(rows);
}

void file_rows_make(struct store *store, struct log *log, struct rules *rules)
{
	if (!rules->file)
		return;
	struct file_rows *rows = mem_zalloc(sizeof(*rows));
	atomic_fetch_add(&rules->refs, 1);
	rows->rules = rules;
	rows->log = log;
	rows->arena = arena_new(0);
	rows->job = (struct users_job){ .write = true, .run = file_rows_run, .done = file_rows_done };
	/* Once the job is submitted it belongs to the strand. */
	enum rc rc = users_submit(store, &rows->job);
	if (rc != RC_OK) {
		rows->job.rc = rc;
		file_rows_done(&rows->job);
	}
}
