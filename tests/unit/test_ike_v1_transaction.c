/* SPDX-License-Identifier: GPL-2.0-or-later */
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

static int setup(void **state)
{
	assert_int_equal(crypto_init(), 0);
	user_init(p, 1);
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
	user_init(p, seed);
}

static void begin(enum attribute_message message)
{
	user_begin(p, &m, message, 0x1234);
}

static void put(uint16_t type, const char *text)
{
	attribute_write(&m.w.w, type, SLICE_STR(text));
}

static void put_number(uint16_t type, uint16_t value)
{
	attribute_write_number(&m.w.w, type, value);
}

static void expect_answer(enum attribute_message message)
{
	assert_true(user_answered(p, &m, &a));
	assert_int_equal(a.message, message);
	attribute_types_of(&a, &types);
	xauth_of(&a, &said);
}

static bool said_is(enum xauth_field f, const char *text)
{
	return slice_eq(said.value[f], SLICE_STR(text));
}

static void ask_in_raw(void)
{
	begin(ATTRIBUTE_REQUEST);
	put(ATTRIBUTE_XAUTH_USER_NAME, "");
	put(ATTRIBUTE_XAUTH_USER_PASSWORD, "");
	user_say(p, &m);
}

static void accept_in_raw(void)
{
	begin(ATTRIBUTE_SET);
	put_number(ATTRIBUTE_XAUTH_STATUS, 1);
	user_say(p, &m);
}

static void put_address(uint32_t addr)
{
	uint8_t bytes[4];

	put_be32(bytes, addr);
	attribute_write(&m.w.w, ATTRIBUTE_IP4_ADDRESS, SLICE_OF(bytes));
}

static const struct pair_datagram *last_of(unsigned source)
{
	for (unsigned k = p->nsent; k-- > 0;)
		if (p->sent[k % PAIR_SENT].source == source)
			return &p->sent[k % PAIR_SENT];
	return NULL;
}

/* ---- REQUESTs ---- */

static void exactly_what_was_asked(void **state)
{
	user_phase1(p, IKE_EVENT_START);
	begin(ATTRIBUTE_REQUEST);
	put(ATTRIBUTE_XAUTH_USER_PASSWORD, "");
	put(ATTRIBUTE_XAUTH_MESSAGE, "hello");
	put(ATTRIBUTE_XAUTH_USER_NAME, "");
	user_say(p, &m);
	assert_int_equal(u->asked.ask.fields, BOTH);
	user_answer(p, "never");
	expect_answer(ATTRIBUTE_REPLY);
	assert_int_equal(a.identifier, 0x1234);
	assert_int_equal(types.n, 2);
	assert_int_equal(types.type[0], ATTRIBUTE_XAUTH_USER_PASSWORD);
	assert_int_equal(types.type[1], ATTRIBUTE_XAUTH_USER_NAME);
	assert_true(said_is(XAUTH_USERNAME, USER_NAME));
	assert_true(said_is(XAUTH_PASSWORD, USER_PASSWORD));
	assert_false(said.typed);
}

static void basic_where_variable_is_due(void **state)
{
	user_phase1(p, IKE_EVENT_START);
	begin(ATTRIBUTE_REQUEST);
	put_number(ATTRIBUTE_XAUTH_USER_NAME, 0);
	put_number(ATTRIBUTE_XAUTH_PASSCODE, 0);
	put_number(ATTRIBUTE_XAUTH_MESSAGE, 'H' << 8 | 'i');
	put_number(ATTRIBUTE_XAUTH_TYPE, 0);
	user_say(p, &m);
	assert_int_equal(u->asked.ask.fields, 1 << XAUTH_USERNAME | 1 << XAUTH_PASSCODE);
	assert_string_equal(u->message, "Hi");
	user_answer(p, "123456");
	expect_answer(ATTRIBUTE_REPLY);
	assert_true(said_is(XAUTH_PASSCODE, "123456"));
	assert_true(said.typed);
	assert_int_equal(said.type, XAUTH_TYPE_GENERIC);
}

static void message_and_answer(void **state)
{
	user_phase1(p, IKE_EVENT_START);
	begin(ATTRIBUTE_REQUEST);
	put(ATTRIBUTE_XAUTH_MESSAGE, "Your own PIN (y/n)?");
	put(ATTRIBUTE_XAUTH_ANSWER, "");
	user_say(p, &m);
	assert_int_equal(u->asked.ask.fields, 1 << XAUTH_ANSWER);
	assert_string_equal(u->message, "Your own PIN (y/n)?");
	user_answer(p, "y");
	expect_answer(ATTRIBUTE_REPLY);
	assert_true(said_is(XAUTH_ANSWER, "y"));
	assert_int_equal(types.n, 1);
}

static void unknown_attributes_are_answered(void **state)
{
	user_phase1(p, IKE_EVENT_START);
	begin(ATTRIBUTE_REQUEST);
	put(0x7777, "");
	put(ATTRIBUTE_XAUTH_USER_NAME, "");
	put(28683, "x");
	put_number(99, 5);
	user_say(p, &m);
	user_answer(p, NULL);
	expect_answer(ATTRIBUTE_REPLY);
	assert_int_equal(types.n, 4);
	assert_true(attribute_types_has(&types, 0x7777));
	assert_true(attribute_types_has(&types, 28683));
	assert_true(attribute_types_has(&types, 99));
	assert_int_equal(u->ndead, 0);
}

/* Nothing of XAUTH in it: no person is asked. */
static void questions_for_a_machine(void **state)
{
	strcpy(u->config.wish.application_version, "godwit 1");
	user_phase1(p, IKE_EVENT_START);
	begin(ATTRIBUTE_REQUEST);
	put(ATTRIBUTE_APPLICATION_VERSION, "");
	put(14, "");
	user_say(p, &m);
	expect_answer(ATTRIBUTE_REPLY);
	assert_int_equal(types.n, 2);
	begin(ATTRIBUTE_REQUEST);
	put(ATTRIBUTE_XAUTH_MESSAGE, "Good morning");
	user_say(p, &m);
	expect_answer(ATTRIBUTE_REPLY);
	assert_int_equal(types.n, 0);
	begin(ATTRIBUTE_REQUEST);
	user_say(p, &m);
	expect_answer(ATTRIBUTE_REPLY);
	assert_int_equal(u->nasked, 0);
	assert_int_equal(u->ndead, 0);
}

static void type_is_echoed(void **state)
{
	user_phase1(p, IKE_EVENT_START);
	begin(ATTRIBUTE_REQUEST);
	put_number(ATTRIBUTE_XAUTH_TYPE, XAUTH_TYPE_OTP);
	put(ATTRIBUTE_XAUTH_CHALLENGE, "otp-md5 499 ke1234");
	put(ATTRIBUTE_XAUTH_USER_NAME, "");
	put(ATTRIBUTE_XAUTH_USER_PASSWORD, "");
	user_say(p, &m);
	assert_string_equal(u->message, "otp-md5 499 ke1234");
	user_answer(p, NULL);
	expect_answer(ATTRIBUTE_REPLY);
	assert_true(said.typed);
	assert_int_equal(said.type, XAUTH_TYPE_OTP);
	assert_int_equal(types.n, 3);
}

/* What this test reads with the gateway's keys they are still there for. */
static bool no_deletes(struct pair *pp, struct pair_datagram *d, unsigned n)
{
	return d->source == 1 || d->bytes[18] != ISAKMP_INFORMATIONAL;
}

/* Nobody can work out a CHAP response, or what an unknown kind wants. */
static void challenges_of_other_kinds(void **state)
{
	for (uint16_t type = XAUTH_TYPE_RADIUS_CHAP; type < 10; type++) {
		if (type == XAUTH_TYPE_OTP || type == XAUTH_TYPE_SKEY)
			continue;
		again(type);
		p->passes = no_deletes;
		user_phase1(p, IKE_EVENT_START);
		begin(ATTRIBUTE_REQUEST);
		put_number(ATTRIBUTE_XAUTH_TYPE, type);
		put(ATTRIBUTE_XAUTH_CHALLENGE, "0123456789abcdef");
		put(ATTRIBUTE_XAUTH_USER_NAME, "");
		put(ATTRIBUTE_XAUTH_USER_PASSWORD, "");
		user_say(p, &m);
		assert_int_equal(u->nasked, 0);
		expect_answer(ATTRIBUTE_REPLY);
		assert_int_equal(said.status, 0);
		assert_int_equal(said.type, type);
		assert_int_equal(said.fields, 0);
		assert_int_equal(u->ndead, 1);
		assert_int_equal(u->dead.why.err, ERR_UNSUPPORTED);
		assert_int_equal(last_of(0)->bytes[18], ISAKMP_INFORMATIONAL);
	}
}

static void endless_rounds(void **state)
{
	user_phase1(p, IKE_EVENT_START);
	for (unsigned k = 0; k < 100 && !u->ndead; k++) {
		ask_in_raw();
		user_answer(p, NULL);
	}
	assert_int_equal(u->ndead, 1);
	assert_int_equal(u->nasked, 32);
	assert_non_null(strstr(u->dead.why.text, "again and again"));
}

static void not_twice_at_a_time(void **state)
{
	struct user_message first;

	user_phase1(p, IKE_EVENT_START);
	ask_in_raw();
	first = m;
	begin(ATTRIBUTE_REQUEST);
	put(ATTRIBUTE_XAUTH_PASSCODE, "");
	user_say(p, &m);
	assert_int_equal(u->nasked, 1);
	user_answer(p, "1");
	assert_true(user_answered(p, &first, &a));
	assert_false(user_answered(p, &m, &a));
	/* It was not remembered, and comes again. */
	pair_inject(p, &m.d);
	assert_int_equal(u->nasked, 2);
	assert_int_equal(u->asked.ask.fields, 1 << XAUTH_PASSCODE);
	user_answer(p, "2");
	expect_answer(ATTRIBUTE_REPLY);
	assert_true(said_is(XAUTH_PASSCODE, "2"));
}

static void settings_while_a_person_thinks(void **state)
{
	struct user_message first;

	user_phase1(p, IKE_EVENT_START);
	begin(ATTRIBUTE_REQUEST);
	put_number(ATTRIBUTE_XAUTH_TYPE, XAUTH_TYPE_SKEY);
	put(ATTRIBUTE_XAUTH_PASSCODE, "");
	user_say(p, &m);
	first = m;
	begin(ATTRIBUTE_SET);
	put_address(0x0a5b0007);
	user_say(p, &m);
	expect_answer(ATTRIBUTE_ACK);
	user_answer(p, "123456");
	m = first;
	expect_answer(ATTRIBUTE_REPLY);
	assert_int_equal(said.type, XAUTH_TYPE_SKEY);
	assert_true(said_is(XAUTH_PASSCODE, "123456"));
}

/* ---- SETs ---- */

/* NetScreen: the same types, without values. */
static void settings_before_the_status(void **state)
{
	user_phase1(p, IKE_EVENT_START);
	begin(ATTRIBUTE_SET);
	put_address(0x0a5b0007);
	put_number(ATTRIBUTE_UNITY_PFS, 1);
	put(0x7777, "x");
	user_say(p, &m);
	expect_answer(ATTRIBUTE_ACK);
	assert_int_equal(a.identifier, 0x1234);
	assert_int_equal(types.n, 3);
	assert_int_equal(a.list.n, 12);
	assert_int_equal(u->nestablished, 0);
	accept_in_raw();
	expect_answer(ATTRIBUTE_ACK);
	assert_int_equal(u->nestablished, 1);
	assert_int_equal(u->assigned->ip4.b[3], 7);
	assert_true(u->assigned->pfs);
}

static void accepted_unasked(void **state)
{
	u->config.wish.pull = false;
	user_phase1(p, IKE_EVENT_START);
	accept_in_raw();
	expect_answer(ATTRIBUTE_ACK);
	assert_int_equal(u->nestablished, 1);
}

/* The person has not answered, and need not any more. */
static void accepted_while_asked(void **state)
{
	unsigned sent;

	u->config.wish.pull = false;
	user_phase1(p, IKE_EVENT_START);
	ask_in_raw();
	accept_in_raw();
	assert_int_equal(u->nestablished, 1);
	sent = u->nsent;
	user_answer(p, NULL);
	assert_int_equal(u->nsent, sent);
	pair_run(p, p->now + 400 * VTIME_S);
	assert_int_equal(u->ndead, 0);
}

static void status_without_a_value(void **state)
{
	user_phase1(p, IKE_EVENT_START);
	begin(ATTRIBUTE_SET);
	put(ATTRIBUTE_XAUTH_STATUS, "");
	user_say(p, &m);
	assert_int_equal(u->ndead, 1);
	assert_int_equal(u->dead.why.err, ERR_AUTH);
}

static void refused_with_a_long_message(void **state)
{
	char text[1000];

	memset(text, 'x', sizeof(text));
	text[sizeof(text) - 1] = '\0';
	p->passes = no_deletes;
	user_phase1(p, IKE_EVENT_START);
	begin(ATTRIBUTE_SET);
	put(ATTRIBUTE_XAUTH_MESSAGE, text);
	put_number(ATTRIBUTE_XAUTH_STATUS, 0);
	user_say(p, &m);
	expect_answer(ATTRIBUTE_ACK);
	assert_int_equal(strlen(u->dead.why.said), sizeof(u->dead.why.said) - 1);
}

static void under_the_same_message_id(void **state)
{
	user_phase1(p, IKE_EVENT_START);
	ask_in_raw();
	user_answer(p, NULL);
	expect_answer(ATTRIBUTE_REPLY);
	user_begin_next(p, &m, ATTRIBUTE_REQUEST, 0);
	put(ATTRIBUTE_XAUTH_PASSCODE, "");
	user_say(p, &m);
	assert_int_equal(u->nasked, 2);
	user_answer(p, "123456");
	expect_answer(ATTRIBUTE_REPLY);
	assert_int_equal(a.identifier, 0);
	assert_true(said_is(XAUTH_PASSCODE, "123456"));
	user_begin_next(p, &m, ATTRIBUTE_SET, 7);
	put_number(ATTRIBUTE_XAUTH_STATUS, 1);
	user_say(p, &m);
	expect_answer(ATTRIBUTE_ACK);
	assert_int_equal(a.identifier, 7);
	assert_int_equal(g->nwanted, 0);
	assert_int_equal(pair_sa(p, 0)->user.stage, USER_PULLING);
}

static void many_settings(void **state)
{
	user_phase1(p, IKE_EVENT_START);
	for (unsigned k = 0; k < 50; k++) {
		begin(ATTRIBUTE_SET);
		put_address(0x0a5b0001 + k);
		user_say(p, &m);
		expect_answer(ATTRIBUTE_ACK);
	}
	assert_int_equal(u->nconfigs, 50);
	assert_int_equal(u->assigned->ip4.b[3], 50);
}

/* ---- the REPLY to what we ask ---- */

/* Up to our REQUEST, whose message id and next IV are in m. */
static void pulling(void)
{
	struct pair_datagram *d;
	struct ike_msg msg;

	user_phase1(p, IKE_EVENT_START);
	accept_in_raw();
	assert_int_equal(pair_sa(p, 0)->user.stage, USER_PULLING);
	d = &p->sent[(p->nsent - 1) % PAIR_SENT];
	assert_int_equal(ike_msg_parse(slice(d->bytes, d->n), &msg), 0);
	m.id = msg.h.id;
	protect_iv_phase2(&pair_sa(p, 1)->keys, pair_sa(p, 1)->last_block, m.id, m.iv);
	assert_true(user_answered(p, &m, &a));
	assert_int_equal(a.message, ATTRIBUTE_REQUEST);
}

static void reply_with_another_identifier(void **state)
{
	pulling();
	user_begin_next(p, &m, ATTRIBUTE_REPLY, a.identifier + 1);
	put_address(0x0a5b0007);
	user_say(p, &m);
	assert_int_equal(u->nestablished, 1);
	assert_int_equal(u->assigned->ip4.b[3], 7);
}

static void ack_in_place_of_a_reply(void **state)
{
	pulling();
	user_begin_next(p, &m, ATTRIBUTE_ACK, a.identifier);
	put_address(0x0a5b0007);
	user_say(p, &m);
	assert_int_equal(u->nestablished, 1);
}

static void reply_with_padding(void **state)
{
	pulling();
	user_begin_next(p, &m, ATTRIBUTE_REPLY, a.identifier);
	put(ATTRIBUTE_UNITY_DOMAIN, "a.xy.z");
	wr_zero(&m.w.w, 2);
	put_address(0x0a5b0007);
	wr_zero(&m.w.w, 3);
	user_say(p, &m);
	assert_int_equal(u->nestablished, 1);
	assert_string_equal(u->assigned->domain, "a.xy.z");
}

static void malformed_reply(void **state)
{
	pulling();
	user_begin_next(p, &m, ATTRIBUTE_REPLY, a.identifier);
	wr_u16(&m.w.w, ATTRIBUTE_IP4_ADDRESS);
	wr_u16(&m.w.w, 400);
	user_say(p, &m);
	assert_int_equal(u->ndead, 1);
	assert_int_equal(u->dead.why.err, ERR_MALFORMED);
}

static void pushed_during_a_pull(void **state)
{
	struct user_message reply;

	pulling();
	reply = m;
	begin(ATTRIBUTE_SET);
	put(ATTRIBUTE_UNITY_BANNER, "Welcome");
	user_say(p, &m);
	expect_answer(ATTRIBUTE_ACK);
	assert_int_equal(u->nestablished, 0);
	begin(ATTRIBUTE_SET);
	put_address(0x0a5b0008);
	user_say(p, &m);
	expect_answer(ATTRIBUTE_ACK);
	assert_int_equal(u->nestablished, 1);
	assert_string_equal(u->assigned->banner, "Welcome");
	/* The pull is over: nothing is repeated, and its answer is too late. */
	user_begin_next(p, &reply, ATTRIBUTE_REPLY, a.identifier);
	m = reply;
	put_address(0x0a5b0009);
	user_say(p, &m);
	pair_run(p, p->now + 40 * VTIME_S);
	assert_int_equal(u->assigned->ip4.b[3], 8);
	assert_int_equal(u->nresent, 0);
	assert_int_equal(u->ndead, 0);
}

static void error_in_place_of_a_reply(void **state)
{
	struct ike_sa *sa;
	vtime at;

	pulling();
	sa = pair_sa(p, 1);
	v1_info_send_notify(sa, &(struct notify_payload){ .protocol = PROTOCOL_ISAKMP,
							  .type = NOTIFY_NO_PROPOSAL_CHOSEN });
	at = p->now;
	pair_event(p, 1, &(struct ike_event){ .type = IKE_EVENT_PROBE });
	pair_run(p, at + 2 * VTIME_S);
	assert_int_equal(u->ndead, 1);
	assert_int_equal(u->dead.why.err, ERR_PEER_REFUSED);
	assert_int_equal(u->dead.why.notify, NOTIFY_NO_PROPOSAL_CHOSEN);
	assert_true(u->dead_at == at + VTIME_S);
}

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
	/* None of them has spoilt the real one. */
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
		T(exactly_what_was_asked),
		T(basic_where_variable_is_due),
		T(message_and_answer),
		T(unknown_attributes_are_answered),
		T(questions_for_a_machine),
		T(type_is_echoed),
		T(challenges_of_other_kinds),
		T(endless_rounds),
		T(not_twice_at_a_time),
		T(settings_while_a_person_thinks),
		T(settings_before_the_status),
		T(accepted_unasked),
		T(accepted_while_asked),
		T(status_without_a_value),
		T(refused_with_a_long_message),
		T(under_the_same_message_id),
		T(many_settings),
		T(reply_with_another_identifier),
		T(ack_in_place_of_a_reply),
		T(reply_with_padding),
		T(malformed_reply),
		T(pushed_during_a_pull),
		T(error_in_place_of_a_reply),
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
