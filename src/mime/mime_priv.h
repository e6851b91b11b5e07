/*
 * The declarations that the files of this folder share: the scanner's state, the lexer of structured fields,
 * their parameters.
 */
#ifndef COID_MIME_MIME_PRIV_H
#define COID_MIME_MIME_PRIV_H

#include "mime/decode.h"
#include "mime/mime.h"

/* The kinds of lines in a header block. */
enum mime_line {
	MIME_LINE_EMPTY,
	MIME_LINE_FIELD,
	MIME_LINE_FOLDED, /* continuation */
	MIME_LINE_SKIPPED, /* no field, but does not end the block: ":x", "a=b:c" */
	MIME_LINE_OTHER
};

/* The state of a header block before the present line. All zero at its beginning. */
struct mime_block {
	bool any; /* a field was there */
	bool in_field; /* the line before belongs to one */
	bool semicolon; /* the line before ends in ";" and belongs to a field: a parameter may follow */
};

/* Classifies a line of a header block. No other function does. `line` is the whole line, or its beginning
 * if it is longer than MIME_LINE_MAX; `length` is the length of the whole line. The name's length excludes
 * white space before the colon. */
enum mime_line mime_block_line(
	struct mime_block *block, struct strv line, uint64_t length, size_t *ret_name, size_t *ret_colon);
bool mime_name_in(struct strv name, const struct strv *names, size_t count);
/* True for an mbox separator, which is kept at the top of a message. */
bool mime_line_is_mbox(struct strv line);

static inline bool mime_is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* Lexer of structured fields. It looks at each byte only a bounded number of times. */
struct mime_lex {
	const char *p;
	const char *end;
	bool no_quote; /* no closing quote ahead: '"' is an ordinary character */
	bool no_comment; /* the same for '(' */
};

void mime_lex_init(struct mime_lex *lex, struct strv value);
/* p is at '(' or '"'. Returns the place after the closing character, or NULL if it is never closed. */
const char *mime_lex_comment_end(struct mime_lex *lex, const char *p);
const char *mime_lex_quoted_end(struct mime_lex *lex, const char *p);
/* Skips white space and comments. */
void mime_lex_cfws(struct mime_lex *lex);
/* Copies the inside of a quoted-string or comment without escapes and line ends. */
struct strv mime_lex_unquote(struct arena *arena, struct strv raw);

/* A token up to white space, ';', '=', ',', '/' or '"'; empty if there is none. A view. */
struct strv mime_lex_token(struct mime_lex *lex);
/* A token, or the text of a quoted-string: many senders quote values that have to be tokens. */
struct strv mime_lex_word(struct arena *arena, struct mime_lex *lex);
/* Parses the rest of the field as ";"-separated parameters. */
size_t mime_params_parse(struct arena *arena, struct mime_lex *lex, struct mime_param **ret_params);

/* The scanner's view of a part; `part` is first. */
struct mime_node {
	struct mime_part part;
	struct mime_node *last; /* child */
	struct strv boundary; /* empty: there is no usable one */
	uint64_t line_base; /* lines before the header, later before the body */
	unsigned depth;
	bool closed; /* its final boundary was seen */
};

/* The kept part of the present header block. */
struct mime_keep {
	struct buf bytes; /* raw lines of the fields that are kept, in order */
	struct mime_block block;
	bool message;
	bool cut; /* some octets of the block are not in `bytes` */
	size_t ordinary; /* octets of ordinary fields in `bytes` */
	size_t ordinary_fields;
	size_t values; /* octets of deciding fields in `bytes` */
	size_t field_left; /* octets that may still be kept of the present field */
	bool deciding; /* the present field is a deciding one */
	uint32_t seen; /* a bit for each deciding field that has occurred */
	bool boundary_known;
	struct strv boundary; /* declared by the block; read when first needed; in the arena */
};

/* Lines of a header block that may be the beginning of the body: they are no fields, and no field has
 * followed. */
struct mime_run {
	bool open;
	uint64_t offset;
	uint64_t lines;
	struct mime_keep before; /* without bytes: the state to go back to */
	size_t before_len;
	struct buf text; /* the beginning of the run, in case it becomes the text of the message */
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

	uint64_t offset; /* octets before the current line */
	uint64_t lines; /* line feeds before the current line */
	unsigned prev_eol; /* octets of the line end before the current line */

	struct buf line; /* beginning of a line that came in pieces */
	uint64_t line_len;
	char line_last;

	struct mime_keep keep; /* of the header of `cur` */
	size_t headers_left; /* octets of ordinary fields that may still be kept of later blocks */
	size_t values_left; /* the same for deciding fields */
	struct mime_run run;
	struct buf text;
	unsigned text_rank;
};

/* keep.c: the fields of a header block that stay in memory. */

void mime_keep_init(struct mime_keep *keep, const struct mime_limits *limits);
void mime_keep_fini(struct mime_keep *keep);
/* Begins a new block. `message`: it is the header of a message, not of a part of a multipart. */
void mime_keep_begin(struct mime_scan *scan, bool message);
/* Takes a line of the block. `name`: the field's name if the line begins a field, else empty. `cut`: the
 * line is longer. */
void mime_keep_line(
	struct mime_scan *scan, enum mime_line what, struct strv name, struct strv line, bool cut);
/* Restores the state before the run. */
void mime_keep_undo(struct mime_scan *scan);
/* Ends the block: its bytes and fields go to the part. */
void mime_keep_end(struct mime_scan *scan, struct mime_part *part);
/* Tells whether the line is a delimiter of the boundary that the block itself declares. */
bool mime_keep_own_boundary(struct mime_scan *scan, struct strv line);

/* Tells whether `rest`, the text after "--", is this boundary. */
bool mime_boundary_fits(struct strv boundary, struct strv rest, bool *ret_final);
/* The usable boundary of a part's Content-Type; empty if there is none. */
struct strv mime_boundary_of(const struct mime_part *part);
struct mime_node *mime_tree_add(
	struct mime_scan *scan, struct mime_node *parent, uint64_t offset, uint64_t lines);
/* Ends the header of `cur`: its body starts at `offset`. Sets the mode; may open an embedded message's
 * part. */
void mime_tree_end_header(struct mime_scan *scan, uint64_t offset, uint64_t lines);
/* Ends the open parts from `cur` up to, and without, `until`; `cur` becomes `until`. */
void mime_tree_end_parts(
	struct mime_scan *scan, const struct mime_node *until, uint64_t offset, uint64_t lines);
/* The innermost open multipart whose boundary this line is, or NULL. */
struct mime_node *mime_boundary_match(struct mime_node *cur, struct strv line, bool *ret_final);

#endif
