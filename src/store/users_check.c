/*
 * The offline check of server.db: compares it with the folders of the accounts, and works out the rows that
 * it should have. The folder decides who its owner is; the row, if it is whole, decides everything else.
 */
#include "store/users_check_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>

#include "base/clock.h"
#include "base/hash.h"
#include "base/mem.h"

void users_problem(struct users_checker *checker, const char *format, ...)
{
	va_list args;
	char line[1024];
	va_start(args, format);
	vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	buf_printf(checker->report, "%s\n", line);
	checker->result.problems++;
}

/* Reading. */

static bool folder_read(void *arg, int64_t id, const char *path)
{
	struct users_checker *checker = arg;
	struct users_folder folder = { .id = id, .used = owner_folder_used(checker->io, path) };
	enum rc rc = owner_read(checker->io, checker->log, path, OWNER_FILE, checker->arena, &folder.record);
	if (rc != RC_OK) {
		folder.owner = USERS_OWNER_NEW;
		rc = owner_read(
			checker->io, checker->log, path, OWNER_FILE_NEW, checker->arena, &folder.record);
	}
	if (rc != RC_OK || folder.record.id != id)
		folder.owner = USERS_OWNER_NONE;
	if (checker->folder_count == checker->folder_cap) {
		checker->folders =
			mem_grow(checker->folders, &checker->folder_cap, sizeof(*checker->folders));
	}
	checker->folders[checker->folder_count++] = folder;
	return true;
}

static int folder_by_id(const void *a, const void *b)
{
	const struct users_folder *x = a, *y = b;
	return x->id < y->id ? -1 : x->id > y->id;
}

static bool has_folder(const struct users_checker *checker, int64_t id)
{
	struct users_folder key = { .id = id };
	return checker->folder_count > 0 &&
	       bsearch(&key, checker->folders, checker->folder_count, sizeof(key), folder_by_id);
}

static void compare_server(struct users_checker *checker)
{
	const struct users_source *server = &checker->sources[0];
	for (size_t i = 0; i < server->setting_count && checker->state.server[0]; i++) {
		const struct users_setting *setting = &server->settings[i];
		if (!strv_eq(setting->key, STRV(USERS_SETTING_SERVER)))
			continue;
		checker->foreign = !strv_eq(setting->value, strv_cstr(checker->state.server));
	}
	if (checker->foreign)
		users_problem(checker, "server.db: is that of another server, or was made anew");
}

static enum rc check_read(struct users_checker *checker)
{
	static const char *const names[USERS_SOURCES] = { "server.db", "server.db.new", "server.db.copy",
		"server.db.copy.1" };
	enum rc rc = server_state_read(checker->io, checker->log, checker->root, &checker->state);
	checker->state_there = rc == RC_OK;
	for (int i = 0; i < USERS_SOURCES; i++) {
		struct users_source *source = &checker->sources[i];
		unsigned before = checker->result.problems;
		source->name = names[i];
		rc = users_source_read(checker, source);
		/* Only server.db itself has to be readable; copies may be missing. */
		if (i > 0 || rc == RC_OK || checker->older_form)
			continue;
		if (checker->result.problems == before)
			users_problem(checker, "server.db: %s",
				rc == RC_NOT_FOUND ? "missing or empty" : "damaged");
	}
	if (checker->sources[0].there && !checker->sources[0].whole && checker->result.problems == 0)
		users_problem(checker, "server.db: damaged");
	compare_server(checker);
	rc = owner_each_folder(checker->io, checker->log, checker->root, folder_read, checker);
	if (checker->folder_count > 0)
		qsort(checker->folders, checker->folder_count, sizeof(*checker->folders), folder_by_id);
	checker->result.folders = checker->folder_count;
	return rc;
}

/* The users that there should be. */

static void users_check_want(
	struct users_checker *checker, const struct user_record *record, bool write_owner)
{
	users_list_add(&checker->wanted, record);
	if (write_owner)
		users_list_add(&checker->owners, record);
}

static struct user_record users_check_nameless(struct users_checker *checker, int64_t id)
{
	return (struct user_record){
		.id = id,
		.name = strv_cstr(arena_printf(checker->arena, "lost-%" PRId64 "@lost.invalid", id)),
		.password = STRV(""),
		.scram = STRV(""),
		.identity = owner_identity_new(checker->arena),
		.quota_storage = UINT64_MAX,
		.quota_messages = UINT64_MAX,
		.created = clock_wall(),
	};
}

static const struct user_record *users_check_copy_row(const struct users_checker *checker, int64_t id)
{
	const struct user_record *row = NULL;
	for (int i = 1; !row && i < USERS_SOURCES; i++)
		row = users_list_id(&checker->sources[i].rows, id);
	return row;
}

static void folder_owned(struct users_checker *checker, const struct users_folder *folder)
{
	const struct user_record *row = users_list_id(&checker->sources[0].rows, folder->id);
	struct user_record record = folder->record;
	if (row && owner_tag(row) == owner_tag(&folder->record)) {
		/*
		 * The owner file is written before the row is committed, so it may be newer than a row of a
		 * damaged database.
		 */
		bool by_row = checker->sources[0].whole;
		bool behind = folder->owner == USERS_OWNER_NEW || owner_sum(row) != owner_sum(&record);
		record.last_login = row->last_login;
		users_check_want(checker, by_row ? row : &record, behind);
		return;
	}
	const struct user_record *copied = users_check_copy_row(checker, folder->id);
	if (copied && owner_tag(copied) == owner_tag(&folder->record))
		record.last_login = copied->last_login;
	if (row)
		users_problem(checker, "folder %" PRId64 ": belongs to %.*s, server.db says %.*s", folder->id,
			STRV_ARG(record.name), STRV_ARG(row->name));
	else
		users_problem(checker, "folder %" PRId64 ": belongs to %.*s, whom server.db does not know",
			folder->id, STRV_ARG(record.name));
	users_check_want(checker, &record, folder->owner == USERS_OWNER_NEW);
}

static void folder_unowned(struct users_checker *checker, const struct users_folder *folder)
{
	const struct user_record *row = users_list_id(&checker->sources[0].rows, folder->id);
	if (checker->foreign || !row)
		row = users_check_copy_row(checker, folder->id);
	if (!row && !folder->used)
		return;
	users_problem(checker, "folder %" PRId64 ": its owner file is missing or damaged", folder->id);
	if (row) {
		users_check_want(checker, row, true);
		return;
	}
	struct user_record record = users_check_nameless(checker, folder->id);
	buf_printf(checker->report, "folder %" PRId64 ": nobody knows whose it is; repair gives it to %.*s\n",
		folder->id, STRV_ARG(record.name));
	users_check_want(checker, &record, true);
}

static void check_folders(struct users_checker *checker)
{
	const struct users_source *server = &checker->sources[0];
	for (size_t i = 0; i < checker->folder_count; i++) {
		const struct users_folder *folder = &checker->folders[i];
		bool row = users_list_id(&server->rows, folder->id) != NULL;
		/* The folder is being removed, or its user was never acknowledged. */
		if (!row && users_source_removed(server, folder->id))
			continue;
		if (!row && folder->owner == USERS_OWNER_NEW && !folder->used)
			continue;
		if (folder->owner == USERS_OWNER_NONE)
			folder_unowned(checker, folder);
		else
			folder_owned(checker, folder);
	}
}

/* Finds rows without a folder, and rows whose folder belongs to another user. */
static void check_rows(struct users_checker *checker)
{
	const struct users_source *server = &checker->sources[0];
	for (size_t i = 0; i < server->rows.count; i++) {
		const struct user_record *row = &server->rows.v[i];
		const struct user_record *wanted = users_list_id(&checker->wanted, row->id);
		if (wanted && strv_eq(wanted->identity, row->identity))
			continue;
		if (!has_folder(checker, row->id)) {
			users_problem(checker, "user %.*s: has no folder; repair makes an empty one",
				STRV_ARG(row->name));
			users_check_want(checker, row, true);
		} else if (!checker->foreign) {
			users_problem(checker,
				"user %.*s: his folder is another's; repair makes an empty account",
				STRV_ARG(row->name));
			struct user_record moved = *row;
			moved.id = 0; /* a new one */
			users_check_want(checker, &moved, true);
		}
	}
}

/* Names. */

struct name_seen {
	UT_hash_handle hh;
	struct user_record *record;
};

/* Decides which of two users keeps the name: one who has a row in server.db, else the newer one. */
static bool name_stays(
	const struct users_checker *checker, const struct user_record *first, const struct user_record *other)
{
	bool known = users_list_id(&checker->sources[0].rows, first->id) != NULL;
	bool other_known = users_list_id(&checker->sources[0].rows, other->id) != NULL;
	return known != other_known ? known : first->id > other->id;
}

static void name_twice(struct users_checker *checker, struct name_seen *seen, struct user_record *record)
{
	struct user_record *loser = record;
	if (!name_stays(checker, seen->record, record)) {
		loser = seen->record;
		seen->record = record;
	}
	struct user_record renamed = users_check_nameless(checker, loser->id);
	users_problem(checker, "user %.*s: is there twice; repair gives one account to %.*s",
		STRV_ARG(loser->name), STRV_ARG(renamed.name));
	renamed.password = loser->password;
	renamed.identity = loser->identity;
	*loser = renamed;
	users_list_add(&checker->owners, &renamed);
}

static void check_names(struct users_checker *checker)
{
	struct name_seen *seen = NULL, *entry, *next;
	for (size_t i = 0; i < checker->wanted.count; i++) {
		struct user_record *record = &checker->wanted.v[i];
		struct strv canonical;
		if (user_name_check_new(record->name, checker->arena, &canonical) != RC_OK ||
			!strv_eq(canonical, record->name))
			buf_printf(checker->report,
				"user %s: the name could not be given to a new account (no problem by "
				"itself)\n",
				LOG_V(record->name));
		HASH_FIND(hh, seen, record->name.p, record->name.n, entry);
		if (entry) {
			name_twice(checker, entry, record);
			continue;
		}
		entry = arena_zalloc(checker->arena, sizeof(*entry));
		entry->record = record;
		HASH_ADD_KEYPTR(hh, seen, record->name.p, record->name.n, entry);
	}
	HASH_ITER (hh, seen, entry, next)
		HASH_DELETE(hh, seen, entry);
}

static void users_check_compare(struct users_checker *checker)
{
	check_folders(checker);
	users_list_sort(&checker->wanted);
	check_rows(checker);
	check_names(checker);
	if (!checker->state_there && checker->wanted.count > 0)
		users_problem(checker, "server.state: missing or damaged");
	checker->result.users = checker->wanted.count;
}

/* Whole. */

static enum rc store_lock(struct users_checker *checker)
{
	char path[PATH_ROOM];
	snprintf(path, sizeof(path), "%s/lock", checker->root);
	checker->lock_fd =
		checker->io->open(checker->io->ctx, path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (checker->lock_fd < 0) {
		int error = errno;
		log_error(checker->log, "storage folder cannot be used path=%s error=%s", checker->root,
			strerror(error));
		return io_rc(error);
	}
	if (flock(checker->lock_fd, LOCK_EX | LOCK_NB) == 0)
		return RC_OK;
	return errno == EWOULDBLOCK ? RC_INUSE : RC_IO;
}

/*
 * Files of an earlier repair may be in the kernel's memory only, if a sync failed then: they look right now,
 * but a power cut would take them.
 */
static enum rc store_sync(struct users_checker *checker)
{
	struct io *io = checker->io;
	int fd = io->open(io->ctx, checker->root, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
	enum rc rc = fd >= 0 && io->syncfs(io->ctx, fd) == 0 ? RC_OK : io_rc(errno);
	if (rc != RC_OK)
		log_error(checker->log, "storage folder cannot be synced path=%s", checker->root);
	if (fd >= 0)
		io->close(io->ctx, fd);
	return rc;
}

static enum rc users_check_run(struct users_checker *checker, bool repair)
{
	enum rc rc = store_lock(checker);
	if (rc == RC_OK && repair)
		rc = store_sync(checker);
	if (rc == RC_OK)
		rc = check_read(checker);
	if (rc != RC_OK)
		return rc;
	if (checker->older_form) {
		buf_adds(checker->report,
			"server.db has an older form: start the server once, it changes it\n");
		return RC_OK;
	}
	users_check_compare(checker);
	checker->result.left = checker->result.problems;
	if (repair && checker->result.problems > 0)
		rc = users_rebuild(checker);
	if (repair && rc == RC_OK)
		checker->result.left = 0;
	return rc;
}

enum rc users_check_on(struct io *io, const char *root, bool repair, struct log *log, struct buf *report,
	struct users_check_result *ret_result)
{
	struct users_checker checker = {
		.root = root,
		.io = io,
		.log = log,
		.lock_fd = -1,
		.arena = arena_new(0),
		.report = report,
	};
	if (strlen(root) + 512 > PATH_ROOM)
		return RC_INVALID;
	checker.vfs = vfs_new(checker.io);
	enum rc rc = users_check_run(&checker, repair);
	if (rc == RC_OK)
		*ret_result = checker.result;
	for (int i = 0; i < USERS_SOURCES; i++)
		users_source_free(&checker.sources[i]);
	free(checker.folders);
	free(checker.wanted.v);
	free(checker.owners.v);
	vfs_free(&checker.vfs);
	if (checker.lock_fd >= 0)
		checker.io->close(checker.io->ctx, checker.lock_fd);
	arena_free(&checker.arena);
	return rc;
}

enum rc users_check(const char *root, bool repair, struct log *log, struct buf *report,
	struct users_check_result *ret_result)
{
	return users_check_on(mem_unconst(&io_real), root, repair, log, report, ret_result);
}
