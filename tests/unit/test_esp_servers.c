/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which server a packet goes to: the second classifier of the seeds' figure 5. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include "esp/servers.h"
#include "tests/unit/wire_parts.h"

#define SERVICE 0x0a140064 /* 10.20.0.100 */
#define CLIENT 0x0a090002
#define FAR_CLIENT 0x0a090003
#define NOW (1000000 * VTIME_S)
#define THREADS 4
#define FLOWS 500

static uint8_t buf[WIRE_MAX];

static const struct wire udp = { .ttl = 64, .src = CLIENT, .dst = SERVICE, .dport = 53 };
static const struct wire tcp = {
	.tcp = true, .ttl = 64, .src = CLIENT, .dst = SERVICE, .dport = 80, .flags = WIRE_ACK
};

/* Servers of these services, one for each word. */
static struct servers *servers_of(enum dispatch_select select, const char *services)
{
	struct servers_config c = { .select = select };
	struct rng_seed seed;
	struct rng rng = rng_seeded(&seed, 1);
	char text[200], *rest = text, *word;

	snprintf(text, sizeof(text), "%s", services);
	while ((word = strtok_r(rest, " ", &rest)))
		assert_true(prefix_parse(word, &c.service[c.n++]));
	return servers_new(&c, &rng);
}

static int ask_at(struct servers *s, vtime now, const struct wire *w)
{
	return servers_choose(s, now, slice(buf, wire_build(w, SLICE_STR("12345678"), buf)));
}

static int ask(struct servers *s, const struct wire *w)
{
	return ask_at(s, NOW, w);
}

static int ask_udp(struct servers *s, vtime now, uint16_t sport)
{
	struct wire w = udp;

	w.sport = sport;
	return ask_at(s, now, &w);
}

static int ask_tcp(struct servers *s, vtime now, uint16_t sport, uint8_t flags)
{
	struct wire w = tcp;

	w.sport = sport;
	w.flags = flags;
	return ask_at(s, now, &w);
}

static uint64_t live(const struct servers *s, unsigned server)
{
	return servers_counters(s, server).live;
}

/* ---- by destination, and by the rule ---- */

static void two_servers_with_one_service_address_each_flow_stays_with_its_server(void **state)
{
	const enum dispatch_select rules[] = { DISPATCH_ROUND_ROBIN, DISPATCH_LEAST_LOAD };

	for (unsigned r = 0; r < ARRAY_SIZE(rules); r++) {
		struct servers *s = servers_of(rules[r], "10.20.0.100 10.20.0.100");
		int first[100];
		unsigned second = 0;

		for (uint16_t i = 0; i < 100; i++) {
			first[i] = ask_tcp(s, NOW, i, WIRE_SYN);
			second += first[i] == 1;
		}
		assert_int_equal(second, 50);
		for (unsigned turn = 1; turn < 20; turn++)
			for (uint16_t i = 0; i < 100; i++)
				assert_int_equal(ask_tcp(s, NOW + turn * VTIME_S, i, WIRE_ACK),
						 first[i]);
		for (unsigned i = 0; i < 2; i++) {
			assert_int_equal(servers_counters(s, i).flows, 50);
			assert_int_equal(servers_counters(s, i).packets, 50 * 20);
			assert_int_equal(servers_counters(s, i).bytes, 50 * 20 * 48);
		}
		servers_free(s);
	}
}

static void the_destination_names_the_server(void **state)
{
	struct servers *s =
		servers_of(DISPATCH_ROUND_ROBIN, "10.20.0.0/24 10.20.0.100 10.20.1.7 2001:db8::64");
	struct wire w = udp;

	for (uint16_t i = 0; i < 50; i++) {
		w.sport = i;
		w.dst = SERVICE;
		assert_int_equal(ask(s, &w), 1);
		w.dst = SERVICE + 1;
		assert_int_equal(ask(s, &w), 0);
		w.dst = 0x0a140107;
		assert_int_equal(ask(s, &w), 2);
		w.dst = 0x0a140108;
		assert_int_equal(ask(s, &w), SERVERS_NONE);
		w.ip6 = true;
		w.dst = 0x64;
		assert_int_equal(ask(s, &w), 3);
		w.dst = 0x65;
		assert_int_equal(ask(s, &w), SERVERS_NONE);
		w.ip6 = false;
	}
	assert_int_equal(servers_counters(s, 0).flows, 50);
	servers_free(s);
}

static void round_robin_is_exact(void **state)
{
	struct servers *s =
		servers_of(DISPATCH_ROUND_ROBIN, "10.20.0.100 10.20.1.7 10.20.0.100 10.20.0.100");
	static const int turns[] = { 0, 2, 3 };

	for (uint16_t i = 0; i < 300; i++) {
		assert_int_equal(ask_udp(s, NOW, i), turns[i % 3]);
		/* What is known takes nobody's turn. */
		assert_int_equal(ask_udp(s, NOW, i), turns[i % 3]);
	}
	servers_free(s);
}

/* Flows come and end at random: the next goes to one of those that have the fewest. */
static void least_load_is_exact(void **state)
{
	struct servers *s = servers_of(DISPATCH_LEAST_LOAD, "10.20.0.100 10.20.0.100 10.20.0.100");
	struct rng_seed seed;
	struct rng rng = rng_seeded(&seed, 3);
	unsigned load[3] = { 0 };
	int of[FLOWS];

	memset(of, -1, sizeof(of));
	for (unsigned i = 0; i < 20000; i++) {
		uint16_t flow = (uint16_t)rng_below(&rng, FLOWS);
		unsigned least = load[0] < load[1] ? load[0] : load[1];

		least = load[2] < least ? load[2] : least;
		if (of[flow] < 0) {
			of[flow] = ask_tcp(s, NOW, flow, WIRE_SYN);
			assert_int_equal(load[of[flow]]++, least);
		} else {
			assert_int_equal(ask_tcp(s, NOW, flow, WIRE_FIN | WIRE_ACK), of[flow]);
			load[of[flow]]--;
			of[flow] = -1;
		}
		for (unsigned k = 0; k < 3; k++)
			assert_int_equal(live(s, k), load[k]);
	}
	servers_free(s);
}

/* Nobody's turn comes twice while all are equally loaded. */
static void equal_load_goes_round(void **state)
{
	struct servers *s = servers_of(DISPATCH_LEAST_LOAD, "10.20.0.100 10.20.0.100");

	for (uint16_t i = 0; i < 20; i++) {
		assert_int_equal(ask_tcp(s, NOW, i, WIRE_SYN), i % 2);
		assert_int_equal(ask_tcp(s, NOW, i, WIRE_RST), i % 2);
	}
	servers_free(s);
}

static void what_differs_is_another_flow(void **state)
{
	struct servers *s = servers_of(DISPATCH_ROUND_ROBIN, "10.20.0.0/16 10.20.0.0/16");
	struct wire w[5] = { udp, udp, udp, udp, udp };

	w[1].sport++;
	w[2].dport++;
	w[3].src++;
	w[4].dst++;
	for (int i = 0; i < 5; i++)
		assert_int_equal(ask(s, &w[i]), i % 2);
	w[0].tcp = true;
	assert_int_equal(ask(s, &w[0]), 1);
	servers_free(s);
}

/* ---- lives ---- */

/* Asked for again just before its end, it lives; just behind, it is another flow. */
static void lives_for(struct servers *s, uint16_t port, int server, bool stream, unsigned seconds)
{
	vtime at = NOW + 10 * VTIME_S;

	for (unsigned i = 0; i < 3; i++, at += (seconds - 1) * VTIME_S)
		assert_int_equal(stream ? ask_tcp(s, at, port, WIRE_ACK) : ask_udp(s, at, port),
				 server);
	at += VTIME_S;
	assert_int_equal(stream ? ask_tcp(s, at, port, WIRE_ACK) : ask_udp(s, at, port), !server);
}

static void a_silent_flow_ends(void **state)
{
	struct servers *s = servers_of(DISPATCH_ROUND_ROBIN, "10.20.0.100 10.20.0.100");

	assert_int_equal(ask_udp(s, NOW, 1), 0);
	assert_int_equal(ask_udp(s, NOW + 29 * VTIME_S, 2), 1);
	assert_int_equal(ask_udp(s, NOW + 30 * VTIME_S, 1), 0); /* one packet is worth 30 s */
	assert_int_equal(ask_udp(s, NOW + 30 * VTIME_S, 2), 1);
	servers_free(s);

	s = servers_of(DISPATCH_ROUND_ROBIN, "10.20.0.100 10.20.0.100");
	assert_int_equal(ask_udp(s, NOW, 1), 0);
	lives_for(s, 1, 0, false, 300);
	servers_free(s);

	s = servers_of(DISPATCH_ROUND_ROBIN, "10.20.0.100 10.20.0.100");
	assert_int_equal(ask_tcp(s, NOW, 1, WIRE_SYN), 0);
	assert_int_equal(ask_tcp(s, NOW + 29 * VTIME_S, 1, WIRE_SYN), 0);
	lives_for(s, 1, 0, true, 2 * 3600 + 240);
	servers_free(s);
}

static void what_has_expired_is_no_load(void **state)
{
	struct servers *s = servers_of(DISPATCH_LEAST_LOAD, "10.20.0.100 10.20.0.100");
	vtime later = NOW + (30 + SERVERS_SWEEP_S) * VTIME_S;

	for (uint16_t i = 0; i < 100; i++)
		ask_udp(s, NOW, i);
	assert_int_equal(live(s, 0) + live(s, 1), 100);
	ask_udp(s, later, 1000);
	assert_int_equal(live(s, 0) + live(s, 1), 1);
	servers_free(s);
}

static void a_connection_that_ends_is_no_load_and_stays(void **state)
{
	struct servers *s = servers_of(DISPATCH_ROUND_ROBIN, "10.20.0.100 10.20.0.100");

	assert_int_equal(ask_tcp(s, NOW, 1, WIRE_SYN), 0);
	assert_int_equal(ask_tcp(s, NOW, 1, WIRE_SYN), 0); /* sent again */
	assert_int_equal(ask_tcp(s, NOW, 1, WIRE_ACK), 0);
	assert_int_equal(live(s, 0), 1);
	assert_int_equal(ask_tcp(s, NOW, 1, WIRE_FIN | WIRE_ACK), 0);
	assert_int_equal(live(s, 0), 0);
	assert_int_equal(ask_tcp(s, NOW, 1, WIRE_FIN | WIRE_ACK), 0);
	assert_int_equal(ask_tcp(s, NOW, 1, WIRE_ACK), 0);
	assert_int_equal(live(s, 0), 0);
	/* The same ports are used anew. */
	assert_int_equal(ask_tcp(s, NOW, 1, WIRE_SYN), 1);
	assert_int_equal(live(s, 1), 1);
	assert_int_equal(servers_counters(s, 0).flows + servers_counters(s, 1).flows, 2);
	servers_free(s);
}

/* More flows than there is room for: all are served, and what came once goes before what lasts. */
static void a_full_table(void **state)
{
	struct servers *s = servers_of(DISPATCH_ROUND_ROBIN, "10.20.0.100 10.20.0.100");
	struct wire w = udp;
	int kept[FLOWS];
	unsigned moved = 0;

	for (uint16_t i = 0; i < FLOWS; i++) {
		kept[i] = ask_tcp(s, NOW, i, WIRE_SYN);
		ask_tcp(s, NOW, i, WIRE_ACK);
	}
	for (unsigned i = 0; i < 3 * SERVERS_FLOWS; i++) {
		w.src = 0x0a0a0000 + i;
		assert_true(ask(s, &w) >= 0);
	}
	assert_true(live(s, 0) + live(s, 1) <= SERVERS_FLOWS);
	assert_true(live(s, 0) + live(s, 1) > SERVERS_FLOWS * 9 / 10);
	for (uint16_t i = 0; i < FLOWS; i++)
		moved += ask_tcp(s, NOW, i, WIRE_ACK) != kept[i];
	assert_int_equal(moved, 0);
	servers_free(s);
}

/* ---- servers that are not there ---- */

static void flows_of_a_server_that_goes_go_to_others_and_stay_there(void **state)
{
	struct servers *s = servers_of(DISPATCH_ROUND_ROBIN, "10.20.0.100 10.20.0.100 10.20.0.100");
	int was[30], is[30];

	for (uint16_t i = 0; i < 30; i++)
		was[i] = ask_udp(s, NOW, i);
	servers_set_there(s, 1, false);
	for (uint16_t i = 0; i < 30; i++) {
		is[i] = ask_udp(s, NOW, i);
		assert_int_not_equal(is[i], 1);
		if (was[i] != 1)
			assert_int_equal(is[i], was[i]);
	}
	assert_int_equal(live(s, 0), 15);
	assert_int_equal(live(s, 1), 0);
	assert_int_equal(live(s, 2), 15);
	servers_set_there(s, 1, true);
	for (uint16_t i = 0; i < 30; i++)
		assert_int_equal(ask_udp(s, NOW, i), is[i]);
	servers_free(s);
}

static void without_a_server_the_routing_table_decides(void **state)
{
	struct servers *s =
		servers_of(DISPATCH_ROUND_ROBIN, "10.20.0.100 10.20.0.100 10.20.0.0/24");

	servers_set_there(s, 0, false);
	assert_int_equal(ask_udp(s, NOW, 1), 1);
	servers_set_there(s, 1, false);
	assert_false(servers_there(s, 1));
	/* The wider service is another one. */
	assert_int_equal(ask_udp(s, NOW, 1), SERVERS_NONE);
	servers_set_there(s, 1, true);
	assert_int_equal(ask_udp(s, NOW, 1), 1);
	servers_free(s);
}

/* ---- fragments ---- */

static int ask_fragment(struct servers *s, uint16_t sport, uint16_t id, uint16_t fragment)
{
	struct wire w = udp;

	w.sport = sport;
	w.id = id;
	w.fragment = fragment;
	return ask(s, &w);
}

#define FIRST 0x2000 /* more fragments */
#define LAST 1 /* eight bytes before it */

static void fragments_go_with_their_flow(void **state)
{
	struct servers *s = servers_of(DISPATCH_ROUND_ROBIN, "10.20.0.100 10.20.0.100");

	for (uint16_t flow = 0; flow < 20; flow++)
		assert_int_equal(ask_udp(s, NOW, flow), flow % 2);
	for (uint16_t id = 0; id < 200; id++) {
		int server = ask_fragment(s, id % 20, id, FIRST);

		assert_int_equal(server, id % 20 % 2);
		/* Its ports are payload: no flow's. */
		assert_int_equal(ask_fragment(s, (uint16_t)(id + 1), id, FIRST | LAST), server);
		assert_int_equal(ask_fragment(s, (uint16_t)(id + 2), id, LAST + 1), server);
	}
	assert_int_equal(servers_counters(s, 0).flows + servers_counters(s, 1).flows, 20);
	servers_free(s);
}

/* Of each datagram the last fragment comes first. */
static void fragments_that_overtake_stay_together(void **state)
{
	struct servers *s = servers_of(DISPATCH_ROUND_ROBIN, "10.20.0.100 10.20.0.100");
	int server;

	for (uint16_t id = 0; id < 50; id++) {
		server = ask_fragment(s, 9, id, LAST);
		assert_int_equal(ask_fragment(s, 7, id, FIRST), server);
	}
	/* From then on there is a datagram to go by. */
	server = ask_fragment(s, 7, 100, FIRST);
	for (uint16_t id = 101; id < 150; id++)
		assert_int_equal(ask_fragment(s, 9, id, LAST), server);
	assert_int_equal(ask_udp(s, NOW, 7), server);
	servers_free(s);
}

static int ask_fragment6(struct servers *s, uint16_t sport, uint32_t id, uint16_t fragment)
{
	struct wire w = udp;
	uint8_t packet[200];
	struct wr r;
	uint32_t n;

	w.ip6 = true;
	w.dst = 0x64;
	w.sport = sport;
	n = wire_build(&w, SLICE_STR("12345678"), buf);
	wr_init(&r, packet, sizeof(packet));
	wr_slice(&r, slice(buf, 40));
	wr_patch_u16(&r, 4, (uint16_t)(n - 40 + 8));
	wr_u8(&r, 17);
	wr_u8(&r, 0);
	wr_u16(&r, fragment);
	wr_u32(&r, id);
	wr_slice(&r, slice(buf + 40, n - 40));
	packet[6] = 44;
	return servers_choose(s, NOW, wr_done(&r));
}

static void fragments_of_ip6(void **state)
{
	struct servers *s = servers_of(DISPATCH_ROUND_ROBIN, "2001:db8::64 2001:db8::64");

	for (uint16_t id = 0; id < 50; id++) {
		assert_int_equal(ask_fragment6(s, id, id, 1), id % 2);
		assert_int_equal(ask_fragment6(s, 999, id, 16 | 1), id % 2);
		assert_int_equal(ask_fragment6(s, 998, id, 32), id % 2);
		/* What is alone in its fragment header is no fragment. */
		assert_int_equal(ask_fragment6(s, id, id + 1000U, 0), id % 2);
	}
	servers_free(s);
}

/* ---- ICMP ---- */

static int ask_icmp4(struct servers *s, uint8_t type, uint16_t id, struct slice quote)
{
	uint8_t packet[200];
	struct wr r;

	wr_init(&r, packet, sizeof(packet));
	wr_u32(&r, 0x45000000 | (uint32_t)(28 + quote.n));
	wr_u32(&r, 0);
	wr_u32(&r, 0x40010000);
	wr_u32(&r, FAR_CLIENT);
	wr_u32(&r, SERVICE);
	wr_u8(&r, type);
	wr_u8(&r, 0);
	wr_u16(&r, 0);
	wr_u16(&r, id);
	wr_u16(&r, 0);
	wr_slice(&r, quote);
	return servers_choose(s, NOW, wr_done(&r));
}

/* A packet of the server's to the client, with eight bytes behind its header, or 40. */
static struct slice answer_quoted(uint16_t port, bool ip6)
{
	struct wire w = tcp;

	w.ip6 = ip6;
	w.src = SERVICE;
	w.dst = CLIENT;
	w.sport = 80;
	w.dport = port;
	wire_build(&w, SLICE_NONE, buf);
	return slice(buf, ip6 ? 48 : 28);
}

static void an_icmp_error_goes_where_the_flow_goes_that_it_quotes(void **state)
{
	struct servers *s = servers_of(DISPATCH_ROUND_ROBIN, "10.20.0.100 10.20.0.100");

	for (uint16_t i = 0; i < 20; i++)
		assert_int_equal(ask_tcp(s, NOW, i, WIRE_SYN), i % 2);
	for (unsigned turn = 0; turn < 2; turn++)
		for (uint16_t i = 0; i < 20; i++)
			assert_int_equal(ask_icmp4(s, 3, 0, answer_quoted(i, false)), i % 2);
	assert_int_equal(servers_counters(s, 0).flows + servers_counters(s, 1).flows, 20);
	/* It is a flow of its own where it quotes none, or only begins to. */
	for (size_t n = 0; n <= 28; n++)
		assert_true(ask_icmp4(s, 3, 0, slice(answer_quoted(99, false).p, n)) >= 0);
	assert_int_equal(servers_counters(s, 0).flows + servers_counters(s, 1).flows, 21);
	servers_free(s);
}

static void an_icmp_error_of_ip6(void **state)
{
	struct servers *s = servers_of(DISPATCH_ROUND_ROBIN, "2001:db8::64 2001:db8::64");
	uint8_t packet[200], quote[48];
	struct wire w = tcp;
	struct wr r;

	w.ip6 = true;
	w.dst = 0x64;
	for (uint16_t i = 0; i < 20; i++) {
		w.sport = i;
		assert_int_equal(ask(s, &w), i % 2);
	}
	for (uint16_t i = 0; i < 20; i++) {
		w.sport = i;
		wire_build(&w, SLICE_NONE, buf);
		wr_init(&r, quote, sizeof(quote));
		wr_slice(&r, slice(buf, 8));
		wr_slice(&r, slice(buf + 24, 16));
		wr_slice(&r, slice(buf + 8, 16));
		wr_u16(&r, 80);
		wr_u16(&r, i);
		wr_u32(&r, 0);
		wr_init(&r, packet, sizeof(packet));
		wr_slice(&r, slice(buf, 40));
		wr_patch_u16(&r, 4, 8 + sizeof(quote));
		wr_u32(&r, 0x02000000);
		wr_u32(&r, 1280);
		wr_slice(&r, slice(quote, sizeof(quote)));
		packet[6] = 58;
		assert_int_equal(servers_choose(s, NOW, wr_done(&r)), i % 2);
	}
	assert_int_equal(servers_counters(s, 0).flows + servers_counters(s, 1).flows, 20);
	servers_free(s);
}

static void echo_requests_stay_by_their_identifier(void **state)
{
	struct servers *s = servers_of(DISPATCH_ROUND_ROBIN, "10.20.0.100 10.20.0.100");

	for (unsigned turn = 0; turn < 3; turn++)
		for (uint16_t id = 0; id < 20; id++)
			assert_int_equal(ask_icmp4(s, 8, id, SLICE_STR("ping")), id % 2);
	servers_free(s);
}

/* ---- strangers, and threads ---- */

static void anything_may_be_in_a_packet(void **state)
{
	struct servers *s = servers_of(DISPATCH_ROUND_ROBIN, "0.0.0.0/0 ::/0 0.0.0.0/0");
	struct rng_seed seed;
	struct rng rng = rng_seeded(&seed, 5);
	static const uint8_t protos[] = { 1, 6, 17, 44, 58, 132, 0, 60 };
	uint8_t *bytes;

	for (unsigned i = 0; i < 200000; i++) {
		size_t n = 1 + rng_below(&rng, 120);
		int server;

		/* In a block of its own, so that a byte too far is noticed. */
		bytes = malloc(n);
		rng_fill(&rng, bytes, n);
		bytes[0] = i % 2 ? 0x60 : (uint8_t)(0x45 + rng_below(&rng, 2));
		if (n > 6)
			put_be16(bytes + (i % 2 ? 4 : 2), (uint16_t)(n - (i % 2 ? 40 : 0)));
		if (n > 9)
			bytes[i % 2 ? 6 : 9] = protos[rng_below(&rng, ARRAY_SIZE(protos))];
		server = servers_choose(s, NOW + i * VTIME_MS, slice(bytes, n));
		assert_in_range(server + 1, 0, 3);
		free(bytes);
	}
	servers_free(s);
}

static void *hammer(void *arg)
{
	struct servers *s = arg;
	uint8_t mine[200];
	struct wire w = udp;

	for (unsigned turn = 0; turn < 20; turn++)
		for (uint16_t i = 0; i < FLOWS; i++) {
			w.sport = i;
			w.dst = SERVICE + turn;
			if (servers_choose(s, NOW, slice(mine, wire_build(&w, SLICE_NONE, mine))) <
			    0)
				return arg;
		}
	return NULL;
}

/* Several threads meet the same flows at once: each flow is counted once, and has one server. */
static void threads_agree(void **state)
{
	struct servers *s =
		servers_of(DISPATCH_LEAST_LOAD, "10.20.0.0/16 10.20.0.0/16 10.20.0.0/16");
	pthread_t threads[THREADS];
	uint64_t packets = 0, flows = 0, all = 0;
	void *failed;

	for (unsigned i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, hammer, s), 0);
	for (unsigned i = 0; i < THREADS; i++) {
		assert_int_equal(pthread_join(threads[i], &failed), 0);
		assert_null(failed);
	}
	for (unsigned i = 0; i < 3; i++) {
		packets += servers_counters(s, i).packets;
		flows += servers_counters(s, i).flows;
		all += live(s, i);
	}
	assert_int_equal(packets, THREADS * 20 * FLOWS);
	assert_int_equal(flows, 20 * FLOWS);
	assert_int_equal(all, 20 * FLOWS);
	servers_free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			two_servers_with_one_service_address_each_flow_stays_with_its_server),
		cmocka_unit_test(the_destination_names_the_server),
		cmocka_unit_test(round_robin_is_exact),
		cmocka_unit_test(least_load_is_exact),
		cmocka_unit_test(equal_load_goes_round),
		cmocka_unit_test(what_differs_is_another_flow),
		cmocka_unit_test(a_silent_flow_ends),
		cmocka_unit_test(what_has_expired_is_no_load),
		cmocka_unit_test(a_connection_that_ends_is_no_load_and_stays),
		cmocka_unit_test(a_full_table),
		cmocka_unit_test(flows_of_a_server_that_goes_go_to_others_and_stay_there),
		cmocka_unit_test(without_a_server_the_routing_table_decides),
		cmocka_unit_test(fragments_go_with_their_flow),
		cmocka_unit_test(fragments_that_overtake_stay_together),
		cmocka_unit_test(fragments_of_ip6),
		cmocka_unit_test(an_icmp_error_goes_where_the_flow_goes_that_it_quotes),
		cmocka_unit_test(an_icmp_error_of_ip6),
		cmocka_unit_test(echo_requests_stay_by_their_identifier),
		cmocka_unit_test(anything_may_be_in_a_packet),
		cmocka_unit_test(threads_agree),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
