/*
 * The grammar of messages for APPEND and REPLACE: options and a literal, UTF8 literals (RFC 6855), parts to
 * join (CATENATE, RFC 4469), one message or several (RFC 3502). It reads the input that has come and was not
 * forgotten (lex.h) whenever a literal is announced, and once more at the end. Pure.
 */
#ifndef COID_IMAP_APPEND_PARSE_H
#define COID_IMAP_APPEND_PARSE_H

#include "imap/lex.h"
#include "imap/parse.h"

#define APPEND_PARTS_MAX LEX_STREAMED_MAX /* parts of all messages that are parsed at once */

/* A part of a message. */
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
	size_t from; /* its first octet in the input, directly after the text before it */
	size_t to; /* the octet after its last one; 0: it is not complete yet */
	size_t part_from; /* index of its first part in struct append_list */
	size_t part_count;
};

struct append_list {
	struct strv mailbox;
	struct strv sent; /* its name as the client wrote it */
	struct append_spec *specs; /* in the arena, as everything here; the last one may be incomplete */
	size_t count;
	struct append_part *parts;
	size_t part_count;
};

/* The meaning of the literal that was announced at the end of the input. */
enum append_place {
	APPEND_WHOLE, /* none: the command is complete */
	APPEND_AT_NAME, /* the mailbox name */
	APPEND_AT_URL,
	APPEND_AT_MESSAGE, /* a message, or a piece of one */
	APPEND_BAD /* syntax error; told by parse->error */
};

/*
 * Parses the messages. `literal` NULL: the input is the complete command; otherwise the input ends where this
 * literal was announced. `several`: more than one message is allowed.
 */
enum append_place append_parse_list(
	struct parse *parse, const struct lex_literal *literal, bool several, struct append_list *ret_list);

#endif
