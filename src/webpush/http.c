/*
 * The HTTP client: libcurl's multi interface on the push thread's event base, with one transfer for each
 * push.
 */
#include "webpush/http.h"

#include "base/clock.h"
#include "base/list.h"
#include "base/mem.h"
#include "base/str.h"
#include "webpush/core.h"
#include "webpush/device.h"
#include "webpush/key.h"
#include "webpush/origin.h"
#include "webpush/push.h"

#include <curl/curl.h>
#include <event2/event.h>
#include <inttypes.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define HTTP_BODY_MAX (64 * 1024) /* octets of an answer that are read, and thrown away */
#define HTTP_AUTHORIZATION_MAX 4096 /* room for a header line with a token of VAPID */
#define HTTP_DEVICE_TIMEOUT_MS 60000
#define HTTP_CONNECTIONS_KEPT 256
#define HTTP_TOPIC_CHARS 32 /* RFC 8030 section 5.4 allows no more */

struct http_transfer {
	struct list_node node;
	struct http *http;
	struct push *push; /* own until it is answered */
	CURL *easy;
	struct curl_slist *headers; /* own */
	struct buf body;
	size_t received;
	uint64_t began; /* clock_mono_ms */
	bool opened; /* a socket was opened */
	bool refused; /* no socket was opened, because of the address */
	char error[CURL_ERROR_SIZE];
};

/* A socket of curl's, and its event. */
struct http_socket {
	struct list_node node;
	struct http *http;
	struct event *event; /* own */
	curl_socket_t fd;
};

struct http {
	struct core *core; /* borrowed, as the next one */
	struct server_key *key;
	http_answered_fn *answered;
	void *ctx; /* of answered */
	struct vapid_cache *tokens; /* own */
	CURLM *multi; /* own */
	struct list transfers;
	struct list sockets;
	struct timer timer;
};

/* curl and libevent. */

static void http_collect(struct http *http);

static void http_act(struct http *http, curl_socket_t fd, int mask)
{
	int running = 0;

	curl_multi_socket_action(http->multi, fd, mask, &running);
	http_collect(http);
}

static void http_on_event(evutil_socket_t fd, short what, void *arg)
{
	struct http_socket *watched = arg;
	int mask = (what & EV_READ ? CURL_CSELECT_IN : 0) | (what & EV_WRITE ? CURL_CSELECT_OUT : 0);

	http_act(watched->http, fd, mask);
}

static void http_on_timer(void *arg)
{
	http_act(arg, CURL_SOCKET_TIMEOUT, 0);
}

static void http_unwatch(struct http *http, struct http_socket *watched)
{
	if (!watched)
		return;
	curl_multi_assign(http->multi, watched->fd, NULL);
	event_free(watched->event);
	list_remove(&watched->node);
	free(watched);
}

static int http_on_socket(CURL *easy, curl_socket_t fd, int what, void *ctx, void *assigned)
{
	struct http *http = ctx;
	struct http_socket *watched = assigned;
	short events = (short)((what & CURL_POLL_IN ? EV_READ : 0) | (what & CURL_POLL_OUT ? EV_WRITE : 0));

	(void)easy;
	if (what == CURL_POLL_REMOVE) {
		http_unwatch(http, watched);
		return 0;
	}
	if (watched) {
		event_free(watched->event);
	} else {
		watched = mem_zalloc(sizeof(*watched));
		watched->http = http;
		watched->fd = fd;
		list_append(&http->sockets, &watched->node);
		curl_multi_assign(http->multi, fd, watched);
	}
	watched->event = event_new(
		reactor_base(http->core->reactor), fd, (short)(events | EV_PERSIST), http_on_event, watched);
	event_add(watched->event, NULL);
	return 0;
}

static int http_on_timeout(CURLM *multi, long ms, void *ctx)
{
	struct http *http = ctx;

	(void)multi;
	if (ms < 0)
		timer_cancel(&http->timer);
	else
		timer_set(&http->timer, (uint64_t)ms);
	return 0;
}

/* Judges the address itself, not the name, nor what the name was resolved to before. */
static curl_socket_t http_open_socket(void *ctx, curlsocktype purpose, struct curl_sockaddr *address)
{
	struct http_transfer *transfer = ctx;
	const struct webpush_settings *settings = transfer->http->core->settings;

	/* The administrator has chosen the proxy's address; the proxy judges the addresses behind it. */
	if (purpose != CURLSOCKTYPE_IPCXN || (!settings->allow_private && !settings->proxy[0] &&
						     !endpoint_address_public(&address->addr))) {
		transfer->refused = true;
		return CURL_SOCKET_BAD;
	}
	int fd = socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
	if (fd < 0)
		return CURL_SOCKET_BAD;
	transfer->opened = true;
	core_count(transfer->http->core, CORE_CONNECTIONS);
	return fd;
}

static size_t http_on_body(char *p, size_t size, size_t n, void *ctx)
{
	struct http_transfer *transfer = ctx;

	(void)p;
	transfer->received += size * n;
	return transfer->received > HTTP_BODY_MAX ? 0 : size * n;
}

/* Transfers. */

static void http_transfer_free(struct http_transfer *transfer)
{
	list_remove(&transfer->node);
	curl_multi_remove_handle(transfer->http->multi, transfer->easy);
	curl_easy_cleanup(transfer->easy);
	curl_slist_free_all(transfer->headers);
	buf_wipe(&transfer->body);
	free(transfer);
}

static void http_transfer_retry_after(CURL *easy, struct push_answer *answer)
{
	struct curl_header *header;

	if (curl_easy_header(easy, "Retry-After", 0, CURLH_HEADER, -1, &header) == CURLHE_OK)
		snprintf(answer->retry_after, sizeof(answer->retry_after), "%s", header->value);
}

/* True: the request was sent over an established connection. */
static bool http_transfer_reached(const struct http_transfer *transfer)
{
	long sent = 0;

	return curl_easy_getinfo(transfer->easy, CURLINFO_REQUEST_SIZE, &sent) == CURLE_OK && sent > 0;
}

static void http_transfer_complete(struct http *http, struct http_transfer *transfer, CURLcode result)
{
	struct push_answer answer = { 0 };
	struct push *push = transfer->push;
	long status = 0;

	curl_easy_getinfo(transfer->easy, CURLINFO_RESPONSE_CODE, &status);
	/* An answer counts even if its body is too long or does not end. */
	if (status >= 200 && status <= 599)
		answer.status = (unsigned)status;
	else
		snprintf(answer.error, sizeof(answer.error), "%s",
			transfer->error[0] ? transfer->error : curl_easy_strerror(result));
	answer.refused = !answer.status && transfer->refused && !transfer->opened;
	answer.ms = clock_mono_ms() - transfer->began;
	http_transfer_retry_after(transfer->easy, &answer);
	answer.reached = http_transfer_reached(transfer);
	http_transfer_free(transfer);
	http->answered(http->ctx, push, &answer);
}

static void http_collect(struct http *http)
{
	int left = 0;

	for (;;) {
		CURLMsg *message = curl_multi_info_read(http->multi, &left);
		if (!message)
			return;
		if (message->msg != CURLMSG_DONE)
			continue;
		struct http_transfer *transfer = NULL;
		CURLcode result = message->data.result;
		curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&transfer);
		http_transfer_complete(http, transfer, result);
	}
}

static void http_transfer_header(struct http_transfer *transfer, const char *text)
{
	transfer->headers = curl_slist_append(transfer->headers, text);
}

uint64_t http_ttl(const struct webpush_settings *settings, const struct push *push, int64_t now)
{
	uint64_t left = push->expires > now ? (uint64_t)(push->expires - now) : 0;

	if (push->kind == PUSH_VALIDATION && left > settings->validation_window_s)
		left = settings->validation_window_s;
	return left < HTTP_TTL_MAX_S ? left : HTTP_TTL_MAX_S;
}

/*
 * RFC 8030 section 5.4: a push service keeps only one push of a topic. The topic identifies the message, so a
 * push that is sent once more replaces the first one if that still waits there. It reveals nothing about the
 * message: it is a digest with a secret of the subscription.
 */
static enum rc http_transfer_topic(struct http_transfer *transfer)
{
	const struct push *push = transfer->push;
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned length = 0;
	char text[64];
	struct buf line;

	int n = snprintf(
		text, sizeof(text), "%" PRId64 "/%" PRId64 "/%u", push->account, push->mailbox, push->uid);
	if (!HMAC(EVP_sha256(), push->receiver.auth, sizeof(push->receiver.auth), (const unsigned char *)text,
		    (size_t)n, digest, &length))
		return RC_UNAVAILABLE;
	buf_init(&line, HTTP_TOPIC_CHARS + 16);
	buf_adds(&line, "Topic: ");
	str_base64url(&line, strv_make(digest, HTTP_TOPIC_CHARS / 4 * 3));
	buf_addc(&line, '\0');
	http_transfer_header(transfer, line.p);
	buf_fini(&line);
	return RC_OK;
}

static enum rc http_transfer_prepare_push(struct http_transfer *transfer)
{
	const struct http *http = transfer->http;
	const struct webpush_settings *settings = http->core->settings;
	const struct push *push = transfer->push;
	int64_t now = clock_wall();
	struct vapid_key *key = key_current(http->key);
	struct buf line;

	buf_init(&line, HTTP_AUTHORIZATION_MAX);
	buf_adds(&line, "Authorization: ");
	enum rc rc = vapid_cache_get(
		http->tokens, key, strv_cstr(origin_name(push)), strv_cstr(settings->contact), now, &line);
	vapid_key_unref(&key);
	buf_addc(&line, '\0');
	if (rc == RC_OK)
		rc = ece_encrypt(&push->receiver, strv_make(push->plain, push->plain_n), &transfer->body);
	if (rc == RC_OK) {
		http_transfer_header(transfer, line.p);
		buf_reset(&line);
		buf_printf(&line, "TTL: %" PRIu64, http_ttl(settings, push, now));
		buf_addc(&line, '\0');
		http_transfer_header(transfer, line.p);
		http_transfer_header(
			transfer, push->flags & PUSH_URGENT ? "Urgency: high" : "Urgency: normal");
		http_transfer_header(transfer, "Content-Encoding: aes128gcm");
		http_transfer_header(transfer, "Content-Type: application/octet-stream");
		if (push->kind == PUSH_VALIDATION)
			http_transfer_header(transfer, "WebPush-Validation;");
		if (push->kind == PUSH_MESSAGE)
			rc = http_transfer_topic(transfer);
	}
	buf_wipe(&line);
	return rc;
}

static enum rc http_transfer_prepare(struct http_transfer *transfer)
{
	const struct push *push = transfer->push;

	http_transfer_header(transfer, "Expect:");
	http_transfer_header(transfer, "Accept:");
	if (push->kind != PUSH_DEVICE)
		return http_transfer_prepare_push(transfer);
	http_transfer_header(transfer, "Content-Type: text/plain");
	buf_add(&transfer->body, push->plain, push->plain_n);
	return RC_OK;
}

static bool http_transfer_configure(struct http_transfer *transfer)
{
	const struct webpush_settings *s = transfer->http->core->settings;
	CURL *easy = transfer->easy;
	bool device = transfer->push->kind == PUSH_DEVICE;
	long timeout = device ? HTTP_DEVICE_TIMEOUT_MS : (long)s->timeout_ms;
	bool ok = true;

	ok = ok && curl_easy_setopt(easy, CURLOPT_URL, transfer->push->endpoint) == CURLE_OK;
	ok = ok && curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "https") == CURLE_OK;
	ok = ok && curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L) == CURLE_OK;
	ok = ok && curl_easy_setopt(easy, CURLOPT_PROXY, s->proxy) == CURLE_OK;
	ok = ok && curl_easy_setopt(easy, CURLOPT_NOPROXY, "") == CURLE_OK;
	ok = ok && curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, http_open_socket) == CURLE_OK;
	ok = ok && curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, transfer) == CURLE_OK;
	ok = ok && curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 1L) == CURLE_OK;
	ok = ok && curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 2L) == CURLE_OK;
	/* The system's certificates stay trusted through CAPATH. */
	ok = ok && (!s->ca_file[0] || curl_easy_setopt(easy, CURLOPT_CAINFO, s->ca_file) == CURLE_OK);
	ok = ok && curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_2TLS) == CURLE_OK;
	ok = ok && curl_easy_setopt(easy, CURLOPT_PIPEWAIT, 1L) == CURLE_OK;
	ok = ok && curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L) == CURLE_OK;
	ok = ok && curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)s->connect_timeout_ms) == CURLE_OK;
	ok = ok && curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, timeout) == CURLE_OK;
	ok = ok && curl_easy_setopt(easy, CURLOPT_POST, 1L) == CURLE_OK;
	ok = ok && curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE, (long)transfer->body.len) == CURLE_OK;
	ok = ok && curl_easy_setopt(easy, CURLOPT_POSTFIELDS, transfer->body.p) == CURLE_OK;
	ok = ok && curl_easy_setopt(easy, CURLOPT_HTTPHEADER, transfer->headers) == CURLE_OK;
	ok = ok && curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, http_on_body) == CURLE_OK;
	ok = ok && curl_easy_setopt(easy, CURLOPT_WRITEDATA, transfer) == CURLE_OK;
	ok = ok && curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, transfer->error) == CURLE_OK;
	return ok && curl_easy_setopt(easy, CURLOPT_PRIVATE, transfer) == CURLE_OK;
}

void http_start(struct http *http, struct push *push)
{
	struct http_transfer *transfer = mem_zalloc(sizeof(*transfer));

	transfer->http = http;
	transfer->push = push;
	transfer->began = clock_mono_ms();
	transfer->easy = curl_easy_init();
	/* Both limits happen to be equal. NOLINTNEXTLINE(bugprone-branch-clone) */
	buf_init(&transfer->body, push->kind == PUSH_DEVICE ? DEVICE_TOKEN_MAX : ECE_RECORD);
	list_append(&http->transfers, &transfer->node);
	enum rc rc = transfer->easy ? http_transfer_prepare(transfer) : RC_UNAVAILABLE;
	if (rc == RC_OK && http_transfer_configure(transfer) &&
		curl_multi_add_handle(http->multi, transfer->easy) == CURLM_OK)
		return;
	struct push_answer answer = { 0 };
	snprintf(answer.error, sizeof(answer.error), "can't make the request");
	http_transfer_free(transfer);
	http->answered(http->ctx, push, &answer);
}

void http_drop_if(struct http *http, bool (*want)(void *arg, const struct push *push), void *arg,
	void (*fn)(void *ctx, struct push *push), void *ctx)
{
	LIST_EACH_SAFE (node, &http->transfers) {
		struct http_transfer *transfer = CONTAINER_OF(node, struct http_transfer, node);
		struct push *push = transfer->push;
		if (!want(arg, push))
			continue;
		http_transfer_free(transfer);
		fn(ctx, push);
	}
}

enum rc http_new(struct core *core, struct server_key *key, http_answered_fn *answered, void *ctx,
	struct http **ret_http)
{
	struct http *http = mem_zalloc(sizeof(*http));

	http->core = core;
	http->key = key;
	http->answered = answered;
	http->ctx = ctx;
	list_init(&http->transfers);
	list_init(&http->sockets);
	timer_init(&http->timer, core->reactor, http_on_timer, http);
	http->multi = curl_multi_init();
	if (!http->multi) {
		timer_fini(&http->timer);
		free(http);
		return RC_UNAVAILABLE;
	}
	http->tokens = vapid_cache_new();
	curl_multi_setopt(http->multi, CURLMOPT_SOCKETFUNCTION, http_on_socket);
	curl_multi_setopt(http->multi, CURLMOPT_SOCKETDATA, http);
	curl_multi_setopt(http->multi, CURLMOPT_TIMERFUNCTION, http_on_timeout);
	curl_multi_setopt(http->multi, CURLMOPT_TIMERDATA, http);
	curl_multi_setopt(http->multi, CURLMOPT_PIPELINING, (long)CURLPIPE_MULTIPLEX);
	curl_multi_setopt(http->multi, CURLMOPT_MAXCONNECTS, (long)HTTP_CONNECTIONS_KEPT);
	*ret_http = http;
	return RC_OK;
}

void http_free(struct http **http)
{
	struct http *h = *http;

	if (!h)
		return;
	*http = NULL;
	curl_multi_cleanup(h->multi);
	LIST_EACH_SAFE (node, &h->sockets) {
		struct http_socket *watched = CONTAINER_OF(node, struct http_socket, node);
		event_free(watched->event);
		list_remove(&watched->node);
		free(watched);
	}
	vapid_cache_free(&h->tokens);
	timer_fini(&h->timer);
	free(h);
}
