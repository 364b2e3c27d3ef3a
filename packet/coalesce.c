/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "packet/coalesce.h"

#include "packet/headers.h"
#include "packet/packet.h"

#define IP4_DF 0x4000
#define IP4_RESERVED 0x8000
#define IP_LENGTH_MAX 65535

/* What a packet is to the runs that are open. */
enum kind {
	KIND_ANY, /* it could be of any flow */
	KIND_OTHER, /* it is of no flow that has runs */
	KIND_ALONE, /* it has a flow, but never a run */
	KIND_RUN, /* it may be in a run */
	KIND_LAST, /* the same, as the last one */
};

static enum kind examine_tcp(struct coalesce_flow *f, struct slice upper)
{
	const uint8_t *tcp = upper.p;
	uint32_t header;

	if (upper.n < PACKET_TCP_HEADER)
		return KIND_ANY;
	header = 4U * (tcp[TCP_OFFSET] >> 4);
	/* The four bits behind the offset are reserved; one is a flag of ECN's. */
	if (header < PACKET_TCP_HEADER || header >= upper.n || (tcp[TCP_OFFSET] & 15) ||
	    get_be16(tcp + TCP_URGENT) != 0)
		return KIND_ALONE;
	f->headers = (uint8_t)(f->upper + header);
	f->sequence = get_be32(tcp + TCP_SEQUENCE);
	switch (tcp[TCP_FLAGS]) {
	case PACKET_TCP_ACK:
		return KIND_RUN;
	case PACKET_TCP_ACK | PACKET_TCP_PSH:
		return KIND_LAST;
	}
	return KIND_ALONE;
}

static enum kind examine_udp(struct coalesce_flow *f, struct slice upper)
{
	if (upper.n < PACKET_UDP_HEADER)
		return KIND_ANY;
	f->headers = (uint8_t)(f->upper + PACKET_UDP_HEADER);
	if (get_be16(upper.p + UDP_LENGTH) != upper.n || upper.n == PACKET_UDP_HEADER ||
	    get_be16(upper.p + PACKET_UDP_CHECKSUM) == 0)
		return KIND_ALONE;
	return KIND_RUN;
}

static enum kind examine_upper(const struct coalesce *c, struct coalesce_flow *f, uint8_t proto,
			       struct slice packet)
{
	struct slice upper = slice(packet.p + f->upper, packet.n - f->upper);
	enum kind kind = KIND_ANY;
	bool allowed = false;

	if (proto == PACKET_TCP) {
		kind = examine_tcp(f, upper);
		allowed = c->what & COALESCE_TCP;
	} else if (proto == PACKET_UDP) {
		kind = examine_udp(f, upper);
		allowed = c->what & COALESCE_UDP;
	} else {
		return KIND_OTHER;
	}
	if (kind == KIND_ANY)
		return kind;
	f->ports |= (uint64_t)proto << 32 | get_be32(upper.p);
	f->size = (uint32_t)packet.n - f->headers;
	f->total = (uint32_t)packet.n;
	return allowed ? kind : KIND_ALONE;
}

static enum kind examine_ip4(const struct coalesce *c, struct coalesce_flow *f, struct slice packet)
{
	const uint8_t *ip = packet.p;
	enum kind kind;
	uint16_t frag;

	if (packet.n < PACKET_IP4_HEADER || ip[0] != 0x45 || get_be16(ip + IP4_LENGTH) != packet.n)
		return KIND_ANY;
	frag = get_be16(ip + IP4_FRAGMENT);
	if (frag & ~(IP4_DF | IP4_RESERVED))
		return KIND_ANY;
	f->upper = PACKET_IP4_HEADER;
	memcpy(f->addrs, ip + IP4_ADDRS, 8);
	f->ports = (uint64_t)4 << 40;
	f->same = (uint64_t)ip[IP4_TOS] << 8 | ip[IP4_TTL];
	kind = examine_upper(c, f, ip[IP4_PROTO], packet);
	return kind >= KIND_RUN && frag != IP4_DF ? KIND_ALONE : kind;
}

static enum kind examine_ip6(const struct coalesce *c, struct coalesce_flow *f, struct slice packet)
{
	const uint8_t *ip = packet.p;

	if (packet.n < PACKET_IP6_HEADER ||
	    get_be16(ip + IP6_LENGTH) != packet.n - PACKET_IP6_HEADER)
		return KIND_ANY;
	switch (ip[IP6_NEXT]) {
	case PACKET_HOP_BY_HOP:
	case PACKET_ROUTING:
	case PACKET_FRAGMENT:
	case PACKET_DESTINATION_OPTIONS:
		return KIND_ANY;
	}
	f->upper = PACKET_IP6_HEADER;
	memcpy(f->addrs, ip + IP6_ADDRS, 32);
	f->ports = (uint64_t)6 << 40;
	f->same = (uint64_t)get_be32(ip) << 8 | ip[IP6_HOPS];
	return examine_upper(c, f, ip[IP6_NEXT], packet);
}

/* Fills in what a flow would be that begins with this packet. */
static enum kind examine(const struct coalesce *c, struct coalesce_flow *f, struct slice packet)
{
	if (packet.n == 0 || packet.n > IP_LENGTH_MAX)
		return KIND_ANY;
	switch (packet.p[0] >> 4) {
	case 4:
		return examine_ip4(c, f, packet);
	case 6:
		return examine_ip6(c, f, packet);
	}
	return KIND_ANY;
}

static bool is_tcp(const uint8_t *ip)
{
	return (ip[0] >> 4 == 4 ? ip[IP4_PROTO] : ip[IP6_NEXT]) == PACKET_TCP;
}

/* The pseudo header of an upper layer of so many bytes. */
static uint64_t sum_pseudo(const uint8_t *ip, uint32_t length)
{
	bool ip4 = ip[0] >> 4 == 4;
	struct slice addrs = ip4 ? slice(ip + IP4_ADDRS, 8) : slice(ip + IP6_ADDRS, 32);
	uint64_t sum = packet_sum_be16(0, ip4 ? ip[IP4_PROTO] : ip[IP6_NEXT]);

	return packet_sum_add(packet_sum_be16(sum, (uint16_t)length), addrs);
}

/* Of a packet that may be in a run: whether its checksums are right. */
static bool verify(const uint8_t *ip, uint32_t upper, uint32_t length)
{
	uint64_t sum = sum_pseudo(ip, length - upper);

	if (upper == PACKET_IP4_HEADER && packet_checksum(slice(ip, PACKET_IP4_HEADER)) != 0)
		return false;
	return packet_sum_finish(packet_sum_add(sum, slice(ip + upper, length - upper))) == 0;
}

static bool same_flow(const struct coalesce_flow *a, const struct coalesce_flow *b)
{
	return a->ports == b->ports && memcmp(a->addrs, b->addrs, sizeof(a->addrs)) == 0;
}

/* The open run of a packet's flow, or NULL. */
static struct coalesce_flow *find(struct coalesce *c, const struct coalesce_flow *of)
{
	struct coalesce_flow *f = &c->flows[c->recent];

	if (c->recent < c->flows_n && f->open && same_flow(f, of))
		return f;
	for (unsigned i = 0; i < c->flows_n; i++) {
		f = &c->flows[i];
		if (f->open && same_flow(f, of)) {
			c->recent = i;
			return f;
		}
	}
	return NULL;
}

/* Room for a run: one that ended, one never used, the oldest. */
static struct coalesce_flow *find_room(struct coalesce *c)
{
	for (unsigned i = 0; i < c->flows_n; i++)
		if (!c->flows[i].open)
			return &c->flows[i];
	if (c->flows_n < COALESCE_FLOWS)
		return &c->flows[c->flows_n++];
	return &c->flows[c->oldest++ % COALESCE_FLOWS];
}

/* Whether two TCP headers of one length agree where those of a run do. */
static bool same_tcp(const uint8_t *a, const uint8_t *b, uint32_t header)
{
	return memcmp(a + TCP_ACK, b + TCP_ACK, 4) == 0 &&
	       memcmp(a + TCP_WINDOW, b + TCP_WINDOW, 2) == 0 &&
	       memcmp(a + PACKET_TCP_HEADER, b + PACKET_TCP_HEADER, header - PACKET_TCP_HEADER) ==
		       0;
}

/* Whether the packet, examined as `of`, is what the run goes on with. Checksums are not looked at. */
static bool continues(const struct coalesce *c, const struct coalesce_flow *f,
		      const struct coalesce_flow *of, const uint8_t *packet)
{
	const uint8_t *first = c->packets[f->first].p;

	if (of->same != f->same || of->headers != f->headers || of->size > f->size ||
	    of->size > IP_LENGTH_MAX - f->total)
		return false;
	if (!is_tcp(packet))
		return true;
	return of->sequence == f->sequence &&
	       same_tcp(packet + f->upper, first + f->upper, (uint32_t)f->headers - f->upper);
}

/* The first packet of a run is tested when a second one comes. */
static bool first_is_right(struct coalesce *c, struct coalesce_flow *f)
{
	const struct coalesce_packet *first = &c->packets[f->first];

	if (!f->verified)
		f->verified = verify(first->p, f->upper, first->n);
	return f->verified;
}

static void join(struct coalesce *c, struct coalesce_flow *f, const struct coalesce_flow *of,
		 uint16_t number)
{
	struct coalesce_packet *first = &c->packets[f->first];

	c->packets[number].run = 0;
	c->packets[f->last].next = number;
	f->last = number;
	f->total += of->size;
	f->sequence += of->size;
	if (++first->run == COALESCE_RUN || of->size < f->size)
		f->open = false;
}

static void start(struct coalesce *c, struct coalesce_flow *f, const struct coalesce_flow *of,
		  uint16_t number)
{
	*f = *of;
	f->first = number;
	f->last = number;
	f->sequence += of->size;
	f->open = true;
	c->recent = (unsigned)(f - c->flows);
}

/* A packet that has a flow finds its run, or begins one. */
static void place(struct coalesce *c, const struct coalesce_flow *of, enum kind kind,
		  uint16_t number)
{
	struct coalesce_flow *f = find(c, of);
	const struct coalesce_packet *p = &c->packets[number];

	if (f && kind != KIND_ALONE && continues(c, f, of, p->p) && first_is_right(c, f)) {
		if (verify(p->p, of->upper, p->n)) {
			join(c, f, of, number);
			if (kind == KIND_LAST)
				f->open = false;
			return;
		}
		kind = KIND_ALONE;
	}
	if (f)
		f->open = false;
	if (kind == KIND_RUN)
		start(c, f ? f : find_room(c), of, number);
}

void coalesce_begin(struct coalesce *c, unsigned what)
{
	c->what = what;
	c->n = 0;
	c->at = 0;
	c->flows_n = 0;
	c->oldest = 0;
	c->recent = 0;
}

bool coalesce_add(struct coalesce *c, struct slice packet)
{
	struct coalesce_flow of = { 0 };
	uint16_t number = (uint16_t)c->n;
	enum kind kind;

	if (c->n == COALESCE_PACKETS)
		return false;
	c->packets[c->n++] = (struct coalesce_packet){
		.p = packet.p, .n = (uint32_t)packet.n, .next = number, .run = 1
	};
	if (c->what == 0)
		return true;
	kind = examine(c, &of, packet);
	switch (kind) {
	case KIND_ANY:
		c->flows_n = 0;
		break;
	case KIND_OTHER:
		break;
	case KIND_ALONE:
	case KIND_RUN:
	case KIND_LAST:
		place(c, &of, kind, number);
		break;
	}
	return true;
}

static void put_slice(struct coalesce_write *w, const void *p, size_t n)
{
	/* writev only reads, though its type does not say so. */
	w->iov[w->iov_n++] = (struct iovec){ .iov_base = (void *)(uintptr_t)p, .iov_len = n };
	w->bytes += n;
}

/* The headers of the super-packet, made from those of the first packet; `last` is the last one. */
static void write_headers(struct coalesce_write *w, uint32_t upper, uint32_t total,
			  const uint8_t *last)
{
	uint8_t *ip = w->headers;
	bool ip4 = upper == PACKET_IP4_HEADER;
	uint32_t length = total - upper;
	uint8_t *field = ip + upper + w->vnet.csum_offset;

	if (ip4) {
		put_be16(ip + IP4_LENGTH, (uint16_t)total);
		put_be16(ip + IP4_CHECKSUM, 0);
		put_be16(ip + IP4_CHECKSUM, packet_checksum(slice(ip, PACKET_IP4_HEADER)));
	} else {
		put_be16(ip + IP6_LENGTH, (uint16_t)length);
	}
	if (is_tcp(ip))
		ip[upper + TCP_FLAGS] |= last[upper + TCP_FLAGS];
	else
		put_be16(ip + upper + UDP_LENGTH, (uint16_t)length);
	/* The kernel adds the rest to the sum of the pseudo header. */
	put_be16(field, (uint16_t)~packet_sum_finish(sum_pseudo(ip, length)));
}

static uint32_t headers_length(const uint8_t *ip, uint32_t upper)
{
	return upper + (is_tcp(ip) ? 4U * (ip[upper + TCP_OFFSET] >> 4) : PACKET_UDP_HEADER);
}

static uint8_t gso_type(const uint8_t *ip)
{
	if (!is_tcp(ip))
		return VNET_GSO_UDP_L4;
	return ip[0] >> 4 == 4 ? VNET_GSO_TCPV4 : VNET_GSO_TCPV6;
}

static void write_run(const struct coalesce *c, const struct coalesce_packet *p,
		      struct coalesce_write *w)
{
	uint32_t upper = p->p[0] >> 4 == 4 ? PACKET_IP4_HEADER : PACKET_IP6_HEADER;
	uint32_t headers = headers_length(p->p, upper);

	memcpy(w->headers, p->p, headers);
	w->vnet = (struct vnet){
		.flags = VNET_NEEDS_CSUM,
		.gso_type = gso_type(p->p),
		.hdr_len = (uint16_t)headers,
		.gso_size = (uint16_t)(p->n - headers),
		.csum_start = (uint16_t)upper,
		.csum_offset = is_tcp(p->p) ? PACKET_TCP_CHECKSUM : PACKET_UDP_CHECKSUM,
	};
	put_slice(w, w->headers, headers);
	for (unsigned i = 1; i < w->packets; i++) {
		put_slice(w, p->p + headers, p->n - headers);
		p = &c->packets[p->next];
	}
	put_slice(w, p->p + headers, p->n - headers);
	write_headers(w, upper, (uint32_t)(w->bytes - sizeof(w->vnet)), p->p);
}

bool coalesce_output(struct coalesce *c, struct coalesce_write *out)
{
	const struct coalesce_packet *p;

	while (c->at < c->n && c->packets[c->at].run == 0)
		c->at++;
	if (c->at == c->n)
		return false;
	p = &c->packets[c->at++];
	out->packets = p->run;
	out->iov_n = 0;
	out->bytes = 0;
	out->vnet = (struct vnet){ 0 };
	put_slice(out, &out->vnet, sizeof(out->vnet));
	if (p->run == 1)
		put_slice(out, p->p, p->n);
	else
		write_run(c, p, out);
	return true;
}

struct slice coalesce_write_packet(const struct coalesce_write *w, unsigned i)
{
	size_t headers = w->iov[1].iov_len;
	const struct iovec *payload;

	if (w->packets == 1)
		return slice(w->iov[1].iov_base, headers);
	/* Each payload has its own headers in front of it still. */
	payload = &w->iov[2 + i];
	return slice((const uint8_t *)payload->iov_base - headers, headers + payload->iov_len);
}
