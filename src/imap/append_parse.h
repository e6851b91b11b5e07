/*
 * The grammar of messages that are to be stored, for APPEND and REPLACE: options and a literal, UTF8 literals
 * (RFC 6855), pieces to join (CATENATE, RFC 4469), one message or several (RFC 3502). The input is read
 * whenever a literal is announced, from what has come and was not forgotten (lex.h), and once more at the
 * end. Pure.
 */
#ifndef COID_IMAP_APPEND_PARSE_H
#define COID_IMAP_APPEND_PARSE_H

#include "imap/lex.h"
#include "imap/parse.h"

#define APPEND_PARTS_MAX LEX_STREAMED_MAX /* pieces of the messages that are read at once */

/* What a message is made of, in order. */
struct append_part {
	struct strv url; /* p NULL: a streamed literal */
	bool binary; /* the literal is a literal8 */
};

struct append_spec {
	uint32_t flags;
	struct strv *keywords;
	size_t keyword_count;
	bool dated;
	int64_t internaldate;
	int16_t zone;
	bool catenate;
	size_t from; /* where it begins in the input: right behind what precedes it */
	size_t to; /* where it ends; 0: it is not whole yet */
	size_t part_from; /* in struct append_list */
	size_t part_count;
};

struct append_list {
	struct strv mailbox;
	struct strv sent; /* its name as the client wrote it */
	struct append_spec *specs; /* in the arena, as all else; the last may be incomplete */
	size_t count;
	struct append_part *parts;
	size_t part_count;
};

/* What the literal is that was announced behind what has come. */
enum append_place {
	APPEND_WHOLE, /* none: the command is complete */
	APPEND_AT_NAME, /* the mailbox name */
	APPEND_AT_URL,
	APPEND_AT_MESSAGE, /* a message, or a piece of one */
	APPEND_BAD /* syntax error; told by parse->error */
};

/*
 * `literal` NULL: the command is whole, up to its end. Else the input ends where this literal was announced.
 * `several`: more than one message may come.
 */
enum append_place append_parse_list(
	struct parse *parse, const struct lex_literal *literal, bool several, struct append_list *ret_list);

#endif
