#include "server_rig.h"

#include "coi/coi.h"
#include "metadata/metadata.h"
#include "support/subscription.h"

#define ACCOUNT 1

/* A job on the server's own store. */
struct call {
	struct job job;
	struct server *server;
	enum rc (*fn)(struct account *account, struct call *call);
	bool done;
	size_t found; /* subscriptions */
	bool chat_left;
};

static enum rc call_run(struct account *account, struct job *job)
{
	struct call *call = CONTAINER_OF(job, struct call, job);
	return call->fn(account, call);
}

static void call_done(struct job *job)
{
	CONTAINER_OF(job, struct call, job)->done = true;
}

static enum rc on_account(
	struct house *house, struct call *call, enum rc (*fn)(struct account *account, struct call *call))
{
	struct account *account = account_get(house->server->store, ACCOUNT);
	*call = (struct call){ .job = { .kind = JOB_WRITE,
				       .run = call_run,
				       .done = call_done,
				       .home = house->server->reactor_array[0] },
		.server = house->server,
		.fn = fn };
	assert_int_equal(job_submit(account, &call->job), RC_OK);
	account_unref(&account);
	while (!call->done)
		reactor_run_once(house->server->reactor_array[0], true);
	return call->job.rc;
}

static enum rc enable_and_subscribe(struct account *account, struct call *call)
{
	enum rc rc = coi_enable(call->server->coi, account);
	if (rc == RC_OK)
		rc = subscription_make(account, "aaaaaaaaaa", "chat");
	if (rc == RC_OK)
		rc = subscription_make(account, "bbbbbbbbbb", "all");
	if (rc == RC_OK)
		rc = subscription_make(account, "cccccccccc", "chat");
	return rc;
}

static enum rc disable(struct account *account, struct call *call)
{
	return coi_disable(call->server->coi, account);
}

static enum rc count(struct account *account, struct call *call)
{
	struct subs_list subs = { 0 };
	enum rc rc = subs_load(account, account_arena(account), &subs);
	call->found = subs.n;
	for (size_t i = 0; i < subs.n; i++)
		call->chat_left = call->chat_left || subs.v[i].type == SUB_CHAT;
	return rc;
}

/* COI-23. */
static void without_coi_there_are_no_pushes_for_chat_alone(void **state)
{
	struct house *house = *state;
	struct call call;
	assert_int_equal(on_account(house, &call, enable_and_subscribe), RC_OK);
	assert_int_equal(on_account(house, &call, count), RC_OK);
	assert_int_equal(call.found, 3);
	assert_int_equal(on_account(house, &call, disable), RC_OK);
	assert_int_equal(on_account(house, &call, count), RC_OK);
	assert_int_equal(call.found, 1);
	assert_false(call.chat_left);
}

static void coi_and_web_push_own_their_entries(void **state)
{
	const struct house *house = *state;
	const struct metadata_scope scope = { .mailbox_name = STRV("") };
	const struct metadata *metadata = house->server->metadata;
	const struct metadata_provider *coi =
		metadata_provider_of(metadata, &scope, STRV(COI_PREFIX "/enabled"));
	const struct metadata_provider *push = metadata_provider_of(metadata, &scope, STRV(SUBS_ENTRY "/x"));
	assert_non_null(coi);
	assert_non_null(push);
	assert_ptr_not_equal(coi, push);
	assert_null(metadata_provider_of(metadata, &scope, STRV("/private/comment")));
}

static void the_limits_are_those_of_the_configuration(void **state)
{
	struct house *house = *state;
	house_option(house, "metadata.value_max", "1K");
	house_start(house);
	assert_int_equal(metadata_settings(house->server->metadata)->value_max, 1024);
}

static void a_file_of_web_push_that_is_missing_is_told(void **state)
{
	struct house *house = *state;
	house_option(house, "webpush.ca_file", "/nowhere/ca.pem");
	assert_int_equal(server_new(&house->source, &house->errors, &house->server), RC_INVALID);
	assert_told(house, "/nowhere/ca.pem");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			without_coi_there_are_no_pushes_for_chat_alone, house_setup_started, house_teardown),
		cmocka_unit_test_setup_teardown(
			coi_and_web_push_own_their_entries, house_setup_started, house_teardown),
		cmocka_unit_test_setup_teardown(
			the_limits_are_those_of_the_configuration, house_setup, house_teardown),
		cmocka_unit_test_setup_teardown(
			a_file_of_web_push_that_is_missing_is_told, house_setup, house_teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
