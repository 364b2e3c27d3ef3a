/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "client/config.h"
#include "doctor/report.h"
#include "doctor_address.h"

static const struct ike_suite strong = { IKE_CIPHER_AES_CBC, 256, HASH_SHA2_256, DH_MODP_2048 };
static const struct ike_suite weak = { IKE_CIPHER_3DES_CBC, DES3_KEY_BITS, HASH_MD5, DH_MODP_1024 };

static struct doctor_found found;
static struct examination x;
static struct verdict v;

/* A host without trouble and a gateway that answers at both ports and accepts `strong`. */
static void good(void)
{
	found = (struct doctor_found){ .addr = address("198.51.100.1") };
	for (unsigned port = 0; port < DOCTOR_PORTS; port++)
		found.v1[port].reach = REACH_ANSWER;
	found.ike1.naccepted = 1;
	found.ike1.accepted[0] = (struct ike_choice){ .suite = strong, .method = METHOD_PSK };
	found.ike1.vendors = VENDOR_BIT(VENDOR_NATT_RFC) | VENDOR_BIT(VENDOR_FRAGMENTATION);
	found.ike1.key = REACH_ANSWER;
	found.fragments = found.whole = SIZE_PASSES;
	found.path_mtu = 1500;
	x = (struct examination){ .host = "vpn.example.com", .resolved = 1, .n = 1 };
	x.found[0] = &found;
	x.look.year = 2026;
}

static bool has(const char *name)
{
	for (unsigned i = 0; i < v.ntroubles; i++)
		if (strcmp(v.trouble[i].name, name) == 0)
			return true;
	return false;
}

/* There is exactly this trouble, and something to be done about it. */
static void only(const char *name)
{
	verdict_make(&v, &x);
	assert_int_equal(v.ntroubles, 1);
	assert_string_equal(v.trouble[0].name, name);
	assert_true(v.trouble[0].cause[0] && v.trouble[0].cure[0]);
}

/* The lines are a configuration once the secret stands in them. */
static void is_configuration(void)
{
	char *text = calloc(1, sizeof(v.conf) + 64), *at;
	struct config_source source = {
		.file = "office.conf", .text = text, .owner = geteuid(), .mode = S_IFREG | 0600
	};
	struct config *c = NULL;
	FILE *err = fopen("/dev/null", "w");

	memcpy(text, v.conf, sizeof(v.conf));
	at = strstr(text, ";psk = \"\"");
	if (at)
		memcpy(at, "psk = \"1\"", 9);
	source.n = strlen(text);
	assert_int_equal(config_parse(&source, &c, err), 0);
	config_free(c);
	fclose(err);
	free(text);
}

static void test_good(void **state)
{
	good();
	verdict_make(&v, &x);
	assert_int_equal(v.exit, 0);
	assert_int_equal(v.ntroubles, 0);
	assert_non_null(strstr(v.conf, "address = vpn.example.com\n"));
	assert_non_null(strstr(v.conf, "proposals = aes256-sha256-modp2048\n"));
	assert_non_null(strstr(v.conf, "encapsulation = auto\n"));
	assert_null(strstr(v.conf, "\nmtu"));
	is_configuration();
}

static void test_name(void **state)
{
	static const struct {
		int resolved;
		const char *name;
	} rows[] = { { 0, "dns-no-name" },
		     { ERR_TIMEOUT, "dns-silent" },
		     { ERR_SYSTEM, "dns-failed" } };

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		good();
		x.resolved = rows[i].resolved;
		x.n = 0;
		x.best = -1;
		only(rows[i].name);
		assert_int_equal(v.exit, 3);
		assert_string_equal(v.conf, "");
	}
	good();
	x.nservers = 2;
	x.server[0] = (struct dns_answer){ .server = address("192.0.2.53"),
					   .answered = true,
					   .n = 1,
					   .addrs = { address("198.51.100.1") } };
	x.server[1] = x.server[0];
	verdict_make(&v, &x);
	assert_int_equal(v.ntroubles, 0);
	x.server[1].addrs[0] = address("198.51.100.9");
	only("dns-differs");
	x.server[1].answered = false;
	only("dns-server-silent");
}

static void test_host(void **state)
{
	static const struct look_link tun = { .name = "tun0", .kind = "tun", .up = true };

	good();
	x.look.year = 1970;
	only("clock-wrong");
	good();
	x.look.route[0].error = ENETUNREACH;
	only("no-route");
	good();
	x.look.route[0].link = &tun;
	only("route-into-tunnel");
	good();
	x.look.policies = 3;
	only("kernel-policies");
	good();
	x.look.nrules = 1;
	x.look.rule[0] = (struct look_rule){ .family = FAMILY_IP4,
					     .preference = 100,
					     .table = 51820,
					     .mark = 51820,
					     .whole = true };
	only("rule-in-the-way");
	assert_non_null(strstr(v.trouble[0].cause, "wg-quick"));
	/* Our own connections' rules, and one that takes only some packets, are none. */
	x.look.rule[0].whole = false;
	verdict_make(&v, &x);
	assert_int_equal(v.ntroubles, 0);
	good();
	x.look.port[DOCTOR_500] = (struct look_port){
		.error = EADDRINUSE, .taken = true, .pid = 7, .program = "charon"
	};
	only("port-500-taken");
	assert_non_null(strstr(v.trouble[0].cause, "charon"));
	assert_non_null(strstr(v.conf, "local-port = 0\n"));
	is_configuration();
}

static void test_nobody(void **state)
{
	static const struct {
		enum doctor_reach reach;
		const char *name;
	} rows[] = { { REACH_SILENCE, "silent" },
		     { REACH_PORT_CLOSED, "closed" },
		     { REACH_NO_HOST, "no-host" },
		     { REACH_FORBIDDEN, "forbidden" },
		     { REACH_NOT_SENT, "not-sent" } };

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		good();
		found = (struct doctor_found){ .addr = address("198.51.100.1") };
		x.best = -1;
		for (unsigned port = 0; port < DOCTOR_PORTS; port++)
			found.v1[port].reach = found.v2[port].reach = rows[i].reach;
		only(rows[i].name);
		assert_int_equal(v.exit, 3);
		assert_false(v.usable);
	}
}

static void test_ports(void **state)
{
	good();
	found.v1[DOCTOR_4500].reach = REACH_SILENCE;
	only("port-4500-blocked");
	assert_non_null(strstr(v.conf, "encapsulation = esp\n"));
	is_configuration();
	/* Behind a NAT that is said to be less than certain. */
	found.ike1.natd = true;
	found.ike1.nat = NAT_LOCAL;
	only("port-4500-blocked");
	assert_non_null(strstr(v.trouble[0].cure, "behind this NAT"));
	/* IKEv2 is answered there, so it passes. */
	found.v2[DOCTOR_4500].reach = REACH_ANSWER;
	verdict_make(&v, &x);
	assert_int_equal(v.ntroubles, 0);
	good();
	found.v1[DOCTOR_500].reach = REACH_SILENCE;
	only("port-500-silent");
	good();
	found.v1[DOCTOR_4500].reach = REACH_SILENCE;
	found.ike1.vendors = 0;
	only("no-nat-traversal");
	assert_non_null(strstr(v.conf, "encapsulation = auto\n"));
}

static void test_sizes(void **state)
{
	good();
	found.fragments = SIZE_LOST;
	only("fragments-lost");
	assert_non_null(strstr(v.conf, "fragmentation = yes\n"));
	is_configuration();
	good();
	found.whole = SIZE_LOST;
	found.path_mtu = 1400;
	only("path-mtu-hole");
	assert_non_null(strstr(v.conf, "\nmtu = 13"));
	is_configuration();
	found.too_big_said = true;
	only("path-narrow");
	assert_null(strstr(v.conf, "\nmtu"));
	good();
	found.fragments = SIZE_UNKNOWN;
	found.whole = SIZE_UNKNOWN;
	verdict_make(&v, &x);
	assert_int_equal(v.ntroubles, 0);
}

static void test_proposals(void **state)
{
	good();
	found.ike1.accepted[0].suite = weak;
	only("weak");
	assert_non_null(strstr(v.conf, "3des-md5-modp1024\nallow-weak = yes\n"));
	is_configuration();
	/* With a strong one beside it the weak one is left out. */
	found.ike1.accepted[1] = (struct ike_choice){ .suite = strong, .method = METHOD_PSK };
	found.ike1.naccepted = 2;
	verdict_make(&v, &x);
	assert_null(strstr(v.conf, "3des"));
	assert_null(strstr(v.conf, "allow-weak"));
	good();
	found.ike1.accepted[0].method = METHOD_XAUTH_INIT_PSK;
	verdict_make(&v, &x);
	assert_non_null(strstr(v.conf, "xauth = yes\n"));
	is_configuration();
	good();
	found.ike1.accepted[0].method = METHOD_RSA;
	verdict_make(&v, &x);
	assert_non_null(strstr(v.conf, "method = certificate\n"));
	good();
	found.ike1.accepted[0].method = METHOD_HYBRID_INIT_RSA;
	verdict_make(&v, &x);
	assert_non_null(strstr(v.conf, "method = hybrid\n"));
}

static void test_gateway(void **state)
{
	good();
	found.ike1.naccepted = 0;
	found.ike2.chosen = true;
	found.v2[DOCTOR_500].reach = REACH_ANSWER;
	only("ikev2-only");
	assert_int_equal(v.exit, 4);
	assert_string_equal(v.conf, "");
	found.ike2.chosen = false;
	found.ike2.error = V2_NO_PROPOSAL_CHOSEN;
	only("nothing-accepted");
	assert_non_null(strstr(v.trouble[0].cause, "NO-PROPOSAL-CHOSEN"));
	good();
	found.ike1.limited = true;
	only("limited");
	good();
	found.ike1.key = REACH_SILENCE;
	only("key-silent");
	good();
	found.ike1.key_notify = NOTIFY_INVALID_KEY_INFORMATION;
	only("key-refused");
	good();
	found.cut_short = true;
	verdict_make(&v, &x);
	assert_true(has("cut-short"));
}

static void test_group(void **state)
{
	good();
	x.group = "staff";
	found.group = (struct doctor_group){ .reach = REACH_ANSWER,
					     .accepted = true,
					     .hash = true,
					     .choice = { .suite = strong,
							 .method = METHOD_XAUTH_INIT_PSK } };
	only("group-hash");
	assert_non_null(strstr(v.conf, "mode = aggressive\n"));
	assert_non_null(strstr(v.conf, "identity = keyid:staff\n"));
	assert_non_null(strstr(v.conf, "xauth = yes\n"));
	is_configuration();
	found.group = (struct doctor_group){ .notify = 18 };
	only("group-refused");
	found.group = (struct doctor_group){ 0 };
	only("group-silent");
	assert_non_null(strstr(v.conf, "mode = main\n"));
}

/* Every trouble there is at once: no line is written past its end. */
static void test_everything(void **state)
{
	static struct doctor_found more[DOCTOR_ADDRESSES_MAX];
	char *text = NULL;
	size_t n = 0;
	FILE *out = open_memstream(&text, &n);

	good();
	x.n = DOCTOR_ADDRESSES_MAX;
	for (unsigned i = 1; i < x.n; i++) {
		more[i].addr = address("2001:db8:1111:2222:3333:4444:5555:6666");
		x.found[i] = &more[i];
		x.look.route[i].error = i & 1 ? ENETUNREACH : 0;
	}
	x.nservers = VERDICT_SERVERS_MAX;
	x.look.policies = 9;
	x.look.year = 0;
	x.look.port[0].taken = x.look.port[1].taken = true;
	found.fragments = found.whole = SIZE_LOST;
	found.ike1.naccepted = DOCTOR_ACCEPTED_MAX;
	for (unsigned i = 0; i < DOCTOR_ACCEPTED_MAX; i++)
		found.ike1.accepted[i] = (struct ike_choice){ .suite = weak, .method = METHOD_PSK };
	found.cut_short = found.ike1.limited = true;
	verdict_make(&v, &x);
	assert_in_range(v.ntroubles, 10, VERDICT_TROUBLES_MAX);
	report_text(&x, &v, out);
	report_json(&x, &v, out);
	fclose(out);
	assert_non_null(strstr(text, "Trouble"));
	assert_non_null(strstr(text, "\"vpn_conf\": \"[gateway]"));
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),	  cmocka_unit_test(test_name),
		cmocka_unit_test(test_host),	  cmocka_unit_test(test_nobody),
		cmocka_unit_test(test_ports),	  cmocka_unit_test(test_sizes),
		cmocka_unit_test(test_proposals), cmocka_unit_test(test_gateway),
		cmocka_unit_test(test_group),	  cmocka_unit_test(test_everything),
	};

	return crypto_init() != 0 || cmocka_run_group_tests(tests, NULL, NULL);
}
