/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Two engines whose messages go in fragments: over networks that lose, repeat and disorder them. */
#include "tests/support/ike_auth.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

#define LONGEST (1280 - 20 - 8 - 4)

static struct pair pair;
static struct pair *const p = &pair;

static int setup(void **state)
{
	return crypto_init();
}

static int teardown(void **state)
{
	return secret_pool_used() == 0 ? 0 : -1;
}

static const struct auth_way rsa = { IKE_MODE_MAIN, IKE_AUTH_RSA, false };

/* Both ends have certificates and announce that they take fragments. */
static void init(uint64_t seed, struct auth_way way)
{
	auth_init(p, seed, way);
	p->end[0].config.no_fragments = p->end[1].config.no_fragments = false;
}

static bool is_fragment(const struct pair_datagram *d)
{
	return d->bytes[16] == PAYLOAD_FRAGMENT;
}

static unsigned fragments_sent(unsigned end)
{
	unsigned n = 0;

	for (unsigned i = 0; i < p->nsent; i++)
		n += p->sent[i].source == end && is_fragment(&p->sent[i]);
	return n;
}

/* ---- sending ---- */

static void test_certificates(void **state)
{
	static const struct auth_way ways[] = {
		{ IKE_MODE_MAIN, IKE_AUTH_RSA, false },
		{ IKE_MODE_AGGRESSIVE, IKE_AUTH_RSA, false },
		{ IKE_MODE_MAIN, IKE_AUTH_HYBRID, true },
	};

	for (unsigned k = 0; k < 2 * ARRAY_SIZE(ways); k++) {
		init(k, ways[k / 2]);
		pair_start(p, k % 2, IKE_EVENT_START);
		pair_pump(p);
		assert_true(auth_is_up(p));
		for (unsigned i = 0; i < p->nsent; i++) {
			const struct pair_datagram *d = &p->sent[i];

			assert_true(d->n <= LONGEST);
			if (is_fragment(d)) {
				assert_int_equal(d->bytes[18], ways[k / 2].mode == IKE_MODE_MAIN ?
								       ISAKMP_MAIN :
								       ISAKMP_AGGRESSIVE);
				assert_int_equal(get_be32(d->bytes + 20), 0);
			}
		}
		assert_true(fragments_sent(1) > 1);
		assert_int_equal(p->end[0].nresent + p->end[1].nresent, 0);
		auth_free(p);
	}
}

/* Either end can do without. */
static void test_not_announced(void **state)
{
	for (unsigned end = 0; end < 2; end++) {
		init(end, rsa);
		p->end[end].config.no_fragments = true;
		pair_start(p, 0, IKE_EVENT_START);
		pair_pump(p);
		assert_true(auth_is_up(p));
		assert_int_equal(fragments_sent(0) + fragments_sent(1), 0);
		auth_free(p);
	}
}

/* ---- networks ---- */

static unsigned percent;
static struct rng_seed fate_seed;
static struct rng fate;

static bool loses(struct pair *pr, struct pair_datagram *d, unsigned n)
{
	return rng_below(&fate, 100) >= percent;
}

static void test_losses(void **state)
{
	for (unsigned seed = 0; seed < 40; seed++) {
		init(seed, rsa);
		fate = rng_seeded(&fate_seed, seed);
		percent = 25;
		p->passes = loses;
		pair_start(p, seed % 2, IKE_EVENT_START);
		pair_run(p, p->now + 60 * VTIME_S);
		if (!auth_is_up(p))
			print_message("seed %u\n", seed);
		assert_true(auth_is_up(p));
		assert_null(pair_sa(p, 0)->fragments);
		assert_null(pair_sa(p, 1)->fragments);
		auth_free(p);
	}
}

/* A lost fragment brings all of them again, and one copy of each is enough. */
static unsigned lost;

static bool loses_second(struct pair *pr, struct pair_datagram *d, unsigned n)
{
	return !is_fragment(d) || d->bytes[34] != 2 || lost++ > 0;
}

static void test_resent(void **state)
{
	unsigned before;

	init(1, rsa);
	lost = 0;
	p->passes = loses_second;
	pair_start(p, 0, IKE_EVENT_START);
	pair_pump(p);
	assert_int_equal(lost, 1);
	assert_false(auth_is_up(p));
	before = fragments_sent(0) + fragments_sent(1);
	pair_run(p, p->now + VTIME_S);
	assert_true(auth_is_up(p));
	assert_true(fragments_sent(0) + fragments_sent(1) >= 2 * before);
	auth_free(p);
}

/*
 * Cuts every message of end `cutter` small, whatever it is, as peers do that have been told to;
 * backwards, and each fragment twice.
 */
static unsigned cutter;
static size_t piece;

static bool cuts(struct pair *pr, struct pair_datagram *d, unsigned n)
{
	struct slice whole = slice(d->bytes, d->n);
	uint8_t out[FRAGMENT_DATAGRAM_MAX];

	if (d->source != cutter || n == 0 || is_fragment(d))
		return true;
	for (unsigned k = fragment_count(d->n, piece); k > 0; k--) {
		struct slice one = fragment_write(whole, ISAKMP_MAIN, k, piece, out);

		for (unsigned copies = 0; copies < 2; copies++) {
			struct pair_datagram *q = &pr->queue[pr->queued++];

			assert_true(pr->queued < PAIR_QUEUE);
			*q = *d;
			q->n = one.n;
			memcpy(q->bytes, one.p, one.n);
			/* As racoon does it. */
			q->bytes[19] = ISAKMP_ENCRYPTED;
		}
	}
	return false;
}

static bool cuts_all(struct pair *pr, struct pair_datagram *d, unsigned n)
{
	return cuts(pr, d, n + 1);
}

/* Messages 3 and 5 of main mode, 2, 4 and 6, and those of quick mode and of Deletes. */
static void test_everything_in_fragments(void **state)
{
	for (unsigned k = 0; k < 4; k++) {
		struct ike_event ev = { .type = IKE_EVENT_CLOSE };

		auth_init(p, k, (struct auth_way){ IKE_MODE_MAIN, IKE_AUTH_PSK, false });
		p->end[0].config.no_fragments = p->end[1].config.no_fragments = false;
		cutter = k % 2;
		piece = 120;
		/* The first message of all must come whole. */
		p->passes = cutter == 1 ? cuts_all : cuts;
		pair_start(p, 0, IKE_EVENT_START);
		pair_pump(p);
		assert_true(pair_is_up(p));
		pair_child(p, k / 2);
		assert_int_equal(p->end[0].nup, 1);
		assert_int_equal(p->end[1].nup, 1);
		assert_true(pair_children_match(&p->end[0].up[0], &p->end[1].up[0]));
		pair_event(p, cutter, &ev);
		pair_pump(p);
		assert_int_equal(p->end[1 - cutter].ndead, 1);
		auth_free(p);
	}
}

/* ---- what is refused ---- */

static struct pair_datagram kept;

static struct pair_datagram fragment(const struct pair_datagram *whole, unsigned number, size_t max)
{
	uint8_t out[FRAGMENT_DATAGRAM_MAX];
	struct pair_datagram d = *whole;
	struct slice one =
		fragment_write(slice(whole->bytes, whole->n), ISAKMP_MAIN, number, max, out);

	d.n = one.n;
	memcpy(d.bytes, one.p, one.n);
	return d;
}

static bool stops_message_2(struct pair *pr, struct pair_datagram *d, unsigned n)
{
	if (d->source == 0)
		return true;
	if (n == 0)
		kept = *d;
	return n > 0;
}

/* The initiator waits for message 2, which is in `kept`. */
static struct ike_sa *stop_message_2(void)
{
	auth_init(p, 1, (struct auth_way){ IKE_MODE_MAIN, IKE_AUTH_PSK, false });
	p->end[0].config.no_fragments = false;
	p->passes = stops_message_2;
	pair_start(p, 0, IKE_EVENT_START);
	pair_pump(p);
	assert_int_equal(p->end[1].nsent, 1);
	assert_false(pair_sa(p, 0)->cookie_r_known);
	return pair_sa(p, 0);
}

static void test_message_2(void **state)
{
	struct ike_sa *sa = stop_message_2();
	struct pair_datagram d[3];

	for (unsigned k = 0; k < 3; k++)
		d[k] = fragment(&kept, k + 1, 36 + (kept.n + 2) / 3);
	pair_inject(p, &d[2]);
	assert_false(sa->cookie_r_known);
	pair_inject(p, &d[0]);
	pair_inject(p, &d[1]);
	assert_true(sa->cookie_r_known);
	assert_true(pair_is_up(p));
	auth_free(p);
}

/* From another address, of another SA, with a message id: nothing is kept of it. */
static void test_not_taken(void **state)
{
	struct ike_sa *sa = stop_message_2();
	struct pair_datagram d = fragment(&kept, 1, 200), bad = d;

	bad.from.addr.b[3] ^= 1;
	pair_inject(p, &bad);
	assert_int_equal(pair_drops(p, 0, DROP_IKE_SOURCE), 1);
	bad = d;
	bad.bytes[23] = 1;
	pair_inject(p, &bad);
	assert_int_equal(pair_drops(p, 0, DROP_IKE_MALFORMED), 1);
	bad = d;
	bad.bytes[0] ^= 1;
	pair_inject(p, &bad);
	assert_null(sa->fragments);
	p->end[0].config.no_fragments = true;
	pair_inject(p, &d);
	assert_int_equal(pair_drops(p, 0, DROP_IKE_UNEXPECTED), 1);
	assert_null(sa->fragments);
	p->end[0].config.no_fragments = false;
	pair_inject(p, &d);
	assert_non_null(sa->fragments);
	pair_inject(p, &d);
	assert_int_equal(pair_drops(p, 0, DROP_IKE_DUPLICATE), 1);
	auth_free(p);
}

/* A fragment of fragments is none, and a first message does not come in fragments. */
static void test_no_recursion(void **state)
{
	struct ike_sa *sa = stop_message_2();
	struct pair_datagram inner = fragment(&kept, 1, 1000), d = fragment(&inner, 1, 1200);

	assert_true(ike_sa_owns(sa, slice(d.bytes, d.n)));
	pair_inject(p, &d);
	assert_int_equal(pair_drops(p, 0, DROP_IKE_MALFORMED), 1);
	assert_false(sa->cookie_r_known);
	d = fragment(&p->sent[0], 1, 1000);
	assert_true(ike_is_first_message(slice(p->sent[0].bytes, p->sent[0].n)));
	assert_false(ike_is_first_message(slice(d.bytes, d.n)));
	auth_free(p);
}

static void test_forgotten(void **state)
{
	struct ike_sa *sa = stop_message_2();
	struct pair_datagram d = fragment(&kept, 1, 200);

	p->end[0].config.timeout = 100 * VTIME_S;
	pair_inject(p, &d);
	sa->main.x.lost_at = sa->main.x.time_up = VTIME_NEVER;
	p->end[1].deaf = true;
	/* What comes later does not make it last longer. */
	p->now += 29 * VTIME_S;
	d = fragment(&kept, 2, 200);
	pair_inject(p, &d);
	ike_timeout(sa, p->now);
	assert_non_null(sa->fragments);
	p->now += VTIME_S - 1;
	ike_timeout(sa, p->now);
	assert_non_null(sa->fragments);
	p->now += 1;
	assert_true(ike_deadline(sa) <= p->now);
	ike_timeout(sa, p->now);
	assert_null(sa->fragments);
	auth_free(p);
}

/* The end of the SA is the end of what it has of a message. */
static void test_freed(void **state)
{
	struct ike_event ev = { .type = IKE_EVENT_CLOSE };
	struct ike_sa *sa = stop_message_2();
	struct pair_datagram d = fragment(&kept, 1, 200);

	pair_inject(p, &d);
	assert_non_null(sa->fragments);
	pair_event(p, 0, &ev);
	assert_null(sa->fragments);
	assert_false(ike_sa_owns(sa, slice(d.bytes, d.n)));
	auth_free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_certificates),
		cmocka_unit_test(test_not_announced),
		cmocka_unit_test(test_losses),
		cmocka_unit_test(test_resent),
		cmocka_unit_test(test_everything_in_fragments),
		cmocka_unit_test(test_message_2),
		cmocka_unit_test(test_not_taken),
		cmocka_unit_test(test_no_recursion),
		cmocka_unit_test(test_forgotten),
		cmocka_unit_test(test_freed),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
