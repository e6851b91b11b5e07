/*
 * The life of a command: a table of the test's own, whose commands go from state to state as they are told.
 */
#include "greeting_rig.h"

#include "imapd/answer.h"
#include "imapd/cmd/rows.h"
#include "imapd/command.h"
#include "imapd/view.h"

#include <semaphore.h>
#include <signal.h>
#include <sys/wait.h>

/* The events of the test's commands. */
static struct seen {
	enum cmd_state parsed, ran, line, finished;
	unsigned runs, finishes, releases, cancels;
} seen;

struct test_job {
	struct cmd_job base;
	enum rc rc;
};

static enum rc test_job_run(struct account *account, struct job *job)
{
	(void)account;
	return CONTAINER_OF(job, struct test_job, base.job)->rc;
}

static void test_job_finish(struct cmd *cmd, struct cmd_job *job)
{
	seen.finished = cmd->state;
	seen.finishes++;
	cmd_finish_rc(cmd, job->job.rc);
}

static void test_job_release(struct cmd_job *job)
{
	(void)job;
	seen.releases++;
}

static bool note_parse(struct cmd *cmd, struct parse *parse)
{
	seen.parsed = cmd->state;
	return cmd_no_arguments(cmd, parse);
}

static bool word_parse(struct cmd *cmd, struct parse *parse)
{
	struct strv word;
	seen.parsed = cmd->state;
	return parse_string(parse, &word) && cmd_no_arguments(cmd, parse);
}

/* Stays in hand: the test goes on with it. */
static void stay_run(struct cmd *cmd)
{
	seen.ran = cmd->state;
	seen.runs++;
}

static void store_submit(struct cmd *cmd, enum rc rc)
{
	struct test_job *job = cmd_job_new(cmd, sizeof(*job), JOB_READ, test_job_run, test_job_finish);
	job->base.release = test_job_release;
	job->rc = rc;
	cmd_submit(cmd, job);
}

static void store_run(struct cmd *cmd)
{
	stay_run(cmd);
	store_submit(cmd, RC_OK);
}

static void ask_finish(struct cmd *cmd, struct cmd_job *job)
{
	(void)job;
	seen.finished = cmd->state;
	cmd_literal_keep(cmd);
}

/* The store is asked before the literal is let in, as by APPEND and REPLACE. */
static void ask_literal(struct cmd *cmd, const struct lex_literal *literal)
{
	(void)literal;
	struct test_job *job = cmd_job_new(cmd, sizeof(*job), JOB_READ, test_job_run, ask_finish);
	cmd_submit(cmd, job);
}

static void fail_run(struct cmd *cmd)
{
	stay_run(cmd);
	store_submit(cmd, RC_QUOTA);
}

static void line_run(struct cmd *cmd)
{
	stay_run(cmd);
	cmd_wait_line(cmd);
	answer_continue(cmd->session, "go on");
}

static void line_line(struct cmd *cmd, struct strv line)
{
	seen.line = cmd->state;
	if (strv_eq(line, STRV("more")))
		cmd_wait_line(cmd);
	else
		cmd_ok(cmd, "CODE", "That is all");
}

static void gone_run(struct cmd *cmd)
{
	stay_run(cmd);
	cmd->law.expunge_issued = true;
	cmd_ok(cmd, NULL, "GONE completed");
}

static void count_cancel(struct cmd *cmd)
{
	(void)cmd;
	seen.cancels++;
}

#define TEST_ROW(row_name, row_states, parse_function, run_function)                                         \
	.name = (row_name), .usage = "", .help = "is for tests", .states = (row_states),                     \
	.parse = (parse_function), .run = (run_function), .cancel = count_cancel

static const struct cmd_row test_rows[] = {
	{ TEST_ROW("STAY", CMD_AUTH_STATES, note_parse, stay_run) },
	{ TEST_ROW("WORD", CMD_AUTH_STATES, word_parse, stay_run) },
	{ TEST_ROW("KEEP", CMD_AUTH_STATES, note_parse, store_run) },
	{ TEST_ROW("FAIL", CMD_AUTH_STATES, note_parse, fail_run) },
	{ TEST_ROW("LINE", CMD_AUTH_STATES, note_parse, line_run), .line = line_line },
	{ TEST_ROW("GONE", CMD_AUTH_STATES, note_parse, gone_run) },
	{ TEST_ROW("NEWS", SESSION_SELECTED, note_parse, stay_run), .flags = CMD_NEWS_FIRST },
	{ TEST_ROW("ASK", SESSION_SELECTED, word_parse, stay_run), .literal = ask_literal,
		.flags = CMD_LITERALS_STREAM },
	{ TEST_ROW("CHANGE", SESSION_SELECTED, note_parse, stay_run), .flags = CMD_READ_WRITE },
	{ TEST_ROW("EARLY", SESSION_NOT_AUTH, note_parse, stay_run) },
	{ 0 },
};

static const struct cmd_row *const test_table[] = { test_rows, cmd_any_rows, cmd_select_rows, NULL };

static void own_table(struct server *server)
{
	server->rig.settings.strand_max = 1;
}

static int setup(void **state)
{
	int rc = server_setup_with(state, own_table);
	struct server *server = *state;
	server->imapd->table = test_table;
	memset(&seen, 0, sizeof(seen));
	return rc;
}

/* The command in hand. */
static struct cmd *in_hand(struct client *client)
{
	struct session *session = client_session(client);
	assert_non_null(session);
	return session->cmd;
}

static void until_state(struct client *client, enum cmd_state expected)
{
	for (unsigned i = 0; i < 20000; i++) {
		struct cmd *cmd = in_hand(client);
		if (cmd && cmd->state == expected)
			return;
		turn(client);
	}
	fail_msg("no command in state %d", (int)expected);
}

/* Holds the strand of the account; with a filler behind it there is no room for another job. */
struct block {
	struct job job, filler;
	sem_t started, go;
	unsigned jobs, done;
};

static enum rc block_run(struct account *account, struct job *job)
{
	struct block *block = CONTAINER_OF(job, struct block, job);
	(void)account;
	sem_post(&block->started);
	while (sem_wait(&block->go) != 0) {
	}
	return RC_OK;
}

static enum rc filler_run(struct account *account, struct job *job)
{
	(void)account;
	(void)job;
	return RC_OK;
}

static void block_done(struct job *job)
{
	CONTAINER_OF(job, struct block, job)->done++;
}

static void filler_done(struct job *job)
{
	CONTAINER_OF(job, struct block, filler)->done++;
}

static void block_begin(struct block *block, struct client *client, bool full)
{
	struct reactor *home = client->server->rig.reactor;
	struct account *account = client_session(client)->account;
	memset(block, 0, sizeof(*block));
	sem_init(&block->started, 0, 0);
	sem_init(&block->go, 0, 0);
	block->job = (struct job){ .kind = JOB_READ, .run = block_run, .done = block_done, .home = home };
	block->filler =
		(struct job){ .kind = JOB_READ, .run = filler_run, .done = filler_done, .home = home };
	assert_int_equal(job_submit(account, &block->job), RC_OK);
	while (sem_wait(&block->started) != 0) {
	}
	block->jobs = full ? 2 : 1;
	if (full)
		assert_int_equal(job_submit(account, &block->filler), RC_OK);
}

static void block_end(struct block *block, struct client *client)
{
	sem_post(&block->go);
	while (block->done < block->jobs)
		turn(client);
	sem_destroy(&block->started);
	sem_destroy(&block->go);
}

static void a_command_is_read_then_runs_until_its_row_ends_it(void **state)
{
	struct client *client = client_new(*state, NULL);
	client_send(client, "a STAY\r\n");
	until_state(client, CMD_RUNNING);
	assert_int_equal(seen.parsed, CMD_READING);
	assert_int_equal(seen.ran, CMD_RUNNING);
	assert_quiet(client);
	cmd_ok(in_hand(client), NULL, "STAY completed");
	assert_null(in_hand(client));
	assert_int_equal(seen.cancels, 1);
	assert_next(client, "a OK STAY completed\r\n");
	client_free(&client);
}

static void a_command_is_read_while_its_literal_comes(void **state)
{
	struct client *client = client_new(*state, NULL);
	client_send(client, "a WORD {3}\r\n");
	until_state(client, CMD_READING);
	assert_next(client, "+ OK\r\n");
	assert_int_equal(seen.runs, 0);
	client_send(client, "abc\r\n");
	until_state(client, CMD_RUNNING);
	assert_int_equal(seen.parsed, CMD_READING);
	cmd_finish_rc(in_hand(client), RC_OK);
	assert_next(client, "a OK WORD completed\r\n");
	client_free(&client);
}

static void input_waits_while_a_command_is_in_hand(void **state)
{
	struct client *client = client_new(*state, NULL);
	client_send(client, "a STAY\r\nb STAY\r\n");
	until_state(client, CMD_RUNNING);
	assert_quiet(client);
	assert_int_equal(seen.runs, 1);
	cmd_finish_rc(in_hand(client), RC_OK);
	assert_next(client, "a OK STAY completed\r\n");
	until_state(client, CMD_RUNNING);
	assert_int_equal(seen.runs, 2);
	cmd_no(in_hand(client), "CODE", "Not now");
	assert_next(client, "b NO [CODE] Not now\r\n");
	client_free(&client);
}

static void a_job_is_in_the_store_until_its_command_goes_on(void **state)
{
	struct client *client = client_new(*state, NULL);
	struct block block;
	block_begin(&block, client, false);
	client_send(client, "a KEEP\r\n");
	until_state(client, CMD_IN_STORE);
	assert_quiet(client);
	assert_int_equal(seen.finishes, 0);
	block_end(&block, client);
	assert_next(client, "a OK KEEP completed\r\n");
	assert_int_equal(seen.finished, CMD_RUNNING);
	assert_int_equal(seen.releases, 1);
	client_send(client, "b FAIL\r\n");
	assert_next(client, "b NO [OVERQUOTA] Quota exceeded\r\n");
	assert_int_equal(seen.finishes, 2);
	assert_int_equal(seen.releases, 2);
	client_free(&client);
}

static void a_command_is_parked_while_the_strand_is_full(void **state)
{
	struct client *client = client_new(*state, NULL);
	struct block block;
	block_begin(&block, client, true);
	client_send(client, "a KEEP\r\n");
	until_state(client, CMD_PARKED);
	assert_false(list_empty(&client_session(client)->hub->parked));
	assert_int_equal(seen.finishes, 0);
	block_end(&block, client);
	assert_next(client, "a OK KEEP completed\r\n");
	assert_true(list_empty(&client_session(client)->hub->parked));
	client_free(&client);
}

static void a_parked_command_that_is_dropped_frees_its_job(void **state)
{
	struct client *client = client_new(*state, NULL);
	struct block block;
	block_begin(&block, client, true);
	client_send(client, "a KEEP\r\n");
	until_state(client, CMD_PARKED);
	cmd_drop(client_session(client));
	assert_null(in_hand(client));
	assert_true(list_empty(&client_session(client)->hub->parked));
	assert_int_equal(seen.releases, 1);
	assert_int_equal(seen.cancels, 1);
	block_end(&block, client);
	assert_int_equal(seen.finishes, 0);
	client_free(&client);
}

static void a_job_whose_command_has_gone_is_released_and_not_finished(void **state)
{
	struct client *client = client_new(*state, NULL);
	struct block block;
	block_begin(&block, client, false);
	client_send(client, "a KEEP\r\n");
	until_state(client, CMD_IN_STORE);
	cmd_drop(client_session(client));
	assert_int_equal(seen.cancels, 1);
	assert_int_equal(seen.releases, 0);
	/* Another command is in hand when the job comes back. */
	client_send(client, "b STAY\r\n");
	until_state(client, CMD_RUNNING);
	block_end(&block, client);
	for (unsigned i = 0; i < 20000 && seen.releases == 0; i++)
		turn(client);
	assert_int_equal(seen.releases, 1);
	assert_int_equal(seen.finishes, 0);
	cmd_finish_rc(in_hand(client), RC_OK);
	assert_next(client, "b OK STAY completed\r\n");
	client_free(&client);
}

static void a_line_is_awaited_as_often_as_the_row_asks(void **state)
{
	struct client *client = client_new(*state, NULL);
	client_send(client, "a LINE\r\n");
	assert_next(client, "+ go on\r\n");
	assert_int_equal(in_hand(client)->state, CMD_AWAITS_LINE);
	client_send(client, "more\r\n");
	assert_quiet(client);
	assert_int_equal(seen.line, CMD_RUNNING);
	assert_int_equal(in_hand(client)->state, CMD_AWAITS_LINE);
	client_send(client, "enough\r\n");
	assert_next(client, "a OK [CODE] That is all\r\n");
	assert_null(in_hand(client));
	client_free(&client);
}

static void a_password_check_is_answered_to_the_command_that_waits(void **state)
{
	struct client *client = client_new(*state, NULL);
	struct session *session = client_session(client);
	assert_null(cmd_auth_answered(session));
	client_send(client, "a STAY\r\n");
	until_state(client, CMD_RUNNING);
	assert_null(cmd_auth_answered(session));
	cmd_wait_auth(session->cmd);
	assert_int_equal(session->cmd->state, CMD_IN_AUTH);
	struct cmd *cmd = cmd_auth_answered(session);
	assert_ptr_equal(cmd, session->cmd);
	assert_int_equal(cmd->state, CMD_RUNNING);
	cmd_finish_rc(cmd, RC_OK);
	assert_next(client, "a OK STAY completed\r\n");
	client_free(&client);
}

static void a_claim_of_recent_gates_commands_that_read(void **state)
{
	struct client *client = client_new(*state, "INBOX");
	struct session *session = client_session(client);
	session->claiming = true;
	client_send(client, "a NEWS\r\n");
	until_state(client, CMD_GATED);
	assert_int_equal(seen.runs, 0);
	/* Still on its way. */
	cmd_ungate(session);
	assert_int_equal(session->cmd->state, CMD_GATED);
	session->claiming = false;
	cmd_ungate(session);
	assert_int_equal(session->cmd->state, CMD_RUNNING);
	assert_int_equal(seen.runs, 1);
	/* No command waits any more, so nothing happens. */
	cmd_ungate(session);
	assert_int_equal(seen.runs, 1);
	cmd_finish_rc(session->cmd, RC_OK);
	assert_next(client, "a OK NEWS completed\r\n");
	client_free(&client);
}

static void a_claim_gates_a_command_whose_literal_the_store_let_in(void **state)
{
	struct client *client = client_new(*state, "INBOX");
	struct session *session = client_session(client);
	client_send(client, "a ASK {3}\r\n");
	assert_next(client, "+ OK\r\n");
	assert_int_equal(seen.finished, CMD_RUNNING);
	assert_int_equal(session->cmd->state, CMD_READING);
	session->claiming = true;
	client_send(client, "abc\r\n");
	until_state(client, CMD_GATED);
	session->claiming = false;
	cmd_ungate(session);
	assert_int_equal(session->cmd->state, CMD_RUNNING);
	cmd_finish_rc(session->cmd, RC_OK);
	assert_next(client, "a OK ASK completed\r\n");
	client_free(&client);
}

static void a_gate_is_no_matter_without_a_mailbox(void **state)
{
	struct client *client = client_new(*state, NULL);
	client_session(client)->claiming = true;
	client_send(client, "a STAY\r\n");
	until_state(client, CMD_RUNNING);
	client_session(client)->claiming = false;
	cmd_finish_rc(in_hand(client), RC_OK);
	assert_next(client, "a OK STAY completed\r\n");
	client_free(&client);
}

static void an_answer_is_held_until_recent_is_known(void **state)
{
	struct server *server = *state;
	struct client *client = client_new(server, "INBOX");
	struct session *session = client_session(client);
	uint32_t uid;
	client_send(client, "a STAY\r\n");
	until_state(client, CMD_RUNNING);
	assert_int_equal(
		rig_append(&server->rig, ACCOUNT, "INBOX", STRV("x: y\r\n\r\n"), STRV_NULL, &uid), RC_OK);
	for (unsigned i = 0; i < 20000 && (!view_has_fresh(session->view) || session->claiming); i++)
		turn(client);
	session->claiming = true;
	char text[] = "STAY completed";
	cmd_ok(session->cmd, NULL, text);
	assert_int_equal(session->cmd->state, CMD_HELD);
	/* The cancel function of the row was called. */
	assert_int_equal(seen.cancels, 1);
	/* The answer is a copy. */
	memset(text, 'x', sizeof(text) - 1);
	cmd_ungate(session);
	assert_int_equal(session->cmd->state, CMD_HELD);
	assert_quiet(client);
	session->claiming = false;
	cmd_ungate(session);
	assert_null(session->cmd);
	assert_next(client, "* 1 EXISTS\r\n* 1 RECENT\r\na OK STAY completed\r\n");
	assert_int_equal(seen.cancels, 1);
	client_free(&client);
}

static void an_expunge_that_hit_the_command_makes_its_ok_a_no(void **state)
{
	struct client *client = client_new(*state, NULL);
	client_send(client, "a GONE\r\n");
	assert_next(client, "a NO [EXPUNGEISSUED] Some of the messages no longer exist\r\n");
	client_free(&client);
}

static void a_row_is_refused_in_states_that_it_does_not_name(void **state)
{
	struct client *client = client_new(*state, NULL);
	assert_command(client, "EARLY", "a BAD Already logged in\r\n");
	assert_command(client, "NEWS", "a BAD No mailbox selected\r\n");
	assert_command(client, "NONE", "a BAD Unknown command\r\n");
	assert_command(client, "UID STAY", "a BAD Unknown command\r\n");
	assert_command_has(client, "STAY x", "a BAD ");
	assert_int_equal(seen.runs, 0);
	struct client *early = client_connect(*state);
	free(client_until(early, "ready\r\n"));
	assert_command(early, "STAY", "a BAD Log in first\r\n");
	client_free(&early);
	client_free(&client);
}

static void a_row_that_writes_is_refused_when_the_mailbox_is_only_read(void **state)
{
	struct client *client = client_new(*state, NULL);
	assert_command_has(client, "EXAMINE INBOX", "a OK [READ-ONLY]");
	assert_command(client, "CHANGE", "a NO Mailbox is selected read-only\r\n");
	assert_int_equal(seen.runs, 0);
	client_free(&client);
}

static void progress_never_goes_back(void **state)
{
	struct client *client = client_new(*state, NULL);
	client_send(client, "a STAY\r\n");
	until_state(client, CMD_RUNNING);
	struct cmd *cmd = in_hand(client);
	cmd_progress(cmd, 5, 10);
	cmd_progress(cmd, 3, 12);
	assert_int_equal(cmd->done, 5);
	assert_int_equal(cmd->total, 12);
	cmd_finish_rc(cmd, RC_OK);
	assert_next(client, "a OK STAY completed\r\n");
	client_free(&client);
}

/* The move ends the process. */
static void assert_no_move(struct cmd *cmd, enum cmd_state from, void (*move)(struct cmd *cmd))
{
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		signal(SIGABRT, SIG_DFL);
		cmd->state = from;
		move(cmd);
		_exit(0);
	}
	int status = 0;
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGABRT)
		fail_msg("a move from state %d was let through", (int)from);
}

static void move_to_auth(struct cmd *cmd)
{
	cmd_wait_auth(cmd);
}

static void move_to_store(struct cmd *cmd)
{
	store_submit(cmd, RC_OK);
}

static void illegal_moves_end_the_process(void **state)
{
	struct client *client = client_new(*state, NULL);
	client_send(client, "a STAY\r\n");
	until_state(client, CMD_RUNNING);
	struct cmd *cmd = in_hand(client);
	static const enum cmd_state no_auth[] = { CMD_READING, CMD_GATED, CMD_IN_STORE, CMD_PARKED,
		CMD_IN_AUTH, CMD_AWAITS_LINE, CMD_HELD };
	for (size_t i = 0; i < COUNT_OF(no_auth); i++)
		assert_no_move(cmd, no_auth[i], move_to_auth);
	static const enum cmd_state no_store[] = { CMD_GATED, CMD_IN_STORE, CMD_IN_AUTH, CMD_AWAITS_LINE,
		CMD_HELD };
	for (size_t i = 0; i < COUNT_OF(no_store); i++)
		assert_no_move(cmd, no_store[i], move_to_store);
	assert_int_equal(cmd->state, CMD_RUNNING);
	cmd_finish_rc(cmd, RC_OK);
	assert_next(client, "a OK STAY completed\r\n");
	client_free(&client);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, server_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_command_is_read_then_runs_until_its_row_ends_it),
		TEST(a_command_is_read_while_its_literal_comes),
		TEST(input_waits_while_a_command_is_in_hand),
		TEST(a_job_is_in_the_store_until_its_command_goes_on),
		TEST(a_command_is_parked_while_the_strand_is_full),
		TEST(a_parked_command_that_is_dropped_frees_its_job),
		TEST(a_job_whose_command_has_gone_is_released_and_not_finished),
		TEST(a_line_is_awaited_as_often_as_the_row_asks),
		TEST(a_password_check_is_answered_to_the_command_that_waits),
		TEST(a_claim_of_recent_gates_commands_that_read),
		TEST(a_claim_gates_a_command_whose_literal_the_store_let_in),
		TEST(a_gate_is_no_matter_without_a_mailbox),
		TEST(an_answer_is_held_until_recent_is_known),
		TEST(an_expunge_that_hit_the_command_makes_its_ok_a_no),
		TEST(a_row_is_refused_in_states_that_it_does_not_name),
		TEST(a_row_that_writes_is_refused_when_the_mailbox_is_only_read),
		TEST(progress_never_goes_back),
		TEST(illegal_moves_end_the_process),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
