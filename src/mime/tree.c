/* The tree of parts while it grows: what each header block means for the lines after it. */
#include "mime/mime.h"

#include "mime/header.h"
#include "mime/mime_priv.h"

#include <string.h>

/* The ranks of leaves as the message's text: attachments have none, and the message's own text beats a
 * forwarded one. */
enum text_rank { TEXT_NONE, TEXT_INNER_HTML, TEXT_INNER_PLAIN, TEXT_HTML, TEXT_PLAIN };

static struct mime_node *node_of(struct mime_part *part)
{
	return (struct mime_node *)(void *)part;
}

struct mime_node *mime_tree_add(
	struct mime_scan *scan, struct mime_node *parent, uint64_t offset, uint64_t lines)
{
	struct mime_node *node = arena_zalloc(scan->arena, sizeof(*node));
	node->part.header_offset = offset;
	node->line_base = lines;
	node->depth = parent ? parent->depth + 1 : 1;
	node->part.index = 1;
	if (parent) {
		node->part.parent = &parent->part;
		if (parent->last) {
			parent->last->part.sibling = &node->part;
			node->part.index = parent->last->part.index + 1;
		} else {
			parent->part.child = &node->part;
		}
		parent->last = node;
	}
	scan->part_count++;
	scan->cur = node;
	scan->mode = MIME_MODE_HEADER;
	mime_keep_begin(scan, !parent || parent->part.kind == MIME_MESSAGE);
	return node;
}

static void default_type(struct mime_part *part)
{
	part->type = STRV("text");
	part->subtype = STRV("plain");
}

static void parse_type(struct mime_scan *scan, struct mime_part *part)
{
	const struct mime_field *field = mime_part_field(part, STRV("Content-Type"), 0);
	const struct mime_part *parent = part->parent;
	default_type(part);
	if (field) {
		mime_content_type_parse(scan->arena, field->value, part);
	} else if (parent && parent->kind == MIME_MULTIPART && strv_ieq(parent->subtype, STRV("digest"))) {
		part->type = STRV("message");
		part->subtype = STRV("rfc822");
	}
	part->encoding = STRV("7bit");
	field = mime_part_field(part, STRV("Content-Transfer-Encoding"), 0);
	if (field) {
		struct strv word = mime_token_parse(scan->arena, field->value);
		if (word.n > 0)
			part->encoding = word;
	}
}

static bool encoding_is_identity(struct strv encoding)
{
	switch (mime_encoding_parse(encoding)) {
	case MIME_ENC_7BIT:
	case MIME_ENC_8BIT:
	case MIME_ENC_BINARY:
		return true;
	case MIME_ENC_QP:
	case MIME_ENC_BASE64:
	case MIME_ENC_UNKNOWN:
		break;
	}
	return false;
}

struct strv mime_boundary_of(const struct mime_part *part)
{
	struct strv boundary = mime_part_param(part, STRV("boundary"));
	/* Trailing white space can't be told from white space of the boundary line. */
	while (boundary.n > 0 && mime_is_space(boundary.p[boundary.n - 1]))
		boundary.n--;
	return boundary.n <= MIME_BOUNDARY_MAX ? boundary : STRV_NULL;
}

static enum mime_kind kind_of(const struct mime_scan *scan, struct mime_node *node)
{
	const struct mime_part *part = &node->part;
	bool beyond = node->depth >= scan->limits.depth || scan->part_count >= scan->limits.parts;
	if (strv_ieq(part->type, STRV("multipart"))) {
		node->boundary = beyond ? STRV_NULL : mime_boundary_of(part);
		return MIME_MULTIPART;
	}
	if (!beyond && strv_ieq(part->type, STRV("message")) && encoding_is_identity(part->encoding) &&
		(strv_ieq(part->subtype, STRV("rfc822")) || strv_ieq(part->subtype, STRV("global"))))
		return MIME_MESSAGE;
	return MIME_LEAF;
}

static bool is_attachment(struct mime_scan *scan, const struct mime_part *part)
{
	const struct mime_field *field = mime_part_field(part, STRV("Content-Disposition"), 0);
	return field && strv_ieq(mime_token_parse(scan->arena, field->value), STRV("attachment"));
}

static enum text_rank text_rank(struct mime_scan *scan, const struct mime_part *part)
{
	if (!strv_ieq(part->type, STRV("text")) || is_attachment(scan, part))
		return TEXT_NONE;
	bool inner = false;
	for (const struct mime_part *up = part->parent; up; up = up->parent)
		inner |= up->kind == MIME_MESSAGE;
	if (strv_ieq(part->subtype, STRV("plain")))
		return inner ? TEXT_INNER_PLAIN : TEXT_PLAIN;
	if (strv_ieq(part->subtype, STRV("html")))
		return inner ? TEXT_INNER_HTML : TEXT_HTML;
	return TEXT_NONE;
}

static void consider_text(struct mime_scan *scan, struct mime_part *part)
{
	if (scan->text_rank >= TEXT_PLAIN)
		return;
	unsigned rank = text_rank(scan, part);
	if (rank <= scan->text_rank)
		return;
	scan->text_rank = rank;
	scan->msg->text_part = part;
	buf_reset(&scan->text);
}

/* Shows the body of a multipart that can't be split as text, since a multipart must have a part. */
static void add_whole_body(
	struct mime_scan *scan, struct mime_node *multipart, uint64_t offset, uint64_t lines)
{
	struct mime_part *part = &mime_tree_add(scan, multipart, offset, lines)->part;
	multipart->closed = true;
	part->body_offset = offset;
	part->kind = MIME_LEAF;
	part->encoding = STRV("7bit");
	default_type(part);
	scan->mode = MIME_MODE_BODY;
	consider_text(scan, part);
}

void mime_tree_end_header(struct mime_scan *scan, uint64_t offset, uint64_t lines)
{
	struct mime_node *node = scan->cur;
	struct mime_part *part = &node->part;
	part->body_offset = offset;
	part->header_size = offset - part->header_offset;
	part->header_lines = lines - node->line_base;
	node->line_base = lines;
	mime_keep_end(scan, part);
	parse_type(scan, part);
	part->kind = kind_of(scan, node);
	switch (part->kind) {
	case MIME_LEAF:
		scan->mode = MIME_MODE_BODY;
		consider_text(scan, part);
		break;
	case MIME_MULTIPART:
		if (node->boundary.n == 0) {
			add_whole_body(scan, node, offset, lines);
			break;
		}
		scan->mode = MIME_MODE_SKIP;
		scan->open_multiparts++;
		break;
	case MIME_MESSAGE:
		mime_tree_add(scan, node, offset, lines);
		break;
	}
}

static void end_part(struct mime_scan *scan, struct mime_node *node, uint64_t offset, uint64_t lines)
{
	struct mime_part *part = &node->part;
	/* The line end before a boundary may be the one that ends the header. */
	if (offset >= part->body_offset) {
		part->body_size = offset - part->body_offset;
		part->body_lines = lines - node->line_base;
	}
	if (part->kind == MIME_MULTIPART && !node->closed)
		scan->open_multiparts--;
}

void mime_tree_end_parts(
	struct mime_scan *scan, const struct mime_node *until, uint64_t offset, uint64_t lines)
{
	struct mime_node *node = scan->cur;
	while (node != until) {
		end_part(scan, node, offset, lines);
		node = node->part.parent ? node_of(node->part.parent) : NULL;
	}
	scan->cur = node;
}

static bool only_space(struct strv v)
{
	for (size_t i = 0; i < v.n; i++)
		if (!mime_is_space(v.p[i]))
			return false;
	return true;
}

bool mime_boundary_fits(struct strv boundary, struct strv rest, bool *ret_final)
{
	if (boundary.n == 0 || rest.n < boundary.n || rest.p[0] != boundary.p[0] ||
		memcmp(rest.p, boundary.p, boundary.n) != 0)
		return false;
	struct strv tail = strv_sub(rest, boundary.n, rest.n);
	bool final = tail.n >= 2 && tail.p[0] == '-' && tail.p[1] == '-';
	if (final)
		tail = strv_sub(tail, 2, tail.n);
	if (!only_space(tail))
		return false;
	*ret_final = final;
	return true;
}

struct mime_node *mime_boundary_match(struct mime_node *cur, struct strv line, bool *ret_final)
{
	if (line.n < 3 || line.p[0] != '-' || line.p[1] != '-')
		return NULL;
	struct strv rest = strv_sub(line, 2, line.n);
	for (struct mime_node *node = cur; node; node = node->part.parent ? node_of(node->part.parent) : NULL)
		if (node->part.kind == MIME_MULTIPART && !node->closed &&
			mime_boundary_fits(node->boundary, rest, ret_final))
			return node;
	return NULL;
}

const struct mime_field *mime_part_field(const struct mime_part *part, struct strv name, size_t n)
{
	for (size_t i = 0; i < part->field_count; i++)
		if (strv_ieq(part->fields[i].name, name) && n-- == 0)
			return &part->fields[i];
	return NULL;
}

struct strv mime_part_param(const struct mime_part *part, struct strv name)
{
	struct strv plain = STRV_NULL;
	for (size_t i = 0; i < part->param_count; i++) {
		if (!strv_ieq(part->params[i].name, name))
			continue;
		/* An RFC 2231 value is preferred to the plain one beside it. */
		if (part->params[i].extended)
			return part->params[i].value;
		if (!plain.p)
			plain = part->params[i].value;
	}
	return plain;
}
