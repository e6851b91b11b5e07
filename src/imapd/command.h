/*
 * The command table and the life of one command. Parsing, running, waiting for jobs and finishing are the
 * same for all.
 *
 * Each family has a file: cmd/x.c exports `const struct cmd_row cmd_x_rows[]`, ended by a row without name
 * (rows.h). parse() fills cmd->args (a struct of the family in cmd->arena). Its views into the line stay
 * valid until the command ends, except in rows with `line`: those copy what they keep.
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
	CMD_NO_SYNC = 1 << 3, /* the command tells changes itself, or must tell none (CLOSE, LOGOUT) */
	CMD_LITERALS_STREAM = 1 << 4, /* APPEND: cmd_row.literal decides */
	CMD_SENSITIVE = 1 << 5, /* arguments hold secrets: never logged, wiped */
	CMD_NUMBERS = 1 << 6, /* it uses message numbers: refused once UIDONLY is enabled (RFC 9586) */
	CMD_NEWS_FIRST = 1 << 7 /* it reads messages: new ones are told before it begins (sync_tell_new) */
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
	/* Runs the command. It calls cmd_ok or another function that ends the command, or submits a job
	 * and waits (cmd_submit), or asks for a line and waits. */
	void (*run)(struct cmd *cmd);
	/* A literal of a CMD_LITERALS_STREAM row was announced and not yet accepted, in a state in which
	 * the row is allowed. cmd_partial() gives a parser of the line so far. The row answers by one
	 * cmd_literal_* call, at once or later (after a job). Then the bytes come to literal_bytes, in
	 * pieces, and literal_end is called. cmd_pause_input stops them for a while. NULL: literals are
	 * kept in memory. */
	void (*literal)(struct cmd *cmd, const struct lex_literal *literal);
	void (*literal_bytes)(struct cmd *cmd, struct strv bytes);
	void (*literal_end)(struct cmd *cmd);
	/* A raw line while the command waits for one (IDLE, AUTHENTICATE). */
	void (*line)(struct cmd *cmd, struct strv line);
	/* The output queue fell below its mark while the command was running (cmd_out_full was true). May
	 * be NULL. */
	void (*drain)(struct cmd *cmd);
	/* The command ends, in whatever way: release data of cmd->args that are not in the arena.
	 * cmd->args may be NULL. No output from here. May be NULL. */
	void (*cancel)(struct cmd *cmd);
};

/* The state of a command's life. Only cmd_move (command.c) changes it; a command can end from any state. */
enum cmd_state {
	CMD_READING, /* its line, or a literal of it, is still coming */
	CMD_GATED, /* its line is complete, but a claim of \Recent must be answered before it runs */
	/* the row is working, or waits for something of its own (room in the output, a spool) */
	CMD_RUNNING,
	CMD_IN_STORE, /* the account's strand has its job */
	CMD_PARKED, /* the strand was full: the hub's timer submits the job again */
	CMD_IN_AUTH, /* a password is being checked */
	CMD_AWAITS_LINE, /* waits for a line of the client (IDLE, AUTHENTICATE) */
	/* its answer is known, but not all data that must be told before it: a round of updates, a claim
	 * of \Recent */
	CMD_HELD
};

/* Rules for what is told while a command is running and at its end. The file of the command may set them
 * while it runs; command.c, sync.c, notify.c and session.c obey them. All are zero when the command
 * begins. */
struct cmd_law {
	/* STORE .SILENT: changes that this session made are not told at the end. */
	bool silent;
	/* The arguments hold message numbers, so no EXPUNGE may be told at the end, as with
	 * CMD_NO_EXPUNGE. */
	bool no_expunge;
	/* EXPUNGE, MOVE, REPLACE: messages were removed. They are told even by a command that tells no
	 * other EXPUNGE, and the tagged line carries HIGHESTMODSEQ (RFC 7162). */
	bool removed;
	/* FETCH: a message that was asked for by its number no longer exists: the tagged line is NO
	 * [EXPUNGEISSUED], not OK. */
	bool expunge_issued;
	/* NOTIFY: everything is told at the end, even what an earlier NOTIFY has switched off. */
	bool tells_all;
	/* FETCH: a response has begun and is not complete, so nothing else may be written. */
	bool in_response;
	/* The command worked only on the messages from this UID on (message_limit.h), and the tagged line
	 * says so; 0: on all. */
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

	/* The rest belongs to command.c. */
	bool input_paused; /* of a streamed literal: cmd_pause_input */
	bool cancelled; /* the row's cancel has run */
	uint64_t held_round; /* CMD_HELD: the round of updates it waits for (search_update.h); 0: none */
	const char *held_word; /* CMD_HELD: the answer */
	const char *held_code;
	const char *held_text;
	struct cmd_job *job; /* CMD_IN_STORE: borrowed; CMD_PARKED: own; else NULL */
	struct list_node in_parked;
	struct list_node in_waiting; /* progress.c's, as the next */
	uint64_t progress_due;
};

/* The `parse` function of rows without arguments. */
bool cmd_no_arguments(struct cmd *cmd, struct parse *parse);

/* The row of that name in a table (cmd/table.h); `uid`: the row of its "UID x" form. NULL: there is none.
 * Pure. */
const struct cmd_row *cmd_find(const struct cmd_row *const *table, struct strv name, bool uid);

/* A job of this command. `size` is the size of the row's own struct whose first member is struct cmd_job.
 * The struct is zeroed and lies in a new arena that is freed with the job. It must hold copies or counted
 * references of everything it needs on the worker: the command and its arena may be gone by then. */
struct cmd_job {
	struct job job;
	struct hub *hub; /* borrowed */
	struct arena *arena; /* own */
	struct cmd *cmd; /* borrowed; compare it only, since the command may be gone */
	/* `run` is called with a borrowed strand: it may not write, nor read from disk */
	bool borrowed;
	/* Called on the reactor, while the command is still running, whatever job.rc is; afterwards the
	 * job is freed. It must do again one of the things that `run` of the row may do. With a borrowed
	 * strand it is called from within cmd_submit_or_borrow. */
	void (*finish)(struct cmd *cmd, struct cmd_job *job);
	/* Frees what is not in the arena. It is always called, even if the session is gone. May be NULL.
	 * On the reactor. */
	void (*release)(struct cmd_job *job);
};
void *cmd_job_new(struct cmd *cmd, size_t size, enum job_kind kind,
	enum rc (*run)(struct account *account, struct job *job),
	void (*finish)(struct cmd *cmd, struct cmd_job *job));
/* Submits to the session's account. On RC_BUSY it waits and submits again (input is paused meanwhile). One
 * job at a time. */
void cmd_submit(struct cmd *cmd, void *cmd_job);
/* Does the work by borrowing the strand if `memory_ok` and the selected mailbox's index is loaded
 * (msg_index_loaded), else by cmd_submit. `finish` may be called before it returns. */
void cmd_submit_or_borrow(struct cmd *cmd, void *cmd_job, bool memory_ok);

/* Sets how many messages (or similar items) are done, of how many in all (0: not known), for INPROGRESS.
 * `done` never decreases. */
void cmd_progress(struct cmd *cmd, uint64_t done, uint64_t total);

/* Ends the command: sync (by the row's flags), then "tag OK/NO/BAD [code] text". code may be NULL. The
 * command is gone. */
void cmd_ok(struct cmd *cmd, const char *code, const char *text);
void cmd_no(struct cmd *cmd, const char *code, const char *text);
void cmd_bad(struct cmd *cmd, const char *text);
/* Ends the command with NO and the response code and text of rc (the table in rc_text.h); RC_OK: "tag OK
 * <name> completed". */
void cmd_finish_rc(struct cmd *cmd, enum rc rc);

/* Makes a parser for a CMD_LITERALS_STREAM row, over the line so far, at the arguments, up to the
 * literal's '{'. */
void cmd_partial(struct cmd *cmd, struct parse *ret_parse);
/* Accepts the literal; its bytes go to literal_bytes. False: too many literals; the command has been ended
 * with NO. */
bool cmd_literal_stream(struct cmd *cmd);
/* Accepts the literal into the line, like any other literal. False: it is larger than the limit; the
 * command has been ended with NO. */
bool cmd_literal_keep(struct cmd *cmd);
/* Ends the command with NO [code] text, or BAD if `bad`; a non-synchronising literal is skipped. */
void cmd_literal_refuse(struct cmd *cmd, bool bad, const char *code, const char *text);
/* Stops, or starts again, the bytes of a streamed literal. */
void cmd_pause_input(struct cmd *cmd, bool pause);

/* True: the session's output is above the high-water mark; produce no more until `drain`. */
bool cmd_out_full(const struct cmd *cmd);
/* Asks for raw lines (IDLE, AUTHENTICATE) until the command ends. */
void cmd_wait_line(struct cmd *cmd);
/* cmd_wait_auth: a password check is under way. cmd_auth_answered: the command that waited for it, or NULL
 * if it is gone. */
void cmd_wait_auth(struct cmd *cmd);
struct cmd *cmd_auth_answered(struct session *session);

/* Functions for session.c. */
/* Begins the command of a complete line: finds the row, checks state and syntax, runs it. */
void cmd_begin(struct session *session);
/* Gives the present command the line that it waited for. */
void cmd_line(struct session *session);
/* Handles an announced literal. */
void cmd_literal(struct session *session);
/* Answers a line that is too long or has bad bytes; the beginning of the line may contain the tag. */
void cmd_spoiled(struct session *session, const char *text);
/* Frees the present command, if any, without an answer. */
void cmd_drop(struct session *session);
/* The claim of \Recent that the command waited for is answered: the command goes on. */
void cmd_ungate(struct session *session);
/* The hub's list of parked commands, and the timer that submits them again. */
void cmd_hub_init(struct hub *hub);
void cmd_hub_fini(struct hub *hub);

#endif
