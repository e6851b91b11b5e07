/*
 * Reads the items of a FETCH into a plan: a list of items in the order of the answer, and the data that they
 * need of a message.
 */
#include "imap/fetch_plan.h"

#include "base/mem.h"
#include "base/str.h"
#include "mime/header.h"
#include "store/message.h"

/* The plan while it is parsed, with room for FETCH_ITEMS_MAX items. */
struct builder {
	struct parse *parse;
	struct fetch_plan *plan;
	struct buf label; /* of the section being read */
};

#define LABEL_MAX (64 * 1024)

/* Reads a word such as "BODY.PEEK", "HEADER.FIELDS.NOT" or "1": letters, digits and dots. Unlike an atom
 * it ends at a bracket. */
static struct strv fetch_plan_take_word(struct parse *parse)
{
	size_t start = parse->at;
	while (parse->at < parse->in.n) {
		char c = str_upper(parse->in.p[parse->at]);
		if (!((c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.'))
			break;
		parse->at++;
	}
	return strv_sub(parse->in, start, parse->at - start);
}

static bool has_label(enum fetch_kind kind)
{
	return kind == FETCH_SECTION || kind == FETCH_BINARY || kind == FETCH_BINARY_SIZE;
}

static bool same_section(const struct fetch_item *a, const struct fetch_item *b)
{
	return a->partial == b->partial && a->length == b->length && strv_ieq(a->label, b->label);
}

static bool fetch_plan_add_item(struct builder *builder, const struct fetch_item *item)
{
	struct fetch_plan *plan = builder->plan;
	for (size_t i = 0; i < plan->count; i++) {
		struct fetch_item *have = &plan->items[i];
		if (have->kind == item->kind && (!has_label(item->kind) || same_section(have, item))) {
			have->lazy = have->lazy && item->lazy;
			return true;
		}
	}
	if (plan->count == FETCH_ITEMS_MAX)
		return parse_fail(builder->parse, "Too many items");
	plan->items[plan->count++] = *item;
	return true;
}

static bool add_kind(struct builder *builder, enum fetch_kind kind)
{
	return fetch_plan_add_item(builder, &(struct fetch_item){ .kind = kind });
}

/* Reads the part numbers after '[', each with a dot after it unless it ends the section. */
static bool parse_path(struct builder *builder, struct fetch_item *item)
{
	struct parse *parse = builder->parse;
	uint32_t path[FETCH_PATH_MAX];
	size_t depth = 0;
	bool more = true;
	while (more && parse->at < parse->in.n && parse->in.p[parse->at] >= '0' &&
		parse->in.p[parse->at] <= '9') {
		if (depth == FETCH_PATH_MAX)
			return parse_fail(parse, "Section too deep");
		if (!parse_nz_number(parse, &path[depth]))
			return false;
		buf_addu(&builder->label, path[depth++]);
		more = parse_skip(parse, '.');
		if (more)
			buf_addc(&builder->label, '.');
	}
	if (depth > 0 && more && parse_peek(parse, ']'))
		return parse_fail(parse, "Invalid section");
	if (depth > 0 && !more && !parse_peek(parse, ']'))
		return parse_fail(parse, "Invalid section");
	uint32_t *copy = arena_alloc(parse->arena, (depth + 1) * sizeof(*copy));
	memcpy(copy, path, depth * sizeof(*copy));
	item->path = copy;
	item->depth = depth;
	return true;
}

/* A field name is printable ASCII without a colon (RFC 5322); others can't be in a message. */
static bool field_name_valid(struct strv name)
{
	for (size_t i = 0; i < name.n; i++)
		if (name.p[i] <= ' ' || name.p[i] >= 0x7f || name.p[i] == ':')
			return false;
	return name.n > 0;
}

static bool name_needs_quotes(struct strv name)
{
	for (size_t i = 0; i < name.n; i++)
		if (strchr("(){%*\"\\]", name.p[i]))
			return true;
	return false;
}

static void label_name(struct buf *label, struct strv name)
{
	if (!name_needs_quotes(name)) {
		buf_addv(label, name);
		return;
	}
	buf_addc(label, '"');
	for (size_t i = 0; i < name.n; i++) {
		if (name.p[i] == '"' || name.p[i] == '\\')
			buf_addc(label, '\\');
		buf_addc(label, name.p[i]);
	}
	buf_addc(label, '"');
}

static bool parse_fields(struct builder *builder, struct fetch_item *item)
{
	struct parse *parse = builder->parse;
	struct strv names[FETCH_FIELDS_MAX];
	size_t count = 0;
	if (!parse_sp(parse) || !parse_char(parse, '('))
		return false;
	buf_adds(&builder->label, " (");
	bool cached = item->depth == 0 && item->filter == FETCH_FIELDS;
	do {
		if (count == FETCH_FIELDS_MAX)
			return parse_fail(parse, "Too many header fields");
		if (!parse_astring(parse, &names[count]))
			return false;
		if (!field_name_valid(names[count]))
			return parse_fail(parse, "Invalid header field name");
		if (count > 0)
			buf_addc(&builder->label, ' ');
		label_name(&builder->label, names[count]);
		cached = cached && mime_header_cached(names[count]);
		count++;
	} while (parse_more(parse));
	if (!parse_char(parse, ')'))
		return false;
	buf_addc(&builder->label, ')');
	struct strv *copy = arena_alloc(parse->arena, count * sizeof(*copy));
	memcpy(copy, names, count * sizeof(*copy));
	item->fields = copy;
	item->field_count = count;
	item->cached = cached;
	return true;
}

/* Reads the text between the numbers and ']'. */
static bool parse_section_text(struct builder *builder, struct fetch_item *item)
{
	struct parse *parse = builder->parse;
	struct strv word = fetch_plan_take_word(parse);
	item->section = MIME_SECTION_HEADER;
	if (word.n == 0) {
		item->section = MIME_SECTION_ALL;
		return true;
	}
	if (strv_ieq(word, STRV("HEADER"))) {
		buf_adds(&builder->label, "HEADER");
	} else if (strv_ieq(word, STRV("TEXT"))) {
		item->section = MIME_SECTION_TEXT;
		buf_adds(&builder->label, "TEXT");
	} else if (strv_ieq(word, STRV("MIME")) && item->depth > 0) {
		item->section = MIME_SECTION_MIME;
		buf_adds(&builder->label, "MIME");
	} else if (strv_ieq(word, STRV("HEADER.FIELDS"))) {
		item->filter = FETCH_FIELDS;
		buf_adds(&builder->label, "HEADER.FIELDS");
		return parse_fields(builder, item);
	} else if (strv_ieq(word, STRV("HEADER.FIELDS.NOT"))) {
		item->filter = FETCH_FIELDS_NOT;
		buf_adds(&builder->label, "HEADER.FIELDS.NOT");
		return parse_fields(builder, item);
	} else {
		return parse_fail(parse, "Invalid section");
	}
	return true;
}

/* Reads "<0.2048>"; the answer has the first octet only. */
static bool parse_partial(struct builder *builder, struct fetch_item *item)
{
	struct parse *parse = builder->parse;
	if (!parse_skip(parse, '<'))
		return true;
	if (!parse_number64(parse, &item->offset) || !parse_char(parse, '.') ||
		!parse_number64(parse, &item->length) || !parse_char(parse, '>'))
		return false;
	if (item->length == 0)
		return parse_fail(parse, "Invalid number");
	item->partial = true;
	buf_addc(&builder->label, '<');
	buf_addu(&builder->label, item->offset);
	buf_addc(&builder->label, '>');
	return true;
}

/* Reads a section, at the '[' after "BODY" or "BODY.PEEK". */
static bool parse_section(struct builder *builder, bool peek)
{
	struct parse *parse = builder->parse;
	struct fetch_item item = { .kind = FETCH_SECTION };
	buf_init(&builder->label, LABEL_MAX);
	buf_adds(&builder->label, "BODY[");
	bool ok = parse_char(parse, '[') && parse_path(builder, &item) &&
		  parse_section_text(builder, &item) && parse_char(parse, ']');
	if (ok) {
		buf_addc(&builder->label, ']');
		ok = parse_partial(builder, &item);
	}
	if (ok && !buf_ok(&builder->label))
		ok = parse_fail(parse, "Section too long");
	if (ok)
		item.label = arena_strv(parse->arena, buf_strv(&builder->label));
	buf_fini(&builder->label);
	if (!ok)
		return false;
	if (!peek)
		builder->plan->seen = true;
	return fetch_plan_add_item(builder, &item);
}

static bool add_rfc822(struct builder *builder, struct strv label, enum mime_section section)
{
	if (section != MIME_SECTION_HEADER)
		builder->plan->seen = true;
	return fetch_plan_add_item(
		builder, &(struct fetch_item){ .kind = FETCH_SECTION, .label = label, .section = section });
}

static const struct {
	const char *name;
	enum fetch_kind kind;
} simple_items[] = {
	{ "UID", FETCH_UID },
	{ "FLAGS", FETCH_FLAGS },
	{ "INTERNALDATE", FETCH_INTERNALDATE },
	{ "RFC822.SIZE", FETCH_SIZE },
	{ "MODSEQ", FETCH_MODSEQ },
	{ "SAVEDATE", FETCH_SAVEDATE },
	{ "EMAILID", FETCH_EMAILID },
	{ "THREADID", FETCH_THREADID },
	{ "ENVELOPE", FETCH_ENVELOPE },
	{ "BODYSTRUCTURE", FETCH_BODYSTRUCTURE },
};

/* Reads a section, at the '[' after the name. A whole message or multipart is sent as it is. */
static bool parse_binary(struct builder *builder, enum fetch_kind kind, bool peek)
{
	struct parse *parse = builder->parse;
	struct fetch_item item = { .kind = kind };
	buf_init(&builder->label, LABEL_MAX);
	buf_adds(&builder->label, kind == FETCH_BINARY ? "BINARY[" : "BINARY.SIZE[");
	bool ok = parse_char(parse, '[') && parse_path(builder, &item) && parse_char(parse, ']');
	buf_addc(&builder->label, ']');
	if (ok && kind == FETCH_BINARY)
		ok = parse_partial(builder, &item);
	if (ok)
		item.label = arena_strv(parse->arena, buf_strv(&builder->label));
	buf_fini(&builder->label);
	if (!ok)
		return false;
	builder->plan->seen |= !peek;
	return fetch_plan_add_item(builder, &item);
}

/* Reads the modifiers after "PREVIEW". They look like those of the whole command (CHANGEDSINCE), except
 * for their names. */
static bool parse_preview(struct builder *builder)
{
	struct parse *parse = builder->parse;
	struct fetch_item item = { .kind = FETCH_PREVIEW };
	struct parse ahead = *parse;
	if (parse_more(&ahead) && parse_skip(&ahead, '(') && parse_keyword(&ahead, "LAZY")) {
		*parse = ahead;
		while (parse_more(parse)) {
			if (!parse_keyword(parse, "LAZY"))
				return parse_fail(parse, "Unknown PREVIEW modifier");
		}
		if (!parse_char(parse, ')'))
			return false;
		item.lazy = true;
	}
	return fetch_plan_add_item(builder, &item);
}

static bool fetch_plan_parse_item(struct builder *builder, struct strv word)
{
	for (size_t i = 0; i < COUNT_OF(simple_items); i++)
		if (strv_ieq(word, strv_cstr(simple_items[i].name)))
			return add_kind(builder, simple_items[i].kind);
	if (strv_ieq(word, STRV("BODY")))
		return parse_peek(builder->parse, '[') ? parse_section(builder, false)
						       : add_kind(builder, FETCH_BODY);
	if (strv_ieq(word, STRV("PREVIEW")))
		return parse_preview(builder);
	if (strv_ieq(word, STRV("BODY.PEEK")))
		return parse_section(builder, true);
	if (strv_ieq(word, STRV("BINARY")))
		return parse_binary(builder, FETCH_BINARY, false);
	if (strv_ieq(word, STRV("BINARY.PEEK")))
		return parse_binary(builder, FETCH_BINARY, true);
	if (strv_ieq(word, STRV("BINARY.SIZE")))
		return parse_binary(builder, FETCH_BINARY_SIZE, true);
	if (strv_ieq(word, STRV("RFC822")))
		return add_rfc822(builder, STRV("RFC822"), MIME_SECTION_ALL);
	if (strv_ieq(word, STRV("RFC822.HEADER")))
		return add_rfc822(builder, STRV("RFC822.HEADER"), MIME_SECTION_HEADER);
	if (strv_ieq(word, STRV("RFC822.TEXT")))
		return add_rfc822(builder, STRV("RFC822.TEXT"), MIME_SECTION_TEXT);
	return parse_fail(builder->parse, "Unknown FETCH item");
}

/* Reads ALL, FAST or FULL; *ret_done tells whether the word was one of them. */
static bool parse_macro(struct builder *builder, struct strv word, bool *ret_done)
{
	bool full = strv_ieq(word, STRV("FULL"));
	bool all = full || strv_ieq(word, STRV("ALL"));
	*ret_done = all || strv_ieq(word, STRV("FAST"));
	if (!*ret_done)
		return true;
	return add_kind(builder, FETCH_FLAGS) && add_kind(builder, FETCH_INTERNALDATE) &&
	       add_kind(builder, FETCH_SIZE) && (!all || add_kind(builder, FETCH_ENVELOPE)) &&
	       (!full || add_kind(builder, FETCH_BODY));
}

static bool parse_items(struct builder *builder)
{
	struct parse *parse = builder->parse;
	if (!parse_skip(parse, '(')) {
		bool done = false;
		struct strv word = fetch_plan_take_word(parse);
		if (!parse_macro(builder, word, &done))
			return false;
		return done || fetch_plan_parse_item(builder, word);
	}
	do {
		if (!fetch_plan_parse_item(builder, fetch_plan_take_word(parse)))
			return false;
	} while (parse_more(parse));
	return parse_char(parse, ')');
}

/* Sets the fields that follow from the items. */
static void plan_derive(struct fetch_plan *plan)
{
	plan->memory = true;
	for (size_t i = 0; i < plan->count; i++) {
		const struct fetch_item *item = &plan->items[i];
		switch (item->kind) {
		case FETCH_INTERNALDATE:
		case FETCH_SIZE:
		case FETCH_SAVEDATE:
		case FETCH_EMAILID:
			break;
		case FETCH_THREADID:
			plan->memory = false;
			break;
		case FETCH_UID:
			plan->uid = true;
			break;
		case FETCH_FLAGS:
			plan->flags = true;
			break;
		case FETCH_MODSEQ:
			plan->modseq = true;
			break;
		case FETCH_ENVELOPE:
			plan->cached |= MSG_ENVELOPE;
			break;
		case FETCH_BODY:
			plan->cached |= MSG_BODY;
			break;
		case FETCH_BODYSTRUCTURE:
			plan->cached |= MSG_BODYSTRUCTURE;
			break;
		case FETCH_PREVIEW:
			plan->memory = false;
			if (!item->lazy)
				plan->cached |= MSG_PREVIEW;
			break;
		case FETCH_SECTION:
			plan->memory = false;
			if (item->cached)
				plan->cached |= MSG_HEADERS;
			else if (item->depth > 0 || item->section != MIME_SECTION_ALL)
				plan->cached |= MSG_PARTS;
			break;
		case FETCH_BINARY:
		case FETCH_BINARY_SIZE:
			plan->binary = true;
			plan->cached |= MSG_PARTS;
			break;
		}
	}
	if (plan->cached)
		plan->memory = false;
}

bool fetch_plan_parse(struct parse *parse, bool add_uid, struct fetch_plan *ret_plan)
{
	struct fetch_item items[FETCH_ITEMS_MAX];
	struct fetch_plan plan = { .items = items };
	struct builder builder = { .parse = parse, .plan = &plan };
	if (add_uid && !add_kind(&builder, FETCH_UID))
		return false;
	if (!parse_items(&builder))
		return false;
	plan_derive(&plan);
	plan.items = arena_alloc(parse->arena, plan.count * sizeof(*items));
	memcpy(plan.items, items, plan.count * sizeof(*items));
	*ret_plan = plan;
	return true;
}

void fetch_plan_state(struct arena *arena, bool uid, bool flags, bool modseq, struct fetch_plan *ret_plan)
{
	struct fetch_plan plan = { .items = arena_zalloc(arena, 3 * sizeof(*plan.items)) };
	if (uid)
		plan.items[plan.count++].kind = FETCH_UID;
	if (flags)
		plan.items[plan.count++].kind = FETCH_FLAGS;
	if (modseq)
		plan.items[plan.count++].kind = FETCH_MODSEQ;
	plan_derive(&plan);
	*ret_plan = plan;
}

void fetch_plan_add_modseq(struct arena *arena, struct fetch_plan *plan)
{
	if (plan->modseq)
		return;
	struct fetch_item *items = arena_alloc(arena, (plan->count + 1) * sizeof(*items));
	memcpy(items, plan->items, plan->count * sizeof(*items));
	items[plan->count] = (struct fetch_item){ .kind = FETCH_MODSEQ };
	plan->items = items;
	plan->count++;
	plan->modseq = true;
}

static void item_copy(struct fetch_item *item, struct arena *arena)
{
	item->label = arena_strv(arena, item->label);
	if (item->depth > 0) {
		uint32_t *path = arena_alloc(arena, item->depth * sizeof(*path));
		memcpy(path, item->path, item->depth * sizeof(*path));
		item->path = path;
	} else {
		item->path = NULL;
	}
	struct strv *fields = arena_alloc(arena, (item->field_count + 1) * sizeof(*fields));
	for (size_t i = 0; i < item->field_count; i++)
		fields[i] = arena_strv(arena, item->fields[i]);
	item->fields = fields;
}

void fetch_plan_copy(const struct fetch_plan *plan, struct arena *arena, struct fetch_plan *ret_copy)
{
	struct fetch_plan copy = *plan;
	copy.items = arena_alloc(arena, (plan->count + 1) * sizeof(*copy.items));
	for (size_t i = 0; i < plan->count; i++) {
		copy.items[i] = plan->items[i];
		if (has_label(copy.items[i].kind))
			item_copy(&copy.items[i], arena);
	}
	*ret_copy = copy;
}
