/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ike/codec.h"

#define FLAGS_KNOWN (ISAKMP_ENCRYPTED | ISAKMP_COMMIT | ISAKMP_AUTH_ONLY)

/* RFC 2408 section 5.3. `slack`: how many bytes may follow the last payload. */
static int chain_parse(struct ike_msg *m, struct slice body, size_t slack)
{
	uint8_t type = m->h.next;
	struct rd r;

	m->n = 0;
	rd_init(&r, body);
	while (type != PAYLOAD_NONE) {
		const uint8_t *start = r.p;
		uint8_t next = rd_u8(&r);
		uint8_t reserved = rd_u8(&r);
		uint16_t length = rd_u16(&r);
		struct slice inner;

		if (r.bad || reserved || length < IKE_GENERIC_SIZE || m->n == IKE_PAYLOADS_MAX)
			return ERR_MALFORMED;
		inner = rd_slice(&r, length - IKE_GENERIC_SIZE);
		if (r.bad)
			return ERR_MALFORMED;
		m->payload[m->n++] = (struct ike_payload){ type, inner, slice(start, length) };
		type = next;
	}
	return m->n && rd_left(&r) <= slack ? 0 : ERR_MALFORMED;
}

int ike_msg_parse(struct slice bytes, struct ike_msg *out)
{
	struct ike_header *h = &out->h;
	struct rd r;

	out->n = 0;
	rd_init(&r, bytes);
	rd_copy(&r, h->cookie_i, sizeof(h->cookie_i));
	rd_copy(&r, h->cookie_r, sizeof(h->cookie_r));
	h->next = rd_u8(&r);
	h->version = rd_u8(&r);
	h->exchange = rd_u8(&r);
	h->flags = rd_u8(&r);
	h->id = rd_u32(&r);
	h->length = rd_u32(&r);
	out->body = rd_rest(&r);
	if (r.bad || h->length != bytes.n || bytes.n > IKE_MESSAGE_MAX)
		return ERR_MALFORMED;
	if (h->version != IKE_VERSION_1)
		return ERR_UNSUPPORTED;
	if (h->flags & ~FLAGS_KNOWN)
		return ERR_MALFORMED;
	if (h->flags & ISAKMP_ENCRYPTED)
		return out->body.n ? 0 : ERR_MALFORMED;
	/* Some peers pad unencrypted messages to a multiple of four. */
	return chain_parse(out, out->body, 3);
}

int ike_msg_parse_chain(struct ike_msg *m, struct slice body)
{
	return chain_parse(m, body, SIZE_MAX);
}

static const struct ike_payload *find_from(const struct ike_msg *m, unsigned i, uint8_t type)
{
	for (; i < m->n; i++)
		if (m->payload[i].type == type)
			return &m->payload[i];
	return NULL;
}

const struct ike_payload *ike_msg_find(const struct ike_msg *m, enum payload_type type)
{
	return find_from(m, 0, (uint8_t)type);
}

const struct ike_payload *ike_msg_find_next(const struct ike_msg *m,
					    const struct ike_payload *after)
{
	return find_from(m, (unsigned)(after - m->payload) + 1, after->type);
}

struct slice ike_msg_body(const struct ike_msg *m, enum payload_type type)
{
	const struct ike_payload *p = ike_msg_find(m, type);

	return p ? p->body : SLICE_NONE;
}

struct slice ike_msg_rest(const struct ike_msg *m)
{
	const struct ike_payload *last;
	const uint8_t *from;

	if (m->n < 2)
		return SLICE_NONE;
	last = &m->payload[m->n - 1];
	from = m->payload[1].whole.p;
	return slice(from, (size_t)(last->whole.p + last->whole.n - from));
}

static payload_set payload_bit(uint8_t type)
{
	switch (type) {
	case PAYLOAD_NAT_D_DRAFT:
		return PAYLOAD_BIT_NAT_D_DRAFT;
	case PAYLOAD_NAT_OA_DRAFT:
		return PAYLOAD_BIT_NAT_OA_DRAFT;
	case PAYLOAD_NAT_D:
	case PAYLOAD_NAT_OA:
		return PAYLOAD_BIT(type);
	}
	return type <= PAYLOAD_ATTRIBUTE ? PAYLOAD_BIT(type) : 0;
}

int ike_msg_check(const struct ike_msg *m, payload_set required, payload_set optional,
		  payload_set many)
{
	payload_set seen = 0;

	for (unsigned i = 0; i < m->n; i++) {
		payload_set bit = payload_bit(m->payload[i].type);

		if (bit & ~(required | optional | many))
			return ERR_UNEXPECTED;
		if (bit & seen & ~many)
			return ERR_MALFORMED;
		seen |= bit;
	}
	return (required & ~seen) == 0 ? 0 : ERR_MALFORMED;
}

/* ---- writing ---- */

#define NEXT_AT 16
#define LENGTH_AT 24

void ike_write_header(struct ike_writer *b, void *buf, size_t size, const struct ike_header *h)
{
	wr_init(&b->w, buf, size);
	b->next_at = NEXT_AT;
	b->open = 0;
	wr_slice(&b->w, SLICE_OF(h->cookie_i));
	wr_slice(&b->w, SLICE_OF(h->cookie_r));
	wr_u8(&b->w, PAYLOAD_NONE);
	wr_u8(&b->w, IKE_VERSION_1);
	wr_u8(&b->w, h->exchange);
	wr_u8(&b->w, h->flags);
	wr_u32(&b->w, h->id);
	wr_u32(&b->w, 0);
}

static void close_payload(struct ike_writer *b)
{
	size_t n = wr_len(&b->w) - b->open;

	if (!b->open)
		return;
	if (n > UINT16_MAX)
		b->w.bad = true;
	wr_patch_u16(&b->w, b->open + 2, (uint16_t)n);
	b->open = 0;
}

void ike_write_payload(struct ike_writer *b, enum payload_type type)
{
	size_t at;

	close_payload(b);
	at = wr_len(&b->w);
	wr_u8(&b->w, PAYLOAD_NONE);
	wr_u8(&b->w, 0);
	wr_u16(&b->w, 0);
	if (b->w.bad)
		return;
	b->w.base[b->next_at] = (uint8_t)type;
	b->next_at = at;
	b->open = at;
}

void ike_write_body(struct ike_writer *b, enum payload_type type, struct slice body)
{
	ike_write_payload(b, type);
	wr_slice(&b->w, body);
}

struct slice ike_write_done(struct ike_writer *b)
{
	close_payload(b);
	wr_patch_u32(&b->w, LENGTH_AT, (uint32_t)wr_len(&b->w));
	return wr_done(&b->w);
}
