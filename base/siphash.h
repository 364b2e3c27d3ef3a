/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * SipHash-2-4 (Aumasson and Bernstein, 2012): a keyed hash of short inputs, for tables that strangers
 * put things into. Who does not know the key cannot choose what falls together.
 */
#ifndef GODWIT_BASE_SIPHASH_H
#define GODWIT_BASE_SIPHASH_H

#include "base/bytes.h"

#define SIPHASH_KEY 16

struct siphash_key {
	uint8_t b[SIPHASH_KEY];
};

uint64_t siphash(const struct siphash_key *key, struct slice s);

#endif
