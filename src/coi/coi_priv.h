/* Declarations that the files of this folder share. */
#ifndef COID_COI_COI_PRIV_H
#define COID_COI_COI_PRIV_H

#include "coi/coi.h"

struct coi {
	bool enabled;
	bool user_root;
	char *root; /* own */
	struct log *log; /* borrowed */
	enum rc (*disabled)(void *ctx, struct account *account); /* may be NULL */
	void *disabled_ctx;
};

enum coi_folder { COI_CHATS, COI_CONTACTS };

/* folders.c [strand] */

/*
 * The name of ROOT/Chats or ROOT/Contacts, in the store's form. RC_INVALID, RC_LIMIT: ROOT can't have such a
 * child.
 */
enum rc coi_folder_name(const struct coi *coi, struct account *account, enum coi_folder folder,
	struct strv *ret_name) MUST_CHECK;
/* The name of that folder below a given root. */
enum rc coi_folder_below(
	struct account *account, struct strv root, enum coi_folder folder, struct strv *ret_name) MUST_CHECK;
/* Finds the folder. RC_NOT_FOUND: it does not exist or is \Noselect. */
enum rc coi_folder_find(
	const struct coi *coi, struct account *account, enum coi_folder folder, int64_t *ret_id) MUST_CHECK;
/* Makes and subscribes the folder if needed. This is a change by the server, so it does not enable COI. */
enum rc coi_folder_make(
	const struct coi *coi, struct account *account, enum coi_folder folder, int64_t *ret_id) MUST_CHECK;

#endif
