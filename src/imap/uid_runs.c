/* Counts messages in runs of UIDs. */
#include "imap/uid_runs.h"

uint64_t uid_runs_count(const struct uid_run *runs, size_t count)
{
	uint64_t messages = 0;
	for (size_t i = 0; i < count; i++)
		messages += (uint64_t)runs[i].uid_hi - runs[i].uid_lo + 1;
	return messages;
}

uint64_t uid_runs_before(const struct uid_run *runs, size_t run, uint32_t uid)
{
	return uid_runs_count(runs, run) + (uid > 0 ? uid - runs[run].uid_lo : 0);
}
