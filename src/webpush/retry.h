/*
 * The rules for answers: the meaning of a push service's status (RFC 8030 section 5), and when to try again.
 * Pure; any thread. outcome.c carries them out.
 */
#ifndef COID_WEBPUSH_RETRY_H
#define COID_WEBPUSH_RETRY_H

#include "base/rc.h"
#include "base/strv.h"

#include <stdbool.h>
#include <stdint.h>

#define RETRY_AFTER_MAX_S (24 * 3600) /* longest pause that a server may ask for */
#define DEVICE_LIFE_S (5 * 3600) /* a device token is not tried later than this after the delivery */

enum retry_verdict {
	RETRY_DONE, /* the push service has it */
	RETRY_DROP, /* the push service will never take it */
	RETRY_GONE, /* the subscription does not exist any more */
	RETRY_SHRINK, /* too large: send it once more without its content */
	RETRY_WAIT, /* it asks for a pause: try again after Retry-After */
	RETRY_LATER /* it failed: try again later */
};

/* The verdict on a status. `status` 0: there was no answer (connection refused, time-out, TLS, ...). */
enum retry_verdict retry_verdict(unsigned status);
/* The verdict on a status of a notifier of device tokens, which uses only 200 and 410. */
enum retry_verdict retry_verdict_device(unsigned status);
/*
 * Reads Retry-After, seconds or an HTTP-date, as seconds from now, at most RETRY_AFTER_MAX_S. RC_INVALID: it
 * is neither.
 */
enum rc retry_after(struct strv value, int64_t now, uint64_t *ret_seconds) MUST_CHECK;
/* A pause in milliseconds: min * 2^tries, at most max; `random` takes off up to a half. */
uint64_t retry_backoff(unsigned tries, uint64_t min, uint64_t max, uint64_t random);
/* The seconds until the next try of a device token after `tries` attempts: 8, 64, 512, 4096; 0: none. */
uint64_t retry_device(unsigned tries);

#endif
