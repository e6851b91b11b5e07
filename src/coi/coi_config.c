/*
 * An account's settings: entries below COI_PREFIX, stored as annotations of the account. Names in this file
 * are the last components.
 */
#include "coi/coi_priv.h"

#include "base/mem.h"
#include "store/annot.h"
#include "store/notes.h"
#include "store/mailbox.h"

#define VALUE_SHOWN_MAX 60 /* octets of a wrong value that an error text shows */

#define ENTRY(name) STRV(COI_PREFIX "/" name)
#define ENTRY_ENABLED ENTRY("enabled")
#define ENTRY_FILTER ENTRY("message-filter")
#define ENTRY_ROOT ENTRY("mailbox-root")

/* The remembered settings of an account. */
struct note {
	struct coi_state state;
	size_t root_length; /* 0: the server's root */
	char root[];
};

static const char *const filter_names[] = {
	[COI_FILTER_NONE] = "none",
	[COI_FILTER_ACTIVE] = "active",
	[COI_FILTER_SEEN] = "seen",
};
#define FILTERS COUNT_OF(filter_names)

const char *coi_filter_name(enum coi_filter filter)
{
	return filter_names[filter];
}

/* Reads an entry. The value is empty if the entry does not exist. */
static enum rc read_entry(struct account *account, struct strv entry, struct strv *ret_value)
{
	*ret_value = STRV_NULL;
	enum rc rc = annot_get(account, 0, entry, ret_value);
	return rc == RC_NOT_FOUND ? RC_OK : rc;
}

bool coi_filter_parse(struct strv value, enum coi_filter *ret_filter)
{
	for (unsigned i = 0; i < FILTERS; i++) {
		if (strv_eq(value, strv_cstr(filter_names[i]))) {
			*ret_filter = (enum coi_filter)i;
			return true;
		}
	}
	return false;
}

static enum rc coi_config_recall(const struct coi *coi, struct account *account, const struct note **ret_note)
{
	const struct note *known = notes_get(account, ACCOUNT_NOTE_COI);
	struct strv enabled;
	struct strv filter;
	struct strv root = STRV_NULL;

	if (known) {
		*ret_note = known;
		return RC_OK;
	}
	enum rc rc = read_entry(account, ENTRY_ENABLED, &enabled);
	if (rc == RC_OK)
		rc = read_entry(account, ENTRY_FILTER, &filter);
	if (rc == RC_OK && coi->user_root)
		rc = read_entry(account, ENTRY_ROOT, &root);
	if (rc != RC_OK)
		return rc;
	struct note *note = mem_zalloc(sizeof(*note) + root.n);
	note->state.enabled = coi->enabled && strv_eq(enabled, STRV("yes"));
	if (!coi_filter_parse(filter, &note->state.filter))
		note->state.filter = COI_FILTER_NONE;
	note->root_length = root.n;
	if (root.n > 0)
		memcpy(note->root, root.p, root.n);
	notes_set(account, ACCOUNT_NOTE_COI, note);
	*ret_note = note;
	return RC_OK;
}

enum rc coi_state(const struct coi *coi, struct account *account, struct coi_state *ret_state)
{
	const struct note *note;

	if (!coi_offered(coi)) {
		*ret_state = (struct coi_state){ 0 };
		return RC_OK;
	}
	enum rc rc = coi_config_recall(coi, account, &note);
	if (rc == RC_OK)
		*ret_state = note->state;
	return rc;
}

enum rc coi_root(const struct coi *coi, struct account *account, struct strv *ret_root)
{
	const struct note *note;

	enum rc rc = coi_config_recall(coi, account, &note);
	if (rc != RC_OK)
		return rc;
	*ret_root = note->root_length > 0
			    ? arena_strv(account_arena(account), strv_make(note->root, note->root_length))
			    : strv_cstr(coi->root);
	return RC_OK;
}

/*
 * Gives the keyword to chat messages that came into INBOX while COI was off. If there is no room for it, COI
 * is enabled nevertheless.
 */
static enum rc mark_earlier(struct account *account)
{
	struct strv keyword = STRV(COI_KEYWORD);
	struct seqset uids = SEQSET_EMPTY;
	struct seqset modified = SEQSET_EMPTY;
	struct mbox_info inbox;
	const struct msg_row *rows;
	size_t count;
	struct keyword_set chat;

	enum rc rc = mbox_find(account, STRV("INBOX"), &inbox);
	if (rc == RC_OK)
		rc = msg_index(account, inbox.id, &rows, &count);
	if (rc != RC_OK)
		return rc;
	for (size_t i = 0; i < count; i++) {
		if (rows[i].flags & MSG_CHAT)
			seqset_add(&uids, rows[i].uid);
	}
	if (!seqset_empty(&uids))
		rc = mbox_keyword_set(account, inbox.id, &keyword, 1, true, &chat);
	if (rc == RC_OK && !seqset_empty(&uids))
		rc = msg_store_flags(
			account, inbox.id, &uids, FLAGS_ADD, 0, &chat, UINT64_MAX, &modified, NULL);
	seqset_fini(&modified);
	seqset_fini(&uids);
	return rc == RC_LIMIT ? RC_OK : rc;
}

enum rc coi_enable(const struct coi *coi, struct account *account)
{
	struct strv old;
	int64_t id;

	if (!coi->enabled)
		return RC_CANNOT;
	enum rc rc = coi_folder_make(coi, account, COI_CONTACTS, &id);
	if (rc == RC_OK)
		rc = coi_folder_make(coi, account, COI_CHATS, &id);
	if (rc == RC_OK)
		rc = read_entry(account, ENTRY_ENABLED, &old);
	if (rc != RC_OK || strv_eq(old, STRV("yes")))
		return rc;
	rc = mark_earlier(account);
	if (rc != RC_OK)
		return rc;
	/*
	 * The quota is not checked: the entry is small, and the owner of a full account must be able to
	 * enable COI.
	 */
	return annot_set(account, 0, ENTRY_ENABLED, STRV("yes"), false);
}

enum rc coi_disable(const struct coi *coi, struct account *account)
{
	struct strv old;

	if (!coi->enabled)
		return RC_CANNOT;
	enum rc rc = read_entry(account, ENTRY_ENABLED, &old);
	if (rc != RC_OK || !old.p)
		return rc;
	rc = annot_set(account, 0, ENTRY_ENABLED, STRV_NULL, false);
	if (rc == RC_OK && coi->disabled)
		rc = coi->disabled(coi->disabled_ctx, account);
	return rc;
}

/* The provider. */

static enum rc coi_config_list(void *ctx, struct account *account, const struct metadata_scope *scope,
	struct strv name, bool below, struct metadata_list *list)
{
	const struct coi *coi = ctx;
	struct strv root;
	struct strv enabled;
	struct strv filter;

	(void)scope;
	(void)name;
	(void)below;
	if (!coi->enabled)
		return RC_CANNOT;
	enum rc rc = coi_root(coi, account, &root);
	if (rc == RC_OK)
		rc = read_entry(account, ENTRY_ENABLED, &enabled);
	if (rc == RC_OK)
		rc = read_entry(account, ENTRY_FILTER, &filter);
	if (rc != RC_OK)
		return rc;
	metadata_list_add(list, ENTRY_ROOT, root);
	metadata_list_add(list, ENTRY_ENABLED, enabled);
	metadata_list_add(list, ENTRY_FILTER, filter);
	return RC_OK;
}

static struct strv coi_config_shown(struct strv value)
{
	return strv_sub(value, 0, VALUE_SHOWN_MAX);
}

static enum rc set_enabled(const struct coi *coi, struct account *account, struct strv name,
	struct strv value, struct metadata_error *error)
{
	if (!value.p)
		return coi_disable(coi, account);
	if (!strv_eq(value, STRV("yes")))
		return metadata_cannot(error, "invalid value for %.*s: \"%.*s\"", STRV_ARG(name),
			STRV_ARG(coi_config_shown(value)));
	return coi_enable(coi, account);
}

static enum rc keep_filter(
	const struct coi *coi, struct account *account, enum coi_filter filter, struct strv value)
{
	int64_t id;
	enum rc rc = RC_OK;

	if (filter != COI_FILTER_NONE)
		rc = coi_folder_make(coi, account, COI_CHATS, &id);
	return rc == RC_OK ? annot_set(account, 0, ENTRY_FILTER, value, false) : rc;
}

enum rc coi_set_filter(const struct coi *coi, struct account *account, enum coi_filter filter)
{
	if (!coi->enabled)
		return RC_CANNOT;
	return keep_filter(coi, account, filter, strv_cstr(coi_filter_name(filter)));
}

static enum rc set_filter(const struct coi *coi, struct account *account, struct strv name, struct strv value,
	struct metadata_error *error)
{
	enum coi_filter filter = COI_FILTER_NONE;

	if (value.p && !coi_filter_parse(value, &filter))
		return metadata_cannot(error, "invalid value for %.*s: %.*s", STRV_ARG(name),
			STRV_ARG(coi_config_shown(value)));
	return keep_filter(coi, account, filter, value);
}

/* COI-13: existing mailboxes are not moved, so the new root may not have any that COI works with. */
static enum rc set_root(const struct coi *coi, struct account *account, struct strv name, struct strv value,
	struct metadata_error *error)
{
	struct coi_state state;
	struct strv chats;
	struct strv contacts;

	if (!coi->user_root)
		return metadata_cannot(error, "unable to set %.*s", STRV_ARG(name));
	enum rc rc = coi_state(coi, account, &state);
	if (rc != RC_OK)
		return rc;
	if (state.enabled)
		return metadata_cannot(error, "unable to set %.*s while COI is enabled", STRV_ARG(name));
	if (value.p && (coi_folder_below(account, value, COI_CHATS, &chats) != RC_OK ||
			       coi_folder_below(account, value, COI_CONTACTS, &contacts) != RC_OK))
		return metadata_cannot(error, "invalid value for %.*s: \"%.*s\"", STRV_ARG(name),
			STRV_ARG(coi_config_shown(value)));
	return annot_set(account, 0, ENTRY_ROOT, value, false);
}

static enum rc coi_config_set(void *ctx, struct account *account, const struct metadata_scope *scope,
	struct strv name, struct strv value, struct metadata_error *error)
{
	const struct coi *coi = ctx;

	(void)scope;
	if (!coi->enabled)
		return metadata_cannot(error, "COI is not available");
	if (strv_eq(name, ENTRY_ENABLED))
		return set_enabled(coi, account, name, value, error);
	if (strv_eq(name, ENTRY_FILTER))
		return set_filter(coi, account, name, value, error);
	if (strv_eq(name, ENTRY_ROOT))
		return set_root(coi, account, name, value, error);
	return metadata_cannot(error, "there is no setting %.*s", STRV_ARG(coi_config_shown(name)));
}

void coi_provider(struct coi *coi, struct metadata_provider *ret_provider)
{
	*ret_provider = (struct metadata_provider){ .prefix = COI_PREFIX,
		.flags = METADATA_SERVER | METADATA_ALONE,
		.ctx = coi,
		.list = coi_config_list,
		.set = coi_config_set };
}
