#include "unit/net/net_helper.h"

#include <netinet/tcp.h>
#include <sys/resource.h>

#include "net/listener.h"

struct host {
	struct reactor *reactor;
	struct listener *listener;
	int fd;
	int accepted[100];
	int n;
	bool free_at_first;
};

static void on_accept(void *arg, int fd)
{
	struct host *host = arg;
	assert_true(host->n < 100);
	host->accepted[host->n++] = fd;
	if (host->free_at_first)
		listener_free(&host->listener);
}

static void host_init(struct host *host)
{
	struct buf errors;
	buf_init(&errors, 1000);
	*host = (struct host){ .n = 0 };
	assert_int_equal(listen_open("127.0.0.1:0", 1, 0, &host->fd, &errors), RC_OK);
	host->reactor = reactor_new(0, NULL);
	host->listener = listener_new(host->reactor, host->fd, on_accept, host);
	buf_fini(&errors);
}

static void host_fini(struct host *host)
{
	listener_free(&host->listener);
	listener_free(&host->listener);
	for (int i = 0; i < host->n; i++)
		close(host->accepted[i]);
	close(host->fd);
	reactor_free(&host->reactor);
}

static int dial(const struct host *host)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	assert_true(fd >= 0);
	struct sockaddr_in in = { .sin_family = AF_INET,
		.sin_port = htons(listen_port(host->fd)),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	assert_int_equal(connect(fd, (struct sockaddr *)&in, sizeof(in)), 0);
	return fd;
}

static int option(int fd, int level, int name)
{
	int value = 0;
	socklen_t size = sizeof(value);
	assert_int_equal(getsockopt(fd, level, name, &value, &size), 0);
	return value;
}

static void accepted_sockets_are_ready_for_use(void **state)
{
	(void)state;
	struct host host;
	host_init(&host);
	int peers[40];
	for (int i = 0; i < 40; i++)
		peers[i] = dial(&host);
	SPIN(&host, host.n == 40);
	int fd = host.accepted[39];
	assert_true(fcntl(fd, F_GETFL) & O_NONBLOCK);
	assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	assert_true(option(fd, IPPROTO_TCP, TCP_NODELAY));
	assert_true(option(fd, SOL_SOCKET, SO_KEEPALIVE));
	assert_int_equal(option(fd, IPPROTO_TCP, TCP_KEEPIDLE), 300);
	for (int i = 0; i < 40; i++)
		close(peers[i]);
	host_fini(&host);
}

static void a_listener_may_be_freed_inside_its_callback(void **state)
{
	(void)state;
	struct host host;
	host_init(&host);
	host.free_at_first = true;
	int first = dial(&host), second = dial(&host);
	SPIN(&host, host.n > 0);
	for (int i = 0; i < 3; i++)
		reactor_run_once(host.reactor, false);
	assert_int_equal(host.n, 1);
	close(first);
	close(second);
	host_fini(&host);
}

static void out_of_descriptors_accepting_pauses_for_a_second(void **state)
{
	(void)state;
	clock_fake_set(1000000, 0);
	struct host host;
	host_init(&host);
	int peers[3];
	for (int i = 0; i < 3; i++)
		peers[i] = dial(&host);
	struct rlimit old, low;
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
	low = old;
	low.rlim_cur = (rlim_t)peers[2] + 1; /* not one more */
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &low), 0);
	for (int i = 0; i < 5; i++)
		reactor_run_once(host.reactor, false);
	assert_int_equal(host.n, 0);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
	/* Still resting, although it would work now. */
	for (int i = 0; i < 5; i++)
		reactor_run_once(host.reactor, false);
	assert_int_equal(host.n, 0);
	clock_fake_advance(1000);
	SPIN(&host, host.n == 3);
	for (int i = 0; i < 3; i++)
		close(peers[i]);
	host_fini(&host);
	clock_fake_set(0, 0);
}

static void a_peer_that_left_before_it_was_accepted_does_no_harm(void **state)
{
	(void)state;
	struct host host;
	host_init(&host);
	for (int i = 0; i < 3; i++) {
		int fd = dial(&host);
		struct linger now = { .l_onoff = 1, .l_linger = 0 };
		setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
		close(fd);
	}
	int last = dial(&host);
	SPIN(&host, host.n > 0);
	/* The connection made of a dead socket ends by itself. */
	struct user user = { .ends = 0 };
	user.reactor = host.reactor;
	buf_init(&user.got, 10);
	user.conn = conn_new(host.reactor, host.accepted[0], &user_ops, &user, NULL);
	host.accepted[0] = host.accepted[host.n - 1];
	host.n--;
	if (host.n > 0)
		SPIN(&host, user.ends > 0);
	else
		conn_abort(user.conn);
	for (int i = 0; i < 4; i++)
		reactor_run_once(host.reactor, false);
	buf_fini(&user.got);
	close(last);
	host_fini(&host);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(accepted_sockets_are_ready_for_use),
		cmocka_unit_test(a_listener_may_be_freed_inside_its_callback),
		cmocka_unit_test(out_of_descriptors_accepting_pauses_for_a_second),
		cmocka_unit_test(a_peer_that_left_before_it_was_accepted_does_no_harm),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
