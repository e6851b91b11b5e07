#include "coid/server_priv.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

void privileges_raise_descriptors(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
}

static enum rc make_root(const char *root, uid_t uid, gid_t gid, struct buf *errors)
{
	struct stat st;

	if (mkdir(root, 0700) != 0 && errno != EEXIST) {
		buf_printf(errors, "server.root: %s: %s\n", root, strerror(errno));
		return RC_IO;
	}
	if (stat(root, &st) != 0 || !S_ISDIR(st.st_mode)) {
		buf_printf(errors, "server.root: %s: not a folder\n", root);
		return RC_INVALID;
	}
	if (uid != (uid_t)-1 && st.st_uid != uid && chown(root, uid, gid) != 0) {
		buf_printf(errors, "server.root: %s: %s\n", root, strerror(errno));
		return RC_IO;
	}
	return RC_OK;
}

enum rc privileges_drop(const struct conf *conf, struct buf *errors)
{
	const char *name = conf->server.user;

	if (name[0] == '\0' || geteuid() != 0)
		return make_root(conf->server.root, (uid_t)-1, (gid_t)-1, errors);
	errno = 0;
	const struct passwd *user = getpwnam(name);
	if (!user) {
		buf_printf(errors, "server.user: there is no user %s\n", name);
		return RC_NOT_FOUND;
	}
	enum rc rc = make_root(conf->server.root, user->pw_uid, user->pw_gid, errors);
	if (rc != RC_OK)
		return rc;
	if (initgroups(name, user->pw_gid) != 0 || setgid(user->pw_gid) != 0 || setuid(user->pw_uid) != 0) {
		buf_printf(errors, "server.user: can't become %s: %s\n", name, strerror(errno));
		return RC_PERM;
	}
	return RC_OK;
}
