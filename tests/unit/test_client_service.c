/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "client/service.h"
#include "tests/unit/config_reading.h"

#define REMOTE "[tunnel]\nremote = 10.99.0.0/24\n"
#define HEAD GATEWAY REMOTE "[auth]\n"

static char directory[] = "/tmp/godwit-service-XXXXXX";
static char path[200];

static const char *in_directory(const char *name)
{
	snprintf(path, sizeof(path), "%s/%s", directory, name);
	return path;
}

static int make_directory(void **state)
{
	return mkdtemp(directory) && setenv("CREDENTIALS_DIRECTORY", directory, 1) == 0 ? 0 : -1;
}

static int remove_directory(void **state)
{
	return rmdir(directory);
}

static void give(const char *name, const char *text)
{
	int fd = open(in_directory(name), O_WRONLY | O_CREAT | O_TRUNC, 0400);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
}

static void take_back(const char *name)
{
	assert_int_equal(unlink(in_directory(name)), 0);
}

/* ---- what the service manager is told ---- */

#ifdef GODWIT_SYSTEMD
/* NULL: nothing. */
static void expect_told(int fd, const char *text)
{
	char buf[400] = "";

	assert_int_equal(recv(fd, buf, sizeof(buf) - 1, MSG_DONTWAIT),
			 text ? (int)strlen(text) : -1);
	assert_string_equal(buf, text ? text : "");
}

static void words_reach_the_socket(void **state)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int n = snprintf(addr.sun_path, sizeof(addr.sun_path), "%s/notify", directory);
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	assert_true(n > 0 && (size_t)n < sizeof(addr.sun_path));
	assert_int_equal(bind(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	setenv("NOTIFY_SOCKET", addr.sun_path, 1);
	service_status("%s: %u", "SA", 1U);
	expect_told(fd, "STATUS=SA: 1");
	service_status("a line\nREADY=1");
	expect_told(fd, "STATUS=a line READY=1");
	service_ready();
	expect_told(fd, "READY=1");
	service_stopping();
	expect_told(fd, "STOPPING=1");
	/* Who is not asked to says nothing. */
	unsetenv("NOTIFY_SOCKET");
	service_ready();
	service_status("nothing");
	service_stopping();
	expect_told(fd, NULL);
	close(fd);
	take_back("notify");
}
#endif

/* ---- what it gives ---- */

static void expect_beside(const char *config, const char *file, const char *wanted)
{
	char *got = service_beside(config, file);

	assert_string_equal(got, wanted);
	free(got);
}

static void files_are_beside_the_configuration(void **state)
{
	expect_beside("/etc/x/a.conf", "me.key", "/etc/x/me.key");
	expect_beside("/etc/x/a.conf", "keys/me.key", "/etc/x/keys/me.key");
	expect_beside("/etc/x/a.conf", "/srv/me.key", "/srv/me.key");
	expect_beside("a.conf", "me.key", "me.key");
}

static void files_beside_a_credential_are_credentials(void **state)
{
	char config[250], wanted[250];

	snprintf(config, sizeof(config), "%s/a.conf", directory);
	give("a.d_me.key", "key");
	snprintf(wanted, sizeof(wanted), "%s/a.d_me.key", directory);
	expect_beside(config, "a.d/me.key", wanted);
	expect_beside(config, "ca.pem", SERVICE_DIRECTORY "/ca.pem");
	expect_beside(config, "/srv/me.key", "/srv/me.key");
	take_back("a.d_me.key");
	/* A directory whose name only begins like theirs is not theirs. */
	snprintf(config, sizeof(config), "%sX/a.conf", directory);
	snprintf(wanted, sizeof(wanted), "%sX/ca.pem", directory);
	expect_beside(config, "ca.pem", wanted);
}

static struct reading read_fetching(const char *text)
{
	struct config_source source = {
		.file = "vpn.conf", .owner = geteuid(), .mode = 0600, .fetch = true
	};

	return read_source(source, text, strlen(text));
}

static void secrets_that_are_not_set_are_credentials(void **state)
{
	struct reading r;

	give("psk", "sesame\n");
	give("password", "open\n");
	r = read_fetching(HEAD "xauth = yes\nusername = alice\n");
	assert_string_equal(r.said, "");
	assert_psk(r.c, "sesame");
	assert_secret(&r.c->session.password, "open");
	reading_free(&r);
	take_back("psk");
	take_back("password");
}

static void what_is_set_counts_before_credentials(void **state)
{
	struct reading r;

	give("psk", "sesame\n");
	give("password", "open\n");
	r = read_fetching(HEAD "psk = own\nxauth = yes\ninteractive = yes\n");
	assert_string_equal(r.said, "");
	assert_psk(r.c, "own");
	assert_int_equal(r.c->session.password.n, 0);
	reading_free(&r);
	take_back("psk");
	take_back("password");
}

static void an_empty_credential_is_none(void **state)
{
	struct reading r;

	give("psk", "");
	r = read_fetching(HEAD);
	assert_int_equal(r.result, ERR_CONFIG);
	assert_non_null(strstr(r.said, "no pre-shared key"));
	reading_free(&r);
	take_back("psk");
}

static void a_bad_credential_is_named(void **state)
{
	struct reading r;

	give("psk", "two\nlines\n");
	r = read_fetching(HEAD);
	assert_int_equal(r.result, ERR_CONFIG);
	assert_non_null(strstr(r.said, "the credential psk: it gives more than one line"));
	reading_free(&r);
	take_back("psk");
}

static void private_keys_are_credentials(void **state)
{
	struct reading r;

	give("key", "no key\n");
	r = read_fetching(HEAD
			  "method = certificate\nca = /etc/hostname\ncertificate = /nowhere\n");
	assert_int_equal(r.result, ERR_CONFIG);
	/* It was looked for: what is missing is the certificate alone. */
	assert_null(strstr(r.said, "needs its private key"));
	reading_free(&r);
	take_back("key");
}

/* ---- descriptors ---- */

static int pipe_with(const char *text)
{
	int ends[2];

	assert_int_equal(pipe(ends), 0);
	assert_int_equal(write(ends[1], text, strlen(text)), strlen(text));
	close(ends[1]);
	return ends[0];
}

static void secrets_come_from_descriptors(void **state)
{
	int psk = pipe_with("sesame\n"), password = pipe_with("open");
	char text[400];
	struct reading r;

	snprintf(text, sizeof(text),
		 HEAD "psk-fd = %d\nxauth = yes\nusername = alice\npassword-fd = %d\n", psk,
		 password);
	r = read_fetching(text);
	assert_string_equal(r.said, "");
	assert_psk(r.c, "sesame");
	assert_secret(&r.c->session.password, "open");
	reading_free(&r);
	/* Nobody who is started later finds them. */
	assert_int_equal(fcntl(psk, F_GETFD), -1);
	assert_int_equal(fcntl(password, F_GETFD), -1);
}

static void a_descriptor_that_is_not_open_is_named(void **state)
{
	struct reading r = read_fetching(HEAD "psk-fd = 1000\n");

	assert_int_equal(r.result, ERR_CONFIG);
	assert_non_null(strstr(r.said, "[auth] psk-fd: it cannot be read: Bad file descriptor"));
	reading_free(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#ifdef GODWIT_SYSTEMD
		cmocka_unit_test(words_reach_the_socket),
#endif
		cmocka_unit_test(files_are_beside_the_configuration),
		cmocka_unit_test(files_beside_a_credential_are_credentials),
		cmocka_unit_test(secrets_that_are_not_set_are_credentials),
		cmocka_unit_test(what_is_set_counts_before_credentials),
		cmocka_unit_test(an_empty_credential_is_none),
		cmocka_unit_test(a_bad_credential_is_named),
		cmocka_unit_test(private_keys_are_credentials),
		cmocka_unit_test(secrets_come_from_descriptors),
		cmocka_unit_test(a_descriptor_that_is_not_open_is_named),
	};

	return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
