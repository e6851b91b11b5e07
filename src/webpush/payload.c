/* Makes the payload. Each member has a function that reads its field, repairs it and cuts it to its size. */
#include "webpush/payload.h"

#include "base/clock.h"
#include "base/str.h"
#include "mime/addr.h"
#include "mime/decode.h"
#include "mime/header.h"
#include "mime/msgid.h"

#include <jansson.h>
#include <stdlib.h>

#define FIELD_MAX (64 * 1024) /* octets of a header field that are read */
#define DECODED_MAX (512 * 1024)
#define ELLIPSIS "\xe2\x80\xa6"
#define ELLIPSIS_SIZE 3
#define YEAR_SECONDS_MIN (-62167219200) /* 0000-01-01; RFC 3339 has four digits */
#define YEAR_SECONDS_MAX 253402300799

const struct strv *payload_fields(size_t *ret_count)
{
	static const struct strv names[] = {
		{ "From", 4 },
		{ "Subject", 7 },
		{ "Date", 4 },
		{ "Message-ID", 10 },
		{ "References", 10 },
		{ "Content-Type", 12 },
		{ "Content-Transfer-Encoding", 25 },
	};

	*ret_count = sizeof(names) / sizeof(names[0]);
	return names;
}

/* Appends the first field of that name, without its line ends. */
static bool payload_field(struct strv header, struct strv name, struct buf *out)
{
	struct mime_field field;

	while (mime_header_next(&header, &field, NULL)) {
		if (!strv_ieq(field.name, name))
			continue;
		mime_unfold(out, strv_sub(field.value, 0, FIELD_MAX));
		return true;
	}
	return false;
}

/* The number of octets that this octet of a string takes in JSON. */
static size_t payload_json_cost(unsigned char c)
{
	switch (c) {
	case '"':
	case '\\':
	case '\b':
	case '\f':
	case '\n':
	case '\r':
	case '\t':
		return 2;
	default:
		return c < 0x20 ? 6 : 1;
	}
}

static size_t payload_json_size(struct strv v)
{
	size_t size = 0;
	for (size_t i = 0; i < v.n; i++)
		size += payload_json_cost((unsigned char)v.p[i]);
	return size;
}

/*
 * The octets of the longest beginning of v (valid UTF-8) that takes at most `max` octets in JSON and ends
 * between characters.
 */
static size_t payload_json_cut(struct strv v, size_t max)
{
	size_t size = 0;
	size_t good = 0;

	for (size_t i = 0; i < v.n; i++) {
		if (((unsigned char)v.p[i] & 0xc0) != 0x80) {
			if (size > max)
				break;
			good = i;
		}
		size += payload_json_cost((unsigned char)v.p[i]);
	}
	return size <= max ? v.n : good;
}

/* Sets a member to any octets, repaired to UTF-8 and cut to `max` octets in JSON. */
static void payload_put_string(json_t *object, const char *key, struct strv raw, size_t max)
{
	struct buf text;
	struct buf clean;

	buf_init(&text, DECODED_MAX);
	buf_init(&clean, DECODED_MAX);
	str_utf8_repair(&text, strv_sub(raw, 0, FIELD_MAX));
	for (size_t i = 0; i < text.len; i++)
		buf_addc(&clean, text.p[i] ? text.p[i] : ' ');
	struct strv v = buf_strv(&clean);
	if (payload_json_size(v) > max) {
		clean.len = payload_json_cut(v, max - ELLIPSIS_SIZE);
		buf_adds(&clean, ELLIPSIS);
	}
	json_object_set_new(object, key, json_stringn(clean.p ? clean.p : "", clean.len));
	buf_fini(&text);
	buf_fini(&clean);
}

static const struct addr *payload_from_address(struct strv header, struct arena *arena)
{
	struct buf value;

	buf_init(&value, FIELD_MAX);
	payload_field(header, STRV("From"), &value);
	const struct addr *addr = addr_parse(arena, arena_strv(arena, buf_strv(&value)), 8);
	buf_fini(&value);
	while (addr && addr->kind != ADDR_MAILBOX)
		addr = addr->next;
	return addr;
}

static struct strv payload_address_text(const struct addr *addr, struct arena *arena)
{
	if (!addr || (addr->mailbox.n == 0 && addr->domain.n == 0))
		return STRV_NULL;
	struct buf text;
	buf_init(&text, FIELD_MAX);
	buf_addv(&text, addr->mailbox);
	if (addr->domain.n > 0) {
		buf_addc(&text, '@');
		buf_addv(&text, addr->domain);
	}
	struct buf clean;
	struct buf lower;
	buf_init(&clean, DECODED_MAX);
	buf_init(&lower, 2 * DECODED_MAX);
	str_utf8_repair(&clean, buf_strv(&text));
	casemap_lower(&lower, buf_strv(&clean));
	struct strv v = arena_strv(arena, buf_strv(&lower));
	buf_fini(&lower);
	buf_fini(&clean);
	buf_fini(&text);
	return v;
}

struct strv payload_from(struct strv header, struct arena *arena)
{
	return payload_address_text(payload_from_address(header, arena), arena);
}

static void payload_put_from(json_t *object, struct strv header)
{
	struct arena *arena = arena_new(0);
	const struct addr *addr = payload_from_address(header, arena);
	struct strv email = payload_address_text(addr, arena);
	struct buf name;

	if (email.n > 0)
		payload_put_string(object, "from-email", email, PAYLOAD_EMAIL_MAX);
	buf_init(&name, DECODED_MAX);
	if (addr && addr->name.n > 0)
		mime_words_decode(&name, addr->name);
	struct strv trimmed = strv_trim(buf_strv(&name));
	if (trimmed.n > 0)
		payload_put_string(object, "from-name", trimmed, PAYLOAD_NAME_MAX);
	buf_fini(&name);
	arena_free(&arena);
}

static void payload_put_subject(json_t *object, struct strv header)
{
	struct buf value;
	struct buf text;

	buf_init(&value, FIELD_MAX);
	buf_init(&text, DECODED_MAX);
	if (payload_field(header, STRV("Subject"), &value))
		mime_words_decode(&text, buf_strv(&value));
	struct strv trimmed = strv_trim(buf_strv(&text));
	if (trimmed.n > 0)
		payload_put_string(object, "subject", trimmed, PAYLOAD_SUBJECT_MAX);
	buf_fini(&value);
	buf_fini(&text);
}

static void payload_print_date(struct buf *out, int64_t seconds, int zone)
{
	struct tm tm;
	int minutes = zone < 0 ? -zone : zone;

	clock_to_utc(seconds + (int64_t)zone * 60, &tm);
	buf_printf(out, "%04d-%02d-%02dT%02d:%02d:%02d", tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday,
		tm.tm_hour, tm.tm_min, tm.tm_sec);
	if (zone == 0)
		buf_addc(out, 'Z');
	else
		buf_printf(out, "%c%02d:%02d", zone < 0 ? '-' : '+', minutes / 60, minutes % 60);
}

static void payload_put_date(json_t *object, struct strv header)
{
	struct buf value;
	int64_t seconds;
	int zone;

	buf_init(&value, FIELD_MAX);
	if (payload_field(header, STRV("Date"), &value) &&
		mime_date_parse(buf_strv(&value), &seconds, &zone) == RC_OK && zone > -24 * 60 &&
		zone < 24 * 60 && seconds + zone * 60 >= YEAR_SECONDS_MIN &&
		seconds + zone * 60 <= YEAR_SECONDS_MAX) {
		buf_reset(&value);
		payload_print_date(&value, seconds, zone);
		json_object_set_new(object, "date", json_stringn(value.p, value.len));
	}
	buf_fini(&value);
}

static bool payload_group_char(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
	       c == '-';
}

/* The <id> in chat$group.<id>.<unique>, the local part of a message id. */
static struct strv payload_group_of(struct strv local)
{
	struct strv prefix = STRV("chat$group.");
	size_t n = 0;

	if (!strv_starts(local, prefix))
		return STRV_NULL;
	struct strv id = strv_sub(local, prefix.n, local.n);
	while (n < id.n && payload_group_char(id.p[n]))
		n++;
	struct strv rest = strv_sub(id, n, id.n);
	if (n < PAYLOAD_GROUP_MIN || n > PAYLOAD_GROUP_MAX || rest.n < 2 || rest.p[0] != '.')
		return STRV_NULL;
	return strv_sub(id, 0, n);
}

/*
 * Sets group-id from the first id of the field, if that is a group's; `phrase`: words may stand before the
 * id.
 */
static bool payload_put_group(json_t *object, struct strv header, struct strv name, bool phrase)
{
	struct strv id = STRV_NULL;
	struct buf value;
	struct buf local;
	bool at;

	buf_init(&value, FIELD_MAX);
	buf_init(&local, FIELD_MAX);
	if (payload_field(header, name, &value) && msgid_first_local(buf_strv(&value), phrase, &local, &at) &&
		at)
		id = payload_group_of(buf_strv(&local));
	if (id.n > 0)
		json_object_set_new(object, "group-id", json_stringn(id.p, id.n));
	buf_fini(&local);
	buf_fini(&value);
	return id.n > 0;
}

/* Appends the first msg-id of a field, or the whole field if there is no msg-id in it. */
static bool payload_first_msgid(struct strv header, struct strv name, struct buf *out)
{
	struct buf value;

	buf_init(&value, FIELD_MAX);
	bool found = payload_field(header, name, &value);
	struct strv rest = buf_strv(&value);
	if (found && !mime_msgid_next(&rest, out))
		buf_addv(out, strv_trim(buf_strv(&value)));
	buf_fini(&value);
	return found && out->len > 0;
}

static void payload_put_msgid(json_t *object, struct strv header)
{
	struct buf id;

	buf_init(&id, FIELD_MAX);
	if (payload_first_msgid(header, STRV("Message-ID"), &id))
		payload_put_string(object, "msg-id", buf_strv(&id), PAYLOAD_MSGID_MAX);
	if (!payload_put_group(object, header, STRV("Message-ID"), false))
		(void)payload_put_group(object, header, STRV("References"), true);
	buf_fini(&id);
}

/*
 * True: the type is the one that a client assumes by default: plain text in UTF-8 or US-ASCII, without
 * further parameters.
 */
static bool payload_default_type(struct strv value)
{
	struct arena *arena = arena_new(0);
	struct mime_part part = { .type = STRV_NULL };

	bool plain = mime_content_type_parse(arena, value, &part) && strv_ieq(part.type, STRV("text")) &&
		     strv_ieq(part.subtype, STRV("plain"));
	for (size_t i = 0; plain && i < part.param_count; i++) {
		struct strv charset = part.params[i].value;
		plain = strv_ieq(part.params[i].name, STRV("charset")) &&
			(strv_ieq(charset, STRV("utf-8")) || strv_ieq(charset, STRV("us-ascii")));
	}
	arena_free(&arena);
	return plain;
}

bool payload_is_notification(struct strv header)
{
	struct arena *arena = arena_new(0);
	struct mime_part part = { .type = STRV_NULL };
	struct buf value;

	buf_init(&value, FIELD_MAX);
	bool found = payload_field(header, STRV("Content-Type"), &value) &&
		     mime_content_type_parse(arena, buf_strv(&value), &part) &&
		     strv_ieq(part.type, STRV("multipart")) && strv_ieq(part.subtype, STRV("report")) &&
		     strv_ieq(mime_part_param(&part, STRV("report-type")), STRV("disposition-notification"));
	buf_fini(&value);
	arena_free(&arena);
	return found;
}

static void payload_put_content(json_t *object, const struct payload_source *source)
{
	struct buf value;

	json_object_set_new(object, "content", json_stringn(source->body.p, source->body.n));
	buf_init(&value, FIELD_MAX);
	if (payload_field(source->header, STRV("Content-Type"), &value) && value.len > 0 &&
		!payload_default_type(buf_strv(&value)))
		payload_put_string(object, "content-type", buf_strv(&value), PAYLOAD_TYPE_MAX);
	buf_reset(&value);
	if (payload_field(source->header, STRV("Content-Transfer-Encoding"), &value)) {
		struct arena *arena = arena_new(0);
		for (size_t i = 0; i < value.len; i++)
			value.p[i] = str_lower(value.p[i]);
		struct strv encoding = mime_token_parse(arena, buf_strv(&value));
		if (encoding.n > 0 && !strv_eq(encoding, STRV("8bit")))
			payload_put_string(object, "content-encoding", encoding, PAYLOAD_ENCODING_MAX);
		arena_free(&arena);
	}
	buf_fini(&value);
}

static void payload_drop_content(json_t *object)
{
	json_object_del(object, "content");
	json_object_del(object, "content-type");
	json_object_del(object, "content-encoding");
}

static bool payload_body_usable(struct strv body)
{
	return body.p && body.n <= PAYLOAD_MAX && strv_index(body, '\0') == body.n && str_utf8_valid(body);
}

/* Appends the JSON. False: it is longer than a record. */
static bool payload_dump(const json_t *object, struct buf *out)
{
	char *text = json_dumps(object, JSON_COMPACT);
	struct strv v = strv_cstr(text);
	bool fits = text && v.n <= PAYLOAD_MAX;

	if (fits)
		buf_addv(out, v);
	free(text);
	return fits;
}

/* Does the same; frees the object. */
static enum rc payload_dump_last(json_t *object, struct buf *out)
{
	bool fits = payload_dump(object, out);

	json_decref(object);
	return fits && buf_ok(out) ? RC_OK : RC_LIMIT;
}

enum rc payload_build(const struct payload_source *source, enum payload_content content, struct buf *out)
{
	json_t *object = json_object();

	if (content != PAYLOAD_MINIMAL) {
		payload_put_from(object, source->header);
		payload_put_subject(object, source->header);
		payload_put_date(object, source->header);
		payload_put_msgid(object, source->header);
	}
	json_object_set_new(object, "uid", json_integer(source->uid));
	json_object_set_new(object, "uidvalidity", json_integer(source->uidvalidity));
	if (source->folder.n > 0 && payload_json_size(source->folder) <= PAYLOAD_FOLDER_MAX &&
		str_utf8_valid(source->folder))
		payload_put_string(object, "folder", source->folder, PAYLOAD_FOLDER_MAX);
	if (content == PAYLOAD_FULL && payload_body_usable(source->body)) {
		payload_put_content(object, source);
		if (payload_dump(object, out)) {
			json_decref(object);
			return buf_ok(out) ? RC_OK : RC_LIMIT;
		}
		payload_drop_content(object);
	}
	return payload_dump_last(object, out);
}

enum rc payload_shrink(struct strv payload, struct buf *out)
{
	json_t *object = json_loadb(payload.p, payload.n, 0, NULL);

	if (!json_object_get(object, "content")) {
		json_decref(object);
		return RC_NOT_FOUND;
	}
	payload_drop_content(object);
	return payload_dump_last(object, out);
}

enum rc payload_validation(struct strv token, struct buf *out)
{
	json_t *object = json_object();

	json_object_set_new(object, "validation", json_stringn(token.p, token.n));
	return payload_dump_last(object, out);
}

enum rc payload_test(int64_t now, struct buf *out)
{
	json_t *object = json_object();
	struct buf date;

	buf_init(&date, 64);
	payload_print_date(&date, now, 0);
	json_object_set_new(object, "subject", json_string("Test push"));
	json_object_set_new(object, "date", json_stringn(date.p, date.len));
	buf_fini(&date);
	return payload_dump_last(object, out);
}
