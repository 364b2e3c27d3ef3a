/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "client/client.h"
#include "client/options.h"

#define SAYS_MAX 2000

static char said[SAYS_MAX];

static struct config *read_settings(const char *file, const char *const *words)
{
	struct client_settings s = { 0 };
	struct config *c = NULL;
	FILE *err = fmemopen(said, sizeof(said), "w");

	for (; *words; words += 2)
		s.list[s.n++] = (struct client_setting){ words[0], words[1] };
	if (file)
		config_read_with(file, &s, true, &c, err);
	else
		config_read_settings(&s, true, &c, err);
	fclose(err);
	return c;
}

#define READ(file, ...) read_settings(file, (const char *const[]){ __VA_ARGS__, NULL })

/* Every key of a section without a name is there once, in the table's order, and is found again. */
static void test_table(void **state)
{
	struct client_long_option o;
	unsigned n = 0;

	(void)state;
	for (unsigned i = 0; i < options_n; i++) {
		char name[80];
		FILE *err;

		if (option_section_find(options[i].section)->named)
			continue;
		assert_true(client_long_option(n++, &o));
		snprintf(name, sizeof(name), "--%s-%s", options[i].section, options[i].key);
		assert_string_equal(o.name, name);
		assert_string_equal(o.expect, options[i].expect);
		err = fmemopen(said, sizeof(said), "w");
		assert_int_equal(client_setting_find(name, strlen(name), err),
				 o.refused ? CLIENT_SETTING_REFUSED : CLIENT_SETTING_FOUND);
		fclose(err);
		assert_int_equal(client_setting_find(name, strlen(name) - 1, stderr) ==
					 CLIENT_SETTING_UNKNOWN,
				 strcmp(name, "--nat-pingtime2") != 0 &&
					 strcmp(name, "--nat-pingtries2") != 0);
	}
	assert_false(client_long_option(n, &o));
}

/* And every one of them is in the example, but those of one value. */
static void test_example(void **state)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);
	struct client_long_option o;

	(void)state;
	config_write_example(out);
	fclose(out);
	for (unsigned i = 0; client_long_option(i, &o); i++) {
		char line[80];

		snprintf(line, sizeof(line), "%s = ", o.key);
		assert_true(!o.help || strstr(text, line));
	}
	free(text);
}

static void test_secrets(void **state)
{
	static const struct {
		const char *name;
		const char *says;
	} secrets[] = {
		{ "--auth-psk",
		  "use --auth-psk-file FILE or --auth-psk-command COMMAND, or leave it" },
		{ "--auth-password", "use --auth-password-file FILE or --auth-password-command" },
		{ "--auth-key-password", "write it into the file" },
	};

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(secrets); i++) {
		FILE *err = fmemopen(said, sizeof(said), "w");

		assert_int_equal(client_setting_find(secrets[i].name, strlen(secrets[i].name), err),
				 CLIENT_SETTING_REFUSED);
		fclose(err);
		assert_non_null(strstr(said, secrets[i].says));
	}
}

static void test_alone(void **state)
{
	struct config *c = READ(NULL, "--gateway-address", "vpn.example.com, 192.0.2.1",
				"--auth-identity", "staff", "--auth-xauth", "yes");

	(void)state;
	assert_non_null(c);
	assert_string_equal(c->name, "vpn.example.com");
	assert_int_equal(c->session.ngateways, 2);
	assert_true(c->session.ike.xauth);
	assert_true(c->psk_asked);
	config_free(c);
	/* An address has characters that a name cannot have. */
	c = READ(NULL, "--gateway-address", "2001:db8::1");
	assert_string_equal(c->name, "2001-db8--1");
	config_free(c);
}

static void test_over_file(void **state)
{
	char file[] = "/tmp/settings-XXXXXX";
	int fd = mkstemp(file);
	struct config *c;

	(void)state;
	assert_true(dprintf(fd, "[gateway]\naddress = one.example\nmode = main\n[auth]\npsk = x\n"
				"[tunnel]\nremote = 10.0.0.0/8\n") > 0);
	close(fd);
	c = READ(file, "--gateway-address", "three.example", "--gateway-address", "two.example",
		 "--tunnel-remote", "10.1.0.0/16");
	assert_non_null(c);
	assert_int_equal(c->session.ngateways, 1);
	assert_string_equal(c->session.gateways[0], "two.example");
	assert_int_equal(c->session.nremotes, 1);
	assert_int_equal(c->session.remotes[0].len, 16);
	assert_false(c->psk_asked);
	config_free(c);
	/* What does not go together is said by the names that were used. */
	assert_null(READ(file, "--auth-psk-file", "/nonexistent"));
	assert_non_null(strstr(said, "psk-file stands beside psk in line 5; keep one of them"));
	unlink(file);
}

static void test_complaints(void **state)
{
	(void)state;
	assert_null(READ(NULL, "--gateway-address", "a", "--gateway-mode", "aggresive"));
	assert_string_equal(said, "--gateway-mode: aggresive: expected main or aggressive; did you "
				  "mean aggressive?\n");
	assert_null(READ(NULL, "--gateway-address", "a\nb"));
	assert_string_equal(said,
			    "--gateway-address: a control character; only text is expected\n");
	assert_null(READ(NULL, "--auth-xauth", "yes"));
	assert_non_null(strstr(said, "[gateway] address is missing"));
	assert_null(strstr(said, "--name"));
	assert_null(READ(NULL, "--gateway-address", "::1"));
	assert_non_null(strstr(said, "--name is needed"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_table),	  cmocka_unit_test(test_example),
		cmocka_unit_test(test_secrets),	  cmocka_unit_test(test_alone),
		cmocka_unit_test(test_over_file), cmocka_unit_test(test_complaints),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
