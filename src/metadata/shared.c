/*
 * The entries /shared/comment and /shared/admin.
 */
#include "metadata/shared.h"

#include "base/buf.h"
#include "base/mem.h"
#include "base/str.h"

#include <stdlib.h>

/* Repairs the value, since the server must send UTF-8 whatever the configuration has. */
static char *shared_copy(const char *value)
{
	struct buf valid;

	if (!value || !value[0])
		return NULL;
	buf_init(&valid, 4 * strlen(value));
	str_utf8_repair(&valid, strv_cstr(value));
	char *text = mem_strndup(valid.p, valid.len);
	buf_fini(&valid);
	return text;
}

void shared_init(struct shared *shared, const char *comment, const char *admin)
{
	shared->comment = shared_copy(comment);
	shared->admin = shared_copy(admin);
}

void shared_fini(struct shared *shared)
{
	free(shared->comment);
	free(shared->admin);
}

static enum rc shared_list(void *ctx, struct account *account, const struct metadata_scope *scope,
	struct strv name, bool below, struct metadata_list *list)
{
	const struct shared *shared = ctx;

	(void)account;
	(void)scope;
	(void)name;
	(void)below;
	metadata_list_add(list, STRV("/shared/comment"), strv_cstr(shared->comment));
	metadata_list_add(list, STRV("/shared/admin"), strv_cstr(shared->admin));
	return RC_OK;
}

static enum rc shared_set(void *ctx, struct account *account, const struct metadata_scope *scope,
	struct strv name, struct strv value, struct metadata_error *error)
{
	(void)ctx;
	(void)account;
	(void)scope;
	(void)name;
	(void)value;
	(void)error;
	return RC_PERM;
}

void shared_provider(struct shared *shared, struct metadata_provider *ret_provider)
{
	*ret_provider = (struct metadata_provider){ .prefix = "/shared",
		.flags = METADATA_SERVER,
		.ctx = shared,
		.list = shared_list,
		.set = shared_set };
}
