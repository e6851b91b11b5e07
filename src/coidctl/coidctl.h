/*
 * What the files of coidctl share: verbs that work without the daemon.
 */
#ifndef COID_COIDCTL_COIDCTL_H
#define COID_COIDCTL_COIDCTL_H

#include <stdbool.h>

/* "check --server ...": needs the storage folder, not the daemon. */
bool offline_is_server_check(int argc, char **argv);
/* The exit status (protocol.h). */
int offline_server_check(int argc, char **argv);

#endif
