/*
 * Damage below the store's feet: message files are cut short or removed while the server runs.
 */
#ifndef COID_TESTS_MESSAGE_FILES_H
#define COID_TESTS_MESSAGE_FILES_H

#include "session_rig.h"

#include <ftw.h>
#include <sys/stat.h>

static inline int message_file_cut(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)ftw;
	if (type != FTW_F || !strstr(path, "/msg/"))
		return 0;
	return chmod(path, 0600) == 0 && truncate(path, st->st_size / 2) == 0 ? 0 : -1;
}

static inline int message_file_remove(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)ftw;
	return type == FTW_F && strstr(path, "/msg/") ? unlink(path) : 0;
}

/* Each message file keeps its first half. */
static UNUSED void message_files_cut(const struct server *server)
{
	assert_int_equal(nftw(server->root, message_file_cut, 16, FTW_PHYS), 0);
}

static UNUSED void message_files_remove(const struct server *server)
{
	assert_int_equal(nftw(server->root, message_file_remove, 16, FTW_PHYS), 0);
}

/* A message of this many octets, as the next one in the mailbox. */
static UNUSED void add_sized(struct server *server, const char *mailbox, size_t size)
{
	struct buf bytes;
	uint32_t uid;
	buf_init(&bytes, size + 64);
	buf_adds(&bytes, "Subject: x\r\n\r\n");
	while (bytes.len < size)
		buf_adds(&bytes, "one line of the body\r\n");
	assert_int_equal(
		rig_append(&server->rig, ACCOUNT, mailbox, buf_strv(&bytes), STRV_NULL, &uid), RC_OK);
	buf_fini(&bytes);
}

#endif
