/* INPROGRESS (RFC 9585). */
#include "greeting_rig.h"

#include "imapd/command.h"
#include "imapd/progress.h"

#include <semaphore.h>

#define INTERVAL_MS 10000

static void assert_printed(const char *tag, uint64_t done, uint64_t total, const char *expected)
{
	struct buf out;
	buf_init(&out, 1000);
	progress_print(&out, strv_cstr(tag), done, total);
	buf_addc(&out, '\0');
	assert_string_equal(out.p, expected);
	buf_fini(&out);
}

static void what_is_not_known_is_nil(void **state)
{
	(void)state;
	assert_printed("A001", 175, 1000, "* OK [INPROGRESS (\"A001\" 175 1000)] Still working\r\n");
	assert_printed("A001", 0, 1000, "* OK [INPROGRESS (\"A001\" 0 1000)] Still working\r\n");
	assert_printed("A001", 175, 0, "* OK [INPROGRESS (\"A001\" 175 NIL)] Still working\r\n");
	assert_printed("A001", 0, 0, "* OK [INPROGRESS (\"A001\" NIL NIL)] Still working\r\n");
	/* Such a tag would end the response code. */
	assert_printed("A]1", 175, 1000, "* OK [INPROGRESS (NIL 175 1000)] Still working\r\n");
	for (size_t n = PROGRESS_TAG_MAX - 1; n <= PROGRESS_TAG_MAX + 1; n++) {
		char tag[PROGRESS_TAG_MAX + 2];
		char expected[PROGRESS_TAG_MAX + 100];
		memset(tag, 'x', n);
		tag[n] = '\0';
		snprintf(expected, sizeof(expected), "* OK [INPROGRESS (\"%s\" NIL NIL)] Still working\r\n",
			tag);
		assert_printed(tag, 0, 0,
			n <= PROGRESS_TAG_MAX ? expected
					      : "* OK [INPROGRESS (NIL NIL NIL)] Still working\r\n");
	}
	assert_printed("]", 0, 0, "* OK [INPROGRESS (NIL NIL NIL)] Still working\r\n");
}

/* A job that holds the strand until it is let go. */
struct block {
	struct job job;
	sem_t started;
	sem_t go;
	bool done;
};

static enum rc hold(struct account *account, struct job *job)
{
	struct block *block = CONTAINER_OF(job, struct block, job);
	(void)account;
	sem_post(&block->started);
	sem_wait(&block->go);
	return RC_OK;
}

static void hold_done(struct job *job)
{
	CONTAINER_OF(job, struct block, job)->done = true;
}

static void block_strand(struct block *block, struct server *server)
{
	struct account *account = account_get(server->rig.store, ACCOUNT);
	*block = (struct block){
		.job = { .kind = JOB_READ, .run = hold, .done = hold_done, .home = server->rig.reactor }
	};
	sem_init(&block->started, 0, 0);
	sem_init(&block->go, 0, 0);
	assert_int_equal(job_submit(account, &block->job), RC_OK);
	sem_wait(&block->started);
	account_unref(&account);
}

static void let_go(struct block *block, struct client *client)
{
	sem_post(&block->go);
	while (!block->done)
		turn(client);
	sem_destroy(&block->started);
	sem_destroy(&block->go);
}

/* Lets time pass; the clock stands still otherwise, also for the time limits of client_until. */
static void pass(struct client *client, uint64_t ms)
{
	clock_fake_advance(ms);
	for (int i = 0; i < 5; i++)
		turn(client);
}

static void begin(void)
{
	clock_fake_set(1000000, 1700000000);
}

static void a_waiting_command_says_so_every_interval(void **state)
{
	struct client *client = client_new(*state, "INBOX");
	struct client *other = client_new(*state, NULL);
	struct block block;
	begin();
	block_strand(&block, *state);
	client_send(client, "a STATUS INBOX (MESSAGES)\r\n");
	pass(client, INTERVAL_MS - 1);
	assert_quiet(client);
	pass(client, 1);
	assert_next(client, "* OK [INPROGRESS (\"a\" NIL NIL)] Still working\r\n");
	client_send(other, "x]y LIST \"\" INBOX\r\n");
	pass(client, INTERVAL_MS - 1);
	assert_quiet(client);
	pass(client, 1);
	assert_next(client, "* OK [INPROGRESS (\"a\" NIL NIL)] Still working\r\n");
	assert_next(other, "* OK [INPROGRESS (NIL NIL NIL)] Still working\r\n");
	let_go(&block, client);
	assert_next(client, "* STATUS \"INBOX\" (MESSAGES 0)\r\na OK STATUS completed\r\n");
	/* No more INPROGRESS comes after the end, nor for a next command before its time. */
	pass(client, 10 * INTERVAL_MS);
	client_send(client, "a NOOP\r\n");
	assert_next(client, "a OK NOOP completed\r\n");
	pass(client, 10 * INTERVAL_MS);
	assert_quiet(client);
	clock_fake_set(0, 0);
	client_free(&other);
	client_free(&client);
}

static void each_command_has_its_own_time(void **state)
{
	struct client *client = client_new(*state, "INBOX");
	struct block block;
	begin();
	block_strand(&block, *state);
	client_send(client, "a STATUS INBOX (MESSAGES)\r\n");
	pass(client, INTERVAL_MS / 2);
	let_go(&block, client);
	assert_next(client, "* STATUS \"INBOX\" (MESSAGES 0)\r\na OK STATUS completed\r\n");
	block_strand(&block, *state);
	client_send(client, "a STATUS INBOX (UIDNEXT)\r\n");
	pass(client, INTERVAL_MS - 1);
	assert_quiet(client);
	pass(client, 1);
	assert_next(client, "* OK [INPROGRESS (\"a\" NIL NIL)] Still working\r\n");
	let_go(&block, client);
	assert_next(client, "* STATUS \"INBOX\" (UIDNEXT 1)\r\na OK STATUS completed\r\n");
	clock_fake_set(0, 0);
	client_free(&client);
}

static void progress_is_told_and_its_end_is_not(void **state)
{
	struct client *client = client_new(*state, "INBOX");
	struct block block;
	begin();
	block_strand(&block, *state);
	client_send(client, "a STATUS INBOX (MESSAGES)\r\n");
	for (int i = 0; i < 5; i++)
		turn(client);
	struct cmd *cmd = client_session(client)->cmd;
	cmd_progress(cmd, 175, 1000);
	pass(client, INTERVAL_MS);
	assert_next(client, "* OK [INPROGRESS (\"a\" 175 1000)] Still working\r\n");
	/* It never goes back. */
	cmd_progress(cmd, 100, 1000);
	pass(client, INTERVAL_MS);
	assert_next(client, "* OK [INPROGRESS (\"a\" 175 1000)] Still working\r\n");
	cmd_progress(cmd, 1000, 1000);
	pass(client, INTERVAL_MS);
	assert_quiet(client);
	let_go(&block, client);
	assert_next(client, "* STATUS \"INBOX\" (MESSAGES 0)\r\na OK STATUS completed\r\n");
	clock_fake_set(0, 0);
	client_free(&client);
}

static void nothing_is_told_within_a_response(void **state)
{
	struct client *client = client_new(*state, "INBOX");
	struct block block;
	begin();
	block_strand(&block, *state);
	client_send(client, "a STATUS INBOX (MESSAGES)\r\n");
	for (int i = 0; i < 5; i++)
		turn(client);
	struct cmd *cmd = client_session(client)->cmd;
	cmd->law.in_response = true;
	pass(client, INTERVAL_MS);
	assert_quiet(client);
	cmd->law.in_response = false;
	pass(client, INTERVAL_MS);
	assert_next(client, "* OK [INPROGRESS (\"a\" NIL NIL)] Still working\r\n");
	let_go(&block, client);
	assert_next(client, "* STATUS \"INBOX\" (MESSAGES 0)\r\na OK STATUS completed\r\n");
	clock_fake_set(0, 0);
	client_free(&client);
}

static void a_client_that_vanishes_is_told_nothing(void **state)
{
	struct client *client = client_new(*state, "INBOX");
	struct client *other = client_new(*state, NULL);
	struct block block;
	begin();
	block_strand(&block, *state);
	client_send(client, "a STATUS INBOX (MESSAGES)\r\n");
	pass(client, 1);
	client_free(&client);
	pass(other, INTERVAL_MS);
	let_go(&block, other);
	assert_command_has(other, "STATUS INBOX (MESSAGES)", "(MESSAGES 0)");
	clock_fake_set(0, 0);
	client_free(&other);
}

static void no_interval(struct server *server)
{
	server->settings.progress_ms = 0;
}

static int setup_without(void **state)
{
	return server_setup_with(state, no_interval);
}

static void it_can_be_switched_off(void **state)
{
	struct client *client = client_new(*state, "INBOX");
	struct block block;
	begin();
	block_strand(&block, *state);
	client_send(client, "a STATUS INBOX (MESSAGES)\r\n");
	pass(client, 100 * INTERVAL_MS);
	assert_quiet(client);
	let_go(&block, client);
	assert_next(client, "* STATUS \"INBOX\" (MESSAGES 0)\r\na OK STATUS completed\r\n");
	clock_fake_set(0, 0);
	client_send(client, "a CAPABILITY\r\n");
	char *answer = client_answer(client);
	assert_null(strstr(answer, "INPROGRESS"));
	free(answer);
	client_free(&client);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, server_setup, server_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_not_known_is_nil),
		TEST(a_waiting_command_says_so_every_interval),
		TEST(each_command_has_its_own_time),
		TEST(progress_is_told_and_its_end_is_not),
		TEST(nothing_is_told_within_a_response),
		TEST(a_client_that_vanishes_is_told_nothing),
		cmocka_unit_test_setup_teardown(it_can_be_switched_off, setup_without, server_teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
