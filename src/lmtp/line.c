/* Takes command lines off the input of a client. */
#include "lmtp/line.h"

void lmtp_line_init(struct lmtp_line_reader *reader)
{
	reader->state = LMTP_LINE_BEGIN;
}

size_t lmtp_line_take(struct lmtp_line_reader *reader, struct strv in, enum lmtp_line_result *ret_result,
	struct strv *ret_line)
{
	size_t end = strv_index(in, '\n');
	struct strv line = strv_sub(in, 0, end);
	bool whole = end < in.n;
	bool skipped = reader->state == LMTP_LINE_SKIP;

	*ret_result = LMTP_LINE_NEED_MORE;
	if (!skipped && !whole && line.n <= LMTP_LINE_MAX)
		return 0;
	if (skipped || line.n > LMTP_LINE_MAX) {
		reader->state = whole ? LMTP_LINE_BEGIN : LMTP_LINE_SKIP;
		if (!skipped)
			*ret_result = LMTP_LINE_TOO_LONG;
		return whole ? end + 1 : in.n;
	}
	if (line.n > 0 && line.p[line.n - 1] == '\r')
		line.n--;
	if (strv_index(line, '\0') < line.n || strv_index(line, '\r') < line.n) {
		*ret_result = LMTP_LINE_CONTROL;
	} else {
		*ret_result = LMTP_LINE_TAKEN;
		*ret_line = line;
	}
	return end + 1;
}
