#include "imapd/command.h"
#include "imapd/resp.h"
#include "imapd/rows.h"
#include "imapd/search_cmd.h"

static void print_answer(struct cmd *cmd, const struct search *search, const struct search_result *result)
{
	const struct search_cmd *args = cmd->args;
	struct buf out;
	/* With nothing but SAVE there is nothing to return. */
	if (args->options.items == SEARCH_SAVE)
		return;
	buf_init(&out, SIZE_MAX / 2);
	if (args->options.extended)
		search_return_print(&args->options, result, cmd->tag, &out);
	else
		search_print(search, &out);
	buf_shrink(&out, 0);
	conn_write_own(cmd->session->conn, out.p, out.len);
	view_said_modseq(cmd->session->view, result->modseq);
}

static void search_finished(struct cmd *cmd, struct search *search)
{
	const struct search_cmd *args = cmd->args;
	struct search_result result = {
		.set = &search->results,
		.by_uid = search->by_uid,
		.modseq = search_modseq(search, &args->options),
	};
	if (args->options.items & SEARCH_RELEVANCY)
		result.scores = search_scores(search);
	print_answer(cmd, search, &result);
	search_cmd_end(cmd, search, &result);
}

static bool search_parse(struct cmd *cmd, struct parse *parse)
{
	struct search_cmd *args = arena_zalloc(cmd->arena, sizeof(*args));
	cmd->args = args;
	args->finished = search_finished;
	if (!search_return_parse(parse, &args->options) || !search_keys_parse(parse, &args->keys))
		return false;
	/* RFC 9051 section 6.4.4: no RETURN is RETURN (ALL). */
	if (cmd->session->enabled & ENABLED_REV2 && !args->options.extended) {
		args->options.extended = true;
		args->options.items = SEARCH_ALL;
	}
	if (args->options.extended)
		args->enough = search_return_enough(&args->options);
	args->keep_hits = args->options.items & SEARCH_RELEVANCY ||
			  (args->keys.modseq && args->options.items & SEARCH_PARTIAL);
	return search_return_fits(parse, &args->options, args->keys.fuzzy || args->keys.bad_charset) &&
	       parse_end(parse);
}

const struct cmd_row cmd_search_rows[] = {
	{
		.name = "SEARCH",
		.states = SESSION_SELECTED,
		.flags = CMD_NUMBERS | CMD_NO_EXPUNGE,
		.parse = search_parse,
		.run = search_cmd_start,
		.cancel = search_cmd_cancel,
	},
	{
		.name = "UID SEARCH",
		.states = SESSION_SELECTED,
		.flags = CMD_UID,
		.parse = search_parse,
		.run = search_cmd_start,
		.cancel = search_cmd_cancel,
	},
	{ 0 },
};
