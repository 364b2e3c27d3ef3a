/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/support/ike_pair.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

/* End 0 begins, end 1 is the responder under test. */
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

static void again(uint64_t seed)
{
	pair_free(p);
	pair_init(p, seed);
}

static void start(void)
{
	pair_start(p, 0, IKE_EVENT_START);
	pair_pump(p);
}

static void expect_up(void)
{
	assert_int_equal(i->ndead, 0);
	assert_int_equal(r->ndead, 0);
	assert_int_equal(i->nestablished, 1);
	assert_int_equal(r->nestablished, 1);
	assert_int_equal(r->nsa, 1);
	assert_true(pair_is_up(p));
}

static void expect_dead(const struct pair_end *e, int err)
{
	assert_int_equal(e->nestablished, 0);
	assert_int_equal(e->ndead, 1);
	assert_int_equal(e->dead.why.err, err);
	assert_non_null(e->dead.why.text);
	assert_true(ike_deadline(e->sa[0]) == VTIME_NEVER);
	assert_int_equal(ike_sa_cipher_key(e->sa[0]).n, 0);
}

static void six_messages(void **state)
{
	start();
	expect_up();
	assert_int_equal(p->nsent, 6);
	for (unsigned k = 0; k < 6; k++) {
		uint16_t port = k < 4 ? IKE_PORT : IKE_NATT_PORT;

		assert_int_equal(p->sent[k].source, k % 2);
		assert_int_equal(p->sent[k].from.port, port);
		assert_int_equal(p->sent[k].to.port, port);
	}
	assert_int_equal(r->nnat, 1);
	assert_int_equal(r->nat.nat.nat, NAT_NONE);
	assert_true(r->nat.nat.natt);
	assert_int_equal(r->nat.nat.path.local.port, IKE_NATT_PORT);
	assert_int_equal(r->nat.nat.path.remote.port, IKE_NATT_PORT);
	assert_true(addr_eq(&r->nat.nat.path.local.addr, &r->address.addr));
	assert_true(addr_eq(&r->nat.nat.path.remote.addr, &i->address.addr));
	assert_int_equal(r->nat.nat.path.encapsulation, ENCAPSULATION_UDP);
	/* The responder hides. */
	assert_int_equal(i->nat.nat.nat, NAT_REMOTE);
	assert_true(identity_eq(&r->established.established.peer, &i->config.local));
	assert_true(identity_eq(&i->established.established.peer, &r->config.local));
	assert_int_equal(r->established.established.lifetime_s, 28800);
}

static void every_suite(void **state)
{
	static const uint16_t bits[] = { 128, 192, 256 };
	static const enum hash_alg hashes[] = { HASH_SHA1, HASH_SHA2_256, HASH_SHA2_384,
						HASH_SHA2_512, HASH_MD5 };
	static const enum dh_group groups[] = { DH_MODP_1024, DH_MODP_2048, DH_ECP_256, DH_ECP_384,
						DH_ECP_521 };

	for (unsigned k = 0; k < 20; k++) {
		struct ike_suite s = { IKE_CIPHER_AES_CBC, bits[k % 3], hashes[k % 5],
				       groups[k / 4] };

		if (k % 4 == 3)
			s = (struct ike_suite){ IKE_CIPHER_3DES_CBC, DES3_KEY_BITS, s.hash,
						s.group };
		again(k + 2);
		i->config.suites[0] = r->config.suites[0] = s;
		start();
		expect_up();
		pair_child(p, k % 2);
		assert_int_equal(i->nup, 1);
		assert_true(pair_children_match(&i->up[0], &r->up[0]));
	}
}

/* Both orders differ: the responder's counts. */
static void own_preference(void **state)
{
	const struct ike_suite weak = { IKE_CIPHER_AES_CBC, 128, HASH_SHA1, DH_ECP_256 };
	const struct ike_suite strong = { IKE_CIPHER_AES_CBC, 256, HASH_SHA2_384, DH_ECP_384 };

	i->config.suites[0] = weak;
	i->config.suites[1] = strong;
	r->config.suites[0] = strong;
	r->config.suites[1] = weak;
	i->config.nsuites = r->config.nsuites = 2;
	start();
	expect_up();
	assert_int_equal(r->established.established.suite.group, DH_ECP_384);
	assert_int_equal(i->established.established.suite.key_bits, 256);
}

static void shorter_lifetime_is_told(void **state)
{
	r->config.lifetime_s = 600;
	start();
	expect_up();
	assert_int_equal(r->established.established.lifetime_s, 600);
	assert_int_equal(i->established.established.lifetime_s, 600);
	again(2);
	i->config.lifetime_s = 700;
	start();
	expect_up();
	assert_int_equal(r->established.established.lifetime_s, 700);
	assert_int_equal(i->established.established.lifetime_s, 700);
}

static bool translate(struct pair *pp, struct pair_datagram *d, unsigned n)
{
	if (d->source == 0) {
		addr_parse("203.0.113.9", &d->from.addr);
		d->from.port = d->from.port == IKE_PORT ? 1024 : 2048;
	} else {
		d->to.addr = i->address.addr;
		d->to.port = d->to.port == 1024 ? IKE_PORT : IKE_NATT_PORT;
	}
	return true;
}

/* Answers go where the questions came from, also when the NAT has another port for 4500. */
static void peer_behind_nat(void **state)
{
	p->passes = translate;
	start();
	expect_up();
	assert_int_equal(r->nat.nat.nat, NAT_REMOTE);
	assert_int_equal(i->nat.nat.nat, NAT_BOTH);
	assert_int_equal(p->sent[1].to.port, 1024);
	assert_int_equal(p->sent[5].to.port, 2048);
	assert_int_equal(r->nat.nat.path.remote.port, 2048);
}

/* ---- refusals ---- */

static void no_proposal(void **state)
{
	vtime began = p->now;

	r->config.suites[0].group = DH_ECP_384;
	start();
	expect_dead(r, ERR_NO_PROPOSAL);
	assert_true(r->dead_at == began);
	pair_run(p, p->now + 60 * VTIME_S);
	expect_dead(i, ERR_NO_PROPOSAL);
	assert_int_equal(i->dead.why.notify, NOTIFY_NO_PROPOSAL_CHOSEN);
	assert_true(i->dead_at == began + VTIME_S);
}

static unsigned told;
static vtime told_at;

static void on_log(void *ctx, const struct log_event *ev)
{
	(void)ctx;
	if (strcmp(ev->what, "a peer's proof fits no pre-shared key of ours") != 0)
		return;
	told_at = p->now;
	told++;
}

/*
 * The peer is not told, so that nobody can ask, and has all its time to do it right; whoever runs the
 * gateway is told at once.
 */
static void wrong_key(void **state)
{
	vtime began = p->now;

	told = 0;
	p->log.sink = on_log;

	secret_free(&r->config.psk);
	secret_set(&r->config.psk, SLICE_STR("wrong"));
	start();
	pair_run(p, p->now + 60 * VTIME_S);
	expect_dead(r, ERR_AUTH);
	assert_true(r->dead_at == began + 30 * VTIME_S);
	expect_dead(i, ERR_TIMEOUT);
	assert_int_equal(r->nsent, 2);
	assert_true(pair_drops(p, 1, DROP_IKE_AUTH) > 3);
	assert_int_equal(told, 1);
	assert_true(told_at < began + VTIME_S);
}

static void wrong_identity(void **state)
{
	identity_parse("evil@example.com", &i->config.local);
	start();
	expect_dead(r, ERR_IDENTITY);
	assert_true(r->dead.why.authentic);
	assert_int_equal(r->nsent, 3);
	expect_dead(i, ERR_AUTH);
	assert_true(i->dead.why.authentic);
	assert_int_equal(i->dead.why.notify, NOTIFY_AUTHENTICATION_FAILED);
}

static void identities_by_address(void **state)
{
	i->config.local = i->config.remote = (struct identity){ .type = ID_NONE };
	r->config.local = r->config.remote = (struct identity){ .type = ID_NONE };
	start();
	expect_up();
	again(2);
	p->passes = translate;
	i->config.local = r->config.remote = (struct identity){ .type = ID_NONE };
	start();
	expect_dead(r, ERR_IDENTITY);
}

static void not_a_first_message(void **state)
{
	struct ike_event ev = { .type = IKE_EVENT_ACCEPT };
	struct pair_datagram d;

	start();
	d = p->sent[0];
	assert_true(ike_is_first_message(slice(d.bytes, d.n)));
	assert_false(ike_is_first_message(slice(d.bytes, d.n - 1)));
	assert_false(ike_is_first_message(SLICE_NONE));
	d.bytes[18] = ISAKMP_AGGRESSIVE;
	assert_true(ike_is_first_message(slice(d.bytes, d.n)));
	d.bytes[18] = ISAKMP_QUICK;
	assert_false(ike_is_first_message(slice(d.bytes, d.n)));
	d.bytes[18] = ISAKMP_MAIN;
	d.bytes[15] = 1;
	assert_false(ike_is_first_message(slice(d.bytes, d.n)));
	d.bytes[15] = 0;
	memset(d.bytes, 0, 8);
	assert_false(ike_is_first_message(slice(d.bytes, d.n)));
	for (unsigned k = 1; k < 6; k++)
		assert_false(ike_is_first_message(slice(p->sent[k].bytes, p->sent[k].n)));

	again(2);
	r->sa[r->nsa++] = ike_sa_new(&r->config, &p->rng, &p->log);
	ev.datagram.from = i->address;
	ev.datagram.to = r->address;
	ev.datagram.bytes = slice(d.bytes, d.n);
	pair_event(p, 1, &ev);
	expect_dead(r, ERR_MALFORMED);
	assert_int_equal(r->nsent, 0);
}

/* ---- messages that were changed ---- */

static unsigned target; /* which message, 0 for the first */
static uint8_t left_out;
static bool doubled;
static bool always;

/* The message without the payloads of one type, or with all payloads of that type twice. */
static bool edit(struct pair *pp, struct pair_datagram *d, unsigned n)
{
	struct pair_datagram old = *d;
	struct ike_writer b;
	struct ike_msg m;

	if (d->source != 0 || (always ? n < target : n != target))
		return true;
	assert_int_equal(ike_msg_parse(slice(old.bytes, old.n), &m), 0);
	ike_write_header(&b, d->bytes, sizeof(d->bytes), &m.h);
	for (unsigned k = 0; k < m.n; k++) {
		bool it = m.payload[k].type == left_out;

		if (!it || doubled)
			ike_write_body(&b, m.payload[k].type, m.payload[k].body);
		if (it && doubled)
			ike_write_body(&b, m.payload[k].type, m.payload[k].body);
	}
	d->n = ike_write_done(&b).n;
	return true;
}

static void first_message_edited(void **state)
{
	const struct {
		uint8_t type;
		bool doubled;
		int err;
	} cases[] = {
		{ PAYLOAD_SA, false, ERR_MALFORMED },
		{ PAYLOAD_SA, true, ERR_MALFORMED },
		{ PAYLOAD_VID, false, ERR_UNSUPPORTED },
	};

	target = 0;
	always = true;
	for (unsigned k = 0; k < ARRAY_SIZE(cases); k++) {
		again(k);
		p->passes = edit;
		left_out = cases[k].type;
		doubled = cases[k].doubled;
		start();
		expect_dead(r, cases[k].err);
		assert_int_equal(r->nsent, 0);
	}
}

/* What somebody on the way makes of message 3 does not spoil the true one that follows. */
static void third_message_edited(void **state)
{
	static const uint8_t types[] = { PAYLOAD_KE, PAYLOAD_NONCE, PAYLOAD_NAT_D };

	target = 1;
	for (unsigned k = 0; k < 4 * ARRAY_SIZE(types); k++) {
		left_out = types[k / 4];
		doubled = k & 1;
		always = k & 2;
		if (left_out == PAYLOAD_NAT_D && doubled)
			continue;
		again(k);
		p->passes = edit;
		start();
		assert_int_equal(r->nsent, 1);
		pair_run(p, p->now + 40 * VTIME_S);
		if (always)
			expect_dead(r, left_out == PAYLOAD_NAT_D ? ERR_UNSUPPORTED : ERR_TIMEOUT);
		else
			expect_up();
	}
}

static size_t at;
static uint8_t flip;

static bool change(struct pair *pp, struct pair_datagram *d, unsigned n)
{
	if (d->source == 0 && n == target)
		d->bytes[at % d->n] ^= flip;
	return true;
}

/*
 * A bit changed anywhere: it is ignored, and the true message is taken afterwards; or it was in the
 * nonce, and the ends have other keys. In message 5 HASH_I covers the ID alone and nothing what
 * follows it, so there the bits are of these two.
 */
static void bits_changed(void **state)
{
	unsigned up = 0, n = 0;

	for (target = 1; target < 3; target++) {
		for (at = 0; at < (target == 1 ? 300 : 88); at += 3) {
			again(at);
			flip = (uint8_t)(1u << at % 8);
			p->passes = change;
			start();
			pair_run(p, p->now + 40 * VTIME_S);
			assert_int_equal(r->nsa, 1);
			assert_int_equal(i->nestablished, r->nestablished);
			if (r->nestablished)
				expect_up();
			else
				assert_int_equal(target, 1);
			up += r->nestablished;
			n++;
		}
	}
	/* The nonce is 32 bytes of message 3. */
	assert_in_range(n - up, 8, 13);
}

static void ke_spoil(struct pair_datagram *d)
{
	struct ike_msg m;

	assert_int_equal(ike_msg_parse(slice(d->bytes, d->n), &m), 0);
	memset(d->bytes + (ike_msg_body(&m, PAYLOAD_KE).p - d->bytes), 0, 64);
}

static bool zero_ke(struct pair *pp, struct pair_datagram *d, unsigned n)
{
	if (d->source == 0 && n == 1)
		ke_spoil(d);
	return true;
}

static void bad_public_value(void **state)
{
	p->passes = zero_ke;
	start();
	assert_int_equal(r->nsent, 1);
	assert_int_equal(r->sa[0]->main.x.hint.err, ERR_BAD_KEY);
	pair_run(p, p->now + 2 * VTIME_S);
	expect_up();
}

/* However many of them come, our own half is computed once. */
static void bad_public_values_cost_one_key(void **state)
{
	struct pair_datagram d;
	const struct dh *dh;

	p->passes = zero_ke;
	start();
	dh = r->sa[0]->main.dh;
	assert_non_null(dh);
	d = p->sent[2];
	ke_spoil(&d);
	for (unsigned k = 0; k < 3; k++) {
		d.bytes[d.n - 1]++;
		pair_inject(p, &d);
		pair_pump(p);
		assert_ptr_equal(r->sa[0]->main.dh, dh);
	}
}

static bool no_cookie(struct pair *pp, struct pair_datagram *d, unsigned n)
{
	if (d->source == 0 && n == 1)
		memset(d->bytes + IKE_COOKIE_SIZE, 0, IKE_COOKIE_SIZE);
	return true;
}

/* Who does not read our answers, because the address is not its own, makes us compute nothing. */
static void third_message_without_our_cookie(void **state)
{
	p->passes = no_cookie;
	start();
	assert_int_equal(r->nsent, 1);
	assert_null(r->sa[0]->main.dh);
	assert_int_equal(pair_drops(p, 1, DROP_IKE_UNEXPECTED), 1);
	pair_run(p, p->now + 2 * VTIME_S);
	expect_up();
}

static bool stay_on_500(struct pair *pp, struct pair_datagram *d, unsigned n)
{
	d->from.port = d->to.port = IKE_PORT;
	return true;
}

static void peer_does_not_float(void **state)
{
	p->passes = stay_on_500;
	start();
	pair_run(p, p->now + 60 * VTIME_S);
	expect_dead(r, ERR_UNSUPPORTED);
}

static bool other_source(struct pair *pp, struct pair_datagram *d, unsigned n)
{
	if (d->source == 0 && n == 1)
		addr_parse("203.0.113.77", &d->from.addr);
	return true;
}

static void strangers_are_ignored(void **state)
{
	p->passes = other_source;
	start();
	assert_int_equal(pair_drops(p, 1, DROP_IKE_SOURCE), 1);
	pair_run(p, p->now + 2 * VTIME_S);
	expect_up();
}

/* ---- message 5, made by hand ---- */

static uint64_t fifth;

/* Message 5 under the right keys with payloads left out. */
static bool rebuild_5(struct pair *pp, struct pair_datagram *d, unsigned n)
{
	static const uint8_t none[1];
	struct ike_sa *sa = i->sa[0];
	struct ike_header h = sa_header(sa, ISAKMP_MAIN, 0);
	uint8_t iv[PROTECT_BLOCK], hash[HASH_MAX] = { 0 };
	struct ike_writer b;

	if (d->source != 0 || n != 2)
		return true;
	/* The IV of message 5 follows from the public values alone. */
	protect_iv_phase1(sa->suite.hash, dh_public(sa->main.dh),
			  slice(sa->main.peer_public, sa->main.peer_public_n), iv);
	ike_write_header(&b, d->bytes, sizeof(d->bytes), &h);
	if (fifth & 1)
		id_write_identity(&b, &i->config.local, 0, 0);
	if (fifth & 2)
		ike_write_body(&b, PAYLOAD_HASH, slice(hash, fifth & 4 ? 32 : 31));
	if (fifth & 8)
		ike_write_body(&b, PAYLOAD_ID, SLICE_OF(none));
	if (fifth & 16)
		ike_write_body(&b, PAYLOAD_SA, SLICE_OF(none));
	d->n = protect_seal(&sa->keys, iv, &b).n;
	return true;
}

static void fifth_message_incomplete(void **state)
{
	for (fifth = 1; fifth < 32; fifth++) {
		again(fifth);
		p->passes = rebuild_5;
		start();
		assert_int_equal(r->nestablished, 0);
		assert_int_equal(r->nsent, 2);
		pair_run(p, p->now + 3 * VTIME_S);
		expect_up();
	}
}

/* ---- loss and repetition ---- */

static unsigned lost_mask;

static bool lose(struct pair *pp, struct pair_datagram *d, unsigned n)
{
	unsigned bit = 2 * n + d->source;

	return bit >= 12 || !(lost_mask & (1u << bit));
}

static void any_loss_is_mended(void **state)
{
	for (lost_mask = 0; lost_mask < 4096; lost_mask += 37) {
		again(lost_mask);
		p->passes = lose;
		start();
		pair_run(p, p->now + 30 * VTIME_S);
		assert_int_equal(i->nestablished, 1);
		assert_int_equal(r->nestablished, 1);
		assert_true(pair_is_up(p));
	}
}

static bool twice(struct pair *pp, struct pair_datagram *d, unsigned n)
{
	if (pp->queued < PAIR_QUEUE / 2)
		pp->queue[pp->queued++] = *d;
	return true;
}

static void everything_twice(void **state)
{
	p->passes = twice;
	start();
	expect_up();
	assert_true(pair_drops(p, 1, DROP_IKE_DUPLICATE) >= 3);
}

/* Only a repeat of the last message has an answer, the same one; the others have none. */
static void repeats(void **state)
{
	struct pair_datagram one, three, five, six;
	unsigned sent;

	start();
	expect_up();
	one = p->sent[0];
	three = p->sent[2];
	five = p->sent[4];
	six = p->sent[5];
	sent = r->nsent;
	pair_inject(p, &one);
	pair_inject(p, &three);
	assert_int_equal(r->nsent, sent);
	pair_inject(p, &five);
	assert_int_equal(r->nsent, sent + 1);
	assert_true(slice_eq(slice(p->sent[p->nsent - 1].bytes, p->sent[p->nsent - 1].n),
			     slice(six.bytes, six.n)));
	assert_int_equal(r->nestablished, 1);
	assert_int_equal(r->nsa, 1);
	assert_int_equal(pair_drops(p, 1, DROP_IKE_DUPLICATE), 1);
	assert_int_equal(pair_drops(p, 1, DROP_IKE_UNEXPECTED), 2);
}

static bool only_first(struct pair *pp, struct pair_datagram *d, unsigned n)
{
	return d->source == 0 && n == 0;
}

/* One question, one answer: nobody gets more out of us than was sent in. */
static void nothing_is_repeated_unasked(void **state)
{
	vtime began = p->now;

	p->passes = only_first;
	start();
	pair_run(p, p->now + 60 * VTIME_S);
	assert_int_equal(r->nsent, 1);
	expect_dead(r, ERR_TIMEOUT);
	assert_true(r->dead_at == began + 30 * VTIME_S);
}

/* The initiator's way of asking again brings the same SA, not another one. */
static void first_message_again(void **state)
{
	struct pair_datagram one;

	p->passes = only_first;
	start();
	one = p->sent[0];
	pair_inject(p, &one);
	pair_inject(p, &one);
	assert_int_equal(r->nsa, 1);
	assert_int_equal(r->nsent, 3);
	assert_int_equal(r->nresent, 2);
}

static void lifetime_ends(void **state)
{
	r->config.lifetime_s = 600;
	i->config.lifetime_s = 900;
	start();
	expect_up();
	pair_run(p, p->now + 599 * VTIME_S);
	expect_up();
	pair_run(p, p->now + 2 * VTIME_S);
	assert_int_equal(r->ndead, 1);
	assert_int_equal(r->dead.why.err, ERR_EXHAUSTED);
	assert_int_equal(i->ndead, 1);
	assert_int_equal(ike_sa_cipher_key(r->sa[0]).n, 0);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(six_messages),
		T(every_suite),
		T(own_preference),
		T(shorter_lifetime_is_told),
		T(peer_behind_nat),
		T(no_proposal),
		T(wrong_key),
		T(wrong_identity),
		T(identities_by_address),
		T(not_a_first_message),
		T(first_message_edited),
		T(third_message_edited),
		T(bits_changed),
		T(bad_public_value),
		T(bad_public_values_cost_one_key),
		T(third_message_without_our_cookie),
		T(peer_does_not_float),
		T(strangers_are_ignored),
		T(fifth_message_incomplete),
		T(any_loss_is_mended),
		T(everything_twice),
		T(repeats),
		T(nothing_is_repeated_unasked),
		T(first_message_again),
		T(lifetime_ends),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
