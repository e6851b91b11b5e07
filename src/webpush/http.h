/*
 * The HTTP client that sends requests to push services (RFC 8030) and notifiers of device tokens: HTTP/2 or
 * 1.1 over TLS, one request for each push, no redirects, and only public addresses (endpoint.h), whatever the
 * name was resolved to. [push] Owned by webpush.c. Time limits are in the settings; at most 64 KiB of an
 * answer are read, and thrown away.
 */
#ifndef COID_WEBPUSH_HTTP_H
#define COID_WEBPUSH_HTTP_H

#include "base/rc.h"

#include <stdbool.h>
#include <stdint.h>

#define HTTP_TTL_MAX_S (28 * 86400) /* a longer life means the same to every push service */

struct core;
struct http;
struct push;
struct server_key;
struct webpush_settings;

/* The answer to a request, or the reason why there is none. */
struct push_answer {
	unsigned status; /* 0: no answer */
	bool refused; /* every address of the host is forbidden */
	bool reached; /* the request was sent over an established connection */
	char retry_after[64]; /* empty: none */
	char error[256]; /* for logs, if there is no answer */
	uint64_t ms; /* from the start of the request */
};

/* Called with the answer; takes over the push. `answer` is valid during the call. */
typedef void http_answered_fn(void *ctx, struct push *push, const struct push_answer *answer);

/* Seconds that are left of the push's life, as a request says it (TTL, RFC 8030 section 5.2). A validation
 * push lives no longer than its window. */
uint64_t http_ttl(const struct webpush_settings *settings, const struct push *push, int64_t now);

/* `core` and `key` are borrowed. RC_UNAVAILABLE: libcurl can't be set up. */
enum rc http_new(struct core *core, struct server_key *key, http_answered_fn *answered, void *ctx,
	struct http **ret_http) MUST_CHECK;
/* Call this when no transfer is left (http_drop_if). Accepts NULL. */
void http_free(struct http **http);
/*
 * Begins a request. Owns the push until `answered`, which is called before this returns if the request can't
 * be made.
 */
void http_start(struct http *http, struct push *push);
/* Drops the running requests that `want` selects, without an answer: `fn` takes over each push. */
void http_drop_if(struct http *http, bool (*want)(void *arg, const struct push *push), void *arg,
	void (*fn)(void *ctx, struct push *push), void *ctx);

#endif
