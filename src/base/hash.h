/*
 * Seeded hash (SipHash-1-3) for tables whose keys a peer may choose. The seed is drawn once a process. uthash
 * users define HASH_FUNCTION through this header before they include uthash.h, by including "base/hash.h".
 */
#ifndef COID_BASE_HASH_H
#define COID_BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

uint64_t hash_bytes(const void *p, size_t n);
/* Hashes with a key of the caller's; gives the same number in every process. */
uint64_t hash_bytes_seeded(const void *p, size_t n, const uint64_t key[2]);

#undef HASH_FUNCTION
#define HASH_FUNCTION(keyptr, keylen, hashv) ((hashv) = (unsigned)hash_bytes((keyptr), (keylen)))
#define uthash_fatal(msg) __builtin_trap()
#include <uthash.h>

#endif
