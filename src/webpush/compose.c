/* Makes the pushes of an account: for its messages, for a new subscription, for a test. */
#include "webpush/compose.h"

#include "base/clock.h"
#include "base/mem.h"
#include "store/notes.h"
#include "store/message.h"
#include "webpush/core.h"
#include "webpush/device.h"
#include "webpush/key.h"
#include "webpush/payload.h"
#include "webpush/retry.h"

#include <string.h>

#define COMPOSE_FIELDS_MAX (1024 * 1024) /* octets of the fields that a payload uses */
#define COMPOSE_BODY_MAX (64 * 1024) /* octets; a longer body is left out of the payload */
#define COMPOSE_TEST_LIFE_S 60

/*
 * A note on an account: whether it has subscriptions or device tokens. Deliveries to other accounts need no
 * job.
 */
struct compose_note {
	bool any;
};

/* The state while the pushes of one request are made. */
struct compose {
	const struct compose_request *request; /* borrowed */
	struct account *account; /* borrowed */
	struct subs_rules rules;
	struct subs_list subs;
	struct device_list devices;
	struct mbox_info mailbox; /* of the present message, as the next ones; id 0: none */
	struct keyword_set chat;
	const struct msg_row *rows;
	size_t row_count;
};

/* The parts of one message that the payload needs. */
struct compose_message {
	const struct msg_row *row; /* borrowed */
	struct payload_source source; /* its views live in `bytes` */
	struct buf bytes;
	bool chat;
};

static struct push *compose_push(const struct compose_request *request, struct account *account,
	enum push_kind kind, struct strv subscription, struct strv endpoint, struct strv plain)
{
	struct push *push = push_new(kind, account_id(account), subscription, endpoint, plain);

	if (kind != PUSH_DEVICE)
		memcpy(push->vapid, vapid_key_id(request->vapid).p, VAPID_ID);
	push_list_add(request->list, push);
	return push;
}

/* Reading. */

/* Finds the octets of the header and of the body. */
static enum rc compose_ranges(struct account *account, const struct msg_row *row,
	struct mime_range *ret_header, struct mime_range *ret_body)
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

/* Reads the needed fields, wherever they stand, and the body unless it is too long for a push. */
static enum rc compose_read(struct account *account, struct compose_message *message)
{
	struct mime_range header = { 0 };
	struct mime_range body = { 0 };
	struct reader *reader = NULL;
	struct mime_sift sift;
	size_t field_count;
	const struct strv *fields = payload_fields(&field_count);
	struct buf *bytes = &message->bytes;

	enum rc rc = compose_ranges(account, message->row, &header, &body);
	if (rc == RC_OK)
		rc = msg_open(account, message->row, &reader);
	if (rc != RC_OK)
		return rc;
	/* A field that is too long to be kept is of no use for a push. */
	mime_sift_init(&sift, fields, field_count, false, mime_sift_to_buf, bytes);
	rc = reader_sift(reader, header.offset, header.size, &sift);
	size_t header_size = bytes->len;
	bool small = body.size <= COMPOSE_BODY_MAX && header_size <= COMPOSE_FIELDS_MAX;
	if (rc == RC_OK && small)
		rc = reader_read(reader, body.offset, (size_t)body.size, bytes);
	if (rc == RC_IO || rc == RC_CORRUPT)
		msg_damaged(account, message->row);
	reader_close(&reader);
	if (rc != RC_OK)
		return rc;
	message->source.header = strv_make(bytes->p, header_size);
	message->source.body =
		small ? strv_make(bytes->p + header_size, bytes->len - header_size) : STRV_NULL;
	return RC_OK;
}

static bool compose_is_chat(const struct compose *c, const struct msg_row *row)
{
	const uint64_t *more = msg_keywords_more(c->account, c->mailbox.id, row);
	bool found = row->keywords & c->chat.first;

	for (size_t i = 0; more && i < KEYWORDS_MORE_WORDS; i++)
		found = found || more[i] & c->chat.more[i];
	return found;
}

/* Pushes of one message. */

static enum payload_content compose_content(const struct core *core)
{
	switch (core->settings->content) {
	case WEBPUSH_FULL:
		return PAYLOAD_FULL;
	case WEBPUSH_HEADERS:
		return PAYLOAD_HEADERS;
	case WEBPUSH_MINIMAL:
		return PAYLOAD_MINIMAL;
	}
	return PAYLOAD_MINIMAL;
}

static struct push *compose_message_push(const struct compose *c, const struct compose_message *message,
	enum push_kind kind, struct strv subscription, struct strv endpoint, struct strv plain)
{
	struct push *push = compose_push(c->request, c->account, kind, subscription, endpoint, plain);

	push->mailbox = c->mailbox.id;
	push->uid = message->row->uid;
	return push;
}

static enum rc compose_for_subs(const struct compose *c, const struct compose_message *message)
{
	const struct core *core = c->request->core;
	struct buf plain;
	enum rc rc = RC_OK;

	buf_init(&plain, PAYLOAD_MAX);
	for (size_t i = 0; rc == RC_OK && i < c->subs.n; i++) {
		const struct sub *sub = &c->subs.v[i];
		if (!sub->validated || !subs_lives(sub, &c->rules) || !subs_wants(sub, message->chat))
			continue;
		if (plain.len == 0)
			rc = payload_build(&message->source, compose_content(core), &plain);
		if (rc != RC_OK)
			break;
		struct push *push = compose_message_push(
			c, message, PUSH_MESSAGE, sub->name, sub->endpoint, buf_strv(&plain));
		push->receiver = sub->receiver;
		push->flags = message->chat ? PUSH_URGENT : 0;
		push->expires = message->row->savedate + (int64_t)core->settings->ttl_s;
	}
	buf_fini(&plain);
	return rc;
}

static void compose_for_devices(const struct compose *c, const struct compose_message *message)
{
	struct strv notifier = strv_cstr(c->request->core->settings->notifier_url);
	struct arena *arena = arena_new(0);
	struct strv from = payload_from(message->source.header, arena);

	for (size_t i = 0; i < c->devices.n; i++) {
		const struct device_token *token = &c->devices.v[i];
		struct push *push =
			compose_message_push(c, message, PUSH_DEVICE, token->name, notifier, token->value);
		push->from = mem_strndup(from.p ? from.p : "", from.n);
		push->expires = message->row->savedate + DEVICE_LIFE_S;
	}
	arena_free(&arena);
}

static enum rc compose_message(const struct compose *c, const struct msg_row *row)
{
	struct compose_message message = {
		.row = row,
		.source = { .uid = row->uid,
			.uidvalidity = c->mailbox.uidvalidity,
			.folder = c->mailbox.name },
	};

	buf_init(&message.bytes, COMPOSE_FIELDS_MAX + COMPOSE_BODY_MAX);
	enum rc rc = compose_read(c->account, &message);
	/*
	 * The message is damaged: its arrival is told without its fields, and the messages after it are told
	 * as well.
	 */
	if (rc == RC_CORRUPT || rc == RC_IO) {
		buf_reset(&message.bytes);
		rc = RC_OK;
	}
	message.chat = compose_is_chat(c, row);
	if (rc == RC_OK && !payload_is_notification(message.source.header))
		rc = compose_for_subs(c, &message);
	if (rc == RC_OK)
		compose_for_devices(c, &message);
	buf_fini(&message.bytes);
	return rc;
}

static enum rc compose_enter(struct compose *c, int64_t mailbox)
{
	static const struct strv chat = { "$Chat", 5 };

	enum rc rc = mbox_get(c->account, mailbox, &c->mailbox);
	if (rc == RC_OK)
		rc = mbox_keyword_set(c->account, mailbox, &chat, 1, false, &c->chat);
	return rc == RC_OK ? msg_index(c->account, mailbox, &c->rows, &c->row_count) : rc;
}

/* Finds the row. The message or its mailbox may have been moved or removed already. */
static enum rc compose_row(struct compose *c, const struct push_owed_row *owed)
{
	enum rc rc = RC_OK;

	if (c->mailbox.id != owed->mailbox)
		rc = compose_enter(c, owed->mailbox);
	if (rc != RC_OK) {
		c->mailbox.id = 0;
		return rc == RC_NOT_FOUND ? RC_OK : rc;
	}
	size_t at = msg_lower_bound(c->rows, c->row_count, owed->uid);
	if (at == c->row_count || c->rows[at].uid != owed->uid)
		return RC_OK;
	rc = compose_message(c, &c->rows[at]);
	return rc == RC_NOT_FOUND ? RC_OK : rc;
}

/* Finding the receivers. */

static void compose_note_set(struct account *account, bool any)
{
	struct compose_note *note = mem_zalloc(sizeof(*note));

	note->any = any;
	notes_set(account, ACCOUNT_NOTE_WEBPUSH, note);
}

/* Loads subscriptions and device tokens, and remembers whether there are any. */
static enum rc compose_load(const struct core *core, struct account *account, int64_t now,
	struct arena *arena, struct subs_list *subs, struct device_list *devices)
{
	const struct webpush_settings *settings = core->settings;
	enum rc rc = RC_OK;

	if (settings->enabled)
		rc = subs_load(account, arena, subs);
	if (rc == RC_OK && settings->chatmail && settings->notifier_url[0])
		rc = device_load(account, now, arena, devices);
	if (rc == RC_OK)
		compose_note_set(account, subs->n > 0 || devices->n > 0);
	return rc;
}

bool compose_unwanted(struct account *account)
{
	const struct compose_note *note = notes_get(account, ACCOUNT_NOTE_WEBPUSH);
	return note && !note->any;
}

enum rc compose_wanted(const struct core *core, struct account *account, bool *ret_wanted)
{
	struct subs_list subs = { 0 };
	struct device_list devices = { 0 };

	if (!notes_get(account, ACCOUNT_NOTE_WEBPUSH)) {
		enum rc rc =
			compose_load(core, account, clock_wall(), account_arena(account), &subs, &devices);
		if (rc != RC_OK)
			return rc;
	}
	*ret_wanted = !compose_unwanted(account);
	return RC_OK;
}

/* Making all pushes of a request. */

enum rc compose_messages(const struct compose_request *request, struct account *account,
	const struct push_owed_row *rows, size_t count)
{
	struct compose c = { .request = request, .account = account };

	c.rules = key_rules(request->core, request->vapid);
	enum rc rc = compose_load(request->core, account, c.rules.now, request->arena, &c.subs, &c.devices);
	if (rc != RC_OK || (c.subs.n == 0 && c.devices.n == 0))
		return rc;
	for (size_t i = 0; rc == RC_OK && i < count; i++)
		rc = compose_row(&c, &rows[i]);
	return rc;
}

static enum rc compose_validation_push(const struct compose_request *request, struct account *account,
	const struct sub *sub, const struct subs_rules *rules)
{
	struct buf plain;

	buf_init(&plain, PAYLOAD_MAX);
	enum rc rc = payload_validation(sub->token, &plain);
	if (rc == RC_OK) {
		struct push *push = compose_push(
			request, account, PUSH_VALIDATION, sub->name, sub->endpoint, buf_strv(&plain));
		push->receiver = sub->receiver;
		push->flags = PUSH_URGENT;
		push->expires = subs_deadline(sub, rules);
	}
	buf_wipe(&plain);
	return rc;
}

enum rc compose_validation(const struct compose_request *request, struct account *account,
	struct strv subscription, bool *ret_changed)
{
	struct subs_rules rules = key_rules(request->core, request->vapid);
	struct sub sub;
	enum rc rc = subs_find(account, subscription, request->arena, &sub);

	if (rc == RC_OK || rc == RC_NOT_FOUND)
		*ret_changed = rc == RC_NOT_FOUND || !sub.validated;
	if (rc == RC_NOT_FOUND || (rc == RC_OK && (sub.validated || !subs_lives(&sub, &rules))))
		return RC_OK;
	return rc == RC_OK ? compose_validation_push(request, account, &sub, &rules) : rc;
}

enum rc compose_tests(const struct compose_request *request, struct account *account, struct strv id)
{
	struct subs_rules rules = key_rules(request->core, request->vapid);
	struct subs_list subs = { 0 };
	struct buf plain;
	enum rc rc = subs_load(account, request->arena, &subs);

	buf_init(&plain, PAYLOAD_MAX);
	if (rc == RC_OK)
		rc = payload_test(rules.now, &plain);
	for (size_t i = 0; rc == RC_OK && i < subs.n; i++) {
		const struct sub *sub = &subs.v[i];
		if (!subs_lives(sub, &rules) || (id.n > 0 && !strv_ieq(id, sub->id)))
			continue;
		struct push *push =
			compose_push(request, account, PUSH_TEST, sub->name, sub->endpoint, buf_strv(&plain));
		push->receiver = sub->receiver;
		push->flags = PUSH_URGENT;
		push->expires = push->created + COMPOSE_TEST_LIFE_S;
	}
	buf_fini(&plain);
	return rc;
}
