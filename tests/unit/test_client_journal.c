/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "client/runtime.h"

struct place {
	char path[64];
	int dir;
};

static int place_make(void **state)
{
	struct place *p = calloc(1, sizeof(*p));

	strcpy(p->path, "/tmp/godwit-journal.XXXXXX");
	assert_non_null(mkdtemp(p->path));
	p->dir = open(p->path, O_RDONLY | O_DIRECTORY);
	*state = p;
	return p->dir < 0;
}

static int place_remove(void **state)
{
	struct place *p = *state;

	unlinkat(p->dir, RUNDIR_JOURNAL, 0);
	unlinkat(p->dir, "other", 0);
	close(p->dir);
	rmdir(p->path);
	free(p);
	return 0;
}

/* What was undone, in order. */
struct undone {
	char text[200];
	const char *refuse; /* this line cannot be undone */
};

static bool is_valid(void *ctx, const char *line)
{
	return strncmp(line, "thing ", 6) == 0;
}

static bool undo(void *ctx, const char *line)
{
	struct undone *u = ctx;

	strcat(u->text, line + 6);
	return !u->refuse || strcmp(u->refuse, line) != 0;
}

#define HEADER "godwit journal 1\n"

/* HEADER stands for the header of our own network namespace. */
static void put(struct place *p, const char *text)
{
	int fd = openat(p->dir, RUNDIR_JOURNAL, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	struct stat net;

	assert_int_equal(stat("/proc/self/ns/net", &net), 0);
	if (strncmp(text, HEADER, strlen(HEADER)) == 0) {
		dprintf(fd, "godwit journal 1 net %ju\n", (uintmax_t)net.st_ino);
		text += strlen(HEADER);
	}
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
}

static size_t size_of(struct place *p)
{
	struct stat st;

	assert_int_equal(fstatat(p->dir, RUNDIR_JOURNAL, &st, 0), 0);
	return (size_t)st.st_size;
}

static void undoes_in_reverse(void **state)
{
	struct place *p = *state;
	struct undone u = { "", NULL };
	struct journal j;

	assert_int_equal(journal_open(p->dir, true, &j), 0);
	assert_int_equal(journal_add(&j, "thing 1"), 0);
	assert_int_equal(journal_add(&j, "thing 2"), 0);
	assert_int_equal(journal_add(&j, "thing 3"), 0);
	assert_int_equal(journal_undo(&j, is_valid, undo, &u), 3);
	assert_string_equal(u.text, "321");
	assert_int_equal(size_of(p), 0);
	journal_close(&j);
	assert_int_equal(faccessat(p->dir, RUNDIR_JOURNAL, F_OK, 0), -1);
}

static void survives_a_crash(void **state)
{
	struct place *p = *state;
	struct undone u = { "", NULL };
	struct journal j;
	pid_t child = fork();

	if (child == 0) {
		if (journal_open(p->dir, true, &j) || journal_add(&j, "thing 1") ||
		    journal_add(&j, "thing 2"))
			_exit(1);
		kill(getpid(), SIGKILL);
	}
	waitpid(child, NULL, 0);
	assert_int_equal(journal_open(p->dir, false, &j), 0);
	assert_true(j.begun);
	assert_int_equal(journal_undo(&j, is_valid, undo, &u), 2);
	assert_string_equal(u.text, "21");
	/* It goes on in the same file, which begins anew. */
	assert_int_equal(journal_add(&j, "thing 4"), 0);
	u.text[0] = '\0';
	assert_int_equal(journal_undo(&j, is_valid, undo, &u), 1);
	assert_string_equal(u.text, "4");
	journal_close(&j);
}

static void one_process_at_a_time(void **state)
{
	struct place *p = *state;
	struct journal first, second;

	assert_int_equal(journal_open(p->dir, true, &first), 0);
	assert_int_equal(journal_open(p->dir, true, &second), ERR_UNEXPECTED);
	assert_int_equal(second.fd, -1);
	journal_close(&first);
	assert_int_equal(journal_open(p->dir, true, &second), 0);
	journal_close(&second);
}

static void a_torn_line_was_not_made(void **state)
{
	struct place *p = *state;
	struct undone u = { "", NULL };
	struct journal j;

	put(p, "godwit journal 1\nthing 1\nthing 2\nthin");
	assert_int_equal(journal_open(p->dir, false, &j), 0);
	assert_int_equal(journal_undo(&j, is_valid, undo, &u), 2);
	assert_string_equal(u.text, "21");
	journal_close(&j);
}

static void nothing_is_done_on_bad_text(void **state)
{
	static const char *const bad[] = {
		"thing 1\n",
		"godwit journal 2\nthing 1\n",
		"godwit journal 1\nthing 1\nrm -rf /\nthing 2\n",
		"godwit journal 1\nthing 1\n\nthing 2\n",
		"godwit journal 1\nthing \x01\n",
		"godwit journal 1\nthing 1\nthing \xc3\xa4\n",
	};
	struct place *p = *state;
	struct undone u = { "", NULL };
	struct journal j;

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		off_t size;

		put(p, bad[i]);
		size = size_of(p);
		assert_int_equal(journal_open(p->dir, false, &j), 0);
		assert_int_equal(journal_undo(&j, is_valid, undo, &u), ERR_MALFORMED);
		assert_string_equal(u.text, "");
		journal_close(&j);
		assert_int_equal(size_of(p), size);
	}
}

/* Nothing of it is there: that must not be taken for "undone". */
static void another_network_is_left_alone(void **state)
{
	struct place *p = *state;
	struct undone u = { "", NULL };
	struct journal j;

	put(p, "godwit journal 1 net 1\nthing 1\n");
	assert_int_equal(journal_open(p->dir, false, &j), 0);
	assert_int_equal(journal_undo(&j, is_valid, undo, &u), ERR_UNEXPECTED);
	assert_string_equal(u.text, "");
	journal_close(&j);
	assert_true(size_of(p) > 0);
}

static void what_cannot_be_undone_is_kept(void **state)
{
	struct place *p = *state;
	struct undone u = { "", "thing 2" };
	struct journal j;

	put(p, "godwit journal 1\nthing 1\nthing 2\nthing 3\n");
	assert_int_equal(journal_open(p->dir, false, &j), 0);
	assert_int_equal(journal_undo(&j, is_valid, undo, &u), ERR_SYSTEM);
	assert_string_equal(u.text, "321");
	journal_close(&j);
	assert_true(size_of(p) > 0);
}

static void sizes_are_bounded(void **state)
{
	struct place *p = *state;
	struct undone u = { "", NULL };
	char line[JOURNAL_LINE_MAX + 1];
	struct journal j;
	char *text;

	memset(line, 'x', sizeof(line));
	line[JOURNAL_LINE_MAX] = '\0';
	assert_int_equal(journal_open(p->dir, true, &j), 0);
	assert_int_equal(journal_add(&j, line), ERR_NO_ROOM);
	assert_int_equal(journal_add(&j, "two\nlines"), ERR_NO_ROOM);
	assert_int_equal(journal_add(&j, ""), ERR_NO_ROOM);
	for (int i = 0; i < JOURNAL_LINES_MAX; i++)
		assert_int_equal(journal_add(&j, "thing "), 0);
	assert_int_equal(journal_add(&j, "thing "), ERR_NO_ROOM);
	assert_int_equal(journal_undo(&j, is_valid, undo, &u), JOURNAL_LINES_MAX);
	journal_close(&j);

	text = malloc(JOURNAL_SIZE_MAX + 100);
	strcpy(text, "godwit journal 1\n");
	memset(text + 17, 'x', JOURNAL_SIZE_MAX);
	text[JOURNAL_SIZE_MAX + 17] = '\0';
	put(p, text);
	free(text);
	assert_int_equal(journal_open(p->dir, false, &j), 0);
	assert_int_equal(journal_undo(&j, is_valid, undo, &u), ERR_MALFORMED);
	journal_close(&j);
}

static void only_a_file_of_ours(void **state)
{
	struct place *p = *state;
	struct journal j;

	assert_int_equal(journal_open(p->dir, false, &j), ERR_SYSTEM);
	assert_int_equal(symlinkat("other", p->dir, RUNDIR_JOURNAL), 0);
	assert_int_equal(journal_open(p->dir, true, &j), ERR_PERMISSION);
	unlinkat(p->dir, RUNDIR_JOURNAL, 0);
	assert_int_equal(mkfifoat(p->dir, RUNDIR_JOURNAL, 0600), 0);
	assert_int_equal(journal_open(p->dir, true, &j), ERR_PERMISSION);
	unlinkat(p->dir, RUNDIR_JOURNAL, 0);
	put(p, "godwit journal 1\nthing 1\n");
	assert_int_equal(fchmodat(p->dir, RUNDIR_JOURNAL, 0666, 0), 0);
	assert_int_equal(journal_open(p->dir, true, &j), ERR_PERMISSION);
	assert_int_equal(fchmodat(p->dir, RUNDIR_JOURNAL, 0600, 0), 0);
	assert_int_equal(linkat(p->dir, RUNDIR_JOURNAL, p->dir, "other", 0), 0);
	assert_int_equal(journal_open(p->dir, true, &j), ERR_PERMISSION);
	unlinkat(p->dir, "other", 0);
	if (geteuid() != 0)
		return;
	assert_int_equal(fchownat(p->dir, RUNDIR_JOURNAL, 65534, 65534, 0), 0);
	assert_int_equal(journal_open(p->dir, true, &j), ERR_PERMISSION);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, place_make, place_remove)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(undoes_in_reverse),
		TEST(survives_a_crash),
		TEST(one_process_at_a_time),
		TEST(a_torn_line_was_not_made),
		TEST(another_network_is_left_alone),
		TEST(nothing_is_done_on_bad_text),
		TEST(what_cannot_be_undone_is_kept),
		TEST(sizes_are_bounded),
		TEST(only_a_file_of_ours),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
