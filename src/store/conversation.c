/* Conversations: hashes of a message's Message-ID and references, and the thread that they lead to. */
#include "store/conversation.h"

#include "base/mem.h"
#include "mime/header.h"
#include "store/message.h"

#include <stdlib.h>

/* The ids in a header as hashes. 0: there is none. */
struct refs {
	uint64_t own;
	uint64_t v[CONVERSATION_REFS_MAX]; /* oldest first */
	size_t count;
	uint64_t reply; /* In-Reply-To */
};

static uint64_t id_hash(struct strv id)
{
	static const uint64_t key[2] = { 0x7468726561647321U, 0x726566657273746fU };
	uint64_t hash = hash_bytes_seeded(id.p, id.n, key) & INT64_MAX;
	return hash ? hash : 1;
}

static void refs_add(struct refs *refs, uint64_t hash)
{
	if (refs->count == CONVERSATION_REFS_MAX) {
		memmove(refs->v + 1, refs->v + 2, (CONVERSATION_REFS_MAX - 2) * sizeof(refs->v[0]));
		refs->count--;
	}
	refs->v[refs->count++] = hash;
}

/*
 * Takes the ids from a header field. If Message-ID or References occurs several times, the first one counts.
 * In-Reply-To may hold an address before the id.
 */
static void refs_field(struct refs *refs, struct strv name, struct strv value)
{
	bool own = strv_ieq(name, STRV("Message-ID"));
	bool references = strv_ieq(name, STRV("References"));
	struct buf id;

	if (!own && !references && !strv_ieq(name, STRV("In-Reply-To")))
		return;
	if ((own && refs->own) || (references && refs->count > 0))
		return;
	buf_init(&id, CONVERSATION_ID_MAX);
	while (mime_msgid_next(&value, &id)) {
		uint64_t hash = id_hash(buf_strv(&id));
		bool whole = buf_ok(&id);
		buf_reset(&id);
		if (!whole)
			continue;
		if (references)
			refs_add(refs, hash);
		else if (!own)
			refs->reply = hash;
		else if (!refs->own)
			refs->own = hash;
	}
	buf_fini(&id);
}

/* RC_NOT_FOUND: the id is not known. */
static enum rc conversation_find(struct account *account, uint64_t hash, uint64_t *ret_thread)
{
	sqlite3_stmt *stmt;

	enum rc rc = db_one(account->db, &stmt, "SELECT thread FROM thread_ref WHERE id = ?1", "u", hash);
	if (rc != RC_OK)
		return rc;
	*ret_thread = db_u64(stmt, 0);
	db_reset(stmt);
	return RC_OK;
}

static enum rc conversation_remember(struct account *account, uint64_t hash, uint64_t thread)
{
	return db_run(account->db, "INSERT OR IGNORE INTO thread_ref(id, thread) VALUES(?1, ?2)", "uu", hash,
		thread);
}

/* A thread for a message without ids: no other message will ever be found to belong to it. */
static uint64_t conversation_lonely(struct account *account, int64_t blob)
{
	uint64_t what[2] = { msg_epoch(account), (uint64_t)blob };
	return id_hash(strv_make(what, sizeof(what)));
}

static enum rc conversation_choose(
	struct account *account, const struct refs *refs, int64_t blob, uint64_t *ret_thread)
{
	enum rc rc = refs->own ? conversation_find(account, refs->own, ret_thread) : RC_NOT_FOUND;
	for (size_t i = refs->count; rc == RC_NOT_FOUND && i > 0; i--)
		rc = conversation_find(account, refs->v[i - 1], ret_thread);
	if (rc != RC_NOT_FOUND)
		return rc;
	if (refs->count > 0)
		*ret_thread = refs->v[0];
	else
		*ret_thread = refs->own ? refs->own : conversation_lonely(account, blob);
	return RC_OK;
}

static enum rc conversation_put_refs(struct account *account, int64_t blob, struct refs *refs)
{
	uint64_t thread;

	if (refs->reply && (refs->count == 0 || refs->v[refs->count - 1] != refs->reply))
		refs_add(refs, refs->reply);
	enum rc rc = conversation_choose(account, refs, blob, &thread);
	if (rc == RC_OK)
		rc = db_run(account->db, "UPDATE blob SET thread = ?2 WHERE id = ?1", "iu", blob, thread);
	if (rc == RC_OK && refs->own)
		rc = conversation_remember(account, refs->own, thread);
	/*
	 * The oldest and the nearest reference are remembered, so that answers to a message that never came
	 * find one another.
	 */
	if (rc == RC_OK && refs->count > 0)
		rc = conversation_remember(account, refs->v[0], thread);
	if (rc == RC_OK && refs->count > 1)
		rc = conversation_remember(account, refs->v[refs->count - 1], thread);
	return rc;
}

enum rc conversation_put(struct account *account, int64_t blob, const struct content *content)
{
	const struct mime_part *root = content_mime(content)->root;
	struct refs refs = { 0 };

	for (size_t i = 0; i < root->field_count; i++)
		refs_field(&refs, root->fields[i].name, root->fields[i].value);
	return conversation_put_refs(account, blob, &refs);
}

enum rc conversation_put_all(struct account *account)
{
	sqlite3_stmt *stmt;
	int64_t blob = 0;

	for (;;) {
		struct refs refs = { 0 };
		struct mime_field field;
		enum rc rc = db_one(account->db, &stmt,
			"SELECT b.id, c.headers FROM blob b LEFT JOIN cache c ON c.blob = b.id WHERE b.id > "
			"?1"
			" ORDER BY b.id LIMIT 1",
			"i", blob);
		if (rc != RC_OK)
			return rc == RC_NOT_FOUND ? RC_OK : rc;
		blob = db_i64(stmt, 0);
		struct strv headers = db_blob(stmt, 1);
		while (mime_header_next(&headers, &field, NULL))
			refs_field(&refs, field.name, field.value);
		db_reset(stmt);
		rc = conversation_put_refs(account, blob, &refs);
		if (rc != RC_OK)
			return rc;
	}
}
