/*
 * Users of the users file get their rows in server.db when the file is read, so that mail for them is
 * accepted before their first login. Internal to auth.
 */
#ifndef COID_AUTH_FILE_ROWS_H
#define COID_AUTH_FILE_ROWS_H

#include "auth/rules.h"

/* Adds the rows; later jobs of the users' strand find them. Any thread; holds a reference to the rules
 * until it is done. */
void file_rows_make(struct store *store, struct log *log, struct rules *rules);

#endif
