/*
 * coidctl check --all: checks every account, one after the other. It takes at most half of the time and one
 * worker, and keeps only sums of the accounts. It waits for a client that reads slowly.
 */
#include "admin/admin_priv.h"

#include "base/clock.h"
#include "base/mem.h"
#include "store/check.h"
#include "store/users.h"

#include <inttypes.h>
#include <stdlib.h>

#define SURVEY_REPORT_MAX (1u << 20) /* of one account */
#define SURVEY_PAUSE_MAX_MS 1000
#define SURVEY_DRAIN_MS 100 /* between two checks whether the client has read more */
#define SURVEY_OUT_MAX (256u * 1024)

struct survey {
	struct users_job next; /* finds the next account */
	struct job job;
	struct timer timer;
	struct request *request; /* borrowed until request_finish */
	bool repair;
	char *name; /* own; of the present account, or of the last one */
	int64_t id; /* 0: there is none after it */
	uint64_t began; /* ms */
	struct buf report;
	struct check_result result;
	struct check_result sum;
	unsigned accounts;
	unsigned damaged; /* accounts with problems that remain */
	unsigned unchecked;
};

static void survey_look_up(struct survey *survey);

static void survey_end(struct survey *survey, enum rc rc)
{
	struct request *request = survey->request;
	const struct check_result *sum = &survey->sum;

	request_out(request, "accounts: %u", survey->accounts);
	request_out(request, "mailboxes: %" PRIu64, sum->mailboxes);
	request_out(request, "messages: %" PRIu64, sum->messages);
	request_out(request, "octets: %" PRIu64, sum->octets);
	request_out(request, "files: %" PRIu64, sum->files);
	request_out(request, "problems: %u", sum->problems);
	if (survey->repair)
		request_out(request, "left: %u", sum->left);
	request_out(request, "damaged: %u", survey->damaged);
	request_out(request, "not checked: %u", survey->unchecked);
	if (rc != RC_OK)
		request_fail(request, STRV("check --all"), rc);
	else
		request_finish(
			request, survey->damaged + survey->unchecked == 0 ? PROTOCOL_OK : PROTOCOL_FAILED);
	timer_fini(&survey->timer);
	buf_fini(&survey->report);
	free(survey->name);
	free(survey);
}

/* The pause gives time to other work, and to the client for reading. */
static void survey_pause(void *arg)
{
	struct survey *survey = arg;
	struct request *request = survey->request;

	if (request_is_gone(request) || request->admin->stopping)
		survey_end(survey, RC_CANCELLED);
	else if (request_unread(request) > SURVEY_OUT_MAX)
		timer_set(&survey->timer, SURVEY_DRAIN_MS);
	else
		survey_look_up(survey);
}

static void survey_count(struct survey *survey)
{
	const struct check_result *result = &survey->result;
	struct check_result *sum = &survey->sum;
	unsigned left = survey->repair ? result->left : result->problems;

	sum->mailboxes += result->mailboxes;
	sum->messages += result->messages;
	sum->octets += result->octets;
	sum->files += result->files;
	sum->problems += result->problems;
	sum->left += result->left;
	survey->damaged += left > 0;
	if (survey->repair && result->problems > 0)
		request_out(survey->request, "%s: problems=%u left=%u%s", survey->name, result->problems,
			left, result->rebuilt ? " rebuilt" : "");
	else if (result->problems > 0)
		request_out(survey->request, "%s: problems=%u", survey->name, result->problems);
	else
		request_out(survey->request, "%s: ok mailboxes=%" PRIu64 " messages=%" PRIu64, survey->name,
			result->mailboxes, result->messages);
}

static void survey_checked(struct job *job)
{
	struct survey *survey = CONTAINER_OF(job, struct survey, job);
	uint64_t took = clock_mono_ms() - survey->began;

	/* An account that was removed meanwhile is not counted. */
	if (job->rc != RC_GONE)
		survey->accounts++;
	if (job->rc == RC_OK) {
		survey_count(survey);
		request_out_lines(survey->request, buf_strv(&survey->report));
	} else if (job->rc != RC_GONE) {
		survey->unchecked++;
		request_out(survey->request, "%s: not checked: %s", survey->name, rc_name(job->rc));
	}
	timer_set(&survey->timer, took < SURVEY_PAUSE_MAX_MS ? took : SURVEY_PAUSE_MAX_MS);
}

static enum rc survey_check(struct account *account, struct job *job)
{
	struct survey *survey = CONTAINER_OF(job, struct survey, job);

	buf_reset(&survey->report);
	return check_account_and_close(account, survey->repair, &survey->report, &survey->result);
}

static void survey_found(struct users_job *job)
{
	struct survey *survey = CONTAINER_OF(job, struct survey, next);
	struct admin *admin = survey->request->admin;

	if (job->rc != RC_OK || survey->id == 0) {
		survey_end(survey, job->rc);
		return;
	}
	struct account *account = account_get(admin->store, survey->id);
	survey->began = clock_mono_ms();
	survey->job = (struct job){ .kind = JOB_CLOSED,
		.slow = true,
		.run = survey_check,
		.done = survey_checked,
		.home = admin->reactor };
	job_submit_always(account, &survey->job);
	account_unref(&account);
}

static bool survey_take(void *arg, const struct user_record *user)
{
	struct survey *survey = arg;

	survey->id = user->id;
	free(survey->name);
	survey->name = mem_strndup(user->name.p, user->name.n);
	return false;
}

/* [users] */
static enum rc survey_next(struct users *users, struct users_job *job)
{
	struct survey *survey = CONTAINER_OF(job, struct survey, next);
	/* The view must outlive the name, so it is copied. */
	char *after = mem_strdup(survey->name);

	survey->id = 0;
	enum rc rc = users_list(users, strv_cstr(after), survey_take, survey);
	free(after);
	return rc;
}

static void survey_look_up(struct survey *survey)
{
	struct admin *admin = survey->request->admin;

	survey->next = (struct users_job){ .run = survey_next, .done = survey_found, .home = admin->reactor };
	enum rc rc = users_submit(admin->store, &survey->next);
	if (rc != RC_OK)
		timer_set(&survey->timer, SURVEY_DRAIN_MS);
}

void admin_check_all(struct request *request, bool repair)
{
	struct survey *survey = mem_zalloc(sizeof(*survey));

	survey->request = request;
	survey->repair = repair;
	survey->name = mem_strdup("");
	buf_init(&survey->report, SURVEY_REPORT_MAX);
	timer_init(&survey->timer, request->admin->reactor, survey_pause, survey);
	survey_look_up(survey);
}
