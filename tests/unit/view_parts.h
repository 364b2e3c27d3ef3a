/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A connection of which everything is known, for what is told of it. */
#ifndef GODWIT_TESTS_UNIT_VIEW_PARTS_H
#define GODWIT_TESTS_UNIT_VIEW_PARTS_H

#include "base/mem.h"
#include "client/runtime.h"
#include "esp/look.h"
#include "tests/unit/esp_parts.h"

#define NOW (160 * VTIME_S)

struct all {
	struct control_view view;
	struct session_info info;
	struct ts_pair ts;
	struct addr inner;
	struct drops drops;
	struct hold_counters held;
	struct dns dns;
	struct session_ask ask;
};

static inline void fill_epoch(struct session_epoch_info *e, unsigned n, enum epoch_state state)
{
	*e = (struct session_epoch_info){
		.state = state,
		.id = n,
		.spi_in = 0xabc0 + n,
		.spi_out = 0xdef0 + n,
		.suite = { ESP_CIPHER_AES_GCM_16, 128, ESP_INTEG_NONE },
		.since = 100 * VTIME_S,
		.bytes_in = 1000 * n,
		.packets_in = 10 * n,
		.packets_out = 20 * n,
		.life = { 1000 * VTIME_S, 1100 * VTIME_S, 1200 * VTIME_S },
		.used = state == EPOCH_CURRENT,
		.next = state == EPOCH_PROBING,
		.trial = state == EPOCH_PROBING,
		.pings = 2,
		.ping_at = NOW + 3 * VTIME_S,
		.heard_at = NOW - 5 * VTIME_S,
		.sequence_in = 10 * n + 4,
		.sequence_out = 20 * n,
		.worker = -1,
		.most = { 1000, 0 },
	};
}

static inline void fill_tunnel(struct all *a)
{
	struct session_tunnel_info *t = &a->info.tunnels[0];

	*t = (struct session_tunnel_info){
		.name = "tunnel-1",
		.ts = &a->ts,
		.up = true,
		.until = 1200 * VTIME_S,
		.refused_until = NOW + 1,
		.refused_why = "no proposal chosen",
		.nepochs = 3,
	};
	fill_epoch(&t->epochs[0], 3, EPOCH_PROBING);
	fill_epoch(&t->epochs[1], 2, EPOCH_CURRENT);
	fill_epoch(&t->epochs[2], 1, EPOCH_RETIRING);
	a->info.tunnels[1] = (struct session_tunnel_info){ .slot = 1,
							   .name = "web",
							   .ts = &a->ts,
							   .on_demand = true,
							   .granularity = GRANULARITY_FLOW,
							   .until = VTIME_NEVER };
	a->info.ntunnels = 2;
	a->view.held_of[0] = &a->held;
}

static inline void fill_session(struct all *a)
{
	struct session_info *s = &a->info;

	s->since = 100 * VTIME_S;
	s->gateway = "vpn.example.com";
	s->path.encapsulation = ENCAPSULATION_UDP;
	s->path.remote = (struct endpoint){ parts_addr("192.0.2.1"), 4500 };
	s->path.local = (struct endpoint){ parts_addr("198.51.100.2"), 4500 };
	s->nat = NAT_LOCAL;
	s->ike_rekey_at = 3600 * VTIME_S;
	s->ike = (struct ike_sa_info){
		.state = IKE_STATE_ESTABLISHED,
		.cookie_i = { 1 },
		.suite = { IKE_CIPHER_AES_CBC, 128, HASH_SHA2_256, DH_MODP_2048 },
		.established_at = 99 * VTIME_S,
	};
	s->mtu = 1438;
	s->why = "the gateway does not answer";
	s->ping.target = parts_addr("10.80.0.1");
	s->ping.why = "ping-target";
	s->mobility.known = true;
	s->mobility.method = SESSION_ROAMED_UPDATE;
	s->ask = &a->ask;
}

static inline struct all *all_new(void)
{
	struct all *a = xcalloc(1, sizeof(*a));

	a->ts = parts_pair("10.91.0.1/32", "10.80.0.0/24");
	a->inner = parts_addr("10.91.0.1");
	a->ask = (struct session_ask){ .id = 7, .fields = 0x3f, .until = NOW + VTIME_S };
	a->dns.by = DNS_BY_RESOLVED;
	a->dns.state = DNS_SET;
	a->dns.plan.servers[a->dns.plan.nservers++] = parts_addr("10.80.0.53");
	a->dns.plan.ndomains = 1;
	strcpy(a->dns.plan.domains[0].name, "corp.example");
	atomic_store(&a->held.packets, 3);
	atomic_store(&a->held.since, 150 * VTIME_S);
	for (unsigned i = 0; i < DROP_COUNT; i++)
		drop_add(&a->drops, (enum drop)i, 5 + i);
	a->view = (struct control_view){
		.dns = &a->dns,
		.name = "office",
		.device = "godwit0",
		.inner = &a->inner,
		.ninner = 1,
		.user = "alice",
		.session = &a->info,
		.drops = { &a->drops },
		.held = &a->held,
		.now = NOW,
		.wall = 1700000060500 * VTIME_MS,
	};
	fill_session(a);
	fill_tunnel(a);
	return a;
}

#endif
