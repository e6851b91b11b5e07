/*
 * ACL (RFC 4314). Mailboxes are never shared: the account has every right to each of its mailboxes, nobody
 * else has any, and neither can be changed. Operations that COI or limits refuse are single steps, not
 * rights. A \Noselect name has no rights.
 */
#include "auth/saslprep.h"
#include "base/list.h"
#include "imap/acl_rights.h"
#include "imapd/command.h"
#include "imapd/answer.h"
#include "imap/print.h"
#include "imapd/cmd/rows.h"
#include "imapd/session.h"
#include "store/mailbox.h"
#include "store/users.h"

#define ACL_LINE_MAX 32768

struct acl_args {
	struct strv name;
	struct strv identifier; /* as the client wrote it */
	bool owner; /* it is the account's own name */
	struct acl_change change;
};

struct acl_job {
	struct cmd_job base;
	struct strv name;
};

/* Arguments. */

static struct acl_args *args_new(struct cmd *cmd)
{
	return cmd->args = arena_zalloc(cmd->arena, sizeof(struct acl_args));
}

static bool cmd_acl_mailbox_parse(struct cmd *cmd, struct parse *parse)
{
	struct acl_args *args = args_new(cmd);
	return parse_mailbox(parse, &args->name) && parse_end(parse);
}

/*
 * RFC 4314 section 3: identifiers are compared in their prepared form; one that can't be prepared is refused
 * with BAD.
 */
static bool cmd_acl_prepare(struct cmd *cmd, struct parse *parse, struct acl_args *args)
{
	struct buf prepared;
	struct strv name;

	if (args->identifier.n > ACL_IDENTIFIER_MAX)
		return parse_refuse(parse, "LIMIT", "Identifier is too long");
	buf_init(&prepared, (size_t)16 * ACL_IDENTIFIER_MAX);
	bool good = saslprep_string(&prepared, args->identifier) == RC_OK && prepared.len > 0;
	args->owner = good && user_name_check(buf_strv(&prepared), cmd->arena, &name) == RC_OK &&
		      strv_eq(name, strv_cstr(cmd->session->user));
	buf_fini(&prepared);
	return good || parse_fail(parse, "Invalid identifier");
}

static bool read_identifier(struct cmd *cmd, struct parse *parse)
{
	struct acl_args *args = args_new(cmd);
	return parse_mailbox(parse, &args->name) && parse_sp(parse) &&
	       parse_astring(parse, &args->identifier) && cmd_acl_prepare(cmd, parse, args);
}

static bool identifier_parse(struct cmd *cmd, struct parse *parse)
{
	return read_identifier(cmd, parse) && parse_end(parse);
}

static bool cmd_acl_set_parse(struct cmd *cmd, struct parse *parse)
{
	struct strv rights;

	if (!read_identifier(cmd, parse) || !parse_sp(parse) || !parse_astring(parse, &rights))
		return false;
	if (!acl_change_parse(rights, &((struct acl_args *)cmd->args)->change))
		return parse_fail(parse, "Unknown right");
	return parse_end(parse);
}

/* Looks whether the mailbox exists; nothing else has to be looked up. */

static enum rc acl_job_run(struct account *account, struct job *job)
{
	struct mbox_info info;
	enum rc rc = mbox_find(account, CONTAINER_OF(job, struct acl_job, base.job)->name, &info);
	return rc == RC_OK && info.attrs & MBOX_NOSELECT ? RC_CANNOT : rc;
}

/* Ends the command if the mailbox does not exist. */
static bool mailbox_there(struct cmd *cmd, const struct cmd_job *job)
{
	if (job->job.rc == RC_OK)
		return true;
	if (job->job.rc == RC_CANNOT)
		cmd_no(cmd, "CANNOT", "It is only a name above other mailboxes");
	else
		cmd_finish_rc(cmd, job->job.rc);
	return false;
}

static void cmd_acl_look(struct cmd *cmd, void (*finish)(struct cmd *cmd, struct cmd_job *job))
{
	const struct acl_args *args = cmd->args;
	struct strv name;

	if (mbox_name_check(account_store(cmd->session->account), args->name, cmd->arena, &name) != RC_OK) {
		cmd_finish_rc(cmd, RC_NOT_FOUND);
		return;
	}
	struct acl_job *job = cmd_job_new(cmd, sizeof(*job), JOB_READ, acl_job_run, finish);
	job->name = arena_strv(job->base.arena, name);
	cmd_submit_or_borrow(cmd, job, true);
}

/* Answers. */

/* Sends "* <word> <mailbox>", the identifier if it is not empty, and the rights. */
static void cmd_acl_tell(struct cmd *cmd, const char *word, struct strv identifier, const char *rights)
{
	const struct acl_args *args = cmd->args;
	struct buf out;

	buf_init(&out, ACL_LINE_MAX);
	buf_printf(&out, "* %s ", word);
	print_mailbox(&out, args->name, session_utf8(cmd->session));
	if (identifier.n > 0) {
		buf_addc(&out, ' ');
		print_astring(&out, identifier);
	}
	buf_printf(&out, " %s\r\n", rights);
	answer_own(cmd->session, &out);
	cmd_finish_rc(cmd, RC_OK);
}

static void my_finish(struct cmd *cmd, struct cmd_job *job)
{
	if (mailbox_there(cmd, job))
		cmd_acl_tell(cmd, "MYRIGHTS", STRV_NULL, ACL_ALL_LETTERS);
}

static void cmd_acl_get_finish(struct cmd *cmd, struct cmd_job *job)
{
	if (mailbox_there(cmd, job))
		cmd_acl_tell(cmd, "ACL", strv_cstr(cmd->session->user), ACL_ALL_LETTERS);
}

/*
 * The first set is always granted, no more can be. Section 3.4: the identifier is returned as the client
 * wrote it.
 */
static void cmd_acl_list_finish(struct cmd *cmd, struct cmd_job *job)
{
	const struct acl_args *args = cmd->args;
	if (mailbox_there(cmd, job))
		cmd_acl_tell(cmd, "LISTRIGHTS", args->identifier, args->owner ? ACL_ALL_LETTERS : "\"\"");
}

static void cmd_acl_refuse(struct cmd *cmd)
{
	if (((struct acl_args *)cmd->args)->owner)
		cmd_no(cmd, "CANNOT", "The rights of the owner can't be changed");
	else
		cmd_no(cmd, "CANNOT", "Mailboxes can't be shared");
}

static void cmd_acl_set_finish(struct cmd *cmd, struct cmd_job *job)
{
	const struct acl_args *args = cmd->args;

	if (!mailbox_there(cmd, job))
		return;
	if (args->owner && acl_change_apply(args->change, ACL_ALL) == ACL_ALL)
		cmd_finish_rc(cmd, RC_OK);
	else
		cmd_acl_refuse(cmd);
}

static void cmd_acl_delete_finish(struct cmd *cmd, struct cmd_job *job)
{
	if (mailbox_there(cmd, job))
		cmd_acl_refuse(cmd);
}

static void myrights_run(struct cmd *cmd)
{
	cmd_acl_look(cmd, my_finish);
}

static void cmd_acl_get_run(struct cmd *cmd)
{
	cmd_acl_look(cmd, cmd_acl_get_finish);
}

static void listrights_run(struct cmd *cmd)
{
	cmd_acl_look(cmd, cmd_acl_list_finish);
}

static void cmd_acl_set_run(struct cmd *cmd)
{
	cmd_acl_look(cmd, cmd_acl_set_finish);
}

static void cmd_acl_delete_run(struct cmd *cmd)
{
	cmd_acl_look(cmd, cmd_acl_delete_finish);
}

const struct cmd_row cmd_acl_rows[] = {
	{
		.name = "MYRIGHTS",
		.usage = "mailbox",
		.help = "tells what the user may do with a mailbox",
		.states = CMD_AUTH_STATES,
		.capability = "ACL RIGHTS=kxte",
		.parse = cmd_acl_mailbox_parse,
		.run = myrights_run,
	},
	{
		.name = "GETACL",
		.usage = "mailbox",
		.help = "tells who may do what with a mailbox",
		.states = CMD_AUTH_STATES,
		.parse = cmd_acl_mailbox_parse,
		.run = cmd_acl_get_run,
	},
	{
		.name = "LISTRIGHTS",
		.usage = "mailbox identifier",
		.help = "tells which rights somebody could have",
		.states = CMD_AUTH_STATES,
		.parse = identifier_parse,
		.run = listrights_run,
	},
	{
		.name = "SETACL",
		.usage = "mailbox identifier [+|-]rights",
		.help = "is refused: mailboxes are not shared",
		.states = CMD_AUTH_STATES,
		.parse = cmd_acl_set_parse,
		.run = cmd_acl_set_run,
	},
	{
		.name = "DELETEACL",
		.usage = "mailbox identifier",
		.help = "is refused: mailboxes are not shared",
		.states = CMD_AUTH_STATES,
		.parse = identifier_parse,
		.run = cmd_acl_delete_run,
	},
	{ 0 },
};
