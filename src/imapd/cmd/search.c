/*
 * SEARCH, UID SEARCH and CANCELUPDATE (RFC 5267). search_cmd.c runs the search; this file prints the answer.
 */
#include "imapd/answer.h"
#include "imapd/command.h"
#include "imapd/search_update.h"
#include "imapd/cmd/rows.h"
#include "imapd/search_cmd.h"
#include "imapd/session.h"
#include "imapd/view.h"

static void cmd_search_print_answer(
	struct cmd *cmd, const struct search *search, const struct search_result *result)
{
	const struct search_cmd *args = cmd->args;
	struct buf out;
	/* If SAVE is the only option, nothing is returned. */
	if (args->options.items == SEARCH_SAVE)
		return;
	buf_init(&out, BUF_UNBOUNDED);
	if (args->options.extended)
		search_return_print(&args->options, result, cmd->tag, &out);
	else
		search_print(search, &out);
	answer_own(cmd->session, &out);
	view_said_modseq(cmd->session->view, result->modseq);
}

static void cmd_search_finished(struct cmd *cmd, struct search *search)
{
	const struct search_cmd *args = cmd->args;
	struct seqset seqs = SEQSET_EMPTY;
	bool by_uid = cmd->row->flags & CMD_UID;
	if (search->by_uid && !by_uid)
		view_seqs(cmd->session->view, &search->results, &seqs);
	struct search_result result = {
		.set = search->by_uid && !by_uid ? &seqs : &search->results,
		.by_uid = by_uid,
		.modseq = search_modseq(search, &args->options),
	};
	if (args->options.items & SEARCH_RELEVANCY)
		result.scores = search_scores(search);
	cmd_search_print_answer(cmd, search, &result);
	search_cmd_end(cmd, search, &result);
	seqset_fini(&seqs);
}

static bool search_parse(struct cmd *cmd, struct parse *parse)
{
	struct search_cmd *args = arena_zalloc(cmd->arena, sizeof(*args));
	cmd->args = args;
	args->finished = cmd_search_finished;
	if (!search_return_parse(parse, &args->options) || !search_keys_parse(parse, &args->keys))
		return false;
	/* RFC 9051 section 6.4.4: without RETURN the client gets RETURN (ALL). */
	if (cmd->session->enabled & ENABLED_REV2 && !args->options.extended) {
		args->options.extended = true;
		args->options.items = SEARCH_ALL;
	}
	return search_cmd_fits(parse, args) && parse_end(parse);
}

struct cancel_args {
	struct strv *tags;
	size_t count;
};

static bool cancelupdate_parse(struct cmd *cmd, struct parse *parse)
{
	struct cancel_args *args = arena_zalloc(cmd->arena, sizeof(*args));
	cmd->args = args;
	args->tags = arena_alloc(cmd->arena, CONTEXTS_MAX * sizeof(*args->tags));
	do {
		if (args->count == CONTEXTS_MAX)
			return parse_fail(parse, "Too many tags");
		if (!parse_string(parse, &args->tags[args->count++]))
			return false;
	} while (parse_more(parse));
	return parse_end(parse);
}

static void cancelupdate_run(struct cmd *cmd)
{
	const struct cancel_args *args = cmd->args;
	for (size_t i = 0; i < args->count; i++) {
		if (!search_update_exists(cmd->session, args->tags[i])) {
			cmd_bad(cmd, "No updating context has that tag");
			return;
		}
	}
	for (size_t i = 0; i < args->count; i++)
		search_update_cancel(cmd->session, args->tags[i]);
	cmd_finish_rc(cmd, RC_OK);
}

const struct cmd_row cmd_search_rows[] = {
	{
		.name = "SEARCH",
		.usage = "[RETURN (option ...)] [CHARSET charset] key ...",
		.help = "finds messages",
		.states = SESSION_SELECTED,
		.flags = CMD_NUMBERS | CMD_NO_EXPUNGE | CMD_NEWS_FIRST,
		.parse = search_parse,
		.run = search_cmd_start,
		.cancel = search_cmd_cancel,
	},
	{
		.name = "UID SEARCH",
		.usage = "[RETURN (option ...)] [CHARSET charset] key ...",
		.help = "finds messages and tells their UIDs",
		.states = SESSION_SELECTED,
		.flags = CMD_UID | CMD_NEWS_FIRST,
		.parse = search_parse,
		.run = search_cmd_start,
		.cancel = search_cmd_cancel,
	},
	{
		.name = "CANCELUPDATE",
		.usage = "tag ...",
		.help = "ends the updates of searches that asked for them",
		.states = SESSION_SELECTED,
		.capability = "CONTEXT=SEARCH",
		.parse = cancelupdate_parse,
		.run = cancelupdate_run,
	},
	{ 0 },
};
