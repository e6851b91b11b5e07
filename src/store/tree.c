/*
 * Mailbox names and subscriptions in memory: two sorted arrays. '/' sorts before every other octet, so that
 * the names below a name follow it directly; INBOX is the first.
 */
#include "store/mail_priv.h"

#include "base/mem.h"

#include <stdlib.h>

static const struct strv inbox = { "INBOX", 5 };

bool tree_is_inbox(struct strv name)
{
	return strv_ieq(name, inbox);
}

bool tree_below(struct strv name, struct strv parent)
{
	return name.n > parent.n && name.p[parent.n] == MBOX_SEPARATOR &&
	       memcmp(name.p, parent.p, parent.n) == 0;
}

static unsigned tree_rank(char c)
{
	return c == MBOX_SEPARATOR ? 0 : 1u + (unsigned char)c;
}

static bool in_inbox(struct strv name)
{
	return strv_eq(name, inbox) || tree_below(name, inbox);
}

int tree_compare(struct strv a, struct strv b)
{
	bool a_first = in_inbox(a);
	bool b_first = in_inbox(b);
	if (a_first != b_first)
		return a_first ? -1 : 1;

	size_t n = a.n < b.n ? a.n : b.n;
	for (size_t i = 0; i < n; i++) {
		if (a.p[i] != b.p[i])
			return tree_rank(a.p[i]) < tree_rank(b.p[i]) ? -1 : 1;
	}
	if (a.n == b.n)
		return 0;
	return a.n < b.n ? -1 : 1;
}

size_t tree_position(const struct mail *mail, struct strv name)
{
	size_t lo = 0;
	size_t hi = mail->name_count;
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		if (tree_compare(mail->names[mid]->name, name) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

struct mbox *tree_find(const struct mail *mail, struct strv name)
{
	size_t at = tree_position(mail, name);
	if (at < mail->name_count && strv_eq(mail->names[at]->name, name))
		return mail->names[at];
	return NULL;
}

void tree_add(struct mail *mail, struct mbox *mbox)
{
	size_t at = tree_position(mail, mbox->name);
	if (mail->name_count == mail->name_cap)
		mail->names = mem_grow(mail->names, &mail->name_cap, sizeof(struct mbox *));
	memmove(mail->names + at + 1, mail->names + at, (mail->name_count - at) * sizeof(struct mbox *));
	mail->names[at] = mbox;
	mail->name_count++;
}

void tree_remove(struct mail *mail, struct mbox *mbox)
{
	size_t at = tree_position(mail, mbox->name);
	mail->name_count--;
	memmove(mail->names + at, mail->names + at + 1, (mail->name_count - at) * sizeof(struct mbox *));
}

bool tree_has_children(const struct mail *mail, const struct mbox *mbox)
{
	size_t next = tree_position(mail, mbox->name) + 1;
	return next < mail->name_count && tree_below(mail->names[next]->name, mbox->name);
}

static size_t subs_position(const struct mail *mail, struct strv name)
{
	size_t lo = 0;
	size_t hi = mail->sub_count;
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		if (tree_compare(mail->subs[mid], name) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

bool tree_subs_contain(const struct mail *mail, struct strv name)
{
	size_t at = subs_position(mail, name);
	return at < mail->sub_count && strv_eq(mail->subs[at], name);
}

void tree_subs_add(struct mail *mail, struct strv name)
{
	size_t at = subs_position(mail, name);
	if (mail->sub_count == mail->sub_cap)
		mail->subs = mem_grow(mail->subs, &mail->sub_cap, sizeof(struct strv));
	memmove(mail->subs + at + 1, mail->subs + at, (mail->sub_count - at) * sizeof(struct strv));
	mail->subs[at] = strv_make(mem_strndup(name.p, name.n), name.n);
	mail->sub_count++;
}

void tree_subs_remove(struct mail *mail, struct strv name)
{
	size_t at = subs_position(mail, name);
	if (at == mail->sub_count || !strv_eq(mail->subs[at], name))
		return;
	free((void *)mail->subs[at].p);
	mail->sub_count--;
	memmove(mail->subs + at, mail->subs + at + 1, (mail->sub_count - at) * sizeof(struct strv));
}
