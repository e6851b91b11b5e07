/* coidctl coi: shows and sets an account's COI settings, as clients of its owner would. */
#include "admin/admin_priv.h"
#include "admin/lookup.h"

#include "base/mem.h"
#include "coi/coi.h"

#include <stdlib.h>

enum verb_kind { COI_SHOW, COI_ENABLE, COI_DISABLE, COI_SET_FILTER };

/* Finds the account's id on the users strand, then works on the account's strand. */
struct coi_request {
	struct lookup lookup;
	struct job job;
	struct request *request; /* borrowed until request_finish */
	const struct coi *coi; /* borrowed */
	enum verb_kind kind;
	enum coi_filter filter; /* COI_SET_FILTER */
	/* Results. */
	struct coi_state state;
	struct buf root;
};

static void coi_request_free(struct coi_request *coi)
{
	buf_fini(&coi->root);
	lookup_fini(&coi->lookup);
	free(coi);
}

static void coi_request_fail(struct coi_request *coi, enum rc rc)
{
	request_fail(coi->request, coi->lookup.name, rc);
	coi_request_free(coi);
}

static enum rc coi_request_change(struct coi_request *coi, struct account *account)
{
	switch (coi->kind) {
	case COI_SHOW:
		return RC_OK;
	case COI_ENABLE:
		return coi_enable(coi->coi, account);
	case COI_DISABLE:
		return coi_disable(coi->coi, account);
	case COI_SET_FILTER:
		break;
	}
	return coi_set_filter(coi->coi, account, coi->filter);
}

static enum rc coi_request_run(struct account *account, struct job *job)
{
	struct coi_request *coi = CONTAINER_OF(job, struct coi_request, job);
	struct strv root;

	buf_reset(&coi->root);
	enum rc rc = coi_request_change(coi, account);
	if (rc == RC_OK)
		rc = coi_state(coi->coi, account, &coi->state);
	if (rc == RC_OK)
		rc = coi_root(coi->coi, account, &root);
	if (rc == RC_OK)
		buf_addv(&coi->root, root);
	return rc;
}

static void coi_request_done(struct job *job)
{
	struct coi_request *coi = CONTAINER_OF(job, struct coi_request, job);
	struct request *request = coi->request;

	if (job->rc != RC_OK) {
		coi_request_fail(coi, job->rc);
		return;
	}
	request_out(request, "enabled: %s", coi->state.enabled ? "yes" : "no");
	request_out(request, "message-filter: %s", coi_filter_name(coi->state.filter));
	request_out(request, "mailbox-root: %.*s", STRV_ARG(buf_strv(&coi->root)));
	request_finish(request, PROTOCOL_OK);
	coi_request_free(coi);
}

static void coi_request_found(struct lookup *lookup, enum rc rc)
{
	struct coi_request *coi = CONTAINER_OF(lookup, struct coi_request, lookup);

	if (rc != RC_OK) {
		coi_request_fail(coi, rc);
		return;
	}
	struct account *account = account_get(coi->request->admin->store, lookup->id);
	coi->job.kind = coi->kind == COI_SHOW ? JOB_READ : JOB_WRITE;
	coi->job.run = coi_request_run;
	coi->job.done = coi_request_done;
	coi->job.home = coi->request->admin->reactor;
	rc = job_submit(account, &coi->job);
	account_unref(&account);
	if (rc != RC_OK)
		coi_request_fail(coi, rc);
}

static void coi_request_submit(struct request *request, enum verb_kind kind)
{
	const struct coi *offered = request->admin->hooks.coi;
	enum coi_filter filter = COI_FILTER_NONE;

	if (!request_plain(request, kind == COI_SET_FILTER ? 2 : 1))
		return;
	if (kind == COI_SET_FILTER && !coi_filter_parse(request->rest[1], &filter)) {
		request_err(request, "%.*s: a filter is none, active or seen", STRV_ARG(request->rest[1]));
		request_finish(request, PROTOCOL_FAILED);
		return;
	}
	if (!coi_offered(offered)) {
		request_err(request, "COI is switched off in the configuration");
		request_finish(request, PROTOCOL_FAILED);
		return;
	}
	struct coi_request *coi = mem_zalloc(sizeof(*coi));
	coi->request = request;
	coi->coi = offered;
	coi->kind = kind;
	coi->filter = filter;
	buf_init(&coi->root, PROTOCOL_ARG_MAX);
	enum rc rc = lookup_submit(&coi->lookup, request->admin, request->rest[0], coi_request_found);
	if (rc != RC_OK)
		coi_request_fail(coi, rc);
}

static void admin_run_coi_show(struct request *request)
{
	coi_request_submit(request, COI_SHOW);
}

static void admin_run_coi_enable(struct request *request)
{
	coi_request_submit(request, COI_ENABLE);
}

static void admin_run_coi_disable(struct request *request)
{
	coi_request_submit(request, COI_DISABLE);
}

static void admin_run_coi_filter(struct request *request)
{
	coi_request_submit(request, COI_SET_FILTER);
}

const struct verb admin_coi_verbs[] = { ADMIN_VERBS_COI(VERB_ROW){ 0 } };
