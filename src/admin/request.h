/*
 * One request of coidctl: the connection that brought it, its arguments and payload, its answer
 * (protocol.h). It lives on the admin's reactor until the verb has called request_finish and the connection
 * has ended, whichever is later. A verb may hold a pointer to it until it calls request_finish. All calls
 * on that reactor's thread.
 *
 * request_reader is the pure part: it takes a request off the wire, resumable at any octet.
 */
#ifndef COID_ADMIN_REQUEST_H
#define COID_ADMIN_REQUEST_H

#include "admin/protocol.h"
#include "base/arena.h"
#include "base/buf.h"
#include "base/list.h"
#include "base/rc.h"
#include "base/strv.h"

#include <stdbool.h>
#include <stddef.h>

struct admin;
struct conn;
struct verb;

/* Octets of one line of an answer. The reports of verbs have smaller limits of their own. */
#define REQUEST_LINE_MAX (4u << 20)

enum request_part {
	REQUEST_HEAD, /* waits for the first line */
	REQUEST_ARGS, /* waits for the rest of an argument */
	REQUEST_PAYLOAD, /* waits for octets of the payload */
	REQUEST_WHOLE /* nothing is missing */
};

enum request_result {
	REQUEST_NEED_MORE, /* valid so far */
	REQUEST_COMPLETE, /* arguments and payload are there */
	REQUEST_INVALID /* this is no request of coidctl, or it passes a limit of protocol.h */
};

struct request_reader {
	enum request_part part;
	struct arena *arena; /* borrowed; the arguments are copied into it */
	struct strv args[PROTOCOL_ARGS_MAX]; /* NUL-terminated; the words of the verb included */
	unsigned arg_count;
	unsigned arg_total;
	struct buf payload; /* may hold a password: wiped at the end */
	size_t payload_total;
};

void request_reader_init(struct request_reader *reader, struct arena *arena);
void request_reader_fini(struct request_reader *reader);
/*
 * Takes input; *ret_used tells how much. With REQUEST_NEED_MORE the unused rest must be passed again, with
 * more after it. Input after a complete request is ignored. Do not call this after REQUEST_INVALID.
 */
enum request_result request_read(struct request_reader *reader, struct strv in, size_t *ret_used);

enum request_state {
	REQUEST_READING, /* waits for the rest of the request */
	REQUEST_RUNNING, /* waits for the verb to finish */
	REQUEST_FINISHED /* waits for the connection to end */
};

struct request {
	struct admin *admin; /* borrowed */
	struct list_node node; /* of admin->requests */
	struct conn *conn; /* frees itself; NULL once it has ended */
	void (*run)(struct request *request);
	enum request_state state;
	struct arena *arena; /* own */
	struct request_reader reader;
	const struct verb *verb; /* NULL: not known (yet) */
	struct strv rest[PROTOCOL_ARGS_MAX]; /* arguments behind the verb's words, options included */
	unsigned rest_count;
};

/* Takes over the non-blocking socket fd. `run` is called once with a complete request. */
void request_accept(struct admin *admin, int fd, void (*run)(struct request *request));
/* Ends the connection without an answer. A verb that is working goes on and calls request_finish. */
void request_drop(struct request *request);

/* Writes a line to standard output, or to standard error. A line break in it becomes a space. */
void request_out(struct request *request, const char *format, ...) __attribute__((format(printf, 2, 3)));
void request_err(struct request *request, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* A text of several lines. */
void request_out_lines(struct request *request, struct strv text);
void request_err_lines(struct request *request, struct strv text);
/* The octets of the answer that the client has not read yet; a long answer waits before it adds more. */
size_t request_unread(const struct request *request);
/* True: the client has gone, so nobody reads the answer. */
static inline bool request_is_gone(const struct request *request)
{
	return request->conn == NULL;
}
/* Ends the request with an exit status (PROTOCOL_OK, ...); it may be gone afterwards. */
void request_finish(struct request *request, int status);
/* Writes "what: not found" or a similar text to standard error, and ends with PROTOCOL_FAILED. */
void request_fail(struct request *request, struct strv what, enum rc rc);
/* Prints the usage of the verb; ends with PROTOCOL_USAGE. `problem` may be NULL. */
void request_usage(struct request *request, const char *problem);

/*
 * Takes option `--name` (and its value, if ret_value is not NULL) out of request->rest. False: it is not
 * there. A missing value gives an empty view.
 */
bool request_option(struct request *request, const char *name, struct strv *ret_value);
/*
 * Call this after the options were taken. True: exactly `count` plain arguments are left. Otherwise it prints
 * the usage and returns false.
 */
bool request_plain(struct request *request, unsigned count);

#endif
