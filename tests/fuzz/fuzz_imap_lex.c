/* link: imapd */
/*
 * The commands of a client before anything runs: the assembler, then the command table and the rows' parse
 * functions. The first byte chooses limits and the fate of literals; the input is also fed byte by byte,
 * which must give the same commands.
 */
#include "base/hash.h"
#include "base/mem.h"
#include "imapd/cmd/table.h"
#include "imapd/imapd_priv.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum literals { KEEP, STREAM, REFUSE, LITERAL_WAYS };

/* The part of a server that parse functions need: no connection, no account. */
struct world {
	struct imapd imapd;
	struct hub hub;
	struct imapd_settings settings;
	struct session session;
	uint64_t seen; /* hash of what the assembler said */
};

static void note(struct world *world, const void *p, size_t n)
{
	static const uint64_t key[2] = { 1, 2 };
	world->seen = world->seen * 31 + hash_bytes_seeded(p, n, key);
}

static void parse_command(struct world *world)
{
	struct session *session = &world->session;
	struct arena *arena = arena_new(0);
	struct parse parse;
	struct strv tag;
	struct strv name;

	parse_init(&parse, lex_command(&session->lex), arena);
	parse.streamed = session->lex.streamed;
	parse.streamed_count = session->lex.streamed_count;
	parse.words_max = world->settings.words_max;
	if (parse_tag(&parse, &tag) && parse_sp(&parse) && parse_atom(&parse, &name)) {
		bool uid = strv_ieq(name, STRV("UID"));
		if (uid && !(parse_sp(&parse) && parse_atom(&parse, &name)))
			name = STRV_NULL;
		const struct cmd_row *row = name.n > 0 ? cmd_find(cmd_table, name, uid) : NULL;
		(void)parse_more(&parse);
		struct cmd cmd = { .session = session, .row = row, .arena = arena, .tag = tag };
		if (row && row->parse(&cmd, &parse) != !parse.failed)
			abort();
		if (parse.failed != (parse.error != NULL))
			abort();
		if (row && row->cancel && !row->line)
			row->cancel(&cmd);
	}
	arena_free(&arena);
}

static void feed(struct world *world, struct strv in, enum literals literals, bool parse)
{
	struct lex *lex = &world->session.lex;
	for (;;) {
		struct strv bytes = STRV_NULL;
		enum lex_event event = lex_feed(lex, &in, &bytes);
		if (event != LEX_STREAM && event != LEX_MORE)
			note(world, &event, sizeof(event));
		switch (event) {
		case LEX_MORE:
			if (in.n > 0)
				abort();
			return;
		case LEX_COMMAND:
			note(world, lex_command(lex).p, lex_command(lex).n);
			if (parse)
				parse_command(world);
			lex_next_command(lex);
			break;
		case LEX_LITERAL:
			note(world, lex_literal(lex), sizeof(uint64_t) * 2);
			if (literals == KEEP && lex_accept(lex))
				break;
			if (literals == STREAM && lex_literal(lex)->size < 4096 && lex_stream(lex))
				break;
			lex_refuse(lex);
			break;
		case LEX_STREAM:
			break;
		case LEX_STREAM_END:
		case LEX_TOO_LONG:
		case LEX_BAD:
			break;
		}
		if (lex->command.len > lex->command.max || lex->command.full)
			abort();
	}
}

static uint64_t run(struct strv in, enum literals literals, size_t line_max, size_t literal_max, size_t step)
{
	struct world *world = mem_zalloc(sizeof(*world));
	imapd_settings_init(&world->settings);
	world->hub.imapd = &world->imapd;
	world->session.hub = &world->hub;
	world->session.settings = &world->settings;
	world->session.state = SESSION_SELECTED;
	world->session.enabled = ENABLED_CONDSTORE | ENABLED_QRESYNC;
	lex_init(&world->session.lex, line_max, literal_max);
	for (size_t at = 0; at < in.n; at += step)
		feed(world, strv_sub(in, at, step), literals, step >= in.n);
	lex_fini(&world->session.lex);
	uint64_t seen = world->seen;
	free(world);
	return seen;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;
	enum literals literals = (enum literals)(data[0] % LITERAL_WAYS);
	size_t line_max = data[0] & 0x40 ? 40 : 65536;
	size_t literal_max = data[0] & 0x80 ? 20 : 65536;
	struct strv in = strv_make(data + 1, size - 1);
	uint64_t whole = run(in, literals, line_max, literal_max, in.n + 1);
	if (whole != run(in, literals, line_max, literal_max, 1))
		abort();
	return 0;
}
