#include "coid/logfile.h"

#include "base/mem.h"
#include "coid/server_priv.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

/* A server that has nothing but a log, and a folder for its files. */
struct files {
	struct server *server;
	char folder[32];
	char first[64], second[64];
};

static struct conf *conf_with(const char *log_file)
{
	char text[128];
	const char *const overrides[] = { text };
	struct conf *conf = NULL;
	struct buf errors;

	snprintf(text, sizeof(text), "server.log_file=%s", log_file);
	buf_init(&errors, CONF_ERRORS_MAX);
	assert_int_equal(conf_load(NULL, overrides, 1, &errors, &conf), RC_OK);
	buf_fini(&errors);
	return conf;
}

static int setup(void **state)
{
	struct files *files = mem_zalloc(sizeof(*files));

	strcpy(files->folder, "/tmp/coid-logfile-XXXXXX");
	assert_non_null(mkdtemp(files->folder));
	snprintf(files->first, sizeof(files->first), "%s/first", files->folder);
	snprintf(files->second, sizeof(files->second), "%s/second", files->folder);
	files->server = mem_zalloc(sizeof(*files->server));
	files->server->log_fd = -1;
	*state = files;
	return 0;
}

static int teardown(void **state)
{
	struct files *files = *state;
	struct server *server = files->server;

	log_free(&server->log);
	if (server->log_fd >= 0)
		close(server->log_fd);
	conf_free(&server->conf);
	free(server);
	unlink(files->first);
	unlink(files->second);
	rmdir(files->folder);
	free(files);
	return 0;
}

/* The file's content holds each of these lines in order, and nothing else. */
static void assert_logged(const char *path, const char *const *lines)
{
	char text[4096] = "";
	char *at = text;
	int fd = open(path, O_RDONLY);

	assert_true(fd >= 0);
	assert_true(read(fd, text, sizeof(text) - 1) >= 0);
	close(fd);
	for (; *lines; lines++) {
		char *end = strchr(at, '\n');
		assert_non_null(end);
		*end = '\0';
		if (!strstr(at, *lines))
			fail_msg("no '%s' in '%s'", *lines, at);
		at = end + 1;
	}
	assert_string_equal(at, "");
}

#define LINES(...) ((const char *const[]){ __VA_ARGS__, NULL })

static void open_first(struct files *files)
{
	struct buf errors;

	buf_init(&errors, CONF_ERRORS_MAX);
	files->server->conf = conf_with(files->first);
	assert_int_equal(logfile_open(files->server, &errors), RC_OK);
	assert_int_equal(errors.len, 0);
	buf_fini(&errors);
}

static void assert_errors(const struct buf *errors, const char *text)
{
	assert_non_null(memmem(errors->p ? errors->p : "", errors->len, text, strlen(text)));
}

static void a_file_is_made_and_appended_to(void **state)
{
	struct files *files = *state;
	struct stat st;

	open_first(files);
	log_info(files->server->log, "one");
	assert_logged(files->first, LINES("one"));
	assert_int_equal(stat(files->first, &st), 0);
	assert_int_equal(st.st_mode & 0137, 0);
	assert_int_equal(fcntl(files->server->log_fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
	log_free(&files->server->log);
	close(files->server->log_fd);
	conf_free(&files->server->conf);
	open_first(files);
	log_info(files->server->log, "two");
	assert_logged(files->first, LINES("one", "two"));
}

static void without_a_file_it_is_standard_error(void **state)
{
	struct files *files = *state;
	struct stat log, err;
	struct buf errors;

	buf_init(&errors, CONF_ERRORS_MAX);
	files->server->conf = conf_with("");
	assert_int_equal(logfile_open(files->server, &errors), RC_OK);
	assert_int_equal(fstat(files->server->log_fd, &log), 0);
	assert_int_equal(fstat(STDERR_FILENO, &err), 0);
	assert_int_equal(log.st_ino, err.st_ino);
	assert_true(files->server->log_fd > STDERR_FILENO);
	assert_int_equal(logfile_reopen(files->server, files->server->conf, &errors), RC_OK);
	buf_fini(&errors);
}

static void a_reload_opens_the_file_again_on_the_same_descriptor(void **state)
{
	struct files *files = *state;
	struct buf errors;

	buf_init(&errors, CONF_ERRORS_MAX);
	open_first(files);
	int fd = files->server->log_fd;
	log_info(files->server->log, "before");
	/* logrotate renames the file like this. */
	assert_int_equal(rename(files->first, files->second), 0);
	log_info(files->server->log, "still there");
	assert_int_equal(logfile_reopen(files->server, files->server->conf, &errors), RC_OK);
	log_info(files->server->log, "after");
	assert_int_equal(files->server->log_fd, fd);
	assert_int_equal(fcntl(fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
	assert_logged(files->second, LINES("before", "still there"));
	assert_logged(files->first, LINES("after"));
	buf_fini(&errors);
}

static void a_reload_may_name_another_file(void **state)
{
	struct files *files = *state;
	struct conf *other = conf_with(files->second);
	struct buf errors;

	buf_init(&errors, CONF_ERRORS_MAX);
	open_first(files);
	log_info(files->server->log, "one");
	assert_int_equal(logfile_reopen(files->server, other, &errors), RC_OK);
	log_info(files->server->log, "two");
	assert_logged(files->first, LINES("one"));
	assert_logged(files->second, LINES("two"));
	buf_fini(&errors);
	conf_free(&other);
}

static void another_file_that_cannot_be_opened_changes_nothing(void **state)
{
	struct files *files = *state;
	struct conf *other = conf_with("/nowhere/at/all");
	struct buf errors;

	buf_init(&errors, CONF_ERRORS_MAX);
	open_first(files);
	assert_int_equal(logfile_reopen(files->server, other, &errors), RC_IO);
	assert_errors(&errors, "server.log_file: /nowhere/at/all: No such file or directory\n");
	log_info(files->server->log, "one");
	assert_logged(files->first, LINES("one"));
	buf_fini(&errors);
	conf_free(&other);
}

static void the_same_file_that_cannot_be_opened_goes_on(void **state)
{
	struct files *files = *state;
	struct buf errors;

	buf_init(&errors, CONF_ERRORS_MAX);
	open_first(files);
	assert_int_equal(rename(files->first, files->second), 0);
	assert_int_equal(mkdir(files->first, 0700), 0);
	assert_int_equal(logfile_reopen(files->server, files->server->conf, &errors), RC_OK);
	assert_int_equal(errors.len, 0);
	log_info(files->server->log, "goes on");
	assert_logged(files->second, LINES("can't open the log file again", "goes on"));
	rmdir(files->first);
	buf_fini(&errors);
}

static void a_file_is_tried_before_the_start(void **state)
{
	struct files *files = *state;
	const char *const good[] = { "", files->first, "/dev/null", "/made-in-the-root-folder" };
	struct buf errors;

	buf_init(&errors, CONF_ERRORS_MAX);
	for (size_t i = 0; i < (geteuid() == 0 ? 4u : 3u); i++) {
		struct conf *conf = conf_with(good[i]);
		assert_int_equal(logfile_check(conf, &errors), RC_OK);
		assert_int_equal(errors.len, 0);
		conf_free(&conf);
	}
	/* A try makes no file. */
	assert_int_equal(access(files->first, F_OK), -1);
	assert_int_equal(access("/made-in-the-root-folder", F_OK), -1);
	struct conf *conf = conf_with("/nowhere/at/all");
	assert_int_equal(logfile_check(conf, &errors), RC_IO);
	assert_errors(&errors, "server.log_file: /nowhere/at/all: No such file or directory\n");
	conf_free(&conf);
	buf_reset(&errors);
	conf = conf_with("/dev/null/below");
	assert_int_equal(logfile_check(conf, &errors), RC_IO);
	assert_errors(&errors, "server.log_file: /dev/null/below: Not a directory\n");
	conf_free(&conf);
	conf = files->server->conf = conf_with("/nowhere/at/all");
	buf_reset(&errors);
	assert_int_equal(logfile_open(files->server, &errors), RC_IO);
	assert_errors(&errors, "server.log_file: /nowhere/at/all: No such file or directory\n");
	buf_fini(&errors);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		TEST(a_file_is_made_and_appended_to),
		TEST(without_a_file_it_is_standard_error),
		TEST(a_reload_opens_the_file_again_on_the_same_descriptor),
		TEST(a_reload_may_name_another_file),
		TEST(another_file_that_cannot_be_opened_changes_nothing),
		TEST(the_same_file_that_cannot_be_opened_goes_on),
		TEST(a_file_is_tried_before_the_start),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
