/*
 * coidctl user import: adds the users of a file. Its lines are hashed some at a time on the hash threads,
 * and written in batches on the users strand.
 */
#include "admin/admin_priv.h"

#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"

#include <stdlib.h>

#define BATCH_MAX 256 /* rows of one write job */

/* One line of the file on its way into the table. */
struct import_entry {
	struct list_node node;
	struct auth_hash_request hash;
	struct import *import;
	unsigned line;
	struct strv name; /* in `arena` */
	struct strv password; /* "{SCHEME}hash", or empty: hash.hash has it */
	struct arena *arena;
	enum rc rc;
};

/* Reads lines, hashes some at a time, and writes finished ones in batches; at most one batch is under way. */
struct import {
	struct users_job job;
	struct request *request;
	struct strv left; /* the rest of the payload */
	unsigned line;
	unsigned hashing;
	struct list ready; /* entries to be written */
	unsigned ready_count;
	struct list writing;
	bool busy; /* the batch is under way */
	bool pumping;
	unsigned added, failed;
};

static void import_pump(struct import *import);

static void import_entry_free(struct import_entry *entry)
{
	buf_wipe(&entry->hash.hash);
	buf_wipe(&entry->hash.scram);
	arena_free(&entry->arena);
	free(entry);
}

static void import_complain(struct import *import, unsigned line, const char *problem)
{
	import->failed++;
	if (import->failed <= ADMIN_IMPORT_ERRORS_MAX)
		request_err(import->request, "line %u: %s", line, problem);
	else if (import->failed == ADMIN_IMPORT_ERRORS_MAX + 1)
		request_err(import->request, "further errors are only counted");
}

static void import_make_ready(struct import_entry *entry)
{
	list_append(&entry->import->ready, &entry->node);
	entry->import->ready_count++;
}

static void import_hashed(struct auth_hash_request *hash)
{
	struct import_entry *entry = hash->ctx;
	struct import *import = entry->import;

	import->hashing--;
	if (hash->rc == RC_OK) {
		import_make_ready(entry);
	} else {
		import_complain(import, entry->line,
			hash->rc == RC_INVALID ? "the password is not usable" : "hashing failed");
		import_entry_free(entry);
	}
	import_pump(import);
}

/*
 * [users] Writes the rows. A row that exists already must not undo the others, so every entry has its own
 * result.
 */
static enum rc import_write_run(struct users *users, struct users_job *job)
{
	struct import *import = CONTAINER_OF(job, struct import, job);

	LIST_EACH (node, &import->writing) {
		struct import_entry *entry = CONTAINER_OF(node, struct import_entry, node);
		struct user_record record = { .name = entry->name,
			.enabled = true,
			.created = clock_wall(),
			.quota_storage = UINT64_MAX,
			.quota_messages = UINT64_MAX,
			.password = entry->password };
		int64_t id = 0;
		if (entry->password.n == 0) {
			record.password = buf_strv(&entry->hash.hash);
			record.scram = buf_strv(&entry->hash.scram);
		}
		entry->rc = users_add(users, &record, &id);
		if (entry->rc != RC_OK && entry->rc != RC_EXISTS)
			return entry->rc;
	}
	return RC_OK;
}

static void import_write_done(struct users_job *job)
{
	struct import *import = CONTAINER_OF(job, struct import, job);

	import->busy = false;
	while (!list_empty(&import->writing)) {
		struct import_entry *entry =
			CONTAINER_OF(list_pop(&import->writing), struct import_entry, node);
		enum rc rc = job->rc != RC_OK ? job->rc : entry->rc;
		if (rc == RC_OK)
			import->added++;
		else
			import_complain(import, entry->line,
				rc == RC_EXISTS ? "the user is there already" : rc_name(rc));
		import_entry_free(entry);
	}
	import_pump(import);
}

static void import_write_batch(struct import *import)
{
	unsigned count = 0;

	while (count < BATCH_MAX && !list_empty(&import->ready)) {
		list_append(&import->writing, list_pop(&import->ready));
		count++;
	}
	import->ready_count -= count;
	import->busy = true;
	import->job = (struct users_job){ .write = true,
		.run = import_write_run,
		.done = import_write_done,
		.home = import->request->admin->reactor };
	import->job.rc = users_submit(import->request->admin->store, &import->job);
	if (import->job.rc != RC_OK)
		import_write_done(&import->job);
}

/* Takes the next line. Its password goes to the hash threads, or it is ready at once. */
static void import_next_line(struct import *import)
{
	size_t end = strv_index(import->left, '\n');
	struct strv text = strv_sub(import->left, 0, end);
	size_t colon = 0;

	import->left = strv_sub(import->left, end + 1, import->left.n);
	import->line++;
	if (text.n > 0 && text.p[text.n - 1] == '\r')
		text.n--;
	if (text.n == 0 || text.p[0] == '#')
		return;
	struct import_entry *entry = mem_zalloc(sizeof(*entry));
	entry->import = import;
	entry->line = import->line;
	entry->arena = arena_new(0);
	buf_init(&entry->hash.hash, 0);
	buf_init(&entry->hash.scram, 0);
	colon = strv_index(text, ':');
	const char *problem = NULL;
	if (colon == text.n)
		problem = "expected address:password";
	else if (user_name_check_new(strv_trim(strv_sub(text, 0, colon)), entry->arena, &entry->name) !=
		 RC_OK)
		problem = "not an address like user@example.org";
	struct strv password = strv_sub(text, colon + 1, text.n);
	/* A plain password is hashed like any other. */
	bool plain = auth_hash_is_plain(password, &password);
	if (!problem && !plain && auth_hash_has_scheme(password)) {
		problem = auth_hash_problem(password);
		if (!problem) {
			entry->password = arena_strv(entry->arena, password);
			import_make_ready(entry);
			return;
		}
	}
	if (!problem && str_utf8_characters(password) < import->request->admin->settings.password_length_min)
		problem = "the password is too short";
	if (!problem) {
		entry->hash.password = password;
		entry->hash.home = import->request->admin->reactor;
		entry->hash.done = import_hashed;
		entry->hash.ctx = entry;
		if (auth_hash(import->request->admin->auth, &entry->hash) == RC_OK) {
			import->hashing++;
			return;
		}
		problem = "the server is too busy";
	}
	import_complain(import, entry->line, problem);
	import_entry_free(entry);
}

static void import_finish(struct import *import)
{
	struct request *request = import->request;

	request_out(request, "added: %u, failed: %u", import->added, import->failed);
	log_info(request->admin->log, "users imported added=%u failed=%u", import->added, import->failed);
	request_finish(request, import->failed ? PROTOCOL_FAILED : PROTOCOL_OK);
	free(import);
}

static void import_pump(struct import *import)
{
	unsigned parallel = import->request->admin->settings.import_parallel;

	/* A completion that comes at once calls this function again; the outermost call goes on. */
	if (import->pumping)
		return;
	import->pumping = true;
	while (import->left.n > 0 && import->hashing < parallel && import->ready_count < BATCH_MAX)
		import_next_line(import);
	bool all_read = import->left.n == 0 && import->hashing == 0;
	if (!import->busy && (import->ready_count >= BATCH_MAX || (all_read && import->ready_count > 0)))
		import_write_batch(import);
	import->pumping = false;
	if (import->left.n == 0 && import->hashing == 0 && import->ready_count == 0 && !import->busy)
		import_finish(import);
}

static void admin_run_user_import(struct request *request)
{
	if (!request_plain(request, 1))
		return;
	struct import *import = mem_zalloc(sizeof(*import));
	import->request = request;
	import->left = buf_strv(&request->reader.payload);
	list_init(&import->ready);
	list_init(&import->writing);
	import_pump(import);
}

const struct verb admin_import_verbs[] = { ADMIN_VERBS_IMPORT(VERB_ROW){ 0 } };
