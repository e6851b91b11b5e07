/* link: conf */
/*
 * A configuration file and an override: the text up to a NUL byte is the file, the rest the override.
 * Whatever is accepted has all its values within the limits that the code relies on; whatever is refused says
 * why.
 */
#include "conf/conf.h"

#include "base/mem.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool condition)
{
	if (!condition)
		abort();
}

static void check_conf(const struct conf *conf)
{
	check(conf->server.root[0] == '/' && conf->server.hostname[0] != '\0' && conf->server.user != NULL);
	check(conf->server.workers >= 1 && conf->server.workers <= 256);
	check(conf->server.log_level <= LOG_LEVEL_DEBUG);
	check(conf->imap.listen.n <= CONF_ITEMS_MAX);
	for (size_t i = 0; i < conf->imap.listen.n; i++)
		check(strchr(conf->imap.listen.v[i], ':') != NULL);
	check(conf->imap.line_max >= conf->imap.line_max_before_login);
	check(strlen(conf->lmtp.separator) <= 1);
	check(conf->auth.scram_iterations >= 4096);
	check(conf->store.inline_max <= conf->store.inline_total_max);
	for (size_t i = 0; i < conf->store.default_mailboxes.n; i++) {
		struct strv name, use;
		check(conf_mailbox_split(strv_cstr(conf->store.default_mailboxes.v[i]), &name, &use));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf errors;
	struct conf *conf = NULL;
	struct strv all = strv_make(data, size);
	size_t split = strv_index(all, '\0');
	struct strv rest = strv_sub(all, split + 1, size);
	char *override = mem_strndup(rest.p, rest.n);
	const char *const overrides[] = { override };

	buf_init(&errors, CONF_ERRORS_MAX);
	enum rc rc = conf_load_text(
		"fuzz", strv_sub(all, 0, split), overrides, split < size ? 1 : 0, &errors, &conf);
	if (rc == RC_OK) {
		check_conf(conf);
		check(errors.len == 0);
	} else {
		check(rc == RC_INVALID && conf == NULL && errors.len > 0);
	}
	conf_free(&conf);
	buf_fini(&errors);
	free(override);
	return 0;
}
