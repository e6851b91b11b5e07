/*
 * The file operations of the store as a table, so that tests can record them, make them fail or slow, and
 * rebuild what a power cut could leave. Everything in src/store that touches a file goes through one of
 * these; SQLite goes through a VFS that is built on the same table (db.h). The functions are those of POSIX
 * and set errno.
 */
#ifndef COID_STORE_IO_H
#define COID_STORE_IO_H

#include "base/rc.h"

#include <dirent.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/types.h>

struct io {
	void *ctx;
	int (*open)(void *ctx, const char *path, int flags, mode_t mode);
	int (*close)(void *ctx, int fd);
	ssize_t (*pread)(void *ctx, int fd, void *p, size_t n, off_t offset);
	ssize_t (*pwrite)(void *ctx, int fd, const void *p, size_t n, off_t offset);
	int (*ftruncate)(void *ctx, int fd, off_t size);
	int (*fdatasync)(void *ctx, int fd);
	int (*fsync)(void *ctx, int fd); /* files and directories */
	int (*syncfs)(void *ctx, int fd);
	int (*rename)(void *ctx, const char *from, const char *to);
	int (*link)(void *ctx, const char *from, const char *to);
	int (*unlink)(void *ctx, const char *path);
	int (*mkdir)(void *ctx, const char *path, mode_t mode);
	int (*rmdir)(void *ctx, const char *path);
	int (*stat)(void *ctx, const char *path, struct stat *st);
	int (*statvfs)(void *ctx, const char *path, struct statvfs *info);
	DIR *(*opendir)(void *ctx, const char *path); /* then readdir and closedir as usual */
};

/* The real file operations. */
extern const struct io io_real;

/*
 * Maps errno to enum rc. ENOSPC and EDQUOT: RC_NOSPACE; EROFS: RC_READONLY; EMFILE, ENFILE, ENOMEM:
 * RC_UNAVAILABLE; ENOENT: RC_NOT_FOUND; all others: RC_IO.
 */
enum rc io_rc(int error);
/*
 * Writes all n bytes, with as many calls of write(2) as it takes; interrupted calls are repeated. False:
 * errno says why.
 */
bool io_write_all(const struct io *io, int fd, const void *p, size_t n, uint64_t offset);
/* Reads up to n bytes, fewer only at the end of the file. -1: errno says why. */
ssize_t io_read_all(const struct io *io, int fd, void *p, size_t n, uint64_t offset);
/* Makes the names in a directory durable. */
bool io_sync_dir(const struct io *io, const char *path);

/*
 * Fault injection in the running daemon from the environment, honoured only when built with COID_TEST_HOOKS
 * (the sanitizer presets): COID_IO_SLOW="<substring of path>:<ms>" delays each write and sync of matching
 * files; COID_IO_FAIL="<op>:<substring>:<errno name>:<nth>" lets the nth such call fail, "<nth>+" that one
 * and all later ones. <op>: open read write truncate sync rename link unlink mkdir. errno names: EIO ENOSPC
 * EROFS EMFILE EDQUOT. COID_IO_FAIL_WHILE="<path>": calls fail, and count, only while that file exists. NULL
 * if neither is set; else one block that the caller frees at the end.
 */
struct io *io_from_environment(void);

#endif
