/*
 * Reads the values in a text, by means of libconfuse. Each file gets a parser of its own, because only
 * freeing it resets the library's lexer. Included files are read after the file that includes them, because
 * the library's own way of including leaks and keeps its depth after an error. Faults that the library would
 * not notice are found before: stray control characters, and quotes, comments and braces that are never
 * closed.
 */
#include "conf/conf_priv.h"

#include "base/arena.h"
#include "base/mem.h"
#include "base/str.h"

#include <confuse.h>
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MESSAGE_MAX 512
#define HIDDEN " "

struct unknown {
	char section[CONF_UNKNOWN_NAME_MAX + 1];
	char key[CONF_UNKNOWN_NAME_MAX + 1];
};

struct reader {
	void *sink; /* first: libconfuse stores the value of an option here */
	const char *name; /* borrowed: the present file */
	struct buf *errors; /* borrowed */
	struct conf_given *given;
	bool may_include;
	bool stopped_at_unknown; /* the last run ended at unknown[unknown_count - 1] */
	struct unknown unknown[CONF_UNKNOWN_MAX]; /* known to be unknown: skipped by the next run */
	size_t unknown_count;
	char *files[CONF_FILES_MAX + 1]; /* own: to read, in order */
	size_t file_count;
	enum rc rc; /* the worst so far */
};

static void conf_read_failed(struct reader *reader, enum rc rc)
{
	if (reader->rc == RC_OK || rc == RC_IO)
		reader->rc = rc;
}

/* A value as the parser has read it. */
struct seen {
	int line;
	char text[];
};

static int keep_value(cfg_t *cfg, cfg_opt_t *opt, const char *value, void *result)
{
	(void)opt;
	size_t size = strlen(value) + 1;
	struct seen *seen = mem_alloc(sizeof(*seen) + size);
	seen->line = cfg->line;
	memcpy(seen->text, value, size);
	memcpy(result, &seen, sizeof(seen));
	return 0;
}

static int refuse_value(cfg_t *cfg, cfg_opt_t *opt, const char *value, void *result)
{
	(void)value;
	(void)result;
	cfg_error(cfg, "no such option '%s'", opt->name);
	return -1;
}

/*
 * The first option of every section is a hidden one that points to the reader: libconfuse gives its callbacks
 * no other context.
 */
static struct reader *reader_of(cfg_t *cfg)
{
	return (struct reader *)(void *)cfg->opts[0].simple_value.ptr;
}

static cfg_opt_t hidden_option(struct reader *reader)
{
	return (cfg_opt_t){
		.name = HIDDEN,
		.type = CFGT_PTR,
		.flags = CFGF_NODEFAULT,
		.simple_value.ptr = &reader->sink,
		.parsecb = refuse_value,
	};
}

static cfg_opt_t value_option(const char *name, bool list)
{
	return (cfg_opt_t){
		.name = name,
		.type = CFGT_PTR,
		.flags = CFGF_NODEFAULT | (list ? CFGF_LIST : CFGF_NONE),
		.parsecb = keep_value,
		.freecb = free,
	};
}

static bool is_unknown_already(const struct reader *reader, const char *section, const char *key)
{
	for (size_t i = 0; i < reader->unknown_count; i++) {
		if (strcmp(reader->unknown[i].section, section) == 0 &&
			strcmp(reader->unknown[i].key, key) == 0)
			return true;
	}
	return false;
}

static void on_unknown(struct reader *reader, const cfg_t *cfg, const char *key)
{
	bool in_section = strcmp(cfg->name, "root") != 0;
	struct buf shown;

	buf_init(&shown, MESSAGE_MAX);
	str_escape(&shown, strv_cstr(key), CONF_UNKNOWN_NAME_MAX);
	if (in_section)
		buf_printf(reader->errors, "%s:%d: unknown setting %s.%.*s\n", reader->name, cfg->line,
			cfg->name, STRV_ARG(buf_strv(&shown)));
	else
		buf_printf(reader->errors, "%s:%d: unknown section or setting \"%.*s\"\n", reader->name,
			cfg->line, STRV_ARG(buf_strv(&shown)));
	buf_fini(&shown);
	/* The text after an unknown name outside of a section can't be interpreted, so reading ends there. */
	if (!in_section || strcmp(key, HIDDEN) == 0 || strlen(key) > CONF_UNKNOWN_NAME_MAX ||
		reader->unknown_count >= CONF_UNKNOWN_MAX || is_unknown_already(reader, cfg->name, key))
		return;
	struct unknown *unknown = &reader->unknown[reader->unknown_count++];
	snprintf(unknown->section, sizeof(unknown->section), "%s", cfg->name);
	snprintf(unknown->key, sizeof(unknown->key), "%s", key);
	reader->stopped_at_unknown = true;
}

static void on_error(cfg_t *cfg, const char *format, va_list args) __attribute__((format(printf, 2, 0)));

static void on_error(cfg_t *cfg, const char *format, va_list args)
{
	struct reader *reader = reader_of(cfg);
	char text[MESSAGE_MAX];

	conf_read_failed(reader, RC_INVALID);
	if (strcmp(format, "no such option '%s'") == 0) {
		on_unknown(reader, cfg, va_arg(args, const char *));
		return;
	}
	vsnprintf(text, sizeof(text), format, args);
	for (char *p = text; *p; p++) {
		if ((unsigned char)*p < 0x20)
			*p = '?';
	}
	buf_printf(reader->errors, "%s:%d: %s\n", reader->name, cfg->line, text);
}

/* The options of one section: its rows, then the unknown names that were found in it. */
static cfg_opt_t *section_options(struct reader *reader, struct arena *arena, const char *section)
{
	size_t n = 0;
	cfg_opt_t *opts = arena_zalloc(arena, (conf_table_rows + reader->unknown_count + 2) * sizeof(*opts));

	opts[n++] = hidden_option(reader);
	for (size_t i = 0; i < conf_table_rows; i++) {
		if (strcmp(conf_table[i].section, section) == 0)
			opts[n++] = value_option(conf_table[i].key, conf_table[i].type == CONF_LIST);
	}
	for (size_t i = 0; i < reader->unknown_count; i++) {
		if (strcmp(reader->unknown[i].section, section) == 0)
			opts[n++] = value_option(reader->unknown[i].key, true);
	}
	/* The array ends with a zeroed option. */
	return opts;
}

static cfg_opt_t *all_options(struct reader *reader, struct arena *arena)
{
	size_t n = 0;
	cfg_opt_t *opts = arena_zalloc(arena, (conf_table_rows + 3) * sizeof(*opts));

	opts[n++] = hidden_option(reader);
	opts[n++] = value_option("include", true);
	for (size_t i = 0; i < conf_table_rows; i++) {
		const char *section = conf_table[i].section;
		if (i > 0 && strcmp(conf_table[i - 1].section, section) == 0)
			continue;
		opts[n++] = (cfg_opt_t){
			.name = section,
			.type = CFGT_SEC,
			.subopts = section_options(reader, arena, section),
		};
	}
	return opts;
}

static const struct seen *conf_read_value_of(const cfg_opt_t *opt, unsigned i)
{
	return opt->values[i]->ptr;
}

static void take_setting(struct reader *reader, const cfg_opt_t *opt, const struct conf_row *row)
{
	struct buf text, where;

	/*
	 * The '=' sets the flag, so that an empty list is noticed as well. A single value may be missing
	 * after it.
	 */
	if (!(opt->flags & CFGF_MODIFIED) || (opt->nvalues == 0 && row->type != CONF_LIST))
		return;
	buf_init(&text, CONF_FILE_MAX);
	buf_init(&where, CONF_VALUE_MAX);
	for (unsigned i = 0; i < opt->nvalues; i++) {
		if (i > 0)
			buf_addc(&text, ',');
		buf_adds(&text, conf_read_value_of(opt, i)->text);
	}
	buf_adds(&where, reader->name);
	if (opt->nvalues > 0)
		buf_printf(&where, ":%d", conf_read_value_of(opt, 0)->line);
	buf_addc(&where, '\0');
	if (buf_ok(&text) && buf_ok(&where))
		conf_give(reader->given, row, buf_strv(&text), where.p);
	buf_fini(&text);
	buf_fini(&where);
}

static void add_file(struct reader *reader, int line, const char *path)
{
	for (size_t i = 0; i < reader->file_count; i++) {
		if (strcmp(reader->files[i], path) == 0)
			return;
	}
	if (reader->file_count > CONF_FILES_MAX) {
		buf_printf(reader->errors, "%s:%d: more than %d included files\n", reader->name, line,
			CONF_FILES_MAX);
		conf_read_failed(reader, RC_INVALID);
		return;
	}
	reader->files[reader->file_count++] = mem_strdup(path);
}

/* Takes a pattern or a name, relative to the folder of the including file. */
static void take_include(struct reader *reader, const struct seen *seen)
{
	struct buf pattern;
	glob_t found = { 0 };
	const char *slash = strrchr(reader->name, '/');

	if (!reader->may_include || seen->text[0] == '\0') {
		buf_printf(reader->errors, "%s:%d: include: %s\n", reader->name, seen->line,
			reader->may_include ? "must not be empty" : "is not possible here");
		conf_read_failed(reader, RC_INVALID);
		return;
	}
	buf_init(&pattern, CONF_VALUE_MAX);
	if (seen->text[0] != '/' && slash)
		buf_add(&pattern, reader->name, (size_t)(slash - reader->name) + 1);
	buf_adds(&pattern, seen->text);
	buf_addc(&pattern, '\0');
	if (!buf_ok(&pattern)) {
		buf_printf(reader->errors, "%s:%d: include: is too long\n", reader->name, seen->line);
		conf_read_failed(reader, RC_INVALID);
	} else if (glob(pattern.p, GLOB_NOMAGIC, NULL, &found) == 0) {
		/*
		 * glob returns a plain name even if there is no such file; reading it reports the error then.
		 */
		for (size_t i = 0; i < found.gl_pathc; i++)
			add_file(reader, seen->line, found.gl_pathv[i]);
	}
	globfree(&found);
	buf_fini(&pattern);
}

static void take_all(struct reader *reader, cfg_t *cfg)
{
	for (size_t i = 0; i < conf_table_rows; i++) {
		cfg_t *section = cfg_getsec(cfg, conf_table[i].section);
		const cfg_opt_t *opt = cfg_getopt(section, conf_table[i].key);
		take_setting(reader, opt, &conf_table[i]);
	}
	const cfg_opt_t *include = cfg_getopt(cfg, "include");
	for (unsigned i = 0; i < include->nvalues; i++)
		take_include(reader, conf_read_value_of(include, i));
}

/* Parses the text once. Values before an error are taken, so that they are checked, too. */
static void parse_once(struct reader *reader, struct strv text)
{
	struct arena *arena = arena_new(0);
	cfg_t *cfg = cfg_init(all_options(reader, arena), CFGF_NONE);
	FILE *file = fmemopen(mem_unconst(text.p), text.n, "r");

	reader->stopped_at_unknown = false;
	if (!cfg || !file) {
		buf_printf(reader->errors, "%s: %s\n", reader->name, strerror(errno));
		conf_read_failed(reader, RC_IO);
	} else {
		cfg_set_error_function(cfg, on_error);
		for (size_t i = 0; cfg->opts[i].name; i++) {
			/* cfg_init has made the sections before the function was set. */
			if (cfg->opts[i].type == CFGT_SEC)
				cfg_set_error_function(cfg_opt_getnsec(&cfg->opts[i], 0), on_error);
		}
		if (cfg_parse_fp(cfg, file) != CFG_SUCCESS && reader->rc == RC_OK) {
			buf_printf(reader->errors, "%s:%d: syntax error\n", reader->name, cfg->line);
			conf_read_failed(reader, RC_INVALID);
		}
		if (!reader->stopped_at_unknown)
			take_all(reader, cfg);
	}
	if (file)
		fclose(file);
	if (cfg)
		cfg_free(cfg);
	arena_free(&arena);
}

static size_t line_of(struct strv text, size_t at)
{
	size_t line = 1;
	for (size_t i = 0; i < at; i++)
		line += text.p[i] == '\n';
	return line;
}

/* The end of the quoted string or comment that begins at `at`; SIZE_MAX: it is never closed. */
static size_t end_of(struct strv text, size_t at)
{
	char c = text.p[at];
	size_t i = at + 1;

	if (c == '"' || c == '\'') {
		while (i < text.n && text.p[i] != c)
			i += text.p[i] == '\\' ? 2 : 1;
		return i < text.n ? i + 1 : SIZE_MAX;
	}
	if (c == '#' || text.p[i] == '/')
		return i + strv_index(strv_sub(text, i, text.n), '\n');
	for (i = at + 2; i + 1 < text.n; i++) {
		if (text.p[i] == '*' && text.p[i + 1] == '/')
			return i + 2;
	}
	return SIZE_MAX;
}

static bool begins_something(struct strv text, size_t at)
{
	char c = text.p[at];
	if (c == '"' || c == '\'' || c == '#')
		return true;
	return c == '/' && at + 1 < text.n && (text.p[at + 1] == '/' || text.p[at + 1] == '*');
}

static bool complain_at(struct reader *reader, struct strv text, size_t at, const char *message)
{
	buf_printf(reader->errors, "%s:%zu: %s\n", reader->name, line_of(text, at), message);
	conf_read_failed(reader, RC_INVALID);
	return false;
}

/* Finds bytes that the library would accept silently. */
static bool conf_read_check_bytes(struct reader *reader, struct strv text)
{
	for (size_t i = 0; i < text.n; i++) {
		unsigned char c = (unsigned char)text.p[i];
		if ((c < 0x20 && c != '\t' && c != '\n' && c != '\r') || c == 0x7f)
			return complain_at(reader, text, i, "control character");
	}
	if (!str_utf8_valid(text))
		return complain_at(reader, text, 0, "the file is not UTF-8");
	return true;
}

static void conf_read_blank(char *text, size_t from, size_t to)
{
	for (size_t i = from; i < to; i++) {
		if (text[i] != '\n')
			text[i] = ' ';
	}
}

/*
 * Finds what is never closed, and removes comments: the library miscounts lines in them and does not allow
 * them within lists. `copy` has the same bytes as `text`.
 */
static bool strip_comments(struct reader *reader, struct strv text, char *copy)
{
	size_t depth = 0;
	size_t opened = 0; /* where the outermost brace is */

	for (size_t i = 0; i < text.n;) {
		if (!begins_something(text, i)) {
			if (text.p[i] == '{' && depth++ == 0)
				opened = i;
			else if (text.p[i] == '}' && depth > 0)
				depth--;
			i++;
			continue;
		}
		bool string = text.p[i] == '"' || text.p[i] == '\'';
		size_t end = end_of(text, i);
		if (end == SIZE_MAX)
			return complain_at(
				reader, text, i, string ? "string without end" : "comment without end");
		if (!string)
			conf_read_blank(copy, i, end);
		i = end;
	}
	if (depth > 0)
		return complain_at(reader, text, opened, "'{' without '}'");
	return true;
}

static void conf_read_parse_text(struct reader *reader, struct strv text)
{
	reader->unknown_count = 0;
	if (text.n == 0 || !conf_read_check_bytes(reader, text))
		return;
	char *copy = mem_strndup(text.p, text.n);
	if (strip_comments(reader, text, copy)) {
		do {
			parse_once(reader, strv_make(copy, text.n));
		} while (reader->stopped_at_unknown);
	}
	free(copy);
}

/* Reads the whole file, at most CONF_FILE_MAX bytes. */
static enum rc conf_read_slurp(const char *path, struct buf *text, struct buf *errors)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct stat st;
	ssize_t got = -1;

	if (fd < 0 || fstat(fd, &st) != 0) {
		buf_printf(errors, "%s: %s\n", path, strerror(errno));
		if (fd >= 0)
			close(fd);
		return RC_IO;
	}
	if (!S_ISREG(st.st_mode)) {
		buf_printf(errors, "%s: not a regular file\n", path);
		close(fd);
		return RC_IO;
	}
	do {
		char *room = buf_reserve(text, 4096);
		if (!room)
			break;
		got = read(fd, room, 4096);
		if (got > 0)
			buf_commit(text, (size_t)got);
	} while (got > 0);
	int error = errno;
	close(fd);
	if (got < 0 && buf_ok(text)) {
		buf_printf(errors, "%s: %s\n", path, strerror(error));
		return RC_IO;
	}
	if (text->len > CONF_FILE_MAX || !buf_ok(text)) {
		buf_printf(errors, "%s: larger than %zu bytes\n", path, CONF_FILE_MAX);
		return RC_INVALID;
	}
	return RC_OK;
}

static void read_file(struct reader *reader, const char *path)
{
	struct buf text;

	buf_init(&text, CONF_FILE_MAX + 8192);
	reader->name = path;
	enum rc rc = conf_read_slurp(path, &text, reader->errors);
	if (rc == RC_OK)
		conf_read_parse_text(reader, buf_strv(&text));
	else
		conf_read_failed(reader, rc);
	buf_fini(&text);
}

enum rc conf_read_files(const char *path, struct conf_given *given, struct buf *errors)
{
	struct reader reader = { .errors = errors, .given = given, .may_include = true };

	add_file(&reader, 0, path);
	for (size_t i = 0; i < reader.file_count; i++)
		read_file(&reader, reader.files[i]);
	for (size_t i = 0; i < reader.file_count; i++)
		free(reader.files[i]);
	return reader.rc;
}

enum rc conf_read_text(const char *name, struct strv text, struct conf_given *given, struct buf *errors)
{
	struct reader reader = { .name = name, .errors = errors, .given = given };

	if (text.n > CONF_FILE_MAX) {
		buf_printf(errors, "%s: larger than %zu bytes\n", name, CONF_FILE_MAX);
		return RC_INVALID;
	}
	conf_read_parse_text(&reader, text);
	return reader.rc;
}
