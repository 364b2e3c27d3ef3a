/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cmd/cmd.h"

static char directory[] = "/tmp/godwit-vpnc-XXXXXX";
static char pid_file[80], out_file[80], program[80];
static char said[200];

static int set_up(void **state)
{
	if (!mkdtemp(directory))
		return -1;
	snprintf(pid_file, sizeof(pid_file), "%s/x.pid", directory);
	snprintf(out_file, sizeof(out_file), "%s/out", directory);
	snprintf(program, sizeof(program), "%s/vpnc", directory);
	return 0;
}

static int tear_down(void **state)
{
	unlink(pid_file);
	unlink(out_file);
	unlink(program);
	return rmdir(directory);
}

/* With what it says on stdout in `said`. */
static int disconnect(void)
{
	char name[] = "vpnc-disconnect";
	char *argv[] = { name, pid_file, NULL };
	int kept, fd = open(out_file, O_RDWR | O_CREAT | O_TRUNC, 0600), code;
	ssize_t got;

	fflush(stdout);
	kept = dup(STDOUT_FILENO);
	dup2(fd, STDOUT_FILENO);
	code = vpnc_disconnect_main(2, argv);
	fflush(stdout);
	dup2(kept, STDOUT_FILENO);
	close(kept);
	got = pread(fd, said, sizeof(said) - 1, 0);
	close(fd);
	said[got > 0 ? got : 0] = '\0';
	return code;
}

static void write_pid(const char *text)
{
	FILE *f = fopen(pid_file, "w");

	fputs(text, f);
	fclose(f);
}

static pid_t start(const char *path)
{
	char name[] = "vpnc", seconds[] = "60";
	char *argv[] = { name, seconds, NULL };
	int ready[2];
	char c;
	pid_t pid;

	assert_int_equal(pipe2(ready, O_CLOEXEC), 0);
	pid = fork();
	if (pid == 0) {
		execv(path, argv);
		_exit(127);
	}
	close(ready[1]);
	/* It ends with the exec. */
	assert_int_equal(read(ready[0], &c, 1), 0);
	close(ready[0]);
	snprintf(said, sizeof(said), "%d\n", (int)pid);
	write_pid(said);
	return pid;
}

static void expect_none(void)
{
	assert_int_equal(disconnect(), 1);
	assert_string_equal(said, "no vpnc found running\n");
}

static void nothing_runs(void **state)
{
	static const char *const texts[] = { "",	 "\n",	"0\n",	 "1\n",
					     "-5\n",	 "x\n", "12x\n", "99999999999999999999\n",
					     "4194305\n" };

	unlink(pid_file);
	expect_none();
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		write_pid(texts[i]);
		expect_none();
	}
}

static void anothers_process_is_left_alone(void **state)
{
	pid_t pid = start("/bin/sleep");
	int status;

	expect_none();
	assert_int_equal(waitpid(pid, &status, WNOHANG), 0);
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
}

static void copy_sleep(void)
{
	int in = open("/bin/sleep", O_RDONLY), out = open(program, O_WRONLY | O_CREAT, 0700);
	struct stat st;

	assert_int_equal(fstat(in, &st), 0);
	assert_int_equal(sendfile(out, in, NULL, (size_t)st.st_size), st.st_size);
	close(in);
	close(out);
}

static void ends(pid_t pid)
{
	char text[80];
	int status;

	snprintf(text, sizeof(text), "Terminating vpnc daemon (pid: %d)\n", (int)pid);
	assert_int_equal(disconnect(), 0);
	assert_string_equal(said, text);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGTERM);
}

static void ours_ends(void **state)
{
	copy_sleep();
	ends(start(program));
}

/* An upgrade has taken the file away. */
static void ours_ends_without_its_file(void **state)
{
	pid_t pid = start(program);

	unlink(program);
	ends(pid);
	expect_none();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_runs),
		cmocka_unit_test(anothers_process_is_left_alone),
		cmocka_unit_test(ours_ends),
		cmocka_unit_test(ours_ends_without_its_file),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
