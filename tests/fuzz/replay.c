/*
 * Runs a fuzz target over every file of the folders and files named on the command line: the corpus as an
 * ordinary test. Exit status 1 if a folder is missing or holds no file, so that a lost corpus is noticed.
 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int replay_file(const char *path)
{
	FILE *file = fopen(path, "rb");
	if (!file) {
		perror(path);
		return -1;
	}
	struct stat st;
	if (fstat(fileno(file), &st) != 0 || !S_ISREG(st.st_mode)) {
		fclose(file);
		return 0;
	}
	size_t size = (size_t)st.st_size;
	uint8_t *data = malloc(size ? size : 1);
	size_t got = data ? fread(data, 1, size, file) : 0;
	fclose(file);
	if (!data || got != size) {
		free(data);
		return -1;
	}
	/* An exact copy on the heap, so that a read past the end is seen. */
	LLVMFuzzerTestOneInput(data, size);
	free(data);
	return 1;
}

static int replay_dir(const char *path)
{
	DIR *dir = opendir(path);
	if (!dir)
		return replay_file(path);
	int count = 0;
	for (struct dirent *entry = readdir(dir); entry; entry = readdir(dir)) {
		char name[4096];
		if (entry->d_name[0] == '.')
			continue;
		snprintf(name, sizeof(name), "%s/%s", path, entry->d_name);
		int got = replay_file(name);
		if (got < 0) {
			count = -1;
			break;
		}
		count += got;
	}
	closedir(dir);
	return count;
}

int main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		int count = replay_dir(argv[i]);
		if (count <= 0) {
			fprintf(stderr, "no corpus in %s\n", argv[i]);
			return 1;
		}
		printf("%s: %d inputs\n", argv[i], count);
	}
	return argc > 1 ? 0 : 1;
}
