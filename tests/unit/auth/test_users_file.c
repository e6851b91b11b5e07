#include "auth/users_file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <cmocka.h>

static void write_file(char *path, const char *text)
{
	int fd = mkstemp(path);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	close(fd);
}

static void lines_of_the_file_are_users(void **state)
{
	char path[] = "/tmp/coid-users-XXXXXX";
	struct users_file *file = NULL;
	struct strv password;
	struct buf errors;

	(void)state;
	write_file(path, "# "
			 "comment\n\nAlice@Example.org:{SHA512-CRYPT}$6$a$b\r\nbob@example.org:$y$j9T$x$y:"
			 "1000:ignored");
	buf_init(&errors, 4096);
	assert_int_equal(users_file_read(path, &errors, &file), RC_OK);
	assert_int_equal(users_file_find(file, STRV("alice@example.org"), &password), RC_OK);
	assert_true(strv_eq(password, STRV("{SHA512-CRYPT}$6$a$b")));
	assert_int_equal(users_file_find(file, STRV("bob@example.org"), &password), RC_OK);
	assert_true(strv_eq(password, STRV("$y$j9T$x$y")));
	assert_int_equal(users_file_find(file, STRV("carol@example.org"), &password), RC_NOT_FOUND);
	assert_int_equal(users_file_find(NULL, STRV("bob@example.org"), &password), RC_NOT_FOUND);
	users_file_free(&file);
	buf_fini(&errors);
	unlink(path);
}

static void every_bad_line_is_told_with_its_number(void **state)
{
	char path[] = "/tmp/coid-users-XXXXXX";
	struct users_file *file = NULL;
	struct buf errors;

	(void)state;
	write_file(path, "no colon\na@b:{X}y\nnobody:{X}y\nc@d:plain\na@b:{X}y\n");
	buf_init(&errors, 4096);
	assert_int_equal(users_file_read(path, &errors, &file), RC_INVALID);
	assert_null(file);
	buf_addc(&errors, '\0');
	assert_non_null(strstr(errors.p, ":1: no colon"));
	assert_null(strstr(errors.p, ":2:"));
	assert_non_null(strstr(errors.p, ":3: the user name"));
	assert_non_null(strstr(errors.p, ":4: the password"));
	assert_non_null(strstr(errors.p, ":5: the user stands here twice"));
	buf_fini(&errors);
	unlink(path);
}

static void a_missing_file_is_an_error(void **state)
{
	struct users_file *file = NULL;
	struct buf errors;

	(void)state;
	buf_init(&errors, 4096);
	assert_int_equal(users_file_read("/nonexistent/users", &errors, &file), RC_IO);
	assert_int_equal(users_file_read("/tmp", &errors, &file), RC_LIMIT);
	assert_true(errors.len > 0);
	buf_fini(&errors);
}

static void note_change(void *ctx, struct strv name, bool gone)
{
	struct buf *out = ctx;
	buf_addv(out, name);
	buf_adds(out, gone ? " gone\n" : " changed\n");
}

static struct users_file *read_text(const char *text)
{
	char path[] = "/tmp/coid-users-XXXXXX";
	struct users_file *file = NULL;
	struct buf errors;

	write_file(path, text);
	buf_init(&errors, 4096);
	assert_int_equal(users_file_read(path, &errors, &file), RC_OK);
	buf_fini(&errors);
	unlink(path);
	return file;
}

static void two_files_are_compared_by_names_and_passwords(void **state)
{
	struct users_file *old = read_text("a@x.org:{CRYPT}$6$1$1\nb@x.org:{CRYPT}$6$2$2\nc@x.org:$6$3$3\n");
	struct users_file *new = read_text("a@x.org:{CRYPT}$6$1$1:more\nc@x.org:$6$9$9\nd@x.org:$6$4$4\n");
	struct buf out;

	(void)state;
	buf_init(&out, 4096);
	users_file_compare(old, new, note_change, &out);
	assert_true(strv_eq(buf_strv(&out), STRV("b@x.org gone\nc@x.org changed\n")));
	buf_fini(&out);
	buf_init(&out, 4096);
	users_file_compare(NULL, new, note_change, &out);
	assert_int_equal(out.len, 0);
	users_file_compare(new, NULL, note_change, &out);
	assert_true(strv_eq(buf_strv(&out), STRV("a@x.org gone\nc@x.org gone\nd@x.org gone\n")));
	buf_fini(&out);
	users_file_free(&old);
	users_file_free(&new);
}

/* A file of so many octets, nearly all of them a hole. */
static enum rc read_sized(off_t size)
{
	char path[] = "/tmp/coid-users-XXXXXX";
	struct users_file *file = NULL;
	struct buf errors;

	write_file(path, "alice@example.org:$y$j9T$x$y\n#");
	assert_int_equal(truncate(path, size), 0);
	buf_init(&errors, 4096);
	enum rc rc = users_file_read(path, &errors, &file);
	users_file_free(&file);
	buf_fini(&errors);
	unlink(path);
	return rc;
}

static void a_file_has_a_largest_size(void **state)
{
	(void)state;
	assert_int_equal(read_sized((off_t)USERS_FILE_MAX - 1), RC_OK);
	assert_int_equal(read_sized((off_t)USERS_FILE_MAX), RC_OK);
	assert_int_equal(read_sized((off_t)USERS_FILE_MAX + 1), RC_LIMIT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_of_the_file_are_users),
		cmocka_unit_test(every_bad_line_is_told_with_its_number),
		cmocka_unit_test(a_missing_file_is_an_error),
		cmocka_unit_test(two_files_are_compared_by_names_and_passwords),
		cmocka_unit_test(a_file_has_a_largest_size),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
