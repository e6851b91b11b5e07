/*
 * The frame of a database: the first 100 octets of the file, and its tables, indexes and columns.
 */
#include "store/check_priv.h"

#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>

#define PAGE 4096
/* Offsets in the header of SQLite's file format. */
#define HEAD_SIZE 28 /* in pages */
#define HEAD_LARGEST_ROOT 52
#define HEAD_LARGEST_ROOT_SIZE 4

/*
 * Octets of the header that this program always writes alike: the same as in the template of a new account.
 */
static const struct {
	unsigned at;
	unsigned n;
	const char *what;
} header_fixed[] = {
	{ 0, 16, "magic" },
	{ 16, 2, "page size" },
	{ 18, 2, "format of reading and writing" },
	{ 20, 4, "sizes of cells" },
	{ 44, 4, "schema format" },
	{ 48, 4, "cache size" },
	{ 56, 4, "text encoding" },
	{ 60, 4, "version" },
	{ 64, 4, "incremental vacuum" },
	{ 68, 4, "application" },
	{ 72, 20, "reserved octets" },
};

#define HEADER_FIXED COUNT_OF(header_fixed)

static uint32_t header_u32(const unsigned char *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

void check_header_mend(const struct store *store, unsigned char head[DB_FORMAT_HEADER], uint64_t file_size)
{
	uint32_t pages = (uint32_t)(file_size / PAGE);
	for (size_t i = 0; i < HEADER_FIXED; i++)
		memcpy(head + header_fixed[i].at, store->template + header_fixed[i].at, header_fixed[i].n);
	if (header_u32(head + HEAD_LARGEST_ROOT) == 0)
		memcpy(head + HEAD_LARGEST_ROOT, store->template + HEAD_LARGEST_ROOT, HEAD_LARGEST_ROOT_SIZE);
	for (unsigned i = 0; i < 4; i++)
		head[HEAD_SIZE + i] = (unsigned char)(pages >> (24 - 8 * i));
}

enum rc check_header_read(struct account *account, struct check *check, unsigned *ret_bad)
{
	const struct io *io = account->store->io;
	const struct store *store = account->store;
	unsigned char head[DB_FORMAT_HEADER];
	char path[PATH_ROOM];
	unsigned bad = 0;
	snprintf(path, sizeof(path), "%s/account.db", account->path);
	int fd = io->open(io->ctx, path, O_RDONLY, 0);
	if (fd < 0)
		return errno == ENOENT ? RC_NOT_FOUND : io_rc(errno);
	ssize_t got = io_read_all(io, fd, head, sizeof(head), 0);
	(void)io->close(io->ctx, fd);
	if (got != (ssize_t)sizeof(head))
		return got < 0 ? RC_IO : RC_CORRUPT;
	for (size_t i = 0; i < HEADER_FIXED; i++) {
		unsigned at = header_fixed[i].at;
		if (memcmp(head + at, store->template + at, header_fixed[i].n) == 0)
			continue;
		bad++;
		if (check)
			check_found(check, &(struct check_problem){ .kind = CHECK_DATABASE },
				"database: %s in the header is not what this program writes (octets from %u "
				"on)",
				header_fixed[i].what, at);
	}
	if (header_u32(head + HEAD_LARGEST_ROOT) == 0) {
		bad++;
		if (check)
			check_found(check, &(struct check_problem){ .kind = CHECK_DATABASE },
				"database: the header says that there is no automatic vacuum");
	}
	*ret_bad = bad;
	return RC_OK;
}

enum rc check_header(struct check *check)
{
	struct account *account = check->account;
	unsigned bad;
	/*
	 * The WAL may have a newer page 1, so it is written into the file first. If that is impossible the
	 * file is checked as it is.
	 */
	enum rc rc = db_read_only(account->db) ? RC_OK : settle_checkpoint(account, true);
	if (rc == RC_CORRUPT) {
		check_found(check, &(struct check_problem){ .kind = CHECK_DATABASE },
			"database: its WAL is damaged");
		return RC_OK;
	}
	if (rc != RC_OK)
		log_warn(account->store->log, "no checkpoint before the check account=%s",
			account_shown(account));
	rc = check_header_read(account, check, &bad);
	if (rc == RC_CORRUPT || rc == RC_NOT_FOUND) {
		check_found(check, &(struct check_problem){ .kind = CHECK_DATABASE },
			"database: it has no header");
		return RC_OK;
	}
	return rc;
}

static void schema_differs(void *arg, const char *what, bool missing)
{
	check_found(arg, &(struct check_problem){ .kind = CHECK_DATABASE }, "database: %s: %s",
		missing ? "missing or not as it should be" : "does not belong here", what);
}

enum rc check_schema(struct check *check)
{
	struct db *db = check->account->db;
	int version;
	enum rc rc = db_version(db, &version);
	if (rc == RC_OK && version != SCHEMA_VERSION)
		check_found(check, &(struct check_problem){ .kind = CHECK_DATABASE },
			"database: its version is %d", version);
	return rc == RC_OK ? schema_compare(db_handle(db), schema_differs, check) : rc;
}
