/*
 * Quota. The usage is the sum over the mailbox rows, which change in the transaction of the messages. The
 * limits are those of the user's record, if account_quota_set was called, or those of the configuration.
 */
#include "store/mail_priv.h"

static uint64_t limit_of(uint64_t own, uint64_t standard)
{
	return own != QUOTA_DEFAULT ? own : standard;
}

void account_quota_set(struct account *account, uint64_t storage, uint64_t messages)
{
	/* The values are stored plus one, so that the zeros of a new account mean the default. */
	account->quota_storage = storage + 1;
	account->quota_messages = messages + 1;
}

enum rc account_quota(struct account *account, struct quota *ret_quota)
{
	const struct store_settings *settings = &account->store->settings;
	const struct mail *mail = account->mail;

	*ret_quota = (struct quota){
		.storage_used = mail->storage + mail->annot_size,
		.storage_max = limit_of(account->quota_storage - 1, settings->quota_storage),
		.messages_used = mail->messages,
		.messages_max = limit_of(account->quota_messages - 1, settings->quota_messages),
		.mailboxes_used = mail->name_count,
		.mailboxes_max = settings->mailboxes_max,
	};
	return RC_OK;
}

static bool quota_fits(uint64_t used, uint64_t more, uint64_t max)
{
	return max == 0 || (used <= max && more <= max - used);
}

enum rc account_quota_check(struct account *account, uint64_t octets, uint64_t messages)
{
	struct quota quota;

	enum rc rc = account_quota(account, &quota);
	if (rc != RC_OK)
		return rc;
	if (!quota_fits(quota.storage_used, octets, quota.storage_max) ||
		!quota_fits(quota.messages_used, messages, quota.messages_max))
		return RC_QUOTA;
	return RC_OK;
}
