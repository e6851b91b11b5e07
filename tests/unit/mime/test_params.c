#include "mime/header.h"
#include "mime/mime_priv.h"

#include "mime_test.h"

/* "type/subtype name=value name*=charset'language'value ..." */
static void assert_type(const char *value, const char *expected)
{
	struct arena *arena = arena_new(0);
	struct mime_part part = { .kind = MIME_LEAF };
	struct buf out;
	char *copy = mem_strdup(value);
	buf_init(&out, 100000);
	if (mime_content_type_parse(arena, strv_make(copy, strlen(value)), &part))
		buf_printf(&out, "%.*s/%.*s", STRV_ARG(part.type), STRV_ARG(part.subtype));
	for (size_t i = 0; i < part.param_count; i++) {
		const struct mime_param *param = &part.params[i];
		buf_printf(&out, " %.*s%s=", STRV_ARG(param->name), param->extended ? "*" : "");
		if (param->extended)
			buf_printf(&out, "%.*s'%.*s'", STRV_ARG(param->charset), STRV_ARG(param->language));
		buf_addv(&out, param->value);
	}
	test_buf_is(&out, expected);
	free(copy);
	arena_free(&arena);
}

static void types_and_parameters_are_read(void **state)
{
	(void)state;
	assert_type("text/plain", "text/plain");
	assert_type(" Text/HTML ; Charset=UTF-8;x=y", "Text/HTML Charset=UTF-8 x=y");
	assert_type("a / b; c = d", "a/b c=d");
	assert_type("a/b; c=\"d; \\\"e\\\"\r\n f\"; g=h", "a/b c=d; \"e\" f g=h");
	assert_type("a/b; c=\"\"; d=", "a/b c= d=");
}

static void comments_are_skipped(void **state)
{
	(void)state;
	assert_type("(x (y) \\) z) a(;)/(q)b(;x=y) ;(c) d(e) = (f) g (h; i=j)", "a/b d=g");
	assert_type("a/b; c=\"(no)\"", "a/b c=(no)");
}

static void unquoted_values_may_hold_spaces(void **state)
{
	(void)state;
	assert_type("a/b; name=my file.pdf ; x=y", "a/b name=my file.pdf x=y");
	assert_type("a/b; name=my\r\n file.pdf", "a/b name=my file.pdf");
	assert_type("a/b; name=a=b", "a/b name=a=b");
}

static void what_is_broken_is_skipped(void **state)
{
	(void)state;
	assert_type("", "");
	assert_type("text", "");
	assert_type("/plain", "");
	assert_type("text/", "");
	assert_type("text/plain junk=1; a=b", "text/plain a=b");
	assert_type("a/b;;; ; =x; y; \"q\"=r; c=d", "a/b c=d");
	assert_type("a/b; c=\"open; d=e", "a/b c=\"open d=e");
	assert_type("a/b; c=(open; d=e", "a/b c=(open d=e");
	assert_type("a/b; c=x (open; d=y (open", "a/b c=x (open d=y (open");
}

static void rfc_2231_values_are_decoded(void **state)
{
	(void)state;
	assert_type("a/b; t*=utf-8'en'%e2%82%aC%2", "a/b t*=utf-8'en'\xe2\x82\xac%2");
	assert_type("a/b; t*=''x", "a/b t*=''x");
	assert_type("a/b; t*=nothing%20", "a/b t*=''nothing ");
	assert_type("a/b; t*=only'one", "a/b t*=''only'one");
	assert_type("a/b; *=x; t**=y", "a/b *=x t**=y");
}

static void each_octet_can_be_escaped_in_a_value(void **state)
{
	(void)state;
	for (unsigned octet = 1; octet < 256; octet++) {
		char in[32];
		char expected[] = "a/b t*=l1''[?]";
		expected[12] = (char)octet;
		snprintf(in, sizeof(in), "a/b; t*=l1''[%%%02X]", octet);
		assert_type(in, expected);
		snprintf(in, sizeof(in), "a/b; t*=l1''[%%%02x]", octet);
		assert_type(in, expected);
	}
	for (const char *p = "/:@G`g"; *p; p++) {
		char in[32];
		char expected[32];
		snprintf(in, sizeof(in), "a/b; t*=l1''%%%c0%%4%c", *p, *p);
		snprintf(expected, sizeof(expected), "a/b t*=l1''%%%c0%%4%c", *p, *p);
		assert_type(in, expected);
	}
	assert_type("a/b; t*=l1''%41", "a/b t*=l1''A");
	assert_type("a/b; t*=l1''%4", "a/b t*=l1''%4");
	assert_type("a/b; t*=l1''%", "a/b t*=l1''%");
}

static void pieces_are_joined_in_the_order_of_their_numbers(void **state)
{
	(void)state;
	assert_type("a/b; t*10=k; t*9=j; t*8=i; t*7=h; t*6=g; t*5=f; t*4=e; t*3=d; t*2=c; t*1=b; t*0=a",
		"a/b t=abcdefghijk");
	assert_type("a/b; t*0=a; t*4294967295=z", "a/b t=a");
	assert_type("a/b; t*4294967296=z", "a/b t*4294967296=z");
	assert_type("a/b; t*0*=utf-8''%F0%90; t*1*=%80%80", "a/b t*=utf-8''\xf0\x90\x80\x80");
}

static void rfc_2231_pieces_are_joined(void **state)
{
	(void)state;
	assert_type("a/b; t*0=x; t*1=\"y z\"; u=v", "a/b t=xy z u=v");
	assert_type("a/b; t*1=y; T*0=x", "a/b T=xy");
	assert_type("a/b; t*0*=utf-8''%41; t*1=%42; t*2*=%43", "a/b t*=utf-8''A%42C");
	assert_type("a/b; t*0=%41; t*1*=%42", "a/b t=%41B");
	/* A gap ends it; pieces without a first one are nothing. */
	assert_type("a/b; t*0=x; t*2=z", "a/b t=x");
	assert_type("a/b; t*1=x; u=v", "a/b u=v");
	assert_type("a/b; t*0=x; t*0=y; t*1=z; t*1=w", "a/b t=xz");
	assert_type("a/b; t*99999999999=x", "a/b t*99999999999=x");
}

static void parameters_are_limited(void **state)
{
	(void)state;
	struct arena *arena = arena_new(0);
	struct mime_part part = { .kind = MIME_LEAF };
	struct buf text;
	buf_init(&text, 100000);
	buf_adds(&text, "a/b");
	for (size_t i = 1; i <= MIME_PARAMS_MAX + 1; i++) {
		buf_adds(&text, ";a=b");
		assert_true(mime_content_type_parse(arena, buf_strv(&text), &part));
		assert_int_equal(part.param_count, i < MIME_PARAMS_MAX ? i : MIME_PARAMS_MAX);
	}
	buf_fini(&text);
	arena_free(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(types_and_parameters_are_read),
		cmocka_unit_test(comments_are_skipped),
		cmocka_unit_test(unquoted_values_may_hold_spaces),
		cmocka_unit_test(what_is_broken_is_skipped),
		cmocka_unit_test(rfc_2231_values_are_decoded),
		cmocka_unit_test(each_octet_can_be_escaped_in_a_value),
		cmocka_unit_test(pieces_are_joined_in_the_order_of_their_numbers),
		cmocka_unit_test(rfc_2231_pieces_are_joined),
		cmocka_unit_test(parameters_are_limited),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
