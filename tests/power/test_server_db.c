/*
 * server.db: power cuts and failing syncs where it is cured after a failed sync. Whatever is left, the next
 * start finds a server.db that is whole, with every user that was acknowledged.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "support/rec_io.h"
#include "support/store_rig.h"

#include "base/clock.h"
#include "store/users.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define USERS 24
#define NAME_ROOM 256
#define TEXT_MAX (256u * 1024)
#define ALLOWED_MAX 4

struct fixture {
	char root[512];
	char cut[600];
	struct rec *rec;
	struct rig rig;
	char *allowed[ALLOWED_MAX]; /* own: states that a cut may leave */
	size_t count;
	struct buf text;
};

static int setup(void **state)
{
	static struct fixture f;
	memset(&f, 0, sizeof(f));
	clock_fake_set(1000, 1700000000);
	rig_folder_make(f.root);
	snprintf(f.cut, sizeof(f.cut), "%s.cut", f.root);
	f.rec = rec_new(f.root);
	buf_init(&f.text, TEXT_MAX);
	rig_init(&f.rig, f.root, rec_io(f.rec));
	*state = &f;
	return rig_open(&f.rig) == RC_OK ? 0 : -1;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	if (f->rig.store)
		rig_close(&f->rig);
	rec_free(&f->rec);
	rig_folder_remove(f->root);
	rig_folder_remove(f->cut);
	for (size_t i = 0; i < f->count; i++)
		free(f->allowed[i]);
	buf_fini(&f->text);
	clock_fake_set(0, 0);
	return 0;
}

/* What the users' strand says, as text. */

struct listing {
	struct users_job job;
	struct buf *out;
	bool done;
};

static bool list_user(void *arg, const struct user_record *user)
{
	buf_printf(arg, "%.*s %.*s\n", STRV_ARG(user->name), STRV_ARG(user->password));
	return true;
}

static enum rc list_run(struct users *users, struct users_job *job)
{
	return users_list(users, STRV_NULL, list_user, CONTAINER_OF(job, struct listing, job)->out);
}

static void list_done(struct users_job *job)
{
	CONTAINER_OF(job, struct listing, job)->done = true;
}

static enum rc list(struct rig *rig, struct buf *out)
{
	struct listing listing = { .job = { .run = list_run, .done = list_done, .home = rig->reactor },
		.out = out };
	buf_reset(out);
	assert_int_equal(users_submit(rig->store, &listing.job), RC_OK);
	while (!listing.done)
		reactor_run_once(rig->reactor, true);
	buf_addc(out, '\0');
	return listing.job.rc;
}

/* The state of now is one that a cut may leave. */
static void allow(struct fixture *f)
{
	assert_true(f->count < ALLOWED_MAX);
	assert_int_equal(list(&f->rig, &f->text), RC_OK);
	f->allowed[f->count++] = strdup(f->text.p);
}

static bool is_allowed(const struct fixture *f)
{
	for (size_t i = 0; i < f->count; i++)
		if (strcmp(f->text.p, f->allowed[i]) == 0)
			return true;
	return false;
}

static void look_after_cut(struct fixture *f, size_t point, enum rec_choice choice)
{
	struct rig rig;
	const char *where = rec_describe(f->rec, point);
	rec_cut(f->rec, point, choice, point, SIZE_MAX, f->cut);
	rig_init(&rig, f->cut, NULL);
	assert_int_equal(rig_open(&rig), RC_OK);
	if (users_lost(rig.store))
		fail_msg("cut at %zu (%s), choice %u: server.db is damaged", point, where, choice);
	assert_int_equal(list(&rig, &f->text), RC_OK);
	if (!is_allowed(f))
		fail_msg("cut at %zu (%s), choice %u: the users are\n%s", point, where, choice, f->text.p);
	rig_close(&rig);
	rig_folder_remove(f->cut);
}

static void cut_between(struct fixture *f, size_t from, size_t to)
{
	for (size_t point = from; point <= to; point++)
		for (unsigned choice = 0; choice < REC_CHOICES; choice++)
			look_after_cut(f, point, (enum rec_choice)choice);
}

/* Long, so that a few of them fill several pages. */
static const char *name_of(unsigned number, const char *suffix)
{
	static char name[NAME_ROOM];
	snprintf(name, sizeof(name), "user%02u%s@%.60s.%.60s.%.60s.example.org", number, suffix,
		"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
		"bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb",
		"cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc");
	return name;
}

static void reopen(struct fixture *f)
{
	if (f->rig.store)
		rig_close(&f->rig);
	assert_int_equal(rig_open(&f->rig), RC_OK);
}

/*
 * The WAL holds a change that is synced, and one whose sync has failed, in pages that the first one has and
 * in others. The cure writes it into the database; a cut in the middle of that must leave no page of the
 * second change beside others of the first.
 */
static void cut_the_cure(struct fixture *f, bool killed)
{
	for (unsigned i = 0; i < USERS; i++)
		assert_int_equal(rig_user_add(&f->rig, name_of(i, "")), RC_OK);
	reopen(f);
	assert_int_equal(rig_user_password(&f->rig, name_of(USERS - 1, ""), "synced"), RC_OK);
	allow(f);
	size_t from = rec_point(f->rec);
	if (killed)
		rec_die(f->rec, "server.db-wal", EIO, 1);
	else
		rec_fail(f->rec, REC_OP_SYNC, "server.db-wal", EIO, 1, false);
	assert_int_not_equal(rig_user_add(&f->rig, name_of(0, "in-doubt")), RC_OK);
	if (killed)
		rig_close(&f->rig);
	rec_fail(f->rec, REC_OP_SYNC, "", 0, 0, false);
	reopen(f);
	assert_false(users_lost(f->rig.store));
	rig_close(&f->rig);
	size_t to = rec_point(f->rec);
	/* Before the answer, and if the outcome is unknown, the user may be there. */
	reopen(f);
	enum rc rc = rig_user_add(&f->rig, name_of(0, "in-doubt"));
	assert_true(rc == RC_OK || rc == RC_EXISTS);
	allow(f);
	cut_between(f, from, to);
}

static void the_cure_of_a_failed_sync_may_be_cut(void **state)
{
	cut_the_cure(*state, false);
}

static void the_cure_at_the_next_start_may_be_cut(void **state)
{
	cut_the_cure(*state, true);
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_cure_of_a_failed_sync_may_be_cut),
		TEST(the_cure_at_the_next_start_may_be_cut),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
