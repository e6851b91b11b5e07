/* A ledger that was cut short or has an octet changed claims what one of its two records says, or nothing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "support/store_rig.h"

#include "store/store_priv.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define ACCOUNT 5
#define OTHER 261 /* never opened, only its ledger is read */
#define RECORD 64
#define SECOND 512 /* where the second record begins */
#define SIZE (SECOND + RECORD)

static struct rig rig;
static char root[512];
static struct account *other;
static unsigned char whole[SIZE];

static void ledger_put(const unsigned char *p, size_t n)
{
	char path[700];
	snprintf(path, sizeof(path), "%s/account.ledger", other->path);
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, p, n), (ssize_t)n);
	close(fd);
}

/* Its number; 0: it claims nothing. */
static uint64_t claimed(const unsigned char *p, size_t n)
{
	ledger_put(p, n);
	assert_int_equal(ledger_open(other), RC_OK);
	uint64_t number = other->ledger.valid ? other->ledger.number : 0;
	assert_int_equal(ledger_claims(other), number > 0);
	ledger_close(other);
	return number;
}

static uint64_t number_at(size_t record)
{
	uint64_t number = 0;
	for (unsigned i = 0; i < 8; i++)
		number |= (uint64_t)whole[record + 8 + i] << (8 * i);
	return number;
}

static int setup(void **state)
{
	char path[700];
	struct buf message;
	(void)state;
	rig_folder_make(root);
	rig_init(&rig, root, NULL);
	assert_int_equal(rig_open(&rig), RC_OK);
	buf_init(&message, 4096);
	/* A record each. */
	for (unsigned i = 0; i < 4; i++) {
		buf_reset(&message);
		rig_message(&message, i, 300);
		assert_int_equal(
			rig_append(&rig, ACCOUNT, "INBOX", buf_strv(&message), STRV(""), NULL), RC_OK);
	}
	buf_fini(&message);
	snprintf(path, sizeof(path), "%s/users/05/%d/account.ledger", root, ACCOUNT);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(read(fd, whole, SIZE), SIZE);
	close(fd);
	other = account_get(rig.store, OTHER);
	assert_int_equal(mkdir(other->path, 0700), 0);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	account_unref(&other);
	rig_close(&rig);
	rig_folder_remove(root);
	return 0;
}

static void the_newer_of_two_records_counts(void **state)
{
	uint64_t first = number_at(0), second = number_at(SECOND);
	(void)state;
	assert_true(first > 0 && second > 0 && (first > second ? first - second : second - first) == 1);
	assert_int_equal(claimed(whole, SIZE), first > second ? first : second);
}

static void one_that_was_cut_claims_what_is_whole(void **state)
{
	uint64_t first = number_at(0), second = number_at(SECOND);
	(void)state;
	for (size_t n = 0; n < SIZE; n++)
		assert_int_equal(claimed(whole, n), n < RECORD ? 0 : first);
	assert_int_equal(claimed(whole, SIZE), first > second ? first : second);
}

static void a_changed_octet_takes_its_record_away(void **state)
{
	uint64_t first = number_at(0), second = number_at(SECOND);
	(void)state;
	for (size_t at = 0; at < SIZE; at++) {
		const unsigned char values[] = { 0x00, 0xff, (unsigned char)(whole[at] ^ 0x10) };
		for (size_t i = 0; i < sizeof(values); i++) {
			unsigned char turned[SIZE];
			uint64_t expected = first > second ? first : second;
			memcpy(turned, whole, SIZE);
			turned[at] = values[i];
			if (turned[at] != whole[at] && at < RECORD)
				expected = second;
			if (turned[at] != whole[at] && at >= SECOND)
				expected = first;
			assert_int_equal(claimed(turned, SIZE), expected);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_newer_of_two_records_counts),
		cmocka_unit_test(one_that_was_cut_claims_what_is_whole),
		cmocka_unit_test(a_changed_octet_takes_its_record_away),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
