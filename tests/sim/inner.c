/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/sim/inner.h"

#include "packet/packet.h"

#define UPPER_HEADER 8 /* of UDP and of an ICMP echo */
#define PAYLOAD_MIN (INNER_MARKER + 4)
#define CLIENT_PORT 40000
#define ECHO_PORT 7

void inner_init(struct inner_book *b, struct rng *rng)
{
	memset(b, 0, sizeof(*b));
	rng_fill(rng, b->marker, sizeof(b->marker));
}

static unsigned upper_header(enum inner_kind kind)
{
	return kind == INNER_SYN ? PACKET_TCP_HEADER : UPPER_HEADER;
}

static unsigned ip_header(const struct addr *a)
{
	return a->family == FAMILY_IP4 ? PACKET_IP4_HEADER : PACKET_IP6_HEADER;
}

unsigned inner_add(struct inner_book *b, enum inner_kind kind, const struct addr *src,
		   const struct addr *dst, unsigned size)
{
	struct inner_packet *p = &b->packets[b->n];
	unsigned headers = ip_header(src) + upper_header(kind);

	if (size > INNER_SIZE_MAX)
		size = INNER_SIZE_MAX;
	if (size < headers + PAYLOAD_MIN)
		size = headers + PAYLOAD_MIN;
	*p = (struct inner_packet){
		.kind = kind,
		.src = *src,
		.dst = *dst,
		.port = CLIENT_PORT,
		.payload = (uint16_t)(size - headers),
	};
	return b->n++;
}

static void payload_write(const struct inner_book *b, unsigned number, uint8_t *out)
{
	memcpy(out, b->marker, INNER_MARKER);
	put_be32(out + INNER_MARKER, number);
	for (unsigned i = PAYLOAD_MIN; i < b->packets[number].payload; i++)
		out[i] = (uint8_t)(i * 7 + number);
}

static void write_ip(struct wr *w, const struct inner_packet *p)
{
	uint16_t upper = (uint16_t)(upper_header(p->kind) + p->payload);
	uint8_t proto = p->kind == INNER_SYN ? PACKET_TCP : PACKET_UDP;

	if (p->src.family == FAMILY_IP4) {
		wr_u16(w, 0x4500);
		wr_u16(w, (uint16_t)(PACKET_IP4_HEADER + upper));
		wr_u32(w, 0);
		wr_u8(w, 64);
		wr_u8(w, proto);
		wr_u16(w, 0);
	} else {
		wr_u32(w, 0x60000000);
		wr_u16(w, upper);
		wr_u8(w, proto);
		wr_u8(w, 64);
	}
	wr_slice(w, addr_bytes(&p->src));
	wr_slice(w, addr_bytes(&p->dst));
	if (p->src.family == FAMILY_IP4)
		wr_patch_u16(w, 10, packet_checksum(wr_done(w)));
}

static size_t udp_request(const struct inner_packet *p, struct slice payload, uint8_t *buf)
{
	uint16_t length = (uint16_t)(UPPER_HEADER + p->payload);
	uint64_t sum = packet_sum_pseudo(0, &p->src, &p->dst, PACKET_UDP, length);
	size_t at = ip_header(&p->src);
	struct wr w;

	wr_init(&w, buf, INNER_SIZE_MAX);
	write_ip(&w, p);
	wr_u16(&w, p->port);
	wr_u16(&w, ECHO_PORT);
	wr_u16(&w, length);
	wr_u16(&w, 0);
	wr_slice(&w, payload);
	sum = packet_sum_add(sum, slice(buf + at, length));
	wr_patch_u16(&w, at + 6, packet_sum_finish(sum));
	return wr_len(&w);
}

static size_t syn_request(const struct inner_packet *p, unsigned number, struct slice payload,
			  uint8_t *buf)
{
	uint16_t length = (uint16_t)(PACKET_TCP_HEADER + p->payload);
	uint64_t sum = packet_sum_pseudo(0, &p->src, &p->dst, PACKET_TCP, length);
	size_t at = ip_header(&p->src);
	struct wr w;

	wr_init(&w, buf, INNER_SIZE_MAX);
	write_ip(&w, p);
	wr_u16(&w, p->port);
	wr_u16(&w, ECHO_PORT);
	wr_u32(&w, number);
	wr_u32(&w, 0);
	wr_u16(&w, PACKET_TCP_HEADER / 4 << 12 | PACKET_TCP_SYN);
	wr_u16(&w, 65535);
	wr_u32(&w, 0);
	wr_slice(&w, payload);
	sum = packet_sum_add(sum, slice(buf + at, length));
	wr_patch_u16(&w, at + 16, packet_sum_finish(sum));
	return wr_len(&w);
}

size_t inner_request(const struct inner_book *b, unsigned number, uint8_t buf[INNER_SIZE_MAX])
{
	const struct inner_packet *p = &b->packets[number];
	uint8_t payload[INNER_SIZE_MAX];
	struct packet_echo echo = {
		.src = p->src,
		.dst = p->dst,
		.id = 0x6777,
		.sequence = (uint16_t)number,
		.payload = slice(payload, p->payload),
	};

	payload_write(b, number, payload);
	if (p->kind == INNER_UDP)
		return udp_request(p, echo.payload, buf);
	if (p->kind == INNER_SYN)
		return syn_request(p, number, echo.payload, buf);
	return packet_echo_request(&echo, buf, INNER_SIZE_MAX);
}

static void swap(uint8_t *a, uint8_t *b, size_t n)
{
	uint8_t kept[16];

	memcpy(kept, a, n);
	memcpy(a, b, n);
	memcpy(b, kept, n);
}

static bool answer_icmp(uint8_t *upper, bool v6)
{
	uint16_t before = get_be16(upper);

	if (upper[0] != (v6 ? 128 : 8))
		return false;
	upper[0] = v6 ? 129 : 0;
	packet_checksum_adjust(upper + 2, before, get_be16(upper));
	return true;
}

bool inner_answer(uint8_t *ip, size_t n)
{
	struct packet_layout l;

	if (packet_parse(slice(ip, n), &l) != 0 || l.length < l.upper + UPPER_HEADER)
		return false;
	if (l.src.family == FAMILY_IP4)
		swap(ip + 12, ip + 16, 4);
	else
		swap(ip + 8, ip + 24, 16);
	if (l.proto == PACKET_ICMP || l.proto == PACKET_ICMP6)
		return answer_icmp(ip + l.upper, l.src.family == FAMILY_IP6);
	if ((l.proto != PACKET_UDP && l.proto != PACKET_TCP) ||
	    get_be16(ip + l.upper + 2) != ECHO_PORT)
		return false;
	swap(ip + l.upper, ip + l.upper + 2, 2);
	return true;
}

/* The number in the payload; false when there is none of ours. */
static bool number_of(const struct inner_book *b, struct slice ip, unsigned *number)
{
	struct packet_layout l;
	struct rd r;

	if (packet_parse(ip, &l) != 0)
		return false;
	rd_init(&r, slice(ip.p, l.length));
	rd_slice(&r, l.upper + (l.proto == PACKET_TCP ? PACKET_TCP_HEADER : UPPER_HEADER));
	if (!slice_eq(rd_slice(&r, INNER_MARKER), SLICE_OF(b->marker)))
		return false;
	*number = rd_u32(&r);
	return !r.bad && *number < b->n;
}

bool inner_is_ping(const struct inner_book *b, struct slice ip)
{
	struct packet_layout l;
	unsigned number;

	if (number_of(b, ip, &number) || packet_parse(ip, &l) != 0)
		return false;
	return (l.proto == PACKET_ICMP && ip.p[l.upper] == 8) ||
	       (l.proto == PACKET_ICMP6 && ip.p[l.upper] == 128);
}

const char *inner_arrived(struct inner_book *b, vtime now, bool answer, struct slice ip)
{
	uint8_t expected[INNER_SIZE_MAX];
	struct inner_packet *p;
	unsigned number, *times;
	size_t n;

	if (!number_of(b, ip, &number))
		return "a packet that nobody sent came out of the tunnel";
	n = inner_request(b, number, expected);
	if (answer && !inner_answer(expected, n))
		return "a request of ours is no echo request";
	if (!slice_eq(ip, slice(expected, n)))
		return "a packet came out of the tunnel changed";
	p = &b->packets[number];
	times = answer ? &p->answered : &p->arrived;
	*(answer ? &p->answered_at : &p->arrived_at) = now;
	*(answer ? &p->answer_order : &p->order) = answer ? ++b->answers : ++b->arrivals;
	if (++*times > 1)
		return answer ? "an answer came out of the tunnel twice" :
				"a request came out of the tunnel twice";
	return NULL;
}
