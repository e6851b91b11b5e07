/*
 * Carries out a THREAD: gathers ids, subjects and dates of the messages, sorts them by date, builds the tree
 * and prints it.
 */
#include "query/thread.h"

#include "base/clock.h"
#include "base/mem.h"
#include "base/rand.h"
#include "query/search.h"
#include "query/sort_key.h"
#include "query/sort.h"
#include "imap/uid_runs.h"
#include "mime/header.h"
#include "mime/msgid.h"
#include "store/message.h"

#include <stdlib.h>
#include <string.h>

#define CLOCK_EVERY 8 /* messages between looks at the clock */
#define ID_MAX SEARCH_HEADER_MAX
#define ID_MIN 5 /* <a@b> */

/* The state of one slice of gathering. */
struct gatherer {
	struct account *account;
	struct thread *thread;
	struct sort_scratch scratch;
	struct buf id;
	struct buf header; /* needed fields of a message whose header is not in the cache */
	size_t run; /* of the view */
};

struct thread *thread_new(int64_t mailbox, enum thread_algorithm algorithm, const struct seqset *uids,
	const struct uid_run *runs, size_t run_count)
{
	struct thread *thread = mem_zalloc(sizeof(*thread));
	thread->mailbox = mailbox;
	thread->algorithm = algorithm;
	thread->fresh = true;
	thread->refs_max = THREAD_REFS_MAX;
	seqset_copy(&thread->uids, uids);
	if (runs) {
		thread->runs = mem_alloc((run_count + 1) * sizeof(*runs));
		memcpy(thread->runs, runs, run_count * sizeof(*runs));
		thread->run_count = run_count;
	}
	rand_bytes(thread->keys, sizeof(thread->keys));
	sorter_init(&thread->dates);
	buf_init(&thread->out, BUF_UNBOUNDED);
	return thread;
}

void thread_free(struct thread **thread)
{
	struct thread *t = *thread;
	if (!t)
		return;
	seqset_fini(&t->uids);
	sorter_fini(&t->dates);
	thread_tree_free(&t->tree);
	buf_fini(&t->out);
	free(t->runs);
	free(t->messages);
	free(t->refs);
	free(t);
	*thread = NULL;
}

static void add_ref(struct thread *thread, struct thread_message *message, struct thread_id id)
{
	struct thread_place *at = &thread->next;
	if (at->ref_count == thread->ref_cap)
		thread->refs = mem_grow(thread->refs, &thread->ref_cap, sizeof(*thread->refs));
	thread->refs[at->ref_count++] = id;
	message->ref_count++;
}

/* The number of ids at the beginning that are beyond the limit. */
static size_t thread_too_many(struct gatherer *g, struct strv value)
{
	struct msgid_walk walk;
	size_t count = 0;
	if (value.n / ID_MIN <= THREAD_MESSAGE_REFS_MAX)
		return 0;
	msgid_walk_init(&walk, value);
	while (msgid_walk_next(&walk, &g->id))
		count++;
	return count > THREAD_MESSAGE_REFS_MAX ? count - THREAD_MESSAGE_REFS_MAX : 0;
}

static void add_refs(struct gatherer *g, struct thread_message *message, struct strv value)
{
	struct msgid_walk walk;
	size_t skip = thread_too_many(g, value);
	msgid_walk_init(&walk, value);
	for (size_t i = 0; msgid_walk_next(&walk, &g->id); i++)
		if (i >= skip)
			add_ref(g->thread, message, thread_id_make(buf_strv(&g->id), g->thread->keys));
}

static void add_first_ref(struct gatherer *g, struct thread_message *message, struct strv value)
{
	struct msgid_walk walk;
	msgid_walk_init(&walk, value);
	if (msgid_walk_next(&walk, &g->id))
		add_ref(g->thread, message, thread_id_make(buf_strv(&g->id), g->thread->keys));
}

/* The References field of the cached header, or of the message if the field was too long for the cache. */
static enum rc need_refs(struct gatherer *g, const struct msg_row *row, const struct msg_cached *cached,
	struct strv *ret_block)
{
	static const struct strv name = { "References", 10 };
	struct mime_range range = { 0 };
	struct reader *reader = NULL;
	struct mime_sift sift;
	*ret_block = cached->headers;
	if (cached->headers.n > 0)
		return RC_OK;
	enum rc rc = mime_parts_find(cached->parts, NULL, 0, MIME_SECTION_HEADER, &range);
	if (rc == RC_OK)
		rc = msg_open(g->account, row, &reader);
	if (rc != RC_OK)
		return rc;
	buf_reset(&g->header);
	mime_sift_init(&sift, &name, 1, false, mime_sift_to_buf, &g->header);
	rc = reader_sift(reader, range.offset, range.size, &sift);
	if (rc == RC_IO || rc == RC_CORRUPT)
		msg_damaged(g->account, row);
	reader_close(&reader);
	*ret_block = buf_strv(&g->header);
	return rc;
}

/* Reads References, or else the first id of In-Reply-To. */
static enum rc read_refs(struct gatherer *g, const struct msg_row *row, const struct msg_cached *cached,
	const struct envelope *envelope, struct thread_message *message)
{
	struct mime_field field;
	struct strv block;
	message->refs = g->thread->next.ref_count;
	enum rc rc = need_refs(g, row, cached, &block);
	if (rc != RC_OK)
		return rc;
	if (mime_header_find(block, STRV("References"), &field))
		add_refs(g, message, field.value);
	if (message->ref_count == 0)
		add_first_ref(g, message, envelope->in_reply_to);
	return g->thread->next.ref_count > g->thread->refs_max ? RC_LIMIT : RC_OK;
}

static void read_subject(struct gatherer *g, struct strv subject, struct thread_message *message)
{
	struct strv base = sort_base_subject(&g->scratch, subject, &message->reply);
	message->no_subject = base.n == 0;
	message->subject = thread_id_make(base, g->thread->keys);
}

static void read_id(struct gatherer *g, struct strv value, struct thread_message *message)
{
	struct msgid_walk walk;
	msgid_walk_init(&walk, value);
	message->no_id = !msgid_walk_next(&walk, &g->id);
	if (!message->no_id)
		message->id = thread_id_make(buf_strv(&g->id), g->thread->keys);
}

/* Rows come in order of their UIDs, and all of them are in the view. */
static uint32_t number_of(struct gatherer *g, uint32_t uid)
{
	const struct thread *thread = g->thread;
	if (!thread->runs)
		return uid;
	while (thread->runs[g->run].uid_hi < uid)
		g->run++;
	return thread->runs[g->run].seq_lo + (uid - thread->runs[g->run].uid_lo);
}

static void thread_add_message(struct thread *thread, const struct thread_message *message, int64_t date)
{
	struct thread_place *at = &thread->next;
	if (at->count == thread->message_cap)
		thread->messages =
			mem_grow(thread->messages, &thread->message_cap, sizeof(*thread->messages));
	thread->messages[at->count++] = *message;
	struct sort_item item = { .head = (uint64_t)date ^ (uint64_t)1 << 63, .uid = (uint32_t)at->count };
	sorter_add(&thread->dates, item);
}

static enum rc thread_read_message(struct gatherer *g, const struct msg_row *row)
{
	bool references = g->thread->algorithm == THREAD_REFERENCES;
	struct thread_message message = { .uid = row->uid, .number = number_of(g, row->uid) };
	struct envelope envelope;
	struct msg_cached cached;
	arena_reset(g->scratch.arena);
	enum rc rc = msg_cached(g->account, row,
		references ? MSG_ENVELOPE | MSG_HEADERS | MSG_PARTS : MSG_ENVELOPE, g->scratch.arena,
		&cached);
	if (rc == RC_OK && !envelope_read(cached.envelope, g->scratch.arena, &envelope))
		rc = RC_CORRUPT;
	if (rc == RC_OK && references)
		rc = read_refs(g, row, &cached, &envelope, &message);
	if (rc != RC_OK)
		return rc;
	if (references)
		read_id(g, envelope.message_id, &message);
	read_subject(g, envelope.subject, &message);
	thread_add_message(g->thread, &message, sort_sent_date(row, &cached));
	return RC_OK;
}

/* Adds a message that can't be read, without ids and subject. */
static void add_bare(struct gatherer *g, const struct msg_row *row)
{
	struct thread_message message = { .uid = row->uid, .number = number_of(g, row->uid) };
	struct msg_cached cached = { .sent_date = INT64_MIN };
	message.refs = g->thread->next.ref_count;
	message.no_id = g->thread->algorithm == THREAD_REFERENCES;
	read_subject(g, STRV_NULL, &message);
	thread_add_message(g->thread, &message, sort_sent_date(row, &cached));
}

/* Takes a message. If it can't be read, the data it has added are removed again. */
static enum rc take_message(struct gatherer *g, const struct msg_row *row)
{
	struct thread_place *at = &g->thread->next;
	size_t refs = at->ref_count;
	enum rc rc = thread_read_message(g, row);
	at->uid = row->uid + 1;
	at->seen++;
	if (rc == RC_OK || rc == RC_LIMIT)
		return rc;
	at->ref_count = refs;
	bool damaged = rc == RC_CORRUPT || rc == RC_IO || rc == RC_NOT_FOUND;
	if (damaged)
		add_bare(g, row);
	if (at->rc == RC_OK)
		at->rc = damaged ? RC_CORRUPT : rc;
	return rc == RC_UNAVAILABLE ? rc : RC_OK;
}

static enum rc gather_rows(struct gatherer *g, uint64_t until_us)
{
	const struct seqset *set = &g->thread->uids;
	const struct msg_row *rows;
	size_t count;
	size_t range = 0;
	enum rc rc = msg_index(g->account, g->thread->mailbox, &rows, &count);
	if (rc != RC_OK)
		return rc;
	size_t pos =
		sort_next_row(rows, count, msg_lower_bound(rows, count, g->thread->next.uid), set, &range);
	for (unsigned ticks = 1; pos < count; ticks++) {
		rc = take_message(g, &rows[pos]);
		if (rc != RC_OK)
			return rc;
		pos = sort_next_row(rows, count, pos + 1, set, &range);
		if (pos < count && ticks % CLOCK_EVERY == 0 && clock_mono_us() >= until_us)
			return RC_AGAIN;
	}
	return RC_OK;
}

/* RC_AGAIN: the time is over. */
static enum rc thread_gather(struct account *account, struct thread *thread, uint64_t until_us)
{
	struct gatherer g = { .account = account, .thread = thread };
	sort_scratch_init(&g.scratch);
	buf_init(&g.id, ID_MAX);
	buf_init(&g.header, SEARCH_HEADER_MAX);
	enum rc rc = gather_rows(&g, until_us);
	buf_fini(&g.header);
	buf_fini(&g.id);
	sort_scratch_fini(&g.scratch);
	return rc;
}

/* RC_AGAIN: the time is over. */
static enum rc link_messages(struct thread *thread, uint64_t until_us)
{
	struct thread_place *at = &thread->next;
	if (!thread->tree)
		thread->tree = thread_tree_new(thread->algorithm);
	while (at->linked < at->count) {
		const struct thread_message *message = &thread->messages[at->linked++];
		thread_tree_add(thread->tree, message, thread->refs ? thread->refs + message->refs : NULL);
		if (at->linked % CLOCK_EVERY == 0 && clock_mono_us() >= until_us)
			return RC_AGAIN;
	}
	while (!thread_tree_step(thread->tree, thread->messages, sorter_items(&thread->dates)))
		if (clock_mono_us() >= until_us)
			return RC_AGAIN;
	return RC_OK;
}

/* Drops the results of a slice that did not count. */
static void thread_slice_begin(struct thread *thread)
{
	thread->next = thread->place;
	thread->finished = false;
	if (thread->next.phase == THREAD_GATHER)
		sorter_cut(&thread->dates, thread->next.count);
	if (!thread->fresh) {
		thread_tree_free(&thread->tree);
		thread->next.linked = 0;
		if (thread->next.phase > THREAD_LINK)
			thread->next.phase = THREAD_LINK;
	}
	thread->fresh = false;
	buf_reset(&thread->out);
}

/* RC_AGAIN: the time is over, or the work must be accepted before it goes on. */
static enum rc run_phases(struct account *account, struct thread *thread, uint64_t until_us)
{
	struct thread_place *at = &thread->next;
	enum rc rc = RC_OK;
	if (at->phase == THREAD_GATHER) {
		rc = thread_gather(account, thread, until_us);
		if (rc != RC_OK)
			return rc;
		at->phase = THREAD_SORT;
	}
	if (at->phase == THREAD_SORT) {
		if (clock_mono_us() >= until_us || !sorter_step(&thread->dates, until_us))
			return RC_AGAIN;
		at->phase = THREAD_LINK;
		return RC_AGAIN;
	}
	if (at->phase == THREAD_LINK) {
		rc = link_messages(thread, until_us);
		if (rc != RC_OK)
			return rc;
		at->phase = THREAD_PRINT;
		if (clock_mono_us() >= until_us)
			return RC_AGAIN;
	}
	thread_tree_print(thread->tree, thread->messages, &thread->out);
	thread->finished = true;
	return RC_OK;
}

enum rc thread_slice(struct account *account, struct thread *thread)
{
	thread_slice_begin(thread);
	enum rc rc = run_phases(account, thread, clock_mono_us() + SEARCH_SLICE_US);
	return rc == RC_AGAIN ? RC_OK : rc;
}

void thread_accept(struct thread *thread)
{
	thread->place = thread->next;
	thread->fresh = true;
	sorter_accept(&thread->dates);
}

uint64_t thread_gone(const struct thread *thread)
{
	return seqset_count(&thread->uids) - thread->place.seen;
}
