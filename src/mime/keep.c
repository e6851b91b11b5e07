/*
 * The part of a header block that a scan keeps. Ordinary fields share a budget; beyond it they are only
 * counted, and a search for them reads the message. The first field of each name that decides about a message
 * (its structure, its envelope, its thread, whether it is chat) is kept wherever it stands, up to a maximum
 * of its own.
 */
#include "mime/mime_priv.h"

#include "mime/header.h"

struct deciding {
	struct strv name;
	bool message; /* it has a meaning only in the header of a message */
	size_t max; /* octets kept of it */
};

static const struct deciding deciding[] = {
	{ { "Content-Type", 12 }, false, MIME_VALUE_MAX },
	{ { "Content-Transfer-Encoding", 25 }, false, MIME_VALUE_MAX },
	{ { "Content-Disposition", 19 }, false, MIME_VALUE_MAX },
	{ { "Content-ID", 10 }, false, MIME_VALUE_MAX },
	{ { "Content-Description", 19 }, false, MIME_VALUE_MAX },
	{ { "Content-Language", 16 }, false, MIME_VALUE_MAX },
	{ { "Content-Location", 16 }, false, MIME_VALUE_MAX },
	{ { "Content-MD5", 11 }, false, MIME_VALUE_MAX },
	{ { "Date", 4 }, true, MIME_VALUE_MAX },
	{ { "Subject", 7 }, true, MIME_VALUE_MAX },
	{ { "From", 4 }, true, MIME_LIST_MAX },
	{ { "Sender", 6 }, true, MIME_LIST_MAX },
	{ { "Reply-To", 8 }, true, MIME_LIST_MAX },
	{ { "To", 2 }, true, MIME_LIST_MAX },
	{ { "Cc", 2 }, true, MIME_LIST_MAX },
	{ { "Bcc", 3 }, true, MIME_LIST_MAX },
	{ { "Message-ID", 10 }, true, MIME_VALUE_MAX },
	{ { "In-Reply-To", 11 }, true, MIME_VALUE_MAX },
	{ { "References", 10 }, true, MIME_LIST_MAX },
	{ { "Chat-Version", 12 }, true, MIME_VALUE_MAX },
};

#define DECIDING_COUNT (sizeof(deciding) / sizeof(deciding[0]))

static size_t keep_min_size(size_t a, size_t b)
{
	return a < b ? a : b;
}

void mime_keep_init(struct mime_keep *keep, const struct mime_limits *limits)
{
	/*
	 * There is room for both budgets, for the least of each first field, and for a line end after each
	 * cut line.
	 */
	buf_init(&keep->bytes,
		limits->header_bytes + limits->values_total + DECIDING_COUNT * (MIME_VALUE_LEAST + 2) + 2);
}

void mime_keep_fini(struct mime_keep *keep)
{
	buf_fini(&keep->bytes);
}

void mime_keep_begin(struct mime_scan *scan, bool message)
{
	struct buf bytes = scan->keep.bytes;
	buf_reset(&bytes);
	scan->keep = (struct mime_keep){ .bytes = bytes, .message = message };
	scan->run.open = false;
}

/* The index of the field in the table, or DECIDING_COUNT. */
static size_t deciding_index(struct strv name, bool message)
{
	for (size_t i = 0; i < DECIDING_COUNT; i++)
		if ((message || !deciding[i].message) && strv_ieq(name, deciding[i].name))
			return i;
	return DECIDING_COUNT;
}

static size_t ordinary_room(const struct mime_scan *scan)
{
	size_t max = keep_min_size(scan->limits.header_bytes, scan->headers_left);
	return scan->keep.ordinary < max ? max - scan->keep.ordinary : 0;
}

static void begin_field(struct mime_scan *scan, struct strv name)
{
	struct mime_keep *keep = &scan->keep;
	size_t i = deciding_index(name, keep->message);
	keep->deciding = i < DECIDING_COUNT && !(keep->seen >> i & 1);
	if (keep->deciding) {
		size_t left = scan->values_left > keep->values ? scan->values_left - keep->values : 0;
		keep->seen |= 1u << i;
		keep->field_left = keep_min_size(deciding[i].max, left);
		if (keep->field_left < MIME_VALUE_LEAST)
			keep->field_left = MIME_VALUE_LEAST;
	} else if (keep->ordinary_fields < MIME_FIELDS_MAX) {
		keep->ordinary_fields++;
		keep->field_left = SIZE_MAX;
	} else {
		keep->field_left = 0;
	}
}

void mime_keep_line(struct mime_scan *scan, enum mime_line what, struct strv name, struct strv line, bool cut)
{
	struct mime_keep *keep = &scan->keep;
	if (what == MIME_LINE_FIELD) {
		begin_field(scan, name);
	} else if (!keep->block.in_field) {
		keep->deciding = false;
		keep->field_left = SIZE_MAX;
	}
	size_t room =
		keep->deciding ? keep->field_left : keep_min_size(keep->field_left, ordinary_room(scan));
	size_t n = keep_min_size(line.n, room);
	/* A cut line before this one has no line end. */
	bool begins = what == MIME_LINE_FIELD || !keep->block.in_field;
	if (n > 0 && begins && keep->bytes.len > 0 && keep->bytes.p[keep->bytes.len - 1] != '\n')
		buf_addc(&keep->bytes, '\n');
	buf_add(&keep->bytes, line.p, n);
	if (keep->deciding)
		keep->values += n;
	else
		keep->ordinary += n;
	if (keep->field_left != SIZE_MAX)
		keep->field_left -= n;
	if (n == line.n && !cut)
		return;
	keep->cut = true;
	/* Further lines of the field would look like a part of the line that was cut. */
	keep->field_left = 0;
}

void mime_keep_undo(struct mime_scan *scan)
{
	struct buf bytes = scan->keep.bytes;
	bytes.len = scan->run.before_len;
	scan->keep = scan->run.before;
	scan->keep.bytes = bytes;
}

static void take_fields(struct arena *arena, struct mime_part *part)
{
	struct strv block = part->header;
	struct mime_field field;
	size_t count = 0;
	while (mime_header_next(&block, &field, NULL))
		count++;
	if (count == 0)
		return;
	part->fields = arena_alloc(arena, count * sizeof(*part->fields));
	block = part->header;
	while (part->field_count < count && mime_header_next(&block, &part->fields[part->field_count], NULL))
		part->field_count++;
}

void mime_keep_end(struct mime_scan *scan, struct mime_part *part)
{
	const struct mime_keep *keep = &scan->keep;
	part->header = arena_strv(scan->arena, buf_strv(&keep->bytes));
	part->header_cut = keep->cut;
	scan->headers_left -= keep->ordinary;
	scan->values_left -= keep_min_size(keep->values, scan->values_left);
	take_fields(scan->arena, part);
	mime_keep_begin(scan, false);
}

/*
 * Finds the boundary at the first line that may be a delimiter after Content-Type; that field is complete
 * then.
 */
static void learn_boundary(struct mime_scan *scan)
{
	struct mime_keep *keep = &scan->keep;
	struct mime_part part = { .type = STRV_NULL };
	struct mime_field field;
	keep->boundary_known = true;
	if (mime_header_find(buf_strv(&keep->bytes), STRV("Content-Type"), &field) &&
		mime_content_type_parse(scan->arena, field.value, &part) &&
		strv_ieq(part.type, STRV("multipart")))
		keep->boundary = arena_strv(scan->arena, mime_boundary_of(&part));
}

bool mime_keep_own_boundary(struct mime_scan *scan, struct strv line)
{
	struct mime_keep *keep = &scan->keep;
	bool final;
	/* Content-Type is the first entry of the table. */
	bool declared = keep->seen & 1;
	if (line.n < 3 || line.p[0] != '-' || line.p[1] != '-' || !declared)
		return false;
	if (!keep->boundary_known)
		learn_boundary(scan);
	return mime_boundary_fits(keep->boundary, strv_sub(line, 2, line.n), &final);
}
