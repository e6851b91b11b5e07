/* The server's own entries below /shared. */
#include "metadata/metadata.h"
#include "metadata/shared.h"
#include "support/store_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define ACCOUNT 7

static void what_is_not_utf8_is_repaired_and_what_is_empty_is_no_entry(void **state)
{
	struct shared shared;
	(void)state;

	shared_init(&shared, "f\xc3\xbcr alle \xff", "");
	assert_string_equal(shared.comment, "f\xc3\xbcr alle \xef\xbf\xbd");
	assert_null(shared.admin);
	shared_fini(&shared);
	shared_init(&shared, NULL, "mailto:admin@example.org");
	assert_null(shared.comment);
	assert_string_equal(shared.admin, "mailto:admin@example.org");
	shared_fini(&shared);
}

static void no_client_can_set_them(void **state)
{
	struct shared shared;
	struct metadata_provider provider;
	struct metadata_scope scope = { 0 };
	struct metadata_error error = { 0 };
	(void)state;

	shared_init(&shared, "a", "b");
	shared_provider(&shared, &provider);
	assert_string_equal(provider.prefix, "/shared");
	assert_int_equal(provider.flags, METADATA_SERVER);
	assert_int_equal(provider.set(provider.ctx, NULL, &scope, STRV("/shared/comment"), STRV("x"), &error),
		RC_PERM);
	assert_int_equal(
		provider.set(provider.ctx, NULL, &scope, STRV("/shared/other"), STRV_NULL, &error), RC_PERM);
	assert_string_equal(shared.comment, "a");
	shared_fini(&shared);
}

struct asked {
	struct metadata *metadata;
	size_t count;
	char text[64];
};

static enum rc get_shared(struct account *account, void *arg)
{
	struct asked *asked = arg;
	const struct strv name = STRV("/shared");
	const struct metadata_scope scope = { 0 };
	const struct metadata_request request = { .names = &name, .count = 1, .depth = ENTRY_DEPTH_INFINITY };
	struct metadata_answer answer;

	enum rc rc = metadata_get(asked->metadata, account, &scope, &request, &answer);
	if (rc != RC_OK)
		return rc;
	asked->count = answer.count;
	for (size_t i = 0; i < answer.count; i++)
		snprintf(asked->text + strlen(asked->text), sizeof(asked->text) - strlen(asked->text),
			"%.*s=%.*s ", STRV_ARG(answer.entries[i].name), STRV_ARG(answer.entries[i].value));
	return RC_OK;
}

static void every_account_reads_what_is_configured(void **state)
{
	const struct metadata_settings settings = {
		.value_max = 100, .entries_max = 3, .shared_comment = "hello"
	};
	struct asked asked = { 0 };
	char root[512];
	struct rig rig;
	(void)state;

	memset(&rig, 0, sizeof(rig));
	rig_folder_make(root);
	rig_init(&rig, root, NULL);
	assert_int_equal(rig_open(&rig), RC_OK);
	asked.metadata = metadata_new(&settings);
	assert_int_equal(rig_run(&rig, ACCOUNT, JOB_READ, get_shared, &asked), RC_OK);
	assert_int_equal(asked.count, 1);
	assert_string_equal(asked.text, "/shared/comment=hello ");
	rig_close(&rig);
	metadata_free(&asked.metadata);
	rig_folder_remove(root);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_not_utf8_is_repaired_and_what_is_empty_is_no_entry),
		cmocka_unit_test(no_client_can_set_them),
		cmocka_unit_test(every_account_reads_what_is_configured),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
