/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ike/codec.h"

/* ---- SA ---- */

#define ATTRIBUTE_BASIC 0x8000

int sa_attributes_parse(struct slice s, struct sa_attribute *out, unsigned max)
{
	unsigned n = 0;
	struct rd r;

	rd_init(&r, s);
	while (rd_left(&r)) {
		uint16_t type = rd_u16(&r);
		uint16_t v = rd_u16(&r);
		uint64_t value = v;

		if (!(type & ATTRIBUTE_BASIC)) {
			struct slice bytes = rd_slice(&r, v);

			value = 0;
			for (size_t i = 0; i < bytes.n; i++)
				value = value << 8 | bytes.p[i];
			if (bytes.n > sizeof(value))
				value = UINT64_MAX;
		}
		if (r.bad)
			return ERR_MALFORMED;
		if (n == max)
			return ERR_NO_ROOM;
		out[n++] = (struct sa_attribute){ type & ~ATTRIBUTE_BASIC & 0xffff, value };
	}
	return (int)n;
}

void sa_attribute_write(struct wr *w, uint16_t type, uint32_t value)
{
	if (value <= UINT16_MAX) {
		wr_u16(w, type | ATTRIBUTE_BASIC);
		wr_u16(w, (uint16_t)value);
	} else {
		wr_u16(w, type);
		wr_u16(w, 4);
		wr_u32(w, value);
	}
}

/* The generic header of a proposal or transform; *more is false at the last one. */
static struct slice substructure(struct rd *r, uint8_t type, bool *more)
{
	const uint8_t *start = r->p;
	uint8_t next = rd_u8(r);
	uint8_t reserved = rd_u8(r);
	uint16_t length = rd_u16(r);

	if (reserved || length < IKE_GENERIC_SIZE || (next != PAYLOAD_NONE && next != type))
		r->bad = true;
	*more = next == type;
	rd_slice(r, r->bad ? 0 : length - IKE_GENERIC_SIZE);
	return r->bad ? SLICE_NONE : slice(start, length);
}

static int transform_parse(struct slice whole, struct sa_transform *t)
{
	struct rd r;
	int n;

	rd_init(&r, whole);
	rd_slice(&r, IKE_GENERIC_SIZE);
	t->number = rd_u8(&r);
	t->id = rd_u8(&r);
	rd_u16(&r);
	if (r.bad)
		return ERR_MALFORMED;
	t->whole = whole;
	n = sa_attributes_parse(rd_rest(&r), t->attribute, SA_ATTRIBUTES_MAX);
	t->nattributes = n > 0 ? (unsigned)n : 0;
	return n < 0 ? n : 0;
}

static int proposal_parse(struct slice whole, struct sa_payload *sa)
{
	struct sa_proposal *p = &sa->proposal[sa->nproposals++];
	uint8_t spi_size, count;
	bool more = true;
	struct rd r;

	rd_init(&r, whole);
	rd_slice(&r, IKE_GENERIC_SIZE);
	p->number = rd_u8(&r);
	p->protocol = rd_u8(&r);
	spi_size = rd_u8(&r);
	count = rd_u8(&r);
	p->spi = rd_slice(&r, spi_size);
	p->first = sa->ntransforms;
	p->n = 0;
	if (r.bad || count == 0)
		return ERR_MALFORMED;
	while (more) {
		struct slice t = substructure(&r, PAYLOAD_TRANSFORM, &more);
		int err;

		if (r.bad || p->n == count)
			return ERR_MALFORMED;
		if (sa->ntransforms == SA_TRANSFORMS_MAX)
			return ERR_NO_ROOM;
		err = transform_parse(t, &sa->transform[sa->ntransforms++]);
		if (err)
			return err;
		p->n++;
	}
	return p->n == count && rd_left(&r) == 0 ? 0 : ERR_MALFORMED;
}

int sa_payload_parse(struct slice body, struct sa_payload *out)
{
	uint32_t doi, situation;
	bool more = true;
	struct rd r;

	out->nproposals = 0;
	out->ntransforms = 0;
	rd_init(&r, body);
	doi = rd_u32(&r);
	situation = rd_u32(&r);
	if (r.bad)
		return ERR_MALFORMED;
	if (doi != IPSEC_DOI || situation != SIT_IDENTITY_ONLY)
		return ERR_UNSUPPORTED;
	while (more) {
		struct slice p = substructure(&r, PAYLOAD_PROPOSAL, &more);
		int err;

		if (r.bad)
			return ERR_MALFORMED;
		if (out->nproposals == SA_PROPOSALS_MAX)
			return ERR_NO_ROOM;
		err = proposal_parse(p, out);
		if (err)
			return err;
	}
	return rd_left(&r) == 0 ? 0 : ERR_MALFORMED;
}

/* ---- KE, nonce ---- */

int ke_parse(struct slice body, enum dh_group group)
{
	size_t size = dh_public_size(group);

	return size && body.n == size ? 0 : ERR_MALFORMED;
}

int nonce_parse(struct slice body)
{
	return body.n >= IKE_NONCE_MIN && body.n <= IKE_NONCE_MAX ? 0 : ERR_MALFORMED;
}

/* ---- ID ---- */

#define PROTO_UDP 17

int id_parse(struct slice body, struct id_payload *out)
{
	struct rd r;

	rd_init(&r, body);
	out->type = rd_u8(&r);
	out->protocol = rd_u8(&r);
	out->port = rd_u16(&r);
	out->data = rd_rest(&r);
	return r.bad ? ERR_MALFORMED : 0;
}

int id_to_identity(const struct id_payload *id, struct identity *out)
{
	bool zero = id->protocol == 0 && id->port == 0;
	bool ike = id->protocol == PROTO_UDP &&
		   (id->port == 0 || id->port == IKE_PORT || id->port == IKE_NATT_PORT);
	size_t n = id->data.n;

	if ((!zero && !ike) || n == 0 || n > IKE_ID_MAX)
		return ERR_MALFORMED;
	switch (id->type) {
	case ID_IPV4_ADDR:
		if (n != 4)
			return ERR_MALFORMED;
		break;
	case ID_IPV6_ADDR:
		if (n != 16)
			return ERR_MALFORMED;
		break;
	case ID_FQDN:
	case ID_USER_FQDN:
	case ID_DER_ASN1_DN:
	case ID_KEY_ID:
		break;
	default: /* a number from the wire, not one of our own */
		return ERR_UNSUPPORTED;
	}
	memset(out, 0, sizeof(*out));
	out->type = (enum id_type)id->type;
	out->n = (uint16_t)n;
	memcpy(out->data, id->data.p, n);
	return 0;
}

struct identity identity_from_addr(const struct addr *a)
{
	struct slice b = addr_bytes(a);
	struct identity id = { .type = ID_NONE };

	if (a->family == FAMILY_NONE)
		return id;
	id.type = a->family == FAMILY_IP4 ? ID_IPV4_ADDR : ID_IPV6_ADDR;
	id.n = (uint16_t)b.n;
	memcpy(id.data, b.p, b.n);
	return id;
}

int netmask_length(struct slice mask)
{
	unsigned bits = 0;

	while (bits < 8 * mask.n && (mask.p[bits / 8] & (0x80 >> bits % 8)))
		bits++;
	for (unsigned i = bits; i < 8 * mask.n; i++)
		if (mask.p[i / 8] & (0x80 >> i % 8))
			return -1;
	return (int)bits;
}

static int ts_from_parts(struct slice a, struct slice b, bool subnet, struct ts *out)
{
	struct prefix p;
	int length;

	if (!subnet) {
		if (!addr_from_bytes(a, &out->lo) || !addr_from_bytes(b, &out->hi) ||
		    addr_cmp(&out->lo, &out->hi) > 0)
			return ERR_MALFORMED;
		return 0;
	}
	length = netmask_length(b);
	if (!addr_from_bytes(a, &p.addr) || length < 0)
		return ERR_MALFORMED;
	p.len = (uint8_t)length;
	prefix_range(&p, &out->lo, &out->hi);
	return 0;
}

int id_to_ts(const struct id_payload *id, struct ts *out)
{
	struct slice a, b;
	size_t size = 16;
	struct rd r;
	int err;

	if (id->type == ID_IPV4_ADDR || id->type == ID_IPV4_ADDR_SUBNET ||
	    id->type == ID_IPV4_ADDR_RANGE)
		size = 4;
	else if (id->type != ID_IPV6_ADDR && id->type != ID_IPV6_ADDR_SUBNET &&
		 id->type != ID_IPV6_ADDR_RANGE)
		return ERR_UNSUPPORTED;
	rd_init(&r, id->data);
	a = rd_slice(&r, size);
	b = id->type == ID_IPV4_ADDR || id->type == ID_IPV6_ADDR ? a : rd_slice(&r, size);
	if (r.bad || rd_left(&r))
		return ERR_MALFORMED;
	memset(out, 0, sizeof(*out));
	err = ts_from_parts(
		a, b, id->type == ID_IPV4_ADDR_SUBNET || id->type == ID_IPV6_ADDR_SUBNET, out);
	out->proto = id->protocol;
	out->port_lo = id->port;
	out->port_hi = id->port ? id->port : UINT16_MAX;
	return err;
}

static void id_write(struct ike_writer *b, uint8_t type, uint8_t protocol, uint16_t port)
{
	ike_write_payload(b, PAYLOAD_ID);
	wr_u8(&b->w, type);
	wr_u8(&b->w, protocol);
	wr_u16(&b->w, port);
}

void id_write_identity(struct ike_writer *b, const struct identity *id, uint8_t protocol,
		       uint16_t port)
{
	id_write(b, (uint8_t)id->type, protocol, port);
	wr_slice(&b->w, slice(id->data, id->n));
}

void netmask_write(struct wr *w, size_t size, unsigned length)
{
	for (unsigned i = 0; i < size; i++) {
		unsigned bits = length > 8 * i ? length - 8 * i : 0;

		wr_u8(w, bits >= 8 ? 0xff : (uint8_t)(0xff00 >> bits));
	}
}

void id_write_ts(struct ike_writer *b, const struct ts *ts)
{
	bool v4 = ts->lo.family == FAMILY_IP4;
	uint16_t port = ts->port_lo == ts->port_hi ? ts->port_lo : 0;
	size_t size = family_size(ts->lo.family);
	struct prefix p;

	if (addr_eq(&ts->lo, &ts->hi)) {
		id_write(b, v4 ? ID_IPV4_ADDR : ID_IPV6_ADDR, ts->proto, port);
		wr_slice(&b->w, addr_bytes(&ts->lo));
	} else if (ts_to_prefix(ts, &p)) {
		id_write(b, v4 ? ID_IPV4_ADDR_SUBNET : ID_IPV6_ADDR_SUBNET, ts->proto, port);
		wr_slice(&b->w, addr_bytes(&ts->lo));
		netmask_write(&b->w, size, p.len);
	} else {
		id_write(b, v4 ? ID_IPV4_ADDR_RANGE : ID_IPV6_ADDR_RANGE, ts->proto, port);
		wr_slice(&b->w, addr_bytes(&ts->lo));
		wr_slice(&b->w, addr_bytes(&ts->hi));
	}
}

/* ---- certificates (RFC 2408 sections 3.9, 3.10) ---- */

int cert_parse(struct slice body, uint8_t *encoding, struct slice *data)
{
	struct rd r;

	rd_init(&r, body);
	*encoding = rd_u8(&r);
	*data = rd_rest(&r);
	return r.bad ? ERR_MALFORMED : 0;
}

void cert_write(struct ike_writer *b, enum payload_type type, struct slice data)
{
	ike_write_payload(b, type);
	wr_u8(&b->w, CERT_ENCODING_X509_SIGNATURE);
	wr_slice(&b->w, data);
}

/* ---- notify, delete ---- */

int notify_parse(struct slice body, struct notify_payload *out)
{
	uint8_t spi_size;
	struct rd r;

	rd_init(&r, body);
	rd_u32(&r); /* DOI: peers differ in it, the type alone tells */
	out->protocol = rd_u8(&r);
	spi_size = rd_u8(&r);
	out->type = rd_u16(&r);
	out->spi = rd_slice(&r, spi_size);
	out->data = rd_rest(&r);
	return r.bad ? ERR_MALFORMED : 0;
}

void notify_write(struct ike_writer *b, const struct notify_payload *n)
{
	ike_write_payload(b, PAYLOAD_NOTIFY);
	wr_u32(&b->w, IPSEC_DOI);
	wr_u8(&b->w, n->protocol);
	wr_u8(&b->w, (uint8_t)n->spi.n);
	wr_u16(&b->w, n->type);
	wr_slice(&b->w, n->spi);
	wr_slice(&b->w, n->data);
}

#define LIFE_SECONDS 1
#define LIFE_KILOBYTES 2

/* The attribute "life type", the duration is the one behind it: 11 in phase 1, 1 in phase 2. */
static uint16_t life_type(uint8_t protocol)
{
	return protocol == PROTOCOL_ISAKMP ? 11 : 1;
}

void notify_write_lifetime(struct ike_writer *b, uint8_t protocol, struct slice spi,
			   uint32_t seconds)
{
	uint16_t type = life_type(protocol);
	uint8_t data[16];
	struct wr w;

	wr_init(&w, data, sizeof(data));
	sa_attribute_write(&w, type, LIFE_SECONDS);
	sa_attribute_write(&w, type + 1, seconds);
	notify_write(b, &(struct notify_payload){ .protocol = protocol,
						  .type = NOTIFY_RESPONDER_LIFETIME,
						  .spi = spi,
						  .data = wr_done(&w) });
}

void notify_lifetime(struct slice data, uint8_t protocol, uint32_t *seconds, uint64_t *bytes)
{
	uint16_t type = life_type(protocol);
	struct sa_attribute a[SA_ATTRIBUTES_MAX];
	int n = sa_attributes_parse(data, a, SA_ATTRIBUTES_MAX);

	*seconds = 0;
	*bytes = 0;
	for (int i = 0; i + 1 < n; i++) {
		if (a[i].type != type || a[i + 1].type != type + 1)
			continue;
		if (a[i].value == LIFE_SECONDS)
			*seconds = a[i + 1].value > UINT32_MAX ? UINT32_MAX :
								 (uint32_t)a[i + 1].value;
		else if (a[i].value == LIFE_KILOBYTES && a[i + 1].value < UINT64_MAX / 1024)
			*bytes = a[i + 1].value * 1024;
	}
}

int delete_parse(struct slice body, struct delete_payload *out)
{
	struct rd r;

	rd_init(&r, body);
	rd_u32(&r);
	out->protocol = rd_u8(&r);
	out->spi_size = rd_u8(&r);
	out->n = rd_u16(&r);
	out->spis = rd_rest(&r);
	if (r.bad || out->n == 0 || out->spi_size == 0 ||
	    out->spis.n != (size_t)out->n * out->spi_size)
		return ERR_MALFORMED;
	return 0;
}

void delete_write(struct ike_writer *b, uint8_t protocol, struct slice spi)
{
	ike_write_payload(b, PAYLOAD_DELETE);
	wr_u32(&b->w, IPSEC_DOI);
	wr_u8(&b->w, protocol);
	wr_u8(&b->w, (uint8_t)spi.n);
	wr_u16(&b->w, 1);
	wr_slice(&b->w, spi);
}
