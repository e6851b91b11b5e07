#include "mime/summary_priv.h"

#include "mime_test.h"

static void assert_text(const char *html, const char *expected)
{
	struct buf out;
	size_t n = strlen(html);
	char *copy = mem_alloc(n);
	memcpy(copy, html, n);
	buf_init(&out, 10000);
	mime_html_strip(&out, strv_make(copy, n));
	free(copy);
	test_buf_is(&out, expected);
}

static void tags_vanish_and_separate_words(void **state)
{
	(void)state;
	assert_text("a<br>b<p class=\"x\">c</p>", "a b c ");
	assert_text("<B>a</b>b<span x>c</span><a href=x>d</a>", "abcd");
	assert_text("<!-- a > b -->c<!DOCTYPE x>d", " c d");
}

static void invisible_elements_vanish(void **state)
{
	(void)state;
	assert_text("<STYLE type=x>a > b</style>c<script>d</script >e<title>f</title>", " c e ");
	assert_text("<styles>a", " a");
}

static void entities_are_resolved(void **state)
{
	(void)state;
	assert_text("&amp;&lt;&gt;&quot;&nbsp;&auml;&Auml;&euro;", "&<>\" \xc3\xa4\xc3\x84\xe2\x82\xac");
	assert_text("&#65;&#x42;&#X43;&#x1f600;", "ABC\xf0\x9f\x98\x80");
	assert_text("&#0;&#10;&#xd800;&#x110000;", "    ");
	assert_text("&foo;&;&#;&#x;&#xg;&#99999999999;& b", "&foo;&;&#;&#x;&#xg;&#99999999999;& b");
	assert_text("&averylongentityname;&amp", "&averylongentityname;&amp");
}

static void what_is_never_closed_ends_the_text(void **state)
{
	(void)state;
	assert_text("a<b", "a");
	assert_text("a<", "a ");
	assert_text("a<!--", "a ");
	assert_text("a<style>b", "a ");
	assert_text("", "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tags_vanish_and_separate_words),
		cmocka_unit_test(invisible_elements_vanish),
		cmocka_unit_test(entities_are_resolved),
		cmocka_unit_test(what_is_never_closed_ends_the_text),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
