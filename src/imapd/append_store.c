/* Helpers for the jobs of APPEND and REPLACE. */
#include "imapd/append.h"

#include "base/clock.h"
#include "store/message.h"

struct msg_new append_take(struct append *append, size_t n, struct arena *arena)
{
	const struct append_spec *spec = &append->messages[n]->spec;
	struct msg_new msg = {
		.content = append->messages[n]->content, .flags = spec->flags, .zone = spec->zone
	};
	struct strv *keywords = arena_alloc(arena, (spec->keyword_count + 1) * sizeof(*keywords));
	for (size_t i = 0; i < spec->keyword_count; i++)
		keywords[i] = arena_strv(arena, spec->keywords[i]);
	msg.keywords = keywords;
	msg.keyword_count = spec->keyword_count;
	msg.internaldate = spec->dated ? spec->internaldate : clock_wall();
	append->messages[n]->content = NULL;
	return msg;
}

const char *append_uid_code(struct arena *arena, uint32_t uidvalidity, const uint32_t *uids, size_t count)
{
	struct seqset set = SEQSET_EMPTY;
	struct buf code;
	for (size_t i = 0; i < count; i++)
		seqset_add(&set, uids[i]);
	buf_init(&code, 64 + 22 * count); /* a range each fits */
	buf_adds(&code, "APPENDUID ");
	buf_addu(&code, uidvalidity);
	buf_addc(&code, ' ');
	seqset_print(&code, &set);
	const char *text = arena_strndup(arena, code.p, code.len);
	buf_fini(&code);
	seqset_fini(&set);
	return text;
}
