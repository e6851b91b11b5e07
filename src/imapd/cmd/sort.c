/*
 * SORT and UID SORT (RFC 5256), with RETURN (RFC 5267, ESORT). The search collects UIDs, a second job sorts
 * them; the answer has the numbers that the view gives them, which do not change while the command runs.
 */
#include "imapd/answer.h"
#include "base/list.h"
#include "imapd/command.h"
#include "imap/rc_text.h"
#include "imapd/cmd/rows.h"
#include "imapd/search_cmd.h"
#include "imap/sort_program.h"
#include "query/sort.h"
#include "imapd/session.h"
#include "imapd/view.h"

/* The largest set that the reactor itself sorts if the index has all the keys; larger ones go to a worker. */
#define SORT_BORROW_MAX 500

struct sort_args {
	struct search_cmd base; /* first */
	struct sort_program program;
	struct sort *sort; /* own, while no job has it */
	uint64_t searched; /* the part of cmd_progress that the search took */
};

struct sort_job {
	struct cmd_job base;
	struct sort *sort; /* own */
};

static enum rc sort_job_run(struct account *account, struct job *job)
{
	return sort_slice(account, CONTAINER_OF(job, struct sort_job, base.job)->sort);
}

static void sort_job_release(struct cmd_job *job)
{
	sort_free(&CONTAINER_OF(job, struct sort_job, base)->sort);
}

/* The messages in order, as numbers or UIDs. In the arena of the command. */
static uint32_t *cmd_sort_numbers(struct cmd *cmd, const struct sort_item *items, size_t count)
{
	bool by_uid = cmd->row->flags & CMD_UID;
	uint32_t *list = arena_alloc(cmd->arena, (count + 1) * sizeof(*list));
	for (size_t i = 0; i < count; i++)
		list[i] = by_uid ? items[i].uid : view_seq(cmd->session->view, items[i].uid);
	return list;
}

static const uint8_t *cmd_sort_scores(
	struct cmd *cmd, const struct search *search, const struct sort_item *items, size_t count)
{
	uint8_t *list = arena_alloc(cmd->arena, count + 1);
	for (size_t i = 0; i < count; i++)
		list[i] = sort_score(search->hits, search->hit_kept, items[i].uid);
	return list;
}

static uint64_t cmd_sort_highest(const struct sort_item *items, uint64_t from, uint64_t to, uint64_t modseq)
{
	for (uint64_t i = from; i < to; i++)
		if (items[i].modseq > modseq)
			modseq = items[i].modseq;
	return modseq;
}

/* The highest modseq of the messages in the answer; 0: it was not asked for, or there are none. */
static uint64_t modseq_of(const struct sort_args *args, const struct sort_item *items, size_t count)
{
	const struct search_return *options = &args->base.options;
	uint64_t modseq = 0;
	uint64_t from;
	uint64_t to;
	if (!args->base.keys.modseq || count == 0)
		return 0;
	if (search_return_whole(options->items))
		return cmd_sort_highest(items, 0, count, 0);
	if (options->items & SEARCH_PARTIAL) {
		partial_cut(&options->partial, count, &from, &to);
		modseq = cmd_sort_highest(items, from, to, modseq);
	}
	if (options->items & SEARCH_MIN)
		modseq = cmd_sort_highest(items, 0, 1, modseq);
	if (options->items & SEARCH_MAX)
		modseq = cmd_sort_highest(items, count - 1, count, modseq);
	return modseq;
}

/* "* SORT 3 1 2 (MODSEQ 9)" CRLF */
static void print_sort(const struct search_result *result, struct buf *out)
{
	buf_adds(out, "* SORT");
	for (size_t i = 0; i < result->count; i++) {
		buf_addc(out, ' ');
		buf_addu(out, result->list[i]);
	}
	if (result->count > 0 && result->modseq > 0) {
		buf_adds(out, " (MODSEQ ");
		buf_addu(out, result->modseq);
		buf_addc(out, ')');
	}
	buf_adds(out, "\r\n");
}

static void cmd_sort_print_answer(struct cmd *cmd, const struct search_result *result)
{
	const struct sort_args *args = cmd->args;
	struct buf out;
	/* If SAVE is the only option, nothing is returned. */
	if (args->base.options.items == SEARCH_SAVE)
		return;
	buf_init(&out, BUF_UNBOUNDED);
	if (args->base.options.extended)
		search_return_print(&args->base.options, result, cmd->tag, &out);
	else
		print_sort(result, &out);
	answer_own(cmd->session, &out);
	view_said_modseq(cmd->session->view, result->modseq);
}

/* Makes the set for SAVE; its order does not matter. */
static void set_of_all(struct cmd *cmd, const struct search *search, struct seqset *set)
{
	uint32_t uid;
	for (struct seqiter it = seqset_iter(&search->results); seqset_next(&it, &uid);)
		seqset_add(set, cmd->row->flags & CMD_UID ? uid : view_seq(cmd->session->view, uid));
}

static void cmd_sort_answer(
	struct cmd *cmd, struct search *search, const struct sort_item *items, size_t count)
{
	struct sort_args *args = cmd->args;
	struct seqset all = SEQSET_EMPTY;
	struct search_result result = {
		.list = cmd_sort_numbers(cmd, items, count),
		.count = count,
		.by_uid = cmd->row->flags & CMD_UID,
		.modseq = modseq_of(args, items, count),
	};
	if (args->base.options.items & SEARCH_RELEVANCY)
		result.scores = cmd_sort_scores(cmd, search, items, count);
	cmd_sort_print_answer(cmd, &result);
	if (args->base.options.items & SEARCH_SAVE && search_return_whole(args->base.options.items)) {
		set_of_all(cmd, search, &all);
		result.set = &all;
	}
	args->base.sort = args->sort;
	search_cmd_end(cmd, search, &result);
	seqset_fini(&all);
}

static void sort_next(struct cmd *cmd, bool borrow);

static void sort_job_finish(struct cmd *cmd, struct cmd_job *job)
{
	struct sort_job *sort_job = CONTAINER_OF(job, struct sort_job, base);
	struct sort_args *args = cmd->args;
	struct search *search = args->base.search;
	size_t count;
	args->sort = sort_job->sort;
	sort_job->sort = NULL;
	if (job->job.rc != RC_OK) {
		search_cmd_failed(cmd, rc_text_code(job->job.rc), rc_text(job->job.rc));
		return;
	}
	sort_accept(args->sort);
	cmd_progress(cmd, args->searched + args->sort->place.count, 0);
	if (!args->sort->finished) {
		sort_next(cmd, false);
		return;
	}
	search->place.gone += sort_gone(args->sort);
	if (search->place.rc == RC_OK)
		search->place.rc = args->sort->place.rc;
	const struct sort_item *items = sort_items(args->sort, &count);
	cmd_sort_answer(cmd, search, items, count);
}

static void sort_next(struct cmd *cmd, bool borrow)
{
	struct sort_args *args = cmd->args;
	struct sort_job *job = cmd_job_new(cmd, sizeof(*job), JOB_READ, sort_job_run, sort_job_finish);
	job->base.release = sort_job_release;
	job->base.job.slow = !sort_program_is_memory(&args->program);
	job->sort = args->sort;
	args->sort = NULL;
	cmd_submit_or_borrow(cmd, job, borrow);
}

static void cmd_sort_search_finished(struct cmd *cmd, struct search *search)
{
	struct sort_args *args = cmd->args;
	if (seqset_empty(&search->results) && !(args->base.options.items & SEARCH_UPDATE)) {
		cmd_sort_answer(cmd, search, NULL, 0);
		return;
	}
	args->searched = cmd->done;
	args->sort = sort_new(search->mailbox, &args->program, &search->results);
	if (args->program.relevancy)
		sort_set_hits(args->sort, search);
	sort_next(cmd,
		sort_program_is_memory(&args->program) && seqset_count(&search->results) <= SORT_BORROW_MAX);
}

static bool sort_parse(struct cmd *cmd, struct parse *parse)
{
	struct sort_args *args = arena_zalloc(cmd->arena, sizeof(*args));
	cmd->args = args;
	args->base.finished = cmd_sort_search_finished;
	args->base.uids = true;
	args->base.more = true;
	const struct search_return *options = &args->base.options;
	bool ok = search_return_parse(parse, &args->base.options) &&
		  sort_program_parse(parse, &args->program) && parse_sp(parse) &&
		  search_keys_parse_with_charset(parse, &args->base.keys);
	bool fuzzy = args->base.keys.fuzzy || args->base.keys.bad_charset;
	if (!ok || !search_return_fits(parse, options, fuzzy))
		return false;
	if (args->program.relevancy && !fuzzy)
		return parse_fail(parse, "RELEVANCY needs FUZZY");
	args->base.keep_hits = args->program.relevancy || options->items & SEARCH_RELEVANCY;
	return parse_end(parse);
}

static void sort_cancel(struct cmd *cmd)
{
	struct sort_args *args = cmd->args;
	if (args)
		sort_free(&args->sort);
	search_cmd_cancel(cmd);
}

const struct cmd_row cmd_sort_rows[] = {
	{
		.name = "SORT",
		.usage = "[RETURN (option ...)] ([REVERSE] criterion ...) charset key ...",
		.help = "finds messages and sorts them",
		.states = SESSION_SELECTED,
		.flags = CMD_NUMBERS | CMD_NO_EXPUNGE | CMD_NEWS_FIRST,
		.parse = sort_parse,
		.run = search_cmd_start,
		.cancel = sort_cancel,
	},
	{
		.name = "UID SORT",
		.usage = "[RETURN (option ...)] ([REVERSE] criterion ...) charset key ...",
		.help = "finds messages, sorts them and tells their UIDs",
		.states = SESSION_SELECTED,
		.flags = CMD_UID | CMD_NEWS_FIRST,
		.parse = sort_parse,
		.run = search_cmd_start,
		.cancel = sort_cancel,
	},
	{ 0 },
};
