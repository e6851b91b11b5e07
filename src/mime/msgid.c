#include "mime/msgid.h"

#include "mime/mime_priv.h"

enum outcome {
	VALID,
	BROKEN, /* go on at `at` */
	UNCLOSED /* the value ends inside of quotes */
};

struct reading {
	struct strv v;
	size_t at;
	bool no_quote;
	size_t local; /* octets of the local part; 0: it has not ended */
};

/* p[at] is a quote. False: it is not closed. */
static bool msgid_take_quoted(struct reading *reading, struct buf *out)
{
	const char *p = reading->v.p;
	for (size_t i = reading->at + 1; i < reading->v.n; i++) {
		if (p[i] == '"') {
			reading->at = i + 1;
			return true;
		}
		if (p[i] == '\\' && i + 1 < reading->v.n)
			i++;
		if (p[i] != '\r' && p[i] != '\n')
			buf_addc(out, p[i]);
	}
	return false;
}

/* Reads the text after a "<". */
static enum outcome take_id(struct reading *reading, struct buf *out)
{
	bool domain = false;
	while (reading->at < reading->v.n) {
		char c = reading->v.p[reading->at];
		if (c == '<')
			return BROKEN;
		/* A quote inside a word has no meaning. */
		bool word_begins = out->len == 0 || out->p[out->len - 1] == '.';
		if (c == '"' && !domain && word_begins && !reading->no_quote) {
			if (!msgid_take_quoted(reading, out))
				return UNCLOSED;
			continue;
		}
		reading->at++;
		if (c == '>')
			return domain && out->len > reading->local + 1 ? VALID : BROKEN;
		if (mime_is_space(c) || c == '\0' || (c == '"' && !domain))
			continue;
		if (c == '@' && !domain) {
			if (out->len == 0)
				return BROKEN;
			domain = true;
			reading->local = out->len;
		}
		buf_addc(out, c);
	}
	return BROKEN;
}

void msgid_walk_init(struct msgid_walk *walk, struct strv value)
{
	*walk = (struct msgid_walk){ .rest = value };
}

bool msgid_walk_next(struct msgid_walk *walk, struct buf *out)
{
	for (;;) {
		size_t open = strv_index(walk->rest, '<');
		if (open == walk->rest.n)
			return false;
		walk->rest = strv_sub(walk->rest, open + 1, walk->rest.n);
		buf_reset(out);
		struct reading reading = { .v = walk->rest, .no_quote = walk->no_quote };
		enum outcome outcome = take_id(&reading, out);
		if (outcome == UNCLOSED) {
			walk->no_quote = true;
			buf_reset(out);
			reading = (struct reading){ .v = walk->rest, .no_quote = true };
			outcome = take_id(&reading, out);
		}
		walk->rest = strv_sub(walk->rest, reading.at, walk->rest.n);
		if (outcome == VALID)
			return true;
	}
}

/* Reads words up to a character that belongs to none. */
static void take_local(struct mime_lex *lex, struct buf *out)
{
	for (;;) {
		mime_lex_cfws(lex);
		if (lex->p == lex->end || *lex->p == '@' || *lex->p == '<' || *lex->p == '>')
			return;
		const char *end = *lex->p == '"' ? mime_lex_quoted_end(lex, lex->p) : NULL;
		if (!end) {
			buf_addc(out, *lex->p++);
			continue;
		}
		struct strv inside = strv_make(lex->p + 1, (size_t)(end - lex->p) - 2);
		for (size_t i = 0; i < inside.n; i++) {
			if (inside.p[i] == '\\' && i + 1 < inside.n)
				i++;
			if (inside.p[i] != '\r' && inside.p[i] != '\n')
				buf_addc(out, inside.p[i]);
		}
		lex->p = end;
	}
}

bool msgid_first_local(struct strv value, bool phrase, struct buf *out, bool *ret_at)
{
	size_t before = out->len;
	struct mime_lex lex;
	mime_lex_init(&lex, value);
	mime_lex_cfws(&lex);
	bool open = lex.p < lex.end && *lex.p == '<';
	if (open)
		lex.p++;
	take_local(&lex, out);
	if (!open && phrase && lex.p < lex.end && *lex.p == '<') {
		out->len = before;
		lex.p++;
		take_local(&lex, out);
	}
	*ret_at = lex.p < lex.end && *lex.p == '@';
	return out->len > before;
}
