/*
 * `coidctl check --server`: examines server.db and the folders of the accounts while the daemon is stopped.
 */
#include "admin/protocol.h"
#include "base/log.h"
#include "coidctl/coidctl.h"
#include "conf/conf.h"
#include "store/users_check.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define REPORT_MAX (16u << 20)
#define ROOT_ROOM 3072

struct offline_options {
	bool repair;
	const char *root;
	const char *config;
};

bool offline_is_server_check(int argc, char **argv)
{
	if (argc < 1 || strcmp(argv[0], "check") != 0)
		return false;
	for (int i = 1; i < argc; i++)
		if (strcmp(argv[i], "--server") == 0)
			return true;
	return false;
}

static int offline_usage(void)
{
	fputs("usage: coidctl check --server [--repair] [--root FOLDER | --config FILE]\n"
	      "  The daemon must be stopped. FOLDER is its server.root; FILE is by default that of -c, "
	      "or " COID_CONFIG "\n",
		stderr);
	return PROTOCOL_USAGE;
}

static bool offline_read_options(
	int argc, char **argv, const char *config, struct offline_options *ret_options)
{
	struct offline_options options = { .config = config };
	for (int i = 1; i < argc; i++) {
		bool more = i + 1 < argc;
		if (strcmp(argv[i], "--repair") == 0)
			options.repair = true;
		else if (strcmp(argv[i], "--root") == 0 && more)
			options.root = argv[++i];
		else if (strcmp(argv[i], "--config") == 0 && more)
			options.config = argv[++i];
		else if (strcmp(argv[i], "--server") != 0)
			return false;
	}
	*ret_options = options;
	return true;
}

/* Reads server.root of the configuration. */
static bool offline_read_root(const struct offline_options *options, char root[ROOT_ROOM])
{
	struct conf *conf = NULL;
	struct buf errors;
	if (options->root) {
		snprintf(root, ROOT_ROOM, "%s", options->root);
		return true;
	}
	buf_init(&errors, CONF_ERRORS_MAX);
	bool ok = conf_load(conf_path(options->config), NULL, 0, &errors, &conf) == RC_OK;
	if (ok)
		snprintf(root, ROOT_ROOM, "%s", conf->server.root);
	else
		fprintf(stderr, "%.*s", (int)errors.len, errors.p ? errors.p : "");
	conf_free(&conf);
	buf_fini(&errors);
	return ok;
}

/* If it runs as root, it becomes the folder's owner, so that files that it makes belong to the daemon. */
static bool offline_become_owner(const char *root)
{
	struct stat st;
	if (stat(root, &st) != 0) {
		fprintf(stderr, "coidctl: %s: %s\n", root, strerror(errno));
		return false;
	}
	if (geteuid() != 0 || st.st_uid == 0)
		return true;
	if (setegid(st.st_gid) == 0 && seteuid(st.st_uid) == 0)
		return true;
	fprintf(stderr, "coidctl: can't become the owner of %s: %s\n", root, strerror(errno));
	return false;
}

static int offline_print_result(const struct offline_options *options, const struct buf *report,
	const struct users_check_result *result)
{
	fwrite(report->p ? report->p : "", 1, report->len, stdout);
	printf("users: %" PRIu64 "\nfolders: %" PRIu64 "\nproblems: %u\n", result->users, result->folders,
		result->problems);
	if (options->repair)
		printf("left: %u\n", result->left);
	return result->left == 0 ? PROTOCOL_OK : PROTOCOL_FAILED;
}

int offline_server_check(int argc, char **argv, const char *config)
{
	struct offline_options options;
	struct users_check_result result = { 0 };
	char root[ROOT_ROOM];
	struct buf report;
	if (!offline_read_options(argc, argv, config, &options))
		return offline_usage();
	if (!offline_read_root(&options, root) || !offline_become_owner(root))
		return PROTOCOL_FAILED;
	struct log *log = log_new(STDERR_FILENO, LOG_LEVEL_WARN);
	buf_init(&report, REPORT_MAX);
	enum rc rc = users_check(root, options.repair, log, &report, &result);
	int status = PROTOCOL_FAILED;
	if (rc == RC_OK)
		status = offline_print_result(&options, &report, &result);
	else
		fprintf(stderr, "coidctl: %s: %s\n", root,
			rc == RC_INUSE ? "the server is running: stop it first" : rc_name(rc));
	buf_fini(&report);
	log_free(&log);
	return status;
}
