/*
 * Damage at rest: bits of the WAL that change by themselves, a WAL that is cut short, removed or older than
 * the database, and a database that is older than what was acknowledged. Then every acknowledged message is
 * served, or the account says that it is damaged, nothing is swept, and a repair brings back everything that
 * can still be read.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "support/store_rig.h"

#include "base/mem.h"
#include "store/store_priv.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define ACCOUNT 5
#define TOP (8u * 1024 * 1024)
#define FRAME (24 + 4096)
#define HEADER 32
#define MESSAGES 12 /* small and large in turn */
#define LARGE 20000
static const struct strv none = { NULL, 0 };

struct fixture {
	char root[512]; /* the server's folder */
	char killed[600]; /* a copy as a kill leaves it */
	char cut[600]; /* a copy of that, damaged */
	char home[700]; /* the account's folder in it */
	struct rig rig;
	struct buf bytes;
	struct buf dump;
};

static void shell(const char *format, ...) __attribute__((format(printf, 1, 2)));
static void shell(const char *format, ...)
{
	char command[2000];
	va_list args;
	va_start(args, format);
	vsnprintf(command, sizeof(command), format, args);
	va_end(args);
	assert_int_equal(system(command), 0);
}

static void message(struct fixture *f, unsigned number)
{
	buf_reset(&f->bytes);
	rig_message(&f->bytes, number, number % 2 ? 700 : LARGE);
}

static int setup(void **state)
{
	struct fixture *f = mem_zalloc(sizeof(*f));
	rig_folder_make(f->root);
	snprintf(f->killed, sizeof(f->killed), "%s.killed", f->root);
	snprintf(f->cut, sizeof(f->cut), "%s.cut", f->root);
	snprintf(f->home, sizeof(f->home), "%s/users/05/5", f->cut);
	buf_init(&f->bytes, TOP);
	buf_init(&f->dump, TOP);
	rig_init(&f->rig, f->root, NULL);
	assert_int_equal(rig_open(&f->rig), RC_OK);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	if (f->rig.store)
		rig_close(&f->rig);
	rig_folder_remove(f->root);
	rig_folder_remove(f->killed);
	rig_folder_remove(f->cut);
	buf_fini(&f->bytes);
	buf_fini(&f->dump);
	free(f);
	return 0;
}

static void deliver(struct fixture *f, unsigned from, unsigned to)
{
	for (unsigned i = from; i < to; i++) {
		message(f, i);
		assert_int_equal(
			rig_append(&f->rig, ACCOUNT, "INBOX", buf_strv(&f->bytes), none, NULL), RC_OK);
	}
}

/* Copies the folder as kill -9 leaves it. */
static void kill_now(struct fixture *f)
{
	rig_folder_remove(f->killed);
	shell("cp -a %s %s", f->root, f->killed);
}

static void begin_cut(struct fixture *f)
{
	rig_folder_remove(f->cut);
	shell("cp -a %s %s", f->killed, f->cut);
}

static off_t wal_size(struct fixture *f)
{
	char path[800];
	struct stat st;
	snprintf(path, sizeof(path), "%s/account.db-wal", f->home);
	return stat(path, &st) == 0 ? st.st_size : 0;
}

static void flip(struct fixture *f, const char *name, off_t offset)
{
	char path[800];
	unsigned char byte;
	snprintf(path, sizeof(path), "%s/%s", f->home, name);
	int fd = open(path, O_RDWR | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(pread(fd, &byte, 1, offset), 1);
	byte ^= 0x10;
	assert_int_equal(pwrite(fd, &byte, 1, offset), 1);
	close(fd);
}

/* Finds which of the messages are there, in any mailbox, byte for byte. */
static unsigned present(struct fixture *f, struct rig *rig, bool there[MESSAGES], unsigned count)
{
	static const char *const names[] = { "INBOX", "Recovered" };
	struct buf found;
	unsigned n = 0;
	buf_init(&found, TOP);
	memset(there, 0, MESSAGES * sizeof(*there));
	for (unsigned box = 0; box < 2; box++) {
		for (uint32_t uid = 1; uid <= 2 * MESSAGES; uid++) {
			buf_reset(&found);
			if (rig_read(rig, ACCOUNT, names[box], uid, &found) != RC_OK)
				continue;
			for (unsigned i = 0; i < count; i++) {
				message(f, i);
				if (!strv_eq(buf_strv(&found), buf_strv(&f->bytes)))
					continue;
				if (there[i])
					fail_msg("message %u is there twice", i);
				there[i] = true;
				n++;
			}
		}
	}
	buf_fini(&found);
	return n;
}

static unsigned files_in(struct fixture *f)
{
	char command[1600];
	unsigned n = 0;
	snprintf(command, sizeof(command), "find %s/msg %s/lost -type f 2>/dev/null | wc -l", f->home,
		f->home);
	FILE *pipe = popen(command, "r");
	assert_int_equal(fscanf(pipe, "%u", &n), 1);
	pclose(pipe);
	return n;
}

/*
 * `small_lost`: the number of small messages that may be lost for good (those in the damaged part). True: the
 * account said that it is damaged.
 */
static bool verify(struct fixture *f, const char *what, off_t where, unsigned count, unsigned small_lost)
{
	bool there[MESSAGES];
	struct rig rig;
	struct buf report;
	struct check_result result = { 0 };
	rig_init(&rig, f->cut, NULL);
	unsigned files = files_in(f);
	assert_int_equal(rig_open(&rig), RC_OK);
	message(f, MESSAGES + 1);
	uint64_t modseq;
	enum rc rc = rig_dump(&rig, ACCOUNT, &f->dump, &modseq);
	bool damaged = rc == RC_CORRUPT;
	if (!damaged) {
		unsigned n = rc == RC_OK ? present(f, &rig, there, count) : 0;
		if (n != count)
			fail_msg("%s at %ld: %u of %u messages, and no word of damage (%s)", what,
				(long)where, n, count, rc_name(rc));
		rig_close(&rig);
		return false;
	}
	assert_int_equal(rig_append(&rig, ACCOUNT, "INBOX", buf_strv(&f->bytes), none, NULL), RC_CORRUPT);
	if (files_in(f) != files)
		fail_msg("%s at %ld: files of a damaged account are gone", what, (long)where);
	buf_init(&report, TOP);
	rc = rig_check(&rig, ACCOUNT, true, &report, &result);
	if (rc != RC_OK)
		fail_msg("%s at %ld: repair: %s", what, (long)where, rc_name(rc));
	present(f, &rig, there, count);
	unsigned lost = 0;
	for (unsigned i = 0; i < count; i++) {
		if (i % 2 == 0 && !there[i])
			fail_msg("%s at %ld: message %u, a file, has not come back", what, (long)where, i);
		lost += !there[i];
	}
	if (lost > small_lost)
		fail_msg("%s at %ld: %u small messages have not come back", what, (long)where, lost);
	buf_fini(&report);
	rig_close(&rig);
	return true;
}

/*
 * A place in each part of a frame: page number, size, salt, checksum, the page's header, its middle, its end.
 */
static const off_t places[] = { 2, 6, 9, 18, 24, 2000, FRAME - 3 };

static void a_bit_of_the_wal_changes(void **state)
{
	struct fixture *f = *state;
	bool thorough = getenv("COID_POWER_THOROUGH") != NULL;
	unsigned damaged = 0, cases = 0;
	deliver(f, 0, MESSAGES);
	kill_now(f);
	begin_cut(f);
	off_t frames = (wal_size(f) - HEADER) / FRAME;
	assert_true(frames > 30);
	for (off_t frame = -1; frame < frames; frame++) {
		for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
			if (!thorough && frame >= 0 &&
				(size_t)frame % (sizeof(places) / sizeof(places[0])) != i)
				continue;
			off_t where = frame < 0 ? (off_t)(4 * i) : HEADER + frame * FRAME + places[i];
			begin_cut(f);
			flip(f, "account.db-wal", where);
			/* Without its header nothing of a WAL can be used. */
			damaged += verify(f, "bit", where, MESSAGES, frame < 0 ? MESSAGES : 2);
			cases++;
		}
	}
	assert_int_equal(damaged, cases);
}

static void the_wal_is_cut_short(void **state)
{
	struct fixture *f = *state;
	deliver(f, 0, MESSAGES);
	kill_now(f);
	begin_cut(f);
	off_t size = wal_size(f);
	for (off_t end = 0; end < size; end += FRAME) {
		begin_cut(f);
		shell("truncate -s %ld %s/account.db-wal", (long)end, f->home);
		assert_true(verify(f, "cut", end, MESSAGES, MESSAGES));
	}
	begin_cut(f);
	shell("rm %s/account.db-wal", f->home);
	assert_true(verify(f, "removed", 0, MESSAGES, MESSAGES));
	begin_cut(f);
	shell("rm %s/account.db", f->home);
	assert_true(verify(f, "database removed", 0, MESSAGES, MESSAGES));
	begin_cut(f);
	shell("rm %s/account.db %s/account.db-wal", f->home, f->home);
	assert_true(verify(f, "both removed", 0, MESSAGES, MESSAGES));
	/* Without damage none is reported. */
	begin_cut(f);
	assert_false(verify(f, "nothing", 0, MESSAGES, 0));
}

static void files_come_from_an_older_day(void **state)
{
	struct fixture *f = *state;
	char old[700];
	deliver(f, 0, 4);
	assert_int_equal(rig_checkpoint(&f->rig, ACCOUNT, true), RC_OK);
	kill_now(f);
	snprintf(old, sizeof(old), "%s.old", f->root);
	shell("rm -rf %s && cp -a %s/users/05/5 %s", old, f->killed, old);
	deliver(f, 4, MESSAGES);
	kill_now(f);
	begin_cut(f);
	shell("cp %s/account.db %s/account.db-wal %s", old, old, f->home);
	assert_true(verify(f, "older database", 0, MESSAGES, MESSAGES));
	begin_cut(f);
	shell("cp %s/account.db-wal %s", old, f->home);
	assert_true(verify(f, "older WAL", 0, MESSAGES, MESSAGES));
	/* The same must hold if the WAL has been emptied since. */
	assert_int_equal(rig_checkpoint(&f->rig, ACCOUNT, true), RC_OK);
	kill_now(f);
	begin_cut(f);
	shell("cp %s/account.db %s", old, f->home);
	assert_true(verify(f, "older database, empty WAL", 0, MESSAGES, MESSAGES));
	begin_cut(f);
	shell("rm %s/account.db-wal", f->home);
	assert_false(verify(f, "empty WAL removed", 0, MESSAGES, 0));
	/* The whole folder is from the older day, so it is consistent. */
	begin_cut(f);
	shell("rm -r %s && cp -a %s %s", f->home, old, f->home);
	assert_false(verify(f, "older folder", 0, 4, 0));
	shell("rm -rf %s", old);
}

/* An account closed in order has nothing in its WAL. */
static void an_orderly_stop_leaves_an_empty_wal(void **state)
{
	struct fixture *f = *state;
	deliver(f, 0, MESSAGES);
	rig_close(&f->rig);
	kill_now(f);
	begin_cut(f);
	assert_int_equal(wal_size(f), 0);
	shell("dd if=/dev/urandom of=%s/account.db-wal bs=4120 count=9 status=none", f->home);
	assert_false(verify(f, "rubbish in an empty WAL", 0, MESSAGES, 0));
	assert_int_equal(rig_open(&f->rig), RC_OK);
}

static void the_ledger_is_damaged(void **state)
{
	struct fixture *f = *state;
	deliver(f, 0, MESSAGES);
	kill_now(f);
	for (off_t where = 0; where < 64; where += 7) {
		begin_cut(f);
		flip(f, "account.ledger", where);
		flip(f, "account.ledger", 512 + where);
		assert_false(verify(f, "ledger", where, MESSAGES, 0));
		/* One of the two records is enough. */
		begin_cut(f);
		flip(f, "account.ledger", where);
		shell("rm %s/account.db-wal", f->home);
		assert_true(verify(f, "one record and no WAL", where, MESSAGES, MESSAGES));
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_bit_of_the_wal_changes),
		TEST(the_wal_is_cut_short),
		TEST(files_come_from_an_older_day),
		TEST(an_orderly_stop_leaves_an_empty_wal),
		TEST(the_ledger_is_damaged),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
