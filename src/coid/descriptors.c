/*
 * Divides the limit on descriptors among connections, accounts and the server itself.
 */
#include "coid/descriptors.h"

#include <inttypes.h>
#include <sys/resource.h>

#define OWN 96 /* listeners, databases of the server, control connections, pushes, name lookups */
#define OWN_REACTOR 8
#define OWN_WORKER 4 /* files of the job that it runs */
#define ACCOUNT_FILES 3 /* database, WAL and ledger */
#define LMTP_FILES 2 /* connection and spool file */
/* One of eight IMAP connections is assumed to read or send a large message, from a file. */
#define IMAP_SHARE 8
/* If the limit is too low, accounts and LMTP get at most one part in PART of it, and at least LEAST. */
#define ACCOUNTS_PART 4
#define ACCOUNTS_LEAST 8
#define LMTP_PART 8
#define LMTP_LEAST 4

uint64_t descriptors_limit(void)
{
	struct rlimit limit;
	return getrlimit(RLIMIT_NOFILE, &limit) == 0 ? (uint64_t)limit.rlim_cur : UINT64_MAX;
}

static unsigned descriptors_part(
	uint64_t limit, unsigned part, unsigned files, unsigned least, unsigned wanted)
{
	uint64_t most = limit / part / files;
	if (most < least)
		most = least;
	return most < wanted ? (unsigned)most : wanted;
}

struct descriptors descriptors_plan(const struct conf *conf, unsigned reactors, uint64_t limit)
{
	uint64_t own = OWN + (uint64_t)reactors * OWN_REACTOR + (uint64_t)conf->server.workers * OWN_WORKER;
	struct descriptors plan = {
		.limit = limit,
		.imap = conf->server.max_connections,
		.lmtp = conf->lmtp.max_connections,
		.accounts = conf->store.open_accounts_max,
	};
	plan.needed = own + (uint64_t)plan.accounts * ACCOUNT_FILES + (uint64_t)plan.lmtp * LMTP_FILES +
		      plan.imap + plan.imap / IMAP_SHARE;
	if (plan.needed <= limit)
		return plan;
	plan.accounts = descriptors_part(limit, ACCOUNTS_PART, ACCOUNT_FILES, ACCOUNTS_LEAST, plan.accounts);
	plan.lmtp = descriptors_part(limit, LMTP_PART, LMTP_FILES, LMTP_LEAST, plan.lmtp);
	uint64_t kept = own + (uint64_t)plan.accounts * ACCOUNT_FILES + (uint64_t)plan.lmtp * LMTP_FILES;
	uint64_t left = limit > kept ? (limit - kept) * IMAP_SHARE / (IMAP_SHARE + 1) : 0;
	if (left < 1)
		left = 1;
	if (left < plan.imap)
		plan.imap = (unsigned)left;
	return plan;
}

void descriptors_tell(const struct descriptors *plan, struct log *log)
{
	if (plan->needed <= plan->limit)
		return;
	log_warn(log,
		"the limit on open files (RLIMIT_NOFILE, LimitNOFILE=) is too low for the configuration "
		"limit=%" PRIu64 " needed=%" PRIu64
		" imap_connections=%u lmtp_connections=%u open_accounts=%u",
		plan->limit, plan->needed, plan->imap, plan->lmtp, plan->accounts);
}
