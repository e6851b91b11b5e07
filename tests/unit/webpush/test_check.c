/* Settings that are of no use are named before the server starts. */
#include "support/store_rig.h"
#include "webpush/webpush.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

struct fixture {
	char root[512];
	char path[600]; /* of the CA file */
	struct webpush_settings settings;
	struct buf errors;
};

static int begin(void **state)
{
	static struct fixture f;

	rig_folder_make(f.root);
	snprintf(f.path, sizeof(f.path), "%s/ca.pem", f.root);
	webpush_settings_init(&f.settings);
	buf_init(&f.errors, 4096);
	*state = &f;
	return 0;
}

static int end(void **state)
{
	struct fixture *f = *state;

	buf_fini(&f->errors);
	rig_folder_remove(f->root);
	return 0;
}

static void refused(struct fixture *f, const char *why)
{
	f->errors.len = 0;
	assert_int_equal(webpush_check_settings(&f->settings, &f->errors), RC_INVALID);
	buf_addc(&f->errors, '\0');
	assert_non_null(strstr(f->errors.p, why));
}

static void taken(struct fixture *f)
{
	f->errors.len = 0;
	assert_int_equal(webpush_check_settings(&f->settings, &f->errors), RC_OK);
	assert_int_equal(f->errors.len, 0);
}

static void write_ca(const struct fixture *f, const char *text)
{
	FILE *file = fopen(f->path, "w");

	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
}

static void the_defaults_are_taken(void **state)
{
	taken(*state);
}

static void a_ca_file_must_hold_certificates(void **state)
{
	struct fixture *f = *state;

	f->settings.ca_file = f->path;
	refused(f, "webpush.ca_file: ");
	refused(f, "No such file");
	write_ca(f, "");
	refused(f, "no certificate in it");
	write_ca(f, "no PEM at all\n");
	refused(f, "no certificate in it");
	write_ca(f, "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
	refused(f, "not certificates in PEM");
}

static void a_proxy_must_be_one_that_is_spoken(void **state)
{
	static const char *const good[] = { "http://proxy.example.org:3128", "proxy.example.org",
		"socks5h://[2001:db8::1]:1080", "https://user:word@proxy.example.org" };
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		f->settings.proxy = good[i];
		taken(f);
	}
	f->settings.proxy = "ftp://proxy.example.org";
	refused(f, "neither http, https nor socks");
	f->settings.proxy = "http://proxy.example.org:99999";
	refused(f, "webpush.proxy: http://proxy.example.org:99999: ");
}

static void the_notifier_is_an_endpoint_if_tokens_are_taken(void **state)
{
	struct fixture *f = *state;

	f->settings.chatmail = true;
	f->settings.notifier_url = "https://notifications.example.org/notify";
	taken(f);
	f->settings.notifier_url = "http://notifications.example.org/notify";
	refused(f, "chatmail.notifier_url: ");
	f->settings.chatmail = false;
	taken(f);
}

static void all_that_is_wrong_is_named_at_once(void **state)
{
	struct fixture *f = *state;

	f->settings.ca_file = f->path;
	f->settings.proxy = "ftp://proxy.example.org";
	f->settings.chatmail = true;
	f->settings.notifier_url = "nowhere";
	refused(f, "webpush.ca_file: ");
	refused(f, "webpush.proxy: ");
	refused(f, "chatmail.notifier_url: ");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(the_defaults_are_taken, begin, end),
		cmocka_unit_test_setup_teardown(a_ca_file_must_hold_certificates, begin, end),
		cmocka_unit_test_setup_teardown(a_proxy_must_be_one_that_is_spoken, begin, end),
		cmocka_unit_test_setup_teardown(the_notifier_is_an_endpoint_if_tokens_are_taken, begin, end),
		cmocka_unit_test_setup_teardown(all_that_is_wrong_is_named_at_once, begin, end),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
