/* Entries of an account: who owns them, how many there may be and how long, and what is said of those that
 * can't be set. */
#include "metadata/metadata.h"
#include "metadata/specialuse.h"

#include "store/annot.h"
#include "support/store_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define ACCOUNT 7
#define ENTRIES_MAX 3
#define VALUE_MAX 10
#define OWNED_MAX 4

struct fixture {
	char root[512];
	struct rig rig;
	struct metadata *metadata;
	enum rc list_rc; /* of the provider below */
	unsigned listed;
	/* One job: what is asked or set, and what came of it. */
	struct metadata_scope scope;
	const char *name;
	struct strv value;
	enum entry_depth depth;
	struct metadata_error error;
	struct metadata_answer answer;
	size_t count;
};

static enum rc owned_list(void *ctx, struct account *account, const struct metadata_scope *scope,
	struct strv name, bool below, struct metadata_list *list)
{
	struct fixture *f = ctx;

	(void)account;
	(void)scope;
	(void)name;
	(void)below;
	f->listed++;
	if (f->list_rc == RC_OK)
		metadata_list_add(list, STRV("/private/owned/a"), STRV("1"));
	return f->list_rc;
}

static enum rc owned_set(void *ctx, struct account *account, const struct metadata_scope *scope,
	struct strv name, struct strv value, struct metadata_error *error)
{
	(void)ctx;
	(void)account;
	(void)scope;
	(void)name;
	(void)value;
	return metadata_cannot(error, "no\r\n%s", "\xc3\xa4");
}

static int begin(void **state)
{
	static struct fixture f;
	const struct metadata_settings settings = {
		.value_max = VALUE_MAX, .entries_max = ENTRIES_MAX, .shared_comment = "hello"
	};

	memset(&f, 0, sizeof(f));
	rig_folder_make(f.root);
	rig_init(&f.rig, f.root, NULL);
	assert_int_equal(rig_open(&f.rig), RC_OK);
	f.metadata = metadata_new(&settings);
	const struct metadata_provider owned = { .prefix = "/private/owned",
		.flags = METADATA_SERVER | METADATA_ALONE,
		.ctx = &f,
		.value_max = OWNED_MAX,
		.list = owned_list,
		.set = owned_set };
	metadata_add(f.metadata, &owned);
	struct metadata_provider uses;
	specialuse_provider(&uses);
	metadata_add(f.metadata, &uses);
	*state = &f;
	return 0;
}

static int end(void **state)
{
	struct fixture *f = *state;

	rig_close(&f->rig);
	metadata_free(&f->metadata);
	rig_folder_remove(f->root);
	return 0;
}

static enum rc set_run(struct account *account, void *arg)
{
	struct fixture *f = arg;

	memset(&f->error, 0, sizeof(f->error));
	return metadata_set(f->metadata, account, &f->scope, strv_cstr(f->name), f->value, &f->error);
}

static enum rc set(struct fixture *f, const char *name, const char *value)
{
	f->name = name;
	f->value = value ? strv_cstr(value) : STRV_NULL;
	return rig_run(&f->rig, ACCOUNT, JOB_WRITE, set_run, f);
}

static enum rc get_run(struct account *account, void *arg)
{
	struct fixture *f = arg;
	struct strv name = strv_cstr(f->name);
	const struct metadata_request request = { .names = &name, .count = 1, .depth = f->depth };
	enum rc rc = metadata_get(f->metadata, account, &f->scope, &request, &f->answer);

	f->count = rc == RC_OK ? f->answer.count : 0;
	return rc;
}

static enum rc get(struct fixture *f, const char *name, enum entry_depth depth)
{
	f->name = name;
	f->depth = depth;
	return rig_run(&f->rig, ACCOUNT, JOB_READ, get_run, f);
}

static void a_value_has_a_longest_length_that_is_told(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(set(f, "/private/a", "0123456789"), RC_OK);
	assert_int_equal(set(f, "/private/a", "0123456789x"), RC_LIMIT);
	assert_string_equal(f->error.code, "METADATA MAXSIZE 10");
	/* A provider's own. */
	assert_int_equal(set(f, "/private/owned/a", "12345"), RC_LIMIT);
	assert_string_equal(f->error.code, "METADATA MAXSIZE 4");
}

static void an_account_has_a_number_of_entries_and_no_more(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(set(f, "/private/a", "1"), RC_OK);
	assert_int_equal(set(f, "/private/b", "1"), RC_OK);
	assert_int_equal(set(f, "/private/c", "1"), RC_OK);
	assert_int_equal(set(f, "/private/d", "1"), RC_LIMIT);
	assert_string_equal(f->error.code, "METADATA TOOMANY");
	/* One that is there may change, and make room for another. */
	assert_int_equal(set(f, "/private/A", "2"), RC_OK);
	assert_int_equal(set(f, "/private/d", NULL), RC_OK);
	assert_int_equal(set(f, "/private/b", NULL), RC_OK);
	assert_int_equal(set(f, "/private/d", "1"), RC_OK);
	assert_int_equal(set(f, "/private/e", "1"), RC_LIMIT);
}

static void what_a_provider_refuses_is_told_in_printable_ascii(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(set(f, "/private/owned/a", "1"), RC_CANNOT);
	assert_string_equal(f->error.code, "CANNOT");
	assert_string_equal(f->error.text, "no????");
}

static void an_entry_of_the_server_is_none_of_a_mailbox(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(rig_find(&f->rig, ACCOUNT, "INBOX", &f->scope.mailbox), RC_OK);
	f->scope.mailbox_name = STRV("INBOX");
	assert_int_equal(set(f, "/private/owned/a", "1"), RC_CANNOT);
	assert_non_null(strstr(f->error.text, "belongs to the server"));
	assert_int_equal(set(f, "/private/owned/a", NULL), RC_OK);
	assert_int_equal(f->listed, 0);
}

static void what_the_administrator_says_nobody_changes(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(set(f, "/shared/comment", "mine"), RC_PERM);
	assert_int_equal(set(f, "/shared/comment", NULL), RC_PERM);
	assert_int_equal(get(f, "/shared/comment", ENTRY_DEPTH_0), RC_OK);
	assert_int_equal(f->count, 1);
}

static void a_provider_that_fails_fails_the_answer(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(get(f, "/private", ENTRY_DEPTH_INFINITY), RC_OK);
	assert_int_equal(f->count, 1);
	f->list_rc = RC_IO;
	assert_int_equal(get(f, "/private/owned/a", ENTRY_DEPTH_0), RC_IO);
	assert_int_equal(get(f, "/private", ENTRY_DEPTH_INFINITY), RC_IO);
	/* One that does not serve fails only who asks for its entry by name. */
	f->list_rc = RC_CANNOT;
	assert_int_equal(get(f, "/private/owned/a", ENTRY_DEPTH_0), RC_CANNOT);
	assert_int_equal(get(f, "/private", ENTRY_DEPTH_INFINITY), RC_OK);
	assert_int_equal(f->count, 0);
	assert_int_equal(f->listed, 5);
}

static void special_uses_are_as_long_as_all_of_them_twice(void **state)
{
	struct fixture *f = *state;
	char value[SPECIALUSE_MAX + 2];

	assert_int_equal(rig_create(&f->rig, ACCOUNT, "a"), RC_OK);
	assert_int_equal(rig_find(&f->rig, ACCOUNT, "a", &f->scope.mailbox), RC_OK);
	f->scope.mailbox_name = STRV("a");
	for (size_t n = SPECIALUSE_MAX - 1; n <= SPECIALUSE_MAX + 1; n++) {
		memset(value, ' ', sizeof(value));
		memcpy(value, "\\Sent", 5);
		memcpy(value + n - 5, "\\Junk", 6);
		assert_int_equal(
			set(f, "/private/specialuse", value), n <= SPECIALUSE_MAX ? RC_OK : RC_LIMIT);
	}
	assert_string_equal(f->error.code, "METADATA MAXSIZE 256");
	assert_int_equal(set(f, "/private/specialuse",
				 "\\Archive \\Drafts \\Important \\Junk \\Sent \\Trash \\Archive \\Drafts "
				 "\\Important \\Junk \\Sent \\Trash"),
		RC_OK);
	assert_int_equal(set(f, "/private/specialuse", "\\Flagged"), RC_CANNOT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_value_has_a_longest_length_that_is_told, begin, end),
		cmocka_unit_test_setup_teardown(an_account_has_a_number_of_entries_and_no_more, begin, end),
		cmocka_unit_test_setup_teardown(
			what_a_provider_refuses_is_told_in_printable_ascii, begin, end),
		cmocka_unit_test_setup_teardown(an_entry_of_the_server_is_none_of_a_mailbox, begin, end),
		cmocka_unit_test_setup_teardown(what_the_administrator_says_nobody_changes, begin, end),
		cmocka_unit_test_setup_teardown(a_provider_that_fails_fails_the_answer, begin, end),
		cmocka_unit_test_setup_teardown(special_uses_are_as_long_as_all_of_them_twice, begin, end),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
