/* An account's settings and folders of COI: what is refused, and what leaves everything as it is. */
#include "coi/coi.h"
#include "metadata/metadata.h"
#include "store/mailbox.h"
#include "support/store_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define ACCOUNT 5

struct fixture {
	char root[512];
	struct rig rig;
	struct coi *coi;
	struct metadata *metadata;
	bool refused;
	unsigned disabled; /* how often who waits for that was told */
	const char *a; /* of the job, as the next one */
	const char *b;
	struct metadata_error error;
	bool keyword; /* that coi_append has given one */
};

static enum rc on_disabled(void *ctx, struct account *account)
{
	(void)account;
	((struct fixture *)ctx)->disabled++;
	return RC_OK;
}

static void begin_with(struct fixture *f, const struct coi_settings *settings)
{
	const struct metadata_settings limits = { .value_max = 1000, .entries_max = 100 };
	struct metadata_provider provider;

	memset(f, 0, sizeof(*f));
	rig_folder_make(f->root);
	rig_init(&f->rig, f->root, NULL);
	assert_int_equal(rig_open(&f->rig), RC_OK);
	f->coi = coi_new(settings, f->rig.log);
	coi_attach(f->coi, f->rig.store);
	coi_on_disabled(f->coi, on_disabled, f);
	f->metadata = metadata_new(&limits);
	coi_provider(f->coi, &provider);
	metadata_add(f->metadata, &provider);
}

static int begin(void **state)
{
	static struct fixture f;
	const struct coi_settings settings = { .enabled = true, .mailbox_root = "COI", .user_root = true };

	begin_with(&f, &settings);
	*state = &f;
	return 0;
}

static int begin_not_offered(void **state)
{
	static struct fixture f;
	const struct coi_settings settings = { .enabled = false, .mailbox_root = "COI" };

	begin_with(&f, &settings);
	*state = &f;
	return 0;
}

static int begin_with_a_root_that_is_none(void **state)
{
	static struct fixture f;
	const struct coi_settings settings = { .enabled = true, .mailbox_root = "COI/" };

	begin_with(&f, &settings);
	*state = &f;
	return 0;
}

static int end(void **state)
{
	struct fixture *f = *state;

	rig_close(&f->rig);
	metadata_free(&f->metadata);
	coi_free(&f->coi);
	rig_folder_remove(f->root);
	return 0;
}

/* Jobs. */

static enum rc enable(struct account *account, void *arg)
{
	return coi_enable(((struct fixture *)arg)->coi, account);
}

static enum rc disable(struct account *account, void *arg)
{
	return coi_disable(((struct fixture *)arg)->coi, account);
}

static enum rc filter(struct account *account, void *arg)
{
	return coi_set_filter(((struct fixture *)arg)->coi, account, COI_FILTER_SEEN);
}

static enum rc entry_set(struct account *account, void *arg)
{
	struct fixture *f = arg;
	const struct metadata_scope server = { .mailbox = 0 };

	memset(&f->error, 0, sizeof(f->error));
	return metadata_set(f->metadata, account, &server, strv_cstr(f->a),
		f->b ? strv_cstr(f->b) : STRV_NULL, &f->error);
}

static enum rc entry_get(struct account *account, void *arg)
{
	struct fixture *f = arg;
	const struct metadata_scope server = { .mailbox = 0 };
	struct strv name = strv_cstr(f->a);
	const struct metadata_request request = { .names = &name, .count = 1, .depth = ENTRY_DEPTH_0 };
	struct metadata_answer answer;

	return metadata_get(f->metadata, account, &server, &request, &answer);
}

static enum rc create(struct account *account, void *arg)
{
	struct fixture *f = arg;
	int64_t id;

	return coi_mailbox_create(f->coi, account, strv_cstr(f->a), 0, &id);
}

static enum rc delete (struct account *account, void *arg) {
	struct fixture *f = arg; return coi_mailbox_delete(f->coi, account, strv_cstr(f->a));
}

static enum rc rename_to(struct account *account, void *arg)
{
	struct fixture *f = arg;
	return coi_mailbox_rename(f->coi, account, strv_cstr(f->a), strv_cstr(f->b), &f->refused);
}

static enum rc append(struct account *account, void *arg)
{
	struct fixture *f = arg;
	struct msg_new msg = { .internaldate = 1700000000 };
	struct mbox_info info;

	enum rc rc = mbox_find(account, STRV("INBOX"), &info);
	msg.content = content_from_bytes(f->rig.store, STRV("Chat-Version: 1.0\r\n\r\nhello\r\n"));
	if (rc == RC_OK)
		rc = coi_append(f->coi, account, info.id, &msg);
	f->keyword = msg.keyword_count > 0;
	content_unref(&msg.content);
	return rc;
}

static enum rc is_enabled(struct account *account, void *arg)
{
	struct coi_state state;

	enum rc rc = coi_state(((struct fixture *)arg)->coi, account, &state);
	return rc == RC_OK && !state.enabled ? RC_NOT_FOUND : rc;
}

static enum rc run(struct fixture *f, rig_fn *fn, const char *a, const char *b)
{
	f->a = a;
	f->b = b;
	return rig_run(&f->rig, ACCOUNT, fn == is_enabled || fn == entry_get ? JOB_READ : JOB_WRITE, fn, f);
}

/* Tests. */

static void what_is_not_offered_cannot_be_set(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(run(f, enable, NULL, NULL), RC_CANNOT);
	assert_int_equal(run(f, disable, NULL, NULL), RC_CANNOT);
	assert_int_equal(run(f, filter, NULL, NULL), RC_CANNOT);
	assert_int_equal(run(f, entry_get, COI_PREFIX "/enabled", NULL), RC_CANNOT);
	assert_int_equal(run(f, entry_set, COI_PREFIX "/enabled", "yes"), RC_CANNOT);
	assert_string_equal(f->error.text, "COI is not available");
	assert_int_equal(run(f, create, "COI/Chats", NULL), RC_OK);
	assert_int_equal(run(f, is_enabled, NULL, NULL), RC_NOT_FOUND);
	assert_int_equal(f->disabled, 0);
}

static void to_say_it_twice_changes_nothing(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(run(f, disable, NULL, NULL), RC_OK);
	assert_int_equal(f->disabled, 0);
	assert_int_equal(run(f, enable, NULL, NULL), RC_OK);
	assert_int_equal(run(f, enable, NULL, NULL), RC_OK);
	assert_int_equal(run(f, is_enabled, NULL, NULL), RC_OK);
	assert_int_equal(run(f, disable, NULL, NULL), RC_OK);
	assert_int_equal(run(f, disable, NULL, NULL), RC_OK);
	assert_int_equal(f->disabled, 1);
	assert_int_equal(run(f, is_enabled, NULL, NULL), RC_NOT_FOUND);
}

static void a_root_must_be_the_beginning_of_names(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(run(f, entry_set, COI_PREFIX "/mailbox-root", ""), RC_CANNOT);
	assert_int_equal(run(f, entry_set, COI_PREFIX "/mailbox-root", "Chat/"), RC_CANNOT);
	assert_non_null(strstr(f->error.text, "invalid value"));
	assert_int_equal(run(f, entry_set, COI_PREFIX "/mailbox-root", "Chat"), RC_OK);
	assert_int_equal(run(f, enable, NULL, NULL), RC_OK);
	assert_int_equal(run(f, entry_set, COI_PREFIX "/mailbox-root", "Other"), RC_CANNOT);
	assert_non_null(strstr(f->error.text, "while COI is enabled"));
	assert_int_equal(run(f, create, "Chat/Chats", NULL), RC_EXISTS);
}

static void a_root_of_the_configuration_that_is_none_hinders_nobody(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(run(f, enable, NULL, NULL), RC_INVALID);
	assert_int_equal(run(f, create, "Work", NULL), RC_OK);
	assert_int_equal(run(f, rename_to, "Work", "Play"), RC_OK);
	assert_int_equal(run(f, delete, "Play", NULL), RC_OK);
}

static void the_folder_of_chats_is_renamed_into_the_trash_only(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(run(f, enable, NULL, NULL), RC_OK);
	assert_int_equal(run(f, create, "Work", NULL), RC_OK);
	assert_int_equal(run(f, rename_to, "COI/Chats", "Old"), RC_CANNOT);
	assert_true(f->refused);
	assert_int_equal(run(f, rename_to, "COI", "Old"), RC_CANNOT);
	assert_true(f->refused);
	assert_int_equal(run(f, is_enabled, NULL, NULL), RC_OK);
	assert_int_equal(run(f, rename_to, "Work", "Play"), RC_OK);
	assert_int_equal(run(f, rename_to, "INBOX", "Before"), RC_OK);
	assert_false(f->refused);
	assert_int_equal(f->disabled, 0);
	assert_int_equal(run(f, rename_to, "COI/Chats", "Trash/Chats"), RC_OK);
	assert_int_equal(run(f, is_enabled, NULL, NULL), RC_NOT_FOUND);
	assert_int_equal(f->disabled, 1);
}

static void a_name_that_only_holds_others_is_no_folder_of_chats(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(run(f, enable, NULL, NULL), RC_OK);
	assert_int_equal(run(f, create, "COI/Chats/below", NULL), RC_OK);
	assert_int_equal(run(f, delete, "COI/Chats", NULL), RC_OK);
	assert_int_equal(run(f, is_enabled, NULL, NULL), RC_NOT_FOUND);
	assert_int_equal(f->disabled, 1);
}

static void an_append_gets_no_keyword_where_coi_is_off(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(run(f, append, NULL, NULL), RC_OK);
	assert_false(f->keyword);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(what_is_not_offered_cannot_be_set, begin_not_offered, end),
		cmocka_unit_test_setup_teardown(to_say_it_twice_changes_nothing, begin, end),
		cmocka_unit_test_setup_teardown(a_root_must_be_the_beginning_of_names, begin, end),
		cmocka_unit_test_setup_teardown(a_root_of_the_configuration_that_is_none_hinders_nobody,
			begin_with_a_root_that_is_none, end),
		cmocka_unit_test_setup_teardown(
			the_folder_of_chats_is_renamed_into_the_trash_only, begin, end),
		cmocka_unit_test_setup_teardown(
			a_name_that_only_holds_others_is_no_folder_of_chats, begin, end),
		cmocka_unit_test_setup_teardown(an_append_gets_no_keyword_where_coi_is_off, begin, end),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
