/*
 * The command table and the life of one command. Parsing, running, waiting for jobs and finishing are the
 * same for all.
 *
 * One file per family: cmd/x.c exports `const struct cmd_row cmd_x_rows[]`, ended by a row without name
 * (rows.h). parse() fills cmd->args (a struct of its own from cmd->arena); its views into the line stay valid
 * until the command ends, but not for rows with `line`: those copy what they keep.
 */
#ifndef COID_IMAPD_COMMAND_H
#define COID_IMAPD_COMMAND_H

#include "imap/parse.h"
#include "imapd/session.h"
#include "store/store.h"

struct cmd;

enum cmd_flag {
	CMD_UID = 1 << 0, /* the row is the "UID x" form */
	CMD_NO_EXPUNGE = 1 << 1, /* no EXPUNGE may be told at its end (FETCH, STORE, SEARCH by number) */
	CMD_READ_WRITE = 1 << 2, /* needs a mailbox selected read-write */
	CMD_NO_SYNC = 1 << 3, /* the command tells by itself or must stay silent (CLOSE, LOGOUT) */
	CMD_LITERALS_STREAM = 1 << 4, /* APPEND: cmd_row.literal decides */
	CMD_SENSITIVE = 1 << 5, /* arguments hold secrets: never logged, wiped */
	CMD_NUMBERS = 1 << 6, /* it is about message numbers: refused once UIDONLY is enabled (RFC 9586) */
	CMD_NEWS_FIRST = 1 << 7 /* it reads: new messages are told before it begins (sync_tell_new) */
};

#define CMD_ANY_STATE (SESSION_NOT_AUTH | SESSION_AUTH | SESSION_SELECTED)
#define CMD_AUTH_STATES (SESSION_AUTH | SESSION_SELECTED)

struct cmd_row {
	const char *name; /* upper case, "UID FETCH" for UID forms */
	const char *usage; /* its arguments, for people: "sequence-set mailbox"; "" if there are none */
	const char *help; /* one line for people, without a full stop */
	unsigned states; /* enum session_state bits in which it is allowed */
	unsigned flags;
	const char *capability; /* announced because this row exists; NULL: none of its own */
	/* Reads the arguments (behind the name and its space) into cmd->args. Must end with parse_end. */
	bool (*parse)(struct cmd *cmd, struct parse *parse);
	/* Does one of: cmd_ok and its like; cmd_submit and wait; ask for a line and wait. */
	void (*run)(struct cmd *cmd);
	/*
	 * CMD_LITERALS_STREAM, in a state in which the row is allowed: a literal was announced and not yet
	 * accepted; cmd_partial() is what came before. Answered by one cmd_literal_* call, at once or later
	 * (after a job). NULL: literals are kept. The bytes then come to literal_bytes, in pieces, and
	 * literal_end. cmd_pause_input holds them up.
	 */
	void (*literal)(struct cmd *cmd, const struct lex_literal *literal);
	void (*literal_bytes)(struct cmd *cmd, struct strv bytes);
	void (*literal_end)(struct cmd *cmd);
	/* A raw line while the command waits for one (IDLE, AUTHENTICATE). */
	void (*line)(struct cmd *cmd, struct strv line);
	/* The output queue fell below its mark while the command was in hand (cmd_out_full was true). May be
	 * NULL. */
	void (*drain)(struct cmd *cmd);
	/* The command ends, however it ends: release what cmd->args holds outside the arena. cmd->args may be
	 * NULL. No output from here. May be NULL. */
	void (*cancel)(struct cmd *cmd);
};

/* Where a command is in its life. cmd_move (command.c) is the one mover; a command ends from any state. */
enum cmd_state {
	CMD_READING, /* its line, or a literal of it, is still coming */
	CMD_GATED, /* is complete, but waits for a claim of \Recent before it runs */
	/* Is the row's: works, or waits for something of the row's own (room in the output, a spool) */
	CMD_RUNNING,
	CMD_IN_STORE, /* the account's strand has its job */
	CMD_PARKED, /* the strand was full: the hub's timer submits the job again */
	CMD_IN_AUTH, /* a password is being checked */
	CMD_AWAITS_LINE, /* waits for a line of the client (IDLE, AUTHENTICATE) */
	/* Its answer is known, but what is to be told before it is not: a round of updates, a claim of
	 * \Recent */
	CMD_HELD
};

/*
 * The part of a command that its own file may set while it runs: the rules for what is told while the command
 * is in hand and at its end. command.c, sync.c, notify.c and session.c obey them. All are zero when the
 * command begins.
 */
struct cmd_law {
	/* STORE .SILENT: changes that this session made are not told at the end. */
	bool silent;
	/* The arguments hold message numbers, so no EXPUNGE may be told at the end, as with
	 * CMD_NO_EXPUNGE. */
	bool no_expunge;
	/* EXPUNGE, MOVE, REPLACE: messages went. They are told also by a command that tells no other EXPUNGE,
	 * and the tagged line carries HIGHESTMODSEQ (RFC 7162). */
	bool removed;
	/* FETCH: a message that was asked for by its number is gone: the tagged line is NO [EXPUNGEISSUED],
	 * not OK. */
	bool expunge_issued;
	/* NOTIFY: everything is told at the end, also what an earlier NOTIFY has switched off. */
	bool tells_all;
	/* FETCH: a response has begun and its rest is still to come, so nothing else may be written. */
	bool in_response;
	/* The command worked only on the messages from this UID on (message_limit.h), which the tagged line
	 * tells; 0: on all. */
	uint32_t limit_uid;
};

struct cmd {
	struct session *session; /* borrowed; the session owns the command */
	const struct cmd_row *row;
	struct arena *arena; /* own: arguments and everything else of the command */
	struct strv tag;
	size_t arguments_at; /* in the assembler's command: behind its name */
	void *args; /* the row's own struct, in the arena */
	enum cmd_state state; /* command.c's to move */
	struct cmd_law law;
	/* Items done of `total`, which is 0 while it is not known. cmd_progress sets both. */
	uint64_t done;
	uint64_t total;

	/* The rest is command.c's. */
	bool input_paused; /* of a streamed literal: cmd_pause_input */
	bool cancelled; /* the row's cancel has run */
	uint64_t held_round; /* CMD_HELD: waits for that round of updates (search_update.h); 0: for none */
	const char *held_word; /* CMD_HELD: the answer */
	const char *held_code;
	const char *held_text;
	struct cmd_job *job; /* CMD_IN_STORE: borrowed; CMD_PARKED: own; else NULL */
	struct list_node in_parked;
	struct list_node in_waiting; /* progress.c's, as the next */
	uint64_t progress_due;
};

/* The `parse` of rows that take no arguments. */
bool cmd_no_arguments(struct cmd *cmd, struct parse *parse);

/* The row of that name in a table (cmd/table.h); `uid`: of its "UID x" form. NULL: there is none. Pure. */
const struct cmd_row *cmd_find(const struct cmd_row *const *table, struct strv name, bool uid);

/*
 * A job of this command. `size` is that of the row's own struct whose first member is struct cmd_job; zeroed,
 * in a fresh arena that dies with the job. The struct must hold copies or counted references of all it needs
 * on the worker: the command and its arena may be gone by then.
 */
struct cmd_job {
	struct job job;
	struct hub *hub; /* borrowed */
	struct arena *arena; /* own */
	struct cmd *cmd; /* borrowed: to compare only, it may be gone */
	/* `run` is called with a borrowed strand: nothing may be written, nothing read from disk */
	bool borrowed;
	/* On the reactor, the command still being in hand, whatever job.rc is; then the job is freed. Does
	 * again one of the things that `run` of the row may do. With a borrowed strand it is called from
	 * within cmd_submit_or_borrow. */
	void (*finish)(struct cmd *cmd, struct cmd_job *job);
	/* Frees what is not in the arena; called always, also when the session is gone. May be NULL. On the
	 * reactor. */
	void (*release)(struct cmd_job *job);
};
void *cmd_job_new(struct cmd *cmd, size_t size, enum job_kind kind,
	enum rc (*run)(struct account *account, struct job *job),
	void (*finish)(struct cmd *cmd, struct cmd_job *job));
/* Submits to the session's account; on RC_BUSY waits and submits again (input is paused meanwhile). One job
 * at a time. */
void cmd_submit(struct cmd *cmd, void *cmd_job);
/* The same work by borrowing the strand when `memory_ok` and the selected mailbox's index is loaded
 * (msg_index_loaded), else by cmd_submit. `finish` may be called before it returns. */
void cmd_submit_or_borrow(struct cmd *cmd, void *cmd_job, bool memory_ok);

/* How many messages, or the like, are done, of how many in all (0: not known): what INPROGRESS tells. Never
 * goes back. */
void cmd_progress(struct cmd *cmd, uint64_t done, uint64_t total);

/* Ends the command: sync (by the row's flags), then "tag OK/NO/BAD [code] text". code may be NULL. The
 * command is gone. */
void cmd_ok(struct cmd *cmd, const char *code, const char *text);
void cmd_no(struct cmd *cmd, const char *code, const char *text);
void cmd_bad(struct cmd *cmd, const char *text);
/* NO with the response code and text that belong to rc (the one table: rc_text.h); RC_OK: "tag OK <name>
 * completed". */
void cmd_finish_rc(struct cmd *cmd, enum rc rc);

/* For CMD_LITERALS_STREAM rows. A parser over what has come so far, at the arguments, up to the literal's
 * '{'. */
void cmd_partial(struct cmd *cmd, struct parse *ret_parse);
/* The bytes go to literal_bytes. False: too many literals; the command has been ended with NO. */
bool cmd_literal_stream(struct cmd *cmd);
/* Kept in the line, as any literal. False: larger than the limit; the command has been ended with NO. */
bool cmd_literal_keep(struct cmd *cmd);
/* Ends the command with NO [code] text, or BAD if `bad`; a non-synchronising literal is skipped. */
void cmd_literal_refuse(struct cmd *cmd, bool bad, const char *code, const char *text);
/* While the bytes of a streamed literal come: no more for now / go on. */
void cmd_pause_input(struct cmd *cmd, bool pause);

/* Output of this session above the high-water mark: produce no more until `drain`. */
bool cmd_out_full(const struct cmd *cmd);
/* Asks for raw lines (IDLE, AUTHENTICATE) until the command ends. */
void cmd_wait_line(struct cmd *cmd);
/* A password check is on its way; and the command that waited for it, or NULL: it has gone meanwhile. */
void cmd_wait_auth(struct cmd *cmd);
struct cmd *cmd_auth_answered(struct session *session);

/* For session.c. */
/* A whole command line: finds the row, checks state and syntax, runs. */
void cmd_begin(struct session *session);
/* The line that the command in hand waited for. */
void cmd_line(struct session *session);
/* A literal was announced. */
void cmd_literal(struct session *session);
/* Too long a line or bad bytes in it; what came before may tell the tag. */
void cmd_spoiled(struct session *session, const char *text);
/* Frees the command in hand, if any, without a word. */
void cmd_drop(struct session *session);
/* The claim of \Recent that it waited for is answered. */
void cmd_ungate(struct session *session);
/* The hub's list of parked commands, and the timer that submits them again. */
void cmd_hub_init(struct hub *hub);
void cmd_hub_fini(struct hub *hub);

#endif
