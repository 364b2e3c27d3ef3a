/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Packets through the data threads in pieces of many, both ways. */
#include "threads_parts.h"
#include "wire_parts.h"

#define ROUNDS 60

static uint8_t payload[60000];
static uint8_t super[WIRE_MAX], segment[WIRE_MAX], got[sizeof(struct vnet) + WIRE_MAX];
static uint8_t intake_arena[NET_INTAKE_ARENA];

/* What the peer has received and opened: segments, one behind the other. */
struct received {
	struct net_intake intake;
	struct esp_in *sa;
	unsigned n;
};

static const struct wire flow = {
	.tcp = true,
	.ttl = 64,
	.fragment = 0x4000,
	.src = 0x0a010001,
	.dst = 0x0a020001,
	.sport = 1000,
	.dport = 2000,
	.flags = WIRE_ACK,
};

static struct slice payload_of(size_t n)
{
	for (size_t i = 0; i < n; i++)
		payload[i] = (uint8_t)(i * 7 + i / 251);
	return slice(payload, n);
}

static void put_super(const struct bed *b, const struct wire *w, struct slice bytes, uint16_t size)
{
	struct vnet vnet;
	uint32_t len = wire_super(w, bytes, size, super, &vnet);

	memcpy(got, &vnet, sizeof(vnet));
	memcpy(got + sizeof(vnet), super, len);
	assert_int_equal(write(b->tun, got, sizeof(vnet) + len), sizeof(vnet) + len);
}

/* The peer opens what comes, in order, and sends it back sealed anew. */
static void reflect(struct bed *b, struct received *r, const struct wire *w, struct slice bytes,
		    uint16_t size)
{
	struct parts_batch *store = xcalloc(1, sizeof(*store));
	struct path back = { .remote = b->natt, .encapsulation = ENCAPSULATION_UDP };
	struct batch views, *batch = parts_batch(store);
	uint8_t next;
	enum drop why;

	while (net_intake_take(&r->intake, &views)) {
		batch_reset(batch);
		for (unsigned i = 0; i < views.n; i++, r->n++) {
			struct pkt *p = &views.pkts[i];
			uint32_t len = wire_segment(w, bytes, size, r->n, segment);

			assert_int_equal(esp_open(r->sa, p, &next, &why), 0);
			assert_true(slice_eq(pkt_slice(p), slice(segment, len)));
			p = parts_take(batch, slice(segment, len));
			assert_int_equal(esp_seal(b->gateway, p, 4), 0);
			p->path = &back;
		}
		assert_int_equal(net_socket_send_batch(&b->peer, batch->pkts, batch->n), batch->n);
	}
	free(store);
}

/* All of the payload comes out of the device again, in order; how many writes it took. */
static unsigned expect_payload(const struct bed *b, const struct wire *w, struct slice bytes)
{
	size_t at = 0, headers = wire_headers(w);
	unsigned writes = 0;
	ssize_t n;

	for (; at < bytes.n; writes++) {
		assert_true(readable(b->tun));
		n = read(b->tun, got, sizeof(got));
		assert_true(n > (ssize_t)(sizeof(struct vnet) + headers));
		n -= (ssize_t)(sizeof(struct vnet) + headers);
		assert_true(at + (size_t)n <= bytes.n);
		assert_memory_equal(got + sizeof(struct vnet) + headers, bytes.p + at, (size_t)n);
		at += (size_t)n;
	}
	return writes;
}

static void through(const struct wire *w, size_t n, uint16_t size)
{
	struct bed *b = bed_new_of(ENCAPSULATION_UDP, true, &(struct data_config){ 0 });
	struct received r = { .sa = parts_in(parts_config(&suite_gcm, SPI)) };
	struct slice bytes = payload_of(n);
	unsigned segments = wire_segments(bytes, size), arrivals = 0, writes = 0;

	for (unsigned i = 0; i < ROUNDS; i++) {
		put_super(b, w, bytes, size);
		r.n = 0;
		while (r.n < segments) {
			assert_true(readable(b->peer.fd4));
			net_intake_init(&r.intake, intake_arena);
			arrivals += (unsigned)net_socket_recv(&b->peer, FAMILY_IP4, &r.intake);
			reflect(b, &r, w, bytes, size);
		}
		assert_int_equal(r.n, segments);
		writes += expect_payload(b, w, bytes);
	}
	assert_true(arrivals <= ROUNDS * (1 + segments / 16));
	assert_true(writes <= ROUNDS * (1 + segments / 8));
	assert_int_equal(esp_out_counters(b->out)->packets, ROUNDS * segments);
	assert_int_equal(dropped(b, DROP_TUN_WRITE_FAILED), 0);
	assert_int_equal(dropped(b, DROP_SEND_FAILED), 0);
	esp_in_free(r.sa);
	bed_free(b);
}

static void tcp_goes_through_in_pieces(void **state)
{
	through(&flow, 48 * 1000 + 10, 1000);
}

/* More segments than one batch takes, the last ones when the device is empty by then. */
static void small_segments(void **state)
{
	through(&flow, sizeof(payload), 200);
}

/* A few of them, larger than a link would carry, come and go by themselves. */
static void large_segments(void **state)
{
	through(&flow, sizeof(payload), 29000);
}

static void udp_goes_through_in_pieces(void **state)
{
	struct wire udp = flow;

	udp.tcp = false;
	udp.flags = 0;
	through(&udp, 30 * 1200, 1200);
}

/* While there is no SA each segment is held, and then all leave in order. */
static void a_held_piece_leaves_whole(void **state)
{
	struct bed *b = bed_new_of(ENCAPSULATION_UDP, true,
				   &(struct data_config){ .hold = { 4 << 20, 30 * VTIME_S } });
	struct received r = { .sa = parts_in(parts_config(&suite_gcm, SPI)) };
	struct slice bytes = payload_of(40 * 1000);
	const struct hold_counters *held = data_held(b->data);

	data_publish_slot(b->data, SLOT, NULL, NULL);
	put_super(b, &flow, bytes, 1000);
	for (unsigned i = 0; i < WAIT_MS && held->packets < 40; i++)
		usleep(1000);
	assert_int_equal(held->packets, 40);
	data_publish_slot(b->data, SLOT, b->out, NULL);
	while (r.n < 40) {
		assert_true(readable(b->peer.fd4));
		net_intake_init(&r.intake, intake_arena);
		assert_true(net_socket_recv(&b->peer, FAMILY_IP4, &r.intake) > 0);
		reflect(b, &r, &flow, bytes, 1000);
	}
	assert_int_equal(held->packets, 0);
	assert_int_equal(held->released, 40);
	expect_payload(b, &flow, bytes);
	esp_in_free(r.sa);
	bed_free(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tcp_goes_through_in_pieces),
		cmocka_unit_test(small_segments),
		cmocka_unit_test(large_segments),
		cmocka_unit_test(udp_goes_through_in_pieces),
		cmocka_unit_test(a_held_piece_leaves_whole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
