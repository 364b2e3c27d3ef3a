/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "doctor/engine.h"

#define LIFETIME 28800 /* seconds; nobody refuses that */

struct list {
	const struct ike_suite *suites;
	size_t n;
};

#define AES(bits, hash, group)                                                                     \
	{                                                                                          \
		IKE_CIPHER_AES_CBC, bits, hash, group                                              \
	}
#define TRIPLE(hash, group)                                                                        \
	{                                                                                          \
		IKE_CIPHER_3DES_CBC, DES3_KEY_BITS, hash, group                                    \
	}

/* What the program proposes by itself stands first. */
static const struct ike_suite good[] = {
	AES(256, HASH_SHA2_384, DH_ECP_384),   AES(256, HASH_SHA2_256, DH_ECP_256),
	AES(256, HASH_SHA2_256, DH_MODP_2048), AES(128, HASH_SHA2_256, DH_MODP_2048),
	AES(256, HASH_SHA2_512, DH_ECP_521),   AES(256, HASH_SHA2_512, DH_ECP_384),
	AES(256, HASH_SHA2_384, DH_ECP_256),   AES(256, HASH_SHA2_256, DH_ECP_384),
	AES(128, HASH_SHA2_256, DH_ECP_256),   AES(256, HASH_SHA2_512, DH_MODP_4096),
	AES(256, HASH_SHA2_256, DH_MODP_4096), AES(256, HASH_SHA2_512, DH_MODP_3072),
	AES(256, HASH_SHA2_384, DH_MODP_3072), AES(256, HASH_SHA2_256, DH_MODP_3072),
	AES(128, HASH_SHA2_256, DH_MODP_3072), AES(256, HASH_SHA2_512, DH_MODP_2048),
	AES(256, HASH_SHA2_384, DH_MODP_2048), AES(128, HASH_SHA2_256, DH_MODP_4096),
	AES(256, HASH_SHA1, DH_MODP_2048),     AES(128, HASH_SHA1, DH_MODP_2048),
	AES(256, HASH_SHA1, DH_ECP_256),       AES(128, HASH_SHA1, DH_ECP_256),
	AES(192, HASH_SHA2_256, DH_MODP_2048), AES(192, HASH_SHA1, DH_MODP_2048),
};

static const struct ike_suite old[] = {
	AES(128, HASH_SHA1, DH_MODP_3072),     AES(256, HASH_SHA1, DH_MODP_4096),
	AES(256, HASH_SHA2_256, DH_ECP_521),   AES(128, HASH_SHA2_256, DH_ECP_384),
	AES(256, HASH_SHA2_256, DH_MODP_1536), AES(256, HASH_SHA1, DH_MODP_1536),
	AES(128, HASH_SHA2_256, DH_MODP_1536), AES(128, HASH_SHA1, DH_MODP_1536),
	AES(256, HASH_SHA2_256, DH_MODP_1024), AES(256, HASH_SHA1, DH_MODP_1024),
	AES(128, HASH_SHA2_256, DH_MODP_1024), AES(128, HASH_SHA1, DH_MODP_1024),
	AES(192, HASH_SHA1, DH_MODP_1024),     AES(256, HASH_MD5, DH_MODP_1024),
	AES(128, HASH_MD5, DH_MODP_1024),      TRIPLE(HASH_SHA2_256, DH_MODP_2048),
	TRIPLE(HASH_SHA1, DH_MODP_2048),       TRIPLE(HASH_SHA1, DH_MODP_1536),
	TRIPLE(HASH_MD5, DH_MODP_1536),	       TRIPLE(HASH_SHA1, DH_MODP_1024),
	TRIPLE(HASH_MD5, DH_MODP_1024),
};

_Static_assert(ARRAY_SIZE(good) <= OFFER_MAX && ARRAY_SIZE(old) <= OFFER_MAX, "room");

static struct list list_of(enum offer_kind kind)
{
	switch (kind) {
	case OFFER_GOOD:
		return (struct list){ good, ARRAY_SIZE(good) };
	case OFFER_OLD:
		return (struct list){ old, ARRAY_SIZE(old) };
	case OFFER_KINDS:
		break;
	}
	return (struct list){ NULL, 0 };
}

void offer_fill(struct offer *o, enum offer_kind kind, uint16_t method, enum dh_group group)
{
	struct list list = list_of(kind);

	o->n = 0;
	for (size_t i = 0; i < list.n; i++)
		if (group == DH_NONE || list.suites[i].group == group)
			o->choice[o->n++] = (struct ike_choice){
				.suite = list.suites[i],
				.method = method,
				.lifetime_s = LIFETIME,
			};
}

/* Another group is the farthest: gateways have the fewest of them. */
static unsigned suite_distance(const struct ike_suite *a, const struct ike_suite *b)
{
	return (a->group != b->group ? 8u : 0) + (a->cipher != b->cipher ? 4u : 0) +
	       (a->hash != b->hash ? 2u : 0) + (a->key_bits != b->key_bits ? 1u : 0);
}

bool suite_same(const struct ike_suite *a, const struct ike_suite *b)
{
	return suite_distance(a, b) == 0;
}

static bool same(const struct ike_choice *a, const struct ike_choice *b)
{
	return a->method == b->method && suite_same(&a->suite, &b->suite);
}

bool offer_has(const struct offer *o, const struct ike_choice *choice)
{
	for (unsigned i = 0; i < o->n; i++)
		if (same(&o->choice[i], choice))
			return true;
	return false;
}

void offer_remove(struct offer *o, const struct ike_choice *choices, unsigned n)
{
	unsigned kept = 0;

	for (unsigned i = 0; i < o->n; i++) {
		bool out = false;

		for (unsigned k = 0; k < n && !out; k++)
			out = same(&o->choice[i], &choices[k]);
		if (!out)
			o->choice[kept++] = o->choice[i];
	}
	o->n = kept;
}

unsigned choice_distance(const struct ike_choice *c, const struct ike_suite *own, unsigned n)
{
	unsigned best = UINT32_MAX;

	for (unsigned i = 0; i < n; i++) {
		unsigned d = suite_distance(&c->suite, &own[i]);

		best = d < best ? d : best;
	}
	return best;
}

void offer_sort(struct offer *o, const struct ike_suite *own, unsigned n)
{
	for (unsigned i = 1; i < o->n; i++) {
		struct ike_choice c = o->choice[i];
		unsigned k = i;

		for (; k > 0 &&
		       choice_distance(&o->choice[k - 1], own, n) > choice_distance(&c, own, n);
		     k--)
			o->choice[k] = o->choice[k - 1];
		o->choice[k] = c;
	}
}
