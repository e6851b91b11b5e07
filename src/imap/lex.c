/*
 * The assembler of commands. It has a state for each place within a command, and a function for each state,
 * which uses input until the state changes or the input ends.
 */
#include "imap/lex.h"

#include "base/mem.h"
#include "base/str.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum lex_state {
	LEX_S_LINE, /* collects a line */
	LEX_S_ASKED, /* a literal was announced, the session has not answered yet */
	LEX_S_KEEP, /* collects a literal */
	LEX_S_STREAM, /* hands a literal on */
	LEX_S_STREAM_END, /* its last byte is gone, LEX_STREAM_END is due */
	LEX_S_DONE, /* the command is complete, and the session still uses it */
	LEX_S_SKIP, /* throws a line away, keeps its last bytes */
	LEX_S_SKIP_LITERAL /* throws a literal away, then the rest of its line */
};

void lex_init(struct lex *lex, size_t line_max, size_t literal_max)
{
	*lex = (struct lex){ .state = LEX_S_LINE };
	/* The marks of literals count as line bytes. Each mark that is kept takes two more bytes, for the
	 * CRLF after it. */
	buf_init(&lex->command, 0);
	lex_limits(lex, line_max, literal_max);
}

void lex_fini(struct lex *lex)
{
	buf_wipe(&lex->command);
	free(lex->streamed);
	lex->streamed = NULL;
}

void lex_limits(struct lex *lex, size_t line_max, size_t literal_max)
{
	lex->line_max = line_max;
	lex->literal_max = literal_max;
	lex->command.max = line_max + literal_max + 2 * (LEX_KEPT_MAX + LEX_STREAMED_MAX) + LEX_MARK_MAX;
}

struct strv lex_command(const struct lex *lex)
{
	return buf_strv(&lex->command);
}

const struct lex_literal *lex_literal(const struct lex *lex)
{
	return &lex->literal;
}

bool lex_waits(const struct lex *lex)
{
	return lex->state == LEX_S_DONE || lex->state == LEX_S_ASKED;
}

bool lex_idle(const struct lex *lex)
{
	return lex->state == LEX_S_LINE && lex->command.len == 0;
}

/* Resets the counters for a new command. */
static void lex_restart(struct lex *lex)
{
	buf_reset(&lex->command);
	lex->line_used = 0;
	lex->line_from = 0;
	lex->literal_used = 0;
	lex->streamed_count = 0;
	lex->kept_count = 0;
	lex->state = LEX_S_LINE;
}

void lex_next_command(struct lex *lex)
{
	lex_restart(lex);
	buf_shrink(&lex->command, LEX_KEEP_BYTES);
	free(lex->streamed);
	lex->streamed = NULL;
	lex->streamed_cap = 0;
	lex->skipped = 0;
}

void lex_release(struct lex *lex)
{
	if (lex->state == LEX_S_LINE && lex->command.len == 0)
		buf_shrink(&lex->command, 0);
}

void lex_raw_line(struct lex *lex, bool on)
{
	lex->raw = on;
	if (!on)
		return;
	assert(lex->state == LEX_S_LINE || lex->state == LEX_S_DONE);
	lex_restart(lex);
}

/* Tells whether the line v ends in "{n}", "{n+}", "~{n}" or "~{n+}". */
static bool literal_mark(struct strv v, struct lex_literal *ret_literal)
{
	if (v.n < 3 || v.p[v.n - 1] != '}')
		return false;
	size_t end = v.n - 1;
	enum lex_literal_kind kind = LEX_SYNC;
	if (v.p[end - 1] == '+') {
		kind = LEX_NONSYNC;
		end--;
	}
	size_t at = end;
	while (at > 0 && v.p[at - 1] >= '0' && v.p[at - 1] <= '9')
		at--;
	if (at == end || at == 0 || v.p[at - 1] != '{')
		return false;
	uint64_t size;
	/* A number beyond 64 bits is larger than any limit. */
	if (str_u64(strv_sub(v, at, end - at), &size) != RC_OK)
		size = UINT64_MAX;
	size_t from = at - 1;
	bool binary = from > 0 && v.p[from - 1] == '~';
	*ret_literal = (struct lex_literal){
		.offset = from - (binary ? 1 : 0),
		.size = size,
		.kind = kind,
		.binary = binary,
	};
	return true;
}

static enum lex_event lex_spoil(struct lex *lex, enum lex_event event)
{
	lex->state = LEX_S_SKIP;
	return event;
}

/* Handles a complete line, without its line end. */
static enum lex_event lex_end_line(struct lex *lex)
{
	struct strv all = buf_strv(&lex->command);
	struct lex_literal literal;

	if (!lex->raw && literal_mark(strv_sub(all, lex->line_from, all.n), &literal)) {
		literal.offset += lex->line_from;
		lex->literal = literal;
		buf_add(&lex->command, "\r\n", 2);
		lex->line_from = lex->command.len;
		lex->state = LEX_S_ASKED;
		return LEX_LITERAL;
	}
	lex->state = LEX_S_DONE;
	return LEX_COMMAND;
}

/* The number of bytes before the first NUL or CR. A CR at the very end does not count: it may be half of a
 * line end. */
static size_t clean_length(struct strv piece)
{
	size_t n = piece.n;
	if (n == 0)
		return 0;
	const char *nul = memchr(piece.p, '\0', n);
	if (nul)
		n = (size_t)(nul - piece.p);
	const char *cr = n > 0 ? memchr(piece.p, '\r', n) : NULL;
	if (cr && cr != piece.p + piece.n - 1)
		n = (size_t)(cr - piece.p);
	return n;
}

/* Takes bytes of a line up to its end. LEX_MORE: the line goes on. */
static enum lex_event feed_line(struct lex *lex, struct strv *in)
{
	const char *newline = memchr(in->p, '\n', in->n);
	size_t taken = newline ? (size_t)(newline - in->p) + 1 : in->n;
	struct strv piece = strv_sub(*in, 0, newline ? taken - 1 : taken);
	bool cr_before = lex->command.len > lex->line_from && lex->command.p[lex->command.len - 1] == '\r';

	size_t room = lex->line_used < lex->line_max ? lex->line_max - lex->line_used : 0;
	size_t good = cr_before ? 0 : clean_length(piece);
	bool cr_last = piece.n > 0 ? piece.p[piece.n - 1] == '\r' : cr_before;

	/* The bad bytes stay in the input, where the skipper finds them. The bytes before them may contain
	 * the tag. */
	if (good < piece.n && good <= room) {
		buf_add(&lex->command, piece.p, good);
		*in = strv_sub(*in, good, in->n);
		return lex_spoil(lex, LEX_BAD);
	}
	if (lex->line_used + piece.n > lex->line_max + (cr_last ? 1 : 0)) {
		buf_add(&lex->command, piece.p, room);
		*in = strv_sub(*in, room, in->n);
		return lex_spoil(lex, LEX_TOO_LONG);
	}

	buf_addv(&lex->command, piece);
	lex->line_used += piece.n;
	*in = strv_sub(*in, taken, in->n);
	if (!newline)
		return LEX_MORE;
	if (cr_last) {
		lex->command.len--;
		lex->line_used--;
	}
	return lex_end_line(lex);
}

/* Throws a line away, but keeps its last bytes: a non-synchronising literal may follow, and must be
 * skipped, too. */
static void skip_line(struct lex *lex, struct strv *in)
{
	const char *newline = memchr(in->p, '\n', in->n);
	size_t taken = newline ? (size_t)(newline - in->p) + 1 : in->n;
	struct strv piece = strv_sub(*in, 0, newline ? taken - 1 : taken);

	if (lex->line_from > 0) {
		buf_consume(&lex->command, lex->line_from);
		lex->line_from = 0;
	}
	lex->skipped += taken;
	*in = strv_sub(*in, taken, in->n);
	if (piece.n > LEX_MARK_MAX)
		piece = strv_sub(piece, piece.n - LEX_MARK_MAX, piece.n);
	size_t keep = LEX_MARK_MAX - piece.n;
	if (lex->command.len > keep)
		buf_consume(&lex->command, lex->command.len - keep);
	buf_addv(&lex->command, piece);
	if (!newline)
		return;

	struct strv tail = buf_strv(&lex->command);
	if (tail.n > 0 && tail.p[tail.n - 1] == '\r')
		tail.n--;
	struct lex_literal literal;
	if (!lex->raw && literal_mark(tail, &literal) && literal.kind == LEX_NONSYNC) {
		lex->literal_left = literal.size;
		lex->state = LEX_S_SKIP_LITERAL;
		buf_reset(&lex->command);
		return;
	}
	uint64_t skipped = lex->skipped;
	lex_next_command(lex);
	lex->skipped = skipped;
}

/* Takes up to literal_left bytes of the input. */
static struct strv lex_take_literal(struct lex *lex, struct strv *in)
{
	struct strv piece = *in;
	if (piece.n > lex->literal_left)
		piece.n = (size_t)lex->literal_left;
	lex->literal_left -= piece.n;
	*in = strv_sub(*in, piece.n, in->n);
	return piece;
}

static enum lex_event feed_stream(struct lex *lex, struct strv *in, struct strv *ret_bytes)
{
	*ret_bytes = lex_take_literal(lex, in);
	if (lex->literal_left == 0)
		lex->state = LEX_S_STREAM_END;
	return LEX_STREAM;
}

enum lex_event lex_feed(struct lex *lex, struct strv *in, struct strv *ret_bytes)
{
	for (;;) {
		switch ((enum lex_state)lex->state) {
		case LEX_S_STREAM_END:
			lex->state = LEX_S_LINE;
			return LEX_STREAM_END;
		case LEX_S_ASKED:
		case LEX_S_DONE:
			return LEX_MORE;
		case LEX_S_LINE:
		case LEX_S_KEEP:
		case LEX_S_STREAM:
		case LEX_S_SKIP:
		case LEX_S_SKIP_LITERAL:
			break;
		}
		if (in->n == 0)
			return LEX_MORE;
		if (lex->state == LEX_S_STREAM)
			return feed_stream(lex, in, ret_bytes);
		if (lex->state == LEX_S_LINE) {
			enum lex_event event = feed_line(lex, in);
			if (event != LEX_MORE)
				return event;
		} else if (lex->state == LEX_S_KEEP) {
			buf_addv(&lex->command, lex_take_literal(lex, in));
			if (lex->literal_left == 0) {
				lex->line_from = lex->command.len;
				lex->state = LEX_S_LINE;
			}
		} else if (lex->state == LEX_S_SKIP) {
			skip_line(lex, in);
		} else {
			lex->skipped += lex_take_literal(lex, in).n;
			if (lex->literal_left == 0)
				lex->state = LEX_S_SKIP;
		}
	}
}

bool lex_accept(struct lex *lex)
{
	assert(lex->state == LEX_S_ASKED);
	if (lex->literal.size > lex->literal_max - lex->literal_used || lex->kept_count == LEX_KEPT_MAX)
		return false;
	lex->kept_count++;
	lex->literal_used += (size_t)lex->literal.size;
	lex->literal_left = lex->literal.size;
	lex->state = lex->literal_left > 0 ? LEX_S_KEEP : LEX_S_LINE;
	return true;
}

bool lex_stream(struct lex *lex)
{
	assert(lex->state == LEX_S_ASKED);
	if (lex->streamed_count == LEX_STREAMED_MAX)
		return false;
	if (lex->streamed_count == lex->streamed_cap)
		lex->streamed = mem_grow(lex->streamed, &lex->streamed_cap, sizeof(*lex->streamed));
	lex->streamed[lex->streamed_count++] = lex->literal;
	lex->literal_left = lex->literal.size;
	lex->state = lex->literal_left > 0 ? LEX_S_STREAM : LEX_S_STREAM_END;
	return true;
}

void lex_forget(struct lex *lex, size_t from, size_t to)
{
	size_t gone = to - from;
	unsigned kept = 0;
	assert(lex->state == LEX_S_ASKED && from <= to && to <= lex->literal.offset);
	memmove(lex->command.p + from, lex->command.p + to, lex->command.len - to);
	lex->command.len -= gone;
	lex->line_from -= gone;
	lex->literal.offset -= gone;
	/* The bytes that are left can't be fewer than the line bytes counted. */
	if (lex->line_used > lex->command.len)
		lex->line_used = lex->command.len;
	for (unsigned i = 0; i < lex->streamed_count; i++) {
		struct lex_literal literal = lex->streamed[i];
		if (literal.offset >= from && literal.offset < to)
			continue;
		if (literal.offset >= to)
			literal.offset -= gone;
		lex->streamed[kept++] = literal;
	}
	lex->streamed_count = kept;
}

void lex_refuse(struct lex *lex)
{
	assert(lex->state == LEX_S_ASKED);
	struct lex_literal literal = lex->literal;
	lex_next_command(lex);
	if (literal.kind == LEX_SYNC)
		return;
	lex->literal_left = literal.size;
	lex->state = literal.size > 0 ? LEX_S_SKIP_LITERAL : LEX_S_SKIP;
}

void lex_abandon(struct lex *lex)
{
	switch ((enum lex_state)lex->state) {
	case LEX_S_DONE:
		lex_next_command(lex);
		break;
	case LEX_S_ASKED:
		lex_refuse(lex);
		break;
	case LEX_S_KEEP:
	case LEX_S_STREAM: {
		uint64_t left = lex->literal_left;
		lex_next_command(lex);
		lex->literal_left = left;
		lex->state = left > 0 ? LEX_S_SKIP_LITERAL : LEX_S_SKIP;
		break;
	}
	case LEX_S_STREAM_END:
		lex_next_command(lex);
		lex->state = LEX_S_SKIP;
		break;
	case LEX_S_LINE:
		if (!lex->raw && !lex_idle(lex)) {
			lex->state = LEX_S_SKIP;
			break;
		}
		lex_next_command(lex);
		break;
	case LEX_S_SKIP:
	case LEX_S_SKIP_LITERAL:
		break;
	}
}
