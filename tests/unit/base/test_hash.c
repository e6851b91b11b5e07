#include "base/hash.h"

#include "base/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

/* SipHash-1-3 written once more, from the paper's description, over bytes put into words by hand. */
#define ROT(x, b) (((x) << (b)) | ((x) >> (64 - (b))))

struct sip {
	uint64_t a, b, c, d;
};

static void sip_round(struct sip *s)
{
	s->a += s->b;
	s->b = ROT(s->b, 13);
	s->b ^= s->a;
	s->a = ROT(s->a, 32);
	s->c += s->d;
	s->d = ROT(s->d, 16);
	s->d ^= s->c;
	s->a += s->d;
	s->d = ROT(s->d, 21);
	s->d ^= s->a;
	s->c += s->b;
	s->b = ROT(s->b, 17);
	s->b ^= s->c;
	s->c = ROT(s->c, 32);
}

static uint64_t reference(const unsigned char *p, size_t n, const uint64_t key[2])
{
	struct sip s = { key[0] ^ 0x736f6d6570736575U, key[1] ^ 0x646f72616e646f6dU,
		key[0] ^ 0x6c7967656e657261U, key[1] ^ 0x7465646279746573U };
	for (size_t word = 0; word <= n / 8; word++) {
		uint64_t m = word == n / 8 ? (uint64_t)(n & 255) << 56 : 0;
		for (size_t i = 0; i < 8 && word * 8 + i < n; i++)
			m |= (uint64_t)p[word * 8 + i] << (8 * i);
		s.d ^= m;
		sip_round(&s);
		s.a ^= m;
	}
	s.c ^= 0xff;
	for (int i = 0; i < 3; i++)
		sip_round(&s);
	return s.a ^ s.b ^ s.c ^ s.d;
}

static void every_length_agrees_with_a_second_writing_down(void **state)
{
	(void)state;
	static const uint64_t key[2] = { 0x0706050403020100U, 0x0f0e0d0c0b0a0908U };
	for (size_t n = 0; n < 100; n++) {
		unsigned char *p = mem_alloc(n);
		for (size_t i = 0; i < n; i++)
			p[i] = (unsigned char)i;
		assert_true(hash_bytes_seeded(p, n, key) == reference(p, n, key));
		free(p);
	}
}

static void a_known_value_is_met(void **state)
{
	(void)state;
	/* The empty text under the key 00 01 .. 0f, as other implementations of SipHash-1-3 give it. */
	static const uint64_t key[2] = { 0x0706050403020100U, 0x0f0e0d0c0b0a0908U };
	assert_true(hash_bytes_seeded("", 0, key) == 0xabac0158050fc4dcU);
}

static void the_hash_is_stable_within_the_process(void **state)
{
	(void)state;
	assert_true(hash_bytes("key", 3) == hash_bytes("key", 3));
	assert_true(hash_bytes("key", 3) != hash_bytes("kez", 3));
	assert_true(hash_bytes(NULL, 0) == hash_bytes("", 0));
	/* The seed is random, so that this holds but for one process in 2^64. */
	static const uint64_t zero[2] = { 0, 0 };
	assert_true(hash_bytes("key", 3) != hash_bytes_seeded("key", 3, zero));
}

struct entry {
	int key;
	UT_hash_handle hh;
};

static void a_uthash_table_uses_it(void **state)
{
	(void)state;
	struct entry entries[100];
	struct entry *table = NULL;
	for (int i = 0; i < 100; i++) {
		entries[i].key = i * 7;
		HASH_ADD_INT(table, key, &entries[i]);
	}
	for (int i = 0; i < 100; i++) {
		int key = i * 7;
		struct entry *found = NULL;
		HASH_FIND_INT(table, &key, found);
		assert_ptr_equal(found, &entries[i]);
		assert_int_equal(found->hh.hashv, (unsigned)hash_bytes(&key, sizeof(key)));
	}
	HASH_CLEAR(hh, table);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_length_agrees_with_a_second_writing_down),
		cmocka_unit_test(a_known_value_is_met),
		cmocka_unit_test(the_hash_is_stable_within_the_process),
		cmocka_unit_test(a_uthash_table_uses_it),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
