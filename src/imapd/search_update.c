/*
 * Updating searches: marks the messages that change lists name, searches them again in rounds, and prints the
 * differences.
 */
#include "imapd/search_update.h"

#include "base/clock.h"
#include "base/list.h"
#include "base/mem.h"
#include "imapd/hub.h"
#include "imapd/imapd.h"
#include "imap/print.h"
#include "imap/rc_text.h"
#include "query/search.h"
#include "imapd/sorted.h"
#include "imapd/session.h"
#include "imap/uid_runs.h"
#include "imapd/view.h"
#include "store/message.h"

#include <stdlib.h>

struct search_update {
	struct list_node in_contexts;
	uint64_t id; /* within the session, never used again */
	struct arena *arena; /* own: name, keys */
	struct search_update_name name;
	struct search_keys keys;
	bool live; /* its search is finished */
	bool by_flags; /* flags, keywords or modseq can change the result */
	bool by_recent;
	bool changed; /* `truth` and `told` may differ */
	const char *given_up; /* the reason, until it is told; NULL: not given up */
	bool in_round;
	uint64_t looking; /* messages that the round under way looks at */
	struct seqset dirty; /* own: UIDs to be looked at */
	struct seqset gone; /* own: removed during the search or round */
	/* own: the results as far as they are known, unannounced messages included */
	struct seqset truth;
	struct seqset told; /* own: the results as the client knows them */
	struct sorted *sorted; /* own: the order of both; NULL: mailbox order */
};

struct search_updates {
	struct list list;
	size_t count;
	uint64_t serial; /* of this set of contexts */
	uint64_t next_id;
	uint64_t round; /* the last round that was begun */
	bool running; /* that round is under way */
};

/* The work of one context in a round. */
struct look {
	uint64_t context;
	struct search *search; /* own */
	struct sort *sort; /* own: sort keys of new results; NULL: not made yet, or not needed */
	struct seqset dirty; /* own */
};

struct round {
	struct job job;
	struct hub *hub; /* borrowed */
	uint64_t serial;
	size_t count;
	size_t at;
	struct look looks[CONTEXTS_MAX];
};

static void begin_round(struct session *session);
static void round_done(struct job *job);

/* Contexts. */

static struct search_update *search_update_find(const struct session *session, struct strv tag)
{
	if (!session->updates)
		return NULL;
	LIST_EACH (node, &session->updates->list) {
		struct search_update *context = CONTAINER_OF(node, struct search_update, in_contexts);
		if (strv_eq(context->name.tag, tag))
			return context;
	}
	return NULL;
}

bool search_update_exists(const struct session *session, struct strv tag)
{
	return search_update_find(session, tag) != NULL;
}

struct search_update *search_update_new(struct session *session, const struct search_update_name *name)
{
	struct search_updates *contexts = session->updates;
	if (!contexts) {
		contexts = session->updates = mem_zalloc(sizeof(*contexts));
		contexts->serial = ++session->updates_serial;
		list_init(&contexts->list);
	}
	if (contexts->count == CONTEXTS_MAX)
		return NULL;
	struct search_update *context = mem_zalloc(sizeof(*context));
	context->arena = arena_new(0);
	context->id = ++contexts->next_id;
	context->name = *name;
	context->name.tag = arena_strv(context->arena, name->tag);
	context->name.mailbox = arena_strv(context->arena, name->mailbox);
	/*
	 * The search does not cover messages that are not announced yet, and no change list will name them
	 * again, so the first round looks at them.
	 */
	seqset_copy(&context->dirty, view_fresh(session->view));
	/* This holds until the keys are known. */
	context->by_flags = context->by_recent = true;
	list_append(&contexts->list, &context->in_contexts);
	contexts->count++;
	return context;
}

void search_update_drop(struct session *session, struct search_update *context)
{
	list_remove(&context->in_contexts);
	session->updates->count--;
	seqset_fini(&context->dirty);
	seqset_fini(&context->gone);
	seqset_fini(&context->truth);
	seqset_fini(&context->told);
	sorted_free(&context->sorted);
	arena_free(&context->arena);
	free(context);
}

void search_updates_free(struct session *session)
{
	struct search_updates *contexts = session->updates;
	if (!contexts)
		return;
	while (!list_empty(&contexts->list))
		search_update_drop(session,
			CONTAINER_OF(list_first(&contexts->list), struct search_update, in_contexts));
	free(contexts);
	session->updates = NULL;
}

bool search_update_cancel(struct session *session, struct strv tag)
{
	struct search_update *context = search_update_find(session, tag);
	if (!context)
		return false;
	search_update_drop(session, context);
	return true;
}

/* Its keys. */

struct depends {
	bool flags;
	bool recent;
	bool clock;
};

/* The recursion is bounded by the depth that the parser allows. */
static void search_update_depend(const struct search_key *key, struct depends *depends)
{
	for (const struct search_key *child = key->child; child; child = child->next)
		search_update_depend(child, depends);
	if (key->kind == SEARCH_FLAG || key->kind == SEARCH_KEYWORD || key->kind == SEARCH_MODSEQ)
		depends->flags = true;
	if (key->kind == SEARCH_RECENT)
		depends->recent = true;
	if (key->kind == SEARCH_OLDER || key->kind == SEARCH_YOUNGER)
		depends->clock = true;
}

/* `sorted`: the number of messages in the order; 0: there is none. */
static bool search_update_too_large(const struct session *session, size_t ranges, uint64_t sorted)
{
	const struct imapd_settings *settings = session->settings;
	return ranges > settings->context_ranges_max || sorted > settings->context_sorted_max;
}

static const char *search_update_refusal(const struct session *session, const struct search *search,
	const struct sort *sort, const struct depends *depends)
{
	if (depends->clock)
		return "What depends on the clock is not kept up to date";
	if (sort && sort->program.relevancy)
		return "An order by relevancy is not kept up to date";
	if (search_update_too_large(session, search->results.n, sort ? seqset_count(&search->results) : 0))
		return "Too many results";
	return NULL;
}

/* Messages without a sort key are not results. */
static void start_order(struct search_update *context, const struct sort *sort)
{
	size_t count;
	const struct sort_item *items = sort_items(sort, &count);
	context->sorted = sorted_new(&sort->program);
	sorted_take(context->sorted, items, count, &context->told);
	seqset_intersect(&context->truth, &context->sorted->known);
	seqset_intersect(&context->told, &context->sorted->known);
}

const char *search_update_start(struct session *session, struct search_update *context,
	const struct search *search, const struct sort *sort)
{
	struct depends depends = { false, false, false };
	search_update_depend(search->keys.root, &depends);
	const char *why = search_update_refusal(session, search, sort, &depends);
	if (why) {
		search_update_drop(session, context);
		return why;
	}
	context->by_flags = depends.flags;
	context->by_recent = depends.recent;
	search_keys_copy(&search->keys, context->arena, &context->keys);
	seqset_copy(&context->truth, &search->results);
	seqset_copy(&context->told, &search->results);
	if (sort)
		start_order(context, sort);
	seqset_remove_set(&context->truth, &context->gone);
	context->changed = !seqset_empty(&context->gone);
	seqset_fini(&context->gone);
	context->live = true;
	begin_round(session);
	return NULL;
}

/* Rounds. */

static void round_free(struct round *round)
{
	for (size_t i = 0; i < round->count; i++) {
		search_free(&round->looks[i].search);
		sort_free(&round->looks[i].sort);
		seqset_fini(&round->looks[i].dirty);
	}
	free(round);
}

static enum rc round_run(struct account *account, struct job *job)
{
	const struct round *round = CONTAINER_OF(job, struct round, job);
	const struct look *look = &round->looks[round->at];
	return look->sort ? sort_slice(account, look->sort) : search_slice(account, look->search);
}

static struct search *look_search(const struct session *session, const struct search_update *context)
{
	const struct seqset *dirty = &context->dirty;
	struct search *search = search_new();
	search->mailbox = view_mailbox(session->view);
	search->by_uid = true;
	search->now = clock_wall();
	search_keys_copy(&context->keys, search->arena, &search->keys);
	search_prepare(search);
	if (context->by_recent)
		seqset_copy(&search->recent, view_recent_uids(session->view));
	search->runs = arena_alloc(search->arena, dirty->n * sizeof(*search->runs));
	search->run_count = dirty->n;
	for (size_t i = 0; i < dirty->n; i++)
		search->runs[i] =
			(struct uid_run){ .uid_lo = dirty->v[i].lo, .uid_hi = dirty->v[i].hi, .seq_lo = 1 };
	return search;
}

static void submit_round(struct session *session, struct round *round)
{
	round->job.kind = JOB_READ;
	round->job.run = round_run;
	round->job.done = round_done;
	round->job.home = session->hub->reactor;
	round->job.asker = session->id;
	job_submit_always(session->account, &round->job);
}

static void add_look(struct session *session, struct round *round, struct search_update *context)
{
	struct look *look = &round->looks[round->count++];
	look->context = context->id;
	look->search = look_search(session, context);
	look->dirty = context->dirty;
	context->looking = seqset_count(&context->dirty);
	seqset_init(&context->dirty);
	context->in_round = true;
}

static void begin_round(struct session *session)
{
	struct search_updates *contexts = session->updates;
	struct round *round = NULL;
	if (!contexts || contexts->running)
		return;
	LIST_EACH (node, &contexts->list) {
		struct search_update *context = CONTAINER_OF(node, struct search_update, in_contexts);
		if (!context->live || context->given_up || seqset_empty(&context->dirty))
			continue;
		if (!round)
			round = mem_zalloc(sizeof(*round));
		add_look(session, round, context);
	}
	if (!round)
		return;
	round->hub = session->hub;
	round->serial = contexts->serial;
	contexts->running = true;
	contexts->round++;
	submit_round(session, round);
}

static struct search_update *find_id(const struct search_updates *contexts, uint64_t id)
{
	LIST_EACH (node, &contexts->list) {
		struct search_update *context = CONTAINER_OF(node, struct search_update, in_contexts);
		if (context->id == id)
			return context;
	}
	return NULL;
}

/*
 * Puts new results into the order. Results without a key become dirty again: a key could not be made, or was
 * dropped because the message was no result for a while.
 */
static void take_order(struct search_update *context, struct look *look)
{
	struct seqset *results = &look->search->results;
	struct seqset missing = SEQSET_EMPTY;
	size_t count = 0;
	if (look->sort) {
		const struct sort_item *items = sort_items(look->sort, &count);
		sorted_take(context->sorted, items, count, results);
	}
	seqset_copy(&missing, results);
	seqset_remove_set(&missing, &context->sorted->known);
	seqset_remove_set(results, &missing);
	if (look->sort)
		seqset_remove_set(&missing, &look->sort->uids);
	seqset_add_set(&context->dirty, &missing);
	seqset_fini(&missing);
}

/*
 * Takes the result of a round. Messages that were removed meanwhile may still have existed when they were
 * searched.
 */
static void take_look(struct session *session, struct look *look)
{
	struct search_update *context = find_id(session->updates, look->context);
	if (!context)
		return;
	seqset_remove_set(&look->dirty, &look->search->results);
	seqset_remove_set(&look->search->results, &context->gone);
	if (context->sorted)
		take_order(context, look);
	seqset_remove_set(&context->truth, &look->dirty);
	seqset_add_set(&context->truth, &look->search->results);
	seqset_fini(&context->gone);
	context->in_round = false;
	context->looking = 0;
	context->changed = true;
	if (search_update_too_large(session, context->truth.n, context->sorted ? context->sorted->n : 0))
		context->given_up = "Too many results";
}

static void end_round(struct session *session, struct round *round, enum rc rc)
{
	struct search_updates *contexts = session->updates;
	contexts->running = false;
	for (size_t i = 0; i < round->count; i++) {
		struct search_update *context = find_id(contexts, round->looks[i].context);
		if (rc == RC_OK)
			take_look(session, &round->looks[i]);
		else if (context)
			context->given_up = rc_text(rc);
	}
	begin_round(session);
	session->hub->settled(session);
}

/* True: the round is finished for this context. */
static bool accept_slice(const struct search_updates *contexts, struct look *look)
{
	if (look->sort) {
		sort_accept(look->sort);
		return look->sort->finished;
	}
	search_accept(look->search);
	if (!look->search->finished)
		return false;
	const struct search_update *context = find_id(contexts, look->context);
	struct seqset unknown = SEQSET_EMPTY;
	if (context && context->sorted) {
		seqset_copy(&unknown, &look->search->results);
		seqset_remove_set(&unknown, &context->sorted->known);
		if (!seqset_empty(&unknown))
			look->sort = sort_new(look->search->mailbox, &context->sorted->program, &unknown);
	}
	seqset_fini(&unknown);
	return !look->sort;
}

static void round_done(struct job *job)
{
	struct round *round = CONTAINER_OF(job, struct round, job);
	struct session *session = hub_session(round->hub, job->asker);
	struct search_updates *contexts = session ? session->updates : NULL;
	if (!contexts || contexts->serial != round->serial || session->state == SESSION_LOGOUT) {
		round_free(round);
		return;
	}
	if (job->rc == RC_OK) {
		if (accept_slice(contexts, &round->looks[round->at]))
			round->at++;
		if (round->at < round->count) {
			submit_round(session, round);
			return;
		}
	}
	end_round(session, round, job->rc);
	round_free(round);
}

uint64_t search_updates_round(const struct session *session)
{
	const struct search_updates *contexts = session->updates;
	uint64_t slow = 0;
	bool waiting = false;
	if (!contexts)
		return 0;
	LIST_EACH (node, &contexts->list) {
		const struct search_update *context = CONTAINER_OF(node, struct search_update, in_contexts);
		waiting |= context->live && !seqset_empty(&context->dirty);
		if (context->live && context->keys.root->cost >= SEARCH_COST_HEADER)
			slow += seqset_count(&context->dirty) + context->looking;
	}
	if (slow > CONTEXT_WAIT_MAX || !contexts->running)
		return 0;
	return waiting ? contexts->round + 1 : contexts->round;
}

bool search_updates_round_done(const struct session *session, uint64_t round)
{
	const struct search_updates *contexts = session->updates;
	return !contexts || contexts->round > round || (contexts->round == round && !contexts->running);
}

/* Changes. */

static void search_update_apply_messages(struct search_update *context, const struct change *change)
{
	for (size_t i = 0; i < change->msg_count; i++)
		seqset_add(&context->dirty, change->msgs[i].uid);
}

static void search_update_apply_expunge(struct search_update *context, const struct change *change)
{
	for (size_t i = 0; i < change->msg_count; i++) {
		uint32_t uid = change->msgs[i].uid;
		seqset_remove(&context->dirty, uid);
		if (context->in_round || !context->live)
			seqset_add(&context->gone, uid);
		if (!seqset_contains(&context->truth, uid))
			continue;
		seqset_remove(&context->truth, uid);
		context->changed = true;
	}
}

static void search_update_apply(struct search_update *context, const struct change *change)
{
	if (change->kind == CHANGE_APPEND || (change->kind == CHANGE_FLAGS && context->by_flags))
		search_update_apply_messages(context, change);
	else if (change->kind == CHANGE_EXPUNGE)
		search_update_apply_expunge(context, change);
}

void search_updates_apply(struct session *session, const struct change_list *list)
{
	struct search_updates *contexts = session->updates;
	if (!contexts)
		return;
	LIST_EACH (node, &contexts->list) {
		struct search_update *context = CONTAINER_OF(node, struct search_update, in_contexts);
		for (size_t i = 0; i < list->count; i++)
			if (list->changes[i].mailbox == view_mailbox(session->view))
				search_update_apply(context, &list->changes[i]);
	}
	begin_round(session);
}

void search_updates_recent(struct session *session, uint32_t lo, uint32_t hi)
{
	if (!session->updates)
		return;
	LIST_EACH (node, &session->updates->list) {
		struct search_update *context = CONTAINER_OF(node, struct search_update, in_contexts);
		if (context->by_recent)
			seqset_add_range(&context->dirty, lo, hi);
	}
	begin_round(session);
}

/* Telling. */

static bool is_due(const struct search_update *context)
{
	return context->live && (context->changed || context->given_up);
}

bool search_updates_due(const struct session *session)
{
	if (!session->updates)
		return false;
	LIST_EACH (node, &session->updates->list)
		if (is_due(CONTAINER_OF(node, struct search_update, in_contexts)))
			return true;
	return false;
}

static void print_head(const struct session *session, const struct search_update *context, struct buf *out)
{
	const struct search_update_name *name = &context->name;
	buf_printf(out, "* ESEARCH (TAG \"%.*s\"", STRV_ARG(name->tag));
	if (name->uidvalidity > 0) {
		buf_adds(out, " MAILBOX ");
		print_mailbox(out, name->mailbox, session_utf8(session));
		buf_printf(out, " UIDVALIDITY %u", name->uidvalidity);
	}
	buf_adds(out, name->by_uid ? ") UID" : ")");
}

static void print_set(const struct session *session, const struct search_update *context,
	const struct seqset *uids, struct buf *out)
{
	struct seqset numbers = SEQSET_EMPTY;
	buf_adds(out, "0 ");
	if (context->name.by_uid) {
		seqset_print(out, uids);
	} else {
		view_seqs(session->view, uids, &numbers);
		seqset_print(out, &numbers);
		seqset_fini(&numbers);
	}
}

static void print_update(struct session *session, struct search_update *context, bool added,
	const struct seqset *uids, struct buf *out)
{
	const struct view *view = context->name.by_uid ? NULL : session->view;
	if (seqset_empty(uids))
		return;
	print_head(session, context, out);
	buf_adds(out, added ? " ADDTO (" : " REMOVEFROM (");
	if (!context->sorted)
		print_set(session, context, uids, out);
	else if (added)
		sorted_print_added(context->sorted, &context->told, uids, view, out);
	else
		sorted_print_removed(context->sorted, &context->told, uids, view, out);
	buf_adds(out, ")\r\n");
}

static void tell_removed(struct session *session, struct search_update *context, struct buf *out)
{
	struct seqset uids = SEQSET_EMPTY;
	seqset_copy(&uids, &context->told);
	seqset_remove_set(&uids, &context->truth);
	print_update(session, context, false, &uids, out);
	seqset_remove_set(&context->told, &uids);
	if (context->sorted)
		sorted_keep(context->sorted, &context->truth);
	seqset_fini(&uids);
}

/* Tells new results that are announced; the others stay due. */
static void tell_added(struct session *session, struct search_update *context, struct buf *out)
{
	struct seqset uids = SEQSET_EMPTY;
	uint32_t last = view_last_uid(session->view);
	seqset_copy(&uids, &context->truth);
	seqset_remove_set(&uids, &context->told);
	if (last < UINT32_MAX)
		seqset_remove_range(&uids, last + 1, UINT32_MAX);
	print_update(session, context, true, &uids, out);
	seqset_add_set(&context->told, &uids);
	seqset_fini(&uids);
	context->changed = !seqset_empty(&context->truth) && context->truth.v[context->truth.n - 1].hi > last;
}

static void tell_given_up(struct session *session, struct search_update *context, struct buf *out)
{
	buf_printf(out, "* NO [NOUPDATE \"%.*s\"] %s\r\n", STRV_ARG(context->name.tag), context->given_up);
	search_update_drop(session, context);
}

void search_updates_tell_removed(struct session *session, struct buf *out)
{
	if (!session->updates)
		return;
	LIST_EACH_SAFE (node, &session->updates->list) {
		struct search_update *context = CONTAINER_OF(node, struct search_update, in_contexts);
		if (context->given_up)
			tell_given_up(session, context, out);
		else if (is_due(context))
			tell_removed(session, context, out);
	}
}

void search_updates_tell_added(struct session *session, struct buf *out)
{
	if (!session->updates)
		return;
	LIST_EACH (node, &session->updates->list) {
		struct search_update *context = CONTAINER_OF(node, struct search_update, in_contexts);
		if (is_due(context))
			tell_added(session, context, out);
	}
}
