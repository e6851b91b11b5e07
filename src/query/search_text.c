/*
 * Searches the headers and texts of one message, part by part and window by window. A window overlaps the one
 * before it by the length of the longest needle.
 */
#include "query/search_text.h"

#include "base/clock.h"
#include "base/mem.h"
#include "mime/decode.h"
#include "mime/header.h"
#include "mime/mime.h"

#include <stdlib.h>

#define WINDOW (64 * 1024)
/*
 * The size of a decoded window (at most 4 octets for one), then of a case-mapped one (18 code points for
 * one), with the overlap before it.
 */
#define DECODED_MAX (8 * WINDOW)
#define MAPPED_MAX ((size_t)128 * 1024 * 1024)

/* If a field is longer than this, the end of each window is searched again with the next one. */
#define FIELD_WINDOW (256 * 1024)
#define FIELD_OVERLAP (64 * 1024)

enum phase {
	PHASE_SCAN, /* the message is fed to the MIME scanner */
	PHASE_PARTS, /* the next part is to be begun */
	PHASE_BODY, /* the body of a text part is being searched */
	PHASE_DONE
};

struct search_text {
	struct search_needle *needles; /* borrowed */
	size_t count;
	size_t longest;
	struct reader *reader; /* own */
	enum phase phase;
	struct mime_scan *scan; /* own, PHASE_SCAN */
	struct mime_msg *msg; /* own, afterwards */
	const struct mime_part *part;
	uint64_t offset;
	uint64_t end;
	struct mime_decoder decoder;
	bool decoding;
	struct charset *charset; /* own; NULL: the bytes are read as UTF-8 */
	struct buf raw;
	struct buf decoded;
	struct buf utf8;
	struct buf mapped; /* begins with the end of the window before */
	struct search_scratch scratch;
};

void search_scratch_init(struct search_scratch *scratch)
{
	buf_init(&scratch->plain, MAPPED_MAX);
	buf_init(&scratch->decoded, MAPPED_MAX);
	buf_init(&scratch->mapped, MAPPED_MAX);
}

void search_scratch_fini(struct search_scratch *scratch)
{
	buf_fini(&scratch->plain);
	buf_fini(&scratch->decoded);
	buf_fini(&scratch->mapped);
}

static bool search_text_contains(struct strv text, struct strv needle)
{
	if (needle.n == 0)
		return true;
	return needle.n <= text.n && memmem(text.p, text.n, needle.p, needle.n) != NULL;
}

/* True for "*=" or "*0", which may begin a parameter of RFC 2231. */
static bool is_extended(unsigned char before, unsigned char c)
{
	return before == '*' && (c == '=' || (c >= '0' && c <= '9'));
}

static bool has_extended(struct strv value)
{
	for (size_t i = 1; i < value.n; i++)
		if (is_extended((unsigned char)value.p[i - 1], (unsigned char)value.p[i]))
			return true;
	return false;
}

/* Makes "Name: " (may be empty) and the value, in the form that is searched. */
static struct strv map_value(struct search_scratch *scratch, struct strv name, struct strv value)
{
	buf_reset(&scratch->plain);
	buf_reset(&scratch->decoded);
	buf_reset(&scratch->mapped);
	mime_unfold(&scratch->plain, value);
	if (name.n > 0) {
		buf_addv(&scratch->decoded, name);
		buf_adds(&scratch->decoded, ": ");
	}
	mime_words_decode(&scratch->decoded, buf_strv(&scratch->plain));
	if (has_extended(buf_strv(&scratch->plain)))
		mime_params_decode(&scratch->decoded, buf_strv(&scratch->plain));
	mime_casemap(&scratch->mapped, buf_strv(&scratch->decoded));
	return buf_strv(&scratch->mapped);
}

/*
 * A fast form of map_value: most values are ASCII without encoded words, so one loop unfolds and maps them.
 * False: the value is not so simple.
 */
static bool map_ascii(struct search_scratch *scratch, struct strv value, struct strv *ret_mapped)
{
	value = strv_trim(value);
	buf_reset(&scratch->mapped);
	char *room = buf_reserve(&scratch->mapped, value.n + 1);
	if (!room)
		return false;
	size_t n = 0;
	unsigned char last = 0;
	for (size_t i = 0; i < value.n; i++) {
		unsigned char c = (unsigned char)value.p[i];
		if (c == '\r' || c == '\n')
			continue;
		if (c >= 0x80 || c == '\0' || (c == '?' && last == '=') || is_extended(last, c))
			return false;
		last = c;
		room[n++] = (char)(c >= 'a' && c <= 'z' ? c - ('a' - 'A') : c);
	}
	*ret_mapped = strv_make(room, n);
	return true;
}

struct strv search_value_map(struct search_scratch *scratch, struct strv value)
{
	struct strv mapped;
	if (map_ascii(scratch, value, &mapped))
		return mapped;
	return map_value(scratch, STRV_NULL, value);
}

bool search_value_contains(struct search_scratch *scratch, struct strv value, struct strv needle)
{
	return search_text_contains(search_value_map(scratch, value), needle);
}

struct search_text *search_text_new(struct search_needle *needles, size_t count, struct reader *reader)
{
	struct search_text *text = mem_zalloc(sizeof(*text));
	text->needles = needles;
	text->count = count;
	text->reader = reader;
	text->scan = mime_scan_new(NULL);
	text->end = reader_size(reader);
	for (size_t i = 0; i < count; i++) {
		needles[i].found = needles[i].text.n == 0;
		needles[i].score = needles[i].found ? 100 : 0;
		if (needles[i].fuzzy)
			fuzzy_begin(needles[i].fuzzy);
		if (needles[i].text.n > text->longest)
			text->longest = needles[i].text.n;
	}
	buf_init(&text->raw, WINDOW);
	buf_init(&text->decoded, DECODED_MAX);
	buf_init(&text->utf8, DECODED_MAX);
	buf_init(&text->mapped, MAPPED_MAX);
	search_scratch_init(&text->scratch);
	return text;
}

static void body_end(struct search_text *text)
{
	if (text->decoding)
		mime_decoder_fini(&text->decoder);
	text->decoding = false;
	if (text->charset)
		charset_close(&text->charset);
}

void search_text_free(struct search_text **text)
{
	struct search_text *t = *text;
	if (!t)
		return;
	body_end(t);
	mime_scan_free(&t->scan);
	mime_msg_free(&t->msg);
	reader_close(&t->reader);
	buf_fini(&t->raw);
	buf_fini(&t->decoded);
	buf_fini(&t->utf8);
	buf_fini(&t->mapped);
	search_scratch_fini(&t->scratch);
	free(t);
	*text = NULL;
}

static bool all_found(const struct search_text *text)
{
	for (size_t i = 0; i < text->count; i++)
		if (!text->needles[i].found)
			return false;
	return true;
}

/* Searches `mapped`. `fresh`: the end of it that was not searched before. */
static void search_text_look(struct search_text *text, struct strv mapped, struct strv fresh, bool own_header)
{
	unsigned weight = own_header ? 100 : SEARCH_BODY_WEIGHT;
	for (size_t i = 0; i < text->count; i++) {
		struct search_needle *needle = &text->needles[i];
		if (needle->found || (!needle->headers && own_header))
			continue;
		needle->found = search_text_contains(mapped, needle->text);
		if (needle->found)
			needle->score = weight;
		else if (needle->fuzzy)
			fuzzy_feed(needle->fuzzy, fresh, weight);
	}
}

/* Ends the words, since no word goes on in the next field or part. */
static void end_words(struct search_text *text)
{
	for (size_t i = 0; i < text->count; i++)
		if (text->needles[i].fuzzy)
			fuzzy_break(text->needles[i].fuzzy);
}

/*
 * Takes the scores of words found anywhere in the message. An exact match in a body may have a lower score
 * than they have.
 */
static void score_words(struct search_text *text)
{
	for (size_t i = 0; i < text->count; i++) {
		struct search_needle *needle = &text->needles[i];
		unsigned score = needle->fuzzy ? fuzzy_score(needle->fuzzy) : 0;
		if (score > needle->score)
			needle->score = score;
	}
}

/* Reads the next window between offset and end. */
static enum rc read_window(struct search_text *text)
{
	uint64_t left = text->end - text->offset;
	size_t n = left < WINDOW ? (size_t)left : WINDOW;
	buf_reset(&text->raw);
	enum rc rc = reader_read(text->reader, text->offset, n, &text->raw);
	if (rc == RC_OK && text->raw.len != n)
		rc = RC_CORRUPT;
	text->offset += n;
	return rc;
}

static enum rc scan_window(struct search_text *text)
{
	if (text->offset < text->end) {
		enum rc rc = read_window(text);
		if (rc == RC_OK)
			mime_scan_feed(text->scan, text->raw.p, text->raw.len);
		return rc;
	}
	mime_scan_finish(text->scan, &text->msg);
	mime_scan_free(&text->scan);
	text->part = text->msg->root;
	text->phase = PHASE_PARTS;
	return RC_OK;
}

/* Reads a header that the scan has not kept completely, a field or a window of one at a time. */
struct long_header {
	struct search_text *text;
	bool own;
	struct buf field;
};

static void look_at_field(struct long_header *header, bool last)
{
	struct buf *field = &header->field;
	struct strv mapped = map_value(&header->text->scratch, STRV_NULL, buf_strv(field));
	search_text_look(header->text, mapped, mapped, header->own);
	if (last)
		end_words(header->text);
	buf_consume(field, last ? field->len : field->len - FIELD_OVERLAP);
}

static void long_header_put(void *arg, struct strv octets, bool begins)
{
	struct long_header *header = arg;
	if (begins && header->field.len > 0)
		look_at_field(header, true);
	while (octets.n > 0) {
		size_t n = FIELD_WINDOW - header->field.len;
		buf_addv(&header->field, strv_sub(octets, 0, n));
		octets = strv_sub(octets, n, octets.n);
		if (header->field.len == FIELD_WINDOW)
			look_at_field(header, false);
	}
}

static enum rc search_long_header(struct search_text *text, const struct mime_part *part)
{
	struct long_header header = { .text = text, .own = part == text->msg->root };
	struct mime_sift sift;
	buf_init(&header.field, FIELD_WINDOW);
	mime_sift_init(&sift, NULL, 0, true, long_header_put, &header);
	enum rc rc = reader_sift(text->reader, part->header_offset, part->header_size, &sift);
	if (header.field.len > 0)
		look_at_field(&header, true);
	buf_fini(&header.field);
	return rc;
}

static enum rc search_header(struct search_text *text, const struct mime_part *part)
{
	bool own = part == text->msg->root;
	if (part->header_cut)
		return search_long_header(text, part);
	for (size_t i = 0; i < part->field_count; i++) {
		struct strv mapped = map_value(&text->scratch, part->fields[i].name, part->fields[i].value);
		search_text_look(text, mapped, mapped, own);
		end_words(text);
	}
	return RC_OK;
}

static bool search_text_is_text(const struct mime_part *part)
{
	return part->kind == MIME_LEAF && strv_ieq(part->type, STRV("text"));
}

/* Bytes without a charset, with an unknown one or with "us-ascii" are read as UTF-8. */
static void open_charset(struct search_text *text, struct strv name)
{
	bool other = name.n > 0 && !strv_ieq(name, STRV("us-ascii"));
	if (other && charset_open(name, &text->charset) == RC_OK)
		return;
	if (charset_open(STRV("utf-8"), &text->charset) != RC_OK)
		text->charset = NULL;
}

static enum rc begin_part(struct search_text *text)
{
	const struct mime_part *part = text->part;
	enum rc rc = search_header(text, part);
	if (rc != RC_OK)
		return rc;
	if (!search_text_is_text(part)) {
		text->part = mime_part_next(part);
		return RC_OK;
	}
	mime_decoder_init(&text->decoder, mime_encoding_parse(part->encoding));
	text->decoding = true;
	open_charset(text, mime_part_param(part, STRV("charset")));
	text->offset = part->body_offset;
	text->end = part->body_offset + part->body_size;
	buf_reset(&text->mapped);
	text->phase = PHASE_BODY;
	return RC_OK;
}

/* Keeps the end of the window, in which a needle may have begun. */
static void keep_end(struct search_text *text)
{
	size_t keep = text->longest > 0 ? text->longest - 1 : 0;
	if (text->mapped.len > keep)
		buf_consume(&text->mapped, text->mapped.len - keep);
}

static void search_decoded(struct search_text *text, bool last)
{
	struct strv utf8 = buf_strv(&text->decoded);
	if (text->charset) {
		buf_reset(&text->utf8);
		charset_feed(text->charset, utf8, &text->utf8);
		if (last)
			charset_finish(text->charset, &text->utf8);
		utf8 = buf_strv(&text->utf8);
	}
	size_t before = text->mapped.len;
	mime_casemap(&text->mapped, utf8);
	struct strv mapped = buf_strv(&text->mapped);
	search_text_look(text, mapped, strv_sub(mapped, before, mapped.n), false);
	if (last)
		end_words(text);
	keep_end(text);
}

static enum rc body_window(struct search_text *text)
{
	enum rc rc = RC_OK;
	bool last = text->offset >= text->end;
	buf_reset(&text->decoded);
	if (!last) {
		rc = read_window(text);
		if (rc != RC_OK)
			return rc;
		mime_decoder_feed(&text->decoder, buf_strv(&text->raw), &text->decoded);
	} else {
		mime_decoder_finish(&text->decoder, &text->decoded);
	}
	search_decoded(text, last);
	if (last) {
		body_end(text);
		text->part = mime_part_next(text->part);
		text->phase = PHASE_PARTS;
	}
	return rc;
}

enum rc search_text_step(struct search_text *text, uint64_t until_us)
{
	for (;;) {
		enum rc rc = RC_OK;
		switch (text->phase) {
		case PHASE_SCAN:
			rc = scan_window(text);
			break;
		case PHASE_PARTS:
			if (text->part && !all_found(text)) {
				rc = begin_part(text);
				break;
			}
			score_words(text);
			text->phase = PHASE_DONE;
			break;
		case PHASE_BODY:
			rc = body_window(text);
			break;
		case PHASE_DONE:
			return RC_OK;
		}
		if (rc != RC_OK)
			return rc;
		if (text->phase != PHASE_DONE && clock_mono_us() >= until_us)
			return RC_AGAIN;
	}
}
