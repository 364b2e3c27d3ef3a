/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "packet/split.h"

#include "base/err.h"
#include "packet/packet.h"
#include "packets.h"
#include "tests/support/dies.h"
#include "wire_parts.h"

#define ROUNDS 4000
#define FILL 0xa5

static uint8_t super[WIRE_MAX];
static uint8_t expected[WIRE_MAX];
/* Small segments make much of a super-packet. */
static uint8_t out[1 << 20];
static uint8_t payload_bytes[65536];

static struct slice payload_of(size_t n)
{
	return slice(payload_bytes, n);
}

static int fill_payload(void **state)
{
	struct rng_seed seed;
	struct rng r = rng_seeded(&seed, 8);

	rng_fill(&r, payload_bytes, sizeof(payload_bytes));
	/* Long rows of ones are where carries go wrong. */
	memset(payload_bytes + 3000, 0xff, 3000);
	return 0;
}

/* Compares segments first … first + n - 1 at `out`, and the room between them. */
static void compare(const struct split *s, const struct wire *w, struct slice payload,
		    uint32_t size, unsigned first, unsigned n, size_t stride)
{
	for (unsigned i = 0; i < n; i++) {
		const uint8_t *got = out + i * stride;
		uint32_t length = wire_segment(w, payload, size, first + i, expected);

		assert_int_equal(split_length(s, first + i), length);
		assert_memory_equal(got, expected, length);
		for (size_t j = length; j < stride; j++)
			assert_int_equal(got[j], FILL);
	}
}

static struct split begin(const struct wire *w, struct slice payload, uint16_t size)
{
	enum drop why = DROP_COUNT;
	struct split s;
	struct vnet vnet;
	uint32_t length = wire_super(w, payload, size, super, &vnet);

	assert_int_equal(split_begin(&s, &vnet, super, length, &why), 0);
	assert_int_equal(why, DROP_COUNT);
	assert_true(s.gso);
	assert_int_equal(s.n, wire_segments(payload, size));
	return s;
}

/* All segments with `gap` bytes of room between them. */
static void check(const struct wire *w, size_t bytes, uint16_t size, size_t gap)
{
	struct slice payload = payload_of(bytes);
	struct split s = begin(w, payload, size);
	size_t stride = split_length(&s, 0) + gap;

	assert_true(s.n * stride <= sizeof(out));
	memset(out, FILL, s.n * stride);
	split_write(&s, 0, s.n, out, stride);
	compare(&s, w, payload, size, 0, s.n, stride);
}

#define HOSTS .ttl = 64, .src = 0x0a090001, .dst = 0xc0000250, .sport = 40000, .dport = 443
#define TCP .tcp = true, .ack = 77, .window = 512, HOSTS
#define DF .fragment = 0x4000
#define TCP4 TCP, DF, .sequence = 1000, .flags = WIRE_ACK
#define TCP4_FLAGS(f) TCP, DF, .sequence = 1000, .flags = (f)
#define TCP4_FRAGMENT(f) TCP, .fragment = (f), .sequence = 1000, .flags = WIRE_ACK
#define TCP4_SEQUENCE(s) TCP, DF, .sequence = (s), .flags = WIRE_ACK
#define UDP4 DF, HOSTS
#define UDP4_FRAGMENT(f) .fragment = (f), HOSTS

static const struct {
	const char *name;
	struct wire w;
	size_t bytes;
	uint16_t size;
} cases[] = {
	{ "tcp4", { TCP4 }, 4000, 1348 },
	{ "a whole number of segments", { TCP4 }, 4200, 1400 },
	{ "one byte in the last", { TCP4 }, 2801, 1400 },
	{ "odd segments", { TCP4 }, 4000, 777 },
	{ "segments of one byte", { TCP4 }, 9, 1 },
	{ "one segment", { TCP4_FLAGS(WIRE_ACK | WIRE_PSH | WIRE_FIN | WIRE_CWR) }, 1400, 1400 },
	{ "less than one segment", { TCP4 }, 7, 1400 },
	{ "no payload", { TCP4 }, 0, 1400 },
	{ "the longest", { TCP4 }, 65535 - 40, 1448 },
	{ "the longest in one", { TCP4 }, 65535 - 40, 65535 },
	{ "timestamps", { TCP4, .tcp_options = 12, .stamp = 0x0101080a }, 9000, 1388 },
	{ "most options", { TCP4, .tcp_options = 40, .options = 40 }, 9000, 1000 },
	{ "FIN and PSH stay on the last", { TCP4_FLAGS(WIRE_ACK | WIRE_FIN | WIRE_PSH) }, 30, 10 },
	{ "CWR on the first", { TCP4_FLAGS(WIRE_ACK | WIRE_CWR) }, 30, 10 },
	{ "ECE on all", { TCP4_FLAGS(WIRE_ACK | WIRE_ECE) }, 30, 10 },
	{ "urgent data to the middle", { TCP4_FLAGS(WIRE_ACK | WIRE_URG), .urgent = 15 }, 30, 10 },
	{ "urgent data to an edge", { TCP4_FLAGS(WIRE_ACK | WIRE_URG), .urgent = 10 }, 30, 10 },
	{ "an urgent pointer without URG", { TCP4, .urgent = 15 }, 30, 10 },
	{ "the sequence wraps", { TCP4_SEQUENCE(0xfffffff8) }, 30, 10 },
	{ "the identification wraps", { TCP4, .id = 0xfffe }, 50, 10 },
	{ "DF is not set", { TCP4_FRAGMENT(0) }, 30, 10 },
	{ "udp4", { UDP4 }, 5000, 1200 },
	{ "udp4 with options", { UDP4, .options = 8 }, 5000, 1200 },
	{ "empty datagram", { UDP4 }, 0, 1200 },
	{ "tcp6", { TCP4, .ip6 = true, .label = 0x12345, .tos = 0xb9 }, 9000, 1348 },
	{ "tcp6, hop-by-hop", { TCP4, .ip6 = true, .options = 8 }, 9000, 1348 },
	{ "tcp6, two headers", { TCP4, .ip6 = true, .options = 16 }, 9000, 1348 },
	{ "the longest tcp6", { TCP4, .ip6 = true }, 65535 - 20, 1428 },
	{ "udp6", { UDP4, .ip6 = true }, 5000, 1200 },
	{ "udp6, two headers", { UDP4, .ip6 = true, .options = 16 }, 5000, 1200 },
};

static void test_cases(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		print_message("%s\n", cases[i].name);
		check(&cases[i].w, cases[i].bytes, cases[i].size, 0);
		check(&cases[i].w, cases[i].bytes, cases[i].size, 37);
	}
}

static void test_random(void **state)
{
	struct rng_seed seed;
	struct rng r = rng_seeded(&seed, 1);

	for (int i = 0; i < ROUNDS; i++) {
		struct wire w = wire_random(&r, true);
		size_t max = wire_coin(&r, 20) ? 65000 : 6000;
		size_t bytes = rng_below(&r, max);
		uint16_t size = (uint16_t)(1 + rng_below(&r, wire_coin(&r, 10) ? 2000 : 1400));

		if (bytes / size * (wire_headers(&w) + size + 64U) > sizeof(out) - 4000)
			continue;
		check(&w, bytes - bytes / 60, size, rng_below(&r, 64));
	}
}

/* Any segments, in any order, as often as wanted. */
static void test_pieces(void **state)
{
	struct wire w = { TCP4_FLAGS(WIRE_ACK | WIRE_PSH | WIRE_CWR) };
	struct slice payload = payload_of(14000);
	struct split s = begin(&w, payload, 1000);
	size_t stride = split_length(&s, 0) + 20;

	for (unsigned first = s.n; first-- > 0;) {
		for (unsigned n = 0; n <= s.n - first; n++) {
			memset(out, FILL, (n + 1) * stride);
			split_write(&s, first, n, out, stride);
			compare(&s, &w, payload, 1000, first, n, stride);
			assert_int_equal(out[n * stride], FILL);
		}
	}
}

/* Super-packets for 8 bytes of payload each, and their segments, as scapy 2.5 builds them. */
#define SUPER4                                                                                     \
	"45020048ffff400040066e540a090001c00002509c400050fffffff80000004d80980200cc9400000101"     \
	"080a0000000b000000167365616c7320616e6420676f647769747320676f"
#define SUPER6                                                                                     \
	"60212345001d3c3ffd00000000000000000000000000000120010db80000000000000000000000801100"     \
	"01040000000014e9003500152b617365616c7320616e6420676f64"

static const char *const segments4[] = {
	"4502003cffff400040066e600a090001c00002509c400050fffffff80000004d8090020061830000"
	"0101080a0000000b000000167365616c7320616e",
	"4502003c0000400040066e600a090001c00002509c400050000000000000004d8010020071e10000"
	"0101080a0000000b000000166420676f64776974",
	"450200380001400040066e630a090001c00002509c400050000000080000004d8018020030c10000"
	"0101080a0000000b000000167320676f",
};

static const char *const segments6[] = {
	"6021234500183c3ffd00000000000000000000000000000120010db800000000000000000000008011"
	"0001040000000014e90035001016157365616c7320616e",
	"6021234500153c3ffd00000000000000000000000000000120010db800000000000000000000008011"
	"0001040000000014e90035000d8feb6420676f64",
};

static void check_scapy(const char *whole, struct vnet vnet, const char *const *segments,
			unsigned n)
{
	struct packet_bytes p = unhex(whole);
	enum drop why;
	struct split s;

	vnet.flags = VNET_NEEDS_CSUM;
	vnet.gso_size = 8;
	assert_int_equal(split_begin(&s, &vnet, p.b, p.n, &why), 0);
	assert_int_equal(s.n, n);
	split_write(&s, 0, n, out, 128);
	for (unsigned i = 0; i < n; i++) {
		struct packet_bytes segment = unhex(segments[i]);

		assert_int_equal(split_length(&s, i), segment.n);
		assert_memory_equal(out + i * 128, segment.b, segment.n);
	}
}

static void test_scapy(void **state)
{
	struct vnet tcp = { .gso_type = VNET_GSO_TCPV4 | VNET_GSO_ECN,
			    .csum_start = 20,
			    .csum_offset = 16 };
	struct vnet udp = { .gso_type = VNET_GSO_UDP_L4, .csum_start = 48, .csum_offset = 6 };

	check_scapy(SUPER4, tcp, segments4, ARRAY_SIZE(segments4));
	check_scapy(SUPER6, udp, segments6, ARRAY_SIZE(segments6));
}

/* UDP never says "no checksum" by chance: payload that makes the sum zero gives 0xffff. */
static void test_udp_zero(void **state)
{
	struct wire w = { UDP4, .no_checksum = true };
	struct vnet vnet;
	struct split s;
	enum drop why;
	uint32_t length;
	uint8_t payload[4] = { 0 };
	uint16_t sum;

	length = wire_build(&w, SLICE_OF(payload), super);
	sum = (uint16_t)wire_sum(wire_pseudo(&w, super, 12), super + 20, 12);
	put_be16(payload, (uint16_t)~sum);
	w.no_checksum = false;
	length = wire_super(&w, SLICE_OF(payload), 4, super, &vnet);
	assert_int_equal(split_begin(&s, &vnet, super, length, &why), 0);
	split_write(&s, 0, 1, out, 100);
	assert_int_equal(get_be16(out + 26), 0xffff);
	vnet.gso_type = VNET_GSO_NONE;
	assert_int_equal(split_begin(&s, &vnet, super, length, &why), 0);
	assert_int_equal(get_be16(super + 26), 0xffff);
}

/* A packet without GSO is completed where it lies, and nothing else of it changes. */
static void test_single(void **state)
{
	struct rng_seed seed;
	struct rng r = rng_seeded(&seed, 3);

	for (int i = 0; i < 500; i++) {
		struct wire w = wire_random(&r, true);
		struct slice payload = payload_of(rng_below(&r, 1500));
		uint32_t length = wire_build(&w, payload, expected);
		enum drop why = DROP_COUNT;
		struct vnet vnet;
		struct split s;

		wire_super(&w, payload, 1, super, &vnet);
		vnet.gso_type = VNET_GSO_NONE;
		vnet.gso_size = 0;
		assert_int_equal(split_begin(&s, &vnet, super, length, &why), 0);
		assert_int_equal(s.n, 1);
		assert_false(s.gso);
		/* TCP's zero may be written in both ways. */
		if (get_be16(expected + vnet.csum_start + vnet.csum_offset) == 0)
			put_be16(expected + vnet.csum_start + vnet.csum_offset, 0xffff);
		assert_memory_equal(super, expected, length);
		assert_int_equal(split_length(&s, 0), length);
		memset(out, FILL, length + 1);
		split_write(&s, 0, 1, out, 0);
		assert_memory_equal(out, expected, length);
		assert_int_equal(out[length], FILL);
	}
}

/* What has nothing open is nobody's business here, whatever it is. */
static void test_untouched(void **state)
{
	struct packet_bytes p = unhex(LATER4);
	struct vnet vnet = { .flags = 2, .hdr_len = 9999, .csum_start = 9999 };
	enum drop why;
	struct split s;

	p.b[0] = 0;
	assert_int_equal(split_begin(&s, &vnet, p.b, p.n, &why), 0);
	assert_int_equal(p.b[0], 0);
	assert_int_equal(s.n, 1);
	assert_int_equal(split_length(&s, 0), p.n);
}

/* The inner packet's checksum is the open one. */
static void test_packet_in_packet(void **state)
{
	struct wire w = { UDP4 };
	uint32_t inner = wire_build(&w, payload_of(100), expected);
	struct wr r;
	struct vnet vnet;
	struct split s;
	enum drop why;

	wr_init(&r, super, sizeof(super));
	wr_slice(&r, slice(expected, 20));
	wr_patch_u16(&r, 2, (uint16_t)(inner + 20));
	super[9] = 4;
	wire_super(&w, payload_of(100), 1, super + 20, &vnet);
	vnet.gso_type = VNET_GSO_NONE;
	vnet.csum_start += 20;
	assert_int_equal(split_begin(&s, &vnet, super, inner + 20, &why), 0);
	assert_memory_equal(super + 20, expected, inner);
}

/*
 * One thing wrong with a super-packet of 3000 bytes of payload, or with its header: in its fields, or
 * what is spoilt.
 */
static const struct bad {
	const char *name;
	struct wire w;
	int at; /* a byte of the packet, from its beginning … */
	uint8_t byte; /* … is this */
	int field; /* a 16-bit field of the vnet header: its offset; 0: none, but flags and type */
	uint16_t value;
	int cut; /* of the packet's end */
	enum drop why;
} bad[] = {
	{ "no size", { TCP4 }, -1, 0, 4, 0, 0, DROP_VNET_SIZE },
	{ "an unknown type", { TCP4 }, -1, 0, -1, 2, 0, DROP_VNET_TYPE },
	{ "UFO", { UDP4 }, -1, 0, -1, 3, 0, DROP_VNET_TYPE },
	{ "a tunnel's type", { TCP4 }, -1, 0, -1, 0x21, 0, DROP_VNET_TYPE },
	{ "ECN without a type", { TCP4 }, -1, 0, -1, 0x80, 0, DROP_VNET_TYPE },
	{ "UDP with ECN", { UDP4 }, -1, 0, -1, 0x85, 0, DROP_VNET_TYPE },
	{ "TCPV6 with IPv4", { TCP4 }, -1, 0, -1, 4, 0, DROP_VNET_TYPE },
	{ "TCPV4 with IPv6", { TCP4, .ip6 = true }, -1, 0, -1, 1, 0, DROP_VNET_TYPE },
	{ "TCPV4 with UDP", { UDP4 }, -1, 0, -1, 1, 0, DROP_VNET_TYPE },
	{ "UDP_L4 with TCP", { TCP4 }, -1, 0, -1, 5, 0, DROP_VNET_TYPE },
	{ "ICMP", { TCP4 }, 9, 1, 0, 0, 0, DROP_VNET_TYPE },
	{ "hdr_len beyond the packet", { TCP4 }, -1, 0, 2, 3041, 0, DROP_VNET_LENGTH },
	{ "hdr_len of 65535", { UDP4 }, -1, 0, 2, 65535, 0, DROP_VNET_LENGTH },
	{ "a byte more than the header says", { TCP4 }, 3, 0xdf, 0, 0, 0, DROP_VNET_LENGTH },
	{ "a byte less", { TCP4 }, -1, 0, 0, 0, 1, DROP_VNET_HEADER },
	{ "a byte less, IPv6", { UDP4, .ip6 = true }, -1, 0, 0, 0, 1, DROP_VNET_HEADER },
	{ "a jumbogram", { TCP4, .ip6 = true, .options = 8 }, 4, 0, 0, 0, 0, DROP_VNET_LENGTH },
	{ "UDP's own length", { UDP4 }, 24, 0, 0, 0, 0, DROP_VNET_LENGTH },
	{ "no checksum is open", { TCP4 }, -1, 0, -2, 0, 0, DROP_VNET_CSUM },
	{ "checksum already valid", { UDP4 }, -1, 0, -2, 2, 0, DROP_VNET_CSUM },
	{ "csum_start in the IP header", { TCP4 }, -1, 0, 6, 18, 0, DROP_VNET_CSUM },
	{ "csum_start beyond", { TCP4 }, -1, 0, 6, 65535, 0, DROP_VNET_CSUM },
	{ "csum_start before the upper header",
	  { TCP4, .ip6 = true, .options = 8 },
	  -1,
	  0,
	  6,
	  40,
	  0,
	  DROP_VNET_CSUM },
	{ "UDP's csum_offset with TCP", { TCP4 }, -1, 0, 8, 6, 0, DROP_VNET_CSUM },
	{ "csum_offset beyond", { UDP4 }, -1, 0, 8, 65535, 0, DROP_VNET_CSUM },
	{ "IP version 5", { TCP4 }, 0, 0x55, 0, 0, 0, DROP_VNET_HEADER },
	{ "IP header of 16 bytes", { TCP4 }, 0, 0x44, 0, 0, 0, DROP_VNET_HEADER },
	{ "a fragment", { TCP4_FRAGMENT(0x2000) }, -1, 0, 0, 0, 0, DROP_VNET_HEADER },
	{ "a later fragment", { UDP4_FRAGMENT(1) }, -1, 0, 0, 0, 0, DROP_VNET_HEADER },
	{ "TCP header of 16 bytes", { TCP4 }, 32, 0x40, 0, 0, 0, DROP_VNET_HEADER },
	{ "SYN", { TCP4_FLAGS(WIRE_SYN) }, -1, 0, 0, 0, 0, DROP_VNET_HEADER },
	{ "RST", { TCP4_FLAGS(WIRE_ACK | WIRE_RST) }, -1, 0, 0, 0, 0, DROP_VNET_HEADER },
};

static void spoil(const struct bad *b, struct vnet *vnet)
{
	if (b->at >= 0)
		super[b->at] = b->byte;
	if (b->field == -1)
		vnet->gso_type = (uint8_t)b->value;
	else if (b->field == -2)
		vnet->flags = (uint8_t)b->value;
	else if (b->field > 0)
		memcpy((uint8_t *)vnet + b->field, &b->value, 2);
}

static void test_refused(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		enum drop why = DROP_COUNT;
		struct vnet vnet;
		struct split s;
		uint32_t length = wire_super(&bad[i].w, payload_of(3000), 1000, super, &vnet);

		print_message("%s\n", bad[i].name);
		if (bad[i].at >= 0 || bad[i].field || bad[i].cut)
			assert_int_equal(split_begin(&s, &vnet, super, length, &why), 0);
		spoil(&bad[i], &vnet);
		memcpy(expected, super, length);
		assert_int_equal(split_begin(&s, &vnet, super, length - (uint32_t)bad[i].cut, &why),
				 ERR_MALFORMED);
		assert_string_equal(drop_name(why), drop_name(bad[i].why));
		assert_memory_equal(super, expected, length);
	}
}

/* The same for a packet without GSO. */
static void test_refused_single(void **state)
{
	static const struct {
		const char *name;
		uint16_t start, offset;
		int cut;
		uint16_t fragment;
		enum drop why;
	} single[] = {
		{ "start in the IP header", 19, 16, 0, 0, DROP_VNET_CSUM },
		{ "start at the end", 72, 0, 0, 0, DROP_VNET_CSUM },
		{ "start beyond", 73, 0, 0, 0, DROP_VNET_CSUM },
		{ "start far beyond", 65535, 16, 0, 0, DROP_VNET_CSUM },
		{ "half of it beyond", 20, 51, 0, 0, DROP_VNET_CSUM },
		{ "all of it beyond", 20, 52, 0, 0, DROP_VNET_CSUM },
		{ "offset far beyond", 20, 65535, 0, 0, DROP_VNET_CSUM },
		{ "a byte is missing", 20, 16, 1, 0, DROP_VNET_HEADER },
		{ "nothing is there", 20, 16, 72, 0, DROP_VNET_HEADER },
		{ "a byte too much", 20, 16, -1, 0, DROP_VNET_LENGTH },
		{ "a fragment", 20, 16, 0, 0x2000, DROP_VNET_HEADER },
	};

	for (size_t i = 0; i < ARRAY_SIZE(single); i++) {
		struct wire w = { TCP4_FRAGMENT(single[i].fragment) };
		enum drop why = DROP_COUNT;
		struct vnet vnet;
		struct split s;
		uint32_t length = wire_super(&w, payload_of(32), 1, super, &vnet);

		print_message("%s\n", single[i].name);
		vnet = (struct vnet){ VNET_NEEDS_CSUM, VNET_GSO_NONE,	0, 0,
				      single[i].start, single[i].offset };
		memcpy(expected, super, length + 1);
		assert_int_equal(split_begin(&s, &vnet, super,
					     (size_t)((int)length - single[i].cut), &why),
				 ERR_MALFORMED);
		assert_string_equal(drop_name(why), drop_name(single[i].why));
		assert_memory_equal(super, expected, length + 1);
	}
}

static void write_too_close(void)
{
	struct wire w = { TCP4 };
	struct split s = begin(&w, payload_of(3000), 1000);

	split_write(&s, 0, 2, out, 1039);
}

static void write_too_many(void)
{
	struct wire w = { TCP4 };
	struct split s = begin(&w, payload_of(3000), 1000);

	split_write(&s, 1, 3, out, 2000);
}

/* Our own bugs. */
static void test_dies(void **state)
{
	assert_true(dies(write_too_close));
	assert_true(dies(write_too_many));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cases),	  cmocka_unit_test(test_random),
		cmocka_unit_test(test_pieces),	  cmocka_unit_test(test_scapy),
		cmocka_unit_test(test_udp_zero),  cmocka_unit_test(test_single),
		cmocka_unit_test(test_untouched), cmocka_unit_test(test_packet_in_packet),
		cmocka_unit_test(test_refused),	  cmocka_unit_test(test_refused_single),
		cmocka_unit_test(test_dies),
	};

	return cmocka_run_group_tests(tests, fill_payload, NULL);
}
