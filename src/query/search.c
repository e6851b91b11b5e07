/*
 * Carries out a SEARCH: walks over the messages of its runs and evaluates the tree of keys for each. Keys
 * that need the text of a message are given to search_text.c, all together.
 */
#include "query/search.h"

#include "base/clock.h"
#include "base/mem.h"
#include "query/search_addr.h"
#include "imap/uid_runs.h"
#include "mime/header.h"
#include "store/message.h"

#include <stdlib.h>
#include <string.h>

/* FUZZY allows a date to be off by this number of days. */
#define FUZZY_DAYS 3

struct searcher {
	struct account *account;
	struct search *search;
	struct search_place *at; /* search->next */
	const struct msg_row *rows;
	size_t count;
	size_t pos;
	uint64_t end_us;
	const struct strv *names; /* keywords of the mailbox */
	size_t name_count;
	struct search_scratch scratch;
	uint64_t found; /* all together */
	/* The present message. */
	const struct msg_row *row;
	struct msg_cached cached;
	unsigned score; /* the score of the key that was evaluated last; 0: it has none */
	unsigned have;
	bool has_cached;
	struct buf header; /* its whole header block */
	bool has_header;
	bool spoilt; /* some of its data could not be read */
};

struct search *search_new(void)
{
	struct search *search = mem_zalloc(sizeof(*search));
	search->arena = arena_new(0);
	search->fresh = true;
	return search;
}

void search_free(struct search **search)
{
	struct search *s = *search;
	if (!s)
		return;
	search_text_free(&s->text);
	seqset_fini(&s->recent);
	seqset_fini(&s->found);
	seqset_fini(&s->results);
	free(s->hits);
	arena_free(&s->message);
	arena_free(&s->arena);
	free(s);
	*search = NULL;
}

/* The recursion is bounded by the depth that the parser allows. */
static void gather_needles(struct search *search, struct search_key *key)
{
	for (struct search_key *child = key->child; child; child = child->next)
		gather_needles(search, child);
	bool text = key->kind == SEARCH_BODY || key->kind == SEARCH_TEXT;
	if (key->fuzzy && (text || key->kind == SEARCH_HEADER))
		key->words = fuzzy_new(search->arena, key->needle);
	if (text)
		search->needles[key->slot] = (struct search_needle){
			.text = key->needle,
			.headers = key->kind == SEARCH_TEXT,
			.fuzzy = key->words,
		};
}

void search_prepare(struct search *search)
{
	size_t size = (search->keys.text_count + 1) * sizeof(*search->needles);
	search->needles = arena_zalloc(search->arena, size);
	gather_needles(search, search->keys.root);
}

const uint8_t *search_scores(struct search *search)
{
	uint8_t *scores = arena_alloc(search->arena, search->hit_kept + 1);
	for (size_t i = 0; i < search->hit_kept; i++)
		scores[i] = search->hits[i].score;
	return scores;
}

void search_accept(struct search *search)
{
	search->place = search->next;
	search->fresh = true;
	search->result_count += seqset_count(&search->found);
	search->hit_kept = search->hit_count;
	seqset_add_set(&search->results, &search->found);
	seqset_clear(&search->found);
}

void search_print(const struct search *search, struct buf *out)
{
	uint32_t number;
	buf_addv(out, STRV("* SEARCH"));
	for (struct seqiter it = seqset_iter(&search->results); seqset_next(&it, &number);) {
		buf_addc(out, ' ');
		buf_addu(out, number);
	}
	if (search->keys.modseq && !seqset_empty(&search->results)) {
		buf_addv(out, STRV(" (MODSEQ "));
		buf_addu(out, search->place.modseq);
		buf_addc(out, ')');
	}
	buf_addv(out, STRV("\r\n"));
}

static uint64_t partial_modseq(const struct search *search, const struct partial *partial)
{
	uint64_t highest = 0;
	uint64_t from;
	uint64_t to;
	partial_cut(partial, search->hit_kept, &from, &to);
	for (uint64_t i = from; i < to; i++)
		if (search->hits[i].modseq > highest)
			highest = search->hits[i].modseq;
	return highest;
}

uint64_t search_modseq(const struct search *search, const struct search_return *options)
{
	const struct search_place *place = &search->place;
	uint64_t highest = 0;
	if (!search->keys.modseq)
		return 0;
	if (search_return_whole(options->items))
		return place->modseq;
	if (options->items & SEARCH_PARTIAL)
		highest = partial_modseq(search, &options->partial);
	if (options->items & SEARCH_MIN && place->first_modseq > highest)
		highest = place->first_modseq;
	if (options->items & SEARCH_MAX && place->last_modseq > highest)
		highest = place->last_modseq;
	return highest;
}

static enum rc need_cached(struct searcher *s, unsigned want)
{
	if (s->has_cached && (s->have & want) == want)
		return RC_OK;
	if (!s->search->message)
		s->search->message = arena_new(0);
	else if (!s->has_cached)
		arena_reset(s->search->message);
	want |= s->have;
	enum rc rc = msg_cached(s->account, s->row, want, s->search->message, &s->cached);
	if (rc != RC_OK)
		return rc;
	s->has_cached = true;
	s->have = want;
	return RC_OK;
}

/* Gets the header block of the message. If it is very long, only the fields that the key asks for. */
static enum rc need_header(struct searcher *s, const struct search_key *key)
{
	struct mime_range range = { 0 };
	struct reader *reader = NULL;
	struct mime_sift sift;
	if (s->has_header)
		return RC_OK;
	enum rc rc = need_cached(s, MSG_PARTS);
	if (rc == RC_OK)
		rc = mime_parts_find(s->cached.parts, NULL, 0, MIME_SECTION_HEADER, &range);
	if (rc == RC_OK)
		rc = msg_open(s->account, s->row, &reader);
	if (rc != RC_OK)
		return rc;
	buf_reset(&s->header);
	if (range.size <= SEARCH_HEADER_MAX) {
		rc = reader_read(reader, range.offset, (size_t)range.size, &s->header);
		s->has_header = rc == RC_OK;
	} else {
		mime_sift_init(&sift, &key->field, 1, false, mime_sift_to_buf, &s->header);
		rc = reader_sift(reader, range.offset, range.size, &sift);
	}
	if (rc == RC_IO || rc == RC_CORRUPT)
		msg_damaged(s->account, s->row);
	reader_close(&reader);
	return rc;
}

static bool at_empty_line(struct strv block)
{
	return block.p[0] == '\n' || (block.n > 1 && block.p[0] == '\r' && block.p[1] == '\n');
}

/* Skips to the next line that begins like the name: other fields need not be parsed. */
static struct strv skip_to_field(struct strv block, struct strv name)
{
	while (block.n > 0 && !at_empty_line(block)) {
		if (strv_istarts(block, name))
			return block;
		const char *end = memchr(block.p, '\n', block.n);
		if (!end)
			break;
		block = strv_sub(block, (size_t)(end - block.p) + 1, block.n);
	}
	return STRV_NULL;
}

/* The score of one value, 0..100. */
static unsigned value_score(struct searcher *s, struct strv value, const struct search_key *key)
{
	if (key->needle.n == 0 || search_value_contains(&s->scratch, value, key->needle))
		return 100;
	if (key->addresses && search_addr_contains(&s->scratch, value, key->needle))
		return 100;
	if (!key->words)
		return 0;
	fuzzy_begin(key->words);
	fuzzy_feed(key->words, search_value_map(&s->scratch, value), 100);
	fuzzy_break(key->words);
	return fuzzy_score(key->words);
}

/* The score of the best matching field. */
static unsigned block_score(struct searcher *s, struct strv block, const struct search_key *key)
{
	struct mime_field field;
	unsigned best = 0;
	for (block = skip_to_field(block, key->field); best < 100 && mime_header_next(&block, &field, NULL);
		block = skip_to_field(block, key->field)) {
		unsigned score = strv_ieq(field.name, key->field) ? value_score(s, field.value, key) : 0;
		if (score > best)
			best = score;
	}
	return best;
}

/* The key matches if its score is above 0. The score is kept for fuzzy keys only. */
static void search_decide(struct searcher *s, const struct search_key *key, unsigned score, bool *ret_match)
{
	*ret_match = score > 0;
	s->score = key->fuzzy ? score : 0;
}

static enum rc eval_header(struct searcher *s, const struct search_key *key, bool *ret_match)
{
	enum rc rc;
	if (key->cost == SEARCH_COST_CACHE) {
		rc = need_cached(s, MSG_HEADERS);
		if (rc != RC_OK)
			return rc;
		if (s->cached.headers.n > 0) {
			search_decide(s, key, block_score(s, s->cached.headers, key), ret_match);
			return RC_OK;
		}
	}
	rc = need_header(s, key);
	if (rc == RC_OK)
		search_decide(s, key, block_score(s, buf_strv(&s->header), key), ret_match);
	return rc;
}

/* Answers all BODY and TEXT keys by one pass over the bytes. RC_AGAIN: the slice ends inside. */
static enum rc eval_text(struct searcher *s, const struct search_key *key, bool *ret_match)
{
	struct search *search = s->search;
	struct reader *reader = NULL;
	enum rc rc = RC_OK;
	if (search->text_uid != s->row->uid) {
		search_text_free(&search->text);
		search->text_ready = false;
		rc = msg_open(s->account, s->row, &reader);
		if (rc != RC_OK)
			return rc;
		search->text_uid = s->row->uid;
		search->text = search_text_new(search->needles, search->keys.text_count, reader);
	}
	if (!search->text_ready) {
		rc = search_text_step(search->text, s->end_us);
		if (rc == RC_AGAIN)
			return rc;
		search_text_free(&search->text);
		if (rc == RC_IO || rc == RC_CORRUPT)
			msg_damaged(s->account, s->row);
		if (rc != RC_OK) {
			search->text_uid = 0;
			return rc;
		}
		search->text_ready = true;
	}
	search_decide(s, key, search->needles[key->slot].score, ret_match);
	return RC_OK;
}

/* The day at that place, as the date is written. */
static int64_t local_day(int64_t seconds, int zone)
{
	int64_t local = seconds + (int64_t)zone * 60;
	int64_t day = local / S_PER_DAY;
	return local % S_PER_DAY < 0 ? day - 1 : day;
}

/* The number of days by which the date is wrong; 0 or less: it fits. */
static int64_t days_off(const struct search_key *key, int64_t day)
{
	enum search_kind kind = key->kind;
	if (kind == SEARCH_BEFORE || kind == SEARCH_SENTBEFORE || kind == SEARCH_SAVEDBEFORE)
		return day - key->number + 1;
	if (kind == SEARCH_ON || kind == SEARCH_SENTON || kind == SEARCH_SAVEDON)
		return day < key->number ? key->number - day : day - key->number;
	return key->number - day;
}

static unsigned day_score(const struct search_key *key, int64_t day)
{
	int64_t off = days_off(key, day);
	if (off <= 0)
		return 100;
	return key->fuzzy && off <= FUZZY_DAYS ? 100 - (unsigned)off * 100 / (FUZZY_DAYS + 1) : 0;
}

static unsigned size_score(const struct search_key *key, int64_t size)
{
	/* The key's number has up to 63 bits. */
	int64_t short_of = key->kind == SEARCH_LARGER ? key->number - size : size - key->number;
	int64_t tolerance = key->number / 10;
	if (short_of < 0)
		return 100;
	return key->fuzzy && short_of < tolerance ? 100 - (unsigned)((short_of + 1) * 99 / tolerance) : 0;
}

static enum rc eval_sent(struct searcher *s, const struct search_key *key, bool *ret_match)
{
	enum rc rc = need_cached(s, 0);
	if (rc != RC_OK)
		return rc;
	*ret_match = false;
	if (s->cached.sent_date != INT64_MIN)
		search_decide(s, key, day_score(key, local_day(s->cached.sent_date, s->cached.sent_zone)),
			ret_match);
	return RC_OK;
}

static enum rc eval_thread(struct searcher *s, const struct search_key *key, bool *ret_match)
{
	uint64_t thread;
	*ret_match = false;
	if (key->number == 0)
		return RC_OK;
	enum rc rc = msg_thread(s->account, s->row, &thread);
	if (rc == RC_OK)
		*ret_match = thread == (uint64_t)key->number;
	return rc;
}

static bool has_keyword(const struct searcher *s, struct strv name)
{
	const uint64_t *more = msg_keywords_more(s->account, s->search->mailbox, s->row);
	size_t end = more ? s->name_count : KEYWORDS_FIRST;
	if (s->row->keywords == 0 && !more)
		return false;
	for (size_t i = 0; i < s->name_count && i < end; i++)
		if (strv_ieq(s->names[i], name))
			return keyword_in(s->row->keywords, more, i);
	return false;
}

static enum rc search_eval(struct searcher *s, const struct search_key *key, bool *ret_match);

/* Evaluates AND and OR up to the child that decides; for a fuzzy OR all children, to find the best score. */
static enum rc eval_children(struct searcher *s, const struct search_key *key, bool *ret_match)
{
	bool any = key->kind == SEARCH_OR;
	bool decided = !any;
	unsigned sum = 0;
	unsigned count = 0;
	unsigned best = 0;
	bool exact = false; /* a key that is not fuzzy matches */
	for (const struct search_key *child = key->child; child; child = child->next) {
		bool match = false;
		enum rc rc = search_eval(s, child, &match);
		if (rc != RC_OK)
			return rc;
		sum += s->score;
		count += s->score > 0;
		if (match && s->score > best)
			best = s->score;
		exact = exact || (match && s->score == 0);
		if (match == any)
			decided = any;
		if (match == any && !(any && s->search->keys.fuzzy))
			break;
	}
	*ret_match = decided;
	if (any)
		s->score = best > 0 && exact ? 100 : best;
	else
		s->score = count > 0 ? sum / count : 0;
	return RC_OK;
}

static enum rc eval_positive(struct searcher *s, const struct search_key *key, bool *ret_match)
{
	const struct msg_row *row = s->row;
	s->score = 0;
	switch (key->kind) {
	case SEARCH_AND:
	case SEARCH_OR:
		return eval_children(s, key, ret_match);
	case SEARCH_SEQS: /* search_keys_resolve has replaced it */
	case SEARCH_UIDS:
		*ret_match = seqset_contains(&key->set, row->uid);
		return RC_OK;
	case SEARCH_FLAG:
		*ret_match = row->flags & key->flags;
		return RC_OK;
	case SEARCH_RECENT:
		*ret_match = seqset_contains(&s->search->recent, row->uid);
		return RC_OK;
	case SEARCH_KEYWORD:
		*ret_match = has_keyword(s, key->text);
		return RC_OK;
	case SEARCH_MODSEQ:
		*ret_match = row->modseq >= (uint64_t)key->number;
		return RC_OK;
	case SEARCH_LARGER:
	case SEARCH_SMALLER:
		search_decide(s, key, size_score(key, (int64_t)row->size), ret_match);
		return RC_OK;
	case SEARCH_BEFORE:
	case SEARCH_ON:
	case SEARCH_SINCE:
		search_decide(s, key, day_score(key, local_day(row->internaldate, row->zone)), ret_match);
		return RC_OK;
	case SEARCH_SAVEDBEFORE:
	case SEARCH_SAVEDON:
	case SEARCH_SAVEDSINCE:
		search_decide(s, key, day_score(key, local_day(row->savedate, 0)), ret_match);
		return RC_OK;
	case SEARCH_EMAILID:
		*ret_match = row->blob == key->number && msg_epoch(s->account) == key->epoch;
		return RC_OK;
	case SEARCH_THREADID:
		return eval_thread(s, key, ret_match);
	case SEARCH_OLDER:
		*ret_match = row->internaldate <= s->search->now - key->number;
		return RC_OK;
	case SEARCH_YOUNGER:
		*ret_match = row->internaldate >= s->search->now - key->number;
		return RC_OK;
	case SEARCH_SENTBEFORE:
	case SEARCH_SENTON:
	case SEARCH_SENTSINCE:
		return eval_sent(s, key, ret_match);
	case SEARCH_HEADER:
		return eval_header(s, key, ret_match);
	case SEARCH_BODY:
	case SEARCH_TEXT:
		return eval_text(s, key, ret_match);
	}
	return RC_INVALID;
}

/* The recursion is bounded by the depth that the parser allows. */
static enum rc search_eval(struct searcher *s, const struct search_key *key, bool *ret_match)
{
	bool match = false;
	enum rc rc = eval_positive(s, key, &match);
	if (rc == RC_CORRUPT || rc == RC_IO || rc == RC_NOT_FOUND) {
		/* The data can't be read: neither the key nor its negation matches. Other keys may match. */
		s->spoilt = true;
		s->score = 0;
		*ret_match = false;
		return RC_OK;
	}
	if (rc != RC_OK)
		return rc;
	*ret_match = match != key->negate;
	if (key->negate)
		s->score = 0;
	return RC_OK;
}

static const struct msg_row *search_next_row(struct searcher *s, uint32_t *ret_seq)
{
	struct search_place *at = s->at;
	while (at->run < s->search->run_count) {
		const struct uid_run *run = &s->search->runs[at->run];
		if (at->uid < run->uid_lo)
			at->uid = run->uid_lo;
		if (s->pos >= s->count || s->rows[s->pos].uid < at->uid ||
			(s->pos > 0 && s->rows[s->pos - 1].uid >= at->uid))
			s->pos = msg_lower_bound(s->rows, s->count, at->uid);
		if (s->pos < s->count && s->rows[s->pos].uid <= run->uid_hi) {
			const struct msg_row *row = &s->rows[s->pos++];
			at->gone += row->uid - at->uid;
			at->uid = row->uid + 1;
			*ret_seq = run->seq_lo + (row->uid - run->uid_lo);
			return row;
		}
		at->gone += (uint64_t)run->uid_hi + 1 - at->uid;
		at->run++;
		at->uid = 0;
	}
	return NULL;
}

static void add_hit(struct search *search, const struct search_hit *hit)
{
	if (search->hit_count == search->hit_cap)
		search->hits = mem_grow(search->hits, &search->hit_cap, sizeof(*search->hits));
	search->hits[search->hit_count++] = *hit;
}

static void search_found(struct searcher *s, const struct msg_row *row, uint32_t seq)
{
	struct search *search = s->search;
	struct search_hit hit = {
		.modseq = row->modseq,
		.number = search->by_uid ? row->uid : seq,
		.score = (uint8_t)(s->score > 0 ? s->score : 100),
	};
	seqset_add(&search->found, hit.number);
	if (search->keep_hits)
		add_hit(search, &hit);
	if (s->at->modseq < row->modseq)
		s->at->modseq = row->modseq;
	if (s->at->first_modseq == 0)
		s->at->first_modseq = row->modseq;
	s->at->last_modseq = row->modseq;
	s->found++;
}

/* Searches one message. RC_AGAIN: the next slice will search it again. */
static enum rc search_step(struct searcher *s, const struct msg_row *row, uint32_t seq)
{
	struct search_place before = *s->at;
	bool match = false;
	s->row = row;
	s->have = 0;
	s->has_cached = false;
	s->has_header = false;
	s->spoilt = false;
	enum rc rc = search_eval(s, s->search->keys.root, &match);
	if (rc == RC_AGAIN) {
		*s->at = before;
		s->at->uid = row->uid;
		return rc;
	}
	if (rc != RC_OK) {
		if (s->at->rc == RC_OK)
			s->at->rc = rc == RC_NOT_FOUND ? RC_CORRUPT : rc;
		return rc == RC_UNAVAILABLE ? rc : RC_OK;
	}
	if (s->spoilt && s->at->rc == RC_OK)
		s->at->rc = RC_CORRUPT;
	if (match)
		search_found(s, row, seq);
	return RC_OK;
}

/* The number of messages between two looks at the clock. */
static unsigned clock_every(enum search_cost cost)
{
	switch (cost) {
	case SEARCH_COST_INDEX:
		return 64;
	case SEARCH_COST_CACHE:
		return 8;
	case SEARCH_COST_HEADER:
	case SEARCH_COST_BYTES:
		return 1;
	}
	return 1;
}

static enum rc search_all(struct searcher *s)
{
	unsigned every = clock_every(s->search->keys.root->cost);
	for (unsigned ticks = 1;; ticks++) {
		/* Each slice searches at least one message, even if it began late. */
		if (ticks > 1 && ticks % every == 0 && clock_mono_us() >= s->end_us)
			return RC_AGAIN;
		uint32_t seq = 0;
		const struct msg_row *row = search_next_row(s, &seq);
		if (!row)
			return RC_OK;
		enum rc rc = search_step(s, row, seq);
		if (rc != RC_OK || (s->search->enough > 0 && s->found >= s->search->enough))
			return rc;
	}
}

/* Drops the results of a slice that did not count. */
static void search_slice_begin(struct search *search)
{
	search->next = search->place;
	search->finished = false;
	search->hit_count = search->hit_kept;
	seqset_clear(&search->found);
	if (!search->fresh) {
		search_text_free(&search->text);
		search->text_uid = 0;
		search->text_ready = false;
	}
	search->fresh = false;
}

enum rc search_slice(struct account *account, struct search *search)
{
	struct searcher s = {
		.account = account,
		.search = search,
		.at = &search->next,
		.found = search->result_count,
	};
	search_slice_begin(search);
	s.end_us = clock_mono_us() + SEARCH_SLICE_US;
	enum rc rc = msg_index(account, search->mailbox, &s.rows, &s.count);
	if (rc == RC_OK)
		rc = mbox_keywords(account, search->mailbox, &s.names, &s.name_count);
	if (rc != RC_OK)
		return rc;
	buf_init(&s.header, SEARCH_FIELDS_MAX);
	search_scratch_init(&s.scratch);
	rc = search_all(&s);
	search_scratch_fini(&s.scratch);
	buf_fini(&s.header);
	search->finished = rc == RC_OK;
	return rc == RC_AGAIN ? RC_OK : rc;
}
