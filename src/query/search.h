/*
 * Answering a SEARCH on the worker, slice by slice: at most SEARCH_SLICE_US, then the strand serves others.
 * struct search has one owner at a time, the command or its job. Its place moves on only when the reactor has
 * taken a slice over (search_accept), so that a slice may be run again.
 *
 * Fuzzy keys (RFC 6203): texts match as mime/fuzzy.h says, or exactly (100; in a body SEARCH_BODY_WEIGHT);
 * all fields of a name and all parts of a body are looked at. Dates may be off by three days (75, 50, 25),
 * sizes by a tenth (less and less). Flags, sets, ages and all else match exactly. The score of several keys
 * is the mean of those that are fuzzy; of OR the best.
 */
#ifndef COID_QUERY_SEARCH_H
#define COID_QUERY_SEARCH_H

#include "base/arena.h"
#include "imap/search_keys.h"
#include "imap/search_return.h"
#include "query/search_text.h"
#include "imap/uid_runs.h"

#define SEARCH_SLICE_US 10000
/* A header block that is not in the cache is searched up to here. */
#define SEARCH_HEADER_MAX (4 * 1024 * 1024) /* of a longer header only the fields in question are read */
#define SEARCH_FIELDS_MAX (16 * 1024 * 1024) /* all fields of one name; what is beyond is not searched */

struct search_place {
	size_t run;
	uint32_t uid; /* next to be looked at in that run; 0: its first */
	uint64_t gone; /* messages of the view that no longer exist */
	uint64_t modseq; /* the highest of what was found */
	uint64_t first_modseq; /* of the first found; 0: nothing */
	uint64_t last_modseq;
	/* RC_CORRUPT: something of a message could not be read, and the keys that need it do not fit */
	enum rc rc;
};

/* One message found, when more must be known of it than its number. */
struct search_hit {
	uint64_t modseq;
	uint32_t number; /* as in the results */
	uint8_t score; /* 1..100: how well it fits what FUZZY asks for (RFC 6203) */
};

struct search {
	struct arena *arena; /* own: keys, runs */
	struct arena *message; /* own: what the message in hand has in the cache */
	int64_t mailbox;
	struct search_keys keys;
	struct uid_run *runs;
	size_t run_count;
	struct seqset recent; /* own: UIDs that are \Recent in the session */
	bool by_uid; /* the answer holds UIDs */
	uint64_t enough; /* so many found end the search; 0: all are wanted */
	bool keep_hits;
	int64_t now; /* for OLDER and YOUNGER */
	struct search_needle *needles; /* of BODY and TEXT, by slot */
	struct search_text *text; /* own: the message whose bytes are being searched */
	uint32_t text_uid; /* its UID; 0: none */
	bool text_ready; /* its needles are decided */
	struct search_place place;
	struct search_place next;
	bool fresh; /* the last slice was accepted */
	bool finished;
	struct seqset found; /* own: of the slice */
	struct seqset results; /* own: of the slices before; UIDs or sequence numbers */
	uint64_t result_count;
	/* Own: with keep_hits, in mailbox order: of the results, then of the slice */
	struct search_hit *hits;
	size_t hit_count;
	size_t hit_cap;
	size_t hit_kept; /* those of the results */
};

struct search *search_new(void);
void search_free(struct search **search);
/* After the keys are set (resolved, in search->arena): gathers the needles. */
void search_prepare(struct search *search);
/* [strand] */
enum rc search_slice(struct account *account, struct search *search) MUST_CHECK;
/* On the reactor. */
void search_accept(struct search *search);
/* "* SEARCH 1 2 3 (MODSEQ 9)" CRLF */
void search_print(const struct search *search, struct buf *out);
/* The scores of the results, in the arena of the search; with keep_hits. */
const uint8_t *search_scores(struct search *search);
/* The highest modseq of the messages that the answer returns; 0: MODSEQ was not asked for, or none. PARTIAL
 * needs keep_hits. */
uint64_t search_modseq(const struct search *search, const struct search_return *options);

#endif
