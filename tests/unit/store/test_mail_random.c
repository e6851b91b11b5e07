/*
 * A random sequence of operations on mailboxes against a simple model: rows, counters, quota, modseqs and the
 * expunge log must agree at every step. COID_TEST_SEED repeats a run, COID_TEST_STEPS makes it longer.
 */
#include "mail_fixture.h"

#define MBOXES 12 /* at most */
#define NAMES 9 /* of mailboxes */
#define WORDS 6 /* of keywords */
#define POINTS 24 /* of the past that are asked for again */
#define MESSAGES_MAX 400 /* a mailbox */
#define LOG_MAX 4000

static const char *const names[NAMES] = { "a", "a/b", "a/b/c", "b", "b/x", "c", "c/c", "d", "INBOX/in" };
static const char *const words[WORDS] = { "$Label1", "work", "Junk", "later", "$Forwarded", "x" };

struct model_msg {
	uint32_t uid;
	uint32_t flags;
	uint32_t words;
	uint32_t size;
	uint64_t modseq;
	bool changed; /* by the last operation: a new modseq is due */
};

struct model_log {
	uint32_t uid;
	uint64_t modseq; /* 0: to be learnt from HIGHESTMODSEQ after the operation */
};

struct model_mbox {
	char name[32];
	int64_t id;
	uint32_t uidvalidity;
	uint32_t uidnext;
	uint32_t recent_from;
	uint64_t highest;
	bool noselect;
	bool touched; /* HIGHESTMODSEQ must have grown */
	struct model_msg *msgs; /* own */
	size_t count;
	struct model_log *log; /* own */
	size_t log_count;
	uint64_t points[POINTS];
};

struct model {
	struct fixture *f;
	uint64_t random;
	struct model_mbox *mboxes[MBOXES * 3];
	size_t count;
	uint32_t uidvalidity;
	uint64_t modseq;
	unsigned step;
};

static uint32_t draw(struct model *m, uint32_t below)
{
	m->random ^= m->random << 13;
	m->random ^= m->random >> 7;
	m->random ^= m->random << 17;
	return (uint32_t)((m->random >> 16) % below);
}

static struct model_mbox *model_find(struct model *m, const char *name)
{
	for (size_t i = 0; i < m->count; i++) {
		if (strcmp(m->mboxes[i]->name, name) == 0)
			return m->mboxes[i];
	}
	return NULL;
}

static struct model_mbox *model_add(struct model *m, const char *name, bool noselect)
{
	struct model_mbox *box = mem_zalloc(sizeof(*box));
	struct mbox_info info = t_info(m->f, name);
	snprintf(box->name, sizeof(box->name), "%s", name);
	box->msgs = mem_alloc(MESSAGES_MAX * sizeof(*box->msgs));
	box->log = mem_alloc(LOG_MAX * sizeof(*box->log));
	box->id = info.id;
	box->uidnext = 1;
	box->recent_from = 1;
	box->uidvalidity = info.uidvalidity;
	box->highest = info.highestmodseq;
	box->noselect = noselect;
	assert_int_equal(!!(info.attrs & MBOX_NOSELECT), noselect);
	assert_true(info.uidvalidity > m->uidvalidity);
	m->uidvalidity = info.uidvalidity;
	m->mboxes[m->count++] = box;
	return box;
}

static void model_box_free(struct model_mbox *box)
{
	free(box->msgs);
	free(box->log);
	free(box);
}

static void model_remove(struct model *m, struct model_mbox *box)
{
	size_t i = 0;
	while (m->mboxes[i] != box)
		i++;
	m->mboxes[i] = m->mboxes[--m->count];
	model_box_free(box);
}

static struct model_mbox *any_box(struct model *m)
{
	for (;;) {
		struct model_mbox *box = m->mboxes[draw(m, (uint32_t)m->count)];
		if (!box->noselect)
			return box;
	}
}

static bool is_below(const char *name, const char *parent)
{
	size_t n = strlen(parent);
	return strncmp(name, parent, n) == 0 && name[n] == '/';
}

static bool has_children(const struct model *m, const char *name)
{
	for (size_t i = 0; i < m->count; i++) {
		if (is_below(m->mboxes[i]->name, name))
			return true;
	}
	return false;
}

/* A set of a few ranges about the UIDs that are or were there. */
static void draw_set(struct model *m, const struct model_mbox *box, struct seqset *set)
{
	seqset_init(set);
	uint32_t ranges = 1 + draw(m, 3);
	for (uint32_t i = 0; i < ranges; i++) {
		uint32_t lo = 1 + draw(m, box->uidnext + 1);
		seqset_add_range(set, lo, lo + draw(m, 6));
	}
	if (draw(m, 12) == 0)
		seqset_add_range(set, 1, UINT32_MAX - 1);
}

static uint32_t draw_flags(struct model *m)
{
	static const uint32_t flags[] = { MSG_SEEN, MSG_ANSWERED, MSG_FLAGGED, MSG_DELETED, MSG_DRAFT };
	uint32_t drawn = 0;
	for (size_t i = 0; i < 5; i++) {
		if (draw(m, 3) == 0)
			drawn |= flags[i];
	}
	return drawn;
}

static uint32_t draw_words(struct model *m)
{
	return draw(m, 3) == 0 ? draw(m, 1u << WORDS) : 0;
}

/* Comparison. */

struct look_call {
	int64_t mailbox;
	struct rows_call rows;
	uint32_t words[KEYWORDS_FIRST]; /* what a bit means here */
	struct mbox_info info;
};

static enum rc look_run(struct account *account, void *arg)
{
	struct look_call *call = arg;
	const struct strv *keyword;
	size_t count;
	call->rows.mailbox = call->mailbox;
	enum rc rc = rows_run(account, &call->rows);
	if (rc == RC_OK)
		rc = mbox_keywords(account, call->mailbox, &keyword, &count);
	if (rc == RC_OK)
		rc = mbox_get(account, call->mailbox, &call->info);
	for (size_t i = 0; rc == RC_OK && i < count && i < KEYWORDS_FIRST; i++) {
		for (uint32_t w = 0; w < WORDS; w++) {
			if (strv_eq(keyword[i], strv_cstr(words[w])))
				call->words[i] = 1u << w;
		}
	}
	return rc;
}

static uint32_t words_of(const struct look_call *look, uint64_t keywords)
{
	uint32_t mask = 0;
	for (size_t i = 0; i < KEYWORDS_FIRST; i++) {
		if (keywords & (UINT64_C(1) << i))
			mask |= look->words[i];
	}
	return mask;
}

static void compare_rows(struct model *m, struct model_mbox *box, const struct look_call *look)
{
	assert_int_equal(look->rows.count, box->count);
	for (size_t i = 0; i < box->count; i++) {
		const struct msg_row *row = &look->rows.rows[i];
		struct model_msg *msg = &box->msgs[i];
		assert_int_equal(row->uid, msg->uid);
		assert_int_equal(row->flags, msg->flags);
		assert_int_equal(words_of(look, row->keywords), msg->words);
		assert_int_equal(row->size, msg->size);
		if (msg->changed)
			assert_true(row->modseq > box->highest);
		else
			assert_true(row->modseq == msg->modseq);
		assert_true(row->modseq <= look->info.highestmodseq);
		msg->modseq = row->modseq;
		msg->changed = false;
	}
	(void)m;
}

static void compare_counts(const struct model_mbox *box, const struct mbox_info *info)
{
	uint32_t unseen = 0, deleted = 0, recent = 0;
	uint64_t size = 0;
	for (size_t i = 0; i < box->count; i++) {
		unseen += !(box->msgs[i].flags & MSG_SEEN);
		deleted += !!(box->msgs[i].flags & MSG_DELETED);
		recent += box->msgs[i].uid >= box->recent_from;
		size += box->msgs[i].size;
	}
	assert_int_equal(info->messages, box->count);
	assert_int_equal(info->unseen, unseen);
	assert_int_equal(info->deleted, deleted);
	assert_int_equal(info->recent, recent);
	assert_int_equal(info->size, size);
	assert_int_equal(info->uidnext, box->uidnext);
	assert_int_equal(info->uidvalidity, box->uidvalidity);
}

static void compare_box(struct model *m, struct model_mbox *box)
{
	struct look_call look = { .mailbox = box->id };
	if (box->noselect)
		return;
	assert_int_equal(run(m->f, JOB_READ, look_run, &look), RC_OK);
	compare_rows(m, box, &look);
	compare_counts(box, &look.info);
	if (box->touched)
		assert_true(look.info.highestmodseq > m->modseq);
	else
		assert_true(look.info.highestmodseq == box->highest);
	for (size_t i = box->log_count; i > 0 && box->log[i - 1].modseq == 0; i--)
		box->log[i - 1].modseq = look.info.highestmodseq;
	box->highest = look.info.highestmodseq;
	box->points[m->step % POINTS] = box->highest;
	free(look.rows.rows);
}

static void compare_log(struct model *m, const struct model_mbox *box)
{
	struct since_call call = { .mailbox = box->id, .since = box->points[draw(m, POINTS)] };
	struct seqset expected = SEQSET_EMPTY;
	if (box->noselect)
		return;
	assert_int_equal(run(m->f, JOB_READ, since_run, &call), RC_OK);
	for (size_t i = 0; i < box->log_count; i++) {
		if (box->log[i].modseq > call.since)
			seqset_add(&expected, box->log[i].uid);
	}
	if (call.complete) {
		assert_true(seqset_equal(&expected, &call.uids));
	} else {
		/* All UIDs in the result were expected. */
		seqset_remove_set(&call.uids, &expected);
		assert_true(seqset_empty(&call.uids));
	}
	seqset_fini(&expected);
	seqset_fini(&call.uids);
}

/* Checks `a` and `b` (may be NULL), every now and then all. */
static void compare(struct model *m, struct model_mbox *a, struct model_mbox *b)
{
	bool all = m->step % 16 == 0 || !a;
	uint64_t messages = 0, storage = 0;
	for (size_t i = 0; i < m->count; i++) {
		struct model_mbox *box = m->mboxes[i];
		if (all || box == a || box == b)
			compare_box(m, box);
		messages += box->count;
		for (size_t k = 0; k < box->count; k++)
			storage += box->msgs[k].size;
	}
	for (size_t i = 0; i < m->count; i++) {
		if (m->mboxes[i]->highest > m->modseq)
			m->modseq = m->mboxes[i]->highest;
		m->mboxes[i]->touched = false;
	}
	struct quota quota = t_quota(m->f);
	assert_int_equal(quota.messages_used, messages);
	assert_int_equal(quota.storage_used, storage);
	assert_int_equal(quota.mailboxes_used, m->count);
	if (a)
		compare_log(m, a);
}

/* Operations. Each may be undone: its job does everything and fails, and nothing may have happened. */

struct undone {
	enum rc (*fn)(struct account *account, void *arg);
	void *arg;
};

static enum rc undone_run(struct account *account, void *arg)
{
	struct undone *undone = arg;
	enum rc rc = undone->fn(account, undone->arg);
	return rc == RC_OK ? RC_PERM : rc;
}

/* False: the job was made to fail. */
static bool op_run(struct model *m, enum rc (*fn)(struct account *account, void *arg), void *arg)
{
	struct undone undone = { fn, arg };
	if (draw(m, 8) == 0) {
		assert_int_equal(run(m->f, JOB_WRITE, undone_run, &undone), RC_PERM);
		return false;
	}
	assert_int_equal(run(m->f, JOB_WRITE, fn, arg), RC_OK);
	return true;
}

static struct model_msg *model_append(struct model_mbox *box, uint32_t flags, uint32_t mask, uint32_t size)
{
	assert_true(box->count < MESSAGES_MAX);
	box->msgs[box->count] = (struct model_msg){ box->uidnext++, flags, mask, size, 0, true };
	box->touched = true;
	return &box->msgs[box->count++];
}

static void op_append(struct model *m)
{
	struct model_mbox *box = any_box(m);
	struct append_call call = { .mailbox = box->id, .times = 1 + draw(m, 4), .flags = draw_flags(m) };
	uint32_t mask = draw_words(m);
	char text[400];

	if (box->count + call.times > MESSAGES_MAX / 2)
		return;
	uint32_t size = 20 + draw(m, 300);
	snprintf(text, sizeof(text), "Subject: %u\r\n\r\n%0*u", m->step, (int)size, m->step);
	for (uint32_t w = 0; w < WORDS; w++) {
		if (mask & (1u << w))
			call.keywords[call.keyword_count++] = strv_cstr(words[w]);
	}
	call.content = content_from_bytes(m->f->store, strv_cstr(text));
	if (op_run(m, append_run, &call)) {
		for (unsigned i = 0; i < call.times; i++)
			model_append(box, call.flags, mask, (uint32_t)strlen(text));
	}
	content_unref(&call.content);
	compare(m, box, NULL);
}

static void model_flags(struct model_msg *msg, enum flag_op op, uint32_t flags, uint32_t mask)
{
	struct model_msg old = *msg;
	switch (op) {
	case FLAGS_SET:
		msg->flags = flags;
		msg->words = mask;
		break;
	case FLAGS_ADD:
		msg->flags |= flags;
		msg->words |= mask;
		break;
	case FLAGS_REMOVE:
		msg->flags &= ~flags;
		msg->words &= ~mask;
		break;
	}
	if (msg->flags != old.flags || msg->words != old.words)
		msg->changed = true;
}

static void op_flags(struct model *m)
{
	struct model_mbox *box = any_box(m);
	struct flags_call call = { .mailbox = box->id,
		.op = (enum flag_op)draw(m, 3),
		.flags = draw_flags(m),
		.unchanged_since = draw(m, 2) ? UINT64_MAX : box->points[draw(m, POINTS)] };
	struct strv list[WORDS];
	uint32_t mask = draw_words(m);
	size_t count = 0;

	draw_set(m, box, &call.uids);
	for (uint32_t w = 0; w < WORDS; w++) {
		if (mask & (1u << w))
			list[count++] = strv_cstr(words[w]);
	}
	assert_int_equal(t_keywords(m->f, box->id, list, count, true, &call.keywords), RC_OK);
	if (op_run(m, flags_run, &call)) {
		for (size_t i = 0; i < box->count; i++) {
			struct model_msg *msg = &box->msgs[i];
			if (!seqset_contains(&call.uids, msg->uid))
				continue;
			assert_int_equal(seqset_contains(&call.modified, msg->uid),
				msg->modseq > call.unchanged_since);
			assert_false(seqset_contains(&call.gone, msg->uid));
			if (msg->modseq <= call.unchanged_since)
				model_flags(msg, call.op, call.flags, mask);
			box->touched |= msg->changed;
		}
	}
	seqset_fini(&call.uids);
	seqset_fini(&call.modified);
	seqset_fini(&call.gone);
	compare(m, box, NULL);
}

/* Takes messages out of the model; modseq 0 in the log until it is known. */
static void model_expunge(struct model_mbox *box, const struct seqset *uids, bool any_flags, uint32_t below)
{
	size_t to = 0;
	for (size_t i = 0; i < box->count; i++) {
		struct model_msg *msg = &box->msgs[i];
		if (msg->uid < below && seqset_contains(uids, msg->uid) &&
			(any_flags || (msg->flags & MSG_DELETED))) {
			assert_true(box->log_count < LOG_MAX);
			box->log[box->log_count++] = (struct model_log){ msg->uid, 0 };
			box->touched = true;
			continue;
		}
		box->msgs[to++] = *msg;
	}
	box->count = to;
}

static void op_expunge(struct model *m)
{
	struct model_mbox *box = any_box(m);
	struct expunge_call call = { .mailbox = box->id, .any_flags = draw(m, 3) == 0 };
	struct seqset set;

	if (box->log_count > LOG_MAX / 2)
		return;
	draw_set(m, box, &set);
	if (draw(m, 4) == 0 && !call.any_flags)
		seqset_add_range(&set, 1, UINT32_MAX - 1);
	call.uids = &set;
	size_t before = box->log_count;
	if (op_run(m, expunge_run, &call)) {
		model_expunge(box, &set, call.any_flags, UINT32_MAX);
		assert_int_equal(seqset_count(&call.removed), box->log_count - before);
	}
	seqset_fini(&set);
	seqset_fini(&call.removed);
	compare(m, box, NULL);
}

static void op_copy(struct model *m)
{
	struct model_mbox *from = any_box(m);
	struct model_mbox *to = draw(m, 5) ? any_box(m) : from;
	struct copy_call call = { .from = from->id, .to = to->id, .move = draw(m, 2) == 0 };
	size_t matched = 0;

	draw_set(m, from, &call.uids);
	for (size_t i = 0; i < from->count; i++)
		matched += seqset_contains(&call.uids, from->msgs[i].uid);
	if (to->count + matched > MESSAGES_MAX / 2 || from->log_count > LOG_MAX / 2)
		call.uids.n = 0;
	if (op_run(m, copy_run, &call)) {
		size_t count = from->count;
		uint32_t first = to->uidnext;
		for (size_t i = 0; i < count; i++) {
			struct model_msg msg = from->msgs[i];
			if (seqset_contains(&call.uids, msg.uid))
				model_append(to, msg.flags, msg.words, msg.size);
		}
		if (call.move)
			model_expunge(from, &call.uids, true, from == to ? first : UINT32_MAX);
		assert_int_equal(call.result.uidvalidity, to->uidvalidity);
		assert_int_equal(seqset_count(&call.result.dst), to->uidnext - first);
		assert_int_equal(seqset_count(&call.result.src), to->uidnext - first);
		if (to->uidnext > first)
			assert_int_equal(call.result.dst.v[0].lo, first);
	}
	seqset_fini(&call.uids);
	seqset_fini(&call.result.src);
	seqset_fini(&call.result.dst);
	compare(m, from, to);
}

static void add_parents(struct model *m, const char *name)
{
	char parent[32];
	for (size_t i = 0; name[i]; i++) {
		if (name[i] != '/')
			continue;
		snprintf(parent, sizeof(parent), "%.*s", (int)i, name);
		if (!model_find(m, parent))
			model_add(m, parent, true);
	}
}

/* Names that were there only for what is not below them any more. */
static void drop_parents(struct model *m, const char *name)
{
	char parent[32];
	for (size_t n = strlen(name); n > 0; n--) {
		if (name[n - 1] != '/')
			continue;
		snprintf(parent, sizeof(parent), "%.*s", (int)n - 1, name);
		struct model_mbox *box = model_find(m, parent);
		if (!box || !box->noselect || has_children(m, parent))
			return;
		model_remove(m, box);
	}
}

static void op_create(struct model *m)
{
	const char *name = names[draw(m, NAMES)];
	struct model_mbox *box = model_find(m, name);
	enum rc rc = t_create(m->f, name);

	if (box && !box->noselect) {
		assert_int_equal(rc, RC_EXISTS);
		return;
	}
	assert_int_equal(rc, RC_OK);
	if (box)
		model_remove(m, box);
	add_parents(m, name);
	model_add(m, name, false);
	compare(m, NULL, NULL);
}

static void op_delete(struct model *m)
{
	const char *name = names[draw(m, NAMES)];
	struct model_mbox *box = model_find(m, name);
	bool children = has_children(m, name);
	enum rc rc = t_delete(m->f, name);

	if (!box) {
		assert_int_equal(rc, RC_NOT_FOUND);
		return;
	}
	if (box->noselect && children) {
		assert_int_equal(rc, RC_INVALID);
		return;
	}
	assert_int_equal(rc, RC_OK);
	model_remove(m, box);
	if (children)
		model_add(m, name, true);
	else
		drop_parents(m, name);
	compare(m, NULL, NULL);
}

static void op_rename(struct model *m)
{
	const char *from = names[draw(m, NAMES)];
	const char *to = names[draw(m, NAMES)];
	enum rc expected = RC_OK;
	char name[64];

	if (!model_find(m, from))
		expected = RC_NOT_FOUND;
	else if (model_find(m, to))
		expected = RC_EXISTS;
	else if (is_below(to, from))
		expected = RC_INVALID;
	assert_int_equal(t_rename(m->f, from, to), expected);
	if (expected != RC_OK)
		return;
	for (size_t i = 0; i < m->count; i++) {
		struct model_mbox *box = m->mboxes[i];
		if (strcmp(box->name, from) != 0 && !is_below(box->name, from))
			continue;
		snprintf(name, sizeof(name), "%s%s", to, box->name + strlen(from));
		assert_true(strlen(name) < sizeof(box->name));
		memcpy(box->name, name, strlen(name) + 1);
		assert_int_equal(t_id(m->f, name), box->id);
	}
	add_parents(m, to);
	drop_parents(m, from);
	compare(m, NULL, NULL);
}

static void op_rename_inbox(struct model *m)
{
	struct model_mbox *inbox = model_find(m, "INBOX");
	const char *to = names[draw(m, NAMES)];
	struct seqset all = SEQSET_EMPTY;

	if (model_find(m, to))
		return;
	assert_int_equal(t_rename(m->f, "INBOX", to), RC_OK);
	add_parents(m, to);
	struct model_mbox *box = model_add(m, to, false);
	for (size_t i = 0; i < inbox->count; i++)
		model_append(box, inbox->msgs[i].flags, inbox->msgs[i].words, inbox->msgs[i].size);
	/* It has been found with its messages already in it. */
	box->highest--;
	box->touched = box->count > 0;
	if (box->count == 0)
		box->highest++;
	seqset_add_range(&all, 1, UINT32_MAX - 1);
	model_expunge(inbox, &all, true, UINT32_MAX);
	seqset_fini(&all);
	compare(m, NULL, NULL);
}

static void op_select(struct model *m)
{
	struct model_mbox *box = any_box(m);
	bool read_write = draw(m, 2) == 0;
	struct mbox_snapshot s = t_select(m->f, box->id, read_write);
	uint32_t unseen = 0;

	assert_int_equal(seqset_count(&s.uids), box->count);
	for (size_t i = 0; i < box->count; i++) {
		assert_true(seqset_contains(&s.uids, box->msgs[i].uid));
		if (unseen == 0 && !(box->msgs[i].flags & MSG_SEEN))
			unseen = box->msgs[i].uid;
	}
	assert_int_equal(s.first_unseen, unseen);
	if (s.recent > 0)
		assert_int_equal(s.first_recent, box->recent_from);
	if (read_write && s.recent > 0)
		box->recent_from = box->uidnext;
	seqset_fini(&s.uids);
	compare(m, box, NULL);
}

static void op_batch(struct model *m)
{
	struct waiting_job jobs[16];
	struct append_call calls[16];
	struct model_mbox *boxes[16];
	struct content *content = content_from_bytes(m->f->store, strv_cstr(TEST_MESSAGE));
	bool fails[16];
	struct undone undone[16];

	for (size_t i = 0; i < 16; i++) {
		boxes[i] = any_box(m);
		calls[i] = (struct append_call){ .mailbox = boxes[i]->id, .content = content, .times = 1 };
		undone[i] = (struct undone){ append_run, &calls[i] };
		fails[i] = draw(m, 4) == 0 || boxes[i]->count > MESSAGES_MAX / 2;
		waiting_submit(m->f->account, &jobs[i], JOB_WRITE, fails[i] ? undone_run : append_run,
			fails[i] ? (void *)&undone[i] : &calls[i]);
	}
	for (size_t i = 0; i < 16; i++) {
		assert_int_equal(waiting_wait(&jobs[i]), fails[i] ? RC_PERM : RC_OK);
		if (!fails[i])
			model_append(boxes[i], 0, 0, sizeof(TEST_MESSAGE) - 1);
	}
	content_unref(&content);
	compare(m, NULL, NULL);
}

static void op_forget(struct model *m)
{
	if (draw(m, 2) == 0) {
		fixture_reopen(m->f);
		compare(m, NULL, NULL);
		return;
	}
	fixture_drop_index(m->f, any_box(m)->id);
}

static void step(struct model *m)
{
	static void (*const ops[])(struct model * m) = { op_append, op_append, op_append, op_append, op_flags,
		op_flags, op_flags, op_flags, op_copy, op_copy, op_copy, op_expunge, op_expunge, op_select,
		op_create, op_create, op_delete, op_rename, op_rename_inbox, op_batch, op_forget };
	uint32_t op = draw(m, sizeof(ops) / sizeof(*ops));

	/* Some are rarer. */
	if (op >= 16 && draw(m, 3) != 0)
		op = draw(m, 16);
	ops[op](m);
}

static void random_work(uint64_t seed, unsigned steps)
{
	struct store_settings settings;
	store_settings_init(&settings);
	settings.expunge_log_max = 60;
	settings.index_memory = 8 * 1024;
	struct model m = { .f = fixture_new(&settings), .random = seed };

	for (int i = 0; i < 8; i++)
		draw(&m, 2);
	model_add(&m, "INBOX", false);
	for (m.step = 1; m.step <= steps; m.step++)
		step(&m);
	compare(&m, NULL, NULL);
	assert_int_equal(t_sql(m.f, "SELECT count(*) FROM blob b WHERE b.refs <>"
				    " (SELECT count(*) FROM msg WHERE blob = b.id)"),
		0);
	assert_int_equal(t_sql(m.f, "SELECT count(*) FROM mailbox b WHERE b.log_rows <>"
				    " (SELECT count(*) FROM expunged WHERE mailbox = b.id)"),
		0);
	while (m.count > 0)
		model_box_free(m.mboxes[--m.count]);
	fixture_free(&m.f);
}

static unsigned long long from_environment(const char *name, unsigned long long otherwise)
{
	const char *value = getenv(name);
	return value ? strtoull(value, NULL, 10) : otherwise;
}

static void mailboxes_agree_with_a_model_after_every_random_step(void **state)
{
	(void)state;
	unsigned steps = (unsigned)from_environment("COID_TEST_STEPS", 1200);
	uint64_t seed = from_environment("COID_TEST_SEED", 0);

	if (seed) {
		random_work(seed, steps);
		return;
	}
	random_work(20261124, steps);
	seed = (uint64_t)clock_wall_us() | 1;
	print_message("COID_TEST_SEED=%llu\n", (unsigned long long)seed);
	random_work(seed, steps);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(mailboxes_agree_with_a_model_after_every_random_step),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
