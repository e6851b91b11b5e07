/*
 * CREATE, DELETE, RENAME, SUBSCRIBE, UNSUBSCRIBE: one synced job each.
 */
#include "coi/coi.h"
#include "base/list.h"
#include "base/special_use.h"
#include "imapd/command.h"
#include "imapd/imapd.h"
#include "imapd/session.h"
#include "query/list.h"
#include "imap/objectid.h"
#include "imapd/answer.h"
#include "imapd/cmd/rows.h"
#include "store/mailbox.h"

struct mailbox_args {
	struct strv name;
	struct strv to; /* RENAME */
	struct strv sent; /* both as the client wrote them */
	struct strv to_sent;
	uint32_t use; /* CREATE: MBOX_SENT and the like */
	bool bad_use; /* ... a use that can't be set */
};

struct mailbox_job {
	struct cmd_job base;
	struct strv name;
	struct strv to;
	const struct coi *coi; /* borrowed: some names are its */
	bool refused; /* by COI */
	bool tells; /* IMAP4rev2: a LIST response tells the name of the mailbox ... */
	struct strv old_name; /* ... with this one as OLDNAME */
	struct strv list; /* that response, in the job's arena */
	uint32_t use;
	bool use_taken;
	uint32_t uidvalidity; /* of the mailbox that CREATE has made */
};

static bool one_name(struct cmd *cmd, struct parse *parse)
{
	struct mailbox_args *args = arena_zalloc(cmd->arena, sizeof(*args));
	cmd->args = args;
	return parse_mailbox_sent(parse, &args->name, &args->sent) && parse_end(parse);
}

/* RFC 6154: "(USE (\\Sent ...))". */
static bool parse_use(struct parse *parse, struct mailbox_args *args)
{
	struct strv name;

	if (!parse_char(parse, '\\') || !parse_atom(parse, &name))
		return false;
	/* The backslash, which stands directly before the name, is included. */
	uint32_t use = special_use_parse(strv_make(name.p - 1, name.n + 1)) & SPECIAL_USE_SETTABLE;
	args->use |= use;
	args->bad_use |= !use;
	return true;
}

static bool create_parse(struct cmd *cmd, struct parse *parse)
{
	struct mailbox_args *args = arena_zalloc(cmd->arena, sizeof(*args));
	cmd->args = args;
	if (!parse_mailbox_sent(parse, &args->name, &args->sent))
		return false;
	if (!parse_more(parse))
		return parse_end(parse);
	if (!parse_char(parse, '('))
		return false;
	if (!parse_keyword(parse, "USE"))
		return parse_fail(parse, "Unknown CREATE parameter");
	if (!parse_sp(parse) || !parse_char(parse, '('))
		return false;
	if (!parse_skip(parse, ')')) {
		do {
			if (!parse_use(parse, args))
				return false;
		} while (parse_more(parse));
		if (!parse_char(parse, ')'))
			return false;
	}
	return parse_char(parse, ')') && parse_end(parse);
}

static bool two_names(struct cmd *cmd, struct parse *parse)
{
	struct mailbox_args *args = arena_zalloc(cmd->arena, sizeof(*args));
	cmd->args = args;
	return parse_mailbox_sent(parse, &args->name, &args->sent) && parse_sp(parse) &&
	       parse_mailbox_sent(parse, &args->to, &args->to_sent) && parse_end(parse);
}

/* Ends the command, after the LIST response if there is one. code: the response code of OK, may be NULL. */
static void mailbox_end(struct cmd *cmd, struct cmd_job *job, const char *code)
{
	struct strv list = CONTAINER_OF(job, struct mailbox_job, base)->list;
	if (job->job.rc != RC_OK) {
		cmd_finish_rc(cmd, job->job.rc);
		return;
	}
	if (list.n > 0)
		answer_raw(cmd->session, list);
	cmd_ok(cmd, code, arena_printf(cmd->arena, "%s completed", cmd->row->name));
}

static void cmd_mailbox_finish(struct cmd *cmd, struct cmd_job *job)
{
	mailbox_end(cmd, job, NULL);
}

/* True: the name that the client sent had to be changed. A trailing separator does not count. */
static bool cmd_mailbox_changed(struct strv sent, struct strv name)
{
	if (sent.n > 1 && sent.p[sent.n - 1] == MBOX_SEPARATOR)
		sent.n--;
	return !strv_eq(sent, name);
}

/* RFC 9051 sections 6.3.4 to 6.3.6. */
static void set_old_name(const struct cmd *cmd, struct mailbox_job *job)
{
	const struct mailbox_args *args = cmd->args;
	bool inbox = strv_eq(job->name, STRV("INBOX"));

	if (!(cmd->session->enabled & ENABLED_REV2))
		return;
	bool renames = args->to.p;
	/* INBOX stays when it is renamed, so only the new name is told, if it was written differently. */
	struct strv old_name = renames && inbox ? args->to_sent : args->sent;
	job->tells = (renames && !inbox) || cmd_mailbox_changed(old_name, renames ? job->to : job->name);
	job->old_name = arena_strv(job->base.arena, old_name);
}

/* [strand] Prints the LIST response, after the change. */
static enum rc list_changed(struct account *account, struct mailbox_job *job, struct strv name)
{
	struct mbox_info info = { .name = name };

	job->list = STRV_NULL;
	if (!job->tells)
		return RC_OK;
	enum rc rc = mbox_find(account, name, &info);
	if (rc != RC_OK && rc != RC_NOT_FOUND)
		return rc;
	job->list = list_name_line(job->base.arena, &info, true, job->old_name);
	return RC_OK;
}

/* Submits the job. Names are brought into the store's form here. A name that is not valid can't exist:
 * `invalid` is the error then. `slow`: all messages of a mailbox are removed, or (of INBOX) moved. */
static void cmd_mailbox_submit(struct cmd *cmd, enum rc (*run)(struct account *account, struct job *job),
	void (*finish)(struct cmd *cmd, struct cmd_job *job), enum rc invalid, bool slow)
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
	job->base.job.slow = slow;
	job->coi = cmd->session->settings->coi;
	job->name = arena_strv(job->base.arena, name);
	job->to = arena_strv(job->base.arena, to);
	job->use = args->use;
	set_old_name(cmd, job);
	cmd_submit(cmd, job);
}

static enum rc create_job(struct account *account, struct job *job)
{
	struct mailbox_job *mailbox = CONTAINER_OF(job, struct mailbox_job, base.job);
	struct mbox_info info;
	int64_t id;

	mailbox->use_taken = false;
	enum rc rc = mbox_find(account, mailbox->name, &info);
	if (rc == RC_OK && !(info.attrs & MBOX_NOSELECT))
		return RC_EXISTS;
	if (rc != RC_OK && rc != RC_NOT_FOUND)
		return rc;
	rc = mbox_use_taken(account, 0, mailbox->use, &mailbox->use_taken);
	if (rc != RC_OK || mailbox->use_taken)
		return rc == RC_OK ? RC_CANNOT : rc;
	rc = coi_mailbox_create(mailbox->coi, account, mailbox->name, mailbox->use, &id);
	if (rc == RC_OK)
		rc = mbox_get(account, id, &info);
	if (rc != RC_OK)
		return rc;
	mailbox->uidvalidity = info.uidvalidity;
	return list_changed(account, mailbox, mailbox->name);
}

static const char *mailboxid_code(struct cmd *cmd, uint32_t uidvalidity)
{
	struct buf code;
	buf_init(&code, OBJECTID_MAX);
	buf_adds(&code, "MAILBOXID (");
	objectid_mailbox(&code, uidvalidity);
	buf_addc(&code, ')');
	const char *text = arena_strndup(cmd->arena, code.p, code.len);
	buf_fini(&code);
	return text;
}

static void create_finish(struct cmd *cmd, struct cmd_job *job)
{
	const struct mailbox_job *mailbox = CONTAINER_OF(job, struct mailbox_job, base);
	if (mailbox->use_taken)
		cmd_no(cmd, "USEATTR", "Another mailbox has that use");
	else
		mailbox_end(cmd, job, mailboxid_code(cmd, mailbox->uidvalidity));
}

static void cmd_mailbox_create_run(struct cmd *cmd)
{
	if (((struct mailbox_args *)cmd->args)->bad_use)
		cmd_no(cmd, "USEATTR", "That use is not supported");
	else
		cmd_mailbox_submit(cmd, create_job, create_finish, RC_INVALID, false);
}

static enum rc delete_job(struct account *account, struct job *job)
{
	struct mailbox_job *mailbox = CONTAINER_OF(job, struct mailbox_job, base.job);
	enum rc rc = coi_mailbox_delete(mailbox->coi, account, mailbox->name);
	return rc == RC_OK ? list_changed(account, mailbox, mailbox->name) : rc;
}

static void cmd_mailbox_delete_finish(struct cmd *cmd, struct cmd_job *job)
{
	enum rc rc = job->job.rc;
	if (rc == RC_CANNOT)
		cmd_no(cmd, "CANNOT", "INBOX can't be deleted");
	else if (rc == RC_INVALID)
		cmd_no(cmd, cmd->session->enabled & ENABLED_REV2 ? "HASCHILDREN" : "CANNOT",
			"It is only a name above other mailboxes");
	else
		cmd_mailbox_finish(cmd, job);
}

static void cmd_mailbox_delete_run(struct cmd *cmd)
{
	cmd_mailbox_submit(cmd, delete_job, cmd_mailbox_delete_finish, RC_NOT_FOUND, true);
}

static enum rc rename_job(struct account *account, struct job *job)
{
	struct mailbox_job *mailbox = CONTAINER_OF(job, struct mailbox_job, base.job);
	enum rc rc = coi_mailbox_rename(mailbox->coi, account, mailbox->name, mailbox->to, &mailbox->refused);
	return rc == RC_OK ? list_changed(account, mailbox, mailbox->to) : rc;
}

static void rename_finish(struct cmd *cmd, struct cmd_job *job)
{
	if (CONTAINER_OF(job, struct mailbox_job, base)->refused)
		cmd_no(cmd, "CANNOT", "Chats of COI can only be deleted or renamed into the trash");
	else if (job->job.rc == RC_INVALID)
		cmd_no(cmd, "CANNOT", "Not possible under this name");
	else
		cmd_mailbox_finish(cmd, job);
}

static void rename_run(struct cmd *cmd)
{
	cmd_mailbox_submit(cmd, rename_job, rename_finish, RC_NOT_FOUND, true);
}

static enum rc subscribe_job(struct account *account, struct job *job)
{
	return mbox_subscribe(account, CONTAINER_OF(job, struct mailbox_job, base.job)->name, true);
}

static void subscribe_run(struct cmd *cmd)
{
	cmd_mailbox_submit(cmd, subscribe_job, cmd_mailbox_finish, RC_INVALID, false);
}

static enum rc unsubscribe_job(struct account *account, struct job *job)
{
	return mbox_subscribe(account, CONTAINER_OF(job, struct mailbox_job, base.job)->name, false);
}

static void unsubscribe_run(struct cmd *cmd)
{
	cmd_mailbox_submit(cmd, unsubscribe_job, cmd_mailbox_finish, RC_NOT_FOUND, false);
}

const struct cmd_row cmd_mailbox_rows[] = {
	{
		.name = "CREATE",
		.usage = "mailbox [(USE (\\attribute ...))]",
		.help = "makes a mailbox",
		.states = CMD_AUTH_STATES,
		.capability = "CREATE-SPECIAL-USE",
		.parse = create_parse,
		.run = cmd_mailbox_create_run,
	},
	{
		.name = "DELETE",
		.usage = "mailbox",
		.help = "removes a mailbox with its messages",
		.states = CMD_AUTH_STATES,
		.parse = one_name,
		.run = cmd_mailbox_delete_run,
	},
	{
		.name = "RENAME",
		.usage = "mailbox new-name",
		.help = "renames a mailbox and those below it",
		.states = CMD_AUTH_STATES,
		.parse = two_names,
		.run = rename_run,
	},
	{
		.name = "SUBSCRIBE",
		.usage = "mailbox",
		.help = "adds a mailbox to the subscribed ones",
		.states = CMD_AUTH_STATES,
		.parse = one_name,
		.run = subscribe_run,
	},
	{
		.name = "UNSUBSCRIBE",
		.usage = "mailbox",
		.help = "takes a mailbox from the subscribed ones",
		.states = CMD_AUTH_STATES,
		.parse = one_name,
		.run = unsubscribe_run,
	},
	{ 0 },
};
