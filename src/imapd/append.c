/*
 * Takes in the messages of APPEND and REPLACE: decides at each announced literal whether it is accepted, and
 * feeds its octets to the spool of its message. append_message.c keeps the messages, append_store.c gives
 * them to the store.
 */
#include "imapd/append.h"

#include "base/list.h"
#include "base/mem.h"
#include "imapd/hub.h"
#include "imapd/session.h"
#include "query/append_piece.h"
#include "query/append_target.h"
#include "imapd/imapd.h"
#include "imapd/message_limit.h"
#include "imap/rc_text.h"
#include "imapd/view.h"

#include <stdlib.h>

struct append *append_of(struct cmd *cmd, const struct append_hooks *hooks)
{
	if (!cmd->args) {
		cmd->args = arena_zalloc(cmd->arena, hooks->args_size);
		struct append *append = cmd->args;
		append->hooks = hooks;
		append->scratch = arena_new(0);
	}
	return cmd->args;
}

/* Ends the command with NO, whether it is complete or a literal is announced. */
static void append_refuse(struct cmd *cmd, const char *code, const char *text)
{
	const struct append *append = cmd->args;
	if (append->whole)
		cmd_no(cmd, code, text);
	else
		cmd_literal_refuse(cmd, false, code, text);
}

static void refuse_more(struct cmd *cmd)
{
	const struct append *append = cmd->args;
	unsigned limit = message_limit_save(cmd);
	bool many = limit > 0 && append->received >= limit;
	append_refuse(cmd, many ? arena_printf(cmd->arena, "MESSAGELIMIT %u", limit) : "LIMIT",
		"Too many messages in one APPEND");
}

static void refuse_rc(struct cmd *cmd, enum rc rc)
{
	append_refuse(cmd, rc_text_code(rc), rc_text(rc));
}

static uint64_t size_limit(const struct session *session)
{
	uint64_t store = store_settings(account_store(session->account))->message_max;
	uint64_t own = session->settings->message_max;
	return own > 0 && own < store ? own : store;
}

/* Spools. */

static void piece_next(struct cmd *cmd);
static void go_on(struct cmd *cmd);

static void room_in_spool(void *arg)
{
	struct cmd *cmd = arg;
	struct append *append = cmd->args;
	if (append->paused) {
		append->paused = false;
		cmd_pause_input(cmd, false);
	}
	if (append->waits_for_room) {
		append->waits_for_room = false;
		piece_next(cmd);
	}
}

/* Makes the spool if there is none yet. `size`: the number of bytes that will come. */
static enum rc need_spool(struct cmd *cmd, uint64_t size)
{
	struct append *append = cmd->args;
	struct session *session = cmd->session;
	enum rc rc = RC_OK;
	if (!append->spool)
		rc = spool_new(account_store(session->account), session->hub->reactor, room_in_spool, cmd,
			&append->spool);
	return rc == RC_OK ? spool_charge(append->spool, session->account, size) : rc;
}

/* Adds bytes to the spool. `text`: a LF without its CR gets one, since messages are served with CRLF. */
static void append_feed(struct append *append, struct strv bytes, bool text)
{
	if (bytes.n == 0)
		return;
	uint64_t before = spool_size(append->spool);
	append_header_look(&append->header, bytes);
	if (text)
		spool_add_text(append->spool, bytes.p, bytes.n);
	else
		spool_add(append->spool, bytes.p, bytes.n);
	append->size += spool_size(append->spool) - before;
}

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
	struct append *append = cmd->args;
	message->wait = NULL;
	message->content = content;
	append->unfinished--;
	if (append->rc == RC_OK)
		append->rc = rc;
	bool last = append->whole && append->at_message == append->list.count;
	if (last && !append->walking && append->unfinished == 0)
		go_on(cmd);
}

static void finish_spool(struct cmd *cmd, struct append_message *message)
{
	struct append *append = cmd->args;
	struct spool *spool = append->spool;
	message->wait = mem_zalloc(sizeof(*message->wait));
	message->wait->cmd = cmd;
	message->wait->message = message;
	append->unfinished++;
	append->spool = NULL;
	spool_finish(spool, spool_done, message->wait);
}

/* Ends the present message: all its bytes have come. */
static void close_message(struct cmd *cmd)
{
	struct append *append = cmd->args;
	/* The message may have grown by CRs since it was announced. */
	if (append->size > size_limit(cmd->session) && append->rc == RC_OK)
		append->rc = RC_LIMIT;
	struct append_message *message = append_message_add(cmd);
	append->eight_bit |= append->header.eight_bit;
	append->header = (struct append_header){ 0 };
	append->binary = false;
	append->before += append->size;
	append->size = 0;
	append->at_message++;
	append->at_part = 0;
	finish_spool(cmd, message);
}

/* Pieces. */

struct piece_job {
	struct cmd_job base;
	struct append_piece *piece; /* own */
};

static void refuse_url(struct cmd *cmd, struct strv url)
{
	append_refuse(cmd, append_badurl_code(cmd->arena, url), "There is no such message or part");
}

static enum rc piece_run(struct account *account, struct job *job)
{
	return append_piece_read(account, CONTAINER_OF(job, struct piece_job, base.job)->piece);
}

static void piece_release(struct cmd_job *job)
{
	append_piece_free(&CONTAINER_OF(job, struct piece_job, base)->piece);
}

static void piece_failed(struct cmd *cmd, const struct append_piece *piece, enum rc rc)
{
	if (rc == RC_NOT_FOUND)
		refuse_url(cmd, piece->shown);
	else if (rc == RC_LIMIT)
		append_refuse(cmd, "TOOBIG", "Message is too large");
	else
		refuse_rc(cmd, rc);
}

/* The piece is completely in the spool. */
static void piece_ended(struct cmd *cmd)
{
	struct append *append = cmd->args;
	append_piece_free(&append->piece);
	if (append->encoding) {
		struct append_message *message = append->encoding;
		message->binary = false;
		content_unref(&message->content);
		finish_spool(cmd, message);
		return;
	}
	append->at_part++;
	go_on(cmd);
}

static void piece_finish(struct cmd *cmd, struct cmd_job *job)
{
	struct piece_job *piece_job = CONTAINER_OF(job, struct piece_job, base);
	struct append *append = cmd->args;
	enum rc rc = job->job.rc;
	if (rc == RC_OK)
		rc = need_spool(cmd, piece_job->piece->out.len);
	if (rc == RC_OK && append->size + piece_job->piece->out.len > size_limit(cmd->session))
		rc = RC_LIMIT;
	if (rc != RC_OK) {
		piece_failed(cmd, piece_job->piece, rc);
		return;
	}
	append->piece = piece_job->piece;
	piece_job->piece = NULL;
	append_feed(append, buf_strv(&append->piece->out), false);
	append_piece_accept(append->piece);
	if (append_piece_done(append->piece))
		piece_ended(cmd);
	else if (spool_full(append->spool))
		append->waits_for_room = true;
	else
		piece_next(cmd);
}

static void piece_next(struct cmd *cmd)
{
	struct append *append = cmd->args;
	struct piece_job *job = cmd_job_new(cmd, sizeof(*job), JOB_READ, piece_run, piece_finish);
	job->base.release = piece_release;
	job->piece = append->piece;
	append->piece = NULL;
	cmd_submit(cmd, job);
}

static void submit_check(struct cmd *cmd, uint64_t more, void (*go)(struct cmd *cmd));

/* The destination is looked at before the URLs of the message (RFC 4469 section 3: TRYCREATE comes first). */
static void begin_url(struct cmd *cmd, struct strv url)
{
	struct append *append = cmd->args;
	struct view *view = cmd->session->view;
	if (!append->checked) {
		submit_check(cmd, 0, go_on);
		return;
	}
	append->piece =
		append_piece_url(url, view ? view_mailbox(view) : 0, size_limit(cmd->session) - append->size);
	if (append->piece)
		piece_next(cmd);
	else
		refuse_url(cmd, url);
}

/* Literals. */

static void let_in(struct cmd *cmd)
{
	struct append *append = cmd->args;
	enum rc rc = need_spool(cmd, append->literal.size);
	append->binary |= append->literal.binary;
	if (rc != RC_OK)
		refuse_rc(cmd, rc);
	else
		/* False: the command has ended, and its cancel function has dropped the spool. */
		(void)cmd_literal_stream(cmd);
}

/* A job that asks, before the client sends a message of this size, whether it may be stored in the
 * mailbox. */
struct check_job {
	struct cmd_job base;
	struct strv mailbox;
	uint64_t size; /* octets of all messages, the announced one included */
	uint64_t count;
	bool no_target;
	void (*go)(struct cmd *cmd); /* called if it may be stored */
};

static enum rc append_check_run(struct account *account, struct job *job)
{
	struct check_job *check = CONTAINER_OF(job, struct check_job, base.job);
	struct mbox_info info;
	struct quota quota;
	enum rc rc = append_target(account, check->mailbox, &info, &check->no_target);
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
	struct append *append = cmd->args;
	const struct check_job *check = CONTAINER_OF(job, struct check_job, base);
	/* REPLACE frees the room of the old message, so its quota is checked when the message is stored. */
	bool quota_later = append->hooks->replaces && job->job.rc == RC_QUOTA;
	if (check->no_target)
		append_refuse(cmd, "TRYCREATE", "Mailbox doesn't exist");
	else if (job->job.rc != RC_OK && !quota_later)
		refuse_rc(cmd, job->job.rc);
	if (check->no_target || (job->job.rc != RC_OK && !quota_later))
		return;
	append->checked = true;
	check->go(cmd);
}

static void submit_check(struct cmd *cmd, uint64_t more, void (*go)(struct cmd *cmd))
{
	const struct append *append = cmd->args;
	struct check_job *check = cmd_job_new(cmd, sizeof(*check), JOB_READ, append_check_run, check_finish);
	check->mailbox = arena_strv(check->base.arena, append->list.mailbox);
	check->size = append->before + append->size + more;
	check->count = append->received + 1;
	check->go = go;
	cmd_submit(cmd, check);
}

/* Decides about the announced literal. All data before it are in spools. */
static void judge_literal(struct cmd *cmd)
{
	const struct append *append = cmd->args;
	const struct append_spec *spec = &append->list.specs[append->at_message];
	uint64_t size = append->literal.size;
	uint64_t limit = size_limit(cmd->session);
	if (append->rc != RC_OK)
		refuse_rc(cmd, append->rc);
	else if (size == 0 && !spec->catenate)
		/* RFC 3502 section 6.3.11: an empty message cancels the command. */
		append_refuse(cmd, NULL, "Empty message, nothing is stored");
	else if (append_full(cmd))
		refuse_more(cmd);
	else if (size > limit || append->size > limit - size)
		append_refuse(cmd, "TOOBIG", "Message is too large");
	/* A small message that is being sent already is checked when it is stored. */
	else if (append->literal.kind == LEX_NONSYNC &&
		 size <= store_settings(account_store(cmd->session->account))->inline_max)
		let_in(cmd);
	else
		submit_check(cmd, size, let_in);
}

/* The walk. */

/* Begins to encode the next message that came as literal8 and has binary parts with NULs. False: there is
 * none. */
static bool encode_next(struct cmd *cmd)
{
	struct append *append = cmd->args;
	append->encoding = NULL;
	while (append->encoded < append->received) {
		struct append_message *message = append->messages[append->encoded++];
		if (!message->binary || !append_piece_encodes(message->content))
			continue;
		append->encoding = message;
		append->size = 0;
		append->piece = append_piece_encoded(message->content);
		piece_next(cmd);
		return true;
	}
	return false;
}

static void all_finished(struct cmd *cmd)
{
	struct append *append = cmd->args;
	if (append->rc != RC_OK)
		cmd_finish_rc(cmd, append->rc);
	/* RFC 6855 section 4 demands this, but so much mail has 8-bit headers that few servers do it. */
	else if (append->eight_bit && cmd->session->settings->append_8bit_refuse &&
		 !session_utf8(cmd->session))
		cmd_no(cmd, "CANNOT", "8-bit octets in a header need ENABLE UTF8=ACCEPT");
	else if (!encode_next(cmd))
		append->hooks->store(cmd);
}

/* Handles the URLs among the parts. False: another step goes on first, or the command has ended. */
static bool walk_parts(struct cmd *cmd, const struct append_spec *spec)
{
	struct append *append = cmd->args;
	for (; append->at_part < spec->part_count; append->at_part++) {
		const struct append_part *part = &append->list.parts[spec->part_from + append->at_part];
		if (part->url.p) {
			begin_url(cmd, part->url);
			return false;
		}
	}
	return true;
}

/* Puts all data that have come into spools. Then it decides about the literal, or stores the messages. */
static void go_on(struct cmd *cmd)
{
	struct append *append = cmd->args;
	const struct append_list *list = &append->list;
	while (append->at_message < list->count) {
		const struct append_spec *spec = &list->specs[append->at_message];
		if (!walk_parts(cmd, spec))
			return;
		if (!append->whole && append->at_message + 1 == list->count) {
			judge_literal(cmd);
			return;
		}
		if (append->size == 0) {
			append_refuse(cmd, NULL, "Empty message, nothing is stored");
			return;
		}
		if (append_full(cmd)) {
			refuse_more(cmd);
			return;
		}
		append->walking = true;
		close_message(cmd);
		append->walking = false;
	}
	/* Otherwise the last spool to finish goes on. */
	if (append->unfinished == 0)
		all_finished(cmd);
}

/* Hooks. */

static enum append_place read_list(struct cmd *cmd, struct parse *parse, const struct lex_literal *literal,
	const struct append_hooks *hooks)
{
	struct append *append = append_of(cmd, hooks);
	arena_reset(append->scratch);
	parse->arena = append->scratch;
	if (hooks->prefix && !hooks->prefix(cmd, parse))
		return APPEND_BAD;
	return append_parse_list(parse, literal, hooks->several, &append->list);
}

bool append_parse(struct cmd *cmd, struct parse *parse, const struct append_hooks *hooks)
{
	return read_list(cmd, parse, NULL, hooks) == APPEND_WHOLE;
}

void append_run(struct cmd *cmd)
{
	struct append *append = cmd->args;
	append->whole = true;
	if (!append->hooks->possible || append->hooks->possible(cmd))
		go_on(cmd);
}

/* Parses the data that have come, without the messages that are complete in spools: those are forgotten,
 * so the list is parsed again. */
static enum append_place read_rest(struct cmd *cmd, struct parse *ret_parse,
	const struct lex_literal *literal, const struct append_hooks *hooks)
{
	struct append *append = append_of(cmd, hooks);
	cmd_partial(cmd, ret_parse);
	enum append_place place = read_list(cmd, ret_parse, literal, hooks);
	if (append->at_message == 0 || place == APPEND_BAD || place == APPEND_WHOLE)
		return place;
	const struct append_spec *specs = append->list.specs;
	lex_forget(&cmd->session->lex, specs[0].from, specs[append->at_message - 1].to);
	append->at_message = 0;
	cmd_partial(cmd, ret_parse);
	return read_list(cmd, ret_parse, literal, hooks);
}

void append_literal(struct cmd *cmd, const struct lex_literal *literal, const struct append_hooks *hooks)
{
	struct append *append = append_of(cmd, hooks);
	struct parse parse;
	append->literal = *literal;
	switch (read_rest(cmd, &parse, literal, hooks)) {
	case APPEND_AT_NAME:
	case APPEND_AT_URL:
		(void)cmd_literal_keep(cmd);
		return;
	case APPEND_WHOLE:
	case APPEND_BAD:
		cmd_literal_refuse(cmd, !parse.refused, parse.code, parse.error);
		return;
	case APPEND_AT_MESSAGE:
		break;
	}
	if (!hooks->possible || hooks->possible(cmd))
		go_on(cmd);
}

void append_literal_bytes(struct cmd *cmd, struct strv bytes)
{
	struct append *append = cmd->args;
	append_feed(append, bytes, !append->literal.binary);
	if (!append->paused && spool_full(append->spool)) {
		append->paused = true;
		cmd_pause_input(cmd, true);
	}
}

void append_literal_end(struct cmd *cmd)
{
	const struct append *append = cmd->args;
	if (!append->list.specs[append->at_message].catenate)
		close_message(cmd);
}

void append_cancel(struct cmd *cmd)
{
	struct append *append = cmd->args;
	if (!append)
		return;
	if (append->spool)
		spool_abort(&append->spool);
	append_piece_free(&append->piece);
	for (size_t i = 0; i < append->received; i++) {
		if (append->messages[i]->wait)
			append->messages[i]->wait->cmd = NULL;
		content_unref(&append->messages[i]->content);
	}
	free(append->messages);
	append->messages = NULL;
	append->received = 0;
	arena_free(&append->scratch);
}
