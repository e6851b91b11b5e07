/*
 * The common part of SEARCH, SORT and THREAD: the criteria become a struct search over the view, slices run
 * on the strand until it is finished, then the row sends its answer. On the reactor, within one command.
 *
 * cmd->args begins with a struct search_cmd, its keys and options parsed.
 */
#ifndef COID_IMAPD_SEARCH_CMD_H
#define COID_IMAPD_SEARCH_CMD_H

#include "imapd/command.h"
#include "imap/search_return.h"
#include "query/search.h"

struct search_update;
struct sort;

struct search_cmd {
	struct search_keys keys;
	struct search_return options;
	bool uids; /* the search collects UIDs, even if the answer has message numbers */
	uint64_t enough; /* the search may stop after this many results; 0: all are wanted */
	bool keep_hits; /* search->hits is needed */
	bool more; /* the results are processed further, so all are needed (RFC 9738 section 3.3) */
	struct strv mailbox; /* of ESEARCH: a correlator of its updates, which are told by UID */
	uint32_t uidvalidity; /* 0: no such correlators */
	struct search_update *context; /* the session's; UPDATE, and not started yet */
	/* Borrowed: the order of the results, for UPDATE; NULL: mailbox order */
	const struct sort *sort;
	const char *refused; /* the reason why there will be no updates */
	/* Called when everything has been searched, or nothing could match. Ends the command, at once or
	 * later. search->results has the results, search->place.rc tells whether messages had to be left
	 * out. */
	void (*finished)(struct cmd *cmd, struct search *search);
	struct search *search; /* own, while no job has it */
};

/* Call this after keys and options were parsed: checks whether they go together, and sets what the search
 * has to collect. False: the parser has failed. */
bool search_cmd_fits(struct parse *parse, struct search_cmd *args);
/* The `run` of such a row: refuses what is wrong (BADCHARSET), or searches and calls `finished`. With
 * UPDATE the search collects UIDs. */
void search_cmd_start(struct cmd *cmd);
/* Ends the command with NO. RFC 5182 section 2.1: the saved result becomes empty. */
void search_cmd_failed(struct cmd *cmd, const char *code, const char *text);
/* Call this after the answer was printed: saves the results that SAVE asks for, begins the updates that
 * UPDATE asks for (of search->results) and ends the command with its tagged line. */
void search_cmd_end(struct cmd *cmd, const struct search *search, const struct search_result *result);
/* The `cancel` of such a row. */
void search_cmd_cancel(struct cmd *cmd);

#endif
