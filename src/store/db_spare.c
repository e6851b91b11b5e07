/*
 * Connections that are used for one account after the other. Nine tenths of what it costs to open an account
 * are reading its schema and preparing statements, which are the same for all accounts. So a connection that
 * is closed is kept, with its schema and its statements, and the VFS puts the files of the next account
 * beneath it.
 *
 *	db_spare_close				db_spare_open
 *	no transaction, no error so far		open and lock the files, renew the WAL index
 *	give the pages back, close the files	compare the schema in the file with that in memory
 *		   \___ spare connections ___/		 differs, or anything else: a new connection
 *
 * Nothing of an account may be seen in another one. SQLite drops all its pages when the WAL index says that
 * others have written (vfs.c), and they are given back before. It keeps a schema whose cookie is the one that
 * it knows; as the cookie is a counter, files whose tables lie elsewhere may have the same one. Hence the
 * comparison.
 */
#include "store/db_priv.h"

#include "base/hash.h"
#include "base/mem.h"
#include "store/vfs.h"

#include <pthread.h>
#include <stdlib.h>

#define STATEMENTS_MAX 400 /* a connection with more is not kept */

struct db_spares {
	pthread_mutex_t lock;
	struct list list;
	unsigned count;
	unsigned max;
	const char *vfs; /* borrowed */
};

struct db_spares *db_spares_new(const char *vfs, unsigned max)
{
	struct db_spares *spares = mem_zalloc(sizeof(*spares));
	pthread_mutex_init(&spares->lock, NULL);
	list_init(&spares->list);
	spares->vfs = vfs;
	spares->max = max;
	return spares;
}

static struct db *spare_take(struct db_spares *spares)
{
	pthread_mutex_lock(&spares->lock);
	struct list_node *node = list_pop(&spares->list);
	if (node)
		spares->count--;
	pthread_mutex_unlock(&spares->lock);
	return node ? CONTAINER_OF(node, struct db, node) : NULL;
}

void db_spares_free(struct db_spares **spares)
{
	struct db_spares *s = *spares;
	if (!s)
		return;
	*spares = NULL;
	for (struct db *db = spare_take(s); db; db = spare_take(s))
		db_close(&db);
	pthread_mutex_destroy(&s->lock);
	free(s);
}

/* Hashes all rows of sqlite_schema, in the order in which they stand there. */
static enum rc schema_hash(struct db *db, uint64_t *ret_hash)
{
	sqlite3_stmt *stmt;
	uint64_t hash[2] = { 0, 0 };
	enum rc rc = db_query(db, &stmt, "SELECT type, name, tbl_name, sql, rootpage FROM sqlite_schema", "");
	if (rc == RC_OK)
		rc = db_step(db, stmt);
	for (; rc == RC_OK; rc = db_step(db, stmt)) {
		for (int column = 0; column < 4; column++) {
			struct strv text = db_text(stmt, column);
			hash[1] = text.n;
			hash[0] = hash_bytes_seeded(text.p ? text.p : "", text.n, hash);
		}
		hash[1] = db_u64(stmt, 4);
		hash[0] = hash_bytes_seeded("", 0, hash);
	}
	*ret_hash = hash[0];
	return rc == RC_NOT_FOUND ? RC_OK : rc;
}

/* Makes the connection one of this file. Not RC_OK: it can only be closed. */
static enum rc spare_put(struct db *db, const char *path, const char *name, struct log *log)
{
	uint64_t schema = 0;
	free(db->name);
	db->name = mem_strdup(name);
	db->log = log;
	db->wal_frames = 0;
	if (!vfs_put(db_file(db, SQLITE_FCNTL_FILE_POINTER), db_file(db, SQLITE_FCNTL_JOURNAL_POINTER), path))
		return RC_UNAVAILABLE;
	enum rc rc = schema_hash(db, &schema);
	if (rc == RC_OK && schema != db->schema)
		rc = RC_UNAVAILABLE;
	return rc;
}

enum rc db_spare_open(
	struct db_spares *spares, const char *path, const char *name, struct log *log, struct db **ret_db)
{
	struct db *db = spare_take(spares);
	if (db && spare_put(db, path, name, log) == RC_OK) {
		*ret_db = db;
		return RC_OK;
	}
	/* The opening of a new connection tells what is wrong with the file, if anything is. */
	db_close(&db);
	return db_open_how(path, spares->vfs, false, false, name, log, ret_db);
}

static bool spare_fits(struct db *db)
{
	if (db->last_code != 0 || db->uncertain || db_in_transaction(db) || db_read_only(db))
		return false;
	if (db->used > STATEMENTS_MAX)
		return false;
	for (size_t i = 0; i < db->slots; i++)
		if (db->statements[i].stmt && sqlite3_stmt_busy(db->statements[i].stmt))
			return false;
	/* This statement makes SQLite look at the cookie, so its schema in memory is that of this file. */
	return db_set_full(db, false) == RC_OK && schema_hash(db, &db->schema) == RC_OK;
}

void db_spare_close(struct db_spares *spares, struct db **db)
{
	struct db *d = *db;
	if (!d)
		return;
	*db = NULL;
	sqlite3_file *file = db_file(d, SQLITE_FCNTL_FILE_POINTER);
	sqlite3_file *wal = db_file(d, SQLITE_FCNTL_JOURNAL_POINTER);
	if (!file || !wal || !spare_fits(d)) {
		db_close(&d);
		return;
	}
	sqlite3_db_release_memory(d->handle);
	vfs_park(file, wal);
	pthread_mutex_lock(&spares->lock);
	bool keep = spares->count < spares->max;
	if (keep) {
		list_prepend(&spares->list, &d->node);
		spares->count++;
	}
	pthread_mutex_unlock(&spares->lock);
	if (!keep)
		db_close(&d);
}
