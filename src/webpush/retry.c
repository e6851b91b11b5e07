/* Statuses, Retry-After and pauses: tables and arithmetic. */
#include "webpush/retry.h"

#include "base/str.h"
#include "mime/header.h"

#define DEVICE_TRIES 4

enum retry_verdict retry_verdict(unsigned status)
{
	switch (status) {
	case 200:
	case 201:
	case 202:
	case 204:
		return RETRY_DONE;
	case 404:
	case 410:
		return RETRY_GONE;
	case 413:
		return RETRY_SHRINK;
	case 429:
	case 503:
		return RETRY_WAIT;
	case 0:
	case 408:
		return RETRY_LATER;
	default:
		return status >= 500 && status < 600 ? RETRY_LATER : RETRY_DROP;
	}
}

enum retry_verdict retry_verdict_device(unsigned status)
{
	if (status == 200)
		return RETRY_DONE;
	return status == 410 ? RETRY_GONE : RETRY_LATER;
}

enum rc retry_after(struct strv value, int64_t now, uint64_t *ret_seconds)
{
	uint64_t seconds = 0;
	int64_t date;
	int zone;

	value = strv_trim(value);
	if (str_u64(value, &seconds) != RC_OK) {
		if (mime_date_parse(value, &date, &zone) != RC_OK)
			return RC_INVALID;
		seconds = date > now ? (uint64_t)(date - now) : 0;
	}
	*ret_seconds = seconds < RETRY_AFTER_MAX_S ? seconds : RETRY_AFTER_MAX_S;
	return RC_OK;
}

uint64_t retry_backoff(unsigned tries, uint64_t min, uint64_t max, uint64_t random)
{
	uint64_t wait = min;

	for (unsigned i = 0; i < tries && wait < max; i++)
		wait *= 2;
	if (wait > max)
		wait = max;
	return wait - (wait / 2 ? random % (wait / 2) : 0);
}

uint64_t retry_device(unsigned tries)
{
	return tries >= 1 && tries <= DEVICE_TRIES ? (uint64_t)1 << (3 * tries) : 0;
}
