/*
 * The keys of SEARCH as a tree (RFC 3501 section 6.4.4, RFC 6203). They are parsed on the reactor, the
 * command resolves keys that need its view, and a job gets a copy. The tree does not change afterwards.
 */
#ifndef COID_IMAP_SEARCH_KEYS_H
#define COID_IMAP_SEARCH_KEYS_H

#include "base/arena.h"
#include "imap/parse.h"

#include <stdbool.h>
#include <stdint.h>

struct fuzzy;

#define SEARCH_KEYS_MAX 1000 /* keys of one SEARCH */
#define SEARCH_TEXTS_MAX 64 /* BODY and TEXT among them */

enum search_kind {
	SEARCH_AND, /* all children must match; without children: all messages */
	SEARCH_OR,
	SEARCH_SEQS, /* set, until search_keys_resolve */
	SEARCH_UIDS, /* set; also for "$" */
	SEARCH_FLAG, /* any bit of flags */
	SEARCH_RECENT,
	SEARCH_KEYWORD, /* text; found by name when the job runs */
	SEARCH_MODSEQ, /* number: at least */
	SEARCH_LARGER, /* number */
	SEARCH_SMALLER,
	SEARCH_BEFORE, /* number: day since 1970 */
	SEARCH_ON,
	SEARCH_SINCE,
	SEARCH_SAVEDBEFORE, /* number: day since 1970, UTC (RFC 8514) */
	SEARCH_SAVEDON,
	SEARCH_SAVEDSINCE,
	SEARCH_EMAILID, /* number: blob, 0: none has it; flags: epoch (objectid.h) */
	SEARCH_THREADID, /* number: thread; none has 0 */
	SEARCH_OLDER, /* number: seconds before now (RFC 5032) */
	SEARCH_YOUNGER,
	SEARCH_SENTBEFORE,
	SEARCH_SENTON,
	SEARCH_SENTSINCE,
	SEARCH_HEADER, /* field, needle */
	SEARCH_BODY, /* needle, slot */
	SEARCH_TEXT
};

/* The data that must be read to evaluate a key; children are sorted by it. */
enum search_cost { SEARCH_COST_INDEX, SEARCH_COST_CACHE, SEARCH_COST_HEADER, SEARCH_COST_BYTES };

struct search_key {
	enum search_kind kind;
	enum search_cost cost;
	bool negate;
	struct search_key *child; /* first */
	struct search_key *next; /* sibling */
	struct seqset set; /* ranges in the arena */
	uint32_t flags;
	uint32_t epoch; /* EMAILID: the epoch of the id; `number` is its blob */
	int64_t number;
	struct strv field; /* of a header */
	bool addresses; /* the field has addresses: they are also searched as ENVELOPE shows them */
	struct strv text; /* keyword */
	struct strv needle; /* casemap form */
	size_t slot; /* its index among the BODY and TEXT keys */
	bool fuzzy; /* it is under FUZZY, and not under a NOT within that */
	struct fuzzy *words; /* of a fuzzy HEADER; search_prepare's */
};

struct search_keys {
	struct search_key *root; /* SEARCH_AND */
	size_t text_count; /* BODY and TEXT keys */
	bool modseq; /* MODSEQ is among them: the answer ends with one */
	bool seqs; /* message numbers are among them: even UID SEARCH may not tell EXPUNGE */
	bool fuzzy; /* FUZZY is among them: there are scores */
	bool bad_charset; /* NO [BADCHARSET]; nothing else is set */
};

/* Parses from CHARSET or the first key to the end of the command. */
bool search_keys_parse(struct parse *parse, struct search_keys *ret_keys);
/* Parses the criteria of SORT and THREAD, which begin with the charset (RFC 5256 search-criteria). */
bool search_keys_parse_with_charset(struct parse *parse, struct search_keys *ret_keys);

/*
 * Turns sequence numbers into UIDs with fn (which adds to *uids, a set of its own) and resolves '*' of UID
 * sets to last_uid. "n:*" with an n that is not above last_uid has no end. New ranges are in the arena.
 */
void search_keys_resolve(struct search_keys *keys, uint32_t last_uid,
	void (*fn)(void *arg, const struct seqset *seqs, struct seqset *uids), void *arg,
	struct arena *arena);
void search_keys_copy(const struct search_keys *keys, struct arena *arena, struct search_keys *ret_copy);

#endif
