/*
 * Sends BODY[...] sections of a message: the whole, headers, header fields, texts and parts, with partial
 * ranges.
 */
#include "query/fetch_priv.h"

#include "mime/header.h"
#include "store/message.h"

static enum rc need_reader(struct sender *s)
{
	return s->at->reader ? RC_OK : msg_open(s->account, &s->at->row, &s->at->reader);
}

enum rc fetch_locate(struct sender *s, const struct fetch_item *item, struct mime_range *ret_range)
{
	struct mime_range range = { .offset = 0, .size = s->at->row.size };
	if (item->depth > 0 || item->section != MIME_SECTION_ALL) {
		enum rc rc = fetch_need_cached(s, MSG_PARTS);
		if (rc != RC_OK)
			return rc == RC_NOT_FOUND ? RC_CORRUPT : rc;
		rc = mime_parts_find(s->cached.parts, item->path, item->depth, item->section, &range);
		if (rc != RC_OK)
			return rc;
	}
	enum rc rc = need_reader(s);
	if (rc != RC_OK)
		return rc == RC_NOT_FOUND ? RC_CORRUPT : rc;
	uint64_t size = reader_size(s->at->reader);
	if (range.offset > size || range.size > size - range.offset)
		return RC_CORRUPT;
	*ret_range = range;
	return RC_OK;
}

/*
 * A literal without the "~" of RFC 3516 can't have NUL; like other RFC 3501 servers this one sends 0x80
 * instead.
 */
static void replace_nul(char *p, size_t n)
{
	char *end = p + n;
	while (n > 0) {
		char *nul = memchr(p, 0, n);
		if (!nul)
			return;
		*nul = (char)0x80;
		p = nul + 1;
		n = (size_t)(end - p);
	}
}

enum rc fetch_literal_go_on(struct sender *s)
{
	struct fetch_place *at = s->at;
	for (bool first = true; at->left > 0; first = false) {
		if (!first && fetch_slice_over(s))
			return RC_AGAIN;
		size_t n = at->left < FETCH_WINDOW ? (size_t)at->left : FETCH_WINDOW;
		size_t from = s->out->len;
		enum rc rc = reader_read(at->reader, at->offset, n, s->out);
		if (rc != RC_OK)
			return rc;
		if (s->out->len - from != n)
			return RC_CORRUPT;
		replace_nul(s->out->p + from, n);
		at->offset += n;
		at->left -= n;
	}
	at->in_literal = false;
	return RC_OK;
}

static void fetch_section_literal_head(struct buf *out, uint64_t size)
{
	buf_addv(out, STRV(" {"));
	buf_addu(out, size);
	buf_addv(out, STRV("}\r\n"));
}

/* Cuts `size` octets to the range of a partial item. */
static void clip_partial(const struct fetch_item *item, uint64_t *offset, uint64_t *size)
{
	*offset = 0;
	if (!item->partial)
		return;
	*offset = item->offset < *size ? item->offset : *size;
	*size -= *offset;
	if (*size > item->length)
		*size = item->length;
}

enum rc fetch_begin_literal(struct sender *s, uint64_t offset, uint64_t size)
{
	fetch_section_literal_head(s->out, size);
	s->at->offset = offset;
	s->at->left = size;
	s->at->in_literal = true;
	return fetch_literal_go_on(s);
}

static enum rc begin_literal(struct sender *s, const struct fetch_item *item, const struct mime_range *range)
{
	uint64_t size = range->size;
	uint64_t skip;
	clip_partial(item, &skip, &size);
	return fetch_begin_literal(s, range->offset + skip, size);
}

static void add_kept(struct sender *s, const struct fetch_item *item, const struct buf *kept)
{
	uint64_t size = kept->len;
	uint64_t skip;
	clip_partial(item, &skip, &size);
	fetch_section_literal_head(s->out, size);
	size_t from = s->out->len;
	if (size > 0)
		buf_add(s->out, kept->p + skip, (size_t)size);
	if (buf_ok(s->out))
		replace_nul(s->out->p + from, s->out->len - from);
}

static void add_filtered(struct sender *s, const struct fetch_item *item, struct strv block)
{
	struct buf kept;
	buf_init(&kept, FETCH_HEADER_MAX);
	mime_header_filter(&kept, block, item->fields, item->field_count, item->filter == FETCH_FIELDS_NOT);
	add_kept(s, item, &kept);
	buf_fini(&kept);
}

static enum rc read_and_filter(
	struct sender *s, const struct fetch_item *item, const struct mime_range *range)
{
	struct buf kept;
	struct mime_sift sift;
	buf_init(&kept, FETCH_HEADER_MAX);
	mime_sift_init(&sift, item->fields, item->field_count, item->filter == FETCH_FIELDS_NOT,
		mime_sift_to_buf, &kept);
	enum rc rc = reader_sift(s->at->reader, range->offset, range->size, &sift);
	buf_adds(&kept, "\r\n");
	if (rc == RC_OK && !buf_ok(&kept))
		rc = RC_LIMIT;
	if (rc == RC_OK)
		add_kept(s, item, &kept);
	buf_fini(&kept);
	return rc;
}

enum rc fetch_add_section(struct sender *s, const struct fetch_item *item)
{
	if (item->cached) {
		enum rc rc = fetch_need_cached(s, MSG_HEADERS);
		if (rc != RC_OK)
			return rc;
		if (s->cached.headers.n > 0) {
			buf_addv(s->out, item->label);
			add_filtered(s, item, s->cached.headers);
			return RC_OK;
		}
	}
	struct mime_range range = { 0 };
	enum rc rc = fetch_locate(s, item, &range);
	if (rc != RC_OK && rc != RC_NOT_FOUND)
		return rc;
	buf_addv(s->out, item->label);
	if (rc == RC_NOT_FOUND)
		buf_addv(s->out, STRV(" NIL"));
	else if (item->filter != FETCH_WHOLE)
		return read_and_filter(s, item, &range);
	else
		return begin_literal(s, item, &range);
	return RC_OK;
}
