#include "block_rig.h"

#include "imapd/changes.h"
#include "imapd/sync.h"
#include "imapd/view.h"

static void deliver(struct server *server, const char *mailbox)
{
	uint32_t uid;
	assert_int_equal(
		rig_append(&server->rig, ACCOUNT, mailbox, STRV("x: y\r\n\r\n"), STRV_NULL, &uid), RC_OK);
}

static void send_change(struct server *server, const struct change *change)
{
	struct change_list list = { .account_id = ACCOUNT, .changes = change, .count = 1 };
	struct change_sink *sink = &server->imapd->hubs[0].sink;
	sink->fn(sink->ctx, &list);
}

/* The next session that opens INBOX finds this number of messages that nobody has claimed. */
static void assert_unclaimed(struct server *server, const char *recent)
{
	struct client *client = client_new(server, NULL);
	assert_command_has(client, "SELECT INBOX", recent);
	client_free(&client);
}

static void a_session_that_hears_of_new_messages_claims_them(void **state)
{
	struct client *client = client_new(*state, "INBOX");
	deliver(*state, "INBOX");
	await_claim(client);
	assert_unclaimed(*state, "* 0 RECENT\r\n");
	client_free(&client);
}

static void imap4rev2_claims_nothing(void **state)
{
	struct client *client = client_new(*state, "INBOX");
	assert_command_has(client, "ENABLE IMAP4rev2", "* ENABLED IMAP4rev2\r\n");
	deliver(*state, "INBOX");
	assert_command_has(client, "NOOP", "* 1 EXISTS\r\n");
	assert_unclaimed(*state, "* 1 RECENT\r\n");
	client_free(&client);
}

static void who_will_not_announce_new_messages_claims_none(void **state)
{
	struct client *client = client_new(*state, "INBOX");
	assert_command(client, "NOTIFY SET (personal (MailboxName))", "a OK NOTIFY completed\r\n");
	deliver(*state, "INBOX");
	assert_command(client, "NOOP", "a OK NOOP completed\r\n");
	assert_unclaimed(*state, "* 1 RECENT\r\n");
	client_free(&client);
}

static void a_mailbox_that_is_only_read_is_not_claimed(void **state)
{
	struct client *client = client_new(*state, NULL);
	assert_command_has(client, "EXAMINE INBOX", "a OK [READ-ONLY]");
	deliver(*state, "INBOX");
	assert_command_has(client, "NOOP", "* 1 EXISTS\r\n");
	assert_unclaimed(*state, "* 1 RECENT\r\n");
	client_free(&client);
}

static void a_claim_that_finds_no_room_leaves_them_to_the_next_session(void **state)
{
	struct client *client = client_new(*state, "INBOX");
	const struct msg_state msg = { .uid = 1, .modseq = 100 };
	struct change change = { .kind = CHANGE_APPEND,
		.mailbox = view_mailbox(client_session(client)->view),
		.modseq = 100,
		.msgs = &msg,
		.msg_count = 1 };
	struct block block;
	block_strand(&block, *state);
	send_change(*state, &change);
	assert_false(client_session(client)->claiming);
	let_go(&block, client);
	/* It is told all the same. */
	assert_command_has(client, "NOOP", "* 1 EXISTS\r\n");
	client_free(&client);
}

/* The claim is made as soon as the strand is let go, and nobody waits for the answer. */
static void a_session_may_go_while_it_claims(void **state)
{
	struct client *client = client_new(*state, "INBOX");
	struct client *other = client_new(*state, NULL);
	client_send(client, "b IDLE\r\n");
	assert_next(client, "+ idling\r\n");
	deliver(*state, "INBOX");
	client_free(&client);
	assert_command_has(other, "SELECT INBOX", "* 1 EXISTS\r\n");
	client_free(&other);
}

/* The answer to the claim finds no mailbox selected, since SELECT has begun. */
static void a_claim_does_not_reach_the_mailbox_that_is_selected_next(void **state)
{
	struct server *server = *state;
	assert_int_equal(rig_create(&server->rig, ACCOUNT, "box"), RC_OK);
	deliver(server, "box");
	struct client *other = client_new(server, "box");
	struct client *client = client_new(server, "INBOX");
	deliver(server, "INBOX");
	client_send(client, "a SELECT box\r\n");
	char *answer = client_answer(client);
	assert_non_null(strstr(answer, "* 0 RECENT\r\n"));
	free(answer);
	assert_command(client, "FETCH 1 FLAGS", "* 1 FETCH (FLAGS ())\r\na OK FETCH completed\r\n");
	client_free(&client);
	client_free(&other);
}

static void a_client_that_never_reads_its_news_has_to_leave(void **state)
{
	enum { COUNT = VIEW_PENDING_MAX + 1, STEP = 4096 };
	struct server *server = *state;
	struct client *client = client_new(server, "INBOX");
	struct session *session = client_session(client);
	struct msg_state *msgs = mem_zalloc(STEP * sizeof(*msgs));
	struct change change = {
		.kind = CHANGE_APPEND, .mailbox = view_mailbox(session->view), .msgs = msgs
	};
	/* A literal is awaited: nothing may be told of the mailbox. */
	client_send(client, "a APPEND INBOX {4}\r\n");
	assert_next(client, "+ OK\r\n");
	session->claiming = true;
	for (enum change_kind kind = CHANGE_APPEND; kind <= CHANGE_FLAGS; kind++) {
		change.kind = kind;
		for (uint32_t uid = 1; uid <= COUNT;) {
			change.msg_count = 0;
			change.modseq = 1000000 + uid + (kind == CHANGE_FLAGS ? COUNT : 0);
			while (uid <= COUNT && change.msg_count < STEP)
				msgs[change.msg_count++] =
					(struct msg_state){ .uid = uid++, .modseq = change.modseq };
			send_change(server, &change);
		}
		if (kind == CHANGE_APPEND)
			sync_tell_new(session);
	}
	session->claiming = false;
	free(client_until(
		client, "* BYE [UNAVAILABLE] Too many changes while nothing was read, please reconnect\r\n"));
	free(msgs);
	client_free(&client);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, server_setup, server_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_session_that_hears_of_new_messages_claims_them),
		TEST(imap4rev2_claims_nothing),
		TEST(who_will_not_announce_new_messages_claims_none),
		TEST(a_mailbox_that_is_only_read_is_not_claimed),
		cmocka_unit_test_setup_teardown(a_claim_that_finds_no_room_leaves_them_to_the_next_session,
			setup_short, server_teardown),
		TEST(a_session_may_go_while_it_claims),
		TEST(a_claim_does_not_reach_the_mailbox_that_is_selected_next),
		TEST(a_client_that_never_reads_its_news_has_to_leave),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
