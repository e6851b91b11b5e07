/* link: mime */
/*
 * A header block: walked, filtered both ways, unfolded, its words decoded, its dates and message ids read,
 * leniently and strictly.
 */
#include "mime/header.h"

#include "base/str.h"
#include "mime/msgid.h"

#include <stdint.h>
#include <stdlib.h>

#define OUT_MAX (64 * 1024 * 1024)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool condition)
{
	if (!condition)
		abort();
}

static bool holds(const struct buf *buf, char c)
{
	return buf->len > 0 && memchr(buf->p, c, buf->len) != NULL;
}

static void check_ids(struct strv value)
{
	struct msgid_walk walk;
	struct buf id;
	buf_init(&id, OUT_MAX);
	msgid_walk_init(&walk, value);
	while (msgid_walk_next(&walk, &id))
		check(buf_ok(&id) && id.len >= 3 && id.len < value.n && holds(&id, '@'));
	buf_fini(&id);
}

static void check_value(struct strv value)
{
	struct buf out;
	int64_t seconds = 0;
	int zone = 0;
	buf_init(&out, OUT_MAX);
	mime_unfold(&out, value);
	check(buf_ok(&out) && out.len <= value.n && !holds(&out, '\r') && !holds(&out, '\n'));
	buf_reset(&out);
	mime_words_decode(&out, value);
	check(buf_ok(&out) && str_utf8_valid(buf_strv(&out)));
	check(!holds(&out, '\r') && !holds(&out, '\n') && !holds(&out, '\0'));
	buf_reset(&out);
	struct strv ids = value;
	while (mime_msgid_next(&ids, &out))
		check(!holds(&out, '<') && !holds(&out, ' '));
	check(ids.n == 0 && out.len <= value.n);
	if (mime_date_parse(value, &seconds, &zone) == RC_OK) {
		check(zone > -24 * 60 && zone < 24 * 60);
		/* The years 1 to 9999, and a day for the zone. */
		check(seconds >= -62135596800 - 86400 && seconds < 253402300800 + 86400);
	}
	/* A value with a complete date has a day. */
	bool whole = mime_date_parse(value, &seconds, &zone) == RC_OK;
	int64_t sent = 0;
	check(mime_date_sent(value, &sent, &zone) == RC_OK || !whole);
	check(!whole || sent == seconds);
	buf_reset(&out);
	bool converted = mime_words_convert(&out, value);
	check(buf_ok(&out) && (!converted || str_utf8_valid(buf_strv(&out))));
	check(!holds(&out, '\r') && !holds(&out, '\n') && !holds(&out, '\0'));
	check_ids(value);
	buf_fini(&out);
}

static size_t count_fields(struct strv block)
{
	struct mime_field field;
	size_t count = 0;
	while (mime_header_next(&block, &field, NULL))
		count++;
	return count;
}

/* A block in pieces is filtered as a whole one. */
static void check_sift(struct strv block, const struct strv *names, bool negate, const struct buf *expected)
{
	size_t step = block.n > 0 ? 1 + (unsigned char)block.p[0] % 61 : 1;
	struct mime_sift sift;
	struct buf out;
	buf_init(&out, OUT_MAX);
	mime_sift_init(&sift, names, 3, negate, mime_sift_to_buf, &out);
	for (size_t i = 0; i < block.n; i += step)
		mime_sift_feed(&sift, strv_sub(block, i, step));
	mime_sift_end(&sift);
	buf_adds(&out, "\r\n");
	check(out.len == expected->len && memcmp(out.p, expected->p, out.len) == 0);
	buf_fini(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct strv names[] = { { "a", 1 }, { "subject", 7 }, { "To", 2 } };
	struct strv block = strv_make(data, size);
	struct mime_field field;
	struct strv raw;
	size_t total = 0;
	struct buf with;
	struct buf without;
	buf_init(&with, OUT_MAX);
	buf_init(&without, OUT_MAX);
	mime_header_filter(&with, block, names, 3, false);
	mime_header_filter(&without, block, names, 3, true);
	size_t count = count_fields(block);
	/* Every field is in one of both, and both end with an empty line. */
	check(count_fields(buf_strv(&with)) + count_fields(buf_strv(&without)) == count);
	check(with.len >= 2 && memcmp(with.p + with.len - 2, "\r\n", 2) == 0);
	check_sift(block, names, false, &with);
	check_sift(block, names, true, &without);
	buf_fini(&with);
	buf_fini(&without);
	while (mime_header_next(&block, &field, &raw)) {
		check(field.name.n > 0 && raw.n > field.name.n && field.value.n < raw.n);
		total += raw.n;
		check_value(field.value);
	}
	check(total <= size && block.n == 0);
	check_value(strv_make(data, size));
	return 0;
}
