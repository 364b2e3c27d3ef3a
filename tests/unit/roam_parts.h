/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A session that is up, and its own address changes. The gateway that speaks the update is the real
 * engine of mobility/; the one that does not is what each test says.
 */
#ifndef GODWIT_TESTS_ROAM_PARTS_H
#define GODWIT_TESTS_ROAM_PARTS_H

#include "tests/unit/session_parts.h"

#define HALF_TRIP (25 * VTIME_MS)

/* One link with one address, or two of them. */
struct net {
	struct paths_link links[2];
	struct paths_addr addrs[2];
	struct paths_route routes[2];
	struct paths_facts facts;
};

static struct net net;
static struct update_gateway gateway;
static struct update_policy policy = { .roaming = true, .ip4 = true, .ip6 = true };
static struct path gateway_path; /* where the gateway sends ESP */
static bool gateway_limited;

/* NULL: none. The first is what the kernel would choose. */
static inline void net_is(const char *first, const char *second)
{
	const char *const addr[] = { first, second };
	unsigned n = 0;

	for (unsigned i = 0; i < 2; i++) {
		if (!addr[i])
			continue;
		net.links[n] = (struct paths_link){ i + 1, true, false };
		net.addrs[n] = (struct paths_addr){ i + 1, parts_addr(addr[i]), false };
		net.routes[n] = (struct paths_route){ parts_addr("192.0.2.1"), i + 1,
						      parts_addr(addr[i]), n == 0 };
		n++;
	}
	net.facts = (struct paths_facts){ net.links, n, net.addrs, n, net.routes, n };
}

static inline void hand_facts(struct bench *b)
{
	const struct session_event ev = { .type = SESSION_EVENT_FACTS, .facts = &net.facts };

	if (!b->looks)
		return;
	b->looks = 0;
	session_event(b->s, b->now, &ev);
	bench_pump(b);
}

/* rtnetlink says that something has changed. */
static inline void network_has_changed(struct bench *b)
{
	static const struct session_event ev = { .type = SESSION_EVENT_NETWORK };

	session_event(b->s, b->now, &ev);
	bench_pump(b);
}

static inline void network_changes(struct bench *b)
{
	network_has_changed(b);
	hand_facts(b);
}

static inline void somebody_says(struct bench *b, bool slept)
{
	const struct session_event ev = { .type = SESSION_EVENT_ROAM, .slept = slept };

	session_event(b->s, b->now, &ev);
	bench_pump(b);
	hand_facts(b);
}

static inline void up(struct bench *b, bool supported)
{
	struct path path;

	fake_ike.address_update = supported;
	net_is("198.51.100.2", NULL);
	bench_include(&b->assigned, "10.0.0.0/8");
	bench_up(b);
	hand_facts(b);
	path = b->s->path;
	update_gateway_init(&gateway, &policy, &path);
	update_gateway_new_sa(&gateway);
	gateway_path = path;
}

static inline const struct path *esp_path(struct bench *b)
{
	assert_non_null(b->s->tunnels[0].published);
	return esp_out_path(b->s->tunnels[0].published);
}

static inline bool esp_goes_from(struct bench *b, const char *addr)
{
	struct addr a = parts_addr(addr);

	return b->out[0] && addr_eq(&esp_path(b)->local.addr, &a);
}

static inline bool ike_goes_from(struct bench *b, const char *addr)
{
	struct addr a = parts_addr(addr);
	const struct fake_ike_event *e = fake_ike_last(IKE_EVENT_MOVE);

	(void)b;
	return e && addr_eq(&e->path.local.addr, &a);
}

static inline struct session_mobility told(const struct bench *b)
{
	return bench_info(b).mobility;
}

/* A notification of the gateway's under this SA, to the address that it goes to. */
static inline void hear(struct bench *b, unsigned sa, const struct update_message *m)
{
	struct ike_effect *fx = fake_ike_push(sa, IKE_EFFECT_NOTIFY);

	fx->notified.type = m->type;
	fx->notified.data = m->data;
	fx->notified.from = m->from;
	fx->notified.to = m->to;
	fx->notified.natd = true;
	fx->notified.nat = NAT_NONE;
	bench_pump(b);
}

/* The gateway takes the last request, as it came from `from`, and what it answers comes. */
static inline void gateway_takes(struct bench *b, unsigned sa, const struct fake_ike_event *e,
				 bool nat)
{
	uint32_t list[EPOCHS_MAX];
	struct update_spis spis = { .spi = list };
	struct update_effect fx;
	struct update_notified n = {
		.type = e->notification.type,
		.data = e->notification.data,
		.from = e->notification.from,
		.to = e->notification.to,
		.newest = true,
		.natd = true,
		.peer_nat = nat,
	};

	for (unsigned k = 0; k < EPOCHS_MAX; k++)
		if (b->s->tunnels[0].epoch[k].out)
			list[spis.n++] = b->s->tunnels[0].epoch[k].child.spi_out;
	if (nat)
		n.from = (struct endpoint){ parts_addr("203.0.113.9"), 40000 };
	b->now += HALF_TRIP;
	update_gateway_notify(&gateway, b->now, b->s->rng, &n, &spis);
	while (update_gateway_output(&gateway, &fx)) {
		if (fx.type == UPDATE_MOVE) {
			gateway_path = fx.move.path;
			gateway_limited = fx.move.limited;
		} else if (fx.type == UPDATE_UNLIMIT) {
			gateway_limited = false;
		} else if (fx.type == UPDATE_SEND) {
			struct update_message m = fx.send;

			b->now += HALF_TRIP;
			m.to = b->s->path.local;
			hear(b, sa, &m);
		}
	}
}

static inline const struct fake_ike_event *request(void)
{
	const struct fake_ike_event *e = fake_ike_last(IKE_EVENT_NOTIFY);

	assert_non_null(e);
	assert_int_equal(e->notification.type, UPDATE_REQUEST);
	return e;
}

#endif
