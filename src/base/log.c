#include "base/log.h"

#include "base/clock.h"
#include "base/mem.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define LOG_LINE_MAX 2048
#define LOG_VALUE_MAX 256
#define LOG_VALUES 8

struct log {
	int fd; /* borrowed */
	_Atomic bool journal;
	_Atomic int level;
};

static const struct {
	const char *name;
	int priority; /* the number of syslog */
} levels[] = {
	[LOG_LEVEL_ERROR] = { "error", 3 },
	[LOG_LEVEL_WARN] = { "warn", 4 },
	[LOG_LEVEL_INFO] = { "info", 6 },
	[LOG_LEVEL_DEBUG] = { "debug", 7 },
};

/* systemd sets JOURNAL_STREAM to "device:inode" of the stream that it gave us as standard error. */
static bool is_journal(int fd)
{
	const char *stream = getenv("JOURNAL_STREAM");
	struct stat st;
	char own[64];

	if (!stream || fstat(fd, &st) != 0)
		return false;
	snprintf(own, sizeof(own), "%ju:%ju", (uintmax_t)st.st_dev, (uintmax_t)st.st_ino);
	return strcmp(stream, own) == 0;
}

struct log *log_new(int fd, enum log_level level)
{
	struct log *log = mem_zalloc(sizeof(*log));
	log->fd = fd;
	atomic_init(&log->journal, is_journal(fd));
	atomic_init(&log->level, (int)level);
	return log;
}

void log_free(struct log **log)
{
	free(*log);
	*log = NULL;
}

void log_reopened(struct log *log)
{
	atomic_store_explicit(&log->journal, is_journal(log->fd), memory_order_relaxed);
}

void log_set_level(struct log *log, enum log_level level)
{
	if (log)
		atomic_store_explicit(&log->level, (int)level, memory_order_relaxed);
}

enum log_level log_level(const struct log *log)
{
	return log ? (enum log_level)atomic_load_explicit(&log->level, memory_order_relaxed)
		   : LOG_LEVEL_ERROR;
}

static size_t line_prefix(const struct log *log, enum log_level level, char *line, size_t size)
{
	int n;
	if (atomic_load_explicit(&log->journal, memory_order_relaxed)) {
		n = snprintf(line, size, "<%d>", levels[level].priority);
	} else {
		int64_t now = clock_wall_us();
		struct tm tm;
		int64_t seconds = now / 1000000 - (now % 1000000 < 0);
		clock_to_utc(seconds, &tm);
		n = snprintf(line, size, "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ %s ", tm.tm_year + 1900,
			tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec,
			(int)((now - seconds * 1000000) / 1000), levels[level].name);
	}
	return n > 0 ? (size_t)n : 0;
}

static void line_write(int fd, const char *line, size_t n)
{
	ssize_t done;
	do {
		done = write(fd, line, n);
	} while (done < 0 && errno == EINTR);
	/* If the log can't be written, there is nowhere to report that. */
}

static void log_line(struct log *log, enum log_level level, const char *format, va_list args)
	__attribute__((format(printf, 3, 0)));

static void log_line(struct log *log, enum log_level level, const char *format, va_list args)
{
	char line[LOG_LINE_MAX];
	int saved = errno;

	if (!log || level > log_level(log))
		return;
	size_t start = line_prefix(log, level, line, sizeof(line));
	int n = vsnprintf(line + start, sizeof(line) - start - 1, format, args);
	if (n < 0)
		n = 0;
	size_t length = start + (size_t)n;
	if (length > sizeof(line) - 2) {
		length = sizeof(line) - 2;
		/* The line is not NUL-terminated yet. NOLINTNEXTLINE(bugprone-not-null-terminated-result) */
		memcpy(line + length - 3, "...", 3);
	}
	/* A value that a caller forgot to escape still can't start a line or control a terminal. */
	for (size_t i = start; i < length; i++) {
		if ((unsigned char)line[i] < 0x20 || line[i] == 0x7f)
			line[i] = '?';
	}
	line[length++] = '\n';
	line_write(log->fd, line, length);
	errno = saved;
}

void log_error(struct log *log, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	log_line(log, LOG_LEVEL_ERROR, format, args);
	va_end(args);
}

void log_warn(struct log *log, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	log_line(log, LOG_LEVEL_WARN, format, args);
	va_end(args);
}

void log_info(struct log *log, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	log_line(log, LOG_LEVEL_INFO, format, args);
	va_end(args);
}

void log_debug(struct log *log, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	log_line(log, LOG_LEVEL_DEBUG, format, args);
	va_end(args);
}

static bool wants_escape(unsigned char c)
{
	return c < 0x20 || c >= 0x7f || c == '"' || c == '\\';
}

const char *log_escape(struct strv v)
{
	static const char hex[] = "0123456789abcdef";
	static _Thread_local char values[LOG_VALUES][LOG_VALUE_MAX];
	static _Thread_local unsigned turn;
	char *out = values[turn++ % LOG_VALUES];
	size_t at = 0;
	size_t i = 0;
	/* The value is quoted if a blank or an empty text would make the next key=value ambiguous. */
	bool quote = v.n == 0 || memchr(v.p, ' ', v.n) != NULL || memchr(v.p, '=', v.n) != NULL;

	if (quote)
		out[at++] = '"';
	/* The loop leaves room for an escape, the dots, the quote and the NUL. */
	for (; i < v.n && at <= LOG_VALUE_MAX - 9; i++) {
		unsigned char c = (unsigned char)v.p[i];
		if (!wants_escape(c)) {
			out[at++] = (char)c;
			continue;
		}
		out[at++] = '\\';
		out[at++] = 'x';
		out[at++] = hex[c >> 4];
		out[at++] = hex[c & 15];
	}
	if (i < v.n) {
		memcpy(out + at, "...", 3);
		at += 3;
	}
	if (quote)
		out[at++] = '"';
	out[at] = '\0';
	return out;
}
