/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Who speaks in the gateway's place before the gateway is proven, and what a gateway that is proven
 * says out of turn. End 0 is the user's.
 */
#include "tests/support/ike_auth.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#define WAYS 12

static struct pair pair;
static struct pair *const p = &pair;
static struct pair_end *const u = &pair.end[0];

/* All of them: two modes, three kinds of proof, with a user and without. */
static struct auth_way way_at(unsigned k)
{
	return (struct auth_way){ (enum ike_mode)(k % 2), (enum ike_auth)(k / 2 % 3), k / 6 };
}

static int setup(void **state)
{
	return crypto_init();
}

static int teardown(void **state)
{
	return secret_pool_used() == 0 ? 0 : -1;
}

static void start(void)
{
	pair_start(p, 0, IKE_EVENT_START);
	pair_pump(p);
}

/* ---- a choice that we have not offered ---- */

static struct slice choice(uint16_t method, uint8_t buf[256])
{
	const struct ike_header h = { .exchange = ISAKMP_MAIN };
	struct ike_writer b;
	struct ike_msg m;

	ike_write_header(&b, buf, 256, &h);
	proposal_write_ike(&b, p->end[1].config.suites, 1, (enum auth_method)method, 28800);
	assert_int_equal(ike_msg_parse(ike_write_done(&b), &m), 0);
	return ike_msg_body(&m, PAYLOAD_SA);
}

/*
 * Each way of proving oneself, answered by a choice of each other: a gateway that proves nothing,
 * or another thing than the user wants, hears no identity and no proof of his.
 */
static void every_other_method(void **state)
{
	static const uint16_t methods[] = {
		0,
		METHOD_PSK,
		2, /* DSS signatures */
		METHOD_RSA,
		4, /* RSA encryption */
		5,
		METHOD_HYBRID_INIT_RSA,
		METHOD_HYBRID_RESP_RSA,
		64223, /* the hybrid ones with DSS */
		METHOD_XAUTH_INIT_PSK,
		METHOD_XAUTH_RESP_PSK,
		METHOD_XAUTH_INIT_RSA,
		METHOD_XAUTH_RESP_RSA,
		UINT16_MAX,
	};

	for (unsigned k = 0; k < WAYS * ARRAY_SIZE(methods); k++) {
		struct auth_way way = way_at(k % WAYS);
		uint16_t method = methods[k / WAYS];
		uint8_t buf[256];

		auth_init(p, k, way);
		p->passes = auth_edit_passes;
		auth_edit = (struct edit){ .source = 1,
					   .type = PAYLOAD_SA,
					   .how = EDIT_REPLACE,
					   .body = choice(method, buf) };
		start();
		if (method == v1_auth_methods(&u->config, false).method[0]) {
			assert_true(auth_is_up(p));
		} else {
			assert_int_equal(u->sa[0]->state, IKE_STATE_PHASE1);
			assert_int_equal(u->sa[0]->main.x.hint.err, ERR_NO_PROPOSAL);
			assert_int_equal(u->nsent, 1);
			/* It was not the last word: the true one is taken. */
			pair_run(p, p->now + 3 * VTIME_S);
			assert_true(auth_is_up(p));
		}
		auth_free(p);
	}
}

/* The ids of vendors, which nothing protects: all that we know, whatever our own settings are. */
static unsigned known_vendors(struct slice ids[IKE_PAYLOADS_MAX])
{
	const struct ike_config all = { .vendor = IKE_VENDOR_CISCO, .xauth = true };
	const struct ike_header h = { .exchange = ISAKMP_MAIN };
	static uint8_t buf[4096];
	struct ike_writer b;
	struct ike_msg m;

	ike_write_header(&b, buf, sizeof(buf), &h);
	vendor_write_all(&b, &all);
	assert_int_equal(ike_msg_parse(ike_write_done(&b), &m), 0);
	for (unsigned k = 0; k < m.n; k++)
		ids[k] = m.payload[k].body;
	return m.n;
}

/* None of them makes a user or spares one: not when it is added, and not when all are missing. */
static void announcements_skip_nothing(void **state)
{
	struct slice ids[IKE_PAYLOADS_MAX];
	unsigned n = known_vendors(ids);

	assert_true(n > 4);
	for (unsigned k = 0; k < (n + 1) * WAYS; k++) {
		struct auth_way way = way_at(k % WAYS);

		auth_init(p, k, way);
		/* Without NAT traversal, which is announced, too, it must do. */
		p->end[1].config.transport = IKE_TRANSPORT_AUTO;
		p->passes = auth_edit_passes;
		auth_edit = (struct edit){ .source = 1, .type = PAYLOAD_VID, .how = EDIT_OMIT };
		if (k / WAYS < n) {
			auth_edit.how = EDIT_APPEND;
			auth_edit.body = ids[k / WAYS];
		}
		start();
		assert_int_equal(u->nauthenticated, 1);
		assert_int_equal(u->nestablished, way.xauth || way.auth == IKE_AUTH_HYBRID ? 0 : 1);
		auth_free(p);
	}
}

/* ---- keys without a proof ---- */

static struct slice public_sent(unsigned source)
{
	struct ike_msg m;

	for (unsigned k = 0; k < p->nsent; k++) {
		const struct pair_datagram *d = &p->sent[k];

		if (d->source == source && ike_msg_parse(slice(d->bytes, d->n), &m) == 0 &&
		    ike_msg_find(&m, PAYLOAD_KE))
			return ike_msg_body(&m, PAYLOAD_KE);
	}
	return SLICE_NONE;
}

/*
 * With signatures anybody on the way has the keys once he has exchanged public values with us; his
 * HASH is as good as the gateway's. It is no signature.
 */
static bool hash_for_signature(struct pair *pp, struct pair_datagram *d, unsigned n)
{
	bool main_mode = u->config.mode == IKE_MODE_MAIN;
	const struct ike_sa *sa = pair_sa(pp, 1);
	struct protect_end i, r;
	static uint8_t buf[IKE_MESSAGE_MAX];
	static struct pair_datagram old;
	uint8_t iv[PROTECT_BLOCK], hash[HASH_MAX];
	struct ike_writer b;
	struct ike_msg m;

	if (d->source != 1 || n != (main_mode ? 2 : 0))
		return true;
	i = (struct protect_end){ public_sent(0), SLICE_OF(sa->cookie_i) };
	r = (struct protect_end){ public_sent(1), SLICE_OF(sa->cookie_r) };
	old = *d;
	if (main_mode)
		assert_int_equal(auth_open(pp, &old, iv, buf, &m), 0);
	else
		assert_int_equal(ike_msg_parse(slice(old.bytes, old.n), &m), 0);
	protect_hash_main(&sa->keys, &r, &i, slice(sa->main.sai, sa->main.sai_n),
			  ike_msg_body(&m, PAYLOAD_ID), hash);
	if (u->config.auth == IKE_AUTH_PSK)
		assert_memory_equal(ike_msg_body(&m, PAYLOAD_HASH).p, hash,
				    hash_size(sa->suite.hash));
	m.h.flags = 0;
	ike_write_header(&b, d->bytes, sizeof(d->bytes), &m.h);
	for (unsigned k = 0; k < m.n; k++) {
		if (m.payload[k].type == PAYLOAD_SIG)
			ike_write_body(&b, PAYLOAD_HASH, slice(hash, hash_size(sa->suite.hash)));
		else if (m.payload[k].type != PAYLOAD_CERT)
			ike_write_body(&b, m.payload[k].type, m.payload[k].body);
	}
	d->n = main_mode ? protect_seal(&sa->keys, iv, &b).n : ike_write_done(&b).n;
	return true;
}

static void a_hash_is_no_signature(void **state)
{
	for (unsigned k = 0; k < WAYS; k++) {
		struct auth_way way = way_at(k);

		auth_init(p, k, way);
		p->passes = hash_for_signature;
		start();
		assert_int_equal(u->nauthenticated, way.auth == IKE_AUTH_PSK);
		pair_run(p, p->now + 3 * VTIME_S);
		assert_true(auth_is_up(p));
		auth_free(p);
	}
}

static struct pair_datagram proof;

static bool hold_proof(struct pair *pp, struct pair_datagram *d, unsigned n)
{
	if (d->source != 1 || n < 2)
		return true;
	proof = *d;
	return false;
}

/*
 * A message of end 1 with one payload behind the HASH, sealed with the keys. In phase 1 its IV comes
 * from the last message there, or, `early`, from none.
 */
static void say(uint8_t exchange, uint8_t type, struct slice body, bool early)
{
	const struct ike_sa *sa = pair_sa(p, 1), *ours = u->sa[0];
	const struct protect_hash hash = { .number = 1 };
	struct pair_datagram d = { .source = 1, .from = p->end[1].address, .to = u->address };
	struct ike_header h = sa_header(sa, exchange, rng_u32(&p->rng) | 1);
	uint8_t iv[PROTECT_BLOCK];
	struct ike_writer b;

	protect_iv_phase2(&sa->keys,
			  ours->state == IKE_STATE_PHASE1 && !early ? ours->main.x.iv :
								      ours->last_block,
			  h.id, iv);
	d.from.port = d.to.port = IKE_NATT_PORT;
	protect_begin(&b, d.bytes, sizeof(d.bytes), &h, sa->suite.hash);
	ike_write_body(&b, (enum payload_type)type, body);
	d.n = protect_finish(&b, &sa->keys, &hash, h.id, iv).n;
	pair_inject(p, &d);
}

static void say_out_of_turn(bool early)
{
	static const uint8_t ask[] = {
		ATTRIBUTE_REQUEST, 0, 1, 1, 0x40, 0x89, 0, 0, 0x40, 0x8a, 0, 0
	};
	static const uint8_t accepted[] = { ATTRIBUTE_SET, 0, 1, 2, 0xc0, 0x8f, 0, 1 };
	static const uint8_t address[] = { ATTRIBUTE_SET, 0, 1, 3, 0, 1, 0, 4, 10, 91, 0, 9 };
	static const uint8_t to_another[] = { 0,   0,  0,   1, PROTOCOL_ISAKMP, 0, 0x9e, 0x19,
					      198, 51, 100, 7 };
	uint8_t gone[8 + 2 * IKE_COOKIE_SIZE] = { 0, 0, 0, 1, PROTOCOL_ISAKMP, 16, 0, 1 };

	say(ISAKMP_TRANSACTION, PAYLOAD_ATTRIBUTE, SLICE_OF(ask), early);
	say(ISAKMP_TRANSACTION, PAYLOAD_ATTRIBUTE, SLICE_OF(accepted), early);
	say(ISAKMP_TRANSACTION, PAYLOAD_ATTRIBUTE, SLICE_OF(address), early);
	say(ISAKMP_INFORMATIONAL, PAYLOAD_NOTIFY, SLICE_OF(to_another), early);
	sa_cookies(pair_sa(p, 1), gone + 8);
	say(ISAKMP_INFORMATIONAL, PAYLOAD_DELETE, SLICE_OF(gone), early);
	say(ISAKMP_QUICK, PAYLOAD_NONCE, SLICE_OF(gone), early);
}

/* Between the keys and the proof nothing is heard but the proof. */
static void nothing_before_the_proof(void **state)
{
	for (unsigned k = 0; k < WAYS; k += 2) {
		unsigned sent;

		auth_init(p, k, way_at(k));
		p->passes = hold_proof;
		start();
		assert_int_equal(u->sa[0]->state, IKE_STATE_PHASE1);
		assert_true(u->sa[0]->keys.key.n > 0);
		sent = u->nsent;
		say_out_of_turn(false);
		say_out_of_turn(true);
		assert_int_equal(u->sa[0]->state, IKE_STATE_PHASE1);
		assert_int_equal(u->nasked + u->nconfigs + u->nauthenticated + u->ndead, 0);
		assert_int_equal(u->nsent, sent);
		pair_inject(p, &proof);
		assert_int_equal(u->nauthenticated, 1);
		auth_free(p);
	}
}

/* In aggressive mode there are no keys before there is a proof. */
static void nothing_without_keys(void **state)
{
	for (unsigned k = 1; k < WAYS; k += 2) {
		auth_init(p, k, way_at(k));
		p->passes = hold_proof;
		p->end[1].nsent = 2;
		start();
		assert_int_equal(u->sa[0]->keys.key.n, 0);
		say_out_of_turn(true);
		assert_int_equal(u->sa[0]->state, IKE_STATE_PHASE1);
		assert_int_equal(u->nasked + u->nconfigs + u->nauthenticated + u->ndead, 0);
		assert_int_equal(u->nsent, 1);
		pair_inject(p, &proof);
		assert_int_equal(u->nauthenticated, 1);
		auth_free(p);
	}
}

/* ---- chains ---- */

static void put_delete(struct ike_writer *b, unsigned foreign)
{
	uint8_t cookies[2 * IKE_COOKIE_SIZE];

	sa_cookies(pair_sa(p, 1), cookies);
	cookies[0] ^= foreign & 1;
	cookies[IKE_COOKIE_SIZE] ^= foreign >> 1;
	delete_write(b, PROTOCOL_ISAKMP, SLICE_OF(cookies));
}

static void put_notify(struct ike_writer *b, uint16_t type, struct slice data)
{
	notify_write(b, &(struct notify_payload){
				.protocol = PROTOCOL_ISAKMP, .type = type, .data = data });
}

/* Of nothing that there is. */
static void put_foreign(struct ike_writer *b)
{
	static const uint8_t spi[] = { 0xde, 0xad, 0xbe, 0xef };

	delete_write(b, PROTOCOL_ESP, SLICE_OF(spi));
	for (unsigned k = 1; k < 4; k++)
		put_delete(b, k);
}

/* 'D'elete of the SA, 'R'edirection, 'L'ifetime of a second, 'F'oreign SPIs, 'E'rror, DPD 'A'sked. */
static void say_chain(const char *chain)
{
	const struct ike_sa *sa = pair_sa(p, 1);
	const struct protect_hash hash = { .number = 1 };
	struct pair_datagram d = { .source = 1, .from = p->end[1].address, .to = u->address };
	struct ike_header h = sa_header(sa, ISAKMP_INFORMATIONAL, rng_u32(&p->rng) | 1);
	uint8_t iv[PROTECT_BLOCK];
	struct ike_writer b;

	d.from.port = d.to.port = IKE_NATT_PORT;
	protect_begin(&b, d.bytes, sizeof(d.bytes), &h, sa->suite.hash);
	for (; *chain; chain++) {
		if (*chain == 'D')
			put_delete(&b, 0);
		else if (*chain == 'R')
			put_notify(&b, NOTIFY_UNITY_LOAD_BALANCE, SLICE_STR("\xc6\x33\x64\x02"));
		else if (*chain == 'L')
			notify_write_lifetime(&b, PROTOCOL_ISAKMP, SLICE_NONE, 1);
		else if (*chain == 'F')
			put_foreign(&b);
		else if (*chain == 'E')
			put_notify(&b, NOTIFY_NO_PROPOSAL_CHOSEN, SLICE_NONE);
		else
			put_notify(&b, NOTIFY_R_U_THERE, SLICE_STR("\0\0\0\1"));
	}
	protect_iv_phase2(&sa->keys, sa->last_block, h.id, iv);
	d.n = protect_finish(&b, &sa->keys, &hash, h.id, iv).n;
	assert_true(d.n > 0);
	pair_inject(p, &d);
}

static bool deaf(struct pair *pp, struct pair_datagram *d, unsigned n)
{
	return d->source == 1;
}

/* With the question asked, or not yet: what ends the SA ends the message, and comes to be once. */
static void chains_while_a_user_is_asked(void **state)
{
	static const uint8_t ask[] = { ATTRIBUTE_REQUEST, 0, 1, 1, 0x40, 0x89, 0, 0 };
	static const struct {
		const char *chain;
		int err; /* 0: it lives on */
	} rows[] = {
		{ "DRFLEADRFLEA", ERR_PEER_REFUSED },
		{ "DDDDDDDDDDDDDDDDDDDDDDDDDDDDDD", ERR_PEER_REFUSED },
		{ "RDRDRD", ERR_REDIRECTED },
		{ "FEFEFELFEAAF", 0 },
		{ "EEEEEEEEEEEEEEEEEEEEEEEEEEEEEE", 0 },
		{ "AFD", ERR_PEER_REFUSED },
	};
	const struct ike_event answer = { .type = IKE_EVENT_XAUTH_ANSWER,
					  .answer.value[XAUTH_USERNAME] = SLICE_STR("a") };

	for (unsigned k = 0; k < 2 * ARRAY_SIZE(rows); k++) {
		bool asked = k % 2, dies = rows[k / 2].err;
		unsigned sent;

		auth_init(p, k, (struct auth_way){ IKE_MODE_MAIN, IKE_AUTH_HYBRID, true });
		start();
		p->passes = deaf; /* so that the gateway keeps its keys */
		if (asked)
			say(ISAKMP_TRANSACTION, PAYLOAD_ATTRIBUTE, SLICE_OF(ask), false);
		assert_int_equal(u->nasked, asked);
		say_chain(rows[k / 2].chain);
		assert_int_equal(u->ndead, dies);
		assert_int_equal(u->ndead ? u->dead.why.err : 0, rows[k / 2].err);
		sent = u->nsent;
		pair_event(p, 0, &answer);
		assert_int_equal(u->nsent, sent + (asked && !dies));
		say_chain("DRE");
		assert_int_equal(u->ndead, 1);
		auth_free(p);
	}
}

/* ---- fragments ---- */

#define HELD_MAX 32

static struct pair_datagram held[HELD_MAX];
static unsigned nheld;

static bool hold_fragments(struct pair *pp, struct pair_datagram *d, unsigned n)
{
	if (d->source != 1 || d->bytes[16] != PAYLOAD_FRAGMENT)
		return true;
	assert_true(nheld < HELD_MAX);
	held[nheld++] = *d;
	return false;
}

/* Two SAs at a time, the pieces of both by turns, and each with the other's cookies as well. */
static void fragments_of_two(void **state)
{
	for (unsigned foreign = 0; foreign < 2; foreign++) {
		struct pair_datagram d;
		unsigned half;

		auth_init(p, foreign, (struct auth_way){ IKE_MODE_MAIN, IKE_AUTH_RSA, false });
		u->config.no_fragments = p->end[1].config.no_fragments = false;
		p->passes = hold_fragments;
		nheld = 0;
		start();
		half = nheld;
		start();
		assert_int_equal(nheld, 2 * half);
		assert_true(half > 1);
		p->passes = NULL;
		for (unsigned k = 0; k < 2 * half; k++) {
			unsigned at = k / 2 + (k % 2) * half;

			d = held[at];
			memcpy(d.bytes, held[at < half ? half : 0].bytes, 2 * IKE_COOKIE_SIZE);
			if (foreign)
				pair_inject(p, &d);
			pair_inject(p, &held[at]);
		}
		/* Anybody can put a wrong piece in between; the repetition mends it. */
		pair_run(p, p->now + 20 * VTIME_S);
		assert_int_equal(u->nestablished, 2);
		assert_int_equal(u->ndead, 0);
		assert_true(auth_is_up(p));
		auth_free(p);
	}
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(every_other_method),	   T(announcements_skip_nothing),
		T(a_hash_is_no_signature), T(nothing_before_the_proof),
		T(nothing_without_keys),   T(chains_while_a_user_is_asked),
		T(fragments_of_two),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
