#include "mime/subject.h"

#include "mime_test.h"

/* reply '-': nothing says that it is one. */
static void assert_base(const char *subject, const char *base, char reply)
{
	struct buf out;
	bool is_reply = false;
	buf_init(&out, 1024 * 1024);
	struct strv text = strv_cstr(subject);
	char *exact = mem_strndup(text.p, text.n);
	mime_subject_base(&out, strv_make(exact, text.n), &is_reply);
	if (!strv_eq(buf_strv(&out), strv_cstr(base)) || is_reply != (reply == 'r'))
		fail_msg("\"%s\" became \"%.*s\" %d", subject, (int)out.len, out.p ? out.p : "", is_reply);
	free(exact);
	buf_fini(&out);
}

static void plain_subjects_stay(void **state)
{
	(void)state;
	assert_base("", "", '-');
	assert_base("hello", "hello", '-');
	assert_base("hello world", "hello world", '-');
	assert_base("Reading", "Reading", '-');
	assert_base("re", "re", '-');
	assert_base("fwd", "fwd", '-');
	assert_base("recent: x", "recent: x", '-');
	assert_base("r: x", "r: x", '-');
	assert_base("aw: x", "aw: x", '-');
	assert_base("a re: b", "a re: b", '-');
	assert_base("(fwd) a", "(fwd) a", '-');
	assert_base("fwdd: x", "fwdd: x", '-');
	assert_base("J\xc3\xb6rg", "J\xc3\xb6rg", '-');
	assert_base("\xff\xfe", "\xff\xfe", '-');
}

static void white_space_is_made_single(void **state)
{
	(void)state;
	assert_base("  a \t b  ", "a b", '-');
	assert_base("a\r\n b", "a b", '-');
	assert_base(" ", "", '-');
	assert_base("a\t", "a", '-');
}

static void leaders_go(void **state)
{
	(void)state;
	assert_base("re: a", "a", 'r');
	assert_base("RE: a", "a", 'r');
	assert_base("Re:a", "a", 'r');
	assert_base("re : a", "a", 'r');
	assert_base("re  \t : a", "a", 'r');
	assert_base("fw: a", "a", 'r');
	assert_base("FWD: a", "a", 'r');
	assert_base("Fwd:fw: re: RE : a", "a", 'r');
	assert_base("re[3]: a", "a", 'r');
	assert_base("re [3]: a", "a", 'r');
	assert_base("re[3] : a", "a", 'r');
	assert_base("re[]: a", "a", 'r');
	assert_base("fwd[x y]: a", "a", 'r');
	assert_base("re[3][4]: a", "re[3][4]: a", '-');
	assert_base("re[3]a: a", "re[3]a: a", '-');
	assert_base("re[[3]: a", "re[[3]: a", '-');
	assert_base("re[3: a", "re[3: a", '-');
	assert_base("re;: a", "re;: a", '-');
	assert_base("re:", "", 'r');
	assert_base("re: ", "", 'r');
	assert_base("re: re:", "", 'r');
	assert_base(":", ":", '-');
	assert_base("re::", ":", 'r');
}

static void blobs_go_unless_they_are_all(void **state)
{
	(void)state;
	assert_base("[list] a", "a", '-');
	assert_base("[list]a", "a", '-');
	assert_base("[list] [x] a", "a", '-');
	assert_base("[list] re: a", "a", 'r');
	assert_base("[list] [x]re[2]: a", "a", 'r');
	assert_base("re: [list] a", "a", 'r');
	assert_base("re: [list] re: [x] a", "a", 'r');
	assert_base("[list]", "[list]", '-');
	assert_base("[a] [b]", "[b]", '-');
	assert_base("[a][b][c]", "[c]", '-');
	assert_base("re: [list]", "[list]", 'r');
	assert_base("[list] re:", "", 'r');
	assert_base("[] a", "a", '-');
	assert_base("[a", "[a", '-');
	assert_base("[[a]] b", "[[a]] b", '-');
	assert_base("[a]]b", "]b", '-');
	assert_base("a [b]", "a [b]", '-');
	assert_base("a [b] re: c", "a [b] re: c", '-');
	assert_base("[a] re[3] b", "re[3] b", '-');
	assert_base("[fwd: a] b", "b", '-');
}

static void trailers_go(void **state)
{
	(void)state;
	assert_base("a (fwd)", "a", 'r');
	assert_base("a(FWD)", "a", 'r');
	assert_base("a (fwd) (Fwd)  ", "a", 'r');
	assert_base("(fwd)", "", 'r');
	assert_base("re: (fwd)", "", 'r');
	assert_base("[x] (fwd)", "[x]", 'r');
	assert_base("a (fwd", "a (fwd", '-');
	assert_base("a fwd)", "a fwd)", '-');
	assert_base("a (fwd) b", "a (fwd) b", '-');
}

static void forwards_are_unwrapped(void **state)
{
	(void)state;
	assert_base("[fwd: a]", "a", 'r');
	assert_base("[FWD:a]", "a", 'r');
	assert_base("[fwd: re: a]", "a", 'r');
	assert_base("re: [fwd: a]", "a", 'r');
	assert_base("[fwd: [fwd: a]]", "a", 'r');
	assert_base("[fwd: [list] a]", "a", 'r');
	assert_base("[fwd: a (fwd)] (fwd)", "a", 'r');
	assert_base("[fwd: a (fwd) ]", "a", 'r');
	assert_base("[fwd:]", "", 'r');
	assert_base("[fwd: ]", "", 'r');
	assert_base("[fwd: [a]]", "[a]", 'r');
	assert_base("[fwd: a", "[fwd: a", '-');
	assert_base("[fwd:", "[fwd:", '-');
	assert_base("[fwd : a]", "[fwd : a]", '-');
	assert_base("[fw: a]", "[fw: a]", '-');
	assert_base("[list] [fwd: a]", "a", 'r');
	assert_base("[fwd: re: [x] [fwd: b] c]", "c", 'r');
	assert_base("[fwd: a]b]", "b]", '-');
}

/* Removing something makes room for what stood behind it, and for what stood around it. */
static void rules_are_repeated(void **state)
{
	(void)state;
	assert_base("re: [l] fwd: [fwd: [x] re: y (fwd)] (fwd)", "y", 'r');
	assert_base("Re: Fwd: [Bug 12] Re[2]: crash (fwd) (fwd)", "crash", 'r');
	assert_base("[fwd: re: ](fwd)", "", 'r');
	assert_base("fwd: [fwd: (fwd)]", "", 'r');
}

static void assert_quick(const char *unit, size_t count, const char *end)
{
	struct buf text;
	struct buf out;
	bool reply;
	buf_init(&text, 64 * 1024 * 1024);
	buf_init(&out, 64 * 1024 * 1024);
	for (size_t i = 0; i < count; i++)
		buf_adds(&text, unit);
	buf_adds(&text, end);
	mime_subject_base(&out, buf_strv(&text), &reply);
	assert_true(out.len <= text.len);
	buf_fini(&text);
	buf_fini(&out);
}

/* A cost that grows with the square of the length would take minutes here. */
static void long_subjects_cost_no_more_than_their_length(void **state)
{
	(void)state;
	assert_quick("[a]", 1000000, "re");
	assert_quick("[a]", 1000000, "re[");
	assert_quick("[a]", 1000000, "re: x");
	assert_quick("re:", 1000000, "");
	assert_quick("[fwd:", 500000, "");
	assert_quick("[", 1000000, "]");
	assert_quick("(fwd)", 1000000, "");
	assert_quick("re[a", 500000, "");
	assert_quick("[fwd: [a] ", 200000, "]]]]]]]]");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(plain_subjects_stay),
		cmocka_unit_test(white_space_is_made_single),
		cmocka_unit_test(leaders_go),
		cmocka_unit_test(blobs_go_unless_they_are_all),
		cmocka_unit_test(trailers_go),
		cmocka_unit_test(forwards_are_unwrapped),
		cmocka_unit_test(rules_are_repeated),
		cmocka_unit_test(long_subjects_cost_no_more_than_their_length),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
