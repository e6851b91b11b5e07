/*
 * The life of a command: it is opened from its line, changes its state, submits its jobs, is parked while the
 * strand is full, waits with its answer until all data that must be told before it are known, and ends.
 */
#include "imapd/command.h"

#include "base/list.h"
#include "base/mem.h"
#include "imapd/search_update.h"
#include "imapd/hub.h"
#include "imapd/imapd_priv.h"
#include "imapd/message_limit.h"
#include "imapd/notify.h"
#include "imapd/progress.h"
#include "imapd/answer.h"
#include "imap/rc_text.h"
#include "imapd/session.h"
#include "imapd/sync.h"
#include "imapd/view.h"
#include "store/message.h"

#include <stdlib.h>

#define PARKED_RETRY_MS 5
#define CMD_ARENA_HINT 1024
#define JOB_ARENA_HINT 1024

/* The life of a command. */

static bool command_may_move(enum cmd_state from, enum cmd_state to)
{
	switch (from) {
	case CMD_READING: /* a row may ask the store before it accepts a literal */
		return to == CMD_GATED || to == CMD_RUNNING || to == CMD_IN_STORE || to == CMD_HELD;
	case CMD_GATED:
	case CMD_IN_AUTH:
	case CMD_AWAITS_LINE:
		return to == CMD_RUNNING;
	case CMD_RUNNING:
		return to != CMD_GATED && to != CMD_PARKED;
	case CMD_IN_STORE:
		return to == CMD_RUNNING || to == CMD_PARKED;
	case CMD_PARKED:
		return to == CMD_IN_STORE;
	case CMD_HELD:
		return false;
	}
	return false;
}

/* The only function that changes `state`. */
static void cmd_move(struct cmd *cmd, enum cmd_state to)
{
	if (cmd->state == to && (to == CMD_RUNNING || to == CMD_READING))
		return;
	if (!command_may_move(cmd->state, to)) {
		log_error(reactor_log(cmd->session->hub->reactor),
			"impossible command state command=%s from=%d to=%d", cmd->row->name, (int)cmd->state,
			(int)to);
		abort();
	}
	cmd->state = to;
}

/* Opening a command. */

/* The reason why this row may not be used now, or NULL. */
static const char *wrong_state(const struct session *session, const struct cmd_row *row)
{
	if (row->states & (unsigned)session->state)
		return NULL;
	if (session->state == SESSION_NOT_AUTH)
		return "Log in first";
	if (row->states & SESSION_NOT_AUTH)
		return "Already logged in";
	return "No mailbox selected";
}

/* "UID FETCH" without its "UID ". */
static const char *row_bare_name(const struct cmd_row *row)
{
	return row->flags & CMD_UID ? row->name + 4 : row->name;
}

const struct cmd_row *cmd_find(const struct cmd_row *const *table, struct strv name, bool uid)
{
	for (size_t i = 0; table[i]; i++) {
		for (const struct cmd_row *row = table[i]; row->name; row++) {
			if (!!(row->flags & CMD_UID) == uid && strv_ieq(name, strv_cstr(row_bare_name(row))))
				return row;
		}
	}
	return NULL;
}

bool cmd_no_arguments(struct cmd *cmd, struct parse *parse)
{
	(void)cmd;
	return parse_end(parse);
}

/* Reads the command's name, after the tag and its space. NULL: no row has that name. */
static const struct cmd_row *read_name(const struct session *session, struct parse *parse)
{
	struct strv name;
	bool uid = false;

	if (!parse_atom(parse, &name))
		return NULL;
	if (strv_ieq(name, STRV("UID"))) {
		uid = true;
		if (!parse_sp(parse) || !parse_atom(parse, &name))
			return NULL;
	}
	return cmd_find(session->hub->imapd->table, name, uid);
}

static struct cmd *cmd_new(
	struct session *session, const struct cmd_row *row, struct strv tag, size_t arguments_at)
{
	struct arena *arena = arena_new(CMD_ARENA_HINT);
	struct cmd *cmd = arena_zalloc(arena, sizeof(*cmd));
	*cmd = (struct cmd){
		.session = session,
		.row = row,
		.arena = arena,
		.tag = arena_strv(arena, tag),
		.arguments_at = arguments_at,
	};
	session->cmd = cmd;
	atomic_fetch_add_explicit(&session->hub->imapd->commands, 1, memory_order_relaxed);
	return cmd;
}

static void bad_line(struct session *session, struct strv tag, const char *code, const char *text)
{
	if (tag.n > 0)
		answer_tagged(session, tag, "BAD", code, text);
	else
		answer_untagged(session, "BAD %s", text);
	answer_flush(session);
	session_bad_command(session);
}

/*
 * Reads tag and name of the assembled line. NULL: it was answered with BAD. The parser is then at the
 * arguments.
 */
static struct cmd *open_command(struct session *session, struct parse *parse)
{
	struct strv tag = STRV_NULL;
	const char *error = NULL;
	const char *code = NULL;
	const struct cmd_row *row = NULL;

	if (!parse_tag(parse, &tag)) {
		tag = STRV_NULL;
		error = "Invalid tag";
	} else if (!parse_sp(parse)) {
		error = "Missing command";
	} else {
		row = read_name(session, parse);
		error = !row ? "Unknown command" : wrong_state(session, row);
	}
	if (!error && row->flags & CMD_NUMBERS && session->enabled & ENABLED_UIDONLY) {
		code = PARSE_UIDREQUIRED;
		error = PARSE_UIDREQUIRED_TEXT;
	}
	if (error) {
		bad_line(session, tag, code, error);
		return NULL;
	}
	return cmd_new(session, row, tag, parse->at);
}

/* Makes a parser that is at the arguments of the present command. */
static void at_arguments(struct cmd *cmd, struct parse *ret_parse)
{
	struct lex *lex = &cmd->session->lex;
	parse_init(ret_parse, lex_command(lex), cmd->arena);
	ret_parse->streamed = lex->streamed;
	ret_parse->streamed_count = lex->streamed_count;
	ret_parse->words_max = cmd->session->settings->words_max;
	ret_parse->saved = cmd->session->view ? view_saved(cmd->session->view) : NULL;
	ret_parse->utf8 = session_utf8(cmd->session);
	ret_parse->uidonly = cmd->session->enabled & ENABLED_UIDONLY;
	/* RFC 9051 section 6.4.4 allows CHARSET again. */
	ret_parse->no_charset = (cmd->session->enabled & (ENABLED_UTF8 | ENABLED_REV2)) == ENABLED_UTF8;
	parse_advance(ret_parse, cmd->arguments_at);
	(void)parse_more(ret_parse);
}

/* Ending a command. */

static void free_job(struct cmd_job *job)
{
	if (job->release)
		job->release(job);
	struct arena *arena = job->arena;
	arena_free(&arena);
}

/* Stops, once, everything that the row has started: spools, reads. None of that calls the command again. */
static void command_cancel(struct cmd *cmd)
{
	if (cmd->row->cancel && !cmd->cancelled)
		cmd->row->cancel(cmd);
	cmd->cancelled = true;
}

void cmd_drop(struct session *session)
{
	struct cmd *cmd = session->cmd;
	if (!cmd)
		return;
	session->cmd = NULL;
	command_cancel(cmd);
	progress_forget(cmd);
	if (cmd->state == CMD_PARKED) {
		list_remove(&cmd->in_parked);
		free_job(cmd->job);
	}
	if (cmd->row->flags & CMD_SENSITIVE && session->lex.command.p)
		mem_wipe(session->lex.command.p, session->lex.command.cap);
	lex_abandon(&session->lex);
	if (session->lex.raw)
		lex_raw_line(&session->lex, false);
	struct arena *arena = cmd->arena;
	arena_free(&arena);
}

/*
 * True: data that must be told before the answer are not known yet: \Recent of new messages, results of
 * updating contexts.
 */
static bool must_wait(struct cmd *cmd)
{
	struct session *session = cmd->session;
	if (cmd->state != CMD_HELD)
		cmd->held_round = search_updates_round(session);
	if (cmd->held_round > 0 && !search_updates_round_done(session, cmd->held_round))
		return true;
	return session->claiming && view_has_fresh(session->view);
}

static void command_hold(struct cmd *cmd, const char *word, const char *code, const char *text)
{
	if (cmd->state == CMD_HELD)
		return;
	cmd_move(cmd, CMD_HELD);
	cmd->held_word = word;
	cmd->held_code = code ? arena_strdup(cmd->arena, code) : NULL;
	cmd->held_text = arena_strdup(cmd->arena, text);
	/* The command has its answer: a message that is still being spooled must not be stored after a NO. */
	command_cancel(cmd);
}

static void command_finish(struct cmd *cmd, const char *word, const char *code, const char *text)
{
	struct session *session = cmd->session;
	bool bad = strv_eq(strv_cstr(word), STRV("BAD"));
	bool good = strv_eq(strv_cstr(word), STRV("OK"));

	bool tells = !bad && session->view && !(cmd->row->flags & CMD_NO_SYNC);
	if (tells && must_wait(cmd)) {
		command_hold(cmd, word, code, text);
		return;
	}
	if (good && cmd->law.expunge_issued) {
		word = "NO";
		code = "EXPUNGEISSUED";
		text = "Some of the messages no longer exist";
	}
	if (cmd->law.limit_uid > 0 && (good || cmd->law.expunge_issued))
		message_limit_tell(cmd, good && !cmd->law.expunge_issued, &code, &text);
	notify_flush(session);
	if (tells)
		sync_tell(session, !(cmd->row->flags & CMD_NO_EXPUNGE) && !cmd->law.no_expunge);
	bool removed = good && tells && cmd->law.removed && session->enabled & ENABLED_CONDSTORE;
	if (!removed)
		sync_modseq(session);
	else if (code) /* the tagged line has another code already */
		answer_untagged(session, "OK [%s] Highest", sync_modseq_code(cmd));
	else
		code = sync_modseq_code(cmd);
	answer_tagged(session, cmd->tag, word, code, text);
	cmd_drop(session);
	answer_flush(session);
	if (bad)
		session_bad_command(session);
	else if (good)
		session->bad_commands = 0;
	session_command_done(session);
}

void cmd_ok(struct cmd *cmd, const char *code, const char *text)
{
	command_finish(cmd, "OK", code, text);
}

void cmd_no(struct cmd *cmd, const char *code, const char *text)
{
	command_finish(cmd, "NO", code, text);
}

void cmd_bad(struct cmd *cmd, const char *text)
{
	command_finish(cmd, "BAD", NULL, text);
}

void cmd_finish_rc(struct cmd *cmd, enum rc rc)
{
	if (rc != RC_OK) {
		cmd_no(cmd, rc_text_code(rc), rc_text(rc));
		return;
	}
	char *text = arena_printf(cmd->arena, "%s completed", cmd->row->name);
	cmd_ok(cmd, NULL, text);
}

/* Running. */

static void command_run(struct cmd *cmd)
{
	struct session *session = cmd->session;
	/*
	 * Commands on messages show \Recent, so a claim that is under way for this session must be answered
	 * first.
	 */
	bool news = session->view && cmd->row->flags & CMD_NEWS_FIRST;
	if (session->claiming && (news || cmd->row->states == SESSION_SELECTED)) {
		cmd_move(cmd, CMD_GATED);
		return;
	}
	cmd_move(cmd, CMD_RUNNING);
	if (cmd->row->flags & CMD_READ_WRITE && view_read_only(session->view)) {
		cmd_no(cmd, NULL, "Mailbox is selected read-only");
		return;
	}
	if (news)
		sync_tell_new(session);
	cmd->row->run(cmd);
}

void cmd_ungate(struct session *session)
{
	struct cmd *cmd = session->cmd;
	if (!cmd || session->state == SESSION_LOGOUT)
		return;
	if (cmd->state == CMD_GATED && !session->claiming)
		command_run(cmd);
	else if (cmd->state == CMD_HELD)
		command_finish(cmd, cmd->held_word, cmd->held_code, cmd->held_text);
}

void cmd_begin(struct session *session)
{
	struct cmd *cmd = session->cmd;
	struct parse parse;

	if (!cmd) {
		parse_init(&parse, lex_command(&session->lex), NULL);
		cmd = open_command(session, &parse);
		if (!cmd) {
			lex_next_command(&session->lex);
			return;
		}
	}
	at_arguments(cmd, &parse);
	if (!cmd->row->parse(cmd, &parse)) {
		command_finish(cmd, parse.refused ? "NO" : "BAD", parse.code,
			parse.error ? parse.error : "Syntax error");
		return;
	}
	command_run(cmd);
}

void cmd_spoiled(struct session *session, const char *text)
{
	if (session->cmd) {
		cmd_bad(session->cmd, text);
		return;
	}
	struct parse parse;
	struct strv tag;
	parse_init(&parse, lex_command(&session->lex), NULL);
	/* If no space follows, the tag may be cut. */
	if (!parse_tag(&parse, &tag) || !parse_peek(&parse, ' '))
		tag = STRV_NULL;
	bad_line(session, tag, NULL, text);
}

void cmd_line(struct session *session)
{
	struct cmd *cmd = session->cmd;

	cmd_move(cmd, CMD_RUNNING);
	cmd->row->line(cmd, lex_command(&session->lex));
}

void cmd_wait_auth(struct cmd *cmd)
{
	cmd_move(cmd, CMD_IN_AUTH);
}

struct cmd *cmd_auth_answered(struct session *session)
{
	struct cmd *cmd = session->cmd;

	if (!cmd || cmd->state != CMD_IN_AUTH || session->state == SESSION_LOGOUT)
		return NULL;
	cmd_move(cmd, CMD_RUNNING);
	return cmd;
}

void cmd_wait_line(struct cmd *cmd)
{
	cmd_move(cmd, CMD_AWAITS_LINE);
	if (cmd->row->flags & CMD_SENSITIVE && cmd->session->lex.command.p)
		mem_wipe(cmd->session->lex.command.p, cmd->session->lex.command.cap);
	lex_raw_line(&cmd->session->lex, true);
}

bool cmd_out_full(const struct cmd *cmd)
{
	return answer_full(cmd->session);
}

/* Literals. */

/* The row has asked the store about the literal and is running: now reading goes on. */
static void continue_literal(struct cmd *cmd, enum lex_literal_kind kind)
{
	struct session *session = cmd->session;
	cmd_move(cmd, CMD_READING);
	if (kind == LEX_SYNC)
		answer_continue(session, "OK");
	if (!session->reading)
		session_read_on(session);
}

void cmd_literal_refuse(struct cmd *cmd, bool bad, const char *code, const char *text)
{
	command_finish(cmd, bad ? "BAD" : "NO", code, text);
}

bool cmd_literal_stream(struct cmd *cmd)
{
	enum lex_literal_kind kind = lex_literal(&cmd->session->lex)->kind;
	if (!lex_stream(&cmd->session->lex)) {
		cmd_literal_refuse(cmd, false, "LIMIT", "Too many literals");
		return false;
	}
	continue_literal(cmd, kind);
	return true;
}

bool cmd_literal_keep(struct cmd *cmd)
{
	enum lex_literal_kind kind = lex_literal(&cmd->session->lex)->kind;
	if (!lex_accept(&cmd->session->lex)) {
		cmd_literal_refuse(cmd, true, "TOOBIG", "Literal is too large");
		return false;
	}
	continue_literal(cmd, kind);
	return true;
}

void cmd_partial(struct cmd *cmd, struct parse *ret_parse)
{
	at_arguments(cmd, ret_parse);
	size_t end = lex_literal(&cmd->session->lex)->offset;
	if (ret_parse->in.n > end)
		ret_parse->in.n = end;
}

void cmd_pause_input(struct cmd *cmd, bool pause)
{
	if (cmd->input_paused == pause)
		return;
	cmd->input_paused = pause;
	if (!pause && !cmd->session->reading)
		session_read_on(cmd->session);
}

void cmd_literal(struct session *session)
{
	struct cmd *cmd = session->cmd;
	if (!cmd) {
		struct parse parse;
		parse_init(&parse, lex_command(&session->lex), NULL);
		cmd = open_command(session, &parse);
		if (!cmd) {
			lex_abandon(&session->lex);
			return;
		}
	}
	const struct lex_literal *literal = lex_literal(&session->lex);
	if (cmd->row->flags & CMD_LITERALS_STREAM)
		cmd->row->literal(cmd, literal);
	else
		cmd_literal_keep(cmd);
}

/* Jobs. */

static void command_job_done(struct job *job)
{
	struct cmd_job *cmd_job = CONTAINER_OF(job, struct cmd_job, job);
	struct session *session = hub_session(cmd_job->hub, job->asker);
	struct cmd *cmd = session ? session->cmd : NULL;

	if (cmd && cmd == cmd_job->cmd && cmd->job == cmd_job && session->state != SESSION_LOGOUT) {
		cmd->job = NULL;
		cmd_move(cmd, CMD_RUNNING);
		cmd_job->finish(cmd, cmd_job);
	}
	free_job(cmd_job);
}

void *cmd_job_new(struct cmd *cmd, size_t size, enum job_kind kind,
	enum rc (*run_job)(struct account *account, struct job *job),
	void (*finish_job)(struct cmd *cmd, struct cmd_job *job))
{
	struct arena *arena = arena_new(size + JOB_ARENA_HINT);
	struct cmd_job *job = arena_zalloc(arena, size);
	job->job.kind = kind;
	job->job.run = run_job;
	job->job.done = command_job_done;
	job->job.home = cmd->session->hub->reactor;
	job->job.asker = cmd->session->id;
	job->job.origin = cmd->session->id;
	job->hub = cmd->session->hub;
	job->arena = arena;
	job->cmd = cmd;
	job->finish = finish_job;
	return job;
}

static void command_park(struct cmd *cmd)
{
	struct hub *hub = cmd->session->hub;
	cmd_move(cmd, CMD_PARKED);
	list_append(&hub->parked, &cmd->in_parked);
	if (!timer_pending(&hub->parked_timer))
		timer_set(&hub->parked_timer, PARKED_RETRY_MS);
}

void cmd_submit(struct cmd *cmd, void *cmd_job)
{
	struct cmd_job *job = cmd_job;
	cmd_move(cmd, CMD_IN_STORE);
	cmd->job = job;
	job->borrowed = false;
	progress_watch(cmd);
	if (job_submit(cmd->session->account, &job->job) != RC_OK)
		command_park(cmd);
}

void cmd_progress(struct cmd *cmd, uint64_t done, uint64_t total)
{
	cmd->total = total;
	if (done > cmd->done)
		cmd->done = done;
}

/* Submits again the jobs that were parked. */
static void on_parked(void *arg)
{
	struct hub *hub = arg;
	struct list again;
	list_init(&again);
	list_splice(&again, &hub->parked);
	while (!list_empty(&again)) {
		struct cmd *cmd = CONTAINER_OF(list_pop(&again), struct cmd, in_parked);
		cmd_submit(cmd, cmd->job);
	}
}

void cmd_hub_init(struct hub *hub)
{
	list_init(&hub->parked);
	timer_init(&hub->parked_timer, hub->reactor, on_parked, hub);
}

void cmd_hub_fini(struct hub *hub)
{
	timer_fini(&hub->parked_timer);
}

void cmd_submit_or_borrow(struct cmd *cmd, void *cmd_job, bool memory_ok)
{
	struct cmd_job *job = cmd_job;
	struct account *account = cmd->session->account;
	struct view *view = cmd->session->view;
	if (!memory_ok || !account_borrow(account, cmd->session->hub->reactor)) {
		cmd_submit(cmd, job);
		return;
	}
	/* The index was dropped meanwhile, so a worker has to load it. */
	if (view && !msg_index_loaded(account, view_mailbox(view))) {
		account_return(account);
		cmd_submit(cmd, job);
		return;
	}
	job->borrowed = true;
	job->job.account = account;
	job->job.rc = job->job.run(account, &job->job);
	account_return(account);
	job->finish(cmd, job);
	free_job(job);
}
