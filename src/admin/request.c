/* One request of coidctl: reads it from the wire, calls the function that runs it, writes the answer. */
#include "admin/request.h"

#include "admin/admin_priv.h"
#include "base/mem.h"
#include "base/str.h"
#include "net/conn.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define CUT_MARK " [cut]"

/* The wire. */

void request_reader_init(struct request_reader *reader, struct arena *arena)
{
	*reader = (struct request_reader){ .part = REQUEST_HEAD, .arena = arena };
	buf_init(&reader->payload, PROTOCOL_PAYLOAD_MAX);
}

void request_reader_fini(struct request_reader *reader)
{
	buf_wipe(&reader->payload);
}

/* "coid1 <args> <payload>" */
static bool request_parse_head(struct request_reader *reader, struct strv line)
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
	reader->arg_total = (unsigned)args;
	reader->payload_total = (size_t)payload;
	return true;
}

static enum request_result request_read_head(struct request_reader *reader, struct strv in, size_t *ret_used)
{
	size_t end = strv_index(in, '\n');

	if (end > PROTOCOL_HEAD_MAX)
		return REQUEST_INVALID;
	if (end == in.n)
		return REQUEST_NEED_MORE;
	if (!request_parse_head(reader, strv_sub(in, 0, end)))
		return REQUEST_INVALID;
	reader->part = REQUEST_ARGS;
	*ret_used = end + 1;
	return REQUEST_COMPLETE;
}

/* "<octets>:<bytes>," */
static enum request_result request_read_arg(struct request_reader *reader, struct strv in, size_t *ret_used)
{
	uint64_t size = 0;
	size_t colon = strv_index(in, ':');

	if (colon > PROTOCOL_SIZE_MAX)
		return REQUEST_INVALID;
	if (colon == in.n)
		return REQUEST_NEED_MORE;
	if (str_u64(strv_sub(in, 0, colon), &size) != RC_OK || size > PROTOCOL_ARG_MAX)
		return REQUEST_INVALID;
	size_t comma = colon + 1 + (size_t)size;
	if (in.n <= comma)
		return REQUEST_NEED_MORE;
	struct strv arg = strv_sub(in, colon + 1, (size_t)size);
	if (in.p[comma] != ',' || strv_index(arg, '\0') < arg.n)
		return REQUEST_INVALID;
	reader->args[reader->arg_count++] = strv_make(arena_strndup(reader->arena, arg.p, arg.n), arg.n);
	*ret_used = comma + 1;
	return REQUEST_COMPLETE;
}

/* Goes to the next part that is not empty. */
static void request_read_on(struct request_reader *reader)
{
	if (reader->part == REQUEST_ARGS && reader->arg_count == reader->arg_total)
		reader->part = REQUEST_PAYLOAD;
	if (reader->part == REQUEST_PAYLOAD && reader->payload.len == reader->payload_total)
		reader->part = REQUEST_WHOLE;
}

/* Takes one step. REQUEST_COMPLETE: the head, an argument or a piece of the payload was taken. */
static enum request_result request_read_part(struct request_reader *reader, struct strv in, size_t *ret_used)
{
	switch (reader->part) {
	case REQUEST_HEAD:
		return request_read_head(reader, in, ret_used);
	case REQUEST_ARGS:
		return request_read_arg(reader, in, ret_used);
	case REQUEST_PAYLOAD:
		break;
	case REQUEST_WHOLE:
		return REQUEST_COMPLETE;
	}
	struct strv piece = strv_sub(in, 0, reader->payload_total - reader->payload.len);
	if (piece.n == 0)
		return REQUEST_NEED_MORE;
	buf_addv(&reader->payload, piece);
	*ret_used = piece.n;
	return REQUEST_COMPLETE;
}

enum request_result request_read(struct request_reader *reader, struct strv in, size_t *ret_used)
{
	enum request_result result = REQUEST_COMPLETE;
	size_t used = 0;

	while (result == REQUEST_COMPLETE && reader->part != REQUEST_WHOLE) {
		size_t taken = 0;
		result = request_read_part(reader, strv_sub(in, used, in.n), &taken);
		used += taken;
		request_read_on(reader);
	}
	*ret_used = used;
	return result;
}

/* The answer. */

static void request_free(struct request *request)
{
	list_remove(&request->node);
	request->admin->count--;
	request_reader_fini(&request->reader);
	arena_free(&request->arena);
	free(request);
}

static void request_put(struct request *request, char kind, struct strv line)
{
	char head[2] = { kind, ' ' };

	conn_write(request->conn, head, sizeof(head));
	conn_writev(request->conn, line);
	conn_write(request->conn, "\n", 1);
	conn_flush(request->conn);
}

static void __attribute__((format(printf, 3, 0)))
request_print(struct request *request, char kind, const char *format, va_list args)
{
	va_list again;

	if (!request->conn)
		return;
	va_copy(again, args);
	int wanted = vsnprintf(NULL, 0, format, again);
	va_end(again);
	size_t size = wanted < 0 ? 0 : (size_t)wanted;
	bool cut = size > REQUEST_LINE_MAX;
	if (cut)
		size = REQUEST_LINE_MAX;
	char *line = mem_alloc(size + 1);
	vsnprintf(line, size + 1, format, args);
	if (cut) /* NOLINTNEXTLINE(bugprone-not-null-terminated-result): the NUL behind it is there */
		memcpy(line + size - strlen(CUT_MARK), CUT_MARK, strlen(CUT_MARK));
	for (size_t i = 0; i < size; i++) {
		if (line[i] == '\n' || line[i] == '\r')
			line[i] = ' ';
	}
	request_put(request, kind, strv_make(line, size));
	free(line);
}

void request_out(struct request *request, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	request_print(request, 'o', format, args);
	va_end(args);
}

void request_err(struct request *request, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	request_print(request, 'e', format, args);
	va_end(args);
}

/* Takes the next line off the text. */
static struct strv request_take_line(struct strv *text)
{
	size_t end = strv_index(*text, '\n');
	struct strv line = strv_sub(*text, 0, end);

	*text = strv_sub(*text, end + 1, text->n);
	return line;
}

void request_out_lines(struct request *request, struct strv text)
{
	while (text.n > 0) {
		struct strv line = request_take_line(&text);
		request_out(request, "%.*s", STRV_ARG(line));
	}
}

void request_err_lines(struct request *request, struct strv text)
{
	while (text.n > 0) {
		struct strv line = request_take_line(&text);
		request_err(request, "%.*s", STRV_ARG(line));
	}
}

size_t request_unread(const struct request *request)
{
	return request->conn ? conn_out_length(request->conn) : 0;
}

void request_finish(struct request *request, int status)
{
	char line[16];

	request->state = REQUEST_FINISHED;
	if (!request->conn) {
		request_free(request);
		return;
	}
	int n = snprintf(line, sizeof(line), "%d", status);
	request_put(request, 'x', strv_make(line, (size_t)n));
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

void request_usage(struct request *request, const char *problem)
{
	const struct verb *verb = request->verb;

	if (problem)
		request_err(request, "%s", problem);
	if (verb)
		request_err(request, "usage: coidctl %s %s", verb->words, verb->usage);
	else
		request_err(request, "coidctl help lists the verbs");
	request_finish(request, PROTOCOL_USAGE);
}

/* Options. */

static void request_rest_remove(struct request *request, unsigned at)
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
		request_rest_remove(request, i);
		if (ret_value) {
			*ret_value = STRV("");
			if (i < request->rest_count) {
				*ret_value = request->rest[i];
				request_rest_remove(request, i);
			}
		}
		return true;
	}
	return false;
}

bool request_plain(struct request *request, unsigned count)
{
	for (unsigned i = 0; i < request->rest_count; i++) {
		/* "-" means standard input, so it is not an option. */
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

/* The connection. */

static size_t request_on_read(void *arg, struct strv in)
{
	struct request *request = arg;
	size_t used = 0;

	if (request->state != REQUEST_READING)
		return in.n;
	switch (request_read(&request->reader, in, &used)) {
	case REQUEST_NEED_MORE:
		return used;
	case REQUEST_COMPLETE:
		request->state = REQUEST_RUNNING;
		request->run(request);
		break;
	case REQUEST_INVALID:
		request_err(request, "not a request of coidctl");
		request_finish(request, PROTOCOL_USAGE);
		break;
	}
	return in.n;
}

static void request_on_end(void *arg, enum conn_end why)
{
	struct request *request = arg;

	(void)why;
	request->conn = NULL;
	/* A verb that is still working goes on and finishes the request itself. */
	if (request->state != REQUEST_RUNNING)
		request_free(request);
}

static const struct conn_ops conn_ops = { .on_read = request_on_read, .on_end = request_on_end };

void request_accept(struct admin *admin, int fd, void (*run)(struct request *request))
{
	struct request *request = mem_zalloc(sizeof(*request));

	request->admin = admin;
	request->run = run;
	request->arena = arena_new(0);
	request_reader_init(&request->reader, request->arena);
	list_append(&admin->requests, &request->node);
	admin->count++;
	request->conn = conn_new(admin->reactor, fd, &conn_ops, request, NULL);
}

void request_drop(struct request *request)
{
	if (request->conn)
		conn_abort(request->conn);
}
