/* COI's part in the delivery of messages. */
#include "coi/coi_priv.h"
#include "coi/detect.h"
#include "store/mailbox.h"

#define MAILBOX_KEYWORD STRV(COI_KEYWORD)

/* Adds the keyword. If all keywords of the mailbox are in use, the message is stored without it. */
static enum rc add_keyword(struct account *account, int64_t mailbox, struct msg_new *msg)
{
	struct strv keyword = MAILBOX_KEYWORD;
	struct keyword_set set;

	enum rc rc = mbox_keyword_set(account, mailbox, &keyword, 1, true, &set);
	if (rc == RC_LIMIT)
		return RC_OK;
	if (rc != RC_OK)
		return rc;
	struct strv *keywords =
		arena_alloc(account_arena(account), (msg->keyword_count + 1) * sizeof(*keywords));
	for (size_t i = 0; i < msg->keyword_count; i++)
		keywords[i] = msg->keywords[i];
	keywords[msg->keyword_count++] = keyword;
	msg->keywords = keywords;
	return RC_OK;
}

/* Finds ROOT/Chats. COI-49: mail is not lost if there is no such mailbox. */
static enum rc to_chats(const struct coi *coi, struct account *account, int64_t *mailbox)
{
	int64_t id;

	enum rc rc = coi_folder_find(coi, account, COI_CHATS, &id);
	if (rc == RC_NOT_FOUND)
		rc = coi_folder_make(coi, account, COI_CHATS, &id);
	if (rc == RC_QUOTA || rc == RC_LIMIT || rc == RC_INVALID) {
		log_warn(coi->log, "no folder for chats, message stays account=%s rc=%s",
			account_shown(account), rc_name(rc));
		return RC_OK;
	}
	if (rc == RC_OK)
		*mailbox = id;
	return rc;
}

enum rc coi_deliver(
	const struct coi *coi, struct account *account, bool user_rule, int64_t *mailbox, struct msg_new *msg)
{
	struct coi_state state;

	if (!coi_offered(coi) || !coi_detect(content_mime(msg->content)))
		return RC_OK;
	enum rc rc = coi_state(coi, account, &state);
	if (rc != RC_OK)
		return rc;
	struct coi_route route = coi_route(
		state, (struct coi_message){ .chat = true, .user_rule = user_rule, .flags = msg->flags });
	msg->flags = route.flags;
	if (route.to_chats)
		rc = to_chats(coi, account, mailbox);
	return rc == RC_OK && route.keyword ? add_keyword(account, *mailbox, msg) : rc;
}

enum rc coi_append(const struct coi *coi, struct account *account, int64_t mailbox, struct msg_new *msg)
{
	struct coi_state state;
	int64_t chats;

	if (!coi_offered(coi) || !coi_detect(content_mime(msg->content)))
		return RC_OK;
	enum rc rc = coi_state(coi, account, &state);
	if (rc != RC_OK || !state.enabled)
		return rc;
	rc = coi_folder_find(coi, account, COI_CHATS, &chats);
	if (rc != RC_OK)
		return rc == RC_NOT_FOUND ? RC_OK : rc;
	return chats == mailbox ? add_keyword(account, mailbox, msg) : RC_OK;
}
