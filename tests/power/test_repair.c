/*
 * A repair that is interrupted at each of its writes, renames and syncs: the account has the old database or
 * the new one, and the next repair gives the same result as one that was not interrupted: no message is there
 * twice, none is lost.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "support/power.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ACCOUNT POWER_ACCOUNT
#define REPORT_MAX 65536
static const struct strv none = { NULL, 0 };

/* Makes messages in the database and in files, one with a prefix, a copy, a removed one. Everything is in
 * the database file. */
static void prepare(struct power *power)
{
	power_init(power, NULL);
	power_append(power, "APPEND", "INBOX", 1, 700, none);
	power_append(power, "APPEND", "INBOX", 2, 9000, STRV("Delivered-To: x@example.org\r\n"));
	power_append(power, "APPEND", "INBOX", 3, 20000, none);
	power_append(power, "APPEND", "INBOX", 4, 800, none);
	assert_int_equal(rig_create(&power->rig, ACCOUNT, "Work"), RC_OK);
	assert_int_equal(rig_copy(&power->rig, ACCOUNT, "INBOX", 3, "Work", false), RC_OK);
	assert_int_equal(rig_expunge(&power->rig, ACCOUNT, "INBOX", 4), RC_OK);
	assert_int_equal(rig_flags(&power->rig, ACCOUNT, "INBOX", 1, MSG_SEEN), RC_OK);
	assert_int_equal(rig_checkpoint(&power->rig, ACCOUNT, true), RC_OK);
	rig_close(&power->rig);
}

static void damage_file(struct power *power, const char *name, off_t offset, const void *p, size_t n)
{
	struct io *io = rec_io(power->rec);
	char path[1024];
	snprintf(path, sizeof(path), "%s/users/%02x/%d/%s", power->root, ACCOUNT, ACCOUNT, name);
	int fd = io->open(io->ctx, path, O_RDWR, 0600);
	assert_true(fd >= 0);
	assert_int_equal(io->pwrite(io->ctx, fd, p, n, offset), (ssize_t)n);
	assert_int_equal(io->fdatasync(io->ctx, fd), 0);
	io->close(io->ctx, fd);
}

static void repair(struct rig *rig, struct buf *report)
{
	struct check_result result = { 0 };
	buf_reset(report);
	enum rc rc = rig_check(rig, ACCOUNT, true, report, &result);
	buf_addc(report, '\0');
	if (rc != RC_OK || (result.problems > 0 && result.left > 0))
		fail_msg("repair: %s, %u left: %s", rc_name(rc), result.left, report->p);
}

/* A file that the cut has made anew has another time, which is the date of a message without other data. */
static void blank_numbers(char *text, const char *label)
{
	size_t n = strlen(label);
	for (char *p = strstr(text, label); p; p = strstr(p + n, label))
		for (char *digit = p + n; *digit >= '0' && *digit <= '9'; digit++)
			*digit = '#';
}

static int line_compare(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Files come back in the order of their directory. */
static void sort_lines(char *text)
{
	char *lines[64], *copy = strdup(text), *rest = NULL;
	size_t n = 0;
	assert_non_null(copy);
	for (char *line = strtok_r(copy, "\n", &rest); line && n < 64; line = strtok_r(NULL, "\n", &rest))
		lines[n++] = line;
	qsort(lines, n, sizeof(lines[0]), line_compare);
	for (size_t i = 0; i < n; i++)
		text += sprintf(text, "%s\n", lines[i]);
	free(copy);
}

/* New UIDVALIDITYs come from the server, and differ after another start. */
static void dump_without_dates(struct power *power, bool uids_new)
{
	buf_addc(&power->dump, '\0');
	blank_numbers(power->dump.p, " date ");
	if (!uids_new)
		return;
	blank_numbers(power->dump.p, " uidvalidity ");
	blank_numbers(power->dump.p, "\n  ");
	sort_lines(power->dump.p);
}

/* The state after a cut and the repair that follows. */
static void after_cut(
	struct power *power, size_t point, enum rec_choice choice, bool uids_new, struct buf *report)
{
	struct rig rig;
	uint64_t modseq;
	rec_sector(power->rec, point % 2 ? 4096 : 512);
	rec_cut(power->rec, point, choice, point, SIZE_MAX, power->cut);
	rig_init(&rig, power->cut, NULL);
	rig.settings = power->rig.settings;
	assert_int_equal(rig_open(&rig), RC_OK);
	repair(&rig, report);
	if (rig_dump(&rig, ACCOUNT, &power->dump, &modseq) != RC_OK)
		fail_msg(
			"cut at %zu (%s): the account can't be read", point, rec_describe(power->rec, point));
	dump_without_dates(power, uids_new);
	rig_close(&rig);
	rig_folder_remove(power->cut);
}

/* Repairs, then cuts that repair everywhere. */
static void cut_the_repair(struct power *power, const char *expected)
{
	struct buf report;
	buf_init(&report, REPORT_MAX);
	size_t from = rec_point(power->rec);
	assert_int_equal(rig_open(&power->rig), RC_OK);
	repair(&power->rig, &report);
	uint64_t modseq;
	assert_int_equal(rig_dump(&power->rig, ACCOUNT, &power->dump, &modseq), RC_OK);
	if (expected) {
		buf_addc(&power->dump, '\0');
		assert_string_equal(power->dump.p, expected);
		power->dump.len--;
	}
	dump_without_dates(power, expected == NULL);
	char *whole = strdup(power->dump.p);
	assert_non_null(whole);
	rig_close(&power->rig);
	size_t end = rec_point(power->rec);
	bool thorough = getenv("COID_POWER_THOROUGH") != NULL;
	unsigned states = 0;
	for (size_t point = from; point <= end; point++) {
		for (unsigned i = 0; i < REC_CHOICES; i++) {
			if (!thorough && i != REC_NONE && i != REC_ALL && i != 2 + point % (REC_CHOICES - 2))
				continue;
			after_cut(power, point, (enum rec_choice)i, expected == NULL, &report);
			states++;
			if (strcmp(power->dump.p, whole) != 0)
				fail_msg("cut at %zu (%s), choice %u:\n%s\nnot\n%s\n%s", point,
					rec_describe(power->rec, point), i, power->dump.p, whole, report.p);
		}
	}
	printf("%zu entries, %u states\n", end - from, states);
	free(whole);
	buf_fini(&report);
}

static char *dump_now(struct power *power)
{
	uint64_t modseq;
	assert_int_equal(rig_open(&power->rig), RC_OK);
	assert_int_equal(rig_dump(&power->rig, ACCOUNT, &power->dump, &modseq), RC_OK);
	assert_int_equal(rig_checkpoint(&power->rig, ACCOUNT, true), RC_OK);
	rig_close(&power->rig);
	return strndup(power->dump.p, power->dump.len);
}

static void a_damaged_header(void **state)
{
	struct power power;
	(void)state;
	prepare(&power);
	char *before = dump_now(&power);
	damage_file(&power, "account.db", 61, "\x5a", 1);
	cut_the_repair(&power, before);
	free(before);
	power_fini(&power);
}

static void a_format_that_nobody_can_write(void **state)
{
	struct power power;
	(void)state;
	prepare(&power);
	char *before = dump_now(&power);
	damage_file(&power, "account.db", 18, "\x07", 1);
	cut_the_repair(&power, before);
	free(before);
	power_fini(&power);
}

/* The old database is useless: only messages in files come back. */
static void a_database_of_junk(void **state)
{
	struct power power;
	static char junk[4096];
	(void)state;
	prepare(&power);
	memset(junk, 0xa5, sizeof(junk));
	for (unsigned i = 0; i < 4; i++)
		damage_file(&power, "account.db", 4096 * (off_t)i, junk, sizeof(junk));
	cut_the_repair(&power, NULL);
	power_fini(&power);
}

/* The old WAL would be taken for the new database's. */
static void a_damaged_header_beside_a_wal(void **state)
{
	struct power power;
	(void)state;
	prepare(&power);
	assert_int_equal(rig_open(&power.rig), RC_OK);
	power_append(&power, "APPEND", "INBOX", 5, 900, none);
	char *before = strndup(power.dump.p, power.dump.len);
	rig_close(&power.rig);
	damage_file(&power, "account.db", 56, "\x77", 1);
	cut_the_repair(&power, before);
	free(before);
	power_fini(&power);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_damaged_header),
		cmocka_unit_test(a_format_that_nobody_can_write),
		cmocka_unit_test(a_database_of_junk),
		cmocka_unit_test(a_damaged_header_beside_a_wal),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
