/*
 * The tables of account.db and how an older file is brought up to date. Internal to the store.
 * docs/storage.md says what each column means and which invariants hold between the tables.
 */
#ifndef COID_STORE_SCHEMA_H
#define COID_STORE_SCHEMA_H

#include "base/log.h"
#include "base/rc.h"

#include <sqlite3.h>
#include <stdbool.h>

/* 2: threads; 3: push_owed; 4: account.file_prefix; 5: keyword_more; 6: blob.sum, cache.sums, damage. */
#define SCHEMA_VERSION 6

/*
 * Makes all tables in an empty database, the account row, and sets user_version. In the caller's transaction,
 * if there is one. No mailbox is made: mail_open does that when it finds none.
 */
enum rc schema_create(sqlite3 *db, struct log *log) MUST_CHECK;

/*
 * Brings the tables of a database of version `from` to SCHEMA_VERSION, inside the caller's transaction. Then
 * the caller fills the new columns (conversation_put_all if from < 2; then, if from < 6, schema_renew_cache).
 * RC_UNAVAILABLE: a newer program made the database. The caller has made a backup copy if from <
 * SCHEMA_VERSION.
 */
enum rc schema_migrate(sqlite3 *db, int from, struct log *log) MUST_CHECK;

/* Makes an empty table `cache` in the form of version 6. */
enum rc schema_renew_cache(sqlite3 *db, struct log *log) MUST_CHECK;

/*
 * Compares tables, columns and indexes with those of a new database. Calls `differs` for each difference: an
 * item that is missing, or one that does not belong there. Errors are those of the database.
 */
enum rc schema_compare(
	sqlite3 *db, void (*differs)(void *arg, const char *what, bool missing), void *arg) MUST_CHECK;
/* True: there is no difference. */
bool schema_is_ours(sqlite3 *db);

#endif
