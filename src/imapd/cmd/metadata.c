/*
 * GETMETADATA and SETMETADATA (RFC 5464). The answer is built on the worker.
 */
#include "imapd/answer.h"
#include "base/list.h"
#include "imapd/command.h"
#include "imapd/imapd.h"
#include "imap/metadata_items.h"
#include "imap/rc_text.h"
#include "imapd/cmd/rows.h"
#include "metadata/metadata.h"
#include "imapd/session.h"
#include "store/mailbox.h"

#include <inttypes.h>

#define METADATA_OUTPUT_MAX (32 * 1024 * 1024)

struct metadata_args {
	struct strv mailbox;
	struct metadata_request request; /* GETMETADATA; names: in the arena */
	struct metadata_entry *entries; /* SETMETADATA */
	size_t count;
};

struct metadata_job {
	struct cmd_job base;
	const struct metadata *metadata; /* borrowed: as long as the server */
	struct metadata_scope scope; /* the mailbox is looked up by the job */
	struct metadata_request request;
	struct metadata_entry *entries;
	size_t count;
	bool utf8;
	struct buf out; /* own */
	/* Results. */
	uint64_t longest;
	struct metadata_error error;
};

/* Arguments. */

/* Options stand before the mailbox (in the grammar) or after it (in the examples); clients do both. */
static bool get_parse(struct cmd *cmd, struct parse *parse)
{
	struct metadata_args *args = arena_zalloc(cmd->arena, sizeof(*args));
	cmd->args = args;
	if (parse_peek(parse, '(') && (!metadata_items_options(parse, &args->request) || !parse_sp(parse)))
		return false;
	if (!parse_mailbox(parse, &args->mailbox) || !parse_sp(parse))
		return false;
	if (metadata_items_options_follow(parse) &&
		(!metadata_items_options(parse, &args->request) || !parse_sp(parse)))
		return false;
	return metadata_items_names(parse, true, &args->request) && parse_end(parse);
}

static bool cmd_metadata_set_parse(struct cmd *cmd, struct parse *parse)
{
	struct metadata_args *args = arena_zalloc(cmd->arena, sizeof(*args));
	cmd->args = args;
	args->entries = arena_alloc(cmd->arena, METADATA_NAMES_MAX * sizeof(*args->entries));
	if (!parse_mailbox(parse, &args->mailbox) || !parse_sp(parse) || !parse_char(parse, '('))
		return false;
	do {
		struct metadata_entry *entry = &args->entries[args->count];
		if (args->count == METADATA_NAMES_MAX)
			return parse_fail(parse, "Too many entries");
		if (!metadata_items_entry(parse, &entry->name) || !parse_sp(parse) ||
			!metadata_items_value(parse, &entry->value))
			return false;
		args->count++;
	} while (parse_more(parse));
	return parse_char(parse, ')') && parse_end(parse);
}

/* A value that is too large for every entry is refused before it comes. */
static void set_literal(struct cmd *cmd, const struct lex_literal *literal)
{
	const struct metadata *metadata = cmd->session->settings->metadata;
	size_t max = metadata ? metadata_settings(metadata)->value_max : 0;

	if (literal->size <= max) {
		(void)cmd_literal_keep(cmd);
		return;
	}
	const char *code = arena_printf(cmd->arena, "METADATA MAXSIZE %zu", max);
	cmd_literal_refuse(cmd, false, code, "Value is too large");
}

/* Running. */

static enum rc cmd_metadata_find_mailbox(struct account *account, struct metadata_scope *scope)
{
	struct mbox_info info;

	scope->mailbox = 0;
	if (scope->mailbox_name.n == 0)
		return RC_OK;
	enum rc rc = mbox_find(account, scope->mailbox_name, &info);
	if (rc == RC_OK)
		scope->mailbox = info.id;
	return rc;
}

static enum rc get_job_run(struct account *account, struct job *job)
{
	struct metadata_job *get = CONTAINER_OF(job, struct metadata_job, base.job);
	struct metadata_answer answer = { 0 };

	buf_reset(&get->out);
	get->longest = 0;
	enum rc rc = cmd_metadata_find_mailbox(account, &get->scope);
	if (rc == RC_OK)
		rc = metadata_get(get->metadata, account, &get->scope, &get->request, &answer);
	if (rc != RC_OK)
		return rc;
	get->longest = answer.longest;
	metadata_items_print(&get->out, get->scope.mailbox_name, get->utf8, &answer);
	return buf_ok(&get->out) ? RC_OK : RC_LIMIT;
}

static enum rc set_job_run(struct account *account, struct job *job)
{
	struct metadata_job *set = CONTAINER_OF(job, struct metadata_job, base.job);

	set->error = (struct metadata_error){ 0 };
	enum rc rc = cmd_metadata_find_mailbox(account, &set->scope);
	for (size_t i = 0; rc == RC_OK && i < set->count; i++) {
		rc = metadata_set(set->metadata, account, &set->scope, set->entries[i].name,
			set->entries[i].value, &set->error);
	}
	return rc;
}

static void cmd_metadata_get_finish(struct cmd *cmd, struct cmd_job *job)
{
	struct metadata_job *get = CONTAINER_OF(job, struct metadata_job, base);

	if (job->job.rc != RC_OK) {
		cmd_finish_rc(cmd, job->job.rc);
		return;
	}
	answer_own(cmd->session, &get->out);
	const char *code = NULL;
	if (get->longest > 0)
		code = arena_printf(cmd->arena, "METADATA LONGENTRIES %" PRIu64, get->longest);
	cmd_ok(cmd, code, "GETMETADATA completed");
}

static void cmd_metadata_set_finish(struct cmd *cmd, struct cmd_job *job)
{
	const struct metadata_error *error = &CONTAINER_OF(job, struct metadata_job, base)->error;
	enum rc rc = job->job.rc;

	if (rc == RC_OK || (!error->code && !error->text[0]))
		cmd_finish_rc(cmd, rc);
	else
		cmd_no(cmd, error->code ? arena_strdup(cmd->arena, error->code) : rc_text_code(rc),
			error->text[0] ? arena_strdup(cmd->arena, error->text) : rc_text(rc));
}

static void cmd_metadata_release(struct cmd_job *job)
{
	buf_fini(&CONTAINER_OF(job, struct metadata_job, base)->out);
}

/* Makes a job. NULL: the command has been ended. */
static struct metadata_job *new_job(struct cmd *cmd, enum job_kind kind,
	enum rc (*run)(struct account *account, struct job *job),
	void (*finish)(struct cmd *cmd, struct cmd_job *job))
{
	const struct metadata_args *args = cmd->args;
	const struct metadata *metadata = cmd->session->settings->metadata;
	struct strv name = STRV_NULL;

	if (!metadata) {
		cmd_no(cmd, "UNAVAILABLE", "No metadata on this server");
		return NULL;
	}
	if (args->mailbox.n > 0 && mbox_name_check(account_store(cmd->session->account), args->mailbox,
					   cmd->arena, &name) != RC_OK) {
		cmd_finish_rc(cmd, RC_NOT_FOUND);
		return NULL;
	}
	struct metadata_job *job = cmd_job_new(cmd, sizeof(*job), kind, run, finish);
	job->base.release = cmd_metadata_release;
	job->metadata = metadata;
	job->utf8 = session_utf8(cmd->session);
	job->scope.mailbox_name = arena_strv(job->base.arena, name);
	buf_init(&job->out, METADATA_OUTPUT_MAX);
	return job;
}

static void cmd_metadata_get_run(struct cmd *cmd)
{
	const struct metadata_args *args = cmd->args;
	struct metadata_job *get = new_job(cmd, JOB_READ, get_job_run, cmd_metadata_get_finish);

	if (!get)
		return;
	metadata_items_copy(&args->request, get->base.arena, &get->request);
	cmd_submit(cmd, get);
}

static void cmd_metadata_set_run(struct cmd *cmd)
{
	const struct metadata_args *args = cmd->args;
	struct metadata_job *set = new_job(cmd, JOB_WRITE, set_job_run, cmd_metadata_set_finish);

	if (!set)
		return;
	struct arena *arena = set->base.arena;
	set->count = args->count;
	set->entries = arena_alloc(arena, args->count * sizeof(*set->entries));
	for (size_t i = 0; i < args->count; i++) {
		struct strv value = args->entries[i].value;
		set->entries[i].name = arena_strv(arena, args->entries[i].name);
		set->entries[i].value =
			value.p ? strv_make(arena_strndup(arena, value.p, value.n), value.n) : STRV_NULL;
	}
	cmd_submit(cmd, set);
}

const struct cmd_row cmd_metadata_rows[] = {
	{
		.name = "GETMETADATA",
		.usage = "[(MAXSIZE n DEPTH 0|1|infinity)] mailbox entry | (entry ...)",
		.help = "reads annotations of a mailbox, or with \"\" of the server",
		.states = CMD_AUTH_STATES,
		.capability = "METADATA",
		.parse = get_parse,
		.run = cmd_metadata_get_run,
	},
	{
		.name = "SETMETADATA",
		.usage = "mailbox (entry value|NIL ...)",
		.help = "writes or removes annotations",
		.states = CMD_AUTH_STATES,
		.flags = CMD_LITERALS_STREAM,
		.parse = cmd_metadata_set_parse,
		.run = cmd_metadata_set_run,
		.literal = set_literal,
	},
	{ 0 },
};
