/*
 * Checks printed ENVELOPE and BODY text against the grammar of RFC 3501 section 9, for tests and fuzz
 * targets.
 */
#ifndef COID_TESTS_MIME_IMAP_SYNTAX_H
#define COID_TESTS_MIME_IMAP_SYNTAX_H

#include "base/strv.h"

#include <stdbool.h>

struct imap_check {
	struct strv in;
	bool bad;
	bool extended;
	struct strv last; /* content of the last quoted string, as written */
};

static inline bool check_peek(const struct imap_check *check, char c)
{
	return !check->bad && check->in.n > 0 && *check->in.p == c;
}

static inline void check_skip(struct imap_check *check, size_t n)
{
	if (check->in.n < n)
		check->bad = true;
	check->in = strv_sub(check->in, n, check->in.n);
}

static inline void check_char(struct imap_check *check, char c)
{
	if (!check_peek(check, c))
		check->bad = true;
	else
		check_skip(check, 1);
}

static inline bool check_nil(struct imap_check *check)
{
	if (check->bad || !strv_starts(check->in, STRV("NIL")))
		return false;
	check_skip(check, 3);
	return true;
}

static inline void check_number_value(struct imap_check *check, size_t *ret_number)
{
	size_t digits = 0;
	size_t number = 0;
	while (!check->bad && check->in.n > 0 && *check->in.p >= '0' && *check->in.p <= '9') {
		number = number * 10 + (size_t)(*check->in.p - '0');
		check_skip(check, 1);
		digits++;
	}
	if (digits == 0 || digits > 10)
		check->bad = true;
	*ret_number = number;
}

static inline void check_number(struct imap_check *check)
{
	size_t number;
	check_number_value(check, &number);
}

static inline void check_literal(struct imap_check *check)
{
	size_t n = 0;
	check_char(check, '{');
	check_number_value(check, &n);
	check_char(check, '}');
	check_char(check, '\r');
	check_char(check, '\n');
	if (check->bad || n > check->in.n || memchr(check->in.p, '\0', n))
		check->bad = true;
	else
		check_skip(check, n);
	check->last = STRV_NULL;
}

static inline void check_quoted(struct imap_check *check)
{
	check_char(check, '"');
	const char *start = check->in.p;
	while (!check->bad && !check_peek(check, '"')) {
		unsigned char c = check->in.n > 0 ? (unsigned char)*check->in.p : 0;
		if (c == '\\') {
			check_skip(check, 1);
			if (!check_peek(check, '"') && !check_peek(check, '\\'))
				check->bad = true;
		} else if (c == 0 || c >= 0x80 || c == '\r' || c == '\n') {
			check->bad = true;
		}
		check_skip(check, 1);
	}
	if (!check->bad)
		check->last = strv_make(start, (size_t)(check->in.p - start));
	check_char(check, '"');
}

static inline void check_string(struct imap_check *check)
{
	if (check_peek(check, '{'))
		check_literal(check);
	else
		check_quoted(check);
}

static inline bool check_nstring(struct imap_check *check)
{
	if (check_nil(check))
		return false;
	check_string(check);
	return true;
}

/* Gives +1 for the start of a group, -1 for its end. */
static inline int check_address(struct imap_check *check)
{
	check_char(check, '(');
	bool name = check_nstring(check);
	check_char(check, ' ');
	bool route = check_nstring(check);
	check_char(check, ' ');
	bool mailbox = check_nstring(check);
	check_char(check, ' ');
	bool host = check_nstring(check);
	check_char(check, ')');
	if (host && !mailbox)
		check->bad = true;
	if (!host && (name || route))
		check->bad = true;
	return host ? 0 : (mailbox ? 1 : -1);
}

static inline void check_addresses(struct imap_check *check)
{
	int depth = 0;
	if (check_nil(check))
		return;
	check_char(check, '(');
	do {
		depth += check_address(check);
		if (depth < 0 || depth > 1)
			check->bad = true;
	} while (check_peek(check, '('));
	check_char(check, ')');
	if (depth != 0)
		check->bad = true;
}

static inline void check_envelope(struct imap_check *check)
{
	check_char(check, '(');
	for (int i = 0; i < 2; i++) {
		check_nstring(check);
		check_char(check, ' ');
	}
	for (int i = 0; i < 6; i++) {
		check_addresses(check);
		check_char(check, ' ');
	}
	check_nstring(check);
	check_char(check, ' ');
	check_nstring(check);
	check_char(check, ')');
}

static inline void check_params(struct imap_check *check)
{
	if (check_nil(check))
		return;
	check_char(check, '(');
	for (;;) {
		check_string(check);
		check_char(check, ' ');
		check_string(check);
		if (!check_peek(check, ' '))
			break;
		check_char(check, ' ');
	}
	check_char(check, ')');
}

static inline void check_extension(struct imap_check *check)
{
	check_char(check, ' ');
	if (!check_nil(check)) {
		check_char(check, '(');
		check_string(check);
		check_char(check, ' ');
		check_params(check);
		check_char(check, ')');
	}
	check_char(check, ' ');
	if (check_peek(check, '(')) {
		check_char(check, '(');
		check_string(check);
		while (check_peek(check, ' ')) {
			check_char(check, ' ');
			check_string(check);
		}
		check_char(check, ')');
	} else {
		check_nstring(check);
	}
	check_char(check, ' ');
	check_nstring(check);
}

static inline void check_body(struct imap_check *check, unsigned depth);

static inline void check_leaf(struct imap_check *check, unsigned depth)
{
	check_string(check);
	struct strv type = check->last;
	check_char(check, ' ');
	check_string(check);
	struct strv subtype = check->last;
	check_char(check, ' ');
	check_params(check);
	check_char(check, ' ');
	check_nstring(check);
	check_char(check, ' ');
	check_nstring(check);
	check_char(check, ' ');
	check_string(check);
	check_char(check, ' ');
	check_number(check);
	if (strv_ieq(type, STRV("message")) && strv_ieq(subtype, STRV("rfc822"))) {
		check_char(check, ' ');
		check_envelope(check);
		check_char(check, ' ');
		check_body(check, depth + 1);
		check_char(check, ' ');
		check_number(check);
	} else if (strv_ieq(type, STRV("text"))) {
		check_char(check, ' ');
		check_number(check);
	}
	if (!check->extended)
		return;
	check_char(check, ' ');
	check_nstring(check);
	check_extension(check);
}

static inline void check_multipart(struct imap_check *check, unsigned depth)
{
	while (check_peek(check, '('))
		check_body(check, depth + 1);
	check_char(check, ' ');
	check_string(check);
	if (!check->extended)
		return;
	check_char(check, ' ');
	check_params(check);
	check_extension(check);
}

static inline void check_body(struct imap_check *check, unsigned depth)
{
	if (depth > 300)
		check->bad = true;
	if (check->bad)
		return;
	check_char(check, '(');
	if (check_peek(check, '('))
		check_multipart(check, depth);
	else
		check_leaf(check, depth);
	check_char(check, ')');
}

static inline bool imap_body_valid(struct strv text, bool extended)
{
	struct imap_check check = { .in = text, .extended = extended };
	check_body(&check, 0);
	return !check.bad && check.in.n == 0;
}

static inline bool imap_envelope_valid(struct strv text)
{
	struct imap_check check = { .in = text };
	check_envelope(&check);
	return !check.bad && check.in.n == 0;
}

#endif
