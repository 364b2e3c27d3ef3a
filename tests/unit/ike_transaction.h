/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the tests of transactions have in common; each of them includes it once. */
#ifndef GODWIT_TESTS_UNIT_IKE_TRANSACTION_H
#define GODWIT_TESTS_UNIT_IKE_TRANSACTION_H

#include "tests/support/ike_user.h"

#include <stdio.h>
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

/* End 0 is the user; a gateway of any kind speaks with end 1's keys. */
static struct pair pair;
static struct pair *const p = &pair;
static struct pair_end *const u = &pair.end[0];
static struct pair_end *const g = &pair.end[1];

static struct user_message m;
static struct attributes a;
static struct attribute_types types;
static struct xauth said;

#define BOTH (1 << XAUTH_USERNAME | 1 << XAUTH_PASSWORD)

static inline int setup(void **state)
{
	assert_int_equal(crypto_init(), 0);
	user_init(p, 1);
	return 0;
}

static inline int teardown(void **state)
{
	pair_free(p);
	return secret_pool_used() == 0 ? 0 : -1;
}

static inline void again(uint64_t seed)
{
	pair_free(p);
	user_init(p, seed);
}

static inline void begin(enum attribute_message message)
{
	user_begin(p, &m, message, 0x1234);
}

static inline void put(uint16_t type, const char *text)
{
	attribute_write(&m.w.w, type, SLICE_STR(text));
}

static inline void put_number(uint16_t type, uint16_t value)
{
	attribute_write_number(&m.w.w, type, value);
}

static inline void expect_answer(enum attribute_message message)
{
	assert_true(user_answered(p, &m, &a));
	assert_int_equal(a.message, message);
	attribute_types_of(&a, &types);
	xauth_of(&a, &said);
}

static inline bool said_is(enum xauth_field f, const char *text)
{
	return slice_eq(said.value[f], SLICE_STR(text));
}

static inline void ask_in_raw(void)
{
	begin(ATTRIBUTE_REQUEST);
	put(ATTRIBUTE_XAUTH_USER_NAME, "");
	put(ATTRIBUTE_XAUTH_USER_PASSWORD, "");
	user_say(p, &m);
}

static inline void accept_in_raw(void)
{
	begin(ATTRIBUTE_SET);
	put_number(ATTRIBUTE_XAUTH_STATUS, 1);
	user_say(p, &m);
}

static inline void put_address(uint32_t addr)
{
	uint8_t bytes[4];

	put_be32(bytes, addr);
	attribute_write(&m.w.w, ATTRIBUTE_IP4_ADDRESS, SLICE_OF(bytes));
}

static inline const struct pair_datagram *last_of(unsigned source)
{
	for (unsigned k = p->nsent; k-- > 0;)
		if (p->sent[k % PAIR_SENT].source == source)
			return &p->sent[k % PAIR_SENT];
	return NULL;
}

/* A gateway that never hears that it is over keeps its keys, and a test can use them. */
static inline bool no_deletes(struct pair *pp, struct pair_datagram *d, unsigned n)
{
	return d->source == 1 || d->bytes[18] != ISAKMP_INFORMATIONAL;
}

#endif
