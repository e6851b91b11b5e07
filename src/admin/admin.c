/* The control socket: the admin object, and the search for the verb that a request names. */
#include "admin/admin.h"

#include "admin/admin_priv.h"
#include "base/mem.h"

#include <stdlib.h>
#include <unistd.h>

static const struct verb *const families[] = {
	admin_user_verbs,
	admin_import_verbs,
	admin_server_verbs,
	admin_check_verbs,
	admin_account_verbs,
	admin_coi_verbs,
	admin_push_verbs,
};

static void admin_set_settings(struct admin *admin, const struct admin_settings *settings)
{
	free(admin->password_scheme);
	admin->settings = *settings;
	admin->password_scheme = mem_strdup(settings->password_scheme);
	admin->settings.password_scheme = admin->password_scheme;
}

struct admin *admin_new(const struct admin_settings *settings, const struct admin_hooks *hooks,
	struct store *store, struct auth *auth, struct reactor *reactor, struct log *log)
{
	struct admin *admin = mem_zalloc(sizeof(*admin));

	admin->hooks = *hooks;
	admin->store = store;
	admin->auth = auth;
	admin->reactor = reactor;
	admin->log = log;
	list_init(&admin->requests);
	admin_set_settings(admin, settings);
	return admin;
}

void admin_reload(struct admin *admin, const struct admin_settings *settings)
{
	admin_set_settings(admin, settings);
}

unsigned admin_sessions(const struct admin *admin)
{
	return admin->count;
}

void admin_stop(struct admin *admin)
{
	LIST_EACH_SAFE (node, &admin->requests) {
		struct request *request = CONTAINER_OF(node, struct request, node);
		if (admin->stopping || request->state == REQUEST_READING)
			request_drop(request);
	}
	admin->stopping = true;
}

void admin_free(struct admin **admin)
{
	if (!*admin)
		return;
	free((*admin)->password_scheme);
	free(*admin);
	*admin = NULL;
}

/* The number of words of the verb, if the request begins with them; otherwise 0. */
static unsigned admin_count_words(const struct verb *verb, const struct request_reader *reader)
{
	struct strv words = strv_cstr(verb->words);
	unsigned count = 0;

	while (words.n > 0) {
		size_t end = strv_index(words, ' ');
		if (count == reader->arg_count || !strv_eq(reader->args[count], strv_sub(words, 0, end)))
			return 0;
		words = strv_sub(words, end + 1, words.n);
		count++;
	}
	return count;
}

/* The verb at the beginning of the request; the longest match wins. */
static const struct verb *admin_find_verb(const struct request_reader *reader, unsigned *ret_words)
{
	const struct verb *best = NULL;

	*ret_words = 0;
	for (size_t f = 0; f < sizeof(families) / sizeof(families[0]); f++) {
		for (const struct verb *verb = families[f]; verb->words; verb++) {
			unsigned count = admin_count_words(verb, reader);
			if (count > *ret_words) {
				best = verb;
				*ret_words = count;
			}
		}
	}
	return best;
}

static void admin_print_verbs(struct request *request)
{
	request_out(request, "usage: coidctl [-c FILE] [-s SOCKET] VERB ...");
	for (size_t f = 0; f < sizeof(families) / sizeof(families[0]); f++) {
		for (const struct verb *verb = families[f]; verb->words; verb++)
			request_out(request, "  %s %s\t%s", verb->words, verb->usage, verb->help);
	}
}

static void admin_run_request(struct request *request)
{
	const struct request_reader *reader = &request->reader;
	unsigned words = 0;

	request->verb = admin_find_verb(reader, &words);
	if (!request->verb && (reader->arg_count == 0 || strv_eq(reader->args[0], STRV("help")))) {
		admin_print_verbs(request);
		request_finish(request, PROTOCOL_OK);
		return;
	}
	if (!request->verb) {
		request_usage(request, "unknown verb");
		return;
	}
	for (unsigned i = words; i < reader->arg_count; i++)
		request->rest[request->rest_count++] = reader->args[i];
	request->verb->run(request);
}

void admin_accept(struct admin *admin, int fd)
{
	if (admin->stopping) {
		close(fd);
		return;
	}
	request_accept(admin, fd, admin_run_request);
}
