/*
 * All that FETCH needs of a message except its bytes. It is computed when the message is received: one row
 * for each blob, shared by copies. A row that is missing, of another version or damaged is computed anew from
 * the bytes. A reading job has no transaction, so it gives the new row to a job of its own.
 */
#include "store/mail_priv.h"
#include "store/msg_sql.h"

#include "base/mem.h"
#include "store/damage.h"
#include "store/sum.h"

#include <inttypes.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#define RESCAN_STEP (64 * 1024)
#define CACHE_ALL (MSG_ENVELOPE | MSG_BODY | MSG_BODYSTRUCTURE | MSG_PARTS | MSG_HEADERS | MSG_PREVIEW)
#define CACHE_PARTS_MAX (64 * 1024 * 1024) /* octets of a part table with a prefix */

/* Bytes of column `sums`: one checksum for the short columns, then one for each long one. */
enum {
	CACHE_SUM_SHORT,
	CACHE_SUM_PREVIEW,
	CACHE_SUM_ENVELOPE,
	CACHE_SUM_BODY,
	CACHE_SUM_BODYSTRUCTURE,
	CACHE_SUM_PARTS,
	CACHE_SUM_HEADERS,
	CACHE_SUMS
};
#define CACHE_SUMS_BYTES (4 * CACHE_SUMS)

struct cache_sums {
	unsigned char v[CACHE_SUMS_BYTES];
};

/* The sum begins with blob and column, so that bytes of another row or column do not fit. */
static void cache_sum_put(struct cache_sums *sums, unsigned which, int64_t blob, struct strv bytes)
{
	uint64_t seed[2] = { (uint64_t)blob, which };
	uint32_t sum = sum_add(sum_add(SUM_NONE, seed, sizeof(seed)), bytes.p, bytes.n);
	for (unsigned i = 0; i < 4; i++)
		sums->v[4 * which + i] = (unsigned char)(sum >> (8 * i));
}

static void cache_sum_short(struct cache_sums *sums, int64_t blob, const struct msg_cached *cached)
{
	int64_t values[4] = { CACHE_VERSION, cached->sent_date, cached->sent_zone, cached->has_nul };
	cache_sum_put(sums, CACHE_SUM_SHORT, blob, strv_make((const char *)values, sizeof(values)));
}

static const struct {
	enum msg_part_mask mask;
	unsigned sum;
	size_t offset; /* in struct msg_cached */
} cache_columns[] = {
	{ MSG_PREVIEW, CACHE_SUM_PREVIEW, offsetof(struct msg_cached, preview) },
	{ MSG_ENVELOPE, CACHE_SUM_ENVELOPE, offsetof(struct msg_cached, envelope) },
	{ MSG_BODY, CACHE_SUM_BODY, offsetof(struct msg_cached, body) },
	{ MSG_BODYSTRUCTURE, CACHE_SUM_BODYSTRUCTURE, offsetof(struct msg_cached, bodystructure) },
	{ MSG_PARTS, CACHE_SUM_PARTS, offsetof(struct msg_cached, parts) },
	{ MSG_HEADERS, CACHE_SUM_HEADERS, offsetof(struct msg_cached, headers) },
};

/* Computes the sums of the short columns and of the wanted ones; the others stay unchanged. */
static void cache_sums_make(
	struct cache_sums *sums, int64_t blob, const struct msg_cached *cached, unsigned want)
{
	cache_sum_short(sums, blob, cached);
	for (size_t i = 0; i < COUNT_OF(cache_columns); i++) {
		const char *field = (const char *)cached + cache_columns[i].offset;
		if (want & cache_columns[i].mask)
			cache_sum_put(
				sums, cache_columns[i].sum, blob, *(const struct strv *)(const void *)field);
	}
}

static bool cache_sums_hold(struct strv stored, int64_t blob, const struct msg_cached *cached, unsigned want)
{
	struct cache_sums sums;
	if (stored.n != sizeof(sums.v))
		return false;
	memcpy(sums.v, stored.p, sizeof(sums.v));
	cache_sums_make(&sums, blob, cached, want);
	return memcmp(sums.v, stored.p, sizeof(sums.v)) == 0;
}

static void from_summary(const struct mime_summary *summary, struct msg_cached *ret_cached)
{
	*ret_cached = (struct msg_cached){
		.envelope = summary->envelope,
		.body = summary->body,
		.bodystructure = summary->bodystructure,
		.parts = summary->parts,
		.headers = summary->headers,
		.preview = summary->preview,
		.sent_date = summary->sent_date,
		.sent_zone = (int16_t)summary->sent_zone,
		.has_nul = summary->has_nul,
	};
}

static enum rc cache_write(struct account *account, int64_t blob, const struct mime_summary *summary)
{
	struct cache_sums sums;
	struct msg_cached cached;
	sqlite3_stmt *stmt;

	enum rc rc = db_prepare(account->db,
		"INSERT OR REPLACE INTO cache (blob, version, sent_date, sent_zone, has_nul, preview, "
		"envelope, body,"
		" bodystructure, parts, headers, sums) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, "
		"?12)",
		&stmt);
	if (rc != RC_OK)
		return rc;
	from_summary(summary, &cached);
	cache_sums_make(&sums, blob, &cached, CACHE_ALL);
	db_bind_i64(account->db, stmt, 1, blob);
	db_bind_i64(account->db, stmt, 2, CACHE_VERSION);
	if (summary->sent_date == INT64_MIN)
		db_bind_null(account->db, stmt, 3);
	else
		db_bind_i64(account->db, stmt, 3, summary->sent_date);
	db_bind_i64(account->db, stmt, 4, cached.sent_zone);
	db_bind_i64(account->db, stmt, 5, cached.has_nul);
	db_bind_blob(account->db, stmt, 6, summary->preview);
	db_bind_blob(account->db, stmt, 7, summary->envelope);
	db_bind_blob(account->db, stmt, 8, summary->body);
	db_bind_blob(account->db, stmt, 9, summary->bodystructure);
	db_bind_blob(account->db, stmt, 10, summary->parts);
	db_bind_blob(account->db, stmt, 11, summary->headers);
	db_bind_blob(account->db, stmt, 12, strv_make((const char *)sums.v, sizeof(sums.v)));
	return db_exec(account->db, stmt);
}

/* Tells whether lines put before the message would change the meaning of its first lines. */
static bool begins_unlike_a_header(const struct content *content)
{
	const struct mime_part *root = content_mime(content)->root;

	return root->field_count == 0 || root->header.p[0] == ' ' || root->header.p[0] == '\t';
}

enum rc cache_put(struct account *account, int64_t blob, const struct content *content, struct strv prefix)
{
	struct mime_summary summary = *content_summary(content);
	struct buf parts;
	struct buf headers;

	if (prefix.n == 0)
		return cache_write(account, blob, &summary);
	/* The row is left to the first reader, who scans the bytes as they are stored. */
	if (begins_unlike_a_header(content))
		return RC_OK;
	buf_init(&parts, CACHE_PARTS_MAX);
	buf_init(&headers, CACHE_HEADERS_MAX);
	mime_parts_shift(&parts, summary.parts, prefix.n);
	mime_headers_prefix(&headers, prefix, summary.headers);
	summary.parts = buf_strv(&parts);
	/* A header that is too long is not cached. */
	summary.headers = buf_ok(&headers) ? buf_strv(&headers) : STRV_NULL;
	enum rc rc = buf_ok(&parts) ? cache_write(account, blob, &summary) : RC_LIMIT;
	buf_fini(&parts);
	buf_fini(&headers);
	return rc;
}

/* A job that stores a row which a reading job had to compute. */
struct cache_job {
	struct job job; /* first */
	struct arena *arena; /* own */
	struct mime_summary summary;
	int64_t blob;
};

static enum rc cache_job_run(struct account *account, struct job *job)
{
	struct cache_job *cache_job = CONTAINER_OF(job, struct cache_job, job);
	sqlite3_stmt *stmt;

	/* The sweep may have removed the message meanwhile. */
	enum rc rc = db_one(account->db, &stmt, "SELECT 1 FROM blob WHERE id = ?1", "i", cache_job->blob);
	if (rc != RC_OK)
		return rc == RC_NOT_FOUND ? RC_OK : rc;
	db_reset(stmt);
	return cache_write(account, cache_job->blob, &cache_job->summary);
}

static void cache_job_done(struct job *job)
{
	struct cache_job *cache_job = CONTAINER_OF(job, struct cache_job, job);

	arena_free(&cache_job->arena);
	free(cache_job);
}

static void copy_summary(struct mime_summary *to, const struct mime_summary *from, struct arena *arena)
{
	*to = *from;
	to->envelope = arena_strv(arena, from->envelope);
	to->body = arena_strv(arena, from->body);
	to->bodystructure = arena_strv(arena, from->bodystructure);
	to->parts = arena_strv(arena, from->parts);
	to->headers = arena_strv(arena, from->headers);
	to->preview = arena_strv(arena, from->preview);
}

static void cache_write_later(struct account *account, int64_t blob, const struct mime_summary *summary)
{
	struct cache_job *cache_job = mem_zalloc(sizeof(*cache_job));

	cache_job->job.kind = JOB_WRITE_RELAXED;
	cache_job->job.run = cache_job_run;
	cache_job->job.done = cache_job_done;
	cache_job->arena = arena_new(0);
	cache_job->blob = blob;
	copy_summary(&cache_job->summary, summary, cache_job->arena);
	job_submit_always(account, &cache_job->job);
}

static enum rc scan_reader(struct reader *reader, struct mime_scan *scan)
{
	uint64_t size = reader_size(reader);
	struct buf buf;
	enum rc rc = RC_OK;

	buf_init(&buf, RESCAN_STEP);
	for (uint64_t at = 0; rc == RC_OK && at < size; at += RESCAN_STEP) {
		size_t n = size - at < RESCAN_STEP ? (size_t)(size - at) : RESCAN_STEP;
		buf_reset(&buf);
		rc = reader_read(reader, at, n, &buf);
		if (rc == RC_OK)
			mime_scan_feed(scan, buf.p, buf.len);
	}
	buf_fini(&buf);
	return rc;
}

static enum rc scan_blob(struct account *account, int64_t blob, struct mime_msg **ret_msg)
{
	struct reader *reader;
	struct mime_msg *msg;

	enum rc rc = blob_open(account, blob, &reader);
	if (rc != RC_OK)
		return rc;
	struct mime_scan *scan = mime_scan_new(NULL);
	rc = scan_reader(reader, scan);
	if (rc == RC_CORRUPT || rc == RC_IO)
		damage_found(account, blob);
	reader_close(&reader);
	mime_scan_finish(scan, &msg);
	mime_scan_free(&scan);
	if (rc == RC_OK)
		*ret_msg = msg;
	else
		mime_msg_free(&msg);
	return rc;
}

static enum rc cache_rescan(
	struct account *account, int64_t blob, struct arena *arena, struct mime_summary *ret_summary)
{
	struct mime_msg *msg;

	enum rc rc = scan_blob(account, blob, &msg);
	if (rc != RC_OK)
		return rc;
	mime_summary_build(msg, arena, ret_summary);
	mime_msg_free(&msg);
	return RC_OK;
}

enum rc msg_body_global(struct account *account, const struct msg_row *row, struct arena *arena,
	struct strv *ret_body, struct strv *ret_bodystructure)
{
	struct mime_msg *msg;

	enum rc rc = scan_blob(account, row->blob, &msg);
	if (rc != RC_OK)
		return rc;
	mime_summary_global(msg, arena, ret_body, ret_bodystructure);
	mime_msg_free(&msg);
	return RC_OK;
}

static enum rc cache_compute(struct account *account, const struct msg_row *row, struct arena *arena,
	struct msg_cached *ret_cached)
{
	struct mime_summary summary;

	enum rc rc = cache_rescan(account, row->blob, arena, &summary);
	if (rc != RC_OK)
		return rc;
	/*
	 * The caller gets the summary even if it can't be cached. If the transaction is gone, job.c notices.
	 */
	if (!db_in_transaction(account->db))
		cache_write_later(account, row->blob, &summary);
	else if (cache_write(account, row->blob, &summary) != RC_OK)
		log_warn(account_log(account), "structure cannot be cached account=%s blob=%" PRId64,
			account_shown(account), row->blob);
	from_summary(&summary, ret_cached);
	return RC_OK;
}

static bool list_whole(struct strv v)
{
	return v.n >= 2 && v.p[0] == '(' && v.p[v.n - 1] == ')';
}

/* Tells whether the columns that were read can be those that were written. */
static bool cache_sound(const struct msg_cached *cached, unsigned want, const struct msg_row *row)
{
	struct mime_range all;

	if ((want & MSG_ENVELOPE) && !list_whole(cached->envelope))
		return false;
	if ((want & MSG_BODY) && !list_whole(cached->body))
		return false;
	if ((want & MSG_BODYSTRUCTURE) && !list_whole(cached->bodystructure))
		return false;
	if (want & MSG_PARTS)
		return mime_parts_find(cached->parts, NULL, 0, MIME_SECTION_ALL, &all) == RC_OK &&
		       all.offset + all.size == row->size;
	return true;
}

/* RC_NOT_FOUND: there is no usable row. Only wanted columns are read from their pages. */
static enum rc cache_read(struct account *account, const struct msg_row *row, unsigned want,
	struct arena *arena, struct msg_cached *ret_cached)
{
	sqlite3_stmt *stmt;

	enum rc rc = db_one(account->db, &stmt,
		"SELECT version, sent_date, sent_zone, has_nul,"
		" CASE WHEN ?2 & " MSG_SQL_ENVELOPE " THEN envelope END,"
		" CASE WHEN ?2 & " MSG_SQL_BODY " THEN body END,"
		" CASE WHEN ?2 & " MSG_SQL_BODYSTRUCTURE " THEN bodystructure END,"
		" CASE WHEN ?2 & " MSG_SQL_PARTS " THEN parts END,"
		" CASE WHEN ?2 & " MSG_SQL_HEADERS " THEN headers END,"
		" CASE WHEN ?2 & " MSG_SQL_PREVIEW " THEN preview END, sums"
		" FROM cache WHERE blob = ?1",
		"id", row->blob, (uint32_t)want);
	if (rc != RC_OK)
		return rc;
	struct msg_cached cached = {
		.sent_date = db_is_null(stmt, 1) ? INT64_MIN : db_i64(stmt, 1),
		.sent_zone = (int16_t)db_i64(stmt, 2),
		.has_nul = db_i64(stmt, 3) != 0,
		.envelope = arena_strv(arena, db_blob(stmt, 4)),
		.body = arena_strv(arena, db_blob(stmt, 5)),
		.bodystructure = arena_strv(arena, db_blob(stmt, 6)),
		.parts = arena_strv(arena, db_blob(stmt, 7)),
		.headers = arena_strv(arena, db_blob(stmt, 8)),
		.preview = arena_strv(arena, db_blob(stmt, 9)),
	};
	int64_t version = db_i64(stmt, 0);
	bool whole = cache_sums_hold(db_blob(stmt, 10), row->blob, &cached, want) &&
		     cache_sound(&cached, want, row);
	db_reset(stmt);
	if (version > 0 && version < CACHE_VERSION)
		return RC_NOT_FOUND;
	if (version != CACHE_VERSION || !whole) {
		log_warn(account_log(account),
			"cached structure is damaged and computed anew account=%s blob=%" PRId64,
			account_shown(account), row->blob);
		return RC_NOT_FOUND;
	}
	*ret_cached = cached;
	return RC_OK;
}

enum rc msg_cached(struct account *account, const struct msg_row *row, unsigned want, struct arena *arena,
	struct msg_cached *ret_cached)
{
	enum rc rc = cache_read(account, row, want, arena, ret_cached);
	if (rc != RC_NOT_FOUND || want & MSG_AT_HAND)
		return rc;
	return cache_compute(account, row, arena, ret_cached);
}

enum rc cache_check(struct account *account, void (*bad)(void *arg, int64_t blob), void *arg)
{
	sqlite3_stmt *stmt;
	enum rc rc = db_query(account->db, &stmt,
		"SELECT blob, version, sent_date, sent_zone, has_nul, sums, preview, envelope, body, "
		"bodystructure,"
		" parts, headers FROM cache",
		"");
	if (rc != RC_OK)
		return rc;
	for (rc = db_step(account->db, stmt); rc == RC_OK; rc = db_step(account->db, stmt)) {
		int64_t version = db_i64(stmt, 1);
		struct msg_cached cached = {
			.sent_date = db_is_null(stmt, 2) ? INT64_MIN : db_i64(stmt, 2),
			.sent_zone = (int16_t)db_i64(stmt, 3),
			.has_nul = db_i64(stmt, 4) != 0,
			.preview = db_blob(stmt, 6),
			.envelope = db_blob(stmt, 7),
			.body = db_blob(stmt, 8),
			.bodystructure = db_blob(stmt, 9),
			.parts = db_blob(stmt, 10),
			.headers = db_blob(stmt, 11),
		};
		/* A row of an older program is not used, so it is not checked. */
		if (version > 0 && version < CACHE_VERSION)
			continue;
		if (version != CACHE_VERSION ||
			!cache_sums_hold(db_blob(stmt, 5), db_i64(stmt, 0), &cached, CACHE_ALL))
			bad(arg, db_i64(stmt, 0));
	}
	return rc == RC_NOT_FOUND ? RC_OK : rc;
}
