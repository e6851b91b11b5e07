/*
 * The real file operations, helpers over any table of them, and fault injection for the sanitizer builds.
 */
#include "store/io.h"

#include "base/mem.h"
#include "base/str.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static int real_open(void *ctx, const char *path, int flags, mode_t mode)
{
	(void)ctx;
	return open(path, flags | O_CLOEXEC, mode);
}

static int real_close(void *ctx, int fd)
{
	(void)ctx;
	return close(fd);
}

static ssize_t real_pread(void *ctx, int fd, void *p, size_t n, off_t offset)
{
	(void)ctx;
	return pread(fd, p, n, offset);
}

static ssize_t real_pwrite(void *ctx, int fd, const void *p, size_t n, off_t offset)
{
	(void)ctx;
	return pwrite(fd, p, n, offset);
}

static int real_ftruncate(void *ctx, int fd, off_t size)
{
	(void)ctx;
	return ftruncate(fd, size);
}

static int real_fdatasync(void *ctx, int fd)
{
	(void)ctx;
	return fdatasync(fd);
}

static int real_fsync(void *ctx, int fd)
{
	(void)ctx;
	return fsync(fd);
}

static int real_syncfs(void *ctx, int fd)
{
	(void)ctx;
	return syncfs(fd);
}

static int real_rename(void *ctx, const char *from, const char *to)
{
	(void)ctx;
	return rename(from, to);
}

static int real_link(void *ctx, const char *from, const char *to)
{
	(void)ctx;
	return link(from, to);
}

static int real_unlink(void *ctx, const char *path)
{
	(void)ctx;
	return unlink(path);
}

static int real_mkdir(void *ctx, const char *path, mode_t mode)
{
	(void)ctx;
	return mkdir(path, mode);
}

static int real_rmdir(void *ctx, const char *path)
{
	(void)ctx;
	return rmdir(path);
}

static int real_stat(void *ctx, const char *path, struct stat *st)
{
	(void)ctx;
	return stat(path, st);
}

static int real_statvfs(void *ctx, const char *path, struct statvfs *info)
{
	(void)ctx;
	return statvfs(path, info);
}

static DIR *real_opendir(void *ctx, const char *path)
{
	(void)ctx;
	return opendir(path);
}

const struct io io_real = {
	.open = real_open,
	.close = real_close,
	.pread = real_pread,
	.pwrite = real_pwrite,
	.ftruncate = real_ftruncate,
	.fdatasync = real_fdatasync,
	.fsync = real_fsync,
	.syncfs = real_syncfs,
	.rename = real_rename,
	.link = real_link,
	.unlink = real_unlink,
	.mkdir = real_mkdir,
	.rmdir = real_rmdir,
	.stat = real_stat,
	.statvfs = real_statvfs,
	.opendir = real_opendir,
};

enum rc io_rc(int error)
{
	if (error == ENOSPC || error == EDQUOT)
		return RC_NOSPACE;
	if (error == EROFS)
		return RC_READONLY;
	if (error == EMFILE || error == ENFILE || error == ENOMEM)
		return RC_UNAVAILABLE;
	if (error == ENOENT)
		return RC_NOT_FOUND;
	return RC_IO;
}

bool io_write_all(const struct io *io, int fd, const void *p, size_t n, uint64_t offset)
{
	const char *next = p;
	while (n > 0) {
		ssize_t done = io->pwrite(io->ctx, fd, next, n, (off_t)offset);
		if (done < 0 && errno == EINTR)
			continue;
		if (done == 0)
			errno = ENOSPC;
		if (done <= 0)
			return false;
		next += done;
		n -= (size_t)done;
		offset += (uint64_t)done;
	}
	return true;
}

ssize_t io_read_all(const struct io *io, int fd, void *p, size_t n, uint64_t offset)
{
	char *next = p;
	size_t left = n;
	while (left > 0) {
		ssize_t done = io->pread(io->ctx, fd, next, left, (off_t)offset);
		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0)
			return -1;
		if (done == 0)
			break;
		next += done;
		left -= (size_t)done;
		offset += (uint64_t)done;
	}
	return (ssize_t)(n - left);
}

bool io_sync_dir(const struct io *io, const char *path)
{
	int fd = io->open(io->ctx, path, O_RDONLY | O_DIRECTORY, 0);
	if (fd < 0)
		return false;
	bool ok = io->fsync(io->ctx, fd) == 0;
	int error = errno;
	(void)io->close(io->ctx, fd);
	errno = error;
	return ok;
}

#ifdef COID_TEST_HOOKS

#define HOOK_FIELD_MAX 256

/*
 * The hooks and the table that uses them, in one block. The strings are copied, so that a later setenv does
 * no harm.
 */
struct hooks {
	struct io io;
	char slow_path[HOOK_FIELD_MAX];
	uint64_t slow_ms; /* 0: no delay */
	char fail_op[HOOK_FIELD_MAX];
	char fail_path[HOOK_FIELD_MAX];
	int fail_errno; /* 0: nothing fails */
	uint64_t fail_nth;
	bool fail_on; /* the nth call and all later ones fail */
	char fail_while[HOOK_FIELD_MAX]; /* "": always; else only while this file exists */
	atomic_uint_fast64_t calls;
};

static const struct {
	const char *name;
	int number;
} hook_errors[] = { { "EIO", EIO }, { "ENOSPC", ENOSPC }, { "EROFS", EROFS }, { "EMFILE", EMFILE },
	{ "EDQUOT", EDQUOT } };

static bool hook_fails(struct hooks *hooks, const char *op, const char *path)
{
	if (hooks->fail_errno == 0 || strcmp(hooks->fail_op, op) != 0 || !strstr(path, hooks->fail_path))
		return false;
	if (hooks->fail_while[0] != '\0' && access(hooks->fail_while, F_OK) != 0)
		return false;
	uint64_t nth = atomic_fetch_add(&hooks->calls, 1) + 1;
	if (nth != hooks->fail_nth && !(hooks->fail_on && nth > hooks->fail_nth))
		return false;
	errno = hooks->fail_errno;
	return true;
}

static void hook_delay(struct hooks *hooks, const char *path)
{
	if (hooks->slow_ms == 0 || !strstr(path, hooks->slow_path))
		return;
	struct timespec wait = { (time_t)(hooks->slow_ms / 1000), (long)(hooks->slow_ms % 1000) * 1000000 };
	(void)nanosleep(&wait, NULL);
}

static void hook_fd_path(int fd, char path[PATH_MAX])
{
	char link[64];
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	ssize_t n = readlink(link, path, PATH_MAX - 1);
	path[n < 0 ? 0 : n] = '\0';
}

static bool hook_fd(struct hooks *hooks, const char *op, int fd, bool slow)
{
	char path[PATH_MAX];
	hook_fd_path(fd, path);
	if (slow)
		hook_delay(hooks, path);
	return hook_fails(hooks, op, path);
}

static int hook_open(void *ctx, const char *path, int flags, mode_t mode)
{
	return hook_fails(ctx, "open", path) ? -1 : real_open(NULL, path, flags, mode);
}

static ssize_t hook_pread(void *ctx, int fd, void *p, size_t n, off_t offset)
{
	return hook_fd(ctx, "read", fd, false) ? -1 : real_pread(NULL, fd, p, n, offset);
}

static ssize_t hook_pwrite(void *ctx, int fd, const void *p, size_t n, off_t offset)
{
	return hook_fd(ctx, "write", fd, true) ? -1 : real_pwrite(NULL, fd, p, n, offset);
}

static int hook_ftruncate(void *ctx, int fd, off_t size)
{
	return hook_fd(ctx, "truncate", fd, true) ? -1 : real_ftruncate(NULL, fd, size);
}

static int hook_fdatasync(void *ctx, int fd)
{
	return hook_fd(ctx, "sync", fd, true) ? -1 : real_fdatasync(NULL, fd);
}

static int hook_fsync(void *ctx, int fd)
{
	return hook_fd(ctx, "sync", fd, true) ? -1 : real_fsync(NULL, fd);
}

static int hook_syncfs(void *ctx, int fd)
{
	return hook_fd(ctx, "sync", fd, true) ? -1 : real_syncfs(NULL, fd);
}

static int hook_rename(void *ctx, const char *from, const char *to)
{
	return hook_fails(ctx, "rename", to) ? -1 : real_rename(NULL, from, to);
}

static int hook_link(void *ctx, const char *from, const char *to)
{
	return hook_fails(ctx, "link", to) ? -1 : real_link(NULL, from, to);
}

static int hook_unlink(void *ctx, const char *path)
{
	return hook_fails(ctx, "unlink", path) ? -1 : real_unlink(NULL, path);
}

static int hook_mkdir(void *ctx, const char *path, mode_t mode)
{
	return hook_fails(ctx, "mkdir", path) ? -1 : real_mkdir(NULL, path, mode);
}

/* Takes the field up to the next ':' (or the end) off the front of *text. */
static bool hook_field(const char **text, char field[HOOK_FIELD_MAX])
{
	if (!*text)
		return false;
	size_t n = strcspn(*text, ":");
	if (n >= HOOK_FIELD_MAX)
		return false;
	memcpy(field, *text, n);
	field[n] = '\0';
	*text = (*text)[n] == ':' ? *text + n + 1 : NULL;
	return true;
}

static void hooks_parse_slow(struct hooks *hooks, const char *text)
{
	char ms[HOOK_FIELD_MAX];
	if (!hook_field(&text, hooks->slow_path) || !hook_field(&text, ms) ||
		str_u64(strv_cstr(ms), &hooks->slow_ms) != RC_OK)
		hooks->slow_ms = 0;
}

static void hooks_parse_fail(struct hooks *hooks, const char *text)
{
	char name[HOOK_FIELD_MAX], nth[HOOK_FIELD_MAX];
	if (!hook_field(&text, hooks->fail_op) || !hook_field(&text, hooks->fail_path) ||
		!hook_field(&text, name) || !hook_field(&text, nth))
		return;
	struct strv number = strv_cstr(nth);
	hooks->fail_on = number.n > 0 && number.p[number.n - 1] == '+';
	if (hooks->fail_on)
		number.n--;
	if (str_u64(number, &hooks->fail_nth) != RC_OK)
		return;
	for (size_t i = 0; i < COUNT_OF(hook_errors); i++) {
		if (strcmp(hook_errors[i].name, name) == 0)
			hooks->fail_errno = hook_errors[i].number;
	}
}

struct io *io_from_environment(void)
{
	const char *slow = getenv("COID_IO_SLOW");
	const char *fail = getenv("COID_IO_FAIL");
	const char *gate = getenv("COID_IO_FAIL_WHILE");
	if (!slow && !fail)
		return NULL;
	struct hooks *hooks = mem_zalloc(sizeof(*hooks));
	if (slow)
		hooks_parse_slow(hooks, slow);
	if (fail)
		hooks_parse_fail(hooks, fail);
	if (gate)
		snprintf(hooks->fail_while, sizeof(hooks->fail_while), "%s", gate);
	hooks->io = io_real;
	hooks->io.ctx = hooks;
	hooks->io.open = hook_open;
	hooks->io.pread = hook_pread;
	hooks->io.pwrite = hook_pwrite;
	hooks->io.ftruncate = hook_ftruncate;
	hooks->io.fdatasync = hook_fdatasync;
	hooks->io.fsync = hook_fsync;
	hooks->io.syncfs = hook_syncfs;
	hooks->io.rename = hook_rename;
	hooks->io.link = hook_link;
	hooks->io.unlink = hook_unlink;
	hooks->io.mkdir = hook_mkdir;
	return &hooks->io;
}

#else

struct io *io_from_environment(void)
{
	return NULL;
}

#endif
