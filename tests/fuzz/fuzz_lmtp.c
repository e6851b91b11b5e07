/* link: lmtp */
/*
 * LMTP input: the first octet picks what the rest is: a sender's path with parameters, a recipient's,
 * command lines, or message data. Lines and data are fed whole and in pieces, which must give the same.
 */
#include "base/buf.h"
#include "lmtp/data.h"
#include "lmtp/line.h"
#include "lmtp/smtp_parse.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void collect(void *arg, struct strv piece)
{
	buf_addv(arg, piece);
}

static void fuzz_path(struct strv in, bool rcpt)
{
	struct smtp_path path;
	struct smtp_param params[SMTP_PARAMS_MAX];
	unsigned count = 0;

	if (smtp_path_parse(&in, rcpt, &path) != RC_OK)
		return;
	if (strlen(path.local) + strlen(path.domain) > SMTP_PATH_MAX)
		abort();
	if (smtp_params_parse(in, params, &count) == RC_OK && count > SMTP_PARAMS_MAX)
		abort();
}

static void fuzz_data(struct strv in)
{
	struct buf whole, pieces;
	struct data data;
	size_t used = 0, again = 0;

	buf_init(&whole, in.n + 16);
	buf_init(&pieces, in.n + 16);
	data_init(&data);
	used = data_feed(&data, in, collect, &whole);
	bool ended = data_ended(&data);
	data_init(&data);
	while (again < in.n && !data_ended(&data))
		again += data_feed(&data, strv_sub(in, again, 1 + again % 3), collect, &pieces);
	if (used != again || ended != data_ended(&data) || !strv_eq(buf_strv(&whole), buf_strv(&pieces)))
		abort();
	if (!ended && used != in.n)
		abort();
	buf_fini(&whole);
	buf_fini(&pieces);
}

/* Feeds as a connection does: what is not used stays, and comes again with more behind it. */
static void feed_lines(struct strv in, size_t step, struct buf *out)
{
	struct lmtp_line_reader reader;
	size_t at = 0, have = 0;

	lmtp_line_init(&reader);
	while (have < in.n) {
		have = in.n - have < step ? in.n : have + step;
		for (size_t used = 1; used > 0 && at < have; at += used) {
			enum lmtp_line_result result;
			struct strv line = STRV_NULL;
			used = lmtp_line_take(&reader, strv_sub(in, at, have - at), &result, &line);
			if (used > have - at || line.n > LMTP_LINE_MAX)
				abort();
			if (result == LMTP_LINE_NEED_MORE)
				continue;
			buf_addc(out, (char)('0' + result));
			buf_addv(out, line);
			buf_addc(out, '\n');
		}
	}
}

static void fuzz_lines(struct strv in)
{
	struct buf whole, pieces;

	buf_init(&whole, 3 * in.n + 16);
	buf_init(&pieces, 3 * in.n + 16);
	feed_lines(in, in.n, &whole);
	feed_lines(in, 1 + in.n / 7, &pieces);
	if (!strv_eq(buf_strv(&whole), buf_strv(&pieces)))
		abort();
	buf_fini(&whole);
	buf_fini(&pieces);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;
	struct strv rest = strv_make(data + 1, size - 1);
	if (data[0] % 4 == 0)
		fuzz_path(rest, false);
	else if (data[0] % 4 == 1)
		fuzz_path(rest, true);
	else if (data[0] == 0xff)
		fuzz_lines(rest);
	else
		fuzz_data(rest);
	return 0;
}
