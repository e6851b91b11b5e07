/*
 * CREATE, DELETE, RENAME, SUBSCRIBE, UNSUBSCRIBE: one synced job each.
 */
#include "coi/coi.h"
#include "imapd/command.h"
#include "imapd/imapd.h"
#include "imapd/resp.h"
#include "imapd/rows.h"
#include "store/mailbox.h"

struct mailbox_args {
	struct strv name;
	struct strv to; /* RENAME */
};

struct mailbox_job {
	struct cmd_job base;
	struct strv name;
	struct strv to;
	const struct coi *coi; /* borrowed: some names are its */
	bool refused; /* by COI */
};

static bool one_name(struct cmd *cmd, struct parse *parse)
{
	struct mailbox_args *args = arena_zalloc(cmd->arena, sizeof(*args));
	cmd->args = args;
	return parse_mailbox(parse, &args->name) && parse_end(parse);
}

static bool two_names(struct cmd *cmd, struct parse *parse)
{
	struct mailbox_args *args = arena_zalloc(cmd->arena, sizeof(*args));
	cmd->args = args;
	return parse_mailbox(parse, &args->name) && parse_sp(parse) && parse_mailbox(parse, &args->to) &&
	       parse_end(parse);
}

static void mailbox_finish(struct cmd *cmd, struct cmd_job *job)
{
	cmd_finish_rc(cmd, job->job.rc);
}

/* Names are brought into the store's form here. What is no valid name can't exist: `invalid` says what that means. */
static void submit(struct cmd *cmd, enum rc (*run)(struct account *account, struct job *job),
	void (*finish)(struct cmd *cmd, struct cmd_job *job), enum rc invalid)
{
	const struct mailbox_args *args = cmd->args;
	struct store *store = account_store(cmd->session->account);
	struct strv name = STRV_NULL;
	struct strv to = STRV_NULL;

	enum rc rc = mbox_name_check(store, args->name, cmd->arena, &name);
	if (rc != RC_OK) {
		cmd_finish_rc(cmd, rc == RC_INVALID ? invalid : rc);
		return;
	}
	rc = args->to.p ? mbox_name_check(store, args->to, cmd->arena, &to) : RC_OK;
	if (rc != RC_OK) {
		cmd_finish_rc(cmd, rc);
		return;
	}
	struct mailbox_job *job = cmd_job_new(cmd, sizeof(*job), JOB_WRITE, run, finish);
	job->coi = cmd->session->settings->coi;
	job->name = arena_strv(job->base.arena, name);
	job->to = arena_strv(job->base.arena, to);
	cmd_submit(cmd, job);
}

static enum rc create_job(struct account *account, struct job *job)
{
	const struct mailbox_job *mailbox = (struct mailbox_job *)job;
	int64_t id;
	return coi_mailbox_create(mailbox->coi, account, mailbox->name, 0, &id);
}

static void create_run(struct cmd *cmd)
{
	submit(cmd, create_job, mailbox_finish, RC_INVALID);
}

static enum rc delete_job(struct account *account, struct job *job)
{
	const struct mailbox_job *mailbox = (struct mailbox_job *)job;
	return coi_mailbox_delete(mailbox->coi, account, mailbox->name);
}

static void delete_finish(struct cmd *cmd, struct cmd_job *job)
{
	enum rc rc = job->job.rc;
	if (rc == RC_CANNOT)
		cmd_no(cmd, "CANNOT", "INBOX can't be deleted");
	else if (rc == RC_INVALID)
		cmd_no(cmd, "CANNOT", "It is only a name above other mailboxes");
	else
		cmd_finish_rc(cmd, rc);
}

static void delete_run(struct cmd *cmd)
{
	submit(cmd, delete_job, delete_finish, RC_NOT_FOUND);
}

static enum rc rename_job(struct account *account, struct job *job)
{
	struct mailbox_job *mailbox = (struct mailbox_job *)job;
	return coi_mailbox_rename(mailbox->coi, account, mailbox->name, mailbox->to, &mailbox->refused);
}

static void rename_finish(struct cmd *cmd, struct cmd_job *job)
{
	if (((struct mailbox_job *)job)->refused)
		cmd_no(cmd, "CANNOT", "Chats of COI can only be deleted or renamed into the trash");
	else if (job->job.rc == RC_INVALID)
		cmd_no(cmd, "CANNOT", "Not possible under this name");
	else
		cmd_finish_rc(cmd, job->job.rc);
}

static void rename_run(struct cmd *cmd)
{
	submit(cmd, rename_job, rename_finish, RC_NOT_FOUND);
}

static enum rc subscribe_job(struct account *account, struct job *job)
{
	return mbox_subscribe(account, ((struct mailbox_job *)job)->name, true);
}

static void subscribe_run(struct cmd *cmd)
{
	submit(cmd, subscribe_job, mailbox_finish, RC_INVALID);
}

static enum rc unsubscribe_job(struct account *account, struct job *job)
{
	return mbox_subscribe(account, ((struct mailbox_job *)job)->name, false);
}

static void unsubscribe_run(struct cmd *cmd)
{
	submit(cmd, unsubscribe_job, mailbox_finish, RC_NOT_FOUND);
}

const struct cmd_row cmd_mailbox_rows[] = {
	{
		.name = "CREATE",
		.states = CMD_AUTH_STATES,
		.parse = one_name,
		.run = create_run,
	},
	{
		.name = "DELETE",
		.states = CMD_AUTH_STATES,
		.parse = one_name,
		.run = delete_run,
	},
	{
		.name = "RENAME",
		.states = CMD_AUTH_STATES,
		.parse = two_names,
		.run = rename_run,
	},
	{
		.name = "SUBSCRIBE",
		.states = CMD_AUTH_STATES,
		.parse = one_name,
		.run = subscribe_run,
	},
	{
		.name = "UNSUBSCRIBE",
		.states = CMD_AUTH_STATES,
		.parse = one_name,
		.run = unsubscribe_run,
	},
	{ 0 },
};
