/*
 * The store as a whole: settings, what lies in the root folder, start and end.
 */
#include "store/server_state.h"
#include "store/owners.h"
#include "store/store_priv.h"
#include "store/users.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/rand.h"

#define SPARES 16 /* closed connections that are kept for the next account */
#define PATH_BELOW_ROOM 256 /* for all names below the root */
#define BOOT_ID_PATH "/proc/sys/kernel/random/boot_id"

void store_settings_init(struct store_settings *settings)
{
	*settings = (struct store_settings){
		.inline_max = 16 * 1024,
		.inline_total_max = 8 * 1024 * 1024,
		.inline_age_ms = 5 * 60 * 1000,
		.message_max = 50 * 1024 * 1024,
		.mailboxes_max = 1000,
		.mailbox_name_max = 1000,
		.mailbox_depth_max = 20,
		.open_accounts_max = 512,
		.index_memory = 256 * 1024 * 1024,
		.expunge_log_max = 10000,
		.lost_keep_s = 30 * 24 * 3600,
		.batch_jobs = 64,
		.batch_wal_bytes = 1024 * 1024,
		.batch_ms = 20,
		.strand_max = 256,
		.spool_memory_max = 64 * 1024 * 1024,
	};
}

const struct store_settings *store_settings(const struct store *store)
{
	return &store->settings;
}

static void store_settings_copy(struct store *store, const struct store_settings *settings)
{
	struct store_settings *copy = &store->settings;
	*copy = *settings;
	copy->root = mem_strdup(settings->root);
	store->root = mem_unconst(copy->root);
	struct default_mailbox *defaults = mem_zalloc((settings->default_count + 1) * sizeof(*defaults));
	for (size_t i = 0; i < settings->default_count; i++) {
		defaults[i] = settings->defaults[i];
		defaults[i].name = mem_strdup(settings->defaults[i].name);
	}
	copy->defaults = defaults;
	struct default_annotation *annotations =
		mem_zalloc((settings->default_annotation_count + 1) * sizeof(*annotations));
	for (size_t i = 0; i < settings->default_annotation_count; i++) {
		annotations[i].name = mem_strdup(settings->default_annotations[i].name);
		annotations[i].value = mem_strdup(settings->default_annotations[i].value);
	}
	copy->default_annotations = annotations;
	if (copy->batch_jobs == 0)
		copy->batch_jobs = 1;
	if (copy->open_accounts_max == 0)
		copy->open_accounts_max = 1;
}

static void settings_free(struct store *store)
{
	struct store_settings *settings = &store->settings;
	for (size_t i = 0; i < settings->default_count; i++)
		free(mem_unconst(settings->defaults[i].name));
	free(mem_unconst(settings->defaults));
	for (size_t i = 0; i < settings->default_annotation_count; i++) {
		free(mem_unconst(settings->default_annotations[i].name));
		free(mem_unconst(settings->default_annotations[i].value));
	}
	free(mem_unconst(settings->default_annotations));
	free(store->root);
}

/*
 * Reads the boot id, which changes with each start of the machine: data written before the last start and not
 * synced may be lost.
 */
static void boot_id_read(struct store *store)
{
	int fd = open(BOOT_ID_PATH, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, store->boot_id, sizeof(store->boot_id) - 1);
	if (fd >= 0)
		close(fd);
	if (n <= 0) {
		log_warn(store->log, "boot id cannot be read, each start counts as one of the machine");
		snprintf(store->boot_id, sizeof(store->boot_id), "%" PRIx64, rand_u64());
		return;
	}
	store->boot_id[n] = '\0';
	store->boot_id[strcspn(store->boot_id, "\n")] = '\0';
}

static enum rc root_lock(struct store *store)
{
	char path[PATH_ROOM];
	const struct io *io = store->io;
	if (strlen(store->root) > PATH_ROOM - PATH_BELOW_ROOM) {
		log_error(store->log, "name of the storage folder is too long");
		return RC_INVALID;
	}
	store->root_fd = open(store->root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	snprintf(path, sizeof(path), "%s/lock", store->root);
	if (store->root_fd >= 0)
		store->lock_fd = io->open(io->ctx, path, O_RDWR | O_CREAT | O_NOFOLLOW, 0600);
	/* The lock file holds no data, so a read-only file system can be locked as well. */
	if (store->root_fd >= 0 && store->lock_fd < 0 && errno == EROFS)
		store->lock_fd = io->open(io->ctx, path, O_RDONLY | O_NOFOLLOW, 0);
	if (store->lock_fd < 0) {
		int error = errno;
		log_error(store->log, "storage folder cannot be used path=%s error=%s", store->root,
			strerror(error));
		return io_rc(error);
	}
	if (flock(store->lock_fd, LOCK_EX | LOCK_NB) == 0)
		return RC_OK;
	log_error(store->log, "storage folder is used by another process path=%s", store->root);
	return errno == EWOULDBLOCK ? RC_INUSE : RC_IO;
}

static enum rc users_folder_make(struct store *store)
{
	char path[PATH_ROOM];
	struct stat st;
	snprintf(path, sizeof(path), "%s/users", store->root);
	/* The folder was synced when it was made; reading needs no write. */
	if (store->io->stat(store->io->ctx, path, &st) == 0)
		return RC_OK;
	enum rc rc = folder_make(store, path);
	if (rc == RC_OK)
		rc = folder_sync(store, store->root);
	return rc;
}

/* Configures SQLite once in a process, at the first call. */
static void sqlite_setup(void)
{
	/* The default page cache costs 73 KiB a connection. */
	sqlite3_config(SQLITE_CONFIG_PAGECACHE, NULL, 0, 0);
	sqlite3_config(SQLITE_CONFIG_MULTITHREAD);
	sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
	sqlite3_initialize();
}

static bool give_up(void *ctx)
{
	return space_give_up(ctx);
}

static enum rc store_setup(struct store *store)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	pthread_once(&once, sqlite_setup);
	boot_id_read(store);
	enum rc rc = root_lock(store);
	if (rc == RC_OK)
		rc = users_folder_make(store);
	if (rc != RC_OK)
		return rc;
	space_open(store);
	store->vfs = vfs_new(store->io);
	store->spares = db_spares_new(vfs_name(store->vfs), SPARES);
	store->owners = owners_new();
	store->state = server_state_new(store->io, store->log, store->root);
	vfs_on_full(store->vfs, give_up, store);
	store->indexes = index_lru_new(store->settings.index_memory);
	store->strand = strand_new(store->pool, SIZE_MAX, store_turn, store);
	pushq_open(store);
	rc = folder_template_make(store);
	if (rc == RC_OK)
		rc = users_open(store);
	if (rc == RC_OK && !users_lost(store))
		server_state_prepare(store->state);
	if (rc == RC_OK)
		rc = spool_store_new(store);
	if (rc == RC_OK)
		space_look(store);
	return rc;
}

enum rc store_new(const struct store_settings *settings, struct pool *pool, struct io *io, struct log *log,
	struct store **ret_store)
{
	struct store *store = mem_zalloc(sizeof(*store));
	store->pool = pool;
	store->io = io ? io : mem_unconst(&io_real);
	store->log = log;
	store->lock_fd = store->root_fd = -1;
	store->run = (int64_t)rand_u64();
	pthread_mutex_init(&store->lock, NULL);
	list_init(&store->open_accounts);
	list_init(&store->failed_accounts);
	space_init(store);
	store_settings_copy(store, settings);
	enum rc rc = store_setup(store);
	if (rc == RC_OK)
		*ret_store = store;
	else
		store_free(&store);
	return rc;
}

static void close_all(struct store *store)
{
	for (;;) {
		/* The pool has been drained, so no other thread uses the list. */
		struct list_node *node = list_first(&store->open_accounts);
		if (!node)
			return;
		struct account *account = account_ref(CONTAINER_OF(node, struct account, open_node));
		if (!strand_borrow(account->strand)) {
			log_error(
				store->log, "account is busy at the end account=%s", account_shown(account));
			abort();
		}
		account_close(account);
		strand_return(account->strand);
		account_unref(&account);
	}
}

static void forget_failed(struct store *store)
{
	struct list_node *node = list_first(&store->failed_accounts);
	while (node) {
		account_mended(CONTAINER_OF(node, struct account, open_node));
		node = list_first(&store->failed_accounts);
	}
}

void store_free(struct store **store)
{
	struct store *s = *store;
	if (!s)
		return;
	*store = NULL;
	close_all(s);
	settle_rest(s);
	forget_failed(s);
	if (s->accounts) {
		/* A handle that was not given back would be used after this. */
		log_error(s->log, "accounts are still held at the end count=%u", HASH_COUNT(s->accounts));
		abort();
	}
	settle_free(s);
	replaced_free(s);
	spool_store_free(s);
	users_close(s);
	pushq_close(s);
	server_state_free(&s->state);
	owners_free(&s->owners);
	if (s->strand)
		strand_release(&s->strand);
	index_lru_free(&s->indexes);
	db_spares_free(&s->spares);
	vfs_free(&s->vfs);
	space_fini(s);
	store_gone_free(s);
	free(s->template);
	free(s->sinks);
	if (s->lock_fd >= 0)
		s->io->close(s->io->ctx, s->lock_fd);
	if (s->root_fd >= 0)
		close(s->root_fd);
	pthread_mutex_destroy(&s->lock);
	settings_free(s);
	free(s);
}
