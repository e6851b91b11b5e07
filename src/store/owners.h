/*
 * What every thread may ask about the users of server.db without waiting for it: whose an account is, and
 * whether a name that is not found there may nevertheless have an account. Some 50 bytes a user, and his
 * name. Any thread.
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
/* The row of this id, new or changed. Names do not change. */
void owners_put(struct owners *owners, int64_t id, struct strv name, const struct owner_mark *mark);
/* Before all rows are put again. */
void owners_clear(struct owners *owners);
void owners_remove(struct owners *owners, int64_t id);
/* False: there is no such row. */
bool owners_find(struct owners *owners, int64_t id, struct owner_mark *ret_mark);
/* His name, cut to `room` with its NUL. False: there is no such row. */
bool owners_name(struct owners *owners, int64_t id, char *ret_name, size_t room);
/* A folder without a row belongs to this name; an empty name: nobody knows to whom. */
void owners_stray(struct owners *owners, struct strv name);
bool owners_is_stray(struct owners *owners, struct strv name);
/* There should be a row of this name, or there is a folder that is or may be his. */
bool owners_may_exist(struct owners *owners, struct strv name);

#endif
