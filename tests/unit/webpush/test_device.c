#include "webpush/device.h"

#include "store/store.h"
#include "support/store_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#define NOW 1800000000
#define DAY 86400

struct step {
	const char *token;
	int64_t now;
	unsigned max;
	struct buf out;
};

static enum rc add(struct account *account, void *arg)
{
	const struct step *step = arg;
	return device_add(account, strv_cstr(step->token), step->now, step->max);
}

static enum rc show(struct account *account, void *arg)
{
	struct step *step = arg;
	struct arena *arena = arena_new(0);
	struct device_list list;
	enum rc rc = device_load(account, step->now, arena, &list);

	buf_reset(&step->out);
	/* The list is in the order of the hashes, which no test should know. */
	for (char c = 'a'; rc == RC_OK && c <= 'z'; c++) {
		for (size_t i = 0; i < list.n; i++) {
			if (list.v[i].value.p[0] == c)
				buf_printf(&step->out, "%.*s@%lld ", STRV_ARG(list.v[i].value),
					(long long)(list.v[i].set - NOW));
		}
	}
	buf_addc(&step->out, '\0');
	arena_free(&arena);
	return rc;
}

static enum rc drop_all(struct account *account, void *arg)
{
	(void)arg;
	return device_drop_all(account);
}

struct fixture {
	struct rig rig;
	char root[512];
	struct step step;
};

static void begin(struct fixture *f)
{
	rig_folder_make(f->root);
	rig_init(&f->rig, f->root, NULL);
	assert_int_equal(rig_open(&f->rig), RC_OK);
	f->step = (struct step){ 0 };
	buf_init(&f->step.out, 4096);
}

static void end(struct fixture *f)
{
	buf_fini(&f->step.out);
	rig_close(&f->rig);
	rig_folder_remove(f->root);
}

static void set(struct fixture *f, const char *token, int64_t now, unsigned max)
{
	f->step.token = token;
	f->step.now = now;
	f->step.max = max;
	assert_int_equal(rig_run(&f->rig, 1, JOB_WRITE, add, &f->step), RC_OK);
}

static void assert_shown(struct fixture *f, int64_t now, const char *expected)
{
	f->step.now = now;
	assert_int_equal(rig_run(&f->rig, 1, JOB_READ, show, &f->step), RC_OK);
	assert_string_equal(f->step.out.p, expected);
}

/* CM-03 */
static void cm_03_setting_adds_and_setting_again_renews(void **state)
{
	struct fixture f;

	(void)state;
	begin(&f);
	set(&f, "a", NOW, 10);
	set(&f, "b", NOW + 1, 10);
	set(&f, "a", NOW + 2, 10);
	assert_shown(&f, NOW + 3, "a@2 b@1 ");
	end(&f);
}

/* CM-04 */
static void cm_04_tokens_expire_90_days_after_they_were_set_last(void **state)
{
	struct fixture f;

	(void)state;
	begin(&f);
	set(&f, "a", NOW, 10);
	set(&f, "b", NOW + DAY, 10);
	assert_shown(&f, NOW + 90 * DAY - 1, "a@0 b@86400 ");
	assert_shown(&f, NOW + 90 * DAY, "b@86400 ");
	/* The next one that is set takes the dead away. */
	set(&f, "c", NOW + 90 * DAY, 10);
	assert_shown(&f, NOW, "b@86400 c@7776000 ");
	end(&f);
}

static void beyond_the_maximum_the_oldest_token_goes(void **state)
{
	struct fixture f;

	(void)state;
	begin(&f);
	set(&f, "a", NOW + 5, 2);
	set(&f, "b", NOW + 1, 2);
	set(&f, "c", NOW + 6, 2);
	assert_shown(&f, NOW + 7, "a@5 c@6 ");
	set(&f, "a", NOW + 8, 2);
	assert_shown(&f, NOW + 9, "a@8 c@6 ");
	assert_int_equal(rig_run(&f.rig, 1, JOB_WRITE, drop_all, NULL), RC_OK);
	assert_shown(&f, NOW + 9, "");
	end(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(cm_03_setting_adds_and_setting_again_renews),
		cmocka_unit_test(cm_04_tokens_expire_90_days_after_they_were_set_last),
		cmocka_unit_test(beyond_the_maximum_the_oldest_token_goes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
