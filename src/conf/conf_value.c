#include "conf/conf_priv.h"

#include "base/mem.h"
#include "base/str.h"

#include <stdlib.h>
#include <string.h>

_Static_assert(sizeof(enum conf_sync_flags) == sizeof(unsigned), "enums are stored as unsigned");
_Static_assert(sizeof(enum log_level) == sizeof(unsigned), "enums are stored as unsigned");

static void *field_of(struct conf *conf, const struct conf_row *row)
{
	return (char *)conf + row->offset;
}

static const void *field_at(const struct conf *conf, const struct conf_row *row)
{
	return (const char *)conf + row->offset;
}

static void conf_value_set_string(struct conf *conf, const struct conf_row *row, struct strv text)
{
	char **field = field_of(conf, row);
	free(*field);
	*field = mem_strndup(text.p, text.n);
}

static void set_unsigned(struct conf *conf, const struct conf_row *row, uint64_t number)
{
	unsigned value = (unsigned)number;
	memcpy(field_of(conf, row), &value, sizeof(value));
}

static void set_u64(struct conf *conf, const struct conf_row *row, uint64_t number)
{
	memcpy(field_of(conf, row), &number, sizeof(number));
}

struct unit {
	const char *name;
	uint64_t factor;
};

static const struct unit sizes[] = {
	{ "T", (uint64_t)1 << 40 },
	{ "G", (uint64_t)1 << 30 },
	{ "M", (uint64_t)1 << 20 },
	{ "K", (uint64_t)1 << 10 },
	{ "", 1 },
};

static const struct unit durations[] = {
	{ "d", 24 * 3600 * 1000 },
	{ "h", 3600 * 1000 },
	{ "m", 60 * 1000 },
	{ "s", 1000 },
	{ "ms", 1 },
};

/* Prints the number in the largest unit that divides it. */
static void print_units(struct buf *out, const struct unit *units, uint64_t number)
{
	if (number == 0) {
		buf_addc(out, '0');
		return;
	}
	while (number % units->factor != 0)
		units++;
	buf_addu(out, number / units->factor);
	buf_adds(out, units->name);
}

void conf_value_print(struct buf *out, enum conf_type type, uint64_t number)
{
	switch (type) {
	case CONF_SIZE:
		print_units(out, sizes, number);
		return;
	case CONF_DURATION:
		print_units(out, durations, number);
		return;
	case CONF_OCTAL:
		buf_printf(out, "%04o", (unsigned)number);
		return;
	case CONF_STRING:
	case CONF_WORD:
	case CONF_BOOL:
	case CONF_NUMBER:
	case CONF_ENUM:
	case CONF_LIST:
		break;
	}
	buf_addu(out, number);
}

static void conf_value_quote(struct buf *why, struct strv text)
{
	buf_addc(why, '"');
	str_escape(why, text, 80);
	buf_adds(why, "\" ");
}

static bool in_range(const struct conf_row *row, uint64_t number, struct strv text, struct buf *why)
{
	bool low = number < row->min;

	if ((number == 0 && (row->flags & CONF_ZERO)) || (!low && number <= row->max))
		return true;
	conf_value_quote(why, text);
	buf_adds(why, low ? "is below " : "is above ");
	conf_value_print(why, row->type, low ? row->min : row->max);
	if (low && (row->flags & CONF_ZERO))
		buf_adds(why, " and not 0");
	return false;
}

static enum rc parse_octal(struct strv text, uint64_t *ret_number)
{
	uint64_t number = 0;

	if (text.n == 0 || text.n > 6)
		return RC_INVALID;
	for (size_t i = 0; i < text.n; i++) {
		if (text.p[i] < '0' || text.p[i] > '7')
			return RC_INVALID;
		number = number * 8 + (uint64_t)(text.p[i] - '0');
	}
	*ret_number = number;
	return RC_OK;
}

static bool set_number(struct conf *conf, const struct conf_row *row, struct strv text, struct buf *why)
{
	uint64_t number = 0;
	const char *kind = "";
	enum rc rc;

	if (row->type == CONF_SIZE) {
		rc = str_size(text, &number);
		kind = "is not a size like 512, 64K or 1G";
	} else if (row->type == CONF_DURATION) {
		rc = str_duration(text, &number);
		kind = "is not a duration like 500ms, 30s, 5m, 2h or 7d";
	} else if (row->type == CONF_OCTAL) {
		rc = parse_octal(text, &number);
		kind = "is not an access mode like 0660";
	} else {
		rc = str_u64(text, &number);
		kind = "is not a number";
	}
	if (rc != RC_OK) {
		conf_value_quote(why, text);
		buf_adds(why, kind);
		return false;
	}
	if (!in_range(row, number, text, why))
		return false;
	if (row->type == CONF_SIZE || row->type == CONF_DURATION)
		set_u64(conf, row, number);
	else
		set_unsigned(conf, row, number);
	return true;
}

static bool set_bool(struct conf *conf, const struct conf_row *row, struct strv text, struct buf *why)
{
	static const char *const words[] = { "no", "yes", "false", "true", "off", "on" };
	bool *field = field_of(conf, row);

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (strv_ieq(text, strv_cstr(words[i]))) {
			*field = i % 2 == 1;
			return true;
		}
	}
	conf_value_quote(why, text);
	buf_adds(why, "is neither yes nor no");
	return false;
}

static bool set_word(struct conf *conf, const struct conf_row *row, struct strv text, struct buf *why)
{
	for (size_t i = 0; row->words[i]; i++) {
		struct strv word = strv_cstr(row->words[i]);
		if (!strv_ieq(text, word))
			continue;
		if (row->type == CONF_WORD)
			conf_value_set_string(conf, row, word);
		else
			set_unsigned(conf, row, i);
		return true;
	}
	conf_value_quote(why, text);
	buf_adds(why, "is not one of:");
	for (size_t i = 0; row->words[i]; i++)
		buf_printf(why, " %s", row->words[i]);
	return false;
}

/* Tells whether the row's check accepts the text. */
static bool conf_value_passes(const struct conf_row *row, struct strv text, struct buf *why)
{
	if (!row->check)
		return true;
	char *copy = mem_strndup(text.p, text.n);
	const char *wrong = row->check(copy);
	free(copy);
	if (!wrong)
		return true;
	conf_value_quote(why, text);
	buf_adds(why, wrong);
	return false;
}

static bool set_text(struct conf *conf, const struct conf_row *row, struct strv text, struct buf *why)
{
	if (text.n < row->min) {
		buf_adds(why, "must not be empty");
		return false;
	}
	if (!conf_value_passes(row, text, why))
		return false;
	if (text.n > row->max) {
		conf_value_quote(why, text);
		buf_printf(why, "is longer than %ju bytes", (uintmax_t)row->max);
		return false;
	}
	conf_value_set_string(conf, row, text);
	return true;
}

static void conf_value_list_free(struct conf_list *list)
{
	for (size_t i = 0; i < list->n; i++)
		free(list->v[i]);
	free(list->v);
	*list = (struct conf_list){ NULL, 0 };
}

static bool split_list(const struct conf_row *row, struct strv text, struct conf_list *list, struct buf *why)
{
	for (;;) {
		size_t comma = strv_index(text, ',');
		struct strv item = strv_trim(strv_sub(text, 0, comma));
		if (item.n == 0) {
			buf_adds(why, "has an empty item");
			return false;
		}
		if (list->n >= CONF_ITEMS_MAX) {
			buf_printf(why, "has more than %d items", CONF_ITEMS_MAX);
			return false;
		}
		if (!conf_value_passes(row, item, why))
			return false;
		list->v = mem_realloc(list->v, list->n + 1, sizeof(*list->v));
		list->v[list->n++] = mem_strndup(item.p, item.n);
		if (comma == text.n)
			return true;
		text = strv_sub(text, comma + 1, text.n);
	}
}

static bool set_list(struct conf *conf, const struct conf_row *row, struct strv text, struct buf *why)
{
	struct conf_list *field = field_of(conf, row);
	struct conf_list list = { NULL, 0 };

	if (strv_trim(text).n > 0 && !split_list(row, text, &list, why)) {
		conf_value_list_free(&list);
		return false;
	}
	conf_value_list_free(field);
	*field = list;
	return true;
}

static bool has_control(struct strv text)
{
	for (size_t i = 0; i < text.n; i++) {
		if ((unsigned char)text.p[i] < 0x20 || text.p[i] == 0x7f)
			return true;
	}
	return false;
}

bool conf_value_set(struct conf *conf, const struct conf_row *row, struct strv text, struct buf *why)
{
	if (text.n > CONF_VALUE_MAX) {
		buf_printf(why, "is longer than %d bytes", CONF_VALUE_MAX);
		return false;
	}
	if (has_control(text)) {
		buf_adds(why, "holds a control character");
		return false;
	}
	switch (row->type) {
	case CONF_STRING:
		return set_text(conf, row, text, why);
	case CONF_BOOL:
		return set_bool(conf, row, text, why);
	case CONF_WORD:
	case CONF_ENUM:
		return set_word(conf, row, text, why);
	case CONF_NUMBER:
	case CONF_OCTAL:
	case CONF_SIZE:
	case CONF_DURATION:
		return set_number(conf, row, text, why);
	case CONF_LIST:
		return set_list(conf, row, text, why);
	}
	abort();
}

void conf_value_free(struct conf *conf, const struct conf_row *row)
{
	if (row->type == CONF_LIST) {
		conf_value_list_free(field_of(conf, row));
	} else if (row->type == CONF_STRING || row->type == CONF_WORD) {
		char **field = field_of(conf, row);
		free(*field);
		*field = NULL;
	}
}

static bool list_equal(const struct conf_list *a, const struct conf_list *b)
{
	if (a->n != b->n)
		return false;
	for (size_t i = 0; i < a->n; i++) {
		if (strcmp(a->v[i], b->v[i]) != 0)
			return false;
	}
	return true;
}

bool conf_value_equal(const struct conf *a, const struct conf *b, const struct conf_row *row)
{
	const void *x = field_at(a, row);
	const void *y = field_at(b, row);

	switch (row->type) {
	case CONF_STRING:
	case CONF_WORD:
		return strcmp(*(char *const *)x, *(char *const *)y) == 0;
	case CONF_BOOL:
		return *(const bool *)x == *(const bool *)y;
	case CONF_NUMBER:
	case CONF_OCTAL:
	case CONF_ENUM:
		return *(const unsigned *)x == *(const unsigned *)y;
	case CONF_SIZE:
	case CONF_DURATION:
		return *(const uint64_t *)x == *(const uint64_t *)y;
	case CONF_LIST:
		return list_equal(x, y);
	}
	abort();
}
