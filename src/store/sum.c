/*
 * Checksums of message bytes.
 */
#include "store/sum.h"

#include <zlib.h>

uint32_t sum_add(uint32_t sum, const void *p, size_t n)
{
	return n > 0 ? (uint32_t)crc32_z(sum, p, n) : sum;
}

uint32_t sum_of(struct strv bytes)
{
	return sum_add(SUM_NONE, bytes.p, bytes.n);
}

uint32_t sum_join(uint32_t first, uint32_t second, uint64_t second_size)
{
	return (uint32_t)crc32_combine(first, second, (z_off_t)second_size);
}
