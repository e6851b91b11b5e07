#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "support/store_rig.h"

#include "base/mem.h"
#include "store/bytes.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define TOP (8u * 1024 * 1024)

struct fixture {
	char root[512];
	struct rig rig;
	struct buf bytes;
};

static int setup(void **state)
{
	struct fixture *f = mem_zalloc(sizeof(*f));
	rig_folder_make(f->root);
	rig_init(&f->rig, f->root, NULL);
	f->rig.settings.spool_memory_max = 1024 * 1024;
	f->rig.settings.message_max = 4 * 1024 * 1024;
	if (rig_open(&f->rig) != RC_OK)
		return -1;
	buf_init(&f->bytes, TOP);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	buf_fini(&f->bytes);
	rig_close(&f->rig);
	rig_folder_remove(f->root);
	free(f);
	return 0;
}

static unsigned spool_files(const struct fixture *f)
{
	char path[600];
	unsigned count = 0;
	snprintf(path, sizeof(path), "%s/spool", f->root);
	DIR *entries = opendir(path);
	assert_non_null(entries);
	for (struct dirent *entry = readdir(entries); entry; entry = readdir(entries))
		count += entry->d_name[0] != '.';
	closedir(entries);
	return count;
}

/* Strands of spools that have been given up end by themselves, on workers: what never ends runs into the
 * test's timeout. */
static void wait_for_spools(struct fixture *f)
{
	do
		rig_settle(&f->rig);
	while (spool_files(f) != 0 || atomic_load(&f->rig.store->bytes->spool_memory) != 0);
}

static void assert_content_is(const struct content *content, struct strv bytes)
{
	struct buf out;
	buf_init(&out, TOP);
	assert_int_equal(content_size(content), bytes.n);
	assert_int_equal(content_read(content, 0, bytes.n, &out), RC_OK);
	assert_true(strv_eq(buf_strv(&out), bytes));
	if (bytes.n > 10) {
		buf_reset(&out);
		assert_int_equal(content_read(content, 3, bytes.n - 7, &out), RC_OK);
		assert_true(strv_eq(buf_strv(&out), strv_sub(bytes, 3, bytes.n - 7)));
	}
	assert_int_equal(content_read(content, 1, bytes.n, &out), RC_INVALID);
	buf_fini(&out);
}

static void a_small_message_stays_in_memory(void **state)
{
	struct fixture *f = *state;
	struct content *content;
	rig_message(&f->bytes, 1, 1000);
	assert_int_equal(rig_receive(&f->rig, buf_strv(&f->bytes), &content), RC_OK);
	assert_null(content_path(content));
	assert_content_is(content, buf_strv(&f->bytes));
	assert_int_equal(content_mime(content)->size, f->bytes.len);
	assert_true(content_summary(content)->envelope.n > 0);
	assert_int_equal(atomic_load(&f->rig.store->bytes->spool_memory), f->bytes.len);
	content_unref(&content);
	assert_int_equal(atomic_load(&f->rig.store->bytes->spool_memory), 0);
}

static void messages_around_every_limit_come_out_as_they_went_in(void **state)
{
	struct fixture *f = *state;
	static const size_t sizes[] = { 0, 1, 4095, 4096, 4097, 65535, 65536, 65537, 69632, 131072, 1000000 };
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		struct content *content;
		buf_reset(&f->bytes);
		for (size_t n = 0; n < sizes[i]; n++)
			buf_addc(&f->bytes, (char)(n % 97 ? 'a' + n % 26 : '\n'));
		assert_int_equal(rig_receive(&f->rig, buf_strv(&f->bytes), &content), RC_OK);
		assert_int_equal(content_path(content) != NULL, sizes[i] > 4096);
		assert_content_is(content, buf_strv(&f->bytes));
		content_unref(&content);
	}
	wait_for_spools(f);
}

struct drain {
	unsigned calls;
};

static void drained(void *arg)
{
	((struct drain *)arg)->calls++;
}

static void take(void *arg, enum rc rc, struct content *content)
{
	struct content **out = arg;
	assert_int_equal(rc, RC_OK);
	*out = content;
}

static void a_spool_with_much_in_flight_is_full_until_it_drains(void **state)
{
	struct fixture *f = *state;
	struct drain drain = { 0 };
	struct content *content = NULL;
	struct spool *spool;
	rig_message(&f->bytes, 1, 500000);
	assert_int_equal(spool_new(f->rig.store, f->rig.reactor, drained, &drain, &spool), RC_OK);
	spool_add(spool, f->bytes.p, f->bytes.len);
	assert_true(spool_full(spool));
	while (drain.calls == 0)
		reactor_run_once(f->rig.reactor, true);
	assert_false(spool_full(spool));
	spool_finish(spool, take, &content);
	while (!content)
		reactor_run_once(f->rig.reactor, true);
	assert_int_equal(drain.calls, 1);
	assert_content_is(content, buf_strv(&f->bytes));
	content_unref(&content);
}

static void never(void *arg, enum rc rc, struct content *content)
{
	(void)arg;
	(void)rc;
	(void)content;
	fail();
}

static void an_aborted_spool_leaves_nothing_and_says_nothing(void **state)
{
	struct fixture *f = *state;
	static const size_t sizes[] = { 0, 100, 5000, 300000 };
	for (size_t i = 0; i < 8; i++) {
		struct spool *spool;
		buf_reset(&f->bytes);
		rig_message(&f->bytes, 1, sizes[i / 2]);
		assert_int_equal(spool_new(f->rig.store, f->rig.reactor, NULL, NULL, &spool), RC_OK);
		spool_add(spool, f->bytes.p, f->bytes.len);
		/* Half of the cases abort while the end is under way. */
		if (i % 2 && f->bytes.len > 4096) {
			struct spool *same = spool;
			spool_finish(spool, never, NULL);
			spool_abort(&same);
		} else {
			spool_abort(&spool);
			assert_null(spool);
		}
	}
	wait_for_spools(f);
}

static void memory_for_messages_is_bounded_server_wide(void **state)
{
	struct fixture *f = *state;
	struct spool *spools[300];
	size_t count = 0;
	enum rc rc = RC_OK;
	buf_reset(&f->bytes);
	rig_message(&f->bytes, 1, 4000);
	while (count < 300) {
		rc = spool_new(f->rig.store, f->rig.reactor, NULL, NULL, &spools[count]);
		if (rc != RC_OK)
			break;
		spool_add(spools[count++], f->bytes.p, f->bytes.len);
	}
	/* The first that did not fit has kept its error. */
	struct content *content = NULL;
	assert_true(atomic_load(&f->rig.store->bytes->spool_memory) <= 1024 * 1024);
	assert_true(count > 200);
	assert_int_equal(rig_receive(&f->rig, buf_strv(&f->bytes), &content), RC_BUSY);
	for (size_t i = 0; i < count; i++)
		spool_abort(&spools[i]);
	assert_int_equal(rig_receive(&f->rig, buf_strv(&f->bytes), &content), RC_OK);
	content_unref(&content);
}

static void a_message_above_the_limit_is_refused_at_the_end(void **state)
{
	struct fixture *f = *state;
	struct content *content;
	rig_message(&f->bytes, 1, 4 * 1024 * 1024 + 10);
	assert_int_equal(rig_receive(&f->rig, buf_strv(&f->bytes), &content), RC_LIMIT);
	wait_for_spools(f);
}

static void a_content_from_memory_is_scanned_too(void **state)
{
	struct fixture *f = *state;
	struct content *content = content_from_bytes(f->rig.store, STRV("Subject: x\r\n\r\nhello\r\n"));
	struct content *second = content_ref(content);
	assert_int_equal(content_mime(content)->root->body_size, 7);
	content_unref(&content);
	assert_content_is(second, STRV("Subject: x\r\n\r\nhello\r\n"));
	content_unref(&second);
	assert_null(second);
	content_unref(&second);
}

static void a_read_beyond_the_maximum_of_the_buffer_adds_nothing(void **state)
{
	struct fixture *f = *state;
	struct content *content = content_from_bytes(f->rig.store, STRV("0123456789"));
	struct buf out;
	buf_init(&out, 5);
	assert_int_equal(content_read(content, 0, 6, &out), RC_LIMIT);
	assert_int_equal(out.len, 0);
	buf_fini(&out);
	content_unref(&content);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_small_message_stays_in_memory, setup, teardown),
		cmocka_unit_test_setup_teardown(
			messages_around_every_limit_come_out_as_they_went_in, setup, teardown),
		cmocka_unit_test_setup_teardown(
			a_spool_with_much_in_flight_is_full_until_it_drains, setup, teardown),
		cmocka_unit_test_setup_teardown(
			an_aborted_spool_leaves_nothing_and_says_nothing, setup, teardown),
		cmocka_unit_test_setup_teardown(memory_for_messages_is_bounded_server_wide, setup, teardown),
		cmocka_unit_test_setup_teardown(
			a_message_above_the_limit_is_refused_at_the_end, setup, teardown),
		cmocka_unit_test_setup_teardown(a_content_from_memory_is_scanned_too, setup, teardown),
		cmocka_unit_test_setup_teardown(
			a_read_beyond_the_maximum_of_the_buffer_adds_nothing, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
