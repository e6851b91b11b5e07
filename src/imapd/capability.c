/*
 * Prints the capabilities: those of the rows and those that belong to no row.
 */
#include "imapd/capability.h"

#include "base/mem.h"
#include "coi/coi.h"
#include "imapd/command.h"
#include "imapd/hub.h"
#include "imapd/imapd_priv.h"
#include "imapd/message_limit.h"
#include "imapd/session.h"

#include <inttypes.h>

#define CAPABILITY_MAX 4096

enum when {
	ALWAYS,
	BEFORE_LOGIN,
	AFTER_LOGIN,
	CAN_STARTTLS, /* before login, without TLS, with a certificate */
	HAS_COI, /* after login, unless it is switched off */
	HAS_COMPRESS, /* likewise */
	HAS_PROGRESS,
	HAS_WEBPUSH, /* likewise */
	HAS_DELTAPUSH,
	HAS_CHATMAIL,
	CAN_LOGIN, /* before login, and a password may be sent */
	CANNOT_LOGIN,
	UNCOMPRESSED /* after login, and COMPRESS is not active */
};

static const struct {
	const char *name;
	enum when when;
} extra[] = {
	{ "IMAP4rev1", ALWAYS },
	{ "LITERAL-", BEFORE_LOGIN },
	{ "LITERAL+", AFTER_LOGIN },
	{ "SASL-IR", BEFORE_LOGIN },
	{ "STARTTLS", CAN_STARTTLS },
	{ "LOGINDISABLED", CANNOT_LOGIN },
	{ "AUTH=PLAIN", CAN_LOGIN },
	{ "IMAP4rev2", ALWAYS },
	{ "UTF8=ACCEPT", ALWAYS },
	{ "UIDONLY", ALWAYS },
	{ "SPECIAL-USE", ALWAYS },
	{ "CHILDREN", ALWAYS },
	{ "CONDSTORE", ALWAYS },
	{ "QRESYNC", ALWAYS },
	{ "ESEARCH", ALWAYS },
	{ "SEARCHRES", ALWAYS },
	{ "PARTIAL", ALWAYS },
	{ "SEARCH=FUZZY", ALWAYS },
	{ "WITHIN", ALWAYS },
	{ "SORT", ALWAYS },
	{ "SORT=DISPLAY", ALWAYS },
	{ "ESORT", ALWAYS },
	{ "THREAD=ORDEREDSUBJECT", ALWAYS },
	{ "THREAD=REFERENCES", ALWAYS },
	{ "CONTEXT=SORT", ALWAYS },
	{ "I18NLEVEL=1", ALWAYS },
	{ "MULTIAPPEND", ALWAYS },
	{ "SAVEDATE", ALWAYS },
	{ "PREVIEW", ALWAYS },
	{ "OBJECTID", ALWAYS },
	{ "BINARY", ALWAYS },
	{ "CATENATE", ALWAYS },
	{ "COI", HAS_COI },
	{ "WEBPUSH", HAS_WEBPUSH },
	{ "XDELTAPUSH", HAS_DELTAPUSH },
	{ "XCHATMAIL", HAS_CHATMAIL },
	{ "COMPRESS=DEFLATE", HAS_COMPRESS },
	{ "UNAUTHENTICATE", UNCOMPRESSED },
	{ "INPROGRESS", HAS_PROGRESS },
	{ "QUOTA=RES-STORAGE", ALWAYS },
	{ "QUOTA=RES-MESSAGE", ALWAYS },
	{ "QUOTA=RES-MAILBOX", ALWAYS },
};

static bool capability_holds(enum when when, const struct session *session)
{
	bool before = session->state == SESSION_GREETING || session->state == SESSION_NOT_AUTH;
	switch (when) {
	case ALWAYS:
		return true;
	case BEFORE_LOGIN:
		return before;
	case AFTER_LOGIN:
		return !before;
	case HAS_COI:
		return !before && coi_offered(session->settings->coi);
	case HAS_WEBPUSH:
		return !before && session->settings->webpush;
	case HAS_DELTAPUSH:
		return !before && session->settings->deltapush;
	case HAS_CHATMAIL:
		return !before && session->settings->chatmail;
	case HAS_PROGRESS:
		return session->settings->progress_ms > 0;
	case HAS_COMPRESS:
		return !before && session->settings->compress;
	case CAN_STARTTLS:
		return before && session_can_starttls(session);
	case CAN_LOGIN:
		return before && session_secure(session);
	case UNCOMPRESSED:
		return !before && !session_is_deflate(session);
	case CANNOT_LOGIN:
		return before && !session_secure(session);
	}
	return false;
}

void capability_print(struct buf *out, const struct session *session)
{
	buf_adds(out, "CAPABILITY");
	for (size_t i = 0; i < COUNT_OF(extra); i++) {
		if (capability_holds(extra[i].when, session))
			buf_printf(out, " %s", extra[i].name);
	}
	buf_printf(out, " APPENDLIMIT=%" PRIu64, session->settings->message_max);
	message_limit_capability(out, session->settings);
	const struct cmd_row *const *table = session->hub->imapd->table;
	for (size_t i = 0; table[i]; i++) {
		for (const struct cmd_row *row = table[i]; row->name; row++) {
			if (row->capability)
				buf_printf(out, " %s", row->capability);
		}
	}
}

const char *capability_code(struct session *session)
{
	struct buf out;
	buf_init(&out, CAPABILITY_MAX);
	capability_print(&out, session);
	const char *code = arena_strndup(session->cmd->arena, out.p, out.len);
	buf_fini(&out);
	return code;
}
