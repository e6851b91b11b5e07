/* Checks whose a folder is: its owner file must fit the row of server.db, else nobody gets access to it. */
#include "store/owner.h"
#include "store/owners.h"
#include "store/store_priv.h"
#include "store/users_priv.h"

static enum rc owner_refused(struct account *account, const char *why, struct strv name)
{
	log_error(account->store->log,
		"account is refused: %s; stop the server and run coidctl check --server path=%s owner=%s",
		why, account->path, LOG_V(name));
	return RC_UNAVAILABLE;
}

static enum rc owner_compare(
	struct account *account, const struct owner_mark *mark, const struct user_record *owner)
{
	if (owner->id != account->id || owner_tag(owner) != mark->tag)
		return owner_refused(account, "its folder belongs to somebody else", owner->name);
	if (owner_sum(owner) != mark->sum)
		users_owner_refresh(account->store, account->id);
	return RC_OK;
}

static enum rc owner_check_known(struct account *account, const struct owner_mark *mark, struct arena *arena)
{
	struct store *store = account->store;
	struct user_record owner;
	enum rc rc = owner_read(store->io, store->log, account->path, OWNER_FILE, arena, &owner);
	if (rc == RC_OK)
		return owner_compare(account, mark, &owner);
	if (rc == RC_NOT_FOUND)
		rc = owner_read(store->io, store->log, account->path, OWNER_FILE_NEW, arena, &owner);
	if (rc == RC_NOT_FOUND || rc == RC_CORRUPT)
		return owner_refused(account, "its owner file is missing or damaged", STRV(""));
	if (rc == RC_OK)
		rc = owner_compare(account, mark, &owner);
	if (rc == RC_OK && owner_confirm(store->io, store->log, account->path) != RC_OK)
		log_warn(store->log, "owner file is not renamed yet, tried again later account=%s",
			account_shown(account));
	return rc;
}

enum rc account_owner_check(struct account *account)
{
	struct store *store = account->store;
	struct owner_mark mark;
	struct user_record owner = { .name = STRV("") };
	struct arena *arena = arena_new(0);
	enum rc rc;
	if (owners_find(store->owners, account->id, &mark)) {
		rc = owner_check_known(account, &mark, arena);
	} else {
		rc = owner_read(store->io, store->log, account->path, OWNER_FILE, arena, &owner);
		rc = rc == RC_NOT_FOUND ? RC_OK
					: owner_refused(account, "server.db does not know it", owner.name);
	}
	arena_free(&arena);
	return rc;
}

bool account_owner_gone(struct account *account)
{
	struct owner_mark mark;
	if (!owners_find(account->store->owners, account->id, &mark))
		return true;
	log_error(account->store->log, "folder is not removed: it has a user account=%s",
		account_shown(account));
	return false;
}
