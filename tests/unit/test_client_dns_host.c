/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <ftw.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/bytes.h"
#include "client/dns.h"

/* ---- the files of a host ---- */

static char root[32];

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *where)
{
	(void)st;
	(void)flag;
	(void)where;
	return remove(path);
}

static const char *path_of(const char *name)
{
	static char path[200];

	snprintf(path, sizeof(path), "%s/%s", root, name);
	return path;
}

static int root_open(void **state)
{
	static const char *const directories[] = { "etc", "etc/resolvconf", "usr", "usr/sbin" };

	strcpy(root, "/tmp/godwit-dns.XXXXXX");
	assert_non_null(mkdtemp(root));
	for (size_t i = 0; i < ARRAY_SIZE(directories); i++)
		assert_int_equal(mkdir(path_of(directories[i]), 0755), 0);
	return 0;
}

static int root_close(void **state)
{
	nftw(root, remove_one, 8, FTW_DEPTH | FTW_PHYS);
	return 0;
}

static void file_write(const char *name, const char *text)
{
	FILE *f = fopen(path_of(name), "w");

	assert_non_null(f);
	fputs(text, f);
	assert_int_equal(fchmod(fileno(f), 0755), 0);
	fclose(f);
}

static struct dns_host look(void)
{
	struct dns_host h = { 0 };

	dns_host_files(root, &h);
	return h;
}

static void resolved_is_where_its_stub_is(void **state)
{
	static const char *const links[] = { "../run/systemd/resolve/stub-resolv.conf",
					     "/run/systemd/resolve/resolv.conf" };

	assert_false(look().through_resolved);
	for (size_t i = 0; i < ARRAY_SIZE(links); i++) {
		assert_int_equal(symlink(links[i], path_of("etc/resolv.conf")), 0);
		assert_true(look().through_resolved);
		unlink(path_of("etc/resolv.conf"));
	}
	file_write("etc/resolv.conf", "# nameserver 127.0.0.53\nnameserver 192.0.2.53\n");
	assert_false(look().through_resolved);
	file_write("etc/resolv.conf", "search a\noptions edns0\nnameserver\t127.0.0.53\n");
	assert_true(look().through_resolved);
}

static void resolved_is_where_the_c_library_asks_it(void **state)
{
	file_write("etc/resolv.conf", "nameserver 192.0.2.53\n");
	file_write("etc/nsswitch.conf", "passwd: files\nhosts: files dns # resolve\n");
	assert_false(look().through_resolved);
	file_write("etc/nsswitch.conf", "hosts:\tfiles resolve [!UNAVAIL=return] dns\n");
	assert_true(look().through_resolved);
}

static void resolvconf_is_found(void **state)
{
	struct dns_host h = look();

	assert_string_equal(h.resolvconf, "");
	file_write("usr/sbin/resolvconf", "");
	h = look();
	assert_string_equal(h.resolvconf, "/usr/sbin/resolvconf");
	assert_false(h.resolvconf_is_resolved);
	unlink(path_of("usr/sbin/resolvconf"));
	file_write("usr/sbin/resolvectl", "");
	assert_int_equal(symlink("resolvectl", path_of("usr/sbin/resolvconf")), 0);
	assert_true(look().resolvconf_is_resolved);
}

static void records_come_first(void **state)
{
	char record[DNS_RECORD_MAX];
	struct dns_host h = look();

	assert_true(dns_resolvconf_record(&h, "godwit0", record));
	assert_string_equal(record, "vpn.godwit0.godwit");
	file_write("etc/resolvconf/interface-order", "lo\ntun*\n*\n");
	h = look();
	assert_true(dns_resolvconf_record(&h, "godwit0", record));
	assert_string_equal(record, "tun.godwit0.godwit");
	h.resolvconf_prefix = "";
	assert_true(dns_resolvconf_record(&h, "godwit0", record));
	assert_string_equal(record, "godwit0.godwit");
	assert_false(dns_resolvconf_record(&h, "-f", record));
	assert_false(dns_resolvconf_record(&h, "../x", record));
	assert_false(dns_resolvconf_record_ok("eth0.dhcp"));
	assert_false(dns_resolvconf_record_ok(".godwit"));
	assert_false(dns_resolvconf_record_ok("a b.godwit"));
}

/* ---- who is chosen ---- */

static void the_host_decides(void **state)
{
	static const struct {
		enum dns_wish wish;
		struct dns_host host;
		bool script;
		enum dns_manager by;
		bool missing;
	} cases[] = {
#define STUB .through_resolved = true
#define RC .resolvconf = "/sbin/resolvconf"
		{ DNS_AUTO, { 0 }, false, DNS_BY_NONE, true },
		{ DNS_AUTO, { 0 }, true, DNS_BY_SCRIPT, false },
		{ DNS_AUTO, { STUB, .resolved = true, RC }, true, DNS_BY_RESOLVED, false },
		/* It runs, but nobody asks it. */
		{ DNS_AUTO, { .resolved = true }, false, DNS_BY_NONE, true },
		{ DNS_AUTO, { STUB }, false, DNS_BY_NONE, true },
		{ DNS_AUTO, { STUB, RC }, true, DNS_BY_RESOLVCONF, false },
		{ DNS_AUTO,
		  { STUB, .resolved = true, .elsewhere = true },
		  false,
		  DNS_BY_NONE,
		  true },
		{ DNS_AUTO, { RC }, true, DNS_BY_RESOLVCONF, false },
		{ DNS_AUTO, { RC, .resolvconf_is_resolved = true }, true, DNS_BY_SCRIPT, false },
		{ DNS_AUTO, { RC, .inside = true }, false, DNS_BY_NONE, true },
		{ DNS_NONE, { STUB, .resolved = true, RC }, true, DNS_BY_NONE, false },
		{ DNS_SCRIPT, { STUB, .resolved = true, RC }, true, DNS_BY_SCRIPT, false },
		/* Who says it need not have it yet. */
		{ DNS_RESOLVED, { 0 }, true, DNS_BY_RESOLVED, false },
		{ DNS_RESOLVED, { .resolved = true, .elsewhere = true }, true, DNS_BY_NONE, true },
		{ DNS_RESOLVCONF, { 0 }, true, DNS_BY_NONE, true },
		{ DNS_RESOLVCONF, { RC, .inside = true }, true, DNS_BY_RESOLVCONF, false },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const char *why = "?";
		enum dns_manager by =
			dns_choose(cases[i].wish, &cases[i].host, cases[i].script, &why);

		if (by != cases[i].by || (why != NULL) != cases[i].missing)
			fail_msg("case %zu: %s, %s", i, dns_manager_name(by), why ? why : "-");
	}
}

/* ---- what resolvconf is given ---- */

static void add_domain(struct dns_plan *p, const char *name, bool search)
{
	strcpy(p->domains[p->ndomains].name, name);
	p->domains[p->ndomains++].search = search;
}

static void resolvconf_is_given_a_file(void **state)
{
	struct dns_plan p = { 0 };
	char *text;

	assert_true(addr_parse("10.80.0.53", &p.servers[0]));
	assert_true(addr_parse("fd00::53", &p.servers[1]));
	p.nservers = 2;
	add_domain(&p, "corp.example", true);
	add_domain(&p, "lab.example", false);
	add_domain(&p, "home.example", true);
	text = dns_resolvconf_text(&p);
	assert_string_equal(text, "search corp.example home.example\n"
				  "nameserver 10.80.0.53\nnameserver fd00::53\n");
	free(text);
	p.ndomains = 0;
	p.nservers = 1;
	text = dns_resolvconf_text(&p);
	assert_string_equal(text, "nameserver 10.80.0.53\n");
	free(text);
}

static char *content(const char *name)
{
	char *text = calloc(1, 1000);
	FILE *f = fopen(path_of(name), "r");

	assert_non_null(f);
	assert_true(fread(text, 1, 999, f) < 999);
	fclose(f);
	return text;
}

/* A program of that kind that writes down how it is called. */
static void resolvconf_is_run(void **state)
{
	struct dns_plan p = { .nservers = 1 };
	char program[100], script[300], why[DNS_WHY_MAX];
	char *said;

	snprintf(program, sizeof(program), "%s/usr/sbin/resolvconf", root);
	snprintf(script, sizeof(script),
		 "#!/bin/sh\n{ echo \"$@\"; [ \"$1\" != -a ] || cat; } >>%s/said\n", root);
	file_write("usr/sbin/resolvconf", script);
	assert_true(addr_parse("10.80.0.53", &p.servers[0]));
	assert_int_equal(dns_resolvconf_add(program, "vpn.x.godwit", &p, why), 0);
	add_domain(&p, ".", false);
	assert_int_equal(dns_resolvconf_add(program, "vpn.x.godwit", &p, why), 0);
	assert_int_equal(dns_resolvconf_del(program, "vpn.x.godwit", why), 0);
	said = content("said");
	assert_string_equal(said, "-a vpn.x.godwit\nnameserver 10.80.0.53\n"
				  "-a vpn.x.godwit -x\nnameserver 10.80.0.53\n"
				  "-d vpn.x.godwit -f\n");
	free(said);
	file_write("usr/sbin/resolvconf", "#!/bin/sh\nexit 3\n");
	assert_int_equal(dns_resolvconf_del(program, "vpn.x.godwit", why), ERR_CONFIG);
	assert_string_equal(why, "ended with exit code 3");
	assert_int_equal(dns_resolvconf_del(program, "x; id", why), ERR_MALFORMED);
}

static void the_journal_knows_the_record(void **state)
{
	struct dns d = { .by = DNS_BY_RESOLVCONF, .state = DNS_SET, .record = "vpn.x.godwit" };
	char line[200], record[DNS_RECORD_MAX];

	assert_true(dns_journal_line(&d, line, sizeof(line)));
	assert_string_equal(line, "resolvconf vpn.x.godwit");
	assert_true(dns_journal_record(line, record));
	assert_string_equal(record, "vpn.x.godwit");
	assert_false(dns_journal_record("resolvconf eth0.dhcp", record));
	assert_false(dns_journal_record("resolvconf $(id).godwit", record));
	assert_false(dns_journal_record("route vpn.x.godwit", record));
	d.state = DNS_NOTHING;
	assert_false(dns_journal_line(&d, line, sizeof(line)));
	d = (struct dns){ .by = DNS_BY_RESOLVED, .state = DNS_SET };
	assert_false(dns_journal_line(&d, line, sizeof(line)));
	assert_false(dns_journal_line(NULL, line, sizeof(line)));
}

#define in_root(test) cmocka_unit_test_setup_teardown(test, root_open, root_close)

int main(void)
{
	const struct CMUnitTest tests[] = {
		in_root(resolved_is_where_its_stub_is),
		in_root(resolved_is_where_the_c_library_asks_it),
		in_root(resolvconf_is_found),
		in_root(records_come_first),
		cmocka_unit_test(the_host_decides),
		cmocka_unit_test(resolvconf_is_given_a_file),
		in_root(resolvconf_is_run),
		cmocka_unit_test(the_journal_knows_the_record),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
