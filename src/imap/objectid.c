/*
 * Prints and reads object ids: a letter and numbers.
 */
#include "imap/objectid.h"

#include "base/str.h"

#define THREAD_DIGITS 16

void objectid_mailbox(struct buf *out, uint32_t uidvalidity)
{
	buf_addc(out, 'F');
	buf_addu(out, uidvalidity);
}

void objectid_email(struct buf *out, uint32_t epoch, int64_t blob)
{
	buf_addc(out, 'M');
	buf_addu(out, epoch);
	buf_addc(out, '-');
	buf_addu(out, (uint64_t)blob);
}

void objectid_thread(struct buf *out, uint64_t thread)
{
	char text[THREAD_DIGITS];
	for (size_t i = THREAD_DIGITS; i > 0; i--, thread >>= 4)
		text[i - 1] = "0123456789abcdef"[thread & 15];
	buf_addc(out, 'T');
	buf_add(out, text, sizeof(text));
}

static bool is_objectid_char(char c)
{
	return (c >= '0' && c <= '9') || (str_upper(c) >= 'A' && str_upper(c) <= 'Z') || c == '_' || c == '-';
}

bool objectid_parse(struct parse *parse, struct strv *ret_id)
{
	struct strv id;
	if (!parse_atom(parse, &id))
		return false;
	for (size_t i = 0; i < id.n; i++)
		if (!is_objectid_char(id.p[i]))
			return parse_fail(parse, "Invalid object id");
	if (id.n > OBJECTID_SYNTAX_MAX)
		return parse_fail(parse, "Object id is too long");
	*ret_id = id;
	return true;
}

/* Reads a number as the printers write it: without leading zeros. */
static bool objectid_read_number(struct strv digits, uint64_t max, uint64_t *ret_number)
{
	if (digits.n > 0 && digits.p[0] == '0')
		return false;
	return str_u64(digits, ret_number) == RC_OK && *ret_number <= max;
}

bool objectid_read_email(struct strv id, uint32_t *ret_epoch, int64_t *ret_blob)
{
	uint64_t epoch;
	uint64_t blob;
	size_t dash = strv_index(id, '-');
	if (id.n == 0 || id.p[0] != 'M' || dash == id.n)
		return false;
	if (!objectid_read_number(strv_sub(id, 1, dash - 1), UINT32_MAX, &epoch) ||
		!objectid_read_number(strv_sub(id, dash + 1, id.n), INT64_MAX, &blob))
		return false;
	*ret_epoch = (uint32_t)epoch;
	*ret_blob = (int64_t)blob;
	return true;
}

bool objectid_read_thread(struct strv id, uint64_t *ret_thread)
{
	uint64_t thread = 0;
	if (id.n != THREAD_DIGITS + 1 || id.p[0] != 'T')
		return false;
	for (size_t i = 1; i < id.n; i++) {
		char c = id.p[i];
		bool digit = c >= '0' && c <= '9';
		if (!digit && (c < 'a' || c > 'f'))
			return false;
		thread = thread << 4 | (uint64_t)(digit ? c - '0' : c - 'a' + 10);
	}
	*ret_thread = thread;
	return true;
}
