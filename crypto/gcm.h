/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * AES-GCM of ESP by one of two libraries. wolfSSL is always there. libipsec-mb is linked where the
 * build found it, can run where the processor has wide AES instructions (VAES and AVX-512), and is
 * taken when a test at the start of the program finds it right and clearly faster:
 *
 *	              not built in, or not for this processor
 *	libipsec-mb ────────────────────────────────────────► GCM_ABSENT ─┐
 *	     │ can run     wrong result                                   │
 *	     ├───────────────────────────────────────────────► GCM_WRONG ─┼─► wolfSSL
 *	     │ right       less than a fifth faster                       │
 *	     ├──────────────────────────────────────────────► GCM_SLOWER ─┘
 *	     │
 *	     └──────────────────────────────────────────────► GCM_FASTER ───► libipsec-mb
 *
 * Only aead.c, tests and benches know of it.
 */
#ifndef GODWIT_CRYPTO_GCM_H
#define GODWIT_CRYPTO_GCM_H

#include "crypto/crypto.h"

#define GCM_SALT 4
#define GCM_IV 8
#define GCM_NONCE (GCM_SALT + GCM_IV)

/* What is done with a state that has its key. */
struct gcm_calls {
	/* In place: n bytes of text, with room for an ICV of 8, 12 or 16 bytes behind them. */
	void (*seal)(void *state, const uint8_t nonce[GCM_NONCE], struct slice aad, uint8_t *text,
		     size_t n, size_t icv);
	/* In place; 0, or ERR_AUTH: the text must then not be used. */
	int (*open)(void *state, const uint8_t nonce[GCM_NONCE], struct slice aad, uint8_t *text,
		    size_t n, size_t icv);
};

/*
 * One library. A state holds one key, and belongs to one thread at a time. Where there are thousands,
 * each packet's is fetched from memory: it holds nothing but what comes of the key.
 */
struct gcm_library {
	const char *name;
	size_t size; /* of a state, which is aligned to 64 bytes */
	/* A zeroed state gets its key of 16, 24 or 32 bytes; what is good for such a state. */
	const struct gcm_calls *(*start)(void *state, struct slice key);
	/* Asks the memory for what a packet of n bytes needs of a state. */
	void (*ahead)(const void *state, size_t n);
	/* Before the state is wiped, by the caller. */
	void (*stop)(void *state);
};

extern const struct gcm_library gcm_wolfssl;
/* NULL when it is not built in, or not for this processor. */
const struct gcm_library *gcm_ipsecmb(void);

enum gcm_verdict {
	GCM_ABSENT,
	GCM_WRONG,
	GCM_SLOWER,
	GCM_FASTER,
};

/*
 * Whether `other` (or NULL) is to do the work of `own`: it must give the results of published
 * vectors, and those of `own` for packets of many lengths, refuse what was changed, and need at
 * most four fifths of the time, which `clock` tells in nanoseconds. About a quarter of a
 * millisecond.
 */
enum gcm_verdict gcm_judge(const struct gcm_library *own, const struct gcm_library *other,
			   uint64_t (*clock)(void));

/* What came of a verdict: the library's name with level debug; a warning if it was GCM_WRONG. */
void gcm_log(const struct log *log, const char *name, enum gcm_verdict verdict);

/* Judges libipsec-mb, at its first call; before there are threads. */
void gcm_init(void);
/* What gcm_init chose; wolfSSL before it. */
const struct gcm_library *gcm_chosen(void);
/* As aead_new, by this library. */
struct aead *aead_new_by(const struct gcm_library *library, const struct esp_suite *suite,
			 struct slice keymat, struct rng *rng);

#endif
