/*
 * What the files of this folder share: the scanner's state, the lexer of structured fields, their parameters.
 */
#ifndef COID_MIME_MIME_PRIV_H
#define COID_MIME_MIME_PRIV_H

#include "mime/decode.h"
#include "mime/mime.h"

/* What a line may be inside a header block. */
enum mime_line {
	MIME_LINE_EMPTY,
	MIME_LINE_FIELD,
	MIME_LINE_FOLDED, /* continuation */
	MIME_LINE_SKIPPED, /* no field, but does not end the block: ":x" */
	MIME_LINE_OTHER
};

/* `line` may be cut after MIME_LINE_MAX octets. The name's length excludes white space before the colon. */
enum mime_line mime_line_classify(struct strv line, size_t *ret_name, size_t *ret_colon);
/* An mbox separator, kept on top of a message. */
bool mime_line_is_mbox(struct strv line);

static inline bool mime_is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* Lexer of structured fields. Every byte is passed at most a constant number of times. */
struct mime_lex {
	const char *p;
	const char *end;
	bool no_quote; /* no closing quote ahead: '"' is an ordinary character */
	bool no_comment; /* the same for '(' */
};

void mime_lex_init(struct mime_lex *lex, struct strv value);
/* p stands on '(' or '"'. The end of it (after the closing character), or NULL if it is never closed. */
const char *mime_lex_comment_end(struct mime_lex *lex, const char *p);
const char *mime_lex_quoted_end(struct mime_lex *lex, const char *p);
/* Skips white space and comments. */
void mime_lex_cfws(struct mime_lex *lex);
/* Copies the inside of a quoted-string or comment without escapes and line ends. */
struct strv mime_lex_unquote(struct arena *arena, struct strv raw);

/* A token up to white space, ';', '=', ',', '/' or '"'; empty if there is none. A view. */
struct strv mime_lex_token(struct mime_lex *lex);
/* The rest of the field as ";"-separated parameters. */
size_t mime_params_parse(struct arena *arena, struct mime_lex *lex, struct mime_param **ret_params);

/* Fills type, subtype, params; false (part untouched) when the value is no type/subtype. */
bool mime_content_type_parse(struct arena *arena, struct strv value, struct mime_part *part);

/* The scanner's view of a part; `part` is first. */
struct mime_node {
	struct mime_part part;
	struct mime_node *last; /* child */
	struct strv boundary;
	uint64_t line_base; /* lines before the header, later before the body */
	unsigned depth;
	bool closed; /* its final boundary was seen */
};

enum mime_mode {
	MIME_MODE_HEADER, /* lines belong to the header of `cur` */
	MIME_MODE_BODY, /* lines are the body of leaf `cur` */
	MIME_MODE_SKIP /* preamble or epilogue of multipart `cur` */
};

struct mime_scan {
	struct mime_limits limits;
	struct arena *arena; /* own, until it goes to the message */
	struct mime_msg *msg;
	struct mime_node *cur;
	enum mime_mode mode;
	unsigned part_count;
	unsigned open_multiparts;

	uint64_t offset; /* of the current line */
	uint64_t lines; /* line feeds before it */
	unsigned prev_eol; /* octets of the line end before it */

	struct buf line; /* beginning of a line that came in pieces */
	uint64_t line_len;
	char line_last;

	struct buf header;
	size_t headers_left;
	bool header_cut;
	struct buf text;
	unsigned text_rank;
};

/* Octets of a header block that may still be kept. */
size_t mime_scan_header_room(const struct mime_scan *scan);
struct mime_node *mime_tree_add(
	struct mime_scan *scan, struct mime_node *parent, uint64_t offset, uint64_t lines);
/* Ends the header of `cur`: its body starts at `offset`. Sets the mode; may open an embedded message's part. */
void mime_tree_end_header(struct mime_scan *scan, uint64_t offset, uint64_t lines);
/* Ends the open parts from `cur` up to, and without, `until`; `cur` becomes `until`. */
void mime_tree_end_parts(
	struct mime_scan *scan, const struct mime_node *until, uint64_t offset, uint64_t lines);
/* The innermost open multipart whose boundary this line is, or NULL. */
struct mime_node *mime_boundary_match(struct mime_node *cur, struct strv line, bool *ret_final);

#endif
