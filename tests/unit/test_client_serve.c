/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Packets that the data threads open for several servers: each flow comes out of one device, in order. */
#include "esp/servers.h"
#include "threads_parts.h"
#include "wire_parts.h"

#define SERVERS 2
#define FLOWS 12
#define SEGMENTS 40
#define SIZE 500
#define TURN 4 /* segments of each flow at a time */
#define SERVICE 0x0a020064 /* 10.2.0.100 */

struct serving {
	struct bed *bed;
	struct servers *servers;
	struct tun tuns[SERVERS];
	int ends[SERVERS]; /* of the kernel */
};

static uint8_t segment[WIRE_MAX], got[sizeof(struct vnet) + WIRE_MAX];
static uint8_t payload[SEGMENTS * SIZE];

static void serving_open(struct serving *s, const char *service, bool pieces, unsigned workers)
{
	struct servers_config c = { .select = DISPATCH_ROUND_ROBIN, .n = SERVERS };
	struct data_config data = { .workers = workers,
				    .server_tuns = s->tuns,
				    .nservers = SERVERS };
	int ends[2];

	for (unsigned i = 0; i < SERVERS; i++) {
		/* Of datagrams no more than ten would wait. */
		assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, ends), 0);
		s->tuns[i] = (struct tun){ .fd = ends[0], .vnet = pieces };
		s->tuns[i].takes = pieces ? COALESCE_TCP | COALESCE_UDP : 0;
		s->ends[i] = ends[1];
		assert_true(prefix_parse(service, &c.service[i]));
	}
	s->servers = data.servers = servers_new(&c, parts_rng());
	s->bed = bed_new_of(ENCAPSULATION_UDP, pieces, &data);
}

static void serving_free(struct serving *s)
{
	bed_free(s->bed);
	servers_free(s->servers);
	for (unsigned i = 0; i < SERVERS; i++) {
		close(s->tuns[i].fd);
		close(s->ends[i]);
	}
}

static struct wire flow_of(uint16_t i)
{
	return (struct wire){
		.tcp = true,
		.ttl = 64,
		.fragment = 0x4000,
		.src = 0x0a010001,
		.dst = i < FLOWS ? SERVICE : SERVICE + 1,
		.sport = i,
		.dport = 80,
		.flags = WIRE_ACK,
	};
}

/* A segment of each flow after the other, TURN times, and of one flow that is no server's. */
static void send_segments(struct bed *b, unsigned first)
{
	struct parts_batch *store = xcalloc(1, sizeof(*store));
	struct path to = { .remote = b->natt, .encapsulation = ENCAPSULATION_UDP };
	struct batch *batch = parts_batch(store);

	for (unsigned i = 0; i < TURN * (FLOWS + 1); i++) {
		const struct wire w = flow_of(i % (FLOWS + 1));
		struct slice bytes = slice(payload, sizeof(payload));
		unsigned at = first + i / (FLOWS + 1);
		struct pkt *p = parts_take(
			batch, slice(segment, wire_segment(&w, bytes, SIZE, at, segment)));

		assert_int_equal(esp_seal(b->gateway, p, 4), 0);
		p->path = &to;
	}
	assert_int_equal(net_socket_send_batch(&b->peer, batch->pkts, batch->n), batch->n);
	free(store);
}

/* What has come of each flow out of one device: bytes, and where. */
struct seen {
	size_t bytes[FLOWS + 1];
	int device[FLOWS + 1];
};

static void take_write(struct seen *s, int device, size_t vnet, size_t n)
{
	const uint8_t *ip = got + vnet;
	uint16_t flow = get_be16(ip + 20);
	size_t at, len = n - vnet - 40;

	assert_in_range(flow, 0, FLOWS);
	if (s->device[flow] == -2)
		s->device[flow] = device;
	assert_int_equal(s->device[flow], device);
	at = get_be32(ip + 24);
	assert_int_equal(at, s->bytes[flow]);
	assert_memory_equal(ip + 40, payload + at, len);
	s->bytes[flow] += len;
}

static unsigned take_device(struct seen *s, int device, int fd, size_t vnet)
{
	ssize_t n = read(fd, got, sizeof(got));

	if (n > 0)
		take_write(s, device, vnet, (size_t)n);
	return n > 0;
}

static size_t all_of(const struct seen *s)
{
	size_t n = 0;

	for (unsigned i = 0; i <= FLOWS; i++)
		n += s->bytes[i];
	return n;
}

static void each_flow_comes_out_of_one_device_of(bool pieces, unsigned workers)
{
	struct serving s;
	size_t vnet = pieces ? sizeof(struct vnet) : 0;
	struct seen seen = { 0 };
	unsigned writes = 0, first = 0;

	for (size_t i = 0; i < sizeof(payload); i++)
		payload[i] = (uint8_t)(i * 7 + i / 251);
	for (unsigned i = 0; i <= FLOWS; i++)
		seen.device[i] = -2;
	serving_open(&s, "10.2.0.100", pieces, workers);
	for (unsigned at = 0; at < SEGMENTS; at += TURN) {
		size_t due = (size_t)(at + TURN) * (FLOWS + 1) * SIZE;

		send_segments(s.bed, at);
		for (unsigned i = 0; all_of(&seen) < due && i < WAIT_MS;) {
			unsigned some = take_device(&seen, -1, s.bed->tun, vnet);

			for (int k = 0; k < SERVERS; k++)
				some += take_device(&seen, k, s.ends[k], vnet);
			writes += some;
			i += !some;
			if (!some)
				usleep(1000);
		}
	}
	if (pieces)
		assert_true(writes <= (FLOWS + 1) * SEGMENTS / 2);
	for (unsigned i = 0; i <= FLOWS; i++)
		assert_int_equal(seen.bytes[i], sizeof(payload));
	for (unsigned i = 0; i < FLOWS; i++)
		first += seen.device[i] == 0;
	assert_int_equal(first, FLOWS / 2);
	assert_int_equal(seen.device[FLOWS], -1);
	for (unsigned i = 0; i < SERVERS; i++) {
		const struct servers_counters c = servers_counters(s.servers, i);

		assert_int_equal(c.flows, FLOWS / 2);
		assert_int_equal(c.packets, FLOWS / 2 * SEGMENTS);
		assert_int_equal(c.bytes, FLOWS / 2 * SEGMENTS * (SIZE + 40));
	}
	assert_int_equal(dropped(s.bed, DROP_TUN_WRITE_FAILED), 0);
	serving_free(&s);
}

static void each_flow_comes_out_of_one_device(void **state)
{
	each_flow_comes_out_of_one_device_of(false, 1);
}

static void and_in_pieces_of_many(void **state)
{
	each_flow_comes_out_of_one_device_of(true, 1);
}

static void and_by_workers(void **state)
{
	each_flow_comes_out_of_one_device_of(true, 3);
}

/* What the client's SA does not cover reaches no server, whatever it is addressed to. */
static void no_server_for_what_the_sa_does_not_cover(void **state)
{
	struct parts_batch *store = xcalloc(1, sizeof(*store));
	struct batch *batch = parts_batch(store);
	struct wire w = flow_of(0);
	struct serving s;
	struct path to;
	struct pkt *p;

	serving_open(&s, "10.3.0.0/16", false, 1);
	to = (struct path){ .remote = s.bed->natt, .encapsulation = ENCAPSULATION_UDP };
	w.dst = 0x0a030001;
	p = parts_take(batch, slice(segment, wire_build(&w, SLICE_NONE, segment)));
	assert_int_equal(esp_seal(s.bed->gateway, p, 4), 0);
	p->path = &to;
	assert_int_equal(net_socket_send_batch(&s.bed->peer, batch->pkts, 1), 1);
	wait_dropped(s.bed, DROP_INNER_SELECTOR, 1);
	for (unsigned i = 0; i < SERVERS; i++)
		assert_int_equal(servers_counters(s.servers, i).packets, 0);
	serving_free(&s);
	free(store);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_flow_comes_out_of_one_device),
		cmocka_unit_test(and_in_pieces_of_many),
		cmocka_unit_test(and_by_workers),
		cmocka_unit_test(no_server_for_what_the_sa_does_not_cover),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
