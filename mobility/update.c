/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mobility/update.h"

#include "base/err.h"

static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };

static bool type_is_ip6(uint16_t type)
{
	return type == UPDATE_REQUEST6 || type == UPDATE_ACK6 || type == UPDATE_NACK6;
}

static bool type_is_ip4(uint16_t type)
{
	return type == UPDATE_REQUEST || type == UPDATE_ACK || type == UPDATE_NACK;
}

static struct addr addr_read(struct rd *r, bool ip6)
{
	struct slice s = rd_slice(r, ip6 ? 16 : 4);
	struct addr a = { 0 };

	if (s.n == 16 && memcmp(s.p, mapped, sizeof(mapped)) == 0)
		s = slice(s.p + sizeof(mapped), 4);
	addr_from_bytes(s, &a);
	return a;
}

int update_parse(uint16_t type, struct slice data, struct update_body *out)
{
	bool ip6 = type_is_ip6(type);
	struct rd r;

	if (!ip6 && !type_is_ip4(type))
		return ERR_UNSUPPORTED;
	rd_init(&r, data);
	out->old = addr_read(&r, ip6);
	out->new = addr_read(&r, ip6);
	out->identifier = rd_u32(&r);
	out->n = rd_u8(&r);
	if (r.bad || rd_left(&r) != 4u * out->n || update_is_ip6(out) != ip6)
		return ERR_MALFORMED;
	for (unsigned i = 0; i < out->n; i++)
		out->spi[i] = rd_u32(&r);
	return 0;
}

bool update_is_ip6(const struct update_body *b)
{
	return b->old.family == FAMILY_IP6 || b->new.family == FAMILY_IP6;
}

static void addr_write(struct wr *w, const struct addr *a, bool ip6)
{
	size_t n = family_size(a->family);

	if (ip6 && n == 4)
		wr_slice(w, SLICE_OF(mapped));
	if (n)
		wr_slice(w, addr_bytes(a));
	else
		wr_zero(w, ip6 ? 16 : 4);
}

size_t update_write(const struct update_body *b, uint8_t out[UPDATE_BODY_MAX])
{
	bool ip6 = update_is_ip6(b);
	struct wr w;

	wr_init(&w, out, UPDATE_BODY_MAX);
	addr_write(&w, &b->old, ip6);
	addr_write(&w, &b->new, ip6);
	wr_u32(&w, b->identifier);
	wr_u8(&w, (uint8_t)b->n);
	for (unsigned i = 0; i < b->n; i++)
		wr_u32(&w, b->spi[i]);
	return wr_done(&w).n;
}

int update_check_parse(struct slice data, struct update_check *out)
{
	struct rd r;

	rd_init(&r, data);
	out->identifier = rd_u32(&r);
	rd_copy(&r, out->random, sizeof(out->random));
	return r.bad || rd_left(&r) ? ERR_MALFORMED : 0;
}

void update_check_write(const struct update_check *c, uint8_t out[UPDATE_CHECK_SIZE])
{
	put_be32(out, c->identifier);
	memcpy(out + 4, c->random, sizeof(c->random));
}

enum encapsulation update_encapsulation(enum encapsulation now, bool nat)
{
	return nat && now == ENCAPSULATION_ESP ? ENCAPSULATION_UDP : now;
}

const char *update_why_name(enum update_why why)
{
	switch (why) {
	case UPDATE_WHY_NACK:
		return "refused";
	case UPDATE_WHY_UNANSWERED:
		return "unanswered";
	case UPDATE_WHY_UNSUPPORTED:
		return "unsupported";
	case UPDATE_WHY_NOT_FOLLOWED:
		return "not followed";
	case UPDATE_WHY_NAT:
		return "nat";
	}
	return "unknown";
}
