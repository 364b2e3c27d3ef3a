/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/unit/ike_transaction.h"

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
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
