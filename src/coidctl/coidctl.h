/*
 * Declarations that the files of coidctl share: verbs that need no daemon, and the place of the daemon's
 * socket. One thread.
 */
#ifndef COID_COIDCTL_COIDCTL_H
#define COID_COIDCTL_COIDCTL_H

#include "base/buf.h"

#include <stdbool.h>

/* offline.c: true for "check --server ...", which needs the storage folder, not the daemon. */
bool offline_is_server_check(int argc, char **argv);
/* `config`: the configuration if the words name none (NULL: COID_CONFIG). Prints to standard output and
 * error; returns the exit status (protocol.h). */
int offline_server_check(int argc, char **argv, const char *config);

/* help.c: true for "help", or if there are no arguments. */
bool help_is_wanted(int argc, char **argv);
/* Lists the verbs, or those that begin with the words after "help". Returns the exit status. */
int help_print(int argc, char **argv);

/*
 * place.c: finds the control socket that the configuration names (`config` NULL: COID_CONFIG if it exists),
 * by default DEFAULT_SOCKET. A configuration that can't be read or used is ignored, since the daemon may run
 * with an earlier one; its faults go to `ret_errors`.
 */
#define DEFAULT_SOCKET "/run/coid/control"
void place_control(const char *config, char *ret_path, size_t room, struct buf *ret_errors);

#endif
