/*
 * The addresses from which an account has logged in lately. Its owner can log in there while strangers guess
 * elsewhere. Addresses are keys (base/peer_key.h). Any thread. Bounded, in all and for each account: the pair
 * that was used longest ago is dropped.
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
/* Notes that the account has just logged in from there. */
void known_add(struct known *known, struct strv account, const char *address);
bool known_has(struct known *known, struct strv account, const char *address);
/* Tells whether any account has logged in from there. */
bool known_address(struct known *known, const char *address);
/* Forgets an account that was removed. */
void known_forget(struct known *known, struct strv account);

#endif
