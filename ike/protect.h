/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What protects IKEv1 messages: the chain of IVs and the HASH payloads (RFC 2409 section 5 and
 * appendix B). For both roles. Nothing here keeps state: an IV is the caller's, and moves on only
 * once what came under it has been verified.
 */
#ifndef GODWIT_IKE_PROTECT_H
#define GODWIT_IKE_PROTECT_H

#include "ike/codec.h"

#define PROTECT_BLOCK                                                                              \
	CBC_BLOCK_MAX /* room for an IV; a cipher with smaller blocks leaves the rest */

/* The first IV of phase 1: the head of hash(g^xi | g^xr). */
void protect_iv_phase1(enum hash_alg hash, struct slice gxi, struct slice gxr,
		       uint8_t iv[PROTECT_BLOCK]);
/* The first IV of message id `id`: the head of hash(last block of phase 1 | id). */
void protect_iv_phase2(const struct ikev1_keys *keys, const uint8_t last[PROTECT_BLOCK],
		       uint32_t id, uint8_t iv[PROTECT_BLOCK]);

/*
 * Ends the message, pads and encrypts it in place; iv becomes its last block. Empty when the
 * buffer was too small; iv is then unchanged.
 */
struct slice protect_seal(const struct ikev1_keys *keys, uint8_t iv[PROTECT_BLOCK],
			  struct ike_writer *b);
/*
 * Decrypts an encrypted message into buf and parses the chain into *out, whose slices point into
 * buf. next_iv: the last block of the ciphertext, the next IV if the message proves good. 0 or
 * ERR_MALFORMED, which is also what a wrong key looks like.
 */
int protect_open(const struct ikev1_keys *keys, const uint8_t iv[PROTECT_BLOCK],
		 const struct ike_msg *in, uint8_t buf[IKE_MESSAGE_MAX], struct ike_msg *out,
		 uint8_t next_iv[PROTECT_BLOCK]);

/* One end of phase 1 as HASH_I and HASH_R see it. */
struct protect_end {
	struct slice public; /* KE body */
	struct slice cookie;
};

/*
 * HASH_I with the initiator as `prover`, HASH_R with the responder: prf(SKEYID, g^x of the prover
 * | g^x of the other | its cookie | the other's cookie | SAi_b | ID_b of the prover).
 */
void protect_hash_main(const struct ikev1_keys *keys, const struct protect_end *prover,
		       const struct protect_end *other, struct slice sai, struct slice id,
		       uint8_t *out);

/* HASH(number) of phase 2. number 1 needs neither nonce, 2 needs ni, 3 needs both and no rest. */
struct protect_hash {
	unsigned number;
	struct slice ni;
	struct slice nr;
};

void protect_hash_phase2(const struct ikev1_keys *keys, const struct protect_hash *hash,
			 uint32_t id, struct slice rest, uint8_t *out);
/* Begins a phase 2 message: header and a HASH payload with room. The other payloads follow. */
void protect_begin(struct ike_writer *b, void *buf, size_t size, const struct ike_header *h,
		   enum hash_alg alg);
/* Ends it: fills in the HASH and seals. */
struct slice protect_finish(struct ike_writer *b, const struct ikev1_keys *keys,
			    const struct protect_hash *hash, uint32_t id,
			    uint8_t iv[PROTECT_BLOCK]);
/* The first payload is the HASH and verifies, in constant time. 0 or ERR_AUTH. */
int protect_verify(const struct ikev1_keys *keys, const struct protect_hash *hash,
		   const struct ike_msg *m);

#endif
