/*
 * <root>/server.state: the account ids and UIDVALIDITYs that may have been given out. Both only grow, even if
 * server.db is lost. Numbers are reserved in blocks, so that the file is written (and synced) once for many;
 * an orderly end gives the rest of the blocks back. Any thread.
 */
#ifndef COID_STORE_SERVER_STATE_H
#define COID_STORE_SERVER_STATE_H

#include "base/clock.h"
#include "base/log.h"
#include "base/rc.h"
#include "base/strv.h"
#include "store/io.h"

#include <stdint.h>

struct server_state;

#define SERVER_STATE_SERVER_DIGITS 32
/*
 * UIDVALIDITY follows the clock, so that a store restored from an old copy repeats none. A clock that is
 * further ahead than this is wrong; following it would use up the 32 bits.
 */
#define SERVER_STATE_AHEAD_MAX (10 * 366LL * S_PER_DAY)

/* The contents of the file: every number below these was, or may have been, given out. */
struct server_state_text {
	char server[SERVER_STATE_SERVER_DIGITS + 1]; /* random: server.db has the same in its settings */
	int64_t ids;
	uint32_t uidvalidity;
};

/* RC_NOT_FOUND: there is no such file; RC_CORRUPT. */
enum rc server_state_read(const struct io *io, struct log *log, const char *root,
	struct server_state_text *ret_text) MUST_CHECK;
/* Writes the file; file and name are synced. */
enum rc server_state_write(const struct io *io, struct log *log, const char *root,
	const struct server_state_text *text) MUST_CHECK;

/*
 * Opens the state. `io`, `log` and `root` are borrowed. A lost or damaged file counts as empty, and is made
 * again.
 */
struct server_state *server_state_new(const struct io *io, struct log *log, const char *root);
/* Writes the numbers that were really given out, and frees the state. */
void server_state_free(struct server_state **state);
/* The server's identity, valid as long as `state`. "": the file did not exist. Setting it writes the file. */
const char *server_state_server(const struct server_state *state);
enum rc server_state_server_set(struct server_state *state, struct strv server) MUST_CHECK;
/* No id below this one is given out from now on. */
void server_state_ids_raise(struct server_state *state, int64_t id);
/*
 * Reserves the first blocks, so that no user has to wait for that. If it fails, the first request for a
 * number tries again.
 */
void server_state_prepare(struct server_state *state);
/*
 * An id, or a UIDVALIDITY above `last`, that was never given out. Errors are those of writing a file;
 * RC_LIMIT: no numbers are left.
 */
enum rc server_state_id_next(struct server_state *state, int64_t *ret_id) MUST_CHECK;
enum rc server_state_uidvalidity_next(
	struct server_state *state, uint32_t last, uint32_t *ret_uidvalidity) MUST_CHECK;

#endif
