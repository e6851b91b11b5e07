/*
 * Changes the part table and the cached header for a copy that begins with header lines of its own
 * (Delivered-To and the like), which were not there when the message was scanned. Only the first header block
 * grows: every other offset in the part table counts from its parent's body.
 */
#include "mime/summary.h"

#include "mime/header.h"

#define NUMBER_BYTES 10 /* the longest LEB128 number of 64 bits */

/* The end of the number that begins at `from`; 0: it is cut off. */
static size_t number_end(struct strv table, size_t from, uint64_t *ret_number)
{
	uint64_t number = 0;
	for (size_t i = 0; i < NUMBER_BYTES && from + i < table.n; i++) {
		unsigned char c = (unsigned char)table.p[from + i];
		number |= (uint64_t)(c & 0x7f) << (7 * i);
		if (!(c & 0x80)) {
			*ret_number = number;
			return from + i + 1;
		}
	}
	return 0;
}

static void prefix_number_put(struct buf *out, uint64_t number)
{
	while (number >= 0x80) {
		buf_addc(out, (char)((number & 0x7f) | 0x80));
		number >>= 7;
	}
	buf_addc(out, (char)number);
}

void mime_parts_shift(struct buf *out, struct strv table, uint64_t added)
{
	/* Version and flags are an octet each; then come children, offset and header size of the root. */
	uint64_t children, offset = 0, header = 0;
	size_t children_end = number_end(table, 2, &children);
	size_t offset_end = children_end ? number_end(table, children_end, &offset) : 0;
	size_t header_end = offset_end ? number_end(table, offset_end, &header) : 0;
	if (added == 0 || header_end == 0) {
		buf_addv(out, table);
		return;
	}
	buf_add(out, table.p, children_end);
	prefix_number_put(out, 0);
	prefix_number_put(out, offset + header + added);
	buf_add(out, table.p + header_end, table.n - header_end);
}

void mime_headers_prefix(struct buf *out, struct strv prefix, struct strv headers)
{
	struct mime_field field;
	struct strv raw;
	if (headers.n == 0)
		return;
	while (mime_header_next(&prefix, &field, &raw)) {
		if (mime_header_cached(field.name))
			buf_addv(out, raw);
	}
	buf_addv(out, headers);
}
