#include "admin_rig.h"

/* The wire. */

/* Feeds in pieces of `step` octets, as a connection does: what is not used comes again. */
static enum request_result feed(struct request_reader *reader, struct strv in, size_t step, size_t *ret_at)
{
	enum request_result result = REQUEST_NEED_MORE;
	size_t at = 0, have = 0;

	while (result == REQUEST_NEED_MORE && have < in.n) {
		size_t used = 0;
		have = in.n - have < step ? in.n : have + step;
		result = request_read(reader, strv_sub(in, at, have - at), &used);
		assert_in_range(used, 0, have - at);
		at += used;
	}
	*ret_at = at;
	return result;
}

/* Prints the request as "[arg][arg]payload"; "!" if it is invalid, "..." if a part is missing. */
static void read_as_text(struct strv in, size_t step, struct buf *out)
{
	struct request_reader reader;
	struct arena *arena = arena_new(0);
	size_t at = 0;

	buf_reset(out);
	request_reader_init(&reader, arena);
	enum request_result result = feed(&reader, in, step, &at);
	for (unsigned i = 0; result == REQUEST_COMPLETE && i < reader.arg_count; i++) {
		buf_printf(out, "[%.*s]", STRV_ARG(reader.args[i]));
		assert_int_equal(reader.args[i].p[reader.args[i].n], '\0');
	}
	if (result == REQUEST_COMPLETE) {
		buf_addv(out, buf_strv(&reader.payload));
		assert_int_equal(reader.part, REQUEST_WHOLE);
	} else {
		buf_adds(out, result == REQUEST_INVALID ? "!" : "...");
	}
	buf_addc(out, '\0');
	request_reader_fini(&reader);
	arena_free(&arena);
}

/* Whole, octet by octet, and in pieces of every size. */
static void assert_read(struct strv in, const char *expected)
{
	struct buf out;

	buf_init(&out, 1024 * 1024);
	for (size_t step = 1; step <= in.n; step = step < 40 ? step + 1 : 2 * step) {
		read_as_text(in, step, &out);
		assert_string_equal(out.p, expected);
	}
	read_as_text(in, in.n, &out);
	assert_string_equal(out.p, expected);
	buf_fini(&out);
}

static void a_request_has_arguments_and_a_payload(void **state)
{
	(void)state;
	assert_read(STRV("coid1 0 0\n"), "");
	assert_read(STRV("coid1 1 0\n6:status,"), "[status]");
	assert_read(STRV("coid1 3 9\n4:user,3:add,15:alice@example.o,password\n"),
		"[user][add][alice@example.o]password\n");
	assert_read(STRV("coid1 2 0\n0:,3:a,:,"), "[][a,:]");
	assert_read(STRV("coid1 1 3\n00000002:ab,x\ny"), "[ab]x\ny");
	assert_read(STRV("coid1 0 4\na:b,"), "a:b,");
}

static void what_is_missing_is_waited_for(void **state)
{
	static const char whole[] = "coid1 2 5\n4:user,4:list,12345";
	char *prefix;

	(void)state;
	for (size_t n = 1; n < sizeof(whole) - 1; n++) {
		prefix = mem_strndup(whole, n);
		assert_read(strv_cstr(prefix), "...");
		free(prefix);
	}
	assert_read(strv_cstr(whole), "[user][list]12345");
}

static void what_stands_behind_a_request_is_not_looked_at(void **state)
{
	static const char bytes[] = "coid1 1 2\n4:help,abcoid1 1 0\n";
	struct request_reader reader;
	struct arena *arena = arena_new(0);
	size_t used = 0;

	(void)state;
	request_reader_init(&reader, arena);
	assert_int_equal(request_read(&reader, strv_cstr(bytes), &used), REQUEST_COMPLETE);
	assert_int_equal(used, strlen("coid1 1 2\n4:help,ab"));
	assert_int_equal(request_read(&reader, strv_cstr(bytes + used), &used), REQUEST_COMPLETE);
	assert_int_equal(used, 0);
	request_reader_fini(&reader);
	arena_free(&arena);
}

static void other_bytes_are_refused(void **state)
{
	static const struct strv samples[] = {
		{ "\n", 1 },
		{ "GET / HTTP/1.1\r\n", 16 },
		{ "coid2 0 0\n", 10 },
		{ "coid1 0\n", 8 },
		{ "coid1  0\n", 9 },
		{ "coid1 0 0 \n", 11 },
		{ "coid1 0 0\r\n", 11 },
		{ "coid1 -1 0\n", 11 },
		{ "coid1 1 x\n", 10 },
		{ "coid1 18446744073709551616 0\n", 29 },
		{ "coid1 0 18446744073709551616\n", 29 },
		{ "coid1 1 0\n:,", 12 },
		{ "coid1 1 0\n-1:,", 14 },
		{ "coid1 1 0\nx:,", 13 },
		{ "coid1 1 0\n1:ab", 14 },
		{ "coid1 1 0\n2:a\0,", 15 },
		{ "coid1 1 0\n1 :a,", 15 },
		{ "coid1 2 0\n1:a, 1:b,", 19 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(samples) / sizeof(samples[0]); i++)
		assert_read(samples[i], "!");
}

static void the_first_line_has_a_maximum(void **state)
{
	char line[PROTOCOL_HEAD_MAX + 8];

	(void)state;
	for (int n = PROTOCOL_HEAD_MAX - 1; n <= PROTOCOL_HEAD_MAX + 1; n++) {
		/* Leading zeros make it long. */
		snprintf(line, sizeof(line), "coid1 0 %0*d\n", n - 8, 0);
		assert_int_equal(strlen(line), n + 1);
		/* str_u64 has a limit of its own on digits: only the length is looked at here. */
		struct request_reader reader;
		struct arena *arena = arena_new(0);
		size_t used = 0;
		request_reader_init(&reader, arena);
		enum request_result result = request_read(&reader, strv_make(line, (size_t)n), &used);
		assert_int_equal(result, n <= PROTOCOL_HEAD_MAX ? REQUEST_NEED_MORE : REQUEST_INVALID);
		request_reader_fini(&reader);
		arena_free(&arena);
	}
}

static void the_number_of_arguments_has_a_maximum(void **state)
{
	struct buf in, expected;

	(void)state;
	buf_init(&in, 65536);
	buf_init(&expected, 65536);
	for (unsigned n = PROTOCOL_ARGS_MAX - 1; n <= PROTOCOL_ARGS_MAX + 1; n++) {
		buf_reset(&in);
		buf_reset(&expected);
		buf_printf(&in, "coid1 %u 0\n", n);
		for (unsigned i = 0; i < n; i++) {
			buf_adds(&in, "1:x,");
			buf_adds(&expected, "[x]");
		}
		buf_addc(&expected, '\0');
		assert_read(buf_strv(&in), n <= PROTOCOL_ARGS_MAX ? expected.p : "!");
	}
	buf_fini(&in);
	buf_fini(&expected);
}

static void an_argument_has_a_maximum(void **state)
{
	struct buf in, expected;
	char text[PROTOCOL_ARG_MAX + 2];

	(void)state;
	memset(text, 'x', sizeof(text));
	buf_init(&in, 65536);
	buf_init(&expected, 65536);
	for (size_t n = PROTOCOL_ARG_MAX - 1; n <= PROTOCOL_ARG_MAX + 1; n++) {
		buf_reset(&in);
		buf_reset(&expected);
		buf_printf(&in, "coid1 1 0\n%zu:%.*s,", n, (int)n, text);
		buf_printf(&expected, "[%.*s]", (int)n, text);
		buf_addc(&expected, '\0');
		assert_read(buf_strv(&in), n <= PROTOCOL_ARG_MAX ? expected.p : "!");
	}
	/* Digits, too. */
	assert_read(STRV("coid1 1 0\n00000001:x,"), "[x]");
	assert_read(STRV("coid1 1 0\n000000001:x,"), "!");
	assert_read(STRV("coid1 1 0\n000000001"), "!");
	buf_fini(&in);
	buf_fini(&expected);
}

static void the_payload_has_a_maximum(void **state)
{
	char line[64];

	(void)state;
	for (unsigned n = PROTOCOL_PAYLOAD_MAX - 1; n <= PROTOCOL_PAYLOAD_MAX + 1; n++) {
		snprintf(line, sizeof(line), "coid1 0 %u\n", n);
		assert_read(strv_cstr(line), n <= PROTOCOL_PAYLOAD_MAX ? "..." : "!");
	}
}

/* The answer. */

/* The verb of these tests; what it does is in `act`. */
static void (*act)(struct request *request);

static void act_now(struct request *request)
{
	act(request);
}

/* The answer to a request whose verb does `fn`, with `args` behind it. */
static char *answer_of(struct control *control, void (*fn)(struct request *request), const char *const *args)
{
	struct buf bytes;
	int fds[2];

	act = fn;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds), 0);
	request_accept(control->admin, fds[1], act_now);
	buf_init(&bytes, 1024 * 1024);
	control_print(&bytes, args, "secret\n");
	control_send(control, fds[0], buf_strv(&bytes));
	buf_fini(&bytes);
	return control_answer(control, fds[0]);
}

static void assert_answer(struct control *control, void (*fn)(struct request *request),
	const char *const *args, const char *expected)
{
	char *answer = answer_of(control, fn, args);
	assert_string_equal(answer, expected);
	free(answer);
}

static void say_lines(struct request *request)
{
	assert_true(strv_eq(buf_strv(&request->reader.payload), STRV("secret\n")));
	request_out(request, "%s=%d", "a", 1);
	request_out(request, "one\nline\r");
	request_err(request, "%s", "");
	request_out_lines(request, STRV("first\n\nthird"));
	request_err_lines(request, STRV("fourth\n"));
	request_finish(request, 3);
}

static void an_answer_is_lines_and_a_status(void **state)
{
	assert_answer(*state, say_lines, ARGS("x"),
		"o a=1\no one line \ne \no first\no \no third\ne fourth\nx 3\n");
}

static size_t line_size;

static void say_long_line(struct request *request)
{
	char *text = mem_alloc(line_size);

	memset(text, 'x', line_size);
	request_out(request, "%.*s", (int)line_size, text);
	free(text);
	request_finish(request, PROTOCOL_OK);
}

static void a_line_is_not_cut_before_its_maximum_and_never_silently(void **state)
{
	static const size_t sizes[] = { 4095, 4096, 4097, 100000, REQUEST_LINE_MAX - 1, REQUEST_LINE_MAX,
		REQUEST_LINE_MAX + 1 };

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		line_size = sizes[i];
		char *answer = answer_of(*state, say_long_line, ARGS("x"));
		bool cut = line_size > REQUEST_LINE_MAX;
		size_t shown = cut ? REQUEST_LINE_MAX : line_size;
		assert_int_equal(strlen(answer), 2 + shown + strlen("\nx 0\n"));
		assert_string_equal(answer + 2 + shown, "\nx 0\n");
		assert_int_equal(strspn(answer + 2, "x"), cut ? shown - strlen(" [cut]") : shown);
		assert_int_equal(strncmp(answer + 2 + shown - 6, " [cut]", 6) == 0, cut);
		free(answer);
	}
}

static void fail_with(struct request *request)
{
	request_fail(request, STRV("alice"), (enum rc)strtol(request->reader.args[0].p, NULL, 10));
}

static void an_error_is_told_in_words(void **state)
{
	char number[16];

	for (int rc = RC_AGAIN; rc < RC_MAX; rc++) {
		snprintf(number, sizeof(number), "%d", rc);
		char *answer = answer_of(*state, fail_with, ARGS(number));
		assert_int_equal(strncmp(answer, "e alice: ", 9), 0);
		assert_true(strlen(answer) > strlen("e alice: \nx 1\n"));
		assert_non_null(strstr(answer, "\nx 1\n"));
		free(answer);
	}
	snprintf(number, sizeof(number), "%d", RC_NOT_FOUND);
	assert_answer(*state, fail_with, ARGS(number), "e alice: there is no such user\nx 1\n");
}

/* Arguments are the rest; takes --flag and --value, demands one plain argument. */
static void take_options(struct request *request)
{
	static const struct verb verb = { "test", "ARG [--flag] [--value V]", "", NULL };
	struct strv value = STRV("none");

	request->verb = &verb;
	for (unsigned i = 0; i < request->reader.arg_count; i++)
		request->rest[request->rest_count++] = request->reader.args[i];
	bool flag = request_option(request, "--flag", NULL);
	bool given = request_option(request, "--value", &value);
	if (!request_plain(request, 1))
		return;
	request_out(request, "%.*s flag=%d given=%d value=%.*s", STRV_ARG(request->rest[0]), flag, given,
		STRV_ARG(value));
	request_finish(request, PROTOCOL_OK);
}

static void options_may_stand_anywhere(void **state)
{
	assert_answer(*state, take_options, ARGS("a"), "o a flag=0 given=0 value=none\nx 0\n");
	assert_answer(*state, take_options, ARGS("-"), "o - flag=0 given=0 value=none\nx 0\n");
	assert_answer(*state, take_options, ARGS("--flag", "a"), "o a flag=1 given=0 value=none\nx 0\n");
	assert_answer(*state, take_options, ARGS("--value", "v", "a", "--flag"),
		"o a flag=1 given=1 value=v\nx 0\n");
	assert_answer(*state, take_options, ARGS("a", "--value"), "o a flag=0 given=1 value=\nx 0\n");
}

static void wrong_arguments_are_answered_with_the_usage(void **state)
{
#define USAGE "e usage: coidctl test ARG [--flag] [--value V]\nx 64\n"
	assert_answer(*state, take_options, ARGS("--flag"), "e an argument is missing\n" USAGE);
	assert_answer(*state, take_options, ARGS("a", "b"), "e too many arguments\n" USAGE);
	assert_answer(*state, take_options, ARGS("a", "--other"), "e unknown option\n" USAGE);
	assert_answer(*state, take_options, ARGS("a", "-x"), "e unknown option\n" USAGE);
	assert_answer(*state, take_options, ARGS("a", "--flag", "--flag"), "e unknown option\n" USAGE);
}

static void other_bytes_are_answered(void **state)
{
	int fd = control_connect(*state);

	control_send(*state, fd, STRV("GET / HTTP/1.1\r\n\r\n"));
	char *answer = control_answer(*state, fd);
	assert_string_equal(answer, "e not a request of coidctl\nx 64\n");
	free(answer);
}

static struct request *held;

static void hold(struct request *request)
{
	held = request;
}

static void a_request_outlives_its_client_until_the_verb_has_finished(void **state)
{
	struct control *control = *state;
	int fds[2];

	act = hold;
	held = NULL;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds), 0);
	request_accept(control->admin, fds[1], act_now);
	control_send(control, fds[0], STRV("coid1 1 0\n1:x,"));
	assert_non_null(held);
	assert_int_equal(held->state, REQUEST_RUNNING);
	assert_false(request_is_gone(held));
	close(fds[0]);
	for (unsigned i = 0; i < TURNS_MAX && !request_is_gone(held); i++)
		control_turn(control);
	assert_true(request_is_gone(held));
	assert_int_equal(admin_sessions(control->admin), 1);
	request_out(held, "nobody reads this");
	assert_int_equal(request_unread(held), 0);
	request_finish(held, PROTOCOL_OK);
	assert_int_equal(admin_sessions(control->admin), 0);
}

static void a_client_that_goes_in_its_request_is_forgotten(void **state)
{
	struct control *control = *state;
	int fd = control_connect(control);

	control_send(control, fd, STRV("coid1 1 100\n1:x,half"));
	assert_int_equal(admin_sessions(control->admin), 1);
	close(fd);
	for (unsigned i = 0; i < TURNS_MAX && admin_sessions(control->admin) > 0; i++)
		control_turn(control);
	assert_int_equal(admin_sessions(control->admin), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_request_has_arguments_and_a_payload),
		cmocka_unit_test(what_is_missing_is_waited_for),
		cmocka_unit_test(what_stands_behind_a_request_is_not_looked_at),
		cmocka_unit_test(other_bytes_are_refused),
		cmocka_unit_test(the_first_line_has_a_maximum),
		cmocka_unit_test(the_number_of_arguments_has_a_maximum),
		cmocka_unit_test(an_argument_has_a_maximum),
		cmocka_unit_test(the_payload_has_a_maximum),
#define TEST(name) cmocka_unit_test_setup_teardown(name, control_setup, control_teardown)
		TEST(an_answer_is_lines_and_a_status),
		TEST(a_line_is_not_cut_before_its_maximum_and_never_silently),
		TEST(an_error_is_told_in_words),
		TEST(options_may_stand_anywhere),
		TEST(wrong_arguments_are_answered_with_the_usage),
		TEST(other_bytes_are_answered),
		TEST(a_request_outlives_its_client_until_the_verb_has_finished),
		TEST(a_client_that_goes_in_its_request_is_forgotten),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
