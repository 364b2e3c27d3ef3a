/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/sim/selftest.h"

#include <stdio.h>

#include "base/rng.h"
#include "tests/sim/inner.h"
#include "tests/sim/link.h"
#include "tests/sim/nat.h"
#include "tests/sim/tap.h"

#define DATAGRAMS 20000

static bool check(bool good, const char *what)
{
	if (!good)
		printf("selftest: %s\n", what);
	return good;
}

/* Within a tenth of what `per_thousand` of `of` should be. */
static bool near(unsigned n, unsigned of, unsigned per_thousand)
{
	unsigned want = of / 1000 * per_thousand;

	return n + want / 10 >= want && n <= want + want / 10;
}

static bool link_rates(void)
{
	struct link_config config = { .delay = 20 * VTIME_MS,
				      .jitter = 5 * VTIME_MS,
				      .held = 400 * VTIME_MS,
				      .loss = 300,
				      .duplication = 100,
				      .reordering = 250 };
	struct rng_seed seed;
	struct rng rng = rng_seeded(&seed, 7);
	unsigned arrived = 0, overtaken = 0;
	vtime last = 0;
	struct link l;
	bool good;

	link_init(&l, &config, &rng);
	for (unsigned i = 0; i < DATAGRAMS; i++) {
		vtime now = i * VTIME_MS;
		struct link_fate fate = link_send(&l, now);

		for (unsigned j = 0; j < fate.n; j++) {
			arrived++;
			overtaken += fate.at[j] < last;
			last = fate.at[j] > last ? fate.at[j] : last;
			if (fate.at[j] < now + config.delay)
				return check(false, "a datagram was faster than its link");
		}
	}
	good = check(near(l.lost, DATAGRAMS + l.duplicated, 300), "loss is not 30 %");
	good &= check(near(l.duplicated, DATAGRAMS, 100), "duplication is not 10 %");
	good &= check(near(l.reordered, arrived, 250), "reordering is not 25 %");
	good &= check(arrived == DATAGRAMS + l.duplicated - l.lost, "datagrams do not add up");
	good &= check(overtaken > arrived / 10, "hardly anything is overtaken");
	return good;
}

static bool link_order(void)
{
	struct link_config config = { .delay = VTIME_MS, .jitter = 50 * VTIME_MS };
	struct rng_seed seed;
	struct rng rng = rng_seeded(&seed, 8);
	vtime last = 0;
	struct link l;

	link_init(&l, &config, &rng);
	for (unsigned i = 0; i < DATAGRAMS; i++) {
		struct link_fate fate = link_send(&l, i * VTIME_US);

		if (fate.n != 1 || fate.at[0] < last)
			return check(false, "a link without loss or reordering loses or reorders");
		last = fate.at[0];
	}
	return true;
}

/* A second of datagrams of 1,000 bytes, twice as many as the rate takes. */
static bool link_rate(void)
{
	struct link_config config = {
		.delay = VTIME_MS, .rate = 100000, .queue = 100 * VTIME_MS, .mtu = 1000
	};
	struct rng_seed seed;
	struct rng rng = rng_seeded(&seed, 10);
	vtime last = 0;
	struct link l;
	bool good = true;

	link_init(&l, &config, &rng);
	for (unsigned i = 0; i < 200; i++) {
		vtime now = i * 5 * VTIME_MS;
		struct link_fate fate = link_send_sized(&l, now, 1000);

		if (fate.n && last)
			good &= check(fate.at[0] == last + 10 * VTIME_MS, "a link has no rate");
		if (fate.n)
			good &= check(fate.at[0] <= now + 111 * VTIME_MS, "a queue is too long");
		last = fate.n ? fate.at[0] : last;
	}
	good &= check(l.congested >= 85 && l.congested <= 95, "a full queue takes more");
	good &= check(link_send_sized(&l, 9 * VTIME_S, 1001).n == 0, "a link has no MTU");
	good &= check(link_send_sized(&l, 9 * VTIME_S, 1000).n == 1, "a link has too small an MTU");
	return good;
}

/* ---- the ordinary NAT ---- */

static struct endpoint end(const char *addr, uint16_t port)
{
	struct endpoint e = { .port = port };

	if (!addr_parse(addr, &e.addr))
		printf("selftest: %s is no address\n", addr);
	return e;
}

/* The port that a datagram from `inside` to `remote` gets outside; 0: none. */
static uint16_t nat_port(struct udp_nat *n, vtime now, struct endpoint inside,
			 struct endpoint remote)
{
	return udp_nat_out(n, now, &inside, &remote) ? inside.port : 0;
}

static bool nat_lets(struct udp_nat *n, vtime now, struct endpoint remote, uint16_t port,
		     struct endpoint inside)
{
	struct endpoint dst = { n->config.outside, port };

	return udp_nat_in(n, now, &remote, &dst) && endpoint_eq(&dst, &inside);
}

static bool nat_kind(enum nat_dependence mapping, enum nat_dependence filtering)
{
	struct endpoint a = end("192.168.1.2", 500), server = end("192.0.2.1", 500);
	struct endpoint other_port = end("192.0.2.1", 4500), other = end("192.0.2.9", 500);
	struct udp_nat_config config = { .mapping = mapping,
					 .filtering = filtering,
					 .lifetime = 30 * VTIME_S };
	struct rng_seed seed;
	struct rng rng = rng_seeded(&seed, 11);
	static struct udp_nat n;
	uint16_t port;
	bool good;

	config.outside = end("203.0.113.7", 0).addr;
	udp_nat_init(&n, &config, &rng);
	port = nat_port(&n, 0, a, server);
	good = check(port && port == nat_port(&n, 1, a, server), "a mapping does not last");
	good &= check(nat_lets(&n, 1, server, port, a), "the answer does not pass a NAT");
	good &= check(nat_lets(&n, 1, other_port, port, a) == (filtering != NAT_ADDRESS_PORT),
		      "filtering by ports is wrong");
	good &= check(nat_lets(&n, 1, other, port, a) == (filtering == NAT_INDEPENDENT),
		      "filtering by addresses is wrong");
	good &= check((nat_port(&n, 1, a, other_port) == port) == (mapping != NAT_ADDRESS_PORT),
		      "mapping by ports is wrong");
	good &= check((nat_port(&n, 1, a, other) == port) == (mapping == NAT_INDEPENDENT),
		      "mapping by addresses is wrong");
	good &= check(!nat_lets(&n, 31 * VTIME_S, server, port, a), "a mapping lasts for ever");
	return good;
}

static bool nat_life(void)
{
	struct endpoint a = end("192.168.1.2", 500), b = end("192.168.1.3", 500);
	struct endpoint server = end("192.0.2.1", 500);
	struct udp_nat_config config = { .lifetime = 30 * VTIME_S, .preserves = true };
	struct rng_seed seed;
	struct rng rng = rng_seeded(&seed, 12);
	static struct udp_nat n;
	uint16_t port;
	bool good;

	config.outside = end("203.0.113.7", 0).addr;
	udp_nat_init(&n, &config, &rng);
	good = check(nat_port(&n, 0, a, server) == 500, "a port is not preserved");
	port = nat_port(&n, 0, b, server);
	good &= check(port && port != 500, "two have one port");
	good &= check(nat_lets(&n, 1, server, 500, a) && nat_lets(&n, 1, server, port, b),
		      "a NAT takes one client for the other");
	config.outside = end("203.0.113.8", 0).addr;
	udp_nat_renumber(&n, &config.outside);
	good &= check(udp_nat_out(&n, 2, &b, &server) && b.port == port &&
			      addr_eq(&b.addr, &config.outside),
		      "another address changes more than the address");
	udp_nat_reboot(&n);
	good &= check(!nat_lets(&n, 3, server, 500, a), "a reboot forgets nothing");
	return good;
}

/* ---- tap and packets ---- */

static bool tap_rules(void)
{
	static const uint8_t esp[12] = { 0, 0, 1, 2, 0, 0, 0, 9, 1, 2, 3, 4 };
	static const uint8_t clear[20] = { 0, 0, 1, 2, 0, 0, 0, 10, 's', 'e', 'c', 'r', 'e', 't' };
	static struct tap t;
	char name[TAP_NAME_MAX];
	bool good;

	tap_init(&t, SLICE_STR("secret"), 1);
	good = check(!tap_see(&t, SIDE_CLIENT, true, SLICE_OF(esp), name), "the tap sees ghosts");
	good &= check(!tap_see(&t, SIDE_GATEWAY, true, SLICE_OF(esp), name),
		      "the tap mistakes one side for the other");
	good &= check(tap_see(&t, SIDE_CLIENT, true, SLICE_OF(esp), name),
		      "the tap misses a sequence number used twice");
	good &= check(tap_see(&t, SIDE_CLIENT, true, SLICE_OF(clear), name),
		      "the tap misses an inner packet in the clear");
	return good;
}

static bool inner_packets(enum inner_kind kind, const char *src, const char *dst)
{
	static struct inner_book b;
	struct rng_seed seed;
	struct rng rng = rng_seeded(&seed, 9);
	uint8_t packet[INNER_SIZE_MAX];
	struct addr from, to;
	bool good;
	size_t n;

	inner_init(&b, &rng);
	good = addr_parse(src, &from) && addr_parse(dst, &to);
	inner_add(&b, kind, &from, &to, 200);
	n = inner_request(&b, 0, packet);
	good &= check(n == 200, "a request has another size");
	good &= check(!inner_arrived(&b, 1, false, slice(packet, n)), "a good request is refused");
	good &= check(inner_arrived(&b, 1, false, slice(packet, n)), "a second one is not refused");
	good &= check(inner_answer(packet, n), "a request is no request");
	good &= check(!inner_arrived(&b, 1, true, slice(packet, n)), "a good answer is refused");
	packet[n - 1] ^= 1;
	good &= check(inner_arrived(&b, 1, true, slice(packet, n)), "a changed one is not refused");
	return good;
}

bool selftest(void)
{
	bool good = link_rates();

	good &= link_order();
	good &= link_rate();
	for (unsigned kind = 0; kind < 9; kind++)
		good &= nat_kind((enum nat_dependence)(kind / 3), (enum nat_dependence)(kind % 3));
	good &= nat_life();
	good &= tap_rules();
	good &= inner_packets(INNER_ICMP, "10.0.0.1", "10.0.0.2");
	good &= inner_packets(INNER_UDP, "10.0.0.1", "10.0.0.2");
	good &= inner_packets(INNER_ICMP, "fd00::1", "fd00::2");
	good &= inner_packets(INNER_UDP, "fd00::1", "fd00::2");
	return good;
}
