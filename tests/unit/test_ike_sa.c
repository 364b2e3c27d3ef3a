/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/support/ike_world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>

#include "ike/codec.h"

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

/* ---- the straight way ---- */

static void main_and_quick_mode(void **state)
{
	(void)state;
	world_up(w);
	expect_established();
	assert_int_equal(w->nsent, 3);
	assert_int_equal(w->sent[0].to.port, IKE_PORT);
	assert_int_equal(w->sent[1].to.port, IKE_PORT);
	assert_int_equal(w->sent[2].to.port, IKE_NATT_PORT);
	assert_int_equal(w->sent[2].from.port, IKE_NATT_PORT);
	assert_int_equal(w->nnat, 1);
	assert_int_equal(w->nat.nat.nat, NAT_NONE);
	assert_true(w->nat.nat.natt);
	assert_true(addr_eq(&w->nat.nat.path.local.addr, &w->client.addr));
	assert_int_equal(w->nat.nat.path.encapsulation, ENCAPSULATION_UDP);
	assert_true(identity_eq(&w->established.established.peer, &w->config.remote));
	assert_int_equal(ike_sa_cipher_key(w->sa).n, 16);

	world_child(w, 7, 0x12345678);
	assert_int_equal(w->nup, 1);
	assert_int_equal(w->up[0].id, 7);
	assert_int_equal(w->up[0].spi_in, 0x12345678);
	assert_int_equal(w->up[0].keylife_s, 3600);
	assert_int_equal(w->up[0].encapsulation, ENCAPSULATION_UDP);
	assert_int_equal(w->up[0].suite.cipher, ESP_CIPHER_AES_GCM_16);
	assert_int_equal(responder_child(w->responder, w->up[0].spi_out)->mode, MODE_UDP_TUNNEL);
	expect_same_keys(&w->up[0]);
	assert_int_equal(all_drops(), 0);
}

static void every_suite(void **state)
{
	static const uint16_t bits[] = { 128, 192, 256 };
	static const enum hash_alg hashes[] = { HASH_SHA1, HASH_SHA2_256, HASH_SHA2_384,
						HASH_SHA2_512, HASH_MD5 };
	static const enum dh_group groups[] = { DH_ECP_256,   DH_ECP_384,   DH_ECP_521,
						DH_MODP_1024, DH_MODP_1536, DH_MODP_2048,
						DH_MODP_3072, DH_MODP_4096 };

	(void)state;
	for (unsigned i = 0; i < 160; i++) {
		struct ike_suite s = { IKE_CIPHER_AES_CBC, 192, hashes[i / 4 % 5], groups[i / 20] };

		/* The groups of slow arithmetic meet few of the others. */
		if (i >= 60 && i % 9)
			continue;
		if (i % 4 == 3)
			s.cipher = IKE_CIPHER_3DES_CBC;
		else
			s.key_bits = bits[i % 4];
		again(i + 2);
		w->config.suites[0] = s;
		w->responder_config.suites[0] = s;
		w->child.pfs = s.group;
		world_up(w);
		expect_established();
		world_child(w, 1, 0x1000 + i);
		assert_int_equal(w->nup, 1);
		expect_same_keys(&w->up[0]);
	}
}

static void every_esp_suite(void **state)
{
	static const char *const names[] = {
		"aes128-sha1",	  "aes192-sha256",    "aes256-sha384", "aes256-sha512",
		"aes128-md5",	  "aes128gcm8",	      "aes192gcm12",   "aes256gcm16",
		"aes128ctr-sha1", "aes256ctr-sha256", "3des-md5",      "3des-sha256",
		"null-sha256",	  "null-md5",
	};
	char why[IKE_WHY_MAX], name[40];
	enum dh_group pfs;

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(names); i++) {
		again(i + 2);
		assert_int_equal(esp_suite_parse(names[i], &w->child.suites[0], &pfs, why), 0);
		w->child.nsuites = 1;
		w->responder_config.esp[0] = w->child.suites[0];
		world_up(w);
		world_child(w, 1, 0x1000 + i);
		assert_int_equal(w->nup, 1);
		assert_string_equal(esp_suite_name(&w->up[0].suite, name), names[i]);
		assert_int_equal(w->up[0].keymat_in.n, esp_suite_keymat(&w->child.suites[0]));
		expect_same_keys(&w->up[0]);
	}
}

static void choice_among_offers(void **state)
{
	(void)state;
	w->config.suites[1] =
		(struct ike_suite){ IKE_CIPHER_AES_CBC, 256, HASH_SHA2_384, DH_ECP_384 };
	w->config.suites[2] =
		(struct ike_suite){ IKE_CIPHER_AES_CBC, 256, HASH_SHA1, DH_MODP_2048 };
	w->config.nsuites = 3;
	w->responder_config.suites[0] = w->config.suites[1];
	w->responder_config.esp[0] = w->child.suites[1];
	world_up(w);
	expect_established();
	assert_int_equal(w->established.established.suite.group, DH_ECP_384);
	assert_int_equal(w->established.established.suite.key_bits, 256);
	world_child(w, 1, 0x1000);
	assert_int_equal(w->nup, 1);
	assert_int_equal(w->up[0].suite.integ, ESP_INTEG_HMAC_SHA2_256_128);
	expect_same_keys(&w->up[0]);
}

static void identities_by_address(void **state)
{
	(void)state;
	w->config.local = (struct identity){ .type = ID_NONE };
	w->config.remote = (struct identity){ .type = ID_NONE };
	w->responder_config.id = (struct identity){ .type = ID_NONE };
	identity_parse("192.0.2.1", &w->responder_config.peer);
	world_up(w);
	expect_established();
	assert_int_equal(w->established.established.peer.type, ID_IPV4_ADDR);
}

/* ---- NAT ---- */

static void nat_is_found(void **state)
{
	(void)state;
	addr_parse("203.0.113.9", &w->seen.addr);
	world_up(w);
	expect_established();
	assert_int_equal(w->nat.nat.nat, NAT_LOCAL);
}

static void faked_nat_is_remote(void **state)
{
	(void)state;
	w->responder_config.faults.fake_nat = true;
	world_up(w);
	expect_established();
	assert_int_equal(w->nat.nat.nat, NAT_REMOTE);
}

/* The hash of our source in message 3 is right exactly when we do not hide it. */
static void check_source_hash(bool hidden)
{
	const struct ike_payload *p;
	uint8_t want[HASH_MAX];
	struct ike_msg m;

	assert_int_equal(ike_msg_parse(slice(w->sent[1].bytes, w->sent[1].n), &m), 0);
	p = ike_msg_find(&m, PAYLOAD_NAT_D);
	assert_non_null(p);
	natd_hash(HASH_SHA2_256, &m.h, &w->gateway, want);
	assert_memory_equal(p->body.p, want, 32);
	p = ike_msg_find_next(&m, p);
	assert_non_null(p);
	assert_int_equal(p->body.n, 32);
	natd_hash(HASH_SHA2_256, &m.h, &w->client, want);
	assert_int_equal(memcmp(p->body.p, want, 32) != 0, hidden);
}

static void source_is_hidden_on_request(void **state)
{
	(void)state;
	w->config.transport = IKE_TRANSPORT_AUTO;
	world_up(w);
	check_source_hash(false);
	assert_int_equal(w->nat.nat.path.encapsulation, ENCAPSULATION_ESP);
	again(2);
	w->config.transport = IKE_TRANSPORT_AUTO;
	w->config.force_udp = true;
	world_up(w);
	expect_established();
	check_source_hash(true);
	assert_int_equal(w->nat.nat.nat, NAT_NONE);
	assert_int_equal(w->nat.nat.path.encapsulation, ENCAPSULATION_UDP);
	again(3);
	world_up(w);
	expect_established();
	check_source_hash(true);
}

static void draft_numbers(void **state)
{
	(void)state;
	w->responder_config.faults.draft_natt = true;
	world_up(w);
	expect_established();
	assert_int_equal(w->sent[2].to.port, IKE_NATT_PORT);
	world_child(w, 1, 0x1000);
	assert_int_equal(w->nup, 1);
	assert_int_equal(responder_child(w->responder, w->up[0].spi_out)->mode,
			 MODE_UDP_TUNNEL_DRAFT);
}

static void no_natt_is_refused(void **state)
{
	vtime began = w->now;

	(void)state;
	w->responder_config.faults.no_natt = true;
	world_up(w);
	world_run(w, began + 60 * VTIME_S);
	expect_dead(ERR_UNSUPPORTED);
	assert_true(w->dead_at == began + VTIME_S);
}

/* ---- refusals in phase 1 ---- */

static void no_answer(void **state)
{
	vtime began = w->now, at = began;

	(void)state;
	w->responder_config.nsuites = 0;
	w->responder_config.faults.silent = true;
	world_up(w);
	world_run(w, began + 100 * VTIME_S);
	expect_dead(ERR_TIMEOUT);
	assert_true(w->dead_at == began + 30 * VTIME_S);
	assert_int_equal(w->nsent, 21);
	for (unsigned i = 0; i < w->nsent; i++) {
		assert_true(w->sent[i].at == at);
		at += i == 0 ? 500 * VTIME_MS : i == 1 ? VTIME_S : 1500 * VTIME_MS;
		assert_int_equal(w->sent[i].resent, i > 0);
		assert_true(slice_eq(slice(w->sent[i].bytes, w->sent[i].n),
				     slice(w->sent[0].bytes, w->sent[0].n)));
	}
}

static void no_proposal(void **state)
{
	vtime began = w->now;

	(void)state;
	w->responder_config.nsuites = 0;
	world_up(w);
	assert_int_equal(w->ndead, 0);
	world_run(w, began + 60 * VTIME_S);
	expect_dead(ERR_NO_PROPOSAL);
	assert_int_equal(w->dead.why.notify, NOTIFY_NO_PROPOSAL_CHOSEN);
	assert_false(w->dead.why.authentic);
	assert_true(w->dead_at == began + VTIME_S);
	assert_int_equal(w->nsent, 2);
}

/* Before each message of main mode comes what anybody on the way could have forged. */
static bool forge_refusals(struct world *world, unsigned n, struct slice bytes)
{
	uint8_t buf[512];
	struct ike_writer b;
	struct ike_msg m;

	(void)n;
	assert_int_equal(ike_msg_parse(bytes, &m), 0);
	m.h.exchange = ISAKMP_INFORMATIONAL;
	m.h.flags = 0;
	m.h.id = 77;
	ike_write_header(&b, buf, sizeof(buf), &m.h);
	notify_write(&b, &(struct notify_payload){ .protocol = PROTOCOL_ISAKMP,
						   .type = NOTIFY_NO_PROPOSAL_CHOSEN });
	world_inject(world, ike_write_done(&b));
	return true;
}

static void forged_refusals_do_not_kill(void **state)
{
	vtime began = w->now;

	(void)state;
	w->to_client = forge_refusals;
	world_up(w);
	expect_established();
	world_run(w, began + 60 * VTIME_S);
	expect_established();
	assert_int_equal(drops(DROP_IKE_UNPROTECTED), 3);
}

static void wrong_key(void **state)
{
	vtime began = w->now;

	(void)state;
	w->responder_config.psk = SLICE_STR("wrong");
	world_up(w);
	world_run(w, began + 60 * VTIME_S);
	expect_dead(ERR_AUTH);
	assert_int_equal(w->dead.why.notify, NOTIFY_PAYLOAD_MALFORMED);
	assert_true(w->dead_at == began + VTIME_S);
	assert_int_equal(w->nsent, 4);
}

static void wrong_key_and_silence(void **state)
{
	(void)state;
	w->responder_config.psk = SLICE_STR("wrong");
	w->responder_config.faults.silent = true;
	world_up(w);
	world_run(w, w->now + 60 * VTIME_S);
	expect_dead(ERR_TIMEOUT);
	assert_string_equal(w->dead.why.text, "no answer to our proof of identity");
}

static void wrong_hash_r(void **state)
{
	(void)state;
	w->responder_config.faults.bad_hash_r = true;
	world_up(w);
	assert_int_equal(w->nestablished, 0);
	world_run(w, w->now + 60 * VTIME_S);
	expect_dead(ERR_AUTH);
	assert_int_equal(w->nestablished, 0);
	assert_true(drops(DROP_IKE_AUTH) > 0);
}

static void wrong_identity(void **state)
{
	(void)state;
	identity_parse("evil.example.com", &w->responder_config.id);
	world_up(w);
	assert_int_equal(w->nestablished, 0);
	expect_dead(ERR_IDENTITY);
	/* It has been told. */
	assert_false(responder_established(w->responder));
}

/* Who has the key is the gateway, where the configuration says so. */
static void any_identity(void **state)
{
	(void)state;
	w->config.remote_any = true;
	identity_parse("evil.example.com", &w->responder_config.id);
	world_up(w);
	assert_int_equal(w->nestablished, 1);
}

static void our_identity_refused(void **state)
{
	vtime began = w->now;

	(void)state;
	w->responder_config.faults.refuse_identity = true;
	world_up(w);
	expect_dead(ERR_AUTH);
	assert_true(w->dead.why.authentic);
	assert_int_equal(w->dead.why.notify, NOTIFY_AUTHENTICATION_FAILED);
	assert_true(w->dead_at == began);
}

static void foreign_choice(void **state)
{
	(void)state;
	w->responder_config.faults.foreign_ike = true;
	world_up(w);
	world_run(w, w->now + 60 * VTIME_S);
	expect_dead(ERR_NO_PROPOSAL);
}

static void bad_public_value(void **state)
{
	(void)state;
	w->responder_config.faults.bad_ke = true;
	world_up(w);
	world_run(w, w->now + 60 * VTIME_S);
	expect_dead(ERR_BAD_KEY);
	again(3);
	w->responder_config.faults.short_ke = true;
	world_up(w);
	assert_int_equal(drops(DROP_IKE_MALFORMED), 1);
	world_run(w, w->now + 60 * VTIME_S);
	expect_dead(ERR_TIMEOUT);
}

static bool lose_all(struct world *world, unsigned n, struct slice bytes)
{
	(void)world;
	(void)n;
	(void)bytes;
	return false;
}

/* What is not for this SA, or not from its gateway. */
static void strangers(void **state)
{
	struct ike_event ev = { .type = IKE_EVENT_DATAGRAM };
	uint8_t copy[IKE_MESSAGE_MAX];
	size_t n;

	(void)state;
	w->to_gateway = lose_all;
	world_up(w);
	n = w->sent[0].n;
	memcpy(copy, w->sent[0].bytes, n);
	ev.datagram.from = w->client;
	ev.datagram.bytes = slice(copy, n);
	ike_event(w->sa, w->now, &ev);
	assert_int_equal(drops(DROP_IKE_SOURCE), 1);
	ev.datagram.from = w->gateway;
	ike_event(w->sa, w->now, &ev);
	assert_int_equal(drops(DROP_IKE_MALFORMED), 1); /* no cookie of the responder */
	copy[7] ^= 1;
	ike_event(w->sa, w->now, &ev);
	assert_int_equal(drops(DROP_IKE_UNKNOWN_SA), 1);
	copy[7] ^= 1;
	copy[18] = ISAKMP_AGGRESSIVE;
	ike_event(w->sa, w->now, &ev);
	copy[18] = ISAKMP_QUICK;
	ike_event(w->sa, w->now, &ev);
	copy[18] = ISAKMP_TRANSACTION;
	ike_event(w->sa, w->now, &ev);
	copy[18] = ISAKMP_MAIN;
	copy[23] = 1; /* a message id */
	ike_event(w->sa, w->now, &ev);
	assert_int_equal(drops(DROP_IKE_UNEXPECTED), 4);
	ev.datagram.bytes.n = 27;
	ike_event(w->sa, w->now, &ev);
	ev.datagram.bytes.n = 0;
	ike_event(w->sa, w->now, &ev);
	assert_int_equal(drops(DROP_IKE_MALFORMED), 3);
	assert_int_equal(state_of(), IKE_STATE_PHASE1);
}

/* ---- loss and repetition ---- */

static unsigned lost_mask;

static bool lose(struct world *world, unsigned n, struct slice bytes)
{
	(void)world;
	(void)bytes;
	return n >= 8 || !(lost_mask & (1u << n));
}

/* Whichever of the first datagrams of a direction are lost, it comes up. */
static void any_loss_is_mended(void **state)
{
	(void)state;
	for (unsigned mask = 0; mask < 128; mask += 3) {
		again(mask);
		lost_mask = mask;
		if (mask & 1)
			w->to_client = lose;
		else
			w->to_gateway = lose;
		world_up(w);
		world_run(w, w->now + 30 * VTIME_S);
		expect_established();
		world_child(w, 1, 0x1000);
		world_run(w, w->now + 30 * VTIME_S);
		assert_int_equal(w->nup, 1);
		assert_int_equal(w->nfailed, 0);
		expect_same_keys(&w->up[0]);
	}
}

static bool lose_fifth(struct world *world, unsigned n, struct slice bytes)
{
	(void)world;
	(void)bytes;
	return n != 4;
}

/* Message 3 is lost: the gateway sends message 2 again, and gets message 3 again. */
static void last_message_is_sent_again(void **state)
{
	(void)state;
	w->to_gateway = lose_fifth;
	world_up(w);
	world_child(w, 1, 0x1000);
	assert_int_equal(w->nup, 1);
	assert_false(responder_child(w->responder, w->up[0].spi_out)->up);
	world_run(w, w->now + 5 * VTIME_S);
	expect_same_keys(&w->up[0]);
	assert_int_equal(w->nup, 1);
	assert_int_equal(drops(DROP_IKE_DUPLICATE), 1);
}

static void inject_received(unsigned i)
{
	struct world_datagram copy = w->received[i];

	world_inject(w, slice(copy.bytes, copy.n));
}

static void repeats_change_nothing(void **state)
{
	unsigned sent, received;

	(void)state;
	world_up(w);
	world_child(w, 1, 0x1000);
	sent = w->nsent;
	received = w->nreceived;
	assert_int_equal(received, 4);
	for (unsigned round = 0; round < 3; round++)
		for (unsigned i = 0; i < received; i++)
			inject_received(i);
	assert_int_equal(w->nestablished, 1);
	assert_int_equal(w->nup, 1);
	assert_int_equal(w->ndead, 0);
	/* Only the repeat of quick mode's message 2 has an answer. */
	assert_int_equal(w->nsent, sent + 3);
	assert_int_equal(drops(DROP_IKE_DUPLICATE), 6);
	assert_int_equal(drops(DROP_IKE_UNEXPECTED), 6);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(main_and_quick_mode),
		T(every_suite),
		T(every_esp_suite),
		T(choice_among_offers),
		T(identities_by_address),
		T(nat_is_found),
		T(faked_nat_is_remote),
		T(source_is_hidden_on_request),
		T(draft_numbers),
		T(no_natt_is_refused),
		T(no_answer),
		T(no_proposal),
		T(forged_refusals_do_not_kill),
		T(wrong_key),
		T(wrong_key_and_silence),
		T(wrong_hash_r),
		T(wrong_identity),
		T(any_identity),
		T(our_identity_refused),
		T(foreign_choice),
		T(bad_public_value),
		T(strangers),
		T(any_loss_is_mended),
		T(last_message_is_sent_again),
		T(repeats_change_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
