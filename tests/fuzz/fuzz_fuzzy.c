/* link: mime */
/* Fuzzy words: the first line against the rest. However the rest is cut between letters, the score is the
 * same. */
#include "mime/fuzzy.h"

#include "base/buf.h"
#include "mime/decode.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static unsigned score(struct fuzzy *fuzzy, struct strv text, size_t cut)
{
	fuzzy_begin(fuzzy);
	fuzzy_feed(fuzzy, strv_sub(text, 0, cut), 100);
	fuzzy_feed(fuzzy, strv_sub(text, cut, text.n), 100);
	fuzzy_break(fuzzy);
	return fuzzy_score(fuzzy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct strv all = strv_make(data, size);
	size_t line = strv_index(all, '\n');
	struct arena *arena = arena_new(0);
	struct buf words;
	struct buf text;
	if (line > size)
		line = size;
	buf_init(&words, SIZE_MAX / 2);
	buf_init(&text, SIZE_MAX / 2);
	mime_casemap(&words, strv_sub(all, 0, line));
	mime_casemap(&text, strv_sub(all, line, size));
	struct fuzzy *fuzzy = fuzzy_new(arena, buf_strv(&words));
	unsigned whole = score(fuzzy, buf_strv(&text), text.len);
	size_t cut = text.len / 2;
	while (cut > 0 && cut < text.len && ((unsigned char)text.p[cut] & 0xc0) == 0x80)
		cut--;
	if (whole > 100 || score(fuzzy, buf_strv(&text), cut) != whole)
		abort();
	/* Words are found in their own text. */
	unsigned itself = score(fuzzy, buf_strv(&words), words.len);
	if (itself != 0 && itself < 90)
		abort();
	arena_free(&arena);
	buf_fini(&words);
	buf_fini(&text);
	return 0;
}
