/*
 * Reads pieces of a new message: opens what a URL names, then copies or decodes its octets, a slice at a
 * time.
 */
#include "query/append_piece.h"

#include "base/mem.h"
#include "base/str.h"
#include "mime/decode.h"
#include "mime/header.h"
#include "store/message.h"

#include <stdlib.h>

#define LINE_OCTETS 57 /* 76 characters of base64 */

static struct append_piece *piece_new(void)
{
	struct append_piece *piece = mem_zalloc(sizeof(*piece));
	piece->arena = arena_new(0);
	buf_init(&piece->out, 2 * PIECE_SLICE);
	buf_init(&piece->header, PIECE_HEADER_MAX);
	return piece;
}

struct append_piece *append_piece_url(struct strv url, int64_t selected, uint64_t size_max)
{
	struct append_piece *piece = piece_new();
	piece->shown = arena_strv(piece->arena, url);
	piece->selected = selected;
	piece->size_max = size_max;
	bool relative = imap_url_parse(piece->shown, piece->arena, &piece->url) && piece->url.mailbox.n == 0;
	if (piece->url.uid == 0 || (relative && selected == 0))
		append_piece_free(&piece);
	return piece;
}

void append_piece_free(struct append_piece **piece)
{
	struct append_piece *p = *piece;
	*piece = NULL;
	if (!p)
		return;
	if (p->reader)
		reader_close(&p->reader);
	content_unref(&p->content);
	buf_fini(&p->header);
	buf_fini(&p->out);
	arena_free(&p->arena);
	free(p);
}

bool append_piece_done(const struct append_piece *piece)
{
	return (piece->content || piece->found) && piece->at == piece->count;
}

/* Looking up what a URL means. */

/* A relative name is beside the selected mailbox (RFC 3986 section 5.2.3). */
static enum rc append_piece_find_mailbox(
	struct account *account, struct append_piece *piece, struct mbox_info *ret_info)
{
	const struct imap_url *url = &piece->url;
	if (url->mailbox.n == 0)
		return mbox_get(account, piece->selected, ret_info);
	size_t dir = 0;
	struct mbox_info base = { .name = STRV_NULL };
	if (!url->absolute && piece->selected != 0) {
		enum rc rc = mbox_get(account, piece->selected, &base);
		if (rc != RC_OK)
			return rc;
		for (size_t i = 0; i < base.name.n; i++)
			if (base.name.p[i] == MBOX_SEPARATOR)
				dir = i + 1;
	}
	struct buf path;
	struct strv name;
	buf_init(&path, IMAP_URL_MAX + dir);
	buf_add(&path, base.name.p ? base.name.p : "", dir);
	buf_addv(&path, url->mailbox);
	enum rc rc = mbox_name_check(account_store(account), buf_strv(&path), account_arena(account), &name);
	buf_fini(&path);
	return rc == RC_OK ? mbox_find(account, name, ret_info) : rc;
}

static enum rc find_row(struct account *account, struct append_piece *piece, struct msg_row *ret_row)
{
	struct mbox_info info;
	const struct msg_row *rows;
	size_t count;
	enum rc rc = append_piece_find_mailbox(account, piece, &info);
	if (rc == RC_OK && ((info.attrs & MBOX_NOSELECT) ||
				   (piece->url.uidvalidity && piece->url.uidvalidity != info.uidvalidity)))
		rc = RC_NOT_FOUND;
	if (rc == RC_OK)
		rc = msg_index(account, info.id, &rows, &count);
	if (rc != RC_OK)
		return rc == RC_INVALID ? RC_NOT_FOUND : rc;
	size_t at = msg_lower_bound(rows, count, piece->url.uid);
	if (at == count || rows[at].uid != piece->url.uid)
		return RC_NOT_FOUND;
	*ret_row = rows[at];
	return RC_OK;
}

static enum rc find_range(struct account *account, const struct msg_row *row, const struct fetch_item *item,
	struct mime_range *ret_range)
{
	struct msg_cached cached;
	*ret_range = (struct mime_range){ .size = row->size };
	if (item->depth == 0 && item->section == MIME_SECTION_ALL)
		return RC_OK;
	enum rc rc = msg_cached(account, row, MSG_PARTS, account_arena(account), &cached);
	if (rc != RC_OK)
		return rc == RC_NOT_FOUND ? RC_CORRUPT : rc;
	return mime_parts_find(cached.parts, item->path, item->depth, item->section, ret_range);
}

static enum rc filter_header(
	struct append_piece *piece, const struct fetch_item *item, const struct mime_range *range)
{
	struct mime_sift sift;
	buf_reset(&piece->header);
	mime_sift_init(&sift, item->fields, item->field_count, item->filter == FETCH_FIELDS_NOT,
		mime_sift_to_buf, &piece->header);
	enum rc rc = reader_sift(piece->reader, range->offset, range->size, &sift);
	buf_adds(&piece->header, "\r\n");
	reader_close(&piece->reader);
	return rc == RC_OK && !buf_ok(&piece->header) ? RC_LIMIT : rc;
}

static void append_piece_set_range(struct append_piece *piece, uint64_t offset, uint64_t size)
{
	const struct fetch_item *item = &piece->url.section.items[0];
	if (item->partial) {
		uint64_t skip = item->offset < size ? item->offset : size;
		offset += skip;
		size -= skip;
		if (size > item->length)
			size = item->length;
	}
	piece->ranges = arena_zalloc(piece->arena, sizeof(*piece->ranges));
	piece->ranges[0] = (struct append_range){ .offset = offset, .size = size };
	piece->count = size > 0 ? 1 : 0;
	piece->at = 0;
	piece->found = true;
}

static enum rc look_up(struct account *account, struct append_piece *piece)
{
	const struct fetch_item *item = &piece->url.section.items[0];
	struct msg_row row;
	struct mime_range range;
	enum rc rc = find_row(account, piece, &row);
	if (rc == RC_OK)
		rc = find_range(account, &row, item, &range);
	if (rc == RC_OK && !piece->reader)
		rc = msg_open(account, &row, &piece->reader);
	if (rc != RC_OK)
		return rc;
	uint64_t size = reader_size(piece->reader);
	if (range.offset > size || range.size > size - range.offset)
		return RC_CORRUPT;
	if (item->filter != FETCH_WHOLE) {
		rc = filter_header(piece, item, &range);
		range = (struct mime_range){ .size = piece->header.len };
	}
	if (rc == RC_OK)
		append_piece_set_range(piece, range.offset, range.size);
	return rc == RC_OK && piece->count > 0 && piece->ranges[0].size > piece->size_max ? RC_LIMIT : rc;
}

/* Reading. */

static enum rc read_bytes(struct append_piece *piece, uint64_t offset, size_t n, struct buf *out)
{
	if (piece->content)
		return content_read(piece->content, offset, n, out);
	if (piece->reader)
		return reader_read(piece->reader, offset, n, out);
	if (offset > piece->header.len || n > piece->header.len - offset)
		return RC_CORRUPT;
	buf_add(out, piece->header.p + offset, n);
	return RC_OK;
}

static void append_piece_encode(struct buf *out, struct strv v)
{
	for (size_t i = 0; i < v.n; i += LINE_OCTETS) {
		struct strv line = strv_sub(v, i, LINE_OCTETS);
		str_base64(out, line);
		buf_adds(out, "\r\n");
	}
}

enum rc append_piece_read(struct account *account, struct append_piece *piece)
{
	buf_reset(&piece->out);
	piece->taken = 0;
	if (!piece->content && !piece->found) {
		enum rc rc = look_up(account, piece);
		if (rc != RC_OK)
			return rc;
	}
	if (piece->at == piece->count)
		return RC_OK;
	const struct append_range *range = &piece->ranges[piece->at];
	if (range->text.p) {
		buf_addv(&piece->out, range->text);
		return RC_OK;
	}
	size_t n = range->size < PIECE_SLICE ? (size_t)range->size : PIECE_SLICE;
	piece->taken = n;
	if (!range->base64)
		return read_bytes(piece, range->offset, n, &piece->out);
	struct buf raw;
	buf_init(&raw, PIECE_SLICE);
	enum rc rc = read_bytes(piece, range->offset, n, &raw);
	if (rc == RC_OK)
		append_piece_encode(&piece->out, buf_strv(&raw));
	buf_fini(&raw);
	return rc;
}

void append_piece_accept(struct append_piece *piece)
{
	buf_reset(&piece->out);
	if (piece->at == piece->count)
		return;
	struct append_range *range = &piece->ranges[piece->at];
	range->offset += piece->taken;
	range->size -= piece->taken;
	piece->taken = 0;
	if (range->size == 0)
		piece->at++;
}

/* Encoding a message with binary parts. */

static const struct mime_field *binary_field(const struct mime_part *part)
{
	const struct mime_field *field = mime_part_field(part, STRV("Content-Transfer-Encoding"), 0);
	if (part->kind != MIME_LEAF || part->header_cut ||
		mime_encoding_parse(part->encoding) != MIME_ENC_BINARY)
		return NULL;
	return field;
}

static void add_range(struct append_piece *piece, uint64_t offset, uint64_t end, bool base64)
{
	if (end > offset)
		piece->ranges[piece->count++] =
			(struct append_range){ .offset = offset, .size = end - offset, .base64 = base64 };
}

bool append_piece_encodes(const struct content *content)
{
	const struct mime_msg *msg = content_mime(content);
	if (!msg->has_nul)
		return false;
	for (const struct mime_part *part = msg->root; part; part = mime_part_next(part)) {
		if (binary_field(part))
			return true;
	}
	return false;
}

struct append_piece *append_piece_encoded(struct content *content)
{
	const struct mime_msg *msg = content_mime(content);
	struct append_piece *piece = piece_new();
	size_t parts = 0;
	uint64_t at = 0;
	for (const struct mime_part *part = msg->root; part; part = mime_part_next(part))
		parts++;
	piece->content = content_ref(content);
	/*
	 * Each field has up to four ranges: the bytes before it, its new value, the bytes before the body,
	 * the body.
	 */
	piece->ranges = arena_alloc(piece->arena, (4 * parts + 1) * sizeof(*piece->ranges));
	for (const struct mime_part *part = msg->root; part; part = mime_part_next(part)) {
		const struct mime_field *field = binary_field(part);
		if (!field)
			continue;
		uint64_t value = part->header_offset + (uint64_t)(field->value.p - part->header.p);
		add_range(piece, at, value, false);
		piece->ranges[piece->count++] = (struct append_range){ .text = STRV(" base64") };
		add_range(piece, value + field->value.n, part->body_offset, false);
		add_range(piece, part->body_offset, part->body_offset + part->body_size, true);
		at = part->body_offset + part->body_size;
	}
	add_range(piece, at, msg->size, false);
	return piece;
}
