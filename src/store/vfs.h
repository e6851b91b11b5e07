/*
 * A SQLite VFS over struct io: every open, read, write, truncate, sync and delete of a database or WAL goes
 * through the table, so that tests see and disturb them all. One connection a file: locks are one advisory
 * lock on the database file, taken at open, and the index of the WAL is memory of the process.
 */
#ifndef COID_STORE_VFS_H
#define COID_STORE_VFS_H

#include "base/rc.h"
#include "store/io.h"

struct vfs;
struct sqlite3_file;

/*
 * sqlite3_file_control with an int: whether the file was opened for reading only, since its file system takes
 * no writes.
 */
#define VFS_FCNTL_READ_ONLY 0x636f6901

/* Registers the VFS under a unique name. `io` is borrowed. Close all connections before vfs_free. */
struct vfs *vfs_new(struct io *io);
void vfs_free(struct vfs **vfs);
/*
 * Sets the function that is called, on whatever thread writes, when a write finds no room. If it returns true
 * the write is tried once more.
 */
void vfs_on_full(struct vfs *vfs, bool (*fn)(void *ctx), void *ctx);
/* The name to pass to sqlite3_open_v2. */
const char *vfs_name(const struct vfs *vfs);
/*
 * Put other files beneath a connection that is in no transaction and does not keep the lock on its database
 * for itself (db_spare.c). vfs_park closes the files of now. vfs_put opens and locks a database, and its WAL,
 * which it makes if there is none; SQLite then reads everything anew but the schema. False: the files can't
 * be used in this way, and the connection can only be closed.
 */
void vfs_park(struct sqlite3_file *db, struct sqlite3_file *wal);
bool vfs_put(struct sqlite3_file *db, struct sqlite3_file *wal, const char *path) MUST_CHECK;
/*
 * Two functions for files that this VFS has opened (NULL: nothing, false). vfs_file_blank tells that the file
 * is empty and its emptiness is on disk; vfs_file_stat reads its status.
 */
void vfs_file_blank(struct sqlite3_file *file);
bool vfs_file_stat(struct sqlite3_file *file, struct stat *ret_stat);

#endif
