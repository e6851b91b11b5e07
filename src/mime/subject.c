#include "mime/subject.h"

#include "base/mem.h"
#include "mime/mime_priv.h"

#include <stdlib.h>

/* The part of the subject that is left. White space is single spaces. */
struct rest {
	const char *p;
	size_t at;
	size_t end;
	/* No leader begins with a blob before this place. Without this a search after each blob would take
	 * quadratic time. */
	size_t no_leader;
	bool reply;
};

/* Step 1 of RFC 5256 section 2.1. Returns the length. */
static size_t subject_squeeze(char *to, struct strv text)
{
	size_t n = 0;
	for (size_t i = 0; i < text.n; i++) {
		char c = mime_is_space(text.p[i]) ? ' ' : text.p[i];
		if (c != ' ' || n == 0 || to[n - 1] != ' ')
			to[n++] = c;
	}
	return n;
}

static bool word_at(const struct rest *rest, size_t at, struct strv word)
{
	return rest->end - at >= word.n && strv_ieq(strv_make(rest->p + at, word.n), word);
}

static size_t skip_space(const struct rest *rest, size_t at)
{
	while (at < rest->end && rest->p[at] == ' ')
		at++;
	return at;
}

/* "[" *BLOBCHAR "]" *WSP */
static bool pass_blob(const struct rest *rest, size_t *at)
{
	if (*at == rest->end || rest->p[*at] != '[')
		return false;
	size_t i = *at + 1;
	while (i < rest->end && rest->p[i] != '[' && rest->p[i] != ']')
		i++;
	if (i == rest->end || rest->p[i] != ']')
		return false;
	*at = skip_space(rest, i + 1);
	return true;
}

/* ("re" / ("fw" ["d"])) *WSP [subj-blob] ":" */
static bool pass_refwd(const struct rest *rest, size_t *at)
{
	size_t i = *at;
	if (word_at(rest, i, STRV("fwd")))
		i += 3;
	else if (word_at(rest, i, STRV("re")) || word_at(rest, i, STRV("fw")))
		i += 2;
	else
		return false;
	i = skip_space(rest, i);
	(void)pass_blob(rest, &i);
	if (i == rest->end || rest->p[i] != ':')
		return false;
	*at = i + 1;
	return true;
}

/* Step 2. */
static void take_trailers(struct rest *rest)
{
	for (;;) {
		if (rest->end > rest->at && rest->p[rest->end - 1] == ' ') {
			rest->end--;
		} else if (rest->end - rest->at >= 5 && word_at(rest, rest->end - 5, STRV("(fwd)"))) {
			rest->end -= 5;
			rest->reply = true;
		} else {
			return;
		}
	}
}

/* Step 3, once: (*subj-blob subj-refwd) / WSP */
static bool take_leader(struct rest *rest)
{
	if (rest->at < rest->end && rest->p[rest->at] == ' ') {
		rest->at++;
		return true;
	}
	if (rest->at < rest->no_leader)
		return false;
	size_t at = rest->at;
	while (pass_blob(rest, &at))
		;
	rest->no_leader = at + 1;
	if (!pass_refwd(rest, &at))
		return false;
	rest->at = at;
	rest->no_leader = 0;
	rest->reply = true;
	return true;
}

/* Step 4: a blob is not removed if nothing else is left. */
static bool take_blob(struct rest *rest)
{
	size_t at = rest->at;
	if (!pass_blob(rest, &at) || at == rest->end)
		return false;
	rest->at = at;
	return true;
}

/* Step 6. */
static bool take_forward(struct rest *rest)
{
	if (rest->end - rest->at < 6 || !word_at(rest, rest->at, STRV("[fwd:")) ||
		rest->p[rest->end - 1] != ']')
		return false;
	rest->at += 5;
	rest->end--;
	rest->no_leader = 0;
	rest->reply = true;
	return true;
}

void mime_subject_base(struct buf *out, struct strv text, bool *ret_reply)
{
	char *copy = mem_alloc(text.n + 1);
	struct rest rest = { .p = copy, .end = subject_squeeze(copy, text) };
	do {
		take_trailers(&rest);
		while (take_leader(&rest) || take_blob(&rest))
			;
	} while (take_forward(&rest));
	buf_add(out, rest.p + rest.at, rest.end - rest.at);
	*ret_reply = rest.reply;
	free(copy);
}
