/*
 * APPEND, of one message or several (RFC 3502). A message literal is announced: destination, size and quota are looked at
 * before its bytes are let in, then they go to a spool of its own. When the command is complete and all spools are finished
 * the messages are stored in one job, all or none.
 */
#include "base/clock.h"
#include "base/mem.h"
#include "coi/coi.h"
#include "imapd/command.h"
#include "imapd/imapd.h"
#include "imapd/resp.h"
#include "imapd/rows.h"
#include "store/content.h"
#include "store/message.h"

#include <stdlib.h>

#define APPEND_MESSAGES_MAX LEX_STREAMED_MAX

/* What stands in front of a message. */
struct append_options {
	uint32_t flags;
	struct strv *keywords;
	size_t keyword_count;
	bool dated;
	int64_t internaldate;
	int16_t zone;
	bool utf8; /* "UTF8 (~{n}": RFC 6855 section 4 */
};

/* Looks for 8-bit octets in the header of a message as its bytes come in. */
struct append_header {
	bool over; /* the empty line has come */
	bool in_line;
	bool eight_bit;
};

/* Waits for a spool to finish; outlives the command if the session ends meanwhile. */
struct append_wait {
	struct cmd *cmd; /* borrowed; NULL: the command is gone */
	struct append_message *message; /* borrowed from the command's arena */
};

/* A message whose bytes are all in. */
struct append_message {
	struct append_wait *wait; /* own by the spool, which always calls back */
	struct content *content; /* own, once the spool is finished */
};

struct append_args {
	struct strv mailbox;
	struct append_options *options; /* of each message, when the command is complete */
	size_t count;
	struct append_message *messages; /* room for APPEND_MESSAGES_MAX */
	size_t received;
	size_t unfinished; /* spools that have not called back */
	enum rc rc; /* the first error of a spool */
	struct spool *spool; /* own: the message coming in */
	struct append_header header; /* of that message */
	bool eight_bit; /* some header has 8-bit octets */
	bool paused;
	bool started; /* the command is complete */
};

static struct append_args *args_of(struct cmd *cmd)
{
	if (!cmd->args)
		cmd->args = arena_zalloc(cmd->arena, sizeof(struct append_args));
	return cmd->args;
}

/* "(\Seen) \"date\" UTF8 (" in front of a message; all may be missing. */
static bool parse_options(struct parse *parse, struct append_options *ret_options)
{
	struct append_options options = { 0 };
	if (parse_peek(parse, '(')) {
		if (!parse_flag_list(
			    parse, false, &options.flags, &options.keywords, &options.keyword_count) ||
			!parse_sp(parse))
			return false;
	}
	if (parse_peek(parse, '"')) {
		if (!parse_date_time(parse, &options.internaldate, &options.zone) || !parse_sp(parse))
			return false;
		options.dated = true;
	}
	if (parse_keyword(parse, "UTF8")) {
		if (!parse_sp(parse) || !parse_char(parse, '('))
			return false;
		options.utf8 = true;
	}
	*ret_options = options;
	return true;
}

/* The message, behind its options. */
static bool parse_message(struct parse *parse, const struct append_options *options)
{
	size_t index;
	if (!parse_streamed(parse, &index))
		return false;
	if (!options->utf8)
		return true;
	if (!parse->streamed[index].binary)
		return parse_fail(parse, "UTF8 needs a literal8");
	return parse_char(parse, ')');
}

static bool append_parse(struct cmd *cmd, struct parse *parse)
{
	struct append_args *args = args_of(cmd);
	args->count = 0;
	args->options = arena_zalloc(cmd->arena, (parse->streamed_count + 1) * sizeof(*args->options));
	if (!parse_mailbox(parse, &args->mailbox))
		return false;
	do {
		struct append_options *options = &args->options[args->count];
		if (!parse_sp(parse) || !parse_options(parse, options) || !parse_message(parse, options))
			return false;
		args->count++;
	} while (parse_peek(parse, ' ') && args->count < parse->streamed_count);
	return parse_end(parse);
}

/* What is known when a literal is announced. */
enum append_literal {
	APPEND_NAME, /* it is the mailbox name */
	APPEND_MESSAGE,
	APPEND_BAD /* syntax error; told by parse->error */
};

static enum append_literal literal_place(struct parse *parse, bool binary, struct strv *ret_mailbox)
{
	struct append_options options;
	if (parse_at_end(parse))
		return APPEND_NAME;
	if (!parse_mailbox(parse, ret_mailbox))
		return APPEND_BAD;
	/* Those before are part of what has come. */
	for (size_t i = 0;; i++) {
		if (!parse_sp(parse) || !parse_options(parse, &options))
			return APPEND_BAD;
		if (i == parse->streamed_count)
			break;
		if (!parse_message(parse, &options))
			return APPEND_BAD;
	}
	if (!parse_at_end(parse))
		parse_fail(parse, "Message literal expected");
	else if (options.utf8 && !binary)
		parse_fail(parse, "UTF8 needs a literal8");
	else
		return APPEND_MESSAGE;
	return APPEND_BAD;
}

static void room_in_spool(void *arg)
{
	struct cmd *cmd = arg;
	struct append_args *args = cmd->args;
	if (!args->paused)
		return;
	args->paused = false;
	cmd_pause_input(cmd, false);
}

static void let_in(struct cmd *cmd)
{
	struct append_args *args = args_of(cmd);
	struct session *session = cmd->session;
	enum rc rc = spool_new(
		account_store(session->account), session->hub->reactor, room_in_spool, cmd, &args->spool);
	if (rc != RC_OK) {
		cmd_literal_refuse(cmd, false, resp_rc_code(rc), resp_rc_text(rc));
		return;
	}
	/* False: the command has ended, and its cancel dropped the spool. */
	if (!cmd_literal_stream(cmd))
		return;
}

/* May such a message be stored there? Decided before the client sends it. */
struct check_job {
	struct cmd_job base;
	struct strv mailbox;
	uint64_t size; /* of the messages so far and the one announced */
	uint64_t count;
	bool no_target;
};

static enum rc find_target(
	struct account *account, struct strv name, struct mbox_info *ret_info, bool *ret_missing)
{
	enum rc rc = mbox_find(account, name, ret_info);
	if (rc == RC_OK && (ret_info->attrs & MBOX_NOSELECT))
		rc = RC_NOT_FOUND;
	*ret_missing = rc == RC_NOT_FOUND || rc == RC_INVALID;
	return rc;
}

static enum rc check_run(struct account *account, struct job *job)
{
	struct check_job *check = (struct check_job *)job;
	struct mbox_info info;
	struct quota quota;
	enum rc rc = find_target(account, check->mailbox, &info, &check->no_target);
	if (rc == RC_OK)
		rc = account_quota(account, &quota);
	if (rc != RC_OK)
		return rc;
	if (quota.storage_max > 0 && (quota.storage_used >= quota.storage_max ||
					     check->size > quota.storage_max - quota.storage_used))
		return RC_QUOTA;
	if (quota.messages_max > 0 && (quota.messages_used >= quota.messages_max ||
					      check->count > quota.messages_max - quota.messages_used))
		return RC_QUOTA;
	return RC_OK;
}

static void check_finish(struct cmd *cmd, struct cmd_job *job)
{
	struct check_job *check = (struct check_job *)job;
	enum rc rc = job->job.rc;
	if (check->no_target)
		cmd_literal_refuse(cmd, false, "TRYCREATE", "Mailbox doesn't exist");
	else if (rc != RC_OK)
		cmd_literal_refuse(cmd, false, resp_rc_code(rc), resp_rc_text(rc));
	else
		let_in(cmd);
}

static uint64_t size_limit(const struct session *session)
{
	uint64_t store = store_settings(account_store(session->account))->message_max;
	uint64_t own = session->settings->message_max;
	return own > 0 && own < store ? own : store;
}

/* False: the command has been ended with NO. */
static bool acceptable(struct cmd *cmd, uint64_t size, size_t before)
{
	const struct append_args *args = args_of(cmd);
	if (args->rc != RC_OK) {
		cmd_literal_refuse(cmd, false, resp_rc_code(args->rc), resp_rc_text(args->rc));
		return false;
	}
	if (size == 0) {
		/* RFC 3502 section 6.3.11: an empty message takes the command back. */
		cmd_literal_refuse(cmd, false, NULL, "Empty message, nothing is stored");
		return false;
	}
	if (before >= APPEND_MESSAGES_MAX) {
		cmd_literal_refuse(cmd, false, "LIMIT", "Too many messages in one APPEND");
		return false;
	}
	if (size > size_limit(cmd->session)) {
		cmd_literal_refuse(cmd, false, "TOOBIG", "Message is too large");
		return false;
	}
	return true;
}

static void append_literal(struct cmd *cmd, const struct lex_literal *literal)
{
	struct session *session = cmd->session;
	struct parse parse;
	struct strv mailbox = STRV_NULL;
	cmd_partial(cmd, &parse);
	switch (literal_place(&parse, literal->binary, &mailbox)) {
	case APPEND_NAME:
		(void)cmd_literal_keep(cmd);
		return;
	case APPEND_BAD:
		cmd_literal_refuse(cmd, true, NULL, parse.error);
		return;
	case APPEND_MESSAGE:
		break;
	}
	if (!acceptable(cmd, literal->size, parse.streamed_count))
		return;
	/* A small message that is on its way already is judged when it is stored. */
	if (literal->kind == LEX_NONSYNC &&
		literal->size <= store_settings(account_store(session->account))->inline_max) {
		let_in(cmd);
		return;
	}
	struct check_job *check = cmd_job_new(cmd, sizeof(*check), JOB_READ, check_run, check_finish);
	check->mailbox = arena_strv(check->base.arena, mailbox);
	check->size = literal->size;
	for (size_t i = 0; i < parse.streamed_count; i++)
		check->size += parse.streamed[i].size;
	check->count = parse.streamed_count + 1;
	cmd_submit(cmd, check);
}

static void look_at_header(struct append_header *header, struct strv bytes)
{
	for (size_t i = 0; i < bytes.n && !header->over; i++) {
		unsigned char c = (unsigned char)bytes.p[i];
		if (c == '\n') {
			header->over = !header->in_line;
			header->in_line = false;
		} else if (c != '\r') {
			header->in_line = true;
			header->eight_bit |= c >= 0x80;
		}
	}
}

static void append_bytes(struct cmd *cmd, struct strv bytes)
{
	struct append_args *args = cmd->args;
	look_at_header(&args->header, bytes);
	spool_add(args->spool, bytes.p, bytes.n);
	if (!args->paused && spool_full(args->spool)) {
		args->paused = true;
		cmd_pause_input(cmd, true);
	}
}

static void finish_append(struct cmd *cmd);

static void spool_done(void *arg, enum rc rc, struct content *content)
{
	struct append_wait *wait = arg;
	struct cmd *cmd = wait->cmd;
	struct append_message *message = wait->message;
	free(wait);
	if (!cmd) {
		content_unref(&content);
		return;
	}
	struct append_args *args = cmd->args;
	message->wait = NULL;
	message->content = content;
	args->unfinished--;
	if (args->rc == RC_OK)
		args->rc = rc;
	if (args->started && args->unfinished == 0)
		finish_append(cmd);
}

static void append_literal_end(struct cmd *cmd)
{
	struct append_args *args = cmd->args;
	struct spool *spool = args->spool;
	if (!args->messages)
		args->messages = arena_zalloc(cmd->arena, APPEND_MESSAGES_MAX * sizeof(*args->messages));
	struct append_message *message = &args->messages[args->received++];
	message->wait = mem_zalloc(sizeof(*message->wait));
	message->wait->cmd = cmd;
	message->wait->message = message;
	args->unfinished++;
	args->eight_bit |= args->header.eight_bit;
	args->header = (struct append_header){ 0 };
	args->spool = NULL;
	spool_finish(spool, spool_done, message->wait);
}

struct append_job {
	struct cmd_job base;
	struct strv mailbox;
	struct msg_new *messages; /* contents: own */
	size_t count;
	const struct coi *coi; /* borrowed */
	bool no_target;
	uint32_t uidvalidity;
	uint32_t *uids;
};

static enum rc append_run(struct account *account, struct job *job)
{
	struct append_job *append = (struct append_job *)job;
	struct mbox_info info;
	enum rc rc = find_target(account, append->mailbox, &info, &append->no_target);
	for (size_t i = 0; rc == RC_OK && i < append->count; i++) {
		struct msg_new msg = append->messages[i];
		rc = coi_append(append->coi, account, info.id, &msg);
		if (rc == RC_OK)
			rc = msg_append(account, info.id, &msg, &append->uids[i]);
	}
	if (rc == RC_OK)
		append->uidvalidity = info.uidvalidity;
	return rc;
}

static void append_release(struct cmd_job *job)
{
	struct append_job *append = (struct append_job *)job;
	for (size_t i = 0; i < append->count; i++)
		content_unref(&append->messages[i].content);
}

static void append_finish(struct cmd *cmd, struct cmd_job *job)
{
	struct append_job *append = (struct append_job *)job;
	if (append->no_target) {
		cmd_no(cmd, "TRYCREATE", "Mailbox doesn't exist");
		return;
	}
	if (job->job.rc != RC_OK) {
		cmd_finish_rc(cmd, job->job.rc);
		return;
	}
	struct seqset uids = SEQSET_EMPTY;
	struct buf code;
	for (size_t i = 0; i < append->count; i++)
		seqset_add(&uids, append->uids[i]);
	buf_init(&code, 4096); /* APPEND_MESSAGES_MAX ranges fit */
	buf_adds(&code, "APPENDUID ");
	buf_addu(&code, append->uidvalidity);
	buf_addc(&code, ' ');
	seqset_print(&code, &uids);
	const char *text = arena_strndup(cmd->arena, code.p, code.len);
	buf_fini(&code);
	seqset_fini(&uids);
	cmd_ok(cmd, text, "APPEND completed");
}

static struct msg_new to_store(
	struct arena *arena, const struct append_options *options, struct append_message *message)
{
	struct msg_new msg = { .content = message->content, .flags = options->flags, .zone = options->zone };
	struct strv *keywords = arena_alloc(arena, (options->keyword_count + 1) * sizeof(*keywords));
	for (size_t i = 0; i < options->keyword_count; i++)
		keywords[i] = arena_strv(arena, options->keywords[i]);
	msg.keywords = keywords;
	msg.keyword_count = options->keyword_count;
	msg.internaldate = options->dated ? options->internaldate : clock_wall();
	message->content = NULL;
	return msg;
}

static void submit_append(struct cmd *cmd)
{
	struct append_args *args = cmd->args;
	struct append_job *append = cmd_job_new(cmd, sizeof(*append), JOB_WRITE, append_run, append_finish);
	struct arena *arena = append->base.arena;
	append->base.release = append_release;
	append->coi = cmd->session->settings->coi;
	append->mailbox = arena_strv(arena, args->mailbox);
	append->messages = arena_zalloc(arena, args->count * sizeof(*append->messages));
	append->uids = arena_zalloc(arena, args->count * sizeof(*append->uids));
	for (size_t i = 0; i < args->count; i++)
		append->messages[append->count++] = to_store(arena, &args->options[i], &args->messages[i]);
	cmd_submit(cmd, append);
}

static void finish_append(struct cmd *cmd)
{
	struct append_args *args = cmd->args;
	if (args->rc != RC_OK)
		cmd_finish_rc(cmd, args->rc);
	else
		submit_append(cmd);
}

static void append_start(struct cmd *cmd)
{
	struct append_args *args = cmd->args;
	if (args->received != args->count) {
		cmd_bad(cmd, "Message literal expected");
		return;
	}
	/* RFC 6855 section 4. */
	if (args->eight_bit && !session_utf8(cmd->session)) {
		cmd_no(cmd, "CANNOT", "8-bit octets in a header need ENABLE UTF8=ACCEPT");
		return;
	}
	args->started = true;
	cmd->waiting = true;
	if (args->unfinished == 0)
		finish_append(cmd);
}

static void append_cancel(struct cmd *cmd)
{
	struct append_args *args = cmd->args;
	if (!args)
		return;
	if (args->spool)
		spool_abort(&args->spool);
	for (size_t i = 0; i < args->received; i++) {
		if (args->messages[i].wait)
			args->messages[i].wait->cmd = NULL;
		content_unref(&args->messages[i].content);
	}
}

const struct cmd_row cmd_append_rows[] = {
	{
		.name = "APPEND",
		.states = SESSION_AUTH | SESSION_SELECTED,
		.flags = CMD_LITERALS_STREAM,
		.parse = append_parse,
		.run = append_start,
		.literal = append_literal,
		.literal_bytes = append_bytes,
		.literal_end = append_literal_end,
		.cancel = append_cancel,
	},
	{ 0 },
};
