/*
 * Reads the keys of SEARCH into a tree. A table names each key and the kind of its argument; each kind has a
 * function that reads it. The keys of an AND or OR are then ordered by cost, so that cheap ones decide first.
 */
#include "imap/search_keys.h"

#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"
#include "imap/objectid.h"
#include "mime/decode.h"
#include "mime/header.h"
#include "store/message.h"

/* The greatest growth of a needle in casemap form, in octets for one: a character decomposes into at most
 * 18, of 4 octets each. */
#define NEEDLE_GROWTH_MAX (4 * 18)

struct builder {
	struct parse *parse;
	struct charset *charset; /* borrowed: of the strings; NULL: UTF-8 */
	size_t count;
	size_t text_count;
	bool modseq;
	bool seqs;
	bool fuzzy; /* the present key is to be matched fuzzily */
	bool any_fuzzy;
	bool named; /* the client has named a charset: strings must be valid in it */
	unsigned depth;
};

enum argument {
	ARG_NONE,
	ARG_DATE,
	ARG_NUMBER,
	ARG_SECONDS,
	ARG_STRING, /* needle */
	ARG_HEADER, /* needle, in the field of the key's own name */
	ARG_ADDRESS, /* the same; the field holds addresses */
	ARG_FIELD, /* field name, then needle */
	ARG_KEYWORD,
	ARG_MODSEQ, /* a modseq, perhaps with an entry name before it */
	ARG_UIDS,
	ARG_OBJECTID,
	ARG_ABOVE, /* a UID; the key means those above it */
	ARG_BELOW
};

static const struct key_name {
	const char *name;
	enum search_kind kind;
	enum argument argument;
	bool negate;
	uint32_t flags;
} key_names[] = {
	{ "ALL", SEARCH_AND, ARG_NONE, false, 0 },
	{ "ANSWERED", SEARCH_FLAG, ARG_NONE, false, MSG_ANSWERED },
	{ "BCC", SEARCH_HEADER, ARG_ADDRESS, false, 0 },
	{ "BEFORE", SEARCH_BEFORE, ARG_DATE, false, 0 },
	{ "BODY", SEARCH_BODY, ARG_STRING, false, 0 },
	{ "CC", SEARCH_HEADER, ARG_ADDRESS, false, 0 },
	{ "DELETED", SEARCH_FLAG, ARG_NONE, false, MSG_DELETED },
	{ "DRAFT", SEARCH_FLAG, ARG_NONE, false, MSG_DRAFT },
	{ "EMAILID", SEARCH_EMAILID, ARG_OBJECTID, false, 0 },
	{ "FLAGGED", SEARCH_FLAG, ARG_NONE, false, MSG_FLAGGED },
	{ "FROM", SEARCH_HEADER, ARG_ADDRESS, false, 0 },
	{ "HEADER", SEARCH_HEADER, ARG_FIELD, false, 0 },
	{ "KEYWORD", SEARCH_KEYWORD, ARG_KEYWORD, false, 0 },
	{ "LARGER", SEARCH_LARGER, ARG_NUMBER, false, 0 },
	{ "MODSEQ", SEARCH_MODSEQ, ARG_MODSEQ, false, 0 },
	{ "OLD", SEARCH_RECENT, ARG_NONE, true, 0 },
	{ "OLDER", SEARCH_OLDER, ARG_SECONDS, false, 0 },
	{ "ON", SEARCH_ON, ARG_DATE, false, 0 },
	{ "RECENT", SEARCH_RECENT, ARG_NONE, false, 0 },
	{ "SAVEDATESUPPORTED", SEARCH_AND, ARG_NONE, false, 0 },
	{ "SAVEDBEFORE", SEARCH_SAVEDBEFORE, ARG_DATE, false, 0 },
	{ "SAVEDON", SEARCH_SAVEDON, ARG_DATE, false, 0 },
	{ "SAVEDSINCE", SEARCH_SAVEDSINCE, ARG_DATE, false, 0 },
	{ "SEEN", SEARCH_FLAG, ARG_NONE, false, MSG_SEEN },
	{ "SENTBEFORE", SEARCH_SENTBEFORE, ARG_DATE, false, 0 },
	{ "SENTON", SEARCH_SENTON, ARG_DATE, false, 0 },
	{ "SENTSINCE", SEARCH_SENTSINCE, ARG_DATE, false, 0 },
	{ "SINCE", SEARCH_SINCE, ARG_DATE, false, 0 },
	{ "SMALLER", SEARCH_SMALLER, ARG_NUMBER, false, 0 },
	{ "SUBJECT", SEARCH_HEADER, ARG_HEADER, false, 0 },
	{ "TEXT", SEARCH_TEXT, ARG_STRING, false, 0 },
	{ "THREADID", SEARCH_THREADID, ARG_OBJECTID, false, 0 },
	{ "TO", SEARCH_HEADER, ARG_ADDRESS, false, 0 },
	{ "UID", SEARCH_UIDS, ARG_UIDS, false, 0 },
	{ "UIDAFTER", SEARCH_UIDS, ARG_ABOVE, false, 0 }, /* RFC 9738 section 3.2 */
	{ "UIDBEFORE", SEARCH_UIDS, ARG_BELOW, false, 0 },
	{ "UNANSWERED", SEARCH_FLAG, ARG_NONE, true, MSG_ANSWERED },
	{ "UNDELETED", SEARCH_FLAG, ARG_NONE, true, MSG_DELETED },
	{ "UNDRAFT", SEARCH_FLAG, ARG_NONE, true, MSG_DRAFT },
	{ "UNFLAGGED", SEARCH_FLAG, ARG_NONE, true, MSG_FLAGGED },
	{ "UNKEYWORD", SEARCH_KEYWORD, ARG_KEYWORD, true, 0 },
	{ "UNSEEN", SEARCH_FLAG, ARG_NONE, true, MSG_SEEN },
	{ "YOUNGER", SEARCH_YOUNGER, ARG_SECONDS, false, 0 },
};

static const struct key_name *search_keys_find_name(struct strv word)
{
	for (size_t i = 0; i < COUNT_OF(key_names); i++)
		if (strv_ieq(word, strv_cstr(key_names[i].name)))
			return &key_names[i];
	return NULL;
}

static struct search_key *new_key(struct builder *builder, enum search_kind kind)
{
	if (builder->count == SEARCH_KEYS_MAX) {
		parse_fail(builder->parse, "Too many search keys");
		return NULL;
	}
	builder->count++;
	struct search_key *key = arena_zalloc(builder->parse->arena, sizeof(*key));
	key->kind = kind;
	key->fuzzy = builder->fuzzy;
	return key;
}

/* Adds a child in the order of cost, after those of the same cost. */
static void add_child(struct search_key *parent, struct search_key *child)
{
	struct search_key **at = &parent->child;
	while (*at && (*at)->cost <= child->cost)
		at = &(*at)->next;
	child->next = *at;
	*at = child;
	if (child->cost > parent->cost)
		parent->cost = child->cost;
}

/* Takes each octet as a character of Latin-1: clients that send bytes of text without naming a charset
 * (JavaMail) mean that. */
static struct strv from_latin1(struct arena *arena, struct strv text)
{
	char *out = arena_alloc(arena, 2 * text.n + 1);
	size_t n = 0;
	for (size_t i = 0; i < text.n; i++) {
		unsigned char c = (unsigned char)text.p[i];
		if (c >= 0x80)
			out[n++] = (char)(0xc0 | c >> 6);
		out[n++] = (char)(c < 0x80 ? c : 0x80 | (c & 0x3f));
	}
	return strv_make(out, n);
}

/* Converts the text. False: it is not valid in its charset. */
static bool to_utf8(struct builder *builder, struct strv *text)
{
	struct buf utf8;
	if (!builder->charset && str_utf8_valid(*text))
		return true;
	if (!builder->charset && builder->named)
		return false;
	if (!builder->charset) {
		*text = from_latin1(builder->parse->arena, *text);
		return true;
	}
	/* One octet becomes at most 4, and a stateful charset may hold back a few. */
	buf_init(&utf8, text->n * 4 + 64);
	charset_feed(builder->charset, *text, &utf8);
	charset_finish(builder->charset, &utf8);
	*text = arena_strv(builder->parse->arena, buf_strv(&utf8));
	buf_fini(&utf8);
	return !charset_broken(builder->charset);
}

static bool parse_needle(struct builder *builder, struct search_key *key)
{
	struct parse *parse = builder->parse;
	struct strv text;
	struct buf mapped;
	if (!parse_data(parse, &text))
		return false;
	if (!to_utf8(builder, &text))
		return parse_fail(parse, "Search string is not valid in its charset");
	buf_init(&mapped, text.n * NEEDLE_GROWTH_MAX + 1);
	mime_casemap(&mapped, text);
	key->needle = arena_strv(parse->arena, buf_strv(&mapped));
	buf_fini(&mapped);
	return true;
}

static void set_field(struct search_key *key, struct strv field)
{
	key->field = field;
	key->cost = mime_header_cached(field) ? SEARCH_COST_CACHE : SEARCH_COST_HEADER;
}

static bool search_keys_parse_text(struct builder *builder, struct search_key *key)
{
	if (builder->text_count == SEARCH_TEXTS_MAX)
		return parse_fail(builder->parse, "Too many search keys");
	key->slot = builder->text_count++;
	key->cost = SEARCH_COST_BYTES;
	return parse_needle(builder, key);
}

/* Reads "/flags/\\draft" all 620162338. A message has only one modseq, so name and type are ignored (RFC
 * 7162 section 3.1.5). */
static bool parse_modseq(struct builder *builder, struct search_key *key)
{
	struct parse *parse = builder->parse;
	struct strv entry;
	uint64_t modseq;
	if (parse_peek(parse, '"')) {
		if (!parse_string(parse, &entry) || !parse_sp(parse))
			return false;
		if (!strv_istarts(entry, STRV("/flags/")))
			return parse_fail(parse, "Unknown entry name");
		if (!parse_keyword(parse, "priv") && !parse_keyword(parse, "shared") &&
			!parse_keyword(parse, "all"))
			return parse_fail(parse, "Unknown entry type");
		if (!parse_sp(parse))
			return false;
	}
	if (!parse_number64(parse, &modseq))
		return false;
	key->number = (int64_t)modseq;
	builder->modseq = true;
	return true;
}

/* Reads an id. One that was never given out becomes 0. */
static bool parse_objectid(struct builder *builder, struct search_key *key)
{
	struct strv id;
	uint64_t thread;
	if (!objectid_parse(builder->parse, &id))
		return false;
	if (key->kind == SEARCH_EMAILID) {
		(void)objectid_read_email(id, &key->epoch, &key->number);
		return true;
	}
	key->cost = SEARCH_COST_CACHE;
	if (objectid_read_thread(id, &thread) && thread <= INT64_MAX)
		key->number = (int64_t)thread;
	return true;
}

/* Sets the UIDs lo..hi; none if lo is above hi. */
static bool search_keys_set_range(struct parse *parse, struct search_key *key, uint64_t lo, uint64_t hi)
{
	struct seqrange *range = arena_alloc(parse->arena, sizeof(*range));
	*range = (struct seqrange){ .lo = (uint32_t)lo, .hi = (uint32_t)hi };
	key->set = (struct seqset){ .v = range, .n = lo <= hi, .cap = 1 };
	return true;
}

static bool parse_argument(struct builder *builder, struct search_key *key, const struct key_name *name)
{
	struct parse *parse = builder->parse;
	uint32_t number;
	uint64_t wide;
	uint32_t uid;
	bool uids;
	if (name->argument != ARG_NONE && !parse_sp(parse))
		return false;
	switch (name->argument) {
	case ARG_NONE:
		return true;
	case ARG_DATE:
		if (!parse_date(parse, &key->number))
			return false;
		key->number /= S_PER_DAY;
		if (key->kind == SEARCH_SENTBEFORE || key->kind == SEARCH_SENTON ||
			key->kind == SEARCH_SENTSINCE)
			key->cost = SEARCH_COST_CACHE;
		return true;
	case ARG_NUMBER:
		if (!parse_number64(parse, &wide))
			return false;
		key->number = (int64_t)wide;
		return true;
	case ARG_SECONDS:
		if (!parse_nz_number(parse, &number))
			return false;
		key->number = number;
		return true;
	case ARG_STRING:
		return search_keys_parse_text(builder, key);
	case ARG_ADDRESS:
		key->addresses = true;
		set_field(key, strv_cstr(name->name));
		return parse_needle(builder, key);
	case ARG_HEADER:
		set_field(key, strv_cstr(name->name));
		return parse_needle(builder, key);
	case ARG_FIELD:
		if (!parse_astring(parse, &key->field) || !parse_sp(parse))
			return false;
		set_field(key, key->field);
		return parse_needle(builder, key);
	case ARG_KEYWORD:
		return parse_astring(parse, &key->text);
	case ARG_MODSEQ:
		return parse_modseq(builder, key);
	case ARG_UIDS:
		return parse_seqset_or_saved(parse, &key->set, &uids);
	case ARG_OBJECTID:
		return parse_objectid(builder, key);
	case ARG_ABOVE:
		return parse_nz_number(parse, &uid) &&
		       search_keys_set_range(parse, key, (uint64_t)uid + 1, UINT32_MAX);
	case ARG_BELOW:
		return parse_nz_number(parse, &uid) &&
		       search_keys_set_range(parse, key, 1, (uint64_t)uid - 1);
	}
	return false;
}

static struct search_key *parse_key(struct builder *builder);

/* Reads one or more keys with a space between. */
static bool parse_keys(struct builder *builder, struct search_key *parent)
{
	do {
		struct search_key *key = parse_key(builder);
		if (!key)
			return false;
		add_child(parent, key);
	} while (parse_more(builder->parse));
	return true;
}

static bool search_keys_enter(struct builder *builder)
{
	if (builder->depth == PARSE_DEPTH_MAX)
		return parse_fail(builder->parse, "Search keys nested too deeply");
	builder->depth++;
	return true;
}

/* Reads the alternatives of OR. "OR a OR b c", as clients write a long list, becomes one key with three
 * children, without nesting. */
static struct search_key *parse_or(struct builder *builder)
{
	struct parse *parse = builder->parse;
	struct search_key *either = new_key(builder, SEARCH_OR);
	if (!either || !search_keys_enter(builder))
		return NULL;
	do {
		if (!parse_sp(parse))
			return NULL;
		struct search_key *key = parse_key(builder);
		if (!key || !parse_sp(parse))
			return NULL;
		add_child(either, key);
	} while (parse_keyword(parse, "OR"));
	struct search_key *last = parse_key(builder);
	if (!last)
		return NULL;
	add_child(either, last);
	builder->depth--;
	return either;
}

static struct search_key *parse_list(struct builder *builder)
{
	struct search_key *list = new_key(builder, SEARCH_AND);
	if (!list || !search_keys_enter(builder) || !parse_keys(builder, list) ||
		!parse_char(builder->parse, ')'))
		return NULL;
	builder->depth--;
	return list;
}

static struct search_key *parse_new(struct builder *builder)
{
	struct search_key *both = new_key(builder, SEARCH_AND);
	struct search_key *recent = new_key(builder, SEARCH_RECENT);
	struct search_key *unseen = new_key(builder, SEARCH_FLAG);
	if (!both || !recent || !unseen)
		return NULL;
	unseen->flags = MSG_SEEN;
	unseen->negate = true;
	add_child(both, unseen);
	add_child(both, recent);
	return both;
}

static struct search_key *parse_seqs(struct builder *builder)
{
	struct search_key *key = new_key(builder, SEARCH_SEQS);
	bool uids = false;
	if (!key || !parse_seqset_or_saved(builder->parse, &key->set, &uids))
		return NULL;
	if (!uids && !parse_numbers_allowed(builder->parse))
		return NULL;
	if (uids)
		key->kind = SEARCH_UIDS;
	else
		builder->seqs = true;
	return key;
}

static bool at_sequence_set(const struct parse *parse)
{
	struct strv rest = parse_rest(parse);
	return rest.n > 0 && ((rest.p[0] >= '0' && rest.p[0] <= '9') || rest.p[0] == '*' || rest.p[0] == '$');
}

static struct search_key *parse_named(struct builder *builder)
{
	struct strv word;
	if (!parse_atom(builder->parse, &word))
		return NULL;
	if (strv_ieq(word, STRV("OR")))
		return parse_or(builder);
	if (strv_ieq(word, STRV("NEW")))
		return parse_new(builder);
	const struct key_name *name = search_keys_find_name(word);
	if (!name) {
		parse_fail(builder->parse, "Unknown search key");
		return NULL;
	}
	struct search_key *key = new_key(builder, name->kind);
	if (!key)
		return NULL;
	key->negate = name->negate;
	key->flags = name->flags;
	return parse_argument(builder, key, name) ? key : NULL;
}

/* Reads "NOT FUZZY NOT ". A key under a NOT that stands under FUZZY is matched exactly. */
static bool parse_prefixes(struct builder *builder, bool *negate)
{
	struct parse *parse = builder->parse;
	for (;;) {
		if (parse_keyword(parse, "NOT")) {
			*negate = !*negate;
			builder->fuzzy = false;
		} else if (parse_keyword(parse, "FUZZY")) {
			builder->fuzzy = builder->any_fuzzy = true;
		} else {
			return true;
		}
		if (!parse_sp(parse))
			return false;
	}
}

/* NULL: the parser has failed. The recursion is bounded by search_keys_enter(). */
static struct search_key *parse_key(struct builder *builder)
{
	struct parse *parse = builder->parse;
	bool fuzzy_before = builder->fuzzy;
	bool negate = false;
	if (!parse_prefixes(builder, &negate))
		return NULL;
	struct search_key *key;
	if (parse_skip(parse, '('))
		key = parse_list(builder);
	else if (at_sequence_set(parse))
		key = parse_seqs(builder);
	else
		key = parse_named(builder);
	if (key && negate)
		key->negate = !key->negate;
	builder->fuzzy = fuzzy_before;
	return key;
}

/* Reads "x ". False: syntax error. The caller owns the charset; it is NULL for UTF-8, and if the name is
 * not known. */
static bool parse_charset(struct parse *parse, struct charset **ret_charset, bool *ret_known)
{
	struct charset *charset = NULL;
	struct strv name;
	if (!parse_astring(parse, &name) || !parse_sp(parse))
		return false;
	bool utf8 = strv_ieq(name, STRV("UTF-8"));
	/* SORT and THREAD must still name a charset (RFC 9755 section 3). */
	if (parse->no_charset && !utf8)
		return parse_fail(parse, "All is UTF-8 once UTF8=ACCEPT is enabled");
	*ret_known = utf8 || strv_ieq(name, STRV("US-ASCII")) || charset_open(name, &charset) == RC_OK;
	if (!*ret_known)
		parse_advance(parse, parse_rest(parse).n);
	*ret_charset = charset;
	return true;
}

static bool parse_all(
	struct parse *parse, struct charset *charset, bool named, bool known, struct search_keys *ret_keys)
{
	struct builder builder = { .parse = parse, .charset = charset, .named = named };
	struct search_keys keys = { .bad_charset = !known };
	if (known) {
		keys.root = new_key(&builder, SEARCH_AND);
		if (!parse_keys(&builder, keys.root))
			return false;
		keys.text_count = builder.text_count;
		keys.modseq = builder.modseq;
		keys.seqs = builder.seqs;
		keys.fuzzy = builder.any_fuzzy;
	}
	*ret_keys = keys;
	return true;
}

bool search_keys_parse(struct parse *parse, struct search_keys *ret_keys)
{
	if (!parse_keyword(parse, "CHARSET"))
		return parse_all(parse, NULL, false, true, ret_keys);
	if (parse->no_charset)
		return parse_fail(parse, "No CHARSET once UTF8=ACCEPT is enabled");
	return parse_sp(parse) && search_keys_parse_with_charset(parse, ret_keys);
}

bool search_keys_parse_with_charset(struct parse *parse, struct search_keys *ret_keys)
{
	struct charset *charset = NULL;
	bool known = false;
	if (!parse_charset(parse, &charset, &known))
		return false;
	bool ok = parse_all(parse, charset, true, known, ret_keys);
	charset_close(&charset);
	return ok;
}

/* Walks the tree without recursion: finds the next key in depth-first order. `path` holds the parents. */
struct walk {
	struct search_key *path[2 * PARSE_DEPTH_MAX + 4];
	size_t depth;
};

static struct search_key *walk_next(struct walk *walk, struct search_key *key)
{
	if (key->child) {
		walk->path[walk->depth++] = key;
		return key->child;
	}
	while (!key->next) {
		if (walk->depth == 0)
			return NULL;
		key = walk->path[--walk->depth];
	}
	return key->next;
}

/* Resolves UIDs. "n:*" includes future messages as long as n is not above last_uid. */
static void resolve_uids(struct seqset *set, uint32_t last_uid)
{
	uint64_t from = set->star;
	seqset_resolve(set, last_uid);
	if (from > 0 && from <= last_uid)
		seqset_add_range(set, (uint32_t)from, UINT32_MAX);
}

void search_keys_resolve(struct search_keys *keys, uint32_t last_uid,
	void (*fn)(void *arg, const struct seqset *seqs, struct seqset *uids), void *arg, struct arena *arena)
{
	struct walk walk = { .depth = 0 };
	for (struct search_key *key = keys->root; key; key = walk_next(&walk, key)) {
		struct seqset set = SEQSET_EMPTY;
		if (key->kind == SEARCH_SEQS) {
			fn(arg, &key->set, &set);
			key->kind = SEARCH_UIDS;
		} else if (key->kind == SEARCH_UIDS) {
			seqset_copy(&set, &key->set);
			resolve_uids(&set, last_uid);
		} else {
			continue;
		}
		key->set = seqset_in_arena(&set, arena);
		seqset_fini(&set);
	}
}

static struct search_key *copy_one(const struct search_key *key, struct arena *arena)
{
	struct search_key *copy = arena_alloc(arena, sizeof(*copy));
	*copy = *key;
	copy->child = NULL;
	copy->next = NULL;
	copy->words = NULL;
	copy->set = seqset_in_arena(&copy->set, arena);
	copy->field = arena_strv(arena, key->field);
	copy->text = arena_strv(arena, key->text);
	copy->needle = arena_strv(arena, key->needle);
	return copy;
}

/* Copies a tree. The recursion is bounded by the depth that the parser allows. */
static struct search_key *copy_tree(const struct search_key *key, struct arena *arena)
{
	struct search_key *copy = copy_one(key, arena);
	struct search_key **at = &copy->child;
	for (const struct search_key *child = key->child; child; child = child->next) {
		*at = copy_tree(child, arena);
		at = &(*at)->next;
	}
	return copy;
}

void search_keys_copy(const struct search_keys *keys, struct arena *arena, struct search_keys *ret_copy)
{
	struct search_keys copy = *keys;
	copy.root = copy_tree(keys->root, arena);
	*ret_copy = copy;
}
