/* The encoding of binary parts: what is written, and that reading it back gives the octets. */
#include "query/append_piece.h"

#include "mime/decode.h"
#include "support/store_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static void encode(struct store *store, struct strv message, struct buf *out)
{
	struct content *content = content_from_bytes(store, message);
	struct append_piece *piece = append_piece_encoded(content);
	content_unref(&content);
	while (!append_piece_done(piece)) {
		assert_int_equal(append_piece_read(NULL, piece), RC_OK);
		buf_addv(out, buf_strv(&piece->out));
		append_piece_accept(piece);
	}
	append_piece_free(&piece);
}

static void assert_encoded(struct store *store, struct strv message, const char *expected)
{
	struct buf out;
	buf_init(&out, 65536);
	encode(store, message, &out);
	buf_addc(&out, '\0');
	assert_string_equal(out.p, expected);
	buf_fini(&out);
}

static void binary_parts_become_base64(void **state)
{
	struct rig *rig = *state;
	assert_encoded(rig->store, STRV("Content-Transfer-Encoding: binary\r\nX: y\r\n\r\na\0b"),
		"Content-Transfer-Encoding: base64\r\nX: y\r\n\r\nYQBi\r\n");
	assert_encoded(rig->store,
		STRV("X: y\r\nContent-Type: multipart/mixed; "
		     "boundary=b\r\n\r\npre\r\n--b\r\n\r\ntext\r\n--b\r\n"
		     "Content-Transfer-Encoding:BINARY\r\n\r\n\0\r\n--b\r\ncontent-transfer-encoding: (c) "
		     "Binary\r\n"
		     " \r\n\r\n\r\n--b--\r\nend"),
		"X: y\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\npre\r\n--b\r\n\r\ntext\r\n--b\r\n"
		"Content-Transfer-Encoding: base64\r\n\r\nAA==\r\n\r\n--b\r\ncontent-transfer-encoding: "
		"base64\r\n"
		"\r\n\r\n--b--\r\nend");
}

static void other_parts_stay(void **state)
{
	struct rig *rig = *state;
	static const char text[] = "Content-Transfer-Encoding: 8bit\r\n\r\nx\r\n";
	assert_encoded(rig->store, strv_cstr(text), text);
	assert_encoded(rig->store, STRV("no header\r\n"), "no header\r\n");
	assert_encoded(rig->store, STRV(""), "");
}

/* The parts are read in several slices; the lines of base64 are complete. */
static void large_parts_come_in_slices(void **state)
{
	struct rig *rig = *state;
	struct buf message, out, back;
	struct mime_decoder decoder;
	buf_init(&message, 4 * PIECE_SLICE);
	buf_init(&out, 8 * PIECE_SLICE);
	buf_init(&back, 4 * PIECE_SLICE);
	buf_adds(&message, "Content-Transfer-Encoding: binary\r\n\r\n");
	size_t head = message.len;
	for (unsigned i = 0; i < 2 * PIECE_SLICE + 100; i++)
		buf_addc(&message, (char)(unsigned char)(i * 7 % 251));
	encode(rig->store, buf_strv(&message), &out);
	struct strv body = strv_sub(buf_strv(&out), head, out.len);
	for (size_t i = 76; i + 2 < body.n; i += 78)
		assert_memory_equal(body.p + i, "\r\n", 2);
	mime_decoder_init(&decoder, MIME_ENC_BASE64);
	mime_decoder_feed(&decoder, body, &back);
	mime_decoder_finish(&decoder, &back);
	assert_false(decoder.broken);
	assert_int_equal(back.len, message.len - head);
	assert_memory_equal(back.p, message.p + head, back.len);
	buf_fini(&message);
	buf_fini(&out);
	buf_fini(&back);
}

static int setup(void **state)
{
	static char root[512];
	struct rig *rig = calloc(1, sizeof(*rig));
	rig_folder_make(root);
	rig_init(rig, root, NULL);
	*state = rig;
	return rig_open(rig) == RC_OK ? 0 : -1;
}

static int teardown(void **state)
{
	struct rig *rig = *state;
	rig_close(rig);
	rig_folder_remove(rig->settings.root);
	free(rig);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(binary_parts_become_base64),
		cmocka_unit_test(other_parts_stay),
		cmocka_unit_test(large_parts_come_in_slices),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
