/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ike/codec.h"

void natd_hash(enum hash_alg alg, const struct ike_header *h, const struct endpoint *e,
	       uint8_t *out)
{
	uint8_t port[2];
	const struct slice parts[] = { SLICE_OF(h->cookie_i), SLICE_OF(h->cookie_r),
				       addr_bytes(&e->addr), SLICE_OF(port) };

	put_be16(port, e->port);
	hash_parts(alg, parts, ARRAY_SIZE(parts), out);
}

void natd_write(struct ike_writer *b, enum natt style, enum hash_alg alg,
		const struct ike_header *h, const struct endpoint *destination,
		const struct endpoint *source, struct rng *rng)
{
	enum payload_type type = style == NATT_DRAFT ? PAYLOAD_NAT_D_DRAFT : PAYLOAD_NAT_D;
	uint8_t hash[HASH_MAX];

	natd_hash(alg, h, destination, hash);
	ike_write_body(b, type, slice(hash, hash_size(alg)));
	if (source && source->addr.family != FAMILY_NONE)
		natd_hash(alg, h, source, hash);
	else
		rng_fill(rng, hash, hash_size(alg));
	ike_write_body(b, type, slice(hash, hash_size(alg)));
}

static bool natd_matches(const struct ike_payload *p, enum hash_alg alg, const struct ike_header *h,
			 const struct endpoint *e)
{
	uint8_t hash[HASH_MAX];

	natd_hash(alg, h, e, hash);
	return slice_eq(p->body, slice(hash, hash_size(alg)));
}

int natd_detect(const struct ike_msg *m, enum hash_alg alg, const struct endpoint *local,
		const struct endpoint *remote, enum nat *out)
{
	const struct ike_payload *p = ike_msg_find(m, PAYLOAD_NAT_D);
	bool ours, theirs = false;

	if (!p)
		p = ike_msg_find(m, PAYLOAD_NAT_D_DRAFT);
	if (!p || !ike_msg_find_next(m, p))
		return ERR_UNSUPPORTED;
	ours = local->addr.family != FAMILY_NONE && natd_matches(p, alg, &m->h, local);
	while ((p = ike_msg_find_next(m, p)))
		theirs = theirs || natd_matches(p, alg, &m->h, remote);
	*out = (enum nat)((ours ? 0 : NAT_LOCAL) | (theirs ? 0 : NAT_REMOTE));
	return 0;
}
