/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "client/options.h"

#include "base/nearest.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>

#include "client/option_values.h"
#include "client/psk.h"

#define WORDS(...) ((const struct option_word[]){ __VA_ARGS__, { NULL, NULL } })
#define YES_NO WORDS({ "yes", NULL }, { "no", NULL })
#define FIELD(name) offsetof(struct config_draft, name)
#define DURATION_DAYS 86400u

#define EXPECT_IDENTITY                                                                            \
	"a name, an address, user@name, keyid:NAME or a distinguished name such as C=DE, CN=vpn"
#define LATER_IKEV2 "IKEv2 comes later"
#define LATER_PROBE "probing of epochs comes later"
#define LATER_NAT "the model of NATs comes later"
#define LATER_DNS "setting DNS without a script comes later"

const struct option_section option_sections[] = {
	{ .name = "gateway" },
	{ .name = "auth" },
	{ .name = "ike" },
	{ .name = "esp" },
	{ .name = "nat" },
	{ .name = "tunnel" },
	{ .name = "dns" },
	{ .name = "hooks" },
	{ .name = "policy", .named = true, .sample = "web-in-clear" },
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
	  .words = WORDS({ "auto", NULL }, { "ikev1", NULL }, { "ikev2", LATER_IKEV2 }),
	  .preset = "auto",
	  .help = "auto or ikev1; auto is IKEv1 in this version" },
	{ .section = "gateway",
	  .key = "mode",
	  .expect = "main or aggressive",
	  .parse = value_word,
	  .field = FIELD(mode),
	  .words = WORDS({ "main", NULL }, { "aggressive", NULL }),
	  .preset = "main",
	  .help = "main, or aggressive: for gateways that must know who we are before all else" },
	{ .section = "gateway",
	  .key = "identity",
	  .expect = EXPECT_IDENTITY ", or any",
	  .parse = value_peer,
	  .sample = "vpn.example.com",
	  .help = "what the gateway must prove to be; any: what it likes (psk); without it: its address" },
	{ .section = "gateway",
	  .key = "vendor",
	  .expect = "cisco, netscreen, fortigate or none",
	  .parse = value_word,
	  .field = FIELD(vendor),
	  .words = WORDS({ "none", NULL }, { "cisco", NULL }, { "netscreen", NULL },
			 { "fortigate", NULL }),
	  .preset = "none",
	  .help = "whose ways it follows: cisco, netscreen, fortigate or none" },
	{ .section = "gateway",
	  .key = "local-port",
	  .expect = "a port from 1 to 65535, or 0 for any",
	  .parse = value_local_port,
	  .preset = "500",
	  .help = "our UDP port for IKE; 0: any that is free",
	  .max = 65535 },
	{ .section = "gateway",
	  .key = "local-address",
	  .expect = "an address of this host",
	  .parse = value_local_address,
	  .sample = "192.0.2.7",
	  .help = "our address on the way to the gateway; without it: as the kernel routes" },
	{ .section = "gateway",
	  .key = "cisco-port",
	  .expect = "a port from 1 to 65535",
	  .parse = value_cisco_port,
	  .preset = "10000",
	  .help = "for encapsulation = cisco-udp: its UDP port where the gateway names none",
	  .min = 1,
	  .max = 65535 },
	{ .section = "gateway",
	  .key = "application-version",
	  .expect = "a text of at most 127 bytes",
	  .parse = value_text,
	  .field = FIELD(application_version),
	  .sample = "godwit:Linux",
	  .help = "what we call ourselves to it; without it: nothing, with cisco our name and version",
	  .max = 127 },

	{ .section = "auth",
	  .key = "method",
	  .expect = "psk, certificate or hybrid",
	  .parse = value_word,
	  .field = FIELD(method),
	  .words = WORDS({ "psk", NULL }, { "certificate", NULL }, { "hybrid", NULL },
			 { "eap", LATER_IKEV2 }),
	  .preset = "psk",
	  .help = "psk, certificate (both sides), or hybrid (the gateway's; the user by password)" },
	{ .section = "auth",
	  .key = "identity",
	  .expect = EXPECT_IDENTITY,
	  .parse = value_own,
	  .sample = "laptop@example.com",
	  .help = "who we are, for Cisco the group; without it: our address or certificate" },
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
	  .parse = value_text,
	  .field = FIELD(psk_file),
	  .sample = "/etc/godwit/vpn.psk",
	  .help = "instead of psk: the file that holds it, in one line" },
	{ .section = "auth",
	  .key = "psk-command",
	  .expect = "a shell command that prints the pre-shared key",
	  .parse = value_text,
	  .field = FIELD(psk_command),
	  .sample = "secret-tool lookup vpn office",
	  .help = "instead of psk: the command that prints it; no one else may change this file then",
	  .secret = true },
	{ .section = "auth",
	  .key = "xauth",
	  .expect = "yes or no",
	  .parse = value_flag,
	  .field = FIELD(xauth),
	  .words = YES_NO,
	  .preset = "no",
	  .help = "yes: the gateway asks for a user name and a password; with hybrid always" },
	{ .section = "auth",
	  .key = "username",
	  .expect = "a user name of at most 255 bytes",
	  .parse = value_text,
	  .field = FIELD(username),
	  .sample = "alice",
	  .help = "the user; asked for when it is not here",
	  .max = IKE_NAME_MAX - 1 },
	{ .section = "auth",
	  .key = "password",
	  .expect =
		  "the user's password, at most 1024 bytes; in double quotes if it has ; or # in it",
	  .parse = value_text,
	  .field = FIELD(password),
	  .sample = "\"\"",
	  .help = "the user's password, asked for when it is not here; as for psk: chmod 600",
	  .max = PSK_MAX,
	  .secret = true },
	{ .section = "auth",
	  .key = "password-file",
	  .expect = "the name of a file that holds the password",
	  .parse = value_text,
	  .field = FIELD(password_file),
	  .sample = "/etc/godwit/vpn.password",
	  .help = "instead of password: the file that holds it, in one line" },
	{ .section = "auth",
	  .key = "password-command",
	  .expect = "a shell command that prints the password",
	  .parse = value_text,
	  .field = FIELD(password_command),
	  .sample = "secret-tool lookup user alice",
	  .help = "a command that prints it, run each time that a password is asked for",
	  .secret = true },
	{ .section = "auth",
	  .key = "domain",
	  .expect = "a domain of at most 255 bytes",
	  .parse = value_text,
	  .field = FIELD(domain),
	  .sample = "EXAMPLE",
	  .help = "the user's domain, where the gateway asks for one",
	  .max = IKE_NAME_MAX - 1 },
	{ .section = "auth",
	  .key = "interactive",
	  .expect = "yes or no",
	  .parse = value_flag,
	  .field = FIELD(interactive),
	  .words = YES_NO,
	  .preset = "no",
	  .help = "yes: ask each time; no password is kept, as with one-time codes" },
	{ .section = "auth",
	  .key = "ca",
	  .expect = "a file or directory of CA certificates",
	  .parse = value_text,
	  .field = FIELD(ca),
	  .sample = "/etc/ssl/certs/ca-certificates.crt",
	  .help = "who may vouch for the gateway: CA certificates, PEM or DER, or a directory of them" },
	{ .section = "auth",
	  .key = "certificate",
	  .expect = "the name of a file with our certificate",
	  .parse = value_text,
	  .field = FIELD(certificate),
	  .sample = "me.pem",
	  .help = "our certificate, PEM or DER, and its issuers behind it" },
	{ .section = "auth",
	  .key = "key",
	  .expect = "the name of a file with our private key",
	  .parse = value_text,
	  .field = FIELD(key),
	  .sample = "me.key",
	  .help = "its private key, PEM or DER; no one else may read it (chmod 600)" },
	{ .section = "auth",
	  .key = "pkcs12",
	  .expect = "the name of a PKCS#12 file",
	  .parse = value_text,
	  .field = FIELD(pkcs12),
	  .sample = "me.p12",
	  .help = "instead of certificate and key: a PKCS#12 file with both" },
	{ .section = "auth",
	  .key = "key-password",
	  .expect = "the password of key or pkcs12; in double quotes if it has ; or # in it",
	  .parse = value_text,
	  .field = FIELD(key_password),
	  .sample = "\"\"",
	  .help = "the password of key or pkcs12; as for psk: chmod 600",
	  .max = PSK_MAX,
	  .secret = true },
	{ .section = "auth",
	  .key = "crl",
	  .expect = "the name of a file with a revocation list",
	  .parse = value_text,
	  .field = FIELD(crl),
	  .sample = "revoked.crl",
	  .help = "the CA's list of revoked certificates, PEM or DER" },

	{ .section = "ike",
	  .key = "proposals",
	  .expect = "proposals such as aes256-sha256-ecp256, separated by commas",
	  .parse = value_ike_proposals,
	  .preset = "aes256-sha384-ecp384, aes256-sha256-ecp256, aes256-sha256-modp2048, "
		    "aes128-sha256-modp2048",
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
	  .parse = value_flag,
	  .field = FIELD(allow_weak_ike),
	  .words = YES_NO,
	  .preset = "no",
	  .help = "yes: proposals may have 3des, md5, modp1024 and modp1536 in them" },
	{ .section = "ike",
	  .key = "dpd",
	  .expect = "a duration from 1s to 1d, such as 30s, or 0",
	  .parse = value_dpd,
	  .preset = "30s",
	  .help = "after so long a silence the gateway is asked whether it is there; 0: never",
	  .min = 1,
	  .max = DURATION_DAYS },

	{ .section = "ike",
	  .key = "fragmentation",
	  .expect = "yes or no",
	  .parse = value_flag,
	  .field = FIELD(fragmentation),
	  .words = YES_NO,
	  .preset = "yes",
	  .help = "large messages in parts (Cisco's way), where the gateway can do it, too" },

	{ .section = "esp",
	  .key = "proposals",
	  .expect = "proposals such as aes128gcm16 or aes256-sha256, separated by commas",
	  .parse = value_esp_proposals,
	  .preset = "aes256gcm16, aes128gcm16, aes256-sha256",
	  .help = "cipher and integrity for the data, in order of preference" },
	{ .section = "esp",
	  .key = "pfs",
	  .expect = "yes, no, server, or a group: modp2048, ecp256 or ecp384",
	  .parse = value_pfs,
	  .words = WORDS({ "yes", NULL }, { "no", NULL }, { "nopfs", NULL }, { "server", NULL }),
	  .preset = "yes",
	  .help = "a key exchange for the data: yes (IKE's group), no, a group, or server (it says)" },
	{ .section = "esp",
	  .key = "encapsulation",
	  .expect = "auto, udp, esp or cisco-udp",
	  .parse = value_word,
	  .field = FIELD(transport),
	  .words = WORDS({ "auto", NULL }, { "udp", NULL }, { "esp", NULL }, { "cisco-udp", NULL }),
	  .preset = "auto",
	  .help = "how data travels: udp, esp (no NAT in between), cisco-udp; auto: udp if it can" },
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
	  .parse = value_flag,
	  .field = FIELD(allow_weak_esp),
	  .words = YES_NO,
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
	  .words = WORDS({ "auto", NULL }),
	  .preset = "auto",
	  .help = "auto: from the path to the gateway; or 576 to 9000",
	  .min = 576,
	  .max = 9000 },
	{ .section = "tunnel",
	  .key = "address",
	  .expect = "config, an IPv4 address, an IPv6 address, or one of each",
	  .parse = value_inner,
	  .words = WORDS({ "config", NULL }),
	  .preset = "config",
	  .help = "our address in the tunnel: config (the gateway gives it), an IPv4 one, an IPv6 one, "
		  "both" },
	{ .section = "tunnel",
	  .key = "local",
	  .expect = "address, or prefixes such as 10.1.0.0/24, separated by commas",
	  .parse = value_local,
	  .words = WORDS({ "address", NULL }),
	  .preset = "address",
	  .help = "our side of the tunnel: address (the one above), or prefixes" },
	{ .section = "tunnel",
	  .key = "remote",
	  .expect = "config, or prefixes such as 10.99.0.0/24, separated by commas",
	  .parse = value_remote,
	  .words = WORDS({ "config", NULL }),
	  .preset = "config",
	  .help = "what is reached through it: config (the gateway says), or prefixes; 0.0.0.0/0 is "
		  "all of IPv4" },
	{ .section = "tunnel",
	  .key = "exclude",
	  .expect = "prefixes such as 10.99.7.0/24, separated by commas",
	  .parse = value_exclude,
	  .sample = "10.99.7.0/24",
	  .help = "but never these prefixes: they go their usual way, in the clear" },
	{ .section = "tunnel",
	  .key = "routes",
	  .expect = "own or script",
	  .parse = value_word,
	  .field = FIELD(routes),
	  .words = WORDS({ "own", NULL }, { "script", NULL }),
	  .preset = "own",
	  .help = "who sets addresses and routes: own (we do), or script (the one of [hooks])" },
	{ .section = "tunnel",
	  .key = "default",
	  .expect = "bypass or discard",
	  .parse = value_word,
	  .field = FIELD(fallback),
	  .words = WORDS({ "bypass", NULL }, { "discard", NULL }),
	  .preset = "bypass",
	  .help = "what no rule names: bypass (its usual way, in the clear) or discard (refused)" },
	{ .section = "tunnel",
	  .key = "fail-closed",
	  .expect = "yes or no",
	  .parse = value_flag,
	  .field = FIELD(fail_closed),
	  .words = YES_NO,
	  .preset = "no",
	  .help = "yes: nothing leaves beside the tunnel while the connection runs" },
	{ .section = "tunnel",
	  .key = "start",
	  .expect = "connect or demand",
	  .parse = value_word,
	  .field = FIELD(start),
	  .words = WORDS({ "connect", NULL }, { "demand", NULL }),
	  .preset = "connect",
	  .help = "when its keys are negotiated: connect (at once), demand (for the first packet)" },
	{ .section = "tunnel",
	  .key = "idle-close",
	  .expect = "a duration from 10s to 30d, such as 10m, or 0",
	  .parse = value_idle_close,
	  .preset = "0",
	  .help = "it is closed after so long without packets, until the next one; 0: never",
	  .min = 10,
	  .max = 30 * DURATION_DAYS },
	{ .section = "tunnel",
	  .key = "hold",
	  .expect = "a duration from 1s to 5m, such as 30s",
	  .parse = value_hold,
	  .preset = "30s",
	  .help = "how long packets are held at most while their keys are negotiated",
	  .min = 1,
	  .max = 300 },
	{ .section = "tunnel",
	  .key = "hold-bytes",
	  .expect = "a size from 64K to 256M, such as 4M, or 0",
	  .parse = value_hold_bytes,
	  .preset = "4M",
	  .help = "how much is held in all; 0: nothing, it is refused at once",
	  .min = 64 << 10,
	  .max = 256 << 20 },

	{ .section = "dns",
	  .key = "manage",
	  .expect = "auto, script or none",
	  .parse = value_word,
	  .field = FIELD(dns),
	  .words = WORDS({ "auto", NULL }, { "none", NULL }, { "script", NULL },
			 { "resolved", LATER_DNS }, { "resolvconf", LATER_DNS }),
	  .preset = "auto",
	  .help = "who sets the gateway's DNS servers: script ([hooks]), none; auto: the script if any" },

	{ .section = "hooks",
	  .key = "script",
	  .expect = "the name of a program",
	  .parse = value_text,
	  .field = FIELD(script),
	  .sample = "/usr/share/vpnc-scripts/vpnc-script",
	  .help = "run as the connection comes and goes, in vpnc-script's manner" },

	{ .section = "policy",
	  .key = "source",
	  .expect = "any, or addresses, prefixes and names, separated by commas",
	  .parse = value_policy_source,
	  .words = WORDS({ "any", NULL }),
	  .preset = "any",
	  .help = "from where: any (with protect: our address in the tunnel), addresses, prefixes, names" },
	{ .section = "policy",
	  .key = "source-port",
	  .expect = "any, or ports and ranges from 1 to 65534, separated by commas",
	  .parse = value_policy_source_port,
	  .words = WORDS({ "any", NULL }),
	  .preset = "any",
	  .help = "from which ports: any, or ports and ranges; of use for servers only" },
	{ .section = "policy",
	  .key = "destination",
	  .expect = "any, or addresses, prefixes and names, separated by commas",
	  .parse = value_policy_destination,
	  .words = WORDS({ "any", NULL }),
	  .preset = "any",
	  .sample = "0.0.0.0/0",
	  .help = "to where: any, addresses, prefixes, names (looked up at the start, then every 5 minutes)" },
	{ .section = "policy",
	  .key = "protocol",
	  .expect =
		  "any, tcp, udp, icmp, icmpv6, igmp, esp, or numbers from 1 to 255, separated by "
		  "commas",
	  .parse = value_policy_protocol,
	  .words = WORDS({ "any", NULL }),
	  .preset = "any",
	  .sample = "tcp",
	  .help = "any, tcp, udp, icmp, icmpv6, igmp, esp, or numbers" },
	{ .section = "policy",
	  .key = "port",
	  .expect = "any, or ports and ranges from 1 to 65534, separated by commas",
	  .parse = value_policy_port,
	  .words = WORDS({ "any", NULL }),
	  .preset = "any",
	  .sample = "80, 443, 8000-8099",
	  .help = "to which ports, of tcp or udp: any, or ports and ranges" },
	{ .section = "policy",
	  .key = "action",
	  .expect = "protect, bypass or discard",
	  .parse = value_policy_action,
	  .words = WORDS({ "protect", NULL }, { "bypass", NULL }, { "discard", NULL }),
	  .sample = "bypass",
	  .help = "protect (a tunnel of its own), bypass (in the clear) or discard (refused)" },
	{ .section = "policy",
	  .key = "granularity",
	  .expect = "rule, host or flow",
	  .parse = value_policy_granularity,
	  .words = WORDS({ "rule", NULL }, { "host", NULL }, { "flow", NULL }),
	  .preset = "rule",
	  .help = "with protect: keys for the whole rule, for each remote host, or for each flow" },
	{ .section = "policy",
	  .key = "proposals",
	  .expect = "proposals such as aes128gcm16 or aes256-sha256, separated by commas",
	  .parse = value_policy_proposals,
	  .sample = "aes256gcm16",
	  .help = "with protect: in place of those of [esp]" },
	{ .section = "policy",
	  .key = "pfs",
	  .expect = "yes, no, or a group: modp2048, ecp256 or ecp384",
	  .parse = value_policy_pfs,
	  .words = WORDS({ "yes", NULL }, { "no", NULL }, { "nopfs", NULL }),
	  .sample = "yes",
	  .help = "with protect: in place of that of [esp]" },
	{ .section = "policy",
	  .key = "keylife",
	  .expect = "a duration from 10s to 30d, such as 8h",
	  .parse = value_policy_keylife,
	  .sample = "8h",
	  .help = "with protect: in place of that of [esp]",
	  .min = 10,
	  .max = 30 * DURATION_DAYS },
	{ .section = "policy",
	  .key = "idle-close",
	  .expect = "a duration from 10s to 30d, such as 10m, or 0",
	  .parse = value_policy_idle_close,
	  .preset = "10m",
	  .help = "with protect: keys end after so long without packets; 0: never",
	  .min = 10,
	  .max = 30 * DURATION_DAYS },
	{ .section = "policy",
	  .key = "max-sas",
	  .expect = "a number from 1 to 256",
	  .parse = value_policy_max_sas,
	  .preset = "256",
	  .help = "with granularity host or flow: how many there may be at a time",
	  .min = 1,
	  .max = 256 },
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

static bool refuse_word_of_later(const struct option *o, const struct option_word *w,
				 struct option_value *v)
{
	return option_refuse(v, 0, v->text, "not available in this version: %s; use %s", w->later,
			     o->expect);
}

static bool refuse_word(const struct option *o, struct option_value *v)
{
	struct nearest near = { .word = v->text };

	for (const struct option_word *w = o->words; w->word; w++) {
		if (!w->later)
			nearest_offer(&near, w->word);
	}
	if (!near.best)
		return option_refuse(v, 0, v->text, "expected %s", o->expect);
	return option_refuse(v, 0, v->text, "expected %s; did you mean %s?", o->expect, near.best);
}

static bool has_words_alone(const struct option *o)
{
	return !o->parse || o->parse == value_word || o->parse == value_flag ||
	       o->parse == value_policy_action || o->parse == value_policy_granularity;
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
			return refuse_word_of_later(o, w, v);
		ok = true;
	}
	if (!v->text[0])
		return option_refuse(v, 0, "", "it is empty; expected %s", o->expect);
	if (!ok && o->words && has_words_alone(o))
		return refuse_word(o, v);
	if (o->parse)
		ok = o->parse(d, o, v);
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

/* A rule that is there does something: it stays a comment. */
static void write_section(FILE *out, const struct option_section *s)
{
	if (s->named)
		fprintf(out,
			"\n; A rule of one's own, of which there can be %d: the first one that fits "
			"decides,\n; before what [tunnel] says.\n;[%s %s]\n",
			SESSION_RULES_MAX, s->name, s->sample);
	else
		fprintf(out, "\n[%s]\n", s->name);
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
			write_section(out, option_section_find(o->section));
		section = o->section;
		fprintf(out, "; %s\n%s%s = %s\n", o->help, mark, o->key,
			o->sample ? o->sample : o->preset);
	}
}

void config_write_example(FILE *out)
{
	fputs("; One connection of godwit. The name of this file without .conf is the name of the\n"
	      "; connection; \"godwit check FILE\" says what it would do.\n"
	      ";\n"
	      "; A line is a [section], \"key = value\", or a comment behind ; or #. Any value may\n"
	      "; stand in double quotes, where a double quote of its own is written twice; a\n"
	      "; secret with ; or # in it must. Fill in these:\n",
	      out);
	write_options(out, must_fill_in, "");
	fputs("\n; Everything else has a default. Take away the ; before a key to change it.\n",
	      out);
	write_options(out, has_default, ";");
}
