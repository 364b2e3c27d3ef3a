/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "crypto/gcm.h"

#ifdef GODWIT_IPSECMB

#include <cpuid.h>
#include <intel-ipsec-mb.h>

#include "base/err.h"

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

struct functions {
	void (*expand)(const void *key, void *round_keys);
	aes_gcm_precomp_t precompute;
	aes_gcm_enc_dec_t encrypt;
	aes_gcm_enc_dec_t decrypt;
};

#define IPSECMB_ROW(bits)                                                                          \
	{                                                                                          \
		aes_keyexp_##bits##_enc_avx512, aes_gcm_precomp_##bits##_vaes_avx512,              \
			aes_gcm_enc_##bits##_vaes_avx512, aes_gcm_dec_##bits##_vaes_avx512         \
	}

static const struct functions functions_128 = IPSECMB_ROW(128);
static const struct functions functions_192 = IPSECMB_ROW(192);
static const struct functions functions_256 = IPSECMB_ROW(256);

/* The context and the ICV that was computed are here and not on the stack: they are secret, too. */
struct state {
	struct gcm_key_data key;
	struct gcm_context_data context;
	const struct functions *functions;
	uint8_t icv[16];
};

static void ipsecmb_start(void *state, struct slice key)
{
	struct state *s = state;

	s->functions = key.n == 16 ? &functions_128 : key.n == 24 ? &functions_192 : &functions_256;
	s->functions->expand(key.p, s->key.expanded_keys);
	s->functions->precompute(&s->key);
}

static void ipsecmb_stop(void *state)
{
	(void)state;
}

static void ipsecmb_seal(void *state, const uint8_t nonce[GCM_NONCE], struct slice aad,
			 uint8_t *text, size_t n, size_t icv)
{
	struct state *s = state;

	s->functions->encrypt(&s->key, &s->context, text, text, n, nonce, aad.p, aad.n, text + n,
			      icv);
}

static int ipsecmb_open(void *state, const uint8_t nonce[GCM_NONCE], struct slice aad,
			uint8_t *text, size_t n, size_t icv)
{
	struct state *s = state;

	s->functions->decrypt(&s->key, &s->context, text, text, n, nonce, aad.p, aad.n, s->icv,
			      icv);
	return ct_equal(slice(s->icv, icv), slice(text + n, icv)) ? 0 : ERR_AUTH;
}

static const struct gcm_library ipsecmb = {
	.name = "libipsec-mb",
	.size = sizeof(struct state),
	.start = ipsecmb_start,
	.stop = ipsecmb_stop,
	.seal = ipsecmb_seal,
	.open = ipsecmb_open,
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
