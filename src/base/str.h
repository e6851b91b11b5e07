/*
 * Numbers, encodings and character checks over bytes from the wire. All functions are pure and allocate only
 * in the given buf. A decoder that fails leaves the length of the buf unchanged: RC_INVALID for the input,
 * RC_LIMIT if the buf is full.
 */
#ifndef COID_BASE_STR_H
#define COID_BASE_STR_H

#include "base/buf.h"
#include "base/rc.h"
#include "base/strv.h"

#include <stdbool.h>
#include <stdint.h>

/* Decimal digits only, the whole view, no sign; RC_INVALID on anything else or overflow. */
enum rc str_u32(struct strv v, uint32_t *ret_number) MUST_CHECK;
enum rc str_u64(struct strv v, uint64_t *ret_number) MUST_CHECK;

char str_lower(char c); /* ASCII */
char str_upper(char c);

/* RFC 4648. Encoding: standard alphabet with padding, or url alphabet without. */
void str_base64(struct buf *out, struct strv in);
void str_base64url(struct buf *out, struct strv in);
/* Strict: standard alphabet, padding required, no white space (SASL). */
enum rc str_base64_decode(struct buf *out, struct strv in) MUST_CHECK;
/* Decodes either alphabet, with padding or without. */
enum rc str_base64_decode_any(struct buf *out, struct strv in) MUST_CHECK;
void str_hex(struct buf *out, struct strv in);
enum rc str_hex_decode(struct buf *out, struct strv in) MUST_CHECK;

/* Valid UTF-8: no overlongs, no surrogates, nothing above U+10FFFF. */
bool str_utf8_valid(struct strv v);
/* The length <= max at which v can be cut without splitting a character (v must be valid UTF-8). */
size_t str_utf8_cut(struct strv v, size_t max);
/* The number of characters (v must be valid UTF-8). */
size_t str_utf8_characters(struct strv v);
/* True: all bytes are in 0x01..0x7f. */
bool str_is_ascii(struct strv v);
/* Copies v and replaces each invalid sequence by U+FFFD. */
void str_utf8_repair(struct buf *out, struct strv v);

/*
 * Modified UTF-7 of RFC 3501 section 5.1.3. Decoding gives UTF-8 and refuses all input that encoding would
 * not give back: RC_INVALID for non-canonical, unterminated or 8-bit input. Control characters (NUL, too) can
 * be encoded; other code decides whether a name may have them. Encoding refuses input that is not valid
 * UTF-8.
 */
enum rc str_mutf7_decode(struct buf *out, struct strv in) MUST_CHECK;
enum rc str_mutf7_encode(struct buf *out, struct strv utf8) MUST_CHECK;

/*
 * Converts "10s", "5m", "2h", "7d", "1w", "500ms" to milliseconds; a number without a unit is refused, except
 * 0.
 */
enum rc str_duration(struct strv v, uint64_t *ret_ms) MUST_CHECK;
/* Converts "4096", "16K", "1M", "2G", "1T" in either case (powers of 1024; B or iB may follow). */
enum rc str_size(struct strv v, uint64_t *ret_bytes) MUST_CHECK;

/*
 * Escapes for logs: control, 8-bit, '"' and '\\' bytes become \xNN; after max bytes of v comes "..." if there
 * are more.
 */
void str_escape(struct buf *out, struct strv v, size_t max);

#endif
