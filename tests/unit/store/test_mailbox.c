/* Names: making, finding, listing, renaming and deleting mailboxes; SELECT. */
#include "mail_fixture.h"

static const struct default_mailbox defaults[] = { { "Sent", MBOX_SENT }, { "Trash", MBOX_TRASH } };

static void a_new_account_has_inbox_and_the_default_mailboxes_subscribed(void **state)
{
	(void)state;
	struct store_settings settings;
	store_settings_init(&settings);
	settings.defaults = defaults;
	settings.default_count = 2;
	struct fixture *f = fixture_new(&settings);

	assert_list(f, false, "INBOX s;Sent s;Trash s;");
	assert_int_equal(t_info(f, "Sent").attrs, MBOX_SENT);
	assert_int_equal(t_info(f, "inbox").uidnext, 1);
	assert_true(t_info(f, "Sent").uidvalidity > t_info(f, "INBOX").uidvalidity);
	fixture_reopen(f);
	assert_list(f, false, "INBOX s;Sent s;Trash s;");
	assert_int_equal(t_info(f, "Trash").attrs, MBOX_TRASH);
	fixture_free(&f);
}

static void a_lost_inbox_is_made_again(void **state)
{
	(void)state;
	struct fixture *f = fixture_new(NULL);

	t_new(f, "a");
	t_script(f, (char[]){ "DELETE FROM mailbox WHERE name = 'INBOX'" });
	fixture_reopen(f);
	assert_list(f, false, "INBOX s;a;");
	fixture_reopen(f);
	assert_list(f, false, "INBOX s;a;");
	assert_int_equal(t_append(f, t_id(f, "INBOX"), 0, 1), 1);
	fixture_free(&f);
}

static void missing_parents_become_names_that_cannot_be_selected(void **state)
{
	(void)state;
	struct fixture *f = fixture_new(NULL);

	assert_int_equal(t_create(f, "a/b/c"), RC_OK);
	assert_changes(f, "CREATED a/b/c;");
	assert_int_equal(t_create(f, "a/b-c/"), RC_OK);
	assert_list(f, false, "INBOX s;a - +;a/b - +;a/b/c;a/b-c;");
	int64_t id = t_id(f, "a");
	uint32_t uidvalidity = t_info(f, "a/b/c").uidvalidity;
	assert_int_equal(t_create(f, "a"), RC_OK);
	assert_int_equal(t_id(f, "a"), id);
	assert_true(t_info(f, "a").uidvalidity > uidvalidity);
	assert_list(f, false, "INBOX s;a +;a/b - +;a/b/c;a/b-c;");
	assert_int_equal(t_create(f, "a"), RC_EXISTS);
	assert_int_equal(t_create(f, "InBox"), RC_EXISTS);
	fixture_reopen(f);
	assert_list(f, false, "INBOX s;a +;a/b - +;a/b/c;a/b-c;");
	fixture_free(&f);
}

static void inbox_comes_first_and_parents_before_their_children(void **state)
{
	(void)state;
	struct fixture *f = fixture_new(NULL);

	t_new(f, "Ab");
	t_new(f, "inbox/Ham");
	t_new(f, "A/z");
	t_new(f, "A b");
	assert_list(f, false, "INBOX + s;INBOX/Ham;A - +;A/z;A b;Ab;");
	fixture_free(&f);
}

static void a_deleted_mailbox_with_children_stays_as_a_name(void **state)
{
	(void)state;
	struct fixture *f = fixture_new(NULL);
	int64_t a = t_new(f, "a");
	int64_t b = t_new(f, "a/b");

	t_append(f, a, 0, 2);
	t_append(f, b, 0, 1);
	forget_changes(f);
	assert_int_equal(t_delete(f, "a"), RC_OK);
	assert_changes(f, "DELETED a;");
	assert_list(f, false, "INBOX s;a - +;a/b;");
	assert_true(t_id(f, "a") != a);
	assert_int_equal(t_delete(f, "a"), RC_INVALID);
	/* With the last of them the name goes, too. */
	forget_changes(f);
	assert_int_equal(t_delete(f, "a/b"), RC_OK);
	assert_changes(f, "DELETED a/b;DELETED a;");
	assert_int_equal(t_delete(f, "a"), RC_NOT_FOUND);
	assert_int_equal(t_delete(f, "inbox"), RC_CANNOT);
	assert_list(f, false, "INBOX s;");
	assert_int_equal(t_quota(f).messages_used, 0);
	assert_int_equal(t_sql(f, "SELECT count(*) FROM msg"), 0);
	assert_int_equal(t_sql(f, "SELECT count(*) FROM blob WHERE refs > 0"), 0);
	fixture_free(&f);
}

static void names_that_were_only_above_others_go_with_the_last_of_them(void **state)
{
	(void)state;
	struct fixture *f = fixture_new(NULL);

	t_new(f, "p/a/b");
	t_new(f, "p/a/c");
	t_new(f, "q/a/b");
	t_new(f, "q");
	forget_changes(f);
	assert_int_equal(t_delete(f, "p/a/b"), RC_OK);
	assert_list(f, false, "INBOX s;p - +;p/a - +;p/a/c;q +;q/a - +;q/a/b;");
	/* A rename leaves nothing behind either. */
	assert_int_equal(t_rename(f, "p/a/c", "p/d"), RC_OK);
	assert_list(f, false, "INBOX s;p - +;p/d;q +;q/a - +;q/a/b;");
	assert_int_equal(t_rename(f, "p/d", "r"), RC_OK);
	/* A name that is a mailbox stays. */
	assert_int_equal(t_delete(f, "q/a/b"), RC_OK);
	assert_list(f, false, "INBOX s;q;r;");
	assert_changes(f, "DELETED p/a/b;RENAMED p/d from p/a/c;DELETED p/a;RENAMED r from p/d;DELETED p;"
			  "DELETED q/a/b;DELETED q/a;");
	fixture_reopen(f);
	assert_list(f, false, "INBOX s;q;r;");
	fixture_free(&f);
}

static void a_mailbox_made_again_has_another_id_and_a_higher_uidvalidity(void **state)
{
	(void)state;
	struct fixture *f = fixture_new(NULL);
	int64_t id = t_new(f, "a");
	uint32_t uidvalidity = t_info(f, "a").uidvalidity;

	for (int i = 0; i < 3; i++) {
		assert_int_equal(t_delete(f, "a"), RC_OK);
		fixture_reopen(f);
		int64_t again = t_new(f, "a");
		assert_true(again > id);
		assert_true(t_info(f, "a").uidvalidity > uidvalidity);
		id = again;
		uidvalidity = t_info(f, "a").uidvalidity;
	}
	fixture_free(&f);
}

static void a_modseq_does_not_go_back_with_a_deleted_mailbox(void **state)
{
	(void)state;
	struct fixture *f = fixture_new(NULL);
	int64_t a = t_new(f, "a");

	t_append(f, a, 0, 5);
	uint64_t modseq = t_info(f, "a").highestmodseq;
	assert_int_equal(t_delete(f, "a"), RC_OK);
	fixture_reopen(f);
	t_append(f, f->inbox, 0, 1);
	assert_true(t_info(f, "INBOX").highestmodseq > modseq);
	fixture_free(&f);
}

static void the_log_of_a_deleted_mailbox_is_kept_as_long_as_messages_can_come_back(void **state)
{
	(void)state;
	struct store_settings settings;
	store_settings_init(&settings);
	settings.undelete_age_s = 3600;
	struct fixture *f = fixture_new(&settings);

	t_append(f, t_new(f, "a"), 0, 3);
	assert_int_equal(t_delete(f, "a"), RC_OK);
	assert_int_equal(t_sql(f, "SELECT count(*) FROM expunged"), 3);
	assert_int_equal(t_sql(f, "SELECT count(*) FROM mailbox_gone"), 1);
	t_script(f, (char[]){ "UPDATE mailbox_gone SET deleted_at = deleted_at - 3601" });
	t_append(f, t_new(f, "b"), 0, 2);
	assert_int_equal(t_delete(f, "b"), RC_OK);
	assert_int_equal(t_sql(f, "SELECT count(*) FROM expunged"), 2);
	assert_int_equal(t_sql(f, "SELECT count(*) FROM mailbox_gone"), 1);
	fixture_free(&f);
}

static void renaming_takes_the_children_along_and_makes_parents(void **state)
{
	(void)state;
	struct fixture *f = fixture_new(NULL);
	int64_t a = t_new(f, "a");
	int64_t b = t_new(f, "a/b");

	t_new(f, "a/b/c");
	t_new(f, "ab");
	t_append(f, b, 0, 2);
	struct mbox_info before = t_info(f, "a/b");
	forget_changes(f);
	assert_int_equal(t_rename(f, "a", "x/y"), RC_OK);
	assert_changes(f, "RENAMED x/y from a;RENAMED x/y/b from a/b;RENAMED x/y/b/c from a/b/c;");
	assert_list(f, false, "INBOX s;ab;x - +;x/y +;x/y/b +;x/y/b/c;");
	struct mbox_info after = t_info(f, "x/y/b");
	assert_same_info(&before, &after);
	assert_int_equal(t_id(f, "x/y"), a);
	fixture_reopen(f);
	assert_list(f, false, "INBOX s;ab;x - +;x/y +;x/y/b +;x/y/b/c;");

	assert_int_equal(t_rename(f, "x/y", "x/y/b/z"), RC_INVALID);
	assert_int_equal(t_rename(f, "x/y", "ab"), RC_EXISTS);
	assert_int_equal(t_rename(f, "x/y", "x/y"), RC_EXISTS);
	assert_int_equal(t_rename(f, "x/y", "Inbox"), RC_EXISTS);
	assert_int_equal(t_rename(f, "no", "yes"), RC_NOT_FOUND);
	assert_int_equal(t_rename(f, "x/y", "bad\n"), RC_INVALID);
	assert_int_equal(t_rename(f, "x", "inbox/x"), RC_OK);
	assert_list(f, false, "INBOX + s;INBOX/x - +;INBOX/x/y +;INBOX/x/y/b +;INBOX/x/y/b/c;ab;");
	fixture_free(&f);
}

static void children_that_get_too_deep_or_too_long_are_not_renamed(void **state)
{
	(void)state;
	struct store_settings settings;
	store_settings_init(&settings);
	settings.mailbox_depth_max = 4;
	settings.mailbox_name_max = 20;
	struct fixture *f = fixture_new(&settings);

	t_new(f, "a/b/c");
	assert_int_equal(t_rename(f, "a", "x/y"), RC_OK);
	assert_int_equal(t_rename(f, "x", "p/q"), RC_LIMIT);
	assert_int_equal(t_rename(f, "x", "123456789012345"), RC_LIMIT);
	assert_int_equal(t_rename(f, "x", "12345678901234"), RC_OK);
	assert_list(f, false,
		"INBOX s;12345678901234 - +;12345678901234/y - +;12345678901234/y/b - +;"
		"12345678901234/y/b/c;");
	fixture_free(&f);
}

static void renaming_inbox_moves_its_messages_and_leaves_it_empty(void **state)
{
	(void)state;
	struct fixture *f = fixture_new(NULL);

	t_append(f, f->inbox, MSG_SEEN, 1);
	t_append(f, f->inbox, MSG_FLAGGED, 1);
	t_new(f, "INBOX/below");
	forget_changes(f);
	assert_int_equal(t_rename(f, "INBOX", "old/mail"), RC_OK);
	assert_changes(f, "CREATED old/mail from INBOX;APPEND 1 2;EXPUNGE 1 2;");
	assert_int_equal(t_id(f, "INBOX"), f->inbox);
	assert_list(f, false, "INBOX + s;INBOX/below;old - +;old/mail;");
	assert_int_equal(t_info(f, "INBOX").messages, 0);
	assert_int_equal(t_info(f, "INBOX").uidnext, 3);
	assert_int_equal(t_info(f, "old/mail").messages, 2);
	assert_int_equal(t_row(f, t_id(f, "old/mail"), 2).flags, MSG_FLAGGED);
	fixture_free(&f);
}

static void subscriptions_are_names_that_need_no_mailbox(void **state)
{
	(void)state;
	struct fixture *f = fixture_new(NULL);

	t_new(f, "a");
	forget_changes(f);
	assert_int_equal(t_subscribe(f, "a", true), RC_OK);
	assert_int_equal(t_subscribe(f, "a", true), RC_OK);
	assert_int_equal(t_subscribe(f, "b/c", true), RC_OK);
	assert_int_equal(t_subscribe(f, "inbox", false), RC_OK);
	assert_changes(f, "SUBSCRIBED a;SUBSCRIBED b/c;UNSUBSCRIBED INBOX;");
	assert_list(f, false, "INBOX;a s;");
	assert_list(f, true, "INBOX;a s;b/c - s none;");
	assert_int_equal(t_delete(f, "a"), RC_OK);
	assert_int_equal(t_subscribe(f, "\x7f", true), RC_INVALID);
	t_new(f, "b/c/d");
	fixture_reopen(f);
	assert_list(f, true, "INBOX;a - s none;b - +;b/c - + s;b/c/d;");
	assert_int_equal(t_subscribe(f, "a", false), RC_OK);
	assert_int_equal(t_subscribe(f, "a", false), RC_OK);
	fixture_reopen(f);
	assert_list(f, true, "INBOX;b - +;b/c - + s;b/c/d;");
	fixture_free(&f);
}

/* All that fit beside INBOX where four mailboxes are allowed. */
static enum rc subscribe_many(struct account *account, void *arg)
{
	enum rc rc = RC_OK;
	char name[32];

	(void)arg;
	for (int i = 1; rc == RC_OK && i < 4 + MBOX_SUBSCRIPTIONS_MORE; i++) {
		snprintf(name, sizeof(name), "s%d", i);
		rc = mbox_subscribe(account, strv_cstr(name), true);
	}
	return rc;
}

static void the_number_of_mailboxes_and_subscriptions_is_limited(void **state)
{
	(void)state;
	struct store_settings settings;
	store_settings_init(&settings);
	settings.mailboxes_max = 4;
	struct fixture *f = fixture_new(&settings);

	assert_int_equal(t_create(f, "a/b/c/d"), RC_QUOTA);
	assert_int_equal(t_create(f, "a/b"), RC_OK);
	assert_int_equal(t_rename(f, "a/b", "x/y/b"), RC_QUOTA);
	assert_int_equal(t_create(f, "c"), RC_OK);
	assert_int_equal(t_create(f, "d"), RC_QUOTA);
	assert_int_equal(t_create(f, "a"), RC_OK);
	assert_int_equal(t_rename(f, "inbox", "d"), RC_QUOTA);
	assert_list(f, false, "INBOX s;a +;a/b;c;");
	assert_int_equal(run(f, JOB_WRITE, subscribe_many, NULL), RC_OK);
	assert_int_equal(t_subscribe(f, "one-more", true), RC_LIMIT);
	fixture_free(&f);
}

static void assert_name(struct store *store, struct strv name, enum rc expected, const char *form)
{
	struct arena *arena = arena_new(0);
	struct strv checked;
	enum rc rc = mbox_name_check(store, name, arena, &checked);
	assert_int_equal(rc, expected);
	if (rc == RC_OK) {
		assert_int_equal(checked.n, strlen(form));
		assert_memory_equal(checked.p, form, checked.n);
	}
	arena_free(&arena);
}

static void names_have_one_form_and_limits(void **state)
{
	(void)state;
	struct store_settings settings;
	store_settings_init(&settings);
	settings.mailbox_name_max = 30;
	settings.mailbox_depth_max = 3;
	struct fixture *f = fixture_new(&settings);
	struct store *s = f->store;
	char huge[8000];

	assert_name(s, STRV("Plain"), RC_OK, "Plain");
	assert_name(s, STRV("a/b/"), RC_OK, "a/b");
	assert_name(s, STRV("iNbOx"), RC_OK, "INBOX");
	assert_name(s, STRV("iNbOx/Sub"), RC_OK, "INBOX/Sub");
	assert_name(s, STRV("inboxes"), RC_OK, "inboxes");
	assert_name(s, STRV("a/inbox"), RC_OK, "a/inbox");
	assert_name(s, STRV("\xc3\xa4"), RC_OK, "\xc3\xa4");
	assert_name(s, STRV("a\xcc\x88"), RC_OK, "\xc3\xa4");
	assert_name(s, STRV("~peter #1 & \\ \" .."), RC_OK, "~peter #1 & \\ \" ..");
	assert_name(s, STRV(""), RC_INVALID, NULL);
	assert_name(s, STRV("/"), RC_INVALID, NULL);
	assert_name(s, STRV("/a"), RC_INVALID, NULL);
	assert_name(s, STRV("a//b"), RC_INVALID, NULL);
	assert_name(s, STRV("a//"), RC_INVALID, NULL);
	assert_name(s, STRV("50% off*"), RC_OK, "50% off*");
	assert_name(s, STRV("%"), RC_OK, "%");
	assert_name(s, STRV("a\nb"), RC_INVALID, NULL);
	assert_name(s, STRV("a\0b"), RC_INVALID, NULL);
	assert_name(s, STRV("\x7f"), RC_INVALID, NULL);
	assert_name(s, STRV("\xc2\x85"), RC_INVALID, NULL);
	assert_name(s, STRV("\xe2\x80\xa8"), RC_INVALID, NULL);
	assert_name(s, STRV("\xff"), RC_INVALID, NULL);
	assert_name(s, STRV("\xc3"), RC_INVALID, NULL);
	assert_name(s, STRV("\xed\xa0\x80"), RC_INVALID, NULL);
	assert_name(s, STRV("\xc0\xaf"), RC_INVALID, NULL);
	assert_name(s, STRV("123456789012345678901234567890"), RC_OK, "123456789012345678901234567890");
	assert_name(s, STRV("1234567890123456789012345678901"), RC_LIMIT, NULL);
	assert_name(s, STRV("a/b/c"), RC_OK, "a/b/c");
	assert_name(s, STRV("a/b/c/d"), RC_LIMIT, NULL);
	memset(huge, 'a', sizeof(huge));
	assert_name(s, strv_make(huge, sizeof(huge)), RC_LIMIT, NULL);
	fixture_free(&f);
}

static void a_name_in_another_normal_form_is_the_same_mailbox(void **state)
{
	(void)state;
	struct fixture *f = fixture_new(NULL);

	t_new(f, "a\xcc\x88");
	assert_int_equal(t_create(f, "\xc3\xa4"), RC_EXISTS);
	assert_int_equal(t_info(f, "\xc3\xa4").messages, 0);
	assert_int_equal(t_delete(f, "a\xcc\x88"), RC_OK);
	fixture_free(&f);
}

struct use_call {
	int64_t id;
	uint32_t use;
};

static enum rc use_run(struct account *account, void *arg)
{
	struct use_call *call = arg;
	return mbox_set_special_use(account, call->id, call->use);
}

static void a_special_use_stays_with_the_mailbox(void **state)
{
	(void)state;
	struct fixture *f = fixture_new(NULL);
	struct use_call call = { t_new(f, "a"), MBOX_ARCHIVE | MBOX_NOSELECT };
	struct use_call none = { 99, MBOX_ARCHIVE };

	assert_int_equal(run(f, JOB_WRITE, use_run, &call), RC_OK);
	assert_int_equal(t_info(f, "a").attrs, MBOX_ARCHIVE);
	assert_int_equal(t_rename(f, "a", "b"), RC_OK);
	fixture_reopen(f);
	assert_int_equal(t_info(f, "b").attrs, MBOX_ARCHIVE);
	assert_int_equal(run(f, JOB_WRITE, use_run, &none), RC_NOT_FOUND);
	fixture_free(&f);
}

static void select_tells_where_the_view_starts(void **state)
{
	(void)state;
	struct fixture *f = fixture_new(NULL);

	t_append(f, f->inbox, MSG_SEEN, 2);
	t_append(f, f->inbox, 0, 3);
	assert_expunge(f, f->inbox, "2", true, "2");
	struct mbox_snapshot s = t_select(f, f->inbox, false);
	assert_set(&s.uids, "1,3:5");
	assert_int_equal(s.first_unseen, 3);
	assert_int_equal(s.first_recent, 1);
	assert_int_equal(s.recent, 4);
	assert_int_equal(s.info.messages, 4);
	assert_int_equal(s.info.uidnext, 6);
	seqset_fini(&s.uids);
	t_flags(f, f->inbox, "3:5", FLAGS_ADD, MSG_SEEN);
	s = t_select(f, f->inbox, false);
	assert_int_equal(s.first_unseen, 0);
	seqset_fini(&s.uids);
	t_flags(f, f->inbox, "4", FLAGS_REMOVE, MSG_SEEN);
	s = t_select(f, f->inbox, false);
	assert_int_equal(s.first_unseen, 4);
	seqset_fini(&s.uids);
	fixture_free(&f);
}

static void a_message_is_recent_in_one_read_write_session(void **state)
{
	(void)state;
	struct fixture *f = fixture_new(NULL);
	struct mbox_snapshot s;

	t_append(f, f->inbox, 0, 2);
	assert_int_equal(t_info(f, "INBOX").recent, 2);
	s = t_select(f, f->inbox, false);
	assert_int_equal(s.recent, 2);
	seqset_fini(&s.uids);
	s = t_select(f, f->inbox, true);
	assert_int_equal(s.recent, 2);
	assert_int_equal(s.first_recent, 1);
	seqset_fini(&s.uids);
	assert_int_equal(t_info(f, "INBOX").recent, 0);
	t_append(f, f->inbox, 0, 2);
	fixture_reopen(f);
	s = t_select(f, f->inbox, true);
	assert_int_equal(s.recent, 2);
	assert_int_equal(s.first_recent, 3);
	seqset_fini(&s.uids);
	s = t_select(f, f->inbox, true);
	assert_int_equal(s.recent, 0);
	assert_int_equal(s.first_recent, 0);
	seqset_fini(&s.uids);
	fixture_free(&f);
}

struct claim_call {
	int64_t mailbox;
	uint32_t first;
	uint32_t count;
};

static enum rc claim_run(struct account *account, void *arg)
{
	struct claim_call *call = arg;
	return mbox_claim_recent(account, call->mailbox, &call->first, &call->count);
}

static void a_selected_session_claims_what_arrives_meanwhile(void **state)
{
	(void)state;
	struct fixture *f = fixture_new(NULL);
	struct claim_call call = { .mailbox = f->inbox };
	struct mbox_snapshot s = t_select(f, f->inbox, true);

	seqset_fini(&s.uids);
	assert_int_equal(run(f, JOB_WRITE_RELAXED, claim_run, &call), RC_OK);
	assert_int_equal(call.first, 0);
	t_append(f, f->inbox, 0, 3);
	assert_expunge(f, f->inbox, "2", true, "2");
	assert_int_equal(run(f, JOB_WRITE_RELAXED, claim_run, &call), RC_OK);
	assert_int_equal(call.first, 1);
	assert_int_equal(call.count, 2);
	assert_int_equal(run(f, JOB_WRITE_RELAXED, claim_run, &call), RC_OK);
	assert_int_equal(call.count, 0);
	fixture_free(&f);
}

static void what_cannot_be_selected_is_not_found(void **state)
{
	(void)state;
	struct fixture *f = fixture_new(NULL);
	struct select_call call = { .f = f, .mailbox = 99 };

	assert_int_equal(run(f, JOB_READ, select_run, &call), RC_NOT_FOUND);
	t_new(f, "a/b");
	call.mailbox = t_id(f, "a");
	assert_int_equal(run(f, JOB_READ, select_run, &call), RC_NOT_FOUND);
	fixture_free(&f);
}

static enum rc two_then_fail(struct account *account, void *arg)
{
	int64_t id;
	enum rc rc = mbox_create(account, STRV("x/y"), 0, &id);
	if (rc == RC_OK)
		rc = mbox_delete(account, STRV("a"));
	if (rc == RC_OK)
		rc = mbox_rename(account, STRV("b"), STRV("c"));
	if (rc == RC_OK)
		rc = mbox_subscribe(account, STRV("z"), true);
	return rc == RC_OK ? *(enum rc *)arg : rc;
}

static void names_come_back_when_their_job_fails(void **state)
{
	(void)state;
	struct fixture *f = fixture_new(NULL);
	enum rc fail = RC_PERM;
	enum rc good = RC_OK;

	t_append(f, t_new(f, "a"), 0, 2);
	t_new(f, "b");
	forget_changes(f);
	assert_int_equal(run(f, JOB_WRITE, two_then_fail, &fail), RC_PERM);
	assert_list(f, true, "INBOX s;a;b;");
	assert_int_equal(t_quota(f).messages_used, 2);
	assert_changes(f, "");
	assert_int_equal(run(f, JOB_WRITE, two_then_fail, &good), RC_OK);
	assert_list(f, true, "INBOX s;c;x - +;x/y;z - s none;");
	assert_int_equal(t_quota(f).messages_used, 0);
	fixture_free(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_new_account_has_inbox_and_the_default_mailboxes_subscribed),
		cmocka_unit_test(a_lost_inbox_is_made_again),
		cmocka_unit_test(missing_parents_become_names_that_cannot_be_selected),
		cmocka_unit_test(inbox_comes_first_and_parents_before_their_children),
		cmocka_unit_test(a_deleted_mailbox_with_children_stays_as_a_name),
		cmocka_unit_test(names_that_were_only_above_others_go_with_the_last_of_them),
		cmocka_unit_test(a_mailbox_made_again_has_another_id_and_a_higher_uidvalidity),
		cmocka_unit_test(a_modseq_does_not_go_back_with_a_deleted_mailbox),
		cmocka_unit_test(the_log_of_a_deleted_mailbox_is_kept_as_long_as_messages_can_come_back),
		cmocka_unit_test(renaming_takes_the_children_along_and_makes_parents),
		cmocka_unit_test(children_that_get_too_deep_or_too_long_are_not_renamed),
		cmocka_unit_test(renaming_inbox_moves_its_messages_and_leaves_it_empty),
		cmocka_unit_test(subscriptions_are_names_that_need_no_mailbox),
		cmocka_unit_test(the_number_of_mailboxes_and_subscriptions_is_limited),
		cmocka_unit_test(names_have_one_form_and_limits),
		cmocka_unit_test(a_name_in_another_normal_form_is_the_same_mailbox),
		cmocka_unit_test(a_special_use_stays_with_the_mailbox),
		cmocka_unit_test(select_tells_where_the_view_starts),
		cmocka_unit_test(a_message_is_recent_in_one_read_write_session),
		cmocka_unit_test(a_selected_session_claims_what_arrives_meanwhile),
		cmocka_unit_test(what_cannot_be_selected_is_not_found),
		cmocka_unit_test(names_come_back_when_their_job_fails),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
