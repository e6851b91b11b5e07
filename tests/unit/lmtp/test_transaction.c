#include "lmtp_rig.h"
#include "store/users.h"

/* A transaction whose session is this test. */
struct owner {
	struct mx *mx;
	struct lmtp_transaction transaction;
	struct buf replies; /* "code status text" lines */
	unsigned done;
	unsigned room;
};

static void on_reply(void *arg, const struct smtp_reply *reply)
{
	struct owner *owner = arg;
	buf_printf(&owner->replies, "%d %s %s\n", reply->code, reply->status, reply->text);
}

static void on_done(void *arg)
{
	struct owner *owner = arg;
	owner->done++;
}

static void on_room(void *arg)
{
	struct owner *owner = arg;
	owner->room++;
}

static const struct lmtp_transaction_ops ops = { .reply = on_reply, .done = on_done, .room = on_room };

static void owner_init(struct owner *owner, struct mx *mx)
{
	memset(owner, 0, sizeof(*owner));
	owner->mx = mx;
	buf_init(&owner->replies, 1024 * 1024);
	lmtp_transaction_init(&owner->transaction, &mx->lmtp->hubs[0], &mx->settings, &ops, owner);
}

static void owner_fini(struct owner *owner)
{
	lmtp_transaction_fini(&owner->transaction);
	assert_null(owner->mx->lmtp->hubs[0].transactions);
	buf_fini(&owner->replies);
}

static void wait_done(struct owner *owner, unsigned done)
{
	for (unsigned i = 0; i < TURNS_MAX && owner->done < done; i++)
		mx_turn(owner->mx);
	assert_int_equal(owner->done, done);
}

/* The replies so far must be these, ids of messages shown as "ID"; they are taken. */
static void assert_replies(struct owner *owner, const char *expected)
{
	buf_addc(&owner->replies, '\0');
	for (char *id = strstr(owner->replies.p, ", id "); id; id = strstr(id + 1, ", id ")) {
		assert_int_equal(strspn(id + 5, "0123456789abcdef"), 16);
		memcpy(id + 5, "ID", 2);
		memmove(id + 7, id + 21, strlen(id + 21) + 1);
	}
	assert_string_equal(owner->replies.p, expected);
	buf_reset(&owner->replies);
}

static void assert_refused(bool begun, const struct smtp_reply *refusal, const char *expected)
{
	char text[256] = "OK";

	if (!begun)
		snprintf(text, sizeof(text), "%d %s %s", refusal->code, refusal->status, refusal->text);
	assert_string_equal(text, expected);
}

static void assert_mail(struct owner *owner, const char *args, const char *expected)
{
	struct smtp_reply refusal;
	bool begun = lmtp_transaction_mail(&owner->transaction, strv_cstr(args), &refusal);
	assert_refused(begun, &refusal, expected);
}

/* The answer to RCPT, whether it comes at once or from the users table. */
static void assert_rcpt(struct owner *owner, const char *args, const char *expected)
{
	struct smtp_reply refusal;
	char line[2048];

	if (!lmtp_transaction_rcpt(&owner->transaction, strv_cstr(args), &refusal)) {
		assert_refused(false, &refusal, expected);
		return;
	}
	assert_int_equal(owner->replies.len, 0);
	wait_done(owner, owner->done + 1);
	snprintf(line, sizeof(line), "%s\n", expected);
	assert_replies(owner, line);
}

static void begin_data(struct owner *owner)
{
	struct smtp_reply refusal;
	assert_true(lmtp_transaction_data(&owner->transaction, "relay.test", "192.0.2.1", &refusal));
}

static void send_data(struct owner *owner, struct strv bytes)
{
	while (bytes.n > 0) {
		size_t used = lmtp_transaction_bytes(&owner->transaction, bytes);
		bytes = strv_sub(bytes, used, bytes.n);
		if (used == 0)
			mx_turn(owner->mx);
	}
}

static void send_message(struct owner *owner, const char *text)
{
	unsigned done = owner->done + 1;

	begin_data(owner);
	send_data(owner, strv_cstr(text));
	assert_true(lmtp_transaction_received(&owner->transaction));
	lmtp_transaction_deliver(&owner->transaction);
	wait_done(owner, done);
}

static void senders_and_their_parameters_are_checked(void **state)
{
	static const char *const rows[][2] = {
		{ "<s@x>", "OK" },
		{ "<>", "OK" },
		{ "<s@x> SIZE=100000 BODY=8BITMIME", "OK" },
		{ "<s@x> size=0 body=7bit SMTPUTF8", "OK" },
		{ "<s@x> SIZE=100001", "552 5.3.4 message is too big" },
		{ "<s@x> SIZE=18446744073709551616", "501 5.5.4 bad SIZE" },
		{ "<s@x> SIZE", "501 5.5.4 bad SIZE" },
		{ "<s@x> SIZE=x", "501 5.5.4 bad SIZE" },
		{ "<s@x> BODY=BINARYMIME", "501 5.5.4 bad BODY" },
		{ "<s@x> BODY", "501 5.5.4 bad BODY" },
		{ "<s@x> SMTPUTF8=1", "555 5.5.4 unknown parameter" },
		{ "<s@x> RET=FULL", "555 5.5.4 unknown parameter" },
		{ "<s@x>SIZE=1", "501 5.5.4 bad parameters" },
		{ "<s@x> =", "501 5.5.4 bad parameters" },
		{ "<s@x> A B C D E F G H I", "501 5.5.4 bad parameters" },
		{ "s@x", "501 5.1.7 bad address syntax" },
		{ "<s>", "501 5.1.7 bad address syntax" },
		{ "<\xc3\xa9@x>", "553 5.6.7 address needs SMTPUTF8" },
		{ "<\xc3\xa9@x> SMTPUTF8", "OK" },
		{ "<\xff@x> SMTPUTF8", "501 5.1.7 bad address syntax" },
	};
	struct owner owner;

	owner_init(&owner, *state);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_mail(&owner, rows[i][0], rows[i][1]);
	owner_fini(&owner);
}

static void an_address_has_a_maximum_and_is_kept_whole(void **state)
{
	struct owner owner;
	char args[2 * SMTP_PATH_MAX + 128], address[2 * SMTP_PATH_MAX + 64];
	char *p = address;

	owner_init(&owner, *state);
	/* The longest: each octet of the local part escaped. */
	*p++ = '"';
	for (unsigned i = 0; i < SMTP_PATH_MAX - 1; i++) {
		*p++ = '\\';
		*p++ = 'a';
	}
	memcpy(p, "\"@x", 4);
	assert_int_equal(strlen(address) + 2, SMTP_ADDRESS_ROOM);
	snprintf(args, sizeof(args), "<%s>", address);
	assert_mail(&owner, args, "OK");
	assert_string_equal(owner.transaction.sender, address);
	snprintf(args, sizeof(args), "<%sx>", address);
	assert_mail(&owner, args, "553 5.1.7 address too long");
	assert_rcpt(&owner, args, "553 5.1.3 address too long");
	assert_mail(&owner, "<@a,@b:s@x>", "OK");
	assert_string_equal(owner.transaction.sender, "s@x");
	/* The reply about it also has room. */
	char expected[4096];
	snprintf(args, sizeof(args), "<%s>", address);
	snprintf(expected, sizeof(expected), "550 5.1.1 <%s> no such user here", address);
	assert_rcpt(&owner, args, expected);
	owner_fini(&owner);
}

static void recipients_are_looked_up(void **state)
{
	struct owner owner;

	owner_init(&owner, *state);
	assert_mail(&owner, "<s@x>", "OK");
	assert_rcpt(&owner, "alice@example.org", "501 5.1.3 bad address syntax");
	assert_rcpt(&owner, "<>", "501 5.1.3 bad address syntax");
	assert_rcpt(&owner, "<alice@example.org> NOTIFY=NEVER", "555 5.5.4 unknown parameter");
	assert_rcpt(&owner, "<alice@example.org>x", "501 5.5.4 bad parameters");
	assert_rcpt(&owner, "<\xc3\xa9@example.org>", "553 5.6.7 address needs SMTPUTF8");
	assert_rcpt(&owner, "<nobody@example.org>", "550 5.1.1 <nobody@example.org> no such user here");
	assert_rcpt(&owner, "<nobody+x@example.org>", "550 5.1.1 <nobody+x@example.org> no such user here");
	assert_rcpt(&owner, "<postmaster>", "550 5.1.1 <postmaster> no such user here");
	assert_int_equal(owner.transaction.recipient_count, 0);
	assert_rcpt(&owner, "<Alice@EXAMPLE.org>", "250 2.1.5 OK");
	assert_rcpt(&owner, "<bob+lists@example.org>", "250 2.1.5 OK");
	assert_int_equal(owner.transaction.recipient_count, 2);
	assert_string_equal(owner.transaction.recipients[0].address, "Alice@EXAMPLE.org");
	assert_int_equal(owner.transaction.recipients[0].detail, 0);
	assert_int_equal(owner.transaction.recipients[1].detail, 4);
	owner_fini(&owner);
}

static void an_address_with_the_separator_may_be_a_user_of_its_own(void **state)
{
	struct mx *mx = *state;
	struct owner owner;

	assert_int_equal(rig_user_add(&mx->rig, "bob+shop@example.org"), RC_OK);
	owner_init(&owner, mx);
	assert_mail(&owner, "<s@x>", "OK");
	assert_rcpt(&owner, "<bob+shop@example.org>", "250 2.1.5 OK");
	assert_rcpt(&owner, "<bob+other@example.org>", "250 2.1.5 OK");
	assert_int_equal(owner.transaction.recipients[0].detail, 0);
	assert_int_equal(owner.transaction.recipients[1].detail, 4);
	assert_ptr_not_equal(
		owner.transaction.recipients[0].account, owner.transaction.recipients[1].account);
	owner_fini(&owner);
}

static enum rc disable_bob(struct users *users, struct users_job *job)
{
	(void)job;
	return users_set_enabled(users, STRV("bob@example.org"), false);
}

static void job_is_done(struct users_job *job)
{
	job->asker = 1;
}

static void a_disabled_user_gets_no_mail(void **state)
{
	struct mx *mx = *state;
	struct users_job job = {
		.write = true, .run = disable_bob, .done = job_is_done, .home = mx->rig.reactor
	};
	struct owner owner;

	assert_int_equal(users_submit(mx->rig.store, &job), RC_OK);
	for (unsigned i = 0; i < TURNS_MAX && job.asker == 0; i++)
		mx_turn(mx);
	assert_int_equal(job.rc, RC_OK);
	owner_init(&owner, mx);
	assert_mail(&owner, "<s@x>", "OK");
	assert_rcpt(&owner, "<bob@example.org>", "550 5.2.1 <bob@example.org> mailbox is disabled");
	assert_int_equal(owner.transaction.recipient_count, 0);
	owner_fini(&owner);
}

static void recipients_have_a_maximum(void **state)
{
	struct owner owner;

	owner_init(&owner, *state);
	assert_mail(&owner, "<s@x>", "OK");
	for (unsigned i = 0; i < 3; i++)
		assert_rcpt(&owner, "<alice@example.org>", "250 2.1.5 OK");
	assert_rcpt(&owner, "<alice@example.org>", "452 4.5.3 too many recipients");
	owner_fini(&owner);
}

static void data_needs_a_recipient(void **state)
{
	struct smtp_reply refusal;
	struct owner owner;

	owner_init(&owner, *state);
	assert_mail(&owner, "<s@x>", "OK");
	assert_false(lmtp_transaction_data(&owner.transaction, "a", "b", &refusal));
	assert_refused(false, &refusal, "503 5.5.1 no valid recipients");
	owner_fini(&owner);
}

/* The only message of INBOX. */
static void assert_stored(struct mx *mx, int64_t account, const char *head, const char *body)
{
	struct buf out;

	buf_init(&out, 1024 * 1024);
	assert_int_equal(rig_read(&mx->rig, account, "INBOX", 1, &out), RC_OK);
	assert_true(out.len > strlen(head) + strlen(body));
	assert_memory_equal(out.p, head, strlen(head));
	assert_memory_equal(out.p + out.len - strlen(body), body, strlen(body));
	assert_int_equal(rig_read(&mx->rig, account, "INBOX", 2, &out), RC_NOT_FOUND);
	buf_fini(&out);
}

static void each_recipient_is_answered_in_order_and_the_transaction_is_over(void **state)
{
	struct mx *mx = *state;
	struct lmtp_counters counters;
	struct owner owner;

	owner_init(&owner, mx);
	assert_mail(&owner, "<bounce@x>", "OK");
	assert_rcpt(&owner, "<bob@example.org>", "250 2.1.5 OK");
	assert_rcpt(&owner, "<alice@example.org>", "250 2.1.5 OK");
	send_message(&owner, "Subject: two\r\n\r\n..dot\r\n.\r\n");
	assert_replies(&owner, "250 2.1.5 <bob@example.org> delivered, id ID\n"
			       "250 2.1.5 <alice@example.org> delivered, id ID\n");
	assert_int_equal(owner.transaction.recipient_count, 0);
	assert_null(owner.transaction.trace);
	assert_string_equal(owner.transaction.sender, "");
	assert_stored(mx, ALICE,
		"Return-Path: <bounce@x>\r\nDelivered-To: alice@example.org\r\n"
		"Received: from relay.test (192.0.2.1)\r\n\tby mx.test with LMTP id ",
		"Subject: two\r\n\r\n.dot\r\n");
	assert_stored(mx, BOB, "Return-Path: <bounce@x>\r\nDelivered-To: bob@example.org\r\n",
		"Subject: two\r\n\r\n.dot\r\n");
	lmtp_counters(mx->lmtp, &counters);
	assert_int_equal(counters.messages, 1);
	assert_int_equal(counters.delivered, 2);
	assert_int_equal(counters.refused + counters.deferred, 0);
	assert_int_equal(counters.bytes, strlen("Subject: two\r\n\r\n.dot\r\n"));
	owner_fini(&owner);
}

static void recipients_of_one_account_and_detail_share_a_copy(void **state)
{
	struct mx *mx = *state;
	struct owner owner;

	owner_init(&owner, mx);
	assert_mail(&owner, "<s@x>", "OK");
	assert_rcpt(&owner, "<alice@example.org>", "250 2.1.5 OK");
	assert_rcpt(&owner, "<bob@example.org>", "250 2.1.5 OK");
	assert_rcpt(&owner, "<ALICE@example.org>", "250 2.1.5 OK");
	send_message(&owner, "Subject: one\r\n\r\nx\r\n.\r\n");
	assert_replies(&owner, "250 2.1.5 <alice@example.org> delivered, id ID\n"
			       "250 2.1.5 <bob@example.org> delivered, id ID\n"
			       "250 2.1.5 <ALICE@example.org> delivered, id ID\n");
	assert_stored(mx, ALICE, "Return-Path: <s@x>\r\nDelivered-To: alice@example.org\r\n",
		"Subject: one\r\n\r\nx\r\n");
	owner_fini(&owner);
}

static void a_subaddress_chooses_the_mailbox(void **state)
{
	struct mx *mx = *state;
	struct owner owner;
	struct buf out;

	assert_int_equal(rig_create(&mx->rig, ALICE, "Lists"), RC_OK);
	owner_init(&owner, mx);
	assert_mail(&owner, "<s@x>", "OK");
	assert_rcpt(&owner, "<alice+Lists@example.org>", "250 2.1.5 OK");
	assert_rcpt(&owner, "<alice@example.org>", "250 2.1.5 OK");
	send_message(&owner, "Subject: both\r\n\r\nx\r\n.\r\n");
	buf_init(&out, 65536);
	assert_int_equal(rig_read(&mx->rig, ALICE, "Lists", 1, &out), RC_OK);
	assert_int_equal(rig_read(&mx->rig, ALICE, "INBOX", 1, &out), RC_OK);
	buf_fini(&out);
	owner_fini(&owner);
}

static void a_message_has_a_maximum(void **state)
{
	struct mx *mx = *state;
	struct owner owner;
	char *text = mem_alloc(mx->settings.message_max + 100);

	owner_init(&owner, mx);
	for (uint64_t n = mx->settings.message_max; n <= mx->settings.message_max + 1; n++) {
		static const char head[] = "Subject: large\r\n\r\n";
		memset(text, 'x', n);
		memcpy(text, head, sizeof(head) - 1);
		memcpy(text + n - 2, "\r\n.\r\n", 6);
		assert_mail(&owner, "<s@x>", "OK");
		assert_rcpt(&owner, "<alice@example.org>", "250 2.1.5 OK");
		send_message(&owner, text);
		assert_replies(&owner, n == mx->settings.message_max
					       ? "250 2.1.5 <alice@example.org> delivered, id ID\n"
					       : "552 5.3.4 <alice@example.org> message is too big, id ID\n");
	}
	free(text);
	owner_fini(&owner);
}

static void text_without_header_does_not_become_header(void **state)
{
	struct mx *mx = *state;
	struct owner owner;
	struct buf out;

	owner_init(&owner, mx);
	assert_mail(&owner, "<s@x>", "OK");
	assert_rcpt(&owner, "<alice@example.org>", "250 2.1.5 OK");
	send_message(&owner, "no header at all\r\n.\r\n");
	buf_init(&out, 65536);
	assert_int_equal(rig_read(&mx->rig, ALICE, "INBOX", 1, &out), RC_OK);
	assert_non_null(memmem(out.p, out.len, "+0000\r\n\r\nno header at all\r\n", 27));
	buf_fini(&out);
	owner_fini(&owner);
}

static void a_full_mailbox_is_answered_for_its_owner_alone(void **state)
{
	struct mx *mx = *state;
	struct lmtp_counters counters;
	struct owner owner;

	mx->rig.settings.quota_storage = 0;
	owner_init(&owner, mx);
	assert_mail(&owner, "<s@x>", "OK");
	assert_rcpt(&owner, "<alice@example.org>", "250 2.1.5 OK");
	assert_rcpt(&owner, "<bob@example.org>", "250 2.1.5 OK");
	account_quota_set(owner.transaction.recipients[0].account, 10, 0);
	send_message(&owner, "Subject: much\r\n\r\nx\r\n.\r\n");
	assert_replies(&owner, "452 4.2.2 <alice@example.org> mailbox is full, id ID\n"
			       "250 2.1.5 <bob@example.org> delivered, id ID\n");
	mx->settings.quota_permanent = true;
	assert_mail(&owner, "<s@x>", "OK");
	assert_rcpt(&owner, "<alice@example.org>", "250 2.1.5 OK");
	account_quota_set(owner.transaction.recipients[0].account, 10, 0);
	send_message(&owner, "Subject: much\r\n\r\nx\r\n.\r\n");
	assert_replies(&owner, "552 5.2.2 <alice@example.org> mailbox is full, id ID\n");
	lmtp_counters(mx->lmtp, &counters);
	assert_int_equal(counters.delivered, 1);
	assert_int_equal(counters.deferred, 1);
	assert_int_equal(counters.refused, 1);
	owner_fini(&owner);
}

static void a_session_that_ends_before_the_answer_is_not_called(void **state)
{
	struct mx *mx = *state;
	struct smtp_reply refusal;
	struct owner owner;

	/* Before the lookup is answered. */
	owner_init(&owner, mx);
	assert_mail(&owner, "<s@x>", "OK");
	assert_true(lmtp_transaction_rcpt(&owner.transaction, STRV("<alice@example.org>"), &refusal));
	owner_fini(&owner);
	rig_settle(&mx->rig);
	assert_int_equal(owner.done, 0);
	/* The session ends within the message. */
	owner_init(&owner, mx);
	assert_mail(&owner, "<s@x>", "OK");
	assert_rcpt(&owner, "<alice@example.org>", "250 2.1.5 OK");
	begin_data(&owner);
	send_data(&owner, STRV("Subject: cut\r\n\r\n"));
	owner_fini(&owner);
	rig_settle(&mx->rig);
	/* Behind its end: it is delivered all the same. */
	owner_init(&owner, mx);
	assert_mail(&owner, "<s@x>", "OK");
	assert_rcpt(&owner, "<alice@example.org>", "250 2.1.5 OK");
	begin_data(&owner);
	send_data(&owner, STRV("Subject: kept\r\n\r\n.\r\n"));
	lmtp_transaction_deliver(&owner.transaction);
	owner_fini(&owner);
	assert_int_equal(owner.done, 1);
	rig_settle(&mx->rig);
	assert_stored(mx, ALICE, "Return-Path: <s@x>\r\n", "Subject: kept\r\n\r\n");
}

static void a_spool_that_is_full_takes_octets_later(void **state)
{
	struct mx *mx = *state;
	struct owner owner;
	char *text = mem_alloc(1024 * 1024);

	mx->settings.message_max = 16 * 1024 * 1024;
	memset(text, 'x', 1024 * 1024);
	owner_init(&owner, mx);
	assert_mail(&owner, "<s@x>", "OK");
	assert_rcpt(&owner, "<alice@example.org>", "250 2.1.5 OK");
	begin_data(&owner);
	send_data(&owner, STRV("Subject: stream\r\n\r\n"));
	bool refused = false;
	for (unsigned i = 0; i < 8 && !refused; i++)
		refused = lmtp_transaction_bytes(&owner.transaction, strv_make(text, 1024 * 1024)) == 0;
	assert_true(refused);
	for (unsigned i = 0; i < TURNS_MAX && owner.room == 0; i++)
		mx_turn(mx);
	assert_int_equal(owner.room, 1);
	send_data(&owner, STRV("\r\n.\r\n"));
	lmtp_transaction_deliver(&owner.transaction);
	wait_done(&owner, 2);
	assert_replies(&owner, "250 2.1.5 <alice@example.org> delivered, id ID\n");
	free(text);
	owner_fini(&owner);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, mx_setup, mx_teardown)
		TEST(senders_and_their_parameters_are_checked),
		TEST(an_address_has_a_maximum_and_is_kept_whole),
		TEST(recipients_are_looked_up),
		TEST(an_address_with_the_separator_may_be_a_user_of_its_own),
		TEST(a_disabled_user_gets_no_mail),
		TEST(recipients_have_a_maximum),
		TEST(data_needs_a_recipient),
		TEST(each_recipient_is_answered_in_order_and_the_transaction_is_over),
		TEST(recipients_of_one_account_and_detail_share_a_copy),
		TEST(a_subaddress_chooses_the_mailbox),
		TEST(a_message_has_a_maximum),
		TEST(text_without_header_does_not_become_header),
		TEST(a_full_mailbox_is_answered_for_its_owner_alone),
		TEST(a_session_that_ends_before_the_answer_is_not_called),
		TEST(a_spool_that_is_full_takes_octets_later),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
