#include "session_rig.h"

#include "imapd/notify_priv.h"
#include "store/message.h"

#define DELIVERIES 1000

static void append(struct server *server, const char *mailbox)
{
	uint32_t uid;
	assert_int_equal(
		rig_append(&server->rig, ACCOUNT, mailbox, STRV("x: y\r\n\r\n"), STRV_NULL, &uid), RC_OK);
}

static struct notify *notify_of(const struct client *client)
{
	struct session *session = hub_session(&client->server->imapd->hubs[0], client->id);
	assert_non_null(session);
	assert_non_null(session->notify);
	return session->notify;
}

static enum rc copy_first(struct account *account, void *arg)
{
	struct seqset first = SEQSET_EMPTY;
	struct copy_result result;
	struct mbox_info from;
	struct mbox_info to;

	enum rc rc = mbox_find(account, STRV("INBOX"), &from);
	if (rc == RC_OK)
		rc = mbox_find(account, strv_cstr(arg), &to);
	if (rc != RC_OK)
		return rc;
	seqset_add(&first, 1);
	rc = msg_copy(account, from.id, &first, to.id, false, &result);
	seqset_fini(&first);
	if (rc != RC_OK)
		return rc;
	seqset_fini(&result.src);
	seqset_fini(&result.dst);
	return RC_OK;
}

/* Makes `count` commits, all of which wait before the first one is made. */
static void deliver_at_once(struct server *server, char *mailbox, size_t count)
{
	struct rig_job *jobs = mem_zalloc(count * sizeof(*jobs));
	for (size_t i = 0; i < count; i++)
		jobs[i] = (struct rig_job){ .kind = JOB_WRITE, .fn = copy_first, .arg = mailbox };
	rig_run_batch(&server->rig, ACCOUNT, jobs, count);
	for (size_t i = 0; i < count; i++)
		assert_int_equal(jobs[i].rc, RC_OK);
	free(jobs);
}

static void deliveries_while_a_job_is_under_way_are_one_status(void **state)
{
	char box[] = "box";
	char other[] = "other";
	struct server *server = *state;
	append(server, "INBOX");
	assert_int_equal(rig_create(&server->rig, ACCOUNT, box), RC_OK);
	assert_int_equal(rig_create(&server->rig, ACCOUNT, other), RC_OK);
	struct client *a = client_new(server, NULL);
	assert_command(a, "NOTIFY SET (subtree (box other) (MessageNew MessageExpunge))",
		"a OK NOTIFY completed\r\n");
	deliver_at_once(server, box, DELIVERIES);
	deliver_at_once(server, other, 2);
	char *got = client_until(a, "* STATUS \"other\" (MESSAGES 2 UIDNEXT 3)\r\n");
	char expected[256];
	snprintf(expected, sizeof(expected),
		"* STATUS \"box\" (MESSAGES %d UIDNEXT %d)\r\n* STATUS \"other\" (MESSAGES 2 UIDNEXT 3)\r\n",
		DELIVERIES, DELIVERIES + 1);
	assert_string_equal(got, expected);
	free(got);
	assert_int_equal(notify_of(a)->marked, 0);
	client_free(&a);
}

static void what_nobody_watches_needs_no_job(void **state)
{
	struct server *server = *state;
	assert_int_equal(rig_create(&server->rig, ACCOUNT, "box"), RC_OK);
	assert_int_equal(rig_create(&server->rig, ACCOUNT, "other"), RC_OK);
	struct client *a = client_new(server, NULL);
	assert_command(
		a, "NOTIFY SET (mailboxes box (MessageNew MessageExpunge))", "a OK NOTIFY completed\r\n");
	/* The first time it has to be found out that the name does not match. */
	append(server, "other");
	append(server, "box");
	free(client_until(a, "* STATUS \"box\" (MESSAGES 1 UIDNEXT 2)\r\n"));
	rig_settle(&server->rig);
	append(server, "other");
	assert_null(notify_of(a)->job);
	assert_int_equal(notify_of(a)->marked, 0);
	/* Until names change. */
	assert_int_equal(rig_rename(&server->rig, ACCOUNT, "box", "old"), RC_OK);
	assert_int_equal(rig_rename(&server->rig, ACCOUNT, "other", "box"), RC_OK);
	append(server, "box");
	free(client_until(a, "* STATUS \"box\" (MESSAGES 3 UIDNEXT 4)\r\n"));
	client_free(&a);
}

static void a_session_that_wants_nothing_does_nothing(void **state)
{
	struct server *server = *state;
	struct client *a = client_new(server, "INBOX");
	assert_command(a, "NOTIFY SET (personal NONE)", "a OK NOTIFY completed\r\n");
	append(server, "INBOX");
	assert_int_equal(rig_create(&server->rig, ACCOUNT, "box"), RC_OK);
	append(server, "box");
	const struct notify *notify = notify_of(a);
	assert_false(notify->watching);
	assert_null(notify->job);
	assert_null(notify->boxes);
	assert_int_equal(notify->item_count, 0);
	assert_command(a, "NOOP", "a OK NOOP completed\r\n");
	client_free(&a);
}

static void a_job_under_way_outlives_notify_and_session(void **state)
{
	char box[] = "box";
	struct server *server = *state;
	append(server, "INBOX");
	assert_int_equal(rig_create(&server->rig, ACCOUNT, box), RC_OK);
	struct client *a = client_new(server, NULL);
	struct client *b = client_new(server, NULL);
	struct client *c = client_new(server, NULL);
	struct client *all[] = { a, b, c };
	for (int i = 0; i < 3; i++)
		assert_command(all[i], "NOTIFY SET (personal (MessageNew MessageExpunge MailboxName))",
			"a OK NOTIFY completed\r\n");
	/* Until something is under way for all of them. */
	deliver_at_once(server, box, 1);
	uint64_t end = clock_mono_ms() + WAIT_MS;
	while (!notify_of(a)->job && a->in.len == 0 && clock_mono_ms() < end)
		turn(a);
	client_free(&a);
	client_send(b, "a NOTIFY NONE\r\n");
	free(client_until(b, "a OK NOTIFY completed\r\n"));
	assert_null(notify_of(b)->job);
	free(client_until(c, "* STATUS \"box\" (MESSAGES 1 UIDNEXT 2)\r\n"));
	client_free(&b);
	client_free(&c);
}

static void names_beyond_the_limit_overflow(void **state)
{
	struct server *server = *state;
	char name[64];
	struct client *a = client_new(server, NULL);
	assert_command(a, "NOTIFY SET (personal (SubscriptionChange))", "a OK NOTIFY completed\r\n");
	/* A command is in hand: nothing may be said. */
	client_send(a, "a APPEND INBOX {4}\r\n");
	free(client_until(a, "+ OK\r\n"));
	for (int i = 0; i < NOTIFY_QUEUE_MAX; i++) {
		snprintf(name, sizeof(name), "name%d", i);
		assert_int_equal(rig_subscribe(&server->rig, ACCOUNT, name, true), RC_OK);
	}
	assert_int_equal(notify_of(a)->item_count, NOTIFY_QUEUE_MAX);
	assert_true(notify_of(a)->watching);
	assert_int_equal(rig_subscribe(&server->rig, ACCOUNT, "more", true), RC_OK);
	assert_int_equal(notify_of(a)->item_count, 0);
	assert_false(notify_of(a)->watching);
	client_send(a, "x: y\r\n");
	char *answer = client_answer(a);
	assert_non_null(strstr(answer, "* OK [NOTIFICATIONOVERFLOW] "));
	free(answer);
	client_free(&a);
}

static void octets_beyond_the_limit_overflow(void **state)
{
	struct server *server = *state;
	char name[512];
	struct client *a = client_new(server, NULL);
	assert_command(a, "NOTIFY SET (personal (SubscriptionChange))", "a OK NOTIFY completed\r\n");
	client_send(a, "a APPEND INBOX {4}\r\n");
	free(client_until(a, "+ OK\r\n"));
	for (int i = 0; i < 600; i++) {
		snprintf(name, sizeof(name), "%0500d", i);
		assert_int_equal(rig_subscribe(&server->rig, ACCOUNT, name, true), RC_OK);
		assert_true(notify_of(a)->item_bytes <= NOTIFY_QUEUE_BYTES_MAX);
	}
	assert_true(notify_of(a)->overflowed);
	client_send(a, "x: y\r\n");
	char *answer = client_answer(a);
	assert_non_null(strstr(answer, "* OK [NOTIFICATIONOVERFLOW] "));
	free(answer);
	client_free(&a);
}

static void many_mailboxes(struct server *server)
{
	server->rig.settings.mailboxes_max = NOTIFY_BOXES_MAX + 100;
}

static int setup_many(void **state)
{
	return server_setup_with(state, many_mailboxes);
}

static enum rc create_many(struct account *account, void *arg)
{
	char name[64];
	int64_t id;
	const int *range = arg;

	for (int i = range[0]; i < range[1]; i++) {
		snprintf(name, sizeof(name), "box%d", i);
		enum rc rc = mbox_create(account, strv_cstr(name), 0, &id);
		if (rc != RC_OK)
			return rc;
	}
	return RC_OK;
}

static void marks_beyond_the_limit_overflow(void **state)
{
	int first[] = { 0, NOTIFY_BOXES_MAX };
	int more[] = { NOTIFY_BOXES_MAX, NOTIFY_BOXES_MAX + 1 };
	struct server *server = *state;
	struct client *a = client_new(server, NULL);
	assert_command(a, "NOTIFY SET (personal (MessageNew MessageExpunge FlagChange))",
		"a OK NOTIFY completed\r\n");
	client_send(a, "a APPEND INBOX {4}\r\n");
	free(client_until(a, "+ OK\r\n"));
	assert_int_equal(rig_run(&server->rig, ACCOUNT, JOB_WRITE, create_many, first), RC_OK);
	assert_int_equal(notify_of(a)->marked, NOTIFY_BOXES_MAX);
	assert_int_equal(rig_run(&server->rig, ACCOUNT, JOB_WRITE, create_many, more), RC_OK);
	assert_int_equal(notify_of(a)->box_count, 0);
	client_send(a, "x: y\r\n");
	char *answer = client_answer(a);
	assert_non_null(strstr(answer, "* OK [NOTIFICATIONOVERFLOW] "));
	free(answer);
	client_free(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			deliveries_while_a_job_is_under_way_are_one_status, server_setup, server_teardown),
		cmocka_unit_test_setup_teardown(
			what_nobody_watches_needs_no_job, server_setup, server_teardown),
		cmocka_unit_test_setup_teardown(
			a_session_that_wants_nothing_does_nothing, server_setup, server_teardown),
		cmocka_unit_test_setup_teardown(
			a_job_under_way_outlives_notify_and_session, server_setup, server_teardown),
		cmocka_unit_test_setup_teardown(
			names_beyond_the_limit_overflow, server_setup, server_teardown),
		cmocka_unit_test_setup_teardown(
			octets_beyond_the_limit_overflow, server_setup, server_teardown),
		cmocka_unit_test_setup_teardown(marks_beyond_the_limit_overflow, setup_many, server_teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
