/*
 * The plan for the process's descriptors. Some are reserved for the server itself, for open accounts, for
 * LMTP and for the control socket; IMAP connections get the rest. So mail is delivered, accounts are opened
 * and coidctl is answered however many strangers connect. If the limit is too low for the configuration,
 * fewer accounts are kept open and fewer connections are admitted, and the log says so at the start.
 */
#ifndef COID_COID_DESCRIPTORS_H
#define COID_COID_DESCRIPTORS_H

#include "base/log.h"
#include "conf/conf.h"

#include <stdbool.h>
#include <stdint.h>

struct descriptors {
	uint64_t limit; /* RLIMIT_NOFILE */
	uint64_t needed; /* descriptors for everything that the configuration allows */
	unsigned imap; /* connections */
	unsigned lmtp;
	unsigned accounts; /* held open */
};

/* The limit of this process. */
uint64_t descriptors_limit(void);
/* Makes the plan. Pure. */
struct descriptors descriptors_plan(const struct conf *conf, unsigned reactors, uint64_t limit);
/* Logs a warning if the limit is too low. */
void descriptors_tell(const struct descriptors *plan, struct log *log);

#endif
