#include "coid/metrics.h"

#include "base/str.h"

#include "server_rig.h"

/* Takes the line at *at, which must begin so, off; the rest of it. */
static struct strv take_line(struct strv *at, const char *begin)
{
	struct strv line = strv_sub(*at, 0, strv_index(*at, '\n'));

	if (!strv_starts(line, strv_cstr(begin)))
		fail_msg("'%s...' expected, got '%.*s'", begin, STRV_ARG(line));
	*at = strv_sub(*at, line.n + 1, at->n);
	return strv_sub(line, strlen(begin), line.n);
}

static void each_metric_has_a_type_a_help_and_a_value(void **state)
{
	struct house *house = *state;
	struct buf out;
	char begin[128];
	unsigned count = 0;
	uint64_t value;

	buf_init(&out, 65536);
	metrics_print(house->server, &out);
	assert_true(buf_ok(&out));
	struct strv at = buf_strv(&out);
	while (strv_starts(at, STRV("# TYPE "))) {
		struct strv line = take_line(&at, "# TYPE coid_");
		struct strv name = strv_sub(line, 0, strv_index(line, ' '));
		struct strv type = strv_sub(line, name.n + 1, line.n);
		assert_true(strv_eq(type, STRV("counter")) || strv_eq(type, STRV("gauge")));
		snprintf(begin, sizeof(begin), "# HELP coid_%.*s ", STRV_ARG(name));
		struct strv help = take_line(&at, begin);
		assert_true(help.n > 0 && help.p[help.n - 1] == '.');
		snprintf(begin, sizeof(begin), "coid_%.*s%s ", STRV_ARG(name), type.n == 7 ? "_total" : "");
		assert_int_equal(str_u64(take_line(&at, begin), &value), RC_OK);
		count++;
	}
	assert_true(count > 20);
	assert_true(strv_eq(at, STRV("# EOF\n")));
	buf_fini(&out);
}

static void an_address_in_use_is_told(void **state)
{
	struct house *house = *state;
	struct metrics *metrics = NULL;

	/* The server has a socket there. */
	assert_int_not_equal(metrics_new(house->server, &house->errors, &metrics), RC_OK);
	assert_null(metrics);
	assert_told(house, "/metrics");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_metric_has_a_type_a_help_and_a_value),
		cmocka_unit_test(an_address_in_use_is_told),
	};
	return cmocka_run_group_tests(tests, house_setup_started, house_teardown);
}
