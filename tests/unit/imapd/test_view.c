#include "imap/uid_runs.h"
#include "imapd/view.h"
#include "imapd/view_priv.h"

#include "base/mem.h"
#include "store/message.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define MAILBOX 7
#define SELF 100
#define OTHER 200
#define SET_RANGES 100

static struct view *make(const char *uids, uint32_t uidnext, uint32_t first_recent)
{
	struct mbox_snapshot snapshot = {
		.info = { .id = MAILBOX, .uidnext = uidnext, .highestmodseq = 10 },
		.uids = SEQSET_EMPTY,
		.first_recent = first_recent,
	};
	if (*uids)
		assert_int_equal(seqset_parse(&snapshot.uids, strv_cstr(uids), SET_RANGES), RC_OK);
	struct view *view = view_new(&snapshot, false);
	assert_int_equal(snapshot.uids.n, 0);
	return view;
}

/* One change of one kind to consecutive UIDs. */
static void apply(struct view *view, enum change_kind kind, uint32_t lo, uint32_t hi, uint64_t modseq,
	uint32_t flags, uint64_t origin)
{
	size_t count = hi - lo + 1;
	struct msg_state *msgs = mem_zalloc(count * sizeof(*msgs));
	for (size_t i = 0; i < count; i++)
		msgs[i] = (struct msg_state){ .uid = lo + (uint32_t)i, .flags = flags, .modseq = modseq };
	struct change change = {
		.kind = kind,
		.mailbox = MAILBOX,
		.origin = origin,
		.modseq = modseq,
		.msgs = msgs,
		.msg_count = count,
	};
	struct change_list list = { .changes = &change, .count = 1 };
	view_apply(view, &list, SELF);
	free(msgs);
}

static void tell_all(struct view *view)
{
	view_drop_gone(view, false);
	view_announce_fresh(view);
	view_clear_flags(view);
}

/* "seq:uid seq:uid", checked both ways. */
static void assert_map(const struct view *view, const uint32_t *uids, uint32_t count)
{
	assert_int_equal(view_exists(view), count);
	for (uint32_t i = 0; i < count; i++) {
		assert_int_equal(view_uid(view, i + 1), uids[i]);
		assert_int_equal(view_seq(view, uids[i]), i + 1);
	}
	assert_int_equal(view_uid(view, 0), 0);
	assert_int_equal(view_uid(view, count + 1), 0);
	assert_int_equal(view_last_uid(view), count > 0 ? uids[count - 1] : 0);
}

static void numbers_and_uids_map_both_ways(void **state)
{
	(void)state;
	struct view *view = make("2:4,7,10:11", 20, 0);
	assert_map(view, (const uint32_t[]){ 2, 3, 4, 7, 10, 11 }, 6);
	assert_int_equal(view_seq(view, 1), 0);
	assert_int_equal(view_seq(view, 5), 0);
	assert_int_equal(view_seq(view, 9), 0);
	assert_int_equal(view_seq(view, 12), 0);
	view_free(&view);
	assert_null(view);

	view = make("", 1, 0);
	assert_map(view, NULL, 0);
	assert_int_equal(view_seq(view, 1), 0);
	view_free(&view);
}

static void new_messages_count_once_they_are_told(void **state)
{
	(void)state;
	struct view *view = make("1:2", 3, 0);
	assert_false(view_dirty(view));
	apply(view, CHANGE_APPEND, 3, 4, 11, 0, OTHER);
	assert_true(view_dirty(view) && view_dirty_without_expunges(view) && view_has_fresh(view));
	assert_map(view, (const uint32_t[]){ 1, 2 }, 2);
	view_announce_fresh(view);
	assert_map(view, (const uint32_t[]){ 1, 2, 3, 4 }, 4);
	assert_false(view_dirty(view));
	view_free(&view);
}

static void what_came_and_went_untold_is_never_told(void **state)
{
	(void)state;
	struct view *view = make("1:2", 3, 0);
	apply(view, CHANGE_APPEND, 3, 5, 11, 0, OTHER);
	apply(view, CHANGE_EXPUNGE, 4, 4, 12, 0, OTHER);
	assert_true(seqset_empty(&view->gone));
	view_announce_fresh(view);
	assert_map(view, (const uint32_t[]){ 1, 2, 3, 5 }, 4);
	apply(view, CHANGE_APPEND, 6, 6, 13, 0, OTHER);
	apply(view, CHANGE_EXPUNGE, 6, 6, 14, 0, OTHER);
	assert_false(view_dirty(view));
	assert_true(view_told_modseq(view) == 14);
	view_free(&view);
}

static void expunged_messages_keep_their_number_until_told(void **state)
{
	(void)state;
	struct view *view = make("1:6", 7, 0);
	apply(view, CHANGE_EXPUNGE, 2, 3, 11, 0, OTHER);
	apply(view, CHANGE_EXPUNGE, 5, 5, 12, 0, OTHER);
	assert_true(view_dirty(view));
	assert_false(view_dirty_without_expunges(view));
	assert_map(view, (const uint32_t[]){ 1, 2, 3, 4, 5, 6 }, 6);
	view_drop_gone(view, false);
	assert_map(view, (const uint32_t[]){ 1, 4, 6 }, 3);
	assert_false(view_dirty(view));
	view_free(&view);
}

static void what_the_session_has_removed_itself_can_be_told_alone(void **state)
{
	(void)state;
	struct view *view = make("1:6", 7, 0);
	apply(view, CHANGE_EXPUNGE, 2, 3, 11, 0, OTHER);
	apply(view, CHANGE_EXPUNGE, 5, 5, 12, 0, SELF);
	view_drop_gone(view, true);
	assert_map(view, (const uint32_t[]){ 1, 2, 3, 4, 6 }, 5);
	assert_true(view_dirty(view));
	assert_true(seqset_empty(&view->gone_own));
	/* Changes that were not told are not skipped. */
	assert_true(view_told_modseq(view) == 10);
	view_drop_gone(view, true);
	apply(view, CHANGE_EXPUNGE, 1, 1, 13, 0, SELF);
	view_drop_gone(view, false);
	assert_map(view, (const uint32_t[]){ 4, 6 }, 2);
	assert_true(seqset_empty(&view->gone_own));
	assert_true(view_told_modseq(view) == 13);
	view_free(&view);
}

static void an_expunge_takes_the_pending_flags_along(void **state)
{
	(void)state;
	struct view *view = make("1:3", 4, 0);
	apply(view, CHANGE_FLAGS, 2, 2, 11, MSG_SEEN, OTHER);
	assert_int_equal(view_pending_flags(view), 1);
	apply(view, CHANGE_EXPUNGE, 2, 2, 12, 0, OTHER);
	assert_int_equal(view_pending_flags(view), 0);
	/* Flags of removed messages are not news. */
	apply(view, CHANGE_FLAGS, 2, 2, 13, 0, OTHER);
	assert_int_equal(view_pending_flags(view), 0);
	view_free(&view);
}

static void flag_changes_of_one_message_are_one(void **state)
{
	(void)state;
	struct view *view = make("1:5", 6, 0);
	apply(view, CHANGE_FLAGS, 4, 4, 11, MSG_SEEN, OTHER);
	apply(view, CHANGE_FLAGS, 2, 2, 12, MSG_SEEN, OTHER);
	apply(view, CHANGE_FLAGS, 4, 4, 13, MSG_FLAGGED, OTHER);
	apply(view, CHANGE_FLAGS, 9, 9, 14, MSG_FLAGGED, OTHER);
	assert_int_equal(view->flags_count, 2);
	assert_int_equal(view->flags[0].uid, 2);
	assert_int_equal(view->flags[1].uid, 4);
	assert_int_equal(view->flags[1].flags, MSG_FLAGGED);
	assert_true(view->flags[1].modseq == 13);
	view_clear_flags(view);
	assert_false(view_dirty(view));
	view_free(&view);
}

static void flags_of_what_is_not_announced_are_no_news(void **state)
{
	(void)state;
	struct view *view = make("1", 2, 0);
	apply(view, CHANGE_APPEND, 2, 2, 11, 0, OTHER);
	apply(view, CHANGE_FLAGS, 2, 2, 12, MSG_SEEN, OTHER);
	assert_int_equal(view_pending_flags(view), 0);
	view_free(&view);
}

static void what_a_result_tells_is_not_told_again(void **state)
{
	(void)state;
	struct view *view = make("1:5", 6, 0);
	apply(view, CHANGE_FLAGS, 1, 3, 11, MSG_SEEN, SELF);
	apply(view, CHANGE_FLAGS, 2, 2, 12, MSG_SEEN | MSG_DELETED, OTHER);
	view_told_flags(view, 1, 11);
	view_told_flags(view, 2, 11);
	view_told_flags(view, 3, 11);
	view_told_flags(view, 5, 11);
	/* Only what is newer than the result is left. */
	assert_int_equal(view_pending_flags(view), 1);
	assert_true(view_dirty(view));
	view_told_flags(view, 2, 12);
	assert_false(view_dirty(view));
	/* A later change of the same message is news again. */
	apply(view, CHANGE_FLAGS, 1, 1, 13, 0, OTHER);
	assert_int_equal(view_pending_flags(view), 1);
	view_free(&view);
}

static void silent_hides_only_own_changes(void **state)
{
	(void)state;
	struct view *view = make("1:5", 6, 0);
	apply(view, CHANGE_FLAGS, 1, 1, 11, MSG_FLAGGED, OTHER);
	apply(view, CHANGE_FLAGS, 1, 2, 12, MSG_FLAGGED | MSG_SEEN, SELF);
	apply(view, CHANGE_FLAGS, 3, 3, 13, MSG_SEEN, OTHER);
	view_forget_own(view);
	assert_int_equal(view_pending_flags(view), 2);
	/* The other's change is told with what the message looks like now. */
	assert_int_equal(view->flags[0].uid, 1);
	assert_int_equal(view->flags[0].flags, MSG_FLAGGED | MSG_SEEN);
	view_clear_flags(view);
	apply(view, CHANGE_FLAGS, 1, 5, 14, 0, SELF);
	view_forget_own(view);
	assert_false(view_dirty(view));
	assert_int_equal(view->flags_cap, 0);
	view_free(&view);
}

static void changes_of_other_mailboxes_are_not_ours(void **state)
{
	(void)state;
	struct view *view = make("1:5", 6, 0);
	struct msg_state msg = { .uid = 2, .modseq = 99 };
	struct change change = {
		.kind = CHANGE_EXPUNGE, .mailbox = MAILBOX + 1, .modseq = 99, .msgs = &msg, .msg_count = 1
	};
	struct change_list list = { .changes = &change, .count = 1 };
	view_apply(view, &list, SELF);
	assert_false(view_dirty(view));
	assert_true(view_told_modseq(view) == 10);
	view_free(&view);
}

static void recent_is_what_was_claimed(void **state)
{
	(void)state;
	struct view *view = make("1:3,5,8", 10, 5);
	assert_int_equal(view_recent(view), 2);
	assert_false(view_is_recent(view, 3));
	assert_true(view_is_recent(view, 8));
	apply(view, CHANGE_APPEND, 10, 12, 11, 0, OTHER);
	view_add_recent(view, 11, 12);
	assert_int_equal(view_recent(view), 2);
	view_announce_fresh(view);
	assert_int_equal(view_recent(view), 4);
	assert_false(view_is_recent(view, 10));
	apply(view, CHANGE_EXPUNGE, 11, 11, 12, 0, OTHER);
	view_drop_gone(view, false);
	assert_int_equal(view_recent(view), 3);
	view_free(&view);
}

static void the_told_modseq_is_below_everything_untold(void **state)
{
	(void)state;
	struct view *view = make("1:5", 6, 0);
	assert_true(view_told_modseq(view) == 10);
	apply(view, CHANGE_EXPUNGE, 1, 1, 12, 0, OTHER);
	apply(view, CHANGE_FLAGS, 2, 2, 15, 0, OTHER);
	assert_true(view_told_modseq(view) == 11);
	view_clear_flags(view);
	assert_true(view_told_modseq(view) == 11);
	view_drop_gone(view, false);
	assert_true(view_told_modseq(view) == 15);
	view_free(&view);
}

static void each_thing_told_raises_the_told_modseq(void **state)
{
	(void)state;
	struct view *view = make("1:5", 6, 0);
	apply(view, CHANGE_FLAGS, 2, 2, 11, 0, OTHER);
	apply(view, CHANGE_APPEND, 6, 6, 12, 0, OTHER);
	apply(view, CHANGE_EXPUNGE, 1, 1, 14, 0, OTHER);
	apply(view, CHANGE_FLAGS, 3, 3, 16, 0, SELF);
	assert_true(view_told_modseq(view) == 10);
	view_told_flags(view, 2, 11);
	assert_true(view_told_modseq(view) == 11);
	view_announce_fresh(view);
	assert_true(view_told_modseq(view) == 13);
	view_drop_gone(view, false);
	assert_true(view_told_modseq(view) == 15);
	view_told_own(view, 3, 16);
	assert_true(view_told_modseq(view) == 16);
	view_free(&view);
}

static void a_message_changed_twice_is_untold_from_the_first_change_on(void **state)
{
	(void)state;
	struct view *view = make("1:5", 6, 0);
	apply(view, CHANGE_FLAGS, 2, 2, 11, 0, OTHER);
	apply(view, CHANGE_FLAGS, 4, 4, 12, 0, OTHER);
	apply(view, CHANGE_FLAGS, 2, 2, 13, 0, OTHER);
	assert_true(view_told_modseq(view) == 10);
	/* A result from before the second change does not tell it. */
	view_told_flags(view, 2, 11);
	assert_true(view_told_modseq(view) == 10);
	view_told_flags(view, 2, 13);
	assert_true(view_told_modseq(view) == 11);
	/* Told, and changed again: from then on. */
	apply(view, CHANGE_FLAGS, 2, 2, 14, 0, OTHER);
	view_told_flags(view, 4, 12);
	assert_true(view_told_modseq(view) == 13);
	/* Its removal takes the change along. */
	apply(view, CHANGE_EXPUNGE, 2, 2, 20, 0, OTHER);
	assert_true(view_told_modseq(view) == 19);
	view_free(&view);
}

static void a_modseq_alone_tells_only_own_changes(void **state)
{
	(void)state;
	struct view *view = make("1:5", 6, 0);
	apply(view, CHANGE_FLAGS, 1, 1, 11, 0, OTHER);
	apply(view, CHANGE_FLAGS, 1, 2, 12, 0, SELF);
	view_told_own(view, 1, 12);
	view_told_own(view, 2, 11);
	view_told_own(view, 3, 12);
	assert_int_equal(view_pending_flags(view), 2);
	view_told_own(view, 2, 12);
	assert_int_equal(view_pending_flags(view), 1);
	assert_true(view_told_modseq(view) == 10);
	view_free(&view);
}

static void clip(struct view *view, const char *text, bool by_uid, const char *expected_runs,
	const char *expected_uids)
{
	struct arena *arena = arena_new(0);
	struct seqset set = SEQSET_EMPTY;
	struct seqset uids;
	struct uid_run *runs;
	size_t count;
	assert_int_equal(seqset_parse(&set, strv_cstr(text), SET_RANGES), RC_OK);
	enum rc rc = view_clip(view, &set, by_uid, arena, &runs, &count, &uids);
	seqset_fini(&set);
	if (!expected_runs) {
		assert_int_equal(rc, RC_INVALID);
		arena_free(&arena);
		return;
	}
	assert_int_equal(rc, RC_OK);
	char out[400] = "";
	for (size_t i = 0; i < count; i++) {
		size_t n = strlen(out);
		snprintf(out + n, sizeof(out) - n, "%u=%u-%u ", runs[i].seq_lo, runs[i].uid_lo,
			runs[i].uid_hi);
	}
	assert_string_equal(out, expected_runs);
	struct buf printed;
	buf_init(&printed, 400);
	seqset_print(&printed, &uids);
	buf_addc(&printed, '\0');
	assert_string_equal(printed.p, expected_uids);
	buf_fini(&printed);
	seqset_fini(&uids);
	arena_free(&arena);
}

static void sets_are_clipped_to_the_view(void **state)
{
	(void)state;
	struct view *view = make("2:4,7,10:12", 20, 0);
	clip(view, "1:*", true, "1=2-4 4=7-7 5=10-12 ", "2:4,7,10:12");
	clip(view, "1:*", false, "1=2-4 4=7-7 5=10-12 ", "2:4,7,10:12");
	clip(view, "3,5:10", true, "2=3-3 4=7-7 5=10-10 ", "3,7,10");
	clip(view, "3:5", false, "3=4-4 4=7-7 5=10-10 ", "4,7,10");
	clip(view, "*", true, "7=12-12 ", "12");
	clip(view, "*", false, "7=12-12 ", "12");
	/* CL-09: beyond the end nothing by UID, the last message by "n:*"; an error by number. */
	clip(view, "500:999", true, "", "");
	clip(view, "500:*", true, "7=12-12 ", "12");
	clip(view, "8", false, NULL, NULL);
	clip(view, "1:8", false, NULL, NULL);
	clip(view, "1,2,4", false, "1=2-3 4=7-7 ", "2:3,7");
	view_free(&view);
}

static void an_empty_view_has_no_numbers(void **state)
{
	(void)state;
	struct view *view = make("", 5, 0);
	clip(view, "1:*", true, "", "");
	clip(view, "*", true, "", "");
	clip(view, "1", false, NULL, NULL);
	clip(view, "1:*", false, NULL, NULL);
	view_free(&view);
}

static void what_is_not_announced_is_not_in_a_set(void **state)
{
	(void)state;
	struct view *view = make("1:3", 4, 0);
	apply(view, CHANGE_APPEND, 4, 6, 11, 0, OTHER);
	apply(view, CHANGE_EXPUNGE, 2, 2, 12, 0, OTHER);
	clip(view, "1:*", true, "1=1-3 ", "1:3");
	clip(view, "4", false, NULL, NULL);
	tell_all(view);
	clip(view, "1:*", false, "1=1-1 2=3-6 ", "1,3:6");
	view_free(&view);
}

static void equal_views_share_their_ranges_until_one_changes(void **state)
{
	(void)state;
	struct view *a = make("1:3,5", 6, 0);
	struct view *b = make("1:3,5", 6, 0);
	struct view *c = make("1:3", 6, 0);
	view_share(b, a);
	view_share(c, a);
	assert_ptr_equal(a->uids, b->uids);
	assert_ptr_not_equal(a->uids, c->uids);
	apply(b, CHANGE_APPEND, 6, 6, 11, 0, OTHER);
	view_announce_fresh(b);
	assert_map(a, (const uint32_t[]){ 1, 2, 3, 5 }, 4);
	assert_map(b, (const uint32_t[]){ 1, 2, 3, 5, 6 }, 5);
	view_free(&b);
	b = make("1:3,5", 6, 0);
	view_share(b, a);
	view_free(&a);
	assert_map(b, (const uint32_t[]){ 1, 2, 3, 5 }, 4);
	view_free(&b);
	view_free(&c);
}

static void keywords_are_copied(void **state)
{
	(void)state;
	struct view *view = make("1", 2, 0);
	char name[] = "abc";
	struct strv names[] = { { name, 3 } };
	struct change change = {
		.kind = CHANGE_KEYWORDS, .mailbox = MAILBOX, .keywords = names, .keyword_count = 1
	};
	struct change_list list = { .changes = &change, .count = 1 };
	view_apply(view, &list, SELF);
	name[0] = 'x';
	size_t count;
	const struct strv *kept = view_keywords(view, &count);
	assert_int_equal(count, 1);
	assert_true(strv_eq(kept[0], STRV("abc")));
	assert_true(view_dirty(view));
	view_set_keywords(view, NULL, 0);
	view_keywords(view, &count);
	assert_int_equal(count, 0);
	view_free(&view);
}

/* A mailbox as a client sees it, told by the view's pending changes, against a plain model. */
static void random_changes_keep_view_and_model_equal(void **state)
{
	(void)state;
	enum { UIDS = 400 };
	bool exists[UIDS] = { false };
	uint32_t told[UIDS];
	uint32_t told_count = 0;
	uint32_t next = 1;
	unsigned seed = 1;
	struct view *view = make("", 1, 0);

	for (int step = 0; step < 4000; step++) {
		seed = seed * 1103515245 + 12345;
		unsigned r = (seed >> 16) & 0x7fff;
		if (r % 4 == 0 && next < UIDS) {
			exists[next] = true;
			apply(view, CHANGE_APPEND, next, next, 20 + (uint64_t)step, 0, OTHER);
			next++;
		} else if (r % 4 == 1 && next > 1) {
			uint32_t uid = 1 + (r / 4) % (next - 1);
			if (exists[uid])
				apply(view, CHANGE_EXPUNGE, uid, uid, 20 + (uint64_t)step, 0, OTHER);
			exists[uid] = false;
		} else if (r % 4 == 2) {
			view_announce_fresh(view);
			for (uint32_t uid = told_count ? told[told_count - 1] + 1 : 1; uid < next; uid++) {
				if (exists[uid])
					told[told_count++] = uid;
			}
		} else {
			view_drop_gone(view, false);
			uint32_t left = 0;
			for (uint32_t i = 0; i < told_count; i++) {
				if (exists[told[i]])
					told[left++] = told[i];
			}
			told_count = left;
		}
		assert_map(view, told, told_count);
	}
	view_free(&view);
}

static void what_is_saved_loses_what_is_told_as_gone(void **state)
{
	(void)state;
	struct view *view = make("1:10", 11, 0);
	struct seqset set = SEQSET_EMPTY;
	assert_true(seqset_empty(view_saved(view)));
	seqset_add_range(&set, 3, 6);
	assert_int_equal(view_save(view, &set), RC_OK);
	apply(view, CHANGE_EXPUNGE, 4, 5, 20, 0, OTHER);
	assert_true(seqset_equal(view_saved(view), &set));
	tell_all(view);
	seqset_remove_range(&set, 4, 5);
	assert_true(seqset_equal(view_saved(view), &set));
	view_save_none(view);
	assert_true(seqset_empty(view_saved(view)));
	seqset_fini(&set);
	view_free(&view);
}

static void what_is_saved_has_a_limit_of_ranges(void **state)
{
	(void)state;
	struct view *view = make("1:10", 11, 0);
	struct seqset set = SEQSET_EMPTY;
	for (uint32_t i = 1; i <= VIEW_SAVED_RANGES; i++)
		seqset_add(&set, 2 * i);
	assert_int_equal(view_save(view, &set), RC_OK);
	seqset_add(&set, 2 * VIEW_SAVED_RANGES + 2);
	assert_int_equal(view_save(view, &set), RC_LIMIT);
	assert_true(seqset_empty(view_saved(view)));
	seqset_fini(&set);
	view_free(&view);
}

static void only_what_others_change_counts_against_the_limit(void **state)
{
	(void)state;
	const uint32_t many = VIEW_PENDING_MAX + 10;
	struct view *view = make("1:300000", 300001, 0);
	apply(view, CHANGE_FLAGS, 1, many, 11, MSG_SEEN, SELF);
	assert_int_equal(view_pending_flags(view), many);
	assert_int_equal(view_pending_foreign(view), 0);
	apply(view, CHANGE_FLAGS, 5, 14, 12, MSG_SEEN, OTHER);
	apply(view, CHANGE_FLAGS, 5, 14, 13, MSG_SEEN, OTHER);
	assert_int_equal(view_pending_foreign(view), 10);
	apply(view, CHANGE_FLAGS, 5, 9, 14, MSG_FLAGGED, SELF);
	assert_int_equal(view_pending_foreign(view), 10);
	view_told_flags(view, 5, 14);
	assert_int_equal(view_pending_foreign(view), 9);
	apply(view, CHANGE_FLAGS, 5, 5, 15, MSG_FLAGGED, SELF);
	assert_int_equal(view_pending_foreign(view), 9);
	apply(view, CHANGE_EXPUNGE, 6, 6, 16, 0, OTHER);
	assert_int_equal(view_pending_foreign(view), 8);
	view_forget_own(view);
	assert_int_equal(view_pending_flags(view), 8);
	tell_all(view);
	assert_int_equal(view_pending_foreign(view), 0);
	view_free(&view);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers_and_uids_map_both_ways),
		cmocka_unit_test(only_what_others_change_counts_against_the_limit),
		cmocka_unit_test(new_messages_count_once_they_are_told),
		cmocka_unit_test(what_came_and_went_untold_is_never_told),
		cmocka_unit_test(expunged_messages_keep_their_number_until_told),
		cmocka_unit_test(what_the_session_has_removed_itself_can_be_told_alone),
		cmocka_unit_test(an_expunge_takes_the_pending_flags_along),
		cmocka_unit_test(flag_changes_of_one_message_are_one),
		cmocka_unit_test(flags_of_what_is_not_announced_are_no_news),
		cmocka_unit_test(what_a_result_tells_is_not_told_again),
		cmocka_unit_test(silent_hides_only_own_changes),
		cmocka_unit_test(changes_of_other_mailboxes_are_not_ours),
		cmocka_unit_test(recent_is_what_was_claimed),
		cmocka_unit_test(the_told_modseq_is_below_everything_untold),
		cmocka_unit_test(each_thing_told_raises_the_told_modseq),
		cmocka_unit_test(a_message_changed_twice_is_untold_from_the_first_change_on),
		cmocka_unit_test(a_modseq_alone_tells_only_own_changes),
		cmocka_unit_test(sets_are_clipped_to_the_view),
		cmocka_unit_test(an_empty_view_has_no_numbers),
		cmocka_unit_test(what_is_not_announced_is_not_in_a_set),
		cmocka_unit_test(equal_views_share_their_ranges_until_one_changes),
		cmocka_unit_test(keywords_are_copied),
		cmocka_unit_test(random_changes_keep_view_and_model_equal),
		cmocka_unit_test(what_is_saved_loses_what_is_told_as_gone),
		cmocka_unit_test(what_is_saved_has_a_limit_of_ranges),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
