/*
 * LIST, LSUB, NAMESPACE. The answer is built on the worker, from the tree of names in memory.
 */
#include "imap/metadata_items.h"
#include "imapd/command.h"
#include "imapd/imapd.h"
#include "imap/list_match.h"
#include "imap/list_options.h"
#include "query/list.h"
#include "imapd/answer.h"
#include "imap/print.h"
#include "imapd/cmd/rows.h"
#include "imapd/session.h"
#include "imapd/sync.h"
#include "store/mailbox.h"

#include "base/hash.h"
#include "base/list.h"

#define LIST_OUTPUT_MAX (32 * 1024 * 1024)

/* A name that LSUB '%' tells because subscribed names are below it. */
struct parent {
	struct strv name;
	bool subscribed; /* it is subscribed itself, and told as such */
	UT_hash_handle hh;
};

struct list_job {
	struct cmd_job base;
	struct list_options options; /* in the job's arena */
	bool utf8;
	struct buf out; /* own */
	/* These are valid while the job runs. */
	struct list_pattern pattern;
	struct arena *arena; /* own */
	struct parent *parents;
};

static bool list_parse(struct cmd *cmd, struct parse *parse)
{
	struct list_options *options = arena_zalloc(cmd->arena, sizeof(*options));
	cmd->args = options;
	return list_options_parse(parse, options);
}

static bool lsub_parse(struct cmd *cmd, struct parse *parse)
{
	struct list_options *options = arena_zalloc(cmd->arena, sizeof(*options));
	cmd->args = options;
	options->patterns = arena_alloc(cmd->arena, sizeof(*options->patterns));
	options->pattern_count = 1;
	return parse_mailbox(parse, &options->reference) && parse_sp(parse) &&
	       parse_list_mailbox(parse, options->patterns) && parse_end(parse);
}

static void cmd_list_end_line(struct list_job *list, struct strv name)
{
	buf_adds(&list->out, ") \"/\" ");
	print_mailbox(&list->out, name, list->utf8);
	buf_adds(&list->out, "\r\n");
}

static void cmd_list_begin(struct list_job *list)
{
	/* The job may run twice. */
	buf_reset(&list->out);
	arena_reset(list->arena);
}

static enum rc cmd_list_job_run(struct account *account, struct job *job)
{
	struct list_job *list = CONTAINER_OF(job, struct list_job, base.job);
	cmd_list_begin(list);
	return list_run(account, &list->options, list->utf8, list->arena, &list->out);
}

/* LSUB */

static struct parent *note_parent(struct list_job *list, struct strv name)
{
	struct parent *parent;
	HASH_FIND(hh, list->parents, name.p, name.n, parent);
	if (!parent) {
		parent = arena_zalloc(list->arena, sizeof(*parent));
		parent->name = arena_strv(list->arena, name);
		HASH_ADD_KEYPTR(hh, list->parents, parent->name.p, parent->name.n, parent);
	}
	return parent;
}

static void note_unsubscribed(void *arg, struct strv name)
{
	note_parent(arg, name);
}

static bool lsub_one(void *arg, const struct mbox_info *info)
{
	struct list_job *list = arg;
	if (!info->subscribed)
		return true;
	if (list_match(&list->pattern, info->name)) {
		note_parent(list, info->name)->subscribed = true;
		buf_adds(&list->out, "* LSUB (");
		cmd_list_end_line(list, info->name);
	} else {
		/* A level above a name matches without the name itself only if the pattern has '%'. */
		list_match_parents(&list->pattern, info->name, note_unsubscribed, list);
	}
	return buf_ok(&list->out);
}

static void print_parents(struct list_job *list)
{
	struct parent *parent;
	struct parent *next;
	HASH_ITER (hh, list->parents, parent, next) {
		if (!parent->subscribed) {
			buf_adds(&list->out, "* LSUB (\\Noselect");
			cmd_list_end_line(list, parent->name);
		}
	}
}

static enum rc lsub_job_run(struct account *account, struct job *job)
{
	struct list_job *list = CONTAINER_OF(job, struct list_job, base.job);
	cmd_list_begin(list);
	list_pattern_init(&list->pattern, list->options.reference, list->options.patterns[0], list->arena);
	list->parents = NULL;
	enum rc rc = mbox_list(account, true, false, lsub_one, list);
	if (rc == RC_OK && strv_index(list->options.patterns[0], '%') < list->options.patterns[0].n)
		print_parents(list);
	HASH_CLEAR(hh, list->parents);
	if (rc == RC_OK && !buf_ok(&list->out))
		rc = RC_LIMIT;
	return rc;
}

static void cmd_list_finish(struct cmd *cmd, struct cmd_job *job)
{
	struct list_job *list = CONTAINER_OF(job, struct list_job, base);
	if (job->job.rc == RC_OK)
		answer_own(cmd->session, &list->out);
	cmd_finish_rc(cmd, job->job.rc);
}

static void list_release(struct cmd_job *job)
{
	struct list_job *list = CONTAINER_OF(job, struct list_job, base);
	buf_fini(&list->out);
	arena_free(&list->arena);
}

static void copy_options(struct list_job *list, const struct list_options *options)
{
	struct arena *arena = list->base.arena;
	list->options = *options;
	list->options.reference = arena_strv(arena, mbox_name_nfc(options->reference, arena));
	list->options.patterns = arena_alloc(arena, options->pattern_count * sizeof(*options->patterns));
	for (size_t i = 0; i < options->pattern_count; i++)
		list->options.patterns[i] = arena_strv(arena, mbox_name_nfc(options->patterns[i], arena));
}

static void cmd_list_submit(struct cmd *cmd, enum rc (*run)(struct account *account, struct job *job))
{
	struct list_options *options = cmd->args;
	struct list_job *list = cmd_job_new(cmd, sizeof(*list), JOB_READ, run, cmd_list_finish);
	list->base.release = list_release;
	sync_status(cmd->session, &options->status);
	copy_options(list, options);
	metadata_items_copy(&options->metadata, list->base.arena, &list->options.metadata);
	list->options.annotations = cmd->session->settings->metadata;
	list->utf8 = session_utf8(cmd->session);
	list->arena = arena_new(0);
	buf_init(&list->out, LIST_OUTPUT_MAX);
	cmd_submit(cmd, list);
}

static void list_cmd_run(struct cmd *cmd)
{
	const struct list_options *options = cmd->args;
	if (options->extended || options->patterns[0].n > 0) {
		cmd_list_submit(cmd, cmd_list_job_run);
		return;
	}
	/* RFC 3501 section 6.3.8: an empty pattern asks for the separator and the root. */
	answer_untagged(cmd->session, "LIST (\\Noselect) \"/\" \"\"");
	cmd_finish_rc(cmd, RC_OK);
}

static void lsub_run(struct cmd *cmd)
{
	const struct list_options *options = cmd->args;
	if (options->patterns[0].n > 0)
		cmd_list_submit(cmd, lsub_job_run);
	else
		cmd_finish_rc(cmd, RC_OK);
}

static bool namespace_parse(struct cmd *cmd, struct parse *parse)
{
	(void)cmd;
	return parse_end(parse);
}

static void namespace_run(struct cmd *cmd)
{
	answer_untagged(cmd->session, "NAMESPACE ((\"\" \"/\")) NIL NIL");
	cmd_finish_rc(cmd, RC_OK);
}

const struct cmd_row cmd_list_rows[] = {
	{
		.name = "LIST",
		.usage = "[(selection)] reference pattern | (pattern ...) [RETURN (option ...)]",
		.help = "lists mailboxes, and their status, metadata or rights with them",
		.states = CMD_AUTH_STATES,
		.capability = "LIST-EXTENDED LIST-STATUS LIST-METADATA LIST-MYRIGHTS",
		.parse = list_parse,
		.run = list_cmd_run,
	},
	{
		.name = "LSUB",
		.usage = "reference pattern",
		.help = "lists subscribed mailboxes",
		.states = CMD_AUTH_STATES,
		.parse = lsub_parse,
		.run = lsub_run,
	},
	{
		.name = "NAMESPACE",
		.usage = "",
		.help = "tells where mailboxes may be and how their levels are separated",
		.states = CMD_AUTH_STATES,
		.capability = "NAMESPACE",
		.parse = namespace_parse,
		.run = namespace_run,
	},
	{ 0 },
};
