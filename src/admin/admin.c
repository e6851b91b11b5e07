#include "admin/admin.h"

#include "admin/admin_priv.h"
#include "base/mem.h"
#include "base/str.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define LINE_ROOM 4096

static const struct verb *const families[] = {
	admin_user_verbs,
	admin_import_verbs,
	admin_server_verbs,
	admin_check_verbs,
	admin_account_verbs,
	admin_coi_verbs,
	admin_push_verbs,
};

static void set_settings(struct admin *admin, const struct admin_settings *settings)
{
	free(admin->password_scheme);
	admin->settings = *settings;
	admin->password_scheme = mem_strdup(settings->password_scheme);
	admin->settings.password_scheme = admin->password_scheme;
}

struct admin *admin_new(const struct admin_settings *settings, const struct admin_hooks *hooks,
	struct store *store, struct auth *auth, struct reactor *reactor, struct log *log)
{
	struct admin *admin = mem_zalloc(sizeof(*admin));

	admin->hooks = *hooks;
	admin->store = store;
	admin->auth = auth;
	admin->reactor = reactor;
	admin->log = log;
	list_init(&admin->requests);
	set_settings(admin, settings);
	return admin;
}

void admin_reload(struct admin *admin, const struct admin_settings *settings)
{
	set_settings(admin, settings);
}

unsigned admin_sessions(const struct admin *admin)
{
	return admin->count;
}

void admin_stop(struct admin *admin)
{
	LIST_EACH_SAFE (node, &admin->requests) {
		struct request *request = CONTAINER_OF(node, struct request, node);
		if (request->conn && (admin->stopping || !request->running))
			conn_abort(request->conn);
	}
	admin->stopping = true;
}

void admin_free(struct admin **admin)
{
	if (!*admin)
		return;
	free((*admin)->password_scheme);
	free(*admin);
	*admin = NULL;
}

static void request_free(struct request *request)
{
	list_remove(&request->node);
	request->admin->count--;
	buf_wipe(&request->payload);
	arena_free(&request->arena);
	free(request);
}

static void put(struct request *request, char kind, const char *format, va_list args)
{
	char line[LINE_ROOM];

	if (!request->conn)
		return;
	int n = vsnprintf(line, sizeof(line), format, args);
	size_t size = n < 0 ? 0 : (size_t)n;
	if (size >= sizeof(line))
		size = sizeof(line) - 1;
	for (size_t i = 0; i < size; i++) {
		if (line[i] == '\n' || line[i] == '\r')
			line[i] = ' ';
	}
	char head[2] = { kind, ' ' };
	conn_write(request->conn, head, sizeof(head));
	conn_write(request->conn, line, size);
	conn_write(request->conn, "\n", 1);
	conn_flush(request->conn);
}

void request_out(struct request *request, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	put(request, 'o', format, args);
	va_end(args);
}

void request_err(struct request *request, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	put(request, 'e', format, args);
	va_end(args);
}

void request_out_lines(struct request *request, struct strv text)
{
	while (text.n > 0) {
		size_t end = strv_index(text, '\n');
		struct strv line = strv_sub(text, 0, end);
		request_out(request, "%.*s", STRV_ARG(line));
		text = strv_sub(text, end + 1, text.n);
	}
}

void request_finish(struct request *request, int status)
{
	char line[32];

	request->finished = true;
	if (!request->conn) {
		request_free(request);
		return;
	}
	int n = snprintf(line, sizeof(line), "x %d\n", status);
	conn_write(request->conn, line, (size_t)n);
	conn_close(request->conn);
}

void request_fail(struct request *request, struct strv what, enum rc rc)
{
	static const char *const texts[RC_MAX] = {
		[RC_NOT_FOUND] = "there is no such user",
		[RC_EXISTS] = "is there already",
		[RC_INVALID] = "is not valid",
		[RC_LIMIT] = "a limit is reached",
		[RC_QUOTA] = "over quota",
		[RC_NOSPACE] = "no space left on the disk",
		[RC_BUSY] = "the server is too busy, try again",
		[RC_CORRUPT] = "the stored data are damaged",
		[RC_IO] = "the disk failed, see the server's log",
		[RC_UNAVAILABLE] = "out of service, see the server's log",
		[RC_GONE] = "has been removed",
	};
	request_err(request, "%.*s: %s", STRV_ARG(what), texts[rc] ? texts[rc] : rc_name(rc));
	request_finish(request, PROTOCOL_FAILED);
}

/* The verb whose words the arguments begin with; the longest wins. */
static const struct verb *find_verb(const struct request *request, unsigned *ret_words)
{
	const struct verb *best = NULL;

	*ret_words = 0;
	for (size_t f = 0; f < sizeof(families) / sizeof(families[0]); f++) {
		for (const struct verb *verb = families[f]; verb->words; verb++) {
			struct strv words = strv_cstr(verb->words);
			unsigned count = 0;
			bool fits = true;
			while (fits && words.n > 0) {
				size_t end = strv_index(words, ' ');
				fits = count < request->arg_count &&
				       strv_eq(request->args[count], strv_sub(words, 0, end));
				words = strv_sub(words, end + 1, words.n);
				count++;
			}
			if (fits && count > *ret_words) {
				best = verb;
				*ret_words = count;
			}
		}
	}
	return best;
}

static void print_verbs(struct request *request)
{
	request_out(request, "usage: coidctl [-s SOCKET] VERB ...");
	for (size_t f = 0; f < sizeof(families) / sizeof(families[0]); f++) {
		for (const struct verb *verb = families[f]; verb->words; verb++)
			request_out(request, "  %s %s\t%s", verb->words, verb->usage, verb->help);
	}
}

void request_usage(struct request *request, const char *problem)
{
	unsigned words = 0;
	const struct verb *verb = find_verb(request, &words);

	if (problem)
		request_err(request, "%s", problem);
	if (verb)
		request_err(request, "usage: coidctl %s %s", verb->words, verb->usage);
	else
		request_err(request, "coidctl help lists the verbs");
	request_finish(request, PROTOCOL_USAGE);
}

static void rest_remove(struct request *request, unsigned at)
{
	for (unsigned i = at; i + 1 < request->rest_count; i++)
		request->rest[i] = request->rest[i + 1];
	request->rest_count--;
}

bool request_option(struct request *request, const char *name, struct strv *ret_value)
{
	for (unsigned i = 0; i < request->rest_count; i++) {
		if (!strv_eq(request->rest[i], strv_cstr(name)))
			continue;
		rest_remove(request, i);
		if (ret_value) {
			*ret_value = STRV("");
			if (i < request->rest_count) {
				*ret_value = request->rest[i];
				rest_remove(request, i);
			}
		}
		return true;
	}
	return false;
}

bool request_plain(struct request *request, unsigned count)
{
	for (unsigned i = 0; i < request->rest_count; i++) {
		/* "-" alone is standard input. */
		if (strv_starts(request->rest[i], STRV("-")) && request->rest[i].n > 1) {
			request_usage(request, "unknown option");
			return false;
		}
	}
	if (request->rest_count != count) {
		request_usage(request,
			request->rest_count < count ? "an argument is missing" : "too many arguments");
		return false;
	}
	return true;
}

static void dispatch(struct request *request)
{
	unsigned words = 0;
	const struct verb *verb = find_verb(request, &words);

	request->running = true;
	if (request->arg_count == 0 || strv_eq(request->args[0], STRV("help"))) {
		print_verbs(request);
		request_finish(request, PROTOCOL_OK);
		return;
	}
	if (!verb) {
		request_usage(request, "unknown verb");
		return;
	}
	for (unsigned i = words; i < request->arg_count; i++)
		request->rest[request->rest_count++] = request->args[i];
	verb->run(request);
}

/* "coid1 <args> <payload>\n" */
static bool parse_head(struct request *request, struct strv line)
{
	uint64_t args = 0, payload = 0;

	if (!strv_starts(line, STRV(PROTOCOL_MAGIC)))
		return false;
	line = strv_sub(line, sizeof(PROTOCOL_MAGIC) - 1, line.n);
	size_t space = strv_index(line, ' ');
	if (str_u64(strv_sub(line, 0, space), &args) != RC_OK ||
		str_u64(strv_sub(line, space + 1, line.n), &payload) != RC_OK)
		return false;
	if (args > PROTOCOL_ARGS_MAX || payload > PROTOCOL_PAYLOAD_MAX)
		return false;
	request->arg_total = (unsigned)args;
	request->payload_total = (size_t)payload;
	return true;
}

/* How many octets the next argument took; 0: more are needed; SIZE_MAX: nonsense. */
static size_t parse_arg(struct request *request, struct strv in)
{
	uint64_t size = 0;
	size_t colon = strv_index(in, ':');

	if (colon == in.n)
		return in.n > 8 ? SIZE_MAX : 0;
	if (str_u64(strv_sub(in, 0, colon), &size) != RC_OK || size > PROTOCOL_ARG_MAX)
		return SIZE_MAX;
	if (in.n < colon + 1 + size + 1)
		return 0;
	struct strv arg = strv_sub(in, colon + 1, (size_t)size);
	if (in.p[colon + 1 + size] != ',' || strv_index(arg, '\0') < arg.n)
		return SIZE_MAX;
	request->args[request->arg_count++] = strv_make(arena_strndup(request->arena, arg.p, arg.n), arg.n);
	return colon + 1 + (size_t)size + 1;
}

static size_t take(struct request *request, struct strv in)
{
	if (!request->head_read) {
		size_t end = strv_index(in, '\n');
		if (end == in.n)
			return in.n > PROTOCOL_HEAD_MAX ? SIZE_MAX : 0;
		if (!parse_head(request, strv_sub(in, 0, end)))
			return SIZE_MAX;
		request->head_read = true;
		return end + 1;
	}
	if (request->arg_count < request->arg_total)
		return parse_arg(request, in);
	struct strv piece = strv_sub(in, 0, request->payload_total - request->payload.len);
	buf_addv(&request->payload, piece);
	return piece.n;
}

static bool complete(const struct request *request)
{
	return request->head_read && request->arg_count == request->arg_total &&
	       request->payload.len == request->payload_total;
}

static size_t on_read(void *arg, struct strv in)
{
	struct request *request = arg;
	size_t used = 0;

	while (!request->running && !complete(request) && used < in.n) {
		size_t n = take(request, strv_sub(in, used, in.n));
		if (n == SIZE_MAX) {
			request->running = true;
			request_err(request, "not a request of coidctl");
			request_finish(request, PROTOCOL_USAGE);
			return in.n;
		}
		if (n == 0)
			return used;
		used += n;
	}
	if (!request->running && complete(request))
		dispatch(request);
	return in.n;
}

static void on_end(void *arg, enum conn_end why)
{
	struct request *request = arg;

	(void)why;
	request->conn = NULL;
	/* A verb that is still at work goes on and finishes the request itself. */
	if (request->finished || !request->running)
		request_free(request);
}

static const struct conn_ops ops = { .on_read = on_read, .on_end = on_end };

void admin_accept(struct admin *admin, int fd)
{
	if (admin->stopping) {
		close(fd);
		return;
	}
	struct request *request = mem_zalloc(sizeof(*request));
	request->admin = admin;
	request->arena = arena_new(0);
	buf_init(&request->payload, PROTOCOL_PAYLOAD_MAX);
	list_append(&admin->requests, &request->node);
	admin->count++;
	request->conn = conn_new(admin->reactor, fd, &ops, request, NULL);
}
