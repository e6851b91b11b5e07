/*
 * One LMTP transaction: MAIL, RCPT and DATA, the lookups of recipients on the users strand, and the
 * deliveries on the strands of their accounts.
 */
#include "lmtp/transaction.h"

#include "base/mem.h"
#include "base/str.h"
#include "lmtp/delivery.h"
#include "store/mailbox.h"
#include "store/users.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

/* The size of the text of a reply: an address, the text for its rc and the message's id. */
#define TEXT_ROOM (SMTP_ADDRESS_ROOM + 128)

/* Asks the users table for a recipient. */
struct lmtp_lookup {
	struct users_job job;
	struct lmtp_hub *hub; /* borrowed */
	struct arena *arena; /* own */
	struct strv names[2]; /* the whole address, and the one without its detail */
	unsigned count; /* number of names */
	unsigned found; /* index of the name that a user has */
	struct user_record record; /* result */
	struct lmtp_recipient recipient;
};

/* The wait for the end of the spool; the transaction may be gone by then. */
struct lmtp_spool_wait {
	struct lmtp_hub *hub; /* borrowed */
	uint64_t id; /* of the transaction */
};

/* The data of a delivery for its return; the transaction may be gone by then. */
struct lmtp_delivery_ctx {
	struct lmtp_hub *hub; /* borrowed */
	struct trace *trace; /* own reference */
};

static struct lmtp_transaction *lmtp_transaction_find(struct lmtp_hub *hub, uint64_t id)
{
	struct lmtp_transaction *transaction = NULL;
	HASH_FIND(hh, hub->transactions, &id, sizeof(id), transaction);
	return transaction;
}

void lmtp_transaction_init(struct lmtp_transaction *transaction, struct lmtp_hub *hub,
	const struct lmtp_settings *settings, const struct lmtp_transaction_ops *ops, void *arg)
{
	*transaction = (struct lmtp_transaction){
		.id = ++hub->next_id, .hub = hub, .settings = settings, .ops = ops, .arg = arg
	};
	data_init(&transaction->data);
	HASH_ADD(hh, hub->transactions, id, sizeof(transaction->id), transaction);
}

void lmtp_transaction_fini(struct lmtp_transaction *transaction)
{
	lmtp_transaction_reset(transaction);
	HASH_DEL(transaction->hub->transactions, transaction);
}

void lmtp_transaction_reset(struct lmtp_transaction *transaction)
{
	spool_abort(&transaction->spool);
	for (unsigned i = 0; i < transaction->recipient_count; i++)
		account_unref(&transaction->recipients[i].account);
	free(transaction->recipients);
	trace_unref(&transaction->trace);
	transaction->recipients = NULL;
	transaction->recipient_count = 0;
	transaction->next_reply = 0;
	transaction->sender[0] = '\0';
	transaction->utf8 = false;
	transaction->data_rc = RC_OK;
	transaction->data_size = 0;
}

/* MAIL. */

/* Sets the refusal. Returns false always, so that a check can return it. */
static bool lmtp_transaction_refuse(
	struct smtp_reply *ret_refusal, int code, const char *status, const char *text)
{
	*ret_refusal = (struct smtp_reply){ code, status, text };
	return false;
}

/* The common arguments of MAIL and RCPT: a path in angle brackets, then parameters. */
struct lmtp_args {
	struct smtp_path path;
	char address[SMTP_ADDRESS_ROOM]; /* between the brackets, without a route */
	struct smtp_param params[SMTP_PARAMS_MAX];
	unsigned count; /* of params */
};

/* Keeps the address in `path`, which has its brackets. */
static void lmtp_args_keep_address(struct lmtp_args *args, struct strv path)
{
	struct strv text = strv_sub(path, 1, path.n - 2);

	if (text.n > 0 && text.p[0] == '@')
		text = strv_sub(text, strv_index(text, ':') + 1, text.n);
	snprintf(args->address, sizeof(args->address), "%.*s", STRV_ARG(text));
}

static bool lmtp_args_parse(
	struct strv text, bool rcpt, struct lmtp_args *ret_args, struct smtp_reply *ret_refusal)
{
	/* RFC 3463: X.1.3 is for the address of a recipient, X.1.7 for the sender's. */
	const char *status = rcpt ? "5.1.3" : "5.1.7";
	struct strv rest = text;
	enum rc rc = smtp_path_parse(&rest, rcpt, &ret_args->path);

	if (rc == RC_LIMIT)
		return lmtp_transaction_refuse(ret_refusal, 553, status, "address too long");
	if (rc != RC_OK)
		return lmtp_transaction_refuse(ret_refusal, 501, status, "bad address syntax");
	if ((rest.n > 0 && rest.p[0] != ' ') ||
		smtp_params_parse(rest, ret_args->params, &ret_args->count) != RC_OK)
		return lmtp_transaction_refuse(ret_refusal, 501, "5.5.4", "bad parameters");
	lmtp_args_keep_address(ret_args, strv_sub(text, 0, text.n - rest.n));
	return true;
}

static bool lmtp_transaction_param(
	struct lmtp_transaction *transaction, const struct smtp_param *param, struct smtp_reply *ret_refusal)
{
	struct strv name = param->name, value = param->value;
	uint64_t size = 0;

	if (strv_ieq(name, STRV("SIZE"))) {
		if (str_u64(value, &size) != RC_OK)
			return lmtp_transaction_refuse(ret_refusal, 501, "5.5.4", "bad SIZE");
		if (size > transaction->settings->message_max)
			return lmtp_transaction_refuse(ret_refusal, 552, "5.3.4", "message is too big");
		return true;
	}
	if (strv_ieq(name, STRV("BODY"))) {
		if (!strv_ieq(value, STRV("7BIT")) && !strv_ieq(value, STRV("8BITMIME")))
			return lmtp_transaction_refuse(ret_refusal, 501, "5.5.4", "bad BODY");
		return true;
	}
	if (strv_ieq(name, STRV("SMTPUTF8")) && !value.p) {
		transaction->utf8 = true;
		return true;
	}
	return lmtp_transaction_refuse(ret_refusal, 555, "5.5.4", "unknown parameter");
}

bool lmtp_transaction_mail(
	struct lmtp_transaction *transaction, struct strv args, struct smtp_reply *ret_refusal)
{
	struct lmtp_args parsed;

	lmtp_transaction_reset(transaction);
	if (!lmtp_args_parse(args, false, &parsed, ret_refusal))
		return false;
	for (unsigned i = 0; i < parsed.count; i++) {
		if (!lmtp_transaction_param(transaction, &parsed.params[i], ret_refusal))
			return false;
	}
	if (parsed.path.utf8 && !transaction->utf8)
		return lmtp_transaction_refuse(ret_refusal, 553, "5.6.7", "address needs SMTPUTF8");
	memcpy(transaction->sender, parsed.address, sizeof(transaction->sender));
	return true;
}

/* RCPT. */

/* [users] */
static enum rc lmtp_lookup_run(struct users *users, struct users_job *job)
{
	struct lmtp_lookup *lookup = CONTAINER_OF(job, struct lmtp_lookup, job);
	enum rc rc = RC_NOT_FOUND;

	for (unsigned i = 0; i < lookup->count && rc == RC_NOT_FOUND; i++) {
		rc = users_find(users, lookup->names[i], lookup->arena, &lookup->record);
		lookup->found = i;
	}
	return rc;
}

static void lmtp_lookup_free(struct lmtp_lookup *lookup)
{
	arena_free(&lookup->arena);
	free(lookup);
}

/* Adds the user as a recipient. */
static void lmtp_transaction_add(struct lmtp_transaction *transaction, struct lmtp_lookup *lookup)
{
	struct lmtp_recipient *recipient = &lookup->recipient;

	/* A user has this address with its separator, so it has no detail. */
	if (lookup->found == 0 && lookup->count == 2)
		recipient->detail = 0;
	recipient->account = account_get(transaction->hub->lmtp->store, lookup->record.id);
	account_quota_set(recipient->account, lookup->record.quota_storage, lookup->record.quota_messages);
	transaction->recipients = mem_realloc(
		transaction->recipients, transaction->recipient_count + 1, sizeof(*transaction->recipients));
	transaction->recipients[transaction->recipient_count++] = *recipient;
}

static void lmtp_transaction_answer_rcpt(
	struct lmtp_transaction *transaction, enum rc rc, const char *address)
{
	struct smtp_reply reply = { 250, "2.1.5", "OK" };
	char text[TEXT_ROOM];

	if (rc != RC_OK) {
		reply = reply_for(rc, false);
		snprintf(text, sizeof(text), "<%s> %s", address, reply.text);
		reply.text = text;
	}
	transaction->ops->reply(transaction->arg, &reply);
}

static void lmtp_lookup_done(struct users_job *job)
{
	struct lmtp_lookup *lookup = CONTAINER_OF(job, struct lmtp_lookup, job);
	struct lmtp_transaction *transaction = lmtp_transaction_find(lookup->hub, job->asker);
	enum rc rc = job->rc;

	if (rc == RC_OK && !lookup->record.enabled)
		rc = RC_EXPIRED;
	if (transaction) {
		if (rc == RC_OK)
			lmtp_transaction_add(transaction, lookup);
		lmtp_transaction_answer_rcpt(transaction, rc, lookup->recipient.address);
		transaction->ops->done(transaction->arg);
	}
	lmtp_lookup_free(lookup);
}

/* Adds "<local>@<domain>" to the names, if a user may have that name. */
static bool lmtp_lookup_add(
	struct lmtp_lookup *lookup, const char *local, size_t local_size, const char *domain)
{
	const char *name = arena_printf(lookup->arena, "%.*s@%s", (int)local_size, local, domain);

	if (user_name_check(strv_cstr(name), lookup->arena, &lookup->names[lookup->count]) != RC_OK)
		return false;
	lookup->count++;
	return true;
}

/* Makes the account names that this path may mean, the most exact one first. */
static void lmtp_lookup_names(struct lmtp_lookup *lookup, const struct lmtp_settings *settings)
{
	struct lmtp_recipient *recipient = &lookup->recipient;
	const char *domain = recipient->path.domain[0] ? recipient->path.domain : settings->hostname;
	const char *local = recipient->path.local;
	const char *mark = settings->separator && local[0] ? strchr(local + 1, settings->separator) : NULL;

	lmtp_lookup_add(lookup, local, strlen(local), domain);
	if (mark && lmtp_lookup_add(lookup, local, (size_t)(mark - local), domain))
		recipient->detail = (size_t)(mark - local) + 1;
}

static enum rc lmtp_lookup_submit(struct lmtp_transaction *transaction, const struct lmtp_args *args)
{
	struct lmtp_lookup *lookup = mem_zalloc(sizeof(*lookup));

	lookup->arena = arena_new(0);
	lookup->hub = transaction->hub;
	lookup->recipient.path = args->path;
	memcpy(lookup->recipient.address, args->address, sizeof(lookup->recipient.address));
	lmtp_lookup_names(lookup, transaction->settings);
	lookup->job.run = lmtp_lookup_run;
	lookup->job.done = lmtp_lookup_done;
	lookup->job.home = transaction->hub->reactor;
	lookup->job.asker = transaction->id;
	enum rc rc = users_submit(transaction->hub->lmtp->store, &lookup->job);
	if (rc != RC_OK)
		lmtp_lookup_free(lookup);
	return rc;
}

bool lmtp_transaction_rcpt(
	struct lmtp_transaction *transaction, struct strv args, struct smtp_reply *ret_refusal)
{
	struct lmtp_args parsed;

	if (!lmtp_args_parse(args, true, &parsed, ret_refusal))
		return false;
	if (parsed.count > 0)
		return lmtp_transaction_refuse(ret_refusal, 555, "5.5.4", "unknown parameter");
	if (parsed.path.utf8 && !transaction->utf8)
		return lmtp_transaction_refuse(ret_refusal, 553, "5.6.7", "address needs SMTPUTF8");
	if (transaction->recipient_count >= transaction->settings->recipients_max)
		return lmtp_transaction_refuse(ret_refusal, 452, "4.5.3", "too many recipients");
	enum rc rc = lmtp_lookup_submit(transaction, &parsed);
	if (rc == RC_OK)
		return true;
	*ret_refusal = reply_for(rc, false);
	return false;
}

/* DATA. */

static void lmtp_transaction_on_drain(void *arg)
{
	const struct lmtp_transaction *transaction = arg;
	transaction->ops->room(transaction->arg);
}

bool lmtp_transaction_data(struct lmtp_transaction *transaction, const char *helo, const char *peer,
	struct smtp_reply *ret_refusal)
{
	if (transaction->recipient_count == 0)
		return lmtp_transaction_refuse(ret_refusal, 503, "5.5.1", "no valid recipients");
	enum rc rc = spool_new(transaction->hub->lmtp->store, transaction->hub->reactor,
		lmtp_transaction_on_drain, transaction, &transaction->spool);
	if (rc != RC_OK)
		return lmtp_transaction_refuse(ret_refusal, 452, "4.3.1",
			rc == RC_NOSPACE ? "no space left on the server" : "too busy, try again later");
	transaction->trace = trace_new(
		transaction->sender, helo, peer, transaction->settings->hostname, transaction->utf8);
	data_init(&transaction->data);
	transaction->data_rc = RC_OK;
	transaction->data_size = 0;
	return true;
}

/* Takes a piece of the message. If the message is too long, its rest is read and thrown away. */
static void lmtp_transaction_piece(void *arg, struct strv piece)
{
	struct lmtp_transaction *transaction = arg;

	transaction->data_size += piece.n;
	if (transaction->data_size > transaction->settings->message_max && transaction->data_rc == RC_OK) {
		transaction->data_rc = RC_LIMIT;
		spool_abort(&transaction->spool);
	}
	if (transaction->spool)
		spool_add_text(transaction->spool, piece.p, piece.n);
}

size_t lmtp_transaction_bytes(struct lmtp_transaction *transaction, struct strv in)
{
	if (transaction->spool && spool_full(transaction->spool))
		return 0;
	return data_feed(&transaction->data, in, lmtp_transaction_piece, transaction);
}

/* Delivery. */

/* Counts and sends the reply for one recipient. */
static void lmtp_transaction_reply(
	struct lmtp_transaction *transaction, const struct lmtp_recipient *recipient)
{
	struct lmtp *lmtp = transaction->hub->lmtp;
	struct smtp_reply reply = reply_for(recipient->rc, transaction->settings->quota_permanent);
	char text[TEXT_ROOM];

	snprintf(text, sizeof(text), "<%s> %s, id %016" PRIx64, recipient->address, reply.text,
		transaction->trace->id);
	reply.text = text;
	transaction->ops->reply(transaction->arg, &reply);
	if (reply.code < 300)
		atomic_fetch_add(&lmtp->delivered, 1);
	else if (reply.code < 500)
		atomic_fetch_add(&lmtp->deferred, 1);
	else
		atomic_fetch_add(&lmtp->refused, 1);
}

/* Sends the next replies in the order of RCPT. When all have been sent the transaction is over. */
static void lmtp_transaction_send_replies(struct lmtp_transaction *transaction)
{
	while (transaction->next_reply < transaction->recipient_count &&
		transaction->recipients[transaction->next_reply].answered)
		lmtp_transaction_reply(transaction, &transaction->recipients[transaction->next_reply++]);
	if (transaction->next_reply < transaction->recipient_count)
		return;
	lmtp_transaction_reset(transaction);
	transaction->ops->done(transaction->arg);
}

static void lmtp_recipient_answer(struct lmtp_transaction *transaction, struct lmtp_recipient *recipient,
	enum rc rc, struct strv mailbox)
{
	recipient->answered = true;
	recipient->rc = rc;
	trace_log(transaction->hub->lmtp->log, transaction->trace, recipient->address, recipient->account,
		mailbox, rc);
}

/* Answers all recipients with an error, because the message can't be delivered. */
static void lmtp_transaction_fail(struct lmtp_transaction *transaction, enum rc rc)
{
	for (unsigned i = 0; i < transaction->recipient_count; i++)
		lmtp_recipient_answer(transaction, &transaction->recipients[i], rc, STRV(""));
	lmtp_transaction_send_replies(transaction);
}

/* Answers the n-th recipient, and all recipients that share its copy. */
static void lmtp_transaction_answer(
	struct lmtp_transaction *transaction, unsigned n, enum rc rc, struct strv mailbox)
{
	do {
		lmtp_recipient_answer(transaction, &transaction->recipients[n], rc, mailbox);
		n = transaction->recipients[n].next_same;
	} while (n != 0);
}

static void lmtp_delivery_free(struct delivery **delivery)
{
	struct lmtp_delivery_ctx *ctx = (*delivery)->ctx;

	trace_unref(&ctx->trace);
	free(ctx);
	delivery_free(delivery);
}

static void lmtp_delivery_done(struct job *job)
{
	struct delivery *delivery = CONTAINER_OF(job, struct delivery, job);
	struct lmtp_delivery_ctx *ctx = delivery->ctx;
	struct lmtp_transaction *transaction = lmtp_transaction_find(ctx->hub, job->asker);

	if (transaction) {
		lmtp_transaction_answer(transaction, delivery->index, job->rc, delivery->mailbox);
		lmtp_transaction_send_replies(transaction);
	} else {
		trace_log(ctx->hub->lmtp->log, ctx->trace, delivery->recipient, job->account,
			delivery->mailbox, job->rc);
	}
	lmtp_delivery_free(&delivery);
}

/*
 * True: the message has no header fields and does not begin with the empty line either. Its text must not
 * become a part of our header.
 */
static bool lmtp_needs_empty_line(const struct content *content)
{
	const struct mime_msg *msg = content_mime(content);

	return msg->size > 0 && msg->root->field_count == 0 && msg->root->header_size == msg->root->header.n;
}

static const char *lmtp_recipient_detail(const struct lmtp_recipient *recipient)
{
	return recipient->detail ? recipient->path.local + recipient->detail : "";
}

static bool lmtp_recipient_same(const struct lmtp_recipient *a, const struct lmtp_recipient *b)
{
	return a->account == b->account && strcmp(lmtp_recipient_detail(a), lmtp_recipient_detail(b)) == 0;
}

static int lmtp_recipient_compare(const void *a, const void *b)
{
	const struct lmtp_recipient *x = *(const struct lmtp_recipient *const *)a;
	const struct lmtp_recipient *y = *(const struct lmtp_recipient *const *)b;

	if (x->account != y->account)
		return (uintptr_t)x->account < (uintptr_t)y->account ? -1 : 1;
	int order = strcmp(lmtp_recipient_detail(x), lmtp_recipient_detail(y));
	if (order != 0)
		return order;
	return x < y ? -1 : x > y;
}

/* Recipients of the same account and subaddress get one copy: the first one's, which the others share. */
static void lmtp_transaction_share_copies(struct lmtp_transaction *transaction)
{
	unsigned count = transaction->recipient_count;
	struct lmtp_recipient **sorted = mem_alloc(count * sizeof(struct lmtp_recipient *));

	for (unsigned i = 0; i < count; i++)
		sorted[i] = &transaction->recipients[i];
	qsort(sorted, count, sizeof(struct lmtp_recipient *), lmtp_recipient_compare);
	for (unsigned i = 1; i < count; i++) {
		if (!lmtp_recipient_same(sorted[i - 1], sorted[i]))
			continue;
		sorted[i]->shares = true;
		sorted[i - 1]->next_same = (unsigned)(sorted[i] - transaction->recipients);
	}
	free(sorted);
}

/* Makes the copy of the n-th recipient. `head`: the header lines before the message. */
static struct delivery *lmtp_delivery_new(
	struct lmtp_transaction *transaction, unsigned n, struct content *content, struct strv head)
{
	const struct lmtp_recipient *recipient = &transaction->recipients[n];
	struct delivery *delivery = delivery_new(content, head, strv_cstr(lmtp_recipient_detail(recipient)));
	struct lmtp_delivery_ctx *ctx = mem_zalloc(sizeof(*ctx));

	ctx->hub = transaction->hub;
	ctx->trace = trace_ref(transaction->trace);
	delivery->ctx = ctx;
	delivery->recipient = arena_strdup(delivery->arena, recipient->address);
	delivery->coi = transaction->settings->coi;
	delivery->webpush = transaction->settings->webpush;
	delivery->index = n;
	delivery->job.home = transaction->hub->reactor;
	delivery->job.asker = transaction->id;
	delivery->job.done = lmtp_delivery_done;
	return delivery;
}

static void lmtp_transaction_submit(struct lmtp_transaction *transaction, struct content *content)
{
	bool empty_line = lmtp_needs_empty_line(content);
	struct buf head;
	unsigned refused = 0;

	buf_init(&head, TRACE_HEAD_MAX);
	lmtp_transaction_share_copies(transaction);
	for (unsigned i = 0; i < transaction->recipient_count; i++) {
		const struct lmtp_recipient *recipient = &transaction->recipients[i];
		if (recipient->shares)
			continue;
		buf_reset(&head);
		trace_print(transaction->trace, recipient->address, &head);
		if (empty_line)
			buf_adds(&head, "\r\n");
		struct delivery *delivery = lmtp_delivery_new(transaction, i, content, buf_strv(&head));
		enum rc rc = job_submit(recipient->account, &delivery->job);
		if (rc != RC_OK) {
			lmtp_transaction_answer(transaction, i, rc, STRV(""));
			refused++;
			lmtp_delivery_free(&delivery);
		}
	}
	buf_fini(&head);
	if (refused > 0)
		lmtp_transaction_send_replies(transaction);
}

static void lmtp_transaction_spooled(void *arg, enum rc rc, struct content *content)
{
	struct lmtp_spool_wait *wait = arg;
	struct lmtp_transaction *transaction = lmtp_transaction_find(wait->hub, wait->id);

	if (transaction && rc == RC_OK)
		lmtp_transaction_submit(transaction, content);
	else if (transaction)
		lmtp_transaction_fail(transaction, rc);
	content_unref(&content);
	free(wait);
}

void lmtp_transaction_deliver(struct lmtp_transaction *transaction)
{
	struct lmtp *lmtp = transaction->hub->lmtp;

	trace_received(transaction->trace, transaction->data_size);
	transaction->next_reply = 0;
	atomic_fetch_add(&lmtp->messages, 1);
	atomic_fetch_add(&lmtp->bytes, transaction->data_size);
	if (transaction->data_rc != RC_OK) {
		lmtp_transaction_fail(transaction, transaction->data_rc);
		return;
	}
	struct lmtp_spool_wait *wait = mem_zalloc(sizeof(*wait));
	struct spool *spool = transaction->spool;
	wait->hub = transaction->hub;
	wait->id = transaction->id;
	transaction->spool = NULL;
	spool_finish(spool, lmtp_transaction_spooled, wait);
}
