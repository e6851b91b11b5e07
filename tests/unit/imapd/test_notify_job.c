#include "block_rig.h"
#include "message_files.h"

#include "imapd/notify_priv.h"

#define WATCH "NOTIFY SET (personal (MessageNew MessageExpunge FlagChange MailboxName))"

static struct notify *notify_of(struct client *client)
{
	return client_session(client)->notify;
}

static struct client *watcher_new(struct server *server, const char *mailbox, const char *command)
{
	struct client *client = client_new(server, mailbox);
	assert_command(client, command, "a OK NOTIFY completed\r\n");
	return client;
}

static enum rc create_some(struct account *account, void *arg)
{
	char name[32];
	int64_t id;
	for (unsigned i = 0; i < *(const unsigned *)arg; i++) {
		snprintf(name, sizeof(name), "box%03u", i);
		enum rc rc = mbox_create(account, strv_cstr(name), 0, &id);
		if (rc != RC_OK)
			return rc;
	}
	return RC_OK;
}

static unsigned count_of(const char *text, const char *word)
{
	unsigned count = 0;
	for (const char *at = strstr(text, word); at; at = strstr(at + 1, word))
		count++;
	return count;
}

static void more_mailboxes_than_one_job_takes_are_all_told(void **state)
{
	struct server *server = *state;
	unsigned count = NOTIFY_JOB_BOXES + 44;
	struct client *client =
		watcher_new(server, NULL, "NOTIFY SET (personal (MessageNew MessageExpunge FlagChange))");
	client_send(client, "c APPEND INBOX {4}\r\n");
	free(client_until(client, "+ OK\r\n"));
	assert_int_equal(rig_run(&server->rig, ACCOUNT, JOB_WRITE, create_some, &count), RC_OK);
	assert_int_equal(notify_of(client)->marked, count);
	client_send(client, "x: y\r\n");
	char *told = client_until(client, "* STATUS \"box299\" (MESSAGES 0 UIDNEXT 1 ");
	assert_int_equal(count_of(told, "* STATUS "), count);
	assert_int_equal(notify_of(client)->marked, 0);
	free(told);
	free(client_until(client, "\r\n"));
	client_free(&client);
}

static void the_selected_mailbox_has_no_status(void **state)
{
	struct server *server = *state;
	assert_int_equal(rig_create(&server->rig, ACCOUNT, "box"), RC_OK);
	struct client *client =
		watcher_new(server, "INBOX", "NOTIFY SET (personal (MessageNew MessageExpunge))");
	add_sized(server, "INBOX", 20);
	add_sized(server, "box", 20);
	assert_next(client, "* STATUS \"box\" (MESSAGES 1 UIDNEXT 2)\r\n");
	assert_quiet(client);
	client_free(&client);
}

static enum rc job_fail(struct account *account, struct job *job)
{
	(void)account;
	(void)job;
	return RC_IO;
}

/* It is queued while the strand is held. */
static struct job *job_of(struct client *client)
{
	for (unsigned i = 0; i < 100 && !notify_of(client)->job; i++)
		turn(client);
	assert_non_null(notify_of(client)->job);
	/* A struct notify_job begins with it. */
	return (struct job *)notify_of(client)->job;
}

static void send_created(struct server *server, const char *name)
{
	struct change change = { .kind = CHANGE_CREATED, .mailbox = 99, .name = strv_cstr(name) };
	struct change_list list = { .account_id = ACCOUNT, .changes = &change, .count = 1 };
	struct change_sink *sink = &server->imapd->hubs[0].sink;
	sink->fn(sink->ctx, &list);
}

static void what_could_not_be_read_is_an_overflow(void **state)
{
	struct client *client = watcher_new(*state, NULL, WATCH);
	struct block block;
	block_strand(&block, *state);
	send_created(*state, "box");
	job_of(client)->run = job_fail;
	let_go(&block, client);
	free(client_until(client, "* OK [NOTIFICATIONOVERFLOW] "));
	free(client_until(client, "\r\n"));
	/* The session is told no more changes, as after NOTIFY NONE. */
	assert_false(notify_of(client)->watching);
	add_sized(*state, "INBOX", 20);
	assert_quiet(client);
	client_free(&client);
}

static void a_session_may_go_before_its_job_comes_back(void **state)
{
	struct client *client = watcher_new(*state, NULL, WATCH);
	struct client *other = watcher_new(*state, NULL, WATCH);
	struct block block;
	block_strand(&block, *state);
	send_created(*state, "box");
	(void)job_of(client);
	(void)job_of(other);
	client_free(&client);
	let_go(&block, other);
	assert_next(other, "* LIST (\\NonExistent \\HasNoChildren) \"/\" \"box\"\r\n");
	client_free(&other);
}

/* A second change of the same mailbox while the first is being looked up is in what the job finds. */
static void what_changes_meanwhile_is_told_once(void **state)
{
	struct server *server = *state;
	assert_int_equal(rig_create(&server->rig, ACCOUNT, "box"), RC_OK);
	struct client *client =
		watcher_new(server, NULL, "NOTIFY SET (personal (MessageNew MessageExpunge))");
	add_sized(server, "box", 20);
	add_sized(server, "box", 20);
	client_send(client, "b NOOP\r\n");
	char *told = client_until(client, "(MESSAGES 2 UIDNEXT 3)\r\n");
	assert_true(count_of(told, "* STATUS ") <= 2);
	free(told);
	rig_settle(&server->rig);
	assert_int_equal(notify_of(client)->marked, 0);
	client_free(&client);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, server_setup, server_teardown)
#define TEST_SHORT(name) cmocka_unit_test_setup_teardown(name, setup_short, server_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(more_mailboxes_than_one_job_takes_are_all_told),
		TEST(the_selected_mailbox_has_no_status),
		TEST_SHORT(what_could_not_be_read_is_an_overflow),
		TEST_SHORT(a_session_may_go_before_its_job_comes_back),
		TEST(what_changes_meanwhile_is_told_once),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
