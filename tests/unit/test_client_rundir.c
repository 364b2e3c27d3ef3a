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
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "client/client.h"
#include "client/runtime.h"

static char top[64];
static FILE *err;
static char *said;
static size_t said_size;

static int place_make(void **state)
{
	strcpy(top, "/tmp/godwit-rundir.XXXXXX");
	assert_non_null(mkdtemp(top));
	setenv("GODWIT_RUNDIR", top, 1);
	err = open_memstream(&said, &said_size);
	return 0;
}

static int place_remove(void **state)
{
	static const char *const left[] = { "a", "b", "strange" };
	char path[128];

	fclose(err);
	free(said);
	snprintf(path, sizeof(path), "%s/strange/file", top);
	unlink(path);
	snprintf(path, sizeof(path), "%s/b/journal", top);
	unlink(path);
	for (size_t i = 0; i < ARRAY_SIZE(left); i++) {
		snprintf(path, sizeof(path), "%s/%s", top, left[i]);
		rmdir(path);
		unlink(path);
	}
	return rmdir(top);
}

static void names_stay_inside(void **state)
{
	char longest[CONFIG_NAME_MAX + 2];

	assert_true(rundir_name_ok("office-2.example_net"));
	assert_false(rundir_name_ok(""));
	assert_false(rundir_name_ok("."));
	assert_false(rundir_name_ok(".."));
	assert_false(rundir_name_ok("../etc"));
	assert_false(rundir_name_ok("a/b"));
	assert_false(rundir_name_ok("a b"));
	memset(longest, 'x', sizeof(longest));
	longest[CONFIG_NAME_MAX + 1] = '\0';
	assert_false(rundir_name_ok(longest));
	longest[CONFIG_NAME_MAX] = '\0';
	assert_true(rundir_name_ok(longest));
}

static void paths_fit_a_socket(void **state)
{
	char path[RUNDIR_PATH_MAX], deep[120];

	assert_true(rundir_file("a", "control", path));
	assert_memory_equal(path, top, strlen(top));
	assert_string_equal(path + strlen(top), "/a/control");
	memset(deep, 'd', sizeof(deep));
	deep[sizeof(deep) - 1] = '\0';
	setenv("GODWIT_RUNDIR", deep, 1);
	assert_false(rundir_file("a", "control", path));
}

static void made_private_and_removed(void **state)
{
	struct priv_user me = priv_user();
	struct rundir_list list;
	struct stat st;
	int fd = rundir_make("a", &me, err);

	assert_true(fd >= 0);
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(st.st_uid, me.uid);
	assert_int_equal(st.st_mode & 07777, 0700);
	close(fd);
	/* Used again as it is. */
	fd = rundir_make("a", &me, err);
	assert_true(fd >= 0);
	close(fd);
	fd = rundir_make("b", &me, err);
	close(fd);
	rundir_list(&list);
	assert_int_equal(list.n, 2);
	assert_string_equal(list.names[0], "a");
	assert_string_equal(list.names[1], "b");
	rundir_remove("a");
	rundir_remove("b");
	rundir_list(&list);
	assert_int_equal(list.n, 0);
	assert_true(rundir_open("a") < 0);
}

static void a_strange_directory_is_left_alone(void **state)
{
	struct priv_user other = { .uid = 4242, .gid = 4242 };
	char path[128];
	struct stat st;

	snprintf(path, sizeof(path), "%s/strange", top);
	assert_int_equal(mkdir(path, 0700), 0);
	strcat(path, "/file");
	close(open(path, O_CREAT | O_WRONLY, 0600));
	assert_true(rundir_make("strange", &other, err) < 0);
	fflush(err);
	assert_non_null(strstr(said, "not empty"));
	snprintf(path, sizeof(path), "%s/strange", top);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_uid, geteuid());
}

/* It has been opened to others since: what is in it may be theirs. */
static void a_directory_open_to_others_is_left_alone(void **state)
{
	struct priv_user me = priv_user();
	char path[128];

	close(rundir_make("strange", &me, err));
	snprintf(path, sizeof(path), "%s/strange/file", top);
	close(open(path, O_CREAT | O_WRONLY, 0600));
	*strrchr(path, '/') = '\0';
	for (unsigned bit = 0; bit < 6; bit++) {
		assert_int_equal(chmod(path, 0700 | 1u << bit), 0);
		assert_true(rundir_make("strange", &me, err) < 0);
	}
	assert_int_equal(chmod(path, 0700), 0);
	close(rundir_make("strange", &me, err));
}

/* The user that a connection becomes may put a socket of its own where its control socket was. */
static void a_socket_of_the_unprivileged_user_is_not_talked_to(void **state)
{
	struct priv_user user = priv_user();
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	int ends[2], fd, status;
	char *answer, byte;
	pid_t child;

	if (geteuid() != 0)
		skip();
	assert_int_equal(chmod(top, 0755), 0);
	close(rundir_make("a", &user, err));
	assert_true(rundir_file("a", RUNDIR_CONTROL, at.sun_path));
	assert_int_equal(pipe(ends), 0);
	child = fork();
	if (child == 0) {
		fd = socket(AF_UNIX, SOCK_STREAM, 0);
		if (setresuid(user.uid, user.uid, user.uid) != 0 ||
		    bind(fd, (struct sockaddr *)&at, sizeof(at)) != 0 || listen(fd, 1) != 0 ||
		    write(ends[1], "", 1) != 1)
			_exit(1);
		fd = accept(fd, NULL, NULL);
		_exit(recv(fd, &byte, 1, 0) <= 0 ? 0 : 2);
	}
	close(ends[1]);
	assert_int_equal(read(ends[0], &byte, 1), 1);
	close(ends[0]);
	assert_int_equal(client_request("a", "{\"password\":1}", &answer, err),
			 SESSION_EXIT_SYSTEM);
	assert_null(answer);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	unlink(at.sun_path);
}

static void a_link_is_not_followed(void **state)
{
	struct priv_user me = priv_user();
	char path[128];

	snprintf(path, sizeof(path), "%s/strange", top);
	assert_int_equal(symlink("/tmp", path), 0);
	assert_true(rundir_make("strange", &me, err) < 0);
	assert_true(rundir_open("strange") < 0);
}

static void nothing_to_repair(void **state)
{
	assert_int_equal(client_repair(NULL, err), 0);
	assert_int_equal(client_repair("a", err), 0);
}

static void a_forged_journal_is_not_obeyed(void **state)
{
	static const char text[] =
		"godwit journal 1\nrule pref 0 family inet action lookup table 255\n";
	struct priv_user me = { .uid = geteuid(), .gid = getegid() };
	char path[128];
	int fd = rundir_make("b", &me, err);
	int file = openat(fd, RUNDIR_JOURNAL, O_CREAT | O_WRONLY, 0666);

	assert_int_equal(write(file, text, strlen(text)), strlen(text));
	assert_int_equal(fchmod(file, 0666), 0);
	close(file);
	close(fd);
	assert_true(client_repair("b", err) < 0);
	fflush(err);
	assert_non_null(strstr(said, "not ours"));
	snprintf(path, sizeof(path), "%s/b/journal", top);
	assert_int_equal(access(path, F_OK), 0);
}

static void a_request_finds_nobody(void **state)
{
	char *answer;

	assert_int_equal(client_request(NULL, "{}", &answer, err), SESSION_EXIT_LOST);
	assert_null(answer);
	assert_int_equal(client_request("a", "{}", &answer, err), SESSION_EXIT_LOST);
	assert_int_equal(client_request("../a", "{}", &answer, err), SESSION_EXIT_USAGE);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, place_make, place_remove)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_stay_inside),
		TEST(paths_fit_a_socket),
		TEST(made_private_and_removed),
		TEST(a_strange_directory_is_left_alone),
		TEST(a_link_is_not_followed),
		TEST(nothing_to_repair),
		TEST(a_forged_journal_is_not_obeyed),
		TEST(a_request_finds_nobody),
		TEST(a_directory_open_to_others_is_left_alone),
		TEST(a_socket_of_the_unprivileged_user_is_not_talked_to),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
