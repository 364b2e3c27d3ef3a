/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "client/options.h"

#include "base/nearest.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>

#include "client/option_values.h"

#define WORDS(...) ((const struct option_word[]){ __VA_ARGS__, { NULL, false } })
#define DURATION_DAYS 86400u

#define LATER_XAUTH "user name and password come later"
#define LATER_CERTIFICATE "certificates come later"
#define LATER_PROBE "probing of epochs comes later"
#define LATER_NAT "the model of NATs comes later"
#define LATER_HOLD "holding of first packets comes later"
#define LATER_POLICY "rules of one's own come later"

const struct option_section option_sections[] = {
	{ .name = "gateway" },
	{ .name = "auth" },
	{ .name = "ike" },
	{ .name = "esp" },
	{ .name = "nat" },
	{ .name = "tunnel" },
	{ .name = "dns" },
	{ .name = "hooks" },
	{ .name = "policy", .named = true, .later = LATER_POLICY },
};

const unsigned option_sections_n = ARRAY_SIZE(option_sections);

const struct option options[] = {
	{ .section = "gateway",
	  .key = "address",
	  .expect = "host names or addresses, separated by commas",
	  .parse = value_gateways,
	  .sample = "vpn.example.com",
	  .help = "the gateway: names or addresses, tried in this order",
	  .required = true },
	{ .section = "gateway",
	  .key = "version",
	  .expect = "auto or ikev1",
	  .words = WORDS({ "auto", false }, { "ikev1", false }, { "ikev2", true }),
	  .preset = "auto",
	  .help = "auto or ikev1; auto is IKEv1 in this version" },
	{ .section = "gateway",
	  .key = "mode",
	  .expect = "main",
	  .words = WORDS({ "main", false }, { "aggressive", true }),
	  .preset = "main" },
	{ .section = "gateway",
	  .key = "identity",
	  .expect = "a name, an address, user@name or keyid:NAME",
	  .parse = value_peer,
	  .sample = "vpn.example.com",
	  .help = "what the gateway must prove to be; without it: the address we reach it at" },
	{ .section = "gateway",
	  .key = "vendor",
	  .expect = "none",
	  .words = WORDS({ "none", false }, { "cisco", true }, { "netscreen", true },
			 { "fortigate", true }),
	  .preset = "none" },

	{ .section = "auth",
	  .key = "method",
	  .expect = "psk",
	  .words = WORDS({ "psk", false }, { "certificate", true }, { "hybrid", true },
			 { "eap", true }),
	  .preset = "psk" },
	{ .section = "auth",
	  .key = "identity",
	  .expect = "a name, an address, user@name or keyid:NAME",
	  .parse = value_own,
	  .sample = "laptop@example.com",
	  .help = "who we are; without it: our address" },
	{ .section = "auth",
	  .key = "psk",
	  .expect =
		  "the pre-shared key, at most 1024 bytes; in double quotes if it has ; or # in it",
	  .parse = value_psk,
	  .sample = "\"\"",
	  .help = "the pre-shared key; no one else may read this file then (chmod 600)",
	  .secret = true },
	{ .section = "auth",
	  .key = "psk-file",
	  .expect = "the name of a file that holds the pre-shared key",
	  .parse = value_psk_file,
	  .sample = "/etc/godwit/vpn.psk",
	  .help = "instead of psk: the file that holds it, in one line" },
	{ .section = "auth",
	  .key = "psk-command",
	  .expect = "a shell command that prints the pre-shared key",
	  .parse = value_psk_command,
	  .sample = "secret-tool lookup vpn office",
	  .help = "instead of psk: the command that prints it; no one else may change this file then",
	  .secret = true },
	{ .section = "auth",
	  .key = "xauth",
	  .expect = "no",
	  .words = WORDS({ "no", false }, { "yes", true }),
	  .preset = "no" },
	{ .section = "auth", .key = "username", .later = LATER_XAUTH },
	{ .section = "auth", .key = "password", .later = LATER_XAUTH, .secret = true },
	{ .section = "auth", .key = "password-command", .later = LATER_XAUTH, .secret = true },
	{ .section = "auth", .key = "ca", .later = LATER_CERTIFICATE },
	{ .section = "auth", .key = "certificate", .later = LATER_CERTIFICATE },
	{ .section = "auth", .key = "key", .later = LATER_CERTIFICATE },
	{ .section = "auth", .key = "pkcs12", .later = LATER_CERTIFICATE },

	{ .section = "ike",
	  .key = "proposals",
	  .expect = "proposals such as aes256-sha256-ecp256, separated by commas",
	  .parse = value_ike_proposals,
	  .preset = "aes256-sha384-ecp384, aes256-sha256-ecp256, aes128-sha256-modp2048",
	  .help = "cipher, hash and group for IKE itself, in order of preference" },
	{ .section = "ike",
	  .key = "lifetime",
	  .expect = "a duration from 10s to 30d, such as 8h",
	  .parse = value_ike_lifetime,
	  .preset = "8h",
	  .help = "how long the IKE SA may live; it is renewed before",
	  .min = 10,
	  .max = 30 * DURATION_DAYS },
	{ .section = "ike",
	  .key = "allow-weak",
	  .expect = "yes or no",
	  .parse = value_ike_allow_weak,
	  .words = WORDS({ "yes", false }, { "no", false }),
	  .preset = "no",
	  .help = "yes: proposals may have 3des, md5, modp1024 and modp1536 in them" },
	{ .section = "ike",
	  .key = "dpd",
	  .expect = "a duration from 1s to 1h, such as 30s, or 0",
	  .parse = value_dpd,
	  .preset = "30s",
	  .help = "after so long a silence the gateway is asked whether it is there; 0: never",
	  .min = 1,
	  .max = 3600 },

	{ .section = "esp",
	  .key = "proposals",
	  .expect = "proposals such as aes128gcm16 or aes256-sha256, separated by commas",
	  .parse = value_esp_proposals,
	  .preset = "aes256gcm16, aes128gcm16, aes256-sha256",
	  .help = "cipher and integrity for the data, in order of preference" },
	{ .section = "esp",
	  .key = "pfs",
	  .expect = "yes, no, or a group: modp2048, ecp256 or ecp384",
	  .parse = value_pfs,
	  .words = WORDS({ "yes", false }, { "no", false }, { "nopfs", false }),
	  .preset = "yes",
	  .help = "a key exchange for the data alone: yes (in the group that IKE uses), no, or a group" },
	{ .section = "esp",
	  .key = "encapsulation",
	  .expect = "auto or udp",
	  .words = WORDS({ "auto", false }, { "udp", false }, { "esp", true },
			 { "cisco-udp", true }),
	  .preset = "auto",
	  .help = "auto or udp; both carry ESP in UDP in this version" },
	{ .section = "esp",
	  .key = "keylife",
	  .expect = "a duration from 10s to 30d, such as 8h",
	  .parse = value_keylife,
	  .preset = "8h",
	  .help = "how long the data's keys may live; they are renewed before",
	  .min = 10,
	  .max = 30 * DURATION_DAYS },
	{ .section = "esp",
	  .key = "allow-weak",
	  .expect = "yes or no",
	  .parse = value_esp_allow_weak,
	  .words = WORDS({ "yes", false }, { "no", false }),
	  .preset = "no",
	  .help = "yes: also 3des, md5, modp1024, modp1536, and null, which does not encrypt" },
	{ .section = "esp",
	  .key = "rekeymargin",
	  .expect = "a duration from 1s to 1d, such as 9m",
	  .parse = value_rekeymargin,
	  .preset = "9m",
	  .help = "keys, and the IKE SA, are renewed so long before their end; a third at most",
	  .min = 1,
	  .max = DURATION_DAYS },
	{ .section = "esp",
	  .key = "rekeyfuzz",
	  .expect = "a percentage from 0% to 300%, such as 100%",
	  .parse = value_rekeyfuzz,
	  .preset = "100%",
	  .help = "they may be renewed earlier by as much of the margin, at random",
	  .max = 300 },

	{ .section = "nat", .key = "maxidle", .later = LATER_PROBE },
	{ .section = "nat",
	  .key = "pingtime",
	  .expect = "a duration from 1s to 1m, such as 2s",
	  .parse = value_pingtime,
	  .preset = "2s",
	  .help = "how long to wait for a sign that new keys work",
	  .min = 1,
	  .max = 60 },
	{ .section = "nat",
	  .key = "pingtries",
	  .expect = "a number from 0 to 20",
	  .parse = value_pingtries,
	  .preset = "5",
	  .help = "and how often to wait again; then they are used without it if they must be",
	  .max = 20 },
	{ .section = "nat", .key = "pingtime2", .later = LATER_PROBE },
	{ .section = "nat", .key = "pingtries2", .later = LATER_PROBE },
	{ .section = "nat",
	  .key = "elimit",
	  .expect = "a number from 0 to 20",
	  .parse = value_elimit,
	  .preset = "3",
	  .help = "after more failures in a row to renew keys everything is negotiated anew",
	  .max = 20 },
	{ .section = "nat",
	  .key = "timeout",
	  .expect = "a duration from 1s to 10m, such as 30s",
	  .parse = value_timeout,
	  .preset = "30s",
	  .help = "a negotiation that has not ended by then has failed",
	  .min = 1,
	  .max = 600 },
	{ .section = "nat", .key = "ping-target", .later = LATER_PROBE },
	{ .section = "nat", .key = "ignore-peer-rekey", .later = LATER_PROBE },
	{ .section = "nat", .key = "nat-tout", .later = LATER_NAT },
	{ .section = "nat", .key = "nat-nout", .later = LATER_NAT },
	{ .section = "nat", .key = "nat-tei", .later = LATER_NAT },
	{ .section = "nat", .key = "nat-clients", .later = LATER_NAT },

	{ .section = "tunnel",
	  .key = "device",
	  .expect = "a name of at most 15 letters, digits, - _ and .",
	  .parse = value_device,
	  .preset = "godwit0",
	  .help = "the name of the tunnel's device" },
	{ .section = "tunnel",
	  .key = "mtu",
	  .expect = "auto, or a number from 576 to 9000",
	  .parse = value_mtu,
	  .words = WORDS({ "auto", false }),
	  .preset = "auto",
	  .help = "auto: from the path to the gateway; or 576 to 9000",
	  .min = 576,
	  .max = 9000 },
	{ .section = "tunnel",
	  .key = "address",
	  .expect = "an IPv4 address, an IPv6 address, or one of each",
	  .parse = value_inner,
	  .words = WORDS({ "config", true }),
	  .sample = "10.98.0.1",
	  .help = "our address inside the tunnel: an IPv4 one, an IPv6 one, or both",
	  .required = true },
	{ .section = "tunnel",
	  .key = "local",
	  .expect = "address, or prefixes such as 10.1.0.0/24, separated by commas",
	  .parse = value_local,
	  .words = WORDS({ "address", false }),
	  .preset = "address",
	  .help = "our side of the tunnel: address (the one above), or prefixes" },
	{ .section = "tunnel",
	  .key = "remote",
	  .expect = "prefixes such as 10.99.0.0/24, separated by commas",
	  .parse = value_remote,
	  .sample = "10.99.0.0/24",
	  .help = "what is reached through the tunnel: prefixes; 0.0.0.0/0 is all of IPv4",
	  .required = true },
	{ .section = "tunnel", .key = "exclude", .later = LATER_POLICY },
	{ .section = "tunnel",
	  .key = "default",
	  .expect = "bypass",
	  .words = WORDS({ "bypass", false }, { "discard", true }),
	  .preset = "bypass" },
	{ .section = "tunnel",
	  .key = "fail-closed",
	  .expect = "no",
	  .words = WORDS({ "no", false }, { "yes", true }),
	  .preset = "no" },
	{ .section = "tunnel", .key = "hold", .later = LATER_HOLD },
	{ .section = "tunnel", .key = "hold-bytes", .later = LATER_HOLD },

	/* Main mode brings no DNS servers, so that there is nothing to manage yet. */
	{ .section = "dns",
	  .key = "manage",
	  .expect = "auto or none",
	  .words = WORDS({ "auto", false }, { "none", false }, { "resolved", true },
			 { "resolvconf", true }, { "script", true }),
	  .preset = "auto" },

	{ .section = "hooks", .key = "script", .later = "scripts come later" },

	{ .section = "policy", .key = "source", .later = LATER_POLICY },
	{ .section = "policy", .key = "source-port", .later = LATER_POLICY },
	{ .section = "policy", .key = "destination", .later = LATER_POLICY },
	{ .section = "policy", .key = "protocol", .later = LATER_POLICY },
	{ .section = "policy", .key = "port", .later = LATER_POLICY },
	{ .section = "policy", .key = "action", .later = LATER_POLICY },
	{ .section = "policy", .key = "granularity", .later = LATER_POLICY },
	{ .section = "policy", .key = "proposals", .later = LATER_POLICY },
	{ .section = "policy", .key = "pfs", .later = LATER_POLICY },
	{ .section = "policy", .key = "keylife", .later = LATER_POLICY },
	{ .section = "policy", .key = "idle-close", .later = LATER_POLICY },
	{ .section = "policy", .key = "max-sas", .later = LATER_POLICY },
};

const unsigned options_n = ARRAY_SIZE(options);

static_assert(ARRAY_SIZE(options) <= OPTIONS_MAX, "what is indexed by option is large enough");

/* ---- names ---- */

const struct option *option_find(const char *section, const char *key)
{
	for (unsigned i = 0; i < options_n; i++) {
		if (strcmp(options[i].section, section) == 0 && strcmp(options[i].key, key) == 0)
			return &options[i];
	}
	return NULL;
}

const struct option_section *option_section_find(const char *text)
{
	for (unsigned i = 0; i < option_sections_n; i++) {
		size_t n = strlen(option_sections[i].name);

		if (strncmp(text, option_sections[i].name, n) != 0)
			continue;
		if (option_sections[i].named ? text[n] == '\0' || text[n] == ' ' : text[n] == '\0')
			return &option_sections[i];
	}
	return NULL;
}

__attribute__((format(printf, 2, 3))) static void append(char buf[OPTION_WHY_MAX],
							 const char *format, ...)
{
	size_t n = strlen(buf);
	va_list args;

	va_start(args, format);
	vsnprintf(buf + n, OPTION_WHY_MAX - n, format, args);
	va_end(args);
}

const char *option_key_hint(const char *section, const char *key, char buf[OPTION_WHY_MAX])
{
	struct nearest near = { .word = key };
	const char *separator = "it has ";

	buf[0] = '\0';
	for (unsigned i = 0; i < options_n; i++) {
		if (strcmp(options[i].section, section) == 0)
			nearest_offer(&near, options[i].key);
		else if (strcmp(options[i].key, key) == 0 && !buf[0])
			append(buf, "it belongs in [%s]", options[i].section);
	}
	if (buf[0])
		return buf;
	if (near.best) {
		append(buf, "did you mean %s?", near.best);
		return buf;
	}
	for (unsigned i = 0; i < options_n; i++) {
		/* Without help it has one value only, and is no advice. */
		if (strcmp(options[i].section, section) != 0 || options[i].later ||
		    !options[i].help)
			continue;
		append(buf, "%s%s", separator, options[i].key);
		separator = ", ";
	}
	return buf;
}

const char *option_section_hint(const char *text, char buf[OPTION_WHY_MAX])
{
	struct nearest near = { .word = text };

	buf[0] = '\0';
	for (unsigned i = 0; i < option_sections_n; i++)
		nearest_offer(&near, option_sections[i].name);
	if (near.best) {
		append(buf, "did you mean [%s]?", near.best);
		return buf;
	}
	append(buf, "there are");
	for (unsigned i = 0; i < option_sections_n; i++)
		append(buf, "%s [%s]", i ? "," : "", option_sections[i].name);
	return buf;
}

/* ---- values ---- */

static bool refuse_word_of_later(const struct option *o, struct option_value *v)
{
	return option_refuse(v, 0, v->text, "not available in this version; use %s", o->expect);
}

static bool refuse_word(const struct option *o, struct option_value *v)
{
	struct nearest near = { .word = v->text };

	for (const struct option_word *w = o->words; w->word; w++)
		nearest_offer(&near, w->word);
	if (!near.best)
		return option_refuse(v, 0, v->text, "expected %s", o->expect);
	return option_refuse(v, 0, v->text, "expected %s; did you mean %s?", o->expect, near.best);
}

bool option_parse(struct config_draft *d, const struct option *o, struct option_value *v)
{
	bool ok = false;

	v->at = 0;
	v->item[0] = '\0';
	v->why[0] = '\0';
	for (const struct option_word *w = o->words; w && w->word; w++) {
		if (strcmp(v->text, w->word) != 0)
			continue;
		if (w->later)
			return refuse_word_of_later(o, v);
		ok = true;
	}
	if (!v->text[0])
		return option_refuse(v, 0, "", "it is empty; expected %s", o->expect);
	if (o->parse)
		ok = o->parse(d, o, v);
	else if (!ok)
		return refuse_word(o, v);
	if (o->secret)
		wipe(v->item, sizeof(v->item));
	return ok;
}

/* ---- the example ---- */

/* What a person must fill in; the secret may stand elsewhere, but here it is easiest. */
static bool must_fill_in(const struct option *o)
{
	return o->required || strcmp(o->key, "psk") == 0;
}

static bool has_default(const struct option *o)
{
	return o->help && !o->later && !must_fill_in(o);
}

/* The options that `which` selects, by section, each line behind `mark`. */
static void write_options(FILE *out, bool (*which)(const struct option *o), const char *mark)
{
	const char *section = "";

	for (unsigned i = 0; i < options_n; i++) {
		const struct option *o = &options[i];

		if (!which(o))
			continue;
		if (strcmp(o->section, section) != 0)
			fprintf(out, "\n[%s]\n", o->section);
		section = o->section;
		fprintf(out, "; %s\n%s%s = %s\n", o->help, mark, o->key,
			o->preset ? o->preset : o->sample);
	}
}

void config_write_example(FILE *out)
{
	fputs("; One connection of godwit. The name of this file without .conf is the name of the\n"
	      "; connection; \"godwit check FILE\" says what it would do.\n"
	      ";\n"
	      "; A line is a [section], \"key = value\", or a comment behind ; or #. Any value may\n"
	      "; stand in double quotes; a secret with ; or # in it must. Fill in these:\n",
	      out);
	write_options(out, must_fill_in, "");
	fputs("\n; Everything else has a default. Take away the ; before a key to change it.\n",
	      out);
	write_options(out, has_default, ";");
}
