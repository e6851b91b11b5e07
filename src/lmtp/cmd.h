/*
 * The commands of LMTP (RFC 2033, RFC 5321): a table with one row per command.
 */
#ifndef COID_LMTP_CMD_H
#define COID_LMTP_CMD_H

#include "base/strv.h"

struct lmtp_session;

/*
 * Finds the command of the line (without CRLF), checks state and syntax as its row says, carries it out and
 * answers.
 */
void lmtp_cmd_run(struct lmtp_session *session, struct strv line);

#endif
