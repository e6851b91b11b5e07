/*
 * A WAL file of SQLite as bytes (format: sqlite.org/fileformat2.html#the_write_ahead_log). SQLite takes the
 * first frame whose checksum is wrong for the end of the WAL; this looks at what lies behind it, too. Any
 * thread; waits for the disk.
 */
#ifndef COID_STORE_WAL_H
#define COID_STORE_WAL_H

#include "base/rc.h"
#include "store/io.h"

#include <stdbool.h>
#include <stdint.h>

struct wal_scan {
	bool empty; /* there is a file, without a byte */
	bool header; /* there is a header, and it is whole */
	uint64_t salt; /* of the header: changes with each new beginning of the WAL */
	uint32_t page_size;
	/* that SQLite would take: whole, in one chain from the first, up to the last commit */
	uint32_t frames;
};

/*
 * No file, or one that does not begin like a WAL: RC_OK, without a header. RC_IO and the like: it can't be
 * read.
 */
enum rc wal_scan(const struct io *io, const char *path, struct wal_scan *ret_scan) MUST_CHECK;

/*
 * Writes into file `db_path` the pages of all frames of the WAL that are whole, also of those behind a
 * damaged one, in their order. A frame is known to be whole by its checksum, which follows from the one that
 * stands in the frame before it, whatever is the matter with the rest of that. The file may then hold pages
 * of several moments: for what can still be read one by one, not as a database to go on with.
 */
enum rc wal_salvage(
	const struct io *io, const char *path, const char *db_path, uint64_t *ret_pages) MUST_CHECK;

#endif
