#include "lmtp/lmtp_priv.h"

#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"
#include "lmtp/deliver.h"
#include "lmtp/trace.h"
#include "store/mailbox.h"

#include <stdio.h>
#include <stdlib.h>

/* Asks the users table for a recipient. */
struct lookup {
	struct users_job job; /* first */
	struct lmtp_hub *hub;
	struct arena *arena;
	struct strv names[2]; /* the whole address, and the one without its detail */
	unsigned count;
	unsigned found; /* which of them */
	struct user_record record;
	struct recipient recipient;
};

/* Whoever waits for the spool: the session may be gone by then. */
struct spool_wait {
	struct lmtp_hub *hub;
	uint64_t id;
};

struct delivery_ctx {
	struct lmtp_hub *hub;
	struct trace *trace; /* own: the session may be gone by then */
};

void lmtp_transaction_reset(struct lmtp_session *session)
{
	spool_abort(&session->spool);
	for (unsigned i = 0; i < session->recipient_count; i++)
		account_unref(&session->recipients[i].account);
	free(session->recipients);
	trace_unref(&session->trace);
	session->recipients = NULL;
	session->recipient_count = 0;
	session->next_reply = 0;
	session->sender[0] = '\0';
	session->utf8 = false;
	session->data_rc = RC_OK;
	session->data_size = 0;
}

static void path_error(struct lmtp_session *session, enum rc rc, bool rcpt)
{
	if (rc == RC_LIMIT)
		lmtp_reply(session, 553, rcpt ? "5.1.3" : "5.1.7", "address too long");
	else
		lmtp_reply(session, 501, rcpt ? "5.1.3" : "5.1.7", "bad address syntax");
}

/* What stood between the angle brackets, route taken off. */
static void keep_address(char *to, size_t room, struct strv before, struct strv after)
{
	struct strv text = strv_sub(before, 1, before.n - after.n - 2);
	if (text.n > 0 && text.p[0] == '@')
		text = strv_sub(text, strv_index(text, ':') + 1, text.n);
	snprintf(to, room, "%.*s", STRV_ARG(text));
}

/* False (and answered) if a parameter is not ours. */
static bool mail_params(struct lmtp_session *session, const struct smtp_param *params, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		uint64_t size = 0;
		struct strv name = params[i].name, value = params[i].value;
		if (strv_ieq(name, STRV("SIZE"))) {
			if (str_u64(value, &size) != RC_OK) {
				lmtp_reply(session, 501, "5.5.4", "bad SIZE");
				return false;
			}
			if (size > session->rules->settings.message_max) {
				lmtp_reply(session, 552, "5.3.4", "message is too big");
				return false;
			}
		} else if (strv_ieq(name, STRV("BODY"))) {
			if (!strv_ieq(value, STRV("7BIT")) && !strv_ieq(value, STRV("8BITMIME"))) {
				lmtp_reply(session, 501, "5.5.4", "bad BODY");
				return false;
			}
		} else if (strv_ieq(name, STRV("SMTPUTF8")) && !value.p) {
			session->utf8 = true;
		} else {
			lmtp_reply(session, 555, "5.5.4", "unknown parameter");
			return false;
		}
	}
	return true;
}

void lmtp_transaction_mail(struct lmtp_session *session, struct strv args)
{
	struct smtp_param params[SMTP_PARAMS_MAX];
	struct smtp_path path;
	struct strv rest = args;
	unsigned count = 0;
	enum rc rc = smtp_path_parse(&rest, false, &path);

	lmtp_transaction_reset(session);
	if (rc != RC_OK) {
		path_error(session, rc, false);
		return;
	}
	if ((rest.n > 0 && rest.p[0] != ' ') || smtp_params_parse(rest, params, &count) != RC_OK) {
		lmtp_reply(session, 501, "5.5.4", "bad parameters");
		return;
	}
	if (!mail_params(session, params, count))
		return;
	if (path.utf8 && !session->utf8) {
		lmtp_reply(session, 553, "5.6.7", "address needs SMTPUTF8");
		return;
	}
	keep_address(session->sender, sizeof(session->sender), args, rest);
	session->state = LMTP_MAIL;
	lmtp_reply(session, 250, "2.1.0", "OK");
}

/* [users] */
static enum rc lookup_run(struct users *users, struct users_job *job)
{
	struct lookup *lookup = (struct lookup *)(void *)job;
	enum rc rc = RC_NOT_FOUND;

	for (unsigned i = 0; i < lookup->count && rc == RC_NOT_FOUND; i++) {
		rc = users_find(users, lookup->names[i], lookup->arena, &lookup->record);
		lookup->found = i;
	}
	return rc;
}

static void recipient_add(struct lmtp_session *session, const struct recipient *recipient)
{
	session->recipients =
		mem_realloc(session->recipients, session->recipient_count + 1, sizeof(*session->recipients));
	session->recipients[session->recipient_count++] = *recipient;
}

static void lookup_done(struct users_job *job)
{
	struct lookup *lookup = (struct lookup *)(void *)job;
	struct lmtp_session *session = lmtp_session_find(lookup->hub, job->asker);
	enum rc rc = job->rc;

	if (session) {
		if (rc == RC_OK && !lookup->record.enabled)
			rc = RC_EXPIRED;
		if (rc == RC_OK) {
			if (lookup->found == 0 && lookup->count == 2)
				lookup->recipient.detail =
					0; /* the address with the separator is a user of its own */
			lookup->recipient.account = account_get(session->hub->lmtp->store, lookup->record.id);
			account_quota_set(lookup->recipient.account, lookup->record.quota_storage,
				lookup->record.quota_messages);
			recipient_add(session, &lookup->recipient);
			lmtp_reply(session, 250, "2.1.5", "OK");
		} else {
			struct smtp_reply reply = reply_for(rc, false);
			lmtp_reply(session, reply.code, reply.status, "<%s> %s", lookup->recipient.address,
				reply.text);
		}
		lmtp_session_resume(session);
	}
	arena_free(&lookup->arena);
	free(lookup);
}

/* The account names that this path may mean, most exact first. */
static void lookup_names(struct lookup *lookup, const struct lmtp_settings *settings)
{
	struct recipient *recipient = &lookup->recipient;
	const char *domain = recipient->path.domain[0] ? recipient->path.domain : settings->hostname;
	const char *local = recipient->path.local;
	const char *mark = settings->separator && local[0] ? strchr(local + 1, settings->separator) : NULL;
	struct strv name;

	if (user_name_check(strv_cstr(arena_printf(lookup->arena, "%s@%s", local, domain)), lookup->arena,
		    &name) == RC_OK)
		lookup->names[lookup->count++] = name;
	if (mark && user_name_check(strv_cstr(arena_printf(
					    lookup->arena, "%.*s@%s", (int)(mark - local), local, domain)),
			    lookup->arena, &name) == RC_OK) {
		lookup->names[lookup->count++] = name;
		recipient->detail = (size_t)(mark - local) + 1;
	}
}

void lmtp_transaction_rcpt(struct lmtp_session *session, struct strv args)
{
	const struct lmtp_settings *settings = &session->rules->settings;
	struct smtp_param params[SMTP_PARAMS_MAX];
	struct strv rest = args;
	struct smtp_path path;
	unsigned count = 0;
	enum rc rc = smtp_path_parse(&rest, true, &path);

	if (rc != RC_OK) {
		path_error(session, rc, true);
		return;
	}
	if ((rest.n > 0 && rest.p[0] != ' ') || smtp_params_parse(rest, params, &count) != RC_OK) {
		lmtp_reply(session, 501, "5.5.4", "bad parameters");
		return;
	}
	if (count > 0) {
		lmtp_reply(session, 555, "5.5.4", "unknown parameter");
		return;
	}
	if (path.utf8 && !session->utf8) {
		lmtp_reply(session, 553, "5.6.7", "address needs SMTPUTF8");
		return;
	}
	if (session->recipient_count >= settings->recipients_max) {
		lmtp_reply(session, 452, "4.5.3", "too many recipients");
		return;
	}
	struct lookup *lookup = mem_zalloc(sizeof(*lookup));
	lookup->arena = arena_new(0);
	lookup->hub = session->hub;
	lookup->recipient.path = path;
	keep_address(lookup->recipient.address, sizeof(lookup->recipient.address), args, rest);
	lookup_names(lookup, settings);
	lookup->job.run = lookup_run;
	lookup->job.done = lookup_done;
	lookup->job.home = session->hub->reactor;
	lookup->job.asker = session->id;
	rc = users_submit(session->hub->lmtp->store, &lookup->job);
	if (rc != RC_OK) {
		struct smtp_reply reply = reply_for(rc, false);
		lmtp_reply(session, reply.code, reply.status, "%s", reply.text);
		arena_free(&lookup->arena);
		free(lookup);
		return;
	}
	session->busy = true;
}

static void spool_drained(void *arg)
{
	struct lmtp_session *session = arg;
	conn_kick(session->conn);
}

void lmtp_transaction_data(struct lmtp_session *session)
{
	if (session->recipient_count == 0) {
		lmtp_reply(session, 503, "5.5.1", "no valid recipients");
		return;
	}
	enum rc rc = spool_new(
		session->hub->lmtp->store, session->hub->reactor, spool_drained, session, &session->spool);
	if (rc != RC_OK) {
		lmtp_reply(session, 452, "4.3.1", "%s",
			rc == RC_NOSPACE ? "no space left on the server" : "too busy, try again later");
		return;
	}
	session->trace = trace_new(session->sender, session->helo, conn_peer(session->conn),
		session->rules->settings.hostname, session->utf8);
	data_init(&session->data);
	session->data_rc = RC_OK;
	session->data_size = 0;
	session->state = LMTP_DATA;
	lmtp_reply(session, 354, NULL, "end with <CRLF>.<CRLF>");
}

static void data_piece(void *arg, struct strv piece)
{
	struct lmtp_session *session = arg;

	session->data_size += piece.n;
	if (session->data_size > session->rules->settings.message_max && session->data_rc == RC_OK) {
		session->data_rc = RC_LIMIT;
		spool_abort(&session->spool);
	}
	if (session->spool)
		spool_add_text(session->spool, piece.p, piece.n);
}

/* Sends the replies that are next in the order of RCPT; when all are out the transaction is over. */
static void send_replies(struct lmtp_session *session)
{
	struct lmtp *lmtp = session->hub->lmtp;

	while (session->next_reply < session->recipient_count &&
		session->recipients[session->next_reply].answered) {
		const struct recipient *recipient = &session->recipients[session->next_reply++];
		struct smtp_reply reply = reply_for(recipient->rc, session->rules->settings.quota_permanent);
		lmtp_reply(session, reply.code, reply.status, "<%s> %s, id %016llx", recipient->address,
			reply.text, (unsigned long long)session->trace->id);
		if (reply.code < 300)
			atomic_fetch_add(&lmtp->delivered, 1);
		else if (reply.code < 500)
			atomic_fetch_add(&lmtp->deferred, 1);
		else
			atomic_fetch_add(&lmtp->refused, 1);
	}
	if (session->next_reply < session->recipient_count)
		return;
	lmtp_transaction_reset(session);
	session->state = LMTP_READY;
	lmtp_session_resume(session);
}

static void fail_all(struct lmtp_session *session, enum rc rc)
{
	for (unsigned i = 0; i < session->recipient_count; i++) {
		struct recipient *recipient = &session->recipients[i];
		recipient->answered = true;
		recipient->rc = rc;
		trace_log(session->hub->lmtp->log, session->trace, recipient->address, recipient->account,
			STRV(""), rc);
	}
	send_replies(session);
}

/* The n-th recipient is answered, and whoever shares his copy. */
static void answer(struct lmtp_session *session, unsigned n, enum rc rc, struct strv mailbox)
{
	for (;;) {
		struct recipient *recipient = &session->recipients[n];
		recipient->answered = true;
		recipient->rc = rc;
		trace_log(session->hub->lmtp->log, session->trace, recipient->address, recipient->account,
			mailbox, rc);
		if (recipient->next_same == 0)
			return;
		n = recipient->next_same;
	}
}

static void delivery_ctx_free(struct delivery_ctx *ctx)
{
	trace_unref(&ctx->trace);
	free(ctx);
}

static void delivery_done(struct job *job)
{
	struct delivery *delivery = (struct delivery *)(void *)job;
	struct delivery_ctx *ctx = delivery->ctx;
	struct lmtp_session *session = lmtp_session_find(ctx->hub, job->asker);

	if (session && session->state == LMTP_DELIVER) {
		answer(session, delivery->index, job->rc, delivery->mailbox);
		send_replies(session);
	} else {
		trace_log(ctx->hub->lmtp->log, ctx->trace, delivery->recipient, job->account,
			delivery->mailbox, job->rc);
	}
	delivery_ctx_free(ctx);
	delivery_free(&delivery);
}

/* A message without any header field, and without the empty line that says so, must not become a part of ours. */
static bool needs_empty_line(const struct content *content)
{
	const struct mime_msg *msg = content_mime(content);

	return msg->size > 0 && msg->root->field_count == 0 && msg->root->header_size == msg->root->header.n;
}

static const char *detail_of(const struct recipient *recipient)
{
	return recipient->detail ? recipient->path.local + recipient->detail : "";
}

static int recipient_cmp(const void *a, const void *b)
{
	const struct recipient *x = *(const struct recipient *const *)a;
	const struct recipient *y = *(const struct recipient *const *)b;

	if (x->account != y->account)
		return (uintptr_t)x->account < (uintptr_t)y->account ? -1 : 1;
	int order = strcmp(detail_of(x), detail_of(y));
	if (order != 0)
		return order;
	return x < y ? -1 : x > y;
}

/* Who is named twice, with the same subaddress, gets one copy: the first one's; the others follow it. */
static void share_copies(struct lmtp_session *session)
{
	struct recipient **sorted = mem_alloc(session->recipient_count * sizeof(struct recipient *));

	for (unsigned i = 0; i < session->recipient_count; i++)
		sorted[i] = &session->recipients[i];
	qsort(sorted, session->recipient_count, sizeof(struct recipient *), recipient_cmp);
	for (unsigned i = 1; i < session->recipient_count; i++) {
		const struct recipient *recipient = sorted[i];
		if (recipient->account != sorted[i - 1]->account ||
			strcmp(detail_of(recipient), detail_of(sorted[i - 1])) != 0)
			continue;
		sorted[i]->shares = true;
		sorted[i - 1]->next_same = (unsigned)(recipient - session->recipients);
	}
	free(sorted);
}

static void deliver(struct lmtp_session *session, struct content *content)
{
	bool empty_line = needs_empty_line(content);
	struct buf trace;
	unsigned refused = 0;

	buf_init(&trace, 8192);
	share_copies(session);
	for (unsigned i = 0; i < session->recipient_count; i++) {
		const struct recipient *recipient = &session->recipients[i];
		if (recipient->shares)
			continue;
		buf_reset(&trace);
		trace_print(session->trace, recipient->address, &trace);
		if (empty_line)
			buf_adds(&trace, "\r\n");
		struct delivery *delivery =
			delivery_new(content, buf_strv(&trace), strv_cstr(detail_of(recipient)));
		struct delivery_ctx *ctx = mem_zalloc(sizeof(*ctx));
		ctx->hub = session->hub;
		ctx->trace = trace_ref(session->trace);
		delivery->ctx = ctx;
		delivery->recipient = arena_strdup(delivery->arena, recipient->address);
		delivery->coi = session->rules->settings.coi;
		delivery->webpush = session->rules->settings.webpush;
		delivery->index = i;
		delivery->job.home = session->hub->reactor;
		delivery->job.asker = session->id;
		delivery->job.done = delivery_done;
		enum rc rc = account_submit(recipient->account, &delivery->job);
		if (rc != RC_OK) {
			answer(session, i, rc, STRV(""));
			refused++;
			delivery_ctx_free(ctx);
			delivery_free(&delivery);
		}
	}
	buf_fini(&trace);
	if (refused > 0)
		send_replies(session);
}

static void spooled(void *arg, enum rc rc, struct content *content)
{
	struct spool_wait *wait = arg;
	struct lmtp_session *session = lmtp_session_find(wait->hub, wait->id);

	if (session && session->state == LMTP_DELIVER) {
		if (rc == RC_OK)
			deliver(session, content);
		else
			fail_all(session, rc);
	}
	content_unref(&content);
	free(wait);
}

static void data_complete(struct lmtp_session *session)
{
	struct lmtp *lmtp = session->hub->lmtp;

	trace_received(session->trace, session->data_size);
	session->state = LMTP_DELIVER;
	session->busy = true;
	session->next_reply = 0;
	atomic_fetch_add(&lmtp->messages, 1);
	atomic_fetch_add(&lmtp->bytes, session->data_size);
	if (session->data_rc != RC_OK) {
		fail_all(session, session->data_rc);
		return;
	}
	struct spool_wait *wait = mem_zalloc(sizeof(*wait));
	struct spool *spool = session->spool;
	wait->hub = session->hub;
	wait->id = session->id;
	session->spool = NULL;
	spool_finish(spool, spooled, wait);
}

size_t lmtp_transaction_bytes(struct lmtp_session *session, struct strv in)
{
	if (session->spool && spool_full(session->spool))
		return 0;
	size_t used = data_feed(&session->data, in, data_piece, session);
	if (data_ended(&session->data))
		data_complete(session);
	return used;
}
