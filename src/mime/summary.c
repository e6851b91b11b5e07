#include "mime/summary.h"

#include "mime/header.h"
#include "mime/summary_priv.h"

#define PREVIEW_MAX (4 * MIME_PREVIEW_CHARS)
#define PARTS_MAX (64 * 1024 * 1024)

static struct strv summary_keep(struct arena *arena, struct buf *buf)
{
	struct strv v = arena_strv(arena, buf_strv(buf));
	buf_reset(buf);
	return v;
}

static void build_envelope(struct buf *out, const struct mime_part *root)
{
	mime_envelope_print_limited(out, root, MIME_ENVELOPE_ADDRESSES);
	if (buf_ok(out))
		return;
	buf_reset(out);
	mime_envelope_print_limited(out, root, MIME_ENVELOPE_ADDRESSES_SHORT);
	if (buf_ok(out))
		return;
	buf_reset(out);
	buf_adds(out, "(NIL NIL NIL NIL NIL NIL NIL NIL NIL NIL)");
}

static void build_body(struct buf *out, const struct mime_part *root, bool extended)
{
	mime_body_print(out, root, extended);
	if (buf_ok(out))
		return;
	buf_reset(out);
	/* The opaque form always fits: each of its fields has a maximum. */
	mime_body_print_opaque(out, root, extended);
}

static void build_headers(struct buf *out, const struct mime_part *root)
{
	struct strv block = root->header;
	struct mime_field field;
	struct strv raw;
	if (root->header_cut)
		return;
	while (mime_header_next(&block, &field, &raw)) {
		if (!mime_header_cached(field.name))
			continue;
		buf_addv(out, raw);
		if (raw.p[raw.n - 1] != '\n')
			buf_adds(out, "\r\n");
	}
	if (!buf_ok(out))
		buf_reset(out);
}

static void build_date(const struct mime_part *root, struct mime_summary *summary)
{
	const struct mime_field *date = mime_part_field(root, STRV("Date"), 0);
	summary->sent_date = INT64_MIN;
	summary->sent_zone = 0;
	if (!date || mime_date_sent(date->value, &summary->sent_date, &summary->sent_zone) != RC_OK)
		summary->sent_date = INT64_MIN;
}

void mime_summary_build(const struct mime_msg *msg, struct arena *arena, struct mime_summary *ret_summary)
{
	struct buf buf;
	*ret_summary = (struct mime_summary){ .has_nul = msg->has_nul };
	build_date(msg->root, ret_summary);
	buf_init(&buf, MIME_ENVELOPE_MAX);
	build_envelope(&buf, msg->root);
	ret_summary->envelope = summary_keep(arena, &buf);
	buf.max = MIME_STRUCTURE_MAX;
	build_body(&buf, msg->root, false);
	ret_summary->body = summary_keep(arena, &buf);
	build_body(&buf, msg->root, true);
	ret_summary->bodystructure = summary_keep(arena, &buf);
	buf.max = PARTS_MAX;
	mime_parts_encode(&buf, msg);
	ret_summary->parts = summary_keep(arena, &buf);
	buf_fini(&buf);
	buf_init(&buf, MIME_HEADER_CACHE_MAX);
	build_headers(&buf, msg->root);
	ret_summary->headers = summary_keep(arena, &buf);
	buf_fini(&buf);
	buf_init(&buf, PREVIEW_MAX);
	mime_preview(&buf, msg);
	ret_summary->preview = summary_keep(arena, &buf);
	buf_fini(&buf);
}

static struct strv global_body(
	struct buf *buf, const struct mime_part *root, struct arena *arena, bool extended)
{
	mime_body_print_global(buf, root, extended);
	if (!buf_ok(buf)) {
		buf_reset(buf);
		build_body(buf, root, extended);
	}
	return summary_keep(arena, buf);
}

void mime_summary_global(const struct mime_msg *msg, struct arena *arena, struct strv *ret_body,
	struct strv *ret_bodystructure)
{
	struct buf buf;
	buf_init(&buf, MIME_STRUCTURE_MAX);
	*ret_body = global_body(&buf, msg->root, arena, false);
	*ret_bodystructure = global_body(&buf, msg->root, arena, true);
	buf_fini(&buf);
}
