/* Examines the store every few seconds, and reports its state and that of disk, certificate and pushes. */
#include "coid/health.h"

#include "base/clock.h"
#include "base/mem.h"
#include "base/rc.h"
#include "coid/server_priv.h"
#include "store/users.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define LOOK_MS 5000 /* between two looks at the store */
#define SILENT_MS 30000 /* if a look takes longer, the store does not answer */
#define PROBE_BYTES 4096
#define DISK_LOW_PERCENT 5
#define CERT_SOON_S (7 * 86400)

enum health_level { HEALTH_OK, HEALTH_WARNING, HEALTH_FAILING };

/* The result of a look. */
struct health_look {
	enum rc users; /* server.db */
	int write_errno; /* 0: a file could be written */
	int disk_errno;
	uint64_t free_bytes;
	uint64_t all_bytes;
};

struct health {
	struct users_job job;
	struct server *server; /* borrowed */
	char *root; /* own: the worker must not read a configuration that a reload may replace */
	bool looking;
	bool looked; /* `last` has a result */
	uint64_t begun_ms; /* monotonic; of the last look */
	struct health_look look; /* belongs to the worker while `looking` */
	struct health_look last;
};

/* Writes, syncs and removes a file, which shows whether the disk is full, read-only or hanging. */
static int health_write(const char *root)
{
	char path[PATH_MAX], bytes[PROBE_BYTES];
	int error = 0;

	snprintf(path, sizeof(path), "%s/health", root);
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0)
		return errno;
	memset(bytes, 0, sizeof(bytes));
	ssize_t written = write(fd, bytes, sizeof(bytes));
	if (written != (ssize_t)sizeof(bytes))
		error = written < 0 ? errno : ENOSPC;
	else if (fdatasync(fd) != 0)
		error = errno;
	close(fd);
	unlink(path);
	return error;
}

/* [users] */
static enum rc health_run(struct users *users, struct users_job *job)
{
	struct health *health = CONTAINER_OF(job, struct health, job);
	struct health_look look = { .users = RC_OK };
	struct user_record record;
	struct statvfs info;
	struct arena *arena = arena_new(0);

	enum rc rc = users_find_id(users, 0, arena, &record);
	look.users = rc == RC_NOT_FOUND ? RC_OK : rc;
	arena_free(&arena);
	look.write_errno = health_write(health->root);
	if (statvfs(health->root, &info) == 0) {
		look.free_bytes = (uint64_t)info.f_bavail * info.f_frsize;
		look.all_bytes = (uint64_t)info.f_blocks * info.f_frsize;
	} else {
		look.disk_errno = errno;
	}
	health->look = look;
	return RC_OK;
}

static void health_done(struct users_job *job)
{
	struct health *health = CONTAINER_OF(job, struct health, job);

	/* The job did not run, because server.db is out of service. */
	if (job->rc != RC_OK)
		health->look = (struct health_look){ .users = job->rc };
	health->last = health->look;
	health->looked = true;
	health->looking = false;
}

struct health *health_new(struct server *server)
{
	struct health *health = mem_zalloc(sizeof(*health));
	health->server = server;
	health->root = mem_strdup(server->conf->server.root);
	health->job.run = health_run;
	health->job.done = health_done;
	health->job.home = server->reactor_array[0];
	return health;
}

void health_free(struct health **health)
{
	if (*health)
		free((*health)->root);
	free(*health);
	*health = NULL;
}

void health_tick(struct health *health)
{
	uint64_t now = clock_mono_ms();

	if (health->looking || health->server->state != SERVER_SERVING ||
		(health->looked && now - health->begun_ms < LOOK_MS))
		return;
	health->begun_ms = now;
	/* If the strand is full, the next tick tries again. */
	health->looking = users_submit(health->server->store, &health->job) == RC_OK;
}

static enum health_level health_store(const struct health *health, struct buf *out)
{
	const struct health_look *look = &health->last;

	if (health->looking && clock_mono_ms() - health->begun_ms > SILENT_MS)
		buf_adds(out, "store: it does not answer\n");
	else if (users_lost(health->server->store))
		buf_adds(out, "store: server.db is missing or damaged\n");
	else if (look->users != RC_OK)
		buf_printf(out, "store: server.db can't be read: %s\n", rc_name(look->users));
	else if (look->write_errno != 0)
		buf_printf(out, "store: can't be written: %s\n", strerrordesc_np(look->write_errno));
	else {
		buf_adds(out, "store: ok\n");
		return HEALTH_OK;
	}
	return HEALTH_FAILING;
}

static enum health_level health_disk(const struct health *health, struct buf *out)
{
	const struct health_look *look = &health->last;

	if (look->disk_errno != 0) {
		buf_printf(out, "disk: %s\n", strerrordesc_np(look->disk_errno));
		return HEALTH_FAILING;
	}
	if (look->all_bytes == 0)
		return HEALTH_OK;
	uint64_t percent = look->free_bytes / (look->all_bytes / 100 + 1);
	buf_printf(out, "disk: %" PRIu64 " MiB free, %" PRIu64 "%%\n", look->free_bytes >> 20, percent);
	/* Even on a large disk the room is low if a message of the largest size does not fit. */
	bool low = percent < DISK_LOW_PERCENT || look->free_bytes < health->server->conf->store.message_max;
	return low ? HEALTH_WARNING : HEALTH_OK;
}

static enum health_level health_certificate(const struct health *health, struct buf *out)
{
	const struct tls_ctx *tls = health->server->tls;
	int64_t now = clock_wall(), end = 0;
	struct tm tm;

	if (!tls)
		return HEALTH_OK;
	if (!tls_ctx_expires(tls, &end)) {
		buf_adds(out, "certificate: it has no readable end\n");
		return HEALTH_WARNING;
	}
	clock_to_utc(end, &tm);
	buf_printf(out, "certificate: %s %04d-%02d-%02dT%02d:%02d:%02dZ\n",
		end <= now ? "expired since" : "valid until", tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday,
		tm.tm_hour, tm.tm_min, tm.tm_sec);
	if (end <= now)
		return HEALTH_FAILING;
	return end - now < CERT_SOON_S ? HEALTH_WARNING : HEALTH_OK;
}

static enum health_level health_push(const struct health *health, struct buf *out)
{
	const struct conf *conf = health->server->conf;
	struct webpush_counters push;

	if (!conf->webpush.enabled)
		return HEALTH_OK;
	webpush_counters(health->server->webpush, &push);
	bool full = push.waiting >= conf->webpush.queue_max;
	buf_printf(out, "push: %u waiting%s\n", push.waiting, full ? ", the queue is full" : "");
	return full ? HEALTH_WARNING : HEALTH_OK;
}

bool health_print(const struct health *health, struct buf *out)
{
	static enum health_level (*const checks[])(const struct health *, struct buf *) = {
		health_store,
		health_disk,
		health_certificate,
		health_push,
	};
	static const char *const words[] = {
		[HEALTH_OK] = "ok",
		[HEALTH_WARNING] = "warning",
		[HEALTH_FAILING] = "failing",
	};
	enum health_level worst = HEALTH_OK;
	struct buf lines;

	buf_init(&lines, 4096);
	for (size_t i = 0; i < sizeof(checks) / sizeof(checks[0]); i++) {
		enum health_level level = checks[i](health, &lines);
		if (level > worst)
			worst = level;
	}
	buf_printf(out, "%s\n", words[worst]);
	buf_addv(out, buf_strv(&lines));
	buf_fini(&lines);
	return worst != HEALTH_FAILING;
}
