/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ike/protect.h"

#define FLAGS_AT 19

static void iv_from_hash(enum hash_alg hash, const struct slice *parts, size_t n,
			 uint8_t iv[PROTECT_BLOCK])
{
	uint8_t out[HASH_MAX];

	hash_parts(hash, parts, n, out);
	memcpy(iv, out, PROTECT_BLOCK);
}

void protect_iv_phase1(enum hash_alg hash, struct slice gxi, struct slice gxr,
		       uint8_t iv[PROTECT_BLOCK])
{
	const struct slice parts[] = { gxi, gxr };

	iv_from_hash(hash, parts, ARRAY_SIZE(parts), iv);
}

void protect_iv_phase2(const struct ikev1_keys *keys, const uint8_t last[PROTECT_BLOCK],
		       uint32_t id, uint8_t iv[PROTECT_BLOCK])
{
	uint8_t id_bytes[4];
	const struct slice parts[] = { slice(last, cbc_block(keys->cipher)), SLICE_OF(id_bytes) };

	put_be32(id_bytes, id);
	iv_from_hash(keys->hash, parts, ARRAY_SIZE(parts), iv);
}

struct slice protect_seal(const struct ikev1_keys *keys, uint8_t iv[PROTECT_BLOCK],
			  struct ike_writer *b)
{
	size_t block = cbc_block(keys->cipher), n = ike_write_done(b).n;
	struct slice done;
	uint8_t *body;

	wr_zero(&b->w, (block - (n - IKE_HEADER_SIZE) % block) % block);
	done = ike_write_done(b);
	if (done.n <= IKE_HEADER_SIZE)
		return SLICE_NONE;
	b->w.base[FLAGS_AT] |= ISAKMP_ENCRYPTED;
	body = b->w.base + IKE_HEADER_SIZE;
	n = done.n - IKE_HEADER_SIZE;
	if (cbc_encrypt(keys->cipher, secret_slice(&keys->key), iv, body, n) != 0)
		return SLICE_NONE;
	memset(iv, 0, PROTECT_BLOCK);
	memcpy(iv, body + n - block, block);
	return done;
}

int protect_open(const struct ikev1_keys *keys, const uint8_t iv[PROTECT_BLOCK],
		 const struct ike_msg *in, uint8_t buf[IKE_MESSAGE_MAX], struct ike_msg *out,
		 uint8_t next_iv[PROTECT_BLOCK])
{
	size_t block = cbc_block(keys->cipher), n = in->body.n;

	if (n == 0 || n % block || n > IKE_MESSAGE_MAX)
		return ERR_MALFORMED;
	memset(next_iv, 0, PROTECT_BLOCK);
	memcpy(next_iv, in->body.p + n - block, block);
	memcpy(buf, in->body.p, n);
	if (cbc_decrypt(keys->cipher, secret_slice(&keys->key), iv, buf, n) != 0)
		return ERR_MALFORMED;
	out->h = in->h;
	out->body = slice(buf, n);
	return ike_msg_parse_chain(out, out->body);
}

void protect_hash_main(const struct ikev1_keys *keys, const struct protect_end *prover,
		       const struct protect_end *other, struct slice sai, struct slice id,
		       uint8_t *out)
{
	const struct slice parts[] = { prover->public, other->public, prover->cookie,
				       other->cookie,  sai,	      id };

	hmac_parts(keys->hash, secret_slice(&keys->skeyid), parts, ARRAY_SIZE(parts), out);
}

void protect_hash_phase2(const struct ikev1_keys *keys, const struct protect_hash *hash,
			 uint32_t id, struct slice rest, uint8_t *out)
{
	static const uint8_t zero[1];
	uint8_t id_bytes[4];
	const struct slice parts[] = {
		hash->number == 3 ? SLICE_OF(zero) : SLICE_NONE,
		SLICE_OF(id_bytes),
		hash->number >= 2 ? hash->ni : SLICE_NONE,
		hash->number == 3 ? hash->nr : rest,
	};

	put_be32(id_bytes, id);
	hmac_parts(keys->hash, secret_slice(&keys->a), parts, ARRAY_SIZE(parts), out);
}

void protect_begin(struct ike_writer *b, void *buf, size_t size, const struct ike_header *h,
		   enum hash_alg alg)
{
	ike_write_header(b, buf, size, h);
	ike_write_payload(b, PAYLOAD_HASH);
	wr_zero(&b->w, hash_size(alg));
}

struct slice protect_finish(struct ike_writer *b, const struct ikev1_keys *keys,
			    const struct protect_hash *hash, uint32_t id, uint8_t iv[PROTECT_BLOCK])
{
	size_t at = IKE_HEADER_SIZE + IKE_GENERIC_SIZE;
	size_t rest = at + hash_size(keys->hash);
	struct slice done = ike_write_done(b);

	if (done.n < rest)
		return SLICE_NONE;
	protect_hash_phase2(keys, hash, id, slice(done.p + rest, done.n - rest), b->w.base + at);
	return protect_seal(keys, iv, b);
}

int protect_verify(const struct ikev1_keys *keys, const struct protect_hash *hash,
		   const struct ike_msg *m)
{
	uint8_t want[HASH_MAX];

	if (m->n == 0 || m->payload[0].type != PAYLOAD_HASH)
		return ERR_AUTH;
	protect_hash_phase2(keys, hash, m->h.id, ike_msg_rest(m), want);
	return ct_equal(m->payload[0].body, slice(want, hash_size(keys->hash))) ? 0 : ERR_AUTH;
}
