/*
 * Messages coming in with a command, for APPEND and REPLACE: what a literal is, whether it may come, where
 * its bytes go, and what URLs stand for (CATENATE). Destination, size and quota are looked at before bytes
 * are let in. Each message has a spool of its own; when all are finished the command stores them, all or
 * none.
 *
 * Embedded as first member in the arguments of the command's row. On the session's reactor.
 */
#ifndef COID_IMAPD_APPEND_H
#define COID_IMAPD_APPEND_H

#include "imap/append_parse.h"
#include "imapd/command.h"
#include "store/content.h"
#include "store/message.h"

#define BADURL_MAX 512 /* octets of a URL that are told */
#define APPEND_MESSAGE_MEMORY 4096 /* what a message takes besides its bytes and its headers */

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
	struct append_spec spec; /* its options; the keywords in the command's arena */
	bool binary; /* it came as literal8: binary parts with NULs are encoded, all else stays as it is */
};

struct append {
	const struct append_hooks *hooks; /* borrowed; static */
	struct arena *scratch; /* own: of the list */
	/* Of what has come and was not forgotten: what is stored is, when the next literal comes */
	struct append_list list;
	bool whole; /* ... which is the command */
	struct lex_literal literal; /* else: the one that was announced */
	/* How far the list is in spools. A literal counts when its bytes have come. */
	size_t at_message;
	size_t at_part;
	uint64_t size; /* of the message in hand, so far */
	uint64_t before; /* of those before it */
	struct spool *spool; /* own: of the message in hand, if it has begun */
	bool binary;
	struct append_header header; /* of that message */
	bool eight_bit; /* some header has 8-bit octets */
	struct append_piece *piece; /* own: what is being read, while no job has it */
	bool walking; /* a spool that finishes at once changes nothing */
	bool waits_for_room; /* until the spool has some */
	bool paused; /* likewise: the input */
	bool checked; /* the destination was there when it was looked at */
	struct append_message **messages; /* own array, of what is in the command's arena */
	size_t received;
	size_t room; /* of the array */
	uint64_t memory; /* bytes in flight: what the messages take at most */
	size_t unfinished; /* spools that have not called back */
	struct append_message *encoding; /* is being encoded */
	size_t encoded; /* so many have been looked at for that */
	enum rc rc; /* the first error of a spool */
};

/* The row's own part: args of the command, made when it is first needed (its first member is struct
 * append). */
struct append_hooks {
	bool several; /* MULTIAPPEND */
	bool replaces; /* a message goes: the quota is looked at when that is known */
	/* What stands before the mailbox name. False: syntax error. NULL: nothing does. */
	bool (*prefix)(struct cmd *cmd, struct parse *parse);
	/* Whether the command can succeed at all; else it has been ended (by cmd_literal_refuse or, if
	 * `whole`, cmd_no). NULL: yes. */
	bool (*possible)(struct cmd *cmd);
	/* Everything is in: stores it. */
	void (*store)(struct cmd *cmd);
	size_t args_size;
};

struct append *append_of(struct cmd *cmd, const struct append_hooks *hooks);

/* For the hooks of the row. */
bool append_parse(struct cmd *cmd, struct parse *parse, const struct append_hooks *hooks);
void append_run(struct cmd *cmd);
void append_literal(struct cmd *cmd, const struct lex_literal *literal, const struct append_hooks *hooks);
void append_literal_bytes(struct cmd *cmd, struct strv bytes);
void append_literal_end(struct cmd *cmd);
void append_cancel(struct cmd *cmd);

/* append_message.c: for append.c. */

/* Whether no more may come: MESSAGELIMIT, or else the bytes in flight. */
bool append_full(const struct cmd *cmd);
void append_header_look(struct append_header *header, struct strv bytes);
/* The message in hand, with its options. */
struct append_message *append_message_add(struct cmd *cmd);
/* "BADURL \"/INBOX/;UID=20\"" */
const char *append_badurl_code(struct arena *arena, struct strv url);

/* append_store.c */

/* The n-th message with its options, copied into the arena; its content is the caller's. */
struct msg_new append_take(struct append *append, size_t n, struct arena *arena);
/* "APPENDUID 38505 3955:3957" */
const char *append_uid_code(struct arena *arena, uint32_t uidvalidity, const uint32_t *uids, size_t count);

#endif
