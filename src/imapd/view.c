/*
 * The view of one session: applies change lists to it, and turns sequence numbers into UIDs and back by
 * binary search.
 */
#include "imap/uid_runs.h"
#include "imapd/view.h"
#include "imapd/view_priv.h"

#include "base/mem.h"
#include "store/message.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* UID ranges. */

static struct view_uids *uids_new(size_t cap)
{
	struct view_uids *uids = mem_zalloc(sizeof(*uids));
	uids->refs = 1;
	uids->cap = cap;
	if (cap > 0)
		uids->v = mem_alloc(cap * sizeof(*uids->v));
	return uids;
}

static void uids_unref(struct view_uids **uids)
{
	struct view_uids *u = *uids;
	*uids = NULL;
	if (!u || --u->refs > 0)
		return;
	free(u->v);
	free(u);
}

/* Adds UIDs above all others. */
static void uids_append(struct view_uids *uids, uint32_t lo, uint32_t hi)
{
	struct uid_run *last = uids->n > 0 ? &uids->v[uids->n - 1] : NULL;
	if (last && last->uid_hi + 1 == lo) {
		last->uid_hi = hi;
	} else {
		if (uids->n == uids->cap)
			uids->v = mem_grow(uids->v, &uids->cap, sizeof(*uids->v));
		uids->v[uids->n++] =
			(struct uid_run){ .uid_lo = lo, .uid_hi = hi, .seq_lo = uids->count + 1 };
	}
	uids->count += hi - lo + 1;
}

/* Makes a copy if another view uses the runs, too. */
static void uids_own(struct view *view)
{
	struct view_uids *old = view->uids;
	if (old->refs == 1)
		return;
	struct view_uids *copy = uids_new(old->n + 1);
	copy->count = old->count;
	copy->n = old->n;
	if (old->n > 0)
		memcpy(copy->v, old->v, old->n * sizeof(*old->v));
	uids_unref(&view->uids);
	view->uids = copy;
}

/* The first run that ends at the UID or later; n if none does. */
static size_t run_of_uid(const struct view_uids *uids, uint32_t uid)
{
	size_t lo = 0;
	size_t hi = uids->n;
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		if (uids->v[mid].uid_hi < uid)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

static uint32_t run_last_seq(const struct uid_run *run)
{
	return run->seq_lo + (run->uid_hi - run->uid_lo);
}

/* The first run that ends at the sequence number or later. */
static size_t run_of_seq(const struct view_uids *uids, uint32_t seq)
{
	size_t lo = 0;
	size_t hi = uids->n;
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		if (run_last_seq(&uids->v[mid]) < seq)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

/* The number of announced UIDs in lo..hi. */
static uint32_t uids_between(const struct view_uids *uids, uint32_t lo, uint32_t hi)
{
	uint32_t count = 0;
	for (size_t i = run_of_uid(uids, lo); i < uids->n && uids->v[i].uid_lo <= hi; i++) {
		uint32_t from = uids->v[i].uid_lo > lo ? uids->v[i].uid_lo : lo;
		uint32_t to = uids->v[i].uid_hi < hi ? uids->v[i].uid_hi : hi;
		count += to - from + 1;
	}
	return count;
}

/* The view. */

struct view *view_new(struct mbox_snapshot *snapshot, bool read_only)
{
	struct view *view = mem_zalloc(sizeof(*view));
	view->mailbox = snapshot->info.id;
	view->read_only = read_only;
	view->modseq = snapshot->info.highestmodseq;
	view->uids = uids_new(snapshot->uids.n);
	for (size_t i = 0; i < snapshot->uids.n; i++)
		uids_append(view->uids, snapshot->uids.v[i].lo, snapshot->uids.v[i].hi);
	seqset_fini(&snapshot->uids);
	if (snapshot->first_recent > 0 && snapshot->info.uidnext > snapshot->first_recent)
		seqset_add_range(&view->recent, snapshot->first_recent, snapshot->info.uidnext - 1);
	view->recent_told = view_recent(view);
	return view;
}

static void free_keywords(struct view *view)
{
	for (size_t i = 0; i < view->keyword_count; i++)
		free(mem_unconst(view->keywords[i].p));
	free(view->keywords);
	view->keywords = NULL;
	view->keyword_count = 0;
}

void view_free(struct view **view)
{
	struct view *v = *view;
	*view = NULL;
	if (!v)
		return;
	uids_unref(&v->uids);
	seqset_fini(&v->recent);
	seqset_fini(&v->fresh);
	seqset_fini(&v->gone);
	seqset_fini(&v->gone_own);
	seqset_fini(&v->saved);
	free_keywords(v);
	view_clear_flags(v);
	free(v);
}

void view_share(struct view *view, const struct view *other)
{
	struct view_uids *theirs = other->uids;
	if (view->mailbox != other->mailbox || view->uids == theirs || view->uids->n != theirs->n)
		return;
	if (theirs->n > 0 && memcmp(view->uids->v, theirs->v, theirs->n * sizeof(*theirs->v)) != 0)
		return;
	theirs->refs++;
	uids_unref(&view->uids);
	view->uids = theirs;
}

int64_t view_mailbox(const struct view *view)
{
	return view->mailbox;
}

bool view_read_only(const struct view *view)
{
	return view->read_only;
}

uint32_t view_exists(const struct view *view)
{
	return view->uids->count;
}

uint32_t view_recent(const struct view *view)
{
	uint32_t count = 0;
	for (size_t i = 0; i < view->recent.n; i++)
		count += uids_between(view->uids, view->recent.v[i].lo, view->recent.v[i].hi);
	return count;
}

uint32_t view_seq(const struct view *view, uint32_t uid)
{
	size_t i = run_of_uid(view->uids, uid);
	if (i == view->uids->n || view->uids->v[i].uid_lo > uid)
		return 0;
	return view->uids->v[i].seq_lo + (uid - view->uids->v[i].uid_lo);
}

uint32_t view_uid(const struct view *view, uint32_t seq)
{
	size_t i = run_of_seq(view->uids, seq);
	if (seq == 0 || i == view->uids->n)
		return 0;
	return view->uids->v[i].uid_lo + (seq - view->uids->v[i].seq_lo);
}

uint32_t view_last_uid(const struct view *view)
{
	return view->uids->n > 0 ? view->uids->v[view->uids->n - 1].uid_hi : 0;
}

/* Clipping. */

/* The part of `run` that is in `range` (of UIDs or numbers). False: there is none. */
static bool cut_run(
	const struct uid_run *run, const struct seqrange *range, bool by_uid, struct uid_run *ret_part)
{
	uint32_t first = by_uid ? run->uid_lo : run->seq_lo;
	uint32_t last = by_uid ? run->uid_hi : run_last_seq(run);
	uint32_t lo = range->lo > first ? range->lo : first;
	uint32_t hi = range->hi < last ? range->hi : last;
	if (lo > hi)
		return false;
	*ret_part = (struct uid_run){
		.uid_lo = run->uid_lo + (lo - first),
		.uid_hi = run->uid_lo + (hi - first),
		.seq_lo = run->seq_lo + (lo - first),
	};
	return true;
}

/* Walks both lists at once; with out NULL it only counts. */
static size_t view_clip_uids(
	const struct view_uids *uids, const struct seqset *set, bool by_uid, struct uid_run *out)
{
	size_t count = 0;
	for (size_t i = 0; i < set->n; i++) {
		const struct seqrange *range = &set->v[i];
		size_t run = by_uid ? run_of_uid(uids, range->lo) : run_of_seq(uids, range->lo);
		struct uid_run part;
		for (; run < uids->n && cut_run(&uids->v[run], range, by_uid, &part); run++) {
			if (out)
				out[count] = part;
			count++;
		}
	}
	return count;
}

enum rc view_clip(struct view *view, const struct seqset *set, bool by_uid, struct arena *arena,
	struct uid_run **ret_runs, size_t *ret_count, struct seqset *ret_uids)
{
	struct seqset numbers = SEQSET_EMPTY;
	uint32_t exists = view_exists(view);

	seqset_copy(&numbers, set);
	seqset_resolve(&numbers, by_uid ? view_last_uid(view) : exists);
	bool beyond = numbers.n > 0 && numbers.v[numbers.n - 1].hi > exists;
	if (!by_uid && (exists == 0 || beyond)) {
		seqset_fini(&numbers);
		return RC_INVALID;
	}
	size_t count = view_clip_uids(view->uids, &numbers, by_uid, NULL);
	struct uid_run *runs = arena_alloc(arena, (count + 1) * sizeof(*runs));
	view_clip_uids(view->uids, &numbers, by_uid, runs);
	seqset_init(ret_uids);
	for (size_t i = 0; i < count; i++)
		seqset_add_range(ret_uids, runs[i].uid_lo, runs[i].uid_hi);
	seqset_fini(&numbers);
	*ret_runs = runs;
	*ret_count = count;
	return RC_OK;
}

void view_seqs(const struct view *view, const struct seqset *uids, struct seqset *ret_seqs)
{
	size_t count = view_clip_uids(view->uids, uids, true, NULL);
	struct uid_run *runs = mem_alloc((count + 1) * sizeof(*runs));
	view_clip_uids(view->uids, uids, true, runs);
	seqset_clear(ret_seqs);
	for (size_t i = 0; i < count; i++)
		seqset_add_range(ret_seqs, runs[i].seq_lo, run_last_seq(&runs[i]));
	free(runs);
}

/* Changes. */

static void note_lowest(uint64_t *lowest, uint64_t modseq)
{
	if (*lowest == 0 || modseq < *lowest)
		*lowest = modseq;
}

/* The position at which the UID's entry is or belongs. */
static size_t flags_place(const struct view *view, uint32_t uid)
{
	size_t lo = 0;
	size_t hi = view->flags_count;
	if (hi > 0 && view->flags[hi - 1].uid < uid)
		return hi;
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		if (view->flags[mid].uid < uid)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

static struct view_flags *flags_find(struct view *view, uint32_t uid)
{
	size_t i = flags_place(view, uid);
	return i < view->flags_count && view->flags[i].uid == uid ? &view->flags[i] : NULL;
}

static struct view_flags *flags_insert(struct view *view, uint32_t uid)
{
	size_t i = flags_place(view, uid);
	if (view->flags_count == view->flags_cap)
		view->flags = mem_grow(view->flags, &view->flags_cap, sizeof(*view->flags));
	memmove(view->flags + i + 1, view->flags + i, (view->flags_count - i) * sizeof(*view->flags));
	view->flags_count++;
	view->flags[i] = (struct view_flags){ .uid = uid, .dropped = true };
	view->flags_dropped++;
	return &view->flags[i];
}

static void set_more(struct view_flags *entry, const uint64_t *more)
{
	free(entry->more);
	entry->more = NULL;
	if (!more)
		return;
	entry->more = mem_alloc(KEYWORDS_MORE_WORDS * sizeof(*more));
	memcpy(entry->more, more, KEYWORDS_MORE_WORDS * sizeof(*more));
}

static void flags_drop(struct view *view, struct view_flags *entry)
{
	if (entry->dropped)
		return;
	entry->dropped = true;
	view->flags_foreign -= entry->foreign;
	entry->foreign = false;
	set_more(entry, NULL);
	view->flags_dropped++;
	if (view->flags_dropped == view->flags_count)
		view_clear_flags(view);
}

void view_clear_flags(struct view *view)
{
	for (size_t i = 0; i < view->flags_count; i++)
		set_more(&view->flags[i], NULL);
	free(view->flags);
	view->flags = NULL;
	view->flags_count = view->flags_cap = view->flags_dropped = view->flags_foreign = 0;
}

static void apply_append(struct view *view, const struct change *change)
{
	for (size_t i = 0; i < change->msg_count; i++) {
		if (change->msgs[i].uid <= view_last_uid(view))
			continue;
		seqset_add(&view->fresh, change->msgs[i].uid);
		note_lowest(&view->fresh_from, change->msgs[i].modseq);
	}
}

static void view_apply_expunge(struct view *view, const struct change *change, bool own)
{
	for (size_t i = 0; i < change->msg_count; i++) {
		uint32_t uid = change->msgs[i].uid;
		if (view_seq(view, uid) == 0) {
			/* The message came and went before it was told, so nothing is told. */
			seqset_remove(&view->fresh, uid);
			if (seqset_empty(&view->fresh))
				view->fresh_from = 0;
			continue;
		}
		struct view_flags *entry = flags_find(view, uid);
		if (entry)
			flags_drop(view, entry);
		seqset_add(&view->gone, uid);
		if (own)
			seqset_add(&view->gone_own, uid);
		note_lowest(&view->gone_from, change->msgs[i].modseq);
	}
}

static void apply_flags(struct view *view, const struct change *change, bool own)
{
	for (size_t i = 0; i < change->msg_count; i++) {
		const struct msg_state *state = &change->msgs[i];
		if (view_seq(view, state->uid) == 0 || seqset_contains(&view->gone, state->uid))
			continue;
		struct view_flags *entry = flags_find(view, state->uid);
		if (!entry)
			entry = flags_insert(view, state->uid);
		if (entry->dropped) {
			entry->dropped = false;
			entry->from = state->modseq;
			view->flags_dropped--;
		}
		entry->flags = state->flags;
		entry->keywords = state->keywords;
		set_more(entry, state->more);
		entry->modseq = state->modseq;
		view->flags_foreign += !own && !entry->foreign;
		entry->foreign = entry->foreign || !own;
	}
}

void view_apply(struct view *view, const struct change_list *list, uint64_t session_id)
{
	for (size_t i = 0; i < list->count; i++) {
		const struct change *change = &list->changes[i];
		if (change->mailbox != view->mailbox)
			continue;
		switch (change->kind) {
		case CHANGE_APPEND:
			apply_append(view, change);
			break;
		case CHANGE_EXPUNGE:
			view_apply_expunge(view, change, change->origin == session_id);
			break;
		case CHANGE_FLAGS:
			apply_flags(view, change, change->origin == session_id);
			break;
		case CHANGE_KEYWORDS:
			view_set_keywords(view, change->keywords, change->keyword_count);
			view->keywords_changed = true;
			break;
		case CHANGE_CREATED:
		case CHANGE_DELETED:
		case CHANGE_RENAMED:
		case CHANGE_SUBSCRIBED:
		case CHANGE_UNSUBSCRIBED:
		case CHANGE_ANNOTATION:
		case CHANGE_RESET:
		case CHANGE_ACCOUNT_GONE:
			break;
		}
		if (change->modseq > view->modseq)
			view->modseq = change->modseq;
	}
}

size_t view_pending_flags(const struct view *view)
{
	return view->flags_count - view->flags_dropped;
}

size_t view_pending_foreign(const struct view *view)
{
	return view->flags_foreign;
}

bool view_has_fresh(const struct view *view)
{
	return !seqset_empty(&view->fresh);
}

const struct seqset *view_fresh(const struct view *view)
{
	return &view->fresh;
}

bool view_dirty_without_expunges(const struct view *view)
{
	return view_pending_flags(view) > 0 || !seqset_empty(&view->fresh) || view->keywords_changed;
}

bool view_dirty(const struct view *view)
{
	return !seqset_empty(&view->gone) || view_dirty_without_expunges(view);
}

void view_told_flags(struct view *view, uint32_t uid, uint64_t modseq)
{
	struct view_flags *entry = flags_find(view, uid);
	if (entry && entry->modseq <= modseq)
		flags_drop(view, entry);
}

void view_told_own(struct view *view, uint32_t uid, uint64_t modseq)
{
	struct view_flags *entry = flags_find(view, uid);
	if (entry && !entry->foreign && entry->modseq <= modseq)
		flags_drop(view, entry);
}

void view_forget_own(struct view *view)
{
	/* flags_drop frees the array with the last entry. */
	for (size_t i = 0; i < view->flags_count; i++) {
		if (!view->flags[i].foreign)
			flags_drop(view, &view->flags[i]);
	}
}

/* Telling. */

void view_drop_gone(struct view *view, bool own_only)
{
	struct view_uids *old = view->uids;
	struct seqset left = SEQSET_EMPTY;
	struct seqset told = own_only ? view->gone_own : view->gone;

	if (own_only)
		seqset_remove_set(&view->gone, &told);
	else
		seqset_fini(&view->gone_own);
	seqset_init(own_only ? &view->gone_own : &view->gone);
	if (seqset_empty(&view->gone))
		view->gone_from = 0;
	for (size_t i = 0; i < old->n; i++)
		seqset_add_range(&left, old->v[i].uid_lo, old->v[i].uid_hi);
	seqset_remove_set(&left, &told);
	struct view_uids *uids = uids_new(left.n);
	for (size_t i = 0; i < left.n; i++)
		uids_append(uids, left.v[i].lo, left.v[i].hi);
	seqset_fini(&left);
	uids_unref(&view->uids);
	view->uids = uids;

	seqset_remove_set(&view->recent, &told);
	seqset_remove_set(&view->saved, &told);
	seqset_fini(&told);
}

void view_announce_fresh(struct view *view)
{
	uids_own(view);
	for (size_t i = 0; i < view->fresh.n; i++)
		uids_append(view->uids, view->fresh.v[i].lo, view->fresh.v[i].hi);
	seqset_fini(&view->fresh);
	view->fresh_from = 0;
}

bool view_is_recent(const struct view *view, uint32_t uid)
{
	return seqset_contains(&view->recent, uid);
}

const struct seqset *view_recent_uids(const struct view *view)
{
	return &view->recent;
}

void view_add_recent(struct view *view, uint32_t lo, uint32_t hi)
{
	seqset_add_range(&view->recent, lo, hi);
}

void view_forget_recent(struct view *view)
{
	seqset_fini(&view->recent);
	view->recent_told = 0;
}

const struct seqset *view_saved(const struct view *view)
{
	return &view->saved;
}

void view_save_none(struct view *view)
{
	seqset_fini(&view->saved);
}

enum rc view_save(struct view *view, const struct seqset *uids)
{
	view_save_none(view);
	if (uids->n > VIEW_SAVED_RANGES)
		return RC_LIMIT;
	seqset_copy(&view->saved, uids);
	return RC_OK;
}

const struct strv *view_keywords(const struct view *view, size_t *ret_count)
{
	*ret_count = view->keyword_count;
	return view->keywords;
}

void view_set_keywords(struct view *view, const struct strv *names, size_t count)
{
	assert(count <= MBOX_KEYWORDS_MAX);
	free_keywords(view);
	if (count == 0)
		return;
	view->keywords = mem_alloc(count * sizeof(struct strv));
	for (size_t i = 0; i < count; i++)
		view->keywords[i] = strv_make(mem_strndup(names[i].p, names[i].n), names[i].n);
	view->keyword_count = count;
}

uint64_t view_told_flags_modseq(const struct view *view)
{
	uint64_t untold = view->modseq + 1;

	for (size_t i = 0; i < view->flags_count; i++) {
		const struct view_flags *entry = &view->flags[i];
		if (!entry->dropped && entry->from < untold)
			untold = entry->from;
	}
	return untold - 1;
}

uint64_t view_told_modseq(const struct view *view)
{
	uint64_t untold = view_told_flags_modseq(view) + 1;

	if (view->gone_from > 0 && view->gone_from < untold)
		untold = view->gone_from;
	if (view->fresh_from > 0 && view->fresh_from < untold)
		untold = view->fresh_from;
	return untold - 1;
}

void view_said_modseq(struct view *view, uint64_t modseq)
{
	if (modseq > view->said)
		view->said = modseq;
}
