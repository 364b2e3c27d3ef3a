/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/sim/selftest.h"

#include <stdio.h>

#include "base/rng.h"
#include "tests/sim/inner.h"
#include "tests/sim/link.h"
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
	good &= tap_rules();
	good &= inner_packets(INNER_ICMP, "10.0.0.1", "10.0.0.2");
	good &= inner_packets(INNER_UDP, "10.0.0.1", "10.0.0.2");
	good &= inner_packets(INNER_ICMP, "fd00::1", "fd00::2");
	good &= inner_packets(INNER_UDP, "fd00::1", "fd00::2");
	return good;
}
