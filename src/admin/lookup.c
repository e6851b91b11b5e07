/* Finds the id of an account by its name. */
#include "admin/lookup.h"

#include "admin/admin_priv.h"

/* [users] */
static enum rc lookup_find(struct users *users, struct users_job *job)
{
	struct lookup *lookup = CONTAINER_OF(job, struct lookup, job);
	struct user_record record;
	enum rc rc = users_find(users, lookup->name, lookup->arena, &record);

	if (rc == RC_OK)
		lookup->id = record.id;
	return rc;
}

static void lookup_found(struct users_job *job)
{
	struct lookup *lookup = CONTAINER_OF(job, struct lookup, job);
	lookup->done(lookup, job->rc);
}

enum rc lookup_submit(struct lookup *lookup, struct admin *admin, struct strv name,
	void (*done)(struct lookup *lookup, enum rc rc))
{
	*lookup = (struct lookup){ .arena = arena_new(0), .name = name, .done = done };
	enum rc rc = user_name_check(name, lookup->arena, &lookup->name);
	if (rc != RC_OK)
		return rc;
	lookup->job.run = lookup_find;
	lookup->job.done = lookup_found;
	lookup->job.home = admin->reactor;
	return users_submit(admin->store, &lookup->job);
}

void lookup_fini(struct lookup *lookup)
{
	arena_free(&lookup->arena);
}
