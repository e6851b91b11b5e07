/*
 * From a commit to pushes: the sink sees what was delivered, a job of the account makes the pushes for whoever has subscribed,
 * the push thread takes them. Also the jobs that change a subscription afterwards.
 */
#include "webpush/webpush_priv.h"

#include "base/clock.h"
#include "base/mem.h"
#include "store/hooks.h"
#include "store/message.h"
#include "store/users.h"

#include <stdio.h>
#include <stdlib.h>

#define FIELDS_MAX (1024 * 1024) /* octets of the fields that a payload is made of */
#define BODY_MAX (64 * 1024) /* a longer body is in no payload */
#define DEVICE_SECONDS (5 * 3600)
#define OWED_TAKEN_MAX 1000 /* messages that an earlier process owed, taken up at a time */
#define DEVICES_KEPT WEBPUSH_ENTRY "/.device/"

enum announce_kind {
	ANNOUNCE_MESSAGES,
	ANNOUNCE_OWED, /* messages that an earlier process has not announced */
	ANNOUNCE_VALIDATION, /* of a subscription that was set or removed */
	ANNOUNCE_TEST,
	ANNOUNCE_GONE /* of the account */
};

struct announce {
	struct job job; /* first */
	struct users_job users;
	struct reactor_msg msg;
	struct webpush *webpush;
	enum announce_kind kind;
	struct arena *arena; /* own; of one run */
	int64_t account;
	struct owed *owed; /* own: the messages */
	bool more; /* ANNOUNCE_OWED: there may be others */
	char *subscription; /* own: ANNOUNCE_VALIDATION */
	bool forget; /* what waits for the subscription is void */
	struct webpush_test *test;
	struct push **pushes; /* own: the result */
	size_t push_count;
	size_t push_cap;
	char name[USER_NAME_MAX + 1]; /* of the account, if device tokens are announced */
	char vapid[VAPID_ID + 1]; /* the key that the pushes are made for */
};

/* What the account has, so that deliveries to accounts without subscriptions cost no job. */
struct note {
	bool any;
};

static void pushes_drop(struct announce *a)
{
	for (size_t i = 0; i < a->push_count; i++)
		push_free(&a->pushes[i]);
	a->push_count = 0;
}

static void announce_free(struct announce *a)
{
	struct webpush *webpush = a->webpush;

	pushes_drop(a);
	owed_lose(&a->owed);
	free(a->pushes);
	free(a->subscription);
	arena_free(&a->arena);
	free(a);
	webpush_pending_sub(webpush);
}

static struct announce *announce_new(struct webpush *webpush, enum announce_kind kind)
{
	struct announce *a = mem_zalloc(sizeof(*a));

	webpush_pending_add(webpush);
	a->webpush = webpush;
	a->kind = kind;
	a->arena = arena_new(0);
	return a;
}

static struct push *push_new(struct announce *a, enum push_kind kind, struct strv subscription,
	struct strv endpoint, struct strv plain)
{
	struct push *push = mem_zalloc(sizeof(*push));

	push->account = a->account;
	push->kind = kind;
	push->subscription = mem_strndup(subscription.p, subscription.n);
	push->endpoint = mem_strndup(endpoint.p, endpoint.n);
	push->plain = mem_strndup(plain.n ? plain.p : "", plain.n);
	push->plain_n = plain.n;
	push->created = clock_wall();
	push->due = clock_mono_ms();
	if (kind != PUSH_DEVICE)
		memcpy(push->vapid, a->vapid, sizeof(push->vapid));
	if (a->push_count == a->push_cap) {
		a->push_cap = a->push_cap ? 2 * a->push_cap : 4;
		a->pushes = mem_realloc(a->pushes, a->push_cap, sizeof(struct push *));
	}
	a->pushes[a->push_count++] = push;
	return push;
}

/* [strand] */

struct announcing {
	struct announce *a;
	const struct subs_rules *rules;
	struct subs_list subs;
	struct device_list devices;
	struct mbox_info mailbox; /* of the message in hand, as the next ones */
	struct keyword_set chat;
	const struct msg_row *rows;
	size_t row_count;
};

/* Where the header and the body of the message lie. */
static enum rc find_ranges(struct account *account, const struct msg_row *row, struct mime_range *ret_header,
	struct mime_range *ret_body)
{
	struct arena *arena = arena_new(0);
	struct msg_cached cached;

	enum rc rc = msg_cached(account, row, MSG_PARTS, arena, &cached);
	if (rc == RC_OK)
		rc = mime_parts_find(cached.parts, NULL, 0, MIME_SECTION_HEADER, ret_header);
	if (rc == RC_OK)
		rc = mime_parts_find(cached.parts, NULL, 0, MIME_SECTION_TEXT, ret_body);
	arena_free(&arena);
	return rc;
}

/* A message as the payload needs it: the fields that are looked at, wherever they stand. The bytes live in the buf. */
static enum rc read_message(
	struct account *account, const struct msg_row *row, struct buf *bytes, struct payload_source *source)
{
	struct mime_range header = { 0 };
	struct mime_range body = { 0 };
	struct reader *reader = NULL;
	struct mime_sift sift;
	size_t field_count;
	const struct strv *fields = payload_fields(&field_count);

	enum rc rc = find_ranges(account, row, &header, &body);
	if (rc == RC_OK)
		rc = msg_open(account, row, &reader);
	if (rc != RC_OK)
		return rc;
	/* What is too long to be kept is of no use for a push, either. */
	mime_sift_init(&sift, fields, field_count, false, mime_sift_to_buf, bytes);
	rc = reader_sift(reader, header.offset, header.size, &sift);
	size_t header_size = bytes->len;
	bool small = body.size <= BODY_MAX && header_size <= FIELDS_MAX;
	if (rc == RC_OK && small)
		rc = reader_read(reader, body.offset, (size_t)body.size, bytes);
	if (rc == RC_IO || rc == RC_CORRUPT)
		msg_damaged(account, row);
	reader_close(&reader);
	if (rc != RC_OK)
		return rc;
	source->header = strv_make(bytes->p, header_size);
	source->body = small ? strv_make(bytes->p + header_size, bytes->len - header_size) : STRV_NULL;
	return RC_OK;
}

static enum payload_content content_of(const struct webpush *webpush)
{
	switch (webpush->settings.content) {
	case WEBPUSH_FULL:
		return PAYLOAD_FULL;
	case WEBPUSH_HEADERS:
		return PAYLOAD_HEADERS;
	case WEBPUSH_MINIMAL:
		return PAYLOAD_MINIMAL;
	}
	return PAYLOAD_MINIMAL;
}

static struct push *push_of(struct announcing *g, const struct msg_row *row, enum push_kind kind,
	struct strv subscription, struct strv endpoint, struct strv plain)
{
	struct push *push = push_new(g->a, kind, subscription, endpoint, plain);

	push->mailbox = g->mailbox.id;
	push->uid = row->uid;
	return push;
}

static enum rc push_to_subs(
	struct announcing *g, const struct msg_row *row, const struct payload_source *source, bool chat)
{
	struct webpush *webpush = g->a->webpush;
	struct buf plain;
	enum rc rc = RC_OK;

	buf_init(&plain, PAYLOAD_MAX);
	for (size_t i = 0; rc == RC_OK && i < g->subs.n; i++) {
		const struct sub *sub = &g->subs.v[i];
		if (!sub->validated || !subs_lives(sub, g->rules) || !subs_wants(sub, chat))
			continue;
		if (plain.len == 0)
			rc = payload_build(source, content_of(webpush), &plain);
		if (rc != RC_OK)
			break;
		struct push *push = push_of(g, row, PUSH_MESSAGE, sub->name, sub->endpoint, buf_strv(&plain));
		push->receiver = sub->receiver;
		push->flags = chat ? PUSH_URGENT : 0;
		push->expires = row->savedate + (int64_t)webpush->settings.ttl_s;
	}
	buf_fini(&plain);
	return rc;
}

static void push_to_devices(struct announcing *g, const struct msg_row *row, struct strv header)
{
	struct arena *arena = arena_new(0);
	struct strv from = payload_from(header, arena);

	for (size_t i = 0; i < g->devices.n; i++) {
		const struct device_token *token = &g->devices.v[i];
		struct push *push = push_of(g, row, PUSH_DEVICE, token->name,
			strv_cstr(g->a->webpush->settings.notifier_url), token->value);
		push->from = mem_strndup(from.p ? from.p : "", from.n);
		push->expires = row->savedate + DEVICE_SECONDS;
	}
	arena_free(&arena);
}

static bool is_chat(const struct announcing *g, struct account *account, const struct msg_row *row)
{
	const uint64_t *more = msg_keywords_more(account, g->mailbox.id, row);
	bool found = row->keywords & g->chat.first;

	for (size_t i = 0; more && i < KEYWORDS_MORE_WORDS; i++)
		found = found || more[i] & g->chat.more[i];
	return found;
}

static enum rc push_message(struct announcing *g, struct account *account, const struct msg_row *row)
{
	struct payload_source source = {
		.uid = row->uid, .uidvalidity = g->mailbox.uidvalidity, .folder = g->mailbox.name
	};
	struct buf bytes;

	buf_init(&bytes, FIELDS_MAX + BODY_MAX);
	enum rc rc = read_message(account, row, &bytes, &source);
	/* Damaged: that it came is told without its fields, and the messages after it are told, too. */
	if (rc == RC_CORRUPT || rc == RC_IO) {
		buf_reset(&bytes);
		rc = RC_OK;
	}
	if (rc == RC_OK && !payload_is_notification(source.header))
		rc = push_to_subs(g, row, &source, is_chat(g, account, row));
	if (rc == RC_OK)
		push_to_devices(g, row, source.header);
	buf_fini(&bytes);
	return rc;
}

static void take_note(struct account *account, bool any)
{
	struct note *note = mem_zalloc(sizeof(*note));

	note->any = any;
	account_note_set(account, ACCOUNT_NOTE_WEBPUSH, note);
}

/* What of the account is to be told of messages. Remembers whether there is anything. */
static enum rc load_wishes(struct webpush *webpush, struct account *account, int64_t now, struct arena *arena,
	struct subs_list *subs, struct device_list *devices)
{
	const struct webpush_settings *settings = &webpush->settings;
	enum rc rc = RC_OK;

	if (settings->enabled)
		rc = subs_load(account, arena, subs);
	if (rc == RC_OK && settings->chatmail && settings->notifier_url[0])
		rc = device_load(account, now, arena, devices);
	if (rc == RC_OK)
		take_note(account, subs->n > 0 || devices->n > 0);
	return rc;
}

enum rc webpush_deliver(struct webpush *webpush, struct account *account, int64_t mailbox, uint32_t uid)
{
	struct subs_list subs = { 0 };
	struct device_list devices = { 0 };

	if (!webpush)
		return RC_OK;
	const struct note *note = account_note(account, ACCOUNT_NOTE_WEBPUSH);
	if (!note) {
		enum rc rc =
			load_wishes(webpush, account, clock_wall(), account_arena(account), &subs, &devices);
		if (rc != RC_OK)
			return rc;
		note = account_note(account, ACCOUNT_NOTE_WEBPUSH);
	}
	return note->any ? push_owed_add(account, mailbox, uid) : RC_OK;
}

static enum rc enter_mailbox(struct announcing *g, struct account *account, int64_t mailbox)
{
	static const struct strv chat = { "$Chat", 5 };

	enum rc rc = mbox_get(account, mailbox, &g->mailbox);
	if (rc == RC_OK)
		rc = mbox_keyword_set(account, mailbox, &chat, 1, false, &g->chat);
	return rc == RC_OK ? msg_index(account, mailbox, &g->rows, &g->row_count) : rc;
}

/* A message, or a mailbox, may have been moved or removed already. */
static enum rc announce_message(
	struct announcing *g, struct account *account, const struct push_owed_row *owed)
{
	enum rc rc = RC_OK;

	if (g->mailbox.id != owed->mailbox)
		rc = enter_mailbox(g, account, owed->mailbox);
	if (rc != RC_OK) {
		g->mailbox.id = 0;
		return rc == RC_NOT_FOUND ? RC_OK : rc;
	}
	size_t at = msg_lower_bound(g->rows, g->row_count, owed->uid);
	if (at == g->row_count || g->rows[at].uid != owed->uid)
		return RC_OK;
	rc = push_message(g, account, &g->rows[at]);
	return rc == RC_NOT_FOUND ? RC_OK : rc;
}

static enum rc announce_messages(struct announcing *g, struct account *account)
{
	const struct owed *owed = g->a->owed;

	enum rc rc = load_wishes(g->a->webpush, account, g->rules->now, g->a->arena, &g->subs, &g->devices);
	if (rc != RC_OK || (g->subs.n == 0 && g->devices.n == 0))
		return rc;
	for (size_t i = 0; rc == RC_OK && i < owed->count; i++)
		rc = announce_message(g, account, &owed->rows[i]);
	return rc;
}

static enum rc announce_left(struct announcing *g, struct account *account)
{
	struct owed *owed = g->a->owed;

	enum rc rc = push_owed_take(account, owed->rows, OWED_TAKEN_MAX, &owed->count);
	g->a->more = rc == RC_OK && owed->count == OWED_TAKEN_MAX;
	return rc == RC_OK ? announce_messages(g, account) : rc;
}

static enum rc announce_validation(struct announcing *g, struct account *account)
{
	struct sub sub;
	struct buf plain;
	enum rc rc = subs_find(account, strv_cstr(g->a->subscription), g->a->arena, &sub);

	g->a->forget = rc == RC_NOT_FOUND || (rc == RC_OK && !sub.validated);
	if (rc == RC_NOT_FOUND || (rc == RC_OK && (sub.validated || !subs_lives(&sub, g->rules))))
		return RC_OK;
	if (rc != RC_OK)
		return rc;
	buf_init(&plain, PAYLOAD_MAX);
	rc = payload_validation(sub.token, &plain);
	if (rc == RC_OK) {
		struct push *push = push_new(g->a, PUSH_VALIDATION, sub.name, sub.endpoint, buf_strv(&plain));
		push->receiver = sub.receiver;
		push->flags = PUSH_URGENT;
		push->expires = subs_deadline(&sub, g->rules);
	}
	buf_wipe(&plain);
	return rc;
}

static enum rc announce_tests(struct announcing *g, struct account *account)
{
	struct webpush_test *test = g->a->test;
	struct buf plain;
	enum rc rc = subs_load(account, g->a->arena, &g->subs);

	buf_init(&plain, PAYLOAD_MAX);
	if (rc == RC_OK)
		rc = payload_test(g->rules->now, &plain);
	for (size_t i = 0; rc == RC_OK && i < g->subs.n; i++) {
		const struct sub *sub = &g->subs.v[i];
		if (!subs_lives(sub, g->rules) || (test->id.n > 0 && !strv_ieq(test->id, sub->id)))
			continue;
		struct push *push = push_new(g->a, PUSH_TEST, sub->name, sub->endpoint, buf_strv(&plain));
		push->receiver = sub->receiver;
		push->flags = PUSH_URGENT;
		push->expires = push->created + 60;
		push->test = test;
	}
	buf_fini(&plain);
	return rc == RC_OK && g->a->push_count == 0 ? RC_NOT_FOUND : rc;
}

static enum rc announce_run(struct account *account, struct job *job)
{
	struct announce *a = (struct announce *)(void *)job;
	struct vapid_key *key = webpush_vapid(a->webpush);
	struct subs_rules rules = webpush_rules(a->webpush, key);
	struct announcing g = { .a = a, .rules = &rules };
	enum rc rc = RC_OK;

	pushes_drop(a);
	arena_reset(a->arena);
	memcpy(a->vapid, vapid_key_id(key).p, VAPID_ID);
	switch (a->kind) {
	case ANNOUNCE_MESSAGES:
		rc = announce_messages(&g, account);
		break;
	case ANNOUNCE_OWED:
		rc = announce_left(&g, account);
		break;
	case ANNOUNCE_VALIDATION:
		rc = announce_validation(&g, account);
		break;
	case ANNOUNCE_TEST:
		rc = announce_tests(&g, account);
		break;
	case ANNOUNCE_GONE:
		break;
	}
	vapid_key_unref(&key);
	return rc;
}

/* [push] */

static bool has_devices(const struct announce *a)
{
	for (size_t i = 0; i < a->push_count; i++) {
		if (a->pushes[i]->kind == PUSH_DEVICE)
			return true;
	}
	return false;
}

static void hand_over(struct announce *a)
{
	if (a->push_count > 0) {
		queue_add(a->webpush, a->pushes, a->push_count, a->owed);
		a->pushes = NULL;
		a->push_count = 0;
		a->owed = NULL;
	} else if (a->owed) {
		owed_settle(&a->owed);
	}
	announce_free(a);
}

/* What the earlier process had in push.db when it ended is on its way already. */
static void drop_known(struct announce *a)
{
	size_t kept = 0;

	for (size_t i = 0; i < a->push_count; i++) {
		struct push *push = a->pushes[i];
		if (start_known(a->webpush, push))
			push_free(&push);
		else
			a->pushes[kept++] = push;
	}
	a->push_count = kept;
}

static enum rc find_name(struct users *users, struct users_job *job)
{
	struct announce *a = CONTAINER_OF(job, struct announce, users);
	struct user_record record;
	enum rc rc = users_find_id(users, a->account, a->arena, &record);

	if (rc == RC_OK)
		snprintf(a->name, sizeof(a->name), "%.*s", STRV_ARG(record.name));
	return rc;
}

/* A message that the account's owner has sent himself wakes nobody. */
static void name_found(struct users_job *job)
{
	struct announce *a = CONTAINER_OF(job, struct announce, users);
	size_t kept = 0;

	for (size_t i = 0; i < a->push_count; i++) {
		struct push *push = a->pushes[i];
		if (push->kind == PUSH_DEVICE && job->rc == RC_OK &&
			strv_ieq(strv_cstr(push->from), strv_cstr(a->name)))
			push_free(&push);
		else
			a->pushes[kept++] = push;
	}
	a->push_count = kept;
	hand_over(a);
}

static void test_over(struct announce *a, enum rc rc)
{
	struct webpush_test *test = a->test;

	if (rc != RC_OK) {
		test->rc = rc;
		test->left = 0;
		reactor_post(test->home, &test->msg);
		announce_free(a);
		return;
	}
	test->left = (unsigned)a->push_count;
	for (size_t i = 0; i < a->push_count; i++) {
		struct push *push = a->pushes[i];
		a->pushes[i] = NULL;
		queue_wait(a->webpush, push);
	}
	a->push_count = 0;
	announce_free(a);
}

static void announce_done(struct job *job)
{
	struct announce *a = (struct announce *)(void *)job;

	if (a->kind == ANNOUNCE_TEST) {
		test_over(a, a->webpush->closed ? RC_CANCELLED : job->rc);
		return;
	}
	if (a->webpush->closed) {
		announce_free(a);
		return;
	}
	if (job->rc != RC_OK && job->rc != RC_GONE && job->rc != RC_CANCELLED)
		log_warn(a->webpush->log, "pushes not made account=%s error=%s",
			store_account_shown(a->webpush->store, a->account), rc_name(job->rc));
	if (job->rc != RC_OK) {
		pushes_drop(a);
		owed_lose(&a->owed);
	} else if (a->forget) {
		queue_forget_subscription(a->webpush, a->account, a->subscription);
	}
	if (a->kind == ANNOUNCE_OWED)
		drop_known(a);
	if (a->more)
		announce_owed(a->webpush, job->account);
	if (has_devices(a)) {
		a->users = (struct users_job){
			.run = find_name, .done = name_found, .home = a->webpush->reactor
		};
		if (users_submit(a->webpush->store, &a->users) == RC_OK)
			return;
	}
	hand_over(a);
}

/* Any thread. */
static void announce_submit(struct announce *a, struct account *account)
{
	a->account = account_id(account);
	a->job.kind = a->kind == ANNOUNCE_OWED ? JOB_WRITE_RELAXED : JOB_READ;
	a->job.run = announce_run;
	a->job.done = announce_done;
	a->job.home = a->webpush->reactor;
	job_submit_always(account, &a->job);
}

void announce_owed(void *ctx, struct account *account)
{
	struct webpush *webpush = ctx;

	if (atomic_load(&webpush->stopping)) {
		atomic_store(&webpush->owed_lost, true);
		return;
	}
	struct announce *a = announce_new(webpush, ANNOUNCE_OWED);
	a->owed = owed_new(
		webpush, account_id(account), mem_alloc(OWED_TAKEN_MAX * sizeof(struct push_owed_row)), 0);
	announce_submit(a, account);
}

void announce_test(struct webpush *webpush, struct webpush_test *test)
{
	struct announce *a = announce_new(webpush, ANNOUNCE_TEST);

	a->test = test;
	announce_submit(a, test->account);
}

/* The sink: on the worker, right after a commit. */

static void on_append(struct webpush *webpush, struct account *account, const struct change *change)
{
	const struct note *note = account_note(account, ACCOUNT_NOTE_WEBPUSH);

	if (note && !note->any)
		return;
	struct announce *a = announce_new(webpush, ANNOUNCE_MESSAGES);
	struct push_owed_row *rows = mem_alloc(change->msg_count * sizeof(*rows));
	for (size_t i = 0; i < change->msg_count; i++)
		rows[i] = (struct push_owed_row){ change->mailbox, change->msgs[i].uid };
	a->owed = owed_new(webpush, account_id(account), rows, change->msg_count);
	announce_submit(a, account);
}

/* Who has a device token may be owed pushes. (Who has a subscription is listed with its validation push.) */
struct listing {
	struct pushq_job job; /* first */
	struct webpush *webpush; /* borrowed */
	int64_t account;
};

static enum rc listing_run(struct pushq *pushq, struct pushq_job *job)
{
	return pushq_subscriber(pushq, ((struct listing *)(void *)job)->account, true);
}

static void listing_done(struct pushq_job *job)
{
	struct listing *listing = (struct listing *)(void *)job;

	webpush_pending_sub(listing->webpush);
	free(listing);
}

static void list_account(struct webpush *webpush, struct account *account)
{
	struct listing *listing = mem_zalloc(sizeof(*listing));

	webpush_pending_add(webpush);
	listing->webpush = webpush;
	listing->account = account_id(account);
	listing->job =
		(struct pushq_job){ .write = true, .sync = true, .run = listing_run, .done = listing_done };
	pushq_submit(webpush->store, &listing->job);
}

static void on_annotation(struct webpush *webpush, struct account *account, const struct change *change)
{
	struct strv prefix = STRV(SUBS_ENTRY "/");

	if (change->mailbox == 0 && strv_starts(change->name, STRV(DEVICES_KEPT)))
		list_account(webpush, account);
	if (change->mailbox != 0 || !strv_starts(change->name, prefix))
		return;
	struct announce *a = announce_new(webpush, ANNOUNCE_VALIDATION);
	struct strv name = strv_sub(change->name, prefix.n, change->name.n);
	a->subscription = mem_strndup(name.p, name.n);
	announce_submit(a, account);
}

static void gone_arrived(struct reactor *reactor, struct reactor_msg *msg)
{
	struct announce *a = CONTAINER_OF(msg, struct announce, msg);

	(void)reactor;
	queue_forget(a->webpush, a->account);
	announce_free(a);
}

static void on_gone(struct webpush *webpush, int64_t account)
{
	struct announce *a = announce_new(webpush, ANNOUNCE_GONE);

	a->account = account;
	a->msg.fn = gone_arrived;
	reactor_post(webpush->reactor, &a->msg);
}

void announce_sink(void *ctx, struct change_list *list)
{
	struct webpush *webpush = ctx;

	for (size_t i = 0; i < list->count; i++) {
		const struct change *change = &list->changes[i];
		if (change->kind == CHANGE_APPEND && change->origin == ORIGIN_DELIVERY)
			on_append(webpush, list->account, change);
		else if (change->kind == CHANGE_ANNOTATION)
			on_annotation(webpush, list->account, change);
		else if (change->kind == CHANGE_ACCOUNT_GONE)
			on_gone(webpush, list->account_id);
	}
}

/* Upkeep. */

struct upkeep {
	struct job job; /* first */
	struct webpush *webpush;
	enum upkeep_kind kind;
	char *subscription; /* own */
	char *endpoint; /* own */
};

static enum rc upkeep_sub(struct upkeep *u, struct account *account, struct arena *arena)
{
	struct vapid_key *key = webpush_vapid(u->webpush);
	struct subs_rules rules = webpush_rules(u->webpush, key);
	struct sub sub;
	enum rc rc = subs_find(account, strv_cstr(u->subscription), arena, &sub);
	/* The client may have registered anew meanwhile. */
	bool same = rc == RC_OK && strv_eq(sub.endpoint, strv_cstr(u->endpoint));

	if (same && u->kind == UPKEEP_GONE) {
		rc = subs_drop(account, sub.name);
	} else if (same && u->kind == UPKEEP_ACCEPTED && !sub.validated && !sub.accepted) {
		sub.accepted = rules.now;
		rc = subs_save(account, &sub);
	} else if (same && u->kind == UPKEEP_EXPIRE && !subs_lives(&sub, &rules)) {
		struct throttle throttle;
		rc = throttle_load(account, u->webpush->settings.registrations_max, rules.now, &throttle);
		throttle.unvalidated += rc == RC_OK ? 1 : 0;
		throttle.last = rules.now;
		if (rc == RC_OK)
			rc = throttle_save(account, &throttle);
		if (rc == RC_OK)
			rc = subs_drop(account, sub.name);
	}
	vapid_key_unref(&key);
	return rc == RC_NOT_FOUND ? RC_OK : rc;
}

static enum rc upkeep_run(struct account *account, struct job *job)
{
	struct upkeep *u = (struct upkeep *)(void *)job;

	if (u->kind == UPKEEP_DEVICE_GONE)
		return device_drop(account, strv_cstr(u->subscription));
	struct arena *arena = arena_new(0);
	enum rc rc = upkeep_sub(u, account, arena);
	arena_free(&arena);
	return rc;
}

static void upkeep_done(struct job *job)
{
	struct upkeep *u = (struct upkeep *)(void *)job;

	if (job->rc != RC_OK && job->rc != RC_GONE)
		log_warn(u->webpush->log, "push subscription not changed account=%s error=%s",
			account_shown(job->account), rc_name(job->rc));
	else if (u->kind == UPKEEP_EXPIRE && !u->webpush->closed)
		books_expiry(u->webpush->books, account_id(job->account), u->subscription, u->endpoint, 0);
	webpush_pending_sub(u->webpush);
	free(u->subscription);
	free(u->endpoint);
	free(u);
}

void upkeep_submit(struct webpush *webpush, enum upkeep_kind kind, int64_t account_number,
	const char *subscription, const char *endpoint)
{
	struct upkeep *u = mem_zalloc(sizeof(*u));
	struct account *account = account_get(webpush->store, account_number);

	webpush_pending_add(webpush);
	u->webpush = webpush;
	u->kind = kind;
	u->subscription = mem_strdup(subscription);
	u->endpoint = mem_strdup(endpoint);
	u->job.kind = JOB_WRITE_RELAXED;
	u->job.run = upkeep_run;
	u->job.done = upkeep_done;
	u->job.home = webpush->reactor;
	job_submit_always(account, &u->job);
	account_unref(&account);
}
