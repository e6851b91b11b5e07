#include "server_rig.h"

static char *status_of(struct house *house)
{
	struct buf out;

	buf_init(&out, 65536);
	server_status(house->server, &out);
	buf_addc(&out, '\0');
	return out.p;
}

static void each_line_is_a_key_and_a_value(void **state)
{
	char *text = status_of(*state);
	unsigned lines = 0;

	for (char *line = text, *end = strchr(line, '\n'); end; line = end + 1, end = strchr(line, '\n')) {
		*end = '\0';
		char *colon = strstr(line, ": ");
		assert_non_null(colon);
		assert_int_equal(strspn(line, "abcdefghijklmnopqrstuvwxyz-"), colon - line);
		assert_true(colon[2] != '\0');
		lines++;
	}
	assert_true(lines > 20);
	free(text);
}

static void the_sockets_are_listed_once(void **state)
{
	struct house *house = *state;
	char *text = status_of(house), line[640];

	/* Two reactors have two sockets at one address. */
	char *imap = strstr(text, "listen-imap: 127.0.0.1:");
	assert_non_null(imap);
	assert_null(strstr(imap + 1, "listen-imap: "));
	assert_true(strtol(imap + strlen("listen-imap: 127.0.0.1:"), NULL, 10) > 0);
	snprintf(line, sizeof(line), "\nlisten-lmtp: %s/lmtp\n", house->folder);
	assert_non_null(strstr(text, line));
	snprintf(line, sizeof(line), "\nlisten-control: %s/control\n", house->folder);
	assert_non_null(strstr(text, line));
	assert_null(strstr(text, "listen-imaps"));
	assert_non_null(strstr(text, "\nreactors: 2\nworkers: 2\n"));
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_line_is_a_key_and_a_value),
		cmocka_unit_test(the_sockets_are_listed_once),
	};
	return cmocka_run_group_tests(tests, house_setup_started, house_teardown);
}
