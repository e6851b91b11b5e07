/*
 * Cuts the messages of a long change into jobs.
 */
#include "query/write_slice.h"

#include "store/message.h"

bool write_slice_slow(const struct seqset *uids)
{
	return seqset_count(uids) > WRITE_QUICK;
}

void write_slice_take(struct seqset *left, struct seqset *ret_part)
{
	uint64_t count = seqset_count(left);
	struct seqset part = SEQSET_EMPTY;
	if (count > WRITE_SLICE) {
		struct seqset rest = SEQSET_EMPTY;
		seqset_slice(left, 0, WRITE_SLICE, &part);
		seqset_slice(left, WRITE_SLICE, count, &rest);
		seqset_fini(left);
		*left = rest;
	} else {
		part = *left;
		seqset_init(left);
	}
	*ret_part = part;
}

enum rc write_slice_deleted(struct account *account, int64_t mailbox, const struct seqset *uids, uint64_t max,
	struct seqset *ret_chosen, bool *ret_more)
{
	const struct msg_row *rows;
	size_t count;
	uint64_t taken = 0;
	seqset_clear(ret_chosen);
	*ret_more = false;
	enum rc rc = msg_index(account, mailbox, &rows, &count);
	if (rc != RC_OK)
		return rc;
	for (size_t r = 0; r < uids->n; r++) {
		size_t i = msg_lower_bound(rows, count, uids->v[r].lo);
		for (; i < count && rows[i].uid <= uids->v[r].hi; i++) {
			if (!(rows[i].flags & MSG_DELETED))
				continue;
			if (max > 0 && taken == max) {
				*ret_more = true;
				return RC_OK;
			}
			seqset_add(ret_chosen, rows[i].uid);
			taken++;
		}
	}
	return RC_OK;
}
