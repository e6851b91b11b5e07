#include "coidctl/coidctl.h"

#include "admin/protocol.h"
#include "conf/conf.h"
#include "printed.h"
#include "store/message.h"
#include "support/store_rig.h"

/* A store with the account of alice, stopped, and a configuration that names it. */
struct place {
	char root[512];
	char config[64];
	const char *given; /* by -c */
	struct printed printed;
};

static struct place *the_place;

static void rig_start(struct place *place, struct rig *rig)
{
	rig_init(rig, place->root, NULL);
	assert_int_equal(rig_open(rig), RC_OK);
}

static int setup(void **state)
{
	struct place *place = calloc(1, sizeof(*place));
	struct rig rig;
	char text[1024];

	rig_folder_make(place->root);
	rig_start(place, &rig);
	assert_int_equal(rig_user_add(&rig, "alice@example.org"), RC_OK);
	rig_close(&rig);
	snprintf(place->config, sizeof(place->config), "/tmp/coid-offline-XXXXXX");
	int fd = mkstemp(place->config);
	assert_true(fd >= 0);
	snprintf(text, sizeof(text), "server { root = %s }\n", place->root);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
	the_place = place;
	*state = place;
	return 0;
}

static int teardown(void **state)
{
	struct place *place = *state;
	unlink(place->config);
	rig_folder_remove(place->root);
	free(place);
	return 0;
}

static int check_with_config(int argc, char **argv)
{
	return offline_server_check(argc, argv, the_place->given);
}

static void check(struct place *place, const char *given, const char *const *words)
{
	place->given = given;
	printed_by(&place->printed, check_with_config, words);
}

static void assert_well(const struct place *place)
{
	assert_string_equal(place->printed.err, "");
	assert_string_equal(place->printed.out, "users: 1\nfolders: 1\nproblems: 0\n");
	assert_int_equal(place->printed.status, PROTOCOL_OK);
}

static void assert_failed_with(const struct place *place, int status, const char *err)
{
	assert_int_equal(place->printed.status, status);
	assert_string_equal(place->printed.out, "");
	if (!strstr(place->printed.err, err))
		fail_msg("no '%s' in '%s'", err, place->printed.err);
}

static void only_check_with_server_works_without_the_daemon(void **state)
{
	char check_word[] = "check", server[] = "--server", other[] = "alice@example.org";
	char *server_check[] = { check_word, other, server };
	char *other_verb[] = { other, server };

	(void)state;
	assert_true(offline_is_server_check(3, server_check));
	assert_false(offline_is_server_check(2, server_check));
	assert_false(offline_is_server_check(2, other_verb));
	assert_false(offline_is_server_check(0, other_verb));
}

static void each_of_three_options_names_the_store(void **state)
{
	struct place *place = *state;
	check(place, NULL, WORDS("check", "--server", "--root", place->root));
	assert_well(place);
	check(place, NULL, WORDS("check", "--server", "--config", place->config));
	assert_well(place);
	check(place, place->config, WORDS("check", "--server"));
	assert_well(place);
}

static void the_options_of_the_verb_go_before_that_of_the_program(void **state)
{
	struct place *place = *state;
	check(place, "/nowhere/coid.conf", WORDS("check", "--server", "--root", place->root));
	assert_well(place);
	check(place, "/nowhere/coid.conf", WORDS("check", "--server", "--config", place->config));
	assert_well(place);
	check(place, place->config, WORDS("check", "--server", "--config", "/nowhere/coid.conf"));
	assert_failed_with(place, PROTOCOL_FAILED, "/nowhere/coid.conf");
}

static void options_that_are_unknown_or_lack_their_value_tell_the_usage(void **state)
{
	struct place *place = *state;
	const char *const *const wrong[] = {
		WORDS("check", "--server", "--root"),
		WORDS("check", "--server", "--config"),
		WORDS("check", "--server", "--frob"),
		WORDS("check", "--server", "alice@example.org"),
	};
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		check(place, NULL, wrong[i]);
		assert_failed_with(place, PROTOCOL_USAGE, "usage: coidctl check --server [--repair] ");
	}
}

static void a_folder_that_is_not_there_is_named(void **state)
{
	check(*state, NULL, WORDS("check", "--server", "--root", "/nowhere/coid"));
	assert_failed_with(*state, PROTOCOL_FAILED, "coidctl: /nowhere/coid: No such file or directory\n");
}

static void a_running_server_is_to_be_stopped_first(void **state)
{
	struct place *place = *state;
	struct rig rig;
	rig_start(place, &rig);
	check(place, NULL, WORDS("check", "--server", "--root", place->root));
	rig_close(&rig);
	assert_failed_with(place, PROTOCOL_FAILED, ": the server is running: stop it first\n");
}

static void a_problem_fails_until_it_is_repaired(void **state)
{
	struct place *place = *state;
	char path[600];
	snprintf(path, sizeof(path), "%s/server.db", place->root);
	assert_int_equal(unlink(path), 0);
	check(place, NULL, WORDS("check", "--server", "--root", place->root));
	assert_int_equal(place->printed.status, PROTOCOL_FAILED);
	assert_null(strstr(place->printed.out, "problems: 0\n"));
	assert_null(strstr(place->printed.out, "left: "));
	check(place, NULL, WORDS("check", "--server", "--repair", "--root", place->root));
	assert_int_equal(place->printed.status, PROTOCOL_OK);
	assert_non_null(strstr(place->printed.out, "\nleft: 0\n"));
	check(place, NULL, WORDS("check", "--server", "--root", place->root));
	assert_non_null(strstr(place->printed.out, "\nproblems: 0\n"));
	assert_int_equal(place->printed.status, PROTOCOL_OK);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_check_with_server_works_without_the_daemon),
		TEST(each_of_three_options_names_the_store),
		TEST(the_options_of_the_verb_go_before_that_of_the_program),
		TEST(options_that_are_unknown_or_lack_their_value_tell_the_usage),
		TEST(a_folder_that_is_not_there_is_named),
		TEST(a_running_server_is_to_be_stopped_first),
		TEST(a_problem_fails_until_it_is_repaired),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
