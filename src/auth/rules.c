#include "auth/rules.h"

#include "base/mem.h"

#include <stdlib.h>

static void rules_copy_domains(struct rules *rules, const struct auto_create_rules *from)
{
	rules->auto_create = *from;
	rules->domains = mem_alloc((from->domain_count + 1) * sizeof(char *));
	for (size_t i = 0; i < from->domain_count; i++)
		rules->domains[i] = mem_strdup(from->domains[i]);
	rules->auto_create.domains = (const char *const *)rules->domains;
}

static void rules_free(struct rules *rules)
{
	for (size_t i = 0; i < rules->auto_create.domain_count; i++)
		free(rules->domains[i]);
	free(rules->domains);
	free(rules->trusted);
	users_file_free(&rules->file);
	free(rules->dummy);
	free(rules->scheme);
	free(rules);
}

static enum rc rules_make_dummy(struct rules *rules, struct buf *errors)
{
	struct buf dummy;

	buf_init(&dummy, 1024);
	enum rc rc = auth_make_hash(rules->scheme, STRV("no password is this one"), &dummy);
	if (rc != RC_OK)
		buf_printf(errors, "auth.password_scheme: %s is not a scheme that this system can make\n",
			rules->scheme);
	else
		rules->dummy = mem_strndup(dummy.p, dummy.len);
	buf_fini(&dummy);
	return rc;
}

static enum rc rules_read_trusted(
	struct rules *rules, const struct auth_settings *settings, struct buf *errors)
{
	rules->trusted = mem_zalloc((settings->trusted_count + 1) * sizeof(*rules->trusted));
	for (size_t i = 0; i < settings->trusted_count; i++) {
		if (!peer_range_parse(strv_cstr(settings->trusted[i]), &rules->trusted[i])) {
			buf_printf(errors, "auth.trusted_networks: %s is no network\n", settings->trusted[i]);
			return RC_INVALID;
		}
		rules->trusted_count++;
	}
	return RC_OK;
}

struct rules *rules_new(const struct auth_settings *settings, struct buf *errors)
{
	struct rules *rules = mem_zalloc(sizeof(*rules));

	atomic_init(&rules->refs, 1);
	rules->delay_max_ms = settings->delay_max_ms;
	rules->grid_ms = settings->grid_ms;
	rules->guard = settings->guard;
	rules_copy_domains(rules, &settings->auto_create);
	rules->scram_iterations = settings->scram_iterations;
	rules->scheme = mem_strdup(settings->password_scheme ? settings->password_scheme : "YESCRYPT");
	enum rc rc = rules_make_dummy(rules, errors);
	if (rc == RC_OK)
		rc = rules_read_trusted(rules, settings, errors);
	if (rc == RC_OK && settings->users_file && settings->users_file[0])
		rc = users_file_read(settings->users_file, errors, &rules->file);
	if (rc != RC_OK) {
		rules_free(rules);
		return NULL;
	}
	return rules;
}

void rules_unref(struct rules **rules)
{
	struct rules *r = *rules;
	*rules = NULL;
	if (!r || atomic_fetch_sub(&r->refs, 1) != 1)
		return;
	rules_free(r);
}

bool rules_trust(const struct rules *rules, const char *peer)
{
	for (size_t i = 0; i < rules->trusted_count; i++) {
		if (peer_range_has(&rules->trusted[i], peer))
			return true;
	}
	return false;
}

uint64_t rules_failure_due(const struct rules *rules, unsigned failures, uint64_t elapsed)
{
	uint64_t grid = rules->grid_ms;
	if (grid == 0)
		return elapsed;
	unsigned shift = failures < 2 ? 0 : failures > 17 ? 16 : failures - 1;
	uint64_t delay = grid << shift;
	if (delay > rules->delay_max_ms)
		delay = rules->delay_max_ms;
	if (delay < elapsed)
		delay = elapsed;
	uint64_t slots = (delay + grid - 1) / grid;
	return (slots > 0 ? slots : 1) * grid;
}
