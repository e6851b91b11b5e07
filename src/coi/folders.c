/* ROOT/Chats and ROOT/Contacts: makes them, and handles what clients do to them. */
#include "coi/coi_priv.h"

#include "store/mailbox.h"

static const char *const folder_names[] = {
	[COI_CHATS] = "Chats",
	[COI_CONTACTS] = "Contacts",
};

#define TRASH_DEFAULT "Trash"

enum rc coi_folder_below(
	struct account *account, struct strv root, enum coi_folder folder, struct strv *ret_name)
{
	struct arena *arena = account_arena(account);
	const char *name = folder_names[folder];

	/* mbox_name_check takes one trailing separator off a whole name, but ROOT may not end in one. */
	if (root.n == 0 || root.p[root.n - 1] == MBOX_SEPARATOR)
		return RC_INVALID;
	struct strv full =
		strv_make(arena_printf(arena, "%.*s/%s", STRV_ARG(root), name), root.n + 1 + strlen(name));
	return mbox_name_check(account_store(account), full, arena, ret_name);
}

enum rc coi_folder_name(
	const struct coi *coi, struct account *account, enum coi_folder folder, struct strv *ret_name)
{
	struct strv root;

	enum rc rc = coi_root(coi, account, &root);
	return rc == RC_OK ? coi_folder_below(account, root, folder, ret_name) : rc;
}

static enum rc folders_find(struct account *account, struct strv name, int64_t *ret_id)
{
	struct mbox_info info;

	enum rc rc = mbox_find(account, name, &info);
	if (rc == RC_OK && (info.attrs & MBOX_NOSELECT))
		rc = RC_NOT_FOUND;
	if (rc == RC_OK)
		*ret_id = info.id;
	return rc;
}

enum rc coi_folder_find(
	const struct coi *coi, struct account *account, enum coi_folder folder, int64_t *ret_id)
{
	struct strv name;

	enum rc rc = coi_folder_name(coi, account, folder, &name);
	return rc == RC_OK ? folders_find(account, name, ret_id) : rc;
}

enum rc coi_folder_make(
	const struct coi *coi, struct account *account, enum coi_folder folder, int64_t *ret_id)
{
	struct strv name;

	enum rc rc = coi_folder_name(coi, account, folder, &name);
	if (rc != RC_OK)
		return rc;
	rc = folders_find(account, name, ret_id);
	if (rc == RC_NOT_FOUND)
		rc = mbox_create(account, name, 0, ret_id);
	return rc == RC_OK ? mbox_subscribe(account, name, true) : rc;
}

/* Tells whether ROOT/Chats exists. */
static enum rc chats_exist(const struct coi *coi, struct account *account, bool *ret_there)
{
	int64_t id;

	enum rc rc = coi_folder_find(coi, account, COI_CHATS, &id);
	*ret_there = rc == RC_OK;
	/* The configured root can't be a mailbox name, so there are no folders to handle. */
	return rc == RC_NOT_FOUND || rc == RC_INVALID || rc == RC_LIMIT ? RC_OK : rc;
}

/* Enables or disables COI if ROOT/Chats was made or removed since `before`. */
static enum rc folders_follow(const struct coi *coi, struct account *account, bool before)
{
	bool after = false;

	enum rc rc = chats_exist(coi, account, &after);
	if (rc != RC_OK || before == after)
		return rc;
	return after ? coi_enable(coi, account) : coi_disable(coi, account);
}

enum rc coi_mailbox_create(const struct coi *coi, struct account *account, struct strv name,
	uint32_t special_use, int64_t *ret_id)
{
	bool before = false;

	enum rc rc = coi_offered(coi) ? chats_exist(coi, account, &before) : RC_OK;
	if (rc == RC_OK)
		rc = mbox_create(account, name, special_use, ret_id);
	return rc == RC_OK && coi_offered(coi) ? folders_follow(coi, account, before) : rc;
}

enum rc coi_mailbox_delete(const struct coi *coi, struct account *account, struct strv name)
{
	bool before = false;

	enum rc rc = coi_offered(coi) ? chats_exist(coi, account, &before) : RC_OK;
	if (rc == RC_OK)
		rc = mbox_delete(account, name);
	return rc == RC_OK && coi_offered(coi) ? folders_follow(coi, account, before) : rc;
}

/* Names of trash folders match in any case, as INBOX does. */
static bool is_below_in_any_case(struct strv name, struct strv top)
{
	return name.n > top.n && name.p[top.n] == MBOX_SEPARATOR && strv_istarts(name, top);
}

static bool folders_is_below(struct strv name, struct strv top)
{
	return name.n > top.n && name.p[top.n] == MBOX_SEPARATOR && strv_starts(name, top);
}

struct trash_walk {
	struct strv name; /* that may be below a trash folder */
	bool found;
};

static bool look_for_trash(void *arg, const struct mbox_info *info)
{
	struct trash_walk *walk = arg;

	walk->found = (info->attrs & MBOX_TRASH) && is_below_in_any_case(walk->name, info->name);
	return !walk->found;
}

static enum rc is_in_trash(struct account *account, struct strv name, bool *ret_in_trash)
{
	struct trash_walk walk = { .name = name };

	enum rc rc = mbox_list(account, false, false, look_for_trash, &walk);
	if (rc == RC_OK)
		*ret_in_trash = walk.found || is_below_in_any_case(name, STRV(TRASH_DEFAULT));
	return rc;
}

/* Tells whether COI allows the rename (COI-31). */
static enum rc rename_allowed(
	const struct coi *coi, struct account *account, struct strv from, struct strv to, bool *ret_allowed)
{
	struct coi_state state;
	struct strv chats;
	bool there = false;

	*ret_allowed = true;
	enum rc rc = coi_state(coi, account, &state);
	if (rc == RC_OK && state.enabled)
		rc = chats_exist(coi, account, &there);
	if (rc != RC_OK || !there)
		return rc;
	rc = coi_folder_name(coi, account, COI_CHATS, &chats);
	/* A RENAME of INBOX moves its messages only, not the mailboxes below it. */
	if (rc != RC_OK || strv_ieq(from, STRV("INBOX")) ||
		(!strv_eq(chats, from) && !folders_is_below(chats, from)))
		return rc;
	return is_in_trash(account, to, ret_allowed);
}

enum rc coi_mailbox_rename(
	const struct coi *coi, struct account *account, struct strv from, struct strv to, bool *ret_refused)
{
	bool before = false;
	bool allowed = true;

	*ret_refused = false;
	if (!coi_offered(coi))
		return mbox_rename(account, from, to);
	enum rc rc = rename_allowed(coi, account, from, to, &allowed);
	if (rc == RC_OK)
		rc = chats_exist(coi, account, &before);
	if (rc == RC_OK && !allowed) {
		*ret_refused = true;
		rc = RC_CANNOT;
	}
	if (rc == RC_OK)
		rc = mbox_rename(account, from, to);
	return rc == RC_OK ? folders_follow(coi, account, before) : rc;
}
