/* Entries of METADATA: what a client reads, what it may set, and the limits on it. */
#include "metadata/metadata.h"
#include "push_rig.h"
#include "webpush/device.h"
#include "webpush/provider.h"

#define VALUE                                                                                                \
	"{\"client\":\"c\",\"device\":\"d\",\"msgtype\":\"chat\",\"resource\":{\"endpoint\":\"" RIG_HOST     \
	"/1\",\"keys\":{\"p256dh\":\"" RIG_P256DH "\",\"auth\":\"" RIG_AUTH "\"}}}"
#define FACTS "/shared/vendor/deltachat"
#define TOKENS "/private/devicetoken"

struct fixture {
	struct push_rig r;
	struct provider provider;
	struct metadata *metadata;
	struct metadata_scope scope;
	struct metadata_error error;
	const char *name;
	struct strv value;
	char text[2048]; /* result of get: "name=value" lines */
	char token[SUBS_TEXT_MAX + 1]; /* result of token_of */
};

static int setup(void **state)
{
	static struct fixture f;
	static const struct metadata_settings settings = { .value_max = 65536, .entries_max = 100 };
	struct metadata_provider provider;

	memset(&f, 0, sizeof(f));
	push_rig_begin(&f.r);
	clock_fake_set(1000000, 1800000000);
	f.r.settings.iroh_relay = "https://iroh.example.org";
	f.provider = (struct provider){ &f.r.core, &f.r.key };
	f.metadata = metadata_new(&settings);
	provider_subscriptions(&f.provider, &provider);
	metadata_add(f.metadata, &provider);
	provider_vapid(&f.provider, &provider);
	metadata_add(f.metadata, &provider);
	provider_device(&f.provider, &provider);
	metadata_add(f.metadata, &provider);
	provider_facts(&f.provider, &provider);
	metadata_add(f.metadata, &provider);
	*state = &f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	metadata_free(&f->metadata);
	push_rig_end(&f->r);
	return 0;
}

static enum rc set_run(struct account *account, void *arg)
{
	struct fixture *f = arg;

	f->error = (struct metadata_error){ 0 };
	return metadata_set(f->metadata, account, &f->scope, strv_cstr(f->name), f->value, &f->error);
}

static enum rc set(struct fixture *f, const char *name, const char *value)
{
	f->name = name;
	f->value = value ? strv_cstr(value) : STRV_NULL;
	return rig_run(&f->r.rig, RIG_ACCOUNT, JOB_WRITE, set_run, f);
}

static enum rc get_run(struct account *account, void *arg)
{
	struct fixture *f = arg;
	struct strv name = strv_cstr(f->name);
	struct metadata_request request = { .names = &name, .count = 1, .depth = ENTRY_DEPTH_INFINITY };
	struct metadata_answer answer;
	enum rc rc = metadata_get(f->metadata, account, &f->scope, &request, &answer);
	size_t n = 0;

	f->text[0] = '\0';
	for (size_t i = 0; rc == RC_OK && i < answer.count; i++)
		if (answer.entries[i].value.p)
			n += (size_t)snprintf(f->text + n, sizeof(f->text) - n, "%.*s=%.*s\n",
				STRV_ARG(answer.entries[i].name), STRV_ARG(answer.entries[i].value));
	return rc;
}

static const char *get(struct fixture *f, const char *name)
{
	f->name = name;
	assert_int_equal(rig_run(&f->r.rig, RIG_ACCOUNT, JOB_READ, get_run, f), RC_OK);
	return f->text;
}

static void refused(struct fixture *f, const char *name, const char *value, const char *text)
{
	assert_int_equal(set(f, name, value), RC_CANNOT);
	assert_string_equal(f->error.text, text);
}

static enum rc token_of(struct account *account, void *arg)
{
	struct fixture *f = arg;
	struct arena *arena = arena_new(0);
	struct sub sub;
	enum rc rc = subs_find(account, STRV(RIG_SUB), arena, &sub);

	if (rc == RC_OK)
		snprintf(f->token, sizeof(f->token), "%.*s", STRV_ARG(sub.token));
	arena_free(&arena);
	return rc;
}

static void a_subscription_is_read_as_it_was_set_without_its_token(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(set(f, SUBS_ENTRY "/" RIG_SUB, VALUE), RC_OK);
	assert_string_equal(get(f, SUBS_ENTRY),
		SUBS_ENTRY "/" RIG_SUB
			   "={\"created\":\"2027-01-15T08:00:00+00:00\",\"validated\":false,\"client\":\"c\","
			   "\"device\":\"d\",\"msgtype\":\"chat\",\"resource\":{\"endpoint\":\"" RIG_HOST
			   "/1\",\"keys\":{\"p256dh\":\"" RIG_P256DH "\",\"auth\":\"" RIG_AUTH "\"}}}\n");
}

static void a_token_validates_its_subscription_and_may_be_sent_twice(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(set(f, SUBS_ENTRY "/" RIG_SUB, VALUE), RC_OK);
	refused(f, SUBS_ENTRY "/" RIG_SUB "/validate", "wrong", "invalid validation");
	refused(f, SUBS_ENTRY "/other_subscription/validate", "wrong", "invalid validation");
	assert_int_equal(rig_run(&f->r.rig, RIG_ACCOUNT, JOB_READ, token_of, f), RC_OK);
	assert_int_equal(set(f, SUBS_ENTRY "/" RIG_SUB "/validate", f->token), RC_OK);
	assert_non_null(strstr(get(f, SUBS_ENTRY), "\"validated\":true"));
	assert_int_equal(set(f, SUBS_ENTRY "/" RIG_SUB "/validate", f->token), RC_OK);
}

static void a_token_is_void_after_its_time_or_with_a_new_key(void **state)
{
	struct fixture *f = *state;
	assert_int_equal(set(f, SUBS_ENTRY "/" RIG_SUB, VALUE), RC_OK);
	assert_int_equal(rig_run(&f->r.rig, RIG_ACCOUNT, JOB_READ, token_of, f), RC_OK);
	clock_fake_advance(900000);
	refused(f, SUBS_ENTRY "/" RIG_SUB "/validate", f->token, "invalid validation");
	assert_string_equal(get(f, SUBS_ENTRY), "");
	assert_int_equal(set(f, SUBS_ENTRY "/" RIG_SUB, VALUE), RC_OK);
	assert_int_equal(rig_run(&f->r.rig, RIG_ACCOUNT, JOB_READ, token_of, f), RC_OK);
	assert_int_equal(key_fake(&f->r.key), RC_OK);
	refused(f, SUBS_ENTRY "/" RIG_SUB "/validate", f->token, "invalid validation");
	assert_string_equal(get(f, SUBS_ENTRY), "");
}

static void a_subscription_is_removed_with_nil(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(set(f, SUBS_ENTRY "/" RIG_SUB, VALUE), RC_OK);
	assert_int_equal(set(f, SUBS_ENTRY "/" RIG_SUB, NULL), RC_OK);
	assert_string_equal(get(f, SUBS_ENTRY), "");
	assert_int_equal(set(f, SUBS_ENTRY "/" RIG_SUB, NULL), RC_OK);
	assert_int_equal(set(f, SUBS_ENTRY "/short", NULL), RC_OK);
}

static void what_cannot_be_set_is_refused_with_its_reason(void **state)
{
	struct fixture *f = *state;

	refused(f, SUBS_ENTRY "/short", VALUE,
		"the subscription's id is not 10 to 36 characters of 0-9 A-Z a-z _ -");
	refused(f, SUBS_ENTRY "/" RIG_SUB "/other", VALUE, "there is no such entry");
	refused(f, WEBPUSH_ENTRY "/other", VALUE, "there is no such entry");
	refused(f, VAPID_ENTRY, VALUE, "the server's key can't be set");
	refused(f, SUBS_ENTRY "/" RIG_SUB, "{}", "client is missing");
	f->r.settings.enabled = false;
	refused(f, SUBS_ENTRY "/" RIG_SUB, VALUE, "there is no Web Push here");
	assert_string_equal(get(f, WEBPUSH_ENTRY), "");
}

static void an_account_has_a_number_of_subscriptions(void **state)
{
	struct fixture *f = *state;

	f->r.settings.subscriptions_max = 2;
	assert_int_equal(set(f, SUBS_ENTRY "/subscription_1", VALUE), RC_OK);
	assert_int_equal(set(f, SUBS_ENTRY "/subscription_2", VALUE), RC_OK);
	assert_int_equal(set(f, SUBS_ENTRY "/subscription_3", VALUE), RC_LIMIT);
	assert_string_equal(f->error.code, "LIMIT");
	assert_string_equal(f->error.text, "there are 2 subscriptions already");
	/* One that is there may be set anew; one that is void makes room. */
	assert_int_equal(set(f, SUBS_ENTRY "/subscription_2", VALUE), RC_OK);
	clock_fake_advance(900000);
	assert_int_equal(set(f, SUBS_ENTRY "/subscription_3", VALUE), RC_OK);
}

static void an_account_has_a_number_of_registrations_an_hour(void **state)
{
	struct fixture *f = *state;

	f->r.settings.registrations_max = 2;
	assert_int_equal(set(f, SUBS_ENTRY "/" RIG_SUB, VALUE), RC_OK);
	assert_int_equal(set(f, SUBS_ENTRY "/" RIG_SUB, VALUE), RC_OK);
	assert_int_equal(set(f, SUBS_ENTRY "/" RIG_SUB, VALUE), RC_LIMIT);
	assert_string_equal(f->error.code, "LIMIT");
	assert_string_equal(f->error.text, "too many registrations, try again later");
	clock_fake_advance(1800000);
	assert_int_equal(set(f, SUBS_ENTRY "/" RIG_SUB, VALUE), RC_OK);
}

static void device_tokens_are_read_together_at_inbox(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(rig_find(&f->r.rig, RIG_ACCOUNT, "INBOX", &f->scope.mailbox), RC_OK);
	f->scope.mailbox_name = STRV("INBOX");
	assert_int_equal(set(f, TOKENS, "first"), RC_OK);
	assert_string_equal(get(f, TOKENS), TOKENS "=first\n");
	assert_int_equal(set(f, TOKENS, "second"), RC_OK);
	get(f, TOKENS);
	assert_true(strcmp(f->text, TOKENS "=first second\n") == 0 ||
		    strcmp(f->text, TOKENS "=second first\n") == 0);
	refused(f, TOKENS, "with blank", "not a device token");
	refused(f, TOKENS "/other", "third", "there are no device tokens here");
	assert_int_equal(set(f, TOKENS, NULL), RC_OK);
	assert_string_equal(get(f, TOKENS), "");
	f->r.settings.chatmail = false;
	refused(f, TOKENS, "first", "there are no device tokens here");
}

static void device_tokens_are_inboxs_alone(void **state)
{
	struct fixture *f = *state;

	refused(f, TOKENS, "first", "there are no device tokens here");
	f->scope.mailbox = 999;
	f->scope.mailbox_name = STRV("Other");
	refused(f, TOKENS, "first", "there are no device tokens here");
}

static void facts_are_read_but_not_set(void **state)
{
	struct fixture *f = *state;

	assert_string_equal(get(f, FACTS), FACTS "/irohrelay=https://iroh.example.org\n");
	assert_int_equal(set(f, FACTS "/irohrelay", "x"), RC_PERM);
	f->r.settings.chatmail = false;
	assert_string_equal(get(f, FACTS), "");
}

static void the_key_is_read_in_pem(void **state)
{
	struct fixture *f = *state;

	get(f, VAPID_ENTRY);
	assert_true(strncmp(f->text, VAPID_ENTRY "=-----BEGIN PUBLIC KEY-----\n", 60) == 0);
}

static void a_device_token_has_a_longest_length(void **state)
{
	struct fixture *f = *state;
	char token[DEVICE_TOKEN_MAX + 2];

	assert_int_equal(rig_find(&f->r.rig, RIG_ACCOUNT, "INBOX", &f->scope.mailbox), RC_OK);
	f->scope.mailbox_name = STRV("INBOX");
	for (size_t n = DEVICE_TOKEN_MAX - 1; n <= DEVICE_TOKEN_MAX + 1; n++) {
		memset(token, 't', n);
		token[n] = '\0';
		enum rc rc = set(f, TOKENS, token);
		if (n <= DEVICE_TOKEN_MAX)
			assert_int_equal(rc, RC_OK);
		else
			assert_int_not_equal(rc, RC_OK);
	}
	/* Printable octets and those beyond ASCII only. */
	assert_int_equal(set(f, TOKENS, "!~\x80\xff"), RC_OK);
	refused(f, TOKENS, "a\x7f", "not a device token");
	refused(f, TOKENS, "a\x1f", "not a device token");
	refused(f, TOKENS, "", "not a device token");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_subscription_is_read_as_it_was_set_without_its_token),
		TEST(a_token_validates_its_subscription_and_may_be_sent_twice),
		TEST(a_token_is_void_after_its_time_or_with_a_new_key),
		TEST(a_subscription_is_removed_with_nil),
		TEST(what_cannot_be_set_is_refused_with_its_reason),
		TEST(an_account_has_a_number_of_subscriptions),
		TEST(an_account_has_a_number_of_registrations_an_hour),
		TEST(device_tokens_are_read_together_at_inbox),
		TEST(device_tokens_are_inboxs_alone),
		TEST(facts_are_read_but_not_set),
		TEST(the_key_is_read_in_pem),
		TEST(a_device_token_has_a_longest_length),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
