/*
 * Carries a LIST out on the worker: walks the account's names and prints the answer. [strand]
 */
#ifndef COID_IMAPD_LIST_RUN_H
#define COID_IMAPD_LIST_RUN_H

#include "base/arena.h"
#include "base/buf.h"
#include "imapd/list_options.h"
#include "store/store.h"

/* Appends the LIST (and STATUS) lines to out. RC_LIMIT: they are more than out can take. `arena` is for scratch. */
enum rc list_run(struct account *account, const struct list_options *options, bool utf8, struct arena *arena,
	struct buf *out) MUST_CHECK;

#endif
