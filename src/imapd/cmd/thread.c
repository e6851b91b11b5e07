/*
 * THREAD and UID THREAD (RFC 5256). The search collects UIDs, a second job threads them and prints the
 * answer.
 */
#include "imapd/command.h"
#include "base/list.h"
#include "imapd/answer.h"
#include "imap/rc_text.h"
#include "imapd/cmd/rows.h"
#include "imapd/search_cmd.h"
#include "query/thread.h"

#include "imapd/session.h"

struct thread_args {
	struct search_cmd base; /* first */
	enum thread_algorithm algorithm;
	struct thread *thread; /* own, while no job has it */
	uint64_t searched; /* the part of cmd_progress that the search took */
};

struct thread_job {
	struct cmd_job base;
	struct thread *thread; /* own */
};

static enum rc thread_job_run(struct account *account, struct job *job)
{
	return thread_slice(account, CONTAINER_OF(job, struct thread_job, base.job)->thread);
}

static void thread_job_release(struct cmd_job *job)
{
	thread_free(&CONTAINER_OF(job, struct thread_job, base)->thread);
}

static bool answers_uids(const struct cmd *cmd)
{
	return cmd->row->flags & CMD_UID;
}

/* "* THREAD (1)(2 3)" CRLF; without any: "* THREAD" CRLF */
static void cmd_thread_answer(struct cmd *cmd, struct search *search, struct buf *threads)
{
	struct search_result result = { .by_uid = answers_uids(cmd) };
	answer_raw(cmd->session, threads && threads->len > 0 ? STRV("* THREAD ") : STRV("* THREAD"));
	if (threads)
		answer_own(cmd->session, threads);
	answer_raw(cmd->session, STRV("\r\n"));
	search_cmd_end(cmd, search, &result);
}

static void thread_next(struct cmd *cmd);

static void thread_job_finish(struct cmd *cmd, struct cmd_job *job)
{
	struct thread_job *thread_job = CONTAINER_OF(job, struct thread_job, base);
	struct thread_args *args = cmd->args;
	struct search *search = args->base.search;
	args->thread = thread_job->thread;
	thread_job->thread = NULL;
	if (job->job.rc != RC_OK) {
		search_cmd_failed(cmd, rc_text_code(job->job.rc), rc_text(job->job.rc));
		return;
	}
	thread_accept(args->thread);
	cmd_progress(cmd, args->searched + args->thread->place.count, 0);
	if (!args->thread->finished) {
		thread_next(cmd);
		return;
	}
	search->place.gone += thread_gone(args->thread);
	if (search->place.rc == RC_OK)
		search->place.rc = args->thread->place.rc;
	cmd_thread_answer(cmd, search, &args->thread->out);
}

static void thread_next(struct cmd *cmd)
{
	struct thread_args *args = cmd->args;
	struct thread_job *job = cmd_job_new(cmd, sizeof(*job), JOB_READ, thread_job_run, thread_job_finish);
	job->base.release = thread_job_release;
	job->base.job.slow = true;
	job->thread = args->thread;
	args->thread = NULL;
	cmd_submit(cmd, job);
}

static void cmd_thread_search_finished(struct cmd *cmd, struct search *search)
{
	struct thread_args *args = cmd->args;
	if (seqset_empty(&search->results)) {
		cmd_thread_answer(cmd, search, NULL);
		return;
	}
	args->searched = cmd->done;
	args->thread = thread_new(search->mailbox, args->algorithm, &search->results,
		answers_uids(cmd) ? NULL : search->runs, search->run_count);
	thread_next(cmd);
}

static bool parse_algorithm(struct parse *parse, enum thread_algorithm *ret_algorithm)
{
	if (parse_keyword(parse, "ORDEREDSUBJECT"))
		*ret_algorithm = THREAD_ORDEREDSUBJECT;
	else if (parse_keyword(parse, "REFERENCES"))
		*ret_algorithm = THREAD_REFERENCES;
	else
		return parse_fail(parse, "Unknown threading algorithm");
	return true;
}

static bool thread_parse(struct cmd *cmd, struct parse *parse)
{
	struct thread_args *args = arena_zalloc(cmd->arena, sizeof(*args));
	cmd->args = args;
	args->base.finished = cmd_thread_search_finished;
	args->base.uids = true;
	args->base.more = true;
	return parse_algorithm(parse, &args->algorithm) && parse_sp(parse) &&
	       search_keys_parse_with_charset(parse, &args->base.keys) && parse_end(parse);
}

static void thread_cancel(struct cmd *cmd)
{
	struct thread_args *args = cmd->args;
	if (args)
		thread_free(&args->thread);
	search_cmd_cancel(cmd);
}

const struct cmd_row cmd_thread_rows[] = {
	{
		.name = "THREAD",
		.usage = "ORDEREDSUBJECT|REFERENCES charset key ...",
		.help = "finds messages and groups them by conversation",
		.states = SESSION_SELECTED,
		.flags = CMD_NUMBERS | CMD_NO_EXPUNGE | CMD_NEWS_FIRST,
		.parse = thread_parse,
		.run = search_cmd_start,
		.cancel = thread_cancel,
	},
	{
		.name = "UID THREAD",
		.usage = "ORDEREDSUBJECT|REFERENCES charset key ...",
		.help = "finds messages, groups them by conversation and tells their UIDs",
		.states = SESSION_SELECTED,
		.flags = CMD_UID | CMD_NEWS_FIRST,
		.parse = thread_parse,
		.run = search_cmd_start,
		.cancel = thread_cancel,
	},
	{ 0 },
};
