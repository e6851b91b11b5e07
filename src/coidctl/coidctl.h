/*
 * What the files of coidctl share: verbs that work without the daemon.
 */
#ifndef COID_COIDCTL_COIDCTL_H
#define COID_COIDCTL_COIDCTL_H

#include "base/buf.h"

#include <stdbool.h>

/* "check --server ...": needs the storage folder, not the daemon. */
bool offline_is_server_check(int argc, char **argv);
/* "help ...", or nothing: the verbs, or those whose words begin so. */
bool help_is_wanted(int argc, char **argv);
/* Each of these gives the exit status (protocol.h). */
int help_print(int argc, char **argv);
int offline_server_check(int argc, char **argv);

/*
 * The control socket of the configuration (NULL: COID_CONFIG if it is there), by default DEFAULT_SOCKET. A configuration that
 * can't be read or used is no obstacle: the daemon may run with an earlier one. What is wrong with it is in `ret_errors` then.
 */
#define DEFAULT_SOCKET "/run/coid/control"
void place_control(const char *config, char *ret_path, size_t room, struct buf *ret_errors);

#endif
