/* Compares the bytes of messages, and what is cached of them, with their checksums. */
#include "store/check_priv.h"

#include "store/mail_priv.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

static void check_bytes(struct check *check, int64_t id, uint64_t size, uint64_t length, const char *where)
{
	if (length == size)
		return;
	struct check_problem problem = { .kind = CHECK_NO_BYTES, .blob = id, .length = length };
	if (length == UINT64_MAX)
		check_found(check, &problem, "blob %" PRId64 ": its %s is missing", id, where);
	else
		check_found(check, &problem, "blob %" PRId64 ": its %s has %" PRIu64 " octets, not %" PRIu64,
			id, where, length, size);
}

/* The length of a file. UINT64_MAX: it is missing. */
static enum rc check_file_length(struct check *check, int64_t file, uint64_t *ret_length)
{
	const struct io *io = check->account->store->io;
	struct stat st;
	char *path = file_path(check->account, file);
	int result = io->stat(io->ctx, path, &st);
	int error = errno;
	free(path);
	if (result != 0 && error != ENOENT)
		return io_rc(error);
	*ret_length = result == 0 ? (uint64_t)st.st_size : UINT64_MAX;
	return RC_OK;
}

/* Reads the whole message and compares its checksum. */
static enum rc check_sum(struct check *check, int64_t id, uint64_t size)
{
	enum rc rc = blob_verify(check->account, id);
	struct check_problem problem = { .kind = CHECK_NO_BYTES, .blob = id, .length = size };
	if (rc == RC_IO) {
		problem.kind = CHECK_UNREADABLE;
		check_found(check, &problem, "blob %" PRId64 ": its bytes cannot be read", id);
		return RC_OK;
	}
	if (rc == RC_CORRUPT)
		check_found(check, &problem, "blob %" PRId64 ": its bytes do not have their checksum", id);
	return rc == RC_CORRUPT ? RC_OK : rc;
}

/* Columns: id, size, file, length of the inline bytes, length of the prefix, references. */
static enum rc check_blob(struct check *check, sqlite3_stmt *stmt)
{
	int64_t id = db_i64(stmt, 0);
	uint64_t size = db_u64(stmt, 1);
	bool is_inline = !db_is_null(stmt, 3);
	check->result.octets += size;
	if (db_is_null(stmt, 2)) {
		uint64_t inline_length = is_inline ? db_u64(stmt, 3) : UINT64_MAX;
		check_bytes(check, id, size, inline_length, "row of bytes");
		return inline_length == size ? check_sum(check, id, size) : RC_OK;
	}
	uint64_t length = 0, prefix = db_is_null(stmt, 4) ? 0 : db_u64(stmt, 4);
	enum rc rc = check_file_length(check, db_i64(stmt, 2), &length);
	if (rc != RC_OK)
		return rc;
	if (is_inline) {
		struct check_problem problem = {
			.kind = CHECK_TWO_PLACES, .blob = id, .file = db_i64(stmt, 2)
		};
		problem.length = length == UINT64_MAX ? length : length + prefix;
		check_found(check, &problem, "blob %" PRId64 ": has a file and inline bytes", id);
		return RC_OK;
	}
	length = length == UINT64_MAX ? length : length + prefix;
	/* A blob without references may lack its file: the sweep removes the file before the row. */
	if (length != UINT64_MAX || db_i64(stmt, 5) > 0)
		check_bytes(check, id, size, length, "file");
	return length == size ? check_sum(check, id, size) : RC_OK;
}

enum rc check_blobs(struct check *check)
{
	struct db *db = check->account->db;
	sqlite3_stmt *stmt;
	enum rc rc = db_query(db, &stmt,
		"SELECT b.id, b.size, b.file, length(i.bytes), length(p.bytes), b.refs FROM blob b"
		" LEFT JOIN blob_inline i ON i.blob = b.id LEFT JOIN blob_prefix p ON p.blob = b.id",
		"");
	if (rc != RC_OK)
		return rc;
	for (rc = db_step(db, stmt); rc == RC_OK; rc = db_step(db, stmt)) {
		rc = check_blob(check, stmt);
		if (rc != RC_OK)
			break;
	}
	db_reset(stmt);
	return rc == RC_NOT_FOUND ? RC_OK : rc;
}

static void cache_bad(void *arg, int64_t blob)
{
	struct check_problem problem = { .kind = CHECK_CACHE, .blob = blob };
	check_found(arg, &problem, "blob %" PRId64 ": its cached structure is damaged", blob);
}

enum rc check_cache(struct check *check)
{
	return cache_check(check->account, cache_bad, check);
}
