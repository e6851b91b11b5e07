/*
 * Calls that fail outside a commit: while the server starts, while an account is opened (after a stop, a
 * kill, a power cut, a failed sync; with a migration, with one that was interrupted once), in check and
 * repair, in COI's and METADATA's jobs, in push.db, and in ordinary jobs. Each call of SQLite, and each open
 * and read of a file, fails once, or from then on. The rules: an answer is right or an error; afterwards the
 * account can be opened and has exactly its good state; a request that got an error works when it is
 * repeated; nothing that is whole was set aside.
 *
 * In the ordinary run each call fails with one of the codes, drawn from a seed (COID_FAULT_SEED, 1); with
 * COID_POWER_THOROUGH each call fails with each of them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "coi/coi.h"
#include "metadata/metadata.h"
#include "support/db_fault.h"
#include "support/power.h"

#include "base/clock.h"
#include "base/mem.h"
#include "store/pushq.h"
#include "store/store_priv.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ACCOUNT 1 /* that of the first user */
#define DUMP_MAX (4u * 1024 * 1024)
#define CALLS_MAX 3000
#define TEXT_ROOM 700
#define AGAIN_FAULTS 3 /* of the second migration, for each of the first, in the ordinary run */
static const struct strv none = { NULL, 0 };

/* Folders from which every run starts. */
enum start {
	START_CLOSED, /* stopped in order */
	START_KILLED, /* with a WAL and relaxed commits in it */
	START_VERSION_1, /* of account.db */
	START_VERSION_5,
	START_PUSH_1, /* push.db of the first version */
	START_PROBLEMS, /* what a repair has to mend */
	START_DAMAGED, /* account.db has to be made anew */
	STARTS
};

struct world {
	char root[512];
	struct rig rig;
	struct metadata *metadata;
	struct coi *coi;
	struct buf message;
	struct buf answer; /* of a scene that reads */
	struct buf text;
	unsigned left; /* problems, after the last repair */
};

static char starts[STARTS][512];

/* Folders. */

static void file_copy(const char *from, const char *to, const struct stat *st)
{
	static char piece[256 * 1024];
	int in = open(from, O_RDONLY), out = open(to, O_WRONLY | O_CREAT | O_EXCL, 0600);
	assert_true(in >= 0 && out >= 0);
	for (ssize_t got = read(in, piece, sizeof(piece)); got > 0; got = read(in, piece, sizeof(piece)))
		assert_int_equal(write(out, piece, (size_t)got), got);
	/* The date of a message without other data is that of its file. */
	assert_int_equal(futimens(out, (struct timespec[]){ st->st_mtim, st->st_mtim }), 0);
	close(in);
	close(out);
}

/* The reserve is made again if it is missing, so megabytes need not be copied. */
static void folder_copy(const char *from, const char *to, unsigned depth)
{
	DIR *entries = opendir(from);
	assert_non_null(entries);
	assert_true(mkdir(to, 0700) == 0 || errno == EEXIST);
	for (struct dirent *entry = readdir(entries); entry; entry = readdir(entries)) {
		char a[1024], b[1024];
		struct stat st;
		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0 ||
			strcmp(entry->d_name, "reserve") == 0)
			continue;
		snprintf(a, sizeof(a), "%s/%s", from, entry->d_name);
		snprintf(b, sizeof(b), "%s/%s", to, entry->d_name);
		assert_int_equal(stat(a, &st), 0);
		if (S_ISDIR(st.st_mode) && depth > 0)
			folder_copy(a, b, depth - 1);
		else
			file_copy(a, b, &st);
	}
	closedir(entries);
}

/* Looks for names below a folder that say that a file was set aside, which never happens here. */
static bool set_aside(const char *path, unsigned depth, char found[1024])
{
	static const char *const signs[] = { ".lost-", ".damaged-", ".left-", ".build", ".db.copy-wal",
		".db.new" };
	DIR *entries = opendir(path);
	bool is = false;
	if (!entries)
		return false;
	for (struct dirent *entry = readdir(entries); entry && !is; entry = readdir(entries)) {
		char below[1024];
		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		for (size_t i = 0; !is && i < sizeof(signs) / sizeof(signs[0]); i++)
			is = strstr(entry->d_name, signs[i]) != NULL;
		/* The file is in lost/. */
		is = is || strcmp(strrchr(path, '/'), "/lost") == 0;
		if (is)
			snprintf(found, 1024, "%s", entry->d_name);
		snprintf(below, sizeof(below), "%s/%s", path, entry->d_name);
		if (!is && entry->d_type == DT_DIR && depth > 0)
			is = set_aside(below, depth - 1, found);
	}
	closedir(entries);
	return is;
}

/* True: a bad sector could give this error, so reporting damage is right as long as nothing is lost by it. */
static bool damage_like(const struct fault_plan *plan)
{
	return plan->where == FAULT_SQL ? plan->error == SQLITE_CORRUPT || plan->error == SQLITE_IOERR
					: plan->error == EIO;
}

/* The server. */

static void world_init(struct world *world, const char *root)
{
	struct metadata_settings limits = { .value_max = 65536, .entries_max = 100 };
	struct coi_settings settings = { .enabled = true, .mailbox_root = "COI" };
	struct metadata_provider provider;
	memset(world, 0, sizeof(*world));
	snprintf(world->root, sizeof(world->root), "%s", root);
	clock_fake_set(1000, 1700000000);
	buf_init(&world->message, DUMP_MAX);
	buf_init(&world->answer, DUMP_MAX);
	buf_init(&world->text, DUMP_MAX);
	world->metadata = metadata_new(&limits);
	world->coi = coi_new(&settings, NULL);
	coi_provider(world->coi, &provider);
	metadata_add(world->metadata, &provider);
	rig_init(&world->rig, world->root, fault_io());
	world->rig.settings.inline_age_ms = 0;
}

static enum rc world_open(struct world *world)
{
	enum rc rc = rig_open(&world->rig);
	if (rc == RC_OK)
		coi_attach(world->coi, world->rig.store);
	return rc;
}

static void world_fini(struct world *world)
{
	if (world->rig.store)
		rig_close(&world->rig);
	metadata_free(&world->metadata);
	coi_free(&world->coi);
	buf_fini(&world->message);
	buf_fini(&world->answer);
	buf_fini(&world->text);
	clock_fake_set(0, 0);
}

static enum rc append_to(struct world *world, const char *mailbox, unsigned number, size_t size)
{
	buf_reset(&world->message);
	rig_message(&world->message, number, size);
	return rig_append(&world->rig, ACCOUNT, mailbox, buf_strv(&world->message), none, NULL);
}

static enum rc script_run(struct account *account, void *arg)
{
	return db_script(account->db, arg);
}

/* Runs a script outside a transaction. */
static void script(struct world *world, const char *sql)
{
	assert_int_equal(rig_run(&world->rig, ACCOUNT, JOB_READ, script_run, (char *)(uintptr_t)sql), RC_OK);
}

/* push.db. */

struct push_call {
	struct pushq_job job; /* first */
	struct world *world;
	bool done;
};

static void push_done(struct pushq_job *job)
{
	((struct push_call *)(void *)job)->done = true;
}

static enum rc push_submit(
	struct world *world, bool write, enum rc (*run)(struct pushq *pushq, struct pushq_job *job))
{
	struct push_call call = { .world = world };
	call.job = (struct pushq_job){
		.write = write, .sync = write, .run = run, .done = push_done, .home = world->rig.reactor
	};
	pushq_submit(world->rig.store, &call.job);
	while (!call.done)
		reactor_run_once(world->rig.reactor, true);
	return call.job.rc;
}

static enum rc push_add_run(struct pushq *pushq, struct pushq_job *job)
{
	struct push_record record = { .account = ACCOUNT,
		.subscription = STRV("sub"),
		.endpoint = STRV("https://push.example.org/x"),
		.keys = STRV("keys"),
		.plain = STRV("plain"),
		.created = 1700000000,
		.expires = 1800000000,
		.mailbox = 1,
		.uid = 7 };
	int64_t id;
	uint32_t count;
	int64_t since;
	(void)job;
	enum rc rc = pushq_add(pushq, &record, &id);
	if (rc == RC_OK)
		rc = pushq_subscriber(pushq, ACCOUNT, true);
	if (rc == RC_OK)
		rc = pushq_expiry(
			pushq, ACCOUNT, STRV("sub"), STRV("https://push.example.org/x"), 1700001000);
	return rc == RC_OK ? pushq_failed(pushq, ACCOUNT, STRV("sub"), 1700000000, &count, &since) : rc;
}

static bool push_note(void *arg, const struct push_record *record)
{
	buf_printf(arg, "push %" PRId64 " %.*s uid %u due %" PRId64 "\n", record->id, STRV_ARG(record->plain),
		record->uid, record->due);
	return true;
}

static void push_note_account(void *arg, int64_t account)
{
	buf_printf(arg, "subscriber %" PRId64 "\n", account);
}

static void push_note_expiry(
	void *arg, int64_t account, struct strv subscription, struct strv endpoint, int64_t due)
{
	(void)endpoint;
	buf_printf(arg, "expiry %" PRId64 " %.*s %" PRId64 "\n", account, STRV_ARG(subscription), due);
}

static void push_note_sent(void *arg, int64_t account, int64_t mailbox, uint32_t uid)
{
	buf_printf(arg, "sent %" PRId64 " %" PRId64 " %u\n", account, mailbox, uid);
}

static enum rc push_list_run(struct pushq *pushq, struct pushq_job *job)
{
	struct buf *out = &((struct push_call *)(void *)job)->world->text;
	buf_reset(out);
	enum rc rc = pushq_list(pushq, 0, push_note, out);
	if (rc == RC_OK)
		rc = pushq_subscribers(pushq, push_note_account, out);
	if (rc == RC_OK)
		rc = pushq_expiries(pushq, push_note_expiry, out);
	return rc == RC_OK ? pushq_sent_list(pushq, push_note_sent, out) : rc;
}

static enum rc push_sent_run(struct pushq *pushq, struct pushq_job *job)
{
	struct push_record record = { .id = 1, .account = ACCOUNT, .mailbox = 1, .uid = 7 };
	(void)job;
	/* Later than the hour that a run may wait: it is not forgotten meanwhile. */
	return pushq_sent(pushq, &record, 1700000000 + 86400);
}

/* The state as text. */

static enum rc rows_run(struct account *account, void *arg)
{
	static const char *const sql[] = { "PRAGMA user_version", "SELECT count(*) FROM thread_ref",
		"SELECT count(DISTINCT thread) FROM blob WHERE refs > 0", "SELECT count(*) FROM push_owed",
		"SELECT count(*) FROM keyword_more" };
	enum rc rc = RC_OK;
	for (size_t i = 0; rc == RC_OK && i < sizeof(sql) / sizeof(sql[0]); i++) {
		sqlite3_stmt *stmt;
		rc = db_one(account->db, &stmt, sql[i], "");
		if (rc != RC_OK)
			return rc;
		buf_printf(arg, "%s: %" PRId64 "\n", sql[i], db_i64(stmt, 0));
		db_reset(stmt);
	}
	return rc;
}

/* Users and account. */
static enum rc account_text(struct world *world, struct buf *out)
{
	uint64_t modseq;
	enum rc rc = rig_dump(&world->rig, ACCOUNT, out, &modseq);
	return rc == RC_OK ? rig_run(&world->rig, ACCOUNT, JOB_READ, rows_run, out) : rc;
}

static enum rc nothing_run(struct account *account, void *arg)
{
	(void)account;
	(void)arg;
	return RC_OK;
}

static char *world_state(struct world *world, const char *what)
{
	/* If server.db could not be opened, the next request for a user tries again. */
	enum rc rc = account_text(world, &world->message);
	if (rc != RC_OK)
		fail_msg("%s: the account cannot be read afterwards: %s", what, rc_name(rc));
	/* Waits for the mover and the jobs that it submits. */
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(rig_run(&world->rig, ACCOUNT, JOB_READ, nothing_run, NULL), RC_OK);
	rc = push_submit(world, false, push_list_run);
	if (rc != RC_OK)
		fail_msg("%s: push.db cannot be read afterwards: %s", what, rc_name(rc));
	rc = account_text(world, &world->message);
	if (rc != RC_OK)
		fail_msg("%s: the account cannot be read afterwards: %s", what, rc_name(rc));
	buf_add(&world->message, world->text.p, world->text.len);
	char *text = mem_strndup(world->message.p, world->message.len);
	power_blank_uidvalidity(text);
	/* An id drawn for a user who could not be made is not used again. */
	for (char *p = strstr(text, "user "); p; p = strstr(p + 1, "\nuser ")) {
		char *id = strstr(p, " id ");
		for (id += strlen(" id "); *id >= '0' && *id <= '9'; id++)
			*id = '0';
	}
	return text;
}

/* The first line in which two texts differ. */
static void fail_difference(const char *what, const char *of, const char *found, const char *expected)
{
	while (*found && *expected) {
		size_t n = strcspn(found, "\n"), m = strcspn(expected, "\n");
		if (n != m || memcmp(found, expected, n) != 0)
			break;
		found += n + (found[n] == '\n');
		expected += m + (expected[m] == '\n');
	}
	fail_msg("%s: %s has \"%.*s\", not \"%.*s\"", what, of, (int)strcspn(found, "\n"), found,
		(int)strcspn(expected, "\n"), expected);
}

static void assert_clean(struct world *world, bool aside, const char *what)
{
	struct check_result result = { 0 };
	char found[1024];
	buf_reset(&world->text);
	assert_int_equal(rig_sweep(&world->rig, ACCOUNT), RC_OK);
	assert_int_equal(rig_check(&world->rig, ACCOUNT, false, &world->text, &result), RC_OK);
	if (result.problems > 0)
		fail_msg("%s: the check found %.*s", what, STRV_ARG(buf_strv(&world->text)));
	if (!aside && set_aside(world->root, 8, found))
		fail_msg("%s: %s is there", what, found);
}

/* Jobs. */

struct setting {
	const struct world *world;
	const char *mailbox; /* "": the account */
	const char *name;
	const char *value; /* NULL: NIL */
};

static enum rc set_run(struct account *account, void *arg)
{
	const struct setting *setting = arg;
	struct metadata_scope scope = { .mailbox_name = strv_cstr(setting->mailbox) };
	struct metadata_error error = { 0 };
	struct mbox_info info;
	if (setting->mailbox[0]) {
		enum rc rc = mbox_find(account, scope.mailbox_name, &info);
		if (rc != RC_OK)
			return rc;
		scope.mailbox = info.id;
	}
	return metadata_set(setting->world->metadata, account, &scope, strv_cstr(setting->name),
		strv_cstr(setting->value), &error);
}

static enum rc set(struct world *world, const char *mailbox, const char *name, const char *value)
{
	struct setting setting = { world, mailbox, name, value };
	return rig_run(&world->rig, ACCOUNT, JOB_WRITE, set_run, &setting);
}

static enum rc get_run(struct account *account, void *arg)
{
	struct world *world = arg;
	const struct strv names[] = { STRV("/private"), STRV("/shared/comment"), STRV(COI_PREFIX) };
	struct metadata_request request = { .names = names, .count = 3, .depth = ENTRY_DEPTH_INFINITY };
	struct metadata_scope scope = { .mailbox = 0 };
	struct metadata_answer answer;
	struct coi_state state;
	struct strv root;
	enum rc rc = metadata_get(world->metadata, account, &scope, &request, &answer);
	for (size_t i = 0; rc == RC_OK && i < answer.count; i++)
		buf_printf(&world->answer, "%.*s = %.*s\n", STRV_ARG(answer.entries[i].name),
			STRV_ARG(answer.entries[i].value));
	if (rc == RC_OK)
		rc = coi_state(world->coi, account, &state);
	if (rc == RC_OK)
		rc = coi_root(world->coi, account, &root);
	if (rc == RC_OK)
		buf_printf(
			&world->answer, "coi %d %d %.*s\n", state.enabled, (int)state.filter, STRV_ARG(root));
	return rc;
}

struct chat {
	struct world *world;
	struct content *content;
};

static enum rc chat_run(struct account *account, void *arg)
{
	const struct chat *chat = arg;
	struct msg_new msg = { .content = chat->content, .internaldate = 1700000000 };
	struct mbox_info info;
	uint32_t uid;
	enum rc rc = mbox_find(account, STRV("INBOX"), &info);
	if (rc != RC_OK)
		return rc;
	int64_t mailbox = info.id;
	rc = coi_deliver(chat->world->coi, account, false, &mailbox, &msg);
	return rc == RC_OK ? msg_append(account, mailbox, &msg, &uid) : rc;
}

static enum rc deliver_chat(struct world *world, unsigned number)
{
	struct chat chat = { .world = world };
	buf_reset(&world->message);
	buf_adds(&world->message, "Chat-Version: 1.0\r\n");
	rig_message(&world->message, number, 700);
	enum rc rc = rig_receive(&world->rig, buf_strv(&world->message), &chat.content);
	if (rc != RC_OK)
		return rc;
	rc = rig_run(&world->rig, ACCOUNT, JOB_WRITE, chat_run, &chat);
	content_unref(&chat.content);
	return rc;
}

/* Starts. */

/* Makes users; messages in the database and in files, one removed, copies, chats; settings; a push. */
static void start_fill(struct world *world)
{
	struct rig *rig = &world->rig;
	assert_int_equal(world_open(world), RC_OK);
	assert_int_equal(rig_user_add(rig, "b@example.org"), RC_OK);
	assert_int_equal(append_to(world, "INBOX", 1, 500), RC_OK);
	assert_int_equal(rig_move_out(rig, ACCOUNT), RC_OK);
	assert_int_equal(append_to(world, "INBOX", 2, 500), RC_OK);
	assert_int_equal(append_to(world, "INBOX", 3, 9000), RC_OK);
	assert_int_equal(append_to(world, "INBOX", 4, 9000), RC_OK);
	assert_int_equal(rig_create(rig, ACCOUNT, "Work"), RC_OK);
	assert_int_equal(rig_subscribe(rig, ACCOUNT, "Work", true), RC_OK);
	assert_int_equal(rig_copy(rig, ACCOUNT, "INBOX", 3, "Work", false), RC_OK);
	assert_int_equal(rig_expunge(rig, ACCOUNT, "INBOX", 4), RC_OK);
	assert_int_equal(set(world, "", "/private/comment", "mine"), RC_OK);
	assert_int_equal(set(world, "Work", "/shared/comment", "ours"), RC_OK);
	assert_int_equal(set(world, "", COI_PREFIX "/enabled", "yes"), RC_OK);
	assert_int_equal(set(world, "", COI_PREFIX "/message-filter", "seen"), RC_OK);
	assert_int_equal(deliver_chat(world, 5), RC_OK);
	assert_int_equal(rig_flags(rig, ACCOUNT, "INBOX", 2, MSG_FLAGGED), RC_OK);
	assert_int_equal(push_submit(world, true, push_add_run), RC_OK);
}

#define DOWN_TO_5                                                                                            \
	"DROP TABLE damage; DROP INDEX blob_unsummed; ALTER TABLE blob DROP COLUMN sum; PRAGMA "             \
	"user_version = 5;"
#define DOWN_TO_1                                                                                            \
	DOWN_TO_5 "DROP TABLE keyword_more; ALTER TABLE account DROP COLUMN file_prefix; DROP TABLE "        \
		  "push_owed; DROP TABLE thread_ref; ALTER TABLE blob DROP COLUMN thread; PRAGMA "           \
		  "user_version = 1;"

/* Makes counters, references and sizes wrong; a message loses its row, one its mailbox, a file its row. */
static const char problems_sql[] =
	"UPDATE mailbox SET messages = messages + 3, unseen = 0, log_rows = 17;"
	"UPDATE blob SET refs = refs + 1 WHERE id = 2;"
	"UPDATE msg SET size = size + 1 WHERE uid = 1;"
	"DELETE FROM msg WHERE mailbox = (SELECT id FROM mailbox WHERE name = 'INBOX') AND uid = 2;"
	"INSERT INTO msg SELECT 999, 1, 0, 0, modseq, size, internaldate, zone, savedate, blob FROM msg "
	"LIMIT 1;"
	"UPDATE blob SET refs = refs + 1 WHERE id = (SELECT blob FROM msg WHERE mailbox = 999);"
	"DELETE FROM blob WHERE refs = 0;"
	"INSERT INTO blob_prefix VALUES (12345, 'stray');"
	"UPDATE account SET modseq_ceiling = 1;";

static void start_damage(const char *root, const char *name, off_t offset, const char *octet)
{
	char path[1024];
	snprintf(path, sizeof(path), "%s/users/%02x/%d/%s", root, ACCOUNT, ACCOUNT, name);
	int fd = open(path, O_RDWR);
	assert_true(fd >= 0);
	assert_int_equal(pwrite(fd, octet, 1, offset), 1);
	close(fd);
}

/* Removes what versions 2 and 3 have added. */
static void start_push_down(const char *root)
{
	char path[1024];
	sqlite3 *db = NULL;
	snprintf(path, sizeof(path), "%s/push.db", root);
	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db,
				 "DROP TABLE sent; DROP TABLE life; DROP TABLE subscriber; DROP TABLE expiry;"
				 "ALTER TABLE push DROP COLUMN vapid; ALTER TABLE push DROP COLUMN mailbox;"
				 "ALTER TABLE push DROP COLUMN uid; PRAGMA user_version = 1",
				 NULL, NULL, NULL),
		SQLITE_OK);
	sqlite3_close(db);
}

static void start_make(enum start start)
{
	struct world world;
	char root[512];
	rig_folder_make(root);
	rig_folder_make(starts[start]);
	world_init(&world, root);
	start_fill(&world);
	if (start == START_VERSION_1)
		script(&world, DOWN_TO_1);
	if (start == START_VERSION_5)
		script(&world, DOWN_TO_5);
	if (start == START_PROBLEMS)
		script(&world, problems_sql);
	/* The copy is made while the server runs: a killed process leaves the same. */
	if (start == START_KILLED)
		folder_copy(root, starts[start], 8);
	rig_close(&world.rig);
	if (start == START_PUSH_1)
		start_push_down(root);
	if (start == START_DAMAGED)
		start_damage(root, "account.db", 61, "\x5a");
	if (start != START_KILLED)
		folder_copy(root, starts[start], 8);
	world_fini(&world);
	rig_folder_remove(root);
}

static int starts_make(void **state)
{
	(void)state;
	for (unsigned i = 0; i < STARTS; i++)
		start_make((enum start)i);
	return 0;
}

static int starts_remove(void **state)
{
	(void)state;
	for (unsigned i = 0; i < STARTS; i++)
		rig_folder_remove(starts[i]);
	return 0;
}

/* Scenes. */

static enum rc do_read(struct world *world)
{
	return account_text(world, &world->answer);
}

static enum rc do_start(struct world *world)
{
	enum rc rc = world_open(world);
	return rc == RC_OK ? do_read(world) : rc;
}

static void other_boot(struct world *world)
{
	snprintf(world->rig.store->boot_id, sizeof(world->rig.store->boot_id), "after-the-cut");
}

static void doubt(struct world *world)
{
	char path[1024];
	snprintf(path, sizeof(path), "%s/users/%02x/%d/doubt", world->root, ACCOUNT, ACCOUNT);
	int fd = open(path, O_WRONLY | O_CREAT, 0600);
	assert_true(fd >= 0);
	close(fd);
}

/* Opens the account, so that the counted calls are those of the job. */
static void opened(struct world *world)
{
	assert_int_equal(rig_run(&world->rig, ACCOUNT, JOB_READ, nothing_run, NULL), RC_OK);
}

static void opened_push(struct world *world)
{
	opened(world);
	assert_int_equal(push_submit(world, false, push_list_run), RC_OK);
}

static void changed(struct world *world)
{
	opened(world);
	assert_int_equal(rig_flags(&world->rig, ACCOUNT, "INBOX", 1, MSG_ANSWERED), RC_OK);
}

static enum rc do_stop(struct world *world)
{
	rig_close(&world->rig);
	return RC_OK;
}

static enum rc do_check(struct world *world)
{
	struct check_result result = { 0 };
	enum rc rc = rig_check(&world->rig, ACCOUNT, false, &world->answer, &result);
	if (rc == RC_OK)
		buf_printf(&world->answer, "%u problems\n", result.problems);
	return rc;
}

static enum rc do_repair(struct world *world)
{
	struct check_result result = { 0 };
	enum rc rc = rig_check(&world->rig, ACCOUNT, true, &world->answer, &result);
	world->left = rc == RC_OK && result.problems > 0 ? result.left : 0;
	return rc;
}

static enum rc do_enable(struct world *world)
{
	return set(world, "", COI_PREFIX "/enabled", "yes");
}

static enum rc do_disable(struct world *world)
{
	return set(world, "", COI_PREFIX "/enabled", NULL);
}

static enum rc do_filter(struct world *world)
{
	return set(world, "", COI_PREFIX "/message-filter", "active");
}

static enum rc do_filter_default(struct world *world)
{
	return set(world, "", COI_PREFIX "/message-filter", NULL);
}

static void no_coi_folders(struct world *world)
{
	opened(world);
	assert_int_equal(do_disable(world), RC_OK);
	assert_int_equal(rig_delete(&world->rig, ACCOUNT, "COI/Chats"), RC_OK);
}

static void filter_active(struct world *world)
{
	opened(world);
	assert_int_equal(do_filter(world), RC_OK);
}

static enum rc do_deliver_chat(struct world *world)
{
	return deliver_chat(world, 8);
}

/* The mover moves it to COI/Chats. */
static enum rc do_seen(struct world *world)
{
	enum rc rc = rig_flags(&world->rig, ACCOUNT, "INBOX", 5, MSG_SEEN);
	for (unsigned i = 0; rc == RC_OK && i < 2; i++) {
		enum rc moved = rig_run(&world->rig, ACCOUNT, JOB_READ, nothing_run, NULL);
		(void)moved;
	}
	return rc;
}

static enum rc do_comment(struct world *world)
{
	return set(world, "", "/private/comment", "changed");
}

static enum rc do_comment_remove(struct world *world)
{
	return set(world, "Work", "/shared/comment", NULL);
}

static enum rc do_get(struct world *world)
{
	return rig_run(&world->rig, ACCOUNT, JOB_READ, get_run, world);
}

static enum rc do_push_list(struct world *world)
{
	enum rc rc = push_submit(world, false, push_list_run);
	if (rc == RC_OK)
		buf_add(&world->answer, world->text.p, world->text.len);
	return rc;
}

static enum rc do_push_add(struct world *world)
{
	return push_submit(world, true, push_add_run);
}

static enum rc do_push_sent(struct world *world)
{
	return push_submit(world, true, push_sent_run);
}

static enum rc do_append(struct world *world)
{
	return append_to(world, "INBOX", 6, 700);
}

static enum rc do_append_large(struct world *world)
{
	return append_to(world, "INBOX", 6, 9000);
}

static enum rc do_flags(struct world *world)
{
	return rig_flags(&world->rig, ACCOUNT, "INBOX", 1, MSG_SEEN);
}

static enum rc do_copy(struct world *world)
{
	return rig_copy(&world->rig, ACCOUNT, "INBOX", 1, "Work", false);
}

static enum rc do_move(struct world *world)
{
	return rig_copy(&world->rig, ACCOUNT, "INBOX", 3, "Work", true);
}

static enum rc do_expunge(struct world *world)
{
	return rig_expunge(&world->rig, ACCOUNT, "INBOX", 2);
}

static enum rc do_create(struct world *world)
{
	return rig_create(&world->rig, ACCOUNT, "New/Below");
}

static enum rc do_rename(struct world *world)
{
	return rig_rename(&world->rig, ACCOUNT, "INBOX", "Old");
}

static enum rc do_delete(struct world *world)
{
	return rig_delete(&world->rig, ACCOUNT, "Work");
}

static enum rc do_move_out(struct world *world)
{
	return rig_move_out(&world->rig, ACCOUNT);
}

static enum rc do_sweep(struct world *world)
{
	return rig_sweep(&world->rig, ACCOUNT);
}

static enum rc do_checkpoint(struct world *world)
{
	return rig_checkpoint(&world->rig, ACCOUNT, true);
}

static enum rc do_user_add(struct world *world)
{
	return rig_user_add(&world->rig, "a@example.org");
}

static enum rc do_user_password(struct world *world)
{
	return rig_user_password(&world->rig, "b@example.org", "changed");
}

struct scene {
	const char *name;
	enum start start;
	void (*prepare)(struct world *world); /* once the server has started; NULL: nothing */
	enum rc (*run)(struct world *world);
	bool starts; /* the server starts in run */
	bool answers; /* into world->answer */
	bool late; /* OK is answered before everything is done; the next opening does the rest */
	bool repairs; /* an error may leave it half done */
	/* if a call reports damage, it may tell of damage, and a repair may set the database aside */
	bool checks;
	bool rebuilds; /* account.db is set aside */
};

static const struct scene scenes[] = {
	{ .name = "start", .start = START_CLOSED, .run = do_start, .starts = true, .answers = true },
	{ .name = "start after a kill",
		.start = START_KILLED,
		.run = do_start,
		.starts = true,
		.answers = true },
	{ .name = "open", .start = START_CLOSED, .run = do_read, .answers = true },
	{ .name = "open after a kill", .start = START_KILLED, .run = do_read, .answers = true },
	{ .name = "open after a power cut",
		.start = START_KILLED,
		.prepare = other_boot,
		.run = do_read,
		.answers = true },
	{ .name = "open after a failed sync",
		.start = START_KILLED,
		.prepare = doubt,
		.run = do_read,
		.answers = true },
	{ .name = "open version 5", .start = START_VERSION_5, .run = do_read, .answers = true },
	{ .name = "open version 1", .start = START_VERSION_1, .run = do_read, .answers = true },
	{ .name = "stop", .start = START_CLOSED, .prepare = changed, .run = do_stop },
	{ .name = "check", .start = START_CLOSED, .run = do_check, .checks = true, .answers = true },
	{ .name = "check that finds",
		.start = START_PROBLEMS,
		.run = do_check,
		.checks = true,
		.answers = true,
		.repairs = true },
	{ .name = "repair of nothing", .start = START_CLOSED, .run = do_repair, .checks = true },
	{ .name = "repair", .start = START_PROBLEMS, .run = do_repair, .checks = true, .repairs = true },
	{ .name = "new database",
		.start = START_DAMAGED,
		.run = do_repair,
		.checks = true,
		.repairs = true,
		.rebuilds = true },
	{ .name = "COI enabled", .start = START_CLOSED, .prepare = no_coi_folders, .run = do_enable },
	{ .name = "COI disabled", .start = START_CLOSED, .prepare = opened, .run = do_disable },
	{ .name = "COI filter", .start = START_CLOSED, .prepare = opened, .run = do_filter },
	{ .name = "COI filter removed", .start = START_CLOSED, .prepare = opened, .run = do_filter_default },
	{ .name = "chat delivered", .start = START_CLOSED, .prepare = opened, .run = do_deliver_chat },
	{ .name = "chat delivered, active",
		.start = START_CLOSED,
		.prepare = filter_active,
		.run = do_deliver_chat },
	{ .name = "chat seen", .start = START_CLOSED, .prepare = opened, .run = do_seen, .late = true },
	{ .name = "SETMETADATA", .start = START_CLOSED, .prepare = opened, .run = do_comment },
	{ .name = "SETMETADATA NIL", .start = START_CLOSED, .prepare = opened, .run = do_comment_remove },
	{ .name = "GETMETADATA", .start = START_CLOSED, .prepare = opened, .run = do_get, .answers = true },
	{ .name = "GETMETADATA, opens", .start = START_CLOSED, .run = do_get, .answers = true },
	{ .name = "push.db opened", .start = START_CLOSED, .run = do_push_list, .answers = true },
	{ .name = "push.db of version 1", .start = START_PUSH_1, .run = do_push_list, .answers = true },
	{ .name = "push added", .start = START_CLOSED, .prepare = opened_push, .run = do_push_add },
	{ .name = "push sent", .start = START_CLOSED, .prepare = opened_push, .run = do_push_sent },
	{ .name = "append", .start = START_CLOSED, .prepare = opened, .run = do_append },
	{ .name = "append large", .start = START_CLOSED, .prepare = opened, .run = do_append_large },
	{ .name = "append, opens", .start = START_KILLED, .prepare = other_boot, .run = do_append },
	{ .name = "flags", .start = START_CLOSED, .prepare = opened, .run = do_flags },
	{ .name = "copy", .start = START_CLOSED, .prepare = opened, .run = do_copy },
	{ .name = "move", .start = START_CLOSED, .prepare = opened, .run = do_move },
	{ .name = "expunge", .start = START_CLOSED, .prepare = opened, .run = do_expunge },
	{ .name = "create", .start = START_CLOSED, .prepare = opened, .run = do_create },
	{ .name = "rename", .start = START_CLOSED, .prepare = opened, .run = do_rename },
	{ .name = "delete", .start = START_CLOSED, .prepare = opened, .run = do_delete },
	{ .name = "move-out", .start = START_CLOSED, .prepare = opened, .run = do_move_out },
	{ .name = "sweep", .start = START_CLOSED, .prepare = opened, .run = do_sweep },
	{ .name = "checkpoint", .start = START_CLOSED, .prepare = changed, .run = do_checkpoint },
	{ .name = "user add", .start = START_CLOSED, .run = do_user_add },
	{ .name = "password", .start = START_CLOSED, .run = do_user_password },
};

#define SCENES (sizeof(scenes) / sizeof(scenes[0]))

/* The answer and the state of a run without a fault. */
struct outcome {
	char *before; /* own; NULL: it can't be read */
	char *after; /* own */
	char *answer; /* own */
};

static void scene_begin(struct world *world, const struct scene *scene, const char *root)
{
	folder_copy(starts[scene->start], root, 8);
	world_init(world, root);
	if (scene->starts)
		return;
	assert_int_equal(world_open(world), RC_OK);
	if (scene->prepare)
		scene->prepare(world);
}

/* The dump itself looks up whether a user has a folder, and a fault may strike that, too. */
static char *answer_of(const struct world *world)
{
	static const char words[] = " without a folder of his";
	char *text = mem_strndup(world->answer.p ? world->answer.p : "", world->answer.len);
	for (char *p = strstr(text, words); p; p = strstr(p, words))
		memmove(p, p + strlen(words), strlen(p + strlen(words)) + 1);
	return text;
}

static void outcome_find(const struct scene *scene, struct outcome *outcome)
{
	struct world world;
	char root[512];
	*outcome = (struct outcome){ .before = NULL };
	rig_folder_make(root);
	scene_begin(&world, scene, root);
	if (!scene->repairs && !scene->starts)
		outcome->before = world_state(&world, scene->name);
	world_fini(&world);
	rig_folder_remove(root);
	rig_folder_make(root);
	scene_begin(&world, scene, root);
	assert_int_equal(scene->run(&world), RC_OK);
	outcome->answer = answer_of(&world);
	if (!world.rig.store)
		assert_int_equal(world_open(&world), RC_OK);
	outcome->after = scene->run == do_check && scene->repairs ? NULL : world_state(&world, scene->name);
	if (!outcome->before && outcome->after)
		outcome->before = mem_strdup(outcome->after);
	world_fini(&world);
	rig_folder_remove(root);
}

static void outcome_fini(struct outcome *outcome)
{
	free(outcome->before);
	free(outcome->after);
	free(outcome->answer);
}

static unsigned count_lines(const char *text)
{
	unsigned n = 0;
	for (const char *p = strchr(text, '\n'); p; p = strchr(p + 1, '\n'))
		n++;
	return n;
}

/*
 * A check that was told of damage says so, about the database as a whole or on top of what there is to find
 * without it.
 */
static void assert_found(const char *answer, const char *expected, const char *what)
{
	char line[1024];
	if (strcmp(answer, expected) == 0)
		return;
	if (strcmp(answer, "0 problems\n") == 0)
		fail_msg("%s: the check found nothing", what);
	if (strncmp(answer, "database: ", 10) == 0 || strstr(answer, "\ndatabase: "))
		return;
	for (const char *p = expected; strchr(p, '\n') && strchr(p, '\n')[1]; p = strchr(p, '\n') + 1) {
		snprintf(line, sizeof(line), "%.*s", (int)strcspn(p, "\n") + 1, p);
		if (!strstr(answer, line))
			fail_msg("%s: the check did not find\n%sbut\n%s", what, line, answer);
	}
	if (count_lines(answer) <= count_lines(expected))
		fail_msg("%s: the check found\n%s", what, answer);
}

/* Checks, right after the fault and in the same process, that the state is what was answered, and that a
 * refused request works now. */
static void judge(struct world *world, const struct scene *scene, const struct fault_plan *plan,
	const struct outcome *outcome, enum rc rc, char what[TEXT_ROOM])
{
	bool good = rc == RC_OK;
	if (good && scene->answers) {
		char *answer = answer_of(world);
		if (scene->checks && damage_like(plan))
			assert_found(answer, outcome->answer, what);
		else if (strcmp(answer, outcome->answer) != 0)
			fail_difference(what, "the answer", answer, outcome->answer);
		free(answer);
	}
	if (!scene->repairs && !(good && scene->late)) {
		char *text = world_state(world, what);
		bool is_before = strcmp(text, outcome->before) == 0,
		     is_after = strcmp(text, outcome->after) == 0;
		if (good ? !is_after : !is_before && !(rc == RC_UNAVAILABLE && is_after)) {
			strncat(what, good ? ", answered ok" : ", answered an error",
				TEXT_ROOM - strlen(what) - 1);
			fail_difference(what, "the state", text, good ? outcome->after : outcome->before);
		}
		good = good || is_after;
		free(text);
	}
	if (good && !scene->repairs)
		return;
	buf_reset(&world->answer);
	enum rc again = scene->starts ? do_read(world) : scene->run(world);
	if (again != RC_OK)
		fail_msg("%s: answered %s, and the next time %s", what, rc_name(rc), rc_name(again));
	if (world->left > 0)
		fail_msg("%s: after another repair %u problems are left", what, world->left);
	if (!world->rig.store)
		assert_int_equal(world_open(world), RC_OK);
}

/* Checks that every message is there, in any mailbox and with any UID. */
static void assert_messages(const char *text, const char *expected, const char *what)
{
	for (const char *p = strstr(expected, " bytes "); p; p = strstr(p + 1, " bytes ")) {
		char word[32];
		snprintf(word, sizeof(word), "%.*s", 7 + 16, p);
		if (!strstr(text, word))
			fail_msg("%s: a message is lost, %s", what, word);
	}
}

static void assert_after(struct world *world, const struct scene *scene, const struct fault_plan *plan,
	const struct outcome *outcome, bool at_end, const char *what)
{
	if (!outcome->after || (scene->late && !at_end))
		return;
	char *text = world_state(world, what);
	/* A call has reported that the old database is damaged. The server must believe that; the database
	 * is kept. */
	bool believed = scene->rebuilds && plan->where == FAULT_SQL && plan->error == SQLITE_CORRUPT;
	if (scene->checks && damage_like(plan) && !believed)
		assert_messages(text, outcome->after, what);
	else if (!(scene->checks && damage_like(plan)) && strcmp(text, outcome->after) != 0)
		fail_difference(what, "in the end the state", text, outcome->after);
	free(text);
	assert_clean(world, scene->rebuilds || (scene->checks && damage_like(plan)), what);
}

/* Makes one run with a fault, in an existing folder. Returns whether the fault was reached. */
static bool strike(struct world *world, const struct scene *scene, const struct fault_plan *plan,
	const struct outcome *outcome, char what[TEXT_ROOM])
{
	static const char *const where[] = { "call of SQLite", "open", "read" };
	fault_arm(plan);
	enum rc rc = scene->run(world);
	unsigned struck = fault_struck();
	fault_arm(NULL);
	snprintf(what, TEXT_ROOM, "%s, %s %u%s fails with %d (%s)", scene->name, where[plan->where],
		plan->nth, plan->on ? " and all later" : "", plan->error, fault_call());
	if (getenv("COID_TEST_LOG"))
		printf("%s: %s\n", what, rc_name(rc));
	if (struck == 0 && rc != RC_OK)
		fail_msg("%s: answered %s without a fault", what, rc_name(rc));
	/* If server.db was reported as damaged, it is examined again only at the next start. */
	if (scene->starts && rc != RC_OK && world->rig.store && damage_like(plan))
		rig_close(&world->rig);
	if (!world->rig.store)
		assert_int_equal(world_open(world), RC_OK);
	/* This is later than every back-off. */
	clock_fake_advance(3600 * 1000);
	judge(world, scene, plan, outcome, rc, what);
	return struck > 0;
}

static bool scene_fails(
	const struct scene *scene, const struct fault_plan *plan, const struct outcome *outcome)
{
	struct world world;
	char root[512], what[TEXT_ROOM];
	rig_folder_make(root);
	scene_begin(&world, scene, root);
	bool struck = strike(&world, scene, plan, outcome, what);
	assert_after(&world, scene, plan, outcome, false, what);
	/* The same must hold after opening from the disk. */
	rig_close(&world.rig);
	assert_int_equal(world_open(&world), RC_OK);
	assert_after(&world, scene, plan, outcome, true, what);
	world_fini(&world);
	rig_folder_remove(root);
	return struck;
}

static bool thorough(void)
{
	return getenv("COID_POWER_THOROUGH") != NULL;
}

/* A random generator of the test: the same seed gives the same run. */
static unsigned draw(unsigned n)
{
	static uint64_t state;
	if (state == 0) {
		const char *seed = getenv("COID_FAULT_SEED");
		state = seed ? (uint64_t)strtoull(seed, NULL, 10) : 1;
		printf("COID_FAULT_SEED=%" PRIu64 "\n", state);
	}
	state = state * 6364136223846793005u + 1442695040888963407u;
	return (unsigned)(state >> 33) % n;
}

/* The distance to the next call that fails: in the ordinary run a scene has about a dozen. */
static unsigned step(unsigned nth)
{
	return thorough() ? 1 : 1 + draw(4 + 3 * nth);
}

static const int sql_errors[] = { SQLITE_IOERR, SQLITE_NOMEM, SQLITE_CORRUPT, SQLITE_FULL };
#define SQL_ERRORS (sizeof(sql_errors) / sizeof(sql_errors[0]))

static void each_call_fails(enum fault_where where, const int *errors, size_t count, bool on)
{
	const char *only = getenv("COID_FAULT_SCENE");
	unsigned runs = 0;
	for (size_t i = 0; i < SCENES; i++) {
		struct outcome outcome;
		unsigned calls = 0;
		if (only && strcmp(only, scenes[i].name) != 0)
			continue;
		outcome_find(&scenes[i], &outcome);
		for (size_t e = 0; e < (thorough() ? count : 1); e++) {
			struct fault_plan plan = {
				.where = where, .nth = thorough() ? 1 : 1 + draw(3), .on = on
			};
			bool struck = true;
			while (struck && plan.nth < CALLS_MAX) {
				plan.error = errors[thorough() ? e : draw((unsigned)count)];
				struck = scene_fails(&scenes[i], &plan, &outcome);
				calls = plan.nth - 1;
				plan.nth += step(plan.nth);
				runs++;
			}
		}
		printf("%-28s %u calls\n", scenes[i].name, calls);
		outcome_fini(&outcome);
	}
	printf("%u runs\n", runs);
}

static void a_call_of_sqlite_that_fails_is_an_error_and_harms_nothing(void **state)
{
	(void)state;
	each_call_fails(FAULT_SQL, sql_errors, SQL_ERRORS, false);
}

static void calls_of_sqlite_that_fail_from_now_on_harm_nothing(void **state)
{
	static const int errors[] = { SQLITE_IOERR, SQLITE_NOMEM, SQLITE_FULL };
	(void)state;
	each_call_fails(FAULT_SQL, errors, 3, true);
}

static void a_file_that_cannot_be_opened_is_an_error_and_harms_nothing(void **state)
{
	static const int errors[] = { EMFILE, EIO };
	(void)state;
	each_call_fails(FAULT_OPEN, errors, 2, false);
}

static void a_read_that_fails_is_an_error_and_harms_nothing(void **state)
{
	static const int errors[] = { EIO };
	(void)state;
	each_call_fails(FAULT_READ, errors, 1, false);
}

/* The first fault interrupts the migration; the second strikes the next opening. */
static bool migration_fails_again(const struct scene *scene, const struct fault_plan *first,
	const struct fault_plan *second, const struct outcome *outcome)
{
	struct world world;
	char root[512], what[TEXT_ROOM];
	rig_folder_make(root);
	scene_begin(&world, scene, root);
	fault_arm(first);
	enum rc rc = scene->run(&world);
	(void)rc;
	fault_arm(NULL);
	rig_close(&world.rig);
	assert_int_equal(world_open(&world), RC_OK);
	buf_reset(&world.answer);
	bool struck = strike(&world, scene, second, outcome, what);
	assert_after(&world, scene, second, outcome, false, what);
	rig_close(&world.rig);
	assert_int_equal(world_open(&world), RC_OK);
	assert_after(&world, scene, second, outcome, true, what);
	world_fini(&world);
	rig_folder_remove(root);
	return struck;
}

static unsigned calls_of(const struct scene *scene)
{
	struct fault_plan plan = { .where = FAULT_SQL, .error = SQLITE_IOERR, .nth = 1, .on = false };
	struct world world;
	char root[512];
	unsigned calls = CALLS_MAX;
	for (plan.nth = 8; calls == CALLS_MAX; plan.nth += 8) {
		rig_folder_make(root);
		scene_begin(&world, scene, root);
		fault_arm(&plan);
		enum rc rc = scene->run(&world);
		(void)rc;
		if (fault_struck() == 0)
			calls = plan.nth;
		fault_arm(NULL);
		world_fini(&world);
		rig_folder_remove(root);
	}
	return calls;
}

static void a_migration_that_was_interrupted_may_fail_again(void **state)
{
	static const struct scene migration = {
		.name = "second migration", .start = START_VERSION_1, .run = do_read, .answers = true
	};
	struct outcome outcome;
	unsigned runs = 0;
	const char *only = getenv("COID_FAULT_SCENE");
	(void)state;
	if (only && strcmp(only, migration.name) != 0)
		return;
	outcome_find(&migration, &outcome);
	unsigned calls = calls_of(&migration);
	for (unsigned n = 1; n < calls; n += thorough() ? 1 : 1 + draw(60)) {
		struct fault_plan first = { .where = FAULT_SQL, .nth = n };
		for (unsigned i = 0; i < (thorough() ? calls : AGAIN_FAULTS); i++) {
			struct fault_plan second = { .where = FAULT_SQL };
			first.error = sql_errors[draw(SQL_ERRORS)];
			second.error = sql_errors[draw(SQL_ERRORS)];
			second.nth = thorough() ? i + 1 : 1 + draw(calls);
			(void)migration_fails_again(&migration, &first, &second, &outcome);
			runs++;
		}
	}
	printf("%u runs, %u calls\n", runs, calls);
	outcome_fini(&outcome);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_call_of_sqlite_that_fails_is_an_error_and_harms_nothing),
		cmocka_unit_test(calls_of_sqlite_that_fail_from_now_on_harm_nothing),
		cmocka_unit_test(a_file_that_cannot_be_opened_is_an_error_and_harms_nothing),
		cmocka_unit_test(a_read_that_fails_is_an_error_and_harms_nothing),
		cmocka_unit_test(a_migration_that_was_interrupted_may_fail_again),
	};
	return cmocka_run_group_tests(tests, starts_make, starts_remove);
}
