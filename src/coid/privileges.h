/*
 * The rights of the process. Main thread, before any other thread is started.
 */
#ifndef COID_COID_PRIVILEGES_H
#define COID_COID_PRIVILEGES_H

#include "base/buf.h"
#include "base/log.h"
#include "base/rc.h"
#include "conf/conf.h"

/*
 * Root becomes server.user for good, after it has made server.root and given it to that user; it stays root
 * only if server.user says so. Another user than root makes server.root, and server.user may name only that
 * user. Then: no core dumps (unless server.core_dumps), no tracing by the same user, no new privileges.
 * RC_INVALID, RC_NOT_FOUND, RC_PERM, RC_IO, with the reason in `errors`.
 */
enum rc privileges_drop(const struct conf *conf, struct log *log, struct buf *errors) MUST_CHECK;
/* Raises the soft limit on descriptors to the hard one. */
void privileges_raise_descriptors(void);

#endif
