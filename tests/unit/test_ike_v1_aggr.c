/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is particular to aggressive mode, and NAT traversal as the configuration has it. */
#include "tests/support/ike_auth.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static struct pair pair;
static struct pair *const p = &pair;
static struct pair_end *const i = &pair.end[0];
static struct pair_end *const r = &pair.end[1];

static const struct auth_way psk = { IKE_MODE_AGGRESSIVE, IKE_AUTH_PSK, false };

static int setup(void **state)
{
	assert_int_equal(crypto_init(), 0);
	auth_init(p, 1, psk);
	return 0;
}

static int teardown(void **state)
{
	auth_free(p);
	return secret_pool_used() == 0 ? 0 : -1;
}

static void again(uint64_t seed)
{
	auth_free(p);
	auth_init(p, seed, psk);
}

static void start(void)
{
	pair_start(p, 0, IKE_EVENT_START);
	pair_pump(p);
}

static void expect_dead(const struct pair_end *e, int err)
{
	assert_int_not_equal(e->ndead, 0);
	assert_int_equal(e->nestablished, 0);
	assert_int_equal(e->dead.why.err, err);
	assert_non_null(e->dead.why.text);
	assert_int_equal(ike_sa_cipher_key(e->sa[0]).n, 0);
}

/* ---- the offer ---- */

/* What has another group than the first is not offered. */
static void one_group(void **state)
{
	static const struct ike_suite suites[] = {
		{ IKE_CIPHER_AES_CBC, 256, HASH_SHA2_256, DH_ECP_384 },
		{ IKE_CIPHER_AES_CBC, 128, HASH_SHA2_256, DH_ECP_256 },
		{ IKE_CIPHER_AES_CBC, 128, HASH_SHA1, DH_ECP_384 },
	};
	struct sa_payload offer;
	struct ike_msg m;

	memcpy(i->config.suites, suites, sizeof(suites));
	i->config.nsuites = ARRAY_SIZE(suites);
	r->config.suites[0] = suites[1];
	start();
	expect_dead(r, ERR_NO_PROPOSAL);
	assert_int_equal(ike_msg_parse(slice(p->sent[0].bytes, p->sent[0].n), &m), 0);
	assert_int_equal(sa_payload_parse(ike_msg_body(&m, PAYLOAD_SA), &offer), 0);
	assert_int_equal(offer.ntransforms, 2);
	pair_run(p, p->now + 40 * VTIME_S);
	expect_dead(i, ERR_NO_PROPOSAL);

	again(2);
	memcpy(i->config.suites, suites, sizeof(suites));
	i->config.nsuites = ARRAY_SIZE(suites);
	r->config.suites[0] = suites[1];
	r->config.suites[1] = suites[2];
	r->config.nsuites = 2;
	start();
	assert_true(pair_is_up(p));
	assert_int_equal(r->established.established.suite.hash, HASH_SHA1);
}

static void every_suite(void **state)
{
	static const enum dh_group groups[] = { DH_MODP_1024, DH_MODP_2048, DH_ECP_256, DH_ECP_384,
						DH_ECP_521 };
	static const enum hash_alg hashes[] = { HASH_SHA1, HASH_SHA2_256, HASH_SHA2_384,
						HASH_SHA2_512, HASH_MD5 };

	for (unsigned k = 0; k < 20; k++) {
		struct ike_suite s = { IKE_CIPHER_AES_CBC, 256, hashes[k % 5], groups[k / 4] };

		if (k % 4 == 3)
			s = (struct ike_suite){ IKE_CIPHER_3DES_CBC, DES3_KEY_BITS, s.hash,
						s.group };
		again(k + 2);
		i->config.suites[0] = r->config.suites[0] = s;
		start();
		assert_true(pair_is_up(p));
		pair_child(p, k % 2);
		assert_int_equal(i->nup, 1);
		assert_true(pair_children_match(&i->up[0], &r->up[0]));
	}
}

static void lifetimes(void **state)
{
	r->config.lifetime_s = 600;
	start();
	assert_true(pair_is_up(p));
	assert_int_equal(r->established.established.lifetime_s, 600);
	assert_int_equal(i->established.established.lifetime_s, 600);
	again(2);
	i->config.lifetime_s = 700;
	start();
	assert_true(pair_is_up(p));
	assert_int_equal(r->established.established.lifetime_s, 700);
	assert_int_equal(i->established.established.lifetime_s, 700);
}

/* Where main mode is configured nobody gets our proof for the asking. */
static void not_where_main_mode_is_configured(void **state)
{
	r->config.mode = IKE_MODE_MAIN;
	start();
	assert_int_equal(r->nsent, 0);
	expect_dead(r, ERR_MALFORMED);
	again(2);
	i->config.mode = IKE_MODE_MAIN;
	start();
	assert_true(pair_is_up(p));
}

static void own_identity_is_needed(void **state)
{
	struct ike_event ev = { .type = IKE_EVENT_START };

	i->config.local = (struct identity){ .type = ID_NONE };
	i->sa[i->nsa++] = ike_sa_new(&i->config, &p->rng, &p->log);
	ev.path.remote = r->address;
	pair_event(p, 0, &ev);
	expect_dead(i, ERR_CONFIG);
	again(2);
	/* … but for our address, where it is known. */
	i->config.local = (struct identity){ .type = ID_NONE };
	r->config.remote = (struct identity){ .type = ID_NONE };
	start();
	assert_true(pair_is_up(p));
}

/* ---- messages that were changed ---- */

static void payloads_edited(void **state)
{
	static const uint8_t types[] = { PAYLOAD_SA, PAYLOAD_KE, PAYLOAD_NONCE, PAYLOAD_ID };
	static const enum edit_how hows[] = { EDIT_OMIT, EDIT_DOUBLE, EDIT_EMPTY, EDIT_SHORTER,
					      EDIT_LONGER };
	const unsigned nt = ARRAY_SIZE(types), nh = ARRAY_SIZE(hows);

	for (unsigned k = 0; k < 2 * nt * nh; k++) {
		again(k);
		p->passes = auth_edit_passes;
		auth_edit = (struct edit){
			.source = k & 1, .n = 0, .type = types[k / 2 % nt], .how = hows[k / 2 / nt]
		};
		start();
		assert_int_equal(r->nestablished, 0);
		if (k & 1) {
			assert_int_equal(i->nestablished, 0);
			assert_int_equal(i->nsent, 1);
			assert_int_equal(ike_sa_cipher_key(i->sa[0]).n, 0);
			pair_run(p, p->now + 3 * VTIME_S);
			assert_true(pair_is_up(p));
		} else if (auth_edit.type != PAYLOAD_ID) {
			/* HASH_R does not cover what the user claims to be; HASH_I does. */
			assert_int_equal(i->nestablished, 0);
		}
	}
}

static void nonces(void **state)
{
	static const uint8_t bytes[IKE_NONCE_MAX + 1] = { 1 };
	static const struct {
		size_t n;
		bool taken;
	} cases[] = { { 0, false }, { 7, false }, { 8, true }, { 256, true }, { 257, false } };

	for (unsigned k = 0; k < 2 * ARRAY_SIZE(cases); k++) {
		again(k);
		p->passes = auth_edit_passes;
		auth_edit = (struct edit){ .source = k & 1,
					   .type = PAYLOAD_NONCE,
					   .how = EDIT_REPLACE,
					   .body = slice(bytes, cases[k / 2].n) };
		start();
		/* With another nonce than was sent the keys differ, which is seen later. */
		if (k & 1)
			assert_int_equal(i->sa[0]->main.x.hint.err,
					 cases[k / 2].taken ? ERR_AUTH : 0);
		else
			assert_int_equal(r->ndead, cases[k / 2].taken ? 0 : 1);
		assert_int_equal(i->nestablished, 0);
	}
}

/* 0, 1 and p - 1, of the right length. */
static void degenerate_public_values(void **state)
{
	static uint8_t value[256];

	for (unsigned k = 0; k < 6; k++) {
		again(k);
		i->config.suites[0].group = r->config.suites[0].group = DH_MODP_2048;
		memset(value, 0, sizeof(value));
		value[255] = k / 2 == 1;
		if (k / 2 == 2) {
			/* All that begins with p's 64 ones and is not below it. */
			memset(value, 0xff, sizeof(value));
			value[255] = 0xfe;
		}
		p->passes = auth_edit_passes;
		auth_edit = (struct edit){ .source = k & 1,
					   .type = PAYLOAD_KE,
					   .how = EDIT_REPLACE,
					   .body = SLICE_OF(value) };
		start();
		assert_int_equal(i->nestablished, 0);
		if (k & 1) {
			assert_int_equal(i->sa[0]->main.x.hint.err, ERR_BAD_KEY);
			pair_run(p, p->now + 3 * VTIME_S);
			assert_true(pair_is_up(p));
		} else {
			expect_dead(r, ERR_BAD_KEY);
		}
	}
}

/* The gateway takes a group, or anything else, that was not offered. */
static void foreign_choice(void **state)
{
	static const struct ike_suite suites[] = {
		{ IKE_CIPHER_AES_CBC, 128, HASH_SHA2_256, DH_MODP_2048 },
		{ IKE_CIPHER_AES_CBC, 128, HASH_SHA2_256, DH_ECP_384 },
		{ IKE_CIPHER_AES_CBC, 256, HASH_SHA2_256, DH_ECP_256 },
		{ IKE_CIPHER_AES_CBC, 128, HASH_SHA1, DH_ECP_256 },
	};

	for (unsigned k = 0; k <= ARRAY_SIZE(suites); k++) {
		const struct ike_header h = { .exchange = ISAKMP_AGGRESSIVE };
		const struct ike_suite *s = k < ARRAY_SIZE(suites) ? &suites[k] :
								     &i->config.suites[0];
		static uint8_t buf[512];
		struct ike_writer b;
		struct ike_msg m;

		again(k);
		ike_write_header(&b, buf, sizeof(buf), &h);
		proposal_write_ike(&b, s, 1,
				   k < ARRAY_SIZE(suites) ? METHOD_PSK : METHOD_XAUTH_INIT_PSK,
				   28800);
		assert_int_equal(ike_msg_parse(ike_write_done(&b), &m), 0);
		p->passes = auth_edit_passes;
		auth_edit = (struct edit){ .source = 1,
					   .type = PAYLOAD_SA,
					   .how = EDIT_REPLACE,
					   .body = ike_msg_body(&m, PAYLOAD_SA) };
		start();
		assert_int_equal(i->nsent, 1);
		assert_int_equal(i->sa[0]->main.x.hint.err, ERR_NO_PROPOSAL);
		pair_run(p, p->now + 3 * VTIME_S);
		assert_true(pair_is_up(p));
	}
}

static unsigned target, end_changed;
static size_t at;
static uint8_t flip;

static bool change(struct pair *pp, struct pair_datagram *d, unsigned n)
{
	if (d->source == end_changed && n == target)
		d->bytes[at % d->n] ^= flip;
	return true;
}

/*
 * A bit changed anywhere in message 1 or 2: the user's end comes up with the true ones, with the same
 * keys, or stays as it was. (Vendor ids, notifies and NAT-D are in nobody's hash.)
 */
static void bits_changed(void **state)
{
	unsigned up = 0;

	for (end_changed = 0; end_changed < 2; end_changed++) {
		target = 0;
		for (at = 0; at < 420; at += 3) {
			again(at);
			flip = (uint8_t)(1u << at % 8);
			p->passes = change;
			start();
			pair_run(p, p->now + 3 * VTIME_S);
			if (i->nestablished && r->nestablished)
				assert_true(pair_is_up(p));
			if (end_changed == 1) {
				assert_int_equal(i->ndead, 0);
				up += pair_is_up(p);
			}
		}
	}
	assert_true(up > 130);
}

/* What the user's end keeps of a message that it did not take: nothing. */
static void forged_answers_leave_nothing(void **state)
{
	static struct ike_sa before;
	struct ike_sa *sa;

	p->passes = auth_edit_passes;
	auth_edit = (struct edit){ .source = 1, .type = PAYLOAD_HASH, .how = EDIT_FLIP };
	pair_start(p, 0, IKE_EVENT_START);
	sa = i->sa[0];
	before = *sa;
	pair_pump(p);
	assert_int_equal(sa->main.x.hint.err, ERR_AUTH);
	assert_int_equal(sa->keys.key.n + sa->keys.skeyid.n + sa->keys.a.n, 0);
	assert_false(sa->cookie_r_known);
	assert_memory_equal(sa->cookie_r, before.cookie_r, sizeof(sa->cookie_r));
	assert_int_equal(sa->vendors, 0);
	assert_int_equal(sa->peer.type, ID_NONE);
	assert_int_equal(sa->path.local.port, IKE_PORT);
	assert_int_equal(sa->lifetime_s, before.lifetime_s);
	assert_int_equal(i->nnat, 0);
	pair_run(p, p->now + 3 * VTIME_S);
	assert_true(pair_is_up(p));
}

/* ---- message 3 ---- */

/* RFC 2409 lets it come in clear; the IVs then begin where phase 1 began. */
static bool unseal(struct pair *pp, struct pair_datagram *d, unsigned n)
{
	static struct pair_datagram old;
	static uint8_t buf[IKE_MESSAGE_MAX];
	struct ike_sa *sa = pair_sa(pp, 0);
	uint8_t iv[PROTECT_BLOCK];
	struct ike_writer b;
	struct ike_msg m;

	if (d->source != 0 || n != 1)
		return true;
	old = *d;
	assert_int_equal(auth_open(pp, &old, iv, buf, &m), 0);
	m.h.flags = 0;
	ike_write_header(&b, d->bytes, sizeof(d->bytes), &m.h);
	for (unsigned k = 0; k < m.n; k++)
		ike_write_body(&b, m.payload[k].type, m.payload[k].body);
	d->n = ike_write_done(&b).n;
	memcpy(sa->last_block, iv, sizeof(iv));
	return true;
}

static void third_in_clear(void **state)
{
	p->passes = unseal;
	start();
	assert_true(pair_is_up(p));
	pair_child(p, 1);
	assert_int_equal(i->nup, 1);
	assert_true(pair_children_match(&i->up[0], &r->up[0]));
}

/* The gateway does not like who we are: it has nothing but an informational to say so. */
static void identity_refused_afterwards(void **state)
{
	identity_parse("somebody@example.com", &r->config.remote);
	start();
	assert_int_equal(r->ndead, 1);
	assert_int_equal(r->dead.why.err, ERR_IDENTITY);
	assert_int_equal(i->ndead, 1);
	assert_int_equal(i->dead.why.err, ERR_AUTH);
	assert_int_equal(i->dead.why.notify, NOTIFY_AUTHENTICATION_FAILED);
	assert_true(i->dead.why.authentic);
	assert_string_equal(i->dead.why.during, "aggressive mode");
}

/* … and once it has shown that it does, such a word is no more than a hint. */
static void identity_accepted_before(void **state)
{
	const struct notify_payload n = { .protocol = PROTOCOL_ISAKMP,
					  .type = NOTIFY_AUTHENTICATION_FAILED };
	struct ike_event ev = { .type = IKE_EVENT_PROBE };

	start();
	pair_event(p, 0, &ev);
	pair_pump(p);
	assert_int_equal(i->nalive, 1);
	v1_info_send_notify(r->sa[0], &n);
	pair_event(p, 1, &ev);
	pair_pump(p);
	assert_int_equal(i->ndead, 0);
	assert_int_equal(i->nhints, 1);
}

/* The wrong gateway gets no proof, and not even a farewell. */
static void wrong_gateway(void **state)
{
	identity_parse("other.example.com", &i->config.remote);
	start();
	expect_dead(i, ERR_IDENTITY);
	assert_int_equal(i->nsent, 1);
	assert_int_equal(i->nnat, 0);
}

static void clear_notifies_are_hints(void **state)
{
	static const struct {
		uint16_t notify;
		int err;
	} cases[] = {
		{ NOTIFY_NO_PROPOSAL_CHOSEN, ERR_NO_PROPOSAL },
		{ NOTIFY_AUTHENTICATION_FAILED, ERR_AUTH },
		{ NOTIFY_INVALID_ID_INFORMATION, ERR_AUTH },
		{ NOTIFY_PAYLOAD_MALFORMED, ERR_PEER_REFUSED },
	};

	for (unsigned k = 0; k < ARRAY_SIZE(cases); k++) {
		struct pair_datagram d = { .source = 1 };
		struct ike_header h;
		struct ike_writer b;

		again(k);
		r->deaf = true;
		start();
		h = sa_header(i->sa[0], ISAKMP_INFORMATIONAL, 7);
		d.from = r->address;
		d.to = i->address;
		ike_write_header(&b, d.bytes, sizeof(d.bytes), &h);
		notify_write(&b, &(struct notify_payload){ .protocol = PROTOCOL_ISAKMP,
							   .type = cases[k].notify });
		d.n = ike_write_done(&b).n;
		pair_inject(p, &d);
		if (k % 2 == 0) {
			/* The truth comes after all. */
			r->deaf = false;
			pair_run(p, p->now + 3 * VTIME_S);
			assert_true(pair_is_up(p));
			continue;
		}
		pair_run(p, p->now + 40 * VTIME_S);
		expect_dead(i, cases[k].err);
		assert_false(i->dead.why.authentic);
		assert_int_equal(i->dead.why.notify, cases[k].notify);
	}
}

static void nobody_answers(void **state)
{
	r->deaf = true;
	start();
	pair_run(p, p->now + 40 * VTIME_S);
	expect_dead(i, ERR_TIMEOUT);
	assert_string_equal(i->dead.why.during, "aggressive mode");
}

/* ---- NAT traversal, in both modes ---- */

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

static void transports(void **state)
{
	static const struct {
		enum ike_transport transport;
		bool force, nat, peer_esp;
		int err;
		bool udp;
		enum nat seen;
	} cases[] = {
		{ IKE_TRANSPORT_AUTO, false, false, false, 0, false, NAT_NONE },
		{ IKE_TRANSPORT_AUTO, false, true, false, 0, true, NAT_LOCAL },
		{ IKE_TRANSPORT_AUTO, true, false, false, 0, true, NAT_NONE },
		{ IKE_TRANSPORT_AUTO, true, false, true, 0, false, NAT_NONE },
		{ IKE_TRANSPORT_AUTO, false, true, true, 0, false, NAT_NONE },
		{ IKE_TRANSPORT_UDP, false, false, false, 0, true, NAT_NONE },
		{ IKE_TRANSPORT_UDP, false, true, false, 0, true, NAT_LOCAL },
		{ IKE_TRANSPORT_UDP, true, false, true, ERR_UNSUPPORTED, false, NAT_NONE },
		{ IKE_TRANSPORT_ESP, false, false, false, 0, false, NAT_NONE },
		{ IKE_TRANSPORT_ESP, true, true, false, 0, false, NAT_NONE },
		{ IKE_TRANSPORT_CISCO_UDP, true, true, false, 0, false, NAT_NONE },
	};

	for (unsigned k = 0; k < 2 * ARRAY_SIZE(cases); k++) {
		unsigned c = k / 2;
		uint16_t port = cases[c].udp ? IKE_NATT_PORT : IKE_PORT;

		again(k);
		i->config.mode = k % 2 ? IKE_MODE_MAIN : IKE_MODE_AGGRESSIVE;
		i->config.transport = cases[c].transport;
		i->config.force_udp = cases[c].force;
		r->config.transport = cases[c].peer_esp ? IKE_TRANSPORT_ESP : IKE_TRANSPORT_AUTO;
		r->config.force_udp = false;
		p->passes = cases[c].nat ? translate : NULL;
		start();
		if (cases[c].err) {
			pair_run(p, p->now + 40 * VTIME_S);
			expect_dead(i, cases[c].err);
			continue;
		}
		assert_true(pair_is_up(p));
		assert_int_equal(i->nnat, 1);
		assert_int_equal(r->nnat, 1);
		assert_int_equal(i->nat.nat.nat, cases[c].seen);
		assert_int_equal(i->nat.nat.natt,
				 cases[c].transport <= IKE_TRANSPORT_UDP && !cases[c].peer_esp);
		assert_int_equal(r->nat.nat.natt, i->nat.nat.natt);
		assert_int_equal(i->nat.nat.path.local.port, port);
		assert_int_equal(i->nat.nat.path.remote.port, port);
		assert_int_equal(i->nat.nat.path.encapsulation,
				 cases[c].udp ? ENCAPSULATION_UDP : ENCAPSULATION_ESP);
		assert_int_equal(r->nat.nat.path.encapsulation, i->nat.nat.path.encapsulation);
		assert_int_equal(r->nat.nat.path.local.port, port);
	}
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
	expect_dead(r, ERR_UNSUPPORTED);
}

/* A gateway on another port than 500; NAT traversal has one of its own all the same. */
static void other_ports(void **state)
{
	for (unsigned k = 0; k < 4; k++) {
		again(k);
		i->config.mode = k & 1 ? IKE_MODE_MAIN : IKE_MODE_AGGRESSIVE;
		if (k & 2)
			r->config.transport = IKE_TRANSPORT_ESP;
		r->address.port = 1500;
		start();
		assert_true(pair_is_up(p));
		assert_int_equal(p->sent[0].to.port, 1500);
		assert_int_equal(i->nat.nat.path.remote.port, k & 2 ? 1500 : IKE_NATT_PORT);
	}
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(one_group),
		T(every_suite),
		T(lifetimes),
		T(not_where_main_mode_is_configured),
		T(own_identity_is_needed),
		T(payloads_edited),
		T(nonces),
		T(degenerate_public_values),
		T(foreign_choice),
		T(bits_changed),
		T(forged_answers_leave_nothing),
		T(third_in_clear),
		T(identity_refused_afterwards),
		T(identity_accepted_before),
		T(wrong_gateway),
		T(clear_notifies_are_hints),
		T(nobody_answers),
		T(transports),
		T(peer_does_not_float),
		T(other_ports),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
