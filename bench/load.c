/*
 * A load generator for IMAP and LMTP servers: blocking sockets, one thread a connection, optionally TLS.
 * Knows enough of the protocols to drive any conforming server, so that coid and others can be measured by
 * the same program.
 *
 *   load login   HOST PORT TLS USER PASSWORD CONNECTIONS COUNT       logins and logouts
 *   load append  HOST PORT TLS USER PASSWORD CONNECTIONS COUNT SIZE  APPENDs, one mailbox a connection
 *   load talk    HOST PORT TLS USER PASSWORD CONNECTIONS COUNT SIZE  the same of messages in one thread
 *   load lmtp    HOST PORT CONNECTIONS COUNT SIZE RECIPIENT [FIELD]  deliveries, with one more header
 *   load cold    HOST PORT CONNECTIONS COUNT SIZE RECIPIENT ACCOUNTS SEED  deliveries to accounts in random
 *                                                                    order, each at most once
 *   load exists  HOST PORT TLS USER PASSWORD LHOST LPORT COUNT       from LMTP's 250 to EXISTS in IDLE
 *   load notify  HOST PORT TLS USER PASSWORD LHOST LPORT COUNT       from LMTP's 250 to STATUS by NOTIFY
 *   load boxes   HOST PORT TLS USER PASSWORD COUNT                   CREATEs of mailboxes
 *   load fetch   HOST PORT TLS USER PASSWORD COUNT ITEMS             "UID FETCH 1:*" of ITEMS, COUNT times
 *   load select  HOST PORT TLS USER PASSWORD COUNT                   SELECTs of INBOX
 *   load command HOST PORT TLS USER PASSWORD COUNT COMMAND [FIRST]   any command, "%u" becomes 1, 2, ...;
 *                                                                    FIRST is sent once before SELECT
 *   load idle    HOST PORT TLS USER PASSWORD COUNT SECONDS           connections in IDLE, held
 *
 * Prints "key value" lines: operations, seconds, rate, and milliseconds at the median, p99 and maximum. USER
 * may hold "%d": the number of the connection.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include <zlib.h>

#define LINE_ROOM 65536

struct client {
	int fd;
	SSL *ssl;
	char buf[65536];
	size_t from, to;
	unsigned tag;
	size_t received;
	bool compressed; /* COMPRESS=DEFLATE is on */
	z_stream out, in;
	unsigned char wire[16384];
};

static SSL_CTX *tls;
static const char *host, *port_text;

static void die(const char *what)
{
	fprintf(stderr, "load: %s: %s\n", what, errno ? strerror(errno) : "unexpected answer");
	exit(1);
}

static double now(void)
{
	struct timespec ts;
	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static void client_open(struct client *c, const char *to, const char *port, bool use_tls)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
		.sin_port = htons((uint16_t)strtol(port, NULL, 10)) };
	int on = 1;

	inet_pton(AF_INET, to, &address.sin_addr);
	c->fd = socket(AF_INET, SOCK_STREAM, 0);
	c->ssl = NULL;
	c->from = c->to = 0;
	c->tag = 0;
	c->compressed = false;
	if (c->fd < 0 || connect(c->fd, (struct sockaddr *)&address, sizeof(address)) != 0)
		die("connect");
	setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	if (!use_tls)
		return;
	c->ssl = SSL_new(tls);
	SSL_set_fd(c->ssl, c->fd);
	if (SSL_connect(c->ssl) != 1)
		die("TLS");
}

static void client_close(struct client *c)
{
	if (c->ssl)
		SSL_free(c->ssl);
	close(c->fd);
}

static void put_wire(struct client *c, const char *p, size_t n)
{
	while (n > 0) {
		ssize_t sent = c->ssl ? SSL_write(c->ssl, p, (int)n) : send(c->fd, p, n, MSG_NOSIGNAL);
		if (sent <= 0)
			die("send");
		p += sent;
		n -= (size_t)sent;
	}
}

static void put(struct client *c, const char *p, size_t n)
{
	unsigned char out[16384];

	if (!c->compressed) {
		put_wire(c, p, n);
		return;
	}
	c->out.next_in = (unsigned char *)(uintptr_t)p;
	c->out.avail_in = (unsigned)n;
	do {
		c->out.next_out = out;
		c->out.avail_out = sizeof(out);
		deflate(&c->out, Z_SYNC_FLUSH);
		put_wire(c, (char *)out, sizeof(out) - c->out.avail_out);
	} while (c->out.avail_out == 0);
}

static void putf(struct client *c, const char *format, ...)
{
	char line[LINE_ROOM];
	va_list args;
	va_start(args, format);
	int n = vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	put(c, line, (size_t)n);
}

static size_t get_wire(struct client *c, char *p, size_t n)
{
	ssize_t got = c->ssl ? SSL_read(c->ssl, p, (int)n) : recv(c->fd, p, n, 0);
	if (got <= 0)
		die("receive");
	c->received += (size_t)got;
	return (size_t)got;
}

static void fill(struct client *c)
{
	if (c->from == c->to)
		c->from = c->to = 0;
	if (c->to == sizeof(c->buf)) {
		memmove(c->buf, c->buf + c->from, c->to - c->from);
		c->to -= c->from;
		c->from = 0;
	}
	if (!c->compressed) {
		c->to += get_wire(c, c->buf + c->to, sizeof(c->buf) - c->to);
		return;
	}
	size_t before = c->to;
	while (c->to == before) {
		if (c->in.avail_in == 0) {
			c->in.next_in = c->wire;
			c->in.avail_in = (unsigned)get_wire(c, (char *)c->wire, sizeof(c->wire));
		}
		c->in.next_out = (unsigned char *)c->buf + c->to;
		c->in.avail_out = (unsigned)(sizeof(c->buf) - c->to);
		int got = inflate(&c->in, Z_SYNC_FLUSH);
		if (got != Z_OK && got != Z_BUF_ERROR)
			die("inflate");
		c->to = sizeof(c->buf) - c->in.avail_out;
	}
}

/* The next line, without its end; cut to the room of `line`. */
static size_t get_line(struct client *c, char *line, size_t room)
{
	size_t n = 0;
	for (;;) {
		char *end = memchr(c->buf + c->from, '\n', c->to - c->from);
		size_t piece = end ? (size_t)(end - (c->buf + c->from)) + 1 : c->to - c->from;
		size_t keep = piece < room - 1 - n ? piece : room - 1 - n;
		memcpy(line + n, c->buf + c->from, keep);
		n += keep;
		c->from += piece;
		if (end)
			break;
		fill(c);
	}
	while (n > 0 && (line[n - 1] == '\n' || line[n - 1] == '\r'))
		n--;
	line[n] = '\0';
	return n;
}

static void skip(struct client *c, size_t n)
{
	while (n > 0) {
		if (c->from == c->to)
			fill(c);
		size_t piece = c->to - c->from < n ? c->to - c->from : n;
		c->from += piece;
		n -= piece;
	}
}

/* Reads up to the tagged line, over literals; it must be OK. */
static void until_tagged(struct client *c, const char *tag)
{
	char line[LINE_ROOM];
	size_t tag_size = strlen(tag);
	for (;;) {
		size_t n = get_line(c, line, sizeof(line));
		if (n > 2 && line[n - 1] == '}') {
			char *open = strrchr(line, '{');
			if (open)
				skip(c, strtoul(open + 1, NULL, 10));
			continue;
		}
		if (strncmp(line, tag, tag_size) == 0 && line[tag_size] == ' ') {
			if (strncmp(line + tag_size + 1, "OK", 2) != 0) {
				fprintf(stderr, "load: %s\n", line);
				exit(1);
			}
			return;
		}
	}
}

static void command(struct client *c, const char *format, ...)
{
	char line[LINE_ROOM];
	char tag[16];
	va_list args;
	snprintf(tag, sizeof(tag), "t%u", ++c->tag);
	int n = snprintf(line, sizeof(line), "%s ", tag);
	va_start(args, format);
	n += vsnprintf(line + n, sizeof(line) - (size_t)n - 2, format, args);
	va_end(args);
	memcpy(line + n, "\r\n", 2);
	put(c, line, (size_t)n + 2);
	until_tagged(c, tag);
}

struct job {
	const char *user, *password, *recipient;
	const char *field; /* of the header; "": none */
	bool talk; /* messages reply to each other; size is 1500 at least */
	bool use_tls;
	unsigned index, count;
	unsigned connections;
	unsigned accounts, seed; /* of `cold`; 0: the recipient is that of the connection */
	size_t size;
	double *times;
};

static void login(struct client *c, const struct job *job)
{
	char line[LINE_ROOM], user[512];
	client_open(c, host, port_text, job->use_tls);
	get_line(c, line, sizeof(line));
	snprintf(user, sizeof(user), job->user, job->index);
	command(c, "LOGIN \"%s\" \"%s\"", user, job->password);
}

/* Ten messages are a thread; dates and senders are mixed. */
static int talk_header(char *text, size_t room, unsigned serial, unsigned index)
{
	char date[64];
	unsigned first = serial - serial % 10;
	time_t seconds = 1700000000 + (time_t)((serial * 7919U + index * 104729U) % 10000019U);
	struct tm tm;
	strftime(date, sizeof(date), "%a, %d %b %Y %H:%M:%S +0000", gmtime_r(&seconds, &tm));
	int n = snprintf(text, room,
		"From: Sender %u <sender%u@example.net>\r\nTo: Receiver <receiver@example.org>\r\n"
		"Subject: %stopic %u of %u\r\nDate: %s\r\nMessage-ID: <%u.%u@example.net>\r\n",
		serial * 31 % 499, serial * 31 % 499, serial > first ? "Re: " : "", first * 7919 % 100003,
		index, date, serial, index);
	if (serial > first)
		n += snprintf(text + n, room - (size_t)n, "References:");
	for (unsigned i = first; i < serial; i++)
		n += snprintf(text + n, room - (size_t)n, " <%u.%u@example.net>\r\n", i, index);
	return n + snprintf(text + n, room - (size_t)n, "\r\n");
}

static int plain_header(char *text, size_t room, unsigned serial, const char *field)
{
	return snprintf(text, room,
		"From: Sender <sender@example.net>\r\nTo: Receiver <receiver@example.org>\r\n"
		"Subject: message number %u of a benchmark\r\nDate: Tue, 24 Nov 2026 10:00:00 +0000\r\n"
		"Message-ID: <%u.%d@example.net>\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; "
		"charset=utf-8\r\n%s%s\r\n",
		serial, serial, (int)getpid(), field, field[0] ? "\r\n" : "");
}

static char *make_message(const struct job *job, unsigned serial)
{
	size_t size = job->size;
	char *text = malloc(size + 1);
	int n = job->talk ? talk_header(text, size + 1, serial, job->index)
			  : plain_header(text, size + 1, serial, job->field);
	for (size_t i = (size_t)n; i < size; i++)
		text[i] = "abcdefghijklmnopqrstuvwxyz 0123456789 ABCDEFGHIJKLMNOPQRSTUVWXYZ abcdefgh\r\n"[i %
													  75];
	text[size - 2] = '\r';
	text[size - 1] = '\n';
	text[size] = '\0';
	return text;
}

static void *run_login(void *arg)
{
	struct job *job = arg;
	struct client *c = malloc(sizeof(*c));
	for (unsigned i = 0; i < job->count; i++) {
		double begin = now();
		login(c, job);
		command(c, "LOGOUT");
		client_close(c);
		job->times[i] = now() - begin;
	}
	free(c);
	return NULL;
}

static void *run_append(void *arg)
{
	struct job *job = arg;
	struct client *c = malloc(sizeof(*c));
	char tag[16];
	login(c, job);
	for (unsigned i = 0; i < job->count; i++) {
		char *text = make_message(job, i);
		double begin = now();
		snprintf(tag, sizeof(tag), "t%u", ++c->tag);
		putf(c, "%s APPEND INBOX (\\Seen) {%zu+}\r\n", tag, job->size);
		put(c, text, job->size);
		put(c, "\r\n", 2);
		until_tagged(c, tag);
		job->times[i] = now() - begin;
		free(text);
	}
	client_close(c);
	free(c);
	return NULL;
}

static int reply(struct client *c)
{
	char line[LINE_ROOM];
	do
		get_line(c, line, sizeof(line));
	while (line[3] == '-');
	return (int)strtol(line, NULL, 10);
}

static void expect(struct client *c, int code)
{
	int got = reply(c);
	if (got != code) {
		fprintf(stderr, "load: LMTP answered %d instead of %d\n", got, code);
		exit(1);
	}
}

static void deliver(struct client *c, const char *recipient, const char *text, size_t size)
{
	putf(c, "MAIL FROM:<sender@example.net>\r\nRCPT TO:<%s>\r\nDATA\r\n", recipient);
	expect(c, 250);
	expect(c, 250);
	expect(c, 354);
	put(c, text, size);
	put(c, ".\r\n", 3);
	expect(c, 250);
}

static unsigned common_divisor(unsigned a, unsigned b)
{
	while (b) {
		unsigned rest = a % b;
		a = b;
		b = rest;
	}
	return a;
}

/* The account that comes at place `i` of an order that the seed chooses; each comes once. */
static unsigned shuffled(const struct job *job, unsigned i)
{
	unsigned step = (job->seed * 2654435761u) % job->accounts;
	while (step == 0 || common_divisor(step, job->accounts) != 1)
		step++;
	return (unsigned)(((uint64_t)i * step + job->seed) % job->accounts);
}

static void *run_lmtp(void *arg)
{
	struct job *job = arg;
	struct client *c = malloc(sizeof(*c));
	char recipient[512];
	client_open(c, host, port_text, false);
	expect(c, 220);
	putf(c, "LHLO bench\r\n");
	expect(c, 250);
	for (unsigned i = 0; i < job->count; i++) {
		char *text = make_message(job, i);
		double begin = now();
		unsigned to = job->accounts ? shuffled(job, i * job->connections + job->index) : job->index;
		snprintf(recipient, sizeof(recipient), job->recipient, to);
		deliver(c, recipient, text, job->size);
		job->times[i] = now() - begin;
		free(text);
	}
	client_close(c);
	free(c);
	return NULL;
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

static void report(double *times, size_t n, double seconds)
{
	qsort(times, n, sizeof(*times), by_value);
	printf("operations %zu\nseconds %.3f\nrate %.1f\nmedian_ms %.3f\np99_ms %.3f\nmax_ms %.3f\n", n,
		seconds, (double)n / seconds, times[n / 2] * 1e3, times[n * 99 / 100] * 1e3,
		times[n - 1] * 1e3);
}

static void run_threads(void *(*run)(void *), struct job base, unsigned connections, unsigned count)
{
	pthread_t *threads = calloc(connections, sizeof(*threads));
	struct job *jobs = calloc(connections, sizeof(*jobs));
	unsigned each = count / connections;
	double *times = calloc((size_t)each * connections, sizeof(*times));
	double begin = now();
	for (unsigned i = 0; i < connections; i++) {
		jobs[i] = base;
		jobs[i].index = i;
		jobs[i].connections = connections;
		jobs[i].count = each;
		jobs[i].times = times + (size_t)i * each;
		pthread_create(&threads[i], NULL, run, &jobs[i]);
	}
	for (unsigned i = 0; i < connections; i++)
		pthread_join(threads[i], NULL);
	report(times, (size_t)each * connections, now() - begin);
	free(threads);
	free(jobs);
	free(times);
}

/* `notify`: no mailbox is selected. */
static void run_told(struct job job, const char *lhost, const char *lport, unsigned count, bool notify)
{
	struct client *imap = malloc(sizeof(*imap)), *lmtp = malloc(sizeof(*lmtp));
	double *times = calloc(count, sizeof(*times));
	char line[LINE_ROOM];
	login(imap, &job);
	command(imap, notify ? "NOTIFY SET (personal (MessageNew MessageExpunge))" : "SELECT INBOX");
	if (!notify) {
		putf(imap, "i IDLE\r\n");
		get_line(imap, line, sizeof(line));
	}
	client_open(lmtp, lhost, lport, false);
	expect(lmtp, 220);
	putf(lmtp, "LHLO bench\r\n");
	expect(lmtp, 250);
	double total = now();
	for (unsigned i = 0; i < count; i++) {
		char *text = make_message(&job, i);
		deliver(lmtp, job.user, text, job.size);
		double begin = now();
		do
			get_line(imap, line, sizeof(line));
		while (!strstr(line, notify ? "* STATUS " : " EXISTS"));
		times[i] = now() - begin;
		free(text);
	}
	report(times, count, now() - total);
}

static void run_commands(struct job job, unsigned count, bool select, const char *text, const char *first)
{
	struct client *c = calloc(1, sizeof(*c));
	double *times = calloc(count, sizeof(*times));
	login(c, &job);
	if (first)
		command(c, "%s", first);
	if (first && strcmp(first, "COMPRESS DEFLATE") == 0) {
		deflateInit2(&c->out, 6, Z_DEFLATED, -15, 8, Z_DEFAULT_STRATEGY);
		inflateInit2(&c->in, -15);
		c->compressed = true;
	}
	if (!select)
		command(c, "SELECT INBOX");
	c->received = 0;
	double total = now();
	for (unsigned i = 0; i < count; i++) {
		const char *mark = strstr(text, "%u");
		double begin = now();
		if (mark)
			command(c, "%.*s%u%s", (int)(mark - text), text, i + 1, mark + 2);
		else
			command(c, "%s", text);
		times[i] = now() - begin;
	}
	report(times, count, now() - total);
	printf("bytes %zu\n", c->received);
	client_close(c);
}

static void run_idle(struct job job, unsigned count, unsigned seconds)
{
	struct client **clients = calloc(count, sizeof(*clients));
	double *times = calloc(count, sizeof(*times));
	char line[LINE_ROOM];
	double total = now();
	for (unsigned i = 0; i < count; i++) {
		double begin = now();
		clients[i] = malloc(sizeof(**clients));
		job.index = i;
		login(clients[i], &job);
		command(clients[i], "SELECT INBOX");
		putf(clients[i], "i IDLE\r\n");
		get_line(clients[i], line, sizeof(line));
		times[i] = now() - begin;
	}
	report(times, count, now() - total);
	printf("holding\n");
	fflush(stdout);
	sleep(seconds);
}

int main(int argc, char **argv)
{
	struct rlimit limit;
	const char *what = argc > 1 ? argv[1] : "";
	struct job job = { .size = 4096, .field = "" };

	if (argc < 6) {
		fprintf(stderr, "usage: see the head of bench/load.c\n");
		return 64;
	}
	getrlimit(RLIMIT_NOFILE, &limit);
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
	host = argv[2];
	port_text = argv[3];
	tls = SSL_CTX_new(TLS_client_method());
	if (strcmp(what, "lmtp") == 0 && (argc == 8 || argc == 9)) {
		job.size = strtoul(argv[6], NULL, 10);
		job.recipient = argv[7];
		job.field = argc == 9 ? argv[8] : "";
		run_threads(run_lmtp, job, (unsigned)strtol(argv[4], NULL, 10),
			(unsigned)strtol(argv[5], NULL, 10));
		return 0;
	}
	if (strcmp(what, "cold") == 0 && argc == 10) {
		job.size = strtoul(argv[6], NULL, 10);
		job.recipient = argv[7];
		job.accounts = (unsigned)strtoul(argv[8], NULL, 10);
		job.seed = (unsigned)strtoul(argv[9], NULL, 10);
		run_threads(run_lmtp, job, (unsigned)strtol(argv[4], NULL, 10),
			(unsigned)strtol(argv[5], NULL, 10));
		return 0;
	}
	job.use_tls = strtol(argv[4], NULL, 10) != 0;
	job.user = argv[5];
	job.password = argc > 6 ? argv[6] : "";
	if (strcmp(what, "login") == 0 && argc == 9) {
		run_threads(run_login, job, (unsigned)strtol(argv[7], NULL, 10),
			(unsigned)strtol(argv[8], NULL, 10));
	} else if ((strcmp(what, "append") == 0 || strcmp(what, "talk") == 0) && argc == 10) {
		job.talk = strcmp(what, "talk") == 0;
		job.size = strtoul(argv[9], NULL, 10);
		if (job.talk && job.size < 1500)
			job.size = 1500;
		run_threads(run_append, job, (unsigned)strtol(argv[7], NULL, 10),
			(unsigned)strtol(argv[8], NULL, 10));
	} else if (strcmp(what, "exists") == 0 && argc == 10) {
		run_told(job, argv[7], argv[8], (unsigned)strtol(argv[9], NULL, 10), false);
	} else if (strcmp(what, "notify") == 0 && argc == 10) {
		run_told(job, argv[7], argv[8], (unsigned)strtol(argv[9], NULL, 10), true);
	} else if (strcmp(what, "boxes") == 0 && argc == 8) {
		run_commands(job, (unsigned)strtol(argv[7], NULL, 10), true, "CREATE box%u", NULL);
	} else if (strcmp(what, "fetch") == 0 && argc == 9) {
		char text[1024];
		snprintf(text, sizeof(text), "UID FETCH 1:* %s", argv[8]);
		run_commands(job, (unsigned)strtol(argv[7], NULL, 10), false, text, NULL);
	} else if (strcmp(what, "select") == 0 && argc == 8) {
		run_commands(job, (unsigned)strtol(argv[7], NULL, 10), true, "SELECT INBOX", NULL);
	} else if (strcmp(what, "command") == 0 && (argc == 9 || argc == 10)) {
		run_commands(job, (unsigned)strtol(argv[7], NULL, 10), false, argv[8],
			argc == 10 ? argv[9] : NULL);
	} else if (strcmp(what, "idle") == 0 && argc == 9) {
		run_idle(job, (unsigned)strtol(argv[7], NULL, 10), (unsigned)strtol(argv[8], NULL, 10));
	} else {
		fprintf(stderr, "usage: see the head of bench/load.c\n");
		return 64;
	}
	return 0;
}
