/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The bodies of IPADDRESS_UPDATE, and both engines with one notification after the other. Each one in
 * the input is a byte for its type, one for how it comes, two for its length, and its data.
 */
#include "mobility/update.h"

#include <stdlib.h>

static const uint16_t types[] = {
	UPDATE_REQUEST, UPDATE_REQUEST6, UPDATE_ACK,   UPDATE_ACK6,
	UPDATE_NACK,	UPDATE_NACK6,	 UPDATE_CHECK, UPDATE_CHECK_REPLY
};
static const uint32_t spis[] = { 0xc1a5e001, 0xc1a5e002 };

static void require(bool truth)
{
	if (!truth)
		abort();
}

static struct endpoint at(const char *text)
{
	struct endpoint e = { .port = UPDATE_PORT };

	require(addr_parse(text, &e.addr));
	return e;
}

/* What can be read is written as it was. */
static void check_body(uint16_t type, struct slice data)
{
	uint8_t out[UPDATE_BODY_MAX], check_out[UPDATE_CHECK_SIZE];
	struct update_check check;
	struct update_body b;

	if (update_parse(type, data, &b) == 0) {
		size_t n = update_write(&b, out);

		require(slice_eq(data, slice(out, n)));
		require(UPDATE_HEAD_SIZE + n == (update_is_ip6(&b) ? 49 : 25) + 4 * b.n);
	}
	if (update_check_parse(data, &check) == 0) {
		update_check_write(&check, check_out);
		require(slice_eq(data, SLICE_OF(check_out)));
	}
}

static void pull_gateway(struct update_gateway *g, const struct update_notified *n)
{
	struct update_effect fx;
	unsigned count = 0;

	while (update_gateway_output(g, &fx)) {
		require(++count <= 5);
		require(fx.type == UPDATE_STOP || fx.type == UPDATE_SEND ||
			fx.type == UPDATE_MOVE || fx.type == UPDATE_UNLIMIT);
		if (fx.type == UPDATE_SEND)
			require(fx.send.data.n <= UPDATE_BODY_MAX && fx.send.to.port);
		if (fx.type == UPDATE_MOVE)
			require(addr_is_host(&fx.move.path.remote.addr) && fx.move.spis.n <= 255);
	}
	require(n->newest || count == 0);
	require(g->limited == g->checking);
}

static void pull_client(struct update_client *c)
{
	struct update_effect fx;
	unsigned count = 0;

	while (update_client_output(c, &fx)) {
		require(++count <= 5);
		if (fx.type == UPDATE_SEND)
			check_body(fx.send.type, fx.send.data);
		if (fx.type == UPDATE_BOUND)
			require(fx.bound.spis.n <= ARRAY_SIZE(spis));
		if (fx.type == UPDATE_RENEW)
			require(fx.renew.n && fx.renew.n <= ARRAY_SIZE(spis));
	}
}

/* Ask for a way when there is nothing in the air. */
static void client_moves(struct update_client *c, vtime now)
{
	struct update_client_event ev = { .type = UPDATE_CLIENT_MOVE };

	if (c->in_air)
		return;
	ev.move.old = at("192.0.2.10").addr;
	ev.move.from = at("198.51.100.23");
	ev.move.to = at("203.0.113.1");
	ev.move.spis = (struct update_spis){ spis, ARRAY_SIZE(spis) };
	update_client_event(c, now, &ev);
	pull_client(c);
}

static struct update_notified notified(uint8_t type, uint8_t how, struct slice data)
{
	static const char *const from[] = { "198.51.100.23", "192.0.2.10", "2001:db8::23",
					    "224.0.0.1" };
	struct update_notified n = {
		.type = types[type % ARRAY_SIZE(types)],
		.data = data,
		.from = at(from[how & 3]),
		.to = at("203.0.113.1"),
		.newest = !(how & 4),
		.natd = !(how & 8),
		.peer_nat = how & 16,
		.own_nat = how & 32,
	};

	n.from.port = (uint16_t)(n.from.port + (how >> 7));
	return n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct update_spis known = { spis, ARRAY_SIZE(spis) };
	const struct update_policy policy = { .roaming = true, .ip4 = true, .ip6 = true };
	const struct path path = { .local = at("203.0.113.1"), .remote = at("192.0.2.10") };
	static struct update_gateway g;
	static struct update_client c;
	struct update_client_event ev = { .type = UPDATE_CLIENT_SA, .supported = true };
	struct rng_seed seed;
	struct rng rng = rng_seeded(&seed, 1);
	vtime now = VTIME_S;
	struct rd r;

	update_gateway_init(&g, &policy, &path);
	memset(&c, 0, sizeof(c));
	update_client_init(&c, false);
	update_client_event(&c, now, &ev);
	rd_init(&r, slice(data, size));
	while (rd_left(&r)) {
		uint8_t type = rd_u8(&r), how = rd_u8(&r);
		uint16_t n = rd_u16(&r);
		struct slice body = rd_slice(&r, n < rd_left(&r) ? n : rd_left(&r));

		client_moves(&c, now);
		ev.type = UPDATE_CLIENT_NOTIFY;
		ev.notify = notified(type, how, body);
		check_body(ev.notify.type, body);
		update_client_event(&c, now, &ev);
		pull_client(&c);
		update_gateway_notify(&g, now, &rng, &ev.notify, &known);
		pull_gateway(&g, &ev.notify);
		now += VTIME_S;
		update_gateway_timeout(&g, now);
		ev.notify.newest = true;
		pull_gateway(&g, &ev.notify);
	}
	return 0;
}
