/*
 * The object of COI: its settings and its life.
 */
#include "coi/coi_priv.h"

#include "base/mem.h"

#include <stdlib.h>

struct coi *coi_new(const struct coi_settings *settings, struct log *log)
{
	struct coi *coi = mem_zalloc(sizeof(*coi));

	coi->enabled = settings->enabled;
	coi->user_root = settings->user_root;
	coi->root = mem_strdup(settings->mailbox_root);
	coi->log = log;
	return coi;
}

void coi_free(struct coi **coi)
{
	struct coi *c = *coi;

	if (!c)
		return;
	*coi = NULL;
	free(c->root);
	free(c);
}

bool coi_offered(const struct coi *coi)
{
	return coi && coi->enabled;
}

void coi_on_disabled(struct coi *coi, enum rc (*fn)(void *ctx, struct account *account), void *ctx)
{
	coi->disabled = fn;
	coi->disabled_ctx = ctx;
}
