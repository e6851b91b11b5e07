#include "mime/mime.h"

#include "base/mem.h"
#include "mime/mime_priv.h"

#include <stdlib.h>
#include <string.h>

const struct mime_limits mime_limits_default = {
	.depth = 50,
	.parts = 2000,
	.header_bytes = 256 * 1024,
	.headers_total = 1024 * 1024,
	.values_total = 4 * 1024 * 1024,
	.preview_bytes = 4096,
};

static size_t max_size(size_t a, size_t b)
{
	return a > b ? a : b;
}

static size_t scan_min_size(size_t a, size_t b)
{
	return a < b ? a : b;
}

struct mime_scan *mime_scan_new(const struct mime_limits *limits)
{
	struct mime_scan *scan = mem_zalloc(sizeof(*scan));
	scan->limits = limits ? *limits : mime_limits_default;
	if (scan->limits.depth > MIME_DEPTH_MAX)
		scan->limits.depth = MIME_DEPTH_MAX;
	scan->arena = arena_new(4096);
	scan->msg = arena_zalloc(scan->arena, sizeof(*scan->msg));
	buf_init(&scan->line,
		max_size(MIME_LIST_MAX, max_size(scan->limits.preview_bytes, scan->limits.header_bytes)));
	mime_keep_init(&scan->keep, &scan->limits);
	buf_init(&scan->text, max_size(1, scan->limits.preview_bytes));
	buf_init(&scan->run.text, max_size(1, scan->limits.preview_bytes));
	scan->headers_left = scan->limits.headers_total;
	scan->values_left = scan->limits.values_total;
	scan->msg->root = &mime_tree_add(scan, NULL, 0, 0)->part;
	return scan;
}

void mime_scan_free(struct mime_scan **scan)
{
	if (!*scan)
		return;
	buf_fini(&(*scan)->line);
	mime_keep_fini(&(*scan)->keep);
	buf_fini(&(*scan)->text);
	buf_fini(&(*scan)->run.text);
	arena_free(&(*scan)->arena);
	free(*scan);
	*scan = NULL;
}

void mime_msg_free(struct mime_msg **msg)
{
	if (!*msg)
		return;
	/* The message itself is in its arena. */
	struct arena *arena = (*msg)->arena;
	*msg = NULL;
	arena_free(&arena);
}

static void add_clipped(struct buf *buf, const char *p, size_t n, size_t max)
{
	size_t room = max > buf->len ? max - buf->len : 0;
	buf_add(buf, p, scan_min_size(n, room));
}

static bool scan_capturing(const struct mime_scan *scan)
{
	return scan->mode == MIME_MODE_BODY && scan->msg->text_part == &scan->cur->part &&
	       scan->text.len < scan->limits.preview_bytes;
}

/* Keeps of a line that comes in pieces only as much as the code that handles lines may need. */
static void keep_fragment(struct mime_scan *scan, const char *p, size_t n)
{
	size_t keep = max_size(MIME_LINE_MAX, scan->limits.preview_bytes);
	if (scan->mode == MIME_MODE_HEADER)
		keep = max_size(keep, max_size(MIME_LIST_MAX, scan->limits.header_bytes));
	add_clipped(&scan->line, p, n, keep);
	scan->line_len += n;
	scan->line_last = p[n - 1];
}

/*
 * Ends a header block without an empty line: before the run of lines that are no fields, or else before the
 * current line. A run is the beginning of the body, of a leaf (an embedded message has no header then).
 */
static void end_header_here(struct mime_scan *scan)
{
	bool run = scan->run.open;
	if (!run) {
		mime_tree_end_header(scan, scan->offset, scan->lines);
		return;
	}
	mime_keep_undo(scan);
	do
		mime_tree_end_header(scan, scan->run.offset, scan->run.lines);
	while (scan->mode == MIME_MODE_HEADER);
	if (scan_capturing(scan))
		add_clipped(&scan->text, scan->run.text.p, scan->run.text.len, scan->limits.preview_bytes);
}

static void take_boundary(struct mime_scan *scan, struct mime_node *multipart, bool final, uint64_t line_len)
{
	while (scan->mode == MIME_MODE_HEADER)
		end_header_here(scan);
	mime_tree_end_parts(
		scan, multipart, scan->offset - scan->prev_eol, scan->lines - (scan->prev_eol > 0));
	scan->mode = MIME_MODE_SKIP;
	if (final) {
		multipart->closed = true;
		scan->open_multiparts--;
	} else if (scan->part_count < scan->limits.parts) {
		mime_tree_add(scan, multipart, scan->offset + line_len, scan->lines + 1);
	}
}

static void begin_run(struct mime_scan *scan, const struct mime_keep *before)
{
	struct mime_run *run = &scan->run;
	run->open = true;
	run->offset = scan->offset;
	run->lines = scan->lines;
	run->before = *before;
	run->before_len = scan->keep.bytes.len;
	buf_reset(&run->text);
}

/* True: the line belongs to the header block of the current part, as far as can be told. */
static bool take_header_line(struct mime_scan *scan, struct strv line, uint64_t line_len, unsigned eol)
{
	size_t name = 0;
	size_t colon;
	const struct mime_keep before = scan->keep;
	enum mime_line what = mime_block_line(&scan->keep.block, line, line_len, &name, &colon);
	switch (what) {
	case MIME_LINE_EMPTY:
		scan->run.open = false;
		mime_tree_end_header(scan, scan->offset + line_len, scan->lines + (eol > 0));
		return true;
	case MIME_LINE_FIELD:
		if (line_len <= MIME_LINE_MAX && mime_keep_own_boundary(scan, line))
			return false;
		scan->run.open = false;
		break;
	case MIME_LINE_OTHER:
		if (line_len <= MIME_LINE_MAX && mime_keep_own_boundary(scan, line))
			return false;
		if (!before.block.any && !(before.message && mime_line_is_mbox(line)))
			return false;
		if (before.block.any && !scan->run.open)
			begin_run(scan, &before);
		break;
	case MIME_LINE_FOLDED:
	case MIME_LINE_SKIPPED:
		break;
	}
	if (scan->run.open)
		add_clipped(&scan->run.text, line.p, line.n, scan->limits.preview_bytes);
	mime_keep_line(scan, what, strv_sub(line, 0, name), line, line_len > line.n);
	return true;
}

/*
 * Handles a line. `line` has the whole line with its line end, or the part of a long line that keep_fragment
 * keeps.
 */
static void scan_take_line(struct mime_scan *scan, struct strv line, uint64_t line_len, unsigned eol)
{
	for (;;) {
		bool final;
		struct mime_node *multipart = NULL;
		if (scan->open_multiparts > 0 && line_len <= MIME_LINE_MAX)
			multipart = mime_boundary_match(scan->cur, line, &final);
		if (multipart) {
			take_boundary(scan, multipart, final, line_len);
			break;
		}
		if (scan->mode != MIME_MODE_HEADER) {
			if (scan_capturing(scan))
				add_clipped(&scan->text, line.p, line.n, scan->limits.preview_bytes);
			break;
		}
		if (take_header_line(scan, line, line_len, eol))
			break;
		/* The line does not belong to the header; the loop looks what it is in the body. */
		end_header_here(scan);
	}
	scan->offset += line_len;
	scan->lines += eol > 0;
	scan->prev_eol = eol;
}

/*
 * Skips whole lines that can't be boundaries and whose bytes are not needed; returns the place where it
 * stopped.
 */
static const char *skip_lines(struct mime_scan *scan, const char *p, const char *end)
{
	bool boundaries = scan->open_multiparts > 0;
	const char *start = p;
	uint64_t lines = 0;
	unsigned eol = scan->prev_eol;
	bool bare = false;
	while (p < end) {
		if (boundaries && p[0] == '-' && (end - p < 2 || p[1] == '-'))
			break;
		const char *lf = memchr(p, '\n', (size_t)(end - p));
		if (!lf)
			break;
		eol = lf > p && lf[-1] == '\r' ? 2 : 1;
		bare |= eol == 1;
		lines++;
		p = lf + 1;
	}
	scan->offset += (uint64_t)(p - start);
	scan->lines += lines;
	scan->prev_eol = eol;
	scan->msg->has_bare_lf |= bare;
	return p;
}

static void take_piece_of_line(struct mime_scan *scan, const char *p, size_t n)
{
	char before_lf = n > 1 ? p[n - 2] : (scan->line_len > 0 ? scan->line_last : '\0');
	unsigned eol = before_lf == '\r' ? 2 : 1;
	if (eol == 1)
		scan->msg->has_bare_lf = true;
	struct strv line = strv_make(p, n);
	uint64_t len = n;
	if (scan->line_len > 0) {
		keep_fragment(scan, p, n);
		line = buf_strv(&scan->line);
		len = scan->line_len;
	}
	scan_take_line(scan, line, len, eol);
	scan->line_len = 0;
	buf_reset(&scan->line);
}

static bool any_8bit(const char *p, size_t n)
{
	uint64_t sum = 0;
	size_t i = 0;
	for (; i + 32 <= n; i += 32) {
		uint64_t w[4];
		memcpy(w, p + i, sizeof(w));
		sum |= w[0] | w[1] | w[2] | w[3];
	}
	for (; i < n; i++)
		sum |= (uint64_t)(unsigned char)p[i];
	return (sum & UINT64_C(0x8080808080808080)) != 0;
}

void mime_scan_feed(struct mime_scan *scan, const void *data, size_t n)
{
	if (n == 0)
		return;
	const char *p = data;
	const char *end = p + n;
	if (!scan->msg->has_nul)
		scan->msg->has_nul = memchr(p, '\0', n) != NULL;
	if (!scan->msg->has_8bit)
		scan->msg->has_8bit = any_8bit(p, n);
	while (p < end) {
		if (scan->line_len == 0 && scan->mode != MIME_MODE_HEADER && !scan_capturing(scan))
			p = skip_lines(scan, p, end);
		if (p == end)
			break;
		const char *lf = memchr(p, '\n', (size_t)(end - p));
		if (!lf) {
			keep_fragment(scan, p, (size_t)(end - p));
			break;
		}
		take_piece_of_line(scan, p, (size_t)(lf + 1 - p));
		p = lf + 1;
	}
}

void mime_scan_finish(struct mime_scan *scan, struct mime_msg **ret_msg)
{
	struct mime_msg *msg = scan->msg;
	if (scan->line_len > 0)
		scan_take_line(scan, buf_strv(&scan->line), scan->line_len, 0);
	while (scan->mode == MIME_MODE_HEADER)
		end_header_here(scan);
	mime_tree_end_parts(scan, NULL, scan->offset, scan->lines);
	msg->size = scan->offset;
	if (msg->text_part) {
		struct strv text = buf_strv(&scan->text);
		if (text.n > msg->text_part->body_size)
			text.n = (size_t)msg->text_part->body_size;
		msg->text_start = arena_strv(scan->arena, text);
	}
	msg->arena = scan->arena;
	scan->arena = NULL;
	scan->msg = NULL;
	scan->cur = NULL;
	*ret_msg = msg;
}
