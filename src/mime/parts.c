/*
 * The part table: version octet, then the parts in the order of the message, each as
 *   flags (kind | encoding << 2), child count, header offset less that of its parent's body (or 0), header
 *   size, body size
 * flags is an octet, the others are LEB128 numbers. A body begins where its header ends.
 */
#include "mime/summary.h"

#include "mime/decode.h"

#define PARTS_VERSION 1

struct part_record {
	enum mime_kind kind;
	uint8_t encoding;
	uint64_t children;
	uint64_t offset; /* relative to the parent's body in the table, else absolute */
	uint64_t header_size;
	uint64_t body_size;
};

static void put_number(struct buf *out, uint64_t number)
{
	while (number >= 0x80) {
		buf_addc(out, (char)(unsigned char)(number & 0x7f) | (char)0x80);
		number >>= 7;
	}
	buf_addc(out, (char)number);
}

static bool get_number(struct strv *in, uint64_t *ret_number)
{
	uint64_t number = 0;
	for (unsigned shift = 0; shift < 63 && in->n > 0; shift += 7) {
		unsigned char c = (unsigned char)*in->p;
		in->p++;
		in->n--;
		number |= (uint64_t)(c & 0x7f) << shift;
		if (!(c & 0x80)) {
			*ret_number = number;
			return true;
		}
	}
	return false;
}

static void put_part(struct buf *out, const struct mime_part *part)
{
	uint64_t base = part->parent ? part->parent->body_offset : 0;
	uint64_t children = 0;
	for (const struct mime_part *child = part->child; child; child = child->sibling)
		children++;
	buf_addc(out, (char)((unsigned)part->kind | (unsigned)mime_encoding_parse(part->encoding) << 2));
	put_number(out, children);
	put_number(out, part->header_offset - base);
	put_number(out, part->header_size);
	put_number(out, part->body_size);
}

const struct mime_part *mime_part_next(const struct mime_part *part)
{
	if (part->child)
		return part->child;
	while (part && !part->sibling)
		part = part->parent;
	return part ? part->sibling : NULL;
}

void mime_parts_encode(struct buf *out, const struct mime_msg *msg)
{
	buf_addc(out, PARTS_VERSION);
	for (const struct mime_part *part = msg->root; part; part = mime_part_next(part))
		put_part(out, part);
}

static bool get_record(struct strv *in, uint64_t base, struct part_record *record)
{
	if (in->n == 0)
		return false;
	unsigned flags = (unsigned char)*in->p;
	in->p++;
	in->n--;
	record->kind = (enum mime_kind)(flags & 3);
	record->encoding = (uint8_t)(flags >> 2);
	if ((flags & 3) > MIME_MESSAGE || record->encoding > MIME_ENC_UNKNOWN)
		return false;
	if (!get_number(in, &record->children) || !get_number(in, &record->offset) ||
		!get_number(in, &record->header_size) || !get_number(in, &record->body_size))
		return false;
	/*
	 * Numbers have 63 bits, so the sum of two does not overflow; the limit keeps the sum of three below
	 * that.
	 */
	record->offset += base;
	return record->offset <= INT64_MAX && record->header_size <= INT64_MAX - record->offset &&
	       record->body_size <= INT64_MAX - record->offset - record->header_size;
}

static uint64_t body_offset(const struct part_record *record)
{
	return record->offset + record->header_size;
}

/* Skips the record's children and everything below them. */
static bool skip_children(struct strv *in, const struct part_record *record)
{
	uint64_t pending = record->children;
	while (pending > 0) {
		struct part_record below;
		if (!get_record(in, 0, &below) || below.children > in->n)
			return false;
		pending += below.children - 1;
	}
	return true;
}

/* Moves from a part to its n-th child (from 1); `in` is after the part's record. */
static enum rc go_to_child(struct strv *in, struct part_record *record, uint32_t n)
{
	uint64_t base = body_offset(record);
	if (n == 0 || n > record->children)
		return RC_NOT_FOUND;
	for (uint32_t i = 1;; i++) {
		if (!get_record(in, base, record))
			return RC_CORRUPT;
		if (i == n)
			return RC_OK;
		if (!skip_children(in, record))
			return RC_CORRUPT;
	}
}

/*
 * Moves to part n below `record`. `message`: the record is the root part of a message; if that is no
 * multipart, its only part is 1.
 */
static enum rc go_to_part(struct strv *in, struct part_record *record, bool message, uint32_t n)
{
	if (record->kind == MIME_MULTIPART && record->children == 0 && n == 1) {
		/* This is the empty text part that the body structure shows. */
		uint64_t end = body_offset(record) + record->body_size;
		*record = (struct part_record){ .kind = MIME_LEAF, .encoding = MIME_ENC_7BIT, .offset = end };
		return RC_OK;
	}
	if (record->kind == MIME_MULTIPART)
		return go_to_child(in, record, n);
	return message && n == 1 ? RC_OK : RC_NOT_FOUND;
}

static enum rc parts_walk(
	struct strv *in, struct part_record *record, const uint32_t *path, size_t depth, bool *message)
{
	enum rc rc;
	for (size_t i = 0; i < depth; i++) {
		if (!*message && record->kind == MIME_MESSAGE) {
			rc = go_to_child(in, record, 1);
			if (rc != RC_OK)
				return RC_CORRUPT;
			*message = true;
		}
		rc = go_to_part(in, record, *message, path[i]);
		if (rc != RC_OK)
			return rc;
		*message = false;
	}
	return RC_OK;
}

static struct mime_range range_of(uint64_t offset, uint64_t size, uint8_t encoding)
{
	return (struct mime_range){ .offset = offset, .size = size, .encoding = encoding };
}

enum rc mime_parts_find(struct strv table, const uint32_t *path, size_t depth, enum mime_section what,
	struct mime_range *ret_range)
{
	struct part_record part;
	bool message = true;
	struct strv in = strv_sub(table, 1, table.n);
	if (table.n == 0 || table.p[0] != PARTS_VERSION || !get_record(&in, 0, &part))
		return RC_CORRUPT;
	enum rc rc = parts_walk(&in, &part, path, depth, &message);
	if (rc != RC_OK)
		return rc;
	if (what == MIME_SECTION_ALL && message) {
		*ret_range = range_of(part.offset, part.header_size + part.body_size, MIME_ENC_BINARY);
		return RC_OK;
	}
	if (what == MIME_SECTION_ALL) {
		/* RFC 2045 section 6.4: a multipart is not encoded, whatever its field says. */
		*ret_range = range_of(body_offset(&part), part.body_size,
			part.kind == MIME_MULTIPART ? MIME_ENC_BINARY : part.encoding);
		return RC_OK;
	}
	if (what == MIME_SECTION_MIME) {
		if (depth == 0)
			return RC_NOT_FOUND;
		*ret_range = range_of(part.offset, part.header_size, MIME_ENC_BINARY);
		return RC_OK;
	}
	/* HEADER and TEXT belong to the whole message, or to the message that the part embeds. */
	if (!message) {
		if (part.kind != MIME_MESSAGE)
			return RC_NOT_FOUND;
		if (go_to_child(&in, &part, 1) != RC_OK)
			return RC_CORRUPT;
	}
	*ret_range = what == MIME_SECTION_HEADER
			     ? range_of(part.offset, part.header_size, MIME_ENC_BINARY)
			     : range_of(body_offset(&part), part.body_size, part.encoding);
	return RC_OK;
}
