/* Filters a header block while it is read: only the beginning of one line is in memory, never a field. */
#include "mime/header.h"

#include "mime/mime_priv.h"

void mime_sift_init(struct mime_sift *sift, const struct strv *names, size_t count, bool negate,
	void (*put)(void *arg, struct strv octets, bool begins), void *arg)
{
	*sift = (struct mime_sift){
		.names = names, .count = count, .negate = negate, .put = put, .arg = arg
	};
}

static void sift_put(struct mime_sift *sift, struct strv octets, bool begins)
{
	if (octets.n == 0 || !sift->wanted)
		return;
	sift->put(sift->arg, octets, begins);
	sift->open = octets.p[octets.n - 1] != '\n';
}

/* Classifies the gathered octets: a whole line, or enough of one. */
static void sift_line(struct mime_sift *sift, bool whole)
{
	struct mime_block block = { sift->any, sift->in_field, sift->semicolon };
	struct strv line = strv_make(sift->line, sift->line_len);
	size_t name = 0;
	size_t colon;
	enum mime_line what =
		mime_block_line(&block, line, whole ? line.n : MIME_LINE_MAX + 1, &name, &colon);
	sift->any = block.any;
	sift->in_field = block.in_field;
	sift->semicolon = block.semicolon;
	if (what == MIME_LINE_EMPTY)
		sift->over = true;
	if (what == MIME_LINE_FIELD)
		sift->wanted =
			mime_name_in(strv_sub(line, 0, name), sift->names, sift->count) != sift->negate;
	else if (what != MIME_LINE_FOLDED || !block.in_field)
		sift->wanted = false;
	sift_put(sift, line, what == MIME_LINE_FIELD);
	sift->line_len = 0;
	sift->passing = !whole;
}

/* Takes octets of one line; `end`: the last one is its line feed. */
static void sift_take(struct mime_sift *sift, struct strv piece, bool end)
{
	if (!sift->passing) {
		size_t n = MIME_LINE_MAX - sift->line_len;
		if (n > piece.n)
			n = piece.n;
		memcpy(sift->line + sift->line_len, piece.p, n);
		sift->line_len += n;
		piece = strv_sub(piece, n, piece.n);
		if (end && piece.n == 0)
			sift_line(sift, true);
		else if (piece.n > 0)
			sift_line(sift, false);
	}
	sift_put(sift, piece, false);
	if (end)
		sift->passing = false;
}

void mime_sift_feed(struct mime_sift *sift, struct strv piece)
{
	while (piece.n > 0 && !sift->over) {
		const char *lf = memchr(piece.p, '\n', piece.n);
		size_t n = lf ? (size_t)(lf - piece.p) + 1 : piece.n;
		sift_take(sift, strv_sub(piece, 0, n), lf != NULL);
		piece = strv_sub(piece, n, piece.n);
	}
}

void mime_sift_end(struct mime_sift *sift)
{
	if (sift->line_len > 0 && !sift->over)
		sift_line(sift, true);
	if (sift->open)
		sift->put(sift->arg, STRV("\r\n"), false);
	sift->open = false;
}

void mime_sift_to_buf(void *arg, struct strv octets, bool begins)
{
	struct buf *buf = arg;
	/* Some octets of the field before did not fit. */
	if (begins && buf->len > 0 && buf->p[buf->len - 1] != '\n')
		buf_addc(buf, '\n');
	buf_addv(buf, octets);
}
