/*
 * All commands of the server. Only the code that builds the server knows this table, and gives it to
 * imapd_new, so that the core knows no command.
 */
#ifndef COID_IMAPD_CMD_TABLE_H
#define COID_IMAPD_CMD_TABLE_H

#include "imapd/command.h"

struct buf;

/* Every family's rows, in the order of CAPABILITY; ends with NULL. */
extern const struct cmd_row *const cmd_table[];

/*
 * Prints the help, a line for each command, sorted by name: two blanks, name and arguments, a tab, its help
 * text.
 */
void cmd_table_help(struct buf *out);

#endif
