/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Runs a fuzz target once over each file given, and over each file in each directory given: the
 * target without libFuzzer, for any compiler. Every input is a block of exactly its own size, so
 * that the address sanitizer sees the first byte read beyond it. No input at all is a failure.
 */
#include <dirent.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void die(const char *path, const char *what)
{
	fprintf(stderr, "replay: %s: %s\n", path, what);
	exit(2);
}

static unsigned replay_file(const char *path, size_t size)
{
	FILE *f = fopen(path, "rb");
	uint8_t *data = malloc(size);

	if (!f)
		die(path, strerror(errno));
	if (!data && size > 0)
		die(path, "no memory");
	if (fread(data, 1, size, f) != size)
		die(path, "cannot be read");
	fclose(f);
	LLVMFuzzerTestOneInput(data, size);
	free(data);
	return 1;
}

static unsigned replay_path(const char *path)
{
	struct dirent **entries;
	unsigned done = 0;
	struct stat st;
	int n;

	if (stat(path, &st) < 0)
		die(path, strerror(errno));
	if (!S_ISDIR(st.st_mode))
		return replay_file(path, (size_t)st.st_size);
	n = scandir(path, &entries, NULL, alphasort);
	if (n < 0)
		die(path, strerror(errno));
	for (int i = 0; i < n; i++) {
		char child[4096];

		snprintf(child, sizeof(child), "%s/%s", path, entries[i]->d_name);
		if (entries[i]->d_name[0] != '.')
			done += replay_path(child);
		free(entries[i]);
	}
	free(entries);
	return done;
}

int main(int argc, char **argv)
{
	unsigned done = 0;

	for (int i = 1; i < argc; i++)
		done += replay_path(argv[i]);
	if (done == 0)
		die(argc > 1 ? argv[1] : "", "no input");
	printf("%u inputs\n", done);
	return 0;
}
