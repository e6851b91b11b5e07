#include "coi/detect.h"

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* Whether `text` begins with "chat$", white space and folding within it not counted. */
static bool begins_with_chat(struct strv text)
{
	static const struct strv mark = { "chat$", 5 };
	size_t found = 0;

	for (size_t i = 0; i < text.n && found < mark.n; i++) {
		if (is_space(text.p[i]))
			continue;
		if (text.p[i] != mark.p[found])
			return false;
		found++;
	}
	return found == mark.n;
}

/* Of the first message-id of a field: in angle brackets or, as some write it, without. */
static bool first_id_is_chat(struct strv value)
{
	if (begins_with_chat(value))
		return true;
	size_t open = strv_index(value, '<');
	return open < value.n && begins_with_chat(strv_sub(value, open + 1, value.n));
}

/* A Message-ID is nothing but an id. */
static bool id_is_chat(struct strv value)
{
	size_t i = 0;

	while (i < value.n && is_space(value.p[i]))
		i++;
	if (i < value.n && value.p[i] == '<')
		i++;
	return begins_with_chat(strv_sub(value, i, value.n));
}

bool coi_detect_fields(const struct mime_field *fields, size_t count)
{
	bool id_seen = false;
	bool references_seen = false;

	for (size_t i = 0; i < count; i++) {
		struct strv name = fields[i].name;
		if (strv_ieq(name, STRV("Chat-Version")))
			return true;
		/* Of a field that is there twice the first one counts. */
		if (!id_seen && strv_ieq(name, STRV("Message-ID"))) {
			id_seen = true;
			if (id_is_chat(fields[i].value))
				return true;
		} else if (!references_seen && strv_ieq(name, STRV("References"))) {
			references_seen = true;
			if (first_id_is_chat(fields[i].value))
				return true;
		}
	}
	return false;
}

bool coi_detect(const struct mime_msg *msg)
{
	return coi_detect_fields(msg->root->fields, msg->root->field_count);
}
