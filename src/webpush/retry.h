/*
 * What an answer of a push service means, and when to try again. Pure; any thread.
 */
#ifndef COID_WEBPUSH_RETRY_H
#define COID_WEBPUSH_RETRY_H

#include "base/rc.h"
#include "base/strv.h"

#include <stdbool.h>
#include <stdint.h>

#define RETRY_AFTER_MAX_S (24 * 3600) /* what a server may ask for */
#define DEVICE_LIFE_S (5 * 3600) /* no try later than this after the first */

enum retry_verdict {
	RETRY_DONE, /* the push service has it */
	RETRY_DROP, /* it never will: logged and counted */
	RETRY_GONE, /* the subscription is no more */
	RETRY_SHRINK, /* too large: once again without content */
	RETRY_WAIT, /* the service asks for a pause: all of its origin waits */
	RETRY_LATER /* it failed: this push waits, the origin is suspect */
};

/* status 0: no answer (refused, time-out, TLS, ...). */
enum retry_verdict retry_verdict(unsigned status);
/* The same for a notifier of device tokens. */
enum retry_verdict retry_verdict_device(unsigned status);
/* Retry-After, seconds or HTTP-date, as seconds from now, at most RETRY_AFTER_MAX_S. RC_INVALID: neither. */
enum rc retry_after(struct strv value, int64_t now, uint64_t *ret_seconds) MUST_CHECK;
/* min * 2^tries, at most max, of which a random part up to a half is taken off. */
uint64_t retry_backoff(unsigned tries, uint64_t min, uint64_t max, uint64_t random);
/* Seconds until the next try of a device token after `tries` ones: 8, 64, 512, 4096; 0: none. */
uint64_t retry_device(unsigned tries);

#endif
