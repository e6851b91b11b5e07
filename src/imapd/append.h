/*
 * Takes in the messages of APPEND and REPLACE: decides whether a literal is accepted and where its bytes go,
 * and fetches the data of URLs (CATENATE). Destination, size and quota are checked before bytes are accepted.
 * Each message has a spool of its own; when all are finished the command stores them, all or none.
 *
 * struct append is the first member in the arguments of the command's row. On the session's reactor.
 */
#ifndef COID_IMAPD_APPEND_H
#define COID_IMAPD_APPEND_H

#include "imap/append_parse.h"
#include "imapd/command.h"
#include "store/content.h"
#include "store/message.h"

#define BADURL_MAX 512 /* octets of a URL in BADURL; the rest is cut */
#define APPEND_MESSAGE_MEMORY 4096 /* bytes of memory that a message takes besides its bytes and headers */

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

/* A message whose bytes have all come. */
struct append_message {
	struct append_wait *wait; /* own by the spool, which always calls back */
	struct content *content; /* own, once the spool is finished */
	struct append_spec spec; /* its options; the keywords in the command's arena */
	bool binary; /* it came as literal8: binary parts with NULs are encoded, other parts are not */
};

struct append {
	const struct append_hooks *hooks; /* borrowed; static */
	struct arena *scratch; /* own: of the list */
	/* the arguments parsed so far; messages that are complete in spools are forgotten at the next
	 * literal */
	struct append_list list;
	bool whole; /* the command is complete */
	struct lex_literal literal; /* not whole: the announced literal */
	/* The part of the list that is in spools. A literal counts when its bytes have come. */
	size_t at_message;
	size_t at_part;
	uint64_t size; /* octets of the present message so far */
	uint64_t before; /* octets of the messages before it */
	struct spool *spool; /* own: of the present message, if it has begun */
	bool binary;
	struct append_header header; /* of that message */
	bool eight_bit; /* some header has 8-bit octets */
	struct append_piece *piece; /* own, while no job has it */
	bool walking; /* go_on is running: a spool that finishes meanwhile need not call it */
	bool waits_for_room; /* reading goes on when the spool has room */
	bool paused; /* the input goes on when the spool has room */
	bool checked; /* the destination existed when it was checked */
	struct append_message **messages; /* own array; the messages are in the command's arena */
	size_t received;
	size_t room; /* of the array */
	uint64_t memory; /* bytes in flight: an upper bound of the messages' memory */
	size_t unfinished; /* spools that have not called back */
	struct append_message *encoding; /* the one that is being encoded */
	size_t encoded; /* the number of messages examined for that */
	enum rc rc; /* the first error of a spool */
};

/* The functions of a row. The arguments of the command are made when they are first needed; their first
 * member is struct append. */
struct append_hooks {
	bool several; /* MULTIAPPEND */
	bool replaces; /* an old message is removed, so the quota is checked at the end */
	/* Parses arguments before the mailbox name. False: syntax error. NULL: there are none. */
	bool (*prefix)(struct cmd *cmd, struct parse *parse);
	/* Tells whether the command can succeed. If not, it has ended the command (by cmd_literal_refuse
	 * or, if `whole`, cmd_no). NULL: it can. */
	bool (*possible)(struct cmd *cmd);
	/* Stores the messages; all are complete. */
	void (*store)(struct cmd *cmd);
	size_t args_size;
};

struct append *append_of(struct cmd *cmd, const struct append_hooks *hooks);

/* Functions that the row of the command calls. */
bool append_parse(struct cmd *cmd, struct parse *parse, const struct append_hooks *hooks);
void append_run(struct cmd *cmd);
void append_literal(struct cmd *cmd, const struct lex_literal *literal, const struct append_hooks *hooks);
void append_literal_bytes(struct cmd *cmd, struct strv bytes);
void append_literal_end(struct cmd *cmd);
void append_cancel(struct cmd *cmd);

/* append_message.c: functions for append.c. */

/* True: no more messages may come, because of MESSAGELIMIT or of the bytes in flight. */
bool append_full(const struct cmd *cmd);
void append_header_look(struct append_header *header, struct strv bytes);
/* Adds the present message, with its options, to the list of complete ones. */
struct append_message *append_message_add(struct cmd *cmd);
/* "BADURL \"/INBOX/;UID=20\"" */
const char *append_badurl_code(struct arena *arena, struct strv url);

/* append_store.c */

/* The n-th message with its options, copied into the arena. The caller owns its content. */
struct msg_new append_take(struct append *append, size_t n, struct arena *arena);
/* "APPENDUID 38505 3955:3957" */
const char *append_uid_code(struct arena *arena, uint32_t uidvalidity, const uint32_t *uids, size_t count);

#endif
