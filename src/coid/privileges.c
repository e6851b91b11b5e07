/* The rights of the process: its user, its folder, and the abilities that it gives up. */
#include "coid/privileges.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <string.h>
#include <sys/prctl.h>
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

static enum rc privileges_make_root(const char *root, uid_t uid, gid_t gid, struct buf *errors)
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

/* Checks each step afterwards: if a system call succeeds without effect, the process must not stay root. */
static bool privileges_become(const struct passwd *user)
{
	if (initgroups(user->pw_name, user->pw_gid) != 0 || setgid(user->pw_gid) != 0 ||
		setuid(user->pw_uid) != 0)
		return false;
	bool same = getuid() == user->pw_uid && geteuid() == user->pw_uid && getgid() == user->pw_gid &&
		    getegid() == user->pw_gid;
	if (same && (user->pw_uid == 0 || setuid(0) != 0))
		return true;
	errno = EPERM;
	return false;
}

static enum rc privileges_become_user(const struct conf *conf, struct log *log, struct buf *errors)
{
	const char *name = conf->server.user;

	if (name[0] == '\0') {
		buf_adds(errors,
			"server.user: started as root: name the user to become (or root, to stay root)\n");
		return RC_INVALID;
	}
	errno = 0;
	const struct passwd *user = getpwnam(name);
	if (!user) {
		buf_printf(errors, "server.user: there is no user %s\n", name);
		return RC_NOT_FOUND;
	}
	if (user->pw_uid == 0) {
		log_info(log, "server.user is root: whoever breaks into this process has the whole machine");
		return privileges_make_root(conf->server.root, (uid_t)-1, (gid_t)-1, errors);
	}
	enum rc rc = privileges_make_root(conf->server.root, user->pw_uid, user->pw_gid, errors);
	if (rc != RC_OK)
		return rc;
	if (!privileges_become(user)) {
		buf_printf(errors, "server.user: can't become %s: %s\n", name, strerror(errno));
		return RC_PERM;
	}
	return RC_OK;
}

/* The process is not root: server.user may name only the process's own user. */
static enum rc privileges_stay_user(const struct conf *conf, struct buf *errors)
{
	const char *name = conf->server.user;
	const struct passwd *user = name[0] ? getpwnam(name) : NULL;

	if (name[0] && !user) {
		buf_printf(errors, "server.user: there is no user %s\n", name);
		return RC_NOT_FOUND;
	}
	if (user && user->pw_uid != geteuid()) {
		buf_printf(errors, "server.user: only root can become %s\n", name);
		return RC_PERM;
	}
	return privileges_make_root(conf->server.root, (uid_t)-1, (gid_t)-1, errors);
}

/* This comes after the last change of user, which resets some of it. */
static void privileges_harden(const struct conf *conf, struct log *log)
{
	struct rlimit none = { 0, 0 };
	bool dumps = conf->server.core_dumps;

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		log_warn(log, "can't give up new privileges errno=%d", errno);
	if (!dumps && setrlimit(RLIMIT_CORE, &none) != 0)
		log_warn(log, "can't turn core dumps off errno=%d", errno);
	if (prctl(PR_SET_DUMPABLE, dumps ? 1 : 0, 0, 0, 0) != 0)
		log_warn(log, "can't say whether this process may be dumped errno=%d", errno);
}

enum rc privileges_drop(const struct conf *conf, struct log *log, struct buf *errors)
{
	bool root = getuid() == 0 || geteuid() == 0;
	enum rc rc = root ? privileges_become_user(conf, log, errors) : privileges_stay_user(conf, errors);

	if (rc == RC_OK)
		privileges_harden(conf, log);
	return rc;
}
