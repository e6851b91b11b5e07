/* link: mime */
/*
 * The value of an address field. Groups must be balanced, no text may come from nowhere, and the envelope
 * made of the same value must be valid IMAP.
 */
#include "../unit/mime/imap_syntax.h"

#include "mime/addr.h"
#include "mime/summary.h"

#include <stdint.h>
#include <stdlib.h>

#define OUT_MAX (64 * 1024 * 1024)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool condition)
{
	if (!condition)
		abort();
}

static void check_list(const struct addr *addr, size_t size, size_t max)
{
	bool group = false;
	size_t count = 0;
	size_t octets = 0;
	for (; addr; addr = addr->next) {
		switch (addr->kind) {
		case ADDR_MAILBOX:
			break;
		case ADDR_GROUP_START:
			check(!group && addr->mailbox.n > 0);
			group = true;
			break;
		case ADDR_GROUP_END:
			check(group);
			group = false;
			break;
		}
		count++;
		octets += addr->name.n + addr->route.n + addr->mailbox.n + addr->domain.n;
	}
	check(!group && count <= max);
	/* "a@b <c@d>" shows a domain twice at most. */
	check(octets <= 2 * size);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *arena = arena_new(0);
	struct strv value = strv_make(data, size);
	check_list(addr_parse(arena, value, 0), size, 10000);
	check_list(addr_parse(arena, value, 3), size, 3);
	struct mime_field fields[] = { { STRV("From"), value }, { STRV("To"), value } };
	struct mime_part part = { .fields = fields, .field_count = 2 };
	struct buf out;
	buf_init(&out, OUT_MAX);
	mime_envelope_print(&out, &part);
	check(buf_ok(&out) && imap_envelope_valid(buf_strv(&out)));
	buf_fini(&out);
	arena_free(&arena);
	return 0;
}
