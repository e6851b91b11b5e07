#include "coidctl/coidctl.h"

#include "conf/conf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

/*
 * The place that a configuration of this text names; what is wrong with it must hold `problem`, or there
 * must be nothing.
 */
static void assert_place(const char *text, size_t room, const char *expected, const char *problem)
{
	char path[] = "/tmp/coid-place-XXXXXX", place[1024];
	struct buf errors;
	int fd = mkstemp(path);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
	buf_init(&errors, CONF_ERRORS_MAX);
	place_control(path, place, room, &errors);
	assert_string_equal(place, expected);
	if (problem)
		assert_non_null(memmem(errors.p, errors.len, problem, strlen(problem)));
	else
		assert_int_equal(errors.len, 0);
	buf_fini(&errors);
	unlink(path);
}

static void the_configuration_names_the_socket(void **state)
{
	(void)state;
	assert_place("control { socket = /somewhere/control }\n", 1024, "/somewhere/control", NULL);
	assert_place("", 1024, DEFAULT_SOCKET, NULL);
}

static void a_configuration_that_cannot_be_used_leaves_the_default(void **state)
{
	char place[1024];
	struct buf errors;

	(void)state;
	assert_place("control { socket = relative }\n", 1024, DEFAULT_SOCKET, "control.socket");
	assert_place("control { frob = 1 }\n", 1024, DEFAULT_SOCKET, "frob");
	buf_init(&errors, CONF_ERRORS_MAX);
	place_control("/nowhere/coid.conf", place, sizeof(place), &errors);
	assert_string_equal(place, DEFAULT_SOCKET);
	assert_non_null(memmem(errors.p, errors.len, "/nowhere/coid.conf", 18));
	buf_fini(&errors);
}

static void a_path_is_cut_to_the_room(void **state)
{
	(void)state;
	assert_place("control { socket = /somewhere/control }\n", 19, "/somewhere/control", NULL);
	assert_place("control { socket = /somewhere/control }\n", 18, "/somewhere/contro", NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_configuration_names_the_socket),
		cmocka_unit_test(a_configuration_that_cannot_be_used_leaves_the_default),
		cmocka_unit_test(a_path_is_cut_to_the_room),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
