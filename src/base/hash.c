#include "base/hash.h"

#include "base/rand.h"

#include <pthread.h>
#include <string.h>

/*
 * The seed is shared by every table of the process. It is written once, before its first use, and never
 * again, so tables need not hold it.
 */
static pthread_once_t seed_once = PTHREAD_ONCE_INIT;
static uint64_t seed[2];

static void draw_seed(void)
{
	rand_bytes(seed, sizeof(seed));
}

static uint64_t hash_rotate(uint64_t x, int bits)
{
	return (x << bits) | (x >> (64 - bits));
}

static void sip_round(uint64_t v[4])
{
	v[0] += v[1];
	v[2] += v[3];
	v[1] = hash_rotate(v[1], 13) ^ v[0];
	v[3] = hash_rotate(v[3], 16) ^ v[2];
	v[0] = hash_rotate(v[0], 32);
	v[2] += v[1];
	v[0] += v[3];
	v[1] = hash_rotate(v[1], 17) ^ v[2];
	v[3] = hash_rotate(v[3], 21) ^ v[0];
	v[2] = hash_rotate(v[2], 32);
}

static uint64_t load_le(const unsigned char *p, size_t n)
{
	uint64_t word = 0;
	for (size_t i = 0; i < n; i++)
		word |= (uint64_t)p[i] << (8 * i);
	return word;
}

uint64_t hash_bytes_seeded(const void *p, size_t n, const uint64_t key[2])
{
	const unsigned char *at = p;
	uint64_t last = (uint64_t)n << 56;
	uint64_t v[4] = {
		key[0] ^ 0x736f6d6570736575U,
		key[1] ^ 0x646f72616e646f6dU,
		key[0] ^ 0x6c7967656e657261U,
		key[1] ^ 0x7465646279746573U,
	};

	for (; n >= 8; at += 8, n -= 8) {
		uint64_t word = load_le(at, 8);
		v[3] ^= word;
		sip_round(v);
		v[0] ^= word;
	}
	last |= load_le(at, n);
	v[3] ^= last;
	sip_round(v);
	v[0] ^= last;
	v[2] ^= 0xff;
	sip_round(v);
	sip_round(v);
	sip_round(v);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}

uint64_t hash_bytes(const void *p, size_t n)
{
	pthread_once(&seed_once, draw_seed);
	return hash_bytes_seeded(p, n, seed);
}
