/*
 * coidctl status, reload and help imap: shows the state of the server, reads its configuration again, lists
 * its IMAP commands.
 */
#include "admin/admin_priv.h"

#define STATUS_MAX (256 * 1024)

static void admin_run_status(struct request *request)
{
	struct buf out;

	if (!request_plain(request, 0))
		return;
	buf_init(&out, STATUS_MAX);
	request->admin->hooks.status(request->admin->hooks.ctx, &out);
	request_out_lines(request, buf_strv(&out));
	buf_fini(&out);
	request_finish(request, PROTOCOL_OK);
}

static void admin_run_reload(struct request *request)
{
	struct buf errors;

	if (!request_plain(request, 0))
		return;
	buf_init(&errors, STATUS_MAX);
	enum rc rc = request->admin->hooks.reload(request->admin->hooks.ctx, &errors);
	if (rc == RC_OK)
		request_out(request, "reloaded");
	request_err_lines(request, buf_strv(&errors));
	buf_fini(&errors);
	request_finish(request, rc == RC_OK ? PROTOCOL_OK : PROTOCOL_FAILED);
}

static void admin_run_help_imap(struct request *request)
{
	struct buf out;

	if (!request_plain(request, 0))
		return;
	buf_init(&out, STATUS_MAX);
	request->admin->hooks.imap_help(&out);
	request_out_lines(request, buf_strv(&out));
	buf_fini(&out);
	request_finish(request, PROTOCOL_OK);
}

const struct verb admin_server_verbs[] = { ADMIN_VERBS_SERVER(VERB_ROW){ 0 } };
