/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <fcntl.h>
#include <sys/stat.h>

#include "tests/unit/config_reading.h"

#define REMOTE "[tunnel]\nremote = 10.99.0.0/24\n"
#define HEAD GATEWAY REMOTE "[auth]\n"

/* ---- what good files mean ---- */

static void a_user_is_known_beforehand(void **state)
{
	struct reading r = read_good(HEAD "psk = sesame\nxauth = yes\nusername = EX\\alice\n"
					  "password = \" open ; sesame\"\ndomain = EX\n");
	const struct session_config *s = &r.c->session;

	assert_int_equal(s->ike.auth, IKE_AUTH_PSK);
	assert_true(s->ike.xauth);
	assert_string_equal(s->username, "EX\\alice");
	assert_string_equal(s->user_domain, "EX");
	assert_secret(&s->password, " open ; sesame");
	assert_false(s->ask_always);
	assert_null(r.c->password_command);
	reading_free(&r);
}

static void without_xauth_there_is_no_user(void **state)
{
	struct reading r = read_good(HEAD "psk = sesame\nxauth = no\ninteractive = no\n");
	const struct session_config *s = &r.c->session;

	assert_false(s->ike.xauth);
	assert_false(s->ask_always);
	assert_string_equal(s->username, "");
	assert_int_equal(s->password.n, 0);
	assert_null(s->ike.credentials);
	reading_free(&r);
}

static void a_user_may_be_asked_for(void **state)
{
	struct reading r = read_good(HEAD "psk = sesame\nxauth = yes\ninteractive = yes\n");

	assert_true(r.c->session.ike.xauth);
	assert_true(r.c->session.ask_always);
	assert_string_equal(r.c->session.username, "");
	reading_free(&r);
}

/* It is for later, each time a password is needed. */
static void a_password_command_is_kept_and_not_run(void **state)
{
	struct config_source source = { .file = "vpn.conf", .mode = 0600, .fetch = true };
	static const char text[] = HEAD
		"psk = sesame\nxauth = yes\npassword-command = \"exit 3; \"\n";
	struct reading r;

	source.owner = geteuid();
	r = read_source(source, text, strlen(text));
	assert_string_equal(r.said, "");
	assert_string_equal(r.c->password_command, "exit 3; ");
	assert_int_equal(r.c->session.password.n, 0);
	reading_free(&r);
}

static void methods_take_what_they_need(void **state)
{
	static const struct {
		const char *auth;
		enum ike_auth method;
		bool xauth;
	} cases[] = {
		{ "method = hybrid\nca = ca.pem\n", IKE_AUTH_HYBRID, true },
		{ "method = hybrid\nca = ca.pem\npsk = group\nxauth = yes\n", IKE_AUTH_HYBRID,
		  true },
		{ "method = hybrid\nca = ca.pem\ncrl = x\npassword = p\n", IKE_AUTH_HYBRID, true },
		{ "method = certificate\nca = ca.pem\ncertificate = a\nkey = b\n", IKE_AUTH_RSA,
		  false },
		{ "method = certificate\nca = ca.pem\npkcs12 = a\nkey-password = b\nxauth = yes\n",
		  IKE_AUTH_RSA, true },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char text[400];
		struct reading r;

		snprintf(text, sizeof(text), HEAD "%s", cases[i].auth);
		r = read_good(text);
		assert_int_equal(r.c->session.ike.auth, cases[i].method);
		assert_int_equal(r.c->session.ike.xauth, cases[i].xauth);
		reading_free(&r);
	}
}

/* ---- what bad ones are told ---- */

static const char *const complaints[][2] = {
	{ HEAD "method = hybrid\n", "vpn.conf:6:10: [auth] method = hybrid needs ca: the "
				    "certificates of those who vouch for the gateway\n" },
	{ HEAD "method = certificate\npkcs12 = x\n",
	  "vpn.conf:6:10: [auth] method = certificate needs ca: the certificates of those who "
	  "vouch for the gateway\n" },
	{ HEAD "method = certificate\nca = x\n",
	  "vpn.conf:6:10: [auth] method = certificate needs our own: set certificate and key, or "
	  "pkcs12\n" },
	{ HEAD "method = certificate\nca = x\ncertificate = y\n",
	  "vpn.conf:8:15: [auth] certificate needs its private key: set key\n" },
	{ HEAD "method = certificate\nca = x\nkey = y\n",
	  "vpn.conf:8:7: [auth] key is of no use without its certificate: set certificate\n" },
	{ HEAD "method = certificate\nca = x\npkcs12 = y\nkey = z\n",
	  "vpn.conf:9:1: [auth] key stands beside pkcs12, which has both in it; keep one of "
	  "them\n" },
	{ HEAD "method = certificate\nca = x\npkcs12 = y\npsk = z\n",
	  "vpn.conf:9:1: [auth] psk is of no use with method = certificate; remove it\n" },
	{ HEAD "method = hybrid\nca = x\ncertificate = z\nkey-password = p\n",
	  "vpn.conf:8:1: [auth] certificate is of no use with method = hybrid, where the gateway "
	  "alone has a certificate; remove it\n"
	  "vpn.conf:9:1: [auth] key-password is of no use with method = hybrid, where the gateway "
	  "alone has a certificate; remove it\n" },
	{ HEAD "psk = x\nca = y\ncrl = z\n",
	  "vpn.conf:7:1: [auth] ca is of no use with method = psk; remove it, or choose method = "
	  "certificate or hybrid\n"
	  "vpn.conf:8:1: [auth] crl is of no use with method = psk; remove it, or choose method = "
	  "certificate or hybrid\n" },
	{ HEAD "method = hybrid\nca = x\nxauth = no\n",
	  "vpn.conf:8:9: [auth] xauth = no does not go with method = hybrid, which is about the "
	  "user's password; remove it\n" },
	{ HEAD "psk = x\nusername = alice\npassword = p\ndomain = d\ninteractive = yes\n",
	  "vpn.conf:7:1: [auth] username is of no use without a user: set xauth = yes, or remove "
	  "it\n"
	  "vpn.conf:8:1: [auth] password is of no use without a user: set xauth = yes, or remove "
	  "it\n"
	  "vpn.conf:9:1: [auth] domain is of no use without a user: set xauth = yes, or remove it\n"
	  "vpn.conf:10:15: [auth] interactive is of no use without a user: set xauth = yes, or "
	  "remove it\n" },
	{ HEAD "psk = x\nxauth = yes\npassword = p\npassword-file = f\npassword-command = c\n",
	  "vpn.conf:9:1: [auth] password-file stands beside password in line 8; keep one of "
	  "them\n" },
	{ HEAD "psk = x\nxauth = yes\npassword = p ; the old one\n",
	  "vpn.conf:8:14: [auth] password: there is a ; in or behind it; put a value that has one "
	  "in double quotes, and a comment on a line of its own\n" },
	{ HEAD "method = hybrd\n",
	  "vpn.conf:6:10: [auth] method = hybrd: expected psk, certificate or hybrid; did you mean "
	  "hybrid?\n" },
	{ HEAD "psk = x\nxauth = ys\nusername = alice\n",
	  "vpn.conf:7:9: [auth] xauth = ys: expected yes or no; did you mean yes?\n" },
	{ HEAD "pks = x\n", "vpn.conf:6:1: unknown key pks in [auth]; did you mean psk?\n" },
	{ HEAD "psk = x\nxauth = yes\npassword = p\ninteractive = yes\n",
	  "vpn.conf:8:1: warning: [auth] password is not used, since interactive = yes asks each "
	  "time\n" },
};

static void complaints_say_where_and_what(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(complaints); i++)
		expect_said(complaints[i][0], strlen(complaints[i][0]), complaints[i][1]);
}

/* ---- who may read and write the file ---- */

static void expect_mode(const char *auth, mode_t mode, uid_t owner, const char *said)
{
	struct config_source source = { .file = "vpn.conf", .owner = owner, .mode = mode };
	char text[400];
	struct reading r;

	snprintf(text, sizeof(text), HEAD "%s", auth);
	r = read_source(source, text, strlen(text));
	assert_string_equal(r.said, said);
	assert_int_equal(r.result, said[0] ? ERR_CONFIG : 0);
	reading_free(&r);
}

static void every_secret_is_for_us_alone(void **state)
{
	static const char *const secrets[] = {
		"psk = x\n",
		"password = x\nmethod = hybrid\nca = c\n",
		"key-password = x\nmethod = certificate\nca = c\npkcs12 = p\n",
	};

	for (size_t i = 0; i < ARRAY_SIZE(secrets); i++) {
		expect_mode(secrets[i], 0600, geteuid(), "");
		expect_mode(secrets[i], 0640, geteuid(),
			    "vpn.conf:6:1: the file holds a secret and is open to others (mode "
			    "0640); run: chmod 600 vpn.conf\n");
	}
	/* What only names another place may be read by all. */
	expect_mode("psk-file = f\nxauth = yes\npassword-file = g\n", 0644, geteuid(), "");
}

static void every_command_is_ours(void **state)
{
	static const char *const commands[] = {
		"psk-command = x\n",
		"password-command = x\nmethod = hybrid\nca = c\n",
		"[hooks]\nscript = x\n[auth]\nmethod = hybrid\nca = c\n",
	};
	char said[300];

	for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
		unsigned line = i == 2 ? 7 : 6;

		expect_mode(commands[i], 0644, geteuid(), "");
		expect_mode(commands[i], 0644, 0, "");
		snprintf(
			said, sizeof(said),
			"vpn.conf:%u:1: others can change the command (mode 0664); run: chmod go-w "
			"vpn.conf\n",
			line);
		expect_mode(commands[i], 0664, geteuid(), said);
		snprintf(
			said, sizeof(said),
			"vpn.conf:%u:1: the command is uid 4711's, who owns the file, and would run "
			"as uid %u; run: chown %u vpn.conf\n",
			line, (unsigned)geteuid(), (unsigned)geteuid());
		expect_mode(commands[i], 0644, 4711, said);
	}
}

/* ---- what comes from other files ---- */

static char directory[] = "/tmp/godwit-auth-XXXXXX";

static int make_directory(void **state)
{
	return mkdtemp(directory) ? 0 : -1;
}

static int remove_directory(void **state)
{
	static const char *const files[] = { "ca.pem", "ca.crl",     "me.pem",	"me.key",
					     "me.p12", "me.pem.key", "open.key" };

	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		char name[100];

		snprintf(name, sizeof(name), "%s/%s", directory, files[i]);
		unlink(name);
	}
	return rmdir(directory);
}

static const char *path(const char *name)
{
	static char buf[100];

	snprintf(buf, sizeof(buf), "%s/%s", directory, name);
	return buf;
}

static void write_file(const char *name, const char *text)
{
	int fd = open(path(name), O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
}

/* A text in memory, called as if it lay in the directory. */
static struct reading read_text(const char *text)
{
	struct config_source source = { .owner = geteuid(), .mode = 0600, .fetch = true };
	char file[100];

	snprintf(file, sizeof(file), "%s", path("office.conf"));
	source.file = file;
	return read_source(source, text, strlen(text));
}

/* Names of files are beside it, its secrets and commands are the caller's own. */
static void a_text_in_memory_is_as_a_file_of_ours(void **state)
{
	static const char text[] = HEAD
		"psk-command = echo group\nxauth = yes\npassword-file = my.password\n";
	struct reading r;

	write_file("my.password", "open sesame\n");
	r = read_text(text);
	assert_string_equal(r.said, "");
	assert_string_equal(r.c->name, "office");
	assert_psk(r.c, "group");
	assert_secret(&r.c->session.password, "open sesame");
	reading_free(&r);
	chmod(path("my.password"), 0644);
	r = read_text(text);
	assert_int_equal(r.result, ERR_CONFIG);
	assert_non_null(
		strstr(r.said, "/office.conf:8:17: [auth] password-file: /tmp/godwit-auth-"));
	assert_non_null(strstr(r.said, "/my.password is open to others (mode 0644)"));
	reading_free(&r);
	unlink(path("my.password"));
	r = read_text(HEAD "psk = x\nno = y\n");
	assert_null(r.c);
	assert_non_null(strstr(r.said, "/office.conf:7:1: unknown key no in [auth]"));
	reading_free(&r);
}

/* One of the project's certificates and keys, under this name beside the configuration. */
static void take_vector(const char *vector, const char *name, mode_t mode)
{
	const char *source = getenv("GODWIT_SOURCE");
	char from[400], bytes[8192];
	int fd = open(path(name), O_WRONLY | O_CREAT | O_TRUNC, 0600);
	size_t n;
	FILE *f;

	snprintf(from, sizeof(from), "%s/tests/vectors/cert/%s", source ? source : ".", vector);
	f = fopen(from, "r");
	if (!f || fd < 0)
		fail_msg("cannot copy %s", from);
	n = fread(bytes, 1, sizeof(bytes), f);
	fclose(f);
	assert_int_equal(write(fd, bytes, n), n);
	assert_int_equal(fchmod(fd, mode), 0);
	close(fd);
}

static void certificates_are_loaded(void **state)
{
	static const char *const texts[] = {
		HEAD "method = certificate\nca = ca.pem\ncertificate = me.pem\nkey = me.key\n",
		HEAD "method = certificate\nca = ca.pem\npkcs12 = me.p12\nkey-password = secret\n",
		HEAD "method = hybrid\nca = ca.pem\ncrl = ca.crl\n",
	};
	struct slice chain[CERT_CHAIN_MAX];

	take_vector("root.pem", "ca.pem", 0644);
	take_vector("root.crl", "ca.crl", 0644);
	take_vector("leaf.pem", "me.pem", 0644);
	take_vector("leaf.key", "me.key", 0600);
	take_vector("leaf.p12", "me.p12", 0600);
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		struct reading r = read_text(texts[i]);

		assert_string_equal(r.said, "");
		assert_non_null(r.c->credentials);
		assert_ptr_equal(r.c->session.ike.credentials, r.c->credentials);
		assert_int_equal(credentials_chain(r.c->credentials, chain) > 0, i < 2);
		reading_free(&r);
	}
}

/* The line is that of the file complained of, though one name begins another. */
static void a_certificate_that_cannot_be_used_is_named(void **state)
{
	static const struct {
		const char *key, *file, *place, *said;
	} cases[] = {
		{ "key", "none", ":9:7: [auth] key: ", "/none" },
		{ "key", "me.pem.key",
		  ":8:15: [auth] certificate: ", "/me.pem: the private key does" },
		{ "crl = gone\nkey", "me.key", ":9:7: [auth] crl: ", "/gone" },
		{ "key", "open.key", ":9:7: [auth] key: ", "open to others (mode 0644)" },
	};
	char text[400];

	take_vector("foreign.key", "me.pem.key", 0600);
	take_vector("leaf.key", "open.key", 0644);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct reading r;

		snprintf(text, sizeof(text),
			 HEAD "method = certificate\nca = ca.pem\ncertificate = me.pem\n%s = %s\n",
			 cases[i].key, cases[i].file);
		r = read_text(text);
		assert_int_equal(r.result, ERR_CONFIG);
		if (!strstr(r.said, cases[i].place) || !strstr(r.said, cases[i].said))
			fail_msg("said: %s", r.said);
		reading_free(&r);
	}
}

static void a_wrong_password_is_not_told(void **state)
{
	struct reading r = read_text(HEAD "method = certificate\nca = ca.pem\npkcs12 = me.p12\n"
					  "key-password = opensesame\n");

	assert_int_equal(r.result, ERR_CONFIG);
	if (!strstr(r.said, ":8:10: [auth] pkcs12: ") || strstr(r.said, "opensesame"))
		fail_msg("said: %s", r.said);
	reading_free(&r);
	r = read_text(HEAD "method = hybrid\nca = none.pem\n");
	assert_int_equal(r.result, ERR_CONFIG);
	if (!strstr(r.said, ":7:6: [auth] ca: ") || !strstr(r.said, "/none.pem"))
		fail_msg("said: %s", r.said);
	reading_free(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_user_is_known_beforehand),
		cmocka_unit_test(without_xauth_there_is_no_user),
		cmocka_unit_test(a_user_may_be_asked_for),
		cmocka_unit_test(a_password_command_is_kept_and_not_run),
		cmocka_unit_test(methods_take_what_they_need),
		cmocka_unit_test(complaints_say_where_and_what),
		cmocka_unit_test(every_secret_is_for_us_alone),
		cmocka_unit_test(every_command_is_ours),
		cmocka_unit_test(a_text_in_memory_is_as_a_file_of_ours),
		cmocka_unit_test(certificates_are_loaded),
		cmocka_unit_test(a_certificate_that_cannot_be_used_is_named),
		cmocka_unit_test(a_wrong_password_is_not_told),
	};

	return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
