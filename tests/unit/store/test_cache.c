/* The data computed at delivery, and their loss. */
#include "mail_fixture.h"

#define ALL (MSG_ENVELOPE | MSG_BODY | MSG_BODYSTRUCTURE | MSG_PARTS | MSG_HEADERS | MSG_PREVIEW)
#define MULTIPART                                                                                            \
	"From: a@example.org\r\nSubject: Two parts\r\nMIME-Version: 1.0\r\n"                                 \
	"Content-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\n\r\nfirst\r\n--x\r\n"                       \
	"Content-Type: text/html\r\n\r\n<b>second</b>\r\n--x--\r\n"
#define PREFIX "Return-Path: <b@example.org>\r\nDelivered-To: c@example.org\r\n"

struct cached_call {
	struct msg_row row;
	unsigned want;
	struct arena *arena; /* own */
	struct msg_cached cached;
};

static enum rc cached_run(struct account *account, void *arg)
{
	struct cached_call *call = arg;
	arena_reset(call->arena);
	return msg_cached(account, &call->row, call->want, call->arena, &call->cached);
}

static struct cached_call t_cached(struct fixture *f, uint32_t uid, unsigned want, enum job_kind kind)
{
	struct cached_call call = { .row = t_row(f, f->inbox, uid), .want = want, .arena = arena_new(0) };
	assert_int_equal(run(f, kind, cached_run, &call), RC_OK);
	return call;
}

static void assert_same_strv(struct strv a, struct strv b)
{
	assert_int_equal(a.n, b.n);
	if (a.n)
		assert_memory_equal(a.p, b.p, a.n);
}

static void assert_same(const struct msg_cached *a, const struct msg_cached *b)
{
	assert_same_strv(a->envelope, b->envelope);
	assert_same_strv(a->body, b->body);
	assert_same_strv(a->bodystructure, b->bodystructure);
	assert_same_strv(a->parts, b->parts);
	/* An empty one says only that it was not cached. */
	if (a->headers.n > 0)
		assert_same_strv(a->headers, b->headers);
	assert_same_strv(a->preview, b->preview);
	assert_true(a->sent_date == b->sent_date);
	assert_int_equal(a->sent_zone, b->sent_zone);
	assert_int_equal(a->has_nul, b->has_nul);
}

static void fetch_finds_what_was_computed_at_delivery(void **state)
{
	(void)state;
	struct fixture *f = fixture_new(NULL);

	t_append(f, f->inbox, 0, 1);
	struct cached_call call = t_cached(f, 1, ALL, JOB_READ);
	assert_memory_equal(call.cached.envelope.p, "(\"Mon, 2 Nov 2026 10:00:00 +0100\" \"Hello\"", 41);
	assert_int_equal(call.cached.bodystructure.p[0], '(');
	assert_true(call.cached.headers.n > 0);
	assert_same_strv(call.cached.preview, STRV("Text"));
	assert_int_equal(call.cached.sent_date, clock_from_utc(2026, 11, 2, 9, 0, 0));
	assert_int_equal(call.cached.sent_zone, 60);
	assert_false(call.cached.has_nul);
	arena_free(&call.arena);
	call = t_cached(f, 1, MSG_BODY, JOB_READ);
	assert_int_equal(call.cached.envelope.n, 0);
	assert_true(call.cached.body.n > 0);
	arena_free(&call.arena);
	fixture_free(&f);
}

static void a_message_without_a_date_has_none(void **state)
{
	(void)state;
	struct fixture *f = fixture_new(NULL);
	struct append_call append = { .mailbox = f->inbox, .times = 1 };

	assert_int_equal(t_append_call(f, &append, "Subject: x\r\n\r\n"), RC_OK);
	struct cached_call call = t_cached(f, 1, MSG_ENVELOPE, JOB_READ);
	assert_true(call.cached.sent_date == INT64_MIN);
	arena_free(&call.arena);
	fixture_free(&f);
}

/* Waits for the row that a reading job has left to a job of its own. */
static void assert_row_comes_back(struct fixture *f)
{
	for (int i = 0; i < 100 && t_sql(f, "SELECT count(*) FROM cache WHERE version = 3") == 0; i++)
		;
	assert_int_equal(t_sql(f, "SELECT count(*) FROM cache WHERE version = 3"), 1);
}

static void assert_damage_is_repaired(char *sql, const char *text, struct strv prefix, enum job_kind kind)
{
	struct fixture *f = fixture_new(NULL);
	struct append_call append = { .mailbox = f->inbox, .times = 1, .prefix = prefix };

	assert_int_equal(t_append_call(f, &append, text), RC_OK);
	struct cached_call before = t_cached(f, 1, ALL, JOB_READ);
	t_script(f, sql);
	struct cached_call after = t_cached(f, 1, ALL, kind);
	assert_same(&before.cached, &after.cached);
	arena_free(&after.arena);
	assert_row_comes_back(f);
	after = t_cached(f, 1, ALL, JOB_READ);
	assert_same(&before.cached, &after.cached);
	arena_free(&after.arena);
	arena_free(&before.arena);
	fixture_free(&f);
}

static void a_lost_row_is_computed_from_the_bytes(void **state)
{
	(void)state;
	assert_damage_is_repaired((char[]){ "DELETE FROM cache" }, TEST_MESSAGE, STRV_NULL, JOB_READ);
	assert_damage_is_repaired((char[]){ "DELETE FROM cache" }, TEST_MESSAGE, STRV_NULL, JOB_WRITE);
	assert_damage_is_repaired((char[]){ "DELETE FROM cache" }, MULTIPART, STRV_NULL, JOB_READ);
}

static void a_row_of_another_version_is_computed_anew(void **state)
{
	(void)state;
	assert_damage_is_repaired((char[]){ "UPDATE cache SET version = 0, envelope = 'old'" }, TEST_MESSAGE,
		STRV_NULL, JOB_READ);
}

static void a_damaged_row_is_computed_anew(void **state)
{
	(void)state;
	assert_damage_is_repaired(
		(char[]){ "UPDATE cache SET envelope = ''" }, TEST_MESSAGE, STRV_NULL, JOB_READ);
	assert_damage_is_repaired(
		(char[]){ "UPDATE cache SET body = '('" }, TEST_MESSAGE, STRV_NULL, JOB_READ);
	assert_damage_is_repaired(
		(char[]){ "UPDATE cache SET bodystructure = 'x'" }, MULTIPART, STRV_NULL, JOB_READ);
	assert_damage_is_repaired(
		(char[]){ "UPDATE cache SET parts = x'ff'" }, MULTIPART, STRV_NULL, JOB_READ);
	assert_damage_is_repaired(
		(char[]){ "UPDATE cache SET parts = x'0100000001'" }, MULTIPART, STRV_NULL, JOB_READ);
}

/* The flipped bit leaves a valid envelope that is not the one that was written. */
static void a_flipped_bit_of_a_row_is_noticed(void **state)
{
	(void)state;
	static const char *const columns[] = { "envelope", "body", "bodystructure", "headers" };
	for (unsigned i = 0; i < 4; i++) {
		char sql[200];
		snprintf(sql, sizeof(sql),
			"UPDATE cache SET %s = CAST(replace(CAST(%s AS TEXT), 'a', 'c') AS BLOB)", columns[i],
			columns[i]);
		assert_damage_is_repaired(sql, MULTIPART, STRV(PREFIX), JOB_READ);
	}
	static const char *const numbers[] = { "sent_date = sent_date + 1", "sent_date = NULL", "has_nul = 1",
		"sent_zone = sent_zone + 1", "sent_zone = -sent_zone", "version = version + 1",
		"version = -version" };
	for (unsigned i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		char sql[200];
		snprintf(sql, sizeof(sql), "UPDATE cache SET %s", numbers[i]);
		assert_damage_is_repaired(sql, TEST_MESSAGE, STRV(PREFIX), JOB_READ);
	}
}

static void what_is_stored_of_a_message_with_a_prefix_is_what_a_scan_finds(void **state)
{
	(void)state;
	assert_damage_is_repaired((char[]){ "DELETE FROM cache" }, TEST_MESSAGE, STRV(PREFIX), JOB_READ);
	assert_damage_is_repaired((char[]){ "DELETE FROM cache" }, MULTIPART, STRV(PREFIX), JOB_READ);
	assert_damage_is_repaired((char[]){ "DELETE FROM cache" }, "\r\nno header", STRV(PREFIX), JOB_READ);
	assert_damage_is_repaired((char[]){ "DELETE FROM cache" }, "", STRV(PREFIX), JOB_READ);
	assert_damage_is_repaired(
		(char[]){ "DELETE FROM cache" }, "just text\r\n\r\nmore: text\r\n", STRV(PREFIX), JOB_READ);
}

/* Returns the octets of the cached header of a message with a prefix of so many octets. */
static size_t cached_header(size_t prefix)
{
	struct fixture *f = fixture_new(NULL);
	char *text = mem_alloc(prefix);
	struct append_call append = { .mailbox = f->inbox, .times = 1, .prefix = { text, prefix } };

	memset(text, 'x', prefix);
	memcpy(text, "X-Note: ", 8);
	memcpy(text + prefix - 2, "\r\n", 2);
	assert_int_equal(t_append_call(f, &append, TEST_MESSAGE), RC_OK);
	int64_t length = t_sql(f, "SELECT coalesce(length(headers), 0) FROM cache");
	free(text);
	fixture_free(&f);
	return (size_t)length;
}

static void a_header_that_a_prefix_makes_too_long_is_not_cached(void **state)
{
	(void)state;
	size_t own = cached_header(100) - 100;

	assert_true(own > 0);
	assert_int_equal(cached_header(CACHE_HEADERS_MAX - 1 - own), CACHE_HEADERS_MAX - 1);
	assert_int_equal(cached_header(CACHE_HEADERS_MAX - own), CACHE_HEADERS_MAX);
	assert_int_equal(cached_header(CACHE_HEADERS_MAX + 1 - own), 0);
}

static void a_message_larger_than_a_step_is_scanned_whole(void **state)
{
	(void)state;
	size_t size = 300 * 1024;
	char *text = mem_alloc(size + 1);

	memset(text, 'x', size);
	text[size] = '\0';
	memcpy(text, MULTIPART, strlen(MULTIPART) - 7);
	memcpy(text + size - 9, "\r\n--x--\r\n", 9);
	for (size_t i = strlen(MULTIPART); i < size - 100; i += 78)
		memcpy(text + i, "\r\n", 2);
	assert_damage_is_repaired((char[]){ "DELETE FROM cache" }, text, STRV(PREFIX), JOB_READ);
	free(text);
}

#define COLUMN(name)                                                                                         \
	{                                                                                                    \
		"SELECT " name " FROM cache", "UPDATE cache SET " name " = ?1"                               \
	}
/* The columns of a row, each of which is damaged in turn. */
static const struct damaged_column {
	const char *select;
	const char *update;
} damaged_columns[] = { COLUMN("preview"), COLUMN("envelope"), COLUMN("body"), COLUMN("bodystructure"),
	COLUMN("parts"), COLUMN("headers"), COLUMN("sums") };

struct damage_call {
	struct cached_call *call;
	const struct msg_cached *whole;
	struct arena *arena; /* own */
	uint64_t rounds;
};

/* Octets `bytes` in place of the column; what is found must be what was stored. */
static enum rc damage_column(struct account *account, struct damage_call *damage,
	const struct damaged_column *column, struct strv bytes)
{
	sqlite3_stmt *stmt;

	enum rc rc = db_prepare(account->db, column->update, &stmt);
	if (rc != RC_OK)
		return rc;
	db_bind_blob(account->db, stmt, 1, bytes);
	rc = db_exec(account->db, stmt);
	if (rc == RC_OK)
		rc = cached_run(account, damage->call);
	if (rc == RC_OK)
		assert_same(damage->whole, &damage->call->cached);
	damage->rounds++;
	return rc;
}

static enum rc damage_every_octet(
	struct account *account, struct damage_call *damage, const struct damaged_column *column)
{
	sqlite3_stmt *stmt;

	enum rc rc = db_one(account->db, &stmt, column->select, "");
	if (rc != RC_OK)
		return rc;
	struct strv whole = arena_strv(damage->arena, db_blob(stmt, 0));
	db_reset(stmt);
	for (size_t i = 0; i < whole.n; i++) {
		/* An exact copy: a read beyond the cut is seen. */
		char *copy = mem_alloc(whole.n);
		memcpy(copy, whole.p, whole.n);
		rc = damage_column(account, damage, column, strv_make(copy, i));
		for (unsigned turn = 1; rc == RC_OK && turn <= 0x80; turn = turn * 4 + 3) {
			copy[i] = (char)((unsigned char)whole.p[i] ^ turn);
			rc = damage_column(account, damage, column, strv_make(copy, whole.n));
		}
		free(copy);
		if (rc != RC_OK)
			return rc;
	}
	return RC_OK;
}

static enum rc damage_run(struct account *account, void *arg)
{
	struct damage_call *damage = arg;
	enum rc rc = RC_OK;

	for (size_t i = 0; rc == RC_OK && i < sizeof(damaged_columns) / sizeof(damaged_columns[0]); i++)
		rc = damage_every_octet(account, damage, &damaged_columns[i]);
	return rc;
}

static void assert_every_damage_is_noticed(const char *text, struct strv prefix)
{
	struct fixture *f = fixture_new(NULL);
	struct append_call append = { .mailbox = f->inbox, .times = 1, .prefix = prefix };

	assert_int_equal(t_append_call(f, &append, text), RC_OK);
	/* The row is as after a new scan: without a prefix it may lack the header. */
	t_script(f, (char[]){ "DELETE FROM cache" });
	struct cached_call whole = t_cached(f, 1, ALL, JOB_WRITE);
	struct cached_call call = { .row = whole.row, .want = ALL, .arena = arena_new(0) };
	struct damage_call damage = { .call = &call, .whole = &whole.cached, .arena = arena_new(0) };
	assert_int_equal(run(f, JOB_WRITE, damage_run, &damage), RC_OK);
	assert_true(damage.rounds > 1000);
	arena_free(&damage.arena);
	arena_free(&call.arena);
	arena_free(&whole.arena);
	fixture_free(&f);
}

static void a_row_that_is_cut_or_turned_anywhere_is_computed_anew(void **state)
{
	(void)state;
	assert_every_damage_is_noticed(MULTIPART, STRV_NULL);
	assert_every_damage_is_noticed(MULTIPART, STRV(PREFIX));
}

static void copies_share_one_row(void **state)
{
	(void)state;
	struct fixture *f = fixture_new(NULL);

	t_append(f, f->inbox, 0, 1);
	assert_copy(f, f->inbox, "1", f->inbox, false, "1>2");
	assert_int_equal(t_sql(f, "SELECT count(*) FROM cache"), 1);
	struct cached_call a = t_cached(f, 1, ALL, JOB_READ);
	struct cached_call b = t_cached(f, 2, ALL, JOB_READ);
	assert_same(&a.cached, &b.cached);
	arena_free(&a.arena);
	arena_free(&b.arena);
	fixture_free(&f);
}

static void bytes_that_cannot_be_read_are_an_error(void **state)
{
	(void)state;
	struct fixture *f = fixture_new(NULL);
	struct cached_call call = { .want = ALL };

	t_append(f, f->inbox, 0, 1);
	call.row = t_row(f, f->inbox, 1);
	call.arena = arena_new(0);
	t_script(f, (char[]){ "DELETE FROM cache; DELETE FROM blob_inline" });
	assert_int_equal(run(f, JOB_READ, cached_run, &call), RC_CORRUPT);
	arena_free(&call.arena);
	fixture_free(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fetch_finds_what_was_computed_at_delivery),
		cmocka_unit_test(a_message_without_a_date_has_none),
		cmocka_unit_test(a_lost_row_is_computed_from_the_bytes),
		cmocka_unit_test(a_row_of_another_version_is_computed_anew),
		cmocka_unit_test(a_damaged_row_is_computed_anew),
		cmocka_unit_test(a_flipped_bit_of_a_row_is_noticed),
		cmocka_unit_test(what_is_stored_of_a_message_with_a_prefix_is_what_a_scan_finds),
		cmocka_unit_test(a_header_that_a_prefix_makes_too_long_is_not_cached),
		cmocka_unit_test(a_message_larger_than_a_step_is_scanned_whole),
		cmocka_unit_test(a_row_that_is_cut_or_turned_anywhere_is_computed_anew),
		cmocka_unit_test(copies_share_one_row),
		cmocka_unit_test(bytes_that_cannot_be_read_are_an_error),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
