/*
 * The server side of Chat over IMAP: an account's settings (entries of METADATA), the folders that belong to
 * them, delivery, and moving of chat messages that have been seen. One object for the server, constant after
 * start. Functions marked [strand] work in the account's job; those that change something need a write
 * transaction. ROOT is the value of mailbox-root.
 *
 * Of the settings each account's are remembered on its strand (store/notes.h): asking costs no query.
 */
#ifndef COID_COI_COI_H
#define COID_COI_COI_H

#include "coi/route.h"
#include "metadata/provider.h"
#include "mime/mime.h"
#include "store/message.h"
#include "store/store.h"

#define COI_PREFIX "/private/vendor/vendor.dovecot/coi/config"
#define COI_KEYWORD "$Chat"

struct coi;

struct coi_settings {
	bool enabled; /* false: no capability, no filtering, the entries are refused */
	const char *mailbox_root; /* UTF-8; copied */
	bool user_root; /* an account may choose its own */
};

struct coi *coi_new(const struct coi_settings *settings, struct log *log);
void coi_free(struct coi **coi);
/* Whether the server offers it at all. NULL: no. */
bool coi_offered(const struct coi *coi);
/* Moves what is seen, by the hooks of this store. Before its first job. */
void coi_attach(struct coi *coi, struct store *store);
/* Its entries. Before the first session. */
void coi_provider(struct coi *coi, struct metadata_provider *ret_provider);
/*
 * Called whenever an account's COI is disabled, in that transaction (COI-23: push subscriptions for chat
 * alone are to go). Before the first session.
 */
void coi_on_disabled(struct coi *coi, enum rc (*fn)(void *ctx, struct account *account), void *ctx);

/* Settings. [strand] */

enum rc coi_state(const struct coi *coi, struct account *account, struct coi_state *ret_state) MUST_CHECK;
/* What mailbox-root says; lives until the job ends. */
enum rc coi_root(const struct coi *coi, struct account *account, struct strv *ret_root) MUST_CHECK;
/*
 * COI-21 to COI-23, also when it is so already. Enabling gives the keyword $Chat to the chat messages of
 * INBOX that came before.
 */
enum rc coi_enable(const struct coi *coi, struct account *account) MUST_CHECK;
enum rc coi_disable(const struct coi *coi, struct account *account) MUST_CHECK;
/* COI-14: any filter but none makes ROOT/Chats. */
enum rc coi_set_filter(const struct coi *coi, struct account *account, enum coi_filter filter) MUST_CHECK;
/* "none", "active", "seen" */
const char *coi_filter_name(enum coi_filter filter);
/* False: it is none of them. */
bool coi_filter_parse(struct strv value, enum coi_filter *ret_filter);

/*
 * What clients do to mailboxes (COI-30 to COI-33): instead of mbox_create and its like. coi may be NULL.
 * *ret_refused is set (and RC_CANNOT the answer) if COI does not allow a rename. [strand]
 */
enum rc coi_mailbox_create(const struct coi *coi, struct account *account, struct strv name,
	uint32_t special_use, int64_t *ret_id) MUST_CHECK;
enum rc coi_mailbox_delete(const struct coi *coi, struct account *account, struct strv name) MUST_CHECK;
enum rc coi_mailbox_rename(const struct coi *coi, struct account *account, struct strv from, struct strv to,
	bool *ret_refused) MUST_CHECK;

/* Delivery. */

/*
 * [strand] Before the message is stored: replaces *mailbox if it belongs into ROOT/Chats (which is made if it
 * is missing), and completes flags and keywords of *msg. Whatever can't be done for want of room is left out:
 * the message is delivered all the same. coi may be NULL.
 */
enum rc coi_deliver(const struct coi *coi, struct account *account, bool user_rule, int64_t *mailbox,
	struct msg_new *msg) MUST_CHECK;
/* [strand] A client's APPEND: a chat message for ROOT/Chats gets its keyword. coi may be NULL. */
enum rc coi_append(
	const struct coi *coi, struct account *account, int64_t mailbox, struct msg_new *msg) MUST_CHECK;

#endif
