/*
 * The command table and the life of one command. Parsing, running, waiting for jobs and finishing are the same for all.
 */
#ifndef COID_IMAPD_COMMAND_H
#define COID_IMAPD_COMMAND_H

#include "imapd/parse.h"
#include "imapd/session.h"
#include "store/store.h"

enum cmd_flag {
	CMD_UID = 1 << 0,	    /* the row is the "UID x" form */
	CMD_NO_EXPUNGE = 1 << 1,    /* no EXPUNGE may be told at its end (FETCH, STORE, SEARCH by number) */
	CMD_READ_WRITE = 1 << 2,    /* needs a mailbox selected read-write */
	CMD_NO_SYNC = 1 << 3,	    /* the command tells by itself or must stay silent (CLOSE, LOGOUT) */
	CMD_LITERALS_STREAM = 1 << 4, /* APPEND: cmd_row.literal decides */
	CMD_SENSITIVE = 1 << 5	    /* arguments hold secrets: never logged, wiped */
};

struct cmd_row {
	const char *name;	/* upper case, "UID FETCH" for UID forms */
	unsigned states;	/* enum session_state bits in which it is allowed */
	unsigned flags;
	const char *capability; /* announced because this row exists; NULL: none of its own */
	/* Reads the arguments (behind the name and its space) into cmd->args. Must end with parse_end. */
	bool (*parse)(struct cmd *cmd, struct parse *parse);
	/* Does one of: cmd_finish; cmd_submit and wait; ask for a line and wait. */
	void (*run)(struct cmd *cmd);
	/* CMD_LITERALS_STREAM: a literal was announced; see cmd_append.c. NULL: literals are kept. */
	void (*literal)(struct cmd *cmd, const struct lex_literal *literal);
	void (*literal_bytes)(struct cmd *cmd, struct strv bytes);
	void (*literal_end)(struct cmd *cmd);
	/* A raw line while the command waits for one (IDLE, AUTHENTICATE). */
	void (*line)(struct cmd *cmd, struct strv line);
	/* The session ends while the command is in hand: release what cmd->args holds. May be NULL. */
	void (*cancel)(struct cmd *cmd);
};

struct cmd {
	struct session *session; /* borrowed; the session owns the command */
	const struct cmd_row *row;
	struct arena *arena;	 /* own: arguments and everything else of the command */
	struct strv tag;
	struct strv name;
	void *args;		 /* the row's own struct, in the arena */
	bool waiting;		 /* a job or a line is awaited */
	bool expunge_issued;	 /* some message asked for by number is gone: the tagged line is NO [EXPUNGEISSUED] */
};

/* Every row, in the order of CAPABILITY; ends with a row without name. cmd_table.c gathers the cmd_*.c rows. */
extern const struct cmd_row *const cmd_table[];
const struct cmd_row *cmd_find(struct strv name, bool uid);

/*
 * A job of this command. `size` is that of the row's own struct whose first member is struct job; zeroed, in a fresh arena
 * that dies with the job. The struct must hold copies or counted references of all it needs on the worker.
 */
struct cmd_job {
	struct job job;
	struct hub *hub;     /* borrowed */
	struct arena *arena; /* own */
	/* On the reactor, the command still being in hand; then the job is freed. */
	void (*finish)(struct cmd *cmd, struct cmd_job *job);
	/* Frees what is not in the arena; called always, also when the session is gone. May be NULL. On the reactor. */
	void (*release)(struct cmd_job *job);
};
void *cmd_job_new(struct cmd *cmd, size_t size, enum job_kind kind,
	enum rc (*run)(struct account *account, struct job *job), void (*finish)(struct cmd *cmd, struct cmd_job *job));
/* Submits to the session's account; on RC_BUSY waits and submits again (input is paused meanwhile). */
void cmd_submit(struct cmd *cmd, void *cmd_job);
/* The same work by borrowing the strand when `memory_ok`, else by cmd_submit. */
void cmd_submit_or_borrow(struct cmd *cmd, void *cmd_job, bool memory_ok);

/* Ends the command: sync (by the row's flags), then "tag OK/NO/BAD [code] text". code may be NULL. */
void cmd_ok(struct cmd *cmd, const char *code, const char *text);
void cmd_no(struct cmd *cmd, const char *code, const char *text);
void cmd_bad(struct cmd *cmd, const char *text);
/* NO with the response code and text that belong to rc (the one table: resp_rc.c); RC_OK: "tag OK <name> completed". */
void cmd_finish_rc(struct cmd *cmd, enum rc rc);

#endif
