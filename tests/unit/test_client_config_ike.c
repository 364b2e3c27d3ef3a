/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/unit/config_reading.h"

#define CONFIG "[tunnel]\naddress = config\n"
#define HEAD GATEWAY AUTH CONFIG

/* Reads what stands behind the least of all files. */
static struct reading read_more(const char *more)
{
	char text[800];

	snprintf(text, sizeof(text), HEAD "%s", more);
	return read_good(text);
}

static void expect_more_said(const char *more, const char *said)
{
	char text[800];

	snprintf(text, sizeof(text), HEAD "%s", more);
	expect_said(text, strlen(text), said);
}

/* ---- the gateway and its ways ---- */

static void without_a_word_nothing_is_special(void **state)
{
	struct reading r = read_more("");
	const struct session_config *s = &r.c->session;

	assert_int_equal(s->ike.mode, IKE_MODE_MAIN);
	assert_int_equal(s->ike.auth, IKE_AUTH_PSK);
	assert_int_equal(s->ike.vendor, IKE_VENDOR_NONE);
	assert_int_equal(s->ike.transport, IKE_TRANSPORT_AUTO);
	assert_true(s->ike.force_udp);
	assert_false(s->ike.no_fragments);
	assert_false(s->ike.xauth);
	assert_false(s->redirects);
	assert_false(s->pfs_as_config);
	assert_true(s->pfs_as_phase1);
	assert_int_equal(s->cisco_port, 10000);
	assert_int_equal(r.c->local_port, 500);
	assert_int_equal(r.c->local_address.family, FAMILY_NONE);
	assert_string_equal(s->ike.wish.application_version, "");
	reading_free(&r);
}

static void a_gateway_may_be_anybody_who_knows_the_key(void **state)
{
	struct reading r = read_more("[gateway]\nidentity = any\n");

	assert_true(r.c->session.ike.remote_any);
	reading_free(&r);
	expect_more_said(
		"[gateway]\nidentity = any\n[auth]\nmethod = hybrid\nca = /x\n",
		"vpn.conf:8:12: [gateway] identity = any: whoever has a certificate of the "
		"same CA could pose as the gateway; name it\n");
}

static void vendors_have_ways_of_their_own(void **state)
{
	static const struct {
		const char *more;
		enum ike_vendor vendor;
		bool redirects;
		const char *identity, *version;
	} cases[] = {
		{ "vendor = cisco\n[auth]\nidentity = Sales Team\n", IKE_VENDOR_CISCO, true,
		  "keyid:Sales Team", "godwit " GODWIT_VERSION ":Linux" },
		{ "vendor = cisco\n[auth]\nidentity = vpn.example.com\n", IKE_VENDOR_CISCO, true,
		  "vpn.example.com", "godwit " GODWIT_VERSION ":Linux" },
		{ "vendor = cisco\napplication-version = Other 1:Linux\n[auth]\n"
		  "identity = me@example.com\n",
		  IKE_VENDOR_CISCO, true, "me@example.com", "Other 1:Linux" },
		{ "vendor = netscreen\n[auth]\nidentity = sales\n", IKE_VENDOR_NETSCREEN, false,
		  "sales", "" },
		{ "vendor = fortigate\n[auth]\nidentity = sales\n", IKE_VENDOR_FORTIGATE, false,
		  "sales", "" },
		{ "application-version = x\n[auth]\nidentity = keyid:sales\n", IKE_VENDOR_NONE,
		  false, "keyid:sales", "x" },
	};
	char text[400], id[IDENTITY_TEXT_MAX];

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct reading r;

		snprintf(text, sizeof(text), "[gateway]\n%s", cases[i].more);
		r = read_more(text);
		assert_int_equal(r.c->session.ike.vendor, cases[i].vendor);
		assert_int_equal(r.c->session.redirects, cases[i].redirects);
		assert_string_equal(identity_text(&r.c->session.ike.local, id), cases[i].identity);
		assert_string_equal(r.c->session.ike.wish.application_version, cases[i].version);
		reading_free(&r);
	}
}

/* SHA-1 comes last, and PFS is what Mode Config says; what is written counts more. */
static void ciscos_gateways_are_offered_what_they_know(void **state)
{
	struct reading r = read_more("[gateway]\nvendor = cisco\n");
	const struct session_config *s = &r.c->session;
	char name[40];

	assert_true(s->pfs_as_config);
	assert_int_equal(s->child.pfs, DH_NONE);
	assert_int_equal(s->child.nsuites, 6);
	assert_string_equal(esp_suite_name(&s->child.suites[5], name), "aes128-sha1");
	reading_free(&r);
	r = read_more("[gateway]\nvendor = cisco\n[esp]\npfs = yes\nproposals = aes128gcm16\n");
	s = &r.c->session;
	assert_false(s->pfs_as_config);
	assert_true(s->pfs_as_phase1);
	assert_int_equal(s->child.nsuites, 1);
	reading_free(&r);
}

static void our_end_can_be_chosen(void **state)
{
	struct reading r = read_more("[gateway]\nlocal-port = 0\nlocal-address = 2001:db8::7\n");
	char text[ADDR_TEXT_MAX];

	assert_int_equal(r.c->local_port, 0);
	assert_string_equal(addr_text(&r.c->local_address, text), "2001:db8::7");
	reading_free(&r);
}

static void each_transport_is_that_of_its_word(void **state)
{
	static const struct {
		const char *word;
		enum ike_transport transport;
		bool force_udp;
	} cases[] = {
		{ "auto", IKE_TRANSPORT_AUTO, true },
		{ "udp", IKE_TRANSPORT_UDP, true },
		{ "esp", IKE_TRANSPORT_ESP, false },
		{ "cisco-udp", IKE_TRANSPORT_CISCO_UDP, false },
	};
	char text[200];

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct reading r;

		snprintf(text, sizeof(text), "[esp]\nencapsulation = %s\n", cases[i].word);
		r = read_more(text);
		assert_int_equal(r.c->session.ike.transport, cases[i].transport);
		assert_int_equal(r.c->session.ike.force_udp, cases[i].force_udp);
		reading_free(&r);
	}
}

static void ciscos_port_is_for_ciscos_way(void **state)
{
	struct reading r = read_more("[gateway]\ncisco-port = 4711\n[esp]\nencapsulation = "
				     "cisco-udp\n[ike]\nfragmentation = no\n");

	assert_int_equal(r.c->session.cisco_port, 4711);
	assert_true(r.c->session.ike.no_fragments);
	reading_free(&r);
	expect_more_said("[gateway]\ncisco-port = 4711\n",
			 "vpn.conf:8:1: warning: [gateway] cisco-port is not used without [esp] "
			 "encapsulation = cisco-udp\n");
	expect_more_said("[gateway]\ncisco-port = 10000\n", "");
}

/* ---- aggressive mode ---- */

static void aggressive_mode_is_taken_as_it_is(void **state)
{
	static const char text[] = "[gateway]\naddress = a\nmode = aggressive\n" CONFIG
				   "[auth]\nmethod = hybrid\nca = x\npsk = group\n";

	expect_more_said("[gateway]\nmode = aggressive\n", "");
	expect_said(text, strlen(text), "");
}

static void cisco_wants_a_groups_name(void **state)
{
	expect_more_said("[gateway]\nmode = aggressive\nvendor = cisco\n",
			 "vpn.conf:8:8: warning: [auth] identity is not set: in aggressive mode "
			 "Cisco's gateways look for the group of that name\n");
	expect_more_said("[gateway]\nvendor = cisco\n", "");
}

static void aggressive_mode_has_one_group(void **state)
{
	static const char text[] = HEAD
		"[gateway]\nmode = aggressive\n[ike]\nproposals = aes128-sha256-modp2048, "
		"aes256-sha256-ecp256, aes128-sha1-modp2048, aes128-sha1-ecp384\n";
	struct reading r = read_bytes(text, strlen(text));
	char name[48];

	assert_string_equal(
		r.said, "vpn.conf:10:37: warning: [ike] aes256-sha256-ecp256 is not offered: in "
			"aggressive mode all are in one group, that of the first (modp2048)\n"
			"vpn.conf:10:81: warning: [ike] aes128-sha1-ecp384 is not offered: in "
			"aggressive mode all are in one group, that of the first (modp2048)\n");
	assert_int_equal(r.c->session.ike.mode, IKE_MODE_AGGRESSIVE);
	assert_int_equal(r.c->session.ike.nsuites, 2);
	ike_suite_name(&r.c->session.ike.suites[1], name);
	assert_string_equal(name, "aes128-sha1-modp2048");
	reading_free(&r);
}

/* Those of main mode would leave one proposal, in a group that few gateways of that kind know. */
static void aggressive_mode_has_its_own_proposals(void **state)
{
	static const char text[] = HEAD "[gateway]\nmode = aggressive\n";
	struct reading r = read_bytes(text, strlen(text));
	const struct ike_config *ike = &r.c->session.ike;

	assert_int_equal(ike->nsuites, 5);
	for (unsigned i = 0; i < ike->nsuites; i++)
		assert_int_equal(ike->suites[i].group, DH_MODP_2048);
	assert_int_equal(r.c->session.child.pfs, DH_MODP_2048);
	reading_free(&r);
}

/* ---- PFS, and what is weak ---- */

static void the_gateway_may_decide_about_pfs(void **state)
{
	static const char fixed[] = MINIMAL "[esp]\npfs = server\n";
	struct reading r = read_more("[esp]\npfs = server\n");

	assert_true(r.c->session.pfs_as_config);
	assert_false(r.c->session.pfs_as_phase1);
	assert_int_equal(r.c->session.child.pfs, DH_NONE);
	reading_free(&r);
	expect_said(fixed, strlen(fixed),
		    "vpn.conf:9:7: [esp] pfs = server: the gateway says so only with [tunnel] "
		    "address = config; choose yes or no\n");
	expect_more_said(
		"[esp]\nproposals = aes128gcm16-ecp256\npfs = server\n",
		"vpn.conf:9:7: [esp] pfs does not fit the group ecp256 in [esp] proposals; "
		"remove one of them\n");
}

/* vpnc's own default is weak in all it offers: that is one warning. */
static void what_is_weak_alike_is_told_once(void **state)
{
	expect_more_said(
		"[ike]\nallow-weak = yes\nproposals = aes256-sha1-modp1024, aes128-sha1-modp1024, "
		"3des-sha1-modp1024, aes192-sha1-modp1024\n",
		"vpn.conf:9:13: warning: [ike] aes256-sha1-modp1024 is weak (modp1024) and is "
		"offered since allow-weak = yes; so are 2 more\n"
		"vpn.conf:9:57: warning: [ike] 3des-sha1-modp1024 is weak (3des, modp1024) and is "
		"offered since allow-weak = yes\n");
}

static void what_is_told_with_mode_config_needs_it(void **state)
{
	static const char text[] = MINIMAL "[gateway]\napplication-version = x\n";

	expect_said(
		text, strlen(text),
		"vpn.conf:9:1: warning: [gateway] application-version is told only with [tunnel] "
		"address = config\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_a_word_nothing_is_special),
		cmocka_unit_test(a_gateway_may_be_anybody_who_knows_the_key),
		cmocka_unit_test(vendors_have_ways_of_their_own),
		cmocka_unit_test(ciscos_gateways_are_offered_what_they_know),
		cmocka_unit_test(our_end_can_be_chosen),
		cmocka_unit_test(each_transport_is_that_of_its_word),
		cmocka_unit_test(ciscos_port_is_for_ciscos_way),
		cmocka_unit_test(aggressive_mode_is_taken_as_it_is),
		cmocka_unit_test(cisco_wants_a_groups_name),
		cmocka_unit_test(aggressive_mode_has_one_group),
		cmocka_unit_test(aggressive_mode_has_its_own_proposals),
		cmocka_unit_test(the_gateway_may_decide_about_pfs),
		cmocka_unit_test(what_is_weak_alike_is_told_once),
		cmocka_unit_test(what_is_told_with_mode_config_needs_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
