/*
 * Small files of "key: value" lines with a checksum, read and written as a whole.
 */
#include "store/textfile.h"

#include "base/hash.h"
#include "base/str.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define PATH_ROOM 4096
#define SUM_LINE_ROOM 32
#define SUM_KEY "sum: "
#define SUM_DIGITS 16

uint64_t textfile_sum(struct strv text)
{
	/* The key is not secret: the checksum finds damage, not forgery. */
	static const uint64_t key[2] = { 0x636f69642074786bu, 0x732d6c696e652d31u };
	return hash_bytes_seeded(text.p, text.n, key);
}

static enum rc textfile_fail(struct log *log, const char *what, const char *path)
{
	int error = errno;
	log_error(log, "%s path=%s error=%s", what, path, strerror(error));
	return io_rc(error);
}

static enum rc textfile_fill(
	const struct io *io, struct log *log, const char *path, struct strv text, bool sync)
{
	char line[SUM_LINE_ROOM];
	int n = snprintf(line, sizeof(line), SUM_KEY "%016" PRIx64 "\n", textfile_sum(text));
	if (text.n + (size_t)n > TEXTFILE_MAX)
		return RC_LIMIT;
	int fd = io->open(io->ctx, path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return textfile_fail(log, "file cannot be made", path);
	bool ok = io_write_all(io, fd, text.p, text.n, 0) && io_write_all(io, fd, line, (size_t)n, text.n) &&
		  (!sync || io->fdatasync(io->ctx, fd) == 0);
	enum rc rc = ok ? RC_OK : textfile_fail(log, "file cannot be written", path);
	if (io->close(io->ctx, fd) != 0 && rc == RC_OK)
		rc = textfile_fail(log, "file cannot be written", path);
	return rc;
}

enum rc textfile_write(const struct io *io, struct log *log, const char *path, struct strv text, bool sync)
{
	char temp[PATH_ROOM];
	int n = snprintf(temp, sizeof(temp), "%s.tmp", path);
	if (n < 0 || (size_t)n >= sizeof(temp))
		return RC_INVALID;
	enum rc rc = textfile_fill(io, log, temp, text, sync);
	if (rc == RC_OK && io->rename(io->ctx, temp, path) != 0)
		rc = textfile_fail(log, "file cannot be renamed", temp);
	if (rc != RC_OK)
		io->unlink(io->ctx, temp);
	return rc;
}

/* Takes off the last line if its checksum fits the text before it. */
static bool textfile_checked(struct strv *text)
{
	char line[SUM_LINE_ROOM];
	size_t tail = strlen(SUM_KEY) + SUM_DIGITS + 1;
	if (text->n < tail)
		return false;
	struct strv body = strv_sub(*text, 0, text->n - tail);
	snprintf(line, sizeof(line), SUM_KEY "%016" PRIx64 "\n", textfile_sum(body));
	bool same = strv_eq(strv_sub(*text, body.n, tail), strv_cstr(line));
	*text = body;
	return same;
}

enum rc textfile_read(
	const struct io *io, struct log *log, const char *path, struct arena *arena, struct strv *ret_text)
{
	int fd = io->open(io->ctx, path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW, 0);
	if (fd < 0)
		return errno == ENOENT ? RC_NOT_FOUND : textfile_fail(log, "file cannot be opened", path);
	char *p = arena_alloc(arena, TEXTFILE_MAX + 1);
	ssize_t n = io_read_all(io, fd, p, TEXTFILE_MAX + 1, 0);
	enum rc rc = n < 0 ? textfile_fail(log, "file cannot be read", path) : RC_OK;
	io->close(io->ctx, fd);
	if (rc != RC_OK)
		return rc;
	struct strv text = strv_make(p, (size_t)n);
	if (text.n > TEXTFILE_MAX || !textfile_checked(&text)) {
		log_error(log, "file is damaged path=%s", path);
		return RC_CORRUPT;
	}
	*ret_text = text;
	return RC_OK;
}

enum rc textfile_value(struct strv text, const char *key, struct strv *ret_value)
{
	struct strv name = strv_cstr(key);
	while (text.n > 0) {
		size_t end = strv_index(text, '\n');
		struct strv line = strv_sub(text, 0, end);
		if (line.n > name.n + 1 && strv_starts(line, name) && line.p[name.n] == ':' &&
			line.p[name.n + 1] == ' ') {
			*ret_value = strv_sub(line, name.n + 2, line.n);
			return RC_OK;
		}
		text = strv_sub(text, end + 1, text.n);
	}
	return RC_NOT_FOUND;
}
