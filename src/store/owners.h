/*
 * Facts about the users of server.db that every thread may ask for without waiting: whose an account is, and
 * whether a name without a row may nevertheless have an account. A user takes some 50 bytes plus the name.
 * Any thread.
 */
#ifndef COID_STORE_OWNERS_H
#define COID_STORE_OWNERS_H

#include "base/strv.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct owners;

struct owner_mark {
	uint64_t tag; /* owner_tag */
	uint64_t sum; /* owner_sum */
};

struct owners *owners_new(void);
void owners_free(struct owners **owners);
/* Adds or changes the row of this id. Names do not change. */
void owners_put(struct owners *owners, int64_t id, struct strv name, const struct owner_mark *mark);
/* Call this before all rows are put again. */
void owners_clear(struct owners *owners);
void owners_remove(struct owners *owners, int64_t id);
/* False: there is no such row. */
bool owners_find(struct owners *owners, int64_t id, struct owner_mark *ret_mark);
/* Copies the user's name, cut to `room` with its NUL. False: there is no such row. */
bool owners_name(struct owners *owners, int64_t id, char *ret_name, size_t room);
/* Notes a folder without a row that belongs to this name. An empty name: its owner is unknown. */
void owners_stray(struct owners *owners, struct strv name);
bool owners_is_stray(struct owners *owners, struct strv name);
/* True: there should be a row of this name, or a folder is or may be this user's. */
bool owners_may_exist(struct owners *owners, struct strv name);

#endif
