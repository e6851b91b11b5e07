/* The text that a function prints to standard output and standard error. */
#ifndef COID_TESTS_PRINTED_H
#define COID_TESTS_PRINTED_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

struct printed {
	int status;
	char out[16384];
	char err[4096];
};

static inline int printed_redirect(int fd, FILE *file)
{
	int saved = dup(fd);
	dup2(fileno(file), fd);
	return saved;
}

static inline void printed_take(int fd, int saved, FILE *file, char *text, size_t room)
{
	dup2(saved, fd);
	close(saved);
	rewind(file);
	text[fread(text, 1, room - 1, file)] = '\0';
	fclose(file);
}

/* Calls fn with these words, NULL at the end. */
static inline void printed_by(
	struct printed *printed, int (*fn)(int argc, char **argv), const char *const *words)
{
	FILE *out = tmpfile(), *err = tmpfile();
	char *argv[16] = { NULL };
	int argc = 0;

	for (; words[argc]; argc++)
		argv[argc] = strdup(words[argc]);
	fflush(NULL);
	int saved_out = printed_redirect(STDOUT_FILENO, out),
	    saved_err = printed_redirect(STDERR_FILENO, err);
	printed->status = fn(argc, argv);
	fflush(NULL);
	printed_take(STDOUT_FILENO, saved_out, out, printed->out, sizeof(printed->out));
	printed_take(STDERR_FILENO, saved_err, err, printed->err, sizeof(printed->err));
	while (argc > 0)
		free(argv[--argc]);
}

#define WORDS(...) ((const char *const[]){ __VA_ARGS__, NULL })

#endif
