#include "conf/conf.h"

#include "base/mem.h"
#include "conf/conf_priv.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define WHY_MAX 1024

void conf_give(struct conf_given *given, const struct conf_row *row, struct strv text, const char *where)
{
	struct conf_given *slot = &given[row - conf_table];
	free(slot->text);
	free(slot->where);
	slot->text = mem_strndup(text.p, text.n);
	slot->where = mem_strdup(where);
}

void conf_complain(struct buf *errors, const struct conf_given *given, const struct conf_row *row,
	const char *format, ...)
{
	const char *where = given[row - conf_table].where;
	char text[WHY_MAX];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	if (where && strcmp(where, "-o") == 0)
		buf_printf(errors, "-o %s.%s: %s\n", row->section, row->key, text);
	else if (where)
		buf_printf(errors, "%s: %s.%s: %s\n", where, row->section, row->key, text);
	else
		buf_printf(errors, "%s.%s: %s\n", row->section, row->key, text);
}

static enum rc take_override(const char *text, struct conf_given *given, struct buf *errors)
{
	struct strv all = strv_cstr(text);
	size_t equal = strv_index(all, '=');
	struct strv name = strv_trim(strv_sub(all, 0, equal));
	size_t dot = strv_index(name, '.');

	if (equal == all.n || dot == name.n) {
		buf_printf(errors, "-o %.*s: is not section.key=value\n", STRV_ARG(strv_sub(all, 0, 100)));
		return RC_INVALID;
	}
	const struct conf_row *row = conf_row_find(strv_sub(name, 0, dot), strv_sub(name, dot + 1, name.n));
	if (!row) {
		buf_printf(errors, "-o %.*s: unknown setting\n", STRV_ARG(strv_sub(name, 0, 100)));
		return RC_INVALID;
	}
	conf_give(given, row, strv_trim(strv_sub(all, equal + 1, all.n)), "-o");
	return RC_OK;
}

/* Sets every field from the given value or its default. */
static enum rc conf_fill(struct conf *conf, const struct conf_given *given, struct buf *errors)
{
	enum rc rc = RC_OK;

	for (size_t i = 0; i < conf_table_rows; i++) {
		const struct conf_row *row = &conf_table[i];
		const char *text = given[i].text ? given[i].text : row->text;
		struct buf why;
		buf_init(&why, WHY_MAX);
		if (!conf_value_set(conf, row, strv_cstr(text), &why)) {
			conf_complain(errors, given, row, "%.*s", STRV_ARG(buf_strv(&why)));
			rc = RC_INVALID;
		}
		buf_fini(&why);
	}
	return rc;
}

/* Sets names that default to one another or to the system's. */
static void fill_names(struct conf *conf)
{
	char name[HOST_NAME_MAX + 1];

	if (conf->server.hostname[0] == '\0') {
		if (gethostname(name, sizeof(name)) != 0)
			name[0] = '\0';
		name[sizeof(name) - 1] = '\0';
		free(conf->server.hostname);
		conf->server.hostname = mem_strdup(name[0] ? name : "localhost");
	}
	if (conf->lmtp.hostname[0] == '\0') {
		free(conf->lmtp.hostname);
		conf->lmtp.hostname = mem_strdup(conf->server.hostname);
	}
}

static void complain_about(struct buf *errors, const struct conf_given *given, const char *section,
	const char *key, const char *message)
{
	conf_complain(errors, given, conf_row_find(strv_cstr(section), strv_cstr(key)), "%s", message);
}

static enum rc check_mailboxes(
	const struct conf_list *list, const struct conf_given *given, struct buf *errors)
{
	for (size_t i = 0; i < list->n; i++) {
		struct strv name = STRV_NULL, use = STRV_NULL;
		conf_mailbox_split(strv_cstr(list->v[i]), &name, &use);
		for (size_t j = 0; j < i; j++) {
			struct strv other_name = STRV_NULL, other_use = STRV_NULL;
			conf_mailbox_split(strv_cstr(list->v[j]), &other_name, &other_use);
			if (!strv_eq(name, other_name) && !strv_ieq(use, other_use))
				continue;
			complain_about(errors, given, "store", "default_mailboxes",
				"gives a name or a special use twice");
			return RC_INVALID;
		}
	}
	return RC_OK;
}

/* Checks rules that concern several settings. */
static enum rc check_whole(const struct conf *conf, const struct conf_given *given, struct buf *errors)
{
	enum rc rc = check_mailboxes(&conf->store.default_mailboxes, given, errors);
	bool cert = conf->tls.cert[0] != '\0';
	bool key = conf->tls.key[0] != '\0';

	if (cert != key) {
		complain_about(errors, given, "tls", key ? "cert" : "key",
			"is empty: set both tls.cert and tls.key, or none");
		rc = RC_INVALID;
	}
	if (!cert && conf->imap.listen_tls.n > 0) {
		complain_about(errors, given, "imap", "listen_tls", "must be empty without tls.cert");
		rc = RC_INVALID;
	}
	if (conf->store.inline_max > conf->store.inline_total_max) {
		complain_about(errors, given, "store", "inline_max", "is above store.inline_total_max");
		rc = RC_INVALID;
	}
	if (conf->imap.line_max_before_login > conf->imap.line_max) {
		complain_about(errors, given, "imap", "line_max_before_login", "is above imap.line_max");
		rc = RC_INVALID;
	}
	if (conf->imap.literal_max_before_login > conf->imap.literal_max) {
		complain_about(
			errors, given, "imap", "literal_max_before_login", "is above imap.literal_max");
		rc = RC_INVALID;
	}
	return rc;
}

/*
 * Makes the struct from the values of the files (read with `rc`). Goes on after errors, so that all are
 * reported.
 */
static enum rc conf_finish(struct conf_given *given, enum rc rc, const char *const *overrides,
	size_t override_count, struct buf *errors, struct conf **ret_conf)
{
	struct conf *conf = mem_zalloc(sizeof(*conf));

	for (size_t i = 0; i < override_count; i++) {
		if (take_override(overrides[i], given, errors) != RC_OK && rc == RC_OK)
			rc = RC_INVALID;
	}
	if (conf_fill(conf, given, errors) != RC_OK) {
		rc = rc == RC_OK ? RC_INVALID : rc;
	} else {
		fill_names(conf);
		if (check_whole(conf, given, errors) != RC_OK && rc == RC_OK)
			rc = RC_INVALID;
	}
	for (size_t i = 0; i < conf_table_rows; i++) {
		free(given[i].text);
		free(given[i].where);
	}
	free(given);
	if (rc == RC_OK)
		*ret_conf = conf;
	else
		conf_free(&conf);
	return rc;
}

const char *conf_path(const char *given)
{
	if (given)
		return given;
	/* A file that exists but can't be read is an error, which the reader reports. */
	return access(COID_CONFIG, F_OK) == 0 || errno != ENOENT ? COID_CONFIG : NULL;
}

enum rc conf_load(const char *path, const char *const *overrides, size_t override_count, struct buf *errors,
	struct conf **ret_conf)
{
	struct conf_given *given = mem_zalloc(conf_table_rows * sizeof(*given));
	enum rc rc = path ? conf_read_files(path, given, errors) : RC_OK;
	return conf_finish(given, rc, overrides, override_count, errors, ret_conf);
}

enum rc conf_load_text(const char *name, struct strv text, const char *const *overrides,
	size_t override_count, struct buf *errors, struct conf **ret_conf)
{
	struct conf_given *given = mem_zalloc(conf_table_rows * sizeof(*given));
	enum rc rc = conf_read_text(name, text, given, errors);
	return conf_finish(given, rc, overrides, override_count, errors, ret_conf);
}

void conf_free(struct conf **conf)
{
	if (!*conf)
		return;
	for (size_t i = 0; i < conf_table_rows; i++)
		conf_value_free(*conf, &conf_table[i]);
	free(*conf);
	*conf = NULL;
}

bool conf_reloadable(const struct conf *old, const struct conf *new, struct buf *out)
{
	bool reloadable = true;

	for (size_t i = 0; i < conf_table_rows; i++) {
		const struct conf_row *row = &conf_table[i];
		if (!(row->flags & CONF_RESTART) || conf_value_equal(old, new, row))
			continue;
		buf_printf(out, "%s%s.%s", reloadable ? "" : " ", row->section, row->key);
		reloadable = false;
	}
	return reloadable;
}
