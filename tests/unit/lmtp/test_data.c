#include "lmtp/data.h"

#include "base/buf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static void collect(void *arg, struct strv piece)
{
	buf_addv(arg, piece);
}

struct sample {
	struct strv in;
	struct strv out;
	size_t used; /* 0: all */
	bool ended;
};

static const struct sample samples[] = {
	{ { "a\r\n.\r\n", 6 }, { "a\r\n", 3 }, 0, true },
	{ { ".\r\n", 3 }, { "", 0 }, 0, true },
	{ { "..\r\n.\r\n", 7 }, { ".\r\n", 3 }, 0, true },
	{ { "..a\r\n...\r\n.\r\nQUIT\r\n", 19 }, { ".a\r\n..\r\n", 8 }, 13, true },
	{ { ".a\r\n.\r\n", 7 }, { "a\r\n", 3 }, 0, true },
	/* Bare LF neither starts a line nor ends the message. */
	{ { "a\n.\nb\n..\n\r\n.\r\n", 14 }, { "a\n.\nb\n..\n\r\n", 11 }, 0, true },
	{ { "a\r\n.\nMAIL\r\n.\r\n", 14 }, { "a\r\n\nMAIL\r\n", 10 }, 0, true },
	{ { "a\n.\r\nb\r\n.\r\n", 11 }, { "a\n.\r\nb\r\n", 8 }, 0, true },
	{ { "a\r.\r\nb\r\n.\r\n", 11 }, { "a\r.\r\nb\r\n", 8 }, 0, true },
	/* A dot and a CR that is no line end. */
	{ { ".\rx\r\n.\r\n", 8 }, { "\rx\r\n", 4 }, 0, true },
	{ { ".\r\r\n.\r\n", 7 }, { "\r\r\n", 3 }, 0, true },
	{ { "a\r\r\n.\r\n", 7 }, { "a\r\r\n", 4 }, 0, true },
	{ { "a\0b\xff\r\n.\r\n", 9 }, { "a\0b\xff\r\n", 6 }, 0, true },
	{ { "no end\r\n.", 9 }, { "no end\r\n", 8 }, 0, false },
};

static void check(const struct sample *sample, size_t first, size_t step)
{
	struct data data;
	struct buf out;
	size_t at = 0;

	data_init(&data);
	buf_init(&out, 1000);
	while (at < sample->in.n && !data_ended(&data)) {
		size_t n = at == 0 && first > 0 ? first : step;
		struct strv piece = strv_sub(sample->in, at, n);
		size_t used = data_feed(&data, piece, collect, &out);
		assert_true(used == piece.n || data_ended(&data));
		at += used;
	}
	assert_int_equal(data_ended(&data), sample->ended);
	assert_int_equal(at, sample->used ? sample->used : sample->in.n);
	assert_int_equal(out.len, sample->out.n);
	if (out.len > 0)
		assert_memory_equal(out.p, sample->out.p, out.len);
	buf_fini(&out);
}

static void stuffed_dots_are_taken_away_however_the_bytes_come(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(samples) / sizeof(samples[0]); i++) {
		check(&samples[i], 0, samples[i].in.n);
		check(&samples[i], 0, 1);
		for (size_t cut = 1; cut < samples[i].in.n; cut++)
			check(&samples[i], cut, samples[i].in.n);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(stuffed_dots_are_taken_away_however_the_bytes_come),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
