#include "lmtp/delivery.h"

#include "base/clock.h"
#include "coi/coi.h"
#include "store/message.h"
#include "support/inbox_rig.h"

#define MESSAGE "Subject: x\r\n\r\nbody\r\n"
#define CHAT_MESSAGE "Chat-Version: 1.0\r\nMessage-ID: <chat$x@y>\r\n\r\nhi\r\n"

struct drop {
	struct delivery *delivery;
};

static enum rc drop_run(struct account *account, void *arg)
{
	struct drop *drop = arg;
	return delivery_run(account, &drop->delivery->job);
}

static struct delivery *receive(struct test *t, const char *text, const char *detail)
{
	struct content *content = NULL;
	assert_int_equal(rig_receive(&t->rig, strv_cstr(text), &content), RC_OK);
	struct delivery *delivery = delivery_new(content, STRV("Return-Path: <s@x>\r\n"), strv_cstr(detail));
	content_unref(&content);
	return delivery;
}

static enum rc deliver(struct test *t, struct delivery *delivery)
{
	struct drop drop = { .delivery = delivery };
	return rig_run(&t->rig, ACCOUNT, JOB_WRITE, drop_run, &drop);
}

static void assert_goes_to(struct test *t, const char *detail, const char *mailbox)
{
	struct delivery *delivery = receive(t, MESSAGE, detail);
	assert_int_equal(deliver(t, delivery), RC_OK);
	if (!strv_eq(delivery->mailbox, strv_cstr(mailbox)))
		fail_msg("%s: went to %.*s", detail, STRV_ARG(delivery->mailbox));
	delivery_free(&delivery);
	assert_null(delivery);
}

static void a_copy_has_the_recipients_own_header_lines(void **state)
{
	struct test *t = *state;
	struct buf bytes;
	struct delivery *delivery = receive(t, MESSAGE, "");
	assert_int_equal(deliver(t, delivery), RC_OK);
	assert_int_equal(delivery->uid, 1);
	delivery_free(&delivery);
	buf_init(&bytes, 4096);
	assert_int_equal(rig_read(&t->rig, ACCOUNT, "INBOX", 1, &bytes), RC_OK);
	assert_true(strv_eq(buf_strv(&bytes), STRV("Return-Path: <s@x>\r\n" MESSAGE)));
	buf_fini(&bytes);
}

static void a_subaddress_names_a_mailbox_that_is_there(void **state)
{
	struct test *t = *state;
	assert_int_equal(rig_create(&t->rig, ACCOUNT, "lists/coid"), RC_OK);
	assert_goes_to(t, "lists/coid", "lists/coid");
	assert_goes_to(t, "", "INBOX");
	assert_goes_to(t, "inbox", "INBOX");
	/* None is made, one that holds no messages is none, and no name is invalid. */
	assert_goes_to(t, "nowhere", "INBOX");
	assert_goes_to(t, "lists", "INBOX");
	assert_goes_to(t, "a//b", "INBOX");
	assert_goes_to(t, "*", "INBOX");
}

static void what_cannot_be_stored_is_not_there(void **state)
{
	struct test *t = *state;
	int64_t inbox;
	t->rig.settings.quota_messages = 1;
	rig_close(&t->rig);
	assert_int_equal(rig_open(&t->rig), RC_OK);
	assert_goes_to(t, "", "INBOX");
	struct delivery *delivery = receive(t, MESSAGE, "");
	assert_int_equal(deliver(t, delivery), RC_QUOTA);
	assert_int_equal(delivery->mailbox.n, 0);
	delivery_free(&delivery);
	assert_int_equal(rig_find(&t->rig, ACCOUNT, "INBOX", &inbox), RC_OK);
	assert_int_equal(rig_flags(&t->rig, ACCOUNT, "INBOX", 2, MSG_SEEN), RC_OK);
	struct buf bytes;
	buf_init(&bytes, 4096);
	assert_int_equal(rig_read(&t->rig, ACCOUNT, "INBOX", 2, &bytes), RC_NOT_FOUND);
	buf_fini(&bytes);
}

static enum rc set_active(struct account *account, void *arg)
{
	const struct coi *coi = arg;
	enum rc rc = coi_enable(coi, account);
	return rc == RC_OK ? coi_set_filter(coi, account, COI_FILTER_ACTIVE) : rc;
}

/* The user's rule decides before COI's does; all of it before the message is stored. */
static void chats_are_filed_unless_the_subaddress_has_chosen(void **state)
{
	static const struct coi_settings settings = { .enabled = true, .mailbox_root = "COI" };
	struct test *t = *state;
	struct coi *coi = coi_new(&settings, t->rig.log);
	assert_int_equal(rig_create(&t->rig, ACCOUNT, "box"), RC_OK);
	assert_int_equal(rig_run(&t->rig, ACCOUNT, JOB_WRITE, set_active, coi), RC_OK);
	const char *const rows[][2] = { { "", "COI/Chats" }, { "nowhere", "COI/Chats" }, { "box", "box" } };
	for (size_t i = 0; i < 3; i++) {
		struct delivery *delivery = receive(t, CHAT_MESSAGE, rows[i][0]);
		delivery->coi = coi;
		assert_int_equal(deliver(t, delivery), RC_OK);
		assert_true(strv_eq(delivery->mailbox, strv_cstr(rows[i][1])));
		delivery_free(&delivery);
	}
	coi_free(&coi);
}

static void the_strings_are_the_deliverys_own(void **state)
{
	struct test *t = *state;
	char detail[] = "box";
	struct content *content = NULL;
	clock_fake_set(1, 1000000000);
	assert_int_equal(rig_receive(&t->rig, STRV(MESSAGE), &content), RC_OK);
	struct delivery *delivery = delivery_new(content, STRV_NULL, strv_cstr(detail));
	content_unref(&content);
	memset(detail, 'x', strlen(detail));
	assert_true(strv_eq(delivery->detail, STRV("box")));
	assert_int_equal(delivery->received, 1000000000);
	clock_fake_set(0, 0);
	delivery_free(&delivery);
	delivery_free(&delivery);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_copy_has_the_recipients_own_header_lines),
		TEST(a_subaddress_names_a_mailbox_that_is_there),
		TEST(what_cannot_be_stored_is_not_there),
		TEST(chats_are_filed_unless_the_subaddress_has_chosen),
		TEST(the_strings_are_the_deliverys_own),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
