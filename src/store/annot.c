/*
 * Annotations in the database, and their count and size in memory.
 */
#include "store/annot.h"

#include "store/mail_priv.h"

enum rc annot_load(struct account *account)
{
	sqlite3_stmt *stmt;

	enum rc rc = db_one(account->db, &stmt,
		"SELECT count(*), coalesce(sum(length(CAST(name AS BLOB)) + length(value)), 0)"
		" FROM annotation",
		"");
	if (rc != RC_OK)
		return rc == RC_NOT_FOUND ? RC_CORRUPT : rc;
	account->mail->annot_count = db_u64(stmt, 0);
	account->mail->annot_size = db_u64(stmt, 1);
	db_reset(stmt);
	return RC_OK;
}

enum rc annot_create_defaults(struct account *account)
{
	const struct store_settings *settings = &account->store->settings;
	enum rc rc = RC_OK;

	for (size_t i = 0; rc == RC_OK && i < settings->default_annotation_count; i++) {
		const struct default_annotation *annotation = &settings->default_annotations[i];
		rc = db_run(account->db,
			"INSERT OR IGNORE INTO annotation (mailbox, name, value) VALUES (0, ?1, ?2)", "tb",
			strv_cstr(annotation->name), strv_cstr(annotation->value));
	}
	return rc == RC_OK ? annot_load(account) : rc;
}

/* The size of name and value. 0 with RC_NOT_FOUND: there is no such entry. */
static enum rc entry_size(struct account *account, int64_t mailbox, struct strv name, uint64_t *ret_size)
{
	sqlite3_stmt *stmt;

	enum rc rc = db_one(account->db, &stmt,
		"SELECT length(value) FROM annotation WHERE mailbox = ?1 AND name = ?2", "it", mailbox, name);
	if (rc != RC_OK)
		return rc;
	*ret_size = db_u64(stmt, 0) + name.n;
	db_reset(stmt);
	return RC_OK;
}

enum rc annot_get(struct account *account, int64_t mailbox, struct strv name, struct strv *ret_value)
{
	sqlite3_stmt *stmt;

	enum rc rc = db_one(account->db, &stmt,
		"SELECT value FROM annotation WHERE mailbox = ?1 AND name = ?2", "it", mailbox, name);
	if (rc != RC_OK)
		return rc;
	struct strv value = db_blob(stmt, 0);
	*ret_value = strv_make(arena_strndup(account_arena(account), value.p, value.n), value.n);
	db_reset(stmt);
	return RC_OK;
}

static enum rc list_below(struct account *account, int64_t mailbox, struct strv name,
	bool (*fn)(void *arg, struct strv name, struct strv value), void *arg)
{
	struct arena *arena = account_arena(account);
	struct strv from = strv_make(arena_printf(arena, "%.*s/", STRV_ARG(name)), name.n + 1);
	/* The range ends at "<name>0": '0' is the octet that follows '/'. */
	struct strv to = strv_make(arena_printf(arena, "%.*s0", STRV_ARG(name)), name.n + 1);
	sqlite3_stmt *stmt;

	enum rc rc = db_query(account->db, &stmt,
		"SELECT name, value FROM annotation WHERE mailbox = ?1 AND name >= ?2 AND name < ?3"
		" ORDER BY name",
		"itt", mailbox, from, to);
	if (rc != RC_OK)
		return rc;
	for (rc = db_step(account->db, stmt); rc == RC_OK; rc = db_step(account->db, stmt)) {
		struct strv value = db_blob(stmt, 1);
		if (!value.p)
			value.p = "";
		if (!fn(arg, db_text(stmt, 0), value)) {
			db_reset(stmt);
			return RC_OK;
		}
	}
	return rc == RC_NOT_FOUND ? RC_OK : rc;
}

enum rc annot_list(struct account *account, int64_t mailbox, struct strv name, bool below,
	bool (*fn)(void *arg, struct strv name, struct strv value), void *arg)
{
	struct strv value;

	enum rc rc = annot_get(account, mailbox, name, &value);
	if (rc == RC_OK && !fn(arg, name, value))
		return RC_OK;
	if (rc != RC_OK && rc != RC_NOT_FOUND)
		return rc;
	return below ? list_below(account, mailbox, name, fn, arg) : RC_OK;
}

void annot_forget(struct account *account)
{
	notes_drop(account);
	account->mail->annot_count = 0;
	account->mail->annot_size = 0;
}

/*
 * Finds the mailbox. *ret_mbox is NULL for the account itself. RC_NOT_FOUND: no such mailbox. A \Noselect
 * name has annotations, too.
 */
static enum rc annot_owner(struct account *account, int64_t mailbox, struct mbox **ret_mbox)
{
	struct mbox *mbox = mailbox ? mail_mbox_by_id(account, mailbox) : NULL;

	if (mailbox && !mbox)
		return RC_NOT_FOUND;
	*ret_mbox = mbox;
	return RC_OK;
}

static enum rc annot_tell(struct account *account, struct mbox *mbox, struct strv name)
{
	uint64_t modseq = 0;

	/* Counts in memory are read again if the transaction is undone. */
	account->mail->tree_touched = true;
	notes_drop(account);
	if (mbox) {
		mail_mbox_touch(account, mbox);
		modseq = account_modseq_next(account);
		mbox->highestmodseq = modseq;
		enum rc rc = mail_mbox_save(account, mbox);
		if (rc != RC_OK)
			return rc;
	}
	change_name(account, CHANGE_ANNOTATION, mbox ? mbox->id : 0, name, STRV_NULL, modseq);
	return RC_OK;
}

enum rc annot_changed(struct account *account, int64_t mailbox, struct strv name)
{
	struct mbox *mbox;

	enum rc rc = annot_owner(account, mailbox, &mbox);
	return rc == RC_OK ? annot_tell(account, mbox, name) : rc;
}

static enum rc entry_remove(struct account *account, struct mbox *mbox, int64_t mailbox, struct strv name)
{
	struct mail *mail = account->mail;
	uint64_t old = 0;

	enum rc rc = entry_size(account, mailbox, name, &old);
	if (rc != RC_OK)
		return rc == RC_NOT_FOUND ? RC_OK : rc;
	mail->tree_touched = true;
	rc = db_run(
		account->db, "DELETE FROM annotation WHERE mailbox = ?1 AND name = ?2", "it", mailbox, name);
	if (rc != RC_OK)
		return rc;
	mail->annot_count--;
	mail->annot_size -= old;
	return annot_tell(account, mbox, name);
}

static enum rc entry_put(struct account *account, struct mbox *mbox, int64_t mailbox, struct strv name,
	struct strv value, bool within_quota)
{
	struct mail *mail = account->mail;
	uint64_t old = 0;
	uint64_t new = name.n + value.n;

	enum rc rc = entry_size(account, mailbox, name, &old);
	bool there = rc == RC_OK;
	if (rc == RC_NOT_FOUND)
		rc = RC_OK;
	if (rc == RC_OK && within_quota && new > old)
		rc = account_quota_check(account, new - old, 0);
	if (rc != RC_OK)
		return rc;
	mail->tree_touched = true;
	rc = db_run(account->db,
		"INSERT INTO annotation (mailbox, name, value) VALUES (?1, ?2, ?3)"
		" ON CONFLICT (mailbox, name) DO UPDATE SET value = excluded.value",
		"itb", mailbox, name, value);
	if (rc != RC_OK)
		return rc;
	mail->annot_count += there ? 0 : 1;
	mail->annot_size += new - old;
	return annot_tell(account, mbox, name);
}

enum rc annot_set(
	struct account *account, int64_t mailbox, struct strv name, struct strv value, bool within_quota)
{
	struct mbox *mbox;

	enum rc rc = annot_owner(account, mailbox, &mbox);
	if (rc != RC_OK)
		return rc;
	return value.p ? entry_put(account, mbox, mailbox, name, value, within_quota)
		       : entry_remove(account, mbox, mailbox, name);
}

uint64_t annot_count(struct account *account)
{
	return account->mail->annot_count;
}

/* Counts the entries of one mailbox. */
static enum rc count_of(struct account *account, int64_t mailbox, uint64_t *ret_count, uint64_t *ret_size)
{
	sqlite3_stmt *stmt;

	enum rc rc = db_one(account->db, &stmt,
		"SELECT count(*), coalesce(sum(length(CAST(name AS BLOB)) + length(value)), 0)"
		" FROM annotation WHERE mailbox = ?1",
		"i", mailbox);
	if (rc != RC_OK)
		return rc == RC_NOT_FOUND ? RC_CORRUPT : rc;
	*ret_count = db_u64(stmt, 0);
	*ret_size = db_u64(stmt, 1);
	db_reset(stmt);
	return RC_OK;
}

enum rc annot_remove_all(struct account *account, int64_t mailbox)
{
	struct mail *mail = account->mail;
	uint64_t count;
	uint64_t size;

	if (mail->annot_count == 0)
		return RC_OK;
	enum rc rc = count_of(account, mailbox, &count, &size);
	if (rc != RC_OK || count == 0)
		return rc;
	rc = db_run(account->db, "DELETE FROM annotation WHERE mailbox = ?1", "i", mailbox);
	if (rc != RC_OK)
		return rc;
	mail->annot_count -= count;
	mail->annot_size -= size;
	return RC_OK;
}

enum rc annot_copy_all(struct account *account, int64_t from, int64_t to)
{
	struct mail *mail = account->mail;
	uint64_t count;
	uint64_t size;

	if (mail->annot_count == 0)
		return RC_OK;
	enum rc rc = count_of(account, from, &count, &size);
	if (rc != RC_OK || count == 0)
		return rc;
	rc = account_quota_check(account, size, 0);
	if (rc == RC_OK)
		rc = db_run(account->db,
			"INSERT INTO annotation (mailbox, name, value)"
			" SELECT ?2, name, value FROM annotation WHERE mailbox = ?1",
			"ii", from, to);
	if (rc != RC_OK)
		return rc;
	mail->annot_count += count;
	mail->annot_size += size;
	return RC_OK;
}
