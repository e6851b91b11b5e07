/*
 * Marked messages: asks the module whether to mark, hands marked messages over to it, and finds marks again
 * that were left.
 */
#include "store/marked.h"

#include "store/mail_priv.h"
#include "store/msg_sql.h"

#include "base/clock.h"

#define MARKED_RETRY_MIN_MS 1000
#define MARKED_RETRY_MAX_MS 300000

void marked_set_hooks(struct store *store, const struct marked_hooks *hooks)
{
	store->marked_hooks = *hooks;
}

void marked_hand_over(struct account *account, int64_t mailbox, const struct seqset *uids)
{
	const struct marked_hooks *hooks = &account->store->marked_hooks;

	if (hooks->hand_over && !seqset_empty(uids))
		hooks->hand_over(hooks->ctx, account, mailbox, uids);
}

enum rc marked_uids(struct account *account, int64_t mailbox, struct seqset *ret_uids)
{
	sqlite3_stmt *stmt;

	/* The condition is the one of the index msg_marked, so the index answers this query. */
	enum rc rc = db_query(account->db, &stmt,
		"SELECT uid FROM msg WHERE mailbox = ?1 AND flags & " MSG_SQL_MARKED " ORDER BY uid", "i",
		mailbox);
	return rc == RC_OK ? db_uids(account->db, stmt, ret_uids) : rc;
}

void marked_left(struct account *account)
{
	strand_assert(account->strand);
	account->marked_swept = false;
	if (account->state != ACCOUNT_OPEN)
		return;
	uint64_t pause = account->marked_retry_ms * 2;
	if (pause < MARKED_RETRY_MIN_MS)
		pause = MARKED_RETRY_MIN_MS;
	account->marked_retry_ms = pause < MARKED_RETRY_MAX_MS ? pause : MARKED_RETRY_MAX_MS;
	account_background(account, BACKGROUND_MARKED, clock_mono_ms() + account->marked_retry_ms);
}

void marked_done(struct account *account)
{
	strand_assert(account->strand);
	account->marked_retry_ms = 0;
}

enum rc marked_retry(struct account *account)
{
	marked_sweep(account);
	/* The sweep could not read the marks; it is tried again. */
	if (account->store->marked_hooks.hand_over && !account->marked_swept)
		marked_left(account);
	return RC_OK;
}

enum rc marked_wanted(struct account *account, const struct mbox *mbox, bool *ret_wanted)
{
	const struct marked_hooks *hooks = &account->store->marked_hooks;

	*ret_wanted = false;
	if (!hooks->wanted || !tree_is_inbox(mbox->name))
		return RC_OK;
	return hooks->wanted(hooks->ctx, account, ret_wanted);
}

void marked_add(struct account *account, int64_t mailbox, uint32_t uid)
{
	struct effects *effects = account->effects;

	if (account->job && account->job->hold_marked)
		return;
	effects->marked_mailbox = mailbox;
	seqset_add(&effects->marked, uid);
}

void marked_sweep(struct account *account)
{
	const struct marked_hooks *hooks = &account->store->marked_hooks;
	struct seqset uids;

	if (!hooks->hand_over || account->marked_swept)
		return;
	struct mbox *inbox = tree_find(account->mail, STRV("INBOX"));
	if (!inbox)
		return;
	/* If the marks can't be read, the account is damaged in other ways, which other jobs report. */
	if (marked_uids(account, inbox->id, &uids) != RC_OK)
		return;
	account->marked_swept = true;
	if (!seqset_empty(&uids))
		hooks->hand_over(hooks->ctx, account, inbox->id, NULL);
	seqset_fini(&uids);
}
