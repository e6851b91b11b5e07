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

static void numbers_of_characters_end_at_their_border(void **state)
{
	(void)state;
	assert_text("&#31;&#x1f;&#32;&#x21;", "   !");
	assert_text("&#x7f;&#x80;", "\x7f\xc2\x80");
	assert_text("&#x7ff;&#x800;", "\xdf\xbf\xe0\xa0\x80");
	assert_text("&#xd7ff;&#xd800;&#xdfff;&#xe000;", "\xed\x9f\xbf  \xee\x80\x80");
	assert_text("&#xffff;&#x10000;", "\xef\xbf\xbf\xf0\x90\x80\x80");
	assert_text("&#x10ffff;&#x110000;&#1114111;&#1114112;", "\xf4\x8f\xbf\xbf \xf4\x8f\xbf\xbf ");
	/* Above the last character there is one digit more at most. */
	assert_text("&#x10ffff0;&#x1100000;", " &#x1100000;");
	assert_text("&#x0;&#xf;&#x;", "  &#x;");
}

static void a_name_of_a_character_has_a_limit(void **state)
{
	(void)state;
	char longest[MIME_ENTITY_MAX + 1];
	char text[sizeof(longest) + 8];
	memset(longest, '0', MIME_ENTITY_MAX);
	memcpy(longest, "#x", 2);
	memcpy(longest + MIME_ENTITY_MAX - 2, "41", 3);
	snprintf(text, sizeof(text), "&%s;", longest);
	assert_text(text, "A");
	snprintf(text, sizeof(text), "&#x%s;", longest + 3);
	assert_text(text, "A");
	snprintf(text, sizeof(text), "&#x0%s;", longest + 2);
	assert_text(text, text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tags_vanish_and_separate_words),
		cmocka_unit_test(invisible_elements_vanish),
		cmocka_unit_test(entities_are_resolved),
		cmocka_unit_test(what_is_never_closed_ends_the_text),
		cmocka_unit_test(numbers_of_characters_end_at_their_border),
		cmocka_unit_test(a_name_of_a_character_has_a_limit),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
