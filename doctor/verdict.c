/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "doctor/verdict.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#include "client/mtu.h"

#define YEAR_MIN 2025
#define YEAR_MAX 2060
#define TUN_PROTOCOL 103 /* of our own rules */

enum {
	EXIT_GOOD = 0,
	EXIT_NO_ANSWER = 3,
	EXIT_NO_PROPOSAL = 4,
};

/* ---- words ---- */

enum doctor_reach verdict_reach(const struct doctor_reached *reached)
{
	return reached[DOCTOR_500].reach == REACH_ANSWER ||
			       reached[DOCTOR_4500].reach == REACH_NOT_ASKED ?
		       reached[DOCTOR_500].reach :
	       reached[DOCTOR_4500].reach == REACH_ANSWER ? REACH_ANSWER :
							    reached[DOCTOR_500].reach;
}

bool verdict_nat(const struct doctor_found *f, enum nat *out)
{
	*out = f->ike1.natd ? f->ike1.nat : f->ike2.nat;
	return f->ike1.natd || f->ike2.natd;
}

const char *verdict_method_text(uint16_t method)
{
	switch ((enum auth_method)method) {
	case METHOD_PSK:
		return "pre-shared key";
	case METHOD_RSA:
		return "certificates";
	case METHOD_HYBRID_INIT_RSA:
	case METHOD_HYBRID_RESP_RSA:
		return "hybrid";
	case METHOD_XAUTH_INIT_PSK:
	case METHOD_XAUTH_RESP_PSK:
		return "pre-shared key and user";
	case METHOD_XAUTH_INIT_RSA:
	case METHOD_XAUTH_RESP_RSA:
		return "certificates and user";
	}
	return "unknown";
}

const char *verdict_notify_text(uint16_t notify, char buf[32])
{
	static const struct {
		uint16_t number;
		const char *text;
	} names[] = {
		{ 5, "INVALID-MAJOR-VERSION" },	  { 7, "INVALID-SYNTAX" },
		{ 14, "NO-PROPOSAL-CHOSEN" },	  { 17, "INVALID-KEY-INFORMATION" },
		{ 18, "INVALID-ID-INFORMATION" }, { 24, "AUTHENTICATION-FAILED" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (names[i].number == notify)
			return names[i].text;
	snprintf(buf, 32, "notification %u", notify);
	return buf;
}

/* ---- troubles ---- */

__attribute__((format(printf, 3, 4))) static struct trouble *
trouble(struct verdict *v, const char *name, const char *cause, ...)
{
	struct trouble *t;
	va_list args;

	/* What is one too many takes the place of the last one. */
	v->ntroubles += v->ntroubles < VERDICT_TROUBLES_MAX;
	t = &v->trouble[v->ntroubles - 1];
	*t = (struct trouble){ .name = name };
	va_start(args, cause);
	vsnprintf(t->cause, sizeof(t->cause), cause, args);
	va_end(args);
	return t;
}

__attribute__((format(printf, 2, 3))) static void cure(struct trouble *t, const char *text, ...)
{
	va_list args;

	va_start(args, text);
	vsnprintf(t->cure, sizeof(t->cure), text, args);
	va_end(args);
}

/* Large sites give each server others of their many addresses. */
static bool agree(const struct dns_answer *a, const struct dns_answer *b)
{
	for (unsigned i = 0; i < a->n; i++)
		for (unsigned k = 0; k < b->n; k++)
			if (addr_eq(&a->addrs[i], &b->addrs[k]))
				return true;
	return a->n == 0 && b->n == 0;
}

static void judge_servers(struct verdict *v, const struct examination *x)
{
	const struct dns_answer *first = NULL;
	char buf[ADDR_TEXT_MAX], other[ADDR_TEXT_MAX];

	for (unsigned i = 0; i < x->nservers; i++) {
		const struct dns_answer *a = &x->server[i];

		if (!a->answered) {
			cure(trouble(v, "dns-server-silent", "the name server %s does not answer",
				     addr_text(&a->server, buf)),
			     "ask whoever runs the network, or take it out of /etc/resolv.conf");
			continue;
		}
		if (first && !agree(first, a))
			cure(trouble(v, "dns-differs",
				     "the name servers %s and %s give %s different "
				     "addresses",
				     addr_text(&first->server, buf), addr_text(&a->server, other),
				     x->host),
			     "write the right address into [gateway] address");
		if (!first)
			first = a;
	}
}

static void judge_name(struct verdict *v, const struct examination *x)
{
	if (x->resolved == ERR_TIMEOUT)
		cure(trouble(v, "dns-silent", "no name server answers, so %s has no address",
			     x->host),
		     "see /etc/resolv.conf and whether the network is up; an address in digits in "
		     "[gateway] address needs no DNS");
	else if (x->resolved == 0)
		cure(trouble(v, "dns-no-name", "there is no name %s", x->host),
		     "compare its spelling with what the administrator wrote; some names exist "
		     "inside the company only");
	else if (x->resolved < 0)
		cure(trouble(v, "dns-failed", "%s cannot be looked up: %s", x->host,
			     strerror(x->resolve_error)),
		     "see /etc/resolv.conf");
	judge_servers(v, x);
}

static void judge_clock(struct verdict *v, const struct look *look)
{
	if (look->year >= YEAR_MIN && look->year <= YEAR_MAX)
		return;
	cure(trouble(v, "clock-wrong", "the clock says it is the year %d", look->year),
	     "set it (timedatectl set-ntp true): certificates are judged by it");
}

static void judge_route(struct verdict *v, const struct examination *x, unsigned i)
{
	const struct look_route *r = &x->look.route[i];
	char buf[ADDR_TEXT_MAX];

	addr_text(&x->found[i]->addr, buf);
	if (r->error)
		cure(trouble(v, "no-route", "this host has no route to %s", buf),
		     x->found[i]->addr.family == FAMILY_IP6 && x->n > 1 ?
			     "without IPv6 that is as it should be; the others are tried" :
			     "connect to a network, or see ip route: there is no default route");
	else if (look_is_tunnel(r->link))
		cure(trouble(v, "route-into-tunnel",
			     "%s is reached through %s, the device of another VPN", buf,
			     r->link->name),
		     "disconnect that VPN, or exclude the gateway's address from it");
}

static const char *table_of_whom(const struct look_rule *r, char buf[64])
{
	if (r->protocol == TUN_PROTOCOL)
		return "another connection of godwit";
	if (r->table == 220)
		return "strongSwan";
	if (r->table == 51820 || r->mark == 51820)
		return "wg-quick";
	if (r->table == 52)
		return "Tailscale";
	snprintf(buf, 64, "somebody, with table %u", r->table);
	return buf;
}

/* Rules matter where they lead the gateway's packets somewhere else; the route already says so. */
static void judge_rules(struct verdict *v, const struct examination *x)
{
	char buf[64];

	for (unsigned i = 0; i < x->look.nrules; i++) {
		const struct look_rule *r = &x->look.rule[i];

		if (!r->whole || r->protocol == TUN_PROTOCOL || r->table == 220)
			continue;
		cure(trouble(v, "rule-in-the-way",
			     "the routing rule %u of %s stands before all others and may take what "
			     "is for the tunnel",
			     r->preference, table_of_whom(r, buf)),
		     "see ip rule and ip route show table %u; end the VPN that made it", r->table);
		return;
	}
}

static void judge_host(struct verdict *v, const struct examination *x)
{
	judge_clock(v, &x->look);
	for (unsigned i = 0; i < x->n; i++)
		judge_route(v, x, i);
	judge_rules(v, x);
	if (x->look.policies > 0)
		cure(trouble(v, "kernel-policies", "the kernel has %d IPsec policies of its own",
			     x->look.policies),
		     "another IPsec program runs here (strongSwan, Libreswan): ip xfrm policy shows "
		     "what it takes; end it if that is what the tunnel is for");
	for (unsigned port = 0; port < DOCTOR_PORTS; port++) {
		const struct look_port *p = &x->look.port[port];

		if (!p->taken)
			continue;
		cure(trouble(v, port == DOCTOR_500 ? "port-500-taken" : "port-4500-taken",
			     "UDP port %u is taken here%s%s", port == DOCTOR_500 ? 500 : 4500,
			     p->pid ? " by " : "", p->program),
		     "if that is another IKE daemon (strongSwan, Libreswan, vpnc, godwit), end it, "
		     "or write local-port = 0 in [gateway]");
	}
}

/* ---- the gateway ---- */

static void judge_silence(struct verdict *v, const struct doctor_found *f)
{
	const struct doctor_reached *r = &f->v1[DOCTOR_500];
	char buf[ADDR_TEXT_MAX], by[ADDR_TEXT_MAX];
	const char *here = r->by.family == FAMILY_NONE ? "this host" : addr_text(&r->by, by);

	addr_text(&f->addr, buf);
	switch (r->reach) {
	case REACH_SILENCE:
		cure(trouble(v, "silent", "%s does not answer on UDP 500 or 4500", buf),
		     "is its address right, and is it switched on? Networks of hotels and "
		     "companies often drop both ports: try another network");
		break;
	case REACH_PORT_CLOSED:
		cure(trouble(v, "closed",
			     "%s says that nobody listens on UDP port 500 there (ICMP "
			     "port unreachable)",
			     buf),
		     "the host is there but no IKE: is it the right address, does the service "
		     "run?");
		break;
	case REACH_NO_HOST:
		cure(trouble(v, "no-host", "%s says that there is no way to %s (ICMP)", here, buf),
		     "is its address right?");
		break;
	case REACH_FORBIDDEN:
		cure(trouble(v, "forbidden", "%s forbids packets to %s port 500", here, buf),
		     r->by.family == FAMILY_NONE ?
			     "a firewall or routing rule of this host does that: see nft list "
			     "ruleset and ip rule" :
			     "a firewall on the way: try another network");
		break;
	case REACH_NOT_SENT:
		cure(trouble(v, "not-sent", "nothing can be sent to %s: %s", buf,
			     strerror(r->error)),
		     "see ip route get %s", buf);
		break;
	case REACH_NOT_ASKED:
	case REACH_ANSWER:
		break;
	}
}

static bool passes(const struct doctor_found *f, enum doctor_port port)
{
	return f->v1[port].reach == REACH_ANSWER || f->v2[port].reach == REACH_ANSWER;
}

/* UDP 4500 is needed, and does not pass. */
static bool must_be_raw(const struct doctor_found *f)
{
	return passes(f, DOCTOR_500) && !passes(f, DOCTOR_4500) &&
	       vendor_natt(f->ike1.vendors) != NATT_NONE;
}

static void judge_ports(struct verdict *v, const struct doctor_found *f)
{
	bool nat = f->ike1.natd && f->ike1.nat & NAT_LOCAL;
	struct trouble *t;

	if (passes(f, DOCTOR_4500) && !passes(f, DOCTOR_500)) {
		cure(trouble(v, "port-500-silent", "UDP 500 is not answered, UDP 4500 is"),
		     "something on the way drops UDP 500, and IKEv1 begins there: try another "
		     "network");
	} else if (must_be_raw(f)) {
		t = trouble(
			v, "port-4500-blocked",
			f->v1[DOCTOR_4500].reach == REACH_PORT_CLOSED ?
				"UDP 500 is answered, UDP 4500 is refused (ICMP)" :
				"UDP 500 is answered, UDP 4500 is not: it is dropped on the way, "
				"or closed at the gateway");
		cure(t,
		     nat ? "open UDP 4500, or try another network: behind this NAT ESP outside of "
			   "UDP (encapsulation = esp) only passes if the NAT knows it" :
			   "open UDP 4500, or let data travel as ESP outside of UDP: "
			   "encapsulation = esp, if IP protocol 50 passes");
	}
}

static void judge_sizes(struct verdict *v, const struct doctor_found *f)
{
	char by[ADDR_TEXT_MAX];

	if (f->fragments == SIZE_LOST)
		cure(trouble(v, "fragments-lost",
			     "IP fragments do not arrive: a message of %u bytes "
			     "is not answered, a small one is",
			     f->fragments_bytes),
		     f->ike1.vendors & VENDOR_BIT(VENDOR_FRAGMENTATION) ?
			     "with [ike] fragmentation = yes large messages go in parts, which this "
			     "gateway can do; data is never sent in fragments" :
			     "a firewall or the gateway drops them; this gateway cannot take "
			     "messages in parts, so certificates may not get through: use a "
			     "pre-shared key or ask for fragments to be let through");
	if (f->whole == SIZE_LOST && f->too_big_said)
		cure(trouble(v, "path-narrow",
			     "the path carries packets of %u bytes only, and %s says so",
			     f->path_mtu,
			     f->too_big_by.family == FAMILY_NONE ? "this host" :
								   addr_text(&f->too_big_by, by)),
		     "nothing: with mtu = auto the tunnel follows the path");
	else if (f->whole == SIZE_LOST && f->path_mtu)
		cure(trouble(v, "path-mtu-hole",
			     "packets of more than %u bytes vanish, and no router "
			     "says so",
			     f->path_mtu),
		     "the mtu of [tunnel] below keeps packets small enough; ICMP \"fragmentation "
		     "needed\" is dropped somewhere");
}

static bool is_weak(const struct ike_suite *s)
{
	char buf[IKE_WEAK_MAX];

	return ike_suite_weak(s, buf)[0];
}

static bool all_weak(const struct doctor_v1 *v1)
{
	for (unsigned i = 0; i < v1->naccepted; i++)
		if (!is_weak(&v1->accepted[i].suite))
			return false;
	return true;
}

static void judge_v1(struct verdict *v, const struct doctor_found *f)
{
	const struct doctor_v1 *v1 = &f->ike1;
	char name[48], buf[32];

	if (v1->naccepted && all_weak(v1))
		cure(trouble(v, "weak", "the gateway accepts only what is weak: %s",
			     ike_suite_name(&v1->accepted[0].suite, name)),
		     "ask for aes256-sha256-modp2048 or better; until then allow-weak = yes");
	if (v1->naccepted && !passes(f, DOCTOR_4500) && vendor_natt(v1->vendors) == NATT_NONE &&
	    passes(f, DOCTOR_500))
		cure(trouble(v, "no-nat-traversal", "the gateway does not speak NAT traversal"),
		     "data travels as ESP outside of UDP (IP protocol 50), which many NATs do not "
		     "let through");
	if (v1->key == REACH_ANSWER && v1->key_notify)
		cure(trouble(v, "key-refused",
			     "after accepting proposals the gateway refused the key "
			     "exchange with %s: %s",
			     verdict_method_text(v1->accepted[0].method),
			     verdict_notify_text(v1->key_notify, buf)),
		     "it may have no such key for our address: ask how one proves oneself there "
		     "(certificate, aggressive mode with a group)");
	else if (v1->key == REACH_SILENCE)
		cure(trouble(v, "key-silent",
			     "after accepting proposals the gateway did not answer the "
			     "key exchange"),
		     "it may have no pre-shared key for us, or expect certificates or aggressive "
		     "mode with a group (--group NAME asks for one)");
	if (v1->limited)
		cure(trouble(v, "limited",
			     "the gateway stopped answering in the midst of it: it "
			     "limits half-open connections"),
		     "wait for a minute before you connect; what stands here is incomplete");
}

static void judge_group(struct verdict *v, const struct examination *x,
			const struct doctor_found *f)
{
	char buf[32];

	if (!x->group)
		return;
	if (f->group.accepted && f->group.hash)
		cure(trouble(v, "group-hash",
			     "in aggressive mode the gateway shows everybody who names "
			     "the group \"%s\" a proof made with its key",
			     x->group),
		     "whoever asks can try keys at leisure: the key must be long and random");
	else if (!f->group.accepted && f->group.notify)
		cure(trouble(v, "group-refused",
			     "aggressive mode with the group \"%s\" is refused: %s", x->group,
			     verdict_notify_text(f->group.notify, buf)),
		     "compare the name with what the administrator wrote: case counts");
	else if (!f->group.accepted)
		cure(trouble(v, "group-silent",
			     "aggressive mode with the group \"%s\" is not answered", x->group),
		     "there may be no such group (case counts), or no aggressive mode");
}

static void judge_versions(struct verdict *v, const struct doctor_found *f)
{
	char buf[32];
	bool v1 = passes(f, DOCTOR_500) || passes(f, DOCTOR_4500);

	if (f->ike1.naccepted || f->group.accepted || !v1)
		return;
	if (f->ike2.chosen) {
		cure(trouble(v, "ikev2-only",
			     "the gateway answers IKEv2, and accepts nothing by IKEv1"),
		     "godwit does not speak IKEv2 yet: use another client (strongSwan), or ask for "
		     "IKEv1");
		return;
	}
	cure(trouble(v, "nothing-accepted",
		     "the gateway answers, and accepts nothing of what was "
		     "offered%s%s",
		     f->ike2.error ? "; by IKEv2: " : "",
		     f->ike2.error ? verdict_notify_text(f->ike2.error, buf) : ""),
	     "it may know clients by their address, or by a group alone: ask for the group's name "
	     "and try --group NAME");
}

static void judge_gateway(struct verdict *v, const struct examination *x)
{
	const struct doctor_found *f = x->best < 0 ? NULL : x->found[x->best];

	for (unsigned i = 0; i < x->n; i++)
		if ((int)i != x->best && !x->look.route[i].error &&
		    verdict_reach(x->found[i]->v1) != REACH_ANSWER &&
		    verdict_reach(x->found[i]->v2) != REACH_ANSWER)
			judge_silence(v, x->found[i]);
	if (!f)
		return;
	judge_versions(v, f);
	judge_ports(v, f);
	judge_sizes(v, f);
	judge_v1(v, f);
	judge_group(v, x, f);
	if (f->cut_short)
		trouble(v, "cut-short", "there was more to ask than %u packets",
			DOCTOR_PACKETS_MAX);
}

/* ---- the lines ---- */

__attribute__((format(printf, 2, 3))) static void line(struct verdict *v, const char *text, ...)
{
	size_t n = strlen(v->conf);
	va_list args;

	va_start(args, text);
	vsnprintf(v->conf + n, sizeof(v->conf) - n, text, args);
	va_end(args);
}

static bool cisco(const struct doctor_found *f)
{
	return vendor_is_cisco(f->ike1.vendors);
}

/* Strong ones alone, unless there are none; the gateway's order. Those of one way to prove oneself. */
static void write_proposals(struct verdict *v, const struct doctor_found *f, bool group)
{
	const struct ike_choice *list = group ? &f->group.choice : f->ike1.accepted;
	unsigned n = group ? 1 : f->ike1.naccepted, written = 0;
	bool weak = group ? is_weak(&list->suite) : all_weak(&f->ike1);
	char name[48];

	line(v, "\n[ike]\nproposals = ");
	for (unsigned i = 0; i < n; i++)
		if (weak == is_weak(&list[i].suite) && list[i].method == list[0].method)
			line(v, "%s%s", written++ ? ", " : "",
			     ike_suite_name(&list[i].suite, name));
	line(v, "\n");
	if (weak)
		line(v, "allow-weak = yes\n");
	if (f->fragments == SIZE_LOST)
		line(v, "fragmentation = yes\n");
}

static void write_auth(struct verdict *v, const struct examination *x, uint16_t method)
{
	bool psk = method == METHOD_PSK || method == METHOD_XAUTH_INIT_PSK;
	bool hybrid = method == METHOD_HYBRID_INIT_RSA;

	line(v, "\n[auth]\nmethod = %s\n", psk ? "psk" : hybrid ? "hybrid" : "certificate");
	if (x->group)
		line(v, "identity = keyid:%s\n", x->group);
	else
		line(v, "; who you are there, unless it is your address:\n"
			";identity = you@example.com\n");
	if (psk)
		line(v, "; the secret that both sides know:\n;psk = \"\"\n");
	else
		line(v, "; who vouches for the gateway%s:\n;ca = ca.pem\n",
		     hybrid ? "" : ", and your own certificate and key");
	if (!psk && !hybrid)
		line(v, ";certificate = me.pem\n;key = me.key\n");
	if (method == METHOD_XAUTH_INIT_PSK || method == METHOD_XAUTH_INIT_RSA)
		line(v, "xauth = yes\n");
	else if (!hybrid)
		line(v, "; if you have a user name and a password, too:\n;xauth = yes\n");
	line(v, ";username = alice\n");
}

static void write_esp(struct verdict *v, const struct doctor_found *f, const struct ike_suite *s)
{
	line(v, "\n[esp]\n");
	line(v, "; what it accepts for data shows only once it knows who you are\n");
	if (s->hash == HASH_SHA1 || s->hash == HASH_MD5)
		line(v, "proposals = aes256gcm16, aes128gcm16, aes256-sha256, aes128-sha256, "
			"aes256-sha1, aes128-sha1\n");
	if (!cisco(f))
		line(v, "; no, where the gateway wants no key exchange for data:\n;pfs = yes\n");
	line(v, "encapsulation = %s\n", must_be_raw(f) ? "esp" : "auto");
}

static void write_tunnel(struct verdict *v, const struct doctor_found *f)
{
	static const struct esp_suite largest = { ESP_CIPHER_AES_CBC, 256,
						  ESP_INTEG_HMAC_SHA2_256_128 };

	line(v, "\n[tunnel]\n");
	if (f->whole == SIZE_LOST && !f->too_big_said && f->path_mtu)
		line(v, "mtu = %u\n",
		     mtu_inner(f->path_mtu, f->addr.family, ENCAPSULATION_UDP, &largest));
	line(v, "; where the gateway gives no address and names no networks:\n"
		";address = 10.91.0.1\n;remote = 10.80.0.0/24\n");
}

static void write_conf(struct verdict *v, const struct examination *x)
{
	const struct doctor_found *f = x->best < 0 ? NULL : x->found[x->best];
	const struct ike_choice *c;
	char buf[ADDR_TEXT_MAX];
	bool group;

	if (!f || (!f->ike1.naccepted && !f->group.accepted))
		return;
	group = f->group.accepted;
	c = group ? &f->group.choice : &f->ike1.accepted[0];
	v->usable = true;
	line(v, "[gateway]\naddress = %s\n", x->best == 0 ? x->host : addr_text(&f->addr, buf));
	line(v, "version = ikev1\nmode = %s\n", group ? "aggressive" : "main");
	line(v, "vendor = %s\n", cisco(f) ? "cisco" : "none");
	line(v, "; what it calls itself, unless it is its address:\n;identity = vpn.example.com\n");
	if (x->look.port[DOCTOR_500].taken)
		line(v, "local-port = 0\n");
	write_auth(v, x, c->method);
	write_proposals(v, f, group);
	write_esp(v, f, &c->suite);
	write_tunnel(v, f);
}

void verdict_make(struct verdict *v, const struct examination *x)
{
	*v = (struct verdict){ 0 };
	judge_name(v, x);
	judge_host(v, x);
	judge_gateway(v, x);
	write_conf(v, x);
	v->exit = x->best < 0 ? EXIT_NO_ANSWER : v->usable ? EXIT_GOOD : EXIT_NO_PROPOSAL;
}
