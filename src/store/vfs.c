/*
 * A small VFS of our own rather than a shim over SQLite's: no inode list to search at each open, and every
 * operation on a file is one call of the io table.
 *
 * Locks: the first lock that SQLite asks for takes all of SQLite's lock bytes of the database file as one
 * open file description lock, and keeps it until unlocked. That is what locking_mode=EXCLUSIVE comes to, and
 * it keeps the sqlite3 shell of an impatient administrator out.
 *
 * On a file system that has turned read-only files are opened for reading, and SQLite, which is not told,
 * gets an error for each write. It needs none to read: what the WAL holds is found again in memory. A WAL
 * that is missing is an empty one.
 */
#include "store/vfs.h"

#include "base/clock.h"
#include "base/mem.h"
#include "base/rand.h"
#include "store/db_format.h"
#include "store/wal.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sqlite3.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* The lock bytes of the file format: the pending byte, the reserved byte, 510 shared bytes. */
#define LOCK_START 0x40000000
#define LOCK_LENGTH 512
#define VFS_SECTOR 4096
#define VFS_WAL_HEADER 32
#define WAL_INDEX_VERSION 3007000

struct vfs {
	sqlite3_vfs base;
	const struct io *io; /* borrowed */
	char name[32];
	bool (*on_full)(void *ctx); /* NULL: nothing can be done */
	void *on_full_ctx;
};

struct vfs_file {
	sqlite3_file base;
	const struct io *io; /* borrowed */
	const struct vfs *vfs; /* borrowed */
	char *path; /* own */
	int fd; /* -1: an empty file that could not be made */
	bool read_only; /* the file system takes no writes */
	int lock; /* SQLITE_LOCK_* */
	int error; /* errno of the last failure */
	bool created; /* the first sync also syncs the directory */
	bool delete_later; /* SQLITE_OPEN_DELETEONCLOSE */
	bool persist_wal;
	bool emptied; /* truncated to nothing, and not synced yet */
	bool blank; /* nothing but a header has been written since it was empty on disk */
	/* The WAL index, own: used if the connection leaves the lock on the database to the VFS (db_spare.c).
	 */
	void **index;
	unsigned index_count;
};

static int vfs_sync_parent(const struct io *io, const char *path)
{
	char dir[PATH_MAX];
	const char *slash = strrchr(path, '/');
	size_t n = slash ? (size_t)(slash - path) : 0;
	if (n >= sizeof(dir))
		return SQLITE_IOERR_DIR_FSYNC;
	memcpy(dir, path, n);
	dir[n] = '\0';
	return io_sync_dir(io, n ? dir : ".") ? SQLITE_OK : SQLITE_IOERR_DIR_FSYNC;
}

static int vfs_file_fail(struct vfs_file *file, int code)
{
	file->error = errno;
	if (errno == ENOSPC || errno == EDQUOT)
		return SQLITE_FULL;
	return errno == EROFS ? SQLITE_READONLY : code;
}

static int file_close(sqlite3_file *base)
{
	struct vfs_file *file = (struct vfs_file *)base;
	if (file->fd >= 0)
		(void)file->io->close(file->io->ctx, file->fd);
	if (file->delete_later)
		(void)file->io->unlink(file->io->ctx, file->path);
	for (unsigned i = 0; i < file->index_count; i++)
		free(file->index[i]);
	free(file->index);
	free(file->path);
	file->path = NULL;
	file->fd = -1;
	return SQLITE_OK;
}

static int file_read(sqlite3_file *base, void *p, int n, sqlite3_int64 offset)
{
	struct vfs_file *file = (struct vfs_file *)base;
	ssize_t got = file->fd < 0 ? 0 : io_read_all(file->io, file->fd, p, (size_t)n, (uint64_t)offset);
	if (got < 0) {
		file->error = errno;
		return SQLITE_IOERR_READ;
	}
	if (got == n)
		return SQLITE_OK;
	memset((char *)p + got, 0, (size_t)(n - got));
	return SQLITE_IOERR_SHORT_READ;
}

/*
 * Called after a write has failed: tells whether room was found, so that the write can be tried again. Leaves
 * errno unchanged otherwise.
 */
static bool file_found_room(const struct vfs_file *file)
{
	int error = errno;
	const struct vfs *vfs = file->vfs;
	bool found = (error == ENOSPC || error == EDQUOT) && vfs->on_full && vfs->on_full(vfs->on_full_ctx);
	errno = error;
	return found;
}

static int vfs_file_write(sqlite3_file *base, const void *p, int n, sqlite3_int64 offset)
{
	struct vfs_file *file = (struct vfs_file *)base;
	if (file->read_only) {
		errno = EROFS;
		return vfs_file_fail(file, SQLITE_IOERR_WRITE);
	}
	if (offset != 0 || n != VFS_WAL_HEADER)
		file->blank = false;
	file->emptied = false;
	if (io_write_all(file->io, file->fd, p, (size_t)n, (uint64_t)offset))
		return SQLITE_OK;
	if (file_found_room(file) && io_write_all(file->io, file->fd, p, (size_t)n, (uint64_t)offset))
		return SQLITE_OK;
	return vfs_file_fail(file, SQLITE_IOERR_WRITE);
}

static int file_truncate(sqlite3_file *base, sqlite3_int64 size)
{
	struct vfs_file *file = (struct vfs_file *)base;
	if (file->read_only) {
		errno = EROFS;
		return vfs_file_fail(file, SQLITE_IOERR_TRUNCATE);
	}
	file->blank = false;
	if (file->io->ftruncate(file->io->ctx, file->fd, (off_t)size) == 0) {
		file->emptied = size == 0;
		return SQLITE_OK;
	}
	return vfs_file_fail(file, SQLITE_IOERR_TRUNCATE);
}

static int file_sync(sqlite3_file *base, int flags)
{
	struct vfs_file *file = (struct vfs_file *)base;
	(void)flags;
	if (file->fd < 0)
		return SQLITE_OK;
	/*
	 * SQLite syncs the header of a WAL before its frames, so that the frames are not taken for those of
	 * an older WAL in the same file. If the file was empty on disk there is no older WAL.
	 */
	if (file->blank && !file->created)
		return SQLITE_OK;
	if (file->io->fdatasync(file->io->ctx, file->fd) != 0) {
		/*
		 * This is never SQLITE_FULL, which would mean that nothing has been written
		 * (db_commit_uncertain).
		 */
		file->error = errno;
		return SQLITE_IOERR_FSYNC;
	}
	file->blank = file->emptied;
	file->emptied = false;
	if (!file->created)
		return SQLITE_OK;
	int code = vfs_sync_parent(file->io, file->path);
	if (code == SQLITE_OK)
		file->created = false;
	return code;
}

static int file_size(sqlite3_file *base, sqlite3_int64 *ret_size)
{
	struct vfs_file *file = (struct vfs_file *)base;
	struct stat st;
	if (file->fd < 0) {
		*ret_size = 0;
		return SQLITE_OK;
	}
	if (fstat(file->fd, &st) != 0) {
		file->error = errno;
		return SQLITE_IOERR_FSTAT;
	}
	*ret_size = st.st_size;
	return SQLITE_OK;
}

static int file_set_lock(struct vfs_file *file, short type)
{
	struct flock lock = { .l_type = type == F_WRLCK && file->read_only ? F_RDLCK : type,
		.l_whence = SEEK_SET,
		.l_start = LOCK_START,
		.l_len = LOCK_LENGTH };
	if (fcntl(file->fd, F_OFD_SETLK, &lock) == 0)
		return SQLITE_OK;
	file->error = errno;
	return errno == EAGAIN || errno == EACCES ? SQLITE_BUSY : SQLITE_IOERR_LOCK;
}

static int file_lock(sqlite3_file *base, int level)
{
	struct vfs_file *file = (struct vfs_file *)base;
	if (file->lock >= level)
		return SQLITE_OK;
	if (file->lock == SQLITE_LOCK_NONE) {
		int code = file_set_lock(file, F_WRLCK);
		if (code != SQLITE_OK)
			return code;
	}
	file->lock = level;
	return SQLITE_OK;
}

static int file_unlock(sqlite3_file *base, int level)
{
	struct vfs_file *file = (struct vfs_file *)base;
	if (file->lock <= level)
		return SQLITE_OK;
	file->lock = level;
	return level == SQLITE_LOCK_NONE ? file_set_lock(file, F_UNLCK) : SQLITE_OK;
}

/* No other process can hold a lock: the first lock is exclusive. */
static int file_reserved(sqlite3_file *base, int *ret_reserved)
{
	*ret_reserved = ((struct vfs_file *)base)->lock >= SQLITE_LOCK_RESERVED;
	return SQLITE_OK;
}

static int file_control(sqlite3_file *base, int op, void *arg)
{
	struct vfs_file *file = (struct vfs_file *)base;
	if (op == SQLITE_FCNTL_LOCKSTATE) {
		*(int *)arg = file->lock;
		return SQLITE_OK;
	}
	if (op == SQLITE_FCNTL_LAST_ERRNO) {
		*(int *)arg = file->error;
		return SQLITE_OK;
	}
	if (op == VFS_FCNTL_READ_ONLY) {
		*(int *)arg = file->read_only;
		return SQLITE_OK;
	}
	if (op == SQLITE_FCNTL_PERSIST_WAL) {
		int *on = arg;
		if (*on >= 0)
			file->persist_wal = *on != 0;
		*on = file->persist_wal;
		return SQLITE_OK;
	}
	return SQLITE_NOTFOUND;
}

static int file_sector(sqlite3_file *base)
{
	(void)base;
	return VFS_SECTOR;
}

static int file_characteristics(sqlite3_file *base)
{
	(void)base;
	return SQLITE_IOCAP_POWERSAFE_OVERWRITE;
}

/*
 * The WAL index. With locking_mode=EXCLUSIVE SQLite keeps it in memory of its own; a connection that is used
 * for one account after the other (db_spare.c) keeps it here. The lock on the database file excludes other
 * processes, and one connection excludes nobody.
 */

static int file_index_map(sqlite3_file *base, int i, int size, int extend, void volatile **ret_piece)
{
	struct vfs_file *file = (struct vfs_file *)base;
	unsigned at = (unsigned)i;
	/* SQLite keeps pointers to the pieces: they never move. */
	while (extend && at >= file->index_count) {
		file->index = mem_realloc(file->index, file->index_count + 1, sizeof(*file->index));
		file->index[file->index_count++] = mem_zalloc((size_t)size);
	}
	*ret_piece = at < file->index_count ? file->index[at] : NULL;
	return SQLITE_OK;
}

static int file_index_lock(sqlite3_file *base, int offset, int n, int flags)
{
	(void)base;
	(void)offset;
	(void)n;
	(void)flags;
	return SQLITE_OK;
}

static void file_index_barrier(sqlite3_file *base)
{
	(void)base;
}

/* The memory is needed as long as the file: SQLite has pointers to it. */
static int file_index_unmap(sqlite3_file *base, int remove)
{
	(void)base;
	(void)remove;
	return SQLITE_OK;
}

/* No mapping of the file. */
static const sqlite3_io_methods file_methods = {
	.iVersion = 2,
	.xClose = file_close,
	.xRead = file_read,
	.xWrite = vfs_file_write,
	.xTruncate = file_truncate,
	.xSync = file_sync,
	.xFileSize = file_size,
	.xLock = file_lock,
	.xUnlock = file_unlock,
	.xCheckReservedLock = file_reserved,
	.xFileControl = file_control,
	.xSectorSize = file_sector,
	.xDeviceCharacteristics = file_characteristics,
	.xShmMap = file_index_map,
	.xShmLock = file_index_lock,
	.xShmBarrier = file_index_barrier,
	.xShmUnmap = file_index_unmap,
};

static int vfs_open_fd(struct vfs_file *file, const char *path, int flags)
{
	const struct io *io = file->io;
	int mode = flags & SQLITE_OPEN_READWRITE ? O_RDWR : O_RDONLY;
	file->fd = io->open(io->ctx, path, mode | O_NOFOLLOW, 0);
	if (file->fd < 0 && errno == ENOENT && (flags & SQLITE_OPEN_CREATE)) {
		file->fd = io->open(io->ctx, path, mode | O_CREAT | O_NOFOLLOW, 0600);
		file->created = true;
		if (file->fd < 0 && errno == EROFS && (flags & SQLITE_OPEN_WAL)) {
			file->read_only = true;
			return SQLITE_OK;
		}
	}
	if (file->fd < 0 && errno == EROFS) {
		file->fd = io->open(io->ctx, path, O_RDONLY | O_NOFOLLOW, 0);
		file->read_only = true;
	}
	file->error = file->fd < 0 ? errno : 0;
	return file->fd < 0 ? SQLITE_CANTOPEN : SQLITE_OK;
}

static int vfs_open(sqlite3_vfs *base, const char *path, sqlite3_file *base_file, int flags, int *ret_flags)
{
	struct vfs *vfs = (struct vfs *)base;
	struct vfs_file *file = (struct vfs_file *)base_file;
	memset(file, 0, sizeof(*file));
	file->io = vfs->io;
	file->vfs = vfs;
	file->fd = -1;
	/* Only temporary files have no name, and temp_store=MEMORY makes none. */
	if (!path)
		return SQLITE_CANTOPEN;
	int code = vfs_open_fd(file, path, flags);
	if (code != SQLITE_OK)
		return code;
	file->path = mem_strdup(path);
	file->delete_later = (flags & SQLITE_OPEN_DELETEONCLOSE) != 0;
	file->base.pMethods = &file_methods;
	if (ret_flags)
		*ret_flags = flags;
	return SQLITE_OK;
}

static int vfs_delete(sqlite3_vfs *base, const char *path, int sync_dir)
{
	const struct io *io = ((struct vfs *)base)->io;
	if (io->unlink(io->ctx, path) != 0)
		return errno == ENOENT ? SQLITE_IOERR_DELETE_NOENT : SQLITE_IOERR_DELETE;
	return sync_dir ? vfs_sync_parent(io, path) : SQLITE_OK;
}

/* An empty file counts as missing: SQLite asks this for journals. */
static int vfs_access(sqlite3_vfs *base, const char *path, int flags, int *ret_answer)
{
	const struct io *io = ((struct vfs *)base)->io;
	struct stat st;
	(void)flags;
	*ret_answer = io->stat(io->ctx, path, &st) == 0 && (!S_ISREG(st.st_mode) || st.st_size > 0);
	return SQLITE_OK;
}

/* Returns the path unchanged: the store opens databases by full names only. */
static int vfs_full_path(sqlite3_vfs *base, const char *path, int n, char *ret_path)
{
	(void)base;
	return snprintf(ret_path, (size_t)n, "%s", path) < n ? SQLITE_OK : SQLITE_CANTOPEN;
}

static int vfs_randomness(sqlite3_vfs *base, int n, char *p)
{
	(void)base;
	rand_bytes(p, (size_t)n);
	return n;
}

static int vfs_sleep(sqlite3_vfs *base, int us)
{
	(void)base;
	struct timespec wait = { us / 1000000, (long)(us % 1000000) * 1000 };
	(void)nanosleep(&wait, NULL);
	return us;
}

/* The time in milliseconds since noon of 24 November 4714 BC, as SQLite wants it. */
static int vfs_time(sqlite3_vfs *base, sqlite3_int64 *ret_time)
{
	(void)base;
	*ret_time = clock_wall_us() / 1000 + INT64_C(210866760000000);
	return SQLITE_OK;
}

static int vfs_last_error(sqlite3_vfs *base, int n, char *p)
{
	(void)base;
	(void)n;
	(void)p;
	return errno;
}

struct vfs *vfs_new(struct io *io)
{
	struct vfs *vfs = mem_zalloc(sizeof(*vfs));
	vfs->io = io;
	snprintf(vfs->name, sizeof(vfs->name), "coid-%p", (void *)vfs);
	vfs->base = (sqlite3_vfs){
		.iVersion = 2,
		.szOsFile = sizeof(struct vfs_file),
		.mxPathname = PATH_MAX,
		.zName = vfs->name,
		.xOpen = vfs_open,
		.xDelete = vfs_delete,
		.xAccess = vfs_access,
		.xFullPathname = vfs_full_path,
		.xRandomness = vfs_randomness,
		.xSleep = vfs_sleep,
		.xGetLastError = vfs_last_error,
		.xCurrentTimeInt64 = vfs_time,
	};
	/* This fails only if SQLite can't be initialised, and then nothing works. */
	if (sqlite3_vfs_register(&vfs->base, 0) != SQLITE_OK)
		abort();
	return vfs;
}

void vfs_free(struct vfs **vfs)
{
	if (!*vfs)
		return;
	(void)sqlite3_vfs_unregister(&(*vfs)->base);
	free(*vfs);
	*vfs = NULL;
}

/*
 * The head of the WAL index, as https://www.sqlite.org/walformat.html has it: twice the header, then what
 * checkpoints and readers note.
 */
struct index_header {
	uint32_t version;
	uint32_t unused;
	uint32_t change;
	uint8_t valid;
	uint8_t big_endian; /* checksums of the WAL */
	uint16_t page_size;
	uint32_t frames;
	uint32_t pages;
	uint32_t frame_sum[2];
	uint32_t salt[2];
	uint32_t sum[2]; /* of all before */
};

struct index_head {
	struct index_header header[2];
	uint32_t copied; /* frames that are in the database file */
	uint32_t marks[5]; /* of readers */
	uint8_t locks[8];
	uint32_t copied_tried;
	uint32_t unused;
};

/*
 * Tells SQLite at its next transaction that everything may be different. With frames in the WAL the header is
 * no longer valid, and SQLite reads the WAL. Without frames it would go on with salts of zero, so it gets a
 * header of a WAL that is empty, with salts of its own.
 */
static void index_renew(struct vfs_file *file, bool empty)
{
	struct index_head head = { 0 };
	if (file->index_count == 0)
		return;
	if (empty) {
		struct index_header *header = &head.header[0];
		*header = (struct index_header){ .version = WAL_INDEX_VERSION,
			.valid = 1,
			.big_endian = __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__,
			.page_size = DB_FORMAT_PAGE };
		rand_bytes(&header->change, sizeof(header->change));
		rand_bytes(header->salt, sizeof(header->salt));
		wal_sum((const unsigned char *)header, offsetof(struct index_header, sum), header->big_endian,
			header->sum);
		head.header[1] = *header;
		for (unsigned i = 1; i < 5; i++)
			head.marks[i] = UINT32_MAX;
	}
	memcpy(file->index[0], &head, sizeof(head));
}

/* Closes the file beneath SQLite's. */
static void file_park(struct vfs_file *file)
{
	if (file->fd >= 0)
		(void)file->io->close(file->io->ctx, file->fd);
	free(file->path);
	file->path = NULL;
	file->fd = -1;
}

void vfs_park(sqlite3_file *db, sqlite3_file *wal)
{
	file_park((struct vfs_file *)db);
	file_park((struct vfs_file *)wal);
}

static int file_put(struct vfs_file *file, const char *path, int flags)
{
	file->created = file->emptied = file->blank = false;
	int code = vfs_open_fd(file, path, flags);
	if (code == SQLITE_OK)
		file->path = mem_strdup(path);
	return code == SQLITE_OK && file->read_only ? SQLITE_READONLY : code;
}

/* A database in WAL mode with pages of the size that all of ours have. */
static bool file_is_ours(const struct vfs_file *file)
{
	unsigned char header[DB_FORMAT_HEADER];
	static const char magic[16] = "SQLite format 3";
	return io_read_all(file->io, file->fd, header, sizeof(header), 0) == DB_FORMAT_HEADER &&
	       memcmp(header, magic, sizeof(magic)) == 0 &&
	       header[DB_FORMAT_PAGE_SIZE] == DB_FORMAT_PAGE >> 8 && header[DB_FORMAT_PAGE_SIZE + 1] == 0 &&
	       header[DB_FORMAT_WRITE_VERSION] == DB_FORMAT_WAL &&
	       header[DB_FORMAT_READ_VERSION] == DB_FORMAT_WAL;
}

bool vfs_put(sqlite3_file *base_db, sqlite3_file *base_wal, const char *path)
{
	struct vfs_file *db = (struct vfs_file *)base_db, *wal = (struct vfs_file *)base_wal;
	char wal_path[PATH_MAX];
	sqlite3_int64 size = 0;
	if (snprintf(wal_path, sizeof(wal_path), "%s-wal", path) >= (int)sizeof(wal_path))
		return false;
	int code = file_put(db, path, SQLITE_OPEN_READWRITE);
	if (code == SQLITE_OK && db->lock > SQLITE_LOCK_NONE)
		code = file_set_lock(db, F_WRLCK);
	if (code == SQLITE_OK && !file_is_ours(db))
		code = SQLITE_NOTADB;
	if (code == SQLITE_OK)
		code = file_put(wal, wal_path, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_WAL);
	if (code == SQLITE_OK)
		code = file_size(base_wal, &size);
	if (code != SQLITE_OK)
		return false;
	index_renew(db, size == 0);
	return true;
}

void vfs_file_blank(sqlite3_file *base)
{
	if (base)
		((struct vfs_file *)base)->blank = true;
}

bool vfs_file_stat(sqlite3_file *base, struct stat *ret_stat)
{
	return base && fstat(((struct vfs_file *)base)->fd, ret_stat) == 0;
}

void vfs_on_full(struct vfs *vfs, bool (*fn)(void *ctx), void *ctx)
{
	vfs->on_full = fn;
	vfs->on_full_ctx = ctx;
}

const char *vfs_name(const struct vfs *vfs)
{
	return vfs->name;
}
