/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above */
#include <cmocka.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "client/client.h"
#include "client/check_impl.h"
#include "client/config.h"
#include "client/options.h"

static char directory[] = "/tmp/godwit-check-XXXXXX";
static char file[100];

static int make_directory(void **state)
{
	if (!mkdtemp(directory))
		return -1;
	snprintf(file, sizeof(file), "%s/vpn.conf", directory);
	return 0;
}

static int remove_directory(void **state)
{
	unlink(file);
	return rmdir(directory);
}

static void write_file(const char *text)
{
	int fd = open(file, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
}

/* What `check` says of a text: on stdout and stderr. */
#define GOOD_PSK "nhJ4vPzT9dLk2QwXc7RsVb3y"

struct verdict {
	int exit;
	char *out, *err;
};

static struct verdict check(const char *text)
{
	struct verdict v;
	size_t n, m;
	FILE *out = open_memstream(&v.out, &n), *err = open_memstream(&v.err, &m);

	write_file(text);
	v.exit = client_check(file, NULL, out, err);
	fclose(out);
	fclose(err);
	assert_int_equal(secret_pool_used(), 0);
	return v;
}

static void verdict_free(struct verdict *v)
{
	free(v->out);
	free(v->err);
}

#define DETAIL "\nIn detail\n"

static void expect_says(const char *text, const char *wanted)
{
	struct verdict v = check(text);
	char head[200];

	if (v.err[0] && !strstr(v.err, ": warning: "))
		fail_msg("said: %s", v.err);
	assert_int_equal(v.exit, 0);
	snprintf(head, sizeof(head), "%s: connection vpn\n", file);
	assert_memory_equal(v.out, head, strlen(head));
	assert_non_null(strstr(v.out, DETAIL));
	assert_string_equal(strstr(v.out, DETAIL) + strlen(DETAIL), wanted);
	verdict_free(&v);
}

static void check_says_what_would_be_done(void **state)
{
	expect_says(
		"[gateway]\naddress = vpn.example.com\n[auth]\npsk = sesame\n[tunnel]\n"
		"address = 10.98.0.1\nremote = 10.99.0.0/24\n",
		"  gateway         vpn.example.com\n"
		"  it must be      known by the address we reach it at\n"
		"  we are          known by our address\n"
		"  proven          both ends by the pre-shared key\n"
		"  IKE             IKEv1, main mode; given up after 30s\n"
		"    offered       aes256-sha384-ecp384, aes256-sha256-ecp256, "
		"aes256-sha256-modp2048, aes128-sha256-modp2048; for 8h\n"
		"  ESP             in UDP, so that every NAT lets it through; bare with a gateway "
		"that cannot\n"
		"    offered       aes256gcm16, aes128gcm16, aes256-sha256; for 8h\n"
		"    PFS           yes, in the group that IKE has come to use\n"
		"  keys renewed    9m before the end of a life, or up to 100% of that earlier\n"
		"  gateway lost?   asked after 30s of silence; when it is lost, connected again "
		"until that succeeds\n"
		"  new keys        tried with pings, 6 at most, 2s apart; those in use after 20s of "
		"silence\n"
		"    who answers   who is found in the tunnel: the gateway, its DNS server, its "
		"networks' first host\n"
		"    the gateway's own attempts to renew them are answered, unless raw ESP may pass "
		"a NAT\n"
		"  device          godwit0, MTU from the path to the gateway\n"
		"  our address     10.98.0.1\n"
		"  in the tunnel   from 10.98.0.1/32 to 10.99.0.0/24, and back\n"
		"  all else        goes its usual way in the clear, beside the tunnel\n"
		"  IPv6            all of it in the clear: [tunnel] address has no IPv6 "
		"address\n"
		"  DNS             left as it is: there is no server to set\n");
	expect_says(
		"[gateway]\naddress = a, 192.0.2.1\nidentity = gw.example\n[auth]\n"
		"psk = sesame\nidentity = me@example\n[ike]\nlifetime = 90m\n"
		"proposals = aes128-sha1-modp2048\n[nat]\ntimeout = 2m\n[esp]\npfs = no\n"
		"keylife = 1d\nproposals = aes128-sha1\n[tunnel]\nmtu = 1300\ndevice = tun9\n"
		"address = 10.98.0.1, fd00::1\nremote = 0.0.0.0/0, fd00:99::/64\n",
		"  gateway         a, else 192.0.2.1\n"
		"  it must be      gw.example\n"
		"  we are          me@example\n"
		"  proven          both ends by the pre-shared key\n"
		"  IKE             IKEv1, main mode; given up after 2m\n"
		"    offered       aes128-sha1-modp2048; for 90m\n"
		"  ESP             in UDP, so that every NAT lets it through; bare with a gateway "
		"that cannot\n"
		"    offered       aes128-sha1; for 1d\n"
		"    PFS           no\n"
		"  keys renewed    9m before the end of a life, or up to 100% of that earlier\n"
		"  gateway lost?   asked after 30s of silence; when it is lost, connected again "
		"until that succeeds\n"
		"  new keys        tried with pings, 6 at most, 2s apart; those in use after 20s of "
		"silence\n"
		"    who answers   who is found in the tunnel: the gateway, its DNS server, its "
		"networks' first host\n"
		"    the gateway's own attempts to renew them are answered, unless raw ESP may pass "
		"a NAT\n"
		"  device          tun9, MTU 1300\n"
		"  our address     10.98.0.1, fd00::1\n"
		"  in the tunnel   from 10.98.0.1/32 to 0.0.0.0/0, and back\n"
		"                  from fd00::1/128 to fd00:99::/64, and back\n"
		"  all else        goes its usual way in the clear, beside the tunnel\n"
		"  DNS             left as it is: there is no server to set\n");
}

static const char *host_name(void)
{
	static char name[64];

	assert_int_equal(gethostname(name, sizeof(name) - 1), 0);
	return name;
}

#define LIFE                                                                                       \
	"  keys renewed    9m before the end of a life, or up to 100%% of that earlier\n"          \
	"  gateway lost?   asked after 30s of silence; when it is lost, connected again until "    \
	"that succeeds\n"                                                                          \
	"  new keys        tried with pings, 6 at most, 2s apart; those in use after 20s of "      \
	"silence\n"                                                                                \
	"    who answers   who is found in the tunnel: the gateway, its DNS server, its "          \
	"networks' first host\n"                                                                   \
	"    the gateway's own attempts to renew them are answered, unless raw ESP may pass "      \
	"a NAT\n"
#define OFFERED "    offered       aes256gcm16, aes128gcm16, aes256-sha256; for 8h\n"

static void pings_are_explained(void **state)
{
	struct verdict v = check("[gateway]\naddress = a\n[auth]\npsk = x\n"
				 "[nat]\nmaxidle = 0\npingtime = 200ms\npingtries = 9\n"
				 "ping-target = 10.99.0.9\nignore-peer-rekey = yes\n"
				 "[tunnel]\naddress = 10.98.0.1\nremote = 10.99.0.0/24\n");

	assert_int_equal(v.exit, 0);
	assert_non_null(strstr(v.out,
			       "  new keys        tried with pings, 10 at most, 200ms apart\n"
			       "    who answers   10.99.0.9, else who is found in the tunnel"));
	assert_non_null(strstr(v.out, "    the gateway's own attempts to renew them are refused: "
				      "we begin instead\n"));
	/* With pings as fast as that a NAT for raw ESP gets the better of us. */
	assert_non_null(strstr(v.err, "vpn.conf: warning: [nat] pingtime = 200ms: "));
	assert_non_null(strstr(v.err, "vpn.conf: warning: [nat] pingtries = 9: "));
	assert_non_null(strstr(v.err, "vpn.conf: warning: [nat] maxidle = 0: "));
	verdict_free(&v);
	v = check("[gateway]\naddress = a\n[auth]\npsk = x\n");
	assert_null(strstr(v.err, "[nat]"));
	verdict_free(&v);
}

static void a_group_and_its_users_are_explained(void **state)
{
	char wanted[4000];

	snprintf(
		wanted, sizeof(wanted),
		"  gateway         vpn.example.com, or another one that it sends us to\n"
		"  vendor          the ways of cisco are followed\n"
		"  it must be      known by the address we reach it at\n"
		"  we are          keyid:sales\n"
		"  proven          both ends by the pre-shared key\n"
		"  user            alice\n"
		"    password      asked for once, then kept in memory while the connection runs\n"
		"    given to      whoever proves to have the pre-shared key: all who know it can "
		"pose as the gateway\n"
		"    at renewal    the password is given again where the gateway wants it, within "
		"8h\n"
		"    one-time code asked for 9m before that; without an answer data flows until its "
		"keys end, 8h at most\n"
		"  IKE             IKEv1, aggressive mode; given up after 30s\n"
		"    offered       aes256-sha384-modp2048, aes256-sha256-modp2048, "
		"aes128-sha256-modp2048, aes256-sha1-modp2048, aes128-sha1-modp2048; for 8h\n"
		"  ESP             bare, as protocol 50: firewalls and NATs in between must let it "
		"through\n"
		"    offered       aes256gcm16, aes128gcm16, aes256-sha256, aes128-sha256, "
		"aes256-sha1, aes128-sha1; for 8h\n"
		"    PFS           if the gateway says so, in the group that IKE has come to "
		"use\n" LIFE "  device          godwit0, MTU from the path to the gateway\n"
		"  our address     given by the gateway, which is asked for IPv4\n"
		"  it is told      our host name, %s, and what we are: godwit " GODWIT_VERSION
		":Linux\n"
		"  in the tunnel   from our address to the networks that the gateway names, "
		"everything when it names none; and back\n"
		"  but not         10.1.0.0/16, and what the gateway excludes: in the clear, beside "
		"the tunnel\n"
		"  all else        goes its usual way in the clear, beside the tunnel\n"
		"  IPv6            all of it in the clear: the gateway is not asked for an address\n"
		"  DNS             left as it is, whatever servers the gateway names\n",
		host_name());
	expect_says("[gateway]\naddress = vpn.example.com\nmode = aggressive\nvendor = cisco\n"
		    "[auth]\nidentity = sales\npsk = sesame\nxauth = yes\nusername = alice\n"
		    "[esp]\nencapsulation = esp\npfs = server\n[tunnel]\nexclude = 10.1.0.0/16\n"
		    "[dns]\nmanage = none\n",
		    wanted);
}

/* A CA that anybody may use for a test, beside the configuration. */
static void write_ca(char path[200])
{
	const char *source = getenv("GODWIT_SOURCE");
	char command[500];

	snprintf(path, 200, "%s/ca.pem", directory);
	snprintf(command, sizeof(command), "cp %s/tests/vectors/cert/root.pem %s",
		 source ? source : ".", path);
	assert_int_equal(system(command), 0);
}

static void a_hybrid_gateway_is_explained(void **state)
{
	char wanted[4000], ca[200];

	write_ca(ca);
	snprintf(
		wanted, sizeof(wanted),
		"  gateway         vpn.example.com\n"
		"  reached from    192.0.2.7, any port that is free\n"
		"  it must be      known by the address we reach it at, which its certificate must "
		"bear\n"
		"  we are          known by our address\n"
		"  proven          the gateway by a certificate from one of our CAs, we by the "
		"user's password alone\n"
		"  user            asked for, in the domain EX\n"
		"    password      asked for each time\n"
		"    given to      the gateway, once it is proven\n"
		"    at renewal    the user is asked again where the gateway wants it, within 8h\n"
		"    one-time code asked for 9m before that; without an answer data flows until its "
		"keys end, 8h at most\n"
		"  IKE             IKEv1, main mode, never in parts; given up after 30s\n"
		"    offered       aes256-sha384-ecp384, aes256-sha256-ecp256, "
		"aes256-sha256-modp2048, aes128-sha256-modp2048; for 8h\n"
		"  ESP             in UDP in Cisco's way, to the port that the gateway names, else "
		"4711\n" OFFERED
		"    PFS           yes, in the group that IKE has come to use\n" LIFE
		"  device          godwit0, MTU from the path to the gateway\n"
		"  our address     given by the gateway, which is asked for IPv4 and IPv6\n"
		"  it is told      our host name, %s\n"
		"  in the tunnel   from 10.1.0.0/16, fd01::/16 to 10.0.0.0/8, fd00::/8; and back\n"
		"  but not         what the gateway excludes: in the clear, beside the tunnel\n"
		"  all else        goes its usual way in the clear, beside the tunnel\n"
		"  IPv6            all of it in the clear, unless the gateway gives us an address "
		"for it\n"
		"  script          /usr/bin/env is run as the connection comes and goes; it sets "
		"addresses and routes\n"
		"  DNS             the script is told to ask the servers that the gateway names\n"
		"    for           the domains that the gateway names, else all names; all, where the "
		"tunnel carries everything\n",
		host_name());
	expect_says("[gateway]\naddress = vpn.example.com\nlocal-port = 0\n"
		    "local-address = 192.0.2.7\ncisco-port = 4711\n"
		    "[auth]\nmethod = hybrid\nca = ca.pem\ndomain = EX\ninteractive = yes\n"
		    "[ike]\nfragmentation = no\n[esp]\nencapsulation = cisco-udp\n"
		    "[tunnel]\nremote = 10.0.0.0/8, fd00::/8\nlocal = 10.1.0.0/16, fd01::/16\n"
		    "routes = script\n[hooks]\nscript = /usr/bin/env\n[dns]\nmanage = script\n",
		    wanted);
	unlink(ca);
}

/* Where the text has one of these lines for each of these files. */
static void single_lines_are_explained(void **state)
{
	static const char *const cases[][2] = {
		{ "[auth]\nxauth = yes\npassword = x\n",
		  "\n    password      known from the configuration\n" },
		{ "[auth]\nxauth = yes\npassword-command = x\n",
		  "\n    password      from the command, run each time it is needed\n" },
		{ "[auth]\nxauth = yes\npassword-command = x\ninteractive = yes\n",
		  "\n    password      from the command, run each time it is needed\n" },
		{ "[auth]\nxauth = yes\npassword-command = x\npassword = y\n",
		  "\n    password      known from the configuration; from the command if that is "
		  "refused\n" },
		{ "[esp]\nencapsulation = udp\n",
		  "\n  ESP             in UDP always, so that every NAT lets it through; a gateway "
		  "that cannot is refused\n" },
		{ "[gateway]\nlocal-port = 1500\n",
		  "\n  reached from    the address of the kernel's choice, port 1500\n" },
		{ "[tunnel]\naddress = 10.0.0.1\nremote = 10.0.0.0/8\nexclude = 10.1.0.0/16\n",
		  "\n  but not         10.1.0.0/16: in the clear, beside the tunnel\n" },
		{ "[tunnel]\naddress = fd00::1\nremote = fd00::/8\n",
		  "\n  IPv4            all of it in the clear: [tunnel] address has no IPv4 "
		  "address\n" },
		{ "[policy a]\naction = bypass\ndestination = 10.0.0.0/8\nprotocol = tcp, 47\n"
		  "source = 10.9.0.0/16\n[policy b]\naction = discard\nprotocol = udp\n"
		  "port = 9\n",
		  "\n  rules           the first that fits decides; then what follows below\n"
		  "    a: TCP from 10.9.0.0/16 to 10.0.0.0/8, protocol 47 from 10.9.0.0/16 to "
		  "10.0.0.0/8\n"
		  "                  in the clear, beside the tunnel\n"
		  "    b: UDP to any IPv4 address port 9, UDP to any IPv6 "
		  "address port 9\n"
		  "                  refused at once: programs are told \"permission denied\"\n"
		  "  in the tunnel " },
		{ "[policy a]\naction = protect\ndestination = 10.0.0.0/8\nprotocol = tcp\n"
		  "port = 80-89\n[policy b]\naction = protect\ndestination = 10.0.0.1, 10.0.0.2\n"
		  "granularity = host\nmax-sas = 9\nidle-close = 0\nproposals = aes256-sha256\n"
		  "pfs = no\nkeylife = 1h\n",
		  "\n    a: TCP to 10.0.0.0/8 ports 80-89\n"
		  "                  in a tunnel of its own, from our address, negotiated with the "
		  "first packet, closed after 10m without one\n"
		  "                  offered aes256gcm16, aes128gcm16, aes256-sha256; for 8h; PFS in "
		  "IKE's group\n"
		  "                  IKEv1 has no ranges of ports: agreed on for all ports, kept to "
		  "these by us, both ways\n"
		  "    b: all to 10.0.0.1/32, all to 10.0.0.2/32\n"
		  "                  in a tunnel for each remote host, 9 at most, from our address, "
		  "negotiated with the first packet\n"
		  "                  offered aes256-sha256; for 1h; PFS no\n" },
		{ "[policy a]\naction = bypass\ndestination = localhost\n",
		  "\n  names           localhost: looked up again every 5m, and when "
		  "the network changes\n" },
		{ "[tunnel]\nfail-closed = yes\n",
		  "\n  all else        is refused while the connection runs, but for what links "
		  "need (DHCP, neighbours)\n"
		  "                  the gateway's name is looked up again only if a rule lets that "
		  "through: its address would need none\n" },
		{ "[tunnel]\nstart = demand\nidle-close = 10m\nhold = 5s\nhold-bytes = 64K\n",
		  "\n  negotiated      with the first packet that needs it\n"
		  "  closed after    10m without a packet; the next one opens it again\n"
		  "  held            what waits for keys, 5s at most and 64 KiB in all; then it is "
		  "refused\n" },
		{ "[tunnel]\naddress = 10.98.0.1\nremote = 10.99.0.0/24\n[policy a]\n"
		  "action = discard\n",
		  "\n  IPv6            what no rule names goes in the clear: [tunnel] address has no "
		  "IPv6 address\n" },
		{ "[tunnel]\nidle-close = 10m\n",
		  "\n  closed after    10m without a packet; the next one opens it again\n"
		  "  held            what waits for keys, 30s at most and 4096 KiB in all; then it is "
		  "refused\n" },
		{ "[tunnel]\nworkers = 2\n",
		  "\n  opened by       2 threads; new keys go to the one where the fewest packets "
		  "wait\n" },
		{ "[tunnel]\nworkers = 16\nselect = round-robin\n",
		  "\n  opened by       16 threads; new keys go to one after the other\n" },
		{ "[tunnel]\nhold-bytes = 0\n",
		  "\n  held            nothing: what has no keys yet is refused\n" },
		{ "[hooks]\nscript = /usr/bin/env\n[dns]\nmanage = none\n",
		  "\n  script          /usr/bin/env is run as the connection comes and goes\n"
		  "  DNS             left as it is, whatever servers the gateway names\n" },
	};
	char text[600];

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct verdict v;

		snprintf(text, sizeof(text),
			 "[gateway]\naddress = a\n[auth]\npsk = " GOOD_PSK "\n%s", cases[i][0]);
		v = check(text);
		if (!strstr(cases[i][0], "xauth") && !strstr(cases[i][0], "pfs = no"))
			assert_string_equal(v.err, "");
		if (!strstr(v.out, cases[i][1]))
			fail_msg("not \"%s\" but %s", cases[i][1], v.out);
		verdict_free(&v);
	}
}

/* ---- in sentences ---- */

static void expect_story(const char *text, const char *wanted)
{
	struct verdict v = check(text);
	char *from = v.out + strcspn(v.out, "\n") + 1, *detail = strstr(v.out, DETAIL);

	assert_int_equal(v.exit, 0);
	assert_non_null(detail);
	*detail = '\0';
	assert_string_equal(from, wanted);
	verdict_free(&v);
}

static void a_plain_one_is_told(void **state)
{
	expect_story(
		"[gateway]\naddress = vpn.example.com\nidentity = vpn.example.com\n[auth]\n"
		"identity = laptop\npsk = " GOOD_PSK "\n[tunnel]\naddress = 10.98.0.1\n"
		"remote = 10.99.0.0/24, 10.97.0.0/16\nexclude = 10.99.0.1/32\n",
		"\nWhat goes where\n"
		"  Through the tunnel goes what is for 10.99.0.0/24, 10.97.0.0/16.\n"
		"  What is for the networks of exclude leaves in the clear, beside the tunnel.\n"
		"  All else goes its usual way in the clear, where whoever is on the way can read it.\n"
		"  While the tunnel has no keys, what is for it waits 30s at most and is then refused; "
		"it never leaves in the clear.\n"
		"  godwit disconnect ends all this: everything goes its usual way then. After a crash "
		"it stays refused until the next connect, or disconnect.\n"
		"  Addresses, routes and rules are set by godwit, which takes them back.\n"
		"\nWho proves what\n"
		"  The gateway proves that it knows the pre-shared key, and must call itself "
		"vpn.example.com.\n"
		"  We prove that we know the key, and are known as laptop.\n"
		"\nHow long things last\n"
		"  A negotiation that has not ended after 30s has failed.\n"
		"  IKE's keys live 8h, the data's 8h, or less if the gateway says so; they are renewed "
		"9m to 18m before that, without losing a packet.\n"
		"  New keys for the data come from a key exchange of their own (PFS).\n"
		"  A gateway that has been silent for 30s is asked whether it is there; when it is "
		"not, we connect again until that succeeds.\n");
}

static void a_strict_one_is_told(void **state)
{
	expect_story(
		"[gateway]\naddress = 192.0.2.1\nidentity = any\nmode = aggressive\n[auth]\n"
		"identity = keyid:staff\nxauth = yes\n[ike]\ndpd = 0\nlifetime = 1h\n[esp]\n"
		"pfs = no\nkeylife = 30m\n[tunnel]\ndefault = discard\nhold-bytes = 0\n"
		"idle-close = 10m\n",
		"\nWhat goes where\n"
		"  What goes to the networks that the gateway names goes through the tunnel; "
		"everything, if it names none.\n"
		"  What the gateway excludes leaves in the clear, beside the tunnel.\n"
		"  All else is refused while the connection runs, but for what links need (DHCP, "
		"neighbours): nothing leaves beside the tunnel.\n"
		"  While the tunnel has no keys, what is for it is refused; it never leaves in the "
		"clear.\n"
		"  godwit disconnect ends all this: everything goes its usual way then. After a crash "
		"it stays refused until the next connect, or disconnect.\n"
		"  Addresses, routes and rules are set by godwit, which takes them back.\n"
		"\nWho proves what\n"
		"  The gateway is whoever knows the pre-shared key.\n"
		"  We prove that we know the key, which is asked for when it connects, and are known "
		"as keyid:staff.\n"
		"  Then the gateway asks for a user name and a password.\n"
		"  In aggressive mode both names can be read on the way.\n"
		"\nHow long things last\n"
		"  A negotiation that has not ended after 30s has failed.\n"
		"  IKE's keys live 1h, the data's 30m, or less if the gateway says so; they are "
		"renewed 9m to 18m before that, without losing a packet.\n"
		"  New keys for the data are derived from IKE's (no PFS).\n"
		"  The tunnel is closed after 10m without a packet, and opened by the next one.\n"
		"  Nobody asks a silent gateway whether it is there; its loss shows when keys are "
		"renewed or pings fail.\n");
}

/* ---- what had better not be ---- */

static void weak_choices_are_warned_of(void **state)
{
	static const char *const cases[][2] = {
		{ "[auth]\npsk = sesame\n",
		  "[auth] psk is worth about 12 bits, and can be guessed by "
		  "whoever plays the gateway once" },
		{ "[gateway]\nmode = aggressive\n[auth]\npsk = Sesame2026\n",
		  "[auth] psk is worth about 24 bits, and can be guessed offline" },
		{ "[gateway]\nmode = aggressive\n[auth]\npsk = x\n",
		  "mode = aggressive with a pre-shared key: whoever watches" },
		{ "[auth]\npsk = x\nxauth = yes\n",
		  "can play the gateway and take the user's password" },
		{ "[gateway]\nidentity = any\n[auth]\npsk = x\n", "identity = any: all who know" },
		{ "[auth]\npsk = x\n[ike]\nallow-weak = yes\nproposals = 3des-md5-modp1024\n",
		  "[ike] 3des: its blocks are so short" },
		{ "[auth]\npsk = x\n[ike]\nallow-weak = yes\nproposals = 3des-md5-modp1024\n",
		  "[ike] md5: what bears the same sum" },
		{ "[auth]\npsk = x\n[ike]\nallow-weak = yes\nproposals = 3des-md5-modp1024\n",
		  "[ike] modp1024: its keys can be computed" },
		{ "[auth]\npsk = x\n[esp]\nallow-weak = yes\npfs = modp1536\n",
		  "[esp] modp1536: its keys may be computed" },
		{ "[auth]\npsk = x\n[esp]\nallow-weak = yes\nproposals = null-sha256\n",
		  "[esp] null: it does not encrypt" },
		{ "[auth]\npsk = x\n[ike]\nproposals = aes128-sha1-modp2048\n",
		  "[ike] sha1 alone is offered" },
		{ "[auth]\npsk = x\n[esp]\nproposals = aes128-sha1\n",
		  "[esp] sha1 alone is offered" },
		{ "[auth]\npsk = x\n[esp]\npfs = no\n",
		  "[esp] pfs = no: who comes to know IKE's keys" },
		{ "[auth]\npsk = x\n[esp]\nkeylife = 2d\n",
		  "[esp] keylife = 2d: who comes to know" },
		{ "[auth]\npsk = x\n[esp]\nkeylife = 2m\nrekeymargin = 10s\n",
		  "[esp] keylife = 2m: keys are negotiated all the time" },
		{ "[auth]\npsk = x\n[esp]\nallow-weak = yes\n[policy lab]\naction = protect\n"
		  "destination = 10.1.0.0/24\nproposals = null-sha256\n",
		  "[policy lab] null: it does not encrypt" },
		{ "[auth]\npsk = x\n[tunnel]\naddress = 10.0.0.1\nremote = 0.0.0.0/0\n",
		  "remote has all of IPv4, but IPv6 leaves in the clear" },
	};
	char text[600];

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct verdict v;

		snprintf(text, sizeof(text), "[gateway]\naddress = a\n%s",
			 strncmp(cases[i][0], "[gateway]\n", 10) == 0 ? cases[i][0] + 10 :
									cases[i][0]);
		v = check(text);
		if (v.exit != 0 || !strstr(v.err, cases[i][1]))
			fail_msg("not \"%s\" but %s", cases[i][1], v.err);
		verdict_free(&v);
	}
}

static void good_choices_are_not(void **state)
{
	struct verdict v = check("[gateway]\naddress = a\nidentity = a\n[auth]\npsk = " GOOD_PSK
				 "\n[tunnel]\naddress = 10.0.0.1\nremote = 0.0.0.0/0\n"
				 "default = discard\n");

	assert_string_equal(v.err, "");
	verdict_free(&v);
}

static void keys_are_weighed(void **state)
{
	static const struct {
		const char *psk;
		unsigned low, high;
	} keys[] = {
		{ "secret", 12, 12 },
		{ "secret123", 12, 24 },
		{ "Correct Horse Battery Staple", 50, 60 },
		{ "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa1a", 1, 20 },
		{ "12345678", 20, 30 },
		{ "x7Gq", 15, 30 },
		{ GOOD_PSK, 128, 160 },
		{ "6f1ed002ab5595859014ebf0951522d9", 128, 200 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		assert_in_range(check_psk_bits(SLICE_STR(keys[i].psk)), keys[i].low, keys[i].high);
}

static void check_fails_with_exit_code_1(void **state)
{
	struct verdict v = check("[gateway]\nmode = agressive\n");

	assert_int_equal(v.exit, SESSION_EXIT_USAGE);
	assert_string_equal(v.out, "");
	assert_non_null(
		strstr(v.err, "vpn.conf:2:8: [gateway] mode = agressive: expected main or"));
	verdict_free(&v);
}

/* ---- the documents ---- */

static char *read_all(const char *name)
{
	const char *source = getenv("GODWIT_SOURCE");
	char path[400], *text = calloc(1, 100000);
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", source ? source : ".", name);
	f = fopen(path, "r");
	if (!f)
		fail_msg("%s cannot be read", path);
	assert_true(fread(text, 1, 99999, f) < 99999);
	fclose(f);
	return text;
}

/* As it stands there; files that it names need not be. */
static void expect_reads(const char *document, char *text, size_t n)
{
	struct config_source source = { .owner = geteuid(), .mode = 0600 };
	char *said, *copy = strndup(text, n);
	struct config *c;
	size_t size;
	FILE *err = open_memstream(&said, &size);

	source.file = "example.conf";
	source.text = copy;
	source.n = n;
	if (config_parse(&source, &c, err) != 0) {
		fclose(err);
		fail_msg("%s: %s", document, said);
	}
	fclose(err);
	config_free(c);
	free(said);
	free(copy);
}

static void every_example_in_the_documents_can_be_read(void **state)
{
	static const char *const documents[] = { "README.md", "docs/configuration.md",
						 "docs/using.md" };
	static const char begin[] = "```ini\n";
	unsigned n = 0;

	for (size_t i = 0; i < ARRAY_SIZE(documents); i++) {
		char *all = read_all(documents[i]), *end;

		for (char *at = all; (at = strstr(at, begin)) != NULL; at = end, n++) {
			at += strlen(begin);
			end = strstr(at, "```");
			assert_non_null(end);
			expect_reads(documents[i], at, (size_t)(end - at));
		}
		free(all);
	}
	assert_true(n >= 6);
}

/* ---- the example ---- */

static char *example(void)
{
	char *text = NULL;
	size_t n;
	FILE *f = open_memstream(&text, &n);

	client_example(f);
	fclose(f);
	return text;
}

static void the_example_is_that_of_the_table(void **state)
{
	char *wanted = example(), *text = read_all("vpn.conf.example");

	assert_string_equal(text, wanted);
	free(text);
	free(wanted);
}

/* Replaces the one place where `from` stands. */
static char *replaced(char *text, const char *from, const char *to)
{
	char *at = strstr(text, from);
	char *out = calloc(1, strlen(text) + strlen(to) + 1);

	assert_non_null(at);
	assert_non_null(out);
	memcpy(out, text, (size_t)(at - text));
	strcat(strcat(out, to), at + strlen(from));
	free(text);
	return out;
}

static void the_example_works_when_filled_in(void **state)
{
	char *text = example();
	struct verdict v = check(text);

	assert_int_equal(v.exit, 1);
	assert_non_null(strstr(v.err, " [auth] psk: it is empty; expected the pre-shared key"));
	verdict_free(&v);
	text = replaced(text, "psk = \"\"", "psk = \"" GOOD_PSK "\"");
	v = check(text);
	assert_int_equal(v.exit, 0);
	assert_string_equal(v.err, "");
	verdict_free(&v);
	free(text);
}

/* Each default, when it is written out, is what it is without. */
static void the_example_with_its_defaults_is_the_same(void **state)
{
	char *text = replaced(example(), "psk = \"\"", "psk = \"" GOOD_PSK "\"");
	struct verdict plain = check(text), full;
	unsigned n = 0;

	for (unsigned i = 0; i < options_n; i++) {
		const struct option *o = &options[i];
		char from[300], to[300];

		/* Of a rule there is no default. */
		if (!o->preset || !o->help || option_section_find(o->section)->named)
			continue;
		snprintf(from, sizeof(from), "; %s\n;%s = %s\n", o->help, o->key, o->preset);
		snprintf(to, sizeof(to), "; %s\n%s = %s\n", o->help, o->key, o->preset);
		text = replaced(text, from, to);
		n++;
	}
	assert_true(n > 25);
	full = check(text);
	assert_string_equal(full.err, "");
	assert_string_equal(full.out, plain.out);
	verdict_free(&full);
	verdict_free(&plain);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(check_says_what_would_be_done),
		cmocka_unit_test(pings_are_explained),
		cmocka_unit_test(a_group_and_its_users_are_explained),
		cmocka_unit_test(a_hybrid_gateway_is_explained),
		cmocka_unit_test(single_lines_are_explained),
		cmocka_unit_test(a_plain_one_is_told),
		cmocka_unit_test(a_strict_one_is_told),
		cmocka_unit_test(weak_choices_are_warned_of),
		cmocka_unit_test(good_choices_are_not),
		cmocka_unit_test(keys_are_weighed),
		cmocka_unit_test(check_fails_with_exit_code_1),
		cmocka_unit_test(every_example_in_the_documents_can_be_read),
		cmocka_unit_test(the_example_is_that_of_the_table),
		cmocka_unit_test(the_example_works_when_filled_in),
		cmocka_unit_test(the_example_with_its_defaults_is_the_same),
	};

	return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
