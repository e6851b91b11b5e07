#include "server_rig.h"

#include <sys/socket.h>
#include <sys/un.h>

static bool is_socket(const char *path)
{
	struct stat st;
	return lstat(path, &st) == 0 && S_ISSOCK(st.st_mode);
}

static void unix_sockets_have_their_mode_and_go_with_the_server(void **state)
{
	struct house *house = *state;
	char lmtp[640], control[640];
	struct stat st;
	snprintf(lmtp, sizeof(lmtp), "%s/lmtp", house->folder);
	snprintf(control, sizeof(control), "%s/control", house->folder);
	house_option(house, "lmtp.socket_mode", "0620");
	house_start(house);
	assert_int_equal(stat(lmtp, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0620);
	assert_true(is_socket(control));
	server_free(&house->server);
	assert_false(is_socket(lmtp));
	assert_false(is_socket(control));
}

static void each_reactor_has_a_socket_of_a_port_and_all_share_that_of_lmtp(void **state)
{
	struct house *house = *state;
	unsigned imap = 0, lmtp = 0;
	house_start(house);
	const struct server *server = house->server;
	for (unsigned i = 0; i < server->socket_count; i++) {
		const struct server_socket *socket = &server->sockets[i];
		if (socket->service == SERVICE_IMAP) {
			assert_int_equal(socket->reactor, imap++);
			assert_false(socket->shared);
		} else if (socket->service == SERVICE_LMTP) {
			assert_true(socket->shared);
			lmtp++;
		} else {
			assert_int_equal(socket->service, SERVICE_CONTROL);
			assert_false(socket->shared);
		}
	}
	assert_int_equal(imap, 2);
	assert_int_equal(lmtp, 1);
	assert_string_equal(sockets_service_name(SERVICE_IMAPS), "imaps");
}

static void an_address_that_is_taken_is_told(void **state)
{
	struct house *house = *state;
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	snprintf(address.sun_path, sizeof(address.sun_path), "%.90s/lmtp", house->folder);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(fd, 1), 0);
	assert_int_equal(server_new(&house->source, &house->errors, &house->server), RC_INUSE);
	assert_told(house, "/lmtp");
	/* It is the other's, and stays. */
	assert_true(is_socket(address.sun_path));
	close(fd);
	/* One that nobody listens on any more is replaced. */
	house_start(house);
}

static void a_service_without_a_socket_has_none(void **state)
{
	struct house *house = *state;
	house_option(house, "lmtp.socket", "");
	house_start(house);
	for (unsigned i = 0; i < house->server->socket_count; i++)
		assert_int_not_equal(house->server->sockets[i].service, SERVICE_LMTP);
}

static void more_sockets_than_there_are_places_are_refused(void **state)
{
	struct house *house = *state;
	char list[2048] = "";
	/* 16 reactors: each address takes 16 places. */
	for (unsigned i = 0; i < 16; i++)
		snprintf(list + strlen(list), sizeof(list) - strlen(list), "%s127.0.0.%u:0", i > 0 ? "," : "",
			i + 1);
	house_option(house, "server.reactors", "16");
	house_option(house, "imap.listen", list);
	assert_int_equal(server_new(&house->source, &house->errors, &house->server), RC_LIMIT);
	assert_told(house, "too many listening sockets");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, house_setup, house_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(unix_sockets_have_their_mode_and_go_with_the_server),
		TEST(each_reactor_has_a_socket_of_a_port_and_all_share_that_of_lmtp),
		TEST(an_address_that_is_taken_is_told),
		TEST(a_service_without_a_socket_has_none),
		TEST(more_sockets_than_there_are_places_are_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
