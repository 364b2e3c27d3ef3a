/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A row of packets for servers. Each is
 *
 *	byte 0     seconds that have passed, times 16
 *	byte 1     bits 0-1: a server, which is there from now on if bit 2 is set, else not
 *	byte 2-3   how many bytes follow (or all that are left)
 */
#include "esp/servers.h"

#include <stdlib.h>

#include "packet/packet.h"

#define SERVERS 4

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
	if (!holds)
		abort();
}

static struct servers *make(struct servers_config *c, uint8_t select)
{
	static const char *const services[SERVERS] = { "0.0.0.0/0", "0.0.0.0/0", "::/0",
						       "10.20.0.0/16" };
	struct rng_seed seed;
	struct rng rng = rng_seeded(&seed, 1);

	*c = (struct servers_config){ .n = SERVERS };
	c->select = select & 1 ? DISPATCH_LEAST_LOAD : DISPATCH_ROUND_ROBIN;
	for (unsigned i = 0; i < SERVERS; i++)
		require(prefix_parse(services[i], &c->service[i]));
	return servers_new(c, &rng);
}

/* It is there, it has the service, and gets the packet again. */
static void check(struct servers *s, const struct servers_config *c, vtime now, struct slice packet)
{
	int server = servers_choose(s, now, packet);
	struct packet_layout l;

	if (packet_parse(packet, &l) != 0)
		require(server == SERVERS_NONE);
	if (server == SERVERS_NONE)
		return;
	require(server >= 0 && server < SERVERS && servers_there(s, (unsigned)server));
	require(prefix_contains(&c->service[server], &l.dst));
	require(servers_choose(s, now, packet) == server);
}

static void check_counters(const struct servers *s)
{
	for (unsigned i = 0; i < SERVERS; i++) {
		const struct servers_counters n = servers_counters(s, i);

		require(n.live <= n.flows && n.flows <= n.packets && n.packets * 20 <= n.bytes);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct servers_config c;
	struct servers *s;
	vtime now = VTIME_S;
	struct rd r;

	rd_init(&r, slice(data, size));
	s = make(&c, rd_u8(&r));
	while (rd_left(&r) > 4) {
		uint8_t passed = rd_u8(&r), there = rd_u8(&r);
		size_t n = rd_u16(&r);
		struct slice bytes = rd_slice(&r, n < rd_left(&r) ? n : rd_left(&r));
		uint8_t *copy = malloc(bytes.n + !bytes.n);

		require(copy);
		if (bytes.n)
			memcpy(copy, bytes.p, bytes.n);
		now += 16 * passed * VTIME_S;
		servers_set_there(s, there & 3, there & 4);
		check(s, &c, now, slice(copy, bytes.n));
		check_counters(s);
		free(copy);
	}
	servers_free(s);
	return 0;
}
