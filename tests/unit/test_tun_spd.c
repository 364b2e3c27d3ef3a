/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The kernel's rules against the policies that they were planned from, of one connection and of two on
 * one host: for random policies and random packets both decide the same.
 */
#include "tun/tun.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sys/socket.h>

#include "base/err.h"
#include "base/rng.h"
#include "namespace.h"

#define POLICIES 60
#define PACKETS 60

#define CONNECTIONS 2

/* A host with an uplink "up0" (both families, default routes) and TUNs "godwit0" and "godwit1". */
struct host {
	struct tun_netlink n;
	struct tun up;
	struct tun tun[CONNECTIONS];
	int nl;
};

static void add(struct host *h, const char *line)
{
	struct tun_state s;

	assert_int_equal(tun_state_parse(line, &s), 0);
	assert_int_equal(tun_state_add(&h->n, &s), 0);
}

/* ---- what the kernel says ---- */

struct request {
	struct nlmsghdr h;
	struct rtmsg rtm;
	uint8_t attrs[256];
};

static void put(struct request *r, uint16_t type, const void *data, size_t n)
{
	struct rtattr *a = (struct rtattr *)((uint8_t *)r + NLMSG_ALIGN(r->h.nlmsg_len));

	a->rta_type = type;
	a->rta_len = (uint16_t)RTA_LENGTH(n);
	memcpy(RTA_DATA(a), data, n);
	r->h.nlmsg_len = (uint32_t)(NLMSG_ALIGN(r->h.nlmsg_len) + RTA_SPACE(n));
}

/* The device that the packet leaves by, or a negative errno. A source "none" is that of no socket. */
static int ask(struct host *h, const struct tuple *t)
{
	struct request r = { .h.nlmsg_type = RTM_GETROUTE, .h.nlmsg_flags = NLM_F_REQUEST };
	_Alignas(struct nlmsghdr) uint8_t buf[8192];
	struct nlmsghdr *got = (struct nlmsghdr *)buf;
	size_t n = family_size(t->dst.family);
	uint16_t sport = (uint16_t)(t->sport << 8 | t->sport >> 8),
		 dport = (uint16_t)(t->dport << 8 | t->dport >> 8);
	struct rtattr *a;
	int left;

	r.h.nlmsg_len = NLMSG_LENGTH(sizeof(r.rtm));
	r.rtm.rtm_family = t->dst.family == FAMILY_IP6 ? AF_INET6 : AF_INET;
	r.rtm.rtm_dst_len = (uint8_t)(8 * n);
	put(&r, RTA_DST, t->dst.b, n);
	if (t->src.family != FAMILY_NONE) {
		r.rtm.rtm_src_len = (uint8_t)(8 * n);
		put(&r, RTA_SRC, t->src.b, n);
	}
	put(&r, RTA_IP_PROTO, &t->proto, 1);
	if (t->ports) {
		put(&r, RTA_SPORT, &sport, 2);
		put(&r, RTA_DPORT, &dport, 2);
	}
	assert_int_equal(send(h->nl, &r, r.h.nlmsg_len, 0), r.h.nlmsg_len);
	assert_true(recv(h->nl, buf, sizeof(buf), 0) > (ssize_t)sizeof(*got));
	if (got->nlmsg_type == NLMSG_ERROR)
		return ((struct nlmsgerr *)NLMSG_DATA(got))->error;
	assert_int_equal(got->nlmsg_type, RTM_NEWROUTE);
	left = (int)RTM_PAYLOAD(got);
	for (a = RTM_RTA((struct rtmsg *)NLMSG_DATA(got)); RTA_OK(a, left); a = RTA_NEXT(a, left))
		if (a->rta_type == RTA_OIF)
			return *(int *)RTA_DATA(a);
	return 0;
}

/* The kernel adds the local route of an IPv6 address by itself, some time after the address. */
static void wait_for_local(struct host *h, const char *address)
{
	struct tuple t = { .proto = 17 };

	assert_true(addr_parse(address, &t.dst));
	for (unsigned i = 0; i < 500 && ask(h, &t) != (int)if_nametoindex("lo"); i++)
		usleep(10000);
}

static void host_open(struct host *h)
{
	enter_namespace();
	assert_int_equal(tun_netlink_open(&h->n), 0);
	open_device(&h->up, &h->n, "up0");
	open_device(&h->tun[0], &h->n, "godwit0");
	open_device(&h->tun[1], &h->n, "godwit1");
	add(h, "address to 198.51.100.2/24 dev up0");
	add(h, "address to 2001:db8::2/64 dev up0");
	add(h, "route action unicast to 0.0.0.0/0 dev up0 src 198.51.100.2 table 254");
	add(h, "route action unicast to ::/0 dev up0 src 2001:db8::2 table 254");
	h->nl = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	assert_true(h->nl >= 0);
	wait_for_local(h, "2001:db8::2");
}

static void host_close(struct host *h)
{
	close(h->nl);
	tun_close(&h->tun[0]);
	tun_close(&h->tun[1]);
	tun_close(&h->up);
	tun_netlink_close(&h->n);
}

/* ---- random policies and packets ---- */

static uint64_t seed;

static unsigned below(unsigned n)
{
	seed = seed * 6364136223846793005u + 1442695040888963407u;
	return (unsigned)(seed >> 33) % n;
}

static struct prefix network(const char *text)
{
	struct prefix p;

	assert_true(prefix_parse(text, &p));
	return p;
}

static const char *const networks4[] = { "0.0.0.0/0",	"10.0.0.0/8",	 "10.1.0.0/16",
					 "10.1.2.3/32", "172.16.0.0/12", "192.0.2.0/24" };
static const char *const networks6[] = { "::/0", "fd00:8::/32", "fd00:8:1::/48", "fd00:8:1::7/128",
					 "2001:db8:9::/48" };
static const char *const hosts4[] = { "10.1.2.3",   "10.1.9.9",	 "10.200.0.1",
				      "172.20.0.1", "192.0.2.9", "203.0.113.1" };
static const char *const hosts6[] = { "fd00:8:1::7", "fd00:8:1::8", "fd00:8:2::1", "2001:db8:9::1",
				      "2001:db8:ffff::1" };
static const char *const locals[2][3] = { { "0.0.0.0/0", "10.9.0.1/32", "198.51.100.0/24" },
					  { "::/0", "fd00::1/128", "2001:db8::/64" } };
static const uint16_t ports[] = { 1, 22, 80, 443, 8000, 8050, 8099, 40000, 65534 };
static const uint8_t protos[] = { 0, 6, 17, 1, 58 };

static void random_ports(struct ts *ts)
{
	uint16_t a = ports[below(ARRAY_SIZE(ports))], b = ports[below(ARRAY_SIZE(ports))];
	bool single = below(2);

	ts->port_lo = single || a < b ? a : b;
	ts->port_hi = single || a > b ? a : b;
}

static struct policy_rule random_rule(void)
{
	struct policy_rule r = { .action = (enum policy_action)below(3) };
	bool six = below(2);
	struct prefix local, remote;

	/* What leaves from our inner address and what is protected for it are one. */
	local = network(locals[six][r.action == POLICY_PROTECT ? below(3) : 2 * below(2)]);
	remote = network(six ? networks6[below(ARRAY_SIZE(networks6))] :
			       networks4[below(ARRAY_SIZE(networks4))]);
	r.ts.local = ts_from_prefix(&local);
	r.ts.remote = ts_from_prefix(&remote);
	r.ts.local.proto = r.ts.remote.proto = protos[below(six ? 3 : 4)];
	if (six && below(5) == 0)
		r.ts.local.proto = r.ts.remote.proto = 58;
	if (below(5) == 0 && r.ts.remote.lo.b[0]) {
		/* A range that is no prefix. */
		r.ts.remote.hi = r.ts.remote.lo;
		r.ts.remote.lo.b[3] |= 3;
		r.ts.remote.hi.b[1] |= 1;
		r.ts.remote.hi.b[2] |= 9;
		r.ts.remote.hi.b[3] |= 9;
	}
	if (r.ts.remote.proto != 6 && r.ts.remote.proto != 17)
		return r;
	if (below(2))
		random_ports(&r.ts.remote);
	if (below(4) == 0)
		random_ports(&r.ts.local);
	return r;
}

static struct tuple random_packet(bool *unbound)
{
	struct tuple t = { 0 };
	bool six = below(2);

	*unbound = below(2);
	addr_parse(six ? hosts6[below(ARRAY_SIZE(hosts6))] : hosts4[below(ARRAY_SIZE(hosts4))],
		   &t.dst);
	addr_parse(*unbound ? (six ? "fd00::1" : "10.9.0.1") :
		   six	    ? "2001:db8::2" :
			      "198.51.100.2",
		   &t.src);
	t.proto = below(2) ? 6 : 17;
	if (below(5) == 0)
		t.proto = six ? 58 : 1;
	t.ports = t.proto == 6 || t.proto == 17;
	if (t.ports) {
		t.sport = ports[below(ARRAY_SIZE(ports))];
		t.dport = (uint16_t)(ports[below(ARRAY_SIZE(ports))] - below(2));
		t.dport = t.dport ? t.dport : 1;
	}
	return t;
}

/* ---- both together ---- */

struct connection {
	unsigned number;
	unsigned band;
	enum family without; /* has no inner address of it */
	struct policy policy;
	struct policy oracle;
	struct tun_state plan[TUN_PLAN_MAX];
	int n; /* of the plan, in the kernel; 0: it is not connected */
};

static struct connection connections[CONNECTIONS];

static void plan_of(struct connection *c)
{
	struct tun_setup s = {
		.ifname = c->number ? "godwit1" : "godwit0",
		.path.local.port = 4500,
		.path.remote.port = 4500,
		.table = TUN_TABLE + c->number,
		.mark = TUN_FWMARK + c->number,
		.band = c->band,
		.policy = &c->policy,
	};

	assert_true(addr_parse("198.51.100.99", &s.path.remote.addr));
	if (c->without != FAMILY_IP4)
		addr_parse(c->number ? "10.9.0.2" : "10.9.0.1", &s.inner[s.n_inner++]);
	if (c->without != FAMILY_IP6)
		addr_parse(c->number ? "fd00::2" : "fd00::1", &s.inner[s.n_inner++]);
	c->n = tun_plan(&s, c->plan, ARRAY_SIZE(c->plan));
	assert_true(c->n > 0);
}

static void connection_add(struct host *h, struct connection *c)
{
	plan_of(c);
	for (int k = 0; k < c->n; k++)
		if (tun_state_add(&h->n, &c->plan[k]) != 0)
			fail_msg("%s: %s",
				 tun_state_text(&c->plan[k], (char[TUN_STATE_TEXT_MAX]){ 0 }),
				 strerror(errno));
}

static void connection_del(struct host *h, struct connection *c)
{
	while (c->n > 0)
		assert_int_equal(tun_state_del(&h->n, &c->plan[--c->n]), 0);
}

/* What somebody takes away comes back behind all others of its preference. */
static void connection_shake(struct host *h, struct connection *c)
{
	for (int k = 0; k < c->n; k++)
		if (c->plan[k].kind == TUN_STATE_RULE && below(2))
			assert_int_equal(tun_state_del(&h->n, &c->plan[k]), 0);
	for (int k = 0; k < c->n; k++)
		assert_true(tun_state_restore(&h->n, &c->plan[k]) >= 0);
}

/*
 * The oracle is the policy itself, but that what is protected for our inner address is kept from
 * leaving with any other source. In a family without an inner address there is none to name.
 */
static void make_policy(struct connection *c)
{
	unsigned n = 1 + below(8);

	c->without = below(4) ? FAMILY_NONE : below(2) ? FAMILY_IP4 : FAMILY_IP6;
	c->policy = (struct policy){ .fallback = below(2) ? POLICY_BYPASS : POLICY_DISCARD };
	c->oracle = c->policy;
	for (unsigned i = 0; i < n; i++) {
		struct policy_rule r = random_rule();
		struct prefix p = network(locals[r.ts.local.lo.family == FAMILY_IP6][0]);
		struct policy_rule ours = r;

		if (r.ts.local.lo.b[0] == 10 || r.ts.local.lo.b[0] == 0xfd) {
			unsigned last = family_size(r.ts.local.lo.family) - 1;

			ours.ts.local.lo.b[last] += (uint8_t)c->number;
			ours.ts.local.hi.b[last] += (uint8_t)c->number;
			prefix_range(&p, &r.ts.local.lo, &r.ts.local.hi);
		}
		assert_true(
			policy_add(&c->policy, r.ts.local.lo.family == c->without ? &r : &ours));
		assert_true(policy_add(&c->oracle, &r));
	}
}

/*
 * What one connection protects or discards it decides, the earlier band first. What none does is
 * refused if one discards whatever it does not bypass itself. *who: who protects it.
 */
static enum policy_action wanted(const struct tuple *t, const struct connection **who)
{
	enum policy_action last = POLICY_BYPASS;
	unsigned first = connections[1].band < connections[0].band;

	for (unsigned i = 0; i < CONNECTIONS; i++) {
		const struct connection *c = &connections[(first + i) % CONNECTIONS];
		const struct policy_rule *r = c->n ? policy_match(&c->oracle, t) : NULL;

		*who = c;
		if (r && r->action != POLICY_BYPASS)
			return r->action;
		if (c->n && !r && c->oracle.fallback == POLICY_DISCARD)
			last = POLICY_DISCARD;
	}
	return last;
}

static unsigned decided[3];

static void compare(struct host *h)
{
	const struct connection *who;
	bool unbound;
	struct tuple t = random_packet(&unbound), asked = t;
	enum policy_action want = wanted(&t, &who);
	char src[ADDR_TEXT_MAX], dst[ADDR_TEXT_MAX];
	int got;
	bool ok = false;

	if (unbound)
		asked.src.family = FAMILY_NONE;
	got = ask(h, &asked);
	switch (want) {
	case POLICY_PROTECT:
		ok = got == (t.dst.family == who->without ? -EHOSTUNREACH :
							    (int)h->tun[who->number].ifindex);
		break;
	case POLICY_BYPASS:
		ok = got == (int)h->up.ifindex;
		break;
	case POLICY_DISCARD:
		ok = got == -EACCES;
		break;
	}
	if (!ok)
		fail_msg("%s to %s proto %u ports %u %u: %s (%u), the kernel says %d (TUNs are %u "
			 "and %u, up0 %u)",
			 unbound ? "unbound" : addr_text(&t.src, src), addr_text(&t.dst, dst),
			 t.proto, t.sport, t.dport, policy_action_name(want), who->number, got,
			 h->tun[0].ifindex, h->tun[1].ifindex, h->up.ifindex);
	decided[want]++;
}

static void compare_some(struct host *h)
{
	for (unsigned k = 0; k < PACKETS; k++)
		compare(h);
}

static void begin(struct host *h)
{
	host_open(h);
	seed = 1;
	memset(decided, 0, sizeof(decided));
	for (unsigned i = 0; i < CONNECTIONS; i++)
		connections[i] = (struct connection){ .number = i, .band = i };
}

static void end(struct host *h)
{
	for (unsigned i = 0; i < ARRAY_SIZE(decided); i++)
		assert_true(decided[i] > POLICIES * PACKETS / 10);
	host_close(h);
}

static void test_kernel_decides_as_the_policy(void **state)
{
	struct host h;

	begin(&h);
	for (unsigned i = 0; i < POLICIES; i++) {
		make_policy(&connections[0]);
		connection_add(&h, &connections[0]);
		compare_some(&h);
		connection_shake(&h, &connections[0]);
		compare_some(&h);
		connection_del(&h, &connections[0]);
	}
	end(&h);
}

/* Whoever came first, and whoever ends first. */
static void test_two_connections(void **state)
{
	struct host h;

	begin(&h);
	for (unsigned i = 0; i < POLICIES; i++) {
		struct connection *one = &connections[below(2)];
		struct connection *other = &connections[1 - one->number];

		one->band = below(2) * (1 + below(TUN_BANDS - 1));
		other->band = (one->band + 1 + below(TUN_BANDS - 1)) % TUN_BANDS;
		make_policy(one);
		make_policy(other);
		connection_add(&h, one);
		connection_add(&h, other);
		compare_some(&h);
		connection_shake(&h, one);
		compare_some(&h);
		connection_del(&h, below(2) ? one : other);
		compare_some(&h);
		connection_del(&h, one);
		connection_del(&h, other);
		/* Nobody has left anything. */
		compare_some(&h);
	}
	end(&h);
}

/* The kernel has the claims in the order in which they were made. */
static void test_a_band_is_whose_claim_came_first(void **state)
{
	const struct tun_state first = tun_band_claim(3, 7), second = tun_band_claim(3, 6);
	struct tun_state rule = first;
	struct tun_bands bands;
	struct host h;

	host_open(&h);
	assert_int_equal(tun_bands_read(&bands), 0);
	for (unsigned i = 0; i < TUN_BANDS; i++)
		assert_false(bands.taken[i] || bands.holder[i]);
	assert_int_equal(tun_state_add(&h.n, &first), 0);
	assert_int_equal(tun_state_add(&h.n, &second), 0);
	assert_int_equal(tun_bands_read(&bands), 0);
	assert_int_equal(bands.holder[3], 7);
	assert_int_equal(tun_state_del(&h.n, &first), 0);
	assert_int_equal(tun_bands_read(&bands), 0);
	assert_int_equal(bands.holder[3], 6);
	assert_int_equal(tun_state_del(&h.n, &second), 0);
	/* One that lost its claim, or a part of it, has its band still. */
	rule.family = FAMILY_IP6;
	rule.pref = tun_band_of(5).first;
	assert_int_equal(tun_state_add(&h.n, &rule), 0);
	rule.pref = tun_band_of(2).refuse;
	assert_int_equal(tun_state_add(&h.n, &rule), 0);
	assert_int_equal(tun_bands_read(&bands), 0);
	for (unsigned i = 0; i < TUN_BANDS; i++) {
		assert_int_equal(bands.taken[i], i == 5 || i == 2);
		assert_int_equal(bands.holder[i], 0);
	}
	host_close(&h);
}

/* Bound to the inner address everything goes into the TUN, where the policy is asked again. */
static void test_inner_source_never_leaves(void **state)
{
	struct tuple t = { .proto = 6, .ports = true, .sport = 40000, .dport = 443 };
	struct prefix any = network("0.0.0.0/0");
	const struct policy_rule bypass = { .ts = { ts_from_prefix(&any), ts_from_prefix(&any) },
					    .action = POLICY_BYPASS };
	struct policy_rule protect = bypass;
	struct host h;
	struct policy *policy = &connections[0].policy;

	begin(&h);
	protect.action = POLICY_PROTECT;
	*policy = (struct policy){ .fallback = POLICY_BYPASS };
	assert_true(policy_add(policy, &bypass) && policy_add(policy, &protect));
	connection_add(&h, &connections[0]);
	addr_parse("203.0.113.1", &t.dst);
	assert_int_equal(ask(&h, &t), h.up.ifindex);
	addr_parse("10.9.0.1", &t.src);
	assert_int_equal(ask(&h, &t), h.tun[0].ifindex);
	host_close(&h);
}

/* With everything refused: loopback, ourselves, and what the links need. */
static void test_what_is_never_refused(void **state)
{
	static const struct {
		const char *dst;
		uint8_t proto;
		uint16_t sport, dport;
		bool refused;
	} rows[] = {
		{ "127.0.0.1", 6, 1, 1, false },
		{ "198.51.100.2", 6, 1, 1, false },
		{ "::1", 6, 1, 1, false },
		{ "2001:db8::2", 17, 1, 1, false },
		{ "198.51.100.7", 17, 68, 67, false },
		{ "198.51.100.7", 17, 69, 67, true },
		{ "198.51.100.7", 6, 1, 80, true },
		{ "2001:db8::7", 17, 546, 547, false },
		{ "2001:db8::7", 58, 0, 0, true },
		{ "198.51.100.99", 17, 4500, 4500, false }, /* the gateway */
		{ "198.51.100.99", 17, 4501, 4500, true },
	};
	struct host h;

	begin(&h);
	for (unsigned i = 0; i < CONNECTIONS; i++) {
		connections[i].policy.fallback = POLICY_DISCARD;
		connection_add(&h, &connections[i]);
	}
	for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
		struct tuple t = { .proto = rows[i].proto,
				   .ports = rows[i].sport != 0,
				   .sport = rows[i].sport,
				   .dport = rows[i].dport };

		addr_parse(rows[i].dst, &t.dst);
		if (rows[i].refused ? ask(&h, &t) != -EACCES : ask(&h, &t) <= 0)
			fail_msg("%s %u %u %u: %d", rows[i].dst, t.proto, t.sport, t.dport,
				 ask(&h, &t));
	}
	host_close(&h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_kernel_decides_as_the_policy),
		cmocka_unit_test(test_two_connections),
		cmocka_unit_test(test_a_band_is_whose_claim_came_first),
		cmocka_unit_test(test_inner_source_never_leaves),
		cmocka_unit_test(test_what_is_never_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
