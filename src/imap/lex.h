/*
 * The assembler takes bytes as they come and finds the end of each command. A command is a line that goes on
 * after each literal. As soon as the size of a literal is known, before its bytes are accepted, the session
 * says what to do with it. The assembler can stop at any byte and go on later; it holds no more than its
 * limits. It knows no commands and does no I/O. On the session's reactor.
 *
 * The buffer `command` when "a APPEND x {3}" CRLF "abc (\Seen) {5" has come and the first literal was kept:
 *
 *	a APPEND x {3}CRLFabc (\Seen) {5
 *	|---- line ------|---|--- line --|<- the next octet goes here
 *	                  ^   ^ line_from
 *	                  a kept literal
 *
 * line_used counts the octets of all pieces of line, up to line_max; literal_used those of kept literals, up
 * to literal_max. A streamed literal leaves only its "{n}" CRLF; its octets go to the session as LEX_STREAM
 * events.
 */
#ifndef COID_IMAP_LEX_H
#define COID_IMAP_LEX_H

#include "base/buf.h"
#include "base/strv.h"

#include <stdbool.h>
#include <stdint.h>

#define LEX_STREAMED_MAX 512 /* streamed literals of one command that are not forgotten */
#define LEX_KEPT_MAX 1024 /* kept literals of one command */
#define LEX_KEEP_BYTES 256 /* memory that stays between commands */
#define LEX_MARK_MAX 32 /* "~{18446744073709551615+}" and some room */

enum lex_literal_kind {
	LEX_SYNC, /* {n}: the client waits for "+" */
	LEX_NONSYNC /* {n+} */
};

struct lex_literal {
	size_t offset; /* in the command buffer, of its '{' (or '~') */
	uint64_t size;
	enum lex_literal_kind kind;
	bool binary; /* ~{n} */
};

enum lex_event {
	LEX_MORE, /* all input used; feed more */
	LEX_COMMAND, /* lex_command() is complete; lex_next_command() before feeding again */
	LEX_LITERAL, /* lex_literal() was announced; answer with lex_accept, lex_stream or lex_refuse */
	LEX_STREAM, /* ret_bytes: the next piece of a streamed literal (not kept) */
	LEX_STREAM_END,
	LEX_TOO_LONG, /* the line passed its limit; the rest of the line is skipped */
	LEX_BAD /* NUL or bare CR in a command line; the line is skipped */
};

struct lex {
	struct buf command; /* line bytes and kept literals: "a1 LOGIN {3}\r\nabc x" without the final CRLF */
	size_t line_max;
	size_t literal_max; /* all kept literals of a command */
	size_t line_used;
	size_t line_from; /* where in `command` the present piece of the line begins */
	size_t literal_used;
	uint64_t literal_left;
	uint64_t skipped; /* bytes thrown away since the last complete command */
	struct lex_literal literal;
	struct lex_literal *streamed; /* own; NULL without any */
	unsigned streamed_count;
	size_t streamed_cap;
	unsigned kept_count;
	int state;
	bool raw;
};

void lex_init(struct lex *lex, size_t line_max, size_t literal_max);
void lex_fini(struct lex *lex);
void lex_limits(struct lex *lex, size_t line_max, size_t literal_max);
/* Uses some of *in (and advances it) up to the next event. */
enum lex_event lex_feed(struct lex *lex, struct strv *in, struct strv *ret_bytes);
/* At LEX_COMMAND the complete command. At LEX_LITERAL, LEX_TOO_LONG and LEX_BAD the text before (it may
 * contain the tag). */
struct strv lex_command(const struct lex *lex);
const struct lex_literal *lex_literal(const struct lex *lex);
/* Begins the next command, or the next line in raw mode; keeps no more memory than a small buffer. */
void lex_next_command(struct lex *lex);
void lex_release(struct lex *lex); /* between commands or lines: gives all memory back */
/* Keeps the literal in the command. False: it would pass literal_max (then refuse it). */
bool lex_accept(struct lex *lex);
/* The literal's bytes come as LEX_STREAM events; the command contains only its "{n}" CRLF. False: there
 * are too many in this command. */
bool lex_stream(struct lex *lex);
/* At LEX_LITERAL: removes the octets from..to of the command, which are not needed any more, and the
 * streamed literals among them; the rest moves down. The octets end before the announced literal. So a
 * command of many messages needs no more memory, and no longer line, than one with a single message. */
void lex_forget(struct lex *lex, size_t from, size_t to);
/* Refuses the literal. LEX_SYNC: the command ends here. LEX_NONSYNC: the literal's bytes and the rest of
 * the command are read and thrown away without LEX_COMMAND, then the next command is parsed. */
void lex_refuse(struct lex *lex);
/* Call this when the command is answered before it is complete: the rest of it is read and thrown away. */
void lex_abandon(struct lex *lex);
/* True between commands: no byte of a new one has come yet. */
bool lex_idle(const struct lex *lex);
/* True: the last event has not been handled; it is the session's turn, not the client's. */
bool lex_waits(const struct lex *lex);
/* Switches raw lines on or off (IDLE's DONE, AUTHENTICATE's answers): lines without literals. Each line is
 * a LEX_COMMAND and replaces the present command. Call this between commands or at LEX_COMMAND. */
void lex_raw_line(struct lex *lex, bool on);

#endif
