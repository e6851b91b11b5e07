#include "admin_rig.h"

static const char *const *const import_args = (const char *const[]){ "user", "import", "-", NULL };

static void lines_of_a_file_become_users(void **state)
{
	struct control *control = *state;

	assert_request_with(control, import_args,
		"# a comment\n"
		"\n"
		"carol@example.org:good password\r\n"
		" Dave@Example.ORG :another:one:with:colons\n"
		"erin@example.org:{PLAIN}plain password\n"
		"frank@example.org:{SHA512-CRYPT}$6$abcdefgh$"
		"C0TFW2nnJQBSTzOSLGMMSQ6XZqCGFPZgLTmmUNhOqVCKFXyq5dgGMZzkJEu9bI3TEyUJXxxwvHcFp1RPWvx0o1",
		"o added: 4, failed: 0\nx 0\n");
	assert_request(control, ARGS("user", "list"),
		"o alice@example.org\no bob@example.org\no carol@example.org\no dave@example.org\n"
		"o erin@example.org\no frank@example.org\nx 0\n");
}

/* One line, which fails so. */
static void assert_line(struct control *control, const char *line, const char *problem)
{
	char expected[256], text[2048];

	snprintf(expected, sizeof(expected), "e line 2: %s\no added: 0, failed: 1\nx 1\n", problem);
	snprintf(text, sizeof(text), "#\n%s\n", line);
	assert_request_with(control, import_args, text, expected);
}

static void each_line_that_is_wrong_is_told_with_its_number(void **state)
{
	struct control *control = *state;

	assert_line(control, "carol@example.org", "expected address:password");
	assert_line(control, "carol:good password", "not an address like user@example.org");
	assert_line(control, ":good password", "not an address like user@example.org");
	assert_line(control, "carol@example.org:", "the password is too short");
	assert_line(control, "carol@example.org:1234567", "the password is too short");
	assert_line(control, "carol@example.org:{PLAIN}1234567", "the password is too short");
	assert_line(control, "alice@example.org:good password", "the user is there already");
	char line[1024];
	snprintf(line, sizeof(line), "carol@example.org:%0*d", 900, 7);
	assert_line(control, line, "the password is not usable");
	char *answer = control_ask(control, import_args, "carol@example.org:{NO-SUCH-SCHEME}x\n");
	assert_int_equal(strncmp(answer, "e line 1: ", 10), 0);
	assert_non_null(strstr(answer, "o added: 0, failed: 1\nx 1\n"));
	free(answer);
}

static void a_wrong_line_does_not_keep_the_others_out(void **state)
{
	struct control *control = *state;

	assert_request_with(control, import_args,
		"carol@example.org:good password\nalice@example.org:good password\nnonsense\n"
		"carol@example.org:good password\ndave@example.org:good password",
		"e line 3: expected address:password\n"
		"e line 2: the user is there already\n"
		"e line 4: the user is there already\n"
		"o added: 2, failed: 3\nx 1\n");
}

/* More than one batch, and more errors than are told one by one. */
static void a_long_file_is_added_in_batches_and_its_errors_are_counted(void **state)
{
	struct control *control = *state;
	struct buf file;

	buf_init(&file, 1024 * 1024);
	for (unsigned i = 0; i < 600; i++)
		buf_printf(&file,
			"user%04u@example.org:{SHA512-CRYPT}$6$abcdefgh$"
			"C0TFW2nnJQBSTzOSLGMMSQ6XZqCGFPZgLTmmUNhOqVCKFXyq5dgGMZzkJEu9bI3TEyUJXxxwvHcFp1RPWvx0"
			"o1\n",
			i);
	for (unsigned i = 0; i < 102; i++)
		buf_adds(&file, "nonsense\n");
	buf_addc(&file, '\0');
	char *answer = control_ask(control, import_args, file.p);
	assert_non_null(strstr(answer, "o added: 600, failed: 102\nx 1\n"));
	assert_non_null(strstr(answer, "e line 700: expected address:password\n"
				       "e further errors are only counted\n"));
	assert_null(strstr(answer, "e line 701"));
	free(answer);
	buf_fini(&file);
}

static void so_many_errors_are_told_one_by_one(void **state)
{
	struct control *control = *state;

	for (unsigned n = ADMIN_IMPORT_ERRORS_MAX - 1; n <= ADMIN_IMPORT_ERRORS_MAX + 1; n++) {
		struct buf file;
		char last[64];
		buf_init(&file, 4096);
		for (unsigned i = 0; i < n; i++)
			buf_adds(&file, "nonsense\n");
		buf_addc(&file, '\0');
		char *answer = control_ask(control, import_args, file.p);
		snprintf(last, sizeof(last), "e line %u: ", n);
		assert_int_equal(strstr(answer, last) != NULL, n <= ADMIN_IMPORT_ERRORS_MAX);
		assert_int_equal(strstr(answer, "further errors") == NULL, n <= ADMIN_IMPORT_ERRORS_MAX);
		free(answer);
		buf_fini(&file);
	}
}

static void a_password_is_as_short_as_the_settings_say(void **state)
{
	struct control *control = *state;

	assert_request_with(control, import_args, "eve@example.org:12345678\nfay@example.org:1234567\n",
		"e line 2: the password is too short\no added: 1, failed: 1\nx 1\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, control_setup_store, control_teardown)
		TEST(lines_of_a_file_become_users),
		TEST(each_line_that_is_wrong_is_told_with_its_number),
		TEST(a_wrong_line_does_not_keep_the_others_out),
		TEST(a_long_file_is_added_in_batches_and_its_errors_are_counted),
		TEST(so_many_errors_are_told_one_by_one),
		TEST(a_password_is_as_short_as_the_settings_say),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
