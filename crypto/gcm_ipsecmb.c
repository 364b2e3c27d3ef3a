/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "crypto/gcm.h"

#ifdef GODWIT_IPSECMB

#include <cpuid.h>
#include <intel-ipsec-mb.h>

#include "base/err.h"
#include "base/mem.h"

/*
 * The library's own way to these functions is a manager, whose making runs and so loads every
 * algorithm the library has: 4 MB of memory and 10 MB of program. Called by name, they bring in
 * themselves alone. The build has tried that these names exist; gcm_judge tries what they do. Their
 * types are the header's.
 */
#define IPSECMB_FUNCTIONS(bits)                                                                    \
	void aes_gcm_precomp_##bits##_vaes_avx512(struct gcm_key_data *key);                       \
	void aes_gcm_enc_##bits##_vaes_avx512(const struct gcm_key_data *key,                      \
					      struct gcm_context_data *context, uint8_t *out,      \
					      const uint8_t *in, uint64_t n, const uint8_t *iv,    \
					      const uint8_t *aad, uint64_t aad_n, uint8_t *tag,    \
					      uint64_t tag_n);                                     \
	void aes_gcm_dec_##bits##_vaes_avx512(const struct gcm_key_data *key,                      \
					      struct gcm_context_data *context, uint8_t *out,      \
					      const uint8_t *in, uint64_t n, const uint8_t *iv,    \
					      const uint8_t *aad, uint64_t aad_n, uint8_t *tag,    \
					      uint64_t tag_n);

IPSECMB_FUNCTIONS(128)
IPSECMB_FUNCTIONS(192)
IPSECMB_FUNCTIONS(256)

static void ipsecmb_seal(aes_gcm_enc_dec_t encrypt, const struct gcm_key_data *key,
			 const uint8_t nonce[GCM_NONCE], struct slice aad, uint8_t *text, size_t n,
			 size_t icv)
{
	struct gcm_context_data context;

	encrypt(key, &context, text, text, n, nonce, aad.p, aad.n, text + n, icv);
	wipe(&context, sizeof(context));
}

static int ipsecmb_open(aes_gcm_enc_dec_t decrypt, const struct gcm_key_data *key,
			const uint8_t nonce[GCM_NONCE], struct slice aad, uint8_t *text, size_t n,
			size_t icv)
{
	struct {
		struct gcm_context_data context;
		uint8_t icv[16];
	} work;
	bool good;

	decrypt(key, &work.context, text, text, n, nonce, aad.p, aad.n, work.icv, icv);
	good = ct_equal(slice(work.icv, icv), slice(text + n, icv));
	wipe(&work, sizeof(work));
	return good ? 0 : ERR_AUTH;
}

#define IPSECMB_CALLS(bits)                                                                        \
	static void seal_##bits(void *state, const uint8_t nonce[GCM_NONCE], struct slice aad,     \
				uint8_t *text, size_t n, size_t icv)                               \
	{                                                                                          \
		ipsecmb_seal(aes_gcm_enc_##bits##_vaes_avx512, state, nonce, aad, text, n, icv);   \
	}                                                                                          \
                                                                                                   \
	static int open_##bits(void *state, const uint8_t nonce[GCM_NONCE], struct slice aad,      \
			       uint8_t *text, size_t n, size_t icv)                                \
	{                                                                                          \
		return ipsecmb_open(aes_gcm_dec_##bits##_vaes_avx512, state, nonce, aad, text, n,  \
				    icv);                                                          \
	}                                                                                          \
                                                                                                   \
	static const struct gcm_calls *start_##bits(struct gcm_key_data *state, const void *key)   \
	{                                                                                          \
		static const struct gcm_calls calls = { seal_##bits, open_##bits };                \
                                                                                                   \
		aes_keyexp_##bits##_enc_avx512(key, state->expanded_keys);                         \
		aes_gcm_precomp_##bits##_vaes_avx512(state);                                       \
		return &calls;                                                                     \
	}

IPSECMB_CALLS(128)
IPSECMB_CALLS(192)
IPSECMB_CALLS(256)

static const struct gcm_calls *ipsecmb_start(void *state, struct slice key)
{
	return key.n == 16 ? start_128(state, key.p) :
	       key.n == 24 ? start_192(state, key.p) :
			     start_256(state, key.p);
}

#define BLOCK 16
#define POWERS 48 /* of the hash's key, the highest first */

/*
 * The round keys, and as many powers as there are blocks, with one for the lengths, and one for what
 * is authenticated only.
 */
static void ipsecmb_ahead(const void *state, size_t n)
{
	const struct gcm_key_data *key = state;
	const uint8_t *powers = key->ghash_keys.vaes_avx512.shifted_hkey;
	size_t needed = n / BLOCK + 3;
	size_t from = needed < POWERS ? (POWERS - needed) * BLOCK : 0;

	mem_ahead(key->expanded_keys, sizeof(key->expanded_keys));
	mem_ahead(powers + from, POWERS * BLOCK - from);
}

static void ipsecmb_stop(void *state)
{
	(void)state;
}

static const struct gcm_library ipsecmb = {
	.name = "libipsec-mb",
	.size = sizeof(struct gcm_key_data),
	.start = ipsecmb_start,
	.ahead = ipsecmb_ahead,
	.stop = ipsecmb_stop,
};

/* The compiler's check says of AVX-512 that the kernel saves its registers, too. */
static bool has_wide_aes(void)
{
	const unsigned wanted = 1U << 8 | 1U << 9 | 1U << 10; /* GFNI, VAES, VPCLMULQDQ */
	unsigned a, b, c, d;

	return __builtin_cpu_supports("aes") && __builtin_cpu_supports("pclmul") &&
	       __builtin_cpu_supports("bmi2") && __builtin_cpu_supports("avx512f") &&
	       __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512cd") &&
	       __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") &&
	       __get_cpuid_count(7, 0, &a, &b, &c, &d) && (c & wanted) == wanted;
}

const struct gcm_library *gcm_ipsecmb(void)
{
	return has_wide_aes() ? &ipsecmb : NULL;
}

#else

const struct gcm_library *gcm_ipsecmb(void)
{
	return NULL;
}

#endif
