/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/bytes.h"
#include "cmd/cmd.h"

#define EVENT "{\"seq\":1,\"time\":\"2026-11-22T06:30:00.000000Z\",\"event\":\"state\"}\n"

static char run_dir[] = "/tmp/timeline.XXXXXX";
static char dir[64], picture[64];
static struct sockaddr_un at = { .sun_family = AF_UNIX };

/* A connection that says this to whoever comes, and a line without an end behind it. */
static pid_t connection_begin(const char *says, size_t more)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	pid_t pid;

	assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof(at)), 0);
	assert_int_equal(listen(fd, 1), 0);
	pid = fork();
	if (pid == 0) {
		int to = accept(fd, NULL, NULL);
		FILE *out = fdopen(to, "w");

		fputs(says, out);
		while (more--)
			fputc('x', out);
		fflush(out);
		shutdown(to, SHUT_WR);
		while (read(to, dir, sizeof(dir)) > 0)
			;
		_exit(0);
	}
	close(fd);
	return pid;
}

static int draw(const char *says, size_t more)
{
	struct command_args args = { .values = { picture }, .word = { "office" } };
	pid_t pid = connection_begin(says, more);
	int rc = run_timeline(&args);

	assert_int_equal(waitpid(pid, NULL, 0), pid);
	unlink(at.sun_path);
	return rc;
}

static void all_of_a_log_is_drawn(void **state)
{
	(void)state;
	assert_int_equal(draw(EVENT "{\"log\":\"end\"}\n", 0), EXIT_CODE_OK);
	assert_int_equal(unlink(picture), 0);
}

/*
 * Where it ends before its end, nothing is drawn; also with more than there was room for, and with what
 * would be the end in the place of the line before it.
 */
static void less_is_not(void **state)
{
	static const size_t more[] = { 0, 1, 5000, 200000 };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(more); i++) {
		assert_int_equal(draw(EVENT, more[i]), EXIT_CODE_NOT_RUNNING);
		assert_int_equal(draw("", more[i]), EXIT_CODE_NOT_RUNNING);
	}
	assert_int_equal(draw("{\"log\":\"off\"}\n{\"log\":\"end\"}", 0), EXIT_CODE_NOT_RUNNING);
	assert_int_not_equal(access(picture, F_OK), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_of_a_log_is_drawn),
		cmocka_unit_test(less_is_not),
	};
	int rc;

	if (!mkdtemp(run_dir))
		return 1;
	snprintf(dir, sizeof(dir), "%s/office", run_dir);
	snprintf(picture, sizeof(picture), "%s/picture.svg", run_dir);
	snprintf(at.sun_path, sizeof(at.sun_path), "%s/control", dir);
	setenv("GODWIT_RUNDIR", run_dir, 1);
	if (mkdir(dir, 0700) != 0)
		return 1;
	rc = cmocka_run_group_tests(tests, NULL, NULL);
	rmdir(dir);
	rmdir(run_dir);
	return rc;
}
