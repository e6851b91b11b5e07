#include "support/power.h"

#include "base/clock.h"
#include "base/mem.h"
#include "store/store_priv.h"

#include <stdio.h>
#include <stdlib.h>

#define DUMP_MAX (4u * 1024 * 1024)
#define MESSAGE_MAX (8u * 1024 * 1024)

static void must(enum rc rc, const char *what)
{
	if (rc == RC_OK)
		return;
	fprintf(stderr, "power: %s: %s\n", what, rc_name(rc));
	abort();
}

void power_init(struct power *power, void (*tweak)(struct store_settings *settings))
{
	memset(power, 0, sizeof(*power));
	/* The time stands still, so that a new account made after the cut is like the one before. */
	clock_fake_set(1000, 1700000000);
	rig_folder_make(power->root);
	snprintf(power->cut, sizeof(power->cut), "%s.cut", power->root);
	buf_init(&power->message, MESSAGE_MAX);
	buf_init(&power->dump, DUMP_MAX);
	power->rec = rec_new(power->root);
	rig_init(&power->rig, power->root, rec_io(power->rec));
	if (tweak)
		tweak(&power->rig.settings);
	must(rig_open(&power->rig), "open");
	uint64_t modseq;
	power_begin(power, "new account", false);
	must(rig_dump(&power->rig, POWER_ACCOUNT, &power->dump, &modseq), "new account");
	power_end(power);
}

void power_close_store(struct power *power)
{
	if (power->rig.store)
		rig_close(&power->rig);
}

void power_reopen(struct power *power)
{
	power_begin(power, "close and open", false);
	rig_close(&power->rig);
	must(rig_open(&power->rig), "open");
	power_end(power);
}

void power_fini(struct power *power)
{
	power_close_store(power);
	clock_fake_set(0, 0);
	rec_free(&power->rec);
	rig_folder_remove(power->root);
	for (size_t i = 0; i < power->count; i++)
		free(power->steps[i].dump);
	free(power->seen);
	buf_fini(&power->message);
	buf_fini(&power->dump);
}

void power_begin(struct power *power, const char *label, bool durable)
{
	if (power->count == POWER_STEPS_MAX)
		abort();
	power->steps[power->count] =
		(struct power_step){ .label = label, .durable = durable, .begin = rec_point(power->rec) };
}

void power_end(struct power *power)
{
	struct power_step *step = &power->steps[power->count++];
	step->end = rec_point(power->rec);
	must(rig_dump(&power->rig, POWER_ACCOUNT, &power->dump, &step->modseq), step->label);
	step->dump = mem_strndup(power->dump.p, power->dump.len);
}

void power_append(struct power *power, const char *label, const char *mailbox, unsigned number, size_t size,
	struct strv prefix)
{
	buf_reset(&power->message);
	rig_message(&power->message, number, size);
	power_begin(power, label, true);
	must(rig_append(&power->rig, POWER_ACCOUNT, mailbox, buf_strv(&power->message), prefix, NULL), label);
	power_end(power);
}

/* Steps first..last are the states that are allowed at this point; `answered` is the last one that was
 * answered. */
static void allowed(
	const struct power *power, size_t point, size_t *ret_first, size_t *ret_answered, size_t *ret_last)
{
	size_t first = 0, answered = 0;
	for (size_t i = 0; i < power->count && power->steps[i].end <= point; i++) {
		answered = i;
		if (power->steps[i].durable)
			first = i;
	}
	*ret_first = first;
	*ret_answered = answered;
	*ret_last = answered + 1 < power->count ? answered + 1 : answered;
}

static bool seen(struct power *power, uint64_t key)
{
	for (size_t i = 0; i < power->seen_count; i++) {
		if (power->seen[i] == key)
			return true;
	}
	return false;
}

static void seen_add(struct power *power, uint64_t key)
{
	if (power->seen_count == power->seen_cap) {
		power->seen_cap = power->seen_cap ? power->seen_cap * 2 : 256;
		power->seen = mem_realloc(power->seen, power->seen_cap, sizeof(uint64_t));
	}
	power->seen[power->seen_count++] = key;
}

static bool bad(struct power *power, const char *what, enum rc rc)
{
	snprintf(power->reason, sizeof(power->reason), "%s: %s", what, rc_name(rc));
	return false;
}

/* The first line in which two texts differ. */
static void difference(struct power *power, const char *found, const char *expected)
{
	while (*found && *expected) {
		size_t n = strcspn(found, "\n"), m = strcspn(expected, "\n");
		if (n != m || memcmp(found, expected, n) != 0)
			break;
		found += n + (found[n] == '\n');
		expected += m + (expected[m] == '\n');
	}
	snprintf(power->reason, sizeof(power->reason),
		"state is none of those allowed: found \"%.*s\", not \"%.*s\"", (int)strcspn(found, "\n"),
		found, (int)strcspn(expected, "\n"), expected);
}

static bool check_is_clean(struct power *power, struct rig *rig, int64_t account, bool strays)
{
	struct buf report;
	struct check_result result = { 0 };
	buf_init(&report, 65536);
	enum rc rc = rig_check(rig, account, false, &report, &result);
	bool clean = result.problems - (strays ? result.strays : 0) == 0;
	if (!clean)
		snprintf(power->reason, sizeof(power->reason), "the check found: %.*s",
			(int)strcspn(report.p, "\n"), report.p);
	buf_fini(&report);
	return rc == RC_OK ? clean : bad(power, "check", rc);
}

/* Compares states. If nobody was told of the account (`untold`), it was made again after the cut, and has
 * other UIDVALIDITYs. */
static bool same_state(const char *found, const char *expected, bool untold)
{
	static const char word[] = "uidvalidity ";
	while (untold && *found && *found == *expected) {
		bool number =
			strncmp(found, word, strlen(word)) == 0 && strncmp(expected, word, strlen(word)) == 0;
		size_t n = number ? strlen(word) : 1;
		found += n;
		expected += n;
		if (number) {
			found += strspn(found, "0123456789");
			expected += strspn(expected, "0123456789");
		}
	}
	return strcmp(found, expected) == 0;
}

/* Before the sweep there may be files without a row, but no other problem; after it there are none. */
static bool is_whole(struct power *power, struct rig *rig, int64_t account)
{
	if (!check_is_clean(power, rig, account, true))
		return false;
	enum rc rc = rig_sweep(rig, account);
	if (rc != RC_OK)
		return bad(power, "sweep", rc);
	return check_is_clean(power, rig, account, false);
}

static bool compare(
	struct power *power, struct rig *rig, size_t first, size_t answered, size_t last, bool untold)
{
	uint64_t modseq;
	enum rc rc = rig_dump(rig, POWER_ACCOUNT, &power->dump, &modseq);
	if (rc != RC_OK)
		return bad(power, "the account cannot be read", rc);
	buf_addc(&power->dump, '\0');
	size_t i = first;
	while (i <= last && !same_state(power->dump.p, power->steps[i].dump, untold))
		i++;
	if (i > last) {
		difference(power, power->dump.p, power->steps[answered].dump);
		return false;
	}
	if (modseq < power->steps[answered].modseq)
		return bad(power, "modseq went back", RC_INVALID);
	return is_whole(power, rig, POWER_ACCOUNT);
}

void power_blank_uidvalidity(char *text)
{
	static const char word[] = "uidvalidity ";
	for (char *p = strstr(text, word); p; p = strstr(p, word)) {
		for (p += strlen(word); *p >= '0' && *p <= '9'; p++)
			*p = '0';
	}
}

static bool leaves(struct power *power, struct rig *rig, const struct power_after *after)
{
	uint64_t modseq;
	enum rc rc = rig_dump(rig, after->account, &power->dump, &modseq);
	if (rc != RC_OK)
		return bad(power, "the account cannot be read", rc);
	buf_addc(&power->dump, '\0');
	if (after->blank)
		power_blank_uidvalidity(power->dump.p);
	if (strcmp(power->dump.p, after->good) != 0 &&
		!(after->other && strcmp(power->dump.p, after->other) == 0)) {
		difference(power, power->dump.p, after->good);
		return false;
	}
	return is_whole(power, rig, after->account);
}

bool power_leaves(struct power *power, size_t point, enum rec_choice choice, uint64_t seed,
	const struct power_after *after)
{
	struct rig rig;
	rec_sector(power->rec, seed % 2 ? 4096 : 512);
	rec_cut(power->rec, point, choice, seed, SIZE_MAX, power->cut);
	rig_init(&rig, power->cut, NULL);
	rig.settings = power->rig.settings;
	power->reason[0] = '\0';
	enum rc rc = rig_open(&rig);
	bool good = rc == RC_OK;
	if (good) {
		snprintf(rig.store->boot_id, sizeof(rig.store->boot_id), "after-the-cut");
		good = leaves(power, &rig, after);
		rig_close(&rig);
	} else {
		(void)bad(power, "the store cannot be opened", rc);
	}
	rig_folder_remove(power->cut);
	power->verified++;
	return good;
}

bool power_verify(struct power *power, size_t point, enum rec_choice choice, uint64_t seed, size_t without)
{
	size_t first, answered, last;
	allowed(power, point, &first, &answered, &last);
	rec_sector(power->rec, seed % 2 ? 4096 : 512);
	uint64_t key = rec_cut_hash(power->rec, point, choice, seed, without) ^ (first * 1000003 + answered);
	if (seen(power, key))
		return true;
	rec_cut(power->rec, point, choice, seed, without, power->cut);
	struct rig rig;
	rig_init(&rig, power->cut, NULL);
	rig.settings = power->rig.settings;
	power->reason[0] = '\0';
	bool good;
	enum rc rc = rig_open(&rig);
	if (rc == RC_OK) {
		snprintf(rig.store->boot_id, sizeof(rig.store->boot_id), "after-the-cut");
		good = compare(power, &rig, first, answered, last, first == 0);
		rig_close(&rig);
	} else {
		good = bad(power, "the store cannot be opened", rc);
	}
	rig_folder_remove(power->cut);
	power->verified++;
	if (good)
		seen_add(power, key);
	return good;
}
