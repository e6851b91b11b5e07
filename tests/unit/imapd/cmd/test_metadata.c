#include "session_rig.h"

#include "metadata/metadata.h"

#define VALUE_MAX 20
#define ENTRIES_MAX 3

static struct metadata *entries;

static void with_metadata(struct server *server)
{
	const struct metadata_settings settings = { .value_max = VALUE_MAX, .entries_max = ENTRIES_MAX };
	entries = metadata_new(&settings);
	server->settings.metadata = entries;
}

static int setup(void **state)
{
	return server_setup_with(state, with_metadata);
}

static int teardown(void **state)
{
	server_teardown(state);
	metadata_free(&entries);
	return 0;
}

static void set(struct client *client, const char *args)
{
	char command[256];
	snprintf(command, sizeof(command), "SETMETADATA %s", args);
	assert_command(client, command, "a OK SETMETADATA completed\r\n");
}

static void an_entry_is_set_read_and_removed(void **state)
{
	struct client *client = client_new(*state, NULL);
	set(client, "\"\" (/private/comment \"hello\")");
	assert_command(client, "GETMETADATA \"\" /private/comment",
		"* METADATA \"\" (/private/comment \"hello\")\r\na OK GETMETADATA completed\r\n");
	set(client, "INBOX (/private/comment {2+}\r\nhi)");
	assert_command(client, "GETMETADATA INBOX (/private/comment /private/x)",
		"* METADATA \"INBOX\" (/private/comment \"hi\" /private/x NIL)\r\n"
		"a OK GETMETADATA completed\r\n");
	set(client, "\"\" (/private/comment NIL)");
	assert_command(client, "GETMETADATA \"\" /private/comment",
		"* METADATA \"\" (/private/comment NIL)\r\na OK GETMETADATA completed\r\n");
	client_free(&client);
}

static void options_stand_before_the_mailbox_or_behind_it(void **state)
{
	static const char told[] = "* METADATA \"\" (/private/a/b \"1\" /private/a/c \"2\")\r\n"
				   "a OK GETMETADATA completed\r\n";
	struct client *client = client_new(*state, NULL);
	set(client, "\"\" (/private/a/b \"1\" /private/a/c \"2\")");
	assert_command(client, "GETMETADATA (DEPTH 1) \"\" /private/a", told);
	assert_command(client, "GETMETADATA \"\" (DEPTH 1) /private/a", told);
	assert_command_has(client, "GETMETADATA (DEPTH 2) \"\" /private/a", "a BAD ");
	assert_command_has(client, "GETMETADATA \"\"", "a BAD ");
	client_free(&client);
}

static void values_that_are_too_long_are_told_by_their_length(void **state)
{
	struct client *client = client_new(*state, NULL);
	set(client, "\"\" (/private/a \"12345\" /private/b \"1\")");
	assert_command(client, "GETMETADATA (MAXSIZE 4) \"\" (/private/a /private/b)",
		"* METADATA \"\" (/private/b \"1\")\r\n"
		"a OK [METADATA LONGENTRIES 5] GETMETADATA completed\r\n");
	client_free(&client);
}

static void a_value_that_is_too_large_is_not_let_in(void **state)
{
	struct client *client = client_new(*state, NULL);
	assert_command(client, "SETMETADATA \"\" (/private/a {21}",
		"a NO [METADATA MAXSIZE 20] Value is too large\r\n");
	assert_command_has(client, "SETMETADATA \"\" (/private/a \"123456789012345678901\")",
		"a NO [METADATA MAXSIZE 20] ");
	set(client, "\"\" (/private/a \"12345678901234567890\")");
	client_free(&client);
}

static void a_refused_entry_undoes_those_before_it(void **state)
{
	struct client *client = client_new(*state, NULL);
	assert_command_has(client,
		"SETMETADATA \"\" (/private/a \"1\" /private/b \"2\" /private/c \"3\" /private/d \"4\")",
		"a NO [METADATA TOOMANY] ");
	assert_command_has(client, "GETMETADATA \"\" /private/a", "(/private/a NIL)");
	client_free(&client);
}

static void a_mailbox_that_is_not_there_has_no_entries(void **state)
{
	struct client *client = client_new(*state, NULL);
	assert_command(client, "GETMETADATA nowhere /private/a", "a NO [NONEXISTENT] No such mailbox\r\n");
	assert_command(
		client, "SETMETADATA nowhere (/private/a \"1\")", "a NO [NONEXISTENT] No such mailbox\r\n");
	/* Nor one that no mailbox can have. */
	assert_command(client, "GETMETADATA \"a//b\" /private/a", "a NO [NONEXISTENT] No such mailbox\r\n");
	client_free(&client);
}

static void more_entries_than_a_command_may_name_are_bad(void **state)
{
	struct client *client = client_new(*state, NULL);
	struct buf text;
	buf_init(&text, 65536);
	buf_adds(&text, "SETMETADATA \"\" (");
	for (unsigned i = 0; i <= METADATA_NAMES_MAX; i++)
		buf_printf(&text, "%s/private/x%u NIL", i > 0 ? " " : "", i);
	buf_adds(&text, ")");
	buf_addc(&text, '\0');
	assert_command(client, text.p, "a BAD Too many entries\r\n");
	buf_fini(&text);
	client_free(&client);
}

static void a_server_without_metadata_says_so(void **state)
{
	struct client *client = client_new(*state, NULL);
	assert_command(
		client, "GETMETADATA \"\" /private/a", "a NO [UNAVAILABLE] No metadata on this server\r\n");
	assert_command(client, "SETMETADATA \"\" (/private/a \"1\")",
		"a NO [UNAVAILABLE] No metadata on this server\r\n");
	client_free(&client);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(an_entry_is_set_read_and_removed),
		TEST(options_stand_before_the_mailbox_or_behind_it),
		TEST(values_that_are_too_long_are_told_by_their_length),
		TEST(a_value_that_is_too_large_is_not_let_in),
		TEST(a_refused_entry_undoes_those_before_it),
		TEST(a_mailbox_that_is_not_there_has_no_entries),
		TEST(more_entries_than_a_command_may_name_are_bad),
		cmocka_unit_test_setup_teardown(
			a_server_without_metadata_says_so, server_setup, server_teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
