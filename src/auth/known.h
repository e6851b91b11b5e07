/*
 * From which addresses an account has logged in lately. Its owner is served there while strangers guess
 * elsewhere. Addresses are keys (base/peer_key.h). Any thread; bounded: in all, and for each account, the one
 * that was used longest ago goes.
 */
#ifndef COID_AUTH_KNOWN_H
#define COID_AUTH_KNOWN_H

#include "base/strv.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define KNOWN_PER_ACCOUNT 64

struct known;

struct known *known_new(size_t entries_max, uint64_t age_ms);
void known_free(struct known **known);
void known_set_age(struct known *known, uint64_t age_ms);
/* The account has logged in from there just now. */
void known_add(struct known *known, struct strv account, const char *address);
bool known_has(struct known *known, struct strv account, const char *address);
/* Whether any account has. */
bool known_address(struct known *known, const char *address);
/* The account is gone. */
void known_forget(struct known *known, struct strv account);

#endif
