#include "unit/net/net_helper.h"

#include <sys/stat.h>
#include <sys/un.h>

#include "net/listener.h"

static struct buf errors;

static int make_errors(void **state)
{
	(void)state;
	buf_init(&errors, 4096);
	return 0;
}

static int free_errors(void **state)
{
	(void)state;
	buf_fini(&errors);
	return 0;
}

static bool can_connect(int family, uint16_t port)
{
	int fd = socket(family, SOCK_STREAM, 0);
	struct sockaddr_in in = {
		.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)
	};
	struct sockaddr_in6 in6 = {
		.sin6_family = AF_INET6, .sin6_port = htons(port), .sin6_addr = in6addr_loopback
	};
	bool ok = family == AF_INET ? connect(fd, (struct sockaddr *)&in, sizeof(in)) == 0
				    : connect(fd, (struct sockaddr *)&in6, sizeof(in6)) == 0;
	close(fd);
	return ok;
}

static bool have_ipv6_loopback(void)
{
	int fd = socket(AF_INET6, SOCK_STREAM, 0);
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6, .sin6_addr = in6addr_loopback };
	bool ok = fd >= 0 && bind(fd, (struct sockaddr *)&in6, sizeof(in6)) == 0;
	if (fd >= 0)
		close(fd);
	return ok;
}

static void several_sockets_share_a_free_port(void **state)
{
	(void)state;
	int fds[3];
	assert_int_equal(listen_open("127.0.0.1:0", 3, 0, fds, &errors), RC_OK);
	uint16_t port = listen_port(fds[0]);
	assert_true(port > 0);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(listen_port(fds[i]), port);
		assert_true(fcntl(fds[i], F_GETFL) & O_NONBLOCK);
		assert_true(fcntl(fds[i], F_GETFD) & FD_CLOEXEC);
	}
	assert_true(can_connect(AF_INET, port));
	for (int i = 0; i < 3; i++)
		close(fds[i]);
	assert_false(can_connect(AF_INET, port));
}

static void a_port_that_is_taken_is_in_use_however_many_sockets(void **state)
{
	(void)state;
	for (unsigned first = 1; first <= 2; first++) {
		int fds[2], more[2];
		char address[40];
		assert_int_equal(listen_open("127.0.0.1:0", first, 0, fds, &errors), RC_OK);
		snprintf(address, sizeof(address), "127.0.0.1:%u", listen_port(fds[0]));
		for (unsigned second = 1; second <= 2; second++) {
			buf_reset(&errors);
			assert_int_equal(listen_open(address, second, 0, more, &errors), RC_INUSE);
			buf_addc(&errors, '\0');
			assert_non_null(strstr(errors.p, address));
			buf_reset(&errors);
		}
		for (unsigned i = 0; i < first; i++)
			close(fds[i]);
		/* The port is free again at once. */
		assert_int_equal(listen_open(address, 2, 0, more, &errors), RC_OK);
		close(more[0]);
		close(more[1]);
	}
}

static void ipv6_and_wildcard_addresses_work(void **state)
{
	(void)state;
	int fd;
	if (have_ipv6_loopback()) {
		assert_int_equal(listen_open("[::1]:0", 1, 0, &fd, &errors), RC_OK);
		assert_true(can_connect(AF_INET6, listen_port(fd)));
		assert_false(can_connect(AF_INET, listen_port(fd)));
		close(fd);
	}
	int both[2];
	assert_int_equal(listen_open("*:0", 2, 0, both, &errors), RC_OK);
	assert_true(can_connect(AF_INET, listen_port(both[0])));
	if (have_ipv6_loopback())
		assert_true(can_connect(AF_INET6, listen_port(both[1])));
	close(both[0]);
	close(both[1]);
}

static void nonsense_is_no_address(void **state)
{
	(void)state;
	static const char *const bad[] = { "", ":", ":143", "143", "127.0.0.1", "127.0.0.1:", "127.0.0.1:x",
		"127.0.0.1:65536", "127.0.0.1:-1", "127.0.0.256:1", "::1:143", "[::1]", "[::1:143", "[]:1",
		"[*]:1", "[127.0.0.1]:1", "host.example:1", "relative/path",
		"[0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000]:1" };
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		int fd;
		buf_reset(&errors);
		assert_int_equal(listen_open(bad[i], 1, 0, &fd, &errors), RC_INVALID);
		assert_true(errors.len > 0);
	}
	int fd;
	assert_int_equal(listen_open("127.9.8.7:65535", 1, 0, &fd, &errors), RC_OK);
	assert_int_equal(listen_port(fd), UINT16_MAX);
	close(fd);
	assert_int_equal(listen_open("203.0.113.1:0", 1, 0, &fd, &errors), RC_NOT_FOUND);
	buf_reset(&errors);
}

static int connect_unix(const char *path)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	snprintf(un.sun_path, sizeof(un.sun_path), "%s", path);
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	if (connect(fd, (struct sockaddr *)&un, sizeof(un)) == 0)
		return fd;
	close(fd);
	return -1;
}

static void a_stale_socket_file_is_replaced_and_a_live_one_is_not(void **state)
{
	(void)state;
	char dir[] = "/tmp/coid-listen-XXXXXX";
	assert_non_null(mkdtemp(dir));
	char path[64];
	snprintf(path, sizeof(path), "%s/socket", dir);
	int fd, second;
	assert_int_equal(listen_open(path, 3, 0660, &fd, &errors), RC_OK);
	struct stat st;
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0660);
	assert_int_equal(listen_port(fd), 0);
	int peer = connect_unix(path);
	assert_true(peer >= 0);
	close(peer);
	assert_int_equal(listen_open(path, 1, 0660, &second, &errors), RC_INUSE);
	close(fd);
	assert_int_equal(listen_open(path, 1, 0600, &fd, &errors), RC_OK);
	peer = connect_unix(path);
	assert_true(peer >= 0);
	close(peer);
	close(fd);
	unlink(path);
	buf_reset(&errors);

	FILE *f = fopen(path, "w");
	fclose(f);
	assert_int_equal(listen_open(path, 1, 0600, &fd, &errors), RC_EXISTS);
	unlink(path);
	rmdir(dir);
	assert_int_equal(listen_open(path, 1, 0600, &fd, &errors), RC_NOT_FOUND);
	buf_reset(&errors);
}

static void a_socket_path_has_a_greatest_length(void **state)
{
	(void)state;
	char path[120];
	memset(path, 'x', sizeof(path));
	memcpy(path, "/tmp/", 5);
	path[108] = '\0';
	int fd;
	assert_int_equal(listen_open(path, 1, 0600, &fd, &errors), RC_INVALID);
	path[107] = '\0';
	assert_int_equal(listen_open(path, 1, 0600, &fd, &errors), RC_OK);
	close(fd);
	unlink(path);
	buf_reset(&errors);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(several_sockets_share_a_free_port),
		cmocka_unit_test(a_port_that_is_taken_is_in_use_however_many_sockets),
		cmocka_unit_test(ipv6_and_wildcard_addresses_work),
		cmocka_unit_test(nonsense_is_no_address),
		cmocka_unit_test(a_stale_socket_file_is_replaced_and_a_live_one_is_not),
		cmocka_unit_test(a_socket_path_has_a_greatest_length),
	};
	return cmocka_run_group_tests(tests, make_errors, free_errors);
}
