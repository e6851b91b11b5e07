/*
 * The file has two records in one block. They are written in turn, so that a torn one leaves the other. A
 * settled claim is written into both, since an older claim would name a WAL that no longer exists.
 */
#include "store/ledger.h"

#include "base/hash.h"
#include "store/store_priv.h"
#include "store/wal.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define RECORD_SIZE 64
#define RECORD_SPACE 512 /* a record is alone in its sector */
#define RECORD_MAGIC UINT64_C(0x31676c64696f63) /* "coidlg1" */

static const uint64_t record_key[2] = { UINT64_C(0x6c6564676572), 1 };

static void ledger_path(const struct account *account, char path[PATH_ROOM])
{
	snprintf(path, PATH_ROOM, "%s/account.ledger", account->path);
}

static void number_put(unsigned char *p, uint64_t value)
{
	for (unsigned i = 0; i < 8; i++)
		p[i] = (unsigned char)(value >> (8 * i));
}

static uint64_t number_get(const unsigned char *p)
{
	uint64_t value = 0;
	for (unsigned i = 0; i < 8; i++)
		value |= (uint64_t)p[i] << (8 * i);
	return value;
}

/* Little-endian: magic, number, modseq, salt, frames, settled, emptied, hash of all that. */
static void record_put(unsigned char p[RECORD_SIZE], uint64_t number, const struct ledger_claim *claim)
{
	const uint64_t fields[7] = { RECORD_MAGIC, number, claim->modseq, claim->salt, claim->frames,
		claim->settled, claim->emptied };
	for (unsigned i = 0; i < 7; i++)
		number_put(p + 8 * (size_t)i, fields[i]);
	number_put(p + 56, hash_bytes_seeded(p, 56, record_key));
}

static bool record_get(const unsigned char p[RECORD_SIZE], struct ledger *ledger)
{
	uint64_t number = number_get(p + 8);
	if (number_get(p) != RECORD_MAGIC || number_get(p + 56) != hash_bytes_seeded(p, 56, record_key))
		return false;
	if (ledger->valid && number < ledger->number)
		return true;
	ledger->valid = true;
	ledger->number = number;
	ledger->claim = (struct ledger_claim){ .modseq = number_get(p + 16),
		.salt = number_get(p + 24),
		.frames = (uint32_t)number_get(p + 32),
		.settled = number_get(p + 40) != 0,
		.emptied = number_get(p + 48) != 0 };
	return true;
}

static void ledger_read(const struct io *io, int fd, struct ledger *ledger)
{
	for (unsigned i = 0; i < 2; i++) {
		unsigned char record[RECORD_SIZE];
		ssize_t got = io_read_all(io, fd, record, sizeof(record), (uint64_t)i * RECORD_SPACE);
		if (got == RECORD_SIZE)
			(void)record_get(record, ledger);
	}
}

enum rc ledger_open(struct account *account)
{
	const struct io *io = account->store->io;
	struct ledger *ledger = &account->ledger;
	char path[PATH_ROOM];
	ledger_path(account, path);
	*ledger = (struct ledger){ .fd = io->open(io->ctx, path, O_RDWR | O_NOFOLLOW, 0) };
	/* If the file system takes no writes, the file can still be read. */
	int fd = ledger->fd;
	if (fd < 0 && (errno == EROFS || errno == EACCES))
		fd = io->open(io->ctx, path, O_RDONLY | O_NOFOLLOW, 0);
	if (fd < 0)
		return errno == ENOENT ? RC_OK : io_rc(errno);
	ledger_read(io, fd, ledger);
	if (fd != ledger->fd)
		(void)io->close(io->ctx, fd);
	return RC_OK;
}

void ledger_close(struct account *account)
{
	const struct io *io = account->store->io;
	if (account->ledger.fd >= 0)
		(void)io->close(io->ctx, account->ledger.fd);
	account->ledger = (struct ledger){ .fd = -1 };
}

bool ledger_claims(struct account *account)
{
	const struct io *io = account->store->io;
	struct ledger ledger = { .fd = -1 };
	char path[PATH_ROOM];
	ledger_path(account, path);
	int fd = io->open(io->ctx, path, O_RDONLY | O_NOFOLLOW, 0);
	if (fd < 0)
		return false;
	ledger_read(io, fd, &ledger);
	(void)io->close(io->ctx, fd);
	return ledger.valid;
}

enum rc ledger_forget(struct account *account)
{
	const struct io *io = account->store->io;
	char path[PATH_ROOM];
	ledger_close(account);
	ledger_path(account, path);
	return io->unlink(io->ctx, path) == 0 || errno == ENOENT ? RC_OK : io_rc(errno);
}

enum rc ledger_examine(struct account *account, unsigned *ret_frames)
{
	struct ledger *ledger = &account->ledger;
	const struct ledger_claim *claim = &ledger->claim;
	struct wal_scan scan;
	char path[PATH_ROOM];
	snprintf(path, sizeof(path), "%s/account.db-wal", account->path);
	enum rc rc = wal_scan(account->store->io, path, &scan);
	if (rc != RC_OK)
		return rc;
	*ret_frames = scan.frames;
	ledger->wal_empty = scan.empty;
	bool same = scan.header && scan.salt == claim->salt;
	ledger->salt_known = same;
	if (!ledger->valid || (same ? scan.frames >= claim->frames : claim->settled || claim->frames == 0))
		return RC_OK;
	log_error(account->store->log,
		"WAL of an account is damaged, acknowledged changes are missing account=%s frames=%u "
		"synced=%u same=%d",
		account_shown(account), same ? scan.frames : 0, claim->frames, (int)same);
	account->damage = "its WAL is damaged or missing, acknowledged changes are not there";
	return RC_CORRUPT;
}

/* The highest modseq of a message or of a removed message. */
static enum rc modseq_rows(struct account *account, uint64_t *ret_modseq)
{
	sqlite3_stmt *stmt;
	enum rc rc = db_one(account->db, &stmt,
		"SELECT max(coalesce((SELECT max(modseq) FROM msg), 0), coalesce((SELECT max(modseq) FROM "
		"expunged), 0))",
		"");
	if (rc != RC_OK)
		return rc == RC_NOT_FOUND ? RC_CORRUPT : rc;
	*ret_modseq = db_u64(stmt, 0);
	db_reset(stmt);
	return RC_OK;
}

enum rc ledger_examine_modseq(struct account *account)
{
	const struct ledger *ledger = &account->ledger;
	uint64_t modseq = mail_modseq_stored(account), claimed = ledger->claim.modseq;
	if (!ledger->valid || modseq >= claimed)
		return RC_OK;
	/* If only the counters are wrong, the check will find that: the messages are there. */
	enum rc rc = modseq_rows(account, &modseq);
	if (rc != RC_OK)
		return rc;
	if (modseq >= claimed) {
		account->modseq = account->modseq > claimed ? account->modseq : claimed;
		return RC_OK;
	}
	log_error(account->store->log,
		"database of an account is older than what was acknowledged account=%s modseq=%" PRIu64
		" synced=%" PRIu64,
		account_shown(account), modseq, ledger->claim.modseq);
	account->damage = "it is older than what was acknowledged";
	return RC_CORRUPT;
}

static bool ledger_write(struct account *account, uint64_t number, const struct ledger_claim *claim)
{
	const struct io *io = account->store->io;
	unsigned char record[RECORD_SIZE];
	record_put(record, number, claim);
	return io_write_all(io, account->ledger.fd, record, sizeof(record), number % 2 * RECORD_SPACE);
}

/*
 * The modseq to claim. It never goes back; while the account is being opened or closed the mail part does not
 * know it.
 */
static uint64_t modseq_claimed(const struct account *account)
{
	uint64_t stored = mail_modseq_stored(account), before = account->ledger.claim.modseq;
	return account->ledger.valid && before > stored ? before : stored;
}

void ledger_note(struct account *account)
{
	struct ledger *ledger = &account->ledger;
	if (ledger->fd < 0)
		return;
	struct ledger_claim claim = { .modseq = modseq_claimed(account),
		.salt = ledger->claim.salt,
		.frames = db_wal_frames(account->db) };
	/* If there are fewer frames, the WAL has begun anew and has another salt. */
	if (!ledger->salt_known || claim.frames < ledger->claim.frames || ledger->claim.settled)
		ledger->salt_known = db_wal_salt(account->db, &claim.salt) == RC_OK;
	if (!ledger->salt_known || claim.frames == 0)
		return;
	/* If it fails, the older claim stands, which is still true. */
	if (!ledger_write(account, ledger->number + 1, &claim))
		return;
	ledger->number++;
	ledger->valid = true;
	ledger->claim = claim;
}

/* Makes the file: accounts of earlier versions have none. */
static enum rc ledger_make(struct account *account)
{
	const struct io *io = account->store->io;
	char path[PATH_ROOM];
	if (account->ledger.fd >= 0)
		return RC_OK;
	ledger_path(account, path);
	int fd = io->open(io->ctx, path, O_RDWR | O_CREAT | O_NOFOLLOW, 0600);
	if (fd < 0)
		return io_rc(errno);
	if (!io_sync_dir(io, account->path)) {
		enum rc rc = io_rc(errno);
		(void)io->close(io->ctx, fd);
		return rc;
	}
	account->ledger.fd = fd;
	return RC_OK;
}

enum rc ledger_settle(struct account *account, unsigned frames)
{
	const struct io *io = account->store->io;
	struct ledger *ledger = &account->ledger;
	struct ledger_claim claim = { .modseq = modseq_claimed(account), .settled = true };
	enum rc rc = ledger_make(account);
	if (rc == RC_OK && db_wal_salt(account->db, &claim.salt) == RC_OK)
		claim.frames = frames;
	if (rc == RC_OK && (!ledger_write(account, ledger->number + 1, &claim) ||
				   !ledger_write(account, ledger->number + 2, &claim) ||
				   io->fdatasync(io->ctx, ledger->fd) != 0))
		rc = io_rc(errno);
	if (rc != RC_OK) {
		log_error(account->store->log, "ledger of an account cannot be written account=%s error=%s",
			account_shown(account), strerror(errno));
		return rc;
	}
	ledger->number += 2;
	ledger->valid = true;
	ledger->claim = claim;
	ledger->salt_known = false;
	return RC_OK;
}

void ledger_emptied(struct account *account)
{
	struct ledger *ledger = &account->ledger;
	struct ledger_claim claim = ledger->claim;
	claim.emptied = true;
	if (ledger->fd < 0 || !claim.settled || !ledger_write(account, ledger->number + 1, &claim))
		return;
	ledger->number++;
	ledger->claim = claim;
}

bool ledger_wal_blank(struct account *account)
{
	const struct ledger *ledger = &account->ledger;
	return ledger->valid && ledger->claim.settled && ledger->claim.emptied && ledger->wal_empty;
}
