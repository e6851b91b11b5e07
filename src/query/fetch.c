/*
 * Carries out a FETCH: walks over the messages of its runs and prints their items into `out`. fetch_section.c
 * and fetch_binary.c send parts of a message.
 */
#include "query/fetch_priv.h"

#include "base/clock.h"
#include "base/mem.h"
#include "imap/objectid.h"
#include "imap/print.h"
#include "imap/uid_runs.h"
#include "store/message.h"

#include <stdlib.h>

#define FETCH_OUT_MAX (32 * 1024 * 1024) /* a slice, with the largest cached texts */
#define FETCH_FLAGS_MAX (512 * 1024) /* text of one flag list */
#define FETCH_CLOCK_EVERY 64 /* messages between looks at the clock, memory only */

struct fetch *fetch_new(void)
{
	struct fetch *fetch = mem_zalloc(sizeof(*fetch));
	fetch->arena = arena_new(0);
	buf_init(&fetch->out, FETCH_OUT_MAX);
	return fetch;
}

void fetch_free(struct fetch **fetch)
{
	struct fetch *f = *fetch;
	if (!f)
		return;
	if (f->next.reader && f->next.reader != f->place.reader)
		reader_close(&f->next.reader);
	if (f->place.reader)
		reader_close(&f->place.reader);
	seqset_fini(&f->recent);
	seqset_fini(&f->seen);
	buf_fini(&f->out);
	free(f->told);
	arena_free(&f->message);
	arena_free(&f->arena);
	free(f);
	*fetch = NULL;
}

void fetch_accept(struct fetch *fetch)
{
	if (fetch->place.reader && fetch->place.reader != fetch->next.reader)
		reader_close(&fetch->place.reader);
	fetch->place = fetch->next;
	fetch->told_count = 0;
	buf_fini(&fetch->out);
}

/* Drops the results of a slice that did not count. */
static void fetch_slice_begin(struct fetch *fetch)
{
	if (fetch->next.reader && fetch->next.reader != fetch->place.reader)
		reader_close(&fetch->next.reader);
	fetch->next = fetch->place;
	fetch->finished = false;
	fetch->broken = false;
	fetch->told_count = 0;
	buf_reset(&fetch->out);
}

bool fetch_slice_over(const struct sender *s)
{
	return s->out->len >= FETCH_SLICE_BYTES || clock_mono_us() >= s->end_us;
}

/* The next message from at->uid on, below `end`, that was moved away and can still be read; others are
 * counted as gone. */
static const struct msg_row *next_moved(struct sender *s, uint64_t end)
{
	struct fetch_place *at = s->at;
	while (at->uid < end) {
		const struct msg_row *row = msg_moved(s->account, s->fetch->mailbox, at->uid);
		at->uid++;
		if (row)
			return row;
		at->gone++;
	}
	return NULL;
}

/* The next row of a run, at at->uid or after; NULL: there are no more. */
static const struct msg_row *next_in_run(struct sender *s, const struct uid_run *run)
{
	struct fetch_place *at = s->at;
	if (at->uid < run->uid_lo)
		at->uid = run->uid_lo;
	if (s->pos >= s->count || s->rows[s->pos].uid < at->uid ||
		(s->pos > 0 && s->rows[s->pos - 1].uid >= at->uid))
		s->pos = msg_lower_bound(s->rows, s->count, at->uid);
	bool there = s->pos < s->count && s->rows[s->pos].uid <= run->uid_hi;
	const struct msg_row *moved = next_moved(s, there ? s->rows[s->pos].uid : (uint64_t)run->uid_hi + 1);
	at->moved = moved != NULL;
	if (moved || !there)
		return moved;
	at->uid++;
	return &s->rows[s->pos++];
}

/* The next row of the runs; messages that no longer exist are counted as gone. */
static const struct msg_row *fetch_next_row(struct sender *s, uint32_t *ret_seq)
{
	struct fetch_place *at = s->at;
	while (at->run < s->fetch->run_count) {
		const struct uid_run *run = &s->fetch->runs[at->run];
		const struct msg_row *row = next_in_run(s, run);
		if (!row) {
			at->run++;
			at->uid = 0;
			continue;
		}
		if (row->modseq <= s->fetch->changed_since)
			continue;
		*ret_seq = run->seq_lo + (row->uid - run->uid_lo);
		return row;
	}
	return NULL;
}

static void told_add(struct fetch *fetch, uint32_t uid, uint64_t modseq, bool flags)
{
	if (modseq <= fetch->told_modseq)
		return;
	if (fetch->told_count == fetch->told_cap)
		fetch->told = mem_grow(fetch->told, &fetch->told_cap, sizeof(*fetch->told));
	fetch->told[fetch->told_count++] = (struct fetch_told){ uid, flags, modseq };
}

static void add_flags(struct sender *s)
{
	const struct msg_row *row = &s->at->row;
	bool recent = !seqset_empty(&s->fetch->recent) && seqset_contains(&s->fetch->recent, row->uid);
	uint32_t flags = row->flags & MSG_FLAGS_CLIENT;
	const uint64_t *more = msg_keywords_more(s->account, s->fetch->mailbox, row);
	bool same = flags == s->flags && row->keywords == s->keywords && recent == s->recent;
	if (s->flags_text.len == 0 || !same || more || s->more) {
		buf_reset(&s->flags_text);
		print_flags(&s->flags_text, flags, recent, row->keywords, more, s->names, s->name_count);
		s->more = more != NULL;
		s->flags = flags;
		s->keywords = row->keywords;
		s->recent = recent;
	}
	buf_addv(s->out, STRV("FLAGS "));
	buf_addv(s->out, buf_strv(&s->flags_text));
	told_add(s->fetch, row->uid, row->modseq, true);
}

static void add_uid(struct sender *s)
{
	buf_addv(s->out, STRV("UID "));
	buf_addu(s->out, s->at->row.uid);
}

static void add_modseq(struct sender *s)
{
	const struct msg_row *row = &s->at->row;
	buf_addv(s->out, STRV("MODSEQ ("));
	buf_addu(s->out, row->modseq);
	buf_addc(s->out, ')');
	if (s->at->said < row->modseq)
		s->at->said = row->modseq;
	if (s->fetch->silent)
		told_add(s->fetch, row->uid, row->modseq, false);
}

enum rc fetch_need_cached(struct sender *s, unsigned want)
{
	if ((s->have & want) == want)
		return RC_OK;
	if (!s->fetch->message)
		s->fetch->message = arena_new(0);
	else if (!s->have)
		arena_reset(s->fetch->message);
	want |= s->have | s->fetch->plan.cached;
	enum rc rc = msg_cached(s->account, &s->at->row, want, s->fetch->message, &s->cached);
	if (rc == RC_OK)
		s->have = want;
	return rc;
}

static bool holds_global(struct strv structure)
{
	static const char mark[] = "\"message\" \"global\"";
	struct strv rest = structure;
	while (rest.n >= sizeof(mark) - 1) {
		if (strv_istarts(rest, strv_cstr(mark)))
			return true;
		size_t quote = strv_index(strv_sub(rest, 1, rest.n), '"');
		rest = strv_sub(rest, quote + 1, rest.n);
	}
	return false;
}

/* RFC 9051 shows message/global as a message, but the cache has the form of RFC 3501. */
static enum rc global_form(struct sender *s, enum msg_part_mask what)
{
	struct strv text = what == MSG_BODY ? s->cached.body : s->cached.bodystructure;
	if (!s->fetch->rev2 || what == MSG_ENVELOPE || !holds_global(text))
		return RC_OK;
	struct strv body;
	struct strv bodystructure;
	enum rc rc = msg_body_global(s->account, &s->at->row, s->fetch->message, &body, &bodystructure);
	if (rc != RC_OK)
		return rc == RC_NOT_FOUND ? RC_CORRUPT : rc;
	s->cached.body = body;
	s->cached.bodystructure = bodystructure;
	return RC_OK;
}

static enum rc add_cached(struct sender *s, enum msg_part_mask what)
{
	enum rc rc = fetch_need_cached(s, what);
	if (rc == RC_OK)
		rc = global_form(s, what);
	if (rc != RC_OK)
		return rc;
	if (what == MSG_ENVELOPE) {
		buf_addv(s->out, STRV("ENVELOPE "));
		buf_addv(s->out, s->cached.envelope);
	} else if (what == MSG_BODY) {
		buf_addv(s->out, STRV("BODY "));
		buf_addv(s->out, s->cached.body);
	} else {
		buf_addv(s->out, STRV("BODYSTRUCTURE "));
		buf_addv(s->out, s->cached.bodystructure);
	}
	return RC_OK;
}

static enum rc add_thread(struct sender *s)
{
	uint64_t thread;
	enum rc rc = msg_thread(s->account, &s->at->row, &thread);
	if (rc != RC_OK)
		return rc;
	buf_addv(s->out, STRV("THREADID ("));
	objectid_thread(s->out, thread);
	buf_addc(s->out, ')');
	return RC_OK;
}

/* NIL: a lazy preview that would have to be computed now. The preview of a message without text is empty. */
static enum rc add_preview(struct sender *s, const struct fetch_item *item)
{
	unsigned lazy = item->lazy && !s->fetch->plan.cached ? MSG_AT_HAND : 0;
	enum rc rc = fetch_need_cached(s, MSG_PREVIEW | lazy);
	if (rc != RC_OK && !(rc == RC_NOT_FOUND && lazy))
		return rc;
	buf_addv(s->out, STRV("PREVIEW "));
	if (rc != RC_OK)
		buf_addv(s->out, STRV("NIL"));
	else
		print_astring(s->out, s->cached.preview);
	return RC_OK;
}

static enum rc fetch_add_item(struct sender *s, const struct fetch_item *item)
{
	const struct msg_row *row = &s->at->row;
	switch (item->kind) {
	case FETCH_UID:
		add_uid(s);
		return RC_OK;
	case FETCH_FLAGS:
		add_flags(s);
		return RC_OK;
	case FETCH_INTERNALDATE:
		buf_addv(s->out, STRV("INTERNALDATE "));
		print_date_time(s->out, row->internaldate, row->zone);
		return RC_OK;
	case FETCH_SIZE:
		buf_addv(s->out, STRV("RFC822.SIZE "));
		buf_addu(s->out, row->size);
		return RC_OK;
	case FETCH_MODSEQ:
		add_modseq(s);
		return RC_OK;
	case FETCH_SAVEDATE:
		buf_addv(s->out, STRV("SAVEDATE "));
		print_date_time(s->out, row->savedate, 0);
		return RC_OK;
	case FETCH_PREVIEW:
		return add_preview(s, item);
	case FETCH_EMAILID:
		buf_addv(s->out, STRV("EMAILID ("));
		objectid_email(s->out, msg_epoch(s->account), row->blob);
		buf_addc(s->out, ')');
		return RC_OK;
	case FETCH_THREADID:
		return add_thread(s);
	case FETCH_ENVELOPE:
		return add_cached(s, MSG_ENVELOPE);
	case FETCH_BODY:
		return add_cached(s, MSG_BODY);
	case FETCH_BODYSTRUCTURE:
		return add_cached(s, MSG_BODYSTRUCTURE);
	case FETCH_SECTION:
		return fetch_add_section(s, item);
	case FETCH_BINARY:
	case FETCH_BINARY_SIZE:
		return fetch_add_binary(s, item);
	}
	return RC_INVALID;
}

/* True: this FETCH has changed the flags; or FLAGS are asked for and show a change that the session has
 * not been told (RFC 7162 section 3.2). */
static bool tells_a_change(const struct sender *s)
{
	const struct fetch *fetch = s->fetch;
	const struct msg_row *row = &s->at->row;
	bool seen = !seqset_empty(&fetch->seen) && seqset_contains(&fetch->seen, row->uid);
	/* A pending change of a moved message is not known any more, so it counts as news. */
	bool news = row->modseq > fetch->told_modseq || s->at->moved;
	return seen || (fetch->condstore && fetch->plan.flags && news);
}

/* True: the bytes are damaged; the error does not come from a busy server. */
static bool fetch_unreadable(enum rc rc)
{
	return rc == RC_CORRUPT || rc == RC_IO || rc == RC_NOT_FOUND;
}

/* Prints the replacement of an unreadable item. NIL is sent where the grammar allows it. An ENVELOPE or a
 * structure is left out, because clients would keep an invented one for ever. False: nothing was printed. */
static bool add_nothing(struct sender *s, const struct fetch_item *item)
{
	switch (item->kind) {
	case FETCH_SECTION:
	case FETCH_BINARY:
		buf_addv(s->out, item->label);
		buf_addv(s->out, STRV(" NIL"));
		return true;
	case FETCH_BINARY_SIZE:
		buf_addv(s->out, item->label);
		buf_addv(s->out, STRV(" 0"));
		return true;
	case FETCH_PREVIEW:
		buf_addv(s->out, STRV("PREVIEW NIL"));
		return true;
	case FETCH_UID:
	case FETCH_FLAGS:
	case FETCH_INTERNALDATE:
	case FETCH_SIZE:
	case FETCH_MODSEQ:
	case FETCH_SAVEDATE:
	case FETCH_EMAILID:
	case FETCH_THREADID:
	case FETCH_ENVELOPE:
	case FETCH_BODY:
	case FETCH_BODYSTRUCTURE:
		return false;
	}
	return false;
}

/* Sends the next item, with the space before it. */
static enum rc send_item(struct sender *s, const struct fetch_item *item)
{
	struct fetch_place *at = s->at;
	size_t start = s->out->len;
	if (at->some)
		buf_addc(s->out, ' ');
	size_t value = s->out->len;
	enum rc rc = fetch_add_item(s, item);
	if (rc == RC_OK)
		at->some = true;
	if (!fetch_unreadable(rc))
		return rc;
	if (at->reader)
		msg_damaged(s->account, &at->row);
	at->spoilt = true;
	at->in_literal = false;
	at->binary = FETCH_BINARY_NONE;
	s->out->len = value;
	if (add_nothing(s, item))
		at->some = true;
	else
		s->out->len = start;
	return RC_OK;
}

static void message_head(struct sender *s)
{
	print_fetch_head(s->out, s->fetch->uidonly, s->at->seq, s->at->row.uid);
	if (!tells_a_change(s))
		return;
	const struct fetch_plan *plan = &s->fetch->plan;
	if (s->fetch->condstore && !s->fetch->uidonly && !plan->uid) {
		add_uid(s);
		buf_addc(s->out, ' ');
	}
	if (!plan->flags) {
		add_flags(s);
		buf_addc(s->out, ' ');
	}
	if (s->fetch->condstore && !plan->modseq) {
		add_modseq(s);
		buf_addc(s->out, ' ');
	}
}

/* Sends the message at s->at, from its beginning or from where a slice ended inside it. RC_AGAIN: the
 * slice ends inside it. */
static enum rc send_message(struct sender *s)
{
	struct fetch_place *at = s->at;
	const struct fetch_plan *plan = &s->fetch->plan;
	if (at->in_literal || at->binary) {
		enum rc rc =
			at->binary ? fetch_binary_go_on(s, &plan->items[at->item]) : fetch_literal_go_on(s);
		if (fetch_unreadable(rc))
			msg_damaged(s->account, &at->row);
		if (rc != RC_OK)
			return rc;
		at->some = true;
		at->item++;
	} else {
		enum rc rc = plan->binary ? fetch_check_encodings(s) : RC_OK;
		if (rc != RC_OK && !fetch_unreadable(rc))
			return rc;
		message_head(s);
	}
	for (; at->item < plan->count; at->item++) {
		enum rc rc = send_item(s, &plan->items[at->item]);
		if (rc != RC_OK)
			return rc;
	}
	/* RC_GONE: there is nothing to tell of the message. */
	if (!at->some && s->out->len > 0 && s->out->p[s->out->len - 1] == '(')
		return RC_GONE;
	if (!at->some)
		s->out->len--;
	buf_addv(s->out, STRV(")\r\n"));
	return buf_ok(s->out) ? RC_OK : RC_LIMIT;
}

static void end_message(struct sender *s)
{
	struct fetch_place *at = s->at;
	/* A reader that an earlier slice opened is closed when this slice counts. */
	if (at->reader && at->reader != s->fetch->place.reader)
		reader_close(&at->reader);
	at->reader = NULL;
	at->inside = false;
	at->in_literal = false;
	at->binary = FETCH_BINARY_NONE;
	at->item = 0;
	at->damaged += at->spoilt;
	at->spoilt = false;
	at->some = false;
	s->have = 0;
}

/* Sends the present message; damaged items are NIL or left out. After another error of a message its
 * response is taken back and the next ones are sent, unless a part of the response has been sent already. */
static enum rc fetch_step(struct sender *s, bool begun)
{
	struct fetch *fetch = s->fetch;
	struct fetch_place *at = s->at;
	size_t out_start = s->out->len;
	size_t told_start = fetch->told_count;
	enum rc rc = send_message(s);
	if (rc == RC_AGAIN)
		return rc;
	if (rc == RC_OK) {
		end_message(s);
		return RC_OK;
	}
	if (begun) {
		fetch->broken = true;
		return rc;
	}
	s->out->len = out_start;
	s->out->full = false;
	fetch->told_count = told_start;
	end_message(s);
	if (rc == RC_GONE)
		return RC_OK;
	if (at->rc == RC_OK)
		at->rc = rc == RC_NOT_FOUND ? RC_CORRUPT : rc;
	at->errors++;
	return at->errors >= FETCH_ERRORS_MAX || rc == RC_UNAVAILABLE ? at->rc : RC_OK;
}

static enum rc fetch_send_all(struct sender *s)
{
	struct fetch *fetch = s->fetch;
	struct fetch_place *at = s->at;
	unsigned ticks = 0;
	if (at->inside) {
		enum rc rc = fetch_step(s, true);
		if (rc != RC_OK)
			return rc;
		/* The slice ends here: names of new keywords are told between slices, never within a
		 * response. */
		if (fetch->plan.flags || !seqset_empty(&fetch->seen))
			return RC_AGAIN;
	}
	for (;;) {
		if (s->out->len >= FETCH_SLICE_BYTES)
			return RC_AGAIN;
		if ((!fetch->plan.memory && ticks > 0) || ticks % FETCH_CLOCK_EVERY == FETCH_CLOCK_EVERY - 1)
			if (clock_mono_us() >= s->end_us)
				return RC_AGAIN;
		ticks++;
		const struct msg_row *row = fetch_next_row(s, &at->seq);
		if (!row)
			return RC_OK;
		at->row = *row;
		at->inside = true;
		enum rc rc = fetch_step(s, false);
		if (rc != RC_OK)
			return rc;
	}
}

enum rc fetch_slice(struct account *account, struct fetch *fetch)
{
	struct sender s = { .account = account, .fetch = fetch, .at = &fetch->next, .out = &fetch->out };
	fetch_slice_begin(fetch);
	s.end_us = clock_mono_us() + FETCH_SLICE_US;
	enum rc rc = msg_index(account, fetch->mailbox, &s.rows, &s.count);
	if (rc == RC_OK && (fetch->plan.flags || !seqset_empty(&fetch->seen)))
		rc = mbox_keywords(account, fetch->mailbox, &s.names, &s.name_count);
	if (rc != RC_OK) {
		fetch->broken = fetch->place.inside;
		return rc;
	}
	buf_init(&s.flags_text, FETCH_FLAGS_MAX);
	buf_init(&s.raw, FETCH_WINDOW);
	buf_init(&s.decoded, 2 * FETCH_WINDOW);
	rc = fetch_send_all(&s);
	buf_fini(&s.raw);
	buf_fini(&s.decoded);
	buf_fini(&s.flags_text);
	if (rc == RC_AGAIN)
		return RC_OK;
	if (fetch->broken)
		return rc;
	/* The responses sent before the command gave up stay valid; next.rc has the error. */
	fetch->finished = true;
	return RC_OK;
}

enum rc fetch_unseen(struct account *account, const struct fetch *fetch, struct seqset *ret_uids)
{
	const struct msg_row *rows;
	size_t count;
	enum rc rc = msg_index(account, fetch->mailbox, &rows, &count);
	if (rc != RC_OK)
		return rc;
	for (size_t r = 0; r < fetch->run_count; r++) {
		const struct uid_run *run = &fetch->runs[r];
		size_t i = msg_lower_bound(rows, count, run->uid_lo);
		for (; i < count && rows[i].uid <= run->uid_hi; i++)
			if (!(rows[i].flags & MSG_SEEN) && rows[i].modseq > fetch->changed_since)
				seqset_add(ret_uids, rows[i].uid);
	}
	return RC_OK;
}
