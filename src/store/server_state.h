/*
 * <root>/server.state: what must never go back, also if server.db is lost: which account ids and which
 * UIDVALIDITYs may have been given out. Both only grow. Numbers are reserved in blocks, so that the file is
 * written (and synced) once for many; an orderly end gives the rest of the blocks back. Any thread.
 */
#ifndef COID_STORE_SERVER_STATE_H
#define COID_STORE_SERVER_STATE_H

#include "base/log.h"
#include "base/rc.h"
#include "base/strv.h"
#include "store/io.h"

#include <stdint.h>

struct server_state;

#define SERVER_STATE_SERVER_DIGITS 32

/* As they stand in the file: every number below was, or may have been, given out. */
struct server_state_text {
	char server[SERVER_STATE_SERVER_DIGITS + 1]; /* random: server.db has the same in its settings */
	int64_t ids;
	uint32_t uidvalidity;
};

/* RC_NOT_FOUND: there is no such file; RC_CORRUPT. */
enum rc server_state_read(const struct io *io, struct log *log, const char *root,
	struct server_state_text *ret_text) MUST_CHECK;
/* Synced, name included. */
enum rc server_state_write(const struct io *io, struct log *log, const char *root,
	const struct server_state_text *text) MUST_CHECK;

/* `io`, `log` and `root` are borrowed. A file that is lost or damaged counts as empty, and is made again. */
struct server_state *server_state_new(const struct io *io, struct log *log, const char *root);
/* Writes what has really been given out. */
void server_state_free(struct server_state **state);
/* The server's identity; "": the file was not there. Setting it writes the file. Lives as long as `state`. */
const char *server_state_server(const struct server_state *state);
enum rc server_state_server_set(struct server_state *state, struct strv server) MUST_CHECK;
/* No id below this one is given out from now on. */
void server_state_ids_raise(struct server_state *state, int64_t id);
/*
 * Reserves the first blocks, so that nobody has to wait for that. If it fails, whoever needs a number tries
 * again.
 */
void server_state_prepare(struct server_state *state);
/*
 * An id, or a UIDVALIDITY above `last`, that nobody ever had. Errors: as those of writing a file; RC_LIMIT:
 * no more.
 */
enum rc server_state_id_next(struct server_state *state, int64_t *ret_id) MUST_CHECK;
enum rc server_state_uidvalidity_next(
	struct server_state *state, uint32_t last, uint32_t *ret_uidvalidity) MUST_CHECK;

#endif
