/*
 * Reads the WAL file of SQLite as bytes (format: sqlite.org/fileformat2.html#the_write_ahead_log). SQLite
 * takes the first frame whose checksum is wrong for the end of the WAL; these functions also look at the
 * frames behind it. Any thread; waits for the disk.
 */
#ifndef COID_STORE_WAL_H
#define COID_STORE_WAL_H

#include "base/rc.h"
#include "store/io.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct wal_scan {
	bool empty; /* there is a file, without a byte */
	bool header; /* there is a header, and it is whole */
	uint64_t salt; /* of the header: changes with each new beginning of the WAL */
	uint32_t page_size;
	/* the frames that SQLite would accept: whole, in one chain from the first, up to the last commit */
	uint32_t frames;
};

/*
 * Reads the WAL. RC_OK without a header: there is no file, or it does not begin like a WAL. RC_IO and the
 * like: it can't be read.
 */
enum rc wal_scan(const struct io *io, const char *path, struct wal_scan *ret_scan) MUST_CHECK;

/*
 * Writes the pages of all whole frames of the WAL into file `db_path`, in their order; also those of frames
 * behind a damaged one. A frame is whole if its checksum fits, which follows from the checksum stored in the
 * frame before it, whatever the rest of that frame is. The result may mix pages of several moments: read rows
 * from it, but do not go on using it as a database.
 */
enum rc wal_salvage(
	const struct io *io, const char *path, const char *db_path, uint64_t *ret_pages) MUST_CHECK;

/*
 * Continues a checksum of the format over n octets (a multiple of 8), taken as words. `big`: the words are
 * big-endian. A checksum begins with zeros.
 */
void wal_sum(const unsigned char *p, size_t n, bool big, uint32_t sum[2]);

#endif
