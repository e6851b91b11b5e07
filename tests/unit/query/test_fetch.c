#include "query/fetch.h"

#include "base/mem.h"
#include "imap/uid_runs.h"
#include "store/message.h"
#include "support/store_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define ACCOUNT 1
#define TEXT_MAX (64u * 1024 * 1024)

static const char simple[] = "From: A <a@example.org>\r\n"
			     "To: b@example.org\r\n"
			     "Subject: Hello\r\n"
			     "DKIM-Signature: v=1; b=abc\r\n"
			     "Date: Mon, 2 Nov 2026 10:00:00 +0100\r\n"
			     "\r\n"
			     "First line\r\n"
			     "second\r\n";

static const char nested[] = "Subject: outer\r\n"
			     "Content-Type: multipart/mixed; boundary=b\r\n"
			     "\r\n"
			     "--b\r\n"
			     "\r\n"
			     "text\r\n"
			     "--b\r\n"
			     "Content-Type: message/rfc822\r\n"
			     "\r\n"
			     "Subject: inner\r\n"
			     "X-A: 1\r\n"
			     "\r\n"
			     "inner text\r\n"
			     "--b--\r\n";

struct rig_and_root {
	struct rig rig;
	char root[512];
};

static int setup(void **state)
{
	struct rig_and_root *t = mem_zalloc(sizeof(*t));
	rig_folder_make(t->root);
	rig_init(&t->rig, t->root, NULL);
	assert_int_equal(rig_open(&t->rig), RC_OK);
	*state = t;
	return 0;
}

static int teardown(void **state)
{
	struct rig_and_root *t = *state;
	rig_close(&t->rig);
	rig_folder_remove(t->root);
	free(t);
	return 0;
}

static struct rig *rig_of(void **state)
{
	return &((struct rig_and_root *)*state)->rig;
}

static uint32_t add(struct rig *rig, struct strv bytes)
{
	uint32_t uid = 0;
	assert_int_equal(rig_append(rig, ACCOUNT, "INBOX", bytes, STRV_NULL, &uid), RC_OK);
	return uid;
}

/* A FETCH of UIDs lo..hi, which have the sequence numbers from 1 on. */
static struct fetch *fetch_of(struct rig *rig, const char *items, uint32_t lo, uint32_t hi)
{
	struct fetch *fetch = fetch_new();
	struct parse parse;
	parse_init(&parse, strv_cstr(items), fetch->arena);
	assert_true(fetch_plan_parse(&parse, false, &fetch->plan));
	fetch->runs = arena_zalloc(fetch->arena, sizeof(*fetch->runs));
	fetch->runs[0] = (struct uid_run){ .uid_lo = lo, .uid_hi = hi, .seq_lo = 1 };
	fetch->run_count = 1;
	assert_int_equal(rig_find(rig, ACCOUNT, "INBOX", &fetch->mailbox), RC_OK);
	return fetch;
}

static enum rc slice_job(struct account *account, void *arg)
{
	return fetch_slice(account, arg);
}

static enum rc slice(struct rig *rig, struct fetch *fetch)
{
	return rig_run(rig, ACCOUNT, JOB_READ, slice_job, fetch);
}

/* All slices; returns how many there were. */
static unsigned run_all(struct rig *rig, struct fetch *fetch, struct buf *out)
{
	unsigned count = 0;
	buf_init(out, TEXT_MAX);
	do {
		assert_int_equal(slice(rig, fetch), RC_OK);
		buf_addv(out, buf_strv(&fetch->out));
		fetch_accept(fetch);
		count++;
	} while (!fetch->finished);
	return count;
}

static void assert_fetch(struct rig *rig, const char *items, uint32_t uid, const char *expected)
{
	struct fetch *fetch = fetch_of(rig, items, uid, uid);
	struct buf out;
	run_all(rig, fetch, &out);
	buf_addc(&out, '\0');
	assert_string_equal(out.p, expected);
	assert_int_equal(fetch->place.rc, RC_OK);
	buf_fini(&out);
	fetch_free(&fetch);
}

static void the_index_answers_flags_uid_size_and_date(void **state)
{
	struct rig *rig = rig_of(state);
	uint32_t uid = add(rig, strv_cstr(simple));
	assert_int_equal(rig_flags(rig, ACCOUNT, "INBOX", uid, MSG_SEEN | MSG_FLAGGED), RC_OK);
	assert_fetch(rig, "(UID FLAGS RFC822.SIZE)", uid,
		"* 1 FETCH (UID 1 FLAGS (\\Flagged \\Seen) RFC822.SIZE 148)\r\n");
}

static void sections_of_a_simple_message(void **state)
{
	struct rig *rig = rig_of(state);
	uint32_t uid = add(rig, strv_cstr(simple));
	assert_fetch(rig, "BODY[TEXT]", uid, "* 1 FETCH (BODY[TEXT] {20}\r\nFirst line\r\nsecond\r\n)\r\n");
	assert_fetch(rig, "BODY[1]", uid, "* 1 FETCH (BODY[1] {20}\r\nFirst line\r\nsecond\r\n)\r\n");
	assert_fetch(rig, "BODY[2]", uid, "* 1 FETCH (BODY[2] NIL)\r\n");
	assert_fetch(rig, "BODY[1.1]", uid, "* 1 FETCH (BODY[1.1] NIL)\r\n");
	assert_fetch(rig, "BODY[1.HEADER]", uid, "* 1 FETCH (BODY[1.HEADER] NIL)\r\n");
	assert_fetch(rig, "BODY.PEEK[HEADER.FIELDS (Subject TO)]", uid,
		"* 1 FETCH (BODY[HEADER.FIELDS (Subject TO)] {37}\r\n"
		"To: b@example.org\r\nSubject: Hello\r\n\r\n)\r\n");
	assert_fetch(rig, "BODY.PEEK[HEADER.FIELDS (DKIM-Signature)]", uid,
		"* 1 FETCH (BODY[HEADER.FIELDS (DKIM-Signature)] {30}\r\nDKIM-Signature: v=1; "
		"b=abc\r\n\r\n)\r\n");
	assert_fetch(rig, "BODY.PEEK[HEADER.FIELDS (X-None)]", uid,
		"* 1 FETCH (BODY[HEADER.FIELDS (X-None)] {2}\r\n\r\n)\r\n");
	assert_fetch(rig, "BODY.PEEK[HEADER.FIELDS.NOT (DKIM-Signature From To Date)]", uid,
		"* 1 FETCH (BODY[HEADER.FIELDS.NOT (DKIM-Signature From To Date)] {18}\r\n"
		"Subject: Hello\r\n\r\n)\r\n");
	assert_fetch(rig, "(RFC822.TEXT UID)", uid,
		"* 1 FETCH (RFC822.TEXT {20}\r\nFirst line\r\nsecond\r\n UID 1)\r\n");
}

static void a_partial_is_clipped_to_its_section(void **state)
{
	struct rig *rig = rig_of(state);
	uint32_t uid = add(rig, strv_cstr(simple));
	assert_fetch(rig, "BODY[TEXT]<6.4>", uid, "* 1 FETCH (BODY[TEXT]<6> {4}\r\nline)\r\n");
	assert_fetch(rig, "BODY[TEXT]<0.2048>", uid,
		"* 1 FETCH (BODY[TEXT]<0> {20}\r\nFirst line\r\nsecond\r\n)\r\n");
	assert_fetch(rig, "BODY[TEXT]<18.4294967295>", uid, "* 1 FETCH (BODY[TEXT]<18> {2}\r\n\r\n)\r\n");
	assert_fetch(rig, "BODY[TEXT]<20.1>", uid, "* 1 FETCH (BODY[TEXT]<20> {0}\r\n)\r\n");
	assert_fetch(rig, "BODY[TEXT]<4000000000.1>", uid, "* 1 FETCH (BODY[TEXT]<4000000000> {0}\r\n)\r\n");
	assert_fetch(rig, "BODY.PEEK[HEADER.FIELDS (Subject)]<9.5>", uid,
		"* 1 FETCH (BODY[HEADER.FIELDS (Subject)]<9> {5}\r\nHello)\r\n");
}

static void sections_of_an_embedded_message(void **state)
{
	struct rig *rig = rig_of(state);
	uint32_t uid = add(rig, strv_cstr(nested));
	assert_fetch(rig, "BODY[1]", uid, "* 1 FETCH (BODY[1] {4}\r\ntext)\r\n");
	assert_fetch(rig, "BODY[2.MIME]", uid,
		"* 1 FETCH (BODY[2.MIME] {32}\r\nContent-Type: message/rfc822\r\n\r\n)\r\n");
	assert_fetch(rig, "BODY[2.HEADER]", uid,
		"* 1 FETCH (BODY[2.HEADER] {26}\r\nSubject: inner\r\nX-A: 1\r\n\r\n)\r\n");
	assert_fetch(rig, "BODY[2.TEXT]", uid, "* 1 FETCH (BODY[2.TEXT] {10}\r\ninner text)\r\n");
	assert_fetch(rig, "BODY[2.1]", uid, "* 1 FETCH (BODY[2.1] {10}\r\ninner text)\r\n");
	assert_fetch(rig, "BODY[2.HEADER.FIELDS (x-a)]", uid,
		"* 1 FETCH (BODY[2.HEADER.FIELDS (x-a)] {10}\r\nX-A: 1\r\n\r\n)\r\n");
	assert_fetch(rig, "BODY[2]", uid,
		"* 1 FETCH (BODY[2] {36}\r\nSubject: inner\r\nX-A: 1\r\n\r\ninner text)\r\n");
	assert_fetch(rig, "BODY[1.MIME]", uid, "* 1 FETCH (BODY[1.MIME] {2}\r\n\r\n)\r\n");
}

static void structure_and_envelope_come_from_the_cache(void **state)
{
	struct rig *rig = rig_of(state);
	uint32_t uid = add(rig, strv_cstr(simple));
	assert_fetch(rig, "(BODY ENVELOPE)", uid,
		"* 1 FETCH (BODY (\"text\" \"plain\" (\"charset\" \"us-ascii\") NIL NIL \"7bit\" 20 2) "
		"ENVELOPE (\"Mon, 2 Nov 2026 10:00:00 +0100\" \"Hello\" "
		"((\"A\" NIL \"a\" \"example.org\")) ((\"A\" NIL \"a\" \"example.org\")) "
		"((\"A\" NIL \"a\" \"example.org\")) ((NIL NIL \"b\" \"example.org\")) NIL NIL NIL "
		"NIL))\r\n");
}

static void nul_octets_become_0x80(void **state)
{
	struct rig *rig = rig_of(state);
	static const char bytes[] = "Subject: a\0b\r\n\r\nx\0\0y\r\n";
	uint32_t uid = add(rig, strv_make(bytes, sizeof(bytes) - 1));
	assert_fetch(rig, "BODY[TEXT]", uid, "* 1 FETCH (BODY[TEXT] {6}\r\nx\x80\x80y\r\n)\r\n");
	assert_fetch(rig, "BODY[HEADER.FIELDS (Subject)]", uid,
		"* 1 FETCH (BODY[HEADER.FIELDS (Subject)] {16}\r\nSubject: a\x80"
		"b\r\n\r\n)\r\n");
}

static void messages_that_are_gone_are_counted_and_passed_over(void **state)
{
	struct rig *rig = rig_of(state);
	struct buf out;
	for (unsigned i = 0; i < 5; i++)
		add(rig, strv_cstr(simple));
	assert_int_equal(rig_expunge(rig, ACCOUNT, "INBOX", 1), RC_OK);
	assert_int_equal(rig_expunge(rig, ACCOUNT, "INBOX", 3), RC_OK);
	assert_int_equal(rig_expunge(rig, ACCOUNT, "INBOX", 5), RC_OK);
	struct fetch *fetch = fetch_of(rig, "UID", 1, 5);
	run_all(rig, fetch, &out);
	buf_addc(&out, '\0');
	assert_string_equal(out.p, "* 2 FETCH (UID 2)\r\n* 4 FETCH (UID 4)\r\n");
	assert_int_equal(fetch->place.gone, 3);
	buf_fini(&out);
	fetch_free(&fetch);
}

static void recent_and_newly_seen_flags_are_told(void **state)
{
	struct rig *rig = rig_of(state);
	struct buf out;
	add(rig, strv_cstr(simple));
	add(rig, strv_cstr(simple));
	struct fetch *fetch = fetch_of(rig, "UID", 1, 2);
	seqset_add(&fetch->recent, 2);
	seqset_add(&fetch->seen, 2);
	run_all(rig, fetch, &out);
	buf_addc(&out, '\0');
	assert_string_equal(out.p, "* 1 FETCH (UID 1)\r\n* 2 FETCH (FLAGS (\\Recent) UID 2)\r\n");
	buf_fini(&out);
	fetch_free(&fetch);
}

static void told_flags_newer_than_known_are_listed(void **state)
{
	struct rig *rig = rig_of(state);
	for (unsigned i = 0; i < 3; i++)
		add(rig, strv_cstr(simple));
	struct fetch *fetch = fetch_of(rig, "FLAGS", 1, 3);
	assert_int_equal(slice(rig, fetch), RC_OK);
	assert_int_equal(fetch->told_count, 3);
	uint64_t known = fetch->told[1].modseq;
	fetch_free(&fetch);
	fetch = fetch_of(rig, "FLAGS", 1, 3);
	fetch->told_modseq = known;
	assert_int_equal(slice(rig, fetch), RC_OK);
	assert_int_equal(fetch->told_count, 1);
	assert_int_equal(fetch->told[0].uid, 3);
	fetch_free(&fetch);
}

struct unseen_call {
	struct fetch *fetch;
	struct seqset uids;
};

static enum rc unseen_job(struct account *account, void *arg)
{
	struct unseen_call *call = arg;
	return fetch_unseen(account, call->fetch, &call->uids);
}

static void unseen_messages_are_found(void **state)
{
	struct rig *rig = rig_of(state);
	for (unsigned i = 0; i < 3; i++)
		add(rig, strv_cstr(simple));
	assert_int_equal(rig_flags(rig, ACCOUNT, "INBOX", 2, MSG_SEEN), RC_OK);
	struct fetch *fetch = fetch_of(rig, "BODY[]", 1, 3);
	struct unseen_call call = { fetch, SEQSET_EMPTY };
	assert_int_equal(rig_run(rig, ACCOUNT, JOB_READ, unseen_job, &call), RC_OK);
	assert_int_equal(seqset_count(&call.uids), 2);
	assert_true(seqset_contains(&call.uids, 1) && seqset_contains(&call.uids, 3));
	seqset_fini(&call.uids);
	fetch_free(&fetch);
}

static void big(struct buf *out, size_t size)
{
	buf_init(out, size + 1000);
	buf_adds(out, "Subject: big\r\n\r\n");
	for (size_t i = 0; out->len < size; i++)
		buf_printf(out, "line %zu of a message that is longer than any slice\r\n", i);
}

static void a_large_body_is_sent_in_slices(void **state)
{
	struct rig *rig = rig_of(state);
	struct buf bytes, out;
	big(&bytes, 1500000);
	uint32_t uid = add(rig, buf_strv(&bytes));
	struct fetch *fetch = fetch_of(rig, "(UID BODY.PEEK[] FLAGS BODY.PEEK[TEXT]<0.6>)", uid, uid);
	assert_true(run_all(rig, fetch, &out) > 4);
	char head[100];
	size_t n = (size_t)snprintf(head, sizeof(head), "* 1 FETCH (UID 1 BODY[] {%zu}\r\n", bytes.len);
	const char *tail = " FLAGS () BODY[TEXT]<0> {6}\r\nline 0)\r\n";
	assert_int_equal(out.len, n + bytes.len + strlen(tail));
	assert_memory_equal(out.p, head, n);
	assert_memory_equal(out.p + n, bytes.p, bytes.len);
	assert_memory_equal(out.p + n + bytes.len, tail, strlen(tail));
	buf_fini(&bytes);
	buf_fini(&out);
	fetch_free(&fetch);
}

static void a_slice_can_be_run_again(void **state)
{
	struct rig *rig = rig_of(state);
	struct buf bytes, out;
	big(&bytes, 700000);
	uint32_t uid = add(rig, buf_strv(&bytes));
	add(rig, strv_cstr(simple));
	struct fetch *fetch = fetch_of(rig, "BODY.PEEK[]", uid, uid + 1);
	buf_init(&out, TEXT_MAX);
	do {
		assert_int_equal(slice(rig, fetch), RC_OK);
		struct buf first = fetch->out;
		buf_init(&fetch->out, TEXT_MAX);
		/* The time may cut the second run elsewhere: only what both have is compared. */
		assert_int_equal(slice(rig, fetch), RC_OK);
		size_t n = first.len < fetch->out.len ? first.len : fetch->out.len;
		assert_memory_equal(first.p, fetch->out.p, n);
		buf_addv(&out, buf_strv(&fetch->out));
		buf_fini(&first);
		fetch_accept(fetch);
	} while (!fetch->finished);
	assert_non_null(memmem(out.p, out.len, bytes.p, bytes.len));
	assert_non_null(memmem(out.p, out.len, simple, sizeof(simple) - 1));
	buf_fini(&bytes);
	buf_fini(&out);
	fetch_free(&fetch);
}

static void a_message_may_be_expunged_while_its_body_is_on_its_way(void **state)
{
	struct rig *rig = rig_of(state);
	struct buf bytes, out;
	big(&bytes, 1000000);
	uint32_t uid = add(rig, buf_strv(&bytes));
	struct fetch *fetch = fetch_of(rig, "BODY.PEEK[]", uid, uid);
	buf_init(&out, TEXT_MAX);
	assert_int_equal(slice(rig, fetch), RC_OK);
	assert_false(fetch->finished);
	buf_addv(&out, buf_strv(&fetch->out));
	fetch_accept(fetch);
	assert_int_equal(rig_expunge(rig, ACCOUNT, "INBOX", uid), RC_OK);
	assert_int_equal(rig_sweep(rig, ACCOUNT), RC_OK);
	while (!fetch->finished) {
		assert_int_equal(slice(rig, fetch), RC_OK);
		buf_addv(&out, buf_strv(&fetch->out));
		fetch_accept(fetch);
	}
	assert_non_null(memmem(out.p, out.len, bytes.p, bytes.len));
	buf_fini(&bytes);
	buf_fini(&out);
	fetch_free(&fetch);
}

static void many_messages_take_several_slices(void **state)
{
	struct rig *rig = rig_of(state);
	struct buf bytes, out;
	big(&bytes, 3000);
	for (unsigned i = 0; i < 300; i++)
		add(rig, buf_strv(&bytes));
	struct fetch *fetch = fetch_of(rig, "(UID BODY.PEEK[])", 1, 300);
	assert_true(run_all(rig, fetch, &out) >= 3);
	size_t at = 0;
	for (unsigned i = 1; i <= 300; i++) {
		char head[100];
		size_t n = (size_t)snprintf(
			head, sizeof(head), "* %u FETCH (UID %u BODY[] {%zu}\r\n", i, i, bytes.len);
		assert_memory_equal(out.p + at, head, n);
		assert_memory_equal(out.p + at + n, bytes.p, bytes.len);
		at += n + bytes.len + 3;
	}
	assert_int_equal(at, out.len);
	buf_fini(&bytes);
	buf_fini(&out);
	fetch_free(&fetch);
}

static void a_slice_that_was_never_taken_over_is_freed(void **state)
{
	struct rig *rig = rig_of(state);
	struct buf bytes;
	big(&bytes, 700000);
	uint32_t uid = add(rig, buf_strv(&bytes));
	struct fetch *fetch = fetch_of(rig, "BODY.PEEK[]", uid, uid);
	assert_int_equal(slice(rig, fetch), RC_OK);
	fetch_free(&fetch);
	fetch = fetch_of(rig, "BODY.PEEK[]", uid, uid);
	assert_int_equal(slice(rig, fetch), RC_OK);
	fetch_accept(fetch);
	fetch_free(&fetch);
	fetch_free(&fetch);
	buf_fini(&bytes);
}

/* All slices, or those up to an error of the command. Octets that came of them. */
static enum rc run_some(struct rig *rig, struct fetch *fetch, size_t *ret_octets)
{
	*ret_octets = 0;
	for (;;) {
		enum rc rc = slice(rig, fetch);
		if (rc != RC_OK)
			return rc;
		*ret_octets += fetch->out.len;
		fetch_accept(fetch);
		if (fetch->finished)
			return RC_OK;
	}
}

/* That many messages fail, then comes one that can be sent, unless the command has given up before. */
static void assert_goes_on(struct rig *rig, uint32_t failing, uint32_t last, bool sent)
{
	struct fetch *fetch = fetch_of(rig, "BINARY.PEEK[1]", last - failing, last);
	size_t octets;
	assert_int_equal(run_some(rig, fetch, &octets), RC_OK);
	assert_int_equal(fetch->place.rc, RC_ENCODING);
	assert_int_equal(octets > 0, sent);
	fetch_free(&fetch);
}

static void so_many_messages_fail_and_no_more(void **state)
{
	struct rig *rig = rig_of(state);
	for (unsigned i = 0; i < FETCH_ERRORS_MAX + 1; i++)
		add(rig, STRV("Content-Transfer-Encoding: x-unknown\r\n\r\ntext\r\n"));
	uint32_t last = add(rig, STRV("\r\ntext\r\n"));
	assert_goes_on(rig, FETCH_ERRORS_MAX - 1, last, true);
	assert_goes_on(rig, FETCH_ERRORS_MAX, last, false);
	assert_goes_on(rig, FETCH_ERRORS_MAX + 1, last, false);
}

/* A message whose field X has so many octets. */
static uint32_t add_field(struct rig *rig, size_t size)
{
	struct buf bytes;
	buf_init(&bytes, 2 * FETCH_HEADER_MAX);
	buf_adds(&bytes, "Subject: x\r\nX: ");
	size_t start = bytes.len - 3;
	while (bytes.len - start < size - 2) {
		size_t line = size - 2 - (bytes.len - start);
		size_t n = line < 60000 ? line : 60000;
		memset(buf_reserve(&bytes, n), 'x', n);
		buf_commit(&bytes, n);
		if (line > 61000)
			buf_adds(&bytes, "\r\n ");
	}
	buf_adds(&bytes, "\r\n\r\ntext\r\n");
	uint32_t uid = add(rig, buf_strv(&bytes));
	buf_fini(&bytes);
	return uid;
}

static void header_fields_have_a_greatest_size(void **state)
{
	struct rig *rig = rig_of(state);
	size_t octets;
	/* The empty line behind them counts. */
	for (size_t n = FETCH_HEADER_MAX - 3; n <= FETCH_HEADER_MAX - 1; n++) {
		uint32_t uid = add_field(rig, n);
		struct fetch *fetch = fetch_of(rig, "BODY.PEEK[HEADER.FIELDS (X)]", uid, uid);
		assert_int_equal(run_some(rig, fetch, &octets), RC_OK);
		assert_int_equal(fetch->place.rc, n <= FETCH_HEADER_MAX - 2 ? RC_OK : RC_LIMIT);
		assert_int_equal(octets > n, n <= FETCH_HEADER_MAX - 2);
		fetch_free(&fetch);
		fetch = fetch_of(rig, "BODY.PEEK[HEADER.FIELDS (Subject)]", uid, uid);
		assert_int_equal(run_some(rig, fetch, &octets), RC_OK);
		assert_int_equal(fetch->place.rc, RC_OK);
		fetch_free(&fetch);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(the_index_answers_flags_uid_size_and_date, setup, teardown),
		cmocka_unit_test_setup_teardown(sections_of_a_simple_message, setup, teardown),
		cmocka_unit_test_setup_teardown(a_partial_is_clipped_to_its_section, setup, teardown),
		cmocka_unit_test_setup_teardown(sections_of_an_embedded_message, setup, teardown),
		cmocka_unit_test_setup_teardown(structure_and_envelope_come_from_the_cache, setup, teardown),
		cmocka_unit_test_setup_teardown(nul_octets_become_0x80, setup, teardown),
		cmocka_unit_test_setup_teardown(
			messages_that_are_gone_are_counted_and_passed_over, setup, teardown),
		cmocka_unit_test_setup_teardown(recent_and_newly_seen_flags_are_told, setup, teardown),
		cmocka_unit_test_setup_teardown(told_flags_newer_than_known_are_listed, setup, teardown),
		cmocka_unit_test_setup_teardown(unseen_messages_are_found, setup, teardown),
		cmocka_unit_test_setup_teardown(a_large_body_is_sent_in_slices, setup, teardown),
		cmocka_unit_test_setup_teardown(a_slice_can_be_run_again, setup, teardown),
		cmocka_unit_test_setup_teardown(
			a_message_may_be_expunged_while_its_body_is_on_its_way, setup, teardown),
		cmocka_unit_test_setup_teardown(many_messages_take_several_slices, setup, teardown),
		cmocka_unit_test_setup_teardown(a_slice_that_was_never_taken_over_is_freed, setup, teardown),
		cmocka_unit_test_setup_teardown(so_many_messages_fail_and_no_more, setup, teardown),
		cmocka_unit_test_setup_teardown(header_fields_have_a_greatest_size, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
