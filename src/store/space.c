/*
 * Free space of the file system: it is measured about once a second, and the reserve is made and given up.
 */
#include "store/space.h"

#include "store/store_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define MIN_PART 16 /* free_min is at most a sixteenth of the file system ... */
#define RESERVE_PART 32 /* ... and the reserve at most a thirty-second */
#define AGAIN_PART 8 /* mail is taken again when free_min and this part of it are free */
#define RESERVE_SMALLEST 65536 /* bytes; no smaller reserve is made */

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

/* Allocates the blocks of the whole file. False: not all could be allocated. */
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

static uint64_t at_most(uint64_t wanted, uint64_t max)
{
	return wanted < max ? wanted : max;
}

/* The free room, and the parts of it that are wanted. */
struct room {
	uint64_t free;
	uint64_t min; /* 0: no low-water mark */
	uint64_t reserve; /* 0: none */
};

static bool room_read(struct store *store, struct room *ret_room)
{
	struct statvfs info;
	if (store->io->statvfs(store->io->ctx, store->root, &info) != 0)
		return false;
	uint64_t total = (uint64_t)info.f_blocks * info.f_frsize;
	uint64_t reserve = at_most(store->settings.reserve, total / RESERVE_PART);
	*ret_room = (struct room){
		.free = (uint64_t)info.f_bavail * info.f_frsize,
		.min = at_most(store->settings.free_min, total / MIN_PART),
		.reserve = reserve < RESERVE_SMALLEST ? 0 : reserve,
	};
	return true;
}

/*
 * Tells whether the disk is really short of room. If it is not, the write has met a quota of the file system;
 * the reserve counts in that quota, too.
 */
static bool room_short(struct store *store)
{
	struct room room;
	return room_read(store, &room) && room.free < room.min + room.reserve;
}

bool space_give_up(struct store *store)
{
	const struct io *io = store->io;
	struct space *space = &store->space;
	uint64_t given = 0;
	pthread_mutex_lock(&space->lock);
	if (space->reserved > 0 && room_short(store) && io->ftruncate(io->ctx, space->reserve_fd, 0) == 0) {
		given = space->reserved;
		space->reserved = 0;
	}
	pthread_mutex_unlock(&space->lock);
	if (given > 0)
		space_set(store, SPACE_FULL, given);
	return given > 0;
}

void space_look(struct store *store)
{
	struct space *space = &store->space;
	struct room room;
	if ((store->settings.free_min == 0 && store->settings.reserve == 0) || !room_read(store, &room))
		return;
	pthread_mutex_lock(&space->lock);
	bool held = space->reserved > 0;
	pthread_mutex_unlock(&space->lock);
	if (room.reserve > 0 && !held && room.free >= room.min + room.reserve + room.reserve / AGAIN_PART) {
		reserve_make(store, room.reserve);
		return;
	}
	/* More than free_min must be free again, so that the state does not change with every message. */
	uint64_t enough = room.min;
	if (space_state(store) != SPACE_PLENTY)
		enough += room.min / AGAIN_PART;
	enum space_state state = room.free >= enough && room.free > 0 ? SPACE_PLENTY : SPACE_LOW;
	if (state == SPACE_LOW && room.reserve > 0 && !held && space_state(store) == SPACE_FULL)
		state = SPACE_FULL;
	space_set(store, state, room.free);
}
