/*
 * The accounts that have changed since a certain moment. A check that began before a password was changed
 * must not end in a login after the change. Any thread. It remembers the last EPOCH_CHANGES changes; before
 * those, every account counts as changed.
 */
#ifndef COID_AUTH_EPOCH_H
#define COID_AUTH_EPOCH_H

#include "base/strv.h"

#include <stdbool.h>
#include <stdint.h>

#define EPOCH_CHANGES 1024

struct epoch;

struct epoch *epoch_new(void);
void epoch_free(struct epoch **epoch);
uint64_t epoch_now(struct epoch *epoch);
void epoch_note(struct epoch *epoch, struct strv account);
bool epoch_changed(struct epoch *epoch, struct strv account, uint64_t since);

#endif
