/*
 * Makes calls fail: the nth call from now on, of SQLite's functions or of the store's table of file
 * operations. A program that uses this is linked so that the store's calls of SQLite come here first
 * (cmake/CoidTargets.cmake). A failed call has done nothing, except ROLLBACK, which forgets the transaction
 * in any case. One plan at a time; any thread may make the calls.
 */
#ifndef COID_TESTS_DB_FAULT_H
#define COID_TESTS_DB_FAULT_H

#include "store/io.h"

#include <stdbool.h>
#include <stdint.h>

enum fault_where {
	FAULT_SQL, /* error: SQLite's code */
	FAULT_OPEN, /* open and opendir; error: errno */
	FAULT_READ /* pread */
};

struct fault_plan {
	enum fault_where where;
	int error;
	unsigned nth; /* from 1 */
	bool on; /* all later ones, too */
};

/* Sets the plan, which is copied. NULL: no call fails, and none is counted. */
void fault_arm(const struct fault_plan *plan);
/* The number of calls that have failed since then. */
unsigned fault_struck(void);
/* SQL or path of the first call that failed; lives until the next fault_arm. */
const char *fault_call(void);
/* The real operations without syncs, with the faults of the plan. Lives until the end of the program. */
struct io *fault_io(void);

#endif
