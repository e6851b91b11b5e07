/*
 * The HTTP client without a push service: addresses that may not be asked, connections that fail, requests
 * that are dropped. Requests as push services see them are in tests/integration/test_70_webpush.py.
 */
#include "base/clock.h"
#include "base/mem.h"
#include "store/store.h"
#include "support/store_rig.h"
#include "webpush/core.h"
#include "webpush/http.h"
#include "webpush/key.h"
#include "webpush/origin.h"
#include "webpush/push.h"
#include "webpush/webpush.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

struct fixture {
	struct rig rig;
	char root[512];
	struct webpush_settings settings;
	struct core core;
	struct server_key key;
	struct origins *origins;
	struct http *http;
	int listener;
	char url[64];
	unsigned answers;
	unsigned dropped;
	struct push_answer answer; /* the last one */
};

static void end_push(struct fixture *f, struct push *push)
{
	origins_end(f->origins, push, ORIGIN_DROPPED, 0, clock_mono_ms(), 0);
	push_free(&push);
}

static void on_answer(void *ctx, struct push *push, const struct push_answer *answer)
{
	struct fixture *f = ctx;

	f->answers++;
	f->answer = *answer;
	end_push(f, push);
}

static void on_drop(void *ctx, struct push *push)
{
	struct fixture *f = ctx;

	f->dropped++;
	end_push(f, push);
}

/* A port of this machine that takes connections and says nothing. */
static void listen_silently(struct fixture *f)
{
	struct sockaddr_in address = { .sin_family = AF_INET };
	socklen_t size = sizeof(address);

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	f->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(f->listener, (struct sockaddr *)(void *)&address, sizeof(address)), 0);
	assert_int_equal(listen(f->listener, 4), 0);
	assert_int_equal(getsockname(f->listener, (struct sockaddr *)(void *)&address, &size), 0);
	snprintf(f->url, sizeof(f->url), "https://127.0.0.1:%u/push", ntohs(address.sin_port));
}

static int setup(void **state)
{
	static struct fixture f;

	memset(&f, 0, sizeof(f));
	rig_folder_make(f.root);
	rig_init(&f.rig, f.root, NULL);
	assert_int_equal(rig_open(&f.rig), RC_OK);
	webpush_settings_init(&f.settings);
	f.settings.allow_private = true;
	f.core.settings = &f.settings;
	f.core.store = f.rig.store;
	f.core.log = f.rig.log;
	f.core.reactor = f.rig.reactor;
	key_init(&f.key, &f.core, NULL, NULL);
	assert_int_equal(key_fake(&f.key), RC_OK);
	f.origins = origins_new(&f.settings);
	assert_int_equal(http_new(&f.core, &f.key, on_answer, &f, &f.http), RC_OK);
	listen_silently(&f);
	*state = &f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	http_free(&f->http);
	assert_null(f->http);
	origins_free(&f->origins);
	key_fini(&f->key);
	if (f->listener >= 0)
		close(f->listener);
	rig_close(&f->rig);
	rig_folder_remove(f->root);
	return 0;
}

static void start(struct fixture *f, enum push_kind kind)
{
	EVP_PKEY *receiver = NULL;
	uint64_t wake = UINT64_MAX;
	struct push *push = push_new(kind, 1, STRV("0123456789"), strv_cstr(f->url), STRV("{}"));

	push->expires = clock_wall() + 100;
	assert_int_equal(p256_generate(&receiver), RC_OK);
	assert_int_equal(p256_point(receiver, push->receiver.p256dh), RC_OK);
	EVP_PKEY_free(receiver);
	origins_enter(f->origins, "https://127.0.0.1", push);
	assert_ptr_equal(origins_next(f->origins, clock_mono_ms(), &wake), push);
	http_start(f->http, push);
}

static void wait_answer(struct fixture *f)
{
	while (f->answers == 0)
		reactor_run_once(f->rig.reactor, true);
	assert_int_equal(f->answers, 1);
	assert_int_equal(f->dropped, 0);
	assert_int_equal(f->answer.status, 0);
}

static void an_address_that_is_not_public_is_not_connected_to(void **state)
{
	struct fixture *f = *state;

	f->settings.allow_private = false;
	start(f, PUSH_MESSAGE);
	wait_answer(f);
	assert_true(f->answer.refused);
	assert_false(f->answer.reached);
	assert_int_equal(atomic_load(&f->core.counters[CORE_CONNECTIONS]), 0);
}

static void a_connection_that_is_refused_has_not_reached_its_push_service(void **state)
{
	struct fixture *f = *state;

	close(f->listener);
	f->listener = -1;
	start(f, PUSH_MESSAGE);
	wait_answer(f);
	assert_false(f->answer.refused);
	assert_false(f->answer.reached);
	assert_string_not_equal(f->answer.error, "");
	assert_int_equal(atomic_load(&f->core.counters[CORE_CONNECTIONS]), 1);
}

static void a_push_service_that_says_nothing_costs_the_time_of_the_settings(void **state)
{
	struct fixture *f = *state;

	f->settings.connect_timeout_ms = 100;
	f->settings.timeout_ms = 100;
	start(f, PUSH_VALIDATION);
	wait_answer(f);
	assert_false(f->answer.refused);
	assert_false(f->answer.reached);
	assert_true(f->answer.ms >= 100);
}

static void a_request_that_cannot_be_made_is_answered_at_once(void **state)
{
	struct fixture *f = *state;
	struct push *push = push_new(PUSH_MESSAGE, 1, STRV("0123456789"), strv_cstr(f->url), STRV("{}"));
	uint64_t wake = UINT64_MAX;

	/* A receiver whose key is none. */
	push->expires = clock_wall() + 100;
	origins_enter(f->origins, "https://127.0.0.1", push);
	assert_ptr_equal(origins_next(f->origins, clock_mono_ms(), &wake), push);
	http_start(f->http, push);
	assert_int_equal(f->answers, 1);
	assert_string_equal(f->answer.error, "can't make the request");
}

static bool is_device(void *arg, const struct push *push)
{
	(void)arg;
	return push->kind == PUSH_DEVICE;
}

static bool any(void *arg, const struct push *push)
{
	(void)arg;
	(void)push;
	return true;
}

static void requests_that_are_dropped_get_no_answer(void **state)
{
	struct fixture *f = *state;

	start(f, PUSH_DEVICE);
	snprintf(f->url + strlen(f->url), 8, "2");
	start(f, PUSH_MESSAGE);
	reactor_run_once(f->rig.reactor, false);
	http_drop_if(f->http, is_device, NULL, on_drop, f);
	assert_int_equal(f->dropped, 1);
	http_drop_if(f->http, any, NULL, on_drop, f);
	assert_int_equal(f->dropped, 2);
	reactor_run_once(f->rig.reactor, false);
	assert_int_equal(f->answers, 0);
}

static void the_life_of_a_push_has_a_limit(void **state)
{
	struct fixture *f = *state;
	struct push *push = push_new(PUSH_MESSAGE, 1, STRV("0123456789"), strv_cstr(f->url), STRV("{}"));
	int64_t now = 1800000000;

	for (int64_t left = HTTP_TTL_MAX_S - 1; left <= HTTP_TTL_MAX_S + 1; left++) {
		push->expires = now + left;
		assert_int_equal(
			http_ttl(&f->settings, push, now), left < HTTP_TTL_MAX_S ? left : HTTP_TTL_MAX_S);
	}
	for (int64_t left = -1; left <= 1; left++) {
		push->expires = now + left;
		assert_int_equal(http_ttl(&f->settings, push, now), left > 0 ? left : 0);
	}
	push_free(&push);
	push = push_new(PUSH_VALIDATION, 1, STRV("0123456789"), strv_cstr(f->url), STRV("{}"));
	f->settings.validation_window_s = 900;
	for (int64_t left = 899; left <= 901; left++) {
		push->expires = now + left;
		assert_int_equal(http_ttl(&f->settings, push, now), left < 900 ? left : 900);
	}
	push_free(&push);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(an_address_that_is_not_public_is_not_connected_to),
		TEST(a_connection_that_is_refused_has_not_reached_its_push_service),
		TEST(a_push_service_that_says_nothing_costs_the_time_of_the_settings),
		TEST(a_request_that_cannot_be_made_is_answered_at_once),
		TEST(requests_that_are_dropped_get_no_answer),
		TEST(the_life_of_a_push_has_a_limit),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
