/* SETMETADATA, COI's settings and the mover of seen messages, cut at every point. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "coi/coi.h"
#include "metadata/metadata.h"
#include "store/annot.h"
#include "store/store_priv.h"
#include "support/power.h"

#include <stdio.h>
#include <stdlib.h>

#define ACCOUNT POWER_ACCOUNT

#define STEP(power, label, durable, call)                                                                    \
	do {                                                                                                 \
		power_begin(power, label, durable);                                                          \
		assert_int_equal(call, RC_OK);                                                               \
		power_end(power);                                                                            \
	} while (0)

struct setting {
	const struct metadata *metadata;
	const char *mailbox; /* "": the account */
	const char *name;
	const char *value; /* NULL: NIL */
};

static enum rc set_run(struct account *account, void *arg)
{
	const struct setting *setting = arg;
	struct metadata_scope scope = { .mailbox_name = strv_cstr(setting->mailbox) };
	struct metadata_error error = { 0 };
	struct mbox_info info;

	if (setting->mailbox[0]) {
		enum rc rc = mbox_find(account, scope.mailbox_name, &info);
		if (rc != RC_OK)
			return rc;
		scope.mailbox = info.id;
	}
	return metadata_set(setting->metadata, account, &scope, strv_cstr(setting->name),
		strv_cstr(setting->value), &error);
}

static enum rc set(struct power *power, const struct metadata *metadata, const char *mailbox,
	const char *name, const char *value)
{
	struct setting setting = { metadata, mailbox, name, value };
	return rig_run(&power->rig, ACCOUNT, JOB_WRITE, set_run, &setting);
}

struct delivery {
	const struct coi *coi;
	struct content *content;
};

static enum rc deliver_run(struct account *account, void *arg)
{
	const struct delivery *delivery = arg;
	struct msg_new msg = { .content = delivery->content, .internaldate = 1700000000 };
	struct mbox_info info;
	uint32_t uid;

	enum rc rc = mbox_find(account, STRV("INBOX"), &info);
	int64_t mailbox = info.id;
	if (rc == RC_OK)
		rc = coi_deliver(delivery->coi, account, false, &mailbox, &msg);
	return rc == RC_OK ? msg_append(account, mailbox, &msg, &uid) : rc;
}

static enum rc deliver(struct power *power, const struct coi *coi, unsigned number)
{
	struct delivery delivery = { .coi = coi };

	buf_reset(&power->message);
	buf_adds(&power->message, "Chat-Version: 1.0\r\n");
	rig_message(&power->message, number, 700);
	enum rc rc = rig_receive(&power->rig, buf_strv(&power->message), &delivery.content);
	if (rc == RC_OK)
		rc = rig_run(&power->rig, ACCOUNT, JOB_WRITE, deliver_run, &delivery);
	content_unref(&delivery.content);
	return rc;
}

/* Does what the store does after the commit that has set \Seen; the mover's job is then queued before
 * later ones. */
static enum rc move_run(struct account *account, void *arg)
{
	const struct marked_hooks *hooks = arg;
	struct mbox_info info;

	enum rc rc = mbox_find(account, STRV("INBOX"), &info);
	if (rc == RC_OK)
		hooks->hand_over(hooks->ctx, account, info.id, NULL);
	return rc;
}

static enum rc nothing_run(struct account *account, void *arg)
{
	(void)account;
	(void)arg;
	return RC_OK;
}

/* Waits for the mover, and for the jobs that it submits. */
static enum rc move(struct power *power, struct marked_hooks *hooks)
{
	enum rc rc = rig_run(&power->rig, ACCOUNT, JOB_READ, move_run, hooks);
	for (unsigned i = 0; rc == RC_OK && i < 2; i++)
		rc = rig_run(&power->rig, ACCOUNT, JOB_READ, nothing_run, NULL);
	return rc;
}

static void cut_everywhere(struct power *power)
{
	size_t end = rec_point(power->rec);
	size_t step = 0;

	for (size_t point = 0; point <= end; point++) {
		while (step < power->count && power->steps[step].end < point)
			step++;
		bool edge = step < power->count && power->steps[step].end == point;
		for (unsigned i = 0; i < REC_CHOICES + 2; i++) {
			enum rec_choice choice = i < REC_CHOICES ? (enum rec_choice)i
						 : i % 2         ? REC_RANDOM
								 : REC_TORN;
			if (!edge && i > 0 && i != 1 + point % (REC_CHOICES + 1))
				continue;
			if (!power_verify(power, point, choice, point + i, SIZE_MAX))
				fail_msg("cut at %zu (%s), step \"%s\", choice %u: %s", point,
					rec_describe(power->rec, point),
					step < power->count ? power->steps[step].label : "end", i,
					power->reason);
		}
	}
	printf("%zu entries, %u different states\n", end, power->verified);
}

static void settings_and_moves_are_all_or_nothing(void **state)
{
	struct metadata_settings limits = { .value_max = 65536, .entries_max = 100 };
	struct coi_settings settings = { .enabled = true, .mailbox_root = "COI" };
	struct metadata_provider provider;
	struct power power;

	(void)state;
	struct metadata *metadata = metadata_new(&limits);
	struct coi *coi = coi_new(&settings, NULL);
	coi_provider(coi, &provider);
	metadata_add(metadata, &provider);
	power_init(&power, NULL);
	coi_attach(coi, power.rig.store);
	/* Marking and moving are separate steps here. */
	struct marked_hooks hooks = power.rig.store->marked_hooks;
	power.rig.store->marked_hooks.hand_over = NULL;

	STEP(&power, "SETMETADATA", true, set(&power, metadata, "", "/private/comment", "mine"));
	STEP(&power, "SETMETADATA, a mailbox", true,
		set(&power, metadata, "INBOX", "/shared/comment", "ours"));
	STEP(&power, "enable", true, set(&power, metadata, "", COI_PREFIX "/enabled", "yes"));
	STEP(&power, "filter", true, set(&power, metadata, "", COI_PREFIX "/message-filter", "active"));
	STEP(&power, "LMTP, active", true, deliver(&power, coi, 1));
	STEP(&power, "filter", true, set(&power, metadata, "", COI_PREFIX "/message-filter", "seen"));
	STEP(&power, "LMTP, seen", true, deliver(&power, coi, 2));
	STEP(&power, "LMTP, seen", true, deliver(&power, coi, 3));
	STEP(&power, "STORE", false, rig_flags(&power.rig, ACCOUNT, "INBOX", 1, MSG_SEEN));
	STEP(&power, "mover", true, move(&power, &hooks));
	STEP(&power, "STORE", false, rig_flags(&power.rig, ACCOUNT, "INBOX", 2, MSG_SEEN));
	STEP(&power, "filter", true, set(&power, metadata, "", COI_PREFIX "/message-filter", NULL));
	STEP(&power, "mover, too late", true, move(&power, &hooks));
	STEP(&power, "SETMETADATA NIL", true, set(&power, metadata, "INBOX", "/shared/comment", NULL));
	STEP(&power, "disable", true, set(&power, metadata, "", COI_PREFIX "/enabled", NULL));
	power_close_store(&power);
	cut_everywhere(&power);
	power_fini(&power);
	metadata_free(&metadata);
	coi_free(&coi);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(settings_and_moves_are_all_or_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
