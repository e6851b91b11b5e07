/*
 * Calls that fail: of SQLite's functions, or of the store's table of file operations, the nth from now on. A
 * program that uses it is linked so that the store's calls of SQLite come here first
 * (cmake/CoidTargets.cmake). A call that fails has done nothing, but for ROLLBACK, which forgets the
 * transaction whatever it says. One plan at a time; any thread may make the calls.
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

/* NULL: no call fails, and none is counted. The plan is copied. */
void fault_arm(const struct fault_plan *plan);
/* How many calls have failed since it was armed. */
unsigned fault_struck(void);
/* SQL or path of the first call that failed; lives until the next fault_arm. */
const char *fault_call(void);
/* The real operations without syncs, as far as the plan allows. Lives for ever. */
struct io *fault_io(void);

#endif
