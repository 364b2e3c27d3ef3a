/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "gateway/config.h"
#include "tests/support/certs.h"

#define LEAST "[networks]\nbehind = 10.20.0.0/16\n"
#define STAFF "[auth staff]\npsk = \"a key\"\n"

static char said[4000];

static int parse(const char *text, mode_t mode, struct gateway_file **out)
{
	char file[] = "/tmp/godwit-gateway-XXXXXX";
	int fd = mkstemp(file), result;
	FILE *err = fmemopen(said, sizeof(said), "w");

	assert_true(fd >= 0 && err);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	assert_int_equal(fchmod(fd, mode), 0);
	close(fd);
	memset(said, 0, sizeof(said));
	result = gateway_file_read(file, out, err);
	fclose(err);
	unlink(file);
	return result;
}

static struct gateway_file *good(const char *text)
{
	struct gateway_file *f;

	if (parse(text, 0600, &f) != 0)
		fail_msg("%s", said);
	assert_string_equal(said, "");
	return f;
}

static void bad(const char *text, const char *what)
{
	struct gateway_file *f;

	if (parse(text, 0600, &f) != ERR_CONFIG)
		fail_msg("taken: %s", text);
	assert_null(f);
	if (!strstr(said, what))
		fail_msg("'%s' is not in: %s", what, said);
}

static void the_least(void **state)
{
	struct gateway_file *f = good(LEAST STAFF);
	const struct gateway_config *c = &f->config;

	assert_int_equal(c->nentries, 1);
	assert_string_equal(c->entries[0].name, "staff");
	assert_true(c->entries[0].ike.gateway);
	assert_true(c->entries[0].ike.remote_any);
	assert_false(c->entries[0].ike.xauth);
	assert_int_equal(c->entries[0].ike.mode, IKE_MODE_MAIN);
	assert_true(slice_eq(secret_slice(&c->entries[0].ike.psk), SLICE_STR("a key")));
	assert_int_equal(c->entries[0].ike.nsuites, 4);
	assert_int_equal(c->entries[0].ike.lifetime_s, 8 * 3600);
	assert_true(c->entries[0].ike.timeout == 30 * VTIME_S);
	assert_int_equal(c->child.nsuites, 4);
	assert_int_equal(c->child.pfs, DH_NONE);
	assert_true(c->split);
	assert_int_equal(c->half_open_max, 512);
	assert_true(c->dpd == 60 * VTIME_S);
	assert_true(c->rekeymargin == 240 * VTIME_S);
	assert_string_equal(f->device, "godwit-gw");
	assert_int_equal(f->hold_bytes, 4 << 20);
	gateway_file_free(f);
}

static void everything(void **state)
{
	struct gateway_file *f = good(
		"; a gateway\n[gateway]\nlisten = 192.0.2.1, 2001:db8::1\n"
		"identity = vpn.example.com # us\ndevice = tun-gw\noffload = tun\n"
		"workers = 3\nselect = round-robin\n"
		"[pool]\naddresses = 10.9.0.0/24, fd00:9::/64\ndns = 10.20.0.53\n"
		"domain = example.com\nbanner = \"Say \"\"hello\"\"; \"\n"
		"[networks]\nbehind = 10.20.0.0/16, fd00:20::/48\nsplit = no\n"
		"[ike]\nproposals = aes128-sha256-ecp256\nlifetime = 1h\ntimeout = 10s\ndpd = 0\n"
		"[esp]\nproposals = aes128gcm16\npfs = ecp256\nkeylife = 30m\npath-mtu = 1400\n"
		"[limits]\nclients = 7\nhalf-open = 8\nexchanges = 100\n"
		"[auth one]\npsk = \"first\"\nidentity = one@example.com\nfrom = 198.51.100.0/24\n"
		"inner = 10.8.0.0/24, 10.7.0.1\n"
		"[auth two]\npsk = \"second\"\nmode = aggressive\nidentity = keyid:group\n"
		"several = yes\r\n");
	const struct gateway_config *c = &f->config;

	assert_int_equal(c->nown, 2);
	assert_string_equal(f->device, "tun-gw");
	assert_int_equal(f->offload, OFFLOAD_TUN);
	assert_int_equal(f->workers, 3);
	assert_int_equal(f->select, DISPATCH_ROUND_ROBIN);
	assert_int_equal(c->npool, 2);
	assert_int_equal(c->ndns, 1);
	assert_string_equal(c->domain, "example.com");
	assert_string_equal(c->banner, "Say \"hello\"; ");
	assert_int_equal(c->nnetworks, 2);
	assert_false(c->split);
	assert_int_equal(c->child.pfs, DH_ECP_256);
	assert_int_equal(c->child.keylife_s, 1800);
	assert_int_equal(c->path_mtu, 1400);
	assert_int_equal(c->clients_max, 7);
	assert_int_equal(c->half_open_source_max, 8);
	assert_int_equal(c->exchanges_burst, 150);
	assert_true(c->dpd == 0);
	assert_int_equal(c->nentries, 2);
	assert_int_equal(c->entries[0].nfrom, 1);
	assert_int_equal(c->entries[0].ninner, 2);
	assert_false(c->entries[0].ike.remote_any);
	assert_int_equal(c->entries[1].ike.mode, IKE_MODE_AGGRESSIVE);
	assert_int_equal(c->entries[1].ike.remote.type, ID_KEY_ID);
	assert_true(c->entries[1].several);
	assert_int_equal(c->entries[1].ike.local.type, ID_FQDN);
	assert_int_equal(c->entries[1].ike.lifetime_s, 3600);
	gateway_file_free(f);
}

static void what_is_refused(void **state)
{
	bad("", "there is no [auth NAME]");
	bad(STAFF, "behind is missing");
	bad(LEAST "[auth staff]\n", "has no psk");
	bad(LEAST "[auth]\npsk = \"x\"\n", "needs a name");
	bad(LEAST "[pool]\naddresses = 10.9.0.7-10.9.0.7\n" STAFF, "gateway's own");
	bad(LEAST "[pool]\naddresses = 10.9.0.0/24, 10.9.0.200-10.9.1.7\n" STAFF,
	    "[pool] addresses: 10.9.0.200 to 10.9.1.7 is in another range there, too");
	bad(LEAST STAFF
	    "[auth b]\nidentity = x\npsk = sesame\n[auth c]\nidentity = x\npsk = sesame\n",
	    "[auth b] and [auth c] are for the same clients");
	bad(LEAST STAFF "[auth b]\nidentity = keyid:x\nmode = aggressive\npsk = one\n"
			"[auth c]\nidentity = keyid:x\nmode = aggressive\npsk = two\n",
	    "[auth b] and [auth c] are for the same clients");
	bad(LEAST STAFF STAFF, "is there already");
	bad(LEAST STAFF "psk = \"b\"\n", "already set in line");
	bad(LEAST STAFF "mode = aggressive\n", "identity must be given");
	bad(LEAST STAFF "users = yes\n", "needs [users] file");
	bad(LEAST STAFF "users = maybe\n", "yes or no");
	bad(LEAST STAFF "method = certificate\n", "certificate and key");
	bad(LEAST STAFF "mode = main2\n", "main or aggressive");
	bad(LEAST STAFF "identity = C=DE, X\n", "expected a name");
	bad(LEAST STAFF "frm = 1.2.3.4\n", "perhaps from");
	bad(LEAST STAFF "[limit]\n", "perhaps limits");
	bad(LEAST STAFF "[limits]\nclients = 10001\n", "from 1 to 10000");
	bad(LEAST STAFF "[limits]\nclients = 0\n", "from 1 to 10000");
	bad(LEAST STAFF "[limits]\nclients = 1x\n", "from 1 to 10000");
	bad(LEAST STAFF "[pool]\naddresses = 10.9.0.0/24, x\n", "x: expected networks or ranges");
	bad(LEAST STAFF "[pool]\naddresses =\n", "is empty");
	bad(LEAST STAFF "[ike]\nproposals = aes128-md5-modp1024\n", "weak");
	bad(LEAST STAFF "[ike]\nproposals = aes127\n", "[ike] proposals");
	bad(LEAST STAFF "[esp]\nproposals = aes128gcm16-ecp256\n", "without a group");
	bad(LEAST STAFF "[esp]\nkeylife = 1m\n", "2m to 7d");
	bad(LEAST "[auth a]\npsk = a;b\n", "in double quotes");
	bad(LEAST "[auth a]\npsk = \"ab\n", "in double quotes");
	bad(LEAST "[auth a]\npsk = \"ab\" c\n", "in double quotes");
	bad("psk = x\n" LEAST STAFF, "before the first");
	bad("[networks\n" LEAST STAFF, "expected [section]");
	bad("hello\n" LEAST STAFF, "expected key = value");
	bad("a\x01\n" LEAST STAFF, "control character");
	assert_null(strstr(said, "a key"));
}

#define WEB "[server web]\nservice = 10.20.0.100\naddress = 10.20.0.11\n"

static void servers_by_name(void **state)
{
	struct gateway_file *f = good(LEAST STAFF);
	struct prefix network;

	assert_int_equal(f->nservers, 0);
	gateway_file_free(f);
	f = good("[gateway]\nselect = round-robin\n" LEAST WEB
		 "[server web-2]\naddress = 10.20.0.12\nservice = 10.20.0.100/32\n" STAFF
		 "[server files]\nservice = 10.20.7.9/24\naddress = 10.99.0.1\n");
	assert_int_equal(f->select, DISPATCH_ROUND_ROBIN);
	assert_int_equal(f->nservers, 3);
	assert_int_equal(f->config.nentries, 1);
	assert_string_equal(f->config.entries[0].name, "staff");
	assert_string_equal(f->servers[0].name, "web");
	assert_string_equal(f->servers[1].name, "web-2");
	assert_int_equal(f->servers[1].service.len, 32);
	assert_true(prefix_parse("10.20.7.0/24", &network));
	assert_true(prefix_contains(&f->servers[2].service, &network.addr));
	assert_int_equal(f->servers[2].address.b[1], 99);
	gateway_file_free(f);
	f = good(LEAST STAFF WEB);
	assert_int_equal(f->select, DISPATCH_LEAST_LOAD);
	gateway_file_free(f);
}

static void servers_that_are_refused(void **state)
{
	bad(LEAST STAFF "[gateway]\nselect = random\n", "least-load or round-robin");
	bad(LEAST STAFF "[server]\n", "as in [server web-1]");
	bad(LEAST STAFF WEB WEB, "[server web] is there already");
	bad(LEAST STAFF WEB "service = 10.20.0.101\n", "already set in line");
	bad(LEAST STAFF "[server a]\nservice = 10.20.0.100\n", "[server a] has no address");
	bad(LEAST STAFF "[server a]\naddress = 10.20.0.11\n", "[server a] has no service");
	bad(LEAST STAFF "[server a]\nservice = 10.20.0.100\naddress = fd00::1\n",
	    "must both be IPv4 or both IPv6");
	bad(LEAST STAFF "[server a]\nservice = 224.0.0.1\n", "an address or a network");
	bad(LEAST STAFF "[server a]\naddress = 10.20.0.0/24\n", "the address of a host");
	bad(LEAST STAFF "[server a]\naddress = fe80::1\n", "no link-local one");
	bad(LEAST STAFF "[server a]\nservice = 10.21.0.1\naddress = 10.20.0.11\n",
	    "service 10.21.0.1/32 is not in [networks] behind");
	bad(LEAST STAFF "[server a]\nservice = 10.20.0.0/15\naddress = 10.20.0.11\n",
	    "is not in [networks] behind");
	bad(LEAST STAFF WEB "[gateway]\nlisten = 192.0.2.1, 10.20.0.11\n",
	    "[server web]: address is in [gateway] listen");
	bad(LEAST STAFF WEB "[pool]\naddresses = 10.20.0.64/26\n", "service lies in [pool]");
	bad(LEAST STAFF WEB "[pool]\naddresses = 10.20.0.0/28\n", "address lies in [pool]");
	bad(LEAST STAFF WEB "[server b]\nservice = 10.20.0.100\naddress = 10.20.0.11\n",
	    "[server web] and [server b] have the same service and address");
	bad(LEAST STAFF "[server a]\nadress = 10.20.0.11\n", "perhaps address");
}

static void places(void **state)
{
	bad(LEAST STAFF "\n; comment\nmode = x\n", ":7: [auth] mode: x");
}

static void secrets_are_nobody_elses(void **state)
{
	struct gateway_file *f;

	assert_int_equal(parse(LEAST STAFF, 0640, &f), ERR_CONFIG);
	assert_non_null(strstr(said, "chmod 600"));
	assert_int_equal(parse(LEAST "[auth a]\npsk-file = /nonexistent\n", 0644, &f), ERR_CONFIG);
	assert_null(strstr(said, "chmod 600"));
	assert_non_null(strstr(said, "/nonexistent"));
	assert_int_equal(gateway_file_read("/nonexistent", &f, stderr), ERR_SYSTEM);
}

static void certificates(void **state)
{
	char text[9000], buf[CERTS_PATH_MAX], ca[PATH_MAX], cert[PATH_MAX], key[CERTS_PATH_MAX];
	struct gateway_file *f;

	snprintf(text, sizeof(text),
		 LEAST "[gateway]\nca = %s\ncertificate = %s\nkey = %s\n"
		       "[auth laptops]\nmethod = certificate\n",
		 realpath(certs_path("root.pem", buf), ca),
		 realpath(certs_path("chain.pem", buf), cert), certs_private("leaf.key", key));
	f = good(text);
	assert_non_null(f->config.entries[0].ike.credentials);
	assert_int_equal(f->config.entries[0].ike.auth, IKE_AUTH_RSA);
	gateway_file_free(f);
	unlink(key);
	bad(text, "godwit-certs-");
}

/* What is in the source tree is what the program writes. */
static void is_the_file(const char *text)
{
	static char file[30000];
	char path[PATH_MAX];
	FILE *f;

	snprintf(path, sizeof(path), "%s/gateway.conf.example",
		 getenv("GODWIT_SOURCE") ? getenv("GODWIT_SOURCE") : ".");
	f = fopen(path, "r");
	assert_non_null(f);
	file[fread(file, 1, sizeof(file) - 1, f)] = '\0';
	fclose(f);
	assert_string_equal(text, file);
}

static void the_example(void **state)
{
	static char text[30000];
	FILE *out = fmemopen(text, sizeof(text) - 200, "w");

	gateway_example(out);
	fclose(out);
	is_the_file(text);
	assert_non_null(strstr(text, "\n;half-open = 512\n"));
	assert_non_null(strstr(text, "\n;psk = \"\"\n"));
	assert_non_null(strstr(text, "\n[auth staff]\n"));
	/* What is missing in it alone. */
	strcat(text, "psk = \"a key\"\n" LEAST);
	gateway_file_free(good(text));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_least),
		cmocka_unit_test(everything),
		cmocka_unit_test(what_is_refused),
		cmocka_unit_test(servers_by_name),
		cmocka_unit_test(servers_that_are_refused),
		cmocka_unit_test(places),
		cmocka_unit_test(secrets_are_nobody_elses),
		cmocka_unit_test(certificates),
		cmocka_unit_test(the_example),
	};

	if (crypto_init() != 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
