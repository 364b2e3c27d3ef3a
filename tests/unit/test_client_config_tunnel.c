/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <fcntl.h>
#include <sys/stat.h>

#include "tests/unit/config_reading.h"

#define ASSIGNED GATEWAY AUTH "[tunnel]\n"

static struct reading read_more(const char *more)
{
	char text[800];

	snprintf(text, sizeof(text), ASSIGNED "%s", more);
	return read_good(text);
}

static void assert_prefix(const struct prefix *p, const char *text)
{
	char buf[PREFIX_TEXT_MAX];

	assert_string_equal(prefix_text(p, buf), text);
}

/* ---- addresses from the gateway ---- */

static void the_gateway_gives_what_is_not_said(void **state)
{
	static const char *const same[] = {
		GATEWAY AUTH,
		ASSIGNED "address = config\n",
		ASSIGNED "address = config\nremote = config\nlocal = address\nroutes = own\n",
	};
	char host[64];

	assert_int_equal(gethostname(host, sizeof(host)), 0);
	host[sizeof(host) - 1] = '\0';
	for (size_t i = 0; i < ARRAY_SIZE(same); i++) {
		struct reading r = read_good(same[i]);
		const struct session_config *s = &r.c->session;

		assert_true(s->address_config);
		assert_true(s->ike.wish.pull);
		assert_true(s->ike.wish.ip6);
		assert_string_equal(s->ike.wish.hostname, host);
		assert_int_equal(s->ninner, 0);
		assert_int_equal(s->ntunnels, 0);
		assert_int_equal(s->nremotes, 0);
		assert_int_equal(s->nlocals, 0);
		assert_int_equal(s->nexcludes, 0);
		assert_null(r.c->script);
		assert_false(r.c->routes_by_script);
		assert_int_equal(r.c->dns.manage, DNS_AUTO);
		reading_free(&r);
	}
}

static void a_fixed_address_asks_for_nothing(void **state)
{
	struct reading r = read_good(MINIMAL);

	assert_false(r.c->session.address_config);
	assert_false(r.c->session.ike.wish.pull);
	assert_string_equal(r.c->session.ike.wish.hostname, "");
	reading_free(&r);
}

static void prefixes_say_what_goes_through(void **state)
{
	struct reading r = read_more("remote = 10.0.0.0/8, fd00::/8\nlocal = 10.1.0.0/16, "
				     "fd01::/16\nexclude = 10.2.0.0/16, fd00:2::/32\n");
	const struct session_config *s = &r.c->session;

	assert_int_equal(s->nremotes, 2);
	assert_prefix(&s->remotes[0], "10.0.0.0/8");
	assert_prefix(&s->remotes[1], "fd00::/8");
	assert_int_equal(s->nlocals, 2);
	assert_prefix(&s->locals[1], "fd01::/16");
	assert_int_equal(s->nexcludes, 2);
	assert_prefix(&s->excludes[0], "10.2.0.0/16");
	assert_prefix(&s->excludes[1], "fd00:2::/32");
	assert_int_equal(s->ntunnels, 0);
	reading_free(&r);
}

static void cisco_is_not_asked_for_ipv6_unless_it_is_wanted(void **state)
{
	struct reading r = read_more("remote = 10.0.0.0/8\n[gateway]\nvendor = cisco\n");

	assert_false(r.c->session.ike.wish.ip6);
	reading_free(&r);
	r = read_more("remote = 10.0.0.0/8, fd00::/8\n[gateway]\nvendor = cisco\n");
	assert_true(r.c->session.ike.wish.ip6);
	reading_free(&r);
}

/* ---- exclusions of a fixed tunnel ---- */

static void host_bits_are_no_part_of_an_exclusion(void **state)
{
	static const char text[] = MINIMAL "exclude = 10.99.0.77/28, 10.99.0.5\n";
	struct reading r = read_bytes(text, strlen(text));

	assert_string_equal(r.said, "vpn.conf:8:11: warning: [tunnel] exclude = 10.99.0.77/28 is "
				    "taken as 10.99.0.64/28\n");
	assert_int_equal(r.c->session.nexcludes, 2);
	assert_prefix(&r.c->session.excludes[0], "10.99.0.64/28");
	assert_prefix(&r.c->session.excludes[1], "10.99.0.5/32");
	assert_int_equal(r.c->session.ntunnels, 1);
	reading_free(&r);
}

static void there_is_an_end_to_lists(void **state)
{
	char text[3000] = ASSIGNED "exclude = 10.0.0.0/24";
	struct reading r;

	for (unsigned i = 1; i < SESSION_EXCLUDES_MAX; i++)
		sprintf(text + strlen(text), ",10.0.%u.0/24", i);
	r = read_good(text);
	assert_int_equal(r.c->session.nexcludes, SESSION_EXCLUDES_MAX);
	reading_free(&r);
	strcat(text, ",10.1.0.0/24");
	r = read_bytes(text, strlen(text));
	assert_non_null(strstr(r.said, "10.1.0.0/24: one too many, there can be 64\n"));
	reading_free(&r);
}

/* ---- what is told ---- */

static const char *const complaints[][2] = {
	{ GATEWAY AUTH "[tunnel]\naddress = 10.98.0.1\n",
	  "vpn.conf: [tunnel] remote is missing: with an address of our own the gateway does not "
	  "say what is behind it; expected prefixes such as 10.99.0.0/24, separated by commas\n" },
	{ GATEWAY AUTH "[tunnel]\naddress = 10.98.0.1\nremote = config\n",
	  "vpn.conf:7:10: [tunnel] remote is missing: with an address of our own the gateway does "
	  "not say what is behind it; expected prefixes such as 10.99.0.0/24, separated by "
	  "commas\n" },
	{ ASSIGNED "local = 10.0.0.0/8\nremote = 10.0.0.0/8, fd00::/8\n",
	  "vpn.conf:7:22: [tunnel] remote = fd00::/8: our side has no IPv6; add an IPv6 prefix to "
	  "[tunnel] local\n" },
	{ ASSIGNED "remote = 10.1.0.0/16, 10.1.0.0/16\n",
	  "vpn.conf:6:23: [tunnel] remote = 10.1.0.0/16 is named twice\n" },
	{ ASSIGNED "exclude = 10.1.0.0/16, 10.1.0.0/16\n",
	  "vpn.conf:6:24: [tunnel] exclude = 10.1.0.0/16 is named twice\n" },
	/* Which of two exclusions comes first does not matter. */
	{ ASSIGNED "exclude = 10.1.0.0/16, 10.0.0.0/8\n", "" },
	{ ASSIGNED "remote = 10.1.0.0/16, 10.2.0.0/16\nexclude = 10.1.0.0/16, 10.3.0.0/16\n",
	  "vpn.conf:7:11: warning: [tunnel] exclude = 10.1.0.0/16 takes all of 10.1.0.0/16 out of "
	  "the tunnel\n"
	  "vpn.conf:7:24: warning: [tunnel] exclude = 10.3.0.0/16 changes nothing: no prefix of "
	  "[tunnel] remote has any of it\n" },
	{ MINIMAL "exclude = fd00::/8\n",
	  "vpn.conf:8:11: warning: [tunnel] exclude = fd00::/8 changes nothing: no prefix of "
	  "[tunnel] remote has any of it\n" },
	{ ASSIGNED "mtu = 1279\n",
	  "vpn.conf:6:7: warning: [tunnel] mtu = 1279: the gateway is not asked for an IPv6 "
	  "address, which needs at least 1280\n" },
	{ ASSIGNED "mtu = 1279\n[gateway]\nvendor = cisco\n", "" },
	{ ASSIGNED "routes = script\n",
	  "vpn.conf:6:10: [tunnel] routes = script needs a script; set [hooks] script\n" },
	{ ASSIGNED "[hooks]\nscript = /usr/share/vpnc-scripts/vpnc-script\n",
	  "vpn.conf:7:10: warning: [hooks] script: vpnc-script sets addresses and routes itself; "
	  "set [tunnel] routes = script\n" },
	{ ASSIGNED "routes = script\n[hooks]\nscript = vpnc-script\n", "" },
	{ ASSIGNED "[hooks]\nscript = ./hook 6\n",
	  "vpn.conf:7:10: [hooks] script: a program with arguments is known by its whole path, "
	  "beginning with /, or by a name that is in the PATH\n" },
	{ ASSIGNED "[dns]\nmanage = script\n",
	  "vpn.conf:7:10: [dns] manage = script needs a script; set [hooks] script\n" },
};

static void complaints_say_where_and_what(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(complaints); i++)
		expect_said(complaints[i][0], strlen(complaints[i][0]), complaints[i][1]);
}

static void there_is_an_end_to_pairs(void **state)
{
	char text[2000] = ASSIGNED "local = 10.0.0.0/24, 10.0.1.0/24\nremote = 10.1.0.0/24";
	struct reading r;

	for (unsigned i = 1; i < 16; i++)
		sprintf(text + strlen(text), ",10.1.%u.0/24", i);
	r = read_good(text);
	assert_int_equal(r.c->session.nremotes, 16);
	reading_free(&r);
	strcat(text, ",10.2.0.0/24");
	r = read_bytes(text, strlen(text));
	assert_string_equal(r.said,
			    "vpn.conf:7:10: more than 32 pairs of a local and a remote prefix\n");
	reading_free(&r);
}

/* ---- the script ---- */

static char directory[] = "/tmp/godwit-script-XXXXXX";
static char script[64];

static int make_directory(void **state)
{
	int fd;

	if (!mkdtemp(directory))
		return -1;
	snprintf(script, sizeof(script), "%s/hook", directory);
	fd = open(script, O_WRONLY | O_CREAT, 0755);
	return fd < 0 ? -1 : fchmod(fd, 0755) + close(fd);
}

static int remove_directory(void **state)
{
	unlink(script);
	return rmdir(directory);
}

/* The whole of it, with a script beside the file. */
static struct reading read_with_script(const char *more)
{
	char text[600], name[80];
	struct config_source source = {
		.file = name, .owner = geteuid(), .mode = 0600, .fetch = true
	};

	snprintf(text, sizeof(text), GATEWAY AUTH "[hooks]\nscript = hook\n%s", more);
	snprintf(name, sizeof(name), "%s/../%s/vpn.conf", directory, directory + strlen("/tmp/"));
	return read_source(source, text, strlen(text));
}

static void a_script_does_what_it_is_asked_to(void **state)
{
	static const struct {
		const char *more;
		bool routes;
		enum dns_wish dns;
	} cases[] = {
		{ "", false, DNS_AUTO },
		{ "[dns]\nmanage = auto\n", false, DNS_AUTO },
		{ "[dns]\nmanage = none\n", false, DNS_NONE },
		{ "[dns]\nmanage = script\n[tunnel]\nroutes = script\n", true, DNS_SCRIPT },
		{ "[dns]\nmanage = none\n[tunnel]\nroutes = script\n", true, DNS_NONE },
		{ "[tunnel]\nroutes = own\n", false, DNS_AUTO },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct reading r = read_with_script(cases[i].more);

		assert_string_equal(r.said, "");
		/* From wherever it is run. */
		assert_string_equal(r.c->script, script);
		assert_int_equal(r.c->routes_by_script, cases[i].routes);
		assert_int_equal(r.c->dns.manage, cases[i].dns);
		reading_free(&r);
	}
}

/* As NetworkManager names its helper. */
static void a_script_may_have_arguments(void **state)
{
	static const char *const commands[] = { "/bin/true 6 4711 --bus-name a.b.c",
						"env X=1 hook" };
	char text[600];
	struct config_source source = {
		.file = "vpn.conf", .owner = geteuid(), .mode = 0600, .fetch = true
	};
	struct reading r;

	for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
		snprintf(text, sizeof(text), GATEWAY AUTH "[hooks]\nscript = %s\n", commands[i]);
		r = read_source(source, text, strlen(text));
		assert_string_equal(r.said, "");
		assert_string_equal(r.c->script, commands[i]);
		reading_free(&r);
	}
	snprintf(text, sizeof(text), GATEWAY AUTH "[hooks]\nscript = /nowhere/hook 6\n");
	r = read_source(source, text, strlen(text));
	assert_string_equal(r.said, "vpn.conf:6:10: [hooks] script: /nowhere/hook: No such file or "
				    "directory\n");
	reading_free(&r);
}

static void expect_script_said(const char *said)
{
	struct reading r = read_with_script("");

	assert_int_equal(r.result, ERR_CONFIG);
	if (!strstr(r.said, "/vpn.conf:6:10: [hooks] script: ") || !strstr(r.said, said))
		fail_msg("said: %s", r.said);
	reading_free(&r);
}

static void a_script_must_be_ours_and_a_program(void **state)
{
	static const mode_t open_to_others[] = { 0775, 0757, 0722 };
	char said[200];

	for (size_t i = 0; i < ARRAY_SIZE(open_to_others); i++) {
		chmod(script, open_to_others[i]);
		snprintf(said, sizeof(said),
			 "others can change %s (mode %04o); run: chmod go-w %s\n", script,
			 open_to_others[i], script);
		expect_script_said(said);
	}
	chmod(script, 0644);
	snprintf(said, sizeof(said), "%s is not a program; if it is one, run: chmod +x %s\n",
		 script, script);
	expect_script_said(said);
	chmod(script, 0755);
	if (geteuid() == 0) {
		assert_int_equal(chown(script, 4711, 0), 0);
		snprintf(said, sizeof(said),
			 "%s is uid 4711's and would run as uid 0; run: chown 0 %s\n", script,
			 script);
		expect_script_said(said);
	}
	unlink(script);
	expect_script_said("hook: No such file or directory\n");
	assert_int_equal(mkdir(script, 0755), 0);
	expect_script_said("is not a program");
	rmdir(script);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_gateway_gives_what_is_not_said),
		cmocka_unit_test(a_fixed_address_asks_for_nothing),
		cmocka_unit_test(prefixes_say_what_goes_through),
		cmocka_unit_test(cisco_is_not_asked_for_ipv6_unless_it_is_wanted),
		cmocka_unit_test(host_bits_are_no_part_of_an_exclusion),
		cmocka_unit_test(there_is_an_end_to_lists),
		cmocka_unit_test(complaints_say_where_and_what),
		cmocka_unit_test(there_is_an_end_to_pairs),
		cmocka_unit_test(a_script_does_what_it_is_asked_to),
		cmocka_unit_test(a_script_may_have_arguments),
		cmocka_unit_test(a_script_must_be_ours_and_a_program),
	};

	return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
