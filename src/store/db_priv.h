/*
 * The parts of a connection that db.c shares with db_spare.c.
 */
#ifndef COID_STORE_DB_PRIV_H
#define COID_STORE_DB_PRIV_H

#include "base/list.h"
#include "store/db.h"

struct statement {
	const char *sql; /* the key; borrowed constant */
	sqlite3_stmt *stmt; /* own */
};

struct db {
	struct list_node node; /* db_spare.c: in the list of spare connections */
	uint64_t schema; /* db_spare.c: hash of the schema that SQLite has in memory */
	sqlite3 *handle; /* own */
	struct log *log; /* borrowed */
	char *name; /* own */
	struct statement *statements; /* own; open addressing */
	size_t slots;
	size_t used;
	bool full; /* PRAGMA synchronous is FULL */
	bool uncertain;
	int last_code; /* SQLite's, of the last failure */
	unsigned wal_frames;
	uint64_t bound_bytes; /* bound to parameters since db_begin */
	int64_t changes_before; /* at db_begin */
};

/* db_open; `exclusive` false: the connection can be used for another file later (db_spare.c). */
enum rc db_open_how(const char *path, const char *vfs, bool create, bool exclusive, const char *name,
	struct log *log, struct db **ret_db) MUST_CHECK;
/* PRAGMA synchronous: FULL or NORMAL. */
enum rc db_set_full(struct db *db, bool full) MUST_CHECK;
/* The database file or its WAL (SQLITE_FCNTL_FILE_POINTER, SQLITE_FCNTL_JOURNAL_POINTER); NULL: not open. */
sqlite3_file *db_file(struct db *db, int op);

#endif
