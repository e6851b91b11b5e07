/*
 * The table of settings: a setting, its default, its limits and its help are written down here only. The
 * loader, the sample file and the tests read it; constant.
 */
#ifndef COID_CONF_CONF_TABLE_H
#define COID_CONF_CONF_TABLE_H

#include "conf/conf.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum conf_type {
	CONF_STRING, /* char * */
	CONF_WORD, /* char *: one of `words`, in the spelling of the table */
	CONF_BOOL, /* bool: yes, no, true, false, on, off */
	CONF_NUMBER, /* unsigned */
	CONF_OCTAL, /* unsigned: an access mode */
	CONF_SIZE, /* uint64_t: bytes */
	CONF_DURATION, /* uint64_t: milliseconds */
	CONF_ENUM, /* an enum with the values 0.. in the order of `words` */
	CONF_LIST /* struct conf_list */
};

enum conf_flag {
	CONF_RESTART = 1 << 0, /* a change needs a restart */
	CONF_ZERO = 1 << 1 /* 0 is allowed though it is below min: off, or no limit */
};

struct conf_row {
	const char *section;
	const char *key;
	enum conf_type type;
	unsigned flags; /* of enum conf_flag */
	size_t offset; /* in struct conf */
	const char *text; /* the default, as in an override */
	uint64_t min; /* of numbers, sizes and durations; of strings the length in bytes */
	uint64_t max;
	const char *const *words; /* CONF_WORD, CONF_ENUM: the possible values, NULL at the end */
	/* A further check of a string or of each item of a list. NULL: it is good; otherwise the text of
	 * the error. */
	const char *(*check)(const char *value);
	const char *help; /* one line, no full stop */
};

extern const struct conf_row conf_table[];
extern const size_t conf_table_rows;

#endif
