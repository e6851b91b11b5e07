/*
 * The file `owner` of an account: reading, writing, and comparing it with the row of its user.
 */
#include "store/owner.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/rand.h"
#include "base/str.h"
#include "store/textfile.h"

#define PATH_ROOM 4096
#define GROUPS 256 /* folders below users/ */
#define DEFAULT_LIMIT "default"

enum rc owner_folder(char *path, size_t room, const char *root, int64_t id)
{
	int n = snprintf(path, room, "%s/users/%02x/%" PRId64, root, (unsigned)(id & 0xff), id);
	return n > 0 && (size_t)n < room ? RC_OK : RC_INVALID;
}

struct strv owner_identity_new(struct arena *arena)
{
	unsigned char random[OWNER_IDENTITY_DIGITS / 2];
	struct buf text;
	rand_bytes(random, sizeof(random));
	buf_init(&text, OWNER_IDENTITY_DIGITS);
	str_hex(&text, strv_make(random, sizeof(random)));
	struct strv identity = arena_strv(arena, buf_strv(&text));
	buf_fini(&text);
	return identity;
}

static void limit_print(struct buf *out, const char *key, uint64_t limit)
{
	if (limit == UINT64_MAX)
		buf_printf(out, "%s: " DEFAULT_LIMIT "\n", key);
	else
		buf_printf(out, "%s: %" PRIu64 "\n", key, limit);
}

static void owner_print(struct buf *out, const struct user_record *record)
{
	buf_printf(out, "coid: owner of a mail account\nid: %" PRId64 "\nname: %.*s\nidentity: %.*s\n",
		record->id, STRV_ARG(record->name), STRV_ARG(record->identity));
	buf_printf(
		out, "enabled: %s\ncreated: %" PRId64 "\n", record->enabled ? "yes" : "no", record->created);
	limit_print(out, "quota-storage", record->quota_storage);
	limit_print(out, "quota-messages", record->quota_messages);
	if (record->password.n > 0)
		buf_printf(out, "password: %.*s\n", STRV_ARG(record->password));
	if (record->scram.n > 0)
		buf_printf(out, "scram: %.*s\n", STRV_ARG(record->scram));
}

uint64_t owner_sum(const struct user_record *record)
{
	struct buf text;
	buf_init(&text, TEXTFILE_MAX);
	owner_print(&text, record);
	uint64_t sum = textfile_sum(buf_strv(&text));
	buf_wipe(&text);
	return sum;
}

uint64_t owner_tag(const struct user_record *record)
{
	struct buf text;
	buf_init(&text, TEXTFILE_MAX);
	buf_addv(&text, record->identity);
	buf_addc(&text, '\n');
	buf_addv(&text, record->name);
	uint64_t tag = textfile_sum(buf_strv(&text));
	buf_fini(&text);
	return tag;
}

/* Folders. */

static enum rc folder_fail(struct log *log, const char *what, const char *path)
{
	int error = errno;
	log_error(log, "%s path=%s error=%s", what, path, strerror(error));
	return io_rc(error);
}

/* Makes a folder if it does not exist, and sets *ret_made then. */
static enum rc folder_need(const struct io *io, struct log *log, const char *path, bool *ret_made)
{
	if (io->mkdir(io->ctx, path, 0700) == 0) {
		*ret_made = true;
		return RC_OK;
	}
	return errno == EEXIST ? RC_OK : folder_fail(log, "folder cannot be made", path);
}

static enum rc owner_names_sync(const struct io *io, struct log *log, const char *folder)
{
	return io_sync_dir(io, folder) ? RC_OK : folder_fail(log, "folder cannot be synced", folder);
}

enum rc owner_write(const struct io *io, struct log *log, const char *root, const struct user_record *record,
	const char *name, bool sync)
{
	char folder[PATH_ROOM], group[PATH_ROOM], users[PATH_ROOM], path[PATH_ROOM + 16];
	bool made = false, group_made = false;
	struct buf text;
	enum rc rc = owner_folder(folder, sizeof(folder), root, record->id);
	if (rc != RC_OK)
		return rc;
	snprintf(group, sizeof(group), "%.*s", (int)(strrchr(folder, '/') - folder), folder);
	snprintf(users, sizeof(users), "%.*s", (int)(strrchr(group, '/') - group), group);
	snprintf(path, sizeof(path), "%s/%s", folder, name);
	rc = folder_need(io, log, group, &group_made);
	if (rc == RC_OK)
		rc = folder_need(io, log, folder, &made);
	if (rc != RC_OK)
		return rc;
	buf_init(&text, TEXTFILE_MAX);
	owner_print(&text, record);
	rc = buf_ok(&text) ? textfile_write(io, log, path, buf_strv(&text), sync) : RC_LIMIT;
	buf_wipe(&text);
	if (rc == RC_OK && sync)
		rc = owner_names_sync(io, log, folder);
	/* An existing folder may have been made by a process that died before it synced it. */
	if (rc == RC_OK && sync)
		rc = owner_names_sync(io, log, group);
	if (rc == RC_OK && sync && (made || group_made))
		rc = owner_names_sync(io, log, users);
	return rc;
}

enum rc owner_confirm(const struct io *io, struct log *log, const char *folder)
{
	char from[PATH_ROOM + 16], to[PATH_ROOM + 16];
	snprintf(from, sizeof(from), "%s/" OWNER_FILE_NEW, folder);
	snprintf(to, sizeof(to), "%s/" OWNER_FILE, folder);
	return io->rename(io->ctx, from, to) == 0 ? RC_OK : folder_fail(log, "file cannot be renamed", from);
}

void owner_withdraw(const struct io *io, const char *folder)
{
	char path[PATH_ROOM + 16];
	snprintf(path, sizeof(path), "%s/" OWNER_FILE_NEW, folder);
	io->unlink(io->ctx, path);
	io->rmdir(io->ctx, folder);
}

/* Reading. */

static bool number_read(struct strv text, const char *key, int64_t *ret_number)
{
	struct strv value;
	uint64_t number;
	if (textfile_value(text, key, &value) != RC_OK || str_u64(value, &number) != RC_OK)
		return false;
	*ret_number = (int64_t)number;
	return number <= INT64_MAX;
}

static bool limit_read(struct strv text, const char *key, uint64_t *ret_limit)
{
	struct strv value;
	if (textfile_value(text, key, &value) != RC_OK)
		return false;
	*ret_limit = UINT64_MAX;
	return strv_eq(value, STRV(DEFAULT_LIMIT)) || str_u64(value, ret_limit) == RC_OK;
}

static bool owner_parse(struct strv text, struct user_record *ret_record)
{
	struct user_record record = { 0 };
	struct strv enabled;
	if (!number_read(text, "id", &record.id) || !number_read(text, "created", &record.created) ||
		!limit_read(text, "quota-storage", &record.quota_storage) ||
		!limit_read(text, "quota-messages", &record.quota_messages) ||
		textfile_value(text, "enabled", &enabled) != RC_OK ||
		textfile_value(text, "name", &record.name) != RC_OK ||
		textfile_value(text, "identity", &record.identity) != RC_OK)
		return false;
	record.enabled = strv_eq(enabled, STRV("yes"));
	/* Users of a passwd file have neither field. */
	if (textfile_value(text, "password", &record.password) != RC_OK)
		record.password = STRV("");
	if (textfile_value(text, "scram", &record.scram) != RC_OK)
		record.scram = STRV("");
	*ret_record = record;
	return true;
}

enum rc owner_read(const struct io *io, struct log *log, const char *folder, const char *name,
	struct arena *arena, struct user_record *ret_record)
{
	char path[PATH_ROOM + 16];
	struct strv text;
	snprintf(path, sizeof(path), "%s/%s", folder, name);
	enum rc rc = textfile_read(io, log, path, arena, &text);
	if (rc != RC_OK)
		return rc;
	return owner_parse(text, ret_record) ? RC_OK : RC_CORRUPT;
}

/* The walk. */

static bool id_parse(const char *name, unsigned group, int64_t *ret_id)
{
	uint64_t id;
	if (str_u64(strv_cstr(name), &id) != RC_OK || id == 0 || id > INT64_MAX || (id & 0xff) != group)
		return false;
	*ret_id = (int64_t)id;
	return true;
}

enum rc owner_each_folder(const struct io *io, struct log *log, const char *root,
	bool (*fn)(void *arg, int64_t id, const char *folder), void *arg)
{
	char path[PATH_ROOM], folder[PATH_ROOM];
	bool more = true;
	for (unsigned group = 0; more && group < GROUPS; group++) {
		snprintf(path, sizeof(path), "%s/users/%02x", root, group);
		DIR *dir = io->opendir(io->ctx, path);
		if (!dir && errno == ENOENT)
			continue;
		if (!dir)
			return folder_fail(log, "folder cannot be read", path);
		for (struct dirent *entry = readdir(dir); entry && more; entry = readdir(dir)) {
			int64_t id;
			if (id_parse(entry->d_name, group, &id) &&
				owner_folder(folder, sizeof(folder), root, id) == RC_OK)
				more = fn(arg, id, folder);
		}
		closedir(dir);
	}
	return RC_OK;
}

bool owner_folder_used(const struct io *io, const char *folder)
{
	static const char *const names[] = { "account.db", "account.db-wal", "msg" };
	char path[PATH_ROOM + 16];
	struct stat st;
	for (size_t i = 0; i < COUNT_OF(names); i++) {
		snprintf(path, sizeof(path), "%s/%s", folder, names[i]);
		if (io->stat(io->ctx, path, &st) == 0)
			return true;
	}
	return false;
}
