/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <fcntl.h>
#include <sys/stat.h>

#include "tests/unit/config_reading.h"

static char directory[] = "/tmp/godwit-config-XXXXXX";

static int make_directory(void **state)
{
	return mkdtemp(directory) ? 0 : -1;
}

static int remove_directory(void **state)
{
	return rmdir(directory);
}

static const char *path(const char *name)
{
	static char buf[2][100];
	static unsigned i;

	i = !i;
	snprintf(buf[i], sizeof(buf[i]), "%s/%s", directory, name);
	return buf[i];
}

static void write_file(const char *name, mode_t mode, const char *text, size_t n)
{
	int fd = open(path(name), O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, n), n);
	assert_int_equal(fchmod(fd, mode), 0);
	close(fd);
}

static struct reading read_file(const char *name)
{
	struct reading r = { 0 };
	size_t size;
	FILE *err = open_memstream(&r.said, &size);

	r.result = config_read(path(name), &r.c, err);
	fclose(err);
	return r;
}

static void expect_file_said(const char *name, int result, const char *said)
{
	struct reading r = read_file(name);

	if (!strstr(r.said, said) || (!said[0] && r.said[0]))
		fail_msg("said: %s", r.said);
	assert_int_equal(r.result, result);
	reading_free(&r);
}

static void a_secret_is_for_us_alone(void **state)
{
	write_file("a.conf", 0600, MINIMAL, strlen(MINIMAL));
	expect_file_said("a.conf", 0, "");
	chmod(path("a.conf"), 0400);
	expect_file_said("a.conf", 0, "");
	chmod(path("a.conf"), 0640);
	expect_file_said("a.conf", ERR_CONFIG,
			 "a.conf:4:1: the file holds a secret and is open to others (mode 0640); "
			 "run: chmod 600 /tmp/");
	chmod(path("a.conf"), 0604);
	expect_file_said("a.conf", ERR_CONFIG, "(mode 0604); run: chmod 600");
	unlink(path("a.conf"));
}

static void what_is_no_file_is_refused(void **state)
{
	static char large[CONFIG_SIZE_MAX + 2];

	expect_file_said("none.conf", ERR_SYSTEM,
			 "none.conf: cannot be read: No such file or directory\n");
	expect_file_said(".", ERR_SYSTEM, "cannot be read: not a regular file\n");
	assert_int_equal(mkfifo(path("fifo.conf"), 0600), 0);
	expect_file_said("fifo.conf", ERR_SYSTEM, "cannot be read: not a regular file\n");
	unlink(path("fifo.conf"));

	memset(large, '\n', sizeof(large));
	memcpy(large, MINIMAL, strlen(MINIMAL));
	write_file("a.conf", 0600, large, CONFIG_SIZE_MAX);
	expect_file_said("a.conf", 0, "");
	write_file("a.conf", 0600, large, CONFIG_SIZE_MAX + 1);
	expect_file_said("a.conf", ERR_SYSTEM, "cannot be read: too large for a configuration\n");
	write_file("a.conf", 0600, "", 0);
	expect_file_said("a.conf", ERR_CONFIG, "[gateway] address is missing");
	unlink(path("a.conf"));
}

static void a_psk_file_lies_beside_the_configuration(void **state)
{
	static const char text[] = GATEWAY TUNNEL "[auth]\npsk-file = my.psk ; comment\n";
	struct reading r;

	write_file("a.conf", 0644, text, strlen(text));
	write_file("my.psk", 0600, "open ; sesame\n", 14);
	r = read_file("a.conf");
	assert_string_equal(r.said, "");
	assert_psk(r.c, "open ; sesame");
	reading_free(&r);
	chmod(path("my.psk"), 0644);
	expect_file_said("a.conf", ERR_CONFIG,
			 "/my.psk is open to others (mode 0644); chmod 600 makes it ours alone\n");
	unlink(path("my.psk"));
	expect_file_said("a.conf", ERR_CONFIG, "a.conf:7:12: [auth] psk-file: /tmp/");
	expect_file_said("a.conf", ERR_CONFIG, "/my.psk cannot be read: No such file or");
	unlink(path("a.conf"));
}

static void a_psk_command_is_run(void **state)
{
	static const char text[] = GATEWAY TUNNEL "[auth]\npsk-command = \"echo x; exit 3\"\n";
	static const char good[] = GATEWAY TUNNEL "[auth]\npsk-command = echo \"se same\"\n";
	struct reading r;

	write_file("a.conf", 0644, good, strlen(good));
	r = read_file("a.conf");
	assert_string_equal(r.said, "");
	assert_psk(r.c, "se same");
	reading_free(&r);
	write_file("a.conf", 0644, text, strlen(text));
	expect_file_said("a.conf", ERR_CONFIG,
			 "a.conf:7:16: [auth] psk-command: it ended with exit code 3\n");
	unlink(path("a.conf"));
}

static void a_command_that_others_can_change_is_not_run(void **state)
{
	char text[300];

	snprintf(text, sizeof(text), GATEWAY TUNNEL "[auth]\npsk-command = touch %s; echo x",
		 path("was-run"));
	*strchr(text, ';') = '&';
	write_file("a.conf", 0664, text, strlen(text));
	expect_file_said(
		"a.conf", ERR_CONFIG,
		"a.conf:7:1: others can change the command (mode 0664); run: chmod go-w /");
	chmod(path("a.conf"), 0646);
	expect_file_said("a.conf", ERR_CONFIG, "others can change the command (mode 0646)");
	assert_int_equal(access(path("was-run"), F_OK), -1);
	unlink(path("a.conf"));
}

static void nothing_is_run_for_a_file_with_errors(void **state)
{
	char text[300];

	snprintf(text, sizeof(text), GATEWAY TUNNEL "mtu = 1\n[auth]\npsk-command = touch %s\n",
		 path("was-run"));
	write_file("a.conf", 0600, text, strlen(text));
	expect_file_said("a.conf", ERR_CONFIG, "[tunnel] mtu = 1: expected");
	assert_int_equal(access(path("was-run"), F_OK), -1);
	unlink(path("a.conf"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_secret_is_for_us_alone),
		cmocka_unit_test(what_is_no_file_is_refused),
		cmocka_unit_test(a_psk_file_lies_beside_the_configuration),
		cmocka_unit_test(a_psk_command_is_run),
		cmocka_unit_test(a_command_that_others_can_change_is_not_run),
		cmocka_unit_test(nothing_is_run_for_a_file_with_errors),
	};

	return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
