/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above */
#include <cmocka.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "client/client.h"
#include "client/config.h"

static char directory[] = "/tmp/godwit-check-XXXXXX";
static char file[100];

static int make_directory(void **state)
{
	if (!mkdtemp(directory))
		return -1;
	snprintf(file, sizeof(file), "%s/vpn.conf", directory);
	return 0;
}

static int remove_directory(void **state)
{
	unlink(file);
	return rmdir(directory);
}

static void write_file(const char *text)
{
	int fd = open(file, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
}

/* What `check` says of a text: on stdout and stderr. */
struct verdict {
	int exit;
	char *out, *err;
};

static struct verdict check(const char *text)
{
	struct verdict v;
	size_t n, m;
	FILE *out = open_memstream(&v.out, &n), *err = open_memstream(&v.err, &m);

	write_file(text);
	v.exit = client_check(file, out, err);
	fclose(out);
	fclose(err);
	assert_int_equal(secret_pool_used(), 0);
	return v;
}

static void verdict_free(struct verdict *v)
{
	free(v->out);
	free(v->err);
}

static void expect_says(const char *text, const char *wanted)
{
	struct verdict v = check(text);
	char head[200];

	assert_string_equal(v.err, "");
	assert_int_equal(v.exit, 0);
	snprintf(head, sizeof(head), "%s: connection vpn\n", file);
	assert_memory_equal(v.out, head, strlen(head));
	assert_string_equal(v.out + strlen(head), wanted);
	verdict_free(&v);
}

static void check_says_what_would_be_done(void **state)
{
	expect_says(
		"[gateway]\naddress = vpn.example.com\n[auth]\npsk = sesame\n[tunnel]\n"
		"address = 10.98.0.1\nremote = 10.99.0.0/24\n",
		"  gateway         vpn.example.com\n"
		"  it must be      known by the address we reach it at\n"
		"  we are          known by our address\n"
		"  IKE             IKEv1, main mode, pre-shared key; given up after 30s\n"
		"    offered       aes256-sha384-ecp384, aes256-sha256-ecp256, "
		"aes128-sha256-modp2048; for 8h\n"
		"  ESP             in UDP always, so that every NAT lets it through\n"
		"    offered       aes256gcm16, aes128gcm16, aes256-sha256; for 8h\n"
		"    PFS           yes, in the group that IKE has come to use\n"
		"  keys renewed    9m before the end of a life, or up to 100% of that earlier\n"
		"  gateway lost?   asked after 30s of silence; when it is lost, connected again "
		"until that succeeds\n"
		"  device          godwit0, MTU from the path to the gateway\n"
		"  our address     10.98.0.1\n"
		"  in the tunnel   from 10.98.0.1/32 to 10.99.0.0/24, and back\n"
		"  all else        goes its usual way in the clear, beside the tunnel\n"
		"  IPv6            all of it in the clear: [tunnel] address has no IPv6 "
		"address\n"
		"  DNS             left as it is\n");
	expect_says(
		"[gateway]\naddress = a, 192.0.2.1\nidentity = gw.example\n[auth]\n"
		"psk = sesame\nidentity = me@example\n[ike]\nlifetime = 90m\n"
		"proposals = aes128-sha1-modp2048\n[nat]\ntimeout = 2m\n[esp]\npfs = no\n"
		"keylife = 1d\nproposals = aes128-sha1\n[tunnel]\nmtu = 1300\ndevice = tun9\n"
		"address = 10.98.0.1, fd00::1\nremote = 0.0.0.0/0, fd00:99::/64\n",
		"  gateway         a, else 192.0.2.1\n"
		"  it must be      gw.example\n"
		"  we are          me@example\n"
		"  IKE             IKEv1, main mode, pre-shared key; given up after 2m\n"
		"    offered       aes128-sha1-modp2048; for 90m\n"
		"  ESP             in UDP always, so that every NAT lets it through\n"
		"    offered       aes128-sha1; for 1d\n"
		"    PFS           no\n"
		"  keys renewed    9m before the end of a life, or up to 100% of that earlier\n"
		"  gateway lost?   asked after 30s of silence; when it is lost, connected again "
		"until that succeeds\n"
		"  device          tun9, MTU 1300\n"
		"  our address     10.98.0.1, fd00::1\n"
		"  in the tunnel   from 10.98.0.1/32 to 0.0.0.0/0, and back\n"
		"                  from fd00::1/128 to fd00:99::/64, and back\n"
		"  all else        goes its usual way in the clear, beside the tunnel\n"
		"  DNS             left as it is\n");
}

static void check_fails_with_exit_code_1(void **state)
{
	struct verdict v = check("[gateway]\nmode = aggressive\n");

	assert_int_equal(v.exit, SESSION_EXIT_USAGE);
	assert_string_equal(v.out, "");
	assert_non_null(strstr(v.err, "vpn.conf:2:8: [gateway] mode = aggressive: not available"));
	verdict_free(&v);
}

/* ---- the example ---- */

static char *example(void)
{
	char *text = NULL;
	size_t n;
	FILE *f = open_memstream(&text, &n);

	client_example(f);
	fclose(f);
	return text;
}

static void the_example_is_that_of_the_table(void **state)
{
	const char *source = getenv("GODWIT_SOURCE");
	char path[400], text[16000];
	char *wanted = example();
	size_t n;
	FILE *f;

	snprintf(path, sizeof(path), "%s/vpn.conf.example", source ? source : ".");
	f = fopen(path, "r");
	if (!f)
		fail_msg("%s cannot be read", path);
	n = fread(text, 1, sizeof(text) - 1, f);
	text[n] = '\0';
	fclose(f);
	assert_string_equal(text, wanted);
	free(wanted);
}

/* Replaces the one place where `from` stands. */
static char *replaced(char *text, const char *from, const char *to)
{
	char *at = strstr(text, from);
	char *out = calloc(1, strlen(text) + strlen(to) + 1);

	assert_non_null(at);
	assert_non_null(out);
	memcpy(out, text, (size_t)(at - text));
	strcat(strcat(out, to), at + strlen(from));
	free(text);
	return out;
}

static void the_example_works_when_filled_in(void **state)
{
	char *text = example();
	struct verdict v = check(text);

	assert_int_equal(v.exit, 1);
	assert_non_null(strstr(v.err, " [auth] psk: it is empty; expected the pre-shared key"));
	verdict_free(&v);
	text = replaced(text, "psk = \"\"", "psk = \"sesame\"");
	v = check(text);
	assert_int_equal(v.exit, 0);
	assert_string_equal(v.err, "");
	verdict_free(&v);
	free(text);
}

/* Each default, when it is written out, is what it is without. */
static void the_example_with_its_defaults_is_the_same(void **state)
{
	char *text = replaced(example(), "psk = \"\"", "psk = \"sesame\"");
	struct verdict plain = check(text), full;

	text = replaced(text, ";identity = vpn", "; identity = vpn");
	text = replaced(text, ";identity = laptop", "; identity = laptop");
	text = replaced(text, ";psk-file", "; psk-file");
	text = replaced(text, ";psk-command", "; psk-command");
	for (char *line = text; line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (line[0] == ';' && line[1] >= 'a')
			line[0] = ' ';
	}
	assert_non_null(strstr(text, "\n lifetime = 8h\n"));
	full = check(text);
	assert_string_equal(full.err, "");
	assert_string_equal(full.out, plain.out);
	verdict_free(&full);
	verdict_free(&plain);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(check_says_what_would_be_done),
		cmocka_unit_test(check_fails_with_exit_code_1),
		cmocka_unit_test(the_example_is_that_of_the_table),
		cmocka_unit_test(the_example_works_when_filled_in),
		cmocka_unit_test(the_example_with_its_defaults_is_the_same),
	};

	return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
