#include "support/rec_io.h"

#include "base/buf.h"
#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FD_MAX 4096
#define FILE_MAX (64u * 1024 * 1024)

enum entry_kind {
	ENTRY_WRITE,
	ENTRY_TRUNCATE,
	ENTRY_CREATE, /* name -> inode; link too */
	ENTRY_UNLINK,
	ENTRY_RENAME,
	ENTRY_MKDIR,
	ENTRY_RMDIR,
	ENTRY_SYNC,
	ENTRY_SYNC_DIR,
	ENTRY_SYNC_FS,
	ENTRY_SYNC_FAILED, /* of a file */
	ENTRY_SYNC_FS_FAILED
};

struct entry {
	enum entry_kind kind;
	enum rec_sync_kind sync;
	size_t object; /* inode of a file, or number of a directory */
	size_t parent; /* directory whose names change */
	char *path; /* own; below the root */
	char *to; /* own; rename */
	uint64_t offset;
	char *data; /* own */
	size_t n;
};

/* Open files and directories. */
struct handle {
	bool used;
	bool dir;
	size_t object;
	char *path; /* own */
};

struct name {
	char *path; /* own */
	size_t inode;
};

/* The state that the kernel keeps for a file. */
struct inode {
	bool dirty; /* written to, and not synced since */
	bool failed; /* a syncfs has failed for it, and nobody has been told by a sync of the file */
};

struct rec {
	struct io io;
	pthread_mutex_t lock;
	char *root; /* own */
	size_t sector;
	struct entry *log; /* own */
	size_t count;
	size_t cap;
	struct handle handles[FD_MAX];
	struct name *names; /* own: as they are now */
	size_t name_count;
	size_t name_cap;
	size_t inodes;
	struct inode *marks; /* own */
	size_t mark_count;
	char **dirs; /* own; paths by number; "" is the root */
	size_t dir_count;
	size_t dir_cap;
	char text[512];

	enum rec_op fail_op;
	char fail_path[256];
	int fail_error;
	unsigned fail_nth;
	bool fail_on;
	unsigned fail_calls;
	unsigned failures;
	bool dies; /* with the first failure */
	bool dead;
};

/* The path below the root; NULL: it is outside. */
static const char *below(const struct rec *rec, const char *path)
{
	size_t n = strlen(rec->root);
	if (strncmp(path, rec->root, n) != 0)
		return NULL;
	if (path[n] == '\0')
		return "";
	return path[n] == '/' ? path + n + 1 : NULL;
}

static size_t dir_number(struct rec *rec, const char *path, size_t n)
{
	for (size_t i = 0; i < rec->dir_count; i++) {
		if (strlen(rec->dirs[i]) == n && memcmp(rec->dirs[i], path, n) == 0)
			return i;
	}
	if (rec->dir_count == rec->dir_cap) {
		rec->dir_cap = rec->dir_cap ? rec->dir_cap * 2 : 16;
		rec->dirs = mem_realloc(rec->dirs, rec->dir_cap, sizeof(char *));
	}
	rec->dirs[rec->dir_count] = mem_strndup(path, n);
	return rec->dir_count++;
}

static size_t parent_number(struct rec *rec, const char *path)
{
	const char *slash = strrchr(path, '/');
	return dir_number(rec, path, slash ? (size_t)(slash - path) : 0);
}

static struct name *name_find(struct rec *rec, const char *path)
{
	for (size_t i = 0; i < rec->name_count; i++) {
		if (strcmp(rec->names[i].path, path) == 0)
			return &rec->names[i];
	}
	return NULL;
}

static void name_remove(struct rec *rec, const char *path)
{
	struct name *name = name_find(rec, path);
	if (!name)
		return;
	free(name->path);
	*name = rec->names[--rec->name_count];
}

static void name_set(struct rec *rec, const char *path, size_t inode)
{
	name_remove(rec, path);
	if (rec->name_count == rec->name_cap) {
		rec->name_cap = rec->name_cap ? rec->name_cap * 2 : 64;
		rec->names = mem_realloc(rec->names, rec->name_cap, sizeof(struct name));
	}
	rec->names[rec->name_count++] = (struct name){ mem_strdup(path), inode };
}

static struct inode *mark_of(struct rec *rec, size_t inode)
{
	while (rec->mark_count <= inode) {
		rec->marks = mem_realloc(rec->marks, rec->mark_count + 256, sizeof(*rec->marks));
		memset(rec->marks + rec->mark_count, 0, 256 * sizeof(*rec->marks));
		rec->mark_count += 256;
	}
	return &rec->marks[inode];
}

static struct entry *log_add(struct rec *rec, enum entry_kind kind, const char *path)
{
	if (rec->count == rec->cap) {
		rec->cap = rec->cap ? rec->cap * 2 : 256;
		rec->log = mem_realloc(rec->log, rec->cap, sizeof(struct entry));
	}
	struct entry *entry = &rec->log[rec->count++];
	memset(entry, 0, sizeof(*entry));
	entry->kind = kind;
	entry->path = mem_strdup(path);
	return entry;
}

static bool ends_with(const char *s, const char *end)
{
	size_t n = strlen(s), m = strlen(end);
	return n >= m && strcmp(s + n - m, end) == 0;
}

static enum rec_sync_kind file_sync_kind(const char *path)
{
	if (ends_with(path, "-wal"))
		return REC_SYNC_WAL;
	if (ends_with(path, ".db"))
		return REC_SYNC_DB;
	if (strncmp(path, "spool/", 6) == 0)
		return REC_SYNC_SPOOL;
	if (strstr(path, "/msg/"))
		return REC_SYNC_MESSAGE;
	return REC_SYNC_OTHER;
}

static enum rec_sync_kind dir_sync_kind(const char *path)
{
	unsigned slashes = 0;
	for (const char *p = path; *p; p++)
		slashes += *p == '/';
	if (strstr(path, "/msg/"))
		return REC_SYNC_DIR_XX;
	if (ends_with(path, "/msg"))
		return REC_SYNC_DIR_MSG;
	if (strncmp(path, "users/", 6) == 0 && slashes == 2)
		return REC_SYNC_DIR_HOME;
	return REC_SYNC_DIR;
}

const char *rec_sync_name(enum rec_sync_kind kind)
{
	static const char *const names[] = {
		[REC_SYNC_WAL] = "WAL",
		[REC_SYNC_DB] = "database",
		[REC_SYNC_SPOOL] = "spool file",
		[REC_SYNC_MESSAGE] = "message file",
		[REC_SYNC_OTHER] = "other file",
		[REC_SYNC_DIR_XX] = "directory msg/xx",
		[REC_SYNC_DIR_MSG] = "directory msg",
		[REC_SYNC_DIR_HOME] = "directory of the account",
		[REC_SYNC_DIR] = "other directory",
		[REC_SYNC_FS] = "syncfs",
		[REC_SYNC_KINDS] = "",
	};
	return names[kind];
}

/* Call this under the lock. True: the call must fail with errno set. */
static bool fails(struct rec *rec, enum rec_op op, const char *path)
{
	if (rec->dead && op != REC_OP_OPEN && op != REC_OP_READ) {
		errno = EIO;
		return true;
	}
	if (rec->fail_error == 0 || rec->fail_op != op || !strstr(path, rec->fail_path))
		return false;
	rec->fail_calls++;
	if (rec->fail_calls != rec->fail_nth && !(rec->fail_on && rec->fail_calls > rec->fail_nth))
		return false;
	rec->failures++;
	rec->dead = rec->dies;
	errno = rec->fail_error;
	return true;
}

static struct handle *handle_of(struct rec *rec, int fd)
{
	if (fd < 0 || fd >= FD_MAX || !rec->handles[fd].used)
		return NULL;
	return &rec->handles[fd];
}

static const char *handle_path(struct rec *rec, int fd)
{
	struct handle *handle = handle_of(rec, fd);
	return handle ? handle->path : "";
}

static void opened(struct rec *rec, int fd, const char *path, int flags, bool created)
{
	struct stat st;
	if (fd >= FD_MAX || fstat(fd, &st) != 0)
		abort();
	struct handle *handle = &rec->handles[fd];
	handle->used = true;
	handle->path = mem_strdup(path);
	handle->dir = S_ISDIR(st.st_mode);
	if (handle->dir) {
		handle->object = dir_number(rec, path, strlen(path));
		return;
	}
	if (created) {
		struct entry *entry = log_add(rec, ENTRY_CREATE, path);
		entry->object = rec->inodes++;
		entry->parent = parent_number(rec, path);
		name_set(rec, path, entry->object);
	}
	struct name *name = name_find(rec, path);
	if (!name)
		abort(); /* made behind our back */
	handle->object = name->inode;
	if ((flags & O_TRUNC) && !created) {
		struct entry *entry = log_add(rec, ENTRY_TRUNCATE, path);
		entry->object = handle->object;
	}
}

static int op_open(void *ctx, const char *path, int flags, mode_t mode)
{
	struct rec *rec = ctx;
	const char *inside = below(rec, path);
	pthread_mutex_lock(&rec->lock);
	int fd = -1;
	if (!fails(rec, REC_OP_OPEN, path)) {
		struct stat st;
		if (rec->dead)
			flags &= ~(O_CREAT | O_TRUNC);
		bool created = (flags & O_CREAT) && stat(path, &st) != 0;
		fd = open(path, flags | O_CLOEXEC, mode);
		if (fd >= 0 && inside)
			opened(rec, fd, inside, flags, created);
	}
	int error = errno;
	pthread_mutex_unlock(&rec->lock);
	errno = error;
	return fd;
}

static int op_close(void *ctx, int fd)
{
	struct rec *rec = ctx;
	pthread_mutex_lock(&rec->lock);
	struct handle *handle = handle_of(rec, fd);
	if (handle) {
		free(handle->path);
		memset(handle, 0, sizeof(*handle));
	}
	int result = close(fd);
	pthread_mutex_unlock(&rec->lock);
	return result;
}

static ssize_t op_pread(void *ctx, int fd, void *p, size_t n, off_t offset)
{
	struct rec *rec = ctx;
	pthread_mutex_lock(&rec->lock);
	bool fail = fails(rec, REC_OP_READ, handle_path(rec, fd));
	int error = errno;
	pthread_mutex_unlock(&rec->lock);
	errno = error;
	return fail ? -1 : pread(fd, p, n, offset);
}

static ssize_t op_pwrite(void *ctx, int fd, const void *p, size_t n, off_t offset)
{
	struct rec *rec = ctx;
	pthread_mutex_lock(&rec->lock);
	bool fail = fails(rec, REC_OP_WRITE, handle_path(rec, fd));
	int error = errno;
	size_t part = fail ? n / 2 : n;
	ssize_t done = rec->dead ? 0 : pwrite(fd, p, part, offset);
	struct handle *handle = handle_of(rec, fd);
	if (done > 0 && handle) {
		struct entry *entry = log_add(rec, ENTRY_WRITE, handle->path);
		entry->object = handle->object;
		entry->offset = (uint64_t)offset;
		entry->n = (size_t)done;
		entry->data = mem_strndup(p, (size_t)done);
		mark_of(rec, handle->object)->dirty = true;
	}
	if (!fail)
		error = errno;
	pthread_mutex_unlock(&rec->lock);
	errno = error;
	return fail ? -1 : done;
}

static int op_ftruncate(void *ctx, int fd, off_t size)
{
	struct rec *rec = ctx;
	pthread_mutex_lock(&rec->lock);
	int result = fails(rec, REC_OP_TRUNCATE, handle_path(rec, fd)) ? -1 : ftruncate(fd, size);
	int error = errno;
	struct handle *handle = handle_of(rec, fd);
	if (result == 0 && handle) {
		struct entry *entry = log_add(rec, ENTRY_TRUNCATE, handle->path);
		entry->object = handle->object;
		entry->offset = (uint64_t)size;
		mark_of(rec, handle->object)->dirty = true;
	}
	pthread_mutex_unlock(&rec->lock);
	errno = error;
	return result;
}

/* Locked. True: it fails for what a syncfs has lost. */
static bool file_synced(struct rec *rec, size_t inode)
{
	struct inode *mark = mark_of(rec, inode);
	bool failed = mark->failed;
	*mark = (struct inode){ .dirty = false };
	if (failed)
		errno = EIO;
	return failed;
}

static void fs_synced(struct rec *rec, bool failed)
{
	for (size_t i = 0; i < rec->mark_count; i++) {
		rec->marks[i].failed = rec->marks[i].failed || (failed && rec->marks[i].dirty);
		rec->marks[i].dirty = false;
	}
}

static int op_fsync(void *ctx, int fd)
{
	struct rec *rec = ctx;
	pthread_mutex_lock(&rec->lock);
	bool was_dead = rec->dead;
	struct handle *handle = handle_of(rec, fd);
	bool lost = handle && !handle->dir && file_synced(rec, handle->object);
	int result = fails(rec, REC_OP_SYNC, handle_path(rec, fd)) || lost ? -1 : 0;
	int error = errno;
	if (result == 0 && handle) {
		struct entry *entry = log_add(rec, handle->dir ? ENTRY_SYNC_DIR : ENTRY_SYNC, handle->path);
		entry->object = handle->object;
		entry->sync = handle->dir ? dir_sync_kind(handle->path) : file_sync_kind(handle->path);
	} else if (!was_dead && handle && !handle->dir) {
		log_add(rec, ENTRY_SYNC_FAILED, handle->path)->object = handle->object;
	}
	pthread_mutex_unlock(&rec->lock);
	errno = error;
	return result;
}

static int op_syncfs(void *ctx, int fd)
{
	struct rec *rec = ctx;
	pthread_mutex_lock(&rec->lock);
	bool was_dead = rec->dead;
	int result = fails(rec, REC_OP_SYNC, handle_path(rec, fd)) ? -1 : 0;
	int error = errno;
	fs_synced(rec, result != 0);
	if (result == 0)
		log_add(rec, ENTRY_SYNC_FS, handle_path(rec, fd))->sync = REC_SYNC_FS;
	else if (!was_dead)
		log_add(rec, ENTRY_SYNC_FS_FAILED, handle_path(rec, fd));
	pthread_mutex_unlock(&rec->lock);
	errno = error;
	return result;
}

static int op_rename(void *ctx, const char *from, const char *to)
{
	struct rec *rec = ctx;
	const char *inside = below(rec, from), *inside_to = below(rec, to);
	pthread_mutex_lock(&rec->lock);
	int result = fails(rec, REC_OP_RENAME, to) ? -1 : rename(from, to);
	int error = errno;
	struct name *name = inside ? name_find(rec, inside) : NULL;
	if (result == 0 && name && inside_to) {
		struct entry *entry = log_add(rec, ENTRY_RENAME, inside);
		entry->to = mem_strdup(inside_to);
		entry->object = name->inode;
		entry->parent = parent_number(rec, inside_to);
		name_remove(rec, inside);
		name_set(rec, inside_to, entry->object);
	} else if (result == 0) {
		abort(); /* directories are never renamed */
	}
	pthread_mutex_unlock(&rec->lock);
	errno = error;
	return result;
}

static int op_link(void *ctx, const char *from, const char *to)
{
	struct rec *rec = ctx;
	const char *inside = below(rec, from), *inside_to = below(rec, to);
	pthread_mutex_lock(&rec->lock);
	int result = fails(rec, REC_OP_LINK, to) ? -1 : link(from, to);
	int error = errno;
	struct name *name = inside ? name_find(rec, inside) : NULL;
	if (result == 0 && name && inside_to) {
		size_t inode = name->inode;
		struct entry *entry = log_add(rec, ENTRY_CREATE, inside_to);
		entry->object = inode;
		entry->parent = parent_number(rec, inside_to);
		name_set(rec, inside_to, inode);
	}
	pthread_mutex_unlock(&rec->lock);
	errno = error;
	return result;
}

static int op_unlink(void *ctx, const char *path)
{
	struct rec *rec = ctx;
	const char *inside = below(rec, path);
	pthread_mutex_lock(&rec->lock);
	int result = fails(rec, REC_OP_UNLINK, path) ? -1 : unlink(path);
	int error = errno;
	if (result == 0 && inside) {
		log_add(rec, ENTRY_UNLINK, inside)->parent = parent_number(rec, inside);
		name_remove(rec, inside);
	}
	pthread_mutex_unlock(&rec->lock);
	errno = error;
	return result;
}

static int op_mkdir(void *ctx, const char *path, mode_t mode)
{
	struct rec *rec = ctx;
	const char *inside = below(rec, path);
	pthread_mutex_lock(&rec->lock);
	int result = fails(rec, REC_OP_MKDIR, path) ? -1 : mkdir(path, mode);
	int error = errno;
	if (result == 0 && inside) {
		struct entry *entry = log_add(rec, ENTRY_MKDIR, inside);
		entry->object = dir_number(rec, inside, strlen(inside));
		size_t parent = parent_number(rec, inside);
		rec->log[rec->count - 1].parent = parent;
	}
	pthread_mutex_unlock(&rec->lock);
	errno = error;
	return result;
}

static int op_rmdir(void *ctx, const char *path)
{
	struct rec *rec = ctx;
	const char *inside = below(rec, path);
	pthread_mutex_lock(&rec->lock);
	int result = rec->dead ? -1 : rmdir(path);
	int error = errno;
	if (result == 0 && inside)
		log_add(rec, ENTRY_RMDIR, inside)->parent = parent_number(rec, inside);
	pthread_mutex_unlock(&rec->lock);
	errno = error;
	return result;
}

static int op_stat(void *ctx, const char *path, struct stat *st)
{
	(void)ctx;
	return stat(path, st);
}

static int op_statvfs(void *ctx, const char *path, struct statvfs *info)
{
	(void)ctx;
	return statvfs(path, info);
}

static DIR *op_opendir(void *ctx, const char *path)
{
	(void)ctx;
	return opendir(path);
}

struct rec *rec_new(const char *root)
{
	struct rec *rec = mem_zalloc(sizeof(*rec));
	rec->io = (struct io){
		.ctx = rec,
		.open = op_open,
		.close = op_close,
		.pread = op_pread,
		.pwrite = op_pwrite,
		.ftruncate = op_ftruncate,
		.fdatasync = op_fsync,
		.fsync = op_fsync,
		.syncfs = op_syncfs,
		.rename = op_rename,
		.link = op_link,
		.unlink = op_unlink,
		.mkdir = op_mkdir,
		.rmdir = op_rmdir,
		.stat = op_stat,
		.statvfs = op_statvfs,
		.opendir = op_opendir,
	};
	pthread_mutex_init(&rec->lock, NULL);
	rec->root = mem_strdup(root);
	rec->sector = 512;
	(void)dir_number(rec, "", 0);
	return rec;
}

void rec_free(struct rec **rec)
{
	struct rec *r = *rec;
	*rec = NULL;
	if (!r)
		return;
	for (size_t i = 0; i < r->count; i++) {
		free(r->log[i].path);
		free(r->log[i].to);
		free(r->log[i].data);
	}
	for (size_t i = 0; i < r->name_count; i++)
		free(r->names[i].path);
	for (size_t i = 0; i < r->dir_count; i++)
		free(r->dirs[i]);
	for (size_t i = 0; i < FD_MAX; i++)
		free(r->handles[i].path);
	free(r->log);
	free(r->names);
	free(r->marks);
	free(r->dirs);
	free(r->root);
	pthread_mutex_destroy(&r->lock);
	free(r);
}

struct io *rec_io(struct rec *rec)
{
	return &rec->io;
}

size_t rec_point(struct rec *rec)
{
	pthread_mutex_lock(&rec->lock);
	size_t count = rec->count;
	pthread_mutex_unlock(&rec->lock);
	return count;
}

static bool is_sync(const struct entry *entry)
{
	return entry->kind == ENTRY_SYNC || entry->kind == ENTRY_SYNC_DIR || entry->kind == ENTRY_SYNC_FS;
}

/* Tells whether the entry changes a file or a directory. */
static bool is_change(const struct entry *entry)
{
	return !is_sync(entry) && entry->kind != ENTRY_SYNC_FAILED && entry->kind != ENTRY_SYNC_FS_FAILED;
}

void rec_count(struct rec *rec, size_t from, size_t to, unsigned ret_counts[REC_SYNC_KINDS])
{
	memset(ret_counts, 0, REC_SYNC_KINDS * sizeof(unsigned));
	pthread_mutex_lock(&rec->lock);
	for (size_t i = from; i < to && i < rec->count; i++) {
		if (is_sync(&rec->log[i]))
			ret_counts[rec->log[i].sync]++;
	}
	pthread_mutex_unlock(&rec->lock);
}

size_t rec_next_sync(struct rec *rec, size_t from, enum rec_sync_kind *ret_kind)
{
	size_t found = SIZE_MAX;
	pthread_mutex_lock(&rec->lock);
	for (size_t i = from; i < rec->count && found == SIZE_MAX; i++) {
		if (is_sync(&rec->log[i])) {
			*ret_kind = rec->log[i].sync;
			found = i;
		}
	}
	pthread_mutex_unlock(&rec->lock);
	return found;
}

const char *rec_describe(struct rec *rec, size_t point)
{
	static const char *const kinds[] = { "write", "truncate", "create", "unlink", "rename", "mkdir",
		"rmdir", "sync", "sync directory", "syncfs", "failed sync", "failed syncfs" };
	if (point >= rec->count)
		return "end";
	const struct entry *entry = &rec->log[point];
	if (is_sync(entry)) {
		snprintf(rec->text, sizeof(rec->text), "%s %s", kinds[entry->kind],
			*entry->path ? entry->path : "root");
		return rec->text;
	}
	snprintf(rec->text, sizeof(rec->text), "%s %s %s at %llu, %zu bytes", kinds[entry->kind], entry->path,
		entry->to ? entry->to : "", (unsigned long long)entry->offset, entry->n);
	return rec->text;
}

void rec_sector(struct rec *rec, size_t size)
{
	rec->sector = size;
}

/* Cuts. */

struct image {
	char *p; /* own */
	size_t n;
	size_t cap;
};

struct cut {
	struct rec *rec;
	size_t point;
	size_t without;
	enum rec_choice choice;
	uint64_t random;
	size_t loose; /* entries that are not synced, in all */
	size_t loose_seen; /* those handled so far */
	size_t *file_synced; /* own; by inode: data entries before this one are synced */
	size_t *dir_synced;
	size_t all_synced;
	bool *dropped; /* own; by entry: written before a failed sync, so no later sync helps */
	struct image *images; /* own; by inode */
	struct name *names; /* own */
	size_t name_count;
	size_t name_cap;
	char **dirs; /* own: paths that exist */
	size_t dir_count;
	size_t dir_cap;
};

static uint64_t cut_random(struct cut *cut)
{
	/* xorshift64* */
	cut->random ^= cut->random >> 12;
	cut->random ^= cut->random << 25;
	cut->random ^= cut->random >> 27;
	return cut->random * UINT64_C(2685821657736338717);
}

static bool is_data(const struct entry *entry)
{
	return entry->kind == ENTRY_WRITE || entry->kind == ENTRY_TRUNCATE;
}

static bool cut_synced(const struct cut *cut, size_t i)
{
	const struct entry *entry = &cut->rec->log[i];
	size_t synced = is_data(entry) ? cut->file_synced[entry->object] : cut->dir_synced[entry->parent];
	return !cut->dropped[i] && (i < synced || i < cut->all_synced);
}

/* Handles a failed sync: the kernel takes the file's pages for clean, so those that did not reach the disk
 * never will. */
static void cut_drop(struct cut *cut, size_t failed)
{
	const struct entry *entries = cut->rec->log, *sync = &entries[failed];
	for (size_t i = 0; i < failed; i++) {
		bool of_it = sync->kind == ENTRY_SYNC_FS_FAILED || entries[i].object == sync->object;
		if (is_data(&entries[i]) && of_it && !cut_synced(cut, i))
			cut->dropped[i] = true;
	}
}

static void cut_prepare(struct cut *cut)
{
	struct rec *rec = cut->rec;
	cut->file_synced = mem_zalloc((rec->inodes + 1) * sizeof(size_t));
	cut->dir_synced = mem_zalloc((rec->dir_count + 1) * sizeof(size_t));
	cut->images = mem_zalloc((rec->inodes + 1) * sizeof(struct image));
	cut->dropped = mem_zalloc((cut->point + 1) * sizeof(bool));
	for (size_t i = 0; i < cut->point; i++) {
		const struct entry *entry = &rec->log[i];
		if (i == cut->without)
			continue;
		if (entry->kind == ENTRY_SYNC)
			cut->file_synced[entry->object] = i;
		else if (entry->kind == ENTRY_SYNC_DIR)
			cut->dir_synced[entry->object] = i;
		else if (entry->kind == ENTRY_SYNC_FS)
			cut->all_synced = i;
		else if (!is_change(entry))
			cut_drop(cut, i);
	}
	for (size_t i = 0; i < cut->point; i++) {
		if (is_change(&rec->log[i]) && !cut_synced(cut, i))
			cut->loose++;
	}
}

/* Decides whether an entry that is not synced is on the disk. */
static bool cut_choose(struct cut *cut, const struct entry *entry)
{
	size_t seen = cut->loose_seen++;
	switch (cut->choice) {
	case REC_NONE:
		return false;
	case REC_ALL:
		return true;
	case REC_FILES:
		return is_data(entry);
	case REC_NAMES:
		return !is_data(entry);
	case REC_FIRST:
		return seen < cut->loose / 2;
	case REC_LAST:
		return seen >= cut->loose / 2;
	case REC_RANDOM:
	case REC_TORN:
		return cut_random(cut) & 1;
	case REC_CHOICES:
		break;
	}
	abort();
}

static void image_resize(struct image *image, size_t n)
{
	if (n > FILE_MAX)
		abort();
	if (n > image->cap) {
		size_t cap = image->cap ? image->cap : 4096;
		while (cap < n)
			cap *= 2;
		image->p = mem_realloc(image->p, cap, 1);
		image->cap = cap;
	}
	if (n > image->n)
		memset(image->p + image->n, 0, n - image->n);
	image->n = n;
}

static void image_write(struct image *image, uint64_t offset, const char *p, size_t n)
{
	if (offset + n > image->n)
		image_resize(image, (size_t)offset + n);
	memcpy(image->p + offset, p, n);
}

/* Writes sector by sector, each one or not. */
static void image_tear(struct cut *cut, struct image *image, const struct entry *entry)
{
	size_t sector = cut->rec->sector;
	for (size_t i = 0; i < entry->n;) {
		size_t n = sector - (size_t)((entry->offset + i) % sector);
		if (n > entry->n - i)
			n = entry->n - i;
		if (cut_random(cut) & 1)
			image_write(image, entry->offset + i, entry->data + i, n);
		i += n;
	}
}

static bool cut_dir_exists(const struct cut *cut, const char *path, size_t n)
{
	if (n == 0)
		return true;
	for (size_t i = 0; i < cut->dir_count; i++) {
		if (strlen(cut->dirs[i]) == n && memcmp(cut->dirs[i], path, n) == 0)
			return true;
	}
	return false;
}

static void cut_name_remove(struct cut *cut, const char *path)
{
	for (size_t i = 0; i < cut->name_count; i++) {
		if (strcmp(cut->names[i].path, path) == 0) {
			free(cut->names[i].path);
			cut->names[i] = cut->names[--cut->name_count];
			return;
		}
	}
}

static void cut_name_set(struct cut *cut, const char *path, size_t inode)
{
	cut_name_remove(cut, path);
	if (cut->name_count == cut->name_cap) {
		cut->name_cap = cut->name_cap ? cut->name_cap * 2 : 64;
		cut->names = mem_realloc(cut->names, cut->name_cap, sizeof(struct name));
	}
	cut->names[cut->name_count++] = (struct name){ mem_strdup(path), inode };
}

static void cut_dir_set(struct cut *cut, const char *path)
{
	if (cut_dir_exists(cut, path, strlen(path)))
		return;
	if (cut->dir_count == cut->dir_cap) {
		cut->dir_cap = cut->dir_cap ? cut->dir_cap * 2 : 64;
		cut->dirs = mem_realloc(cut->dirs, cut->dir_cap, sizeof(char *));
	}
	cut->dirs[cut->dir_count++] = mem_strdup(path);
}

static void cut_dir_remove(struct cut *cut, const char *path)
{
	for (size_t i = 0; i < cut->dir_count; i++) {
		if (strcmp(cut->dirs[i], path) == 0) {
			free(cut->dirs[i]);
			/* The order stays: parents come before their children. */
			memmove(&cut->dirs[i], &cut->dirs[i + 1], (cut->dir_count - i - 1) * sizeof(char *));
			cut->dir_count--;
			return;
		}
	}
}

static void cut_apply(struct cut *cut, const struct entry *entry, bool torn)
{
	struct image *image = is_data(entry) ? &cut->images[entry->object] : NULL;
	switch (entry->kind) {
	case ENTRY_WRITE:
		if (torn)
			image_tear(cut, image, entry);
		else
			image_write(image, entry->offset, entry->data, entry->n);
		break;
	case ENTRY_TRUNCATE:
		image_resize(image, (size_t)entry->offset);
		break;
	case ENTRY_CREATE:
		cut_name_set(cut, entry->path, entry->object);
		break;
	case ENTRY_UNLINK:
		cut_name_remove(cut, entry->path);
		break;
	case ENTRY_RENAME:
		cut_name_remove(cut, entry->path);
		cut_name_set(cut, entry->to, entry->object);
		break;
	case ENTRY_MKDIR:
		cut_dir_set(cut, entry->path);
		break;
	case ENTRY_RMDIR:
		cut_dir_remove(cut, entry->path);
		break;
	case ENTRY_SYNC:
	case ENTRY_SYNC_DIR:
	case ENTRY_SYNC_FS:
	case ENTRY_SYNC_FAILED:
	case ENTRY_SYNC_FS_FAILED:
		break;
	}
}

static void cut_run(struct cut *cut)
{
	cut_prepare(cut);
	for (size_t i = 0; i < cut->point; i++) {
		const struct entry *entry = &cut->rec->log[i];
		if (!is_change(entry))
			continue;
		bool synced = cut_synced(cut, i);
		if (synced || cut_choose(cut, entry))
			cut_apply(cut, entry, !synced && cut->choice == REC_TORN);
	}
}

/* A name counts only if all directories above it exist. */
static bool cut_reachable(const struct cut *cut, const char *path)
{
	for (const char *slash = strchr(path, '/'); slash; slash = strchr(slash + 1, '/')) {
		if (!cut_dir_exists(cut, path, (size_t)(slash - path)))
			return false;
	}
	return true;
}

static uint64_t hash_add(uint64_t hash, const void *p, size_t n)
{
	/* FNV-1a over words: the hash only has to distinguish states. */
	const unsigned char *next = p;
	for (; n >= 8; n -= 8, next += 8) {
		uint64_t word;
		memcpy(&word, next, 8);
		hash = (hash ^ word) * UINT64_C(0x9E3779B97F4A7C15);
		hash ^= hash >> 29;
	}
	for (; n > 0; n--, next++)
		hash = (hash ^ *next) * UINT64_C(0x100000001b3);
	return hash;
}

static int name_compare(const void *a, const void *b)
{
	return strcmp(((const struct name *)a)->path, ((const struct name *)b)->path);
}

/* Adds hashes, so that the order of directories does not matter. */
static uint64_t cut_hash(struct cut *cut)
{
	uint64_t hash = 1;
	if (cut->name_count > 0)
		qsort(cut->names, cut->name_count, sizeof(struct name), name_compare);
	for (size_t i = 0; i < cut->dir_count; i++) {
		if (cut_reachable(cut, cut->dirs[i]))
			hash += hash_add(7, cut->dirs[i], strlen(cut->dirs[i]));
	}
	for (size_t i = 0; i < cut->name_count; i++) {
		if (!cut_reachable(cut, cut->names[i].path))
			continue;
		const struct image *image = &cut->images[cut->names[i].inode];
		hash = hash_add(hash, cut->names[i].path, strlen(cut->names[i].path));
		hash = hash_add(hash, &image->n, sizeof(image->n));
		if (image->n > 0)
			hash = hash_add(hash, image->p, image->n);
	}
	return hash;
}

static void must(bool ok, const char *what, const char *path)
{
	if (ok)
		return;
	fprintf(stderr, "rec_io: %s %s: %s\n", what, path, strerror(errno));
	abort();
}

static void cut_build(struct cut *cut, const char *to)
{
	char path[4096], first[4096];
	must(mkdir(to, 0700) == 0, "mkdir", to);
	for (size_t i = 0; i < cut->dir_count; i++) {
		if (!cut_reachable(cut, cut->dirs[i]))
			continue;
		snprintf(path, sizeof(path), "%s/%s", to, cut->dirs[i]);
		must(mkdir(path, 0700) == 0 || errno == EEXIST, "mkdir", path);
	}
	for (size_t i = 0; i < cut->name_count; i++) {
		const struct name *name = &cut->names[i];
		if (!cut_reachable(cut, name->path))
			continue;
		snprintf(path, sizeof(path), "%s/%s", to, name->path);
		size_t same = 0;
		while (same < i &&
			(cut->names[same].inode != name->inode || !cut_reachable(cut, cut->names[same].path)))
			same++;
		if (same < i) {
			snprintf(first, sizeof(first), "%s/%s", to, cut->names[same].path);
			must(link(first, path) == 0, "link", path);
			continue;
		}
		const struct image *image = &cut->images[name->inode];
		int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
		must(fd >= 0, "open", path);
		must(io_write_all(&io_real, fd, image->p, image->n, 0), "write", path);
		close(fd);
	}
}

static void cut_fini(struct cut *cut)
{
	for (size_t i = 0; i < cut->rec->inodes; i++)
		free(cut->images[i].p);
	for (size_t i = 0; i < cut->name_count; i++)
		free(cut->names[i].path);
	for (size_t i = 0; i < cut->dir_count; i++)
		free(cut->dirs[i]);
	free(cut->images);
	free(cut->dropped);
	free(cut->file_synced);
	free(cut->dir_synced);
	free(cut->names);
	free(cut->dirs);
}

static uint64_t cut_make(
	struct rec *rec, size_t point, enum rec_choice choice, uint64_t seed, size_t without, const char *to)
{
	struct cut cut = { .rec = rec, .point = point, .without = without, .choice = choice };
	cut.random = (seed + 1) * UINT64_C(0x9E3779B97F4A7C15) | 1;
	pthread_mutex_lock(&rec->lock);
	cut_run(&cut);
	uint64_t hash = cut_hash(&cut);
	if (to)
		cut_build(&cut, to);
	cut_fini(&cut);
	pthread_mutex_unlock(&rec->lock);
	return hash;
}

uint64_t rec_cut(
	struct rec *rec, size_t point, enum rec_choice choice, uint64_t seed, size_t without, const char *to)
{
	return cut_make(rec, point, choice, seed, without, to);
}

uint64_t rec_cut_hash(struct rec *rec, size_t point, enum rec_choice choice, uint64_t seed, size_t without)
{
	return cut_make(rec, point, choice, seed, without, NULL);
}

void rec_fail(struct rec *rec, enum rec_op op, const char *substring, int error, unsigned nth, bool on)
{
	pthread_mutex_lock(&rec->lock);
	rec->fail_op = op;
	snprintf(rec->fail_path, sizeof(rec->fail_path), "%s", substring);
	rec->fail_error = error;
	rec->fail_nth = nth;
	rec->fail_on = on;
	rec->fail_calls = 0;
	rec->failures = 0;
	rec->dies = rec->dead = false;
	pthread_mutex_unlock(&rec->lock);
}

void rec_die(struct rec *rec, const char *substring, int error, unsigned nth)
{
	rec_fail(rec, REC_OP_SYNC, substring, error, nth, false);
	pthread_mutex_lock(&rec->lock);
	rec->dies = true;
	pthread_mutex_unlock(&rec->lock);
}

unsigned rec_failures(struct rec *rec)
{
	pthread_mutex_lock(&rec->lock);
	unsigned failures = rec->failures;
	pthread_mutex_unlock(&rec->lock);
	return failures;
}
