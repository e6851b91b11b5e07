/*
 * The mailboxes of an open account: reads them, counts their messages, and drops them from memory after a
 * rollback.
 */
#include "store/mail_priv.h"

#include "base/clock.h"
#include "base/mem.h"

#include <stdlib.h>

#define MBOX_COLUMNS                                                                                         \
	"id, name, attrs, uidvalidity, uidnext, first_recent, recent, messages, unseen, deleted, size,"      \
	" highestmodseq, modseq_floor, log_rows, log_since"

struct mbox *mail_mbox_by_id(struct account *account, int64_t id)
{
	struct mbox *mbox = NULL;
	HASH_FIND(hh, account->mail->by_id, &id, sizeof(id), mbox);
	return mbox;
}

enum rc mail_mbox_selectable(struct account *account, int64_t id, struct mbox **ret_mbox)
{
	struct mbox *mbox = mail_mbox_by_id(account, id);
	if (!mbox || (mbox->attrs & MBOX_NOSELECT))
		return RC_NOT_FOUND;
	*ret_mbox = mbox;
	return RC_OK;
}

void mail_mbox_touch(struct account *account, struct mbox *mbox)
{
	if (!list_linked(&mbox->touched))
		list_append(&account->mail->touched, &mbox->touched);
}

enum rc mail_mbox_save(struct account *account, struct mbox *mbox)
{
	return db_run(account->db,
		"UPDATE mailbox SET uidnext = ?2, first_recent = ?3, recent = ?4, messages = ?5, unseen = ?6,"
		" deleted = ?7, size = ?8, highestmodseq = ?9, log_rows = ?10, log_since = ?11 WHERE id = ?1",
		"idddddduuuu", mbox->id, mbox->uidnext, mbox->first_recent, mbox->recent, mbox->messages,
		mbox->unseen, mbox->deleted, mbox->size, mbox->highestmodseq, mbox->log_rows,
		mbox->log_since);
}

void mail_mbox_count(struct account *account, struct mbox *mbox, const struct msg_row *row, int sign)
{
	/* Unsigned wrap-around makes adding ~0 a subtraction. */
	uint32_t one = sign > 0 ? 1 : UINT32_MAX;
	uint64_t size = sign > 0 ? row->size : -(uint64_t)row->size;

	mbox->messages += one;
	mbox->size += size;
	if (!(row->flags & MSG_SEEN))
		mbox->unseen += one;
	if (row->flags & MSG_DELETED)
		mbox->deleted += one;
	if (row->uid >= mbox->first_recent)
		mbox->recent += one;
	account->mail->messages += sign > 0 ? 1 : UINT64_MAX;
	account->mail->storage += size;
}

static void read_row(struct mbox *mbox, sqlite3_stmt *stmt)
{
	struct strv name = db_text(stmt, 1);

	mbox->id = db_i64(stmt, 0);
	free((void *)mbox->name.p);
	mbox->name = strv_make(mem_strndup(name.p, name.n), name.n);
	mbox->attrs = db_u32(stmt, 2);
	mbox->uidvalidity = db_u32(stmt, 3);
	mbox->uidnext = db_u32(stmt, 4);
	mbox->first_recent = db_u32(stmt, 5);
	mbox->recent = db_u32(stmt, 6);
	mbox->messages = db_u32(stmt, 7);
	mbox->unseen = db_u32(stmt, 8);
	mbox->deleted = db_u32(stmt, 9);
	mbox->size = db_u64(stmt, 10);
	mbox->highestmodseq = db_u64(stmt, 11);
	mbox->modseq_floor = db_u64(stmt, 12);
	mbox->log_rows = db_u64(stmt, 13);
	mbox->log_since = db_u64(stmt, 14);
}

void mail_mbox_free(struct account *account, struct mbox *mbox)
{
	HASH_DEL(account->mail->by_id, mbox);
	list_remove(&mbox->touched);
	index_drop(account, mbox);
	keywords_drop(mbox);
	free((void *)mbox->name.p);
	free(mbox);
}

/* Forgets all that was read. That the tree was touched stays noted until the commit. */
static void mail_clear(struct account *account)
{
	struct mail *mail = account->mail;

	while (mail->by_id)
		mail_mbox_free(account, mail->by_id);
	for (size_t i = 0; i < mail->sub_count; i++)
		free((void *)mail->subs[i].p);
	mail->name_count = 0;
	mail->sub_count = 0;
	mail->storage = 0;
	mail->messages = 0;
	annot_forget(account);
}

static enum rc load_mailboxes(struct account *account)
{
	struct mail *mail = account->mail;
	sqlite3_stmt *stmt;

	enum rc rc = db_query(account->db, &stmt, "SELECT " MBOX_COLUMNS " FROM mailbox", "");
	if (rc != RC_OK)
		return rc;
	for (rc = db_step(account->db, stmt); rc == RC_OK; rc = db_step(account->db, stmt)) {
		struct mbox *mbox = mem_zalloc(sizeof(*mbox));
		read_row(mbox, stmt);
		HASH_ADD(hh, mail->by_id, id, sizeof(mbox->id), mbox);
		tree_add(mail, mbox);
		mail->storage += mbox->size;
		mail->messages += mbox->messages;
		if (mbox->uidvalidity > mail->uidvalidity)
			mail->uidvalidity = mbox->uidvalidity;
		if (mbox->highestmodseq > mail->modseq)
			mail->modseq = mbox->highestmodseq;
	}
	return rc == RC_NOT_FOUND ? RC_OK : rc;
}

static enum rc load_subscriptions(struct account *account)
{
	sqlite3_stmt *stmt;

	enum rc rc = db_query(account->db, &stmt, "SELECT name FROM subscription", "");
	if (rc != RC_OK)
		return rc;
	for (rc = db_step(account->db, stmt); rc == RC_OK; rc = db_step(account->db, stmt))
		tree_subs_add(account->mail, db_text(stmt, 0));
	return rc == RC_NOT_FOUND ? RC_OK : rc;
}

static enum rc mail_load(struct account *account)
{
	struct mail *mail = account->mail;
	sqlite3_stmt *stmt;

	enum rc rc = db_one(account->db, &stmt, "SELECT uidvalidity, modseq FROM account", "");
	if (rc == RC_NOT_FOUND) {
		log_error(account_log(account), "account row is missing account=%s", account_shown(account));
		return RC_CORRUPT;
	}
	if (rc != RC_OK)
		return rc;
	mail->uidvalidity = db_u32(stmt, 0);
	mail->modseq = db_u64(stmt, 1);
	db_reset(stmt);

	rc = load_mailboxes(account);
	if (rc == RC_OK)
		rc = load_subscriptions(account);
	if (rc == RC_OK)
		rc = annot_load(account);
	return rc;
}

enum rc mail_transaction(
	struct account *account, enum rc (*fn)(struct account *account, void *arg), void *arg)
{
	enum rc rc = db_begin(account->db, true);
	if (rc == RC_OK)
		rc = fn(account, arg);
	if (rc == RC_OK)
		rc = db_commit(account->db);
	if (rc == RC_OK)
		mail_committed(account);
	else
		db_rollback(account->db);
	return rc;
}

static enum rc mail_create_defaults(struct account *account, void *arg)
{
	(void)arg;
	enum rc rc = mbox_create_defaults(account);
	return rc == RC_OK ? annot_create_defaults(account) : rc;
}

enum rc mail_open(struct account *account)
{
	account->mail = mem_zalloc(sizeof(*account->mail));
	list_init(&account->mail->touched);

	enum rc rc = mail_load(account);
	if (rc == RC_OK && !tree_find(account->mail, STRV("INBOX")))
		rc = db_in_transaction(account->db) ? mail_create_defaults(account, NULL)
						    : mail_transaction(account, mail_create_defaults, NULL);
	if (rc != RC_OK)
		mail_close(account);
	return rc;
}

void mail_close(struct account *account)
{
	if (!account->mail)
		return;
	mail_clear(account);
	free(account->mail->names);
	free(account->mail->subs);
	free(account->mail);
	account->mail = NULL;
}

void mail_committed(struct account *account)
{
	struct mail *mail = account->mail;

	for (struct list_node *node = list_pop(&mail->touched); node; node = list_pop(&mail->touched)) {
		const struct mbox *mbox = CONTAINER_OF(node, struct mbox, touched);
		if (mbox->highestmodseq > mail->modseq)
			mail->modseq = mbox->highestmodseq;
	}
	mail->tree_touched = false;
}

static enum rc mbox_reload(struct account *account, struct mbox *mbox)
{
	struct mail *mail = account->mail;
	sqlite3_stmt *stmt;

	index_drop(account, mbox);
	keywords_drop(mbox);
	enum rc rc = db_one(
		account->db, &stmt, "SELECT " MBOX_COLUMNS " FROM mailbox WHERE id = ?1", "i", mbox->id);
	if (rc != RC_OK)
		return rc == RC_NOT_FOUND ? RC_CORRUPT : rc;
	mail->storage -= mbox->size;
	mail->messages -= mbox->messages;
	read_row(mbox, stmt);
	mail->storage += mbox->size;
	mail->messages += mbox->messages;
	db_reset(stmt);
	return RC_OK;
}

enum rc mail_reload(struct account *account)
{
	struct mail *mail = account->mail;
	enum rc rc = RC_OK;

	if (mail->tree_touched) {
		mail_clear(account);
		return mail_load(account);
	}
	/*
	 * The mailboxes stay touched: jobs before the failed one in this transaction may have changed them,
	 * too.
	 */
	LIST_EACH (node, &mail->touched) {
		if (rc == RC_OK)
			rc = mbox_reload(account, CONTAINER_OF(node, struct mbox, touched));
	}
	return rc;
}

uint64_t mail_modseq_stored(const struct account *account)
{
	return account->mail ? account->mail->modseq : 0;
}

uint64_t mail_modseq(const struct account *account)
{
	uint64_t given = account_modseq_last(account);
	return given > account->mail->modseq ? given : account->mail->modseq;
}

enum rc mail_raise_modseq(struct account *account, uint64_t ceiling)
{
	/* modseq_floor raises the modseq of every message, which saves an update of all rows of msg. */
	enum rc rc = db_run(account->db,
		"UPDATE mailbox SET highestmodseq = max(highestmodseq, ?1), modseq_floor = ?1", "u", ceiling);
	if (rc != RC_OK)
		return rc;
	account->mail->tree_touched = true;
	return mail_reload(account);
}

uint32_t mail_uidvalidity(const struct account *account)
{
	return account->mail ? account->mail->uidvalidity : 0;
}

enum rc mail_renew(struct account *account, uint32_t uidvalidity)
{
	struct mail *mail = account->mail;
	int64_t now = clock_wall();
	uint32_t last = mail->uidvalidity > uidvalidity ? mail->uidvalidity : uidvalidity;
	uint32_t count = HASH_COUNT(mail->by_id);

	if (now > last && now <= UINT32_MAX)
		last = (uint32_t)now;
	if (last > UINT32_MAX - count)
		return RC_LIMIT;
	enum rc rc = db_run(account->db,
		"UPDATE mailbox SET uidvalidity = ?1 + (SELECT count(*) FROM mailbox m WHERE m.id <= "
		"mailbox.id)",
		"d", last);
	if (rc == RC_OK)
		rc = db_run(account->db, "UPDATE account SET uidvalidity = ?1", "d", last + count);
	if (rc != RC_OK)
		return rc;
	mail->tree_touched = true;
	return mail_reload(account);
}
