/* A store with one account, for tests of code that works on the messages of its INBOX. */
#ifndef COID_TESTS_INBOX_RIG_H
#define COID_TESTS_INBOX_RIG_H

#include "base/mem.h"
#include "support/store_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define ACCOUNT 1

struct test {
	struct rig rig;
	char root[512];
	uint32_t count; /* of messages, and the last UID */
};

static int setup(void **state)
{
	struct test *t = mem_zalloc(sizeof(*t));
	rig_folder_make(t->root);
	rig_init(&t->rig, t->root, NULL);
	assert_int_equal(rig_open(&t->rig), RC_OK);
	*state = t;
	return 0;
}

static int teardown(void **state)
{
	struct test *t = *state;
	rig_close(&t->rig);
	rig_folder_remove(t->root);
	free(t);
	return 0;
}

static inline void add_bytes(struct test *t, struct strv text)
{
	uint32_t uid;
	assert_int_equal(rig_append(&t->rig, ACCOUNT, "INBOX", text, STRV_NULL, &uid), RC_OK);
	assert_int_equal(uid, ++t->count);
}

static inline void add(struct test *t, const char *text)
{
	add_bytes(t, strv_cstr(text));
}

static inline int64_t inbox_of(struct test *t)
{
	int64_t inbox;
	assert_int_equal(rig_find(&t->rig, ACCOUNT, "INBOX", &inbox), RC_OK);
	return inbox;
}

#endif
