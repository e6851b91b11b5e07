/*
 * Opens, checks and replaces the log's file.
 */
#include "coid/logfile.h"

#include "base/mem.h"
#include "coid/server_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LOG_MODE 0640

/* Returns a new descriptor; -1: errno says why. */
static int logfile_fd(const char *path)
{
	if (path[0] == '\0')
		return fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
	return open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, LOG_MODE);
}

static enum rc logfile_complain(const char *path, struct buf *errors)
{
	buf_printf(errors, "server.log_file: %s: %s\n", path, strerror(errno));
	return RC_IO;
}

enum rc logfile_check(const struct conf *conf, struct buf *errors)
{
	const char *path = conf->server.log_file;

	if (path[0] == '\0' || access(path, W_OK) == 0)
		return RC_OK;
	if (errno != ENOENT)
		return logfile_complain(path, errors);
	/* The file will be made in this folder. The path is absolute. */
	size_t n = (size_t)(strrchr(path, '/') - path);
	char *folder = mem_strndup(n > 0 ? path : "/", n > 0 ? n : 1);
	enum rc rc = access(folder, W_OK | X_OK) == 0 ? RC_OK : logfile_complain(path, errors);
	free(folder);
	return rc;
}

enum rc logfile_open(struct server *server, struct buf *errors)
{
	const char *path = server->conf->server.log_file;

	server->log_fd = logfile_fd(path);
	if (server->log_fd < 0)
		return logfile_complain(path[0] ? path : "standard error", errors);
	server->log = log_new(server->log_fd, server->conf->server.log_level);
	return RC_OK;
}

enum rc logfile_reopen(struct server *server, const struct conf *conf, struct buf *errors)
{
	const char *path = conf->server.log_file;
	bool same = strcmp(path, server->conf->server.log_file) == 0;

	if (same && path[0] == '\0')
		return RC_OK;
	int fd = logfile_fd(path);
	if (fd < 0 && !same)
		return logfile_complain(path, errors);
	if (fd < 0) {
		/*
		 * Root may have opened the file. The old one stays in use, so that the rest of the reload
		 * takes effect.
		 */
		log_error(server->log, "can't open the log file again path=%s error=%s",
			LOG_V(strv_cstr(path)), strerror(errno));
		return RC_OK;
	}
	dup3(fd, server->log_fd, O_CLOEXEC);
	close(fd);
	log_reopened(server->log);
	return RC_OK;
}
