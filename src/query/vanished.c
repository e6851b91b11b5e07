/*
 * Reads the log of expunges for a client that resynchronises.
 */
#include "query/vanished.h"

#include "store/message.h"

/* Removes the existing messages from the set. */
static void remove_rows(struct seqset *uids, const struct msg_row *rows, size_t count)
{
	struct seqset there = SEQSET_EMPTY;
	size_t from = 0;

	for (size_t i = 1; i <= count; i++) {
		if (i < count && rows[i].uid == rows[i - 1].uid + 1)
			continue;
		seqset_add_range(&there, rows[from].uid, rows[i - 1].uid);
		from = i;
	}
	seqset_remove_set(uids, &there);
	seqset_fini(&there);
}

static enum rc all_missing(
	struct account *account, int64_t mailbox, const struct seqset *asked, struct seqset *ret_uids)
{
	const struct msg_row *rows;
	size_t count;
	struct mbox_info info;

	enum rc rc = msg_index(account, mailbox, &rows, &count);
	if (rc == RC_OK)
		rc = mbox_get(account, mailbox, &info);
	if (rc != RC_OK)
		return rc;
	struct seqset uids = SEQSET_EMPTY;
	seqset_copy(&uids, asked);
	seqset_remove_range(&uids, info.uidnext, UINT32_MAX);
	remove_rows(&uids, rows, count);
	*ret_uids = uids;
	return RC_OK;
}

enum rc vanished_since(struct account *account, int64_t mailbox, uint64_t since, const struct seqset *asked,
	struct seqset *ret_uids)
{
	struct seqset uids = SEQSET_EMPTY;
	bool complete = false;

	enum rc rc = msg_expunged_since(account, mailbox, since, &uids, &complete);
	if (rc != RC_OK)
		return rc;
	if (!complete) {
		seqset_fini(&uids);
		return all_missing(account, mailbox, asked, ret_uids);
	}
	seqset_intersect(&uids, asked);
	*ret_uids = uids;
	return RC_OK;
}

enum rc vanished_match(struct account *account, int64_t mailbox, const struct seqset *seqs,
	const struct seqset *uids, uint32_t *ret_uid)
{
	const struct msg_row *rows;
	size_t count;
	uint32_t seq;
	uint32_t uid;

	enum rc rc = msg_index(account, mailbox, &rows, &count);
	if (rc != RC_OK)
		return rc;
	*ret_uid = 0;
	struct seqiter seq_it = seqset_iter(seqs);
	struct seqiter uid_it = seqset_iter(uids);
	while (seqset_next(&seq_it, &seq) && seqset_next(&uid_it, &uid)) {
		if (seq > count || rows[seq - 1].uid != uid)
			break;
		*ret_uid = uid;
	}
	return RC_OK;
}
