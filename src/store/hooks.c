#include "store/hooks.h"

#include "store/mail_priv.h"

#include "base/clock.h"

#define MARKS_RETRY_MIN_MS 1000
#define MARKS_RETRY_MAX_MS 300000

void store_set_hooks(struct store *store, const struct store_hooks *hooks)
{
	store->hooks = *hooks;
}

void account_move_marked(struct account *account, int64_t mailbox, const struct seqset *uids)
{
	const struct store_hooks *hooks = &account->store->hooks;

	if (hooks->move && !seqset_empty(uids))
		hooks->move(hooks->ctx, account, mailbox, uids);
}

enum rc msg_marked(struct account *account, int64_t mailbox, struct seqset *ret_uids)
{
	struct seqset uids = SEQSET_EMPTY;
	sqlite3_stmt *stmt;

	/* 512: MSG_MOVE_PENDING, as in the index that answers this. */
	enum rc rc = db_query(account->db, &stmt,
		"SELECT uid FROM msg WHERE mailbox = ?1 AND flags & 512 ORDER BY uid", "i", mailbox);
	if (rc != RC_OK)
		return rc;
	for (rc = db_step(account->db, stmt); rc == RC_OK; rc = db_step(account->db, stmt))
		seqset_add(&uids, db_u32(stmt, 0));
	if (rc != RC_NOT_FOUND) {
		seqset_fini(&uids);
		return rc;
	}
	*ret_uids = uids;
	return RC_OK;
}

void account_marks_left(struct account *account)
{
	strand_assert(account->strand);
	account->marks_swept = false;
	if (account->state != ACCOUNT_OPEN)
		return;
	uint64_t pause = account->marks_retry_ms * 2;
	if (pause < MARKS_RETRY_MIN_MS)
		pause = MARKS_RETRY_MIN_MS;
	account->marks_retry_ms = pause < MARKS_RETRY_MAX_MS ? pause : MARKS_RETRY_MAX_MS;
	account_background(account, BACKGROUND_MARKS, clock_mono_ms() + account->marks_retry_ms);
}

void account_marks_moved(struct account *account)
{
	strand_assert(account->strand);
	account->marks_retry_ms = 0;
}

enum rc moves_retry(struct account *account)
{
	moves_sweep(account);
	/* They can't even be read. */
	if (account->store->hooks.move && !account->marks_swept)
		account_marks_left(account);
	return RC_OK;
}

enum rc moves_wanted(struct account *account, const struct mbox *mbox, bool *ret_wanted)
{
	const struct store_hooks *hooks = &account->store->hooks;
	*ret_wanted = false;
	return hooks->seen && tree_is_inbox(mbox->name) ? hooks->seen(hooks->ctx, account, ret_wanted)
							: RC_OK;
}

void moves_mark(struct account *account, int64_t mailbox, uint32_t uid)
{
	struct effects *effects = account->effects;

	if (account->job && account->job->hold_moves)
		return;
	effects->moves_mailbox = mailbox;
	seqset_add(&effects->moves, uid);
}

void moves_sweep(struct account *account)
{
	const struct store_hooks *hooks = &account->store->hooks;
	struct seqset uids;

	if (!hooks->move || account->marks_swept)
		return;
	struct mbox *inbox = tree_find(account->mail, STRV("INBOX"));
	if (!inbox)
		return;
	/* An account whose marks can't be read has other troubles, which are told to whoever meets them. */
	if (msg_marked(account, inbox->id, &uids) != RC_OK)
		return;
	account->marks_swept = true;
	if (!seqset_empty(&uids))
		hooks->move(hooks->ctx, account, inbox->id, NULL);
	seqset_fini(&uids);
}
