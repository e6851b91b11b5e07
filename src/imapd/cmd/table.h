/*
 * All commands that the server has. Only whoever builds the server knows this table: it is handed to
 * imapd_new, so that the core knows no command.
 */
#ifndef COID_IMAPD_CMD_TABLE_H
#define COID_IMAPD_CMD_TABLE_H

#include "imapd/command.h"

struct buf;

/* Every family's rows, in the order of CAPABILITY; ends with NULL. */
extern const struct cmd_row *const cmd_table[];

/* For people, a line for each command, sorted by name: two blanks, name and arguments, a tab, its help. */
void cmd_table_help(struct buf *out);

#endif
