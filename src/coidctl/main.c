/*
 * coidctl: carries its arguments to the daemon's control socket and prints the answer. The daemon knows the
 * verbs. This program knows only the source of their input: `--password-stdin` reads a password line (and
 * asks for it on a terminal), `user import FILE` reads the file ("-": standard input).
 */
#include "admin/protocol.h"
#include "coidctl/coidctl.h"

#include "base/mem.h"
#include "conf/conf.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <termios.h>
#include <unistd.h>

#define SOCKET_ROOM 1024

struct payload {
	char *p; /* own */
	size_t n;
};

static int ctl_fail(int status, const char *what, const char *why)
{
	fprintf(stderr, "coidctl: %s: %s\n", what, why);
	return status;
}

/* Reads fd to its end. */
static int payload_read_all(int fd, const char *name, struct payload *payload)
{
	size_t cap = 0;

	for (;;) {
		if (payload->n == cap) {
			cap = cap ? 2 * cap : 64 * 1024;
			if (cap > 2 * (size_t)PROTOCOL_PAYLOAD_MAX)
				return ctl_fail(PROTOCOL_FAILED, name, "too large");
			payload->p = mem_realloc(payload->p, cap, 1);
		}
		ssize_t got = read(fd, payload->p + payload->n, cap - payload->n);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return ctl_fail(PROTOCOL_FAILED, name, strerror(errno));
		if (got == 0)
			break;
		payload->n += (size_t)got;
	}
	return payload->n > PROTOCOL_PAYLOAD_MAX ? ctl_fail(PROTOCOL_FAILED, name, "too large") : 0;
}

/* Reads a line from the terminal, which does not show it. False: there was no line. */
static bool payload_ask_line(const char *prompt, char *line, size_t room)
{
	struct termios old, silent;

	fputs(prompt, stderr);
	if (tcgetattr(STDIN_FILENO, &old) != 0)
		return false;
	silent = old;
	silent.c_lflag &= (tcflag_t)~ECHO;
	tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent);
	const char *got = fgets(line, (int)room, stdin);
	tcsetattr(STDIN_FILENO, TCSAFLUSH, &old);
	fputc('\n', stderr);
	return got != NULL;
}

/* Asks twice, since the user does not see what he types. */
static int payload_ask_password(struct payload *payload)
{
	char line[PROTOCOL_ARG_MAX], again[PROTOCOL_ARG_MAX];
	int status = 0;

	if (!payload_ask_line("Password: ", line, sizeof(line)) ||
		!payload_ask_line("Again: ", again, sizeof(again)))
		status = ctl_fail(PROTOCOL_FAILED, "password", "nothing was entered");
	else if (strcmp(line, again) != 0)
		status = ctl_fail(PROTOCOL_FAILED, "password", "the two are not the same");
	if (status == 0) {
		payload->p = mem_strdup(line);
		payload->n = strlen(line);
	}
	mem_wipe(line, sizeof(line));
	mem_wipe(again, sizeof(again));
	return status;
}

static int payload_read(int argc, char **argv, struct payload *payload)
{
	for (int i = 0; i < argc; i++) {
		if (strcmp(argv[i], "--password-stdin") != 0)
			continue;
		return isatty(STDIN_FILENO) ? payload_ask_password(payload)
					    : payload_read_all(STDIN_FILENO, "standard input", payload);
	}
	if (argc < 3 || strcmp(argv[0], "user") != 0 || strcmp(argv[1], "import") != 0)
		return 0;
	if (strcmp(argv[2], "-") == 0)
		return payload_read_all(STDIN_FILENO, "standard input", payload);
	int fd = open(argv[2], O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return ctl_fail(PROTOCOL_FAILED, argv[2], strerror(errno));
	int status = payload_read_all(fd, argv[2], payload);
	close(fd);
	return status;
}

static int ctl_connect(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	size_t n = strlen(path);

	if (n >= sizeof(address.sun_path)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	memcpy(address.sun_path, path, n);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof(address)) != 0) {
		int error = errno;
		close(fd);
		errno = error;
		return -1;
	}
	return fd;
}

static bool ctl_send_all(int fd, const char *p, size_t n)
{
	while (n > 0) {
		ssize_t sent = send(fd, p, n, MSG_NOSIGNAL);
		if (sent < 0 && errno == EINTR)
			continue;
		if (sent < 0)
			return false;
		p += sent;
		n -= (size_t)sent;
	}
	return true;
}

static bool ctl_send_request(int fd, int argc, char **argv, const struct payload *payload)
{
	char head[PROTOCOL_HEAD_MAX];
	int n = snprintf(head, sizeof(head), "%s%d %zu\n", PROTOCOL_MAGIC, argc, payload->n);

	if (!ctl_send_all(fd, head, (size_t)n))
		return false;
	for (int i = 0; i < argc; i++) {
		n = snprintf(head, sizeof(head), "%zu:", strlen(argv[i]));
		if (!ctl_send_all(fd, head, (size_t)n) || !ctl_send_all(fd, argv[i], strlen(argv[i])) ||
			!ctl_send_all(fd, ",", 1))
			return false;
	}
	return ctl_send_all(fd, payload->p, payload->n);
}

/* Prints the answer as it comes; the exit status is in its last line. */
static int ctl_print_answer(int fd)
{
	FILE *in = fdopen(fd, "r");
	char *line = NULL;
	size_t cap = 0;
	int status = -1;

	if (!in) {
		close(fd);
		return ctl_fail(PROTOCOL_FAILED, "control socket", strerror(errno));
	}
	while (status < 0 && getline(&line, &cap, in) > 2) {
		if (line[0] == 'x')
			status = (int)strtol(line + 2, NULL, 10);
		else
			fputs(line + 2, line[0] == 'e' ? stderr : stdout);
	}
	free(line);
	fclose(in);
	return status < 0 ? ctl_fail(PROTOCOL_FAILED, "control socket", "the server closed the connection")
			  : status;
}

/* Tells why there is no answer at `path`, and the faults of the configuration that should have named it. */
static int ctl_unreachable(const char *path, const struct buf *errors)
{
	int status = ctl_fail(PROTOCOL_UNREACHABLE, path, strerror(errno));
	fprintf(stderr, "%.*s", (int)errors->len, errors->p ? errors->p : "");
	return status;
}

/* Runs a verb. `path` NULL or empty: the socket of the configuration. */
static int ctl_run(int argc, char **argv, const char *path, const char *config)
{
	struct payload payload = { NULL, 0 };
	char configured[SOCKET_ROOM];
	struct buf errors;
	int status = payload_read(argc, argv, &payload);

	buf_init(&errors, CONF_ERRORS_MAX);
	if (!path || !path[0]) {
		place_control(config, configured, sizeof(configured), &errors);
		path = configured;
	}
	if (status == 0) {
		int fd = ctl_connect(path);
		if (fd >= 0 && ctl_send_request(fd, argc, argv, &payload))
			status = ctl_print_answer(fd);
		else
			status = ctl_unreachable(path, &errors);
	}
	buf_fini(&errors);
	if (payload.p)
		mem_wipe(payload.p, payload.n);
	free(payload.p);
	return status;
}

int main(int argc, char **argv)
{
	const char *path = getenv("COID_CONTROL"), *config = NULL;

	for (int option = getopt(argc, argv, "+c:s:hV"); option != -1;
		option = getopt(argc, argv, "+c:s:hV")) {
		if (option == 's') {
			path = optarg;
		} else if (option == 'c') {
			config = optarg;
		} else if (option == 'V') {
			puts("coidctl " COID_VERSION);
			return PROTOCOL_OK;
		} else {
			fputs("usage: coidctl [-c FILE] [-s SOCKET] VERB ...   (coidctl help lists the "
			      "verbs)\n",
				stderr);
			return option == 'h' ? PROTOCOL_OK : PROTOCOL_USAGE;
		}
	}
	argc -= optind;
	argv += optind;
	if (argc > PROTOCOL_ARGS_MAX)
		return ctl_fail(PROTOCOL_USAGE, argv[0], "too many arguments");
	for (int i = 0; i < argc; i++) {
		if (strlen(argv[i]) > PROTOCOL_ARG_MAX)
			return ctl_fail(PROTOCOL_USAGE, "argument", "too long");
	}
	if (help_is_wanted(argc, argv))
		return help_print(argc, argv);
	if (offline_is_server_check(argc, argv))
		return offline_server_check(argc, argv, config);
	return ctl_run(argc, argv, path, config);
}
