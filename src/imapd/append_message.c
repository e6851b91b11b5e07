/* The messages of APPEND and REPLACE that have come, and the limit of what one command may hold in memory. */
#include "imapd/append.h"

#include "base/mem.h"
#include "imapd/imapd.h"
#include "imapd/message_limit.h"
#include "imapd/session.h"

#define APPEND_HEADER_MEMORY (1024 * 1024) /* an upper bound of a message's headers */

bool append_full(const struct cmd *cmd)
{
	const struct append *append = cmd->args;
	unsigned limit = message_limit_save(cmd);
	return append->memory > cmd->session->settings->append_memory_max ||
	       (limit > 0 && append->received >= limit);
}

void append_header_look(struct append_header *header, struct strv bytes)
{
	for (size_t i = 0; i < bytes.n && !header->over; i++) {
		unsigned char c = (unsigned char)bytes.p[i];
		if (c == '\n') {
			header->over = !header->in_line;
			header->in_line = false;
		} else if (c != '\r') {
			header->in_line = true;
			header->eight_bit |= c >= 0x80;
		}
	}
}

/*
 * Copies the options of the present message out of the assembler's memory, which changes when more input
 * comes.
 */
static struct append_spec append_spec_keep(struct cmd *cmd)
{
	const struct append *append = cmd->args;
	struct append_spec spec = append->list.specs[append->at_message];
	struct strv *keywords = arena_alloc(cmd->arena, (spec.keyword_count + 1) * sizeof(*keywords));
	for (size_t i = 0; i < spec.keyword_count; i++)
		keywords[i] = arena_strv(cmd->arena, spec.keywords[i]);
	spec.keywords = keywords;
	return spec;
}

/* The memory of a message of this size: its bytes, if they are kept in memory, and the scanner's data. */
static uint64_t append_memory_of(const struct cmd *cmd, uint64_t size)
{
	uint64_t inline_max = store_settings(account_store(cmd->session->account))->inline_max;
	uint64_t headers = size < APPEND_HEADER_MEMORY ? size : APPEND_HEADER_MEMORY;
	return (size <= inline_max ? size : 0) + headers + APPEND_MESSAGE_MEMORY;
}

struct append_message *append_message_add(struct cmd *cmd)
{
	struct append *append = cmd->args;
	if (append->received == append->room)
		append->messages = mem_grow(append->messages, &append->room, sizeof(*append->messages));
	struct append_message *message = arena_zalloc(cmd->arena, sizeof(*message));
	message->spec = append_spec_keep(cmd);
	message->binary = append->binary;
	append->memory += append_memory_of(cmd, append->size);
	append->messages[append->received++] = message;
	return message;
}

/* Characters that may not appear in a response code are encoded. */
const char *append_badurl_code(struct arena *arena, struct strv url)
{
	struct buf code;
	buf_init(&code, 4 * BADURL_MAX);
	buf_adds(&code, "BADURL \"");
	for (size_t i = 0; i < url.n && i < BADURL_MAX; i++) {
		unsigned char c = (unsigned char)url.p[i];
		if (c <= ' ' || c >= 0x7f || c == '"' || c == '\\' || c == ']')
			buf_printf(&code, "%%%02X", c);
		else
			buf_addc(&code, (char)c);
	}
	buf_addc(&code, '"');
	const char *text = arena_strndup(arena, code.p, code.len);
	buf_fini(&code);
	return text;
}
