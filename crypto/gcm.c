/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "crypto/gcm.h"

#include <stdlib.h>
#include <time.h>

#include "base/err.h"

#define TRIAL_PACKET 1400
#define TRIAL_MAX 2000
#define TRIAL_LENGTHS 48
#define TIMED_ROUNDS 9
#define TIMED_PACKETS 8

/* McGrew and Viega's specification of GCM, test cases 4, 10 and 16: one key, nonce and text. */
static const uint8_t known_key[32] = { 0xfe, 0xff, 0xe9, 0x92, 0x86, 0x65, 0x73, 0x1c,
				       0x6d, 0x6a, 0x8f, 0x94, 0x67, 0x30, 0x83, 0x08,
				       0xfe, 0xff, 0xe9, 0x92, 0x86, 0x65, 0x73, 0x1c,
				       0x6d, 0x6a, 0x8f, 0x94, 0x67, 0x30, 0x83, 0x08 };
static const uint8_t known_nonce[GCM_NONCE] = { 0xca, 0xfe, 0xba, 0xbe, 0xfa, 0xce,
						0xdb, 0xad, 0xde, 0xca, 0xf8, 0x88 };
static const uint8_t known_aad[20] = { 0xfe, 0xed, 0xfa, 0xce, 0xde, 0xad, 0xbe, 0xef, 0xfe, 0xed,
				       0xfa, 0xce, 0xde, 0xad, 0xbe, 0xef, 0xab, 0xad, 0xda, 0xd2 };
static const uint8_t known_plain[60] = {
	0xd9, 0x31, 0x32, 0x25, 0xf8, 0x84, 0x06, 0xe5, 0xa5, 0x59, 0x09, 0xc5, 0xaf, 0xf5, 0x26,
	0x9a, 0x86, 0xa7, 0xa9, 0x53, 0x15, 0x34, 0xf7, 0xda, 0x2e, 0x4c, 0x30, 0x3d, 0x8a, 0x31,
	0x8a, 0x72, 0x1c, 0x3c, 0x0c, 0x95, 0x95, 0x68, 0x09, 0x53, 0x2f, 0xcf, 0x0e, 0x24, 0x49,
	0xa6, 0xb5, 0x25, 0xb1, 0x6a, 0xed, 0xf5, 0xaa, 0x0d, 0xe6, 0x57, 0xba, 0x63, 0x7b, 0x39
};

struct known {
	size_t key;
	uint8_t sealed[sizeof(known_plain) + 16];
};

static const struct known known_rows[] = {
	{ 16, { 0x42, 0x83, 0x1e, 0xc2, 0x21, 0x77, 0x74, 0x24, 0x4b, 0x72, 0x21, 0xb7, 0x84,
		0xd0, 0xd4, 0x9c, 0xe3, 0xaa, 0x21, 0x2f, 0x2c, 0x02, 0xa4, 0xe0, 0x35, 0xc1,
		0x7e, 0x23, 0x29, 0xac, 0xa1, 0x2e, 0x21, 0xd5, 0x14, 0xb2, 0x54, 0x66, 0x93,
		0x1c, 0x7d, 0x8f, 0x6a, 0x5a, 0xac, 0x84, 0xaa, 0x05, 0x1b, 0xa3, 0x0b, 0x39,
		0x6a, 0x0a, 0xac, 0x97, 0x3d, 0x58, 0xe0, 0x91, 0x5b, 0xc9, 0x4f, 0xbc, 0x32,
		0x21, 0xa5, 0xdb, 0x94, 0xfa, 0xe9, 0x5a, 0xe7, 0x12, 0x1a, 0x47 } },
	{ 24, { 0x39, 0x80, 0xca, 0x0b, 0x3c, 0x00, 0xe8, 0x41, 0xeb, 0x06, 0xfa, 0xc4, 0x87,
		0x2a, 0x27, 0x57, 0x85, 0x9e, 0x1c, 0xea, 0xa6, 0xef, 0xd9, 0x84, 0x62, 0x85,
		0x93, 0xb4, 0x0c, 0xa1, 0xe1, 0x9c, 0x7d, 0x77, 0x3d, 0x00, 0xc1, 0x44, 0xc5,
		0x25, 0xac, 0x61, 0x9d, 0x18, 0xc8, 0x4a, 0x3f, 0x47, 0x18, 0xe2, 0x44, 0x8b,
		0x2f, 0xe3, 0x24, 0xd9, 0xcc, 0xda, 0x27, 0x10, 0x25, 0x19, 0x49, 0x8e, 0x80,
		0xf1, 0x47, 0x8f, 0x37, 0xba, 0x55, 0xbd, 0x6d, 0x27, 0x61, 0x8c } },
	{ 32, { 0x52, 0x2d, 0xc1, 0xf0, 0x99, 0x56, 0x7d, 0x07, 0xf4, 0x7f, 0x37, 0xa3, 0x2a,
		0x84, 0x42, 0x7d, 0x64, 0x3a, 0x8c, 0xdc, 0xbf, 0xe5, 0xc0, 0xc9, 0x75, 0x98,
		0xa2, 0xbd, 0x25, 0x55, 0xd1, 0xaa, 0x8c, 0xb0, 0x8e, 0x48, 0x59, 0x0d, 0xbb,
		0x3d, 0xa7, 0xb0, 0x8b, 0x10, 0x56, 0x82, 0x88, 0x38, 0xc5, 0xf6, 0x1e, 0x63,
		0x93, 0xba, 0x7a, 0x0a, 0xbc, 0xc9, 0xf6, 0x62, 0x76, 0xfc, 0x6e, 0xce, 0x0f,
		0x4e, 0x17, 0x68, 0xcd, 0xdf, 0x88, 0x53, 0xbb, 0x2d, 0x55, 0x1b } },
};

/* A state outside of the pool of secrets: what it holds is no secret. */
struct trial {
	const struct gcm_library *library;
	const struct gcm_calls *calls;
	void *state;
};

static struct trial trial_new(const struct gcm_library *library, struct slice key)
{
	struct trial t = { .library = library,
			   .state = aligned_alloc(64, (library->size + 63) & ~(size_t)63) };

	if (!t.state)
		abort();
	memset(t.state, 0, library->size);
	t.calls = library->start(t.state, key);
	return t;
}

static void trial_free(struct trial *t)
{
	t->library->stop(t->state);
	free(t->state);
}

static void trial_seal(const struct trial *t, const uint8_t nonce[GCM_NONCE], struct slice aad,
		       uint8_t *text, size_t n, size_t icv)
{
	t->calls->seal(t->state, nonce, aad, text, n, icv);
}

static int trial_open(const struct trial *t, const uint8_t nonce[GCM_NONCE], struct slice aad,
		      uint8_t *text, size_t n, size_t icv)
{
	return t->calls->open(t->state, nonce, aad, text, n, icv);
}

static bool knows(const struct gcm_library *library, const struct known *known)
{
	struct trial t = trial_new(library, slice(known_key, known->key));
	uint8_t text[sizeof(known->sealed)];
	bool good;

	memcpy(text, known_plain, sizeof(known_plain));
	trial_seal(&t, known_nonce, SLICE_OF(known_aad), text, sizeof(known_plain), 16);
	good = memcmp(text, known->sealed, sizeof(text)) == 0 &&
	       trial_open(&t, known_nonce, SLICE_OF(known_aad), text, sizeof(known_plain), 16) ==
		       0 &&
	       memcmp(text, known_plain, sizeof(known_plain)) == 0;
	trial_free(&t);
	return good;
}

/*
 * One packet of n bytes, sealed by both, opened by `other`, and refused by it with a bit changed. A
 * shorter ICV is the beginning of the long one (RFC 4106 section 6), which `own` may not have.
 */
static bool agree_on(const struct trial *own, const struct trial *other, struct rng *rng, size_t n,
		     size_t icv)
{
	uint8_t plain[TRIAL_MAX], a[TRIAL_MAX + 16], b[TRIAL_MAX + 16];
	uint8_t nonce[GCM_NONCE], aad[8];
	size_t bit = rng_below(rng, 8 * (n + icv));

	rng_fill(rng, nonce, sizeof(nonce));
	rng_fill(rng, aad, sizeof(aad));
	rng_fill(rng, plain, n);
	memcpy(a, plain, n);
	memcpy(b, plain, n);
	trial_seal(own, nonce, SLICE_OF(aad), a, n, 16);
	trial_seal(other, nonce, SLICE_OF(aad), b, n, icv);
	if (memcmp(a, b, n + icv) != 0 || trial_open(other, nonce, SLICE_OF(aad), b, n, icv) != 0 ||
	    memcmp(b, plain, n) != 0)
		return false;
	a[bit / 8] ^= (uint8_t)(1 << bit % 8);
	return trial_open(other, nonce, SLICE_OF(aad), a, n, icv) == ERR_AUTH;
}

static bool agree(const struct gcm_library *own, const struct gcm_library *other)
{
	struct rng_seed seed;
	struct rng rng = rng_seeded(&seed, 1);
	uint8_t key[32];
	bool good = true;

	for (unsigned i = 0; i < TRIAL_LENGTHS && good; i++) {
		size_t key_n = 16 + 8 * (i % 3), icv = 8 + 4 * (i / 3 % 3);
		struct trial a, b;

		rng_fill(&rng, key, sizeof(key));
		a = trial_new(own, slice(key, key_n));
		b = trial_new(other, slice(key, key_n));
		good = agree_on(&a, &b, &rng, rng_below(&rng, TRIAL_MAX + 1), icv);
		trial_free(&a);
		trial_free(&b);
	}
	return good;
}

static uint64_t time_packets(const struct trial *t, uint8_t *text, uint64_t (*clock)(void))
{
	static const uint8_t nonce[GCM_NONCE], aad[8];
	uint64_t begin = clock();

	for (unsigned i = 0; i < TIMED_PACKETS; i++) {
		trial_seal(t, nonce, SLICE_OF(aad), text, TRIAL_PACKET, 16);
		(void)trial_open(t, nonce, SLICE_OF(aad), text, TRIAL_PACKET, 16);
	}
	return clock() - begin;
}

/* The best of some rounds each, in turns, so that other processes do not decide. */
static bool is_faster(const struct gcm_library *own, const struct gcm_library *other,
		      uint64_t (*clock)(void))
{
	struct trial a = trial_new(own, slice(known_key, 16));
	struct trial b = trial_new(other, slice(known_key, 16));
	uint64_t best_a = UINT64_MAX, best_b = UINT64_MAX;
	uint8_t text[TRIAL_PACKET + 16] = { 0 };

	for (unsigned i = 0; i < TIMED_ROUNDS; i++) {
		uint64_t ns_a = time_packets(&a, text, clock);
		uint64_t ns_b = time_packets(&b, text, clock);

		best_a = ns_a < best_a ? ns_a : best_a;
		best_b = ns_b < best_b ? ns_b : best_b;
	}
	trial_free(&a);
	trial_free(&b);
	return 5 * best_b < 4 * best_a;
}

enum gcm_verdict gcm_judge(const struct gcm_library *own, const struct gcm_library *other,
			   uint64_t (*clock)(void))
{
	if (!other)
		return GCM_ABSENT;
	for (size_t i = 0; i < ARRAY_SIZE(known_rows); i++)
		if (!knows(other, &known_rows[i]))
			return GCM_WRONG;
	if (!agree(own, other))
		return GCM_WRONG;
	return is_faster(own, other, clock) ? GCM_FASTER : GCM_SLOWER;
}

void gcm_log(const struct log *log, const char *name, enum gcm_verdict verdict)
{
	static const char *const why[] = {
		[GCM_ABSENT] = "libipsec-mb is not built in, or not for this processor",
		[GCM_WRONG] = "libipsec-mb is wrong here",
		[GCM_SLOWER] = "libipsec-mb is not clearly faster here",
		[GCM_FASTER] = "it is right and clearly faster here",
	};

	if (verdict == GCM_WRONG)
		log_ev(log, LOG_WARN, "libipsec-mb gives wrong results for AES-GCM: not used");
	log_ev(log, LOG_DEBUG, "AES-GCM of ESP", log_str("library", name),
	       log_str("because", why[verdict]));
}

static uint64_t monotonic_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

/* Written once, by gcm_init. */
static struct {
	const struct gcm_library *gcm;
	enum gcm_verdict verdict;
} choice;

void gcm_init(void)
{
	const struct gcm_library *other = gcm_ipsecmb();

	if (choice.gcm)
		return;
	choice.verdict = gcm_judge(&gcm_wolfssl, other, monotonic_ns);
	choice.gcm = choice.verdict == GCM_FASTER ? other : &gcm_wolfssl;
}

const struct gcm_library *gcm_chosen(void)
{
	return choice.gcm ? choice.gcm : &gcm_wolfssl;
}

const char *crypto_gcm_name(void)
{
	return gcm_chosen()->name;
}

void crypto_log(const struct log *log)
{
	gcm_log(log, crypto_gcm_name(), choice.verdict);
}
