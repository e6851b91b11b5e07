/*
 * The entry /private/specialuse.
 */
#include "metadata/specialuse.h"

#include "base/buf.h"
#include "base/special_use.h"
#include "store/mailbox.h"

#include <stdio.h>

#define SPECIALUSE_ENTRY "/private/specialuse"

static enum rc specialuse_list(void *ctx, struct account *account, const struct metadata_scope *scope,
	struct strv name, bool below, struct metadata_list *list)
{
	struct mbox_info info;
	struct buf value;

	(void)ctx;
	(void)name;
	(void)below;
	enum rc rc = mbox_get(account, scope->mailbox, &info);
	if (rc != RC_OK)
		return rc;
	buf_init(&value, SPECIALUSE_MAX);
	for (uint32_t use = MBOX_SENT; use <= MBOX_IMPORTANT; use <<= 1) {
		if (info.attrs & use)
			buf_printf(&value, "%s%s", value.len > 0 ? " " : "", special_use_name(use));
	}
	if (value.len > 0)
		metadata_list_add(list, STRV(SPECIALUSE_ENTRY), buf_strv(&value));
	buf_fini(&value);
	return RC_OK;
}

static enum rc specialuse_refuse(struct metadata_error *error, const char *text)
{
	error->code = "USEATTR";
	snprintf(error->text, sizeof(error->text), "%s", text);
	return RC_CANNOT;
}

/* Reads "\\Sent \\Archive". False: one of them can't be set. */
static bool specialuse_read(struct strv value, uint32_t *ret_uses)
{
	uint32_t uses = 0;

	while (value.n > 0) {
		size_t end = strv_index(value, ' ');
		struct strv word = strv_sub(value, 0, end);
		uint32_t use = special_use_parse(word) & SPECIAL_USE_SETTABLE;
		if (word.n > 0 && use == 0)
			return false;
		uses |= use;
		value = strv_sub(value, end + 1, value.n);
	}
	*ret_uses = uses;
	return true;
}

static enum rc specialuse_set(void *ctx, struct account *account, const struct metadata_scope *scope,
	struct strv name, struct strv value, struct metadata_error *error)
{
	uint32_t uses = 0;

	(void)ctx;
	if (name.n != sizeof(SPECIALUSE_ENTRY) - 1)
		return metadata_cannot(error, "there can be no entry %.*s", STRV_ARG(name));
	if (!specialuse_read(value, &uses))
		return specialuse_refuse(error, "That use is not supported");
	enum rc rc = mbox_set_special_use(account, scope->mailbox, uses);
	if (rc == RC_EXISTS)
		return specialuse_refuse(error, "Another mailbox has that use");
	return rc == RC_OK ? metadata_changed(account, scope->mailbox, name) : rc;
}

void specialuse_provider(struct metadata_provider *ret_provider)
{
	*ret_provider = (struct metadata_provider){
		.prefix = SPECIALUSE_ENTRY,
		.flags = METADATA_MAILBOX | METADATA_ALONE,
		.value_max = SPECIALUSE_MAX,
		.list = specialuse_list,
		.set = specialuse_set,
	};
}
