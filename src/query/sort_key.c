/*
 * Makes the sort key of a message: the octets of each criterion, with an end mark, complemented for REVERSE.
 */
#include "query/sort_key.h"

#include "base/hash.h"
#include "base/str.h"
#include "imap/sort_program.h"
#include "mime/decode.h"
#include "mime/header.h"
#include "mime/subject.h"
#include "store/message.h"

#include <inttypes.h>
#include <string.h>

/*
 * The size of an envelope's string after decoding (at most 4 octets for one) and case-mapping (18 code points
 * for one).
 */
#define TEXT_MAX ((size_t)256 * 1024 * 1024)
/* UTF-8 never begins with this octet: strings that could not be converted come after all others. */
#define UNCONVERTED '\xff'

void sort_scratch_init(struct sort_scratch *scratch)
{
	scratch->arena = arena_new(8192);
	buf_init(&scratch->text, TEXT_MAX);
	buf_init(&scratch->base, TEXT_MAX);
	buf_init(&scratch->mapped, TEXT_MAX);
}

void sort_scratch_fini(struct sort_scratch *scratch)
{
	arena_free(&scratch->arena);
	buf_fini(&scratch->text);
	buf_fini(&scratch->base);
	buf_fini(&scratch->mapped);
}

/*
 * Cuts a long text and adds a hash of the whole. The cut form has a length that no short text has, so it is
 * equal only for equal texts.
 */
static void sort_key_cut(struct buf *mapped)
{
	if (mapped->len <= SORT_TEXT_MAX)
		return;
	uint64_t hash = hash_bytes(mapped->p, mapped->len);
	mapped->len = SORT_TEXT_MAX;
	buf_printf(mapped, "%016" PRIx64, hash);
}

/* Makes the form of a decoded text that is compared. */
static struct strv sort_key_collate(struct sort_scratch *scratch, struct strv text, bool converted)
{
	struct buf *mapped = &scratch->mapped;
	buf_reset(mapped);
	if (converted) {
		mime_casemap(mapped, text);
	} else if (text.n > 0) {
		buf_addc(mapped, UNCONVERTED);
		buf_addv(mapped, text);
	}
	sort_key_cut(mapped);
	return buf_strv(mapped);
}

static bool has_words(struct strv text)
{
	for (size_t i = 0; i < text.n; i++)
		if ((unsigned char)text.p[i] >= 0x80 || text.p[i] == '\0' ||
			(text.p[i] == '=' && i + 1 < text.n && text.p[i + 1] == '?'))
			return true;
	return false;
}

/* Decodes a text. False: it could not be converted. */
static bool sort_key_decode(struct buf *out, struct strv text)
{
	buf_reset(out);
	if (has_words(text))
		return mime_words_convert(out, text);
	mime_unfold(out, text);
	return true;
}

struct strv sort_base_subject(struct sort_scratch *scratch, struct strv subject, bool *ret_reply)
{
	bool converted = sort_key_decode(&scratch->text, subject);
	buf_reset(&scratch->base);
	mime_subject_base(&scratch->base, buf_strv(&scratch->text), ret_reply);
	return sort_key_collate(scratch, buf_strv(&scratch->base), converted);
}

/* The addr-mailbox; for a group its name, which is a phrase. */
static struct strv mailbox_text(struct sort_scratch *scratch, const struct envelope_address *address)
{
	bool converted = true;
	buf_reset(&scratch->text);
	if (address->host.p) {
		buf_addv(&scratch->text, address->mailbox);
		converted = str_utf8_valid(address->mailbox);
	} else {
		converted = sort_key_decode(&scratch->text, address->mailbox);
	}
	return sort_key_collate(scratch, buf_strv(&scratch->text), converted);
}

/* The display name of RFC 5957 section 3. */
static struct strv display_text(struct sort_scratch *scratch, const struct envelope_address *address)
{
	if (address->name.p) {
		bool converted = sort_key_decode(&scratch->text, address->name);
		if (scratch->text.len > 0)
			return sort_key_collate(scratch, buf_strv(&scratch->text), converted);
	}
	if (!address->host.p)
		return mailbox_text(scratch, address);
	buf_reset(&scratch->text);
	buf_addv(&scratch->text, address->mailbox);
	buf_addc(&scratch->text, '@');
	buf_addv(&scratch->text, address->host);
	return sort_key_collate(scratch, buf_strv(&scratch->text), str_utf8_valid(buf_strv(&scratch->text)));
}

static void add_number(struct buf *out, uint64_t number)
{
	for (int shift = 56; shift >= 0; shift -= 8)
		buf_addc(out, (char)(unsigned char)(number >> shift));
}

/* A number whose order is that of the dates. */
static uint64_t date_number(int64_t date)
{
	return (uint64_t)date ^ (uint64_t)1 << 63;
}

/*
 * Adds a text and its end mark, which is below every octet of a text: a text comes before all longer ones
 * that begin with it.
 */
static void add_text(struct buf *out, struct strv text)
{
	buf_addv(out, text);
	buf_addc(out, '\0');
}

int64_t sort_sent_date(const struct msg_row *row, const struct msg_cached *cached)
{
	return cached->sent_date == INT64_MIN ? row->internaldate : cached->sent_date;
}

static void add_envelope(struct buf *out, enum sort_criterion what, const struct envelope *envelope,
	struct sort_scratch *scratch)
{
	bool reply;
	switch (what) {
	case SORT_CC:
		add_text(out, mailbox_text(scratch, &envelope->cc));
		return;
	case SORT_FROM:
		add_text(out, mailbox_text(scratch, &envelope->from));
		return;
	case SORT_TO:
		add_text(out, mailbox_text(scratch, &envelope->to));
		return;
	case SORT_DISPLAYFROM:
		add_text(out, display_text(scratch, &envelope->from));
		return;
	case SORT_DISPLAYTO:
		add_text(out, display_text(scratch, &envelope->to));
		return;
	case SORT_SUBJECT:
		add_text(out, sort_base_subject(scratch, envelope->subject, &reply));
		return;
	case SORT_ARRIVAL:
	case SORT_DATE:
	case SORT_RELEVANCY:
	case SORT_SIZE:
		return;
	}
}

/* Complements all octets, which reverses the order, since no key is the beginning of another. */
static void sort_key_turn(struct buf *out, size_t from)
{
	for (size_t i = from; i < out->len; i++)
		out->p[i] = (char)~(unsigned char)out->p[i];
}

static void add_criterion_key(struct buf *out, enum sort_criterion what, const struct msg_row *row,
	const struct msg_cached *cached, const struct envelope *envelope, struct sort_scratch *scratch)
{
	if (what == SORT_ARRIVAL)
		add_number(out, date_number(row->internaldate));
	else if (what == SORT_DATE)
		add_number(out, date_number(sort_sent_date(row, cached)));
	else if (what == SORT_SIZE)
		add_number(out, row->size);
	else if (what == SORT_RELEVANCY)
		add_number(out, 100u - scratch->score);
	else
		add_envelope(out, what, envelope, scratch);
}

enum rc sort_key_make(struct account *account, const struct msg_row *row, const struct sort_program *program,
	struct sort_scratch *scratch, struct buf *out)
{
	struct msg_cached cached = { .sent_date = INT64_MIN };
	struct envelope envelope = { .subject = STRV_NULL };
	enum rc rc = RC_OK;
	arena_reset(scratch->arena);
	if (program->envelope || program->sent)
		rc = msg_cached(account, row, program->envelope ? MSG_ENVELOPE : 0, scratch->arena, &cached);
	if (rc == RC_OK && program->envelope && !envelope_read(cached.envelope, scratch->arena, &envelope))
		rc = RC_CORRUPT;
	scratch->spoilt = rc == RC_CORRUPT || rc == RC_IO || rc == RC_NOT_FOUND;
	if (scratch->spoilt) {
		cached = (struct msg_cached){ .sent_date = INT64_MIN };
		envelope = (struct envelope){ .subject = STRV_NULL };
	} else if (rc != RC_OK) {
		return rc;
	}
	buf_reset(out);
	for (size_t i = 0; i < program->n; i++) {
		size_t from = out->len;
		add_criterion_key(out, program->v[i].what, row, &cached, &envelope, scratch);
		if (program->v[i].reverse)
			sort_key_turn(out, from);
	}
	return buf_ok(out) ? RC_OK : RC_LIMIT;
}
