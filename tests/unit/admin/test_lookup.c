#include "admin/lookup.h"

#include "admin_rig.h"

/* A lookup and what came of it. */
struct asked {
	struct lookup lookup;
	unsigned done;
	enum rc rc;
};

static void on_done(struct lookup *lookup, enum rc rc)
{
	struct asked *asked = CONTAINER_OF(lookup, struct asked, lookup);
	asked->done++;
	asked->rc = rc;
}

/* Asks for a name. Returns lookup_submit's answer or, if it accepts, the result. */
static enum rc ask(struct control *control, struct asked *asked, const char *name)
{
	memset(asked, 0, sizeof(*asked));
	enum rc rc = lookup_submit(&asked->lookup, control->admin, strv_cstr(name), on_done);
	if (rc != RC_OK) {
		for (unsigned i = 0; i < 100; i++)
			control_turn(control);
		assert_int_equal(asked->done, 0);
		return rc;
	}
	assert_int_equal(asked->done, 0);
	for (unsigned i = 0; i < TURNS_MAX && asked->done == 0; i++)
		control_turn(control);
	assert_int_equal(asked->done, 1);
	return asked->rc;
}

static void a_name_gives_its_id(void **state)
{
	struct asked asked;

	assert_int_equal(ask(*state, &asked, "alice@example.org"), RC_OK);
	assert_int_equal(asked.lookup.id, 1);
	lookup_fini(&asked.lookup);
	assert_int_equal(ask(*state, &asked, "Bob@EXAMPLE.org"), RC_OK);
	assert_int_equal(asked.lookup.id, 2);
	assert_true(strv_eq(asked.lookup.name, STRV("bob@example.org")));
	lookup_fini(&asked.lookup);
}

static void a_name_of_nobody_is_not_found(void **state)
{
	struct asked asked;

	assert_int_equal(ask(*state, &asked, "nobody@example.org"), RC_NOT_FOUND);
	assert_true(strv_eq(asked.lookup.name, STRV("nobody@example.org")));
	lookup_fini(&asked.lookup);
}

static void what_is_no_address_is_refused_at_once(void **state)
{
	static const char *const samples[] = { "", "alice@", "a@b@c\n", "\xff@example.org" };
	struct asked asked;

	for (size_t i = 0; i < sizeof(samples) / sizeof(samples[0]); i++) {
		assert_int_equal(ask(*state, &asked, samples[i]), RC_INVALID);
		assert_true(strv_eq(asked.lookup.name, strv_cstr(samples[i])));
		lookup_fini(&asked.lookup);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_name_gives_its_id),
		cmocka_unit_test(a_name_of_nobody_is_not_found),
		cmocka_unit_test(what_is_no_address_is_refused_at_once),
	};
	return cmocka_run_group_tests(tests, control_setup_store, control_teardown);
}
