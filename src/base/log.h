/*
 * Log lines: a level, a constant message and key=value pairs, one line each, to standard error (with
 * journald's <N> priority prefix when that is a journal stream) or to a file. Values from outside are
 * escaped. Any thread; a line is one write(2). A struct log is owned by the server and outlives all its
 * users.
 */
#ifndef COID_BASE_LOG_H
#define COID_BASE_LOG_H

#include "base/strv.h"

#include <stdarg.h>

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARN, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

struct log;

/* fd is borrowed (2: standard error). */
struct log *log_new(int fd, enum log_level level);
void log_free(struct log **log);
/* Tells the log that another file is behind the same descriptor. */
void log_reopened(struct log *log);
void log_set_level(struct log *log, enum log_level level);
enum log_level log_level(const struct log *log);

/*
 * The format is printf's; by convention "what happened key=%s key=%d". Use LOG_V for a strv from outside:
 *   log_warn(log, "login failed user=%s rip=%s", LOG_V(name), peer);
 * LOG_V escapes into one of 8 rotating thread-local buffers of 256 bytes, cuts with "...", and puts quotes
 * around what is empty or holds blanks or '='. A line is cut at 2 KiB; control characters left in it become
 * '?'. A NULL log is silent.
 */
void log_error(struct log *log, const char *format, ...) __attribute__((format(printf, 2, 3)));
void log_warn(struct log *log, const char *format, ...) __attribute__((format(printf, 2, 3)));
void log_info(struct log *log, const char *format, ...) __attribute__((format(printf, 2, 3)));
void log_debug(struct log *log, const char *format, ...) __attribute__((format(printf, 2, 3)));
const char *log_escape(struct strv v);
#define LOG_V(v) log_escape(v)

#endif
