/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/unit/ike_transaction.h"

/* ---- messages that are lost, repeated, forged ---- */

static unsigned lose_from, lose_n;
static unsigned counted;

static bool lose_some(struct pair *pp, struct pair_datagram *d, unsigned n)
{
	/* Phase 1 has six messages. */
	if (pp->nsent <= 6)
		return true;
	counted++;
	return counted <= lose_from || counted > lose_from + lose_n;
}

/* Sessions that answer whenever there is something to answer. */
static void run_as_sessions(vtime until)
{
	unsigned asked = 0, replies = 0, wanted = 0;

	while (p->now < until && !pair_is_up(p)) {
		if (u->nasked != asked)
			user_answer(p, NULL);
		if (g->nreplies != replies)
			user_status(p, true, NULL);
		if (g->nwanted != wanted)
			user_give(p, user_settings());
		asked = u->nasked;
		replies = g->nreplies;
		wanted = g->nwanted;
		pair_run(p, p->now + 100 * VTIME_MS);
	}
}

static void each_message_is_lost(void **state)
{
	for (lose_from = 0; lose_from < 7; lose_from++) {
		for (lose_n = 1; lose_n < 4; lose_n++) {
			again(lose_from);
			counted = 0;
			p->passes = lose_some;
			user_phase1(p, IKE_EVENT_START);
			user_demand(p, BOTH, NULL);
			run_as_sessions(p->now + 60 * VTIME_S);
			assert_true(pair_is_up(p));
			assert_int_equal(u->nasked, 1);
			assert_int_equal(g->nreplies, 1);
			assert_int_equal(g->nwanted, 1);
			assert_int_equal(u->nconfigs, 1);
			assert_true(counted < 40);
		}
	}
}

static void repeated_requests(void **state)
{
	struct pair_datagram reply;
	unsigned sent;

	user_phase1(p, IKE_EVENT_START);
	ask_in_raw();
	sent = u->nsent;
	pair_inject(p, &m.d);
	pair_inject(p, &m.d);
	assert_int_equal(u->nasked, 1);
	assert_int_equal(u->nsent, sent);
	user_answer(p, NULL);
	reply = *last_of(0);
	pair_inject(p, &m.d);
	assert_int_equal(u->nsent, sent + 2);
	assert_int_equal(u->nresent, 1);
	assert_int_equal(last_of(0)->n, reply.n);
	assert_memory_equal(last_of(0)->bytes, reply.bytes, reply.n);
	assert_int_equal(u->nasked, 1);
}

/* Long ago, and out of its slot: known all the same. */
static void replayed(void **state)
{
	struct pair_datagram old;
	unsigned sent;

	user_phase1(p, IKE_EVENT_START);
	ask_in_raw();
	old = m.d;
	user_answer(p, NULL);
	for (unsigned k = 0; k < 10; k++) {
		begin(ATTRIBUTE_SET);
		put(ATTRIBUTE_UNITY_BANNER, "x");
		user_say(p, &m);
	}
	sent = u->nsent;
	pair_inject(p, &old);
	assert_int_equal(u->nasked, 1);
	assert_int_equal(u->nsent, sent);
	assert_int_equal(pair_drops(p, 0, DROP_IKE_DUPLICATE), 1);
}

static void forged(void **state)
{
	struct pair_datagram d;
	unsigned sent;

	user_phase1(p, IKE_EVENT_START);
	p->passes = NULL;
	begin(ATTRIBUTE_SET);
	put_number(ATTRIBUTE_XAUTH_STATUS, 1);
	put_address(0x0a5b0007);
	/* Sealed, but not sent. */
	m.d.n = protect_finish(&m.w, &pair_sa(p, 1)->keys, &(struct protect_hash){ .number = 1 },
			       m.id, m.iv)
			.n;
	sent = u->nsent;
	for (size_t at = 0; at < m.d.n; at++) {
		d = m.d;
		d.bytes[at] ^= 0x10;
		pair_inject(p, &d);
	}
	for (size_t n = 0; n < m.d.n; n += 3) {
		d = m.d;
		d.n = n;
		pair_inject(p, &d);
	}
	assert_int_equal(u->nsent, sent);
	assert_int_equal(u->nconfigs, 0);
	assert_int_equal(u->nestablished, 0);
	/* None of them is remembered, holds a place or has spoilt the real one. */
	assert_int_equal(pair_sa(p, 0)->nseen, 0);
	assert_false(v1_transaction_in_air(pair_sa(p, 0)));
	pair_inject(p, &m.d);
	assert_int_equal(u->nconfigs, 1);
	assert_int_equal(u->nestablished, 1);
}

static void in_clear(void **state)
{
	struct ike_header h;
	unsigned sent;

	user_phase1(p, IKE_EVENT_START);
	sent = u->nsent;
	for (unsigned zero = 0; zero < 2; zero++) {
		begin(ATTRIBUTE_SET);
		h = sa_header(pair_sa(p, 1), ISAKMP_TRANSACTION, zero ? 0 : m.id);
		ike_write_header(&m.w, m.d.bytes, sizeof(m.d.bytes), &h);
		attributes_begin(&m.w, ATTRIBUTE_SET, 1);
		put_number(ATTRIBUTE_XAUTH_STATUS, 0);
		m.d.n = ike_write_done(&m.w).n;
		pair_inject(p, &m.d);
	}
	assert_int_equal(u->nsent, sent);
	assert_int_equal(u->ndead, 0);
	assert_int_equal(pair_drops(p, 0, DROP_IKE_UNPROTECTED), 1);
	assert_int_equal(pair_drops(p, 0, DROP_IKE_UNEXPECTED), 1);
}

static struct pair_datagram early;
static bool have_early;

/* Message 6 is held back, and a question comes before it. */
static bool overtake(struct pair *pp, struct pair_datagram *d, unsigned n)
{
	if (d->source != 1 || n != 2)
		return true;
	early = *d;
	have_early = true;
	return false;
}

static void before_phase_1_is_complete(void **state)
{
	have_early = false;
	p->passes = overtake;
	user_phase1(p, IKE_EVENT_START);
	assert_true(have_early);
	p->passes = NULL;
	ask_in_raw();
	assert_int_equal(u->nasked, 0);
	assert_int_equal(u->nauthenticated, 0);
	pair_inject(p, &early);
	assert_int_equal(u->nauthenticated, 1);
	/* It comes again, and has not been remembered. */
	pair_inject(p, &m.d);
	assert_int_equal(u->nasked, 1);
}

/* Whoever knows the key but is not the gateway gets no password. */
static void not_the_gateway(void **state)
{
	identity_parse("other.example.com", &g->config.local);
	p->passes = no_deletes;
	user_phase1(p, IKE_EVENT_START);
	assert_int_equal(u->ndead, 1);
	assert_int_equal(u->dead.why.err, ERR_IDENTITY);
	assert_int_equal(u->nauthenticated, 0);
	ask_in_raw();
	assert_int_equal(u->nasked, 0);
}

/* ---- what no gateway sends ---- */

static void other_kinds_of_message(void **state)
{
	static const uint8_t kinds[] = { 0, ATTRIBUTE_REPLY, ATTRIBUTE_ACK, 5, 128, 255 };
	unsigned sent;

	user_phase1(p, IKE_EVENT_START);
	sent = u->nsent;
	for (size_t k = 0; k < sizeof(kinds); k++) {
		begin((enum attribute_message)kinds[k]);
		put_number(ATTRIBUTE_XAUTH_STATUS, 1);
		user_say(p, &m);
	}
	assert_int_equal(u->nsent, sent);
	assert_int_equal(u->nestablished, 0);
	assert_int_equal(u->ndead, 0);
	accept_in_raw();
	expect_answer(ATTRIBUTE_ACK);
}

static void malformed_messages(void **state)
{
	unsigned sent;

	user_phase1(p, IKE_EVENT_START);
	sent = u->nsent;
	/* Two payloads, none, one that is too short, an attribute beyond its end. */
	begin(ATTRIBUTE_SET);
	put_number(ATTRIBUTE_XAUTH_STATUS, 1);
	attributes_begin(&m.w, ATTRIBUTE_SET, 1);
	user_say(p, &m);
	begin(ATTRIBUTE_SET);
	m.w.w.p = m.w.w.base + IKE_HEADER_SIZE + 4 + hash_size(pair_sa(p, 1)->suite.hash);
	m.w.w.base[IKE_HEADER_SIZE] = PAYLOAD_NONE;
	m.w.open = 0;
	user_say(p, &m);
	begin(ATTRIBUTE_SET);
	m.w.w.p -= 2;
	user_say(p, &m);
	begin(ATTRIBUTE_SET);
	put_number(ATTRIBUTE_XAUTH_STATUS, 1);
	wr_u16(&m.w.w, ATTRIBUTE_IP4_DNS);
	wr_u16(&m.w.w, 9);
	user_say(p, &m);
	/* A payload of another exchange. */
	begin(ATTRIBUTE_SET);
	put_number(ATTRIBUTE_XAUTH_STATUS, 1);
	ike_write_body(&m.w, PAYLOAD_NONCE, SLICE_STR("0123456789"));
	user_say(p, &m);
	assert_int_equal(u->nsent, sent);
	assert_int_equal(u->nestablished, 0);
	assert_int_equal(u->ndead, 0);
	assert_int_equal(pair_drops(p, 0, DROP_IKE_MALFORMED), 5);
}

static void five_hundred_attributes(void **state)
{
	user_phase1(p, IKE_EVENT_START);
	begin(ATTRIBUTE_REQUEST);
	put(ATTRIBUTE_XAUTH_USER_NAME, "");
	for (uint16_t k = 0; k < 2000; k++)
		put_number((uint16_t)(100 + k), 0);
	user_say(p, &m);
	user_answer(p, NULL);
	expect_answer(ATTRIBUTE_REPLY);
	assert_int_equal(types.n, ATTRIBUTE_TYPES_MAX);
	assert_true(said_is(XAUTH_USERNAME, USER_NAME));
}

/* An answer that fits into no message is the end, not a hang. */
static void an_endless_answer(void **state)
{
	static uint8_t text[20000];
	struct ike_event ev = { .type = IKE_EVENT_XAUTH_ANSWER };

	user_phase1(p, IKE_EVENT_START);
	ask_in_raw();
	ev.answer.value[XAUTH_USERNAME] = SLICE_OF(text);
	pair_event(p, 0, &ev);
	pair_pump(p);
	assert_int_equal(u->ndead, 1);
	assert_int_equal(u->dead.why.err, ERR_CONFIG);
}

/* ---- another gateway ---- */

static void redirect(const char *hex, unsigned n)
{
	struct pair_datagram d = { .source = 1, .from = g->address, .to = u->address };
	struct ike_header h = sa_header(pair_sa(p, 1), ISAKMP_INFORMATIONAL, rng_u32(&p->rng) | 1);
	const struct protect_hash hash = { .number = 1 };
	uint8_t iv[PROTECT_BLOCK];
	struct ike_writer b;

	d.from.port = d.to.port = IKE_NATT_PORT;
	protect_begin(&b, d.bytes, sizeof(d.bytes), &h, pair_sa(p, 1)->suite.hash);
	notify_write(&b, &(struct notify_payload){ .protocol = PROTOCOL_ISAKMP,
						   .type = NOTIFY_UNITY_LOAD_BALANCE,
						   .data = slice(hex, n) });
	protect_iv_phase2(&pair_sa(p, 1)->keys, pair_sa(p, 1)->last_block, h.id, iv);
	d.n = protect_finish(&b, &pair_sa(p, 1)->keys, &hash, h.id, iv).n;
	pair_inject(p, &d);
}

static void sent_to_another_gateway(void **state)
{
	char buf[ADDR_TEXT_MAX];

	user_phase1(p, IKE_EVENT_START);
	redirect("\0\0\0\0", 4);
	redirect("\x7f\0\0\1", 4);
	redirect("\xe0\0\0\1", 4);
	redirect("\xff\xff\xff\xff", 4);
	redirect("\xc6\x33\x64", 3);
	redirect("", 0);
	redirect("\xc6\x33\x64\x02\x00", 5);
	assert_int_equal(u->ndead, 0);
	redirect("\xc6\x33\x64\x02", 4);
	assert_int_equal(u->ndead, 1);
	assert_int_equal(u->dead.why.err, ERR_REDIRECTED);
	assert_string_equal(addr_text(&u->dead.why.redirect, buf), "198.51.100.2");
	assert_int_equal(u->nasked, 0);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(each_message_is_lost),
		T(repeated_requests),
		T(replayed),
		T(forged),
		T(in_clear),
		T(before_phase_1_is_complete),
		T(not_the_gateway),
		T(other_kinds_of_message),
		T(malformed_messages),
		T(five_hundred_attributes),
		T(an_endless_answer),
		T(sent_to_another_gateway),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
