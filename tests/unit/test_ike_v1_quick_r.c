/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/support/ike_pair.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

/* End 1 answers quick modes that end 0 begins; either may have begun phase 1. */
static struct pair pair;
static struct pair *const p = &pair;
static struct pair_end *const i = &pair.end[0];
static struct pair_end *const r = &pair.end[1];

static int setup(void **state)
{
	assert_int_equal(crypto_init(), 0);
	pair_init(p, 1);
	return 0;
}

static int teardown(void **state)
{
	pair_free(p);
	return secret_pool_used() == 0 ? 0 : -1;
}

static void up_from(unsigned end)
{
	pair_start(p, end, IKE_EVENT_START);
	pair_pump(p);
	assert_true(pair_is_up(p));
}

static void again(uint64_t seed)
{
	pair_free(p);
	pair_init(p, seed);
}

static void expect_child(void)
{
	assert_int_equal(i->nup, 1);
	assert_int_equal(r->nup, 1);
	assert_int_equal(i->nfailed, 0);
	assert_int_equal(r->nfailed, 0);
	assert_true(pair_children_match(&i->up[0], &r->up[0]));
}

/* Refused by an authentic notify, at once; the SA goes on. */
static void expect_refused(uint16_t notify)
{
	assert_int_equal(i->nup, 0);
	assert_int_equal(r->nup, 0);
	assert_int_equal(i->nfailed, 1);
	assert_int_equal(i->failed.child_failed.why.notify, notify);
	assert_true(i->failed.child_failed.why.authentic);
	assert_true(pair_is_up(p));
}

static void both_directions(void **state)
{
	for (unsigned first = 0; first < 2; first++) {
		again(first);
		up_from(first);
		pair_child(p, 0);
		expect_child();
		assert_int_equal(r->noffers, 1);
		assert_true(r->offer.offer.id & 0x80000000);
		assert_int_equal(r->up[0].id, r->offer.offer.id);
		assert_int_equal(i->up[0].id, 0x1000);
		assert_true(ts_eq(&r->offer.offer.ts.local, &r->child.ts.local));
		assert_true(ts_eq(&r->offer.offer.ts.remote, &r->child.ts.remote));
		assert_int_equal(r->up[0].encapsulation, ENCAPSULATION_UDP);
		assert_int_equal(r->up[0].keylife_s, 3600);
		pair_child(p, 1);
		assert_int_equal(i->nup, 2);
		assert_true(pair_children_match(&i->up[1], &r->up[1]));
		assert_int_equal(p->nsent, 6 + 3 + 3);
	}
}

/* The peer's offer must be for the way in which ESP is to travel. */
static void encapsulation(void **state)
{
	up_from(0);
	pair_sa(p, 0)->path.encapsulation = ENCAPSULATION_ESP;
	pair_sa(p, 1)->path.encapsulation = ENCAPSULATION_ESP;
	pair_child(p, 0);
	expect_child();
	assert_int_equal(r->up[0].encapsulation, ENCAPSULATION_ESP);
	again(2);
	up_from(0);
	pair_sa(p, 0)->path.encapsulation = ENCAPSULATION_ESP;
	pair_child(p, 0);
	expect_refused(NOTIFY_NO_PROPOSAL_CHOSEN);
}

/* The drafts' number for UDP is not the RFC's. */
static void encapsulation_of_the_drafts(void **state)
{
	up_from(0);
	pair_sa(p, 0)->main.natt = NATT_DRAFT;
	pair_sa(p, 1)->main.natt = NATT_DRAFT;
	pair_child(p, 0);
	expect_child();
	again(2);
	up_from(0);
	pair_sa(p, 1)->main.natt = NATT_DRAFT;
	pair_child(p, 0);
	expect_refused(NOTIFY_NO_PROPOSAL_CHOSEN);
}

static void own_preference(void **state)
{
	struct esp_suite first = r->child.suites[0];

	r->child.suites[0] = r->child.suites[1];
	r->child.suites[1] = first;
	up_from(0);
	pair_child(p, 0);
	expect_child();
	assert_int_equal(r->up[0].suite.integ, ESP_INTEG_HMAC_SHA2_256_128);
}

static void perfect_forward_secrecy(void **state)
{
	static const enum dh_group groups[] = { DH_NONE, DH_MODP_2048, DH_ECP_256, DH_ECP_384 };

	for (unsigned k = 0; k < 16; k++) {
		enum dh_group theirs = groups[k % 4], ours = groups[k / 4];

		again(k);
		i->child.pfs = theirs;
		r->child.pfs = ours;
		up_from(0);
		pair_child(p, 0);
		if (ours == DH_NONE || ours == theirs) {
			expect_child();
			assert_int_equal(r->up[0].pfs, theirs);
		} else {
			expect_refused(NOTIFY_NO_PROPOSAL_CHOSEN);
			assert_int_equal(r->nfailed, 1);
			assert_int_equal(r->failed.child_failed.why.err, ERR_NO_PROPOSAL);
		}
	}
}

static void no_proposal(void **state)
{
	r->child.suites[0].key_bits = 256;
	r->child.nsuites = 1;
	up_from(0);
	pair_child(p, 0);
	expect_refused(NOTIFY_NO_PROPOSAL_CHOSEN);
	assert_int_equal(r->nfailed, 1);
	assert_int_equal(r->failed.child_failed.id, r->offer.offer.id);
}

static void refused_by_the_session(void **state)
{
	unsigned sent;

	r->answer = PAIR_REFUSE;
	r->refusal = NOTIFY_INVALID_ID_INFORMATION;
	up_from(0);
	pair_child(p, 0);
	expect_refused(NOTIFY_INVALID_ID_INFORMATION);
	assert_int_equal(r->nfailed, 0);
	/* The refusal may have been lost: it is given again, and the offer is not made again. */
	sent = r->nsent;
	assert_int_equal(p->sent[6].source, 0);
	pair_inject(p, &p->sent[6]);
	assert_int_equal(r->nsent, sent + 1);
	assert_int_equal(r->noffers, 1);
	/* To answer twice does nothing. */
	pair_answer(p, 1, PAIR_REFUSE);
	assert_int_equal(r->nsent, sent + 1);
	pair_answer(p, 1, PAIR_ACCEPT);
	assert_int_equal(r->nsent, sent + 1);
	assert_int_equal(r->nfailed, 1);
}

/* It is never told: neither at first, nor when it asks again. */
static void passed_over_by_the_session(void **state)
{
	unsigned sent;

	r->answer = PAIR_REFUSE;
	r->refusal = 0;
	up_from(0);
	sent = r->nsent;
	pair_child(p, 0);
	assert_int_equal(r->noffers, 1);
	pair_run(p, p->now + 60 * VTIME_S);
	assert_true(i->nresent > 0);
	assert_int_equal(i->nfailed, 1);
	assert_int_equal(r->nsent, sent);
	assert_int_equal(r->noffers, 1);
	assert_int_equal(r->nfailed, 0);
	assert_true(pair_drops(p, 1, DROP_IKE_DUPLICATE) > 0);
	/* What is offered next is another matter. */
	r->answer = PAIR_ACCEPT;
	pair_child(p, 0);
	assert_int_equal(r->nup, 1);
}

static void late_answer(void **state)
{
	r->answer = PAIR_WAIT;
	up_from(0);
	pair_child(p, 0);
	pair_run(p, p->now + 20 * VTIME_S);
	assert_int_equal(r->noffers, 1);
	assert_int_equal(r->nsent, 3);
	pair_answer(p, 1, PAIR_ACCEPT);
	pair_pump(p);
	expect_child();
}

static void no_answer(void **state)
{
	vtime began;

	r->answer = PAIR_WAIT;
	up_from(0);
	pair_child(p, 0);
	began = p->now;
	pair_run(p, p->now + 60 * VTIME_S);
	assert_int_equal(i->nfailed, 1);
	assert_int_equal(r->nfailed, 1);
	assert_int_equal(r->failed.child_failed.id, r->offer.offer.id);
	assert_true(r->failed_at == began + 30 * VTIME_S);
	pair_answer(p, 1, PAIR_ACCEPT);
	assert_int_equal(r->nfailed, 2);
	assert_int_equal(r->nsent, 3);
}

static void lifetimes(void **state)
{
	r->child.keylife_s = 900;
	up_from(0);
	pair_child(p, 0);
	expect_child();
	assert_int_equal(r->up[0].keylife_s, 900);
	assert_int_equal(i->up[0].keylife_s, 900);
	again(2);
	i->child.keylife_s = 800;
	up_from(0);
	pair_child(p, 0);
	expect_child();
	assert_int_equal(r->up[0].keylife_s, 800);
	assert_int_equal(i->up[0].keylife_s, 800);
}

/* Three are kept; the others come again when there is room. */
static void many_offers(void **state)
{
	r->answer = PAIR_WAIT;
	up_from(0);
	for (unsigned k = 0; k < 3; k++)
		pair_child(p, 0);
	/* An end of ours has two under way at the most; a third one is made by another SA. */
	assert_int_equal(r->noffers, 2);
	r->answer = PAIR_ACCEPT;
	pair_answer(p, 1, PAIR_ACCEPT);
	pair_run(p, p->now + 31 * VTIME_S);
	assert_int_equal(i->nup, 2);
	assert_int_equal(r->nup, 2);
	assert_int_equal(i->nfailed, 1);
	assert_int_equal(r->nfailed, 1);
	for (unsigned k = 0; k < 30; k++) {
		pair_child(p, k % 2);
		pair_run(p, p->now + VTIME_S);
	}
	assert_int_equal(i->nup, 32);
	assert_int_equal(r->nup, 32);
	for (unsigned k = 0; k < 32; k++)
		assert_true(pair_children_match(&i->up[k], &r->up[k]));
}

/* ---- message 1, made by hand ---- */

/* Seals what has been written under SA end 0's keys and lets the responder have it. */
static void inject_quick(struct ike_writer *b, uint32_t id)
{
	const struct protect_hash hash = { .number = 1 };
	struct ike_sa *sa = pair_sa(p, 0);
	struct pair_datagram d = { .from = i->address, .to = r->address };
	uint8_t iv[PROTECT_BLOCK];
	struct slice done;

	protect_iv_phase2(&sa->keys, sa->last_block, id, iv);
	done = protect_finish(b, &sa->keys, &hash, id, iv);
	d.from.port = d.to.port = IKE_NATT_PORT;
	d.n = done.n;
	memcpy(d.bytes, done.p, done.n);
	pair_inject(p, &d);
}

enum part {
	HAS_SA = 1,
	HAS_NONCE = 2,
	HAS_IDS = 4,
	GOOD = 7,
	TWO_SAS = 8,
	SHORT_NONCE = 16,
	ONE_ID = 32,
	THREE_IDS = 64,
	NAME_ID = 128,
	FAMILIES = 256,
	EMPTY_KE = 512,
	LONG_KE = 1024,
	CERT = 2048,
	BAD_SA = 4096,
	KE_ALONE = 8192, /* without a group in the transform */
};

static void ids_write(struct ike_writer *b, unsigned parts)
{
	const struct ts_pair *ts = &i->child.ts;
	struct ts six = { .lo.family = FAMILY_IP6, .hi.family = FAMILY_IP6, .port_hi = UINT16_MAX };
	struct identity name;

	identity_parse("host.example.com", &name);
	if (parts & NAME_ID)
		id_write_identity(b, &name, 0, 0);
	else
		id_write_ts(b, parts & FAMILIES ? &six : &ts->local);
	if (!(parts & ONE_ID))
		id_write_ts(b, &ts->remote);
	if (parts & THREE_IDS)
		id_write_ts(b, &ts->remote);
}

static void inject_message_1(unsigned parts, uint32_t id)
{
	static const uint8_t bytes[DH_PUBLIC_MAX + 1] = { 1, 2, 3 };
	struct ike_sa *sa = pair_sa(p, 0);
	struct ike_header h = sa_header(sa, ISAKMP_QUICK, id);
	const struct esp_offer offer = {
		.suites = i->child.suites,
		.n = i->child.nsuites,
		.mode = MODE_UDP_TUNNEL,
		.spi = 0xabcd,
	};
	uint8_t buf[IKE_MESSAGE_MAX];
	struct ike_writer b;

	protect_begin(&b, buf, sizeof(buf), &h, sa->suite.hash);
	if (parts & BAD_SA)
		ike_write_body(&b, PAYLOAD_SA, slice(bytes, 11));
	else if (parts & HAS_SA)
		proposal_write_esp(&b, &offer);
	if (parts & TWO_SAS)
		proposal_write_esp(&b, &offer);
	if (parts & HAS_NONCE)
		ike_write_body(&b, PAYLOAD_NONCE, slice(bytes, parts & SHORT_NONCE ? 7 : 16));
	if (parts & EMPTY_KE)
		ike_write_body(&b, PAYLOAD_KE, SLICE_NONE);
	if (parts & LONG_KE)
		ike_write_body(&b, PAYLOAD_KE, SLICE_OF(bytes));
	if (parts & KE_ALONE)
		ike_write_body(&b, PAYLOAD_KE, slice(bytes, 64));
	if (parts & CERT)
		ike_write_body(&b, PAYLOAD_CERT, slice(bytes, 16));
	if (parts & HAS_IDS)
		ids_write(&b, parts);
	inject_quick(&b, id);
}

static void offers_made_by_hand(void **state)
{
	static const unsigned bad[] = {
		GOOD & ~HAS_SA,
		GOOD & ~HAS_NONCE,
		GOOD | TWO_SAS,
		GOOD | SHORT_NONCE,
		GOOD | ONE_ID,
		GOOD | THREE_IDS,
		GOOD | NAME_ID,
		GOOD | FAMILIES,
		GOOD | EMPTY_KE,
		GOOD | LONG_KE,
		GOOD | CERT,
		GOOD | BAD_SA,
		0,
	};

	r->answer = PAIR_WAIT;
	up_from(0);
	for (unsigned k = 0; k < ARRAY_SIZE(bad); k++) {
		inject_message_1(bad[k], 100 + k);
		assert_int_equal(r->noffers, 0);
		/* Each is refused with one notify, and again when it comes again. */
		assert_int_equal(r->nsent, 3 + k + 1);
	}
	assert_int_equal(r->nfailed, 0);
	assert_true(ike_deadline(pair_sa(p, 1)) == pair_sa(p, 1)->expires_at);
	inject_message_1(GOOD, 99);
	assert_int_equal(r->noffers, 1);
	assert_true(ts_eq(&r->offer.offer.ts.local, &r->child.ts.local));
	/* Without IDs: the two ends themselves. */
	inject_message_1(GOOD & ~HAS_IDS, 98);
	assert_int_equal(r->noffers, 2);
	assert_true(addr_eq(&r->offer.offer.ts.local.lo, &r->address.addr));
	assert_true(addr_eq(&r->offer.offer.ts.local.hi, &r->address.addr));
	assert_true(addr_eq(&r->offer.offer.ts.remote.lo, &i->address.addr));
	inject_message_1(GOOD | KE_ALONE, 97);
	assert_int_equal(r->noffers, 3);
	pair_answer(p, 1, PAIR_ACCEPT);
	assert_int_equal(r->nfailed, 1);
	assert_int_equal(r->failed.child_failed.why.err, ERR_NO_PROPOSAL);
	/* The third of those that wait, and no fourth. */
	inject_message_1(GOOD, 96);
	assert_int_equal(r->noffers, 4);
	inject_message_1(GOOD, 95);
	assert_int_equal(r->noffers, 4);
	assert_true(pair_is_up(p));
	pair_run(p, p->now + 31 * VTIME_S);
	assert_int_equal(r->nfailed, 4);
	inject_message_1(GOOD, 95);
	assert_int_equal(r->noffers, 5);
	/* What is over does not begin again. */
	inject_message_1(GOOD, 96);
	inject_message_1(GOOD, 99);
	assert_int_equal(r->noffers, 5);
}

static void needs_an_sa(void **state)
{
	struct pair_datagram one;

	up_from(0);
	pair_child(p, 0);
	one = p->sent[6];
	/* In clear, or with a bit changed. */
	one.bytes[19] = 0;
	pair_inject(p, &one);
	one.bytes[19] = ISAKMP_ENCRYPTED;
	for (size_t k = IKE_HEADER_SIZE; k < one.n; k++) {
		one.bytes[20] ^= 0x55; /* another message id */
		one.bytes[k] ^= 4;
		pair_inject(p, &one);
		one.bytes[k] ^= 4;
	}
	assert_int_equal(r->noffers, 1);
	expect_child();
}

/* ---- loss and repetition ---- */

static unsigned lost_mask;

static bool lose(struct pair *pp, struct pair_datagram *d, unsigned n)
{
	unsigned bit = n < 3 ? 99 : 2 * (n - 3) + d->source;

	return bit >= 9 || !(lost_mask & (1u << bit));
}

static void any_loss_is_mended(void **state)
{
	for (lost_mask = 0; lost_mask < 512; lost_mask += 5) {
		again(lost_mask);
		p->passes = lose;
		up_from(0);
		pair_child(p, 0);
		pair_run(p, p->now + 30 * VTIME_S);
		expect_child();
		assert_int_equal(r->noffers, 1);
	}
}

static void repeats(void **state)
{
	struct pair_datagram one, three;
	unsigned sent;

	up_from(0);
	pair_child(p, 0);
	expect_child();
	one = p->sent[6];
	three = p->sent[8];
	sent = r->nsent;
	for (unsigned k = 0; k < 3; k++) {
		pair_inject(p, &one);
		pair_inject(p, &three);
	}
	assert_int_equal(r->nsent, sent);
	assert_int_equal(r->noffers, 1);
	expect_child();
	assert_int_equal(pair_drops(p, 1, DROP_IKE_DUPLICATE), 3);
	assert_int_equal(pair_drops(p, 1, DROP_IKE_UNEXPECTED), 3);
}

static bool no_third(struct pair *pp, struct pair_datagram *d, unsigned n)
{
	return d->source == 1 || n < 4;
}

/* Message 2 goes again, by the clock and for a repeat; in the end the peer gets a Delete. */
static void third_message_never_comes(void **state)
{
	struct pair_datagram one;
	unsigned resent;
	vtime began;

	p->passes = no_third;
	up_from(0);
	began = p->now;
	pair_child(p, 0);
	assert_int_equal(i->nup, 1);
	assert_int_equal(r->nup, 0);
	pair_run(p, p->now + VTIME_S);
	resent = r->nresent;
	assert_int_equal(resent, 1);
	one = p->sent[6];
	pair_inject(p, &one);
	assert_int_equal(r->nresent, resent + 1);
	pair_run(p, p->now + 60 * VTIME_S);
	assert_int_equal(r->nup, 0);
	assert_int_equal(r->nfailed, 1);
	assert_int_equal(r->failed.child_failed.why.err, ERR_TIMEOUT);
	assert_true(r->failed_at == began + 30 * VTIME_S);
	assert_int_equal(i->ndeleted, 1);
	assert_int_equal(i->deleted[0], i->up[0].spi_out);
	assert_true(pair_is_up(p));
}

static void given_up_by_us(void **state)
{
	struct ike_event ev = { .type = IKE_EVENT_CHILD_DELETE, .spi = 0x2000 };

	p->passes = no_third;
	up_from(0);
	pair_child(p, 0);
	pair_event(p, 1, &ev);
	pair_run(p, p->now + 60 * VTIME_S);
	assert_int_equal(r->nup, 0);
	assert_int_equal(r->nfailed, 0);
	assert_int_equal(i->ndeleted, 1);
	assert_int_equal(i->deleted[0], 0x2000);
}

static void the_end_in_between(void **state)
{
	struct ike_event ev = { .type = IKE_EVENT_CLOSE };

	r->answer = PAIR_WAIT;
	up_from(0);
	pair_child(p, 0);
	pair_event(p, 1, &ev);
	assert_int_equal(r->ndead, 1);
	pair_answer(p, 1, PAIR_ACCEPT);
	assert_int_equal(r->nfailed, 1);
	pair_answer(p, 1, PAIR_REFUSE);
	pair_pump(p);
	assert_int_equal(i->ndead, 1);
	again(2);
	p->passes = no_third;
	r->child.pfs = i->child.pfs = DH_ECP_256;
	up_from(0);
	pair_child(p, 0);
	pair_event(p, 1, &ev);
	assert_int_equal(r->ndead, 1);
	assert_int_equal(ike_sa_cipher_key(pair_sa(p, 1)).n, 0);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(both_directions),
		T(encapsulation),
		T(encapsulation_of_the_drafts),
		T(own_preference),
		T(perfect_forward_secrecy),
		T(no_proposal),
		T(refused_by_the_session),
		T(passed_over_by_the_session),
		T(late_answer),
		T(no_answer),
		T(lifetimes),
		T(many_offers),
		T(offers_made_by_hand),
		T(needs_an_sa),
		T(any_loss_is_mended),
		T(repeats),
		T(third_message_never_comes),
		T(given_up_by_us),
		T(the_end_in_between),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
