#include "query/search.h"

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
#define RECEIVED 1700000000 /* what rig_append gives all messages */

/* UID 1 .. 5 of every test. */
static const char *const messages[] = {
	"From: Anna Smith <anna@example.org>\r\n"
	"To: bob@example.net\r\n"
	"Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?= aus Bonn\r\n"
	"Date: Mon, 2 Nov 2026 23:30:00 -0500\r\n"
	"DKIM-Signature: v=1; b=zebra\r\n"
	"\r\n"
	"Plain text with a needle.\r\n",

	"From: bob@example.net\r\n"
	"Subject: a long\r\n folded subject\r\n"
	"Content-Type: text/plain; charset=iso-8859-1\r\n"
	"Content-Transfer-Encoding: quoted-printable\r\n"
	"\r\n"
	"Stra=DFe und =C4pfel, soft=\r\nbreak\r\n",

	"From: carol@example.com\r\n"
	"Cc: Anna <anna@example.org>\r\n"
	"Subject: parts\r\n"
	"Date: Tue, 3 Nov 2026 01:00:00 +0000\r\n"
	"Content-Type: multipart/mixed; boundary=x\r\n"
	"\r\n"
	"preamble\r\n"
	"--x\r\n"
	"Content-Type: text/html; charset=utf-8\r\n"
	"Content-Transfer-Encoding: base64\r\n"
	"\r\n"
	"PHA+YmFzZSBzaXh0eSBmb3VyPC9wPg==\r\n"
	"--x\r\n"
	"Content-Type: application/octet-stream; name=report.bin\r\n"
	"Content-Disposition: attachment; filename*0*=iso-8859-1''%DCber;\r\n filename*1*=sicht.bin\r\n"
	"\r\n"
	"secret of a binary part\r\n"
	"--x\r\n"
	"Content-Type: message/rfc822\r\n"
	"\r\n"
	"Subject: embedded topic\r\n"
	"\r\n"
	"embedded words\r\n"
	"--x--\r\n",

	"\r\n",

	"Subject: no date\r\nX-Empty:\r\n\r\n",
};

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
	for (size_t i = 0; i < sizeof(messages) / sizeof(messages[0]); i++) {
		uint32_t uid;
		assert_int_equal(
			rig_append(&t->rig, ACCOUNT, "INBOX", strv_cstr(messages[i]), STRV_NULL, &uid),
			RC_OK);
		assert_int_equal(uid, i + 1);
	}
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

static void same_number(void *arg, const struct seqset *seqs, struct seqset *uids)
{
	(void)arg;
	seqset_copy(uids, seqs);
}

/* Over UIDs 1..last, whose sequence numbers are 10 higher. */
static struct search *search_of(struct rig *rig, const char *keys, uint32_t last)
{
	struct search *search = search_new();
	struct parse parse;
	parse_init(&parse, strv_cstr(keys), search->arena);
	if (!search_keys_parse(&parse, &search->keys))
		fail_msg("refused: %s", keys);
	search_keys_resolve(&search->keys, last, same_number, NULL, search->arena);
	search_prepare(search);
	search->runs = arena_zalloc(search->arena, sizeof(*search->runs));
	search->runs[0] = (struct uid_run){ .uid_lo = 1, .uid_hi = last, .seq_lo = 11 };
	search->run_count = 1;
	search->by_uid = true;
	assert_int_equal(rig_find(rig, ACCOUNT, "INBOX", &search->mailbox), RC_OK);
	return search;
}

static enum rc slice_job(struct account *account, void *arg)
{
	return search_slice(account, arg);
}

static unsigned run_all(struct rig *rig, struct search *search)
{
	unsigned count = 0;
	do {
		assert_int_equal(rig_run(rig, ACCOUNT, JOB_READ, slice_job, search), RC_OK);
		search_accept(search);
		count++;
	} while (!search->finished);
	return count;
}

static void assert_answer(const struct search *search, const char *keys, const char *expected)
{
	struct buf out;
	buf_init(&out, 100000);
	search_print(search, &out);
	buf_addc(&out, '\0');
	if (strcmp(out.p, expected) != 0)
		fail_msg("%s: %s", keys, out.p);
	buf_fini(&out);
}

/* Among the first `count` messages. */
static void assert_found_of(struct rig *rig, uint32_t count, const char *keys, const char *uids)
{
	char expected[200];
	struct search *search = search_of(rig, keys, count);
	run_all(rig, search);
	snprintf(expected, sizeof(expected), "* SEARCH%s%s\r\n", *uids ? " " : "", uids);
	assert_answer(search, keys, expected);
	assert_int_equal(search->place.rc, RC_OK);
	search_free(&search);
}

static void assert_found(struct rig *rig, const char *keys, const char *uids)
{
	assert_found_of(rig, 5, keys, uids);
}

static void the_index_answers_flags_sets_and_sizes(void **state)
{
	struct rig *rig = rig_of(state);
	assert_int_equal(rig_flags(rig, ACCOUNT, "INBOX", 2, MSG_SEEN | MSG_DELETED), RC_OK);
	assert_int_equal(rig_flags(rig, ACCOUNT, "INBOX", 4, MSG_SEEN), RC_OK);
	assert_found(rig, "ALL", "1 2 3 4 5");
	assert_found(rig, "NOT ALL", "");
	assert_found(rig, "SEEN", "2 4");
	assert_found(rig, "UNSEEN", "1 3 5");
	assert_found(rig, "SEEN UNDELETED", "4");
	assert_found(rig, "OR DELETED 5", "2 5");
	assert_found(rig, "NOT (SEEN DELETED)", "1 3 4 5");
	assert_found(rig, "2:3,5", "2 3 5");
	assert_found(rig, "UID 4:*", "4 5");
	assert_found(rig, "SMALLER 3", "4");
	assert_found(rig, "LARGER 1 SMALLER 50", "4 5");
	assert_found(rig, "KEYWORD $Nothing", "");
	assert_found(rig, "UNKEYWORD $Nothing SEEN", "2 4");
}

static void recent_messages_are_those_of_the_session(void **state)
{
	struct rig *rig = rig_of(state);
	static const struct {
		const char *keys;
		const char *expected;
	} cases[] = {
		{ "RECENT", "* SEARCH 4 5\r\n" },
		{ "OLD", "* SEARCH 1 2 3\r\n" },
		{ "NEW", "* SEARCH 5\r\n" },
	};
	assert_int_equal(rig_flags(rig, ACCOUNT, "INBOX", 4, MSG_SEEN), RC_OK);
	for (size_t i = 0; i < 3; i++) {
		struct search *search = search_of(rig, cases[i].keys, 5);
		seqset_add_range(&search->recent, 4, 5);
		run_all(rig, search);
		assert_answer(search, cases[i].keys, cases[i].expected);
		search_free(&search);
	}
}

static void headers_are_searched_decoded_and_unfolded(void **state)
{
	struct rig *rig = rig_of(state);
	assert_found(rig, "SUBJECT {6}\r\nGR\xc3\xbc\xc3\x9f", "1");
	assert_found(rig, "SUBJECT bonn", "1");
	assert_found(rig, "SUBJECT \"long folded\"", "2");
	assert_found(rig, "SUBJECT utf-8", "");
	assert_found(rig, "FROM SMITH", "1");
	assert_found(rig, "FROM example.net", "2");
	assert_found(rig, "TO bob", "1");
	assert_found(rig, "CC anna", "3");
	assert_found(rig, "BCC anna", "");
	assert_found(rig, "HEADER dkim-signature ZEBRA", "1");
	assert_found(rig, "HEADER X-Empty \"\"", "5");
	assert_found(rig, "HEADER X-Empty x", "");
	assert_found(rig, "HEADER DKIM-Signature \"\"", "1");
	assert_found(rig, "SUBJECT \"\"", "1 2 3 5");
	assert_found(rig, "NOT SUBJECT o", "3 4");
}

static void the_date_header_counts_as_it_is_written(void **state)
{
	struct rig *rig = rig_of(state);
	assert_found(rig, "SENTON 2-Nov-2026", "1");
	assert_found(rig, "SENTON 3-Nov-2026", "3");
	assert_found(rig, "SENTBEFORE 3-Nov-2026", "1");
	assert_found(rig, "SENTSINCE 2-Nov-2026", "1 3");
	assert_found(rig, "NOT SENTSINCE 1-Jan-1970", "2 4 5");
}

static void bodies_are_searched_decoded(void **state)
{
	struct rig *rig = rig_of(state);
	assert_found(rig, "BODY NEEDLE", "1");
	assert_found(rig, "BODY softbreak", "2");
	assert_found(rig, "BODY {9}\r\n\xc3\xa4PFEL, s", "2");
	assert_found(rig, "BODY {6}\r\nstra\xc3\x9f", "2");
	assert_found(rig, "BODY \"sixty four\"", "3");
	assert_found(rig, "BODY \"embedded words\"", "3");
	assert_found(rig, "BODY \"embedded topic\"", "3");
	assert_found(rig, "BODY report.bin", "3");
	assert_found(rig,
		"BODY {9}\r\n\xc3\xbc"
		"bersich",
		"3");
	assert_found(rig, "BODY secret", "");
	assert_found(rig, "BODY anna", "");
	assert_found(rig, "BODY \"\"", "1 2 3 4 5");
}

static void text_is_the_header_and_the_body(void **state)
{
	struct rig *rig = rig_of(state);
	assert_found(rig, "TEXT anna", "1 3");
	assert_found(rig, "TEXT needle", "1");
	assert_found(rig, "TEXT \"subject: parts\"", "3");
	assert_found(rig, "OR TEXT zebra BODY softbreak", "1 2");
	assert_found(rig, "TEXT anna BODY embedded", "3");
	assert_found(rig, "TEXT anna NOT BODY embedded", "1");
}

static void numbers_are_answered_when_asked_by_number(void **state)
{
	struct rig *rig = rig_of(state);
	struct search *search = search_of(rig, "FROM example", 5);
	search->by_uid = false;
	run_all(rig, search);
	assert_answer(search, "by number", "* SEARCH 11 12 13\r\n");
	search_free(&search);
}

static void messages_that_are_gone_are_counted(void **state)
{
	struct rig *rig = rig_of(state);
	assert_int_equal(rig_expunge(rig, ACCOUNT, "INBOX", 2), RC_OK);
	assert_int_equal(rig_expunge(rig, ACCOUNT, "INBOX", 5), RC_OK);
	struct search *search = search_of(rig, "ALL", 5);
	run_all(rig, search);
	assert_answer(search, "ALL", "* SEARCH 1 3 4\r\n");
	assert_int_equal(search->place.gone, 2);
	search_free(&search);
}

/* A text part in which the needle lies across every kind of border. */
static void a_needle_is_found_wherever_it_lies(void **state)
{
	struct rig *rig = rig_of(state);
	struct buf bytes;
	uint32_t uid;
	for (size_t shift = 0; shift < 14; shift++) {
		buf_init(&bytes, 1000000);
		buf_adds(&bytes, "Subject: x\r\n\r\n");
		while (bytes.len < 64 * 1024 + 14 - shift)
			buf_addc(&bytes, bytes.len % 70 == 0 ? '\n' : 'y');
		buf_adds(&bytes, "across-border\r\nmore\r\n");
		assert_int_equal(rig_append(rig, ACCOUNT, "INBOX", buf_strv(&bytes), STRV_NULL, &uid), RC_OK);
		buf_fini(&bytes);
	}
	struct search *search = search_of(rig, "BODY ACROSS-BORDER", uid);
	run_all(rig, search);
	assert_answer(search, "BODY", "* SEARCH 6 7 8 9 10 11 12 13 14 15 16 17 18 19\r\n");
	search_free(&search);
}

static void a_long_search_is_done_in_slices(void **state)
{
	struct rig *rig = rig_of(state);
	struct buf bytes;
	uint32_t uid;
	buf_init(&bytes, 8 * 1024 * 1024);
	buf_adds(&bytes, "Subject: x\r\n\r\n");
	while (bytes.len < 6 * 1024 * 1024)
		buf_adds(&bytes, "many words on many lines make a large message\r\n");
	buf_adds(&bytes, "the end\r\n");
	assert_int_equal(rig_append(rig, ACCOUNT, "INBOX", buf_strv(&bytes), STRV_NULL, &uid), RC_OK);
	buf_fini(&bytes);
	struct search *search = search_of(rig, "BODY \"the end\"", uid);
	assert_true(run_all(rig, search) > 1);
	assert_answer(search, "BODY", "* SEARCH 6\r\n");
	search_free(&search);
}

static void a_slice_can_be_run_again(void **state)
{
	struct rig *rig = rig_of(state);
	struct search *search = search_of(rig, "OR BODY needle FROM carol", 5);
	do {
		assert_int_equal(rig_run(rig, ACCOUNT, JOB_READ, slice_job, search), RC_OK);
		assert_int_equal(rig_run(rig, ACCOUNT, JOB_READ, slice_job, search), RC_OK);
		search_accept(search);
	} while (!search->finished);
	assert_answer(search, "again", "* SEARCH 1 3\r\n");
	search_free(&search);
}

static void ages_are_counted_from_now(void **state)
{
	struct rig *rig = rig_of(state);
	static const struct {
		const char *keys;
		int64_t later;
		const char *expected;
	} cases[] = {
		{ "YOUNGER 100", 0, "* SEARCH 1 2 3 4 5\r\n" },
		{ "YOUNGER 100", 90, "* SEARCH 1 2 3 4 5\r\n" },
		{ "OLDER 100", 90, "* SEARCH\r\n" },
		{ "OLDER 100", 1000, "* SEARCH 1 2 3 4 5\r\n" },
		{ "YOUNGER 100", 1000, "* SEARCH\r\n" },
		{ "NOT YOUNGER 4294967295", 1000, "* SEARCH\r\n" },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct search *search = search_of(rig, cases[i].keys, 5);
		search->now = RECEIVED + cases[i].later;
		run_all(rig, search);
		assert_answer(search, cases[i].keys, cases[i].expected);
		search_free(&search);
	}
}

static void an_age_matches_to_the_second(void **state)
{
	struct rig *rig = rig_of(state);
	static const struct {
		const char *keys;
		int64_t age;
		const char *expected;
	} cases[] = {
		{ "1 OLDER 10", 9, "* SEARCH\r\n" },
		{ "1 OLDER 10", 10, "* SEARCH 1\r\n" },
		{ "1 YOUNGER 10", 10, "* SEARCH 1\r\n" },
		{ "1 YOUNGER 10", 11, "* SEARCH\r\n" },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct search *search = search_of(rig, cases[i].keys, 5);
		search->now = RECEIVED + cases[i].age;
		run_all(rig, search);
		assert_answer(search, cases[i].keys, cases[i].expected);
		search_free(&search);
	}
}

static void the_first_one_found_can_end_the_search(void **state)
{
	struct rig *rig = rig_of(state);
	struct search *search = search_of(rig, "FROM example", 5);
	search->enough = 1;
	run_all(rig, search);
	assert_answer(search, "first", "* SEARCH 1\r\n");
	search_free(&search);
	search = search_of(rig, "BODY nowhere", 5);
	search->enough = 1;
	run_all(rig, search);
	assert_answer(search, "none", "* SEARCH\r\n");
	search_free(&search);
}

static void so_many_found_can_end_the_search(void **state)
{
	struct rig *rig = rig_of(state);
	for (uint64_t enough = 2; enough < 7; enough++) {
		struct search *search = search_of(rig, "ALL", 5);
		search->enough = enough;
		search->keep_hits = true;
		run_all(rig, search);
		uint64_t expected = enough < 5 ? enough : 5;
		assert_int_equal(seqset_count(&search->results), expected);
		assert_int_equal(search->result_count, expected);
		assert_int_equal(search->hit_kept, expected);
		search_free(&search);
	}
}

static void the_modseq_is_that_of_what_is_returned(void **state)
{
	struct rig *rig = rig_of(state);
	struct search *search = search_of(rig, "MODSEQ 1", 5);
	struct search_return options = { .items = SEARCH_PARTIAL, .partial = { 2, 3, false } };
	search->keep_hits = true;
	run_all(rig, search);
	assert_int_equal(search->hit_kept, 5);
	uint64_t first = search->hits[0].modseq;
	uint64_t last = search->hits[4].modseq;
	assert_true(first < last);
	assert_int_equal(search->hits[2].number, 3);
	assert_int_equal(search_modseq(search, &options), search->hits[2].modseq);
	options.items |= SEARCH_MIN;
	assert_int_equal(search_modseq(search, &options), search->hits[2].modseq);
	options.items |= SEARCH_MAX;
	assert_int_equal(search_modseq(search, &options), last);
	options = (struct search_return){ .items = SEARCH_PARTIAL, .partial = { 9, 9, false } };
	assert_int_equal(search_modseq(search, &options), 0);
	options.items |= SEARCH_COUNT;
	assert_int_equal(search_modseq(search, &options), last);
	options.items = SEARCH_MIN;
	assert_int_equal(search_modseq(search, &options), first);
	search_free(&search);
}

static void fuzzy_keys_have_scores(void **state)
{
	static const struct {
		const char *keys;
		const char *found; /* "UID:score ..." */
	} cases[] = {
		{ "FUZZY SUBJECT grusse", "1:100" },
		{ "FUZZY SUBJECT gruesse", "1:60" },
		{ "FUZZY SUBJECT \"bonn gruße\"", "1:90" },
		{ "FUZZY SUBJECT \"aus bonn\"", "1:100" },
		{ "SUBJECT grusse", "" },
		{ "FUZZY FROM smyth", "1:60" },
		{ "FUZZY CC ana", "" },
		{ "FUZZY HEADER DKIM-Signature zebar", "1:60" },
		{ "FUZZY BODY needle", "1:80" },
		{ "FUZZY BODY neelde", "1:48" },
		{ "FUZZY BODY \"apfel strasse\"", "2:72" },
		{ "BODY \"apfel strasse\"", "" },
		{ "FUZZY TEXT \"anna needle\"", "1:81" },
		{ "FUZZY TEXT topik", "3:48" },
		{ "FUZZY TEXT carol", "3:100" },
		{ "FUZZY (SUBJECT folded FROM bobb)", "2:80" },
		{ "FUZZY OR SUBJECT gruesse FROM bob", "1:60 2:100" },
		{ "OR SUBJECT folded FUZZY SUBJECT prats", "2:100 3:60" },
		{ "FUZZY SUBJECT gruesse LARGER 1", "1:60" },
		{ "NOT FUZZY SUBJECT gruesse", "2:100 3:100 4:100 5:100" },
		{ "FUZZY NOT SUBJECT gruesse", "1:100 2:100 3:100 4:100 5:100" },
		{ "FUZZY SENTBEFORE 2-Nov-2026", "1:75 3:50" },
		{ "FUZZY SENTON 30-Oct-2026", "1:25" },
		{ "FUZZY SENTON 29-Oct-2026", "" },
		{ "FUZZY SENTON 5-Nov-2026", "1:25 3:50" },
		{ "FUZZY SENTON 6-Nov-2026", "3:25" },
		{ "FUZZY SENTON 7-Nov-2026", "" },
		{ "FUZZY SENTSINCE 5-Nov-2026", "1:25 3:50" },
		{ "FUZZY SINCE 16-Nov-2023", "1:50 2:50 3:50 4:50 5:50" },
		{ "FUZZY UNSEEN SUBJECT parts", "3:100" },
		{ "FUZZY SMALLER 2", "" },
	};
	struct rig *rig = rig_of(state);
	unsigned wrong = 0;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct search *search = search_of(rig, cases[i].keys, 5);
		struct buf out;
		search->keep_hits = true;
		run_all(rig, search);
		const uint8_t *scores = search_scores(search);
		buf_init(&out, 4096);
		for (size_t n = 0; n < search->hit_kept; n++)
			buf_printf(&out, "%s%u:%u", n > 0 ? " " : "", search->hits[n].number, scores[n]);
		buf_addc(&out, '\0');
		if (strcmp(out.p, cases[i].found) != 0) {
			print_error("%s: %s\n", cases[i].keys, out.p);
			wrong++;
		}
		buf_fini(&out);
		search_free(&search);
	}
	assert_int_equal(wrong, 0);
}

static void sizes_may_be_off_by_a_tenth(void **state)
{
	struct rig *rig = rig_of(state);
	struct search *search = search_of(rig, "ALL", 5);
	unsigned size = (unsigned)strlen(messages[2]);
	char keys[100];
	search_free(&search);
	for (unsigned asked = size - 5; asked < size + size / 8; asked++) {
		snprintf(keys, sizeof(keys), "FUZZY LARGER %u", asked);
		search = search_of(rig, keys, 5);
		search->keep_hits = true;
		run_all(rig, search);
		unsigned off = asked + 1 > size ? asked + 1 - size : 0;
		assert_int_equal(seqset_contains(&search->results, 3), off <= asked / 10);
		if (off <= asked / 10)
			assert_int_equal(search->hits[0].score, 100 - off * 99 / (asked / 10));
		search_free(&search);
	}
}

static void a_day_ends_at_midnight_of_its_zone(void **state)
{
	struct rig *rig = rig_of(state);
	static const char *const dates[] = { "30 Dec 1969 23:59:59 +0000", "31 Dec 1969 00:00:00 +0000",
		"31 Dec 1969 23:59:59 +0000", "1 Jan 1970 00:00:00 +0000", "1 Jan 1970 23:59:59 -1400",
		"2 Jan 1970 00:00:00 +1400" };
	for (size_t i = 0; i < sizeof(dates) / sizeof(dates[0]); i++) {
		char text[100];
		uint32_t uid;
		int n = snprintf(text, sizeof(text), "Date: %s\r\n\r\n", dates[i]);
		assert_int_equal(
			rig_append(rig, ACCOUNT, "INBOX", strv_make(text, (size_t)n), STRV_NULL, &uid),
			RC_OK);
		assert_int_equal(uid, 6 + i);
	}
	assert_found_of(rig, 11, "UID 6:* SENTBEFORE 30-Dec-1969", "");
	assert_found_of(rig, 11, "UID 6:* SENTON 30-Dec-1969", "6");
	assert_found_of(rig, 11, "UID 6:* SENTON 31-Dec-1969", "7 8");
	assert_found_of(rig, 11, "UID 6:* SENTON 1-Jan-1970", "9 10");
	assert_found_of(rig, 11, "UID 6:* SENTON 2-Jan-1970", "11");
	assert_found_of(rig, 11, "UID 6:* SENTBEFORE 31-Dec-1969", "6");
	assert_found_of(rig, 11, "UID 6:* SENTBEFORE 1-Jan-1970", "6 7 8");
	assert_found_of(rig, 11, "UID 6:* SENTSINCE 31-Dec-1969", "7 8 9 10 11");
	assert_found_of(rig, 11, "UID 6:* SENTSINCE 1-Jan-1970", "9 10 11");
	assert_found_of(rig, 11, "UID 6:* SENTSINCE 3-Jan-1970", "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(the_index_answers_flags_sets_and_sizes, setup, teardown),
		cmocka_unit_test_setup_teardown(recent_messages_are_those_of_the_session, setup, teardown),
		cmocka_unit_test_setup_teardown(headers_are_searched_decoded_and_unfolded, setup, teardown),
		cmocka_unit_test_setup_teardown(the_date_header_counts_as_it_is_written, setup, teardown),
		cmocka_unit_test_setup_teardown(bodies_are_searched_decoded, setup, teardown),
		cmocka_unit_test_setup_teardown(text_is_the_header_and_the_body, setup, teardown),
		cmocka_unit_test_setup_teardown(numbers_are_answered_when_asked_by_number, setup, teardown),
		cmocka_unit_test_setup_teardown(messages_that_are_gone_are_counted, setup, teardown),
		cmocka_unit_test_setup_teardown(a_needle_is_found_wherever_it_lies, setup, teardown),
		cmocka_unit_test_setup_teardown(a_long_search_is_done_in_slices, setup, teardown),
		cmocka_unit_test_setup_teardown(a_slice_can_be_run_again, setup, teardown),
		cmocka_unit_test_setup_teardown(ages_are_counted_from_now, setup, teardown),
		cmocka_unit_test_setup_teardown(an_age_matches_to_the_second, setup, teardown),
		cmocka_unit_test_setup_teardown(the_first_one_found_can_end_the_search, setup, teardown),
		cmocka_unit_test_setup_teardown(fuzzy_keys_have_scores, setup, teardown),
		cmocka_unit_test_setup_teardown(sizes_may_be_off_by_a_tenth, setup, teardown),
		cmocka_unit_test_setup_teardown(so_many_found_can_end_the_search, setup, teardown),
		cmocka_unit_test_setup_teardown(the_modseq_is_that_of_what_is_returned, setup, teardown),
		cmocka_unit_test_setup_teardown(a_day_ends_at_midnight_of_its_zone, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
