/*
 * The log's file: standard error, or server.log_file. The log keeps one descriptor for the life of the
 * server, so that a reload can put another file behind it without any thread noticing. Main thread.
 */
#ifndef COID_COID_LOGFILE_H
#define COID_COID_LOGFILE_H

#include "base/buf.h"
#include "base/rc.h"
#include "conf/conf.h"

struct server;

/* Checks whether the file can be written, or made. */
enum rc logfile_check(const struct conf *conf, struct buf *errors) MUST_CHECK;
/* Opens the file of server->conf; sets server->log_fd and log. */
enum rc logfile_open(struct server *server, struct buf *errors) MUST_CHECK;
/*
 * Opens the file of a new configuration; also the same file again, for logrotate. If another file can't be
 * opened, nothing changes and an error is returned; if the same one can't, the old descriptor stays in use.
 */
enum rc logfile_reopen(struct server *server, const struct conf *conf, struct buf *errors) MUST_CHECK;

#endif
