#include "query/notify_lines.h"

#include "store/message.h"
#include "support/inbox_rig.h"

#define ASKS_MAX 4

struct question {
	struct notify_lines lines;
	struct notify_ask asks[ASKS_MAX];
	struct notify_item items[ASKS_MAX];
	size_t item_count;
	int64_t selected;
};

static void question_init(struct question *q, struct test *t, const char *groups)
{
	struct arena *arena = arena_new(0);
	struct parse parse;
	enum notify_refusal refusal;
	*q = (struct question){ .lines = { .asks = q->asks } };
	parse_init(&parse, strv_cstr(groups), arena);
	assert_true(notify_set_parse(&parse, t->rig.store, &q->lines.set, &refusal));
	assert_int_equal(refusal, NOTIFY_TAKEN);
	arena_free(&arena);
	list_init(&q->lines.items);
	buf_init(&q->lines.out, 65536);
}

static void question_fini(struct question *q)
{
	notify_set_unref(&q->lines.set);
	buf_fini(&q->lines.out);
}

static enum rc ask(struct account *account, void *arg)
{
	struct question *q = arg;
	return notify_lines_print(account, &q->lines);
}

static enum rc ask_status(struct account *account, void *arg)
{
	struct question *q = arg;
	buf_reset(&q->lines.out);
	return notify_lines_status(account, q->lines.set, q->selected, q->lines.utf8, &q->lines.out);
}

static void mask(char *text, const char *word)
{
	for (char *at = strstr(text, word); at; at = strstr(at + 1, word)) {
		char *number = at + strlen(word);
		size_t n = strspn(number, "0123456789");
		*number = '1';
		memmove(number + 1, number + n, strlen(number + n) + 1);
	}
}

/* UIDVALIDITY and HIGHESTMODSEQ become 1. */
static void assert_told(struct test *t, rig_fn *fn, struct question *q, const char *expected)
{
	assert_int_equal(rig_run(&t->rig, ACCOUNT, JOB_READ, fn, q), RC_OK);
	buf_addc(&q->lines.out, '\0');
	mask(q->lines.out.p, "UIDVALIDITY ");
	mask(q->lines.out.p, "HIGHESTMODSEQ ");
	assert_string_equal(q->lines.out.p, expected);
}

static int64_t create(struct test *t, const char *name)
{
	int64_t id;
	assert_int_equal(rig_create(&t->rig, ACCOUNT, name), RC_OK);
	assert_int_equal(rig_find(&t->rig, ACCOUNT, name, &id), RC_OK);
	return id;
}

static void ask_of(struct question *q, int64_t id, unsigned marks)
{
	q->asks[q->lines.count++] = (struct notify_ask){ .id = id, .marks = marks };
}

static void item(
	struct question *q, enum notify_kind kind, int64_t mailbox, const char *name, const char *old)
{
	struct notify_item *item = &q->items[q->item_count++];
	*item = (struct notify_item){
		.kind = kind, .mailbox = mailbox, .name = strv_cstr(name), .old_name = strv_cstr(old)
	};
	list_append(&q->lines.items, &item->node);
}

static void a_marked_mailbox_has_a_status_of_what_is_wanted(void **state)
{
	struct test *t = *state;
	struct question q;
	int64_t a = create(t, "a"), b = create(t, "b");
	question_init(&q, t, "(mailboxes a (MessageNew MessageExpunge)) (mailboxes b (MailboxName))");
	ask_of(&q, a, NOTIFY_MESSAGE_NEW);
	ask_of(&q, b, NOTIFY_MESSAGE_NEW);
	assert_told(t, ask, &q, "* STATUS \"a\" (MESSAGES 0 UIDNEXT 1)\r\n");
	assert_true(q.asks[0].found && q.asks[1].found);
	assert_int_equal(q.asks[0].events, NOTIFY_MESSAGE_NEW | NOTIFY_MESSAGE_EXPUNGE);
	assert_int_equal(q.asks[1].events, NOTIFY_MAILBOX_NAME);
	/* Each time anew. */
	q.lines.condstore = true;
	assert_told(t, ask, &q, "* STATUS \"a\" (MESSAGES 0 UIDNEXT 1 HIGHESTMODSEQ 1)\r\n");
	question_fini(&q);
}

/* Without mod-sequences the number of unseen messages is all that can show a changed flag. */
static void a_flag_that_no_number_shows_is_not_told(void **state)
{
	struct test *t = *state;
	struct question q;
	int64_t a = create(t, "a");
	question_init(&q, t, "(personal (MessageNew MessageExpunge FlagChange))");
	ask_of(&q, a, NOTIFY_FLAG_CHANGE);
	assert_told(t, ask, &q, "* STATUS \"a\" (UIDVALIDITY 1 UNSEEN 0)\r\n");
	assert_true(q.asks[0].unseen_known);
	assert_told(t, ask, &q, "");
	q.asks[0].unseen = 1;
	assert_told(t, ask, &q, "* STATUS \"a\" (UIDVALIDITY 1 UNSEEN 0)\r\n");
	q.lines.condstore = true;
	assert_told(t, ask, &q, "* STATUS \"a\" (UIDVALIDITY 1 UNSEEN 0 HIGHESTMODSEQ 1)\r\n");
	question_fini(&q);
}

static void a_mailbox_that_has_gone_is_not_found(void **state)
{
	struct test *t = *state;
	struct question q;
	int64_t a = create(t, "a"), above;
	(void)create(t, "x/y");
	assert_int_equal(rig_find(&t->rig, ACCOUNT, "x", &above), RC_OK);
	assert_int_equal(rig_delete(&t->rig, ACCOUNT, "a"), RC_OK);
	question_init(&q, t, "(personal (MessageNew MessageExpunge))");
	ask_of(&q, a, NOTIFY_MESSAGE_NEW);
	ask_of(&q, above, NOTIFY_MESSAGE_NEW);
	assert_told(t, ask, &q, "");
	assert_false(q.asks[0].found || q.asks[1].found);
	question_fini(&q);
}

static void a_new_name_is_told_with_the_one_above_it(void **state)
{
	struct test *t = *state;
	struct question q;
	(void)create(t, "x/y");
	(void)create(t, "x/z");
	question_init(&q, t, "(personal (MailboxName))");
	item(&q, NOTIFY_KIND_NAME, 1, "x/y", "");
	assert_told(t, ask, &q,
		"* LIST (\\HasNoChildren) \"/\" \"x/y\"\r\n"
		"* LIST (\\Noselect \\HasChildren) \"/\" \"x\"\r\n");
	/* Once, if it has an item of its own. */
	item(&q, NOTIFY_KIND_NAME, 2, "x", "");
	assert_told(t, ask, &q,
		"* LIST (\\HasNoChildren) \"/\" \"x/y\"\r\n"
		"* LIST (\\Noselect \\HasChildren) \"/\" \"x\"\r\n");
	question_fini(&q);
}

static void a_rename_tells_the_old_name(void **state)
{
	struct test *t = *state;
	struct question q;
	int64_t b = create(t, "b");
	question_init(&q, t, "(mailboxes a (MailboxName))");
	/* It is enough that the set watches what the name was. */
	item(&q, NOTIFY_KIND_RENAME, b, "b", "a");
	assert_told(t, ask, &q, "* LIST (\\HasNoChildren) \"/\" \"b\" (\"OLDNAME\" (\"a\"))\r\n");
	/* Something else has that name by now: what is left is told of both. */
	q.items[0].mailbox = b + 1;
	assert_told(t, ask, &q, "* LIST (\\NonExistent \\HasNoChildren) \"/\" \"a\"\r\n");
	question_fini(&q);
}

static void a_lost_subscription_is_told_to_who_watches_the_subscribed(void **state)
{
	struct test *t = *state;
	struct question q;
	(void)create(t, "a");
	question_init(&q, t, "(subscribed (SubscriptionChange))");
	item(&q, NOTIFY_KIND_SUBSCRIPTION, 0, "a", "");
	assert_told(t, ask, &q, "* LIST (\\HasNoChildren) \"/\" \"a\"\r\n");
	question_fini(&q);
}

static void entries_of_one_mailbox_share_a_line(void **state)
{
	struct test *t = *state;
	struct question q;
	int64_t a = create(t, "a"), b = create(t, "b");
	question_init(&q, t, "(mailboxes a (MailboxMetadataChange ServerMetadataChange))");
	item(&q, NOTIFY_KIND_METADATA, a, "/private/x", "");
	item(&q, NOTIFY_KIND_METADATA, a, "/private/y", "");
	item(&q, NOTIFY_KIND_METADATA, b, "/private/z", "");
	item(&q, NOTIFY_KIND_METADATA, 0, "/shared/s", "");
	assert_told(t, ask, &q, "* METADATA \"a\" /private/x /private/y\r\n* METADATA \"\" /shared/s\r\n");
	question_fini(&q);
}

static void the_status_of_the_whole_set_leaves_the_selected_mailbox_out(void **state)
{
	struct test *t = *state;
	struct question q;
	int64_t b;
	(void)create(t, "a");
	b = create(t, "b");
	(void)create(t, "x/y");
	question_init(&q, t,
		"(mailboxes (a b x) (MessageNew MessageExpunge FlagChange)) (mailboxes INBOX (MailboxName))");
	q.selected = b;
	assert_told(t, ask_status, &q,
		"* STATUS \"a\" (MESSAGES 0 UIDNEXT 1 UIDVALIDITY 1 UNSEEN 0 HIGHESTMODSEQ 1)\r\n");
	question_fini(&q);
}

static void more_lines_than_the_buffer_may_hold_are_refused(void **state)
{
	static const char line[] = "* STATUS \"a\" (MESSAGES 0 UIDNEXT 1)\r\n";
	struct test *t = *state;
	struct question q;
	int64_t a = create(t, "a");
	for (size_t less = 0; less < 2; less++) {
		question_init(&q, t, "(mailboxes a (MessageNew MessageExpunge))");
		buf_fini(&q.lines.out);
		buf_init(&q.lines.out, sizeof(line) - 1 - less);
		ask_of(&q, a, NOTIFY_MESSAGE_NEW);
		assert_int_equal(rig_run(&t->rig, ACCOUNT, JOB_READ, ask, &q), less > 0 ? RC_LIMIT : RC_OK);
		assert_int_equal(rig_run(&t->rig, ACCOUNT, JOB_READ, ask_status, &q), RC_LIMIT);
		question_fini(&q);
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_marked_mailbox_has_a_status_of_what_is_wanted),
		TEST(a_flag_that_no_number_shows_is_not_told),
		TEST(a_mailbox_that_has_gone_is_not_found),
		TEST(a_new_name_is_told_with_the_one_above_it),
		TEST(a_rename_tells_the_old_name),
		TEST(a_lost_subscription_is_told_to_who_watches_the_subscribed),
		TEST(entries_of_one_mailbox_share_a_line),
		TEST(the_status_of_the_whole_set_leaves_the_selected_mailbox_out),
		TEST(more_lines_than_the_buffer_may_hold_are_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
