#include "coid/systemd.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

static int forget(void **state)
{
	(void)state;
	unsetenv("NOTIFY_SOCKET");
	unsetenv("WATCHDOG_USEC");
	unsetenv("WATCHDOG_PID");
	unsetenv("LISTEN_PID");
	unsetenv("LISTEN_FDS");
	unsetenv("LISTEN_FDNAMES");
	return 0;
}

/* The manager's socket at `name`; '@' in front: abstract. */
static int manager_open(const char *name)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	size_t n = strlen(name);
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	memcpy(address.sun_path, name, n);
	if (name[0] == '@')
		address.sun_path[0] = '\0';
	assert_int_equal(bind(fd, (struct sockaddr *)&address,
				 (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n)),
		0);
	setenv("NOTIFY_SOCKET", name, 1);
	return fd;
}

static void assert_received(int fd, const char *expected)
{
	char text[256] = "";
	ssize_t n = recv(fd, text, sizeof(text) - 1, 0);

	assert_int_equal(n, strlen(expected));
	assert_string_equal(text, expected);
}

static void a_message_goes_to_the_managers_socket(void **state)
{
	char folder[] = "/tmp/coid-systemd-XXXXXX", path[64], abstract[64];

	(void)state;
	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/notify", folder);
	snprintf(abstract, sizeof(abstract), "@%s", folder);
	const char *const names[] = { path, abstract };
	for (size_t i = 0; i < 2; i++) {
		int fd = manager_open(names[i]);
		systemd_notify("READY=1\nSTATUS=serving");
		assert_received(fd, "READY=1\nSTATUS=serving");
		close(fd);
	}
	unlink(path);
	rmdir(folder);
}

static void a_message_to_nobody_is_harmless(void **state)
{
	char name[300];

	(void)state;
	systemd_notify("READY=1");
	setenv("NOTIFY_SOCKET", "", 1);
	systemd_notify("READY=1");
	setenv("NOTIFY_SOCKET", "/nowhere/at/all", 1);
	systemd_notify("READY=1");
	/* Longer than the path of a socket can be. */
	memset(name, 'x', sizeof(name) - 1);
	name[0] = '/';
	name[sizeof(name) - 1] = '\0';
	setenv("NOTIFY_SOCKET", name, 1);
	systemd_notify("READY=1");
}

static void the_watchdog_may_be_meant_for_another_process(void **state)
{
	char pid[32];

	(void)state;
	assert_int_equal(systemd_watchdog_us(), 0);
	setenv("WATCHDOG_USEC", "30000000", 1);
	assert_int_equal(systemd_watchdog_us(), 30000000);
	snprintf(pid, sizeof(pid), "%d", (int)getpid());
	setenv("WATCHDOG_PID", pid, 1);
	assert_int_equal(systemd_watchdog_us(), 30000000);
	setenv("WATCHDOG_PID", "1", 1);
	assert_int_equal(systemd_watchdog_us(), 0);
	unsetenv("WATCHDOG_PID");
	setenv("WATCHDOG_USEC", "soon", 1);
	assert_int_equal(systemd_watchdog_us(), 0);
}

/*
 * Runs in a process of its own, whose descriptors from 3 on are `count` pipes: takes at most `max` and prints
 * them as "name:flags ".
 */
static void assert_taken(unsigned count, const char *fds_text, const char *names, size_t max, bool for_us,
	const char *expected)
{
	int answer[2], status = 0;
	char text[2048] = "";

	assert_int_equal(pipe(answer), 0);
	pid_t pid = fork();
	if (pid == 0) {
		struct systemd_fd fds[SYSTEMD_FDS_MAX];
		char number[32];
		int out = fcntl(answer[1], F_DUPFD, 200), some[2];
		if (pipe(some) != 0)
			_exit(1);
		int source = fcntl(some[0], F_DUPFD, 200);
		for (unsigned i = 0; i < count; i++)
			dup2(source, 3 + (int)i);
		snprintf(number, sizeof(number), "%d", for_us ? (int)getpid() : 1);
		setenv("LISTEN_PID", number, 1);
		setenv("LISTEN_FDS", fds_text, 1);
		if (names)
			setenv("LISTEN_FDNAMES", names, 1);
		size_t n = systemd_take_fds(fds, max);
		for (size_t i = 0; i < n; i++) {
			bool closes = fcntl(fds[i].fd, F_GETFD) & FD_CLOEXEC;
			bool waits = !(fcntl(fds[i].fd, F_GETFL) & O_NONBLOCK);
			dprintf(out, "%d=%s%s%s ", fds[i].fd, fds[i].name, closes ? "" : "!",
				waits ? "!" : "");
		}
		/* It answers once only. */
		if (getenv("LISTEN_PID") || getenv("LISTEN_FDS") || getenv("LISTEN_FDNAMES") ||
			systemd_take_fds(fds, max) != 0)
			dprintf(out, "again");
		_exit(0);
	}
	close(answer[1]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_true(read(answer[0], text, sizeof(text) - 1) >= 0);
	close(answer[0]);
	assert_string_equal(text, expected);
}

static void sockets_are_taken_with_their_names(void **state)
{
	(void)state;
	assert_taken(2, "2", "imap:lmtp", 64, true, "3=imap 4=lmtp ");
	assert_taken(3, "3", "imap", 64, true, "3=imap 4= 5= ");
	assert_taken(1, "1", NULL, 64, true, "3= ");
	assert_taken(0, "0", "", 64, true, "");
}

static void sockets_of_another_process_are_left_alone(void **state)
{
	(void)state;
	assert_taken(2, "2", "imap:lmtp", 64, false, "");
	assert_taken(2, "two", "imap:lmtp", 64, true, "");
	assert_taken(2, "-1", "imap:lmtp", 64, true, "");
}

static void sockets_and_their_names_have_a_maximum(void **state)
{
	char name[80], expected[128];

	(void)state;
	assert_taken(3, "3", "a:b:c", 2, true, "3=a 4=b ");
	assert_taken(3, "3", "a:b:c", 3, true, "3=a 4=b 5=c ");
	assert_taken(2, "18446744073709551615", "a:b:c", 2, true, "3=a 4=b ");
	for (size_t n = 63; n <= 64; n++) {
		snprintf(name, sizeof(name), "%0*d", (int)n, 7);
		snprintf(expected, sizeof(expected), "3=%.63s ", name);
		assert_taken(1, "1", name, 64, true, expected);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(a_message_goes_to_the_managers_socket, forget),
		cmocka_unit_test_teardown(a_message_to_nobody_is_harmless, forget),
		cmocka_unit_test_teardown(the_watchdog_may_be_meant_for_another_process, forget),
		cmocka_unit_test_teardown(sockets_are_taken_with_their_names, forget),
		cmocka_unit_test_teardown(sockets_of_another_process_are_left_alone, forget),
		cmocka_unit_test_teardown(sockets_and_their_names_have_a_maximum, forget),
	};
	return cmocka_run_group_tests(tests, forget, NULL);
}
