/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/support/masq.h"

#define TOUT (2 * VTIME_S)
#define NOUT 4
#define TEI (60 * VTIME_S)
#define TIKE (300 * VTIME_S)

/* Outgoing and incoming SPIs of the clients' epochs. */
#define A_OUT 0xa0
#define A_IN 0xa1
#define A_OUT2 0xa2
#define A_IN2 0xa3
#define B_OUT 0xb0
#define B_IN 0xb1
#define B_OUT2 0xb2
#define B_IN2 0xb3

#define I_A 0x1111111111111111
#define I_B 0x2222222222222222
#define R_A 0x3333333333333333
#define R_B 0x4444444444444444

static struct masq *nat;
static vtime now;
static struct masq_verdict v;
static struct addr a, b, c, s, t, outside;

static struct addr address(const char *text)
{
	struct addr out;

	assert_true(addr_parse(text, &out));
	return out;
}

static int begin(void **state)
{
	struct masq_config config = { .tout = TOUT, .nout = NOUT, .tei = TEI, .tike = TIKE };

	a = address("192.168.7.10");
	b = address("192.168.7.11");
	c = address("192.168.7.12");
	s = address("198.18.9.1");
	t = address("198.18.9.7");
	outside = config.outside = address("198.18.9.2");
	nat = masq_new(&config);
	now = 1000 * VTIME_S;
	return 0;
}

static int end(void **state)
{
	masq_free(nat);
	return 0;
}

/* ---- packets ---- */

static void send_bytes(enum masq_protocol protocol, const struct addr *from, const struct addr *to,
		       struct slice head)
{
	struct masq_packet p = { .protocol = protocol, .from = *from, .to = *to, .head = head };

	if (addr_eq(to, &outside))
		masq_in(nat, now, &p, &v);
	else
		masq_out(nat, now, &p, &v);
}

static void esp(const struct addr *from, const struct addr *to, uint32_t spi)
{
	uint8_t head[4];

	put_be32(head, spi);
	send_bytes(MASQ_ESP, from, to, SLICE_OF(head));
}

static void ike(const struct addr *from, const struct addr *to, uint64_t i, uint64_t r)
{
	uint8_t head[28] = { 0 };

	put_be64(head, i);
	put_be64(head + 8, r);
	send_bytes(MASQ_IKE, from, to, SLICE_OF(head));
}

static bool is_forwarded_to(const struct addr *to)
{
	return v.fate == MASQ_FORWARD && !v.multicast && v.n == 1 && addr_eq(&v.to[0], to);
}

static bool is_dropped(enum masq_fate why)
{
	return v.fate == why && v.n == 0 && !v.made && !v.established && !v.multicast;
}

static bool is_copied_to(const struct addr *to)
{
	for (unsigned i = 0; i < v.n; i++)
		if (v.fate == MASQ_FORWARD && v.multicast && addr_eq(&v.to[i], to))
			return true;
	return false;
}

/* An established ISAKMP SA with s. */
static void session(const struct addr *client, uint64_t i, uint64_t r)
{
	ike(client, &s, i, 0);
	assert_true(v.made && is_forwarded_to(&s));
	ike(&s, &outside, i, r);
	assert_true(v.established && is_forwarded_to(client));
}

/* One packet each way on an epoch with s, as it should be. */
static void epoch(const struct addr *client, uint32_t out, uint32_t in)
{
	esp(client, &s, out);
	assert_true(v.made && is_forwarded_to(&s));
	esp(&s, &outside, in);
	assert_true(v.established && is_forwarded_to(client));
}

static bool belongs_to(uint32_t incoming, const struct addr *client)
{
	struct addr owner;

	return masq_owner(nat, now, &s, incoming, &owner) && addr_eq(&owner, client);
}

/* ---- ESP from a client ---- */

static void an_unknown_spi_makes_an_outstanding_item(void **state)
{
	struct addr owner;

	assert_false(masq_outstanding(nat, now, &s, &owner));
	esp(&a, &s, A_OUT);
	assert_true(v.made && !v.established && v.outgoing_spi == A_OUT && is_forwarded_to(&s));
	assert_true(masq_outstanding(nat, now, &s, &owner));
	assert_true(addr_eq(&owner, &a));
	assert_false(masq_outstanding(nat, now, &t, &owner));
}

static void a_known_spi_makes_nothing(void **state)
{
	esp(&a, &s, A_OUT);
	esp(&a, &s, A_OUT);
	assert_true(!v.made && is_forwarded_to(&s));
}

static void another_client_is_dropped_while_the_server_has_one_outstanding(void **state)
{
	struct addr owner;

	esp(&a, &s, A_OUT);
	esp(&b, &s, B_OUT);
	assert_true(is_dropped(MASQ_DROP_OUTSTANDING));
	esp(&b, &s, A_OUT); /* the same number is not the same item */
	assert_true(is_dropped(MASQ_DROP_OUTSTANDING));
	assert_true(masq_outstanding(nat, now, &s, &owner) && addr_eq(&owner, &a));
}

static void the_client_itself_is_dropped_with_another_spi(void **state)
{
	esp(&a, &s, A_OUT);
	esp(&a, &s, A_OUT2);
	assert_true(is_dropped(MASQ_DROP_OUTSTANDING));
}

static void another_server_is_another_matter(void **state)
{
	esp(&a, &s, A_OUT);
	esp(&b, &t, B_OUT);
	assert_true(v.made && is_forwarded_to(&t));
	esp(&t, &outside, B_IN);
	assert_true(v.established && is_forwarded_to(&b));
	esp(&s, &outside, B_IN);
	assert_true(v.established && is_forwarded_to(&a));
}

static void established_epochs_keep_nobody_away(void **state)
{
	epoch(&a, A_OUT, A_IN);
	epoch(&b, B_OUT, B_IN);
	esp(&a, &s, A_OUT);
	assert_true(!v.made && v.outgoing_spi == A_OUT && is_forwarded_to(&s));
	epoch(&a, A_OUT2, A_IN2);
}

/* ---- ESP from a server ---- */

static void an_unknown_incoming_spi_goes_to_whose_item_is_outstanding(void **state)
{
	struct addr owner;

	esp(&a, &s, A_OUT);
	esp(&s, &outside, A_IN);
	assert_true(v.established && !v.made && v.outgoing_spi == A_OUT && is_forwarded_to(&a));
	assert_true(belongs_to(A_IN, &a));
	assert_false(masq_outstanding(nat, now, &s, &owner));
}

static void an_incoming_spi_of_zero_is_one_like_others(void **state)
{
	esp(&a, &s, A_OUT);
	esp(&s, &outside, 0);
	assert_true(v.established && is_forwarded_to(&a));
	assert_true(belongs_to(0, &a));
}

static void an_established_incoming_spi_goes_to_its_client(void **state)
{
	epoch(&a, A_OUT, A_IN);
	epoch(&b, B_OUT, B_IN);
	esp(&s, &outside, A_IN);
	assert_true(!v.established && v.outgoing_spi == A_OUT && is_forwarded_to(&a));
	esp(&s, &outside, B_IN);
	assert_true(!v.established && v.outgoing_spi == B_OUT && is_forwarded_to(&b));
}

static void otherwise_all_that_recently_did_ike_with_the_server_get_a_copy(void **state)
{
	session(&a, I_A, R_A);
	session(&a, I_A + 1, R_A + 1);
	ike(&b, &s, I_B, 0); /* outstanding is enough */
	ike(&c, &t, I_B, 0); /* another server is not */
	esp(&s, &outside, A_IN);
	assert_true(v.multicast && v.n == 2 && is_copied_to(&a) && is_copied_to(&b));
	assert_false(v.established);
	assert_false(belongs_to(A_IN, &a));
}

static void a_client_silent_in_ike_for_longer_gets_no_copies(void **state)
{
	session(&a, I_A, R_A);
	session(&b, I_B, R_B);
	now += TIKE;
	ike(&b, &s, I_B, R_B);
	esp(&s, &outside, A_IN);
	assert_true(is_copied_to(&a) && is_copied_to(&b));
	now += 1;
	esp(&s, &outside, A_IN);
	assert_true(v.n == 1 && is_copied_to(&b));
	now += TIKE;
	esp(&s, &outside, A_IN);
	assert_true(is_dropped(MASQ_DROP_UNKNOWN));
}

static void what_nobody_waits_for_is_dropped(void **state)
{
	esp(&s, &outside, A_IN);
	assert_true(is_dropped(MASQ_DROP_UNKNOWN));
}

/* ---- expiry ---- */

static void an_outstanding_item_expires_after_tout(void **state)
{
	struct addr owner;

	esp(&a, &s, A_OUT);
	now += TOUT - 1;
	esp(&a, &s, A_OUT); /* which does not prolong it */
	esp(&b, &s, B_OUT);
	assert_true(is_dropped(MASQ_DROP_OUTSTANDING));
	now += 1;
	assert_false(masq_outstanding(nat, now, &s, &owner));
	esp(&b, &s, B_OUT);
	assert_true(v.made && is_forwarded_to(&s));
}

static void in_the_way_it_carries_nout_more_packets(void **state)
{
	for (unsigned i = 0; i < 3 * NOUT; i++) {
		esp(&a, &s, A_OUT);
		assert_true(is_forwarded_to(&s));
	}
	esp(&b, &s, B_OUT);
	for (unsigned i = 0; i < NOUT; i++) {
		esp(&a, &s, A_OUT);
		assert_true(is_forwarded_to(&s));
	}
	esp(&a, &s, A_OUT);
	assert_true(is_dropped(MASQ_DROP_NOUT));
}

static void in_ones_own_way_there_is_no_such_limit(void **state)
{
	esp(&a, &s, A_OUT);
	esp(&a, &s, A_OUT2);
	for (unsigned i = 0; i < 2 * NOUT; i++) {
		esp(&a, &s, A_OUT);
		assert_true(is_forwarded_to(&s));
	}
}

static void beyond_nout_the_item_stays_until_tout(void **state)
{
	struct addr owner;

	esp(&a, &s, A_OUT);
	esp(&b, &s, B_OUT);
	for (unsigned i = 0; i <= NOUT; i++)
		esp(&a, &s, A_OUT);
	assert_true(is_dropped(MASQ_DROP_NOUT));
	now += TOUT - 1;
	esp(&b, &s, B_OUT);
	assert_true(is_dropped(MASQ_DROP_OUTSTANDING));
	assert_true(masq_outstanding(nat, now, &s, &owner) && addr_eq(&owner, &a));
	esp(&s, &outside, A_IN);
	assert_true(v.established && is_forwarded_to(&a));
	esp(&a, &s, A_OUT);
	assert_true(is_forwarded_to(&s));
}

static void an_established_item_expires_after_tei_of_silence(void **state)
{
	epoch(&a, A_OUT, A_IN);
	now += TEI - 1;
	assert_true(belongs_to(A_IN, &a));
	now += 1;
	assert_false(belongs_to(A_IN, &a));
	esp(&s, &outside, A_IN);
	assert_true(is_dropped(MASQ_DROP_UNKNOWN));
	esp(&a, &s, A_OUT);
	assert_true(v.made);
}

static void either_direction_keeps_it(void **state)
{
	epoch(&a, A_OUT, A_IN);
	for (unsigned i = 0; i < 4; i++) {
		now += TEI - 1;
		if (i % 2) {
			esp(&a, &s, A_OUT);
			assert_true(!v.made && is_forwarded_to(&s));
		} else {
			esp(&s, &outside, A_IN);
			assert_true(!v.established && is_forwarded_to(&a));
		}
	}
}

static void what_has_expired_can_be_seen_once(void **state)
{
	struct masq_item item;

	epoch(&a, A_OUT, A_IN);
	esp(&b, &s, B_OUT);
	assert_false(masq_expired(nat, now, &item));
	now += TOUT;
	assert_true(masq_expired(nat, now, &item));
	assert_true(addr_eq(&item.client, &b) && !item.established && item.outgoing_spi == B_OUT);
	assert_false(masq_expired(nat, now, &item));
	now += TEI;
	assert_true(masq_expired(nat, now, &item));
	assert_true(addr_eq(&item.client, &a) && item.established && item.incoming_spi == A_IN);
	assert_false(masq_expired(nat, now, &item));
}

static void a_full_table_takes_no_more(void **state)
{
	for (uint32_t i = 0; i < MASQ_ITEMS_MAX; i++)
		epoch(&a, 0x1000 + i, 0x10000 + i);
	esp(&b, &s, B_OUT);
	assert_true(is_dropped(MASQ_DROP_FULL));
	esp(&s, &outside, 0x10000 + MASQ_ITEMS_MAX - 1);
	assert_true(is_forwarded_to(&a));
	now += TEI;
	epoch(&b, B_OUT, B_IN);
}

/* ---- IKE ---- */

static void an_initiator_cookie_makes_an_outstanding_item(void **state)
{
	ike(&a, &s, I_A, 0);
	assert_true(v.made && !v.established && is_forwarded_to(&s));
	ike(&a, &s, I_A, 0);
	assert_true(!v.made && is_forwarded_to(&s));
	ike(&b, &s, I_B, 0);
	assert_true(v.made && is_forwarded_to(&s));
}

static void the_answer_establishes_it(void **state)
{
	ike(&a, &s, I_A, 0);
	ike(&b, &s, I_B, 0);
	ike(&s, &outside, I_B, R_B);
	assert_true(v.established && is_forwarded_to(&b));
	ike(&s, &outside, I_A, R_A);
	assert_true(v.established && is_forwarded_to(&a));
	ike(&s, &outside, I_A, R_A);
	assert_true(!v.established && is_forwarded_to(&a));
}

static void a_server_without_an_item_is_dropped(void **state)
{
	ike(&s, &outside, I_A, R_A);
	assert_true(is_dropped(MASQ_DROP_UNKNOWN));
	ike(&a, &s, I_A, 0);
	ike(&t, &outside, I_A, R_A);
	assert_true(is_dropped(MASQ_DROP_UNKNOWN));
	ike(&s, &outside, I_A, R_A);
	ike(&s, &outside, I_A, R_B); /* the cookies of an established one are two */
	assert_true(is_dropped(MASQ_DROP_UNKNOWN));
	ike(&s, &outside, I_B, 0); /* a phase 1 that the server begins */
	assert_true(is_dropped(MASQ_DROP_UNKNOWN));
}

static void a_second_client_with_a_cookie_waits_until_it_is_established(void **state)
{
	ike(&a, &s, I_A, 0);
	ike(&b, &s, I_A, 0);
	assert_true(is_dropped(MASQ_DROP_COOKIE));
	ike(&b, &t, I_A, 0);
	assert_true(is_forwarded_to(&t));
	ike(&s, &outside, I_A, R_A);
	assert_true(is_forwarded_to(&a));
	ike(&b, &s, I_A, 0);
	assert_true(v.made && is_forwarded_to(&s));
	ike(&s, &outside, I_A, R_B);
	assert_true(v.established && is_forwarded_to(&b));
	ike(&s, &outside, I_A, R_A);
	assert_true(is_forwarded_to(&a));
	ike(&s, &outside, I_A, R_B);
	assert_true(!v.established && is_forwarded_to(&b));
}

static void an_old_cookie_keeps_nobody_away(void **state)
{
	ike(&a, &s, I_A, 0);
	now += TIKE;
	ike(&b, &s, I_A, 0);
	assert_true(is_dropped(MASQ_DROP_COOKIE));
	now += 1;
	ike(&b, &s, I_A, 0);
	assert_true(v.made && is_forwarded_to(&s));
}

static void an_old_item_still_routes_ike(void **state)
{
	session(&a, I_A, R_A);
	now += 10 * TIKE;
	ike(&s, &outside, I_A, R_A);
	assert_true(is_forwarded_to(&a));
	esp(&s, &outside, A_IN); /* and is recent again */
	assert_true(is_copied_to(&a));
}

static void an_old_item_makes_room(void **state)
{
	for (uint64_t i = 0; i < MASQ_ITEMS_MAX; i++) {
		ike(&a, &s, I_A + i, 0);
		assert_true(v.made);
	}
	ike(&b, &s, I_B, 0);
	assert_true(is_dropped(MASQ_DROP_FULL));
	now += TIKE;
	ike(&a, &s, I_A, 0);
	now += 1;
	ike(&b, &s, I_B, 0);
	assert_true(v.made && is_forwarded_to(&s));
	ike(&a, &s, I_A, 0); /* not this one's */
	assert_true(!v.made && is_forwarded_to(&s));
	ike(&a, &s, I_A + 1, 0);
	assert_true(v.made);
}

/* ---- fragments, odd packets, its own life ---- */

static void later_fragments_are_dropped(void **state)
{
	uint8_t head[28] = { 0 };
	struct masq_packet p = { .from = a, .to = s, .later_fragment = true };

	epoch(&a, A_OUT, A_IN);
	session(&a, I_A, R_A);
	put_be32(head, A_OUT);
	p.head = SLICE_OF(head);
	p.protocol = MASQ_ESP;
	masq_out(nat, now, &p, &v);
	assert_true(is_dropped(MASQ_DROP_FRAGMENT));
	put_be64(head, I_A);
	p.protocol = MASQ_IKE;
	masq_out(nat, now, &p, &v);
	assert_true(is_dropped(MASQ_DROP_FRAGMENT));
	p.from = s;
	p.to = outside;
	masq_in(nat, now, &p, &v);
	assert_true(is_dropped(MASQ_DROP_FRAGMENT));
	put_be32(head, A_IN);
	p.protocol = MASQ_ESP;
	masq_in(nat, now, &p, &v);
	assert_true(is_dropped(MASQ_DROP_FRAGMENT));
}

static void without_spi_or_cookies_it_is_dropped(void **state)
{
	uint8_t head[15] = { 0 };

	for (size_t n = 0; n < 4; n++) {
		send_bytes(MASQ_ESP, &a, &s, slice(head, n));
		assert_true(is_dropped(MASQ_DROP_SHORT));
		send_bytes(MASQ_ESP, &s, &outside, slice(head, n));
		assert_true(is_dropped(MASQ_DROP_SHORT));
	}
	send_bytes(MASQ_IKE, &a, &s, SLICE_OF(head));
	assert_true(is_dropped(MASQ_DROP_SHORT));
	send_bytes(MASQ_IKE, &s, &outside, SLICE_OF(head));
	assert_true(is_dropped(MASQ_DROP_SHORT));
}

static void a_reboot_empties_both_tables(void **state)
{
	struct addr owner;

	session(&a, I_A, R_A);
	epoch(&a, A_OUT, A_IN);
	esp(&b, &s, B_OUT);
	masq_reboot(nat);
	assert_false(belongs_to(A_IN, &a));
	assert_false(masq_outstanding(nat, now, &s, &owner));
	esp(&s, &outside, A_IN);
	assert_true(is_dropped(MASQ_DROP_UNKNOWN));
	ike(&s, &outside, I_A, R_A);
	assert_true(is_dropped(MASQ_DROP_UNKNOWN));
	ike(&a, &s, I_A, R_A); /* and traffic fills them again */
	assert_true(v.made && is_forwarded_to(&s));
	ike(&s, &outside, I_A, R_A);
	assert_true(v.established && is_forwarded_to(&a));
	epoch(&a, A_OUT, A_IN);
}

static void renumbered_it_is_reached_at_the_new_address_alone(void **state)
{
	struct addr before = outside;
	uint8_t head[4];

	session(&a, I_A, R_A);
	epoch(&a, A_OUT, A_IN);
	outside = address("198.18.9.22");
	masq_renumber(nat, &outside);
	esp(&s, &outside, A_IN);
	assert_true(is_forwarded_to(&a));
	ike(&s, &outside, I_A, R_A);
	assert_true(is_forwarded_to(&a));
	put_be32(head, A_IN);
	masq_in(nat, now, &(struct masq_packet){ MASQ_ESP, s, before, false, SLICE_OF(head) }, &v);
	assert_true(is_dropped(MASQ_DROP_UNKNOWN));
}

static void every_packet_is_counted_by_its_fate(void **state)
{
	const uint64_t *n = masq_counters(nat);

	session(&a, I_A, R_A);
	session(&b, I_B, R_B);
	esp(&s, &outside, A_IN);
	esp(&a, &s, A_OUT);
	esp(&b, &s, B_OUT);
	assert_int_equal(n[MASQ_FORWARD], 6);
	assert_int_equal(n[MASQ_DROP_OUTSTANDING], 1);
}

static void fates_have_names(void **state)
{
	for (enum masq_fate f = MASQ_FORWARD; f < MASQ_FATES; f++)
		assert_non_null(masq_fate_name(f));
	assert_string_equal(masq_fate_name(MASQ_DROP_NOUT), "nout");
}

/* ---- what goes wrong with it ---- */

/* The server is first on a new epoch, and nothing is outstanding. */
static void race_1_the_server_speaks_first_and_all_get_copies(void **state)
{
	session(&a, I_A, R_A);
	session(&b, I_B, R_B);
	esp(&s, &outside, A_IN);
	assert_true(v.n == 2 && is_copied_to(&a) && is_copied_to(&b));
	epoch(&a, A_OUT, A_IN); /* no harm is done for long */
}

/* a's item is outstanding when the server speaks to b first: neither receives any more. */
static void race_2_the_server_speaks_to_another_first(void **state)
{
	session(&a, I_A, R_A);
	session(&b, I_B, R_B);
	esp(&a, &s, A_OUT);
	esp(&s, &outside, B_IN);
	assert_true(v.established && is_forwarded_to(&a));
	assert_true(belongs_to(B_IN, &a));
	esp(&b, &s, B_OUT);
	assert_true(v.made && is_forwarded_to(&s));
	esp(&s, &outside, B_IN); /* b's answer does not come to it */
	assert_true(!v.established && is_forwarded_to(&a));
	now += TOUT;
	esp(&a, &s, A_OUT); /* a cannot have another item */
	assert_true(!v.made && is_forwarded_to(&s));
	esp(&s, &outside, A_IN);
	assert_true(v.multicast);
	epoch(&a, A_OUT2, A_IN2); /* new SPIs are the cure */
	epoch(&b, B_OUT2, B_IN2);
}

/* The answer to a comes after T_out, and another's item is outstanding by then. */
static void race_3_an_answer_comes_too_late(void **state)
{
	session(&a, I_A, R_A);
	session(&b, I_B, R_B);
	esp(&a, &s, A_OUT);
	now += TOUT;
	esp(&b, &s, B_OUT);
	assert_true(v.made && is_forwarded_to(&s));
	esp(&s, &outside, A_IN);
	assert_true(v.established && v.outgoing_spi == B_OUT && is_forwarded_to(&b));
	esp(&a, &s, A_OUT);
	assert_true(v.made);
	esp(&s, &outside, A_IN); /* its item stays outstanding: b gets what is a's */
	assert_true(!v.established && is_forwarded_to(&b));
	esp(&b, &s, B_OUT);
	assert_true(!v.made && is_forwarded_to(&s));
	now += TOUT;
	epoch(&a, A_OUT2, A_IN2);
	epoch(&b, B_OUT2, B_IN2);
}

/* Both epochs live, both items have expired, and the server speaks to a when b has spoken. */
static void race_4_silence_and_then_the_wrong_order(void **state)
{
	epoch(&a, A_OUT, A_IN);
	epoch(&b, B_OUT, B_IN);
	now += TEI;
	esp(&b, &s, B_OUT);
	assert_true(v.made);
	esp(&s, &outside, A_IN);
	assert_true(v.established && v.outgoing_spi == B_OUT && is_forwarded_to(&b));
	assert_true(belongs_to(A_IN, &b));
	epoch(&a, A_OUT2, A_IN2);
	epoch(&b, B_OUT2, B_IN2);
}

static void a_collision_of_incoming_spis_goes_to_whose_is_first(void **state)
{
	epoch(&a, A_OUT, A_IN);
	esp(&b, &s, B_OUT);
	assert_true(v.made);
	esp(&s, &outside, A_IN);
	assert_true(!v.established && is_forwarded_to(&a));
	now += TOUT; /* b's stays outstanding all the time */
	esp(&s, &outside, A_IN);
	assert_true(is_forwarded_to(&a));
	epoch(&b, B_OUT2, B_IN2);
}

static void an_alias_collides_at_will(void **state)
{
	epoch(&a, A_OUT, A_IN);
	masq_alias(nat, B_IN, A_IN);
	esp(&b, &s, B_OUT);
	esp(&s, &outside, B_IN);
	assert_true(!v.established && is_forwarded_to(&a));
	assert_true(belongs_to(B_IN, &a));
	esp(&s, &outside, B_IN2);
	assert_true(v.established && is_forwarded_to(&b));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(an_unknown_spi_makes_an_outstanding_item),
		TEST(a_known_spi_makes_nothing),
		TEST(another_client_is_dropped_while_the_server_has_one_outstanding),
		TEST(the_client_itself_is_dropped_with_another_spi),
		TEST(another_server_is_another_matter),
		TEST(established_epochs_keep_nobody_away),
		TEST(an_unknown_incoming_spi_goes_to_whose_item_is_outstanding),
		TEST(an_incoming_spi_of_zero_is_one_like_others),
		TEST(an_established_incoming_spi_goes_to_its_client),
		TEST(otherwise_all_that_recently_did_ike_with_the_server_get_a_copy),
		TEST(a_client_silent_in_ike_for_longer_gets_no_copies),
		TEST(what_nobody_waits_for_is_dropped),
		TEST(an_outstanding_item_expires_after_tout),
		TEST(in_the_way_it_carries_nout_more_packets),
		TEST(in_ones_own_way_there_is_no_such_limit),
		TEST(beyond_nout_the_item_stays_until_tout),
		TEST(an_established_item_expires_after_tei_of_silence),
		TEST(either_direction_keeps_it),
		TEST(what_has_expired_can_be_seen_once),
		TEST(a_full_table_takes_no_more),
		TEST(an_initiator_cookie_makes_an_outstanding_item),
		TEST(the_answer_establishes_it),
		TEST(a_server_without_an_item_is_dropped),
		TEST(a_second_client_with_a_cookie_waits_until_it_is_established),
		TEST(an_old_cookie_keeps_nobody_away),
		TEST(an_old_item_still_routes_ike),
		TEST(an_old_item_makes_room),
		TEST(later_fragments_are_dropped),
		TEST(without_spi_or_cookies_it_is_dropped),
		TEST(a_reboot_empties_both_tables),
		TEST(renumbered_it_is_reached_at_the_new_address_alone),
		TEST(every_packet_is_counted_by_its_fate),
		TEST(fates_have_names),
		TEST(race_1_the_server_speaks_first_and_all_get_copies),
		TEST(race_2_the_server_speaks_to_another_first),
		TEST(race_3_an_answer_comes_too_late),
		TEST(race_4_silence_and_then_the_wrong_order),
		TEST(a_collision_of_incoming_spis_goes_to_whose_is_first),
		TEST(an_alias_collides_at_will),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
