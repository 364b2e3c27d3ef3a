/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/unit/config_reading.h"

#define ASSIGNED GATEWAY AUTH "[tunnel]\n"

static struct reading read_rules(const char *rules)
{
	char text[4000];

	snprintf(text, sizeof(text), MINIMAL "%s", rules);
	return read_good(text);
}

/* ---- what a rule comes to ---- */

static void rules_come_in_file_order(void **state)
{
	struct reading r =
		read_rules("[policy one]\naction = bypass\ndestination = 10.99.0.9\n"
			   "[policy two]\naction = discard\nprotocol = tcp\nport = 25\n"
			   "[policy three]\naction = protect\ndestination = 10.5.0.0/16\n");
	const struct session_config *s = &r.c->session;

	assert_int_equal(s->nrules, 3);
	assert_string_equal(s->rules[0].name, "one");
	assert_int_equal(s->rules[0].action, POLICY_BYPASS);
	assert_int_equal(s->rules[0].nts, 1);
	assert_pair(&s->rules[0].ts[0], "0.0.0.0/0", "10.99.0.9/32");
	assert_string_equal(s->rules[1].name, "two");
	assert_int_equal(s->rules[1].action, POLICY_DISCARD);
	assert_int_equal(s->rules[1].nts, 2);
	assert_pair(&s->rules[1].ts[0], "0.0.0.0/0[tcp]", "0.0.0.0/0[tcp/25]");
	assert_pair(&s->rules[1].ts[1], "::/0[tcp]", "::/0[tcp/25]");
	assert_int_equal(s->rules[2].action, POLICY_PROTECT);
	assert_true(s->rules[2].local_inner);
	assert_pair(&s->rules[2].ts[0], "0.0.0.0/0", "10.5.0.0/16");
	reading_free(&r);
}

static void lists_make_every_pair(void **state)
{
	struct reading r = read_rules("[policy x]\naction = bypass\nprotocol = tcp, udp\n"
				      "source = 10.1.0.0/16, fd00::/8, 10.2.0.0/16\n"
				      "destination = 192.0.2.1, fd09::1\nport = 53, 8000-8099\n");
	const struct session_rule *rule = &r.c->session.rules[0];

	/* 2 sources of IPv4 and 1 of IPv6 with 1 destination each, 2 protocols, 2 ports */
	assert_int_equal(rule->nts, 12);
	assert_pair(&rule->ts[0], "10.1.0.0/16[tcp]", "192.0.2.1/32[tcp/53]");
	assert_pair(&rule->ts[1], "10.1.0.0/16[tcp]", "192.0.2.1/32[tcp/8000-8099]");
	assert_pair(&rule->ts[2], "10.1.0.0/16[udp]", "192.0.2.1/32[udp/53]");
	assert_pair(&rule->ts[4], "fd00::/8[tcp]", "fd09::1/128[tcp/53]");
	assert_pair(&rule->ts[11], "10.2.0.0/16[udp]", "192.0.2.1/32[udp/8000-8099]");
	reading_free(&r);
}

static void protocols_are_of_a_family(void **state)
{
	struct reading r =
		read_rules("[policy a]\naction = discard\nprotocol = icmp, icmpv6, igmp, 47\n");
	const struct session_rule *rule = &r.c->session.rules[0];

	assert_int_equal(rule->nts, 5);
	assert_pair(&rule->ts[0], "0.0.0.0/0[icmp]", "0.0.0.0/0[icmp]");
	assert_pair(&rule->ts[1], "0.0.0.0/0[2]", "0.0.0.0/0[2]");
	assert_pair(&rule->ts[2], "0.0.0.0/0[47]", "0.0.0.0/0[47]");
	assert_pair(&rule->ts[3], "::/0[ipv6-icmp]", "::/0[ipv6-icmp]");
	assert_pair(&rule->ts[4], "::/0[47]", "::/0[47]");
	reading_free(&r);
}

/* What the rule does not say is as [esp] says. */
static void protect_has_its_own_proposals(void **state)
{
	struct reading r = read_rules(
		"[policy plain]\naction = protect\ndestination = 10.5.0.0/16\n"
		"[policy own]\naction = protect\ndestination = 10.6.0.0/16\ngranularity = flow\n"
		"proposals = aes128gcm16\npfs = ecp384\nkeylife = 20m\nidle-close = 0\nmax-sas = 7\n"
		"[policy group]\naction = protect\ndestination = 10.7.0.0/16\ngranularity = host\n"
		"proposals = aes256-sha256-ecp256\n"
		"[policy none]\naction = protect\ndestination = 10.8.0.0/16\npfs = no\n"
		"source = 192.168.7.0/24\n"
		"[esp]\nkeylife = 1h\npfs = modp2048\n");
	const struct session_rule *rule = r.c->session.rules;

	assert_int_equal(rule[0].child.nsuites, 3);
	assert_int_equal(rule[0].child.keylife_s, 3600);
	assert_int_equal(rule[0].child.pfs, DH_MODP_2048);
	assert_int_equal(rule[0].granularity, GRANULARITY_RULE);
	assert_int_equal(rule[0].idle_close, 600 * VTIME_S);
	assert_int_equal(rule[0].max_sas, 256);
	assert_int_equal(rule[1].child.nsuites, 1);
	assert_int_equal(rule[1].child.keylife_s, 1200);
	assert_int_equal(rule[1].child.pfs, DH_ECP_384);
	assert_int_equal(rule[1].granularity, GRANULARITY_FLOW);
	assert_int_equal(rule[1].idle_close, 0);
	assert_int_equal(rule[1].max_sas, 7);
	assert_int_equal(rule[2].granularity, GRANULARITY_HOST);
	assert_int_equal(rule[2].child.pfs, DH_ECP_256);
	assert_false(rule[2].pfs_as_phase1);
	assert_int_equal(rule[3].child.pfs, DH_NONE);
	assert_false(rule[3].local_inner);
	assert_pair(&rule[3].ts[0], "192.168.7.0/24", "10.8.0.0/16");
	reading_free(&r);
	r = read_rules("[policy as-ike]\naction = protect\ndestination = 10.5.0.0/16\npfs = yes\n"
		       "[esp]\npfs = no\n");
	assert_true(r.c->session.rules[0].pfs_as_phase1);
	assert_false(r.c->session.pfs_as_phase1);
	reading_free(&r);
}

static void names_are_looked_up_at_the_start(void **state)
{
	static const char text[] = MINIMAL "[policy here]\naction = bypass\n"
					   "destination = localhost, 192.0.2.1\n"
					   "[policy gone]\naction = bypass\n"
					   "destination = 192.0.2.2, no.such.invalid\n";
	struct config_source source = { .file = "vpn.conf", .owner = geteuid(), .mode = 0600 };
	struct reading r = read_source(source, text, strlen(text));
	const char *said = "vpn.conf:13:26: [policy gone] destination = no.such.invalid: the name "
			   "cannot be looked up: ";

	assert_int_equal(r.result, 0);
	assert_pair(&r.c->session.rules[0].ts[0], "0.0.0.0/0", "192.0.2.1/32");
	reading_free(&r);
	source.fetch = true;
	r = read_source(source, text, strlen(text));
	assert_int_equal(r.result, ERR_CONFIG);
	if (strncmp(r.said, said, strlen(said)) != 0)
		fail_msg("%s", r.said);
	reading_free(&r);
	r = read_source(source, text, (size_t)(strstr(text, "[policy gone]") - text));
	assert_int_equal(r.result, 0);
	assert_true(r.c->session.rules[0].nts >= 2);
	reading_free(&r);
}

/* ---- [tunnel] ---- */

static void what_no_rule_names(void **state)
{
	static const struct {
		const char *keys;
		enum policy_action fallback;
	} rows[] = {
		{ "", POLICY_BYPASS },
		{ "default = bypass\n", POLICY_BYPASS },
		{ "default = discard\n", POLICY_DISCARD },
		{ "fail-closed = yes\n", POLICY_DISCARD },
		{ "fail-closed = yes\ndefault = discard\n", POLICY_DISCARD },
		{ "fail-closed = no\ndefault = discard\n", POLICY_DISCARD },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct reading r = read_rules(rows[i].keys);

		assert_int_equal(r.c->session.fallback, rows[i].fallback);
		reading_free(&r);
	}
}

static void how_many_open_what_arrives(void **state)
{
	static const struct {
		const char *keys;
		unsigned workers;
		enum dispatch_select select;
	} rows[] = {
		{ "", 1, DISPATCH_LEAST_LOAD },
		{ "workers = 4\n", 4, DISPATCH_LEAST_LOAD },
		{ "workers = 2\nselect = round-robin\n", 2, DISPATCH_ROUND_ROBIN },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct reading r = read_rules(rows[i].keys);

		assert_int_equal(r.c->workers, rows[i].workers);
		assert_int_equal(r.c->select, rows[i].select);
		reading_free(&r);
	}
}

static void how_packets_go_to_the_kernel(void **state)
{
	static const struct {
		const char *keys;
		enum offload_wish wish;
	} rows[] = {
		{ "", OFFLOAD_AUTO },
		{ "offload = auto\n", OFFLOAD_AUTO },
		{ "offload = off\n", OFFLOAD_OFF },
		{ "offload = udp\n", OFFLOAD_UDP },
		{ "offload = tun\n", OFFLOAD_TUN },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct reading r = read_rules(rows[i].keys);

		assert_int_equal(r.c->offload, rows[i].wish);
		reading_free(&r);
	}
}

static void holding_has_bounds(void **state)
{
	struct reading r = read_rules("");

	assert_int_equal(r.c->hold, 30 * VTIME_S);
	assert_int_equal(r.c->hold_bytes, 4 << 20);
	assert_false(r.c->session.on_demand);
	assert_int_equal(r.c->session.idle_close, 0);
	reading_free(&r);
	r = read_rules("hold = 2s\nhold-bytes = 100K\nstart = demand\nidle-close = 10m\n");
	assert_int_equal(r.c->hold, 2 * VTIME_S);
	assert_int_equal(r.c->hold_bytes, 100 << 10);
	assert_true(r.c->session.on_demand);
	assert_int_equal(r.c->session.idle_close, 600 * VTIME_S);
	reading_free(&r);
}

/* ---- complaints ---- */

#define RULE "[policy a]\naction = protect\n"

static const struct {
	const char *text, *said;
} complaints[] = {
	{ "[policy]\naction = bypass\n",
	  "vpn.conf:8:8: [policy] needs a name of 1 to 31 letters, digits, - _ or ., as in [policy "
	  "web-in-clear]\n" },
	{ "[policy a b]\naction = bypass\n",
	  "vpn.conf:8:9: [policy] needs a name of 1 to 31 letters, digits, - _ or ., as in [policy "
	  "web-in-clear]\n" },
	{ "[policy a]\naction = bypass\n[policy b]\naction = bypass\ndestination=10.0.0.1\n"
	  "[policy a]\naction = discard\n",
	  "vpn.conf:13:9: [policy a] is there already, in line 8\n" },
	{ "[policy a]\nport = 80\n",
	  "vpn.conf:8:9: [policy a] action is missing; expected protect, bypass or discard\n" },
	{ "[policy a]\naction = bypass\nports = 80\n",
	  "vpn.conf:10:1: unknown key ports in [policy a]; did you mean port?\n" },
	{ "[policy a]\naction = bypass\naction = discard\n",
	  "vpn.conf:10:1: [policy a] action is already set in line 9\n" },
	{ "[policy a]\naction = bypass\nport = 80, http\nprotocol = tcp\n",
	  "vpn.conf:10:12: [policy a] port = http: expected any, or ports and ranges from 1 to "
	  "65534, separated by commas\n" },
	{ "[policy a]\naction = bypass\n port = 80\n",
	  "vpn.conf:10:9: [policy a] port needs a protocol that has ports: set protocol to tcp, "
	  "udp, or both\n" },
	{ "[policy a]\naction = bypass\nsource-port = 80\nprotocol = tcp, icmp\n",
	  "vpn.conf:10:15: [policy a] source-port needs a protocol that has ports: set protocol to "
	  "tcp, udp, or both\n" },
	{ "[policy a]\naction = bypass\nsource = 10.0.0.1\ndestination = fd00::1\n",
	  "vpn.conf:11:15: [policy a] fits nothing: source, destination and protocol are of "
	  "different families, IPv4 and IPv6\n" },
	{ "[policy a]\naction = bypass\nprotocol = icmpv6\ndestination = 10.0.0.1\n",
	  "vpn.conf:11:15: [policy a] fits nothing: source, destination and protocol are of "
	  "different families, IPv4 and IPv6\n" },
	{ "[policy a]\naction = bypass\nprotocol = tcp, udp\nport = 1,2,3,4,5\n",
	  "vpn.conf:8:9: [policy a] comes to more than 16 pairs of addresses, protocols and ports; "
	  "take prefixes and ranges, or several rules\n" },
	{ "[policy a]\naction = bypass\nkeylife = 1h\nmax-sas = 3\n",
	  "vpn.conf:10:1: [policy a] keylife is only for action = protect\n"
	  "vpn.conf:11:1: [policy a] max-sas is only for action = protect\n" },
	{ RULE "destination = 10.5.0.0/16\nmax-sas = 3\n",
	  "vpn.conf:11:1: [policy a] max-sas is only for granularity = host or flow\n" },
	{ RULE "destination = 10.5.0.0/16\nproposals = aes128gcm16-ecp256\npfs = no\n",
	  "vpn.conf:12:7: [policy a] pfs does not fit the group ecp256 in proposals; remove one of "
	  "them\n" },
	{ RULE "destination = 10.5.0.0/16\nproposals = aes128gcm16, 3des-sha1\n",
	  "vpn.conf:11:26: [policy a] 3des-sha1 is weak (3des); take it out, or set allow-weak = "
	  "yes in [esp]\n" },
	{ RULE "destination = fd05::/16\n",
	  "vpn.conf:10:15: [policy a] our side has no IPv6; add an IPv6 address to [tunnel] "
	  "address\n" },
	/* what IKEv1 cannot say */
	{ RULE "destination = 10.5.0.1\nprotocol = tcp\nport = 80-89, 100-109\n",
	  "vpn.conf:12:8: [policy a] IKEv1 has no ranges of ports: to the gateway this tunnel is "
	  "the same as another one of [policy a]; put one range in place of both, or single "
	  "ports\n" },
	{ RULE "destination = 10.5.0.1\nprotocol = tcp\nport = 80-89\n[policy b]\n"
	       "action = protect\ndestination = 10.5.0.1\nprotocol = tcp\n",
	  "vpn.conf:13:9: [policy b] IKEv1 has no ranges of ports: to the gateway this tunnel is "
	  "the same as another one of [policy a]; put one range in place of both, or single "
	  "ports\n" },
	{ "default = bypass\nfail-closed = yes\n",
	  "vpn.conf:8:11: [tunnel] default = bypass and fail-closed = yes cannot both be; remove "
	  "one of them\n" },
};

static void complaints_say_where_and_what(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(complaints); i++) {
		char text[800];

		snprintf(text, sizeof(text), MINIMAL "%s", complaints[i].text);
		expect_said(text, strlen(text), complaints[i].said);
	}
}

static const struct {
	const char *text, *said;
} warnings[] = {
	{ "[policy a]\naction = bypass\ndestination = 10.0.0.0/8\n"
	  "[policy b]\naction = discard\ndestination = 10.1.0.0/16, 10.2.0.0/16\nprotocol = tcp\n",
	  "vpn.conf:11:9: warning: [policy b] is never reached: [policy a] comes first and takes all "
	  "of it\n" },
	{ "[policy a]\naction = bypass\ndestination = 10.0.0.0/8\nprotocol = udp\n"
	  "[policy b]\naction = discard\ndestination = 10.1.0.0/16\n",
	  "" },
	{ "[policy a]\naction = bypass\nprotocol = udp\nsource-port = 5353\n",
	  "vpn.conf:11:15: warning: [policy a] source-port: the kernel knows the port only of "
	  "programs that have bound it, as servers do; packets of others go by the rules behind "
	  "this one\n" },
	{ "[gateway]\n[policy a]\naction = bypass\ndestination = 10.0.0.5/8\n",
	  "vpn.conf:11:15: warning: [policy a] destination = 10.0.0.5/8 is taken as 10.0.0.0/8\n" },
	{ "[policy a]\naction = bypass\nsource = 10.98.0.1\ndestination = 10.0.0.0/8\n",
	  "vpn.conf:10:10: warning: [policy a] our address in the tunnel never leaves in the clear: "
	  "what has it is refused\n" },
	{ "[policy a]\naction = protect\n",
	  "vpn.conf:8:9: warning: [policy a] IPv6 is refused: [tunnel] address has none\n" },
};

static void slips_are_warned_of(void **state)
{
	static const char gateway[] =
		"[gateway]\naddress = 192.0.2.1\n" AUTH TUNNEL
		"[policy a]\naction = bypass\ndestination = 192.0.2.0/24\n"
		"[policy b]\naction = protect\n[policy c]\naction = bypass\ndestination = 192.0.2.1\n";

	for (size_t i = 0; i < ARRAY_SIZE(warnings); i++) {
		char text[800];

		snprintf(text, sizeof(text), MINIMAL "%s", warnings[i].text);
		expect_said(text, strlen(text), warnings[i].said);
	}
	expect_said(
		gateway, strlen(gateway),
		"vpn.conf:11:9: warning: [policy b] IPv6 is refused: [tunnel] address has none\n"
		"vpn.conf:15:15: warning: [policy c] the tunnel's own packets to the gateway need "
		"no rule; this one is for other programs\n"
		"vpn.conf:13:9: warning: [policy c] is never reached: [policy a] comes first and "
		"takes all of it\n");
}

static void a_script_sets_no_rules(void **state)
{
	static const char text[] = GATEWAY AUTH "[tunnel]\nroutes = script\nfail-closed = yes\n"
						"[hooks]\nscript = hook\n"
						"[policy a]\naction = discard\n";

	expect_said(
		text, strlen(text),
		"vpn.conf:10:9: [policy a] needs [tunnel] routes = own: a script sets no rules\n"
		"vpn.conf:7:1: [tunnel] fail-closed = yes needs [tunnel] routes = own: a script "
		"refuses nothing\n");
}

static void there_is_an_end_to_rules(void **state)
{
	char text[8000] = MINIMAL;
	struct reading r;
	const char *said;

	for (unsigned i = 0; i < SESSION_RULES_MAX; i++)
		sprintf(text + strlen(text),
			"[policy r%u]\naction = %s\ndestination = 10.%u.0.0/16\n", i,
			i ? "protect" : "bypass", i);
	r = read_good(text);
	assert_int_equal(r.c->session.nrules, SESSION_RULES_MAX);
	reading_free(&r);
	strcpy(strstr(text, "action = bypass") + 9, "protect\ndestination = 10.0.0.0/16\n");
	for (unsigned i = 1; i <= SESSION_RULES_MAX + 1; i++)
		sprintf(text + strlen(text),
			"[policy r%u]\naction = protect\ndestination = 10.%u.0.0/16\n", i, i);
	r = read_bytes(text, strlen(text));
	assert_int_equal(r.result, ERR_CONFIG);
	said = strstr(r.said, "one [policy] too many, there can be 32\n");
	assert_non_null(said);
	assert_null(strstr(said + 1, "one [policy]"));
	reading_free(&r);
	*strstr(text, "[policy r32]") = '\0';
	r = read_bytes(text, strlen(text));
	assert_string_equal(r.said, "vpn.conf: the rules for protect and [tunnel] come to 33 "
				    "tunnels; there can be 32\n");
	reading_free(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rules_come_in_file_order),
		cmocka_unit_test(lists_make_every_pair),
		cmocka_unit_test(protocols_are_of_a_family),
		cmocka_unit_test(protect_has_its_own_proposals),
		cmocka_unit_test(names_are_looked_up_at_the_start),
		cmocka_unit_test(what_no_rule_names),
		cmocka_unit_test(how_many_open_what_arrives),
		cmocka_unit_test(how_packets_go_to_the_kernel),
		cmocka_unit_test(holding_has_bounds),
		cmocka_unit_test(complaints_say_where_and_what),
		cmocka_unit_test(slips_are_warned_of),
		cmocka_unit_test(a_script_sets_no_rules),
		cmocka_unit_test(there_is_an_end_to_rules),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
