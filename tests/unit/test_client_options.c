/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above */
#include <cmocka.h>
#include <ctype.h>
#include <stdlib.h>

#include "client/options.h"

/* A draft to parse into, and its end. */
static struct config_draft *draft_new(void)
{
	struct config_draft *d = calloc(1, sizeof(*d));

	assert_non_null(d);
	d->config = calloc(1, sizeof(*d->config));
	assert_non_null(d->config);
	return d;
}

static void draft_free(struct config_draft *d)
{
	config_free(d->config);
	free(d);
}

static const struct option *find(const char *section, const char *key)
{
	const struct option *o = option_find(section, key);

	if (!o)
		fail_msg("no option [%s] %s", section, key);
	return o;
}

/* ---- the table ---- */

static void every_key_has_a_parser(void **state)
{
	for (unsigned i = 0; i < options_n; i++) {
		const struct option *o = &options[i];

		assert_non_null(option_section_find(o->section));
		assert_ptr_equal(option_find(o->section, o->key), o);
		assert_true(o->parse || o->words);
		assert_non_null(o->expect);
		if (o->help)
			assert_true(o->preset || o->sample);
	}
}

static void every_default_is_accepted(void **state)
{
	unsigned n = 0;

	for (unsigned i = 0; i < options_n; i++) {
		struct option_value v = { .text = options[i].preset };
		struct config_draft *d;

		if (!options[i].preset)
			continue;
		d = draft_new();
		if (!option_parse(d, &options[i], &v))
			fail_msg("[%s] %s: %s", options[i].section, options[i].key, v.why);
		draft_free(d);
		n++;
	}
	assert_int_equal(n, 59);
}

/* The words of the language, so that none is lost by accident. */
static void the_language_has_these_keys(void **state)
{
	static const char *const language[][30] = {
		{ "gateway", "address", "version", "mode", "identity", "vendor", "local-port",
		  "local-address", "cisco-port", "application-version" },
		{ "auth",	 "method",   "identity",	 "psk",
		  "psk-command", "psk-file", "psk-fd",		 "xauth",
		  "username",	 "password", "password-command", "password-file",
		  "password-fd", "domain",   "interactive",	 "ca",
		  "certificate", "key",	     "pkcs12",		 "key-password",
		  "crl" },
		{ "ike", "proposals", "lifetime", "allow-weak", "dpd", "fragmentation" },
		{ "esp", "proposals", "pfs", "encapsulation", "keylife", "allow-weak",
		  "rekeymargin", "rekeyfuzz" },
		{ "nat", "maxidle", "pingtime", "pingtries", "pingtime2", "pingtries2", "elimit",
		  "timeout", "ping-target", "ignore-peer-rekey", "nat-tout", "nat-nout", "nat-tei",
		  "nat-clients" },
		{ "tunnel", "device", "mtu", "address", "local", "remote", "exclude", "routes",
		  "default", "fail-closed", "offload", "workers", "select", "start", "idle-close",
		  "hold", "hold-bytes" },
		{ "dns", "manage", "servers", "domains", "default-route" },
		{ "hooks", "script" },
		{ "policy", "source", "source-port", "destination", "protocol", "port", "action",
		  "granularity", "proposals", "pfs", "keylife", "idle-close", "max-sas" },
	};
	unsigned n = 0;

	for (size_t i = 0; i < ARRAY_SIZE(language); i++) {
		for (size_t j = 1; language[i][j]; j++, n++)
			find(language[i][0], language[i][j]);
	}
	assert_int_equal(n, options_n);
}

/* ---- names ---- */

static void a_slip_finds_the_nearest_key(void **state)
{
	static const struct {
		const char *section, *key, *hint;
	} cases[] = {
		{ "gateway", "adress", "did you mean address?" },
		{ "gateway", "ADDRESS", "did you mean address?" },
		{ "gateway", "addr", "did you mean address?" },
		{ "gateway", "idnetity", "did you mean identity?" },
		{ "gateway", "identity-file", "did you mean identity?" },
		{ "ike", "proposal", "did you mean proposals?" },
		{ "ike", "keylife", "it belongs in [esp]" },
		{ "gateway", "psk", "it belongs in [auth]" },
		{ "ike", "x", "it has proposals, lifetime, allow-weak, dpd, fragmentation" },
		{ "esp", "ab",
		  "it has proposals, pfs, encapsulation, keylife, allow-weak, "
		  "rekeymargin, rekeyfuzz" },
		{ "ike", "a-name-that-is-much-longer-than-any-key-of-ours",
		  "it has proposals, lifetime, allow-weak, dpd, fragmentation" },
	};
	char buf[OPTION_WHY_MAX];

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_string_equal(option_key_hint(cases[i].section, cases[i].key, buf),
				    cases[i].hint);
}

static void a_slip_finds_the_nearest_section(void **state)
{
	char buf[OPTION_WHY_MAX];

	assert_string_equal(option_section_hint("gatway", buf), "did you mean [gateway]?");
	assert_string_equal(option_section_hint("Tunnel", buf), "did you mean [tunnel]?");
	assert_string_equal(option_section_hint("quux", buf),
			    "there are [gateway], [auth], [ike], [esp], [nat], [tunnel], [dns], "
			    "[hooks], [policy]");
	assert_null(option_section_find("gate"));
	assert_null(option_section_find("gateway x"));
	assert_null(option_section_find("policyx"));
	assert_non_null(option_section_find("policy web"));
}

/* ---- durations ---- */

static void durations_have_units(void **state)
{
	static const struct {
		const char *text;
		uint32_t seconds;
		const char *back;
	} good[] = {
		{ "0", 0, "0s" },	{ "30", 30, "30s" },
		{ "30s", 30, "30s" },	{ "60", 60, "1m" },
		{ "9m", 540, "9m" },	{ "90s", 90, "90s" },
		{ "8h", 28800, "8h" },	{ "1d", 86400, "1d" },
		{ "24h", 86400, "1d" }, { "49710d", 4294944000u, "49710d" },
	};
	static const char *const bad[] = { "",	    "s",    "-1",     "+1",	   "1.5h",
					   "1 h",   "8H",   "8hh",    "1w",	   " 1",
					   "1h30m", "0x10", "49711d", "1234567890" };
	char buf[16];
	uint32_t s;

	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		assert_true(duration_parse(good[i].text, &s));
		assert_int_equal(s, good[i].seconds);
		assert_string_equal(duration_text(s, buf), good[i].back);
	}
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		if (duration_parse(bad[i], &s))
			fail_msg("\"%s\" is accepted", bad[i]);
	}
}

static void short_durations_have_milliseconds(void **state)
{
	static const struct {
		const char *text;
		uint32_t ms;
	} good_ms[] = { { "200ms", 200 }, { "0ms", 0 },		  { "2s", 2000 },
			{ "2", 2000 },	  { "49d", 4233600000u }, { "999999999ms", 999999999 } };
	static const char *const bad_ms[] = { "ms", "2 ms", "2mss", "50d", "-1ms", "1.5s" };
	uint32_t ms;

	for (size_t i = 0; i < ARRAY_SIZE(good_ms); i++) {
		assert_true(duration_parse_ms(good_ms[i].text, &ms));
		assert_int_equal(ms, good_ms[i].ms);
	}
	for (size_t i = 0; i < ARRAY_SIZE(bad_ms); i++)
		if (duration_parse_ms(bad_ms[i], &ms))
			fail_msg("\"%s\" is accepted", bad_ms[i]);
}

/* ---- values ---- */

static const char *const good[][3] = {
	{ "gateway", "address", "vpn.example.com" },
	{ "gateway", "address", "vpn.example.com , 192.0.2.1,2001:db8::1" },
	{ "gateway", "address", "gw_1" },
	{ "gateway", "address", "127.0.0.1" },
	{ "gateway", "address", "vpn.example.com." },
	{ "gateway", "version", "ikev1" },
	{ "gateway", "mode", "main" },
	{ "gateway", "mode", "aggressive" },
	{ "gateway", "identity", "192.0.2.1" },
	{ "gateway", "identity", "keyid:group" },
	{ "gateway", "identity", "C=DE, O=Example, CN=vpn" },
	{ "auth", "identity", "/C=DE/O=Example/CN=me" },
	{ "gateway", "vendor", "none" },
	{ "gateway", "vendor", "cisco" },
	{ "gateway", "vendor", "netscreen" },
	{ "gateway", "vendor", "fortigate" },
	{ "gateway", "local-port", "0" },
	{ "gateway", "local-port", "65535" },
	{ "gateway", "local-address", "192.0.2.7" },
	{ "gateway", "local-address", "2001:db8::7" },
	{ "gateway", "cisco-port", "1" },
	{ "gateway", "application-version", "Some Client 1.0:Linux" },
	{ "auth", "method", "psk" },
	{ "auth", "method", "certificate" },
	{ "auth", "method", "hybrid" },
	{ "auth", "identity", "me@example.com" },
	{ "auth", "psk", "x" },
	{ "auth", "psk-file", "/x" },
	{ "auth", "psk-command", "true" },
	{ "auth", "xauth", "no" },
	{ "auth", "xauth", "yes" },
	{ "auth", "username", "EXAMPLE\\alice" },
	{ "auth", "password", "x y" },
	{ "auth", "password-file", "p" },
	{ "auth", "password-command", "echo x" },
	{ "auth", "domain", "EXAMPLE" },
	{ "auth", "interactive", "yes" },
	{ "auth", "ca", "/etc/ssl/certs" },
	{ "auth", "certificate", "me.pem" },
	{ "auth", "key", "me.key" },
	{ "auth", "pkcs12", "me.p12" },
	{ "auth", "key-password", "x" },
	{ "auth", "crl", "x.crl" },
	{ "ike", "fragmentation", "no" },
	{ "ike", "proposals", "aes128-sha256-modp2048" },
	{ "ike", "lifetime", "60" },
	{ "ike", "lifetime", "30d" },
	{ "esp", "proposals", "aes128gcm16-ecp256, aes256-sha256-ecp256,aes128gcm16" },
	{ "esp", "pfs", "no" },
	{ "esp", "pfs", "ecp384" },
	{ "esp", "pfs", "14" },
	{ "esp", "pfs", "server" },
	{ "esp", "encapsulation", "udp" },
	{ "esp", "encapsulation", "esp" },
	{ "esp", "encapsulation", "cisco-udp" },
	{ "esp", "keylife", "1h" },
	{ "nat", "timeout", "1s" },
	{ "nat", "timeout", "10m" },
	{ "nat", "maxidle", "0" },
	{ "nat", "maxidle", "100ms" },
	{ "nat", "maxidle", "1d" },
	{ "nat", "pingtime", "200ms" },
	{ "nat", "pingtime2", "1m" },
	{ "nat", "pingtries", "1000" },
	{ "nat", "pingtries2", "0" },
	{ "nat", "ping-target", "10.0.0.1" },
	{ "nat", "ping-target", "fd00::1, 10.0.0.1" },
	{ "nat", "ignore-peer-rekey", "auto" },
	{ "nat", "ignore-peer-rekey", "yes" },
	{ "nat", "nat-tout", "400ms" },
	{ "nat", "nat-nout", "1" },
	{ "nat", "nat-tei", "1s" },
	{ "auth", "psk-fd", "3" },
	{ "auth", "password-fd", "1023" },
	{ "nat", "nat-clients", "0" },
	{ "tunnel", "device", "abcdefghij-_.15" },
	{ "tunnel", "mtu", "576" },
	{ "tunnel", "mtu", "9000" },
	{ "tunnel", "address", "10.0.0.1/32, fd00::1/128" },
	{ "tunnel", "local", "address" },
	{ "tunnel", "local", "10.0.0.0/8,fd00::/8" },
	{ "tunnel", "remote", "0.0.0.0/0" },
	{ "tunnel", "address", "config" },
	{ "tunnel", "remote", "config" },
	{ "tunnel", "exclude", "10.0.0.0/8 , fd00::/8" },
	{ "tunnel", "routes", "own" },
	{ "tunnel", "routes", "script" },
	{ "dns", "manage", "script" },
	{ "hooks", "script", "hook" },
	{ "tunnel", "default", "bypass" },
	{ "tunnel", "default", "discard" },
	{ "tunnel", "fail-closed", "yes" },
	{ "tunnel", "offload", "udp" },
	{ "tunnel", "workers", "16" },
	{ "tunnel", "select", "round-robin" },
	{ "tunnel", "start", "demand" },
	{ "tunnel", "idle-close", "0" },
	{ "tunnel", "idle-close", "10m" },
	{ "tunnel", "hold", "5m" },
	{ "tunnel", "hold-bytes", "0" },
	{ "tunnel", "hold-bytes", "65536" },
	{ "tunnel", "hold-bytes", "64K" },
	{ "tunnel", "hold-bytes", "256M" },
	{ "policy", "source", "any" },
	{ "policy", "source", "10.0.0.1, fd00::/8, printer" },
	{ "policy", "source-port", "1" },
	{ "policy", "destination", "a.example, 10.0.0.0/8" },
	{ "policy", "protocol", "any" },
	{ "policy", "protocol", "tcp, udp,icmp , icmpv6, igmp, esp, 255" },
	{ "policy", "port", "any" },
	{ "policy", "port", "22, 80-90, 1-65534" },
	{ "policy", "action", "protect" },
	{ "policy", "action", "discard" },
	{ "policy", "granularity", "flow" },
	{ "policy", "proposals", "aes256gcm16-ecp256" },
	{ "policy", "pfs", "no" },
	{ "policy", "pfs", "ecp384" },
	{ "policy", "keylife", "1h" },
	{ "policy", "idle-close", "0" },
	{ "policy", "max-sas", "1" },
	{ "dns", "manage", "auto" },
	{ "dns", "manage", "none" },
	{ "dns", "manage", "resolved" },
	{ "dns", "manage", "resolvconf" },
	{ "dns", "servers", "config" },
	{ "dns", "servers", "10.0.0.53, config,fd00::53" },
	{ "dns", "domains", "config, corp.example, ~lab.example, ~." },
	{ "dns", "default-route", "auto" },
	{ "dns", "default-route", "no" },
};

static void good_values_are_accepted(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		struct option_value v = { .text = good[i][2] };
		struct config_draft *d = draft_new();

		if (!option_parse(d, find(good[i][0], good[i][1]), &v))
			fail_msg("[%s] %s = %s: %s", good[i][0], good[i][1], good[i][2], v.why);
		draft_free(d);
	}
}

#define LETTERS16 "abcdefghijklmnop"
#define LETTERS128 LETTERS16 LETTERS16 LETTERS16 LETTERS16 LETTERS16 LETTERS16 LETTERS16 LETTERS16
#define LETTERS256                                                                                 \
	LETTERS16 LETTERS16 LETTERS16 LETTERS16 LETTERS16 LETTERS16 LETTERS16 LETTERS16 LETTERS16  \
		LETTERS16 LETTERS16 LETTERS16 LETTERS16 LETTERS16 LETTERS16 LETTERS16

static const struct {
	const char *section, *key, *value;
	size_t at;
	const char *item, *why; /* why begins so */
} refused[] = {
	{ "gateway", "address", "", 0, "", "it is empty; expected host names" },
	{ "gateway", "address", "a,,b", 2, "", "expected host names" },
	{ "gateway", "address", "a,", 2, "", "expected host names" },
	{ "gateway", "address", "a b", 0, "a b", "expected host names" },
	{ "gateway", "address", "vpn, 10.0.0.300", 5, "10.0.0.300", "expected host names" },
	{ "gateway", "address", "-vpn", 0, "-vpn", "expected host names" },
	{ "gateway", "address", "a..b", 0, "a..b", "expected host names" },
	{ "gateway", "address", "0.0.0.0", 0, "0.0.0.0", "expected host names" },
	{ "gateway", "address", "vpn:500", 0, "vpn:500", "expected host names" },
	{ "gateway", "address", "v\xc3\xa4", 0, "v??", "expected host names" },
	{ "gateway", "address", "1,2,3,4,5,6,7,8", 0, "1", "expected host names" },
	{ "gateway", "address", "a,b,c,d,e,f,g,h,i", 16, "i", "one too many, there can be 8" },
	{ "gateway", "address", LETTERS256, 0, LETTERS16 LETTERS16 LETTERS16 "abcdefghijkl...",
	  "expected host names" },
	{ "gateway", "version", "ikev2", 0, "ikev2",
	  "not available in this version: IKEv2 comes later; use auto or ikev1" },
	{ "gateway", "version", "ikev3", 0, "ikev3",
	  "expected auto or ikev1; did you mean ikev1?" },
	{ "gateway", "version", "2", 0, "2", "expected auto or ikev1" },
	{ "gateway", "mode", "agressive", 0, "agressive",
	  "expected main or aggressive; did you mean aggressive?" },
	{ "gateway", "identity", LETTERS256 LETTERS256 LETTERS256, 0,
	  LETTERS16 LETTERS16 LETTERS16 "abcdefghijkl...", "expected a name, an address" },
	{ "gateway", "vendor", "sisco", 0, "sisco",
	  "expected cisco, netscreen, fortigate or none; did you mean cisco?" },
	{ "gateway", "local-port", "65536", 0, "65536", "expected a port from 1 to 65535, or 0" },
	{ "gateway", "local-port", "any", 0, "any", "expected a port from 1 to 65535, or 0" },
	{ "gateway", "local-address", "0.0.0.0", 0, "0.0.0.0", "expected an address of this host" },
	{ "gateway", "local-address", "ff02::1", 0, "ff02::1", "expected an address of this host" },
	{ "gateway", "local-address", "10.0.0.1/24", 0, "10.0.0.1/24", "expected an address" },
	{ "gateway", "cisco-port", "0", 0, "0", "expected a port from 1 to 65535" },
	{ "gateway", "cisco-port", "10000x", 0, "10000x", "expected a port from 1 to 65535" },
	{ "gateway", "application-version", LETTERS128, 0,
	  LETTERS16 LETTERS16 LETTERS16 "abcdefghijkl...", "expected a text of at most 127 bytes" },
	{ "auth", "method", "certificates", 0, "certificates",
	  "expected psk, certificate or hybrid; did you mean certificate?" },
	{ "auth", "method", "eap", 0, "eap",
	  "not available in this version: IKEv2 comes later; use psk, certificate or hybrid" },
	{ "auth", "identity", LETTERS256 LETTERS256 LETTERS256, 0,
	  LETTERS16 LETTERS16 LETTERS16 "abcdefghijkl...", "expected a name, an address" },
	{ "gateway", "identity", "C=DE, CN", 0, "C=DE, CN", "expected a name, an address" },
	{ "gateway", "identity", "keyid:", 0, "keyid:", "expected a name, an address" },
	{ "auth", "psk", "", 0, "", "it is empty; expected the pre-shared key" },
	{ "auth", "psk", LETTERS256 LETTERS256 LETTERS256 LETTERS256 "x", 0, "",
	  "expected the pre-shared key, at most 1024 bytes" },
	{ "auth", "psk-file", "", 0, "", "it is empty" },
	{ "auth", "psk-command", "", 0, "", "it is empty" },
	{ "auth", "psk-fd", "2", 0, "2", "expected the number of a file descriptor" },
	{ "auth", "password-fd", "1024", 0, "1024", "expected the number of a file descriptor" },
	{ "auth", "xauth", "on", 0, "on", "expected yes or no" },
	{ "auth", "username", LETTERS256, 0, LETTERS16 LETTERS16 LETTERS16 "abcdefghijkl...",
	  "expected a user name of at most 255 bytes" },
	{ "auth", "password", LETTERS256 LETTERS256 LETTERS256 LETTERS256 "x", 0, "",
	  "expected the user's password, at most 1024 bytes" },
	{ "auth", "password-file", "", 0, "", "it is empty" },
	{ "auth", "password-command", "", 0, "", "it is empty" },
	{ "auth", "domain", LETTERS256, 0, LETTERS16 LETTERS16 LETTERS16 "abcdefghijkl...",
	  "expected a domain of at most 255 bytes" },
	{ "auth", "interactive", "y", 0, "y", "expected yes or no" },
	{ "auth", "ca", "", 0, "", "it is empty" },
	{ "auth", "certificate", "", 0, "", "it is empty" },
	{ "auth", "key", "", 0, "", "it is empty" },
	{ "auth", "pkcs12", "", 0, "", "it is empty" },
	{ "auth", "key-password", LETTERS256 LETTERS256 LETTERS256 LETTERS256 "x", 0, "",
	  "expected the password of key or pkcs12" },
	{ "auth", "crl", "", 0, "", "it is empty" },
	{ "ike", "fragmentation", "never", 0, "never", "expected yes or no" },
	{ "ike", "proposals", "aes128-sha256-modp2048, des-sha256-modp2048", 24,
	  "des-sha256-modp2048", "des: " },
	{ "ike", "proposals", "aes sha group 14, hash sha256", 0, "aes sha group 14, hash sha256",
	  "sha256: a second one of its kind" },
	{ "ike", "proposals", "aes256gcm16-prfsha256-ecp256", 0, "aes256gcm16-prfsha256-ecp256",
	  "aes256gcm16: IKEv1 has no AEAD for IKE itself" },
	{ "ike", "allow-weak", "maybe", 0, "maybe", "expected yes or no" },
	{ "esp", "allow-weak", "maybe", 0, "maybe", "expected yes or no" },
	{ "esp", "pfs", "curve25519", 0, "curve25519", "curve25519: IKEv1 has no number for it" },
	{ "ike", "proposals", "aes128-sha256-modp2048,", 23, "", "expected proposals such as" },
	{ "ike", "proposals", "aes128-sha256-modp9", 0, "aes128-sha256-modp9", "\"modp9\"" },
	{ "ike", "lifetime", "8x", 0, "8x", "expected a duration from 10s to 30d" },
	{ "ike", "lifetime", "9s", 0, "9s", "expected a duration from 10s to 30d" },
	{ "ike", "lifetime", "31d", 0, "31d", "expected a duration from 10s to 30d" },
	{ "esp", "proposals", "aes128gcm16-ecp256,aes128gcm16-ecp384", 19, "aes128gcm16-ecp384",
	  "names another group than a proposal before it (ecp256)" },
	{ "esp", "proposals", "aes128", 0, "aes128", "" },
	{ "esp", "pfs", "maybe", 0, "maybe", "expected yes, no, server, or a group" },
	{ "esp", "pfs", "0", 0, "0", "expected yes, no, server, or a group" },
	{ "esp", "pfs", "modp768", 0, "modp768", "modp768: too weak" },
	{ "esp", "encapsulation", "upd", 0, "upd",
	  "expected auto, udp, esp or cisco-udp; did you mean udp?" },
	{ "esp", "keylife", "0", 0, "0", "expected a duration" },
	{ "ike", "dpd", "25h", 0, "25h", "expected a duration from 1s to 1d, such as 30s, or 0" },
	{ "esp", "rekeymargin", "0", 0, "0", "expected a duration from 1s to 1d" },
	{ "esp", "rekeyfuzz", "100", 0, "100", "expected a percentage from 0% to 300%" },
	{ "esp", "rekeyfuzz", "301%", 0, "301%", "expected a percentage from 0% to 300%" },
	{ "nat", "pingtime", "61s", 0, "61s", "expected a duration from 10ms to 1m, such as 2s" },
	{ "nat", "pingtime", "9ms", 0, "9ms", "expected a duration from 10ms to 1m" },
	{ "nat", "pingtime", "0", 0, "0", "expected a duration from 10ms to 1m" },
	{ "nat", "pingtime2", "60001ms", 0, "60001ms", "expected a duration from 10ms to 1m" },
	{ "nat", "pingtries", "1001", 0, "1001", "expected a number from 0 to 1000" },
	{ "nat", "pingtries2", "x", 0, "x", "expected a number from 0 to 1000" },
	{ "nat", "maxidle", "99ms", 0, "99ms",
	  "expected a duration from 100ms to 1d, such as 20s, or 0" },
	{ "nat", "maxidle", "25h", 0, "25h", "expected a duration from 100ms to 1d" },
	{ "nat", "ping-target", "10.0.0.1, gw", 10, "gw", "expected an IPv4 address, an IPv6" },
	{ "nat", "ping-target", "10.0.0.1, 10.0.0.2", 10, "10.0.0.2",
	  "a second IPv4 address; expected an IPv4 address, an IPv6 address, or one of each" },
	{ "nat", "ping-target", "224.0.0.1", 0, "224.0.0.1", "expected an IPv4 address" },
	{ "nat", "ignore-peer-rekey", "maybe", 0, "maybe", "expected auto, yes or no" },
	{ "nat", "nat-tout", "9ms", 0, "9ms", "expected a duration from 10ms to 10m" },
	{ "nat", "nat-nout", "0", 0, "0", "expected a number from 1 to 1000" },
	{ "nat", "nat-tei", "999ms", 0, "999ms", "expected a duration from 1s to 1d" },
	{ "nat", "nat-clients", "1001", 0, "1001", "expected a number from 0 to 1000" },
	{ "nat", "elimit", "x", 0, "x", "expected a number from 0 to 20" },
	{ "nat", "timeout", "0", 0, "0", "expected a duration from 1s to 10m" },
	{ "nat", "timeout", "601", 0, "601", "expected a duration from 1s to 10m" },
	{ "tunnel", "device", "sixteen-letters-", 0, "sixteen-letters-", "expected a name" },
	{ "tunnel", "device", "a/b", 0, "a/b", "expected a name" },
	{ "tunnel", "device", "..", 0, "..", "expected a name" },
	{ "tunnel", "device", "tun%d", 0, "tun%d", "expected a name" },
	{ "tunnel", "mtu", "575", 0, "575", "expected auto, or a number from 576 to 9000" },
	{ "tunnel", "mtu", "9001", 0, "9001", "expected auto, or a number" },
	{ "tunnel", "mtu", "1400x", 0, "1400x", "expected auto, or a number" },
	{ "tunnel", "mtu", "-1", 0, "-1", "expected auto, or a number" },
	{ "tunnel", "mtu", "99999999999", 0, "99999999999", "expected auto, or a number" },
	{ "tunnel", "address", "config, 10.0.0.1", 0, "config", "expected config, an IPv4" },
	{ "tunnel", "address", "10.0.0.1/24", 0, "10.0.0.1/24",
	  "the tunnel's device takes a single address: leave the length out, or write /32" },
	{ "tunnel", "address", "10.0.0.1, 10.0.0.2", 10, "10.0.0.2", "a second IPv4 address" },
	{ "tunnel", "address", "127.0.0.1", 0, "127.0.0.1", "expected config, an IPv4 address" },
	{ "tunnel", "address", "ff02::1", 0, "ff02::1", "expected config, an IPv4 address" },
	{ "tunnel", "address", "me", 0, "me", "expected config, an IPv4 address" },
	{ "tunnel", "local", "10.0.0.0/33", 0, "10.0.0.0/33", "expected address, or prefixes" },
	{ "tunnel", "remote", "10.0.0.0/8, 10.0.0/8", 12, "10.0.0/8",
	  "expected config, or prefixes" },
	{ "tunnel", "remote", "any", 0, "any", "expected config, or prefixes" },
	{ "tunnel", "exclude", "10.0.0.0/8, x", 12, "x", "expected prefixes such as" },
	{ "tunnel", "exclude", "config", 0, "config", "expected prefixes such as" },
	{ "tunnel", "routes", "mine", 0, "mine", "expected own or script" },
	{ "tunnel", "default", "refuse", 0, "refuse", "expected bypass or discard" },
	{ "tunnel", "fail-closed", "on", 0, "on", "expected yes or no" },
	{ "tunnel", "offload", "yes", 0, "yes", "expected auto, off, udp or tun" },
	{ "tunnel", "workers", "0", 0, "0", "expected a number from 1 to 16" },
	{ "tunnel", "workers", "17", 0, "17", "expected a number from 1 to 16" },
	{ "tunnel", "select", "fastest", 0, "fastest", "expected least-load or round-robin" },
	{ "tunnel", "start", "deman", 0, "deman",
	  "expected connect or demand; did you mean demand?" },
	{ "tunnel", "idle-close", "9s", 0, "9s", "expected a duration from 10s to 30d" },
	{ "tunnel", "hold", "0", 0, "0", "expected a duration from 1s to 5m" },
	{ "tunnel", "hold", "301s", 0, "301s", "expected a duration from 1s to 5m" },
	{ "tunnel", "hold-bytes", "65535", 0, "65535", "expected a size from 64K to 256M" },
	{ "tunnel", "hold-bytes", "257M", 0, "257M", "expected a size from 64K to 256M" },
	{ "tunnel", "hold-bytes", "4096M", 0, "4096M", "expected a size from 64K to 256M" },
	{ "tunnel", "hold-bytes", "4G", 0, "4G", "expected a size from 64K to 256M" },
	{ "tunnel", "hold-bytes", "4MB", 0, "4MB", "expected a size from 64K to 256M" },
	{ "tunnel", "hold-bytes", "M", 0, "M", "expected a size from 64K to 256M" },
	{ "policy", "source", "10.0.0.0/33", 0, "10.0.0.0/33", "expected any, or addresses" },
	{ "policy", "source", "10.0.0.1,", 9, "", "expected any, or addresses" },
	{ "policy", "source", "10.0.0.1, any", 10, "any", "expected any, or addresses" },
	{ "policy", "destination", "10.0.0.300", 0, "10.0.0.300", "expected any, or addresses" },
	{ "policy", "destination", "1,1.1.1.1", 0, "1", "expected any, or addresses" },
	{ "policy", "destination", "a,b,c,d,e,f,g,h,i,j,k,l,m,n,o,p,q", 32, "q",
	  "one too many, there can be 16" },
	{ "policy", "protocol", "tpc", 0, "tpc", "expected any, tcp, udp" },
	{ "policy", "protocol", "0", 0, "0", "expected any, tcp, udp" },
	{ "policy", "protocol", "256", 0, "256", "expected any, tcp, udp" },
	{ "policy", "protocol", "6x", 0, "6x", "expected any, tcp, udp" },
	{ "policy", "protocol", "tcp,any", 4, "any", "expected any, tcp, udp" },
	{ "policy", "port", "0", 0, "0", "expected any, or ports" },
	{ "policy", "port", "80,65535", 3, "65535", "expected any, or ports" },
	{ "policy", "port", "90-80", 0, "90-80", "expected any, or ports" },
	{ "policy", "port", "80-", 0, "80-", "expected any, or ports" },
	{ "policy", "port", "-80", 0, "-80", "expected any, or ports" },
	{ "policy", "port", "80 - 90", 0, "80 - 90", "expected any, or ports" },
	{ "policy", "port", "http", 0, "http", "expected any, or ports" },
	{ "policy", "source-port", "1-65535", 0, "1-65535", "expected any, or ports" },
	{ "policy", "action", "bypas", 0, "bypas",
	  "expected protect, bypass or discard; did you mean bypass?" },
	{ "policy", "granularity", "net", 0, "net", "expected rule, host or flow" },
	{ "policy", "proposals", "aes128gcm16,", 12, "", "expected proposals such as" },
	{ "policy", "pfs", "server", 0, "server", "expected yes, no, or a group" },
	{ "policy", "keylife", "0", 0, "0", "expected a duration from 10s to 30d" },
	{ "policy", "idle-close", "31d", 0, "31d", "expected a duration from 10s to 30d" },
	{ "policy", "max-sas", "0", 0, "0", "expected a number from 1 to 256" },
	{ "policy", "max-sas", "257", 0, "257", "expected a number from 1 to 256" },
	{ "dns", "manage", "skript", 0, "skript",
	  "expected auto, resolved, resolvconf, script or none; did you mean script?" },
	{ "dns", "servers", "10.0.0.53, dns.example", 11, "dns.example",
	  "expected config, addresses, or both" },
	{ "dns", "servers", "127.0.0.1", 0, "127.0.0.1", "expected config, addresses" },
	{ "dns", "servers", "1.1.1.1,,", 8, "", "expected config, addresses" },
	{ "dns", "servers",
	  "1.0.0.1,1.0.0.2,1.0.0.3,1.0.0.4,1.0.0.5,1.0.0.6,1.0.0.7,1.0.0.8,1.0.0.9,1.0.1.0,"
	  "1.0.1.1,1.0.1.2,1.0.1.3,1.0.1.4,1.0.1.5,1.0.1.6,config,1.0.1.7",
	  135, "1.0.1.7", "one too many, there can be 16" },
	{ "dns", "domains", "corp.example, a b", 14, "a b", "expected config, domains such as" },
	{ "dns", "domains", "corp..example", 0, "corp..example", "expected config, domains" },
	{ "dns", "domains", "~", 0, "~", "expected config, domains" },
	{ "dns", "domains", ".", 0, ".", "expected config, domains" },
	{ "dns", "domains", "-a", 0, "-a", "expected config, domains" },
	{ "dns", "default-route", "maybe", 0, "maybe", "expected auto, yes or no" },
	{ "hooks", "script", "", 0, "", "it is empty" },
};

static void bad_values_are_refused(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(refused); i++) {
		struct option_value v = { .text = refused[i].value };
		struct config_draft *d = draft_new();

		if (option_parse(d, find(refused[i].section, refused[i].key), &v))
			fail_msg("%s = %s is accepted", refused[i].key, refused[i].value);
		assert_int_equal(v.at, refused[i].at);
		assert_string_equal(v.item, refused[i].item);
		if (strncmp(v.why, refused[i].why, strlen(refused[i].why)) != 0)
			fail_msg("%s = %s: %s", refused[i].key, refused[i].value, v.why);
		assert_true(v.why[0]);
		draft_free(d);
	}
}

/* Nothing that is available escapes the table above. */
static void every_available_key_was_refused_once(void **state)
{
	for (unsigned i = 0; i < options_n; i++) {
		bool seen = false;

		for (size_t j = 0; j < ARRAY_SIZE(refused); j++)
			seen |= strcmp(refused[j].section, options[i].section) == 0 &&
				strcmp(refused[j].key, options[i].key) == 0;
		if (!seen)
			fail_msg("[%s] %s is never refused", options[i].section, options[i].key);
	}
}

static void a_refused_secret_leaves_nothing_in_the_complaint(void **state)
{
	static const char *const keys[] = { "psk", "password", "key-password" };
	const char *secret = LETTERS256 LETTERS256 LETTERS256 LETTERS256 "x";

	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		struct config_draft *d = draft_new();
		struct option_value v;

		memset(&v, 0xff, sizeof(v));
		v.text = secret;
		assert_true(find("auth", keys[i])->secret);
		assert_false(option_parse(d, find("auth", keys[i]), &v));
		assert_null(memmem(&v, sizeof(v), LETTERS16, 4));
		draft_free(d);
	}
	/* A command may have one in it. */
	assert_true(find("auth", "psk-command")->secret);
	assert_true(find("auth", "password-command")->secret);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_key_has_a_parser),
		cmocka_unit_test(every_default_is_accepted),
		cmocka_unit_test(the_language_has_these_keys),
		cmocka_unit_test(a_slip_finds_the_nearest_key),
		cmocka_unit_test(a_slip_finds_the_nearest_section),
		cmocka_unit_test(durations_have_units),
		cmocka_unit_test(short_durations_have_milliseconds),
		cmocka_unit_test(good_values_are_accepted),
		cmocka_unit_test(bad_values_are_refused),
		cmocka_unit_test(every_available_key_was_refused_once),
		cmocka_unit_test(a_refused_secret_leaves_nothing_in_the_complaint),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
