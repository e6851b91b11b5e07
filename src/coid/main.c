/*
 * coid: the command line of the daemon.
 */
#include "coid/server.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define OVERRIDES_MAX 256
#define EXIT_USAGE 64 /* sysexits.h */
#define EXIT_CONFIG 78

static int main_usage(FILE *to, int status)
{
	fputs("usage: coid [-c FILE] [-o SECTION.KEY=VALUE]... [-t]\n"
	      "  -c FILE   configuration (default: " COID_CONFIG " if it is there)\n"
	      "  -o K=V    overrides one setting, repeatable\n"
	      "  -t        checks the configuration and ends\n"
	      "  -V        prints the version\n"
	      "Signals: SIGHUP reloads, SIGTERM and SIGINT stop. See coid(8), coid.conf(5).\n",
		to);
	return status;
}

static int main_report(struct buf *errors)
{
	bool ended = errors->len > 0 && errors->p[errors->len - 1] == '\n';
	fprintf(stderr, "%.*s%s", (int)errors->len, errors->p ? errors->p : "", ended ? "" : "\n");
	buf_fini(errors);
	return EXIT_CONFIG;
}

int main(int argc, char **argv)
{
	const char *overrides[OVERRIDES_MAX];
	struct server_source source = { .overrides = overrides };
	struct server *server = NULL;
	struct buf errors;
	int check = 0;

	for (int option = getopt(argc, argv, "c:o:thV"); option != -1;
		option = getopt(argc, argv, "c:o:thV")) {
		switch (option) {
		case 'c':
			source.config = optarg;
			break;
		case 'o':
			if (source.override_count == OVERRIDES_MAX) {
				fputs("coid: too many -o\n", stderr);
				return EXIT_USAGE;
			}
			overrides[source.override_count++] = optarg;
			break;
		case 't':
			check = 1;
			break;
		case 'V':
			puts("coid " COID_VERSION);
			return 0;
		case 'h':
			return main_usage(stdout, 0);
		default:
			return main_usage(stderr, EXIT_USAGE);
		}
	}
	if (optind < argc)
		return main_usage(stderr, EXIT_USAGE);
	source.config = conf_path(source.config);
	buf_init(&errors, CONF_ERRORS_MAX);
	if (check) {
		if (server_check(&source, &errors) != RC_OK)
			return main_report(&errors);
		buf_fini(&errors);
		printf("configuration is good: %s\n",
			source.config ? source.config : "there is no " COID_CONFIG ", the defaults hold");
		return 0;
	}
	if (server_new(&source, &errors, &server) != RC_OK)
		return main_report(&errors);
	buf_fini(&errors);
	int status = server_run(server);
	server_free(&server);
	return status;
}
