/* Finds and lists mailboxes, from memory alone. */
#include "store/mail_priv.h"

/* INBOX in any case becomes INBOX; other names are put into NFC. */
static struct strv mailbox_canonical(struct account *account, struct strv name)
{
	return tree_is_inbox(name) ? STRV("INBOX") : mbox_name_nfc(name, account_arena(account));
}

static void fill_info(struct account *account, const struct mbox *mbox, struct mbox_info *ret_info)
{
	*ret_info = (struct mbox_info){
		.id = mbox->id,
		.name = arena_strv(account_arena(account), mbox->name),
		.attrs = mbox->attrs,
		.subscribed = tree_subs_contain(account->mail, mbox->name),
		.uidvalidity = mbox->uidvalidity,
		.uidnext = mbox->uidnext,
		.messages = mbox->messages,
		.recent = mbox->recent,
		.unseen = mbox->unseen,
		.deleted = mbox->deleted,
		.size = mbox->size,
		.highestmodseq = mbox->highestmodseq,
	};
}

enum rc mbox_find(struct account *account, struct strv name, struct mbox_info *ret_info)
{
	struct mbox *mbox = tree_find(account->mail, mailbox_canonical(account, name));

	if (!mbox)
		return RC_NOT_FOUND;
	fill_info(account, mbox, ret_info);
	ret_info->has_children = tree_has_children(account->mail, mbox);
	return RC_OK;
}

enum rc mbox_get(struct account *account, int64_t id, struct mbox_info *ret_info)
{
	struct mbox *mbox = mail_mbox_by_id(account, id);

	if (!mbox)
		return RC_NOT_FOUND;
	fill_info(account, mbox, ret_info);
	return RC_OK;
}

/* Describes a name that no mailbox has. */
static void fill_name(struct account *account, struct strv name, struct mbox_info *ret_info)
{
	size_t next = tree_position(account->mail, name);

	*ret_info = (struct mbox_info){
		.name = arena_strv(account_arena(account), name),
		.attrs = MBOX_NOSELECT,
		.subscribed = tree_subs_contain(account->mail, name),
		.has_children = next < account->mail->name_count &&
				tree_below(account->mail->names[next]->name, name),
	};
}

void mbox_describe(struct account *account, struct strv name, struct mbox_info *ret_info)
{
	if (mbox_find(account, name, ret_info) != RC_OK)
		fill_name(account, name, ret_info);
}

/* A copy of the list as it is when the walk begins, since fn may change mailboxes. */
struct list_walk {
	struct mbox_info *infos;
	size_t count;
};

static void mailbox_gather(struct account *account, bool subscriptions, struct list_walk *ret_walk)
{
	const struct mail *mail = account->mail;
	size_t subs = subscriptions ? mail->sub_count : 0;
	struct list_walk walk = { .infos = arena_alloc(account_arena(account),
					  (mail->name_count + subs) * sizeof(*walk.infos)) };
	size_t i = 0;
	size_t s = 0;

	while (i < mail->name_count || s < subs) {
		int order = i == mail->name_count ? 1
			    : s == subs           ? -1
						  : tree_compare(mail->names[i]->name, mail->subs[s]);
		struct mbox_info *info = &walk.infos[walk.count++];
		if (order > 0) {
			fill_name(account, mail->subs[s++], info);
			continue;
		}
		fill_info(account, mail->names[i], info);
		info->has_children = i + 1 < mail->name_count &&
				     tree_below(mail->names[i + 1]->name, mail->names[i]->name);
		i++;
		if (order == 0)
			s++;
	}
	*ret_walk = walk;
}

enum rc mbox_list(struct account *account, bool subscriptions, bool counts,
	bool (*fn)(void *arg, const struct mbox_info *info), void *arg)
{
	struct list_walk walk;

	/* Counts are in memory, so they are always filled. */
	(void)counts;
	mailbox_gather(account, subscriptions, &walk);
	for (size_t i = 0; i < walk.count; i++) {
		if (!fn(arg, &walk.infos[i]))
			break;
	}
	return RC_OK;
}
