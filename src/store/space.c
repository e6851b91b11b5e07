#include "store/space.h"

#include "store/store_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define MIN_PART 16 /* free_min is no more than this part of the file system ... */
#define RESERVE_PART 32 /* ... and the reserve than this */
#define AGAIN_PART 8 /* mail is taken again when so much more is free than free_min says */
#define RESERVE_SMALLEST 65536 /* a smaller one helps nobody */

static void reserve_path(const struct store *store, char path[PATH_ROOM])
{
	snprintf(path, PATH_ROOM, "%s/reserve", store->root);
}

void space_init(struct store *store)
{
	struct space *space = &store->space;
	pthread_mutex_init(&space->lock, NULL);
	space->reserve_fd = -1;
}

void space_fini(struct store *store)
{
	struct space *space = &store->space;
	if (space->reserve_fd >= 0)
		(void)store->io->close(store->io->ctx, space->reserve_fd);
	pthread_mutex_destroy(&space->lock);
}

static void space_set(struct store *store, enum space_state state, uint64_t room)
{
	static const char *const words[] = { "there is room again", "little room is left, no mail is taken",
		"no room is left, the reserve is in use" };
	int old = atomic_exchange(&store->space.state, (int)state);
	if (old == (int)state)
		return;
	if (state == SPACE_PLENTY)
		log_warn(store->log, "disk: %s free=%" PRIu64, words[state], room);
	else
		log_error(store->log, "disk: %s free=%" PRIu64, words[state], room);
}

enum space_state space_state(struct store *store)
{
	return (enum space_state)atomic_load_explicit(&store->space.state, memory_order_relaxed);
}

enum rc space_for_mail(struct store *store)
{
	return space_state(store) == SPACE_PLENTY ? RC_OK : RC_NOSPACE;
}

void space_open(struct store *store)
{
	const struct io *io = store->io;
	struct space *space = &store->space;
	char path[PATH_ROOM];
	struct stat st;
	if (store->settings.reserve == 0)
		return;
	reserve_path(store, path);
	int fd = io->open(io->ctx, path, O_RDWR | O_NOFOLLOW, 0);
	if (fd < 0)
		return;
	space->reserve_fd = fd;
	space->reserved = fstat(fd, &st) == 0 ? (uint64_t)st.st_size : 0;
}

/* All of it has its blocks, or there is none. */
static bool reserve_fill(int fd, uint64_t size)
{
	if (fallocate(fd, 0, 0, (off_t)size) == 0)
		return true;
	return errno == EOPNOTSUPP && posix_fallocate(fd, 0, (off_t)size) == 0;
}

static void reserve_make(struct store *store, uint64_t size)
{
	const struct io *io = store->io;
	struct space *space = &store->space;
	char path[PATH_ROOM];
	reserve_path(store, path);
	pthread_mutex_lock(&space->lock);
	if (space->reserve_fd < 0)
		space->reserve_fd = io->open(io->ctx, path, O_RDWR | O_CREAT | O_NOFOLLOW, 0600);
	if (space->reserve_fd >= 0 && reserve_fill(space->reserve_fd, size)) {
		space->reserved = size;
		log_info(store->log, "disk: the reserve is there bytes=%" PRIu64, size);
	} else if (space->reserve_fd >= 0) {
		(void)io->ftruncate(io->ctx, space->reserve_fd, 0);
	}
	pthread_mutex_unlock(&space->lock);
}

bool space_give_up(struct store *store)
{
	const struct io *io = store->io;
	struct space *space = &store->space;
	pthread_mutex_lock(&space->lock);
	uint64_t given = space->reserved;
	if (given > 0 && io->ftruncate(io->ctx, space->reserve_fd, 0) == 0)
		space->reserved = 0;
	else
		given = 0;
	pthread_mutex_unlock(&space->lock);
	if (given > 0)
		space_set(store, SPACE_FULL, given);
	return given > 0;
}

static uint64_t at_most(uint64_t wanted, uint64_t max)
{
	return wanted < max ? wanted : max;
}

void space_look(struct store *store)
{
	struct space *space = &store->space;
	struct statvfs info;
	if ((store->settings.free_min == 0 && store->settings.reserve == 0) ||
		statvfs(store->root, &info) != 0)
		return;
	uint64_t total = (uint64_t)info.f_blocks * info.f_frsize;
	uint64_t room = (uint64_t)info.f_bavail * info.f_frsize;
	uint64_t reserve = at_most(store->settings.reserve, total / RESERVE_PART);
	uint64_t min = at_most(store->settings.free_min, total / MIN_PART);
	pthread_mutex_lock(&space->lock);
	bool held = space->reserved > 0;
	pthread_mutex_unlock(&space->lock);
	bool wanted = reserve >= RESERVE_SMALLEST;
	if (wanted && !held && room >= min + reserve + reserve / AGAIN_PART) {
		reserve_make(store, reserve);
		return;
	}
	/* So that the state does not change with every message. */
	if (space_state(store) != SPACE_PLENTY)
		min += min / AGAIN_PART;
	enum space_state state = room >= min && room > 0 ? SPACE_PLENTY : SPACE_LOW;
	if (state == SPACE_LOW && wanted && !held && space_state(store) == SPACE_FULL)
		state = SPACE_FULL;
	space_set(store, state, room);
}
