/*
 * A whole server in this process, in a folder of its own, on a port that the system chooses and on UNIX
 * sockets. It keeps the user of the process. Options can be changed after it was made, for a reload.
 */
#ifndef COID_TESTS_SERVER_RIG_H
#define COID_TESTS_SERVER_RIG_H

#include "base/mem.h"
#include "coid/server_priv.h"
#include "support/store_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <sys/stat.h>
#include <unistd.h>

#define UNUSED __attribute__((unused))
#define OPTIONS_MAX 24

struct house {
	char folder[512];
	char *options[OPTIONS_MAX]; /* own: "section.key=value" */
	struct server_source source;
	struct server *server; /* own; NULL until house_start */
	struct buf errors;
};

/* Replaces the option of that key, or adds it. */
static UNUSED void house_option(struct house *house, const char *key, const char *value)
{
	char text[1024];
	size_t i = 0, n = strlen(key);

	while (i < house->source.override_count &&
		(strncmp(house->options[i], key, n) != 0 || house->options[i][n] != '='))
		i++;
	assert_true(i < OPTIONS_MAX);
	if (i == house->source.override_count)
		house->source.override_count++;
	free(house->options[i]);
	snprintf(text, sizeof(text), "%s=%s", key, value);
	house->options[i] = mem_strdup(text);
}

/* Sets an option to a path in the folder. */
static UNUSED void house_path(struct house *house, const char *key, const char *name)
{
	char path[640];

	snprintf(path, sizeof(path), "%s/%s", house->folder, name);
	house_option(house, key, path);
}

static UNUSED int house_setup(void **state)
{
	struct house *house = mem_zalloc(sizeof(*house));

	rig_folder_make(house->folder);
	house->source.overrides = (const char *const *)house->options;
	buf_init(&house->errors, CONF_ERRORS_MAX);
	house_path(house, "server.root", "root");
	house_path(house, "server.log_file", "log");
	house_path(house, "lmtp.socket", "lmtp");
	house_path(house, "control.socket", "control");
	house_path(house, "metrics.listen", "metrics");
	house_option(house, "server.user", geteuid() == 0 ? "root" : "");
	house_option(house, "server.hostname", "host.example");
	house_option(house, "server.reactors", "2");
	house_option(house, "server.workers", "2");
	/* Leak checks read the memory of the process. */
	house_option(house, "server.core_dumps", "yes");
	house_option(house, "imap.listen", "127.0.0.1:0");
	house_option(house, "imap.listen_tls", "");
	house_option(house, "tls.cert", "");
	house_option(house, "tls.key", "");
	*state = house;
	return 0;
}

static UNUSED int house_teardown(void **state)
{
	struct house *house = *state;

	server_free(&house->server);
	for (size_t i = 0; i < house->source.override_count; i++)
		free(house->options[i]);
	buf_fini(&house->errors);
	rig_folder_remove(house->folder);
	free(house);
	return 0;
}

static UNUSED void house_start(struct house *house)
{
	if (server_new(&house->source, &house->errors, &house->server) != RC_OK)
		fail_msg("%.*s", (int)house->errors.len, house->errors.p);
	assert_int_equal(house->errors.len, 0);
}

static UNUSED int house_setup_started(void **state)
{
	if (house_setup(state) != 0)
		return -1;
	house_start(*state);
	return 0;
}

/* Checks that `errors` has this text, and empties it. */
static UNUSED void assert_told(struct house *house, const char *text)
{
	struct buf *errors = &house->errors;

	if (errors->len == 0 || !memmem(errors->p, errors->len, text, strlen(text)))
		fail_msg("no '%s' in '%.*s'", text, (int)errors->len, errors->p ? errors->p : "");
	buf_reset(errors);
}

/* The text of the log so far; the caller frees it. */
static UNUSED char *house_log(struct house *house)
{
	char path[640];
	struct buf text;

	snprintf(path, sizeof(path), "%s/log", house->folder);
	FILE *file = fopen(path, "r");
	assert_non_null(file);
	buf_init(&text, 1024 * 1024);
	for (size_t n = 1; n > 0;) {
		char *room = buf_reserve(&text, 4096);
		assert_non_null(room);
		n = fread(room, 1, 4096, file);
		buf_commit(&text, n);
	}
	fclose(file);
	buf_addc(&text, '\0');
	return text.p;
}

#endif
