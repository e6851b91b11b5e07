/*
 * Declarations that the files of this folder share: the value that a file or an override gives for each row
 * of the table, before it becomes a struct conf.
 */
#ifndef COID_CONF_CONF_PRIV_H
#define COID_CONF_CONF_PRIV_H

#include "base/buf.h"
#include "base/rc.h"
#include "base/strv.h"
#include "conf/conf_table.h"

#include <stdbool.h>
#include <stddef.h>

#define CONF_UNKNOWN_MAX 32 /* unknown settings that are reported in one go */
#define CONF_UNKNOWN_NAME_MAX 64 /* bytes of such a name that are looked at */

struct conf_given {
	char *text; /* own; NULL: not set, so the default counts */
	char *where; /* own: "file:12" or "-o" */
};

/* The row, or NULL. */
const struct conf_row *conf_row_find(struct strv section, struct strv key);

/* given[] has an element for each row. Both strings are copied. */
void conf_give(struct conf_given *given, const struct conf_row *row, struct strv text, const char *where);

/* Appends "file:12: section.key: message", with as much of the place as is known. */
void conf_complain(struct buf *errors, const struct conf_given *given, const struct conf_row *row,
	const char *format, ...) __attribute__((format(printf, 4, 5)));

/*
 * conf_read.c: reads a file and the files it includes, or a text that may not include any. On failure see
 * errors.
 */
enum rc conf_read_files(const char *path, struct conf_given *given, struct buf *errors) MUST_CHECK;
enum rc conf_read_text(
	const char *name, struct strv text, struct conf_given *given, struct buf *errors) MUST_CHECK;

/* conf_value.c: sets one field. `why` gets the fault of the text; the field is unchanged then. */
bool conf_value_set(struct conf *conf, const struct conf_row *row, struct strv text, struct buf *why);
void conf_value_free(struct conf *conf, const struct conf_row *row);
bool conf_value_equal(const struct conf *a, const struct conf *b, const struct conf_row *row);
/* Prints a number of the row's type as an administrator would write it: 64K, 5m. */
void conf_value_print(struct buf *out, enum conf_type type, uint64_t number);

#endif
