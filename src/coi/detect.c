/*
 * Detection of chat messages: by the field Chat-Version, or by ids that begin with "chat$" in Message-ID or
 * References.
 */
#include "coi/detect.h"

#include "mime/msgid.h"

#define LOCAL_MAX (1024 * 1024) /* octets of a local part; a longer one is ignored */

/* Tells whether the local part of the field's first id begins with "chat$". */
static bool first_id_is_chat(struct strv value, bool phrase)
{
	struct buf local;
	bool at;

	buf_init(&local, LOCAL_MAX);
	bool chat =
		msgid_first_local(value, phrase, &local, &at) && strv_starts(buf_strv(&local), STRV("chat$"));
	buf_fini(&local);
	return chat;
}

bool coi_detect_fields(const struct mime_field *fields, size_t count)
{
	bool id_seen = false;
	bool references_seen = false;

	for (size_t i = 0; i < count; i++) {
		struct strv name = fields[i].name;
		if (strv_ieq(name, STRV("Chat-Version")))
			return true;
		/* If a field occurs twice, the first one counts. */
		if (!id_seen && strv_ieq(name, STRV("Message-ID"))) {
			id_seen = true;
			if (first_id_is_chat(fields[i].value, false))
				return true;
		} else if (!references_seen && strv_ieq(name, STRV("References"))) {
			references_seen = true;
			if (first_id_is_chat(fields[i].value, true))
				return true;
		}
	}
	return false;
}

bool coi_detect(const struct mime_msg *msg)
{
	return coi_detect_fields(msg->root->fields, msg->root->field_count);
}
