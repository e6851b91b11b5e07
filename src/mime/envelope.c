#include "mime/summary.h"

#include "mime/addr.h"
#include "mime/header.h"
#include "mime/mime_priv.h"
#include "mime/summary_priv.h"

static void envelope_print_address(struct buf *out, const struct addr *addr)
{
	buf_addc(out, '(');
	switch (addr->kind) {
	case ADDR_MAILBOX:
		mime_nstring_print(out, addr->name);
		buf_addc(out, ' ');
		mime_nstring_print(out, addr->route);
		buf_addc(out, ' ');
		mime_nstring_print(out, addr->mailbox);
		buf_addc(out, ' ');
		/* The host may not be NIL, which would mean a group. */
		mime_nstring_print(out, addr->domain.p ? addr->domain : STRV(""));
		break;
	case ADDR_GROUP_START:
		buf_adds(out, "NIL NIL ");
		mime_nstring_print(out, addr->mailbox);
		buf_adds(out, " NIL");
		break;
	case ADDR_GROUP_END:
		buf_adds(out, "NIL NIL NIL NIL");
		break;
	}
	buf_addc(out, ')');
}

/* Prints all fields of that name as one list. False, and nothing is printed: they have no address. */
static bool print_addresses(
	struct buf *out, struct arena *arena, const struct mime_part *part, struct strv name, size_t max)
{
	bool any = false;
	for (size_t i = 0; i < part->field_count && max > 0; i++) {
		if (!strv_ieq(part->fields[i].name, name))
			continue;
		const struct addr *addr = addr_parse(arena, part->fields[i].value, max);
		for (; addr; addr = addr->next) {
			if (!any)
				buf_addc(out, '(');
			any = true;
			envelope_print_address(out, addr);
			max -= max > 0;
		}
		arena_reset(arena);
	}
	if (any)
		buf_addc(out, ')');
	return any;
}

void mime_field_print(struct buf *out, const struct mime_part *part, struct strv name, struct strv empty)
{
	const struct mime_field *field = mime_part_field(part, name, 0);
	if (!field) {
		buf_adds(out, "NIL");
		return;
	}
	struct buf text;
	buf_init(&text, field->value.n + 1);
	mime_unfold(&text, field->value);
	mime_nstring_print(out, text.len > 0 ? buf_strv(&text) : empty);
	buf_fini(&text);
}

void mime_envelope_print_limited(struct buf *out, const struct mime_part *part, size_t max)
{
	static const struct strv from = { "From", 4 };
	static const struct {
		struct strv name;
		bool from; /* defaults to From */
	} lists[] = {
		{ { "From", 4 }, false },
		{ { "Sender", 6 }, true },
		{ { "Reply-To", 8 }, true },
		{ { "To", 2 }, false },
		{ { "Cc", 2 }, false },
		{ { "Bcc", 3 }, false },
	};
	struct arena *arena = arena_new(0);
	buf_addc(out, '(');
	mime_field_print(out, part, STRV("Date"), STRV(""));
	buf_addc(out, ' ');
	mime_field_print(out, part, STRV("Subject"), STRV(""));
	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
		buf_addc(out, ' ');
		if (!print_addresses(out, arena, part, lists[i].name, max) &&
			!(lists[i].from && print_addresses(out, arena, part, from, max)))
			buf_adds(out, "NIL");
	}
	buf_addc(out, ' ');
	mime_field_print(out, part, STRV("In-Reply-To"), STRV(""));
	buf_addc(out, ' ');
	mime_field_print(out, part, STRV("Message-ID"), STRV(""));
	buf_addc(out, ')');
	arena_free(&arena);
}

void mime_envelope_print(struct buf *out, const struct mime_part *part)
{
	mime_envelope_print_limited(out, part, MIME_ENVELOPE_ADDRESSES);
}
