/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/unit/config_reading.h"

/* ---- what good files mean ---- */

static void the_minimum_takes_every_default(void **state)
{
	struct reading r = read_good(MINIMAL);
	const struct session_config *s = &r.c->session;
	char name[48];

	assert_string_equal(r.c->name, "vpn");
	assert_ptr_equal(s->name, r.c->name);
	assert_string_equal(r.c->file, "vpn.conf");
	assert_string_equal(r.c->device, "godwit0");
	assert_int_equal(s->ngateways, 1);
	assert_string_equal(s->gateways[0], "vpn.example.com");
	assert_psk(r.c, "sesame");
	assert_int_equal(s->ike.nsuites, 4);
	assert_string_equal(ike_suite_name(&s->ike.suites[0], name), "aes256-sha384-ecp384");
	assert_string_equal(ike_suite_name(&s->ike.suites[3], name), "aes128-sha256-modp2048");
	assert_int_equal(s->ike.local.type, ID_NONE);
	assert_int_equal(s->ike.remote.type, ID_NONE);
	assert_int_equal(s->ike.lifetime_s, 28800);
	assert_true(s->ike.timeout == 30 * VTIME_S);
	assert_true(s->ike.force_udp);
	assert_int_equal(s->child.nsuites, 3);
	assert_int_equal(s->child.pfs, DH_ECP_384);
	assert_int_equal(s->child.keylife_s, 28800);
	assert_int_equal(s->dpd, 30 * VTIME_S);
	assert_int_equal(s->rekeymargin, 540 * VTIME_S);
	assert_int_equal(s->rekeyfuzz, 100);
	assert_int_equal(s->pingtime, 2 * VTIME_S);
	assert_int_equal(s->pingtries, 5);
	assert_int_equal(s->pingtime2, 2 * VTIME_S);
	assert_int_equal(s->pingtries2, 5);
	assert_int_equal(s->maxidle, 20 * VTIME_S);
	assert_int_equal(s->ping_targets[0].family, FAMILY_NONE);
	assert_int_equal(s->ping_targets[1].family, FAMILY_NONE);
	assert_int_equal(s->ignore_peer_rekey, SESSION_IGNORE_AUTO);
	assert_int_equal(s->nat_model.tout, 2 * VTIME_S);
	assert_int_equal(s->nat_model.nout, 4);
	assert_int_equal(s->nat_model.tei, 60 * VTIME_S);
	assert_int_equal(s->nat_model.clients, 4);
	assert_int_equal(s->pingtries, 5);
	assert_int_equal(s->elimit, 3);
	assert_int_equal(s->mtu, 0);
	assert_int_equal(s->fallback, POLICY_BYPASS);
	assert_int_equal(s->ninner, 1);
	assert_int_equal(s->ntunnels, 1);
	assert_pair(&s->tunnels[0], "10.98.0.1/32", "10.99.0.0/24");
	reading_free(&r);
}

static void every_key_has_its_effect(void **state)
{
	struct reading r = read_good(
		"[gateway]\naddress = a.example, 192.0.2.1\nversion = ikev1\nmode = main\n"
		"identity = gw.example\nvendor = none\n"
		"[auth]\nmethod = psk\nidentity = me@example.com\npsk = sesame\nxauth = no\n"
		"[ike]\nproposals = aes128-sha256-modp2048\nlifetime = 2h\ndpd = 0\n"
		"[esp]\nproposals = aes256-sha256\npfs = yes\nencapsulation = udp\nkeylife = 30m\n"
		"rekeymargin = 2m\nrekeyfuzz = 0%\n"
		"[nat]\ntimeout = 12s\nmaxidle = 200ms\npingtime = 300ms\npingtries = 7\n"
		"pingtime2 = 4s\npingtries2 = 0\nping-target = fd00:99::9, 10.99.0.9\n"
		"ignore-peer-rekey = yes\nnat-tout = 400ms\nnat-nout = 5\nnat-tei = 90s\n"
		"nat-clients = 6\n"
		"[tunnel]\ndevice = tun7\nmtu = 1400\naddress = 10.98.0.1/32, fd00::1\n"
		"local = address\nremote = 10.99.0.0/24, fd00:99::/64\ndefault = bypass\n"
		"fail-closed = no\n[dns]\nmanage = none\n");
	const struct session_config *s = &r.c->session;
	char id[IDENTITY_TEXT_MAX];

	assert_int_equal(s->ngateways, 2);
	assert_string_equal(s->gateways[1], "192.0.2.1");
	assert_string_equal(identity_text(&s->ike.remote, id), "gw.example");
	assert_string_equal(identity_text(&s->ike.local, id), "me@example.com");
	assert_int_equal(s->ike.nsuites, 1);
	assert_int_equal(s->ike.lifetime_s, 7200);
	assert_true(s->ike.timeout == 12 * VTIME_S);
	assert_int_equal(s->maxidle, 200 * VTIME_MS);
	assert_int_equal(s->pingtime, 300 * VTIME_MS);
	assert_int_equal(s->pingtries, 7);
	assert_int_equal(s->pingtime2, 4 * VTIME_S);
	assert_int_equal(s->pingtries2, 0);
	assert_string_equal(addr_text(&s->ping_targets[0], id), "10.99.0.9");
	assert_string_equal(addr_text(&s->ping_targets[1], id), "fd00:99::9");
	assert_int_equal(s->ignore_peer_rekey, SESSION_IGNORE_YES);
	assert_int_equal(s->nat_model.tout, 400 * VTIME_MS);
	assert_int_equal(s->nat_model.nout, 5);
	assert_int_equal(s->nat_model.tei, 90 * VTIME_S);
	assert_int_equal(s->nat_model.clients, 6);
	assert_int_equal(s->child.nsuites, 1);
	assert_int_equal(s->child.pfs, DH_MODP_2048);
	assert_int_equal(s->child.keylife_s, 1800);
	assert_int_equal(s->dpd, 0);
	assert_int_equal(s->rekeymargin, 120 * VTIME_S);
	assert_int_equal(s->rekeyfuzz, 0);
	assert_string_equal(r.c->device, "tun7");
	assert_int_equal(s->mtu, 1400);
	assert_int_equal(s->ninner, 2);
	assert_int_equal(s->ntunnels, 2);
	assert_pair(&s->tunnels[0], "10.98.0.1/32", "10.99.0.0/24");
	assert_pair(&s->tunnels[1], "fd00::1/128", "fd00:99::/64");
	reading_free(&r);
}

static void pfs_follows_the_proposals(void **state)
{
	static const struct {
		const char *esp;
		enum dh_group group;
	} cases[] = {
		{ "pfs = yes\n", DH_ECP_384 },
		{ "pfs = no\n", DH_NONE },
		{ "pfs = modp2048\n", DH_MODP_2048 },
		{ "pfs = 19\n", DH_ECP_256 },
		{ "proposals = aes128gcm16-ecp256\n", DH_ECP_256 },
		{ "proposals = aes128gcm16-ecp256, aes256-sha256\npfs = yes\n", DH_ECP_256 },
		{ "proposals = aes128gcm16-ecp256\npfs = ecp256\n", DH_ECP_256 },
	};
	char text[400];

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct reading r;

		snprintf(text, sizeof(text), MINIMAL "[esp]\n%s", cases[i].esp);
		r = read_good(text);
		assert_int_equal(r.c->session.child.pfs, cases[i].group);
		reading_free(&r);
	}
}

struct weak_case {
	const char *text; /* behind MINIMAL */
	const char *said;
	unsigned nike, nesp;
	enum dh_group pfs;
};

/* What is weak and allowed is offered, and each of it is told. */
static void weak_ones_may_be_allowed(void **state)
{
	static const struct weak_case cases[] = {
		{ "[ike]\nproposals = aes128-sha1-modp2048, 3des-md5-dh2\nallow-weak = yes\n",
		  "vpn.conf:9:35: warning: [ike] 3des-md5-modp1024 is weak (3des, md5, modp1024) and "
		  "is offered since allow-weak = yes\n",
		  2, 3, DH_MODP_2048 },
		/* The group is not complained of twice. */
		{ "[ike]\nproposals = encr aes, hash sha, group 2\nallow-weak = yes\n",
		  "vpn.conf:9:13: warning: [ike] aes128-sha1-modp1024 is weak (modp1024) and is "
		  "offered since allow-weak = yes\n",
		  1, 3, DH_MODP_1024 },
		{ "[esp]\nallow-weak = yes\nproposals = esp-3des esp-md5-hmac, null-sha256\n"
		  "pfs = dh5\n",
		  "vpn.conf:10:13: warning: [esp] 3des-md5 is weak (3des, md5) and is offered since "
		  "allow-weak = yes\n"
		  "vpn.conf:10:36: warning: [esp] null-sha256 is weak (null (no encryption)) and is "
		  "offered since allow-weak = yes\n"
		  "vpn.conf:11:7: warning: [esp] the group for PFS is weak (modp1536) and is offered "
		  "since allow-weak = yes\n",
		  4, 2, DH_MODP_1536 },
		/* Allowed, and nothing weak. */
		{ "[ike]\nallow-weak = yes\n[esp]\nallow-weak = yes\npfs = nopfs\n", "", 4, 3,
		  DH_NONE },
		/* As routers show it: commas inside, and between. */
		{ "[ike]\nproposals = encr aes 256, hash sha256, group 14, aes-128 sha group 19\n"
		  "[esp]\nproposals = esp-gcm 128, esp-aes 256 esp-sha-hmac\npfs = group14\n",
		  "", 2, 2, DH_MODP_2048 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char text[600];
		struct reading r;

		snprintf(text, sizeof(text), MINIMAL "%s", cases[i].text);
		r = read_bytes(text, strlen(text));
		assert_string_equal(r.said, cases[i].said);
		assert_non_null(r.c);
		assert_int_equal(r.c->session.ike.nsuites, cases[i].nike);
		assert_int_equal(r.c->session.child.nsuites, cases[i].nesp);
		assert_int_equal(r.c->session.child.pfs, cases[i].pfs);
		reading_free(&r);
	}
}

static void each_pair_of_prefixes_is_a_tunnel(void **state)
{
	struct reading r = read_good(GATEWAY AUTH "[tunnel]\naddress = 10.1.0.1, fd01::1\n"
						  "local = 10.1.0.0/24, fd01::/64\n"
						  "remote = 10.2.0.0/24, fd02::/64, 10.3.0.0/24\n");

	assert_int_equal(r.c->session.ntunnels, 3);
	assert_pair(&r.c->session.tunnels[0], "10.1.0.0/24", "10.2.0.0/24");
	assert_pair(&r.c->session.tunnels[1], "fd01::/64", "fd02::/64");
	assert_pair(&r.c->session.tunnels[2], "10.1.0.0/24", "10.3.0.0/24");
	reading_free(&r);
}

static void secrets_keep_every_byte(void **state)
{
	static const struct {
		const char *written, *psk;
	} cases[] = {
		{ "\"sesame\"", "sesame" },
		{ "sesame", "sesame" },
		{ "  sesame \t", "sesame" },
		{ "\" ; # x = y \"", " ; # x = y " },
		{ "\"a\"  ; what it is", "a" },
		{ "\"a\"#x", "a" },
		{ "\"a\"\"; #\"\"\"\"\"", "a\"; #\"\"" },
		{ "\"\"\"\"\"\"", "\"\"" },
		{ "a\"b", "a\"b" },
		{ "open \"sesame\"", "open \"sesame\"" },
		{ "a = b", "a = b" },
		{ "a\\b", "a\\b" },
		{ "\"a\\\"", "a\\" },
		{ "[x]", "[x]" },
		{ "a\tb", "a\tb" },
		{ "\xc3\xa4", "\xc3\xa4" },
		{ "\""
		  "\xff\x80"
		  "\"",
		  "\xff\x80" },
	};
	char text[400];

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct reading r;

		snprintf(text, sizeof(text), GATEWAY TUNNEL "[auth]\npsk =%s\n", cases[i].written);
		r = read_good(text);
		assert_psk(r.c, cases[i].psk);
		reading_free(&r);
	}
}

static void a_long_secret_is_whole(void **state)
{
	char psk[1025], text[2000];
	struct reading r;

	memset(psk, 'k', 1024);
	psk[1024] = '\0';
	snprintf(text, sizeof(text), GATEWAY TUNNEL "[auth]\npsk = %s", psk);
	r = read_good(text);
	assert_psk(r.c, psk);
	reading_free(&r);
}

static void layout_does_not_matter(void **state)
{
	static const char *const texts[] = {
		"\xef\xbb\xbf" MINIMAL,
		"[gateway]\r\naddress = vpn.example.com\r\n\r\n[auth]\r\npsk = sesame\r\n[tunnel]\r\n"
		"address = 10.98.0.1\r\nremote = 10.99.0.0/24\r\n",
		"[auth]\npsk=sesame\n[tunnel]\nremote=10.99.0.0/24\naddress=10.98.0.1\n[gateway]\n"
		"address=vpn.example.com",
		"; a comment\n# another\n\n  [ gateway ] ; comment\n\taddress\t=\tvpn.example.com ; "
		"c\n[auth]#x\n    psk = sesame\n[tunnel]\n  address = \"10.98.0.1\"\n"
		"  remote = 10.99.0.0/24 # c\n",
		"[gateway]\n[auth]\n[gateway]\naddress = vpn.example.com\n" AUTH TUNNEL,
		GATEWAY "  \t \n" AUTH "\n\n" TUNNEL ";no newline at the end",
	};

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		struct reading r = read_good(texts[i]);

		assert_string_equal(r.c->session.gateways[0], "vpn.example.com");
		assert_psk(r.c, "sesame");
		assert_pair(&r.c->session.tunnels[0], "10.98.0.1/32", "10.99.0.0/24");
		reading_free(&r);
	}
}

static void the_file_names_the_connection(void **state)
{
	static const char *const good[][2] = {
		{ "/etc/godwit/office.conf", "office" },
		{ "office", "office" },
		{ "./a.b_c-1.conf", "a.b_c-1" },
	};
	static const char *const bad[] = { "/etc/.conf", "x y.conf", ".hidden.conf",
					   "-x.conf",	 "a\n.conf", "dir/" };

	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		struct config_source source = { .file = good[i][0], .mode = 0600 };
		struct reading r = read_source(source, MINIMAL, strlen(MINIMAL));

		assert_int_equal(r.result, 0);
		assert_string_equal(r.c->name, good[i][1]);
		reading_free(&r);
	}
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct config_source source = { .file = bad[i], .mode = 0600 };
		struct reading r = read_source(source, MINIMAL, strlen(MINIMAL));

		assert_int_equal(r.result, ERR_CONFIG);
		assert_non_null(strstr(r.said, "the file's name names the connection"));
		reading_free(&r);
	}
}

/* ---- what bad files are told ---- */

static const char *const complaints[][2] = {
	/* syntax */
	{ MINIMAL "[esp\n", "vpn.conf:8:5: expected ] behind the section's name\n" },
	{ MINIMAL "[esp] pfs = no\n",
	  "vpn.conf:8:7: expected nothing behind the section's name\n" },
	{ MINIMAL "  remote\n",
	  "vpn.conf:8:3: expected key = value, a [section], or a comment after ;\n" },
	{ MINIMAL "mtu: 1400\n",
	  "vpn.conf:8:1: expected key = value, a [section], or a comment after ;\n" },
	{ MINIMAL " = 1400\n",
	  "vpn.conf:8:2: expected key = value, a [section], or a comment after ;\n" },
	{ MINIMAL "psk \"a=b\"\n",
	  "vpn.conf:8:1: expected key = value, a [section], or a comment after ;\n" },
	{ "address = x\n" MINIMAL, "vpn.conf:1:1: address stands before the first [section]\n" },
	{ MINIMAL "mtu = 1400\x01\n",
	  "vpn.conf:8:11: a control character (byte 0x01); only text is expected\n" },
	{ MINIMAL "mtu = 14\r00\n",
	  "vpn.conf:8:9: a control character (byte 0x0d); only text is expected\n" },
	{ MINIMAL "; \x1b[31m\n",
	  "vpn.conf:8:3: a control character (byte 0x1b); only text is expected\n" },
	/* names */
	{ MINIMAL "[espp]\nx = y\n\n[esp]\n",
	  "vpn.conf:8:2: unknown section [espp]; did you mean [esp]?\n" },
	{ MINIMAL "[\x1b]\n",
	  "vpn.conf:8:2: a control character (byte 0x1b); only text is expected\n" },
	{ MINIMAL " remotes = x\n",
	  "vpn.conf:8:2: unknown key remotes in [tunnel]; did you mean remote?\n" },
	{ MINIMAL "keylife = 8h\n",
	  "vpn.conf:8:1: unknown key keylife in [tunnel]; it belongs in [esp]\n" },
	{ MINIMAL "[ike]\nq = 1\n",
	  "vpn.conf:9:1: unknown key q in [ike]; it has proposals, lifetime, allow-weak, dpd, fragmentation\n" },
	{ MINIMAL "[esp]\npfs = no\n pfs = no\n",
	  "vpn.conf:10:2: [esp] pfs is already set in line 9\n" },
	{ MINIMAL "[gateway]\naddress = b\n",
	  "vpn.conf:9:1: [gateway] address is already set in line 2\n" },
	/* not yet */
	{ MINIMAL "[gateway]\nversion = ikev2\n",
	  "vpn.conf:9:11: [gateway] version = ikev2: not available in this version: IKEv2 comes "
	  "later; use auto or ikev1\n" },
	/* values */
	{ MINIMAL "mtu = 100\n",
	  "vpn.conf:8:7: [tunnel] mtu = 100: expected auto, or a number from 576 to 9000\n" },
	{ MINIMAL "mtu =\n",
	  "vpn.conf:8:6: [tunnel] mtu: it is empty; expected auto, or a number from 576 to "
	  "9000\n" },
	{ MINIMAL "mtu = ; 1400\n",
	  "vpn.conf:8:7: [tunnel] mtu: it is empty; expected auto, or a number from 576 to "
	  "9000\n" },
	{ MINIMAL "mtu =;1400\n",
	  "vpn.conf:8:6: [tunnel] mtu: it is empty; expected auto, or a number from 576 to "
	  "9000\n" },
	{ MINIMAL "mtu = \"1400\n",
	  "vpn.conf:8:7: [tunnel] mtu: the closing double quote is missing\n" },
	{ MINIMAL "mtu = \"14\" 00\n",
	  "vpn.conf:8:12: [tunnel] mtu: expected nothing behind the closing double quote (one "
	  "that belongs to the value is written twice)\n" },
	{ MINIMAL "[ike]\nproposals = aes128-sha256-modp2048,  aes128-sha256-modp768\n",
	  "vpn.conf:9:38: [ike] proposals = aes128-sha256-modp768: modp768: too weak: use "
	  "modp2048, ecp256 or ecp384\n" },
	/* what is weak */
	{ MINIMAL "[ike]\nproposals = aes128-sha256-modp2048,  3des-md5-dh2\n",
	  "vpn.conf:9:38: [ike] 3des-md5-modp1024 is weak (3des, md5, modp1024); take it "
	  "out, or set allow-weak = yes in [ike]\n" },
	{ MINIMAL "[ike]\nallow-weak = no\nproposals = aes-256 sha group 5\n"
		  "[esp]\nallow-weak = yes\n",
	  "vpn.conf:10:13: [ike] aes256-sha1-modp1536 is weak (modp1536); take it out, or "
	  "set allow-weak = yes in [ike]\n" },
	{ MINIMAL "[ike]\nallow-weak = yes\n[esp]\nproposals = aes128-md5, null-sha1\n",
	  "vpn.conf:11:13: [esp] aes128-md5 is weak (md5); take it out, or set allow-weak = "
	  "yes in [esp]\n"
	  "vpn.conf:11:25: [esp] null-sha1 is weak (null (no encryption)); take it out, or "
	  "set allow-weak = yes in [esp]\n" },
	{ MINIMAL "[esp]\npfs = dh2\n",
	  "vpn.conf:9:7: [esp] the group for PFS is weak (modp1024); take it out, or set "
	  "allow-weak = yes in [esp]\n" },
	{ MINIMAL "[esp]\nproposals = aes128gcm16-modp1536\n",
	  "vpn.conf:9:13: [esp] the group for PFS is weak (modp1536); take it out, or set "
	  "allow-weak = yes in [esp]\n" },
	/* what is missing */
	{ AUTH TUNNEL, "vpn.conf: [gateway] address is missing; expected host names or addresses, "
		       "separated by commas\n" },
	{ GATEWAY TUNNEL,
	  "vpn.conf: no pre-shared key; set psk, psk-file or psk-command in [auth]\n" },
	{ MINIMAL "[auth]\n psk-file = x\n",
	  "vpn.conf:9:2: [auth] psk-file stands beside psk in line 4; keep one of them\n" },
	/* what does not go together */
	{ MINIMAL "[esp]\nproposals = aes128gcm16-ecp256\npfs = ecp384\n",
	  "vpn.conf:10:7: [esp] pfs does not fit the group ecp256 in [esp] proposals; remove "
	  "one of them\n" },
	{ MINIMAL "[esp]\nproposals = aes128gcm16-ecp256\npfs = no\n",
	  "vpn.conf:10:7: [esp] pfs does not fit the group ecp256 in [esp] proposals; remove "
	  "one of them\n" },
	{ GATEWAY AUTH "[tunnel]\naddress = 10.98.0.1\nremote = 10.0.0.0/8, fd00::/8\n",
	  "vpn.conf:7:22: [tunnel] remote = fd00::/8: our side has no IPv6; add an IPv6 "
	  "address to [tunnel] address\n" },
	{ MINIMAL "local = fd00::/8\n",
	  "vpn.conf:8:9: [tunnel] local = fd00::/8: we have no IPv6 address in the tunnel; "
	  "add one to [tunnel] address\n"
	  "vpn.conf:7:10: [tunnel] remote = 10.99.0.0/24: our side has no IPv4; add an IPv4 "
	  "address to [tunnel] address and local\n" },
	{ GATEWAY AUTH "[tunnel]\naddress = fd00::1\nremote = fd01::/64\nmtu = 1279\n",
	  "vpn.conf:8:7: [tunnel] mtu = 1279: IPv6 in the tunnel needs at least 1280\n" },
	{ GATEWAY AUTH "[tunnel]\naddress = 10.98.0.1\nremote = 10.1.0.0/16,10.1.0.0/16\n",
	  "vpn.conf:7:22: [tunnel] remote = 10.1.0.0/16 is named twice\n" },
	/* harmless, but not what one may think */
	{ GATEWAY AUTH "[tunnel]\naddress = 10.98.0.1\nremote = 10.99.0.7/24\n",
	  "vpn.conf:7:10: warning: [tunnel] remote = 10.99.0.7/24 is taken as "
	  "10.99.0.0/24\n" },
	{ GATEWAY AUTH "[tunnel]\naddress = 10.98.0.1\nremote = 10.1.0.0/16, 10.0.0.0/8\n",
	  "vpn.conf:7:23: warning: [tunnel] remote = 10.0.0.0/8 overlaps 10.1.0.0/16, which "
	  "comes first and takes what both cover\n" },
	{ MINIMAL "local = 10.1.0.0/16\n",
	  "vpn.conf:8:9: warning: [tunnel] local = 10.1.0.0/16 has no address of [tunnel] "
	  "address in it: what this host itself sends does not fit\n" },
};

static void complaints_say_where_and_what(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(complaints); i++)
		expect_said(complaints[i][0], strlen(complaints[i][0]), complaints[i][1]);
}

static void a_cut_secret_is_refused(void **state)
{
	static const struct {
		const char *written;
		unsigned column;
		const char *why;
	} cases[] = {
		{ "sesame ; comment", 14,
		  "there is a ; in or behind it; put a value that has one in double quotes, and a "
		  "comment on a line of its own" },
		{ "ses#ame", 10,
		  "there is a # in or behind it; put a value that has one in double quotes, and a "
		  "comment on a line of its own" },
		{ ";", 7,
		  "there is a ; in or behind it; put a value that has one in double quotes, and a "
		  "comment on a line of its own" },
		{ "\"sesame", 7, "the closing double quote is missing" },
		{ "\"ses\"ame\"", 12,
		  "expected nothing behind the closing double quote (one that belongs to the value "
		  "is written twice)" },
		{ "\"ses\"\"ame", 7, "the closing double quote is missing" },
		{ "\"\"", 8,
		  "it is empty; expected the pre-shared key, at most 1024 bytes; in double quotes if "
		  "it has ; or # in it" },
		{ "", 6,
		  "it is empty; expected the pre-shared key, at most 1024 bytes; in double quotes if "
		  "it has ; or # in it" },
	};
	char text[400], said[400];

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		snprintf(text, sizeof(text), GATEWAY TUNNEL "[auth]\npsk =%s%s\n",
			 cases[i].written[0] ? " " : "", cases[i].written);
		snprintf(said, sizeof(said), "vpn.conf:7:%u: [auth] psk: %s\n", cases[i].column,
			 cases[i].why);
		expect_said(text, strlen(text), said);
		assert_null(strstr(said, "ame"));
	}
}

static void bytes_that_are_no_text_are_refused(void **state)
{
	static const char nul[] = MINIMAL "mtu = 14\0"
					  "00\n";
	static const char utf16[] = "\xff\xfe[\0g\0";

	expect_said(nul, sizeof(nul) - 1,
		    "vpn.conf:8:9: a control character (byte 0x00); only text is expected\n");
	expect_said(utf16, sizeof(utf16) - 1,
		    "vpn.conf:1:4: a control character (byte 0x00); only text is expected\n"
		    "vpn.conf: [gateway] address is missing; expected host names or addresses, "
		    "separated by commas\n"
		    "vpn.conf: no pre-shared key; set psk, psk-file or psk-command in [auth]\n");
}

static void long_lines_are_whole_or_refused(void **state)
{
	size_t n = strlen(MINIMAL);
	char text[12000];
	struct reading r;

	/* As long as can be, with the value at its end. */
	memcpy(text, MINIMAL, n);
	memset(text + n, ' ', CONFIG_LINE_MAX);
	memcpy(text + n, "mtu =", 5);
	memcpy(text + n + CONFIG_LINE_MAX - 4, "1400\n", 6);
	r = read_good(text);
	assert_int_equal(r.c->session.mtu, 1400);
	reading_free(&r);

	memmove(text + n + 6, text + n + 5, strlen(text + n + 5) + 1);
	expect_said(text, strlen(text), "vpn.conf:8:4097: the line is longer than 4096 bytes\n");

	/* A key and a section beyond what inih takes. */
	memset(text + n, 'k', 60);
	strcpy(text + n + 60, " = 1\n");
	expect_said(text, strlen(text),
		    "vpn.conf:8:1: expected key = value, a [section], or a comment after ;\n");
	text[n] = '[';
	strcpy(text + n + 60, "]\n");
	r = read_bytes(text, strlen(text));
	assert_memory_equal(r.said, "vpn.conf:8:2: unknown section [kkk", 30);
	reading_free(&r);
}

static void complaints_end_somewhere(void **state)
{
	char text[4000] = MINIMAL;
	struct reading r;
	unsigned lines = 0;

	for (unsigned i = 0; i < 100; i++)
		strcat(text, "nonsense\n");
	r = read_bytes(text, strlen(text));
	for (const char *c = r.said; *c; c++)
		lines += *c == '\n';
	assert_int_equal(lines, CONFIG_COMPLAINTS_MAX + 1);
	assert_non_null(strstr(r.said, "vpn.conf: there is more to complain of\n"));
	reading_free(&r);
}

static void too_many_pairs_are_refused(void **state)
{
	char text[2000] = GATEWAY AUTH "[tunnel]\naddress = 10.0.0.1\nlocal = 10.0.0.0/24, "
				       "10.0.0.0/23\nremote = ";
	struct reading r;

	for (unsigned i = 0; i < 16; i++)
		sprintf(text + strlen(text), "%s10.1.%u.0/24", i ? "," : "", i);
	r = read_bytes(text, strlen(text));
	assert_int_equal(r.result, 0);
	assert_int_equal(r.c->session.ntunnels, 32);
	assert_pair(&r.c->session.tunnels[31], "10.0.0.0/23", "10.1.15.0/24");
	reading_free(&r);
	strcat(text, ",10.2.0.0/24");
	r = read_bytes(text, strlen(text));
	assert_non_null(strstr(r.said, "more than 32 pairs of a local and a remote prefix\n"));
	reading_free(&r);
}

static void a_command_of_someone_else_is_not_run(void **state)
{
	static const char text[] = GATEWAY TUNNEL "[auth]\npsk-command = echo x\n";
	struct config_source source = {
		.file = "vpn.conf", .owner = geteuid() + 1, .mode = 0600, .fetch = true
	};
	struct reading r = read_source(source, text, strlen(text));

	assert_int_equal(r.result, ERR_CONFIG);
	assert_non_null(strstr(r.said, "vpn.conf:7:1: the command is uid "));
	reading_free(&r);
	source.owner = 0;
	r = read_source(source, text, strlen(text));
	assert_int_equal(r.result, 0);
	assert_psk(r.c, "x");
	reading_free(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_minimum_takes_every_default),
		cmocka_unit_test(every_key_has_its_effect),
		cmocka_unit_test(pfs_follows_the_proposals),
		cmocka_unit_test(weak_ones_may_be_allowed),
		cmocka_unit_test(each_pair_of_prefixes_is_a_tunnel),
		cmocka_unit_test(secrets_keep_every_byte),
		cmocka_unit_test(a_long_secret_is_whole),
		cmocka_unit_test(layout_does_not_matter),
		cmocka_unit_test(the_file_names_the_connection),
		cmocka_unit_test(complaints_say_where_and_what),
		cmocka_unit_test(a_cut_secret_is_refused),
		cmocka_unit_test(bytes_that_are_no_text_are_refused),
		cmocka_unit_test(long_lines_are_whole_or_refused),
		cmocka_unit_test(complaints_end_somewhere),
		cmocka_unit_test(too_many_pairs_are_refused),
		cmocka_unit_test(a_command_of_someone_else_is_not_run),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
