#include "deflate_rig.h"

static void with_compression(struct server *server)
{
	server->settings.compress = true;
}

static void without_compression(struct server *server)
{
	server->settings.compress = false;
}

static int setup(void **state)
{
	return server_setup_with(state, with_compression);
}

static int setup_without(void **state)
{
	return server_setup_with(state, without_compression);
}

static void both_directions_are_compressed_behind_the_answer(void **state)
{
	struct client *client = client_new(*state, NULL);
	z_stream stream;
	inflater_init(&stream);
	assert_command(client, "COMPRESS deflate", "a OK DEFLATE active\r\n");
	compressed_send(client, "b NOOP\r\n");
	assert_inflated(client, &stream, "b OK NOOP completed\r\n");
	compressed_send(client, "c COMPRESS DEFLATE\r\n");
	assert_inflated(client, &stream, "c NO [COMPRESSIONACTIVE] DEFLATE is active already\r\n");
	inflateEnd(&stream);
	client_free(&client);
}

/* The client may send on without waiting: then both come with one read. */
static void what_follows_at_once_is_compressed(void **state)
{
	struct client *client = client_new(*state, NULL);
	z_stream stream;
	struct buf bytes;
	buf_init(&bytes, 4096);
	buf_adds(&bytes, "a COMPRESS DEFLATE\r\n");
	compressed_print(&bytes, "b NOOP\r\n");
	client_send_bytes(client, buf_strv(&bytes));
	buf_fini(&bytes);
	inflater_init(&stream);
	assert_next(client, "a OK DEFLATE active\r\n");
	assert_inflated(client, &stream, "b OK NOOP completed\r\n");
	inflateEnd(&stream);
	client_free(&client);
}

static void other_mechanisms_are_unknown(void **state)
{
	struct client *client = client_new(*state, NULL);
	assert_command(client, "COMPRESS LZ4", "a BAD Unknown compression mechanism\r\n");
	assert_command_has(client, "COMPRESS", "a BAD ");
	assert_command(client, "NOOP", "a OK NOOP completed\r\n");
	client_free(&client);
}

static void it_may_be_switched_off(void **state)
{
	struct client *client = client_new(*state, NULL);
	assert_command(client, "COMPRESS DEFLATE", "a NO [CANNOT] COMPRESS is switched off\r\n");
	assert_command(client, "NOOP", "a OK NOOP completed\r\n");
	client_free(&client);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, server_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(both_directions_are_compressed_behind_the_answer),
		TEST(what_follows_at_once_is_compressed),
		TEST(other_mechanisms_are_unknown),
		cmocka_unit_test_setup_teardown(it_may_be_switched_off, setup_without, server_teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
