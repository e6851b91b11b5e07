#include "imapd/command.h"
#include "imapd/resp.h"
#include "imapd/rows.h"
#include "store/mailbox.h"

#define STATUS_ITEMS_MAX 32
#define STATUS_LINE_MAX 16384

enum status_item {
	STATUS_MESSAGES,
	STATUS_RECENT,
	STATUS_UIDNEXT,
	STATUS_UIDVALIDITY,
	STATUS_UNSEEN,
	STATUS_KINDS
};

static const char *const item_names[STATUS_KINDS] = {
	[STATUS_MESSAGES] = "MESSAGES",
	[STATUS_RECENT] = "RECENT",
	[STATUS_UIDNEXT] = "UIDNEXT",
	[STATUS_UIDVALIDITY] = "UIDVALIDITY",
	[STATUS_UNSEEN] = "UNSEEN",
};

struct status_args {
	struct strv name;
	enum status_item items[STATUS_ITEMS_MAX];
	size_t count;
};

struct status_job {
	struct cmd_job base;
	struct strv name;
	struct mbox_info info;
};

static bool parse_item(struct parse *parse, struct status_args *args)
{
	for (unsigned i = 0; i < STATUS_KINDS; i++) {
		if (!parse_keyword(parse, item_names[i]))
			continue;
		if (args->count == STATUS_ITEMS_MAX)
			return parse_fail(parse, "Too many items");
		args->items[args->count++] = (enum status_item)i;
		return true;
	}
	return parse_fail(parse, "Unknown STATUS item");
}

static bool status_parse(struct cmd *cmd, struct parse *parse)
{
	struct status_args *args = arena_zalloc(cmd->arena, sizeof(*args));
	cmd->args = args;
	if (!parse_mailbox(parse, &args->name) || !parse_sp(parse) || !parse_char(parse, '('))
		return false;
	do {
		if (!parse_item(parse, args))
			return false;
	} while (parse_skip(parse, ' '));
	return parse_char(parse, ')') && parse_end(parse);
}

static enum rc status_job_run(struct account *account, struct job *job)
{
	struct status_job *status = (struct status_job *)job;
	enum rc rc = mbox_find(account, status->name, &status->info);
	if (rc == RC_OK && status->info.attrs & MBOX_NOSELECT)
		rc = RC_CANNOT;
	return rc;
}

static uint32_t item_value(const struct mbox_info *info, enum status_item item)
{
	switch (item) {
	case STATUS_MESSAGES:
		return info->messages;
	case STATUS_RECENT:
		return info->recent;
	case STATUS_UIDNEXT:
		return info->uidnext;
	case STATUS_UIDVALIDITY:
		return info->uidvalidity;
	case STATUS_UNSEEN:
		return info->unseen;
	case STATUS_KINDS:
		break;
	}
	return 0;
}

static void status_finish(struct cmd *cmd, struct cmd_job *job)
{
	const struct status_job *status = (struct status_job *)job;
	const struct status_args *args = cmd->args;
	struct buf out;

	if (job->job.rc != RC_OK) {
		cmd_finish_rc(cmd, job->job.rc);
		return;
	}
	buf_init(&out, STATUS_LINE_MAX);
	buf_adds(&out, "* STATUS ");
	resp_mailbox(&out, args->name, cmd->session->enabled & ENABLED_UTF8);
	buf_adds(&out, " (");
	for (size_t i = 0; i < args->count; i++)
		buf_printf(&out, "%s%s %u", i > 0 ? " " : "", item_names[args->items[i]],
			item_value(&status->info, args->items[i]));
	buf_adds(&out, ")\r\n");
	resp_raw(cmd->session, buf_strv(&out));
	buf_fini(&out);
	cmd_finish_rc(cmd, RC_OK);
}

static void status_run(struct cmd *cmd)
{
	struct status_args *args = cmd->args;
	struct strv name;
	if (mbox_name_check(account_store(cmd->session->account), args->name, cmd->arena, &name) != RC_OK) {
		cmd_finish_rc(cmd, RC_NOT_FOUND);
		return;
	}
	struct status_job *status =
		cmd_job_new(cmd, sizeof(*status), JOB_READ, status_job_run, status_finish);
	status->name = arena_strv(status->base.arena, name);
	/* Names and counts are in memory while the account is open. */
	cmd_submit_or_borrow(cmd, status, true);
}

const struct cmd_row cmd_status_rows[] = {
	{
		.name = "STATUS",
		.states = CMD_AUTH_STATES,
		.parse = status_parse,
		.run = status_run,
	},
	{ 0 },
};
