/* Keywords beyond the first 64 of a mailbox. */
#include "mail_fixture.h"

static struct msg_row row_of(uint32_t uid)
{
	return (struct msg_row){ .uid = uid };
}

static void those_of_a_message_are_kept_beside_its_row(void **state)
{
	(void)state;
	struct index index = { 0 };
	struct msg_row rows[3] = { row_of(3), row_of(5), row_of(8) };
	uint64_t words[KEYWORDS_MORE_WORDS] = { 0 };

	assert_null(keywords_more(&index, &rows[0]));
	assert_int_equal(keywords_more_bytes(&index), 0);
	words[0] = 1;
	words[KEYWORDS_MORE_WORDS - 1] = UINT64_C(1) << 63;
	keywords_more_set(&index, &rows[0], words);
	uint64_t one = keywords_more_bytes(&index);
	assert_true(one >= sizeof(words));
	assert_true(rows[0].flags & MSG_MORE_KEYWORDS);
	assert_memory_equal(keywords_more(&index, &rows[0]), words, sizeof(words));
	assert_null(keywords_more(&index, &rows[1]));
	/* Set again they take the place of those before. */
	words[0] = 6;
	keywords_more_set(&index, &rows[0], words);
	assert_int_equal(keywords_more(&index, &rows[0])[0], 6);
	assert_int_equal(keywords_more_bytes(&index), one);
	keywords_more_set(&index, &rows[1], words);
	keywords_more_set(&index, &rows[2], words);
	assert_int_equal(keywords_more_bytes(&index), 3 * one);
	/* None is as good as no row. */
	memset(words, 0, sizeof(words));
	keywords_more_set(&index, &rows[0], words);
	assert_false(rows[0].flags & MSG_MORE_KEYWORDS);
	assert_null(keywords_more(&index, &rows[0]));
	struct seqset gone;
	set_of(&gone, "1:5");
	keywords_more_remove(&index, &gone);
	seqset_fini(&gone);
	assert_null(keywords_more(&index, &rows[1]));
	assert_non_null(keywords_more(&index, &rows[2]));
	keywords_more_remove(&index, NULL);
	assert_int_equal(keywords_more_bytes(&index), 0);
}

/* k0 to k<count - 1>, carried by a new message. */
static void append_with(struct fixture *f, size_t count)
{
	static char text[MBOX_KEYWORDS_MAX][24];
	struct append_call call = { .mailbox = f->inbox, .times = 1, .keyword_count = count };

	for (size_t i = 0; i < count; i++) {
		snprintf(text[i], sizeof(text[i]), "k%zu", i);
		call.keywords[i] = strv_cstr(text[i]);
	}
	assert_int_equal(t_append_call(f, &call, TEST_MESSAGE), RC_OK);
}

static void they_have_a_row_of_their_own_and_come_back(void **state)
{
	(void)state;
	struct fixture *f = fixture_new(NULL);

	append_with(f, KEYWORDS_FIRST);
	assert_int_equal(t_sql(f, "SELECT count(*) FROM keyword_more"), 0);
	append_with(f, KEYWORDS_FIRST + 9);
	append_with(f, MBOX_KEYWORDS_MAX);
	t_append(f, f->inbox, 0, 1);
	assert_int_equal(t_sql(f, "SELECT count(*) FROM keyword_more"), 2);
	/* Low octets first, zeros at the end left out. */
	assert_int_equal(t_sql(f, "SELECT bits = x'ff01' FROM keyword_more WHERE uid = 2"), 1);
	assert_int_equal(t_sql(f, "SELECT length(bits) FROM keyword_more WHERE uid = 3"),
		(MBOX_KEYWORDS_MAX - KEYWORDS_FIRST) / 8);
	fixture_reopen(f);
	assert_keywords(f, f->inbox, 4, "");
	struct carried_call call = { .mailbox = f->inbox, .uid = 2 };
	buf_init(&call.text, 64 * 1024);
	assert_int_equal(run(f, JOB_READ, carried_run, &call), RC_OK);
	buf_addc(&call.text, '\0');
	assert_non_null(strstr(call.text.p, " k63 k64 "));
	assert_string_equal(call.text.p + call.text.len - 5, "k72 ");
	buf_fini(&call.text);
	assert_expunge(f, f->inbox, "2", true, "2");
	assert_int_equal(t_sql(f, "SELECT count(*) FROM keyword_more"), 1);
	fixture_free(&f);
}

static void a_row_without_its_message_is_nobodys(void **state)
{
	(void)state;
	struct fixture *f = fixture_new(NULL);

	append_with(f, KEYWORDS_FIRST + 1);
	t_script(f, (char[]){ "INSERT INTO keyword_more (mailbox, uid, bits) VALUES (1, 7, x'01')" });
	fixture_reopen(f);
	assert_uids(f, f->inbox, "1");
	t_append(f, f->inbox, 0, 6);
	assert_keywords(f, f->inbox, 7, "");
	fixture_free(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(those_of_a_message_are_kept_beside_its_row),
		cmocka_unit_test(they_have_a_row_of_their_own_and_come_back),
		cmocka_unit_test(a_row_without_its_message_is_nobodys),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
