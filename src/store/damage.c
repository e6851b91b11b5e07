/*
 * Messages whose bytes are damaged: rows of table damage, log lines, and the note that tells the owner.
 */
#include "store/damage.h"

#include "base/clock.h"
#include "base/mem.h"
#include "base/rand.h"
#include "store/mailbox.h"
#include "store/message.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define NOTE_MAX (64 * 1024)

bool damage_known(const struct account *account, int64_t blob)
{
	const struct blob_state *state = &account->blobs;
	for (size_t i = 0; i < state->damaged_count; i++)
		if (state->damaged[i] == blob)
			return true;
	return false;
}

static void damage_remember(struct blob_state *state, int64_t blob)
{
	state->damaged = mem_realloc(state->damaged, state->damaged_count + 1, sizeof(*state->damaged));
	state->damaged[state->damaged_count++] = blob;
}

struct damage_job {
	struct job job; /* first */
	int64_t blob;
};

static enum rc damage_log(struct account *account, int64_t blob)
{
	sqlite3_stmt *stmt;
	unsigned count = 0;
	enum rc rc = db_query(account->db, &stmt,
		"SELECT b.name, m.uid FROM msg m JOIN mailbox b ON b.id = m.mailbox WHERE m.blob = ?1", "i",
		blob);
	if (rc != RC_OK)
		return rc;
	for (rc = db_step(account->db, stmt); rc == RC_OK && count < DAMAGE_LOG_MAX;
		rc = db_step(account->db, stmt)) {
		struct strv name = db_text(stmt, 0);
		log_error(account->store->log,
			"message cannot be read account=%s mailbox=%s uid=%u blob=%" PRId64,
			account_shown(account), LOG_V(name), db_u32(stmt, 1), blob);
		count++;
	}
	db_reset(stmt);
	return rc == RC_NOT_FOUND ? RC_OK : rc;
}

static enum rc damage_job_run(struct account *account, struct job *job)
{
	const struct damage_job *damage = CONTAINER_OF(job, struct damage_job, job);
	enum rc rc = db_run(account->db,
		"INSERT OR IGNORE INTO damage (blob, found_at, noted_at) VALUES (?1, ?2, 0)", "ii",
		damage->blob, clock_wall());
	if (rc != RC_OK || db_changes(account->db) == 0)
		return rc;
	account_background(account, BACKGROUND_NOTE, clock_mono_ms() + DAMAGE_NOTE_WAIT_MS);
	return damage_log(account, damage->blob);
}

static void damage_job_done(struct job *job)
{
	free(job);
}

void damage_found(struct account *account, int64_t blob)
{
	strand_assert(account->strand);
	if (!account->blobs_open || account->blobs.damaged_count >= DAMAGE_KNOWN_MAX ||
		damage_known(account, blob))
		return;
	damage_remember(&account->blobs, blob);
	struct damage_job *damage = mem_zalloc(sizeof(*damage));
	damage->job.kind = JOB_WRITE_RELAXED;
	damage->job.run = damage_job_run;
	damage->job.done = damage_job_done;
	damage->blob = blob;
	job_submit_always(account, &damage->job);
}

enum rc damage_open(struct account *account)
{
	bool owed = false;
	sqlite3_stmt *stmt;
	enum rc rc = db_query(account->db, &stmt, "SELECT blob, noted_at FROM damage", "");
	if (rc != RC_OK)
		return rc;
	for (rc = db_step(account->db, stmt); rc == RC_OK; rc = db_step(account->db, stmt)) {
		if (account->blobs.damaged_count < DAMAGE_KNOWN_MAX)
			damage_remember(&account->blobs, db_i64(stmt, 0));
		owed = owed || db_i64(stmt, 1) == 0;
	}
	if (owed)
		account_background(account, BACKGROUND_NOTE, clock_mono_ms() + DAMAGE_NOTE_WAIT_MS);
	return rc == RC_NOT_FOUND ? RC_OK : rc;
}

/* The note. */

struct note {
	struct buf lines; /* own: one for each message */
	uint64_t count;
};

/* Describes a message by UID, size and date only: envelope fields may be long or hostile. */
static void note_line(struct note *note, sqlite3_stmt *stmt)
{
	char date[40] = "";
	struct tm tm;
	time_t when = (time_t)db_i64(stmt, 2);
	struct strv name = db_text(stmt, 0);
	if (gmtime_r(&when, &tm))
		(void)strftime(date, sizeof(date), "%Y-%m-%d %H:%M UTC", &tm);
	buf_addv(&note->lines, STRV("  mailbox "));
	for (size_t i = 0; i < name.n; i++)
		buf_addc(&note->lines, (unsigned char)name.p[i] < ' ' ? '?' : name.p[i]);
	buf_printf(
		&note->lines, ", UID %u, %u octets, received %s\r\n", db_u32(stmt, 1), db_u32(stmt, 3), date);
}

static enum rc note_collect(struct account *account, struct note *note)
{
	sqlite3_stmt *stmt;
	enum rc rc = db_query(account->db, &stmt,
		"SELECT b.name, m.uid, m.internaldate, m.size FROM msg m JOIN mailbox b ON b.id = m.mailbox"
		" WHERE m.blob IN (SELECT blob FROM damage WHERE noted_at = 0) ORDER BY b.name, m.uid",
		"");
	if (rc != RC_OK)
		return rc;
	for (rc = db_step(account->db, stmt); rc == RC_OK; rc = db_step(account->db, stmt))
		if (note->count++ < DAMAGE_NOTE_LINES)
			note_line(note, stmt);
	return rc == RC_NOT_FOUND ? RC_OK : rc;
}

static void note_text(const struct note *note, struct buf *out)
{
	char date[64] = "";
	struct tm tm;
	time_t now = (time_t)clock_wall();
	if (gmtime_r(&now, &tm))
		(void)strftime(date, sizeof(date), "%a, %d %b %Y %H:%M:%S +0000", &tm);
	buf_printf(out,
		"From: Mail server <postmaster@localhost>\r\n"
		"Subject: Damaged messages in your account\r\n"
		"Date: %s\r\nMessage-ID: <damage.%016" PRIx64
		"@localhost>\r\nAuto-Submitted: auto-generated\r\n"
		"MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n"
		"Content-Transfer-Encoding: 8bit\r\n\r\n",
		date, rand_u64());
	buf_addv(out,
		STRV("The server can no longer read these messages as they were stored. The disk, or a\r\n"
		     "program, has changed or lost their bytes. Nothing else of your mail is "
		     "concerned.\r\n\r\n"));
	buf_addv(out, buf_strv(&note->lines));
	if (note->count > DAMAGE_NOTE_LINES)
		buf_printf(out, "  and %" PRIu64 " more\r\n", note->count - DAMAGE_NOTE_LINES);
	buf_addv(out,
		STRV("\r\nIf your mail program still has a copy of one of them, keep it. The administrator "
		     "of\r\n"
		     "the server can look for a backup, and run \"coidctl check\" for your account.\r\n"));
}

static enum rc note_append(struct account *account, const struct note *note)
{
	struct mbox_info inbox;
	struct buf text;
	uint32_t uid;
	enum rc rc = mbox_find(account, STRV("INBOX"), &inbox);
	if (rc != RC_OK)
		return rc;
	buf_init(&text, NOTE_MAX);
	note_text(note, &text);
	struct content *content = content_from_bytes(account->store, buf_strv(&text));
	struct msg_new msg = { .content = content, .prefix = STRV_NULL, .internaldate = clock_wall() };
	rc = msg_append(account, inbox.id, &msg, &uid);
	content_unref(&content);
	buf_fini(&text);
	return rc;
}

static enum rc note_write(struct account *account, void *arg)
{
	struct note *note = arg;
	buf_reset(&note->lines);
	note->count = 0;
	enum rc rc = note_collect(account, note);
	if (rc == RC_OK && note->count > 0)
		rc = note_append(account, note);
	if (rc == RC_OK)
		rc = db_run(
			account->db, "UPDATE damage SET noted_at = ?1 WHERE noted_at = 0", "i", clock_wall());
	return rc;
}

/* The number of seconds until the next note is allowed. */
static enum rc note_wait(struct account *account, bool *ret_owed, int64_t *ret_wait)
{
	sqlite3_stmt *stmt;
	enum rc rc = db_one(account->db, &stmt,
		"SELECT coalesce(min(noted_at), 1), coalesce(max(noted_at), 0) FROM damage", "");
	if (rc != RC_OK)
		return rc;
	int64_t now = clock_wall(), last = db_i64(stmt, 1);
	*ret_owed = db_i64(stmt, 0) == 0;
	/* A time in the future comes from a wrong clock and does not delay the note. */
	*ret_wait = last > now - DAMAGE_NOTE_PAUSE_S && last <= now ? last + DAMAGE_NOTE_PAUSE_S - now : 0;
	db_reset(stmt);
	return RC_OK;
}

enum rc damage_note(struct account *account)
{
	bool owed;
	int64_t wait;
	struct note note = { .count = 0 };
	enum rc rc = note_wait(account, &owed, &wait);
	if (rc != RC_OK || !owed)
		return rc;
	if (wait == 0) {
		buf_init(&note.lines, NOTE_MAX / 2);
		rc = job_transaction(account, note_write, &note);
		buf_fini(&note.lines);
		wait = DAMAGE_NOTE_PAUSE_S;
	}
	/* The disk is full, or it is too early: the rows stay for the next try. */
	if ((rc != RC_OK || wait < DAMAGE_NOTE_PAUSE_S) && account->db)
		account_background(account, BACKGROUND_NOTE, clock_mono_ms() + (uint64_t)wait * 1000);
	return rc;
}
