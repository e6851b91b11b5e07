/*
 * The job that stores one recipient's copy of a message: chooses the mailbox, appends, tells the push
 * service.
 */
#include "lmtp/delivery.h"

#include "base/clock.h"
#include "base/list.h"
#include "base/mem.h"
#include "coi/coi.h"
#include "store/mailbox.h"
#include "store/message.h"
#include "webpush/webpush.h"

#include <stdlib.h>

struct delivery *delivery_new(struct content *content, struct strv prefix, struct strv detail)
{
	struct delivery *delivery = mem_zalloc(sizeof(*delivery));
	delivery->arena = arena_new(0);
	delivery->content = content_ref(content);
	delivery->prefix = arena_strv(delivery->arena, prefix);
	delivery->detail = arena_strv(delivery->arena, detail);
	delivery->received = clock_wall();
	delivery->job.kind = JOB_WRITE;
	delivery->job.run = delivery_run;
	delivery->job.origin = ORIGIN_DELIVERY;
	return delivery;
}

void delivery_free(struct delivery **delivery)
{
	if (!*delivery)
		return;
	content_unref(&(*delivery)->content);
	arena_free(&(*delivery)->arena);
	free(*delivery);
	*delivery = NULL;
}

/*
 * Finds the mailbox that the subaddress names, if it exists and can have messages; otherwise INBOX.
 * *ret_rule: the subaddress has chosen the mailbox.
 */
static enum rc delivery_choose(
	struct account *account, struct delivery *delivery, struct mbox_info *ret_info, bool *ret_rule)
{
	struct strv name;

	*ret_rule = false;
	if (delivery->detail.n > 0 &&
		mbox_name_check(account_store(account), delivery->detail, delivery->arena, &name) == RC_OK) {
		enum rc rc = mbox_find(account, name, ret_info);
		if (rc == RC_OK && !(ret_info->attrs & MBOX_NOSELECT)) {
			*ret_rule = true;
			return RC_OK;
		}
		if (rc != RC_OK && rc != RC_NOT_FOUND)
			return rc;
	}
	return mbox_find(account, STRV("INBOX"), ret_info);
}

/*
 * Applies the rules in their order: the administrator's first, then COI's, then the user's (at present the
 * subaddress, which keeps COI from choosing the mailbox). All of them decide once, before the message is
 * stored.
 */
enum rc delivery_run(struct account *account, struct job *job)
{
	struct delivery *delivery = CONTAINER_OF(job, struct delivery, job);
	struct msg_new msg = {
		.content = delivery->content, .prefix = delivery->prefix, .internaldate = delivery->received
	};
	struct mbox_info info;
	bool rule;

	enum rc rc = delivery_choose(account, delivery, &info, &rule);
	if (rc != RC_OK)
		return rc;
	int64_t mailbox = info.id;
	rc = coi_deliver(delivery->coi, account, rule, &mailbox, &msg);
	if (rc == RC_OK)
		rc = msg_append(account, mailbox, &msg, &delivery->uid);
	if (rc == RC_OK)
		rc = webpush_deliver(delivery->webpush, account, mailbox, delivery->uid);
	if (rc == RC_OK && mailbox != info.id)
		rc = mbox_get(account, mailbox, &info);
	if (rc == RC_OK)
		delivery->mailbox = arena_strv(delivery->arena, info.name);
	return rc;
}
