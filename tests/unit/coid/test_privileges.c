#include "coid/privileges.h"

#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

/* A folder in which the tests make server.root. */
static char folder[] = "/tmp/coid-privileges-XXXXXX";
static char root[64];

static int setup(void **state)
{
	(void)state;
	strcpy(folder + strlen(folder) - 6, "XXXXXX");
	if (!mkdtemp(folder) || chmod(folder, 0755) != 0)
		return -1;
	snprintf(root, sizeof(root), "%s/root", folder);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	unlink(root);
	rmdir(root);
	return rmdir(folder);
}

/* The rights of a process after privileges_drop. */
struct outcome {
	enum rc rc;
	char errors[512];
	uid_t uid, euid;
	gid_t gid;
	int groups; /* supplementary ones */
	int no_new_privs;
	int dumpable;
	rlim_t core;
};

static void outcome_fill(struct outcome *outcome, const char *user, bool dumps, const char *where)
{
	char texts[3][128];
	const char *const overrides[] = { texts[0], texts[1], texts[2] };
	struct rlimit core = { RLIM_INFINITY, RLIM_INFINITY };
	struct conf *conf = NULL;
	struct buf errors;
	struct log *log = log_new(open("/dev/null", O_WRONLY), LOG_LEVEL_ERROR);

	snprintf(texts[0], sizeof(texts[0]), "server.user=%s", user);
	snprintf(texts[1], sizeof(texts[1]), "server.root=%s", where);
	snprintf(texts[2], sizeof(texts[2]), "server.core_dumps=%s", dumps ? "yes" : "no");
	buf_init(&errors, CONF_ERRORS_MAX);
	if (conf_load(NULL, overrides, 3, &errors, &conf) != RC_OK)
		_exit(2);
	setrlimit(RLIMIT_CORE, &core);
	outcome->rc = privileges_drop(conf, log, &errors);
	snprintf(outcome->errors, sizeof(outcome->errors), "%.*s", STRV_ARG(buf_strv(&errors)));
	outcome->uid = getuid();
	outcome->euid = geteuid();
	outcome->gid = getgid();
	outcome->groups = getgroups(0, NULL);
	outcome->no_new_privs = prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0);
	outcome->dumpable = prctl(PR_GET_DUMPABLE, 0, 0, 0, 0);
	getrlimit(RLIMIT_CORE, &core);
	outcome->core = core.rlim_cur;
}

/*
 * Runs in a process of its own, which first becomes `uid` if that is not 0, since rights that are given up do
 * not come back.
 */
static struct outcome drop(uid_t uid, const char *user, bool dumps, const char *where)
{
	struct outcome outcome;
	int fds[2], status = 0;

	memset(&outcome, 0, sizeof(outcome));
	assert_int_equal(pipe(fds), 0);
	pid_t pid = fork();
	if (pid == 0) {
		if (uid != 0 && (setgroups(0, NULL) != 0 || setgid(uid) != 0 || setuid(uid) != 0))
			_exit(3);
		outcome_fill(&outcome, user, dumps, where);
		_exit(write(fds[1], &outcome, sizeof(outcome)) == (ssize_t)sizeof(outcome) ? 0 : 4);
	}
	close(fds[1]);
	assert_int_equal(read(fds[0], &outcome, sizeof(outcome)), sizeof(outcome));
	close(fds[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	return outcome;
}

static void assert_refused(const struct outcome *outcome, enum rc rc, const char *text)
{
	assert_int_equal(outcome->rc, rc);
	if (!strstr(outcome->errors, text))
		fail_msg("no '%s' in '%s'", text, outcome->errors);
	/* The server ends: nothing was given up half. */
	assert_int_equal(outcome->no_new_privs, 0);
}

static bool is_root(void)
{
	return geteuid() == 0;
}

static const struct passwd *somebody(void)
{
	const struct passwd *user = getpwnam("nobody");
	assert_non_null(user);
	return user;
}

static int groups_of(const struct passwd *user)
{
	gid_t groups[64];
	int count = 64;
	assert_true(getgrouplist(user->pw_name, user->pw_gid, groups, &count) > 0);
	return count;
}

static uid_t other_uid(void)
{
	return is_root() ? somebody()->pw_uid : 0;
}

static const char *own_name(char name[64])
{
	uid_t uid = is_root() ? somebody()->pw_uid : geteuid();
	const struct passwd *user = getpwuid(uid);
	snprintf(name, 64, "%s", user ? user->pw_name : "");
	return name;
}

/* Any user may do this: root does it as nobody. */
static void another_user_than_root_stays_who_it_is(void **state)
{
	char name[64];
	struct stat st;

	(void)state;
	assert_int_equal(chmod(folder, 0777), 0);
	const char *const names[] = { "", own_name(name) };
	for (size_t i = 0; i < 2; i++) {
		struct outcome outcome = drop(other_uid(), names[i], false, root);
		assert_int_equal(outcome.rc, RC_OK);
		assert_string_equal(outcome.errors, "");
		assert_int_equal(outcome.no_new_privs, 1);
		assert_int_equal(outcome.dumpable, 0);
		assert_int_equal(outcome.core, 0);
		assert_int_equal(stat(root, &st), 0);
		assert_int_equal(st.st_mode & 07777, 0700);
	}
}

static void core_dumps_may_be_allowed(void **state)
{
	(void)state;
	assert_int_equal(chmod(folder, 0777), 0);
	struct outcome outcome = drop(other_uid(), "", true, root);
	assert_int_equal(outcome.rc, RC_OK);
	assert_int_equal(outcome.dumpable, 1);
	assert_int_not_equal(outcome.core, 0);
	assert_int_equal(outcome.no_new_privs, 1);
}

static void another_user_than_root_can_become_nobody_else(void **state)
{
	(void)state;
	assert_int_equal(chmod(folder, 0777), 0);
	struct outcome outcome = drop(other_uid(), "root", false, root);
	assert_refused(&outcome, RC_PERM, "server.user: only root can become root");
	outcome = drop(other_uid(), "no-such-user", false, root);
	assert_refused(&outcome, RC_NOT_FOUND, "server.user: there is no user no-such-user");
	assert_int_equal(access(root, F_OK), -1);
}

static void a_root_folder_that_cannot_be_is_refused(void **state)
{
	char below[80];

	(void)state;
	assert_int_equal(chmod(folder, 0777), 0);
	snprintf(below, sizeof(below), "%s/a/b", folder);
	struct outcome outcome = drop(other_uid(), "", false, below);
	assert_refused(&outcome, RC_IO, "No such file or directory");
	int fd = open(root, O_WRONLY | O_CREAT, 0644);
	assert_true(fd >= 0);
	close(fd);
	outcome = drop(other_uid(), "", false, root);
	assert_refused(&outcome, RC_INVALID, "not a folder");
}

static void root_must_name_a_user(void **state)
{
	(void)state;
	if (!is_root())
		return;
	struct outcome outcome = drop(0, "", false, root);
	assert_refused(&outcome, RC_INVALID, "server.user: started as root: name the user to become");
	outcome = drop(0, "no-such-user", false, root);
	assert_refused(&outcome, RC_NOT_FOUND, "there is no user no-such-user");
	assert_int_equal(access(root, F_OK), -1);
}

static void root_becomes_the_user_for_good_and_gives_it_the_folder(void **state)
{
	struct stat st;

	(void)state;
	if (!is_root())
		return;
	struct outcome outcome = drop(0, "nobody", false, root);
	assert_int_equal(outcome.rc, RC_OK);
	assert_int_equal(outcome.uid, somebody()->pw_uid);
	assert_int_equal(outcome.euid, somebody()->pw_uid);
	assert_int_equal(outcome.gid, somebody()->pw_gid);
	/* None of root's: only those of the user. */
	assert_in_range(outcome.groups, 0, groups_of(somebody()));
	assert_int_equal(outcome.no_new_privs, 1);
	assert_int_equal(outcome.dumpable, 0);
	assert_int_equal(stat(root, &st), 0);
	assert_int_equal(st.st_uid, somebody()->pw_uid);
	/* One that is there already changes its owner, too. */
	assert_int_equal(chown(root, 0, 0), 0);
	assert_int_equal(drop(0, "nobody", false, root).rc, RC_OK);
	assert_int_equal(stat(root, &st), 0);
	assert_int_equal(st.st_uid, somebody()->pw_uid);
	outcome = drop(0, "nobody", false, "/proc/version");
	assert_refused(&outcome, RC_INVALID, "not a folder");
}

static void root_may_stay_root_by_name(void **state)
{
	(void)state;
	if (!is_root())
		return;
	struct outcome outcome = drop(0, "root", false, root);
	assert_int_equal(outcome.rc, RC_OK);
	assert_int_equal(outcome.euid, 0);
	assert_int_equal(outcome.no_new_privs, 1);
}

static void the_limit_on_descriptors_is_raised_to_the_hard_one(void **state)
{
	struct rlimit before, limit;

	(void)state;
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	limit = before;
	limit.rlim_cur = 64;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
	privileges_raise_descriptors();
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
	assert_int_equal(limit.rlim_cur, before.rlim_max);
	setrlimit(RLIMIT_NOFILE, &before);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		TEST(another_user_than_root_stays_who_it_is),
		TEST(core_dumps_may_be_allowed),
		TEST(another_user_than_root_can_become_nobody_else),
		TEST(a_root_folder_that_cannot_be_is_refused),
		TEST(root_must_name_a_user),
		TEST(root_becomes_the_user_for_good_and_gives_it_the_folder),
		TEST(root_may_stay_root_by_name),
		cmocka_unit_test(the_limit_on_descriptors_is_raised_to_the_hard_one),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
