#include "mime/mime.h"

#include "mime_test.h"
#include "nasty.h"

/* The message with CRLF line ends; the caller frees the buf. */
static struct strv nasty_text(const struct nasty *nasty, struct buf *buf)
{
	buf_init(buf, TEST_TEXT_MAX);
	if (nasty->raw > 0) {
		buf_add(buf, nasty->text, nasty->raw);
		return buf_strv(buf);
	}
	for (const char *p = nasty->text; *p; p++) {
		if (*p == '\n')
			buf_addc(buf, '\r');
		buf_addc(buf, *p);
	}
	return buf_strv(buf);
}

static void assert_same(struct strv text, const struct buf *expected, struct mime_msg *msg)
{
	struct buf got;
	buf_init(&got, TEST_TEXT_MAX);
	test_print_msg(&got, msg);
	assert_int_equal(got.len, expected->len);
	assert_memory_equal(got.p, expected->p, got.len);
	assert_int_equal(msg->size, text.n);
	buf_fini(&got);
	mime_msg_free(&msg);
}

static void assert_split_independent(struct strv text, const struct mime_limits *limits, bool every_split)
{
	struct buf whole;
	buf_init(&whole, TEST_TEXT_MAX);
	struct mime_msg *msg = test_scan_steps(text, 0, limits);
	test_print_msg(&whole, msg);
	mime_msg_free(&msg);
	for (size_t step = 1; step < 8; step++)
		assert_same(text, &whole, test_scan_steps(text, step, limits));
	for (size_t at = 0; every_split && at <= text.n; at++)
		assert_same(text, &whole, test_scan_split(text, at, limits));
	buf_fini(&whole);
}

static void the_result_does_not_depend_on_the_pieces(void **state)
{
	(void)state;
	static const struct mime_limits tight = { .depth = 2,
		.parts = 3,
		.header_bytes = 30,
		.headers_total = 50,
		.values_total = 40,
		.preview_bytes = 3 };
	for (size_t i = 0; i < NASTY_COUNT; i++) {
		struct buf buf;
		struct strv text = nasty_text(&nasty_messages[i], &buf);
		assert_split_independent(text, NULL, true);
		assert_split_independent(text, &tight, true);
		buf_fini(&buf);
	}
}

/* Offsets nest and cover; every part is where its bytes are. */
static void check_part(const struct mime_part *part, uint64_t end)
{
	assert_int_equal(part->body_offset, part->header_offset + part->header_size);
	assert_true(part->body_offset + part->body_size <= end);
	uint64_t from = part->body_offset;
	for (const struct mime_part *child = part->child; child; child = child->sibling) {
		assert_true(child->header_offset >= from);
		check_part(child, part->body_offset + part->body_size > child->body_offset
					  ? part->body_offset + part->body_size
					  : child->body_offset);
		from = child->body_offset + child->body_size;
	}
	assert_true(part->kind == MIME_LEAF ? !part->child : true);
	assert_true(part->kind == MIME_MESSAGE ? part->child && !part->child->sibling : true);
}

static void parts_nest_and_do_not_overlap(void **state)
{
	(void)state;
	for (size_t i = 0; i < NASTY_COUNT; i++) {
		struct buf buf;
		struct mime_msg *msg = test_scan(nasty_text(&nasty_messages[i], &buf));
		check_part(msg->root, msg->size);
		assert_int_equal(msg->root->header_size + msg->root->body_size, msg->size);
		mime_msg_free(&msg);
		buf_fini(&buf);
	}
}

/* The tree as text: "type/subtype[body]" with children in braces; m for messages. */
static void print_tree(struct buf *out, struct strv text, const struct mime_part *part)
{
	buf_printf(out, "%.*s/%.*s", STRV_ARG(part->type), STRV_ARG(part->subtype));
	if (part->kind == MIME_LEAF) {
		buf_adds(out, "[");
		buf_addv(out, strv_sub(text, part->body_offset, part->body_size));
		buf_printf(out, "]%lu", (unsigned long)part->body_lines);
		return;
	}
	buf_adds(out, part->kind == MIME_MESSAGE ? "(" : "{");
	for (const struct mime_part *child = part->child; child; child = child->sibling) {
		if (child->index > 1)
			buf_adds(out, " ");
		print_tree(out, text, child);
	}
	buf_adds(out, part->kind == MIME_MESSAGE ? ")" : "}");
}

static void assert_tree_limited(struct strv text, const struct mime_limits *limits, const char *expected)
{
	struct buf out;
	buf_init(&out, TEST_TEXT_MAX);
	struct mime_msg *msg = test_scan_steps(text, 0, limits);
	print_tree(&out, text, msg->root);
	mime_msg_free(&msg);
	test_buf_is(&out, expected);
}

static void assert_nasty(const char *name, const char *expected)
{
	for (size_t i = 0; i < NASTY_COUNT; i++) {
		if (strcmp(nasty_messages[i].name, name) != 0)
			continue;
		struct buf buf;
		assert_tree_limited(nasty_text(&nasty_messages[i], &buf), NULL, expected);
		buf_fini(&buf);
		return;
	}
	fail_msg("no message %s", name);
}

static void broken_messages_have_a_defined_tree(void **state)
{
	(void)state;
	assert_nasty("empty", "text/plain[]0");
	assert_nasty("only-body", "text/plain[hello\r\n]1");
	assert_nasty("no-header-no-blank-line", "text/plain[hello\r\nworld\r\n]2");
	assert_nasty("no-line-end", "text/plain[hello]0");
	assert_nasty("only-header", "text/plain[]0");
	assert_nasty("missing-blank-line", "text/plain[]0");
	assert_nasty("line-that-is-no-field", "multipart/mixed{text/plain[one]0}");
	assert_nasty("line-that-is-no-field-at-the-end", "text/html[body\r\n]1");
	assert_nasty("two-mbox-lines", "text/html[body\r\n]1");
	assert_nasty("parameter-not-folded", "multipart/mixed{application/zip[UEs=]0 text/plain[text]0}");
	assert_nasty("boundary-not-folded", "multipart/mixed{text/plain[one]0}");
	assert_nasty("own-boundary-behind-junk", "multipart/mixed{text/plain[one]0}");
	assert_nasty("own-boundary-with-colon", "multipart/mixed{text/plain[one]0}");
	assert_nasty("junk-then-boundary",
		"multipart/mixed{text/html[junk\r\n folded]1 message/rfc822(text/plain["
		"junk]0) multipart/mixed{} text/plain[two]0}");
	assert_nasty("quoted-type", "multipart/mixed{text/html[one]0}");
	assert_nasty("mbox-line", "text/plain[body\r\n]1");
	assert_nasty("starts-folded", "text/plain[body\r\n]1");
	assert_nasty("colon-first", "text/plain[body\r\n]1");
	assert_nasty("cr-at-the-end", "text/plain[\r]0");
	assert_nasty("mixed", "multipart/mixed{text/plain[one]0 image/png[AAAA]0}");
	assert_nasty("quoted-boundary-spaces", "multipart/mixed{text/plain[x]0}");
	assert_nasty("boundary-trailing-space", "multipart/mixed{text/plain[x]0}");
	assert_nasty("no-closing-boundary", "multipart/mixed{text/plain[one]0 text/plain[two\r\n]1}");
	assert_nasty("boundary-at-the-end", "multipart/mixed{text/plain[one]0 text/plain[]0}");
	assert_nasty("closing-boundary-at-the-end", "multipart/mixed{text/plain[one]0}");
	assert_nasty("no-parts", "multipart/mixed{}");
	assert_nasty("closed-at-once", "multipart/mixed{}");
	assert_nasty("no-boundary-parameter", "multipart/mixed{text/plain[--b\r\n\r\none\r\n--b--\r\n]4}");
	assert_nasty("empty-boundary", "multipart/mixed{text/plain[--\r\n\r\none\r\n----\r\n]4}");
	assert_nasty("prefix-boundaries",
		"multipart/mixed{multipart/alternative{text/plain[one]0 text/plain[two]0}"
		" text/plain[three]0}");
	assert_nasty("outer-ends-inner",
		"multipart/mixed{multipart/mixed{text/plain[one]0} text/plain[two\r\n--i]1}");
	assert_nasty("same-boundary-inside", "multipart/mixed{multipart/mixed{text/plain[x]0}}");
	assert_nasty("header-then-boundary", "multipart/mixed{text/html[]0 text/plain[]0 text/plain[]0}");
	assert_nasty("own-boundary-ends-header", "multipart/mixed{text/plain[one]0}");
	assert_nasty("boundary-with-colon", "multipart/mixed{text/plain[]0 text/plain[two]0}");
	assert_nasty("after-close", "multipart/mixed{text/plain[one]0}");
	assert_nasty("text-after-dashes", "multipart/mixed{text/plain[--\r\n---\r\n--c\r\n--b--x]3}");
	assert_nasty("digest", "multipart/digest{message/rfc822(text/plain[one]0) text/plain[two]0"
			       " message/rfc822(text/plain[no header, no blank line]0)}");
	assert_nasty("message", "multipart/mixed{text/plain[text]0 message/rfc822(multipart/alternative{"
				"text/plain[plain]0 text/html[<b>html</b>]0})}");
	assert_nasty("message-in-message", "message/rfc822(message/rfc822(text/plain[y\r\n]1))");
	assert_nasty("message-without-header", "message/rfc822(text/plain[body\r\n]1)");
	assert_nasty("message-without-body", "message/rfc822(text/plain[]0)");
	assert_nasty("message-ended-by-boundary",
		"multipart/mixed{message/rfc822(text/plain[]0)"
		" message/rfc822(text/plain[]0) message/rfc822(text/plain[]0)}");
	assert_nasty("message-base64", "message/rfc822[U3ViamVjdDogeA0KDQp5\r\n]1");
	assert_nasty("message-global", "message/global(text/plain[y\r\n]1)");
	assert_nasty("message-partial", "message/partial[Subject: x\r\n\r\ny\r\n]3");
	assert_nasty("type-unreadable", "text/plain[x\r\n]1");
	assert_nasty("type-without-subtype", "text/plain[x\r\n]1");
	assert_nasty("type-comments", "text/html[x\r\n]1");
}

static void octets_are_counted_and_classified(void **state)
{
	(void)state;
	struct mime_msg *msg = test_scan(STRV("Subject: x\r\nA: b\r\n\r\none\r\ntwo\r\n"));
	assert_int_equal(msg->size, 30);
	assert_int_equal(msg->root->header_size, 20);
	assert_int_equal(msg->root->header_lines, 3);
	assert_int_equal(msg->root->body_lines, 2);
	assert_false(msg->has_nul);
	assert_false(msg->has_8bit);
	assert_false(msg->has_bare_lf);
	mime_msg_free(&msg);
	msg = test_scan(STRV("Subject: x\r\n\r\n0123456789012345678901234567890123456789\xff\n\0"));
	assert_true(msg->has_nul);
	assert_true(msg->has_8bit);
	assert_true(msg->has_bare_lf);
	mime_msg_free(&msg);
}

static void fields_and_parameters_are_found_by_name(void **state)
{
	(void)state;
	struct mime_msg *msg = test_scan(STRV("TO: a\nto : b\n c\nContent-Type: text/plain; "
					      "CharSet=\"utf-8\"; name=x; name*=utf-8''y\n\n"));
	const struct mime_field *field = mime_part_field(msg->root, STRV("To"), 1);
	assert_non_null(field);
	assert_true(strv_eq(field->value, STRV(" b\n c")));
	assert_null(mime_part_field(msg->root, STRV("To"), 2));
	assert_true(strv_eq(mime_part_param(msg->root, STRV("charset")), STRV("utf-8")));
	/* The RFC 2231 form wins over its fallback. */
	assert_true(strv_eq(mime_part_param(msg->root, STRV("name")), STRV("y")));
	assert_int_equal(mime_part_param(msg->root, STRV("none")).n, 0);
	mime_msg_free(&msg);
}

static void the_text_is_the_messages_own_and_no_attachment(void **state)
{
	(void)state;
	struct mime_msg *msg = test_scan(STRV("Content-Type: multipart/mixed; boundary=b\n\n"
					      "--b\nContent-Type: message/rfc822\n\nX: y\n\nforwarded\n"
					      "--b\nContent-Disposition: Attachment; x=y\n\nattached\n"
					      "--b\nContent-Type: text/html\n\nhtml\n"
					      "--b\nContent-Type: text/plain\n\nthis\nis it\n"
					      "--b\n\nlater\n--b--\n"));
	assert_true(strv_eq(msg->text_start, STRV("this\nis it")));
	mime_msg_free(&msg);
	msg = test_scan(STRV("Content-Type: multipart/mixed; boundary=b\n\n"
			     "--b\nContent-Type: message/rfc822\n\nX: y\n\nforwarded\n"
			     "--b\nContent-Type: text/html\n\nhtml\n--b--\n"));
	assert_true(strv_eq(msg->text_start, STRV("html")));
	mime_msg_free(&msg);
	msg = test_scan(STRV("Content-Type: image/png\n\nx\n"));
	assert_null(msg->text_part);
	assert_int_equal(msg->text_start.n, 0);
	mime_msg_free(&msg);
}

static void the_text_kept_is_limited(void **state)
{
	(void)state;
	struct mime_limits limits = mime_limits_default;
	limits.preview_bytes = 5;
	for (size_t step = 0; step < 12; step++) {
		struct mime_msg *msg = test_scan_steps(STRV("A: b\n\nab\ncdefgh\nij\n"), step, &limits);
		assert_true(strv_eq(msg->text_start, STRV("ab\ncd")));
		mime_msg_free(&msg);
	}
}

static void depth_is_limited(void **state)
{
	(void)state;
	static const char text[] = "Content-Type: multipart/mixed; boundary=a\n\n"
				   "--a\nContent-Type: multipart/mixed; boundary=b\n\n"
				   "--b\n\nx\n--b--\n--a\nContent-Type: message/rfc822\n\nX: y\n\nz\n--a--\n";
	struct mime_limits limits = mime_limits_default;
	limits.depth = 2;
	assert_tree_limited(strv_cstr(text), &limits,
		"multipart/mixed{multipart/mixed{text/plain[--b\n\nx\n--b--]3} message/rfc822[X: y\n\nz]2}");
	limits.depth = 1;
	assert_tree_limited(STRV("Content-Type: message/rfc822\n\nx"), &limits, "message/rfc822[x]0");
}

static void depth_has_a_ceiling_and_deep_nesting_is_harmless(void **state)
{
	(void)state;
	struct mime_limits limits = mime_limits_default;
	struct buf text;
	buf_init(&text, TEST_TEXT_MAX);
	for (int i = 0; i < 2 * MIME_DEPTH_MAX; i++)
		buf_adds(&text, "Content-Type: message/rfc822\r\n\r\n");
	limits.depth = 1000000;
	struct mime_msg *msg = test_scan_steps(buf_strv(&text), 0, &limits);
	unsigned depth = 1;
	for (const struct mime_part *part = msg->root; part->child; part = part->child)
		depth++;
	assert_int_equal(depth, MIME_DEPTH_MAX);
	mime_msg_free(&msg);
	buf_fini(&text);
}

static void parts_are_limited(void **state)
{
	(void)state;
	struct mime_limits limits = mime_limits_default;
	limits.parts = 3;
	assert_tree_limited(
		STRV("Content-Type: multipart/mixed; boundary=a\n\n--a\n\n1\n--a\n\n2\n--a\n\n3\n--a\n"),
		&limits, "multipart/mixed{text/plain[1]0 text/plain[2]0}");
	assert_tree_limited(STRV("Content-Type: multipart/mixed; boundary=a\n\n--a\n\n1\n--a\n"
				 "Content-Type: multipart/mixed; boundary=b\n\n--b\n\n--a--\n"),
		&limits, "multipart/mixed{text/plain[1]0 multipart/mixed{text/plain[--b\n]1}}");
}

static void ordinary_fields_of_a_block_are_limited(void **state)
{
	(void)state;
	struct mime_limits limits = mime_limits_default;
	limits.header_bytes = 20;
	struct strv text = STRV("X-Spam: x\nX-From: 34567\n 89abcdef\nX-To: y\n\nbody");
	struct mime_msg *msg = test_scan_steps(text, 0, &limits);
	assert_true(msg->root->header_cut);
	assert_int_equal(msg->root->field_count, 2);
	assert_true(strv_eq(msg->root->fields[1].value, STRV(" 34")));
	assert_int_equal(msg->root->header.n, 20);
	assert_int_equal(msg->root->header_size, text.n - 4);
	mime_msg_free(&msg);
	limits.header_bytes = text.n;
	msg = test_scan_steps(text, 0, &limits);
	assert_false(msg->root->header_cut);
	mime_msg_free(&msg);
}

static void all_header_blocks_together_are_limited(void **state)
{
	(void)state;
	struct mime_limits limits = mime_limits_default;
	limits.headers_total = 15;
	struct mime_msg *msg = test_scan_steps(STRV("Content-Type: multipart/mixed; boundary=a\n\n"
						    "--a\nA: 3456789\n\n--a\nB: 3456789\n\n--a--\n"),
		0, &limits);
	const struct mime_part *first = msg->root->child;
	assert_false(first->header_cut);
	assert_int_equal(first->field_count, 1);
	assert_true(first->sibling->header_cut);
	mime_msg_free(&msg);
}

static void ordinary_fields_of_a_block_are_counted(void **state)
{
	(void)state;
	struct buf text;
	buf_init(&text, TEST_TEXT_MAX);
	for (int i = 0; i < MIME_FIELDS_MAX; i++)
		buf_adds(&text, "a:\n");
	struct mime_msg *msg = test_scan(buf_strv(&text));
	assert_int_equal(msg->root->field_count, MIME_FIELDS_MAX);
	assert_false(msg->root->header_cut);
	mime_msg_free(&msg);
	/* Deciding fields are found after all the others. */
	buf_adds(&text, "a:\nSubject: here\n");
	msg = test_scan(buf_strv(&text));
	assert_int_equal(msg->root->field_count, MIME_FIELDS_MAX + 1);
	assert_true(msg->root->header_cut);
	assert_true(strv_eq(mime_part_field(msg->root, STRV("subject"), 0)->value, STRV(" here")));
	mime_msg_free(&msg);
	buf_fini(&text);
}

static void add_many(struct buf *text, const char *item, size_t octets)
{
	for (size_t end = text->len + octets; text->len < end;)
		buf_adds(text, item);
}

/* A message whose header goes beyond every limit before it says what it is. */
static void fields_that_decide_are_found_wherever_they_stand(void **state)
{
	(void)state;
	struct buf text;
	buf_init(&text, 4 * (size_t)TEST_TEXT_MAX);
	add_many(&text, "Received: from somewhere by somebody\r\n", 400000);
	buf_adds(&text, "To: ");
	add_many(&text, "somebody@somewhere.example,\r\n ", 2 * MIME_LIST_MAX);
	buf_adds(&text, "x@y\r\nX-Line: ");
	add_many(&text, "one line", 2 * MIME_LIST_MAX);
	buf_adds(&text,
		"\r\nsome junk\r\nSubject: here\r\nChat-Version: 1.0\r\nContent-Type: multipart/mixed;\r\n"
		" boundary=b\r\n\r\n");
	for (int i = 0; i < 100; i++) {
		buf_adds(&text, "--b\r\n");
		add_many(&text, "X-Part: something of no interest at all\r\n", 50000);
		buf_printf(&text, "Content-Type: image/x%d\r\nContent-ID: <%d>\r\n\r\nbody\r\n", i, i);
	}
	buf_adds(&text, "--b--\r\n");
	struct mime_msg *msg = test_scan_steps(buf_strv(&text), 65536, NULL);
	assert_true(msg->root->header_cut);
	assert_true(strv_eq(mime_part_field(msg->root, STRV("Subject"), 0)->value, STRV(" here")));
	assert_non_null(mime_part_field(msg->root, STRV("Chat-Version"), 0));
	assert_int_equal(mime_part_field(msg->root, STRV("To"), 0)->value.n, MIME_LIST_MAX - 3);
	assert_int_equal(msg->root->kind, MIME_MULTIPART);
	int i = 0;
	for (const struct mime_part *part = msg->root->child; part; part = part->sibling, i++) {
		char name[32];
		snprintf(name, sizeof(name), "x%d", i);
		assert_true(strv_eq(part->subtype, strv_cstr(name)));
		assert_non_null(mime_part_field(part, STRV("Content-ID"), 0));
		assert_int_equal(part->body_size, 4);
	}
	assert_int_equal(i, 100);
	struct buf whole;
	buf_init(&whole, TEST_TEXT_MAX);
	test_print_msg(&whole, msg);
	mime_msg_free(&msg);
	assert_same(buf_strv(&text), &whole, test_scan_steps(buf_strv(&text), 0, NULL));
	assert_same(buf_strv(&text), &whole, test_scan_steps(buf_strv(&text), 1000, NULL));
	buf_fini(&whole);
	buf_fini(&text);
}

static void memory_for_headers_is_bounded(void **state)
{
	(void)state;
	struct mime_limits limits = mime_limits_default;
	struct buf text;
	buf_init(&text, TEST_TEXT_MAX);
	limits.values_total = 3000;
	buf_adds(&text, "Content-Type: multipart/mixed; boundary=b\r\n\r\n");
	for (int i = 0; i < 4; i++) {
		buf_adds(&text, "--b\r\nContent-Type: text/x; name=\"");
		add_many(&text, "0123456789", 2500);
		buf_adds(&text, "\"\r\n\r\n\r\n");
	}
	struct mime_msg *msg = test_scan_steps(buf_strv(&text), 0, &limits);
	const struct mime_part *part = msg->root->child;
	assert_true(part->header.n > 2500 && !part->header_cut);
	for (part = part->sibling; part; part = part->sibling) {
		assert_int_equal(part->header.n, MIME_VALUE_LEAST);
		assert_true(part->header_cut);
		assert_true(strv_eq(part->subtype, STRV("x")));
	}
	mime_msg_free(&msg);
	buf_fini(&text);
}

/* Lines after a block without an empty line are shown as the text. */
static void a_header_without_an_empty_line_ends_behind_its_last_field(void **state)
{
	(void)state;
	struct strv text = STRV("Subject: x\r\nHello\r\n  world\r\n:x\r\n");
	struct mime_msg *msg = test_scan(text);
	assert_int_equal(msg->root->header_size, 12);
	assert_int_equal(msg->root->header.n, 12);
	assert_true(strv_eq(msg->text_start, STRV("Hello\r\n  world\r\n:x\r\n")));
	mime_msg_free(&msg);
	assert_split_independent(text, NULL, true);
	/* With one, the lines belong to the header but to no field. */
	text = STRV("Subject: x\r\nHello\r\n  world\r\n\r\nbody");
	msg = test_scan(text);
	assert_int_equal(msg->root->header_size, 30);
	assert_int_equal(msg->root->field_count, 1);
	assert_true(strv_eq(msg->text_start, STRV("body")));
	mime_msg_free(&msg);
}

static void white_space_at_the_end_of_a_boundary_does_not_count(void **state)
{
	(void)state;
	assert_tree_limited(STRV("Content-Type: multipart/mixed; boundary=\"b \"\n\n--b \n\n1\n--b\n\n2\n--b "
				 "--\n--b--\n"),
		NULL, "multipart/mixed{text/plain[1]0 text/plain[2\n--b --]1}");
	assert_tree_limited(STRV("Content-Type: multipart/mixed; boundary=\" \"\n\n-- \n"), NULL,
		"multipart/mixed{text/plain[-- \n]1}");
}

static void assert_boundary_of(size_t length, size_t spaces, bool usable, bool matches)
{
	struct buf text;
	buf_init(&text, TEST_TEXT_MAX);
	buf_adds(&text, "Content-Type: multipart/mixed; boundary=");
	for (size_t i = 0; i < length; i++)
		buf_addc(&text, 'b');
	buf_adds(&text, "\n\n--");
	for (size_t i = 0; i < length; i++)
		buf_addc(&text, 'b');
	for (size_t i = 0; i < spaces; i++)
		buf_addc(&text, ' ');
	buf_adds(&text, "\n\nx\n");
	struct mime_msg *msg = test_scan(buf_strv(&text));
	assert_int_equal(msg->root->kind, MIME_MULTIPART);
	assert_int_equal(msg->root->child != NULL, matches || !usable);
	assert_int_equal(msg->root->child && msg->root->child->header_size > 0, matches);
	mime_msg_free(&msg);
	assert_split_independent(buf_strv(&text), NULL, false);
	buf_fini(&text);
}

static void boundaries_and_their_lines_are_limited(void **state)
{
	(void)state;
	assert_boundary_of(70, 0, true, true);
	assert_boundary_of(MIME_BOUNDARY_MAX, 0, true, true);
	assert_boundary_of(MIME_BOUNDARY_MAX + 1, 0, false, false);
	assert_boundary_of(10, MIME_LINE_MAX - 13, true, true);
	assert_boundary_of(10, MIME_LINE_MAX - 12, true, false);
}

static void a_field_name_is_limited(void **state)
{
	(void)state;
	for (size_t extra = 0; extra < 2; extra++) {
		struct buf text;
		buf_init(&text, TEST_TEXT_MAX);
		for (size_t i = 0; i < MIME_LINE_MAX - 1 + extra; i++)
			buf_addc(&text, 'n');
		buf_adds(&text, ": x\n\nbody\n");
		struct mime_msg *msg = test_scan(buf_strv(&text));
		assert_int_equal(msg->root->field_count, extra == 0 ? 1 : 0);
		assert_int_equal(msg->root->header_size > 0, extra == 0);
		mime_msg_free(&msg);
		assert_split_independent(buf_strv(&text), NULL, false);
		buf_fini(&text);
	}
}

static void long_lines_do_not_depend_on_the_pieces(void **state)
{
	(void)state;
	struct buf text;
	buf_init(&text, TEST_TEXT_MAX);
	buf_adds(&text, "Content-Type: multipart/mixed; boundary=b\nTo: ");
	for (int i = 0; i < 2000; i++)
		buf_addc(&text, 't');
	buf_adds(&text, "\n\n--b\n");
	for (int i = 0; i < 5000; i++)
		buf_addc(&text, 'x');
	buf_adds(&text, "\n--b--");
	assert_split_independent(buf_strv(&text), NULL, false);
	buf_fini(&text);
}

static void a_header_of_a_megabyte_is_no_trouble(void **state)
{
	(void)state;
	struct buf text;
	buf_init(&text, TEST_TEXT_MAX);
	buf_adds(&text, "To: ");
	while (text.len < 1024 * 1024)
		buf_adds(&text, "a@b,\n \"(<");
	buf_adds(&text, "\n\nbody");
	struct mime_msg *msg = test_scan_steps(buf_strv(&text), 1000, NULL);
	assert_true(msg->root->header_cut);
	assert_int_equal(msg->root->body_size, 4);
	mime_msg_free(&msg);
	buf_fini(&text);
}

static void freeing_nothing_is_allowed(void **state)
{
	(void)state;
	struct mime_scan *scan = NULL;
	struct mime_msg *msg = NULL;
	mime_scan_free(&scan);
	mime_msg_free(&msg);
	scan = mime_scan_new(NULL);
	mime_scan_feed(scan, "a: b\n", 5);
	mime_scan_free(&scan);
	assert_null(scan);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_result_does_not_depend_on_the_pieces),
		cmocka_unit_test(parts_nest_and_do_not_overlap),
		cmocka_unit_test(broken_messages_have_a_defined_tree),
		cmocka_unit_test(octets_are_counted_and_classified),
		cmocka_unit_test(fields_and_parameters_are_found_by_name),
		cmocka_unit_test(the_text_is_the_messages_own_and_no_attachment),
		cmocka_unit_test(the_text_kept_is_limited),
		cmocka_unit_test(depth_is_limited),
		cmocka_unit_test(depth_has_a_ceiling_and_deep_nesting_is_harmless),
		cmocka_unit_test(parts_are_limited),
		cmocka_unit_test(ordinary_fields_of_a_block_are_limited),
		cmocka_unit_test(all_header_blocks_together_are_limited),
		cmocka_unit_test(ordinary_fields_of_a_block_are_counted),
		cmocka_unit_test(fields_that_decide_are_found_wherever_they_stand),
		cmocka_unit_test(memory_for_headers_is_bounded),
		cmocka_unit_test(a_header_without_an_empty_line_ends_behind_its_last_field),
		cmocka_unit_test(white_space_at_the_end_of_a_boundary_does_not_count),
		cmocka_unit_test(boundaries_and_their_lines_are_limited),
		cmocka_unit_test(a_field_name_is_limited),
		cmocka_unit_test(long_lines_do_not_depend_on_the_pieces),
		cmocka_unit_test(a_header_of_a_megabyte_is_no_trouble),
		cmocka_unit_test(freeing_nothing_is_allowed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
