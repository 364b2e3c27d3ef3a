/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/support/ike_world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>

#include "ike/sa.h"

static struct world *w;

static int setup(void **state)
{
	static struct world world;

	(void)state;
	assert_int_equal(crypto_init(), 0);
	w = &world;
	world_init(w, 1);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	world_free(w);
	/* Every key, key pair and secret has been given back. */
	return secret_pool_used() == 0 ? 0 : -1;
}

static enum ike_state state_of(void)
{
	struct ike_sa_info info;

	ike_sa_info(w->sa, &info);
	return info.state;
}

static uint64_t drops(enum drop why)
{
	struct ike_sa_info info;

	ike_sa_info(w->sa, &info);
	return info.drops->n[why];
}

static uint64_t all_drops(void)
{
	uint64_t n = 0;

	for (int i = 0; i < DROP_COUNT; i++)
		n += drops((enum drop)i);
	return n;
}

static void expect_established(void)
{
	assert_int_equal(w->ndead, 0);
	assert_int_equal(w->nestablished, 1);
	assert_int_equal(state_of(), IKE_STATE_ESTABLISHED);
	assert_true(responder_established(w->responder));
}

static void expect_dead(int err)
{
	assert_int_equal(w->ndead, 1);
	assert_int_equal(w->dead.why.err, err);
	assert_non_null(w->dead.why.text);
	assert_non_null(w->dead.why.during);
	assert_int_equal(state_of(), IKE_STATE_DEAD);
	assert_true(ike_deadline(w->sa) == VTIME_NEVER);
	assert_int_equal(ike_sa_cipher_key(w->sa).n, 0);
}

static void expect_same_keys(const struct ike_child *c)
{
	const struct responder_child *r = responder_child(w->responder, c->spi_out);

	assert_non_null(r);
	assert_true(r->up);
	assert_int_equal(r->spi_out, c->spi_in);
	assert_int_equal(r->pfs, c->pfs);
	assert_int_equal(c->keymat_in.n, esp_suite_keymat(&c->suite));
	assert_true(slice_eq(secret_slice(&c->keymat_in), secret_slice(&r->keymat_out)));
	assert_true(slice_eq(secret_slice(&c->keymat_out), secret_slice(&r->keymat_in)));
	assert_false(slice_eq(secret_slice(&c->keymat_in), secret_slice(&c->keymat_out)));
	assert_true(ts_eq(&c->ts.local, &r->ts.remote));
	assert_true(ts_eq(&c->ts.remote, &r->ts.local));
}

static void again(uint64_t seed)
{
	world_free(w);
	world_init(w, seed);
}

static bool lose_all(struct world *world, unsigned n, struct slice bytes)
{
	(void)world;
	(void)n;
	(void)bytes;
	return false;
}

/* ---- quick mode ---- */

static void settled_child(unsigned i)
{
	world_child(w, i, 0x1000 + i);
	world_run(w, w->now + 100 * VTIME_MS);
}

/* A message 3 has a tenth of a second before there are three exchanges under way. */
static void pace(void **state)
{
	vtime began = w->now;

	(void)state;
	world_up(w);
	for (unsigned i = 0; i < 6; i++)
		world_child(w, i, 0x1000 + i);
	assert_int_equal(w->nup, 2);
	world_run(w, began + 99 * VTIME_MS);
	assert_int_equal(w->nup, 2);
	world_run(w, began + 100 * VTIME_MS);
	assert_int_equal(w->nup, 4);
	world_run(w, began + VTIME_S);
	assert_int_equal(w->nup, 6);
	assert_true(ike_deadline(w->sa) >= began + 28800 * VTIME_S);
}

static void perfect_forward_secrecy(void **state)
{
	static const enum dh_group groups[] = { DH_MODP_1024, DH_MODP_1536, DH_MODP_2048,
						DH_MODP_3072, DH_MODP_4096, DH_ECP_256,
						DH_ECP_384,   DH_ECP_521 };

	(void)state;
	world_up(w);
	for (unsigned i = 0; i < ARRAY_SIZE(groups); i++) {
		w->child.pfs = groups[i];
		settled_child(i);
		assert_int_equal(w->nup, i + 1);
		assert_int_equal(w->up[i].pfs, groups[i]);
		expect_same_keys(&w->up[i]);
	}
}

/* The gateway's answer is authentic, so it counts at once; the SA stays. */
static void expect_child_failure(int err, uint16_t notify)
{
	world_up(w);
	expect_established();
	world_child(w, 9, 0x1000);
	assert_int_equal(w->nup, 0);
	assert_int_equal(w->nfailed, 1);
	assert_int_equal(w->failed[0].child_failed.id, 9);
	assert_int_equal(w->failed[0].child_failed.why.err, err);
	assert_int_equal(w->failed[0].child_failed.why.notify, notify);
	assert_true(w->failed[0].child_failed.why.authentic);
	assert_int_equal(w->ndead, 0);
}

static void quick_refused(void **state)
{
	(void)state;
	w->responder_config.nesp = 0;
	expect_child_failure(ERR_NO_PROPOSAL, NOTIFY_NO_PROPOSAL_CHOSEN);
}

static void quick_pfs_refused(void **state)
{
	(void)state;
	w->responder_config.pfs_any = false;
	w->responder_config.pfs = DH_NONE;
	w->child.pfs = DH_ECP_256;
	expect_child_failure(ERR_NO_PROPOSAL, NOTIFY_NO_PROPOSAL_CHOSEN);
}

static void quick_selectors_refused(void **state)
{
	(void)state;
	w->responder_config.ts = (struct ts_pair){ w->child.ts.local, w->child.ts.local };
	expect_child_failure(ERR_PEER_REFUSED, NOTIFY_INVALID_ID_INFORMATION);
}

static void quick_foreign_choice(void **state)
{
	(void)state;
	w->responder_config.faults.foreign_esp = true;
	expect_child_failure(ERR_NO_PROPOSAL, 0);
}

static void expect_one_child(void)
{
	world_up(w);
	world_child(w, 9, 0x1000);
	assert_int_equal(w->nfailed, 0);
	assert_int_equal(w->nup, 1);
	expect_same_keys(&w->up[0]);
}

/* What is agreed is what the gateway makes of it. */
static void quick_narrowed(void **state)
{
	(void)state;
	w->responder_config.faults.narrow_ids = true;
	expect_one_child();
	assert_true(ts_eq(&w->up[0].ts.local, &w->child.ts.local));
	assert_true(ts_covers(&w->child.ts.remote, &w->up[0].ts.remote));
	assert_false(ts_eq(&w->up[0].ts.remote, &w->child.ts.remote));
}

static void quick_widened(void **state)
{
	(void)state;
	w->responder_config.faults.wide_ids = true;
	expect_child_failure(ERR_NO_PROPOSAL, 0);
}

static void quick_without_ids(void **state)
{
	(void)state;
	w->responder_config.faults.no_ids = true;
	expect_one_child();
	assert_true(ts_eq(&w->up[0].ts.local, &w->child.ts.local));
	assert_true(ts_eq(&w->up[0].ts.remote, &w->child.ts.remote));
}

static void quick_with_one_id(void **state)
{
	(void)state;
	w->responder_config.faults.one_id = true;
	expect_child_failure(ERR_NO_PROPOSAL, 0);
}

static void quick_with_original_addresses(void **state)
{
	(void)state;
	w->responder_config.faults.nat_oa = true;
	expect_one_child();
}

/* Phase 1 says how ESP travels, and quick mode's attribute follows. */
static void quick_encapsulation(void **state)
{
	static const struct {
		enum encapsulation encapsulation;
		uint16_t mode;
	} rows[] = {
		{ ENCAPSULATION_UDP, MODE_UDP_TUNNEL },
		{ ENCAPSULATION_ESP, MODE_TUNNEL },
		{ ENCAPSULATION_CISCO_UDP, MODE_TUNNEL },
	};

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
		again(i);
		world_up(w);
		w->sa->path.encapsulation = rows[i].encapsulation;
		world_child(w, 1, 0x1000);
		assert_int_equal(w->nup, 1);
		assert_int_equal(w->up[0].encapsulation, rows[i].encapsulation);
		assert_int_equal(responder_child(w->responder, w->up[0].spi_out)->mode,
				 rows[i].mode);
	}
}

static bool refuse_mode(struct world *world, unsigned n, struct slice bytes)
{
	(void)n;
	(void)bytes;
	/* As if the answer had been asked for in another way. */
	world->sa->path.encapsulation = ENCAPSULATION_ESP;
	return true;
}

static void quick_with_another_encapsulation(void **state)
{
	(void)state;
	world_up(w);
	w->to_client = refuse_mode;
	world_child(w, 1, 0x1000);
	assert_int_equal(w->nup, 0);
	assert_int_equal(w->nfailed, 1);
	assert_int_equal(w->failed[0].child_failed.why.err, ERR_NO_PROPOSAL);
}

static void quick_with_a_key_nobody_asked_for(void **state)
{
	(void)state;
	w->responder_config.faults.extra_ke = true;
	expect_child_failure(ERR_NO_PROPOSAL, 0);
}

static void quick_wrong_hash(void **state)
{
	(void)state;
	w->responder_config.faults.bad_hash_2 = true;
	world_up(w);
	world_child(w, 1, 0x1000);
	assert_int_equal(w->nup, 0);
	assert_int_equal(w->nfailed, 0);
	assert_int_equal(drops(DROP_IKE_AUTH), 1);
	world_run(w, w->now + 31 * VTIME_S);
	assert_int_equal(w->nup, 0);
	assert_int_equal(w->nfailed, 1);
	assert_int_equal(w->failed[0].child_failed.why.err, ERR_TIMEOUT);
	expect_established();
}

static void responder_lifetime(void **state)
{
	(void)state;
	w->responder_config.faults.notify_lifetime_s = 600;
	world_up(w);
	world_child(w, 1, 0x1000);
	assert_int_equal(w->nup, 1);
	assert_int_equal(w->up[0].keylife_s, 600);
}

/* Each answer of quick mode comes first with one bit changed, in many places. */
static bool forge_quick(struct world *world, unsigned n, struct slice bytes)
{
	uint8_t copy[IKE_MESSAGE_MAX];

	(void)n;
	for (unsigned i = 0; i < bytes.n && bytes.p[18] == ISAKMP_QUICK; i += 7) {
		memcpy(copy, bytes.p, bytes.n);
		copy[i] ^= 0x40;
		world_inject(world, slice(copy, bytes.n));
	}
	return true;
}

/* A forged message 2 must not move the IV: the true one still opens. */
static void forged_answers_do_not_spoil_the_true_one(void **state)
{
	(void)state;
	w->to_client = forge_quick;
	world_up(w);
	world_child(w, 1, 0x1000);
	assert_int_equal(w->nup, 1);
	assert_int_equal(w->nfailed, 0);
	expect_same_keys(&w->up[0]);
	assert_true(drops(DROP_IKE_AUTH) > 5);
}

/* Two in the air, the rest waits; and both have bounds. */
static void many_children(void **state)
{
	(void)state;
	world_up(w);
	w->to_gateway = lose_all;
	for (unsigned i = 0; i < 19; i++)
		world_child(w, i, 0x1000 + i);
	assert_int_equal(w->nsent, 3 + 2);
	assert_int_equal(w->nfailed, 1);
	assert_int_equal(w->failed[0].child_failed.why.err, ERR_NO_ROOM);
	w->to_gateway = NULL;
	world_run(w, w->now + 29 * VTIME_S);
	assert_int_equal(w->nup, 18);
	for (unsigned i = 0; i < w->nup; i++)
		expect_same_keys(&w->up[i]);
	for (unsigned i = 19; i < 70; i++)
		settled_child(i);
	assert_int_equal(w->nup, 69);
	assert_int_equal(w->nfailed, 1);
}

/* None begins while one is in the air that two others were begun after. */
static bool lose_first_quick(struct world *world, unsigned n, struct slice bytes)
{
	(void)world;
	(void)bytes;
	return n != 3;
}

static void a_slow_child_holds_the_others(void **state)
{
	vtime began = w->now;

	(void)state;
	world_up(w);
	w->to_gateway = lose_first_quick;
	for (unsigned i = 0; i < 4; i++)
		world_child(w, i, 0x1000 + i);
	assert_int_equal(w->nup, 1);
	world_run(w, began + 499 * VTIME_MS);
	assert_int_equal(w->nup, 2);
	assert_int_equal(w->up[0].id, 1);
	assert_int_equal(w->up[1].id, 2);
	world_run(w, began + 500 * VTIME_MS);
	assert_int_equal(w->nup, 4);
	assert_int_equal(w->up[2].id, 0);
}

/* An error notify that does not say what it is about ends nothing that goes well. */
static void vague_refusals(void **state)
{
	struct responder_replies *out = calloc(1, sizeof(*out));
	vtime began = w->now;
	uint8_t spi[4];

	(void)state;
	world_up(w);
	w->to_gateway = lose_all;
	world_child(w, 0, 0x1000);
	responder_notify(w->responder, NOTIFY_PAYLOAD_MALFORMED, SLICE_NONE, SLICE_NONE, true, out);
	world_deliver(w, out);
	assert_int_equal(w->nfailed, 0);
	w->to_gateway = NULL;
	world_run(w, began + 2 * VTIME_S);
	assert_int_equal(w->nup, 1);
	w->to_gateway = lose_all;
	world_child(w, 1, 0x1001);
	world_child(w, 2, 0x1002);
	put_be32(spi, 0xdead);
	responder_notify(w->responder, NOTIFY_NO_PROPOSAL_CHOSEN, SLICE_OF(spi), SLICE_NONE, true,
			 out);
	world_deliver(w, out);
	assert_int_equal(w->nfailed, 0);
	put_be32(spi, 0x1002);
	responder_notify(w->responder, NOTIFY_NO_PROPOSAL_CHOSEN, SLICE_OF(spi), SLICE_NONE, true,
			 out);
	world_deliver(w, out);
	assert_int_equal(w->nfailed, 1);
	assert_int_equal(w->failed[0].child_failed.id, 2);
	responder_notify(w->responder, NOTIFY_PAYLOAD_MALFORMED, SLICE_NONE, SLICE_NONE, true, out);
	world_deliver(w, out);
	world_run(w, began + 4 * VTIME_S);
	assert_int_equal(w->nfailed, 2);
	assert_int_equal(w->failed[1].child_failed.why.notify, NOTIFY_PAYLOAD_MALFORMED);
	assert_int_equal(w->ndead, 0);
	free(out);
}

static void child_needs_an_sa(void **state)
{
	(void)state;
	w->to_gateway = lose_all;
	world_up(w);
	world_child(w, 1, 0x1000);
	assert_int_equal(w->nfailed, 1);
	assert_int_equal(w->failed[0].child_failed.why.err, ERR_UNEXPECTED);
}

/* ---- informational ---- */

static void deletes_from_the_gateway(void **state)
{
	struct responder_replies *out = calloc(1, sizeof(*out));

	(void)state;
	world_up(w);
	world_child(w, 1, 0x1000);
	world_child(w, 2, 0x2000);
	/* It may be of a child that another SA has made. */
	responder_delete_child(w->responder, 0xdeadbeef, out);
	world_deliver(w, out);
	assert_int_equal(w->ndeleted, 1);
	assert_int_equal(w->deleted[0], 0xdeadbeef);
	responder_delete_child(w->responder, w->up[1].spi_out, out);
	world_deliver(w, out);
	assert_int_equal(w->ndeleted, 2);
	assert_int_equal(w->deleted[1], w->up[1].spi_out);
	world_inject(w, slice(out->reply[0].bytes, out->reply[0].n));
	assert_int_equal(w->ndeleted, 2);
	assert_int_equal(drops(DROP_IKE_DUPLICATE), 1);
	/* As strongSwan does it when it cannot install the SAs: by our SPI. */
	responder_delete_child(w->responder, w->up[0].spi_in, out);
	world_deliver(w, out);
	assert_int_equal(w->ndeleted, 3);
	assert_int_equal(w->deleted[2], w->up[0].spi_out);
	responder_delete(w->responder, out);
	world_deliver(w, out);
	expect_dead(ERR_PEER_REFUSED);
	assert_true(w->dead.why.authentic);
	free(out);
}

/* Deletes for some other SA, and misshapen ones: authentic, and of no consequence. */
static void deletes_of_others(void **state)
{
	static const uint8_t protocols[] = { PROTOCOL_ISAKMP, PROTOCOL_ISAKMP, PROTOCOL_ESP, 2 };
	static const size_t sizes[] = { 16, 8, 16, 4 };
	const struct protect_hash hash = { .number = 1 };
	uint8_t spi[16], buf[512], iv[PROTECT_BLOCK];

	(void)state;
	world_up(w);
	world_child(w, 1, 0x1000);
	for (uint32_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		struct ike_header h = sa_header(w->sa, ISAKMP_INFORMATIONAL, 100 + i);
		struct ike_writer b;

		memcpy(spi, h.cookie_i, 8);
		memcpy(spi + 8, h.cookie_r, 8);
		if (i == 0)
			spi[3] ^= 1;
		if (i == 3)
			put_be32(spi, w->up[0].spi_out);
		protect_begin(&b, buf, sizeof(buf), &h, w->sa->suite.hash);
		delete_write(&b, protocols[i], slice(spi, sizes[i]));
		protect_iv_phase2(&w->sa->keys, w->sa->last_block, h.id, iv);
		world_inject(w, protect_finish(&b, &w->sa->keys, &hash, h.id, iv));
	}
	assert_int_equal(all_drops(), 0);
	assert_int_equal(w->ndeleted, 0);
	expect_established();
}

static void dpd_is_answered(void **state)
{
	struct responder_replies *out = calloc(1, sizeof(*out));
	uint32_t sequence;

	(void)state;
	world_up(w);
	responder_dpd(w->responder, 4711, out);
	world_deliver(w, out);
	assert_int_equal(responder_acks(w->responder, &sequence), 1);
	assert_int_equal(sequence, 4711);
	responder_dpd(w->responder, 4711, out);
	world_deliver(w, out);
	assert_int_equal(responder_acks(w->responder, &sequence), 2);
	free(out);
}

static void unauthentic_words_change_nothing(void **state)
{
	static const uint16_t types[] = { NOTIFY_INVALID_SPI, NOTIFY_INVALID_COOKIE,
					  NOTIFY_NO_PROPOSAL_CHOSEN, NOTIFY_AUTHENTICATION_FAILED,
					  NOTIFY_R_U_THERE };
	struct responder_replies *out = calloc(1, sizeof(*out));
	unsigned sent;

	(void)state;
	world_up(w);
	world_child(w, 1, 0x1000);
	sent = w->nsent;
	for (unsigned i = 0; i < ARRAY_SIZE(types); i++) {
		responder_notify(w->responder, types[i], SLICE_NONE, SLICE_NONE, false, out);
		world_deliver(w, out);
	}
	assert_int_equal(drops(DROP_IKE_UNPROTECTED), ARRAY_SIZE(types));
	responder_delete(w->responder, out);
	for (size_t i = 0; i < out->reply[0].n; i++) {
		out->reply[0].bytes[i] ^= 1;
		world_deliver(w, out);
		out->reply[0].bytes[i] ^= 1;
	}
	assert_int_equal(w->nsent, sent);
	assert_int_equal(w->ndead, 0);
	assert_int_equal(w->nfailed, 0);
	world_deliver(w, out);
	assert_int_equal(w->ndead, 1);
	free(out);
}

static void closing_tells_the_gateway(void **state)
{
	unsigned sent;

	(void)state;
	world_up(w);
	for (unsigned i = 0; i < 40; i++)
		settled_child(i);
	assert_int_equal(w->nup, 40);
	sent = w->nsent;
	world_event(w, IKE_EVENT_CLOSE);
	/* Children do not belong to the SA. */
	assert_int_equal(w->nsent, sent + 1);
	expect_dead(ERR_OK);
	assert_false(responder_established(w->responder));
}

static void child_is_deleted_by_us(void **state)
{
	struct ike_event ev = { .type = IKE_EVENT_CHILD_DELETE, .spi = 0x1000 };
	unsigned sent;

	(void)state;
	world_up(w);
	world_child(w, 1, 0x1000);
	ike_event(w->sa, w->now, &ev);
	world_pump(w);
	assert_null(responder_child(w->responder, w->up[0].spi_out));
	sent = w->nsent;
	ike_event(w->sa, w->now, &ev);
	world_pump(w);
	assert_int_equal(w->nsent, sent + 1);
	world_child(w, 2, 0x1000);
	assert_int_equal(w->nup, 2);
}

static void closing_at_any_time(void **state)
{
	(void)state;
	w->to_gateway = lose_all;
	world_up(w);
	world_event(w, IKE_EVENT_CLOSE);
	expect_dead(ERR_OK);
	assert_int_equal(w->nsent, 1);
	world_event(w, IKE_EVENT_CLOSE);
	assert_int_equal(w->ndead, 1);
	again(2);
	world_up(w);
	w->to_gateway = lose_all;
	world_child(w, 1, 0x1000);
	world_event(w, IKE_EVENT_CLOSE);
	expect_dead(ERR_OK);
}

static void lifetime_ends(void **state)
{
	(void)state;
	w->config.lifetime_s = 3600;
	world_up(w);
	world_run(w, w->now + 3599 * VTIME_S);
	expect_established();
	world_run(w, w->now + 2 * VTIME_S);
	expect_dead(ERR_EXHAUSTED);
	assert_false(responder_established(w->responder));
}

/* A suspend of hours is the end, not a burst of retransmissions. */
static void long_sleep(void **state)
{
	(void)state;
	w->to_gateway = lose_all;
	world_up(w);
	w->now += 8 * 3600 * VTIME_S;
	ike_timeout(w->sa, w->now);
	world_pump(w);
	expect_dead(ERR_TIMEOUT);
	assert_int_equal(w->nsent, 1);
}

/* Nothing goes out under keys whose life ended meanwhile, whatever was under way. */
static void life_slept_through(void **state)
{
	const struct ike_event probe = { .type = IKE_EVENT_PROBE };
	unsigned sent;

	(void)state;
	w->config.lifetime_s = 3600;
	world_up(w);
	expect_established();
	w->to_gateway = lose_all;
	ike_event(w->sa, w->now, &probe);
	world_pump(w);
	sent = w->nsent;
	w->now += 9 * 3600 * VTIME_S;
	ike_timeout(w->sa, w->now);
	ike_event(w->sa, w->now, &probe);
	world_pump(w);
	expect_dead(ERR_EXHAUSTED);
	assert_int_equal(w->nsent, sent);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(pace),
		T(perfect_forward_secrecy),
		T(quick_refused),
		T(quick_pfs_refused),
		T(quick_selectors_refused),
		T(quick_foreign_choice),
		T(quick_narrowed),
		T(quick_widened),
		T(quick_without_ids),
		T(quick_with_one_id),
		T(quick_with_original_addresses),
		T(quick_encapsulation),
		T(quick_with_another_encapsulation),
		T(quick_with_a_key_nobody_asked_for),
		T(quick_wrong_hash),
		T(responder_lifetime),
		T(forged_answers_do_not_spoil_the_true_one),
		T(many_children),
		T(a_slow_child_holds_the_others),
		T(vague_refusals),
		T(child_needs_an_sa),
		T(deletes_from_the_gateway),
		T(deletes_of_others),
		T(dpd_is_answered),
		T(unauthentic_words_change_nothing),
		T(closing_tells_the_gateway),
		T(child_is_deleted_by_us),
		T(closing_at_any_time),
		T(lifetime_ends),
		T(long_sleep),
		T(life_slept_through),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
