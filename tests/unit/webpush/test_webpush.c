/*
 * The whole of Web Push in one process, without a push service: what resolves to an address that is not
 * public is not asked. The resolver is this file's: libcurl finds this getaddrinfo before the C library's.
 */
#include "webpush/subs.h"
#include "webpush/webpush_priv.h"

#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"
#include "store/message.h"
#include "support/store_rig.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#define P256DH "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4"
#define AUTH "BTBZMqHH6r4Tts7J_aSIgg"
#define MESSAGE STRV("From: bob@example.org\r\nSubject: hello\r\n\r\nhello\r\n")
#define WAIT_MS 20000

/*
 * "push<n>.example.org" is answered with the n-th of these; a second question for a "moving" name with
 * another answer.
 */
static const char *const answers[] = { "127.0.0.1", "10.0.0.1", "192.168.1.1", "169.254.169.254",
	"100.64.0.1", "0.0.0.0", "224.0.0.1", "::1", "::ffff:127.0.0.1", "64:ff9b::7f00:1",
	"2002:7f00:1::", "fd00::1", "fe80::1", "ff02::1" };
static atomic_uint moving_asked;

static struct addrinfo *address_new(const char *text, unsigned port)
{
	struct in6_addr in6;
	struct addrinfo *info = mem_zalloc(sizeof(*info) + sizeof(struct sockaddr_in6));
	void *room = info + 1;

	info->ai_socktype = SOCK_STREAM;
	info->ai_protocol = IPPROTO_TCP;
	info->ai_addr = room;
	if (inet_pton(AF_INET6, text, &in6) == 1) {
		struct sockaddr_in6 *address = room;
		address->sin6_family = AF_INET6;
		address->sin6_port = htons((uint16_t)port);
		address->sin6_addr = in6;
		info->ai_addrlen = sizeof(*address);
	} else {
		struct sockaddr_in *address = room;
		address->sin_family = AF_INET;
		address->sin_port = htons((uint16_t)port);
		inet_pton(AF_INET, text, &address->sin_addr);
		info->ai_addrlen = sizeof(*address);
	}
	info->ai_family = info->ai_addr->sa_family;
	return info;
}

int getaddrinfo(
	const char *name, const char *service, const struct addrinfo *hints, struct addrinfo **ret_info);
void freeaddrinfo(struct addrinfo *info);

int getaddrinfo(
	const char *name, const char *service, const struct addrinfo *hints, struct addrinfo **ret_info)
{
	uint32_t number = 0;
	uint32_t port = 443;
	struct strv label = strv_cstr(name);

	(void)hints;
	(void)!str_u32(strv_cstr(service ? service : ""), &port);
	label.n = strv_index(label, '.');
	if (strv_starts(label, STRV("moving")))
		/* First it can't be found, then it is somewhere inside. */
		return atomic_fetch_add(&moving_asked, 1) == 0
			       ? EAI_AGAIN
			       : (*ret_info = address_new("10.1.2.3", port), 0);
	if (!strv_starts(label, STRV("push")) || str_u32(strv_sub(label, 4, label.n), &number) != RC_OK ||
		number >= sizeof(answers) / sizeof(answers[0]))
		return EAI_NONAME;
	*ret_info = address_new(answers[number], port);
	/* Several addresses: none of them may be asked. */
	(*ret_info)->ai_next = address_new("127.0.0.1", port);
	return 0;
}

void freeaddrinfo(struct addrinfo *info)
{
	while (info) {
		struct addrinfo *next = info->ai_next;
		free(info);
		info = next;
	}
}

struct fixture {
	struct rig rig;
	char root[512];
	struct webpush *webpush;
};

static void begin(struct fixture *f)
{
	struct webpush_settings settings;
	struct buf errors;

	rig_folder_make(f->root);
	rig_init(&f->rig, f->root, NULL);
	f->rig.threads = 2;
	assert_int_equal(rig_open(&f->rig), RC_OK);
	webpush_settings_init(&settings);
	settings.backoff_min_ms = 50;
	settings.backoff_max_ms = 200;
	buf_init(&errors, 4096);
	assert_int_equal(webpush_new(&settings, f->rig.store, f->rig.log, &errors, &f->webpush), RC_OK);
	buf_fini(&errors);
	assert_int_equal(webpush_start(f->webpush), RC_OK);
}

static void end(struct fixture *f)
{
	webpush_stop(f->webpush);
	while (webpush_busy(f->webpush))
		usleep(1000);
	pool_drain(f->rig.pool);
	webpush_free(&f->webpush);
	rig_close(&f->rig);
	rig_folder_remove(f->root);
}

struct making {
	struct webpush *webpush;
	const char *host;
};

static enum rc make_sub(struct account *account, void *arg)
{
	struct making *making = arg;
	struct arena *arena = arena_new(0);
	struct vapid_key *key = key_current(&making->webpush->key);
	char why[SUBS_WHY_MAX];
	struct sub sub;
	const char *json = arena_printf(arena,
		"{\"client\":\"c\",\"device\":\"d\",\"msgtype\":\"all\",\"resource\":{\"endpoint\":\"https://"
		"%s:8443/x\","
		"\"keys\":{\"p256dh\":\"" P256DH "\",\"auth\":\"" AUTH "\"}}}",
		making->host);
	enum rc rc = subs_parse(strv_cstr("0123456789"), strv_cstr(json), false, arena, &sub, why);

	if (rc == RC_OK) {
		sub.validated = true;
		sub.created = clock_wall();
		sub.vapid = vapid_key_id(key);
		rc = subs_save(account, &sub);
	}
	vapid_key_unref(&key);
	arena_free(&arena);
	return rc;
}

struct delivery {
	struct job job; /* first */
	struct content *content;
	bool done;
};

static enum rc deliver_run(struct account *account, struct job *job)
{
	struct delivery *delivery = CONTAINER_OF(job, struct delivery, job);
	struct msg_new message = { .content = delivery->content };
	struct mbox_info inbox;
	uint32_t uid;
	enum rc rc = mbox_find(account, STRV("INBOX"), &inbox);

	return rc == RC_OK ? msg_append(account, inbox.id, &message, &uid) : rc;
}

static void deliver_done(struct job *job)
{
	(CONTAINER_OF(job, struct delivery, job))->done = true;
}

static void deliver(struct fixture *f, int64_t account_number)
{
	struct delivery delivery = { .content = content_from_bytes(f->rig.store, MESSAGE) };
	struct account *account = account_get(f->rig.store, account_number);

	delivery.job.kind = JOB_WRITE;
	delivery.job.run = deliver_run;
	delivery.job.done = deliver_done;
	delivery.job.home = f->rig.reactor;
	delivery.job.origin = ORIGIN_DELIVERY;
	assert_int_equal(job_submit(account, &delivery.job), RC_OK);
	while (!delivery.done)
		reactor_run_once(f->rig.reactor, true);
	assert_int_equal(delivery.job.rc, RC_OK);
	content_unref(&delivery.content);
	account_unref(&account);
}

static void wait_refused(struct fixture *f, uint64_t count)
{
	struct webpush_counters counters = { 0 };

	for (unsigned ms = 0; ms < WAIT_MS && counters.refused < count; ms += 10) {
		usleep(10000);
		webpush_counters(f->webpush, &counters);
	}
	assert_int_equal(counters.refused, count);
	assert_int_equal(counters.connections, 0);
	assert_int_equal(counters.sent, 0);
}

static enum rc count_subs(struct account *account, void *arg)
{
	struct arena *arena = arena_new(0);
	struct subs_list list;
	enum rc rc = subs_load(account, arena, &list);

	*(size_t *)arg = rc == RC_OK ? list.n : 99;
	arena_free(&arena);
	return rc;
}

static void assert_dropped(struct fixture *f, int64_t account)
{
	size_t count = 1;

	for (unsigned ms = 0; ms < WAIT_MS && count > 0; ms += 10) {
		assert_int_equal(rig_run(&f->rig, account, JOB_READ, count_subs, &count), RC_OK);
		usleep(10000);
	}
	assert_int_equal(count, 0);
}

/* WP-16 */
static void wp_16_a_name_with_a_private_address_is_not_asked_and_its_subscription_dropped(void **state)
{
	struct fixture f;
	char host[64];
	size_t count = sizeof(answers) / sizeof(answers[0]);

	(void)state;
	begin(&f);
	for (size_t i = 0; i < count; i++) {
		struct making making = { .webpush = f.webpush, .host = host };
		snprintf(host, sizeof(host), "push%zu.example.org", i);
		assert_int_equal(rig_run(&f.rig, (int64_t)i + 1, JOB_WRITE, make_sub, &making), RC_OK);
		deliver(&f, (int64_t)i + 1);
		wait_refused(&f, i + 1);
		assert_dropped(&f, (int64_t)i + 1);
	}
	end(&f);
}

/* WP-16 */
static void wp_16_a_name_is_judged_by_the_answer_of_now(void **state)
{
	struct fixture f;
	struct making making = { .host = "moving.example.org" };

	(void)state;
	begin(&f);
	making.webpush = f.webpush;
	assert_int_equal(rig_run(&f.rig, 1, JOB_WRITE, make_sub, &making), RC_OK);
	deliver(&f, 1);
	wait_refused(&f, 1);
	assert_true(atomic_load(&moving_asked) >= 2);
	assert_dropped(&f, 1);
	end(&f);
}

/* WP-46 */
static void wp_46_pushes_stay_in_the_queue_when_the_server_stops(void **state)
{
	struct fixture f;
	struct making making = { .host = "unknown.example.org" };

	(void)state;
	begin(&f);
	making.webpush = f.webpush;
	assert_int_equal(rig_run(&f.rig, 1, JOB_WRITE, make_sub, &making), RC_OK);
	deliver(&f, 1);
	struct webpush_counters counters = { 0 };
	for (unsigned ms = 0; ms < WAIT_MS && counters.failed == 0; ms += 10) {
		usleep(10000);
		webpush_counters(f.webpush, &counters);
	}
	assert_true(counters.failed > 0);
	end(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			wp_16_a_name_with_a_private_address_is_not_asked_and_its_subscription_dropped),
		cmocka_unit_test(wp_16_a_name_is_judged_by_the_answer_of_now),
		cmocka_unit_test(wp_46_pushes_stay_in_the_queue_when_the_server_stops),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
