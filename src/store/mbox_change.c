/*
 * CREATE, DELETE, RENAME, SUBSCRIBE and their like.
 */
#include "store/mail_priv.h"
#include "store/server_state.h"

#include "base/clock.h"
#include "base/mem.h"

#include <stdlib.h>

/* Notes that the tree changes, so that it is read again after a rollback. */
static void touch_tree(struct account *account)
{
	account->mail->tree_touched = true;
}

static enum rc mbox_change_check_name(struct account *account, struct strv name, struct strv *ret_name)
{
	return mbox_name_check(account->store, name, account_arena(account), ret_name);
}

/*
 * A UIDVALIDITY higher than any before on this server, so that a mailbox that is made again never has an old
 * one.
 */
static enum rc uidvalidity_next(struct account *account, uint32_t *ret_uidvalidity)
{
	uint32_t next;
	enum rc rc = server_state_uidvalidity_next(account->store->state, account->mail->uidvalidity, &next);
	if (rc == RC_OK)
		rc = db_run(account->db, "UPDATE account SET uidvalidity = ?1", "d", next);
	if (rc != RC_OK)
		return rc;
	account->mail->uidvalidity = next;
	*ret_uidvalidity = next;
	return RC_OK;
}

/* Inserts an empty mailbox with this name. */
static enum rc insert_mbox(
	struct account *account, struct strv name, uint32_t attrs, uint64_t modseq, struct mbox **ret_mbox)
{
	uint32_t uidvalidity;

	touch_tree(account);
	enum rc rc = uidvalidity_next(account, &uidvalidity);
	if (rc == RC_OK)
		rc = db_run(account->db,
			"INSERT INTO mailbox (name, attrs, uidvalidity, uidnext, highestmodseq, modseq_floor,"
			" first_recent, recent, messages, unseen, deleted, size, log_rows, log_since)"
			" VALUES (?1, ?2, ?3, 1, ?4, 0, 1, 0, 0, 0, 0, 0, 0, 0)",
			"tddu", name, attrs, uidvalidity, modseq);
	if (rc != RC_OK)
		return rc;
	struct mbox *mbox = mem_zalloc(sizeof(*mbox));
	mbox->id = db_last_id(account->db);
	mbox->name = strv_make(mem_strndup(name.p, name.n), name.n);
	mbox->attrs = attrs;
	mbox->uidvalidity = uidvalidity;
	mbox->uidnext = 1;
	mbox->first_recent = 1;
	mbox->highestmodseq = modseq;
	HASH_ADD(hh, account->mail->by_id, id, sizeof(mbox->id), mbox);
	tree_add(account->mail, mbox);
	*ret_mbox = mbox;
	return RC_OK;
}

/* The length of the first parent of a name whose separator is at `from` or later. 0: there is none. */
static size_t parent_length(struct strv name, size_t from)
{
	for (size_t i = from; i < name.n; i++) {
		if (name.p[i] == MBOX_SEPARATOR)
			return i;
	}
	return 0;
}

static size_t parents_missing(const struct mail *mail, struct strv name)
{
	size_t missing = 0;

	for (size_t n = parent_length(name, 0); n != 0; n = parent_length(name, n + 1)) {
		if (!tree_find(mail, strv_sub(name, 0, n)))
			missing++;
	}
	return missing;
}

static enum rc make_parents(struct account *account, struct strv name, uint64_t modseq)
{
	struct mbox *parent;

	for (size_t n = parent_length(name, 0); n != 0; n = parent_length(name, n + 1)) {
		struct strv parent_name = strv_sub(name, 0, n);
		if (tree_find(account->mail, parent_name))
			continue;
		enum rc rc = insert_mbox(account, parent_name, MBOX_NOSELECT, modseq, &parent);
		if (rc != RC_OK)
			return rc;
	}
	return RC_OK;
}

/* Checks that `more` names and the missing parents of `name` fit the quota MAILBOX (RFC 9208 section 5.3). */
static enum rc mbox_change_room_for(const struct account *account, struct strv name, size_t more)
{
	const struct mail *mail = account->mail;
	size_t wanted = mail->name_count + parents_missing(mail, name) + more;
	return wanted > account->store->settings.mailboxes_max ? RC_QUOTA : RC_OK;
}

/* Makes a \Noselect name a mailbox. It never held messages, so its id may stay. */
static enum rc mbox_change_revive(
	struct account *account, struct mbox *mbox, uint32_t special_use, uint64_t modseq)
{
	uint32_t uidvalidity;

	touch_tree(account);
	enum rc rc = uidvalidity_next(account, &uidvalidity);
	if (rc == RC_OK)
		rc = db_run(account->db,
			"UPDATE mailbox SET attrs = ?2, uidvalidity = ?3, highestmodseq = ?4 WHERE id = ?1",
			"iddu", mbox->id, special_use, uidvalidity, modseq);
	if (rc != RC_OK)
		return rc;
	mbox->attrs = special_use;
	mbox->uidvalidity = uidvalidity;
	mbox->highestmodseq = modseq;
	return RC_OK;
}

/* Creates a mailbox. `instead`: the name that was renamed to it, for the change list. */
static enum rc mbox_change_create(
	struct account *account, struct strv name, struct strv instead, uint32_t special_use, int64_t *ret_id)
{
	struct mbox *mbox = tree_find(account->mail, name);
	enum rc rc;

	if (mbox && !(mbox->attrs & MBOX_NOSELECT))
		return RC_EXISTS;
	if (!mbox) {
		rc = mbox_change_room_for(account, name, 1);
		if (rc != RC_OK)
			return rc;
	}
	uint64_t modseq = account_modseq_next(account);
	if (mbox) {
		rc = mbox_change_revive(account, mbox, special_use, modseq);
	} else {
		rc = make_parents(account, name, modseq);
		if (rc == RC_OK)
			rc = insert_mbox(account, name, special_use, modseq, &mbox);
	}
	if (rc != RC_OK)
		return rc;
	change_name(account, CHANGE_CREATED, mbox->id, name, instead, modseq);
	*ret_id = mbox->id;
	return RC_OK;
}

enum rc mbox_create(struct account *account, struct strv name, uint32_t special_use, int64_t *ret_id)
{
	struct strv checked;

	enum rc rc = mbox_change_check_name(account, name, &checked);
	return rc == RC_OK ? mbox_change_create(
				     account, checked, STRV_NULL, special_use & MBOX_SPECIAL_MASK, ret_id)
			   : rc;
}

static enum rc delete_row(struct account *account, struct mbox *mbox, uint64_t modseq)
{
	struct mail *mail = account->mail;

	touch_tree(account);
	enum rc rc = expunge_remove_all(account, mbox, modseq);
	if (rc == RC_OK)
		rc = db_run(account->db, "DELETE FROM keyword WHERE mailbox = ?1", "i", mbox->id);
	if (rc == RC_OK)
		rc = annot_remove_all(account, mbox->id);
	if (rc == RC_OK)
		rc = db_run(account->db, "DELETE FROM mailbox WHERE id = ?1", "i", mbox->id);
	if (rc == RC_OK)
		rc = db_run(account->db, "UPDATE account SET modseq = max(modseq, ?1)", "u", modseq);
	if (rc != RC_OK)
		return rc;
	mail->storage -= mbox->size;
	mail->messages -= mbox->messages;
	tree_remove(mail, mbox);
	mail_mbox_free(account, mbox);
	return RC_OK;
}

/* Deletes \Noselect names above `name` that have no children left. `name` is not in the tree any more. */
static enum rc drop_parents(struct account *account, struct strv name, uint64_t modseq)
{
	for (size_t n = name.n; n > 0; n--) {
		if (name.p[n - 1] != MBOX_SEPARATOR)
			continue;
		struct strv parent = strv_sub(name, 0, n - 1);
		struct mbox *mbox = tree_find(account->mail, parent);
		if (!mbox || !(mbox->attrs & MBOX_NOSELECT) || tree_has_children(account->mail, mbox))
			return RC_OK;
		int64_t id = mbox->id;
		enum rc rc = delete_row(account, mbox, modseq);
		if (rc != RC_OK)
			return rc;
		change_name(account, CHANGE_DELETED, id, parent, STRV_NULL, modseq);
	}
	return RC_OK;
}

enum rc mbox_delete(struct account *account, struct strv name)
{
	struct strv checked;

	enum rc rc = mbox_change_check_name(account, name, &checked);
	if (rc != RC_OK)
		return rc;
	if (tree_is_inbox(checked))
		return RC_CANNOT;
	struct mbox *mbox = tree_find(account->mail, checked);
	if (!mbox)
		return RC_NOT_FOUND;
	bool children = tree_has_children(account->mail, mbox);
	if (children && (mbox->attrs & MBOX_NOSELECT))
		return RC_INVALID;
	int64_t id = mbox->id;
	uint64_t modseq = account_modseq_next(account);
	rc = delete_row(account, mbox, modseq);
	/* The \Noselect name that stays gets a new id: the id of a mailbox is never used again. */
	if (rc == RC_OK && children)
		rc = insert_mbox(account, checked, MBOX_NOSELECT, modseq, &mbox);
	if (rc != RC_OK)
		return rc;
	change_name(account, CHANGE_DELETED, id, checked, STRV_NULL, modseq);
	return children ? RC_OK : drop_parents(account, checked, modseq);
}

/* RFC 3501 section 6.3.5: the messages move, INBOX stays. */
static enum rc rename_inbox(struct account *account, struct mbox *inbox, struct strv to)
{
	struct seqset all = SEQSET_EMPTY;
	struct copy_result moved;
	int64_t id;

	enum rc rc = mbox_change_create(account, to, inbox->name, 0, &id);
	if (rc != RC_OK)
		return rc;
	seqset_add_range(&all, 1, UID_MAX);
	rc = msg_copy(account, inbox->id, &all, id, true, &moved);
	seqset_fini(&all);
	if (rc != RC_OK)
		return rc;
	seqset_fini(&moved.src);
	seqset_fini(&moved.dst);
	/* RFC 5464 section 4.1: INBOX keeps its annotations, and the new mailbox gets copies. */
	return annot_copy_all(account, inbox->id, id);
}

/* The new name of `name`, which is `from` or below it. */
static struct strv mbox_change_renamed(
	struct account *account, struct strv name, struct strv from, struct strv to)
{
	struct strv below = strv_sub(name, from.n, name.n);
	char *text = arena_printf(account_arena(account), "%.*s%.*s", STRV_ARG(to), STRV_ARG(below));
	return strv_make(text, to.n + below.n);
}

static enum rc rename_row(struct account *account, struct mbox *mbox, struct strv name)
{
	enum rc rc = db_run(account->db, "UPDATE mailbox SET name = ?2 WHERE id = ?1", "it", mbox->id, name);
	if (rc != RC_OK)
		return rc;
	struct strv old = arena_strv(account_arena(account), mbox->name);
	tree_remove(account->mail, mbox);
	free((void *)mbox->name.p);
	mbox->name = strv_make(mem_strndup(name.p, name.n), name.n);
	tree_add(account->mail, mbox);
	change_name(account, CHANGE_RENAMED, mbox->id, name, old, mbox->highestmodseq);
	return RC_OK;
}

/*
 * Collects the mailbox and all below it in an array of the arena, because the tree changes while they get
 * their new names.
 */
static size_t with_children(struct account *account, struct mbox *mbox, struct mbox ***ret_mboxes)
{
	const struct mail *mail = account->mail;
	size_t first = tree_position(mail, mbox->name);
	size_t count = 1;

	while (first + count < mail->name_count && tree_below(mail->names[first + count]->name, mbox->name))
		count++;
	*ret_mboxes = arena_alloc(account_arena(account), count * sizeof(**ret_mboxes));
	memcpy(*ret_mboxes, mail->names + first, count * sizeof(**ret_mboxes));
	return count;
}

static enum rc rename_all(struct account *account, struct mbox *mbox, struct strv to)
{
	struct mbox **mboxes;
	struct strv from = arena_strv(account_arena(account), mbox->name);
	size_t count = with_children(account, mbox, &mboxes);
	struct strv checked;

	/* The names below the mailbox become longer or deeper, too, and must be within the limits. */
	for (size_t i = 0; i < count; i++) {
		enum rc rc = mbox_change_check_name(
			account, mbox_change_renamed(account, mboxes[i]->name, from, to), &checked);
		if (rc != RC_OK)
			return rc;
	}
	touch_tree(account);
	enum rc rc = make_parents(account, to, account_modseq_next(account));
	for (size_t i = 0; rc == RC_OK && i < count; i++)
		rc = rename_row(account, mboxes[i], mbox_change_renamed(account, mboxes[i]->name, from, to));
	return rc == RC_OK ? drop_parents(account, from, account_modseq_next(account)) : rc;
}

enum rc mbox_rename(struct account *account, struct strv from, struct strv to)
{
	struct strv old;
	struct strv new;

	enum rc rc = mbox_change_check_name(account, from, &old);
	if (rc == RC_OK)
		rc = mbox_change_check_name(account, to, &new);
	if (rc != RC_OK)
		return rc;
	struct mbox *mbox = tree_find(account->mail, old);
	if (!mbox)
		return RC_NOT_FOUND;
	if (tree_find(account->mail, new))
		return RC_EXISTS;
	if (tree_is_inbox(old))
		return rename_inbox(account, mbox, new);
	if (tree_below(new, old))
		return RC_INVALID;
	rc = mbox_change_room_for(account, new, 0);
	return rc == RC_OK ? rename_all(account, mbox, new) : rc;
}

static enum rc mbox_change_subscribe(struct account *account, struct strv name)
{
	enum rc rc = db_run(account->db, "INSERT INTO subscription (name) VALUES (?1)", "t", name);
	if (rc != RC_OK)
		return rc;
	touch_tree(account);
	tree_subs_add(account->mail, name);
	return RC_OK;
}

enum rc mbox_subscribe(struct account *account, struct strv name, bool on)
{
	struct mail *mail = account->mail;
	struct strv checked;

	enum rc rc = mbox_change_check_name(account, name, &checked);
	if (rc != RC_OK)
		return rc;
	if (tree_subs_contain(mail, checked) == on)
		return RC_OK;
	if (on && mail->sub_count >= (size_t)account->store->settings.mailboxes_max + MBOX_SUBSCRIPTIONS_MORE)
		return RC_LIMIT;
	if (on) {
		rc = mbox_change_subscribe(account, checked);
	} else {
		touch_tree(account);
		rc = db_run(account->db, "DELETE FROM subscription WHERE name = ?1", "t", checked);
		if (rc == RC_OK)
			tree_subs_remove(mail, checked);
	}
	if (rc == RC_OK)
		change_name(account, on ? CHANGE_SUBSCRIBED : CHANGE_UNSUBSCRIBED, 0, checked, STRV_NULL, 0);
	return rc;
}

/* The modseq of a mailbox that nobody has seen yet. */
#define FIRST_MODSEQ 1

static enum rc create_default(
	struct account *account, struct arena *arena, struct strv name, uint32_t special_use)
{
	struct strv checked;
	struct mbox *mbox;

	enum rc rc = mbox_name_check(account->store, name, arena, &checked);
	if (rc == RC_OK && tree_find(account->mail, checked))
		return RC_OK;
	if (rc == RC_OK)
		rc = make_parents(account, checked, FIRST_MODSEQ);
	if (rc == RC_OK)
		rc = insert_mbox(account, checked, special_use & MBOX_SPECIAL_MASK, FIRST_MODSEQ, &mbox);
	if (rc != RC_OK || tree_subs_contain(account->mail, checked))
		return rc;
	return mbox_change_subscribe(account, checked);
}

enum rc mbox_create_defaults(struct account *account)
{
	const struct store_settings *settings = &account->store->settings;
	struct arena *arena = arena_new(0);

	enum rc rc = create_default(account, arena, STRV("INBOX"), 0);
	for (size_t i = 0; rc == RC_OK && i < settings->default_count; i++) {
		const struct default_mailbox *mailbox = &settings->defaults[i];
		rc = create_default(account, arena, strv_cstr(mailbox->name), mailbox->special_use);
	}
	arena_free(&arena);
	return rc;
}
