/*
 * Carries out a SEARCH on the worker, slice by slice: after at most SEARCH_SLICE_US the strand serves others.
 * struct search has one owner at a time, the command or its job. Its place moves on only when the reactor has
 * taken a slice (search_accept), so that a slice may run again.
 *
 * Fuzzy keys (RFC 6203): texts match by the rules of mime/fuzzy.h, or exactly (100; in a body
 * SEARCH_BODY_WEIGHT); all fields of a name and all parts of a body are searched. Dates may be off by three
 * days (75, 50, 25), sizes by a tenth (with falling scores). Flags, sets, ages and all other keys match
 * exactly. The score of several keys is the mean of the fuzzy ones; for OR it is the best.
 */
#ifndef COID_QUERY_SEARCH_H
#define COID_QUERY_SEARCH_H

#include "base/arena.h"
#include "imap/search_keys.h"
#include "imap/search_return.h"
#include "query/search_text.h"
#include "imap/uid_runs.h"

#define SEARCH_SLICE_US 10000
/* Octets up to which a header block that is not in the cache is searched. */
#define SEARCH_HEADER_MAX (4 * 1024 * 1024) /* of a longer header only the fields in question are read */
#define SEARCH_FIELDS_MAX (16 * 1024 * 1024) /* all fields of one name; what is beyond is not searched */

struct search_place {
	size_t run;
	uint32_t uid; /* the next UID of that run; 0: its first */
	uint64_t gone; /* messages of the view that no longer exist */
	uint64_t modseq; /* the highest one of the results */
	uint64_t first_modseq; /* that of the first result; 0: none */
	uint64_t last_modseq;
	/* RC_CORRUPT: some data of a message could not be read, and keys that need them do not match */
	enum rc rc;
};

/* One result, if more than its number is needed. */
struct search_hit {
	uint64_t modseq;
	uint32_t number; /* as in the results */
	uint8_t score; /* 1..100: how well it matches the fuzzy keys (RFC 6203) */
};

struct search {
	struct arena *arena; /* own: keys, runs */
	struct arena *message; /* own: cached data of the present message */
	int64_t mailbox;
	struct search_keys keys;
	struct uid_run *runs;
	size_t run_count;
	struct seqset recent; /* own: UIDs that are \Recent in the session */
	bool by_uid; /* the answer holds UIDs */
	uint64_t enough; /* the search ends after this number of results; 0: all are wanted */
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
	/* own: with keep_hits, in mailbox order: first the hits of `results`, then those of the slice */
	struct search_hit *hits;
	size_t hit_count;
	size_t hit_cap;
	size_t hit_kept; /* the number of hits of `results` */
};

struct search *search_new(void);
void search_free(struct search **search);
/* Call this when the keys are set (resolved, in search->arena): gathers the needles. */
void search_prepare(struct search *search);
/* [strand] */
enum rc search_slice(struct account *account, struct search *search) MUST_CHECK;
/* On the reactor. */
void search_accept(struct search *search);
/* Prints "* SEARCH 1 2 3 (MODSEQ 9)" CRLF. */
void search_print(const struct search *search, struct buf *out);
/* The scores of the results, in the arena of the search. Needs keep_hits. */
const uint8_t *search_scores(struct search *search);
/* The highest modseq of the messages in the answer; 0: MODSEQ was not asked for, or there are none.
 * PARTIAL needs keep_hits. */
uint64_t search_modseq(const struct search *search, const struct search_return *options);

#endif
