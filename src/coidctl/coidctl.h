/*
 * What the files of coidctl share: verbs that work without the daemon.
 */
#ifndef COID_COIDCTL_COIDCTL_H
#define COID_COIDCTL_COIDCTL_H

#include <stdbool.h>

/* "check --server ...": needs the storage folder, not the daemon. */
bool offline_is_server_check(int argc, char **argv);
/* "help ...", or nothing: the verbs, or those whose words begin so. */
bool help_is_wanted(int argc, char **argv);
/* Each of these gives the exit status (protocol.h). */
int help_print(int argc, char **argv);
int offline_server_check(int argc, char **argv);

#endif
