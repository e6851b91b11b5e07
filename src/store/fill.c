/*
 * Fills in the checksums of messages that an older version has stored. They are computed from the stored
 * bytes, a few at a time.
 */
#include "store/bytes.h"

#include "base/clock.h"
#include "base/mem.h"

#include <stdlib.h>

#define FILL_ROWS 256 /* of one turn */
#define FILL_US 20000
#define FILL_WAIT_MS 10000 /* after the account was opened, so that sessions go first */
#define FILL_PAUSE_MS 200 /* between turns */

struct filled {
	int64_t blobs[FILL_ROWS];
	uint32_t sums[FILL_ROWS];
	size_t count;
	bool more;
};

enum rc fill_open(struct account *account)
{
	sqlite3_stmt *stmt;
	enum rc rc = db_one(account->db, &stmt, "SELECT 1 FROM blob WHERE sum IS NULL LIMIT 1", "");
	if (rc != RC_OK)
		return rc == RC_NOT_FOUND ? RC_OK : rc;
	db_reset(stmt);
	account_background(account, BACKGROUND_FILL, clock_mono_ms() + FILL_WAIT_MS);
	return RC_OK;
}

/* The next blob without a checksum. RC_NOT_FOUND: none is left. */
static enum rc fill_next(struct account *account, int64_t *ret_blob)
{
	sqlite3_stmt *stmt;
	enum rc rc = db_one(account->db, &stmt,
		"SELECT id FROM blob WHERE sum IS NULL AND id > ?1 ORDER BY id LIMIT 1", "i",
		account->blobs.filled);
	if (rc != RC_OK)
		return rc;
	*ret_blob = db_i64(stmt, 0);
	db_reset(stmt);
	return RC_OK;
}

/* Computes one checksum. A message that can't be read stays without one. */
static void fill_blob(struct account *account, struct filled *filled, int64_t blob)
{
	struct reader *reader = NULL;
	uint32_t sum;
	if (blob_open(account, blob, &reader) != RC_OK)
		return;
	if (reader_sum(reader, &sum) == RC_OK) {
		filled->blobs[filled->count] = blob;
		filled->sums[filled->count++] = sum;
	}
	reader_close(&reader);
}

static enum rc fill_collect(struct account *account, struct filled *filled)
{
	uint64_t end = clock_mono_us() + FILL_US;
	int64_t blob;
	enum rc rc = fill_next(account, &blob);
	while (rc == RC_OK) {
		fill_blob(account, filled, blob);
		account->blobs.filled = blob;
		filled->more = filled->count == FILL_ROWS || clock_mono_us() >= end;
		if (filled->more)
			return RC_OK;
		rc = fill_next(account, &blob);
	}
	return rc == RC_NOT_FOUND ? RC_OK : rc;
}

static enum rc fill_rows(struct account *account, void *arg)
{
	const struct filled *filled = arg;
	enum rc rc = RC_OK;
	for (size_t i = 0; rc == RC_OK && i < filled->count; i++)
		rc = db_run(account->db, "UPDATE blob SET sum = ?2 WHERE id = ?1 AND sum IS NULL", "id",
			filled->blobs[i], filled->sums[i]);
	return rc;
}

enum rc blob_fill_sums(struct account *account)
{
	struct filled *filled = mem_zalloc(sizeof(*filled));
	enum rc rc = fill_collect(account, filled);
	if (rc == RC_OK && filled->count > 0)
		rc = job_transaction(account, fill_rows, filled);
	if (rc == RC_OK && filled->more && account->db)
		account_background(account, BACKGROUND_FILL, clock_mono_ms() + FILL_PAUSE_MS);
	free(filled);
	return rc;
}
