/*
 * The server side of Chat over IMAP: an account's settings (entries of METADATA), the folders that belong to
 * them, delivery, and moving of chat messages that have been seen. There is one object for the server,
 * constant after start. Functions marked [strand] work in the account's job; those that change something need
 * a write transaction. ROOT is the value of mailbox-root.
 *
 * Each account's settings are remembered on its strand (store/notes.h), so reading them needs no query.
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
/* Tells whether the server offers COI. NULL: it does not. */
bool coi_offered(const struct coi *coi);
/* Moves seen messages, through the hooks of this store. Call it before the store's first job. */
void coi_attach(struct coi *coi, struct store *store);
/* The provider of COI's entries. Call it before the first session. */
void coi_provider(struct coi *coi, struct metadata_provider *ret_provider);
/*
 * Sets the function that is called whenever an account's COI is disabled, in that transaction (COI-23: push
 * subscriptions for chat only are to be removed). Call it before the first session.
 */
void coi_on_disabled(struct coi *coi, enum rc (*fn)(void *ctx, struct account *account), void *ctx);

/* Settings. [strand] */

enum rc coi_state(const struct coi *coi, struct account *account, struct coi_state *ret_state) MUST_CHECK;
/* The value of mailbox-root; valid until the job ends. */
enum rc coi_root(const struct coi *coi, struct account *account, struct strv *ret_root) MUST_CHECK;
/*
 * Enable and disable COI (COI-21 to COI-23), even if that is the state already. Enabling gives the keyword
 * $Chat to earlier chat messages in INBOX.
 */
enum rc coi_enable(const struct coi *coi, struct account *account) MUST_CHECK;
enum rc coi_disable(const struct coi *coi, struct account *account) MUST_CHECK;
/* Sets the filter. COI-14: any filter except none makes ROOT/Chats. */
enum rc coi_set_filter(const struct coi *coi, struct account *account, enum coi_filter filter) MUST_CHECK;
/* "none", "active", "seen" */
const char *coi_filter_name(enum coi_filter filter);
/* False: the value is none of them. */
bool coi_filter_parse(struct strv value, enum coi_filter *ret_filter);

/*
 * Changes of mailboxes by clients (COI-30 to COI-33), used instead of mbox_create and the like. coi may be
 * NULL. If COI does not allow a rename, *ret_refused is set and RC_CANNOT returned. [strand]
 */
enum rc coi_mailbox_create(const struct coi *coi, struct account *account, struct strv name,
	uint32_t special_use, int64_t *ret_id) MUST_CHECK;
enum rc coi_mailbox_delete(const struct coi *coi, struct account *account, struct strv name) MUST_CHECK;
enum rc coi_mailbox_rename(const struct coi *coi, struct account *account, struct strv from, struct strv to,
	bool *ret_refused) MUST_CHECK;

/* Delivery. */

/*
 * [strand] Call this before a message is stored: replaces *mailbox if the message belongs into ROOT/Chats
 * (which is made if it does not exist), and completes flags and keywords of *msg. Steps that fail for lack of
 * room are skipped: the message is delivered nevertheless. coi may be NULL.
 */
enum rc coi_deliver(const struct coi *coi, struct account *account, bool user_rule, int64_t *mailbox,
	struct msg_new *msg) MUST_CHECK;
/* [strand] Call this for an APPEND: a chat message for ROOT/Chats gets its keyword. coi may be NULL. */
enum rc coi_append(
	const struct coi *coi, struct account *account, int64_t mailbox, struct msg_new *msg) MUST_CHECK;

#endif
