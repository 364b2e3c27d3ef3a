/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The product's session and its gateway: every way to connect. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/support/certs.h"
#include "tests/support/gateway_world.h"

#define HOST "10.20.0.7"
#define KEY "a very good key"
#define NAT "203.0.113.5"

/* ---- entries ---- */

/* Clients that bring their own inner addresses. */
static struct gateway_entry *entry_of_addresses(struct gworld *w, const char *identity,
						const char *key)
{
	struct gateway_entry *e = gworld_entry_psk(w, identity, key);

	prefix_parse("10.8.0.0/16", &e->inner[0]);
	e->ninner = 1;
	return e;
}

/* A group of users, as vpnc knows it. */
static struct gateway_entry *entry_of_users(struct gworld *w)
{
	struct gateway_entry *e = gworld_entry_psk(w, "keyid:staff", KEY);

	e->ike.mode = IKE_MODE_AGGRESSIVE;
	e->ike.xauth = true;
	return e;
}

static struct gworld_client *user(struct gworld *w, const struct gateway_entry *e, const char *name,
				  const char *behind)
{
	struct gworld_client *c = gworld_client(w, e, "keyid:staff", behind, true);

	snprintf(c->config.username, sizeof(c->config.username), "%s", name);
	return c;
}

static void connect_and_ping(struct gworld_client *c)
{
	gworld_connect(c);
	gworld_run(c->world, 2 * VTIME_S);
	assert_true(gworld_is_up(c));
	assert_true(gworld_ping(c, HOST));
	assert_true(gworld_ping_back(c));
}

/* ---- one client ---- */

static void main_mode_with_a_key(void **state)
{
	struct gworld *w = gworld_new(1);
	struct gateway_entry *e = entry_of_addresses(w, "laptop@example.com", KEY);
	struct gworld_client *c;

	gworld_start(w);
	assert_int_equal(w->tuns, 1);
	c = gworld_client(w, e, "laptop@example.com", NULL, false);
	connect_and_ping(c);
	assert_int_equal(gworld_info(w).clients, 1);
	assert_int_equal(gworld_info(w).tunnels, 1);
	assert_int_equal(gworld_info(w).half_open, 0);
	assert_string_equal(gworld_peer(w, 0).user, "");
	assert_true(gworld_peer(w, 0).bytes_in > 0);
	gworld_disconnect(c);
	gworld_run(w, 2 * VTIME_S);
	assert_int_equal(gworld_info(w).clients, 0);
	assert_int_equal(gworld_info(w).ikes, 0);
	gworld_free(w);
}

static void aggressive_mode_with_a_user_and_an_address(void **state)
{
	struct gworld *w = gworld_new(2);
	struct gateway_entry *e = entry_of_users(w);
	struct gworld_client *c;

	addr_parse("10.20.0.53", &w->config.dns[0]);
	w->config.ndns = 1;
	w->config.split = true;
	snprintf(w->config.domain, sizeof(w->config.domain), "example.com");
	w->verifying = 300 * VTIME_MS;
	gworld_start(w);
	c = user(w, e, "alice", NULL);
	connect_and_ping(c);
	assert_int_equal(w->asked, 1);
	assert_int_equal(c->asks, 0);
	assert_string_equal(gworld_peer(w, 0).user, "alice");
	assert_true(addr_eq(&gworld_peer(w, 0).inner[0], &c->inner));
	assert_int_equal(c->assigned.ndns, 1);
	assert_string_equal(c->assigned.domain, "example.com");
	assert_true(c->assigned.unity);
	assert_int_equal(c->nroutes, 1);
	/* What answers to probes: the pool's first address, and not what no client may reach. */
	assert_true(pool_range_contains(&w->config.pool[0], &w->tun.tun.inner[0]));
	gworld_free(w);
}

static void both_families(void **state)
{
	struct gworld *w = gworld_new(17);
	struct gateway_entry *e = entry_of_users(w);
	struct gworld_client *c;
	struct addr v6;

	pool_range_parse("fd00:9::/64", &w->config.pool[w->config.npool++]);
	prefix_parse("fd00:20::/64", &w->config.networks[w->config.nnetworks++]);
	gworld_start(w);
	c = user(w, e, "alice", NULL);
	c->config.ike.wish.ip6 = true;
	connect_and_ping(c);
	assert_int_equal(gworld_info(w).leases, 2);
	assert_int_equal(gworld_info(w).tunnels, 2);
	v6 = gworld_peer(w, 0).inner[1];
	assert_true(pool_range_contains(&w->config.pool[1], &v6));
	assert_true(addr_eq(&c->assigned.ip6, &v6));
	assert_int_equal(w->tun.tun.ninner, 2);
	gworld_free(w);
}

static void a_wrong_password(void **state)
{
	struct gworld *w = gworld_new(3);
	struct gateway_entry *e = entry_of_users(w);
	struct gworld_client *c;

	gworld_start(w);
	c = user(w, e, "mallory", NULL);
	gworld_connect(c);
	gworld_run(w, 5 * VTIME_S);
	assert_false(gworld_is_up(c));
	assert_int_equal(c->asks, 1);
	assert_int_equal(gworld_info(w).counters.refused_users, 1);
	assert_int_equal(gworld_info(w).clients, 0);
	/* Who says nothing does not stay for ever. */
	gworld_run(w, 400 * VTIME_S);
	assert_int_equal(gworld_info(w).ikes, 0);
	gworld_free(w);
}

static void three_wrong_passwords_are_the_end(void **state)
{
	struct gworld *w = gworld_new(4);
	struct gateway_entry *e = entry_of_users(w);
	struct session_event ev = { .type = SESSION_EVENT_ANSWER };
	struct gworld_client *c;

	gworld_start(w);
	c = user(w, e, "mallory", NULL);
	gworld_connect(c);
	for (uint32_t id = 1; id < 3; id++) {
		gworld_run(w, VTIME_S);
		assert_int_equal(c->asks, id);
		ev.answer.id = id;
		ev.answer.value[XAUTH_PASSWORD] = SLICE_STR("guess");
		gworld_tell(c, &ev);
		gworld_run(w, VTIME_S);
	}
	gworld_run(w, 5 * VTIME_S);
	assert_int_equal(w->asked, 3);
	assert_int_equal(gworld_info(w).counters.refused_users, 3);
	assert_int_equal(gworld_info(w).clients, 0);
	/* The session begins again, and a person is asked. */
	assert_int_equal(gworld_info(w).ikes, 1);
	assert_int_equal(gworld_info(w).counters.authenticated, 2);
	gworld_free(w);
}

/* A key that fits one name does not fit another. */
static void a_key_for_each_identity(void **state)
{
	struct gworld *w = gworld_new(5);
	struct gateway_entry *one = entry_of_addresses(w, "one@example.com", "first key");
	struct gateway_entry *two = entry_of_addresses(w, "two@example.com", "second key");
	struct gworld_client *a, *b, *thief;

	one->ike.mode = two->ike.mode = IKE_MODE_AGGRESSIVE;
	gworld_start(w);
	a = gworld_client(w, one, "one@example.com", NULL, false);
	b = gworld_client(w, two, "two@example.com", NULL, false);
	thief = gworld_client(w, one, "two@example.com", NULL, false);
	connect_and_ping(a);
	connect_and_ping(b);
	gworld_connect(thief);
	gworld_run(w, 40 * VTIME_S);
	assert_false(gworld_is_up(thief));
	assert_int_equal(gworld_info(w).clients, 2);
	gworld_free(w);
}

/* In main mode the name comes too late to choose the key by it: all are tried. */
static void a_key_for_each_identity_in_main_mode(void **state)
{
	struct gworld *w = gworld_new(16);
	struct gateway_entry *one = entry_of_addresses(w, "one@example.com", "first key");
	struct gateway_entry *two = entry_of_addresses(w, "two@example.com", "second key");
	struct gateway_entry *three = entry_of_addresses(w, "three@example.com", "second key");
	struct gworld_client *a, *b, *c, *thief;

	gworld_start(w);
	a = gworld_client(w, one, "one@example.com", NULL, false);
	b = gworld_client(w, two, "two@example.com", NAT, false);
	c = gworld_client(w, three, "three@example.com", NAT, false);
	thief = gworld_client(w, one, "two@example.com", NULL, false);
	connect_and_ping(c);
	connect_and_ping(a);
	connect_and_ping(b);
	assert_string_equal(gworld_peer(w, 0).entry, "three@example.com");
	assert_string_equal(gworld_peer(w, 2).entry, "two@example.com");
	gworld_connect(thief);
	gworld_run(w, 40 * VTIME_S);
	assert_false(gworld_is_up(thief));
	secret_free(&thief->config.ike.psk);
	secret_set(&thief->config.ike.psk, SLICE_STR("third key"));
	gworld_restart(thief);
	gworld_run(w, 40 * VTIME_S);
	assert_false(gworld_is_up(thief));
	assert_int_equal(gworld_info(w).clients, 3);
	gworld_free(w);
}

static void nobody_takes_what_he_may_not_have(void **state)
{
	struct gworld *w = gworld_new(6);
	struct gateway_entry *e = entry_of_addresses(w, NULL, KEY);
	struct gworld_client *c, *d;

	e->several = true;
	gworld_start(w);
	c = gworld_client(w, e, "one@example.com", NULL, false);
	d = gworld_client(w, e, "two@example.com", NULL, false);
	connect_and_ping(c);
	/* Somebody else's address, one of nobody's, and a network that is not behind the gateway. */
	d->config.tunnels[0].local = c->config.tunnels[0].local;
	gworld_connect(d);
	gworld_run(w, 3 * VTIME_S);
	assert_false(gworld_is_up(d));
	assert_int_equal(gworld_info(w).counters.offers_refused, 1);
	addr_parse("10.7.0.1", &d->config.tunnels[0].local.lo);
	d->config.tunnels[0].local.hi = d->config.tunnels[0].local.lo;
	gworld_restart(d);
	gworld_run(w, 3 * VTIME_S);
	assert_false(gworld_is_up(d));
	d->config.tunnels[0].local.lo = d->config.tunnels[0].local.hi = d->config.inner[0];
	addr_parse("10.21.0.0", &d->config.tunnels[0].remote.lo);
	addr_parse("10.21.255.255", &d->config.tunnels[0].remote.hi);
	gworld_restart(d);
	gworld_run(w, 3 * VTIME_S);
	assert_int_equal(gworld_info(w).counters.offers_refused, 3);
	assert_true(gworld_ping(c, HOST));
	gworld_free(w);
}

/* ---- certificates ---- */

static void certificates(void **state)
{
	struct gworld *w = gworld_new(7);
	struct credentials *gw = certs_load("root.pem", "chain.pem", "leaf.key");
	struct credentials *own = certs_load("root.pem", "direct.pem", "leaf.key");
	struct gateway_entry *e = entry_of_addresses(w, NULL, KEY);
	struct gworld_client *c;

	e->ike.auth = IKE_AUTH_RSA;
	e->ike.credentials = gw;
	e->ike.local = (struct identity){ .type = ID_NONE };
	gworld_start(w);
	c = gworld_client(w, e, NULL, NULL, false);
	c->config.ike.credentials = own;
	identity_parse("vpn.example.com", &c->config.ike.remote);
	connect_and_ping(c);
	assert_int_equal(gworld_peer(w, 0).identity->type, ID_DER_ASN1_DN);
	gworld_free(w);
	credentials_free(own);
	credentials_free(gw);
}

static void hybrid(void **state)
{
	struct gworld *w = gworld_new(8);
	struct credentials *gw = certs_load("root.pem", "chain.pem", "leaf.key");
	struct credentials *ca = certs_load("root.pem", NULL, NULL);
	struct gateway_entry *e = entry_of_users(w);
	struct gworld_client *c;

	e->ike.auth = IKE_AUTH_HYBRID;
	e->ike.credentials = gw;
	e->ike.local = (struct identity){ .type = ID_NONE };
	gworld_start(w);
	c = user(w, e, "alice", NULL);
	c->config.ike.credentials = ca;
	identity_parse("vpn.example.com", &c->config.ike.remote);
	connect_and_ping(c);
	gworld_free(w);
	credentials_free(gw);
	credentials_free(ca);
}

/* ---- many behind one address ---- */

static void two_users_behind_one_address(void **state)
{
	struct gworld *w = gworld_new(9);
	struct gateway_entry *e = entry_of_users(w);
	struct gworld_client *a, *b;

	gworld_start(w);
	a = user(w, e, "alice", NAT);
	b = user(w, e, "alice2", NAT);
	gworld_connect(a);
	connect_and_ping(b);
	assert_true(gworld_ping(a, HOST));
	assert_int_equal(gworld_info(w).clients, 2);
	assert_false(addr_eq(&a->inner, &b->inner));
	gworld_disconnect(a);
	gworld_run(w, 2 * VTIME_S);
	assert_true(gworld_ping(b, HOST));
	assert_int_equal(gworld_info(w).clients, 1);
	gworld_free(w);
}

/* The NAT has one address and, for IKE, one port: cookies tell them apart, and SPIs. */
static void two_behind_one_address_and_port(void **state)
{
	struct gworld *w = gworld_new(10);
	struct gateway_entry *e = entry_of_users(w);
	struct gateway_peer_info one, two;
	struct gworld_client *a, *b;

	gworld_start(w);
	a = user(w, e, "alice", NAT);
	b = user(w, e, "alice2", NAT);
	a->config.ike.transport = b->config.ike.transport = IKE_TRANSPORT_ESP;
	gworld_connect(a);
	connect_and_ping(b);
	assert_true(gworld_ping(a, HOST));
	assert_int_equal(gworld_peer(w, 0).path.encapsulation, ENCAPSULATION_ESP);
	one = gworld_peer(w, 0);
	two = gworld_peer(w, 1);
	assert_true(endpoint_eq(&one.path.remote, &two.path.remote));
	assert_true(a->esp_in > 0 && b->esp_in > 0);
	gworld_free(w);
}

static bool lose_the_clients_esp(struct gworld *w, const struct gworld_datagram *d)
{
	return !d->to && d->dst.port == ESP_PORT_BARE && w->arg;
}

/* What passes such a NAT must be the client's packet first. */
static void raw_esp_waits_for_the_clients_packet(void **state)
{
	struct gworld *w = gworld_new(11);
	struct gateway_entry *e = entry_of_users(w);
	struct gworld_client *c;

	w->lose = lose_the_clients_esp;
	w->arg = w;
	gworld_start(w);
	c = user(w, e, "alice", NAT);
	c->config.ike.transport = IKE_TRANSPORT_ESP;
	gworld_connect(c);
	gworld_run(w, 2 * VTIME_S);
	assert_true(gworld_is_up(c));
	assert_false(gworld_ping_back(c));
	assert_int_equal(c->esp_in, 0);
	/* And then what was held comes. */
	w->arg = NULL;
	gworld_ping(c, HOST);
	gworld_run(w, 5 * VTIME_S);
	assert_int_equal(c->pongs, 2);
	assert_true(gworld_ping_back(c));
	gworld_free(w);
}

/* ---- coming again ---- */

static void the_same_user_has_the_same_address_again(void **state)
{
	struct gworld *w = gworld_new(12);
	struct gateway_entry *e = entry_of_users(w);
	struct gworld_client *a, *b;
	struct addr first;

	gworld_start(w);
	a = user(w, e, "alice", NULL);
	b = user(w, e, "alice2", NULL);
	connect_and_ping(a);
	first = a->inner;
	gworld_disconnect(a);
	gworld_run(w, 60 * VTIME_S);
	assert_int_equal(gworld_info(w).leases, 0);
	connect_and_ping(b);
	assert_false(addr_eq(&b->inner, &first));
	gworld_restart(a);
	gworld_run(w, 2 * VTIME_S);
	assert_true(addr_eq(&a->inner, &first));
	/* A crash: the gateway has not been told, and his old SAs do not stand in his way. */
	gworld_restart(a);
	gworld_run(w, 2 * VTIME_S);
	assert_true(addr_eq(&a->inner, &first));
	assert_true(gworld_ping(a, HOST));
	assert_true(gworld_ping_back(a));
	assert_int_equal(gworld_info(w).clients, 2);
	gworld_free(w);
}

static void several_connections_of_one_user(void **state)
{
	struct gworld *w = gworld_new(13);
	struct gateway_entry *e = entry_of_users(w);
	struct gworld_client *a, *b;

	e->several = true;
	gworld_start(w);
	a = user(w, e, "alice", NULL);
	b = user(w, e, "alice", NULL);
	connect_and_ping(a);
	connect_and_ping(b);
	assert_int_equal(gworld_info(w).clients, 2);
	assert_false(addr_eq(&a->inner, &b->inner));
	/* From another port of his NAT, and he asks for what he had. */
	a->gone = true;
	gworld_run(w, VTIME_S);
	addr_parse("203.0.113.9", &a->seen);
	a->gone = false;
	a->config.ike.wish.held[0] = a->inner;
	gworld_restart(a);
	gworld_run(w, 3 * VTIME_S);
	assert_true(gworld_is_up(a));
	assert_int_equal(gworld_info(w).clients, 2);
	assert_true(gworld_ping(a, HOST));
	assert_true(gworld_ping_back(a));
	assert_true(gworld_ping(b, HOST));
	gworld_free(w);
}

/* ---- probe targets ---- */

static void the_gateway_has_its_own_addresses(void **state)
{
	struct gworld *w = gworld_new(14);
	struct gateway_entry *e = entry_of_users(w);
	struct gworld_client *c;

	gworld_start(w);
	c = user(w, e, "alice", NULL);
	connect_and_ping(c); /* everything goes through the tunnel */
	assert_true(gworld_ping(c, "192.0.2.1"));
	assert_true(gworld_ping(c, "10.9.0.1"));
	gworld_free(w);
}

static void the_end(void **state)
{
	struct gworld *w = gworld_new(15);
	struct gateway_entry *e = entry_of_users(w);
	struct gworld_client *c;

	gworld_start(w);
	c = user(w, e, "alice", NULL);
	connect_and_ping(c);
	gworld_tell_gateway(w, &(struct gateway_event){ .type = GATEWAY_EVENT_STOP });
	gworld_run(w, VTIME_S);
	assert_int_equal(w->dones, 1);
	assert_int_equal(gworld_info(w).clients, 0);
	assert_false(gworld_is_up(c));
	gworld_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(main_mode_with_a_key),
		cmocka_unit_test(aggressive_mode_with_a_user_and_an_address),
		cmocka_unit_test(both_families),
		cmocka_unit_test(a_wrong_password),
		cmocka_unit_test(three_wrong_passwords_are_the_end),
		cmocka_unit_test(a_key_for_each_identity),
		cmocka_unit_test(a_key_for_each_identity_in_main_mode),
		cmocka_unit_test(nobody_takes_what_he_may_not_have),
		cmocka_unit_test(certificates),
		cmocka_unit_test(hybrid),
		cmocka_unit_test(two_users_behind_one_address),
		cmocka_unit_test(two_behind_one_address_and_port),
		cmocka_unit_test(raw_esp_waits_for_the_clients_packet),
		cmocka_unit_test(the_same_user_has_the_same_address_again),
		cmocka_unit_test(several_connections_of_one_user),
		cmocka_unit_test(the_gateway_has_its_own_addresses),
		cmocka_unit_test(the_end),
	};

	if (crypto_init() != 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
