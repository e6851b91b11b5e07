#include "auth/users_file.h"

#include "base/arena.h"
#include "base/hash.h"
#include "base/mem.h"
#include "store/users.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

struct line {
	UT_hash_handle hh;
	struct strv name;
	struct strv password;
};

struct users_file {
	struct arena *arena;
	struct line *table;
};

static enum rc users_file_slurp(
	const char *path, struct arena *arena, struct strv *ret_text, struct buf *errors)
{
	struct stat st;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	size_t used = 0;
	char *text = NULL;

	if (fd < 0 || fstat(fd, &st) != 0) {
		buf_printf(errors, "%s: %s\n", path, strerror(errno));
		if (fd >= 0)
			close(fd);
		return RC_IO;
	}
	if (!S_ISREG(st.st_mode) || st.st_size > (off_t)USERS_FILE_MAX) {
		buf_printf(errors, "%s: not a regular file of at most %u bytes\n", path, USERS_FILE_MAX);
		close(fd);
		return RC_LIMIT;
	}
	text = arena_alloc(arena, (size_t)st.st_size + 1);
	while (used < (size_t)st.st_size) {
		ssize_t got = read(fd, text + used, (size_t)st.st_size - used);
		if (got <= 0)
			break;
		used += (size_t)got;
	}
	close(fd);
	*ret_text = strv_make(text, used);
	return RC_OK;
}

/* NULL: the line is good or empty. Otherwise a text that says what is wrong. */
static const char *line_add(struct users_file *file, struct strv text)
{
	struct line *line, *twin = NULL;
	struct strv name, password;
	size_t colon = strv_index(text, ':');

	if (text.n == 0 || text.p[0] == '#')
		return NULL;
	if (colon == text.n)
		return "no colon behind the user name";
	if (user_name_check(strv_trim(strv_sub(text, 0, colon)), file->arena, &name) != RC_OK)
		return "the user name is not an address";
	password = strv_sub(text, colon + 1, text.n);
	password = strv_trim(strv_sub(password, 0, strv_index(password, ':')));
	if (password.n == 0 || (password.p[0] != '{' && password.p[0] != '$'))
		return "the password is neither {SCHEME}hash nor a crypt hash";
	HASH_FIND(hh, file->table, name.p, name.n, twin);
	if (twin)
		return "the user stands here twice";
	line = arena_zalloc(file->arena, sizeof(*line));
	line->name = name;
	line->password = password;
	HASH_ADD_KEYPTR(hh, file->table, line->name.p, line->name.n, line);
	return NULL;
}

enum rc users_file_read(const char *path, struct buf *errors, struct users_file **ret_file)
{
	struct users_file *file = mem_zalloc(sizeof(*file));
	struct strv text;
	unsigned number = 0;

	file->arena = arena_new(0);
	enum rc rc = users_file_slurp(path, file->arena, &text, errors);
	while (rc != RC_LIMIT && rc != RC_IO && text.n > 0) {
		size_t end = strv_index(text, '\n');
		const char *problem = line_add(file, strv_trim(strv_sub(text, 0, end)));
		number++;
		if (problem) {
			buf_printf(errors, "%s:%u: %s\n", path, number, problem);
			rc = RC_INVALID;
		}
		text = strv_sub(text, end + 1, text.n);
	}
	if (rc != RC_OK) {
		users_file_free(&file);
		return rc;
	}
	*ret_file = file;
	return RC_OK;
}

void users_file_free(struct users_file **file)
{
	if (!*file)
		return;
	HASH_CLEAR(hh, (*file)->table);
	arena_free(&(*file)->arena);
	free(*file);
	*file = NULL;
}

enum rc users_file_find(const struct users_file *file, struct strv name, struct strv *ret_password)
{
	struct line *line = NULL;

	if (file)
		HASH_FIND(hh, file->table, name.p, name.n, line);
	if (!line)
		return RC_NOT_FOUND;
	*ret_password = line->password;
	return RC_OK;
}

void users_file_compare(const struct users_file *old, const struct users_file *new,
	void (*fn)(void *ctx, struct strv name, bool gone), void *ctx)
{
	struct strv password;

	for (const struct line *line = old ? old->table : NULL; line; line = line->hh.next) {
		bool gone = users_file_find(new, line->name, &password) != RC_OK;
		if (gone || !strv_eq(password, line->password))
			fn(ctx, line->name, gone);
	}
}

void users_file_each(const struct users_file *file, bool (*fn)(void *ctx, struct strv name), void *ctx)
{
	struct line *line, *next;

	if (!file)
		return;
	HASH_ITER (hh, file->table, line, next) {
		if (!fn(ctx, line->name))
			return;
	}
}
