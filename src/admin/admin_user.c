/*
 * coidctl user: adds, changes, removes and lists accounts. A change goes from the hash threads (if there is a
 * password) to the users strand and back.
 */
#include "admin/admin_priv.h"

#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"
#include "store/account_lock.h"
#include "store/mailbox.h"

#include <inttypes.h>
#include <stdlib.h>

#define LIST_PAGE 1000

enum user_action { USER_ADD, USER_PASSWD, USER_DEL, USER_ENABLE, USER_DISABLE, USER_QUOTA };

/*
 * A change of one user. The hash threads come first (for a password), then the users strand, then the answer.
 */
struct user_change {
	struct users_job job;
	struct auth_hash_request hash;
	struct request *request; /* borrowed until request_finish */
	struct arena *arena;
	enum user_action action;
	struct strv name;
	bool set_storage, set_messages;
	uint64_t storage, messages;
	struct user_record record; /* result */
	int64_t id; /* result */
};

static void user_change_free(struct user_change *change)
{
	buf_wipe(&change->hash.hash);
	buf_wipe(&change->hash.scram);
	arena_free(&change->arena);
	free(change);
}

static void user_change_end(struct user_change *change, enum rc rc, const char *done)
{
	struct request *request = change->request;

	if (rc == RC_OK) {
		request_out(request, "%.*s: %s", STRV_ARG(change->name), done);
		request_finish(request, PROTOCOL_OK);
	} else {
		request_fail(request, change->name, rc);
	}
	user_change_free(change);
}

/* [users] */
static enum rc user_change_run(struct users *users, struct users_job *job)
{
	struct user_change *c = CONTAINER_OF(job, struct user_change, job);
	struct user_record *record = &c->record;

	switch (c->action) {
	case USER_ADD:
		*record = (struct user_record){ .name = c->name,
			.password = buf_strv(&c->hash.hash),
			.scram = buf_strv(&c->hash.scram),
			.enabled = true,
			.created = clock_wall(),
			.quota_storage = c->set_storage ? c->storage : UINT64_MAX,
			.quota_messages = c->set_messages ? c->messages : UINT64_MAX };
		return users_add(users, record, &c->id);
	case USER_PASSWD:
		return users_set_password(users, c->name, buf_strv(&c->hash.hash), buf_strv(&c->hash.scram));
	case USER_DEL:
		return users_remove(users, c->name, &c->id);
	case USER_ENABLE:
	case USER_DISABLE:
		return users_set_enabled(users, c->name, c->action == USER_ENABLE);
	case USER_QUOTA: {
		enum rc rc = users_find(users, c->name, c->arena, record);
		if (rc != RC_OK || (!c->set_storage && !c->set_messages))
			return rc;
		if (c->set_storage)
			record->quota_storage = c->storage;
		if (c->set_messages)
			record->quota_messages = c->messages;
		return users_set_quota(users, c->name, record->quota_storage, record->quota_messages);
	}
	}
	return RC_INVALID;
}

/* Tells the account its quota, and reads its usage. */
struct user_quota {
	struct job job;
	struct user_change *change;
	struct quota quota;
};

static enum rc user_quota_run(struct account *account, struct job *job)
{
	struct user_quota *q = CONTAINER_OF(job, struct user_quota, job);

	account_quota_set(account, q->change->record.quota_storage, q->change->record.quota_messages);
	return account_quota(account, &q->quota);
}

static void user_print_limit(struct request *request, const char *what, uint64_t used, uint64_t limit)
{
	if (limit == 0)
		request_out(request, "%s: %" PRIu64 " of unlimited", what, used);
	else
		request_out(request, "%s: %" PRIu64 " of %" PRIu64, what, used, limit);
}

static void user_quota_done(struct job *job)
{
	struct user_quota *q = CONTAINER_OF(job, struct user_quota, job);
	struct user_change *change = q->change;
	struct request *request = change->request;

	if (job->rc != RC_OK) {
		request_fail(request, change->name, job->rc);
	} else {
		user_print_limit(request, "storage", q->quota.storage_used, q->quota.storage_max);
		user_print_limit(request, "messages", q->quota.messages_used, q->quota.messages_max);
		request_finish(request, PROTOCOL_OK);
	}
	user_change_free(change);
	free(q);
}

static void user_quota_show(struct user_change *change)
{
	struct account *account = account_get(change->request->admin->store, change->record.id);
	struct user_quota *q = mem_zalloc(sizeof(*q));

	q->change = change;
	q->job.kind = JOB_READ;
	q->job.run = user_quota_run;
	q->job.done = user_quota_done;
	q->job.home = change->request->admin->reactor;
	enum rc rc = job_submit(account, &q->job);
	if (rc != RC_OK) {
		free(q);
		user_change_end(change, rc, NULL);
	}
	account_unref(&account);
}

static void user_change_done(struct users_job *job)
{
	struct user_change *change = CONTAINER_OF(job, struct user_change, job);
	struct admin *admin = change->request->admin;

	static const enum auth_change changes[] = {
		[USER_ADD] = AUTH_CHANGE_NONE,
		[USER_PASSWD] = AUTH_CHANGE_PASSWORD,
		[USER_DEL] = AUTH_CHANGE_REMOVED,
		[USER_ENABLE] = AUTH_CHANGE_NONE,
		[USER_DISABLE] = AUTH_CHANGE_DISABLED,
		[USER_QUOTA] = AUTH_CHANGE_NONE,
	};

	if (job->rc == RC_OK && change->action != USER_ADD)
		auth_forget(admin->auth, change->name, changes[change->action]);
	if (job->rc == RC_OK && change->action == USER_QUOTA) {
		user_quota_show(change);
		return;
	}
	if (job->rc == RC_OK && change->action == USER_DEL) {
		struct account *account = account_get(admin->store, change->id);
		account_destroy(account);
		account_unref(&account);
	}
	static const char *const done[] = {
		[USER_ADD] = "added",
		[USER_PASSWD] = "password changed",
		[USER_DEL] = "removed",
		[USER_ENABLE] = "enabled",
		[USER_DISABLE] = "disabled",
		[USER_QUOTA] = "",
	};
	if (job->rc == RC_OK)
		log_info(admin->log, "user %s name=%s", done[change->action], LOG_V(change->name));
	user_change_end(change, job->rc, done[change->action]);
}

static void user_change_submit(struct user_change *change)
{
	change->job.write = true;
	change->job.run = user_change_run;
	change->job.done = user_change_done;
	change->job.home = change->request->admin->reactor;
	enum rc rc = users_submit(change->request->admin->store, &change->job);
	if (rc != RC_OK)
		user_change_end(change, rc, NULL);
}

static void user_change_hashed(struct auth_hash_request *hash)
{
	struct user_change *change = hash->ctx;

	if (hash->rc != RC_OK)
		user_change_end(change, hash->rc, NULL);
	else
		user_change_submit(change);
}

/* Makes a change and checks its user's name. NULL, and the request is answered: the name is no address. */
static struct user_change *user_change_new(struct request *request, enum user_action action)
{
	struct user_change *change = mem_zalloc(sizeof(*change));

	change->request = request;
	change->action = action;
	change->arena = arena_new(0);
	buf_init(&change->hash.hash, 0);
	buf_init(&change->hash.scram, 0);
	enum rc (*check)(struct strv, struct arena *, struct strv *) =
		action == USER_ADD ? user_name_check_new : user_name_check;
	if (check(request->rest[0], change->arena, &change->name) != RC_OK) {
		request_err(
			request, "%.*s: not an address like user@example.org", STRV_ARG(request->rest[0]));
		request_finish(request, PROTOCOL_FAILED);
		user_change_free(change);
		return NULL;
	}
	return change;
}

/* The password is the payload's first line. */
static void user_change_password(struct request *request, enum user_action action, bool has_option)
{
	struct strv password = buf_strv(&request->reader.payload);

	if (!has_option) {
		request_usage(request, "the password comes on standard input: --password-stdin");
		return;
	}
	password = strv_sub(password, 0, strv_index(password, '\n'));
	if (password.n > 0 && password.p[password.n - 1] == '\r')
		password.n--;
	if (str_utf8_characters(password) < request->admin->settings.password_length_min) {
		request_err(request, "the password is shorter than %u characters",
			request->admin->settings.password_length_min);
		request_finish(request, PROTOCOL_FAILED);
		return;
	}
	struct user_change *change = user_change_new(request, action);
	if (!change)
		return;
	change->hash.password = password;
	change->hash.home = request->admin->reactor;
	change->hash.done = user_change_hashed;
	change->hash.ctx = change;
	enum rc rc = auth_hash(request->admin->auth, &change->hash);
	if (rc != RC_OK)
		user_change_end(change, rc, NULL);
}

static void admin_run_user_add(struct request *request)
{
	bool given = request_option(request, "--password-stdin", NULL);
	if (request_plain(request, 1))
		user_change_password(request, USER_ADD, given);
}

static void admin_run_user_passwd(struct request *request)
{
	bool given = request_option(request, "--password-stdin", NULL);
	if (request_plain(request, 1))
		user_change_password(request, USER_PASSWD, given);
}

static void user_change_plain(struct request *request, enum user_action action)
{
	if (!request_plain(request, 1))
		return;
	struct user_change *change = user_change_new(request, action);
	if (change)
		user_change_submit(change);
}

static void admin_run_user_del(struct request *request)
{
	user_change_plain(request, USER_DEL);
}

static void admin_run_user_enable(struct request *request)
{
	user_change_plain(request, USER_ENABLE);
}

static void admin_run_user_disable(struct request *request)
{
	user_change_plain(request, USER_DISABLE);
}

/* Reads "10G", "none" or "default". */
static bool user_limit_parse(struct strv text, bool size, uint64_t *ret_limit)
{
	if (strv_eq(text, STRV("none")))
		*ret_limit = 0;
	else if (strv_eq(text, STRV("default")))
		*ret_limit = UINT64_MAX;
	else if (size)
		return str_size(text, ret_limit) == RC_OK && *ret_limit <= INT64_MAX;
	else
		return str_u64(text, ret_limit) == RC_OK && *ret_limit <= INT64_MAX;
	return true;
}

static void admin_run_user_quota(struct request *request)
{
	struct strv storage, messages;
	uint64_t storage_max = 0, messages_max = 0;
	bool set_storage = request_option(request, "--storage", &storage);
	bool set_messages = request_option(request, "--messages", &messages);

	if ((set_storage && !user_limit_parse(storage, true, &storage_max)) ||
		(set_messages && !user_limit_parse(messages, false, &messages_max))) {
		request_usage(request, "a limit is a number (storage with K, M, G), none or default");
		return;
	}
	if (!request_plain(request, 1))
		return;
	struct user_change *change = user_change_new(request, USER_QUOTA);
	if (!change)
		return;
	change->set_storage = set_storage;
	change->set_messages = set_messages;
	change->storage = storage_max;
	change->messages = messages_max;
	user_change_submit(change);
}

struct user_list {
	struct users_job job;
	struct request *request;
	struct arena *arena; /* of this page */
	bool details;
	struct strv after;
	struct strv lines[LIST_PAGE];
	unsigned count;
};

static bool user_list_one(void *arg, const struct user_record *user)
{
	struct user_list *list = arg;

	if (list->count == LIST_PAGE)
		return false;
	const char *state = user->enabled ? "enabled" : "disabled";
	struct strv line = arena_strv(list->arena, user->name);
	if (list->details) {
		char created[CLOCK_ISO_ROOM], login[CLOCK_ISO_ROOM] = "never";
		clock_iso_local(user->created, created);
		if (user->last_login > 0)
			clock_iso_local(user->last_login, login);
		bool locked = store_account_locked(list->request->admin->store, user->id);
		line = strv_cstr(arena_printf(list->arena,
			"%.*s id=%" PRId64 " %s created=%s last-login=%s%s", STRV_ARG(user->name), user->id,
			state, created, login, locked ? " locked" : ""));
	}
	list->lines[list->count++] = line;
	list->after = arena_strv(list->arena, user->name);
	return true;
}

/* [users] */
static enum rc user_list_run(struct users *users, struct users_job *job)
{
	struct user_list *list = CONTAINER_OF(job, struct user_list, job);

	list->count = 0;
	return users_list(users, list->after, user_list_one, list);
}

static void user_list_submit(struct user_list *list);

static void user_list_done(struct users_job *job)
{
	struct user_list *list = CONTAINER_OF(job, struct user_list, job);
	struct request *request = list->request;
	enum rc rc = job->rc;

	for (unsigned i = 0; rc == RC_OK && i < list->count; i++)
		request_out(request, "%.*s", STRV_ARG(list->lines[i]));
	if (rc == RC_OK && list->count == LIST_PAGE && !request_is_gone(request)) {
		char *after = mem_strndup(list->after.p, list->after.n);
		arena_reset(list->arena);
		list->after = strv_cstr(arena_strdup(list->arena, after));
		free(after);
		user_list_submit(list);
		return;
	}
	if (rc == RC_OK)
		request_finish(request, PROTOCOL_OK);
	else
		request_fail(request, STRV("user list"), rc);
	arena_free(&list->arena);
	free(list);
}

static void user_list_submit(struct user_list *list)
{
	list->job = (struct users_job){
		.run = user_list_run, .done = user_list_done, .home = list->request->admin->reactor
	};
	enum rc rc = users_submit(list->request->admin->store, &list->job);
	if (rc != RC_OK) {
		request_fail(list->request, STRV("user list"), rc);
		arena_free(&list->arena);
		free(list);
	}
}

static void admin_run_user_list(struct request *request)
{
	bool details = request_option(request, "--details", NULL);

	if (!request_plain(request, 0))
		return;
	struct user_list *list = mem_zalloc(sizeof(*list));
	list->request = request;
	list->details = details;
	list->arena = arena_new(0);
	user_list_submit(list);
}

const struct verb admin_user_verbs[] = { ADMIN_VERBS_USER(VERB_ROW){ 0 } };
