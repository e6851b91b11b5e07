/* Cuts the set of a command's messages to the limit of RFC 9738, and prints the response that says so. */
#include "imapd/message_limit.h"

#include "imapd/command.h"
#include "imapd/imapd.h"
#include "imapd/answer.h"
#include "imap/uid_runs.h"
#include "imapd/session.h"

unsigned message_limit(const struct cmd *cmd)
{
	return cmd->session->settings->message_limit;
}

unsigned message_limit_save(const struct cmd *cmd)
{
	const struct imapd_settings *settings = cmd->session->settings;
	return settings->message_limit > 0 ? settings->message_limit : settings->save_limit;
}

void message_limit_capability(struct buf *out, const struct imapd_settings *settings)
{
	if (settings->message_limit > 0)
		buf_printf(out, " MESSAGELIMIT=%u", settings->message_limit);
	else if (settings->save_limit > 0)
		buf_printf(out, " SAVELIMIT=%u", settings->save_limit);
}

bool message_limit_cut(struct seqset *uids, uint64_t limit, uint32_t *ret_last)
{
	struct seqset highest = SEQSET_EMPTY;
	uint64_t count = seqset_count(uids);

	if (limit == 0 || count <= limit)
		return false;
	seqset_slice(uids, count - limit, count, &highest);
	seqset_fini(uids);
	*uids = highest;
	*ret_last = highest.v[0].lo;
	return true;
}

bool message_limit_clip(struct cmd *cmd, struct seqset *uids)
{
	return message_limit_cut(uids, message_limit(cmd), &cmd->law.limit_uid);
}

struct uid_run *message_limit_down(
	struct arena *arena, const struct uid_run *runs, size_t count, size_t *ret_count)
{
	size_t messages = (size_t)uid_runs_count(runs, count);
	struct uid_run *down = arena_alloc(arena, (messages + 1) * sizeof(*down));
	size_t n = 0;

	for (size_t i = count; i > 0; i--) {
		const struct uid_run *run = &runs[i - 1];
		for (uint32_t left = run->uid_hi - run->uid_lo + 1; left > 0; left--) {
			uint32_t uid = run->uid_lo + left - 1;
			down[n++] = (struct uid_run){
				.uid_lo = uid, .uid_hi = uid, .seq_lo = run->seq_lo + left - 1
			};
		}
	}
	*ret_count = n;
	return down;
}

const char *message_limit_code(struct cmd *cmd, unsigned limit, uint32_t last)
{
	return last > 0 ? arena_printf(cmd->arena, "MESSAGELIMIT %u %u", limit, last)
			: arena_printf(cmd->arena, "MESSAGELIMIT %u", limit);
}

void message_limit_tell(struct cmd *cmd, bool good, const char **code, const char **text)
{
	const char *own = message_limit_code(cmd, message_limit(cmd), cmd->law.limit_uid);
	const char *said = "Only the messages with the highest UIDs were taken";

	if (*code || !good) {
		answer_untagged(cmd->session, "NO [%s] %s", own, said);
		return;
	}
	*code = own;
	*text = said;
}
