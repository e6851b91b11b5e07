/* An owner file that was cut short or has an octet changed is damaged; it never names somebody else. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "support/store_rig.h"

#include "store/owner.h"
#include "store/textfile.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define ID 7
#define ROOM 1024

static char root[512];
static char folder[600];
static char path[700];
static char whole[ROOM];
static size_t size;
static struct arena *arena;

static const struct user_record record = { .id = ID,
	.name = { "a@example.org", 13 },
	.password = { "$y$hash", 7 },
	.scram = { "SCRAM-SHA-256$x", 15 },
	.enabled = true,
	.quota_storage = UINT64_MAX,
	.quota_messages = 5,
	.created = 1000,
	.identity = { "0123456789abcdef0123456789abcdef", 32 } };

static int setup(void **state)
{
	char users[600];
	(void)state;
	rig_folder_make(root);
	arena = arena_new(0);
	snprintf(users, sizeof(users), "%s/users", root);
	assert_int_equal(mkdir(users, 0700), 0);
	assert_int_equal(owner_folder(folder, sizeof(folder), root, ID), RC_OK);
	assert_int_equal(owner_write(&io_real, NULL, root, &record, OWNER_FILE, false), RC_OK);
	snprintf(path, sizeof(path), "%s/" OWNER_FILE, folder);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = read(fd, whole, ROOM);
	close(fd);
	assert_true(n > 0 && n < ROOM);
	size = (size_t)n;
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	arena_free(&arena);
	rig_folder_remove(root);
	return 0;
}

static enum rc owner_of(const char *p, size_t n, struct user_record *ret_record)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, p, n), (ssize_t)n);
	close(fd);
	arena_reset(arena);
	return owner_read(&io_real, NULL, folder, OWNER_FILE, arena, ret_record);
}

static void what_was_written_is_read(void **state)
{
	struct user_record found;
	(void)state;
	assert_int_equal(owner_of(whole, size, &found), RC_OK);
	assert_int_equal(owner_sum(&found), owner_sum(&record));
	assert_int_equal(owner_tag(&found), owner_tag(&record));
}

static void one_that_was_cut_is_damaged(void **state)
{
	struct user_record found;
	(void)state;
	for (size_t n = 0; n < size; n++)
		assert_int_equal(owner_of(whole, n, &found), RC_CORRUPT);
}

static void one_with_a_changed_octet_is_damaged(void **state)
{
	struct user_record found;
	(void)state;
	for (size_t at = 0; at < size; at++) {
		const char values[] = { 0x00, (char)0xff, (char)(whole[at] ^ 0x10) };
		for (size_t i = 0; i < sizeof(values); i++) {
			char turned[ROOM];
			memcpy(turned, whole, size);
			turned[at] = values[i];
			if (values[i] != whole[at])
				assert_int_equal(owner_of(turned, size, &found), RC_CORRUPT);
		}
	}
}

/* With a checksum that fits: somebody wrote it by hand. */
static enum rc owner_by_hand(const char *p, size_t n, struct user_record *ret_record)
{
	assert_int_equal(textfile_write(&io_real, NULL, path, strv_make(p, n), false), RC_OK);
	arena_reset(arena);
	return owner_read(&io_real, NULL, folder, OWNER_FILE, arena, ret_record);
}

static void one_written_by_hand_is_read_or_refused(void **state)
{
	size_t body = (size_t)(strstr(whole, "\nsum: ") + 1 - whole);
	unsigned refused = 0;
	(void)state;
	for (size_t at = 0; at < body; at++) {
		struct user_record found;
		const char values[] = { 0x00, (char)0xff, (char)(whole[at] ^ 0x10) };
		for (size_t i = 0; i < sizeof(values); i++) {
			char turned[ROOM];
			memcpy(turned, whole, size);
			turned[at] = values[i];
			enum rc rc = owner_by_hand(turned, body, &found);
			assert_true(rc == RC_OK || rc == RC_CORRUPT);
			refused += rc == RC_CORRUPT;
		}
		/* A file that is cut behind the limits holds all that is needed. */
		enum rc rc = owner_by_hand(whole, at, &found);
		size_t limits =
			(size_t)(strstr(whole, "quota-messages: 5") + strlen("quota-messages: 5") - whole);
		assert_int_equal(rc, at >= limits ? RC_OK : RC_CORRUPT);
	}
	assert_true(refused > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_written_is_read),
		cmocka_unit_test(one_that_was_cut_is_damaged),
		cmocka_unit_test(one_with_a_changed_octet_is_damaged),
		cmocka_unit_test(one_written_by_hand_is_read_or_refused),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
