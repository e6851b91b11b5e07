/* coidctl check: compares the index of one account with its messages, and repairs it if that is asked for. */
#include "admin/admin_priv.h"
#include "admin/lookup.h"

#include "base/mem.h"
#include "store/check.h"

#include <inttypes.h>
#include <stdlib.h>

#define REPORT_MAX (1u << 20)

/* Finds the account's id on the users strand, then checks on the account's strand. */
struct check {
	struct lookup lookup;
	struct job job;
	struct request *request; /* borrowed until request_finish */
	bool repair;
	struct buf report;
	struct check_result result;
};

static void check_free(struct check *check)
{
	buf_fini(&check->report);
	lookup_fini(&check->lookup);
	free(check);
}

static enum rc check_account_run(struct account *account, struct job *job)
{
	struct check *check = CONTAINER_OF(job, struct check, job);

	buf_reset(&check->report);
	return check_account(account, check->repair, &check->report, &check->result);
}

static void check_account_done(struct job *job)
{
	struct check *check = CONTAINER_OF(job, struct check, job);
	struct request *request = check->request;
	const struct check_result *result = &check->result;

	if (job->rc != RC_OK) {
		request_fail(request, check->lookup.name, job->rc);
		check_free(check);
		return;
	}
	request_out_lines(request, buf_strv(&check->report));
	request_out(request, "mailboxes: %" PRIu64, result->mailboxes);
	request_out(request, "messages: %" PRIu64, result->messages);
	request_out(request, "octets: %" PRIu64, result->octets);
	request_out(request, "files: %" PRIu64, result->files);
	if (result->rebuilt)
		request_out(request, "rebuilt: yes");
	request_out(request, "problems: %u", result->problems);
	if (check->repair)
		request_out(request, "left: %u", result->left);
	bool clean = check->repair ? result->left == 0 : result->problems == 0;
	request_finish(request, clean ? PROTOCOL_OK : PROTOCOL_FAILED);
	check_free(check);
}

static void check_fail(struct check *check, enum rc rc)
{
	request_fail(check->request, check->lookup.name, rc);
	check_free(check);
}

static void check_account_found(struct lookup *lookup, enum rc rc)
{
	struct check *check = CONTAINER_OF(lookup, struct check, lookup);

	if (rc != RC_OK) {
		check_fail(check, rc);
		return;
	}
	struct account *account = account_get(check->request->admin->store, lookup->id);
	check->job.kind = JOB_ALONE;
	check->job.run = check_account_run;
	check->job.done = check_account_done;
	check->job.home = check->request->admin->reactor;
	rc = job_submit(account, &check->job);
	account_unref(&account);
	if (rc != RC_OK)
		check_fail(check, rc);
}

static void admin_run_check(struct request *request)
{
	bool repair = request_option(request, "--repair", NULL);
	bool all = request_option(request, "--all", NULL);

	if (!request_plain(request, all ? 0 : 1))
		return;
	if (all) {
		admin_check_all(request, repair);
		return;
	}
	struct check *check = mem_zalloc(sizeof(*check));
	check->request = request;
	check->repair = repair;
	buf_init(&check->report, REPORT_MAX);
	enum rc rc = lookup_submit(&check->lookup, request->admin, request->rest[0], check_account_found);
	if (rc == RC_INVALID) {
		request_err(
			request, "%.*s: not an address like user@example.org", STRV_ARG(request->rest[0]));
		request_finish(request, PROTOCOL_FAILED);
		check_free(check);
	} else if (rc != RC_OK) {
		check_fail(check, rc);
	}
}

const struct verb admin_check_verbs[] = { ADMIN_VERBS_CHECK(VERB_ROW){ 0 } };
