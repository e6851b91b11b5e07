#include "greeting_rig.h"
#include "imapd/command.h"

#include "imapd/cmd/rows.h"

#include <sys/mman.h>

static void id_fields(struct server *server)
{
	static const char *const fields[] = { "name=coid", "vendor=\"x\"", "support-url=" };
	server->settings.id_fields = fields;
	server->settings.id_field_count = 3;
}

static int setup_fields(void **state)
{
	return server_setup_with(state, id_fields);
}

static void no_fields(struct server *server)
{
	server->settings.id_field_count = 0;
}

static int setup_no_fields(void **state)
{
	return server_setup_with(state, no_fields);
}

static void id_takes_a_list_or_nil(void **state)
{
	struct client *client = client_connect(*state);
	free(client_until(client, "ready\r\n"));
	const char *answer = "* ID (\"name\" \"coid\")\r\na OK ID completed\r\n";
	assert_command(client, "ID NIL", answer);
	assert_command(client, "ID ()", answer);
	assert_command(client, "id (\"name\" \"x\" \"version\" NIL)", answer);
	assert_command(client, "ID (\"name\" {3+}\r\nx\ny)", answer);
	client_free(&client);
}

static void wrong_id_lists_are_bad(void **state)
{
	struct client *client = client_new(*state, NULL);
	assert_command_has(client, "ID", "a BAD ");
	assert_command_has(client, "ID (\"name\")", "a BAD ");
	assert_command_has(client, "ID (name \"x\")", "a BAD ");
	assert_command_has(client, "ID (\"name\" \"x\"", "a BAD ");
	assert_command_has(client, "ID x", "a BAD ");
	client_free(&client);
}

/* RFC 2971 section 3.3 tells clients: 30 fields, names of 30 octets, values of 1024. More is taken, too. */
static void id_takes_long_lists(void **state)
{
	struct client *client = client_new(*state, NULL);
	struct buf text;
	buf_init(&text, 100000);
	buf_adds(&text, "ID ( \"version\" 1.2  \"os\" nil");
	for (int i = 0; i < 30; i++)
		buf_printf(&text, " \"n%029d\" \"%01024d\"", i, i);
	buf_printf(&text, " \"%01000d\" \"%02000d\" )", 1, 2);
	buf_addc(&text, '\0');
	assert_command_has(client, text.p, "a OK ");
	assert_command_has(client, "ID (\"version\" (1.2))", "a BAD ");
	assert_command_has(client, "ID (\"version\")", "a BAD ");
	buf_fini(&text);
	client_free(&client);
}

static void log_to_a_file(struct server *server)
{
	server->log_fd = memfd_create("log", MFD_CLOEXEC);
	assert_true(server->log_fd > 0);
}

static int setup_log(void **state)
{
	return server_setup_with(state, log_to_a_file);
}

static int teardown_log(void **state)
{
	int fd = ((struct server *)*state)->log_fd;
	int rc = server_teardown(state);
	close(fd);
	return rc;
}

static size_t lines_with(int fd, const char *part)
{
	char text[65536];
	ssize_t n = pread(fd, text, sizeof(text) - 1, 0);
	size_t count = 0;
	assert_true(n >= 0 && n < (ssize_t)sizeof(text) - 1);
	text[n] = '\0';
	for (const char *at = strstr(text, part); at; at = strstr(at + 1, part))
		count++;
	return count;
}

/* Further fields are accepted and not logged. */
static void so_many_fields_of_id_are_logged(void **state)
{
	struct server *server = *state;
	struct client *client = client_new(server, NULL);
	for (size_t more = 0; more < 3; more++) {
		size_t fields = ID_FIELDS_MAX - 1 + more;
		struct buf text;
		char part[20];
		buf_init(&text, 10000);
		buf_adds(&text, "ID (");
		for (size_t i = 0; i < fields; i++)
			buf_printf(&text, "%s\"n%zu-%zu\" \"v\"", i > 0 ? " " : "", more, i);
		buf_adds(&text, ")");
		buf_addc(&text, '\0');
		assert_command_has(client, text.p, "a OK ");
		buf_fini(&text);
		snprintf(part, sizeof(part), "field=n%zu-", more);
		assert_int_equal(
			lines_with(server->log_fd, part), fields < ID_FIELDS_MAX ? fields : ID_FIELDS_MAX);
	}
	client_free(&client);
}

static void id_answers_what_is_configured(void **state)
{
	struct client *client = client_new(*state, NULL);
	assert_command(client, "ID NIL",
		"* ID (\"name\" \"coid\" \"vendor\" \"\\\"x\\\"\" \"support-url\" \"\")\r\n"
		"a OK ID completed\r\n");
	client_free(&client);
}

static void id_without_fields_answers_nil(void **state)
{
	struct client *client = client_new(*state, NULL);
	assert_command(client, "ID NIL", "* ID NIL\r\na OK ID completed\r\n");
	client_free(&client);
}

static void enable_names_what_it_knows(void **state)
{
	struct client *client = client_new(*state, NULL);
	assert_command(client, "ENABLE X-FOO IDLE", "* ENABLED\r\na OK ENABLE completed\r\n");
	assert_command(client, "ENABLE condstore X-FOO", "* ENABLED CONDSTORE\r\na OK ENABLE completed\r\n");
	assert_command(client, "ENABLE QRESYNC CONDSTORE",
		"* ENABLED CONDSTORE QRESYNC\r\na OK ENABLE completed\r\n");
	assert_command_has(client, "ENABLE", "a BAD ");
	assert_command_has(client, "ENABLE ", "a BAD ");
	client_free(&client);
}

static void starttls_needs_a_certificate(void **state)
{
	struct client *client = client_connect(*state);
	free(client_until(client, "ready\r\n"));
	assert_command(client, "STARTTLS", "a BAD TLS is not available\r\n");
	assert_command(client, "STARTTLS x", "a BAD Unexpected arguments\r\n");
	client_free(&client);
	client = client_new(*state, NULL);
	assert_command(client, "STARTTLS", "a BAD Already logged in\r\n");
	client_free(&client);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, server_setup, server_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(id_takes_a_list_or_nil),
		TEST(wrong_id_lists_are_bad),
		TEST(id_takes_long_lists),
		cmocka_unit_test_setup_teardown(so_many_fields_of_id_are_logged, setup_log, teardown_log),
		cmocka_unit_test_setup_teardown(id_answers_what_is_configured, setup_fields, server_teardown),
		cmocka_unit_test_setup_teardown(
			id_without_fields_answers_nil, setup_no_fields, server_teardown),
		TEST(enable_names_what_it_knows),
		TEST(starttls_needs_a_certificate),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
