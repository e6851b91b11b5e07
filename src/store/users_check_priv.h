/* The declarations that users_check.c (reading, comparing) and users_rebuild.c (the new server.db) share. */
#ifndef COID_STORE_USERS_CHECK_PRIV_H
#define COID_STORE_USERS_CHECK_PRIV_H

#include "store/users_check.h"
#include "store/users_priv.h"

#define USERS_ASIDE_MAX 10000 /* the numbers of databases that are kept are below this */

struct users_list {
	struct user_record *v; /* own; strings in the check's arena; by id */
	size_t count;
	size_t cap;
};

struct users_setting {
	struct strv key;
	struct strv value;
};

/* The data that can be read from server.db or from a copy. */
struct users_source {
	const char *name; /* "server.db" */
	bool there; /* it could be opened, and has tables */
	bool whole; /* and nothing is wrong with it */
	struct users_list rows;
	struct users_setting *settings; /* own */
	size_t setting_count;
	int64_t *removed; /* own */
	size_t removed_count;
	int64_t last_id;
};

enum users_owner { USERS_OWNER_GOOD, USERS_OWNER_NEW, USERS_OWNER_NONE };

struct users_folder {
	int64_t id;
	enum users_owner owner;
	bool used;
	struct user_record record; /* unless USERS_OWNER_NONE */
};

#define USERS_SOURCES 4 /* server.db, the result of an interrupted repair, the copy, the older copy */

struct users_checker {
	const char *root; /* borrowed, as the next two */
	struct io *io;
	struct log *log;
	struct vfs *vfs; /* own */
	int lock_fd;
	struct arena *arena; /* own */
	struct buf *report; /* borrowed */
	struct users_check_result result;
	struct users_source sources[USERS_SOURCES];
	struct users_folder *folders; /* own; by id */
	size_t folder_count;
	size_t folder_cap;
	struct server_state_text state;
	bool state_there;
	bool foreign; /* server.db is that of another server */
	bool older_form; /* server.db has version 1 */
	struct users_list wanted; /* the users that there should be */
	struct users_list owners; /* those of them whose owner file has to be written */
};

void users_list_add(struct users_list *list, const struct user_record *record);
struct user_record *users_list_id(const struct users_list *list, int64_t id);
void users_list_sort(struct users_list *list);
bool users_source_removed(const struct users_source *source, int64_t id);
void users_problem(struct users_checker *checker, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* users_sources.c */
enum rc users_source_read(struct users_checker *checker, struct users_source *source) MUST_CHECK;
void users_source_free(struct users_source *source);

/* users_rebuild.c: makes a new server.db from `wanted` and puts it into place. */
enum rc users_rebuild(struct users_checker *checker) MUST_CHECK;

#endif
