/* RFC 2047 encoded words in unstructured text and phrases. */
#include "mime/header.h"

#include "base/str.h"
#include "mime/decode.h"
#include "mime/mime_priv.h"

/*
 * The octets of UTF-8 that one octet may become: U+FFFD has three, no charset of the list needs more than
 * four.
 */
#define UTF8_GROWTH 4

struct word {
	struct strv charset;
	struct strv text;
	enum mime_encoding encoding; /* MIME_ENC_BASE64, or MIME_ENC_QP for "Q" */
};

/* The state of a run of adjacent words: a character may be split between words of one charset. */
struct run {
	struct charset *charset; /* own; NULL: no run */
	struct strv name;
	bool raw; /* words are decoded but not converted */
	bool in_raw; /* the text just before was such a word */
	bool broken; /* some text could not be converted */
};

/* v begins with "=?". */
static bool parse_word(struct strv v, struct word *word, size_t *ret_length)
{
	size_t i = 2;
	while (i < v.n && v.p[i] != '?' && !mime_is_space(v.p[i]))
		i++;
	word->charset = strv_sub(v, 2, i - 2);
	/* RFC 2231 section 5: a language may follow the charset. */
	word->charset.n = strv_index(word->charset, '*');
	if (word->charset.n == 0 || v.n - i < 3 || v.p[i] != '?' || v.p[i + 2] != '?')
		return false;
	char encoding = str_lower(v.p[i + 1]);
	if (encoding != 'q' && encoding != 'b')
		return false;
	word->encoding = encoding == 'b' ? MIME_ENC_BASE64 : MIME_ENC_QP;
	size_t start = i + 3;
	for (i = start; i < v.n && v.p[i] != '?'; i++)
		;
	if (v.n - i < 2 || v.p[i + 1] != '=')
		return false;
	word->text = strv_sub(v, start, i - start);
	*ret_length = i + 2;
	return true;
}

static int words_hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = str_lower(c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static void decode_q(struct buf *out, struct strv text)
{
	for (size_t i = 0; i < text.n; i++) {
		char c = text.p[i];
		int high = c == '=' && text.n - i > 2 ? words_hex_digit(text.p[i + 1]) : -1;
		int low = high >= 0 ? words_hex_digit(text.p[i + 2]) : -1;
		if (low >= 0) {
			buf_addc(out, (char)(high * 16 + low));
			i += 2;
		} else {
			buf_addc(out, c == '_' ? ' ' : c);
		}
	}
}

static void words_decode_text(struct buf *out, const struct word *word)
{
	if (word->encoding == MIME_ENC_QP) {
		decode_q(out, word->text);
		return;
	}
	struct mime_decoder decoder;
	mime_decoder_init(&decoder, MIME_ENC_BASE64);
	mime_decoder_feed(&decoder, word->text, out);
	mime_decoder_finish(&decoder, out);
	mime_decoder_fini(&decoder);
}

static void end_run(struct run *run, struct buf *out)
{
	if (run->charset) {
		charset_finish(run->charset, out);
		run->broken |= charset_broken(run->charset);
	}
	charset_close(&run->charset);
	run->in_raw = false;
}

/* False: the charset is unknown, so the word stays as written. */
static bool add_word(struct run *run, const struct word *word, struct buf *out)
{
	if (run->raw) {
		words_decode_text(out, word);
		run->in_raw = true;
		return true;
	}
	if (run->charset && !strv_ieq(run->name, word->charset))
		end_run(run, out);
	if (!run->charset && charset_open(word->charset, &run->charset) != RC_OK) {
		run->broken = true;
		return false;
	}
	run->name = word->charset;
	struct buf bytes;
	buf_init(&bytes, word->text.n + 1);
	words_decode_text(&bytes, word);
	charset_feed(run->charset, buf_strv(&bytes), out);
	buf_fini(&bytes);
	return true;
}

static size_t space_length(struct strv v, size_t from)
{
	size_t i = from;
	while (i < v.n && mime_is_space(v.p[i]))
		i++;
	return i - from;
}

/* v begins with "=?". True: it is a word that can be read. */
static bool words_take_word(struct run *run, struct strv v, struct word *word, size_t *ret_length)
{
	if (!parse_word(v, word, ret_length))
		return false;
	if (run->raw || charset_known(word->charset))
		return true;
	run->broken = true;
	return false;
}

/* False: some text could not be converted. */
static bool decode_words(struct buf *out, struct strv v, bool raw)
{
	struct run run = { .raw = raw };
	size_t i = 0;
	size_t space = 0; /* white space before i that is not written yet */
	while (i < v.n) {
		struct word word;
		size_t length = 0;
		size_t n = space_length(v, i);
		if (n > 0) {
			space = n;
			i += n;
			continue;
		}
		bool is_word = v.n - i > 2 && v.p[i] == '=' && v.p[i + 1] == '?' &&
			       words_take_word(&run, strv_sub(v, i, v.n), &word, &length);
		/* White space between two words is not content. */
		if (!(is_word && (run.charset || run.in_raw))) {
			end_run(&run, out);
			buf_add(out, v.p + i - space, space);
		}
		space = 0;
		if (!is_word || !add_word(&run, &word, out)) {
			end_run(&run, out);
			buf_addc(out, v.p[i]);
			length = 1;
		}
		i += length;
	}
	end_run(&run, out);
	return !run.broken;
}

/* Removes line ends and NUL, which words may contain. */
static void words_clean(struct buf *text)
{
	for (size_t i = 0; i < text->len; i++)
		if (text->p[i] == '\r' || text->p[i] == '\n' || text->p[i] == '\0')
			text->p[i] = ' ';
}

void mime_words_decode(struct buf *out, struct strv value)
{
	struct buf unfolded;
	struct buf text;
	buf_init(&unfolded, value.n + 1);
	buf_init(&text, UTF8_GROWTH * value.n + 64);
	mime_unfold(&unfolded, value);
	(void)decode_words(&text, buf_strv(&unfolded), false);
	words_clean(&text);
	str_utf8_repair(out, buf_strv(&text));
	buf_fini(&text);
	buf_fini(&unfolded);
}

bool mime_words_convert(struct buf *out, struct strv value)
{
	struct buf unfolded;
	struct buf text;
	buf_init(&unfolded, value.n + 1);
	buf_init(&text, UTF8_GROWTH * value.n + 64);
	mime_unfold(&unfolded, value);
	bool ok = decode_words(&text, buf_strv(&unfolded), false) && str_utf8_valid(buf_strv(&text));
	if (!ok) {
		buf_reset(&text);
		(void)decode_words(&text, buf_strv(&unfolded), true);
	}
	words_clean(&text);
	buf_addv(out, buf_strv(&text));
	buf_fini(&text);
	buf_fini(&unfolded);
	return ok;
}
