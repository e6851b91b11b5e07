/*
 * Parses a complete command (its line and literals, as collected by lex.h) into arguments. A pull parser over
 * bytes in memory: no I/O, allocation only in the command's arena, a limit on nesting and counts. The first
 * error is kept with its place; functions called after it do nothing and return false.
 */
#ifndef COID_IMAP_PARSE_H
#define COID_IMAP_PARSE_H

#include "base/arena.h"
#include "base/seqset.h"
#include "base/strv.h"

#include <stdbool.h>
#include <stdint.h>

/* RFC 9586 section 3. */
#define PARSE_UIDREQUIRED "UIDREQUIRED"
#define PARSE_UIDREQUIRED_TEXT "Message numbers are not allowed once UIDONLY is enabled"

#define PARSE_DEPTH_MAX 50
#define PARSE_RANGES_MAX 65536 /* written ranges of a sequence set (the line's length bounds it before) */
#define PARSE_FLAGS_MAX 256 /* flags of one list */
#define PARSE_KEYWORD_MAX 256 /* octets of a keyword */
#define PARSE_MAILBOX_MAX 4096 /* octets of a mailbox name as sent; the store's limit is lower */

struct lex_literal; /* lex.h */

struct parse {
	struct strv in; /* borrowed: the whole command */
	size_t at;
	struct arena *arena; /* borrowed */
	const struct lex_literal *streamed; /* literals that went to a spool, by offset; lex.h */
	size_t streamed_count;
	const struct seqset *saved; /* borrowed: the UIDs of "$"; NULL: "$" is not valid here */
	bool utf8; /* session_utf8: mailbox names are UTF-8 */
	bool no_charset; /* ... and RFC 6855 forbids SEARCH to name a charset */
	bool uidonly; /* UIDONLY is on: message numbers are errors */
	bool literal_follows; /* `in` ends where a literal was announced; the command goes on */
	unsigned words_max; /* arguments, all levels together; 0: no limit */
	unsigned words;
	bool failed;
	bool refused; /* it failed without a syntax error: NO instead of BAD */
	const char *error; /* constant text for the tagged BAD or NO */
	const char *code; /* its response code, constant, or NULL */
};

/* A parser at the start of `in`. */
void parse_init(struct parse *parse, struct strv in, struct arena *arena);

/*
 * All functions return false (and set the error) when the input does not fit. Peeking functions set no error.
 *
 * Blanks: where the grammar has one space, clients send several; and they send some after '(', before ')' and
 * at the end of a line, where it has none. The parser takes them all, in these functions only: parse_sp and
 * parse_more take a run of blanks, parse_skip and parse_char those after a '(', parse_char those before a
 * ')', parse_end the last ones. A run counts as one argument; the first one beyond words_max is an error.
 */
bool parse_end(struct parse *parse); /* nothing is left but blanks; else "unexpected arguments" */
bool parse_at_end(const struct parse *parse);
bool parse_sp(struct parse *parse); /* one blank at least */
/* Tells whether another argument or element follows. Takes the blanks before it, or before the ')' or the
 * end that comes instead. */
bool parse_more(struct parse *parse);
bool parse_char(struct parse *parse, char c);
bool parse_peek(const struct parse *parse, char c);
bool parse_skip(struct parse *parse, char c); /* takes it if it is there; no blank: parse_more */
bool parse_fail(struct parse *parse, const char *error); /* false */
bool parse_fail_code(struct parse *parse, const char *code, const char *error); /* false */
/* Refuses a command that is well-formed and can't be obeyed: returns false, and NO will be sent. code:
 * constant, or NULL. */
bool parse_refuse(struct parse *parse, const char *code, const char *error);
/* Call this before or after message numbers are read. False, with the error: UIDONLY is enabled (RFC
 * 9586). */
bool parse_numbers_allowed(struct parse *parse);

bool parse_tag(struct parse *parse, struct strv *ret_tag);
bool parse_atom(struct parse *parse, struct strv *ret_atom);
/* Takes the keyword (in any case) if the next atom is exactly it. No error otherwise. */
bool parse_keyword(struct parse *parse, const char *keyword);
bool parse_astring(struct parse *parse, struct strv *ret_string);
bool parse_string(
	struct parse *parse, struct strv *ret_string); /* quoted (7-bit or UTF-8) or literal (literal8 too) */
/* Takes an astring whose octets are data, not a name: quoted strings may have any octets, as literals do. */
bool parse_data(struct parse *parse, struct strv *ret_string);
/* Takes a streamed literal: its index in parse->streamed, and so among the row's literal calls. */
bool parse_streamed(struct parse *parse, size_t *ret_index);
/* Tells whether a streamed literal comes next. */
bool parse_peek_streamed(const struct parse *parse);
bool parse_nstring(struct parse *parse, struct strv *ret_string); /* NIL: p NULL */
bool parse_number(struct parse *parse, uint32_t *ret_number);
bool parse_number64(struct parse *parse, uint64_t *ret_number); /* 63 bits: mod-sequence values */
bool parse_nz_number(struct parse *parse, uint32_t *ret_number);
/* Takes a sequence set. Its ranges are in the arena: do not call seqset_fini, and add nothing to the set
 * (copy it first) except by seqset_resolve. */
bool parse_seqset(struct parse *parse, struct seqset *ret_set);
/* Takes a set or "$" (RFC 5182). *ret_uids true: it was "$", so the set has UIDs, whatever the command's
 * numbers are. */
bool parse_seqset_or_saved(struct parse *parse, struct seqset *ret_set, bool *ret_uids);
/* Takes a mailbox name and decodes it from modified UTF-7 (or UTF-8) to UTF-8; INBOX becomes upper case. A
 * name in neither form is refused. */
bool parse_mailbox(struct parse *parse, struct strv *ret_name);
/* Takes a mailbox name and returns it also as the client sent it. */
bool parse_mailbox_sent(struct parse *parse, struct strv *ret_name, struct strv *ret_sent);
/* Takes a pattern. One that can't be decoded is used as it was sent. */
bool parse_list_mailbox(struct parse *parse, struct strv *ret_pattern);
/* Takes flags "(\Seen $x)", or one or more bare ones (STORE), as enum msg_flag bits. Unknown \Flags and
 * \Recent are errors. Each keyword occurs once in the result (in any case); the array is in the arena. Too
 * many keywords, or too long ones, are refused. */
bool parse_flag_list(struct parse *parse, bool parens_optional, uint32_t *ret_flags,
	struct strv **ret_keywords, size_t *ret_count);
/* The rest of the input, and taking n bytes of it: for the grammar of one row (search keys, fetch
 * sections). */
struct strv parse_rest(const struct parse *parse);
void parse_advance(struct parse *parse, size_t n);
/* Takes "01-Jan-2026 12:00:00 +0100" quoted; and the date of SEARCH, quoted or not. Days below 10 may be
 * written in any form. */
bool parse_date_time(struct parse *parse, int64_t *ret_seconds, int16_t *ret_zone);
bool parse_date(struct parse *parse, int64_t *ret_day_start_utc);

#endif
