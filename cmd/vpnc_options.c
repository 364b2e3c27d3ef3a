/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cmd/vpnc.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/nearest.h"
#include "base/secret.h"
#include "client/client.h"

#define GROUPS "dh2/dh5/dh14/dh15/dh16"

const struct vpnc_option vpnc_options[VPNC_SETTINGS] = {
	[VPNC_GATEWAY] = { .option = "--gateway",
			   .keyword = "IPSec gateway",
			   .value = "<ip/hostname>",
			   .help = "the gateway's name or address" },
	[VPNC_ID] = { .option = "--id",
		      .keyword = "IPSec ID",
		      .value = "<ASCII string>",
		      .help = "the name of the group" },
	[VPNC_SECRET] = { .option = "--secret",
			  .keyword = "IPSec secret",
			  .value = "<ASCII string>",
			  .help = "the group's password",
			  .secret = true },
	[VPNC_HIDDEN_SECRET] = { .keyword = "IPSec obfuscated secret",
				 .value = "<hex string>",
				 .help = "the group's password as a .pcf file hides it",
				 .advanced = true,
				 .secret = true },
	[VPNC_USERNAME] = { .option = "--username",
			    .keyword = "Xauth username",
			    .value = "<ASCII string>",
			    .help = "the user's name" },
	[VPNC_PASSWORD] = { .option = "--password",
			    .keyword = "Xauth password",
			    .value = "<ASCII string>",
			    .help = "the user's password",
			    .secret = true },
	[VPNC_HIDDEN_PASSWORD] = { .keyword = "Xauth obfuscated password",
				   .value = "<hex string>",
				   .help = "the user's password as a .pcf file hides it",
				   .advanced = true,
				   .secret = true },
	[VPNC_DOMAIN] = { .option = "--domain",
			  .keyword = "Domain",
			  .value = "<ASCII string>",
			  .help = "the user's domain, for gateways that ask for it",
			  .advanced = true },
	[VPNC_XAUTH_INTERACTIVE] = { .option = "--xauth-inter",
				     .keyword = "Xauth interactive",
				     .help = "ask for the password when the gateway asks, each "
					     "time (one-time codes)",
				     .advanced = true },
	[VPNC_VENDOR] = { .option = "--vendor",
			  .keyword = "Vendor",
			  .value = "<cisco/netscreen/fortigate>",
			  .help = "who made the gateway",
			  .preset = "cisco",
			  .advanced = true },
	[VPNC_NATT_MODE] = { .option = "--natt-mode",
			     .keyword = "NAT Traversal Mode",
			     .value = "<natt/none/force-natt/cisco-udp>",
			     .help = "how data travels:\n"
				     " natt       in UDP when there is a NAT on the way\n"
				     " force-natt always in UDP\n"
				     " none       never in UDP\n"
				     " cisco-udp  in UDP as Cisco did it, often on port 10000",
			     .preset = "natt",
			     .advanced = true },
	[VPNC_SCRIPT] = { .option = "--script",
			  .keyword = "Script",
			  .value = "<command>",
			  .help = "the shell command that sets addresses, routes and DNS, told by "
				  "its environment;\n"
				  "without it: /etc/vpnc/vpnc-script, else "
				  "/usr/share/vpnc-scripts/vpnc-script",
			  .advanced = true },
	[VPNC_DH] = { .option = "--dh",
		      .keyword = "IKE DH Group",
		      .value = "<" GROUPS ">",
		      .help = "the group of IKE's key exchange",
		      .preset = "dh2",
		      .advanced = true },
	[VPNC_PFS] = { .option = "--pfs",
		       .keyword = "Perfect Forward Secrecy",
		       .value = "<nopfs/" GROUPS "/server>",
		       .help = "the group of a key exchange for the data alone; server: as the "
			       "gateway wants",
		       .preset = "server",
		       .advanced = true },
	[VPNC_SINGLE_DES] = { .option = "--enable-1des",
			      .keyword = "Enable Single DES",
			      .help = "the old name of --enable-weak-encryption; single DES itself "
				      "is never offered",
			      .advanced = true },
	[VPNC_WEAK_ENCRYPTION] = { .option = "--enable-weak-encryption",
				   .keyword = "Enable weak encryption",
				   .help = "offer 3DES, too",
				   .advanced = true },
	[VPNC_NO_ENCRYPTION] = { .option = "--enable-no-encryption",
				 .keyword = "Enable no encryption",
				 .help = "offer data that is not encrypted, too",
				 .advanced = true },
	[VPNC_WEAK_AUTHENTICATION] = { .option = "--enable-weak-authentication",
				       .keyword = "Enable weak authentication",
				       .help = "offer MD5, too",
				       .advanced = true },
	[VPNC_APPLICATION_VERSION] = { .option = "--application-version",
				       .keyword = "Application version",
				       .value = "<ASCII string>",
				       .help = "what we say we are",
				       .preset = "Cisco Systems VPN Client " VPNC_VERSION ":Linux",
				       .advanced = true },
	[VPNC_IFNAME] = { .option = "--ifname",
			  .keyword = "Interface name",
			  .value = "<ASCII string>",
			  .help = "the name of the tunnel's device; without it: the first free of "
				  "tun0, tun1 ...",
			  .advanced = true },
	[VPNC_IFMODE] = { .option = "--ifmode",
			  .keyword = "Interface mode",
			  .value = "<tun>",
			  .help = "the kind of that device",
			  .preset = "tun",
			  .advanced = true },
	[VPNC_IFMTU] = { .option = "--ifmtu",
			 .keyword = "Interface MTU",
			 .value = "<0,576-9000>",
			 .help = "the device's MTU; 0: found from the path",
			 .preset = "0",
			 .advanced = true },
	[VPNC_DEBUG] = { .option = "--debug",
			 .keyword = "Debug",
			 .value = "<0/1/2/3/99>",
			 .help = "anything but 0: tell what happens; secrets are never told",
			 .preset = "0",
			 .advanced = true },
	[VPNC_NO_DETACH] = { .option = "--no-detach",
			     .keyword = "No Detach",
			     .help = "stay in the foreground",
			     .advanced = true },
	[VPNC_PIDFILE] = { .option = "--pid-file",
			   .keyword = "Pidfile",
			   .value = "<filename>",
			   .help = "where the process's number is kept",
			   .preset = VPNC_PID_FILE,
			   .advanced = true },
	[VPNC_LOCAL_ADDR] = { .option = "--local-addr",
			      .keyword = "Local Addr",
			      .value = "<ip/hostname>",
			      .help = "our own address to talk from; 0.0.0.0: as the kernel "
				      "chooses",
			      .preset = "0.0.0.0",
			      .advanced = true },
	[VPNC_LOCAL_PORT] = { .option = "--local-port",
			      .keyword = "Local Port",
			      .value = "<0-65535>",
			      .help = "our own port of IKE; 0: any",
			      .preset = "500",
			      .advanced = true },
	[VPNC_UDP_PORT] = { .option = "--udp-port",
			    .keyword = "Cisco UDP Encapsulation Port",
			    .value = "<0-65535>",
			    .help = "the port of cisco-udp where the gateway names none; 0: 10000",
			    .preset = "10000",
			    .advanced = true },
	[VPNC_DPD_IDLE] = { .option = "--dpd-idle",
			    .keyword = "DPD idle timeout (our side)",
			    .value = "<0,10-86400>",
			    .help = "after so many silent seconds ask whether the gateway lives; "
				    "0: never",
			    .preset = "300",
			    .advanced = true },
	[VPNC_NONINTERACTIVE] = { .option = "--non-inter",
				  .keyword = "Noninteractive",
				  .help = "ask nothing: what is missing is an error",
				  .advanced = true },
	[VPNC_AUTH_MODE] = { .option = "--auth-mode",
			     .keyword = "IKE Authmode",
			     .value = "<psk/hybrid>",
			     .help = "psk: both sides by the group's password; hybrid: the gateway "
				     "by its certificate",
			     .preset = "psk",
			     .advanced = true },
	[VPNC_CA_FILE] = { .option = "--ca-file",
			   .keyword = "CA-File",
			   .value = "<filename>",
			   .help = "hybrid: the certificates that are trusted, PEM",
			   .advanced = true },
	[VPNC_CA_DIR] = { .option = "--ca-dir",
			  .keyword = "CA-Dir",
			  .value = "<directory>",
			  .help = "hybrid: a directory of them, where there is no CA-File",
			  .preset = "/etc/ssl/certs",
			  .advanced = true },
	[VPNC_TARGET_NETWORK] = { .option = "--target-network",
				  .keyword = "IPSEC target network",
				  .value = "<target network/netmask>",
				  .help = "the network that is negotiated: 10.0.0.0/8 or "
					  "10.0.0.0/255.0.0.0",
				  .preset = "0.0.0.0/0.0.0.0",
				  .advanced = true },
	[VPNC_PASSWORD_HELPER] = { .option = "--password-helper",
				   .keyword = "Password helper",
				   .value = "<executable>",
				   .help = "a program that gets a question as its argument and "
					   "prints the secret",
				   .advanced = true },
};

/* ---- settings ---- */

const char *vpnc_value(const struct vpnc_settings *s, enum vpnc_setting which)
{
	return s->value[which] ? s->value[which] : vpnc_options[which].preset;
}

bool vpnc_is_set(const struct vpnc_settings *s, enum vpnc_setting which)
{
	return s->value[which] != NULL;
}

void vpnc_unset(struct vpnc_settings *s, enum vpnc_setting which)
{
	if (s->value[which])
		wipe(s->value[which], strlen(s->value[which]));
	free(s->value[which]);
	s->value[which] = NULL;
}

void vpnc_set(struct vpnc_settings *s, enum vpnc_setting which, const char *value, size_t n)
{
	char *copy = xcalloc(n + 1, 1);

	memcpy(copy, value, n);
	vpnc_unset(s, which);
	s->value[which] = copy;
}

void vpnc_settings_free(struct vpnc_settings *s)
{
	for (unsigned i = 0; i < VPNC_SETTINGS; i++)
		vpnc_unset(s, i);
}

/* ---- what it prints ---- */

/* Each line of the text behind some blanks. */
static void print_indented(const char *text, FILE *out)
{
	while (*text) {
		int n = (int)strcspn(text, "\n");

		fprintf(out, "      %.*s\n", n, text);
		text += n + (text[n] == '\n');
	}
}

void vpnc_help(bool all, FILE *out)
{
	fprintf(out, "Usage: vpnc [--version] [--print-config] [--help] [--long-help] [options] "
		     "[config files]\n\nOptions:\n");
	for (unsigned i = 0; i < VPNC_SETTINGS; i++) {
		const struct vpnc_option *o = &vpnc_options[i];

		if (o->advanced && !all)
			continue;
		fprintf(out, "  %s%s%s\n", o->option ? o->option : "(in files only)",
			o->option && o->value ? " " : "", o->option && o->value ? o->value : "");
		print_indented(o->help, out);
		if (o->preset)
			fprintf(out, "    Default: %s\n", o->preset);
		fprintf(out, "  conf-variable: %s%s%s\n\n", o->keyword, o->value ? " " : "",
			o->value ? o->value : "");
	}
	if (!all)
		fprintf(out, "Use --long-help to see all options\n");
}

void vpnc_version(FILE *out)
{
	fprintf(out,
		"vpnc version " VPNC_VERSION "\n"
		"as godwit %s speaks it, with wolfSSL %s; godwit help tells of the rest\n",
		GODWIT_VERSION, client_crypto_version());
}

/* Quotes, where what reads it would take away what belongs to the value. */
static bool needs_quotes(const char *value)
{
	size_t n = strlen(value);

	return n > 0 && (strchr(" \t", value[0]) || strchr(" \t", value[n - 1]) ||
			 (value[0] == '"' && value[n - 1] == '"'));
}

void vpnc_print_config(const struct vpnc_settings *s, FILE *out)
{
	for (unsigned i = 0; i < VPNC_SETTINGS; i++) {
		const struct vpnc_option *o = &vpnc_options[i];
		const char *quote;

		if (!s->value[i] || (o->value && !s->value[i][0]))
			continue;
		if (!o->value) {
			fprintf(out, "%s\n", o->keyword);
			continue;
		}
		quote = needs_quotes(s->value[i]) ? "\"" : "";
		fprintf(out, "%s %s%s%s\n", o->keyword, quote, s->value[i], quote);
	}
}

/* ---- slips ---- */

static unsigned count_words(const char *s)
{
	unsigned n = 0;

	for (s += strspn(s, " \t"); *s; n++) {
		s += strcspn(s, " \t");
		s += strspn(s, " \t");
	}
	return n;
}

/* The line's first n words, one blank between them. */
static void first_words(const char *line, unsigned n, char *out, size_t size)
{
	size_t used = 0;

	out[0] = '\0';
	for (unsigned i = 0; i < n; i++) {
		size_t word;

		line += strspn(line, " \t");
		word = strcspn(line, " \t");
		if (used + word + 2 > size)
			return;
		if (i > 0)
			out[used++] = ' ';
		memcpy(out + used, line, word);
		used += word;
		out[used] = '\0';
		line += word;
	}
}

/* In small letters, and without what stands in brackets: nobody knows that by heart. */
static void lower(const char *text, char *out, size_t size)
{
	size_t i;

	for (i = 0; text[i] && strncmp(text + i, " (", 2) != 0 && i + 1 < size; i++)
		out[i] = (char)tolower((unsigned char)text[i]);
	out[i] = '\0';
}

const char *vpnc_nearest_keyword(const char *line)
{
	const char *best = NULL;
	unsigned distance = 0;

	for (unsigned i = 0; i < VPNC_SETTINGS; i++) {
		char words[64], keyword[64];
		struct nearest near = { .word = words };

		lower(vpnc_options[i].keyword, keyword, sizeof(keyword));
		first_words(line, count_words(keyword), words, sizeof(words));
		nearest_offer(&near, keyword);
		if (near.best && (!best || near.distance < distance)) {
			best = vpnc_options[i].keyword;
			distance = near.distance;
		}
	}
	return best;
}
