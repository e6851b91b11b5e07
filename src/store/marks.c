#include "store/marks.h"

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
/* UIDVALIDITY follows the clock, so that a store that comes back from an old copy repeats none; but a clock that is further
 * ahead than this is wrong, and following it would use up the 32 bits. */
#define CLOCK_AHEAD_MAX (10 * 366 * 86400LL)
#define CLOCK_FIRST_MAX INT32_MAX

struct marks {
	const struct io *io; /* borrowed, as the next two */
	struct log *log;
	const char *root;
	pthread_mutex_t lock;
	struct marks_text reserved; /* what the file says */
	int64_t id; /* the next one */
	uint32_t uidvalidity; /* the last one */
};

static void marks_path(char path[PATH_ROOM], const char *root)
{
	snprintf(path, PATH_ROOM, "%s/server.state", root);
}

static bool marks_parse(struct strv text, struct marks_text *ret_text)
{
	struct marks_text marks = { 0 };
	struct strv ids, uidvalidity, server;
	uint64_t number;
	if (textfile_value(text, "ids", &ids) != RC_OK || str_u64(ids, &number) != RC_OK ||
		number > INT64_MAX / 2)
		return false;
	if (textfile_value(text, "uidvalidity", &uidvalidity) != RC_OK ||
		str_u32(uidvalidity, &marks.uidvalidity) != RC_OK)
		return false;
	if (textfile_value(text, "server", &server) != RC_OK || server.n > MARKS_SERVER_DIGITS)
		return false;
	marks.ids = (int64_t)number;
	memcpy(marks.server, server.p, server.n);
	*ret_text = marks;
	return true;
}

enum rc marks_read(const struct io *io, struct log *log, const char *root, struct marks_text *ret_text)
{
	char path[PATH_ROOM];
	struct arena *arena = arena_new(0);
	struct strv text;
	marks_path(path, root);
	enum rc rc = textfile_read(io, log, path, arena, &text);
	if (rc == RC_OK && !marks_parse(text, ret_text))
		rc = RC_CORRUPT;
	arena_free(&arena);
	return rc;
}

enum rc marks_write(const struct io *io, struct log *log, const char *root, const struct marks_text *marks)
{
	char path[PATH_ROOM];
	struct buf text;
	marks_path(path, root);
	buf_init(&text, TEXTFILE_MAX);
	buf_printf(&text,
		"coid: numbers that were given out\nserver: %s\nids: %" PRId64 "\nuidvalidity: %" PRIu32 "\n",
		marks->server, marks->ids, marks->uidvalidity);
	enum rc rc = textfile_write(io, log, path, buf_strv(&text), true);
	buf_fini(&text);
	if (rc == RC_OK && !io_sync_dir(io, root))
		rc = RC_IO;
	return rc;
}

/* Without a record the clock must do. */
static uint32_t clock_first(void)
{
	int64_t now = clock_wall();
	if (now < 1)
		return 1;
	return now > CLOCK_FIRST_MAX ? (uint32_t)CLOCK_FIRST_MAX : (uint32_t)now;
}

struct marks *marks_new(const struct io *io, struct log *log, const char *root)
{
	struct marks *marks = mem_zalloc(sizeof(*marks));
	marks->io = io;
	marks->log = log;
	marks->root = root;
	pthread_mutex_init(&marks->lock, NULL);
	enum rc rc = marks_read(io, log, root, &marks->reserved);
	if (rc != RC_OK && rc != RC_NOT_FOUND)
		log_warn(log, "server.state cannot be read and is made again rc=%s", rc_name(rc));
	if (rc != RC_OK)
		marks->reserved = (struct marks_text){ .ids = 1, .uidvalidity = clock_first() };
	marks->id = marks->reserved.ids > 0 ? marks->reserved.ids : 1;
	if (marks->reserved.uidvalidity == 0)
		marks->reserved.uidvalidity = clock_first();
	marks->uidvalidity = marks->reserved.uidvalidity - 1;
	return marks;
}

static enum rc marks_reserve(struct marks *marks, const struct marks_text *wanted)
{
	enum rc rc = marks_write(marks->io, marks->log, marks->root, wanted);
	if (rc == RC_OK)
		marks->reserved = *wanted;
	return rc;
}

void marks_free(struct marks **marks)
{
	struct marks *m = *marks;
	if (!m)
		return;
	*marks = NULL;
	struct marks_text last = m->reserved;
	last.ids = m->id;
	last.uidvalidity = m->uidvalidity;
	/* Given back only if something was taken: else the file says so already. */
	if (last.uidvalidity < UINT32_MAX)
		last.uidvalidity++;
	if (m->reserved.server[0] &&
		(last.ids != m->reserved.ids || last.uidvalidity != m->reserved.uidvalidity) &&
		marks_reserve(m, &last) != RC_OK)
		log_warn(m->log, "server.state keeps its reserve, the next start goes on behind it");
	pthread_mutex_destroy(&m->lock);
	free(m);
}

const char *marks_server(const struct marks *marks)
{
	return marks->reserved.server;
}

enum rc marks_server_set(struct marks *marks, struct strv server)
{
	pthread_mutex_lock(&marks->lock);
	struct marks_text wanted = marks->reserved;
	snprintf(wanted.server, sizeof(wanted.server), "%.*s", STRV_ARG(server));
	enum rc rc = marks_reserve(marks, &wanted);
	pthread_mutex_unlock(&marks->lock);
	return rc;
}

void marks_ids_raise(struct marks *marks, int64_t id)
{
	pthread_mutex_lock(&marks->lock);
	if (marks->id < id)
		marks->id = id;
	pthread_mutex_unlock(&marks->lock);
}

static enum rc id_take(struct marks *marks, int64_t *ret_id)
{
	if (marks->id >= INT64_MAX / 2)
		return RC_LIMIT;
	if (marks->id >= marks->reserved.ids) {
		struct marks_text wanted = marks->reserved;
		wanted.ids = marks->id + IDS_BLOCK;
		enum rc rc = marks_reserve(marks, &wanted);
		if (rc != RC_OK)
			return rc;
	}
	*ret_id = marks->id++;
	return RC_OK;
}

static uint32_t uidvalidity_reserve(uint32_t next)
{
	return next < UINT32_MAX - UIDVALIDITY_BLOCK ? next + UIDVALIDITY_BLOCK : UINT32_MAX;
}

void marks_prepare(struct marks *marks)
{
	pthread_mutex_lock(&marks->lock);
	int64_t now = clock_wall();
	uint32_t next = marks->uidvalidity;
	struct marks_text wanted = marks->reserved;
	if (now > next && now <= UINT32_MAX && now - next <= CLOCK_AHEAD_MAX)
		next = (uint32_t)now;
	wanted.uidvalidity = uidvalidity_reserve(next);
	wanted.ids = marks->id + IDS_BLOCK;
	if (marks_reserve(marks, &wanted) != RC_OK)
		log_warn(marks->log, "server.state cannot be written now");
	pthread_mutex_unlock(&marks->lock);
}

enum rc marks_id_next(struct marks *marks, int64_t *ret_id)
{
	pthread_mutex_lock(&marks->lock);
	enum rc rc = id_take(marks, ret_id);
	pthread_mutex_unlock(&marks->lock);
	return rc;
}

static enum rc uidvalidity_take(struct marks *marks, uint32_t last, uint32_t *ret_uidvalidity)
{
	int64_t now = clock_wall();
	if (last < marks->uidvalidity)
		last = marks->uidvalidity;
	if (last == UINT32_MAX)
		return RC_LIMIT;
	uint32_t next = last + 1;
	if (now > next && now <= UINT32_MAX && now - next <= CLOCK_AHEAD_MAX)
		next = (uint32_t)now;
	if (next >= marks->reserved.uidvalidity) {
		struct marks_text wanted = marks->reserved;
		wanted.uidvalidity = uidvalidity_reserve(next);
		enum rc rc = marks_reserve(marks, &wanted);
		if (rc != RC_OK)
			return rc;
	}
	marks->uidvalidity = next;
	*ret_uidvalidity = next;
	return RC_OK;
}

enum rc marks_uidvalidity_next(struct marks *marks, uint32_t last, uint32_t *ret_uidvalidity)
{
	pthread_mutex_lock(&marks->lock);
	enum rc rc = uidvalidity_take(marks, last, ret_uidvalidity);
	pthread_mutex_unlock(&marks->lock);
	return rc;
}
