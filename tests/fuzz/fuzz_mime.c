/* link: mime */
/*
 * A whole message. The first byte chooses limits and how the message is cut. The scan must not depend on the
 * cut, parts must nest, what is printed must be valid IMAP, and every part must be found through the part
 * table.
 */
#include "../unit/mime/imap_syntax.h"

#include "base/str.h"
#include "mime/header.h"
#include "mime/summary.h"

#include <stdint.h>
#include <stdlib.h>

#define PATH_DEPTH 60
#define PREVIEW_CHARS 200

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool condition)
{
	if (!condition)
		abort();
}

static struct mime_msg *scan(struct strv text, size_t step, const struct mime_limits *limits)
{
	struct mime_msg *msg = NULL;
	struct mime_scan *scan = mime_scan_new(limits);
	for (size_t i = 0; i < text.n; i += step) {
		struct strv piece = strv_sub(text, i, step);
		char *copy = malloc(piece.n);
		check(copy != NULL);
		memcpy(copy, piece.p, piece.n);
		mime_scan_feed(scan, copy, piece.n);
		free(copy);
	}
	mime_scan_finish(scan, &msg);
	mime_scan_free(&scan);
	return msg;
}

static void check_same(const struct mime_part *a, const struct mime_part *b)
{
	check(a->kind == b->kind && a->index == b->index && a->header_cut == b->header_cut);
	check(a->header_offset == b->header_offset && a->header_size == b->header_size);
	check(a->body_offset == b->body_offset && a->body_size == b->body_size);
	check(a->body_lines == b->body_lines && a->header_lines == b->header_lines);
	check(strv_eq(a->type, b->type) && strv_eq(a->subtype, b->subtype) &&
		strv_eq(a->encoding, b->encoding));
	check(strv_eq(a->header, b->header) && a->field_count == b->field_count &&
		a->param_count == b->param_count);
	a = a->child;
	b = b->child;
	for (; a && b; a = a->sibling, b = b->sibling)
		check_same(a, b);
	check(!a && !b);
}

static void check_nesting(struct strv text, const struct mime_part *part)
{
	uint64_t lines = 0;
	uint64_t from = part->body_offset;
	check(part->body_offset == part->header_offset + part->header_size);
	check(part->body_offset + part->body_size <= text.n);
	struct strv body = strv_sub(text, part->body_offset, part->body_size);
	for (size_t i = 0; i < body.n; i++)
		lines += body.p[i] == '\n';
	check(lines == part->body_lines);
	for (const struct mime_part *child = part->child; child; child = child->sibling) {
		check(child->parent == part && child->header_offset >= from);
		check_nesting(text, child);
		from = child->body_offset + child->body_size;
	}
	check(part->kind != MIME_LEAF || !part->child);
	check(part->kind != MIME_MESSAGE || (part->child && !part->child->sibling));
}

static void check_paths(struct strv table, const struct mime_part *part, uint32_t *path, size_t depth)
{
	for (const struct mime_part *child = part->child; child && depth < PATH_DEPTH;
		child = child->sibling) {
		struct mime_range range = { .offset = 0 };
		bool silent = part->kind == MIME_MESSAGE && child->kind == MIME_MULTIPART;
		path[depth] = child->index;
		if (!silent) {
			check(mime_parts_find(table, path, depth + 1, MIME_SECTION_ALL, &range) == RC_OK);
			check(range.offset == child->body_offset && range.size == child->body_size);
		}
		check_paths(table, child, path, silent ? depth : depth + 1);
	}
}

static void check_summary(const struct mime_msg *msg)
{
	uint32_t path[PATH_DEPTH] = { 1 };
	struct arena *arena = arena_new(0);
	struct mime_summary summary;
	mime_summary_build(msg, arena, &summary);
	check(imap_envelope_valid(summary.envelope));
	check(imap_body_valid(summary.body, false));
	check(imap_body_valid(summary.bodystructure, true));
	check_paths(summary.parts, msg->root, path, msg->root->kind == MIME_MULTIPART ? 0 : 1);
	check(str_utf8_valid(summary.preview));
	size_t chars = 0;
	for (size_t i = 0; i < summary.preview.n; i++) {
		unsigned char c = (unsigned char)summary.preview.p[i];
		check(c >= ' ' && c != 0x7f);
		chars += (c & 0xc0) != 0x80;
	}
	check(chars <= PREVIEW_CHARS);
	struct mime_field field;
	while (mime_header_next(&summary.headers, &field, NULL))
		check(mime_header_cached(field.name));
	arena_free(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct mime_limits tight = { .depth = 3,
		.parts = 5,
		.header_bytes = 100,
		.headers_total = 300,
		.values_total = 200,
		.preview_bytes = 20 };
	if (size == 0)
		return 0;
	struct strv text = strv_make(data + 1, size - 1);
	const struct mime_limits *limits = data[0] & 1 ? &tight : NULL;
	struct mime_msg *whole = scan(text, size, limits);
	struct mime_msg *pieces = scan(text, 1 + (data[0] >> 1), limits);
	check(whole->size == text.n && pieces->size == text.n);
	check(whole->has_nul == pieces->has_nul && whole->has_8bit == pieces->has_8bit);
	check(whole->has_bare_lf == pieces->has_bare_lf && strv_eq(whole->text_start, pieces->text_start));
	check_same(whole->root, pieces->root);
	check_nesting(text, whole->root);
	check_summary(whole);
	mime_msg_free(&pieces);
	mime_msg_free(&whole);
	return 0;
}
