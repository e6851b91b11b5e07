/*
 * The file server.state in memory and on disk: two counters, each with a block of numbers reserved ahead.
 */
#include "store/server_state.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"
#include "store/textfile.h"

#define PATH_ROOM 4096
#define IDS_BLOCK 1000
#define UIDVALIDITY_BLOCK 10000
#define CLOCK_FIRST_MAX INT32_MAX

struct server_state {
	const struct io *io; /* borrowed, as the next two */
	struct log *log;
	const char *root;
	pthread_mutex_t lock;
	struct server_state_text reserved; /* the numbers that the file has */
	int64_t id; /* the next one */
	uint32_t uidvalidity; /* the last one */
};

static void server_state_path(char path[PATH_ROOM], const char *root)
{
	snprintf(path, PATH_ROOM, "%s/server.state", root);
}

static bool server_state_parse(struct strv text, struct server_state_text *ret_text)
{
	struct server_state_text state = { 0 };
	struct strv ids, uidvalidity, server;
	uint64_t number;
	if (textfile_value(text, "ids", &ids) != RC_OK || str_u64(ids, &number) != RC_OK ||
		number > INT64_MAX / 2)
		return false;
	if (textfile_value(text, "uidvalidity", &uidvalidity) != RC_OK ||
		str_u32(uidvalidity, &state.uidvalidity) != RC_OK)
		return false;
	if (textfile_value(text, "server", &server) != RC_OK || server.n > SERVER_STATE_SERVER_DIGITS)
		return false;
	state.ids = (int64_t)number;
	memcpy(state.server, server.p, server.n);
	*ret_text = state;
	return true;
}

enum rc server_state_read(
	const struct io *io, struct log *log, const char *root, struct server_state_text *ret_text)
{
	char path[PATH_ROOM];
	struct arena *arena = arena_new(0);
	struct strv text;
	server_state_path(path, root);
	enum rc rc = textfile_read(io, log, path, arena, &text);
	if (rc == RC_OK && !server_state_parse(text, ret_text))
		rc = RC_CORRUPT;
	arena_free(&arena);
	return rc;
}

enum rc server_state_write(
	const struct io *io, struct log *log, const char *root, const struct server_state_text *state)
{
	char path[PATH_ROOM];
	struct buf text;
	server_state_path(path, root);
	buf_init(&text, TEXTFILE_MAX);
	buf_printf(&text,
		"coid: numbers that were given out\nserver: %s\nids: %" PRId64 "\nuidvalidity: %" PRIu32 "\n",
		state->server, state->ids, state->uidvalidity);
	enum rc rc = textfile_write(io, log, path, buf_strv(&text), true);
	buf_fini(&text);
	if (rc == RC_OK && !io_sync_dir(io, root))
		rc = RC_IO;
	return rc;
}

/* The UIDVALIDITY to begin with if there is no record. */
static uint32_t clock_first(void)
{
	int64_t now = clock_wall();
	if (now < 1)
		return 1;
	return now > CLOCK_FIRST_MAX ? (uint32_t)CLOCK_FIRST_MAX : (uint32_t)now;
}

struct server_state *server_state_new(const struct io *io, struct log *log, const char *root)
{
	struct server_state *state = mem_zalloc(sizeof(*state));
	state->io = io;
	state->log = log;
	state->root = root;
	pthread_mutex_init(&state->lock, NULL);
	enum rc rc = server_state_read(io, log, root, &state->reserved);
	if (rc != RC_OK && rc != RC_NOT_FOUND)
		log_warn(log, "server.state cannot be read and is made again rc=%s", rc_name(rc));
	if (rc != RC_OK)
		state->reserved = (struct server_state_text){ .ids = 1, .uidvalidity = clock_first() };
	state->id = state->reserved.ids > 0 ? state->reserved.ids : 1;
	if (state->reserved.uidvalidity == 0)
		state->reserved.uidvalidity = clock_first();
	state->uidvalidity = state->reserved.uidvalidity - 1;
	return state;
}

static enum rc server_state_reserve(struct server_state *state, const struct server_state_text *wanted)
{
	enum rc rc = server_state_write(state->io, state->log, state->root, wanted);
	if (rc == RC_OK)
		state->reserved = *wanted;
	return rc;
}

void server_state_free(struct server_state **state)
{
	struct server_state *s = *state;
	if (!s)
		return;
	*state = NULL;
	struct server_state_text last = s->reserved;
	last.ids = s->id;
	last.uidvalidity = s->uidvalidity;
	/* The file is written only if numbers were taken: otherwise it holds these values already. */
	if (last.uidvalidity < UINT32_MAX)
		last.uidvalidity++;
	if (s->reserved.server[0] &&
		(last.ids != s->reserved.ids || last.uidvalidity != s->reserved.uidvalidity) &&
		server_state_reserve(s, &last) != RC_OK)
		log_warn(s->log, "server.state keeps its reserve, the next start goes on behind it");
	pthread_mutex_destroy(&s->lock);
	free(s);
}

const char *server_state_server(const struct server_state *state)
{
	return state->reserved.server;
}

enum rc server_state_server_set(struct server_state *state, struct strv server)
{
	pthread_mutex_lock(&state->lock);
	struct server_state_text wanted = state->reserved;
	snprintf(wanted.server, sizeof(wanted.server), "%.*s", STRV_ARG(server));
	enum rc rc = server_state_reserve(state, &wanted);
	pthread_mutex_unlock(&state->lock);
	return rc;
}

void server_state_ids_raise(struct server_state *state, int64_t id)
{
	pthread_mutex_lock(&state->lock);
	if (state->id < id)
		state->id = id;
	pthread_mutex_unlock(&state->lock);
}

static enum rc id_take(struct server_state *state, int64_t *ret_id)
{
	if (state->id >= INT64_MAX / 2)
		return RC_LIMIT;
	if (state->id >= state->reserved.ids) {
		struct server_state_text wanted = state->reserved;
		wanted.ids = state->id + IDS_BLOCK;
		enum rc rc = server_state_reserve(state, &wanted);
		if (rc != RC_OK)
			return rc;
	}
	*ret_id = state->id++;
	return RC_OK;
}

static uint32_t uidvalidity_reserve(uint32_t next)
{
	return next < UINT32_MAX - UIDVALIDITY_BLOCK ? next + UIDVALIDITY_BLOCK : UINT32_MAX;
}

void server_state_prepare(struct server_state *state)
{
	pthread_mutex_lock(&state->lock);
	int64_t now = clock_wall();
	uint32_t next = state->uidvalidity;
	struct server_state_text wanted = state->reserved;
	if (now > next && now <= UINT32_MAX && now - next <= SERVER_STATE_AHEAD_MAX)
		next = (uint32_t)now;
	wanted.uidvalidity = uidvalidity_reserve(next);
	wanted.ids = state->id + IDS_BLOCK;
	if (server_state_reserve(state, &wanted) != RC_OK)
		log_warn(state->log, "server.state cannot be written now");
	pthread_mutex_unlock(&state->lock);
}

enum rc server_state_id_next(struct server_state *state, int64_t *ret_id)
{
	pthread_mutex_lock(&state->lock);
	enum rc rc = id_take(state, ret_id);
	pthread_mutex_unlock(&state->lock);
	return rc;
}

static enum rc uidvalidity_take(struct server_state *state, uint32_t last, uint32_t *ret_uidvalidity)
{
	int64_t now = clock_wall();
	if (last < state->uidvalidity)
		last = state->uidvalidity;
	if (last == UINT32_MAX)
		return RC_LIMIT;
	uint32_t next = last + 1;
	if (now > next && now <= UINT32_MAX && now - next <= SERVER_STATE_AHEAD_MAX)
		next = (uint32_t)now;
	if (next >= state->reserved.uidvalidity) {
		struct server_state_text wanted = state->reserved;
		wanted.uidvalidity = uidvalidity_reserve(next);
		enum rc rc = server_state_reserve(state, &wanted);
		if (rc != RC_OK)
			return rc;
	}
	state->uidvalidity = next;
	*ret_uidvalidity = next;
	return RC_OK;
}

enum rc server_state_uidvalidity_next(struct server_state *state, uint32_t last, uint32_t *ret_uidvalidity)
{
	pthread_mutex_lock(&state->lock);
	enum rc rc = uidvalidity_take(state, last, ret_uidvalidity);
	pthread_mutex_unlock(&state->lock);
	return rc;
}
