/*
 * ESEARCH: a search through several mailboxes (RFC 7377). One job finds them. Then each is searched by
 * itself, slice by slice, and its answer is sent before the next is begun, so that there is never more than
 * one in memory. The selected mailbox, if "selected" is asked for, comes last: it is searched as by UID
 * SEARCH, over the messages that the session was told of. Others are searched as they are in the store; there
 * message numbers are places in the mailbox, "*" is its last message, and no message is \Recent.
 *
 * A mailbox that is deleted meanwhile is left out, as is one without results. NO [LIMIT]: there are more than
 * the settings allow.
 */
#include "base/clock.h"
#include "base/list.h"
#include "base/seqset.h"
#include "imapd/answer.h"
#include "imapd/command.h"
#include "imapd/imapd.h"
#include "imapd/search_update.h"
#include "imap/mailbox_source.h"
#include "imap/rc_text.h"
#include "imapd/cmd/rows.h"
#include "imapd/search_cmd.h"
#include "imapd/session.h"
#include "imapd/sync.h"
#include "imap/uid_runs.h"
#include "imapd/view.h"
#include "store/message.h"

struct found_mailbox {
	int64_t id;
	struct strv name;
	uint32_t uidvalidity;
};

struct esearch_args {
	struct search_cmd base; /* first; of the selected mailbox */
	struct mailbox_sources sources;
	struct search_keys keys; /* as parsed; the keys of `base` are resolved for the selected mailbox */
	const struct found_mailbox *mailboxes; /* in the arena */
	size_t count;
	size_t at;
	enum rc rc; /* the error of the first message that could not be read */
	bool waits_for_room;
};

struct list_job {
	struct cmd_job base;
	const struct mailbox_source *sources;
	size_t max; /* mailboxes */
	int64_t selected; /* the selected mailbox: only its name is wanted; 0: none */
	struct found_mailbox *mailboxes; /* in the job's arena */
	size_t count;
	size_t cap;
	struct found_mailbox selected_mailbox;
};

struct esearch_job {
	struct cmd_job base;
	struct search *search; /* own */
};

/* Finding the mailboxes. */

static void add_mailbox(struct list_job *list, const struct mbox_info *info)
{
	struct arena *arena = list->base.arena;
	if (list->count == list->cap) {
		size_t cap = list->cap ? 2 * list->cap : 32;
		struct found_mailbox *more = arena_alloc(arena, cap * sizeof(*more));
		if (list->count > 0)
			memcpy(more, list->mailboxes, list->count * sizeof(*more));
		list->mailboxes = more;
		list->cap = cap;
	}
	list->mailboxes[list->count++] = (struct found_mailbox){
		.id = info->id,
		.name = arena_strv(arena, info->name),
		.uidvalidity = info->uidvalidity,
	};
}

static bool look_at(void *arg, const struct mbox_info *info)
{
	struct list_job *list = arg;
	if (info->id == 0 || info->attrs & MBOX_NOSELECT)
		return true;
	if (info->id == list->selected) {
		list->selected_mailbox = (struct found_mailbox){
			.id = info->id,
			.name = arena_strv(list->base.arena, info->name),
			.uidvalidity = info->uidvalidity,
		};
		return true;
	}
	if (info->messages > 0 && mailbox_source_match(list->sources, info->name, info->subscribed))
		add_mailbox(list, info);
	return list->count <= list->max;
}

static enum rc cmd_esearch_list_job_run(struct account *account, struct job *job)
{
	struct list_job *list = CONTAINER_OF(job, struct list_job, base.job);
	list->count = 0;
	enum rc rc = mbox_list(account, false, false, look_at, list);
	return rc == RC_OK && list->count > list->max ? RC_LIMIT : rc;
}

static struct found_mailbox cmd_esearch_keep(struct cmd *cmd, const struct found_mailbox *mailbox)
{
	struct found_mailbox kept = *mailbox;
	kept.name = arena_strv(cmd->arena, mailbox->name);
	return kept;
}

static void next_mailbox(struct cmd *cmd);

static void cmd_esearch_list_finish(struct cmd *cmd, struct cmd_job *job)
{
	const struct list_job *list = CONTAINER_OF(job, struct list_job, base);
	struct esearch_args *args = cmd->args;
	if (job->job.rc == RC_LIMIT) {
		cmd_no(cmd, "LIMIT", "Too many mailboxes");
		return;
	}
	if (job->job.rc != RC_OK) {
		search_cmd_failed(cmd, rc_text_code(job->job.rc), rc_text(job->job.rc));
		return;
	}
	struct found_mailbox *mailboxes = arena_alloc(cmd->arena, (list->count + 1) * sizeof(*mailboxes));
	for (size_t i = 0; i < list->count; i++)
		mailboxes[i] = cmd_esearch_keep(cmd, &list->mailboxes[i]);
	args->mailboxes = mailboxes;
	args->count = list->count;
	args->base.mailbox = arena_strv(cmd->arena, list->selected_mailbox.name);
	args->base.uidvalidity = list->selected_mailbox.uidvalidity;
	next_mailbox(cmd);
}

static void list_mailboxes(struct cmd *cmd)
{
	struct esearch_args *args = cmd->args;
	struct list_job *list =
		cmd_job_new(cmd, sizeof(*list), JOB_READ, cmd_esearch_list_job_run, cmd_esearch_list_finish);
	list->max = cmd->session->settings->esearch_mailboxes_max;
	list->sources = mailbox_source_copy(args->sources.first, list->base.arena);
	if (args->sources.selected)
		list->selected = view_mailbox(cmd->session->view);
	cmd_submit(cmd, list);
}

/* One after the other. */

static void cmd_esearch_print_answer(struct cmd *cmd, struct search *search, struct search_result *result)
{
	const struct search_cmd *base = cmd->args;
	struct buf out;
	if (seqset_empty(&search->results) || base->options.items == SEARCH_SAVE)
		return;
	if (base->options.items & SEARCH_RELEVANCY)
		result->scores = search_scores(search);
	result->utf8 = session_utf8(cmd->session);
	buf_init(&out, BUF_UNBOUNDED);
	search_return_print(&base->options, result, cmd->tag, &out);
	answer_own(cmd->session, &out);
	answer_flush(cmd->session);
}

static struct search_result result_of(const struct search *search, const struct search_return *options)
{
	return (struct search_result){
		.set = &search->results,
		.by_uid = true,
		.modseq = search_modseq(search, options),
	};
}

static void selected_finished(struct cmd *cmd, struct search *search)
{
	struct esearch_args *args = cmd->args;
	struct search_result result = result_of(search, &args->base.options);
	result.mailbox = args->base.mailbox;
	result.uidvalidity = args->base.uidvalidity;
	cmd_esearch_print_answer(cmd, search, &result);
	view_said_modseq(cmd->session->view, result.modseq);
	if (search->place.rc == RC_OK)
		search->place.rc = args->rc;
	search_cmd_end(cmd, search, &result);
}

/* Turns message numbers, which are places in the mailbox, into UIDs. */
static void places_to_uids(void *arg, const struct seqset *seqs, struct seqset *uids)
{
	const struct seqset *there = arg;
	struct seqset numbers = SEQSET_EMPTY;
	struct seqset part = SEQSET_EMPTY;
	seqset_copy(&numbers, seqs);
	seqset_resolve(&numbers, (uint32_t)seqset_count(there));
	for (size_t i = 0; i < numbers.n; i++) {
		seqset_slice(there, numbers.v[i].lo - 1, numbers.v[i].hi, &part);
		seqset_add_set(uids, &part);
	}
	seqset_fini(&part);
	seqset_fini(&numbers);
}

/* [strand] Resolves the keys for this mailbox, once. */
static enum rc cmd_esearch_resolve(struct account *account, struct search *search)
{
	const struct msg_row *rows;
	size_t count;
	struct seqset there = SEQSET_EMPTY;
	enum rc rc = msg_index(account, search->mailbox, &rows, &count);
	if (rc != RC_OK)
		return rc;
	for (size_t i = 0; search->keys.seqs && i < count; i++)
		seqset_add(&there, rows[i].uid);
	search_keys_resolve(
		&search->keys, count > 0 ? rows[count - 1].uid : 0, places_to_uids, &there, search->arena);
	seqset_fini(&there);
	return RC_OK;
}

static enum rc esearch_job_run(struct account *account, struct job *job)
{
	struct search *search = CONTAINER_OF(job, struct esearch_job, base.job)->search;
	enum rc rc = search->place.uid == 0 && search->place.run == 0 ? cmd_esearch_resolve(account, search)
								      : RC_OK;
	return rc == RC_OK ? search_slice(account, search) : rc;
}

static void esearch_job_release(struct cmd_job *job)
{
	search_free(&CONTAINER_OF(job, struct esearch_job, base)->search);
}

static void submit_slice(struct cmd *cmd);

static void mailbox_finished(struct cmd *cmd, struct search *search)
{
	struct esearch_args *args = cmd->args;
	const struct found_mailbox *mailbox = &args->mailboxes[args->at++];
	struct search_result result = result_of(search, &args->base.options);
	result.mailbox = mailbox->name;
	result.uidvalidity = mailbox->uidvalidity;
	cmd_esearch_print_answer(cmd, search, &result);
	if (args->rc == RC_OK)
		args->rc = search->place.rc;
	search_free(&args->base.search);
	if (cmd_out_full(cmd))
		args->waits_for_room = true;
	else
		next_mailbox(cmd);
}

static void cmd_esearch_slice_finish(struct cmd *cmd, struct cmd_job *job)
{
	struct esearch_job *slice = CONTAINER_OF(job, struct esearch_job, base);
	struct esearch_args *args = cmd->args;
	if (job->job.rc == RC_NOT_FOUND) {
		args->at++;
		next_mailbox(cmd);
		return;
	}
	if (job->job.rc != RC_OK) {
		search_cmd_failed(cmd, rc_text_code(job->job.rc), rc_text(job->job.rc));
		return;
	}
	args->base.search = slice->search;
	slice->search = NULL;
	search_accept(args->base.search);
	if (args->base.search->finished)
		mailbox_finished(cmd, args->base.search);
	else
		submit_slice(cmd);
}

static void submit_slice(struct cmd *cmd)
{
	struct esearch_args *args = cmd->args;
	struct esearch_job *job =
		cmd_job_new(cmd, sizeof(*job), JOB_READ, esearch_job_run, cmd_esearch_slice_finish);
	job->base.release = esearch_job_release;
	job->search = args->base.search;
	args->base.search = NULL;
	cmd_submit(cmd, job);
}

static void begin_mailbox(struct cmd *cmd, const struct found_mailbox *mailbox)
{
	struct esearch_args *args = cmd->args;
	struct search *search = search_new();
	args->base.search = search;
	search->mailbox = mailbox->id;
	search->by_uid = true;
	search->now = clock_wall();
	search->enough = args->base.enough;
	search->keep_hits = args->base.keep_hits;
	search_keys_copy(&args->keys, search->arena, &search->keys);
	search_prepare(search);
	search->runs = arena_alloc(search->arena, sizeof(*search->runs));
	search->runs[0] = (struct uid_run){ .uid_lo = 1, .uid_hi = UID_MAX, .seq_lo = 1 };
	search->run_count = 1;
	submit_slice(cmd);
}

static void next_mailbox(struct cmd *cmd)
{
	struct esearch_args *args = cmd->args;
	if (args->at < args->count) {
		begin_mailbox(cmd, &args->mailboxes[args->at]);
	} else if (args->sources.selected && args->base.uidvalidity > 0) {
		search_cmd_start(cmd);
	} else if (args->rc != RC_OK) {
		search_cmd_failed(cmd, rc_text_code(args->rc), rc_text(args->rc));
	} else {
		cmd_finish_rc(cmd, RC_OK);
	}
}

static void esearch_drain(struct cmd *cmd)
{
	struct esearch_args *args = cmd->args;
	if (!args->waits_for_room)
		return;
	args->waits_for_room = false;
	next_mailbox(cmd);
}

/* The command itself. */

static bool cmd_esearch_fits(struct cmd *cmd, struct parse *parse, const struct esearch_args *args)
{
	unsigned items = args->base.options.items;
	if (args->sources.selected && !cmd->session->view)
		return parse_fail(parse, "No mailbox selected");
	if (items & SEARCH_SAVE && (args->sources.first || !args->sources.selected))
		return parse_fail(parse, "SAVE is for the selected mailbox alone");
	if (items & SEARCH_UPDATE && !args->sources.selected)
		return parse_fail(parse, "UPDATE is for the selected mailbox");
	if (items & SEARCH_UPDATE && search_update_exists(cmd->session, cmd->tag))
		return parse_fail(parse, "Tag is in use by an updating context");
	return true;
}

static bool esearch_parse(struct cmd *cmd, struct parse *parse)
{
	struct esearch_args *args = arena_zalloc(cmd->arena, sizeof(*args));
	struct search_cmd *base = &args->base;
	cmd->args = args;
	base->finished = selected_finished;
	base->uids = true;
	if (!mailbox_sources_parse(parse, account_store(cmd->session->account), &args->sources) ||
		!search_return_parse(parse, &base->options))
		return false;
	if (!base->options.extended)
		base->options = (struct search_return){ .extended = true, .items = SEARCH_ALL };
	/* "$" stands for messages of the selected mailbox. */
	if (args->sources.first)
		parse->saved = NULL;
	if (!search_keys_parse(parse, &base->keys) || !search_cmd_fits(parse, base))
		return false;
	return cmd_esearch_fits(cmd, parse, args) && parse_end(parse);
}

static void esearch_run(struct cmd *cmd)
{
	struct esearch_args *args = cmd->args;
	if (args->base.keys.bad_charset) {
		search_cmd_failed(cmd, "BADCHARSET (US-ASCII UTF-8)", "Unknown charset");
		return;
	}
	if (args->base.keys.modseq)
		sync_condstore(cmd->session);
	search_keys_copy(&args->base.keys, cmd->arena, &args->keys);
	list_mailboxes(cmd);
}

const struct cmd_row cmd_esearch_rows[] = {
	{
		.name = "ESEARCH",
		.usage = "[IN (source ...)] [RETURN (option ...)] [CHARSET charset] key ...",
		.help = "finds messages in several mailboxes",
		.states = CMD_AUTH_STATES,
		.flags = CMD_NEWS_FIRST,
		.capability = "MULTISEARCH",
		.parse = esearch_parse,
		.run = esearch_run,
		.drain = esearch_drain,
		.cancel = search_cmd_cancel,
	},
	{ 0 },
};
