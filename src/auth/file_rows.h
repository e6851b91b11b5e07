/*
 * Users of the users file get their row in server.db when the file is read, so that mail for them is taken
 * before they have ever logged in. Internal to auth.
 */
#ifndef COID_AUTH_FILE_ROWS_H
#define COID_AUTH_FILE_ROWS_H

#include "auth/rules.h"

/* Whatever is asked of the users after this finds the rows. Any thread; holds a reference of the rules until
 * it is done. */
void file_rows_make(struct store *store, struct log *log, struct rules *rules);

#endif
