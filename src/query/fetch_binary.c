/*
 * BINARY[...] and BINARY.SIZE[...] (RFC 3516). The size precedes the octets, so octets that must be decoded
 * are decoded twice; for a partial item only as far as needed. Only one window is in memory at a time.
 */
#include "query/fetch_priv.h"
#include "store/message.h"

static bool is_identity(uint8_t encoding)
{
	return encoding == MIME_ENC_7BIT || encoding == MIME_ENC_8BIT || encoding == MIME_ENC_BINARY;
}

enum rc fetch_check_encodings(struct sender *s)
{
	const struct fetch_plan *plan = &s->fetch->plan;
	struct mime_range range;
	for (size_t i = 0; i < plan->count; i++) {
		enum fetch_kind kind = plan->items[i].kind;
		if (kind != FETCH_BINARY && kind != FETCH_BINARY_SIZE)
			continue;
		enum rc rc = fetch_locate(s, &plan->items[i], &range);
		if (rc == RC_OK && range.encoding == MIME_ENC_UNKNOWN)
			return RC_ENCODING;
		if (rc != RC_OK && rc != RC_NOT_FOUND)
			return rc;
	}
	return RC_OK;
}

static void decode_begin(struct sender *s, const struct mime_range *range, enum fetch_binary what)
{
	struct fetch_place *at = s->at;
	mime_decoder_init(&at->decoder, (enum mime_encoding)range->encoding);
	at->binary = what;
	at->offset = range->offset;
	at->raw_left = range->size;
}

/* Decodes the next window into s->decoded. */
static enum rc decode_window(struct sender *s)
{
	struct fetch_place *at = s->at;
	size_t n = at->raw_left < FETCH_WINDOW ? (size_t)at->raw_left : FETCH_WINDOW;
	buf_reset(&s->raw);
	buf_reset(&s->decoded);
	enum rc rc = reader_read(at->reader, at->offset, n, &s->raw);
	if (rc != RC_OK)
		return rc;
	if (s->raw.len != n)
		return RC_CORRUPT;
	mime_decoder_feed(&at->decoder, buf_strv(&s->raw), &s->decoded);
	at->offset += n;
	at->raw_left -= n;
	if (at->raw_left == 0)
		mime_decoder_finish(&at->decoder, &s->decoded);
	return buf_ok(&s->decoded) ? RC_OK : RC_LIMIT;
}

/* The offset at which the wanted octets end. */
static uint64_t wanted_end(const struct fetch_item *item)
{
	return item->partial ? (uint64_t)item->offset + item->length : UINT64_MAX;
}

static bool has_nul(struct strv v, uint64_t from, uint64_t to)
{
	if (from >= v.n || to <= from)
		return false;
	struct strv part = strv_sub(v, (size_t)from, to < v.n ? (size_t)(to - from) : v.n);
	return memchr(part.p, 0, part.n) != NULL;
}

static enum rc count_go_on(struct sender *s, const struct fetch_item *item)
{
	struct fetch_place *at = s->at;
	uint64_t end = wanted_end(item);
	for (bool first = true; at->raw_left > 0 && at->counted < end; first = false) {
		if (!first && fetch_slice_over(s))
			return RC_AGAIN;
		enum rc rc = decode_window(s);
		if (rc != RC_OK)
			return rc;
		uint64_t from = item->offset > at->counted ? item->offset - at->counted : 0;
		at->nul = at->nul || has_nul(buf_strv(&s->decoded), from, end - at->counted);
		at->counted += s->decoded.len;
	}
	return RC_OK;
}

static enum rc send_go_on(struct sender *s)
{
	struct fetch_place *at = s->at;
	for (bool first = true; at->left > 0; first = false) {
		if (!first && fetch_slice_over(s))
			return RC_AGAIN;
		if (at->raw_left == 0)
			return RC_CORRUPT;
		enum rc rc = decode_window(s);
		if (rc != RC_OK)
			return rc;
		struct strv v = buf_strv(&s->decoded);
		size_t skip = at->skip < v.n ? (size_t)at->skip : v.n;
		v = strv_sub(v, skip, v.n);
		if (v.n > at->left)
			v.n = (size_t)at->left;
		buf_addv(s->out, v);
		at->skip -= skip;
		at->left -= v.n;
	}
	at->binary = FETCH_BINARY_NONE;
	return RC_OK;
}

static enum rc send_begin(struct sender *s, const struct fetch_item *item)
{
	struct fetch_place *at = s->at;
	struct mime_range range;
	enum rc rc = fetch_locate(s, item, &range);
	if (rc != RC_OK)
		return rc == RC_NOT_FOUND ? RC_CORRUPT : rc;
	uint64_t end = wanted_end(item) < at->counted ? wanted_end(item) : at->counted;
	at->left = end > item->offset ? end - item->offset : 0;
	at->skip = item->offset;
	buf_addv(s->out, at->nul ? STRV(" ~{") : STRV(" {"));
	buf_addu(s->out, at->left);
	buf_addv(s->out, STRV("}\r\n"));
	decode_begin(s, &range, FETCH_BINARY_SEND);
	return send_go_on(s);
}

enum rc fetch_binary_go_on(struct sender *s, const struct fetch_item *item)
{
	struct fetch_place *at = s->at;
	if (at->binary == FETCH_BINARY_SEND)
		return send_go_on(s);
	enum rc rc = count_go_on(s, item);
	if (rc != RC_OK)
		return rc;
	if (item->kind == FETCH_BINARY)
		return send_begin(s, item);
	buf_addc(s->out, ' ');
	buf_addu(s->out, at->counted);
	at->binary = FETCH_BINARY_NONE;
	return RC_OK;
}

static enum rc add_identity(struct sender *s, const struct fetch_item *item, const struct mime_range *range)
{
	uint64_t skip = item->offset < range->size ? item->offset : range->size;
	uint64_t size = range->size - skip;
	if (item->kind == FETCH_BINARY_SIZE) {
		buf_addc(s->out, ' ');
		buf_addu(s->out, range->size);
		return RC_OK;
	}
	if (item->partial && size > item->length)
		size = item->length;
	return fetch_begin_literal(s, range->offset + skip, size);
}

enum rc fetch_add_binary(struct sender *s, const struct fetch_item *item)
{
	struct mime_range range;
	enum rc rc = fetch_locate(s, item, &range);
	if (rc == RC_OK)
		rc = fetch_need_cached(s, MSG_PARTS);
	if (rc != RC_OK && rc != RC_NOT_FOUND)
		return rc;
	buf_addv(s->out, item->label);
	if (rc == RC_NOT_FOUND) {
		buf_addv(s->out, item->kind == FETCH_BINARY ? STRV(" NIL") : STRV(" 0"));
		return RC_OK;
	}
	if (is_identity(range.encoding) && (!s->cached.has_nul || item->kind == FETCH_BINARY_SIZE))
		return add_identity(s, item, &range);
	s->at->counted = 0;
	s->at->nul = false;
	decode_begin(s, &range, FETCH_BINARY_COUNT);
	return fetch_binary_go_on(s, item);
}
