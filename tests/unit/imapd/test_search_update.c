#include "session_rig.h"

#include "imapd/search_update.h"
#include "imapd/sorted.h"
#include "store/message.h"

#define LIMIT 3

static void make_small(struct server *server)
{
	server->settings.context_ranges_max = server->settings.context_sorted_max = LIMIT;
}

static int setup(void **state)
{
	return server_setup_with(state, make_small);
}

/* Messages 1..count; the odd ones are \Seen, so each is a range of its own. */
static void fill(struct server *server, unsigned count)
{
	for (unsigned i = 1; i <= count; i++) {
		uint32_t uid;
		assert_int_equal(rig_append(&server->rig, ACCOUNT, "INBOX",
					 strv_cstr("Subject: x\r\n\r\nbody\r\n"), STRV_NULL, &uid),
			RC_OK);
		if (uid % 2)
			assert_int_equal(rig_flags(&server->rig, ACCOUNT, "INBOX", uid, MSG_SEEN), RC_OK);
	}
}

static void is_kept(struct server *server, const char *command, bool kept)
{
	struct client *client = client_new(server, "INBOX");
	client_send(client, command);
	char *answer = client_until(client, "a OK ");
	if ((strstr(answer, "NOUPDATE") == NULL) != kept)
		fail_msg("%s: %s", command, answer);
	if (!kept)
		assert_non_null(strstr(answer, "* NO [NOUPDATE \"a\"] Too many results\r\n"));
	free(answer);
	client_free(&client);
}

static void results_in_as_many_ranges_as_allowed_are_kept_one_more_is_refused(void **state)
{
	fill(*state, 2 * (LIMIT - 1));
	is_kept(*state, "a SEARCH RETURN (UPDATE) SEEN\r\n", true);
	fill(*state, 2);
	is_kept(*state, "a SEARCH RETURN (UPDATE) SEEN\r\n", true);
	fill(*state, 2);
	is_kept(*state, "a SEARCH RETURN (UPDATE) SEEN\r\n", false);
	is_kept(*state, "a SEARCH RETURN (UPDATE) ALL\r\n", true);
}

static void as_many_sorted_results_as_allowed_are_kept_one_more_is_refused(void **state)
{
	for (unsigned count = LIMIT - 1; count <= LIMIT + 1; count++) {
		fill(*state, count == LIMIT - 1 ? count : 1);
		is_kept(*state, "a SORT RETURN (UPDATE) (ARRIVAL) UTF-8 ALL\r\n", count <= LIMIT);
	}
}

/* The client says NOOP until something of its context is told. */
static void is_told(struct client *client, const char *text, bool kept)
{
	char *answer = NULL;
	for (unsigned i = 0; i < 100; i++) {
		free(answer);
		client_send(client, "b NOOP\r\n");
		answer = client_until(client, "b OK ");
		if (strstr(answer, "ADDTO") || strstr(answer, "NOUPDATE"))
			break;
	}
	assert_non_null(strstr(answer, text));
	assert_int_equal(strstr(answer, "NOUPDATE") == NULL, kept);
	free(answer);
}

static void a_context_that_grows_beyond_is_given_up(struct server *server, const char *command, unsigned step)
{
	fill(server, step * (LIMIT - 1));
	struct client *client = client_new(server, "INBOX");
	client_send(client, command);
	free(client_until(client, "a OK "));
	fill(server, step);
	is_told(client, "ADDTO", true);
	fill(server, step);
	is_told(client, "* NO [NOUPDATE \"a\"] Too many results\r\n", false);
	client_free(&client);
}

static void one_that_gets_too_many_ranges_is_given_up(void **state)
{
	a_context_that_grows_beyond_is_given_up(*state, "a SEARCH RETURN (UPDATE) SEEN\r\n", 2);
}

static void one_that_gets_too_many_sorted_results_is_given_up(void **state)
{
	a_context_that_grows_beyond_is_given_up(*state, "a SORT RETURN (UPDATE) (ARRIVAL) UTF-8 ALL\r\n", 1);
}

static void a_session_has_so_many_contexts_and_no_more(void **state)
{
	struct client *client = client_new(*state, "INBOX");
	for (unsigned i = 1; i <= CONTEXTS_MAX + 1; i++) {
		char command[64], end[16];
		snprintf(command, sizeof(command), "t%u SEARCH RETURN (UPDATE) SEEN\r\n", i);
		snprintf(end, sizeof(end), "t%u OK ", i);
		client_send(client, command);
		char *answer = client_until(client, end);
		assert_int_equal(strstr(answer, "NOUPDATE") == NULL, i <= CONTEXTS_MAX);
		free(answer);
	}
	client_free(&client);
}

static void what_a_server_allows_is_what_the_header_says(void **state)
{
	struct imapd_settings settings;
	(void)state;
	imapd_settings_init(&settings);
	assert_int_equal(settings.context_ranges_max, CONTEXT_RANGES_MAX);
	assert_int_equal(settings.context_sorted_max, SORTED_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			results_in_as_many_ranges_as_allowed_are_kept_one_more_is_refused, setup,
			server_teardown),
		cmocka_unit_test_setup_teardown(
			as_many_sorted_results_as_allowed_are_kept_one_more_is_refused, setup,
			server_teardown),
		cmocka_unit_test_setup_teardown(
			one_that_gets_too_many_ranges_is_given_up, setup, server_teardown),
		cmocka_unit_test_setup_teardown(
			one_that_gets_too_many_sorted_results_is_given_up, setup, server_teardown),
		cmocka_unit_test_setup_teardown(
			a_session_has_so_many_contexts_and_no_more, setup, server_teardown),
		cmocka_unit_test(what_a_server_allows_is_what_the_header_says),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
